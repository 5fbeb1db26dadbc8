//! `everblob append` into the emulator and the local store, and back by the service's own SDK.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::program::{Store, append, cat, everblob, folder, run};
use crate::referee::{Azurite, node};

/// A log of at least 100 MB with lines from nothing to 64 KiB, some of them not UTF-8. The same
/// every time.
fn write_log(path: &Path) -> u64 {
    const LOG_BYTES: u64 = 100_000_000;
    let mut log = BufWriter::new(File::create(path).unwrap());
    let (mut length, mut state) = (0, 88_172_645_463_325_252_u64);
    let mut line = Vec::new();
    while length < LOG_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Short lines are common, and every length up to 64 KiB occurs.
        let limit = [0, 60, 200, 65_536][usize::try_from(state % 4).unwrap()];
        let wanted = usize::try_from((state >> 8) % (limit + 1)).unwrap();
        let binary = state % 7 == 0;
        line.clear();
        line.extend((0..wanted).map(|n| match (state >> 16).wrapping_add((n * n) as u64) as u8 {
            b'\n' => b' ',
            byte if binary => byte,
            byte => b' ' + byte % 95,
        }));
        line.push(b'\n');
        log.write_all(&line).unwrap();
        length += line.len() as u64;
    }
    log.flush().unwrap();
    length
}

/// Whether two readers give the same bytes.
fn are_same(mut left: impl std::io::Read, mut right: impl std::io::Read) -> bool {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    loop {
        a.clear();
        b.clear();
        left.by_ref().take(1 << 20).read_to_end(&mut a).unwrap();
        right.by_ref().take(1 << 20).read_to_end(&mut b).unwrap();
        if a != b {
            return false;
        }
        if a.is_empty() {
            return true;
        }
    }
}

const SEGMENTS: [&str; 4] = ["--segment-bytes", "4MiB", "--block-size", "1MiB"];
/// Eight flushes to a block, and a list that has to be merged soon.
const BLOCKS: [&str; 8] = [
    "--layout",
    "block",
    "--block-size",
    "512KiB",
    "--flush-bytes",
    "64KiB",
    "--compact-above",
    "32",
];

#[test]
fn a_large_log_in_the_emulator_is_read_by_the_sdk_exactly() {
    is_rolled_over(&append_and_judge(Azurite::start().address(), &SEGMENTS));
}

#[test]
fn a_large_log_in_the_local_store_is_read_by_the_sdk_exactly() {
    is_rolled_over(&append_and_judge(Store::in_memory().address(), &SEGMENTS));
}

#[test]
fn a_large_block_blob_in_the_emulator_is_read_by_the_sdk_exactly() {
    is_merged(&append_and_judge(Azurite::start().address(), &BLOCKS));
}

#[test]
fn a_large_block_blob_in_the_local_store_is_read_by_the_sdk_exactly() {
    is_merged(&append_and_judge(Store::in_memory().address(), &BLOCKS));
}

fn is_rolled_over(report: &Value) {
    let segments = report["segments"].as_array().unwrap().len();
    assert!(segments > 20, "{segments} segments");
}

/// Each merge leaves one block in place of some.
fn is_merged(report: &Value) {
    let count = |value: &Value| value.as_u64().unwrap();
    let stats = &report["stats"];
    let left = count(&report["segments"][0]["blocks"]);
    let merges = left + count(&stats["merged_blocks"]) - count(&stats["blocks"]);
    assert!(merges >= 100, "{merges} merges: {report}");
}

/// Appends a large log and has it read by the SDK and by `cat`. Answers the report.
fn append_and_judge(address: &str, options: &[&str]) -> Value {
    let endpoint = format!("http://{address}/devstoreaccount1");
    let url = format!("{endpoint}/logs/app");
    let (_folder, path) = folder("input.log");
    let length = write_log(&path);

    let args = [&["append", &url, "--create-container", "--json"], options].concat();
    let mut command = everblob(&args);
    command.stdin(File::open(&path).unwrap());
    let ended = crate::program::end(command.spawn().unwrap()).with_status(0);
    let report = ended.json();
    assert_eq!(report["committed"], length);

    let mut reader = node("read.mjs");
    let mut reader =
        reader.args([&endpoint, "logs", "app"]).stdout(Stdio::piped()).spawn().unwrap();
    assert!(are_same(reader.stdout.take().unwrap(), File::open(&path).unwrap()));
    assert!(reader.wait().unwrap().success());

    let mut own = everblob(&["cat", &url]).spawn().unwrap();
    assert!(are_same(own.stdout.take().unwrap(), File::open(&path).unwrap()));
    assert!(own.wait().unwrap().success());
    report
}

#[test]
fn small_commits_leave_the_same_segments_as_on_the_local_store() {
    let azurite = Azurite::start();
    let url = format!("http://{}/devstoreaccount1/logs/app", azurite.address());
    let input: String = (1..=10).map(|n| format!("{n}\n")).collect();
    append(&url, &["--flush-lines", "1", "--segment-blocks", "3"], input.as_bytes());
    let stat = run(&["stat", &url, "--json"], b"").with_status(0).json();
    let blocks: Vec<_> =
        stat["segments"].as_array().unwrap().iter().map(|s| s["blocks"].clone()).collect();
    assert_eq!(blocks, [3, 3, 3, 1]);
    assert_eq!(cat(&url), input.as_bytes());
    run(&["cat", &format!("{url}2")], b"").with_status(1);
}
