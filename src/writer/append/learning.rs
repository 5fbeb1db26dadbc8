//! What the writer concludes from answers. The only place where anything is learned.
//!
//! Invariants: a failure never moves the stream; a refusal speaks for one attempt, so wherever an
//! earlier one may have landed the segment is looked at (`protocol.md` V3, V5); bytes are counted
//! as committed here and nowhere else, on a 201 or on the verdict *landed*.

use alloc::format;
use alloc::string::ToString;

use crate::call::{Answer, Body, Cause, ETag, Failure, Outcome, Refusal, Target};
use crate::error::Error;
use crate::limits;
use crate::stream::{Identity, Segment};
use crate::time::Time;
use crate::writer::append::attempt::own;
use crate::writer::append::attempt::{Attempt, Stage, Write};
use crate::writer::append::search::{Found, Search, Stop};
use crate::writer::append::{Chain, Phase, Rungs};
use crate::writer::session::{LEASED, said};
use crate::writer::{Layout, Touched};

impl Chain {
    pub(super) fn end(&mut self, error: Error) {
        self.session.end(error);
        self.phase = Phase::Ready;
    }
}

// Opening.
impl Chain {
    pub(super) fn searched(&mut self, now: Time, mut search: Search, outcome: Outcome) {
        let answer = match outcome {
            Ok(answer) => Ok(answer),
            Err(Failure::Refused(refusal)) => Err(refusal),
            Err(failure) => {
                self.phase = Phase::Search(search);
                return self.session.doubted(now, failure);
            }
        };
        match search.learn(answer) {
            Ok(None) => {
                if !self.waits {
                    self.session.trouble.clear();
                }
                self.phase = Phase::Search(search);
            }
            Ok(Some(Found::After(over))) if over.leased => self.wait_for_owner(now),
            Ok(Some(found)) => self.found(&search, found),
            Err(Stop::OtherLayout) => self.phase = Phase::Elsewhere,
            Err(Stop::Final(error)) => self.end(error),
            Err(Stop::Refused(refusal)) => {
                self.phase = Phase::Search(search);
                self.session.refused(now, &refusal);
            }
        }
    }

    /// The last segment is over and leased: its owner is about to create the next one.
    fn wait_for_owner(&mut self, now: Time) {
        self.waits = true;
        self.search_again();
        self.session.passing(now, LEASED.to_string(), None);
    }

    /// The end of the stream is known: the claim is the write that makes it ours (O1, O2).
    fn found(&mut self, search: &Search, found: Found) {
        self.waits = false;
        self.session.trouble.clear();
        let end = match &found {
            Found::Tail(segment) | Found::After(segment) => segment.end(),
            Found::Nothing => 0,
        };
        if self.session.config.expected_end.is_some_and(|expected| expected != end) {
            return self.end(Error::EndsElsewhere(end));
        }
        let epoch = search.epoch().saturating_add(1);
        let write = match found {
            Found::Tail(segment) => {
                let mut claimed = segment.clone();
                claimed.identity = Some(self.identity(&segment, epoch));
                self.tail = Some(segment);
                Write::Claim(claimed)
            }
            // A claim, or an end, that is under way by its ETag must not succeed behind our back.
            Found::After(over) if !over.is_marked() => {
                let mut closed = over.clone();
                closed.identity = Some(Identity { end: Some(end), ..self.identity(&over, epoch) });
                self.tail = Some(over);
                Write::Claim(closed)
            }
            Found::After(over) => self.claim_after(over, epoch),
            Found::Nothing => Write::Create(self.created(1, 0, epoch, None)),
        };
        debug_assert!(search.stream().is_none() || self.tail.is_some(), "a stream has segments");
        self.phase = Phase::Attempt(Attempt::new(write));
    }

    /// The last segment is over: creating the next one is the claim (O2).
    fn claim_after(&mut self, over: Segment, epoch: u64) -> Write {
        let next = self.created(over.number + 1, over.end(), epoch, over.identity.as_ref());
        self.tail = Some(over);
        Write::Create(next)
    }

    /// Somebody was faster: everything known about the stream may have changed.
    pub(super) fn search_again(&mut self) {
        self.tail = None;
        self.phase = Phase::Search(Search::new(&self.session.config));
    }

    fn open(&mut self, tail: Segment, epoch: u64, exclusive: bool) {
        let start = tail.end();
        self.session.begin(Layout::Append, start, epoch, exclusive);
        self.tail = Some(tail);
        self.phase = Phase::Ready;
    }

    /// A log that somebody else began is adopted by a claim, or not at all.
    fn may_open_unclaimed(&self) -> bool {
        self.session.opened.is_none()
            && self.tail.as_ref().is_some_and(|tail| tail.identity.is_some())
    }

