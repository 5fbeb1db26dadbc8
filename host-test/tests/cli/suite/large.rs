//! A log of 100 MB, into both layouts and back by the service's own SDK.
//!
//! Over https a merge meets answers that are lost: Node's TLS server ends a connection (`Parse Error:
//! Paused`) whose next request comes before it is done with a large answer.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::place::Place;
use crate::program::{end, folder};

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

/// Four flushes to a block, and a list that has to be merged soon.
const BLOCKS: [&str; 8] = [
    "--layout",
    "block",
    "--block-size",
    "768KiB",
    "--flush-bytes",
    "192KiB",
    "--compact-above",
    "16",
];

pub(super) fn a_large_log_is_read_by_the_sdk_exactly(place: &Place) {
    let options = ["--segment-bytes", "4MiB", "--block-size", "1MiB"];
    let report = append_and_judge(place, &options);
    let segments = report["segments"].as_array().unwrap().len();
    assert!(segments > 20, "{segments} segments");
}

pub(super) fn a_large_block_blob_is_read_by_the_sdk_exactly(place: &Place) {
    let report = append_and_judge(place, &BLOCKS);
    let count = |value: &Value| value.as_u64().unwrap();
    let stats = &report["stats"];
    let left = count(&report["segments"][0]["blocks"]);
    // Each merge leaves one block in place of some.
    let merges = left + count(&stats["merged_blocks"]) - count(&stats["blocks"]);
    assert!(merges >= 100, "{merges} merges: {report}");
}

/// Appends a large log and has it read by the SDK and by `cat`. Answers the report.
fn append_and_judge(place: &Place, options: &[&str]) -> Value {
    let (_folder, path) = folder("input.log");
    let length = write_log(&path);

    let options = [&["--create-container", "--json"], options].concat();
    let mut command = place.command("append", "app", &options);
    command.stdin(File::open(&path).unwrap());
    let report = end(command.spawn().unwrap()).with_status(0).json();
    assert_eq!(report["committed"], length);

    for mut reader in [place.sdk("read.mjs", &[], "app"), place.command("cat", "app", &[])] {
        let mut reader = reader.stderr(Stdio::inherit()).spawn().unwrap();
        assert!(are_same(reader.stdout.take().unwrap(), File::open(&path).unwrap()));
        assert!(reader.wait().unwrap().success());
    }
    report
}
