//! Which request meets which fate.

use std::time::Duration;

use everblob::rng::Rng;

use super::kind::{Kind, Length};
use super::spec::{CERTAIN, Spec};

/// What happens to a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fate {
    /// Of which kind it is.
    pub kind: Kind,
    /// How long it takes, or the `Retry-After` of the answer.
    pub duration: Option<Duration>,
}

/// A plan that goes on for ever: the fate of each request, by its number.
#[derive(Clone, Debug)]
pub struct Weather {
    seed: u64,
    spec: Spec,
}

impl Weather {
    /// The weather that `spec` asks for. `seed` counts if it names none itself.
    pub fn new(spec: Spec, seed: u64) -> Self {
        let seed = spec.seed.unwrap_or(seed);
        Self { seed, spec: Spec { seed: Some(seed), ..spec } }
    }

    /// What was asked for, with the seed.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The fate of a request. It does not depend on what other requests there are.
    pub fn fate(&self, number: u64) -> Fate {
        let mut rng = Rng::new(Rng::new(self.seed).next() ^ Rng::new(number).next());
        let mut dice = rng.below(u64::from(CERTAIN));
        for chance in &self.spec.chances {
            let millionths = u64::from(chance.millionths);
            if dice < millionths {
                let own = match chance.kind.length() {
                    Length::Takes(duration) => Some(duration),
                    Length::None | Length::RetryAfter => None,
                };
                return Fate { kind: chance.kind, duration: chance.duration.or(own) };
            }
            dice -= millionths;
        }
        Fate { kind: Kind::Fair, duration: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(seed: u64, count: u64) -> Vec<Kind> {
        let spec = "lose-reply=10%,late=1%,503=25%".parse().unwrap();
        let weather = Weather::new(spec, seed);
        (1..=count).map(|number| weather.fate(number).kind).collect()
    }

    #[test]
    fn fates_follow_from_the_seed() {
        assert_eq!(kinds(7, 1000), kinds(7, 1000));
        assert_ne!(kinds(7, 1000), kinds(8, 1000));
    }

    #[test]
    fn each_kind_is_as_frequent_as_asked_for() {
        let kinds = kinds(7, 100_000);
        let share = |name| kinds.iter().filter(|kind| kind.name() == name).count();
        for (name, expected) in
            [("lose-reply", 10_000), ("late", 1_000), ("503", 25_000), ("fair", 64_000)]
        {
            let off = share(name).abs_diff(expected);
            assert!(off < expected / 10, "{name}: {} of {expected}", share(name));
        }
    }
}
