//! Properties over random inputs: values, sets and documents that were written are read back the same. A failure names its seed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

// For wasm32, `#[test]` is wasm-bindgen's.
#[cfg(target_arch = "wasm32")]
#[macro_use]
extern crate sealwire_wasm_tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use sealwire_binlog::{
    Body, Checksum, ColumnKind, Date, DateTime, EventFlags, Flavour, FormatDescription, GtidSet, Head, Limits,
    MariaDbGtid, MariaDbGtidSet, NewColumn, NewTable, Reader, RowMetadata, RowsBuilder, RowsFlags, RowsKind, Table,
    TableMap, Tag, Time, Timestamp, Uuid, Value, Writer, json,
};

/// splitmix64 by Steele, Lea and Flood.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A number whose magnitude is as often small as large.
    fn number(&mut self) -> u64 {
        let bits = self.below(64);
        self.next() >> bits
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.next() as u8).collect()
    }
}

/// Runs a property for many seeds.
fn each_seed(count: u64, property: impl Fn(&mut Random)) {
    // WebAssembly is not optimised in the tests, and ten times as slow.
    for seed in 0..if cfg!(target_arch = "wasm32") { count / 10 } else { count } {
        let failed = Failed(seed);
        property(&mut Random(seed));
        std::mem::forget(failed);
    }
}

/// Names the seed when a property panics.
struct Failed(u64);

impl Drop for Failed {
    fn drop(&mut self) {
        println!("seed {}", self.0);
    }
}

fn kind(random: &mut Random) -> ColumnKind {
    let digits = random.below(7) as u8;
    let length_bytes = 1 + random.below(4) as u8;
    match random.below(26) {
        0 => ColumnKind::TinyInt,
        1 => ColumnKind::SmallInt,
        2 => ColumnKind::MediumInt,
        3 => ColumnKind::Int,
        4 => ColumnKind::BigInt,
        5 => ColumnKind::Year,
        6 => ColumnKind::Float,
        7 => ColumnKind::Double,
        8 => {
            let precision = 1 + random.below(65) as u8;
            ColumnKind::Decimal { precision, scale: random.below(u64::from(precision.min(38)) + 1) as u8 }
        }
        9 => ColumnKind::Bit { bits: 1 + random.below(64) as u8 },
        10 => ColumnKind::Date,
        11 => ColumnKind::Time { digits },
        12 => ColumnKind::DateTime { digits },
        13 => ColumnKind::Timestamp { digits },
        14 => ColumnKind::OldTime,
        15 => ColumnKind::OldDateTime,
        16 => ColumnKind::OldTimestamp,
        17 => ColumnKind::Char { bytes: random.below(1024) as u16 },
        18 => ColumnKind::VarChar { bytes: random.next() as u16 },
        19 => ColumnKind::Blob { length_bytes },
        20 => ColumnKind::Json { length_bytes: 4 },
        21 => ColumnKind::Geometry { length_bytes: 4 },
        22 => ColumnKind::Enum { bytes: 1 + random.below(2) as u8 },
        23 => ColumnKind::Set { bytes: 1 + random.below(8) as u8 },
        24 => ColumnKind::CompressedBlob { length_bytes },
        _ => ColumnKind::Vector { length_bytes: 4 },
    }
}

fn micros(random: &mut Random, digits: u8) -> u32 {
    let step = 10_u32.pow(6 - u32::from(digits));
    random.below(1_000_000) as u32 / step * step
}

/// Fills a text with digits, as many as a DECIMAL has room for.
fn decimal(random: &mut Random, precision: u8, scale: u8) -> String {
    let mut digits = |count: u8| -> String { (0..count).map(|_| char::from(b'0' + random.below(10) as u8)).collect() };
    let (whole, fraction) = (digits(precision - scale), digits(scale));
    let sign = if random.below(2) == 0 { "-" } else { "" };
    let text = format!("{sign}{whole}.{fraction}");
    text.trim_end_matches('.').to_owned()
}

