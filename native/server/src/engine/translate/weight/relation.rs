//! Relations: tables, views and queries as a SELECT that reads them sees them.

use std::rc::Rc;

/// A table, a view, a derived table or a CTE, as a SELECT that reads it sees it.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Relation {
    /// Names in lower case, and weights. A name is empty where SQLite makes it.
    pub(super) columns: Vec<(String, u64)>,
    /// Columns whose names are not known.
    pub(super) unknown: Option<Unknown>,
    /// The weight of all expressions in it.
    pub(super) total: u64,
    /// Into how many SELECTs SQLite may split a SELECT that reads it.
    pub(super) arms: u64,
    /// The number of SELECTs in it; SQLite may push a condition into each.
    pub(super) selects: u64,
}

/// Columns whose names are not known: the heaviest weight, and the sum.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unknown {
    pub(super) heaviest: u64,
    pub(super) all: u64,
}

impl Relation {
    /// A table whose columns are not known.
    pub(in crate::engine) fn unknown(heaviest: u64, all: u64) -> Self {
        Self { unknown: Some(Unknown { heaviest, all }), arms: 1, ..Self::default() }
    }

    /// A table with these columns.
    pub(in crate::engine) fn table(columns: impl IntoIterator<Item = (String, u64)>) -> Self {
        let columns = columns.into_iter().map(|(name, weight)| (name.to_ascii_lowercase(), weight)).collect();
        Self { columns, arms: 1, ..Self::default() }
    }

    /// The weight of all expressions in it.
    pub(in crate::engine) const fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn heaviest(&self) -> u64 {
        let unknown = self.unknown.map_or(1, |unknown| unknown.heaviest);
        self.columns.iter().map(|(_, weight)| *weight).fold(unknown, u64::max)
    }

    pub(super) fn column(&self, name: &str) -> Option<u64> {
        self.columns.iter().filter(|(own, _)| own == name).map(|(_, weight)| *weight).max()
    }

    pub(super) fn all(&self) -> u64 {
        let unknown = self.unknown.map_or(0, |unknown| unknown.all);
        self.columns.iter().fold(unknown, |all, (_, weight)| all.saturating_add(*weight))
    }

    pub(super) fn rename<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        for ((own, _), name) in self.columns.iter_mut().zip(names) {
            *own = name.to_ascii_lowercase();
        }
    }
}

/// Looks up tables and views.
pub(in crate::engine) trait Tables {
    /// The relation of a name that is no CTE.
    fn relation(&mut self, database: Option<&str>, table: &str) -> Rc<Relation>;
}

/// Returns the same relation for every table: the heaviest possible.
pub(super) struct AnyTable(pub(super) Rc<Relation>);

impl Tables for AnyTable {
    fn relation(&mut self, _: Option<&str>, _: &str) -> Rc<Relation> {
        Rc::clone(&self.0)
    }
}
