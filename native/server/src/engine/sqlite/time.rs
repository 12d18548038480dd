//! Dates and times in MySQL's text form, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

/// A point in time, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Days since 1970-01-01.
    days: i64,
    /// Microseconds of the day.
    micros: i64,
}

const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;
/// The last second of TIMESTAMP for CONVERT_TZ, 3001-01-18 23:59:59 UTC, since MySQL 8.0.28.
const LAST_TIMESTAMP: i64 = 32_536_771_199;

/// A time zone's offset from UTC in seconds: `UTC`, `SYSTEM` (also UTC), or `-13:59` to `+14:00`. Other names are unknown, as in a MySQL
/// without time zone tables.
pub(crate) fn zone(name: &str) -> Option<i64> {
    if name.eq_ignore_ascii_case("UTC") || name.eq_ignore_ascii_case("SYSTEM") {
        return Some(0);
    }
    let (sign, rest) = match name.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |digits: &str, lengths: std::ops::RangeInclusive<usize>| {
        let is_number = lengths.contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
        if is_number { digits.parse::<i64>().ok() } else { None }
    };
    let (hours, minutes) = (number(hours, 1..=2)?, number(minutes, 2..=2)?);
    let seconds = sign * (hours * 60 + minutes) * 60;
    (minutes < 60 && (-(14 * 3600 - 60)..=14 * 3600).contains(&seconds)).then_some(seconds)
}

/// The seconds since 1970 of a date and time; `None` where it is none.
pub(crate) fn unix_seconds(moment: &str) -> Option<i64> {
    Moment::parse(moment).map(Moment::unix_seconds)
}

/// `YYYY-MM-DD HH:MM:SS` of so many seconds since 1970, in UTC.
pub(crate) fn date_time(seconds: i64) -> String {
    Moment::from_unix(seconds.saturating_mul(SECOND)).text_of_second()
}

impl Moment {
    pub(super) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::from_unix(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    /// From microseconds since 1970.
    pub(super) const fn from_unix(micros: i64) -> Self {
        Self { days: micros.div_euclid(DAY), micros: micros.rem_euclid(DAY) }
    }

    /// Whole seconds since 1970.
    pub(super) const fn unix_seconds(self) -> i64 {
        self.days * 86_400 + self.micros / SECOND
    }

    /// `YYYY-MM-DD`, optionally `HH:MM[:SS[.ffffff]]` after a space or `T`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (date, clock) = text.split_once([' ', 'T']).unwrap_or((text, "0:0"));
        let mut parts = date.split('-').map(str::parse::<i64>);
        let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
        if parts.next().is_some()
            || !(1..=12).contains(&month)
            || !(1..=31).contains(&day)
            || !(0..=9999).contains(&year)
        {
            return None;
        }
        let mut parts = clock.split(':');
        let (hour, minute): (i64, i64) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let (second, fraction) = parts
            .next()
            .unwrap_or("0")
            .split_once('.')
            .unwrap_or_else(|| (clock.rsplit(':').next().unwrap_or("0"), ""));
        let second: i64 = if clock.matches(':').count() < 2 { 0 } else { second.parse().ok()? };
        let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
        // TIME ends at 838 hours.
        if !(0..=838).contains(&hour) || !(0..60).contains(&minute) || !(0..60).contains(&second) {
            return None;
        }
        let micros = ((hour * 60 + minute) * 60 + second) * SECOND + digits.parse::<i64>().ok()?;
        Some(Self { days: days_from_civil(year, month, day), micros })
    }

    /// Converts from one offset to another, in seconds east of UTC. A moment outside of TIMESTAMP stays as it is.
    pub(super) fn converted(self, from: i64, to: i64) -> Option<Self> {
        let now = i128::from(self.days) * i128::from(DAY) + i128::from(self.micros);
        let utc = i64::try_from(now - i128::from(from * SECOND)).ok()?;
        if !(SECOND..(LAST_TIMESTAMP + 1) * SECOND).contains(&utc) {
            return Some(self);
        }
        Some(Self::from_unix(utc.saturating_add(to * SECOND)))
    }

