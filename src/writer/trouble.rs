//! Failures of the step at hand: how long to pause, since when it fails, and whether the caller
//! has to act. Retries are data here; nothing sleeps.
//!
//! Invariant: progress, and only progress, ends trouble. A pause never outlasts
//! [`limits::BACKOFF_MAX`] unless the service asked for more.

use crate::error::Error;
use crate::limits;
use crate::rng::Rng;
use crate::time::{Span, Time};

/// The failures since there was progress.
#[derive(Clone, Debug, Default)]
pub(super) struct Trouble {
    failures: u32,
    since: Option<Time>,
    not_before: Option<Time>,
    /// Until when the service asked for a pause, whatever else works meanwhile.
    asked: Option<Time>,
    last: Option<Latest>,
}

#[derive(Clone, Debug)]
struct Latest {
    at: Time,
    error: Error,
    /// Whether waiting longer is of no use to the caller.
    must_act: bool,
}

impl Trouble {
    /// A failure that may pass by itself. `retry_after` is what the service asked for.
    pub(super) fn passing(
        &mut self,
        now: Time,
        error: Error,
        retry_after: Option<Span>,
        rng: &mut Rng,
    ) {
        self.record(now, error, false);
        self.not_before = Some(now + backoff(self.failures, rng));
        if let Some(span) = retry_after {
            let until = now + span.min(limits::RETRY_AFTER_MAX);
            self.asked = self.asked.max(Some(until));
        }
    }

    /// A failure that lasts until the caller does something about it; tried again all the same,
    /// because permissions take minutes to spread.
    pub(super) fn lasting(&mut self, now: Time, error: Error, rng: &mut Rng) {
        self.record(now, error, true);
        self.not_before = Some(now + backoff(self.failures, rng));
    }

    fn record(&mut self, now: Time, error: Error, must_act: bool) {
        // Requests that were under way together fail together.
        if self.paused_until(now).is_none() {
            self.failures = self.failures.saturating_add(1);
        }
        self.failures = self.failures.max(1);
        self.since.get_or_insert(now);
        self.last = Some(Latest { at: now, error, must_act });
    }

    /// There was progress.
    pub(super) fn clear(&mut self) {
        *self = Self { asked: self.asked, ..Self::default() };
    }

    /// The caller has acted, or asks again: no more pause for what waiting does not mend.
    pub(super) fn hurry(&mut self) {
        if self.last.as_ref().is_some_and(|last| last.must_act) {
            self.not_before = None;
        }
    }

    /// When the next request may be sent, if not at once.
    pub(super) fn paused_until(&self, now: Time) -> Option<Time> {
        self.not_before.max(self.asked).filter(|at| *at > now)
    }

    /// Why a caller that waits since `asked` need not wait any longer.
    pub(super) fn verdict(&self, asked: Time, patience: Span, now: Time) -> Option<Error> {
        let last = self.last.as_ref()?;
        let over = self.deadline(asked, patience).is_some_and(|at| at <= now);
        let act = last.must_act && last.at >= asked;
        (act || over).then(|| last.error.clone())
    }

    /// When the patience of a caller that waits since `asked` ends.
    pub(super) fn deadline(&self, asked: Time, patience: Span) -> Option<Time> {
        Some(self.since?.max(asked) + patience)
    }

    /// What the caller has to act on, if anything.
    pub(super) fn to_act_on(&self) -> Option<&Error> {
        self.last.as_ref().filter(|last| last.must_act).map(|last| &last.error)
    }
}

/// Half of the exponential pause is certain, half is jitter, so that many writers spread.
fn backoff(failures: u32, rng: &mut Rng) -> Span {
    let doubled = limits::BACKOFF_FIRST.0 << (failures - 1).min(20);
    let half = doubled.min(limits::BACKOFF_MAX.0) / 2;
    Span(half + rng.below(half + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn unavailable() -> Error {
        Error::Unavailable("x".to_string())
    }

    #[test]
    fn pauses_grow_and_stay_below_the_limit() {
        let mut rng = Rng::new(1);
        for failures in 1..40 {
            let pause = backoff(failures, &mut rng);
            assert!(pause <= limits::BACKOFF_MAX);
            assert!(pause.0 >= limits::BACKOFF_FIRST.0 / 2);
        }
        assert!(backoff(30, &mut rng).0 >= limits::BACKOFF_MAX.0 / 2);
    }

    #[test]
    fn the_service_may_ask_for_a_longer_pause_within_reason() {
        let (mut trouble, mut rng) = (Trouble::default(), Rng::new(1));
        trouble.passing(Time(0), unavailable(), Some(Span::secs(50)), &mut rng);
        assert_eq!(trouble.paused_until(Time(0)), Some(Time(0) + Span::secs(50)));
        trouble.passing(Time(0), unavailable(), Some(Span::secs(5000)), &mut rng);
        assert_eq!(trouble.paused_until(Time(0)), Some(Time(0) + limits::RETRY_AFTER_MAX));
    }

    #[test]
    fn requests_that_fail_together_count_once() {
        let (mut trouble, mut rng) = (Trouble::default(), Rng::new(1));
        for _ in 0..32 {
            trouble.passing(Time(5), unavailable(), None, &mut rng);
        }
        assert!(trouble.paused_until(Time(5)).unwrap() <= Time(5) + limits::BACKOFF_FIRST);
    }

    #[test]
    fn a_pause_that_the_service_asked_for_outlasts_what_works_meanwhile() {
        let (mut trouble, mut rng) = (Trouble::default(), Rng::new(1));
        trouble.passing(Time(0), unavailable(), Some(Span::secs(30)), &mut rng);
        trouble.clear();
        assert_eq!(trouble.paused_until(Time(0)), Some(Time(0) + Span::secs(30)));
        assert!(trouble.verdict(Time(0), Span::ZERO, Time(1)).is_none());
    }

    #[test]
    fn a_caller_waits_out_its_own_patience_from_when_it_asked() {
        let (mut trouble, mut rng) = (Trouble::default(), Rng::new(1));
        let (asked, patience) = (Time(0) + Span::secs(100), Span::secs(60));
        trouble.passing(Time(0), unavailable(), None, &mut rng);
        assert_eq!(trouble.verdict(asked, patience, asked + Span::secs(59)), None);
        assert!(trouble.verdict(asked, patience, asked + Span::secs(60)).is_some());
    }

    #[test]
    fn what_the_caller_must_act_on_is_told_at_once_but_only_after_a_new_try() {
        let (mut trouble, mut rng) = (Trouble::default(), Rng::new(1));
        trouble.lasting(Time(5), Error::AccessDenied("x".to_string()), &mut rng);
        assert!(trouble.verdict(Time(5), Span::secs(60), Time(5)).is_some());
        assert!(trouble.verdict(Time(6), Span::secs(60), Time(6)).is_none());
        trouble.hurry();
        assert_eq!(trouble.paused_until(Time(6)), None);
    }
}
