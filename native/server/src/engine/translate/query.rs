//! Queries: WITH, SELECT, set operations, FROM, ORDER BY and LIMIT.

use sealwire_core::error::SqlError;
use sqlparser::ast::{
    Cte, Distinct, Expr, GroupByExpr, Join, JoinConstraint, JoinOperator, LimitClause, LockType, NamedWindowExpr,
    OrderBy, OrderByExpr, OrderByKind, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    SetOperator, SetQuantifier, TableAlias, TableFactor, TableWithJoins, Value, Values, With,
};

use super::errors::unsupported;
use super::names::{last_part, parts};
use super::writer::{READ, WriteResult, Writer, check_new_name};

impl Writer<'_> {
    /// Writes a query with all its clauses.
    pub(super) fn query(&mut self, query: &Query) -> WriteResult {
        if query.fetch.is_some()
            || query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty()
        {
            return Err(unsupported("a clause of another dialect"));
        }
        self.nested(|writer| {
            let visible = writer.visible_ctes();
            if let Some(with) = &query.with {
                writer.with(with)?;
            }
            body(&query.body, None, writer)?;
            locks(query, writer)?;
            if let Some(order) = &query.order_by {
                order_by(order, writer)?;
            }
            if let Some(limit) = &query.limit_clause {
                self::limit(limit, writer)?;
            }
            writer.hide_ctes(visible);
            Ok(())
        })
    }

    /// Writes a WITH clause. Its names stay visible until the caller hides them.
    pub(super) fn with(&mut self, with: &With) -> WriteResult {
        self.push(if with.recursive { "WITH RECURSIVE " } else { "WITH " });
        self.list(&with.cte_tables, |writer, table| common_table(table, with.recursive, writer))?;
        self.push(" ");
        Ok(())
    }

    /// Writes VALUES with its rows.
    pub(super) fn values(&mut self, values: &Values) -> WriteResult {
        self.push("VALUES ");
        self.list(&values.rows, |writer, row| {
            writer.push("(");
            writer.list(&row.content, Writer::expression)?;
            writer.push(")");
            Ok(())
        })
    }

    /// Writes an item of FROM, with its alias.
    pub(super) fn factor(
        &mut self,
        factor: &TableFactor,
        privileges: &'static [sealwire_accounts::Privilege],
    ) -> WriteResult {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                version: None,
                json_path: None,
                sample: None,
                with_hints,
                partitions,
                with_ordinality: false,
                index_hints: _,
            } if with_hints.is_empty() && partitions.is_empty() => {
                self.table(name, privileges)?;
                match alias {
                    Some(alias) => named(alias, self),
                    // In MySQL `table.column` may mean a column of `database.table`; in SQLite this needs the alias.
                    None => {
                        self.push(" AS ");
                        self.name(last_part(name))
                    }
                }
            }
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                self.push("(");
                self.query(subquery)?;
                self.push(")");
                alias.as_ref().map_or(Ok(()), |alias| named(alias, self))
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                self.push("(");
                self.nested(|writer| self::table_with_joins(table_with_joins, writer))?;
                self.push(")");
                Ok(())
            }
            other => Err(unsupported(&other.to_string())),
        }
    }

    /// Writes ORDER BY and its list.
    pub(super) fn ordering(&mut self, list: &[OrderByExpr]) -> WriteResult {
        self.push(" ORDER BY ");
        self.list(list, |writer, item| {
            writer.expression(&item.expr)?;
            if item.options.nulls_first.is_some() || item.with_fill.is_some() {
                return Err(unsupported("NULLS FIRST or NULLS LAST"));
            }
            match &item.options.sort {
                None => {}
                Some(sqlparser::ast::OrderBySort::Asc) => writer.push(" ASC"),
                Some(sqlparser::ast::OrderBySort::Desc) => writer.push(" DESC"),
                Some(_) => return Err(unsupported("ORDER BY … USING")),
            }
            Ok(())
        })
    }

    /// Writes a row count. MySQL's manual uses 18446744073709551615 for all rows, which is more than SQLite's largest integer; as a parameter
    /// it arrives as floating point.
    pub(super) fn row_count(&mut self, count: &Expr) -> WriteResult {
        let Expr::Value(value) = count else { return self.expression(count) };
        match &value.value {
            Value::Number(digits, _) if digits.parse::<u64>().is_ok_and(|count| i64::try_from(count).is_err()) => {
                // SQLite's largest integer.
                self.push("9223372036854775807");
                Ok(())
            }
            Value::Placeholder(_) => {
                self.push("CAST(");
                self.expression(count)?;
                self.push(" AS INTEGER)");
                Ok(())
            }
            _ => self.expression(count),
        }
    }
}

