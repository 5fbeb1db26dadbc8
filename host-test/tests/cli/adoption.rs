//! Blobs that other programs made with the service's own SDK.

use serde_json::{Value, json};

use crate::program::{Store, append, run};
use crate::referee::Azurite;
use crate::sdk;

/// A block ID of 32 bytes: all IDs of a blob have one length.
fn id(number: u32) -> String {
    format!("another-program-{number:016}")
}

fn foreign() -> Value {
    json!({
        "blocks": [
            {"id": id(1), "text": "one\n"},
            {"id": id(2), "text": "two\n"},
            {"id": id(3), "text": "three\n"},
        ],
        "metadata": {"owner": "somebody", "purpose": "to be kept"},
        "headers": {
            "contentType": "text/csv; charset=utf-8",
            "contentEncoding": "zstd",
            "contentLanguage": "en",
            "cacheControl": "max-age=60",
            "contentDisposition": "attachment; filename=app.csv",
        },
    })
}

#[test]
fn a_blob_in_the_emulator_keeps_its_content_metadata_and_headers() {
    adopt(Azurite::start().address());
}

#[test]
fn a_blob_in_the_local_store_keeps_its_content_metadata_and_headers() {
    adopt(Store::in_memory().address());
}

fn adopt(address: &str) {
    let url = format!("http://{address}/devstoreaccount1/logs/app");
    let made = foreign();
    sdk::make(address, "app", &made);
    // What exists decides the layout.
    let report = append(&url, &["--flush-lines", "1"], b"four\nfive\n").json();
    assert_eq!((&report["layout"], &report["start"]), (&json!("block"), &json!(14)), "{report}");
    let shown = sdk::show(address, "app");
    let ids = is_kept(&shown, &made);
    assert_eq!(ids[..3], [id(1), id(2), id(3)]);
    assert_eq!(ids.len(), 5);

    let ended = run(&["compact", &url, "--json"], b"").with_status(0);
    let report = ended.json();
    let blocks = (&report["blocks_before"], &report["blocks_after"], &report["bytes_moved"]);
    assert_eq!(blocks, (&json!(5), &json!(1), &json!(24)), "{report}");
    let merged = is_kept(&sdk::show(address, "app"), &made);
    assert!(merged.len() == 1 && !ids.contains(&merged[0]), "a block with a new name: {merged:?}");
    assert_eq!(sdk::read(address, "app"), b"one\ntwo\nthree\nfour\nfive\n");
}

/// Checks that nothing of what was made is gone, and answers the IDs of the blocks.
fn is_kept(shown: &Value, made: &Value) -> Vec<String> {
    assert_eq!(shown["headers"], made["headers"]);
    for (name, value) in made["metadata"].as_object().unwrap() {
        assert_eq!(&shown["metadata"][name], value, "{shown}");
    }
    assert_eq!(shown["length"], 24);
    assert_eq!(shown["staged"], json!([]));
    let blocks = shown["committed"].as_array().unwrap();
    let ids: Vec<_> = blocks.iter().map(|b| b["id"].as_str().unwrap().to_owned()).collect();
    // Latin-1: a character is a byte.
    assert!(ids.iter().all(|id| id.chars().count() == 32), "{ids:?}");
    ids
}

#[test]
fn what_somebody_else_has_staged_is_dropped_only_if_asked_to() {
    let store = Store::in_memory();
    let (address, url) = (store.address(), store.url("app"));
    sdk::make(address, "app", &foreign());
    let more = json!({"blocks": [{"id": id(4), "text": "four\n"}]});
    for (command, input) in [("append", &b"more\n"[..]), ("compact", b"")] {
        sdk::stage(address, "app", &more);
        let before = sdk::show(address, "app");
        assert_eq!(before["staged"].as_array().unwrap().len(), 1);
        let ended = run(&[command, &url, "--json"], input).with_status(1);
        assert_eq!(ended.json()["error"]["code"], "conflict", "{}", ended.stderr);
        assert_eq!(sdk::show(address, "app")["staged"], before["staged"], "left alone");
        run(&[command, &url, "--discard-staged"], input).with_status(0);
        assert_eq!(sdk::show(address, "app")["staged"], json!([]));
    }
    assert_eq!(sdk::read(address, "app"), b"one\ntwo\nthree\nmore\n");
}

#[test]
fn a_stream_of_the_other_layout_is_not_touched() {
    let store = Store::in_memory();
    for (layout, other) in [("append", "block"), ("block", "append")] {
        let url = store.url(&format!("in-{layout}"));
        append(&url, &["--layout", layout], b"data");
        let before = crate::program::stat(&url);
        let ended = run(&["append", &url, "--layout", other, "--json"], b"more").with_status(1);
        assert_eq!(ended.json()["error"]["code"], "conflict", "{}", ended.stderr);
        assert_eq!(crate::program::stat(&url), before);
    }
}
