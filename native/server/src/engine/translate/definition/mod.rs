//! CREATE, ALTER and DROP of tables, indexes and views.

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;
use sqlparser::ast::{CreateView, ObjectName, ObjectType, Statement};

use super::errors::unsupported;
use super::names::last_part;
use super::source::Source;
use super::writer::{WriteResult, Writer, check_new_name};
use crate::engine::annotations::{Annotation, Annotations};
use alter_table::alter_table;
use create_table::create_table;
use index::{IndexParts, drop_index, index};
use target::Target;

mod alter_table;
mod column;
mod create_table;
mod index;
mod origin;
mod target;

/// Writes the statements of a definition. Returns the query of a view, which must compile first.
pub(super) fn translate(
    statement: Statement,
    source: &Source<'_>,
    writer: &mut Writer<'_>,
    statements: &mut Vec<String>,
) -> Result<Option<String>, SqlError> {
    match statement {
        Statement::CreateTable(create) => create_table(&create, source, writer, statements)?,
        Statement::CreateIndex(create) => {
            let name = create.name.as_ref().map(last_part);
            let name = name.ok_or_else(|| unsupported("CREATE INDEX without a name"))?;
            let table = Target::existing(&create.table_name, &[Privilege::INDEX], writer)?;
            let parts = IndexParts { columns: &create.columns, source, range: source.group(&source.all()) };
            statements.push(index(&table, name, &parts, create.unique, writer)?);
        }
        Statement::CreateView(create) => return create_view(&create, source, writer, statements).map(Some),
        Statement::AlterTable(alter) => alter_table(&alter, source, writer, statements)?,
        Statement::Drop { object_type: ObjectType::Index, names, table: Some(table), .. } => {
            let table = Target::existing(&table, &[Privilege::INDEX], writer)?;
            writer.admit_list(names.len())?;
            for name in &names {
                statements.push(drop_index(&table, last_part(name), writer)?);
            }
        }
        Statement::Drop { object_type, if_exists, names, temporary, .. } => {
            let (kind, is_table) = match object_type {
                ObjectType::Table => ("DROP TABLE ", true),
                ObjectType::View => ("DROP VIEW ", false),
                other => return Err(unsupported(&format!("DROP {other}"))),
            };
            writer.admit_list(names.len())?;
            writer.is_conditional = if_exists;
            for name in &names {
                drop_object(name, kind, temporary, is_table, writer, statements)?;
            }
        }
        other => {
            let text = other.to_string();
            return Err(unsupported(text.split_whitespace().take(2).collect::<Vec<_>>().join(" ").as_str()));
        }
    }
    Ok(None)
}

fn drop_object(
    name: &ObjectName,
    kind: &'static str,
    temporary: bool,
    is_table: bool,
    writer: &mut Writer<'_>,
    statements: &mut Vec<String>,
) -> WriteResult {
    let (database, table) = writer.resolve(name)?;
    let is_known = is_table && writer.is_temporary(&database, &table);
    if temporary && !is_known {
        let unknown = SqlError::new(1051, b"42S02", format!("Unknown table '{database}.{table}'"));
        if !writer.is_conditional {
            return Err(unknown);
        }
        writer.notes.push(unknown);
        return Ok(());
    }
    writer.push(kind);
    if is_known {
        writer.temporary(&database, &table)?;
        writer.drops.push((database, table));
    } else {
        // DROP VIEW ignores temporary tables.
        writer.require(&database, &table, &[Privilege::DROP])?;
        Target { database, table, is_temporary: false, exists: true }.write(writer)?;
    }
    statements.push(writer.take());
    Ok(())
}

/// Writes CREATE VIEW. Returns its query as the creator would run it.
fn create_view(
    create: &CreateView,
    source: &Source<'_>,
    writer: &mut Writer<'_>,
    statements: &mut Vec<String>,
) -> Result<String, SqlError> {
    if create.materialized || create.temporary || create.if_not_exists {
        return Err(unsupported("this kind of view"));
    }
    let check = writer.capture(|writer| writer.query(&create.query))?;
    let privileges: &'static [Privilege] =
        if create.or_replace { &[Privilege::CREATE_VIEW, Privilege::DROP] } else { &[Privilege::CREATE_VIEW] };
    let (database, table) = writer.resolve(&create.name)?;
    check_new_name(&table, 1103, "table")?;
    writer.require(&database, &table, privileges)?;
    let view = Target { database: database.clone(), table, is_temporary: false, exists: false };
    if create.or_replace {
        writer.push("DROP VIEW IF EXISTS ");
        view.write(writer)?;
        statements.push(writer.take());
    }
    writer.push("CREATE VIEW ");
    view.write(writer)?;
    if !create.columns.is_empty() {
        writer.push(" (");
        writer.names(create.columns.iter().map(|column| &column.name))?;
        writer.push(")");
    }
    writer.push(" AS ");
    let mut annotations = Annotations::default();
    annotations.add(Annotation::Query, source.view_query(&create.query, &database)?);
    writer.annotations(&annotations);
    writer.view = Some(database);
    writer.query(&create.query)?;
    writer.view = None;
    statements.push(writer.take());
    Ok(check)
}
