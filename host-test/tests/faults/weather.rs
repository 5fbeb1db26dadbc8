//! The weather of a run: each kind of fault is there in half of the runs, so that no kind hides
//! behind another.

use std::time::Duration;

use everblob::rng::Rng;
use everblob_host::faults::{Chance, Kind, Spec};

/// After this long no request is late any more.
pub(crate) const LATENESS: Duration = Duration::from_secs(220);
/// The most of a million requests that one kind happens to. With all 21 it is less than half.
const MILLIONTHS: u64 = 20_000;
const MILLIONTHS_FREQUENT: u64 = 80_000;

/// What happens in the run of a seed.
pub(crate) fn spec(seed: u64, rng: &mut Rng) -> Spec {
    let mut chances = Vec::new();
    for kind in Kind::all() {
        if rng.below(2) == 0 {
            continue;
        }
        let most = match kind {
            Kind::LoseReply | Kind::Late | Kind::Twice => MILLIONTHS_FREQUENT,
            _ => MILLIONTHS,
        };
        let millionths = u32::try_from(1 + rng.below(most)).unwrap();
        chances.push(Chance { kind, millionths, duration: duration(kind, rng) });
    }
    Spec { seed: Some(seed), chances }
}

fn duration(kind: Kind, rng: &mut Rng) -> Option<Duration> {
    let seconds = match kind {
        Kind::LoseRequest => 1 + rng.below(60),
        Kind::Late => 1 + rng.below(LATENESS.as_secs() - 20),
        Kind::Slow => 1 + rng.below(40),
        Kind::Refused { .. } if rng.below(2) == 0 => 1 + rng.below(30),
        _ => return None,
    };
    Some(Duration::from_secs(seconds))
}
