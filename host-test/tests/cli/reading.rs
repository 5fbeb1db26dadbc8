//! `everblob cat` into a pipe that closes, and `everblob store`. What is read of a stream is in `suite`.

use std::io::Read as _;
use std::process::Stdio;

use crate::program::{Store, append, cat, end, everblob, free_port, run, stat};

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
