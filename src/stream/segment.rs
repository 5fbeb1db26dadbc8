//! One segment as it was last known: its extent, its identity, and the ETag that any change to it
//! is conditional on.
//!
//! Invariant: a segment made from properties agrees with its own metadata: its number is the one
//! asked for, and once closed its length is `end - start` (`protocol.md` I2, C3).

use alloc::format;

use crate::call::{BlobKind, ETag, Metadata, Properties};
use crate::error::Error;
use crate::limits::{SEGMENT_BLOCKS_MAX, STREAM_BYTES_MAX};
use crate::stream::identity::foreign;
use crate::stream::{Identity, Layout};
use crate::time::UnixTime;

/// A segment of the append layout.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Segment {
    /// What its metadata says; `None` for a log that somebody else began.
    pub identity: Option<Identity>,
    /// Its number, from 1.
    pub number: u32,
    /// The stream offset of its first byte.
    pub start: u64,
    /// Its length, in bytes.
    pub length: u64,
    /// How many blocks it has.
    pub blocks: u32,
    /// What a change must be conditional on.
    pub etag: ETag,
    /// Whether it is sealed. That alone does not change its ETag; see [`Segment::is_marked`].
    pub sealed: bool,
    /// Whether somebody holds a lease on it.
    pub leased: bool,
    /// When it was created, by the clock of the service.
    pub created: Option<UnixTime>,
    /// Its metadata that is not ours.
    pub others: Metadata,
}

impl Segment {
    /// Segment `number` from its properties.
    ///
    /// # Errors
    /// [`Error::Conflict`] if it is not a segment of a stream; [`Error::Diverged`] if it was
    /// changed after it had been closed.
    pub fn from_properties(number: u32, seen: &Properties) -> Result<Self, Error> {
        if seen.kind != BlobKind::Append {
            return Err(Error::Conflict(format!("segment {number} is not an append blob")));
        }
        if let Some(name) = &seen.unsendable {
            let why = format!("segment {number} has `{name}`, whose value cannot be sent again");
            return Err(Error::Conflict(why));
        }
        let identity = Identity::read(&seen.metadata)?;
        if identity.as_ref().is_some_and(|identity| identity.layout != Layout::Append) {
            return Err(Error::Conflict(format!("segment {number} is of the block layout")));
        }
        if let Some(identity) = &identity
            && identity.number != number
        {
            let says = identity.number;
            return Err(Error::Conflict(format!("segment {number} says that it is {says}")));
        }
        if identity.is_none() && number != 1 {
            return Err(Error::Conflict(format!("segment {number} was not written by Everblob")));
        }
        let start = identity.as_ref().map_or(0, |identity| identity.start);
        if start.max(seen.length) > STREAM_BYTES_MAX / 2 {
            return Err(Error::Conflict(format!("segment {number} claims an impossible extent")));
        }
        let end = identity.as_ref().and_then(|identity| identity.end);
        let segment = Self {
            number,
            start,
            length: seen.length,
            blocks: seen.blocks.unwrap_or(0),
            etag: seen.etag.clone(),
            sealed: seen.sealed,
            leased: seen.leased,
            created: seen.created,
            others: foreign(&seen.metadata),
            identity,
        };
        match end {
            Some(end) if end != segment.end() => Err(Error::Diverged(format!(
                "segment {number} was closed at offset {end} and ends at {}",
                segment.end()
            ))),
            _ => Ok(segment),
        }
    }

    /// The stream offset past its last byte.
    pub const fn end(&self) -> u64 {
        self.start + self.length
    }

    /// Whether its metadata says that it is closed. That changed its ETag, so that no claim which
    /// was under way can succeed any more.
    pub fn is_marked(&self) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.end.is_some())
    }

    /// Whether nothing can be appended to it any more, by anybody who keeps to the rules.
    pub fn is_closed(&self) -> bool {
        self.sealed || self.is_marked()
    }

    /// Whether the next byte goes elsewhere: it is closed, or the service takes no more blocks.
    pub fn is_over(&self) -> bool {
        self.is_closed() || self.blocks >= SEGMENT_BLOCKS_MAX
    }
}
