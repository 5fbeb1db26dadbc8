//! What a failed exchange is called in the terms of wasi:http.
//!
//! Invariant: the codes that say that nothing was sent (connection refused or timed out, DNS, TLS,
//! destination) are used only for a connection that did not come about.

use std::error::Error as StdError;
use std::io;

use hyper_util::client::legacy;
use wasmtime_wasi_http::Error;

/// Sorts the failure of a request.
pub(super) fn failure(err: &legacy::Error) -> Error {
    tracing::debug!("a request failed: {}", chain(err));
    if err.is_connect() { not_connected(err) } else { broken_off(err) }
}

fn not_connected(err: &legacy::Error) -> Error {
    let mut cause = err.source();
    while let Some(err) = cause {
        if err.to_string().starts_with("dns error") {
            return Error::DnsError { rcode: None, info_code: None };
        }
        if let Some(tls) = tls(err) {
            return tls;
        }
        if let Some(io) = err.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return Error::ConnectionRefused,
                io::ErrorKind::TimedOut => return Error::ConnectionTimeout,
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    return Error::DestinationIpUnroutable;
                }
                _ => {}
            }
        }
        cause = err.source();
    }
    Error::DestinationUnavailable
}

fn tls(err: &(dyn StdError + 'static)) -> Option<Error> {
    // rustls errors travel inside io errors, which do not name them as their source.
    let inner = err.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let err = match inner {
        Some(inner) => inner.downcast_ref::<rustls::Error>(),
        None => err.downcast_ref::<rustls::Error>(),
    }?;
    Some(match err {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            Error::TlsCertificateError
        }
        _ => Error::TlsProtocolError,
    })
}

fn broken_off(err: &legacy::Error) -> Error {
    let mut cause = err.source();
    while let Some(err) = cause {
        if let Some(hyper) = err.downcast_ref::<hyper::Error>()
            && (hyper.is_parse() || hyper.is_user())
        {
            return Error::HttpProtocolError;
        }
        cause = err.source();
    }
    Error::ConnectionTerminated
}

/// The failure of a body that was being received.
pub(super) fn body_failure(err: &hyper::Error) -> Error {
    tracing::debug!("an answer broke off: {}", chain(err));
    Error::HttpResponseIncomplete
}

/// An error and its causes on one line.
fn chain(err: &dyn StdError) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        text.push_str(": ");
        text.push_str(&err.to_string());
        cause = err.source();
    }
    text
}
