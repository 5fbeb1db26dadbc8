//! Accepted bytes that are not committed yet.
//!
//! Invariants: bytes leave at the front, whole blocks at a time, and only once they are committed;
//! a frozen block never changes (`protocol.md` A3); what is held never exceeds the room, and
//! `held = accepted - committed`.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::call::Body;
use crate::writer::session::Refused;

/// A queue of blocks, the last of which is still being filled.
#[derive(Clone, Debug)]
pub(super) struct Buffer {
    /// Blocks to be sent, the first perhaps frozen; all but the last are full or were cut.
    blocks: VecDeque<Vec<u8>>,
    /// The first block, from its first sending until it is committed.
    frozen: Option<Body>,
    held: u64,
    block_bytes: usize,
    room: u64,
}

impl Buffer {
    pub(super) fn new(block_bytes: u64, room: u64) -> Self {
        assert!(block_bytes > 0 && room >= block_bytes, "a block fits into the room");
        let block_bytes = usize::try_from(block_bytes).expect("a block is at most 100 MiB");
        Self { blocks: VecDeque::new(), frozen: None, held: 0, block_bytes, room }
    }

    /// Takes all of `data` or nothing.
    pub(super) fn push(&mut self, mut data: &[u8]) -> Result<(), Refused> {
        let length = data.len() as u64;
        if length > self.room {
            return Err(Refused::TooLarge);
        }
        if self.held + length > self.room {
            return Err(Refused::Full);
        }
        self.held += length;
        while !data.is_empty() {
            let block_bytes = self.block_bytes;
            let block = self.filling();
            let (head, rest) = data.split_at(data.len().min(block_bytes - block.len()));
            block.extend_from_slice(head);
            data = rest;
        }
        Ok(())
    }

    /// The block that the next byte goes to.
    fn filling(&mut self) -> &mut Vec<u8> {
        if self.blocks.back().is_none_or(|block| block.len() >= self.block_bytes) {
            // A block behind a full one is likely to fill up, and need not be copied as it grows.
            let likely = self.blocks.back().map_or(0, Vec::len);
            self.blocks.push_back(Vec::with_capacity(likely));
        }
        self.blocks.back_mut().expect("a block was just pushed if there was none")
    }

    /// Freezes the first block: the full one, or what there is of it.
    ///
    /// # Panics
    /// If nothing is held.
    pub(super) fn freeze(&mut self) -> Body {
        if self.frozen.is_none() {
            let first = self.blocks.pop_front().expect("a block is frozen only if bytes are held");
            self.frozen = Some(Body(Arc::new(first)));
        }
        self.frozen.clone().expect("the first block is frozen now")
    }

    /// The frozen block is committed: drops it.
    pub(super) fn commit(&mut self) {
        let body = self.frozen.take().expect("only a frozen block is committed");
        self.held -= body.0.len() as u64;
    }

    /// The frozen block is too large for the service, and no attempt at it can land any more:
    /// from now on blocks are at most half as large. Does nothing if no block is frozen.
    pub(super) fn split_front(&mut self) {
        let Some(body) = self.frozen.take() else { return };
        self.block_bytes = body.0.len().div_ceil(2);
        let rest = core::mem::take(&mut self.blocks);
        self.cut(&body.0);
        for block in rest {
            self.cut(&block);
        }
    }

    fn cut(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(self.block_bytes) {
            self.blocks.push_back(part.to_vec());
        }
    }

    /// How many bytes are held.
    pub(super) const fn held(&self) -> u64 {
        self.held
    }

    /// How many bytes the next block to be sent has; 0 if there are none.
    pub(super) fn next_bytes(&self) -> u64 {
        match (&self.frozen, self.blocks.front()) {
            (Some(body), _) => body.0.len() as u64,
            (None, Some(block)) => block.len() as u64,
            (None, None) => 0,
        }
    }

    /// Whether the next block is to be sent without being asked for: it is full, or begun.
    pub(super) fn is_due(&self) -> bool {
        self.frozen.is_some()
            || self.blocks.len() > 1
            || self.blocks.front().is_some_and(|block| block.len() >= self.block_bytes)
    }

    /// The invariant on what is held, for the writer's own check.
    pub(super) fn counts(&self) -> bool {
        let frozen = self.frozen.as_ref().map_or(0, |body| body.0.len());
        let blocks: usize = self.blocks.iter().map(Vec::len).sum();
        self.held == (frozen + blocks) as u64 && self.held <= self.room
    }
}

#[cfg(any(test, feature = "fuzz"))]
#[path = "buffer_property.rs"]
pub(crate) mod property;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_full_block_is_due_and_a_begun_one_is_not() {
        let mut buffer = Buffer::new(4, 16);
        buffer.push(b"abc").unwrap();
        assert!(!buffer.is_due());
        buffer.push(b"d").unwrap();
        assert!(buffer.is_due());
        assert_eq!(*buffer.freeze().0, b"abcd");
    }

    #[test]
    fn bytes_after_a_freeze_go_to_the_next_block() {
        let mut buffer = Buffer::new(4, 16);
        buffer.push(b"ab").unwrap();
        let frozen = buffer.freeze();
        buffer.push(b"cdefg").unwrap();
        assert_eq!(buffer.freeze(), frozen);
        buffer.commit();
        assert_eq!(*buffer.freeze().0, b"cdef");
        buffer.commit();
        assert_eq!(*buffer.freeze().0, b"g");
    }

    #[test]
    fn room_is_kept_and_refusal_takes_nothing() {
        let mut buffer = Buffer::new(4, 8);
        assert_eq!(buffer.push(&[0; 9]), Err(Refused::TooLarge));
        buffer.push(&[0; 5]).unwrap();
        assert_eq!(buffer.push(&[0; 4]), Err(Refused::Full));
        assert_eq!(buffer.held(), 5);
        buffer.push(&[0; 3]).unwrap();
    }

    proptest! {
        #[test]
        fn it_does_what_a_queue_of_bytes_does(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            property::buffer(&bytes);
        }
    }
}
