//! Random numbers that follow from a seed, so that a run can be played again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use everblob::rng::Rng;
use wasmtime_wasi::random::Deterministic;

/// After how many bytes the numbers of one instance begin again: it takes some dozens of them.
const CYCLE_BYTES: usize = 16 << 10;

/// Gives each instance numbers of its own.
#[derive(Clone, Debug)]
pub(super) struct Randomness {
    seed: u64,
    instances: Arc<AtomicU64>,
}

impl Randomness {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, instances: Arc::default() }
    }

    /// The numbers of the next instance.
    pub(super) fn next(&self) -> Deterministic {
        let instance = self.instances.fetch_add(1, Ordering::Relaxed);
        let mut rng = Rng::new(Rng::new(self.seed).next() ^ Rng::new(instance).next());
        let bytes = std::iter::repeat_with(|| rng.next().to_be_bytes());
        Deterministic::new(bytes.take(CYCLE_BYTES / 8).flatten().collect())
    }
}
