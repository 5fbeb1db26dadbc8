//! One merge: a run of neighbouring blocks that becomes one block of the next commit.
//!
//! Invariants: the run never changes once it is planned, nor does the ID of the merged block; the
//! bytes are those of the blob under the ETag that is known, and of blocks still in memory (M3).

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use crate::call::{Answer, Block, Body, Call, Failure, Outcome, Target};
use crate::compaction;
use crate::time::Time;
use crate::writer::block::{BlockBlob, Job};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Merge {
    /// Which blocks, counted in the list as the commit would have it without the merge.
    pub(super) run: Range<usize>,
    /// What they become.
    pub(super) block: Block,
    pub(super) step: Step,
}

/// How far it is.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Its committed bytes have to be read.
    Read,
    /// They are being read.
    Reading,
    /// The merged block has to be staged.
    Stage(Body),
    /// It is being staged.
    Staging,
    /// It is staged.
    Done,
}

impl BlockBlob {
    /// The run that the next commit, which has `blocks` new blocks, should merge, and its bytes: by
    /// the policy, or if the caller ordered it as far as it goes.
    pub(super) fn next_run(&mut self, blocks: usize, ordered: bool) -> Option<(Range<usize>, u64)> {
        let most = self.session.config.block_bytes.min(self.staging.free());
        let halved = most >> (self.voids / VOIDS_TO_HALVE).min(63);
        let run = self.run_within(halved, blocks, ordered);
        if run.is_none() && halved < most {
            // Smaller merges there are none: from the beginning.
            self.voids = 0;
            return self.run_within(most, blocks, ordered);
        }
        run
    }

    fn run_within(&self, max: u64, blocks: usize, ordered: bool) -> Option<(Range<usize>, u64)> {
        let config = &self.session.config;
        let list = &self.known().list;
        let committed = list.iter().map(|block| block.size);
        let new = self.staging.blocks().take(blocks).map(|block| block.size);
        let sizes = committed.chain(new);
        let run = if ordered {
            compaction::plan_by_command(sizes.clone(), max)
        } else if config.compaction.applies_to(list.len() + blocks) {
            config.compaction.plan(sizes.clone(), max)
        } else {
            None
        }?;
        let size = sizes.skip(run.start).take(run.len()).sum();
        Some((run, size))
    }

    /// Begins a merge, if there is room for its bytes, and a name.
    pub(super) fn begin_merge(&mut self, (run, size): (Range<usize>, u64)) -> Option<Merge> {
        if !self.staging.reserve(size) {
            return None;
        }
        let Some(id) = self.staging.take_id() else {
            self.staging.release();
            return None;
        };
        Some(Merge { run, block: Block { id, size }, step: Step::Read })
    }

    /// The request that the merge is waiting for. A run without committed bytes needs no reading.
    pub(super) fn merge_call(&self) -> Option<(Job, Call)> {
        let merge = self.batch.as_ref()?.merge.as_ref()?;
        let target = Target::Stream;
        match &merge.step {
            Step::Read => {
                let (offset, length) = self.committed_part(&merge.run);
                let etag = Some(self.known().etag.clone());
                Some((Job::ReadMerge, Call::GetRange { target, offset, length, etag }))
            }
            Step::Stage(body) => {
                let (id, body) = (merge.block.id.clone(), body.clone());
                Some((Job::StageMerge, Call::PutBlock { target, id, body }))
            }
            Step::Reading | Step::Staging | Step::Done => None,
        }
    }

    /// Offset and length of the committed bytes of a run.
    fn committed_part(&self, run: &Range<usize>) -> (u64, u64) {
        let sizes = |blocks: Range<usize>| -> u64 {
            let blocks = self.known().list.get(blocks).unwrap_or_default();
            blocks.iter().map(|block| block.size).sum()
        };
        let committed = self.known().list.len();
        (
            sizes(0..run.start.min(committed)),
            sizes(run.start.min(committed)..run.end.min(committed)),
        )
    }

