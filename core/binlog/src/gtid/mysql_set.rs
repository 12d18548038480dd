//! Sets of MySQL's GTIDs: intervals of numbers for each UUID and tag.
//!
//! Source: MySQL, "GTID Sets"; MySQL's libs/mysql/gtid/gtid_set.cpp.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use sealwire_core::wire::{Put as _, Reader};

use super::error::GtidError;
use super::mysql::Uuid;
use super::tagged::{put_unsigned, unsigned};
use crate::error::{Problem, Result};

/// The largest number of a GTID.
pub(super) const MOST_NUMBER: i64 = i64::MAX - 1;
/// The most intervals of a set, over all UUIDs.
pub const MOST_INTERVALS: usize = 1 << 20;
/// The most characters of a tag.
const MOST_TAG: usize = 32;

/// The tag of a GTID: at most 32 small letters, digits and underscores; the first is no digit. Without tag it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tag {
    characters: [u8; MOST_TAG],
    length: u8,
}

impl Tag {
    /// A tag of this text, in which MySQL makes capital letters small; `None` where it is none.
    pub fn new(text: &[u8]) -> Option<Self> {
        let mut tag = Self { length: u8::try_from(text.len()).ok()?, ..Self::default() };
        let is_tag = |byte: u8, is_first: bool| {
            byte == b'_' || byte.is_ascii_lowercase() || (!is_first && byte.is_ascii_digit())
        };
        for (index, byte) in text.iter().map(u8::to_ascii_lowercase).enumerate() {
            *tag.characters.get_mut(index).filter(|_| is_tag(byte, index == 0))? = byte;
        }
        Some(tag)
    }

    /// The characters; empty for no tag.
    pub fn as_bytes(&self) -> &[u8] {
        self.characters.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

/// The numbers from `first` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Interval {
    first: i64,
    end: i64,
}

impl Interval {
    fn new(first: i64, last: i64) -> Result<Self> {
        if first < 1 || last < first || last > MOST_NUMBER {
            return Err(Problem::Malformed("a GTID's number"));
        }
        Ok(Self { first, end: last + 1 })
    }
}

fn too_many(count: usize) -> Problem {
    let (size, limit) = (count as u64, MOST_INTERVALS as u64);
    Problem::TooBig { what: "the number of intervals in a GTID set", size, limit }
}

/// A set of GTIDs. Its `Display` is MySQL's text: UUIDs in order, each with its intervals, those with tags behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GtidSet {
    /// Intervals in order, which neither overlap nor touch. No list is empty.
    all: BTreeMap<(Uuid, Tag), Vec<Interval>>,
    intervals: usize,
}

