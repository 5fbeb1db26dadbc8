//! What becomes of bytes that were taken when the service fails, is gone or asks for a pause; and
//! that no more of them are held than there is room for.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{LAYOUTS, Scene, answered, lost, refused};
use crate::call::{BlockId, Body, Call, CallKind, Cause, Failure, Outcome, Target};
use crate::error::Error;
use crate::limits;
use crate::time::{Span, Time};
use crate::writer::{Config, Layout};

/// `peers.md` F1, and HADOOP-17308 of B3: there, a flush returned as if done after its commit had
/// failed three times, and the length was advanced. Rules: `protocol.md` V1, V2.
#[test]
fn a_flush_whose_commit_fails_is_told_and_counts_nothing() {
    for layout in LAYOUTS {
        let mut scene = Scene::new(layout);
        let mut author = scene.open(1);
        scene.take(&mut author, b"one").unwrap();
        let ticket = author.writer.flush(scene.now).unwrap();
        let commits = scene.commits();
        let told = scene.finish_with(&mut author, &ticket, |scene, sent| {
            let fails = sent.call.kind() == commits;
            Some(if fails { answered(503, "ServerBusy") } else { scene.arrive(sent) })
        });
        assert!(matches!(told, Err(Error::Unavailable(_))), "{told:?}");
        assert_eq!(author.committed(), 0);
        assert_eq!(scene.flush(&mut author), Ok(()));
        scene.holds(b"one");
    }
}

/// `peers.md` F1: there, the error appeared at a later call and then no more. Rules:
/// `protocol.md` O3.
#[test]
fn what_has_ended_a_stream_is_told_to_every_later_call() {
    for layout in LAYOUTS {
        let mut scene = Scene::new(layout);
        let mut older = scene.open(1);
        let mut newer = scene.open(2);
        let over = |told: Option<Error>| matches!(told, Some(Error::Superseded(_)));
        assert!(over(scene.commit(&mut older, b"one").err()));
        for _ in 0..3 {
            assert!(over(older.writer.append(b"two").err()));
            assert!(over(older.writer.flush(scene.now).err()));
            assert!(over(older.writer.close(scene.now).err()));
        }
        assert_eq!(scene.commit(&mut newer, b"two"), Ok(()));
    }
}

/// `peers.md` F2: there, a block that could not be uploaded was listed all the same. Rules:
/// `protocol.md` B5.
#[test]
fn a_block_that_is_not_staged_is_in_no_list() {
    for trouble in [lost(), answered(500, "OperationTimedOut"), answered(400, "Md5Mismatch")] {
        let mut scene = Scene::new(Layout::Block);
        let mut author = scene.open(1);
        scene.take(&mut author, b"11111111222222223333").unwrap();
        let ticket = author.writer.flush(scene.now).unwrap();
        let mut failures = 0;
        let done = scene.finish_with(&mut author, &ticket, |scene, sent| {
            let second = matches!(&sent.call, Call::PutBlock { body, .. } if body.0[0] == b'2');
            if second && failures < 5 {
                failures += 1;
                return Some(trouble.clone());
            }
            Some(scene.arrive(sent))
        });
        assert_eq!((done, failures), (Ok(()), 5));
        assert!(scene.refused.is_empty(), "{:?}", scene.refused);
        scene.holds(b"11111111222222223333");
    }
}

/// `peers.md` F13: there, a fast writer filled the heap. The room of a merge counts too. Rules:
/// the fourth promise of `protocol.md`, and M1.
#[test]
fn no_more_is_held_than_the_room_also_during_a_merge() {
    for (layout, room) in [(Layout::Append, 16), (Layout::Block, 12)] {
        let mut scene = Scene::new(layout);
        let config = Config { block_bytes: 4, buffer_bytes: 16, ..scene.config() };
        let mut author = scene.open_with(1, config);
        scene.commit(&mut author, b"aa").unwrap();
        scene.commit(&mut author, b"bb").unwrap();
        let merge = (layout == Layout::Block).then(|| {
            let _ = author.writer.compact(scene.now).unwrap();
            scene.until(&mut author, CallKind::GetRange)
        });
        let mut taken = 0;
        while scene.take(&mut author, b"x").is_ok() {
            taken += 1;
            assert!(taken <= room, "{taken} bytes and a merge are held in a room of 16");
        }
        assert_eq!((taken, author.writer.append(b"x")), (room, Err(Error::BufferFull)));
        if let Some(read) = merge {
            scene.serve(&mut author, &read);
        }
        assert_eq!(scene.flush(&mut author), Ok(()));
        scene.holds(&[b"aabb", &[b'x'; 16][..room]].concat());
    }
}

/// `peers.md` F14: there, everything was tried again alike: what no retry mends as well.
#[test]
fn what_only_the_caller_can_mend_is_told_after_one_try() {
    for layout in LAYOUTS {
        for cause in [Cause::Forbidden, Cause::Unauthenticated] {
            let mut scene = Scene::new(layout);
            let mut author = scene.open(1);
            let (ticket, sent) = scene.committing(&mut author, b"one");
            let before = (scene.sent.len(), scene.now);
            scene.answer(&mut author, &sent, refused(cause));
            let told = author.writer.progress(&ticket, scene.now);
            assert!(
                matches!(told, Some(Err(Error::AccessDenied(_) | Error::Unauthenticated(_)))),
                "{told:?}"
            );
            assert_eq!((scene.sent.len(), scene.now), before);
            author.writer.credential_changed();
            assert_eq!(scene.flush(&mut author), Ok(()));
            scene.holds(b"one");
        }
    }
}

