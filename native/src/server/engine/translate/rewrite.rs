//! Rewrites what is inside a statement: names of tables, literals, operators and functions.

use std::collections::HashSet;
use std::ops::ControlFlow;

use sealwire_core::error::SqlError;
use sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments,
    Ident, Interval, ObjectName, ObjectNamePart, Query, Select, SelectItem, TableFactor, UnaryOperator, Value,
    ValueWithSpan, VisitorMut,
};

use super::{Scope, last_part, parts, quote_text, unsupported};
use crate::server::sql::Datum;

/// Visits a statement and changes it in place.
pub(super) struct Rewriter<'a> {
    scope: Scope<'a>,
    /// Names that WITH defines: they belong to no database.
    common: HashSet<String>,
    /// Tables seen, with their databases.
    pub(super) tables: Vec<(String, String)>,
}

type Flow = ControlFlow<Box<SqlError>>;

fn fail(error: SqlError) -> Flow {
    ControlFlow::Break(Box::new(error))
}

impl<'a> Rewriter<'a> {
    pub(super) fn new(scope: Scope<'a>) -> Self {
        Self { scope, common: HashSet::new(), tables: Vec::new() }
    }

    pub(super) fn databases(&self) -> Vec<String> {
        let mut databases: Vec<String> = self.tables.iter().map(|(database, _)| database.clone()).collect();
        databases.sort_unstable();
        databases.dedup();
        databases
    }

    /// Puts the current database before a table's name that has none, and notes the table.
    pub(super) fn qualify(&mut self, name: &mut ObjectName) -> Result<(), SqlError> {
        let (database, table) = match parts(name).as_slice() {
            [table] if self.common.contains(&table.to_lowercase()) => return Ok(()),
            [table] => {
                let database =
                    self.scope.database.ok_or_else(|| SqlError::new(1046, b"3D000", "No database selected"))?;
                (database.to_owned(), (*table).to_owned())
            }
            [database, table] => ((*database).to_owned(), (*table).to_owned()),
            _ => return Err(unsupported(&name.to_string())),
        };
        name.0 =
            [&database, &table].map(|part| ObjectNamePart::Identifier(Ident::with_quote('`', part.as_str()))).into();
        if !self.tables.iter().any(|(d, t)| *d == database && *t == table) {
            self.tables.push((database, table));
        }
        Ok(())
    }

    /// The literal that a variable or a function of the session stands for.
    fn constant(&self, expression: &Expr) -> Result<Option<Datum>, SqlError> {
        match expression {
            Expr::Identifier(name) if name.quote_style.is_none() && name.value.starts_with('@') => {
                Ok(Some(self.scope.names.name(&name.value)?.unwrap_or(Datum::Null)))
            }
            Expr::CompoundIdentifier(parts) if parts.first().is_some_and(|first| first.value.starts_with("@@")) => {
                let joined: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
                self.scope.names.name(&joined.join("."))
            }
            Expr::Function(function) if arguments(function).is_empty() => {
                Ok(self.scope.names.function(&function.name.to_string().to_ascii_uppercase()))
            }
            _ => Ok(None),
        }
    }
}

/// SQLite's text for what has no node of its own in the tree; nothing looks into it again.
fn raw(text: impl Into<String>) -> Expr {
    Expr::Identifier(Ident::new(text))
}

fn literal(datum: &Datum) -> Expr {
    raw(match datum {
        Datum::Null => "NULL".to_owned(),
        Datum::Int(number) => format!("({number})"),
        Datum::UInt(number) => format!("({number})"),
        Datum::Real(number) => format!("({number:?})"),
        Datum::Text(text) => quote_text(text),
        Datum::Blob(bytes) => {
            use std::fmt::Write as _;
            let mut hex = String::with_capacity(bytes.len() * 2 + 3);
            hex.push_str("X'");
            for byte in bytes {
                // Writing to a String can't fail.
                let _ = write!(hex, "{byte:02X}");
            }
            hex.push('\'');
            hex
        }
    })
}

fn arguments(function: &Function) -> &[FunctionArg] {
    match &function.args {
        FunctionArguments::List(list) => &list.args,
        FunctionArguments::None | FunctionArguments::Subquery(_) => &[],
    }
}

