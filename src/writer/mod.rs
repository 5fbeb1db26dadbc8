//! The writer: a state machine that owns every decision and does no I/O.
//!
//! # The contract
//!
//! **After every command and every input, call [`Writer::poll`] until it answers
//! [`Output::Wait`].** Its methods fall into four groups:
//!
//! * A, commands of the caller: [`append`](Writer::append), [`flush`](Writer::flush),
//!   [`rollover`](Writer::rollover), [`seal`](Writer::seal), [`close`](Writer::close),
//!   [`credential_changed`](Writer::credential_changed). None of them waits. Those that take time
//!   answer a [`Ticket`], to be checked with [`progress`](Writer::progress).
//! * B, inputs of the driver: [`handle_reply`](Writer::handle_reply),
//!   [`handle_timeout`](Writer::handle_timeout).
//! * C, the output: [`poll`](Writer::poll).
//! * D, getters.
//!
//! `now` never goes back.
//!
//! # Invariants
//!
//! 1. At most one request is under way, so no two appends are, and a segment is left only with
//!    none of its appends unresolved (`protocol.md` A2, C4).
//! 2. Bytes leave the buffer only when a verdict says that they landed; `accepted - committed` is
//!    what the buffer holds.
//! 3. Every append carries the ETag and the position of the tail as last known (A1).
//! 4. A segment is created only when the one before it is over (C1), and segment 1 only when a
//!    search has shown that there is no stream (A4, D2).
//! 5. A final error is final: nothing is sent after it (O3).

mod attempt;
mod buffer;
mod config;
mod deciding;
mod judging;
mod learning;
mod search;
mod stats;
mod ticket;
mod trouble;

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::ToString;

use crate::call::{Call, Reply, Target};
use crate::error::Error;
use crate::limits;
use crate::rng::Rng;
use crate::stream::{Nonce, Position, Segment, StreamId};
use crate::time::{Span, Time, UnixTime};
use crate::writer::attempt::{Attempt, Stage};
use crate::writer::buffer::{Buffer, Refused};
use crate::writer::search::Search;
use crate::writer::trouble::Trouble;

pub use config::{Compaction, Config, Layout};
pub use stats::Stats;
pub use ticket::Ticket;

/// Names one request of one writer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct OpId(u64);

/// What the driver is to do next.
#[derive(Clone, Debug)]
pub enum Output {
    /// Make this request, and hand its reply to [`Writer::handle_reply`].
    Call {
        /// To be handed back with the reply.
        op: OpId,
        /// The request.
        call: Call,
    },
    /// Nothing, until a reply arrives or this time comes.
    Wait(Option<Time>),
}

/// Random bits that a writer needs, from a source fit for secrets.
#[derive(Clone, Copy, Debug)]
pub struct Entropy {
    /// Who the appender is.
    pub nonce: Nonce,
    /// Which stream it is, if it creates one.
    pub stream: StreamId,
    /// For jitter.
    pub seed: u64,
}

/// What opening the stream has found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Opened {
    /// How the stream is stored.
    pub layout: Layout,
    /// Where this appender began, as a stream offset.
    pub start: u64,
    /// Its place in the order of appenders, from 1.
    pub epoch: u64,
    /// Whether older appenders are shut out (`protocol.md` O4).
    pub exclusive: bool,
}

/// A segment that this writer has appended to or created.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Touched {
    /// Its blob.
    pub target: Target,
    /// The stream offset of its first byte.
    pub start: u64,
    /// Its length, in bytes.
    pub length: u64,
    /// How many blocks it has.
    pub blocks: u32,
    /// Whether it takes no more.
    pub closed: bool,
}

/// What the last [`Writer::compact`] has done so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Compacted {
    /// How many blocks there were when it began.
    pub blocks_before: u32,
    /// How many there are.
    pub blocks_after: u32,
    /// How many bytes were read and staged again.
    pub bytes_moved: u64,
}

/// Appends to one stream. See the module's contract.
#[derive(Clone, Debug)]
pub struct Writer {
    config: Config,
    entropy: Entropy,
    rng: Rng,
    phase: Phase,
    pending: Option<Pending>,
    op_next: u64,
    /// The segment that takes the next byte, or the last one before it is created.
    tail: Option<Segment>,
    opened: Option<Opened>,
    /// The service refuses more blocks for the tail, whatever its count says.
    full: bool,
    rungs: Rungs,
    orders: Orders,
    buffer: Buffer,
    committed: u64,
    trouble: Trouble,
    /// The last `Date` of the service, and when it arrived.
    date: Option<(Time, UnixTime)>,
    touched: VecDeque<Touched>,
    stats: Stats,
}

