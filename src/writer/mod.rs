//! The writer: a state machine that owns every decision and does no I/O.
//!
//! # The contract
//!
//! **After every command and every input, call [`Writer::poll`] until it answers
//! [`Output::Wait`].** Its methods fall into four groups:
//!
//! * A, commands of the caller: [`append`](Writer::append), [`flush`](Writer::flush),
//!   [`rollover`](Writer::rollover), [`compact`](Writer::compact), [`seal`](Writer::seal),
//!   [`close`](Writer::close), [`credential_changed`](Writer::credential_changed). None of them
//!   waits. Those that take time answer a [`Ticket`], to be checked with
//!   [`progress`](Writer::progress).
//! * B, inputs of the driver: [`sent`](Writer::sent), [`handle_reply`](Writer::handle_reply),
//!   [`handle_timeout`](Writer::handle_timeout).
//! * C, the output: [`poll`](Writer::poll).
//! * D, getters.
//!
//! `now` never goes back.
//!
//! # Layouts
//!
//! What differs between the layouts is in `append` and `block`; what they share, the caller's
//! orders above all, in `session`. A writer that was not told the layout begins with the append
//! layout and changes over if it finds the other (`protocol.md` D2).
//!
//! # Invariants
//!
//! 1. Bytes leave the buffer only when a verdict says that they landed; `accepted - committed` is
//!    what the buffer holds.
//! 2. A final error is final: nothing is sent after it (O3), but for giving a lease back.
//!
//! Each layout states its own besides.

/// Asks the machine at hand.
macro_rules! machine {
    ($self:ident, $machine:ident => $answer:expr) => {
        match &$self.machine {
            Machine::Append($machine) => $answer,
            Machine::Block($machine) => $answer,
        }
    };
    (mut $self:ident, $machine:ident => $answer:expr) => {
        match &mut $self.machine {
            Machine::Append($machine) => $answer,
            Machine::Block($machine) => $answer,
        }
    };
}

mod append;
mod block;
mod config;
mod flights;
mod lease;
mod session;
mod stats;
mod ticket;
mod trouble;

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::call::{Call, Failure, LeaseId, Outcome, Reply, Target};
use crate::error::Error;
use crate::stream::{Nonce, Position, StreamId};
use crate::time::Time;
use crate::writer::append::Chain;
use crate::writer::block::BlockBlob;
use crate::writer::session::Session;

pub use crate::compaction::Compaction;
pub use crate::stream::Layout;
pub use config::Config;
pub use flights::OpId;
pub use stats::Stats;
pub use ticket::Ticket;

#[cfg(any(test, feature = "fuzz"))]
pub(crate) use {append::buffer::property as buffer, block::staging::property as staging};

/// What the driver is to do next.
#[derive(Clone, Debug)]
pub enum Output {
    /// Make this request, and hand its reply to [`Writer::handle_reply`].
    Call {
        /// To be handed back with the reply.
        op: OpId,
        /// The request.
        call: Call,
        /// The lease that it has to name.
        lease: Option<LeaseId>,
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

/// What a [`Writer::compact`] has done.
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
    machine: Machine,
}

/// The two ways to store a stream.
#[derive(Clone, Debug)]
enum Machine {
    Append(Box<Chain>),
    Block(Box<BlockBlob>),
}

// A: commands.
impl Writer {
    /// A writer that will open the stream as soon as it is polled.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if a setting is out of range.
    pub fn new(config: Config, entropy: Entropy) -> Result<Self, Error> {
        config.check()?;
        let layout = config.layout;
        let session = Session::new(config, entropy);
        let machine = match layout {
            Some(Layout::Block) => Machine::Block(Box::new(BlockBlob::new(session))),
            _ => Machine::Append(Box::new(Chain::new(session))),
        };
        Ok(Self { machine })
    }

    /// Takes all of `data` or none of it, and answers the offset past its last byte.
    ///
    /// # Errors
    /// [`Error::BufferFull`] if there is no room now, [`Error::InvalidArgument`] if there never
    /// will be; [`Error::NotOpen`], [`Error::Closed`], [`Error::Sealed`], and final errors.
    pub fn append(&mut self, data: &[u8]) -> Result<u64, Error> {
        self.session().appendable()?;
        machine!(mut self, machine => machine.append(data))?;
        let session = self.session_mut();
        session.orders.leave = None;
        session.lease.stays();
        self.check();
        Ok(self.session().accepted)
    }

    /// Asks for everything accepted so far to be committed.
    ///
    /// # Errors
    /// [`Error::Closed`], and final errors.
    pub fn flush(&mut self, now: Time) -> Result<Ticket, Error> {
        self.session_mut().flush(now)
    }

    /// Asks for everything accepted so far to be committed and the segment to be closed.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for the block layout, [`Error::Closed`], [`Error::Sealed`], and final
    /// errors.
    pub fn rollover(&mut self, now: Time) -> Result<Ticket, Error> {
        self.session().writable()?;
        match &mut self.machine {
            Machine::Append(chain) => chain.rollover(now),
            Machine::Block(_) => Err(one_segment()),
        }
    }

    /// Asks for everything accepted so far to be committed and for small blocks to be merged.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for the append layout, [`Error::Closed`], [`Error::NotOpen`], and
    /// final errors.
    pub fn compact(&mut self, now: Time) -> Result<Ticket, Error> {
        self.session().open()?;
        match &mut self.machine {
            Machine::Block(blob) => blob.compact(now),
            Machine::Append(_) => Err(Error::Unsupported(
                "the append layout has nothing to merge while it is written".to_string(),
            )),
        }
    }

    /// Asks for everything accepted so far to be committed and the stream to be ended for good.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::NotOpen`], and final errors.
    pub fn seal(&mut self, now: Time) -> Result<Ticket, Error> {
        self.session_mut().seal(now)
    }

