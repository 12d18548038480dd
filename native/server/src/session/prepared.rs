//! Prepared statements.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use sealwire_core::error::SqlError;
use sealwire_core::message::{Capabilities, ColumnDefinition, ColumnType, ParamType, StmtExecute, Value};

use super::answer::LONG;
use crate::engine::Description;
use crate::sql::Datum;

/// A session's prepared statements.
#[derive(Default)]
pub(super) struct Prepared {
    statements: HashMap<u32, Statement>,
    /// The last number given to a statement.
    last: u32,
    /// Whether the last attempt to prepare succeeded; if not, "the last statement" means none.
    last_succeeded: bool,
    /// How many bytes the statements take.
    bytes: usize,
    /// The count of prepared statements in all sessions.
    of_all: Arc<AtomicU64>,
}

struct Statement {
    sql: String,
    parameters: u16,
    types: Option<Vec<ParamType>>,
    long_data: HashMap<u16, Vec<u8>>,
    /// Why long data was refused; the next execution is answered with this error.
    refused: Option<SqlError>,
    /// Whether the server executes the statement itself, with the parameters inserted into its text.
    is_own: bool,
}

/// How many bytes a piece of long data takes beside its contents; an empty piece too.
const PIECE: usize = 64;

impl Statement {
    fn bytes(&self) -> usize {
        let types = self.types.as_ref().map_or(0, |types| types.capacity() * size_of::<ParamType>());
        size_of::<Self>() + self.sql.capacity() + types + self.long_data.values().map(held).sum::<usize>()
    }
}

/// How many bytes a piece of long data takes in all.
const fn held(data: &Vec<u8>) -> usize {
    data.capacity().saturating_add(PIECE)
}

impl Prepared {
    /// No prepared statements yet. `of_all` counts those of all sessions.
    pub(super) fn new(of_all: Arc<AtomicU64>) -> Self {
        Self { statements: HashMap::new(), last: 0, last_succeeded: false, bytes: 0, of_all }
    }

    /// How many bytes the session's prepared statements take.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a statement; returns its number and the columns of its parameters.
    ///
    /// # Errors
    /// 1461 where all sessions together have `most` statements. Unless the session is `exempt`, it holds at most half of them, and the last tenth
    /// is not for it, so that no account takes all statements away from administrators.
    pub(super) fn add(
        &mut self,
        sql: String,
        description: &Description,
        is_own: bool,
        most: u64,
        exempt: bool,
    ) -> Result<(u32, Vec<ColumnDefinition>), SqlError> {
        let has_share = exempt || (self.statements.len() as u64) < most.div_ceil(2);
        let room = match (has_share, exempt) {
            (false, _) => 0,
            (true, false) => most - most / 10,
            (true, true) => most,
        };
        self.of_all.fetch_update(Relaxed, Relaxed, |open| (open < room).then_some(open + 1)).map_err(|_| {
            let share = if has_share { "" } else { "; a connection can have half of them" };
            let message =
                format!("Can't create more than max_prepared_stmt_count statements (current value: {most}){share}");
            SqlError::new(1461, b"42000", message)
        })?;
        self.last = self.next_number();
        self.last_succeeded = true;
        let parameters = description.parameters;
        let statement = Statement { sql, parameters, types: None, long_data: HashMap::new(), refused: None, is_own };
        self.bytes += statement.bytes();
        self.statements.insert(self.last, statement);
        Ok((self.last, parameter_columns(parameters)))
    }

    /// The next number, which is neither 0 nor the number that stands for the last statement.
    const fn next_number(&self) -> u32 {
        match self.last.wrapping_add(1) {
            0 | StmtExecute::LAST_PREPARED => 1,
            number => number,
        }
    }

    /// Notes that a statement is about to be prepared: until it is, there is no last statement.
    pub(super) const fn begin(&mut self) {
        self.last_succeeded = false;
    }

    /// The text of a statement, and whether the server executes it itself.
    pub(super) fn find(&self, id: u32) -> Option<(&str, bool)> {
        self.statements.get(&id).map(|statement| (statement.sql.as_str(), statement.is_own))
    }

    pub(super) fn sql(&self, id: u32) -> Option<&str> {
        self.statements.get(&id).map(|statement| statement.sql.as_str())
    }

