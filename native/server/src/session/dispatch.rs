//! Dispatches statements by one table, from a statement's first words to its handler. The engine executes statements that are not in the
//! table.

use sealwire_core::error::SqlError;

use super::answer::{Answer, Reply};
use super::execution::Execution;
use super::{Session, admin, replica, statement};
use crate::constant_selects::may_be_constant;
use crate::engine::TransactionStep;
use crate::sql::{Cursor, lex};

/// Handles a statement whose first words are taken. `None` leaves the statement to the next matching entry, or to the engine.
type Handle<T> = fn(&mut Session, &str, &mut Cursor<'_>) -> Result<Option<T>, SqlError>;

/// How a statement is executed, and whether it commits the open transaction first, as MySQL does with the statements that its manual lists
/// under "Statements That Cause an Implicit Commit".
enum Handler {
    /// Executes the statement. The transaction goes on, unless the answer is a task that ends it.
    Within(Handle<Answer>),
    /// Reads the statement. It is carried out once the open transaction is committed.
    AfterCommit(Handle<Execution>),
}

use Handler::{AfterCommit, Within};

/// An entry of the table: a kind of statement.
pub(super) struct Entry {
    words: &'static [&'static str],
    handler: Handler,
    /// Whether a prepared statement of this kind is kept as text and executed by its handler, because the engine could not compile it.
    is_own: fn(&str) -> bool,
    /// Whether the statement may open or write files, derive keys, or wait for others, so that it would block the event loop.
    is_slow: fn(Cursor<'_>) -> bool,
    /// Whether the statement only reads, so that it may be executed to learn its columns.
    only_reads: bool,
}

/// The table of statements. Of several matching entries, the first one applies.
const STATEMENTS: &[Entry] = &[
    own(&["SELECT"], Within(|session, sql, _| session.select(sql))).only_reads().own_if(is_constant),
    own(&["SET", "PASSWORD"], AfterCommit(Session::read_account_change)).slow(),
    own(&["SET", "DEFAULT", "ROLE"], AfterCommit(|_, _, words| Ok(Some(admin::set_default_role(words))))).slow(),
    own(&["SET"], Within(|session, _, words| session.set(words).map(Some))),
    own(&["SHOW", "GRANTS"], Within(Session::accounts)).only_reads().slow(),
    own(&["SHOW", "CREATE", "USER"], Within(Session::accounts)).only_reads().slow(),
    own(&["SHOW"], Within(Session::show_statement)).only_reads().slow_if(show_waits),
    own(&["USE"], Within(|session, _, words| session.use_statement(words))),
    // Transactions.
    own(&["BEGIN"], Within(|_, _, words| statement::begin(words))),
    own(&["START", "TRANSACTION"], Within(|session, _, words| session.start_transaction(words).map(Some))),
    own(&["START"], AfterCommit(|_, _, words| replica::read_start_statement(words))).slow(),
    own(&["COMMIT"], Within(|_, _, words| statement::commit(words))),
    own(&["ROLLBACK"], Within(|_, _, words| statement::rollback(words))),
    own(&["SAVEPOINT"], Within(|_, _, words| statement::savepoint(words))),
    own(&["RELEASE", "SAVEPOINT"], Within(|_, _, words| statement::release_savepoint(words))),
    own(&["RELEASE"], Within(engine)),
    own(&["XA"], Within(engine)),
    own(&["LOCK"], AfterCommit(|session, _, words| session.read_lock_tables(words).map(Some))).slow(),
    own(&["UNLOCK"], Within(|session, _, words| session.unlock_tables(words))),
    // Descriptions, and expressions without a table.
    own(&["DESC"], Within(describe)).only_reads().slow(),
    own(&["DESCRIBE"], Within(describe)).only_reads().slow(),
    own(&["EXPLAIN"], Within(describe)).only_reads().slow(),
    own(&["DO"], Within(|session, _, words| session.do_expressions(words))),
    // Accounts.
    own(&["CREATE", "USER"], AfterCommit(Session::read_account_change)).slow(),
    own(&["CREATE", "OR", "REPLACE", "USER"], AfterCommit(Session::read_account_change)).slow(),
    own(&["ALTER", "USER"], AfterCommit(Session::read_account_change)).slow(),
    own(&["DROP", "USER"], AfterCommit(Session::read_account_change)).slow(),
    own(&["RENAME", "USER"], AfterCommit(Session::read_account_change)).slow(),
    own(&["GRANT"], AfterCommit(Session::read_account_change)).slow(),
    own(&["REVOKE"], AfterCommit(Session::read_account_change)).slow(),
    own(&["CREATE", "ROLE"], Within(engine)),
    own(&["DROP", "ROLE"], Within(engine)),
    // The server.
    own(&["KILL"], Within(|session, _, words| session.kill_statement(words))),
    own(&["FLUSH", "PRIVILEGES"], AfterCommit(Session::read_account_change)).slow(),
    own(&["FLUSH", "LOCAL", "PRIVILEGES"], AfterCommit(Session::read_account_change)).slow(),
    own(&["FLUSH", "NO_WRITE_TO_BINLOG", "PRIVILEGES"], AfterCommit(Session::read_account_change)).slow(),
    own(&["FLUSH"], AfterCommit(|_, _, words| Session::read_flush(words).map(Some))).slow(),
    own(&["PURGE"], AfterCommit(|_, _, words| Session::read_purge(words).map(Some))).slow(),
    own(&["RESET"], AfterCommit(|_, _, words| Session::read_reset(words))).slow(),
    own(&["CHANGE"], AfterCommit(|_, _, words| replica::read_change_statement(words))).slow(),
    own(&["STOP"], AfterCommit(|_, _, words| replica::read_stop_statement(words))).slow(),
    own(&["ALTER", "INSTANCE"], Within(|session, _, words| done(session.alter_instance(words)))).slow(),
    own(&["SHUTDOWN"], Within(|session, _, words| session.shutdown(words))),
    // Databases and tables.
    own(&["CREATE", "DATABASE"], AfterCommit(|_, _, words| Session::read_create_database(words).map(Some))).slow(),
    own(&["CREATE", "SCHEMA"], AfterCommit(|_, _, words| Session::read_create_database(words).map(Some))).slow(),
    own(&["DROP", "DATABASE"], AfterCommit(|_, _, words| Session::read_drop_database(words).map(Some))).slow(),
    own(&["DROP", "SCHEMA"], AfterCommit(|_, _, words| Session::read_drop_database(words).map(Some))).slow(),
    own(&["ALTER", "DATABASE"], AfterCommit(|session, _, words| session.read_alter_database(words).map(Some))).slow(),
    own(&["ALTER", "SCHEMA"], AfterCommit(|session, _, words| session.read_alter_database(words).map(Some))).slow(),
    of_engine(&["ALTER", "TABLE"], AfterCommit(|_, _, words| Ok(Session::read_switch_keys(words)))).slow(),
    of_engine(&["ALTER"], Within(engine)).slow(),
    of_engine(&["RENAME"], Within(engine)).slow(),
    of_engine(&["CREATE"], Within(Session::check_creation)),
    // Statements that are refused, here or by the engine's parser.
    own(&["LOAD"], Within(|_, _, words| admin::refuse_load(words))),
    own(&["ANALYZE", "TABLE"], Within(|_, _, _| admin::refuse_upkeep("ANALYZE TABLE"))),
    own(&["CHECK", "TABLE"], Within(|_, _, _| admin::refuse_upkeep("CHECK TABLE"))),
    own(&["CHECKSUM", "TABLE"], Within(|_, _, _| admin::refuse_upkeep("CHECKSUM TABLE"))),
    own(&["OPTIMIZE"], Within(|_, _, _| admin::refuse_upkeep("OPTIMIZE TABLE"))),
    own(&["REPAIR"], Within(|_, _, _| admin::refuse_upkeep("REPAIR TABLE"))),
    own(&["CALL"], Within(engine)),
    own(&["DEALLOCATE"], Within(engine)),
    own(&["EXECUTE"], Within(engine)),
    own(&["HANDLER"], Within(engine)),
    own(&["HELP"], Within(|_, _, words| admin::help(words))).only_reads(),
    own(&["INSTALL"], Within(engine)),
    own(&["PREPARE"], Within(engine)),
];

const fn own(words: &'static [&'static str], handler: Handler) -> Entry {
    Entry { words, handler, is_own: |_| true, is_slow: |_| false, only_reads: false }
}

