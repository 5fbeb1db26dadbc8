//! Dates as the service writes them: RFC 1123 in headers, ISO 8601 in shared access signatures and
//! listings. Proleptic Gregorian calendar, UTC, whole seconds, years 1970 to 9999.
//!
//! Invariant: what a function here formats, its counterpart parses to the same [`UnixTime`].

use alloc::format;
use alloc::string::String;

use crate::time::UnixTime;

const DAY: u64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `Fri, 20 Nov 2026 12:00:00 GMT`
pub fn format_rfc1123(time: UnixTime) -> String {
    let Civil { year, month, day } = Civil::of(time.0 / DAY);
    let weekday = WEEKDAYS[((time.0 / DAY + 4) % 7) as usize];
    let (hour, minute, second) = clock(time);
    let month = MONTHS[month as usize - 1];
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Reads `Fri, 20 Nov 2026 12:00:00 GMT`, and nothing that is not written exactly so.
pub fn parse_rfc1123(text: &str) -> Option<UnixTime> {
    let bytes: &[u8; 29] = text.as_bytes().try_into().ok()?;
    let month = MONTHS.iter().position(|month| month.as_bytes() == &bytes[8..11])? as u64 + 1;
    let (day, year) = (digits(&bytes[5..7], 2)?, digits(&bytes[12..16], 4)?);
    let time = Civil { year, month, day }.at(parse_clock(&bytes[17..25])?)?;
    (format_rfc1123(time) == text).then_some(time)
}

/// `2026-11-20T12:00:00Z`
pub fn format_iso8601(time: UnixTime) -> String {
    let Civil { year, month, day } = Civil::of(time.0 / DAY);
    let (hour, minute, second) = clock(time);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads the forms that a shared access signature may hold: `2026-11-20` (midnight),
/// `2026-11-20T12:00Z`, `2026-11-20T12:00:00Z`, and the last with a fraction, which is dropped.
pub fn parse_iso8601(text: &str) -> Option<UnixTime> {
    let (date, clock) = match text.split_once('T') {
        Some((date, clock)) => (date, Some(clock.strip_suffix('Z')?)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = digits(parts.next()?.as_bytes(), 4)?;
    let month = digits(parts.next()?.as_bytes(), 2)?;
    let day = digits(parts.next()?.as_bytes(), 2)?;
    if parts.next().is_some() {
        return None;
    }
    let seconds = match clock {
        None => 0,
        Some(clock) => match clock.split_once('.') {
            Some((clock, fraction)) if is_fraction(fraction) => parse_clock(clock.as_bytes())?,
            Some(_) => return None,
            None if clock.len() == 5 => parse_clock(format!("{clock}:00").as_bytes())?,
            None => parse_clock(clock.as_bytes())?,
        },
    };
    Civil { year, month, day }.at(seconds)
}

fn is_fraction(text: &str) -> bool {
    (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn clock(time: UnixTime) -> (u64, u64, u64) {
    let second = time.0 % DAY;
    (second / 3600, second / 60 % 60, second % 60)
}

/// Seconds since midnight of `12:34:56`.
fn parse_clock(text: &[u8]) -> Option<u64> {
    let &[h1, h2, b':', m1, m2, b':', s1, s2] = text else { return None };
    let hour = digits(&[h1, h2], 2)?;
    let minute = digits(&[m1, m2], 2)?;
    let second = digits(&[s1, s2], 2)?;
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

fn digits(text: &[u8], width: usize) -> Option<u64> {
    let next = |number: u64, byte: &u8| {
        byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0'))
    };
    if text.len() == width { text.iter().try_fold(0, next) } else { None }
}

/// A day of the calendar; the month counts from 1.
struct Civil {
    year: u64,
    month: u64,
    day: u64,
}

impl Civil {
    /// The day that is `days` after 1970-01-01.
    ///
    /// Years are counted from March, so that the leap day is the last of its year, and in eras of
    /// 400 years, which all have the same number of days.
    fn of(days: u64) -> Self {
        let days = days + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self { year: era * 400 + year + u64::from(month <= 2), month, day }
    }

    /// Days since 1970-01-01 of a valid date that is not before it.
    fn days(&self) -> u64 {
        let year = self.year - u64::from(self.month <= 2);
        let (era, of_era) = (year / 400, year % 400);
        let from_march = (self.month + 9) % 12;
        let of_year = (153 * from_march + 2) / 5 + self.day - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// The date, `seconds` after midnight; nothing if there is no such date after 1970.
    fn at(&self, seconds: u64) -> Option<UnixTime> {
        if self.year < 1970 || !(1..=12).contains(&self.month) || !(1..=31).contains(&self.day) {
            return None;
        }
        let days = self.days();
        // A day past the end of its month comes back as another date.
        let back = Self::of(days);
        let exists = back.month == self.month && back.day == self.day;
        exists.then_some(UnixTime(days * DAY + seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixTime = UnixTime(1_795_176_000);

    #[test]
    fn formats_the_date_of_a_header() {
        assert_eq!(format_rfc1123(NOON), "Fri, 20 Nov 2026 12:00:00 GMT");
        assert_eq!(format_rfc1123(UnixTime(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(format_rfc1123(UnixTime(951_782_400)), "Tue, 29 Feb 2000 00:00:00 GMT");
    }

    #[test]
    fn reads_the_date_of_a_header() {
        assert_eq!(parse_rfc1123("Fri, 20 Nov 2026 12:00:00 GMT"), Some(NOON));
        for wrong in [
            "",
            "20 Nov 2026 12:00:00 GMT",
            "Fri, 20 Nov 2026 12:00:00",
            "Fri, 20 Nov 2026 12:00:00 UTC",
            "Fri, 20 Now 2026 12:00:00 GMT",
            "Fri, 31 Nov 2026 12:00:00 GMT",
            "Fri, 20 Nov 1969 12:00:00 GMT",
            "Fri, 20 Nov 2026 24:00:00 GMT",
            "Fri, 20 Nov 2026 12:00:00 GMT x",
            "Sat, 20 Nov 2026 12:00:00 GMT",
            "Fri  20 Nov 2026 12:00:00 GMT",
            "Fri, 20 Nov 2026 12 00:00 GMT",
        ] {
            assert_eq!(parse_rfc1123(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn reads_every_form_of_a_signature_time() {
        assert_eq!(parse_iso8601("2026-11-20T12:00:00Z"), Some(NOON));
        assert_eq!(parse_iso8601("2026-11-20T12:00Z"), Some(NOON));
        assert_eq!(parse_iso8601("2026-11-20T12:00:00.1234567Z"), Some(NOON));
        assert_eq!(parse_iso8601("2026-11-20"), Some(UnixTime(NOON.0 - 12 * 3600)));
        for wrong in [
            "",
            "2026-11",
            "2026-11-20T12:00:00",
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-11-20T24:00:00Z",
            "2026-11-20T12:60:00Z",
            "2026-11-20T12:00:60Z",
        ] {
            assert_eq!(parse_iso8601(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_formatted_reads_back() {
        // Every 1009th hour until the year 9999 meets all months, leap years and centuries.
        for hour in (0..8_029 * 8_766).step_by(1009) {
            let time = UnixTime(hour * 3600 + hour % 3600);
            assert_eq!(parse_rfc1123(&format_rfc1123(time)), Some(time));
            assert_eq!(parse_iso8601(&format_iso8601(time)), Some(time));
        }
    }
}
