//! The writer, whatever its caller orders, whatever the service answers, and whenever.
//!
//! Half of the inputs play a service that never lies: it does what it is asked, though its answers
//! may be lost. Then what is stored is what was appended, in order and once.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::azure::credential::Credential;
use crate::azure::location::Location;
use crate::azure::request::Request;
use crate::call::{BlobKind, BlockId, Body, Call, LeaseAction, LeaseId, Outcome, Reply, Target};
use crate::error::Error;
use crate::fuzz::input::Input;
use crate::fuzz::outcome;
use crate::fuzz::service::Service;
use crate::limits;
use crate::stream::{Nonce, Position, StreamId};
use crate::time::{Span, Time, UnixTime};
use crate::writer::{Compaction, Config, Entropy, Layout, OpId, Output, Stats, Ticket, Writer};

/// More requests than a writer has reason to make at once: it stages [`limits::IN_FLIGHT_MAX`]
/// blocks, and has one of its lease and one of a merge.
const REQUESTS_AT_ONCE: usize = limits::IN_FLIGHT_MAX as usize + 8;

/// More than it takes to commit what a writer of the settings here can hold.
const STEPS_TO_SETTLE: usize = 1000;

/// Plays a writer against commands and outcomes that the bytes choose.
///
/// # Panics
/// If the writer does, or does what its contract excludes.
pub fn writer(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let Some(mut run) = Run::new(&mut input) else { return };
    run.drain();
    while !input.is_empty() {
        run.step(&mut input);
        run.drain();
    }
    run.settle();
    run.check_content();
}

struct Run {
    writer: Writer,
    room: u64,
    now: Time,
    /// When the writer wants to be woken.
    wake: Option<Time>,
    service: Service,
    /// How rarely it lies, or somebody else changes what it holds; never if there is nothing.
    lies: Option<usize>,
    under_way: Vec<(OpId, Call)>,
    /// Answered, or given up.
    gone: Vec<(OpId, Call)>,
    taken: Vec<u8>,
    tickets: Vec<Ticket>,
    closing: Option<Ticket>,
    position: Position,
    sent: u64,
}

impl Run {
    /// None if the settings are refused.
    fn new(input: &mut Input<'_>) -> Option<Self> {
        let lies = input.pick(&[None, None, None, Some(3), Some(20), Some(100)]);
        let config = config(input);
        let room = config.buffer_bytes;
        let seed = u64::from(input.byte());
        let entropy = Entropy { nonce: Nonce([1; 16]), stream: StreamId([2; 16]), seed };
        let writer = Writer::new(config, entropy).ok()?;
        let now = input.pick(&[Time(0), Time(1 << 40), Time(1 << 62)]);
        Some(Self {
            tickets: Vec::from([writer.opening(now)]),
            writer,
            room,
            now,
            wake: None,
            service: found(input, lies.is_none()),
            lies,
            under_way: Vec::new(),
            gone: Vec::new(),
            taken: Vec::new(),
            closing: None,
            position: Position::default(),
            sent: 0,
        })
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.below(20) {
            0..4 => self.append(input),
            4 => self.order(|writer, now| writer.flush(now)),
            5 => self.order_rarely(input),
            6..14 => self.reply(input),
            14 | 15 => self.advance(input),
            16 => self.look(),
            17 => self.forget(input),
            18 if self.is_lie(input) => self.meddle(input),
            19 => self.reply_late(input),
            _ => self.reply(input),
        }
    }

    fn is_lie(&self, input: &mut Input<'_>) -> bool {
        self.lies.is_some_and(|rarely| input.once_in(rarely))
    }

    fn append(&mut self, input: &mut Input<'_>) {
        let data = input.bytes(12);
        let before = self.writer.position().accepted;
        match self.writer.append(&data) {
            Ok(end) => {
                assert_eq!(end, before + data.len() as u64, "the offset past the last byte");
                self.taken.extend(data);
            }
            Err(_) => assert_eq!(self.writer.position().accepted, before, "all or nothing"),
        }
    }

