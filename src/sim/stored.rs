//! The stream as it is stored, read past all weather, and what must be true of it besides its bytes.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::call::Target;
use crate::sim::oracle::Stored;
use crate::sim::service::{self, Answer, BlobOperation, BlobRequest, Conditions, Request, Slice};
use crate::sim::wire::{CONTAINER, blob_name};
use crate::sim::world::World;
use crate::stream::Identity;
use crate::writer::Layout;

impl World {
    /// What is asked of the service by somebody else than a writer.
    pub(super) fn request(
        target: Target,
        operation: BlobOperation<Slice>,
        conditions: Conditions,
    ) -> Request<Slice> {
        let (container, name) = (CONTAINER.to_string(), blob_name(target));
        BlobRequest { container, name, operation, conditions }.into()
    }

    fn read(&self, target: Target, operation: BlobOperation<Slice>) -> Option<Answer<Slice>> {
        let request = Self::request(target, operation, Conditions::default());
        self.service.decide(&request, self.today()).ok().map(|accepted| accepted.answer)
    }

    pub(super) fn properties(&self, target: Target) -> Option<service::Properties> {
        match self.read(target, BlobOperation::Properties)? {
            Answer::Properties(seen) => Some(seen),
            _ => None,
        }
    }

    /// What a blob holds.
    pub(super) fn content(&self, target: Target) -> Option<(service::Properties, Vec<u8>)> {
        match self.read(target, BlobOperation::Get { range: None })? {
            Answer::Content { extents, properties, .. } => {
                Some((properties, extents.iter().flat_map(Slice::bytes).copied().collect()))
            }
            _ => None,
        }
    }

    /// The blobs of the stream, oldest first.
    pub(super) fn targets(&self) -> impl Iterator<Item = Target> {
        let block = self.config.layout == Some(Layout::Block);
        (1..).map_while(move |number| match (block, number) {
            (true, 1) => Some(Target::Stream),
            (true, _) => None,
            (false, number) => Some(Target::Segment(number)),
        })
    }

    /// The last blob of the stream.
    pub(super) fn last(&self) -> Option<(Target, service::Properties)> {
        let known = self.targets().map_while(|it| Some((it, self.properties(it)?)));
        known.last()
    }

    pub(super) fn has_ended(&self) -> Result<bool, String> {
        Ok(self.stored()?.iter().any(|it| it.identity.as_ref().is_some_and(|it| it.ended)))
    }

    /// The segments, with their bytes.
    pub(super) fn stored(&self) -> Result<Vec<Stored>, String> {
        let mut stored = Vec::new();
        for target in self.targets() {
            let Some((seen, bytes)) = self.content(target) else { break };
            let identity = Identity::read(&seen.metadata).map_err(|error| error.to_string())?;
            stored.push(Stored { identity, bytes });
        }
        Ok(stored)
    }

    /// The whole stream is read and held against what was acknowledged.
    pub(super) fn judge(&mut self) -> Result<(), String> {
        self.report.judged += 1;
        if self.is_disturbed() {
            return Ok(());
        }
        let stored = self.stored()?;
        self.report.segments = stored.len() as u64;
        self.oracle.judge(&stored)
    }

    /// What is not Everblob's, and what a commit has to send again, is still there.
    pub(super) fn check_kept(&self) -> Result<(), String> {
        for target in self.targets() {
            let Some(seen) = self.properties(target) else { break };
            let owned = seen.metadata.iter().any(|(name, _)| name == "owner");
            if self.touched.contains(&target) && !owned {
                return Err(format!("{target:?} has lost metadata that is not Everblob's"));
            }
            if target == Target::Stream && seen.headers.media_type.is_none() {
                return Err(format!("{target:?} has lost its content type"));
            }
        }
        Ok(())
    }
}