    /// Whether executing a statement begins with work that would block the event loop; `is_slow` decides for a statement that the server
    /// executes itself.
    pub(super) fn is_slow(&self, id: u32, parameters: &[Datum], is_slow: fn(&str) -> bool) -> bool {
        let Some(statement) = self.statements.get(&id) else { return false };
        let written = if statement.is_own { parameters.iter().map(Datum::held_bytes).sum() } else { 0 };
        statement.sql.len().saturating_add(written) > LONG || (statement.is_own && is_slow(&statement.sql))
    }

    pub(super) fn close(&mut self, id: u32) {
        if let Some(statement) = self.statements.remove(&id) {
            self.bytes = self.bytes.saturating_sub(statement.bytes());
            self.of_all.fetch_sub(1, Relaxed);
        }
    }

    pub(super) fn reset(&mut self, id: u32) -> Result<(), SqlError> {
        let statement = self.statements.get_mut(&id).ok_or_else(|| unknown(id, "mysqld_stmt_reset"))?;
        let long_data = std::mem::take(&mut statement.long_data);
        statement.refused = None;
        self.bytes = self.bytes.saturating_sub(long_data.values().map(held).sum());
        Ok(())
    }

    /// Appends a piece of a parameter's long data, which may have at most `most` bytes in all.
    pub(super) fn add_long_data(&mut self, id: u32, parameter: u16, data: &[u8], most: usize) {
        let Some(statement) = self.statements.get_mut(&id) else { return };
        if parameter >= statement.parameters {
            let message = "Incorrect arguments to mysqld_stmt_send_long_data";
            statement.refused.get_or_insert_with(|| SqlError::new(1210, b"HY000", message));
            return;
        }
        let before = statement.long_data.get(&parameter).map_or(0, held);
        let value = statement.long_data.entry(parameter).or_default();
        if value.len().saturating_add(data.len()) <= most {
            value.extend_from_slice(data);
        } else {
            let message = "Parameter of prepared statement which is set through mysql_send_long_data() is longer than 'max_allowed_packet' bytes";
            statement.refused.get_or_insert_with(|| SqlError::new(1105, b"HY000", message));
        }
        self.bytes = self.bytes.saturating_sub(before).saturating_add(held(value));
    }

