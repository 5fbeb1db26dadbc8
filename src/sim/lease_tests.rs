//! Leases against the model, one behaviour each, in both layouts.

use alloc::string::String;
use alloc::vec::Vec;

use crate::call::{
    self, Body, Call, CallKind, Cause, ETag, Failure, LeaseId, Outcome, Refusal, Reply, Target,
};
use crate::error::Error;
use crate::sim::service::{
    Answer, BlobOperation, BlobRequest, Conditions, LeaseAction, LeaseDuration, LeaseState,
    Request, Service, Settings, Slice,
};
use crate::sim::wire::{CONTAINER, blob_name, perform};
use crate::stream::{Nonce, StreamId};
use crate::time::{Span, Time, UnixTime};
use crate::writer::{Config, Entropy, Layout, OpId, Output, Ticket, Writer};

const TODAY: u64 = 1_795_176_000;
const LEASE: Span = Span::secs(20);
const LAYOUTS: [Layout; 2] = [Layout::Append, Layout::Block];

#[derive(Clone, Copy, Eq, PartialEq)]
enum Lost {
    Answer,
    Request,
}

/// The service, at a second of the test.
struct Desk {
    service: Service<Slice>,
    second: u64,
    layout: Layout,
    /// What was asked, in order.
    asked: Vec<Call>,
    /// What is lost of the next request about a lease.
    loses: Option<Lost>,
}

impl Desk {
    fn new(layout: Layout) -> Self {
        let service = Service::new(Settings::default());
        Self { service, second: 0, layout, asked: Vec::new(), loses: None }
    }

    fn now(&self) -> Time {
        Time(0) + Span::secs(self.second)
    }

    fn today(&self) -> UnixTime {
        UnixTime(TODAY + self.second)
    }

    fn config(&self) -> Config {
        Config {
            layout: Some(self.layout),
            create_container: true,
            lease: Some(LEASE),
            patience: Span::secs(10),
            ..Config::default()
        }
    }

    fn writer(&self, nonce: u8, config: Config) -> Writer {
        let (nonce, stream) = (Nonce([nonce; 16]), StreamId([9; 16]));
        Writer::new(config, Entropy { nonce, stream, seed: 3 }).unwrap()
    }

    /// A writer under lease whose stream is open.
    fn open(&mut self, nonce: u8) -> Writer {
        let mut writer = self.writer(nonce, self.config());
        let opening = writer.opening(self.now());
        assert!(self.finish(&mut writer, &opening).is_ok());
        writer
    }

    fn answer(&mut self, call: &Call, lease: Option<LeaseId>) -> Outcome {
        self.asked.push(call.clone());
        let lost = self.loses.take_if(|_| call.kind() == CallKind::Lease);
        let today = self.today();
        let outcome = || perform(&mut self.service, (call, lease), today);
        let outcome = (lost != Some(Lost::Request)).then(outcome);
        outcome.filter(|_| lost.is_none()).unwrap_or_else(|| {
            let reason = String::from("lost");
            Err(Failure::InDoubt { reason, status: None, retry_after: None })
        })
    }

    /// Lets a writer work until it waits.
    fn turn(&mut self, writer: &mut Writer) {
        writer.handle_timeout(self.now());
        while let Output::Call { op, call, lease } = writer.poll(self.now()) {
            let outcome = self.answer(&call, lease);
            writer.handle_reply(self.now(), op, Reply { outcome, date: None });
        }
    }

    /// Drives a writer for some time.
    fn drive(&mut self, writer: &mut Writer, seconds: u64) {
        for _ in 0..seconds {
            self.turn(writer);
            self.second += 1;
        }
    }

    fn finish(&mut self, writer: &mut Writer, ticket: &Ticket) -> Result<(), Error> {
        for _ in 0..600 {
            self.turn(writer);
            if let Some(done) = writer.progress(ticket, self.now()) {
                return done.map(|_| ());
            }
            self.second += 1;
        }
        panic!("it does not end");
    }

