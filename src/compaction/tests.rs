//! The planner against the examples and the properties of HADOOP-14520.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use proptest::prelude::*;

use super::*;

const HADOOP: Compaction = Compaction::Hadoop14520 { above: 4 };

fn plan(sizes: &[u64], max: u64) -> Option<Range<usize>> {
    Compaction::Hadoop14520 { above: 1 }.plan(sizes.iter().copied(), max)
}

/// What the list is after the run was merged.
fn merged(sizes: &[u64], run: Option<Range<usize>>) -> Vec<u64> {
    let Some(run) = run else { return sizes.to_vec() };
    let mut after = sizes[..run.start].to_vec();
    after.push(sizes[run.clone()].iter().sum());
    after.extend(&sizes[run.end..]);
    after
}

#[test]
fn the_examples_of_the_rules() {
    for (before, after) in [
        (vec![2, 4, 4, 4, 4], vec![14, 4]),
        (vec![4, 4, 4, 4], vec![4, 4, 4, 4]),
        (vec![8, 8, 8, 8, 8], vec![16, 8, 8, 8]),
        (vec![9, 9, 9, 9, 9], vec![9, 9, 9, 9, 9]),
        (vec![], vec![]),
    ] {
        assert_eq!(merged(&before, plan(&before, 16)), after);
    }
}

/// Blocks cut at `max` with a flush behind every line, and a pass for every flush.
fn lines(lines: impl Iterator<Item = u64>, max: u64) -> Vec<u64> {
    let mut list = Vec::new();
    for line in lines {
        list.push(line);
        if HADOOP.applies_to(list.len()) {
            let run = HADOOP.plan(list.iter().copied(), max);
            list = merged(&list, run);
        }
    }
    list
}

#[test]
fn the_lists_that_hadoops_own_way_gives() {
    let numbers = (1..=21u64).map(|n| if n < 10 { 2 } else { 3 });
    assert_eq!(lines(numbers, 16), [16, 14, 15, 3, 3, 3]);
    assert_eq!(lines((0..21).map(|_| 4), 16), [16, 16, 16, 16, 16, 4]);
}

#[test]
fn so_many_blocks_are_left_alone() {
    assert!(!HADOOP.applies_to(4));
    assert!(HADOOP.applies_to(5));
    assert!(!Compaction::None.applies_to(50_000));
}

#[test]
fn a_command_merges_the_end_of_the_list_too() {
    assert_eq!(plan_by_command([4, 4, 4].into_iter(), 16), Some(0..3));
    assert_eq!(plan_by_command([4].into_iter(), 16), None);
    assert_eq!(plan_by_command([9, 9].into_iter(), 16), None);
}

proptest! {
    #[test]
    fn a_plan_keeps_every_property(sizes in prop::collection::vec(1u64..20, 0..60), max in 1u64..40) {
        let run = plan(&sizes, max);
        let after = merged(&sizes, run.clone());
        prop_assert_eq!(after.iter().sum::<u64>(), sizes.iter().sum::<u64>());
        if let Some(run) = run {
            prop_assert!(run.len() >= 2);
            prop_assert!(sizes[run.clone()].iter().sum::<u64>() <= max);
            prop_assert!(run.end < sizes.len(), "the newest block is not merged by its own flush");
            prop_assert!(sizes[run.start..=run.end].iter().sum::<u64>() > max, "the next one overflows");
            prop_assert!(after.len() < sizes.len());
        }
    }

    #[test]
    fn repeated_commands_end_with_no_two_neighbours_that_fit(
        sizes in prop::collection::vec(1u64..20, 0..60),
        max in 1u64..40,
    ) {
        let mut list = sizes.clone();
        while let Some(run) = plan_by_command(list.iter().copied(), max) {
            list = merged(&list, Some(run));
        }
        prop_assert_eq!(list.iter().sum::<u64>(), sizes.iter().sum::<u64>());
        prop_assert!(list.len() <= sizes.len());
        prop_assert!(list.windows(2).all(|pair| pair[0] + pair[1] > max));
    }

    #[test]
    fn sizes_beyond_any_sum_do_no_harm(sizes in prop::collection::vec(any::<u64>(), 0..20), max in any::<u64>()) {
        let _ = plan(&sizes, max);
    }
}
