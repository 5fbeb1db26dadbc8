//! Directed runs against services, tools and limits that are out to stop the stream.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::tests::*;
use crate::call::{Answer, Block, Blocks, Call, CallKind, Cause, Failure, Metadata, Reply};
use crate::compaction::Compaction;
use crate::error::Error;
use crate::limits;
use crate::stream::{Identity, StreamId};
use crate::time::Span;
use crate::writer::{Compacted, Config, Layout, Machine, Output};

/// A writer that has committed these, one after another.
fn committed(texts: &[&str], config: Config) -> Desk {
    let mut desk = Desk::opened(config);
    for text in texts {
        desk.append(text);
        desk.flush();
        desk.settle();
    }
    desk
}

/// A writer of a blob of 50,000 blocks of one byte.
fn crowded(compaction: Compaction) -> Desk {
    of_blocks(limits::BLOB_BLOCKS_MAX, 1, compaction)
}

/// A writer of a blob of so many blocks of this size.
fn of_blocks(count: u32, size: u64, compaction: Compaction) -> Desk {
    let mut desk = Desk::new(Config { compaction, ..small() });
    let id = |n: u32| [[7; 4], n.to_be_bytes()].concat();
    let list: Vec<Block> = (0..count).map(|n| block(&id(n), size)).collect();
    let seen = desk.properties(u64::from(count) * size);
    desk.answer(0, Ok(Answer::Properties(seen)));
    desk.answer(0, Ok(blocks(0, list, vec![])));
    desk.apply(0);
    desk
}

#[test]
fn a_merge_in_doubt_is_tried_again_after_a_pause() {
    let mut desk = committed(&["a", "b", "c"], small());
    desk.writer.compact(desk.now).unwrap();
    assert_eq!(desk.answer(0, doubt()).kind(), CallKind::GetRange);
    assert!(matches!(desk.writer.poll(desk.now), Output::Wait(Some(_))));
    assert_eq!(desk.kinds(), [CallKind::GetRange]);
}

#[test]
fn bytes_that_take_the_room_of_a_merge_are_committed_first() {
    let config = Config { block_bytes: 8, buffer_bytes: 10, ..small() };
    let mut desk = committed(&["aaa", "bbb", "ccc", "ddd"], config);
    let ticket = desk.writer.compact(desk.now).unwrap();
    desk.apply(0);
    desk.apply(0);
    desk.turn();
    desk.append("zzzzz");
    desk.settle();
    assert!(desk.writer.progress(&ticket, desk.now).unwrap().is_ok());
    assert_eq!(desk.writer.position().committed, 17);
}

#[test]
fn a_compaction_is_not_done_because_merges_fail() {
    let mut desk = committed(&["aa", "bb"], small());
    let ticket = desk.writer.compact(desk.now).unwrap();
    for _ in 0..7 {
        assert_eq!(desk.answer(0, doubt()).kind(), CallKind::GetRange);
        assert!(!matches!(desk.writer.progress(&ticket, desk.now), Some(Ok(_))));
    }
    let now = desk.now;
    desk.answer(0, Ok(Answer::Range { offset: 1, bytes: vec![0; 4] }));
    desk.turn();
    assert!(desk.now > now, "what is not the range is asked for again after a pause");
    desk.settle();
    let done = Compacted { blocks_before: 2, blocks_after: 1, bytes_moved: 4 };
    assert_eq!(desk.writer.compacted(), done);
}

#[test]
fn merges_that_failed_do_not_end_merging() {
    let compaction = Compaction::Hadoop14520 { above: 2 };
    let mut desk = Desk::opened(Config { compaction, ..small() });
    for round in 0..30 {
        desk.append("ab");
        desk.flush();
        while let Some((_, call)) = desk.turn().first() {
            if round < 6 && call.kind() == CallKind::GetRange {
                desk.answer(0, doubt());
            } else {
                desk.apply(0);
            }
        }
    }
    assert!(desk.list.len() < 20, "{} blocks", desk.list.len());
}

#[test]
fn a_small_room_makes_small_merges() {
    let compaction = Compaction::Hadoop14520 { above: 4 };
    let config = Config { compaction, block_bytes: 16, buffer_bytes: 16, ..small() };
    let desk = committed(&["ab"; 40], config);
    assert!(desk.list.len() < 20, "{} blocks", desk.list.len());
}