    fn append(&mut self, writer: &mut Writer, bytes: &[u8]) -> Result<(), Error> {
        writer.append(bytes)?;
        let ticket = writer.flush(self.now())?;
        self.finish(writer, &ticket)
    }

    fn close(&mut self, writer: &mut Writer) {
        let ticket = writer.close(self.now()).unwrap();
        assert_eq!(self.finish(writer, &ticket), Ok(()));
        writer.closed();
    }

    /// The blob that takes the first bytes.
    fn target(&self) -> Target {
        match self.layout {
            Layout::Append => Target::Segment(1),
            Layout::Block => Target::Stream,
        }
    }

    fn read(&self, target: Target, operation: BlobOperation<Slice>) -> Answer<Slice> {
        let (container, name) = (CONTAINER.into(), blob_name(target));
        let conditions = Conditions::default();
        let request = Request::from(BlobRequest { container, name, operation, conditions });
        self.service.decide(&request, self.today()).unwrap().answer
    }

    fn lease_on(&self, target: Target) -> LeaseState {
        let Answer::Properties(seen) = self.read(target, BlobOperation::Properties) else {
            panic!("no properties")
        };
        seen.lease.state
    }

    fn stored(&self, target: Target) -> Vec<u8> {
        let content = self.read(target, BlobOperation::Get { range: None });
        let Answer::Content { extents, .. } = content else { panic!("no content") };
        extents.iter().flat_map(Slice::bytes).copied().collect()
    }

    /// Somebody's tool acts on the lease of the first blob.
    fn operate(&mut self, action: LeaseAction) {
        let (container, name) = (CONTAINER.into(), blob_name(self.target()));
        let (operation, conditions) = (BlobOperation::Lease(action), Conditions::default());
        let request = Request::from(BlobRequest { container, name, operation, conditions });
        let accepted = self.service.decide(&request, self.today()).unwrap();
        self.service.apply(&accepted.effect.unwrap());
    }

    /// Somebody's tool sets metadata, naming no lease.
    fn touch(&mut self) -> Outcome {
        let (target, metadata) = (self.target(), Vec::new());
        let call = Call::SetMetadata { target, metadata, etag: ETag("*".into()) };
        let today = self.today();
        perform(&mut self.service, (&call, None), today)
    }

    fn renewals(&self) -> usize {
        self.asked
            .iter()
            .filter(|call| matches!(call, Call::Lease { action: call::LeaseAction::Renew, .. }))
            .count()
    }
}

#[test]
fn an_open_stream_is_leased_and_closed_to_tools() {
    for layout in LAYOUTS {
        let mut desk = Desk::new(layout);
        let mut writer = desk.open(1);
        assert_eq!(desk.lease_on(desk.target()), LeaseState::Leased);
        let Err(Failure::Refused(Refusal { cause: Cause::Leased, .. })) = desk.touch() else {
            panic!("a tool can write")
        };
        assert_eq!(desk.append(&mut writer, b"one"), Ok(()));
        desk.close(&mut writer);
        assert_eq!(desk.lease_on(desk.target()), LeaseState::Available);
        assert!(desk.touch().is_ok());
    }
}

#[test]
fn a_lease_is_kept_for_as_long_as_the_stream_is_driven() {
    for layout in LAYOUTS {
        let mut desk = Desk::new(layout);
        let mut writer = desk.open(1);
        desk.drive(&mut writer, 600);
        assert_eq!(desk.lease_on(desk.target()), LeaseState::Leased);
        assert_eq!(desk.renewals(), 59, "at half its time");
        assert!(writer.is_idle(), "a lease is no reason to wait");
    }
}

