//! Plays seeds of the simulated world on all cores and says what they exercised.
//!
//! Invariant: a seed that fails is printed with the command that replays it, and the status is 1;
//! so it is if a kind of fault was met too seldom.

use std::env;
use std::num::NonZero;
use std::ops::Range;
use std::process::ExitCode;
use std::string::String;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use std::vec::Vec;
use std::{eprintln, format, println, thread};

use everblob::sim::{self, Fault, Report, play};

extern crate std;

const USAGE: &str = "\
Plays seeds of the simulated world against the writer.

Usage: sim FROM..TO          play these seeds on all cores
       sim --fresh COUNT     play so many seeds that follow from the clock
       sim --trace SEED      play one seed and print what happens

The first failing seed ends the run with status 1; so does a kind of fault that was met less than
once in a thousand seeds.";

/// For how many seeds each kind of fault must have been met once.
const SELDOM: u64 = 1000;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--trace", seed] => seed.parse().map_or_else(|_| usage(), trace),
        ["--fresh", count] => {
            count.parse().ok().and_then(fresh).map_or_else(usage, |seeds| play_all(&seeds))
        }
        [range] => parse_range(range).map_or_else(usage, |seeds| play_all(&seeds)),
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

fn parse_range(text: &str) -> Option<Range<u64>> {
    let (from, to) = text.split_once("..")?;
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from < to).then_some(from..to)
}

/// Seeds that nobody has played before.
fn fresh(count: u64) -> Option<Range<u64>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let from = u64::try_from(now.as_micros()).ok()?;
    let to = from.checked_add(count).filter(|to| *to > from)?;
    println!("playing the seeds {from}..{to}");
    Some(from..to)
}

fn trace(seed: u64) -> ExitCode {
    match sim::trace(seed, |line| println!("{line}")) {
        Ok(_) => ExitCode::SUCCESS,
        Err(broken) => {
            println!("seed {seed} fails {}", broken.promise);
            ExitCode::FAILURE
        }
    }
}

/// What many runs came to.
#[derive(Default)]
struct Tally {
    /// Of the append layout, and of the block layout.
    layouts: [Report; 2],
    /// How many appends each run took, and how many events it handled.
    appends: Vec<u64>,
    steps: Vec<u64>,
    faulty: u64,
}

impl Tally {
    fn count(&mut self, report: &Report) {
        self.layouts[usize::from(report.block > 0)].add(report);
        self.appends.push(report.appends);
        self.steps.push(report.events);
        self.faulty += u64::from(report.met.sum() > 0);
    }

    fn add(&mut self, other: &Self) {
        self.layouts.iter_mut().zip(&other.layouts).for_each(|(sum, report)| sum.add(report));
        self.appends.extend_from_slice(&other.appends);
        self.steps.extend_from_slice(&other.steps);
        self.faulty += other.faulty;
    }

    fn met(&self, fault: Fault) -> u64 {
        self.layouts.iter().map(|report| report.met.count(fault)).sum()
    }
}

fn median(numbers: &mut [u64]) -> u64 {
    let middle = numbers.len() / 2;
    *numbers.select_nth_unstable(middle).1
}

#[expect(clippy::disallowed_methods, reason = "it measures how fast this machine plays")]
fn play_all(seeds: &Range<u64>) -> ExitCode {
    let began = Instant::now();
    let next = AtomicU64::new(seeds.start);
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let tallies: Vec<Option<Tally>> = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..cores).map(|_| scope.spawn(|| play_some(&next, seeds.end))).collect();
        workers.into_iter().map(|worker| worker.join().ok().flatten()).collect()
    });
    let mut total = Tally::default();
    for tally in tallies {
        let Some(tally) = tally else { return ExitCode::FAILURE };
        total.add(&tally);
    }
    let seconds = began.elapsed().as_secs_f64();
    let count = (seeds.end - seeds.start) as f64;
    let speed = count / seconds / cores as f64;
    println!("{count} seeds in {seconds:.1} s on {cores} cores: {speed:.0} a second on each");
    summarize(&mut total)
}

/// Plays seeds until there are none left or one fails.
fn play_some(next: &AtomicU64, end: u64) -> Option<Tally> {
    let mut tally = Tally::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return Some(tally);
        }
        match std::panic::catch_unwind(|| play(seed, false)) {
            Ok(Ok(report)) => tally.count(&report),
            outcome => {
                let broken = match outcome {
                    Ok(Err(broken)) => broken.promise,
                    _ => "by a panic".into(),
                };
                next.store(end, Ordering::Relaxed);
                println!("seed {seed} fails {broken}");
                println!("replay it with: just sim-trace {seed}");
                return None;
            }
        }
    }
}

fn summarize(total: &mut Tally) -> ExitCode {
    let seeds = total.steps.len() as u64;
    let (appends, steps) = (median(&mut total.appends), median(&mut total.steps));
    let share = total.faulty as f64 * 100.0 / seeds as f64;
    println!(
        "every promise was kept; the median run has {appends} appends taken and {steps} steps;"
    );
    println!("{share:.1} % of the runs have a fault");
    println!("  {:<14} {:>12} {:>12}", "", "append", "block");
    for (name, count) in COUNTS {
        let [append, block] = total.layouts.each_ref().map(count);
        println!("  {name:<14} {append:>12} {block:>12}");
    }
    for fault in Fault::ALL {
        let [append, block] = total.layouts.each_ref().map(|report| report.met.count(fault));
        println!("  {:<14} {append:>12} {block:>12}", format!("{fault:?}"));
    }
    let least = seeds / SELDOM;
    let seldom = Fault::ALL.into_iter().filter(|fault| total.met(*fault) < least);
    let seldom: Vec<Fault> = seldom.collect();
    if seldom.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("met less than {least} times: {seldom:?}");
    ExitCode::FAILURE
}

/// What is told of each layout.
type Count = fn(&Report) -> u64;
const COUNTS: [(&str, Count); 13] = [
    ("events", |it| it.events),
    ("appends", |it| it.appends),
    ("segments", |it| it.segments),
    ("judged", |it| it.judged),
    ("ranges read", |it| it.reads),
    ("blocks merged", |it| it.merges),
    ("lease requests", |it| it.leases),
    ("opened", |it| it.opened),
    ("superseded", |it| it.superseded),
    ("unknown", |it| it.unknown),
    ("refused", |it| it.refused),
    ("disturbed runs", |it| it.disturbed),
    ("noticed", |it| it.noticed),
];
