//! Accepted bytes that are not committed yet: blocks that were cut, and the one being filled.
//!
//! Invariants: a full buffer is cut when the next byte comes, or on demand; a block that was cut
//! never changes, nor does its ID; bytes leave at the front, whole blocks at a time, and only once
//! they are committed (`protocol.md` B5); what is held and what is reserved never exceed the room.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::call::{Block, BlockId, Body};
use crate::writer::block::ids::Ids;
use crate::writer::session::Refused;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Staging {
    cut: VecDeque<Cut>,
    filling: Vec<u8>,
    held: u64,
    reserved: u64,
    block_bytes: usize,
    room: u64,
    ids: Option<Ids>,
}

/// A block that was cut.
#[derive(Clone, Debug)]
struct Cut {
    id: BlockId,
    body: Body,
    place: Place,
}

/// Where a block is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Here,
    UnderWay,
    Staged,
}

impl Staging {
    pub(super) fn new(block_bytes: u64, room: u64) -> Self {
        assert!(block_bytes > 0 && room >= block_bytes, "a block fits into the room");
        let block_bytes = usize::try_from(block_bytes).expect("a block is at most 100 MiB");
        Self {
            cut: VecDeque::new(),
            filling: Vec::new(),
            held: 0,
            reserved: 0,
            block_bytes,
            room,
            ids: None,
        }
    }

    /// The blob is ours: its blocks are named by `ids` from now on.
    pub(super) fn name_by(&mut self, ids: Ids) {
        self.ids = Some(ids);
    }

    pub(super) const fn ids(&self) -> &Ids {
        self.ids.as_ref().expect("bytes are taken, and blocks named, only once the blob is ours")
    }

    /// A new ID, if there is one.
    pub(super) fn take_id(&mut self) -> Option<BlockId> {
        let ids = self.ids.as_mut()?;
        (ids.left() > 0).then(|| ids.take())
    }

    /// Takes all of `data` or nothing.
    pub(super) fn push(&mut self, mut data: &[u8]) -> Result<(), Refused> {
        let length = data.len() as u64;
        if length > self.room {
            return Err(Refused::TooLarge);
        }
        let blocks = (data.len() / self.block_bytes) as u64 + 2;
        if self.held + self.reserved + length > self.room || self.ids().left() < blocks {
            return Err(Refused::Full);
        }
        self.held += length;
        while !data.is_empty() {
            if self.filling.len() == self.block_bytes {
                self.cut();
            }
            let (head, rest) = data.split_at(data.len().min(self.block_bytes - self.filling.len()));
            self.filling.extend_from_slice(head);
            data = rest;
        }
        Ok(())
    }

    /// Cuts the block being filled, if there is anything in it and a name for it.
    pub(super) fn cut(&mut self) {
        if self.filling.is_empty() {
            return;
        }
        if let Some(id) = self.take_id() {
            // The next block is likely to be as long, and need not be copied as it grows.
            let next = Vec::with_capacity(self.filling.len());
            let body = Body(Arc::new(core::mem::replace(&mut self.filling, next)));
            self.cut.push_back(Cut { id, body, place: Place::Here });
        }
    }

    /// How many of the blocks hold the first `bytes` bytes; cuts the last one if need be.
    pub(super) fn cut_for(&mut self, bytes: u64) -> usize {
        let mut sum = 0;
        for (count, cut) in self.cut.iter().enumerate() {
            if sum >= bytes {
                return count;
            }
            sum += cut.body.0.len() as u64;
        }
        if sum < bytes {
            self.cut();
        }
        self.cut.len()
    }

