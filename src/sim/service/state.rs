//! The state of an account, and the one place where it changes.
//!
//! Invariants: `apply` only ever sees effects that `decide` made of this state, or a replay of
//! them in order; revisions only grow; a blob has no blocks, or one for each extent of its content.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::call::{BlobKind, Metadata};
use crate::time::{Span, UnixTime};

use super::answer::{LeaseStatus, Properties, Stamp};
use super::block::{BlockId, Staged};
use super::content::Content;
use super::effect::{BlockRun, Change, Effect, Revision};
use super::extent::Extent;
use super::lease::{Lease, LeaseState};
use super::refusal::{self, Refusal};
use super::request::{BlobRequest, ContentHeaders, Request};
use super::{Decision, name};

/// How the service is set up. The defaults are the service's own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// How many blocks an append blob may have.
    pub max_blocks: u32,
    /// The largest block that Append Block takes, in bytes.
    pub max_append: u64,
    /// The largest block that Put Block takes, in bytes.
    pub max_block: u64,
    /// How many blocks a Put Block List may name.
    pub max_listed_blocks: u32,
    /// How many blocks may be staged for a blob.
    pub max_staged_blocks: u32,
    /// How long staged blocks are kept after the last of them came; whole seconds count.
    pub staged_life: Span,
    /// Whether Put Block List judges its conditions before it looks for its blocks.
    pub conditions_before_list: bool,
    /// Whether sealing changes the ETag, as the emulator has it.
    pub seal_changes_etag: bool,
    /// The most entries on a page of List Blobs, whatever the client asks for.
    pub page_limit: Option<u32>,
    /// Whether the first page of List Blobs is empty and only names the next.
    pub first_page_empty: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_blocks: 50_000,
            max_append: 100 << 20,
            max_block: 4_000 << 20,
            max_listed_blocks: 50_000,
            max_staged_blocks: 100_000,
            staged_life: Span::secs(7 * 24 * 3600),
            conditions_before_list: true,
            seal_changes_etag: false,
            page_limit: None,
            first_page_empty: false,
        }
    }
}

/// A storage account.
#[derive(Clone, Debug)]
pub struct Service<E> {
    pub(super) settings: Settings,
    pub(super) containers: BTreeMap<String, Container<E>>,
    last: Revision,
}

#[derive(Clone, Debug)]
pub(super) struct Container<E> {
    pub(super) blobs: BTreeMap<String, Blob<E>>,
    /// By the name of the blob that they are for, whether there is one or not.
    pub(super) staged: BTreeMap<String, Staged<E>>,
    pub(super) metadata: Metadata,
    pub(super) stamp: Stamp,
}

#[derive(Clone, Debug)]
pub(super) struct Blob<E> {
    pub(super) kind: BlobKind,
    pub(super) content: Content<E>,
    /// The IDs of a committed list.
    pub(super) blocks: Vec<BlockId>,
    pub(super) headers: ContentHeaders,
    pub(super) metadata: Metadata,
    pub(super) stamp: Stamp,
    pub(super) created: UnixTime,
    pub(super) sealed: bool,
    pub(super) lease: Option<Lease>,
    pub(super) tier: Option<String>,
}

impl<E: Extent> Service<E> {
    /// An account without containers.
    pub fn new(settings: Settings) -> Self {
        Self { settings, containers: BTreeMap::new(), last: Revision(0) }
    }

    /// Judges a request. Nothing changes.
    pub fn decide(&self, request: &Request<E>, now: UnixTime) -> Decision<E> {
        match request {
            Request::ListContainers(listing) => self.list_containers(listing),
            Request::CreateContainer { container, metadata } => {
                self.create_container(container, metadata, now)
            }
            Request::DeleteContainer { container } => self.delete_container(container),
            Request::ContainerProperties { container } => self.container_properties(container),
            Request::ListBlobs { container, listing } => self.list_blobs(container, listing, now),
            Request::Blob(request) => {
                let BlobRequest { container, name, operation, conditions } = &**request;
                name::check_blob(name)?;
                self.decide_blob((container, name), operation, conditions, now)
            }
        }
    }

