//! Expressions: literals, names, operators, subqueries, CASE, CAST and window definitions.

use sealwire_core::error::SqlError;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, CeilFloorKind, DataType, DateTimeField, Expr, Ident, Interval, TrimWhereField,
    UnaryOperator, Value, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec,
};

use super::errors::unsupported;
use super::names::last_part;
use super::writer::{WriteResult, Writer};
use crate::engine::types::DeclaredType;
use crate::sql::charset::{check_collation, default_collation};

impl Writer<'_> {
    /// Writes an expression.
    pub(super) fn expression(&mut self, value: &Expr) -> WriteResult {
        // A chain of operators is a tree that leans to the left; it may be too long for recursion.
        if matches!(value, Expr::BinaryOp { .. }) {
            return chain(value, self);
        }
        self.nested(|writer| single(value, writer))
    }

    /// Writes an operand, in parentheses unless it binds tighter than any operator, because precedence differs in SQLite.
    pub(super) fn operand(&mut self, value: &Expr) -> WriteResult {
        let is_tight = matches!(
            value,
            Expr::Identifier(_)
                | Expr::CompoundIdentifier(_)
                | Expr::Value(_)
                | Expr::Function(_)
                | Expr::Nested(_)
                | Expr::Cast { .. }
                | Expr::Case { .. }
                | Expr::Subquery(_)
                | Expr::Tuple(_)
                | Expr::Extract { .. }
                | Expr::Trim { .. }
                | Expr::Substring { .. }
        );
        if is_tight {
            return self.expression(value);
        }
        self.push("(");
        self.expression(value)?;
        self.push(")");
        Ok(())
    }

    /// Writes the arguments of a call whose parenthesis is open, and closes it.
    pub(super) fn call(&mut self, arguments: &[&Expr]) -> WriteResult {
        self.list(arguments, |writer, argument| writer.expression(argument))?;
        self.push(")");
        Ok(())
    }

    /// Writes a date shifted by an interval.
    pub(super) fn shifted_date(&mut self, base: &Expr, interval: &Interval, sign: &'static str) -> WriteResult {
        let mut chain = Chain::default();
        chain.moved(interval, sign)?;
        self.nested(|writer| chain.write(base, writer))
    }

    /// Writes a window's definition in parentheses.
    pub(super) fn window(&mut self, spec: &WindowSpec) -> WriteResult {
        self.push("(");
        if let Some(name) = &spec.window_name {
            self.name(&name.value)?;
        }
        if !spec.partition_by.is_empty() {
            self.push(" PARTITION BY ");
            self.list(&spec.partition_by, Writer::expression)?;
        }
        if !spec.order_by.is_empty() {
            self.ordering(&spec.order_by)?;
        }
        if let Some(frame) = &spec.window_frame {
            self::frame(frame, self)?;
        }
        self.push(")");
        Ok(())
    }
}

/// An operator of SQLite: the text before the left operand, between the operands, and behind the right one.
struct Operator {
    before: &'static str,
    between: &'static str,
    behind: &'static str,
}

impl Operator {
    const fn infix(between: &'static str) -> Self {
        Self { before: "", between, behind: "" }
    }

    const fn call(before: &'static str) -> Self {
        Self { before, between: ", ", behind: ")" }
    }

    fn of(operator: &BinaryOperator) -> Result<Self, SqlError> {
        Ok(match operator {
            BinaryOperator::Plus => Self::infix(" + "),
            BinaryOperator::Minus => Self::infix(" - "),
            BinaryOperator::Multiply => Self::infix(" * "),
            BinaryOperator::Modulo => Self::infix(" % "),
            BinaryOperator::Gt => Self::infix(" > "),
            BinaryOperator::Lt => Self::infix(" < "),
            BinaryOperator::GtEq => Self::infix(" >= "),
            BinaryOperator::LtEq => Self::infix(" <= "),
            BinaryOperator::Eq => Self::infix(" = "),
            BinaryOperator::NotEq => Self::infix(" <> "),
            BinaryOperator::And => Self::infix(" AND "),
            BinaryOperator::Or => Self::infix(" OR "),
            // Without PIPES_AS_CONCAT the parser's input has OR in place of ||.
            BinaryOperator::StringConcat => Self::infix(" || "),
            BinaryOperator::BitwiseOr => Self::infix(" | "),
            BinaryOperator::BitwiseAnd => Self::infix(" & "),
            BinaryOperator::PGBitwiseShiftLeft => Self::infix(" << "),
            BinaryOperator::PGBitwiseShiftRight => Self::infix(" >> "),
            BinaryOperator::Arrow => Self::infix(" -> "),
            BinaryOperator::LongArrow => Self::infix(" ->> "),
            BinaryOperator::Spaceship => Self { before: "(", between: " IS ", behind: ")" },
            // 1/2 is 0.5 in MySQL. Division by zero is NULL in both.
            BinaryOperator::Divide => Self { before: "(", between: " * 1.0 / ", behind: ")" },
            BinaryOperator::MyIntegerDivide => Self { before: "CAST(", between: " / ", behind: " AS INTEGER)" },
            BinaryOperator::Xor => Self { before: "((NOT ", between: ") <> (NOT ", behind: "))" },
            BinaryOperator::BitwiseXor => Self::call("bit_xor_of("),
            BinaryOperator::Assignment => return Err(unsupported(":= in an expression")),
            other => return Err(unsupported(&other.to_string())),
        })
    }