/// When the commit of "one" is tried while the service answers this, and the pauses between.
fn pauses(layout: Layout, answer: &Outcome, tries: usize) -> Vec<Span> {
    let mut scene = Scene::new(layout);
    let mut author = scene.open(1);
    let (_, mut sent) = scene.committing(&mut author, b"one");
    let mut times: Vec<Time> = Vec::from([scene.now]);
    while times.len() < tries {
        scene.answer(&mut author, &sent, answer.clone());
        sent = scene.next(&mut author).unwrap();
        times.push(scene.now);
    }
    scene.serve(&mut author, &sent);
    scene.settle(&mut author);
    scene.holds(b"one");
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// `peers.md` F14: there, pauses were of 2, 3 and 4 seconds, without jitter.
#[test]
fn pauses_between_tries_grow_up_to_a_limit_and_differ() {
    for layout in LAYOUTS {
        let pauses = pauses(layout, &lost(), 14);
        assert!(pauses[0] < Span::secs(1) && pauses[12] >= Span::secs(5), "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= limits::BACKOFF_MAX), "{pauses:?}");
        assert_ne!(pauses[11], pauses[12], "there is jitter");
    }
}

/// `peers.md` F14: there, nobody asked the service how long to wait.
#[test]
fn a_pause_that_the_service_asks_for_is_kept() {
    for layout in LAYOUTS {
        let retry_after = Some(Span::secs(30));
        let busy = Failure::InDoubt { reason: "busy".into(), status: Some(503), retry_after };
        let pauses = pauses(layout, &Err(busy), 4);
        assert!(pauses.iter().all(|pause| *pause >= Span::secs(30)), "{pauses:?}");
    }
}

/// `peers.md` F15: there, bodies had no checksum. The harness looks for it in every request; what
/// was damaged on its way is sent again, the same.
#[test]
fn a_body_that_was_damaged_on_its_way_is_sent_again() {
    for (layout, kind) in
        [(Layout::Append, CallKind::AppendBlock), (Layout::Block, CallKind::PutBlock)]
    {
        for code in ["Crc64Mismatch", "Md5Mismatch"] {
            let mut scene = Scene::new(layout);
            let mut author = scene.open(1);
            scene.take(&mut author, b"one").unwrap();
            let ticket = author.writer.flush(scene.now).unwrap();
            let first = scene.until(&mut author, kind);
            scene.answer(&mut author, &first, answered(400, code));
            assert!(author.writer.progress(&ticket, scene.now).is_none(), "nobody has to act");
            let second = scene.next(&mut author).unwrap();
            assert_eq!(first.call, second.call);
            scene.serve(&mut author, &second);
            assert_eq!(scene.finish(&mut author, &ticket), Ok(()));
            scene.holds(b"one");
        }
    }
}

/// `peers.md` B3 (serilog #94, "batch not flushed at exit"): closing is a flush too.
#[test]
fn closing_commits_what_was_never_flushed() {
    for layout in LAYOUTS {
        let mut scene = Scene::new(layout);
        let mut author = scene.open(1);
        scene.take(&mut author, b"one").unwrap();
        let ticket = author.writer.close(scene.now).unwrap();
        assert_eq!(scene.finish(&mut author, &ticket), Ok(()));
        assert_eq!(author.committed(), 3);
        scene.holds(b"one");
    }
}

/// `peers.md` B3 (fluent-plugin-azurestorage-gen2 #7, "hit limit for retries. dropping all
/// chunks"): patience is the caller's; the bytes stay.
#[test]
fn bytes_outlive_the_patience_of_whoever_waited() {
    for layout in LAYOUTS {
        let mut scene = Scene::new(layout);
        let mut author = scene.open(1);
        let mut all = Vec::new();
        for line in [b"one\n", b"two\n", b"six\n"] {
            scene.take(&mut author, line).unwrap();
            all.extend_from_slice(line);
            let ticket = author.writer.flush(scene.now).unwrap();
            let told = scene.finish_with(&mut author, &ticket, |_, _| Some(lost()));
            assert!(matches!(told, Err(Error::Unavailable(_))), "{told:?}");
        }
        assert_eq!(scene.flush(&mut author), Ok(()));
        scene.holds(&all);
    }
}

/// `peers.md` B3 (azure-webjobs-sdk #1761, "removed from memory before it is written"): what is
/// staged is not committed, and the service forgets it after a week. Rules: `protocol.md` B5.
#[test]
fn blocks_that_the_service_has_forgotten_are_staged_again_from_memory() {
    let mut scene = Scene::new(Layout::Block);
    let mut author = scene.open(1);
    scene.take(&mut author, b"11111111222222223333").unwrap();
    scene.settle(&mut author);
    assert_eq!(author.writer.position().staged, 16);
    scene.now = scene.now + Span::secs(8 * 24 * 3600);
    assert_eq!(scene.flush(&mut author), Ok(()));
    assert_eq!(scene.refused, ["InvalidBlockList"]);
    scene.holds(b"11111111222222223333");
}

/// Somebody's tool stages blocks of another length of ID in mid-stream, so that ours are refused
/// until the list was sent once more as it is (azure-storage-net #780 of `peers.md` B7). Rules:
/// `protocol.md` B6.
#[test]
fn blocks_that_stand_in_the_way_are_dropped_by_the_list_as_it_is() {
    let mut scene = Scene::new(Layout::Block);
    let mut author = scene.open(1);
    scene.commit(&mut author, b"one").unwrap();
    let (target, id) = (Target::Stream, BlockId([9; 5].as_slice().into()));
    let theirs = Call::PutBlock { target, id, body: Body(Arc::new(b"x".to_vec())) };
    assert!(scene.tool(&theirs).is_ok());
    assert_eq!(scene.commit(&mut author, b"two"), Ok(()));
    scene.holds(b"onetwo");
}
