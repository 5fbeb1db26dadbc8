//! The store is killed again and again while a run appends to it.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::program::{Running, Store, cat, free_port, stat};

#[test]
fn killing_the_store_with_a_request_in_flight_loses_and_doubles_nothing() {
    const KILLS: u64 = 30;
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    let options = ["--listen", &listen, "--data", folder.path().to_str().unwrap()];
    let mut store = Store::start(&options);
    let url = store.url("app");
    let mut running = Running::start(&[
        "append",
        &url,
        "--create-container",
        "--acks",
        "--json",
        "--flush-lines",
        "1",
        "--segment-blocks",
        "40",
        "--retry-for",
        "60s",
    ]);
    // More lines than acks are waited for, so that a request is always under way.
    let mut text = String::new();
    for number in 0..1500 {
        writeln!(text, "{number} {}", "x".repeat(number % 97)).unwrap();
    }
    let mut input = running.take_input();
    let lines = text.clone();
    let feeding = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let (mut committed, mut state) = (0, 2_463_534_242_u64);
    for _ in 0..KILLS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        for _ in 0..1 + state % 40 {
            committed = running.ack();
        }
        store.kill();
        store = Store::start(&options);
        assert!(
            stat(&url)["length"].as_u64().unwrap() >= committed,
            "what was acknowledged is there"
        );
    }
    feeding.join().unwrap().unwrap();
    let ended = running.end().with_status(0);
    let report = ended.json();
    assert_eq!(report["committed"], text.len());
    assert!(report["stats"]["retries"].as_u64().unwrap() > 0, "{report}");
    assert!(cat(&url) == text.as_bytes());
}