#[derive(Clone, Debug)]
enum Phase {
    /// Reading where the stream ends.
    Search(Search),
    /// One write is under way, or its fate is being looked for.
    Attempt(Attempt),
    /// Open, with nothing under way.
    Ready,
    /// Over (invariant 5).
    Final(Error),
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    op: OpId,
    deadline: Time,
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

/// What the caller has asked for.
#[derive(Clone, Debug, Default)]
struct Orders {
    /// Send what was accepted up to here, full block or not.
    flush: u64,
    /// Close the segment once everything up to here is committed.
    roll: Option<u64>,
    /// End the stream once everything is committed.
    end: bool,
    /// The service does not allow what was ordered last.
    refused: Option<Error>,
    /// The stream is ended.
    ended: bool,
    /// Seal the segment that was just marked.
    seal: bool,
    /// Take no more bytes.
    close: bool,
}

// A: commands.
impl Writer {
    /// A writer that will open the stream as soon as it is polled.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if a setting is out of range.
    pub fn new(config: Config, entropy: Entropy) -> Result<Self, Error> {
        config.check()?;
        let block_bytes = usize::try_from(config.block_bytes)
            .map_err(|_| Error::InvalidArgument("block-bytes is too large here".to_string()))?;
        Ok(Self {
            rng: Rng::new(entropy.seed),
            phase: Phase::Search(Search::new(config.create_container)),
            pending: None,
            op_next: 0,
            tail: None,
            opened: None,
            full: false,
            rungs: Rungs { mark: true, seal: true },
            orders: Orders::default(),
            buffer: Buffer::new(block_bytes, config.buffer_bytes),
            committed: 0,
            trouble: Trouble::default(),
            date: None,
            touched: VecDeque::new(),
            stats: Stats::default(),
            config,
            entropy,
        })
    }

    /// Takes all of `data` or none of it, and answers the offset past its last byte.
    ///
    /// # Errors
    /// [`Error::BufferFull`] if there is no room now, [`Error::InvalidArgument`] if there never
    /// will be; [`Error::NotOpen`], [`Error::Closed`], [`Error::Sealed`], and final errors.
    pub fn append(&mut self, data: &[u8]) -> Result<u64, Error> {
        self.writable()?;
        if self.opened.is_none() {
            return Err(Error::NotOpen);
        }
        self.buffer.push(data).map_err(|refused| match refused {
            Refused::Full => Error::BufferFull,
            Refused::TooLarge => Error::InvalidArgument(format!(
                "{} bytes at once are more than the buffer of {}; append less at a time",
                data.len(),
                self.config.buffer_bytes
            )),
        })?;
        self.check();
        Ok(self.position().accepted)
    }

    /// Asks for everything accepted so far to be committed.
    ///
    /// # Errors
    /// [`Error::Closed`], and final errors.
    pub fn flush(&mut self, now: Time) -> Result<Ticket, Error> {
        self.usable()?;
        let accepted = self.position().accepted;
        self.orders.flush = accepted;
        self.trouble.hurry();
        Ok(Ticket::committed(accepted, now))
    }

    /// Asks for everything accepted so far to be committed and the segment to be closed.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Sealed`], and final errors.
    pub fn rollover(&mut self, now: Time) -> Result<Ticket, Error> {
        self.writable()?;
        self.flush(now)?;
        self.orders.refused = None;
        self.orders.roll = Some(self.orders.flush);
        Ok(Ticket::rolled(self.orders.flush, now))
    }

    /// Asks for everything accepted so far to be committed and the stream to be ended for good.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::NotOpen`], and final errors.
    pub fn seal(&mut self, now: Time) -> Result<Ticket, Error> {
        self.usable()?;
        if self.opened.is_none() {
            return Err(Error::NotOpen);
        }
        self.flush(now)?;
        self.orders.refused = None;
        self.orders.end = !self.orders.ended;
        Ok(Ticket::ended(now))
    }

    /// Asks for everything accepted so far to be committed; [`Writer::closed`] then ends it.
    ///
    /// # Errors
    /// As [`Writer::flush`].
    pub fn close(&mut self, now: Time) -> Result<Ticket, Error> {
        self.flush(now)
    }

    /// Asks for everything accepted so far to be committed and for small blocks to be merged.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for the append layout, [`Error::Closed`], [`Error::NotOpen`], and
    /// final errors.
    pub fn compact(&mut self, _now: Time) -> Result<Ticket, Error> {
        self.usable()?;
        let why = "the append layout has nothing to merge while it is written";
        Err(Error::Unsupported(why.to_string()))
    }

    /// A ticket of [`Writer::close`] is done: nothing more is taken.
    pub const fn closed(&mut self) {
        self.orders.close = true;
    }

    /// A ticket for the stream being open.
    pub const fn opening(&self, now: Time) -> Ticket {
        Ticket::opened(now)
    }

    /// What was refused may be allowed now: nothing that the old credential met counts any more.
    pub fn credential_changed(&mut self) {
        self.trouble.clear();
        self.rungs = Rungs { mark: true, seal: true };
    }

