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
use crate::sim::network::Sent;
use crate::sim::oracle::Oracle;
use crate::sim::plan::Plan;
use crate::sim::report::{Broken, Report};
use crate::sim::service::{Service, Slice};
use crate::sim::users::{Kept, PATH};
use crate::sim::weather::{Fault, Weather};
use crate::stream::Identity;
use crate::time::{Span, Time, UnixTime};
use crate::writer::{Config, Layout, OpId, Ticket, Writer};

/// A writer and who uses it.
pub(super) struct Actor {
    pub(super) writer: Writer,
    pub(super) epoch: Option<u64>,
    pub(super) order: Option<Order>,
    pub(super) alive: bool,
    pub(super) over: bool,
    /// What its caller still has of a writer that crashed.
    pub(super) kept: Option<Kept>,
    /// What its caller has not appended of it so far.
    pub(super) waiting: Vec<u8>,
    /// Where its caller expects the stream to end.
    pub(super) expected_end: Option<u64>,
    /// The longest that a request of it is under way when nothing is slow.
    pub(super) path: Span,
    /// When its credential expires.
    pub(super) expires: Time,
    /// Its user is about to replace the credential.
    pub(super) renewing: bool,
    /// How often its user has.
    pub(super) renewals: u32,
    /// After the weather had healed it was asked to take bytes.
    pub(super) asked: bool,
    /// And has.
    pub(super) probed: bool,
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

    /// Whether it is of no more use.
    pub(super) const fn is_gone(&self) -> bool {
        !self.alive || self.over
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
    Arrive(Box<Sent>),
    /// An answer reaches a writer.
    Deliver { actor: usize, op: OpId, reply: Box<Reply> },
    /// A writer wanted to be woken.
    Wake { actor: usize },
    /// The user of a writer has another credential.
    Renew { actor: usize },
}

/// When everything must have converged after the weather has healed.
const CONVERGED: Span = Span::secs(3600);

/// How often a user replaces a credential.
const RENEWALS: u32 = 60;

/// The calendar when a run begins.
const EPOCH: u64 = 1_780_000_000;

pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) weather: Weather,
    pub(super) service: Service<Slice>,
    /// The service as it was, to go back to.
    pub(super) earlier: Option<Service<Slice>>,
    pub(super) oracle: Oracle,
    pub(super) config: Config,
    /// How long the users wait between two actions at most.
    pub(super) pace: Span,
    /// How many appends are to be taken before the users rest.
    pub(super) appends_due: u64,
    pub(super) actions: u64,
    /// Whether a user may end the stream.
    pub(super) ends: bool,
    /// Whether one has.
    pub(super) ended: bool,
    /// The blobs that somebody's tool has set metadata on.
    pub(super) touched: BTreeSet<Target>,
    /// Until when the credentials do not allow reading.
    pub(super) unreadable_until: Time,
    /// How far the `Date` of answers is off, in seconds.
    pub(super) clock_off: i64,
    /// There is no weather at all so far.
    fair: bool,
    pub(super) actors: Vec<Actor>,
    queue: BTreeMap<(Time, u64), Event>,
    sequence: u64,
    pub(super) now: Time,
    tracing: bool,
    /// Tells what happens while it does: also of a run that panics.
    print: Option<fn(&str)>,
    pub(super) report: Report,
}

/// Plays the run of a seed.
///
/// # Errors
/// What promise was broken, and when.
pub fn play(seed: u64, tracing: bool) -> Result<Report, Box<Broken>> {
    World::new(seed, tracing).play()
}

/// Plays the run of a seed and tells what happens, line by line.
///
/// # Errors
/// What promise was broken, and when.
pub fn trace(seed: u64, print: fn(&str)) -> Result<Report, Box<Broken>> {
    World { print: Some(print), ..World::new(seed, true) }.play()
}

impl World {
    fn new(seed: u64, tracing: bool) -> Self {
        let mut rng = Rng::new(seed);
        let Plan { weather, settings, config, pace, appends } = Plan::new(seed, &mut rng);
        let ends = rng.below(8) == 0;
        Self {
            fair: weather == Weather::fair(),
            oracle: Oracle::new(config.buffer_bytes, weather.is_so(Fault::NoWrite)),
            appends_due: appends,
            actions: 0,
            pace,
            ends,
            ended: false,
            touched: BTreeSet::new(),
            unreadable_until: Time(0),
            clock_off: 0,
            rng,
            weather,
            service: Service::new(settings),
            earlier: None,
            report: Report {
                block: u64::from(config.layout == Some(Layout::Block)),
                ..Report::default()
            },
            config,
            actors: Vec::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            now: Time(0),
            tracing,
            print: None,
        }
    }

    fn play(mut self) -> Result<Report, Box<Broken>> {
        match self.run() {
            Ok(()) => Ok(self.report),
            Err(broken) => {
                let promise = format!("at {} ms: {broken}", self.now.0 / 1_000_000);
                Err(Box::new(Broken { promise, report: self.report }))
            }
        }
    }

