//! How a request meets its fate.
//!
//! Invariant: what is sent on is sent whole, and its answer is awaited to the end, so that the
//! service has done with it what it will.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::time::sleep;
use wasmtime_wasi_http::Error;

use super::kind::Kind;
use super::target::{Target, Whole};
use super::weather::Fate;

pub(super) type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// What the client gets.
pub(super) enum Outcome {
    /// An answer.
    Answer(Response<Body>),
    /// An answer that breaks off.
    Cut(Response<Body>),
    /// An answer that is not HTTP.
    Garbled(Response<Body>),
    /// The end of the connection.
    Severed,
    /// The end of the connection, by a reset.
    Reset,
}

impl Outcome {
    /// The status of the answer, if there is one.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Answer(answer) | Self::Cut(answer) | Self::Garbled(answer) => {
                Some(answer.status().as_u16())
            }
            Self::Severed | Self::Reset => None,
        }
    }
}

/// Does to a request what its fate is.
pub(super) async fn meet(target: &Target, fate: Fate, request: Whole) -> Outcome {
    let duration = fate.duration.unwrap_or_default();
    match fate.kind {
        Kind::Fair => Outcome::Answer(answer(target, request).await),
        Kind::LoseRequest => {
            drop(request);
            sleep(duration).await;
            Outcome::Severed
        }
        Kind::LoseReply => {
            apply(target, request).await;
            Outcome::Severed
        }
        Kind::Late => {
            let target = target.clone();
            tokio::spawn(async move {
                sleep(duration).await;
                apply(&target, request).await;
            });
            Outcome::Severed
        }
        Kind::Twice => {
            apply(target, request.clone()).await;
            Outcome::Answer(answer(target, request).await)
        }
        Kind::Reset | Kind::ResetBody => Outcome::Reset,
        Kind::Truncated => Outcome::Cut(answer(target, request).await),
        Kind::Malformed => malformed(answer(target, request).await).await,
        Kind::Slow => {
            sleep(duration).await;
            Outcome::Answer(answer(target, request).await)
        }
        Kind::Refused { status, applied } => {
            if applied {
                apply(target, request).await;
            }
            Outcome::Answer(refusal(status, fate.duration))
        }
    }
}

async fn answer(target: &Target, request: Whole) -> Response<Body> {
    match target.forward(request).await {
        Ok(answer) => answer.map(|body| body.boxed_unsync()),
        Err(error) => unreached(target, &error),
    }
}

/// Sends a request on for what it does.
async fn apply(target: &Target, request: Whole) {
    match target.forward(request).await {
        Ok(answer) => {
            let mut body = answer.into_body();
            while let Some(Ok(_)) = body.frame().await {}
        }
        Err(error) => tracing::warn!("the service did not answer: {error}"),
    }
}

/// The proxy's own word when the service says none. The request may have been applied.
fn unreached(target: &Target, error: &Error) -> Response<Body> {
    let why = target.obstacle().unwrap_or_else(|| error.to_string());
    tracing::warn!("the service did not answer: {why}");
    let text = format!("the service behind the proxy did not answer: {why}\n");
    of_text(StatusCode::BAD_GATEWAY, "text/plain", text)
}

/// An answer as the service, or what stands before it, gives it for these statuses.
fn refusal(status: u16, retry_after: Option<Duration>) -> Response<Body> {
    let code = match status {
        500 => Some("OperationTimedOut"),
        503 => Some("ServerBusy"),
        // Gateways answer these, and know no codes.
        _ => None,
    };
    let status = StatusCode::from_u16(status).expect("statuses of kinds are statuses");
    let text = code.map_or_else(String::new, |code| {
        format!(
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code>\
             <Message>A fault that was asked for.</Message></Error>"
        )
    });
    let mut answer = of_text(status, "application/xml", text);
    if let Some(code) = code {
        answer.headers_mut().insert("x-ms-error-code", HeaderValue::from_static(code));
    }
    if let Some(wait) = retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, wait.as_secs().into());
    }
    answer
}

/// The answer to a request that is larger than what the proxy takes.
pub(super) fn too_large() -> Response<Body> {
    let text = "the request body is larger than what the proxy takes\n";
    of_text(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", text.into())
}

/// XML breaks off though its length is right; everything else does not look like HTTP.
async fn malformed(answer: Response<Body>) -> Outcome {
    let media_type = answer.headers().get(header::CONTENT_TYPE);
    if media_type.is_none_or(|media_type| !media_type.as_bytes().starts_with(b"application/xml")) {
        return Outcome::Garbled(answer);
    }
    let (mut head, body) = answer.into_parts();
    let Ok(body) = body.collect().await else { return Outcome::Severed };
    let body = body.to_bytes();
    head.headers.remove(header::CONTENT_LENGTH);
    Outcome::Answer(Response::from_parts(head, whole(body.slice(..body.len() / 2))))
}

fn of_text(status: StatusCode, media_type: &'static str, text: String) -> Response<Body> {
    let mut answer = Response::new(whole(text.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}