const fn of_engine(words: &'static [&'static str], handler: Handler) -> Entry {
    own(words, handler).own_if(|_| false)
}

impl Entry {
    const fn own_if(self, is_own: fn(&str) -> bool) -> Self {
        Self { is_own, ..self }
    }

    const fn slow_if(self, is_slow: fn(Cursor<'_>) -> bool) -> Self {
        Self { is_slow, ..self }
    }

    const fn slow(self) -> Self {
        self.slow_if(|_| true)
    }

    const fn only_reads(self) -> Self {
        Self { only_reads: true, ..self }
    }
}

/// Leaves a statement to the engine.
#[expect(clippy::unnecessary_wraps, reason = "it is a handler")]
const fn engine(_: &mut Session, _: &str, _: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
    Ok(None)
}

fn describe(session: &mut Session, _: &str, words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
    admin::refuse_plan(words)?;
    session.describe(words).map(Some)
}

fn done(reply: Result<Reply, SqlError>) -> Result<Option<Answer>, SqlError> {
    reply.map(|reply| Some(Answer::Ok(reply)))
}

/// The entries that match a statement, each with a cursor behind its words.
pub(super) fn entries(sql: &str) -> impl Iterator<Item = (&'static Entry, Cursor<'_>)> {
    let initial = sql.trim_start().bytes().next();
    let has_initial = move |entry: &&Entry| {
        let word = entry.words.first().and_then(|word| word.bytes().next());
        word == initial.map(|byte| byte.to_ascii_uppercase())
    };
    STATEMENTS.iter().filter(has_initial).filter_map(move |entry| {
        let mut words = Cursor::new(sql);
        words.accept_all(entry.words).then_some((entry, words))
    })
}

/// Whether the server itself carries a statement out once the open transaction is committed.
pub(super) fn commits_by_itself(sql: &str) -> bool {
    entries(sql).next().is_some_and(|(entry, _)| matches!(entry.handler, AfterCommit(_)) && (entry.is_own)(sql))
}

/// Only a SELECT without parameters is executed by the server itself, because the engine knows the types of values better.
fn is_constant(sql: &str) -> bool {
    may_be_constant(sql) && lex::parameters(sql).next().is_none()
}

/// Whether a SHOW reads more than the server's memory, so that it may wait.
fn show_waits(mut words: Cursor<'_>) -> bool {
    words.accept_one(&["GLOBAL", "SESSION", "LOCAL"]);
    !words.peek_one(&["COUNT", "ERRORS", "STATUS", "VARIABLES", "WARNINGS"])
}

impl Session {
    /// Whether the server itself executes a prepared statement.
    pub(super) fn is_own(sql: &str) -> bool {
        entries(sql).next().is_some_and(|(entry, _)| (entry.is_own)(sql))
    }

