//! The block layout: one block blob of the stream's own name. Blocks are staged while bytes come,
//! a flush commits the block list, and runs of small blocks are merged on the way.
//!
//! # Invariants
//!
//! 1. Blocks are staged, and merged ones with them, only while no block list is under way, and a
//!    list is sent only with none of them under way (`protocol.md` B5): [`Phase`] is the one or the
//!    other.
//! 2. Every list but that of a new blob is sent under `If-Match` of the blob as last known, and
//!    names new blocks as uncommitted ones and old blocks as committed ones (B2).
//! 3. Whatever became of a list is read off the blob: its ETag, its owner, its whole list (B4).
//! 4. A merge never fails a flush (M1): it is part of a commit, or it is dropped.

mod commit;
mod deciding;
mod ids;
mod judging;
mod known;
mod merge;
mod opening;
pub(super) mod staging;

use alloc::vec;
use alloc::vec::Vec;

use crate::call::{BlockId, Call, Outcome, Target};
use crate::error::Error;
use crate::limits;
use crate::stream::Position;
use crate::time::Time;
use crate::writer::block::commit::{Commit, Sending};
use crate::writer::block::known::Known;
use crate::writer::block::merge::Merge;
use crate::writer::block::opening::Opening;
use crate::writer::block::staging::Staging;
use crate::writer::session::{Refused, Session};
use crate::writer::ticket::Goal;
use crate::writer::{Compacted, OpId, Output, Ticket, Touched};

/// A stream of the block layout.
#[derive(Clone, Debug)]
pub(super) struct BlockBlob {
    pub(super) session: Session,
    phase: Phase,
    /// The blob, once it is ours.
    blob: Option<Known>,
    staging: Staging,
    jobs: Vec<(OpId, Job)>,
    batch: Option<Batch>,
    /// Lists that were sent under the ETag as known, and did not land so far (B4).
    unresolved: Vec<Sending>,
    /// What is staged has to be dropped, by sending the list as it is once more (B6).
    purge: bool,
    /// How often that was asked for since something was committed.
    purges: u32,
    /// Bytes were refused for want of room.
    pressed: bool,
    /// How many blocks the blob can have, as far as the service has told.
    most: usize,
    /// Merges that came to nothing, one after another (M2).
    voids: u32,
    compacted: Compacted,
    /// Whether the caller has seen what `compacted` says.
    answered: bool,
}

/// What is going on with the blob as a whole.
#[derive(Clone, Debug)]
enum Phase {
    /// It is being read and claimed; one request at a time.
    Opening(Opening),
    /// Blocks are being staged, several at a time; or nothing is due; or all is over.
    Staging,
    /// A block list is under way, or its fate is being looked for; one request at a time.
    Commit(Commit),
}

/// A request while staging.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Job {
    /// Stages a block that was cut.
    Block(BlockId),
    /// Reads what is to be merged.
    ReadMerge,
    /// Stages the merged block.
    StageMerge,
}

/// What the next commit will list besides what is committed.
#[derive(Clone, Debug)]
struct Batch {
    /// How many of the blocks that were cut.
    blocks: usize,
    merge: Option<Merge>,
    /// How long the commit waits for the merge, once that is all it waits for.
    patience: Option<Time>,
}

impl BlockBlob {
    pub(super) fn new(session: Session) -> Self {
        let config = &session.config;
        Self {
            phase: Phase::Opening(Opening::new(config.create_container)),
            blob: None,
            staging: Staging::new(config.block_bytes, config.buffer_bytes),
            jobs: Vec::new(),
            batch: None,
            unresolved: Vec::new(),
            purge: false,
            purges: 0,
            pressed: false,
            most: limits::BLOB_BLOCKS_MAX as usize,
            voids: 0,
            compacted: Compacted::default(),
            answered: true,
            session,
        }
    }

    /// Takes all of `data` or none of it.
    pub(super) fn append(&mut self, data: &[u8]) -> Result<(), Error> {
        match self.staging.push(data) {
            Ok(()) => {
                self.session.accepted += data.len() as u64;
                Ok(())
            }
            Err(Refused::TooLarge) => Err(self.session.config.too_large(data)),
            Err(Refused::Full) => {
                self.pressed = true;
                Err(Error::BufferFull)
            }
        }
    }

