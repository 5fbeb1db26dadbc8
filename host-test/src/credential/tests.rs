//! Tokens of identities against an endpoint on this machine, with a clock that does not wait.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::identity::Identity;
use super::token::{Clock, Fetcher, Token};
use super::{Kind, Origin};
use crate::address::StreamAddress;

#[path = "../../tests/endpoint/mod.rs"]
mod endpoint;

use endpoint::Endpoint;

const NOW: u64 = 1_795_176_000;
const TOKEN: &str = r#"{"token_type":"Bearer","access_token":"t0ken","expires_in":3600}"#;

/// Stands still, and keeps how long somebody wanted to wait.
#[derive(Default)]
struct Still(Mutex<Vec<u128>>);

impl Clock for Still {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(NOW)
    }

    fn pause(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.lock().unwrap().push(span.as_millis());
        Box::pin(async {})
    }
}

type Variables<'a> = [(&'a str, &'a str)];

fn variable<'a>(variables: &'a Variables<'a>) -> impl Fn(&str) -> Option<String> + 'a {
    |name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
}

fn principal(authority: &str) -> Identity {
    let variables = [
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_CLIENT_SECRET", "s3cret+/"),
        ("AZURE_AUTHORITY_HOST", authority),
    ];
    Identity::service_principal(&variable(&variables)).unwrap().unwrap()
}

fn machine(endpoint: &str, client: &str) -> Identity {
    let variables = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", endpoint), ("AZURE_CLIENT_ID", client)];
    Identity::machine(&variable(if client.is_empty() { &variables[..1] } else { &variables }))
}

/// What a fetch brings, and the pauses that it made, in ms.
async fn fetch(identity: Identity) -> (Result<Token, String>, Vec<u128>) {
    let clock = Arc::new(Still::default());
    let fetched = Fetcher::new(identity, Arc::<Still>::clone(&clock)).fetch().await;
    let pauses = clock.0.lock().unwrap().clone();
    (fetched.map_err(|failure| failure.why), pauses)
}

/// After how many seconds a token of this answer is replaced.
async fn replaced_after(answer: &'static str) -> u64 {
    let endpoint = Endpoint::start(move |_| (200, answer.into())).await;
    fetch(machine(&endpoint.url, "")).await.0.unwrap().replace_after.as_secs()
}

