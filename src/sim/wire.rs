//! The wire between a writer and the model: a call as the model's request, its decision as a
//! reply. Refusals are classified by the codec's own table, so that the writer meets the same
//! verdicts here as over HTTP.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::azure::refusal::failure;
use crate::call::{self, Call, ETag, Outcome, Page, Target};
use crate::sim::service::{
    Answer, BlobOperation, BlobRequest, Conditions, ContentHeaders, ListEntry, Listing, Range,
    Refusal, Request, Service, Slice, Stamp,
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

/// Lets the service decide on a call, makes the change, and answers as the codec would.
pub(super) fn perform(service: &mut Service<Slice>, call: &Call, now: UnixTime) -> Outcome {
    let accepted = service.decide(&request(call), now).map_err(refused)?;
    if let Some(effect) = &accepted.effect {
        service.apply(effect);
    }
    Ok(answer(accepted.answer))
}

fn refused(refusal: Refusal) -> call::Failure {
    failure(refusal.status, refusal.code, None)
}

fn request(call: &Call) -> Request<Slice> {
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
        Call::PutBlock { .. } | Call::PutBlockList { .. } | Call::GetBlockList { .. } => {
            unimplemented!("the model has no staged blocks yet")
        }
    };
    let if_match = if_match.map(|etag| etag.0.to_string());
    let conditions = Conditions { if_match, if_none_match, ..Conditions::default() };
    BlobRequest { container, name: blob_name(*target), operation, conditions }.into()
}

fn answer(answer: Answer<Slice>) -> call::Answer {
    match answer {
        Answer::ContainerCreated(_) => call::Answer::ContainerCreated,
        Answer::Appended { offset, blocks, stamp } => {
            call::Answer::Appended { offset, blocks, etag: etag(stamp) }
        }
        Answer::Put(stamp) | Answer::MetadataSet(stamp) | Answer::Sealed(stamp) => {
            call::Answer::Written { etag: etag(stamp) }
        }
        Answer::Properties(seen) => call::Answer::Properties(call::Properties {
            kind: seen.kind,
            length: seen.length,
            blocks: seen.blocks,
            etag: etag(seen.stamp),
            sealed: seen.sealed,
            created: Some(seen.created),
            metadata: seen.metadata,
            headers: Vec::new(),
            archived: false,
            tagged: false,
            unsendable: None,
        }),
        Answer::Content { extents, .. } => {
            call::Answer::Range(extents.iter().flat_map(Slice::bytes).copied().collect())
        }
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
