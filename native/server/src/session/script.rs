//! Runs a script of the server itself, without a client: the init file.

use std::sync::Arc;

use sealwire_core::error::SqlError;
use sealwire_core::message::ColumnDefinition;

use super::Session;
use super::answer::Answer;
use crate::engine::{Done, Request, RowSink, SessionContext, Task, TransactionStep, evaluate};
use crate::sql::{Datum, lex};

impl Session {
    /// Runs the statements of a script one after the other, up to the first error.
    ///
    /// # Errors
    /// The statement's error, with the line of the script where the statement begins.
    pub(crate) fn run_script(&mut self, script: &[u8]) -> Result<(), SqlError> {
        let mut rest = lex::without_leading_blank(script);
        while !rest.is_empty() {
            let (first, after) = lex::first_statement(rest, self.view.syntax.mode)?;
            if !lex::is_blank(first) {
                let leading = lex::Lexer::new(first)
                    .take_while(|(piece, _)| piece.is_blank())
                    .map(|(_, text)| text.len())
                    .sum::<usize>();
                let before = script.len() - rest.len() + leading;
                let line = || script.iter().take(before).filter(|&&byte| byte == b'\n').count() + 1;
                lex::normalise(first, self.view.syntax)
                    .and_then(|sql| self.run_statement(&sql))
                    .map_err(|error| SqlError { message: format!("line {}: {}", line(), error.message), ..error })?;
            }
            rest = lex::without_leading_blank(after);
        }
        Ok(())
    }

    /// Runs a statement whose text is normalised, in this thread.
    pub(super) fn run_statement(&mut self, sql: &str) -> Result<Done, SqlError> {
        let mut answer = self.statement(sql)?;
        while let Answer::Set(mut pending) = answer {
            let mut value = Datum::Null;
            self.run_in_engine(&pending.take_task(), Some(&mut value))?;
            answer = self.continue_set(*pending, value)?;
        }
        match answer {
            Answer::Engine(task) | Answer::Discarded(task) => self.run_in_engine(&task, None),
            _ => Ok(Done::default()),
        }
    }

    /// Runs a task in this thread; a value that it computes goes to `found`.
    pub(super) fn run_in_engine(&mut self, task: &Task, found: Option<&mut Datum>) -> Result<Done, SqlError> {
        let mut engine = match self.engine.take() {
            Some(engine) => engine,
            None => self.view.server.engine_session()?,
        };
        let context: Arc<dyn SessionContext> = Arc::new(self.view.clone());
        let limits = self.limits(task);
        let request = |sql| Request {
            sql,
            parameters: &[],
            database: self.view.database.as_deref(),
            context: &context,
            binary: false,
            autocommit: self.view.autocommit(),
            limits,
        };
        let outcome = match task {
            Task::Execute { sql, .. } => engine.execute(&request(sql), &mut Discard::default()),
            Task::Evaluate { sql } => evaluate(engine.as_mut(), &request(sql)).map(|value| {
                if let Some(found) = found {
                    *found = value;
                }
                Done::default()
            }),
            Task::Describe { sql } => engine.describe(&request(sql)).map(|_| Done::default()),
            Task::Transaction(step) => engine.step(step, self.view.autocommit()).map(|()| Done::default()),
            Task::Snapshot => engine.begin_snapshot(context.as_ref()).map(|()| Done::default()),
        };
        let begins = matches!(task, Task::Transaction(TransactionStep::Begin) | Task::Snapshot);
        self.note_transaction(engine.is_in_transaction(), begins);
        self.view.snapshot = engine.snapshot();
        self.engine = Some(engine);
        outcome
    }
}

/// A sink that discards rows.
#[derive(Default)]
struct Discard(Vec<u8>);

impl RowSink for Discard {
    fn begin(&mut self, _: Vec<ColumnDefinition>) -> Result<(), SqlError> {
        Ok(())
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        self.0.clear();
        &mut self.0
    }

    fn end_row(&mut self) -> Result<(), SqlError> {
        Ok(())
    }
}
