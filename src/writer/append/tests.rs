//! Directed runs of the writer, one behaviour each, with the service's part played by the test.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use crate::call::{
    Answer, BlobKind, Call, Cause, ETag, Failure, Metadata, Outcome, Page, Properties, Refusal,
    Reply, Target,
};
use crate::error::Error;
use crate::stream::{Identity, Nonce, StreamId};
use crate::time::{Span, Time, UnixTime};
use crate::writer::{Config, Entropy, Layout, Machine, OpId, Opened, Output, Ticket, Writer};

const US: Nonce = Nonce([1; 16]);
const STREAM: StreamId = StreamId([9; 16]);

/// A writer and the request that it has under way.
struct Desk {
    writer: Writer,
    now: Time,
}

impl Desk {
    fn new(config: Config) -> Self {
        let entropy = Entropy { nonce: US, stream: STREAM, seed: 1 };
        Self { writer: Writer::new(config, entropy).unwrap(), now: Time(0) }
    }

    /// A writer of a stream that did not exist.
    fn opened(config: Config) -> Self {
        let mut desk = Self::new(config);
        desk.refuse(Cause::BlobNotFound);
        desk.refuse(Cause::BlobNotFound);
        desk.answer(Answer::Listed(Page::default()));
        assert!(matches!(desk.answer(written("1")), Call::CreateAppendBlob { .. }));
        assert!(desk.writer.opened().is_some());
        desk
    }

    /// The next request, after as long a pause as the writer wants.
    fn call(&mut self) -> (OpId, Call) {
        loop {
            match self.writer.poll(self.now) {
                Output::Call { op, call, .. } => return (op, call),
                Output::Wait(Some(at)) => self.now = at,
                Output::Wait(None) => panic!("nothing is asked for"),
            }
        }
    }

    fn reply(&mut self, outcome: Outcome) -> Call {
        let (op, call) = self.call();
        self.writer.handle_reply(self.now, op, Reply { outcome, date: None });
        call
    }

    fn answer(&mut self, answer: Answer) -> Call {
        self.reply(Ok(answer))
    }

    fn refuse(&mut self, cause: Cause) -> Call {
        self.reply(Err(refusal(cause)))
    }

    /// No answer in time.
    fn lose(&mut self) -> Call {
        let (_, call) = self.call();
        let Output::Wait(Some(at)) = self.writer.poll(self.now) else { panic!("a request waits") };
        self.now = at;
        self.writer.handle_timeout(at);
        call
    }

    /// Appends and asks for the commit.
    fn write(&mut self, bytes: &[u8]) -> Ticket {
        self.writer.append(bytes).unwrap();
        self.writer.flush(self.now).unwrap()
    }

    fn is_quiet(&mut self) -> bool {
        matches!(self.writer.poll(self.now), Output::Wait(None))
    }

    fn committed(&self) -> u64 {
        self.writer.position().committed
    }
}

fn refusal(cause: Cause) -> Failure {
    Failure::Refused(Refusal { cause, status: 400, code: "Code".to_string() })
}

fn etag(text: &str) -> ETag {
    ETag(text.into())
}

fn written(text: &str) -> Answer {
    Answer::Written { etag: etag(text) }
}

fn appended(offset: u64, blocks: u32, text: &str) -> Answer {
    Answer::Appended { offset, blocks, etag: etag(text) }
}

/// Segment 1 as a HEAD shows it.
fn seen(nonce: Nonce, epoch: u64, length: u64, tag: &str) -> Properties {
    let identity = Identity {
        layout: Layout::Append,
        tags: Vec::new(),
        stream: STREAM,
        number: 1,
        start: 0,
        epoch,
        nonce,
        base: 0,
        end: None,
        ended: false,
    };
    properties(length, tag, identity.write(&Metadata::new()))
}

fn properties(length: u64, tag: &str, metadata: Metadata) -> Properties {
    Properties {
        kind: BlobKind::Append,
        length,
        blocks: Some(1),
        etag: etag(tag),
        sealed: false,
        leased: false,
        created: None,
        metadata,
        headers: vec![],
        archived: false,
        tagged: false,
        unsendable: None,
    }
}

