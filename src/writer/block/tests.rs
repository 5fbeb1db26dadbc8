//! Directed runs of the block layout, one behaviour each, with the service's part played by the
//! test.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::call::{
    Answer, BlobKind, Block, BlockId, Blocks, Body, Call, CallKind, Cause, ETag, Failure, Metadata,
    Origin, Outcome, Properties, Refusal, Reply, Target,
};
use crate::compaction::Compaction;
use crate::error::Error;
use crate::limits;
use crate::stream::{Identity, Layout, Nonce, StreamId};
use crate::time::{Span, Time};
use crate::writer::{Compacted, Config, Entropy, OpId, Output, Ticket, Writer};

pub(super) const US: Nonce = Nonce([1; 16]);
pub(super) const THEM: Nonce = Nonce([2; 16]);

/// A writer, the requests that it has under way, and the blob as the service has it.
pub(super) struct Desk {
    pub(super) writer: Writer,
    pub(super) now: Time,
    pub(super) calls: Vec<(OpId, Call)>,
    pub(super) list: Vec<Block>,
    pub(super) etag: u32,
    pub(super) metadata: Metadata,
}

pub(super) fn etag(tag: u32) -> ETag {
    ETag(tag.to_string().as_str().into())
}

pub(super) fn refused(cause: Cause) -> Outcome {
    Err(Failure::Refused(Refusal { cause, status: 400, code: "x".to_string() }))
}

pub(super) fn doubt() -> Outcome {
    Err(Failure::InDoubt { reason: "x".to_string(), status: None, retry_after: None })
}

pub(super) fn block(id: &[u8], size: u64) -> Block {
    Block { id: BlockId(id.into()), size }
}

pub(super) fn small() -> Config {
    Config {
        layout: Some(Layout::Block),
        block_bytes: 4,
        buffer_bytes: 40,
        in_flight: 2,
        compaction: Compaction::None,
        ..Config::default()
    }
}

impl Desk {
    pub(super) fn new(config: Config) -> Self {
        let entropy = Entropy { nonce: US, stream: StreamId([9; 16]), seed: 1 };
        let writer = Writer::new(config, entropy).unwrap();
        let metadata = Metadata::new();
        Self { writer, now: Time(0), calls: Vec::new(), list: Vec::new(), etag: 0, metadata }
    }

    /// A writer that has created its blob.
    pub(super) fn opened(config: Config) -> Self {
        let mut desk = Self::new(config);
        for _ in 0..3 {
            desk.answer(0, refused(Cause::BlobNotFound));
        }
        desk.apply(0);
        assert!(desk.writer.opened().is_some());
        desk
    }

    /// All requests that are due, after as long a pause as the writer wants if there are none.
    pub(super) fn turn(&mut self) -> &[(OpId, Call)] {
        loop {
            match self.writer.poll(self.now) {
                Output::Call { op, call, .. } => self.calls.push((op, call)),
                Output::Wait(Some(at)) if self.calls.is_empty() => self.now = at,
                Output::Wait(_) => return &self.calls,
            }
        }
    }

    pub(super) fn kinds(&mut self) -> Vec<CallKind> {
        self.turn().iter().map(|(_, call)| call.kind()).collect()
    }

    /// Answers the request at `index`.
    pub(super) fn answer(&mut self, index: usize, outcome: Outcome) -> Call {
        self.turn();
        let (op, call) = self.calls.remove(index);
        self.writer.handle_reply(self.now, op, Reply { outcome, date: None });
        call
    }

    /// Lets the service apply the request at `index`, and answers it.
    pub(super) fn apply(&mut self, index: usize) -> Call {
        self.turn();
        let call = self.calls[index].1.clone();
        let outcome = self.perform(&call);
        self.answer(index, outcome)
    }

    /// Answers everything until nothing is due.
    pub(super) fn settle(&mut self) {
        while !self.turn().is_empty() {
            self.apply(0);
        }
    }

