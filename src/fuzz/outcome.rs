//! Any outcome that a call of its kind can have, true or not.
//!
//! Invariant: what the codec never makes is not made here either: an answer is of the kind of its
//! call, ETags and block IDs are not empty, values of metadata can be sent again.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::call::{
    Answer, BlobKind, Block, BlockId, Blocks, CallKind, Cause, ETag, Failure, Metadata, Outcome,
    Page, Properties,
};
use crate::fuzz::input::Input;
use crate::fuzz::service::refused;
use crate::stream::{Identity, Layout, Nonce, StreamId};
use crate::time::{Skew, Span, UnixTime};

const CAUSES: [Cause; 20] = [
    Cause::AlreadyExists,
    Cause::BlobNotFound,
    Cause::BlobSealed,
    Cause::BlockCountExceeded,
    Cause::BlockListTooLong,
    Cause::ConditionNotMet,
    Cause::ContainerAlreadyExists,
    Cause::ContainerNotFound,
    Cause::Damaged,
    Cause::Forbidden,
    Cause::ForeignStaged,
    Cause::InvalidBlobType,
    Cause::InvalidBlockList,
    Cause::Leased,
    Cause::LeaseLost,
    Cause::MaxSizeExceeded,
    Cause::TooLarge,
    Cause::Unauthenticated,
    Cause::Unready,
    Cause::Other,
];

/// A failure after which nothing is known to be stored.
pub(super) fn doubt(input: &mut Input<'_>) -> Failure {
    let retry_after = input.once_in(4).then(|| Span(input.number()));
    let status = input.once_in(2).then(|| input.pick(&[500, 503, 429, 408, 501, 200]));
    Failure::InDoubt { reason: "doubt".to_string(), status, retry_after }
}

pub(super) fn not_sent() -> Failure {
    Failure::NotSent("not sent".to_string())
}

/// Any failure.
pub(super) fn failure(input: &mut Input<'_>) -> Failure {
    match input.below(4) {
        0 => doubt(input),
        1 => not_sent(),
        2 => refused(Cause::ClockOff(
            Skew::between(UnixTime(0), UnixTime(301 + input.number() / 2))
                .expect("five minutes are told"),
        )),
        _ => refused(input.pick(&CAUSES)),
    }
}

/// An answer to a call of `kind`, like `honest` where that is one.
pub(super) fn answer(input: &mut Input<'_>, kind: CallKind, honest: Option<Answer>) -> Answer {
    match kind {
        CallKind::AppendBlock => {
            let (offset, blocks) = (input.number(), input.number() as u32);
            Answer::Appended { offset, blocks, etag: etag(input) }
        }
        CallKind::CreateAppendBlob
        | CallKind::SetMetadata
        | CallKind::Seal
        | CallKind::PutBlockList => Answer::Written { etag: etag(input) },
        CallKind::GetProperties => {
            let seen = match honest {
                Some(Answer::Properties(seen)) => seen,
                _ => some_properties(input),
            };
            Answer::Properties(changed(input, seen))
        }
        CallKind::GetRange => Answer::Range { offset: input.number(), bytes: input.bytes(20) },
        CallKind::ListSegments => Answer::Listed(page(input)),
        CallKind::CreateContainer => Answer::ContainerCreated,
        CallKind::PutBlock => Answer::Staged,
        CallKind::GetBlockList => {
            let list = match honest {
                Some(Answer::Blocks(list)) => list,
                _ => Blocks::default(),
            };
            Answer::Blocks(relisted(input, list))
        }
        CallKind::Lease => Answer::Leased,
    }
}

/// Any outcome of a call of `kind`.
pub(super) fn outcome(input: &mut Input<'_>, kind: CallKind, honest: Outcome) -> Outcome {
    if input.once_in(3) { Err(failure(input)) } else { Ok(answer(input, kind, honest.ok())) }
}

/// ETags of the service among them, at another time than it had them.
fn etag(input: &mut Input<'_>) -> ETag {
    ETag(alloc::format!("\"{}\"", input.below(32)).into())
}

pub(super) fn kind(input: &mut Input<'_>) -> BlobKind {
    input.pick(&[BlobKind::Append, BlobKind::Block, BlobKind::Page])
}

pub(super) fn block_id(input: &mut Input<'_>) -> BlockId {
    let mut raw = input.bytes(63);
    raw.push(input.byte());
    BlockId(raw.into())
}

