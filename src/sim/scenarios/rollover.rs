//! Segments: when one is left, where the next begins, and what a restart makes of them
//! (`peers.md` B1 and B4).

use alloc::vec::Vec;

use super::{LAYOUTS, Scene, answered, lost};
use crate::call::{Call, CallKind, Target};
use crate::sim::service::Settings;
use crate::time::Span;
use crate::writer::{Config, Layout};

/// `peers.md` B4 (fluent-plugin-azure-storage-append-blob rolls over at any 409), and B6. Only the
/// committed form of `BlockCountExceedsLimit` is a reason. Rules: `protocol.md` C1, V5.
#[test]
fn a_conflict_that_is_not_the_end_of_a_segment_does_not_roll_over() {
    let codes = [
        "BlobModifiedWhileReading",
        "SystemInUse",
        "PendingCopyOperation",
        "BlobAlreadyExists",
        // It was said once, and the segment has room all the same.
        "AppendPositionConditionNotMet",
    ];
    for code in codes {
        let mut scene = Scene::new(Layout::Append);
        let mut author = scene.open(1);
        let (ticket, sent) = scene.committing(&mut author, b"one");
        scene.answer(&mut author, &sent, answered(409, code));
        assert_eq!(scene.finish(&mut author, &ticket), Ok(()), "{code}");
        assert_eq!(scene.commit(&mut author, b"two"), Ok(()));
        assert_eq!(scene.segments(), 1, "{code}");
        scene.holds(b"onetwo");
    }
}

/// `peers.md` B1 (fluent-bit #2692, NLog #91: "logging just stops") and B4. Rules: `protocol.md`
/// C1, C3.
#[test]
fn a_segment_that_is_full_is_closed_and_the_next_one_begins_where_it_ends() {
    let settings = Settings { max_blocks: 2, ..Settings::default() };
    let mut scene = Scene::with(Layout::Append, settings);
    let mut author = scene.open(1);
    let mut all = Vec::new();
    for line in [b"one ", b"two ", b"six ", b"ten "] {
        assert_eq!(scene.commit(&mut author, line), Ok(()));
        all.extend_from_slice(line);
    }
    assert_eq!(scene.commit(&mut author, b"end"), Ok(()));
    assert_eq!(scene.segments(), 3);
    let first = scene.identity(Target::Segment(1)).unwrap();
    let second = scene.identity(Target::Segment(2)).unwrap();
    assert_eq!((first.end, second.start, second.end), (Some(8), 8, Some(16)));
    scene.holds(&[&all[..], b"end"].concat());
}

/// `peers.md` B4 (the same plugin keeps its index in memory: after a restart `-0` answers 409 and
/// `-1` is created again, empty; cloud-custodian #4837). Rules: `protocol.md` D1, D2.
#[test]
fn a_restart_goes_on_at_the_end_and_empties_nothing() {
    let mut all = Vec::new();
    let mut scene = Scene::new(Layout::Append);
    for nonce in 1..6 {
        let config = Config { segment_blocks: 2, ..scene.config() };
        let mut author = scene.open_with(nonce, config);
        for line in [b"one ", b"two ", b"six "] {
            assert_eq!(scene.commit(&mut author, line), Ok(()));
            all.extend_from_slice(line);
        }
    }
    assert_eq!(scene.segments(), 8, "15 blocks, two a segment");
    scene.holds(&all);
}

/// `peers.md` B4 (OTel #39475, serilog #53: hundreds of tiny blobs although append mode is on).
/// Rules: `protocol.md` D1, O2.
#[test]
fn a_restart_goes_on_in_the_segment_that_is_open() {
    for layout in LAYOUTS {
        let mut scene = Scene::new(layout);
        for nonce in 1..6 {
            let mut author = scene.open(nonce);
            assert_eq!(scene.commit(&mut author, b"x"), Ok(()));
        }
        assert_eq!(scene.segments(), 1);
        scene.holds(b"xxxxx");
    }
}

