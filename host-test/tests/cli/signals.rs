//! Ctrl-C and SIGTERM while appending.

use crate::program::{Running, Store, cat, lines, signal};

#[test]
fn the_first_signal_commits_what_was_read_and_reports() {
    for name in ["INT", "TERM"] {
        let store = Store::in_memory();
        let url = store.url("app");
        let mut running = Running::start(&[
            "append",
            &url,
            "--create-container",
            "--acks",
            "--json",
            "--flush-lines",
            "1",
        ]);
        running.give(b"one\n");
        assert_eq!(running.ack(), 4);
        running.give(b"tail");
        signal(&running.process, name);
        let ended = running.wait().with_status(0);
        let report = ended.json();
        assert_eq!(report["accepted"], report["committed"]);
        // The tail may have come after the signal.
        let committed = report["committed"].as_u64().unwrap();
        assert!(committed == 4 || committed == 8, "{report}");
        assert_eq!(cat(&url), &b"one\ntail"[..usize::try_from(committed).unwrap()]);
    }
}

#[test]
fn a_signal_before_any_input_is_no_failure() {
    let store = Store::in_memory();
    let mut running = Running::start(&["append", &store.url("app"), "--json", "-v"]);
    let stderr = running.process.stderr.take().unwrap();
    // The first line says which credential is used; then it is on its way to the input.
    let mut lines = lines(stderr);
    assert!(lines.any(|line| line.contains("waiting for input")));
    signal(&running.process, "INT");
    assert_eq!(running.wait().with_status(0).json()["stats"]["requests"], 0);
}

#[test]
fn the_second_signal_stops_at_once() {
    let mut store = Store::in_memory();
    let url = store.url("app");
    let mut running = Running::start(&[
        "append",
        &url,
        "--create-container",
        "--acks",
        "--flush-lines",
        "1",
        "--retry-for",
        "1h",
        "-v",
    ]);
    running.give(b"one\n");
    assert_eq!(running.ack(), 4);
    store.kill();
    running.give(b"two\n");
    let stderr = running.process.stderr.take().unwrap();
    let mut lines = lines(stderr);
    assert!(lines.any(|line| line.contains("trying again")));
    signal(&running.process, "INT");
    assert!(lines.any(|line| line.contains("asked to stop")));
    signal(&running.process, "INT");
    assert_eq!(running.wait().status, 130);
}

#[test]
fn a_signal_while_the_service_is_gone_ends_with_what_is_not_committed() {
    let mut store = Store::in_memory();
    let url = store.url("app");
    let mut running = Running::start(&[
        "append",
        &url,
        "--create-container",
        "--acks",
        "--json",
        "--flush-lines",
        "1",
        "--retry-for",
        "500ms",
    ]);
    running.give(b"one\n");
    assert_eq!(running.ack(), 4);
    store.kill();
    running.give(b"two\n");
    signal(&running.process, "TERM");
    let ended = running.wait();
    // The line may have come after the signal; then all that was read is committed.
    let report = ended.json();
    let all = report["accepted"] == report["committed"];
    assert_eq!(ended.status, i32::from(!all), "{report}");
    assert_eq!(report["committed"], 4);
}
