//! Staging does what a plain list of blocks does, whatever is asked of it and in any order.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use super::Staging;
use crate::call::BlockId;
use crate::fuzz::Input;
use crate::writer::block::ids::Ids;

/// Plays staged blocks against a list of them.
///
/// # Panics
/// If they differ.
pub fn staging(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let block_bytes = 1 + input.below(9) as u64;
    let room = block_bytes + input.below(40) as u64;
    let mut staging = Staging::new(block_bytes, room);
    staging.name_by(Ids::new(7, input.pick(&[8, 6, 64])));
    let mut run = Run {
        staging,
        held: VecDeque::new(),
        known: BTreeMap::new(),
        staged: BTreeSet::new(),
        reserved: 0,
        block_bytes,
        room,
    };
    while !input.is_empty() {
        run.step(&mut input);
        run.check();
    }
    run.staging.cut();
    run.commit(run.staging.count());
    assert!(run.held.is_empty(), "something is left behind");
}

struct Run {
    staging: Staging,
    /// The bytes that are held, in order.
    held: VecDeque<u8>,
    /// What each block contained when it was first seen.
    known: BTreeMap<BlockId, Vec<u8>>,
    staged: BTreeSet<BlockId>,
    reserved: u64,
    block_bytes: u64,
    room: u64,
}

impl Run {
    fn step(&mut self, input: &mut Input<'_>) {
        match input.below(12) {
            0..4 => self.push(&input.bytes(50)),
            4 => self.staging.cut(),
            5 => self.cut_for(input),
            6 | 7 => self.stage(input),
            8 => self.unstage(input),
            9 => self.commit(input.below(4).min(self.staging.count())),
            10 => self.reserve(input.below(40) as u64),
            _ => {
                self.staging.release();
                self.reserved = 0;
            }
        }
    }

    fn push(&mut self, data: &[u8]) {
        let length = data.len() as u64;
        let fits = self.held.len() as u64 + self.reserved + length <= self.room;
        assert_eq!(self.staging.push(data).is_ok(), fits, "room for {length}");
        if fits {
            self.held.extend(data);
        }
    }

    fn cut_for(&mut self, input: &mut Input<'_>) {
        let wanted = input.below(50) as u64;
        let count = self.staging.cut_for(wanted);
        let cut: u64 = self.staging.blocks().take(count).map(|block| block.size).sum();
        assert!(cut >= wanted.min(self.held.len() as u64), "{cut} are cut of {wanted}");
        let less: u64 = self.staging.blocks().take(count.saturating_sub(1)).map(|it| it.size).sum();
        assert!(less < wanted || count == 0, "a block more than it takes");
    }

    /// One block is under way, and is staged or is not.
    fn stage(&mut self, input: &mut Input<'_>) {
        let Some((id, body)) = self.staging.next(self.staging.count()) else { return };
        assert!(!self.staged.contains(&id), "what is staged is staged again");
        let known = self.known.entry(id.clone()).or_insert_with(|| body.0.to_vec());
        assert_eq!(*known, *body.0, "an ID stands for another content");
        self.staging.under_way(&id);
        if input.once_in(4) {
            self.staging.unstaged(&id);
        } else {
            self.staging.staged(&id);
            self.staged.insert(id);
        }
    }

    fn unstage(&mut self, input: &mut Input<'_>) {
        if input.once_in(2) {
            self.staging.unstage_all();
            self.staged.clear();
        } else if let Some(id) = self.staged.pop_first() {
            self.staging.unstaged(&id);
        }
    }

    fn commit(&mut self, count: usize) {
        let bytes: Vec<u8> = self.staging.bodies(count).flatten().copied().collect();
        assert!(self.held.iter().take(bytes.len()).eq(&bytes), "other bytes are committed");
        self.held.drain(..bytes.len());
        self.staging.commit(count);
        self.staged.clear();
    }

    fn reserve(&mut self, bytes: u64) {
        let fits = self.held.len() as u64 + bytes <= self.room;
        assert_eq!(self.staging.reserve(bytes), fits);
        if fits {
            self.reserved = bytes;
        }
    }

    fn check(&self) {
        assert_eq!(self.staging.held(), self.held.len() as u64);
        assert_eq!(self.staging.free(), self.room - self.reserved - self.held.len() as u64);
        let sizes = self.staging.blocks().map(|block| block.size);
        assert!(sizes.clone().all(|size| (1..=self.block_bytes).contains(&size)));
        let prefix = self.staging.blocks().take_while(|block| self.staged.contains(&block.id));
        assert_eq!(self.staging.staged_bytes(), prefix.map(|block| block.size).sum::<u64>());
        for count in 0..=self.staging.count() {
            let staged = self.staging.blocks().take(count).all(|it| self.staged.contains(&it.id));
            assert_eq!(self.staging.are_staged(count), staged);
        }
    }
}
