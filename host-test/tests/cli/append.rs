//! `everblob append` where the local store's log, its end or none at all is what matters. What every
//! service does is in `suite`.

use std::fs::File;

use serde_json::json;

use crate::program::{Running, Store, append, cat, everblob, folder, free_port, logged, run};

#[test]
fn the_store_sees_a_request_for_each_block_and_segment_and_few_others() {
    let (_folder, log) = folder("requests.jsonl");
    let store = Store::start(&["--listen", "127.0.0.1:0", "--log", log.to_str().unwrap()]);
    let url = store.url("app");
    let input: String = (1..=10).map(|n| format!("line {n}\n")).collect();
    let options = ["--flush-lines", "1", "--segment-blocks", "3"];
    let report = append(&url, &options, input.as_bytes()).json();

    let counts = logged(&log);
    let count = |name: &str| counts.iter().find(|(n, _)| n == name).map_or(0, |(_, count)| *count);
    assert_eq!(count("AppendBlock"), 10, "{counts:?}");
    assert_eq!(count("PutBlob"), 4, "{counts:?}");
    let closing = count("AppendBlobSeal") + count("SetBlobMetadata");
    assert!(closing <= 2 * 3, "{counts:?}");
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    assert!(total - 14 - closing <= 4, "{counts:?}");
    assert_eq!(report["stats"]["requests"], total);
    assert_eq!(report["stats"]["requests_by_kind"]["append_block"], 10);
}

#[test]
fn empty_input_makes_no_request() {
    let (_folder, log) = folder("requests.jsonl");
    let store = Store::start(&["--listen", "127.0.0.1:0", "--log", log.to_str().unwrap()]);
    append(&store.url("app"), &["--acks"], b"");
    assert!(logged(&log).is_empty());
}

#[test]
fn a_service_that_is_not_there_is_given_up_after_the_patience() {
    let url = format!("http://127.0.0.1:{}/devstoreaccount1/logs/app", free_port());
    for patience in ["0s", "300ms"] {
        let ended = run(&["append", &url, "--retry-for", patience, "--json"], b"x").with_status(1);
        let report = ended.json();
        assert_eq!(report["error"]["code"], "unavailable", "{report}");
        assert!(report["stats"]["requests"].as_u64().unwrap() >= 1, "{report}");
    }
}

#[test]
fn a_failure_says_what_is_and_is_not_committed() {
    let mut store = Store::in_memory();
    let url = store.url("app");
    let mut running = Running::start(&[
        "append",
        &url,
        "--create-container",
        "--acks",
        "--json",
        "--flush-lines",
        "1",
        "--retry-for",
        "100ms",
    ]);
    running.give(b"stored\n");
    assert_eq!(running.ack(), 7);
    store.kill();
    running.give(b"lost\n");
    let ended = running.end().with_status(1);
    let report = ended.json();
    assert_eq!((&report["accepted"], &report["committed"]), (&json!(12), &json!(7)));
    assert_eq!(report["error"]["code"], "unavailable");
    assert!(ended.stderr.contains("committed up to offset 7"), "{}", ended.stderr);
    assert!(ended.stderr.contains("not committed: 5 bytes"), "{}", ended.stderr);
}

#[test]
fn input_that_cannot_be_read_is_a_failure() {
    let store = Store::in_memory();
    let url = store.url("app");
    let mut command = everblob(&["append", &url, "--json"]);
    command.stdin(File::open(env!("CARGO_MANIFEST_DIR")).unwrap());
    let ended = crate::program::end(command.spawn().unwrap()).with_status(1);
    assert_eq!(ended.json()["error"]["code"], "input-failed");
}

#[test]
fn large_input_arrives_whole_in_blocks_of_the_size_asked_for() {
    let store = Store::in_memory();
    let url = store.url("app");
    let input: Vec<u8> =
        (0..9_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let options = ["--block-size", "64KiB", "--segment-bytes", "1MiB", "--flush-interval", "1h"];
    let report = append(&url, &options, &input).json();
    assert_eq!(report["segments"][0], json!({"name": "app/1", "blocks": 16, "bytes": 1 << 20}));
    let segments = report["segments"].as_array().unwrap().iter();
    let blocks: u64 = segments.map(|segment| segment["blocks"].as_u64().unwrap()).sum();
    assert_eq!(blocks, 9_000_000_u64.div_ceil(64 << 10));
    assert!(cat(&url) == input);
}