    fn order(&mut self, command: impl FnOnce(&mut Writer, Time) -> Result<Ticket, Error>) {
        match command(&mut self.writer, self.now) {
            Ok(ticket) => {
                assert!(!self.is_over(), "nothing is taken after a final error");
                self.tickets.push(ticket);
            }
            Err(error) => assert!(!error.is_retryable() || error == Error::NotOpen, "{error}"),
        }
    }

    fn order_rarely(&mut self, input: &mut Input<'_>) {
        match input.below(7) {
            0 | 1 => self.order(Writer::rollover),
            2 | 3 => self.order(Writer::compact),
            4 => self.order(Writer::seal),
            5 => self.closing = self.writer.close(self.now).ok().or(self.closing),
            _ => self.writer.credential_changed(),
        }
    }

    fn is_over(&self) -> bool {
        self.writer.stopped_by().is_some_and(Error::is_final)
    }

    /// One of the requests under way is answered, or is not.
    fn reply(&mut self, input: &mut Input<'_>) {
        if self.under_way.is_empty() {
            return;
        }
        let at = input.below(self.under_way.len());
        let (op, call) = self.under_way.swap_remove(at);
        let outcome = self.outcome(input, &call);
        self.gone.push((op, call));
        self.hand_in(input, op, outcome);
    }

    fn outcome(&mut self, input: &mut Input<'_>, call: &Call) -> Outcome {
        match input.below(12) {
            0 => {
                let _ = self.service.apply(call);
                Err(outcome::doubt(input))
            }
            1 => Err(outcome::doubt(input)),
            2 => Err(outcome::not_sent()),
            3..6 if self.is_lie(input) => {
                let mut other = self.service.clone();
                outcome::outcome(input, call.kind(), other.apply(call))
            }
            6..9 if self.is_lie(input) => {
                let done = self.service.apply(call);
                outcome::outcome(input, call.kind(), done)
            }
            _ => self.service.apply(call),
        }
    }

    fn hand_in(&mut self, input: &mut Input<'_>, op: OpId, outcome: Outcome) {
        let date = input.once_in(4).then(|| UnixTime(input.number()));
        self.writer.handle_reply(self.now, op, Reply { outcome, date });
    }

    /// A second answer to the same request means nothing.
    fn reply_late(&mut self, input: &mut Input<'_>) {
        if self.gone.is_empty() {
            return;
        }
        let at = input.below(self.gone.len().min(256));
        let (op, call) = self.gone[at].clone();
        assert!(!self.writer.expects(op), "what was answered is not waited for");
        let outcome = outcome::outcome(input, call.kind(), Err(outcome::not_sent()));
        self.hand_in(input, op, outcome);
    }

    fn advance(&mut self, input: &mut Input<'_>) {
        let spans = [1, 1_000_000, 100_000_000, 1 << 30, 10 << 30, 31 << 30, 300 << 30, 1 << 47];
        self.now = match self.wake {
            Some(at) if !input.once_in(3) => at,
            _ => self.now + Span(input.pick(&spans)),
        };
        self.writer.handle_timeout(self.now);
    }

    /// Everything that can be asked is.
    fn look(&mut self) {
        for ticket in &self.tickets {
            let _ = (self.writer.progress(ticket, self.now), self.writer.deadline(ticket));
        }
        let _ = (self.writer.touched(), self.writer.opened(), self.writer.compacted());
        let done = self.closing.and_then(|ticket| self.writer.progress(&ticket, self.now));
        if matches!(done, Some(Ok(_))) {
            self.writer.closed();
        }
    }

    fn forget(&mut self, input: &mut Input<'_>) {
        if !self.tickets.is_empty() {
            self.tickets.swap_remove(input.below(self.tickets.len().min(256)));
        }
    }

