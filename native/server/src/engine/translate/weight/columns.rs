//! The weight of a table's definition: generated columns, CHECKs, DEFAULTs and parts of keys.

use std::collections::HashMap;
use std::rc::Rc;

use sealwire_core::error::SqlError;
use sqlparser::ast::{ColumnDef, ColumnOption, Expr, TableConstraint};

use super::parts::children;
use super::relation::{AnyTable, Relation};
use super::{Frame, MOST_OF_COLUMN, MOST_OF_TABLE, Weigher, too_complex};

/// How deep generated columns may depend on each other.
const MOST_GENERATIONS: usize = 50;

/// The weight of each column of a table; an ordinary column weighs 1.
pub(in crate::engine) fn of_columns(columns: &[(&str, Option<&Expr>)]) -> Vec<(String, u64)> {
    let generated: HashMap<String, &Expr> =
        columns.iter().filter_map(|(name, expression)| Some((name.to_ascii_lowercase(), (*expression)?))).collect();
    let mut known: HashMap<String, u64> = HashMap::new();
    columns
        .iter()
        .map(|(name, _)| {
            let name = name.to_ascii_lowercase();
            let weight = generation(&name, &generated, &mut known, 0);
            (name, weight)
        })
        .collect()
}

fn generation(name: &str, generated: &HashMap<String, &Expr>, known: &mut HashMap<String, u64>, depth: usize) -> u64 {
    if let Some(weight) = known.get(name) {
        return *weight;
    }
    let Some(expression) = generated.get(name) else { return 1 };
    if depth > MOST_GENERATIONS {
        return u64::MAX;
    }
    // SQLite refuses a column that depends on itself.
    known.insert(name.to_owned(), 1);
    let mut weight = 0u64;
    let mut pending = vec![*expression];
    while let Some(value) = pending.pop() {
        let own = match value {
            Expr::Identifier(name) => generation(&name.value.to_ascii_lowercase(), generated, known, depth + 1),
            Expr::CompoundIdentifier(names) => {
                names.last().map_or(1, |name| generation(&name.value.to_ascii_lowercase(), generated, known, depth + 1))
            }
            _ => children(value, &mut pending),
        };
        weight = weight.saturating_add(own);
    }
    known.insert(name.to_owned(), weight);
    weight
}

/// Refuses columns, CHECKs, DEFAULTs and parts of keys that are too heavy.
///
/// # Errors
/// 1436.
pub(in crate::engine::translate) fn check_table(
    columns: &[ColumnDef],
    constraints: &[TableConstraint],
) -> Result<(), SqlError> {
    let mut all = Vec::new();
    let mut parts = Vec::new();
    for column in columns {
        let mut generated = None;
        for option in &column.options {
            match &option.option {
                ColumnOption::Generated { generation_expr, .. } => generated = generation_expr.as_ref(),
                ColumnOption::Check(check) => parts.push(check.expr.as_ref()),
                ColumnOption::Default(value) => parts.push(value),
                _ => {}
            }
        }
        all.push((column.name.value.as_str(), generated));
    }
    for constraint in constraints {
        match constraint {
            TableConstraint::Check(check) => parts.push(&check.expr),
            TableConstraint::Index(key) => parts.extend(key.columns.iter().map(|part| &part.column.expr)),
            TableConstraint::Unique(key) => parts.extend(key.columns.iter().map(|part| &part.column.expr)),
            _ => {}
        }
    }
    check_parts(&of_columns(&all), &parts)
}

/// Refuses generated columns with these weights, and CHECKs, DEFAULTs and parts of keys of their table, that are too heavy together.
///
/// # Errors
/// 1436.
pub(in crate::engine) fn check_parts(columns: &[(String, u64)], parts: &[&Expr]) -> Result<(), SqlError> {
    check_columns(columns)?;
    let table = Rc::new(Relation::table(columns.iter().cloned()));
    let mut none = AnyTable(Rc::clone(&table));
    let mut weigher = Weigher::new(&mut none);
    weigher.frames.push(Frame::of(vec![(String::new(), table)]));
    let total = parts.iter().fold(0u64, |all, part| all.saturating_add(weigher.expression(part)));
    if weigher.total(total) > MOST_OF_TABLE {
        Err(too_complex("a CHECK, a DEFAULT or a key of the table"))
    } else {
        Ok(())
    }
}

/// Refuses generated columns that are too heavy.
///
/// # Errors
/// 1436.
fn check_columns(weights: &[(String, u64)]) -> Result<(), SqlError> {
    if let Some((name, _)) = weights.iter().find(|(_, weight)| *weight > MOST_OF_COLUMN) {
        return Err(too_complex(&format!("the generated column '{name}'")));
    }
    let all = weights.iter().filter(|(_, weight)| *weight > 1).fold(0u64, |all, (_, own)| all.saturating_add(*own));
    if all > MOST_OF_TABLE { Err(too_complex("the list of generated columns")) } else { Ok(()) }
}
