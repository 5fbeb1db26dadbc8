//! Block IDs: the owner's claim tag and a counter (`protocol.md` B2).
//!
//! Invariant: an ID is given out once, so that it stands for one content for ever. The tag is in
//! the blob's metadata before the first block is staged under it.

use alloc::vec::Vec;

use crate::call::BlockId;

/// How long the IDs of a blob are that has none yet, in bytes.
pub(super) const WIDTH: usize = 8;

/// The shortest IDs that a tag and a counter fit into, in bytes.
pub(super) const WIDTH_LEAST: usize = TAG + 2;

const TAG: usize = size_of::<u32>();

/// The IDs of one claim.
#[derive(Clone, Debug)]
pub(super) struct Ids {
    tag: u32,
    width: usize,
    next: u64,
}

impl Ids {
    /// IDs of `width` bytes, at least [`WIDTH_LEAST`], under `tag`.
    pub(super) const fn new(tag: u32, width: usize) -> Self {
        assert!(width >= WIDTH_LEAST, "a tag and a counter fit");
        Self { tag, width, next: 0 }
    }

    pub(super) const fn tag(&self) -> u32 {
        self.tag
    }

    /// The IDs of the next claim of the same blob.
    pub(super) const fn renewed(&self, tag: u32) -> Self {
        Self::new(tag, self.width)
    }

    /// How many there are left.
    pub(super) const fn left(&self) -> u64 {
        self.all() - self.next
    }

    /// Whether it is time for another tag.
    pub(super) const fn run_out(&self) -> bool {
        self.left() < self.all() / 2
    }

    /// An ID that was never given out.
    ///
    /// # Panics
    /// If none is left.
    pub(super) fn take(&mut self) -> BlockId {
        assert!(self.left() > 0, "whoever takes an ID has asked whether there is one");
        let mut bytes = Vec::with_capacity(self.width);
        bytes.extend_from_slice(&self.tag.to_be_bytes());
        bytes.resize(self.width - self.counter(), 0);
        bytes.extend_from_slice(&self.next.to_be_bytes()[8 - self.counter()..]);
        self.next += 1;
        BlockId(bytes.into())
    }

    /// Short IDs shorten the counter, never the tag.
    const fn counter(&self) -> usize {
        if self.width >= WIDTH { 4 } else { self.width - TAG }
    }

    const fn all(&self) -> u64 {
        1 << (8 * self.counter())
    }
}

/// How many owners' tags are remembered: what is staged later than that is somebody else's.
const TAGS: usize = 32;

/// Adds the tag of the present owner.
pub(super) fn add_tag(tags: &mut Vec<u32>, tag: u32) {
    if tags.len() == TAGS {
        tags.remove(0);
    }
    tags.push(tag);
}

/// Whether an ID begins with one of these tags.
pub(super) fn is_under(id: &BlockId, tags: &[u32]) -> bool {
    id.0.first_chunk().is_some_and(|tag| tags.contains(&u32::from_be_bytes(*tag)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn ids_are_of_one_length_and_never_twice() {
        for width in [6, 7, 8, 24, 64] {
            let mut ids = Ids::new(0xabcd_ef01, width);
            let mut seen: Vec<BlockId> = (0..1000).map(|_| ids.take()).collect();
            assert!(seen.iter().all(|id| id.0.len() == width && is_under(id, &[0xabcd_ef01])));
            seen.dedup();
            assert_eq!(seen.len(), 1000);
        }
        assert_eq!(*Ids::new(1, 8).take().0, [0, 0, 0, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn short_ids_run_out_and_go_on_under_another_tag() {
        let mut ids = Ids::new(1, 6);
        assert_eq!(ids.left(), 65_536);
        for _ in 0..65_535 {
            ids.take();
        }
        assert!(ids.run_out());
        let last = ids.take();
        assert_eq!((&*last.0, ids.left()), (&[0, 0, 0, 1, 255, 255][..], 0));
        assert!(!is_under(&ids.renewed(2).take(), &[1]));
    }

    #[test]
    fn ids_too_short_for_a_tag_are_under_none() {
        assert!(!is_under(&BlockId(vec![0, 0].into()), &[0]));
    }
}
