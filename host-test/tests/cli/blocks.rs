//! The block layout: which blocks some runs leave, and which requests they make.

use std::path::Path;

use serde_json::{Value, json};

use crate::place::{Access, Place, Service};
use crate::program::{Store, append, cat, folder, stat};

/// Blocks of at most 16 bytes, merged once there are more than four: the setting of Hadoop's test.
pub(crate) const HADOOP: [&str; 10] = [
    "--layout",
    "block",
    "--block-size",
    "16",
    "--flush-lines",
    "1",
    "--compaction",
    "hadoop-14520",
    "--compact-above",
    "4",
];

/// One more flush by the rules of HADOOP-14520, with that setting: `list` are the sizes of the
/// blocks, and the flush is not larger than a block.
fn flush(list: &mut Vec<u64>, bytes: u64) {
    const MOST: u64 = 16;
    list.push(bytes);
    if list.len() <= 4 {
        return;
    }
    // The run of most blocks, the first of those, which a block too many ends.
    let (mut start, mut sum, mut run) = (0, 0, 0..0);
    for (at, size) in list.iter().enumerate() {
        if sum + size > MOST {
            if at - start >= 2 && at - start > run.len() {
                run = start..at;
            }
            (start, sum) = (at, 0);
        }
        sum += size;
    }
    if !run.is_empty() {
        let merged = list[run.clone()].iter().sum();
        list.splice(run, [merged]);
    }
}

/// The sizes of the blocks that a run with these lines leaves behind those that were there.
pub(crate) fn flushed(mut list: Vec<u64>, lines: &[String]) -> Vec<u64> {
    for line in lines {
        flush(&mut list, line.len() as u64);
    }
    list
}

pub(crate) fn counting(numbers: std::ops::RangeInclusive<u32>) -> Vec<String> {
    numbers.map(|number| format!("{number}\n")).collect()
}

#[test]
fn the_rules_hold_across_a_close_and_a_reopen() {
    let place = Place::shared(Service::Emulator, Access::Key);
    for (name, cuts) in [("two", &[13, 60][..]), ("three", &[4, 5, 60]), ("four", &[1, 2, 30, 60])]
    {
        let lines: Vec<_> =
            (1..=60_u32).map(|n| format!("{}\n", "x".repeat((n * n % 13) as usize))).collect();
        let (mut list, mut from) = (Vec::new(), 0);
        for &to in cuts {
            place.append(name, &HADOOP, lines[from..to].concat().as_bytes());
            list = flushed(list, &lines[from..to]);
            assert_eq!(place.sizes_by_sdk(name), list, "{name}, {to} lines");
            from = to;
        }
        assert!(list.len() < 60, "some were merged");
        assert_eq!(place.read_by_sdk(name), lines.concat().as_bytes());
    }
}

#[test]
fn without_compaction_every_block_stays() {
    let store = Store::in_memory();
    let url = store.url("app");
    let options = ["--layout", "block", "--flush-lines", "1", "--compact-above", "1"];
    let options = [&options[..], &["--compaction", "none"]].concat();
    let report = append(&url, &options, &b"x\n".repeat(20)).json();
    assert_eq!(report["segments"], json!([{"name": "app", "blocks": 20, "bytes": 40}]));
    assert_eq!(report["stats"]["merged_blocks"], 0);
    assert_eq!(stat(&url)["segments"][0]["blocks"], 20);
}

#[test]
fn the_report_tells_of_commits_and_merges() {
    let (_folder, log) = folder("requests.jsonl");
    let store = Store::start(&["--listen", "127.0.0.1:0", "--log", log.to_str().unwrap()]);
    let url = store.url("app");
    let report = append(&url, &HADOOP, &b"abc\n".repeat(21)).json();
    assert_eq!(report["layout"], "block");
    assert_eq!(report["segments"], json!([{"name": "app", "blocks": 6, "bytes": 84}]));
    let stats = &report["stats"];
    // Five merges of four blocks each.
    let merged = ["merged_blocks", "merged_bytes_down", "merged_bytes_up"].map(|n| &stats[n]);
    assert_eq!(merged, [&json!(20), &json!(80), &json!(80)], "{stats}");
    assert_eq!((&stats["blocks"], &stats["commits"]), (&json!(21), &json!(22)));
    let list_bytes: u64 =
        requests(&log).iter().filter(|r| r.operation == "PutBlockList").map(|r| r.bytes).sum();
    assert_eq!(stats["block_list_bytes"], list_bytes);
    let kinds = &stats["requests_by_kind"];
    let counts = ["put_block", "put_block_list", "get_blob", "append_block"].map(|n| &kinds[n]);
    assert_eq!(counts, [&json!(26), &json!(22), &json!(5), &json!(0)], "{kinds}");
    assert!(kinds["get_block_list"].is_u64(), "{kinds}");
}

