//! The pass of HADOOP-14520 over a block list, rules 3 and 4 of its compaction.
//!
//! The list is walked once. A block that would make the segment at hand larger than `max` ends it
//! and begins the next one. The longest of the segments so ended wins, on a tie the first; the one
//! still open at the end is no candidate, so that a flush never merges its own newest block.

use core::ops::Range;

/// The longest run whose sum is at most `max`; with `tail` the last segment is a candidate too.
pub(super) fn longest_run(
    sizes: impl Iterator<Item = u64>,
    max: u64,
    tail: bool,
) -> Option<Range<usize>> {
    let (mut best, mut run, mut sum) = (0..0, 0..0, 0u64);
    for size in sizes {
        let grown = sum.saturating_add(size);
        if grown > max {
            best = longer(best, &run);
            run.start = run.end;
            sum = size;
        } else {
            sum = grown;
        }
        run.end += 1;
    }
    if tail {
        best = longer(best, &run);
    }
    (best.len() >= 2).then_some(best)
}

fn longer(best: Range<usize>, run: &Range<usize>) -> Range<usize> {
    if run.len() > best.len() { run.clone() } else { best }
}
