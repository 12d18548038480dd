//! Expressions that a table keeps. Their values must be the same at any time and for any session, because a replica computes them again.

use std::ops::ControlFlow;

use sealwire_core::error::SqlError;
use sqlparser::ast::{ColumnDef, ColumnOption, Expr, visit_expressions};

use super::super::names::last_part;
use super::super::writer::WriteResult;

/// What an expression is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Use {
    /// A generated column.
    Generated,
    Check,
    /// A part of a key.
    Key,
}

/// Functions whose values depend on the time, the session or chance. Source: MySQL Reference Manual, "CREATE TABLE and Generated Columns" and
/// "CHECK Constraints".
const CHANGING: &[&str] = &[
    "BENCHMARK",
    "CONNECTION_ID",
    "CURDATE",
    "CURRENT_DATE",
    "CURRENT_ROLE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "CURTIME",
    "DATABASE",
    "FOUND_ROWS",
    "GET_LOCK",
    "IS_FREE_LOCK",
    "IS_USED_LOCK",
    "LAST_INSERT_ID",
    "LOAD_FILE",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "NAME_CONST",
    "NOW",
    "RAND",
    "RANDOM_BYTES",
    "RELEASE_ALL_LOCKS",
    "RELEASE_LOCK",
    "ROW_COUNT",
    "SCHEMA",
    "SESSION_USER",
    "SLEEP",
    "SYSDATE",
    "SYSTEM_USER",
    "UNIX_TIMESTAMP",
    "USER",
    "UTC_DATE",
    "UTC_TIME",
    "UTC_TIMESTAMP",
    "UUID",
    "UUID_SHORT",
    "VERSION",
];

/// Checks the functions and variables of an expression. `name` is that of the column or of the constraint.
///
/// # Errors
/// 3763, 3814 and 3758.
pub(super) fn check(value: &Expr, used: Use, name: &str) -> WriteResult {
    let found = visit_expressions(value, |part| {
        let word = match part {
            Expr::Function(function) => last_part(&function.name),
            Expr::Identifier(variable) if variable.value.starts_with('@') && variable.quote_style.is_none() => {
                &variable.value
            }
            Expr::CompoundIdentifier(parts) => match parts.first() {
                Some(first) if first.value.starts_with("@@") && first.quote_style.is_none() => &first.value,
                _ => return ControlFlow::Continue(()),
            },
            _ => return ControlFlow::Continue(()),
        };
        let changes = word.starts_with('@') || CHANGING.iter().any(|own| own.eq_ignore_ascii_case(word));
        if changes { ControlFlow::Break(word.to_lowercase()) } else { ControlFlow::Continue(()) }
    });
    let ControlFlow::Break(word) = found else { return Ok(()) };
    let (code, what) = match used {
        Use::Generated => (3763, format!("Expression of generated column '{name}'")),
        Use::Check => (3814, format!("An expression of a check constraint '{name}'")),
        Use::Key => (3758, "Expression of a functional index".to_owned()),
    };
    Err(SqlError::new(code, b"HY000", format!("{what} contains a disallowed function: {word}.")))
}

/// Checks that generated columns refer only to generated columns before them.
///
/// # Errors
/// 3107.
pub(super) fn check_order(columns: &[ColumnDef]) -> WriteResult {
    let generated = |column: &ColumnDef| {
        column.options.iter().any(|option| matches!(option.option, ColumnOption::Generated { .. }))
    };
    for (at, column) in columns.iter().enumerate() {
        let later = columns.get(at..).unwrap_or_default();
        for option in &column.options {
            let ColumnOption::Generated { generation_expr: Some(value), .. } = &option.option else { continue };
            let is_early =
                |name: &str| later.iter().any(|later| later.name.value.eq_ignore_ascii_case(name) && generated(later));
            let found = visit_expressions(value, |part| match part {
                Expr::Identifier(name) if is_early(&name.value) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            });
            if found.is_break() {
                let message = "Generated column can refer only to generated columns defined prior to it.";
                return Err(SqlError::new(3107, b"HY000", message));
            }
        }
    }
    Ok(())
}
