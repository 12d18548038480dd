//! Translates MySQL's SQL to SQLite's. A construct without an equivalent in SQLite is refused with 1235 and never replaced by another.
//!
//! Each statement is parsed and then written again by [`writer::Writer`], node by node. The parser's `Display` is never used for this, because
//! it prints for people and does not promise correct quotes; a wrong quote would be an injection into SQLite.

mod conditions;
mod definition;
mod errors;
mod expression;
mod function;
mod manipulation;
mod names;
mod parse;
mod query;
mod source;
pub(super) mod titles;
mod translated;
pub(super) mod weight;
pub(super) mod wildcards;
mod writer;

use sealwire_core::error::SqlError;
use sqlparser::ast::{SetExpr, Statement};

use parse::Tree;

pub(super) use errors::{MOST_KEYS, no_such_table, too_many_keys, unsupported};
pub(super) use function::is_allowed;
pub(super) use names::{Temporaries, database_of, schema_of, temporary_name};
pub(super) use parse::{ParseBudget, tree};
pub(super) use translated::{
    Access, AddedKey, ColumnMove, ColumnRename, NewDefault, Skippable, StatementKind, Translated, begins,
};
pub(super) use writer::{Collations, READ, Scope, quote, quote_text};

/// Translates one statement.
///
/// # Errors
/// 1064 for a syntax error, 1235 where SQLite has no equivalent, 1046 where a database is needed and none is current.
pub(crate) fn translate(sql: &str, scope: Scope<'_>) -> Result<Translated, SqlError> {
    let Tree { statement, parameters, conditions, bytes, held } = tree(sql, scope.budget)?;
    let is_heavy = weight::may_be_heavy(sql, &statement);
    Tree::check_stop(bytes, scope.budget)?;
    let mut writer = writer::Writer::new(scope);
    let mut titles = Vec::new();
    let mut statements = Vec::new();
    let mut check = None;
    let kind = match statement {
        Statement::Query(mut query) => match query.body.as_ref() {
            SetExpr::Insert(change) | SetExpr::Update(change) | SetExpr::Delete(change) => {
                manipulation::change(query.with.as_ref(), change, &mut writer)?
            }
            _ => {
                titles = titles::of(sql);
                titles::prepare(&mut query);
                writer.query(&query)?;
                StatementKind::Query
            }
        },
        change @ (Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_)) => {
            manipulation::change(None, &change, &mut writer)?
        }
        Statement::Truncate(truncate) => {
            manipulation::truncate(&truncate, &mut writer, &mut statements)?;
            StatementKind::Definition
        }
        other => {
            writer.conditions = conditions;
            check = definition::translate(other, &source::Source::of(sql), &mut writer, &mut statements)?;
            writer.log_for_replicas(sql);
            StatementKind::Definition
        }
    };
    drop(held);
    Tree::check_stop(bytes, scope.budget)?;
    if kind != StatementKind::Definition {
        statements.push(writer.take());
    }
    Ok(Translated { is_heavy, tree_bytes: bytes, ..writer.finish(statements, check, kind, parameters, titles) })
}

#[cfg(test)]
mod tests;
