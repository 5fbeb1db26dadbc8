//! Block lists that are sent, and what they come to.
//!
//! Invariants: a list that was sent is kept until the ETag that it is conditional on has moved
//! (`protocol.md` B4); it carries the metadata and the headers of the blob (B5); bytes are counted
//! as committed here and nowhere else, on a 201 or on the verdict *landed*.

use alloc::string::ToString;
use alloc::sync::Arc;
use core::ops::Range;

use crate::call::{
    Answer, Block, Call, Cause, ETag, Failure, Origin, Outcome, Properties, Refusal, Target,
};
use crate::stream::Identity;
use crate::time::Time;
use crate::writer::block::ids::add_tag;
use crate::writer::block::known::{Known, agree};
use crate::writer::block::{Batch, BlockBlob, Phase};

/// A list from its first sending until its fate is known.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    pub(super) sending: Sending,
    pub(super) stage: Stage,
    /// The refusal that made the writer look, if one did.
    pub(super) cause: Option<Cause>,
}

/// What is done next about a list.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// Send it, again if it was sent before.
    Send,
    /// Read the properties of the blob.
    Look,
    /// Read its list, which should be of the same ETag as these.
    List(Properties),
}

/// A list, told as its difference from the one that is committed. Nothing by default, which is the
/// list as it is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Sending {
    /// How many of the blocks that were cut it adds.
    pub(super) blocks: usize,
    /// How many bytes these have.
    pub(super) bytes: u64,
    /// The blocks that one block stands for.
    pub(super) merge: Option<(Range<usize>, Block)>,
    /// The claim tag from then on, if the present one has run out.
    pub(super) renew: Option<u32>,
    /// Whether it ends the stream.
    pub(super) ends: bool,
}

impl Commit {
    pub(super) const fn new(sending: Sending) -> Self {
        Self { sending, stage: Stage::Send, cause: None }
    }

    /// No list at all, but a look whether the blob is still ours.
    pub(super) fn check() -> Self {
        Self { stage: Stage::Look, ..Self::new(Sending::default()) }
    }
}

impl BlockBlob {
    /// The list as it will be.
    pub(super) fn listed(&self, sending: &Sending) -> impl Iterator<Item = (Origin, Block)> {
        let committed = self.known().list.iter().map(|block| (Origin::Committed, block.clone()));
        let new = self.staging.blocks().take(sending.blocks);
        let all = committed.chain(new.map(|block| (Origin::Uncommitted, block)));
        let merge = sending.merge.clone();
        all.enumerate().filter_map(move |(at, block)| match &merge {
            Some((run, merged)) if run.start == at => Some((Origin::Uncommitted, merged.clone())),
            Some((run, _)) if run.contains(&at) => None,
            _ => Some(block),
        })
    }

    /// The blob's identity as the list will carry it.
    fn identity_with(&self, sending: &Sending) -> Identity {
        let identity = self.known().identity.clone().expect("a blob that is ours has an identity");
        let end = sending.ends.then_some(self.session.committed).or(identity.end);
        let mut identity = Identity { end, ended: identity.ended || sending.ends, ..identity };
        for tag in [Some(self.staging.ids().tag()), sending.renew].into_iter().flatten() {
            if !identity.tags.contains(&tag) {
                add_tag(&mut identity.tags, tag);
            }
        }
        identity
    }

    pub(super) fn commit_call(&self, commit: &Commit) -> Call {
        let target = Target::Stream;
        match commit.stage {
            Stage::Send => {
                let known = self.known();
                let list = self.listed(&commit.sending).map(|(origin, block)| (origin, block.id));
                Call::PutBlockList {
                    target,
                    list: Arc::new(list.collect()),
                    metadata: self.identity_with(&commit.sending).write(&known.others),
                    headers: known.headers.clone(),
                    etag: Some(known.etag.clone()),
                }
            }
            Stage::Look => Call::GetProperties { target },
            Stage::List(_) => Call::GetBlockList { target },
        }
    }

