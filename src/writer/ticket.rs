//! What a caller waits for, and how it learns whether it is there.
//!
//! Invariant: a ticket is only a question; the writer keeps nothing about it, so that one may be
//! dropped at any time.

use crate::error::Error;
use crate::stream::Position;
use crate::time::Time;
use crate::writer::{Machine, Writer};

/// A goal, and since when somebody waits for it.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    goal: Goal,
    asked: Time,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Goal {
    /// The stream is open.
    Opened,
    /// Everything before this stream offset is committed.
    Committed(u64),
    /// Everything before this stream offset is committed, and its segment closed.
    Rolled(u64),
    /// Everything accepted is committed, and small blocks are merged.
    Compacted,
    /// The stream is ended.
    Ended,
    /// Everything before this stream offset is committed, and the lease given back.
    Closed(u64),
}

impl Ticket {
    pub(super) const fn opened(asked: Time) -> Self {
        Self { goal: Goal::Opened, asked }
    }

    pub(super) const fn committed(upto: u64, asked: Time) -> Self {
        Self { goal: Goal::Committed(upto), asked }
    }

    pub(super) const fn rolled(upto: u64, asked: Time) -> Self {
        Self { goal: Goal::Rolled(upto), asked }
    }

    pub(super) const fn compacted(asked: Time) -> Self {
        Self { goal: Goal::Compacted, asked }
    }

    pub(super) const fn closed(upto: u64, asked: Time) -> Self {
        Self { goal: Goal::Closed(upto), asked }
    }

    pub(super) const fn ended(asked: Time) -> Self {
        Self { goal: Goal::Ended, asked }
    }
}

impl Writer {
    /// Whether the goal of `ticket` is reached; `None` as long as it may be.
    ///
    /// # Errors
    /// A final error; what the caller has to act on, once it was tried since the ticket was made;
    /// or the last failure, once nothing has worked for as long as the patience.
    pub fn progress(&self, ticket: &Ticket, now: Time) -> Option<Result<Position, Error>> {
        let session = self.session();
        let settled = match ticket.goal {
            Goal::Opened => session.over.is_none() && session.lease.is_settled(),
            // Who has started and flushes waits for the stream to be open.
            Goal::Committed(upto) if session.opened.is_some_and(|it| it.start == upto) => {
                session.over.is_none() && session.lease.is_settled()
            }
            Goal::Closed(_) => !session.lease.is_there(),
            _ => true,
        };
        let reached = settled && machine!(self, machine => machine.reached(ticket.goal));
        if session.opened.is_some() && reached {
            return Some(Ok(self.position()));
        }
        if let Some(error) = &session.over {
            return (!session.lease.is_leaving()).then(|| Err(error.clone()));
        }
        let refused = &session.orders.refused;
        if let (Goal::Rolled(_) | Goal::Ended, Some(error)) = (ticket.goal, refused) {
            session.orders.told.set(true);
            return Some(Err(error.clone()));
        }
        session.trouble.verdict(ticket.asked, session.config.patience, now).map(Err)
    }

    /// When [`Writer::progress`] may change its answer though nothing has happened.
    pub fn deadline(&self, ticket: &Ticket) -> Option<Time> {
        let session = self.session();
        session.trouble.deadline(ticket.asked, session.config.patience)
    }
}
