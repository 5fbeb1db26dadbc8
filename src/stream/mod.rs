//! What a stream is, apart from anybody writing it: its identity, its segments, its positions.

mod identity;
mod segment;

pub(crate) use identity::foreign;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use identity::property;

pub use identity::{Identity, Layout, Nonce, StreamId};
pub use segment::Segment;

/// Where a stream stands, in stream offsets. `committed <= staged <= accepted`; `accepted` and
/// `committed` never shrink.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Position {
    /// The end of the bytes taken from the caller.
    pub accepted: u64,
    /// The end of the bytes that the service holds in any form; it may fall back.
    pub staged: u64,
    /// The end of the bytes that are part of the stream for good.
    pub committed: u64,
    /// The number of the segment that took the last byte; 0 before the stream is open.
    pub segment: u32,
}