impl GtidSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { all: BTreeMap::new(), intervals: 0 }
    }

    /// Whether there is no GTID.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The number of GTIDs; `u64::MAX` where it is larger.
    pub fn count(&self) -> u64 {
        let all = self.all.values().flatten();
        all.fold(0, |count: u64, interval| count.saturating_add((interval.end - interval.first).unsigned_abs()))
    }

    /// The number of intervals, over all UUIDs and tags.
    pub const fn intervals(&self) -> usize {
        self.intervals
    }

    /// The intervals in order: UUID, tag, first and last number.
    pub fn iter(&self) -> impl Iterator<Item = (Uuid, Tag, i64, i64)> {
        self.all.iter().flat_map(|((uuid, tag), intervals)| {
            intervals.iter().map(|interval| (*uuid, *tag, interval.first, interval.end - 1))
        })
    }

    /// Whether the set has this GTID.
    pub fn contains(&self, uuid: Uuid, tag: Tag, number: i64) -> bool {
        let has = |intervals: &Vec<Interval>| {
            let index = intervals.partition_point(|interval| interval.end <= number);
            intervals.get(index).is_some_and(|interval| interval.first <= number)
        };
        self.all.get(&(uuid, tag)).is_some_and(has)
    }

    /// Whether the set has all GTIDs of another.
    pub fn contains_all(&self, other: &Self) -> bool {
        other.all.iter().all(|(key, wanted)| {
            let own = self.all.get(key).map_or(&[][..], Vec::as_slice);
            wanted.iter().all(|wanted| {
                let index = own.partition_point(|interval| interval.end <= wanted.first);
                own.get(index).is_some_and(|interval| interval.first <= wanted.first && wanted.end <= interval.end)
            })
        })
    }

    /// Adds the GTID with this number.
    pub fn add(&mut self, uuid: Uuid, tag: Tag, number: i64) -> Result<()> {
        self.add_interval(uuid, tag, number, number)
    }

    /// Adds the GTIDs from `first` to `last`.
    pub fn add_interval(&mut self, uuid: Uuid, tag: Tag, first: i64, last: i64) -> Result<()> {
        let Interval { first, end } = Interval::new(first, last)?;
        let intervals = self.all.entry((uuid, tag)).or_default();
        // All that overlap or touch the new one become one with it.
        let from = intervals.partition_point(|interval| interval.end < first);
        let to = intervals.partition_point(|interval| interval.first <= end);
        let touched = intervals.get(from..to).unwrap_or_default();
        let new = Interval {
            first: touched.first().map_or(first, |interval| interval.first.min(first)),
            end: touched.last().map_or(end, |interval| interval.end.max(end)),
        };
        if touched.is_empty() && self.intervals >= MOST_INTERVALS {
            if intervals.is_empty() {
                self.all.remove(&(uuid, tag));
            }
            return Err(too_many(self.intervals + 1));
        }
        self.intervals = self.intervals + 1 - touched.len();
        intervals.splice(from..to, [new]);
        Ok(())
    }

    /// Adds all GTIDs of another set.
    pub fn add_all(&mut self, other: &Self) -> Result<()> {
        let both = [&*self, other].into_iter().flat_map(|set| &set.all);
        let both = both.flat_map(|(key, intervals)| intervals.iter().map(|interval| (*key, *interval)));
        *self = Self::collect(both.collect())?;
        Ok(())
    }

    /// The set of intervals in any order. They are sorted at once, because to insert them one by one would take quadratic time.
    fn collect(mut all: Vec<((Uuid, Tag), Interval)>) -> Result<Self> {
        all.sort_unstable_by_key(|(key, interval)| (*key, interval.first));
        all.dedup_by(|(key, later), (kept, interval)| {
            let is_one = key == kept && later.first <= interval.end;
            if is_one {
                interval.end = interval.end.max(later.end);
            }
            is_one
        });
        if all.len() > MOST_INTERVALS {
            return Err(too_many(all.len()));
        }
        let mut set = Self { all: BTreeMap::new(), intervals: all.len() };
        for (key, interval) in all {
            set.all.entry(key).or_default().push(interval);
        }
        Ok(set)
    }

    /// Removes all GTIDs of another set.
    pub fn subtract(&mut self, other: &Self) {
        for (key, taken) in &other.all {
            let Some(intervals) = self.all.get_mut(key) else { continue };
            let old = core::mem::take(intervals);
            self.intervals -= old.len();
            let mut taken = taken.iter().peekable();
            for mut interval in old {
                while taken.next_if(|taken| taken.end <= interval.first).is_some() {}
                while let Some(hole) = taken.peek().filter(|taken| taken.first < interval.end) {
                    if interval.first < hole.first {
                        intervals.push(Interval { first: interval.first, end: hole.first });
                    }
                    interval.first = hole.end;
                    if hole.end > interval.end {
                        // The hole goes on in the next interval.
                        break;
                    }
                    taken.next();
                }
                if interval.first < interval.end {
                    intervals.push(interval);
                }
            }
            self.intervals += intervals.len();
            if intervals.is_empty() {
                self.all.remove(key);
            }
        }
    }

    /// Reads the binary form: of PREVIOUS_GTIDS and of COM_BINLOG_DUMP_GTID.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let what = "a GTID set";
        let mut reader = Reader::new(bytes);
        let first = reader.u64(what)?;
        // The highest byte is 1 in the form with tags, whose count is in the six bytes below it.
        let (has_tags, count) = match first >> 56 {
            0 => (false, first),
            1 => (true, first << 8 >> 16),
            _ => return Err(Problem::Malformed(what)),
        };
        let mut all = Vec::new();
        for _ in 0..count {
            let uuid = Uuid(reader.array("a UUID")?);
            let tag = if has_tags {
                let length = usize::try_from(unsigned(&mut reader, "a tag")?).unwrap_or(usize::MAX);
                Tag::new(reader.bytes(length, "a tag")?).ok_or(Problem::Malformed("a tag"))?
            } else {
                Tag::default()
            };
            for _ in 0..reader.u64("the number of intervals")? {
                let (first, end) = (reader.u64("an interval")?.cast_signed(), reader.u64("an interval")?.cast_signed());
                if all.len() >= MOST_INTERVALS {
                    return Err(too_many(all.len() + 1));
                }
                let last = end.checked_sub(1).ok_or(Problem::Malformed("an interval"))?;
                all.push(((uuid, tag), Interval::new(first, last)?));
            }
        }
        reader.finish(what)?;
        Self::collect(all)
    }

    /// Appends the binary form; with tags only where there are any, because only MySQL 8.3 and later read them.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let has_tags = self.all.keys().any(|(_, tag)| tag.length > 0);
        let count = self.all.len() as u64;
        out.put_u64(if has_tags { 1 << 56 | count << 8 | 1 } else { count });
        for ((uuid, tag), intervals) in &self.all {
            out.put(&uuid.0);
            if has_tags {
                put_unsigned(tag.length.into(), out);
                out.put(tag.as_bytes());
            }
            out.put_u64(intervals.len() as u64);
            for interval in intervals {
                out.put_u64(interval.first.cast_unsigned());
                out.put_u64(interval.end.cast_unsigned());
            }
        }
    }
}

impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = None;
        for ((uuid, tag), intervals) in &self.all {
            if before != Some(uuid) {
                write!(f, "{}{uuid}", if before.is_none() { "" } else { "," })?;
            }
            before = Some(uuid);
            if tag.length > 0 {
                write!(f, ":{tag}")?;
            }
            for interval in intervals {
                write!(f, ":{}", interval.first)?;
                if interval.end - 1 > interval.first {
                    write!(f, "-{}", interval.end - 1)?;
                }
            }
        }
        Ok(())
    }
}

impl FromStr for GtidSet {
    type Err = GtidError;

    /// Reads `uuid:1-5:7:tag:1-3,uuid:…`, with white space and line ends between the parts, as MySQL does.
    fn from_str(text: &str) -> core::result::Result<Self, GtidError> {
        let mut all = Vec::new();
        let mut at = 0;
        for part in text.split(',') {
            let start = at;
            at += part.len() + 1;
            if part.trim().is_empty() {
                continue;
            }
            let wrong = |rule| GtidError { at: start + part.len() - part.trim_start().len(), rule };
            let mut words = part.split(':').map(str::trim);
            let uuid: Uuid = words.next().unwrap_or_default().parse().map_err(|error: GtidError| wrong(error.rule))?;
            let (mut tag, mut is_used) = (Tag::default(), false);
            for word in words {
                if !word.starts_with(|first: char| first.is_ascii_digit()) {
                    let rule = "a tag has 1 to 32 letters, digits and underscores, of which the first is no digit";
                    tag = Tag::new(word.as_bytes()).filter(|tag| tag.length > 0).ok_or_else(|| wrong(rule))?;
                    is_used = false;
                    continue;
                }
                if all.len() >= MOST_INTERVALS {
                    return Err(wrong("the set has over 1,048,576 intervals"));
                }
                let (first, last) = word.split_once('-').unwrap_or((word, word));
                let rule = "an interval is a number from 1 on, or two in order, as in 1-5";
                let number = |text: &str| text.trim().parse::<i64>().map_err(|_| wrong(rule));
                let interval = Interval::new(number(first)?, number(last)?).map_err(|_| wrong(rule))?;
                all.push(((uuid, tag), interval));
                is_used = true;
            }
            if !is_used {
                return Err(wrong("an interval is expected behind a UUID and behind a tag"));
            }
        }
        Self::collect(all).map_err(|_| GtidError { at: 0, rule: "the set has too many intervals" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    const B: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn set(text: &str) -> GtidSet {
        text.replace('A', A).replace('B', B).parse().unwrap()
    }

    fn shown(set: &GtidSet) -> alloc::string::String {
        set.to_string().replace(A, "A").replace(B, "B")
    }

    #[test]
    fn intervals_merge_and_are_printed_in_order() {
        for (text, printed) in [
            ("", ""),
            ("A:1", "A:1"),
            ("A:1-5:7", "A:1-5:7"),
            ("A:3:1:2", "A:1-3"),
            (" B:1 ,\n A : 5-9 : 1-4 ,", "A:1-9,B:1"),
            ("A:1-3:Tag_1:5:tag_1:6:b:1", "A:1-3:b:1:tag_1:5-6"),
            ("A:1-10:3-5:20:15-21", "A:1-10:15-21"),
        ] {
            assert_eq!(shown(&set(text)), printed, "{text}");
        }
        for wrong in ["A", "A:", "A:0", "A:5-3", "A:x", "A:1:x", "A:9223372036854775807", "x:1", "A:-1", "A:1-2-3"] {
            assert!(wrong.replace('A', A).parse::<GtidSet>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sets_are_added_compared_and_subtracted() {
        let mut all = set("A:1-10,B:1");
        assert!(all.contains_all(&set("A:2-3:5,B:1")) && !all.contains_all(&set("A:10-11")));
        assert!(!all.contains_all(&set("A:1:t:1")));
        all.subtract(&set("A:1:4-5:9-20,B:1"));
        assert_eq!(shown(&all), "A:2-3:6-8");
        assert_eq!(all.count(), 5);
        let mut two = set("A:1-5:10-15:20-25");
        two.subtract(&set("A:3-22"));
        assert_eq!(shown(&two), "A:1-2:23-25");
        two.add_all(&all).unwrap();
        assert_eq!(shown(&two), "A:1-3:6-8:23-25");
        assert!(two.contains(A.parse().unwrap(), Tag::default(), 7));
        assert!(!two.contains(A.parse().unwrap(), Tag::default(), 9));
        let itself = two.clone();
        two.subtract(&itself);
        assert!(two.is_empty() && two == GtidSet::new());
    }

    #[test]
    fn both_binary_forms_come_back() {
        for text in ["", "A:1-5:7,B:3", "A:1:t:2-3,B:x:1"] {
            let mut bytes = Vec::new();
            set(text).encode(&mut bytes);
            assert_eq!(GtidSet::decode(&bytes).map(|set| shown(&set)), Ok(text.into()));
            for cut in 0..bytes.len() {
                assert!(GtidSet::decode(&bytes[..cut]).is_err());
            }
        }
        let mut bytes = Vec::new();
        set("A:1-5").encode(&mut bytes);
        assert_eq!(bytes[..8], [1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[24..], [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]);
        assert!(GtidSet::decode(&[0xff; 64]).is_err(), "counts that the bytes have no room for");
    }

    #[test]
    fn the_number_of_intervals_is_bounded() {
        let (mut set, uuid) = (GtidSet::new(), A.parse().unwrap());
        for number in 0..MOST_INTERVALS as i64 {
            set.add(uuid, Tag::default(), 2 * number + 1).unwrap();
        }
        assert!(set.add(uuid, Tag::default(), i64::MAX / 2).is_err());
        assert!(set.add(Uuid::default(), Tag::default(), 1).is_err() && set.all.len() == 1);
        set.add(uuid, Tag::default(), 2).unwrap();
        assert!(set.add(uuid, Tag::default(), i64::MAX / 2).is_ok(), "a hole that closes makes room");
    }
}
