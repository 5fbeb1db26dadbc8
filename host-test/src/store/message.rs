//! The head of an HTTP request: where it goes, its decoded query, its headers.

use std::net::IpAddr;

use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use hyper::{Method, Uri};
use percent_encoding::percent_decode_str;

use everblob::azure::date;
use everblob::azure::sas::Resource;
use everblob::time::UnixTime;

use super::fault::Fault;

/// A request without its body. No `Debug`: its headers and its query hold credentials.
#[derive(Clone)]
pub(super) struct Message {
    /// The method.
    pub(super) method: Method,
    /// The path, as on the wire.
    pub(super) path: String,
    /// The account that the path names.
    pub(super) account: String,
    /// The container, if the path names one.
    pub(super) container: Option<String>,
    /// The blob, by its decoded name.
    pub(super) blob: Option<String>,
    /// Names and values, decoded.
    pub(super) query: Vec<(String, String)>,
    /// The client's address.
    pub(super) client: IpAddr,
    headers: HeaderMap,
}

impl Message {
    pub(super) fn read(parts: Parts, client: IpAddr) -> Result<Self, Fault> {
        let path = parts.uri.path().to_owned();
        let query = query(&parts.uri)?;
        let mut segments = path.strip_prefix('/').unwrap_or(&path).splitn(3, '/');
        let mut segment = || segments.next().map(decoded).transpose();
        let account = segment()?.unwrap_or_default();
        let container = segment()?.filter(|container| !container.is_empty());
        let blob = segment()?.filter(|blob| !blob.is_empty());
        let (method, headers) = (parts.method, parts.headers);
        Ok(Self { method, path, account, container, blob, query, client, headers })
    }

    /// The value of a header; nothing as well where it is not text, see [`Message::check_headers`].
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
    }

    /// An owned copy of the value of a header.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.header(name).map(str::to_owned)
    }

    /// A header that is a number.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Fault> {
        let parse = |value: &str| value.parse().map_err(|_| Fault::header(name, value));
        self.header(name).map(parse).transpose()
    }

    /// A header that is a date; one that is malformed counts as absent, as HTTP has it.
    pub(super) fn date(&self, name: &str) -> Option<UnixTime> {
        self.header(name).and_then(date::parse_rfc1123)
    }

    /// The value of a query parameter that is not empty.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(parameter, _)| parameter.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Whether a listing is to tell of something more.
    pub(super) fn includes(&self, what: &str) -> bool {
        let include = self.parameter("include").unwrap_or("");
        include.split(',').any(|part| part.trim() == what)
    }

    /// The headers, for signing.
    pub(super) fn header_pairs(&self) -> Vec<(String, String)> {
        let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap_or("").to_owned();
        self.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
    }

    /// Metadata in the order of the headers, names in lower case as HTTP leaves them.
    pub(super) fn metadata(&self) -> Vec<(String, String)> {
        let pairs = self.header_pairs().into_iter();
        let named = pairs.filter_map(|(name, value)| {
            Some((name.strip_prefix("x-ms-meta-")?.to_owned(), value.trim().to_owned()))
        });
        named.collect()
    }

    /// Refuses headers that are not text, and `x-ms-` headers that come twice.
    pub(super) fn check_headers(&self) -> Result<(), Fault> {
        for name in self.headers.keys() {
            let values = self.headers.get_all(name);
            let repeated = name.as_str().starts_with("x-ms-") && values.iter().count() > 1;
            if repeated || values.iter().any(|value| value.to_str().is_err()) {
                return Err(Fault::header(name.as_str(), ""));
            }
        }
        Ok(())
    }

    /// What a shared access signature has to cover.
    pub(super) fn resource(&self) -> Resource<'_> {
        match (&self.container, &self.blob) {
            (Some(container), Some(blob)) => Resource::Blob { container, blob },
            (Some(container), None) => Resource::Container(container),
            (None, _) => Resource::Service,
        }
    }
}

fn query(uri: &Uri) -> Result<Vec<(String, String)>, Fault> {
    let pairs = uri.query().unwrap_or("").split('&').filter(|pair| !pair.is_empty());
    let decode = |text: &str| decoded(&text.replace('+', " "));
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode(name)?, decode(value)?))
    };
    pairs.map(pair).collect()
}

fn decoded(text: &str) -> Result<String, Fault> {
    let decoded = percent_decode_str(text).decode_utf8();
    let message = "The requested URI does not represent any resource on the server.";
    decoded.map(String::from).map_err(|_| Fault::new(400, "InvalidUri", message))
}