    pub(super) fn commit_learns(&mut self, now: Time, mut commit: Commit, outcome: Outcome) {
        match (core::mem::replace(&mut commit.stage, Stage::Look), outcome) {
            (Stage::Send, Ok(Answer::Written { etag })) => {
                let known = self.after(&commit.sending, etag);
                self.landed(known, &commit.sending);
            }
            (Stage::Send, Err(failure)) => self.not_committed(now, commit, failure),
            (Stage::Look, Ok(Answer::Properties(seen))) => self.looked(now, commit, seen),
            (Stage::Look, Err(Failure::Refused(Refusal { cause: Cause::BlobNotFound, .. }))) => {
                self.vanished();
            }
            (Stage::List(seen), Ok(Answer::Blocks(blocks))) => {
                if agree(&seen, &blocks) {
                    self.judge(now, commit, &seen, blocks.committed);
                } else {
                    // Somebody changes it at this moment (B3).
                    self.look_again(now, commit, "the blob changes while it is read");
                }
            }
            (_, Err(failure)) => {
                self.phase = Phase::Commit(commit);
                self.session.doubted(now, failure);
            }
            (_, Ok(_)) => unreachable!("an answer is of the kind of its call"),
        }
    }

    pub(super) fn look_again(&mut self, now: Time, commit: Commit, why: &str) {
        self.phase = Phase::Commit(commit);
        self.session.passing(now, why.to_string(), None);
    }

    /// This sending was refused, or is in doubt; an earlier one may have landed all the same (V3).
    fn not_committed(&mut self, now: Time, mut commit: Commit, failure: Failure) {
        let looks = match &failure {
            Failure::Refused(refusal) => {
                let stale = matches!(refusal.cause, Cause::AlreadyExists | Cause::InvalidBlockList);
                (stale || refusal.cause.is_about_the_blob()).then_some(refusal.cause)
            }
            _ => None,
        };
        if looks.is_some() {
            commit.cause = looks;
            self.phase = Phase::Commit(commit);
            return;
        }
        if let Failure::Refused(Refusal { cause: Cause::BlockListTooLong, .. }) = failure {
            self.most = self.listed(&commit.sending).count().saturating_sub(1);
            self.keep(commit.sending);
            // What fits, and whether anything does, is planned anew, each time with less.
            self.phase = Phase::Staging;
            return;
        }
        commit.stage = Stage::Send;
        self.phase = Phase::Commit(commit);
        self.session.doubted(now, failure);
    }

    /// The blob after a list that has landed.
    fn after(&self, sending: &Sending, etag: ETag) -> Known {
        let known = self.known();
        Known {
            identity: Some(self.identity_with(sending)),
            etag,
            list: self.listed(sending).map(|(_, block)| block).collect(),
            length: known.length + sending.bytes,
            headers: known.headers.clone(),
            others: known.others.clone(),
        }
    }

    /// A list has landed, and the blob is as `known` now.
    pub(super) fn landed(&mut self, known: Known, sending: &Sending) {
        if *sending != Sending::default() {
            // To drop what is staged is no progress.
            self.session.trouble.clear();
            self.purges = 0;
        }
        self.count(sending);
        self.adopt(known);
        if sending.blocks > 0 {
            // A list that was late may hold what a batch was begun with.
            self.batch = None;
        }
        self.staging.commit(sending.blocks);
        self.session.committed += sending.bytes;
        self.session.orders.ended |= sending.ends;
        self.session.orders.end &= !sending.ends;
        if sending.merge.is_some() {
            self.voids = 0;
        }
        self.phase = Phase::Staging;
    }

    fn count(&mut self, sending: &Sending) {
        let stats = &mut self.session.stats;
        stats.commits += 1;
        stats.blocks += sending.blocks as u64;
        if let Some((run, block)) = &sending.merge {
            stats.merged_blocks += run.len() as u64;
            self.compacted.bytes_moved += block.size;
        }
    }

    /// The blob is another one than before: whatever was sent under the old ETag is dead (M3).
    pub(super) fn adopt(&mut self, known: Known) {
        self.unresolved.clear();
        self.purge = false;
        // Only a tag that is new: somebody may have set metadata as they were before.
        let before = self.known().tags();
        if let Some(tag) = known.tags().last().filter(|tag| !before.contains(tag)) {
            self.staging.name_by(self.staging.ids().renewed(*tag));
        }
        self.session.lease.is_ours_again();
        self.blob = Some(known);
    }

    /// Goes back to staging what `sending` was to commit, without a merge.
    pub(super) fn stage_again(&mut self, sending: &Sending) {
        self.phase = Phase::Staging;
        if sending.blocks > 0 {
            let blocks = sending.blocks;
            self.batch = Some(Batch { blocks, merge: None, patience: None });
        }
    }
}