/// Notes the tables that FOR UPDATE locks. SQLite has no such clause; a transaction that writes after another has written fails with 1213.
fn locks(query: &Query, writer: &mut Writer<'_>) -> WriteResult {
    let SetExpr::Select(select) = query.body.as_ref() else { return Ok(()) };
    let factors = select
        .from
        .iter()
        .flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)));
    for factor in factors {
        let TableFactor::Table { name, alias, .. } = factor else { continue };
        let known_as = alias.as_ref().map_or_else(|| last_part(name), |alias| &alias.name.value);
        let is_locked = query.locks.iter().any(|lock| {
            matches!(lock.lock_type, LockType::Update)
                && lock.of.as_ref().is_none_or(|of| last_part(of).eq_ignore_ascii_case(known_as))
        });
        if is_locked && !writer.is_cte(name) {
            let (database, table) = writer.resolve(name)?;
            if !writer.is_temporary(&database, &table) {
                writer.locked.push((database, table));
            }
        }
    }
    Ok(())
}

fn common_table(table: &Cte, recursive: bool, writer: &mut Writer<'_>) -> WriteResult {
    let name = &table.alias.name.value;
    if table.from.is_some() || table.materialized.is_some() {
        return Err(unsupported("a clause of another dialect in WITH"));
    }
    check_new_name(name, 1103, "table")?;
    writer.name(name)?;
    if !table.alias.columns.is_empty() {
        writer.push(" (");
        writer.names(table.alias.columns.iter().map(|column| &column.name))?;
        writer.push(")");
    }
    writer.push(" AS (");
    // Only in WITH RECURSIVE does a query see its own name; elsewhere the name still means a table.
    if recursive {
        writer.define_cte(name)?;
        recursive_query(&table.query, name, writer)?;
    } else {
        writer.query(&table.query)?;
        writer.define_cte(name)?;
    }
    writer.push(")");
    Ok(())
}

/// The counter of a recursive query's rows, which is in the first column of its SELECTs.
#[derive(Clone, Copy)]
struct Counter<'a> {
    /// The name of the recursive query.
    name: &'a str,
    /// The number of the counter within the statement.
    number: i64,
    /// The most rows of the recursive query.
    most: i64,
}

/// The rows allowed for each step of a recursion that can widen, such as a walk through a tree.
const ROWS_OF_A_STEP: i64 = 1000;

fn recursive_query(query: &Query, name: &str, writer: &mut Writer<'_>) -> WriteResult {
    let SetExpr::SetOperation { left, right, op: SetOperator::Union, .. } = query.body.as_ref() else {
        return writer.query(query);
    };
    if query.with.is_some() {
        return writer.query(query);
    }
    let depth = i64::try_from(writer.scope.names.allowances().recursion).unwrap_or(i64::MAX);
    // A query that begins with one row and reads only itself returns at most one row for each step.
    let is_linear = matches!(left.as_ref(), SetExpr::Select(select) if select.from.is_empty())
        && matches!(right.as_ref(), SetExpr::Select(select)
            if matches!(select.from.as_slice(), [table] if table.joins.is_empty()));
    writer.recursions += 1;
    let counter = Counter {
        name,
        number: writer.recursions,
        most: if is_linear { depth } else { depth.saturating_mul(ROWS_OF_A_STEP) },
    };
    writer.nested(|writer| {
        body(&query.body, Some(counter), writer)?;
        if let Some(order) = &query.order_by {
            order_by(order, writer)?;
        }
        if let Some(limit) = &query.limit_clause {
            self::limit(limit, writer)?;
        }
        Ok(())
    })
}

/// Writes the part between WITH and ORDER BY.
fn body(body: &SetExpr, counter: Option<Counter<'_>>, writer: &mut Writer<'_>) -> WriteResult {
    // A chain of UNION is a tree that leans to the left; a loop walks it, because recursion would need stack in proportion to its length.
    let mut chain = Vec::new();
    let mut first = body;
    while let SetExpr::SetOperation { left, op, set_quantifier, right } = first {
        chain.push((op, set_quantifier, right.as_ref()));
        first = left.as_ref();
    }
    member(first, chain.is_empty(), counter, writer)?;
    while let Some((operator, quantifier, right)) = chain.pop() {
        writer.push(match (operator, quantifier) {
            (SetOperator::Union, SetQuantifier::All) => " UNION ALL ",
            (SetOperator::Union, SetQuantifier::Distinct | SetQuantifier::None) => " UNION ",
            (SetOperator::Except, SetQuantifier::Distinct | SetQuantifier::None) => " EXCEPT ",
            (SetOperator::Intersect, SetQuantifier::Distinct | SetQuantifier::None) => " INTERSECT ",
            _ => return Err(unsupported("this set operation")),
        });
        member(right, false, counter, writer)?;
    }
    Ok(())
}