impl VisitorMut for Rewriter<'_> {
    type Break = Box<SqlError>;

    fn pre_visit_query(&mut self, query: &mut Query) -> Flow {
        if let Some(with) = &query.with {
            self.common.extend(with.cte_tables.iter().map(|table| table.alias.name.value.to_lowercase()));
        }
        query.locks.clear();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> Flow {
        if select.into.is_some() {
            return fail(unsupported("SELECT … INTO"));
        }
        for item in &mut select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                alias.quote_style = Some('`');
            }
        }
        select.select_modifiers = None;
        select.optimizer_hints.clear();
        if let [table] = select.from.as_slice()
            && let TableFactor::Table { name, .. } = &table.relation
            && last_part(name).eq_ignore_ascii_case("dual")
        {
            select.from.clear();
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> Flow {
        match self.qualify(relation) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => fail(error),
        }
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> Flow {
        if let TableFactor::Table { index_hints, alias, name, .. } = factor {
            index_hints.clear();
            if let Some(alias) = alias {
                alias.name.quote_style = Some('`');
            }
            // MySQL lets `table.column` name a column of `database.table`; in SQLite so does the alias.
            if alias.is_none()
                && let [_, table] = parts(name).as_slice()
            {
                *alias = Some(sqlparser::ast::TableAlias {
                    explicit: true,
                    name: Ident::with_quote('`', *table),
                    columns: Vec::new(),
                    at: None,
                });
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> Flow {
        match &mut value.value {
            Value::DoubleQuotedString(text) | Value::NationalStringLiteral(text) => {
                value.value = Value::SingleQuotedString(std::mem::take(text));
            }
            Value::SingleQuotedByteStringLiteral(bits) => match u64::from_str_radix(bits, 2) {
                Ok(number) => value.value = Value::Number(number.to_string(), false),
                Err(_) => return fail(unsupported("bit literals of more than 64 bits")),
            },
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> Flow {
        match self.constant(expression) {
            Ok(Some(datum)) => {
                *expression = literal(&datum);
                return ControlFlow::Continue(());
            }
            Ok(None) => {}
            Err(error) => return fail(error),
        }
        match rewritten(expression) {
            Ok(Some(replacement)) => *expression = replacement,
            Ok(None) => {}
            Err(error) => return fail(error),
        }
        ControlFlow::Continue(())
    }
}

/// What an expression becomes; `None` where it stays.
fn rewritten(expression: &mut Expr) -> Result<Option<Expr>, SqlError> {
    Ok(match expression {
        Expr::Value(value) => match &value.value {
            // SQLite knows no backslash, and its own quoting must hold every byte.
            Value::SingleQuotedString(text) => Some(raw(quote_text(text))),
            _ => None,
        },
        Expr::Identifier(name) => {
            // Words that SQLite keeps for itself are names in MySQL.
            name.quote_style = Some('`');
            None
        }
        Expr::CompoundIdentifier(names) => {
            names.iter_mut().for_each(|name| name.quote_style = Some('`'));
            None
        }
        Expr::BinaryOp { left, op, right } => operator(left, op, right)?,
        Expr::UnaryOp { op: op @ UnaryOperator::BangNot, .. } => {
            *op = UnaryOperator::Not;
            None
        }
        Expr::Like { escape_char, any: false, .. } if escape_char.is_none() => {
            *escape_char = Some(Box::new(raw("'\\'")));
            None
        }
        Expr::RLike { .. } => return Err(unsupported("REGEXP")),
        Expr::Cast { expr, data_type, .. } => Some(cast(expr, data_type)),
        Expr::Convert { expr, data_type: Some(data_type), .. } => Some(cast(expr, data_type)),
        Expr::Convert { expr, data_type: None, .. } => Some(expr.as_ref().clone()),
        Expr::Collate { expr, collation } => {
            let binary = last_part(collation).ends_with("_bin") || last_part(collation).eq_ignore_ascii_case("binary");
            Some(raw(format!("({expr} COLLATE {})", if binary { "BINARY" } else { "NOCASE" })))
        }
        Expr::Extract { field, expr, .. } => Some(raw(format!("date_part('{field}', {expr})"))),
        Expr::Ceil { expr, .. } => Some(raw(format!("ceil({expr})"))),
        Expr::Floor { expr, .. } => Some(raw(format!("floor({expr})"))),
        Expr::Position { expr, r#in } => Some(raw(format!("instr({in}, {expr})", in = r#in))),
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            let rest: String =
                [substring_from, substring_for].into_iter().flatten().map(|part| format!(", {part}")).collect();
            Some(raw(format!("substr({expr}{rest})")))
        }
        Expr::Function(function) => self::function(function)?,
        _ => None,
    })
}

fn operator(left: &Expr, operator: &mut BinaryOperator, right: &Expr) -> Result<Option<Expr>, SqlError> {
    match (&*operator, right) {
        (BinaryOperator::Plus, Expr::Interval(interval)) => return moved(left, interval, "").map(Some),
        (BinaryOperator::Minus, Expr::Interval(interval)) => return moved(left, interval, "-").map(Some),
        _ => {}
    }
    Ok(match operator {
        // In MySQL 1/2 is 0.5, and dividing by zero is NULL in both.
        BinaryOperator::Divide => Some(raw(format!("({left} * 1.0 / {right})"))),
        BinaryOperator::MyIntegerDivide => Some(raw(format!("CAST({left} / {right} AS INTEGER)"))),
        BinaryOperator::StringConcat => {
            *operator = BinaryOperator::Or;
            None
        }
        BinaryOperator::Spaceship => Some(raw(format!("({left} IS {right})"))),
        BinaryOperator::Xor => Some(raw(format!("(NOT ({left}) <> NOT ({right}))"))),
        BinaryOperator::BitwiseXor => Some(raw(format!("(({left} | {right}) - ({left} & {right}))"))),
        BinaryOperator::Assignment => return Err(unsupported(":= in an expression")),
        _ => None,
    })
}

/// A date moved by an interval.
fn moved(base: &Expr, interval: &Interval, sign: &str) -> Result<Expr, SqlError> {
    let unit = interval.leading_field.as_ref().ok_or_else(|| unsupported("an INTERVAL without a unit"))?;
    Ok(raw(format!("date_moved({base}, {sign}({}), '{unit}')", interval.value)))
}

fn cast(expr: &Expr, data_type: &DataType) -> Expr {
    let name = data_type.to_string().to_ascii_uppercase();
    let word = name.split(['(', ' ']).next().unwrap_or_default();
    let target = match word {
        "SIGNED" | "UNSIGNED" | "INT" | "INTEGER" | "BIGINT" | "YEAR" => "INTEGER",
        "BINARY" | "VARBINARY" | "BLOB" => "BLOB",
        "DECIMAL" | "DEC" | "NUMERIC" => "NUMERIC",
        "DOUBLE" | "FLOAT" | "REAL" => "REAL",
        "DATE" => return raw(format!("date({expr})")),
        "DATETIME" => return raw(format!("datetime({expr})")),
        _ => "TEXT",
    };
    raw(format!("CAST({expr} AS {target})"))
}

fn function(function: &Function) -> Result<Option<Expr>, SqlError> {
    let name = function.name.to_string().to_ascii_uppercase();
    let values: Vec<&Expr> = arguments(function)
        .iter()
        .filter_map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value),
            _ => None,
        })
        .collect();
    let replacement = match (name.as_str(), values.as_slice()) {
        ("DATE_ADD" | "ADDDATE", [base, Expr::Interval(interval)]) => moved(base, interval, "")?,
        ("DATE_SUB" | "SUBDATE", [base, Expr::Interval(interval)]) => moved(base, interval, "-")?,
        ("CURRENT_TIMESTAMP" | "LOCALTIME" | "LOCALTIMESTAMP" | "SYSDATE" | "NOW" | "UTC_TIMESTAMP", _) => raw("now()"),
        ("CURRENT_DATE" | "CURDATE" | "UTC_DATE", _) => raw("curdate()"),
        ("CURRENT_TIME" | "CURTIME" | "UTC_TIME", _) => raw("curtime()"),
        // SQLite has these with another meaning, so ours have names of their own.
        ("LENGTH" | "OCTET_LENGTH", [value]) => raw(format!("octet_length({value})")),
        ("CHAR_LENGTH" | "CHARACTER_LENGTH", [value]) => raw(format!("length({value})")),
        ("CONCAT", values) if !values.is_empty() => {
            let joined: Vec<String> = values.iter().map(|value| format!("({value})")).collect();
            raw(format!("({} || '')", joined.join(" || ")))
        }
        ("IF", [condition, yes, no]) => raw(format!("iif({condition}, {yes}, {no})")),
        ("ISNULL", [value]) => raw(format!("(({value}) IS NULL)")),
        ("GREATEST", values) if values.len() > 1 => raw(format!("max({})", list(values))),
        ("LEAST", values) if values.len() > 1 => raw(format!("min({})", list(values))),
        ("LOCATE", [needle, text]) => raw(format!("instr({text}, {needle})")),
        ("MID", values) => raw(format!("substr({})", list(values))),
        ("LCASE", [value]) => raw(format!("lower({value})")),
        ("UCASE", [value]) => raw(format!("upper({value})")),
        ("VALUES", [value]) => raw(format!("excluded.{value}")),
        ("ANY_VALUE", [value]) => (*value).clone(),
        ("DATE", [value]) => raw(format!("date({value})")),
        ("YEAR" | "MONTH" | "DAY" | "DAYOFMONTH" | "HOUR" | "MINUTE" | "SECOND" | "MICROSECOND", [value]) => {
            raw(format!("date_part('{name}', {value})"))
        }
        ("GROUP_CONCAT", [value]) => return Ok(group_concat(function, value)),
        _ => return Ok(None),
    };
    Ok(Some(replacement))
}

fn list(values: &[&Expr]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn group_concat(function: &Function, value: &Expr) -> Option<Expr> {
    let FunctionArguments::List(arguments) = &function.args else { return None };
    let distinct = if arguments.duplicate_treatment.is_some() { "DISTINCT " } else { "" };
    let mut separator = String::new();
    let mut order = String::new();
    for clause in &arguments.clauses {
        match clause {
            FunctionArgumentClause::Separator(text) => separator = text.value.clone().into_string().unwrap_or_default(),
            FunctionArgumentClause::OrderBy(by) => {
                order = format!(" ORDER BY {}", by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
            }
            _ => return None,
        }
    }
    // SQLite takes no separator with DISTINCT; its own is MySQL's default.
    let separator = if distinct.is_empty() && !separator.is_empty() {
        format!(", {}", quote_text(&separator))
    } else {
        String::new()
    };
    Some(raw(format!("group_concat({distinct}{value}{separator}{order})")))
}