fn small(segment_blocks: u32) -> Config {
    Config { segment_blocks, ..Config::default() }
}

#[test]
fn a_new_stream_is_created_only_after_the_listing() {
    let mut desk = Desk::new(Config::default());
    let segment = Call::GetProperties { target: Target::Segment(1) };
    assert_eq!(desk.refuse(Cause::BlobNotFound), segment);
    let other = Call::GetProperties { target: Target::Stream };
    assert_eq!(desk.refuse(Cause::BlobNotFound), other);
    let listing = Call::ListSegments { marker: None };
    assert_eq!(desk.answer(Answer::Listed(Page::default())), listing);
    assert!(matches!(desk.call().1, Call::CreateAppendBlob { target: Target::Segment(1), .. }));
}

#[test]
fn steady_state_is_one_conditional_append_and_no_read() {
    let mut desk = Desk::opened(Config::default());
    desk.write(b"abc");
    let call = desk.answer(appended(0, 1, "2"));
    assert!(matches!(call, Call::AppendBlock { position: 0, etag, .. } if etag.0.as_ref() == "1"));
    desk.write(b"de");
    let call = desk.answer(appended(3, 2, "3"));
    assert!(matches!(call, Call::AppendBlock { position: 3, etag, .. } if etag.0.as_ref() == "2"));
    assert_eq!(desk.committed(), 5);
    assert!(desk.is_quiet());
}

#[test]
fn a_flush_with_nothing_new_sends_nothing() {
    let mut desk = Desk::opened(Config::default());
    let ticket = desk.writer.flush(desk.now).unwrap();
    assert!(desk.is_quiet());
    assert!(matches!(desk.writer.progress(&ticket, desk.now), Some(Ok(_))));
}

#[test]
fn bytes_are_sent_when_a_block_is_full_and_later_ones_join_the_next() {
    let mut desk = Desk::opened(Config { block_bytes: 4, ..Config::default() });
    desk.writer.append(b"abc").unwrap();
    assert!(desk.is_quiet());
    desk.writer.append(b"defg").unwrap();
    let (op, call) = desk.call();
    assert!(matches!(call, Call::AppendBlock { ref body, .. } if *body.0 == b"abcd"));
    desk.writer.append(b"hi").unwrap();
    let reply = Reply { outcome: Ok(appended(0, 1, "2")), date: None };
    desk.writer.handle_reply(desk.now, op, reply);
    let (_, call) = desk.call();
    assert!(matches!(call, Call::AppendBlock { ref body, .. } if *body.0 == b"efgh"));
}

#[test]
fn a_lost_answer_is_resolved_by_repeating_looking_and_comparing() {
    let mut desk = Desk::opened(Config::default());
    let ticket = desk.write(b"abc");
    let first = desk.lose();
    let second = desk.refuse(Cause::ConditionNotMet);
    assert_eq!(first, second, "a frozen attempt does not change");
    let look = desk.answer(Answer::Properties(seen(US, 1, 3, "2")));
    assert_eq!(look, Call::GetProperties { target: Target::Segment(1) });
    let compare = desk.answer(Answer::Range { offset: 0, bytes: b"abc".to_vec() });
    assert_eq!(
        compare,
        Call::GetRange { target: Target::Segment(1), offset: 0, length: 3, etag: None }
    );
    assert_eq!(desk.committed(), 3);
    assert!(matches!(desk.writer.progress(&ticket, desk.now), Some(Ok(_))));
}

#[test]
fn the_last_block_that_fits_is_not_written_again_after_its_answer_was_lost() {
    let mut desk = Desk::opened(Config::default());
    desk.write(b"abc");
    desk.lose();
    desk.refuse(Cause::BlockCountExceeded);
    desk.answer(Answer::Properties(seen(US, 1, 3, "2")));
    desk.answer(Answer::Range { offset: 0, bytes: b"abc".to_vec() });
    assert_eq!(desk.committed(), 3);
    desk.write(b"de");
    assert!(matches!(desk.answer(written("3")), Call::SetMetadata { .. }), "closed first");
    assert!(matches!(desk.answer(written("3")), Call::Seal { .. }));
    let call = desk.answer(written("4"));
    assert!(matches!(call, Call::CreateAppendBlob { target: Target::Segment(2), .. }));
    let call = desk.answer(appended(0, 1, "5"));
    assert!(matches!(call, Call::AppendBlock { ref body, .. } if *body.0 == b"de"));
    assert_eq!(desk.committed(), 5);
}

