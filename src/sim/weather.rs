//! What happens to a run beside what its users do.
//!
//! Each run turns a random subset of the kinds on (half of all runs have each kind off), so that
//! no kind hides behind another. Invariant: but for the [`Fault::DISTURBING`], everything here is
//! something that the protocol promises to survive.

use crate::azure::refusal::failure;
use crate::call::{CallKind, Failure};
use crate::rng::Rng;
use crate::time::Span;

use alloc::string::ToString as _;

/// A kind of trouble.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Fault {
    // Of a request.
    /// A request never arrives; no answer.
    RequestLost,
    /// A request is applied; no answer.
    ReplyLost,
    /// A request is applied long after the writer gave up; no answer.
    Late,
    /// A request arrives twice, and the second answer comes back.
    Twice,
    /// 503, applied or not, or later.
    Busy,
    /// 429, applied or not, or later.
    Throttled,
    /// 500 `OperationTimedOut`, applied or not, or later.
    TimedOut,
    /// 408, 502 or 504, applied or not, or later.
    Gateway,
    /// A busy service asks for a pause.
    RetryAfter,
    /// The connection is refused before anything has left.
    NotSent,
    /// The connection is reset before or after the body left: applied or not, or later.
    Reset,
    /// The answer is truncated, or no answer to what was asked: a success in doubt, a refusal
    /// without its code.
    Malformed,
    /// 409 `BlobModifiedWhileReading` to a write, applied or not, or later.
    ReadMeanwhile,
    /// The body is damaged on its way.
    Damaged,
    /// A request or an answer is under way for long.
    Slow,
    /// The writer's credential has expired.
    Expired,
    /// The credential does not allow reading, for some time.
    NoRead,
    /// The credential does not allow listing.
    NoList,
    /// The credential allows to append and to create, and no other write: nobody is shut out.
    NoWrite,
    /// The account refuses to seal, as Azurite does with a SAS.
    NoSeal,
    /// A block is larger than the service takes.
    TooLarge,
    /// The service refuses another block before it looks at conditions.
    Full,
    // Of a run.
    /// A writer with a path much slower than others'.
    SlowPath,
    /// The `Date` of answers jumps.
    ClockJump,
    /// A writer's process ends, and another opens the stream.
    Crash,
    /// Its caller sends what is not stored once more.
    Resend,
    /// A caller expects the stream to end elsewhere.
    EndsElsewhere,
    /// A second writer opens the stream while the first lives on.
    Takeover,
    /// Somebody's tool sets metadata on the last segment, keeping what is there.
    Touch,
    /// Somebody's tool stages a block on the blob of the block layout, or drops what is staged.
    Stage,
    /// Somebody's tool takes a lease on a blob.
    ForeignLease,
    /// The name held a blob of blocks, or an append blob, that is adopted.
    Adopted,
    /// The name held a blob that cannot be appended to, and is refused.
    Refused,
    // Against which there is no promise but to say so.
    /// Somebody's tool appends to the last segment.
    ForeignAppend,
    /// Somebody's tool commits another list.
    ForeignCommit,
    /// Somebody's tool removes the metadata.
    Stripped,
    /// Somebody's tool deletes a blob, which frees its name.
    Deleted,
    /// Somebody's tool puts a blob in the place of another, or where the next one will be.
    Replaced,
    /// The service goes back to an earlier state.
    Rewound,
}

impl Fault {
    /// How many there are.
    pub const COUNT: usize = Self::Rewound as usize + 1;