    /// Somebody else changes a blob.
    fn meddle(&mut self, input: &mut Input<'_>) {
        let targets: Vec<Target> = self.service.blobs.keys().copied().collect();
        if targets.is_empty() || input.once_in(8) {
            return add(&mut self.service, input, false);
        }
        let target = input.pick(&targets[..targets.len().min(256)]);
        self.service.changed(target);
        let blob = self.service.blobs.get_mut(&target).expect("it was just listed");
        match input.below(6) {
            0 => blob.metadata = outcome::metadata(input, blob.metadata.clone()),
            1 => blob.blocks.push((outcome::block_id(input), some_bytes(input))),
            2 => blob.staged.push((outcome::block_id(input), some_bytes(input))),
            3 => blob.sealed = true,
            4 => blob.staged.clear(),
            _ => drop(self.service.blobs.remove(&target)),
        }
    }

    /// Polls as a driver does, and holds the writer to its contract.
    fn drain(&mut self) {
        let over = self.is_over();
        for polls in 0.. {
            assert!(polls < REQUESTS_AT_ONCE, "the writer does not come to rest");
            match self.writer.poll(self.now) {
                Output::Call { op, call, lease } => {
                    let release = matches!(call, Call::Lease { action: LeaseAction::Release, .. });
                    assert!(!over || release, "sent after a final error: {call:?}");
                    check_request(&call, lease);
                    self.writer.sent(op, 1);
                    self.under_way.push((op, call));
                }
                Output::Wait(at) => {
                    assert!(at.is_none_or(|at| at > self.now), "it waits for what is past");
                    self.wake = at;
                    break;
                }
            }
        }
        self.check();
    }

    fn check(&mut self) {
        let (writer, before) = (&self.writer, self.position);
        let (dropped, under_way) =
            self.under_way.drain(..).partition(|(op, _)| !writer.expects(*op));
        self.under_way = under_way;
        let dropped: Vec<_> = dropped;
        self.gone.extend(dropped);

        assert!(
            !self.writer.is_idle() || self.under_way.is_empty(),
            "idle with requests under way"
        );

        let at = self.writer.position();
        assert!(at.accepted >= before.accepted, "accepted shrinks: {before:?}, {at:?}");
        assert!(at.committed >= before.committed, "committed shrinks: {before:?}, {at:?}");
        assert!(at.committed <= at.staged && at.staged <= at.accepted, "{at:?}");
        assert!(at.accepted - at.committed <= self.room, "more is held than there is room for");
        self.position = at;
        let sent = Stats::requests(self.writer.stats());
        assert!(sent >= self.sent, "counts never shrink");
        self.sent = sent;
    }

    /// Without lies and with every answer in time, what was taken is committed before long.
    fn settle(&mut self) {
        if self.lies.is_some() || self.writer.flush(self.now).is_err() {
            return;
        }
        for _ in 0..STEPS_TO_SETTLE {
            self.drain();
            let settled = self.position.committed == self.position.accepted;
            if self.is_over() || self.writer.opened().is_some() && settled {
                return;
            }
            if let Some((op, call)) = self.under_way.pop() {
                let outcome = self.service.apply(&call);
                self.writer.handle_reply(self.now, op, Reply { outcome, date: None });
            } else {
                self.now = self.wake.expect("who is not done waits for something");
                self.writer.handle_timeout(self.now);
            }
        }
        panic!("{:?} after {STEPS_TO_SETTLE} steps", self.position);
    }

    /// What is stored behind where the writer began is what was taken, as far as it says and no
    /// byte of it twice.
    fn check_content(&self) {
        let Some(opened) = self.writer.opened().filter(|_| self.lies.is_none()) else { return };
        let content: Vec<u8> = match opened.layout {
            Layout::Block => self.service.blobs[&Target::Stream].content(),
            Layout::Append => {
                let segments = self.service.blobs.iter();
                let segments = segments.filter(|(target, _)| **target != Target::Stream);
                segments.flat_map(|(_, blob)| blob.content()).collect()
            }
        };
        assert!(!self.is_over(), "{:?} without a reason", self.writer.stopped_by());
        let stored = &content[opened.start as usize..];
        assert!(self.taken.starts_with(stored), "stored: {stored:?}, taken: {:?}", self.taken);
        let committed = self.position.committed - opened.start;
        assert!(committed <= stored.len() as u64, "committed and not stored");
    }
}

