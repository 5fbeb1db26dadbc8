//! `everblob append`: commits, segments, and where they begin.

use serde_json::{Value, json};

use super::blocks;
use crate::place::Place;

pub(super) fn flushed_lines_are_blocks_of_segments_that_the_sdk_reads(place: &Place) {
    let input: String = (1..=10).map(|n| format!("line {n}\n")).collect();
    let options = ["--flush-lines", "1", "--segment-blocks", "3"];
    let report = place.append("app", &options, input.as_bytes());
    assert_eq!(blocks(&report), [3, 3, 3, 1]);
    assert_eq!(blocks(&place.stat("app")), [3, 3, 3, 1]);
    let names: Vec<_> = report["segments"].as_array().unwrap().iter().map(|s| &s["name"]).collect();
    assert_eq!(names, ["app/1", "app/2", "app/3", "app/4"]);
    assert_eq!(place.cat("app"), input.as_bytes());
    assert_eq!(place.read_by_sdk("app"), input.as_bytes());

    let report = place.append("app", &options, input.as_bytes());
    assert_eq!(report["start"], input.len());
    assert_eq!(blocks(&place.stat("app")), [3, 3, 3, 3, 3, 3, 2]);
    assert_eq!(place.read_by_sdk("app"), input.repeat(2).as_bytes());
}

pub(super) fn a_later_run_continues_at_the_end(place: &Place) {
    let first = place.append("app", &[], b"one\n");
    assert_eq!((&first["start"], &first["committed"]), (&json!(0), &json!(4)));
    let second = place.append("app", &[], b"two\n");
    assert_eq!((&second["start"], &second["committed"]), (&json!(4), &json!(8)));
    assert_eq!(second["error"], Value::Null);
    assert_eq!(place.cat("app"), b"one\ntwo\n");
    assert_eq!(blocks(&place.stat("app")), [2]);
}

pub(super) fn an_expected_end_is_kept_or_refused_with_the_real_one(place: &Place) {
    place.append("app", &["--at", "0"], b"12345");
    place.append("app", &["--at", "5"], b"67");
    for (at, input) in [("5", &b"x"[..]), ("9", b"x"), ("9", b"")] {
        let ended = place.run("append", "app", &["--at", at, "--json"], input).with_status(1);
        assert_eq!(ended.json()["error"]["code"], "ends-elsewhere");
        assert!(ended.stderr.contains('7'), "says where it ends: {}", ended.stderr);
    }
    assert_eq!(place.cat("app"), b"1234567");
}

pub(super) fn each_trigger_is_a_commit_with_its_own_block_and_ack(place: &Place) {
    for (name, trigger, blocks, acks) in [
        ("lines", ["--flush-lines", "2"], 2, "committed 4\ncommitted 7\n"),
        ("bytes", ["--flush-bytes", "3"], 3, "committed 3\ncommitted 6\ncommitted 7\n"),
        ("end", ["--flush-interval", "1h"], 1, "committed 7\n"),
    ] {
        let options = [&["--create-container", "--acks"], &trigger[..]].concat();
        // The last line has no end, and is data like any other.
        let ended = place.run("append", name, &options, b"a\nb\nc\nd").with_status(0);
        assert_eq!(ended.text(), acks, "{name}");
        assert_eq!(place.cat(name), b"a\nb\nc\nd", "{name}");
        assert_eq!(place.stat(name)["segments"][0]["blocks"], blocks, "{name}");
    }
}

pub(super) fn what_has_waited_for_the_interval_is_committed_while_the_input_stays_open(
    place: &Place,
) {
    let options = ["--create-container", "--acks", "--flush-interval", "10ms"];
    let mut running = place.start("append", "app", &options);
    running.give(b"one");
    assert_eq!(running.ack(), 3);
    running.give(b"four");
    assert_eq!(running.ack(), 7);
    assert_eq!(running.end().with_status(0).text(), "");
}

pub(super) fn empty_input_stores_nothing(place: &Place) {
    let report = place.append("app", &["--acks"], b"");
    assert_eq!(report["start"], Value::Null);
    assert_eq!(report["stats"]["requests"], 0);
    let ended = place.run("append", "app", &["--at", "0", "--json"], b"").with_status(0);
    assert_eq!(ended.json()["committed"], 0);
    let ended = place.run("append", "app", &["--at", "5", "--json"], b"").with_status(1);
    assert_eq!(ended.json()["error"]["code"], "ends-elsewhere");
    place.run("stat", "app", &[], b"").with_status(1);
}

pub(super) fn a_container_is_made_if_asked_to_by_who_may(place: &Place) {
    let nowhere = place.without_container();
    let ended = nowhere.run("append", "app", &["--json"], b"data").with_status(1);
    assert_eq!(ended.json()["error"]["code"], "not-found", "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing of the input is stored"), "{}", ended.stderr);

    let asked = ["--create-container", "--json"];
    let ended = nowhere.run("append", "app", &asked, b"data");
    if place.may_make_containers() {
        assert_eq!(ended.with_status(0).json()["committed"], 4);
        assert_eq!(nowhere.cat("app"), b"data");
    } else {
        let ended = ended.with_status(1);
        assert_eq!(ended.json()["error"]["code"], "access-denied", "{}", ended.stderr);
        let ended = nowhere.with_key().run("stat", "app", &[], b"").with_status(1);
        assert!(ended.stderr.contains("there is no stream"), "{}", ended.stderr);
    }
}
