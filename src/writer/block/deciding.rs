//! What is done next while nothing is being committed: which blocks to stage, what the next commit
//! holds and when it is ready.
//!
//! Invariants: a commit holds what a waiting flush has asked for, up to the end of the block of its
//! last byte, and does not wait for later bytes (`protocol.md` B8); it is begun with no block under
//! way (B5); it waits for its merge a bounded time (M1).

use alloc::format;
use core::ops::Range;

use crate::call::{Call, Cause, Failure, Outcome, Target};
use crate::error::Error;
use crate::limits;
use crate::time::Time;
use crate::writer::OpId;
use crate::writer::block::commit::{Commit, Sending};
use crate::writer::block::merge::Step;
use crate::writer::block::{Batch, BlockBlob, Job, Phase};

impl BlockBlob {
    /// Begins the next batch, or the next commit, if it is time.
    pub(super) fn decide(&mut self, now: Time) {
        if !matches!(self.phase, Phase::Staging) {
            return;
        }
        if !self.may_write() {
            return self.wait_for_lease();
        }
        if self.purge {
            return self.begin_purge();
        }
        // A batch that was left with nothing to commit makes room for the next.
        for _ in 0..2 {
            if self.batch.is_none() && self.session.trouble.paused_until(now).is_none() {
                self.begin_batch(now);
            }
            self.skip_reading();
            if self.batch.is_none() {
                return self.begin_end();
            }
            self.settle(now);
            if self.batch.is_some() || !matches!(self.phase, Phase::Staging) {
                return;
            }
        }
    }

    pub(super) fn flush_is_due(&self) -> bool {
        self.session.committed < self.session.orders.flush
    }

    /// Sends the list as it is once more, to drop what is staged, once nothing is under way.
    fn begin_purge(&mut self) {
        self.drop_merge();
        if self.jobs.is_empty() {
            self.phase = Phase::Commit(Commit::new(Sending::default()));
        }
    }

    fn may_write(&mut self) -> bool {
        let etag = self.blob.as_ref().map(|blob| &blob.etag);
        etag.is_none_or(|etag| self.session.may_write(Target::Stream, etag))
    }

    /// Without the lease nothing is written; whether it can still be had depends on whose the blob
    /// is. A merge does not wait for that.
    fn wait_for_lease(&mut self) {
        self.drop_merge();
        if self.session.lease.is_unsure() && self.jobs.is_empty() {
            self.phase = Phase::Commit(Commit::check());
        }
    }

    /// Everything is committed and the stream is to be ended.
    fn begin_end(&mut self) {
        let rest = self.staging.held() == 0 && self.jobs.is_empty();
        if self.session.orders.end && rest && self.session.orders.compact.is_none() {
            let sending = Sending { ends: true, ..Sending::default() };
            self.phase = Phase::Commit(Commit::new(sending));
        }
    }

    /// Decides what the next commit holds, if there is to be one.
    fn begin_batch(&mut self, now: Time) {
        let committed = self.session.committed;
        let blocks = if self.flush_is_due() {
            self.staging.cut_for(self.session.orders.flush - committed)
        } else if self.pressed || self.staging.is_heavy() {
            if self.pressed && (self.staging.is_full() || self.staging.count() == 0) {
                self.staging.cut();
            }
            self.staging.count()
        } else {
            0
        };
        self.pressed = false;
        if blocks > 0 {
            self.begin_with(now, blocks);
        } else if self.session.orders.compact.is_some_and(|upto| committed >= upto) {
            self.begin_compaction(now);
        }
    }

    /// A batch of new blocks, with the merge of the policy; or where the blob would have too many
    /// blocks, with any merge, or with as many of the blocks as there is room for.
    fn begin_with(&mut self, now: Time, blocks: usize) {
        let most = self.most;
        let listed = self.known().list.len();
        let mut run = self.next_run(blocks, false);
        let spared =
            |run: &Option<(Range<usize>, u64)>| run.as_ref().map_or(0, |it| it.0.len() - 1);
        if listed + blocks - spared(&run) > most {
            run = self.next_run(blocks, true);
        }
        let fit = if listed + blocks - spared(&run) > most {
            run = None;
            most.saturating_sub(listed)
        } else {
            blocks
        };
        if fit == 0 {
            let full = self.full();
            return self.session.lasting(now, full);
        }
        let merge = run.and_then(|run| self.begin_merge(run));
        self.batch = Some(Batch { blocks: fit, merge, patience: None });
    }

    /// Why a blob takes no more.
    pub(super) fn full(&self) -> Error {
        Error::Unsupported(format!(
            "the blob has {} blocks, as many as a block blob can have, and no two neighbours fit \
             into one of {} bytes; open it with larger blocks, and compact it",
            self.known().list.len(),
            self.session.config.block_bytes
        ))
    }

    /// The next merge that the caller has ordered, or the end of the order. Bytes that take the
    /// room for it are committed first.
    fn begin_compaction(&mut self, now: Time) {
        let before = self.known().list.len();
        if self.compacted.blocks_before == 0 {
            self.compacted.blocks_before = count(before);
        }
        self.compacted.blocks_after = count(before);
        let held = self.staging.held();
        if held > 0 && self.staging.free() < self.session.config.block_bytes {
            self.session.orders.flush = self.session.accepted;
            let blocks = self.staging.cut_for(held);
            return self.begin_with(now, blocks);
        }
        match self.next_run(0, true).and_then(|run| self.begin_merge(run)) {
            None => self.session.orders.compact = None,
            merge => self.batch = Some(Batch { blocks: 0, merge, patience: None }),
        }
    }

