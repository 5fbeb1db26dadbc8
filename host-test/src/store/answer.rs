//! From an answer of the model to an HTTP answer.

use std::io;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};

use everblob::azure::date;
use everblob::call::BlobKind;
use everblob::sim::service::{
    Answer, BlockList, ContainerProperties, ContentHeaders, Extent as _, LeaseState, LeaseStatus,
    Properties, Stamp,
};

use super::block_list;
use super::body::Body;
use super::checksum::Echo;
use super::fault::Fault;
use super::listing;
use super::message::Message;
use super::piece::Piece;

/// The answer to a request that the model took.
pub(super) fn response(
    message: &Message,
    answer: Answer<Piece>,
    echo: Option<Echo>,
) -> Result<Response<Body>, Fault> {
    let mut head = Head::new();
    let (status, body) = match answer {
        Answer::Containers(page) => (200, head.xml(listing::containers(message, &page))),
        Answer::Blobs(page) => (200, head.xml(listing::blobs(message, &page))),
        Answer::ContainerCreated(stamp) => (201, head.stamped(stamp)),
        Answer::ContainerDeleted | Answer::Deleted => (202, Body::empty()),
        Answer::Container(properties) => (200, head.container(&properties)),
        Answer::Put(stamp) | Answer::Committed(stamp) => (201, head.written(stamp, echo)),
        Answer::Staged => (201, head.received(echo)),
        Answer::BlockList(list) => (200, head.block_list(&list)),
        Answer::Appended { offset, blocks, stamp } => {
            head.set("x-ms-blob-append-offset", &offset.to_string());
            head.set("x-ms-blob-committed-block-count", &blocks.to_string());
            (201, head.written(stamp, echo))
        }
        Answer::Sealed(stamp) => {
            head.set("x-ms-blob-sealed", "true");
            (200, head.stamped(stamp))
        }
        Answer::MetadataSet(stamp) => (200, head.written(stamp, None)),
        Answer::Properties(properties) => {
            head.properties(&properties);
            head.tier(&properties);
            head.set("content-length", &properties.length.to_string());
            (200, Body::empty())
        }
        Answer::Content { properties, offset, extents } => {
            head.content(&properties, offset, extents).map_err(|error| {
                tracing::error!(%error, "cannot read the journal");
                Fault::new(500, "InternalError", "The server encountered an internal error.")
            })?
        }
        Answer::Leased { id, acquired, stamp } => {
            head.set("x-ms-lease-id", &id);
            (if acquired { 201 } else { 200 }, head.stamped(stamp))
        }
        Answer::Released(stamp) => (200, head.stamped(stamp)),
        Answer::Broken { remaining, stamp } => {
            head.set("x-ms-lease-time", &remaining.to_string());
            (202, head.stamped(stamp))
        }
    };
    Ok(head.finish(status, body, message))
}

/// The headers of an answer while they are put together.
struct Head(HeaderMap);

impl Head {
    fn new() -> Self {
        Self(HeaderMap::new())
    }

    fn set(&mut self, name: &str, value: &str) {
        let name = HeaderName::from_bytes(name.as_bytes());
        let name = name.expect("metadata names are identifiers, the others constants");
        // What a client sent as a header can be sent back as one.
        let value = HeaderValue::from_str(value).expect("values came as headers or are numbers");
        self.0.insert(name, value);
    }

    fn stamped(&mut self, stamp: Stamp) -> Body {
        self.set("etag", &stamp.revision.etag().0);
        self.set("last-modified", &date::format_rfc1123(stamp.modified));
        Body::empty()
    }

    fn received(&mut self, echo: Option<Echo>) -> Body {
        self.set("x-ms-request-server-encrypted", "true");
        if let Some((name, value)) = echo {
            self.set(name, &value);
        }
        Body::empty()
    }

    fn written(&mut self, stamp: Stamp, echo: Option<Echo>) -> Body {
        self.received(echo);
        self.stamped(stamp)
    }

    fn block_list(&mut self, list: &BlockList) -> Body {
        if let Some(stamp) = list.stamp {
            self.stamped(stamp);
        }
        self.set("x-ms-blob-content-length", &list.length.to_string());
        self.xml(block_list::xml(list))
    }

    fn xml(&mut self, text: String) -> Body {
        self.set("content-type", "application/xml");
        Body::text(text)
    }

