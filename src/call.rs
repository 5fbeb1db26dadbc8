//! What crosses the boundary between the core and everything else: the few requests the writer
//! makes, as values, and what the service answered, sorted by what may be concluded from it.
//!
//! `azure::request` turns a [`Call`] into HTTP and `azure::response` turns HTTP into a [`Reply`];
//! the writer and the simulator stop here. Invariant: an [`Outcome`] never claims more than the
//! answer proves. [`Failure::NotSent`] and [`Failure::Refused`] speak of *one* attempt; earlier
//! attempts of the same call may still be under way (`protocol.md` V2, V5).

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::time::{Skew, Span, UnixTime};

/// The bytes of one block. Shared, so that repeating a request copies nothing.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Body(pub Arc<Vec<u8>>);

/// An entity tag, opaque, in the form the service puts into headers (with its quotes).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub struct ETag(pub Arc<str>);

/// The blob that a call is about, in terms of the stream. Its full name is the codec's affair.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Target {
    /// Segment `k` of the append layout: the blob `name/k`.
    Segment(u32),
    /// The blob of the stream's own name.
    Stream,
}

/// Metadata of a blob: lower-case names and values, in the service's order.
pub type Metadata = Vec<(String, String)>;

/// What a blob has besides content and metadata, and what a commit would clear: content headers,
/// an explicit tier. Names are those of the *request* headers that set them again.
pub type Headers = Vec<(&'static str, String)>;

/// The name of a block: 1 to 64 raw bytes. On the wire it is in base64.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BlockId(pub Arc<[u8]>);

/// A block of a block blob, committed or staged.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Block {
    /// Its name.
    pub id: BlockId,
    /// Its size, in bytes.
    pub size: u64,
}

/// Where the service is to look for a block of a list that is committed. Never `Latest`
/// (`protocol.md` B2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Origin {
    /// Among the committed blocks of the blob.
    Committed,
    /// Among the staged ones.
    Uncommitted,
}

/// The ID of a lease. It is written as a GUID.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct LeaseId(pub [u8; 16]);

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// An HTTP exchange to make.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Call {
    /// [Append Block](https://learn.microsoft.com/rest/api/storageservices/append-block) under
    /// both conditions (`protocol.md` A1).
    AppendBlock {
        /// The blob.
        target: Target,
        /// The block; never empty.
        body: Body,
        /// `x-ms-blob-condition-appendpos`: the length the blob must have, in bytes.
        position: u64,
        /// `If-Match`.
        etag: ETag,
    },
    /// [Put Blob](https://learn.microsoft.com/rest/api/storageservices/put-blob) of an empty
    /// append blob with `If-None-Match: *`. It never truncates.
    CreateAppendBlob {
        /// The blob.
        target: Target,
        /// All of its metadata.
        metadata: Metadata,
        /// `x-ms-blob-content-type`.
        content_type: String,
    },
    /// [Set Blob Metadata](https://learn.microsoft.com/rest/api/storageservices/set-blob-metadata)
    /// under `If-Match`. Replaces all metadata and changes the ETag.
    SetMetadata {
        /// The blob.
        target: Target,
        /// All of its metadata.
        metadata: Metadata,
        /// `If-Match`.
        etag: ETag,
    },
    /// [Append Blob Seal](https://learn.microsoft.com/rest/api/storageservices/append-blob-seal)
    /// under `If-Match`.
    Seal {
        /// The blob.
        target: Target,
        /// `If-Match`.
        etag: ETag,
    },
    /// [Get Blob Properties](https://learn.microsoft.com/rest/api/storageservices/get-blob-properties).
    GetProperties {
        /// The blob.
        target: Target,
    },
    /// [Get Blob](https://learn.microsoft.com/rest/api/storageservices/get-blob) of a range that
    /// the blob is known to have.
    GetRange {
        /// The blob.
        target: Target,
        /// The offset in the blob, in bytes.
        offset: u64,
        /// How many bytes; at least 1.
        length: u64,
        /// `If-Match`, where the bytes have to be those of one state of the blob.
        etag: Option<ETag>,
    },
    /// [Put Block](https://learn.microsoft.com/rest/api/storageservices/put-block). No condition
    /// can protect it.
    PutBlock {
        /// The blob.
        target: Target,
        /// The name of the block.
        id: BlockId,
        /// Its content; never empty.
        body: Body,
    },
    /// [Put Block List](https://learn.microsoft.com/rest/api/storageservices/put-block-list).
    /// Discards every staged block that it does not list, and replaces metadata and headers.
    PutBlockList {
        /// The blob.
        target: Target,
        /// The blocks of the blob from then on, in order.
        list: Arc<Vec<(Origin, BlockId)>>,
        /// All of its metadata.
        metadata: Metadata,
        /// All of its headers.
        headers: Headers,
        /// `If-Match`; without it the blob is created, under `If-None-Match: *`.
        etag: Option<ETag>,
    },
    /// [Get Block List](https://learn.microsoft.com/rest/api/storageservices/get-block-list) of
    /// all blocks, committed and staged.
    GetBlockList {
        /// The blob.
        target: Target,
    },
    /// [List Blobs](https://learn.microsoft.com/rest/api/storageservices/list-blobs) below
    /// `name/`: one page.
    ListSegments {
        /// Where the page before ended.
        marker: Option<String>,
    },
    /// [Create Container](https://learn.microsoft.com/rest/api/storageservices/create-container).
    CreateContainer,
    /// [Lease Blob](https://learn.microsoft.com/rest/api/storageservices/lease-blob). Repeating it
    /// is harmless.
    Lease {
        /// The blob.
        target: Target,
        /// The lease.
        id: LeaseId,
        /// What to do with it.
        action: LeaseAction,
    },
}

