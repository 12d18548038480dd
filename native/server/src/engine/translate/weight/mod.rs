//! The weight of a statement: how many nodes its expressions have in SQLite, computed before SQLite sees the statement.
//!
//! SQLite's query flattener replaces each reference to a column by a copy of its expression. Aliases, named windows and generated columns
//! are copied, too. Each level of nesting can double an expression, so that a kilobyte of text takes gigabytes and minutes, and SQLite can't
//! be interrupted while it compiles. The weight counts the nodes after all copying. The computation takes linear time; where SQLite's choice
//! is unknown, it assumes the heavier one.

use std::collections::HashMap;
use std::rc::Rc;

use sealwire_core::error::SqlError;
use sqlparser::ast::{
    Assignment, BinaryOperator, Delete, Expr, FromTable, Function, GroupByExpr, Insert, JoinConstraint, JoinOperator,
    LimitClause, NamedWindowExpr, ObjectName, OnInsert, OrderBy, OrderByExpr, OrderByKind, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier, Statement, TableFactor, TableObject,
    TableWithJoins, Update, Value, WindowFrameBound, WindowSpec, WindowType, With,
};

mod columns;
mod parts;
mod relation;

use parts::{alternatives, children, name_of};
use relation::{AnyTable, Unknown};

pub(super) use columns::check_table;
pub(in crate::engine) use columns::{check_parts, of_columns};
pub(in crate::engine) use relation::{Relation, Tables};

use super::names::{last_part, parts as name_parts};

/// The heaviest statement. SQLite compiles it in less than half a second, with less than 100 MB.
pub(in crate::engine) const MOST: u64 = 100_000;
/// The heaviest generated column.
pub(in crate::engine) const MOST_OF_COLUMN: u64 = 500;
/// The limit for all generated columns, CHECKs, DEFAULTs and parts of keys of one table.
pub(in crate::engine) const MOST_OF_TABLE: u64 = 10_000;
/// The most columns of a result in SQLite.
const MOST_COLUMNS: u64 = 2_000;
/// In a statement with more SELECTs than this, SQLite flattens no joined set operation.
const MOST_FLATTENED: u64 = 500;
/// A shorter statement with one SELECT is never too heavy, whatever its tables are.
const SHORT: usize = 300;
/// How deep the copies of BETWEEN are weighed separately.
const MOST_NESTED_COPIES: usize = 64;

/// The error of a statement that is too heavy.
pub(in crate::engine) fn too_complex(what: &str) -> SqlError {
    let message = format!(
        "Thread stack overrun: {what} is too complex, because each reference to a column of a derived table, a view or WITH, to a generated \
         column, an alias or a window stands for the whole expression behind it; store the inner result in a temporary table and read that"
    );
    SqlError::new(1436, b"HY000", message)
}

/// Whether a statement may be too heavy, assuming the heaviest tables.
pub(super) fn may_be_heavy(sql: &str, statement: &Statement) -> bool {
    const SELECT: &[u8] = b"select";
    let is_simple = sql.len() <= SHORT
        && sql.as_bytes().windows(SELECT.len()).filter(|word| word.eq_ignore_ascii_case(SELECT)).nth(1).is_none();
    let heaviest = MOST_OF_COLUMN;
    let any_table = || AnyTable(Rc::new(Relation::unknown(heaviest, MOST_COLUMNS + MOST_OF_TABLE)));
    !is_simple && of(statement, &mut any_table()) > MOST
}

/// The weight of a statement.
pub(in crate::engine) fn of(statement: &Statement, tables: &mut dyn Tables) -> u64 {
    let mut weigher = Weigher::new(tables);
    let weight = weigher.statement(statement);
    weigher.total(weight)
}

/// The relation of a CREATE VIEW.
pub(in crate::engine) fn of_view(statement: &Statement, tables: &mut dyn Tables) -> Option<Relation> {
    let Statement::CreateView(view) = statement else { return None };
    let mut weigher = Weigher::new(tables);
    let mut relation = weigher.query(&view.query);
    relation.rename(view.columns.iter().map(|column| column.name.value.as_str()));
    relation.total = weigher.total(relation.total);
    Some(relation)
}