    pub(super) fn perform(&mut self, call: &Call) -> Outcome {
        match call {
            Call::PutBlock { .. } => Ok(Answer::Staged),
            Call::PutBlockList { list, metadata, etag: condition, .. } => {
                if condition.as_ref().is_some_and(|tag| *tag != etag(self.etag)) {
                    return refused(Cause::ConditionNotMet);
                }
                self.list = list.iter().map(|(_, id)| Block { id: id.clone(), size: 0 }).collect();
                self.metadata.clone_from(metadata);
                self.etag += 1;
                Ok(Answer::Written { etag: etag(self.etag) })
            }
            Call::SetMetadata { metadata, .. } => {
                self.metadata.clone_from(metadata);
                self.etag += 1;
                Ok(Answer::Written { etag: etag(self.etag) })
            }
            Call::GetRange { offset, length, .. } => {
                Ok(Answer::Range { offset: *offset, bytes: vec![b'm'; *length as usize] })
            }
            call => panic!("{call:?}"),
        }
    }

    pub(super) fn flush(&mut self) -> Ticket {
        self.writer.flush(self.now).unwrap()
    }

    pub(super) fn append(&mut self, text: &str) {
        self.writer.append(text.as_bytes()).unwrap();
    }

    pub(super) fn properties(&self, length: u64) -> Properties {
        properties(length, self.etag, self.metadata.clone())
    }
}

pub(super) fn properties(length: u64, tag: u32, metadata: Metadata) -> Properties {
    Properties {
        kind: BlobKind::Block,
        length,
        blocks: None,
        etag: etag(tag),
        sealed: false,
        leased: false,
        created: None,
        metadata,
        headers: vec![("x-ms-blob-content-type", "text/plain".to_string())],
        archived: false,
        tagged: false,
        unsendable: None,
    }
}

pub(super) fn blocks(tag: u32, committed: Vec<Block>, staged: Vec<Block>) -> Answer {
    Answer::Blocks(Blocks { committed, staged, etag: Some(etag(tag)) })
}

pub(super) fn identity(nonce: Nonce, epoch: u64, base: u64) -> Metadata {
    let identity = Identity {
        layout: Layout::Block,
        stream: StreamId([9; 16]),
        number: 1,
        start: 0,
        epoch,
        nonce,
        base,
        end: None,
        ended: false,
        tags: vec![7],
    };
    identity.write(&Metadata::new())
}

pub(super) fn listed(call: &Call) -> Vec<(Origin, BlockId)> {
    match call {
        Call::PutBlockList { list, .. } => list.to_vec(),
        call => panic!("{call:?}"),
    }
}

#[test]
fn a_new_blob_is_created_empty_and_claimed_before_anything_is_staged() {
    let mut desk = Desk::new(small());
    let look = desk.answer(0, refused(Cause::BlobNotFound));
    assert_eq!(look, Call::GetProperties { target: Target::Stream });
    let staged = desk.answer(0, refused(Cause::BlobNotFound));
    assert_eq!(staged, Call::GetBlockList { target: Target::Stream });
    let other = desk.answer(0, refused(Cause::BlobNotFound));
    assert_eq!(other, Call::GetProperties { target: Target::Segment(1) });
    let create = desk.apply(0);
    assert!(listed(&create).is_empty());
    assert!(matches!(create, Call::PutBlockList { etag: None, .. }));
    assert!(Identity::read(&desk.metadata).unwrap().is_some_and(|it| it.nonce == US));
    let stats = desk.writer.stats();
    assert_eq!((stats.segments_created, stats.commits), (1, 1));
}

#[test]
fn full_blocks_are_staged_at_once_and_committed_by_a_flush_only() {
    let mut desk = Desk::opened(small());
    desk.append("abcdefghi");
    assert_eq!(desk.kinds(), [CallKind::PutBlock, CallKind::PutBlock]);
    desk.apply(0);
    desk.apply(0);
    assert_eq!(desk.kinds(), []);
    assert_eq!(desk.writer.position().staged, 8);
    let ticket = desk.flush();
    desk.settle();
    assert_eq!(desk.writer.progress(&ticket, desk.now).unwrap().unwrap().committed, 9);
    assert_eq!(desk.list.len(), 3);
}

