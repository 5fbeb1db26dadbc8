//! What is between the writers and the service: requests leave, get lost, come late or twice, and so
//! do their answers.
//!
//! Invariant: a request is held against the rules of the protocol as it leaves, whatever becomes of
//! it then.

use alloc::format;
use alloc::string::{String, ToString};

use crate::azure::refusal::failure;
use crate::call::{Call, CallKind, Failure, Outcome, Reply};
use crate::sim::weather::{Applied, Fault, Weather, applied, unanswered};
use crate::sim::wire::perform;
use crate::sim::world::{Actor, Event, Leased, World};
use crate::time::{Span, Time, UnixTime};
use crate::writer::{OpId, Output};

/// A request on its way.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) actor: usize,
    pub(super) op: OpId,
    pub(super) call: Leased,
    /// When the credential that it carries expires.
    pub(super) expires: Time,
    pub(super) reply: Answered,
}

/// What becomes of the answer to a request that is applied.
#[derive(Clone)]
pub(super) enum Answered {
    Fairly,
    Never,
    /// So that it tells nothing.
    With(Failure),
    /// Cut short.
    Malformed,
}

impl World {
    /// Drains a writer, and sends what it asks for.
    pub(super) fn turn(&mut self, actor: usize) -> Result<(), String> {
        self.observe(actor)?;
        self.insist(actor);
        let now = self.now;
        loop {
            match self.actors[actor].writer.poll(now) {
                Output::Call { op, call, lease } => {
                    self.allow(actor, op, &call)?;
                    self.send(actor, op, (call, lease));
                }
                Output::Wait(None) => {
                    let writer = &self.actors[actor].writer;
                    if !writer.is_idle() && writer.stopped_by().is_none() {
                        return Err(format!("writer {actor} waits for nothing with work to do"));
                    }
                    break;
                }
                Output::Wait(Some(at)) if self.actors[actor].is_left_alone(at) => {
                    self.actors[actor].wakes_at = None;
                    break;
                }
                Output::Wait(Some(at)) => {
                    self.wake(actor, at.max(now + Span(1)));
                    break;
                }
            }
        }
        self.observe(actor)
    }

    /// Once, however often a writer says when it wants to be woken.
    fn wake(&mut self, actor: usize, at: Time) {
        let wakes_at = &mut self.actors[actor].wakes_at;
        if wakes_at.is_none_or(|known| known > at) {
            *wakes_at = Some(at);
            self.schedule(at, Event::Wake { actor });
        }
    }

    /// What a request means besides, and whether the rules allow it now.
    fn allow(&mut self, actor: usize, op: OpId, call: &Call) -> Result<(), String> {
        let calm = self.is_calm();
        let Actor { writer, under_way, epoch, .. } = &mut self.actors[actor];
        under_way.retain(|(other, _)| writer.expects(*other));
        let staging = under_way.iter().filter(|(_, kind)| *kind == CallKind::PutBlock).count();
        let committing = under_way.iter().any(|(_, kind)| *kind == CallKind::PutBlockList);
        let kind = call.kind();
        under_way.push((op, kind));
        self.report.reads += u64::from(kind == CallKind::GetRange);
        match kind {
            CallKind::PutBlockList if staging > 0 => Err("a block list overlaps a block".into()),
            CallKind::PutBlock if committing => Err("a block overlaps a block list".into()),
            CallKind::PutBlockList if committing => Err("two block lists at once".into()),
            CallKind::PutBlock if staging >= self.config.in_flight as usize => {
                Err("more blocks under way than allowed".into())
            }
            CallKind::GetProperties | CallKind::ListSegments | CallKind::GetBlockList
                if calm && epoch.is_some() =>
            {
                Err(format!("{kind:?} where nothing is wrong"))
            }
            _ => Ok(()),
        }
    }

    fn send(&mut self, actor: usize, op: OpId, call: Leased) {
        let fault = self.weather.fate(call.0.kind(), &mut self.rng);
        self.note(|| format!("writer {actor} sends {call:?}: {fault:?}"));
        let mut delay = self.delay(actor);
        let expires = self.actors[actor].expires;
        let mut sent = Sent { actor, op, call, expires, reply: Answered::Fairly };
        if let Some(fault) = fault {
            self.report.met.meet(fault);
        }
        match fault {
            None => {}
            Some(Fault::RequestLost) => return,
            Some(Fault::ReplyLost) => sent.reply = Answered::Never,
            Some(Fault::Late) => {
                sent.reply = Answered::Never;
                delay = Weather::lateness(&mut self.rng);
            }
            Some(Fault::Twice) => {
                let at = self.now + self.delay(actor).min(delay);
                let twin = Sent { reply: Answered::Never, ..sent.clone() };
                self.schedule(at, Event::Arrive(twin.into()));
            }
            Some(Fault::Malformed) => sent.reply = Answered::Malformed,
            Some(Fault::NotSent) => {
                let outcome = Err(Failure::NotSent("refused".to_string()));
                return self.answer(actor, op, outcome, delay);
            }
            Some(Fault::Damaged) => {
                let outcome = Err(failure(400, "Crc64Mismatch", None));
                return self.answer(actor, op, outcome, delay);
            }
            Some(fault) => return self.send_in_doubt(sent, fault, delay),
        }
        self.schedule(self.now + delay, Event::Arrive(sent.into()));
    }

