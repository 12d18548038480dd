//! The rows of a row event as C programs see them.

use std::borrow::Cow;
use std::ptr;

use sealwire_binlog::{Column, ColumnKind, Inflate, Problem, Row, Rows, RowsFlags, RowsKind, Value};
use sealwire_core::SqlError;

use super::abi::MysqlTime;
use super::abi::replication::{Bytes, RplEvent, RplRow, RplTimestamp, RplValue};
use super::arena::Arena;
use super::failure;
use super::log::number;
use super::log_event::{Storage, has_rows};

/// The type TABLE_MAP.
const TABLE_MAP: u32 = 19;
/// The most memory that an event's rows may take. NULL takes a bit in an event and a whole value here, so that a small event can have many.
const MOST: usize = 256 << 20;

/// The types of columns whose number in a row differs from that in TABLE_MAP.
const STRING: u8 = 254;
const ENUM: u32 = 247;
const SET: u32 = 248;
const TINY_BLOB: u32 = 249;
const MEDIUM_BLOB: u32 = 250;
const LONG_BLOB: u32 = 251;
const BLOB: u8 = 252;
const TIME: u32 = 11;
const DATETIME: u32 = 12;

/// `MYSQL_TIMESTAMP_DATE`, `…_DATETIME` and `…_TIME`.
const IS_DATE: i32 = 0;
const IS_DATETIME: i32 = 1;
const IS_TIME: i32 = 2;

fn error(problem: Problem) -> SqlError {
    failure::hy000(number(problem), format!("the rows: {problem}"))
}

fn wrong(text: &str) -> SqlError {
    failure::hy000(5021, text)
}

/// The bytes at a place of the event's; none for NULL.
///
/// # Safety
/// `start` is NULL, or there are `length` bytes, which live as long as the answer is used.
unsafe fn slice<'a>(start: *const u8, length: usize) -> &'a [u8] {
    // SAFETY: the caller promises it.
    if start.is_null() { &[] } else { unsafe { std::slice::from_raw_parts(start, length) } }
}

/// The images of all rows of `event`, in the order of the log: for UPDATE that before the change and that after it. They live as long as `event`.
///
/// # Safety
/// Both events were filled by this library and not freed, and nothing else uses them meanwhile.
pub(crate) unsafe fn extract(map: &RplEvent, event: &RplEvent) -> Result<*mut RplRow, SqlError> {
    if map.kind != TABLE_MAP || !has_rows(event.kind) {
        return Err(wrong("the events must be a TABLE_MAP event and a row event of its table"));
    }
    // SAFETY: the types of the events say which member of the union was written, and the caller says the rest. A table map's storage is
    // only read, and a row event's arena is not referred to elsewhere.
    unsafe {
        let (described, changed) = (map.body.table_map, event.body.rows);
        if described.table_id != changed.table_id {
            return Err(wrong("the TABLE_MAP event describes another table"));
        }
        let table = map.storage.cast::<Storage>().as_ref().and_then(|storage| storage.table.clone());
        let table = table.ok_or_else(|| wrong("the TABLE_MAP event was not read by this library"))?;
        let arena = event.storage.cast::<Storage>().as_mut().map(|storage| &mut storage.arena);
        let arena = arena.ok_or_else(|| wrong("the row event was not read by this library"))?;
        let columns = changed.column_count as usize;
        let first = slice(changed.column_bitmap, columns.div_ceil(8));
        let second = slice(changed.column_update_bitmap, columns.div_ceil(8));
        let (kind, before, after): (_, &[u8], &[u8]) = match changed.kind {
            0 => (RowsKind::Write, &[], first),
            1 => (RowsKind::Update, first, second),
            _ => (RowsKind::Delete, first, &[]),
        };
        let rows = Rows {
            kind,
            version: 1,
            table_id: changed.table_id,
            flags: RowsFlags(changed.flags),
            extra: &[],
            columns,
            before,
            after,
            data: Cow::Borrowed(slice(changed.row_data.cast(), changed.row_data_size)),
            packed: None,
            table: Some(table.clone()),
        };
        let types = slice(described.column_types.start.cast(), described.column_types.length);
        images(&rows, types, table.columns(), arena)
    }
}

