//! Calls of functions: those that SQLite has by the same name, and those that need another form.

use sealwire_core::error::SqlError;
use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList,
    FunctionArguments, WindowType,
};

use super::errors::unsupported;
use super::names::last_part;
use super::writer::{WriteResult, Writer};

/// Functions that statements may call, by SQLite's names: SQLite's own and those of `sqlite/functions.rs`. All others are forbidden, because
/// some functions of SQLite read files and internal state. Sorted.
const ALLOWED: &[&str] = &[
    "->",
    "->>",
    "abs",
    "acos",
    "asin",
    "atan",
    "atan2",
    "avg",
    "binlog_gtid_pos",
    "bit_xor_of",
    "ceil",
    "ceiling",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "convert_tz",
    "cos",
    "count",
    "cume_dist",
    "curdate",
    "curtime",
    "date",
    "date_format",
    "date_moved",
    "date_part",
    "datediff",
    "datetime",
    "degrees",
    "dense_rank",
    "exp",
    "find_in_set",
    "first_value",
    "floor",
    "from_unixtime",
    "group_concat",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_type",
    "json_valid",
    "lag",
    "last_value",
    "lead",
    "left",
    "length",
    "like",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "lpad",
    "ltrim",
    "master_gtid_wait",
    "master_pos_wait",
    "max",
    "min",
    "mod",
    "now",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "pi",
    "pow",
    "power",
    "quote",
    "radians",
    "rand",
    "rank",
    "recursion_start",
    "recursion_step",
    "repeat",
    "replace",
    "reverse",
    "right",
    "round",
    "row_number",
    "rpad",
    "rtrim",
    "sha",
    "sha1",
    "sha2",
    "sign",
    "sin",
    "sleep",
    "source_pos_wait",
    "space",
    "sqrt",
    "strcmp",
    "substr",
    "substring",
    "sum",
    "tan",
    "time",
    "trim",
    "truncate",
    "unhex",
    "unix_timestamp",
    "upper",
    "uuid",
    "wait_for_executed_gtid_set",
];

/// Functions that only the translation calls; statements must not name them.
const INTERNAL: &[&str] =
    &["->", "->>", "bit_xor_of", "date_moved", "date_part", "iif", "like", "recursion_start", "recursion_step"];

/// Whether a statement may call this function of SQLite.
pub(in crate::engine) fn is_allowed(name: &str) -> bool {
    ALLOWED.binary_search_by(|known| known.cmp(&name.to_ascii_lowercase().as_str())).is_ok()
}

fn unknown(name: &str) -> SqlError {
    SqlError::new(1305, b"42000", format!("FUNCTION {name} does not exist"))
}

fn arguments(function: &Function) -> Option<&FunctionArgumentList> {
    match &function.args {
        FunctionArguments::List(list) => Some(list),
        FunctionArguments::None | FunctionArguments::Subquery(_) => None,
    }
}

impl Writer<'_> {
    /// Writes a call.
    pub(super) fn function(&mut self, function: &Function) -> WriteResult {
        let written = function.name.to_string();
        let bare = last_part(&function.name);
        if function.name.0.len() != 1 || function.filter.is_some() || !function.within_group.is_empty() {
            return Err(unknown(&written));
        }
        if function.null_treatment.is_some() || matches!(function.args, FunctionArguments::Subquery(_)) {
            return Err(unsupported(&written));
        }
        let name = bare.to_ascii_uppercase();
        let list = arguments(function);
        let values = values(list)?;
        if values.is_empty()
            && let Some(value) = self.scope.names.function(&name)
        {
            return self.datum(&value);
        }
        if let (None, Some(values)) = (&function.over, values.plain())
            && special(&name, values, list, self)?
        {
            return Ok(());
        }
        ordinary(&name, &values, list, self)?;
        match &function.over {
            None => Ok(()),
            Some(WindowType::NamedWindow(window)) => {
                self.push(" OVER ");
                self.name(&window.value)
            }
            Some(WindowType::WindowSpec(spec)) => {
                self.push(" OVER ");
                self.window(spec)
            }
        }
    }
}