    /// The credential cannot claim (O4). What is there is appended to, and nobody is shut out.
    fn open_unclaimed(&mut self, claimed: &Segment) {
        let tail = self.tail.take().expect("a claim is made on a segment that was found");
        if tail.is_over() {
            let write = self.claim_after(tail, own(claimed).epoch);
            self.rungs = Rungs { mark: false, seal: false };
            self.phase = Phase::Attempt(Attempt::new(write));
            return;
        }
        self.rungs = Rungs { mark: false, seal: false };
        self.open(tail, own(claimed).epoch, false);
    }
}

// Writes.
impl Chain {
    pub(super) fn attempted(&mut self, now: Time, mut attempt: Attempt, outcome: Outcome) {
        match (attempt.stage.clone(), outcome) {
            (Stage::Send, Ok(answer)) => self.applied(attempt.write, answer),
            (Stage::Send, Err(failure)) if matches!(attempt.write, Write::Seal) => {
                self.seal_failed(&failure);
            }
            (Stage::Send, Err(Failure::Refused(refusal))) => {
                self.send_refused(now, attempt, refusal);
            }
            (Stage::Send, Err(failure)) => self.send_doubted(now, attempt, failure),
            (Stage::Look, Ok(Answer::Properties(seen))) => self.seen(now, attempt, &seen),
            (Stage::Look, Err(Failure::Refused(Refusal { cause: Cause::BlobNotFound, .. }))) => {
                self.vanished(now, attempt);
            }
            (Stage::Compare(segment), Ok(Answer::Range { offset, bytes })) => {
                self.compared(now, attempt, segment, offset, &bytes);
            }
            (_, Err(failure)) => {
                // The segment may have changed between the look and the comparison.
                attempt.look();
                self.phase = Phase::Attempt(attempt);
                self.session.doubted(now, failure);
            }
            (_, Ok(_)) => unreachable!("an answer is of the kind of its call"),
        }
    }

    /// The service applied this very sending.
    fn applied(&mut self, write: Write, answer: Answer) {
        self.session.trouble.clear();
        match (write, answer) {
            (Write::Append(body), Answer::Appended { offset, blocks, etag }) => {
                let at = self.tail.as_ref().map(|tail| tail.length);
                if at != Some(offset) {
                    let why = "a block was stored at another place than its condition allows";
                    return self.end(Error::Diverged(why.to_string()));
                }
                self.appended(&body, blocks, etag);
            }
            (write, Answer::Written { etag }) => self.written(write, etag),
            (_, _) => unreachable!("an answer is of the kind of its call"),
        }
    }

    pub(super) fn appended(&mut self, body: &Body, blocks: u32, etag: ETag) {
        let tail = self.tail.as_mut().expect("an append has a tail");
        tail.length += body.0.len() as u64;
        // Azurite's count can lag behind; ours cannot, because nobody else appends.
        tail.blocks = blocks.max(tail.blocks + 1);
        tail.etag = etag;
        self.session.committed += body.0.len() as u64;
        self.buffer.commit();
        self.session.stats.blocks += 1;
        self.touch();
        self.phase = Phase::Ready;
    }

    /// A claim, a creation, a seal or a mark is applied; the ETag is the one after it.
    pub(super) fn written(&mut self, write: Write, etag: ETag) {
        self.phase = Phase::Ready;
        match write {
            Write::Claim(segment) => self.began(Segment { etag, ..segment }),
            Write::Create(segment) => {
                let created = segment.created.or_else(|| self.session.date.map(|(_, date)| date));
                self.began(Segment { etag, created, ..segment });
                self.session.stats.segments_created += 1;
                self.touch();
            }
            Write::Mark(identity) => self.marked_as(identity, etag),
            Write::Seal => {
                let tail = self.tail.as_mut().expect("only a tail is sealed");
                tail.sealed = true;
                tail.etag = etag;
            }
            Write::Append(_) => unreachable!("an append is answered by where it landed"),
        }
    }

    /// The tail is another one, and ours; the first one that takes bytes opens the stream.
    fn began(&mut self, tail: Segment) {
        self.full = false;
        if self.session.opened.is_none() && tail.is_marked() {
            let epoch = own(&tail).epoch;
            let write = self.claim_after(tail, epoch);
            self.phase = Phase::Attempt(Attempt::new(write));
        } else if self.session.opened.is_none() {
            let epoch = own(&tail).epoch;
            // Nobody is shut out by an appender that cannot close what it leaves (O4).
            self.open(tail, epoch, self.rungs.mark);
        } else {
            self.tail = Some(tail);
        }
    }

