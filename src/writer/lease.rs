//! The lease that an appender holds on the blob it writes to, if it was asked to (`Config::lease`):
//! taken once the blob is ours, renewed at half its time, released wherever the blob is left.
//!
//! Nothing that is promised rests on it. It keeps other openers waiting instead of shutting this one
//! out, and keeps tools that know nothing of the protocol off the blob.
//!
//! Invariants: one request about leases is under way at most; while it is not known whether the
//! lease can be had, nothing is written (but what was sent before is brought to its verdict); a
//! lease that is lost proves nothing, so the blob is looked at; none outlives its appender by more
//! than its duration.

use crate::call::{Call, Cause, ETag, Failure, LeaseAction, LeaseId, Outcome, Target};
use crate::limits;
use crate::time::{Span, Time};
use crate::writer::session::Session;
use crate::writer::{OpId, Output};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    id: LeaseId,
    /// How long it is taken for; `None` if there is to be none.
    duration: Option<Span>,
    state: State,
    under_way: Option<UnderWay>,
    /// A blob that was left, and how often its lease was asked to be released.
    left: Option<(Target, u32)>,
    /// After a failure, when to try again.
    not_before: Option<Time>,
}

#[derive(Clone, Debug)]
enum State {
    /// There is none, and there need not be one.
    Without,
    /// It is to be taken on a blob that is ours if it has this ETag.
    Wanted(Target, ETag),
    /// It is ours.
    Held { target: Target, renew_at: Time },
    /// It is not ours, or not any more. Whether the blob is has to be looked for.
    Unsure,
}

/// A request about leases.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    op: OpId,
    step: Step,
    sent: Time,
}

/// What a request about leases is to do.
#[derive(Clone, Copy, Debug)]
enum Step {
    Acquire,
    Renew,
    Release,
}

impl Lease {
    pub(super) const fn new(id: LeaseId, duration: Option<Span>) -> Self {
        Self { id, duration, state: State::Without, under_way: None, left: None, not_before: None }
    }

    /// The blob is ours as of this ETag. That of the blob before is left.
    fn want(&mut self, target: Target, etag: &ETag) {
        if self.duration.is_some() && self.target() != Some(target) {
            self.leave();
            self.state = State::Wanted(target, etag.clone());
        }
    }

    /// The blob is not written to any more.
    fn leave(&mut self) {
        if let Some(target) = self.target() {
            self.left = Some((target, 0));
        }
        self.under_way = None;
        self.not_before = None;
        self.state = State::Without;
    }

    /// The blob on which it is ours, or may be.
    const fn target(&self) -> Option<Target> {
        match (&self.state, self.under_way) {
            (State::Held { target, .. }, _) | (State::Wanted(target, _), Some(_)) => Some(*target),
            _ => None,
        }
    }

    /// The ID that a write to this blob has to name.
    pub(super) fn id_for(&self, call: &Call) -> Option<LeaseId> {
        match self.state {
            State::Held { target, .. } if call.is_write() && call.target() == Some(target) => {
                Some(self.id)
            }
            _ => None,
        }
    }

    /// Whether it is not known yet if the lease can be had.
    pub(super) const fn is_pending(&self) -> bool {
        matches!(self.state, State::Wanted(..) | State::Unsure)
    }

    /// Whether the blob has to be looked at.
    pub(super) const fn is_unsure(&self) -> bool {
        matches!(self.state, State::Unsure)
    }

    /// Whether there is one, or may be.
    pub(super) const fn is_there(&self) -> bool {
        self.target().is_some() || self.left.is_some()
    }

    /// Whether one is being released.
    pub(super) const fn is_leaving(&self) -> bool {
        self.left.is_some()
    }

    pub(super) fn is_about(&self, op: OpId) -> bool {
        self.under_way.is_some_and(|it| it.op == op)
    }

    /// A write was refused because the lease is gone: whether it is, renewing tells.
    pub(super) const fn is_doubted(&mut self, now: Time) {
        if let State::Held { renew_at, .. } = &mut self.state {
            *renew_at = now;
        }
    }

    /// What was refused may be allowed now.
    pub(super) const fn hurry(&mut self) {
        self.not_before = None;
    }

    /// When the next request is due, if one will be.
    pub(super) fn wakes_at(&self, now: Time) -> Option<Time> {
        let (_, due) = self.next(now).filter(|_| self.under_way.is_none())?;
        Some(due.max(self.not_before.unwrap_or(due)))
    }

    /// The next request, and when it is due.
    fn next(&self, now: Time) -> Option<(Step, Time)> {
        match &self.state {
            State::Wanted(..) => Some((Step::Acquire, now)),
            State::Held { renew_at, .. } if *renew_at <= now || self.left.is_none() => {
                Some((Step::Renew, *renew_at))
            }
            _ => self.left.map(|_| (Step::Release, now)),
        }
    }