#[test]
fn another_stream_under_the_name_is_not_ours_to_count_on() {
    let (mut desk, ..) = committing();
    desk.answer(0, refused(Cause::ConditionNotMet));
    let identity = Identity::read(&identity(THEM, 2, 5)).unwrap().unwrap();
    let theirs = Identity { stream: StreamId([8; 16]), ..identity };
    let seen = properties(5, 99, theirs.write(&Metadata::new()));
    desk.answer(0, Ok(Answer::Properties(seen)));
    desk.answer(0, Ok(blocks(99, vec![block(b"alien000", 5)], vec![])));
    assert_eq!(desk.writer.position().committed, 3);
    assert!(matches!(desk.writer.stopped_by(), Some(Error::Diverged(_))));
}

#[test]
fn a_blob_without_our_metadata_is_nobodys() {
    let (mut desk, before, ..) = committing();
    desk.answer(0, refused(Cause::ConditionNotMet));
    desk.answer(0, Ok(Answer::Properties(properties(3, 99, vec![]))));
    desk.answer(0, Ok(blocks(99, before, vec![])));
    assert!(matches!(desk.writer.stopped_by(), Some(Error::Diverged(_))));
}

#[test]
fn numbers_from_metadata_do_not_overflow() {
    let mut desk = Desk::new(small());
    desk.answer(0, Ok(Answer::Properties(properties(0, 5, identity(THEM, u64::MAX, 0)))));
    desk.answer(0, Ok(blocks(5, vec![], vec![])));
    desk.apply(0);
    desk.append("x");
    desk.flush();
    desk.apply(0);
    desk.answer(0, refused(Cause::ConditionNotMet));
    desk.answer(0, Ok(Answer::Properties(properties(0, 99, identity(THEM, u64::MAX, 0)))));
    desk.answer(0, Ok(blocks(99, vec![], vec![])));
    assert!(matches!(desk.writer.stopped_by(), Some(Error::Superseded(_))));
    let huge = refusal_of(
        properties(u64::MAX, 0, vec![]),
        Some(blocks(0, vec![block(&[1; 8], u64::MAX)], vec![])),
    );
    assert!(matches!(huge, Error::Conflict(_)));
}

#[test]
fn ids_are_not_given_out_again_when_somebody_restores_old_metadata() {
    let mut desk = Desk::new(small());
    let seen = desk.properties(3);
    desk.answer(0, Ok(Answer::Properties(seen)));
    desk.answer(0, Ok(blocks(0, vec![block(&[1; 6], 3)], vec![])));
    desk.apply(0);
    let stale = desk.metadata.clone();
    let mut staged = Vec::new();
    let mut commit = |desk: &mut Desk, text: &str| {
        desk.append(text);
        desk.flush();
        let Call::PutBlock { id, .. } = desk.apply(0) else { panic!() };
        staged.push(id);
        desk.settle();
    };
    commit(&mut desk, "a");
    let Machine::Block(blob) = &mut desk.writer.machine else { panic!() };
    for _ in 0..33_000 {
        blob.staging.take_id();
    }
    commit(&mut desk, "b");
    assert_ne!(stale, desk.metadata, "another tag");
    desk.metadata = stale;
    desk.etag += 1;
    let mut list: Vec<Block> = desk.list.iter().map(|it| Block { size: 1, ..it.clone() }).collect();
    list[0].size = 3;
    desk.append("c");
    desk.flush();
    desk.apply(0);
    desk.answer(0, refused(Cause::ConditionNotMet));
    let seen = desk.properties(5);
    desk.answer(0, Ok(Answer::Properties(seen)));
    let tag = desk.etag;
    desk.answer(0, Ok(blocks(tag, list, vec![])));
    desk.settle();
    commit(&mut desk, "d");
    staged.sort();
    staged.dedup();
    assert_eq!(staged.len(), 3);
    let identity = Identity::read(&desk.metadata).unwrap().unwrap();
    assert_eq!(identity.tags.len(), 2, "the tag in use is written again");
}

#[test]
fn a_full_blob_is_merged_whatever_the_policy_says() {
    let mut desk = crowded(Compaction::None);
    desk.append("x");
    let ticket = desk.flush();
    desk.settle();
    assert!(desk.writer.progress(&ticket, desk.now).unwrap().is_ok());
    assert!(desk.list.len() < limits::BLOB_BLOCKS_MAX as usize);
}

