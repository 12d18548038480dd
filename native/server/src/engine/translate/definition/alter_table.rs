//! ALTER TABLE.

use sealwire_accounts::Privilege;
use sealwire_binlog::Flavour;
use sqlparser::ast::{
    AlterTable, AlterTableOperation, ColumnDef, ColumnOption, DataType, EnumMember, MySQLColumnPosition, ObjectName,
    RenameTableNameKind, TableConstraint,
};

use super::super::errors::unsupported;
use super::super::source::Source;
use super::super::translated::{ColumnMove, ColumnRename, NewDefault, Skippable};
use super::super::weight;
use super::super::writer::{WriteResult, Writer, check_new_column, check_new_table};
use super::column::{OfTable, column, is_auto_increment};
use super::index::{IndexKind, added, drop_index, index};
use super::origin::Origin;
use super::stored_expression::check_order;
use super::target::Target;
use super::{alter_order, grammar};
use crate::engine::types::DeclaredType;
use crate::sql::text_literal;

/// Source: MySQL Reference Manual, "ALTER TABLE Statement".
const ALTER: &[Privilege] = &[Privilege::ALTER, Privilege::CREATE, Privilege::INSERT];

/// Privileges on the old name of a renamed table.
const RENAME: &[Privilege] = &[Privilege::ALTER, Privilege::DROP];

pub(super) fn alter_table(
    alter: &AlterTable,
    source: &Source<'_>,
    writer: &mut Writer<'_>,
    statements: &mut Vec<String>,
) -> WriteResult {
    grammar::alter_table(alter)?;
    alter_order::check(&alter.operations)?;
    let renames = |operation: &AlterTableOperation| matches!(operation, AlterTableOperation::RenameTable { .. });
    let privileges = if alter.operations.iter().all(renames) { RENAME } else { ALTER };
    let table = Target::existing(&alter.name, privileges, writer)?;
    table.note(writer);
    let mut ranges = source.items(&source.all()).into_iter();
    let conditions = std::mem::take(&mut writer.conditions);
    for (number, operation) in alter.operations.iter().enumerate() {
        let origin = Origin { source, range: ranges.next() };
        if conditions.contains(&number) || matches!(operation, AlterTableOperation::DropColumn { if_exists: true, .. })
        {
            skip_if_needless(operation, statements.len(), writer)?;
        }
        if let AlterTableOperation::AddConstraint { constraint, .. } = operation {
            grammar::constraint(constraint, writer)?;
        }
        match operation {
            AlterTableOperation::AddConstraint { constraint: TableConstraint::Unique(unique), .. } => {
                let name = unique.index_name.as_ref().or(unique.name.as_ref());
                let name = name.ok_or_else(|| unsupported("ADD UNIQUE without a name"))?;
                writer.keys.push(added(&name.value, &unique.columns, statements.len()));
                let parts = origin.parts(&unique.columns);
                statements.push(index(&table, &name.value, &parts, IndexKind::Unique, writer)?);
                continue;
            }
            AlterTableOperation::AddConstraint { constraint: TableConstraint::Index(key), .. } => {
                let name = key.name.as_ref().ok_or_else(|| unsupported("ADD INDEX without a name"))?;
                writer.keys.push(added(&name.value, &key.columns, statements.len()));
                let parts = origin.parts(&key.columns);
                statements.push(index(&table, &name.value, &parts, IndexKind::Plain, writer)?);
                continue;
            }
            AlterTableOperation::DropIndex { name } => {
                statements.push(drop_index(&table, &name.value, writer)?);
                continue;
            }
            AlterTableOperation::DropColumn { column_names, .. } => {
                for name in column_names {
                    writer.dropped_columns.push((statements.len(), name.value.clone()));
                    begin(&table, " DROP COLUMN ", writer)?;
                    writer.name(&name.value)?;
                    statements.push(writer.take());
                }
                continue;
            }
            AlterTableOperation::AddColumn { column_def, column_position, .. } => {
                let computes =
                    |option: &ColumnOption| matches!(option, ColumnOption::Check(_) | ColumnOption::Generated { .. });
                if is_auto_increment(column_def) {
                    return Err(unsupported("ADD COLUMN with AUTO_INCREMENT"));
                }
                if column_def.options.iter().any(|option| computes(&option.option)) {
                    table.require_read(writer)?;
                }
                check_order(std::slice::from_ref(column_def))?;
                // The column is weighed alone here, and together with its table once it is added.
                weight::check_table(std::slice::from_ref(column_def), &[])?;
                writer.defaults.extend(new_default(column_def, statements.len(), writer));
                if let Some(position) = column_position {
                    let after = match position {
                        MySQLColumnPosition::First => None,
                        MySQLColumnPosition::After(column) => Some(column.value.clone()),
                    };
                    let (schema, name) = table.in_sqlite();
                    writer.moves.push(ColumnMove {
                        schema,
                        table: name,
                        column: column_def.name.value.clone(),
                        after,
                        statement: statements.len(),
                    });
                }
                begin(&table, " ADD COLUMN ", writer)?;
                column(column_def, false, of_table(&table, writer), &origin, writer)?;
            }
            AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
                check_new_column(&new_column_name.value)?;
                let (schema, name) = table.in_sqlite();
                let (old, new) = (old_column_name.value.clone(), new_column_name.value.clone());
                if writer.keyed_by_bytes.iter().any(|own| own.eq_ignore_ascii_case(&old)) {
                    writer.keyed_by_bytes.push(new.clone());
                }
                writer.renames.push(ColumnRename { schema, table: name, old, new });
                begin(&table, " RENAME COLUMN ", writer)?;
                writer.name(&old_column_name.value)?;
                writer.push(" TO ");
                writer.name(&new_column_name.value)?;
            }
            AlterTableOperation::RenameTable {
                table_name: RenameTableNameKind::As(name) | RenameTableNameKind::To(name),
            } => {
                if !writer.moves.is_empty() {
                    return Err(unsupported("FIRST and AFTER together with RENAME TO"));
                }
                rename(&table, name, writer)?;
            }
            other => return Err(unsupported(&format!("ALTER TABLE … {other}"))),
        }
        statements.push(writer.take());
    }
    Ok(())
}

