//! Output that cannot be written, and output that nobody reads.

use std::fs::File;
use std::process::Stdio;

use crate::credentials::signed;
use crate::program::{Ended, Store, append, cat, everblob, finish, run};

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
