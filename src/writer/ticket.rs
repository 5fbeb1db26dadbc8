//! What a caller waits for, and how it learns whether it is there.
//!
//! Invariant: a ticket is only a question; the writer keeps nothing about it, so that one may be
//! dropped at any time.

use crate::error::Error;
use crate::stream::Position;
use crate::time::Time;
use crate::writer::{Phase, Writer};

/// A goal, and since when somebody waits for it.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    goal: Goal,
    asked: Time,
}

#[derive(Clone, Copy, Debug)]
enum Goal {
    /// The stream is open.
    Opened,
    /// Everything before this stream offset is committed.
    Committed(u64),
    /// Everything before this stream offset is committed, and its segment closed.
    Rolled(u64),
    /// The stream is ended.
    Ended,
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
        if self.reached(ticket.goal) {
            return Some(Ok(self.position()));
        }
        if let Phase::Final(error) = &self.phase {
            return Some(Err(error.clone()));
        }
        if let (Goal::Rolled(_) | Goal::Ended, Some(error)) = (ticket.goal, &self.orders.refused) {
            return Some(Err(error.clone()));
        }
        self.trouble.verdict(ticket.asked, self.config.patience, now).map(Err)
    }

    /// When [`Writer::progress`] may change its answer though nothing has happened.
    pub fn deadline(&self, ticket: &Ticket) -> Option<Time> {
        self.trouble.deadline(ticket.asked, self.config.patience)
    }

    fn reached(&self, goal: Goal) -> bool {
        self.opened.is_some()
            && match goal {
                Goal::Opened => true,
                Goal::Committed(upto) => self.committed >= upto,
                Goal::Rolled(upto) => {
                    let waiting = self.orders.roll.is_some_and(|order| order <= upto);
                    self.committed >= upto && !waiting && self.orders.refused.is_none()
                }
                Goal::Ended => self.orders.ended && !self.orders.seal && self.is_idle(),
            }
    }
}
