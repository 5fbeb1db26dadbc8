//! What is between the writers and the service: requests leave, get lost, come late or twice, and so
//! do their answers.
//!
//! Invariant: a request is held against the rules of the protocol as it leaves, whatever becomes of
//! it then.

use alloc::format;
use alloc::string::{String, ToString};

use crate::call::{Call, CallKind, Failure, Outcome, Reply};
use crate::sim::weather::{Fate, Weather};
use crate::sim::wire::perform;
use crate::sim::world::{Actor, Event, Leased, World};
use crate::time::{Span, Time};
use crate::writer::{OpId, Output};

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
                Output::Wait(Some(at)) if self.actors[actor].is_left_alone(at) => break,
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
        let Actor { writer, under_way, .. } = &mut self.actors[actor];
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
            _ => Ok(()),
        }
    }

    fn send(&mut self, actor: usize, op: OpId, call: Leased) {
        let fate = self.weather.fate(&mut self.rng);
        *self.report.fates.entry(fate).or_default() += 1;
        self.note(|| format!("writer {actor} sends {call:?}: {fate:?}"));
        let mut delay = self.weather.delay(&mut self.rng);
        match fate {
            Fate::RequestLost => return,
            Fate::NotSent => {
                let outcome = Err(Failure::NotSent("refused".to_string()));
                return self.answer(actor, op, outcome, delay);
            }
            Fate::Late => delay = Weather::lateness(&mut self.rng),
            Fate::Twice => {
                let at = self.now + self.weather.delay(&mut self.rng);
                let twin = Event::Arrive { actor, op, call: call.clone(), fate: Fate::ReplyLost };
                self.schedule(at.min(self.now + delay), twin);
            }
            _ => {}
        }
        self.schedule(self.now + delay, Event::Arrive { actor, op, call, fate });
    }

    pub(super) fn arrive(&mut self, actor: usize, op: OpId, call: &Leased, fate: Fate) {
        let doubtful = |status| {
            let reason = "simulated".to_string();
            Err(Failure::InDoubt { reason, status: Some(status), retry_after: None })
        };
        let outcome = match fate {
            Fate::Busy(false) => doubtful(503),
            Fate::TimedOut(false) => doubtful(500),
            _ if call.0.kind() == CallKind::Seal && self.weather.seal_fails() => doubtful(500),
            _ => {
                let today = self.today();
                let outcome = perform(&mut self.service, (&call.0, call.1), today);
                match fate {
                    Fate::ReplyLost | Fate::Late => return,
                    Fate::Busy(_) => doubtful(503),
                    Fate::TimedOut(_) => doubtful(500),
                    _ => outcome,
                }
            }
        };
        let delay = self.weather.delay(&mut self.rng);
        self.answer(actor, op, outcome, delay);
    }

    fn answer(&mut self, actor: usize, op: OpId, outcome: Outcome, delay: Span) {
        let reply = Reply { outcome, date: Some(self.today()) };
        self.schedule(self.now + delay, Event::Deliver { actor, op, reply });
    }
}
