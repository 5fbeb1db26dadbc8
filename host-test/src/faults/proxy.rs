//! The proxy: its listener, its connections, and the way of a request through it.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use everblob::azure::date;
use everblob::time::UnixTime;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;

use super::exchange::{self, Body, Outcome};
use super::kind::Kind;
use super::record::{Counts, Record};
use super::spec::Spec;
use super::target::{Target, Whole};
use super::weather::{Fate, Weather};
use super::wire::{Damage, Stream, Wire};
use crate::clock::WallClock;
use crate::listener::{Listener, Stopped};
use crate::store::RequestLog;

/// The largest body that is kept until it can be sent on: that of a block.
const REQUEST_BYTES_MAX: usize = 100 << 20;
/// How much waits in one direction of a connection inside this process.
const PIPE_BYTES: usize = 256 << 10;

/// How a proxy is set up. The default listens on a free loopback port, and nothing happens.
#[derive(Clone, Debug)]
pub struct ProxyOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What happens to requests. Without a seed one is chosen.
    pub spec: Spec,
    /// A file that gets one JSON line for each request, with its fate.
    pub log: Option<PathBuf>,
    /// The clock that dates the log.
    pub wall_clock: WallClock,
}

impl Default for ProxyOptions {
    fn default() -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { listen, spec: Spec::default(), log: None, wall_clock: WallClock::default() }
    }
}

/// A proxy that is running. Dropping it stops it without waiting; what is late by then is lost.
#[derive(Debug)]
pub struct Proxy {
    listener: Listener,
    shared: Arc<Shared>,
}

/// Starts a proxy before `target`.
///
/// # Errors
/// If the address is taken, or the log cannot be written.
pub async fn start(target: Target, options: ProxyOptions) -> anyhow::Result<Proxy> {
    let ProxyOptions { listen, spec, log, wall_clock } = options;
    let log = log.as_deref().map(RequestLog::open).transpose()?;
    let weather = Weather::new(spec, RandomState::new().hash_one(0) >> 32);
    let (requests, counts) = (AtomicU64::new(0), Mutex::default());
    let shared = Arc::new(Shared { target, weather, log, wall_clock, requests, counts });
    let served = Arc::clone(&shared);
    let listener = Listener::start(listen, move |stream, _, stopped| {
        serve(stream, Arc::clone(&served), stopped)
    })?;
    Ok(Proxy { listener, shared })
}

impl Proxy {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// What happens to requests, with the seed.
    pub fn spec(&self) -> &Spec {
        self.shared.weather.spec()
    }

    /// How many requests met which fate by now.
    pub fn counts(&self) -> Counts {
        self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes connections to it inside this process, without the network.
    pub fn connector(&self) -> impl Fn() -> DuplexStream + Send + Sync + 'static {
        let (shared, stopped) = (Arc::clone(&self.shared), self.listener.stopped());
        move || {
            let (client, server) = tokio::io::duplex(PIPE_BYTES);
            tokio::spawn(serve(server, Arc::clone(&shared), stopped.clone()));
            client
        }
    }

    /// Stops: no connection is accepted any more, and answers under way are waited for, for a
    /// while. What is late is lost.
    pub async fn stop(&mut self) {
        self.listener.stop().await;
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) {
        self.listener.ended().await;
    }
}

async fn serve(stream: impl Stream, shared: Arc<Shared>, mut stopped: Stopped) {
    let damage = Damage::default();
    let wire = TokioIo::new(Wire::new(stream, damage.clone()));
    let service = service_fn(move |request| {
        let (shared, damage) = (Arc::clone(&shared), damage.clone());
        async move { shared.answer(request, &damage).await }
    });
    let mut connection = pin!(http1::Builder::new().serve_connection(wire, service));
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

/// The connection is to end without an answer.
#[derive(Debug)]
struct Severed;

impl fmt::Display for Severed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault that was asked for")
    }
}

impl std::error::Error for Severed {}

/// What all connections have.
#[derive(Debug)]
struct Shared {
    target: Target,
    weather: Weather,
    log: Option<RequestLog>,
    wall_clock: WallClock,
    requests: AtomicU64,
    counts: Mutex<Counts>,
}

impl Shared {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        damage: &Damage,
    ) -> Result<Response<Body>, Severed> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let fate = self.weather.fate(number);
        let (head, body) = request.into_parts();
        let time = date::format_iso8601(UnixTime(self.wall_clock.since_epoch().as_secs()));
        let mut record = Record::new(number, time, &head, fate.kind);
        if fate.kind == Kind::Reset {
            self.tell(fate, &record);
            damage.reset();
            return Err(Severed);
        }
        let body = match Limited::new(body, REQUEST_BYTES_MAX).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Ok(exchange::too_large()),
            // It has gone, and so has its request.
            Err(_) => return Err(Severed),
        };
        record.bytes = body.len();
        // By a task of its own: a client that gives up takes nothing back.
        let passing = tokio::spawn(self.pass(fate, record, Whole { head, body }));
        match passing.await.unwrap_or(Outcome::Severed) {
            Outcome::Answer(answer) => Ok(answer),
            Outcome::Cut(answer) => {
                damage.cut();
                Ok(answer)
            }
            Outcome::Garbled(answer) => {
                damage.garble();
                Ok(answer)
            }
            Outcome::Severed => Err(Severed),
            Outcome::Reset => {
                damage.reset();
                Err(Severed)
            }
        }
    }

    /// Lets a request meet its fate, of which the log has been told by then.
    async fn pass(self: Arc<Self>, fate: Fate, mut record: Record, request: Whole) -> Outcome {
        if matches!(fate.kind, Kind::LoseRequest | Kind::LoseReply | Kind::Late) {
            self.tell(fate, &record);
            return exchange::meet(&self.target, fate, request).await;
        }
        let outcome = exchange::meet(&self.target, fate, request).await;
        record.status = outcome.status();
        self.tell(fate, &record);
        outcome
    }

    fn tell(&self, fate: Fate, record: &Record) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).add(fate.kind);
        if let Some(log) = &self.log {
            log.write(record);
        }
    }
}