    fn run(&mut self) -> Result<(), String> {
        self.prepare();
        self.spawn(None)?;
        self.schedule(self.now, Event::Act);
        while let Some(((at, _), event)) = self.queue.pop_first() {
            self.now = at;
            self.handle(event)?;
        }
        self.check_economy()?;
        self.converge()?;
        let stats = || self.actors.iter().map(|actor| actor.writer.stats());
        self.report.merges = stats().map(|stats| stats.merged_blocks).sum();
        self.report.leases = stats().map(|stats| stats.lease_blob).sum();
        self.report.disturbed = u64::from(self.is_disturbed());
        if !self.is_disturbed() {
            self.check_kept()?;
        }
        self.judge()
    }

    /// Where nothing is wrong each block takes one request, each flush of the block layout one more,
    /// and nothing is repeated.
    fn check_economy(&self) -> Result<(), String> {
        if !self.is_calm() {
            return Ok(());
        }
        let stats = self.actors[0].writer.stats();
        let fits = match self.config.layout {
            // Others are staged to merge what is there.
            Some(Layout::Block) => {
                stats.put_block >= stats.blocks && stats.put_block_list == stats.commits
            }
            _ => stats.append_block == stats.blocks,
        };
        if stats.retries + stats.doubts > 0 || !fits {
            return Err(format!("more requests than needed where nothing is wrong: {stats:?}"));
        }
        Ok(())
    }

    /// The weather heals; a new appender opens the stream, and all that is alive converges in time:
    /// it takes bytes and commits them, or ends with an error.
    fn converge(&mut self) -> Result<(), String> {
        self.note(|| "the weather heals".to_string());
        self.weather.heal();
        self.fair = false;
        self.unreadable_until = self.now;
        let healed = self.now;
        for index in 0..self.actors.len() {
            let actor = &mut self.actors[index];
            (actor.path, actor.expires) = (PATH, Time(u64::MAX));
            if actor.alive && !actor.over {
                self.renew(index)?;
            }
        }
        self.spawn(None)?;
        loop {
            self.probe()?;
            let Some(((at, _), event)) = self.queue.pop_first() else { break };
            self.now = at;
            self.handle(event)?;
            if self.now - healed > CONVERGED {
                return Err("no convergence after the weather healed".to_string());
            }
        }
        (0..self.actors.len()).try_for_each(|actor| self.has_converged(actor))
    }

    /// Everybody who can appends once more.
    fn probe(&mut self) -> Result<(), String> {
        for index in 0..self.actors.len() {
            let actor = &self.actors[index];
            if actor.is_gone() || actor.asked || actor.epoch.is_none() {
                continue;
            }
            let position = actor.writer.position();
            let room = self.config.buffer_bytes - (position.accepted - position.committed);
            // A writer whose buffer is full is asked again as soon as something has happened.
            if room >= 2 {
                self.actors[index].asked = true;
                let before = self.report.appends;
                self.append(index, b"zz")?;
                self.actors[index].probed = self.report.appends > before;
            }
            self.flush(index)?;
        }
        Ok(())
    }

    /// Whether a writer has nothing left to do, and its bytes are there; or a reason.
    fn has_converged(&mut self, index: usize) -> Result<(), String> {
        let actor = &self.actors[index];
        if actor.is_gone() {
            return Ok(());
        }
        let position = actor.writer.position();
        if actor.epoch.is_none() || position.accepted != position.committed {
            let stopped = actor.writer.stopped_by().cloned();
            return Err(format!("writer {index} is idle at {position:?}, stopped by {stopped:?}"));
        }
        if !self.is_disturbed() || !self.actors[index].probed {
            return Ok(());
        }
        let target = match self.config.layout {
            Some(Layout::Block) => Target::Stream,
            _ => Target::Segment(position.segment),
        };
        let Some((seen, bytes)) = self.content(target) else {
            return Err(format!("writer {index} goes on, and its segment is not there"));
        };
        let identity = Identity::read(&seen.metadata).map_err(|error| error.to_string())?;
        self.oracle.kept(index, identity.map_or(0, |it| it.start), &bytes)
    }

    pub(super) fn schedule(&mut self, at: Time, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }

    pub(super) fn note(&mut self, text: impl FnOnce() -> String) {
        if self.tracing {
            let line = format!("{:>9} ms  {}", self.now.0 / 1_000_000, text());
            if let Some(print) = self.print {
                print(&line);
            }
            self.report.trace.push(line);
        }
    }

    pub(super) fn today(&self) -> UnixTime {
        UnixTime(EPOCH) + Span(self.now.0)
    }

    /// Whether there is one writer, without a lease, and nothing at all is wrong.
    pub(super) const fn is_calm(&self) -> bool {
        self.fair && self.actors.len() == 1 && self.config.lease.is_none()
    }