/// The tables of one FROM clause, and the aliases of its SELECT.
#[derive(Default)]
struct Frame<'q> {
    relations: Vec<(String, Rc<Relation>)>,
    columns: HashMap<String, u64>,
    aliases: HashMap<String, u64>,
    windows: HashMap<String, u64>,
    /// The heaviest of the columns whose names are not known.
    unknown: Option<u64>,
    heaviest: u64,
    /// Windows of the current column. They may name aliases, so they are weighed after all columns.
    deferred: Vec<&'q WindowSpec>,
    named: Vec<String>,
}

impl Frame<'_> {
    fn of(relations: Vec<(String, Rc<Relation>)>) -> Self {
        let mut frame = Self { heaviest: 1, ..Self::default() };
        for (_, relation) in &relations {
            frame.heaviest = frame.heaviest.max(relation.heaviest());
            if let Some(unknown) = relation.unknown {
                frame.unknown = Some(frame.unknown.unwrap_or_default().max(unknown.heaviest));
            }
            for (name, weight) in relation.columns.iter().filter(|(name, _)| !name.is_empty()) {
                match frame.columns.get_mut(name) {
                    Some(known) => *known = (*known).max(*weight),
                    None => _ = frame.columns.insert(name.clone(), *weight),
                }
            }
        }
        frame.relations = relations;
        frame
    }
}

/// The weight of the literals in the rows of an INSERT. SQLite compiles each once, because nothing refers to them, and dumps have many.
fn literals(source: &Query) -> u64 {
    let SetExpr::Values(values) = source.body.as_ref() else { return 0 };
    let literal = |value: &Expr| match value {
        Expr::Value(_) => 1,
        Expr::UnaryOp { expr, .. } if matches!(expr.as_ref(), Expr::Value(_)) => 2,
        _ => 0,
    };
    values.rows.iter().flat_map(|row| row.content.iter()).map(literal).sum()
}

/// Computes the weight of a statement.
struct Weigher<'q, 't> {
    tables: &'t mut dyn Tables,
    frames: Vec<Frame<'q>>,
    /// The visible CTEs, the innermost at the end.
    ctes: Vec<(String, Rc<Relation>)>,
    /// Copies that SQLite makes once, even where the expression around them is copied.
    extra: u64,
    /// Columns that the computation itself has copied. It stops where these alone make the statement too heavy.
    copied_columns: u64,
    nested_copies: usize,
}

impl<'q, 't> Weigher<'q, 't> {
    fn new(tables: &'t mut dyn Tables) -> Self {
        Self { tables, frames: Vec::new(), ctes: Vec::new(), extra: 0, copied_columns: 0, nested_copies: 0 }
    }

    const fn is_exceeded(&self) -> bool {
        self.copied_columns > MOST * 4
    }

    const fn total(&self, weight: u64) -> u64 {
        if self.is_exceeded() { u64::MAX } else { weight.saturating_add(self.extra) }
    }

    fn statement(&mut self, statement: &'q Statement) -> u64 {
        match statement {
            Statement::Query(query) => self.query(query).total,
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::CreateView(view) => self.query(&view.query).total,
            Statement::CreateTable(table) => table.query.as_ref().map_or(0, |query| self.query(query).total),
            _ => 0,
        }
    }

    fn insert(&mut self, insert: &'q Insert) -> u64 {
        let mut total =
            insert.source.as_ref().map_or(0, |source| self.query(source).total.saturating_sub(literals(source)));
        let target = match &insert.table {
            TableObject::TableName(name) => self.named(name),
            _ => Rc::new(Relation::unknown(1, 1)),
        };
        self.frames.push(Frame::of(vec![(String::new(), target)]));
        total = total.saturating_add(self.assignments(&insert.assignments));
        if let Some(OnInsert::DuplicateKeyUpdate(assignments)) = &insert.on {
            total = total.saturating_add(self.assignments(assignments));
        }
        self.frames.pop();
        total
    }

    fn assignments(&mut self, assignments: &'q [Assignment]) -> u64 {
        self.sum(assignments.iter().map(|assignment| &assignment.value))
    }

