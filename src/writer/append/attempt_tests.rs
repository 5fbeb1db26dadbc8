//! The verdicts, case by case.

use super::*;
use alloc::sync::Arc;
use alloc::vec;

use crate::call::ETag;
use crate::stream::StreamId;

const US: Nonce = Nonce([1; 16]);
const THEM: Nonce = Nonce([2; 16]);

fn segment(nonce: Nonce, epoch: u64, base: u64, length: u64, etag: &str) -> Segment {
    let identity = Identity {
        layout: crate::stream::Layout::Append,
        tags: alloc::vec::Vec::new(),
        stream: StreamId([9; 16]),
        number: 1,
        start: 0,
        epoch,
        nonce,
        base,
        end: None,
        ended: false,
    };
    Segment {
        identity: Some(identity),
        number: 1,
        start: 0,
        length,
        blocks: 1,
        etag: ETag(etag.into()),
        sealed: false,
        leased: false,
        created: None,
        others: vec![],
    }
}

fn append() -> Write {
    Write::Append(Body(Arc::new(vec![7; 10])))
}

/// We own the segment in epoch 5 and have appended 100 bytes; what became of 10 more?
fn verdict(seen: &Segment, equal: Option<bool>, exclusive: bool) -> Fate {
    let tail = segment(US, 5, 0, 100, "a");
    let viewer = Viewer { tail: &tail, nonce: US, exclusive };
    fate(&append(), &viewer, &Sight { segment: seen, equal })
}

#[test]
fn an_unchanged_segment_means_not_yet_and_never_no() {
    assert_eq!(verdict(&segment(US, 5, 0, 100, "a"), None, true), Fate::Pending);
}

#[test]
fn a_moved_etag_or_an_ended_segment_kills_what_was_sent_before() {
    assert_eq!(verdict(&segment(US, 5, 0, 100, "b"), None, true), Fate::Dead);
    let sealed = Segment { sealed: true, ..segment(US, 5, 0, 100, "a") };
    assert_eq!(verdict(&sealed, None, true), Fate::Dead);
    let full = Segment { blocks: 50_000, ..segment(US, 5, 0, 100, "a") };
    assert_eq!(verdict(&full, None, true), Fate::Dead);
}

#[test]
fn our_nonce_and_our_length_mean_landed_unless_the_bytes_are_not_ours() {
    assert_eq!(verdict(&segment(US, 5, 0, 110, "b"), Some(true), true), Fate::Landed);
    assert_eq!(verdict(&segment(US, 5, 0, 110, "b"), Some(false), true), Fate::Dead);
    assert_eq!(verdict(&segment(US, 5, 0, 105, "b"), None, true), Fate::Dead);
}

#[test]
fn the_base_of_a_direct_successor_tells_whether_we_were_before_it() {
    assert_eq!(verdict(&segment(THEM, 6, 110, 110, "b"), Some(true), true), Fate::Landed);
    assert_eq!(verdict(&segment(THEM, 6, 100, 130, "b"), Some(true), true), Fate::Dead);
}

#[test]
fn a_second_takeover_hides_what_equal_bytes_mean() {
    assert_eq!(verdict(&segment(THEM, 7, 120, 120, "b"), Some(true), true), Fate::Unknown);
    assert_eq!(verdict(&segment(THEM, 7, 120, 120, "b"), Some(false), true), Fate::Dead);
    assert_eq!(verdict(&segment(THEM, 7, 100, 120, "b"), Some(true), true), Fate::Dead);
}

#[test]
fn where_nobody_is_shut_out_or_the_owner_is_gone_equal_bytes_prove_nothing() {
    assert_eq!(verdict(&segment(US, 5, 0, 110, "b"), Some(true), false), Fate::Unknown);
    let theirs = segment(THEM, 4, 0, 100, "a");
    let viewer = Viewer { tail: &theirs, nonce: US, exclusive: false };
    let seen = segment(THEM, 4, 0, 110, "b");
    let fate = |equal| fate(&append(), &viewer, &Sight { segment: &seen, equal: Some(equal) });
    assert_eq!((fate(true), fate(false)), (Fate::Unknown, Fate::Dead), "never claimed");
    let wiped = Segment { identity: None, ..segment(US, 5, 0, 110, "b") };
    assert_eq!(verdict(&wiped, Some(true), true), Fate::Unknown);
    assert_eq!(verdict(&wiped, Some(false), true), Fate::Dead);
}

#[test]
fn a_claim_landed_if_the_nonce_is_ours() {
    let tail = segment(THEM, 4, 0, 100, "a");
    let claim = Write::Claim(Segment { etag: ETag("a".into()), ..segment(US, 5, 100, 100, "a") });
    let viewer = Viewer { tail: &tail, nonce: US, exclusive: true };
    let look = |seen: Segment| fate(&claim, &viewer, &Sight { segment: &seen, equal: None });
    assert_eq!(look(segment(US, 5, 100, 100, "b")), Fate::Landed);
    assert_eq!(look(segment(THEM, 4, 0, 100, "a")), Fate::Pending);
    assert_eq!(look(segment(THEM, 6, 0, 100, "b")), Fate::Dead);
}

#[test]
fn acknowledged_bytes_that_are_gone_are_told_before_anything_else() {
    let tail = segment(US, 5, 0, 100, "a");
    let viewer = Viewer { tail: &tail, nonce: US, exclusive: true };
    let stand = |seen: Segment| standing(&viewer, &seen, 100);
    assert_eq!(stand(segment(US, 5, 0, 90, "b")), Standing::Rewound);
    assert_eq!(stand(segment(THEM, 6, 90, 120, "b")), Standing::Rewound);
    assert_eq!(stand(segment(THEM, 6, 100, 120, "b")), Standing::Superseded);
    assert_eq!(stand(segment(US, 5, 0, 120, "b")), Standing::Diverged);
    assert_eq!(stand(segment(US, 5, 0, 100, "b")), Standing::Ours);
}
