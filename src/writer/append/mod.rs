//! The append layout: a chain of numbered append blobs, each begun where the one before ends.
//!
//! # Invariants
//!
//! 1. At most one request is under way, so no two appends are, and a segment is left only with
//!    none of its appends unresolved (`protocol.md` A2, C4).
//! 2. Every append carries the ETag and the position of the tail as last known (A1).
//! 3. A segment is created only when the one before it is over (C1), and segment 1 only when a
//!    search has shown that there is no stream (A4, D2).

mod attempt;
pub(super) mod buffer;
mod deciding;
mod judging;
mod learning;
mod search;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::call::{Call, Outcome, Target};
use crate::error::Error;
use crate::stream::{Position, Segment};
use crate::time::Time;
use crate::writer::append::attempt::{Attempt, Stage};
use crate::writer::append::buffer::Buffer;
use crate::writer::append::search::Search;
use crate::writer::session::{Refused, Session};
use crate::writer::ticket::Goal;
use crate::writer::{OpId, Output, Ticket, Touched};

/// A stream of the append layout, or one whose layout is not known yet.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) session: Session,
    phase: Phase,
    /// The segment that takes the next byte, or the last one before it is created.
    tail: Option<Segment>,
    /// The service refuses more blocks for the tail, whatever its count says.
    full: bool,
    rungs: Rungs,
    /// Seal the segment that was just marked.
    seal: bool,
    buffer: Buffer,
    touched: VecDeque<Touched>,
    /// A stream was found whose owner, under lease, is between two segments.
    waits: bool,
}

#[derive(Clone, Debug)]
enum Phase {
    /// Reading where the stream ends.
    Search(Search),
    /// One write is under way, or its fate is being looked for.
    Attempt(Attempt),
    /// It is being read whether the tail is still ours.
    Check,
    /// Open, with nothing under way; or over.
    Ready,
    /// The stream is of the other layout.
    Elsewhere,
}

/// The ways of closing a segment that have not been refused (`protocol.md` C2).
///
/// The mark comes first, always, because it changes the ETag. A seal alone need not: a claim that
/// is under way when the segment is sealed would succeed, its appender would hold a segment that
/// takes no byte, and the one before it could go on in the next.
#[derive(Clone, Copy, Debug)]
struct Rungs {
    mark: bool,
    seal: bool,
}

impl Chain {
    pub(super) fn new(session: Session) -> Self {
        let config = &session.config;
        Self {
            phase: Phase::Search(Search::new(config)),
            tail: None,
            full: false,
            rungs: Rungs { mark: true, seal: true },
            seal: false,
            buffer: Buffer::new(config.block_bytes, config.buffer_bytes),
            touched: VecDeque::new(),
            waits: false,
            session,
        }
    }

    /// Takes all of `data` or none of it.
    pub(super) fn append(&mut self, data: &[u8]) -> Result<(), Error> {
        self.buffer.push(data).map_err(|refused| match refused {
            Refused::Full => Error::BufferFull,
            Refused::TooLarge => self.session.config.too_large(data),
        })?;
        self.session.accepted += data.len() as u64;
        Ok(())
    }

    pub(super) fn rollover(&mut self, now: Time) -> Result<Ticket, Error> {
        self.session.flush(now)?;
        let orders = &mut self.session.orders;
        if orders.anew() {
            orders.roll = Some(orders.flush);
        }
        Ok(Ticket::rolled(orders.flush, now))
    }

    pub(super) fn credential_changed(&mut self) {
        self.session.credential_changed();
        self.rungs = Rungs { mark: true, seal: true };
    }

    /// The session, once the stream has turned out to be of the block layout.
    pub(super) fn leave(&self) -> Option<Session> {
        matches!(self.phase, Phase::Elsewhere).then(|| self.session.clone())
    }

    pub(super) fn poll(&mut self, now: Time) -> Output {
        if self.session.flights.are_at_work() {
            return Output::Wait(None);
        }
        if self.session.over.is_none() {
            self.decide(now);
        }
        let Some(call) = self.call() else { return Output::Wait(None) };
        match self.session.trouble.paused_until(now) {
            Some(at) => Output::Wait(Some(at)),
            None => self.session.send(now, call),
        }
    }

    /// The request that the phase asks for.
    fn call(&self) -> Option<Call> {
        match &self.phase {
            Phase::Search(search) => Some(search.call()),
            Phase::Attempt(attempt) => {
                Some(attempt.call(self.tail.as_ref(), &self.session.config.content_type))
            }
            Phase::Check => {
                let tail = self.tail.as_ref().expect("only a tail is checked");
                Some(Call::GetProperties { target: Target::Segment(tail.number) })
            }
            Phase::Ready | Phase::Elsewhere => None,
        }
    }

    pub(super) fn learn(&mut self, now: Time, _: OpId, outcome: Outcome) {
        match core::mem::replace(&mut self.phase, Phase::Ready) {
            Phase::Search(search) => self.searched(now, search, outcome),
            Phase::Attempt(attempt) => self.attempted(now, attempt, outcome),
            Phase::Check => self.checked(now, outcome),
            Phase::Ready | Phase::Elsewhere => unreachable!("these phases ask for nothing"),
        }
        if let (Some(tail), Phase::Ready, None) = (&self.tail, &self.phase, &self.session.over) {
            debug_assert_eq!(tail.end(), self.session.committed, "the tail ends there");
        }
    }
}

// Getters.
impl Chain {
    pub(super) fn position(&self) -> Position {
        let Session { accepted, committed, opened, .. } = self.session;
        Position {
            accepted,
            staged: committed,
            committed,
            segment: opened.and(self.tail.as_ref()).map_or(0, |tail| tail.number),
        }
    }

    pub(super) fn touched(&self) -> Vec<Touched> {
        self.touched.iter().copied().collect()
    }

    pub(super) fn held(&self) -> u64 {
        debug_assert!(self.buffer.counts(), "what is held is what is there");
        self.buffer.held()
    }

    /// Whether nothing is due.
    pub(super) const fn rests(&self) -> bool {
        let Session { orders, over, .. } = &self.session;
        let ordered = self.seal || orders.end || orders.roll.is_some();
        matches!(self.phase, Phase::Ready) && (over.is_some() || !ordered)
    }

    pub(super) fn reached(&self, goal: Goal) -> bool {
        let Session { committed, ref orders, ref flights, .. } = self.session;
        match goal {
            Goal::Opened | Goal::Compacted => true,
            Goal::Committed(upto) | Goal::Closed(upto) => committed >= upto,
            Goal::Rolled(upto) => {
                let waiting = orders.roll.is_some_and(|order| order <= upto);
                committed >= upto && !waiting && orders.refused.is_none()
            }
            Goal::Ended => orders.ended && !flights.are_at_work() && self.rests(),
        }
    }
}

impl Attempt {
    /// Reads what became of it.
    fn look(&mut self) {
        self.stage = Stage::Look;
    }
}

#[cfg(test)]
mod tests;
