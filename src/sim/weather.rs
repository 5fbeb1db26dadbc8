//! What happens to a request between a writer and the service.
//!
//! Each run turns a random subset of the kinds on (half of all runs have each kind off), so that
//! no kind hides behind another. Invariant: everything here is something that the protocol
//! promises to survive.

use crate::rng::Rng;
use crate::time::Span;

/// Chances in 1000, one for each kind.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Weather {
    lose_request: u64,
    lose_reply: u64,
    late: u64,
    twice: u64,
    busy: u64,
    timed_out: u64,
    refused_connection: u64,
    slow: u64,
    seal_fails: bool,
    /// A writer's process ends, and another opens the stream.
    pub(super) crash: u64,
    /// A second writer opens the stream while the first lives on.
    pub(super) takeover: u64,
    /// Somebody sets metadata on the last segment, keeping what is there.
    pub(super) touch: u64,
    /// Somebody stages a block on the blob of the block layout, or drops what is staged.
    pub(super) stage: u64,
    /// A user ends the stream.
    pub(super) end: u64,
}

/// What happens to one request.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Fate {
    /// It arrives, and so does its answer.
    Fair,
    /// It never arrives; no answer.
    RequestLost,
    /// It is applied; no answer.
    ReplyLost,
    /// It is applied long after the writer gave up; no answer.
    Late,
    /// It arrives twice, and the second answer comes back.
    Twice,
    /// It is applied, or not, and answered with 503.
    Busy(bool),
    /// It is applied, or not, and answered with 500 `OperationTimedOut`.
    TimedOut(bool),
    /// The connection is refused before anything has left.
    NotSent,
}

impl Weather {
    /// No trouble at all.
    pub fn fair() -> Self {
        Self::default()
    }

    /// The weather of one run.
    pub(super) fn of(rng: &mut Rng) -> Self {
        let mut chance = |most: u64| if rng.below(2) == 0 { 0 } else { 1 + rng.below(most) };
        Self {
            lose_request: chance(100),
            lose_reply: chance(150),
            late: chance(60),
            twice: chance(100),
            busy: chance(100),
            timed_out: chance(100),
            refused_connection: chance(50),
            slow: chance(200),
            seal_fails: chance(1) == 1,
            crash: chance(80),
            takeover: chance(60),
            touch: chance(60),
            stage: chance(60),
            end: if chance(4) == 1 { 20 } else { 0 },
        }
    }

    /// Whether this account refuses to seal, as Azurite does with a SAS.
    pub(super) const fn seal_fails(&self) -> bool {
        self.seal_fails
    }

    /// Everything passing is over; what the account cannot do it still cannot.
    pub(super) fn heal(&mut self) {
        *self = Self { seal_fails: self.seal_fails, ..Self::default() };
    }

    pub(super) fn fate(&self, rng: &mut Rng) -> Fate {
        let mut dice = rng.below(1000);
        let applied = rng.below(2) == 0;
        let kinds = [
            (self.lose_request, Fate::RequestLost),
            (self.lose_reply, Fate::ReplyLost),
            (self.late, Fate::Late),
            (self.twice, Fate::Twice),
            (self.busy, Fate::Busy(applied)),
            (self.timed_out, Fate::TimedOut(applied)),
            (self.refused_connection, Fate::NotSent),
        ];
        for (chance, fate) in kinds {
            if dice < chance {
                return fate;
            }
            dice -= chance;
        }
        Fate::Fair
    }

    /// How long a request, or an answer, is under way.
    pub(super) fn delay(&self, rng: &mut Rng) -> Span {
        let slow = rng.below(1000) < self.slow;
        Span::millis(if slow { 1_000 + rng.below(40_000) } else { 1 + rng.below(30) })
    }

    /// How late a late request arrives: minutes are possible.
    pub(super) const fn lateness(rng: &mut Rng) -> Span {
        Span::millis(20_000 + rng.below(200_000))
    }
}