    /// Parses COM_STMT_EXECUTE: the statement's number, and its parameters.
    pub(super) fn execution(
        &mut self,
        payload: &[u8],
        capabilities: Capabilities,
    ) -> Result<(u32, Vec<Datum>), SqlError> {
        let malformed = |_| SqlError::new(1835, b"HY000", "Malformed communication packet.");
        let id = match StmtExecute::peek_statement_id(payload).map_err(malformed)? {
            StmtExecute::LAST_PREPARED if self.last_succeeded => self.last,
            id => id,
        };
        let statement = self.statements.get_mut(&id).ok_or_else(|| unknown(id, "mysqld_stmt_execute"))?;
        let long_data = std::mem::take(&mut statement.long_data);
        self.bytes = self.bytes.saturating_sub(long_data.values().map(held).sum());
        if let Some(error) = statement.refused.take() {
            return Err(error);
        }
        let is_long = |parameter: u16| long_data.contains_key(&parameter);
        let execute =
            StmtExecute::decode(payload, statement.parameters, statement.types.as_deref(), &is_long, capabilities)
                .map_err(malformed)?;
        if execute.types.is_some() {
            self.bytes = self.bytes.saturating_sub(statement.bytes());
            statement.types.clone_from(&execute.types);
            self.bytes = self.bytes.saturating_add(statement.bytes());
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

impl Drop for Prepared {
    fn drop(&mut self) {
        self.of_all.fetch_sub(self.statements.len() as u64, Relaxed);
    }
}

/// Error 1243: no statement has this number.
pub(super) fn unknown(id: u32, command: &str) -> SqlError {
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

/// Many connectors send bytes with a text type, so bytes that are not UTF-8 become a BLOB.
fn bytes_datum(bytes: &[u8], is_blob: bool) -> Datum {
    match std::str::from_utf8(bytes) {
        Ok(text) if !is_blob => Datum::Text(text.to_owned()),
        _ => Datum::Blob(bytes.to_vec()),
    }
}

/// A column definition for each parameter of a prepared statement.
fn parameter_columns(parameters: u16) -> Vec<ColumnDefinition> {
    (0..parameters).map(|_| ColumnDefinition::new("?", ColumnType::VAR_STRING)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_have_numbers_and_forget_their_long_data() {
        let mut prepared = Prepared::default();
        let description = Description { parameters: 1, columns: Vec::new() };
        let (id, columns) = prepared.add("SELECT ?".into(), &description, false, 1, false).unwrap();
        assert_eq!((id, columns.len()), (1, 1));
        prepared.add_long_data(id, 0, b"ab", 3);
        prepared.add_long_data(id, 0, b"\xff", 3);
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

    #[test]
    fn the_last_statement_can_be_run_without_its_number() {
        let mut prepared = Prepared::default();
        let description = Description { parameters: 0, columns: Vec::new() };
        let mut payload = Vec::new();
        StmtExecute::new(StmtExecute::LAST_PREPARED, Vec::new()).encode(Capabilities::NONE, &mut payload);
        let run =
            |prepared: &mut Prepared| prepared.execution(&payload, Capabilities::NONE).map_err(|error| error.code);
        assert_eq!(run(&mut prepared), Err(1243));
        for number in [1, 2] {
            prepared.begin();
            // After a failed attempt, "the last statement" does not mean the one before.
            assert_eq!(run(&mut prepared), Err(1243));
            prepared.add("DO 1".into(), &description, false, 9, false).unwrap();
            assert_eq!(run(&mut prepared), Ok((number, Vec::new())));
        }
        prepared.close(2);
        assert_eq!(run(&mut prepared), Err(1243));
        prepared.last = StmtExecute::LAST_PREPARED - 1;
        assert_eq!(
            prepared.add("DO 1".into(), &description, false, 9, false).unwrap().0,
            1,
            "that number stands for the last"
        );
    }

    #[test]
    fn what_is_held_is_counted_and_bounded() {
        let of_all = Arc::new(AtomicU64::new(0));
        let (mut one, mut other) = (Prepared::new(Arc::clone(&of_all)), Prepared::new(Arc::clone(&of_all)));
        let description = Description { parameters: 1, columns: Vec::new() };
        let add = |to: &mut Prepared| to.add("DO ?".into(), &description, false, 2, true).map(|(id, _)| id);
        let first = add(&mut one).unwrap();
        add(&mut other).unwrap();
        assert_eq!(add(&mut one).unwrap_err().code, 1461);
        let empty = one.bytes();
        one.add_long_data(first, 0, b"abc", 4);
        one.add_long_data(first, 0, b"de", 4);
        assert!(one.bytes() >= empty + 3 + PIECE);
        let mut payload = Vec::new();
        StmtExecute::new(first, vec![Value::Null]).encode(Capabilities::NONE, &mut payload);
        assert_eq!(one.execution(&payload, Capabilities::NONE).unwrap_err().code, 1105);
        assert_eq!(one.bytes(), empty, "the long data is gone");
        one.add_long_data(first, 0, b"", 4);
        assert_eq!(one.bytes(), empty + PIECE, "an empty piece is held, too");
        one.reset(first).unwrap();
        // The statement has only one parameter.
        one.add_long_data(first, 1, b"abc", 4);
        assert_eq!(one.bytes(), empty, "nothing is held of a parameter that is not there");
        assert_eq!(one.execution(&payload, Capabilities::NONE).unwrap_err().code, 1210);
        drop(other);
        assert!(add(&mut one).is_ok(), "a session that ends gives its statements back");
        one.close(first);
        assert_eq!((one.bytes(), of_all.load(Relaxed)), (empty, 1));
    }

    #[test]
    fn one_session_has_half_of_all_and_the_last_tenth_is_for_administrators() {
        let of_all = Arc::new(AtomicU64::new(0));
        let description = Description { parameters: 0, columns: Vec::new() };
        let mut sessions = [(); 3].map(|()| Prepared::new(Arc::clone(&of_all)));
        let mut fill = |at: usize, exempt: bool| {
            let mut add = || sessions[at].add("DO 1".into(), &description, false, 20, exempt);
            let added = std::iter::from_fn(|| add().ok()).count();
            (added, add().unwrap_err().code)
        };
        for (at, exempt, added) in [(0, false, 10), (1, false, 8), (2, false, 0), (2, true, 2)] {
            assert_eq!(fill(at, exempt), (added, 1461), "session {at}");
        }
    }
}
