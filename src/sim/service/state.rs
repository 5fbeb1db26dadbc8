//! The state of an account, and the one place where it changes.
//!
//! Invariants: `apply` only ever sees effects that `decide` made of this state, or a replay of
//! them in order; revisions only grow; the content's ends are ascending, one for each extent.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::call::{BlobKind, Metadata};
use crate::time::UnixTime;

use super::answer::{LeaseStatus, Properties, Stamp};
use super::effect::{Change, Effect, Revision};
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
    pub(super) metadata: Metadata,
    pub(super) stamp: Stamp,
}

#[derive(Clone, Debug)]
pub(super) struct Blob<E> {
    pub(super) kind: BlobKind,
    pub(super) content: Content<E>,
    pub(super) headers: ContentHeaders,
    pub(super) metadata: Metadata,
    pub(super) stamp: Stamp,
    pub(super) created: UnixTime,
    pub(super) sealed: bool,
    pub(super) lease: Option<Lease>,
}

/// The extents of a blob, each with the offset of the byte after it.
#[derive(Clone, Debug)]
pub(super) struct Content<E>(Vec<(u64, E)>);

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
                let created = Container { blobs: BTreeMap::new(), metadata, stamp };
                self.containers.insert(container.clone(), created);
            }
            Change::ContainerDeleted { container } => {
                self.containers.remove(container);
            }
            Change::BlobPut { container, name, kind, headers, metadata, revision, at } => {
                let stamp = self.stamp(*revision, *at);
                let put = Blob {
                    kind: *kind,
                    content: Content(Vec::new()),
                    headers: headers.clone(),
                    metadata: metadata.clone(),
                    stamp,
                    created: *at,
                    sealed: false,
                    lease: None,
                };
                self.put((container, name), put, content());
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
                self.container_mut(container).blobs.remove(name);
            }
            Change::LeaseSet { container, name, lease } => {
                self.blob_mut((container, name)).lease = lease.clone();
            }
        }
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

    fn stamp(&mut self, revision: Revision, modified: UnixTime) -> Stamp {
        self.last = self.last.max(revision);
        Stamp { revision, modified }
    }

    fn put(&mut self, (container, name): (&str, &str), mut blob: Blob<E>, content: Option<E>) {
        blob.content.extend(content);
        let blobs = &mut self.container_mut(container).blobs;
        if let Some(before) = blobs.get_mut(name) {
            blob.lease = before.lease.take();
        }
        let stamp = blob.stamp;
        blob.write(stamp, stamp.modified);
        blobs.insert(name.into(), blob);
    }

    fn container_mut(&mut self, container: &str) -> &mut Container<E> {
        self.containers.get_mut(container).expect("an effect is about a container that exists")
    }

    fn blob_mut(&mut self, (container, name): (&str, &str)) -> &mut Blob<E> {
        let blobs = &mut self.container_mut(container).blobs;
        blobs.get_mut(name).expect("an effect is about a blob that exists")
    }
}

impl<E: Extent> Blob<E> {
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
        }
    }

    pub(super) fn lease_status(&self, now: UnixTime) -> LeaseStatus {
        let none = LeaseStatus { state: LeaseState::Available, infinite: None };
        self.lease.as_ref().map_or(none, |lease| lease.status(now))
    }
}

impl<E: Extent> Content<E> {
    pub(super) fn len(&self) -> u64 {
        self.0.last().map_or(0, |(end, _)| *end)
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.0.len()).expect("the block limit is a u32")
    }

    /// What is in `length` bytes at `offset`, which must be there.
    pub(super) fn range(&self, offset: u64, length: u64) -> Vec<E> {
        let end = offset + length;
        let first = self.0.partition_point(|(past, _)| *past <= offset);
        let mut extents = Vec::new();
        for (past, extent) in &self.0[first..] {
            let start = past - extent.len();
            if start >= end {
                break;
            }
            let (from, to) = (start.max(offset), end.min(*past));
            extents.push(extent.slice(from - start, to - from));
        }
        extents
    }

    fn extend(&mut self, extent: Option<E>) {
        let extent = extent.filter(|extent| !extent.is_empty());
        self.0.extend(extent.map(|extent| (self.len() + extent.len(), extent)));
    }
}
