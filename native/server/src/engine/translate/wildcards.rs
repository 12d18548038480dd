//! Replaces each `*` in CREATE VIEW by column names. A view has the columns that its tables had when it was created, as in MySQL, because
//! otherwise every reader of the view would see a column that is added later.
//!
//! The names are put into the statement's text. A `*` of a derived table or a CTE without known names becomes `name.*`.

use std::collections::HashSet;
use std::ops::ControlFlow;

use sealwire_core::error::SqlError;
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    Expr, JoinConstraint, ObjectName, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    Spanned as _, Statement, TableFactor, TableWithJoins, Visit as _, Visitor,
};
use sqlparser::tokenizer::Location;

use super::errors::unsupported;
use super::names::{last_part, parts};
use super::parse::{ParseBudget, tree};
use super::weight::constraint_of;
use crate::sql::backquoted;

/// The most names that replace the `*` of one view.
const MOST_NAMES: usize = 10_000;
/// The most memory for names on the way there: each level of derived tables lists those below it again, for each `*`.
const MOST_BYTES: usize = 16 << 20;
/// The memory of a name besides its text.
const NAME_BYTES: usize = 64;

/// Returns the columns of a table; the database is `None` for the current one.
pub(in crate::engine) type ColumnsOf<'c> = dyn FnMut(Option<&str>, &str) -> Result<Vec<String>, SqlError> + 'c;

/// The text of a CREATE VIEW with names in place of each `*`; `None` for another statement, and where there is no `*`.
///
/// # Errors
/// Those of `columns`, 1051 for `x.*` without a table x, 1060 where two columns have one name, 1117 where there are too many.
pub(in crate::engine) fn expand(
    sql: &str,
    budget: &dyn ParseBudget,
    columns: &mut ColumnsOf<'_>,
) -> Result<Option<String>, SqlError> {
    if !may_have_wildcard(sql) {
        return Ok(None);
    }
    let parsed = tree(sql, budget)?;
    let Statement::CreateView(view) = &parsed.statement else { return Ok(None) };
    let mut cte_names = CteNames(HashSet::new());
    let _: ControlFlow<()> = view.query.visit(&mut cte_names);
    let mut expansion = Expansion { budget, columns, cte_names: cte_names.0, changes: Vec::new(), names: 0, bytes: 0 };
    if let ControlFlow::Break(error) = view.query.visit(&mut expansion) {
        return Err(error);
    }
    if expansion.changes.is_empty() {
        return Ok(None);
    }
    if view.columns.is_empty()
        && let Some(names) = expansion.names_of(&view.query)?
    {
        let mut seen = HashSet::new();
        if let Some(double) = names.iter().find(|name| !seen.insert(name.to_lowercase())) {
            return Err(SqlError::new(1060, b"42S21", format!("Duplicate column name '{double}'")));
        }
    }
    replace(sql, expansion.changes).map(Some)
}

/// The text with each change made.
///
/// # Errors
/// 1235 where a change is not that of a `*`.
fn replace(sql: &str, mut changes: Vec<Change>) -> Result<String, SqlError> {
    changes.sort_by_key(|change| change.start);
    let (mut text, mut at, mut offsets) = (String::new(), 0, Offsets::new(sql));
    for Change { start, end, names } in changes {
        let (start, end) = (offsets.of(start), offsets.of(end));
        if !sql.get(start..end).is_some_and(|text| text.ends_with('*')) {
            return Err(unsupported("this form of * in a view"));
        }
        text.push_str(sql.get(at..start).unwrap_or_default());
        text.push_str(&names);
        at = end;
    }
    text.push_str(sql.get(at..).unwrap_or_default());
    Ok(text)
}

/// Whether a statement may be a CREATE VIEW with a `*`; a fast check of the text.
pub(in crate::engine) fn may_have_wildcard(sql: &str) -> bool {
    let first = sql.split_whitespace().next().unwrap_or_default();
    first.eq_ignore_ascii_case("CREATE") && (sql.contains('*') || sql.to_ascii_lowercase().contains("table"))
}

