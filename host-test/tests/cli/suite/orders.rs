//! `everblob seal` and `everblob rollover`.

use serde_json::{Value, json};

use crate::place::Place;

pub(super) fn an_ended_stream_takes_no_more(place: &Place) {
    is_ended(place, "append");
}

pub(super) fn an_ended_block_blob_takes_no_more(place: &Place) {
    is_ended(place, "block");
}

/// Ends a stream, twice, and makes sure that nothing can be appended.
///
/// The emulator answers 500 to a seal over a signature: the mark alone ends the stream.
fn is_ended(place: &Place, layout: &str) {
    place.append("app", &["--layout", layout], b"one\ntwo\n");
    let report = place.run("seal", "app", &["--json"], b"").with_status(0).json();
    assert_eq!(report["layout"], layout, "{report}");
    assert_eq!((&report["length"], &report["sealed"]), (&json!(8), &json!(true)), "{report}");
    let ended = place.run("seal", "app", &[], b"").with_status(0);
    assert_eq!(ended.text(), "the stream is ended at offset 8\n");
    assert_eq!(place.stat("app")["sealed"], true);
    let ended = place.run("append", "app", &["--json"], b"three\n").with_status(1);
    assert_eq!(ended.json()["error"]["code"], "sealed", "{}", ended.stderr);
    assert!(ended.stderr.contains("the stream was ended"), "{}", ended.stderr);
    assert_eq!(place.cat("app"), b"one\ntwo\n");
}

pub(super) fn a_segment_is_closed_and_the_next_begins_with_the_next_byte(place: &Place) {
    place.append("app", &[], b"one\n");
    for _ in 0..2 {
        let report = place.run("rollover", "app", &["--json"], b"").with_status(0).json();
        assert_eq!((&report["layout"], &report["length"]), (&json!("append"), &json!(4)));
        assert_eq!(report["closed"], "app/1", "{report}");
    }
    assert_eq!(closed(&place.stat("app")), [true], "closing again does nothing");
    place.append("app", &[], b"two\n");
    let ended = place.run("rollover", "app", &[], b"").with_status(0);
    assert_eq!(ended.text(), "app/2 is closed; the stream goes on at offset 8\n");
    assert_eq!(closed(&place.stat("app")), [true, true]);
    assert_eq!(place.cat("app"), b"one\ntwo\n");
}

fn closed(shown: &Value) -> Vec<bool> {
    let segments = shown["segments"].as_array().unwrap();
    segments.iter().map(|segment| segment["closed"].as_bool().unwrap()).collect()
}

pub(super) fn the_block_layout_has_no_segment_to_close(place: &Place) {
    place.append("app", &["--layout", "block"], b"one\n");
    let before = place.stat("app");
    let ended = place.run("rollover", "app", &["--json"], b"").with_status(1);
    assert_eq!(ended.json()["error"]["code"], "unsupported");
    assert!(ended.stderr.contains("block layout"), "{}", ended.stderr);
    assert_eq!(place.stat("app"), before, "not even taken over");
}

pub(super) fn a_writer_that_has_the_stream_open_learns_of_its_end(place: &Place) {
    for layout in ["append", "block"] {
        let options = ["--create-container", "--acks", "--json", "--flush-lines", "1"];
        let options = [&options[..], &["--layout", layout]].concat();
        let mut writer = place.start("append", layout, &options);
        writer.give(b"one\n");
        assert_eq!(writer.ack(), 4);
        place.run("seal", layout, &[], b"").with_status(0);
        writer.give(b"two\n");
        let report = writer.end().with_status(1).json();
        assert_eq!(report["error"]["code"], "superseded", "{report}");
        assert_eq!(place.cat(layout), b"one\n");
    }
}
