//! Dispatches statements by one table, from a statement's first words to its handler. The engine executes statements that are not in the
//! table.

use sealwire_core::error::SqlError;

use super::answer::{Answer, Reply};
use super::{Session, admin, statement};
use crate::constant_selects::may_be_constant;
use crate::sql::{Cursor, lex};

/// Executes a statement whose first words are taken. `None` leaves the statement to the next matching entry, or to the engine.
type Handler = fn(&mut Session, &str, &mut Cursor<'_>) -> Result<Option<Answer>, SqlError>;

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
    own(&["SELECT"], |session, sql, _| session.select(sql)).only_reads().own_if(is_constant),
    own(&["SET", "PASSWORD"], Session::accounts).slow(),
    own(&["SET"], |session, _, words| session.set(words).map(Some)),
    own(&["SHOW", "GRANTS"], Session::accounts).only_reads().slow(),
    own(&["SHOW", "CREATE", "USER"], Session::accounts).only_reads().slow(),
    own(&["SHOW"], Session::show_statement).only_reads().slow_if(show_waits),
    own(&["USE"], |session, _, words| session.use_statement(words)),
    // Transactions.
    own(&["BEGIN"], |_, _, words| statement::begin(words)),
    own(&["START", "TRANSACTION"], |session, _, words| session.start_transaction(words).map(Some)),
    own(&["START"], engine),
    own(&["COMMIT"], |_, _, words| statement::commit(words)),
    own(&["ROLLBACK"], |_, _, words| statement::rollback(words)),
    own(&["SAVEPOINT"], |_, _, words| statement::savepoint(words)),
    own(&["RELEASE", "SAVEPOINT"], |_, _, words| statement::release_savepoint(words)),
    own(&["RELEASE"], engine),
    own(&["XA"], engine),
    own(&["LOCK"], |session, _, words| session.lock_tables(words).map(Some)).slow(),
    own(&["UNLOCK"], |_, _, words| admin::unlock_tables(words)),
    // Descriptions, and expressions without a table.
    own(&["DESC"], describe).only_reads().slow(),
    own(&["DESCRIBE"], describe).only_reads().slow(),
    own(&["EXPLAIN"], describe).only_reads().slow(),
    own(&["DO"], |session, _, words| session.do_expressions(words)),
    // Accounts.
    own(&["CREATE", "USER"], Session::accounts).slow(),
    own(&["CREATE", "OR", "REPLACE", "USER"], Session::accounts).slow(),
    own(&["ALTER", "USER"], Session::accounts).slow(),
    own(&["DROP", "USER"], Session::accounts).slow(),
    own(&["RENAME", "USER"], Session::accounts).slow(),
    own(&["GRANT"], Session::accounts).slow(),
    own(&["REVOKE"], Session::accounts).slow(),
    own(&["CREATE", "ROLE"], engine),
    own(&["DROP", "ROLE"], engine),
    // The server.
    own(&["KILL"], |session, _, words| session.kill_statement(words)),
    own(&["FLUSH", "PRIVILEGES"], Session::accounts).slow(),
    own(&["FLUSH", "LOCAL", "PRIVILEGES"], Session::accounts).slow(),
    own(&["FLUSH", "NO_WRITE_TO_BINLOG", "PRIVILEGES"], Session::accounts).slow(),
    own(&["FLUSH"], |session, _, words| done(session.flush(words))).slow(),
    own(&["ALTER", "INSTANCE"], |session, _, words| done(session.alter_instance(words))).slow(),
    own(&["SHUTDOWN"], |session, _, words| session.shutdown(words)),
    // Databases and tables.
    own(&["CREATE", "DATABASE"], |session, _, words| done(session.create_database(words))).slow(),
    own(&["CREATE", "SCHEMA"], |session, _, words| done(session.create_database(words))).slow(),
    own(&["DROP", "DATABASE"], |session, _, words| done(session.drop_database(words))).slow(),
    own(&["DROP", "SCHEMA"], |session, _, words| done(session.drop_database(words))).slow(),
    own(&["ALTER", "DATABASE"], |session, _, words| done(session.alter_database(words))).slow(),
    own(&["ALTER", "SCHEMA"], |session, _, words| done(session.alter_database(words))).slow(),
    of_engine(&["ALTER", "TABLE"], |session, _, words| session.switch_keys(words)).slow(),
    of_engine(&["ALTER"], engine).slow(),
    of_engine(&["RENAME"], engine).slow(),
    of_engine(&["CREATE"], |_, _, words| admin::refuse_stored_program(words)),
    // Statements that are refused, here or by the engine's parser.
    own(&["LOAD"], |_, _, words| admin::refuse_load(words)),
    own(&["ANALYZE", "TABLE"], |_, _, _| admin::refuse_upkeep("ANALYZE TABLE")),
    own(&["CHECK", "TABLE"], |_, _, _| admin::refuse_upkeep("CHECK TABLE")),
    own(&["CHECKSUM", "TABLE"], |_, _, _| admin::refuse_upkeep("CHECKSUM TABLE")),
    own(&["OPTIMIZE"], |_, _, _| admin::refuse_upkeep("OPTIMIZE TABLE")),
    own(&["REPAIR"], |_, _, _| admin::refuse_upkeep("REPAIR TABLE")),
    own(&["CALL"], engine),
    own(&["DEALLOCATE"], engine),
    own(&["EXECUTE"], engine),
    own(&["HANDLER"], engine),
    own(&["HELP"], |_, _, words| admin::help(words)).only_reads(),
    own(&["INSTALL"], engine),
    own(&["PREPARE"], engine),
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
            if let Some(answer) = (entry.handler)(self, sql, &mut words)? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
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