#[test]
fn a_flush_with_nothing_new_sends_nothing() {
    let mut desk = Desk::opened(small());
    let ticket = desk.flush();
    assert_eq!(desk.kinds(), []);
    assert!(desk.writer.progress(&ticket, desk.now).unwrap().is_ok());
}

#[test]
fn no_more_than_the_allowed_number_of_blocks_is_under_way() {
    let mut desk = Desk::opened(small());
    desk.append("abcdefghijklmnopq");
    assert_eq!(desk.kinds().len(), 2);
    desk.apply(1);
    assert_eq!(desk.kinds().len(), 2);
}

#[test]
fn nothing_is_staged_while_a_list_is_under_way() {
    let mut desk = Desk::opened(small());
    desk.append("abc");
    desk.flush();
    desk.apply(0);
    assert_eq!(desk.kinds(), [CallKind::PutBlockList]);
    desk.append("defghijkl");
    desk.flush();
    assert_eq!(desk.kinds(), [CallKind::PutBlockList]);
    desk.apply(0);
    assert_eq!(desk.kinds(), [CallKind::PutBlock, CallKind::PutBlock]);
}

#[test]
fn a_flush_does_not_wait_for_later_blocks() {
    let mut desk = Desk::opened(small());
    desk.append("ab");
    let ticket = desk.flush();
    desk.turn();
    desk.append("cdefghijklm");
    assert_eq!(desk.kinds(), [CallKind::PutBlock]);
    desk.apply(0);
    assert_eq!(desk.kinds(), [CallKind::PutBlockList]);
    desk.apply(0);
    assert_eq!(desk.writer.progress(&ticket, desk.now).unwrap().unwrap().committed, 2);
}

#[test]
fn a_flush_given_meanwhile_does_not_wait_for_later_blocks_either() {
    let mut desk = Desk::opened(small());
    desk.append("ab");
    desk.flush();
    desk.apply(0);
    assert_eq!(desk.kinds(), [CallKind::PutBlockList]);
    desk.append("cd");
    let ticket = desk.flush();
    desk.append("efghi");
    desk.apply(0);
    assert_eq!(desk.kinds(), [CallKind::PutBlock], "the block of the last byte, and no more");
    desk.apply(0);
    desk.apply(0);
    assert_eq!(desk.writer.progress(&ticket, desk.now).unwrap().unwrap().committed, 6);
}

#[test]
fn bytes_that_find_no_room_make_room() {
    let mut desk = Desk::opened(Config { block_bytes: 40, ..small() });
    desk.writer.append(&[0; 40]).unwrap();
    assert_eq!(desk.kinds(), []);
    assert_eq!(desk.writer.append(&[0; 1]), Err(Error::BufferFull));
    desk.settle();
    assert_eq!(desk.writer.position().committed, 40);
    desk.writer.append(&[0; 1]).unwrap();
}

#[test]
fn new_blocks_are_listed_as_uncommitted_and_old_ones_as_committed() {
    let mut desk = Desk::opened(small());
    desk.append("ab");
    desk.flush();
    desk.settle();
    desk.append("c");
    desk.flush();
    desk.apply(0);
    let list = listed(&desk.turn()[0].1.clone());
    let origins: Vec<Origin> = list.iter().map(|(origin, _)| *origin).collect();
    assert_eq!(origins, [Origin::Committed, Origin::Uncommitted]);
    assert_ne!(list[0].1, list[1].1);
}

