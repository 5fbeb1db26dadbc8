// The account that every emulator has, by the service's own SDK.
import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";

export const account = "devstoreaccount1";
export const key =
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

export function containerAt(endpoint, name) {
  const service = new BlobServiceClient(endpoint, new StorageSharedKeyCredential(account, key));
  return service.getContainerClient(name);
}
