//! The letter case of names in a view that replicas get: they compare the names of tables and aliases exactly, and this engine does not.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use sealwire_core::error::SqlError;
use sqlparser::ast::{
    Expr, Ident, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, TableFactor, Visit as _, Visitor,
};

use super::super::names::last_part;

/// Refuses a qualifier such as `x` in `x.a` that is written otherwise than its table or alias.
///
/// # Errors
/// 1054.
pub(super) fn check_qualifiers(query: &Query) -> Result<(), SqlError> {
    let mut defined = Defined::default();
    let _: ControlFlow<()> = query.visit(&mut defined);
    match query.visit(&mut Check(&defined)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// The names of tables and aliases, as they are written, by their lower case.
#[derive(Default)]
struct Defined(HashMap<String, HashSet<String>>);

impl Defined {
    fn add(&mut self, name: &str) {
        self.0.entry(name.to_lowercase()).or_default().insert(name.to_owned());
    }

    /// # Errors
    /// 1054.
    fn check(&self, qualifier: &str) -> Result<(), SqlError> {
        match self.0.get(&qualifier.to_lowercase()) {
            Some(written) if !written.contains(qualifier) => {
                let other = written.iter().next().map(String::as_str).unwrap_or_default();
                let message = format!(
                    "Unknown table '{qualifier}' in the view: it is written '{other}' elsewhere, and names in the binary log need the same letter case"
                );
                Err(SqlError::new(1054, b"42S22", message))
            }
            _ => Ok(()),
        }
    }
}

impl Visitor for Defined {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.add(&table.alias.name.value);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let alias = match factor {
            TableFactor::Table { alias: None, name, .. } => {
                self.add(last_part(name));
                None
            }
            TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } => alias.as_ref(),
            _ => None,
        };
        if let Some(alias) = alias {
            self.add(&alias.name.value);
        }
        ControlFlow::Continue(())
    }
}

struct Check<'a>(&'a Defined);

impl Check<'_> {
    fn qualifier(&self, parts: &[Ident]) -> ControlFlow<SqlError> {
        let qualifier = parts.len().checked_sub(2).and_then(|at| parts.get(at));
        match qualifier.map(|qualifier| self.0.check(&qualifier.value)) {
            Some(Err(error)) => ControlFlow::Break(error),
            _ => ControlFlow::Continue(()),
        }
    }
}

impl Visitor for Check<'_> {
    type Break = SqlError;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<SqlError> {
        match expr {
            Expr::CompoundIdentifier(parts) => self.qualifier(parts),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<SqlError> {
        for item in &select.projection {
            if let SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) = item
                && let Err(error) = self.0.check(last_part(name))
            {
                return ControlFlow::Break(error);
            }
        }
        ControlFlow::Continue(())
    }
}