#[test]
fn a_blob_with_room_for_one_more_block_takes_one_and_says_that_it_is_full() {
    let mut desk = of_blocks(limits::BLOB_BLOCKS_MAX - 1, 4, Compaction::None);
    desk.append("abcde");
    let ticket = desk.flush();
    assert_eq!(desk.kinds(), [CallKind::PutBlock]);
    desk.apply(0);
    assert_eq!(listed(&desk.apply(0)).len(), limits::BLOB_BLOCKS_MAX as usize);
    assert!(matches!(desk.writer.poll(desk.now), Output::Wait(Some(_))));
    let told = desk.writer.progress(&ticket, desk.now);
    assert!(matches!(told, Some(Err(Error::Unsupported(_)))), "{told:?}");
}

#[test]
fn merges_that_fail_again_and_again_become_smaller() {
    let config = Config { block_bytes: 8, ..small() };
    let mut desk = committed(&["a"; 8], config);
    desk.writer.compact(desk.now).unwrap();
    let lengths: Vec<u64> = (0..7)
        .map(|_| match desk.answer(0, doubt()) {
            Call::GetRange { length, .. } => length,
            call => panic!("{call:?}"),
        })
        .collect();
    assert_eq!(lengths, [8, 8, 8, 4, 4, 4, 2]);
}

#[test]
fn a_flush_in_between_does_not_forget_merges_that_failed() {
    let config = Config { block_bytes: 8, ..small() };
    let mut desk = committed(&["a"; 8], config);
    desk.writer.compact(desk.now).unwrap();
    desk.answer(0, doubt());
    desk.answer(0, doubt());
    desk.append("b");
    desk.flush();
    assert_eq!(desk.apply(0).kind(), CallKind::PutBlock);
    assert_eq!(desk.apply(0).kind(), CallKind::PutBlockList);
    for expected in [8, 4] {
        let read = desk.answer(0, doubt());
        assert!(matches!(read, Call::GetRange { length, .. } if length == expected), "{read:?}");
    }
}

#[test]
fn room_is_made_though_what_was_staged_for_it_is_gone() {
    let mut desk = Desk::opened(small());
    desk.append("abcdefghijkl");
    assert_eq!(desk.writer.append(&[0; 30]), Err(Error::BufferFull));
    for _ in 0..3 {
        assert_eq!(desk.apply(0).kind(), CallKind::PutBlock);
    }
    assert_eq!(listed(&desk.answer(0, refused(Cause::InvalidBlockList))).len(), 3);
    let seen = desk.properties(0);
    desk.answer(0, Ok(Answer::Properties(seen)));
    desk.settle();
    assert_eq!(desk.writer.position().committed, 12, "and nobody has asked again");
}

#[test]
fn a_full_blob_whose_merge_fails_is_planned_anew() {
    let mut desk = crowded(Compaction::Hadoop14520 { above: 50_000 });
    desk.append("x");
    desk.flush();
    assert_eq!(desk.kinds(), [CallKind::GetRange, CallKind::PutBlock]);
    desk.answer(0, doubt());
    desk.apply(0);
    assert_eq!(desk.kinds(), [CallKind::GetRange], "no list of 50,001 blocks is sent");
    desk.settle();
    assert_eq!(desk.writer.position().committed, 50_001);
}

#[test]
fn an_opener_that_goes_round_in_circles_runs_out_of_patience() {
    let mut desk = Desk::new(small());
    let ticket = desk.writer.opening(desk.now);
    let mut tag = 0;
    while desk.writer.progress(&ticket, desk.now).is_none() {
        desk.answer(0, Ok(Answer::Properties(properties(0, tag, identity(THEM, 4, 0)))));
        desk.answer(0, Ok(blocks(tag + 1, vec![], vec![])));
        desk.turn();
        tag += 2;
        assert!(tag < 1000, "patience has no end");
    }
}

#[test]
fn staged_blocks_that_never_stay_exhaust_patience_and_not_the_service() {
    let mut desk = Desk::opened(small());
    desk.append("a");
    let ticket = desk.flush();
    let mut rounds = 0;
    while desk.writer.progress(&ticket, desk.now).is_none() {
        desk.apply(0);
        desk.answer(0, refused(Cause::InvalidBlockList));
        let seen = desk.properties(0);
        desk.answer(0, Ok(Answer::Properties(seen)));
        desk.turn();
        rounds += 1;
        assert!(rounds < 100, "no pause grows");
    }
}

