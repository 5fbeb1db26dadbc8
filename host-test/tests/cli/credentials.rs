//! Each kind of credential against the local store, which checks them as the service does.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use everblob::azure::sas::ServiceSas;
use everblob::azure::sign::AccountKey;
use everblob::time::UnixTime;
use everblob_host::credential::{DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY};
use everblob_host::store::{self, Secret, StoreOptions};

use crate::program::{Ended, Running, Store, append, cat, everblob, finish, lines, run};

/// The URL with a signature that gives these permissions on the container for an hour.
pub(crate) fn signed(url: &str, permissions: &str) -> String {
    signed_for(url, permissions, None, in_an_hour())
}

/// As [`signed`], until a time after the epoch.
pub(crate) fn signed_until(url: &str, permissions: &str, expiry: Duration) -> String {
    signed_for(url, permissions, None, expiry)
}

fn in_an_hour() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(3600)
}

/// As [`signed_until`], for one blob of the container or for all of it.
fn signed_for(url: &str, permissions: &str, blob: Option<&str>, expiry: Duration) -> String {
    let sas = ServiceSas {
        permissions,
        start: None,
        expiry: UnixTime(expiry.as_secs()),
        container: "logs",
        blob,
        https_only: false,
        addresses: None,
    };
    let key = AccountKey::from_base64(DEVELOPMENT_KEY).unwrap();
    format!("{url}?{}", sas.token(DEVELOPMENT_ACCOUNT, &key))
}

pub(crate) fn with(variables: &[(&str, &str)], args: &[&str], input: &[u8]) -> Ended {
    let mut command = everblob(args);
    command.envs(variables.iter().copied());
    finish(command.spawn().unwrap(), input)
}

#[test]
fn a_signature_for_one_blob_is_enough_for_the_block_layout() {
    let store = Store::in_memory();
    append(&store.url("other"), &[], b"so that there is a container");
    let url = signed_for(&store.url("app"), "rw", Some("app"), in_an_hour());
    run(&["append", &url, "--layout", "block"], b"one ").with_status(0);
    run(&["append", &url], b"two").with_status(0);
    run(&["compact", &url], b"").with_status(0);
    assert_eq!(run(&["cat", &url], b"").with_status(0).stdout, b"one two");
}

#[test]
fn a_signature_in_the_url_appends_and_reads() {
    let store = Store::in_memory();
    let url = store.url("app");
    append(&url, &[], b"key ");
    let signed = signed(&url, "racwl");
    run(&["append", &signed, "--flush-bytes", "2", "--segment-blocks", "1"], b"sas").with_status(0);
    assert_eq!(cat(&signed), b"key sas");
}

#[test]
fn a_signature_without_the_right_to_list_still_reads() {
    let store = Store::in_memory();
    let url = store.url("app");
    append(&url, &["--flush-bytes", "2", "--segment-blocks", "1"], b"abcdef");
    let signed = signed(&url, "r");
    assert_eq!(cat(&signed), b"abcdef");
    let stat = run(&["stat", &signed, "--json"], b"").with_status(0).json();
    assert_eq!(stat["segments"].as_array().unwrap().len(), 3);
}

#[test]
fn what_a_signature_does_not_allow_is_refused_at_once() {
    let store = Store::in_memory();
    let url = store.url("app");
    append(&url, &[], b"x");
    let ended = run(&["append", &signed(&url, "rl"), "--json"], b"y").with_status(1);
    assert_eq!(ended.json()["error"]["code"], "access-denied", "{}", ended.stderr);
    assert_eq!(cat(&url), b"x");
}