    /// Whether a chain may be regrouped to make SQLite's tree lower, as AND and OR alone may.
    fn is_associative(&self) -> bool {
        matches!(self.between, " AND " | " OR ")
    }
}

/// An element behind the first operand of a chain.
enum Piece<'e> {
    Word(&'static str),
    Operand(&'e Expr),
    Unit(&'e DateTimeField),
}

/// A chain of binary operators in the order of writing: the parentheses before the first operand, the innermost first, and everything behind
/// it.
#[derive(Default)]
struct Chain<'e> {
    before: Vec<&'static str>,
    behind: Vec<Piece<'e>>,
}

impl<'e> Chain<'e> {
    fn link(&mut self, operator: &Operator, right: &'e Expr) {
        self.before.push(operator.before);
        self.behind.extend([Piece::Word(operator.between), Piece::Operand(right), Piece::Word(operator.behind)]);
    }

    /// Adds an interval by which a date is shifted.
    fn moved(&mut self, interval: &'e Interval, sign: &'static str) -> WriteResult {
        self.before.push("date_moved(");
        self.behind.extend([Piece::Word(", "), Piece::Word(sign), Piece::Operand(&interval.value), Piece::Word(", ")]);
        self.behind.extend([Piece::Unit(leading(interval)?), Piece::Word(")")]);
        Ok(())
    }

    /// Adds a run of AND or OR. A long run becomes a balanced tree, because SQLite limits the depth of an expression. `None` stands for
    /// everything to the left of the run.
    fn run(&mut self, operands: &[Option<&'e Expr>], between: &'static str) {
        const FEW: usize = 8;
        if operands.len() > FEW {
            let (left, right) = operands.split_at(operands.len() / 2);
            self.parenthesis(left);
            self.run(left, between);
            self.behind.extend([Piece::Word(")"), Piece::Word(between), Piece::Word("(")]);
            self.run(right, between);
            self.behind.push(Piece::Word(")"));
            return;
        }
        for (index, value) in operands.iter().enumerate() {
            if index > 0 {
                self.behind.push(Piece::Word(between));
            }
            self.behind.extend(value.map(Piece::Operand));
        }
    }

    fn parenthesis(&mut self, operands: &[Option<&Expr>]) {
        if operands.first().is_some_and(Option::is_none) {
            self.before.push("(");
        } else {
            self.behind.push(Piece::Word("("));
        }
    }

    fn write(&self, first: &Expr, writer: &mut Writer<'_>) -> WriteResult {
        for word in self.before.iter().rev() {
            writer.push(word);
        }
        writer.operand(first)?;
        for piece in &self.behind {
            match piece {
                Piece::Word(word) => writer.push(word),
                Piece::Operand(value) => writer.operand(value)?,
                Piece::Unit(unit) => unit_of(unit, writer),
            }
        }
        Ok(())
    }
}

/// Writes a chain of binary operators.
fn chain(value: &Expr, writer: &mut Writer<'_>) -> WriteResult {
    let mut links = Vec::new();
    let mut first = value;
    while let Expr::BinaryOp { left, op, right } = first {
        links.push((op, right.as_ref()));
        first = left.as_ref();
    }
    links.reverse();
    let mut chain = Chain::default();
    let mut rest = links.as_slice();
    while let Some(((op, right), after)) = rest.split_first() {
        let operator = Operator::of(op)?;
        let run = if operator.is_associative() { rest.iter().take_while(|(next, _)| next == op).count() } else { 1 };
        let behind = rest.get(run..).unwrap_or_default();
        if !behind.is_empty() {
            chain.before.push("(");
        }
        match (op, right) {
            (BinaryOperator::Plus, Expr::Interval(interval)) => chain.moved(interval, "")?,
            (BinaryOperator::Minus, Expr::Interval(interval)) => chain.moved(interval, "-")?,
            _ if run > 1 => {
                let operands = std::iter::once(None).chain(rest.iter().take(run).map(|(_, right)| Some(*right)));
                chain.run(&operands.collect::<Vec<_>>(), operator.between);
            }
            _ => chain.link(&operator, right),
        }
        if !behind.is_empty() {
            chain.behind.push(Piece::Word(")"));
        }
        rest = if run > 1 { behind } else { after };
    }
    writer.nested(|writer| chain.write(first, writer))
}

fn leading(interval: &Interval) -> Result<&DateTimeField, SqlError> {
    interval.leading_field.as_ref().ok_or_else(|| unsupported("an INTERVAL without a unit"))
}

/// Writes a unit of time as text. An unknown unit makes the result NULL.
fn unit_of(unit: &DateTimeField, writer: &mut Writer<'_>) {
    writer.text(&unit.to_string());
}

fn single(value: &Expr, writer: &mut Writer<'_>) -> WriteResult {
    match value {
        Expr::Value(value) => literal(&value.value, writer),
        Expr::Prefixed { value, .. } => writer.expression(value),
        Expr::TypedString(typed) => literal(&typed.value.value, writer),
        Expr::Identifier(name) if name.quote_style.is_none() && name.value.starts_with('@') => {
            let value = writer.scope.names.name(&name.value)?;
            writer.datum(value.as_deref().unwrap_or(&crate::sql::Datum::Null))
        }
        Expr::Identifier(name) => {
            writer.reads_columns = true;
            writer.name(&name.value)
        }
        Expr::CompoundIdentifier(names) => compound(names, writer),
        Expr::Nested(inner) => {
            writer.push("(");
            writer.expression(inner)?;
            writer.push(")");
            Ok(())
        }
        Expr::UnaryOp { op, expr } => {
            writer.push(match op {
                UnaryOperator::Plus => "+",
                UnaryOperator::Minus => "-",
                UnaryOperator::Not | UnaryOperator::BangNot => "NOT ",
                UnaryOperator::BitwiseNot => "~",
                other => return Err(unsupported(&other.to_string())),
            });
            writer.operand(expr)
        }
        Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_) => tested(value, writer),
        Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::Between { .. }
        | Expr::Like { .. }
        | Expr::AnyOp { .. } => compared(value, writer),
        Expr::RLike { .. } => Err(unsupported("REGEXP")),
        Expr::Cast { kind: CastKind::Cast, expr, data_type, .. } => cast(expr, data_type, writer),
        Expr::Convert { expr, data_type: Some(data_type), .. } => cast(expr, data_type, writer),
        Expr::Convert { expr, data_type: None, charset, .. } => {
            if let Some(charset) = charset {
                default_collation(last_part(charset))?;
            }
            writer.operand(expr)
        }
        Expr::Collate { expr, collation } => {
            let name = last_part(collation);
            check_collation(name)?;
            let is_binary = name.ends_with("_bin") || name.eq_ignore_ascii_case("binary");
            writer.push("(");
            writer.operand(expr)?;
            writer.push(if is_binary { " COLLATE BINARY)" } else { " COLLATE NOCASE)" });
            Ok(())
        }
        Expr::Extract { field, expr, .. } => {
            writer.push("date_part(");
            unit_of(field, writer);
            writer.push(", ");
            writer.call(&[expr])
        }
        Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
            writer.push("ceil(");
            writer.call(&[expr])
        }
        Expr::Floor { expr, field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) } => {
            writer.push("floor(");
            writer.call(&[expr])
        }
        Expr::Position { expr, r#in } => {
            writer.push("instr(");
            writer.call(&[r#in, expr])
        }
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            writer.push("substr(");
            let all = [Some(expr), substring_from.as_ref(), substring_for.as_ref()];
            let all: Vec<&Expr> = all.into_iter().flatten().map(AsRef::as_ref).collect();
            writer.call(&all)
        }
        Expr::Trim { trim_where, trim_what, expr, trim_characters: None } => {
            trim(trim_where.as_ref(), trim_what.as_deref(), expr, writer)
        }
        Expr::Function(call) => writer.function(call),
        Expr::Case { operand, conditions, else_result, .. } => {
            case(operand.as_deref(), conditions, else_result.as_deref(), writer)
        }
        Expr::Exists { subquery, negated } => {
            writer.push(if *negated { "NOT EXISTS (" } else { "EXISTS (" });
            subquery_of(subquery, writer)
        }
        Expr::Subquery(subquery) => {
            writer.push("(");
            subquery_of(subquery, writer)
        }
        Expr::Tuple(values) => {
            writer.push("(");
            writer.list(values, Writer::expression)?;
            writer.push(")");
            Ok(())
        }
        other => Err(unsupported(&other.to_string())),
    }
}