/// A value that fits into the column; texts are kept in `texts`.
fn value<'t>(random: &mut Random, kind: ColumnKind, texts: &'t [Vec<u8>]) -> Value<'t> {
    let mask = |bytes: u8| if bytes >= 8 { u64::MAX } else { (1 << (8 * bytes)) - 1 };
    let text = |random: &mut Random, most: usize| -> &'t [u8] {
        let text = &texts[random.below(texts.len() as u64) as usize];
        &text[..text.len().min(most)]
    };
    if random.below(8) == 0 {
        return Value::Null;
    }
    match kind {
        ColumnKind::TinyInt => Value::Int((random.next() as i8).into()),
        ColumnKind::SmallInt => Value::Int((random.next() as i16).into()),
        ColumnKind::MediumInt => Value::Int(random.below(1 << 24) as i64 - (1 << 23)),
        ColumnKind::Int => Value::Int((random.next() as i32).into()),
        ColumnKind::BigInt => Value::Int(random.next() as i64),
        ColumnKind::Year => Value::Year(if random.below(4) == 0 { 0 } else { 1901 + random.below(255) as u16 }),
        ColumnKind::Float => Value::Float(random.below(1 << 20) as f32 / 8.0),
        ColumnKind::Double => Value::Double(random.next() as f64 / 8.0),
        ColumnKind::Bit { bits } => Value::Bit(random.next() >> (64 - bits)),
        ColumnKind::Date => Value::Date(Date {
            year: random.below(10_000) as u16,
            month: random.below(13) as u8,
            day: random.below(32) as u8,
        }),
        ColumnKind::Time { .. } | ColumnKind::OldTime => {
            let digits = if let ColumnKind::Time { digits } = kind { digits } else { 0 };
            let time = Time {
                negative: random.below(2) == 0,
                hours: random.below(838) as u16,
                minutes: random.below(60) as u8,
                seconds: 1 + random.below(59) as u8,
                micros: micros(random, digits),
                digits,
            };
            Value::Time(time)
        }
        ColumnKind::DateTime { .. } | ColumnKind::OldDateTime => {
            let digits = if let ColumnKind::DateTime { digits } = kind { digits } else { 0 };
            Value::DateTime(DateTime {
                year: random.below(10_000) as u16,
                month: random.below(13) as u8,
                day: random.below(32) as u8,
                hour: random.below(24) as u8,
                minute: random.below(60) as u8,
                second: random.below(60) as u8,
                micros: micros(random, digits),
                digits,
            })
        }
        ColumnKind::Timestamp { .. } | ColumnKind::OldTimestamp => {
            let digits = if let ColumnKind::Timestamp { digits } = kind { digits } else { 0 };
            Value::Timestamp(Timestamp { seconds: random.number() as u32, micros: micros(random, digits), digits })
        }
        ColumnKind::Char { bytes } | ColumnKind::VarChar { bytes } => Value::Bytes(text(random, bytes.into())),
        ColumnKind::Blob { .. } | ColumnKind::Geometry { .. } | ColumnKind::Vector { .. } => {
            Value::Bytes(text(random, 255))
        }
        ColumnKind::CompressedBlob { .. } => Value::Compressed(text(random, 255)),
        ColumnKind::Json { .. } => Value::Json(text(random, 1000)),
        ColumnKind::Enum { bytes } => Value::Enum((random.next() & mask(bytes)) as u16),
        ColumnKind::Set { bytes } => Value::Set(random.next() & mask(bytes)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn rows_of_any_table_come_back_from_a_log() {
    each_seed(300, |random| {
        let kinds: Vec<ColumnKind> = (0..1 + random.below(20)).map(|_| kind(random)).collect();
        let is_decimal = |kind: &ColumnKind| matches!(kind, ColumnKind::Decimal { .. });
        let columns = kinds.iter().map(|kind| NewColumn::new(b"c", *kind)).collect();
        let new = NewTable { table_id: 3, flags: 1, database: b"d", name: b"t", columns, primary_key: Vec::new() };
        let mut body = Vec::new();
        let details = [RowMetadata::NoLog, RowMetadata::Minimal, RowMetadata::Full];
        new.encode(details[random.below(3) as usize], &mut body).unwrap();
        let table = Arc::new(Table::decode(&body, 8).unwrap());
        let rows_kind = [RowsKind::Write, RowsKind::Update, RowsKind::Delete][random.below(3) as usize];
        let (version, checksum) =
            (1 + random.below(2) as u8, [Checksum::None, Checksum::Crc32][random.below(2) as usize]);
        let mut builder = RowsBuilder::new(Arc::clone(&table), rows_kind, version);
        let (before, after) = (random.next(), random.next() | 1);
        builder = builder.with_columns(|index| before >> index & 1 == 0 || index == 0, |index| after >> index & 1 == 1);
        let texts: Vec<Vec<u8>> = (0..4).map(|_| random.bytes(600)).collect();
        let decimals: Vec<Vec<u8>> = kinds
            .iter()
            .map(|kind| match kind {
                ColumnKind::Decimal { precision, scale } => decimal(random, *precision, *scale).into_bytes(),
                _ => Vec::new(),
            })
            .collect();
        let image = |random: &mut Random| -> Vec<Option<Value<'_>>> {
            let column = |(index, kind): (usize, &ColumnKind)| {
                Some(if is_decimal(kind) { Value::Bytes(&decimals[index]) } else { value(random, *kind, &texts) })
            };
            kinds.iter().enumerate().map(column).collect()
        };
        let rows: Vec<_> = (0..1 + random.below(5)).map(|_| (image(random), image(random))).collect();
        rows.iter().for_each(|(before, after)| builder.push(before, after).unwrap());
        let mut file = Vec::new();
        let format = FormatDescription::new(Flavour::MySql, b"8.0.40", 0, checksum);
        let head = Head { timestamp: 1, server_id: 2, flags: EventFlags::NONE };
        let mut writer = Writer::file(&format, head, &mut file).unwrap();
        writer.write(head, &Body::TableMap(TableMap::parse(table.body()).unwrap()), &mut file).unwrap();
        writer.write(head, &Body::Rows(builder.rows(RowsFlags::STMT_END)), &mut file).unwrap();
        let (mut reader, mut rest) = (Reader::file(Limits::default()), &file[..]);
        reader.next(&mut rest).unwrap().unwrap();
        reader.next(&mut rest).unwrap().unwrap();
        let Body::Rows(read) = reader.next(&mut rest).unwrap().unwrap().decode().unwrap() else { panic!() };
        let read: Vec<_> = read.iter().unwrap().map(Result::unwrap).collect();
        assert_eq!(read.len(), rows.len());
        for (read, (before, after)) in read.iter().zip(&rows) {
            let same = |read: &[Option<Value<'_>>], written: &[Option<Value<'_>>]| {
                for (index, (read, written)) in
                    read.iter().zip(written).enumerate().filter(|(_, (read, _))| read.is_some())
                {
                    match (read, written) {
                        (Some(Value::Decimal(read)), Some(Value::Bytes(text))) => {
                            let text = str::from_utf8(text).unwrap();
                            assert_eq!(canonical(&read.to_string()), canonical(text), "{:?}", kinds[index]);
                        }
                        _ => assert_eq!(read, written, "{:?}", kinds[index]),
                    }
                }
            };
            same(&read.before, before);
            same(&read.after, after);
        }
    });
}

/// A number without zeros that say nothing.
fn canonical(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let digits = digits.trim_start_matches('0');
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    if digits.is_empty() { "0".to_owned() } else { format!("{sign}{digits}") }
}

#[test]
fn sets_of_gtids_are_sets() {
    let uuids = [Uuid([1; 16]), Uuid([2; 16])];
    let tags = [Tag::default(), Tag::new(b"t").unwrap()];
    type Model = BTreeSet<(Uuid, Tag, i64)>;
    let some = |random: &mut Random| -> (GtidSet, Model) {
        let (mut set, mut model) = (GtidSet::new(), Model::new());
        for _ in 0..random.below(30) {
            let (uuid, tag) = (uuids[random.below(2) as usize], tags[random.below(2) as usize]);
            let first = 1 + random.below(60) as i64;
            let last = first + random.below(6) as i64;
            set.add_interval(uuid, tag, first, last).unwrap();
            model.extend((first..=last).map(|number| (uuid, tag, number)));
        }
        (set, model)
    };
    let check = |set: &GtidSet, model: &Model| {
        let all: Model = set
            .iter()
            .flat_map(|(uuid, tag, first, last)| (first..=last).map(move |number| (uuid, tag, number)))
            .collect();
        assert_eq!(&all, model);
        assert_eq!(set.count(), model.len() as u64);
        assert_eq!(set.to_string().parse().as_ref(), Ok(set));
        let mut bytes = Vec::new();
        set.encode(&mut bytes);
        assert_eq!(GtidSet::decode(&bytes).as_ref(), Ok(set));
    };
    each_seed(2000, |random| {
        let ((mut set, mut model), (other, others)) = (some(random), some(random));
        check(&set, &model);
        assert_eq!(set.contains_all(&other), model.is_superset(&others));
        let (uuid, tag, number) = (uuids[0], tags[1], 1 + random.below(70) as i64);
        assert_eq!(set.contains(uuid, tag, number), model.contains(&(uuid, tag, number)));
        if random.below(2) == 0 {
            set.subtract(&other);
            model.retain(|gtid| !others.contains(gtid));
        } else {
            set.add_all(&other).unwrap();
            model.extend(&others);
        }
        check(&set, &model);
    });
}

#[test]
fn positions_of_mariadb_move_forward_only() {
    each_seed(500, |random| {
        let (mut position, mut last) = (MariaDbGtidSet::new(), [0; 4]);
        for _ in 0..random.below(40) {
            let (domain, sequence) = (random.below(4) as u32, 1 + random.below(50));
            position.add(MariaDbGtid { domain, server: random.below(3) as u32, sequence }).unwrap();
            last[domain as usize] = last[domain as usize].max(sequence);
            assert_eq!(position.last(domain).unwrap().sequence, last[domain as usize]);
        }
        assert_eq!(position.to_string().parse(), Ok(position));
    });
}

fn document(random: &mut Random, depth: u64, out: &mut String) {
    match random.below(if depth > 4 { 6 } else { 8 }) {
        0 => out.push_str(["null", "true", "false"][random.below(3) as usize]),
        1 => out.push_str(&(random.number() as i64).to_string()),
        2 => out.push_str(&random.number().to_string()),
        3 => out.push_str(&format!("{:?}", random.below(1 << 40) as f64 / 1024.0)),
        4 | 5 => out.push_str(&format!("\"{}\"", "ä\\n".repeat(random.below(200) as usize))),
        kind => {
            out.push_str(if kind == 6 { "[" } else { "{" });
            for index in 0..random.below(8) {
                out.push_str(if index > 0 { ", " } else { "" });
                if kind == 7 {
                    // Keys in MySQL's order: by length, then by bytes.
                    out.push_str(&format!("\"{}\": ", "k".repeat(1 + index as usize)));
                }
                document(random, depth + 1, out);
            }
            out.push_str(if kind == 6 { "]" } else { "}" });
        }
    }
}

#[test]
fn documents_come_back_as_the_same_text() {
    each_seed(500, |random| {
        let (mut text, mut binary, mut printed) = (String::new(), Vec::new(), String::new());
        document(random, 0, &mut text);
        json::from_text(&text, &mut binary).unwrap();
        json::to_text(&binary, &mut printed).unwrap();
        assert_eq!(printed, text);
    });
}

#[test]
fn random_bytes_are_an_error_and_no_panic() {
    each_seed(20_000, |random| {
        let bytes = random.bytes(80);
        let mut file = Vec::new();
        let format = FormatDescription::new(Flavour::MariaDb, b"11.4.2-MariaDB", 0, Checksum::None);
        Writer::file(&format, Head::default(), &mut file).unwrap();
        let event_type =
            [2, 5, 14, 19, 23, 24, 30, 31, 33, 35, 38, 39, 40, 41, 42, 162, 163, 165, 166][random.below(19) as usize];
        let start = file.len();
        file.resize(start + 19, 0);
        file[start + 4] = event_type;
        file[start + 9] = 19 + bytes.len() as u8;
        file.extend(&bytes);
        let (mut reader, mut rest) = (Reader::file(Limits::default()), &file[..]);
        while let Ok(Some(event)) = reader.next(&mut rest) {
            let _ = event.decode();
        }
        let _ = json::to_text(&bytes, &mut String::new());
        let _ = GtidSet::decode(&bytes);
    });
}