#[test]
fn an_answer_that_is_lost_is_asked_for_again() {
    for layout in LAYOUTS {
        let mut desk = Desk::new(layout);
        desk.loses = Some(Lost::Answer);
        let mut writer = desk.open(1);
        assert_eq!(desk.append(&mut writer, b"one"), Ok(()));
        desk.loses = Some(Lost::Answer);
        desk.close(&mut writer);
        assert_eq!(desk.lease_on(desk.target()), LeaseState::Available);
        assert_eq!(desk.stored(desk.target()), b"one");
    }
}

#[test]
fn a_newer_appender_waits_for_the_older_one_to_leave() {
    for layout in LAYOUTS {
        let mut desk = Desk::new(layout);
        let mut older = desk.open(1);
        let mut newer = desk.writer(2, Config { lease: None, ..desk.config() });
        let opening = newer.opening(desk.now());
        let refused = desk.finish(&mut newer, &opening);
        let Err(Error::Unavailable(why)) = refused else { panic!("{refused:?}") };
        assert!(why.contains("somebody else holds a lease"), "{why}");
        assert_eq!(desk.append(&mut older, b"one"), Ok(()));
        desk.close(&mut older);

        let opening = newer.opening(desk.now());
        assert_eq!(desk.finish(&mut newer, &opening), Ok(()));
        assert_eq!(desk.append(&mut newer, b"two"), Ok(()));
        assert_eq!(desk.stored(desk.target()), b"onetwo");
    }
}

#[test]
fn an_appender_that_was_away_is_superseded_by_who_came_meanwhile() {
    for layout in LAYOUTS {
        for lease in [None, Some(LEASE)] {
            let mut desk = Desk::new(layout);
            let mut older = desk.open(1);
            assert_eq!(desk.append(&mut older, b"one"), Ok(()));
            desk.second += 60;
            let mut newer = desk.writer(2, Config { lease, ..desk.config() });
            let opening = newer.opening(desk.now());
            assert_eq!(desk.finish(&mut newer, &opening), Ok(()));
            let refused = desk.append(&mut older, b"late");
            assert!(matches!(refused, Err(Error::Superseded(_))), "{refused:?}");
            assert_eq!(desk.append(&mut newer, b"two"), Ok(()));
            assert_eq!(desk.stored(desk.target()), b"onetwo");
        }
    }
}

#[test]
fn an_idle_appender_learns_by_its_renewal_that_it_was_superseded() {
    for layout in LAYOUTS {
        let mut desk = Desk::new(layout);
        let mut older = desk.open(1);
        desk.second += 60;
        let _newer = desk.open(2);
        desk.drive(&mut older, 2);
        assert!(matches!(older.stopped_by(), Some(Error::Superseded(_))), "{older:?}");
    }
}

#[test]
fn an_appender_that_was_away_goes_on_if_nobody_came() {
    for layout in LAYOUTS {
        let mut desk = Desk::new(layout);
        let mut writer = desk.open(1);
        assert_eq!(desk.append(&mut writer, b"one"), Ok(()));
        desk.second += 3600;
        assert_eq!(desk.append(&mut writer, b"two"), Ok(()));
        assert_eq!(desk.lease_on(desk.target()), LeaseState::Leased);
        assert_eq!(desk.stored(desk.target()), b"onetwo");
    }
}

#[test]
fn a_lease_that_somebody_has_broken_is_taken_again() {
    for layout in LAYOUTS {
        let mut desk = Desk::new(layout);
        let mut writer = desk.open(1);
        desk.operate(LeaseAction::Break { period: Some(0) });
        assert_eq!(desk.append(&mut writer, b"one"), Ok(()));
        assert_eq!(desk.lease_on(desk.target()), LeaseState::Leased);
        assert_eq!(desk.stored(desk.target()), b"one");
    }
}

