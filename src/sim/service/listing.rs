//! List Containers and List Blobs: pages in the order of the names' bytes.
//!
//! A marker is the first name of the next page, in a form that nobody should read.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::iter;

use base64ct::{Base64, Encoding as _};

use crate::time::UnixTime;

use super::answer::{Answer, BlobPage, ContainerPage, ContainerProperties, ListEntry, ListedBlob};
use super::block::Staged;
use super::extent::Extent;
use super::refusal::{self, Refusal};
use super::request::Listing;
use super::state::{Blob, Container, Service};
use super::{Accepted, Decision};

/// The service gives no more on one page.
const PAGE: usize = 5_000;
const MARKER: &str = "2!";

impl<E: Extent> Service<E> {
    pub(super) fn list_containers(&self, listing: &Listing) -> Decision<E> {
        let limit = page_size(listing, None)?;
        let mut page = ContainerPage::default();
        for (name, container) in from(&self.containers, listing)? {
            if page.entries.len() == limit {
                page.next = Some(encode_marker(name));
                break;
            }
            let metadata = if listing.metadata { container.metadata.clone() } else { Vec::new() };
            let properties = ContainerProperties { stamp: container.stamp, metadata };
            page.entries.push((name.clone(), properties));
        }
        Ok(Accepted { answer: Answer::Containers(page), effect: None })
    }

    pub(super) fn list_blobs(
        &self,
        container: &str,
        listing: &Listing,
        now: UnixTime,
    ) -> Decision<E> {
        let limit = page_size(listing, self.settings.page_limit)?;
        let container = self.container(container)?;
        let mut page = BlobPage::default();
        if self.settings.first_page_empty && listing.marker.is_none() {
            page.next = Some(encode_marker(&listing.prefix));
            return Ok(Accepted { answer: Answer::Blobs(page), effect: None });
        }
        for (name, blob) in self.entries(container, listing, now)? {
            let group = group(name, listing);
            let last = page.entries.last();
            if group.is_some_and(|group| is_prefix(last, group)) {
                continue;
            }
            if page.entries.len() == limit {
                page.next = Some(encode_marker(name));
                break;
            }
            page.entries.push(match (group, blob) {
                (Some(group), _) => ListEntry::Prefix(group.to_string()),
                (None, Some(blob)) => ListEntry::Blob(Box::new(listed(name, blob, listing, now))),
                (None, None) => ListEntry::Uncommitted(name.clone()),
            });
        }
        Ok(Accepted { answer: Answer::Blobs(page), effect: None })
    }

    /// The blobs of a listing in order, and among them the names that only have staged blocks, if
    /// they are wanted.
    fn entries<'a>(
        &'a self,
        container: &'a Container<E>,
        listing: &'a Listing,
        now: UnixTime,
    ) -> Result<impl Iterator<Item = Entry<'a, E>>, Refusal> {
        let life = self.settings.staged_life;
        let is_listed = move |(name, staged): &(&String, &Staged<E>)| {
            listing.uncommitted
                && staged.is_alive(life, now)
                && !container.blobs.contains_key(name.as_str())
        };
        let staged = from(&container.staged, listing)?.filter(is_listed);
        let mut staged = staged.map(|(name, _)| (name, None)).peekable();
        let mut blobs =
            from(&container.blobs, listing)?.map(|(name, blob)| (name, Some(blob))).peekable();
        Ok(iter::from_fn(move || match (blobs.peek(), staged.peek()) {
            (Some((blob, _)), Some((other, _))) if other < blob => staged.next(),
            (None, _) => staged.next(),
            (Some(_), _) => blobs.next(),
        }))
    }
}

/// A name and its blob, if something is committed.
type Entry<'a, E> = (&'a String, Option<&'a Blob<E>>);

/// Entries with the prefix, from the marker on.
fn from<'a, T>(
    entries: &'a BTreeMap<String, T>,
    listing: &'a Listing,
) -> Result<impl Iterator<Item = (&'a String, &'a T)>, Refusal> {
    let marker = match listing.marker.as_deref().filter(|marker| !marker.is_empty()) {
        Some(marker) => decode_marker(marker).ok_or(refusal::QUERY_VALUE)?,
        None => String::new(),
    };
    let start = marker.max(listing.prefix.clone());
    let rest = entries.range::<String, _>(start..);
    Ok(rest.take_while(|(name, _)| name.starts_with(&listing.prefix)))
}

/// The part of a name up to and with the first delimiter behind the prefix.
fn group<'a>(name: &'a str, listing: &Listing) -> Option<&'a str> {
    let delimiter = listing.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty())?;
    let behind = &name[listing.prefix.len()..];
    let at = behind.find(delimiter)?;
    Some(&name[..listing.prefix.len() + at + delimiter.len()])
}

fn is_prefix(entry: Option<&ListEntry>, group: &str) -> bool {
    matches!(entry, Some(ListEntry::Prefix(prefix)) if prefix == group)
}

fn listed<E: Extent>(name: &str, blob: &Blob<E>, listing: &Listing, now: UnixTime) -> ListedBlob {
    let mut properties = blob.properties(now);
    properties.blocks = None;
    if !listing.metadata {
        properties.metadata = Vec::new();
    }
    ListedBlob { name: name.to_string(), properties }
}

fn page_size(listing: &Listing, limit: Option<u32>) -> Result<usize, Refusal> {
    let wanted = match listing.max_results {
        None => PAGE,
        Some(wanted) if wanted < 1 => return Err(refusal::PAGE_SIZE),
        Some(wanted) => usize::try_from(wanted).unwrap_or(PAGE).min(PAGE),
    };
    Ok(limit.map_or(wanted, |limit| wanted.min(limit.max(1) as usize)))
}

fn encode_marker(name: &str) -> String {
    MARKER.to_string() + &Base64::encode_string(name.as_bytes())
}

fn decode_marker(marker: &str) -> Option<String> {
    String::from_utf8(Base64::decode_vec(marker.strip_prefix(MARKER)?).ok()?).ok()
}