    fn update(&mut self, update: &'q Update) -> u64 {
        let (relations, inner) = self.from(std::slice::from_ref(&update.table));
        self.frames.push(Frame::of(relations));
        let total = inner.saturating_add(self.assignments(&update.assignments));
        let total = total.saturating_add(self.changed(update.selection.as_ref(), &update.order_by));
        self.frames.pop();
        total
    }

    fn delete(&mut self, delete: &'q Delete) -> u64 {
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let (relations, inner) = self.from(from);
        self.frames.push(Frame::of(relations));
        let total = inner.saturating_add(self.changed(delete.selection.as_ref(), &delete.order_by));
        self.frames.pop();
        total
    }

    fn changed(&mut self, selection: Option<&'q Expr>, order: &'q [OrderByExpr]) -> u64 {
        let mut total = 0u64;
        if let Some(selection) = selection {
            let (weight, alternatives) = self.condition(selection, 0);
            total = weight.saturating_add(alternatives);
        }
        total.saturating_add(self.sum(order.iter().map(|item| &item.expr)))
    }

    fn with(&mut self, with: &'q With) {
        for table in &with.cte_tables {
            let name = table.alias.name.value.to_ascii_lowercase();
            let known = self.ctes.len();
            if with.recursive {
                // A recursive CTE reads its own rows, which are stored.
                self.ctes.push((name.clone(), Rc::new(Relation::unknown(1, MOST_COLUMNS))));
            }
            let mut relation = self.query(&table.query);
            relation.rename(table.alias.columns.iter().map(|column| column.name.value.as_str()));
            self.ctes.truncate(known);
            self.ctes.push((name, Rc::new(relation)));
        }
    }

    fn query(&mut self, query: &'q Query) -> Relation {
        if self.is_exceeded() {
            return Relation::default();
        }
        let known = self.ctes.len();
        if let Some(with) = &query.with {
            self.with(with);
        }
        let order = query.order_by.as_ref();
        let mut relation = match query.body.as_ref() {
            SetExpr::Select(select) => self.select(select, order),
            body => {
                let mut relation = self.body(body);
                if let Some(order) = order {
                    self.frames.push(Frame::of(vec![(String::new(), Rc::new(relation.clone()))]));
                    let weight = self.order(order, &relation.columns);
                    self.frames.pop();
                    relation.total = relation.total.saturating_add(weight.saturating_mul(relation.selects.max(1)));
                }
                relation
            }
        };
        if let Some(limit) = &query.limit_clause {
            let weight = match limit {
                LimitClause::LimitOffset { limit, offset, .. } => {
                    self.sum(limit.iter().chain(offset.iter().map(|offset| &offset.value)))
                }
                LimitClause::OffsetCommaLimit { offset, limit } => self.sum([offset, limit]),
            };
            relation.total = relation.total.saturating_add(weight);
        }
        self.ctes.truncate(known);
        relation
    }

    fn body(&mut self, body: &'q SetExpr) -> Relation {
        // A chain of UNION is a tree that leans to the left and may be too deep for recursion.
        let mut chain = Vec::new();
        let mut first = body;
        while let SetExpr::SetOperation { left, op, set_quantifier, right } = first {
            chain.push((right.as_ref(), matches!((op, set_quantifier), (SetOperator::Union, SetQuantifier::All))));
            first = left.as_ref();
        }
        let mut all = self.member(first);
        while let Some((right, is_flattened)) = chain.pop() {
            let right = self.member(right);
            for ((_, weight), (_, other)) in all.columns.iter_mut().zip(&right.columns) {
                *weight = (*weight).max(*other);
            }
            if let Some(other) = right.unknown {
                let own = all.unknown.unwrap_or_default();
                let heaviest = own.heaviest.max(right.heaviest());
                all.unknown = Some(Unknown { heaviest, all: own.all.max(other.all) });
            }
            if all.unknown.is_some() {
                // The columns of both sides can't be matched, so each may be as heavy as the heaviest.
                let heaviest = right.heaviest();
                for (_, weight) in &mut all.columns {
                    *weight = (*weight).max(heaviest);
                }
            }
            all.total = all.total.saturating_add(right.total);
            all.selects = all.selects.saturating_add(right.selects);
            all.arms = if is_flattened { all.arms.saturating_add(right.arms) } else { 1 };
        }
        all
    }