    fn usable(&self) -> Result<(), Error> {
        match &self.phase {
            _ if self.orders.close => Err(Error::Closed),
            Phase::Final(error) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    fn writable(&self) -> Result<(), Error> {
        match &self.phase {
            _ if self.orders.close => Err(Error::Closed),
            _ if self.orders.end || self.orders.ended => Err(Error::Sealed),
            Phase::Final(error) => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

// B: inputs.
impl Writer {
    /// The reply to one request. One to a request that was given up is ignored.
    pub fn handle_reply(&mut self, now: Time, op: OpId, reply: Reply) {
        if !self.expects(op) {
            return;
        }
        self.pending = None;
        self.date = reply.date.map(|date| (now, date)).or(self.date);
        self.learn(now, reply.outcome);
        self.check();
    }

    /// How many bytes the body of a request has on the wire, which only the codec knows.
    pub const fn sent(&mut self, _op: OpId, _bytes: u64) {}

    /// Gives up the request that has taken too long. Its outcome is in doubt.
    pub fn handle_timeout(&mut self, now: Time) {
        if self.pending.is_some_and(|pending| pending.deadline <= now) {
            self.pending = None;
            self.learn(now, Err(timed_out()));
            self.check();
        }
    }
}

fn timed_out() -> crate::call::Failure {
    crate::call::Failure::InDoubt {
        reason: "the service did not answer in time".to_string(),
        status: None,
        retry_after: None,
    }
}

// C: the output.
impl Writer {
    /// What to do next. To be called until it answers [`Output::Wait`].
    pub fn poll(&mut self, now: Time) -> Output {
        if let Some(pending) = &self.pending {
            return Output::Wait(Some(pending.deadline));
        }
        self.decide(now);
        let Some(call) = self.call() else { return Output::Wait(None) };
        if let Some(at) = self.trouble.paused_until(now) {
            return Output::Wait(Some(at));
        }
        let op = OpId(self.op_next);
        self.op_next += 1;
        self.pending = Some(Pending { op, deadline: now + patience_for(&call) });
        self.stats.count(&call);
        Output::Call { op, call }
    }

    /// The request that the phase asks for.
    fn call(&self) -> Option<Call> {
        match &self.phase {
            Phase::Search(search) => Some(search.call()),
            Phase::Attempt(attempt) => {
                Some(attempt.call(self.tail.as_ref(), &self.config.content_type))
            }
            Phase::Ready | Phase::Final(_) => None,
        }
    }
}

fn patience_for(call: &Call) -> Span {
    let bytes = match call {
        Call::AppendBlock { body, .. } => body.0.len() as u64,
        Call::GetRange { length, .. } => *length,
        _ => 0,
    };
    Span(limits::REQUEST_TIME.0 + bytes * limits::REQUEST_TIME_PER_BYTE.0)
}

// D: getters.
impl Writer {
    /// Where the stream stands.
    pub fn position(&self) -> Position {
        Position {
            accepted: self.committed + self.buffer.held(),
            staged: self.committed,
            committed: self.committed,
            segment: self.opened.and(self.tail.as_ref()).map_or(0, |tail| tail.number),
        }
    }

    /// What opening has found; `None` before.
    pub const fn opened(&self) -> Option<Opened> {
        self.opened
    }

    /// What the last [`Writer::compact`] has done so far.
    pub fn compacted(&self) -> Compacted {
        Compacted::default()
    }

    /// The segments touched, oldest first, at most [`limits::SEGMENTS_REMEMBERED`].
    pub fn touched(&self) -> impl Iterator<Item = &Touched> {
        self.touched.iter()
    }

    /// What was done.
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Whether a reply to `op` is of any use; if not, the request may be dropped.
    pub fn expects(&self, op: OpId) -> bool {
        self.pending.is_some_and(|pending| pending.op == op)
    }

    /// Whether nothing is under way and nothing is due.
    pub fn is_idle(&self) -> bool {
        self.pending.is_none() && matches!(self.phase, Phase::Ready | Phase::Final(_))
    }

    /// What stops the stream until the caller acts: a final error, or one that lasts.
    pub fn stopped_by(&self) -> Option<&Error> {
        match &self.phase {
            Phase::Final(error) => Some(error),
            _ => self.trouble.to_act_on(),
        }
    }

    /// Whether the handle was closed.
    pub const fn is_closed(&self) -> bool {
        self.orders.close
    }

    /// The invariants, after every input.
    fn check(&self) {
        debug_assert!(self.buffer.counts(), "invariant 2: what is held");
        if let (Some(tail), Phase::Ready) = (&self.tail, &self.phase) {
            debug_assert_eq!(tail.end(), self.committed, "invariant 2: the tail ends there");
        }
        debug_assert!(
            self.opened.is_some() || self.buffer.held() == 0,
            "bytes are taken only by a stream that is open"
        );
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
