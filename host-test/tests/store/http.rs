//! What the HTTP face adds to the model: credentials, checksums, streams, the log.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time;

use everblob::azure::crc64::crc64_base64;
use everblob::azure::sas::ServiceSas;
use everblob::azure::sign::AccountKey;
use everblob::time::UnixTime;
use everblob_host::clock::WallClock;
use everblob_host::store::{Secret, Store, StoreOptions, start};

use crate::client::{ACCOUNT, Client, now};

pub(crate) async fn store() -> (Store, Client) {
    let store = start(StoreOptions::default()).await.unwrap();
    let client = Client::new(store.address());
    assert_eq!(client.create_container().send().await.status, 201);
    (store, client)
}

pub(crate) fn token(client: &Client, permissions: &str, blob: Option<&str>) -> String {
    let expiry = UnixTime(now().0 + 60);
    let container = "logs";
    let sas = ServiceSas {
        permissions,
        start: None,
        expiry,
        container,
        blob,
        https_only: false,
        addresses: None,
    };
    sas.token(ACCOUNT, &client.key)
}

#[tokio::test]
async fn appends_read_back_whole_and_in_parts() {
    let (_store, client) = store().await;
    client.create("/logs/app/1").send().await;
    for (index, text) in ["one ", "two ", "three"].into_iter().enumerate() {
        let reply = client.append("/logs/app/1", text).send().await;
        assert_eq!(reply.status, 201);
        assert_eq!(reply.header("x-ms-blob-append-offset"), (4 * index).to_string());
        assert_eq!(reply.header("x-ms-blob-committed-block-count"), (index + 1).to_string());
        assert_eq!(reply.header("x-ms-content-crc64"), crc64_base64(text.as_bytes()));
    }
    let reply = client.ask("GET", "/logs/app/1").send().await;
    assert_eq!((reply.status, reply.text()), (200, "one two three"));
    let reply = client.ask("GET", "/logs/app/1").header("x-ms-range", "bytes=4-99").send().await;
    assert_eq!((reply.status, reply.text()), (206, "two three"));
    assert_eq!(reply.header("content-range"), "bytes 4-12/13");
    let reply = client.ask("GET", "/logs/app/1").header("x-ms-range", "bytes=13-").send().await;
    assert_eq!(reply.code(), (416, "InvalidRange"));
    let reply = client.ask("HEAD", "/logs/app/1").send().await;
    assert_eq!((reply.status, reply.header("content-length")), (200, "13"));
    assert_eq!(reply.header("x-ms-blob-type"), "AppendBlob");
    assert!(reply.body.is_empty());
}

#[tokio::test]
async fn large_content_streams_back_the_same() {
    let (_store, client) = store().await;
    client.create("/logs/big").send().await;
    let mut expected = Vec::new();
    for block in 0..5_u32 {
        // Odd sizes on both sides of what is sent at once.
        let size = if block % 2 == 0 { 1_500_007 } else { 3 };
        let bytes: Vec<u8> = (0..size).map(|i: u32| (i.wrapping_mul(31) >> block) as u8).collect();
        assert_eq!(client.append("/logs/big", bytes.clone()).send().await.status, 201);
        expected.extend(bytes);
    }
    let reply = client.ask("GET", "/logs/big").send().await;
    assert_eq!(reply.header("content-length"), expected.len().to_string());
    assert!(reply.body == expected);
    let reply =
        client.ask("GET", "/logs/big").header("range", "bytes=1500000-3000019").send().await;
    assert!(reply.body == expected[1_500_000..3_000_020]);
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    let (_store, mut client) = store().await;
    client.key = AccountKey::from_base64("d3Jvbmc=").unwrap();
    let reply = client.list().send().await;
    assert_eq!(reply.code(), (403, "AuthenticationFailed"));
    assert!(reply.text().starts_with("\u{feff}<?xml"), "{}", reply.text());
    assert!(reply.text().contains("<Code>AuthenticationFailed</Code>"));
}

