//! Prepared statements.

use std::collections::HashMap;

use sealwire_core::error::{Error, SqlError};
use sealwire_core::message::{Capabilities, ColumnDefinition, ColumnType, ParamType, StmtExecute, Value};
use sealwire_core::server::Connection;

use super::running::{Purpose, parameter_columns};
use super::{Answer, Session, statement};
use crate::server::engine::{Description, Task};
use crate::server::sql::lex::{self, Lexer, Piece};
use crate::server::sql::{Datum, syntax_error_near};
use crate::server::status::count;

/// A session's prepared statements.
#[derive(Default)]
pub(super) struct Prepared {
    statements: HashMap<u32, Statement>,
    last: u32,
}

struct Statement {
    sql: String,
    parameters: u16,
    types: Option<Vec<ParamType>>,
    long_data: HashMap<u16, Vec<u8>>,
    /// Whether the server answers it itself, its parameters written into its text.
    is_own: bool,
}

/// A session keeps at most so many statements.
const MOST_STATEMENTS: usize = 16_382;
/// Long data of one parameter is at most as long as a packet may be.
const MOST_LONG_DATA: usize = 1 << 30;

impl Prepared {
    /// Keeps a statement; its number and its parameters' columns.
    pub(super) fn add(&mut self, sql: String, description: &Description, is_own: bool) -> (u32, Vec<ColumnDefinition>) {
        self.last = self.last.wrapping_add(1).max(1);
        let parameters = description.parameters;
        self.statements
            .insert(self.last, Statement { sql, parameters, types: None, long_data: HashMap::new(), is_own });
        (self.last, parameter_columns(parameters))
    }

    pub(super) fn sql(&self, id: u32) -> Option<&str> {
        self.statements.get(&id).map(|statement| statement.sql.as_str())
    }

    pub(super) fn close(&mut self, id: u32) {
        self.statements.remove(&id);
    }

    pub(super) fn reset(&mut self, id: u32) -> Result<(), SqlError> {
        let statement = self.statements.get_mut(&id).ok_or_else(|| unknown(id, "mysqld_stmt_reset"))?;
        statement.long_data.clear();
        Ok(())
    }

    pub(super) fn add_long_data(&mut self, id: u32, parameter: u16, data: &[u8]) {
        if let Some(statement) = self.statements.get_mut(&id) {
            let value = statement.long_data.entry(parameter).or_default();
            if value.len().saturating_add(data.len()) <= MOST_LONG_DATA {
                value.extend_from_slice(data);
            }
        }
    }

    /// Reads COM_STMT_EXECUTE: which statement, and its parameters.
    pub(super) fn execution(
        &mut self,
        payload: &[u8],
        capabilities: Capabilities,
    ) -> Result<(u32, Vec<Datum>), SqlError> {
        let malformed = |_| SqlError::new(1835, b"HY000", "Malformed communication packet.");
        let id = StmtExecute::peek_statement_id(payload).map_err(malformed)?;
        let statement = self.statements.get_mut(&id).ok_or_else(|| unknown(id, "mysqld_stmt_execute"))?;
        let long_data = std::mem::take(&mut statement.long_data);
        let is_long = |parameter: u16| long_data.contains_key(&parameter);
        let execute =
            StmtExecute::decode(payload, statement.parameters, statement.types.as_deref(), &is_long, capabilities)
                .map_err(malformed)?;
        if execute.types.is_some() {
            statement.types.clone_from(&execute.types);
        }
        let types = statement.types.as_deref().unwrap_or_default();
        let mut parameters = Vec::with_capacity(execute.parameters.len());
        for (at, value) in execute.parameters.iter().enumerate() {
            let is_blob = types.get(at).is_some_and(|kind| is_blob(kind.column_type));
            let long = u16::try_from(at).ok().and_then(|at| long_data.get(&at));
            parameters.push(match long {
                Some(bytes) => bytes_datum(bytes, is_blob),
                None => datum(value, is_blob),
            });
        }
        Ok((id, parameters))
    }
}

fn unknown(id: u32, command: &str) -> SqlError {
    SqlError::new(1243, b"HY000", format!("Unknown prepared statement handler ({id}) given to {command}"))
}

const fn is_blob(column_type: ColumnType) -> bool {
    matches!(column_type, ColumnType::TINY_BLOB | ColumnType::MEDIUM_BLOB | ColumnType::LONG_BLOB | ColumnType::BLOB)
}

fn datum(value: &Value<'_>, is_blob: bool) -> Datum {
    match *value {
        Value::Null => Datum::Null,
        Value::Int(number) => Datum::Int(number),
        Value::UInt(number) => Datum::UInt(number),
        Value::Float(number) => Datum::Real(number.to_string().parse().unwrap_or_else(|_| f64::from(number))),
        Value::Double(number) => Datum::Real(number),
        Value::Bytes(bytes) => bytes_datum(bytes, is_blob),
        Value::Date { .. } | Value::DateTime { .. } | Value::Time { .. } => Datum::Text(value.to_string()),
    }
}

/// Many connectors send bytes as a text type; what is no UTF-8 can't be text.
fn bytes_datum(bytes: &[u8], is_blob: bool) -> Datum {
    match std::str::from_utf8(bytes) {
        Ok(text) if !is_blob => Datum::Text(text.to_owned()),
        _ => Datum::Blob(bytes.to_vec()),
    }
}

