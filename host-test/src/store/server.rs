//! The store's connections, and the way of a request through the store.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::HeaderValue;
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};

use everblob::azure::date;
use everblob::sim::service::{Answer, Request};
use everblob::time::UnixTime;

use crate::clock::WallClock;
use crate::listener::{Listener, Stopped};

use super::answer;
use super::authorization::{Authorization, Grant};
use super::body::Body;
use super::checksum::{self, Echo};
use super::cors;
use super::fault::Fault;
use super::message::Message;
use super::operation::Operation;
use super::options::{Secret, StoreOptions};
use super::piece::Piece;
use super::record::{Record, RequestLog};
use super::state::State;
use super::translation;

/// A write of more bytes than this leaves the threads that serve connections.
const LARGE: usize = 64 << 10;
/// How much of a refused body is read, so that the refusal arrives and the connection stays.
const DISCARD: usize = 256 << 20;
/// How much waits in one direction of a connection inside this process.
const PIPE_BYTES: usize = 256 << 10;
const DEFAULT_VERSION: &str = "2024-11-04";

/// A store that is running. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Store {
    bearer_tokens: Arc<Mutex<Vec<Secret>>>,
    shared: Arc<Shared>,
    listener: Listener,
}

/// Starts a store.
///
/// # Errors
/// If the address is taken, or the folder is in use, damaged or not writable.
pub async fn start(options: StoreOptions) -> anyhow::Result<Store> {
    let log = options.log.as_deref().map(RequestLog::open).transpose()?;
    // Reading a large journal takes its time.
    let (options, state) = tokio::task::spawn_blocking(move || {
        let state = State::open(&options);
        (options, state)
    })
    .await
    .context("the journal's reader panicked")?;
    let state = Mutex::new(state?);
    let StoreOptions {
        listen, accounts, bearer_token, clock_offset, idle_timeout, wall_clock, ..
    } = options;
    let bearer_tokens = Arc::new(Mutex::new(Vec::from_iter(bearer_token)));
    let authorization = Authorization { accounts, bearer_tokens: Arc::clone(&bearer_tokens) };
    let shared =
        Arc::new(Shared { authorization, clock_offset, log, state, idle_timeout, wall_clock });
    let served = Arc::clone(&shared);
    let listener = Listener::start(listen, move |stream, peer, stopped| {
        serve(stream, peer, Arc::clone(&served), stopped)
    })?;
    Ok(Store { bearer_tokens, shared, listener })
}

