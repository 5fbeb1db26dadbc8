//! `everblob seal` and `everblob rollover`, with the account key and with a signature.

use serde_json::{Value, json};

use crate::credentials::signed;
use crate::program::{
    Running, Store, append, cat, folder, free_port, lines, logged, run, signal, stat,
};
use crate::referee::Azurite;

/// Ends a stream, twice, and makes sure that nothing can be appended.
fn is_ended(url: &str, order: &str, layout: &str) {
    append(url, &["--layout", layout], b"one\ntwo\n");
    for _ in 0..2 {
        let report = run(&["seal", order, "--json"], b"").with_status(0).json();
        assert_eq!(report["layout"], layout, "{report}");
        assert_eq!((&report["length"], &report["sealed"]), (&json!(8), &json!(true)), "{report}");
    }
    assert_eq!(
        run(&["seal", order], b"").with_status(0).text(),
        "the stream is ended at offset 8\n"
    );
    assert_eq!(stat(url)["sealed"], true);
    let ended = run(&["append", order, "--json"], b"three\n").with_status(1);
    assert_eq!(ended.json()["error"]["code"], "sealed", "{}", ended.stderr);
    assert!(ended.stderr.contains("the stream was ended"), "{}", ended.stderr);
    assert_eq!(cat(url), b"one\ntwo\n");
}

#[test]
fn an_ended_stream_takes_no_more() {
    let (azurite, store) = (Azurite::start(), Store::in_memory());
    for layout in ["append", "block"] {
        for address in [azurite.address(), store.address()] {
            let url =
                |name: &str| format!("http://{address}/devstoreaccount1/logs/{layout}-{name}");
            is_ended(&url("key"), &url("key"), layout);
            // The emulator answers 500 to a seal over a signature: the mark alone ends the stream.
            is_ended(&url("sas"), &signed(&url("sas"), "racwl"), layout);
        }
    }
}

#[test]
fn an_ended_stream_is_not_written_to_again() {
    let (_folder, log) = folder("requests.jsonl");
    let store = Store::start(&["--listen", "127.0.0.1:0", "--log", log.to_str().unwrap()]);
    let url = store.url("app");
    append(&url, &[], b"x");
    run(&["seal", &url], b"").with_status(0);
    let before = writes(&log);
    run(&["seal", &url], b"").with_status(0);
    assert_eq!(writes(&log), before);
}

/// How many requests were no reads.
fn writes(log: &std::path::Path) -> usize {
    let reads = |name: &str| name.starts_with("Get") || name.starts_with("List");
    logged(log).iter().filter(|(name, _)| !reads(name)).map(|(_, count)| count).sum()
}

#[test]
fn a_segment_is_closed_and_the_next_begins_with_the_next_byte() {
    let azurite = Azurite::start();
    let url = format!("http://{}/devstoreaccount1/logs/app", azurite.address());
    append(&url, &[], b"one\n");
    for order in [url.clone(), signed(&url, "racwl")] {
        let report = run(&["rollover", &order, "--json"], b"").with_status(0).json();
        assert_eq!((&report["layout"], &report["length"]), (&json!("append"), &json!(4)));
        assert_eq!(report["closed"], "app/1", "{report}");
    }
    assert_eq!(stat(&url)["segments"].as_array().unwrap().len(), 1, "closing again does nothing");
    append(&url, &[], b"two\n");
    let ended = run(&["rollover", &signed(&url, "racwl")], b"").with_status(0);
    assert_eq!(ended.text(), "app/2 is closed; the stream goes on at offset 8\n");
    let closed = |stream: Value| -> Vec<bool> {
        let segments = stream["segments"].as_array().unwrap();
        segments.iter().map(|segment| segment["closed"].as_bool().unwrap()).collect()
    };
    assert_eq!(closed(stat(&url)), [true, true]);
    assert_eq!(cat(&url), b"one\ntwo\n");
}

#[test]
fn the_block_layout_has_no_segment_to_close() {
    let store = Store::in_memory();
    let url = store.url("app");
    append(&url, &["--layout", "block"], b"one\n");
    let before = stat(&url);
    let ended = run(&["rollover", &url, "--json"], b"").with_status(1);
    assert_eq!(ended.json()["error"]["code"], "unsupported");
    assert!(ended.stderr.contains("block layout"), "{}", ended.stderr);
    assert_eq!(stat(&url), before, "not even taken over");
}

#[test]
fn an_order_to_a_stream_that_is_not_there_makes_none() {
    let (_folder, log) = folder("requests.jsonl");
    let store = Store::start(&["--listen", "127.0.0.1:0", "--log", log.to_str().unwrap()]);
    append(&store.url("other"), &[], b"x");
    let before = writes(&log);
    let elsewhere = format!("http://{}/devstoreaccount1/nothing/app", store.address());
    for url in [store.url("app"), elsewhere] {
        for order in ["seal", "rollover"] {
            let ended = run(&[order, &url, "--json"], b"").with_status(1);
            assert!(ended.stderr.contains("there is no stream at http://"), "{}", ended.stderr);
            assert_eq!(ended.json()["error"]["code"], "not-found");
            assert_eq!(ended.json()["length"], Value::Null);
        }
    }
    assert_eq!(writes(&log), before);
}

#[test]
fn an_order_takes_the_right_to_write_metadata() {
    let store = Store::in_memory();
    let url = store.url("app");
    append(&url, &[], b"x");
    for order in ["seal", "rollover"] {
        let ended = run(&[order, &signed(&url, "racl"), "--json"], b"").with_status(1);
        assert_eq!(ended.json()["error"]["code"], "access-denied", "{}", ended.stderr);
    }
    assert_eq!(stat(&url)["sealed"], false);
    assert_eq!(stat(&url)["segments"][0]["closed"], false);
}

#[test]
fn a_writer_that_has_the_stream_open_learns_of_its_end() {
    let store = Store::in_memory();
    for layout in ["append", "block"] {
        let url = store.url(layout);
        let args = ["append", &url, "--create-container", "--layout", layout, "--acks", "--json"];
        let mut writer = Running::start(&[&args[..], &["--flush-lines", "1"]].concat());
        writer.give(b"one\n");
        assert_eq!(writer.ack(), 4);
        run(&["seal", &url], b"").with_status(0);
        writer.give(b"two\n");
        let report = writer.end().with_status(1).json();
        assert_eq!(report["error"]["code"], "superseded", "{report}");
        assert_eq!(cat(&url), b"one\n");
    }
}

#[test]
fn a_signal_ends_an_order_while_the_service_is_not_there() {
    let url = format!("http://127.0.0.1:{}/devstoreaccount1/logs/app", free_port());
    for order in ["seal", "rollover"] {
        let mut running = Running::start(&[order, &url, "--retry-for", "1h", "--json", "-vv"]);
        let stderr = running.process.stderr.take().unwrap();
        let mut lines = lines(stderr);
        assert!(lines.any(|line| line.contains("reading again after")));
        signal(&running.process, "INT");
        assert!(lines.any(|line| line.contains("what was done until then stays done")));
        assert_eq!(running.wait().with_status(1).json()["error"]["code"], "interrupted");
    }
}