fn some_properties(input: &mut Input<'_>) -> Properties {
    let kind = kind(input);
    Properties {
        kind,
        length: input.number(),
        blocks: (kind == BlobKind::Append).then(|| input.number() as u32),
        etag: etag(input),
        sealed: input.once_in(4),
        leased: input.once_in(4),
        created: None,
        metadata: metadata(input, Metadata::new()),
        headers: Vec::new(),
        archived: false,
        tagged: false,
        unsendable: None,
    }
}

fn changed(input: &mut Input<'_>, mut seen: Properties) -> Properties {
    for _ in 0..=input.below(2) {
        match input.below(12) {
            0..3 => seen.metadata = metadata(input, seen.metadata),
            3 => seen.length = input.number(),
            4 => seen.blocks = seen.blocks.map(|_| input.number() as u32),
            5 => seen.etag = etag(input),
            6 => seen.sealed = !seen.sealed,
            7 => seen.leased = !seen.leased,
            8 => seen.created = Some(UnixTime(input.number())),
            9 => seen.length = seen.length.wrapping_add(1),
            10 => seen.headers = Vec::from([("x-ms-access-tier", "Cool".to_string())]),
            _ => match input.below(4) {
                0 => seen.kind = kind(input),
                1 => seen.archived = true,
                2 => seen.tagged = true,
                _ => seen.unsendable = Some("x-ms-meta-a".to_string()),
            },
        }
    }
    // The codec takes no append blob without its count.
    if seen.kind == BlobKind::Append {
        seen.blocks.get_or_insert(0);
    }
    seen
}

/// Another owner, another extent, or another value.
pub(super) fn metadata(input: &mut Input<'_>, before: Metadata) -> Metadata {
    if input.once_in(4) {
        let mut metadata = before;
        let value = input.word("0123456789abcdef.-append", 40);
        match metadata.len() {
            0 => metadata.push(("everblobversion".to_string(), value)),
            count => metadata[input.below(count)].1 = value,
        }
        return metadata;
    }
    let mut it = match Identity::read(&before) {
        Ok(Some(identity)) => identity,
        _ => identity(input),
    };
    match input.below(10) {
        0..3 => it.nonce = Nonce([input.byte(); 16]),
        3 => it.epoch = input.number(),
        4 => it.base = input.number(),
        5 => it.start = input.number(),
        6 => it.number = input.number() as u32,
        7 => it.end = Some(input.number()),
        8 => it.ended = !it.ended,
        _ => it.stream = StreamId([input.byte(); 16]),
    }
    it.write(&before)
}

/// Any identity that can be written.
pub(crate) fn identity(input: &mut Input<'_>) -> Identity {
    let layout = input.pick(&[Layout::Append, Layout::Block]);
    let mut tags: Vec<u32> = Vec::new();
    if layout == Layout::Block {
        tags.extend((0..=input.below(33)).map(|_| input.number() as u32));
    }
    Identity {
        layout,
        stream: StreamId([input.byte(); 16]),
        number: input.number() as u32,
        start: input.number(),
        epoch: input.number(),
        nonce: Nonce([input.byte(); 16]),
        base: input.number(),
        end: input.once_in(3).then(|| input.number()),
        ended: input.once_in(4),
        tags,
    }
}

fn page(input: &mut Input<'_>) -> Page {
    let entry = |input: &mut Input<'_>| {
        let name = match input.below(4) {
            0 => input.word("0123456789-+./x", 12),
            _ => input.number().to_string(),
        };
        (name, input.once_in(2).then(|| kind(input)))
    };
    let entries: Vec<(String, Option<BlobKind>)> =
        (0..input.below(5)).map(|_| entry(input)).collect();
    Page { entries, next: input.once_in(4).then(|| input.text(4)) }
}

fn relisted(input: &mut Input<'_>, mut list: Blocks) -> Blocks {
    for _ in 0..=input.below(2) {
        let block = Block { id: block_id(input), size: input.number() };
        match input.below(8) {
            0 => list.committed.push(block),
            1 | 2 => list.staged.push(block),
            3 => drop(list.committed.pop()),
            4 => drop(list.staged.pop()),
            5 => list.committed.reverse(),
            6 => list.committed.iter_mut().take(1).for_each(|it| it.size = block.size),
            _ => list.etag = Some(etag(input)),
        }
    }
    // The codec takes no committed blocks without an ETag.
    if !list.committed.is_empty() {
        list.etag.get_or_insert_with(|| ETag("\"0\"".into()));
    }
    list
}
