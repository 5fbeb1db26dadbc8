//! The errors that only a caller of the component meets: `everblob` never shows them, or judges the
//! arguments itself.

use std::time::Duration;

use everblob_host::address::StreamAddress;
use everblob_host::component::{Appender, Component, Error, stream};
use everblob_host::credential::{Credential, DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY, Secret};
use everblob_host::store::{self, Store, StoreOptions};

const NO_TIME: Option<Duration> = Some(Duration::ZERO);

/// A store and the component, and a stream in the store.
struct Bench {
    component: Component,
    address: StreamAddress,
    _store: Store,
}

impl Bench {
    async fn new() -> Self {
        let store = store::start(StoreOptions::default()).await.unwrap();
        let url = format!("http://{}/{DEVELOPMENT_ACCOUNT}/logs/app", store.address());
        let component = Component::compile(Component::embedded()).unwrap();
        Self { component, address: StreamAddress::parse(&url).unwrap(), _store: store }
    }

    async fn start(&self, options: &stream::Options) -> Result<Appender, Error> {
        Appender::start(&self.component, &self.address, &key(), options).await
    }

    async fn open(&self, options: &stream::Options) -> Result<Appender, Error> {
        Appender::open(&self.component, &self.address, &key(), options).await
    }
}

fn key() -> Credential {
    let key = Secret::new(DEVELOPMENT_KEY);
    Credential::SharedKey { account: DEVELOPMENT_ACCOUNT.into(), key }
}

fn options(layout: stream::Layout) -> stream::Options {
    stream::Options {
        layout: Some(layout),
        create_container: Some(true),
        block_bytes: Some(1 << 20),
        buffer_bytes: Some(1 << 20),
        in_flight: Some(1),
        ..stream::Options::default()
    }
}

const LAYOUTS: [stream::Layout; 2] = [stream::Layout::Append, stream::Layout::Block];

#[track_caller]
fn refused<T>(result: Result<T, Error>, code: &str) -> String {
    let Err(error) = result else { panic!("nothing was refused") };
    assert_eq!(error.code(), code, "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_handle_that_is_not_open_yet_takes_nothing() {
    for layout in LAYOUTS {
        let bench = Bench::new().await;
        let mut appender = bench.start(&options(layout)).await.unwrap();
        let said = refused(appender.append(b"x").await, "not-open");
        assert_eq!(said, "the stream is not open yet");
        refused(appender.seal(None).await, "not-open");
        appender.flush(None).await.unwrap();
        assert_eq!(appender.append(b"x").await.unwrap(), 1, "once there was time it is open");
    }
}

#[tokio::test]
async fn a_timeout_that_is_over_undoes_nothing() {
    let bench = Bench::new().await;
    let mut appender = bench.open(&options(stream::Layout::Append)).await.unwrap();
    appender.append(b"one").await.unwrap();
    let said = refused(appender.flush(NO_TIME).await, "timed-out");
    assert_eq!(said, "the time was over before it was done");
    let position = appender.flush(None).await.unwrap();
    assert_eq!((position.accepted, position.committed), (3, 3));
}

#[tokio::test]
async fn a_buffer_that_is_full_takes_nothing_until_it_is_driven() {
    let bench = Bench::new().await;
    let mut appender = bench.open(&options(stream::Layout::Append)).await.unwrap();
    let half = vec![b'x'; 600 << 10];
    assert_eq!(appender.append(&half).await.unwrap(), 600 << 10);
    let said = refused(appender.append(&half).await, "buffer-full");
    assert_eq!(said, "there is no room for the bytes now");
    assert_eq!(appender.position().await.unwrap().accepted, 600 << 10);
    appender.flush(None).await.unwrap();
    assert_eq!(appender.append(&half).await.unwrap(), 1200 << 10);
}

#[tokio::test]
async fn a_handle_that_was_closed_does_nothing_more() {
    for layout in LAYOUTS {
        let bench = Bench::new().await;
        let mut appender = bench.open(&options(layout)).await.unwrap();
        appender.append(b"one").await.unwrap();
        assert_eq!(appender.close(None).await.unwrap().committed, 3);
        let said = refused(appender.append(b"two").await, "closed");
        assert_eq!(said, "the handle was closed");
        refused(appender.flush(None).await, "closed");
        refused(appender.drive(Duration::ZERO).await, "closed");
        refused(appender.seal(None).await, "closed");
        refused(appender.set_credential(&key()).await, "closed");
    }
}

#[tokio::test]
async fn what_can_never_work_is_an_invalid_argument() {
    let bench = Bench::new().await;
    for (options, says) in [
        (
            stream::Options { block_bytes: Some(0), ..options(stream::Layout::Append) },
            "block-bytes",
        ),
        (stream::Options { in_flight: Some(65), ..options(stream::Layout::Block) }, "in-flight"),
        (
            stream::Options {
                content_type: Some("a\nb".into()),
                ..options(stream::Layout::Append)
            },
            "content-type",
        ),
    ] {
        let said = refused(bench.start(&options).await, "invalid-argument");
        assert!(said.contains(says), "{said}");
        refused(bench.open(&options).await, "invalid-argument");
    }
    let mut appender = bench.open(&options(stream::Layout::Append)).await.unwrap();
    refused(appender.append(&vec![0; 2 << 20]).await, "invalid-argument");
    let damaged = Credential::SharedKey { account: "a".into(), key: Secret::new("*") };
    let said = refused(appender.set_credential(&damaged).await, "invalid-argument");
    assert!(said.contains("not base64"), "{said}");
    appender.append(b"the handle is as good as before").await.unwrap();
    appender.flush(None).await.unwrap();
}

#[tokio::test]
async fn an_order_that_does_not_fit_the_layout_is_unsupported() {
    let bench = Bench::new().await;
    let mut appender = bench.open(&options(stream::Layout::Append)).await.unwrap();
    let said = refused(appender.compact(None).await, "unsupported");
    assert!(said.contains("append layout"), "{said}");
    appender.append(b"one").await.unwrap();
    appender.close(None).await.unwrap();

    let bench = Bench::new().await;
    let mut appender = bench.open(&options(stream::Layout::Block)).await.unwrap();
    let said = refused(appender.rollover(None).await, "unsupported");
    assert!(said.contains("block layout"), "{said}");
    appender.append(b"one").await.unwrap();
    assert_eq!(appender.flush(None).await.unwrap().committed, 3);
}
