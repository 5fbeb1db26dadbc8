//! Merging small blocks, which must never stand in the way of a flush nor go into a list before it
//! is staged (`peers.md` C4, F3 to F12).

use alloc::vec::Vec;

use super::{Author, Scene, Sent, answered, lost};
use crate::call::{Answer, Call, CallKind, ETag, Outcome};
use crate::compaction::Compaction;
use crate::error::Error;
use crate::limits;
use crate::sim::service::Settings;
use crate::time::Span;
use crate::writer::{Config, Layout};

fn merging(scene: &Scene, above: u32) -> Config {
    Config { compaction: Compaction::Hadoop14520 { above }, ..scene.config() }
}

/// A stream whose next flush comes with a merge of four blocks into one of eight bytes.
fn before_a_merge() -> (Scene, Author) {
    let mut scene = Scene::new(Layout::Block);
    let config = merging(&scene, 5);
    let mut author = scene.open_with(1, config);
    for line in [b"aa", b"bb", b"cc", b"dd", b"ee"] {
        scene.commit(&mut author, line).unwrap();
    }
    (scene, author)
}

const MERGED: &[u8] = b"aabbccddee";

/// Whether it stages what was merged.
fn stages_merged(sent: &Sent) -> bool {
    matches!(&sent.call, Call::PutBlock { body, .. } if body.0.len() == 8)
}

/// Flushes "ff" while merges meet something, and tells how long that took.
fn flush_beside(
    scene: &mut Scene,
    author: &mut Author,
    meets: impl Fn(&Sent) -> Option<Option<Outcome>>,
) -> Span {
    let before = scene.now;
    scene.take(author, b"ff").unwrap();
    let ticket = author.writer.flush(scene.now).unwrap();
    let done = scene.finish_with(author, &ticket, |scene, sent| {
        meets(sent).unwrap_or_else(|| Some(scene.arrive(sent)))
    });
    assert_eq!(done, Ok(()));
    scene.now - before
}

/// The flush that follows is done, merges again, and no list was ever refused.
fn goes_on(scene: &mut Scene, author: &mut Author) {
    assert_eq!(scene.commit(author, b"gg"), Ok(()));
    assert!(scene.refused.is_empty(), "{:?}", scene.refused);
    assert!(scene.blocks().len() <= 4, "{:?}", scene.blocks());
    scene.holds(&[MERGED, b"ffgg"].concat());
}

/// `peers.md` F3: there, a range that could not be read left the flush waiting for ever. Rules:
/// `protocol.md` M1.
#[test]
fn a_merge_whose_read_fails_fails_no_flush_and_delays_none() {
    for outcome in [lost(), answered(500, "InternalError"), answered(416, "InvalidRange")] {
        let (mut scene, mut author) = before_a_merge();
        let took = flush_beside(&mut scene, &mut author, |sent| {
            (sent.call.kind() == CallKind::GetRange).then(|| Some(outcome.clone()))
        });
        assert!(took < Span::secs(1), "{took:?}");
        assert_eq!(scene.blocks().len(), 6);
        goes_on(&mut scene, &mut author);
    }
}

/// `peers.md` F3, the other way to wait for ever. Rules: `protocol.md` M1.
#[test]
fn a_merge_whose_read_hangs_is_waited_for_a_bounded_time() {
    let (mut scene, mut author) = before_a_merge();
    let took = flush_beside(&mut scene, &mut author, |sent| {
        (sent.call.kind() == CallKind::GetRange).then_some(None)
    });
    assert!(took <= limits::MERGE_TIME, "{took:?}");
    goes_on(&mut scene, &mut author);
}

/// `peers.md` F4: there, the list named the merged block that had not been uploaded, and the stream
/// was dead. Rules: `protocol.md` M1, B5.
#[test]
fn a_merged_block_that_is_not_staged_is_in_no_list() {
    for outcome in [Some(lost()), Some(answered(500, "OperationTimedOut")), None] {
        let (mut scene, mut author) = before_a_merge();
        flush_beside(&mut scene, &mut author, |sent| stages_merged(sent).then(|| outcome.clone()));
        goes_on(&mut scene, &mut author);
    }
}

/// A list that is refused for its merge is sent without it. Rules: `protocol.md` M1, M3.
#[test]
fn a_merged_block_that_the_service_lost_does_not_fail_the_flush() {
    let (mut scene, mut author) = before_a_merge();
    let took = flush_beside(&mut scene, &mut author, |sent| {
        // It says that it is staged, and it is not.
        stages_merged(sent).then_some(Some(Ok(Answer::Staged)))
    });
    assert!(took < Span::secs(1), "{took:?}");
    assert_eq!(scene.refused, ["InvalidBlockList"]);
    scene.holds(&[MERGED, b"ff"].concat());
}

/// Merges that come to nothing are tried smaller. Rules: `protocol.md` M2.
#[test]
fn after_three_merges_that_came_to_nothing_the_next_is_half_as_large() {
    let (mut scene, mut author) = before_a_merge();
    for _ in 0..4 {
        flush_beside(&mut scene, &mut author, |sent| {
            (sent.call.kind() == CallKind::GetRange).then(|| Some(lost()))
        });
    }
    let lengths = scene.sent.iter().filter_map(|(_, call)| match call {
        Call::GetRange { length, .. } => Some(*length),
        _ => None,
    });
    assert_eq!(lengths.collect::<Vec<u64>>(), [8, 8, 8, 4]);
    scene.holds(&[MERGED, b"ffffffff"].concat());
}

