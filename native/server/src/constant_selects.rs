//! Parses and remembers SELECTs of constants, variables and functions, because connectors send the same few again and again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlparser::ast::{Expr, LimitClause, Query, SelectItem, SetExpr, Statement, Value};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;

use super::engine::title_texts;
use super::sql::lex::{Lexer, Piece};
use super::sql::{MOST_EVALUATED_DEPTH, depth};

/// A longer statement goes to the engine without being parsed here.
const MOST_BYTES: usize = 4096;

/// Whether a SELECT may be one of constants: it is short and names no table.
pub(crate) fn may_be_constant(sql: &str) -> bool {
    let stops = |(piece, text): (Piece, &[u8])| {
        piece == Piece::Word
            && [&b"FROM"[..], b"UNION", b"INTO", b"WITH"].iter().any(|word| text.eq_ignore_ascii_case(word))
    };
    sql.len() <= MOST_BYTES && !Lexer::new(sql.as_bytes()).any(stops)
}

/// A parsed SELECT that names no table.
#[derive(Debug)]
pub(crate) struct Constants {
    /// The expressions and the titles of their columns.
    pub(crate) items: Vec<(Expr, String)>,
    /// Whether the statement has LIMIT 0.
    pub(crate) is_limited_to_nothing: bool,
}

/// The parsed SELECTs of constants, remembered because clients send the same few again and again.
#[derive(Debug, Default)]
pub(crate) struct ParsedSelects(Mutex<HashMap<Box<str>, Option<Arc<Constants>>>>);

/// The most statements that are remembered.
const MOST_REMEMBERED: usize = 256;
const LONGEST_REMEMBERED: usize = 512;

impl ParsedSelects {
    /// The parsed SELECT of constants; `None` where the engine must answer.
    pub(crate) fn get(&self, sql: &str) -> Option<Arc<Constants>> {
        if sql.len() > LONGEST_REMEMBERED {
            return parse(sql).map(Arc::new);
        }
        if let Some(known) = self.remembered().get(sql) {
            return known.clone();
        }
        let parsed = parse(sql).map(Arc::new);
        let mut remembered = self.remembered();
        if remembered.len() >= MOST_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(sql.into(), parsed.clone());
        parsed
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<Box<str>, Option<Arc<Constants>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse(sql: &str) -> Option<Constants> {
    if !may_be_constant(sql) || depth::check_to(sql, MOST_EVALUATED_DEPTH).is_err() {
        return None;
    }
    let mut statements = Parser::parse_sql(&MySqlDialect {}, sql).ok()?;
    let (Some(Statement::Query(query)), true) = (statements.pop(), statements.is_empty()) else { return None };
    let items = items(&query)?;
    let titles = title_texts(sql);
    if titles.len() != items.len() {
        return None;
    }
    let titled = items.iter().zip(titles).map(|(item, title)| match item {
        SelectItem::UnnamedExpr(expression) => Some((expression.clone(), title.unwrap_or_default())),
        SelectItem::ExprWithAlias { expr, alias } => Some((expr.clone(), alias.value.clone())),
        _ => None,
    });
    Some(Constants { items: titled.collect::<Option<_>>()?, is_limited_to_nothing: is_limited_to_nothing(&query) })
}

/// The selected expressions, if the SELECT can only be one of constants.
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