impl Store {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Makes connections to it inside this process, without the network. They end when it stops, but
    /// while somebody has this, its folder is not free.
    pub fn connector(&self) -> impl Fn() -> DuplexStream + Send + Sync + 'static {
        let (shared, stopped) = (Arc::clone(&self.shared), self.listener.stopped());
        move || {
            let (client, server) = tokio::io::duplex(PIPE_BYTES);
            let peer = Ipv4Addr::LOCALHOST.into();
            tokio::spawn(serve(server, peer, Arc::clone(&shared), stopped.clone()));
            client
        }
    }

    /// Accepts these bearer tokens in place of those before, as when they expire.
    ///
    /// # Panics
    /// Never: nothing panics while it holds the tokens.
    pub fn accept_tokens(&self, tokens: Vec<Secret>) {
        *self.bearer_tokens.lock().expect("nothing panics under this lock") = tokens;
    }

    /// Stops: no connection is accepted any more, requests under way are answered, and the folder
    /// is free when this returns.
    pub async fn stop(mut self) {
        self.listener.stop().await;
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) {
        self.listener.ended().await;
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: IpAddr,
    shared: Arc<Shared>,
    mut stopped: Stopped,
) {
    let mut http = http1::Builder::new();
    if let Some(timeout) = shared.idle_timeout {
        // It also limits the time that the head of a request takes.
        http.timer(TokioTimer::new()).header_read_timeout(timeout);
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let shared = Arc::clone(&shared);
        async move {
            let (head, body) = request.into_parts();
            Ok::<_, Infallible>(shared.answer(head, body, peer).await)
        }
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// What all connections have.
#[derive(Debug)]
struct Shared {
    authorization: Authorization,
    clock_offset: i64,
    log: Option<RequestLog>,
    state: Mutex<State>,
    idle_timeout: Option<Duration>,
    wall_clock: WallClock,
}

impl Shared {
    /// The answer to a request, which is also in the log by then.
    async fn answer(
        self: &Arc<Self>,
        head: Parts,
        mut body: Incoming,
        peer: IpAddr,
    ) -> Response<Body> {
        let started = self.wall_clock.since_epoch();
        let now = UnixTime(started.as_secs().saturating_add_signed(self.clock_offset));
        let (path, to_head) = (head.uri.path().to_owned(), head.method == Method::HEAD);
        let request_id = translation::guid();
        let mut operation = Operation::Unknown;
        let mut bytes = 0;
        let read = Message::read(head, peer);
        let message = read.as_ref().ok().cloned();
        let answered = match read {
            Ok(message) => {
                operation = Operation::of(&message);
                self.perform(message, operation, &mut body, &mut bytes, now).await
            }
            Err(fault) => Err(fault),
        };
        let mut response = match answered {
            Ok(response) => response,
            Err(fault) => {
                if !body.is_end_stream() {
                    tokio::spawn(discard(body));
                }
                fault.response(to_head, &request_id, &date::format_iso8601(now))
            }
        };
        complete(&mut response, message.as_ref(), &request_id, now);
        if let Some(log) = &self.log {
            let code = response.headers().get("x-ms-error-code");
            log.write(&Record {
                time: date::format_iso8601(now),
                operation: operation.name(),
                path,
                status: response.status().as_u16(),
                code: code.and_then(|code| code.to_str().ok()).map(str::to_owned),
                bytes,
                started: started.as_nanos() as u64,
                ended: self.wall_clock.since_epoch().as_nanos() as u64,
            });
        }
        response
    }

    /// Checks a request, reads its body and does what it asks for. Counts the body's bytes.
    async fn perform(
        self: &Arc<Self>,
        message: Message,
        operation: Operation,
        body: &mut Incoming,
        bytes: &mut u64,
        now: UnixTime,
    ) -> Result<Response<Body>, Fault> {
        if operation == Operation::Preflight {
            return Ok(cors::preflight(&message));
        }
        message.check_headers()?;
        check_length(&message, body)?;
        let grant = self.authorization.check(&message, operation, now)?;
        if operation == Operation::Unknown {
            return Err(Fault::not_implemented());
        }
        let content = receive(&message, operation, body).await?;
        *bytes = content.len() as u64;
        let (request, echo) = prepare(&message, operation, grant, content.clone())?;
        let account = message.account.clone();
        let answer = if content.len() > LARGE {
            let shared = Arc::clone(self);
            tokio::task::spawn_blocking(move || shared.execute(&account, &request, now))
                .await
                .map_err(|_| Fault::new(500, "InternalError", "The operation panicked."))?
        } else {
            self.execute(&account, &request, now)
        };
        answer::response(&message, answer?, echo)
    }

    fn execute(
        &self,
        account: &str,
        request: &Request<Piece>,
        now: UnixTime,
    ) -> Result<Answer<Piece>, Fault> {
        let mut state = self.state.lock().expect("the model does not panic");
        state.execute(account, request, now)
    }
}

/// Every PUT says how long it is, also when it is empty.
fn check_length(message: &Message, body: &Incoming) -> Result<(), Fault> {
    let needed = message.method == Method::PUT || message.method == Method::POST;
    let exact = message.header("content-length").is_some() && body.size_hint().exact().is_some();
    if needed && !exact {
        let message = "Content-Length HTTP header is missing.";
        return Err(Fault::new(411, "MissingContentLengthHeader", message));
    }
    Ok(())
}

/// Reads the body whole, unless it is more than the operation takes.
async fn receive(
    message: &Message,
    operation: Operation,
    body: &mut Incoming,
) -> Result<Bytes, Fault> {
    let limit = translation::largest_body(message, operation);
    let length = body.size_hint().exact().unwrap_or(0);
    if length > limit {
        return Err(match limit {
            0 => Fault::header("Content-Length", &length.to_string()),
            limit => Fault::too_large(limit),
        });
    }
    let collected = body.collect().await.map_err(|_| {
        // Nobody is there to read this; the log is.
        Fault::new(400, "IncompleteBody", "The request body ended early.")
    })?;
    Ok(collected.to_bytes())
}

/// Checks the body and makes the model's request of it all.
fn prepare(
    message: &Message,
    operation: Operation,
    grant: Grant,
    content: Bytes,
) -> Result<(Request<Piece>, Option<Echo>), Fault> {
    let echo = operation.has_body().then(|| checksum::check(message, &content)).transpose()?;
    let echo = echo.filter(|_| !content.is_empty());
    Ok((translation::request(message, operation, grant, content)?, echo))
}

/// Reads what is left of a refused body, while the refusal is already on its way. A connection that
/// is closed while its client still sends takes the refusal with it.
async fn discard(body: Incoming) {
    let mut body = pin!(Limited::new(body, DISCARD));
    while let Some(Ok(_)) = body.frame().await {}
}

/// The headers that every answer has.
fn complete(
    response: &mut Response<Body>,
    message: Option<&Message>,
    request_id: &str,
    now: UnixTime,
) {
    let headers = response.headers_mut();
    let value = |text: &str| HeaderValue::from_str(text).expect("made of text or came as a header");
    headers.insert("server", HeaderValue::from_static("Everblob-Store"));
    headers.insert("date", value(&date::format_rfc1123(now)));
    headers.insert("x-ms-request-id", value(request_id));
    let Some(message) = message else { return };
    let version = message.header("x-ms-version").or_else(|| message.parameter("sv"));
    let version = version.and_then(|version| HeaderValue::from_str(version).ok());
    let version = version.unwrap_or(HeaderValue::from_static(DEFAULT_VERSION));
    headers.insert("x-ms-version", version);
    if let Some(id) = message.header("x-ms-client-request-id") {
        headers.insert("x-ms-client-request-id", value(id));
    }
    cors::expose(message, headers);
}
