//! Points and spans of time, as arguments: nothing in this crate reads a clock but the drivers.
//!
//! [`Time`] is monotonic and has no epoch; [`UnixTime`] is the calendar's. They never mix.

use core::fmt;
use core::ops::{Add, Sub};

/// A point on the monotonic clock of the driver, in nanoseconds since an instant of its choice.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Time(pub u64);

/// A length of time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Span(pub u64);

/// A point on the calendar, in seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "sim", derive(serde::Serialize, serde::Deserialize))]
pub struct UnixTime(pub u64);

/// How far the clock of this machine is off that of the service, in minutes: positive if it is
/// ahead. Never less than [`limits::SKEW_TOLD`](crate::limits::SKEW_TOLD).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Skew(i32);

impl Skew {
    /// From what both clocks show at a time; none if they are near enough to each other.
    pub fn between(here: UnixTime, service: UnixTime) -> Option<Self> {
        let off = here.0.abs_diff(service.0);
        let minutes = i32::try_from(off.saturating_add(30) / 60).unwrap_or(i32::MAX);
        let told = off >= crate::limits::SKEW_TOLD.as_secs();
        told.then_some(Self(if here > service { minutes } else { -minutes }))
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = u64::from(self.0.unsigned_abs());
        let side = if self.0 > 0 { "ahead of" } else { "behind" };
        write!(f, "the clock of this machine is {minutes} minutes {side} the service's")
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of whole milliseconds; saturates.
    pub const fn millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// A span of whole seconds; saturates.
    pub const fn secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000_000
    }
}

impl Add<Span> for Time {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub for Time {
    type Output = Span;

    /// The span from `earlier` to `self`; zero if `earlier` is later.
    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Span> for UnixTime {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_clock_that_is_off_is_told_in_minutes() {
        let noon = UnixTime(1_700_000_000);
        let told = |here| Skew::between(UnixTime(here), noon).map(|skew| skew.to_string());
        assert_eq!(told(noon.0), None);
        assert_eq!(told(noon.0 + 299), None);
        assert_eq!(
            told(noon.0 + 1200).unwrap(),
            "the clock of this machine is 20 minutes ahead of the service's"
        );
        assert_eq!(
            told(noon.0 - 1201).unwrap(),
            "the clock of this machine is 20 minutes behind the service's"
        );
        assert!(told(u64::MAX).unwrap().contains("ahead"));
    }
}
