//! What an appender of either layout has: the caller's orders, how far the stream has come, the
//! requests under way and the trouble that they are in.
//!
//! Invariants: `committed` and `accepted` never shrink; an order once given stands until it is done
//! or refused, whatever becomes of the caller's patience; after a final error no command is taken.

use alloc::format;
use alloc::string::String;
use core::cell::Cell;

use crate::call::{Call, Cause, Failure, LeaseId, Refusal};
use crate::error::Error;
use crate::rng::Rng;
use crate::time::{Span, Time, UnixTime};
use crate::writer::flights::Flights;
use crate::writer::lease::Lease;
use crate::writer::trouble::Trouble;
use crate::writer::{Config, Entropy, Layout, Opened, Output, Stats, Ticket};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) config: Config,
    pub(super) entropy: Entropy,
    pub(super) rng: Rng,
    pub(super) flights: Flights,
    pub(super) lease: Lease,
    pub(super) opened: Option<Opened>,
    pub(super) orders: Orders,
    pub(super) accepted: u64,
    pub(super) committed: u64,
    pub(super) trouble: Trouble,
    /// The last `Date` of the service, and when it arrived.
    pub(super) date: Option<(Time, UnixTime)>,
    pub(super) stats: Stats,
    /// The final error.
    pub(super) over: Option<Error>,
}

/// What the caller has asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    /// Send what was accepted up to here, full block or not.
    pub(super) flush: u64,
    /// Close the segment once everything up to here is committed.
    pub(super) roll: Option<u64>,
    /// Merge small blocks once everything up to here is committed.
    pub(super) compact: Option<u64>,
    /// End the stream once everything is committed.
    pub(super) end: bool,
    /// Give back the lease once everything up to here is committed.
    pub(super) leave: Option<u64>,
    /// The service does not allow what was ordered last.
    pub(super) refused: Option<Error>,
    /// Whether the caller has been told so.
    pub(super) told: Cell<bool>,
    /// The stream is ended.
    pub(super) ended: bool,
    /// Take no more bytes.
    pub(super) close: bool,
}

/// Why bytes were not taken by the buffer of either layout.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refused {
    /// There is no room now.
    Full,
    /// There never will be.
    TooLarge,
}

impl Orders {
    /// Whether an order is to be given, and not the refusal of the one before to be told first:
    /// somebody who repeats the order without waiting would never learn of it.
    pub(super) fn anew(&mut self) -> bool {
        let anew = self.refused.is_none() || self.told.get();
        if anew {
            self.refused = None;
            self.told.set(false);
        }
        anew
    }
}

impl Session {
    pub(super) fn new(config: Config, entropy: Entropy) -> Self {
        let lease = Lease::new(LeaseId(entropy.nonce.0), config.lease);
        Self {
            config,
            entropy,
            lease,
            rng: Rng::new(entropy.seed),
            flights: Flights::default(),
            opened: None,
            orders: Orders::default(),
            accepted: 0,
            committed: 0,
            trouble: Trouble::default(),
            date: None,
            stats: Stats::default(),
            over: None,
        }
    }

    /// The stream is ours from `start` on.
    pub(super) fn begin(&mut self, layout: Layout, start: u64, epoch: u64, exclusive: bool) {
        self.committed = start;
        self.accepted = start;
        self.orders.flush = start;
        self.opened = Some(Opened { layout, start, epoch, exclusive });
    }

    /// Nothing more happens (O3).
    pub(super) fn end(&mut self, error: Error) {
        self.trouble.clear();
        self.flights.clear();
        self.leave_in_the_end();
        self.over = Some(error);
    }
}

// Commands.
impl Session {
    pub(super) fn flush(&mut self, now: Time) -> Result<Ticket, Error> {
        self.usable()?;
        self.orders.flush = self.accepted;
        self.trouble.hurry();
        Ok(Ticket::committed(self.accepted, now))
    }

    pub(super) fn close(&mut self, now: Time) -> Result<Ticket, Error> {
        self.flush(now)?;
        self.orders.leave = Some(self.accepted);
        Ok(Ticket::closed(self.accepted, now))
    }