#[tokio::test]
async fn a_clock_that_is_a_quarter_of_an_hour_off_is_refused() {
    let (_store, client) = store().await;
    let then = |seconds: i64| UnixTime(now().0.checked_add_signed(seconds).unwrap());
    for seconds in [-1000, 1000] {
        let reply = client.list().date(then(seconds)).send().await;
        assert_eq!(reply.code(), (403, "AuthenticationFailed"));
    }
    assert_eq!(client.list().date(then(-800)).send().await.status, 200);
}

#[tokio::test]
async fn a_request_without_version_or_credential_is_refused() {
    let (_store, client) = store().await;
    let reply = client.list().without_header("x-ms-version").send().await;
    assert_eq!(reply.code(), (400, "MissingRequiredHeader"));
    let reply = client.list().header("x-ms-version", "bogus").send().await;
    assert_eq!(reply.code(), (400, "InvalidHeaderValue"));
    let reply = client.list().unsigned().send().await;
    assert_eq!(reply.code(), (401, "NoAuthenticationInformation"));
    assert!(reply.header("www-authenticate").starts_with("Bearer"));
}

#[tokio::test]
async fn only_the_bearer_token_it_was_told_is_accepted() {
    let bearer_token = Some(Secret("open-sesame".into()));
    let store = start(StoreOptions { bearer_token, ..StoreOptions::default() }).await.unwrap();
    let client = Client::new(store.address());
    client.create_container().send().await;
    let with = |token: &str| client.list().unsigned().header("authorization", token);
    assert_eq!(with("Bearer open-sesame").send().await.status, 200);
    let reply = with("Bearer guess").send().await;
    assert_eq!(reply.code(), (401, "InvalidAuthenticationInfo"));
}

#[tokio::test]
async fn a_token_allows_what_it_says_and_no_more() {
    let (_store, client) = store().await;
    let all = token(&client, "racwl", None);
    assert_eq!(client.create("/logs/app/1").token(&all).send().await.status, 201);
    assert_eq!(client.append("/logs/app/1", "a").token(&all).send().await.status, 201);
    let seal = || client.ask("PUT", "/logs/app/1").query("comp", "seal");
    let denied = (403, "AuthorizationPermissionMismatch");
    assert_eq!(seal().token(&token(&client, "rac", None)).send().await.code(), denied);
    assert_eq!(seal().token(&all).send().await.status, 200);
    assert_eq!(client.list().token(&all).send().await.status, 200);
    assert_eq!(client.create_container().token(&all).send().await.code(), denied);

    let one = token(&client, "r", Some("app/1"));
    assert_eq!(client.ask("GET", "/logs/app/1").token(&one).send().await.text(), "a");
    let failed = (403, "AuthenticationFailed");
    assert_eq!(client.ask("GET", "/logs/app/2").token(&one).send().await.code(), failed);
    let forged = all.replace("sp=racwl", "sp=racwdl");
    let delete = client.ask("DELETE", "/logs/app/1").token(&forged);
    assert_eq!(delete.send().await.code(), failed);
}

#[tokio::test]
async fn a_token_that_only_creates_does_not_overwrite() {
    let (_store, client) = store().await;
    let sas = token(&client, "c", None);
    let create = || client.create("/logs/app").header("if-none-match", "*").token(&sas);
    assert_eq!(create().send().await.status, 201);
    assert_eq!(create().send().await.code(), (403, "UnauthorizedBlobOverwrite"));
}

