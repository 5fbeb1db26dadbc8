//! What a look at the blob means for a list that was sent (`protocol.md` B4, V1-V6).
//!
//! Invariants: an ETag that has not moved means *not yet*, never *no*; a list read back equals,
//! whole, the one that was known or one that was sent, or somebody else has changed the blob; what
//! landed is counted also by a writer that was superseded.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::call::{Block, Cause, Properties};
use crate::error::Error;
use crate::stream::Identity;
use crate::time::Time;
use crate::writer::block::commit::{Commit, Sending, Stage};
use crate::writer::block::known::{Known, identify};
use crate::writer::block::{BlockBlob, Phase};

/// How many of the bytes that were sent a blob of somebody else's has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// So many.
    Landed(u64),
    /// It cannot be known (V6).
    Unknown,
}

impl BlockBlob {
    /// A look has shown the properties of the blob.
    pub(super) fn looked(&mut self, now: Time, mut commit: Commit, seen: Properties) {
        if let Err(error) = identify(&seen) {
            return self.end(self.session.foreign(error));
        }
        if seen.etag == self.known().etag {
            return self.not_yet(now, commit);
        }
        commit.stage = Stage::List(seen);
        self.phase = Phase::Commit(commit);
    }

    /// Nothing has landed so far. A list may still be late, so that it is kept.
    fn not_yet(&mut self, now: Time, mut commit: Commit) {
        match commit.cause.take() {
            _ if self.is_check(&commit) => self.session.lease.is_ours_again(),
            Some(Cause::InvalidBlockList) => {
                let mut next = commit.sending.clone();
                let merged = next.merge.take().is_some();
                self.keep(commit.sending);
                if merged {
                    // The same without the merge, at once (M1).
                    self.voids = self.voids.saturating_add(1);
                }
                if merged && (next.blocks > 0 || next.ends) {
                    self.phase = Phase::Commit(Commit::new(next));
                    return;
                }
                self.staging.unstage_all();
                self.stage_again(&next);
                if !merged {
                    self.session.passing(now, "staged blocks are gone".to_string(), None);
                }
            }
            _ => {
                commit.stage = Stage::Send;
                self.look_again(now, commit, "the service contradicts itself");
            }
        }
    }

    /// Whether nothing was sent, and the look was for the blob's owner.
    fn is_check(&self, commit: &Commit) -> bool {
        self.session.lease.is_unsure() && commit.sending == Sending::default()
    }

    /// Remembers a list that may still be late.
    pub(super) fn keep(&mut self, sending: Sending) {
        if !self.unresolved.contains(&sending) {
            self.unresolved.push(sending);
        }
    }

    /// The blob was deleted.
    pub(super) fn vanished(&mut self) {
        let error = if self.session.committed > 0 {
            Error::Rewound(self.position())
        } else {
            Error::Diverged("the blob was deleted".to_string())
        };
        self.end(error);
    }

    /// The blob has changed: whose it is, and what it holds, tell what became of the list.
    pub(super) fn judge(&mut self, now: Time, commit: Commit, seen: &Properties, list: Vec<Block>) {
        let known = match Known::new(seen, list) {
            Ok(known) => known,
            Err(error) => return self.end(self.session.foreign(error)),
        };
        let ours = self.known().identity.as_ref().map(|identity| identity.stream);
        let nonce = self.session.entropy.nonce;
        match &known.identity {
            Some(identity) if Some(identity.stream) != ours => self.replaced(&known),
            Some(identity) if identity.nonce == nonce => self.judge_ours(now, commit, known),
            _ => self.judge_lost(commit, &known),
        }
    }

    /// The name holds another stream (I2).
    fn replaced(&mut self, seen: &Known) {
        let error = if seen.length < self.session.committed {
            Error::Rewound(self.position())
        } else {
            Error::Diverged("the blob belongs to another stream".to_string())
        };
        self.end(error);
    }

