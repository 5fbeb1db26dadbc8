//! The component as it ships, under wasmtime, against the local store behind faults, hundreds of
//! times: every connection, clock and random number is inside this process and follows from a seed,
//! so that each run can be played again, and half a minute of silence takes no time.
//!
//! `EVERBLOB_FAULT_SEEDS=7..8` plays other seeds.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod kinds;
mod run;
mod session;
mod weather;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use everblob_host::component::Component;
use everblob_host::faults::Kind;

use self::run::{Ended, run};

const SEEDS_VARIABLE: &str = "EVERBLOB_FAULT_SEEDS";
const SEEDS: Range<u64> = 0..500;

fn seeds() -> Range<u64> {
    let Ok(text) = std::env::var(SEEDS_VARIABLE) else { return SEEDS };
    let (from, to) = text.split_once("..").expect("FROM..TO");
    from.parse().unwrap()..to.parse().unwrap()
}

#[test]
fn no_byte_is_lost_or_doubled_whatever_happens_to_requests() {
    let (component, seeds) = (Component::load().unwrap(), seeds());
    let (began, next) = (SystemTime::now(), AtomicU64::new(seeds.start));
    let ended = Mutex::<Vec<Ended>>::default();
    println!("seeds {} to {}", seeds.start, seeds.end - 1);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let run = run(&component, seed);
                    ended.lock().unwrap_or_else(PoisonError::into_inner).push(run);
                }
            });
        }
    });
    let ended = ended.into_inner().unwrap();
    let sum = |count: &dyn Fn(&Ended) -> u64| ended.iter().map(count).sum::<u64>();
    println!(
        "{} runs in {:.1} s: {} requests, {} appends, {} flushes, {} reopenings, {:.1} hours",
        ended.len(),
        began.elapsed().unwrap_or_default().as_secs_f64(),
        sum(&|run| run.requests),
        sum(&|run| run.session.appends),
        sum(&|run| run.session.flushes),
        sum(&|run| run.session.openings - 1),
        sum(&|run| run.seconds) as f64 / 3600.0
    );
    for kind in Kind::all() {
        let count = sum(&|run| run.counts.of(kind));
        println!("{:12} {count}", kind.name());
        assert!(count > 0 || seeds != SEEDS, "{} never happened", kind.name());
    }
}

#[test]
fn a_run_is_played_again_as_it_was() {
    let component = Component::load().unwrap();
    for seed in [2, 3] {
        let [first, second] = [(); 2].map(|()| run(&component, seed));
        assert!(first.requests > 20);
        for (first, second) in first.log.lines().zip(second.log.lines()) {
            assert_eq!(first, second, "seed {seed}");
        }
        assert_eq!(first.log.len(), second.log.len(), "seed {seed}");
    }
}
