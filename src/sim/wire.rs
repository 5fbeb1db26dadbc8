//! The wire between a writer and the model: a call as the model's request, its decision as a
//! reply. Refusals are classified by the codec's own table, so that the writer meets the same
//! verdicts here as over HTTP.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64ct::{Base64, Encoding as _};

use crate::azure::refusal::failure;
use crate::call::{self, Blocks, Call, ETag, Headers, LeaseId, Origin, Outcome, Page, Target};
use crate::sim::service::{
    self, Answer, BlobOperation, BlobRequest, BlockEntry, BlockListType, BlockSource, Conditions,
    ContentHeaders, LeaseAction, LeaseDuration, ListEntry, ListedBlock, Listing, Range, Refusal,
    Request, Service, Slice, Stamp,
};
use crate::time::UnixTime;

/// The container of the simulated stream.
pub(super) const CONTAINER: &str = "logs";

const STREAM: &str = "app";
const PREFIX: &str = "app/";

/// The name of a blob of the simulated stream.
pub(super) fn blob_name(target: Target) -> String {
    match target {
        Target::Stream => STREAM.to_string(),
        Target::Segment(number) => format!("{PREFIX}{number}"),
    }
}

/// Lets the service decide on a call under a lease, makes the change, and answers as the codec
/// would.
pub(super) fn perform(
    service: &mut Service<Slice>,
    (call, lease): (&Call, Option<LeaseId>),
    now: UnixTime,
) -> Outcome {
    let accepted = service.decide(&request(call, lease), now).map_err(refused)?;
    if let Some(effect) = &accepted.effect {
        service.apply(effect);
    }
    Ok(answer(accepted.answer))
}

fn refused(refusal: Refusal) -> call::Failure {
    failure(refusal.status, refusal.code, None)
}

fn request(call: &Call, lease: Option<LeaseId>) -> Request<Slice> {
    let container = CONTAINER.to_string();
    let (target, operation, if_match, if_none_match) = match call {
        Call::CreateContainer => {
            return Request::CreateContainer { container, metadata: Vec::new() };
        }
        Call::ListSegments { marker } => {
            let listing = Listing {
                prefix: PREFIX.to_string(),
                marker: marker.clone(),
                ..Listing::default()
            };
            return Request::ListBlobs { container, listing };
        }
        Call::AppendBlock { target, body, position, etag } => {
            let content = Slice::from(body.clone());
            let operation =
                BlobOperation::AppendBlock { content, position: Some(*position), max_size: None };
            (target, operation, Some(etag), None)
        }
        Call::CreateAppendBlob { target, metadata, .. } => {
            let operation = BlobOperation::PutAppendBlob {
                headers: ContentHeaders::default(),
                metadata: metadata.clone(),
                may_overwrite: true,
            };
            (target, operation, None, Some("*".to_string()))
        }
        Call::SetMetadata { target, metadata, etag } => {
            (target, BlobOperation::SetMetadata { metadata: metadata.clone() }, Some(etag), None)
        }
        Call::Seal { target, etag } => {
            (target, BlobOperation::Seal { position: None }, Some(etag), None)
        }
        Call::GetProperties { target } => (target, BlobOperation::Properties, None, None),
        Call::GetRange { target, offset, length, etag } => {
            let range = Range { first: *offset, last: Some(offset + length - 1) };
            (target, BlobOperation::Get { range: Some(range) }, etag.as_ref(), None)
        }
        Call::PutBlock { target, id, body } => {
            let content = Slice::from(body.clone());
            (target, BlobOperation::PutBlock { id: named(id), content }, None, None)
        }
        Call::PutBlockList { target, list, metadata, headers, etag } => {
            let operation = BlobOperation::PutBlockList {
                entries: list.iter().map(|(origin, id)| listed(*origin, id)).collect(),
                headers: content_headers(headers),
                metadata: metadata.clone(),
                tier: None,
                may_overwrite: true,
            };
            (target, operation, etag.as_ref(), etag.is_none().then(|| "*".to_string()))
        }
        Call::GetBlockList { target } => {
            (target, BlobOperation::GetBlockList { which: BlockListType::All }, None, None)
        }
        Call::Lease { target, id, action } => {
            let (action, etag) = leasing(id.to_string(), action);
            (target, BlobOperation::Lease(action), etag, None)
        }
    };
    let lease = lease.map(|id| id.to_string());
    let if_match = if_match.map(|etag| etag.0.to_string());
    let conditions = Conditions { if_match, if_none_match, lease, ..Conditions::default() };
    BlobRequest { container, name: blob_name(*target), operation, conditions }.into()
}

