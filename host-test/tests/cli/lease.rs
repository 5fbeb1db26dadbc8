//! Leases: a run that holds one is waited for, and gives it back.

use crate::credentials::signed;
use crate::program::{Ended, Running, Store, append, cat, lines, run};
use crate::referee::Azurite;
use crate::sdk;

const LAYOUTS: [(&str, &str); 2] = [("append", "app/1"), ("block", "app")];

/// What is the same on the emulator and the store.
fn everywhere(behaviour: fn(address: &str, url: &str, layout: &str, blob: &str)) {
    for (layout, blob) in LAYOUTS {
        let (azurite, store) = (Azurite::start(), Store::in_memory());
        for address in [azurite.address(), store.address()] {
            let url = format!("http://{address}/devstoreaccount1/logs/app");
            behaviour(address, &url, layout, blob);
        }
    }
}

/// A run under lease that has committed a line and waits for more.
fn holding(url: &str, layout: &str) -> Running {
    let args = ["append", url, "--create-container", "--layout", layout, "--lease", "--json"];
    let mut holding = Running::start(&[&args[..], &["--acks", "--flush-lines", "1"]].concat());
    holding.give(b"one\n");
    assert_eq!(holding.ack(), 4);
    holding
}

fn refused(ended: Ended, code: &str, says: &str) {
    let ended = ended.with_status(1);
    assert_eq!(ended.json()["error"]["code"], code, "{}", ended.text());
    assert!(ended.stderr.contains(says), "{}", ended.stderr);
}

#[test]
fn a_run_under_lease_is_not_taken_over_and_gives_the_lease_back() {
    everywhere(|address, url, layout, blob| {
        let mut earlier = holding(url, layout);
        assert_eq!(sdk::show(address, blob)["lease"], "leased");
        let later = run(&["append", url, "--retry-for", "0s", "--json"], b"two\n");
        refused(later, "unavailable", "somebody else holds a lease");
        earlier.give(b"two\n");
        assert_eq!(earlier.ack(), 8);
        let report = earlier.end().with_status(0).json();
        assert_eq!(report["stats"]["requests_by_kind"]["lease_blob"], 2, "taken and given back");
        assert_eq!(sdk::show(address, blob)["lease"], "available");
        append(url, &["--at", "8"], b"six\n");
        assert_eq!(cat(url), b"one\ntwo\nsix\n");
    });
}

#[test]
fn a_run_whose_lease_was_broken_is_superseded_by_the_next_run() {
    everywhere(|address, url, layout, blob| {
        let mut earlier = holding(url, layout);
        sdk::break_lease(address, blob);
        append(url, &["--at", "4"], b"two\n");
        earlier.give(b"late\n");
        refused(earlier.end(), "superseded", "committed up to offset 4");
        assert_eq!(cat(url), b"one\ntwo\n");
    });
}

#[test]
fn a_run_whose_lease_was_broken_goes_on_if_nobody_came() {
    everywhere(|address, url, layout, blob| {
        let mut run = holding(url, layout);
        sdk::break_lease(address, blob);
        run.give(b"two\n");
        assert_eq!(run.ack(), 8);
        assert_eq!(sdk::show(address, blob)["lease"], "leased");
        run.end().with_status(0);
        assert_eq!(cat(url), b"one\ntwo\n");
    });
}

#[test]
fn every_segment_but_the_last_is_given_back() {
    everywhere(|address, url, layout, _| {
        if layout == "block" {
            return;
        }
        let args = ["append", url, "--create-container", "--lease=15s", "--segment-blocks", "1"];
        let mut run = Running::start(&[&args[..], &["--acks", "--flush-lines", "1"]].concat());
        for offset in [2, 4, 6] {
            run.give(b"x\n");
            assert_eq!(run.ack(), offset);
        }
        let leases =
            || ["app/1", "app/2", "app/3"].map(|it| sdk::show(address, it)["lease"].clone());
        // The last release is under way beside the append.
        let expected = ["available", "available", "leased"];
        assert!((0..20).any(|_| leases() == expected), "{:?}", leases());
        run.end().with_status(0);
    });
}

#[test]
fn a_lease_takes_the_permission_to_write() {
    let store = Store::in_memory();
    let url = store.url("app");
    append(&url, &[], b"one\n");
    let url = signed(&url, "rac");
    refused(
        run(&["append", &url, "--lease", "--json"], b"x"),
        "access-denied",
        "PermissionMismatch",
    );
}

#[test]
fn a_lease_has_fifteen_to_sixty_seconds() {
    for lease in ["--lease=14s", "--lease=61s", "--lease=15500ms", "--lease=long"] {
        let ended = run(&["append", "http://127.0.0.1:1/a/logs/app", lease], b"");
        assert!(ended.with_status(2).stderr.contains("--lease"), "{lease}");
    }
}

#[test]
fn a_run_under_lease_opens_the_stream_before_there_is_input() {
    let store = Store::in_memory();
    let url = store.url("app");
    let mut waiting = Running::start(&["append", &url, "--create-container", "--lease", "-v"]);
    let mut told = lines(waiting.process.stderr.take().unwrap());
    assert!(told.any(|line| line.contains("waiting for input")));
    let later = run(&["append", &url, "--retry-for", "0s", "--json"], b"x");
    refused(later, "unavailable", "somebody else holds a lease");
    waiting.give(b"one\n");
    waiting.end().with_status(0);
    assert_eq!(cat(&url), b"one\n");
}
