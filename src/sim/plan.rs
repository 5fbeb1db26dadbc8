//! What a run is about, all from its seed: the weather, the account, and how the stream is written.
//!
//! Invariant: limits are so small that a run of some dozens of appends meets all of them.

use crate::rng::Rng;
use crate::sim::service::Settings;
use crate::sim::weather::{Fault, Weather};
use crate::time::Span;
use crate::writer::{Compaction, Config, Layout};

/// See the module.
pub(super) struct Plan {
    pub(super) weather: Weather,
    pub(super) settings: Settings,
    pub(super) config: Config,
    /// How long the users wait between two actions at most.
    pub(super) pace: Span,
    /// How many appends are to be taken before the users rest.
    pub(super) appends: u64,
}

/// The room of a writer, in bytes.
const BUFFER: u64 = 24;

impl Plan {
    /// One run in 20 is fair; in one of six of the others anything may happen to the stream.
    pub(super) fn new(seed: u64, rng: &mut Rng) -> Self {
        let mut weather = match seed % 20 {
            0 => Weather::fair(),
            _ => {
                let disturbing = rng.below(6) == 0;
                Weather::of(rng, disturbing)
            }
        };
        let layout = if rng.below(2) == 0 { Layout::Append } else { Layout::Block };
        settle(&mut weather, layout, rng);
        let config = config(layout, &weather, rng);
        let mut settings = settings(rng);
        if layout == Layout::Append && weather.settle(Fault::TooLarge, rng) {
            settings.max_append = 1 + rng.below(config.block_bytes);
        }
        if seed.is_multiple_of(20) {
            // Nothing but the caller's own limits is met.
            settings.max_blocks = 50_000;
        }
        let pace = Span::millis([40, 400, 4_000][rng.below(3) as usize]);
        Self { weather, settings, config, pace, appends: 18 + rng.below(12) }
    }
}

/// What is so for the whole run, or not at all.
fn settle(weather: &mut Weather, layout: Layout, rng: &mut Rng) {
    if layout == Layout::Block {
        // Nothing at all can be done without it.
        weather.spare(Fault::NoWrite);
    }
    for fault in [Fault::NoSeal, Fault::NoList, Fault::NoWrite, Fault::Adopted, Fault::Refused] {
        weather.settle(fault, rng);
    }
    if weather.is_so(Fault::NoWrite) {
        // To adopt is to claim.
        weather.spare(Fault::Adopted);
    }
}

fn settings(rng: &mut Rng) -> Settings {
    let short_lived = rng.below(4) == 0;
    Settings {
        max_blocks: 2 + rng.below(6) as u32,
        seal_changes_etag: rng.below(2) == 0,
        page_limit: (rng.below(2) == 0).then_some(1 + rng.below(3) as u32),
        first_page_empty: rng.below(4) == 0,
        conditions_before_list: rng.below(2) == 0,
        staged_life: Span::secs(if short_lived { 300 + rng.below(1500) } else { 604_800 }),
        // As many as one writer may have, and few more.
        max_staged_blocks: BUFFER as u32 + 2 + rng.below(8) as u32,
        ..Settings::default()
    }
}

fn config(layout: Layout, weather: &Weather, rng: &mut Rng) -> Config {
    let above = 2 + rng.below(4) as u32;
    let hadoop = Compaction::Hadoop14520 { above };
    // A lease takes the permission to write.
    let leases = rng.below(4) == 0 && !weather.is_so(Fault::NoWrite);
    let stages = [Fault::Stage, Fault::ForeignCommit, Fault::Deleted];
    Config {
        layout: Some(layout),
        in_flight: 1 + rng.below(4) as u32,
        compaction: if rng.below(4) == 0 { Compaction::None } else { hadoop },
        create_container: true,
        discard_staged: stages.iter().any(|fault| weather.chance(*fault) > 0),
        block_bytes: 1 + rng.below(if layout == Layout::Block { 12 } else { 6 }),
        buffer_bytes: BUFFER,
        segment_blocks: 1 + rng.below(8) as u32,
        segment_bytes: (rng.below(3) == 0).then(|| 1 + rng.below(20)),
        segment_age: (rng.below(4) == 0).then(|| Span::secs(1 + rng.below(100))),
        patience: Span::secs(1 + rng.below(600)),
        lease: leases.then(|| Span::secs(15 + rng.below(46))),
        ..Config::default()
    }
}