/// The names that WITH defines, in lower case.
struct CteNames(HashSet<String>);

impl Visitor for CteNames {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0.extend(tables.map(|table| table.alias.name.value.to_lowercase()));
        ControlFlow::Continue(())
    }
}

/// A column that `*` stands for.
#[derive(Clone)]
struct Column {
    /// The table or its alias; `None` for a column that USING or NATURAL has merged.
    table: Option<String>,
    name: String,
}

/// A replacement of a `*`: a column, or `name.*` of a table whose columns have no known names.
#[derive(Clone)]
enum Part {
    Column(Column),
    AllOf(String),
}

/// Names in place of a part of the text.
struct Change {
    start: Location,
    end: Location,
    names: String,
}

/// Collects the replacements of each `*` in a view's query.
struct Expansion<'c, 'd> {
    budget: &'c dyn ParseBudget,
    columns: &'c mut ColumnsOf<'d>,
    cte_names: HashSet<String>,
    changes: Vec<Change>,
    names: usize,
    /// The memory of all names that were listed so far.
    bytes: usize,
}

impl Visitor for Expansion<'_, '_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<SqlError> {
        let mut members = vec![query.body.as_ref()];
        while let Some(member) = members.pop() {
            let expanded = match member {
                SetExpr::SetOperation { left, right, .. } => {
                    members.extend([left.as_ref(), right.as_ref()]);
                    Ok(())
                }
                SetExpr::Select(select) => self.select(select),
                SetExpr::Table(_) => Err(unsupported("TABLE in a view; write SELECT")),
                _ => Ok(()),
            };
            if let Err(error) = expanded {
                return ControlFlow::Break(error);
            }
        }
        ControlFlow::Continue(())
    }
}

impl Expansion<'_, '_> {
    /// Counts names before they are listed.
    fn count(&mut self, names: usize, bytes: usize) -> Result<(), SqlError> {
        self.budget.check_stop()?;
        self.bytes =
            self.bytes.saturating_add(names.saturating_add(1).saturating_mul(NAME_BYTES)).saturating_add(bytes);
        if self.bytes > MOST_BYTES { Err(too_many()) } else { Ok(()) }
    }

