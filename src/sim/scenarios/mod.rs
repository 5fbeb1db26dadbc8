//! Directed scenarios against the model of the service, one behaviour each, for the ways in which
//! others have lost, doubled or blocked their users' data (`peers.md` sections B and C4). Each fails
//! on a writer that is broken in that way.
//!
//! Invariants of the harness: every request is held against the codec as it leaves, whatever becomes
//! of it then; every answer is followed by a look into the oracle's books; time passes only while
//! nothing is under way that the test still means to answer.

mod adoption;
mod compaction;
mod doubt;
mod durability;
mod ownership;
mod rollover;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::Cell;

use crate::azure::crc64::crc64_base64;
use crate::azure::location::Location;
use crate::azure::refusal::failure;
use crate::azure::request::Request as HttpRequest;
use crate::call::{Call, CallKind, Cause, Failure, LeaseId, Outcome, Refusal, Reply, Target};
use crate::compaction::Compaction;
use crate::error::Error;
use crate::sim::oracle::{Oracle, Stored};
use crate::sim::service::{
    Answer, BlobOperation, BlobRequest, BlockListType, Conditions, ListedBlock, Properties,
    Request, Service, Settings, Slice,
};
use crate::sim::wire::{CONTAINER, blob_name, perform};
use crate::stream::{Identity, Nonce, StreamId};
use crate::time::{Span, Time, UnixTime};
use crate::writer::{Config, Entropy, Layout, OpId, Output, Ticket, Writer};

/// The calendar when a scenario begins.
const TODAY: u64 = 1_795_176_000;

pub(super) const LAYOUTS: [Layout; 2] = [Layout::Append, Layout::Block];

/// Somebody who appends.
pub(super) struct Author {
    pub(super) writer: Writer,
    /// Its place among all that were made.
    number: usize,
    opened: bool,
    /// What it has under way, as far as the test has not answered it.
    under_way: Vec<OpId>,
}

/// A request that has left a writer.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    op: OpId,
    pub(super) call: Call,
    lease: Option<LeaseId>,
}

/// The service, at a moment of the scenario.
pub(super) struct Scene {
    pub(super) service: Service<Slice>,
    pub(super) layout: Layout,
    pub(super) now: Time,
    oracle: Oracle,
    authors: Cell<usize>,
    /// Whether anybody has opened the stream.
    begun: bool,
    /// Whether the codec encodes what leaves.
    pub(super) encodes: bool,
    /// What has left, in order, and when.
    pub(super) sent: Vec<(Time, Call)>,
    /// With which codes writes were refused, in order.
    pub(super) refused: Vec<String>,
}

impl Author {
    pub(super) fn committed(&self) -> u64 {
        self.writer.position().committed
    }

    /// What it ended with.
    pub(super) fn end(&self) -> Option<&Error> {
        self.writer.stopped_by()
    }
}

// Those who append.
impl Scene {
    pub(super) fn new(layout: Layout) -> Self {
        Self::with(layout, Settings::default())
    }