    /// Whether a statement that the server executes itself only reads, so that it may be executed to learn its columns.
    pub(super) fn only_reads(sql: &str) -> bool {
        entries(sql).next().is_some_and(|(entry, _)| entry.only_reads)
    }

    /// Whether a statement may open or write files, derive keys, or wait for others.
    pub(super) fn is_slow(sql: &str) -> bool {
        entries(sql).next().is_some_and(|(entry, words)| (entry.is_slow)(words))
    }

    /// Executes a statement; returns its answer. Changes are made when this returns, except those of a task for the engine.
    pub(super) fn statement(&mut self, sql: &str) -> Result<Answer, SqlError> {
        Ok(self.own_statement(sql)?.unwrap_or_else(|| statement::engine(sql.to_owned())))
    }

    /// Executes a statement as [`Session::statement`] does, and may give the text to the engine without copying it.
    pub(super) fn statement_of(&mut self, sql: String) -> Result<Answer, SqlError> {
        Ok(self.own_statement(&sql)?.unwrap_or_else(|| statement::engine(sql)))
    }

    /// Executes a statement; `None` where the engine must.
    fn own_statement(&mut self, sql: &str) -> Result<Option<Answer>, SqlError> {
        #[cfg(test)]
        assert!(sql != "SELECT bug_in_the_session()", "a bug that a test puts here");
        #[cfg(test)]
        if sql.ends_with(" endless_in_the_session()") {
            loop {
                std::thread::park();
            }
        }
        self.begin_diagnostics(sql);
        self.demand_writable(sql)?;
        for (entry, mut words) in entries(sql) {
            let answer = match entry.handler {
                Within(handle) => handle(self, sql, &mut words)?,
                AfterCommit(read) => match read(self, sql, &mut words)? {
                    Some(execute) => {
                        self.commit_open()?;
                        Some(execute(self)?)
                    }
                    None => None,
                },
            };
            if answer.is_some() {
                return Ok(answer);
            }
        }
        Ok(None)
    }

