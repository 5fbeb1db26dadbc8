//! The public error: what the caller can do about it, not which layer failed.
//!
//! Invariant: no text in it holds anything of a credential. Texts come from the core's own words
//! and from `x-ms-error-code`, never from a URL, a header of ours, or a body.

use alloc::string::String;
use core::fmt;
use core::ops::Range;

use crate::stream::Position;

/// Why an operation did not do what was asked. The cases are those of the WIT interface, which
/// documents what to do about each.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The credential does not allow it.
    AccessDenied(String),
    /// There is no room for the bytes now.
    BufferFull,
    /// The handle was closed.
    Closed,
    /// What is stored under the name is not a stream that can be appended to.
    Conflict(String),
    /// Something that is not Everblob has changed the stream.
    Diverged(String),
    /// The stream ends at this offset and not where the caller expects it to.
    EndsElsewhere(u64),
    /// An argument can never work.
    InvalidArgument(String),
    /// The container does not exist.
    NotFound(String),
    /// The stream is not open yet.
    NotOpen,
    /// The service has refused a request for a reason that fits no other case.
    Other(String),
    /// The stream ends before what was committed.
    Rewound(Position),
    /// The stream was ended.
    Sealed,
    /// Another appender has opened the stream.
    Superseded(Position),
    /// The caller's timeout was over first.
    TimedOut,
    /// The credential has expired or is not valid.
    Unauthenticated(String),
    /// The service cannot be reached or does not serve.
    Unavailable(String),
    /// Ownership was lost and the fate of a range of offsets cannot be known.
    UnknownOutcome(Range<u64>, Position),
    /// Not available for the stream's layout.
    Unsupported(String),
}

impl Error {
    /// Whether every later call answers the same: the handle is of no more use.
    pub const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Conflict(_)
                | Self::Diverged(_)
                | Self::EndsElsewhere(_)
                | Self::Rewound(_)
                | Self::Sealed
                | Self::Superseded(_)
                | Self::UnknownOutcome(..)
        )
    }

    /// Whether repeating the call, without changing anything, may succeed.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::BufferFull | Self::NotOpen | Self::TimedOut | Self::Unavailable(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccessDenied(why) => write!(f, "the credential does not allow this: {why}"),
            Self::BufferFull => f.write_str("there is no room for the bytes now"),
            Self::Closed => f.write_str("the handle was closed"),
            Self::Conflict(why) | Self::InvalidArgument(why) | Self::Unsupported(why) => {
                f.write_str(why)
            }
            Self::Diverged(why) => write!(f, "something else has changed the stream: {why}"),
            Self::EndsElsewhere(end) => write!(f, "the stream ends at offset {end}"),
            Self::NotFound(why) => write!(f, "not found: {why}"),
            Self::NotOpen => f.write_str("the stream is not open yet"),
            Self::Other(why) => write!(f, "the service refuses this: {why}"),
            Self::Rewound(at) => {
                write!(f, "the stream ends before offset {}, which was committed", at.committed)
            }
            Self::Sealed => f.write_str("the stream was ended and takes no more bytes"),
            Self::Superseded(at) => write!(
                f,
                "another appender has opened the stream; committed up to offset {}",
                at.committed
            ),
            Self::TimedOut => f.write_str("the timeout was over before the work was done"),
            Self::Unauthenticated(why) => write!(f, "the credential is not accepted: {why}"),
            Self::Unavailable(why) => write!(f, "the service is not available: {why}"),
            Self::UnknownOutcome(range, _) => write!(
                f,
                "ownership was lost, and whether offsets {} to {} were stored cannot be known",
                range.start, range.end
            ),
        }
    }
}

impl core::error::Error for Error {}
