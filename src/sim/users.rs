//! The users of a run: they open, append, flush, roll over, end, crash, take over, and send again
//! what a crash has left.
//!
//! Invariant: an order that a writer says is done is looked up in what is stored.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::error::Error;
use crate::sim::weather::Fault;
use crate::sim::world::{Actor, Command, Event, Order, World};
use crate::stream::{Nonce, StreamId};
use crate::time::{Span, Time};
use crate::writer::{Config, Entropy, Layout, Writer};

/// How many writers a run has at most.
const WRITERS: usize = 10;

/// How many actions the users take at most.
const ACTIONS: u64 = 160;

/// The path of a writer as it should be.
pub(super) const PATH: Span = Span::millis(30);

/// What the caller of a crashed writer still has: where its bytes begin, and the bytes.
pub(super) type Kept = (u64, Vec<u8>);

impl World {
    /// A new process opens the stream, with what its caller still has, if it has something.
    pub(super) fn spawn(&mut self, kept: Option<Kept>) -> Result<(), String> {
        let mut bits = || {
            let half = u128::from(self.rng.next()) << 64;
            (half | u128::from(self.rng.next())).to_be_bytes()
        };
        let (nonce, stream) = (Nonce(bits()), StreamId(bits()));
        let entropy = Entropy { nonce, stream, seed: self.rng.next() };
        let expected_end = self.expected_end(kept.is_some())?;
        let config = Config { expected_end, ..self.config.clone() };
        let writer = Writer::new(config, entropy).map_err(|error| error.to_string())?;
        let (path, expires) = (self.path(), self.expiry());
        self.actors.push(Actor {
            writer,
            epoch: None,
            order: None,
            alive: true,
            over: false,
            kept,
            waiting: Vec::new(),
            expected_end,
            path,
            expires,
            renewing: false,
            renewals: 0,
            asked: false,
            probed: false,
            driven_until: self.now,
            wakes_at: None,
            under_way: Vec::new(),
        });
        let actor = self.actors.len() - 1;
        self.note(|| format!("writer {actor} opens the stream, expecting {expected_end:?}"));
        self.turn(actor)
    }

    /// Where a caller that has read the stream expects it to end; it may have read something else.
    fn expected_end(&mut self, resends: bool) -> Result<Option<u64>, String> {
        let expects = resends && self.rng.below(2) == 0
            || self.weather.strikes(Fault::EndsElsewhere, &mut self.rng);
        if !expects || self.is_disturbed() {
            return Ok(None);
        }
        let end = self.stored()?.iter().map(|it| it.bytes.len() as u64).sum::<u64>();
        Ok(Some(if resends { end } else { end + self.rng.below(2) }))
    }

    fn path(&mut self) -> Span {
        let slow = self.weather.chance(Fault::SlowPath) > 0 && self.rng.below(2) == 0;
        if !slow {
            return PATH;
        }
        self.report.met.meet(Fault::SlowPath);
        Span::millis([300, 3_000, 12_000][self.rng.below(3) as usize])
    }

    /// When a new credential expires.
    fn expiry(&mut self) -> Time {
        if self.weather.strikes(Fault::Expired, &mut self.rng) {
            self.now + Span(self.rng.below(40 * self.pace.0))
        } else {
            Time(u64::MAX)
        }
    }

    /// A user has another credential by now.
    pub(super) fn renew(&mut self, actor: usize) -> Result<(), String> {
        self.actors[actor].renewing = false;
        self.actors[actor].expires = self.expiry();
        self.note(|| format!("writer {actor} gets another credential"));
        self.actors[actor].writer.credential_changed();
        self.turn(actor)
    }

    /// One action, and when the next one comes.
    pub(super) fn act(&mut self) -> Result<(), String> {
        self.actions += 1;
        let patient = self.happen()?;
        let done = self.report.appends >= self.appends_due || self.actions >= ACTIONS;
        if !done && !self.is_over() {
            let pause = if patient { Span::millis(10_000) } else { self.pace };
            let at = self.now + Span(self.rng.below(pause.0));
            self.schedule(at, Event::Act);
        }
        Ok(())
    }

    /// Whether nobody can do anything any more.
    fn is_over(&self) -> bool {
        self.actors.len() >= WRITERS && self.actors.iter().all(Actor::is_gone)
            || self.weather.is_so(Fault::Refused) && self.actors.len() > 1
            || self.ended
    }

    /// Whether the user is to be patient: there is no room, or no stream yet.
    fn happen(&mut self) -> Result<bool, String> {
        let room = self.actors.len() < WRITERS;
        if room && self.weather.strikes(Fault::Crash, &mut self.rng) {
            return self.crash().map(|()| false);
        }
        if room && self.weather.strikes(Fault::Takeover, &mut self.rng) {
            self.report.met.meet(Fault::Takeover);
            return self.spawn(None).map(|()| false);
        }
        if room && self.actors.iter().all(Actor::is_gone) {
            return self.spawn(None).map(|()| true);
        }
        self.surprise();
        let actor = self.any();
        if self.actors[actor].is_gone() {
            return Ok(false);
        }
        self.use_writer(actor)
    }

    fn crash(&mut self) -> Result<(), String> {
        let actor = self.any();
        self.note(|| format!("writer {actor} crashes"));
        self.report.met.meet(Fault::Crash);
        self.actors[actor].alive = false;
        let resends = self.weather.strikes(Fault::Resend, &mut self.rng);
        let kept = self.oracle.taken(actor).filter(|_| resends);
        self.spawn(kept)
    }

