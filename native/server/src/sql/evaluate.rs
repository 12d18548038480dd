//! Expressions of constants, variables and the session's functions, evaluated without the engine.

use std::borrow::Cow;
use std::cell::Cell;

use sealwire_core::error::SqlError;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, SelectItem, SetExpr,
    UnaryOperator, Value,
};

use super::like::is_like;
use super::{Allowances, Datum};

/// The values of names in an expression.
pub(crate) trait Names {
    /// The value of a name as written (`@@session.b`, `@x`, `Variable_name`); `None` where the name is unknown here. A long value is borrowed,
    /// because a short statement can name it many times.
    ///
    /// # Errors
    /// 1193 for a system variable that does not exist.
    fn name(&self, name: &str) -> Result<Option<Cow<'_, Datum>>, SqlError>;

    /// The value of a function without arguments, by its name in upper case.
    fn function(&self, name: &str) -> Option<Datum>;

    /// The limits of a statement.
    fn allowances(&self) -> Allowances {
        Allowances::default()
    }
}

/// The most bytes of values that one statement computes in the event loop's thread; the engine's threads may compute larger ones.
const MOST_BYTES: usize = 64 * 1024;
/// The most character comparisons of LIKE that one statement makes in that thread.
const MOST_COMPARISONS: usize = 1 << 20;
/// How much more a condition may take that is evaluated for each row of a list, such as SHOW VARIABLES has.
const ROWS: usize = 128;

/// The work that a statement may still do in the event loop's thread, in all its expressions together.
pub(crate) struct Budget {
    bytes: Cell<usize>,
    comparisons: Cell<usize>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: Cell::new(MOST_BYTES), comparisons: Cell::new(MOST_COMPARISONS) }
    }
}

impl Budget {
    /// The budget of a condition that is evaluated for each row of a list.
    pub(crate) fn for_rows() -> Self {
        Self { bytes: Cell::new(MOST_BYTES * ROWS), ..Self::default() }
    }

    /// Whether an evaluation has ended because it would have taken more.
    pub(crate) const fn is_exhausted(&self) -> bool {
        self.bytes.get() == 0 || self.comparisons.get() == 0
    }
}

/// Takes an amount; returns false, and leaves nothing, where less was left.
fn take(left: &Cell<usize>, amount: usize) -> bool {
    let rest = left.get().checked_sub(amount);
    left.set(rest.unwrap_or(0));
    rest.is_some()
}

/// Evaluates expressions.
struct Evaluation<'a> {
    names: &'a dyn Names,
    budget: &'a Budget,
}

/// The value of an expression; `None` where the engine must evaluate it, because of a name in it or because the budget is used up. The recursion
/// is as deep as the syntax tree, which [`super::MOST_EVALUATED_DEPTH`] bounds.
///
/// # Errors
/// Those of the names in the expression.
pub(crate) fn evaluate(expression: &Expr, names: &dyn Names, budget: &Budget) -> Result<Option<Datum>, SqlError> {
    Evaluation { names, budget }.value(expression)
}

