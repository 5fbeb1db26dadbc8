//! The clock of the day: Tokio's, stopped. It jumps from timer to timer, except while something is
//! under way between processes: then it runs like any other, so that nothing times out too early.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use everblob_host::clock::WallClock;
use tokio::sync::watch;
use tokio::time::{self, Instant};

pub(crate) const DAY: u64 = 24 * 3600;
/// When the day begins, by the calendar: in seconds since 1970.
const MORNING: u64 = 1_795_176_000;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// From when on the host's time of day is off by how many seconds. Up to a quarter of an hour is
/// put up with by the service.
const STEPS: [(u64, i64); 12] = [
    (2 * HOUR, 600),
    (3 * HOUR, -600),
    (4 * HOUR, 0),
    (7 * HOUR, 3600),
    (7 * HOUR + 10 * MINUTE, 0),
    (11 * HOUR, -3600),
    (11 * HOUR + 10 * MINUTE, 0),
    (15 * HOUR, 3600),
    (15 * HOUR + 20 * MINUTE, -3600),
    (15 * HOUR + 40 * MINUTE, 600),
    (20 * HOUR, -600),
    (22 * HOUR, 0),
];

/// The clock.
#[derive(Clone)]
pub(crate) struct Clock {
    morning: Instant,
    began: std::time::SystemTime,
    running: Rc<Cell<usize>>,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let began = std::time::SystemTime::now();
        Self { morning: Instant::now(), began, running: Rc::default() }
    }

    /// The seconds that have passed.
    pub(crate) fn second(&self) -> u64 {
        self.morning.elapsed().as_secs()
    }

    /// When so many seconds will have passed.
    pub(crate) fn at(&self, second: u64) -> Instant {
        self.morning + Duration::from_secs(second)
    }

    /// How long the day took, by the clock on the wall of whoever waits for this test.
    pub(crate) fn took(&self) -> Duration {
        self.began.elapsed().unwrap_or_default()
    }

    /// The time of day, as the host has it.
    pub(crate) fn wall_clock(&self) -> WallClock {
        wall_clock(self.morning, &STEPS)
    }

    /// Lets the clock run until the answer is dropped.
    pub(crate) fn run(&self) -> Running {
        if self.running.replace(self.running.get() + 1) == 0 {
            time::resume();
        }
        Running(Rc::clone(&self.running))
    }

    /// Lets the clock run while there are `requests` under way.
    pub(crate) async fn run_for(&self, mut requests: watch::Receiver<usize>) {
        while requests.wait_for(|requests| *requests > 0).await.is_ok() {
            let _running = self.run();
            if requests.wait_for(|requests| *requests == 0).await.is_err() {
                return;
            }
        }
    }
}

/// A time of day that is off by so many seconds from each of these seconds on.
pub(crate) fn wall_clock(morning: Instant, steps: &'static [(u64, i64)]) -> WallClock {
    WallClock::new(move || {
        let elapsed = morning.elapsed();
        let step = steps.iter().rev().find(|(at, _)| *at <= elapsed.as_secs());
        let begun = MORNING.checked_add_signed(step.map_or(0, |(_, off)| *off)).unwrap();
        Duration::from_secs(begun) + elapsed
    })
}

/// While this lives, the clock runs.
pub(crate) struct Running(Rc<Cell<usize>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
        if self.0.get() == 0 {
            time::pause();
        }
    }
}
