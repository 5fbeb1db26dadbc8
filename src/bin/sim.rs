//! Plays seeds of the simulated world on all cores and says what they exercised.
//!
//! Invariant: a seed that fails is printed with the command that replays it, and the status is 1;
//! so is a kind of weather that no seed has met.

use std::env;
use std::num::NonZero;
use std::ops::Range;
use std::process::ExitCode;
use std::string::String;
use std::sync::atomic::{AtomicU64, Ordering};
use std::vec::Vec;
use std::{eprintln, println, thread};

use everblob::sim::{Report, play};

extern crate std;

const USAGE: &str = "\
Plays seeds of the simulated world against the writer.

Usage: sim FROM..TO          play these seeds on all cores
       sim --trace SEED      play one seed and print what happens

A failing seed ends the run with status 1.";

/// How many kinds of weather a run over many seeds has to meet.
const FATES: usize = 10;

/// From how many seeds on every kind of weather must have been met.
const MANY: u64 = 1000;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--trace", seed] => seed.parse().map_or_else(|_| usage(), trace),
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

fn trace(seed: u64) -> ExitCode {
    let (report, broken) = match play(seed, true) {
        Ok(report) => (report, None),
        Err(broken) => (broken.report, Some(broken.promise)),
    };
    for line in &report.trace {
        println!("{line}");
    }
    match broken {
        None => ExitCode::SUCCESS,
        Some(broken) => {
            println!("seed {seed} fails {broken}");
            ExitCode::FAILURE
        }
    }
}

fn play_all(seeds: &Range<u64>) -> ExitCode {
    let next = AtomicU64::new(seeds.start);
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let reports: Vec<Option<Report>> = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..cores).map(|_| scope.spawn(|| play_some(&next, seeds.end))).collect();
        workers.into_iter().map(|worker| worker.join().ok().flatten()).collect()
    });
    let mut total = Report::default();
    for report in reports {
        let Some(report) = report else { return ExitCode::FAILURE };
        total.add(&report);
    }
    summarize(&total, seeds.end - seeds.start)
}

/// Plays seeds until there are none left or one fails.
fn play_some(next: &AtomicU64, end: u64) -> Option<Report> {
    let mut total = Report::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return Some(total);
        }
        match std::panic::catch_unwind(|| play(seed, false)) {
            Ok(Ok(report)) => total.add(&report),
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

fn summarize(total: &Report, seeds: u64) -> ExitCode {
    println!("{seeds} seeds kept every promise: {} events", total.events);
    println!(
        "  appends    {:>10}   segments {:>10}   reads {:>10}   merged {:>8}",
        total.appends, total.segments, total.reads, total.merges
    );
    println!(
        "  opened     {:>10}   superseded {:>8}   unknown {:>8}   ended {:>8}   leases {:>8}",
        total.opened, total.superseded, total.unknown, total.refused, total.leases
    );
    for (fate, count) in &total.fates {
        println!("  {:<18} {count:>10}", std::format!("{fate:?}"));
    }
    if seeds >= MANY && total.fates.len() < FATES {
        println!("some kinds of weather were never met: {} of {FATES}", total.fates.len());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