    /// Makes a change that [`Service::decide`] asked for.
    pub fn apply(&mut self, effect: &Effect<E>) {
        let content = || effect.content.clone();
        match &effect.change {
            Change::ContainerCreated { container, metadata, revision, at } => {
                let stamp = self.stamp(*revision, *at);
                let metadata = metadata.clone();
                let (blobs, staged) = (BTreeMap::new(), BTreeMap::new());
                let created = Container { blobs, staged, metadata, stamp };
                self.containers.insert(container.clone(), created);
            }
            Change::ContainerDeleted { container } => {
                self.containers.remove(container);
            }
            Change::BlobPut { container, name, kind, headers, metadata, tier, revision, at } => {
                let mut blob = Blob::new(*kind, self.stamp(*revision, *at), headers, metadata);
                blob.content.extend(content());
                blob.tier.clone_from(tier);
                self.put((container, name), blob);
            }
            Change::BlockStaged { container, name, id, at } => {
                self.stage((container, name), id, content(), *at);
            }
            Change::BlockListPut {
                container,
                name,
                blocks,
                headers,
                metadata,
                tier,
                revision,
                at,
            } => {
                let stamp = self.stamp(*revision, *at);
                let mut blob = Blob::new(BlobKind::Block, stamp, headers, metadata);
                (blob.blocks, blob.content) = self.container_mut(container).gather(name, blocks);
                blob.tier.clone_from(tier);
                let before = self.container_mut(container).blobs.get(name);
                blob.created = before.map_or(*at, |before| before.created);
                self.put((container, name), blob);
            }
            Change::BlockAppended { container, name, revision, at } => {
                let stamp = self.stamp(*revision, *at);
                let blob = self.blob_mut((container, name));
                blob.content.extend(content());
                blob.write(stamp, *at);
            }
            Change::BlobSealed { container, name, revision, at } => {
                let stamp = revision.map(|revision| self.stamp(revision, *at));
                let blob = self.blob_mut((container, name));
                blob.sealed = true;
                blob.write(stamp.unwrap_or(blob.stamp), *at);
            }
            Change::MetadataSet { container, name, metadata, revision, at } => {
                let stamp = self.stamp(*revision, *at);
                let blob = self.blob_mut((container, name));
                blob.metadata = metadata.clone();
                blob.write(stamp, *at);
            }
            Change::BlobDeleted { container, name } => {
                let container = self.container_mut(container);
                container.blobs.remove(name);
                container.staged.remove(name);
            }
            Change::LeaseSet { container, name, lease } => {
                self.blob_mut((container, name)).lease = lease.clone();
            }
        }
    }

    /// Goes back to an earlier state, as a failover does. Revisions do not: an ETag stands for one
    /// state for ever.
    pub fn rewind(&mut self, earlier: Self) {
        let last = self.last.max(earlier.last);
        *self = Self { last, ..earlier };
    }

    /// The revision that the next change takes.
    pub(super) fn next_revision(&self) -> Revision {
        Revision(self.last.0 + 1)
    }

    pub(super) fn container(&self, container: &str) -> Result<&Container<E>, Refusal> {
        name::check_container(container)?;
        self.containers.get(container).ok_or(refusal::CONTAINER_NOT_FOUND)
    }

    pub(super) fn blob(&self, (container, name): (&str, &str)) -> Result<&Blob<E>, Refusal> {
        self.container(container)?.blobs.get(name).ok_or(refusal::BLOB_NOT_FOUND)
    }

    /// The staged blocks of a name; none as well where they are forgotten.
    pub(super) fn staged(
        &self,
        (container, name): (&str, &str),
        now: UnixTime,
    ) -> Result<Option<&Staged<E>>, Refusal> {
        let staged = self.container(container)?.staged.get(name);
        Ok(staged.filter(|staged| staged.is_alive(self.settings.staged_life, now)))
    }

    fn stamp(&mut self, revision: Revision, modified: UnixTime) -> Stamp {
        self.last = self.last.max(revision);
        Stamp { revision, modified }
    }

