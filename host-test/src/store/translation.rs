//! From an HTTP request to a request of the model.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use everblob::sim::service::{
    BlobOperation, BlobRequest, BlockId, BlockListType, Conditions, ContentHeaders, LeaseAction,
    LeaseDuration, Listing, Range, Request,
};

use super::authorization::Grant;
use super::block_list;
use super::checksum;
use super::fault::Fault;
use super::message::Message;
use super::operation::Operation;
use super::piece::Piece;

/// The largest body of Append Block before version 2022-11-02, in bytes.
const OLD_APPEND: u64 = 4 << 20;
const LARGE_APPENDS: &str = "2022-11-02";
/// The largest body of Append Block, in bytes.
const APPEND: u64 = 100 << 20;
/// The largest body of Put Blob and of Put Block, in bytes: less than the service takes, because it
/// is in memory.
const PUT: u64 = 256 << 20;
/// The largest body of Put Block by version, in bytes: before the first, and before the second.
const OLD_BLOCKS: [(&str, u64); 2] = [("2016-05-31", 4 << 20), ("2019-12-12", 100 << 20)];
/// The largest body of Put Block List, in bytes: 50,000 of the longest IDs take a third of it.
const LIST: u64 = 16 << 20;

/// The largest body that an operation takes, in bytes.
pub(super) fn largest_body(message: &Message, operation: Operation) -> u64 {
    let version = message.header("x-ms-version").or_else(|| message.parameter("sv"));
    match operation {
        Operation::AppendBlock if version.is_some_and(|version| version < LARGE_APPENDS) => {
            OLD_APPEND
        }
        Operation::AppendBlock => APPEND,
        Operation::PutBlock => {
            let old = |(first, _): &&(&str, u64)| version.is_some_and(|version| version < *first);
            OLD_BLOCKS.iter().find(old).map_or(PUT, |(_, limit)| *limit)
        }
        Operation::PutBlob => PUT,
        Operation::PutBlockList => LIST,
        _ => 0,
    }
}

/// The request that a message and its body stand for.
pub(super) fn request(
    message: &Message,
    operation: Operation,
    grant: Grant,
    body: Bytes,
) -> Result<Request<Piece>, Fault> {
    let container = message.container.clone().unwrap_or_default();
    let metadata = message.metadata();
    let operation = match operation {
        Operation::ListContainers => return Ok(Request::ListContainers(listing(message)?)),
        Operation::CreateContainer => {
            return Ok(Request::CreateContainer { container, metadata });
        }
        Operation::DeleteContainer => return Ok(Request::DeleteContainer { container }),
        Operation::GetContainerProperties => {
            return Ok(Request::ContainerProperties { container });
        }
        Operation::ListBlobs => {
            return Ok(Request::ListBlobs { container, listing: listing(message)? });
        }
        Operation::PutBlob => put(message, grant, body)?,
        Operation::PutBlock => {
            BlobOperation::PutBlock { id: block_id(message)?, content: Piece::Memory(body) }
        }
        Operation::PutBlockList => BlobOperation::PutBlockList {
            entries: block_list::entries(&body)?,
            headers: content_headers(message),
            metadata,
            tier: tier(message)?,
            may_overwrite: grant.may_overwrite,
        },
        Operation::GetBlockList => BlobOperation::GetBlockList { which: block_list_type(message)? },
        Operation::AppendBlock => BlobOperation::AppendBlock {
            content: Piece::Memory(body),
            position: message.number("x-ms-blob-condition-appendpos")?,
            max_size: message.number("x-ms-blob-condition-maxsize")?,
        },
        Operation::AppendBlobSeal => {
            BlobOperation::Seal { position: message.number("x-ms-blob-condition-appendpos")? }
        }
        Operation::GetBlobProperties => BlobOperation::Properties,
        Operation::GetBlob => BlobOperation::Get { range: range(message) },
        Operation::SetBlobMetadata => BlobOperation::SetMetadata { metadata },
        Operation::DeleteBlob => BlobOperation::Delete,
        Operation::LeaseBlob => BlobOperation::Lease(lease(message)?),
        Operation::Preflight | Operation::Unknown => return Err(Fault::not_implemented()),
    };
    let name = message.blob.clone().unwrap_or_default();
    let conditions = conditions(message, &operation)?;
    Ok(BlobRequest { container, name, operation, conditions }.into())
}

fn put(message: &Message, grant: Grant, body: Bytes) -> Result<BlobOperation<Piece>, Fault> {
    let name = "x-ms-blob-type";
    let kind = message.header(name).ok_or_else(|| Fault::missing_header(name))?;
    let (metadata, may_overwrite) = (message.metadata(), grant.may_overwrite);
    let mut headers = or_plain(content_headers(message), message);
    match kind {
        "AppendBlob" if body.is_empty() => {
            Ok(BlobOperation::PutAppendBlob { headers, metadata, may_overwrite })
        }
        "AppendBlob" => Err(Fault::header("Content-Length", &body.len().to_string())),
        "BlockBlob" => {
            headers.md5 = headers.md5.or_else(|| Some(checksum::md5_base64(&body)));
            let (content, tier) = (Piece::Memory(body), tier(message)?);
            Ok(BlobOperation::PutBlockBlob { content, headers, metadata, tier, may_overwrite })
        }
        "PageBlob" => Err(Fault::not_implemented()),
        other => Err(Fault::header(name, other)),
    }
}

