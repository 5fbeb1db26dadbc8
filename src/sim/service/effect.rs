//! Changes of the state as values, which is what a journal keeps.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::call::{BlobKind, ETag, Metadata};
use crate::time::UnixTime;

use super::block::BlockId;
use super::lease::Lease;
use super::request::ContentHeaders;

/// A state of a container or a blob; each change of an account takes the next number.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Eq,
    Ord,
    PartialEq,
    PartialOrd,
    serde::Deserialize,
    serde::Serialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// What entity tags begin with.
const BARE: &str = "0x8D";

impl Revision {
    /// The entity tag that stands for this state, with its quotes.
    pub fn etag(self) -> ETag {
        ETag(format!("\"{}\"", self.bare()).into())
    }

    /// The entity tag without quotes, as listings have it.
    pub fn bare(self) -> String {
        format!("{BARE}{:013X}", self.0)
    }

    /// Whether this is it. Most of what is not differs as a number, so that nothing is written.
    pub(super) fn is_bare(self, etag: &str) -> bool {
        let digits = etag.strip_prefix(BARE).filter(|digits| digits.len() == 13);
        let number = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let upper = !etag.bytes().any(|byte| byte.is_ascii_lowercase() && byte != b'x');
        match number {
            Some(number) => number == self.0 && upper,
            None => etag == self.bare(),
        }
    }
}

/// A change, with the content that comes with it. A serialized effect is without the content.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(bound = "")]
pub struct Effect<E> {
    /// What changes.
    #[serde(flatten)]
    pub change: Change,
    /// What is put, appended or staged.
    #[serde(skip)]
    pub content: Option<E>,
}

/// What an effect does.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum Change {
    /// A container came to be.
    ContainerCreated {
        /// Its name.
        container: String,
        /// All of its metadata.
        metadata: Metadata,
        /// Its state.
        revision: Revision,
        /// When.
        at: UnixTime,
    },
    /// A container went, and all in it.
    ContainerDeleted {
        /// Its name.
        container: String,
    },
    /// A blob came to be, or was replaced. A lease in force stays.
    BlobPut {
        /// The container.
        container: String,
        /// The blob.
        name: String,
        /// Its type.
        kind: BlobKind,
        /// Its content headers.
        headers: ContentHeaders,
        /// All of its metadata.
        metadata: Metadata,
        /// The access tier that was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tier: Option<String>,
        /// Its state.
        revision: Revision,
        /// When.
        at: UnixTime,
    },
    /// A block was appended.
    BlockAppended {
        /// The container.
        container: String,
        /// The blob.
        name: String,
        /// Its new state.
        revision: Revision,
        /// When.
        at: UnixTime,
    },
    /// A block was staged; the blob is as it was.
    BlockStaged {
        /// The container.
        container: String,
        /// The blob, or what will be one.
        name: String,
        /// The block's ID.
        id: BlockId,
        /// When.
        at: UnixTime,
    },
    /// A block list made a blob, or made it anew. A lease in force stays.
    BlockListPut {
        /// The container.
        container: String,
        /// The blob.
        name: String,
        /// What it consists of, in order.
        blocks: Vec<BlockRun>,
        /// Its content headers.
        headers: ContentHeaders,
        /// All of its metadata.
        metadata: Metadata,
        /// The access tier that was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tier: Option<String>,
        /// Its new state.
        revision: Revision,
        /// When.
        at: UnixTime,
    },
    /// An append blob was sealed.
    BlobSealed {
        /// The container.
        container: String,
        /// The blob.
        name: String,
        /// Its new state, where sealing changes it.
        revision: Option<Revision>,
        /// When.
        at: UnixTime,
    },
    /// The metadata were replaced.
    MetadataSet {
        /// The container.
        container: String,
        /// The blob.
        name: String,
        /// All of its metadata.
        metadata: Metadata,
        /// Its new state.
        revision: Revision,
        /// When.
        at: UnixTime,
    },
    /// A blob went.
    BlobDeleted {
        /// The container.
        container: String,
        /// The blob.
        name: String,
    },
    /// A lease began, changed or went.
    LeaseSet {
        /// The container.
        container: String,
        /// The blob.
        name: String,
        /// The lease, unless there is none any more.
        lease: Option<Lease>,
    },
}

/// Blocks of a new list: where they were until then.
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum BlockRun {
    /// Blocks of the blob as it was: the place of the first, and how many.
    Kept(u32, u32),
    /// The staged block of this ID.
    Staged(BlockId),
}