#[tokio::test]
async fn a_damaged_body_is_refused_and_changes_nothing() {
    let (_store, client) = store().await;
    client.create("/logs/app").send().await;
    let append = || client.append("/logs/app", "hello world\n");
    for (name, value, code) in [
        ("x-ms-content-crc64", "PPzLtEWEL4w=", "Crc64Mismatch"),
        ("x-ms-content-crc64", "abc", "InvalidHeaderValue"),
        ("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==", "Md5Mismatch"),
        ("content-md5", "AAAA", "InvalidMd5"),
    ] {
        assert_eq!(append().header(name, value).send().await.code(), (400, code));
    }
    let crc = ("x-ms-content-crc64", "H6LSgYQOeA8=");
    let md5 = ("content-md5", "b1kCrCNwJL3QwXbLkwY9xA==");
    let both = append().header(crc.0, crc.1).header(md5.0, md5.1).send().await;
    assert_eq!(both.code(), (400, "BothCrc64AndMd5HeaderPresent"));
    assert_eq!(append().header(crc.0, crc.1).send().await.header(crc.0), crc.1);
    let reply = append().header(md5.0, md5.1).send().await;
    assert_eq!((reply.header(md5.0), reply.header(crc.0)), (md5.1, ""));
    assert_eq!(client.ask("HEAD", "/logs/app").send().await.header("content-length"), "24");
}

#[tokio::test]
async fn a_block_of_more_than_its_version_allows_is_refused() {
    let (_store, client) = store().await;
    client.create("/logs/app").send().await;
    let bytes = Bytes::from(vec![0; (4 << 20) + 1]);
    let old = client.append("/logs/app", bytes.clone()).header("x-ms-version", "2021-12-02");
    assert_eq!(old.send().await.code(), (413, "RequestBodyTooLarge"));
    assert_eq!(client.append("/logs/app", bytes).send().await.status, 201);
    let empty = client.append("/logs/app", "").send().await;
    assert_eq!(empty.code(), (400, "InvalidHeaderValue"));
}

#[tokio::test]
async fn a_put_without_length_is_refused() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let (store, _client) = store().await;
    let mut stream = tokio::net::TcpStream::connect(store.address()).await.unwrap();
    let request = "PUT /devstoreaccount1/logs/app HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                   transfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 411 Length Required\r\n"), "{answer}");
    assert!(answer.contains("x-ms-error-code: MissingContentLengthHeader"), "{answer}");
}

#[tokio::test]
async fn answers_name_the_request_and_echo_the_client() {
    let (_store, client) = store().await;
    let reply = client.list().header("x-ms-client-request-id", "mine").send().await;
    assert_eq!(reply.header("x-ms-client-request-id"), "mine");
    assert_eq!(reply.header("x-ms-version"), "2024-11-04");
    assert_eq!(reply.header("x-ms-request-id").len(), 36);
    assert!(reply.header("date").ends_with(" GMT"));
    let missing = client.ask("HEAD", "/logs/none").send().await;
    assert_eq!(missing.code(), (404, "BlobNotFound"));
    assert!(missing.body.is_empty());
    let copy = client.ask("PUT", "/logs/b").header("x-ms-copy-source", "http://x/y").send().await;
    assert_eq!(copy.code(), (501, "NotImplemented"));
}

#[tokio::test]
async fn any_page_may_ask_and_read_every_header() {
    let (_store, client) = store().await;
    let preflight = client
        .ask("OPTIONS", "/logs/app")
        .unsigned()
        .header("origin", "https://app.example")
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "x-ms-date,if-match")
        .send()
        .await;
    assert_eq!(preflight.status, 200);
    assert_eq!(preflight.header("access-control-allow-methods"), "PUT");
    assert_eq!(preflight.header("access-control-allow-headers"), "x-ms-date,if-match");
    let reply = client.create("/logs/app").header("origin", "https://app.example").send().await;
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    assert!(reply.header("access-control-expose-headers").contains("etag"));
    let refused = client.list().unsigned().header("origin", "https://app.example").send().await;
    assert!(refused.header("access-control-expose-headers").contains("x-ms-error-code"));
}

#[tokio::test]
async fn a_lease_without_duration_or_with_a_bad_id_is_refused() {
    let (_store, client) = store().await;
    client.create("/logs/app").send().await;
    let acquire = || client.lease("/logs/app", "acquire");
    assert_eq!(acquire().send().await.code(), (400, "MissingRequiredHeader"));
    let acquire = || acquire().header("x-ms-lease-duration", "-1");
    let bad = acquire().header("x-ms-proposed-lease-id", "mine").send().await;
    assert_eq!(bad.code(), (400, "InvalidHeaderValue"));
    let reply = acquire().send().await;
    assert_eq!(reply.status, 201);
    let id = reply.header("x-ms-lease-id").to_owned();
    assert_eq!(client.append("/logs/app", "a").send().await.code(), (412, "LeaseIdMissing"));
    let held = client.append("/logs/app", "a").header("x-ms-lease-id", &id).send().await;
    assert_eq!(held.status, 201);
}