    /// Puts a blob in the place of what is there, which leaves its lease to it, and its tier.
    fn put(&mut self, (container, name): (&str, &str), mut blob: Blob<E>) {
        let container = self.container_mut(container);
        container.staged.remove(name);
        if let Some(before) = container.blobs.get_mut(name) {
            blob.lease = before.lease.take();
            let tier = before.tier.take().filter(|_| blob.kind == BlobKind::Block);
            blob.tier = blob.tier.or(tier);
        }
        let stamp = blob.stamp;
        blob.write(stamp, stamp.modified);
        container.blobs.insert(name.into(), blob);
    }

    fn stage(
        &mut self,
        (container, name): (&str, &str),
        id: &BlockId,
        block: Option<E>,
        at: UnixTime,
    ) {
        let life = self.settings.staged_life;
        let staged = self.container_mut(container).staged.entry(name.into());
        let staged = staged.or_insert_with(|| Staged::new(at));
        if !staged.is_alive(life, at) {
            *staged = Staged::new(at);
        }
        staged.insert(id.clone(), block.expect("a staged block has content"), at);
    }

    fn container_mut(&mut self, container: &str) -> &mut Container<E> {
        self.containers.get_mut(container).expect("an effect is about a container that exists")
    }

    fn blob_mut(&mut self, (container, name): (&str, &str)) -> &mut Blob<E> {
        let blobs = &mut self.container_mut(container).blobs;
        blobs.get_mut(name).expect("an effect is about a blob that exists")
    }
}

impl<E: Extent> Container<E> {
    /// The blocks of a new list: their IDs and their content.
    fn gather(&self, name: &str, runs: &[BlockRun]) -> (Vec<BlockId>, Content<E>) {
        let (blob, staged) = (self.blobs.get(name), self.staged.get(name));
        let (mut ids, mut content) = (Vec::new(), Content::default());
        for run in runs {
            match run {
                BlockRun::Kept(first, count) => {
                    let blob = blob.expect("kept blocks are blocks of a blob");
                    let (first, count) = (*first as usize, *count as usize);
                    ids.extend_from_slice(&blob.blocks[first..first + count]);
                    content.extend(blob.content.extents(first).take(count).cloned());
                }
                BlockRun::Staged(id) => {
                    let block = staged.and_then(|staged| staged.get(id));
                    let block = block.expect("a list has found its staged blocks");
                    ids.push(id.clone());
                    content.extend([block.clone()]);
                }
            }
        }
        (ids, content)
    }
}

impl<E: Extent> Blob<E> {
    fn new(kind: BlobKind, stamp: Stamp, headers: &ContentHeaders, metadata: &Metadata) -> Self {
        Self {
            kind,
            content: Content::default(),
            blocks: Vec::new(),
            headers: headers.clone(),
            metadata: metadata.clone(),
            stamp,
            created: stamp.modified,
            sealed: false,
            lease: None,
            tier: None,
        }
    }

    /// A write ends what is left of a lease that is over: it cannot be renewed any more.
    fn write(&mut self, stamp: Stamp, at: UnixTime) {
        self.stamp = stamp;
        if self.lease.as_ref().is_some_and(|lease| !lease.is_in_force(at)) {
            self.lease = None;
        }
    }

    pub(super) fn properties(&self, now: UnixTime) -> Properties {
        Properties {
            kind: self.kind,
            length: self.content.len(),
            blocks: (self.kind == BlobKind::Append).then(|| self.content.count()),
            stamp: self.stamp,
            created: self.created,
            sealed: self.sealed,
            headers: self.headers.clone(),
            metadata: self.metadata.clone(),
            lease: self.lease_status(now),
            tier: self.tier.clone(),
        }
    }

    pub(super) fn lease_status(&self, now: UnixTime) -> LeaseStatus {
        let none = LeaseStatus { state: LeaseState::Available, infinite: None };
        self.lease.as_ref().map_or(none, |lease| lease.status(now))
    }
}