/// Writes one SELECT of a set operation, or the only one.
fn member(member: &SetExpr, is_alone: bool, counter: Option<Counter<'_>>, writer: &mut Writer<'_>) -> WriteResult {
    match member {
        SetExpr::Select(select) => self::select(select, counter, writer),
        SetExpr::Values(values) => writer.values(values),
        SetExpr::Query(inner) if is_alone => writer.query(inner),
        // SQLite allows neither parentheses nor a nested set operation here.
        SetExpr::Query(inner) => {
            writer.push("SELECT * FROM (");
            writer.query(inner)?;
            writer.push(")");
            Ok(())
        }
        SetExpr::SetOperation { .. } => {
            writer.push("SELECT * FROM (");
            writer.nested(|writer| body(member, None, writer))?;
            writer.push(")");
            Ok(())
        }
        SetExpr::Table(table) => {
            let named = [&table.schema_name, &table.table_name];
            let named: Vec<_> = named.into_iter().flatten().map(|part| part.as_str().into()).collect();
            writer.push("SELECT * FROM ");
            writer.table(&sqlparser::ast::ObjectName::from(named), READ)
        }
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
            Err(SqlError::syntax("A query can't contain a statement that changes rows"))
        }
    }
}

fn select(select: &Select, counter: Option<Counter<'_>>, writer: &mut Writer<'_>) -> WriteResult {
    if select.into.is_some() {
        return Err(unsupported("SELECT … INTO"));
    }
    if select.top.is_some()
        || select.exclude.is_some()
        || select.prewhere.is_some()
        || select.qualify.is_some()
        || select.value_table_mode.is_some()
        || !select.lateral_views.is_empty()
        || !select.connect_by.is_empty()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty()
    {
        return Err(unsupported("a clause of another dialect in SELECT"));
    }
    writer.push(match &select.distinct {
        None | Some(Distinct::All) => "SELECT ",
        Some(Distinct::Distinct) => "SELECT DISTINCT ",
        Some(Distinct::On(_)) => return Err(unsupported("DISTINCT ON")),
    });
    let counted = counter.and_then(|counter| {
        let is_counted =
            |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. });
        Some((counter, select.projection.iter().position(is_counted)?))
    });
    writer.list(select.projection.iter().enumerate(), |writer, (index, item)| match counted {
        Some((counter, at)) if at == index => counted_item(item, counter, reads(select, counter.name), writer),
        _ => self::item(item, writer),
    })?;
    from(select, writer)?;
    if let Some(condition) = &select.selection {
        writer.push(" WHERE ");
        writer.expression(condition)?;
    }
    if let (Some(counter), None) = (counter, counted)
        && reads(select, counter.name)
    {
        return Err(unsupported("* as the only column of a recursive query; name its columns"));
    }
    match &select.group_by {
        GroupByExpr::Expressions(list, modifiers) if modifiers.is_empty() => {
            if !list.is_empty() {
                writer.push(" GROUP BY ");
                writer.list(list, Writer::expression)?;
            }
        }
        _ => return Err(unsupported("GROUP BY … WITH ROLLUP")),
    }
    if let Some(condition) = &select.having {
        writer.push(" HAVING ");
        writer.expression(condition)?;
    }
    if !select.named_window.is_empty() {
        writer.push(" WINDOW ");
        writer.list(&select.named_window, |writer, definition| {
            writer.name(&definition.0.value)?;
            writer.push(" AS ");
            match &definition.1 {
                NamedWindowExpr::NamedWindow(name) => {
                    writer.push("(");
                    writer.name(&name.value)?;
                    writer.push(")");
                    Ok(())
                }
                NamedWindowExpr::WindowSpec(spec) => writer.window(spec),
            }
        })?;
    }
    Ok(())
}

/// Whether the FROM clause of a SELECT names this query.
fn reads(select: &Select, name: &str) -> bool {
    let is_named = |factor: &TableFactor| {
        matches!(factor, TableFactor::Table { name: table, .. }
            if matches!(parts(table).as_slice(), [only] if only.eq_ignore_ascii_case(name)))
    };
    select.from.iter().any(|from| is_named(&from.relation) || from.joins.iter().any(|join| is_named(&join.relation)))
}

fn item(item: &SelectItem, writer: &mut Writer<'_>) -> WriteResult {
    match item {
        SelectItem::UnnamedExpr(value) => writer.expression(value),
        SelectItem::ExprWithAlias { expr, alias } => {
            writer.expression(expr)?;
            writer.push(" AS ");
            writer.name(&alias.value)
        }
        SelectItem::Wildcard(_) => {
            writer.push("*");
            Ok(())
        }
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
            // Each table has its name as its alias, so no database is needed.
            writer.name(last_part(name))?;
            writer.push(".*");
            Ok(())
        }
        other => Err(unsupported(&other.to_string())),
    }
}

