//! The places in sources' logs up to which groups were applied.
//!
//! Each database has a table with a row for each channel, which a group changes in its own transaction, so that a database and its place never
//! differ. A transaction over several databases is not atomic across a crash, because each has a write-ahead log. Therefore a file of its own
//! says before such a commit which databases take part. The same file has the places of groups that change no database, and prepared
//! transactions.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, Result as SqliteResult, params};
use sealwire_core::error::SqlError;

use super::databases::Databases;
use super::errors::to_mysql;
use super::prepared_transactions;
use crate::engine::is_system_database;
use crate::engine::replicated::{AppliedGroups, GroupEnd, KeptPlace, PartialGroup};

/// The name of the table. Users' names do not begin so.
pub(super) const TABLE: &str = "\u{1}replica places";
/// The file for groups that change no database, or several.
const FILE: &str = "replica.places";
/// The schema of a file that is not attached.
const MAIN: &str = "main";
/// Stands between the names of databases.
const BETWEEN: u8 = 0;

const COLUMNS: &str = "(channel TEXT PRIMARY KEY, number INTEGER NOT NULL, file BLOB NOT NULL, position INTEGER NOT NULL, gtids TEXT NOT NULL) WITHOUT ROWID";

/// The file of this module's own. It is opened when it is needed.
#[derive(Debug, Default)]
pub(super) struct OwnFile(Mutex<Option<Connection>>);

/// Makes the table in an attached database, where it is missing. The name of the schema is quoted, here and below.
pub(super) fn make_table(connection: &Connection, schema: &str) -> SqliteResult<()> {
    connection.execute_batch(&format!("CREATE TABLE IF NOT EXISTS {schema}.\"{TABLE}\" {COLUMNS}"))
}

/// Locks an attached database for writing, before anything of it is read. SQLite waits for a lock only then.
pub(super) fn lock(connection: &Connection, schema: &str) -> SqliteResult<()> {
    let sql = format!("DELETE FROM {schema}.\"{TABLE}\" WHERE channel IS NULL");
    let locked = connection.prepare_cached(&sql).and_then(|mut statement| statement.execute([]));
    if locked.as_ref().is_err_and(is_missing_table) {
        return make_table(connection, schema);
    }
    locked.map(drop)
}

fn is_missing_table(error: &rusqlite::Error) -> bool {
    error.to_string().contains("no such table")
}

/// Writes a channel's place in an attached database.
pub(super) fn put(connection: &Connection, schema: &str, channel: &str, place: &KeptPlace) -> SqliteResult<()> {
    let sql = format!("INSERT OR REPLACE INTO {schema}.\"{TABLE}\" VALUES (?1, ?2, ?3, ?4, ?5)");
    let mut statement = connection.prepare_cached(&sql)?;
    let (number, position) = (place.number.cast_signed(), place.position.cast_signed());
    statement.execute(params![channel, number, place.file, position, place.gtids]).map(drop)
}

/// Gives a database the later places of another one, when a transaction that the other one has was carried out in it, too.
pub(super) fn catch_up(from: &Connection, to: &Connection) -> SqliteResult<()> {
    for (channel, place) in all(from)? {
        make_table(to, MAIN)?;
        if get(to, MAIN, &channel)?.is_none_or(|own| own.number < place.number) {
            put(to, MAIN, &channel, &place)?;
        }
    }
    Ok(())
}

/// The places of all channels in a database that is not attached.
fn all(connection: &Connection) -> SqliteResult<Vec<(String, KeptPlace)>> {
    let sql = format!("SELECT channel, number, file, position, gtids FROM \"{TABLE}\"");
    let mut statement = match connection.prepare(&sql) {
        Err(error) if is_missing_table(&error) => return Ok(Vec::new()),
        statement => statement?,
    };
    let rows = statement.query_map([], |row| Ok((row.get(0)?, place_at(row, 1)?)))?;
    rows.collect()
}

/// Reads a channel's place; `None` where there is none.
fn get(connection: &Connection, schema: &str, channel: &str) -> SqliteResult<Option<KeptPlace>> {
    let sql = format!("SELECT number, file, position, gtids FROM {schema}.\"{TABLE}\" WHERE channel = ?1");
    let mut statement = match connection.prepare(&sql) {
        Err(error) if is_missing_table(&error) => return Ok(None),
        statement => statement?,
    };
    statement.query_row([channel], |row| place_at(row, 0)).optional()
}