    /// Asks for everything accepted so far to be committed, and for the lease, if there is one, to
    /// be given back then; [`Writer::closed`] ends it.
    ///
    /// # Errors
    /// As [`Writer::flush`].
    pub fn close(&mut self, now: Time) -> Result<Ticket, Error> {
        self.session_mut().close(now)
    }

    /// What the ticket of [`Writer::compact`], which is done, has come to. Until it is asked for,
    /// repeating the order goes on with the same count.
    pub fn compacted(&mut self) -> Compacted {
        match &mut self.machine {
            Machine::Append(_) => Compacted::default(),
            Machine::Block(blob) => blob.take_compacted(),
        }
    }

    /// A ticket of [`Writer::close`] is done: nothing more is taken.
    pub fn closed(&mut self) {
        self.session_mut().orders.close = true;
    }

    /// A ticket for the stream being open.
    pub const fn opening(&self, now: Time) -> Ticket {
        Ticket::opened(now)
    }

    /// What was refused may be allowed now: nothing that the old credential met counts any more.
    pub fn credential_changed(&mut self) {
        machine!(mut self, machine => machine.credential_changed());
    }

    fn session(&self) -> &Session {
        machine!(self, machine => &machine.session)
    }

    fn session_mut(&mut self) -> &mut Session {
        machine!(mut self, machine => &mut machine.session)
    }
}

// B: inputs.
impl Writer {
    /// How many bytes the body of the request polled last has on the wire, which only the codec
    /// knows.
    pub fn sent(&mut self, op: OpId, bytes: u64) {
        let session = self.session_mut();
        session.stats.sent(session.flights.kind(op), bytes);
    }

    /// The reply to one request. One to a request that was given up is ignored.
    pub fn handle_reply(&mut self, now: Time, op: OpId, reply: Reply) {
        let session = self.session_mut();
        if session.flights.end(op) {
            session.date = reply.date.map(|date| (now, date)).or(session.date);
            self.learn(now, op, reply.outcome);
        }
    }

    /// Gives up the requests that have taken too long. Their outcome is in doubt.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(op) = self.session_mut().flights.overdue(now) {
            self.learn(now, op, Err(timed_out()));
        }
    }

    fn learn(&mut self, now: Time, op: OpId, outcome: Outcome) {
        if self.session().lease.is_about(op) {
            return self.session_mut().lease_learns(now, outcome);
        }
        machine!(mut self, machine => machine.learn(now, op, outcome));
        if let Machine::Append(chain) = &mut self.machine
            && let Some(mut session) = chain.leave()
        {
            if session.orders.roll.take().is_some() {
                session.orders.refused = Some(one_segment());
            }
            self.machine = Machine::Block(Box::new(BlockBlob::new(session)));
        }
        self.check();
    }
}

fn one_segment() -> Error {
    Error::Unsupported("the block layout has one segment".to_string())
}

fn timed_out() -> Failure {
    Failure::InDoubt {
        reason: "the service did not answer in time".to_string(),
        status: None,
        retry_after: None,
    }
}

// C: the output.
impl Writer {
    /// What to do next. To be called until it answers [`Output::Wait`].
    pub fn poll(&mut self, now: Time) -> Output {
        if machine!(self, machine => machine.rests()) {
            self.session_mut().leave_if_closing();
        }
        match machine!(mut self, machine => machine.poll(now)) {
            Output::Wait(at) => {
                let session = self.session_mut();
                if let Some(output) = session.send_for_lease(now) {
                    return output;
                }
                let times = [at, session.lease_wakes_at(now), session.flights.deadline()];
                Output::Wait(times.into_iter().flatten().min())
            }
            call @ Output::Call { .. } => call,
        }
    }
}

// D: getters.
impl Writer {
    /// Where the stream stands.
    pub fn position(&self) -> Position {
        machine!(self, machine => machine.position())
    }

    /// What opening has found; `None` before.
    pub fn opened(&self) -> Option<Opened> {
        self.session().opened
    }

    /// The segments touched, oldest first, at most [`limits::SEGMENTS_REMEMBERED`].
    ///
    /// [`limits::SEGMENTS_REMEMBERED`]: crate::limits::SEGMENTS_REMEMBERED
    pub fn touched(&self) -> Vec<Touched> {
        machine!(self, machine => machine.touched())
    }

    /// What was done.
    pub fn stats(&self) -> &Stats {
        &self.session().stats
    }

    /// Whether a reply to `op` is of any use; if not, the request may be dropped.
    pub fn expects(&self, op: OpId) -> bool {
        self.session().flights.has(op)
    }

    /// Whether nothing is under way and nothing is due.
    pub fn is_idle(&self) -> bool {
        let Session { flights, lease, .. } = self.session();
        let settled = lease.is_settled() && !lease.is_leaving();
        settled && flights.is_empty() && machine!(self, machine => machine.rests())
    }

    /// Whether a lease is being given back after a final error.
    pub fn is_leaving(&self) -> bool {
        self.session().over.is_some() && self.session().lease.is_leaving()
    }

    /// What stops the stream until the caller acts: a final error, or one that lasts.
    pub fn stopped_by(&self) -> Option<&Error> {
        let session = self.session();
        session.over.as_ref().or_else(|| session.trouble.to_act_on())
    }

    /// Whether the handle was closed.
    pub fn is_closed(&self) -> bool {
        self.session().orders.close
    }

    /// The invariants, after every input.
    fn check(&self) {
        let held = machine!(self, machine => machine.held());
        let session = self.session();
        debug_assert_eq!(session.accepted, session.committed + held, "invariant 1: what is held");
        debug_assert!(session.opened.is_some() || held == 0, "only an open stream takes bytes");
    }
}
