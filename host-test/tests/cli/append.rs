//! `everblob append` against the local store.

use std::fs::File;

use serde_json::{Value, json};

use crate::program::{Running, Store, append, cat, everblob, folder, free_port, logged, run, stat};

fn blocks(value: &Value) -> Vec<u64> {
    let segments = value["segments"].as_array().unwrap();
    segments.iter().map(|segment| segment["blocks"].as_u64().unwrap()).collect()
}

#[test]
fn a_segment_has_as_many_blocks_as_it_may_and_the_store_sees_no_other_requests() {
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

    assert_eq!(blocks(&report), [3, 3, 3, 1]);
    assert_eq!(blocks(&stat(&url)), [3, 3, 3, 1]);
    let names: Vec<_> = report["segments"].as_array().unwrap().iter().map(|s| &s["name"]).collect();
    assert_eq!(names, ["app/1", "app/2", "app/3", "app/4"]);
    assert_eq!(cat(&url), input.as_bytes());
}

#[test]
fn a_later_run_continues_at_the_end() {
    let store = Store::in_memory();
    let url = store.url("app");
    let first = append(&url, &[], b"one\n").json();
    assert_eq!((&first["start"], &first["committed"]), (&json!(0), &json!(4)));
    let second = append(&url, &[], b"two\n").json();
    assert_eq!((&second["start"], &second["committed"]), (&json!(4), &json!(8)));
    assert_eq!(second["error"], Value::Null);
    assert_eq!(cat(&url), b"one\ntwo\n");
    assert_eq!(blocks(&stat(&url)), [2]);
}

#[test]
fn each_trigger_is_a_commit_with_its_own_block_and_ack() {
    let store = Store::in_memory();
    for (name, options, blocks, acks) in [
        ("lines", ["--flush-lines", "2"], 2, "committed 4\ncommitted 7\n"),
        ("bytes", ["--flush-bytes", "3"], 3, "committed 3\ncommitted 6\ncommitted 7\n"),
        ("end", ["--flush-interval", "1h"], 1, "committed 7\n"),
    ] {
        let url = store.url(name);
        let args = [&["append", &url, "--create-container", "--acks"], &options[..]].concat();
        // The last line has no end, and is data like any other.
        let ended = run(&args, b"a\nb\nc\nd").with_status(0);
        assert_eq!(ended.text(), acks, "{name}");
        assert_eq!(cat(&url), b"a\nb\nc\nd", "{name}");
        assert_eq!(stat(&url)["segments"][0]["blocks"], blocks, "{name}");
    }
}

#[test]
fn what_has_waited_for_the_interval_is_committed_while_the_input_stays_open() {
    let store = Store::in_memory();
    let url = store.url("app");
    let mut running = Running::start(&[
        "append",
        &url,
        "--create-container",
        "--acks",
        "--flush-interval",
        "10ms",
    ]);
    running.give(b"one");
    assert_eq!(running.ack(), 3);
    running.give(b"four");
    assert_eq!(running.ack(), 7);
    assert_eq!(running.end().with_status(0).text(), "");
}

#[test]
fn empty_input_stores_nothing() {
    let (_folder, log) = folder("requests.jsonl");
    let store = Store::start(&["--listen", "127.0.0.1:0", "--log", log.to_str().unwrap()]);
    let url = store.url("app");
    let report = append(&url, &["--acks"], b"").json();
    assert_eq!(report["start"], Value::Null);
    assert_eq!(report["stats"]["requests"], 0);
    assert!(logged(&log).is_empty(), "not even a request");
    let ended = run(&["append", &url, "--at", "0", "--json"], b"").with_status(0);
    assert_eq!(ended.json()["committed"], 0);
    let ended = run(&["append", &url, "--at", "5", "--json"], b"").with_status(1);
    assert_eq!(ended.json()["error"]["code"], "ends-elsewhere");
    run(&["stat", &url], b"").with_status(1);
}

#[test]
fn an_expected_end_is_kept_or_refused_with_the_real_one() {
    let store = Store::in_memory();
    let url = store.url("app");
    append(&url, &["--at", "0"], b"12345");
    append(&url, &["--at", "5"], b"67");
    for (at, input) in [("5", &b"x"[..]), ("9", b"x"), ("9", b"")] {
        let ended = run(&["append", &url, "--at", at, "--json"], input).with_status(1);
        assert_eq!(ended.json()["error"]["code"], "ends-elsewhere");
        assert!(ended.stderr.contains('7'), "says where it ends: {}", ended.stderr);
    }
    assert_eq!(cat(&url), b"1234567");
}

#[test]
fn without_the_container_the_answer_says_so() {
    let store = Store::in_memory();
    let ended = run(&["append", &store.url("app"), "--json"], b"data").with_status(1);
    let report = ended.json();
    assert_eq!(report["error"]["code"], "not-found", "{report}");
    assert!(ended.stderr.contains("nothing of the input is stored"), "{}", ended.stderr);
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
    assert_eq!(blocks(&report).iter().sum::<u64>(), 9_000_000_u64.div_ceil(64 << 10));
    assert!(cat(&url) == input);
}