    fn container(&mut self, properties: &ContainerProperties) -> Body {
        for (name, value) in &properties.metadata {
            self.set(&format!("x-ms-meta-{name}"), value);
        }
        self.set("x-ms-lease-status", "unlocked");
        self.set("x-ms-lease-state", "available");
        self.stamped(properties.stamp)
    }

    fn properties(&mut self, properties: &Properties) {
        self.stamped(properties.stamp);
        self.set("accept-ranges", "bytes");
        self.set("x-ms-blob-type", kind(properties.kind));
        self.set("x-ms-creation-time", &date::format_rfc1123(properties.created));
        self.set("x-ms-server-encrypted", "true");
        if let Some(blocks) = properties.blocks {
            self.set("x-ms-blob-committed-block-count", &blocks.to_string());
        }
        if properties.sealed {
            self.set("x-ms-blob-sealed", "true");
        }
        let (status, state) = lease(properties.lease);
        self.set("x-ms-lease-status", status);
        self.set("x-ms-lease-state", state);
        if let Some(infinite) = properties.lease.infinite {
            self.set("x-ms-lease-duration", if infinite { "infinite" } else { "fixed" });
        }
        for (name, value) in content_headers(&properties.headers) {
            self.set(name, value);
        }
        for (name, value) in &properties.metadata {
            self.set(&format!("x-ms-meta-{name}"), value);
        }
    }

    fn tier(&mut self, properties: &Properties) {
        let Some((tier, inferred)) = tier(properties) else { return };
        self.set("x-ms-access-tier", tier);
        if inferred {
            self.set("x-ms-access-tier-inferred", "true");
        }
    }

    fn content(
        &mut self,
        properties: &Properties,
        offset: Option<u64>,
        extents: Vec<Piece>,
    ) -> io::Result<(u16, Body)> {
        self.properties(properties);
        let length: u64 = extents.iter().map(Piece::len).sum();
        self.set("content-length", &length.to_string());
        if let Some(offset) = offset {
            // The MD5 is the one of the whole blob.
            if let Some(md5) = self.0.remove("content-md5") {
                self.0.insert("x-ms-blob-content-md5", md5);
            }
            let (last, whole) = (offset + length - 1, properties.length);
            self.set("content-range", &format!("bytes {offset}-{last}/{whole}"));
        }
        Ok((if offset.is_some() { 206 } else { 200 }, Body::content(extents)?))
    }

    fn finish(self, status: u16, body: Body, message: &Message) -> Response<Body> {
        let to_head = message.method == Method::HEAD;
        let mut response = Response::new(if to_head { Body::empty() } else { body });
        *response.status_mut() = StatusCode::from_u16(status).expect("statuses are constants");
        *response.headers_mut() = self.0;
        response
    }
}

/// The `x-ms-blob-type` of a kind.
pub(super) const fn kind(kind: BlobKind) -> &'static str {
    match kind {
        BlobKind::Append => "AppendBlob",
        BlobKind::Block => "BlockBlob",
        BlobKind::Page => "PageBlob",
    }
}

/// The status and the state of a lease, as the service spells them.
pub(super) const fn lease(lease: LeaseStatus) -> (&'static str, &'static str) {
    let state = match lease.state {
        LeaseState::Available => "available",
        LeaseState::Leased => "leased",
        LeaseState::Breaking => "breaking",
        LeaseState::Broken => "broken",
        LeaseState::Expired => "expired",
    };
    (if lease.is_locked() { "locked" } else { "unlocked" }, state)
}

/// The access tier of a block blob, and whether it is only that of the account.
pub(super) fn tier(properties: &Properties) -> Option<(&str, bool)> {
    let tier = properties.tier.as_deref();
    (properties.kind == BlobKind::Block).then(|| (tier.unwrap_or("Hot"), tier.is_none()))
}

/// The content headers that a blob has, by their names.
pub(super) fn content_headers(
    headers: &ContentHeaders,
) -> impl Iterator<Item = (&'static str, &str)> {
    let media_type = headers.media_type.as_deref().unwrap_or("application/octet-stream");
    let all = [
        ("Content-Type", Some(media_type)),
        ("Content-Encoding", headers.encoding.as_deref()),
        ("Content-Language", headers.language.as_deref()),
        ("Content-MD5", headers.md5.as_deref()),
        ("Cache-Control", headers.cache_control.as_deref()),
        ("Content-Disposition", headers.disposition.as_deref()),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?)))
}
