//! What a failed exchange is called in the terms of wasi:http.
//!
//! Invariant: the codes that say that nothing was sent (connection refused or timed out, DNS, TLS,
//! destination) are used only for a connection that did not come about.

use std::error::Error as StdError;
use std::io;

use hyper_util::client::legacy;
use wasmtime_wasi_http::Error;

/// A failed exchange.
pub(super) struct Failure {
    /// What the guest is told.
    pub(super) code: Error,
    /// What somebody has to do something about, if it is of that kind.
    pub(super) obstacle: Option<String>,
}

impl Failure {
    /// Sorts the failure of a request to `host`.
    pub(super) fn new(err: &legacy::Error, host: &str) -> Self {
        tracing::debug!("a request failed: {}", chain(err));
        if err.is_connect() { not_connected(err, host) } else { broken_off(err).into() }
    }

    /// What stands in the way before anything is connected.
    pub(super) fn of_configuration(why: String) -> Self {
        Self { code: Error::ConfigurationError, obstacle: Some(why) }
    }
}

impl From<Error> for Failure {
    fn from(code: Error) -> Self {
        Self { code, obstacle: None }
    }
}

fn not_connected(err: &legacy::Error, host: &str) -> Failure {
    let mut cause = err.source();
    while let Some(err) = cause {
        let text = err.to_string();
        if text.starts_with("dns error") {
            return Error::DnsError { rcode: None, info_code: None }.into();
        }
        // The library shows its reasons only as text.
        if text == "tunnel error: proxy authorization required" {
            let why = "the proxy does not let this through without the right user and password in \
                       HTTPS_PROXY";
            return Failure { code: Error::HttpRequestDenied, obstacle: Some(why.into()) };
        }
        if let Some(tls) = tls(err, host) {
            return tls;
        }
        if let Some(io) = err.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return Error::ConnectionRefused.into(),
                io::ErrorKind::TimedOut => return Error::ConnectionTimeout.into(),
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    return Error::DestinationIpUnroutable.into();
                }
                _ => {}
            }
        }
        cause = err.source();
    }
    Error::DestinationUnavailable.into()
}

fn tls(err: &(dyn StdError + 'static), host: &str) -> Option<Failure> {
    // rustls errors travel inside io errors, maybe several, which do not name them as their source.
    let mut err = err;
    while let Some(inner) = err.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        err = inner;
    }
    let err = err.downcast_ref::<rustls::Error>()?;
    Some(match err {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            let why = format!(
                "the certificate of {host} is not trusted ({err}); SSL_CERT_FILE can name a PEM \
                 file of roots to trust in place of the system's"
            );
            Failure { code: Error::TlsCertificateError, obstacle: Some(why) }
        }
        _ => Error::TlsProtocolError.into(),
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
