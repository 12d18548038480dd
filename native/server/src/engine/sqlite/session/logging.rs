//! Makes the triggers that collect changed rows, and commits with the binary log.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::TransactionState;
use sealwire_accounts::Privilege;
use sealwire_binlog::RowMetadata;
use sealwire_core::error::SqlError;

use super::super::capture_names::{FORM, FUNCTION, SETTLED, trigger};
use super::super::errors::to_mysql;
use super::super::foreign_keys::ForeignKeys;
use super::super::logged_columns::LoggedColumns;
use super::super::logged_values::Checked;
use super::super::{temporary, wal};
use super::SqliteSession;
use super::capture::{Author, Capture, CapturedTable};
use crate::engine::replicated::RowChange;
use crate::engine::translate::{Collations as _, StatementKind, Translated, quote, schema_of};
use crate::engine::{Done, Limits, Request, is_system_database};
use crate::memory;
use crate::replication::{CommitMark, Group, LoggedColumn, LoggedTable, Statement};
use crate::sql::collations;

/// The savepoint of a statement, which no user's can be.
const STATEMENT: &str = "`\u{1}statement`";
/// The most values in one call, because SQLite limits a function's arguments.
const MOST_VALUES: usize = 96;

impl SqliteSession {
    /// Runs a change, and collects its rows where it is logged. `run` tells whether it has run.
    pub(super) fn captured<T>(
        &self,
        translated: &Translated,
        request: &Request<'_>,
        run: impl FnOnce() -> Result<Option<T>, SqlError>,
    ) -> Result<Option<T>, SqlError> {
        let Some(capture) = self.capture.as_ref().filter(|_| translated.kind != StatementKind::Definition) else {
            return run();
        };
        // Triggers that no longer fit their table would make a statement fail, even one that is not logged.
        if request.limits.is_logged || capture.has_triggers() {
            self.make_triggers(capture, translated, request)?;
        }
        if self.connection.is_autocommit() {
            // It is not logged.
            return run();
        }
        let repeated = self.repeated(translated, request)?;
        let text = Some(request.sql).filter(|_| request.limits.annotates);
        // A transaction that has nothing yet is rolled back whole, which costs less.
        let is_kept = self.has_worked.get() || !self.savepoints.is_empty();
        if is_kept {
            self.run_batch(&format!("SAVEPOINT {STATEMENT}"))?;
        }
        let author = if self.group().is_some() { Author::Source } else { Author::Client };
        let mark = capture.begin(text, request.limits.is_logged, author, request.limits.row_image);
        let ran = run();
        let is_done = matches!(ran, Ok(Some(_)));
        let ended = capture.end(mark, is_done).and_then(|()| match &repeated {
            Some(repeated) if is_done => self.log_repeated(capture, mark, repeated, translated, request),
            _ => Ok(()),
        });
        if self.connection.is_autocommit() {
            // SQLite has rolled the transaction back.
            return ended.and(ran);
        }
        if is_kept {
            if ended.is_err() || !is_done {
                self.run_batch(&format!("ROLLBACK TO {STATEMENT}"))?;
            }
            self.run_batch(&format!("RELEASE {STATEMENT}"))?;
        } else if ended.is_err() {
            // SQLite has made the change, which only the end of the transaction takes back.
            self.run_batch("ROLLBACK")?;
        }
        ended.and(ran)
    }

    /// Applies rows of a source, and collects them where they are logged.
    pub(super) fn captured_rows(
        &self,
        change: &RowChange<'_>,
        limits: &Limits,
        run: impl FnOnce() -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let Some(capture) = &self.capture else { return run() };
        if limits.is_logged || capture.has_triggers() {
            // A source's rows have their form already.
            self.make_triggers_for(capture, (change.database, change.table), false, limits.row_metadata)?;
        }
        let text = change.statement.filter(|_| limits.annotates);
        let mark = capture.begin(text, limits.is_logged, Author::SourceRows, limits.row_image);
        let ran = run();
        capture.end(mark, ran.is_ok())?;
        ran.map_err(|error| capture.take_error().unwrap_or(error))
    }

    /// Makes the triggers of the tables that a statement changes, where they are missing or the tables have changed since.
    fn make_triggers(&self, capture: &Capture, translated: &Translated, request: &Request<'_>) -> Result<(), SqlError> {
        const CHANGES: [Privilege; 3] = [Privilege::INSERT, Privilege::UPDATE, Privilege::DELETE];
        let changed = translated.accesses.iter().filter(|access| access.privileges.iter().any(|p| CHANGES.contains(p)));
        for access in changed.filter(|access| !is_system_database(&access.database)) {
            let Some(table) = &access.table else { continue };
            self.make_triggers_for(capture, (&access.database, table), true, request.limits.row_metadata)?;
        }
        Ok(())
    }

