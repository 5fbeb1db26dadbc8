//! Small worlds, all of them: every way in which a few requests can be lost, answered, or arrive late
//! or in another order, around a crash in the block layout and a rollover in the append layout.
//!
//! Invariants: a world is nothing but its choices, so that the same choices give the same world; a
//! world's faults are counted, and none are left once its budget is spent, so that all worlds end.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use std::println;

use crate::error::Error;
use crate::sim::scenarios::{Author, Scene, Sent, lost};
use crate::sim::service::Settings;
use crate::writer::{Config, Layout};

/// Enumerates sequences of choices: plays the one at hand again and again, with its last choice
/// that has another value changed each time.
#[derive(Debug, Default)]
struct Choices {
    /// What was chosen, and among how many.
    made: Vec<(usize, usize)>,
    at: usize,
}

impl Choices {
    /// The next choice: a number below `count`.
    fn pick(&mut self, count: usize) -> usize {
        if self.at == self.made.len() {
            self.made.push((0, count));
        }
        let (choice, among) = self.made[self.at];
        assert_eq!(among, count, "the same choices give the same world");
        self.at += 1;
        choice
    }

    /// Goes on to the next sequence, if there is one.
    fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some((choice, count)) = self.made.pop() {
            if choice + 1 < count {
                self.made.push((choice + 1, count));
                return true;
            }
        }
        false
    }
}

/// What becomes of all worlds of a kind.
fn all_worlds(name: &str, mut play: impl FnMut(&mut Choices) -> Result<(), String>) {
    let (mut choices, mut worlds) = (Choices::default(), 0);
    loop {
        if let Err(broken) = play(&mut choices) {
            panic!("world {worlds} of {name}: {broken}, after {:?}", choices.made);
        }
        worlds += 1;
        if !choices.advance() {
            return println!("{name}: {worlds} worlds");
        }
    }
}

/// How a request may fare.
#[derive(Clone, Copy)]
enum Fate {
    Answered,
    AnswerLost,
    Lost,
    /// It arrives after so many others, and its answer is lost.
    Late(usize),
}

/// All of them; the first is no fault.
const FATES: [Fate; 5] =
    [Fate::Answered, Fate::AnswerLost, Fate::Lost, Fate::Late(1), Fate::Late(3)];

/// Those that are another order of arrival than that of the answers.
const ORDERS: [Fate; 3] = [Fate::Answered, Fate::AnswerLost, Fate::Late(2)];

/// A scene in which requests fare as was chosen.
struct World<'a> {
    scene: Scene,
    choices: &'a mut Choices,
    fates: &'static [Fate],
    /// How many more requests may fare ill.
    faults: usize,
    /// Requests that are late, and after how many others they arrive.
    late: Vec<(usize, Sent)>,
}

impl<'a> World<'a> {
    fn new(
        mut scene: Scene,
        choices: &'a mut Choices,
        fates: &'static [Fate],
        faults: usize,
    ) -> Self {
        // The same few requests are encoded a million times over.
        scene.encodes = false;
        Self { scene, choices, fates, faults, late: Vec::new() }
    }

    fn fate(&mut self) -> Fate {
        let count = if self.faults > 0 { self.fates.len() } else { 1 };
        let fate = self.fates[self.choices.pick(count)];
        self.faults -= usize::from(!matches!(fate, Fate::Answered));
        fate
    }

    /// Whether something happens that is no fault.
    fn happens(&mut self) -> bool {
        self.choices.pick(2) == 1
    }

    /// Whether somebody acts where nobody need, which counts as a fault.
    fn intrudes(&mut self) -> bool {
        let intrudes = self.faults > 0 && self.happens();
        self.faults -= usize::from(intrudes);
        intrudes
    }

    /// A request fares as chosen, and then what was late may arrive.
    fn send(&mut self, author: &mut Author, sent: &Sent) {
        match self.fate() {
            Fate::Answered => self.scene.serve(author, sent),
            Fate::AnswerLost => self.scene.lose_answer(author, sent),
            Fate::Lost => self.scene.answer(author, sent, lost()),
            Fate::Late(others) => {
                self.late.push((others + 1, sent.clone()));
                self.scene.answer(author, sent, lost());
            }
        }
        self.late.iter_mut().for_each(|late| late.0 -= 1);
        let due: Vec<(usize, Sent)> = self.late.extract_if(.., |late| late.0 == 0).collect();
        for (_, sent) in due {
            let _ = self.scene.arrive(&sent);
        }
    }

    /// One more request of a writer, if it has any.
    fn step(&mut self, author: &mut Author) -> bool {
        let sent = self.scene.next(author);
        if let Some(sent) = &sent {
            self.send(author, sent);
        }
        sent.is_some()
    }

