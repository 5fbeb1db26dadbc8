//! Which neighbouring blocks of a block blob are merged into one. Pure: sizes in, a run out.
//!
//! Invariants, whatever the policy: a run has at least two blocks, their sum fits into one block,
//! and nothing is planned that would change a byte or its offset.

mod hadoop;

use core::ops::Range;

/// How the small blocks of the block layout are merged while it is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Compaction {
    /// Not at all.
    None,
    /// As HADOOP-14520 does it, once there are more than `above` blocks.
    Hadoop14520 {
        /// How many blocks are left alone.
        above: u32,
    },
}

impl Compaction {
    /// Whether a list of `count` blocks is looked at by every commit.
    pub const fn applies_to(self, count: usize) -> bool {
        match self {
            Self::None => false,
            Self::Hadoop14520 { above } => count > above as usize,
        }
    }

    /// The run to be merged into a block of at most `max` bytes, given the sizes of all blocks in
    /// order as the next commit would list them.
    pub fn plan(self, sizes: impl Iterator<Item = u64>, max: u64) -> Option<Range<usize>> {
        match self {
            Self::None => None,
            Self::Hadoop14520 { .. } => hadoop::longest_run(sizes, max, false),
        }
    }
}

/// The run to be merged next where the caller has asked for it: as Hadoop chooses, but blocks at
/// the end of the list count too, and there is no number of blocks that is left alone.
pub fn plan_by_command(sizes: impl Iterator<Item = u64>, max: u64) -> Option<Range<usize>> {
    hadoop::longest_run(sizes, max, true)
}

#[cfg(test)]
mod tests;