/// Writes a subquery whose parenthesis is open, and closes it.
fn subquery_of(subquery: &sqlparser::ast::Query, writer: &mut Writer<'_>) -> WriteResult {
    // A subquery may name columns of the outer row.
    writer.reads_columns = true;
    writer.query(subquery)?;
    writer.push(")");
    Ok(())
}

fn literal(value: &Value, writer: &mut Writer<'_>) -> WriteResult {
    match value {
        Value::Number(digits, false) => writer.number(digits),
        Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) | Value::NationalStringLiteral(text) => {
            writer.text(text);
            Ok(())
        }
        Value::HexStringLiteral(digits) => writer.hexadecimal(digits),
        Value::SingleQuotedByteStringLiteral(bits) => {
            let number = u64::from_str_radix(bits, 2);
            writer.number(&number.map_err(|_| unsupported("bit literals of more than 64 bits"))?.to_string())
        }
        Value::Boolean(value) => {
            writer.push(if *value { "TRUE" } else { "FALSE" });
            Ok(())
        }
        Value::Null => {
            writer.push("NULL");
            Ok(())
        }
        Value::Placeholder(text) => writer.placeholder(text),
        other => Err(unsupported(&other.to_string())),
    }
}

fn compound(names: &[Ident], writer: &mut Writer<'_>) -> WriteResult {
    if names.first().is_some_and(|first| first.quote_style.is_none() && first.value.starts_with("@@")) {
        let joined: Vec<&str> = names.iter().map(|part| part.value.as_str()).collect();
        let value = writer.scope.names.name(&joined.join("."))?;
        return writer.datum(value.as_deref().unwrap_or(&crate::sql::Datum::Null));
    }
    if let (Some(Some(alias)), [first, column]) = (&writer.upsert, names)
        && first.value.eq_ignore_ascii_case(alias)
    {
        writer.push("excluded.");
        return writer.name(&column.value);
    }
    writer.reads_columns = true;
    // Each table has its name as its alias, so a column needs no database.
    let shown = names.get(names.len().saturating_sub(2)..).unwrap_or(names);
    for (index, name) in shown.iter().enumerate() {
        if index > 0 {
            writer.push(".");
        }
        writer.name(&name.value)?;
    }
    Ok(())
}