/// The arguments of a call.
enum Arguments<'f> {
    /// `*`
    Star,
    /// Expressions.
    Plain(Vec<&'f Expr>),
}

impl<'f> Arguments<'f> {
    fn plain(&self) -> Option<&[&'f Expr]> {
        match self {
            Self::Star => None,
            Self::Plain(values) => Some(values),
        }
    }

    fn is_empty(&self) -> bool {
        self.plain().is_some_and(<[_]>::is_empty)
    }
}

fn values(list: Option<&FunctionArgumentList>) -> Result<Arguments<'_>, SqlError> {
    let arguments = list.map_or(&[][..], |list| list.args.as_slice());
    if let [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] = arguments {
        return Ok(Arguments::Star);
    }
    let plain = arguments.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Ok(value),
        other => Err(unsupported(&other.to_string())),
    });
    plain.collect::<Result<_, _>>().map(Arguments::Plain)
}

/// Writes a call of a function that SQLite has by the same name.
fn ordinary(
    name: &str,
    values: &Arguments<'_>,
    list: Option<&FunctionArgumentList>,
    writer: &mut Writer<'_>,
) -> WriteResult {
    let lower = name.to_ascii_lowercase();
    let known = ALLOWED.binary_search_by(|known| known.cmp(&lower.as_str())).ok().and_then(|at| ALLOWED.get(at));
    let known = known.filter(|known| !INTERNAL.contains(known)).ok_or_else(|| unknown(name))?;
    writer.push(known);
    writer.push("(");
    if let Some(list) = list {
        if list.duplicate_treatment == Some(DuplicateTreatment::Distinct) {
            writer.push("DISTINCT ");
        }
        if !list.clauses.is_empty() {
            return Err(unsupported("this clause in a call"));
        }
    }
    match values {
        Arguments::Star => {
            writer.push("*)");
            Ok(())
        }
        Arguments::Plain(values) => writer.call(values),
    }
}

/// Writes a call that has another form in SQLite; false where it has none.
fn special(
    name: &str,
    values: &[&Expr],
    list: Option<&FunctionArgumentList>,
    writer: &mut Writer<'_>,
) -> Result<bool, SqlError> {
    let (start, values): (&'static str, Vec<&Expr>) = match (name, values) {
        ("DATE_ADD" | "ADDDATE", [base, Expr::Interval(interval)]) => {
            return writer.shifted_date(base, interval, "").map(|()| true);
        }
        ("DATE_SUB" | "SUBDATE", [base, Expr::Interval(interval)]) => {
            return writer.shifted_date(base, interval, "-").map(|()| true);
        }
        ("CURRENT_TIMESTAMP" | "LOCALTIME" | "LOCALTIMESTAMP" | "SYSDATE" | "NOW" | "UTC_TIMESTAMP", _) => {
            ("now(", Vec::new())
        }
        ("CURRENT_DATE" | "CURDATE" | "UTC_DATE", _) => ("curdate(", Vec::new()),
        ("CURRENT_TIME" | "CURTIME" | "UTC_TIME", _) => ("curtime(", Vec::new()),
        // SQLite has these names with other meanings.
        ("LENGTH" | "OCTET_LENGTH", [_]) => ("octet_length(", values.to_vec()),
        ("CHAR_LENGTH" | "CHARACTER_LENGTH", [_]) => ("length(", values.to_vec()),
        ("CONCAT" | "CONCAT_WS", values) if values.len() > 1 => return concatenation(name, values, writer),
        ("IF", [_, _, _]) => ("iif(", values.to_vec()),
        ("ISNULL", [value]) => {
            writer.push("((");
            writer.expression(value)?;
            writer.push(") IS NULL)");
            return Ok(true);
        }
        ("GREATEST", values) if values.len() > 1 => ("max(", values.to_vec()),
        ("LEAST", values) if values.len() > 1 => ("min(", values.to_vec()),
        ("LOCATE", [needle, text]) => ("instr(", vec![text, needle]),
        // SQLite accepts a second argument and then takes time in proportion to the product of their lengths.
        ("LTRIM" | "RTRIM" | "UNHEX", values) if values.len() != 1 => {
            let message = format!("Incorrect parameter count in the call to native function '{name}'");
            return Err(SqlError::new(1582, b"42000", message));
        }
        ("MID", values) => ("substr(", values.to_vec()),
        ("LCASE", [_]) => ("lower(", values.to_vec()),
        ("UCASE", [_]) => ("upper(", values.to_vec()),
        ("DATE", [_]) => ("date(", values.to_vec()),
        ("VALUES", [Expr::Identifier(column)]) if writer.upsert.is_some() => {
            writer.push("excluded.");
            return writer.name(&column.value).map(|()| true);
        }
        ("VALUES", [Expr::CompoundIdentifier(names)]) if writer.upsert.is_some() => {
            writer.push("excluded.");
            let column = names.last().map(|last| last.value.clone()).unwrap_or_default();
            return writer.name(&column).map(|()| true);
        }
        ("ANY_VALUE", [value]) => return writer.operand(value).map(|()| true),
        (
            "YEAR" | "MONTH" | "DAY" | "DAYOFMONTH" | "HOUR" | "MINUTE" | "SECOND" | "MICROSECOND" | "QUARTER",
            [value],
        ) => {
            writer.push("date_part(");
            writer.text(name);
            writer.push(", ");
            return writer.call(&[value]).map(|()| true);
        }
        ("JSON_ARRAYAGG", [_]) => ("json_group_array(", values.to_vec()),
        ("JSON_OBJECTAGG", [_, _]) => ("json_group_object(", values.to_vec()),
        ("GROUP_CONCAT", [value]) => return group_concat(value, list, writer).map(|()| true),
        _ => return Ok(false),
    };
    writer.push(start);
    writer.call(&values).map(|()| true)
}

