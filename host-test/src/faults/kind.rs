//! The kinds of faults, with their names in a spec, in the log and in the counts.

use std::time::Duration;

/// What may happen to a request.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Nothing: it arrives, and so does its answer.
    Fair,
    /// It never arrives. The connection stays silent for a time and is closed.
    LoseRequest,
    /// It is applied, and the connection is closed without an answer.
    LoseReply,
    /// The connection is closed at once, and the request is applied after a time.
    Late,
    /// It is applied twice, one after the other, and the second answer comes back.
    Twice,
    /// The connection is reset before the body was read. Nothing arrives.
    Reset,
    /// The connection is reset once the body was read. Nothing arrives.
    ResetBody,
    /// It is applied, and the connection is closed in the middle of the answer.
    Truncated,
    /// It is applied, and the answer is not HTTP, or XML that breaks off.
    Malformed,
    /// It arrives after a time.
    Slow,
    /// It is answered with an error that says nothing of what was done.
    Refused {
        /// The status: 408, 429, 500, 502, 503 or 504.
        status: u16,
        /// Whether it was applied before.
        applied: bool,
    },
}

/// What the duration behind the chance of a kind means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Length {
    /// There is none.
    None,
    /// How long it takes; so long unless the spec says.
    Takes(Duration),
    /// The `Retry-After` of the answer; there is none unless the spec says.
    RetryAfter,
}

const HALF_MINUTE: Length = Length::Takes(Duration::from_secs(30));
const BLINK: Length = Length::Takes(Duration::from_millis(200));

/// All kinds of faults, in the order of the help.
pub(super) const KINDS: [(&str, Kind, Length); 21] = [
    ("lose-request", Kind::LoseRequest, HALF_MINUTE),
    ("lose-reply", Kind::LoseReply, Length::None),
    ("late", Kind::Late, HALF_MINUTE),
    ("twice", Kind::Twice, Length::None),
    ("reset", Kind::Reset, Length::None),
    ("reset-body", Kind::ResetBody, Length::None),
    ("truncated", Kind::Truncated, Length::None),
    ("malformed", Kind::Malformed, Length::None),
    ("slow", Kind::Slow, BLINK),
    ("408", Kind::refused(408), Length::RetryAfter),
    ("408-applied", Kind::refused_applied(408), Length::RetryAfter),
    ("429", Kind::refused(429), Length::RetryAfter),
    ("429-applied", Kind::refused_applied(429), Length::RetryAfter),
    ("500", Kind::refused(500), Length::RetryAfter),
    ("500-applied", Kind::refused_applied(500), Length::RetryAfter),
    ("502", Kind::refused(502), Length::RetryAfter),
    ("502-applied", Kind::refused_applied(502), Length::RetryAfter),
    ("503", Kind::refused(503), Length::RetryAfter),
    ("503-applied", Kind::refused_applied(503), Length::RetryAfter),
    ("504", Kind::refused(504), Length::RetryAfter),
    ("504-applied", Kind::refused_applied(504), Length::RetryAfter),
];

impl Kind {
    const fn refused(status: u16) -> Self {
        Self::Refused { status, applied: false }
    }

    const fn refused_applied(status: u16) -> Self {
        Self::Refused { status, applied: true }
    }

    /// All kinds of faults.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.into_iter().map(|(_, kind, _)| kind)
    }

    /// Its name in a spec; `fair` if it is none.
    pub fn name(self) -> &'static str {
        let entry = KINDS.into_iter().find(|(_, kind, _)| *kind == self);
        entry.map_or("fair", |(name, ..)| name)
    }

    pub(super) fn length(self) -> Length {
        let entry = KINDS.into_iter().find(|(_, kind, _)| *kind == self);
        entry.map_or(Length::None, |(.., length)| length)
    }
}