/// Writes IS NULL and the like. A chain of them leans to the left, so it is walked in a loop.
fn tested(value: &Expr, writer: &mut Writer<'_>) -> WriteResult {
    let mut tests = Vec::new();
    let mut first = value;
    loop {
        let (inner, test) = match first {
            Expr::IsNull(inner) => (inner, ") IS NULL"),
            Expr::IsNotNull(inner) => (inner, ") IS NOT NULL"),
            Expr::IsTrue(inner) => (inner, ") IS TRUE"),
            Expr::IsNotTrue(inner) => (inner, ") IS NOT TRUE"),
            Expr::IsFalse(inner) => (inner, ") IS FALSE"),
            Expr::IsNotFalse(inner) => (inner, ") IS NOT FALSE"),
            Expr::IsUnknown(inner) => (inner, ") IS NULL"),
            Expr::IsNotUnknown(inner) => (inner, ") IS NOT NULL"),
            _ => break,
        };
        tests.push(test);
        first = inner;
    }
    for _ in &tests {
        writer.push("(");
    }
    writer.expression(first)?;
    while let Some(test) = tests.pop() {
        writer.push(test);
    }
    Ok(())
}

fn compared(value: &Expr, writer: &mut Writer<'_>) -> WriteResult {
    match value {
        Expr::InList { expr, list, negated } => {
            writer.operand(expr)?;
            writer.push(if *negated { " NOT IN (" } else { " IN (" });
            writer.list(list, Writer::expression)?;
            writer.push(")");
            Ok(())
        }
        Expr::InSubquery { expr, subquery, negated } => {
            writer.operand(expr)?;
            writer.push(if *negated { " NOT IN (" } else { " IN (" });
            subquery_of(subquery, writer)
        }
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => {
            let Expr::Subquery(subquery) = right.as_ref() else { return Err(unsupported("ANY of a list")) };
            writer.operand(left)?;
            writer.push(" IN (");
            subquery_of(subquery, writer)
        }
        Expr::Between { expr, negated, low, high } => {
            writer.operand(expr)?;
            writer.push(if *negated { " NOT BETWEEN " } else { " BETWEEN " });
            writer.operand(low)?;
            writer.push(" AND ");
            writer.operand(high)
        }
        Expr::Like { negated, any: false, expr, pattern, escape_char } => {
            writer.operand(expr)?;
            writer.push(if *negated { " NOT LIKE " } else { " LIKE " });
            writer.operand(pattern)?;
            writer.push(" ESCAPE ");
            match escape_char {
                Some(escape) => writer.operand(escape),
                None => {
                    writer.push("'\\'");
                    Ok(())
                }
            }
        }
        other => Err(unsupported(&other.to_string())),
    }
}

