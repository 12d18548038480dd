//! Rows decoded from memory.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use mysql_common::constants::ColumnType;
use mysql_common::io::ParseBuf;
use mysql_common::packets::Column;
use mysql_common::proto::{MyDeserialize, Text};
use mysql_common::row::convert::from_row_opt;
use mysql_common::row::{Row, RowDeserializer};
use mysql_common::value::ClientSide;
use sealwire_core::message::{TextRow, encode_text_row};

use super::cell;
use crate::Outcome;
use crate::measure::Figure;
use crate::report::{Table, ratio};
use crate::world::World;

/// One text row of three columns into (i64, text, f64).
pub(super) fn rows(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "decode: one text row from memory",
        "ns of wall time on one thread for a row of (INT, VARCHAR of 24, DOUBLE) into (i64, text, f64). The text is borrowed by us, owned by \
         mysql_common, whose rows hold copies; *fields alone* finds the three fields and converts none.",
        &["what", "ns", "mysql_common / it"],
    );
    let count = if world.quick { 200_000 } else { 2_000_000 };
    let mut packet = Vec::new();
    encode_text_row([Some(&b"123456"[..]), Some(b"xxxxxxxxxxxxxxxxxx123456"), Some(b"30864.25")], &mut packet);
    let columns: Arc<[Column]> = vec![
        Column::new(ColumnType::MYSQL_TYPE_LONG),
        Column::new(ColumnType::MYSQL_TYPE_VAR_STRING),
        Column::new(ColumnType::MYSQL_TYPE_DOUBLE),
    ]
    .into();
    let (mut ours, mut fields, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..world.repeats() {
        ours.push(timed(count, || {
            let (id, name, price): (i64, &str, f64) = TextRow::new(black_box(&packet)).read()?;
            Ok(id + name.len() as i64 + price as i64)
        })?);
        fields.push(timed(count, || {
            let mut length = 0;
            for field in TextRow::new(black_box(&packet)).iter() {
                length += field?.map_or(0, <[u8]>::len) as i64;
            }
            Ok(length)
        })?);
        theirs.push(timed(count, || {
            let mut buffer = ParseBuf(black_box(&packet));
            let row: Row = RowDeserializer::<ClientSide, Text>::deserialize(Arc::clone(&columns), &mut buffer)?.into();
            let (id, name, price): (i64, String, f64) = from_row_opt(row)?;
            Ok(id + name.len() as i64 + price as i64)
        })?);
    }
    let (ours, theirs) = (Figure::of(ours), Figure::of(theirs));
    world.record("decode sealwire", ours.median);
    world.record("decode mysql_common", theirs.median);
    for (name, figure) in
        [("sealwire, typed", ours), ("sealwire, fields alone", Figure::of(fields)), ("mysql_common, typed", theirs)]
    {
        table.rows.push(vec![name.to_owned(), cell(&figure, 0), ratio(theirs.median / figure.median)]);
    }
    Ok(table)
}

/// ns of one call.
pub(super) fn timed(count: usize, mut work: impl FnMut() -> Outcome<i64>) -> Outcome<f64> {
    let since = Instant::now();
    for _ in 0..count {
        black_box(work()?);
    }
    Ok(since.elapsed().as_secs_f64() * 1e9 / count as f64)
}