    /// The blocks that were cut, in order.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Block> + Clone {
        self.cut.iter().map(|cut| Block { id: cut.id.clone(), size: cut.body.0.len() as u64 })
    }

    /// The bytes of the first blocks, in order.
    pub(super) fn bodies(&self, count: usize) -> impl Iterator<Item = &[u8]> {
        self.cut.iter().take(count).map(|cut| cut.body.0.as_slice())
    }

    /// The first of the first `count` blocks that is neither staged nor under way.
    pub(super) fn next(&self, count: usize) -> Option<(BlockId, Body)> {
        let mut first = self.cut.iter().take(count);
        let cut = first.find(|cut| cut.place == Place::Here)?;
        Some((cut.id.clone(), cut.body.clone()))
    }

    pub(super) fn under_way(&mut self, id: &BlockId) {
        self.place(id, Place::UnderWay);
    }

    pub(super) fn staged(&mut self, id: &BlockId) {
        self.place(id, Place::Staged);
    }

    pub(super) fn unstaged(&mut self, id: &BlockId) {
        self.place(id, Place::Here);
    }

    fn place(&mut self, id: &BlockId, place: Place) {
        if let Some(cut) = self.cut.iter_mut().find(|cut| cut.id == *id) {
            cut.place = place;
        }
    }

    /// The service has dropped everything that was staged.
    pub(super) fn unstage_all(&mut self) {
        for cut in &mut self.cut {
            cut.place = Place::Here;
        }
    }

    /// Whether the first `count` blocks are staged.
    pub(super) fn are_staged(&self, count: usize) -> bool {
        self.cut.iter().take(count).all(|cut| cut.place == Place::Staged)
    }

    /// How many bytes at the front are staged.
    pub(super) fn staged_bytes(&self) -> u64 {
        let staged = self.cut.iter().take_while(|cut| cut.place == Place::Staged);
        staged.map(|cut| cut.body.0.len() as u64).sum()
    }

    /// The first `count` blocks are committed: drops them. A commit drops what it does not list, so
    /// the others are staged no more.
    pub(super) fn commit(&mut self, count: usize) {
        for cut in self.cut.drain(..count) {
            self.held -= cut.body.0.len() as u64;
        }
        self.unstage_all();
    }

    /// How many bytes there is room for.
    pub(super) const fn free(&self) -> u64 {
        self.room - self.held - self.reserved
    }

    /// Sets room aside, in bytes. False if there is not so much.
    pub(super) const fn reserve(&mut self, bytes: u64) -> bool {
        let fits = self.held + bytes <= self.room;
        if fits {
            self.reserved = bytes;
        }
        fits
    }

    pub(super) const fn release(&mut self) {
        self.reserved = 0;
    }

    /// How many bytes are held.
    pub(super) const fn held(&self) -> u64 {
        self.held
    }

    /// Whether so much was cut that it should be committed without being asked for.
    pub(super) const fn is_heavy(&self) -> bool {
        (self.held - self.filling.len() as u64) * 2 >= self.room
    }

    /// Whether the block being filled has no room.
    pub(super) const fn is_full(&self) -> bool {
        self.filling.len() == self.block_bytes
    }

    /// How many blocks were cut.
    pub(super) fn count(&self) -> usize {
        self.cut.len()
    }
}

#[cfg(any(test, feature = "fuzz"))]
#[path = "staging_property.rs"]
pub(crate) mod property;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn staging(block_bytes: u64, room: u64) -> Staging {
        let mut staging = Staging::new(block_bytes, room);
        staging.name_by(Ids::new(1, 8));
        staging
    }

    fn sizes(staging: &Staging) -> Vec<u64> {
        staging.blocks().map(|block| block.size).collect()
    }

    #[test]
    fn a_full_block_is_cut_by_the_next_byte() {
        let mut staging = staging(4, 16);
        staging.push(b"abcd").unwrap();
        assert_eq!(sizes(&staging), []);
        staging.push(b"e").unwrap();
        assert_eq!(sizes(&staging), [4]);
    }

    #[test]
    fn a_flush_cuts_no_more_than_the_block_of_its_last_byte() {
        let mut staging = staging(4, 32);
        staging.push(b"abcdefghij").unwrap();
        assert_eq!((staging.cut_for(3), staging.cut_for(4), staging.cut_for(5)), (1, 1, 2));
        assert_eq!(sizes(&staging), [4, 4]);
        assert_eq!(staging.cut_for(9), 3);
        assert_eq!(sizes(&staging), [4, 4, 2]);
        assert_eq!(staging.cut_for(10), 3);
    }

    #[test]
    fn only_what_was_cut_makes_a_buffer_heavy() {
        let mut staging = staging(8, 16);
        staging.push(b"abcdef").unwrap();
        assert!(!staging.is_heavy(), "the block being filled may grow");
        staging.push(b"ghi").unwrap();
        assert!(staging.is_heavy(), "half of the room is cut");
    }

    #[test]
    fn room_is_kept_for_what_is_held_and_what_is_reserved() {
        let mut staging = staging(4, 8);
        assert_eq!(staging.push(&[0; 9]), Err(Refused::TooLarge));
        staging.push(&[0; 5]).unwrap();
        assert!(!staging.reserve(4));
        assert!(staging.reserve(3));
        assert_eq!(staging.push(&[0; 1]), Err(Refused::Full));
        staging.release();
        staging.push(&[0; 3]).unwrap();
        assert_eq!(staging.held(), 8);
    }

    #[test]
    fn a_commit_unstages_what_it_did_not_list() {
        let mut staging = staging(1, 8);
        staging.push(b"abc").unwrap();
        staging.cut();
        for (id, _) in [staging.next(3).unwrap(), staging.next(3).unwrap()] {
            staging.staged(&id);
        }
        let ids: Vec<BlockId> = staging.blocks().map(|block| block.id).collect();
        staging.staged(&ids[1]);
        assert_eq!((staging.staged_bytes(), staging.are_staged(2)), (2, true));
        staging.commit(1);
        assert_eq!((staging.staged_bytes(), staging.held()), (0, 2));
        assert_eq!(staging.next(1).unwrap().0, ids[1]);
    }

    #[test]
    fn without_names_nothing_is_taken() {
        let mut staging = Staging::new(1, 1 << 20);
        staging.name_by(Ids::new(1, 6));
        staging.push(&alloc::vec![0; 65_535]).unwrap_err();
        staging.push(&alloc::vec![0; 65_534]).unwrap();
        staging.push(b"x").unwrap();
        assert_eq!(staging.push(b"x"), Err(Refused::Full));
    }

    proptest! {
        #[test]
        fn it_does_what_a_list_of_blocks_does(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            property::staging(&bytes);
        }
    }
}
