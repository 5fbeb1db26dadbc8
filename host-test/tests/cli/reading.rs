//! `everblob cat`, `stat` and `store`.

use std::io::Read as _;
use std::process::Stdio;

use serde_json::json;

use crate::program::{Store, append, cat, end, everblob, free_port, run, stat};

fn stream(store: &Store) -> String {
    let url = store.url("a folder/app+1");
    let url = url.replace(' ', "%20").replace('+', "%2B");
    append(&url, &["--flush-bytes", "4", "--segment-blocks", "2"], b"0123456789abcdefghij");
    url
}

#[test]
fn any_range_of_offsets_is_written() {
    let store = Store::in_memory();
    let url = stream(&store);
    let whole = b"0123456789abcdefghij";
    assert_eq!(cat(&url), whole);
    for (offset, length) in [(0, 20), (0, 1), (7, 2), (8, 8), (5, 12), (19, 5), (20, 1), (99, 1)] {
        let (from, to) = (offset.min(20), (offset + length).min(20));
        let args = ["cat", &url, "--offset", &offset.to_string(), "--length", &length.to_string()];
        assert_eq!(run(&args, b"").with_status(0).stdout, &whole[from..to], "{offset} {length}");
    }
    assert_eq!(run(&["cat", &url, "--offset", "18"], b"").stdout, b"ij");
}

#[test]
fn what_a_stream_consists_of_is_shown() {
    let store = Store::in_memory();
    let url = stream(&store);
    let shown = stat(&url);
    assert_eq!(shown["layout"], "append");
    assert_eq!(shown["length"], 20);
    assert_eq!((&shown["epoch"], &shown["sealed"]), (&json!(1), &json!(false)));
    let segment = |number: u32, start: u64, blocks: u32, bytes: u64, closed: bool| {
        json!({"name": format!("a folder/app+1/{number}"), "start": start, "blocks": blocks,
               "bytes": bytes, "closed": closed})
    };
    let segments =
        [segment(1, 0, 2, 8, true), segment(2, 8, 2, 8, true), segment(3, 16, 1, 4, false)];
    assert_eq!(shown["segments"], json!(segments));
    let table = run(&["stat", &url], b"").with_status(0);
    assert!(table.text().contains("a folder/app+1/3"), "{}", table.text());
}

#[test]
fn a_block_blob_is_found_though_another_lies_below_its_name() {
    let store = Store::in_memory();
    let (outer, inner) = (store.url("app"), store.url("app/1"));
    append(&outer, &["--layout", "block"], b"one ");
    append(&inner, &["--layout", "block"], b"inner");
    append(&outer, &[], b"two");
    assert_eq!((cat(&outer), cat(&inner)), (b"one two".to_vec(), b"inner".to_vec()));
    assert_eq!(stat(&outer)["layout"], "block");
}

#[test]
fn a_block_blob_is_written_and_shown_as_the_blob_that_it_is() {
    let store = Store::in_memory();
    let url = store.url("app");
    let options = ["--layout", "block", "--flush-bytes", "4"];
    for (at, part) in [("0", &b"0123456789"[..]), ("10", b"abcdefghij")] {
        append(&url, &[&options[..], &["--at", at]].concat(), part);
    }
    assert_eq!(cat(&url), b"0123456789abcdefghij");
    let ended = run(&["cat", &url, "--offset", "8", "--length", "5"], b"").with_status(0);
    assert_eq!(ended.stdout, b"89abc");
    let blob = json!({"name": "app", "start": 0, "blocks": 6, "bytes": 20, "closed": false});
    let shown = json!({"layout": "block", "length": 20, "epoch": 2, "sealed": false,
                       "segments": [blob]});
    assert_eq!(stat(&url), shown);
    let table = run(&["stat", &url], b"").with_status(0);
    assert!(table.text().contains("block layout, 20 bytes (20 B), 6 blocks, owner of epoch 2"));
}

#[test]
fn one_is_no_plural() {
    let store = Store::in_memory();
    for (layout, said) in [
        ("append", "append layout, 1 byte (1 B), 1 block in 1 segment, owner"),
        ("block", "block layout, 1 byte (1 B), 1 block, owner"),
    ] {
        let url = store.url(layout);
        append(&url, &["--layout", layout], b"x");
        let shown = run(&["stat", &url], b"").with_status(0);
        assert!(shown.text().contains(said), "{}", shown.text());
    }
    let merged = run(&["compact", &store.url("block")], b"").with_status(0);
    assert_eq!(merged.text(), "1 block before, 1 after; 0 B moved\n");
}

#[test]
fn a_stream_that_is_not_there_is_status_1() {
    let store = Store::in_memory();
    append(&store.url("other"), &[], b"x");
    let elsewhere = format!("http://{}/devstoreaccount1/nothing/app", store.address());
    for url in [store.url("app"), elsewhere] {
        for command in ["cat", "stat"] {
            let ended = run(&[command, &url], b"").with_status(1);
            assert!(ended.stderr.contains("there is no stream"), "{}", ended.stderr);
            assert!(ended.stdout.is_empty());
        }
    }
}

#[test]
fn a_closed_pipe_is_quiet() {
    let store = Store::in_memory();
    let url = store.url("app");
    append(&url, &[], &vec![b'x'; 4 << 20]);
    let mut process = everblob(&["cat", &url]).spawn().unwrap();
    let mut stdout = process.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 10]).unwrap();
    drop(stdout);
    let ended = end(process).with_status(0);
    assert_eq!(ended.stderr, "");

    // Nobody reads the acks: the bytes are stored all the same.
    let args = ["append", &url, "--acks", "--json", "--flush-bytes", "1000"];
    let mut process = everblob(&args).spawn().unwrap();
    drop(process.stdout.take());
    assert_eq!(crate::program::finish(process, &[b'y'; 5000]).with_status(0).stderr, "");
    assert_eq!(stat(&url)["length"], (4 << 20) + 5000);
}

#[test]
fn a_store_that_is_asked_to_stop_ends_well() {
    assert_eq!(Store::in_memory().terminate(), 0);
}

#[test]
fn a_store_that_cannot_listen_is_status_1() {
    let store = Store::in_memory();
    let ended = run(&["store", "--listen", store.address()], b"").with_status(1);
    assert!(ended.stderr.contains("cannot listen"), "{}", ended.stderr);
}

#[test]
fn a_folder_keeps_what_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--listen", &format!("127.0.0.1:{}", free_port()), "--data"];
    let options = [&options[..], &[folder.path().to_str().unwrap()]].concat();
    let mut store = Store::start(&options);
    let url = store.url("app");
    append(&url, &["--flush-lines", "1"], b"one\ntwo\n");
    store.kill();
    let _again = Store::start(&options);
    assert_eq!(cat(&url), b"one\ntwo\n");
    append(&url, &["--at", "8"], b"three\n");
    assert_eq!(cat(&url), b"one\ntwo\nthree\n");
}

#[test]
fn the_stores_own_block_limit_rolls_a_stream_over() {
    let store = Store::start(&["--listen", "127.0.0.1:0", "--max-blocks", "4"]);
    let mut command = everblob(&[
        "append",
        &store.url("app"),
        "--create-container",
        "--flush-bytes",
        "1",
        "--json",
    ]);
    let process = command.stdin(Stdio::piped()).spawn().unwrap();
    let report = crate::program::finish(process, b"0123456789").with_status(0).json();
    let blocks: Vec<_> =
        report["segments"].as_array().unwrap().iter().map(|s| s["blocks"].clone()).collect();
    assert_eq!(blocks, [4, 4, 2]);
    assert_eq!(cat(&store.url("app")), b"0123456789");
}