impl Session {
    /// COM_STMT_PREPARE.
    pub(super) fn prepare(&mut self, sql: &[u8], connection: &mut Connection) -> Result<(), Error> {
        count(&self.view.server.counters.com_stmt_prepare);
        self.forget_warnings();
        let (first, rest) = lex::first_statement(sql);
        let text = lex::normalise(first);
        let problem = if lex::is_blank(first) {
            Some(SqlError::new(1065, b"42000", "Query was empty"))
        } else if !lex::is_blank(rest) {
            Some(syntax_error_near(&text, &String::from_utf8_lossy(rest)))
        } else if self.prepared.statements.len() >= MOST_STATEMENTS {
            let message = "Can't create more than max_prepared_stmt_count statements (current value: 16382)";
            Some(SqlError::new(1461, b"42000", message))
        } else {
            None
        };
        if let Some(error) = problem {
            return self.fail(&error, connection);
        }
        if !statement::is_own(&text) {
            return self.prepare_in_engine(text, connection);
        }
        let parameters = places(&text).count();
        let mut description =
            Description { parameters: u16::try_from(parameters).unwrap_or(u16::MAX), columns: Vec::new() };
        if statement::only_reads(&text) {
            // Its columns do not depend on its parameters.
            let nulls = vec![Datum::Null; parameters];
            match self.statement(&with_parameters(&text, &nulls)) {
                Ok(Answer::Rows(table)) => description.columns = table.columns,
                // What looked like the server's own is the engine's.
                Ok(Answer::Engine(_)) => return self.prepare_in_engine(text, connection),
                Ok(Answer::Ok(_)) => {}
                Err(error) => return self.fail(&error, connection),
            }
        }
        let (id, parameters) = self.prepared.add(text, &description, true);
        connection.prepared(id, &parameters, &description.columns, self.warning_count())?;
        self.rest_if_done();
        Ok(())
    }

    fn prepare_in_engine(&mut self, sql: String, connection: &mut Connection) -> Result<(), Error> {
        match self.submit(Task::Describe { sql: sql.clone() }, Purpose::Prepare { sql }) {
            Ok(()) => Ok(()),
            Err(error) => self.fail(&error, connection),
        }
    }

    /// COM_STMT_EXECUTE.
    pub(super) fn execute(
        &mut self,
        id: u32,
        parameters: Vec<Datum>,
        connection: &mut Connection,
    ) -> Result<(), Error> {
        count(&self.view.server.counters.com_stmt_execute);
        self.forget_warnings();
        let Some(prepared) = self.prepared.statements.get(&id) else {
            return self.fail(&unknown(id, "mysqld_stmt_execute"), connection);
        };
        let answer = if prepared.is_own {
            let text = with_parameters(&prepared.sql, &parameters);
            self.statement(&text)
        } else {
            Ok(Answer::Engine(Task::Execute { sql: prepared.sql.clone(), parameters, binary: true }))
        };
        let answer = answer.map(|answer| match answer {
            Answer::Engine(Task::Execute { sql, parameters, .. }) => {
                Answer::Engine(Task::Execute { sql, parameters, binary: true })
            }
            other => other,
        });
        self.conclude(answer, true, connection)
    }
}

/// Where the parameters of a statement stand.
pub(super) fn places(sql: &str) -> impl Iterator<Item = usize> {
    let mut at = 0;
    Lexer::new(sql.as_bytes()).filter_map(move |(piece, text)| {
        let start = at;
        at += text.len();
        (piece == Piece::Symbol(b'?')).then_some(start)
    })
}

/// A statement of the server's own with its parameters written into it.
fn with_parameters(sql: &str, parameters: &[Datum]) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut from = 0;
    for (place, parameter) in places(sql).zip(parameters) {
        text.push_str(sql.get(from..place).unwrap_or_default());
        match parameter {
            Datum::Null => text.push_str("NULL"),
            Datum::Text(_) | Datum::Blob(_) => {
                text.push('\'');
                text.push_str(&parameter.to_text().replace('\\', "\\\\").replace('\'', "''"));
                text.push('\'');
            }
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

    #[test]
    fn statements_have_numbers_and_forget_their_long_data() {
        let mut prepared = Prepared::default();
        let description = Description { parameters: 1, columns: Vec::new() };
        let (id, columns) = prepared.add("SELECT ?".into(), &description, false);
        assert_eq!((id, columns.len()), (1, 1));
        prepared.add_long_data(id, 0, b"ab");
        prepared.add_long_data(id, 0, b"\xff");
        let mut payload = Vec::new();
        StmtExecute::new(id, vec![Value::Bytes(b"")]).encode(Capabilities::NONE, &mut payload);
        assert_eq!(
            prepared.execution(&payload, Capabilities::NONE).unwrap(),
            (1, vec![Datum::Blob(b"ab\xff".to_vec())])
        );
        assert_eq!(prepared.execution(&payload, Capabilities::NONE).unwrap(), (1, vec![Datum::Text(String::new())]));
        prepared.close(id);
        assert_eq!(prepared.execution(&payload, Capabilities::NONE).unwrap_err().code, 1243);
        assert_eq!(prepared.reset(id).unwrap_err().code, 1243);
    }
}
