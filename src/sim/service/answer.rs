//! What the model answers to requests that it takes.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::call::{BlobKind, Metadata};
use crate::time::UnixTime;

use super::block::BlockList;
use super::effect::Revision;
use super::lease::LeaseState;
use super::request::ContentHeaders;

/// The answer to an accepted request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<E> {
    /// A page of List Containers.
    Containers(ContainerPage),
    /// Create Container.
    ContainerCreated(Stamp),
    /// Delete Container.
    ContainerDeleted,
    /// Get Container Properties.
    Container(ContainerProperties),
    /// A page of List Blobs.
    Blobs(BlobPage),
    /// Put Blob, with the state of the new blob.
    Put(Stamp),
    /// Append Block.
    Appended {
        /// Where the block landed, in bytes.
        offset: u64,
        /// How many blocks the blob has now.
        blocks: u32,
        /// The new state.
        stamp: Stamp,
    },
    /// Append Blob Seal.
    Sealed(Stamp),
    /// Put Block.
    Staged,
    /// Put Block List, with the new state.
    Committed(Stamp),
    /// Get Block List.
    BlockList(BlockList),
    /// Get Blob Properties.
    Properties(Properties),
    /// Get Blob.
    Content {
        /// The blob.
        properties: Properties,
        /// Whether a range was asked for, and then the offset of its first byte.
        offset: Option<u64>,
        /// The bytes, in order.
        extents: Vec<E>,
    },
    /// Set Blob Metadata.
    MetadataSet(Stamp),
    /// Delete Blob.
    Deleted,
    /// Acquire, renew or change a lease.
    Leased {
        /// The lease's ID from now on.
        id: String,
        /// Whether it was acquired.
        acquired: bool,
        /// The unchanged state.
        stamp: Stamp,
    },
    /// Release a lease.
    Released(Stamp),
    /// Break a lease.
    Broken {
        /// How many seconds it stays in force.
        remaining: u64,
        /// The unchanged state.
        stamp: Stamp,
    },
}

/// A state and when it began.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stamp {
    /// The state.
    pub revision: Revision,
    /// `Last-Modified`
    pub modified: UnixTime,
}

/// What Get Container Properties and List Containers tell.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ContainerProperties {
    /// Its state.
    pub stamp: Stamp,
    /// All of its metadata.
    pub metadata: Metadata,
}

/// What Get Blob Properties tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Properties {
    /// The type.
    pub kind: BlobKind,
    /// The length, in bytes.
    pub length: u64,
    /// How many blocks were appended; only append blobs tell.
    pub blocks: Option<u32>,
    /// The state.
    pub stamp: Stamp,
    /// When the blob came to be. Put Blob makes a new one, Put Block List does not.
    pub created: UnixTime,
    /// Whether it is sealed.
    pub sealed: bool,
    /// The content headers.
    pub headers: ContentHeaders,
    /// All metadata.
    pub metadata: Metadata,
    /// The lease.
    pub lease: LeaseStatus,
    /// `x-ms-access-tier` of a block blob, unless it is only inferred.
    pub tier: Option<String>,
}

/// What anyone may know of a lease.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LeaseStatus {
    /// `x-ms-lease-state`
    pub state: LeaseState,
    /// Whether it is infinite; only leases in force tell.
    pub infinite: Option<bool>,
}

impl LeaseStatus {
    /// `x-ms-lease-status`: whether writing takes the lease's ID.
    pub const fn is_locked(self) -> bool {
        matches!(self.state, LeaseState::Leased | LeaseState::Breaking)
    }
}

/// A page of List Containers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ContainerPage {
    /// Names and properties, in the order of the names.
    pub entries: Vec<(String, ContainerProperties)>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// A page of List Blobs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BlobPage {
    /// In the order of the names' bytes.
    pub entries: Vec<ListEntry>,
    /// Where the next page begins; a page may be short, or empty, and still have one.
    pub next: Option<String>,
}

/// An entry of a page of List Blobs.
#[derive(Clone, Debug, PartialEq)]
pub enum ListEntry {
    /// A blob.
    Blob(Box<ListedBlob>),
    /// The name of a block blob of which nothing is committed yet.
    Uncommitted(String),
    /// The common beginning of names that have the delimiter, with it.
    Prefix(String),
}

/// A blob in a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedBlob {
    /// Its name.
    pub name: String,
    /// The block count and the metadata are there only where the service tells them.
    pub properties: Properties,
}
