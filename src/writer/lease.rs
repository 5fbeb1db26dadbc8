//! The lease that an appender holds on the blob it writes to, if it was asked to (`Config::lease`):
//! taken once the blob is ours, renewed at half its time, released wherever the blob is left.
//!
//! Nothing that is promised rests on it. It keeps other openers waiting instead of shutting this one
//! out, and keeps tools that know nothing of the protocol off the blob.
//!
//! Invariants: one request about leases is under way at most, and a release is never given up for
//! another; while it is not known whether the lease can be had, no write begins (but what was sent
//! before is brought to its verdict); a lease that is lost proves nothing, so the blob is looked at;
//! none outlives its appender by more than its duration.

use alloc::collections::VecDeque;

use crate::call::{Call, Cause, ETag, Failure, LeaseAction, LeaseId, Outcome, Target};
use crate::limits;
use crate::time::{Span, Time};
use crate::writer::session::{Session, said};
use crate::writer::{OpId, Output};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    id: LeaseId,
    /// How long it is taken for; `None` if there is to be none.
    duration: Option<Span>,
    state: State,
    under_way: Option<UnderWay>,
    /// Blobs that were left, and how often each was asked to be released.
    left: VecDeque<(Target, u32)>,
    /// After a failure, when to renew or release again.
    not_before: Option<Time>,
    /// The caller goes, and none is taken any more.
    closing: bool,
}

#[derive(Clone, Debug)]
enum State {
    /// There is none.
    Without,
    /// It is to be taken on a blob that is ours if it has this ETag, and was asked for or not.
    Wanted { target: Target, etag: ETag, asked: bool },
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
    Release(Target),
}

impl Lease {
    pub(super) const fn new(id: LeaseId, duration: Option<Span>) -> Self {
        Self {
            id,
            duration,
            state: State::Without,
            under_way: None,
            left: VecDeque::new(),
            not_before: None,
            closing: false,
        }
    }

    /// The ID that a write has to name.
    pub(super) fn id_for(&self, call: &Call) -> Option<LeaseId> {
        match self.state {
            State::Held { target, .. } if call.is_write() && call.target() == Some(target) => {
                Some(self.id)
            }
            _ => None,
        }
    }

    /// Whether nothing has to be done before the next write.
    pub(super) const fn is_settled(&self) -> bool {
        match self.state {
            State::Held { .. } => true,
            State::Without => self.duration.is_none() || self.closing,
            State::Wanted { .. } | State::Unsure => false,
        }
    }

    /// Whether the blob has to be looked at.
    pub(super) const fn is_unsure(&self) -> bool {
        matches!(self.state, State::Unsure)
    }

    /// Whether one is being released.
    pub(super) fn is_leaving(&self) -> bool {
        !self.left.is_empty()
    }

    /// Whether there is one, or may be.
    pub(super) fn is_there(&self) -> bool {
        !matches!(self.state, State::Without) || self.is_leaving()
    }

    pub(super) fn is_about(&self, op: OpId) -> bool {
        self.under_way.is_some_and(|it| it.op == op)
    }

