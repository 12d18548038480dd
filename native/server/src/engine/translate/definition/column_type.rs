//! The limits of a column's type and default, which are MySQL's. SQLite has none, but a replica refuses a definition that breaks them.

use sealwire_core::error::SqlError;
use sqlparser::ast::{
    ColumnDef, ColumnOption, DataType, EnumMember, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
    UnaryOperator, Value,
};

use super::super::errors::unsupported;
use super::super::names::last_part;
use crate::engine::types::DeclaredType;
use crate::sql::TextCharset;
use crate::sql::general_ci::folded;

/// How many numbers may stand in the parentheses behind a type, and what follows them.
struct Grammar {
    names: &'static [&'static str],
    fewest: usize,
    most: usize,
    is_number: bool,
}

/// The types that MySQL and MariaDB read. The parser reads those of other databases, too.
const TYPES: [Grammar; 7] = [
    Grammar {
        names: &[
            "TINYINT",
            "SMALLINT",
            "MEDIUMINT",
            "MIDDLEINT",
            "INT",
            "INTEGER",
            "BIGINT",
            "INT1",
            "INT2",
            "INT3",
            "INT4",
            "INT8",
        ],
        fewest: 0,
        most: 1,
        is_number: true,
    },
    Grammar { names: &["DECIMAL", "NUMERIC", "DEC", "FIXED", "FLOAT"], fewest: 0, most: 2, is_number: true },
    Grammar { names: &["DOUBLE", "DOUBLE PRECISION", "REAL"], fewest: 0, most: 2, is_number: true },
    Grammar {
        names: &[
            "CHAR",
            "CHARACTER",
            "NCHAR",
            "BINARY",
            "BIT",
            "TEXT",
            "BLOB",
            "TIME",
            "DATETIME",
            "TIMESTAMP",
            "YEAR",
        ],
        fewest: 0,
        most: 1,
        is_number: false,
    },
    Grammar {
        names: &["VARCHAR", "CHARACTER VARYING", "CHAR VARYING", "NVARCHAR", "VARBINARY"],
        fewest: 1,
        most: 1,
        is_number: false,
    },
    Grammar {
        names: &[
            "BOOL",
            "BOOLEAN",
            "DATE",
            "JSON",
            "UUID",
            "LONG",
            "TINYTEXT",
            "MEDIUMTEXT",
            "LONGTEXT",
            "TINYBLOB",
            "MEDIUMBLOB",
            "LONGBLOB",
        ],
        fewest: 0,
        most: 0,
        is_number: false,
    },
    Grammar {
        names: &[
            "GEOMETRY",
            "POINT",
            "LINESTRING",
            "POLYGON",
            "MULTIPOINT",
            "MULTILINESTRING",
            "MULTIPOLYGON",
            "GEOMETRYCOLLECTION",
        ],
        fewest: 0,
        most: 0,
        is_number: false,
    },
];