#[test]
fn blocks_that_stay_in_the_way_are_not_purged_without_pause() {
    let mut desk = Desk::opened(small());
    desk.append("a");
    let ticket = desk.flush();
    let mut rounds = 0;
    while desk.writer.progress(&ticket, desk.now).is_none() {
        desk.answer(0, refused(Cause::ForeignStaged));
        assert_eq!(desk.apply(0).kind(), CallKind::PutBlockList);
        desk.turn();
        rounds += 1;
        assert!(rounds < 100, "no pause grows");
    }
}

#[test]
fn a_pause_that_the_service_asked_for_holds_for_all_blocks() {
    let mut desk = Desk::opened(small());
    desk.append("abcdefghijklmnop");
    desk.turn();
    let retry_after = Some(Span::secs(30));
    let busy = Failure::InDoubt { reason: "x".to_string(), status: Some(503), retry_after };
    for outcome in [Err(busy), Ok(Answer::Staged)] {
        let (op, _) = desk.calls.remove(0);
        desk.writer.handle_reply(desk.now, op, Reply { outcome, date: None });
    }
    assert!(matches!(desk.writer.poll(desk.now), Output::Wait(Some(_))));
}

#[test]
fn a_rollover_ordered_before_the_layout_was_known_is_refused() {
    let mut desk = Desk::new(Config { layout: None, ..small() });
    let ticket = desk.writer.rollover(desk.now).unwrap();
    desk.answer(0, refused(Cause::BlobNotFound));
    let seen = properties(0, 3, identity(THEM, 1, 0));
    desk.answer(0, Ok(Answer::Properties(seen.clone())));
    desk.answer(0, Ok(Answer::Properties(seen)));
    desk.answer(0, Ok(blocks(3, vec![], vec![])));
    desk.apply(0);
    let refused = desk.writer.progress(&ticket, desk.now);
    assert!(matches!(refused, Some(Err(Error::Unsupported(_)))));
}

#[test]
fn a_blob_that_is_another_one_by_now_is_looked_at_again() {
    let mut desk = Desk::new(small());
    desk.answer(0, Ok(Answer::Properties(properties(0, 3, identity(THEM, 1, 0)))));
    desk.answer(0, refused(Cause::InvalidBlobType));
    assert_eq!(desk.kinds(), [CallKind::GetProperties]);
}

#[test]
fn a_closed_blob_is_not_opened_again() {
    let identity = Identity::read(&identity(THEM, 1, 0)).unwrap().unwrap();
    assert_eq!(identity.layout, Layout::Block);
    let closed = Identity { end: Some(3), ..identity };
    let seen = properties(3, 0, closed.write(&Metadata::new()));
    assert!(matches!(refusal_of(seen, None), Error::Conflict(_)));
}

#[test]
fn a_list_without_blocks_needs_no_etag() {
    let mut desk = Desk::new(small());
    desk.answer(0, Ok(Answer::Properties(properties(0, 1, identity(THEM, 4, 0)))));
    desk.answer(0, Ok(Answer::Blocks(Blocks::default())));
    assert_eq!(desk.kinds(), [CallKind::SetMetadata]);
    let whole = refusal_of(properties(3, 1, vec![]), Some(Answer::Blocks(Blocks::default())));
    assert!(matches!(whole, Error::Conflict(_)), "a blob that was uploaded whole");
}

#[test]
fn a_merge_does_not_keep_a_writer_that_has_lost_its_lease_from_looking() {
    let compaction = Compaction::Hadoop14520 { above: 4 };
    let mut desk = Desk::opened(Config { compaction, lease: Some(Span::secs(15)), ..small() });
    assert_eq!(desk.kinds(), [CallKind::Lease]);
    desk.answer(0, Ok(Answer::Leased));
    for text in ["ab", "cd", "ef", "gh"] {
        desk.append(text);
        desk.flush();
        while desk.writer.position().committed < desk.writer.position().accepted {
            desk.apply(0);
        }
    }
    desk.append("ij");
    desk.flush();
    assert_eq!(desk.kinds(), [CallKind::GetRange, CallKind::PutBlock]);
    desk.apply(1);
    // The commit waits for the merge, whose read hangs, when the lease is to be renewed.
    desk.now = desk.now + Span::millis(7600);
    assert_eq!(desk.kinds(), [CallKind::GetRange, CallKind::Lease]);
    desk.answer(1, refused(Cause::LeaseLost));
    // The read is of no more use.
    assert_eq!(desk.kinds(), [CallKind::GetRange, CallKind::GetProperties]);
    assert!(!desk.writer.expects(desk.calls[0].0));
}
