//! Named time zones, as the system's zone files have them: RFC 9636, and POSIX's TZ for the times behind a file's last transition.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::time::{Moment, days_from_civil};

/// The folder of the zone files.
const FOLDER: &str = "/usr/share/zoneinfo";
/// The most bytes of a zone file; the longest one has 4 KiB.
const MOST: u64 = 64 * 1024;
/// The longest name.
const LONGEST_NAME: usize = 64;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// The offset of a named zone from UTC in seconds, at so many seconds since 1970; `None` for a zone without a file.
pub(crate) fn zone_offset(name: &str, at: i64) -> Option<i64> {
    // A source gives the name, which must stay within the folder. The files in `right` count leap seconds, as MySQL's times do not.
    let is_part = |part: &str| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte);
        !part.is_empty() && part.bytes().all(is_letter)
    };
    if name.len() > LONGEST_NAME || !name.split('/').all(is_part) || name.starts_with("right/") {
        return None;
    }
    let mut bytes = Vec::new();
    let path = Path::new(FOLDER).join(name);
    if !path.is_file() {
        return None;
    }
    File::open(path).ok()?.take(MOST).read_to_end(&mut bytes).ok()?;
    offset(&bytes, at)
}

/// The bytes of a file that are not read yet.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(self.take(4)?.try_into().ok()?)).ok()
    }
}

/// The counts in a header: leap seconds, transitions, types, bytes of names, and the two kinds of marks.
struct Counts {
    version: u8,
    leaps: usize,
    times: usize,
    types: usize,
    names: usize,
    marks: usize,
}

fn header(rest: &mut Rest<'_>) -> Option<Counts> {
    (rest.take(4)? == b"TZif").then_some(())?;
    let version = *rest.take(16)?.first()?;
    let marks = rest.number()?.checked_add(rest.number()?)?;
    let (leaps, times, types, names) = (rest.number()?, rest.number()?, rest.number()?, rest.number()?);
    Some(Counts { version, leaps, times, types, names, marks })
}

/// The offset in a file's zone.
fn offset(bytes: &[u8], at: i64) -> Option<i64> {
    let mut rest = Rest(bytes);
    let first = header(&mut rest)?;
    // The first part has 32 bits for a time, and is there for old programs.
    let length = [(first.times, 5), (first.types, 6), (first.names, 1), (first.leaps, 8), (first.marks, 1)];
    let length = length.iter().try_fold(0usize, |sum, (count, size)| sum.checked_add(count.checked_mul(*size)?))?;
    (first.version >= b'2').then_some(())?;
    rest.take(length)?;
    let counts = header(&mut rest)?;
    let times = rest.take(counts.times.checked_mul(8)?)?;
    let indexes = rest.take(counts.times)?;
    let types = rest.take(counts.types.checked_mul(6)?)?;
    rest.take(counts.names.checked_add(counts.leaps.checked_mul(12)?)?.checked_add(counts.marks)?)?;
    let time = |bytes: &[u8]| bytes.try_into().map_or(i64::MAX, i64::from_be_bytes);
    let passed = times.chunks_exact(8).take_while(|bytes| time(bytes) <= at).count();
    if passed == counts.times {
        let rule = std::str::from_utf8(rest.0.strip_prefix(b"\n")?.split(|byte| *byte == b'\n').next()?).ok()?;
        if !rule.is_empty() {
            return by_rule(rule, at);
        }
    }
    let index = passed.checked_sub(1).map_or(Some(0), |last| indexes.get(last).map(|index| usize::from(*index)))?;
    let kind = types.chunks_exact(6).nth(index)?;
    Some(i64::from(i32::from_be_bytes(*kind.first_chunk()?)))
}

/// The offset by a rule such as `CET-1CEST,M3.5.0,M10.5.0/3`.
fn by_rule(rule: &str, at: i64) -> Option<i64> {
    let (zone, days) = rule.split_once(',').unwrap_or((rule, ""));
    let (standard, rest) = offset_behind_name(zone)?;
    let standard = -standard?;
    if rest.is_empty() {
        return Some(standard);
    }
    let summer = offset_behind_name(rest)?.0.map_or(standard + HOUR, |summer| -summer);
    let (start, end) = days.split_once(',')?;
    let year = Moment::from_unix(at.checked_add(standard)?.checked_mul(1_000_000)?).date().0;
    let (start, end) = (moment_of(start, year)? - standard, moment_of(end, year)? - summer);
    let is_summer = if start < end { (start..end).contains(&at) } else { !(end..start).contains(&at) };
    Some(if is_summer { summer } else { standard })
}

/// Reads a zone's name and the offset behind it, and returns the rest.
fn offset_behind_name(text: &str) -> Option<(Option<i64>, &str)> {
    let behind = match text.strip_prefix('<') {
        Some(quoted) => quoted.split_once('>')?.1,
        None => text.trim_start_matches(|character: char| character.is_ascii_alphabetic()),
    };
    let end = behind.find(|character: char| !character.is_ascii_digit() && !"+-:".contains(character));
    let (offset, rest) = behind.split_at_checked(end.unwrap_or(behind.len()))?;
    if offset.is_empty() { Some((None, rest)) } else { Some((Some(seconds(offset)?), rest)) }
}

/// The seconds of `[+-]h[:m[:s]]`.
fn seconds(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or_else(|| (1, text.trim_start_matches('+')), |rest| (-1, rest));
    let mut parts = text.split(':');
    let mut part = || parts.next().map_or(Some(0), |part| part.parse::<i64>().ok().filter(|part| *part < 1000));
    Some(sign * (part()? * HOUR + part()? * 60 + part()?))
}