/// Checks the type of a column.
///
/// # Errors
/// 1064 for a type of another database, 1063, 1074, 1425, 1426, 1427, 1439 and 1818 for numbers out of range, 1097, 1291, 1367 and 3505 for
/// members of ENUM and SET. The members of a source's column, whose collation may tell them apart, are taken (`is_replicated`).
pub(super) fn check(column: &ColumnDef, charset: TextCharset, is_replicated: bool) -> Result<(), SqlError> {
    let name = &column.name.value;
    match &column.data_type {
        DataType::Enum(members, None) => {
            let names = members.iter().map(|member| match member {
                EnumMember::Name(name) => Ok(name.as_str()),
                EnumMember::NamedValue(..) => Err(not_mysqls(&column.data_type)),
            });
            let names = names.collect::<Result<Vec<_>, _>>()?;
            check_members(name, &names, MOST_OF_ENUM, false)?;
            return if is_replicated { Ok(()) } else { refuse_doubles(name, &names, "ENUM") };
        }
        DataType::Set(members) => {
            let names: Vec<&str> = members.iter().map(String::as_str).collect();
            check_members(name, &names, MOST_OF_SET, true)?;
            return if is_replicated { Ok(()) } else { refuse_doubles(name, &names, "SET") };
        }
        _ => {}
    }
    let text = column.data_type.to_string().to_ascii_uppercase();
    let (kind, numbers) = read(&text).ok_or_else(|| not_mysqls(&column.data_type))?;
    let first = numbers.first().copied();
    let too_wide = |most: u64| {
        let message = format!("Display width out of range for column '{name}' (max = {most})");
        Err(SqlError::new(1439, b"42000", message))
    };
    let too_long = |most: u64| {
        let message = format!("Column length too big for column '{name}' (max = {most}); use BLOB or TEXT instead");
        Err(SqlError::new(1074, b"42000", message))
    };
    let is_over = |most: u64| first.is_some_and(|number| number > most);
    match kind {
        "BIT" if is_over(64) => too_wide(64),
        "BIT" if first == Some(0) => Err(SqlError::new(3013, b"HY000", format!("Invalid size for column '{name}'."))),
        "YEAR" if first.is_some_and(|digits| digits != 4) => {
            Err(SqlError::new(1818, b"HY000", "Supports only YEAR or YEAR(4) column."))
        }
        "FLOAT" | "DOUBLE" | "DOUBLE PRECISION" | "REAL" | "DECIMAL" | "NUMERIC" | "DEC" | "FIXED" => {
            check_fraction(name, kind, &numbers)
        }
        "CHAR" | "CHARACTER" | "NCHAR" | "BINARY" if is_over(255) => too_long(255),
        "VARBINARY" if is_over(LONGEST) => too_long(LONGEST),
        "VARCHAR" | "CHARACTER VARYING" | "CHAR VARYING" | "NVARCHAR" => {
            let most = LONGEST / u64::from(charset.bytes_of_a_character());
            if is_over(most) { too_long(most) } else { Ok(()) }
        }
        "TEXT" | "BLOB" if is_over(u32::MAX.into()) => too_wide(u32::MAX.into()),
        "TIME" | "DATETIME" | "TIMESTAMP" if is_over(6) => Err(too_precise(name, first.unwrap_or_default(), 6)),
        "VARBINARY" | "TEXT" | "BLOB" | "TIME" | "DATETIME" | "TIMESTAMP" | "YEAR" | "BIT" => Ok(()),
        _ if is_over(255) => too_wide(255),
        _ => Ok(()),
    }
}

/// The most bytes of VARCHAR and VARBINARY in MariaDB; three more in MySQL.
const LONGEST: u64 = 65_532;
const MOST_OF_ENUM: usize = 65_535;
const MOST_OF_SET: usize = 64;
/// The most characters of a member.
const LONGEST_MEMBER: usize = 255;

/// The error for a type that is not implemented, or that is MySQL's with other parentheses and words.
fn not_mysqls(kind: &DataType) -> SqlError {
    let text = kind.to_string();
    let first = text.split(['(', ' ', '[']).next().unwrap_or_default().to_ascii_uppercase();
    if TYPES.iter().any(|grammar| grammar.names.contains(&first.as_str())) {
        return SqlError::syntax(format!("'{kind}' is no type of MySQL's with such parentheses and words"));
    }
    unsupported(&text)
}

fn too_precise(name: &str, digits: u64, most: u64) -> SqlError {
    SqlError::new(1426, b"42000", format!("Too-big precision {digits} specified for '{name}'. Maximum is {most}."))
}