    fn make_triggers_for(
        &self,
        capture: &Capture,
        (database, table): (&str, &str),
        settles: bool,
        metadata: RowMetadata,
    ) -> Result<(), SqlError> {
        let schema = schema_of(database);
        let version: i64 = self
            .connection
            .pragma_query_value(Some(schema.as_ref()), "schema_version", |row| row.get(0))
            .map_err(|error| to_mysql(&error, ""))?;
        let is_current = |table: &str| {
            capture.state().tables.values().any(|own| {
                (own.version, own.settles) == (version, settles)
                    && own.database == *database
                    && own.table.eq_ignore_ascii_case(table)
            })
        };
        if is_current(table) {
            return Ok(());
        }
        let keys = ForeignKeys::read(&self.connection, database);
        let mut tables: BTreeSet<String> = keys.tables_changed();
        tables.retain(|other| !other.eq_ignore_ascii_case(table));
        tables.insert(table.to_owned());
        for table in tables {
            if !is_current(&table) {
                let made = Made { version, settles, has_foreign_keys: !keys.is_empty(), metadata };
                self.make_triggers_of(capture, database, &table, made)?;
            }
        }
        Ok(())
    }

    fn make_triggers_of(
        &self,
        capture: &Capture,
        database: &str,
        table: &str,
        Made { version, settles, has_foreign_keys, metadata }: Made,
    ) -> Result<(), SqlError> {
        let format = &capture.log.format;
        // A statement on a view or on a table that does not exist fails by itself.
        let Some(LoggedColumns { table: name, columns, checks, key, row_number }) =
            LoggedColumns::read(&self.connection, &schema_of(database), table, format.flavour)?
        else {
            return Ok(());
        };
        let triggers = trigger_texts(database, &name, (&columns, &checks), row_number.filter(|_| settles))?;
        let names = (database, name.as_str());
        let logged =
            LoggedTable::new(format.flavour, metadata, names, columns, &key, has_foreign_keys).map_err(|problem| {
                SqlError::new(1105, b"HY000", format!("The table '{database}.{name}' can't be logged: {problem}"))
            })?;
        let number = random_number();
        for trigger in triggers {
            let text = trigger.replace(NUMBER, &number.to_string());
            self.run_batch(&text)?;
        }
        let mut state = capture.state();
        // A statement looks at the tables behind its own only where its own has no triggers, so all of a database are of one kind.
        state.tables.retain(|_, own| {
            own.database != database || (own.settles == settles && !own.table.eq_ignore_ascii_case(&name))
        });
        let is_unsettled = !self.connection.is_autocommit();
        let table = CapturedTable {
            database: database.to_owned(),
            table: name,
            version,
            settles,
            is_unsettled,
            logged: Arc::new(logged),
            checks: checks.into(),
        };
        state.tables.insert(number, table);
        Ok(())
    }

    /// Commits SQLite's transaction, with its changes in the binary log.
    pub(super) fn commit(&self) -> Result<(), SqlError> {
        let _commit = self.begin_commit()?;
        self.keep_places()?;
        let origin = self.group().and_then(|group| group.origin);
        let Some(capture) = self.capture.as_ref().filter(|capture| capture.has_rows()) else {
            let committed = self.run_batch("COMMIT");
            self.settle_triggers(committed.is_ok());
            return committed;
        };
        let (mut cache, databases) = {
            let mut state = capture.state();
            state.savepoints.clear();
            (std::mem::take(&mut state.cache), std::mem::take(&mut state.databases))
        };
        // A database whose changes were all rolled back has no lock, and waiting for one would keep all other commits waiting.
        let is_written = |name: &&str| {
            let state = self.connection.transaction_state(Some(schema_of(name).as_ref()));
            state.is_ok_and(|state| state == TransactionState::Write)
        };
        let names: Vec<&str> = databases.iter().map(String::as_str).filter(is_written).collect();
        // Writing a long log back into the database may take seconds, for which no other commit should wait.
        let is_long = cache.length() >= memory::LARGE as u64;
        if is_long {
            self.run_batch("PRAGMA wal_autocheckpoint = 0")?;
        }
        let committed = capture.log.commit(
            Group::Rows(&mut cache, origin, &names),
            |mark| self.mark(&names, mark),
            || self.run_batch("COMMIT"),
        );
        let committed = committed.map(|awaited| capture.state().awaited = awaited);
        if is_long {
            self.run_batch(&format!("PRAGMA wal_autocheckpoint = {}", wal::CHECKPOINT_EACH))?;
            if committed.is_ok() {
                names.iter().for_each(|name| wal::write_back_behind_readers(&self.connection, &schema_of(name)));
            }
        }
        if committed.is_err() {
            // The caller tries again, or rolls back.
            let mut state = capture.state();
            (state.cache, state.databases) = (cache, databases);
        }
        self.settle_triggers(committed.is_ok());
        committed
    }

