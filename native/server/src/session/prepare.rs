//! COM_STMT_PREPARE and COM_STMT_EXECUTE.

use sealwire_accounts::Privilege;
use sealwire_core::error::{Error, SqlError};
use sealwire_core::server::Connection;

use super::Session;
use super::answer::Answer;
use super::prepared::unknown;
use crate::counters::count;
use crate::engine::{Description, Task};
use crate::sql::{Datum, lex, syntax_error_near, text_literal};

impl Session {
    /// Reads the statement of a COM_STMT_PREPARE.
    ///
    /// # Errors
    /// 1064 where it can't be read or there are several, 1065 where there is none.
    pub(super) fn begin_prepare(&mut self, sql: &[u8]) -> Result<String, SqlError> {
        count(&self.view.server.counters.com_stmt_prepare);
        self.prepared.begin();
        let found = lex::first_statement(sql, self.view.syntax.mode);
        let read = found.and_then(|(first, rest)| Ok((lex::normalise(first, self.view.syntax)?, first, rest)));
        let (text, first, rest) = read.inspect_err(|_| self.forget_diagnostics())?;
        self.begin_diagnostics(&text);
        if lex::is_blank(first) {
            return Err(SqlError::new(1065, b"42000", "Query was empty"));
        }
        if !lex::is_blank(rest) {
            return Err(syntax_error_near(&text, &String::from_utf8_lossy(rest)));
        }
        Ok(text)
    }

    /// Prepares a statement.
    ///
    /// # Errors
    /// The statement's errors that are found before it runs.
    pub(super) fn prepare(&mut self, text: String) -> Result<Answer, SqlError> {
        if !Self::is_own(&text) {
            return Ok(Answer::Describe { sql: text, made: None });
        }
        let parameters = lex::parameters(&text).count();
        let mut description =
            Description { parameters: u16::try_from(parameters).unwrap_or(u16::MAX), columns: Vec::new() };
        if Self::only_reads(&text) {
            // The columns do not depend on the parameters, so NULL stands for each.
            let nulls = vec![Datum::Null; parameters];
            match self.statement(&with_parameters(&text, &nulls))? {
                Answer::Rows(table) => description.columns = table.columns,
                // The server makes another statement of this one, such as the SELECT behind SHOW TABLES.
                Answer::Engine(Task::Execute { sql, .. }) if sql != text => {
                    return Ok(Answer::Describe { sql: text, made: Some(sql) });
                }
                // The server can't execute this statement after all, so the engine prepares it.
                Answer::Engine(_) => return Ok(Answer::Describe { sql: text, made: None }),
                _ => {}
            }
        }
        Ok(Answer::Prepared { sql: text, description })
    }

    /// Stores a prepared statement, and sends its number to the client.
    pub(super) fn keep_prepared(
        &mut self,
        sql: String,
        description: &Description,
        is_own: bool,
        connection: &mut Connection,
    ) -> Result<(), Error> {
        let most = self.view.server.globals.max_prepared_stmt_count.get();
        let exempt = self.view.may(Privilege::SUPER) || self.view.may(Privilege::CONNECTION_ADMIN);
        match self.prepared.add(sql, description, is_own, most, exempt) {
            Ok((id, parameters)) => {
                connection.prepared(id, &parameters, &description.columns, self.warning_count())?;
                self.rest_if_done();
                Ok(())
            }
            Err(error) => self.fail(&error, connection),
        }
    }

    /// COM_STMT_EXECUTE.
    ///
    /// # Errors
    /// 1243 where no statement has this number, and the statement's errors.
    pub(super) fn execute(&mut self, id: u32, parameters: Vec<Datum>) -> Result<Answer, SqlError> {
        count(&self.view.server.counters.com_stmt_execute);
        let Some((sql, is_own)) = self.prepared.find(id) else {
            self.forget_diagnostics();
            return Err(unknown(id, "mysqld_stmt_execute"));
        };
        if !is_own {
            let sql = sql.to_owned();
            self.begin_diagnostics(&sql);
            return Ok(Answer::Engine(Task::Execute { sql, parameters, binary: true }));
        }
        let text = with_parameters(sql, &parameters);
        Ok(match self.statement(&text)? {
            Answer::Engine(Task::Execute { sql, parameters, .. }) => {
                Answer::Engine(Task::Execute { sql, parameters, binary: true })
            }
            other => other,
        })
    }
}

/// The text of a statement that the server executes itself, with its parameters inserted.
fn with_parameters(sql: &str, parameters: &[Datum]) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut from = 0;
    for (place, parameter) in lex::parameters(sql).zip(parameters) {
        text.push_str(sql.get(from..place).unwrap_or_default());
        match parameter {
            Datum::Null => text.push_str("NULL"),
            Datum::Text(_) | Datum::Blob(_) => text.push_str(&text_literal(&parameter.to_text())),
            number => text.push_str(&number.to_text()),
        }
        from = place + 1;
    }
    text.push_str(sql.get(from..).unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_written_as_literals() {
        let parameters = [Datum::Text("a'\\b".into()), Datum::Int(5), Datum::Null];
        assert_eq!(
            with_parameters("SHOW STATUS LIKE ? /* ? */ '?' ? ?", &parameters),
            "SHOW STATUS LIKE 'a''\\\\b' /* ? */ '?' 5 NULL"
        );
    }
}