#[test]
fn variables_give_the_credential() {
    let store = Store::in_memory();
    let url = store.url("app");
    append(&url, &[], b"");
    let connection = format!("AccountName={DEVELOPMENT_ACCOUNT};AccountKey={DEVELOPMENT_KEY}");
    let key =
        [("AZURE_STORAGE_ACCOUNT", DEVELOPMENT_ACCOUNT), ("AZURE_STORAGE_KEY", DEVELOPMENT_KEY)];
    let args = ["append", &url, "--create-container"];
    with(&key, &args, b"a").with_status(0);
    with(&[("AZURE_STORAGE_CONNECTION_STRING", &connection)], &args, b"b").with_status(0);
    let sas = signed("", "racwl");
    with(&[("AZURE_STORAGE_SAS_TOKEN", &sas)], &["append", &url], b"c").with_status(0);
    assert_eq!(cat(&url), b"abc");
    let wrong = [("AZURE_STORAGE_ACCOUNT", DEVELOPMENT_ACCOUNT), ("AZURE_STORAGE_KEY", "c2VjcmV0")];
    let ended = with(&wrong, &["append", &url, "--json"], b"d").with_status(1);
    assert_eq!(ended.json()["error"]["code"], "unauthenticated", "{}", ended.stderr);
    let ended = with(&wrong, &["stat", &url], b"").with_status(1);
    assert!(ended.stderr.contains("AuthenticationFailed"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_in_a_file_is_read_again_when_it_is_refused() {
    let bearer_token = Some(Secret("second".into()));
    let options = StoreOptions { bearer_token, ..StoreOptions::default() };
    let store = store::start(options).await.unwrap();
    let url = format!("http://{}/devstoreaccount1/logs/app", store.address());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "first").unwrap();

    let mut command = everblob(&["append", &url, "--create-container", "--json", "-v"]);
    command.env("AZURE_STORAGE_BEARER_TOKEN_FILE", &file);
    let mut running = Running::of(command);
    let mut stderr = lines(running.process.stderr.take().unwrap());
    assert!(stderr.any(|line| line.contains("waiting for input")));
    std::fs::write(&file, "second").unwrap();
    running.give(b"data");
    assert_eq!(running.end().with_status(0).json()["committed"], 4);

    std::fs::write(&file, "third").unwrap();
    let variables = [("AZURE_STORAGE_BEARER_TOKEN_FILE", file.to_str().unwrap())];
    let ended = with(&variables, &["append", &url, "--json"], b"x").with_status(1);
    assert_eq!(ended.json()["error"]["code"], "unauthenticated", "{}", ended.stderr);
}

/// Runs all commands, as loud as can be, with a credential that is good and with one that is not.
/// Whatever they write is searched where they are run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_credential_is_shown_however_much_is_asked_for() {
    let bearer_token = Some(Secret("t0ken-that-is-good".into()));
    let store = store::start(StoreOptions { bearer_token, ..StoreOptions::default() });
    let store = store.await.unwrap();
    let url = format!("http://{}/devstoreaccount1/logs/app", store.address());
    append(&url, &["-vvv"], b"x");
    let good = signed("", "racwl");
    let connection =
        |key: &str| format!("AccountName={DEVELOPMENT_ACCOUNT};AccountKey={key};EndpointSuffix=x");
    let account = ("AZURE_STORAGE_ACCOUNT", DEVELOPMENT_ACCOUNT);
    let wrong_key = "c2VjcmV0".repeat(11);
    let (right, wrong) = (connection(DEVELOPMENT_KEY), connection(&wrong_key));
    for (variable, value, status) in [
        ("AZURE_STORAGE_KEY", DEVELOPMENT_KEY, Some(0)),
        ("AZURE_STORAGE_KEY", &wrong_key, Some(1)),
        ("AZURE_STORAGE_KEY", "c2VjcmV0 that is no base64", None),
        ("AZURE_STORAGE_CONNECTION_STRING", &right, Some(0)),
        ("AZURE_STORAGE_CONNECTION_STRING", &wrong, Some(1)),
        ("AZURE_STORAGE_CONNECTION_STRING", "AccountKey=c2VjcmV0", None),
        ("AZURE_STORAGE_SAS_TOKEN", &good, Some(0)),
        ("AZURE_STORAGE_SAS_TOKEN", "sv=2024-11-04&sp=rw&sig=aGlkZGVuaGlkZGVu", Some(1)),
        ("AZURE_STORAGE_SAS_TOKEN", "sig=aGlkZGVu a", None),
        ("AZURE_STORAGE_BEARER_TOKEN", "t0ken-that-is-good", Some(0)),
        ("AZURE_STORAGE_BEARER_TOKEN", "t0ken-that-is-not", Some(1)),
        ("AZURE_STORAGE_BEARER_TOKEN", "t0ken with spaces", None),
    ] {
        let variables = [account, (variable, value)];
        for args in [["append", &url, "-vvv"], ["stat", &url, "-vvv"], ["cat", &url, "-vvv"]] {
            let ended = with(&variables, &args, b"x");
            // What is malformed may be passed over for the development key.
            let expected = status.unwrap_or(ended.status);
            assert_eq!(ended.status, expected, "{variable}: {}", ended.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_good_whatever_the_clock_says() {
    let bearer_token = Some(Secret("t0ken-that-is-good".into()));
    let options = StoreOptions { bearer_token, clock_offset: 20 * 60, ..StoreOptions::default() };
    let store = store::start(options).await.unwrap();
    let url = format!("http://{}/devstoreaccount1/logs/app", store.address());
    let token = [("AZURE_STORAGE_BEARER_TOKEN", "t0ken-that-is-good")];
    let args = ["append", &url, "--create-container", "-vvv"];
    with(&token, &args, b"x").with_status(0);
    assert_eq!(with(&token, &["cat", &url], b"").with_status(0).stdout, b"x");
}
