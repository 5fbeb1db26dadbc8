//! Spans of time as people write them: `500ms`, `5s`, `1h`.
//!
//! A unit is always asked for: a bare `5` that is taken for milliseconds by one person and for
//! seconds by another is refused.

use std::time::Duration;

/// Parses a span of time: a whole number and one of `ms`, `s`, `m`, `h`, `d`.
///
/// # Errors
/// What is wrong with `text`, for the person who wrote it.
pub fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err("a duration begins with a number, for example 500ms or 5s".into());
    }
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" => return Err(format!("{text} has no unit: use ms, s, m, h or d")),
        _ => return Err(format!("`{unit}` is not a unit of time: use ms, s, m, h or d")),
    };
    // Nanoseconds of 64 bits, about 584 years, are what the component is told.
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(millis))
        .filter(|millis| millis.checked_mul(1_000_000).is_some())
        .map(Duration::from_millis)
        .ok_or_else(|| format!("{text} is longer than any duration can be"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::parse;

    #[test]
    fn every_unit_is_known() {
        for (text, millis) in [
            ("0s", 0),
            ("500ms", 500),
            ("5s", 5_000),
            ("10m", 600_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in ["", "5", "s", "-1s", "1.5s", "5 s", "5sec", "1H", "99999999999d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
