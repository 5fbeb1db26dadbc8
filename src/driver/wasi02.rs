//! WASI 0.2: requests under way are values that outlive the call that started them.
//!
//! Invariants: only [`Driver::wait`] waits, in `wasi:io/poll`, and never when the time it may take
//! is over already; whatever a call does, the writer is drained before it returns.

use alloc::vec::Vec;

use crate::azure::credential::Credential;
use crate::azure::location::Location;
use crate::azure::refusal::blame_clock;
use crate::azure::request::Request;
use crate::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use crate::bindings::wasi::io::poll::{Pollable, poll};
use crate::bindings::wasi::random::random;
use crate::call::{Call, CallKind, LeaseId, Reply};
use crate::driver::exchange::Exchange;
use crate::error::Error;
use crate::stream::{Nonce, Position, StreamId};
use crate::time::{Span, Time, UnixTime};
use crate::writer::{Config, Entropy, OpId, Output, Ticket, Writer};

/// A writer and the requests that it has under way.
pub struct Driver {
    writer: Writer,
    location: Location,
    credential: Credential,
    checksums: bool,
    exchanges: Vec<(OpId, CallKind, Exchange)>,
}

impl Driver {
    /// A driver whose writer has not begun.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if a setting is out of range, or if the credential would be
    /// given away at the location.
    pub fn new(
        config: Config,
        location: Location,
        credential: Credential,
        checksums: bool,
    ) -> Result<Self, Error> {
        credential.check(&location)?;
        let writer = Writer::new(config, entropy())?;
        Ok(Self { writer, location, credential, checksums, exchanges: Vec::new() })
    }

    /// The writer, to be asked.
    pub const fn writer(&self) -> &Writer {
        &self.writer
    }

    /// The stream's place.
    pub const fn location(&self) -> &Location {
        &self.location
    }

    /// Takes up answers that have arrived, gives the writer a command, and starts what is due.
    /// Never waits.
    pub fn command<T>(&mut self, command: impl FnOnce(&mut Writer, Time) -> T) -> T {
        let now = now();
        self.collect(now);
        let result = command(&mut self.writer, now);
        self.turn(now);
        result
    }

    /// Waits until the goal of `ticket` is reached or cannot be, at most for `timeout`.
    ///
    /// # Errors
    /// As [`Writer::progress`]; [`Error::TimedOut`].
    pub fn finish(&mut self, ticket: &Ticket, timeout: Option<Span>) -> Result<Position, Error> {
        let limit = timeout.map(|span| now() + span);
        self.wait(limit, Some(ticket)).unwrap_or(Err(Error::TimedOut))
    }

    /// Works until nothing is under way, or the stream is stopped, at most for `time`.
    pub fn drive(&mut self, time: Span) {
        // What stopped the stream is told by the writer.
        let _ = self.wait(Some(now() + time), None);
    }

    /// Replaces the credential for requests that have yet to start.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if it would be given away; the old one is kept.
    pub fn set_credential(&mut self, credential: Credential) -> Result<(), Error> {
        credential.check(&self.location)?;
        self.credential = credential;
        self.command(|writer, _| writer.credential_changed());
        Ok(())
    }

    /// The only place that waits: for the goal of the ticket, or until nothing is under way.
    fn wait(
        &mut self,
        limit: Option<Time>,
        ticket: Option<&Ticket>,
    ) -> Option<Result<Position, Error>> {
        loop {
            let now = now();
            self.collect(now);
            let wake = self.turn(now);
            let done = match ticket {
                Some(ticket) => self.writer.progress(ticket, now),
                None => self.rests().then(|| Ok(self.writer.position())),
            };
            if done.is_some() {
                return done;
            }
            // Taking up one answer takes several steps, each of which may be ready at once.
            if self.waits().into_iter().any(Pollable::ready) {
                continue;
            }
            if limit.is_some_and(|limit| limit <= now) {
                return None;
            }
            let deadline = ticket.and_then(|ticket| self.writer.deadline(ticket));
            let until = [wake, limit, deadline].into_iter().flatten().min();
            if until.is_none() && self.exchanges.is_empty() {
                return None;
            }
            self.sleep(until);
        }
    }

    fn rests(&self) -> bool {
        let stopped = self.writer.stopped_by().is_some() && !self.writer.is_leaving();
        self.writer.is_idle() || stopped
    }

    fn sleep(&self, until: Option<Time>) {
        let timer = until.map(|at| monotonic_clock::subscribe_instant(at.0));
        let mut ready = self.waits();
        if let Some(timer) = &timer {
            ready.push(timer);
        }
        poll(&ready);
    }

    fn waits(&self) -> Vec<&Pollable> {
        let mut all = Vec::new();
        for (_, _, exchange) in &self.exchanges {
            all.extend(exchange.waits().into_iter().flatten());
        }
        all
    }

    /// Hands in what has arrived, and gives up what takes too long.
    fn collect(&mut self, now: Time) {
        let mut i = 0;
        while i < self.exchanges.len() {
            let (op, kind, exchange) = &mut self.exchanges[i];
            let (op, kind) = (*op, *kind);
            match exchange.advance() {
                None => i += 1,
                Some(result) => {
                    self.exchanges.swap_remove(i);
                    let reply = match result {
                        Ok(response) => {
                            let mut reply = response.reply(kind, &self.location);
                            blame_clock(&mut reply, today());
                            reply
                        }
                        Err(failure) => Reply { outcome: Err(failure), date: None },
                    };
                    self.writer.handle_reply(now, op, reply);
                }
            }
        }
        self.writer.handle_timeout(now);
        let writer = &self.writer;
        self.exchanges.retain(|(op, _, _)| writer.expects(*op));
    }

    /// Drains the writer, and says when it wants to be woken.
    fn turn(&mut self, now: Time) -> Option<Time> {
        loop {
            match self.writer.poll(now) {
                Output::Call { op, call, lease } => self.start(now, op, &call, lease),
                Output::Wait(at) => return at,
            }
        }
    }

    fn start(&mut self, now: Time, op: OpId, call: &Call, lease: Option<LeaseId>) {
        let mut request = Request::new(call, &self.location, self.checksums);
        if let Some(id) = lease {
            request.name_lease(id);
        }
        request.authorize(&self.credential, today());
        self.writer.sent(op, request.body.as_ref().map_or(0, |body| body.0.len() as u64));
        match Exchange::start(&request, &self.location) {
            Ok(exchange) => self.exchanges.push((op, call.kind(), exchange)),
            Err(failure) => {
                let reply = Reply { outcome: Err(failure), date: None };
                self.writer.handle_reply(now, op, reply);
            }
        }
    }
}

fn now() -> Time {
    Time(monotonic_clock::now())
}

fn today() -> UnixTime {
    UnixTime(wall_clock::now().seconds)
}

fn entropy() -> Entropy {
    Entropy { nonce: Nonce(bits()), stream: StreamId(bits()), seed: random::get_random_u64() }
}

fn bits() -> [u8; 16] {
    let half = || random::get_random_u64().to_be_bytes();
    let mut all = [0; 16];
    all[..8].copy_from_slice(&half());
    all[8..].copy_from_slice(&half());
    all
}
