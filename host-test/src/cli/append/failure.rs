//! Why an append ended before its input was committed, and what that means for the bytes.

use std::fmt;
use std::io;

use everblob_host::component::{self, stream};
use everblob_host::reading;

use crate::cli::report::{Report, counted};

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

    /// Whether the component's handle is of no more use, but for giving back its lease.
    pub(super) fn is_final(&self) -> bool {
        let Self::Component(component::Error::Stream(err)) = self else { return false };
        matches!(
            err,
            stream::Error::Diverged(_)
                | stream::Error::Rewound(_)
                | stream::Error::Superseded(_)
                | stream::Error::UnknownOutcome(_)
        )
    }

    /// Whether others have changed, replaced or removed what there was.
    fn tells_of_others(&self) -> bool {
        matches!(self.code(), "conflict" | "diverged" | "not-found" | "rewound")
    }

    /// What became of the bytes, a line each.
    pub(super) fn consequences(&self, report: &Report) -> Vec<String> {
        let mut lines = Vec::new();
        let (Some(start), Some(committed)) = (report.start, report.committed) else {
            return vec!["nothing of the input is stored".into()];
        };
        let bytes = counted(committed - start, "byte");
        lines.push(match committed - start {
            0 => format!("committed up to offset {committed}: nothing of the input is stored"),
            _ if self.tells_of_others() => format!(
                "it was committed up to offset {committed}: the first {bytes} of the input were \
                 stored, and may not be there any more"
            ),
            stored => format!(
                "committed up to offset {committed}: the first {bytes} of the input {} stored",
                if stored == 1 { "is" } else { "are" }
            ),
        });
        if let Self::Component(component::Error::Stream(stream::Error::UnknownOutcome(doubt))) =
            self
        {
            let (from, to) = (doubt.range.start, doubt.range.end);
            lines.push(format!("whether the bytes from offset {from} to {to} are is not known"));
        } else if let Some(accepted) = report.accepted.filter(|accepted| *accepted > committed) {
            let lost = counted(accepted - committed, "byte");
            lines.push(format!("not committed: {lost} accepted by then, and what follows"));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(failure: stream::Error, committed: u64) -> String {
        let report = Report {
            start: Some(10),
            accepted: Some(committed + 1),
            committed: Some(committed),
            ..Report::default()
        };
        Failure::Component(failure.into()).consequences(&report).join("\n")
    }

    #[test]
    fn what_others_have_changed_is_not_said_to_be_stored() {
        let why = || "why".to_owned();
        let position = stream::Position { accepted: 0, staged: 0, committed: 0, segment: 1 };
        for failure in [
            stream::Error::Conflict(why()),
            stream::Error::Diverged(why()),
            stream::Error::NotFound(why()),
            stream::Error::Rewound(position),
        ] {
            let said = said(failure, 15);
            assert!(
                said.contains("offset 15: the first 5 bytes of the input were stored"),
                "{said}"
            );
            assert!(said.contains("may not be there any more"), "{said}");
        }
        let said = said(stream::Error::Unavailable(why()), 15);
        assert!(said.contains("offset 15: the first 5 bytes of the input are stored"), "{said}");
        assert!(!said.contains("any more"), "{said}");
    }

    #[test]
    fn one_byte_is_no_plural_and_none_is_nothing() {
        let said = |committed| said(stream::Error::Unavailable("why".into()), committed);
        assert_eq!(
            said(11),
            "committed up to offset 11: the first 1 byte of the input is stored\n\
             not committed: 1 byte accepted by then, and what follows"
        );
        assert!(said(10).starts_with("committed up to offset 10: nothing of the input is stored"));
    }
}
