// Plays the operations of the append layout through the SDK against a store and checks what comes
// back. Usage: node store.mjs URL-OF-THE-ACCOUNT

import assert from "node:assert/strict";

import {
  AccountSASPermissions,
  AppendBlobClient,
  BlobServiceClient,
  ContainerClient,
  ContainerSASPermissions,
  StorageSharedKeyCredential,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
} from "@azure/storage-blob";

import { account, key } from "./account.mjs";

const url = process.argv[2];
const credential = new StorageSharedKeyCredential(account, key);
// A refusal is to be seen at once, not tried again.
const once = { retryOptions: { maxTries: 1 } };
const service = new BlobServiceClient(url, credential, once);
const container = service.getContainerClient("logs");
const refused = (promise, status, code) =>
  assert.rejects(promise, (error) => {
    assert.deepEqual([error.statusCode, error.code ?? error.details?.errorCode], [status, code]);
    return true;
  });

assert.equal(await container.exists(), false);
await container.create();
assert.equal(await container.exists(), true);
await refused(container.create(), 409, "ContainerAlreadyExists");

const blob = container.getAppendBlobClient("app end+ä/1");
const made = await blob.create({
  conditions: { ifNoneMatch: "*" },
  metadata: { a1: "one", a_b: "two", ab: "three" },
  blobHTTPHeaders: { blobContentType: "text/plain; charset=utf-8" },
});
await refused(blob.create({ conditions: { ifNoneMatch: "*" } }), 409, "BlobAlreadyExists");

const first = await blob.appendBlock("hello ", 6, { conditions: { appendPosition: 0 } });
assert.deepEqual([first.blobAppendOffset, first.blobCommittedBlockCount], ["0", 1]);
const second = await blob.appendBlock("world", 5, {
  conditions: { appendPosition: 6, ifMatch: first.etag },
});
assert.deepEqual([second.blobAppendOffset, second.blobCommittedBlockCount], ["6", 2]);
await refused(
  blob.appendBlock("x", 1, { conditions: { appendPosition: 6 } }),
  412,
  "AppendPositionConditionNotMet",
);
await refused(
  blob.appendBlock("x", 1, { conditions: { ifMatch: made.etag } }),
  412,
  "ConditionNotMet",
);
await refused(
  blob.appendBlock("x", 1, { conditions: { maxSize: 11 } }),
  412,
  "MaxBlobSizeConditionNotMet",
);

assert.equal((await blob.downloadToBuffer()).toString(), "hello world");
assert.equal((await blob.downloadToBuffer(6, 3)).toString(), "wor");
const properties = await blob.getProperties();
assert.equal(properties.contentLength, 11);
assert.equal(properties.contentType, "text/plain; charset=utf-8");
assert.equal(properties.blobType, "AppendBlob");
assert.equal(properties.blobCommittedBlockCount, 2);
assert.equal(properties.etag, second.etag);
assert.deepEqual(properties.metadata, { a1: "one", a_b: "two", ab: "three" });
assert.equal(properties.leaseState, "available");

const set = await blob.setMetadata({ owner: "me" }, { conditions: { ifMatch: second.etag } });
assert.notEqual(set.etag, second.etag);
await refused(blob.setMetadata({}, { conditions: { ifMatch: second.etag } }), 412, "ConditionNotMet");

const lease = blob.getBlobLeaseClient("11111111-2222-3333-4444-555555555555");
await lease.acquireLease(15);
await refused(blob.appendBlock("x", 1), 412, "LeaseIdMissing");
assert.equal((await blob.getProperties()).leaseDuration, "fixed");
await lease.renewLease();
assert.equal((await lease.breakLease(0)).leaseTime, 0);
await refused(lease.renewLease(), 409, "LeaseIsBrokenAndCannotBeRenewed");
await lease.releaseLease();

const sealed = await blob.seal({ conditions: { ifMatch: set.etag } });
assert.deepEqual([sealed.isSealed, sealed.etag], [true, set.etag]);
await refused(blob.appendBlock("x", 1), 409, "BlobIsSealed");

const large = Buffer.alloc(9_000_000, "0123456789abcdef-");
const other = container.getBlockBlobClient("other");
await other.upload(large, large.length);
await refused(container.getAppendBlobClient("other").appendBlock("x", 1), 409, "InvalidBlobType");
assert.ok((await other.downloadToBuffer()).equals(large));
for (const name of ["app/1", "app/10", "app/2"]) await container.getAppendBlobClient(name).create();

const names = [];
for await (const item of container.listBlobsFlat({ includeMetadata: true })) names.push(item);
assert.deepEqual(
  names.map((item) => item.name),
  ["app end+ä/1", "app/1", "app/10", "app/2", "other"],
);
assert.deepEqual(names[0].metadata, { owner: "me" });
assert.equal(names[0].properties.blobType, "AppendBlob");
assert.equal(names[0].properties.contentLength, 11);
const groups = [];
for await (const item of container.listBlobsByHierarchy("/")) groups.push(`${item.kind} ${item.name}`);
assert.deepEqual(groups, ["prefix app end+ä/", "prefix app/", "blob other"]);
const below = [];
for await (const item of container.listBlobsFlat({ prefix: "app/" })) below.push(item.name);
assert.deepEqual(below, ["app/1", "app/10", "app/2"]);
const containers = [];
for await (const item of service.listContainers()) containers.push(item.name);
assert.deepEqual(containers, ["logs"]);

const expiresOn = new Date(Date.now() + 3_600_000);
const sas = (permissions, blobName) =>
  generateBlobSASQueryParameters(
    { containerName: "logs", blobName, permissions, expiresOn },
    credential,
  ).toString();
const all = sas(ContainerSASPermissions.parse("racwdl"));
const signed = new ContainerClient(`${url}/logs?${all}`, undefined, once);
const log = signed.getAppendBlobClient("signed/1");
await log.create({ conditions: { ifNoneMatch: "*" } });
await log.appendBlock("by token", 8);
await log.seal();
assert.equal((await log.downloadToBuffer()).toString(), "by token");
const reading = sas(ContainerSASPermissions.parse("r"));
const reader = new AppendBlobClient(`${url}/logs/signed%2F1?${reading}`, undefined, once);
assert.equal((await reader.getProperties()).isSealed, true);
await refused(reader.setMetadata({}), 403, "AuthorizationPermissionMismatch");
const expired = generateBlobSASQueryParameters(
  {
    containerName: "logs",
    permissions: ContainerSASPermissions.parse("r"),
    expiresOn: new Date(Date.now() - 60_000),
  },
  credential,
).toString();
const late = new AppendBlobClient(`${url}/logs/signed%2F1?${expired}`, undefined, once);
await refused(late.getProperties(), 403, "AuthenticationFailed");
const whole = generateAccountSASQueryParameters(
  {
    permissions: AccountSASPermissions.parse("rwdlac"),
    services: "b",
    resourceTypes: "sco",
    expiresOn,
  },
  credential,
).toString();
const byAccount = new BlobServiceClient(`${url}?${whole}`, undefined, once);
await byAccount.getContainerClient("made").create();
await byAccount.getContainerClient("made").delete();

const wrong = new StorageSharedKeyCredential(account, Buffer.from("wrong").toString("base64"));
const stranger = new BlobServiceClient(url, wrong, once);
await refused(stranger.getContainerClient("logs").create(), 403, "AuthenticationFailed");

await other.delete();
assert.equal(await other.exists(), false);
await container.delete();
await refused(container.getProperties(), 404, "ContainerNotFound");

console.log("all as the service");