    /// Whether a change must be in the binary log. Temporary tables are the session's own.
    pub(super) fn is_logged(&self, translated: &Translated, request: &Request<'_>) -> bool {
        self.capture.is_some() && request.limits.is_logged && temporary::temporary_target(translated).is_none()
    }

    /// Runs a change that is a transaction of its own, and logs it.
    pub(super) fn change_logged(&mut self, translated: &Translated, request: &Request<'_>) -> Result<Done, SqlError> {
        self.begin()?;
        let changed = self.change_first(translated, request);
        if changed.is_ok() {
            self.end_transaction("COMMIT")?;
        } else if !self.connection.is_autocommit() {
            self.run_batch("ROLLBACK")?;
        }
        changed
    }

    /// Prepares a definition: removes the triggers of the databases that it changes, because SQLite lets no column go that a trigger reads.
    pub(super) fn prepare_definition(&self, translated: &Translated, request: &Request<'_>) -> Result<(), SqlError> {
        let Some(capture) = &self.capture else { return Ok(()) };
        let creates = translated.statements.first().is_some_and(|sql| sql.starts_with("CREATE TABLE "));
        let is_filled =
            translated.accesses.first().is_some_and(|access| access.privileges.contains(&Privilege::INSERT));
        if request.limits.is_logged && creates && is_filled {
            let message = "Statement violates GTID consistency: CREATE TABLE ... SELECT. Create the table, and fill it with INSERT ... SELECT.";
            return Err(SqlError::new(1786, b"HY000", message));
        }
        let databases = translated.databases();
        let mut gone = Vec::new();
        capture.state().tables.retain(|_, table| {
            let stays = !databases.contains(table.database.as_str());
            if !stays {
                gone.push((table.database.clone(), table.table.clone()));
            }
            stays
        });
        for (database, table) in gone {
            for event in EVENTS {
                self.run_batch(&format!("DROP TRIGGER IF EXISTS temp.{}", trigger_name(event, &database, &table)?))?;
            }
        }
        Ok(())
    }

    /// Commits a definition, with its text in the binary log.
    pub(super) fn commit_definition(&self, translated: &Translated, request: &Request<'_>) -> Result<(), SqlError> {
        self.keep_places()?;
        let Some(capture) = self.capture.as_ref().filter(|_| request.limits.is_logged) else {
            return self.run_batch("COMMIT");
        };
        let databases = databases_changed(translated);
        if databases.is_empty() {
            return self.run_batch("COMMIT");
        }
        let account = request.context.account();
        let statement = self.definition(translated, request, &databases, &account)?;
        let committed = capture.log.commit(
            Group::Statement(&statement),
            |mark| self.mark(&databases, mark),
            || self.run_batch("COMMIT"),
        )?;
        capture.state().awaited = committed;
        Ok(())
    }

    /// Adds a definition within a source's transaction to what the commit logs.
    pub(super) fn collect_definition(&self, translated: &Translated, request: &Request<'_>) -> Result<(), SqlError> {
        let Some(capture) = self.capture.as_ref().filter(|_| request.limits.is_logged) else { return Ok(()) };
        let databases = databases_changed(translated);
        if databases.is_empty() {
            return Ok(());
        }
        let account = request.context.account();
        capture.add_statement(&self.definition(translated, request, &databases, &account)?)
    }

    /// A definition as the log gets it.
    ///
    /// # Errors
    /// 1235 where its text would mean another table at a replica.
    fn definition<'s>(
        &self,
        translated: &'s Translated,
        request: &'s Request<'_>,
        databases: &'s [&'s str],
        account: &'s str,
    ) -> Result<Statement<'s>, SqlError> {
        if translated.names_temporary && translated.logged_text.is_none() {
            let message = "The statement can't be logged, because it names a temporary table, which replicas do not have; name the tables \
                           one by one, or write out the definition";
            return Err(SqlError::new(1235, b"42000", message));
        }
        // MariaDB drops the tables of a list one by one, and would refuse a parent before its child.
        let drops_several =
            translated.accesses.len() > 1 && translated.statements.iter().all(|sql| sql.starts_with("DROP TABLE "));
        // The table was made with the default collation, and the database may have got another one since.
        let collated = translated.collated.as_ref().filter(|collated| {
            self.of_database(&collated.database).is_ok_and(|now| now.is_some_and(|now| now != collations::DEFAULT))
        });
        let text = collated.map(|collated| &*collated.text).or(translated.logged_text.as_deref());
        Ok(Statement {
            text: text.unwrap_or(request.sql),
            database: request.database,
            databases,
            thread: request.limits.connection,
            invoker: account,
            is_definition: true,
            skips_foreign_keys: request.limits.skips_foreign_keys || drops_several,
            moment: None,
            origin: self.group().and_then(|group| group.origin),
        })
    }

    /// Leaves the mark of a group in the databases that it changes. SQLite keeps it in the header of the file, in the same transaction.
    fn mark(&self, databases: &[&str], mark: CommitMark) -> Result<(), SqlError> {
        for database in databases {
            let schema = schema_of(database);
            let marked = self.connection.pragma_update(Some(schema.as_ref()), "user_version", mark.cast_signed());
            marked.map_err(|error| to_mysql(&error, ""))?;
        }
        Ok(())
    }

    /// Notes the end of SQLite's transaction, after which its triggers stay or are gone.
    fn settle_triggers(&self, is_committed: bool) {
        if let Some(capture) = self.capture.as_ref().filter(|_| is_committed) {
            capture.state().tables.values_mut().for_each(|table| table.is_unsettled = false);
        }
    }
}