#[test]
fn a_lease_of_a_tool_is_waited_for_and_nothing_is_lost() {
    for layout in LAYOUTS {
        let mut desk = Desk::new(layout);
        let mut writer = desk.open(1);
        desk.operate(LeaseAction::Break { period: Some(0) });
        let id = String::from("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
        let duration = LeaseDuration::Infinite;
        desk.operate(LeaseAction::Acquire { id: id.clone(), duration });
        let refused = desk.append(&mut writer, b"one");
        let Err(Error::Unavailable(why)) = refused else { panic!("{refused:?}") };
        assert!(why.contains("somebody else holds a lease"), "{why}");

        desk.operate(LeaseAction::Release { id });
        let ticket = writer.flush(desk.now()).unwrap();
        assert_eq!(desk.finish(&mut writer, &ticket), Ok(()));
        assert_eq!(desk.stored(desk.target()), b"one");
    }
}

#[test]
fn a_segment_that_is_left_is_released_and_the_next_is_leased() {
    let mut desk = Desk::new(Layout::Append);
    let mut writer = desk.writer(1, Config { segment_blocks: 1, ..desk.config() });
    let opening = writer.opening(desk.now());
    assert_eq!(desk.finish(&mut writer, &opening), Ok(()));
    for line in [b"one", b"two", b"six"] {
        assert_eq!(desk.append(&mut writer, line), Ok(()));
        desk.drive(&mut writer, 1);
    }
    let leases = [1, 2, 3].map(|number| desk.lease_on(Target::Segment(number)));
    assert_eq!(leases, [LeaseState::Available, LeaseState::Available, LeaseState::Leased]);
}

#[test]
fn a_lease_that_cannot_be_renewed_does_not_keep_another_from_being_given_up() {
    let mut desk = Desk::new(Layout::Append);
    let lease = Some(Span::secs(15));
    let mut writer = desk.writer(1, Config { segment_blocks: 1, lease, ..desk.config() });
    let opening = writer.opening(desk.now());
    assert_eq!(desk.finish(&mut writer, &opening), Ok(()));
    assert_eq!(desk.append(&mut writer, b"one"), Ok(()));
    writer.append(b"two").unwrap();
    writer.flush(desk.now()).unwrap();
    let (mut releases, mut idle) = (0, false);
    for _ in 0..120 {
        writer.handle_timeout(desk.now());
        idle = writer.is_idle();
        while let Output::Call { op, call, lease } = writer.poll(desk.now()) {
            // The next segment is leased slowly; from then on nothing about leases is answered.
            match &call {
                Call::Lease { action: call::LeaseAction::Acquire { .. }, .. } => desk.second += 4,
                Call::Lease { action, .. } => {
                    releases += usize::from(*action == call::LeaseAction::Release);
                    continue;
                }
                _ => {}
            }
            let outcome = desk.answer(&call, lease);
            writer.handle_reply(desk.now(), op, Reply { outcome, date: None });
        }
        desk.second += 1;
        if idle && releases > 0 {
            break;
        }
    }
    assert!(idle, "it waits for a lease that nobody needs: {releases} releases");
}

#[test]
fn a_lease_is_given_back_after_a_final_error() {
    let mut desk = Desk::new(Layout::Append);
    let mut writer = desk.open(1);
    let target = desk.target();
    let Answer::Properties(seen) = desk.read(target, BlobOperation::Properties) else { panic!() };
    // A tool that has read the ID off the blob.
    let (position, etag) = (0, seen.stamp.revision.etag());
    let call = Call::AppendBlock { target, body: Body(b"theirs".to_vec().into()), position, etag };
    let today = desk.today();
    assert!(perform(&mut desk.service, (&call, Some(LeaseId([1; 16]))), today).is_ok());
    let refused = desk.append(&mut writer, b"one");
    assert!(matches!(refused, Err(Error::Diverged(_))), "{refused:?}");
    assert!(!writer.is_leaving());
    assert_eq!(desk.lease_on(target), LeaseState::Available);
}

#[test]
fn without_the_permission_the_stream_is_not_opened() {
    for layout in LAYOUTS {
        let mut desk = Desk::new(layout);
        let mut writer = desk.writer(1, desk.config());
        let opening = writer.opening(desk.now());
        let code = String::from("AuthorizationPermissionMismatch");
        while writer.progress(&opening, desk.now()).is_none() {
            let Output::Call { op, call, lease } = writer.poll(desk.now()) else { panic!() };
            let outcome = match call {
                Call::Lease { .. } => Err(Failure::Refused(Refusal {
                    cause: Cause::Forbidden,
                    status: 403,
                    code: code.clone(),
                })),
                call => desk.answer(&call, lease),
            };
            writer.handle_reply(desk.now(), op, Reply { outcome, date: None });
        }
        let refused = writer.progress(&opening, desk.now());
        assert!(matches!(refused, Some(Err(Error::AccessDenied(_)))), "{refused:?}");
    }
}

#[test]
fn nothing_is_written_before_the_lease_is_known_to_be_ours() {
    for layout in LAYOUTS {
        let mut desk = Desk::new(layout);
        let mut writer = desk.writer(1, desk.config());
        let (op, outcome) = loop {
            let Output::Call { op, call, lease } = writer.poll(desk.now()) else { panic!() };
            let outcome = desk.answer(&call, lease);
            if call.kind() == CallKind::Lease {
                break (op, outcome);
            }
            writer.handle_reply(desk.now(), op, Reply { outcome, date: None });
        };
        // Its answer is under way.
        let opening = writer.opening(desk.now());
        assert!(writer.progress(&opening, desk.now()).is_none(), "not open without it");
        writer.append(b"one").unwrap();
        let ticket = writer.flush(desk.now()).unwrap();
        assert!(matches!(writer.poll(desk.now()), Output::Wait(Some(_))));
        writer.handle_reply(desk.now(), op, Reply { outcome, date: None });
        assert_eq!(desk.finish(&mut writer, &ticket), Ok(()));
        assert_eq!(desk.stored(desk.target()), b"one");
    }
}

#[test]
fn a_blob_that_somebody_has_claimed_meanwhile_is_not_leased() {
    for layout in LAYOUTS {
        let mut desk = Desk::new(layout);
        desk.loses = Some(Lost::Request);
        let mut older = desk.writer(1, desk.config());
        desk.turn(&mut older);
        let mut newer = desk.writer(2, Config { lease: None, ..desk.config() });
        let opening = newer.opening(desk.now());
        assert_eq!(desk.finish(&mut newer, &opening), Ok(()));
        desk.drive(&mut older, 5);
        assert!(matches!(older.stopped_by(), Some(Error::Superseded(_))), "{older:?}");
        assert_eq!(desk.lease_on(desk.target()), LeaseState::Available);
        assert_eq!(desk.append(&mut newer, b"two"), Ok(()));
    }
}

/// Closes as a caller does that cannot wait: with no time, every 20 ms, while an answer takes
/// `round_trip`. Answers how many requests that took.
fn close_impatiently(desk: &mut Desk, writer: &mut Writer, round_trip: Span) -> usize {
    let before = desk.asked.len();
    let mut under_way: Vec<(Time, OpId, Call, Option<LeaseId>)> = Vec::new();
    for tick in 0..500 {
        let now = desk.now() + Span::millis(tick * 20);
        let arrived = under_way.extract_if(.., |it| it.0 <= now).collect::<Vec<_>>();
        for (_, op, call, lease) in arrived {
            let outcome = desk.answer(&call, lease);
            writer.handle_reply(now, op, Reply { outcome, date: None });
        }
        let ticket = writer.close(now).unwrap();
        while let Output::Call { op, call, lease } = writer.poll(now) {
            under_way.push((now + round_trip, op, call, lease));
        }
        under_way.retain(|it| writer.expects(it.1));
        if writer.progress(&ticket, now).is_some() {
            return desk.asked.len() - before;
        }
    }
    panic!("it never closes");
}

#[test]
fn a_close_that_is_repeated_sends_one_release() {
    for layout in LAYOUTS {
        for round_trip in [10, 50, 500] {
            let mut desk = Desk::new(layout);
            let mut writer = desk.open(1);
            assert_eq!(desk.append(&mut writer, b"one"), Ok(()));
            assert_eq!(close_impatiently(&mut desk, &mut writer, Span::millis(round_trip)), 1);
            assert_eq!(desk.lease_on(desk.target()), LeaseState::Available);
        }
    }
}

#[test]
fn whoever_appends_after_all_is_leased_again() {
    for layout in LAYOUTS {
        let mut desk = Desk::new(layout);
        let mut writer = desk.open(1);
        // The caller did not wait for the end of it.
        let _ = writer.close(desk.now()).unwrap();
        desk.turn(&mut writer);
        assert_eq!(desk.lease_on(desk.target()), LeaseState::Available);
        assert_eq!(desk.append(&mut writer, b"one"), Ok(()));
        assert_eq!(desk.lease_on(desk.target()), LeaseState::Leased);
        desk.close(&mut writer);
        assert_eq!(desk.lease_on(desk.target()), LeaseState::Available);
    }
}

#[test]
fn what_was_ordered_is_done_under_the_lease_before_it_is_given_back() {
    for order in [Writer::rollover, Writer::seal] {
        let mut desk = Desk::new(Layout::Append);
        let mut writer = desk.open(1);
        writer.append(b"one").unwrap();
        let _ = order(&mut writer, desk.now()).unwrap();
        desk.close(&mut writer);
        let kinds: Vec<CallKind> = desk.asked.iter().rev().take(3).map(Call::kind).collect();
        assert_eq!(kinds, [CallKind::Lease, CallKind::Seal, CallKind::SetMetadata]);
        assert_eq!(desk.lease_on(desk.target()), LeaseState::Available);
    }
}

/// Gives an answer to everything until the lease is asked for, which then meets a tool that has set
/// metadata meanwhile.
fn contested(desk: &mut Desk, writer: &mut Writer) {
    loop {
        let Output::Call { op, call, lease } = writer.poll(desk.now()) else { panic!("no lease") };
        let asks = call.kind() == CallKind::Lease;
        if asks {
            let seen = desk.read(desk.target(), BlobOperation::Properties);
            let Answer::Properties(seen) = seen else { panic!("no properties") };
            let (target, metadata) = (desk.target(), seen.metadata);
            let call = Call::SetMetadata { target, metadata, etag: ETag("*".into()) };
            let today = desk.today();
            assert!(perform(&mut desk.service, (&call, None), today).is_ok());
        }
        let outcome = desk.answer(&call, lease);
        writer.handle_reply(desk.now(), op, Reply { outcome, date: None });
        if asks {
            return;
        }
    }
}

#[test]
fn metadata_that_a_tool_sets_between_claim_and_lease_is_no_trouble() {
    for layout in LAYOUTS {
        let mut desk = Desk::new(layout);
        let mut writer = desk.writer(1, desk.config());
        let opening = writer.opening(desk.now());
        contested(&mut desk, &mut writer);
        assert_eq!(desk.finish(&mut writer, &opening), Ok(()));
        assert_eq!(desk.lease_on(desk.target()), LeaseState::Leased);
        assert_eq!(desk.append(&mut writer, b"one"), Ok(()));
    }
}

#[test]
fn who_was_superseded_between_claim_and_lease_does_not_open() {
    for layout in LAYOUTS {
        let mut desk = Desk::new(layout);
        desk.loses = Some(Lost::Request);
        let mut older = desk.writer(1, desk.config());
        let opening = older.opening(desk.now());
        desk.turn(&mut older);
        let mut newer = desk.writer(2, Config { lease: None, ..desk.config() });
        let other = newer.opening(desk.now());
        assert_eq!(desk.finish(&mut newer, &other), Ok(()));
        let refused = desk.finish(&mut older, &opening);
        assert!(matches!(refused, Err(Error::Superseded(_))), "{refused:?}");
    }
}

#[test]
fn a_lease_that_may_have_been_taken_is_given_back() {
    for layout in LAYOUTS {
        let mut desk = Desk::new(layout);
        desk.loses = Some(Lost::Answer);
        let mut writer = desk.writer(1, desk.config());
        desk.turn(&mut writer);
        assert_eq!(desk.lease_on(desk.target()), LeaseState::Leased);
        desk.close(&mut writer);
        assert_eq!(desk.lease_on(desk.target()), LeaseState::Available);
    }
}

#[test]
fn every_segment_is_released_however_fast_they_are_left() {
    let mut desk = Desk::new(Layout::Append);
    let mut writer = desk.writer(1, Config { segment_blocks: 1, ..desk.config() });
    let opening = writer.opening(desk.now());
    assert_eq!(desk.finish(&mut writer, &opening), Ok(()));
    // The first answers to releases are lost.
    for line in [b"one", b"two", b"six"] {
        desk.loses = Some(Lost::Request);
        writer.append(line).unwrap();
        let ticket = writer.flush(desk.now()).unwrap();
        assert_eq!(desk.finish(&mut writer, &ticket), Ok(()));
    }
    desk.close(&mut writer);
    let leases = [1, 2, 3].map(|number| desk.lease_on(Target::Segment(number)));
    assert_eq!(leases, [LeaseState::Available; 3]);
}

#[test]
fn an_owner_between_two_segments_is_waited_for() {
    let mut desk = Desk::new(Layout::Append);
    let mut older = desk.open(1);
    assert_eq!(desk.append(&mut older, b"one"), Ok(()));
    let ticket = older.rollover(desk.now()).unwrap();
    assert_eq!(desk.finish(&mut older, &ticket), Ok(()));

    let mut newer = desk.writer(2, Config { lease: None, ..desk.config() });
    let opening = newer.opening(desk.now());
    let refused = desk.finish(&mut newer, &opening);
    let Err(Error::Unavailable(why)) = refused else { panic!("{refused:?}") };
    assert!(why.contains("somebody else holds a lease"), "{why}");
    assert_eq!(desk.append(&mut older, b"two"), Ok(()));
    desk.close(&mut older);
    let opening = newer.opening(desk.now());
    assert_eq!(desk.finish(&mut newer, &opening), Ok(()));
    assert_eq!(desk.stored(Target::Segment(2)), b"two");
}

#[test]
fn what_the_caller_must_act_on_is_told_though_a_lease_is_to_be_given_back() {
    let mut desk = Desk::new(Layout::Append);
    let mut writer = desk.writer(1, Config { segment_blocks: 1, ..desk.config() });
    let opening = writer.opening(desk.now());
    assert_eq!(desk.finish(&mut writer, &opening), Ok(()));
    assert_eq!(desk.append(&mut writer, b"one"), Ok(()));
    writer.append(b"two").unwrap();
    let _ = writer.flush(desk.now()).unwrap();
    while let Output::Call { op, call, lease } = writer.poll(desk.now()) {
        let (cause, code) = (Cause::Unauthenticated, String::from("AuthenticationFailed"));
        let outcome = match call {
            Call::Lease { .. } => Err(Failure::Refused(Refusal { cause, status: 403, code })),
            call => desk.answer(&call, lease),
        };
        writer.handle_reply(desk.now(), op, Reply { outcome, date: None });
    }
    assert!(matches!(writer.stopped_by(), Some(Error::Unauthenticated(_))), "{writer:?}");
    assert!(!writer.is_leaving());
    writer.credential_changed();
    desk.drive(&mut writer, 5);
    assert_eq!(desk.lease_on(Target::Segment(1)), LeaseState::Available);
    assert_eq!(desk.stored(Target::Segment(2)), b"two");
}
