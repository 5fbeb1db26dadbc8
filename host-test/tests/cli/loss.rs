//! What ends a run in the middle and cannot be mended by it: somebody else's hand in the stream,
//! bytes that are gone, an append whose outcome nobody can know. In both layouts.

use std::path::Path;
use std::process::Command;

use crate::program::{Ended, Running, Store, append, cat, folder, free_port, run};
use crate::relay::{Relay, sever};
use crate::sdk;

const LAYOUTS: [(&str, &str); 2] = [("append", "app/1"), ("block", "app")];

/// A run that has committed `one\n`.
fn begun(url: &str, layout: &str) -> Running {
    let args = ["append", url, "--create-container", "--layout", layout, "--acks", "--json"];
    let more = ["--flush-lines", "1", "--retry-for", "1h", "-vvv"];
    let mut running = Running::start(&[&args[..], &more].concat());
    running.give(b"one\n");
    assert_eq!(running.ack(), 4);
    running
}

/// Asserts how a run was stopped: the code, the offset up to which it is committed, and what it says.
#[track_caller]
fn stopped(running: Running, code: &str, committed: u64, says: &str) -> Ended {
    let ended = running.end().with_status(1);
    let report = ended.json();
    assert_eq!(report["error"]["code"], code, "{report}");
    assert_eq!(report["committed"], committed, "{report}");
    assert!(ended.stderr.contains(says), "{}", ended.stderr);
    ended
}

#[test]
fn a_stream_that_another_program_appends_to_is_diverged() {
    for (layout, blob) in LAYOUTS {
        let store = Store::in_memory();
        let url = store.url("app");
        let mut running = begun(&url, layout);
        sdk::add(store.address(), blob, "foreign\n");
        running.give(b"two\n");
        let says = match layout {
            "append" => "segment 1 has 12 bytes and should have 4",
            _ => "the blob's block list is not one that Everblob sent",
        };
        stopped(running, "diverged", 4, says);
        assert_eq!(cat(&url), b"one\nforeign\n", "nothing was changed in return");
    }
}

#[test]
fn a_stream_that_goes_back_in_time_is_rewound() {
    for (layout, _) in LAYOUTS {
        let (_folder, data) = folder("data");
        let (_other, older) = folder("older");
        let listen = format!("127.0.0.1:{}", free_port());
        let options = ["--listen", &listen, "--data", data.to_str().unwrap()];
        let mut store = Store::start(&options);
        let mut running = begun(&store.url("app"), layout);
        store.kill();
        copy(&data, &older);
        store = Store::start(&options);
        running.give(b"two\n");
        assert_eq!(running.ack(), 8);
        store.kill();
        std::fs::remove_dir_all(&data).unwrap();
        copy(&older, &data);
        store = Store::start(&options);
        running.give(b"three\n");
        stopped(running, "rewound", 8, "the stream ends before 8, up to which it was committed");
        assert_eq!(cat(&store.url("app")), b"one\n");
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
}

#[test]
fn an_append_in_doubt_behind_two_other_writers_has_an_unknown_outcome() {
    for (layout, request) in [("append", "comp=appendblock"), ("block", "comp=blocklist")] {
        let store = Store::in_memory();
        let relay = Relay::start(store.address());
        let mut running = begun(&url_at(&relay), layout);
        relay.keep_answer_to(request);
        running.give(b"two\n");
        let connection = relay.answered();
        let url = store.url("app");
        // The first could still tell how long the stream was when it came; the second hides that,
        // in the block layout together with the blocks.
        append(&url, &[], b"first\n");
        match layout {
            "append" => append(&url, &[], b"second\n"),
            _ => run(&["compact", &url], b"").with_status(0),
        };
        sever(&connection);
        let says = "whether the bytes from offset 4 to 8 are is not known";
        let ended = stopped(running, "unknown-outcome", 4, says);
        assert!(ended.stderr.contains("the stream was lost to another writer"), "{}", ended.stderr);
        assert!(cat(&url).starts_with(b"one\ntwo\nfirst\n"));
    }
}

fn url_at(relay: &Relay) -> String {
    format!("http://{}/devstoreaccount1/logs/app", relay.address())
}
