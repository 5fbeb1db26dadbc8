//! A service of a few lines that does what it is asked, at once. What is wrong with its answers is
//! put in by the property: only from answers that make sense does the writer get anywhere.
//!
//! Invariant: conditions are kept; nothing is stored by a call that is refused.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::call::{
    Answer, BlobKind, Block, BlockId, Blocks, Body, Call, Cause, ETag, Failure, Metadata, Origin,
    Outcome, Page, Properties, Refusal, Target,
};

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Service {
    pub(super) blobs: BTreeMap<Target, Blob>,
    changes: u64,
}

/// A blob of either kind.
#[derive(Clone, Debug)]
pub(super) struct Blob {
    kind: BlobKind,
    pub(super) metadata: Metadata,
    /// In order; the IDs of an append blob are empty.
    pub(super) blocks: Vec<(BlockId, Body)>,
    pub(super) staged: Vec<(BlockId, Body)>,
    etag: u64,
    pub(super) sealed: bool,
}

impl Blob {
    pub(super) fn content(&self) -> Vec<u8> {
        self.blocks.iter().flat_map(|(_, body)| body.0.iter().copied()).collect()
    }

    fn etag(&self) -> ETag {
        ETag(format!("\"{}\"", self.etag).into())
    }

    fn check(&self, etag: &ETag) -> Result<(), Failure> {
        if self.etag() == *etag { Ok(()) } else { Err(refused(Cause::ConditionNotMet)) }
    }

    pub(super) fn properties(&self) -> Properties {
        Properties {
            kind: self.kind,
            length: self.content().len() as u64,
            blocks: (self.kind == BlobKind::Append).then_some(self.blocks.len() as u32),
            etag: self.etag(),
            sealed: self.sealed,
            leased: false,
            created: None,
            metadata: self.metadata.clone(),
            headers: Vec::new(),
            archived: false,
            tagged: false,
            unsendable: None,
        }
    }

    fn find(&self, origin: Origin, id: &BlockId) -> Result<(BlockId, Body), Failure> {
        let blocks = match origin {
            Origin::Committed => &self.blocks,
            Origin::Uncommitted => &self.staged,
        };
        let found = blocks.iter().find(|(known, _)| known == id);
        found.cloned().ok_or_else(|| refused(Cause::InvalidBlockList))
    }
}

/// A definite refusal.
pub(super) fn refused(cause: Cause) -> Failure {
    Failure::Refused(Refusal { cause, status: 409, code: "Code".to_string() })
}

impl Service {
    /// Does what the call says.
    pub(super) fn apply(&mut self, call: &Call) -> Outcome {
        match call {
            Call::AppendBlock { target, body, position, etag } => {
                let blob = self.append_blob(*target)?;
                blob.check(etag)?;
                if blob.sealed {
                    return Err(refused(Cause::BlobSealed));
                }
                let offset = blob.content().len() as u64;
                if offset != *position {
                    return Err(refused(Cause::ConditionNotMet));
                }
                blob.blocks.push((BlockId([].into()), body.clone()));
                let blocks = blob.blocks.len() as u32;
                Ok(Answer::Appended { offset, blocks, etag: self.changed(*target) })
            }
            Call::CreateAppendBlob { target, metadata, .. } => {
                self.create(*target, BlobKind::Append, metadata)
            }
            Call::SetMetadata { target, metadata, etag } => {
                let blob = self.blob(*target)?;
                blob.check(etag)?;
                blob.metadata.clone_from(metadata);
                Ok(Answer::Written { etag: self.changed(*target) })
            }
            Call::Seal { target, etag } => {
                let blob = self.append_blob(*target)?;
                blob.check(etag)?;
                blob.sealed = true;
                Ok(Answer::Written { etag: self.changed(*target) })
            }
            Call::CreateContainer => Ok(Answer::ContainerCreated),
            Call::Lease { target, .. } => self.blob(*target).map(|_| Answer::Leased),
            Call::PutBlock { target, id, body } => {
                let blob = self.block_blob(*target)?;
                blob.staged.retain(|(known, _)| known != id);
                blob.staged.push((id.clone(), body.clone()));
                Ok(Answer::Staged)
            }
            Call::PutBlockList { target, list, metadata, etag, .. } => {
                self.commit(*target, list, metadata, etag.as_ref())
            }
            _ => self.read(call),
        }
    }

