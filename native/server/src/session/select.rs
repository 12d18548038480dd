//! SELECT of constants, variables and the session's functions, which connectors send when they connect.

use sealwire_core::error::SqlError;
use sealwire_core::message::{ColumnDefinition, ColumnType};

use super::Session;
use super::answer::{Answer, Table};
use crate::sql::{Budget, Datum, evaluate};

impl Session {
    /// The answer to a SELECT of constants; `None` where the engine must execute it.
    pub(super) fn constant_select(&self, sql: &str) -> Result<Option<Answer>, SqlError> {
        let Some(constants) = self.view.server.selects.get(sql) else { return Ok(None) };
        let mut columns = Vec::with_capacity(constants.items.len());
        let mut row = Vec::with_capacity(constants.items.len());
        let budget = Budget::default();
        for (expression, title) in &constants.items {
            let Some(value) = evaluate(expression, &self.view, &budget)? else { return Ok(None) };
            columns.push(column(title.as_str(), &value));
            row.push(value);
        }
        let rows = if constants.is_limited_to_nothing { Vec::new() } else { vec![row] };
        Ok(Some(Answer::Rows(Table { columns, rows })))
    }
}

/// The column definition of a value.
pub(super) fn column(title: impl Into<Vec<u8>>, value: &Datum) -> ColumnDefinition {
    let mut column = ColumnDefinition::new(
        title,
        match value {
            Datum::Int(_) | Datum::UInt(_) => ColumnType::LONGLONG,
            Datum::Real(_) => ColumnType::DOUBLE,
            Datum::Null | Datum::Text(_) | Datum::Blob(_) => ColumnType::VAR_STRING,
        },
    );
    match value {
        Datum::UInt(_) => column.flags |= sealwire_core::message::ColumnFlags::UNSIGNED,
        Datum::Text(text) => column.length = u32::try_from(text.chars().count() * 4).unwrap_or(u32::MAX),
        _ => {}
    }
    column
}