    /// Mostly the newest writer, at times one that should be dead.
    fn any(&mut self) -> usize {
        let count = self.actors.len() as u64;
        let back = if self.rng.below(4) == 0 { self.rng.below(count) } else { 0 };
        (count - 1 - back) as usize
    }

    fn use_writer(&mut self, actor: usize) -> Result<bool, String> {
        if self.ends && self.rng.below(1000) < 20 {
            self.note(|| format!("writer {actor} is asked to end the stream"));
            return self.order(actor, Writer::seal, (false, true)).map(|()| false);
        }
        if self.config.lease.is_some() && self.rng.below(20) == 0 {
            self.note(|| format!("writer {actor} is asked to close"));
            return self.order(actor, Writer::close, (false, false)).map(|()| false);
        }
        match self.rng.below(32) {
            0 | 1 if self.config.layout == Some(Layout::Block) => {
                self.note(|| format!("writer {actor} is asked to compact"));
                self.order(actor, Writer::compact, (false, false)).map(|()| false)
            }
            0 | 1 => {
                self.note(|| format!("writer {actor} is asked to roll over"));
                self.order(actor, Writer::rollover, (true, false)).map(|()| false)
            }
            2 => self.judge().map(|()| false),
            3..=23 => {
                let bytes = self.bytes(actor);
                self.append(actor, &bytes)
            }
            _ => self.flush(actor).map(|()| false),
        }
    }

    /// What is appended next: what a crash has left first.
    fn bytes(&mut self, actor: usize) -> Vec<u8> {
        let length = 1 + self.rng.below(7) as usize;
        let waiting = &self.actors[actor].waiting;
        if !waiting.is_empty() {
            return waiting[..length.min(waiting.len())].to_vec();
        }
        self.some_bytes(length)
    }

    /// A tiny alphabet: equal payloads must not be taken for each other.
    pub(super) fn some_bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| b"ab"[self.rng.below(2) as usize]).collect()
    }

    /// Whether there was no room.
    pub(super) fn append(&mut self, actor: usize, bytes: &[u8]) -> Result<bool, String> {
        self.drives(actor);
        let taken = self.actors[actor].writer.append(bytes);
        self.note(|| format!("writer {actor} appends {bytes:?}: {taken:?}"));
        if taken.is_ok() {
            self.report.appends += 1;
            self.oracle.took(actor, bytes);
            let waiting = &mut self.actors[actor].waiting;
            waiting.drain(..bytes.len().min(waiting.len()));
        }
        self.turn(actor)?;
        Ok(matches!(taken, Err(Error::BufferFull | Error::NotOpen)))
    }

    /// For how long a user goes on to give time to a writer under lease.
    fn drives(&mut self, actor: usize) {
        if self.config.lease.is_some() {
            self.actors[actor].driven_until = self.now + Span::secs(self.rng.below(120));
        }
    }

    pub(super) fn flush(&mut self, actor: usize) -> Result<(), String> {
        self.note(|| format!("writer {actor} flushes"));
        self.order(actor, Writer::flush, (false, false))
    }

    fn order(
        &mut self,
        index: usize,
        command: Command,
        (closes, ends): (bool, bool),
    ) -> Result<(), String> {
        self.drives(index);
        let actor = &mut self.actors[index];
        let ticket = command(&mut actor.writer, self.now).ok();
        let upto = actor.writer.position().accepted;
        let repeated = (self.rng.below(4) == 0).then_some(command);
        actor.order = ticket.map(|ticket| Order { ticket, upto, closes, ends, repeated });
        self.turn(index)
    }

    /// Somebody who cannot wait gives the order once more.
    pub(super) fn insist(&mut self, index: usize) {
        let now = self.now;
        let actor = &mut self.actors[index];
        if let Some(order) = &mut actor.order
            && let Some(command) = order.repeated
            && let Ok(ticket) = command(&mut actor.writer, now)
        {
            (order.ticket, order.upto) = (ticket, actor.writer.position().accepted);
        }
    }

    /// An order that is done must have done what was ordered.
    pub(super) fn fulfilled(&mut self, index: usize, order: Order) -> Result<(), String> {
        let committed = self.actors[index].writer.position().committed;
        if committed < order.upto {
            return Err(format!("writer {index} is done up to {}: {committed}", order.upto));
        }
        self.ended |= order.ends;
        if !(order.closes || order.ends) || self.is_disturbed() {
            return Ok(());
        }
        let stored = self.stored()?;
        let known = || stored.iter().filter_map(|it| it.identity.as_ref());
        let last = known().rfind(|it| it.start < order.upto);
        if order.closes && last.is_some_and(|it| it.end.is_none()) {
            return Err(format!("writer {index} has rolled over and the segment is open"));
        }
        if order.ends && !known().any(|it| it.ended) {
            return Err(format!("writer {index} has ended the stream and no segment says so"));
        }
        Ok(())
    }

    /// Whether somebody with a higher epoch owns a segment, or anybody may.
    pub(super) fn has_newer(&self, epoch: u64) -> Result<bool, String> {
        let stored = self.stored()?;
        let newer = stored.iter().filter_map(|it| it.identity.as_ref()).any(|it| it.epoch > epoch);
        Ok(newer || self.actors.iter().any(|actor| actor.epoch > Some(epoch)))
    }
}