    /// The look has shown that the blob is ours: the lease may be taken again.
    pub(super) fn is_ours_again(&mut self) {
        if self.is_unsure() {
            self.state = State::Without;
        }
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

    /// The caller goes on after all.
    pub(super) const fn stays(&mut self) {
        self.closing = false;
    }

    /// The next request, and when it is due. With the stream `paused` none is taken, which is a step
    /// of the stream's.
    fn next(&self, paused: bool, now: Time) -> Option<(Step, Time)> {
        let soon = |at: Time| at.max(self.not_before.unwrap_or(at));
        match &self.state {
            State::Wanted { .. } if !paused => Some((Step::Acquire, now)),
            // A renewal that has failed does not keep others from being released.
            State::Held { renew_at, .. }
                if self.left.is_empty()
                    || *renew_at <= now && self.not_before <= Some(*renew_at) =>
            {
                Some((Step::Renew, soon(*renew_at)))
            }
            _ => self.left.front().map(|(target, _)| (Step::Release(*target), soon(now))),
        }
    }

    fn call(&self, step: Step) -> Option<Call> {
        let (target, action) = match (step, &self.state) {
            (Step::Acquire, State::Wanted { target, etag, .. }) => {
                let seconds = self.duration?.as_secs();
                (*target, LeaseAction::Acquire { seconds, etag: etag.clone() })
            }
            (Step::Renew, State::Held { target, .. }) => (*target, LeaseAction::Renew),
            (Step::Release(target), _) => (target, LeaseAction::Release),
            _ => return None,
        };
        Some(Call::Lease { target, id: self.id, action })
    }

    /// A request is under way.
    fn sent(&mut self, step: Step, op: OpId, now: Time) {
        if let (Step::Acquire, State::Wanted { asked, .. }) = (step, &mut self.state) {
            *asked = true;
        }
        self.under_way = Some(UnderWay { op, step, sent: now });
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

    /// The blob is not written to any more, or not known to be ours. Answers the request about its
    /// lease, which is of no more use.
    fn leave(&mut self) -> Option<OpId> {
        let pointless = self.under_way.take_if(|it| !matches!(it.step, Step::Release(_)));
        if let State::Held { target, .. } | State::Wanted { target, asked: true, .. } = self.state {
            self.left.push_back((target, 0));
            if self.left.len() > limits::LEASES_LEFT {
                self.left.pop_front();
            }
        }
        self.state = State::Without;
        pointless.map(|it| it.op)
    }

    /// A release has ended. One that fails too often is left to run out.
    fn released(&mut self, now: Time, target: Target, over: bool) {
        let Some(at) = self.left.iter().position(|(left, _)| *left == target) else { return };
        let tries = self.left[at].1 + 1;
        self.left.remove(at);
        if !over && tries < limits::LEASE_RELEASES {
            self.left.push_back((target, tries));
            self.pause(now);
        }
    }
}

impl Session {
    /// Whether the blob, which is ours as of this ETag, may be written to; if it is to be leased
    /// first, that is begun.
    pub(super) fn may_write(&mut self, target: Target, etag: &ETag) -> bool {
        let other = match &self.lease.state {
            State::Held { target: held, .. } => *held != target,
            State::Without => !self.lease.is_settled(),
            State::Wanted { target: wanted, etag: known, .. } => *wanted != target || known != etag,
            State::Unsure => false,
        };
        if other {
            self.leave();
            self.lease.state = State::Wanted { target, etag: etag.clone(), asked: false };
        }
        self.lease.is_settled()
    }

    fn leave(&mut self) {
        if let Some(op) = self.lease.leave() {
            self.flights.end(op);
        }
    }

    /// The caller goes.
    pub(super) fn leave_for_good(&mut self) {
        self.lease.closing = true;
        self.leave();
    }

    /// Nothing is under way any more. What was to be released is, once.
    pub(super) fn leave_in_the_end(&mut self) {
        self.leave_for_good();
        self.lease.under_way = None;
        let last_try = |left: &mut (Target, u32)| left.1 = limits::LEASE_RELEASES - 1;
        self.lease.left.iter_mut().for_each(last_try);
    }

    /// Sends the request about the lease that is due.
    pub(super) fn send_for_lease(&mut self, now: Time) -> Option<Output> {
        let paused = self.trouble.paused_until(now).is_some();
        let (step, due) = self.lease.next(paused, now)?;
        if due > now || self.lease.under_way.is_some() {
            return None;
        }
        let output = self.lease.call(step).map(|call| self.send(now, call))?;
        if let Output::Call { op, .. } = output {
            self.lease.sent(step, op, now);
        }
        Some(output)
    }

    /// When the lease wants to be served next.
    pub(super) fn lease_wakes_at(&self, now: Time) -> Option<Time> {
        if self.lease.under_way.is_some() {
            return None;
        }
        let wanted = matches!(self.lease.state, State::Wanted { .. });
        let pause = self.trouble.paused_until(now).filter(|_| wanted);
        let next = self.lease.next(pause.is_some(), now).map(|(_, due)| due);
        pause.into_iter().chain(next).min()
    }

    pub(super) fn lease_learns(&mut self, now: Time, outcome: Outcome) {
        let Some(UnderWay { step, sent, .. }) = self.lease.under_way.take() else { return };
        match step {
            Step::Acquire => self.acquired(now, sent, outcome),
            Step::Renew => self.renewed(now, sent, &outcome),
            Step::Release(target) => {
                self.lease.released(now, target, outcome.is_ok() || is_lost(&outcome));
            }
        }
    }

    fn acquired(&mut self, now: Time, sent: Time, outcome: Outcome) {
        let State::Wanted { target, .. } = self.lease.state else { return };
        let lost = is_lost(&outcome);
        match outcome {
            Ok(_) => {
                self.trouble.clear();
                self.lease.hold(target, sent);
            }
            Err(Failure::Refused(refusal)) if lost => {
                // Another appender may have claimed the blob by now.
                self.lease.state = State::Unsure;
                match refusal.cause {
                    Cause::Leased => self.refused(now, &refusal),
                    _ => self.passing(now, said(&refusal), None),
                }
            }
            Err(failure) => self.doubted(now, failure),
        }
    }

    fn renewed(&mut self, now: Time, sent: Time, outcome: &Outcome) {
        let State::Held { target, .. } = self.lease.state else { return };
        if outcome.is_ok() {
            self.lease.hold(target, sent);
        } else if is_lost(outcome) {
            self.lease.state = State::Unsure;
        } else {
            // What is wrong is told by the writes, which meet the same.
            self.lease.pause(now);
        }
    }
}

/// Whether the lease is not to be had, or its blob is not what it was.
fn is_lost(outcome: &Outcome) -> bool {
    let Err(Failure::Refused(refusal)) = outcome else { return false };
    matches!(
        refusal.cause,
        Cause::BlobNotFound | Cause::ConditionNotMet | Cause::Leased | Cause::LeaseLost
    )
}