struct Request {
    operation: String,
    bytes: u64,
    started: u64,
    ended: u64,
}

impl Request {
    fn overlaps(&self, other: &Self) -> bool {
        self.started < other.ended && other.started < self.ended
    }
}

/// The requests of a log in the order in which they came.
fn requests(log: &Path) -> Vec<Request> {
    let text = std::fs::read_to_string(log).unwrap();
    let mut requests: Vec<_> = text
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let number = |name: &str| line[name].as_u64().unwrap();
            Request {
                operation: line["operation"].as_str().unwrap().to_owned(),
                bytes: number("bytes"),
                started: number("started"),
                ended: number("ended"),
            }
        })
        .collect();
    requests.sort_by_key(|request| request.started);
    requests
}

/// How many pairs of a request `a` and another request `b` overlap.
fn overlaps(requests: &[Request], a: &str, b: &str) -> usize {
    let mut count = 0;
    for (at, one) in requests.iter().enumerate() {
        let pair = |two: &&Request| {
            let (one, two) = (one.operation.as_str(), two.operation.as_str());
            (one, two) == (a, b) || (one, two) == (b, a)
        };
        count += requests[at + 1..].iter().filter(pair).filter(|two| one.overlaps(two)).count();
    }
    count
}

#[test]
fn blocks_are_staged_side_by_side_and_never_while_a_list_is_committed() {
    let (_folder, log) = folder("requests.jsonl");
    let store = Store::start(&["--listen", "127.0.0.1:0", "--log", log.to_str().unwrap()]);
    let input = vec![b'x'; 4 << 20];
    // Four full blocks to a flush, fewer than are committed without one; and flushes that are merged
    // four by four.
    for (name, flush, flushes) in [("full", "1MiB", 4), ("merged", "64KiB", 64)] {
        let url = store.url(name);
        let before = requests(&log).len();
        let options = ["--layout", "block", "--in-flight", "4", "--block-size", "256KiB"];
        let options = [&options[..], &["--flush-bytes", flush, "--compact-above", "4"]].concat();
        let report = append(&url, &options, &input).json();
        assert!(cat(&url) == input);
        assert_eq!(report["stats"]["merged_blocks"].as_u64().unwrap() > 0, name == "merged");

        let requests = &requests(&log)[before..];
        assert_eq!(overlaps(requests, "PutBlock", "PutBlockList"), 0, "{name}");
        assert_eq!(overlaps(requests, "PutBlockList", "PutBlockList"), 0, "{name}");
        let count = |name: &str| requests.iter().filter(|r| r.operation == name).count();
        // The end of the input is one more flush, with nothing new.
        assert_eq!(count("PutBlockList"), flushes + 1, "{name}: one for each, and the creation");
        assert_eq!(report["stats"]["retries"], 0);
        if name == "full" {
            assert_eq!(count("PutBlock"), 16);
            assert!(overlaps(requests, "PutBlock", "PutBlock") > 0, "else this shows nothing");
        }
    }
}

#[test]
fn a_service_that_takes_fewer_blocks_is_met_by_merging_whatever_fits() {
    let store = Store::start(&["--listen", "127.0.0.1:0", "--max-blocks", "20"]);
    let url = store.url("app");
    let lines: String = (0..100).map(|n| format!("{n}\n")).collect();
    let options = ["--layout", "block", "--flush-lines", "1", "--compact-above", "10"];
    append(&url, &options, lines.as_bytes());
    assert_eq!(cat(&url), lines.as_bytes());
    assert!(stat(&url)["segments"][0]["blocks"].as_u64().unwrap() <= 20);
}