    pub(super) fn with(layout: Layout, settings: Settings) -> Self {
        Self {
            service: Service::new(settings),
            layout,
            now: Time(0),
            oracle: Oracle::new(u64::MAX, false),
            authors: Cell::new(0),
            begun: false,
            encodes: true,
            sent: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Small blocks and a small room, nothing merged.
    pub(super) fn config(&self) -> Config {
        Config {
            layout: Some(self.layout),
            create_container: true,
            block_bytes: 8,
            buffer_bytes: 64,
            compaction: Compaction::None,
            ..Config::default()
        }
    }

    pub(super) fn author(&self, nonce: u8, config: Config) -> Author {
        let (nonce, stream) = (Nonce([nonce; 16]), StreamId([nonce; 16]));
        let writer = Writer::new(config, Entropy { nonce, stream, seed: 3 }).unwrap();
        let number = self.authors.replace(self.authors.get() + 1);
        Author { writer, number, opened: false, under_way: Vec::new() }
    }

    /// Somebody whose stream is open.
    pub(super) fn open(&mut self, nonce: u8) -> Author {
        self.open_with(nonce, self.config())
    }

    pub(super) fn open_with(&mut self, nonce: u8, config: Config) -> Author {
        let mut author = self.author(nonce, config);
        assert_eq!(self.opening(&mut author), Ok(()));
        author
    }

    pub(super) fn opening(&mut self, author: &mut Author) -> Result<(), Error> {
        let ticket = author.writer.opening(self.now);
        self.finish(author, &ticket)
    }

    /// Bytes that are taken, and belong into the oracle's books.
    pub(super) fn take(&mut self, author: &mut Author, bytes: &[u8]) -> Result<(), Error> {
        author.writer.append(bytes)?;
        self.oracle.took(author.number, bytes);
        Ok(())
    }

    pub(super) fn flush(&mut self, author: &mut Author) -> Result<(), Error> {
        let ticket = author.writer.flush(self.now)?;
        self.finish(author, &ticket)
    }

    /// Takes bytes and commits them.
    pub(super) fn commit(&mut self, author: &mut Author, bytes: &[u8]) -> Result<(), Error> {
        self.take(author, bytes)?;
        self.flush(author)
    }

    /// Takes bytes, asks for the commit, and serves until the write is due that commits them.
    pub(super) fn committing(&mut self, author: &mut Author, bytes: &[u8]) -> (Ticket, Sent) {
        self.take(author, bytes).unwrap();
        let ticket = author.writer.flush(self.now).unwrap();
        (ticket, self.until(author, self.commits()))
    }

    /// The kind of the request that commits bytes.
    pub(super) const fn commits(&self) -> CallKind {
        match self.layout {
            Layout::Append => CallKind::AppendBlock,
            Layout::Block => CallKind::PutBlockList,
        }
    }
}

// Requests and their answers.
impl Scene {
    /// A request that is due now, if one is.
    pub(super) fn due(&mut self, author: &mut Author) -> Option<Sent> {
        author.writer.handle_timeout(self.now);
        let Output::Call { op, call, lease } = author.writer.poll(self.now) else { return None };
        if self.encodes {
            check_on_the_wire(&call);
        }
        self.sent.push((self.now, call.clone()));
        author.under_way.push(op);
        Some(Sent { op, call, lease })
    }

    /// The next request, after as long a pause as the writer wants if nothing is under way.
    pub(super) fn next(&mut self, author: &mut Author) -> Option<Sent> {
        loop {
            if let Some(sent) = self.due(author) {
                return Some(sent);
            }
            let Output::Wait(Some(at)) = author.writer.poll(self.now) else { return None };
            let waits = author.under_way.iter().any(|op| author.writer.expects(*op));
            if waits || author.writer.is_idle() {
                return None;
            }
            self.now = at;
        }
    }

    /// What the service does with a request.
    pub(super) fn arrive(&mut self, sent: &Sent) -> Outcome {
        let today = self.today();
        let outcome = perform(&mut self.service, (&sent.call, sent.lease), today);
        if let Err(Failure::Refused(Refusal { code, .. })) = &outcome
            && sent.call.is_write()
        {
            self.refused.push(code.clone());
        }
        outcome
    }

    pub(super) fn answer(&mut self, author: &mut Author, sent: &Sent, outcome: Outcome) {
        author.under_way.retain(|op| *op != sent.op);
        let reply = Reply { outcome, date: Some(self.today()) };
        author.writer.handle_reply(self.now, sent.op, reply);
        self.observe(author);
    }

    /// What the user sees goes into the books.
    fn observe(&mut self, author: &mut Author) {
        if !author.opened
            && let Some(opened) = author.writer.opened()
        {
            author.opened = true;
            if !core::mem::replace(&mut self.begun, true) {
                self.oracle.begins_with(self.whole()[..opened.start as usize].to_vec());
            }
            self.oracle.opened(author.number, opened).unwrap();
        }
        if author.opened {
            self.oracle.reported(author.number, author.writer.position()).unwrap();
        }
    }

    pub(super) fn serve(&mut self, author: &mut Author, sent: &Sent) {
        let outcome = self.arrive(sent);
        self.answer(author, sent, outcome);
    }

    /// It is applied, and the answer is lost.
    pub(super) fn lose_answer(&mut self, author: &mut Author, sent: &Sent) {
        let _ = self.arrive(sent);
        self.answer(author, sent, lost());
    }

    /// Serves until a request of this kind is due, which has left then and is not answered.
    pub(super) fn until(&mut self, author: &mut Author, kind: CallKind) -> Sent {
        loop {
            let sent = self.next(author).expect("such a request is due");
            if sent.call.kind() == kind {
                return sent;
            }
            self.serve(author, &sent);
        }
    }

    /// Serves until nothing is due.
    pub(super) fn settle(&mut self, author: &mut Author) {
        for _ in 0..ROUNDS {
            let Some(sent) = self.next(author) else { return };
            self.serve(author, &sent);
        }
        panic!("it does not end");
    }

    pub(super) fn finish(&mut self, author: &mut Author, ticket: &Ticket) -> Result<(), Error> {
        self.finish_with(author, ticket, |scene, sent| Some(scene.arrive(sent)))
    }

    /// Lets the test answer, or leave without an answer, what is sent until the ticket is done.
    pub(super) fn finish_with(
        &mut self,
        author: &mut Author,
        ticket: &Ticket,
        mut answer: impl FnMut(&mut Self, &Sent) -> Option<Outcome>,
    ) -> Result<(), Error> {
        for _ in 0..ROUNDS {
            if let Some(done) = author.writer.progress(ticket, self.now) {
                return done.map(|_| ());
            }
            if let Some(sent) = self.due(author) {
                if let Some(outcome) = answer(self, &sent) {
                    self.answer(author, &sent, outcome);
                }
                continue;
            }
            let Output::Wait(wakes) = author.writer.poll(self.now) else {
                unreachable!("nothing is due")
            };
            if author.writer.progress(ticket, self.now).is_some() {
                continue;
            }
            let wakes = [wakes, author.writer.deadline(ticket)].into_iter().flatten().min();
            self.now = wakes.expect("a ticket that is not done is worked on");
        }
        panic!("it does not end");
    }

    /// Somebody's tool does something.
    pub(super) fn tool(&mut self, call: &Call) -> Outcome {
        let today = self.today();
        perform(&mut self.service, (call, None), today)
    }

    pub(super) fn count(&self, kind: CallKind) -> usize {
        self.sent.iter().filter(|(_, call)| call.kind() == kind).count()
    }

    fn today(&self) -> UnixTime {
        UnixTime(TODAY) + Span(self.now.0)
    }
}

// What is stored.
impl Scene {
    /// The blob that takes the first bytes.
    pub(super) const fn first(&self) -> Target {
        match self.layout {
            Layout::Append => Target::Segment(1),
            Layout::Block => Target::Stream,
        }
    }

    fn read(&self, target: Target, operation: BlobOperation<Slice>) -> Option<Answer<Slice>> {
        let (container, name) = (CONTAINER.to_string(), blob_name(target));
        let conditions = Conditions::default();
        let request = Request::from(BlobRequest { container, name, operation, conditions });
        self.service.decide(&request, self.today()).ok().map(|accepted| accepted.answer)
    }

    pub(super) fn properties(&self, target: Target) -> Option<Properties> {
        match self.read(target, BlobOperation::Properties)? {
            Answer::Properties(seen) => Some(seen),
            _ => None,
        }
    }

    pub(super) fn identity(&self, target: Target) -> Option<Identity> {
        Identity::read(&self.properties(target)?.metadata).unwrap()
    }

    /// The committed blocks of the block layout.
    pub(super) fn blocks(&self) -> Vec<ListedBlock> {
        let which = BlockListType::Committed;
        match self.read(Target::Stream, BlobOperation::GetBlockList { which }) {
            Some(Answer::BlockList(list)) => list.committed.unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    pub(super) fn content(&self, target: Target) -> Vec<u8> {
        match self.read(target, BlobOperation::Get { range: None }) {
            Some(Answer::Content { extents, .. }) => {
                extents.iter().flat_map(Slice::bytes).copied().collect()
            }
            _ => Vec::new(),
        }
    }

    fn stored(&self) -> Vec<Stored> {
        let chain = (1..).map(Target::Segment).take_while(|it| self.properties(*it).is_some());
        let targets: Vec<Target> = match self.layout {
            Layout::Append => chain.collect(),
            Layout::Block => [Target::Stream].to_vec(),
        };
        let stored =
            |target| Stored { identity: self.identity(target), bytes: self.content(target) };
        targets.into_iter().map(stored).collect()
    }

    /// How many segments there are.
    pub(super) fn segments(&self) -> usize {
        self.stored().len()
    }

    /// The nonce of whoever owns the end of the stream.
    pub(super) fn owner(&self) -> Nonce {
        let last = self.stored().pop().expect("there is a stream");
        last.identity.expect("a segment has an identity").nonce
    }

    /// The whole stream, after the oracle's judgement.
    pub(super) fn judged(&self) -> Result<Vec<u8>, String> {
        let stored = self.stored();
        self.oracle.judge(&stored)?;
        Ok(self.whole())
    }

    fn whole(&self) -> Vec<u8> {
        self.stored().into_iter().flat_map(|segment| segment.bytes).collect()
    }

    /// The stream keeps every promise and has exactly these bytes.
    pub(super) fn holds(&self, bytes: &[u8]) {
        let stored = self.judged().unwrap();
        assert!(stored == bytes, "{:?}", String::from_utf8_lossy(&stored));
    }
}

/// How long a scenario may be, in requests and pauses.
const ROUNDS: usize = 2_000;

/// No answer at all.
pub(super) fn lost() -> Outcome {
    Err(Failure::InDoubt { reason: "lost".to_string(), status: None, retry_after: None })
}

/// An answer that the service, or something before it, may give in place of its own.
pub(super) fn answered(status: u16, code: &str) -> Outcome {
    Err(failure(status, code, None))
}

pub(super) fn refused(cause: Cause) -> Outcome {
    Err(Failure::Refused(Refusal { cause, status: 403, code: "Code".to_string() }))
}

/// What the model cannot see because it knows no headers: every body has its checksum (F15), and
/// what creates a blob never replaces one (F6).
fn check_on_the_wire(call: &Call) {
    let location = Location::new("http://127.0.0.1:10000/account", CONTAINER, "app").unwrap();
    let request = HttpRequest::new(call, &location, true);
    let header = |name: &str| request.headers.iter().find(|(known, _)| known == name);
    match call {
        Call::AppendBlock { body, .. } | Call::PutBlock { body, .. } => {
            let sum = header("x-ms-content-crc64").map(|(_, value)| value.clone());
            assert_eq!(sum, Some(crc64_base64(&body.0)), "{:?} has a checksum", call.kind());
        }
        Call::CreateAppendBlob { .. } | Call::PutBlockList { etag: None, .. } => {
            let condition = header("if-none-match").map(|(_, value)| value.as_str());
            assert_eq!(condition, Some("*"), "{:?} replaces nothing", call.kind());
        }
        _ => {}
    }
}
