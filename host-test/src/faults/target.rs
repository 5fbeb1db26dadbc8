//! The service behind the faults.
//!
//! Invariant: path, query and body go on as they came, and so do the headers but for `Host` and
//! those that belong to a connection: no way of signing a request covers these.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::http::request::Parts;
use hyper::http::uri::{Authority, Scheme};
use hyper::{Request, Response, Uri};
use tokio::io::DuplexStream;
use wasmtime_wasi_http::{Error, RequestOptions};

use crate::outgoing::Outgoing;

/// Headers that end with a connection; the body is whole, so nobody has to wait for it.
const OF_A_CONNECTION: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
];

/// A service, and the clients that reach it.
#[derive(Clone, Debug)]
pub struct Target {
    outgoing: Arc<Outgoing>,
    scheme: Scheme,
    authority: Authority,
}

/// A request whose body has come.
#[derive(Clone)]
pub(super) struct Whole {
    pub(super) head: Parts,
    pub(super) body: Bytes,
}

impl Target {
    /// The service at a URL of scheme, host and port.
    ///
    /// # Errors
    /// What is wrong with the URL, without showing it.
    pub fn new(url: &str, outgoing: Arc<Outgoing>) -> Result<Self, String> {
        let wrong = "the URL of a service is http://HOST:PORT or https://HOST, without a path";
        let parts = url.parse::<Uri>().map_err(|_| wrong)?.into_parts();
        let is_bare = parts.path_and_query.is_none_or(|path| path.as_str() == "/");
        match (parts.scheme, parts.authority) {
            (Some(scheme), Some(authority))
                if is_bare
                    && (scheme == Scheme::HTTP || scheme == Scheme::HTTPS)
                    && !authority.as_str().contains('@') =>
            {
                Ok(Self { outgoing, scheme, authority })
            }
            _ => Err(wrong.into()),
        }
    }

    /// A service inside this process, which `connect` makes connections to.
    pub fn inside(connect: impl Fn() -> DuplexStream + Send + Sync + 'static) -> Self {
        let authority = Authority::from_static("127.0.0.1");
        Self { outgoing: Arc::new(Outgoing::inside(connect)), scheme: Scheme::HTTP, authority }
    }

    /// Sends a request on.
    pub(super) async fn forward(&self, request: Whole) -> Result<Response<Incoming>, Error> {
        let Whole { mut head, body } = request;
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .map_err(|_| Error::HttpRequestUriInvalid)?;
        without_connection(&mut head.headers);
        // The client names the service it means.
        head.headers.remove(header::HOST);
        let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
        let request = Request::from_parts(head, body);
        let mut answer = self.outgoing.exchange(request, &RequestOptions::default()).await?;
        without_connection(answer.headers_mut());
        Ok(answer)
    }

    /// Why the last request failed, if trying again does not help.
    pub(super) fn obstacle(&self) -> Option<String> {
        self.outgoing.obstacle()
    }
}

fn without_connection(headers: &mut HeaderMap) {
    for name in OF_A_CONNECTION {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_url_names_a_service() {
        for url in ["http://127.0.0.1:10000", "https://host/", "http://[::1]:10000"] {
            assert!(Target::new(url, Arc::default()).is_ok(), "{url}");
        }
        for url in ["host", "ftp://host", "http://host/path", "http://host/?sig=x", "http://u:p@h"]
        {
            let why = Target::new(url, Arc::default()).unwrap_err();
            assert!(!why.contains("sig=x") && !why.contains("u:p"), "{why}");
        }
    }
}