    /// The blob is still ours.
    fn judge_ours(&mut self, now: Time, commit: Commit, known: Known) {
        let ended = known.identity.as_ref().is_some_and(|identity| identity.ended);
        let sent = core::iter::once(&commit.sending).filter(|_| !self.is_check(&commit));
        let sent = sent.chain(&self.unresolved);
        let landed =
            sent.filter(|it| it.ends <= ended).find(|it| self.is_listed(it, &known)).cloned();
        if let Some(sending) = landed {
            self.landed(known, &sending);
            // What was to be committed besides is staged and planned anew.
            return;
        }
        if known.list == self.known().list {
            // Somebody has set metadata: everything sent before is dead.
            self.adopt(known);
            let Sending { ends, .. } = commit.sending;
            self.stage_again(&commit.sending);
            if ends {
                self.session.passing(now, "the blob has changed".to_string(), None);
            }
            return;
        }
        let error = if known.length < self.known().length {
            Error::Rewound(self.position())
        } else {
            Error::Diverged("the blob's block list is not one that Everblob sent".to_string())
        };
        self.end(error);
    }

    /// Whether a list that was sent is, whole, what the blob has.
    fn is_listed(&self, sending: &Sending, seen: &Known) -> bool {
        self.listed(sending).map(|(_, block)| block).eq(seen.list.iter().cloned())
    }

    /// Somebody else owns the blob, or nobody (I3).
    fn judge_lost(&mut self, commit: Commit, seen: &Known) {
        let owner = seen.identity.as_ref();
        let base = owner.map_or(seen.length, |owner| owner.base.min(seen.length));
        if base < self.session.committed {
            return self.end(Error::Rewound(self.position()));
        }
        let sent = core::iter::once(&commit.sending).chain(&self.unresolved);
        let sent: Vec<u64> = sent.map(|it| it.bytes).collect();
        let most = sent.iter().copied().max().unwrap_or(0);
        match self.verdict(&sent, owner, base, seen) {
            Verdict::Landed(bytes) => {
                self.session.committed += bytes;
                let count = self.staging.cut_for(bytes);
                self.session.stats.blocks += count as u64;
                self.staging.commit(count);
                self.end(match owner {
                    Some(_) => Error::Superseded(self.position()),
                    None => Error::Diverged("the blob no longer says whose it is".to_string()),
                });
            }
            Verdict::Unknown => {
                let committed = self.session.committed;
                self.end(Error::UnknownOutcome(committed..committed + most, self.position()));
            }
        }
    }

    /// How much of what was sent is in the blob of another owner. Block IDs are proof; and the
    /// owner right after us says how long the blob was when everything we had sent died. Another
    /// one may hide that, and may have merged our blocks (V4).
    fn verdict(&self, sent: &[u64], owner: Option<&Identity>, base: u64, seen: &Known) -> Verdict {
        let proven = self.proven(sent, seen);
        let reached = base - self.session.committed;
        let epoch = self.session.opened.map_or(0, |opened| opened.epoch);
        let possible = |bytes: &u64| *bytes >= proven && *bytes <= reached;
        let nothing = [0];
        let mut all = sent.iter().chain(&nothing).filter(|bytes| possible(bytes));
        if owner.is_some_and(|owner| Some(owner.epoch) == epoch.checked_add(1)) {
            let exact = all.find(|bytes| **bytes == reached);
            return exact.map_or(Verdict::Unknown, |bytes| Verdict::Landed(*bytes));
        }
        let first = all.next().copied().unwrap_or(proven);
        if all.all(|other| *other == first) { Verdict::Landed(first) } else { Verdict::Unknown }
    }

    /// How many of the bytes that were sent are in blocks that the blob lists.
    fn proven(&self, sent: &[u64], seen: &Known) -> u64 {
        let most = sent.iter().copied().max().unwrap_or(0);
        let (mut reached, mut proven) = (0, 0);
        for block in self.staging.blocks() {
            reached += block.size;
            if reached <= most && seen.list.contains(&block) {
                proven = reached;
            }
        }
        proven
    }
}
