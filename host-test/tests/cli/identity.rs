//! Identities that get tokens, from the request for one to an append that outlives many.

use std::process::Command;
use std::sync::{Arc, Mutex};

use everblob_host::store::{self, Secret, Store, StoreOptions};

use crate::endpoint::{Asked, Endpoint};
use crate::leak;
use crate::program::{Ended, Running, cat, everblob, finish};

/// What must be in no output.
const HIDDEN: [&str; 4] = ["t0ken", "s3cret", "ass3rtion", "h3ader"];

fn token(number: usize, life: u32) -> String {
    format!(r#"{{"token_type":"Bearer","access_token":"t0ken-{number}","expires_in":{life}}}"#)
}

/// A store that takes the first token, and the URL of a stream in it.
async fn store() -> (Arc<Store>, String) {
    let bearer_token = Some(Secret("t0ken-1".into()));
    let store = store::start(StoreOptions { bearer_token, ..StoreOptions::default() });
    let store = store.await.unwrap();
    let url = format!("http://{}/devstoreaccount1/logs/app", store.address());
    (Arc::new(store), url)
}

fn accept(store: &Store, numbers: &[usize]) {
    store.accept_tokens(numbers.iter().map(|n| Secret(format!("t0ken-{n}"))).collect());
}

/// The program, as a service principal of the directory at `authority`.
fn principal(authority: &str, args: &[&str]) -> Command {
    let mut command = everblob(&[args, &["--auth", "service-principal", "-vvv"]].concat());
    command.env("AZURE_TENANT_ID", "tenant").env("AZURE_CLIENT_ID", "client id");
    command.env("AZURE_CLIENT_SECRET", "s3cret+/=").env("AZURE_AUTHORITY_HOST", authority);
    command
}

#[track_caller]
fn shows_no_secret(ended: &Ended) {
    for hidden in HIDDEN {
        assert!(!ended.stderr.contains(hidden), "{hidden}: {}", ended.stderr);
        assert!(!ended.text().contains(hidden), "{hidden}: {}", ended.text());
    }
}

/// Appends with `variables` set, and answers what the endpoint was asked.
async fn asked_by(kind: &str, variables: impl FnOnce(&mut Command, &str)) -> Asked {
    let (_store, url) = store().await;
    let endpoint = Endpoint::start(|n| (200, token(n, 3600))).await;
    let args = ["append", &url, "--create-container", "--json", "-vvv", "--auth", kind];
    let mut command = everblob(&args);
    variables(&mut command, &endpoint.url);
    let ended = finish(command.spawn().unwrap(), b"data").with_status(0);
    assert_eq!(ended.json()["committed"], 4);
    shows_no_secret(&ended);
    assert_eq!(cat(&url), b"data");
    let mut asked = endpoint.asked();
    assert_eq!(asked.len(), 1);
    asked.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_principal_sends_its_secret() {
    let asked = asked_by("service-principal", |command, url| {
        command.env("AZURE_TENANT_ID", "tenant").env("AZURE_CLIENT_ID", "client id");
        command.env("AZURE_CLIENT_SECRET", "s3cret+/=").env("AZURE_AUTHORITY_HOST", url);
    })
    .await;
    assert_eq!(asked.line, "POST /tenant/oauth2/v2.0/token");
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
    let fields = "grant_type=client_credentials&scope=https%3A%2F%2Fstorage.azure.com%2F.default&\
                  client_id=client%20id&client_secret=s3cret%2B%2F%3D";
    assert_eq!(asked.body, fields);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workload_identity_sends_the_assertion_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("assertion");
    std::fs::write(&file, "ass3rtion.a-b_c\n").unwrap();
    let asked = asked_by("workload", |command, url| {
        command.env("AZURE_TENANT_ID", "tenant").env("AZURE_CLIENT_ID", "client");
        command.env("AZURE_FEDERATED_TOKEN_FILE", &file);
        command.env("AZURE_AUTHORITY_HOST", format!("{url}/"));
    })
    .await;
    assert_eq!(asked.line, "POST /tenant/oauth2/v2.0/token");
    let fields = "grant_type=client_credentials&scope=https%3A%2F%2Fstorage.azure.com%2F.default&\
                  client_id=client&client_assertion_type=\
                  urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&\
                  client_assertion=ass3rtion.a-b_c";
    assert_eq!(asked.body, fields);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_managed_identity_asks_the_platform_or_else_the_machine() {
    let query = "api-version=2019-08-01&resource=https%3A%2F%2Fstorage.azure.com";
    let asked = asked_by("managed", |command, url| {
        command.env("IDENTITY_ENDPOINT", format!("{url}/msi/token"));
        command.env("IDENTITY_HEADER", "h3ader");
    })
    .await;
    assert_eq!(asked.line, format!("GET /msi/token?{query}"));
    assert_eq!(asked.headers["x-identity-header"], "h3ader");
    let asked = asked_by("managed", |command, url| {
        command.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", url).env("AZURE_CLIENT_ID", "client");
    })
    .await;
    let line = format!("GET /metadata/identity/oauth2/token?{query}&client_id=client");
    assert_eq!(asked.line, line);
    assert_eq!(asked.headers["metadata"], "true");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_goes_on_over_the_lives_of_many_tokens() {
    let (store, url) = store().await;
    let kept = Arc::clone(&store);
    let endpoint = Endpoint::start(move |n| {
        // As in the service, a token is good a little longer than the next has come.
        accept(&kept, &[n, n - 1]);
        (200, token(n, 2))
    })
    .await;
    let options = ["append", &url, "--create-container", "--flush-lines", "1", "--acks"];
    let mut running = Running::of(principal(&endpoint.url, &options));
    // What it says is read, so that it does not wait for that.
    let mut stderr = running.process.stderr.take().unwrap();
    let said = std::thread::spawn(move || std::io::read_to_string(&mut stderr).unwrap());
    let mut expected = Vec::new();
    let mut lines = 0;
    while endpoint.asked().len() < 5 {
        // Many times what is appended while five tokens are used up.
        assert!(lines < 100_000, "{} tokens were fetched", endpoint.asked().len());
        let line = format!("line {lines}\n");
        lines += 1;
        running.give(line.as_bytes());
        expected.extend_from_slice(line.as_bytes());
        assert_eq!(running.ack(), expected.len() as u64);
    }
    running.end().with_status(0);
    assert_eq!(cat(&url), expected);
    let said = said.join().unwrap();
    leak::check(said.as_bytes());
    assert!(said.contains("the credential was replaced"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_refused_is_fetched_once_anew() {
    let (store, url) = store().await;
    let good = Arc::new(Mutex::new(true));
    let (kept, is_good) = (Arc::clone(&store), Arc::clone(&good));
    let endpoint = Endpoint::start(move |n| {
        accept(&kept, if *is_good.lock().unwrap() { std::slice::from_ref(&n) } else { &[] });
        (200, token(n, 3600))
    })
    .await;
    let options = ["append", &url, "--create-container", "--flush-lines", "1", "--acks"];
    let mut running = Running::of(principal(&endpoint.url, &options));
    running.give(b"one\n");
    assert_eq!(running.ack(), 4);
    accept(&store, &[]);
    running.give(b"two\n");
    assert_eq!(running.ack(), 8);
    assert_eq!(endpoint.asked().len(), 2);
    shows_no_secret(&running.end().with_status(0));
    assert_eq!(cat(&url), b"one\ntwo\n");

    *good.lock().unwrap() = false;
    let options = ["append", &url, "--json"];
    let ended = finish(principal(&endpoint.url, &options).spawn().unwrap(), b"x").with_status(1);
    assert_eq!(ended.json()["error"]["code"], "unauthenticated", "{}", ended.stderr);
    assert_eq!(endpoint.asked().len(), 4);
    shows_no_secret(&ended);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_nothing_is_sent_to_the_service() {
    let refusal = r#"{"error":"invalid_client","error_description":"AADSTS7000215: wrong\nx"}"#;
    let endpoint = Endpoint::start(move |_| (401, refusal.into())).await;
    let url = "https://mylogs.blob.core.windows.net/logs/app";
    let mut command = principal(&endpoint.url, &["stat", url]);
    let ended = finish(command.spawn().unwrap(), b"").with_status(1);
    let why = "the service principal gets no token: status 401: invalid_client: AADSTS7000215";
    assert!(ended.stderr.contains(why), "{}", ended.stderr);
    shows_no_secret(&ended);
    let mut command = everblob(&["stat", url, "--auth", "workload"]);
    let ended = finish(command.spawn().unwrap(), b"").with_status(2);
    assert!(ended.stderr.contains("AZURE_FEDERATED_TOKEN_FILE"), "{}", ended.stderr);
}