fn images(rows: &Rows<'_>, types: &[u8], columns: &[Column], arena: &mut Arena) -> Result<*mut RplRow, SqlError> {
    let mut chain = Chain { first: ptr::null_mut(), last: ptr::null_mut(), left: MOST };
    let mut all = rows.iter().map_err(error)?;
    let mut row = Row::default();
    while all.next_into(&mut row).map_err(error)? {
        for image in [&row.before, &row.after] {
            if !image.is_empty() {
                chain.push(image, types, columns, arena)?;
            }
        }
    }
    Ok(chain.first)
}

/// The list of images that is being made.
struct Chain {
    first: *mut RplRow,
    last: *mut RplRow,
    /// The memory that further rows may take.
    left: usize,
}

impl Chain {
    fn push(
        &mut self,
        image: &[Option<Value<'_>>],
        types: &[u8],
        columns: &[Column],
        arena: &mut Arena,
    ) -> Result<(), SqlError> {
        let count = image.len();
        self.spend(size_of::<RplRow>() + count * size_of::<RplValue>())?;
        let node = arena.take(size_of::<RplRow>()).ok_or_else(failure::no_memory)?.cast::<RplRow>();
        let values = arena.take(count * size_of::<RplValue>()).ok_or_else(failure::no_memory)?.cast::<RplValue>();
        for (at, value) in image.iter().enumerate() {
            let kind = types.get(at).copied().unwrap_or(0);
            let made = match columns.get(at) {
                Some(column) => self.value(kind, column, value.as_ref(), arena)?,
                None => RplValue::zeroed(),
            };
            // SAFETY: there is room for as many values as the image has.
            unsafe { values.add(at).write(made) };
        }
        // SAFETY: the piece has room for the node; `last` is NULL or a node of this list.
        unsafe {
            node.write(RplRow { column_count: count as u32, columns: values, next: ptr::null_mut() });
            match self.last.as_mut() {
                None => self.first = node,
                Some(last) => last.next = node,
            }
        }
        self.last = node;
        Ok(())
    }

    fn spend(&mut self, size: usize) -> Result<(), SqlError> {
        self.left = self.left.checked_sub(size).ok_or_else(|| {
            failure::hy000(2008, format!("the rows of one event would take more than {} MiB of memory", MOST >> 20))
        })?;
        Ok(())
    }

    /// A value as the original gives it. A column that is not in the image is as NULL: the event's bitmaps tell the two apart.
    fn value(
        &mut self,
        kind: u8,
        column: &Column,
        value: Option<&Value<'_>>,
        arena: &mut Arena,
    ) -> Result<RplValue, SqlError> {
        let mut all = RplValue::zeroed();
        all.kind = match column.kind {
            ColumnKind::Enum { .. } if kind == STRING => ENUM,
            ColumnKind::Set { .. } if kind == STRING => SET,
            _ => kind.into(),
        };
        all.is_signed = u8::from(column.unsigned == Some(false));
        let time = |kind| MysqlTime {
            year: 0,
            month: 0,
            day: 0,
            hour: 0,
            minute: 0,
            second: 0,
            second_part: 0,
            neg: 0,
            time_type: kind,
        };
        let Some(value) = value.filter(|value| **value != Value::Null) else {
            all.is_null = 1;
            return Ok(all);
        };
        match *value {
            Value::Null => {}
            Value::Int(number) if column.unsigned.is_none() => all.any.unsigned = as_stored(number, column.kind),
            Value::Int(number) => all.any.signed = number,
            Value::UInt(number) | Value::Set(number) => all.any.unsigned = number,
            Value::Enum(number) | Value::Year(number) => all.any.unsigned = number.into(),
            Value::Float(number) => all.any.float = number,
            Value::Double(number) => all.any.double = number,
            Value::Decimal(number) => all.any.bytes = self.copy(number.to_string().as_bytes(), arena)?,
            Value::Bit(bits) => {
                let bytes = match column.kind {
                    ColumnKind::Bit { bits } => usize::from(bits.div_ceil(8)),
                    _ => 8,
                };
                let stored = bits.to_be_bytes();
                all.any.bytes = self.copy(stored.get(8 - bytes.min(8)..).unwrap_or_default(), arena)?;
            }
            Value::Date(date) => {
                all.any.time = MysqlTime {
                    year: date.year.into(),
                    month: date.month.into(),
                    day: date.day.into(),
                    ..time(IS_DATE)
                };
            }
            Value::Time(at) => {
                all.kind = TIME;
                all.any.time = MysqlTime {
                    hour: at.hours.into(),
                    minute: at.minutes.into(),
                    second: at.seconds.into(),
                    second_part: at.micros.into(),
                    neg: i8::from(at.negative),
                    ..time(IS_TIME)
                };
            }
            Value::DateTime(at) => {
                all.kind = DATETIME;
                all.any.time = MysqlTime {
                    year: at.year.into(),
                    month: at.month.into(),
                    day: at.day.into(),
                    hour: at.hour.into(),
                    minute: at.minute.into(),
                    second: at.second.into(),
                    second_part: at.micros.into(),
                    ..time(IS_DATETIME)
                };
            }
            Value::Timestamp(at) => {
                all.any.timestamp = RplTimestamp { second: at.seconds, second_part: at.micros };
            }
            Value::Bytes(bytes) | Value::Json(bytes) | Value::JsonDiff(bytes) => {
                all.kind = match column.kind {
                    ColumnKind::Blob { length_bytes } if kind == BLOB => match length_bytes {
                        1 => TINY_BLOB,
                        3 => MEDIUM_BLOB,
                        4 => LONG_BLOB,
                        _ => all.kind,
                    },
                    _ => all.kind,
                };
                all.any.bytes = Bytes::of(bytes);
            }
            Value::Compressed(stored) => {
                all.any.bytes = match Inflate::default().column(stored).map_err(error)? {
                    Cow::Borrowed(bytes) => Bytes::of(bytes),
                    Cow::Owned(bytes) => self.copy(&bytes, arena)?,
                };
            }
        }
        Ok(all)
    }

    fn copy(&mut self, bytes: &[u8], arena: &mut Arena) -> Result<Bytes, SqlError> {
        self.spend(bytes.len())?;
        let start = arena.text(bytes).ok_or_else(failure::no_memory)?;
        Ok(if bytes.is_empty() { Bytes::NONE } else { Bytes { start, length: bytes.len() } })
    }
}

/// The bits of an integer of which the log does not say whether it has a sign: as in the original, no sign is extended into those above.
const fn as_stored(number: i64, kind: ColumnKind) -> u64 {
    let bits = match kind {
        ColumnKind::TinyInt => 8,
        ColumnKind::SmallInt => 16,
        ColumnKind::MediumInt => 24,
        ColumnKind::Int => 32,
        _ => 64,
    };
    number.cast_unsigned() & (u64::MAX >> (64 - bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_a_known_sign_keeps_the_bits_of_its_type() {
        assert_eq!(as_stored(-1, ColumnKind::TinyInt), 0xff);
        assert_eq!(as_stored(-2, ColumnKind::MediumInt), 0xff_fffe);
        assert_eq!(as_stored(5, ColumnKind::Int), 5);
        assert_eq!(as_stored(-1, ColumnKind::BigInt), u64::MAX);
    }

    #[test]
    fn the_memory_of_an_events_rows_is_bounded() {
        let mut chain = Chain { first: ptr::null_mut(), last: ptr::null_mut(), left: 100 };
        assert!(chain.spend(100).is_ok());
        assert_eq!(chain.spend(1).unwrap_err().code, 2008);
    }
}
