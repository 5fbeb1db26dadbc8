// Numbered records in an append blob, one by one, by the service's own SDK with its own policy for
// trying again; and what became of them.
//
//     node append.mjs append http://127.0.0.1:10000/devstoreaccount1 CONTAINER NAME COUNT
//     node append.mjs count http://127.0.0.1:10000/devstoreaccount1 CONTAINER NAME COUNT
//
// `append` writes {acknowledged, failed} as JSON: of how many appends the SDK said that they worked,
// and of how many that they did not. Like a program that logs, it then goes on with the next.
// `count` reads the blob NAME, or the segments NAME/1, NAME/2 and so on, and writes {lost, doubled,
// disordered}: records that are not there, records that are there more than once, and records behind
// which a smaller number comes for the first time.
import { containerAt } from "./account.mjs";

const [command, endpoint, containerName, name, count] = process.argv.slice(2);
const container = containerAt(endpoint, containerName);

// What has to be there before it begins is no part of the comparison.
async function certainly(action) {
  for (let tries = 1; ; tries++) {
    try {
      return await action();
    } catch (error) {
      if (tries === 10) throw error;
    }
  }
}

async function append() {
  const blob = container.getAppendBlobClient(name);
  await certainly(() => container.createIfNotExists());
  await certainly(() => blob.createIfNotExists());
  const result = { acknowledged: 0, failed: 0 };
  for (let number = 0; number < count; number++) {
    const record = `record ${number}\n`;
    try {
      await blob.appendBlock(record, record.length);
      result.acknowledged++;
    } catch {
      result.failed++;
    }
  }
  return result;
}

async function content() {
  const names = [];
  for await (const { name: found } of container.listBlobsFlat({ prefix: name })) names.push(found);
  const ours = names.filter((found) => found === name || /^\/\d+$/.test(found.slice(name.length)));
  const number = (found) => Number(found.slice(name.length + 1));
  ours.sort((one, other) => number(one) - number(other));
  const parts = ours.map((found) => container.getBlobClient(found).downloadToBuffer());
  return Buffer.concat(await Promise.all(parts)).toString();
}

async function counts() {
  const times = new Array(Number(count)).fill(0);
  let [disordered, last] = [0, -1];
  for (const line of (await content()).split("\n").slice(0, -1)) {
    const number = Number(/^record (\d+)$/.exec(line)[1]);
    if (times[number]++ === 0) {
      if (number < last) disordered++;
      last = Math.max(last, number);
    }
  }
  const lost = times.filter((found) => found === 0).length;
  const doubled = times.filter((found) => found > 1).length;
  return { lost, doubled, disordered };
}

console.log(JSON.stringify(command === "append" ? await append() : await counts()));
