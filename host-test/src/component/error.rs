//! Why an operation of the component failed.

use std::fmt;

use super::stream;

/// An answer of the component that is not the one hoped for, or a failure of the component itself.
#[derive(Debug)]
pub enum Error {
    /// What the component answered.
    Stream(stream::Error),
    /// The component trapped or could not be instantiated. Its instance is of no use any more.
    Component(wasmtime::Error),
}

impl Error {
    /// The name of the case in the WIT, or `component-failed`.
    pub fn code(&self) -> &'static str {
        let Self::Stream(err) = self else { return "component-failed" };
        match err {
            stream::Error::InvalidArgument(_) => "invalid-argument",
            stream::Error::Unsupported(_) => "unsupported",
            stream::Error::BufferFull => "buffer-full",
            stream::Error::NotOpen => "not-open",
            stream::Error::TimedOut => "timed-out",
            stream::Error::Unavailable(_) => "unavailable",
            stream::Error::Unauthenticated(_) => "unauthenticated",
            stream::Error::AccessDenied(_) => "access-denied",
            stream::Error::NotFound(_) => "not-found",
            stream::Error::Conflict(_) => "conflict",
            stream::Error::EndsElsewhere(_) => "ends-elsewhere",
            stream::Error::Superseded(_) => "superseded",
            stream::Error::UnknownOutcome(_) => "unknown-outcome",
            stream::Error::Diverged(_) => "diverged",
            stream::Error::Rewound(_) => "rewound",
            stream::Error::Sealed => "sealed",
            stream::Error::Closed => "closed",
            stream::Error::Other(_) => "other",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let err = match self {
            Self::Stream(err) => err,
            Self::Component(err) => return write!(f, "the component failed: {err:#}"),
        };
        match err {
            stream::Error::InvalidArgument(why)
            | stream::Error::Unsupported(why)
            | stream::Error::Unavailable(why)
            | stream::Error::Unauthenticated(why)
            | stream::Error::AccessDenied(why)
            | stream::Error::NotFound(why)
            | stream::Error::Conflict(why)
            | stream::Error::Diverged(why)
            | stream::Error::Other(Some(why)) => f.write_str(why),
            stream::Error::BufferFull => f.write_str("there is no room for the bytes now"),
            stream::Error::NotOpen => f.write_str("the stream is not open yet"),
            stream::Error::TimedOut => f.write_str("the time was over before it was done"),
            stream::Error::EndsElsewhere(end) => write!(f, "the stream ends at {end}"),
            stream::Error::Superseded(position) => {
                let committed = position.committed;
                write!(f, "another writer took the stream over; committed up to {committed}")
            }
            stream::Error::UnknownOutcome(doubt) => {
                let (start, end) = (doubt.range.start, doubt.range.end);
                write!(
                    f,
                    "the stream was lost to another writer, and whether the bytes from {start} to \
                     {end} are stored cannot be known"
                )
            }
            stream::Error::Rewound(position) => {
                let committed = position.committed;
                write!(f, "the stream ends before {committed}, up to which it was committed")
            }
            stream::Error::Sealed => f.write_str("the stream was ended and takes no more"),
            stream::Error::Closed => f.write_str("the handle was closed"),
            stream::Error::Other(None) => f.write_str("unspecified failure"),
        }
    }
}

impl std::error::Error for Error {}

impl From<stream::Error> for Error {
    fn from(err: stream::Error) -> Self {
        Self::Stream(err)
    }
}

impl From<wasmtime::Error> for Error {
    fn from(err: wasmtime::Error) -> Self {
        Self::Component(err)
    }
}
