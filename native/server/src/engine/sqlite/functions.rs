//! MySQL's functions that SQLite lacks.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};
use sha1::{Digest as _, Sha1};
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::bounds::Bounds;
use super::time::{Moment, zone};
use super::{key_weight, replica_functions, row_changes};
use crate::engine::interrupted;
use crate::sql::Datum;
use crate::sql::like::{find, like};

/// Registers all functions on a connection.
pub(super) fn register(connection: &Connection, bounds: &Arc<Bounds>) -> Result<()> {
    // INNOCUOUS allows them in views and defaults, where SQLite does not trust the schema.
    let any = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    let pure = any | FunctionFlags::SQLITE_DETERMINISTIC;
    for (name, arguments, function) in DETERMINISTIC {
        let bounds = Arc::clone(bounds);
        connection.create_scalar_function(*name, *arguments, pure, move |context| {
            stop_if_asked(context, &bounds)?;
            let made = function(context)?;
            count(&made, &bounds)?;
            Ok(made)
        })?;
    }
    for (name, arguments, function) in TEXT_FUNCTIONS {
        let bounds = Arc::clone(bounds);
        connection.create_scalar_function(*name, *arguments, pure, move |context| {
            stop_if_asked(context, &bounds)?;
            let Ok(made) = function(context, bounds.longest_text())? else {
                bounds.warn_too_long(name);
                return Ok(Value::Null);
            };
            count(&made, &bounds)?;
            Ok(made)
        })?;
    }
    let clock = Arc::clone(bounds);
    connection.create_scalar_function("now", 0, any, move |_| Ok(clock.now().text_of_second()))?;
    let clock = Arc::clone(bounds);
    connection.create_scalar_function("curdate", 0, any, move |_| Ok(clock.now().date_text()))?;
    let clock = Arc::clone(bounds);
    connection.create_scalar_function("curtime", 0, any, move |_| Ok(clock.now().clock_text()))?;
    let clock = Arc::clone(bounds);
    connection.create_scalar_function("unix_timestamp", 0, any, move |_| Ok(clock.now().unix_seconds()))?;
    let seeded = Arc::clone(bounds);
    connection
        .create_scalar_function("rand", -1, any, move |_| Ok(seeded.next_random().unwrap_or_else(random_fraction)))?;
    connection.create_scalar_function("uuid", 0, any, |_| Ok(uuid()))?;
    for arguments in [2, 3] {
        let bounds = Arc::clone(bounds);
        connection.create_scalar_function("like", arguments, pure, move |context| like_function(context, &bounds))?;
    }
    let searched = Arc::clone(bounds);
    connection.create_scalar_function("instr", 2, pure, move |context| instr(context, &searched))?;
    let slept = Arc::clone(bounds);
    connection.create_scalar_function("sleep", 1, any, move |context| {
        let seconds = number(context, 0).clamp(0.0, 31_536_000.0);
        Ok(i64::from(slept.interruption.sleep(Duration::from_secs_f64(seconds))))
    })?;
    replica_functions::register(connection, bounds)?;
    key_weight::register(connection)?;
    row_changes::register(connection)?;
    let started = Arc::clone(bounds);
    connection.create_scalar_function("recursion_start", 2, any, move |context| {
        started.start_recursion(context.get(0)?);
        context.get::<Value>(1)
    })?;
    let stepped = Arc::clone(bounds);
    connection.create_scalar_function("recursion_step", 3, any, move |context| {
        stepped.step_recursion(context.get(0)?, context.get(1)?).map_err(to_sqlite)?;
        context.get::<Value>(2)
    })?;
    Ok(())
}

/// Counts a value that a function returns.
fn count(made: &Value, bounds: &Bounds) -> Result<()> {
    let length = match made {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        _ => return Ok(()),
    };
    bounds.count_value(length).map_err(to_sqlite)
}

/// Ends a stopped statement before a call with large arguments. SQLite checks for a stop only at backward jumps of its program, and a
/// call on megabytes takes as long as thousands of its steps.
fn stop_if_asked(context: &Context<'_>, bounds: &Bounds) -> Result<()> {
    let is_large = |index| match context.get_raw(index) {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() >= LARGE,
        _ => false,
    };
    if (0..context.len()).any(is_large) && bounds.interruption.is_stopped() {
        return Err(to_sqlite(interrupted()));
    }
    Ok(())
}

/// Arguments of this size take a while.
const LARGE: usize = 1 << 16;

