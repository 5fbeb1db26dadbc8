//! Answers that say nothing, or the wrong thing, about what was stored: each byte is there once, and
//! who appended knows whether it was its own (`peers.md` B2).

use super::{Author, LAYOUTS, Scene, answered, lost};
use crate::call::{CallKind, Outcome};
use crate::error::Error;
use crate::sim::service::Settings;
use crate::writer::{Config, Layout};

/// What a client may see in place of the answer.
fn doubts() -> [Outcome; 5] {
    [
        lost(),
        answered(500, "OperationTimedOut"),
        answered(503, "ServerBusy"),
        answered(408, ""),
        answered(502, ""),
    ]
}

/// `peers.md` B2 (azure-sdk-for-go #24027, gdal #3806, pg_lake #514, Vector #25627: stored, then
/// stored again by the retry; azure-storage-cpp #42: stored, then reported as a failure). Rules:
/// `protocol.md` A1, A3, V2, V4, B4.
#[test]
fn a_commit_whose_answer_is_lost_is_stored_once_and_is_a_success() {
    for layout in LAYOUTS {
        for (doubt, applied) in doubts().iter().flat_map(|it| [(it, false), (it, true)]) {
            let mut scene = Scene::new(layout);
            let mut author = scene.open(1);
            assert_eq!(scene.commit(&mut author, b"one"), Ok(()));
            let (ticket, sent) = scene.committing(&mut author, b"two");
            if applied {
                assert!(scene.arrive(&sent).is_ok());
            }
            scene.answer(&mut author, &sent, doubt.clone());
            assert_eq!(scene.finish(&mut author, &ticket), Ok(()), "{doubt:?}");
            assert_eq!(scene.commit(&mut author, b"six"), Ok(()));
            scene.holds(b"onetwosix");
        }
    }
}

/// `peers.md` B6 (azure-sdk-for-net #34258): an append meets a read, and its 409 does not say
/// whether it was stored. Rules: `protocol.md` V2.
#[test]
fn an_append_that_meets_a_read_is_repeated_and_stored_once() {
    for applied in [false, true] {
        let mut scene = Scene::new(Layout::Append);
        let mut author = scene.open(1);
        let (ticket, sent) = scene.committing(&mut author, b"one");
        if applied {
            assert!(scene.arrive(&sent).is_ok());
        }
        scene.answer(&mut author, &sent, answered(409, "BlobModifiedWhileReading"));
        assert_eq!(scene.finish(&mut author, &ticket), Ok(()));
        scene.holds(b"one");
    }
}

/// `peers.md` B2: pools, proxies and browsers repeat a PUT by themselves, so that the refusal of a
/// first attempt may be its twin's. Rules: `protocol.md` V3.
#[test]
fn a_request_that_arrives_twice_is_stored_once_though_the_second_answer_says_no() {
    for layout in LAYOUTS {
        let mut scene = Scene::new(layout);
        let mut author = scene.open(1);
        let (ticket, sent) = scene.committing(&mut author, b"one");
        assert!(scene.arrive(&sent).is_ok());
        scene.serve(&mut author, &sent);
        assert_eq!(scene.refused.len(), 1, "{:?}", scene.refused);
        assert_eq!(scene.finish(&mut author, &ticket), Ok(()));
        scene.holds(b"one");
    }
}

/// The same for what opens a stream and for what begins a segment. Rules: `protocol.md` O1, O2.
#[test]
fn a_claim_or_a_creation_that_arrives_twice_is_ours() {
    for layout in LAYOUTS {
        let mut scene = Scene::new(layout);
        for nonce in [1, 2] {
            let mut author = scene.author(nonce, scene.config());
            let ticket = author.writer.opening(scene.now);
            let done = scene.finish_with(&mut author, &ticket, |scene, sent| {
                if sent.call.is_write() {
                    let _ = scene.arrive(sent);
                }
                Some(scene.arrive(sent))
            });
            assert_eq!(done, Ok(()));
            assert_eq!(scene.commit(&mut author, b"x"), Ok(()));
        }
        scene.holds(b"xx");
    }
}

/// An older writer that has something under way which never arrived, and a newer one that has
/// stored `theirs` since.
fn overtaken(layout: Layout, theirs: &[u8]) -> (Scene, Author) {
    let mut scene = Scene::new(layout);
    let mut older = scene.open(1);
    let (_, sent) = scene.committing(&mut older, b"one");
    let mut newer = scene.open(2);
    assert_eq!(scene.commit(&mut newer, theirs), Ok(()));
    scene.answer(&mut older, &sent, lost());
    scene.settle(&mut older);
    scene.holds(theirs);
    (scene, older)
}

/// `peers.md` B2 (`absorbConditionalErrorsOnRetry`: any 412 to a retry is a success; pg_lake #514:
/// the same bytes may be another writer's). Rules: `protocol.md` V4, I3.
#[test]
fn a_refusal_is_no_success_when_somebody_else_was_first_not_even_with_equal_bytes() {
    for layout in LAYOUTS {
        for theirs in [b"one", b"two"] {
            let (_, older) = overtaken(layout, theirs);
            let Some(Error::Superseded(position)) = older.end() else {
                panic!("{:?}", older.end())
            };
            assert_eq!(position.committed, 0);
        }
    }
}