    /// Everything that is late arrives, and both writers go on in good weather: exactly one still
    /// owns the stream, the newer one if it has opened, and the oracle has nothing to say.
    fn judge(mut self, authors: &mut [Author]) -> Result<(), String> {
        self.faults = 0;
        for (_, sent) in core::mem::take(&mut self.late) {
            let _ = self.scene.arrive(&sent);
        }
        let mut owners = 0;
        for author in authors.iter_mut().rev() {
            self.scene.settle(author);
            if author.end().is_none() && author.writer.opened().is_none() {
                self.scene.opening(author).map_err(|error| format!("{error:?}"))?;
            }
            match self.scene.commit(author, b"z") {
                Ok(()) => owners += 1,
                Err(Error::Superseded(_) | Error::UnknownOutcome(..)) => {}
                Err(error) => return Err(format!("{error:?}")),
            }
        }
        if owners != 1 {
            return Err(format!("{owners} writers own the stream"));
        }
        self.scene.judged().map(|_| ())
    }
}

/// A writer commits two batches; it crashes after any of its requests, or not; a second one opens
/// the blob and commits; the first, if it lives, goes on beside it. Rules: `protocol.md` B4, B5, O1,
/// V2, V4.
fn crash_in_a_commit(choices: &mut Choices, faults: usize) -> Result<(), String> {
    let mut scene = Scene::new(Layout::Block);
    let config = Config { block_bytes: 2, ..scene.config() };
    let mut older = scene.open_with(1, config.clone());
    let mut world = World::new(scene, choices, &FATES, faults);
    let mut crashed = false;
    for bytes in [b"aaa", b"aab"] {
        if crashed || older.end().is_some() {
            break;
        }
        world.scene.take(&mut older, bytes).map_err(|error| format!("{error:?}"))?;
        let _ = older.writer.flush(world.scene.now);
        loop {
            crashed = world.happens();
            if crashed || !world.step(&mut older) {
                break;
            }
        }
    }
    let mut newer = world.scene.author(2, config);
    let zombie = !crashed && older.end().is_none();
    if zombie {
        let taken = world.scene.take(&mut older, b"a");
        taken.map_err(|error| format!("{error:?}"))?;
        let _ = older.writer.flush(world.scene.now);
    }
    while newer.writer.opened().is_none() {
        if zombie && world.intrudes() {
            world.step(&mut older);
        }
        assert!(world.step(&mut newer), "it opens sooner or later");
    }
    world.scene.take(&mut newer, b"aa").map_err(|error| format!("{error:?}"))?;
    let _ = newer.writer.flush(world.scene.now);
    while world.step(&mut newer) {}
    world.judge(&mut [older, newer])
}

#[test]
fn every_crash_around_a_commit_of_the_block_layout_keeps_what_was_acknowledged() {
    all_worlds("commit and crash", |choices| crash_in_a_commit(choices, 2));
}

/// A writer leaves a full segment while a second one opens the stream: their requests arrive in every
/// order. Rules: `protocol.md` A1, C1, C3, O1, O2, V4, V5.
fn rollover_beside_an_opener(
    choices: &mut Choices,
    fates: &'static [Fate],
    seal_changes_etag: bool,
) -> Result<(), String> {
    let mut scene =
        Scene::with(Layout::Append, Settings { seal_changes_etag, ..Settings::default() });
    let config = Config { segment_blocks: 1, ..scene.config() };
    let mut older = scene.open_with(1, config.clone());
    scene.commit(&mut older, b"a").map_err(|error| format!("{error:?}"))?;
    scene.take(&mut older, b"a").map_err(|error| format!("{error:?}"))?;
    let _ = older.writer.flush(scene.now);
    let mut newer = scene.author(2, config);
    let mut world = World::new(scene, choices, fates, 1);
    let mut waiting = [None, None];
    let mut took = false;
    loop {
        for (author, waits) in [&mut older, &mut newer].into_iter().zip(&mut waiting) {
            if waits.is_none() {
                *waits = world.scene.next(author);
            }
        }
        let second = match &waiting {
            [None, None] if took => break,
            [None, None] | [None, Some(_)] => true,
            [Some(_), None] => false,
            [Some(_), Some(_)] => world.happens(),
        };
        if let Some(sent) = waiting[usize::from(second)].take() {
            let author = if second { &mut newer } else { &mut older };
            world.send(author, &sent);
        }
        if !took && newer.writer.opened().is_some() {
            took = true;
            world.scene.take(&mut newer, b"a").map_err(|error| format!("{error:?}"))?;
            let _ = newer.writer.flush(world.scene.now);
        }
    }
    world.judge(&mut [older, newer])
}

#[test]
fn every_order_of_a_rollover_and_an_opening_leaves_one_owner_and_every_byte_once() {
    all_worlds("rollover and second writer", |choices| {
        rollover_beside_an_opener(choices, &ORDERS, false)
    });
}

#[test]
fn so_does_every_order_where_a_seal_changes_the_etag() {
    all_worlds("rollover and second writer, ETag changed by the seal", |choices| {
        rollover_beside_an_opener(choices, &ORDERS[..2], true)
    });
}

#[test]
fn choices_are_enumerated_once_each() {
    let (mut choices, mut seen) = (Choices::default(), Vec::new());
    loop {
        let first = choices.pick(3);
        let second = if first == 1 { choices.pick(2) } else { 0 };
        seen.push((first, second));
        if !choices.advance() {
            break;
        }
    }
    assert_eq!(seen, [(0, 0), (1, 0), (1, 1), (2, 0)]);
}
