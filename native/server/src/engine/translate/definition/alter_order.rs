//! Operations of one ALTER TABLE that name the same column. MySQL and MariaDB look each name up in the table as it was, and this engine runs one
//! operation after the other, so that it would find names that an earlier one has made, or keep those that a later one takes away. Keys are added
//! behind all else.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use sealwire_core::error::SqlError;
use sqlparser::ast::{
    AlterTableOperation, ColumnOption, Expr, MySQLColumnPosition, TableConstraint, Visit, visit_expressions,
};

use super::super::writer::WriteResult;

/// Checks the operations of an ALTER TABLE.
///
/// # Errors
/// 1091 for a column that the statement makes and drops, 1054 for a column that it makes and renames, and for one that it uses and takes away.
pub(super) fn check(operations: &[AlterTableOperation]) -> WriteResult {
    let mut columns: HashSet<String> = HashSet::new();
    let gone = Gone::of(operations);
    for (number, operation) in operations.iter().enumerate() {
        match operation {
            AlterTableOperation::AddColumn { column_def, column_position, .. } => {
                if let Some(MySQLColumnPosition::After(before)) = column_position {
                    check_use(&before.value, &gone.behind(number))?;
                }
                for option in &column_def.options {
                    match &option.option {
                        ColumnOption::Check(check) => check_uses(&check.expr, &gone.behind(number))?,
                        ColumnOption::Generated { generation_expr: Some(value), .. } => {
                            check_uses(value, &gone.behind(number))?
                        }
                        _ => {}
                    }
                }
                columns.insert(column_def.name.value.to_lowercase());
            }
            AlterTableOperation::RenameColumn { old_column_name: old, new_column_name: new } => {
                if columns.contains(&old.value.to_lowercase()) {
                    return Err(unknown(&old.value, 1054));
                }
                columns.insert(new.value.to_lowercase());
            }
            AlterTableOperation::DropColumn { column_names, .. } => {
                if let Some(made) = column_names.iter().find(|name| columns.contains(&name.value.to_lowercase())) {
                    return Err(unknown(&made.value, 1091));
                }
            }
            AlterTableOperation::AddConstraint { constraint: TableConstraint::Check(check), .. } => {
                check_uses(&check.expr, &gone.behind(number))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Refuses a part of an operation that names a column which a later operation takes away.
fn check_uses(part: &impl Visit, later: &Later<'_>) -> WriteResult {
    let found = visit_expressions(part, |expression| {
        let name = match expression {
            Expr::Identifier(name) => &name.value,
            Expr::CompoundIdentifier(names) => names.last().map_or("", |name| &name.value),
            _ => "",
        };
        match check_use(name, later) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    });
    match found {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// The columns that a statement takes away, each in lower case with the number of its last operation.
struct Gone(HashMap<String, usize>);

impl Gone {
    fn of(operations: &[AlterTableOperation]) -> Self {
        let mut gone = HashMap::new();
        for (number, operation) in operations.iter().enumerate() {
            match operation {
                AlterTableOperation::DropColumn { column_names, .. } => {
                    gone.extend(column_names.iter().map(|name| (name.value.to_lowercase(), number)));
                }
                AlterTableOperation::RenameColumn { old_column_name, .. } => {
                    gone.insert(old_column_name.value.to_lowercase(), number);
                }
                _ => {}
            }
        }
        Self(gone)
    }

    /// Those of the operations behind this one.
    const fn behind(&self, number: usize) -> Later<'_> {
        Later { gone: &self.0, number }
    }
}

/// The columns that operations behind one of this number take away.
struct Later<'g> {
    gone: &'g HashMap<String, usize>,
    number: usize,
}

fn check_use(name: &str, later: &Later<'_>) -> WriteResult {
    let is_gone = later.gone.get(&name.to_lowercase()).is_some_and(|number| *number > later.number);
    if is_gone { Err(unknown(name, 1054)) } else { Ok(()) }
}

fn unknown(name: &str, code: u16) -> SqlError {
    const WHY: &str = "one ALTER TABLE reads all names in the table as it was; use two";
    match code {
        1091 => SqlError::new(1091, b"42000", format!("Can't DROP '{name}'; check that column/key exists: {WHY}")),
        _ => SqlError::new(1054, b"42S22", format!("Unknown column '{name}': {WHY}")),
    }
}
