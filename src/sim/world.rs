//! One run: writers, the weather between them and the service, and time, all from one seed.
//!
//! Invariant: equal seeds give equal runs. Nothing here reads a clock or iterates over anything
//! without an order.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::call::{Call, CallKind, LeaseId, Reply, Target};
use crate::error::Error;
use crate::rng::Rng;
use crate::sim::oracle::{Oracle, Stored};
use crate::sim::service::{
    self, Answer, BlobOperation, BlobRequest, Conditions, Request, Service, Settings, Slice,
};
use crate::sim::weather::{Fate, Weather};
use crate::sim::wire::{CONTAINER, blob_name};
use crate::stream::Identity;
use crate::time::{Span, Time, UnixTime};
use crate::writer::{Compaction, Config, Layout, OpId, Ticket, Writer};

/// What a run came to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// How often each fate met a request.
    pub fates: BTreeMap<Fate, u64>,
    /// Events handled.
    pub events: u64,
    /// Appends taken.
    pub appends: u64,
    /// Segments in the end.
    pub segments: u64,
    /// Ranges read, to compare or to merge.
    pub reads: u64,
    /// Blocks that were merged.
    pub merges: u64,
    /// Requests about leases.
    pub leases: u64,
    /// Writers that opened the stream.
    pub opened: u64,
    /// Writers that learned that they were superseded.
    pub superseded: u64,
    /// Writers that could not know what became of their last bytes.
    pub unknown: u64,
    /// Writers that found the stream ended.
    pub refused: u64,
    /// What happened, if it was asked for.
    pub trace: Vec<String>,
}

impl Report {
    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        for (fate, count) in &other.fates {
            *self.fates.entry(*fate).or_default() += count;
        }
        self.events += other.events;
        self.appends += other.appends;
        self.segments += other.segments;
        self.reads += other.reads;
        self.merges += other.merges;
        self.leases += other.leases;
        self.opened += other.opened;
        self.superseded += other.superseded;
        self.unknown += other.unknown;
        self.refused += other.refused;
    }
}

/// A promise that was broken.
#[derive(Debug)]
pub struct Broken {
    /// Which, and when.
    pub promise: String,
    /// The run until then.
    pub report: Report,
}

/// A writer and who uses it.
pub(super) struct Actor {
    pub(super) writer: Writer,
    pub(super) epoch: Option<u64>,
    pub(super) order: Option<Order>,
    pub(super) alive: bool,
    pub(super) over: bool,
    /// Until when its user gives it time though there is nothing to commit.
    pub(super) driven_until: Time,
    /// When it is woken next.
    pub(super) wakes_at: Option<Time>,
    /// What it has under way, as far as it still cares.
    pub(super) under_way: Vec<(OpId, CallKind)>,
}

impl Actor {
    /// Whether nobody drives it any more at that time: it has nothing to do but to renew a lease,
    /// which runs out.
    pub(super) fn is_left_alone(&self, at: Time) -> bool {
        self.writer.is_idle() && at > self.driven_until
    }
}

/// What a user asks of a writer.
pub(super) type Command = fn(&mut Writer, Time) -> Result<Ticket, Error>;

/// What a user waits for: the ticket, and what must be true once it is done.
#[derive(Clone, Copy)]
pub(super) struct Order {
    pub(super) ticket: Ticket,
    pub(super) upto: u64,
    pub(super) closes: bool,
    pub(super) ends: bool,
    /// It is given again and again, as by a caller that cannot wait.
    pub(super) repeated: Option<Command>,
}

/// A request, and the lease that it names.
pub(super) type Leased = (Call, Option<LeaseId>);

pub(super) enum Event {
    /// The users do something.
    Act,
    /// A request reaches the service.
    Arrive { actor: usize, op: OpId, call: Leased, fate: Fate },
    /// An answer reaches a writer.
    Deliver { actor: usize, op: OpId, reply: Reply },
    /// A writer wanted to be woken.
    Wake { actor: usize },
}

/// How many actions the users take.
const ACTIONS: u64 = 40;

/// The room of a writer, in bytes.
const BUFFER: u64 = 24;

/// When everything must have converged after the weather has healed.
const CONVERGED: Span = Span::secs(3600);

/// The calendar when a run begins.
const EPOCH: u64 = 1_780_000_000;

pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) weather: Weather,
    pub(super) service: Service<Slice>,
    pub(super) oracle: Oracle,
    pub(super) config: Config,
    /// How long the users wait between two actions on the average.
    pace: Span,
    /// The blobs that somebody's tool has set metadata on.
    pub(super) touched: BTreeSet<Target>,
    pub(super) actors: Vec<Actor>,
    queue: BTreeMap<(Time, u64), Event>,
    sequence: u64,
    pub(super) now: Time,
    tracing: bool,
    pub(super) report: Report,
}

/// Plays the run of a seed.
///
/// # Errors
/// What promise was broken, and when.
pub fn play(seed: u64, tracing: bool) -> Result<Report, Box<Broken>> {
    let mut world = World::new(seed, tracing);
    match world.run() {
        Ok(()) => Ok(world.report),
        Err(broken) => {
            let promise = format!("at {} ms: {broken}", world.now.0 / 1_000_000);
            Err(Box::new(Broken { promise, report: world.report }))
        }
    }
}