/// `peers.md` F8 and F9: there, the list stayed near 32,000 entries of 60 characters for ever, and
/// was sent with every flush. Here merging begins where the caller says, and names are of 12.
#[test]
fn lists_do_not_grow_with_the_number_of_flushes() {
    let mut scene = Scene::new(Layout::Block);
    let config = Config { block_bytes: 64, buffer_bytes: 256, ..merging(&scene, 16) };
    let mut author = scene.open_with(1, config);
    let mut all = Vec::new();
    for n in 0..400u16 {
        scene.commit(&mut author, &n.to_be_bytes()).unwrap();
        all.extend_from_slice(&n.to_be_bytes());
    }
    let sizes = scene.sent.iter().filter_map(|(_, call)| match call {
        Call::PutBlockList { list, .. } => Some(list.len()),
        _ => None,
    });
    assert!(sizes.max() <= Some(64), "the longest list");
    assert!(scene.blocks().iter().all(|block| block.id.as_str().len() == 12));
    scene.holds(&all);
}

/// `peers.md` F10: there, the blocks at the end were no candidates, and one run was merged a flush.
/// By command it goes as far as it goes.
#[test]
fn compaction_by_command_leaves_no_neighbours_that_fit_into_one_block() {
    let mut scene = Scene::new(Layout::Block);
    let mut author = scene.open(1);
    for line in [b"aa", b"bb", b"cc", b"dd", b"ee", b"ff", b"gg"] {
        scene.commit(&mut author, line).unwrap();
    }
    let ticket = author.writer.compact(scene.now).unwrap();
    assert_eq!(scene.finish(&mut author, &ticket), Ok(()));
    let sizes: Vec<u64> = scene.blocks().iter().map(|block| block.size).collect();
    assert_eq!(sizes, [8, 6]);
    scene.holds(b"aabbccddeeffgg");
}

/// `peers.md` F11: there, blocks of more than half a block never merged, and the stream died at
/// 50,000 of them. Here the caller is told at once what to do, and it helps.
#[test]
fn a_blob_that_is_full_says_so_at_once_and_goes_on_with_larger_blocks() {
    let settings = Settings { max_listed_blocks: 4, ..Settings::default() };
    let mut scene = Scene::with(Layout::Block, settings);
    let config = merging(&scene, 2);
    let mut author = scene.open_with(1, config);
    for line in [b"11111", b"22222", b"33333", b"44444"] {
        scene.commit(&mut author, line).unwrap();
    }
    let before = scene.now;
    let told = scene.commit(&mut author, b"55555");
    assert!(matches!(told, Err(Error::Unsupported(_))), "{told:?}");
    assert_eq!((scene.now, author.committed()), (before, 20));

    let config = Config { block_bytes: 32, ..merging(&scene, 2) };
    let mut author = scene.open_with(2, config);
    let ticket = author.writer.compact(scene.now).unwrap();
    assert_eq!(scene.finish(&mut author, &ticket), Ok(()));
    assert_eq!(scene.commit(&mut author, b"55555"), Ok(()));
    scene.holds(b"1111122222333334444455555");
}

/// `peers.md` F12: there, a merge held every permit, so that nothing was uploaded beside it. Rules:
/// `protocol.md` B8.
#[test]
fn blocks_are_staged_beside_a_merge() {
    let (mut scene, mut author) = before_a_merge();
    scene.take(&mut author, b"ff").unwrap();
    let _ = author.writer.flush(scene.now).unwrap();
    let mut kinds = Vec::new();
    while let Some(sent) = scene.due(&mut author) {
        kinds.push(sent.call.kind());
        if sent.call.kind() == CallKind::PutBlock {
            scene.serve(&mut author, &sent);
        }
    }
    assert_eq!(kinds, [CallKind::GetRange, CallKind::PutBlock]);
    assert_eq!(author.writer.position().staged, 12);
}

/// Somebody's commit voids what was merged under the ETag before it. Rules: `protocol.md` M3.
#[test]
fn a_merge_that_met_a_change_of_the_blob_is_dropped() {
    let (mut scene, mut author) = before_a_merge();
    scene.take(&mut author, b"ff").unwrap();
    let ticket = author.writer.flush(scene.now).unwrap();
    let mut touched = false;
    let done = scene.finish_with(&mut author, &ticket, |scene, sent| {
        if sent.call.kind() == CallKind::GetRange && !touched {
            touched = true;
            let seen = scene.properties(scene.first()).unwrap();
            let (target, metadata) = (scene.first(), seen.metadata);
            let etag = ETag("*".into());
            assert!(scene.tool(&Call::SetMetadata { target, metadata, etag }).is_ok());
        }
        Some(scene.arrive(sent))
    });
    assert_eq!((done, touched), (Ok(()), true));
    let stages = |call: &Call| matches!(call, Call::PutBlock { body, .. } if body.0.len() == 8);
    assert!(!scene.sent.iter().any(|(_, call)| stages(call)), "it is not staged");
    scene.holds(&[MERGED, b"ff"].concat());
}
