//! Replaces each `*` in CREATE VIEW by column names. A view has the columns that its tables had when it was created, as in MySQL, because
//! otherwise every reader of the view would see a column that is added later.
//!
//! The names are put into the statement's text. A `*` of a derived table or a CTE without known names becomes `name.*`.

use std::collections::HashSet;
use std::ops::{ControlFlow, Range};

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
    let mut expansion = Expansion { sql, columns, cte_names: cte_names.0, changes: Vec::new(), names: 0 };
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
    let mut changes = expansion.changes;
    changes.sort_by_key(|(range, _)| range.start);
    let (mut text, mut at) = (String::new(), 0);
    for (range, names) in changes {
        text.push_str(sql.get(at..range.start).unwrap_or_default());
        text.push_str(&names);
        at = range.end;
    }
    text.push_str(sql.get(at..).unwrap_or_default());
    Ok(Some(text))
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

/// Collects the replacements of each `*` in a view's query.
struct Expansion<'s, 'c, 'd> {
    sql: &'s str,
    columns: &'c mut ColumnsOf<'d>,
    cte_names: HashSet<String>,
    /// Ranges of the text, and their replacements.
    changes: Vec<(Range<usize>, String)>,
    names: usize,
}

impl Visitor for Expansion<'_, '_, '_> {
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

impl Expansion<'_, '_, '_> {
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
            let (start, end) = (offset(self.sql, start), offset(self.sql, star.0.span.end));
            if !self.sql.get(start..end).is_some_and(|text| text.ends_with('*')) {
                return Err(unsupported("this form of * in a view"));
            }
            self.names = self.names.saturating_add(parts.len());
            if self.names > MOST_NAMES {
                return Err(SqlError::new(1117, b"HY000", "Too many columns"));
            }
            let names: Vec<String> = parts.iter().map(Part::to_text).collect();
            self.changes.push((start..end, names.join(",")));
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
            left = match constraint_of(&join.join_operator) {
                Some(JoinConstraint::Using(names)) => {
                    let names: Vec<&str> = names.iter().map(last_part).collect();
                    merged(left, right, |name| names.iter().any(|one| one.eq_ignore_ascii_case(name)))?
                }
                Some(JoinConstraint::Natural) => {
                    let of = |side: &[Part]| side.iter().filter_map(Part::lower).collect::<HashSet<String>>();
                    let names: HashSet<String> = of(&left).intersection(&of(&right)).cloned().collect();
                    merged(left, right, |name| names.contains(&name.to_lowercase()))?
                }
                _ => left.into_iter().chain(right).collect(),
            };
        }
        Ok(left)
    }

    /// The columns of one item of FROM.
    fn factor(&mut self, factor: &TableFactor) -> Result<Vec<Part>, SqlError> {
        let named = |names: Vec<String>, table: &str| {
            let column = |name| Part::Column(Column { table: Some(table.to_owned()), name });
            names.into_iter().map(column).collect()
        };
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
                Ok(named((self.columns)(database, table)?, known_as))
            }
            TableFactor::Derived { subquery, alias: Some(alias), .. } => {
                let names = self.names_of(subquery)?;
                let table = &alias.name.value;
                Ok(names.map_or_else(|| vec![Part::AllOf(table.clone())], |names| named(names, table)))
            }
            TableFactor::NestedJoin { table_with_joins, .. } => self.joined(table_with_joins),
            _ => Err(unsupported("* of this kind of table in a view")),
        }
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

/// The byte offset of a location of the parser.
fn offset(sql: &str, place: Location) -> usize {
    let line = usize::try_from(place.line).unwrap_or_default().saturating_sub(1);
    let before: usize = sql.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = sql.get(before..).unwrap_or_default();
    let column = usize::try_from(place.column).unwrap_or_default().saturating_sub(1);
    before + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
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
        let many = vec!["SELECT * FROM t"; 6_000].join(" UNION ALL ");
        assert!(matches!(expanded(&format!("CREATE VIEW v AS {many}")), Err(1117 | 1436)));
    }
}
