//! Expressions that a table keeps. Their values must be the same at any time and for any session, because a replica computes them again.

use std::ops::ControlFlow;

use sealwire_core::error::SqlError;
use sqlparser::ast::{ColumnDef, ColumnOption, Expr, FunctionArguments, Visit, visit_expressions};

use super::super::names::last_part;
use super::super::writer::{WriteResult, Writer};

/// The part of a table that an expression is for.
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

/// Functions whose values depend on the locale or the time zone to MariaDB.
const BY_LOCALE: &[&str] = &["DATE_FORMAT", "FROM_UNIXTIME"];

/// Functions of SQLite's that MySQL and MariaDB lack.
const OF_SQLITE: &[&str] = &["ANY_VALUE", "DATETIME", "JSON", "JSON_ARRAY_LENGTH"];

/// Functions that SQLite calls with other numbers of arguments, each with the fewest and the most.
const ARGUMENTS: &[(&str, usize, usize)] = &[
    ("CHAR", 1, usize::MAX),
    ("CONCAT", 1, usize::MAX),
    ("CONCAT_WS", 2, usize::MAX),
    ("DATE", 1, 1),
    ("JSON_EXTRACT", 2, usize::MAX),
    ("JSON_INSERT", 3, usize::MAX),
    ("JSON_REMOVE", 2, usize::MAX),
    ("JSON_REPLACE", 3, usize::MAX),
    ("JSON_SET", 3, usize::MAX),
    ("JSON_TYPE", 1, 1),
    ("JSON_VALID", 1, 1),
    ("MAX", 1, 1),
    ("MIN", 1, 1),
    ("TIME", 1, 1),
];

/// Checks that MySQL has the functions of a definition, with these numbers of arguments.
///
/// # Errors
/// 1305 and 1582.
pub(super) fn check_calls(definition: &impl Visit) -> WriteResult {
    let found = visit_expressions(definition, |part| {
        let Expr::Function(function) = part else { return ControlFlow::Continue(()) };
        let name = last_part(&function.name).to_ascii_uppercase();
        let arguments = match &function.args {
            FunctionArguments::List(list) => list.args.len(),
            _ => 0,
        };
        if OF_SQLITE.contains(&name.as_str()) {
            let message = format!("FUNCTION {name} does not exist in a definition");
            return ControlFlow::Break(SqlError::new(1305, b"42000", message));
        }
        let known = ARGUMENTS.iter().find(|(own, ..)| *own == name);
        // Pairs of a key and a value.
        let is_odd = name == "JSON_OBJECT" && !arguments.is_multiple_of(2);
        if is_odd || known.is_some_and(|(_, fewest, most)| !(*fewest..=*most).contains(&arguments)) {
            let message = format!("Incorrect parameter count in the call to native function '{name}'");
            return ControlFlow::Break(SqlError::new(1582, b"42000", message));
        }
        ControlFlow::Continue(())
    });
    match found {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// Checks the functions and variables of an expression. `name` is that of the column or of the constraint.
///
/// # Errors
/// 3763, 3814 and 3758, and those of [`check_calls`].
pub(super) fn check(value: &Expr, used: Use, name: &str, writer: &Writer<'_>) -> WriteResult {
    check_calls(value)?;
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
    let by_locale = visit_expressions(value, |part| match part {
        Expr::Function(function) if BY_LOCALE.iter().any(|own| own.eq_ignore_ascii_case(last_part(&function.name))) => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    if by_locale.is_break() {
        writer.refuse_for_mariadb("DATE_FORMAT or FROM_UNIXTIME in an expression that a table keeps")?;
    }
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
