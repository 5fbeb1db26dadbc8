//! Why an append ended before its input was committed, and what that means for the bytes.

use std::fmt;
use std::io;

use everblob_host::component::{self, stream};
use everblob_host::reading;

use crate::cli::report::Report;

/// Why an append ended early.
#[derive(Debug)]
pub(super) enum Failure {
    /// The component's answer, or its end.
    Component(component::Error),
    /// Nothing was appended; the host's own look at the stream failed.
    Look(reading::Error),
    /// Nothing was appended; the stream does not end where `--at` says.
    EndsElsewhere { end: u64, expected: u64 },
    /// Stdin could not be read.
    Input(io::Error),
}

impl Failure {
    /// The name of the case for programs: those of the WIT, and a few of our own.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Component(err) => err.code(),
            Self::Look(err) => err.code(),
            Self::EndsElsewhere { .. } => "ends-elsewhere",
            Self::Input(_) => "input-failed",
        }
    }

    /// Whether the caller's arguments can never work.
    pub(super) fn is_usage(&self) -> bool {
        self.code() == "invalid-argument"
    }

    /// What became of the bytes, a line each.
    pub(super) fn consequences(&self, report: &Report) -> Vec<String> {
        let mut lines = Vec::new();
        let (Some(start), Some(committed)) = (report.start, report.committed) else {
            return vec!["nothing of the input is stored".into()];
        };
        let stored = committed - start;
        lines.push(format!(
            "committed up to offset {committed}: the first {stored} bytes of the input are stored"
        ));
        if let Self::Component(component::Error::Stream(stream::Error::UnknownOutcome(doubt))) =
            self
        {
            let (from, to) = (doubt.range.start, doubt.range.end);
            lines.push(format!("whether the bytes from offset {from} to {to} are is not known"));
        } else if let Some(accepted) = report.accepted.filter(|accepted| *accepted > committed) {
            let lost = accepted - committed;
            lines.push(format!("not committed: {lost} bytes that were accepted, and what follows"));
        }
        lines
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component(err) => err.fmt(f),
            Self::Look(err) => err.fmt(f),
            Self::EndsElsewhere { end, expected } => {
                write!(f, "the stream ends at {end} and not at {expected}")
            }
            Self::Input(err) => write!(f, "cannot read the input: {err}"),
        }
    }
}

impl From<component::Error> for Failure {
    fn from(err: component::Error) -> Self {
        Self::Component(err)
    }
}
