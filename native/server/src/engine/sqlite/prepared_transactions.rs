//! The events of a source's XA transactions, which wait in the engine's own file from XA PREPARE until XA COMMIT.
//!
//! SQLite has one transaction at a time in a database, so that a prepared one can't stay open while others go on. Its rows are locked at the
//! source all that time: to apply them at XA COMMIT comes to the same.

use rusqlite::{Connection, OptionalExtension as _, Result, params};

/// Makes the tables: the parts of the events, and the transactions whose parts are whole, with the number of the group that commits each.
pub(super) fn make_tables(connection: &Connection) -> Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS xa_events (channel TEXT NOT NULL, xid TEXT NOT NULL, part INTEGER NOT NULL, events BLOB NOT NULL, \
         PRIMARY KEY (channel, xid, part));
         CREATE TABLE IF NOT EXISTS xa_prepared (channel TEXT NOT NULL, xid TEXT NOT NULL, committed INTEGER, PRIMARY KEY (channel, xid)) \
         WITHOUT ROWID",
    )
}

/// Adds a part of a transaction's events. The first part replaces what a lost connection left.
pub(super) fn hold(connection: &Connection, channel: &str, xid: &str, part: u64, events: &[u8]) -> Result<()> {
    if part == 0 {
        release(connection, channel, xid)?;
    }
    let mut statement = connection.prepare_cached("INSERT INTO xa_events VALUES (?1, ?2, ?3, ?4)")?;
    statement.execute(params![channel, xid, part.cast_signed(), events]).map(drop)
}

/// Notes that a transaction's parts are whole.
pub(super) fn prepare(connection: &Connection, channel: &str, xid: &str) -> Result<()> {
    connection.execute("INSERT OR REPLACE INTO xa_prepared VALUES (?1, ?2, NULL)", [channel, xid]).map(drop)
}

/// Notes that a prepared transaction is about to be applied as the group of this number; returns whether there is such a transaction.
pub(super) fn begin_commit(connection: &Connection, channel: &str, xid: &str, number: u64) -> Result<bool> {
    let sql = "UPDATE xa_prepared SET committed = ?3 WHERE channel = ?1 AND xid = ?2";
    Ok(connection.execute(sql, params![channel, xid, number.cast_signed()])? > 0)
}

/// A part of a transaction's events; `None` behind the last one.
pub(super) fn part(connection: &Connection, channel: &str, xid: &str, part: u64) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT events FROM xa_events WHERE channel = ?1 AND xid = ?2 AND part = ?3";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row(params![channel, xid, part.cast_signed()], |row| row.get(0)).optional()
}

/// Forgets a transaction.
pub(super) fn release(connection: &Connection, channel: &str, xid: &str) -> Result<()> {
    connection.execute("DELETE FROM xa_prepared WHERE channel = ?1 AND xid = ?2", [channel, xid])?;
    connection.execute("DELETE FROM xa_events WHERE channel = ?1 AND xid = ?2", [channel, xid]).map(drop)
}

/// Forgets what a killed server left: the transactions that the groups up to this number have committed, and those that are not whole.
pub(super) fn tidy(connection: &Connection, channel: &str, last: u64) -> Result<()> {
    let sql = "DELETE FROM xa_prepared WHERE channel = ?1 AND committed <= ?2";
    connection.execute(sql, params![channel, last.cast_signed()])?;
    let sql =
        "DELETE FROM xa_events WHERE channel = ?1 AND xid NOT IN (SELECT xid FROM xa_prepared WHERE channel = ?1)";
    connection.execute(sql, [channel]).map(drop)
}

/// Forgets all transactions of a channel.
pub(super) fn forget(connection: &Connection, channel: &str) -> Result<()> {
    connection.execute("DELETE FROM xa_prepared WHERE channel = ?1", [channel])?;
    connection.execute("DELETE FROM xa_events WHERE channel = ?1", [channel]).map(drop)
}