/// Writes the column that counts the rows of a recursive query, because SQLite has no limit of its own.
fn counted_item(item: &SelectItem, counter: Counter<'_>, is_step: bool, writer: &mut Writer<'_>) -> WriteResult {
    let (value, name) = match item {
        SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias.value.clone())),
        SelectItem::UnnamedExpr(expr) => (expr, None),
        other => return self::item(other, writer),
    };
    let written = writer.capture(|writer| writer.expression(value))?;
    if is_step {
        writer.push("recursion_step(");
        writer.push_number(counter.number);
        writer.push(", ");
        writer.push_number(counter.most);
    } else {
        writer.push("recursion_start(");
        writer.push_number(counter.number);
    }
    writer.push(", ");
    writer.append(&written);
    writer.push(") AS ");
    // The column keeps the name that it would have without the counter.
    let own = match value {
        Expr::Identifier(column) => Some(column.value.clone()),
        Expr::CompoundIdentifier(names) => names.last().map(|last| last.value.clone()),
        _ => None,
    };
    writer.name(&name.or(own).unwrap_or(written))
}

fn from(select: &Select, writer: &mut Writer<'_>) -> WriteResult {
    if let [table] = select.from.as_slice()
        && table.joins.is_empty()
        && let TableFactor::Table { name, .. } = &table.relation
        && matches!(parts(name).as_slice(), [only] if only.eq_ignore_ascii_case("dual"))
    {
        return Ok(());
    }
    if !select.from.is_empty() {
        writer.push(" FROM ");
        writer.list(&select.from, |writer, table| table_with_joins(table, writer))?;
    }
    Ok(())
}

fn table_with_joins(table: &TableWithJoins, writer: &mut Writer<'_>) -> WriteResult {
    writer.factor(&table.relation, READ)?;
    for join in &table.joins {
        self::join(join, writer)?;
    }
    Ok(())
}

fn join(join: &Join, writer: &mut Writer<'_>) -> WriteResult {
    let (word, constraint) = match &join.join_operator {
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) | JoinOperator::StraightJoin(constraint) => {
            ("JOIN ", constraint)
        }
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => ("LEFT JOIN ", constraint),
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => ("RIGHT JOIN ", constraint),
        JoinOperator::CrossJoin(constraint) => ("JOIN ", constraint),
        _ => return Err(unsupported("this kind of JOIN")),
    };
    writer.push(if matches!(constraint, JoinConstraint::Natural) { " NATURAL " } else { " " });
    writer.push(word);
    writer.factor(&join.relation, READ)?;
    match constraint {
        JoinConstraint::On(condition) => {
            writer.push(" ON ");
            writer.expression(condition)
        }
        JoinConstraint::Using(columns) => {
            writer.push(" USING (");
            writer.list(columns, |writer, column| writer.name(last_part(column)))?;
            writer.push(")");
            Ok(())
        }
        JoinConstraint::Natural | JoinConstraint::None => Ok(()),
    }
}

fn named(alias: &TableAlias, writer: &mut Writer<'_>) -> WriteResult {
    if !alias.columns.is_empty() || alias.at.is_some() {
        return Err(unsupported("column aliases of a derived table"));
    }
    writer.push(" AS ");
    writer.name(&alias.name.value)
}

fn order_by(order: &OrderBy, writer: &mut Writer<'_>) -> WriteResult {
    let OrderByKind::Expressions(list) = &order.kind else { return Err(unsupported("ORDER BY ALL")) };
    if order.interpolate.is_some() {
        return Err(unsupported("INTERPOLATE"));
    }
    writer.ordering(list)
}

fn limit(limit: &LimitClause, writer: &mut Writer<'_>) -> WriteResult {
    let (limit, offset) = match limit {
        LimitClause::LimitOffset { limit, offset, limit_by } if limit_by.is_empty() => {
            (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
        }
        LimitClause::LimitOffset { .. } => return Err(unsupported("LIMIT … BY")),
        LimitClause::OffsetCommaLimit { offset, limit } => (Some(limit), Some(offset)),
    };
    if let Some(limit) = limit {
        writer.push(" LIMIT ");
        writer.row_count(limit)?;
    }
    if let Some(offset) = offset {
        writer.push(if limit.is_some() { " OFFSET " } else { " LIMIT -1 OFFSET " });
        writer.row_count(offset)?;
    }
    Ok(())
}
