//! Output that cannot be written, and output that nobody reads.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::credentials::signed;
use crate::program::{Ended, Store, append, cat, everblob, finish, run, signal};

/// Runs with a stdout that takes nothing, as a full disk does.
fn into_full(args: &[&str], input: &[u8]) -> Ended {
    let full = File::options().write(true).open("/dev/full").unwrap();
    finish(everblob(args).stdout(full).spawn().unwrap(), input)
}

/// Runs with a stdout that was closed at the other end.
fn into_closed(args: &[&str], input: &[u8]) -> Ended {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    finish(everblob(args).stdout(Stdio::from(writer)).spawn().unwrap(), input)
}

/// Runs of every command that writes to stdout, on a stream of the block layout.
fn runs(url: &str) -> Vec<Vec<&str>> {
    let container = &url[..url.rfind('/').unwrap()];
    vec![
        vec!["append", url, "--json"],
        vec!["append", url, "--acks"],
        vec!["cat", url],
        vec!["ls", container],
        vec!["ls", container, "--json"],
        vec!["stat", url],
        vec!["stat", url, "--json"],
        vec!["compact", url],
        vec!["completions", "bash"],
        vec!["man"],
        vec!["--version"],
        vec!["--version", "--json"],
        vec!["seal", url, "--json"],
    ]
}

#[test]
fn output_that_cannot_be_written_is_status_1() {
    let store = Store::in_memory();
    let url = store.url("app");
    append(&url, &["--layout", "block"], b"data");
    for args in runs(&url) {
        let ended = into_full(&args, b"more").with_status(1);
        assert!(ended.stderr.contains("cannot write: No space left"), "{args:?}: {}", ended.stderr);
    }
    // What was given is stored all the same.
    assert_eq!(cat(&url), b"datamoremore");
}

#[test]
fn a_failure_is_told_beside_that_its_report_cannot_be_written() {
    let store = Store::in_memory();
    let (missing, stream) = (store.url("missing"), store.url("app"));
    append(&stream, &[], b"data");
    let elsewhere = missing.replace("/logs/", "/nothing/");
    for (args, why) in [
        (&["stat", &missing, "--json"][..], "there is no stream"),
        (&["seal", &missing, "--json"], "there is no stream"),
        (&["ls", &elsewhere, "--json"], "there is no container"),
        (&["append", &stream, "--at", "5", "--json"], "ends at 4"),
    ] {
        let ended = into_full(args, b"x").with_status(1);
        assert!(ended.stderr.contains("cannot write"), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(why), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn output_that_nobody_reads_is_no_failure() {
    let store = Store::in_memory();
    let url = store.url("app");
    append(&url, &["--layout", "block"], b"data");
    for args in runs(&url) {
        let ended = into_closed(&args, b"more").with_status(0);
        assert_eq!(ended.stderr, "", "{args:?}");
    }
    assert_eq!(cat(&url), b"datamoremore");
}

#[test]
fn twice_verbose_tells_the_fate_of_every_request_and_once_does_not() {
    let store = Store::in_memory();
    let url = signed(&store.url("app"), "racwl");
    append(&store.url("other"), &[], b"x");
    let place = format!("{}/devstoreaccount1/logs", store.address());
    for (command, request) in [
        ("append", format!("PUT {place}/app/1?comp=appendblock: 201 in ")),
        ("append", format!("PUT {place}/app/1?comp=metadata: 200 in ")),
        ("cat", format!("GET {place}/app/1: 206 in ")),
        ("stat", format!("HEAD {place}/app/1: 200 in ")),
        ("stat", format!("GET {place}?comp=list: 200 in ")),
    ] {
        let twice = run(&[command, &url, "-vv"], b"data").with_status(0).stderr;
        assert!(twice.contains(&request), "{request}: {twice}");
        assert!(!twice.contains("sig="), "{twice}");
        let once = run(&[command, &url, "-v"], b"data").with_status(0).stderr;
        assert!(!once.is_empty() && !once.contains(" in "), "{once}");
    }
}

#[test]
fn a_log_that_cannot_be_written_changes_nothing() {
    let store = Store::in_memory();
    let url = store.url("app");
    let into_full = |args: &[&str], input: &[u8]| {
        let full = File::options().write(true).open("/dev/full").unwrap();
        finish(everblob(args).stderr(full).spawn().unwrap(), input)
    };
    let args = ["append", &url, "--create-container", "--flush-lines", "1", "--acks", "-vv"];
    let ended = into_full(&args, b"one\ntwo\n").with_status(0);
    assert_eq!(ended.text(), "committed 4\ncommitted 8\n");
    into_full(&["cat", &store.url("nothing")], b"").with_status(1);
    into_full(&["append", "foo"], b"").with_status(2);
    into_full(&["frobnicate"], b"").with_status(2);
    assert_eq!(cat(&url), b"one\ntwo\n");
}

#[test]
fn a_store_whose_log_cannot_be_written_stops_when_it_is_told() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut store = everblob(&["store", "--listen", "127.0.0.1:0", "-v"]);
    let mut store = store.stderr(full).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(store.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("listening on "), "{line}");
    signal(&store, "TERM");
    assert_eq!(store.wait().unwrap().code(), Some(0));
}
