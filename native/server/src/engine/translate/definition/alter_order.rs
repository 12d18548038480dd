//! Operations of one ALTER TABLE that name the same column or key. MySQL and MariaDB look each name up in the table as it was, and this engine runs
//! one operation after the other, so that it would find names that an earlier one has made, or keep those that a later one takes away.

use std::ops::ControlFlow;

use sealwire_core::error::SqlError;
use sqlparser::ast::{
    AlterTableOperation, ColumnOption, Expr, MySQLColumnPosition, TableConstraint, Visit, visit_expressions,
};

use super::super::names::last_part;
use super::super::writer::WriteResult;

/// Checks the operations of an ALTER TABLE.
///
/// # Errors
/// 1091 for a column or key that the statement makes and drops, 1054 for a column that it makes and renames, and for one that it uses and takes
/// away, 1072 for such a column of a key.
pub(super) fn check(operations: &[AlterTableOperation]) -> WriteResult {
    let (mut columns, mut keys): (Vec<String>, Vec<String>) = Default::default();
    for (number, operation) in operations.iter().enumerate() {
        let later = operations.get(number + 1..).unwrap_or_default();
        match operation {
            AlterTableOperation::AddColumn { column_def, column_position, .. } => {
                if let Some(MySQLColumnPosition::After(before)) = column_position {
                    check_use(&before.value, later, 1054)?;
                }
                for option in &column_def.options {
                    match &option.option {
                        ColumnOption::Check(check) => check_uses(&check.expr, later, 1054)?,
                        ColumnOption::Generated { generation_expr: Some(value), .. } => check_uses(value, later, 1054)?,
                        _ => {}
                    }
                }
                columns.push(column_def.name.value.to_lowercase());
            }
            AlterTableOperation::RenameColumn { old_column_name: old, new_column_name: new } => {
                if columns.contains(&old.value.to_lowercase()) {
                    return Err(unknown(&old.value, 1054));
                }
                columns.push(new.value.to_lowercase());
            }
            AlterTableOperation::DropColumn { column_names, .. } => {
                if let Some(made) = column_names.iter().find(|name| columns.contains(&name.value.to_lowercase())) {
                    return Err(unknown(&made.value, 1091));
                }
            }
            AlterTableOperation::DropIndex { name } if keys.contains(&name.value.to_lowercase()) => {
                return Err(unknown(&name.value, 1091));
            }
            AlterTableOperation::AddConstraint { constraint, .. } => match constraint {
                TableConstraint::Check(check) => check_uses(&check.expr, later, 1054)?,
                TableConstraint::Unique(key) => {
                    check_uses(&key.columns, later, 1072)?;
                    keys.extend(key.index_name.as_ref().or(key.name.as_ref()).map(|name| name.value.to_lowercase()));
                }
                TableConstraint::Index(key) => {
                    check_uses(&key.columns, later, 1072)?;
                    keys.extend(key.name.as_ref().map(|name| name.value.to_lowercase()));
                }
                _ => {}
            },
            _ => {}
        }
    }
    Ok(())
}

/// Refuses a part of an operation that names a column which a later operation takes away.
fn check_uses(part: &impl Visit, later: &[AlterTableOperation], code: u16) -> WriteResult {
    let found = visit_expressions(part, |expression| {
        let name = match expression {
            Expr::Identifier(name) => &name.value,
            Expr::CompoundIdentifier(names) => names.last().map_or("", |name| &name.value),
            // A part of a key with a length.
            Expr::Function(function) => last_part(&function.name),
            _ => "",
        };
        match check_use(name, later, code) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    });
    match found {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

fn check_use(name: &str, later: &[AlterTableOperation], code: u16) -> WriteResult {
    let is_name = |other: &str| other.to_lowercase() == name.to_lowercase();
    let takes_away = |operation: &AlterTableOperation| match operation {
        AlterTableOperation::DropColumn { column_names, .. } => column_names.iter().any(|gone| is_name(&gone.value)),
        AlterTableOperation::RenameColumn { old_column_name, .. } => is_name(&old_column_name.value),
        _ => false,
    };
    if later.iter().any(takes_away) { Err(unknown(name, code)) } else { Ok(()) }
}

fn unknown(name: &str, code: u16) -> SqlError {
    const WHY: &str = "one ALTER TABLE reads all names in the table as it was; use two";
    match code {
        1091 => SqlError::new(1091, b"42000", format!("Can't DROP '{name}'; check that column/key exists: {WHY}")),
        1072 => SqlError::new(1072, b"42000", format!("Key column '{name}' doesn't exist in table: {WHY}")),
        _ => SqlError::new(1054, b"42S22", format!("Unknown column '{name}': {WHY}")),
    }
}
