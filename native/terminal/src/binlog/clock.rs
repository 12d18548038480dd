//! Local time, as `mariadb-binlog` prints and reads it.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::digits::two;

/// The seconds for which an offset from UTC is kept: no zone changes its offset within a quarter of an hour.
const QUARTER: i64 = 900;

/// Converts seconds since 1970 to local time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LocalTime {
    /// The offset of the last quarter of an hour.
    last: Option<(i64, UtcOffset)>,
    /// The text of the last second, because events of one transaction have the same.
    text: Option<(u32, [u8; 15])>,
}

impl LocalTime {
    fn at(&mut self, seconds: i64) -> OffsetDateTime {
        let utc = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let quarter = seconds.div_euclid(QUARTER);
        let offset = match self.last {
            Some((known, offset)) if known == quarter => offset,
            _ => UtcOffset::local_offset_at(utc).unwrap_or(UtcOffset::UTC),
        };
        self.last = Some((quarter, offset));
        utc.to_offset(offset)
    }

    /// The time as `260222  9:05:07`.
    pub(super) fn text(&mut self, seconds: u32) -> [u8; 15] {
        if let Some((known, text)) = self.text
            && known == seconds
        {
            return text;
        }
        let time = self.at(i64::from(seconds));
        let [y1, y2] = two(time.year().rem_euclid(100) as u8);
        let ([m1, m2], [d1, d2]) = (two(u8::from(time.month())), two(time.day()));
        let ([h1, h2], [n1, n2], [s1, s2]) = (two(time.hour()), two(time.minute()), two(time.second()));
        let h1 = if h1 == b'0' { b' ' } else { h1 };
        let text = [y1, y2, m1, m2, d1, d2, b' ', h1, h2, b':', n1, n2, b':', s1, s2];
        self.text = Some((seconds, text));
        text
    }
}

/// Reads a local time as users write it: `2004-12-25 11:25:56`, also without the time, and with other separators. The result is in seconds
/// since 1970.
pub(super) fn parse(text: &str) -> Option<u32> {
    let digits = |c: char| c.is_ascii_digit();
    let parts: Vec<&str> = text.trim().split(|c| !digits(c)).filter(|part| !part.is_empty()).collect();
    // Without separators: 20041225112556.
    let packed = match *parts.as_slice() {
        [all] if matches!(all.len(), 8 | 14) => {
            let at = |from: usize, to: usize| all.get(from..to);
            vec![
                at(0, 4)?,
                at(4, 6)?,
                at(6, 8)?,
                at(8, 10).unwrap_or("0"),
                at(10, 12).unwrap_or("0"),
                at(12, 14).unwrap_or("0"),
            ]
        }
        _ => parts,
    };
    let mut numbers = packed.iter().map(|part| part.parse::<u16>());
    let mut next = |default: Option<u16>| match numbers.next() {
        Some(number) => number.ok(),
        None => default,
    };
    let (year, month, day) = (next(None)?, next(None)?, next(None)?);
    let (hour, minute, second) = (next(Some(0))?, next(Some(0))?, next(Some(0))?);
    if text.trim().chars().any(|c| c.is_alphabetic() && !matches!(c, 'T' | 't')) {
        return None;
    }
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()?;
    let small = |number: u16| u8::try_from(number).ok();
    let time = Time::from_hms(small(hour)?, small(minute)?, small(second)?).ok()?;
    let utc = PrimitiveDateTime::new(date, time).assume_utc();
    // The offset at that local time: first a guess, then the offset at the guessed time.
    let offset = |at| UtcOffset::local_offset_at(at).unwrap_or(UtcOffset::UTC);
    let guess = utc - time::Duration::seconds(i64::from(offset(utc).whole_seconds()));
    let seconds = utc.unix_timestamp() - i64::from(offset(guess).whole_seconds());
    u32::try_from(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_again() {
        let mut clock = LocalTime::default();
        for seconds in [0_u32, 1_700_000_000, 1_795_880_322, 1_780_000_000] {
            let time = clock.at(i64::from(seconds));
            let (date, clock) = (time.date(), time.time());
            assert_eq!(
                parse(&format!("{date} {:02}:{:02}:{:02}", clock.hour(), clock.minute(), clock.second())),
                Some(seconds)
            );
        }
    }

    #[test]
    fn a_time_is_read_in_several_forms() {
        let expected = parse("2004-12-25 11:25:56");
        assert!(expected.is_some());
        assert_eq!(parse("20041225112556"), expected);
        assert_eq!(parse("2004/12/25T11.25.56"), expected);
        assert_eq!(parse("2004-12-25"), parse("2004-12-25 00:00:00"));
        for wrong in ["", "yesterday", "2004-13-01", "2004-12-25 25:00:00", "2004", "2004-12-25 noon"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
