//! An HTTP response as the reply to a call.
//!
//! Invariants: success is read only from the status that the operation documents, with every
//! header that the writer relies on; anything else that looks like success is in doubt. Headers
//! are read before bodies, which HEAD and many proxies do not have.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::azure::block_list;
use crate::azure::date::parse_rfc1123;
use crate::azure::listing;
use crate::azure::location::Location;
use crate::azure::refusal::failure;
use crate::azure::xml::Element;
use crate::call::{
    Answer, BlobKind, Blocks, CallKind, ETag, Failure, Headers, Metadata, Outcome, Properties,
    Reply,
};
use crate::time::Span;

const META: &str = "x-ms-meta-";
const TIER: &str = "x-ms-access-tier";

/// What a commit clears unless it is sent again: the header that shows it, and the one that sets it.
const CARRIED: [(&str, &str); 7] = [
    ("cache-control", "x-ms-blob-cache-control"),
    ("content-disposition", "x-ms-blob-content-disposition"),
    ("content-encoding", "x-ms-blob-content-encoding"),
    ("content-language", "x-ms-blob-content-language"),
    ("content-type", "x-ms-blob-content-type"),
    ("x-ms-encryption-scope", "x-ms-encryption-scope"),
    (TIER, TIER),
];

/// A response: status, headers with names in lower case, and the body.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, empty where there is none.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The reply that this is to a call of `kind`.
    pub fn reply(self, kind: CallKind, location: &Location) -> Reply {
        let date = self.header("date").and_then(parse_rfc1123);
        Reply { outcome: self.outcome(kind, location), date }
    }

    fn outcome(self, kind: CallKind, location: &Location) -> Outcome {
        // To acquire a lease is to create it.
        let acquired = kind == CallKind::Lease && self.status == 201;
        if self.status != expected(kind) && !acquired {
            let code = self.header("x-ms-error-code").map(ToString::to_string);
            let code = code.or_else(|| self.code_in_body()).unwrap_or_default();
            return Err(failure(self.status, &code, self.retry_after()));
        }
        let status = self.status;
        self.answer(kind, location).ok_or_else(|| Failure::InDoubt {
            reason: format!("an answer with status {status} that makes no sense"),
            status: None,
            retry_after: None,
        })
    }

    /// Proxies drop headers; the body says the same.
    fn code_in_body(&self) -> Option<String> {
        let code = Element::root(&self.body, "Error")?.child("Code")?;
        code.text().map(Cow::into_owned)
    }

    fn retry_after(&self) -> Option<Span> {
        let spellings = [("x-ms-retry-after-ms", 1), ("retry-after-ms", 1), ("retry-after", 1000)];
        spellings
            .into_iter()
            .find_map(|(name, unit)| Some(Span::millis(self.number(name)?.saturating_mul(unit))))
    }

    fn answer(self, kind: CallKind, location: &Location) -> Option<Answer> {
        match kind {
            CallKind::AppendBlock => Some(Answer::Appended {
                offset: self.number("x-ms-blob-append-offset")?,
                blocks: u32::try_from(self.number("x-ms-blob-committed-block-count")?).ok()?,
                etag: self.etag()?,
            }),
            CallKind::CreateAppendBlob
            | CallKind::PutBlockList
            | CallKind::SetMetadata
            | CallKind::Seal => Some(Answer::Written { etag: self.etag()? }),
            CallKind::GetProperties => self.properties().map(Answer::Properties),
            CallKind::GetRange => {
                let range = self.header("content-range")?.strip_prefix("bytes ")?;
                let offset = range.split_once('-')?.0.parse().ok()?;
                Some(Answer::Range { offset, bytes: self.body })
            }
            CallKind::ListSegments => {
                listing::parse(&self.body, &location.prefix()).map(Answer::Listed)
            }
            CallKind::CreateContainer => Some(Answer::ContainerCreated),
            CallKind::PutBlock => Some(Answer::Staged),
            CallKind::Lease => Some(Answer::Leased),
            CallKind::GetBlockList => self.blocks().map(Answer::Blocks),
        }
    }

    fn properties(&self) -> Option<Properties> {
        let kind = match self.header("x-ms-blob-type")? {
            "AppendBlob" => BlobKind::Append,
            "BlockBlob" => BlobKind::Block,
            "PageBlob" => BlobKind::Page,
            _ => return None,
        };
        let blocks = self.number("x-ms-blob-committed-block-count");
        let blocks = blocks.map(u32::try_from).transpose().ok()?;
        // An append blob without its count could be full without our knowing.
        if kind == BlobKind::Append && blocks.is_none() {
            return None;
        }
        Some(Properties {
            kind,
            length: self.number("content-length")?,
            blocks,
            etag: self.etag()?,
            leased: self.header("x-ms-lease-status") == Some("locked"),
            sealed: self.header("x-ms-blob-sealed").is_some_and(|v| v.eq_ignore_ascii_case("true")),
            created: self.header("x-ms-creation-time").and_then(parse_rfc1123),
            metadata: self.metadata(),
            headers: if kind == BlobKind::Block { self.carried() } else { Vec::new() },
            archived: self.is_archived(),
            tagged: self.number("x-ms-tag-count").is_some_and(|count| count > 0),
            unsendable: self.unsendable(kind),
        })
    }

    /// A blob that is on its way back from the archive is still in it.
    fn is_archived(&self) -> bool {
        self.header(TIER).is_some_and(|tier| tier.eq_ignore_ascii_case("archive"))
            || self.header("x-ms-archive-status").is_some()
    }

    fn carried(&self) -> Headers {
        let inferred = self.header("x-ms-access-tier-inferred");
        let inferred = inferred.is_some_and(|inferred| inferred.eq_ignore_ascii_case("true"));
        let set = CARRIED.iter().filter(|(_, request)| *request != TIER || !inferred);
        let set = set.filter_map(|(answer, request)| Some((*request, self.header(answer)?)));
        let set = set.filter(|(_, value)| !value.is_empty());
        set.map(|(request, value)| (request, value.to_string())).collect()
    }

    fn unsendable(&self, kind: BlobKind) -> Option<String> {
        let is_carried = |name: &str| CARRIED.iter().any(|(answer, _)| *answer == name);
        let is_replaced =
            |name: &str| name.starts_with(META) || kind == BlobKind::Block && is_carried(name);
        let is_plain = |value: &str| value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let lost = self.headers.iter().find(|(name, value)| is_replaced(name) && !is_plain(value));
        lost.map(|(name, _)| name.clone())
    }

    /// A blob with committed blocks and no ETag could not be committed to.
    fn blocks(&self) -> Option<Blocks> {
        let blocks = Blocks { etag: self.etag(), ..block_list::parse(&self.body)? };
        (blocks.committed.is_empty() || blocks.etag.is_some()).then_some(blocks)
    }

    fn metadata(&self) -> Metadata {
        let named = self.headers.iter();
        let named = named.filter_map(|(name, value)| Some((name.strip_prefix(META)?, value)));
        named.map(|(name, value)| (name.to_string(), value.clone())).collect()
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.parse().ok()
    }

    fn etag(&self) -> Option<ETag> {
        self.header("etag").filter(|tag| !tag.is_empty()).map(|tag| ETag(tag.into()))
    }
}

/// The status of success.
const fn expected(kind: CallKind) -> u16 {
    match kind {
        CallKind::AppendBlock
        | CallKind::CreateAppendBlob
        | CallKind::CreateContainer
        | CallKind::PutBlock
        | CallKind::PutBlockList => 201,
        CallKind::GetRange => 206,
        CallKind::GetBlockList
        | CallKind::GetProperties
        | CallKind::ListSegments
        | CallKind::Lease
        | CallKind::Seal
        | CallKind::SetMetadata => 200,
    }
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
