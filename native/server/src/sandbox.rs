//! The engine in a process, for fuzzing: a session of an account with all privileges on one database, and with none on others.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;
use sealwire_core::message::ColumnDefinition;

use super::engine::{Engine, EngineSession, Limits, Request, RowSink, SessionContext, SqliteEngine, SystemTable};
use super::sql::{Datum, Names, lex};

/// The database that the account may use.
const OWN: &str = "own";
/// The most statements of a script.
const MOST_STATEMENTS: usize = 64;
/// The time limit of a statement, so that the fuzzer goes on.
const PATIENCE: Duration = Duration::from_millis(200);

/// A data directory with the databases `own` and `hidden`.
pub struct Sandbox {
    engine: SqliteEngine,
}

impl Sandbox {
    /// Creates the databases in an empty folder, and runs the statements as administrator.
    ///
    /// # Errors
    /// The first failing statement's error.
    pub fn new(folder: &Path, statements: &[&str]) -> Result<Self, String> {
        SqliteEngine::limit_memory(u64::MAX);
        let sandbox = Self { engine: SqliteEngine::new(folder) };
        for database in [OWN, "hidden"] {
            sandbox.engine.create_database(database, None).map_err(|error| error.message)?;
        }
        let mut session = sandbox.engine.session().map_err(|error| error.message)?;
        for sql in statements {
            execute(session.as_mut(), sql, true).map_err(|error| error.message)?;
        }
        Ok(sandbox)
    }

    /// Runs a script statement by statement in a session of its own; returns all rows and errors.
    ///
    /// # Errors
    /// No session could be made.
    pub fn run(&self, script: &[u8]) -> Result<Vec<u8>, String> {
        let mut session = self.engine.session().map_err(|error| error.message)?;
        let mut told = Vec::new();
        let mut rest = script;
        for _ in 0..MOST_STATEMENTS {
            if lex::is_blank(rest) {
                break;
            }
            let syntax = lex::Syntax::default();
            let (first, after) = lex::first_statement(rest, syntax.mode).map_err(|error| error.message)?;
            match lex::normalise(first, syntax).and_then(|sql| execute(session.as_mut(), &sql, false)) {
                Ok(rows) => told.extend(rows),
                Err(error) => told.extend(error.message.into_bytes()),
            }
            rest = after;
        }
        Ok(told)
    }

    /// The rows that a statement returns to the administrator.
    ///
    /// # Errors
    /// The statement's error.
    pub fn ask(&self, sql: &str) -> Result<Vec<u8>, String> {
        let mut session = self.engine.session().map_err(|error| error.message)?;
        execute(session.as_mut(), sql, true).map_err(|error| error.message)
    }
}

fn execute(session: &mut dyn EngineSession, sql: &str, is_administrator: bool) -> Result<Vec<u8>, SqlError> {
    let mut rows = Output::default();
    let context: Arc<dyn SessionContext> = Arc::new(Account { is_administrator });
    let interruption = session.interruption();
    interruption.reset();
    interruption.limit((!is_administrator).then_some(PATIENCE));
    let request = Request {
        sql,
        parameters: &[],
        database: Some(OWN),
        context: &context,
        binary: false,
        autocommit: true,
        limits: Limits::default(),
    };
    session.execute(&request, &mut rows).map(|_| rows.0)
}

/// All output so far.
#[derive(Default)]
struct Output(Vec<u8>);

impl RowSink for Output {
    fn begin(&mut self, columns: Vec<ColumnDefinition>) -> Result<(), SqlError> {
        for column in columns {
            self.0.extend_from_slice(&column.name);
        }
        Ok(())
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    fn end_row(&mut self) -> Result<(), SqlError> {
        Ok(())
    }
}

struct Account {
    is_administrator: bool,
}

impl Names for Account {
    fn name(&self, _: &str) -> Result<Option<Cow<'_, Datum>>, SqlError> {
        Ok(None)
    }

    fn function(&self, _: &str) -> Option<Datum> {
        None
    }
}

impl SessionContext for Account {
    fn system_table(&self, _: &str, _: &str) -> Option<SystemTable> {
        None
    }

    fn may(&self, privilege: Privilege, database: &str, _: Option<&str>) -> bool {
        self.is_administrator || database == OWN || (database == "information_schema" && privilege == Privilege::SELECT)
    }

    fn sees_database(&self, database: &str) -> bool {
        self.may(Privilege::SELECT, database, None)
    }

    fn sees(&self, database: &str, _: &str) -> bool {
        self.is_administrator || database == OWN
    }

    fn denied(&self, privilege: Privilege, _: &str, _: Option<&str>) -> SqlError {
        SqlError::new(1142, b"42000", format!("{} command denied", privilege.name()))
    }
}
