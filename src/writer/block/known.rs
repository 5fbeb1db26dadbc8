//! The blob as it was last known: replaced whole, never patched (`protocol.md` B4).
//!
//! Invariants: the sizes of the list sum to the length of the blob (B1); list and properties are of
//! one ETag (B3); what a commit would clear is known, or the blob is refused (B5).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::call::{BlobKind, Block, Blocks, ETag, Headers, Metadata, Properties};
use crate::error::Error;
use crate::limits::STREAM_BYTES_MAX;
use crate::rng::Rng;
use crate::stream::{Identity, Layout, foreign};
use crate::writer::block::ids::{WIDTH, WIDTH_LEAST, is_under};

/// See the module.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Known {
    /// What its metadata says; `None` for a blob that somebody else made.
    pub(super) identity: Option<Identity>,
    pub(super) etag: ETag,
    pub(super) list: Vec<Block>,
    /// In bytes.
    pub(super) length: u64,
    pub(super) headers: Headers,
    /// Its metadata that is not ours.
    pub(super) others: Metadata,
}

/// What the properties of a blob say, if it can be appended to at all.
///
/// # Errors
/// [`Error::Conflict`] if it cannot.
pub(super) fn identify(seen: &Properties) -> Result<Option<Identity>, Error> {
    if seen.kind != BlobKind::Block {
        return Err(conflict("a blob of the stream's name exists and is not a block blob"));
    }
    if seen.archived {
        return Err(conflict("the blob is archived; rehydrate it first"));
    }
    if seen.tagged {
        return Err(conflict("the blob has tags, which a commit would clear; remove them first"));
    }
    if let Some(name) = &seen.unsendable {
        return Err(Error::Conflict(format!(
            "the blob's `{name}` cannot be kept: it is not printable ASCII; change it first"
        )));
    }
    let identity = Identity::read(&seen.metadata)?;
    match &identity {
        Some(identity) if identity.layout != Layout::Block => {
            Err(conflict("the blob is a segment of the append layout"))
        }
        Some(identity) if identity.number != 1 || identity.start != 0 => {
            Err(conflict("the blob is a later segment of a stream"))
        }
        Some(identity) if identity.end.is_some() && !identity.ended => {
            Err(conflict("the blob is closed, and the stream goes on in another one"))
        }
        _ => Ok(identity),
    }
}

fn conflict(why: &str) -> Error {
    Error::Conflict(why.to_string())
}

impl Known {
    /// The blob from its properties and its blocks, which are of the same ETag.
    ///
    /// # Errors
    /// [`Error::Conflict`] if it cannot be appended to without losing something.
    pub(super) fn new(seen: &Properties, list: Vec<Block>) -> Result<Self, Error> {
        let identity = identify(seen)?;
        if seen.length > STREAM_BYTES_MAX / 2 {
            return Err(conflict("the blob claims an impossible length"));
        }
        let sum = list.iter().try_fold(0u64, |sum, block| sum.checked_add(block.size));
        if sum != Some(seen.length) {
            return Err(conflict(
                "the blob was uploaded whole and has no blocks; upload it again in blocks, or \
                 choose another name",
            ));
        }
        Ok(Self {
            identity,
            etag: seen.etag.clone(),
            list,
            length: seen.length,
            headers: seen.headers.clone(),
            others: foreign(&seen.metadata),
        })
    }

    /// What the block IDs of its last owners begin with, the present one's at the end.
    pub(super) fn tags(&self) -> &[u32] {
        self.identity.as_ref().map_or(&[], |identity| &identity.tags)
    }

    /// A claim tag that no block of the blob has, nor any owner had.
    pub(super) fn fresh_tag(&self, rng: &mut Rng) -> u32 {
        loop {
            let tag = (rng.next() >> 32) as u32;
            let used = self.list.iter().any(|block| is_under(&block.id, &[tag]));
            if !used && !self.tags().contains(&tag) {
                return tag;
            }
        }
    }

    /// How long its block IDs are, in bytes: as long as they were.
    ///
    /// # Errors
    /// [`Error::Conflict`] if they are too short for a tag and a counter.
    pub(super) fn width(&self) -> Result<usize, Error> {
        let width = self.list.last().map_or(WIDTH, |block| block.id.0.len());
        if width >= WIDTH_LEAST {
            return Ok(width);
        }
        Err(Error::Conflict(format!(
            "the blob's block IDs have {width} bytes and Everblob's need {WIDTH_LEAST}, all of one \
             length; upload it again, or choose another name"
        )))
    }
}

/// Whether properties and list are of one state of the blob (B3). Where no block is committed
/// the service has no ETag for the list, also if there is a blob.
pub(super) fn agree(seen: &Properties, blocks: &Blocks) -> bool {
    match &blocks.etag {
        Some(etag) => *etag == seen.etag,
        None => blocks.committed.is_empty(),
    }
}

/// What somebody else has staged on a blob, which the next commit would drop (B6).
///
/// # Errors
/// [`Error::Conflict`] if there is anything.
pub(super) fn refuse_foreign(identity: Option<&Identity>, blocks: &Blocks) -> Result<(), Error> {
    let tags = identity.map_or(&[][..], |identity| &identity.tags);
    let foreign = blocks.staged.iter().filter(|block| !is_under(&block.id, tags)).count();
    if foreign == 0 {
        return Ok(());
    }
    let why: String = format!(
        "{foreign} blocks are staged on the blob that are not known to be this stream's, and a \
         commit would drop them; wait until they are committed, or allow to discard them"
    );
    Err(Error::Conflict(why))
}