    /// Everything is committed and nothing due: the lease goes, if the caller goes.
    pub(super) fn leave_if_closing(&mut self) {
        let done = self.orders.leave.is_some_and(|upto| self.committed >= upto);
        if done && !self.flights.are_at_work() {
            self.orders.leave = None;
            self.leave_for_good();
        }
    }

    pub(super) fn seal(&mut self, now: Time) -> Result<Ticket, Error> {
        self.open()?;
        self.flush(now)?;
        if self.orders.anew() {
            self.orders.end = !self.orders.ended;
        }
        Ok(Ticket::ended(now))
    }

    pub(super) fn credential_changed(&mut self) {
        self.trouble.clear();
        self.lease.hurry();
    }

    /// Whether a command of any kind is taken.
    pub(super) fn usable(&self) -> Result<(), Error> {
        match &self.over {
            _ if self.orders.close => Err(Error::Closed),
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Whether a command is taken that needs to know the stream.
    pub(super) fn open(&self) -> Result<(), Error> {
        self.usable()?;
        self.opened.map_or(Err(Error::NotOpen), |_| Ok(()))
    }

    /// Whether a command is taken that leads to more bytes.
    pub(super) fn writable(&self) -> Result<(), Error> {
        match &self.over {
            _ if self.orders.close => Err(Error::Closed),
            _ if self.orders.end || self.orders.ended => Err(Error::Sealed),
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// Whether bytes are taken.
    pub(super) fn appendable(&self) -> Result<(), Error> {
        self.writable()?;
        self.opened.map_or(Err(Error::NotOpen), |_| Ok(()))
    }
}

// Requests and what is wrong with them.
impl Session {
    /// Counts a request that is sent.
    pub(super) fn send(&mut self, now: Time, call: Call) -> Output {
        let op = self.flights.begin(now, &call);
        self.stats.count(&call);
        let lease = self.lease.id_for(&call);
        Output::Call { op, call, lease }
    }

    /// A failure that may pass: the same again after a pause.
    pub(super) fn passing(&mut self, now: Time, reason: String, retry_after: Option<Span>) {
        self.stats.retries += 1;
        self.trouble.passing(now, Error::Unavailable(reason), retry_after, &mut self.rng);
    }

    /// A failure that lasts until the caller does something about it.
    pub(super) fn lasting(&mut self, now: Time, error: Error) {
        self.stats.retries += 1;
        self.trouble.lasting(now, error, &mut self.rng);
    }

    /// An answer that is no answer to what was asked.
    pub(super) fn doubted(&mut self, now: Time, failure: Failure) {
        match failure {
            Failure::NotSent(reason) => self.passing(now, reason, None),
            Failure::InDoubt { reason, status, retry_after } => {
                self.stats.doubts += 1;
                self.stats.throttled += u64::from(matches!(status, Some(429 | 503)));
                self.passing(now, reason, retry_after);
            }
            Failure::Refused(refusal) => self.refused(now, &refusal),
        }
    }

    /// A refusal that says nothing about earlier attempts: the same again, sooner or later.
    pub(super) fn refused(&mut self, now: Time, refusal: &Refusal) {
        let said = said(refusal);
        let error = match refusal.cause {
            Cause::Unauthenticated => Error::Unauthenticated(said),
            Cause::ClockOff(skew) => Error::Unauthenticated(format!("{said}; {skew}")),
            Cause::Forbidden => Error::AccessDenied(said),
            Cause::ContainerNotFound => {
                Error::NotFound(format!("the container does not exist: {said}"))
            }
            Cause::LeaseLost => {
                self.lease.is_doubted(now);
                return self.passing(now, said, None);
            }
            Cause::Leased => {
                return self.passing(now, format!("{LEASED}; {said}"), None);
            }
            Cause::Damaged | Cause::Unready => {
                return self.passing(now, said, None);
            }
            _ => Error::Other(said),
        };
        self.lasting(now, error);
    }

    /// In mid-stream, what does not fit was put there by somebody else.
    pub(super) fn foreign(&self, error: Error) -> Error {
        match error {
            Error::Conflict(why) if self.opened.is_some() => Error::Diverged(why),
            error => error,
        }
    }
}

/// Why others wait.
pub(super) const LEASED: &str = "somebody else holds a lease";

/// What the service said, for people.
pub(super) fn said(refusal: &Refusal) -> String {
    format!("{} (status {})", refusal.code, refusal.status)
}