fn leasing(id: String, action: &call::LeaseAction) -> (LeaseAction, Option<&ETag>) {
    match action {
        call::LeaseAction::Acquire { seconds, etag } => {
            let duration = LeaseDuration::Seconds(u32::try_from(*seconds).unwrap_or(u32::MAX));
            (LeaseAction::Acquire { id, duration }, Some(etag))
        }
        call::LeaseAction::Renew => (LeaseAction::Renew { id }, None),
        call::LeaseAction::Release => (LeaseAction::Release { id }, None),
    }
}

fn named(id: &call::BlockId) -> service::BlockId {
    service::BlockId::of(&id.0)
}

fn listed(origin: Origin, id: &call::BlockId) -> BlockEntry {
    let source = match origin {
        Origin::Committed => BlockSource::Committed,
        Origin::Uncommitted => BlockSource::Uncommitted,
    };
    BlockEntry { source, id: named(id) }
}

/// The one header that simulated streams have.
const CONTENT_TYPE: &str = "x-ms-blob-content-type";

fn content_headers(headers: &Headers) -> ContentHeaders {
    let media_type = headers.iter().find(|(name, _)| *name == CONTENT_TYPE);
    let media_type = media_type.map(|(_, value)| value.clone());
    ContentHeaders { media_type, ..ContentHeaders::default() }
}

fn blocks(list: Option<Vec<ListedBlock>>) -> Vec<call::Block> {
    let read = |block: ListedBlock| {
        let id = Base64::decode_vec(block.id.as_str()).expect("an ID is in base64");
        call::Block { id: call::BlockId(id.into()), size: block.size }
    };
    list.unwrap_or_default().into_iter().map(read).collect()
}

fn answer(answer: Answer<Slice>) -> call::Answer {
    match answer {
        Answer::Staged => call::Answer::Staged,
        Answer::Leased { .. } | Answer::Released(_) => call::Answer::Leased,
        Answer::BlockList(list) => call::Answer::Blocks(Blocks {
            committed: blocks(list.committed),
            staged: blocks(list.uncommitted),
            etag: list.stamp.map(etag),
        }),
        Answer::ContainerCreated(_) => call::Answer::ContainerCreated,
        Answer::Appended { offset, blocks, stamp } => {
            call::Answer::Appended { offset, blocks, etag: etag(stamp) }
        }
        Answer::Put(stamp)
        | Answer::MetadataSet(stamp)
        | Answer::Sealed(stamp)
        | Answer::Committed(stamp) => call::Answer::Written { etag: etag(stamp) },
        Answer::Properties(seen) => call::Answer::Properties(call::Properties {
            kind: seen.kind,
            length: seen.length,
            blocks: seen.blocks,
            etag: etag(seen.stamp),
            sealed: seen.sealed,
            leased: seen.lease.is_locked(),
            created: Some(seen.created),
            metadata: seen.metadata,
            headers: seen.headers.media_type.map(|it| (CONTENT_TYPE, it)).into_iter().collect(),
            archived: false,
            tagged: false,
            unsendable: None,
        }),
        Answer::Content { extents, offset, .. } => call::Answer::Range {
            offset: offset.unwrap_or(0),
            bytes: extents.iter().flat_map(Slice::bytes).copied().collect(),
        },
        Answer::Blobs(page) => call::Answer::Listed(Page {
            entries: page.entries.iter().filter_map(entry).collect(),
            next: page.next,
        }),
        _ => unreachable!("the writer asks for nothing else"),
    }
}

fn entry(entry: &ListEntry) -> Option<(String, Option<call::BlobKind>)> {
    let ListEntry::Blob(blob) = entry else { return None };
    Some((blob.name.strip_prefix(PREFIX)?.to_string(), Some(blob.properties.kind)))
}

fn etag(stamp: Stamp) -> ETag {
    stamp.revision.etag()
}