impl Evaluation<'_> {
    fn value(&self, expression: &Expr) -> Result<Option<Datum>, SqlError> {
        Ok(self.found(expression)?.filter(|value| self.take(value.held_bytes())))
    }

    fn take(&self, bytes: usize) -> bool {
        take(&self.budget.bytes, bytes)
    }

    /// The value of a name, which is copied only if it is within the budget.
    fn name(&self, name: &str) -> Result<Option<Datum>, SqlError> {
        let is_within = |value: &Cow<'_, Datum>| value.held_bytes() <= self.budget.bytes.get();
        Ok(self.names.name(name)?.filter(is_within).map(Cow::into_owned))
    }

    /// Both values; `None` as soon as one of them is missing, because then the engine evaluates the whole.
    fn pair(&self, first: &Expr, second: &Expr) -> Result<Option<(Datum, Datum)>, SqlError> {
        let Some(first) = self.value(first)? else { return Ok(None) };
        Ok(self.value(second)?.map(|second| (first, second)))
    }

    fn found(&self, expression: &Expr) -> Result<Option<Datum>, SqlError> {
        let value = |inner: &Expr| self.value(inner);
        Ok(match expression {
            Expr::Value(literal) => self::literal(&literal.value),
            Expr::Identifier(name) => self.name(&name.value)?,
            Expr::CompoundIdentifier(parts) => {
                let joined: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
                self.name(&joined.join("."))?
            }
            Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => value(inner)?,
            Expr::UnaryOp { op, expr } => value(expr)?.and_then(|operand| unary(*op, &operand)),
            Expr::BinaryOp { left, op, right } => {
                self.pair(left, right)?.and_then(|(left, right)| binary(op, &left, &right))
            }
            Expr::IsNull(inner) => value(inner)?.map(|operand| truth(operand == Datum::Null)),
            Expr::IsNotNull(inner) => value(inner)?.map(|operand| truth(operand != Datum::Null)),
            Expr::Like { negated, expr, pattern, .. } => self.pair(expr, pattern)?.and_then(|(text, pattern)| {
                let (text, pattern) = (text.to_text(), pattern.to_text());
                let may = take(&self.budget.comparisons, text.len().saturating_mul(pattern.len()));
                may.then(|| truth(is_like(&text, &pattern) != *negated))
            }),
            Expr::InList { expr, list, negated } => {
                let Some(needle) = value(expr)? else { return Ok(None) };
                let mut found = false;
                for item in list {
                    let Some(item) = value(item)? else { return Ok(None) };
                    // Each comparison reads the first value again.
                    if !self.take(needle.held_bytes()) {
                        return Ok(None);
                    }
                    found |= compare(&needle, &item).is_some_and(|order| order.is_eq());
                }
                Some(truth(found != *negated))
            }
            Expr::Function(function) => self.call(function)?,
            Expr::Subquery(query) => match query.body.as_ref() {
                SetExpr::Select(select) if select.from.is_empty() && select.selection.is_none() => {
                    match select.projection.as_slice() {
                        [SelectItem::UnnamedExpr(inner) | SelectItem::ExprWithAlias { expr: inner, .. }] => {
                            value(inner)?
                        }
                        _ => None,
                    }
                }
                _ => None,
            },
            _ => None,
        })
    }

    fn call(&self, function: &Function) -> Result<Option<Datum>, SqlError> {
        let name = function.name.to_string().to_ascii_uppercase();
        let arguments: &[FunctionArg] = match &function.args {
            FunctionArguments::None => &[],
            FunctionArguments::List(list) => &list.args,
            FunctionArguments::Subquery(_) => return Ok(None),
        };
        if arguments.is_empty() {
            return Ok(self.names.function(&name));
        }
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument else { return Ok(None) };
            let Some(value) = self.value(argument)? else { return Ok(None) };
            values.push(value);
        }
        Ok(match (name.as_str(), values.as_slice()) {
            ("CONCAT", values) => Some(concat(values)),
            ("IFNULL", [first, second]) => Some(if *first == Datum::Null { second.clone() } else { first.clone() }),
            ("COALESCE", values) => {
                Some(values.iter().find(|value| **value != Datum::Null).cloned().unwrap_or(Datum::Null))
            }
            ("IF", [condition, yes, no]) => Some(if is_true(condition) { yes.clone() } else { no.clone() }),
            ("REPLACE", [text, from, to]) if !values.contains(&Datum::Null) => {
                replace(&text.to_text(), &from.to_text(), &to.to_text()).map(Datum::Text)
            }
            ("UPPER", [text]) if *text != Datum::Null => Some(Datum::Text(text.to_text().to_uppercase())),
            ("LOWER", [text]) if *text != Datum::Null => Some(Datum::Text(text.to_text().to_lowercase())),
            _ => None,
        })
    }
}

/// The values are within the budget together, so their concatenation is too.
fn concat(values: &[Datum]) -> Datum {
    if values.contains(&Datum::Null) {
        return Datum::Null;
    }
    Datum::Text(values.iter().map(Datum::to_text).collect())
}

/// `None` where the result would be longer than [`MOST_BYTES`]; its length is computed first.
fn replace(text: &str, from: &str, to: &str) -> Option<String> {
    if from.is_empty() {
        return Some(text.to_owned());
    }
    let grown = text.matches(from).count().checked_mul(to.len())?;
    (grown.saturating_add(text.len()) <= MOST_BYTES).then(|| text.replace(from, to))
}

/// Whether a value is true in a WHERE clause.
pub(crate) fn is_true(value: &Datum) -> bool {
    *value != Datum::Null && value.to_number() != 0.0
}

const fn truth(value: bool) -> Datum {
    Datum::Int(value as i64)
}

fn literal(value: &Value) -> Option<Datum> {
    Some(match value {
        Value::Number(text, _) => match (text.parse(), text.parse()) {
            (Ok(number), _) => Datum::Int(number),
            (_, Ok(number)) => Datum::UInt(number),
            // A decimal keeps its digits, because MySQL prints it as it was written.
            _ if text.contains(['e', 'E']) => Datum::Real(text.parse().ok()?),
            _ => return None,
        },
        Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => Datum::Text(text.clone()),
        Value::Boolean(value) => truth(*value),
        Value::Null => Datum::Null,
        _ => return None,
    })
}

