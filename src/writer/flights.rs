//! The requests under way: their names, their kinds, and until when an answer is waited for.
//!
//! Invariant: a name is never used twice, so that an answer that comes late finds nothing.

use alloc::vec::Vec;

use crate::call::{Call, CallKind};
use crate::limits;
use crate::time::{Span, Time};

/// Names one request of one writer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct OpId(u64);

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights {
    next: u64,
    all: Vec<Flight>,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    op: OpId,
    kind: CallKind,
    deadline: Time,
}

impl Flights {
    /// A request begins.
    pub(super) fn begin(&mut self, now: Time, call: &Call) -> OpId {
        let op = OpId(self.next);
        self.next += 1;
        self.all.push(Flight { op, kind: call.kind(), deadline: now + patience_for(call) });
        op
    }

    /// A request has ended, or is given up. False if it had before.
    pub(super) fn end(&mut self, op: OpId) -> bool {
        let before = self.all.len();
        self.all.retain(|flight| flight.op != op);
        self.all.len() < before
    }

    /// Gives up all of them.
    pub(super) fn clear(&mut self) {
        self.all.clear();
    }

    /// Gives up a request whose deadline has passed.
    pub(super) fn overdue(&mut self, now: Time) -> Option<OpId> {
        let at = self.all.iter().position(|flight| flight.deadline <= now)?;
        Some(self.all.swap_remove(at).op)
    }

    /// When the next one is overdue.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.all.iter().map(|flight| flight.deadline).min()
    }

    pub(super) fn has(&self, op: OpId) -> bool {
        self.kind(op).is_some()
    }

    pub(super) fn kind(&self, op: OpId) -> Option<CallKind> {
        self.all.iter().find(|flight| flight.op == op).map(|flight| flight.kind)
    }

    /// Whether a request is under way that is not about a lease.
    pub(super) fn are_at_work(&self) -> bool {
        self.all.iter().any(|flight| flight.kind != CallKind::Lease)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

fn patience_for(call: &Call) -> Span {
    if call.kind() == CallKind::Lease {
        return limits::LEASE_REQUEST_TIME;
    }
    let bytes = match call {
        Call::AppendBlock { body, .. } | Call::PutBlock { body, .. } => body.0.len() as u64,
        Call::GetRange { length, .. } => *length,
        Call::PutBlockList { list, .. } => list.len() as u64 * limits::LIST_ENTRY_BYTES,
        _ => 0,
    };
    Span(limits::REQUEST_TIME.0 + bytes * limits::REQUEST_TIME_PER_BYTE.0)
}
