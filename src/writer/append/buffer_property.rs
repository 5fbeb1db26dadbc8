//! The buffer does what a plain queue of bytes does, whatever is asked of it and in any order.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::Buffer;
use crate::fuzz::Input;
use crate::writer::session::Refused;

/// Plays a buffer against a queue of bytes.
///
/// # Panics
/// If they differ.
pub fn buffer(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let block_bytes = 1 + input.below(9) as u64;
    let room = block_bytes + input.below(40) as u64;
    let mut run = Run {
        buffer: Buffer::new(block_bytes, room),
        model: VecDeque::new(),
        frozen: None,
        block_bytes: block_bytes as usize,
        room: room as usize,
    };
    while !input.is_empty() {
        run.step(&mut input);
        run.check();
    }
    run.empty();
}

struct Run {
    buffer: Buffer,
    model: VecDeque<u8>,
    /// How many bytes at the front of the model are frozen.
    frozen: Option<usize>,
    block_bytes: usize,
    room: usize,
}

impl Run {
    fn step(&mut self, input: &mut Input<'_>) {
        match input.below(8) {
            0..4 => self.push(&input.bytes(50)),
            4 | 5 if !self.model.is_empty() => self.freeze(),
            6 if self.frozen.is_some() => self.commit(),
            7 => self.split(),
            _ => {}
        }
    }

    fn push(&mut self, data: &[u8]) {
        let expected = if data.len() > self.room {
            Err(Refused::TooLarge)
        } else if self.model.len() + data.len() > self.room {
            Err(Refused::Full)
        } else {
            self.model.extend(data);
            Ok(())
        };
        assert_eq!(self.buffer.push(data), expected);
    }

    fn freeze(&mut self) {
        let body = self.buffer.freeze();
        assert!(
            (1..=self.block_bytes).contains(&body.0.len()),
            "a block is neither empty nor long"
        );
        assert!(self.frozen.is_none_or(|before| before == body.0.len()), "a frozen block changes");
        assert!(self.model.iter().take(body.0.len()).eq(body.0.iter()), "other bytes are frozen");
        self.frozen = Some(body.0.len());
    }

    fn commit(&mut self) {
        self.buffer.commit();
        self.model.drain(..self.frozen.take().expect("only a frozen block is committed"));
    }

    fn split(&mut self) {
        self.buffer.split_front();
        if let Some(length) = self.frozen.take() {
            self.block_bytes = length.div_ceil(2);
            assert!(self.buffer.next_bytes() <= self.block_bytes as u64, "it is not split");
        }
    }

    fn check(&self) {
        assert!(self.buffer.counts());
        assert_eq!(self.buffer.held(), self.model.len() as u64);
        assert_eq!(self.buffer.next_bytes() == 0, self.model.is_empty());
        let full = self.model.len() >= self.block_bytes;
        assert!(self.buffer.is_due() || !full, "a full block is not due");
    }

    /// What is left comes out as it went in.
    fn empty(&mut self) {
        while !self.model.is_empty() {
            self.freeze();
            self.commit();
        }
        assert_eq!(self.buffer.held(), 0);
        let rest: Vec<u8> = Vec::from([1; 3]);
        self.push(&rest);
    }
}
