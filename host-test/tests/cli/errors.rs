//! Each error of the README's table that can be raised here: the code in the JSON object, the status,
//! and that nothing was stored. `sealed` is in `orders`, `superseded` in `takeover`.

use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::credentials::{signed, signed_until, with};
use crate::program::{Ended, Store, append, cat, everblob, finish, folder, free_port, run};
use crate::referee::Azurite;
use crate::sdk;

/// Asserts that a run was refused with this code.
#[track_caller]
fn refused(ended: Ended, code: &str) -> Ended {
    let ended = ended.with_status(1);
    let error = &ended.json()["error"];
    assert_eq!(error["code"], code, "{error}");
    assert!(ended.stderr.contains(error["message"].as_str().unwrap()), "{}", ended.stderr);
    ended
}

/// Runs of `append` and `stat` that are refused with this code.
#[track_caller]
fn both_refused(url: &str, code: &str) {
    refused(run(&["append", url, "--retry-for", "0s", "--json"], b"more"), code);
    refused(run(&["stat", url, "--json"], b""), code);
}

#[test]
fn a_wrong_key_and_a_signature_that_has_expired_are_unauthenticated() {
    let (azurite, store) = (Azurite::start(), Store::in_memory());
    // The emulator calls both AuthorizationFailure, the service AuthenticationFailed as the store does.
    let (emulated, real) = ("access-denied", "unauthenticated");
    for (address, code) in [(azurite.address(), emulated), (store.address(), real)] {
        let url = format!("http://{address}/devstoreaccount1/logs/app");
        append(&url, &[], b"x");
        let key =
            [("AZURE_STORAGE_ACCOUNT", "devstoreaccount1"), ("AZURE_STORAGE_KEY", "c2VjcmV0")];
        for args in [["append", &url, "--json"], ["stat", &url, "--json"]] {
            refused(with(&key, &args, b"more"), code);
        }
        let past = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - Duration::from_secs(60);
        both_refused(&signed_until(&url, "racwl", past), code);
        assert_eq!(cat(&url), b"x");
    }
}

#[test]
fn a_signature_without_the_right_to_write_is_denied_access() {
    let (azurite, store) = (Azurite::start(), Store::in_memory());
    for address in [azurite.address(), store.address()] {
        let url = format!("http://{address}/devstoreaccount1/logs/app");
        append(&url, &[], b"x");
        refused(run(&["append", &signed(&url, "rl"), "--json"], b"more"), "access-denied");
        assert_eq!(cat(&url), b"x");
    }
}

#[test]
fn a_container_that_is_missing_is_not_found() {
    let (azurite, store) = (Azurite::start(), Store::in_memory());
    for address in [azurite.address(), store.address()] {
        both_refused(&format!("http://{address}/devstoreaccount1/nothing/app"), "not-found");
    }
}

#[test]
fn a_service_that_cannot_be_reached_is_unavailable() {
    let sas = "sv=2024-11-04&sr=c&sp=racwl&se=2099-01-01T00%3A00%3A00Z&sig=aGlkZGVu";
    let closed = format!("http://127.0.0.1:{}/devstoreaccount1/logs/app?{sas}", free_port());
    let unknown = format!("http://nowhere.invalid:10000/logs/app?{sas}");
    for url in [closed, unknown] {
        refused(run(&["append", &url, "--retry-for", "0s", "--json"], b"x"), "unavailable");
        refused(run(&["seal", &url, "--retry-for", "0s", "--json"], b""), "unavailable");
    }
}

#[test]
fn a_name_that_something_else_has_is_a_conflict() {
    let (azurite, store) = (Azurite::start(), Store::in_memory());
    for address in [azurite.address(), store.address()] {
        for (stored, asked) in [("append", "block"), ("block", "append")] {
            let url = format!("http://{address}/devstoreaccount1/logs/{stored}");
            append(&url, &["--layout", stored], b"x");
            let args = ["append", &url, "--layout", asked, "--json"];
            refused(run(&args, b"more"), "conflict");
            assert_eq!(cat(&url), b"x");
        }
    }
}

