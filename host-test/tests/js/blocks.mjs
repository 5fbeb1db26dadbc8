// Plays the operations on block blobs through the SDK against a store and checks what comes back.
// Usage: node blocks.mjs URL-OF-THE-ACCOUNT

import assert from "node:assert/strict";

import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";

const account = "devstoreaccount1";
const key =
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const credential = new StorageSharedKeyCredential(account, key);
// A refusal is to be seen at once, not tried again.
const once = { retryOptions: { maxTries: 1 } };
const service = new BlobServiceClient(process.argv[2], credential, once);
const container = service.getContainerClient("logs");
const refused = (promise, status, code) =>
  assert.rejects(promise, (error) => {
    assert.deepEqual([error.statusCode, error.code ?? error.details?.errorCode], [status, code]);
    return true;
  });
// With bytes that base64 writes as `+` and `/`.
const id = (number) => Buffer.from([0xfb, 0xef, 0xff, number]).toString("base64");
const shown = (blocks) => (blocks ?? []).map((block) => [block.name, block.size]);

await container.create();
const blob = container.getBlockBlobClient("app end+ä/1");
await refused(blob.getBlockList("all"), 404, "BlobNotFound");
for (const [number, text] of [[2, "two "], [1, "one "], [3, "never"]]) {
  await blob.stageBlock(id(number), text, text.length);
}
assert.equal(await blob.exists(), false);
const staged = await blob.getBlockList("all");
assert.deepEqual(shown(staged.committedBlocks), []);
assert.deepEqual(shown(staged.uncommittedBlocks), [[id(1), 4], [id(2), 4], [id(3), 5]]);
assert.deepEqual([staged.etag, staged.lastModified], [undefined, undefined]);
const listed = async (options) => {
  const names = [];
  for await (const item of container.listBlobsFlat(options)) names.push(item.name);
  return names;
};
await container.getAppendBlobClient("app").create();
await container.getAppendBlobClient("b").create();
assert.deepEqual(await listed(), ["app", "b"]);
assert.deepEqual(await listed({ includeUncommitedBlobs: true }), ["app", "app end+ä/1", "b"]);

const first = await blob.commitBlockList([id(2), id(1)], {
  conditions: { ifNoneMatch: "*" },
  metadata: { owner: "me" },
  tier: "Cool",
  blobHTTPHeaders: {
    blobContentType: "text/plain; charset=utf-8",
    blobCacheControl: "no-cache",
    blobContentMD5: Buffer.alloc(16, 7),
  },
});
await refused(
  blob.commitBlockList([], { conditions: { ifNoneMatch: "*" } }),
  409,
  "BlobAlreadyExists",
);
assert.equal((await blob.downloadToBuffer()).toString(), "two one ");
const properties = await blob.getProperties();
assert.equal(properties.etag, first.etag);
assert.equal(properties.blobType, "BlockBlob");
assert.equal(properties.contentType, "text/plain; charset=utf-8");
assert.equal(properties.cacheControl, "no-cache");
assert.deepEqual([...properties.contentMD5], Array(16).fill(7));
assert.deepEqual(properties.metadata, { owner: "me" });
assert.deepEqual([properties.accessTier, properties.accessTierInferred], ["Cool", undefined]);

// What no list has named is gone, and so is what the second does not send again.
await refused(blob.commitBlockList([id(3)]), 400, "InvalidBlockList");
await blob.stageBlock(id(4), "four", 4);
assert.equal((await blob.getProperties()).etag, first.etag);
await refused(
  blob.commitBlockList([id(4)], { conditions: { ifMatch: '"0x0"' } }),
  412,
  "ConditionNotMet",
);
const second = await blob.commitBlockList([id(1), id(4)], { conditions: { ifMatch: first.etag } });
assert.notEqual(second.etag, first.etag);
assert.equal((await blob.downloadToBuffer()).toString(), "one four");
const cleared = await blob.getProperties();
assert.deepEqual(cleared.metadata, {});
assert.equal(cleared.contentType, "application/octet-stream");
assert.deepEqual([cleared.cacheControl, cleared.contentMD5], [undefined, undefined]);
assert.deepEqual(cleared.createdOn, properties.createdOn);
const committed = await blob.getBlockList("committed");
assert.deepEqual(shown(committed.committedBlocks), [[id(1), 4], [id(4), 4]]);
assert.deepEqual(shown(committed.uncommittedBlocks), []);
assert.deepEqual([committed.etag, committed.blobContentLength], [second.etag, 8]);

const lease = blob.getBlobLeaseClient("11111111-2222-3333-4444-555555555555");
await lease.acquireLease(15);
const held = { conditions: { leaseId: lease.leaseId } };
await refused(blob.stageBlock(id(5), "x", 1), 412, "LeaseIdMissing");
await refused(blob.commitBlockList([]), 412, "LeaseIdMissing");
await blob.stageBlock(id(5), "x", 1, held);
await blob.commitBlockList([id(5)], held);
await lease.releaseLease();

await blob.stageBlock(id(6), "gone", 4);
await blob.upload("whole", 5);
assert.deepEqual(shown((await blob.getBlockList("all")).uncommittedBlocks), []);
await refused(blob.commitBlockList([id(6)]), 400, "InvalidBlockList");
await blob.stageBlock(id(7), "gone", 4);
await blob.delete();
await refused(blob.getBlockList("all"), 404, "BlobNotFound");

const append = container.getBlockBlobClient("app");
await refused(append.stageBlock(id(1), "x", 1), 409, "InvalidBlobType");
await refused(append.commitBlockList([]), 409, "InvalidBlobType");
await refused(append.getBlockList("all"), 409, "InvalidBlobType");

// The SDK's own upload, in blocks that are under way at the same time.
const large = Buffer.alloc(5_000_000, "0123456789abcdef-");
const other = container.getBlockBlobClient("large");
await other.uploadData(large, { blockSize: 300_000, concurrency: 4, maxSingleShotSize: 1 });
assert.ok((await other.downloadToBuffer()).equals(large));
assert.equal((await other.getBlockList("all")).committedBlocks.length, 17);

console.log("all as the service");