    /// Replaces each `*` in the list of a SELECT.
    fn select(&mut self, select: &Select) -> Result<(), SqlError> {
        for item in &select.projection {
            let Some((parts, star)) = self.wildcard(item, select)? else { continue };
            let start = match item {
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    name.span().start
                }
                _ => star.0.span.start,
            };
            self.names = self.names.saturating_add(parts.len());
            if self.names > MOST_NAMES {
                return Err(too_many());
            }
            let names: Vec<String> = parts.iter().map(Part::to_text).collect();
            self.changes.push(Change { start, end: star.0.span.end, names: names.join(",") });
        }
        Ok(())
    }

    /// The parts that an item with `*` stands for, and its `*`; `None` for other items.
    fn wildcard<'i>(
        &mut self,
        item: &'i SelectItem,
        select: &Select,
    ) -> Result<Option<(Vec<Part>, &'i AttachedToken)>, SqlError> {
        match item {
            SelectItem::Wildcard(options) => {
                let mut parts = Vec::new();
                for from in &select.from {
                    parts.extend(self.joined(from)?);
                }
                // SELECT * without a table fails when the statement is compiled.
                Ok((!parts.is_empty()).then_some((parts, &options.wildcard_token)))
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                let mut found = None;
                for from in &select.from {
                    found = found.or(self.find(from, last_part(name))?);
                }
                let unknown = || SqlError::new(1051, b"42S02", format!("Unknown table '{}'", last_part(name)));
                Ok(Some((found.ok_or_else(unknown)?, &options.wildcard_token)))
            }
            _ => Ok(None),
        }
    }

    /// The columns of joined tables in MySQL's order: merged columns, then those of the left table, then those of the right.
    fn joined(&mut self, from: &TableWithJoins) -> Result<Vec<Part>, SqlError> {
        let mut left = self.factor(&from.relation)?;
        for join in &from.joins {
            let right = self.factor(&join.relation)?;
            let names: HashSet<String> = match constraint_of(&join.join_operator) {
                Some(JoinConstraint::Using(names)) => names.iter().map(|name| last_part(name).to_lowercase()).collect(),
                Some(JoinConstraint::Natural) => {
                    let of = |side: &[Part]| side.iter().filter_map(Part::lower).collect::<HashSet<String>>();
                    of(&left).intersection(&of(&right)).cloned().collect()
                }
                _ => {
                    left.extend(right);
                    continue;
                }
            };
            self.count(left.len().saturating_add(right.len()).saturating_add(names.len()), 0)?;
            left = merged(left, right, |name| names.contains(&name.to_lowercase()))?;
        }
        Ok(left)
    }

    /// The columns of one item of FROM.
    fn factor(&mut self, factor: &TableFactor) -> Result<Vec<Part>, SqlError> {
        match factor {
            TableFactor::Table { name, alias, .. } => {
                let known_as = alias.as_ref().map_or_else(|| last_part(name), |alias| &alias.name.value);
                if self.is_cte(name) {
                    return Ok(vec![Part::AllOf(known_as.to_owned())]);
                }
                let (database, table) = match parts(name).as_slice() {
                    [table] if table.eq_ignore_ascii_case("dual") => return Ok(Vec::new()),
                    [table] => (None, *table),
                    [database, table] => (Some(*database), *table),
                    _ => return Err(unsupported(&name.to_string())),
                };
                let names = (self.columns)(database, table)?;
                self.named(names, known_as)
            }
            TableFactor::Derived { subquery, alias: Some(alias), .. } => {
                let names = self.names_of(subquery)?;
                let table = &alias.name.value;
                names.map_or_else(|| Ok(vec![Part::AllOf(table.clone())]), |names| self.named(names, table))
            }
            TableFactor::NestedJoin { table_with_joins, .. } => self.joined(table_with_joins),
            _ => Err(unsupported("* of this kind of table in a view")),
        }
    }

    /// Columns of these names in a table.
    fn named(&mut self, names: Vec<String>, table: &str) -> Result<Vec<Part>, SqlError> {
        let own: usize = names.iter().map(String::len).sum();
        self.count(names.len(), table.len().saturating_mul(names.len()).saturating_add(own))?;
        let column = |name| Part::Column(Column { table: Some(table.to_owned()), name });
        Ok(names.into_iter().map(column).collect())
    }

    fn is_cte(&self, name: &ObjectName) -> bool {
        matches!(parts(name).as_slice(), [only] if self.cte_names.contains(&only.to_lowercase()))
    }

    /// The columns of the table with that name or alias.
    fn find(&mut self, from: &TableWithJoins, known_as: &str) -> Result<Option<Vec<Part>>, SqlError> {
        for factor in std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)) {
            let name = match factor {
                TableFactor::NestedJoin { table_with_joins, .. } => {
                    if let Some(found) = self.find(table_with_joins, known_as)? {
                        return Ok(Some(found));
                    }
                    continue;
                }
                TableFactor::Table { name, alias, .. } => {
                    alias.as_ref().map_or_else(|| last_part(name), |alias| &alias.name.value)
                }
                TableFactor::Derived { alias: Some(alias), .. } => &alias.name.value,
                _ => continue,
            };
            if name.eq_ignore_ascii_case(known_as) {
                return self.factor(factor).map(Some);
            }
        }
        Ok(None)
    }

    /// The names of a query's columns; `None` where some column has no known name.
    fn names_of(&mut self, query: &Query) -> Result<Option<Vec<String>>, SqlError> {
        let mut body = query.body.as_ref();
        let select = loop {
            match body {
                SetExpr::SetOperation { left, .. } => body = left.as_ref(),
                SetExpr::Query(inner) => body = inner.body.as_ref(),
                SetExpr::Select(select) => break select,
                _ => return Ok(None),
            }
        };
        let mut names = Vec::new();
        for item in &select.projection {
            self.count(1, 0)?;
            match item {
                SelectItem::ExprWithAlias { alias, .. } => names.push(alias.value.clone()),
                SelectItem::UnnamedExpr(Expr::Identifier(name)) => names.push(name.value.clone()),
                SelectItem::UnnamedExpr(Expr::CompoundIdentifier(path)) => {
                    names.extend(path.last().map(|name| name.value.clone()));
                }
                wildcard => {
                    let Some((parts, _)) = self.wildcard(wildcard, select)? else { return Ok(None) };
                    for part in parts {
                        let Part::Column(column) = part else { return Ok(None) };
                        names.push(column.name);
                    }
                }
            }
        }
        Ok(Some(names))
    }
}