#[test]
fn a_commit_carries_metadata_and_headers() {
    let mut desk = Desk::new(small());
    desk.metadata = vec![("team".to_string(), "logs".to_string())];
    let seen = desk.properties(3);
    desk.answer(0, Ok(Answer::Properties(seen)));
    desk.answer(0, Ok(blocks(0, vec![block(b"12345678", 3)], vec![])));
    assert!(matches!(desk.apply(0), Call::SetMetadata { .. }));
    desk.append("x");
    desk.flush();
    desk.apply(0);
    let Call::PutBlockList { metadata, headers, .. } = desk.apply(0) else { panic!() };
    assert!(metadata.contains(&("team".to_string(), "logs".to_string())));
    assert_eq!(headers, [("x-ms-blob-content-type", "text/plain".to_string())]);
}

#[test]
fn ids_are_as_long_as_those_of_the_blob() {
    for (id, width) in [(&[1; 32][..], 32), (&[1; 6], 6)] {
        let mut desk = Desk::new(small());
        let seen = desk.properties(3);
        desk.answer(0, Ok(Answer::Properties(seen)));
        desk.answer(0, Ok(blocks(0, vec![block(id, 3)], vec![])));
        desk.apply(0);
        desk.append("x");
        desk.flush();
        let Call::PutBlock { id, .. } = desk.apply(0) else { panic!() };
        assert_eq!(id.0.len(), width);
    }
}

#[test]
fn blocks_staged_where_there_is_no_blob_are_somebody_elses() {
    for discard_staged in [false, true] {
        let mut desk = Desk::new(Config { discard_staged, ..small() });
        for _ in 0..2 {
            desk.answer(0, refused(Cause::BlobNotFound));
            // Azurite answers an ETag though nothing is committed.
            desk.answer(0, Ok(blocks(1, vec![], vec![block(b"theirs", 1)])));
        }
        if discard_staged {
            desk.answer(0, refused(Cause::BlobNotFound));
            assert_eq!(desk.kinds(), [CallKind::PutBlockList]);
        } else {
            assert!(matches!(desk.writer.stopped_by(), Some(Error::Conflict(_))));
        }
    }
}

/// What opening a blob that looks like this comes to.
pub(super) fn refusal_of(seen: Properties, answer: Option<Answer>) -> Error {
    let mut desk = Desk::new(small());
    desk.answer(0, Ok(Answer::Properties(seen.clone())));
    if let Some(answer) = answer {
        desk.answer(0, Ok(answer));
    }
    if desk.kinds() == [CallKind::GetProperties] {
        // Staged blocks of others are believed once the blob has not changed meanwhile.
        desk.answer(0, Ok(Answer::Properties(seen)));
    }
    assert_eq!(desk.kinds(), [], "nothing is written");
    desk.writer.stopped_by().unwrap().clone()
}

#[test]
fn what_cannot_be_adopted_whole_is_refused_before_any_write() {
    let plain = || properties(3, 0, vec![]);
    let whole = || Some(blocks(0, vec![block(b"12345678", 3)], vec![]));
    for (seen, answer) in [
        (Properties { kind: BlobKind::Append, ..plain() }, None),
        (Properties { archived: true, ..plain() }, None),
        (Properties { tagged: true, ..plain() }, None),
        (Properties { unsendable: Some("x".to_string()), ..plain() }, None),
        (plain(), Some(blocks(0, vec![], vec![]))),
        (plain(), Some(blocks(0, vec![block(b"12", 3)], vec![]))),
        (plain(), Some(blocks(0, vec![block(b"12345678", 3)], vec![block(b"x", 1)]))),
    ] {
        assert!(matches!(refusal_of(seen, answer), Error::Conflict(_)));
    }
    let mut desk = Desk::new(small());
    desk.answer(0, Ok(Answer::Properties(plain())));
    desk.answer(0, Ok(whole().unwrap()));
    assert_eq!(desk.kinds(), [CallKind::SetMetadata]);
}

#[test]
fn staged_blocks_of_an_earlier_owner_are_no_reason_to_refuse() {
    let mut desk = Desk::new(small());
    desk.answer(0, Ok(Answer::Properties(properties(0, 0, identity(THEM, 1, 0)))));
    desk.answer(0, Ok(blocks(0, vec![], vec![block(&[0, 0, 0, 7, 0, 0, 0, 0], 1)])));
    assert_eq!(desk.kinds(), [CallKind::SetMetadata]);
}

