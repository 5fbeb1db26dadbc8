//! What a segment's metadata says about it (`protocol.md` I1), and whose it is (I3).
//!
//! Invariants: names are letters only, so that every sort order signs them alike; metadata that
//! names us but cannot be read whole is an error, never a stream of somebody else's; what is not
//! ours is kept and sent again with every change.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::call::Metadata;
use crate::error::Error;

/// 128 random bits that stand for one stream, chosen when its first segment is created.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct StreamId(pub [u8; 16]);

/// 128 random bits that stand for one appender, chosen when it opens the stream (I3).
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Nonce(pub [u8; 16]);

/// How a stream is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Layout {
    /// Numbered append blobs.
    Append,
    /// One block blob of the stream's own name.
    Block,
}

/// The identity of a segment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// How the stream is stored.
    pub layout: Layout,
    /// The stream that it belongs to.
    pub stream: StreamId,
    /// Its number, from 1.
    pub number: u32,
    /// The stream offset of its first byte.
    pub start: u64,
    /// Orders appenders; it owns nothing.
    pub epoch: u64,
    /// The appender that owns it.
    pub nonce: Nonce,
    /// Its length, in bytes, when its owner claimed it.
    pub base: u64,
    /// The stream offset past its last byte, once it is closed.
    pub end: Option<u64>,
    /// Whether the stream ends with it.
    pub ended: bool,
    /// Block layout: what the block IDs of the last owners begin with, the present one's at the
    /// end. What is staged under one of them is Everblob's (`protocol.md` B2, B6).
    pub tags: Vec<u32>,
}

const PREFIX: &str = "everblob";
const VERSION: &str = "everblobversion";
const STREAM: &str = "everblobstream";
const NUMBER: &str = "everblobnumber";
const START: &str = "everblobstart";
const LAYOUT: &str = "everbloblayout";
const MODE: &str = "everblobmode";
const NAMING: &str = "everblobnaming";
const EPOCH: &str = "everblobepoch";
const NONCE: &str = "everblobnonce";
const BASE: &str = "everblobbase";
const CLOSED: &str = "everblobclosed";
const END: &str = "everblobend";
const ENDED: &str = "everblobended";
const TAGS: &str = "everblobtags";

/// What this version writes and the only thing it appends to; another value refuses the stream.
const FIXED: [(&str, &str); 3] =
    [(VERSION, "1"), (MODE, "exclusive-conditional-raw"), (NAMING, "natural")];

impl Identity {
    /// Reads the identity out of a blob's metadata. `None` if nothing in it is ours.
    ///
    /// # Errors
    /// [`Error::Conflict`] if it is ours and cannot be read, or not of a kind this version knows.
    pub fn read(metadata: &Metadata) -> Result<Option<Self>, Error> {
        if !metadata.iter().any(|(name, _)| name.starts_with(PREFIX)) {
            return Ok(None);
        }
        for (name, expected) in FIXED {
            let value = text(metadata, name)?;
            if value != expected {
                return Err(unreadable(name, value));
            }
        }
        let layout = match text(metadata, LAYOUT)? {
            "append" => Layout::Append,
            "block" => Layout::Block,
            other => return Err(unreadable(LAYOUT, other)),
        };
        let end = match text(metadata, CLOSED) {
            Ok(_) => Some(number(metadata, END)?),
            Err(_) => None,
        };
        Ok(Some(Self {
            layout,
            stream: StreamId(hex(metadata, STREAM)?),
            number: u32::try_from(number(metadata, NUMBER)?)
                .map_err(|_| unreadable(NUMBER, "a number beyond 32 bits"))?,
            start: number(metadata, START)?,
            epoch: number(metadata, EPOCH)?,
            nonce: Nonce(hex(metadata, NONCE)?),
            base: number(metadata, BASE)?,
            end,
            ended: text(metadata, ENDED).is_ok(),
            tags: if layout == Layout::Block { tags(metadata)? } else { Vec::new() },
        }))
    }

    /// All metadata of the blob: what it had that is not ours, and this.
    pub fn write(&self, others: &Metadata) -> Metadata {
        let mut metadata = foreign(others);
        let mut put = |name: &str, value: &dyn fmt::Display| {
            metadata.push((name.to_string(), value.to_string()));
        };
        for (name, value) in &FIXED {
            put(name, value);
        }
        put(LAYOUT, if self.layout == Layout::Block { &"block" } else { &"append" });
        put(STREAM, &self.stream);
        put(NUMBER, &self.number);
        put(START, &self.start);
        put(EPOCH, &self.epoch);
        put(NONCE, &self.nonce);
        put(BASE, &self.base);
        if let Some(end) = &self.end {
            put(CLOSED, &"1");
            put(END, end);
        }
        if self.ended {
            put(ENDED, &"1");
        }
        if self.layout == Layout::Block {
            let tags: Vec<String> = self.tags.iter().map(|tag| format!("{tag:08x}")).collect();
            put(TAGS, &tags.join("."));
        }
        metadata
    }
}

