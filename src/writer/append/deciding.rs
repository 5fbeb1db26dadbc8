//! What the writer does next, once nothing is under way. All decisions to write to an open stream
//! are here.
//!
//! Invariants: a segment is left only by its mark, or where that is not allowed by the service's own
//! refusal of more (`protocol.md` C1, C2); a segment takes one block at least (C4); the next one
//! starts where the last one ends (C3).

use alloc::vec::Vec;

use crate::call::{ETag, Metadata, Target};
use crate::stream::{Identity, Layout, Segment};
use crate::time::{Span, Time};
use crate::writer::append::attempt::{Attempt, Write};
use crate::writer::append::{Chain, Phase};

impl Chain {
    /// With nothing under way: whether there is something to write, and what. All decisions to
    /// write to an open stream are here.
    pub(super) fn decide(&mut self, now: Time) {
        if !matches!(self.phase, Phase::Ready) {
            return;
        }
        if !self.may_write() {
            return;
        }
        let due = self.buffer.is_due() || (self.buffer.held() > 0 && self.flush_is_due());
        let write = if core::mem::take(&mut self.seal) {
            Some(Write::Seal)
        } else {
            // An order first: bytes that come after it belong into the next segment.
            let ordered = self.ordered_roll();
            ordered.or_else(|| if due { Some(self.next_write(now)) } else { self.ordered_end() })
        };
        if let Some(write) = write {
            self.phase = Phase::Attempt(Attempt::new(write));
        }
    }

    /// Without the lease nothing is written; whether it can still be had depends on whose the tail
    /// is.
    fn may_write(&mut self) -> bool {
        let Some(Segment { number, etag, .. }) = &self.tail else { return true };
        let allowed = self.session.may_write(Target::Segment(*number), etag);
        if self.session.lease.is_unsure() {
            self.phase = Phase::Check;
        }
        allowed
    }

    fn flush_is_due(&self) -> bool {
        self.session.committed < self.session.orders.flush
    }

    /// There is a block to be appended: to the tail, or, after closing it, to the next segment.
    fn next_write(&mut self, now: Time) -> Write {
        let tail = self.tail.as_ref().expect("a stream that is open has a tail");
        if tail.is_marked() {
            return Write::Create(self.successor());
        }
        if self.full || tail.is_over() {
            return self.closing().unwrap_or_else(|| Write::Create(self.successor()));
        }
        if self.outgrows(tail, now)
            && let Some(write) = self.closing()
        {
            return write;
        }
        Write::Append(self.buffer.freeze())
    }

    /// The segment that is to be closed, once everything up to the order is committed.
    fn ordered_roll(&mut self) -> Option<Write> {
        let tail = self.tail.as_ref()?;
        self.session.orders.roll.filter(|upto| self.session.committed >= *upto)?;
        if !tail.is_marked() && tail.length > 0 {
            return Some(Write::Mark(self.marked(false)));
        }
        self.session.orders.roll = None;
        None
    }

    /// The stream that is to be ended, with nothing left to commit. A segment that is marked may
    /// have a successor by now, which a newer appender owns: creating it tells.
    fn ordered_end(&self) -> Option<Write> {
        let tail = self.tail.as_ref()?;
        if !self.session.orders.end || self.buffer.held() > 0 {
            return None;
        }
        let over = tail.is_marked() || tail.is_over();
        Some(if over { Write::Create(self.successor()) } else { Write::Mark(self.marked(true)) })
    }

    /// Whether the next block goes to the next segment by one of the caller's limits. A segment
    /// takes one block at least (C4).
    fn outgrows(&self, tail: &Segment, now: Time) -> bool {
        let config = &self.session.config;
        let grown = tail.length.saturating_add(self.buffer.next_bytes());
        tail.length > 0
            && (tail.blocks >= config.segment_blocks
                || config.segment_bytes.is_some_and(|most| grown > most)
                || config.segment_age.is_some_and(|most| self.age(tail, now) > Some(most)))
    }

    /// How old a segment is, by the clock of the service (C6).
    fn age(&self, tail: &Segment, now: Time) -> Option<Span> {
        let (at, date) = self.session.date?;
        let today = date + (now - at);
        Some(Span::secs(today.0.saturating_sub(tail.created?.0)))
    }

    /// How to close the tail, if that is allowed.
    fn closing(&self) -> Option<Write> {
        self.rungs.mark.then(|| Write::Mark(self.marked(false)))
    }

    /// The identity of the tail once it is closed, and the stream ended if so.
    fn marked(&self, ended: bool) -> Identity {
        let tail = self.tail.as_ref().expect("only a tail is closed");
        let identity = tail.identity.clone().unwrap_or_else(|| self.identity(tail, 1));
        Identity { end: Some(tail.end()), ended, ..identity }
    }

    /// The segment after the tail, which is over; it starts where the tail ends (C3).
    pub(super) fn successor(&self) -> Segment {
        let tail = self.tail.as_ref().expect("a successor follows a tail");
        let epoch = self.session.opened.map_or(1, |opened| opened.epoch);
        self.created(tail.number + 1, tail.end(), epoch, tail.identity.as_ref())
    }
}

// What this writer writes about segments.
impl Chain {
    /// An empty segment of ours.
    pub(super) fn created(
        &self,
        number: u32,
        start: u64,
        epoch: u64,
        kin: Option<&Identity>,
    ) -> Segment {
        let stream = kin.map_or(self.session.entropy.stream, |kin| kin.stream);
        let nonce = self.session.entropy.nonce;
        let identity = Identity {
            layout: Layout::Append,
            stream,
            number,
            start,
            epoch,
            nonce,
            base: 0,
            end: None,
            ended: false,
            tags: Vec::new(),
        };
        Segment {
            identity: Some(identity),
            number,
            start,
            length: 0,
            blocks: 0,
            etag: ETag("".into()),
            sealed: false,
            leased: false,
            created: None,
            others: Metadata::new(),
        }
    }

    /// Our identity for a segment that exists.
    pub(super) fn identity(&self, segment: &Segment, epoch: u64) -> Identity {
        let stream =
            segment.identity.as_ref().map_or(self.session.entropy.stream, |own| own.stream);
        Identity {
            layout: Layout::Append,
            stream,
            number: segment.number,
            start: segment.start,
            epoch,
            nonce: self.session.entropy.nonce,
            base: segment.length,
            end: None,
            ended: false,
            tags: Vec::new(),
        }
    }
}