    fn marked_as(&mut self, identity: Identity, etag: ETag) {
        let tail = self.tail.as_mut().expect("only a tail is marked");
        self.session.orders.ended |= identity.ended;
        self.session.orders.end &= !identity.ended;
        self.session.orders.roll =
            self.session.orders.roll.filter(|upto| self.session.committed < *upto);
        self.rungs.mark = true;
        // The mark closes it for Everblob; a seal closes it for everybody.
        self.seal = self.rungs.seal && !tail.sealed;
        tail.identity = Some(identity);
        tail.etag = etag;
        let number = tail.number;
        let target = Target::Segment(number);
        if self.touched.back().is_some_and(|last| last.target == target) {
            self.touch();
        }
    }

    /// Remembers the tail for the caller.
    fn touch(&mut self) {
        let tail = self.tail.as_ref().expect("only a tail is touched");
        let Segment { number, start, length, blocks, .. } = *tail;
        let closed = tail.is_closed();
        let target = Target::Segment(number);
        if self.touched.back().is_some_and(|last| last.target == target) {
            self.touched.pop_back();
        }
        if self.touched.len() == limits::SEGMENTS_REMEMBERED {
            self.touched.pop_front();
        }
        self.touched.push_back(Touched { target, start, length, blocks, closed });
    }

    /// No answer, or none that says what was stored: the same again (V4).
    fn send_doubted(&mut self, now: Time, attempt: Attempt, failure: Failure) {
        self.phase = Phase::Attempt(attempt);
        self.session.doubted(now, failure);
    }

    /// The segment is closed without it. What the account cannot do is not asked for again.
    fn seal_failed(&mut self, failure: &Failure) {
        self.session.stats.doubts += u64::from(matches!(failure, Failure::InDoubt { .. }));
        self.rungs.seal = match failure {
            Failure::NotSent(_) => true,
            Failure::InDoubt { status, .. } => !matches!(status, Some(500 | 501)),
            Failure::Refused(refusal) => !matches!(refusal.cause, Cause::Forbidden | Cause::Other),
        };
        self.phase = Phase::Ready;
    }

    /// This sending was refused; an earlier one may have landed all the same (V3, V5).
    fn send_refused(&mut self, now: Time, mut attempt: Attempt, refusal: Refusal) {
        match (&attempt.write, refusal.cause) {
            (
                _,
                Cause::AlreadyExists
                | Cause::BlobNotFound
                | Cause::BlobSealed
                | Cause::BlockCountExceeded
                | Cause::ConditionNotMet
                | Cause::InvalidBlobType
                | Cause::MaxSizeExceeded,
            ) => {
                attempt.cause = Some(refusal.cause);
                attempt.look();
                self.phase = Phase::Attempt(attempt);
            }
            (Write::Append(body), Cause::TooLarge) if body.0.len() > 1 => {
                attempt.cause = Some(refusal.cause);
                attempt.look();
                self.phase = Phase::Attempt(attempt);
            }
            (Write::Claim(claimed), Cause::Forbidden) if self.may_open_unclaimed() => {
                let claimed = claimed.clone();
                self.session.trouble.clear();
                self.open_unclaimed(&claimed);
            }
            (Write::Mark(_), Cause::Forbidden) => self.mark_refused(&refusal),
            _ => {
                self.phase = Phase::Attempt(attempt);
                self.session.refused(now, &refusal);
            }
        }
    }

    /// The credential cannot close segments. What the caller has ordered fails; what its limits
    /// ask for does not happen, and the segment grows until it is full.
    fn mark_refused(&mut self, refusal: &Refusal) {
        self.rungs.mark = false;
        if self.session.orders.roll.take().is_some()
            || core::mem::take(&mut self.session.orders.end)
        {
            self.session.orders.refused = Some(Error::AccessDenied(said(refusal)));
        }
    }

    /// The blob that the attempt is about does not exist.
    fn vanished(&mut self, now: Time, attempt: Attempt) {
        match &attempt.write {
            // Somebody created it and somebody deleted it; it is free again.
            Write::Create(_) => self.send_again(now, attempt),
            _ if self.session.opened.is_none() => self.search_again(),
            _ => self.is_gone(),
        }
    }

    /// The tail was deleted.
    pub(super) fn is_gone(&mut self) {
        let tail = self.tail.as_ref().expect("a stream that is open has a tail");
        let error = if tail.length > 0 {
            Error::Rewound(self.position())
        } else {
            Error::Diverged(format!("segment {} was deleted", tail.number))
        };
        self.end(error);
    }
}