    /// Begins the commit once all that it lists is staged.
    fn settle(&mut self, now: Time) {
        let hurried = self.flush_is_due();
        let crowded = self.known().list.len() > limits::CROWDED_BLOCKS;
        let Some(batch) = &mut self.batch else { return };
        if !self.staging.are_staged(batch.blocks) {
            return;
        }
        let pending = matches!(&batch.merge, Some(merge) if !matches!(merge.step, Step::Done));
        if pending && (batch.blocks > 0 || hurried) {
            let wait = if crowded { limits::MERGE_TIME_CROWDED } else { limits::MERGE_TIME };
            let patience = *batch.patience.get_or_insert(now + wait);
            if patience <= now {
                self.void_merge(now, None);
                return self.settle(now);
            }
        }
        if !pending {
            self.begin_commit();
        }
    }

    fn begin_commit(&mut self) {
        let Some(batch) = self.batch.take() else { return };
        debug_assert!(self.jobs.is_empty(), "what a commit lists is all that was under way");
        self.staging.release();
        let merge = batch.merge.map(|merge| (merge.run, merge.block));
        let spared = merge.as_ref().map_or(0, |(run, _)| run.len() - 1);
        let listed = self.known().list.len() + batch.blocks - spared;
        // Without the merge that it counted on, a batch may be too much: it is planned anew.
        let fits = listed <= self.most;
        if fits && (batch.blocks > 0 || merge.is_some()) {
            let bytes = self.staging.blocks().take(batch.blocks).map(|block| block.size).sum();
            let renew = self.fresh_tag_if_run_out();
            let sending = Sending { blocks: batch.blocks, bytes, merge, renew, ends: false };
            self.phase = Phase::Commit(Commit::new(sending));
        }
    }
}

impl BlockBlob {
    /// Another claim tag, if the IDs under the present one run out.
    fn fresh_tag_if_run_out(&mut self) -> Option<u32> {
        let known = self.blob.as_ref().filter(|_| self.staging.ids().run_out())?;
        Some(known.fresh_tag(&mut self.session.rng))
    }
}

fn count(blocks: usize) -> u32 {
    u32::try_from(blocks).unwrap_or(u32::MAX)
}

// Requests while staging.
impl BlockBlob {
    /// The next request beside those under way.
    pub(super) fn next_job(&self) -> Option<(Job, Call)> {
        if self.purge || !self.session.lease.is_settled() {
            return None;
        }
        let puts = self.jobs.iter().filter(|(_, job)| *job != Job::ReadMerge).count();
        let free = puts < self.session.config.in_flight as usize;
        let merge = self.merge_call().filter(|(job, _)| free || *job == Job::ReadMerge);
        merge.or_else(|| {
            let blocks = self.batch.as_ref().map_or(usize::MAX, |batch| batch.blocks);
            let (id, body) = self.staging.next(blocks).filter(|_| free)?;
            let call = Call::PutBlock { target: Target::Stream, id: id.clone(), body };
            Some((Job::Block(id), call))
        })
    }

    /// A job is under way.
    pub(super) fn started(&mut self, op: OpId, job: Job) {
        let merge = self.batch.as_mut().and_then(|batch| batch.merge.as_mut());
        match (&job, merge) {
            (Job::Block(id), _) => self.staging.under_way(id),
            (Job::ReadMerge, Some(merge)) => merge.step = Step::Reading,
            (Job::StageMerge, Some(merge)) => merge.step = Step::Staging,
            (_, None) => unreachable!("only a merge that there is asks for anything"),
        }
        self.jobs.push((op, job));
    }

    pub(super) fn job_ended(&mut self, now: Time, job: Job, outcome: Outcome) {
        match job {
            Job::Block(id) => match outcome {
                Ok(_) => {
                    // What has to be staged again and again is no progress.
                    if self.unresolved.is_empty() && self.purges == 0 {
                        self.session.trouble.clear();
                    }
                    self.staging.staged(&id);
                }
                Err(failure) => {
                    self.staging.unstaged(&id);
                    self.staging_failed(now, failure);
                }
            },
            Job::ReadMerge => self.merge_read(now, outcome),
            Job::StageMerge => self.merge_staged(now, outcome),
        }
    }

    /// A block is not staged, or not known to be. The same again does no harm (B2).
    fn staging_failed(&mut self, now: Time, failure: Failure) {
        match failure {
            Failure::Refused(refusal) if refusal.cause.is_about_the_blob() => {
                self.purge = true;
                if self.purges > 0 {
                    self.session.doubted(now, Failure::Refused(refusal));
                }
                self.purges += 1;
            }
            failure => self.session.doubted(now, failure),
        }
    }
}

impl Cause {
    /// Whether it tells that the blob, or what is staged on it, is not what it was.
    pub(super) const fn is_about_the_blob(self) -> bool {
        matches!(
            self,
            Self::BlobNotFound
                | Self::BlockCountExceeded
                | Self::ConditionNotMet
                | Self::ForeignStaged
                | Self::InvalidBlobType
        )
    }
}