    /// All of them, in order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::RequestLost,
        Self::ReplyLost,
        Self::Late,
        Self::Twice,
        Self::Busy,
        Self::Throttled,
        Self::TimedOut,
        Self::Gateway,
        Self::RetryAfter,
        Self::NotSent,
        Self::Reset,
        Self::Malformed,
        Self::ReadMeanwhile,
        Self::Damaged,
        Self::Slow,
        Self::Expired,
        Self::NoRead,
        Self::NoList,
        Self::NoWrite,
        Self::NoSeal,
        Self::TooLarge,
        Self::Full,
        Self::SlowPath,
        Self::ClockJump,
        Self::Crash,
        Self::Resend,
        Self::EndsElsewhere,
        Self::Takeover,
        Self::Touch,
        Self::Stage,
        Self::ForeignLease,
        Self::Adopted,
        Self::Refused,
        Self::ForeignAppend,
        Self::ForeignCommit,
        Self::Stripped,
        Self::Deleted,
        Self::Replaced,
        Self::Rewound,
    ];

    /// What may happen to a request on its way.
    const ON_THE_WAY: [Self; 13] = [
        Self::RequestLost,
        Self::ReplyLost,
        Self::Late,
        Self::Twice,
        Self::Busy,
        Self::Throttled,
        Self::TimedOut,
        Self::Gateway,
        Self::NotSent,
        Self::Reset,
        Self::Malformed,
        Self::ReadMeanwhile,
        Self::Damaged,
    ];

    /// What breaks the preconditions of the first promise.
    pub(super) const DISTURBING: [Self; 6] = [
        Self::ForeignAppend,
        Self::ForeignCommit,
        Self::Stripped,
        Self::Deleted,
        Self::Replaced,
        Self::Rewound,
    ];

    /// Its highest chance in 1000: of a request, of an action of the users, or of a run.
    const fn most(self) -> u64 {
        match self {
            Self::ReplyLost | Self::Twice => 100,
            Self::Late | Self::RequestLost | Self::Slow | Self::Reset => 60,
            Self::Crash | Self::Takeover | Self::Touch | Self::Stage => 40,
            Self::NoSeal | Self::SlowPath | Self::Resend | Self::RetryAfter => 1000,
            Self::NoList => 400,
            Self::NoWrite | Self::TooLarge => 200,
            Self::Adopted => 100,
            Self::Refused => 20,
            Self::Expired => 500,
            Self::EndsElsewhere => 100,
            Self::ForeignLease | Self::NoRead | Self::ClockJump => 20,
            // These happen of themselves.
            Self::Full => 0,
            _ => 40,
        }
    }
}

/// How often each fault was met.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Met([u64; Fault::COUNT]);

impl Met {
    /// How often one was.
    pub const fn count(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// How often any was.
    pub fn sum(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count);
    }

    pub(super) const fn meet(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }
}

impl Default for Met {
    fn default() -> Self {
        Self([0; Fault::COUNT])
    }
}

/// Chances in 1000, one for each kind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Weather {
    chances: [u64; Fault::COUNT],
}

/// Whether a request is applied whose answer does not tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Applied {
    Never,
    Now,
    /// Long after the answer.
    Later,
}

impl Weather {
    /// No trouble at all.
    pub(super) const fn fair() -> Self {
        Self { chances: [0; Fault::COUNT] }
    }

    /// The weather of one run, with what disturbs it or not.
    pub(super) fn of(rng: &mut Rng, disturbing: bool) -> Self {
        let mut weather = Self::fair();
        for fault in Fault::ALL {
            let on = rng.below(2) == 1 && (disturbing || !Fault::DISTURBING.contains(&fault));
            let most = fault.most();
            if on && most > 0 {
                weather.chances[fault as usize] = 1 + rng.below(most);
            }
        }
        weather
    }

    /// Everything passing is over; what the account cannot do it still cannot.
    pub(super) fn heal(&mut self) {
        let kept = [Fault::NoSeal, Fault::NoList, Fault::NoWrite, Fault::Adopted, Fault::Refused];
        let mut healed = Self::fair();
        for fault in kept {
            healed.chances[fault as usize] = self.chance(fault);
        }
        *self = healed;
    }

    pub(super) const fn chance(&self, fault: Fault) -> u64 {
        self.chances[fault as usize]
    }

    /// Whether it is this fault's turn.
    pub(super) const fn strikes(&self, fault: Fault, rng: &mut Rng) -> bool {
        let chance = self.chance(fault);
        chance > 0 && rng.below(1000) < chance
    }

    /// Decides for the whole run.
    pub(super) const fn settle(&mut self, fault: Fault, rng: &mut Rng) -> bool {
        let strikes = self.strikes(fault, rng);
        self.chances[fault as usize] = if strikes { 1000 } else { 0 };
        strikes
    }