/// The databases in which a definition changes something. It changes none where all that it changes is temporary: a temporary table is the
/// session's own, and replicas have another table of its name, or none.
fn databases_changed(translated: &Translated) -> Vec<&str> {
    translated.changed_databases().into_iter().filter(|name| !is_system_database(name)).collect()
}

/// The purpose of triggers.
struct Made {
    /// The version of the database's schema.
    version: i64,
    settles: bool,
    /// Whether the database has foreign keys.
    has_foreign_keys: bool,
    metadata: RowMetadata,
}

/// The events of the triggers, by the numbers of the changes.
const EVENTS: [&str; 3] = ["INSERT", "UPDATE", "DELETE"];

/// Stands for the table's number in a trigger's text.
const NUMBER: &str = "\u{1}number\u{1}";

/// The statements that make the triggers of a table, without its number. The triggers bring a row that was written in another form than its
/// columns have to that form at once, so that unique keys see the rows as replicas do, one after the other.
fn trigger_texts(
    database: &str,
    table: &str,
    (columns, checks): (&[LoggedColumn], &[Checked]),
    row_number: Option<&str>,
) -> Result<Vec<String>, SqlError> {
    let mut texts = Vec::new();
    let target = format!("{}.{}", quote(&schema_of(database))?, quote(table)?);
    let names = columns.iter().map(|column| quote(&column.name)).collect::<Result<Vec<String>, SqlError>>()?;
    let forms: Vec<String> = columns
        .iter()
        .zip(checks)
        .zip(&names)
        .enumerate()
        .filter(|(_, ((column, check), _))| check.has_form(column))
        .map(|(index, (_, name))| format!("{name} = coalesce({FORM}({NUMBER}, {index}, {name}), {name})"))
        .collect();
    for (change, (event, rows)) in EVENTS.into_iter().zip([&["NEW"][..], &["OLD", "NEW"], &["OLD"]]).enumerate() {
        let name = trigger_name(event, database, table)?;
        let values: Vec<String> =
            rows.iter().flat_map(|row| names.iter().map(move |column| format!("{row}.{column}"))).collect();
        let row = row_number.and_then(|name| Some(format!("{}.{name}", rows.last()?)));
        let row = row.as_deref().unwrap_or("NULL");
        let calls: Vec<String> = values
            .chunks(MOST_VALUES)
            .enumerate()
            .map(|(index, chunk)| {
                format!("{FUNCTION}({NUMBER}, {change}, {}, {row}, {})", index * MOST_VALUES, chunk.join(", "))
            })
            .collect();
        let act = match row_number {
            Some(number) if event != "DELETE" && !forms.is_empty() => format!(
                "WHEN {} BEGIN UPDATE {target} SET {} WHERE {number} = {row}; SELECT {FUNCTION}({NUMBER}, {SETTLED}, 0, {row}); END",
                calls.join(" OR "),
                forms.join(", ")
            ),
            _ => format!("BEGIN SELECT {}; END", calls.join("; SELECT ")),
        };
        texts.push(format!("DROP TRIGGER IF EXISTS temp.{name}"));
        texts.push(format!("CREATE TEMP TRIGGER {name} AFTER {event} ON {target} {act}"));
    }
    Ok(texts)
}

fn trigger_name(event: &str, database: &str, table: &str) -> Result<String, SqlError> {
    quote(&trigger(event, database, table))
}

fn random_number() -> i64 {
    use sealwire_core::random::Random as _;
    let mut bytes = [0; 8];
    sealwire_net::random::OsRandom::new().fill(&mut bytes);
    i64::from_le_bytes(bytes)
}
