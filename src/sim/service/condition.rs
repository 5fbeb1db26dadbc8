//! Conditional headers: which combinations the service takes and when they hold.

use alloc::string::String;

use crate::time::UnixTime;

use super::answer::Stamp;
use super::effect::Revision;
use super::refusal::{self, Refusal};

/// The conditions of a request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Conditions {
    /// `If-Match`: an ETag, with quotes or without, or `*`.
    pub if_match: Option<String>,
    /// `If-None-Match`: the same.
    pub if_none_match: Option<String>,
    /// `If-Modified-Since`
    pub if_modified_since: Option<UnixTime>,
    /// `If-Unmodified-Since`
    pub if_unmodified_since: Option<UnixTime>,
    /// `x-ms-lease-id`
    pub lease: Option<String>,
}

impl Conditions {
    /// A write takes one condition, or one of the two pairs that belong together.
    pub(super) fn check_combination(&self) -> Result<(), Refusal> {
        let matching = self.if_match.is_some() || self.if_unmodified_since.is_some();
        let changed = self.if_none_match.is_some() || self.if_modified_since.is_some();
        let several = |header: &Option<String>| {
            header.as_ref().is_some_and(|etags| etags.contains("\",") || etags.contains(", "))
        };
        if matching && changed || several(&self.if_match) || several(&self.if_none_match) {
            return Err(refusal::MULTIPLE_CONDITIONS);
        }
        Ok(())
    }

    /// Whether a write to a blob that exists may go on.
    pub(super) fn check_write(&self, blob: Stamp) -> Result<(), Refusal> {
        if self.if_none_match.as_deref() == Some("*") {
            // It can never hold where there must be a blob; a Put Blob has asked before.
            return Err(refusal::UNSATISFIABLE);
        }
        if self.keeps(blob) && self.has_changed(blob) { Ok(()) } else { Err(refusal::CONDITION) }
    }

    /// Whether a Put Blob may go on, over what is there now.
    pub(super) fn check_put(&self, blob: Option<Stamp>) -> Result<(), Refusal> {
        match blob {
            Some(_) if self.if_none_match.as_deref() == Some("*") => Err(refusal::BLOB_EXISTS),
            Some(stamp) => self.check_write(stamp),
            None if self.if_match.is_some() => Err(refusal::CONDITION),
            None => Ok(()),
        }
    }

    /// Whether a read may go on. It may carry all conditions at once.
    pub(super) fn check_read(&self, blob: Stamp) -> Result<(), Refusal> {
        if !self.keeps(blob) {
            Err(refusal::CONDITION)
        } else if !self.has_changed(blob) {
            Err(refusal::NOT_MODIFIED)
        } else {
            Ok(())
        }
    }

    /// `If-Match` and `If-Unmodified-Since`.
    fn keeps(&self, blob: Stamp) -> bool {
        self.if_match.as_ref().is_none_or(|etag| matches(etag, blob.revision))
            && self.if_unmodified_since.is_none_or(|since| blob.modified <= since)
    }

    /// `If-None-Match` and `If-Modified-Since`.
    fn has_changed(&self, blob: Stamp) -> bool {
        self.if_none_match.as_ref().is_none_or(|etag| !matches(etag, blob.revision))
            && self.if_modified_since.is_none_or(|since| blob.modified > since)
    }
}

fn matches(header: &str, revision: Revision) -> bool {
    let header = header.trim();
    header == "*" || revision.is_bare(header.trim_matches('"'))
}