/// The most arguments of a call in SQLite.
const MOST_ARGUMENTS: usize = 100;

/// Writes CONCAT and CONCAT_WS. A long list of arguments becomes nested calls, because SQLite limits their number.
fn concatenation(name: &str, values: &[&Expr], writer: &mut Writer<'_>) -> Result<bool, SqlError> {
    if values.len() <= MOST_ARGUMENTS || name == "CONCAT_WS" {
        return Ok(false);
    }
    writer.push("concat(");
    writer.list(values.chunks(values.len().div_ceil(MOST_ARGUMENTS).max(2)), |writer, chunk| {
        writer.nested(|writer| {
            if concatenation(name, chunk, writer)? {
                return Ok(());
            }
            writer.push("concat(");
            writer.call(chunk)
        })
    })?;
    writer.push(")");
    Ok(true)
}

fn group_concat(value: &Expr, list: Option<&FunctionArgumentList>, writer: &mut Writer<'_>) -> WriteResult {
    let is_distinct = list.is_some_and(|list| list.duplicate_treatment == Some(DuplicateTreatment::Distinct));
    let mut separator = None;
    let mut order = None;
    for clause in list.map_or(&[][..], |list| list.clauses.as_slice()) {
        match clause {
            FunctionArgumentClause::Separator(text) => separator = text.value.clone().into_string(),
            FunctionArgumentClause::OrderBy(by) => order = Some(by),
            other => return Err(unsupported(&format!("GROUP_CONCAT(… {other})"))),
        }
    }
    writer.push(if is_distinct { "group_concat(DISTINCT " } else { "group_concat(" });
    writer.expression(value)?;
    // SQLite takes no separator with DISTINCT. Its own is a comma, like MySQL's default.
    match separator {
        Some(separator) if is_distinct && separator != "," => {
            return Err(unsupported("GROUP_CONCAT(DISTINCT … SEPARATOR …)"));
        }
        Some(separator) if !is_distinct => {
            writer.push(", ");
            writer.text(&separator);
        }
        _ => {}
    }
    if let Some(order) = order {
        writer.ordering(order)?;
    }
    writer.push(")");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_functions_is_sorted_and_holds_the_internal_ones() {
        assert!(ALLOWED.is_sorted());
        assert!(INTERNAL.iter().all(|name| is_allowed(name)));
        for name in
            ["load_extension", "sqlite_version", "fts3_tokenizer", "readfile", "sqlite_log", "last_insert_rowid"]
        {
            assert!(!is_allowed(name), "{name}");
        }
    }
}