    pub(super) fn compact(&mut self, now: Time) -> Result<Ticket, Error> {
        self.session.flush(now)?;
        let orders = &mut self.session.orders;
        if orders.compact.is_none() && self.answered {
            self.compacted = Compacted::default();
            self.answered = false;
        }
        orders.compact = Some(orders.flush);
        Ok(Ticket::compacted(now))
    }

    pub(super) fn credential_changed(&mut self) {
        self.session.credential_changed();
    }

    pub(super) fn poll(&mut self, now: Time) -> Output {
        if self.session.over.is_some() {
            return Output::Wait(None);
        }
        self.decide(now);
        let pause = self.session.trouble.paused_until(now);
        // A list may be long: it is not put together for a pause.
        if pause.is_none()
            && let Some((job, call)) = self.next_call()
        {
            let output = self.session.send(now, call);
            if let (Some(job), Output::Call { op, .. }) = (job, &output) {
                self.started(*op, job);
            }
            return output;
        }
        let pause = pause.filter(|_| !self.rests());
        let patience = self.batch.as_ref().and_then(|batch| batch.patience);
        Output::Wait([pause, patience].into_iter().flatten().min())
    }

    /// The request that is due; with a job if others may be under way beside it.
    fn next_call(&self) -> Option<(Option<Job>, Call)> {
        let alone = || !self.session.flights.are_at_work();
        match &self.phase {
            Phase::Opening(opening) => alone().then(|| (None, opening.call())),
            Phase::Commit(commit) => alone().then(|| (None, self.commit_call(commit))),
            Phase::Staging => self.next_job().map(|(job, call)| (Some(job), call)),
        }
    }

    pub(super) fn learn(&mut self, now: Time, op: OpId, outcome: Outcome) {
        if let Some(at) = self.jobs.iter().position(|(known, _)| *known == op) {
            let (_, job) = self.jobs.swap_remove(at);
            return self.job_ended(now, job, outcome);
        }
        match core::mem::replace(&mut self.phase, Phase::Staging) {
            Phase::Opening(opening) => self.opening_learns(now, opening, outcome),
            Phase::Commit(commit) => self.commit_learns(now, commit, outcome),
            Phase::Staging => unreachable!("all that is under way while staging is a job"),
        }
    }

    /// Nothing more happens (O3).
    fn end(&mut self, error: Error) {
        self.session.end(error);
        self.phase = Phase::Staging;
        self.jobs.clear();
        self.batch = None;
    }

    /// The blob as last known.
    fn known(&self) -> &Known {
        self.blob.as_ref().expect("what was opened is known")
    }
}

// Getters.
impl BlockBlob {
    pub(super) fn position(&self) -> Position {
        let Session { accepted, committed, opened, .. } = self.session;
        let staged = committed + self.staging.staged_bytes();
        Position { accepted, staged, committed, segment: opened.map_or(0, |_| 1) }
    }

    pub(super) fn touched(&self) -> Vec<Touched> {
        let stats = &self.session.stats;
        match &self.blob {
            Some(blob) if stats.blocks > 0 || stats.segments_created > 0 => vec![Touched {
                target: Target::Stream,
                start: 0,
                length: blob.length,
                blocks: u32::try_from(blob.list.len()).unwrap_or(u32::MAX),
                closed: self.session.orders.ended,
            }],
            _ => Vec::new(),
        }
    }

    pub(super) const fn take_compacted(&mut self) -> Compacted {
        self.answered = true;
        self.compacted
    }

    pub(super) const fn held(&self) -> u64 {
        self.staging.held()
    }

    /// Whether nothing is due.
    pub(super) fn rests(&self) -> bool {
        let Session { orders, over, .. } = &self.session;
        if over.is_some() {
            return true;
        }
        let ordered = orders.compact.is_some() || orders.end || self.flush_is_due();
        matches!(self.phase, Phase::Staging)
            && self.batch.is_none()
            && !ordered
            && !self.purge
            && self.staging.next(usize::MAX).is_none()
    }

    pub(super) fn reached(&self, goal: Goal) -> bool {
        let Session { committed, ref orders, .. } = self.session;
        match goal {
            Goal::Opened => true,
            Goal::Committed(upto) | Goal::Closed(upto) => committed >= upto,
            Goal::Rolled(_) => false,
            Goal::Compacted => orders.compact.is_none(),
            Goal::Ended => orders.ended,
        }
    }
}

#[cfg(test)]
mod adversity_tests;
#[cfg(test)]
mod tests;
