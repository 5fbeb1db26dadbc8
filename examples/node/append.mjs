// Appends standard input to a stream, with the Everblob component transpiled by jco. Runs on Node
// 20 without flags: jco's host does the I/O in a worker thread, so that calls of the component
// block this one until they are done.
//
//   node append.mjs http://127.0.0.1:10000/devstoreaccount1/logs/app < input
//
// The account key comes from AZURE_STORAGE_KEY, a bearer token from AZURE_STORAGE_BEARER_TOKEN, a SAS
// from the URL; on this machine the development account's key is the default.

import { execFileSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const component =
  process.env.EVERBLOB_COMPONENT ??
  join(here, "../../target/wasm32-wasip2/release/everblob.wasm");
const out = join(here, "out");

const DEVELOPMENT_KEY =
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

// How much is given to the component at once, in bytes.
const CHUNK = 64 * 1024;

const MILLISECOND = 1_000_000n;

function fail(message, status) {
  console.error(message);
  process.exit(status);
}

// Transpiles the component again only if it is newer than what is there.
function transpile() {
  const entry = join(out, "everblob.js");
  if (!existsSync(component)) {
    fail(`${component} is missing; build it with \`just component\``, 2);
  }
  if (!existsSync(entry) || statSync(entry).mtimeMs < statSync(component).mtimeMs) {
    const jco = join(here, "node_modules/@bytecodealliance/jco/dist/jco.js");
    execFileSync(
      process.execPath,
      [jco, "transpile", component, "-o", out, "--name", "everblob", "--quiet"],
      { stdio: ["ignore", "ignore", "inherit"] },
    );
  }
  return import(pathToFileURL(entry));
}

// An address with the account in its path, or one whose host names the account.
function parse(text) {
  const url = new URL(text);
  const parts = url.pathname.split("/").filter(Boolean).map(decodeURIComponent);
  const local = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  const account = local ? parts.shift() : url.hostname.split(".")[0];
  const [container, ...name] = parts;
  if (!container || name.length === 0) {
    fail("the URL must name a container and a stream", 2);
  }
  const endpoint = local ? `${url.origin}/${account}` : url.origin;
  return { endpoint, container, name: name.join("/"), account, sas: url.search, local };
}

function credential({ account, sas, local }) {
  if (sas) {
    return { tag: "shared-access-signature", val: sas };
  }
  const token = process.env.AZURE_STORAGE_BEARER_TOKEN;
  if (token && !process.env.AZURE_STORAGE_KEY) {
    return { tag: "bearer", val: token };
  }
  const key = process.env.AZURE_STORAGE_KEY ?? (local ? DEVELOPMENT_KEY : undefined);
  if (!key) {
    fail(
      "no credential: put a SAS behind the URL, or set AZURE_STORAGE_KEY or AZURE_STORAGE_BEARER_TOKEN",
      2,
    );
  }
  return { tag: "shared-key", val: { account, key } };
}

// What the component answers to a failure: `{ tag, val }`.
function describe(error) {
  const payload = error.payload;
  if (!payload) {
    throw error;
  }
  const value = typeof payload.val === "string" ? payload.val : JSON.stringify(payload.val, bigints);
  return `${payload.tag}${value ? `: ${value}` : ""}`;
}

function bigints(_, value) {
  return typeof value === "bigint" ? Number(value) : value;
}

// Appends all of `bytes`; where there is no room, the stream gets time to make some.
function append(appender, bytes) {
  for (;;) {
    try {
      return appender.append(bytes);
    } catch (error) {
      if (error.payload?.tag !== "buffer-full") {
        throw error;
      }
      appender.drive(100n * MILLISECOND);
    }
  }
}

const address = parse(process.argv[2] ?? fail("usage: node append.mjs URL < input", 2));
const { appendStream } = await transpile();
try {
  const { endpoint, container, name } = address;
  const options = { createContainer: true };
  if (process.env.EVERBLOB_SEGMENT_BLOCKS) {
    options.segmentBlocks = Number(process.env.EVERBLOB_SEGMENT_BLOCKS);
  }
  if (process.env.EVERBLOB_BLOCK_BYTES) {
    options.blockBytes = BigInt(process.env.EVERBLOB_BLOCK_BYTES);
  }
  const { Appender } = appendStream;
  const appender = Appender.open({ endpoint, container, name }, credential(address), options);
  for await (const piece of process.stdin) {
    for (let at = 0; at < piece.length; at += CHUNK) {
      append(appender, piece.subarray(at, at + CHUNK));
    }
  }
  const position = appender.close(undefined);
  const report = { position, segments: appender.segments(), stats: appender.stats() };
  console.log(JSON.stringify(report, bigints));
  process.exit(0);
} catch (error) {
  fail(describe(error), 1);
}