impl Part {
    fn lower(&self) -> Option<String> {
        match self {
            Self::Column(column) => Some(column.name.to_lowercase()),
            Self::AllOf(_) => None,
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::AllOf(table) => format!("{}.*", backquoted(table)),
            Self::Column(Column { table, name }) => {
                let name = backquoted(name);
                let table = table.as_ref().map_or_else(String::new, |table| format!("{}.", backquoted(table)));
                format!("{table}{name} AS {name}")
            }
        }
    }
}

/// Merges the columns of the same name from both sides of a join.
fn merged(left: Vec<Part>, right: Vec<Part>, is_one: impl Fn(&str) -> bool) -> Result<Vec<Part>, SqlError> {
    if left.iter().chain(&right).any(|part| matches!(part, Part::AllOf(_))) {
        return Err(unsupported("* of a join with USING or NATURAL in a view, where not all columns have names"));
    }
    let is_merged = |part: &Part| matches!(part, Part::Column(column) if is_one(&column.name));
    let (merged, left): (Vec<Part>, Vec<Part>) = left.into_iter().partition(is_merged);
    let merged = merged.into_iter().map(|part| match part {
        Part::Column(column) => Part::Column(Column { table: None, ..column }),
        all @ Part::AllOf(_) => all,
    });
    Ok(merged.chain(left).chain(right.into_iter().filter(|part| !is_merged(part))).collect())
}

fn too_many() -> SqlError {
    SqlError::new(1117, b"HY000", "Too many columns")
}

/// The byte offsets of the parser's locations, which are asked for in their order.
struct Offsets<'s> {
    rest: std::str::CharIndices<'s>,
    at: Location,
    length: usize,
}

impl<'s> Offsets<'s> {
    fn new(sql: &'s str) -> Self {
        Self { rest: sql.char_indices(), at: Location { line: 1, column: 1 }, length: sql.len() }
    }