#[test]
fn a_changed_etag_with_the_same_length_is_taken_up() {
    let mut desk = Desk::opened(Config::default());
    desk.write(b"abc");
    desk.refuse(Cause::ConditionNotMet);
    desk.answer(Answer::Properties(seen(US, 1, 0, "9")));
    let call = desk.answer(appended(0, 1, "10"));
    assert!(matches!(call, Call::AppendBlock { etag, .. } if etag.0.as_ref() == "9"));
}

#[test]
fn a_newer_appender_ends_this_one_for_good() {
    let mut desk = Desk::opened(Config::default());
    let ticket = desk.write(b"abc");
    desk.refuse(Cause::ConditionNotMet);
    desk.answer(Answer::Properties(seen(Nonce([2; 16]), 2, 0, "9")));
    let Some(Err(Error::Superseded(position))) = desk.writer.progress(&ticket, desk.now) else {
        panic!("not superseded");
    };
    assert_eq!(position.committed, 0);
    assert!(desk.is_quiet());
    assert!(matches!(desk.writer.append(b"x"), Err(Error::Superseded(_))));
    assert!(matches!(desk.writer.flush(desk.now), Err(Error::Superseded(_))));
}

#[test]
fn another_stream_under_the_name_is_not_ours_to_count_on() {
    for (length, rewound) in [(2, true), (3, false), (5, false)] {
        let mut desk = Desk::opened(Config::default());
        desk.write(b"abc");
        desk.answer(appended(0, 1, "2"));
        desk.write(b"de");
        desk.refuse(Cause::ConditionNotMet);
        let mut theirs = seen(Nonce([2; 16]), 2, length, "9");
        let identity = Identity::read(&theirs.metadata).unwrap().unwrap();
        let identity = Identity { stream: StreamId([8; 16]), ..identity };
        theirs.metadata = identity.write(&theirs.metadata);
        desk.answer(Answer::Properties(theirs));
        let error = desk.writer.stopped_by().unwrap();
        assert_eq!(matches!(error, Error::Rewound(_)), rewound, "{error:?}");
        assert_eq!(matches!(error, Error::Diverged(_)), !rewound, "{error:?}");
    }
}

#[test]
fn a_segment_that_is_gone_is_never_created_again() {
    let mut desk = Desk::opened(Config::default());
    desk.write(b"abc");
    desk.answer(appended(0, 1, "2"));
    let ticket = desk.write(b"de");
    desk.refuse(Cause::BlobNotFound);
    desk.refuse(Cause::BlobNotFound);
    let progress = desk.writer.progress(&ticket, desk.now);
    assert!(matches!(progress, Some(Err(Error::Rewound(_)))), "{progress:?}");
    assert!(desk.is_quiet());
}

#[test]
fn segments_roll_over_when_there_is_a_byte_for_the_next() {
    let mut desk = Desk::opened(small(1));
    desk.write(b"abc");
    desk.answer(appended(0, 1, "2"));
    assert!(desk.is_quiet(), "a full segment stays open until there is a byte");
    desk.write(b"d");
    let Call::SetMetadata { metadata, etag, .. } = desk.answer(written("3")) else {
        panic!("not closed");
    };
    assert_eq!(etag.0.as_ref(), "2");
    assert_eq!(Identity::read(&metadata).unwrap().unwrap().end, Some(3));
    desk.refuse(Cause::Forbidden);
    let Call::CreateAppendBlob { metadata, .. } = desk.answer(written("4")) else {
        panic!("not created");
    };
    let next = Identity::read(&metadata).unwrap().unwrap();
    assert_eq!((next.number, next.start, next.stream), (2, 3, STREAM));
    desk.answer(appended(0, 1, "5"));
    desk.write(b"e");
    desk.answer(written("6"));
    let call = desk.call().1;
    assert!(matches!(call, Call::CreateAppendBlob { .. }), "a seal refused is not tried again");
}