impl World {
    fn new(seed: u64, tracing: bool) -> Self {
        let mut rng = Rng::new(seed);
        let weather = if seed.is_multiple_of(10) { Weather::fair() } else { Weather::of(&mut rng) };
        let settings = Settings {
            max_blocks: 2 + rng.below(6) as u32,
            seal_changes_etag: rng.below(2) == 0,
            page_limit: (rng.below(2) == 0).then_some(1 + rng.below(3) as u32),
            first_page_empty: rng.below(4) == 0,
            conditions_before_list: rng.below(2) == 0,
            staged_life: Span::secs(if rng.below(4) == 0 {
                300 + rng.below(1500)
            } else {
                604_800
            }),
            // As many as one writer may have, and few more.
            max_staged_blocks: BUFFER as u32 + 2 + rng.below(8) as u32,
            ..Settings::default()
        };
        let layout = if rng.below(2) == 0 { Layout::Append } else { Layout::Block };
        let above = 2 + rng.below(4) as u32;
        let hadoop = Compaction::Hadoop14520 { above };
        let config = Config {
            layout: Some(layout),
            in_flight: 1 + rng.below(4) as u32,
            compaction: if rng.below(4) == 0 { Compaction::None } else { hadoop },
            create_container: true,
            discard_staged: weather.stage > 0,
            block_bytes: 1 + rng.below(if layout == Layout::Block { 12 } else { 6 }),
            buffer_bytes: BUFFER,
            segment_blocks: 1 + rng.below(8) as u32,
            segment_bytes: (rng.below(3) == 0).then(|| 1 + rng.below(20)),
            segment_age: (rng.below(4) == 0).then(|| Span::secs(1 + rng.below(100))),
            patience: Span::secs(1 + rng.below(600)),
            lease: (rng.below(4) == 0).then(|| Span::secs(15 + rng.below(46))),
            ..Config::default()
        };
        let pace = Span::millis([20, 200, 2_000][rng.below(3) as usize]);
        Self {
            pace,
            touched: BTreeSet::new(),
            rng,
            weather,
            service: Service::new(settings),
            oracle: Oracle::default(),
            config,
            actors: Vec::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            now: Time(0),
            tracing,
            report: Report::default(),
        }
    }

    fn run(&mut self) -> Result<(), String> {
        self.spawn()?;
        for _ in 0..ACTIONS {
            let at = self.now + Span(self.rng.below(ACTIONS * self.pace.0));
            self.schedule(at, Event::Act);
        }
        while let Some(((at, _), event)) = self.queue.pop_first() {
            self.now = at;
            self.report.events += 1;
            self.handle(event)?;
            if self.report.events > 100_000 {
                return Err("the run does not end".to_string());
            }
        }
        self.converge()?;
        let stored = self.stored()?;
        self.report.segments = stored.len() as u64;
        let merged = self.actors.iter().map(|actor| actor.writer.stats().merged_blocks);
        self.report.merges = merged.sum();
        self.report.leases = self.actors.iter().map(|actor| actor.writer.stats().lease_blob).sum();
        self.check_kept()?;
        self.oracle.judge(&stored)
    }

    /// What is not Everblob's, and what a commit has to send again, is still there.
    fn check_kept(&self) -> Result<(), String> {
        for (target, seen) in self.segments() {
            let owned = seen.metadata.iter().any(|(name, _)| name == "owner");
            if self.touched.contains(&target) && !owned {
                return Err(format!("{target:?} has lost metadata that is not Everblob's"));
            }
            if target == Target::Stream && seen.headers.media_type.is_none() {
                return Err(format!("{target:?} has lost its content type"));
            }
        }
        Ok(())
    }

    /// The weather heals; a new appender opens the stream, and its bytes are committed in time.
    fn converge(&mut self) -> Result<(), String> {
        self.note(|| "the weather heals".to_string());
        self.weather.heal();
        let healed = self.now;
        self.spawn()?;
        let last = self.actors.len() - 1;
        let mut asked = false;
        while let Some(((at, _), event)) = self.queue.pop_first() {
            self.now = at;
            self.handle(event)?;
            if self.now - healed > CONVERGED {
                return Err("no convergence after the weather healed".to_string());
            }
            if self.actors[last].epoch.is_some() && !asked {
                asked = true;
                self.append(last, b"zz")?;
                self.flush(last)?;
            }
        }
        if self.actors[last].over && self.has_ended()? {
            return Ok(());
        }
        let actor = &self.actors[last];
        let position = actor.writer.position();
        if position.accepted == position.committed && asked {
            return Ok(());
        }
        Err(format!("idle at {position:?}, stopped by {:?}", actor.writer.stopped_by()))
    }

    pub(super) fn schedule(&mut self, at: Time, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }

    pub(super) fn note(&mut self, text: impl FnOnce() -> String) {
        if self.tracing {
            let line = format!("{:>9} ms  {}", self.now.0 / 1_000_000, text());
            self.report.trace.push(line);
        }
    }

    pub(super) fn today(&self) -> UnixTime {
        UnixTime(EPOCH) + Span(self.now.0)
    }

    fn handle(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Act => self.act(),
            Event::Arrive { actor, op, call, fate } => {
                self.arrive(actor, op, &call, fate);
                Ok(())
            }
            Event::Deliver { actor, op, reply } => {
                if !self.actors[actor].alive {
                    return Ok(());
                }
                self.note(|| format!("writer {actor} gets {reply:?}"));
                let now = self.now;
                self.actors[actor].writer.handle_reply(now, op, reply);
                self.turn(actor)
            }
            Event::Wake { actor } if self.actors[actor].alive => {
                let now = self.now;
                self.actors[actor].wakes_at.take_if(|at| *at <= now);
                self.actors[actor].writer.handle_timeout(now);
                self.turn(actor)
            }
            Event::Wake { .. } => Ok(()),
        }
    }
}

// What users see.
impl World {
    /// What the user of a writer sees of it goes into the books.
    pub(super) fn observe(&mut self, index: usize) -> Result<(), String> {
        let actor = &mut self.actors[index];
        if actor.epoch.is_none()
            && let Some(opened) = actor.writer.opened()
        {
            actor.epoch = Some(opened.epoch);
            self.report.opened += 1;
            self.oracle.opened(opened)?;
        }
        let actor = &mut self.actors[index];
        if let Some(epoch) = actor.epoch {
            self.oracle.reported(epoch, actor.writer.position())?;
        }
        if let Some(order) = actor.order
            && let Some(done) = actor.writer.progress(&order.ticket, self.now)
        {
            actor.order = None;
            if done.is_ok() {
                self.fulfilled(index, order)?;
            }
        }
        let actor = &mut self.actors[index];
        let error = actor.writer.stopped_by().filter(|error| error.is_final()).cloned();
        let Some(error) = error else { return Ok(()) };
        if core::mem::replace(&mut actor.over, true) {
            return Ok(());
        }
        self.note(|| format!("writer {index} ends: {error}"));
        let epoch = self.actors[index].epoch.unwrap_or_default();
        match error {
            Error::Superseded(_) if self.has_newer(epoch)? => self.report.superseded += 1,
            Error::UnknownOutcome(..) if self.has_newer(epoch)? => self.report.unknown += 1,
            Error::Sealed if self.has_ended()? => self.report.refused += 1,
            error => return Err(format!("writer {index} ended for no reason: {error:?}")),
        }
        Ok(())
    }
}

// The stored stream.
impl World {
    pub(super) fn segments(&self) -> Vec<(Target, service::Properties)> {
        let chain = (1..).map(Target::Segment);
        let targets: Vec<Target> = match self.config.layout {
            Some(Layout::Block) => [Target::Stream].to_vec(),
            _ => chain.take_while(|target| self.properties(*target).is_some()).collect(),
        };
        let known = targets.into_iter().filter_map(|it| Some((it, self.properties(it)?)));
        known.collect()
    }

    fn read(&self, target: Target, operation: BlobOperation<Slice>) -> Option<Answer<Slice>> {
        let request = Request::from(BlobRequest {
            container: CONTAINER.to_string(),
            name: blob_name(target),
            operation,
            conditions: Conditions::default(),
        });
        self.service.decide(&request, self.today()).ok().map(|accepted| accepted.answer)
    }

    fn properties(&self, target: Target) -> Option<service::Properties> {
        match self.read(target, BlobOperation::Properties)? {
            Answer::Properties(seen) => Some(seen),
            _ => None,
        }
    }

    fn has_ended(&self) -> Result<bool, String> {
        Ok(self.stored()?.iter().any(|it| it.identity.ended))
    }

    pub(super) fn stored(&self) -> Result<Vec<Stored>, String> {
        let mut stored = Vec::new();
        for (target, seen) in self.segments() {
            let identity = Identity::read(&seen.metadata).map_err(|error| error.to_string())?;
            let identity = identity.ok_or("a segment without identity")?;
            let content = self.read(target, BlobOperation::Get { range: None });
            let Some(Answer::Content { extents, .. }) = content else {
                return Err(format!("{target:?} cannot be read"));
            };
            let bytes = extents.iter().flat_map(Slice::bytes).copied().collect();
            stored.push(Stored { identity, bytes });
        }
        Ok(stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_traces() {
        for seed in 1..50 {
            let first = play(seed, true).unwrap();
            assert!(!first.trace.is_empty());
            assert_eq!(first, play(seed, true).unwrap());
        }
    }

    #[test]
    fn a_thousand_seeds_keep_every_promise() {
        let mut total = Report::default();
        for seed in 0..1000 {
            match play(seed, false) {
                Ok(report) => total.add(&report),
                Err(broken) => panic!("seed {seed} {}", broken.promise),
            }
        }
        assert!(total.superseded > 0 && total.segments > 2000, "{total:?}");
    }
}