    fn of(&mut self, place: Location) -> usize {
        while self.at < place {
            let Some((_, character)) = self.rest.next() else { return self.length };
            self.at = match character {
                '\n' => Location { line: self.at.line + 1, column: 1 },
                _ => Location { column: self.at.column + 1, ..self.at },
            };
        }
        self.rest.offset()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Interruption;

    fn expanded(sql: &str) -> Result<Option<String>, u16> {
        let mut columns = |database: Option<&str>, table: &str| match (database, table) {
            (None, "t") => Ok(vec!["id".to_owned(), "a".to_owned()]),
            (_, "u") => Ok(vec!["b".to_owned(), "id".to_owned()]),
            _ => Err(SqlError::new(1146, b"42S02", "no such table")),
        };
        expand(sql, &Interruption::default(), &mut columns).map_err(|error| error.code)
    }

    #[test]
    fn each_star_becomes_names() {
        let t = "`t`.`id` AS `id`,`t`.`a` AS `a`";
        for (query, expected) in [
            ("SELECT * FROM t", format!("SELECT {t} FROM t")),
            (
                "SELECT 'ä*',\n x.* , 2 * 3 FROM t x",
                "SELECT 'ä*',\n `x`.`id` AS `id`,`x`.`a` AS `a` , 2 * 3 FROM t x".to_owned(),
            ),
            (
                "SELECT t.* FROM t UNION SELECT * FROM o.u",
                format!("SELECT {t} FROM t UNION SELECT `u`.`b` AS `b`,`u`.`id` AS `id` FROM o.u"),
            ),
            (
                "SELECT * FROM t NATURAL JOIN u",
                "SELECT `id` AS `id`,`t`.`a` AS `a`,`u`.`b` AS `b` FROM t NATURAL JOIN u".to_owned(),
            ),
            (
                "SELECT * FROM u LEFT JOIN t USING (id)",
                "SELECT `id` AS `id`,`u`.`b` AS `b`,`t`.`a` AS `a` FROM u LEFT JOIN t USING (id)".to_owned(),
            ),
            (
                "SELECT * FROM (SELECT t.* FROM t) d WHERE EXISTS (SELECT * FROM u)",
                format!(
                    "SELECT `d`.`id` AS `id`,`d`.`a` AS `a` FROM (SELECT {t} FROM t) d \
                     WHERE EXISTS (SELECT `u`.`b` AS `b`,`u`.`id` AS `id` FROM u)"
                ),
            ),
            (
                "WITH c AS (SELECT * FROM t) SELECT * FROM c",
                format!("WITH c AS (SELECT {t} FROM t) SELECT `c`.* FROM c"),
            ),
            ("SELECT * FROM (SELECT 1 + 1) d", "SELECT `d`.* FROM (SELECT 1 + 1) d".to_owned()),
        ] {
            let head = "CREATE VIEW v AS ";
            assert_eq!(expanded(&format!("{head}{query}")), Ok(Some(format!("{head}{expected}"))), "{query}");
        }
        let named = expanded("create view v (q, w, e, r) as select * from t, u");
        assert!(named.unwrap().unwrap().contains("`a` AS `a`,`u`.`b`"));
    }

    #[test]
    fn statements_without_a_star_stay_and_unknown_columns_are_refused() {
        for sql in ["CREATE VIEW v AS SELECT 2 * a, COUNT(*) FROM t", "CREATE TABLE c AS SELECT * FROM t", "SELECT *"] {
            assert_eq!(expanded(sql), Ok(None), "{sql}");
        }
        for (query, code) in
            [("SELECT * FROM gone", 1146), ("SELECT x.* FROM t", 1051), ("SELECT * FROM t, u", 1060), ("TABLE t", 1235)]
        {
            assert_eq!(expanded(&format!("CREATE VIEW v AS {query}")), Err(code), "{query}");
        }
        // Names of derived tables multiply at each level, also those that no * of the outermost list shows.
        let stars = |table: &str, count| vec![format!("{table}.*"); count].join(",");
        let (a, d) = (stars("a", 600), stars("d", 1000));
        let wide = format!("SELECT 1 AS one FROM (SELECT * FROM (SELECT {d} FROM (SELECT {a} FROM t a) d) e) f");
        let mut deep = "SELECT id AS i FROM t".to_owned();
        for _ in 0..12 {
            deep = format!("SELECT {} FROM ({deep}) x", stars("x", 8));
        }
        let (alias, columns) = ("a".repeat(1 << 16), vec!["id AS i"; 1000].join(","));
        let long = format!("SELECT * FROM (SELECT {columns} FROM t) {alias}");
        for query in [wide, deep, long] {
            assert!(matches!(expanded(&format!("CREATE VIEW v AS {query}")), Err(1117 | 1436)));
        }
        let many = vec!["SELECT * FROM t"; 6_000].join(" UNION ALL ");
        assert!(matches!(expanded(&format!("CREATE VIEW v AS {many}")), Err(1117 | 1436)));
    }
}
