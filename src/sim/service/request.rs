//! Requests to the model, as values: what a face has made of an authorized HTTP request.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::call::Metadata;

use super::block::{BlockEntry, BlockId, BlockListType};
use super::condition::Conditions;
use super::lease::LeaseAction;

/// A request to the account.
#[derive(Clone, Debug, PartialEq)]
pub enum Request<E> {
    /// List Containers. Only the prefix and the paging of the listing count.
    ListContainers(Listing),
    /// Create Container.
    CreateContainer {
        /// The name.
        container: String,
        /// All of its metadata.
        metadata: Metadata,
    },
    /// Delete Container, with all that is in it.
    DeleteContainer {
        /// The name.
        container: String,
    },
    /// Get Container Properties.
    ContainerProperties {
        /// The name.
        container: String,
    },
    /// List Blobs.
    ListBlobs {
        /// The container.
        container: String,
        /// Which of its blobs.
        listing: Listing,
    },
    /// An operation on a blob.
    Blob(Box<BlobRequest<E>>),
}

/// An operation on a blob.
#[derive(Clone, Debug, PartialEq)]
pub struct BlobRequest<E> {
    /// The container.
    pub container: String,
    /// The blob, by its decoded name.
    pub name: String,
    /// What to do.
    pub operation: BlobOperation<E>,
    /// Under which conditions.
    pub conditions: Conditions,
}

impl<E> From<BlobRequest<E>> for Request<E> {
    fn from(request: BlobRequest<E>) -> Self {
        Self::Blob(Box::new(request))
    }
}

/// What to do with a blob.
#[derive(Clone, Debug, PartialEq)]
pub enum BlobOperation<E> {
    /// Put Blob of type `AppendBlob`: empty, whatever was there before.
    PutAppendBlob {
        /// The content headers.
        headers: ContentHeaders,
        /// All of its metadata.
        metadata: Metadata,
        /// Whether the credential allows replacing a blob.
        may_overwrite: bool,
    },
    /// Put Blob of type `BlockBlob`.
    PutBlockBlob {
        /// What it will hold.
        content: E,
        /// The content headers.
        headers: ContentHeaders,
        /// All of its metadata.
        metadata: Metadata,
        /// `x-ms-access-tier`; else that of the block blob it replaces.
        tier: Option<String>,
        /// Whether the credential allows replacing a blob.
        may_overwrite: bool,
    },
    /// Append Block.
    AppendBlock {
        /// The block.
        content: E,
        /// `x-ms-blob-condition-appendpos`, in bytes.
        position: Option<u64>,
        /// `x-ms-blob-condition-maxsize`, in bytes.
        max_size: Option<u64>,
    },
    /// Append Blob Seal.
    Seal {
        /// `x-ms-blob-condition-appendpos`, in bytes.
        position: Option<u64>,
    },
    /// Put Block.
    PutBlock {
        /// Its ID.
        id: BlockId,
        /// The block.
        content: E,
    },
    /// Put Block List.
    PutBlockList {
        /// The blocks that the blob will consist of, in order.
        entries: Vec<BlockEntry>,
        /// The content headers from now on.
        headers: ContentHeaders,
        /// All of its metadata from now on.
        metadata: Metadata,
        /// `x-ms-access-tier`; else it stays as it is.
        tier: Option<String>,
        /// Whether the credential allows replacing a blob.
        may_overwrite: bool,
    },
    /// Get Block List. Of its conditions only the lease counts.
    GetBlockList {
        /// Which blocks.
        which: BlockListType,
    },
    /// Get Blob Properties.
    Properties,
    /// Get Blob.
    Get {
        /// A part of it; else all.
        range: Option<Range>,
    },
    /// Set Blob Metadata.
    SetMetadata {
        /// All of its metadata from now on.
        metadata: Metadata,
    },
    /// Delete Blob.
    Delete,
    /// Lease Blob.
    Lease(LeaseAction),
}

/// A range of bytes as a client asks for it: from an offset to its last byte, or to the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Range {
    /// The offset of the first byte.
    pub first: u64,
    /// The offset of the last byte; not before the first. It may be past the end.
    pub last: Option<u64>,
}

/// The `x-ms-blob-content-*` headers, which are kept with a blob and come back with it.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(default)]
pub struct ContentHeaders {
    /// `Cache-Control`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `Content-Disposition`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<String>,
    /// `Content-Encoding`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// `Content-Language`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// `Content-MD5`, in base64, of the content when the blob was put.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// `Content-Type`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

/// Which part of a listing is wanted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Listing {
    /// Only names that begin so.
    pub prefix: String,
    /// Names are cut after its first place behind the prefix, and told once.
    pub delimiter: Option<String>,
    /// Where the page before ended.
    pub marker: Option<String>,
    /// At most so many entries; more than 5,000 are not given.
    pub max_results: Option<i64>,
    /// `include=metadata`
    pub metadata: bool,
    /// `include=uncommittedblobs`
    pub uncommitted: bool,
}
