//! A call as an HTTP request, and its authorization.
//!
//! Invariants: every PUT has a `Content-Length`, also of 0; no `Content-Type` that is not signed;
//! the body's checksum goes with it unless switched off; each attempt is authorized anew.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::azure::credential::Credential;
use crate::azure::crc64::crc64_base64;
use crate::azure::date::format_rfc1123;
use crate::azure::location::{Location, encode_query};
use crate::azure::sign;
use crate::call::{Body, Call, Metadata, Target};
use crate::time::UnixTime;

/// The version of the service's interface that is spoken: blocks up to 100 MiB, and known to
/// Azurite since 3.32.
pub const VERSION: &str = "2024-11-04";

/// A method.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `PUT`
    Put,
}

impl Method {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Put => "PUT",
        }
    }
}

/// A request, complete but for its authorization until [`Request::authorize`].
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    path: String,
    query: Vec<(String, String)>,
    /// Authorization that is part of the URL. Secret.
    sas: Option<String>,
    /// Headers in lower case. The authorization among them is secret.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Body>,
}

impl Request {
    /// `call` at `location`, not yet authorized.
    pub fn new(call: &Call, location: &Location, checksums: bool) -> Self {
        let mut request = match call {
            Call::AppendBlock { target, body, position, etag } => {
                Self::put(location, *target, "appendblock")
                    .header("if-match", &etag.0)
                    .header("x-ms-blob-condition-appendpos", &position.to_string())
                    .body(body, checksums)
            }
            Call::CreateAppendBlob { target, metadata, content_type } => {
                Self::blob(Method::Put, location, *target)
                    .header("if-none-match", "*")
                    .header("x-ms-blob-type", "AppendBlob")
                    .header("x-ms-blob-content-type", content_type)
                    .metadata(metadata)
            }
            Call::SetMetadata { target, metadata, etag } => {
                Self::put(location, *target, "metadata")
                    .header("if-match", &etag.0)
                    .metadata(metadata)
            }
            Call::Seal { target, etag } => {
                Self::put(location, *target, "seal").header("if-match", &etag.0)
            }
            Call::GetProperties { target } => Self::blob(Method::Head, location, *target),
            Call::GetRange { target, offset, length } => {
                let range = format!("bytes={offset}-{}", offset + length - 1);
                Self::blob(Method::Get, location, *target).header("x-ms-range", &range)
            }
            Call::ListSegments { marker } => Self::listing(location, marker.as_deref()),
            Call::CreateContainer => Self::container(Method::Put, location),
        };
        if request.method == Method::Put {
            let length = request.body.as_ref().map_or(0, |body| body.0.len());
            request = request.header("content-length", &length.to_string());
        }
        request
    }

    fn blob(method: Method, location: &Location, target: Target) -> Self {
        let path = location.blob_path(target);
        Self { method, path, query: vec![], sas: None, headers: vec![], body: None }
    }

    fn put(location: &Location, target: Target, comp: &str) -> Self {
        Self::blob(Method::Put, location, target).query("comp", comp)
    }

    fn container(method: Method, location: &Location) -> Self {
        let path = location.container_path().to_string();
        let request = Self { method, path, query: vec![], sas: None, headers: vec![], body: None };
        request.query("restype", "container")
    }

    fn listing(location: &Location, marker: Option<&str>) -> Self {
        let request = Self::container(Method::Get, location)
            .query("comp", "list")
            .query("prefix", &location.prefix());
        match marker {
            Some(marker) => request.query("marker", marker),
            None => request,
        }
    }

    fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_string(), value.to_string()));
        self
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_string(), value.to_string()));
        self
    }

    fn metadata(mut self, metadata: &Metadata) -> Self {
        for (name, value) in metadata {
            self.headers.push((format!("x-ms-meta-{name}"), value.clone()));
        }
        self
    }

    fn body(mut self, body: &Body, checksums: bool) -> Self {
        self.body = Some(body.clone());
        if checksums { self.header("x-ms-content-crc64", &crc64_base64(&body.0)) } else { self }
    }

    /// Adds the date, the version and the authorization.
    #[must_use]
    pub fn authorize(self, credential: &Credential, now: UnixTime) -> Self {
        let mut request =
            self.header("x-ms-date", &format_rfc1123(now)).header("x-ms-version", VERSION);
        match credential {
            Credential::Host => request,
            Credential::Sas(token) => {
                request.sas = Some(token.clone());
                request
            }
            Credential::Bearer(token) => request.header("authorization", &format!("Bearer {token}")),
            Credential::SharedKey { account, key } => {
                let method = request.method.as_str();
                let text = sign::string_to_sign(
                    method,
                    &request.path,
                    &request.query,
                    &request.headers,
                    account,
                );
                let signature = sign::signature(&text, key);
                request.header("authorization", &format!("SharedKey {account}:{signature}"))
            }
        }
    }

    /// Path and query as they go onto the wire. With a SAS this is secret.
    pub fn path_and_query(&self) -> String {
        let query = encode_query(&self.query);
        let parts = [(!query.is_empty()).then_some(query), self.sas.clone()];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            return self.path.clone();
        }
        format!("{}?{}", self.path, parts.join("&"))
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