    /// Whether it is applied, its answer does not tell.
    fn send_in_doubt(&mut self, mut sent: Sent, fault: Fault, delay: Span) {
        let (failure, pause) = self.weather.doubt(fault, &mut self.rng);
        if pause.is_some() {
            self.report.met.meet(Fault::RetryAfter);
        }
        let applied = applied(&mut self.rng);
        self.note(|| format!("  which is answered with {failure:?} and applied: {applied:?}"));
        if applied == Applied::Now {
            sent.reply = Answered::With(failure);
            return self.schedule(self.now + delay, Event::Arrive(sent.into()));
        }
        self.answer(sent.actor, sent.op, Err(failure), delay);
        if applied == Applied::Later {
            sent.reply = Answered::Never;
            let at = self.now + Weather::lateness(&mut self.rng);
            self.schedule(at, Event::Arrive(sent.into()));
        }
    }

    /// How long a writer's request, or the answer to it, is under way.
    fn delay(&mut self, actor: usize) -> Span {
        let slow = self.weather.strikes(Fault::Slow, &mut self.rng);
        if slow {
            self.report.met.meet(Fault::Slow);
        }
        Weather::delay(self.actors[actor].path, slow, &mut self.rng)
    }

    pub(super) fn arrive(&mut self, sent: &Sent) {
        let outcome = self.admit(sent).and_then(|()| {
            let today = self.today();
            perform(&mut self.service, (&sent.call.0, sent.call.1), today)
        });
        self.count_refusal(&outcome);
        let outcome = match &sent.reply {
            Answered::Never => return,
            Answered::With(failure) => Err(failure.clone()),
            Answered::Fairly => outcome,
            Answered::Malformed => Err(malformed(outcome)),
        };
        let delay = self.delay(sent.actor);
        self.answer(sent.actor, sent.op, outcome, delay);
    }

    /// Whether the credential allows it, and the account.
    fn admit(&mut self, sent: &Sent) -> Result<(), Failure> {
        let kind = sent.call.0.kind();
        if kind == CallKind::Seal && self.weather.is_so(Fault::NoSeal) {
            self.report.met.meet(Fault::NoSeal);
            return Err(failure(500, "InternalError", None));
        }
        let (fault, code) = if sent.expires <= self.now {
            (Fault::Expired, "AuthenticationFailed")
        } else {
            let Some(fault) = self.denies(kind) else { return Ok(()) };
            (fault, "AuthorizationPermissionMismatch")
        };
        self.report.met.meet(fault);
        Err(failure(403, code, None))
    }

    fn denies(&self, kind: CallKind) -> Option<Fault> {
        let (fault, denied) = match kind {
            CallKind::SetMetadata | CallKind::Seal | CallKind::Lease => {
                (Fault::NoWrite, self.weather.is_so(Fault::NoWrite))
            }
            CallKind::ListSegments => (Fault::NoList, self.weather.is_so(Fault::NoList)),
            CallKind::GetProperties | CallKind::GetRange | CallKind::GetBlockList => {
                (Fault::NoRead, self.unreadable_until > self.now)
            }
            _ => return None,
        };
        denied.then_some(fault)
    }

    /// What the service refuses by its limits.
    fn count_refusal(&mut self, outcome: &Outcome) {
        let Err(Failure::Refused(refusal)) = outcome else { return };
        match refusal.code.as_str() {
            "BlockCountExceedsLimit" => self.report.met.meet(Fault::Full),
            "RequestBodyTooLarge" => self.report.met.meet(Fault::TooLarge),
            _ => {}
        }
    }

    fn answer(&mut self, actor: usize, op: OpId, outcome: Outcome, delay: Span) {
        let date = self.today().0.saturating_add_signed(self.clock_off);
        let reply = Reply { outcome, date: Some(UnixTime(date)) };
        self.schedule(self.now + delay, Event::Deliver { actor, op, reply: reply.into() });
    }
}

/// What the codec makes of an answer that has lost its headers, or is cut short: `azure::response`.
/// A 403 without a code would be a credential that does not allow it, which opens a stream without
/// shutting anybody out.
fn malformed(outcome: Outcome) -> Failure {
    match outcome {
        Ok(_) => unanswered("an answer that makes no sense"),
        Err(Failure::Refused(refusal)) if refusal.status != 403 => {
            failure(refusal.status, "", None)
        }
        Err(failure) => failure,
    }
}