#[tokio::test]
async fn a_token_is_replaced_five_minutes_ahead_or_after_half_its_life() {
    assert_eq!(replaced_after(TOKEN).await, 3300);
    assert_eq!(replaced_after(r#"{"access_token":"t","expires_in":"240"}"#).await, 120);
    assert_eq!(replaced_after(r#"{"access_token":"t","expires_on":"1795179600"}"#).await, 3300);
    assert_eq!(replaced_after(r#"{"access_token":"t","expires_on":"1795170000"}"#).await, 0);
    assert_eq!(replaced_after(r#"{"access_token":"t"}"#).await, 300);
}

#[tokio::test]
async fn the_metadata_service_is_asked_again_while_it_does_not_serve() {
    let statuses = [404, 410, 429, 500, 503, 200];
    let endpoint = Endpoint::start(move |n| (statuses[n - 1], TOKEN.into())).await;
    let (fetched, pauses) = fetch(machine(&endpoint.url, "")).await;
    assert_eq!(fetched.unwrap().secret.expose(), "t0ken");
    assert_eq!(pauses, [1300, 2600, 5200, 10_400, 20_800]);
    let endpoint = Endpoint::start(|_| (503, String::new())).await;
    let (fetched, _) = fetch(machine(&endpoint.url, "")).await;
    assert!(fetched.err().unwrap().contains("status 503"));
    assert_eq!(endpoint.asked().len(), 6);
}

#[tokio::test]
async fn an_identity_that_is_not_assigned_is_named_at_once() {
    let refusal = r#"{"error":"invalid_request","error_description":"Identity not found\nx"}"#;
    let endpoint = Endpoint::start(move |_| (400, refusal.into())).await;
    let why = fetch(machine(&endpoint.url, "")).await.0.err().unwrap();
    assert!(why.contains("no identity is assigned here"), "{why}");
    assert!(why.ends_with("invalid_request: Identity not found"), "{why}");
    let why = fetch(machine(&endpoint.url, "client")).await.0.err().unwrap();
    assert!(why.contains("AZURE_CLIENT_ID names is not assigned"), "{why}");
    assert_eq!(endpoint.asked().len(), 2);
}

#[tokio::test]
async fn a_wrong_secret_is_refused_at_once_and_not_shown() {
    let refusal = r#"{"error":"invalid_client","error_description":"AADSTS7000215: wrong"}"#;
    let endpoint = Endpoint::start(move |_| (401, refusal.into())).await;
    let (fetched, pauses) = fetch(principal(&endpoint.url)).await;
    let why = fetched.err().unwrap();
    assert!(why.contains("AADSTS7000215: wrong") && pauses.is_empty(), "{why}");
    let echo = r#"{"error":"invalid_client","error_description":"not s3cret+/"}"#;
    let endpoint = Endpoint::start(move |_| (401, echo.into())).await;
    let why = fetch(principal(&endpoint.url)).await.0.err().unwrap();
    assert!(!why.contains("s3cret"), "{why}");
}

#[tokio::test]
async fn an_answer_without_a_token_and_no_answer_are_failures() {
    for answer in ["", "{}", "[1]", r#"{"access_token":""}"#, r#"{"access_token":"a\nb"}"#] {
        let endpoint = Endpoint::start(move |_| (200, answer.into())).await;
        assert!(fetch(machine(&endpoint.url, "")).await.0.is_err(), "{answer}");
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (fetched, pauses) = fetch(machine(&url, "")).await;
    assert!(fetched.is_err());
    assert_eq!(pauses, [1300, 2600]);
}

#[tokio::test]
async fn what_passes_is_told_from_what_does_not() {
    for (status, passes) in [(503, true), (429, true), (401, false)] {
        let endpoint = Endpoint::start(move |_| (status, "{}".into())).await;
        let fetcher = Fetcher::new(principal(&endpoint.url), Arc::new(Still::default()));
        let failure = fetcher.fetch().await.err().unwrap();
        assert_eq!(failure.passes, passes, "{}", failure.why);
    }
}

#[tokio::test]
async fn the_assertion_is_read_again_for_each_request() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("assertion");
    std::fs::write(&file, "first\n").unwrap();
    let renewed = file.clone();
    let endpoint = Endpoint::start(move |n| {
        std::fs::write(&renewed, "second").unwrap();
        (if n == 1 { 503 } else { 200 }, TOKEN.into())
    })
    .await;
    let variables = [
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
        ("AZURE_AUTHORITY_HOST", &endpoint.url),
    ];
    let identity = || Identity::workload(&variable(&variables)).unwrap().unwrap();
    assert!(fetch(identity()).await.0.is_ok());
    let asked = endpoint.asked();
    assert!(asked[0].body.ends_with("&client_assertion=first"), "{}", asked[0].body);
    assert!(asked[1].body.ends_with("&client_assertion=second"), "{}", asked[1].body);
    std::fs::remove_file(&file).unwrap();
    let why = fetch(identity()).await.0.err().unwrap();
    assert!(why.contains("AZURE_FEDERATED_TOKEN_FILE"), "{why}");
}

#[test]
fn what_proves_who_asks_goes_only_to_an_authority_by_https() {
    let found = |authority: &str, tenant: &str| {
        let variables = [
            ("AZURE_TENANT_ID", tenant),
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_CLIENT_SECRET", "s3cret"),
            ("AZURE_AUTHORITY_HOST", authority),
        ];
        Identity::service_principal(&variable(&variables)).unwrap().map(|_| ())
    };
    assert!(found("https://login.microsoftonline.us/", "contoso.com").is_ok());
    assert!(found("login.partner.microsoftonline.cn", "tenant").is_ok());
    for (authority, tenant) in [
        ("http://login.example.com", "tenant"),
        ("http://127.0.0.1.example.com", "tenant"),
        ("ftp://login.example.com", "tenant"),
        ("https://login.example.com", "../other"),
    ] {
        assert!(found(authority, tenant).is_err(), "{authority} {tenant}");
    }
}

#[test]
fn an_identity_is_taken_when_nothing_else_fits() {
    const AZURE: &str = "https://mylogs.blob.core.windows.net/logs/app";
    let choose = |url: &str, kind: Kind, variables: &Variables<'_>| {
        let address = StreamAddress::parse(url).unwrap();
        Origin::choose(&address, kind, &variable(variables)).map(|origin| match origin {
            Origin::Known(source) => format!("{source:?}"),
            Origin::Identity(tokens) => tokens.to_string(),
        })
    };
    let mut all = vec![
        ("AZURE_STORAGE_BEARER_TOKEN", "token"),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_FEDERATED_TOKEN_FILE", "file"),
        ("AZURE_CLIENT_SECRET", "secret"),
        ("IDENTITY_ENDPOINT", "http://localhost:1/token"),
        ("IDENTITY_HEADER", "header"),
    ];
    let of = |name: &str| Ok(name.to_owned());
    assert_eq!(choose(AZURE, Kind::ServicePrincipal, &all), of("the service principal"));
    assert_eq!(choose(AZURE, Kind::Auto, &all), of("bearer token"));
    all.remove(0);
    assert_eq!(choose(AZURE, Kind::Auto, &all), of("the workload identity"));
    all.remove(2);
    assert_eq!(choose(AZURE, Kind::Auto, &all), of("the service principal"));
    all.remove(2);
    assert_eq!(choose(AZURE, Kind::Auto, &all), of("the managed identity"));
    assert!(choose(AZURE, Kind::Workload, &all).is_err());
    assert!(choose("http://10.0.0.1/mylogs/logs/app", Kind::Managed, &all).is_err());
    // A machine's identity is never tried unasked.
    assert!(choose(AZURE, Kind::Auto, &[]).is_err());
    assert_eq!(choose(AZURE, Kind::Managed, &[]), of("the managed identity"));
    let sas = [("AZURE_STORAGE_SAS_TOKEN", "sig=x"), ("AZURE_STORAGE_BEARER_TOKEN", "token")];
    assert_eq!(choose(AZURE, Kind::Token, &sas), of("bearer token"));
    assert!(choose(AZURE, Kind::Key, &sas).is_err());
    assert!(choose(&format!("{AZURE}?sig=x"), Kind::Token, &sas).is_err());
}