/// `peers.md` B2 (azure-storage-cpp #42): what landed before the takeover is a success. Rules:
/// `protocol.md` V4.
#[test]
fn what_landed_before_a_takeover_is_counted_by_who_lost_the_stream() {
    for layout in LAYOUTS {
        let mut scene = Scene::new(layout);
        let mut older = scene.open(1);
        let (_, sent) = scene.committing(&mut older, b"one");
        scene.lose_answer(&mut older, &sent);
        let mut newer = scene.open(2);
        assert_eq!(scene.commit(&mut newer, b"two"), Ok(()));
        scene.settle(&mut older);
        let Some(Error::Superseded(position)) = older.end() else { panic!("{:?}", older.end()) };
        assert_eq!(position.committed, 3);
        scene.holds(b"onetwo");
    }
}

/// `peers.md` B2: where a second takeover hides how long the segment was at the first, and the bytes
/// are equal, nobody can know. Rules: `protocol.md` V4, V6.
#[test]
fn what_cannot_be_known_is_neither_success_nor_failure() {
    let mut scene = Scene::new(Layout::Append);
    let mut older = scene.open(1);
    let (_, sent) = scene.committing(&mut older, b"one");
    for (nonce, bytes) in [(2, b"one"), (3, b"two")] {
        let mut newer = scene.open(nonce);
        assert_eq!(scene.commit(&mut newer, bytes), Ok(()));
    }
    scene.answer(&mut older, &sent, lost());
    scene.settle(&mut older);
    let Some(Error::UnknownOutcome(range, position)) = older.end() else {
        panic!("{:?}", older.end())
    };
    assert_eq!((range.clone(), position.committed), (0..3, 0));
    scene.holds(b"onetwo");
}

/// `peers.md` B2 (fluent-bit #11645: lines lost at 50,000 blocks, and doubled once retries were
/// allowed): the count is judged before any condition, so the lost answer of the last block that
/// fits comes back as a refusal. Rules: `protocol.md` V5, C4.
#[test]
fn the_last_block_that_fits_is_not_written_again_into_the_next_segment() {
    for applied in [false, true] {
        let settings = Settings { max_blocks: 2, ..Settings::default() };
        let mut scene = Scene::with(Layout::Append, settings);
        let mut author = scene.open(1);
        assert_eq!(scene.commit(&mut author, b"one"), Ok(()));
        let (ticket, sent) = scene.committing(&mut author, b"two");
        if applied {
            assert!(scene.arrive(&sent).is_ok());
        }
        scene.answer(&mut author, &sent, lost());
        assert_eq!(scene.finish(&mut author, &ticket), Ok(()));
        assert_eq!(scene.commit(&mut author, b"six"), Ok(()));
        assert_eq!(scene.segments(), 2);
        scene.holds(b"onetwosix");
    }
}

/// `peers.md` B2 (redpanda connect #4204: tags set after a landed append fail, and the message is
/// delivered again): what comes after an append is not part of it.
#[test]
fn a_rollover_that_fails_after_its_block_has_landed_does_not_undo_it() {
    let mut scene = Scene::new(Layout::Append);
    let mut author = scene.open(1);
    scene.take(&mut author, b"one").unwrap();
    let stored = author.writer.flush(scene.now).unwrap();
    let rolled = author.writer.rollover(scene.now).unwrap();
    let told = scene.finish_with(&mut author, &rolled, |scene, sent| {
        let fails = sent.call.kind() == CallKind::SetMetadata;
        Some(if fails { lost() } else { scene.arrive(sent) })
    });
    assert!(matches!(told, Err(Error::Unavailable(_))), "{told:?}");
    assert!(matches!(author.writer.progress(&stored, scene.now), Some(Ok(_))));
    assert_eq!((author.committed(), scene.count(CallKind::AppendBlock)), (3, 1));
    assert_eq!(scene.commit(&mut author, b"two"), Ok(()));
    scene.holds(b"onetwo");
}

/// `peers.md` B2, told of batches: what was sent stays as it was, whatever is appended meanwhile.
/// Rules: `protocol.md` A2, A3.
#[test]
fn a_batch_in_doubt_does_not_grow() {
    for layout in LAYOUTS {
        let mut scene = Scene::new(layout);
        let config = Config { block_bytes: 64, ..scene.config() };
        let mut author = scene.open_with(1, config);
        let (_, first) = scene.committing(&mut author, b"one");
        scene.take(&mut author, b"two").unwrap();
        let ticket = author.writer.flush(scene.now).unwrap();
        assert!(scene.due(&mut author).is_none(), "one at a time");
        scene.lose_answer(&mut author, &first);
        let second = scene.next(&mut author).unwrap();
        assert_eq!(first.call, second.call);
        scene.serve(&mut author, &second);
        assert_eq!(scene.finish(&mut author, &ticket), Ok(()));
        scene.holds(b"onetwo");
    }
}