fn cast(value: &Expr, data_type: &DataType, writer: &mut Writer<'_>) -> WriteResult {
    let signed = matches!(
        data_type,
        DataType::Signed | DataType::SignedInteger | DataType::Unsigned | DataType::UnsignedInteger
    );
    let declared = DeclaredType::from_mysql(data_type);
    let target = match declared.as_ref().map(DeclaredType::name) {
        _ if signed => " AS INTEGER)",
        Some("TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" | "YEAR") => " AS INTEGER)",
        Some("BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB") => " AS BLOB)",
        Some("DECIMAL") => " AS NUMERIC)",
        Some("DOUBLE" | "FLOAT") => " AS REAL)",
        Some("DATE") => {
            writer.push("date(");
            return writer.call(&[value]);
        }
        Some("DATETIME") => {
            writer.push("datetime(");
            return writer.call(&[value]);
        }
        Some(_) => " AS TEXT)",
        None => return Err(unsupported(&format!("CAST … AS {data_type}"))),
    };
    writer.push("CAST(");
    writer.expression(value)?;
    writer.push(target);
    Ok(())
}

fn trim(side: Option<&TrimWhereField>, what: Option<&Expr>, value: &Expr, writer: &mut Writer<'_>) -> WriteResult {
    writer.push(match side {
        None | Some(TrimWhereField::Both) => "trim(",
        Some(TrimWhereField::Leading) => "ltrim(",
        Some(TrimWhereField::Trailing) => "rtrim(",
    });
    match what {
        None => writer.call(&[value]),
        Some(what) => writer.call(&[value, what]),
    }
}

fn case(
    value: Option<&Expr>,
    conditions: &[CaseWhen],
    otherwise: Option<&Expr>,
    writer: &mut Writer<'_>,
) -> WriteResult {
    writer.push("CASE");
    if let Some(value) = value {
        writer.push(" ");
        writer.operand(value)?;
    }
    for branch in conditions {
        writer.push(" WHEN ");
        writer.expression(&branch.condition)?;
        writer.push(" THEN ");
        writer.expression(&branch.result)?;
    }
    if let Some(otherwise) = otherwise {
        writer.push(" ELSE ");
        writer.expression(otherwise)?;
    }
    writer.push(" END");
    Ok(())
}

fn frame(frame: &WindowFrame, writer: &mut Writer<'_>) -> WriteResult {
    writer.push(match frame.units {
        WindowFrameUnits::Rows => " ROWS ",
        WindowFrameUnits::Range => " RANGE ",
        WindowFrameUnits::Groups => " GROUPS ",
    });
    let Some(end) = &frame.end_bound else { return bound(&frame.start_bound, writer) };
    writer.push("BETWEEN ");
    bound(&frame.start_bound, writer)?;
    writer.push(" AND ");
    bound(end, writer)
}

fn bound(bound: &WindowFrameBound, writer: &mut Writer<'_>) -> WriteResult {
    let (distance, direction) = match bound {
        WindowFrameBound::CurrentRow => {
            writer.push("CURRENT ROW");
            return Ok(());
        }
        WindowFrameBound::Preceding(distance) => (distance, " PRECEDING"),
        WindowFrameBound::Following(distance) => (distance, " FOLLOWING"),
    };
    match distance {
        Some(distance) => writer.operand(distance)?,
        None => writer.push("UNBOUNDED"),
    }
    writer.push(direction);
    Ok(())
}