/// `peers.md` B4 (its slices are inclusive at both ends: a chunk of more than 4 MiB repeats a byte a
/// slice). Rules: `protocol.md` A3.
#[test]
fn what_the_service_finds_too_large_is_cut_without_repeating_a_byte() {
    let settings = Settings { max_append: 7, ..Settings::default() };
    let mut scene = Scene::with(Layout::Append, settings);
    let config = Config { block_bytes: 64, ..scene.config() };
    let mut author = scene.open_with(1, config);
    let all: Vec<u8> = (b'A'..=b'z').collect();
    assert_eq!(scene.commit(&mut author, &all), Ok(()));
    assert_eq!(scene.commit(&mut author, &all), Ok(()));
    scene.holds(&[&all[..], &all[..]].concat());
}

/// `peers.md` B4 (serilog #123: the name is computed once, and it never rolls at midnight). Rules:
/// `protocol.md` C6.
#[test]
fn a_segment_of_yesterday_is_left_when_the_next_byte_comes() {
    let mut scene = Scene::new(Layout::Append);
    let config = Config { segment_age: Some(Span::secs(24 * 3600)), ..scene.config() };
    let mut author = scene.open_with(1, config);
    for day in 1..4 {
        assert_eq!(scene.commit(&mut author, b"a"), Ok(()));
        scene.now = scene.now + Span::secs(12 * 3600);
        assert_eq!(scene.commit(&mut author, b"b"), Ok(()));
        assert_eq!(scene.segments(), day);
        scene.now = scene.now + Span::secs(13 * 3600);
    }
    scene.holds(b"ababab");
}

/// Every answer of a rollover is lost, one after the other. Rules: `protocol.md` C2, C5, O2.
#[test]
fn a_rollover_whose_answers_are_lost_leaves_one_segment_after_the_other() {
    for kind in [CallKind::SetMetadata, CallKind::Seal, CallKind::CreateAppendBlob] {
        for applied in [false, true] {
            let mut scene = Scene::new(Layout::Append);
            let config = Config { segment_blocks: 1, ..scene.config() };
            let mut author = scene.open_with(1, config);
            scene.commit(&mut author, b"one").unwrap();
            scene.take(&mut author, b"two").unwrap();
            let ticket = author.writer.flush(scene.now).unwrap();
            let mut losses = 0;
            let done = scene.finish_with(&mut author, &ticket, |scene, sent| {
                let hit = sent.call.kind() == kind && losses < 2;
                losses += u32::from(hit);
                let outcome = (applied || !hit).then(|| scene.arrive(sent));
                Some(outcome.filter(|_| !hit).unwrap_or_else(lost))
            });
            assert_eq!((done, scene.segments()), (Ok(()), 2));
            scene.holds(b"onetwo");
        }
    }
}

/// The service may refuse the next segment for now: a quota, a credential. The bytes are kept and
/// the rollover goes on later, perhaps by somebody else. Rules: `protocol.md` C1, C5.
#[test]
fn a_rollover_that_is_refused_half_way_is_finished_later_by_anyone() {
    for by_another in [false, true] {
        let mut scene = Scene::new(Layout::Append);
        let config = Config { segment_blocks: 1, ..scene.config() };
        let mut author = scene.open_with(1, config);
        scene.commit(&mut author, b"one").unwrap();
        scene.take(&mut author, b"two").unwrap();
        let ticket = author.writer.flush(scene.now).unwrap();
        let told = scene.finish_with(&mut author, &ticket, |scene, sent| {
            let creates = matches!(sent.call, Call::CreateAppendBlob { .. });
            Some(if creates { answered(403, "AccountIsDisabled") } else { scene.arrive(sent) })
        });
        assert!(told.is_err(), "{told:?}");
        assert_eq!((author.committed(), scene.segments()), (3, 1));
        if by_another {
            let mut newer = scene.open(2);
            assert_eq!(scene.commit(&mut newer, b"two"), Ok(()));
            assert!(scene.flush(&mut author).is_err());
        } else {
            scene.now = scene.now + Span::secs(60);
            assert_eq!(scene.flush(&mut author), Ok(()));
        }
        assert_eq!(scene.segments(), 2);
        scene.holds(b"onetwo");
    }
}

/// Nothing is closed that holds no byte. Rules: `protocol.md` C4.
#[test]
fn an_empty_segment_is_not_left() {
    let mut scene = Scene::new(Layout::Append);
    let mut author = scene.open(1);
    let ticket = author.writer.rollover(scene.now).unwrap();
    assert_eq!(scene.finish(&mut author, &ticket), Ok(()));
    assert_eq!(scene.commit(&mut author, b"one"), Ok(()));
    assert_eq!(scene.segments(), 1);
}
