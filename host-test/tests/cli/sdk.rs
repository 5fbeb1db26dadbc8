//! Block blobs as the service's own SDK sees them, and as it makes them, each in a process of its
//! own.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::referee::node;

/// A script, to be run on a blob or stream of the container of an account.
pub(crate) fn script(
    name: &str,
    args: &[&str],
    endpoint: &str,
    container: &str,
    blob: &str,
) -> Command {
    let mut node = node(name);
    node.args(args).args([endpoint, container, blob]);
    node.stdin(Stdio::piped()).stdout(Stdio::piped());
    node
}

/// What a script writes that works.
#[track_caller]
pub(crate) fn output(mut script: Command) -> Vec<u8> {
    let output = script.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    output.stdout
}

/// The sizes of the committed blocks in what `blob.mjs show` writes.
pub(crate) fn block_sizes(shown: &[u8]) -> Vec<u64> {
    let shown: Value = serde_json::from_slice(shown).unwrap();
    shown["committed"].as_array().unwrap().iter().map(|b| b["size"].as_u64().unwrap()).collect()
}

fn in_logs(name: &str, args: &[&str], address: &str, blob: &str) -> Command {
    script(name, args, &format!("http://{address}/devstoreaccount1"), "logs", blob)
}

/// A blob: its `committed` and `staged` blocks as `id` and `size`, its `metadata`, its `headers`.
pub(crate) fn show(address: &str, blob: &str) -> Value {
    serde_json::from_slice(&output(in_logs("blob.mjs", &["show"], address, blob))).unwrap()
}

/// The sizes of the committed blocks.
pub(crate) fn sizes(address: &str, blob: &str) -> Vec<u64> {
    block_sizes(&output(in_logs("blob.mjs", &["show"], address, blob)))
}

/// All bytes of a stream.
pub(crate) fn read(address: &str, stream: &str) -> Vec<u8> {
    output(in_logs("read.mjs", &[], address, stream))
}

/// Makes a blob of `blocks`, `metadata` and `headers`.
pub(crate) fn make(address: &str, blob: &str, content: &Value) {
    give("make", address, blob, &content.to_string());
}

/// Stages `blocks` and does not commit them.
pub(crate) fn stage(address: &str, blob: &str, content: &Value) {
    give("stage", address, blob, &content.to_string());
}

/// Makes an empty page blob.
pub(crate) fn make_page_blob(address: &str, blob: &str) {
    assert!(in_logs("blob.mjs", &["page"], address, blob).status().unwrap().success());
}

/// Appends to a blob of either kind, and leaves its metadata as it is.
pub(crate) fn add(address: &str, blob: &str, text: &str) {
    give("add", address, blob, text);
}

/// Moves a block blob to the archive tier, where it cannot be read.
pub(crate) fn archive(address: &str, blob: &str) {
    assert!(in_logs("blob.mjs", &["archive"], address, blob).status().unwrap().success());
}

/// Breaks the lease of a blob, as an operator does.
pub(crate) fn break_lease(address: &str, blob: &str) {
    assert!(in_logs("blob.mjs", &["break"], address, blob).status().unwrap().success());
}

fn give(command: &str, address: &str, blob: &str, input: &str) {
    let mut process = in_logs("blob.mjs", &[command], address, blob).spawn().unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(process.wait().unwrap().success());
}
