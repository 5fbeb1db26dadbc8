//! Outgoing HTTP for the component and for the host's own reads: pooled connections that are kept
//! alive, with TCP_NODELAY. Servers of https are checked against the system's roots, or those of
//! `SSL_CERT_FILE` and `SSL_CERT_DIR`, and reached through the proxy of `HTTPS_PROXY`.
//!
//! Invariants: a request of which a byte of the body may have left is never sent again (a PUT that
//! is sent twice can be applied twice; whether to repeat is the component's decision);
//! `Content-Length` goes out as it was set; an answer that arrives before the body was sent
//! surfaces as that answer; of a URL its host, its path and its operation (`comp`) are logged, and
//! nothing else that its query holds.

mod connection;
mod failure;
pub(crate) mod permission;
mod process;
mod pump;
mod route;
mod traffic;

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hyper::body::{Body, Bytes, Incoming};
use hyper::http::uri::Authority;
use hyper::{Request, Response, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::io::DuplexStream;
use tokio::sync::Notify;
use tokio::time::Instant;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use self::connection::Connector;
use self::failure::Failure;
use self::route::Route;

pub use self::traffic::{Connections, Traffic};

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
    // In place of the network.
    inside: Option<legacy::Client<process::Connector, WasiBody>>,
    // The system's roots take a while to load, and plain http does not need them.
    secure: OnceLock<Result<Secure, String>>,
    obstacle: Mutex<Option<String>>,
    lacking: Mutex<Option<&'static str>>,
    traffic: Arc<Traffic>,
}

type Secure = legacy::Client<HttpsConnector<Route>, WasiBody>;

impl Default for Outgoing {
    fn default() -> Self {
        let traffic = Arc::<Traffic>::default();
        let plain = builder().build(Connector::new(Arc::clone(&traffic)));
        Self {
            plain,
            inside: None,
            secure: OnceLock::new(),
            obstacle: Mutex::default(),
            lacking: Mutex::default(),
            traffic,
        }
    }
}

impl Outgoing {
    /// Clients whose connections are what `connect` makes, whatever host a URL names: to a server
    /// inside this process.
    pub fn inside(connect: impl Fn() -> DuplexStream + Send + Sync + 'static) -> Self {
        let inside = builder().build(process::Connector::new(connect));
        Self { inside: Some(inside), ..Self::default() }
    }

    /// Sends a request and waits for the head of the answer.
    ///
    /// # Errors
    /// [`Error::ConnectionTimeout`], [`Error::ConnectionRefused`], DNS, TLS and destination errors
    /// mean that nothing was sent. After any other error the request may have been applied.
    pub async fn exchange(
        &self,
        request: Request<WasiBody>,
        options: &RequestOptions,
    ) -> Result<Response<Incoming>, Error> {
        let logged = Logged::begin(&request);
        let taken = permission::taken(&request);
        let (answer, obstacle) = match self.attempt(request, options).await {
            Ok(answer) => (Ok(answer), None),
            Err(failure) => (Err(failure.code), failure.obstacle),
        };
        if let Some(logged) = logged {
            logged.end(&answer);
        }
        if let Ok(answer) = &answer
            && answer.status() == StatusCode::FORBIDDEN
        {
            let lacking = taken.filter(|_| permission::is_lacking(answer.headers()));
            *self.lacking.lock().unwrap_or_else(PoisonError::into_inner) = lacking;
        }
        *self.obstacle.lock().unwrap_or_else(PoisonError::into_inner) = obstacle;
        answer
    }

