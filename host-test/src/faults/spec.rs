//! How faults are asked for: `seed=7,lose-reply=1%,late=0.5%:30s,503=1%:2s`.
//!
//! Invariants: what is shown is read back as the same; the chances together are at most 100 %.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::kind::{KINDS, Kind, Length};
use crate::duration;

/// Chances are whole millionths, so that a spec means the same everywhere.
pub(super) const CERTAIN: u32 = 1_000_000;
const MILLIONTHS_PER_PERCENT: u32 = CERTAIN / 100;

/// How often each kind of fault happens, and the seed from which follows when.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Spec {
    /// The seed, if one was given.
    pub seed: Option<u64>,
    /// The chance of each kind that can happen.
    pub chances: Vec<Chance>,
}

/// How often a kind of fault happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Chance {
    /// The kind.
    pub kind: Kind,
    /// Of a million requests, how many it happens to.
    pub millionths: u32,
    /// How long it takes, or the `Retry-After` of the answer. `None` is the kind's own.
    pub duration: Option<Duration>,
}

impl FromStr for Spec {
    type Err = String;

    /// Reads `seed=N` and `KIND=PERCENT` or `KIND=PERCENT:DURATION`, with commas between.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut spec = Self::default();
        for part in text.split(',') {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` has no value: write it like late=0.5%:30s"))?;
            if name == "seed" {
                let seed = value.parse().map_err(|_| format!("`{value}` is not a seed"))?;
                once(spec.seed.replace(seed).is_none(), name)?;
            } else {
                let chance = chance(name, value)?;
                once(spec.chances.iter().all(|other| other.kind != chance.kind), name)?;
                spec.chances.push(chance);
            }
        }
        let sum: u64 = spec.chances.iter().map(|chance| u64::from(chance.millionths)).sum();
        if sum > u64::from(CERTAIN) {
            return Err("the chances together are more than 100%".into());
        }
        Ok(spec)
    }
}

fn once(is_first: bool, name: &str) -> Result<(), String> {
    if is_first { Ok(()) } else { Err(format!("`{name}` is there twice")) }
}

fn chance(name: &str, value: &str) -> Result<Chance, String> {
    let kind = KINDS.into_iter().find(|(other, ..)| *other == name);
    let (_, kind, length) = kind.ok_or_else(|| {
        let names = KINDS.map(|(name, ..)| name).join(", ");
        format!("`{name}` is no kind of fault: use seed, {names}")
    })?;
    let (chance, span) = match value.split_once(':') {
        Some((chance, span)) => (chance, Some(span)),
        None => (value, None),
    };
    let duration = span.map(duration::parse).transpose().map_err(|why| format!("{name}: {why}"))?;
    match (length, duration) {
        (Length::None, Some(_)) => return Err(format!("{name} takes no duration")),
        (Length::RetryAfter, Some(wait)) if wait.subsec_nanos() != 0 => {
            return Err(format!("{name}: Retry-After is in whole seconds"));
        }
        _ => {}
    }
    Ok(Chance { kind, millionths: millionths(name, chance)?, duration })
}

/// Reads a percentage of up to four decimals.
fn millionths(name: &str, text: &str) -> Result<u32, String> {
    let wrong = || format!("{name}: `{text}` is not a chance: write a percentage like 1% or 0.05%");
    let number = text.strip_suffix('%').ok_or_else(wrong)?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 4 {
        return Err(wrong());
    }
    let whole: u32 = whole.parse().map_err(|_| wrong())?;
    let decimals: u32 = format!("{decimals:0<4}").parse().map_err(|_| wrong())?;
    whole
        .checked_mul(MILLIONTHS_PER_PERCENT)
        .and_then(|whole| whole.checked_add(decimals))
        .filter(|chance| *chance <= CERTAIN)
        .ok_or_else(|| format!("{name}: {text} is more than 100%"))
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seed = self.seed.map(|seed| format!("seed={seed}"));
        let chances = self.chances.iter().map(ToString::to_string);
        f.write_str(&seed.into_iter().chain(chances).collect::<Vec<_>>().join(","))
    }
}

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.millionths / MILLIONTHS_PER_PERCENT;
        let decimals = format!("{:04}", self.millionths % MILLIONTHS_PER_PERCENT);
        write!(f, "{}={whole}", self.kind.name())?;
        match decimals.trim_end_matches('0') {
            "" => f.write_str("%")?,
            decimals => write!(f, ".{decimals}%")?,
        }
        match self.duration {
            Some(duration) => write!(f, ":{}ms", duration.as_millis()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_is_read_and_shown_as_the_same() {
        let text = "seed=7,lose-request=1%,late=0.5%:30s,503=1%:2s,500-applied=0.0625%,slow=5%";
        let spec: Spec = text.parse().unwrap();
        assert_eq!(spec.seed, Some(7));
        let chances: Vec<_> = spec.chances.iter().map(|chance| chance.millionths).collect();
        assert_eq!(chances, [10_000, 5_000, 10_000, 625, 50_000]);
        assert_eq!(spec.chances[1].duration, Some(Duration::from_secs(30)));
        let shown = spec.to_string();
        assert_eq!(shown.parse(), Ok(spec));
        assert_eq!(shown, text.replace("30s", "30000ms").replace("2s", "2000ms"));
    }

    #[test]
    fn every_kind_is_known_by_its_name() {
        for kind in Kind::all() {
            let spec: Spec = format!("{}=100%", kind.name()).parse().unwrap();
            assert_eq!(spec.chances[0].kind, kind);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, why) in [
            ("", "has no value"),
            ("late", "`late` has no value"),
            ("seed=x", "`x` is not a seed"),
            ("lost=1%", "`lost` is no kind of fault: use seed, lose-request"),
            ("late=1", "late: `1` is not a chance"),
            ("late=%", "is not a chance"),
            ("late=-1%", "is not a chance"),
            ("late=1.%", "is not a chance"),
            ("late=0.00001%", "is not a chance"),
            ("late=101%", "late: 101% is more than 100%"),
            ("late=99999999999%", "is not a chance"),
            ("late=60%,twice=41%", "together are more than 100%"),
            ("late=1%,late=1%", "`late` is there twice"),
            ("seed=1,seed=1", "`seed` is there twice"),
            ("late=1%:30", "late: 30 has no unit"),
            ("twice=1%:30s", "twice takes no duration"),
            ("503=1%:200ms", "503: Retry-After is in whole seconds"),
        ] {
            let told = text.parse::<Spec>().unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}