/// `instr(text, part)` in linear time. SQLite's own takes the product of both lengths, and no KILL reaches it.
fn instr(context: &Context<'_>, bounds: &Bounds) -> Result<Value> {
    if is_null(context, 0) || is_null(context, 1) {
        return Ok(Value::Null);
    }
    let are_bytes = (0..2).all(|index| matches!(context.get_raw(index), ValueRef::Blob(_)));
    let (text, part) = (bytes(context, 0), bytes(context, 1));
    let found = find(&text, &part, || bounds.interruption.is_stopped()).ok_or_else(|| to_sqlite(interrupted()))?;
    let Some(at) = found else { return Ok(Value::Integer(0)) };
    let before = text.get(..at).unwrap_or_default();
    let is_first = |byte: &&u8| are_bytes || **byte & 0xc0 != 0x80;
    Ok(Value::Integer(before.iter().filter(is_first).count() as i64 + 1))
}

/// `like(pattern, text[, escape])`, which SQLite calls for LIKE.
fn like_function(context: &Context<'_>, bounds: &Bounds) -> Result<Value> {
    if (0..context.len()).any(|index| is_null(context, index)) {
        return Ok(Value::Null);
    }
    let escape = if context.len() > 2 { text(context, 2).chars().next() } else { None };
    let found = like(&text(context, 1), &text(context, 0), escape, || bounds.interruption.is_stopped());
    found.map(|found| Value::Integer(found.into())).ok_or_else(|| to_sqlite(interrupted()))
}

/// An error that ends the statement. [`Bounds`] has kept MySQL's error.
fn to_sqlite(error: sealwire_core::error::SqlError) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(error.message.into())
}