    fn call(&self, step: Step) -> Option<Call> {
        let (target, action) = match (step, &self.state) {
            (Step::Acquire, State::Wanted(target, etag)) => {
                let seconds = self.duration?.as_secs();
                (*target, LeaseAction::Acquire { seconds, etag: etag.clone() })
            }
            (Step::Renew, State::Held { target, .. }) => (*target, LeaseAction::Renew),
            _ => (self.left?.0, LeaseAction::Release),
        };
        Some(Call::Lease { target, id: self.id, action })
    }

    /// It is ours from when it was asked for: the service cannot have begun to count before. Half
    /// of its time is left for what may go wrong.
    fn hold(&mut self, target: Target, sent: Time) {
        let half = Span(self.duration.unwrap_or_default().0 / 2);
        self.state = State::Held { target, renew_at: sent + half };
    }

    fn pause(&mut self, now: Time) {
        self.not_before = Some(now + limits::LEASE_PAUSE);
    }

    fn released(&mut self, now: Time, outcome: &Outcome) {
        let tries = self.left.map_or(0, |(_, tries)| tries + 1);
        let over = matches!(outcome, Ok(_) | Err(Failure::Refused(_)));
        if over || tries >= limits::LEASE_RELEASES {
            // It runs out by itself.
            self.left = None;
        } else {
            self.left = self.left.map(|(target, _)| (target, tries));
            self.pause(now);
        }
    }
}

impl Session {
    /// The blob is ours as of this ETag, and is to be leased. That of the blob before is left.
    pub(super) fn lease(&mut self, target: Target, etag: &ETag) {
        self.forget_lease_request();
        self.lease.want(target, etag);
    }

    /// The blob is not written to any more.
    pub(super) fn leave(&mut self) {
        self.forget_lease_request();
        self.lease.leave();
    }

    fn forget_lease_request(&mut self) {
        if let Some(UnderWay { op, .. }) = self.lease.under_way {
            self.flights.end(op);
        }
    }

    /// The request about the lease that is due. To take it is a step of the stream's, and waits
    /// with it.
    fn lease_due(&self, now: Time) -> Option<(Step, Call)> {
        let (step, _) = self.lease.next(now)?;
        let due = self.lease.wakes_at(now).is_some_and(|at| at <= now);
        let paused = matches!(step, Step::Acquire) && self.trouble.paused_until(now).is_some();
        Some((step, self.lease.call(step).filter(|_| due && !paused)?))
    }

    /// Sends it.
    pub(super) fn send_for_lease(&mut self, now: Time) -> Option<Output> {
        let (step, call) = self.lease_due(now)?;
        let output = self.send(now, call);
        if let Output::Call { op, .. } = output {
            self.lease.under_way = Some(UnderWay { op, step, sent: now });
        }
        Some(output)
    }

    /// When the lease wants to be served next.
    pub(super) fn lease_wakes_at(&self, now: Time) -> Option<Time> {
        let at = self.lease.wakes_at(now)?;
        let pause = self.trouble.paused_until(now).filter(|_| self.lease.is_pending());
        Some(at.max(pause.unwrap_or(at)))
    }

    pub(super) fn lease_learns(&mut self, now: Time, outcome: Outcome) {
        let Some(UnderWay { step, sent, .. }) = self.lease.under_way.take() else { return };
        match step {
            Step::Acquire => self.acquired(now, sent, outcome),
            Step::Renew => self.renewed(now, sent, outcome),
            Step::Release => self.lease.released(now, &outcome),
        }
    }

    fn acquired(&mut self, now: Time, sent: Time, outcome: Outcome) {
        let State::Wanted(target, _) = self.lease.state else { return };
        match outcome {
            Ok(_) => {
                self.trouble.clear();
                self.lease.hold(target, sent);
            }
            Err(Failure::Refused(refusal)) if refusal.cause.is_about_the_lease() => {
                // Another appender may have claimed the blob by now.
                self.lease.state = State::Unsure;
                self.refused(now, &refusal);
            }
            Err(failure) => self.doubted(now, failure),
        }
    }

    fn renewed(&mut self, now: Time, sent: Time, outcome: Outcome) {
        let State::Held { target, .. } = self.lease.state else { return };
        match outcome {
            Ok(_) => self.lease.hold(target, sent),
            Err(Failure::Refused(refusal)) if refusal.cause.is_about_the_lease() => {
                self.lease.state = State::Unsure;
            }
            // What is wrong is told by the writes, which meet the same.
            Err(_) => self.lease.pause(now),
        }
    }
}

impl Cause {
    /// Whether it tells that the lease is not to be had, or that its blob is not what it was.
    const fn is_about_the_lease(self) -> bool {
        matches!(self, Self::BlobNotFound | Self::ConditionNotMet | Self::Leased | Self::LeaseLost)
    }
}