    fn member(&mut self, member: &'q SetExpr) -> Relation {
        match member {
            SetExpr::Select(select) => self.select(select, None),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { .. } => self.body(member),
            SetExpr::Values(values) => {
                let mut columns: Vec<(String, u64)> = Vec::new();
                let mut total = 0u64;
                for row in &values.rows {
                    for (at, value) in row.content.iter().enumerate() {
                        let weight = self.expression(value);
                        total = total.saturating_add(weight);
                        match columns.get_mut(at) {
                            Some((_, known)) => *known = (*known).max(weight),
                            None => columns.push((String::new(), weight)),
                        }
                    }
                }
                Relation { columns, total, arms: 1, selects: 1, ..Relation::default() }
            }
            SetExpr::Table(table) => {
                let name = table.table_name.as_deref().unwrap_or_default();
                let read = self.tables.relation(table.schema_name.as_deref(), name);
                let mut relation = read.as_ref().clone();
                relation.total = relation.total.saturating_add(relation.all());
                relation.selects = relation.selects.saturating_add(1);
                relation
            }
            // The parser puts a change behind WITH into a query.
            SetExpr::Insert(change) | SetExpr::Update(change) | SetExpr::Delete(change) => {
                Relation { total: self.statement(change), arms: 1, ..Relation::default() }
            }
            SetExpr::Merge(_) => Relation { arms: 1, ..Relation::default() },
        }
    }

    /// The relation of a table's name.
    fn named(&mut self, name: &ObjectName) -> Rc<Relation> {
        let parts = name_parts(name);
        if let [only] = parts.as_slice() {
            let cte = self.ctes.iter().rev().find(|(known, _)| known.eq_ignore_ascii_case(only));
            if let Some((_, relation)) = cte {
                return Rc::clone(relation);
            }
        }
        let database = parts.len().checked_sub(2).and_then(|at| parts.get(at)).copied();
        self.tables.relation(database, last_part(name))
    }

    /// The tables of FROM, and the weight of the queries in it.
    fn from(&mut self, from: &'q [TableWithJoins]) -> (Vec<(String, Rc<Relation>)>, u64) {
        let mut relations = Vec::new();
        for table in from {
            self.joined(table, &mut relations);
        }
        let inner = relations.iter().fold(0u64, |all, (_, relation)| all.saturating_add(relation.total));
        let columns = relations.iter().map(|(_, relation)| relation.columns.len() as u64 + 1).sum::<u64>();
        self.copied_columns = self.copied_columns.saturating_add(columns);
        (relations, inner)
    }

    fn joined(&mut self, table: &'q TableWithJoins, relations: &mut Vec<(String, Rc<Relation>)>) {
        self.factor(&table.relation, relations);
        for join in &table.joins {
            self.factor(&join.relation, relations);
        }
    }

    fn factor(&mut self, factor: &'q TableFactor, relations: &mut Vec<(String, Rc<Relation>)>) {
        match factor {
            TableFactor::Table { name, alias, .. } => {
                let relation = self.named(name);
                let alias = alias.as_ref().map_or_else(|| last_part(name), |alias| &alias.name.value);
                relations.push((alias.to_ascii_lowercase(), relation));
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let relation = Rc::new(self.query(subquery));
                let alias = alias.as_ref().map(|alias| alias.name.value.to_ascii_lowercase());
                relations.push((alias.unwrap_or_default(), relation));
            }
            TableFactor::NestedJoin { table_with_joins, .. } => self.joined(table_with_joins, relations),
            _ => {}
        }
    }

