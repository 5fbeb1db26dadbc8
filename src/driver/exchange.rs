//! One HTTP exchange by WASI 0.2, which outlives the call that started it.
//!
//! Invariants, each found by breakage on a real host: the pollable of the response is subscribed
//! once, kept, and asked with `ready` before `get`; pollables of streams are taken afresh after an
//! empty read or a full buffer; children are dropped before what they come from. A body that
//! cannot be sent is no answer: the service may have refused it early, and its answer says why.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::azure::location::Location;
use crate::azure::request::{Method, Request};
use crate::azure::response::Response;
use crate::bindings::wasi::http::types as http;
use crate::bindings::wasi::http::{outgoing_handler, types::ErrorCode};
use crate::bindings::wasi::io::poll::Pollable;
use crate::bindings::wasi::io::streams::{InputStream, OutputStream, StreamError};
use crate::call::{Body, Failure};

/// How much of a response's body is read at once, in bytes.
const READ_BYTES: u64 = 64 << 10;

/// The most bytes of a response's body: a page of a listing has 5,000 names of up to 1,024
/// characters, a range is at most a block.
const RESPONSE_BYTES_MAX: usize = 128 << 20;

/// A request under way and its answer. Fields are dropped in order.
pub(super) struct Exchange {
    sending: Option<Sending>,
    reading: Option<Reading>,
    arrived: Pollable,
    response: http::FutureIncomingResponse,
}

struct Sending {
    blocked: Option<Pollable>,
    stream: OutputStream,
    body: http::OutgoingBody,
    bytes: Body,
    sent: usize,
}

struct Reading {
    blocked: Option<Pollable>,
    stream: InputStream,
    _body: http::IncomingBody,
    response: Response,
}

impl Exchange {
    /// Hands the request to the host, with as much of its body as it takes at once.
    ///
    /// # Errors
    /// [`Failure::NotSent`] if the host does not take it.
    pub(super) fn start(request: &Request, location: &Location) -> Result<Self, Failure> {
        let outgoing = outgoing(request, location).ok_or_else(|| not_sent("malformed"))?;
        let body = outgoing.body().map_err(|()| not_sent("without a body"))?;
        let response = outgoing_handler::handle(outgoing, None).map_err(|code| failure(&code))?;
        let arrived = response.subscribe();
        let sending = match &request.body {
            Some(bytes) => Some(Sending::start(body, bytes.clone())?),
            None => {
                finish(body);
                None
            }
        };
        let mut exchange = Self { sending, reading: None, arrived, response };
        exchange.send();
        Ok(exchange)
    }

    /// Goes as far as it can without waiting. The response, or why there is none, at its end.
    pub(super) fn advance(&mut self) -> Option<Result<Response, Failure>> {
        self.send();
        if self.reading.is_none() {
            if !self.arrived.ready() {
                return None;
            }
            match self.response.get() {
                None => return None,
                Some(Ok(Ok(response))) => match Reading::start(&response) {
                    Some(reading) => self.reading = Some(reading),
                    None => return Some(Err(in_doubt("an answer without a body".to_string()))),
                },
                Some(Ok(Err(code))) => return Some(Err(failure(&code))),
                Some(Err(())) => return Some(Err(in_doubt("the answer was taken".to_string()))),
            }
        }
        self.reading.as_mut()?.advance()
    }

    /// What to wait for before [`Exchange::advance`] is of use again.
    pub(super) fn waits(&self) -> [Option<&Pollable>; 2] {
        let sending = self.sending.as_ref().and_then(|sending| sending.blocked.as_ref());
        match &self.reading {
            None => [sending, Some(&self.arrived)],
            Some(reading) => [sending, reading.blocked.as_ref()],
        }
    }

    fn send(&mut self) {
        let Some(mut sending) = self.sending.take() else { return };
        match sending.advance() {
            Step::Blocked => self.sending = Some(sending),
            Step::Done => sending.finish(),
            Step::Failed => {}
        }
    }
}

enum Step {
    Blocked,
    Done,
    Failed,
}

impl Sending {
    fn start(body: http::OutgoingBody, bytes: Body) -> Result<Self, Failure> {
        let stream = body.write().map_err(|()| not_sent("without a body"))?;
        Ok(Self { blocked: None, stream, body, bytes, sent: 0 })
    }

