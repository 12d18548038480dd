//! Expressions of definitions for a log whose replicas are MariaDB's, which stop at what MariaDB refuses. The lists say what it takes.

use std::ops::ControlFlow;

use sealwire_core::error::SqlError;
use sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, FunctionArguments, Value, Visit, WindowType, visit_expressions,
};

use super::super::names::last_part;
use super::super::writer::{WriteResult, Writer};

/// The part of a definition that an expression is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    View,
    /// A column that is computed when it is read, or a CHECK.
    Computed,
    /// A generated column that is stored.
    Stored,
    Default,
}

/// Window functions that MariaDB has only with ORDER BY.
const RANKING: &[&str] = &["CUME_DIST", "DENSE_RANK", "LAG", "LEAD", "NTILE", "PERCENT_RANK", "RANK"];

/// Functions of a DEFAULT. None of them can fail, as the arithmetic ones can: MariaDB computes a constant when it makes the table.
const OF_DEFAULTS: &[&str] = &[
    "CONCAT",
    "CONCAT_WS",
    "CURDATE",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "CURTIME",
    "DATE",
    "DATE_ADD",
    "DATE_FORMAT",
    "DATE_SUB",
    "FLOOR",
    "HEX",
    "IF",
    "IFNULL",
    "JSON_ARRAY",
    "JSON_OBJECT",
    "LEFT",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "LOWER",
    "NOW",
    "RAND",
    "REPLACE",
    "RIGHT",
    "ROUND",
    "SHA",
    "SHA1",
    "SHA2",
    "SUBSTR",
    "SUBSTRING",
    "TRIM",
    "UNIX_TIMESTAMP",
    "UPPER",
    "USER",
    "UTC_DATE",
    "UTC_TIMESTAMP",
    "UUID",
];

/// The most digits of a number in a DEFAULT's arithmetic, whose result then fits a BIGINT.
const MOST_DIGITS: usize = 9;

/// Checks the expressions of a definition.
///
/// # Errors
/// 1235 for what MariaDB refuses in this place, 1273 for a collation that it lacks, where the log is for MariaDB.
pub(super) fn check(definition: &impl Visit, place: Place, writer: &Writer<'_>) -> WriteResult {
    let found = visit_expressions(definition, |part| match refused(part, place, writer) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    });
    match found {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

fn refused(part: &Expr, place: Place, writer: &Writer<'_>) -> Result<(), SqlError> {
    match part {
        Expr::Cast { data_type, .. } | Expr::Convert { data_type: Some(data_type), .. } => {
            if !is_castable(data_type) {
                writer.refuse_for_mariadb(&format!("CAST … AS {data_type}"))?;
            }
            if place == Place::Stored && is_time(data_type) {
                writer.refuse_for_mariadb(&format!("CAST … AS {data_type} in a stored column"))?;
            }
        }
        Expr::BinaryOp { op: BinaryOperator::Arrow | BinaryOperator::LongArrow, .. } => {
            writer.refuse_for_mariadb("-> and ->>")?;
        }
        Expr::BinaryOp { op, .. } if place == Place::Default && !is_safe(op) => {
            writer.refuse_for_mariadb(&format!("{op} in a DEFAULT"))?;
        }
        Expr::Value(value) if place == Place::Default => {
            if matches!(value.value, Value::HexStringLiteral(_) | Value::NationalStringLiteral(_)) {
                writer.refuse_for_mariadb("this literal in an expression of a DEFAULT")?;
            }
            if let Value::Number(digits, _) = &value.value
                && (digits.len() > MOST_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
            {
                writer.refuse_for_mariadb("a number of this size in an expression of a DEFAULT")?;
            }
        }
        Expr::Collate { collation, .. } => writer.check_collation(last_part(collation))?,
        Expr::Function(function) => return called(function, place, writer),
        _ => {}
    }
    Ok(())
}

fn called(function: &Function, place: Place, writer: &Writer<'_>) -> Result<(), SqlError> {
    let name = last_part(&function.name).to_ascii_uppercase();
    let is_ordered = match &function.over {
        Some(WindowType::WindowSpec(window)) => !window.order_by.is_empty(),
        // The window that is named has the order.
        _ => true,
    };
    if RANKING.contains(&name.as_str()) && !is_ordered {
        writer.refuse_for_mariadb(&format!("{name} over a window without ORDER BY"))?;
    }
    let arguments = match &function.args {
        FunctionArguments::List(list) => list.args.len(),
        _ => 0,
    };
    if matches!(name.as_str(), "LAG" | "LEAD") && arguments > 2 {
        writer.refuse_for_mariadb(&format!("the default value of {name}"))?;
    }
    if place == Place::Stored && name == "TIME" {
        writer.refuse_for_mariadb("TIME() in a stored column")?;
    }
    if place == Place::Default && name == "UNIX_TIMESTAMP" && arguments > 0 {
        writer.refuse_for_mariadb("UNIX_TIMESTAMP of a value in a DEFAULT")?;
    }
    if place == Place::Default && !OF_DEFAULTS.contains(&name.as_str()) {
        writer.refuse_for_mariadb(&format!("{name}() in a DEFAULT"))?;
    }
    Ok(())
}

/// Whether an operator can't make a number too large, or fail.
const fn is_safe(op: &BinaryOperator) -> bool {
    use BinaryOperator::{And, Eq, Gt, GtEq, Lt, LtEq, Minus, NotEq, Or, Plus};
    matches!(op, And | Eq | Gt | GtEq | Lt | LtEq | Minus | NotEq | Or | Plus)
}

/// The types to which MariaDB casts.
const fn is_castable(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Binary(_)
            | DataType::Char(_)
            | DataType::Date
            | DataType::Datetime(_)
            | DataType::Decimal(_)
            | DataType::Double(_)
            | DataType::Float(_)
            | DataType::Signed
            | DataType::SignedInteger
            | DataType::Time(..)
            | DataType::Unsigned
            | DataType::UnsignedInteger
    )
}

const fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date | DataType::Datetime(_) | DataType::Time(..))
}