#[tokio::test]
async fn the_log_has_a_line_for_each_request_and_no_signature() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    let options = StoreOptions { log: Some(log.clone()), ..StoreOptions::default() };
    let store = start(options).await.unwrap();
    let client = Client::new(store.address());
    client.create_container().send().await;
    client.create("/logs/app/1").send().await;
    client.append("/logs/app/1", "12345").send().await;
    let sas = token(&client, "r", None);
    client.append("/logs/app/1", "123").token(&sas).send().await;
    let text = std::fs::read_to_string(log).unwrap();
    assert!(!text.contains("sig"), "{text}");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let operations: Vec<&str> =
        lines.iter().map(|line| line["operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["CreateContainer", "PutBlob", "AppendBlock", "AppendBlock"]);
    assert_eq!(lines[2]["path"], "/devstoreaccount1/logs/app/1");
    assert_eq!((&lines[2]["status"], &lines[2]["bytes"]), (&201.into(), &5.into()));
    assert_eq!(lines[2]["code"], serde_json::Value::Null);
    assert_eq!(lines[3]["code"], "AuthorizationPermissionMismatch");
    assert!(lines[2]["ended"].as_u64() >= lines[2]["started"].as_u64());
}

#[tokio::test]
async fn racing_appends_at_one_position_have_one_winner() {
    let (_store, client) = store().await;
    client.create("/logs/app").send().await;
    let race = (0..8).map(|_| {
        let ask = client.append("/logs/app", "abc").header("x-ms-blob-condition-appendpos", "0");
        tokio::spawn(ask.send())
    });
    let mut statuses = Vec::new();
    for racer in race.collect::<Vec<_>>() {
        statuses.push(racer.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 412, 412, 412, 412, 412, 412, 412]);
}

#[tokio::test]
async fn names_come_back_as_they_were_sent() {
    let (_store, client) = store().await;
    for path in ["/logs/a%20b%2Bc", "/logs/%C3%A4%26%3C%3E", "/logs/x/y%2Fz", "/logs/ctl%01"] {
        assert_eq!(client.create(path).send().await.status, 201, "{path}");
    }
    let reply = client.list().send().await;
    let text = reply.text();
    assert!(text.contains("<Name>a b+c</Name>"), "{text}");
    assert!(text.contains("<Name>ä&amp;&lt;&gt;</Name>"), "{text}");
    assert!(text.contains("<Name>x/y/z</Name>"), "{text}");
    assert!(text.contains("<Name Encoded=\"true\">ctl%01</Name>"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_in_time() {
    let idle_timeout = Some(Duration::from_secs(5));
    let store = start(StoreOptions { idle_timeout, ..StoreOptions::default() }).await.unwrap();
    let mut stream = TcpStream::connect(store.address()).await.unwrap();
    time::sleep(Duration::from_secs(6)).await;
    time::resume();
    let read = time::timeout(Duration::from_secs(60), stream.read_u8()).await.unwrap();
    assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn its_clock_can_be_another() {
    let wall_clock = WallClock::new(|| Duration::from_secs(1_234_567_890));
    let store = start(StoreOptions { wall_clock, ..StoreOptions::default() }).await.unwrap();
    let client = Client::new(store.address());
    let reply = client.create_container().date(UnixTime(1_234_567_890)).send().await;
    assert_eq!((reply.status, reply.header("date")), (201, "Fri, 13 Feb 2009 23:31:30 GMT"));
    let reply = client.list().send().await;
    assert_eq!(reply.code(), (403, "AuthenticationFailed"), "signed half a life later");
}