/// What Lease Blob is to do.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum LeaseAction {
    /// Take it, under this ID and no other.
    Acquire {
        /// For how long, in seconds: 15 to 60.
        seconds: u64,
        /// `If-Match`.
        etag: ETag,
    },
    /// Let its time begin anew.
    Renew,
    /// Give it back.
    Release,
}

/// The kind of a [`Call`], which is all that decoding its answer takes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CallKind {
    /// Append Block.
    AppendBlock,
    /// Put Blob.
    CreateAppendBlob,
    /// Set Blob Metadata.
    SetMetadata,
    /// Append Blob Seal.
    Seal,
    /// Get Blob Properties.
    GetProperties,
    /// Get Blob.
    GetRange,
    /// List Blobs.
    ListSegments,
    /// Create Container.
    CreateContainer,
    /// Put Block.
    PutBlock,
    /// Put Block List.
    PutBlockList,
    /// Get Block List.
    GetBlockList,
    /// Lease Blob.
    Lease,
}

impl Call {
    /// What kind of call this is.
    pub const fn kind(&self) -> CallKind {
        match self {
            Self::AppendBlock { .. } => CallKind::AppendBlock,
            Self::CreateAppendBlob { .. } => CallKind::CreateAppendBlob,
            Self::SetMetadata { .. } => CallKind::SetMetadata,
            Self::Seal { .. } => CallKind::Seal,
            Self::GetProperties { .. } => CallKind::GetProperties,
            Self::GetRange { .. } => CallKind::GetRange,
            Self::ListSegments { .. } => CallKind::ListSegments,
            Self::CreateContainer => CallKind::CreateContainer,
            Self::PutBlock { .. } => CallKind::PutBlock,
            Self::PutBlockList { .. } => CallKind::PutBlockList,
            Self::GetBlockList { .. } => CallKind::GetBlockList,
            Self::Lease { .. } => CallKind::Lease,
        }
    }

    /// The blob that it is about; none if it is about the container.
    pub const fn target(&self) -> Option<Target> {
        match self {
            Self::AppendBlock { target, .. }
            | Self::CreateAppendBlob { target, .. }
            | Self::SetMetadata { target, .. }
            | Self::Seal { target, .. }
            | Self::GetProperties { target }
            | Self::GetRange { target, .. }
            | Self::PutBlock { target, .. }
            | Self::PutBlockList { target, .. }
            | Self::GetBlockList { target }
            | Self::Lease { target, .. } => Some(*target),
            Self::ListSegments { .. } | Self::CreateContainer => None,
        }
    }

    /// Whether it changes a blob, and has to name the lease that is on it.
    pub const fn is_write(&self) -> bool {
        matches!(
            self,
            Self::AppendBlock { .. }
                | Self::CreateAppendBlob { .. }
                | Self::PutBlock { .. }
                | Self::PutBlockList { .. }
                | Self::Seal { .. }
                | Self::SetMetadata { .. }
        )
    }
}

/// What came of a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// The answer, or why there is none.
    pub outcome: Outcome,
    /// The `Date` of the answer, by the clock of the service.
    pub date: Option<UnixTime>,
}

/// See [`Answer`] and [`Failure`].
pub type Outcome = Result<Answer, Failure>;

/// What the service answered to a call that did what it says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// Append Block was applied.
    Appended {
        /// `x-ms-blob-append-offset`: where the block landed, in bytes.
        offset: u64,
        /// `x-ms-blob-committed-block-count`.
        blocks: u32,
        /// The new ETag.
        etag: ETag,
    },
    /// A blob was created, its metadata set, its block list committed, or it was sealed.
    Written {
        /// The ETag afterwards; a seal need not change it.
        etag: ETag,
    },
    /// The container was created.
    ContainerCreated,
    /// The lease was acquired, renewed or released.
    Leased,
    /// The blob exists.
    Properties(Properties),
    /// A range of the blob.
    Range {
        /// The offset in the blob that the service says it is from, in bytes.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The block is staged.
    Staged,
    /// The blob has blocks, committed or staged.
    Blocks(Blocks),
    /// A page of a listing.
    Listed(Page),
}

