//! Two runs on one stream.

use crate::program::{Running, Store, append, cat};

#[test]
fn the_later_run_takes_over_and_the_earlier_says_how_far_it_came() {
    takes_over("append");
}

#[test]
fn the_later_run_takes_a_block_blob_over_and_the_earlier_says_how_far_it_came() {
    takes_over("block");
}

fn takes_over(layout: &str) {
    let store = Store::in_memory();
    let url = store.url("app");
    let mut earlier = Running::start(&[
        "append",
        &url,
        "--create-container",
        "--acks",
        "--json",
        "--flush-lines",
        "1",
        "--layout",
        layout,
    ]);
    for offset in [8, 16, 24] {
        earlier.give(b"earlier\n");
        assert_eq!(earlier.ack(), offset);
    }
    let later = append(&url, &["--at", "24"], b"later\n").json();
    assert_eq!((later["start"].as_u64(), later["committed"].as_u64()), (Some(24), Some(30)));

    earlier.give(b"earlier\n");
    let ended = earlier.end().with_status(1);
    let report = ended.json();
    assert_eq!(report["error"]["code"], "superseded", "{report}");
    assert_eq!(report["committed"], 24);
    assert_eq!(report["accepted"], 32);
    assert!(ended.stderr.contains("committed up to offset 24"), "{}", ended.stderr);
    assert_eq!(cat(&url), b"earlier\nearlier\nearlier\nlater\n");
}

#[test]
fn two_runs_at_full_speed_leave_exactly_what_both_committed() {
    race(&["--segment-blocks", "7"]);
}

#[test]
fn two_runs_at_full_speed_on_a_block_blob_leave_exactly_what_both_committed() {
    race(&["--layout", "block", "--block-size", "16", "--compact-above", "7"]);
}

fn race(options: &[&str]) {
    let store = Store::in_memory();
    let url = store.url("app");
    let args = ["append", &url, "--create-container", "--acks", "--json", "--flush-lines", "1"];
    let args = [&args, options].concat();
    let mut earlier = Running::start(&args);
    earlier.give(b"a\n");
    assert_eq!(earlier.ack(), 2);
    // More than it can commit before the other comes; it may be gone before it has read all.
    let mut input = earlier.take_input();
    let feeding = std::thread::spawn(move || {
        use std::io::Write as _;
        while input.write_all(b"a\n").is_ok() {}
    });
    for _ in 0..20 {
        earlier.ack();
    }
    let mut later = Running::start(&args);
    later.give(&b"b\n".repeat(50));
    let later = later.end().with_status(0);
    let earlier = earlier.wait().with_status(1);
    feeding.join().unwrap();

    let (first, second) = (earlier.json(), later.json());
    assert_eq!(first["error"]["code"], "superseded", "{first}");
    assert_eq!(first["committed"], second["start"]);
    let count = |report: &serde_json::Value| {
        let (from, to) = (report["start"].as_u64().unwrap(), report["committed"].as_u64().unwrap());
        usize::try_from((to - from) / 2).unwrap()
    };
    assert_eq!(count(&second), 50);
    let expected = [b"a\n".repeat(count(&first)), b"b\n".repeat(50)].concat();
    assert!(cat(&url) == expected);
}