/// The seconds since 1970 of `M3.5.0/2`, `J60` or `59` in a year, as a clock shows them.
fn moment_of(text: &str, year: i64) -> Option<i64> {
    let (day, clock) = text.split_once('/').map_or((text, Some(2 * HOUR)), |(day, clock)| (day, seconds(clock)));
    let first = days_from_civil(year, 1, 1);
    let is_leap = days_from_civil(year, 3, 1) - days_from_civil(year, 2, 1) == 29;
    let day = if let Some(rule) = day.strip_prefix('M') {
        let numbers: Vec<i64> = rule.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let [month @ 1..=12, week @ 1..=5, weekday @ 0..=6] = numbers[..] else { return None };
        let first = days_from_civil(year, month, 1);
        let next = if month == 12 { days_from_civil(year + 1, 1, 1) } else { days_from_civil(year, month + 1, 1) };
        // 1970-01-01 was a Thursday.
        let earliest = first + (weekday - (first + 4)).rem_euclid(7);
        let latest = earliest + (week - 1) * 7;
        if latest < next { latest } else { latest - 7 }
    } else if let Some(number) = day.strip_prefix('J') {
        // This day's number is the same in every year.
        let number: i64 = number.parse().ok().filter(|number| (1..=365).contains(number))?;
        first + number - 1 + i64::from(is_leap && number >= 60)
    } else {
        first + day.parse::<i64>().ok().filter(|number| (0..=365).contains(number))?
    };
    Some(day * DAY + clock?)
}

#[cfg(test)]
mod tests {
    use super::super::time::unix_seconds;
    use super::*;

    fn at(moment: &str) -> i64 {
        unix_seconds(moment).unwrap()
    }

    #[test]
    fn rules_give_the_offset_of_each_time_of_the_year() {
        for (rule, moment, expected) in [
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2024-03-31 00:59:59", 3600),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2024-03-31 01:00:00", 7200),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2050-10-30 00:59:59", 7200),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2050-10-30 01:00:00", 3600),
            ("EST5EDT,M3.2.0,M11.1.0", "2030-07-04 12:00:00", -14_400),
            ("NZST-12NZDT,M9.5.0,M4.1.0/3", "2030-01-01 00:00:00", 46_800),
            ("NZST-12NZDT,M9.5.0,M4.1.0/3", "2030-06-01 00:00:00", 43_200),
            ("<+0530>-5:30", "2030-06-01 00:00:00", 19_800),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2030-07-01 00:00:00", -3600),
            ("A0B,J60/0,J61/0", "2024-03-01 12:00:00", 3600),
            ("A0B,59/0,60/0", "2024-02-29 12:00:00", 3600),
            ("A0B,59/0,60/0", "2023-03-01 12:00:00", 3600),
        ] {
            assert_eq!(by_rule(rule, at(moment)), Some(expected), "{rule} {moment}");
        }
        for rule in ["", "A", "A1B", "A1B,M3", "A1B,M13.1.0,M4.1.0", "A1B,M3.1.0", "A999999", "<A", "A1B,J0,J9"] {
            assert_eq!(by_rule(rule, 0), None, "{rule}");
        }
    }

    #[test]
    fn files_are_read_and_other_names_are_not() {
        // A file of one transition at second 1000, from +1 h to +2 h, with the rule of +3 h behind it.
        let head = |times: u8| {
            let counts = [0, 0, 0, times, if times == 0 { 1 } else { 2 }, 4].map(|count: u8| [0, 0, 0, count]);
            [b"TZif2".as_slice(), &[0; 15], &counts.concat()].concat()
        };
        let kind = |hours: i32| [(hours * 3600).to_be_bytes().as_slice(), &[0, 0]].concat();
        let file = |rule: &str| {
            let first = [head(0), kind(0), b"ABC\0".to_vec()].concat();
            let second =
                [head(1), 1000i64.to_be_bytes().to_vec(), vec![1], kind(1), kind(2), b"ABC\0".to_vec()].concat();
            [first, second, format!("\n{rule}\n").into_bytes()].concat()
        };
        assert_eq!(offset(&file("A-3"), 999), Some(3600));
        assert_eq!(offset(&file("A-3"), 1000), Some(10_800));
        assert_eq!(offset(&file(""), 1000), Some(7200));
        let whole = file("A-3");
        for length in 0..=whole.len() - "\nA-3\n".len() {
            let cut = whole.get(..length).unwrap();
            assert_eq!(offset(cut, 1000), None, "{length}");
        }
        for name in ["", "../etc/passwd", "/etc/passwd", "Europe/../UTC", ".", "right/UTC", "Europe", "No/Where", "a b"]
        {
            assert_eq!(zone_offset(name, 0), None, "{name}");
        }
    }

    #[test]
    fn the_systems_zones_are_there() {
        if !Path::new(FOLDER).join("Europe/Berlin").exists() {
            return;
        }
        assert_eq!(zone_offset("Europe/Berlin", at("2024-07-01 12:00:00")), Some(7200));
        assert_eq!(zone_offset("Europe/Berlin", at("1970-07-01 12:00:00")), Some(3600));
        assert_eq!(zone_offset("Asia/Kathmandu", at("2100-07-01 12:00:00")), Some(20_700));
    }
}
