// A blob by the service's own SDK: what it has, or a new one as another program makes it.
//
//     node blob.mjs show http://127.0.0.1:10000/devstoreaccount1 CONTAINER NAME
//     node blob.mjs make http://127.0.0.1:10000/devstoreaccount1 CONTAINER NAME < blob.json
//     node blob.mjs stage http://127.0.0.1:10000/devstoreaccount1 CONTAINER NAME < blob.json
//     node blob.mjs page http://127.0.0.1:10000/devstoreaccount1 CONTAINER NAME
//     node blob.mjs add http://127.0.0.1:10000/devstoreaccount1 CONTAINER NAME < TEXT
//     node blob.mjs archive http://127.0.0.1:10000/devstoreaccount1 CONTAINER NAME
//     node blob.mjs break http://127.0.0.1:10000/devstoreaccount1 CONTAINER NAME
//
// `show` writes one JSON object: the committed and the staged blocks as {id, size}, metadata and
// headers. `make` stages and commits the `blocks` of its input, {id, text} each, with its `metadata`
// and `headers`; IDs are text, and go over the wire in base64. `stage` does not commit. `page` makes an
// empty page blob. `add` appends to a blob of either kind, as a program that knows nothing of its owner.
// `archive` sets the tier of the blob. `break` breaks its lease.
import { text } from "node:stream/consumers";
import { containerAt } from "./account.mjs";

const [command, endpoint, containerName, name] = process.argv.slice(2);
const container = containerAt(endpoint, containerName);
const blob = container.getBlockBlobClient(name);
const encode = (id) => Buffer.from(id).toString("base64");
const decode = ({ name, size }) => ({ id: Buffer.from(name, "base64").toString("latin1"), size });

if (command === "show") {
  const properties = await blob.getProperties();
  const list = properties.blobType === "BlockBlob" ? await blob.getBlockList("all") : {};
  const { metadata, contentLength, contentType, contentEncoding, contentLanguage } = properties;
  const { cacheControl, contentDisposition, contentMD5 } = properties;
  const shown = {
    committed: (list.committedBlocks ?? []).map(decode),
    staged: (list.uncommittedBlocks ?? []).map(decode),
    length: contentLength,
    lease: properties.leaseState,
    md5: contentMD5 ? Buffer.from(contentMD5).toString("base64") : null,
    metadata,
    headers: { contentType, contentEncoding, contentLanguage, cacheControl, contentDisposition },
  };
  console.log(JSON.stringify(shown));
} else if (command === "page") {
  await container.createIfNotExists();
  await container.getPageBlobClient(name).create(512);
} else if (command === "add") {
  const added = await text(process.stdin);
  const { blobType, metadata } = await blob.getProperties();
  if (blobType === "AppendBlob") {
    await container.getAppendBlobClient(name).appendBlock(added, added.length);
  } else {
    const ids = (await blob.getBlockList("committed")).committedBlocks.map(({ name }) => name);
    // All IDs of a blob are of one length.
    const id = encode("+".repeat(Buffer.from(ids[0], "base64").length));
    await blob.stageBlock(id, added, added.length);
    await blob.commitBlockList([...ids, id], { metadata });
  }
} else if (command === "archive") {
  await blob.setAccessTier("Archive");
} else if (command === "break") {
  await blob.getBlobLeaseClient().breakLease(0);
} else {
  await container.createIfNotExists();
  const { blocks, metadata, headers } = JSON.parse(await text(process.stdin));
  for (const { id, text } of blocks) await blob.stageBlock(encode(id), text, text.length);
  if (command === "make") {
    const blobHTTPHeaders = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [
        `blob${name[0].toUpperCase()}${name.slice(1)}`,
        value,
      ]),
    );
    const ids = blocks.map(({ id }) => encode(id));
    await blob.commitBlockList(ids, { metadata, blobHTTPHeaders });
  }
}