/// The metadata that is not ours.
pub(crate) fn foreign(metadata: &Metadata) -> Metadata {
    metadata.iter().filter(|(name, _)| !name.starts_with(PREFIX)).cloned().collect::<Vec<_>>()
}

fn text<'a>(metadata: &'a Metadata, name: &str) -> Result<&'a str, Error> {
    let found = metadata.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str()).ok_or_else(|| unreadable(name, "nothing"))
}

fn number(metadata: &Metadata, name: &str) -> Result<u64, Error> {
    let value = text(metadata, name)?;
    value.parse().map_err(|_| unreadable(name, value))
}

/// What the block IDs of the last owners begin with.
fn tags(metadata: &Metadata) -> Result<Vec<u32>, Error> {
    let value = text(metadata, TAGS)?;
    let read = |tag| u32::from_str_radix(tag, 16).map_err(|_| unreadable(TAGS, value));
    value.split('.').map(read).collect()
}

fn hex(metadata: &Metadata, name: &str) -> Result<[u8; 16], Error> {
    let value = text(metadata, name)?;
    let push = |bits, digit: char| Some(bits << 4 | u128::from(digit.to_digit(16)?));
    let bits = value.chars().try_fold(0, push).filter(|_| value.len() == 32);
    bits.map(u128::to_be_bytes).ok_or_else(|| unreadable(name, value))
}

fn unreadable(name: &str, value: &str) -> Error {
    let value: String = value.chars().take(64).collect();
    Error::Conflict(format!(
        "the metadata `{name}` of a segment says `{value}`, which this version cannot append to"
    ))
}

macro_rules! hexadecimal {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", u128::from_be_bytes(self.0))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

hexadecimal!(StreamId);
hexadecimal!(Nonce);

#[cfg(any(test, feature = "fuzz"))]
#[path = "identity_property.rs"]
pub(crate) mod property;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn identity() -> Identity {
        Identity {
            layout: Layout::Block,
            tags: vec![7, 0xfedc_ba98],
            stream: StreamId([0xab; 16]),
            number: 3,
            start: 1 << 40,
            epoch: 7,
            nonce: Nonce([1; 16]),
            base: 12,
            end: None,
            ended: false,
        }
    }

    #[test]
    fn identity_survives_a_round_trip_and_keeps_what_is_not_ours() {
        let theirs = vec![("owner".to_string(), "ops".to_string())];
        let mut it = identity();
        let written = it.write(&theirs);
        assert_eq!(Identity::read(&written), Ok(Some(it.clone())));
        it.end = Some(99);
        it.ended = true;
        let again = it.write(&written);
        assert_eq!(Identity::read(&again), Ok(Some(it)));
        assert_eq!(again.iter().filter(|(n, v)| n == "owner" && v == "ops").count(), 1);
    }

    #[test]
    fn names_are_letters_only() {
        for (name, _) in identity().write(&Metadata::new()) {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase()), "{name}");
        }
    }

    #[test]
    fn metadata_without_ours_is_nobodys() {
        assert_eq!(Identity::read(&vec![("a".to_string(), "b".to_string())]), Ok(None));
    }

    #[test]
    fn damaged_or_unknown_identities_are_refused() {
        let good = identity().write(&Metadata::new());
        for (name, value) in [
            (NONCE, "xyz"),
            (STREAM, "+1111111111111111111111111111111"),
            (MODE, "shared"),
            (VERSION, "2"),
            (START, "-1"),
            (NUMBER, "4294967296"),
            (LAYOUT, "page"),
            (TAGS, "x"),
        ] {
            let mut bad = good.clone();
            bad.iter_mut().find(|(n, _)| n == name).unwrap().1 = value.to_string();
            assert!(matches!(Identity::read(&bad), Err(Error::Conflict(_))), "{name}");
        }
        let partial = vec![(EPOCH.to_string(), "1".to_string())];
        assert!(matches!(Identity::read(&partial), Err(Error::Conflict(_))));
    }

    proptest! {
        #[test]
        fn any_metadata_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            property::identity(&bytes);
        }
    }
}