    fn read(&mut self, call: &Call) -> Outcome {
        match call {
            Call::GetRange { target, offset, length, etag } => {
                let blob = self.blob(*target)?;
                etag.as_ref().map_or(Ok(()), |etag| blob.check(etag))?;
                let (content, from) = (blob.content(), *offset as usize);
                let part = content.get(from..content.len().min(from + *length as usize));
                let bytes = part.filter(|part| !part.is_empty());
                let bytes = bytes.ok_or_else(|| refused(Cause::Other))?.to_vec();
                Ok(Answer::Range { offset: *offset, bytes })
            }
            Call::GetBlockList { target } => {
                let blob = self.block_blob(*target)?;
                let list = |blocks: &[(BlockId, Body)]| {
                    let block = |(id, body): &(BlockId, Body)| Block {
                        id: id.clone(),
                        size: body.0.len() as u64,
                    };
                    blocks.iter().map(block).collect()
                };
                let (committed, staged) = (list(&blob.blocks), list(&blob.staged));
                Ok(Answer::Blocks(Blocks { committed, staged, etag: Some(blob.etag()) }))
            }
            Call::ListSegments { .. } => {
                let segments = self.blobs.iter().filter_map(|(target, blob)| match target {
                    Target::Segment(number) => Some((number.to_string(), Some(blob.kind))),
                    Target::Stream => None,
                });
                Ok(Answer::Listed(Page { entries: segments.collect(), next: None }))
            }
            call => {
                let target = call.target().expect("what is left is about a blob");
                Ok(Answer::Properties(self.blob(target)?.properties()))
            }
        }
    }

    /// A new blob with nothing in it.
    pub(super) fn create(
        &mut self,
        target: Target,
        kind: BlobKind,
        metadata: &Metadata,
    ) -> Outcome {
        if self.blobs.contains_key(&target) {
            return Err(refused(Cause::AlreadyExists));
        }
        let (metadata, blocks, staged) = (metadata.clone(), Vec::new(), Vec::new());
        let blob = Blob { kind, metadata, blocks, staged, etag: 0, sealed: false };
        self.blobs.insert(target, blob);
        Ok(Answer::Written { etag: self.changed(target) })
    }

    fn commit(
        &mut self,
        target: Target,
        list: &[(Origin, BlockId)],
        metadata: &Metadata,
        etag: Option<&ETag>,
    ) -> Outcome {
        let Some(etag) = etag else { return self.create(target, BlobKind::Block, metadata) };
        let blob = self.block_blob(target)?;
        blob.check(etag)?;
        let found: Result<_, _> = list.iter().map(|(origin, id)| blob.find(*origin, id)).collect();
        blob.blocks = found?;
        blob.staged.clear();
        blob.metadata.clone_from(metadata);
        Ok(Answer::Written { etag: self.changed(target) })
    }

    /// Another ETag for the blob, if there is one.
    pub(super) fn changed(&mut self, target: Target) -> ETag {
        self.changes += 1;
        match self.blobs.get_mut(&target) {
            Some(blob) => {
                blob.etag = self.changes;
                blob.etag()
            }
            None => ETag("\"none\"".into()),
        }
    }

    fn blob(&mut self, target: Target) -> Result<&mut Blob, Failure> {
        self.blobs.get_mut(&target).ok_or_else(|| refused(Cause::BlobNotFound))
    }

    fn append_blob(&mut self, target: Target) -> Result<&mut Blob, Failure> {
        self.of_kind(target, BlobKind::Append)
    }

    fn block_blob(&mut self, target: Target) -> Result<&mut Blob, Failure> {
        self.of_kind(target, BlobKind::Block)
    }

    fn of_kind(&mut self, target: Target, kind: BlobKind) -> Result<&mut Blob, Failure> {
        let blob = self.blob(target)?;
        if blob.kind == kind { Ok(blob) } else { Err(refused(Cause::InvalidBlobType)) }
    }
}