#[test]
fn what_a_tool_appends_before_our_first_byte_is_not_taken_for_ours() {
    let mut desk = Desk::opened(small(1));
    desk.write(b"abc");
    desk.answer(appended(0, 1, "2"));
    desk.write(b"d");
    desk.answer(written("3"));
    desk.refuse(Cause::Forbidden);
    let Call::CreateAppendBlob { metadata, .. } = desk.lose() else { panic!("not created") };
    desk.refuse(Cause::AlreadyExists);
    // It is there, and ours, and a tool was faster than we.
    desk.answer(Answer::Properties(properties(3, "5", metadata)));
    assert!(matches!(desk.writer.stopped_by(), Some(Error::Diverged(_))), "{:?}", desk.writer);
    assert_eq!(desk.committed(), 3);
}

#[test]
fn a_rollover_on_command_closes_now_and_creates_later() {
    let mut desk = Desk::opened(Config::default());
    desk.writer.append(b"abc").unwrap();
    let ticket = desk.writer.rollover(desk.now).unwrap();
    desk.answer(appended(0, 1, "2"));
    desk.answer(written("3"));
    assert!(matches!(desk.writer.progress(&ticket, desk.now), Some(Ok(_))));
    desk.answer(written("3"));
    assert!(desk.is_quiet());
    let again = desk.writer.rollover(desk.now).unwrap();
    assert!(desk.is_quiet(), "a closed segment is not closed again");
    assert!(matches!(desk.writer.progress(&again, desk.now), Some(Ok(_))));
}

#[test]
fn an_empty_segment_is_not_closed() {
    let mut desk = Desk::opened(Config::default());
    let ticket = desk.writer.rollover(desk.now).unwrap();
    assert!(desk.is_quiet());
    assert!(matches!(desk.writer.progress(&ticket, desk.now), Some(Ok(_))));
}

#[test]
fn a_stream_that_ends_elsewhere_is_not_touched() {
    let mut desk = Desk::new(Config { expected_end: Some(7), ..Config::default() });
    let ticket = desk.writer.opening(desk.now);
    desk.answer(Answer::Properties(seen(Nonce([2; 16]), 4, 9, "1")));
    let progress = desk.writer.progress(&ticket, desk.now);
    assert_eq!(progress, Some(Err(Error::EndsElsewhere(9))));
    assert!(desk.is_quiet());
}

#[test]
fn opening_claims_the_tail_with_a_higher_epoch_and_keeps_its_metadata() {
    let mut desk = Desk::new(Config::default());
    let mut found = seen(Nonce([2; 16]), 4, 9, "1");
    found.metadata.push(("owner".to_string(), "ops".to_string()));
    desk.answer(Answer::Properties(found));
    let Call::SetMetadata { metadata, .. } = desk.answer(written("2")) else {
        panic!("not claimed");
    };
    assert!(metadata.iter().any(|(name, value)| name == "owner" && value == "ops"));
    let claim = Identity::read(&metadata).unwrap().unwrap();
    assert_eq!((claim.epoch, claim.nonce, claim.base), (5, US, 9));
    let opened = desk.writer.opened().unwrap();
    assert_eq!(opened, Opened { layout: Layout::Append, start: 9, epoch: 5, exclusive: true });
}

#[test]
fn without_the_permission_to_claim_nobody_is_said_to_be_shut_out() {
    let mut desk = Desk::new(Config::default());
    desk.answer(Answer::Properties(seen(Nonce([2; 16]), 4, 9, "1")));
    desk.refuse(Cause::Forbidden);
    assert!(!desk.writer.opened().unwrap().exclusive);
    desk.write(b"abc");
    let call = desk.answer(appended(9, 2, "2"));
    assert!(matches!(call, Call::AppendBlock { position: 9, .. }));
}

