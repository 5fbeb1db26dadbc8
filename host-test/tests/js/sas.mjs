// Writes an account SAS for containers and blobs, good for an hour, signed by the service's own SDK.
//
//     node sas.mjs PERMISSIONS
import {
  AccountSASPermissions,
  StorageSharedKeyCredential,
  generateAccountSASQueryParameters,
} from "@azure/storage-blob";
import { account, key } from "./account.mjs";

const values = {
  permissions: AccountSASPermissions.parse(process.argv[2]),
  services: "b",
  resourceTypes: "co",
  expiresOn: new Date(Date.now() + 3_600_000),
};
const credential = new StorageSharedKeyCredential(account, key);
process.stdout.write(generateAccountSASQueryParameters(values, credential).toString());