fn place_at(row: &rusqlite::Row<'_>, first: usize) -> SqliteResult<KeptPlace> {
    Ok(KeptPlace {
        number: row.get::<_, i64>(first)?.cast_unsigned(),
        file: row.get(first + 1)?,
        position: row.get::<_, i64>(first + 2)?.cast_unsigned(),
        gtids: row.get(first + 3)?,
    })
}

impl OwnFile {
    /// Runs an act on the file. `is_durable` says whether a power failure must not undo it.
    pub(super) fn with<T>(
        &self,
        directory: &Path,
        is_durable: bool,
        act: impl FnOnce(&Connection) -> SqliteResult<T>,
    ) -> Result<T, SqlError> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let run = || -> SqliteResult<T> {
            let connection = match &mut *open {
                Some(connection) => connection,
                none => none.insert(open_file(directory)?),
            };
            connection.pragma_update(None, "synchronous", if is_durable { "FULL" } else { "NORMAL" })?;
            act(connection)
        };
        run().map_err(|error| {
            let error = to_mysql(&error, "");
            let message = format!("the file '{}': {}", directory.join(FILE).display(), error.message);
            SqlError { message, ..error }
        })
    }

    /// Keeps the place behind a group that changed no database.
    pub(super) fn keep(&self, directory: &Path, channel: &str, place: &KeptPlace) -> Result<(), SqlError> {
        self.with(directory, false, |connection| put(connection, MAIN, channel, place))
    }

    /// Notes that a group is about to change these databases, or, without databases, that a statement is about to be carried out.
    pub(super) fn begin(
        &self,
        directory: &Path,
        channel: &str,
        end: &GroupEnd,
        databases: &[&str],
    ) -> Result<(), SqlError> {
        let names = databases.join(&*String::from_utf8_lossy(&[BETWEEN]));
        self.with(directory, true, |connection| {
            let mut statement = connection
                .prepare_cached("INSERT OR REPLACE INTO begun VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?;
            let (place, before) = (&end.place, &end.before);
            let all = params![
                channel,
                place.number.cast_signed(),
                place.file,
                place.position.cast_signed(),
                place.gtids,
                before.number.cast_signed(),
                before.file,
                before.position.cast_signed(),
                before.gtids,
                names.as_bytes()
            ];
            statement.execute(all).map(drop)
        })
    }

    /// The group that a killed server may have left in part: the places around it, and its databases.
    fn begun(&self, directory: &Path, channel: &str) -> Result<Option<(GroupEnd, BTreeSet<String>)>, SqlError> {
        self.with(directory, false, |connection| {
            let mut statement = connection.prepare("SELECT * FROM begun WHERE channel = ?1")?;
            let read = statement.query_row([channel], |row| {
                let names: Vec<u8> = row.get(9)?;
                let names = names.split(|byte| *byte == BETWEEN).filter(|name| !name.is_empty());
                let names = names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
                Ok((GroupEnd { place: place_at(row, 1)?, before: place_at(row, 5)? }, names))
            });
            read.optional()
        })
    }
}

fn open_file(directory: &Path) -> SqliteResult<Connection> {
    let path = directory.join(FILE);
    // SQLite gives the files beside it the same mode. Where the file can't be made, SQLite says why.
    let _ = File::options().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    make_table(&connection, MAIN)?;
    prepared_transactions::make_tables(&connection)?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS begun (channel TEXT PRIMARY KEY, number INTEGER NOT NULL, file BLOB NOT NULL, position INTEGER NOT NULL, \
         gtids TEXT NOT NULL, before_number INTEGER NOT NULL, before_file BLOB NOT NULL, before_position INTEGER NOT NULL, \
         before_gtids TEXT NOT NULL, databases BLOB NOT NULL) WITHOUT ROWID",
    )?;
    Ok(connection)
}

/// The place of a channel in each database that has one.
fn places(databases: &Databases, channel: &str) -> Result<Vec<(String, KeptPlace)>, SqlError> {
    let mut found = Vec::new();
    for database in databases.list()?.into_iter().filter(|database| !is_system_database(database)) {
        let opened = databases.open(&database)?;
        let place = get(&opened.connection, MAIN, channel).map_err(|error| to_mysql(&error, ""))?;
        found.extend(place.map(|place| (database, place)));
    }
    Ok(found)
}

