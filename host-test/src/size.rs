//! Sizes as people write them: `16`, `64KiB`, `4MiB`.
//!
//! Units are binary, because blocks and buffers are; `KB` and `MB`, which mean two things, are
//! refused rather than guessed.

/// Parses a size into bytes.
///
/// A number without a unit is in bytes. `B`, `KiB`, `MiB`, `GiB`, `TiB` and the single letters `K`,
/// `M`, `G`, `T` (binary as well) are known, in any case.
///
/// # Errors
/// What is wrong with `text`, for the person who wrote it.
pub fn parse(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err("a size begins with a number, for example 64KiB".into());
    }
    let shift = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        "t" | "tib" => 40,
        _ => return Err(format!("`{unit}` is not a unit of size: use KiB, MiB or GiB")),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(1 << shift))
        .ok_or_else(|| format!("{text} is larger than any size can be"))
}

/// Writes `bytes` with the largest unit that leaves at least one, to three digits: `4.00 MiB`.
pub fn format(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::{format, parse};

    #[test]
    fn units_are_binary_and_their_case_does_not_matter() {
        for (text, bytes) in [
            ("0", 0),
            ("16", 16),
            ("16B", 16),
            ("64KiB", 65_536),
            ("64kib", 65_536),
            ("64K", 65_536),
            ("4 MiB", 4 << 20),
            ("1GiB", 1 << 30),
            ("2T", 2 << 40),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused() {
        for text in ["", "KiB", "-1", "4MB", "4kb", "1.5MiB", "4 parsecs", "99999999999999999999"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("20000000T").is_err(), "too large for 64 bits");
    }

    #[test]
    fn three_digits_are_shown() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (10 << 10, "10.0 KiB"),
            (100 << 10, "100 KiB"),
            (1023 << 10, "1.00 MiB"),
            (4 << 20, "4.00 MiB"),
        ] {
            assert_eq!(format(bytes), text);
        }
    }
}