#[test]
fn what_somebody_has_staged_is_dropped_if_that_is_allowed() {
    let mut desk = Desk::new(Config { discard_staged: true, ..small() });
    desk.answer(0, Ok(Answer::Properties(properties(0, 0, vec![]))));
    desk.answer(0, Ok(blocks(0, vec![], vec![block(b"theirs", 1)])));
    desk.apply(0);
    desk.append("x");
    desk.flush();
    desk.answer(0, refused(Cause::ForeignStaged));
    assert!(listed(&desk.apply(0)).is_empty(), "the list as it is drops what is staged");
    assert_eq!(desk.kinds(), [CallKind::PutBlock]);
    desk.settle();
    assert_eq!(desk.writer.position().committed, 1);
}

#[test]
fn a_claim_in_doubt_is_resolved_by_reading() {
    let mut desk = Desk::new(small());
    desk.answer(0, Ok(Answer::Properties(properties(0, 5, identity(THEM, 4, 0)))));
    desk.answer(0, Ok(blocks(5, vec![], vec![])));
    let claim = desk.answer(0, doubt());
    assert_eq!(desk.answer(0, refused(Cause::ConditionNotMet)), claim, "the same once more");
    desk.answer(0, Ok(Answer::Properties(properties(0, 6, identity(US, 5, 0)))));
    desk.answer(0, Ok(blocks(6, vec![], vec![])));
    assert_eq!(desk.writer.opened().unwrap().epoch, 5);
}

/// A writer with one list under way, of one block of two bytes, after one committed block of three.
pub(super) fn committing() -> (Desk, Vec<Block>, Vec<Block>) {
    let mut desk = Desk::opened(small());
    desk.append("abc");
    desk.flush();
    desk.settle();
    let before = vec![Block { size: 3, ..desk.list[0].clone() }];
    desk.append("de");
    desk.flush();
    let Call::PutBlock { id, .. } = desk.apply(0) else { panic!() };
    let after = vec![before[0].clone(), Block { id, size: 2 }];
    desk.turn();
    (desk, before, after)
}

#[test]
fn a_commit_in_doubt_is_sent_again_and_then_read() {
    let (mut desk, _, after) = committing();
    let list = desk.answer(0, doubt());
    assert_eq!(desk.answer(0, refused(Cause::ConditionNotMet)), list, "the same once more");
    desk.etag += 1;
    let seen = desk.properties(5);
    desk.answer(0, Ok(Answer::Properties(seen)));
    let tag = desk.etag;
    desk.answer(0, Ok(blocks(tag, after, vec![])));
    assert_eq!(desk.writer.position().committed, 5);
    assert_eq!(desk.kinds(), []);
}

#[test]
fn an_etag_that_has_not_moved_means_not_yet() {
    let (mut desk, _, _) = committing();
    let list = desk.answer(0, refused(Cause::ConditionNotMet));
    let seen = desk.properties(3);
    desk.answer(0, Ok(Answer::Properties(seen)));
    assert_eq!(desk.turn()[0].1, list);
    assert_eq!(desk.writer.position().committed, 3);
}

#[test]
fn metadata_set_by_somebody_else_is_kept_by_the_commit_that_follows() {
    let (mut desk, before, _) = committing();
    desk.answer(0, refused(Cause::ConditionNotMet));
    desk.etag += 1;
    desk.metadata.push(("team".to_string(), "logs".to_string()));
    let seen = desk.properties(3);
    desk.answer(0, Ok(Answer::Properties(seen)));
    let tag = desk.etag;
    desk.answer(0, Ok(blocks(tag, before, vec![])));
    desk.apply(0);
    assert!(desk.metadata.contains(&("team".to_string(), "logs".to_string())));
    assert_eq!(desk.writer.position().committed, 5);
}

