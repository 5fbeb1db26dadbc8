//! What a look at a segment means for the write that made the writer look (`protocol.md` V1-V6).
//!
//! Invariants: the fate of a write and our standing on its segment are two questions, and the fate
//! comes first, so that bytes which landed are counted even by a writer that was superseded; what is
//! repeated for a condition that holds is repeated after a pause.

use alloc::format;
use alloc::string::ToString;

use crate::call::{Answer, Cause, Failure, Outcome, Properties, Refusal};
use crate::error::Error;
use crate::stream::Segment;
use crate::time::Time;
use crate::writer::append::attempt::{Attempt, Fate, Sight, Stage, Standing, Viewer, Write};
use crate::writer::append::attempt::{fate, must_compare, standing};
use crate::writer::append::{Chain, Phase};

impl Chain {
    /// A look has shown the segment.
    pub(super) fn seen(&mut self, now: Time, mut attempt: Attempt, seen: &Properties) {
        let number = attempt.number(self.tail.as_ref());
        let segment = match Segment::from_properties(number, seen) {
            Ok(segment) => segment,
            Err(error) => return self.end(self.session.foreign(error)),
        };
        let follows = !matches!(attempt.write, Write::Claim(_) | Write::Create(_));
        if follows && self.is_replaced(&segment) {
            return self.replaced(&segment);
        }
        if follows && must_compare(&attempt.write, &self.viewer(), &segment) {
            attempt.stage = Stage::Compare(segment);
            self.phase = Phase::Attempt(attempt);
            return;
        }
        self.judge(now, attempt, segment, None);
    }

    /// Whether the name holds a segment of another stream (I2).
    fn is_replaced(&self, seen: &Segment) -> bool {
        let stream = |segment: &Segment| segment.identity.as_ref().map(|it| it.stream);
        self.viewer().tail.identity.is_some()
            && stream(seen).is_some()
            && stream(seen) != stream(self.viewer().tail)
    }

    fn replaced(&mut self, seen: &Segment) {
        let error = if seen.length < self.viewer().tail.length {
            Error::Rewound(self.position())
        } else {
            Error::Diverged(format!("segment {} belongs to another stream", seen.number))
        };
        self.end(error);
    }

    pub(super) fn compared(
        &mut self,
        now: Time,
        mut attempt: Attempt,
        segment: Segment,
        offset: u64,
        bytes: &[u8],
    ) {
        let Write::Append(body) = &attempt.write else {
            unreachable!("only appended bytes are compared")
        };
        if offset == self.viewer().tail.length && bytes.len() == body.0.len() {
            let equal = *bytes == **body.0;
            return self.judge(now, attempt, segment, Some(equal));
        }
        attempt.look();
        self.phase = Phase::Attempt(attempt);
        self.session.passing(
            now,
            "the service answered another range than asked".to_string(),
            None,
        );
    }

    /// What was read of a tail of which it was not sure that it is ours.
    pub(super) fn checked(&mut self, now: Time, outcome: Outcome) {
        match outcome {
            Ok(Answer::Properties(seen)) => self.check(&seen),
            Ok(_) => unreachable!("an answer is of the kind of its call"),
            Err(Failure::Refused(Refusal { cause: Cause::BlobNotFound, .. })) => self.is_gone(),
            Err(failure) => {
                self.phase = Phase::Check;
                self.session.doubted(now, failure);
            }
        }
    }

    fn check(&mut self, seen: &Properties) {
        let Viewer { tail: &Segment { number, length, .. }, .. } = self.viewer();
        let segment = match Segment::from_properties(number, seen) {
            Ok(segment) => segment,
            Err(error) => return self.end(self.session.foreign(error)),
        };
        if self.is_replaced(&segment) {
            return self.replaced(&segment);
        }
        if self.stand(segment, length, None) {
            self.session.lease.is_ours_again();
        }
    }

