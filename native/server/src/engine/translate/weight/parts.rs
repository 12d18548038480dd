//! The parts of an expression.

use sqlparser::ast::{BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments};

/// The name of a column without an alias; empty where SQLite makes the name.
pub(super) fn name_of(value: &Expr) -> String {
    match value {
        Expr::Identifier(name) => name.value.to_ascii_lowercase(),
        Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.to_ascii_lowercase()).unwrap_or_default(),
        _ => String::new(),
    }
}

/// How many conditions an OR has, those within its ANDs included.
pub(super) fn alternatives(value: &Expr) -> u64 {
    let mut count = 0u64;
    let mut pending = vec![value];
    while let Some(value) = pending.pop() {
        match value {
            Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                pending.extend([left.as_ref(), right.as_ref()]);
            }
            Expr::Nested(inner) => pending.push(inner),
            _ => count = count.saturating_add(1),
        }
    }
    count
}

/// Pushes the operands of an expression onto the list, without subqueries. Returns the expression's own weight, with what the writer adds to
/// an operator.
pub(super) fn children<'e>(value: &'e Expr, pending: &mut Vec<&'e Expr>) -> u64 {
    match value {
        Expr::BinaryOp { left, op, right } => {
            pending.extend([left.as_ref(), right.as_ref()]);
            match op {
                BinaryOperator::Xor => 3,
                BinaryOperator::Divide | BinaryOperator::MyIntegerDivide => 2,
                _ => 1,
            }
        }
        Expr::Nested(inner)
        | Expr::Prefixed { value: inner, .. }
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Convert { expr: inner, .. }
        | Expr::Cast { expr: inner, .. }
        | Expr::Collate { expr: inner, .. }
        | Expr::Extract { expr: inner, .. }
        | Expr::Ceil { expr: inner, .. }
        | Expr::Floor { expr: inner, .. } => {
            pending.push(inner);
            1
        }
        Expr::InList { expr, list, .. } => {
            pending.push(expr);
            pending.extend(list);
            1
        }
        Expr::Like { expr, pattern, escape_char, .. } => {
            pending.extend([expr.as_ref(), pattern.as_ref()]);
            pending.extend(escape_char.as_deref());
            2
        }
        Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } => {
            pending.extend([left.as_ref(), right.as_ref()]);
            1
        }
        Expr::Position { expr, r#in } => {
            pending.extend([expr.as_ref(), r#in.as_ref()]);
            1
        }
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            pending.push(expr);
            pending.extend(substring_from.as_deref().into_iter().chain(substring_for.as_deref()));
            1
        }
        Expr::Trim { trim_what, expr, .. } => {
            pending.push(expr);
            pending.extend(trim_what.as_deref());
            1
        }
        Expr::Interval(interval) => {
            pending.push(&interval.value);
            2
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            pending.extend(operand.as_deref().into_iter().chain(else_result.as_deref()));
            for branch in conditions {
                pending.extend([&branch.condition, &branch.result]);
            }
            1
        }
        Expr::Between { expr, low, high, .. } => {
            pending.extend([expr.as_ref(), low.as_ref(), high.as_ref()]);
            1
        }
        Expr::Tuple(values) => {
            pending.extend(values);
            1
        }
        Expr::Function(function) => {
            if let FunctionArguments::List(list) = &function.args {
                pending.extend(list.args.iter().filter_map(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value),
                    _ => None,
                }));
                for clause in &list.clauses {
                    if let FunctionArgumentClause::OrderBy(order) = clause {
                        pending.extend(order.iter().map(|item| &item.expr));
                    }
                }
            }
            1
        }
        _ => 1,
    }
}