#[test]
fn a_log_that_somebody_else_began_is_adopted_by_a_claim() {
    let mut desk = Desk::new(Config::default());
    desk.answer(Answer::Properties(properties(9, "1", vec![("a".to_string(), "b".to_string())])));
    let Call::SetMetadata { metadata, .. } = desk.answer(written("2")) else {
        panic!("not claimed");
    };
    let claim = Identity::read(&metadata).unwrap().unwrap();
    assert_eq!((claim.number, claim.start, claim.base, claim.stream), (1, 0, 9, STREAM));
}

#[test]
fn a_log_whose_metadata_a_claim_would_change_is_refused() {
    let mut desk = Desk::new(Config::default());
    let seen = properties(9, "1", vec![("a".to_string(), "\u{e9}".to_string())]);
    let seen = Properties { unsendable: Some("x-ms-meta-a".to_string()), ..seen };
    desk.answer(Answer::Properties(seen));
    assert!(matches!(desk.writer.stopped_by(), Some(Error::Conflict(_))));
}

#[test]
fn a_sealed_tail_is_claimed_and_marked_before_the_next_is_created() {
    let mut desk = Desk::new(Config::default());
    let sealed = Properties { sealed: true, ..seen(Nonce([2; 16]), 4, 9, "1") };
    desk.answer(Answer::Properties(sealed));
    desk.refuse(Cause::BlobNotFound);
    desk.refuse(Cause::BlobNotFound);
    desk.answer(Answer::Listed(Page::default()));
    let Call::SetMetadata { metadata, .. } = desk.answer(written("2")) else {
        panic!("not claimed");
    };
    assert_eq!(Identity::read(&metadata).unwrap().unwrap().end, Some(9));
    assert!(desk.writer.opened().is_none());
    let call = desk.answer(written("3"));
    assert!(matches!(call, Call::CreateAppendBlob { target: Target::Segment(2), .. }));
    assert_eq!(desk.writer.opened().unwrap().start, 9);
}

#[test]
fn what_the_caller_has_to_act_on_is_told_at_once_and_loses_nothing() {
    let mut desk = Desk::opened(Config::default());
    let ticket = desk.write(b"abc");
    desk.refuse(Cause::Unauthenticated);
    let progress = desk.writer.progress(&ticket, desk.now);
    assert!(matches!(progress, Some(Err(Error::Unauthenticated(_)))));
    desk.writer.credential_changed();
    assert!(matches!(desk.writer.poll(desk.now), Output::Call { .. }), "tried again at once");
}

#[test]
fn a_caller_waits_for_as_long_as_its_patience() {
    let mut desk = Desk::opened(Config { patience: Span::secs(60), ..Config::default() });
    let ticket = desk.write(b"abc");
    let asked = desk.now;
    while desk.writer.progress(&ticket, desk.now).is_none() {
        desk.reply(Err(Failure::NotSent("no network".to_string())));
    }
    assert!(desk.now - asked >= Span::secs(60));
    let progress = desk.writer.progress(&ticket, desk.now);
    assert_eq!(progress, Some(Err(Error::Unavailable("no network".to_string()))));
    desk.answer(appended(0, 1, "2"));
    assert_eq!(desk.committed(), 3, "it went on trying");
}

#[test]
fn a_block_that_is_too_large_is_split() {
    let mut desk = Desk::opened(Config { block_bytes: 8, ..Config::default() });
    desk.write(b"abcdefgh");
    desk.refuse(Cause::TooLarge);
    desk.answer(Answer::Properties(seen(US, 1, 0, "1")));
    let call = desk.answer(appended(0, 1, "2"));
    assert!(matches!(call, Call::AppendBlock { ref body, .. } if *body.0 == b"abcd"));
    desk.answer(appended(4, 2, "3"));
    assert_eq!(desk.committed(), 8);
}