    /// Commits the open transaction, in this thread.
    ///
    /// # Errors
    /// The commit's; the transaction is then rolled back.
    fn commit_open(&mut self) -> Result<(), SqlError> {
        let Some(engine) = &mut self.engine else { return Ok(()) };
        if !engine.is_in_transaction() {
            return Ok(());
        }
        let committed = engine.transaction(&TransactionStep::ImplicitCommit);
        let is_open = engine.is_in_transaction();
        self.view.snapshot = engine.snapshot();
        self.note_transaction(is_open, false);
        committed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_entry_hides_a_later_one() {
        for (at, entry) in STATEMENTS.iter().enumerate() {
            let hidden = STATEMENTS.iter().skip(at + 1).find(|later| later.words.starts_with(entry.words));
            assert!(hidden.is_none(), "{:?} hides {:?}", entry.words, hidden.map(|later| later.words));
            assert!(entry.words.iter().all(|word| word.to_ascii_uppercase() == **word));
        }
    }

    /// A commit waits for the disk.
    #[test]
    fn what_commits_does_not_block_the_event_loop() {
        for entry in STATEMENTS.iter().filter(|entry| matches!(entry.handler, AfterCommit(_))) {
            assert!((entry.is_slow)(Cursor::new("")), "{:?}", entry.words);
        }
    }

    #[test]
    fn a_statement_is_known_by_its_first_words() {
        for sql in
            ["SELECT 1", "select @@version", "SHOW TABLES", "create user u", "CREATE SCHEMA a", "ALTER INSTANCE x"]
        {
            assert!(Session::is_own(sql), "{sql}");
        }
        for sql in
            ["SELECT ?", "SELECT a FROM t", "INSERT INTO t VALUES (1)", "CREATE TABLE t (a INT)", "ALTER TABLE t", ""]
        {
            assert!(!Session::is_own(sql), "{sql}");
        }
        for sql in ["SHOW TABLES", "SET PASSWORD = 'x'", "ALTER TABLE t", "CREATE OR REPLACE USER u", "DROP DATABASE d"]
        {
            assert!(Session::is_slow(sql), "{sql}");
        }
        for sql in [
            "SHOW GLOBAL STATUS",
            "SHOW COUNT(*) WARNINGS",
            "SET @a = 1",
            "CREATE TABLE t (a INT)",
            "SELECT 1",
            "DROP TABLE t",
        ] {
            assert!(!Session::is_slow(sql), "{sql}");
        }
        assert!(
            Session::only_reads("DESC t")
                && Session::only_reads("SHOW TABLES")
                && !Session::only_reads("KILL 1")
                && !Session::only_reads("INSERT")
        );
    }
}