    /// Why the last exchange failed, if trying again does not help: a certificate that is not
    /// trusted, a proxy that cannot be used. Without secrets.
    pub fn obstacle(&self) -> Option<String> {
        self.obstacle.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The permissions of which the request that was forbidden last takes one, in words, if that is
    /// what it lacked.
    pub fn lacking(&self) -> Option<&'static str> {
        *self.lacking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is under way.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    async fn attempt(
        &self,
        mut request: Request<WasiBody>,
        options: &RequestOptions,
    ) -> Result<Response<Incoming>, Failure> {
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let mut connection = capture_connection(&mut request);
        let mut response = pin!(self.request(request)?);
        let connect_timeout = options.connect_timeout.unwrap_or(CONNECT_TIMEOUT);
        tokio::select! {
            biased;
            answer = &mut response => return answer.map_err(|err| Failure::new(&err, &host)),
            _ = connection.wait_for_connection_metadata() => {}
            () = tokio::time::sleep(connect_timeout) => return Err(Error::ConnectionTimeout.into()),
        }
        let answer_timeout = options.first_byte_timeout.unwrap_or(ANSWER_TIMEOUT);
        match tokio::time::timeout(answer_timeout, response).await {
            Ok(answer) => answer.map_err(|err| Failure::new(&err, &host)),
            Err(_) => Err(Error::ConnectionReadTimeout.into()),
        }
    }

    fn request(&self, request: Request<WasiBody>) -> Result<legacy::ResponseFuture, Failure> {
        if let Some(inside) = &self.inside {
            return Ok(inside.request(request));
        }
        if request.uri().scheme_str() != Some("https") {
            return Ok(self.plain.request(request));
        }
        match self.secure.get_or_init(|| secure(Connector::new(Arc::clone(&self.traffic)))) {
            Ok(client) => Ok(client.request(request)),
            Err(why) => Err(Failure::of_configuration(format!("https is not possible: {why}"))),
        }
    }
}

/// A request for the log.
struct Logged {
    request: String,
    began: Instant,
}

impl Logged {
    /// None if nobody wants to know.
    fn begin(request: &Request<WasiBody>) -> Option<Self> {
        let wanted = tracing::enabled!(tracing::Level::DEBUG);
        wanted.then(|| Self { request: described(request), began: Instant::now() })
    }

    fn end(self, answer: &Result<Response<Incoming>, Error>) {
        let Self { request, began } = self;
        let milliseconds = began.elapsed().as_millis();
        match answer {
            Ok(answer) => {
                tracing::debug!("{request}: {} in {milliseconds} ms", answer.status().as_u16());
            }
            Err(err) => tracing::debug!("{request}: {err} after {milliseconds} ms"),
        }
    }
}

/// The request without what may be a secret.
fn described(request: &Request<WasiBody>) -> String {
    let uri = request.uri();
    let host = uri.authority().map_or("", Authority::as_str);
    let mut text = format!("{} {host}{}", request.method(), uri.path());
    let mut query = uri.query().unwrap_or_default().split('&');
    if let Some(operation) = query.find_map(|pair| pair.strip_prefix("comp=")) {
        text.push_str("?comp=");
        text.extend(operation.chars().filter(char::is_ascii_alphanumeric));
    }
    text
}

fn builder() -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.pool_idle_timeout(IDLE_TIMEOUT).pool_timer(TokioTimer::new()).timer(TokioTimer::new());
    // Only a request that was handed back unsent, because its pooled connection turned out to be
    // closed, is sent on another.
    builder.retry_canceled_requests(true);
    builder
}

fn secure(connector: Connector) -> Result<Secure, String> {
    let variable = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
    let route = Route::new(connector, variable)?;
    let config =
        rustls::ClientConfig::builder().with_root_certificates(roots()?).with_no_client_auth();
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_only()
        .enable_http1()
        .wrap_connector(route);
    Ok(builder().build(connector))
}

/// The certificates that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, or those of the system if neither
/// is set.
fn roots() -> Result<rustls::RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(roots);
    }
    let why = found.errors.first().map(|err| format!(" ({err})")).unwrap_or_default();
    Err(format!("there are no root certificates{why}; SSL_CERT_FILE names a PEM file of them"))
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
        let ongoing = self.outgoing.traffic.begin();
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
            let answer =
                answer.map(|body| pump::incoming(body, &options, Arc::clone(&activity), ongoing));
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
