//! The clocks that the component goes by, and the local store.
//!
//! Invariant: what the component is told of passing time agrees with the timers that wake it, which
//! are Tokio's. A host that stops or advances Tokio's clock (`tokio::time::pause`) does so for the
//! component too.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// Tells the time of day. The default is the machine's; a host may have one of its own, to go
/// faster or to be wrong.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl WallClock {
    /// A clock that `now` reads: the time since 1970-01-01T00:00:00Z.
    pub fn new(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time since 1970-01-01T00:00:00Z.
    pub(crate) fn since_epoch(&self) -> Duration {
        (self.0)()
    }
}

impl Default for WallClock {
    fn default() -> Self {
        // A clock that was never set tells 1970; the service then says what is wrong.
        Self::new(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WallClock")
    }
}

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        self.since_epoch()
    }
}

/// Tokio's clock, since it was made.
pub(crate) struct Monotonic {
    start: Instant,
}

impl Default for Monotonic {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl HostMonotonicClock for Monotonic {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn passing_time_is_that_of_the_timers() {
        let clock = Monotonic::default();
        tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
        assert_eq!(Duration::from_nanos(clock.now()), Duration::from_secs(24 * 3600));
    }
}
