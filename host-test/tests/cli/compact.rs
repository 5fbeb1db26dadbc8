//! `everblob compact`.

use serde_json::{Value, json};

use crate::program::{
    Running, Store, append, cat, folder, free_port, lines, logged, run, signal, stat,
};

#[test]
fn neighbours_are_merged_until_no_two_fit_into_one_block() {
    let store = Store::in_memory();
    let url = store.url("app");
    let options = ["--layout", "block", "--flush-lines", "1", "--compaction", "none"];
    let lines: Vec<_> = (1..=200_usize).map(|n| format!("{}\n", "x".repeat(n % 23))).collect();
    append(&url, &options, lines.concat().as_bytes());

    let ended = run(&["compact", &url, "--block-size", "64", "--json"], b"").with_status(0);
    let report = ended.json();
    assert_eq!((&report["layout"], &report["blocks_before"]), (&json!("block"), &json!(200)));
    let sizes = crate::sdk::sizes(store.address(), "app");
    assert_eq!(report["blocks_after"], sizes.len());
    assert!(sizes.iter().all(|size| *size <= 64), "{sizes:?}");
    assert!(sizes.windows(2).all(|pair| pair[0] + pair[1] > 64), "{sizes:?}");
    assert!(report["bytes_moved"].as_u64().unwrap() > 0);
    assert_eq!(report["bytes_moved"], report["stats"]["merged_bytes_up"]);
    assert_eq!(cat(&url), lines.concat().as_bytes());

    // Nothing is left to do.
    let ended = run(&["compact", &url, "--block-size", "64"], b"").with_status(0);
    let blocks = sizes.len();
    assert_eq!(ended.text(), format!("{blocks} blocks before, {blocks} after; 0 B moved\n"));
}

#[test]
fn a_writer_that_has_the_stream_open_is_shut_out() {
    let store = Store::in_memory();
    let url = store.url("app");
    let args = ["append", &url, "--create-container", "--layout", "block", "--acks", "--json"];
    let mut writer = Running::start(&[&args[..], &["--flush-lines", "1"]].concat());
    for offset in [4, 8] {
        writer.give(b"one\n");
        assert_eq!(writer.ack(), offset);
    }
    run(&["compact", &url], b"").with_status(0);
    assert_eq!(stat(&url)["segments"][0]["blocks"], 1);
    writer.give(b"two\n");
    let report = writer.end().with_status(1).json();
    assert_eq!(report["error"]["code"], "superseded", "{report}");
    assert_eq!(report["committed"], 8);
    assert_eq!(cat(&url), b"one\none\n");
}

#[test]
fn a_signal_ends_it_while_the_service_is_not_there() {
    let url = format!("http://127.0.0.1:{}/devstoreaccount1/logs/app", free_port());
    let mut running = Running::start(&["compact", &url, "--retry-for", "1h", "--json", "-vv"]);
    let stderr = running.process.stderr.take().unwrap();
    let mut lines = lines(stderr);
    assert!(lines.any(|line| line.contains("reading again after")));
    signal(&running.process, "INT");
    assert!(lines.any(|line| line.contains("what was done until then stays done")));
    assert_eq!(running.wait().with_status(1).json()["error"]["code"], "interrupted");
}

#[test]
fn a_signal_in_the_middle_ends_it_with_what_was_done_until_then() {
    let store = Store::in_memory();
    let url = store.url("app");
    let lines = "line\n".repeat(1000);
    let options = ["--layout", "block", "--block-size", "5", "--compaction", "none"];
    append(&url, &options, lines.as_bytes());
    let mut running = Running::start(&["compact", &url, "--block-size", "11", "--json", "-vv"]);
    let stderr = running.process.stderr.take().unwrap();
    let mut lines_told = crate::program::lines(stderr);
    // A merge was committed. A pipe does not hold what is told of all of them.
    for _ in 0..2 {
        assert!(
            lines_told.any(|line| line.contains("PUT") && line.contains("comp=blocklist: 201"))
        );
    }
    signal(&running.process, "INT");
    assert!(lines_told.any(|line| line.contains("what was done until then stays done")));
    let report = running.wait().with_status(1).json();
    assert_eq!(report["error"]["code"], "interrupted", "{report}");
    assert_eq!(report["blocks_before"], 1000, "{report}");
    let after = report["blocks_after"].as_u64().unwrap();
    assert!((500..1000).contains(&after), "{report}");
    let moved = report["bytes_moved"].as_u64().unwrap();
    assert!((10..5000).contains(&moved) && moved >= 10 * (1000 - after), "{report}");
    assert_eq!(cat(&url), lines.as_bytes());
    assert_eq!(
        run(&["compact", &url, "--block-size", "11", "--json"], b"").json()["blocks_after"],
        500
    );
}

#[test]
fn a_stream_that_is_not_there_is_not_made() {
    let (_folder, log) = folder("requests.jsonl");
    let store = Store::start(&["--listen", "127.0.0.1:0", "--log", log.to_str().unwrap()]);
    append(&store.url("other"), &[], b"x");
    let writes = || -> usize {
        let reads = |name: &str| name.starts_with("Get") || name.starts_with("List");
        logged(&log).iter().filter(|(name, _)| !reads(name)).map(|(_, count)| count).sum()
    };
    let before = writes();
    let elsewhere = format!("http://{}/devstoreaccount1/nothing/app", store.address());
    for url in [store.url("app"), elsewhere] {
        let ended = run(&["compact", &url, "--json"], b"").with_status(1);
        assert!(ended.stderr.contains("there is no stream at http://"), "{}", ended.stderr);
        let report = ended.json();
        assert_eq!(report["error"]["code"], "not-found");
        assert_eq!((&report["layout"], &report["blocks_before"]), (&Value::Null, &Value::Null));
        assert_eq!(report["stats"]["requests"], 0, "the component was not asked");
        run(&["stat", &url], b"").with_status(1);
    }
    assert_eq!(writes(), before);
}

#[test]
fn the_append_layout_is_left_as_it_is() {
    let store = Store::in_memory();
    let url = store.url("app");
    append(&url, &["--flush-lines", "1"], b"one\ntwo\n");
    let before = stat(&url);
    let ended = run(&["compact", &url, "--json"], b"").with_status(1);
    assert_eq!(ended.json()["error"]["code"], "unsupported");
    assert!(ended.stderr.contains("append layout"), "{}", ended.stderr);
    assert_eq!(stat(&url), before, "not even taken over");
    assert_eq!(cat(&url), b"one\ntwo\n");
}