/// A type's name and its numbers; `None` where it is not MySQL's.
fn read(text: &str) -> Option<(&'static str, Vec<u64>)> {
    let (front, rest) = text.split_once('(').unwrap_or((text, ""));
    let (numbers, behind) = rest.split_once(')').unwrap_or((rest, ""));
    let numbers: Vec<u64> = match numbers {
        "" => Vec::new(),
        list => list.split(',').map(|number| number.trim().parse().ok()).collect::<Option<_>>()?,
    };
    let is_sign = |word: &&str| matches!(*word, "UNSIGNED" | "SIGNED" | "ZEROFILL");
    let (mut names, mut signs) = (Vec::new(), 0);
    for word in front.split_whitespace() {
        if is_sign(&word) { signs += 1 } else { names.push(word) }
    }
    for word in behind.split_whitespace() {
        if is_sign(&word) { signs += 1 } else { return None }
    }
    let name = names.join(" ");
    let grammar = TYPES.iter().find(|grammar| grammar.names.contains(&name.as_str()))?;
    let known = grammar.names.iter().find(|known| **known == name)?;
    // DOUBLE(5) is FLOAT's notation alone.
    let is_half = matches!(*known, "DOUBLE" | "DOUBLE PRECISION" | "REAL") && numbers.len() == 1;
    let fits =
        (grammar.fewest..=grammar.most).contains(&numbers.len()) && (grammar.is_number || signs == 0) && !is_half;
    fits.then_some((known, numbers))
}

/// Checks precision and scale.
fn check_fraction(name: &str, kind: &str, numbers: &[u64]) -> Result<(), SqlError> {
    let is_decimal = !matches!(kind, "FLOAT" | "DOUBLE" | "DOUBLE PRECISION" | "REAL");
    let most = if is_decimal { 65 } else { 255 };
    match *numbers {
        [precision] if !is_decimal && precision > 53 => {
            Err(SqlError::new(1063, b"42000", format!("Incorrect column specifier for column '{name}'")))
        }
        [_, scale] if scale > 30 => Err(SqlError::new(
            1425,
            b"42000",
            format!("Too big scale {scale} specified for column '{name}'. Maximum is 30."),
        )),
        [precision, ..] if is_decimal && precision > most => Err(too_precise(name, precision, most)),
        [width, _] if width > most => {
            Err(SqlError::new(1439, b"42000", format!("Display width out of range for column '{name}' (max = {most})")))
        }
        [0, 0] if is_decimal => Ok(()),
        [precision, scale] if scale > precision => Err(SqlError::new(
            1427,
            b"42000",
            format!("For float(M,D), double(M,D) or decimal(M,D), M must be >= D (column '{name}')."),
        )),
        _ => Ok(()),
    }
}

fn check_members(name: &str, members: &[&str], most: usize, is_set: bool) -> Result<(), SqlError> {
    let kind = if is_set { "SET" } else { "ENUM" };
    if members.len() > most {
        return Err(SqlError::new(1097, b"HY000", format!("Too many strings for column {name} and {kind}")));
    }
    for member in members {
        if member.chars().count() > LONGEST_MEMBER {
            return Err(SqlError::new(3505, b"HY000", format!("Too long enumeration/set value for column {name}.")));
        }
        if is_set && member.contains(',') {
            return Err(SqlError::new(1367, b"22007", format!("Illegal set '{member}' value found during parsing")));
        }
    }
    Ok(())
}

fn refuse_doubles(name: &str, members: &[&str], kind: &str) -> Result<(), SqlError> {
    let mut seen = std::collections::BTreeSet::new();
    match members.iter().find(|member| !seen.insert(folded(member))) {
        Some(member) => {
            let message = format!("Column '{name}' has duplicated value '{member}' in {kind}");
            Err(SqlError::new(1291, b"HY000", message))
        }
        None => Ok(()),
    }
}

