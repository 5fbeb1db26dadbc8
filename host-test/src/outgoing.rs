//! Outgoing HTTP for the component and for the host's own reads: pooled connections that are kept
//! alive, with TCP_NODELAY.
//!
//! Invariants: a request of which a byte of the body may have left is never sent again (a PUT that
//! is sent twice can be applied twice; whether to repeat is the component's decision);
//! `Content-Length` goes out as it was set; an answer that arrives before the body was sent
//! surfaces as that answer; nothing of a URL but its host is logged.

mod connection;
mod failure;
mod pump;

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::body::{Body, Bytes, Incoming};
use hyper::{Request, Response};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Notify;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use self::connection::Connector;
use self::failure::failure;

/// How long a connection may take if the guest does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an answer may take if the guest does not say.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);
/// How long an idle connection is kept: below the four minutes after which the service's load
/// balancer forgets it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// Bytes that one write of the guest may hand over, and how many such writes wait for the
/// connection. A block of the default size is taken at once.
const WRITE_BYTES: usize = 4 << 20;
const WRITES_WAITING: usize = 2;

/// HTTP clients with their pools of connections. Shared by everything in one process.
#[derive(Debug)]
pub struct Outgoing {
    plain: legacy::Client<Connector, WasiBody>,
    // The system's roots take a while to load, and plain http does not need them.
    secure: OnceLock<Result<legacy::Client<HttpsConnector<Connector>, WasiBody>, String>>,
}

impl Default for Outgoing {
    fn default() -> Self {
        Self { plain: builder().build(Connector::default()), secure: OnceLock::new() }
    }
}

impl Outgoing {
    /// Sends a request and waits for the head of the answer.
    ///
    /// # Errors
    /// [`Error::ConnectionTimeout`], [`Error::ConnectionRefused`], DNS, TLS and destination errors
    /// mean that nothing was sent. After any other error the request may have been applied.
    pub async fn exchange(
        &self,
        mut request: Request<WasiBody>,
        options: &RequestOptions,
    ) -> Result<Response<Incoming>, Error> {
        let mut connection = capture_connection(&mut request);
        let mut response = pin!(self.request(request)?);
        let connect_timeout = options.connect_timeout.unwrap_or(CONNECT_TIMEOUT);
        tokio::select! {
            biased;
            answer = &mut response => return answer.map_err(|err| failure(&err)),
            _ = connection.wait_for_connection_metadata() => {}
            () = tokio::time::sleep(connect_timeout) => return Err(Error::ConnectionTimeout),
        }
        let answer_timeout = options.first_byte_timeout.unwrap_or(ANSWER_TIMEOUT);
        match tokio::time::timeout(answer_timeout, response).await {
            Ok(answer) => answer.map_err(|err| failure(&err)),
            Err(_) => Err(Error::ConnectionReadTimeout),
        }
    }

    fn request(&self, request: Request<WasiBody>) -> Result<legacy::ResponseFuture, Error> {
        if request.uri().scheme_str() != Some("https") {
            return Ok(self.plain.request(request));
        }
        match self.secure.get_or_init(secure) {
            Ok(client) => Ok(client.request(request)),
            Err(why) => {
                tracing::error!("https is not available: {why}");
                Err(Error::ConfigurationError)
            }
        }
    }
}

fn builder() -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.pool_idle_timeout(IDLE_TIMEOUT).pool_timer(TokioTimer::new()).timer(TokioTimer::new());
    // Only a request that was handed back unsent, because its pooled connection turned out to be
    // closed, is sent on another.
    builder.retry_canceled_requests(true);
    builder
}

fn secure() -> Result<legacy::Client<HttpsConnector<Connector>, WasiBody>, String> {
    let config = rustls::ClientConfig::builder()
        .with_native_roots()
        .map_err(|err| format!("the system has no root certificates: {err}"))?
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_only()
        .enable_http1()
        .wrap_connector(Connector::default());
    Ok(builder().build(connector))
}

/// What one instance of the component sends its requests through.
pub(crate) struct Hooks {
    outgoing: Arc<Outgoing>,
    activity: Arc<Notify>,
}

impl Hooks {
    /// `activity` is rung whenever the instance has something to take up: the head of an answer,
    /// a part of its body or its end, a failure, room for more of a request.
    ///
    /// On a runtime with several threads a ring may be a moment ahead of what it announces.
    pub(crate) fn new(outgoing: Arc<Outgoing>, activity: Arc<Notify>) -> Self {
        Self { outgoing, activity }
    }
}

type Rest = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _failed: Rest,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Rest), Error>> + Send> {
        let outgoing = Arc::clone(&self.outgoing);
        let activity = Arc::clone(&self.activity);
        let options = options.unwrap_or_default();
        Box::new(async move {
            let length = declared_length(&request);
            let request = request.map(|body| pump::watched(body, length, Arc::clone(&activity)));
            let answer = match outgoing.exchange(request, &options).await {
                Ok(answer) => answer,
                Err(err) => {
                    // Rung by a task of its own: the guest sees the failure only once this future
                    // is over, and would be called too early.
                    tokio::spawn(async move { activity.notify_one() });
                    return Err(err);
                }
            };
            let answer = answer.map(|body| pump::incoming(body, &options, Arc::clone(&activity)));
            let rung_later: Rest = Box::new(async move {
                activity.notify_one();
                Ok(())
            });
            Ok((answer, rung_later))
        })
    }

    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        WRITES_WAITING
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        WRITE_BYTES
    }
}

fn declared_length<B: Body<Data = Bytes>>(request: &Request<B>) -> Option<u64> {
    request.headers().get(hyper::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