    /// Something happens that the first promise excludes.
    pub(super) const fn disturb(&mut self) {
        self.oracle.disturb();
    }

    pub(super) const fn is_disturbed(&self) -> bool {
        self.oracle.is_disturbed()
    }

    fn handle(&mut self, event: Event) -> Result<(), String> {
        self.report.events += 1;
        if self.report.events > 100_000 {
            return Err("the run does not end".to_string());
        }
        match event {
            Event::Act => self.act(),
            Event::Arrive(sent) => {
                self.arrive(&sent);
                Ok(())
            }
            Event::Deliver { actor, op, reply } if self.actors[actor].alive => {
                self.note(|| format!("writer {actor} gets {reply:?}"));
                let now = self.now;
                let writer = &mut self.actors[actor].writer;
                let expected = writer.expects(op);
                writer.handle_reply(now, op, *reply);
                if expected { self.turn(actor) } else { Ok(()) }
            }
            Event::Wake { actor } if self.actors[actor].wakes_at == Some(self.now) => {
                let now = self.now;
                self.actors[actor].wakes_at = None;
                if !self.actors[actor].alive {
                    return Ok(());
                }
                self.actors[actor].writer.handle_timeout(now);
                self.turn(actor)
            }
            Event::Renew { actor } if self.actors[actor].alive => self.renew(actor),
            Event::Deliver { .. } | Event::Wake { .. } | Event::Renew { .. } => Ok(()),
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
            self.oracle.opened(index, opened)?;
            self.resume(index, opened.start);
        }
        let actor = &self.actors[index];
        if actor.epoch.is_some() {
            self.oracle.reported(index, actor.writer.position())?;
        }
        if let Some(order) = actor.order
            && let Some(done) = actor.writer.progress(&order.ticket, self.now)
        {
            self.actors[index].order = None;
            if done.is_ok() {
                self.fulfilled(index, order)?;
            }
        }
        match self.actors[index].writer.stopped_by() {
            Some(error) if error.is_final() => {
                let error = error.clone();
                self.ended_with(index, error)
            }
            Some(Error::Unauthenticated(_) | Error::AccessDenied(_) | Error::NotFound(_)) => {
                self.replace_credential(index)
            }
            _ => Ok(()),
        }
    }

    /// A caller that still has what a crash has left appends what is not stored of it.
    fn resume(&mut self, index: usize, end: u64) {
        let Some((start, bytes)) = self.actors[index].kept.take() else { return };
        let stored = end.checked_sub(start).map(|stored| stored as usize);
        if let Some(rest) = stored.and_then(|stored| bytes.get(stored..)) {
            self.report.met.meet(Fault::Resend);
            self.actors[index].waiting = rest.to_vec();
        }
    }

    /// The user acts on what the writer says is needed, sooner or later, by another credential; and
    /// gives up where that does not help.
    fn replace_credential(&mut self, index: usize) -> Result<(), String> {
        let actor = &mut self.actors[index];
        if core::mem::replace(&mut actor.renewing, true) {
            return Ok(());
        }
        actor.renewals += 1;
        if actor.renewals > RENEWALS {
            actor.alive = false;
            let stopped = actor.writer.stopped_by().cloned();
            let known = self.is_disturbed() || self.weather.is_so(Fault::NoWrite);
            return if known { Ok(()) } else { Err(format!("writer {index} ends by {stopped:?}")) };
        }
        let at = self.now + Span(self.rng.below(20 * self.pace.0));
        self.schedule(at, Event::Renew { actor: index });
        Ok(())
    }

    /// There is a reason for every final error.
    fn ended_with(&mut self, index: usize, error: Error) -> Result<(), String> {
        if core::mem::replace(&mut self.actors[index].over, true) {
            return Ok(());
        }
        self.note(|| format!("writer {index} ends: {error}"));
        let Actor { epoch, expected_end, .. } = self.actors[index];
        let epoch = epoch.unwrap_or_default();
        let anybody = self.weather.is_so(Fault::NoWrite);
        match error {
            _ if self.is_disturbed() => self.report.noticed += 1,
            Error::Superseded(_) if self.has_newer(epoch)? || anybody => {
                self.report.superseded += 1;
            }
            // Who may not claim leaves no name: nobody can tell it from somebody else's tool.
            Error::Diverged(_) if anybody => self.report.noticed += 1,
            Error::UnknownOutcome(..) if self.has_newer(epoch)? || anybody => {
                self.report.unknown += 1;
            }
            Error::Sealed if self.has_ended()? => {
                self.ended = true;
                self.report.refused += 1;
            }
            Error::EndsElsewhere(end) if expected_end.is_some_and(|it| it != end) => {
                self.report.met.meet(Fault::EndsElsewhere);
                self.report.refused += 1;
            }
            Error::Conflict(_) if self.weather.is_so(Fault::Refused) => self.report.refused += 1,
            error => return Err(format!("writer {index} ended for no reason: {error:?}")),
        }
        Ok(())
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