fn unary(operator: UnaryOperator, operand: &Datum) -> Option<Datum> {
    match (operator, operand) {
        (_, Datum::Null) => Some(Datum::Null),
        (UnaryOperator::Minus, Datum::Int(number)) => number.checked_neg().map(Datum::Int),
        (UnaryOperator::Minus, Datum::Real(number)) => Some(Datum::Real(-number)),
        (UnaryOperator::Plus, operand) => Some(operand.clone()),
        (UnaryOperator::Not, operand) => Some(truth(!is_true(operand))),
        _ => None,
    }
}

fn binary(operator: &BinaryOperator, left: &Datum, right: &Datum) -> Option<Datum> {
    use std::cmp::Ordering;
    let compared = |wanted: fn(Ordering) -> bool| match (left, right) {
        (Datum::Null, _) | (_, Datum::Null) => Some(Datum::Null),
        _ => compare(left, right).map(|order| truth(wanted(order))),
    };
    match operator {
        BinaryOperator::Eq => compared(Ordering::is_eq),
        BinaryOperator::NotEq => compared(Ordering::is_ne),
        BinaryOperator::Lt => compared(Ordering::is_lt),
        BinaryOperator::LtEq => compared(Ordering::is_le),
        BinaryOperator::Gt => compared(Ordering::is_gt),
        BinaryOperator::GtEq => compared(Ordering::is_ge),
        BinaryOperator::And => Some(truth(is_true(left) && is_true(right))),
        BinaryOperator::Or => Some(truth(is_true(left) || is_true(right))),
        BinaryOperator::Plus => whole(left, right, i64::checked_add),
        BinaryOperator::Minus => whole(left, right, i64::checked_sub),
        BinaryOperator::Multiply => whole(left, right, i64::checked_mul),
        // `lex::normalise` has replaced a `||` that means OR by the word, so this one concatenates.
        BinaryOperator::StringConcat => Some(concat(&[left.clone(), right.clone()])),
        _ => None,
    }
}

fn whole(left: &Datum, right: &Datum, operation: fn(i64, i64) -> Option<i64>) -> Option<Datum> {
    match (left, right) {
        (Datum::Int(left), Datum::Int(right)) => operation(*left, *right).map(Datum::Int),
        _ => None,
    }
}

