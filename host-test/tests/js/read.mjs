// Writes the bytes of a stream to stdout as any reader can who knows nothing but the naming: the
// block blob NAME, or else the append blobs NAME/1, NAME/2 and so on, by the service's own SDK.
//
//     node read.mjs http://127.0.0.1:10000/devstoreaccount1 CONTAINER NAME
import { once } from "node:events";
import { containerAt } from "./account.mjs";

const [endpoint, containerName, name] = process.argv.slice(2);
const container = containerAt(endpoint, containerName);

// Whether there is such a blob.
async function write(name, type) {
  let answer;
  try {
    answer = await container.getBlobClient(name).download();
  } catch (error) {
    if (error.statusCode === 404) return false;
    throw error;
  }
  if (answer.blobType !== type) throw new Error(`${name} is a ${answer.blobType}`);
  for await (const chunk of answer.readableStreamBody) {
    if (!process.stdout.write(chunk)) await once(process.stdout, "drain");
  }
  return true;
}

if (!(await write(name, "BlockBlob"))) {
  for (let number = 1; await write(`${name}/${number}`, "AppendBlob"); number += 1);
}