    /// Year, month and day.
    pub(super) const fn date(self) -> (i64, i64, i64) {
        civil_from_days(self.days)
    }

    /// Hour, minute, second and microseconds.
    pub(super) const fn clock(self) -> (i64, i64, i64, i64) {
        let seconds = self.micros / SECOND;
        (seconds / 3600, seconds / 60 % 60, seconds % 60, self.micros % SECOND)
    }

    /// The day of the week; 0 is Sunday.
    pub(super) const fn weekday(self) -> i64 {
        (self.days + 4).rem_euclid(7)
    }

    /// The day of the year, from 1.
    pub(super) const fn day_of_year(self) -> i64 {
        self.days - days_from_civil(self.date().0, 1, 1) + 1
    }

    /// Adds an interval of MySQL; `None` where the unit is unknown or the year leaves 0 to 9999.
    pub(super) fn moved(self, amount: f64, unit: &str) -> Option<Self> {
        let unit = unit.trim_end_matches('S');
        let months = match unit {
            "MONTH" => 1.0,
            "QUARTER" => 3.0,
            "YEAR" => 12.0,
            _ => 0.0,
        };
        let moved = if months > 0.0 {
            let (year, month, day) = self.date();
            // The cast and the sum saturate.
            let total = (year * 12 + month - 1).saturating_add((amount * months) as i64);
            let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
            if !(0..=9999).contains(&year) {
                return None;
            }
            let day = day.min(days_in_month(year, month));
            Self { days: days_from_civil(year, month, day), micros: self.micros }
        } else {
            let micros = match unit {
                "MICROSECOND" => 1.0,
                "SECOND" => 1e6,
                "MINUTE" => 6e7,
                "HOUR" => 3.6e9,
                "DAY" => DAY as f64,
                "WEEK" => 7.0 * DAY as f64,
                _ => return None,
            };
            let by = amount * micros;
            let now = i128::from(self.days) * i128::from(DAY) + i128::from(self.micros);
            Self::from_unix(i64::try_from(now.saturating_add(by as i128)).ok()?)
        };
        (0..=9999).contains(&moved.date().0).then_some(moved)
    }