/// Has the statement of an operation be skipped where MariaDB skips it by IF EXISTS or IF NOT EXISTS.
fn skip_if_needless(operation: &AlterTableOperation, statement: usize, writer: &mut Writer<'_>) -> WriteResult {
    let errors: &[u16] = match operation {
        AlterTableOperation::AddColumn { .. } => &[1060],
        AlterTableOperation::AddConstraint {
            constraint: TableConstraint::Unique(_) | TableConstraint::Index(_),
            ..
        } => &[1061],
        AlterTableOperation::DropColumn { .. } | AlterTableOperation::DropIndex { .. } => &[1091],
        AlterTableOperation::RenameColumn { .. } => &[1054],
        other => return Err(unsupported(&format!("IF EXISTS and IF NOT EXISTS in ALTER TABLE … {other}"))),
    };
    writer.refuse_for_mysql("IF EXISTS or IF NOT EXISTS within ALTER TABLE")?;
    writer.skippable.push(Skippable { statement, errors });
    Ok(())
}

/// The facts of a table that its new column needs. The session translates ADD COLUMN again once the table's database is attached.
fn of_table(table: &Target, writer: &Writer<'_>) -> OfTable {
    let (schema, name) = table.in_sqlite();
    let (charset, collation) = writer.scope.collations.of_table(&schema, &name).unwrap_or_default();
    OfTable::new(charset, collation.as_deref(), false, writer)
}

/// The value of a new column in the rows that exist; `None` where it is NULL or computed.
fn new_default(column: &ColumnDef, statement: usize, writer: &Writer<'_>) -> Option<NewDefault> {
    let has = |is_it: &dyn Fn(&ColumnOption) -> bool| column.options.iter().any(|option| is_it(&option.option));
    let is_generated = has(&|option| matches!(option, ColumnOption::Generated { .. }));
    let has_default = has(&|option| matches!(option, ColumnOption::Default(_)));
    let is_not_null = has(&|option| matches!(option, ColumnOption::NotNull | ColumnOption::PrimaryKey(_)));
    if is_generated || !(has_default || is_not_null) {
        return None;
    }
    let implicit = if has_default { None } else { Some(implicit_default(&column.data_type, writer)?) };
    Some(NewDefault { statement, column: column.name.value.clone(), implicit })
}

/// The implicit default of a type; `None` where it has none. Source: MySQL Reference Manual, "Data Type Default Values".
fn implicit_default(kind: &DataType, writer: &Writer<'_>) -> Option<String> {
    if let DataType::Enum(members, _) = kind {
        let (EnumMember::Name(first) | EnumMember::NamedValue(first, _)) = members.first()?;
        return Some(text_literal(first));
    }
    let declared = DeclaredType::from_mysql(kind)?;
    // No geometry is empty, and a row with such a value could not be changed any more.
    if declared.is_geometry() {
        return None;
    }
    let literal = match declared.name() {
        "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" | "DECIMAL" | "FLOAT" | "DOUBLE" | "BIT" | "YEAR" => {
            "0"
        }
        "DATE" => "'0000-00-00'",
        "TIME" => "'00:00:00'",
        "DATETIME" | "TIMESTAMP" => "'0000-00-00 00:00:00'",
        "UUID" => "'00000000-0000-0000-0000-000000000000'",
        "JSON" if writer.scope.log != Some(Flavour::MariaDb) => "'null'",
        _ => "''",
    };
    Some(literal.to_owned())
}

fn begin(table: &Target, operation: &'static str, writer: &mut Writer<'_>) -> WriteResult {
    writer.push("ALTER TABLE ");
    table.write(writer)?;
    writer.push(operation);
    Ok(())
}

fn rename(table: &Target, name: &ObjectName, writer: &mut Writer<'_>) -> WriteResult {
    let (database, new) = writer.resolve(name)?;
    check_new_table(&new)?;
    if database != table.database {
        return Err(unsupported("RENAME of a table to another database"));
    }
    if table.is_temporary {
        return Err(unsupported("RENAME of a temporary table"));
    }
    writer.require(&table.database, &table.table, RENAME)?;
    writer.require(&database, &new, ALTER)?;
    writer.targets.push((table.in_sqlite().0, new.clone()));
    begin(table, " RENAME TO ", writer)?;
    writer.name(&new)
}