    fn viewer(&self) -> Viewer<'_> {
        Viewer {
            tail: self.tail.as_ref().expect("what is looked at is, or follows, a tail"),
            nonce: self.session.entropy.nonce,
            exclusive: self.session.opened.is_none_or(|opened| opened.exclusive),
        }
    }

    fn judge(&mut self, now: Time, attempt: Attempt, seen: Segment, equal: Option<bool>) {
        match &attempt.write {
            Write::Claim(_) | Write::Create(_) => self.judge_ownership(now, attempt, seen),
            _ => self.judge_change(now, attempt, seen, equal),
        }
    }

    /// A claim or a creation: ours, or somebody else's (O2).
    fn judge_ownership(&mut self, now: Time, attempt: Attempt, seen: Segment) {
        let (Write::Claim(wanted) | Write::Create(wanted)) = &attempt.write else {
            unreachable!("only claims and creations are about ownership")
        };
        let viewer = Viewer { tail: wanted, nonce: self.session.entropy.nonce, exclusive: true };
        match fate(&attempt.write, &viewer, &Sight { segment: &seen, equal: None }) {
            // Somebody else's tool was there before the first byte.
            Fate::Landed if self.session.opened.is_some() && !self.goes_on_in(&seen) => {
                self.end(Error::Diverged(format!(
                    "segment {} ends at {} before anything of it was appended",
                    seen.number,
                    seen.end()
                )));
            }
            Fate::Landed => {
                self.session.trouble.clear();
                let etag = seen.etag.clone();
                let write = match attempt.write {
                    Write::Create(_) => Write::Create(seen),
                    _ => Write::Claim(seen),
                };
                self.written(write, etag);
            }
            Fate::Pending => self.send_again(now, attempt),
            Fate::Dead | Fate::Unknown if self.session.opened.is_none() => self.search_again(),
            Fate::Dead | Fate::Unknown => self.contested(seen),
        }
    }

    /// Whether the next byte is the next one of this segment.
    fn goes_on_in(&self, seen: &Segment) -> bool {
        seen.end() == self.session.committed
    }

    /// Rolling over, the next segment is there and not ours. An older appender's late creation is
    /// claimed; anything else means that we were superseded (O2).
    fn contested(&mut self, seen: Segment) {
        let epoch = self.session.opened.map_or(0, |opened| opened.epoch);
        let older = seen.identity.as_ref().is_some_and(|owner| owner.epoch < epoch);
        if older && seen.length == 0 && !seen.is_closed() && seen.start == self.session.committed {
            let mut claimed = seen;
            claimed.identity = Some(self.identity(&claimed, epoch));
            self.phase = Phase::Attempt(Attempt::new(Write::Claim(claimed)));
        } else {
            self.end(Error::Superseded(self.position()));
        }
    }

    /// An append, a seal or a mark on the tail.
    fn judge_change(&mut self, now: Time, attempt: Attempt, seen: Segment, equal: Option<bool>) {
        let sight = Sight { segment: &seen, equal };
        let fate = fate(&attempt.write, &self.viewer(), &sight);
        let before = self.viewer().tail.length;
        match (fate, &attempt.write) {
            (Fate::Landed, Write::Append(body)) => {
                let body = body.clone();
                let blocks = seen.blocks;
                self.session.trouble.clear();
                self.appended(&body, blocks, seen.etag.clone());
                self.stand(seen, before + body.0.len() as u64, attempt.cause);
            }
            (Fate::Landed, write) => {
                let write = write.clone();
                self.session.trouble.clear();
                if self.stand(seen.clone(), before, None) {
                    self.written(write, seen.etag);
                }
            }
            (Fate::Unknown, Write::Append(body)) => {
                let range = self.session.committed..self.session.committed + body.0.len() as u64;
                self.end(Error::UnknownOutcome(range, self.position()));
            }
            (Fate::Dead | Fate::Unknown, _) => {
                self.session.trouble.clear();
                self.stand(seen, before, attempt.cause);
            }
            (Fate::Pending, _) => self.resend(now, attempt, seen, before),
        }
    }

    /// Nothing has landed so far. If the segment is as it should be, the same is sent again; what
    /// was refused for good is not.
    fn resend(&mut self, now: Time, attempt: Attempt, seen: Segment, length: u64) {
        let over = matches!(
            attempt.cause,
            Some(Cause::BlockCountExceeded | Cause::MaxSizeExceeded | Cause::TooLarge)
        );
        if self.stand(seen, length, attempt.cause) && !over {
            self.send_again(now, attempt);
        }
    }

    /// The same once more. Where it was refused for a condition that holds, not without a pause.
    pub(super) fn send_again(&mut self, now: Time, mut attempt: Attempt) {
        let contradicted = attempt.cause.take().is_some();
        attempt.stage = Stage::Send;
        self.phase = Phase::Attempt(attempt);
        if contradicted {
            self.session.passing(now, "the service contradicts itself".to_string(), None);
        }
    }

    /// Takes over what a look showed of the tail, which should have `length` bytes. False if the
    /// stream is not ours to write any more.
    fn stand(&mut self, seen: Segment, length: u64, cause: Option<Cause>) -> bool {
        let position = self.position();
        let number = seen.number;
        let error = match standing(&self.viewer(), &seen, length) {
            Standing::Ours => {
                self.tail = Some(seen);
                self.phase = Phase::Ready;
                self.refused_for_good(cause);
                return true;
            }
            Standing::Rewound => Error::Rewound(position),
            Standing::Superseded => Error::Superseded(position),
            Standing::Diverged => Error::Diverged(format!(
                "segment {number} has {} bytes and should have {length}",
                seen.length
            )),
        };
        self.end(error);
        false
    }

    /// What the refusal that made us look means for the next attempt.
    fn refused_for_good(&mut self, cause: Option<Cause>) {
        match cause {
            Some(Cause::BlockCountExceeded | Cause::MaxSizeExceeded) => self.full = true,
            Some(Cause::TooLarge) => self.buffer.split_front(),
            _ => {}
        }
    }
}

impl Attempt {
    fn number(&self, tail: Option<&Segment>) -> u32 {
        match &self.write {
            Write::Claim(segment) | Write::Create(segment) => segment.number,
            _ => tail.expect("only claims and creations come before a tail").number,
        }
    }
}
