//! INSERT, REPLACE, UPDATE, DELETE and TRUNCATE.

use std::collections::HashSet;

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;
use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, Expr, FromTable, Insert, ObjectName, OnInsert, OrderByExpr, Query, SetExpr,
    Statement, TableFactor, TableObject, TableWithJoins, Truncate, Update, With,
};

use super::errors::unsupported;
use super::names::{last_part, schema_of, temporary_name};
use super::translated::StatementKind;
use super::writer::Writer;

/// Writes a statement that changes rows, with the WITH clause before it.
pub(super) fn change(
    with: Option<&With>,
    change: &Statement,
    writer: &mut Writer<'_>,
) -> Result<StatementKind, SqlError> {
    let visible = writer.visible_ctes();
    if let Some(with) = with {
        if matches!(change, Statement::Insert(_)) {
            return Err(SqlError::syntax(
                "You have an error in your SQL syntax: WITH must follow INSERT INTO … and precede its SELECT",
            ));
        }
        writer.with(with)?;
    }
    let kind = match change {
        Statement::Insert(statement) => insert(statement, writer),
        Statement::Update(statement) => update(statement, writer),
        Statement::Delete(statement) => delete(statement, writer),
        other => Err(unsupported(&other.to_string())),
    }?;
    writer.hide_ctes(visible);
    Ok(kind)
}

fn insert(insert: &Insert, writer: &mut Writer<'_>) -> Result<StatementKind, SqlError> {
    let TableObject::TableName(table) = &insert.table else { return Err(unsupported("INSERT into an expression")) };
    if insert.returning.is_some() || insert.partitioned.is_some() || insert.overwrite {
        return Err(unsupported("this clause of INSERT"));
    }
    let (kind, privileges): (_, &'static [Privilege]) = match (insert.replace_into, &insert.on) {
        (true, _) => (StatementKind::Replace, &[Privilege::INSERT, Privilege::DELETE]),
        (false, Some(_)) => (StatementKind::Upsert, &[Privilege::INSERT, Privilege::UPDATE]),
        (false, None) => (StatementKind::Insert, &[Privilege::INSERT]),
    };
    if insert.replace_into {
        writer.push("REPLACE INTO ");
    } else {
        writer.push("INSERT ");
        if insert.ignore {
            writer.or_ignore();
        }
        writer.push("INTO ");
    }
    writer.table(table, privileges)?;
    if insert.assignments.is_empty() {
        columns_and_source(insert, table, writer)?;
    } else {
        writer.push(" (");
        writer.list(&insert.assignments, |writer, assignment| target(&assignment.target, writer))?;
        writer.push(") VALUES (");
        writer.list(&insert.assignments, |writer, assignment| writer.expression(&assignment.value))?;
        writer.push(")");
    }
    match &insert.on {
        None => {}
        Some(OnInsert::DuplicateKeyUpdate(assignments)) => {
            let alias = insert.insert_alias.as_ref();
            if alias.is_some_and(|alias| alias.col_aliases.as_ref().is_some_and(|columns| !columns.is_empty())) {
                return Err(unsupported("column aliases of the row to insert"));
            }
            writer.push(" ON CONFLICT DO UPDATE SET ");
            // The new row's values do not count, because only the clause's own expressions read the existing row.
            writer.reads_columns = false;
            writer.upsert = Some(alias.map(|alias| last_part(&alias.row_alias).to_owned()));
            assignment_list(assignments, writer)?;
            writer.upsert = None;
        }
        Some(_) => return Err(unsupported("this ON clause")),
    }
    Ok(kind)
}

fn columns_and_source(insert: &Insert, table: &ObjectName, writer: &mut Writer<'_>) -> Result<(), SqlError> {
    let is_empty = |source: &Query| matches!(source.body.as_ref(), SetExpr::Values(values) if values.rows.iter().all(|row| row.content.is_empty()));
    let Some(source) = insert.source.as_deref().filter(|source| !is_empty(source)) else {
        writer.push(" DEFAULT VALUES");
        return Ok(());
    };
    if insert.columns.is_empty() {
        let (database, name) = writer.resolve(table)?;
        writer.fills = Some(if writer.is_temporary(&database, &name) {
            ("temp".to_owned(), temporary_name(&database, &name))
        } else {
            (schema_of(&database).into_owned(), name)
        });
    } else {
        let mut named = HashSet::new();
        if let Some(twice) = insert.columns.iter().map(last_part).find(|name| !named.insert(name.to_lowercase())) {
            return Err(SqlError::new(1110, b"42000", format!("Column '{twice}' specified twice")));
        }
        writer.push(" (");
        writer.list(&insert.columns, |writer, column| writer.name(last_part(column)))?;
        writer.push(")");
    }
    writer.push(" ");
    if let SetExpr::Values(values) = source.body.as_ref() {
        writer.rows = Some(values.rows.len() as u64);
        return writer.values(values);
    }
    if insert.on.is_none() {
        return writer.query(source);
    }
    // Without a WHERE, SQLite would take ON CONFLICT behind a SELECT for a join's condition.
    writer.push("SELECT * FROM (");
    writer.query(source)?;
    writer.push(") WHERE TRUE");
    Ok(())
}