#[test]
fn a_list_that_was_never_sent_stops_the_stream() {
    let (mut desk, mut before, _) = committing();
    desk.answer(0, refused(Cause::ConditionNotMet));
    desk.etag += 1;
    before.push(block(b"somebody", 9));
    let seen = desk.properties(12);
    desk.answer(0, Ok(Answer::Properties(seen)));
    let tag = desk.etag;
    desk.answer(0, Ok(blocks(tag, before, vec![])));
    assert!(matches!(desk.writer.stopped_by(), Some(Error::Diverged(_))));
    assert_eq!(desk.kinds(), []);
}

/// What a writer with a list in doubt learns from another owner's blob.
fn takeover(epoch: u64, base: u64, length: u64, list: Vec<Block>) -> Error {
    let (mut desk, ..) = committing();
    desk.answer(0, refused(Cause::ConditionNotMet));
    desk.answer(0, Ok(Answer::Properties(properties(length, 99, identity(THEM, epoch, base)))));
    desk.answer(0, Ok(blocks(99, list, vec![])));
    desk.writer.stopped_by().unwrap().clone()
}

fn superseded_at(error: &Error) -> u64 {
    match error {
        Error::Superseded(position) => position.committed,
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_superseded_writer_learns_how_far_it_came() {
    let (_, before, after) = committing();
    let other = |size| vec![block(b"merged00", size)];
    assert_eq!(superseded_at(&takeover(2, 3, 3, before.clone())), 3);
    assert_eq!(superseded_at(&takeover(2, 5, 5, after.clone())), 5);
    assert_eq!(superseded_at(&takeover(2, 5, 5, other(5))), 5, "the next owner's base tells");
    assert_eq!(superseded_at(&takeover(3, 9, 9, [&after[..], &other(4)].concat())), 5);
    assert_eq!(superseded_at(&takeover(3, 3, 9, other(9))), 3, "it began before our bytes");
    assert!(matches!(takeover(3, 9, 9, other(9)), Error::UnknownOutcome(..)));
    assert!(matches!(takeover(2, 1, 1, other(1)), Error::Rewound(_)));
}

#[test]
fn a_deleted_blob_is_not_made_anew() {
    let (mut desk, ..) = committing();
    desk.answer(0, refused(Cause::ConditionNotMet));
    desk.answer(0, refused(Cause::BlobNotFound));
    assert!(matches!(desk.writer.stopped_by(), Some(Error::Rewound(_))));
}

#[test]
fn staged_blocks_that_are_gone_are_staged_again_under_the_same_ids() {
    let (mut desk, _, after) = committing();
    desk.answer(0, refused(Cause::InvalidBlockList));
    let seen = desk.properties(3);
    desk.answer(0, Ok(Answer::Properties(seen)));
    let Call::PutBlock { id, body, .. } = desk.apply(0) else { panic!() };
    assert_eq!((&id, &**body.0), (&after[1].id, &b"de"[..]));
    desk.settle();
    assert_eq!(desk.writer.position().committed, 5);
}

/// A writer whose next flush merges: four committed blocks of two bytes, a fifth on its way.
fn merging() -> Desk {
    let compaction = Compaction::Hadoop14520 { above: 4 };
    let mut desk = Desk::opened(Config { compaction, ..small() });
    for text in ["ab", "cd", "ef", "gh"] {
        desk.append(text);
        desk.flush();
        desk.settle();
    }
    assert_eq!(desk.list.len(), 4);
    desk.append("ij");
    desk.flush();
    assert_eq!(desk.kinds(), [CallKind::GetRange, CallKind::PutBlock], "one beside the other");
    desk
}

#[test]
fn a_merge_is_part_of_the_commit_of_its_flush() {
    let mut desk = merging();
    let read = desk.apply(0);
    let etag = Some(etag(desk.etag));
    assert_eq!(read, Call::GetRange { target: Target::Stream, offset: 0, length: 4, etag });
    assert_eq!(desk.kinds(), [CallKind::PutBlock, CallKind::PutBlock]);
    let Call::PutBlock { id, body, .. } = desk.apply(1) else { panic!() };
    assert_eq!(body, Body(Arc::new(b"mmmm".to_vec())));
    assert!(desk.list.iter().all(|block| block.id != id), "an ID stands for one content for ever");
    desk.apply(0);
    let list = listed(&desk.apply(0));
    assert_eq!(list.len(), 4);
    assert_eq!(list[0], (Origin::Uncommitted, id));
    let stats = desk.writer.stats();
    assert_eq!((stats.merged_blocks, stats.merged_bytes_down, stats.merged_bytes_up), (2, 4, 4));
}

#[test]
fn a_merge_that_fails_does_not_fail_the_flush() {
    for at_read in [true, false] {
        let mut desk = merging();
        if at_read {
            desk.answer(0, doubt());
        } else {
            desk.apply(0);
            desk.turn();
            desk.answer(1, refused(Cause::Other));
        }
        desk.apply(0);
        assert_eq!(listed(&desk.apply(0)).len(), 5);
        assert_eq!(desk.writer.position().committed, 10);
    }
}

#[test]
fn a_commit_waits_for_its_merge_a_bounded_time() {
    let mut desk = merging();
    desk.apply(1);
    assert_eq!(desk.kinds(), [CallKind::GetRange]);
    let (op, _) = desk.calls.remove(0);
    desk.now = desk.now + limits::MERGE_TIME;
    assert_eq!(desk.kinds(), [CallKind::PutBlockList]);
    assert!(!desk.writer.expects(op), "its request may be dropped");
    assert_eq!(listed(&desk.apply(0)).len(), 5);
}

#[test]
fn a_list_refused_for_its_merge_is_sent_without_it() {
    let mut desk = merging();
    desk.apply(0);
    desk.apply(0);
    desk.apply(0);
    assert_eq!(listed(&desk.answer(0, refused(Cause::InvalidBlockList))).len(), 4);
    let seen = desk.properties(8);
    desk.answer(0, Ok(Answer::Properties(seen)));
    assert_eq!(listed(&desk.apply(0)).len(), 5);
    assert_eq!(desk.writer.position().committed, 10);
}

#[test]
fn a_list_with_a_merge_that_lands_late_is_known_again() {
    let mut desk = merging();
    desk.apply(0);
    desk.apply(0);
    desk.apply(0);
    let (_, late) = desk.turn()[0].clone();
    desk.answer(0, refused(Cause::InvalidBlockList));
    let seen = desk.properties(8);
    desk.answer(0, Ok(Answer::Properties(seen)));
    // The first list lands after all, by a twin.
    let sizes = [4, 2, 2, 2];
    let list = listed(&late).into_iter().zip(sizes).map(|((_, id), size)| Block { id, size });
    desk.answer(0, refused(Cause::ConditionNotMet));
    desk.etag += 1;
    let seen = desk.properties(10);
    desk.answer(0, Ok(Answer::Properties(seen)));
    let tag = desk.etag;
    desk.answer(0, Ok(blocks(tag, list.collect(), vec![])));
    assert_eq!(desk.writer.position().committed, 10);
    assert_eq!(desk.writer.stopped_by(), None);
}

#[test]
fn compaction_by_command_goes_as_far_as_it_goes() {
    let mut desk = Desk::opened(small());
    for text in ["a", "b", "c", "d", "e", "f"] {
        desk.append(text);
        desk.flush();
        desk.settle();
    }
    let ticket = desk.writer.compact(desk.now).unwrap();
    desk.settle();
    assert!(desk.writer.progress(&ticket, desk.now).unwrap().is_ok());
    // Repeated by somebody who has not seen the end of it.
    let ticket = desk.writer.compact(desk.now).unwrap();
    desk.settle();
    assert!(desk.writer.progress(&ticket, desk.now).unwrap().is_ok());
    let done = Compacted { blocks_before: 6, blocks_after: 2, bytes_moved: 6 };
    assert_eq!(desk.writer.compacted(), done);
    desk.writer.compact(desk.now).unwrap();
    desk.settle();
    let nothing = Compacted { blocks_before: 2, blocks_after: 2, bytes_moved: 0 };
    assert_eq!(desk.writer.compacted(), nothing);
}

#[test]
fn a_flush_does_not_wait_for_an_ordered_merge_that_hangs() {
    let mut desk = Desk::opened(small());
    for text in ["a", "b"] {
        desk.append(text);
        desk.flush();
        desk.settle();
    }
    desk.writer.compact(desk.now).unwrap();
    assert_eq!(desk.kinds(), [CallKind::GetRange]);
    desk.append("c");
    desk.flush();
    desk.turn();
    desk.calls.clear();
    desk.now = desk.now + limits::MERGE_TIME;
    assert_eq!(desk.kinds(), [CallKind::PutBlock]);
}

#[test]
fn an_ended_stream_takes_no_more_bytes() {
    let mut desk = Desk::opened(small());
    desk.append("a");
    let ticket = desk.writer.seal(desk.now).unwrap();
    desk.settle();
    assert!(desk.writer.progress(&ticket, desk.now).unwrap().is_ok());
    assert!(
        Identity::read(&desk.metadata).unwrap().is_some_and(|it| it.ended && it.end == Some(1))
    );
    assert_eq!(desk.writer.append(b"b"), Err(Error::Sealed));
    let mut next = Desk::new(small());
    next.answer(0, Ok(Answer::Properties(properties(1, 1, desk.metadata))));
    assert_eq!(next.writer.stopped_by(), Some(&Error::Sealed));
}

#[test]
fn a_blob_below_the_name_or_one_that_may_not_be_looked_at_does_not_hide_the_stream() {
    let below = properties(9, 1, Metadata::new());
    for first in [Ok(Answer::Properties(below)), refused(Cause::Unauthenticated)] {
        let mut desk = Desk::new(Config { layout: None, ..small() });
        desk.answer(0, first.clone());
        let seen = properties(0, 3, identity(THEM, 1, 0));
        desk.answer(0, Ok(Answer::Properties(seen)));
        assert_eq!(desk.answer(0, doubt()), Call::GetProperties { target: Target::Stream });
        // Where there is none, the first answer stands.
        let mut desk = Desk::new(Config { layout: None, ..small() });
        desk.answer(0, first);
        desk.answer(0, refused(Cause::BlobNotFound));
        assert!(desk.writer.stopped_by().is_some());
    }
}

#[test]
fn a_signature_for_one_blob_is_enough_to_create_it() {
    let mut desk = Desk::new(small());
    desk.answer(0, refused(Cause::BlobNotFound));
    desk.answer(0, refused(Cause::BlobNotFound));
    desk.answer(0, refused(Cause::Unauthenticated));
    assert_eq!(desk.kinds(), [CallKind::PutBlockList]);
}

#[test]
fn a_writer_without_a_layout_goes_where_the_stream_is() {
    let mut desk = Desk::new(Config { layout: None, ..small() });
    desk.answer(0, refused(Cause::BlobNotFound));
    let seen = properties(0, 3, identity(THEM, 1, 0));
    desk.answer(0, Ok(Answer::Properties(seen.clone())));
    desk.answer(0, Ok(Answer::Properties(seen)));
    desk.answer(0, Ok(blocks(3, vec![], vec![])));
    desk.apply(0);
    assert_eq!(desk.writer.opened().unwrap().layout, Layout::Block);
}

#[test]
fn a_block_that_takes_too_long_is_sent_again() {
    let mut desk = Desk::opened(small());
    desk.append("abcde");
    let first = desk.turn()[0].1.clone();
    desk.calls.clear();
    desk.now = desk.now + Span::secs(3600);
    desk.writer.handle_timeout(desk.now);
    assert_eq!(desk.turn()[0].1, first);
}
