//! Block blobs: Put Block, Put Block List and Get Block List.
//!
//! Staged blocks lie beside the blobs of a container, under the blob's name: where nothing is
//! committed yet there is no blob, so everything else finds the name free.
//!
//! Whether the service judges the conditions of a Put Block List before it looks the IDs up is not
//! documented; a setting says, because clients must survive both.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::call::{BlobKind, Metadata};
use crate::time::UnixTime;

use super::answer::{Answer, Stamp};
use super::blob::{Name, owned};
use super::block::{
    BlockEntry, BlockId, BlockList, BlockListType, BlockSource, ListedBlock, Staged,
};
use super::condition::Conditions;
use super::effect::{BlockRun, Change, Effect};
use super::extent::Extent;
use super::refusal::{self, Refusal};
use super::request::ContentHeaders;
use super::state::{Blob, Service};
use super::{Accepted, Decision, lease, name};

/// The parts of a Put Block List beside its conditional headers.
pub(super) struct List<'a> {
    pub(super) entries: &'a [BlockEntry],
    pub(super) headers: &'a ContentHeaders,
    pub(super) metadata: &'a Metadata,
    pub(super) tier: Option<&'a String>,
    pub(super) may_overwrite: bool,
}

impl<E: Extent> Service<E> {
    pub(super) fn put_block(
        &self,
        at: Name<'_>,
        id: &BlockId,
        content: &E,
        conditions: &Conditions,
        now: UnixTime,
    ) -> Decision<E> {
        if content.is_empty() {
            return Err(refusal::EMPTY_BODY);
        }
        if content.len() > self.settings.max_block {
            return Err(refusal::BODY_TOO_LARGE);
        }
        let blob = self.block_blob(at)?;
        let leased = blob.and_then(|blob| blob.lease.as_ref());
        lease::check_write(leased, conditions.lease.as_deref(), now)?;
        if let Some(staged) = self.staged(at, now)? {
            staged.check(id, self.settings.max_staged_blocks)?;
        }
        let (container, name) = owned(at);
        let change = Change::BlockStaged { container, name, id: id.clone(), at: now };
        let effect = Some(Effect { change, content: Some(content.clone()) });
        Ok(Accepted { answer: Answer::Staged, effect })
    }

    pub(super) fn put_block_list(
        &self,
        at: Name<'_>,
        list: &List<'_>,
        conditions: &Conditions,
        now: UnixTime,
    ) -> Decision<E> {
        name::check_metadata(list.metadata)?;
        conditions.check_combination()?;
        if list.entries.len() > self.settings.max_listed_blocks as usize {
            return Err(refusal::BLOCK_LIST_LENGTH);
        }
        let before = self.block_blob(at)?;
        if before.is_some() && !list.may_overwrite {
            return Err(refusal::OVERWRITE);
        }
        let judge = || {
            conditions.check_put(before.map(|blob| blob.stamp))?;
            let leased = before.and_then(|blob| blob.lease.as_ref());
            lease::check_write(leased, conditions.lease.as_deref(), now)
        };
        if self.settings.conditions_before_list {
            judge()?;
        }
        let blocks = find(list.entries, before, self.staged(at, now)?)?;
        judge()?;
        let (container, name) = owned(at);
        let revision = self.next_revision();
        let change = Change::BlockListPut {
            container,
            name,
            blocks,
            headers: list.headers.clone(),
            metadata: list.metadata.clone(),
            tier: list.tier.cloned(),
            revision,
            at: now,
        };
        let answer = Answer::Committed(Stamp { revision, modified: now });
        Ok(Accepted { answer, effect: Some(Effect { change, content: None }) })
    }

    pub(super) fn get_block_list(
        &self,
        at: Name<'_>,
        which: BlockListType,
        conditions: &Conditions,
        now: UnixTime,
    ) -> Decision<E> {
        let blob = self.block_blob(at)?;
        let staged = self.staged(at, now)?;
        if blob.is_none() && staged.is_none() {
            return Err(refusal::BLOB_NOT_FOUND);
        }
        if conditions.lease.is_some() {
            let leased = blob.and_then(|blob| blob.lease.as_ref());
            lease::check_write(leased, conditions.lease.as_deref(), now)?;
        }
        let committed = || blob.map_or_else(Vec::new, Blob::listed_blocks);
        let uncommitted = || staged.map_or_else(Vec::new, Staged::listed);
        let list = BlockList {
            // The service tells it only where there are committed blocks.
            stamp: blob.filter(|blob| !blob.blocks.is_empty()).map(|blob| blob.stamp),
            length: blob.map_or(0, |blob| blob.content.len()),
            committed: (which != BlockListType::Uncommitted).then(committed),
            uncommitted: (which != BlockListType::Committed).then(uncommitted),
        };
        Ok(Accepted { answer: Answer::BlockList(list), effect: None })
    }

    /// The blob, if there is one, which then must be a block blob.
    fn block_blob(&self, at: Name<'_>) -> Result<Option<&Blob<E>>, Refusal> {
        let blob = self.container(at.0)?.blobs.get(at.1);
        if blob.is_some_and(|blob| blob.kind != BlobKind::Block) {
            return Err(refusal::BLOB_TYPE);
        }
        Ok(blob)
    }
}

impl<E: Extent> Blob<E> {
    fn listed_blocks(&self) -> Vec<ListedBlock> {
        let sizes = self.content.extents(0).map(Extent::len);
        let listed = |(id, size): (&BlockId, u64)| ListedBlock { id: id.clone(), size };
        self.blocks.iter().zip(sizes).map(listed).collect()
    }
}

/// Where the blocks of a list are now.
fn find<E: Extent>(
    entries: &[BlockEntry],
    blob: Option<&Blob<E>>,
    staged: Option<&Staged<E>>,
) -> Result<Vec<BlockRun>, Refusal> {
    let ids = blob.map_or(&[][..], |blob| &blob.blocks);
    let places: BTreeMap<&BlockId, u32> = ids.iter().zip(0..).collect();
    let mut runs = Vec::new();
    for BlockEntry { source, id } in entries {
        let kept = || places.get(id).map(|place| BlockRun::Kept(*place, 1));
        let new = || staged?.get(id).map(|_| BlockRun::Staged(id.clone()));
        let run = match source {
            BlockSource::Committed => kept(),
            BlockSource::Uncommitted => new(),
            BlockSource::Latest => new().or_else(kept),
        };
        push(&mut runs, run.ok_or(refusal::BLOCK_LIST)?);
    }
    Ok(runs)
}

/// Adds a run, to the last one if it goes on there: a list of 50,000 blocks and one more is two
/// runs in the journal.
fn push(runs: &mut Vec<BlockRun>, run: BlockRun) {
    if let (Some(BlockRun::Kept(first, count)), BlockRun::Kept(place, more)) =
        (runs.last_mut(), &run)
        && *first + *count == *place
    {
        *count += more;
        return;
    }
    runs.push(run);
}