/// The groups of a channel that were applied. Events that no group needs any more are removed.
pub(super) fn applied(databases: &Databases, own: &OwnFile, channel: &str) -> Result<AppliedGroups, SqlError> {
    let groups = groups_applied(databases, own, channel)?;
    own.with(databases.directory(), false, |own| prepared_transactions::tidy(own, channel, groups.last.number))?;
    Ok(groups)
}

fn groups_applied(databases: &Databases, own: &OwnFile, channel: &str) -> Result<AppliedGroups, SqlError> {
    let directory = databases.directory();
    let places = places(databases, channel)?;
    let own_place = own.with(directory, false, |connection| get(connection, MAIN, channel))?;
    let all = places.iter().map(|(_, place)| place).chain(&own_place);
    let last = all.max_by_key(|place| place.number).cloned().unwrap_or_default();
    let Some((end, of_group)) = own.begun(directory, channel)? else {
        return Ok(AppliedGroups { last, partial: None });
    };
    if of_group.is_empty() {
        let partial =
            (end.place.number > last.number).then_some(PartialGroup { place: end.place, done: BTreeSet::new() });
        return Ok(AppliedGroups { last, partial });
    }
    let has = |database: &String| places.iter().any(|(own, place)| own == database && place.number >= end.place.number);
    let done: BTreeSet<String> = of_group.iter().filter(|database| has(database)).cloned().collect();
    // A database that was dropped since lacks nothing.
    let is_whole = of_group.iter().all(|database| done.contains(database) || !databases.has(database));
    if end.place.number != last.number || is_whole {
        return Ok(AppliedGroups { last, partial: None });
    }
    Ok(AppliedGroups { last: end.before, partial: Some(PartialGroup { place: end.place, done }) })
}

/// Saves the places of a database that is about to be dropped, because they may be the last ones of their channels.
pub(super) fn save(databases: &Databases, own: &OwnFile, database: &str) -> Result<(), SqlError> {
    let Ok(opened) = databases.open(database) else { return Ok(()) };
    for (channel, place) in all(&opened.connection).map_err(|error| to_mysql(&error, ""))? {
        own.with(databases.directory(), true, |connection| {
            let known = get(connection, MAIN, &channel)?;
            if known.is_some_and(|known| known.number >= place.number) {
                return Ok(());
            }
            put(connection, MAIN, &channel, &place)
        })?;
    }
    Ok(())
}

/// Forgets all places of a channel.
pub(super) fn forget(databases: &Arc<Databases>, own: &OwnFile, channel: &str) -> Result<(), SqlError> {
    for (database, _) in places(databases, channel)? {
        let forgotten = databases.change(&database, |connection| {
            connection.execute(&format!("DELETE FROM \"{TABLE}\" WHERE channel = ?1"), [channel]).map(drop)
        });
        forgotten?;
    }
    own.with(databases.directory(), true, |connection| {
        connection.execute(&format!("DELETE FROM \"{TABLE}\" WHERE channel = ?1"), [channel])?;
        prepared_transactions::forget(connection, channel)?;
        connection.execute("DELETE FROM begun WHERE channel = ?1", [channel]).map(drop)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_catches_up_with_the_places_of_a_whole_one() {
        let place =
            |number: u64| KeptPlace { number, file: b"bin.000001".to_vec(), position: number, gtids: String::new() };
        let [whole, other, without] = [(); 3].map(|()| Connection::open_in_memory().unwrap());
        for (connection, channel, number) in [(&whole, "a", 7), (&whole, "b", 3), (&other, "a", 6), (&other, "b", 5)] {
            make_table(connection, MAIN).unwrap();
            put(connection, MAIN, channel, &place(number)).unwrap();
        }
        for database in [&other, &without] {
            catch_up(&whole, database).unwrap();
            catch_up(&without, database).unwrap();
        }
        let numbers = |connection: &Connection| -> Vec<(String, u64)> {
            all(connection).unwrap().into_iter().map(|(channel, place)| (channel, place.number)).collect()
        };
        assert_eq!(numbers(&other), [("a".to_owned(), 7), ("b".to_owned(), 5)]);
        assert_eq!(numbers(&without), [("a".to_owned(), 7), ("b".to_owned(), 3)]);
    }
}