#[test]
fn a_page_blob_is_a_conflict() {
    let azurite = Azurite::start();
    sdk::make_page_blob(azurite.address(), "app");
    sdk::make_page_blob(azurite.address(), "chain/1");
    for name in ["app", "chain"] {
        both_refused(
            &format!("http://{}/devstoreaccount1/logs/{name}", azurite.address()),
            "conflict",
        );
    }
}

#[test]
fn an_end_that_is_not_where_it_is_expected_is_told() {
    let store = Store::in_memory();
    for layout in ["append", "block"] {
        let url = store.url(layout);
        append(&url, &["--layout", layout], b"four");
        let ended = refused(run(&["append", &url, "--at", "5", "--json"], b"x"), "ends-elsewhere");
        assert!(ended.stderr.contains("the stream ends at 4"), "{}", ended.stderr);
        assert_eq!(cat(&url), b"four");
    }
}

#[test]
fn a_full_disk_under_the_store_loses_nothing_that_was_committed() {
    let (_folder, data) = folder("data");
    let data = data.to_str().unwrap();
    let store = everblob(&["store", "--listen", "127.0.0.1:0", "--data", data]);
    // A file that may not grow is as near to a full disk as a test without privileges comes.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"]);
    limited.arg(store.get_program()).args(store.get_args());
    let store = Store::of({
        limited.stdin(Stdio::null()).stdout(Stdio::piped());
        limited
    });
    let url = store.url("app");
    let input: Vec<u8> = (0..20_000).flat_map(|n: u32| format!("{n}\n").into_bytes()).collect();
    let options = ["--create-container", "--flush-bytes", "4KiB", "--retry-for", "0s", "--json"];
    let ended = refused(run(&[&["append", &url][..], &options].concat(), &input), "unavailable");
    let committed = usize::try_from(ended.json()["committed"].as_u64().unwrap()).unwrap();
    assert!(committed > 0 && committed < input.len(), "{committed}");
    drop(store);

    let store = Store::start(&["--listen", "127.0.0.1:0", "--data", data]);
    let stored = cat(&store.url("app"));
    assert!(stored.len() >= committed && input.starts_with(&stored), "{} bytes", stored.len());
}

#[test]
fn an_archived_blob_is_not_appended_to() {
    let azurite = Azurite::start();
    let url = format!("http://{}/devstoreaccount1/logs/app", azurite.address());
    append(&url, &["--layout", "block"], b"x");
    sdk::archive(azurite.address(), "app");
    let ended = run(&["append", &url, "--retry-for", "0s", "--json"], b"more");
    let ended = refused(ended, "conflict");
    assert!(ended.stderr.contains("archived"), "{}", ended.stderr);
}

#[test]
fn input_that_ends_in_mid_line_is_committed_whole() {
    let store = Store::in_memory();
    let url = store.url("app");
    let report = append(&url, &["--flush-lines", "1"], b"one\ntw").json();
    assert_eq!(report["committed"], 6);
    assert_eq!(cat(&url), b"one\ntw");
}

#[test]
fn a_url_without_a_container_is_wrong_usage() {
    for command in ["append", "cat", "compact", "rollover", "seal", "stat"] {
        for url in ["https://a.blob.core.windows.net", "http://127.0.0.1:1/devstoreaccount1"] {
            let ended = finish(everblob(&[command, url]).spawn().unwrap(), b"").with_status(2);
            assert!(ended.stderr.contains("the URL has no"), "{}", ended.stderr);
        }
    }
}

#[test]
fn the_table_has_every_error_of_the_interface() {
    let wit = include_str!("../../../wit/append-stream.wit");
    let cases = wit.split_once("variant error {").unwrap().1.split_once("\n  }").unwrap().0;
    let cases =
        cases.lines().map(str::trim).filter(|line| line.ends_with(',') && !line.starts_with('/'));
    let codes: Vec<_> = cases.map(|line| line.split(['(', ',']).next().unwrap()).collect();
    assert!(codes.contains(&"superseded") && codes.contains(&"other"), "{codes:?}");
    let readme = include_str!("../../../README.md");
    for code in codes.iter().chain(&["interrupted", "input-failed", "component-failed"]) {
        assert!(readme.contains(&format!("\n| `{code}` |")), "{code}");
    }
}
