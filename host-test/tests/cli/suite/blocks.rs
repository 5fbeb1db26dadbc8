//! Which blocks a run leaves in the block layout.

use crate::blocks::{HADOOP, counting, flushed};
use crate::place::Place;

pub(super) fn the_block_lists_are_those_of_hadoop(place: &Place) {
    let same = vec!["abc\n".to_owned(); 21];
    for (name, lines, expected) in [
        ("counting", counting(1..=21), [16, 14, 15, 3, 3, 3]),
        ("same", same, [16, 16, 16, 16, 16, 4]),
    ] {
        // The second run merges on from where the first ended.
        for lines in [&lines[..13], &lines[13..]] {
            place.append(name, &HADOOP, lines.concat().as_bytes());
        }
        assert_eq!(place.sizes_by_sdk(name), expected);
        assert_eq!(flushed(Vec::new(), &lines), expected, "the rules in this test");
        assert_eq!(place.cat(name), lines.concat().as_bytes());
    }
}
