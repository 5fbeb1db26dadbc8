//! Bytes as a source of choices.
//!
//! Invariant: equal bytes give equal choices, and bytes that have run out give the simplest choice
//! each time, so that every input is one and a shorter one is a simpler case.

use alloc::string::String;
use alloc::vec::Vec;

/// See the module.
pub(crate) struct Input<'a>(&'a [u8]);

/// Where arithmetic goes wrong, if it does.
const EDGES: [u64; 12] = [
    1,
    2,
    63,
    50_000,
    u32::MAX as u64,
    1 << 32,
    (1 << 61) - 1,
    1 << 61,
    1 << 62,
    i64::MAX as u64,
    u64::MAX - 1,
    u64::MAX,
];

impl<'a> Input<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte; 0 once there are none.
    pub(crate) fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// A number below `bound`, which is at most 256.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// True once in `times`, and never once the bytes have run out.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    pub(crate) fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// Any number: mostly a small one, or one at an edge.
    pub(crate) fn number(&mut self) -> u64 {
        match self.below(8) {
            0..4 => self.below(64) as u64,
            4..6 => self.pick(&EDGES),
            6 => (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte())),
            _ => self.pick(&EDGES).wrapping_sub(self.below(8) as u64),
        }
    }

    /// At most `most` bytes, which is at most 255.
    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes.to_vec()
    }

    /// At most `most` bytes as text; what is not UTF-8 is replaced.
    pub(crate) fn text(&mut self, most: usize) -> String {
        String::from_utf8_lossy(&self.bytes(most)).into_owned()
    }

    /// At most `most` characters out of `alphabet`, with the weight that they have there.
    pub(crate) fn word(&mut self, alphabet: &str, most: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        self.bytes(most).iter().map(|byte| alphabet[usize::from(*byte) % alphabet.len()]).collect()
    }

    /// All that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.0)
    }

    /// Some bytes of `text` changed: replaced, cut out or put in.
    pub(crate) fn damage(&mut self, text: &mut Vec<u8>) {
        for _ in 0..self.below(4) {
            let at = (usize::from(self.byte()) << 8 | usize::from(self.byte())) % (text.len() + 1);
            let to = (at + self.below(4)).min(text.len());
            text.splice(at..to, self.bytes(6));
        }
    }
}