    /// A run of new blocks only is in memory already.
    pub(super) fn skip_reading(&mut self) {
        let Some(merge) = self.batch.as_ref().and_then(|batch| batch.merge.as_ref()) else {
            return;
        };
        if matches!(merge.step, Step::Read) && self.committed_part(&merge.run).1 == 0 {
            self.compose(Vec::new());
        }
    }

    /// Puts the merged block together from the bytes that were read and those in memory.
    fn compose(&mut self, mut bytes: Vec<u8>) {
        let committed = self.known().list.len();
        let Some(merge) = self.batch.as_mut().and_then(|batch| batch.merge.as_mut()) else {
            return;
        };
        let new =
            merge.run.start.saturating_sub(committed)..merge.run.end.saturating_sub(committed);
        bytes.reserve_exact(
            usize::try_from(merge.block.size).unwrap_or(0).saturating_sub(bytes.len()),
        );
        for body in self.staging.bodies(new.end).skip(new.start) {
            bytes.extend_from_slice(body);
        }
        debug_assert_eq!(bytes.len() as u64, merge.block.size, "a merge keeps every byte");
        merge.step = Step::Stage(Body(Arc::new(bytes)));
    }

    /// The bytes to be merged have come, or not.
    pub(super) fn merge_read(&mut self, now: Time, outcome: Outcome) {
        let Some(merge) = self.batch.as_ref().and_then(|batch| batch.merge.as_ref()) else {
            return;
        };
        let (offset, wanted) = self.committed_part(&merge.run);
        match outcome {
            Ok(Answer::Range { offset: found, bytes })
                if found == offset && bytes.len() as u64 == wanted =>
            {
                self.session.trouble.clear();
                self.session.stats.merged_bytes_down += wanted;
                self.compose(bytes);
            }
            Ok(_) => {
                let reason = "the service answered another range than asked".to_string();
                let failure = Failure::InDoubt { reason, status: None, retry_after: None };
                self.void_merge(now, Some(failure));
            }
            Err(failure) => self.void_merge(now, Some(failure)),
        }
    }

    /// The merged block is staged, or not.
    pub(super) fn merge_staged(&mut self, now: Time, outcome: Outcome) {
        let Some(merge) = self.batch.as_mut().and_then(|batch| batch.merge.as_mut()) else {
            return;
        };
        match outcome {
            Ok(_) => {
                merge.step = Step::Done;
                self.session.stats.merged_bytes_up += merge.block.size;
                self.session.trouble.clear();
            }
            Err(failure) => self.void_merge(now, Some(failure)),
        }
    }

    /// The merge comes to nothing: the commit goes without it, and the next one plans again (M1).
    pub(super) fn void_merge(&mut self, now: Time, failure: Option<Failure>) {
        self.drop_merge();
        self.voids = self.voids.saturating_add(1);
        match failure {
            Some(Failure::Refused(refusal)) if refusal.cause.is_about_the_blob() => {
                // Somebody has changed the blob: what, is seen by a commit.
                self.purge = true;
            }
            // Whoever ordered a merge has to know why there is none.
            Some(failure) if self.session.orders.compact.is_some() => {
                self.session.doubted(now, failure);
            }
            Some(Failure::InDoubt { .. }) => self.session.stats.doubts += 1,
            _ => {}
        }
    }

    /// Forgets the merge at hand, and whatever it has under way.
    pub(super) fn drop_merge(&mut self) {
        if let Some(batch) = &mut self.batch {
            batch.merge = None;
            batch.patience = None;
        }
        self.staging.release();
        for (op, job) in &self.jobs {
            if !matches!(job, Job::Block(_)) {
                self.session.flights.end(*op);
            }
        }
        self.jobs.retain(|(_, job)| matches!(job, Job::Block(_)));
    }
}

/// After so many merges that came to nothing the next one is half as large (M2).
const VOIDS_TO_HALVE: u32 = 3;
