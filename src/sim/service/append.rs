//! Append blobs: Append Block and Append Blob Seal.
//!
//! The order of the checks is the service's: the count of blocks comes before any condition, so a
//! full blob answers that it is full whatever the request is conditional on.

use crate::call::BlobKind;
use crate::time::UnixTime;

use super::answer::{Answer, Stamp};
use super::blob::{Name, owned};
use super::condition::Conditions;
use super::effect::{Change, Effect};
use super::extent::Extent;
use super::lease;
use super::refusal::{self, Refusal};
use super::state::{Blob, Service};
use super::{Accepted, Decision};

/// The parts of an Append Block beside its conditional headers.
pub(super) struct Block<'a, E> {
    pub(super) content: &'a E,
    pub(super) position: Option<u64>,
    pub(super) max_size: Option<u64>,
}

impl<E: Extent> Service<E> {
    pub(super) fn append_block(
        &self,
        at: Name<'_>,
        block: &Block<'_, E>,
        conditions: &Conditions,
        now: UnixTime,
    ) -> Decision<E> {
        if block.content.is_empty() {
            return Err(refusal::EMPTY_BODY);
        }
        if block.content.len() > self.settings.max_append {
            return Err(refusal::BODY_TOO_LARGE);
        }
        conditions.check_combination()?;
        let blob = self.append_blob(at)?;
        if blob.content.count() >= self.settings.max_blocks {
            return Err(refusal::BLOCK_COUNT);
        }
        conditions.check_write(blob.stamp)?;
        lease::check_write(blob.lease.as_ref(), conditions.lease.as_deref(), now)?;
        if blob.sealed {
            return Err(refusal::BLOB_SEALED);
        }
        let offset = blob.content.len();
        check_position(block.position, offset)?;
        if block.max_size.is_some_and(|max| offset.saturating_add(block.content.len()) > max) {
            return Err(refusal::MAX_SIZE);
        }
        let (container, name) = owned(at);
        let revision = self.next_revision();
        let change = Change::BlockAppended { container, name, revision, at: now };
        let stamp = Stamp { revision, modified: now };
        let blocks = blob.content.count() + 1;
        Ok(Accepted {
            answer: Answer::Appended { offset, blocks, stamp },
            effect: Some(Effect { change, content: Some(block.content.clone()) }),
        })
    }

    pub(super) fn seal(
        &self,
        at: Name<'_>,
        position: Option<u64>,
        conditions: &Conditions,
        now: UnixTime,
    ) -> Decision<E> {
        conditions.check_combination()?;
        let blob = self.append_blob(at)?;
        conditions.check_write(blob.stamp)?;
        lease::check_write(blob.lease.as_ref(), conditions.lease.as_deref(), now)?;
        check_position(position, blob.content.len())?;
        if blob.sealed {
            return Ok(Accepted { answer: Answer::Sealed(blob.stamp), effect: None });
        }
        let (container, name) = owned(at);
        let revision = self.settings.seal_changes_etag.then(|| self.next_revision());
        let change = Change::BlobSealed { container, name, revision, at: now };
        let stamp = revision.map_or(blob.stamp, |revision| Stamp { revision, modified: now });
        let effect = Some(Effect { change, content: None });
        Ok(Accepted { answer: Answer::Sealed(stamp), effect })
    }

    fn append_blob(&self, at: Name<'_>) -> Result<&Blob<E>, Refusal> {
        let blob = self.blob(at)?;
        if blob.kind == BlobKind::Append { Ok(blob) } else { Err(refusal::BLOB_TYPE) }
    }
}

fn check_position(wanted: Option<u64>, length: u64) -> Result<(), Refusal> {
    if wanted.is_none_or(|wanted| wanted == length) {
        Ok(())
    } else {
        Err(refusal::APPEND_POSITION)
    }
}
