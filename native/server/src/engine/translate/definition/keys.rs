//! The keys of CREATE TABLE: their names, and the ones that the server makes for foreign keys.
//!
//! As in MariaDB, the names depend on the order in the statement. A key that is made for a foreign key stands where the foreign key stands, and
//! gives way to another one that begins with its columns.

use std::collections::BTreeSet;

use sealwire_binlog::Flavour;
use sealwire_core::error::SqlError;
use sqlparser::ast::{ColumnOption, CreateTable, Ident, IndexColumn, TableConstraint};

use super::super::errors::{MOST_KEYS, too_many_keys};
use super::super::source::PieceRange;
use super::super::translated::begins;
use super::super::writer::Writer;
use super::index::{column_name, duplicate, whole_columns};

/// A key of a new table.
pub(super) struct NewKey {
    pub(super) place: Place,
    /// Its name, which no other key of the table has.
    pub(super) name: String,
    kind: Kind,
    given: Option<String>,
    /// The column by which it is named without a name.
    first: Option<String>,
    columns: Vec<Option<String>>,
}

/// Where CREATE TABLE has a key, with the number among the columns or the constraints.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Column(usize),
    Constraint(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Primary,
    Other,
    /// FULLTEXT or SPATIAL.
    Special,
    /// Made for a foreign key.
    Made,
}

impl NewKey {
    fn new(place: Place, kind: Kind, given: Option<&Ident>, parts: &[IndexColumn]) -> Self {
        let first = parts.first().map(|part| column_name(part).unwrap_or("functional_index").to_owned());
        let given = given.map(|name| name.value.clone());
        Self { place, name: String::new(), kind, given, first, columns: whole_columns(parts) }
    }

    /// The key of a constraint; `None` for one that has none.
    fn of_constraint(number: usize, constraint: &TableConstraint) -> Option<Self> {
        let place = Place::Constraint(number);
        Some(match constraint {
            TableConstraint::PrimaryKey(key) => Self::new(place, Kind::Primary, None, &key.columns),
            TableConstraint::Unique(key) => {
                Self::new(place, Kind::Other, key.index_name.as_ref().or(key.name.as_ref()), &key.columns)
            }
            TableConstraint::Index(key) => Self::new(place, Kind::Other, key.name.as_ref(), &key.columns),
            TableConstraint::FulltextOrSpatial(key) => {
                Self::new(place, Kind::Special, key.opt_index_name.as_ref(), &key.columns)
            }
            TableConstraint::ForeignKey(key) => {
                let parts: Vec<IndexColumn> = key.columns.iter().cloned().map(IndexColumn::from).collect();
                Self::new(place, Kind::Made, key.name.as_ref().or(key.index_name.as_ref()), &parts)
            }
            _ => return None,
        })
    }

    /// Whether it is a table's primary key, which has no index with a name.
    pub(super) fn is_primary(&self) -> bool {
        self.kind == Kind::Primary
    }

    /// Whether one of the two is made for a foreign key and the other one begins with its columns.
    fn replaces(&self, other: &Self) -> bool {
        let (made, other) = match (self.kind == Kind::Made, other.kind == Kind::Made) {
            (false, false) => return false,
            (true, true) if self.columns.len() > other.columns.len() => (other, self),
            (true, _) => (self, other),
            (false, true) => (other, self),
        };
        begins(&other.columns, &made.columns)
    }
}

/// The keys of a table that has columns and constraints at these places of the statement, without those that give way to others.
///
/// # Errors
/// 1061 for a name that two keys have, 1069 for too many keys.
pub(super) fn of_table(
    create: &CreateTable,
    (columns, constraints): (&[PieceRange], &[PieceRange]),
    writer: &Writer<'_>,
) -> Result<Vec<NewKey>, SqlError> {
    let mut keys: Vec<(usize, NewKey)> = Vec::new();
    for (number, column) in create.columns.iter().enumerate() {
        let start = columns.get(number).map_or(0, |range| range.start);
        for option in &column.options {
            let kind = match option.option {
                ColumnOption::PrimaryKey(_) => Kind::Primary,
                ColumnOption::Unique(_) => Kind::Other,
                _ => continue,
            };
            let parts = [IndexColumn::from(column.name.clone())];
            keys.push((start, NewKey::new(Place::Column(number), kind, None, &parts)));
        }
    }
    for (number, constraint) in create.constraints.iter().enumerate() {
        let start = constraints.get(number).map_or(usize::MAX, |range| range.start);
        keys.extend(NewKey::of_constraint(number, constraint).map(|key| (start, key)));
    }
    if keys.iter().filter(|(_, key)| key.kind != Kind::Made).count() > MOST_KEYS {
        return Err(too_many_keys());
    }
    keys.sort_by_key(|(start, _)| *start);
    let kept = without_replaced(keys.into_iter().map(|(_, key)| key), writer);
    let own_name = |name: &str| {
        let column = create.columns.iter().find(|column| column.name.value.eq_ignore_ascii_case(name));
        column.map_or_else(|| name.to_owned(), |column| column.name.value.clone())
    };
    let mut names = BTreeSet::new();
    let mut named = Vec::new();
    for mut key in kept {
        key.name = match (key.kind, key.given.take(), &key.first) {
            (Kind::Primary, ..) => "PRIMARY".to_owned(),
            (_, Some(name), _) => name,
            (_, None, first) => unique_name(&own_name(first.as_deref().unwrap_or_default()), &names),
        };
        if !names.insert(key.name.to_lowercase()) && key.kind != Kind::Primary {
            return Err(duplicate(&key.name));
        }
        named.push(key);
    }
    if named.len() > MOST_KEYS { Err(too_many_keys()) } else { Ok(named) }
}

/// Leaves out the keys made for foreign keys that others make needless. Of two for the same columns, the later one stays.
fn without_replaced(keys: impl Iterator<Item = NewKey>, writer: &Writer<'_>) -> Vec<NewKey> {
    let mut kept: Vec<NewKey> = Vec::new();
    for key in keys {
        // MariaDB takes a FULLTEXT key for one that serves, and InnoDB then refuses the foreign key.
        let counts = |other: &NewKey| other.kind != Kind::Special || writer.scope.log == Some(Flavour::MariaDb);
        let other = kept.iter().position(|other| counts(other) && counts(&key) && key.replaces(other));
        match other.and_then(|at| Some((at, kept.get(at)?))) {
            None => kept.push(key),
            Some((_, other)) if other.kind != Kind::Made => {}
            Some((_, other)) if key.kind == Kind::Made && key.columns.len() < other.columns.len() => {}
            Some((at, _)) => {
                kept.remove(at);
                kept.push(key);
            }
        }
    }
    kept
}

/// The name of a key without one: its first column's, with a number where another key has that.
fn unique_name(column: &str, names: &BTreeSet<String>) -> String {
    let mut name = column.to_owned();
    let mut number = 1;
    while names.contains(&name.to_lowercase()) || name.eq_ignore_ascii_case("PRIMARY") {
        number += 1;
        name = format!("{column}_{number}");
    }
    name
}