#[test]
fn segments_are_aged_by_the_clock_of_the_service() {
    let mut desk = Desk::opened(Config { segment_age: Some(Span::secs(60)), ..Config::default() });
    desk.write(b"abc");
    let dated = |secs, answer| Reply { outcome: Ok(answer), date: Some(UnixTime(secs)) };
    let (op, _) = desk.call();
    desk.writer.handle_reply(desk.now, op, dated(1000, appended(0, 1, "2")));
    let Machine::Append(chain) = &mut desk.writer.machine else { panic!() };
    chain.tail.as_mut().unwrap().created = Some(UnixTime(900));
    desk.write(b"d");
    assert!(matches!(desk.call().1, Call::SetMetadata { .. }), "100 seconds are too old");
}

#[test]
fn a_segment_made_by_this_writer_ages_too() {
    let config = Config { segment_age: Some(Span::secs(60)), ..small(50) };
    for (age, mark) in [(50, false), (100, true)] {
        let mut desk = Desk::new(config.clone());
        let mut dated = |outcome, secs| {
            let (op, _) = desk.call();
            desk.writer.handle_reply(desk.now, op, Reply { outcome, date: Some(UnixTime(secs)) });
        };
        dated(Err(refusal(Cause::BlobNotFound)), 1000);
        dated(Err(refusal(Cause::BlobNotFound)), 1000);
        dated(Ok(Answer::Listed(Page::default())), 1000);
        dated(Ok(written("1")), 1000);
        desk.write(b"a");
        let (op, _) = desk.call();
        let outcome = Ok(appended(0, 1, "2"));
        let date = Some(UnixTime(1000 + age));
        desk.writer.handle_reply(desk.now, op, Reply { outcome, date });
        desk.write(b"b");
        assert_eq!(matches!(desk.call().1, Call::SetMetadata { .. }), mark, "{age} seconds");
    }
}

#[test]
fn a_closed_stream_is_ended_in_the_next_segment() {
    let mut desk = Desk::opened(Config::default());
    desk.writer.append(b"abc").unwrap();
    desk.writer.rollover(desk.now).unwrap();
    desk.answer(appended(0, 1, "2"));
    desk.answer(written("3"));
    desk.answer(written("4"));
    desk.writer.seal(desk.now).unwrap();
    let call = desk.answer(written("5"));
    assert!(matches!(call, Call::CreateAppendBlob { .. }), "somebody may have gone on: {call:?}");
    assert!(matches!(desk.call().1, Call::SetMetadata { target: Target::Segment(2), .. }));
}

#[test]
fn every_request_is_counted() {
    let mut desk = Desk::opened(Config::default());
    desk.writer.append(b"abc").unwrap();
    desk.writer.rollover(desk.now).unwrap();
    desk.answer(appended(0, 1, "2"));
    desk.answer(written("3"));
    desk.answer(written("4"));
    assert_eq!(desk.writer.stats().requests(), 7, "four to open, append, mark and seal");
}

#[test]
fn only_a_handle_that_was_closed_says_so() {
    let mut desk = Desk::opened(Config::default());
    assert!(!desk.writer.is_closed());
    desk.writer.closed();
    assert!(desk.writer.is_closed());
}

#[test]
fn a_refusal_is_told_in_the_words_of_the_service() {
    let mut desk = Desk::opened(Config::default());
    let ticket = desk.write(b"abc");
    desk.refuse(Cause::Forbidden);
    let told = Error::AccessDenied("Code (status 400)".to_string());
    assert_eq!(desk.writer.progress(&ticket, desk.now), Some(Err(told)));
}

#[test]
fn an_ended_stream_takes_no_more_and_says_so() {
    let mut desk = Desk::opened(Config::default());
    desk.writer.append(b"abc").unwrap();
    let ticket = desk.writer.seal(desk.now).unwrap();
    assert_eq!(desk.writer.append(b"x"), Err(Error::Sealed));
    desk.answer(appended(0, 1, "2"));
    let Call::SetMetadata { metadata, .. } = desk.answer(written("3")) else {
        panic!("not marked");
    };
    assert!(Identity::read(&metadata).unwrap().unwrap().ended);
    assert!(matches!(desk.answer(written("3")), Call::Seal { .. }));
    assert!(matches!(desk.writer.progress(&ticket, desk.now), Some(Ok(_))));
    assert!(desk.is_quiet());

    let mut late = Desk::new(Config::default());
    let opening = late.writer.opening(late.now);
    late.answer(Answer::Properties(properties(3, "3", metadata)));
    assert_eq!(late.writer.progress(&opening, late.now), Some(Err(Error::Sealed)));
}