    /// `YYYY-MM-DD`.
    pub(super) fn date_text(self) -> String {
        let (year, month, day) = self.date();
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// `HH:MM:SS`.
    pub(super) fn clock_text(self) -> String {
        let (hour, minute, second, _) = self.clock();
        format!("{hour:02}:{minute:02}:{second:02}")
    }

    /// `YYYY-MM-DD HH:MM:SS`, with a fraction if it is not zero.
    pub(super) fn text(self) -> String {
        let micros = self.clock().3;
        let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
        format!("{} {}{fraction}", self.date_text(), self.clock_text())
    }

    /// `YYYY-MM-DD HH:MM:SS`, without a fraction.
    pub(super) fn text_of_second(self) -> String {
        format!("{} {}", self.date_text(), self.clock_text())
    }

    /// DATE_FORMAT's text.
    pub(super) fn format(self, pattern: &str) -> String {
        const MONTHS: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
        let (year, month, day) = self.date();
        let (hour, minute, second, micros) = self.clock();
        let month_name = usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or_default();
        let day_name = usize::try_from(self.weekday()).ok().and_then(|at| DAYS.get(at)).copied().unwrap_or_default();
        let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
        let mut out = String::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('Y') => out.push_str(&format!("{year:04}")),
                Some('y') => out.push_str(&format!("{:02}", year % 100)),
                Some('m') => out.push_str(&format!("{month:02}")),
                Some('c') => out.push_str(&month.to_string()),
                Some('d') => out.push_str(&format!("{day:02}")),
                Some('e') => out.push_str(&day.to_string()),
                Some('H') => out.push_str(&format!("{hour:02}")),
                Some('k') => out.push_str(&hour.to_string()),
                Some('h' | 'I') => out.push_str(&format!("{twelve:02}")),
                Some('i') => out.push_str(&format!("{minute:02}")),
                Some('s' | 'S') => out.push_str(&format!("{second:02}")),
                Some('f') => out.push_str(&format!("{micros:06}")),
                Some('p') => out.push_str(if hour < 12 { "AM" } else { "PM" }),
                Some('T') => out.push_str(&self.clock_text()),
                Some('j') => out.push_str(&format!("{:03}", self.day_of_year())),
                Some('w') => out.push_str(&self.weekday().to_string()),
                Some('M') => out.push_str(month_name),
                Some('b') => out.push_str(month_name.get(..3).unwrap_or_default()),
                Some('W') => out.push_str(day_name),
                Some('a') => out.push_str(day_name.get(..3).unwrap_or_default()),
                Some(other) => out.push(other),
                None => {}
            }
        }
        out
    }
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar, counted in eras of 400 years.
pub(super) const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The reverse of [`days_from_civil`].
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + (month <= 2) as i64;
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        Moment::parse(text).unwrap()
    }

    #[test]
    fn texts_are_read_and_written() {
        for text in [
            "2026-11-22 19:05:33",
            "1970-01-01 00:00:00",
            "2000-02-29 23:59:59.000123",
            "0000-03-01 00:00:01",
            "1899-12-31 00:00:00",
        ] {
            assert_eq!(at(text).text(), text);
        }
        assert_eq!(at("2026-11-22").text(), "2026-11-22 00:00:00");
        assert_eq!(at("2026-11-22T10:30").text(), "2026-11-22 10:30:00");
        assert_eq!(Moment::parse("22.11.2026"), None);
        assert_eq!(Moment::parse("2026-13-01"), None);
    }

    #[test]
    fn seconds_since_1970_are_known_answers() {
        assert_eq!(at("2001-09-09 01:46:40").unix_seconds(), 1_000_000_000);
        assert_eq!(at("1969-12-31 23:59:59").unix_seconds(), -1);
    }

    #[test]
    fn months_end_where_they_end() {
        assert_eq!(at("2024-01-31").moved(1.0, "MONTH").unwrap().date_text(), "2024-02-29");
        assert_eq!(at("2024-02-29").moved(-1.0, "YEAR").unwrap().date_text(), "2023-02-28");
        assert_eq!(at("2024-02-29 10:00:00").moved(1.5, "HOUR").unwrap().text(), "2024-02-29 11:30:00");
        assert_eq!(at("2024-02-29").moved(1.0, "FORTNIGHT"), None);
        assert_eq!(at("9999-12-31").moved(1.0, "DAY"), None);
    }

    #[test]
    fn no_input_is_too_large() {
        let most = i64::MAX;
        for clock in
            [format!("{most}:0:0"), format!("0:{most}:0"), format!("0:0:{most}"), "839:0".into(), "-1:0".into()]
        {
            assert_eq!(Moment::parse(&format!("2024-01-01 {clock}")), None, "{clock}");
        }
        assert_eq!(Moment::parse(&format!("{most}-01-01")), None);
        for amount in [f64::MAX, f64::MIN, f64::INFINITY, f64::NEG_INFINITY, 9.3e18, -9.3e18, 1e38] {
            for unit in ["MICROSECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"] {
                assert_eq!(at("9999-12-31 23:59:59").moved(amount, unit), None, "{amount} {unit}");
            }
        }
        assert_eq!(at("2024-01-01").moved(f64::NAN, "YEAR"), Some(at("2024-01-01")));
        for micros in [i64::MIN, i64::MAX] {
            let far = Moment::from_unix(micros);
            // Years beyond 9999 are written with more digits.
            assert!(!far.text().is_empty() && !far.format("%Y %j %w %W").is_empty());
            let _ = (far.unix_seconds(), far.moved(1.0, "DAY"), far.moved(-1.0, "YEAR"));
        }
    }

    #[test]
    fn formats_are_mysqls() {
        assert_eq!(
            at("2026-11-22 15:04:05").format("%W %M %e %Y %h:%i %p %j %%"),
            "Sunday November 22 2026 03:04 PM 326 %"
        );
    }
}
