//! The component under Node, transpiled by jco in its synchronous mode: a second host that the
//! driver's poll rules have to hold on.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::leak;
use crate::referee::{Azurite, install_at, node};

#[test]
fn an_append_under_node_is_read_by_the_sdk_exactly() {
    let example = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/node");
    install_at(&example);
    let azurite = Azurite::start();
    let endpoint = format!("http://{}/devstoreaccount1", azurite.address());
    // Blocks of more than what a stream takes at once, and rollovers.
    let input: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();

    let mut running = Command::new("node")
        .arg("append.mjs")
        .arg(format!("{endpoint}/logs/app"))
        .env("EVERBLOB_COMPONENT", env!("EVERBLOB_EMBEDDED"))
        .env("EVERBLOB_SEGMENT_BLOCKS", "3")
        .env("EVERBLOB_BLOCK_BYTES", "300000")
        .current_dir(&example)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    running.stdin.take().unwrap().write_all(&input).unwrap();
    let output = running.wait_with_output().unwrap();
    leak::check(&output.stdout);
    leak::check(&output.stderr);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["position"]["committed"], input.len());
    let blocks: Vec<_> =
        report["segments"].as_array().unwrap().iter().map(|s| s["blocks"].clone()).collect();
    assert_eq!(blocks, [3, 3, 3, 3, 2]);

    let mut reader = node("read.mjs");
    let mut reader =
        reader.args([&endpoint, "logs", "app"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut stored = Vec::new();
    reader.stdout.take().unwrap().read_to_end(&mut stored).unwrap();
    assert!(reader.wait().unwrap().success());
    assert!(stored == input);
}