fn update(update: &Update, writer: &mut Writer<'_>) -> Result<StatementKind, SqlError> {
    if update.from.is_some() || update.returning.is_some() {
        return Err(unsupported("this clause of UPDATE"));
    }
    let table = single(&update.table, "UPDATE of several tables")?;
    writer.push("UPDATE ");
    if update.or.is_some() {
        writer.or_ignore();
    }
    let name = writer.capture(|writer| writer.factor(table, &[Privilege::UPDATE]))?;
    writer.append(&name);
    writer.push(" SET ");
    assignment_list(&update.assignments, writer)?;
    limited(&name, update.selection.as_ref(), &update.order_by, update.limit.as_ref(), writer)?;
    Ok(StatementKind::Update)
}

fn delete(delete: &Delete, writer: &mut Writer<'_>) -> Result<StatementKind, SqlError> {
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    let ([from], true, None) = (from.as_slice(), delete.tables.is_empty(), &delete.using) else {
        return Err(unsupported("DELETE from several tables"));
    };
    if delete.returning.is_some() {
        return Err(unsupported("DELETE … RETURNING"));
    }
    let table = single(from, "DELETE from several tables")?;
    writer.push("DELETE FROM ");
    let name = writer.capture(|writer| writer.factor(table, &[Privilege::DELETE]))?;
    writer.append(&name);
    limited(&name, delete.selection.as_ref(), &delete.order_by, delete.limit.as_ref(), writer)?;
    Ok(StatementKind::Delete)
}

/// Writes a DELETE for each table.
pub(super) fn truncate(
    truncate: &Truncate,
    writer: &mut Writer<'_>,
    statements: &mut Vec<String>,
) -> Result<(), SqlError> {
    if truncate.partitions.is_some() {
        return Err(unsupported("TRUNCATE of partitions"));
    }
    writer.admit_list(truncate.table_names.len())?;
    for table in &truncate.table_names {
        writer.push("DELETE FROM ");
        writer.table(&table.name, &[Privilege::DROP])?;
        statements.push(writer.take());
    }
    Ok(())
}

/// The one table that a statement changes, with its alias.
fn single<'t>(table: &'t TableWithJoins, statement: &str) -> Result<&'t TableFactor, SqlError> {
    match &table.relation {
        factor @ TableFactor::Table { .. } if table.joins.is_empty() => Ok(factor),
        _ => Err(unsupported(statement)),
    }
}

/// Writes the condition of a change. SQLite has no LIMIT here, so a subquery selects the row numbers.
fn limited(
    table: &str,
    selection: Option<&Expr>,
    order: &[OrderByExpr],
    limit: Option<&Expr>,
    writer: &mut Writer<'_>,
) -> Result<(), SqlError> {
    if limit.is_none() && !order.is_empty() {
        // Without LIMIT the order is meaningless; it is written and discarded to note the columns that it reads.
        writer.capture(|writer| writer.ordering(order))?;
    }
    if limit.is_some() {
        writer.reads_columns = true;
        writer.push(" WHERE rowid IN (SELECT rowid FROM ");
        writer.append(table);
    }
    if let Some(condition) = selection {
        writer.push(" WHERE ");
        writer.expression(condition)?;
    }
    if let Some(limit) = limit {
        if !order.is_empty() {
            writer.ordering(order)?;
        }
        writer.push(" LIMIT ");
        writer.row_count(limit)?;
        writer.push(")");
    }
    Ok(())
}

fn assignment_list(assignments: &[Assignment], writer: &mut Writer<'_>) -> Result<(), SqlError> {
    writer.list(assignments, |writer, assignment| {
        target(&assignment.target, writer)?;
        writer.push(" = ");
        writer.expression(&assignment.value)
    })
}

fn target(target: &AssignmentTarget, writer: &mut Writer<'_>) -> Result<(), SqlError> {
    match target {
        AssignmentTarget::ColumnName(name) => writer.name(last_part(name)),
        AssignmentTarget::Tuple(_) => Err(unsupported("an assignment to several columns")),
    }
}