/// Texts are compared without case, as in MySQL's default collation; a number and a text are compared as numbers.
fn compare(left: &Datum, right: &Datum) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Datum::Null, _) | (_, Datum::Null) => None,
        (Datum::Text(_) | Datum::Blob(_), Datum::Text(_) | Datum::Blob(_)) => {
            Some(left.to_text().to_lowercase().cmp(&right.to_text().to_lowercase()))
        }
        (Datum::Int(left), Datum::Int(right)) => Some(left.cmp(right)),
        (Datum::UInt(left), Datum::UInt(right)) => Some(left.cmp(right)),
        _ => left.to_number().partial_cmp(&right.to_number()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_expression;
    use super::*;

    struct Fixed;

    impl Names for Fixed {
        fn name(&self, name: &str) -> Result<Option<Cow<'_, Datum>>, SqlError> {
            match name {
                "@@session.sql_mode" | "@@sql_mode" => Ok(Some(Cow::Owned(Datum::Text("STRICT".into())))),
                "@@nothing" => Err(SqlError::new(1193, b"HY000", "Unknown system variable 'nothing'")),
                "Variable_name" => Ok(Some(Cow::Owned(Datum::Text("Ssl_cipher".into())))),
                _ => Ok(None),
            }
        }

        fn function(&self, name: &str) -> Option<Datum> {
            (name == "CONNECTION_ID").then_some(Datum::Int(7))
        }
    }

    fn value(text: &str) -> Option<Datum> {
        evaluate(&parse_expression(text).unwrap(), &Fixed, &Budget::default()).unwrap()
    }

    #[test]
    fn what_connectors_send_is_evaluated() {
        assert_eq!(
            value("CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')"),
            Some(Datum::Text("STRICT,STRICT_TRANS_TABLES".into()))
        );
        assert_eq!(value("(SELECT CONCAT(@@session.sql_mode, ',X'))"), Some(Datum::Text("STRICT,X".into())));
        assert_eq!(value("CONNECTION_ID()"), Some(Datum::Int(7)));
        assert_eq!(value("1 + 2 * 3"), Some(Datum::Int(7)));
        assert_eq!(value("-1"), Some(Datum::Int(-1)));
        assert_eq!(value("18446744073709551615"), Some(Datum::UInt(u64::MAX)));
        assert_eq!(value("NULL IS NULL"), Some(Datum::Int(1)));
    }

    #[test]
    fn a_where_clause_selects_a_variable() {
        assert_eq!(value("Variable_name = 'ssl_CIPHER' OR Variable_name = 'x'"), Some(Datum::Int(1)));
        assert_eq!(value("Variable_name IN ('a', 'b')"), Some(Datum::Int(0)));
        assert_eq!(value("Variable_name LIKE 'Ssl\\_%'"), Some(Datum::Int(1)));
    }

    #[test]
    fn an_unknown_variable_is_an_error_and_an_unknown_column_needs_the_engine() {
        assert_eq!(
            evaluate(&parse_expression("@@nothing").unwrap(), &Fixed, &Budget::default()).unwrap_err().code,
            1193
        );
        assert_eq!(value("salary + 1"), None);
        assert_eq!(value("SLEEP(1)"), None);
    }

    /// One long value, and how often it was asked for.
    struct Long(Datum, Cell<usize>);

    impl Names for Long {
        fn name(&self, _: &str) -> Result<Option<Cow<'_, Datum>>, SqlError> {
            self.1.set(self.1.get() + 1);
            Ok(Some(Cow::Borrowed(&self.0)))
        }

        fn function(&self, _: &str) -> Option<Datum> {
            None
        }
    }

    #[test]
    fn a_long_value_is_asked_for_once_however_often_it_is_named() {
        for (length, most) in [(60_000_000, 1), (MOST_BYTES / 8, 9)] {
            for text in [
                vec!["@a"; 64].join(" = "),
                format!("({}) = ({0})", vec!["@a LIKE @a"; 32].join(" AND ")),
                format!("@a IN ({})", vec!["@a"; 64].join(",")),
                format!("CONCAT({})", vec!["@a"; 64].join(",")),
                format!("(((@a=@a)=(@a=@a))=((@a=@a)=(@a=@a)))={}", vec!["@a"; 64].join(" + ")),
            ] {
                let names = Long(Datum::Text("1".repeat(length)), Cell::default());
                assert_eq!(
                    evaluate(&parse_expression(&text).unwrap(), &names, &Budget::default()).unwrap(),
                    None,
                    "{text}"
                );
                assert!(names.1.get() <= most, "{text}: asked for {} times", names.1.get());
            }
        }
        // A comparison reads the first value as often as the list has items.
        let names = Long(Datum::Text("1".repeat(MOST_BYTES / 8)), Cell::default());
        let list = format!("@a IN ({})", vec!["1"; 64].join(","));
        assert_eq!(evaluate(&parse_expression(&list).unwrap(), &names, &Budget::default()).unwrap(), None);
    }

    #[test]
    fn all_expressions_of_a_statement_have_one_budget() {
        let long = format!("'{}' LIKE '%{}b'", "a".repeat(600), "_".repeat(600));
        let text = format!("REPLACE('{}', 'a', '{}')", "a".repeat(90), "a".repeat(95));
        for text in [&long, &text] {
            let (expression, budget) = (parse_expression(text).unwrap(), Budget::default());
            let done = (0..100).take_while(|_| evaluate(&expression, &Fixed, &budget).unwrap().is_some()).count();
            assert!((1..8).contains(&done), "{text}: evaluated {done} times");
            assert!(budget.is_exhausted());
        }
    }

    #[test]
    fn what_takes_long_is_left_to_the_engine() {
        let mut nested = "'a'".to_owned();
        for _ in 0..11 {
            nested = format!("REPLACE({nested},'a','aaaaaaaaaa')");
        }
        // A statement of the security review: its 300 bytes made 100 GB.
        assert_eq!(value(&nested), None);
        let long = "a".repeat(MOST_BYTES / 2);
        assert_eq!(value(&format!("CONCAT('{long}', '{long}', '{long}')")), None);
        assert_eq!(value(&format!("'{long}' LIKE '%{long}b'")), None);
        assert_eq!(value(&format!("'{}'", "a".repeat(MOST_BYTES))), None);
        assert_eq!(value("REPLACE('abc', '', 'x')"), Some(Datum::Text("abc".into())));
        assert_eq!(value("REPLACE('abab', 'ab', 'x')"), Some(Datum::Text("xx".into())));
    }
}