fn content_headers(message: &Message) -> ContentHeaders {
    ContentHeaders {
        cache_control: message.text("x-ms-blob-cache-control"),
        disposition: message.text("x-ms-blob-content-disposition"),
        encoding: message.text("x-ms-blob-content-encoding"),
        language: message.text("x-ms-blob-content-language"),
        md5: message.text("x-ms-blob-content-md5"),
        media_type: message.text("x-ms-blob-content-type"),
    }
}

/// The body of Put Blob is the content, so its own headers count where there are no others.
fn or_plain(headers: ContentHeaders, message: &Message) -> ContentHeaders {
    ContentHeaders {
        cache_control: headers.cache_control.or_else(|| message.text("cache-control")),
        encoding: headers.encoding.or_else(|| message.text("content-encoding")),
        language: headers.language.or_else(|| message.text("content-language")),
        media_type: headers.media_type.or_else(|| message.text("content-type")),
        ..headers
    }
}

fn tier(message: &Message) -> Result<Option<String>, Fault> {
    let name = "x-ms-access-tier";
    match message.header(name) {
        None => Ok(None),
        Some(tier @ ("Hot" | "Cool" | "Cold")) => Ok(Some(tier.to_owned())),
        // Nobody could read it.
        Some("Archive") => Err(Fault::not_implemented()),
        Some(other) => Err(Fault::header(name, other)),
    }
}

fn block_id(message: &Message) -> Result<BlockId, Fault> {
    let name = "blockid";
    let text = message.parameter(name).ok_or_else(|| Fault::missing_query(name))?;
    BlockId::new(text).map_err(|refusal| Fault::from(refusal).with("QueryParameterName", name))
}

fn block_list_type(message: &Message) -> Result<BlockListType, Fault> {
    let name = "blocklisttype";
    let text = message.parameter(name).unwrap_or("committed");
    match text.to_ascii_lowercase().as_str() {
        "committed" => Ok(BlockListType::Committed),
        "uncommitted" => Ok(BlockListType::Uncommitted),
        "all" => Ok(BlockListType::All),
        _ => Err(Fault::query(name, text)),
    }
}

fn conditions(message: &Message, operation: &BlobOperation<Piece>) -> Result<Conditions, Fault> {
    // To pass over a condition would be to write what must not be written.
    if message.header("x-ms-if-tags").is_some() {
        return Err(Fault::not_implemented());
    }
    // The ID of a lease is a parameter of the operations on the lease.
    let of_lease = matches!(operation, BlobOperation::Lease(_));
    Ok(Conditions {
        if_match: message.text("if-match"),
        if_none_match: message.text("if-none-match"),
        if_modified_since: message.date("if-modified-since"),
        if_unmodified_since: message.date("if-unmodified-since"),
        lease: message.text("x-ms-lease-id").filter(|_| !of_lease),
    })
}

/// `bytes=a-b` or `bytes=a-`; other forms are passed over, and all is read.
fn range(message: &Message) -> Option<Range> {
    let header = message.header("x-ms-range").or_else(|| message.header("range"))?;
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let first = first.parse().ok()?;
    let last = if last.is_empty() { None } else { Some(last.parse().ok()?) };
    last.is_none_or(|last| last >= first).then_some(Range { first, last })
}

fn listing(message: &Message) -> Result<Listing, Fault> {
    let number = |value: &str| value.parse().map_err(|_| Fault::query("maxresults", value));
    Ok(Listing {
        prefix: message.parameter("prefix").unwrap_or("").to_owned(),
        delimiter: message.parameter("delimiter").map(str::to_owned),
        marker: message.parameter("marker").map(str::to_owned),
        max_results: message.parameter("maxresults").map(number).transpose()?,
        metadata: message.includes("metadata"),
        uncommitted: message.includes("uncommittedblobs"),
    })
}

fn lease(message: &Message) -> Result<LeaseAction, Fault> {
    let required = |name: &str| message.text(name).ok_or_else(|| Fault::missing_header(name));
    let (id, proposed) = ("x-ms-lease-id", "x-ms-proposed-lease-id");
    match required("x-ms-lease-action")?.to_ascii_lowercase().as_str() {
        "acquire" => {
            let duration = match required("x-ms-lease-duration")?.as_str() {
                "-1" => LeaseDuration::Infinite,
                _ => LeaseDuration::Seconds(message.number("x-ms-lease-duration")?.unwrap_or(0)),
            };
            Ok(LeaseAction::Acquire { id: message.text(proposed).unwrap_or_else(guid), duration })
        }
        "renew" => Ok(LeaseAction::Renew { id: required(id)? }),
        "change" => Ok(LeaseAction::Change { id: required(id)?, proposed: required(proposed)? }),
        "release" => Ok(LeaseAction::Release { id: required(id)? }),
        "break" => Ok(LeaseAction::Break { period: message.number("x-ms-lease-break-period")? }),
        other => Err(Fault::header("x-ms-lease-action", other)),
    }
}

/// An identifier that no other request to this process gets, and none of another by chance.
pub(super) fn guid() -> String {
    use std::hash::{BuildHasher as _, RandomState};

    static COUNT: AtomicU64 = AtomicU64::new(0);
    static SALT: std::sync::LazyLock<RandomState> = std::sync::LazyLock::new(RandomState::new);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let (high, low) = (SALT.hash_one((count, 0)), SALT.hash_one((count, 1)));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}
