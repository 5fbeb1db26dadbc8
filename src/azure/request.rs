//! A call as an HTTP request, and its authorization.
//!
//! Invariants: every PUT has a `Content-Length`, also of 0; no `Content-Type` that is not signed;
//! the body's checksum goes with it unless switched off; each attempt is authorized anew. What a
//! blob carries is sent as it was given: whoever read it knows that it can be (`Properties`).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use base64ct::{Base64, Encoding as _};

use crate::azure::block_list;
use crate::azure::crc64::crc64_base64;
use crate::azure::credential::Credential;
use crate::azure::date::format_rfc1123;
use crate::azure::location::{Location, encode_query};
use crate::azure::sign;
use crate::call::{Body, Call, CallKind, ETag, LeaseAction, LeaseId, Metadata};
use crate::time::UnixTime;

/// The version of the service's interface that is spoken: blocks up to 100 MiB, and known to
/// Azurite since 3.32.
pub const VERSION: &str = "2024-11-04";

const LEASE_ID: &str = "x-ms-lease-id";

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

/// What of the query tells an operation from the others with its method.
const fn operation(kind: CallKind) -> &'static [(&'static str, &'static str)] {
    match kind {
        CallKind::AppendBlock => &[("comp", "appendblock")],
        CallKind::CreateContainer => &[("restype", "container")],
        CallKind::GetBlockList => &[("comp", "blocklist"), ("blocklisttype", "all")],
        CallKind::ListSegments => &[("restype", "container"), ("comp", "list")],
        CallKind::PutBlock => &[("comp", "block")],
        CallKind::PutBlockList => &[("comp", "blocklist")],
        CallKind::Lease => &[("comp", "lease")],
        CallKind::Seal => &[("comp", "seal")],
        CallKind::SetMetadata => &[("comp", "metadata")],
        CallKind::CreateAppendBlob | CallKind::GetProperties | CallKind::GetRange => &[],
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
        let method = match call.kind() {
            CallKind::GetProperties => Method::Head,
            CallKind::GetBlockList | CallKind::GetRange | CallKind::ListSegments => Method::Get,
            _ => Method::Put,
        };
        let path = match call.target() {
            Some(target) => location.blob_path(target),
            None => location.container_path().to_string(),
        };
        let mut request =
            Self { method, path, query: vec![], sas: None, headers: vec![], body: None };
        for (name, value) in operation(call.kind()) {
            request.query(name, value);
        }
        request.describe(call, location, checksums);
        if request.method == Method::Put {
            let length = request.body.as_ref().map_or(0, |body| body.0.len() as u64);
            request.header("content-length", &length.to_string());
        }
        request
    }

    fn describe(&mut self, call: &Call, location: &Location, checksums: bool) {
        match call {
            Call::AppendBlock { body, position, etag, .. } => {
                self.condition(Some(etag));
                self.header("x-ms-blob-condition-appendpos", &position.to_string());
                self.carry(body, checksums);
            }
            Call::CreateAppendBlob { metadata, content_type, .. } => {
                self.condition(None);
                self.header("x-ms-blob-type", "AppendBlob");
                self.header("x-ms-blob-content-type", content_type);
                self.metadata(metadata);
            }
            Call::SetMetadata { metadata, etag, .. } => {
                self.condition(Some(etag));
                self.metadata(metadata);
            }
            Call::Seal { etag, .. } => self.condition(Some(etag)),
            Call::GetRange { offset, length, etag, .. } => {
                let range = format!("bytes={offset}-{}", offset + length - 1);
                self.header("x-ms-range", &range);
                if etag.is_some() {
                    self.condition(etag.as_ref());
                }
            }
            Call::ListSegments { marker } => {
                self.query("prefix", &location.prefix());
                if let Some(marker) = marker {
                    self.query("marker", marker);
                }
            }
            Call::PutBlock { id, body, .. } => {
                self.query("blockid", &Base64::encode_string(&id.0));
                self.carry(body, checksums);
            }
            Call::PutBlockList { list, metadata, headers, etag, .. } => {
                self.condition(etag.as_ref());
                self.header("content-type", "application/xml");
                headers.iter().for_each(|(name, value)| self.header(name, value));
                self.metadata(metadata);
                self.carry(&Body(Arc::new(block_list::write(list))), checksums);
            }
            Call::Lease { id, action, .. } => self.act_on_lease(*id, action),
            Call::CreateContainer | Call::GetBlockList { .. } | Call::GetProperties { .. } => {}
        }
    }

    // Inlined, these two would be a tenth of the component.
    #[inline(never)]
    fn query(&mut self, name: &str, value: &str) {
        self.query.push((name.to_string(), value.to_string()));
    }

    #[inline(never)]
    fn header(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_string(), value.to_string()));
    }

    /// The ETag that the blob must have; without one there must be no blob.
    fn condition(&mut self, etag: Option<&ETag>) {
        match etag {
            Some(etag) => self.header("if-match", &etag.0),
            None => self.header("if-none-match", "*"),
        }
    }

    fn act_on_lease(&mut self, id: LeaseId, action: &LeaseAction) {
        let (action, name) = match action {
            LeaseAction::Acquire { seconds, etag } => {
                self.condition(Some(etag));
                self.header("x-ms-lease-duration", &seconds.to_string());
                ("acquire", "x-ms-proposed-lease-id")
            }
            LeaseAction::Renew => ("renew", LEASE_ID),
            LeaseAction::Release => ("release", LEASE_ID),
        };
        self.header("x-ms-lease-action", action);
        self.header(name, &id.to_string());
    }

    fn metadata(&mut self, metadata: &Metadata) {
        for (name, value) in metadata {
            self.header(&format!("x-ms-meta-{name}"), value);
        }
    }

    fn carry(&mut self, body: &Body, checksums: bool) {
        self.body = Some(body.clone());
        if checksums {
            self.header("x-ms-content-crc64", &crc64_base64(&body.0));
        }
    }

    /// Names the lease that is held on the blob.
    pub fn name_lease(&mut self, id: LeaseId) {
        self.header(LEASE_ID, &id.to_string());
    }

    /// Adds the date, the version and the authorization.
    pub fn authorize(&mut self, credential: &Credential, now: UnixTime) {
        self.header("x-ms-date", &format_rfc1123(now));
        self.header("x-ms-version", VERSION);
        match credential {
            Credential::Host => {}
            Credential::Sas(token) => self.sas = Some(token.clone()),
            Credential::Bearer(token) => self.header("authorization", &format!("Bearer {token}")),
            Credential::SharedKey { account, key } => {
                let method = self.method.as_str();
                let text =
                    sign::string_to_sign(method, &self.path, &self.query, &self.headers, account);
                let signature = sign::signature(&text, key);
                self.header("authorization", &format!("SharedKey {account}:{signature}"));
            }
        }
    }

    /// Path and query as they go onto the wire. With a SAS this is secret.
    pub fn path_and_query(&self) -> String {
        let query = encode_query(&self.query);
        let mut text = self.path.clone();
        for part in [query.as_str(), self.sas.as_deref().unwrap_or_default()] {
            if !part.is_empty() {
                text.push(if text.len() == self.path.len() { '?' } else { '&' });
                text.push_str(part);
            }
        }
        text
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