/// Checks the default and ON UPDATE of a column, as far as the statement tells. A literal is tried once the column exists.
///
/// # Errors
/// 1064 for an expression without parentheses, 1067, 1221 and 1294.
pub(super) fn check_default(column: &ColumnDef, is_auto_increment: bool) -> Result<(), SqlError> {
    let name = &column.name.value;
    let invalid = || SqlError::new(1067, b"42000", format!("Invalid default value for '{name}'"));
    let has = |wanted: fn(&ColumnOption) -> bool| column.options.iter().any(|option| wanted(&option.option));
    for option in &column.options {
        match &option.option {
            ColumnOption::Default(_) if is_auto_increment => return Err(invalid()),
            ColumnOption::Default(_) if has(|option| matches!(option, ColumnOption::Generated { .. })) => {
                return Err(SqlError::new(1221, b"HY000", "Incorrect usage of DEFAULT and generated column"));
            }
            ColumnOption::Default(value)
                if is_null(value)
                    && has(|option| matches!(option, ColumnOption::NotNull | ColumnOption::PrimaryKey(_))) =>
            {
                return Err(invalid());
            }
            ColumnOption::Default(value) if is_null(value) => {}
            ColumnOption::Default(_) if is_geometry(&column.data_type) => {
                let message = format!("BLOB, TEXT, GEOMETRY or JSON column '{name}' can't have a default value");
                return Err(SqlError::new(1101, b"42000", message));
            }
            ColumnOption::Default(Expr::Value(value)) if is_bytes(&value.value) && !may_be_bytes(&column.data_type) => {
                return Err(invalid());
            }
            ColumnOption::Default(value) => match now(value) {
                Some(digits) if digits == digits_of_time(&column.data_type) => {}
                Some(_) => return Err(invalid()),
                None if is_simple(value) => {}
                None => {
                    let message = format!("The default of '{name}' is an expression, which must stand in parentheses");
                    return Err(SqlError::syntax(message));
                }
            },
            ColumnOption::OnUpdate(value) => {
                let digits = digits_of_time(&column.data_type);
                if digits.is_none() || now(value) != Some(digits) {
                    return Err(SqlError::new(1294, b"HY000", format!("Invalid ON UPDATE clause for '{name}' column")));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

const fn is_bytes(value: &Value) -> bool {
    matches!(value, Value::HexStringLiteral(_) | Value::SingleQuotedByteStringLiteral(_))
}

/// Whether `X'…'` may be the default of a column of this type.
fn may_be_bytes(kind: &DataType) -> bool {
    const KINDS: [&str; 9] =
        ["BINARY", "VARBINARY", "BIT", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB", "CHAR", "VARCHAR"];
    DeclaredType::from_mysql(kind).is_some_and(|kind| KINDS.contains(&kind.name()))
}

fn is_geometry(kind: &DataType) -> bool {
    DeclaredType::from_mysql(kind).is_some_and(|kind| kind.is_geometry())
}

fn is_null(value: &Expr) -> bool {
    matches!(value, Expr::Value(value) if value.value == Value::Null)
}

/// Whether a default may stand without parentheses.
fn is_simple(value: &Expr) -> bool {
    match value {
        Expr::Value(_) | Expr::Nested(_) | Expr::TypedString(_) | Expr::Function(_) | Expr::Prefixed { .. } => true,
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => {
            matches!(expr.as_ref(), Expr::Value(_))
        }
        _ => false,
    }
}

/// The digits of the fraction in NOW(3); the outer `None` for another expression, the inner one for a form that is not MySQL's.
fn now(value: &Expr) -> Option<Option<u64>> {
    let Expr::Function(function) = value else { return None };
    let name = last_part(&function.name);
    if !["NOW", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP"].iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return None;
    }
    Some(match &function.args {
        FunctionArguments::None => Some(0),
        FunctionArguments::List(list) => match list.args.as_slice() {
            [] => Some(0),
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(digits)))] => digits.to_string().parse().ok(),
            _ => None,
        },
        FunctionArguments::Subquery(_) => None,
    })
}

/// The digits of a DATETIME's or TIMESTAMP's fraction; `None` for another type.
const fn digits_of_time(kind: &DataType) -> Option<u64> {
    match kind {
        DataType::Datetime(digits) | DataType::Timestamp(digits, _) => Some(match digits {
            Some(digits) => *digits,
            None => 0,
        }),
        _ => None,
    }
}