#[test]
fn no_more_is_held_than_the_room_and_refusal_says_which() {
    let mut desk = Desk::opened(Config { block_bytes: 4, buffer_bytes: 8, ..Config::default() });
    assert!(matches!(desk.writer.append(&[0; 9]), Err(Error::InvalidArgument(_))));
    desk.writer.append(&[0; 8]).unwrap();
    assert_eq!(desk.writer.append(&[0]), Err(Error::BufferFull));
    desk.answer(appended(0, 1, "2"));
    assert_eq!(desk.writer.append(&[0; 4]), Ok(12));
}

#[test]
fn replies_to_requests_that_were_given_up_are_ignored() {
    let mut desk = Desk::opened(Config::default());
    desk.write(b"abc");
    let (op, _) = desk.call();
    let Output::Wait(Some(at)) = desk.writer.poll(desk.now) else { panic!("a request waits") };
    desk.now = at;
    desk.writer.handle_timeout(at);
    assert!(!desk.writer.expects(op));
    let late = Reply { outcome: Ok(appended(0, 1, "2")), date: None };
    desk.writer.handle_reply(desk.now, op, late);
    assert_eq!(desk.committed(), 0, "only a verdict of its own commits");
    let touched: Vec<_> = desk.writer.touched();
    assert_eq!(touched[0].length, 0);
}

#[test]
fn a_refused_order_is_told_to_somebody_who_repeats_it_without_waiting() {
    let mut desk = Desk::opened(Config::default());
    desk.writer.append(b"abc").unwrap();
    desk.writer.seal(desk.now).unwrap();
    desk.answer(Answer::Appended { offset: 0, blocks: 1, etag: etag("2") });
    desk.refuse(Cause::Forbidden);
    let again = desk.writer.seal(desk.now).unwrap();
    let told = desk.writer.progress(&again, desk.now);
    assert!(matches!(told, Some(Err(Error::AccessDenied(_)))), "{told:?}");
    // Now that it is told, the next order is another try.
    desk.writer.credential_changed();
    let ticket = desk.writer.seal(desk.now).unwrap();
    assert!(desk.writer.progress(&ticket, desk.now).is_none());
    assert!(matches!(desk.answer(written("3")), Call::SetMetadata { .. }));
}

#[test]
fn a_segment_that_begins_elsewhere_all_at_once_is_not_appended_to() {
    let mut desk = Desk::opened(Config::default());
    let ticket = desk.write(b"abc");
    desk.lose();
    desk.refuse(Cause::ConditionNotMet);
    let mut changed = seen(US, 1, 0, "2");
    let identity = Identity::read(&changed.metadata).unwrap().unwrap();
    changed.metadata = Identity { start: 7, ..identity }.write(&Metadata::new());
    desk.answer(Answer::Properties(changed));
    let progress = desk.writer.progress(&ticket, desk.now);
    assert!(matches!(progress, Some(Err(Error::Diverged(_)))), "{progress:?}");
    assert!(desk.is_quiet());
}

#[test]
fn a_new_segment_that_somebody_has_written_to_before_it_was_seen_takes_no_byte_of_ours() {
    let mut desk = Desk::opened(small(1));
    desk.write(b"abc");
    desk.answer(appended(0, 1, "2"));
    let ticket = desk.write(b"de");
    desk.answer(written("3"));
    desk.answer(written("3"));
    let Call::CreateAppendBlob { metadata, .. } = desk.lose() else { panic!("not created") };
    desk.refuse(Cause::AlreadyExists);
    desk.answer(Answer::Properties(properties(2, "5", metadata)));
    let progress = desk.writer.progress(&ticket, desk.now);
    assert!(matches!(progress, Some(Err(Error::Diverged(_)))), "{progress:?}");
    assert_eq!(desk.committed(), 3);
    assert!(desk.is_quiet());
}