    /// Whether the account, or the credential, is so for the whole run.
    pub(super) const fn is_so(&self, fault: Fault) -> bool {
        self.chance(fault) == 1000
    }

    /// Turns a kind off for the whole run.
    pub(super) const fn spare(&mut self, fault: Fault) {
        self.chances[fault as usize] = 0;
    }

    /// What happens to a request on its way, if anything.
    pub(super) fn fate(&self, kind: CallKind, rng: &mut Rng) -> Option<Fault> {
        let mut dice = rng.below(1000);
        for fault in Fault::ON_THE_WAY {
            let chance = self.chance(fault);
            if dice < chance {
                return meets(fault, kind).then_some(fault);
            }
            dice -= chance;
        }
        None
    }

    /// The answer that says nothing about what was stored.
    pub(super) fn doubt(&self, fault: Fault, rng: &mut Rng) -> (Failure, Option<Span>) {
        let asks =
            matches!(fault, Fault::Busy | Fault::Throttled) && self.strikes(Fault::RetryAfter, rng);
        let most = if rng.below(8) == 0 { 300 } else { 8 };
        let pause = asks.then(|| Span::secs(rng.below(most)));
        let failure = match fault {
            Fault::Busy => failure(503, "ServerBusy", pause),
            Fault::Throttled => failure(429, "", pause),
            Fault::TimedOut => failure(500, "OperationTimedOut", None),
            Fault::Gateway => failure([408, 502, 504][rng.below(3) as usize], "", None),
            Fault::ReadMeanwhile => failure(409, "BlobModifiedWhileReading", None),
            _ => unanswered("the connection was reset"),
        };
        (failure, pause)
    }

    /// How long a request, or an answer, is under way on a path.
    pub(super) const fn delay(path: Span, slow: bool, rng: &mut Rng) -> Span {
        let extra = if slow { 1_000 + rng.below(40_000) } else { 0 };
        Span(Span::millis(1 + extra).0 + rng.below(path.0))
    }

    /// How late a late request arrives: minutes are possible.
    pub(super) const fn lateness(rng: &mut Rng) -> Span {
        Span::millis(20_000 + rng.below(200_000))
    }
}

/// Only what has a body is damaged, and only writes meet readers.
const fn meets(fault: Fault, kind: CallKind) -> bool {
    match fault {
        Fault::Damaged => matches!(kind, CallKind::AppendBlock | CallKind::PutBlock),
        Fault::ReadMeanwhile => matches!(
            kind,
            CallKind::AppendBlock
                | CallKind::PutBlock
                | CallKind::PutBlockList
                | CallKind::SetMetadata
                | CallKind::Seal
        ),
        _ => true,
    }
}

/// No answer, or none that makes sense.
pub(super) fn unanswered(reason: &str) -> Failure {
    Failure::InDoubt { reason: reason.to_string(), status: None, retry_after: None }
}

/// Whether it is applied; a third of what is not is later.
pub(super) const fn applied(rng: &mut Rng) -> Applied {
    match rng.below(6) {
        0..=2 => Applied::Now,
        3 => Applied::Later,
        _ => Applied::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_listed_in_its_place() {
        for (place, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, place);
        }
    }

    #[test]
    fn half_of_the_runs_are_without_a_kind() {
        let mut rng = Rng::new(1);
        let runs: alloc::vec::Vec<_> = (0..1000).map(|_| Weather::of(&mut rng, true)).collect();
        for fault in Fault::ALL.into_iter().filter(|fault| fault.most() > 0) {
            let without = runs.iter().filter(|it| it.chance(fault) == 0).count();
            assert!((400..600).contains(&without), "{fault:?}: {without}");
        }
    }

    #[test]
    fn what_healed_keeps_what_the_account_cannot() {
        let mut weather = Weather { chances: [1000; Fault::COUNT] };
        weather.heal();
        assert!(weather.is_so(Fault::NoSeal) && weather.is_so(Fault::NoList));
        assert_eq!(weather.fate(CallKind::AppendBlock, &mut Rng::new(1)), None);
    }
}
