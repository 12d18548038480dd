//! INSERT, REPLACE, UPDATE, DELETE and TRUNCATE.

use sealwire_core::error::SqlError;
use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, Expr, FromTable, Insert, ObjectName, OnInsert, OrderByExpr, SetExpr,
    SqliteOnConflict, TableFactor, TableObject, TableWithJoins, Truncate, Update,
};

use super::{Kind, database_prefix, last_part, parts, quote, unsupported};

type Outcome = Result<(Vec<String>, Kind), SqlError>;

pub(super) fn insert(mut insert: Insert) -> Outcome {
    let TableObject::TableName(table) = &insert.table else { return Err(unsupported("INSERT into an expression")) };
    let mut text = String::new();
    let kind = if insert.replace_into {
        text.push_str("REPLACE");
        Kind::Replace
    } else if insert.on.is_some() {
        text.push_str("INSERT");
        Kind::Upsert
    } else {
        text.push_str("INSERT");
        Kind::Insert
    };
    if insert.ignore {
        text.push_str(&format!(" {}", SqliteOnConflict::Ignore));
    }
    text.push_str(&format!(" INTO {table}"));
    let mut columns: Vec<String> = insert.columns.iter().map(|column| quote(last_part(column))).collect();
    let mut source = match insert.source.take() {
        Some(mut source) => {
            let empty = matches!(source.body.as_ref(), SetExpr::Values(values) if values.rows.iter().all(|row| row.content.is_empty()));
            // SQLite takes ON CONFLICT after a SELECT for a join condition unless a WHERE stands between.
            if let SetExpr::Select(select) = source.body.as_mut()
                && insert.on.is_some()
                && select.selection.is_none()
            {
                select.selection = Some(Expr::value(sqlparser::ast::Value::Boolean(true)));
            }
            if empty { String::new() } else { source.to_string() }
        }
        None => String::new(),
    };
    if !insert.assignments.is_empty() {
        columns = insert.assignments.iter().map(|assignment| target(&assignment.target)).collect::<Result<_, _>>()?;
        let values: Vec<String> = insert.assignments.iter().map(|assignment| assignment.value.to_string()).collect();
        source = format!("VALUES ({})", values.join(", "));
    }
    if source.is_empty() {
        text.push_str(" DEFAULT VALUES");
    } else {
        if !columns.is_empty() {
            text.push_str(&format!(" ({})", columns.join(", ")));
        }
        // `VALUE` and `ROW(…)` are MySQL's own.
        text.push_str(&format!(
            " {}",
            source.strip_prefix("VALUE ").map_or_else(|| source.clone(), |rows| format!("VALUES {rows}"))
        ));
    }
    match insert.on {
        Some(OnInsert::DuplicateKeyUpdate(assignments)) => {
            let alias = insert.insert_alias.as_ref().map(|alias| last_part(&alias.row_alias).to_owned());
            text.push_str(&format!(" ON CONFLICT DO UPDATE SET {}", assignment_list(&assignments, alias.as_deref())?));
        }
        Some(_) => return Err(unsupported("this ON clause")),
        None => {}
    }
    Ok((vec![text], kind))
}

pub(super) fn update(mut update: Update) -> Outcome {
    let table = single(&update.table, "UPDATE of several tables")?;
    let assignments = assignment_list(&update.assignments, None)?;
    let ignore = if update.or.is_some() { "OR IGNORE " } else { "" };
    let condition = limited(&table, update.selection.take(), &update.order_by, update.limit.as_ref());
    Ok((vec![format!("UPDATE {ignore}{table} SET {assignments}{condition}")], Kind::Change))
}

pub(super) fn delete(mut delete: Delete) -> Outcome {
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    let ([from], true, None) = (from.as_slice(), delete.tables.is_empty(), &delete.using) else {
        return Err(unsupported("DELETE from several tables"));
    };
    let table = single(from, "DELETE from several tables")?;
    let condition = limited(&table, delete.selection.take(), &delete.order_by, delete.limit.as_ref());
    Ok((vec![format!("DELETE FROM {table}{condition}")], Kind::Change))
}

pub(super) fn truncate(truncate: &Truncate) -> Vec<String> {
    truncate.table_names.iter().map(|table| format!("DELETE FROM {}", table.name)).collect()
}

/// The one table that a statement changes, with its alias.
fn single(table: &TableWithJoins, refused: &str) -> Result<String, SqlError> {
    match &table.relation {
        TableFactor::Table { .. } if table.joins.is_empty() => Ok(table.relation.to_string()),
        _ => Err(unsupported(refused)),
    }
}

/// The condition of a change; ORDER BY and LIMIT, which SQLite has not here, choose the rows by number first.
fn limited(table: &str, selection: Option<Expr>, order: &[OrderByExpr], limit: Option<&Expr>) -> String {
    let condition = selection.map_or_else(String::new, |selection| format!(" WHERE {selection}"));
    let Some(limit) = limit else { return condition };
    let order = if order.is_empty() {
        String::new()
    } else {
        format!(" ORDER BY {}", order.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    };
    format!(" WHERE rowid IN (SELECT rowid FROM {table}{condition}{order} LIMIT {limit})")
}

fn assignment_list(assignments: &[Assignment], alias: Option<&str>) -> Result<String, SqlError> {
    let mut parts = Vec::with_capacity(assignments.len());
    for assignment in assignments {
        let mut value = assignment.value.clone();
        if let Some(alias) = alias {
            rename(&mut value, alias);
        }
        parts.push(format!("{} = {value}", target(&assignment.target)?));
    }
    Ok(parts.join(", "))
}

/// `new.column` of `VALUES … AS new` is SQLite's `excluded.column`.
fn rename(value: &mut Expr, alias: &str) {
    // The closure never breaks, so there is nothing to look at.
    let _: std::ops::ControlFlow<()> = sqlparser::ast::visit_expressions_mut(value, |expression| {
        if let Expr::CompoundIdentifier(names) = expression
            && let Some(first) = names.first_mut()
            && first.value.eq_ignore_ascii_case(alias)
        {
            "excluded".clone_into(&mut first.value);
        }
        std::ops::ControlFlow::Continue(())
    });
}

fn target(target: &AssignmentTarget) -> Result<String, SqlError> {
    match target {
        AssignmentTarget::ColumnName(name) => Ok(quote(last_part(name))),
        AssignmentTarget::Tuple(_) => Err(unsupported("an assignment to several columns")),
    }
}

/// A table's name as SQLite takes it in a statement that names an object of its database: prefix and name apart.
pub(super) fn split(name: &ObjectName) -> (String, String) {
    (database_prefix(name), parts(name).last().copied().unwrap_or_default().to_owned())
}
