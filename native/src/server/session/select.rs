//! SELECT of constants, variables and the session's functions: what connectors ask when they connect.

use sealwire_core::error::SqlError;
use sealwire_core::message::{ColumnDefinition, ColumnType};
use sqlparser::ast::{Expr, LimitClause, Query, SelectItem, SetExpr, Statement, Value};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;

use super::{Answer, Session, Table};
use crate::server::engine::title_texts;
use crate::server::sql::lex::{Lexer, Piece};
use crate::server::sql::{Datum, evaluate};

/// Longer statements go to the engine unread.
const MOST_BYTES: usize = 8192;

/// Whether a SELECT may be one of constants: it is short and reads no table.
pub(super) fn may_be_constant(sql: &str) -> bool {
    let stops = |(piece, text): (Piece, &[u8])| {
        piece == Piece::Word
            && [&b"FROM"[..], b"UNION", b"INTO", b"WITH"].iter().any(|word| text.eq_ignore_ascii_case(word))
    };
    sql.len() <= MOST_BYTES && !Lexer::new(sql.as_bytes()).any(stops)
}

impl Session {
    /// The answer to a SELECT of constants; `None` where the engine has to answer.
    pub(super) fn constant_select(&self, sql: &str) -> Result<Option<Answer>, SqlError> {
        if !may_be_constant(sql) {
            return Ok(None);
        }
        let Ok(mut statements) = Parser::parse_sql(&MySqlDialect {}, sql) else { return Ok(None) };
        let (Some(Statement::Query(query)), true) = (statements.pop(), statements.is_empty()) else { return Ok(None) };
        let Some(items) = items(&query) else { return Ok(None) };
        let titles = title_texts(sql);
        if titles.len() != items.len() {
            return Ok(None);
        }
        let mut table = Table { columns: Vec::new(), rows: vec![Vec::new()] };
        for (item, title) in items.iter().zip(titles) {
            let (expression, title) = match item {
                SelectItem::UnnamedExpr(expression) => (expression, title.unwrap_or_default()),
                SelectItem::ExprWithAlias { expr, alias } => (expr, alias.value.clone()),
                _ => return Ok(None),
            };
            let Some(value) = evaluate(expression, &self.view)? else { return Ok(None) };
            table.columns.push(column(title, &value));
            if let Some(row) = table.rows.first_mut() {
                row.push(value);
            }
        }
        if is_limited_to_nothing(&query) {
            table.rows.clear();
        }
        Ok(Some(Answer::Rows(table)))
    }
}

/// What is selected, where nothing but constants can be.
fn items(query: &Query) -> Option<&[SelectItem]> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let bare = select.from.is_empty() && select.selection.is_none() && select.having.is_none() && query.with.is_none();
    bare.then_some(select.projection.as_slice())
}

fn is_limited_to_nothing(query: &Query) -> bool {
    let limit = match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit, .. }) => limit.as_ref(),
        Some(LimitClause::OffsetCommaLimit { limit, .. }) => Some(limit),
        None => None,
    };
    matches!(limit, Some(Expr::Value(value)) if matches!(&value.value, Value::Number(number, _) if number == "0"))
}

/// The column of a value.
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
