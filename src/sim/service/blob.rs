//! Blobs of every type: put, read, set metadata, delete.

use alloc::string::{String, ToString as _};

use crate::call::{BlobKind, Metadata};
use crate::time::UnixTime;

use super::answer::{Answer, Stamp};
use super::append::Block;
use super::block_list::List;
use super::condition::Conditions;
use super::effect::{Change, Effect};
use super::extent::Extent;
use super::refusal::{self, Refusal};
use super::request::{BlobOperation, ContentHeaders, Range};
use super::state::{Blob, Service};
use super::{Accepted, Decision, lease, name};

/// A container's name and a blob's.
pub(super) type Name<'a> = (&'a str, &'a str);

pub(super) fn owned((container, name): Name<'_>) -> (String, String) {
    (container.to_string(), name.to_string())
}

/// What Put Blob makes.
struct Put<'a, E> {
    kind: BlobKind,
    content: Option<&'a E>,
    headers: &'a ContentHeaders,
    metadata: &'a Metadata,
    tier: Option<&'a String>,
    may_overwrite: bool,
}

impl<E: Extent> Service<E> {
    pub(super) fn decide_blob(
        &self,
        at: Name<'_>,
        operation: &BlobOperation<E>,
        conditions: &Conditions,
        now: UnixTime,
    ) -> Decision<E> {
        match operation {
            BlobOperation::PutAppendBlob { headers, metadata, may_overwrite } => {
                let may_overwrite = *may_overwrite;
                let (kind, content) = (BlobKind::Append, None);
                let put = Put { kind, content, headers, metadata, tier: None, may_overwrite };
                self.put_blob(at, &put, conditions, now)
            }
            BlobOperation::PutBlockBlob { content, headers, metadata, tier, may_overwrite } => {
                let (tier, may_overwrite) = (tier.as_ref(), *may_overwrite);
                let (kind, content) = (BlobKind::Block, Some(content));
                let put = Put { kind, content, headers, metadata, tier, may_overwrite };
                self.put_blob(at, &put, conditions, now)
            }
            BlobOperation::AppendBlock { content, position, max_size } => {
                let block = Block { content, position: *position, max_size: *max_size };
                self.append_block(at, &block, conditions, now)
            }
            BlobOperation::Seal { position } => self.seal(at, *position, conditions, now),
            BlobOperation::PutBlock { id, content } => {
                self.put_block(at, id, content, conditions, now)
            }
            BlobOperation::PutBlockList { entries, headers, metadata, tier, may_overwrite } => {
                let (tier, may_overwrite) = (tier.as_ref(), *may_overwrite);
                let list = List { entries, headers, metadata, tier, may_overwrite };
                self.put_block_list(at, &list, conditions, now)
            }
            BlobOperation::GetBlockList { which } => {
                self.get_block_list(at, *which, conditions, now)
            }
            BlobOperation::Properties => {
                let blob = self.readable(at, conditions, now)?;
                let answer = Answer::Properties(blob.properties(now));
                Ok(Accepted { answer, effect: None })
            }
            BlobOperation::Get { range } => self.get_blob(at, *range, conditions, now),
            BlobOperation::SetMetadata { metadata } => {
                self.set_metadata(at, metadata, conditions, now)
            }
            BlobOperation::Delete => self.delete_blob(at, conditions, now),
            BlobOperation::Lease(action) => self.lease_blob(at, action, conditions, now),
        }
    }

    fn put_blob(
        &self,
        at: Name<'_>,
        put: &Put<'_, E>,
        conditions: &Conditions,
        now: UnixTime,
    ) -> Decision<E> {
        name::check_metadata(put.metadata)?;
        conditions.check_combination()?;
        let before = self.container(at.0)?.blobs.get(at.1);
        if before.is_some() && !put.may_overwrite {
            return Err(refusal::OVERWRITE);
        }
        conditions.check_put(before.map(|blob| blob.stamp))?;
        let leased = before.and_then(|blob| blob.lease.as_ref());
        lease::check_write(leased, conditions.lease.as_deref(), now)?;
        let (container, name) = owned(at);
        let revision = self.next_revision();
        let change = Change::BlobPut {
            container,
            name,
            kind: put.kind,
            headers: put.headers.clone(),
            metadata: put.metadata.clone(),
            tier: put.tier.cloned(),
            revision,
            at: now,
        };
        let answer = Answer::Put(Stamp { revision, modified: now });
        Ok(Accepted { answer, effect: Some(Effect { change, content: put.content.cloned() }) })
    }

    fn get_blob(
        &self,
        at: Name<'_>,
        range: Option<Range>,
        conditions: &Conditions,
        now: UnixTime,
    ) -> Decision<E> {
        let blob = self.readable(at, conditions, now)?;
        let length = blob.content.len();
        let (offset, count) = match range {
            None => (0, length),
            Some(range) if range.first >= length => return Err(refusal::RANGE),
            Some(Range { first, last }) => {
                let past = last.map_or(length, |last| last.saturating_add(1).min(length));
                (first, past.saturating_sub(first))
            }
        };
        let answer = Answer::Content {
            properties: blob.properties(now),
            offset: range.map(|_| offset),
            extents: blob.content.range(offset, count),
        };
        Ok(Accepted { answer, effect: None })
    }

    fn set_metadata(
        &self,
        at: Name<'_>,
        metadata: &Metadata,
        conditions: &Conditions,
        now: UnixTime,
    ) -> Decision<E> {
        name::check_metadata(metadata)?;
        self.writable(at, conditions, now)?;
        let (container, name) = owned(at);
        let revision = self.next_revision();
        let metadata = metadata.clone();
        let change = Change::MetadataSet { container, name, metadata, revision, at: now };
        let answer = Answer::MetadataSet(Stamp { revision, modified: now });
        Ok(Accepted { answer, effect: Some(Effect { change, content: None }) })
    }

    fn delete_blob(&self, at: Name<'_>, conditions: &Conditions, now: UnixTime) -> Decision<E> {
        match self.writable(at, conditions, now) {
            // Of such a blob there is no state that a condition could be about.
            Err(refusal::BLOB_NOT_FOUND) if self.staged(at, now)?.is_some() => {
                conditions.check_put(None)?;
                lease::check_write(None, conditions.lease.as_deref(), now)?;
            }
            other => other?,
        }
        let (container, name) = owned(at);
        let change = Change::BlobDeleted { container, name };
        let effect = Some(Effect { change, content: None });
        Ok(Accepted { answer: Answer::Deleted, effect })
    }

    fn readable(
        &self,
        at: Name<'_>,
        conditions: &Conditions,
        now: UnixTime,
    ) -> Result<&Blob<E>, Refusal> {
        let blob = self.blob(at)?;
        conditions.check_read(blob.stamp)?;
        if conditions.lease.is_some() {
            lease::check_write(blob.lease.as_ref(), conditions.lease.as_deref(), now)?;
        }
        Ok(blob)
    }

    fn writable(
        &self,
        at: Name<'_>,
        conditions: &Conditions,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        conditions.check_combination()?;
        let blob = self.blob(at)?;
        conditions.check_write(blob.stamp)?;
        lease::check_write(blob.lease.as_ref(), conditions.lease.as_deref(), now)
    }
}
