//! `everblob cat` and `stat`.

use serde_json::json;

use crate::place::Place;

/// Two blocks of four bytes to a segment, under a name that has to be encoded.
fn stream(place: &Place) -> &'static str {
    let options = ["--flush-bytes", "4", "--segment-blocks", "2"];
    place.append("a folder/app+1", &options, b"0123456789abcdefghij");
    "a folder/app+1"
}

pub(super) fn any_range_of_offsets_is_written(place: &Place) {
    let name = stream(place);
    let whole = b"0123456789abcdefghij";
    assert_eq!(place.cat(name), whole);
    for (offset, length) in [(0, 20), (0, 1), (7, 2), (8, 8), (5, 12), (19, 5), (20, 1), (99, 1)] {
        let (from, to) = (offset.min(20), (offset + length).min(20));
        let options = ["--offset", &offset.to_string(), "--length", &length.to_string()];
        let ended = place.run("cat", name, &options, b"").with_status(0);
        assert_eq!(ended.stdout, &whole[from..to], "{offset} {length}");
    }
    assert_eq!(place.run("cat", name, &["--offset", "18"], b"").stdout, b"ij");
}

pub(super) fn what_a_stream_consists_of_is_shown(place: &Place) {
    let name = stream(place);
    let shown = place.stat(name);
    assert_eq!(shown["layout"], "append");
    assert_eq!(shown["length"], 20);
    assert_eq!((&shown["epoch"], &shown["sealed"]), (&json!(1), &json!(false)));
    let segment = |number: u32, start: u64, blocks: u32, bytes: u64, closed: bool| {
        json!({"name": format!("{name}/{number}"), "start": start, "blocks": blocks,
               "bytes": bytes, "closed": closed})
    };
    let segments =
        [segment(1, 0, 2, 8, true), segment(2, 8, 2, 8, true), segment(3, 16, 1, 4, false)];
    assert_eq!(shown["segments"], json!(segments));
    let table = place.run("stat", name, &[], b"").with_status(0);
    assert!(table.text().contains("a folder/app+1/3"), "{}", table.text());
}

pub(super) fn a_block_blob_is_found_though_another_lies_below_its_name(place: &Place) {
    place.append("app", &["--layout", "block"], b"one ");
    place.append("app/1", &["--layout", "block"], b"inner");
    place.append("app", &[], b"two");
    assert_eq!(place.cat("app"), b"one two");
    assert_eq!(place.cat("app/1"), b"inner");
    assert_eq!(place.stat("app")["layout"], "block");
}

pub(super) fn a_block_blob_is_written_and_shown_as_the_blob_that_it_is(place: &Place) {
    let options = ["--layout", "block", "--flush-bytes", "4"];
    for (at, part) in [("0", &b"0123456789"[..]), ("10", b"abcdefghij")] {
        place.append("app", &[&options[..], &["--at", at]].concat(), part);
    }
    assert_eq!(place.cat("app"), b"0123456789abcdefghij");
    let options = ["--offset", "8", "--length", "5"];
    assert_eq!(place.run("cat", "app", &options, b"").with_status(0).stdout, b"89abc");
    let blob = json!({"name": "app", "start": 0, "blocks": 6, "bytes": 20, "closed": false});
    let shown = json!({"layout": "block", "length": 20, "epoch": 2, "sealed": false,
                       "segments": [blob]});
    assert_eq!(place.stat("app"), shown);
    let table = place.run("stat", "app", &[], b"").with_status(0);
    assert!(table.text().contains("block layout, 20 bytes (20 B), 6 blocks, owner of epoch 2"));
}

pub(super) fn a_stream_that_is_not_there_is_status_1(place: &Place) {
    place.append("other", &[], b"x");
    let elsewhere = place.without_container();
    for place in [place, &elsewhere] {
        for command in ["cat", "stat"] {
            let ended = place.run(command, "app", &[], b"").with_status(1);
            assert!(ended.stderr.contains("there is no stream"), "{}", ended.stderr);
            assert!(ended.stdout.is_empty());
        }
    }
}