/// What Get Blob Properties tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Properties {
    /// The kind of the blob.
    pub kind: BlobKind,
    /// `Content-Length`, in bytes.
    pub length: u64,
    /// `x-ms-blob-committed-block-count`, which only append blobs have.
    pub blocks: Option<u32>,
    /// The ETag.
    pub etag: ETag,
    /// `x-ms-blob-sealed`.
    pub sealed: bool,
    /// `x-ms-lease-status: locked`: a lease is in force.
    pub leased: bool,
    /// `x-ms-creation-time`.
    pub created: Option<UnixTime>,
    /// All metadata.
    pub metadata: Metadata,
    /// What a commit has to send again, for a block blob. `Content-MD5` is not among it: it is that
    /// of old content.
    pub headers: Headers,
    /// `x-ms-access-tier: Archive`: neither content nor block list can be read or changed.
    pub archived: bool,
    /// Whether it has tags (`x-ms-tag-count`), which a commit would clear.
    pub tagged: bool,
    /// What cannot be sent again as it is, by its name in the answer: metadata, or for a block blob
    /// a content header, whose value is not printable ASCII. Whoever replaces the others loses it.
    pub unsendable: Option<String>,
}

/// What Get Block List tells.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Blocks {
    /// The blocks that the blob consists of, in order. None for a blob made by one Put Blob.
    pub committed: Vec<Block>,
    /// The blocks that were staged since the last commit.
    pub staged: Vec<Block>,
    /// The ETag; absent if nothing was ever committed.
    pub etag: Option<ETag>,
}

/// The type of a blob.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub enum BlobKind {
    /// `AppendBlob`
    Append,
    /// `BlockBlob`
    Block,
    /// `PageBlob`
    Page,
}

/// A page of a listing below `name/`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Page {
    /// What follows `name/` in each blob's name, with the blob's kind if the service told it.
    pub entries: Vec<(String, Option<BlobKind>)>,
    /// Where the next page begins; a page may be short, or empty, and still have one.
    pub next: Option<String>,
}

/// Why a call did not succeed, sorted by what may be concluded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Failure {
    /// Nothing left this machine. The text says why.
    NotSent(String),
    /// It may have been applied, may be applied later, or never: no answer, or one that says
    /// nothing about what was stored (5xx, 408, 429, an answer that makes no sense).
    InDoubt {
        /// What happened, for people.
        reason: String,
        /// The status, if the service or something before it answered.
        status: Option<u16>,
        /// `Retry-After`.
        retry_after: Option<Span>,
    },
    /// The service refused this attempt, which changed nothing.
    Refused(Refusal),
}

/// A definite refusal of one attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// What it means for the writer.
    pub cause: Cause,
    /// The status.
    pub status: u16,
    /// `x-ms-error-code`, or the status again where there is none.
    pub code: String,
}

/// What a refusal means. See section 2.3 of the service's facts for the codes behind each.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Cause {
    /// `BlobAlreadyExists`: somebody, perhaps an earlier attempt of ours, was first.
    AlreadyExists,
    /// `BlobNotFound`
    BlobNotFound,
    /// `BlobIsSealed`: the segment is closed.
    BlobSealed,
    /// `BlockCountExceedsLimit`: the segment is full, or too many blocks are staged.
    BlockCountExceeded,
    /// `BlockListTooLong`: a block blob cannot have so many blocks.
    BlockListTooLong,
    /// `ConditionNotMet`, `AppendPositionConditionNotMet` and their like.
    ConditionNotMet,
    /// `ContainerAlreadyExists`
    ContainerAlreadyExists,
    /// `ContainerNotFound`
    ContainerNotFound,
    /// The body was damaged on its way (`Crc64Mismatch`, `Md5Mismatch`).
    Damaged,
    /// The credential is valid and does not allow this.
    Forbidden,
    /// `InvalidBlobOrBlock`: staged blocks with names of another length are in the way.
    ForeignStaged,
    /// `InvalidBlobType`: the name is taken by another kind of blob.
    InvalidBlobType,
    /// `InvalidBlockList`: a block of the list is neither committed nor staged.
    InvalidBlockList,
    /// Somebody else holds a lease on the blob.
    Leased,
    /// The lease that was named is not, or no more, on the blob.
    LeaseLost,
    /// `MaxBlobSizeConditionNotMet`: the segment is as large as it may get.
    MaxSizeExceeded,
    /// `RequestBodyTooLarge`
    TooLarge,
    /// As `Unauthenticated`, while the clocks differ by so much: alone enough for the service to
    /// refuse what is signed with a key.
    ClockOff(Skew),
    /// The credential is missing, malformed or expired.
    Unauthenticated,
    /// The blob or container is busy with something that ends (`SystemInUse`,
    /// `ContainerBeingDeleted`, ...).
    Unready,
    /// Anything else: a request that this service does not take.
    Other,
}
