//! The functions that wait until a replica has applied a place of its source's log.
//!
//! Source: MySQL Reference Manual, "Position-Based Synchronization Functions" and "Functions Used with Global Transaction Identifiers";
//! MariaDB, "MASTER_GTID_WAIT".

use std::sync::Arc;
use std::time::Duration;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};

use super::bounds::Bounds;
use crate::engine::{Arrival, Wanted};

/// The functions that wait for a position.
const BY_POSITION: [&str; 2] = ["master_pos_wait", "source_pos_wait"];
/// The functions that wait for GTIDs, and their answers when the time is over.
const BY_GTIDS: [(&str, i64); 2] = [("master_gtid_wait", -1), ("wait_for_executed_gtid_set", 1)];

/// The longest wait, in seconds.
const MOST_SECONDS: f64 = 31_536_000.0;

/// Registers the functions.
pub(super) fn register(connection: &Connection, bounds: &Arc<Bounds>) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    for name in BY_POSITION {
        for arguments in 2..=4 {
            let bounds = Arc::clone(bounds);
            connection.create_scalar_function(name, arguments, flags, move |context| {
                let position = u64::try_from(number(context, 1).unwrap_or(0.0) as i64).unwrap_or(0);
                let wanted = Wanted::Position { channel: text(context, 3), file: text(context, 0), position };
                Ok(match wait(&bounds, &wanted, number(context, 2)) {
                    Arrival::Reached(groups) => i64::try_from(groups).ok(),
                    Arrival::TimedOut => Some(-1),
                    Arrival::NotApplied => None,
                })
            })?;
        }
    }
    for (name, timed_out) in BY_GTIDS {
        for arguments in 1..=2 {
            let bounds = Arc::clone(bounds);
            connection.create_scalar_function(name, arguments, flags, move |context| {
                Ok(match wait(&bounds, &Wanted::Gtids(text(context, 0)), number(context, 1)) {
                    Arrival::Reached(_) => Some(0),
                    Arrival::TimedOut => Some(timed_out),
                    Arrival::NotApplied => None,
                })
            })?;
        }
    }
    Ok(())
}

fn wait(bounds: &Bounds, wanted: &Wanted, seconds: Option<f64>) -> Arrival {
    let most =
        seconds.filter(|seconds| *seconds > 0.0).map(|seconds| Duration::from_secs_f64(seconds.min(MOST_SECONDS)));
    bounds.applied_places.get().map_or(Arrival::NotApplied, |places| places.wait(wanted, most, &bounds.interruption))
}

/// An argument as text; empty where it is missing.
fn text(context: &Context<'_>, index: usize) -> String {
    if index >= context.len() {
        return String::new();
    }
    match context.get_raw(index) {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    }
}

/// An argument as a number; `None` where it is missing or none.
fn number(context: &Context<'_>, index: usize) -> Option<f64> {
    if index >= context.len() {
        return None;
    }
    match context.get_raw(index) {
        ValueRef::Integer(number) => Some(number as f64),
        ValueRef::Real(number) => Some(number),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok()?.trim().parse().ok(),
        _ => None,
    }
}
