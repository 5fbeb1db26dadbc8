//! `everblob sas`: its tokens against the local store and the emulator.

use everblob_host::credential::DEVELOPMENT_KEY;

use crate::program::{Ended, Store, append, cat, everblob, run, signature};
use crate::referee::Azurite;

const PAST: [&str; 4] = ["--start", "2020-01-01", "--expiry", "2020-01-02T00:00:00Z"];

/// The URL with a token made by these options.
#[track_caller]
fn signed(url: &str, options: &[&str]) -> String {
    let args = [&["sas", url, "--url"], options].concat();
    signature(everblob(&args)).with_status(0).text().trim_end().to_owned()
}

#[track_caller]
fn refused(ended: Ended, code: &str) {
    let ended = ended.with_status(1);
    assert_eq!(ended.json()["error"]["code"], code, "{}", ended.stderr);
    assert!(!ended.stderr.contains("sig="), "{}", ended.stderr);
}

/// What any service does with the tokens for the containers and blobs at `address`.
///
/// `expired` is what an append says of a token that has expired.
fn check_against(address: &str, expired: &str) {
    let url = &format!("http://{address}/devstoreaccount1/logs/app end+1");
    let url = &url.replace(' ', "%20");
    append(url, &[], b"key ");
    let all = signed(url, &["--permissions", "racwl", "--expiry", "1h"]);
    run(&["append", &all, "--flush-bytes", "3"], b"container").with_status(0);
    assert_eq!(cat(&all), b"key container");

    let here = ["--permissions", "rl", "--expiry", "1h", "--ip", "127.0.0.1-127.0.0.9"];
    let reading = signed(url, &here);
    assert_eq!(cat(&reading), b"key container");
    refused(run(&["append", &reading, "--json"], b"x"), "access-denied");

    let old = signed(url, &[&["--permissions", "racwl"], &PAST[..]].concat());
    refused(run(&["append", &old, "--json"], b"x"), expired);
    assert_eq!(cat(url), b"key container");

    let url = &format!("http://{address}/devstoreaccount1/logs/block");
    append(url, &["--layout", "block"], b"key ");
    let blob = signed(url, &["--permissions", "rw", "--expiry", "1h", "--resource", "blob"]);
    run(&["append", &blob, "--layout", "block"], b"blob").with_status(0);
    assert_eq!(cat(url), b"key blob");
    let other = blob.replace("/block?", "/other?");
    run(&["append", &other, "--layout", "block"], b"x").with_status(1);
}

#[test]
fn tokens_give_what_they_say_in_the_local_store() {
    let store = Store::in_memory();
    check_against(store.address(), "unauthenticated");
    let url = store.url("app%20end%2B1");
    let elsewhere = ["--permissions", "racwl", "--expiry", "1h", "--ip", "10.0.0.1"];
    refused(run(&["append", &signed(&url, &elsewhere), "--json"], b"x"), "access-denied");
    let secure = ["--permissions", "racwl", "--expiry", "1h", "--https-only"];
    refused(run(&["append", &signed(&url, &secure), "--json"], b"x"), "access-denied");
}

#[test]
fn tokens_give_what_they_say_in_the_emulator() {
    // It has one code for all that is wrong with a signature.
    check_against(Azurite::start().address(), "access-denied");
}

#[test]
fn only_the_key_of_the_account_signs() {
    let options = ["--permissions", "r", "--expiry", "1h"];
    let sas = |url: &str, variables: &[(&str, &str)]| {
        let mut command = everblob(&[&["sas", url], &options[..]].concat());
        command.envs(variables.iter().copied());
        signature(command)
    };
    let azure = "https://mylogs.blob.core.windows.net/logs/app";
    sas(azure, &[]).with_status(2);
    sas(azure, &[("AZURE_STORAGE_BEARER_TOKEN", "token")]).with_status(2);
    let mut key = [("AZURE_STORAGE_KEY", DEVELOPMENT_KEY), ("AZURE_STORAGE_ACCOUNT", "other")];
    let ended = sas(azure, &key).with_status(2);
    assert!(!ended.stderr.contains(DEVELOPMENT_KEY), "{}", ended.stderr);
    key[1].1 = "mylogs";
    // A token that is set beside the key does not get in its way.
    let variables = [key[0], key[1], ("AZURE_STORAGE_SAS_TOKEN", "sv=1&sig=x")];
    let ended = sas(azure, &variables).with_status(0);
    assert!(ended.text().starts_with("sv=2024-11-04&se="), "{}", ended.text());
    sas(&format!("{azure}?sv=1&sig=x"), &key).with_status(2);
}

#[test]
fn what_cannot_be_signed_is_wrong_usage() {
    let url = "http://127.0.0.1:10000/devstoreaccount1/logs/app";
    for options in [
        &["--permissions", "r"][..],
        &["--expiry", "1h"],
        &["--permissions", "rq", "--expiry", "1h"],
        &["--permissions", "r", "--expiry", "soon"],
        &["--permissions", "r", "--expiry", "2020-01-01", "--start", "2020-01-01"],
        &["--permissions", "rl", "--expiry", "1h", "--resource", "blob"],
        &["--permissions", "r", "--expiry", "1h", "--ip", "::1"],
    ] {
        let ended = run(&[&["sas", url], options].concat(), b"").with_status(2);
        assert!(ended.stdout.is_empty(), "{options:?}");
    }
}

/// That a run is refused, and that the message names what it lacks.
#[track_caller]
fn lacks(permissions: &str, url: &str, command: &str, permission: &str) {
    let url = crate::credentials::signed(url, permissions);
    let ended = run(&[command, &url, "--json"], b"x").with_status(1);
    let error = &ended.json()["error"];
    assert_eq!(error["code"], "access-denied", "{error}");
    let message = error["message"].as_str().unwrap();
    let named = message.ends_with(&format!("; this takes the permission {permission}"));
    assert!(named, "{permissions} {command}: {message}");
}

/// A stream of each layout in the container at `address`: their URLs and that of a new one.
fn streams(address: &str) -> [String; 3] {
    let url = |name: &str| format!("http://{address}/devstoreaccount1/logs/{name}");
    append(&url("append"), &[], b"x");
    append(&url("block"), &["--layout", "block"], b"x");
    [url("append"), url("block"), url("new")]
}

#[test]
fn a_permission_that_is_missing_is_named() {
    let (azurite, store) = (Azurite::start(), Store::in_memory());
    let [appended, blocks, new] = streams(store.address());
    lacks("racw", appended.trim_end_matches("/append"), "ls", "`l`");
    lacks("acwl", &appended, "append", "`r`");
    lacks("acwl", &appended, "stat", "`r`");
    lacks("rcl", &appended, "append", "`a` or `w`");
    lacks("ral", &new, "append", "`c` or `w`");
    lacks("racl", &appended, "seal", "`w`");
    lacks("racl", &blocks, "append", "`w`");
    lacks("racl", &blocks, "compact", "`w`");
    // The emulator has the same code for it.
    let [appended, blocks, _] = streams(azurite.address());
    lacks("racw", appended.trim_end_matches("/append"), "ls", "`l`");
    lacks("rcl", &appended, "append", "`a` or `w`");
    lacks("racl", &blocks, "append", "`w`");
}
