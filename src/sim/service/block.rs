//! Blocks of block blobs: their IDs, how a request and an answer name them, and those that are
//! staged.
//!
//! Invariants: an ID is the padded base64 of 1 to 64 bytes; the staged blocks of a name have IDs of
//! one length; a block is never empty.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use base64ct::{Base64, Encoding as _};

use crate::time::{Span, UnixTime};

use super::answer::Stamp;
use super::extent::Extent;
use super::refusal::{self, Refusal};

const ID_BYTES: usize = 64;

/// The ID of a block, in base64 as clients send it. IDs are in the order of that text.
#[derive(
    Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Deserialize, serde::Serialize,
)]
#[serde(transparent)]
pub struct BlockId(String);

impl BlockId {
    /// An ID from its base64.
    ///
    /// # Errors
    /// What Put Block answers to one that is no standard base64 with padding, or of no byte, or of
    /// more than 64.
    pub fn new(base64: &str) -> Result<Self, Refusal> {
        let bytes = Base64::decode_vec(base64).map_err(|_| refusal::QUERY_VALUE)?;
        match bytes.len() {
            0 => Err(refusal::QUERY_VALUE),
            1..=ID_BYTES => Ok(Self(base64.to_string())),
            _ => Err(refusal::BLOCK_ID_LENGTH),
        }
    }

    /// An ID of these bytes, of which there are 1 to 64.
    pub(in crate::sim) fn of(bytes: &[u8]) -> Self {
        assert!((1..=ID_BYTES).contains(&bytes.len()), "an ID has 1 to 64 bytes");
        Self(Base64::encode_string(bytes))
    }

    /// Its base64.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many bytes the base64 stands for.
    fn bytes(&self) -> usize {
        let padding = self.0.bytes().rev().take_while(|byte| *byte == b'=').count();
        self.0.len() / 4 * 3 - padding
    }
}

/// An entry of a Put Block List.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BlockEntry {
    /// Where the block is looked for.
    pub source: BlockSource,
    /// Its ID.
    pub id: BlockId,
}

/// Where an entry of a Put Block List finds its block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BlockSource {
    /// Among the blocks of the blob.
    Committed,
    /// Among the staged blocks.
    Uncommitted,
    /// Among the staged blocks, and then among those of the blob.
    Latest,
}

/// `blocklisttype` of Get Block List.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BlockListType {
    /// The blocks of the blob.
    #[default]
    Committed,
    /// The staged blocks.
    Uncommitted,
    /// Both.
    All,
}

/// What Get Block List tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BlockList {
    /// The state of the blob; none while nothing is committed.
    pub stamp: Option<Stamp>,
    /// The length of the blob, in bytes.
    pub length: u64,
    /// The blocks of the blob in its order, if they were asked for. A blob that came of Put Blob
    /// has content and no blocks.
    pub committed: Option<Vec<ListedBlock>>,
    /// The staged blocks in the order of their IDs, if they were asked for.
    pub uncommitted: Option<Vec<ListedBlock>>,
}

/// A block in the answer to Get Block List.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListedBlock {
    /// Its ID.
    pub id: BlockId,
    /// Its length, in bytes.
    pub size: u64,
}

/// The blocks that were put for a name and that no list has taken up yet.
#[derive(Clone, Debug)]
pub(super) struct Staged<E> {
    blocks: BTreeMap<BlockId, E>,
    /// When the last of them came.
    last: UnixTime,
}

impl<E: Extent> Staged<E> {
    pub(super) const fn new(now: UnixTime) -> Self {
        Self { blocks: BTreeMap::new(), last: now }
    }

    /// Whether they have not been forgotten yet.
    pub(super) fn is_alive(&self, life: Span, now: UnixTime) -> bool {
        now < self.last + life
    }

    pub(super) fn get(&self, id: &BlockId) -> Option<&E> {
        self.blocks.get(id)
    }

    /// Whether a block of this ID may come to them.
    pub(super) fn check(&self, id: &BlockId, limit: u32) -> Result<(), Refusal> {
        if self.blocks.keys().next().is_some_and(|other| other.bytes() != id.bytes()) {
            return Err(refusal::BLOCK_ID_MIXED);
        }
        let full = self.blocks.len() >= limit as usize && !self.blocks.contains_key(id);
        if full { Err(refusal::STAGED_COUNT) } else { Ok(()) }
    }

    /// Adds a block, in place of the one that has its ID.
    pub(super) fn insert(&mut self, id: BlockId, block: E, now: UnixTime) {
        self.blocks.insert(id, block);
        self.last = now;
    }

    pub(super) fn listed(&self) -> Vec<ListedBlock> {
        let listed =
            |(id, block): (&BlockId, &E)| ListedBlock { id: id.clone(), size: block.len() };
        self.blocks.iter().map(listed).collect()
    }
}