type ScalarFunction = fn(&Context<'_>) -> Result<Value>;

/// Functions whose value depends on their arguments alone.
const DETERMINISTIC: &[(&str, i32, ScalarFunction)] = &[
    ("unix_timestamp", 1, |c| Ok(moment(c, 0).map_or(Value::Null, |at| Value::Integer(at.unix_seconds())))),
    ("from_unixtime", 1, |c| Ok(Value::Text(Moment::from_unix((number(c, 0) * 1e6) as i64).text()))),
    ("date_part", 2, |c| Ok(part(&text(c, 0), &text(c, 1)).map_or(Value::Null, Value::Integer))),
    ("date_moved", 3, date_moved),
    ("convert_tz", 3, |c| {
        let converted = match (moment(c, 0), zone(&text(c, 1)), zone(&text(c, 2))) {
            (Some(at), Some(from), Some(to)) => at.converted(from, to),
            _ => None,
        };
        Ok(converted.map_or(Value::Null, |at| Value::Text(at.text())))
    }),
    ("datediff", 2, |c| match (moment(c, 0), moment(c, 1)) {
        (Some(one), Some(other)) => {
            Ok(Value::Integer(one.unix_seconds().div_euclid(86_400) - other.unix_seconds().div_euclid(86_400)))
        }
        _ => Ok(Value::Null),
    }),
    ("bit_xor_of", 2, |c| match (is_null(c, 0), is_null(c, 1)) {
        (false, false) => Ok(Value::Integer(bits(c, 0) ^ bits(c, 1))),
        _ => Ok(Value::Null),
    }),
    // SQLite's own trim a set of characters, and take time in proportion to its length.
    ("ltrim", 2, |c| trimmed(c, true, false)),
    ("rtrim", 2, |c| trimmed(c, false, true)),
    ("trim", 2, |c| trimmed(c, true, true)),
    ("char", -1, |c| Ok(characters(c))),
    ("reverse", 1, |c| on_text(c, |text| text.chars().rev().collect())),
    ("left", 2, |c| on_text(c, |text| text.chars().take(number(c, 1).max(0.0) as usize).collect())),
    ("right", 2, |c| {
        on_text(c, |text| {
            text.chars().skip(text.chars().count().saturating_sub(number(c, 1).max(0.0) as usize)).collect()
        })
    }),
    ("sha1", 1, |c| digest(c, |bytes| hex(&Sha1::digest(bytes)))),
    ("sha", 1, |c| digest(c, |bytes| hex(&Sha1::digest(bytes)))),
    ("sha2", 2, |c| match number(c, 1) as i64 {
        0 | 256 => digest(c, |bytes| hex(&Sha256::digest(bytes))),
        224 => digest(c, |bytes| hex(&Sha224::digest(bytes))),
        384 => digest(c, |bytes| hex(&Sha384::digest(bytes))),
        512 => digest(c, |bytes| hex(&Sha512::digest(bytes))),
        _ => Ok(Value::Null),
    }),
    ("floor", 1, |c| whole(c, f64::floor)),
    ("ceil", 1, |c| whole(c, f64::ceil)),
    ("ceiling", 1, |c| whole(c, f64::ceil)),
    ("sqrt", 1, |c| real(c, f64::sqrt)),
    ("exp", 1, |c| real(c, f64::exp)),
    ("ln", 1, |c| real(c, f64::ln)),
    ("pow", 2, |c| real(c, |base| base.powf(number(c, 1)))),
    ("power", 2, |c| real(c, |base| base.powf(number(c, 1)))),
    ("mod", 2, |c| if number(c, 1) == 0.0 { Ok(Value::Null) } else { whole_or_real(c, |left| left % number(c, 1)) }),
    ("truncate", 2, |c| {
        let scale = 10f64.powi(number(c, 1).clamp(-300.0, 300.0) as i32);
        whole_or_real(c, |value| (value * scale).trunc() / scale)
    }),
    ("find_in_set", 2, |c| {
        let (needle, list) = (text(c, 0), text(c, 1));
        let at =
            if list.is_empty() { None } else { list.split(',').position(|item| item.eq_ignore_ascii_case(&needle)) };
        Ok(if is_null(c, 0) || is_null(c, 1) { Value::Null } else { Value::Integer(at.map_or(0, |at| at as i64 + 1)) })
    }),
    ("strcmp", 2, |c| {
        if is_null(c, 0) || is_null(c, 1) {
            return Ok(Value::Null);
        }
        Ok(Value::Integer(text(c, 0).to_lowercase().cmp(&text(c, 1).to_lowercase()) as i64))
    }),
];

/// The text would be longer than `max_allowed_packet`.
struct TooLong;

/// A function that returns a text, given the longest length in bytes.
type TextFunction = fn(&Context<'_>, usize) -> Result<std::result::Result<Value, TooLong>>;

/// Functions whose result can be longer than their arguments. Each checks the length before it makes the text.
const TEXT_FUNCTIONS: &[(&str, i32, TextFunction)] = &[
    ("concat", -1, |c, most| Ok(concat(c, most))),
    ("concat_ws", -1, |c, most| Ok(concat_ws(c, most))),
    ("date_format", 2, |c, most| {
        let format = text(c, 1);
        // `%M` has two letters, and the longest month name has nine.
        if format.len() > most / 5 {
            return Ok(Err(TooLong));
        }
        Ok(Ok(moment(c, 0).map_or(Value::Null, |at| Value::Text(at.format(&format)))))
    }),
    ("hex", 1, |c, most| Ok(hexadecimal(c, most))),
    ("lpad", 3, |c, most| Ok(pad(c, most, true))),
    ("repeat", 2, |c, most| Ok(repeat(c, most))),
    ("replace", 3, |c, most| Ok(replace(c, most))),
    ("rpad", 3, |c, most| Ok(pad(c, most, false))),
    ("space", 1, |c, most| Ok(space(c, most))),
];

fn space(context: &Context<'_>, most: usize) -> std::result::Result<Value, TooLong> {
    if is_null(context, 0) {
        return Ok(Value::Null);
    }
    let length = number(context, 0).max(0.0);
    if length > most as f64 { Err(TooLong) } else { Ok(Value::Text(" ".repeat(length as usize))) }
}

/// HEX of a number is its value in base 16, of anything else its bytes. SQLite's own gives the bytes of decimal digits, and '' for NULL.
fn hexadecimal(context: &Context<'_>, most: usize) -> std::result::Result<Value, TooLong> {
    let bytes = match context.get_raw(0) {
        ValueRef::Null => return Ok(Value::Null),
        ValueRef::Integer(number) => return Ok(Value::Text(format!("{number:X}"))),
        ValueRef::Real(number) => return Ok(Value::Text(format!("{:X}", number.round() as i64))),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
    };
    if bytes.len() > most / 2 { Err(TooLong) } else { Ok(Value::Text(hex(bytes).to_ascii_uppercase())) }
}

fn concat(context: &Context<'_>, most: usize) -> std::result::Result<Value, TooLong> {
    joined(context, 0, b"", most)
}

fn concat_ws(context: &Context<'_>, most: usize) -> std::result::Result<Value, TooLong> {
    if context.is_empty() || is_null(context, 0) {
        return Ok(Value::Null);
    }
    let separator = bytes(context, 0);
    joined(context, 1, &separator, most)
}

/// Joins the arguments from `first` on. CONCAT is NULL where an argument is NULL; CONCAT_WS skips it.
fn joined(context: &Context<'_>, first: usize, separator: &[u8], most: usize) -> std::result::Result<Value, TooLong> {
    let mut out: Vec<u8> = Vec::new();
    let mut is_binary = false;
    let mut is_begun = false;
    for index in first..context.len() {
        if is_null(context, index) {
            if first == 0 {
                return Ok(Value::Null);
            }
            continue;
        }
        is_binary |= matches!(context.get_raw(index), ValueRef::Blob(_));
        let piece = bytes(context, index);
        let between: &[u8] = if is_begun { separator } else { b"" };
        if out.len() + between.len() + piece.len() > most {
            return Err(TooLong);
        }
        out.extend_from_slice(between);
        out.extend_from_slice(&piece);
        is_begun = true;
    }
    Ok(text_or_bytes(out, is_binary))
}

fn text_or_bytes(bytes: Vec<u8>, is_binary: bool) -> Value {
    if is_binary {
        return Value::Blob(bytes);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Value::Text(text),
        Err(error) => Value::Blob(error.into_bytes()),
    }
}

fn replace(context: &Context<'_>, most: usize) -> std::result::Result<Value, TooLong> {
    if (0..3).any(|index| is_null(context, index)) {
        return Ok(Value::Null);
    }
    let (whole, from, to) = (bytes(context, 0), bytes(context, 1), bytes(context, 2));
    if from.is_empty() {
        return Ok(text_or_bytes(whole, matches!(context.get_raw(0), ValueRef::Blob(_))));
    }
    let found = memchr::memmem::find_iter(&whole, &from).count();
    if (whole.len() - found * from.len()).saturating_add(found.saturating_mul(to.len())) > most {
        return Err(TooLong);
    }
    let mut out = Vec::new();
    let mut at = 0;
    for start in memchr::memmem::find_iter(&whole, &from) {
        out.extend_from_slice(whole.get(at..start).unwrap_or_default());
        out.extend_from_slice(&to);
        at = start + from.len();
    }
    out.extend_from_slice(whole.get(at..).unwrap_or_default());
    Ok(text_or_bytes(out, matches!(context.get_raw(0), ValueRef::Blob(_))))
}

fn date_moved(context: &Context<'_>) -> Result<Value> {
    let base = text(context, 0);
    let unit = text(context, 2).to_ascii_uppercase();
    let moved = Moment::parse(&base).and_then(|at| at.moved(number(context, 1), &unit));
    let date_only = !base.contains(':') && !["HOUR", "MINUTE", "SECOND"].iter().any(|part| unit.contains(part));
    Ok(moved.map_or(Value::Null, |at| Value::Text(if date_only { at.date_text() } else { at.text() })))
}

fn part(unit: &str, text: &str) -> Option<i64> {
    let at = Moment::parse(text).or_else(|| Moment::parse(&format!("1970-01-01 {text}")))?;
    let (year, month, day) = at.date();
    let (hour, minute, second, micros) = at.clock();
    Some(match unit.to_ascii_uppercase().as_str() {
        "YEAR" => year,
        "QUARTER" => (month + 2) / 3,
        "MONTH" => month,
        "DAY" | "DAYOFMONTH" => day,
        "HOUR" => hour,
        "MINUTE" => minute,
        "SECOND" => second,
        "MICROSECOND" => micros,
        _ => return None,
    })
}

/// CHAR. MySQL returns a binary string, which SQLite would compare as unequal to every text. This returns a text instead, or NULL where
/// the bytes are not UTF-8, as `USING utf8mb4` does.
fn characters(context: &Context<'_>) -> Value {
    let mut made = Vec::new();
    for index in (0..context.len()).filter(|index| !is_null(context, *index)) {
        let bytes = (bits(context, index) as u32).to_be_bytes();
        let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
        made.extend(bytes.iter().skip(first));
    }
    String::from_utf8(made).map_or(Value::Null, Value::Text)
}

fn repeat(context: &Context<'_>, most: usize) -> std::result::Result<Value, TooLong> {
    if is_null(context, 0) || is_null(context, 1) {
        return Ok(Value::Null);
    }
    let piece = bytes(context, 0);
    let times = number(context, 1).max(0.0) as usize;
    if piece.len().saturating_mul(times) > most {
        return Err(TooLong);
    }
    Ok(text_or_bytes(piece.repeat(times), matches!(context.get_raw(0), ValueRef::Blob(_))))
}

fn pad(context: &Context<'_>, most: usize, left: bool) -> std::result::Result<Value, TooLong> {
    let length = number(context, 1);
    if (0..3).any(|index| is_null(context, index)) || length < 0.0 {
        return Ok(Value::Null);
    }
    let (text, fill) = (text(context, 0), text(context, 2));
    let length = length as usize;
    let have = text.chars().count();
    if have >= length {
        return Ok(Value::Text(text.chars().take(length).collect()));
    }
    if fill.is_empty() {
        return Ok(Value::Text(String::new()));
    }
    let longest = fill.chars().map(char::len_utf8).max().unwrap_or(1);
    if (length - have).saturating_mul(longest).saturating_add(text.len()) > most {
        return Err(TooLong);
    }
    let filling: String = fill.chars().cycle().take(length - have).collect();
    Ok(Value::Text(if left { filling + &text } else { text + &filling }))
}

fn datum(context: &Context<'_>, index: usize) -> Datum {
    match context.get_raw(index) {
        ValueRef::Null => Datum::Null,
        ValueRef::Integer(number) => Datum::Int(number),
        ValueRef::Real(number) => Datum::Real(number),
        ValueRef::Text(bytes) => Datum::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => Datum::Blob(bytes.to_vec()),
    }
}

/// The bytes of a value's text.
fn bytes(context: &Context<'_>, index: usize) -> Vec<u8> {
    match context.get_raw(index) {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
        _ => text(context, index).into_bytes(),
    }
}

/// A number as MySQL's bit operators read it.
fn bits(context: &Context<'_>, index: usize) -> i64 {
    match context.get_raw(index) {
        ValueRef::Integer(number) => number,
        _ => number(context, index).round() as i64,
    }
}

fn is_null(context: &Context<'_>, index: usize) -> bool {
    matches!(context.get_raw(index), ValueRef::Null)
}

fn text(context: &Context<'_>, index: usize) -> String {
    datum(context, index).to_text()
}

fn number(context: &Context<'_>, index: usize) -> f64 {
    datum(context, index).to_number()
}

fn moment(context: &Context<'_>, index: usize) -> Option<Moment> {
    Moment::parse(&text(context, index))
}

fn on_text(context: &Context<'_>, change: impl FnOnce(&str) -> String) -> Result<Value> {
    Ok(if is_null(context, 0) { Value::Null } else { Value::Text(change(&text(context, 0))) })
}

/// Removes repetitions of a text from the front, the back or both.
fn trimmed(context: &Context<'_>, front: bool, back: bool) -> Result<Value> {
    if is_null(context, 1) {
        return Ok(Value::Null);
    }
    let what = text(context, 1);
    on_text(context, |text| {
        if what.is_empty() {
            return text.to_owned();
        }
        let mut text = text;
        while let (true, Some(rest)) = (front, text.strip_prefix(what.as_str())) {
            text = rest;
        }
        while let (true, Some(rest)) = (back, text.strip_suffix(what.as_str())) {
            text = rest;
        }
        text.to_owned()
    })
}

fn digest(context: &Context<'_>, hash: impl FnOnce(&[u8]) -> String) -> Result<Value> {
    Ok(datum(context, 0).as_bytes().map_or(Value::Null, |bytes| Value::Text(hash(&bytes))))
}

fn real(context: &Context<'_>, function: impl FnOnce(f64) -> f64) -> Result<Value> {
    let value = function(number(context, 0));
    Ok(if is_null(context, 0) || !value.is_finite() { Value::Null } else { Value::Real(value) })
}

fn whole(context: &Context<'_>, function: impl FnOnce(f64) -> f64) -> Result<Value> {
    Ok(match context.get_raw(0) {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        _ => Value::Integer(function(number(context, 0)) as i64),
    })
}

fn whole_or_real(context: &Context<'_>, function: impl FnOnce(f64) -> f64) -> Result<Value> {
    let value = function(number(context, 0));
    Ok(match context.get_raw(0) {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(_) => Value::Integer(value as i64),
        _ => Value::Real(value),
    })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A number from 0 to 1. The hasher's random keys are good enough, because RAND() is not for secrets.
fn random_fraction() -> f64 {
    (random_bits() >> 11) as f64 / (1u64 << 53) as f64
}

fn random_bits() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::time::Instant::now())
}

fn uuid() -> String {
    let (high, low) = (random_bits(), random_bits());
    let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xfff);
    format!("{a:08x}-{b:04x}-4{c:03x}-{:04x}-{:012x}", (low >> 48 & 0x3fff) | 0x8000, low & 0xffff_ffff_ffff)
}
