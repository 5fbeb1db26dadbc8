//! `everblob seal` and `everblob rollover` where the local store's log or a lacking permission is what
//! matters. What every service does is in `suite`.

use serde_json::Value;

use crate::credentials::signed;
use crate::program::{Running, Store, append, folder, free_port, lines, logged, run, signal, stat};

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
