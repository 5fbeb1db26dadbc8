//! Limits of the service, with their source, and ours. Relations between them are checked when
//! the crate is compiled.
//!
//! Source: [Scalability targets for Blob Storage](https://learn.microsoft.com/azure/storage/blobs/scalability-targets)
//! and the REST page of each operation.

use crate::time::Span;

/// The most blocks an append blob can have. Append Block beyond it is refused.
pub const SEGMENT_BLOCKS_MAX: u32 = 50_000;

/// The most bytes of one Append Block, since `x-ms-version` 2022-11-02.
pub const BLOCK_BYTES_MAX: u64 = 100 << 20;

/// The block size unless the caller chooses: what every version and account takes.
pub const BLOCK_BYTES_DEFAULT: u64 = 4 << 20;

/// The least room for accepted bytes unless the caller chooses.
pub const BUFFER_BYTES_LEAST: u64 = 1 << 20;

/// The most room unless the caller chooses, so that large blocks by the dozen fit a wasm memory.
pub const BUFFER_BYTES_UNASKED: u64 = 1 << 30;

/// Room in blocks unless the caller chooses: one in flight, one ready, and two being filled.
pub const BUFFER_BLOCKS_DEFAULT: u64 = 4;

/// The most committed blocks of a block blob. Put Block List beyond it is refused.
pub const BLOB_BLOCKS_MAX: u32 = 50_000;

/// How many blocks are staged at a time unless the caller chooses.
pub const IN_FLIGHT_DEFAULT: u32 = 4;

/// The most blocks staged at a time.
pub const IN_FLIGHT_MAX: u32 = 64;

/// From how many blocks on they are merged unless the caller chooses: Hadoop's setting.
pub const COMPACT_ABOVE_DEFAULT: u32 = 32_000;

/// From how far apart on the clocks are worth a word when a credential is refused. The service
/// refuses a key from 15 minutes on; an answer that was slow takes nothing of that away.
pub const SKEW_TOLD: Span = Span::secs(5 * 60);

/// The most segments of a stream: 10^9 of them at 500 appends a second take 3,000 years.
pub const SEGMENTS_MAX: u32 = 1_000_000_000;

/// The longest stream, in bytes. What claims to be longer is not believed.
pub const STREAM_BYTES_MAX: u64 = 1 << 62;

/// The longest name of a blob, in characters.
pub const BLOB_NAME_MAX: usize = 1024;

/// How long a caller waits while nothing works, unless it chooses.
pub const PATIENCE_DEFAULT: Span = Span::secs(60);

/// The first pause after a failure; each further one doubles it.
pub const BACKOFF_FIRST: Span = Span::millis(100);

/// The longest pause. The service's own advice is 2, 4, 10 and 30 seconds.
pub const BACKOFF_MAX: Span = Span::secs(10);

/// The longest `Retry-After` that is honoured: a proxy's wrong header must not stop a stream.
pub const RETRY_AFTER_MAX: Span = Span::secs(120);

/// How long a request may take before it is in doubt, apart from its body.
pub const REQUEST_TIME: Span = Span::secs(30);

/// How much longer it may take for each byte of its body: 128 KiB/s is the slowest path expected.
pub const REQUEST_TIME_PER_BYTE: Span = Span(1_000_000_000 / (128 << 10));

/// How long a commit waits for its merge once that is all it waits for.
pub const MERGE_TIME: Span = Span::secs(10);

/// From how many blocks on a commit waits longer, because without merges the blob would fill up.
pub const CROWDED_BLOCKS: usize = 45_000;

/// How long a commit waits for its merge then.
pub const MERGE_TIME_CROWDED: Span = Span::secs(120);

/// The least time that the service gives a lease for.
pub const LEASE_LEAST: Span = Span::secs(15);

/// The most, of a lease that ends by itself.
pub const LEASE_MOST: Span = Span::secs(60);

/// How long a request about a lease may take: short, because the lease runs on meanwhile.
pub const LEASE_REQUEST_TIME: Span = Span::secs(5);

/// The pause after a renewal or a release that has failed.
pub const LEASE_PAUSE: Span = Span::secs(2);

/// How many blobs that were left wait for their release; older ones are left to run out.
pub const LEASES_LEFT: usize = 64;

/// How often a lease is asked to be released before it is left to run out.
pub const LEASE_RELEASES: u32 = 2;

/// About how many bytes an entry of a block list has on the wire.
pub const LIST_ENTRY_BYTES: u64 = 48;

/// How many finished segments a handle remembers for its caller.
pub const SEGMENTS_REMEMBERED: usize = 10_000;

const _: () = assert!(BLOCK_BYTES_DEFAULT <= BLOCK_BYTES_MAX);
const _: () = assert!(COMPACT_ABOVE_DEFAULT < BLOB_BLOCKS_MAX);
const _: () = assert!(IN_FLIGHT_DEFAULT <= IN_FLIGHT_MAX);
const _: () = assert!(SEGMENTS_MAX <= u32::MAX / 4);
const _: () = assert!(BUFFER_BLOCKS_DEFAULT >= 2);
const _: () = assert!(BACKOFF_FIRST.0 < BACKOFF_MAX.0);
