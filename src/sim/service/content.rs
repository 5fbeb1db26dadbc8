//! What a blob holds: extents, one after the other.
//!
//! Invariant: no extent is empty, and each comes with the offset of the byte after it.

use alloc::vec::Vec;

use super::extent::Extent;

/// The extents of a blob, each with the offset of the byte after it.
#[derive(Clone, Debug)]
pub(super) struct Content<E>(Vec<(u64, E)>);

impl<E: Extent> Content<E> {
    pub(super) fn len(&self) -> u64 {
        self.0.last().map_or(0, |(end, _)| *end)
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.0.len()).expect("the block limit is a u32")
    }

    /// The extents from one on, which must be there.
    pub(super) fn extents(&self, first: usize) -> impl Iterator<Item = &E> {
        self.0[first..].iter().map(|(_, extent)| extent)
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
}

impl<E: Extent> Extend<E> for Content<E> {
    fn extend<I: IntoIterator<Item = E>>(&mut self, extents: I) {
        for extent in extents {
            if !extent.is_empty() {
                self.0.push((self.len() + extent.len(), extent));
            }
        }
    }
}

impl<E> Default for Content<E> {
    fn default() -> Self {
        Self(Vec::new())
    }
}