    /// The weight of the conditions of joins.
    fn joins(&mut self, from: &'q [TableWithJoins]) -> u64 {
        let mut total = 0u64;
        let mut pending: Vec<&TableWithJoins> = from.iter().collect();
        while let Some(table) = pending.pop() {
            let factors = std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation));
            for factor in factors {
                if let TableFactor::NestedJoin { table_with_joins, .. } = factor {
                    pending.push(table_with_joins);
                }
            }
            for join in &table.joins {
                let Some(constraint) = constraint_of(&join.join_operator) else { continue };
                total = total.saturating_add(match constraint {
                    JoinConstraint::On(condition) => self.expression(condition),
                    JoinConstraint::Using(columns) => {
                        // SQLite may make COALESCE of the column of each table.
                        let tables = self.frames.last().map_or(1, |frame| frame.relations.len() as u64 + 1);
                        let names = columns.iter().map(|column| self.column(last_part(column)));
                        names.fold(0u64, u64::saturating_add).saturating_mul(tables)
                    }
                    JoinConstraint::Natural => {
                        let relations = self.frames.last().map(|frame| frame.relations.as_slice()).unwrap_or_default();
                        relations.iter().fold(0u64, |all, (_, relation)| all.saturating_add(relation.all()))
                    }
                    JoinConstraint::None => 0,
                });
            }
        }
        total
    }

    fn select(&mut self, select: &'q Select, order: Option<&'q OrderBy>) -> Relation {
        let (relations, inner) = self.from(&select.from);
        if self.is_exceeded() {
            return Relation::default();
        }
        let most_arms = relations.iter().map(|(_, relation)| relation.arms).max().unwrap_or(1).max(1);
        let arms = relations.iter().fold(1u64, |all, (_, relation)| all.saturating_mul(relation.arms.max(1)));
        let arms = if relations.len() > 1 { arms.min(most_arms.saturating_mul(MOST_FLATTENED)) } else { arms };
        let below = relations.iter().fold(0u64, |all, (_, relation)| all.saturating_add(relation.selects));
        // SQLite's planner compares each table of a join with every other.
        let tables = relations.len() as u64;
        self.frames.push(Frame::of(relations));
        let mut relation = Relation { arms, selects: below.saturating_add(1), ..Relation::default() };
        let mut own = self.projection(select, &mut relation);
        own = own.saturating_add(relation.all()).saturating_add(tables.saturating_mul(tables));
        let joins = self.joins(&select.from);
        let mut conditions = joins;
        let mut alternatives = 0u64;
        if let Some(condition) = &select.selection {
            let (weight, more) = self.condition(condition, joins);
            conditions = conditions.saturating_add(weight);
            alternatives = more;
        }
        own = own.saturating_add(conditions).saturating_add(alternatives);
        if let GroupByExpr::Expressions(list, _) = &select.group_by {
            for item in list {
                own = own.saturating_add(self.ordered(item, &relation.columns));
            }
        }
        if let Some(having) = &select.having {
            own = own.saturating_add(self.expression(having));
        }
        if let Some(order) = order {
            own = own.saturating_add(self.order(order, &relation.columns));
        }
        self.frames.pop();
        let pushed = conditions.saturating_mul(below);
        relation.total = inner.saturating_add(own.saturating_mul(arms.max(1))).saturating_add(pushed);
        relation
    }

    /// Weighs the columns of a SELECT. Returns the weight of its named windows.
    fn projection(&mut self, select: &'q Select, relation: &mut Relation) -> u64 {
        let mut windows: Vec<(usize, Vec<&'q WindowSpec>, Vec<String>)> = Vec::new();
        let mut aliases = HashMap::new();
        for item in &select.projection {
            let (value, name) = match item {
                SelectItem::ExprWithAlias { expr, alias } => (expr, alias.value.to_ascii_lowercase()),
                SelectItem::UnnamedExpr(expr) => (expr, name_of(expr)),
                SelectItem::Wildcard(_) => {
                    self.wildcard(None, relation);
                    continue;
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    self.wildcard(Some(&last_part(name).to_ascii_lowercase()), relation);
                    continue;
                }
                _ => continue,
            };
            let weight = self.expression(value);
            if let Some(frame) = self.frames.last_mut() {
                let (specs, named) = (std::mem::take(&mut frame.deferred), std::mem::take(&mut frame.named));
                if !specs.is_empty() || !named.is_empty() {
                    windows.push((relation.columns.len(), specs, named));
                }
            }
            if matches!(item, SelectItem::ExprWithAlias { .. }) {
                let known: &mut u64 = aliases.entry(name.clone()).or_default();
                *known = (*known).max(weight);
            }
            relation.columns.push((name, weight));
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.aliases = aliases;
        }
        let mut total = 0u64;
        for definition in &select.named_window {
            let weight = match &definition.1 {
                NamedWindowExpr::NamedWindow(name) => self.window_named(&name.value),
                NamedWindowExpr::WindowSpec(spec) => self.window(spec),
            };
            total = total.saturating_add(weight);
            if let Some(frame) = self.frames.last_mut() {
                frame.windows.insert(definition.0.value.to_ascii_lowercase(), weight);
            }
        }
        for (at, specs, named) in windows {
            let mut weight = 0u64;
            for spec in specs {
                weight = weight.saturating_add(self.window(spec));
            }
            for name in named {
                weight = weight.saturating_add(self.window_named(&name));
            }
            let Some((name, column)) = relation.columns.get_mut(at) else { continue };
            *column = column.saturating_add(weight);
            if let Some(alias) = self.frames.last_mut().and_then(|frame| frame.aliases.get_mut(name.as_str())) {
                *alias = (*alias).max(*column);
            }
        }
        total
    }

    fn wildcard(&mut self, of: Option<&str>, relation: &mut Relation) {
        let Some(frame) = self.frames.last() else { return };
        for (name, read) in &frame.relations {
            if of.is_some_and(|of| of != name) {
                continue;
            }
            if let Some(unknown) = read.unknown {
                let own = relation.unknown.unwrap_or_default();
                let heaviest = own.heaviest.max(unknown.heaviest);
                relation.unknown = Some(Unknown { heaviest, all: own.all.saturating_add(unknown.all) });
            }
            // SQLite refuses results with more columns.
            if relation.columns.len() as u64 <= MOST_COLUMNS {
                relation.columns.extend(read.columns.iter().cloned());
                self.copied_columns = self.copied_columns.saturating_add(read.columns.len() as u64);
            }
        }
    }

    fn window(&mut self, spec: &'q WindowSpec) -> u64 {
        let base = spec.window_name.as_ref().map_or(0, |name| self.window_named(&name.value));
        let mut total = base.saturating_add(self.sum(&spec.partition_by));
        total = total.saturating_add(self.sum(spec.order_by.iter().map(|item| &item.expr)));
        if let Some(frame) = &spec.window_frame {
            for bound in std::iter::once(&frame.start_bound).chain(&frame.end_bound) {
                if let WindowFrameBound::Preceding(Some(distance)) | WindowFrameBound::Following(Some(distance)) = bound
                {
                    total = total.saturating_add(self.expression(distance));
                }
            }
        }
        total
    }

    fn window_named(&self, name: &str) -> u64 {
        let known = self.frames.last().and_then(|frame| frame.windows.get(&name.to_ascii_lowercase()));
        known.copied().unwrap_or(1)
    }

    /// The weight of a WHERE clause, and the extra weight where SQLite looks up each alternative of an OR together with all other conditions.
    fn condition(&mut self, condition: &'q Expr, joins: u64) -> (u64, u64) {
        let mut terms = Vec::new();
        let mut all = joins;
        let mut total = 0u64;
        let mut pending = vec![condition];
        while let Some(value) = pending.pop() {
            match value {
                Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                    total = total.saturating_add(1);
                    pending.extend([left.as_ref(), right.as_ref()]);
                }
                Expr::Nested(inner) => pending.push(inner),
                term => {
                    let weight = self.expression(term);
                    total = total.saturating_add(weight);
                    if matches!(term, Expr::BinaryOp { op: BinaryOperator::Or, .. }) {
                        terms.push((alternatives(term), weight));
                    }
                }
            }
        }
        all = all.saturating_add(total);
        let more = terms
            .iter()
            .fold(0u64, |more, (count, weight)| more.saturating_add(count.saturating_mul(all.saturating_sub(*weight))));
        (total, more)
    }

    fn order(&mut self, order: &'q OrderBy, columns: &[(String, u64)]) -> u64 {
        let OrderByKind::Expressions(list) = &order.kind else { return 0 };
        list.iter().fold(0u64, |all, item| all.saturating_add(self.ordered(&item.expr, columns)))
    }

    /// The weight of an item of ORDER BY or GROUP BY. A number means a column.
    fn ordered(&mut self, value: &'q Expr, columns: &[(String, u64)]) -> u64 {
        if let Expr::Value(number) = value
            && let Value::Number(digits, _) = &number.value
        {
            let at = digits.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            return at.and_then(|at| columns.get(at)).map_or(1, |(_, weight)| *weight);
        }
        self.expression(value)
    }

    fn sum(&mut self, values: impl IntoIterator<Item = &'q Expr>) -> u64 {
        values.into_iter().fold(0u64, |all, value| all.saturating_add(self.expression(value)))
    }

    /// The weight of an expression. It is a sum, so a list of pending parts replaces recursion.
    fn expression(&mut self, value: &'q Expr) -> u64 {
        let mut total = 0u64;
        let mut pending = vec![value];
        while let Some(value) = pending.pop() {
            let own = match value {
                Expr::Identifier(name) => self.column(&name.value),
                Expr::CompoundIdentifier(names) => match names.as_slice() {
                    [.., table, column] => self.qualified(&table.value, &column.value),
                    _ => 1,
                },
                Expr::Subquery(query)
                | Expr::Exists { subquery: query, .. }
                | Expr::InSubquery { subquery: query, .. } => {
                    if let Expr::InSubquery { expr, .. } = value {
                        pending.push(expr);
                    }
                    self.query(query).total.saturating_add(1)
                }
                Expr::Between { expr, .. } => {
                    // SQLite copies the compared value while it compiles BETWEEN.
                    if self.nested_copies < MOST_NESTED_COPIES {
                        self.nested_copies += 1;
                        let copied = self.expression(expr);
                        self.nested_copies -= 1;
                        self.extra = self.extra.saturating_add(copied);
                        total = total.saturating_add(copied);
                    } else {
                        pending.push(expr);
                    }
                    let Expr::Between { low, high, .. } = value else { continue };
                    pending.extend([low.as_ref(), high.as_ref()]);
                    1
                }
                Expr::Function(function) => {
                    self.defer(function);
                    children(value, &mut pending)
                }
                _ => children(value, &mut pending),
            };
            total = total.saturating_add(own);
        }
        total
    }

    fn defer(&mut self, function: &'q Function) {
        let Some(frame) = self.frames.last_mut() else { return };
        match &function.over {
            Some(WindowType::WindowSpec(spec)) => frame.deferred.push(spec),
            Some(WindowType::NamedWindow(name)) => frame.named.push(name.value.clone()),
            None => {}
        }
    }

    /// The weight of an unqualified column: the heaviest of the possible ones.
    fn column(&self, name: &str) -> u64 {
        let name = name.to_ascii_lowercase();
        let mut found: Option<u64> = None;
        let mut heaviest = 1;
        for frame in self.frames.iter().rev() {
            let own = frame.columns.get(&name).max(frame.aliases.get(&name)).copied();
            found = found.max(own);
            heaviest = heaviest.max(frame.heaviest).max(own.unwrap_or(1));
            match frame.unknown {
                None if own.is_some() => break,
                None => {}
                Some(unknown) => found = found.map(|found| found.max(unknown)),
            }
        }
        found.unwrap_or(heaviest)
    }

    fn qualified(&self, table: &str, column: &str) -> u64 {
        let (table, name) = (table.to_ascii_lowercase(), column.to_ascii_lowercase());
        for frame in self.frames.iter().rev() {
            let named = frame.relations.iter().filter(|(alias, _)| *alias == table);
            let heaviest = named.map(|(_, relation)| {
                relation.column(&name).unwrap_or_else(|| {
                    // The column may be unknown, or have a name that SQLite makes.
                    relation.heaviest()
                })
            });
            if let Some(weight) = heaviest.max() {
                return weight;
            }
        }
        self.column(column)
    }
}

/// The ON or USING of a join.
pub(super) const fn constraint_of(join: &JoinOperator) -> Option<&JoinConstraint> {
    match join {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::StraightJoin(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::CrossJoin(constraint) => Some(constraint),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