    fn advance(&mut self) -> Step {
        self.blocked = None;
        loop {
            let rest = &self.bytes.0[self.sent..];
            if rest.is_empty() {
                return Step::Done;
            }
            let Ok(room) = self.stream.check_write() else { return Step::Failed };
            if room == 0 {
                self.blocked = Some(self.stream.subscribe());
                return Step::Blocked;
            }
            let count = rest.len().min(usize::try_from(room).unwrap_or(usize::MAX));
            if self.stream.write(&rest[..count]).is_err() {
                return Step::Failed;
            }
            self.sent += count;
        }
    }

    fn finish(self) {
        let Self { blocked, stream, body, .. } = self;
        drop(blocked);
        // Flushing is a hint; that the body ends is told by `finish`.
        let _ = stream.flush();
        drop(stream);
        finish(body);
    }
}

/// Ends a body. A failure shows in the response, or in its absence.
fn finish(body: http::OutgoingBody) {
    let _ = http::OutgoingBody::finish(body, None);
}

impl Reading {
    fn start(response: &http::IncomingResponse) -> Option<Self> {
        let headers = response.headers().entries();
        let headers =
            headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), text(&value)));
        let head =
            Response { status: response.status(), headers: headers.collect(), body: Vec::new() };
        let body = response.consume().ok()?;
        let stream = body.stream().ok()?;
        Some(Self { blocked: None, stream, _body: body, response: head })
    }

    fn advance(&mut self) -> Option<Result<Response, Failure>> {
        self.blocked = None;
        loop {
            match self.stream.read(READ_BYTES) {
                Ok(bytes) if bytes.is_empty() => {
                    self.blocked = Some(self.stream.subscribe());
                    return None;
                }
                Ok(bytes) => self.response.body.extend_from_slice(&bytes),
                Err(StreamError::Closed) => return Some(Ok(core::mem::take(&mut self.response))),
                Err(StreamError::LastOperationFailed(_)) => {
                    return Some(Err(in_doubt("the answer broke off".to_string())));
                }
            }
            if self.response.body.len() > RESPONSE_BYTES_MAX {
                return Some(Err(in_doubt("an answer without end".to_string())));
            }
        }
    }
}

fn outgoing(request: &Request, location: &Location) -> Option<http::OutgoingRequest> {
    let headers = request.headers.iter();
    let headers: Vec<_> =
        headers.map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let outgoing = http::OutgoingRequest::new(http::Fields::from_list(&headers).ok()?);
    let method = match request.method {
        Method::Get => http::Method::Get,
        Method::Head => http::Method::Head,
        Method::Put => http::Method::Put,
    };
    let scheme = if location.is_secure() { http::Scheme::Https } else { http::Scheme::Http };
    outgoing.set_method(&method).ok()?;
    outgoing.set_scheme(Some(&scheme)).ok()?;
    outgoing.set_authority(Some(location.authority())).ok()?;
    outgoing.set_path_with_query(Some(&request.path_and_query())).ok()?;
    Some(outgoing)
}

/// What is not UTF-8 is taken for Latin-1, so that the codec sees that it is not ASCII.
fn text(value: &[u8]) -> String {
    let latin = |_| value.iter().copied().map(char::from).collect();
    core::str::from_utf8(value).map_or_else(latin, ToString::to_string)
}

fn not_sent(how: &str) -> Failure {
    Failure::NotSent(format!("the host does not take a request that is {how}"))
}

fn in_doubt(reason: String) -> Failure {
    Failure::InDoubt { reason, status: None, retry_after: None }
}

/// What an error of the host proves: with these, nothing has left it.
fn failure(code: &ErrorCode) -> Failure {
    let (sent, reason) = match code {
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) => (false, "the host's name is not known"),
        ErrorCode::DestinationNotFound => (false, "the host was not found"),
        ErrorCode::DestinationIpProhibited | ErrorCode::HttpRequestDenied => {
            (false, "the embedding host does not allow the request")
        }
        ErrorCode::ConnectionRefused => (false, "the connection was refused"),
        ErrorCode::TlsCertificateError => (false, "the TLS certificate is not trusted"),
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => {
            (true, "the host cannot be reached")
        }
        ErrorCode::ConnectionTimeout => (true, "no connection in time"),
        ErrorCode::ConnectionTerminated => (true, "the connection was closed"),
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => {
            (true, "no answer in time")
        }
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => (true, "TLS failed"),
        ErrorCode::HttpProtocolError => (true, "the answer is not HTTP"),
        _ => (true, "the exchange failed"),
    };
    if sent { in_doubt(reason.to_string()) } else { Failure::NotSent(reason.to_string()) }
}