fn some_bytes(input: &mut Input<'_>) -> Body {
    Body(input.bytes(8).into())
}

/// What goes onto the wire for a call is a request that HTTP can carry.
fn check_request(call: &Call, lease: Option<LeaseId>) {
    let location = Location::new("http://127.0.0.1:1/account", "logs", "app").expect("it is valid");
    let key = Credential::shared_key("account", "c2VjcmV0").expect("it is valid");
    let mut request = Request::new(call, &location, true);
    if let Some(id) = lease {
        request.name_lease(id);
    }
    request.authorize(&key, UnixTime(0));
    let plain = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    assert!(plain(&request.path_and_query()), "{}", request.path_and_query());
    for (name, value) in &request.headers {
        assert!(plain(name) && plain(value), "{name}: {value:?}");
    }
}

fn config(input: &mut Input<'_>) -> Config {
    let block_bytes = 1 + input.below(8) as u64;
    let above = input.pick(&[1, 2, 3, 32_000]);
    let patience = input.pick(&[limits::PATIENCE_DEFAULT, Span::ZERO, Span(u64::MAX)]);
    let config = Config {
        layout: input.pick(&[None, Some(Layout::Append), Some(Layout::Block)]),
        block_bytes,
        buffer_bytes: block_bytes * (1 + input.below(6) as u64),
        in_flight: input.pick(&[1, 2, 4, limits::IN_FLIGHT_MAX]),
        patience,
        compaction: input.pick(&[Compaction::Hadoop14520 { above }, Compaction::None]),
        discard_staged: input.once_in(2),
        ..Config::default()
    };
    if input.once_in(2) { limited(input, config) } else { config }
}

/// With what is less often set.
fn limited(input: &mut Input<'_>, config: Config) -> Config {
    Config {
        create_container: input.once_in(2),
        expected_end: input.once_in(8).then(|| input.number()),
        segment_blocks: input.pick(&[limits::SEGMENT_BLOCKS_MAX, 1, 2, 3]),
        segment_bytes: input.once_in(2).then(|| input.number()),
        segment_age: input.once_in(2).then(|| Span(input.number())),
        lease: input.once_in(2).then_some(limits::LEASE_LEAST),
        buffer_bytes: config.buffer_bytes + input.below(3) as u64,
        ..config
    }
}

/// What is there before the writer comes.
fn found(input: &mut Input<'_>, honest: bool) -> Service {
    let mut service = Service::default();
    if input.once_in(2) {
        add(&mut service, input, honest);
    }
    service
}

/// A blob that somebody else made; an honest one says nothing about streams.
fn add(service: &mut Service, input: &mut Input<'_>, honest: bool) {
    let target = input.pick(&[Target::Segment(1), Target::Stream, Target::Segment(2)]);
    let target = if honest && target == Target::Segment(2) { Target::Stream } else { target };
    let kind = match target {
        Target::Segment(_) => BlobKind::Append,
        Target::Stream => BlobKind::Block,
    };
    let mut metadata = Vec::from([("owner".to_string(), "ops".to_string())]);
    if !honest && input.once_in(2) {
        metadata = outcome::metadata(input, metadata);
    }
    if service.create(target, kind, &metadata).is_ok() {
        let blob = service.blobs.get_mut(&target).expect("it was just made");
        let width = 1 + input.below(64);
        for number in 0..input.below(5) as u8 {
            // An ID stands for one content.
            let id = BlockId(alloc::vec![number; width].into());
            blob.blocks.push((id, some_bytes(input)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn the_writer_keeps_its_contract_whatever_happens(
            bytes in prop::collection::vec(any::<u8>(), 0..2000),
        ) {
            super::writer(&bytes);
        }
    }
}
