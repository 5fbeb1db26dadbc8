// Writes the bytes of a stream to stdout as any reader can who knows nothing but the naming: the
// append blobs NAME/1, NAME/2 and so on, by the service's own SDK.
//
//     node read.mjs http://127.0.0.1:10000/devstoreaccount1 CONTAINER NAME
import { once } from "node:events";
import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";

const [endpoint, containerName, name] = process.argv.slice(2);
const account = "devstoreaccount1";
const key =
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const service = new BlobServiceClient(endpoint, new StorageSharedKeyCredential(account, key));
const container = service.getContainerClient(containerName);

for (let number = 1; ; number += 1) {
  const blob = container.getAppendBlobClient(`${name}/${number}`);
  let answer;
  try {
    answer = await blob.download();
  } catch (error) {
    if (error.statusCode === 404) break;
    throw error;
  }
  if (answer.blobType !== "AppendBlob") throw new Error(`${blob.name} is a ${answer.blobType}`);
  for await (const chunk of answer.readableStreamBody) {
    if (!process.stdout.write(chunk)) await once(process.stdout, "drain");
  }
}
