//! What a client sees of each kind of fault, byte for byte, and what the service does.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use everblob::azure::date::format_rfc1123;
use everblob::time::UnixTime;
use everblob_host::faults::{self, Kind, Proxy, ProxyOptions, Target};
use everblob_host::store::{self, Secret, Store, StoreOptions};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

const TOKEN: &str = "t0ken";
const CONTAINER: &str = "/devstoreaccount1/logs?restype=container";
const BLOB: &str = "/devstoreaccount1/logs/app";
const RECORD: &str = "abc";

/// What comes back for a request, up to the end of the connection.
async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    line: &str,
    headers: &str,
    body: &str,
) -> io::Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (date, length) = (format_rfc1123(UnixTime(now)), body.len());
    let request = format!(
        "{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
         x-ms-version: 2024-11-04\r\nx-ms-date: {date}\r\nContent-Length: {length}\r\n{headers}\r\n\
         {body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8(answer).unwrap())
}

async fn append(stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<String> {
    exchange(stream, &format!("PUT {BLOB}?comp=appendblock"), "", RECORD).await
}

/// A store with an empty append blob.
async fn store() -> Store {
    let bearer_token = Some(Secret(TOKEN.into()));
    let options = StoreOptions { bearer_token, ..StoreOptions::default() };
    let store = store::start(options).await.unwrap();
    let connect = store.connector();
    let created = exchange(connect(), &format!("PUT {CONTAINER}"), "", "").await.unwrap();
    assert!(created.starts_with("HTTP/1.1 201"), "{created}");
    let headers = "x-ms-blob-type: AppendBlob\r\n";
    let created = exchange(connect(), &format!("PUT {BLOB}"), headers, "").await.unwrap();
    assert!(created.starts_with("HTTP/1.1 201"), "{created}");
    store
}

/// How often the record was appended.
async fn records(store: &Store) -> usize {
    let answer = exchange(store.connector()(), &format!("GET {BLOB}"), "", "").await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.matches(RECORD).count()
}

async fn proxy(store: &Store, spec: &str) -> Proxy {
    let options = ProxyOptions { spec: spec.parse().unwrap(), ..ProxyOptions::default() };
    faults::start(Target::inside(store.connector()), options).await.unwrap()
}

/// Appends while one kind of fault is certain. Answers what came back, how often the record is
/// there then, and a minute later.
async fn meet(kind: Kind) -> (String, [usize; 2], Duration) {
    let store = store().await;
    let proxy = proxy(&store, &format!("{}=100%", kind.name())).await;
    let start = Instant::now();
    let answer = append(proxy.connector()()).await.unwrap();
    let took = start.elapsed();
    let at_once = records(&store).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!(proxy.counts().of(kind), 1);
    (answer, [at_once, records(&store).await], took)
}

#[tokio::test(start_paused = true)]
async fn each_kind_does_what_it_is_for() {
    for kind in Kind::all() {
        let (answer, applied, took) = meet(kind).await;
        let (status, times) = match kind {
            Kind::Fair => unreachable!("it is no fault"),
            Kind::LoseRequest | Kind::Reset | Kind::ResetBody => ("", [0, 0]),
            Kind::LoseReply => ("", [1, 1]),
            Kind::Late => ("", [0, 1]),
            Kind::Twice => ("HTTP/1.1 201", [2, 2]),
            Kind::Truncated | Kind::Slow => ("HTTP/1.1 201", [1, 1]),
            Kind::Malformed => ("?TTP/1.1 201", [1, 1]),
            Kind::Refused { applied: true, .. } => ("HTTP/1.1 ", [1, 1]),
            Kind::Refused { applied: false, .. } => ("HTTP/1.1 ", [0, 0]),
        };
        let name = kind.name();
        assert!(answer.starts_with(status) && answer.is_empty() == status.is_empty(), "{answer}");
        assert_eq!(applied, times, "{name}");
        if let Kind::Refused { status, .. } = kind {
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        }
        // An answer to an append has no body.
        let is_cut = answer.contains("TTP/1.1 201") && !answer.ends_with("\r\n\r\n");
        assert_eq!(is_cut, kind == Kind::Truncated, "{name}: {answer}");
        let expected = match kind {
            Kind::LoseRequest => Duration::from_secs(30),
            Kind::Slow => Duration::from_millis(200),
            _ => Duration::ZERO,
        };
        assert_eq!(took.as_millis(), expected.as_millis(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_when_to_come_again_and_which_it_is() {
    let store = store().await;
    let proxy = proxy(&store, "503=100%:7s").await;
    let answer = append(proxy.connector()()).await.unwrap();
    assert!(answer.contains("\r\nretry-after: 7\r\n"), "{answer}");
    assert!(answer.contains("\r\nx-ms-error-code: ServerBusy\r\n"), "{answer}");
    assert!(answer.contains("<Code>ServerBusy</Code>"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn malformed_xml_breaks_off_though_its_length_is_right() {
    let store = store().await;
    let proxy = proxy(&store, "malformed=100%").await;
    let list = format!("GET {CONTAINER}&comp=list");
    let whole = exchange(store.connector()(), &list, "", "").await.unwrap();
    let broken = exchange(proxy.connector()(), &list, "", "").await.unwrap();
    let [whole, broken] = [&whole, &broken].map(|answer| answer.split_once("\r\n\r\n").unwrap());
    assert!(whole.1.starts_with(broken.1), "{}", broken.1);
    assert_eq!(broken.1.len(), whole.1.len() / 2);
    assert!(broken.0.contains(&format!("content-length: {}", broken.1.len())), "{}", broken.0);
}

#[tokio::test]
async fn a_reset_is_one_over_tcp() {
    let store = store().await;
    for spec in ["reset=100%", "reset-body=100%"] {
        let proxy = proxy(&store, spec).await;
        let stream = TcpStream::connect(proxy.address()).await.unwrap();
        let error = append(stream).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{spec}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_gives_up_takes_nothing_back() {
    let store = store().await;
    let proxy = proxy(&store, "slow=100%:30s").await;
    let asked = tokio::time::timeout(Duration::from_secs(1), append(proxy.connector()())).await;
    assert!(asked.is_err());
    assert_eq!(records(&store).await, 0);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(records(&store).await, 1);
}
