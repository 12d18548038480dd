//! The binary log as `mysql_async` reads it: the rows up to its end.

use std::future::poll_fn;
use std::pin::pin;

use futures_core::Stream as _;
use mysql_async::binlog::events::EventData;
use mysql_async::{BinlogStreamRequest, Conn};
use serde_json::{Value, json};

use crate::{Job, Outcome, mysql_async_driver};

/// A number that no other replica of the tests has.
const SERVER_ID: u32 = 88;

pub(crate) async fn run(job: &Job) -> Outcome {
    let conn = Conn::new(mysql_async_driver::options(job)).await?;
    let mut stream = pin!(conn.get_binlog_stream(BinlogStreamRequest::new(SERVER_ID).with_non_blocking()).await?);
    let mut rows = Vec::new();
    while let Some(event) = poll_fn(|context| stream.as_mut().poll_next(context)).await {
        let event = event?;
        let Some(EventData::RowsEvent(changes)) = event.read_data()? else { continue };
        let table = stream.get_tme(changes.table_id()).ok_or("a row event without its table")?;
        for row in changes.rows(table) {
            let (before, after) = row?;
            let row = after.or(before).ok_or("a row without images")?;
            let described = row.columns();
            let columns = described.iter().enumerate();
            let values: Vec<Value> = columns
                .map(|(index, column)| json!([column.name_str(), row.as_ref(index).map(|value| format!("{value:?}"))]))
                .collect();
            rows.push(json!([table.table_name(), values]));
        }
    }
    Ok(json!({ "rows": rows }))
}
