//! A column of CREATE TABLE, or of ALTER TABLE … ADD COLUMN.

use sealwire_core::error::SqlError;
use sqlparser::ast::{
    CheckConstraint, ColumnDef, ColumnOption, DataType, EnumMember, Expr, GeneratedExpressionMode, Ident,
    UnaryOperator, Value,
};
use sqlparser::tokenizer::Token;

use super::super::errors::unsupported;
use super::super::names::last_part;
use super::super::writer::{WriteResult, Writer, check_new_column, check_new_name};
use super::origin::Origin;
use super::{column_type, grammar, replicable, stored_expression};
use crate::engine::annotations::{Annotation, Annotations};
use crate::engine::types::DeclaredType;
use crate::sql::charset::{collation_of_another, default_collation};
use crate::sql::collations::{self, compares_bytes};
use crate::sql::{AsciiCase, TextCharset, text_literal};

/// The table that gets a column.
#[derive(Clone, Copy)]
pub(super) struct OfTable {
    /// The character set of the table.
    pub(super) set: TextCharset,
    /// The same of a new table; `None` where the table exists.
    pub(super) charset: Option<TextCharset>,
    /// Whether the definition names a collation for the table, or has that of the database.
    pub(super) is_collated: bool,
    /// Whether texts that name neither are compared by their bytes.
    pub(super) compares_bytes: bool,
    /// Whether the source of these texts tells some apart by the case of ASCII letters.
    pub(super) tells_case: bool,
}

impl OfTable {
    /// The table of this character set and this collation.
    pub(super) fn new(charset: TextCharset, collation: Option<&str>, is_new: bool, writer: &Writer<'_>) -> Self {
        let kept = collation.filter(|collation| writer.keeps_collation(collation));
        Self {
            set: charset,
            charset: is_new.then_some(charset),
            is_collated: collation.is_some(),
            compares_bytes: kept.map_or(charset == TextCharset::Binary, compares_bytes),
            tells_case: collation.is_some_and(tells_case),
        }
    }
}

/// The collation that a column names.
fn collation_of(column: &ColumnDef) -> Option<&str> {
    column.options.iter().find_map(|option| match &option.option {
        ColumnOption::Collation(own) => Some(last_part(own)),
        _ => None,
    })
}

fn tells_case(collation: &str) -> bool {
    AsciiCase::of(collation) != AsciiCase::Ignored
}

pub(super) fn column(
    column: &ColumnDef,
    is_auto_increment: bool,
    of_table: OfTable,
    origin: &Origin<'_>,
    writer: &mut Writer<'_>,
) -> WriteResult {
    let name = &column.name.value;
    check_new_column(name)?;
    let named = charset_of(column, of_table, writer)?;
    let charset = named.or(of_table.charset);
    column_type::check(column, charset.unwrap_or_default(), writer.scope.is_replicated)?;
    column_type::check_default(column, is_auto_increment)?;
    check_options(column, writer)?;
    let declared = DeclaredType::from_mysql(&column.data_type);
    let declared = declared.ok_or_else(|| unsupported(&column.data_type.to_string()))?;
    let declared = sized(declared, charset)?;
    let noted = charset.filter(|_| charset != of_table.charset || named.is_some() && of_table.is_collated);
    let set = charset.unwrap_or(of_table.set);
    let annotations = annotations_of(column, (&declared, noted, set), is_auto_increment, origin)?;
    writer.name(name)?;
    // Not behind the type, because SQLite counts all up to GENERATED ALWAYS as the type, which decides how it keeps values.
    writer.annotations(&annotations);
    if is_auto_increment {
        if !declared.is_integer() {
            return Err(SqlError::new(1063, b"42000", format!("Incorrect column specifier for column '{name}'")));
        }
        writer.push(" INTEGER");
        writer.push(" PRIMARY KEY AUTOINCREMENT");
        return Ok(());
    }
    writer.push(" ");
    writer.append(&declared.to_sqlite());
    let collation = collation_of(column);
    let is_binary = match (collation, named) {
        (Some(collation), _) => compares_bytes(collation),
        (None, Some(charset)) => charset == TextCharset::Binary,
        (None, None) => of_table.compares_bytes,
    };
    let ignores_case = declared.is_text() && !is_binary;
    let tells_case = match (collation, named) {
        (Some(collation), _) => tells_case(collation),
        (None, Some(_)) => false,
        (None, None) => of_table.tells_case,
    };
    let is_keyed_by_bytes = writer.scope.is_replicated
        && ignores_case
        && tells_case
        && !matches!(column.data_type, DataType::Enum(..) | DataType::Set(_));
    if is_keyed_by_bytes {
        writer.keyed_by_bytes.push(name.clone());
    }
    for option in &column.options {
        match &option.option {
            ColumnOption::NotNull => writer.push(" NOT NULL"),
            ColumnOption::Default(value) => {
                writer.push(" DEFAULT ");
                match text_of_time(column, value) {
                    Some(text) => writer.text(&text),
                    None => default_value(value, writer)?,
                }
            }
            // CREATE TABLE writes the key behind the columns.
            ColumnOption::PrimaryKey(_) if is_keyed_by_bytes => writer.push(" NOT NULL"),
            ColumnOption::PrimaryKey(_) => writer.push(" PRIMARY KEY NOT NULL"),
            // CREATE TABLE makes an index, which keeps its name when the column gets another one.
            ColumnOption::Unique(_) if of_table.charset.is_some() => {}
            ColumnOption::Unique(_) => writer.push(" UNIQUE"),
            ColumnOption::Check(constraint) => {
                check(constraint, constraint.name.as_ref().or(option.name.as_ref()), writer)?;
            }
            ColumnOption::Generated { generation_expr: Some(value), generation_expr_mode, .. } => {
                writer.push(" GENERATED ALWAYS AS (");
                writer.expression(value)?;
                writer.push(if *generation_expr_mode == Some(GeneratedExpressionMode::Stored) {
                    ") STORED"
                } else {
                    ")"
                });
            }
            // SQLite has no use for these options.
            ColumnOption::DialectSpecific(_)
            | ColumnOption::Null
            | ColumnOption::Comment(_)
            | ColumnOption::Collation(_)
            | ColumnOption::CharacterSet(_)
            | ColumnOption::OnUpdate(_) => {}
            other => return Err(unsupported(&other.to_string())),
        }
    }
    if let DataType::Enum(members, _) = &column.data_type {
        writer.push(" CHECK (");
        writer.name(name)?;
        writer.push(" IN (");
        writer.list(members, |writer, (EnumMember::Name(member) | EnumMember::NamedValue(member, _))| {
            writer.text(member);
            Ok(())
        })?;
        writer.push("))");
    }
    if ignores_case {
        writer.push(" COLLATE NOCASE");
    }
    Ok(())
}

/// Checks the options of a column that the parser reads of other databases, and those that MariaDB lacks.
fn check_options(column: &ColumnDef, writer: &Writer<'_>) -> WriteResult {
    let is_generated = column.options.iter().any(|option| matches!(option.option, ColumnOption::Generated { .. }));
    let is_text = DeclaredType::from_mysql(&column.data_type).is_some_and(|kind| kind.is_text());
    for (at, option) in column.options.iter().enumerate() {
        match &option.option {
            ColumnOption::CharacterSet(_) if at > 0 || !is_text || is_national(&column.data_type) => {
                return Err(SqlError::syntax("CHARACTER SET stands behind the type of a text, before all else"));
            }
            ColumnOption::Collation(collation)
                if last_part(collation).eq_ignore_ascii_case("binary")
                    && column.options.iter().take(at).any(|before| !is_of_type(&before.option)) =>
            {
                return Err(SqlError::syntax("COLLATE binary stands behind the type of a column"));
            }
            ColumnOption::Collation(_) if !is_text => {
                return Err(SqlError::syntax("Only a text has a COLLATE"));
            }
            ColumnOption::Generated { .. }
                if column.options.iter().take(at).any(|before| !is_of_type(&before.option)) =>
            {
                return Err(SqlError::syntax("GENERATED ALWAYS AS stands behind the type of a column"));
            }
            ColumnOption::Generated { generation_expr: Some(value), generation_expr_mode, .. } => {
                stored_expression::check(value, stored_expression::Use::Generated, &column.name.value, writer)?;
                let is_stored = *generation_expr_mode == Some(GeneratedExpressionMode::Stored);
                let place = if is_stored { replicable::Place::Stored } else { replicable::Place::Computed };
                replicable::check(value, place, writer)?;
            }
            // A number alone is a constant, which is checked with its column.
            ColumnOption::Default(value) if !matches!(value, Expr::Value(_) | Expr::UnaryOp { .. }) => {
                replicable::check(value, replicable::Place::Default, writer)?;
            }
            ColumnOption::Check(check) => {
                grammar::check_constraint(check, writer)?;
                if at + 1 < column.options.len() {
                    writer.refuse_for_mariadb("a CHECK that is not the last part of its column")?;
                }
                if option.name.is_some() {
                    writer.refuse_for_mariadb("the name of a column's CHECK")?;
                }
            }
            _ if option.name.is_some() => return Err(SqlError::syntax("Only a CHECK of a column has a name")),
            ColumnOption::NotNull | ColumnOption::Null if is_generated => {
                writer.refuse_for_mariadb("NOT NULL and NULL of a generated column")?;
            }
            ColumnOption::PrimaryKey(key) if key.characteristics.is_some() => {
                return Err(SqlError::syntax("A PRIMARY KEY can't be deferred"));
            }
            ColumnOption::Unique(key) if key.characteristics.is_some() => {
                return Err(SqlError::syntax("A UNIQUE key can't be deferred"));
            }
            ColumnOption::Comment(text) if text.chars().count() > LONGEST_COMMENT => {
                let message =
                    format!("Comment for field '{}' is too long (max = {LONGEST_COMMENT})", column.name.value);
                return Err(SqlError::new(1629, b"HY000", message));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether an option belongs to the type.
const fn is_of_type(option: &ColumnOption) -> bool {
    matches!(option, ColumnOption::CharacterSet(_) | ColumnOption::Collation(_))
}

/// Whether the type is NCHAR or NVARCHAR, which have a character set of their own.
fn is_national(kind: &DataType) -> bool {
    let text = kind.to_string();
    let begins = |front: &str| text.get(..front.len()).is_some_and(|own| own.eq_ignore_ascii_case(front));
    begins("NCHAR") || begins("NVARCHAR")
}

/// The most characters of a column's comment.
const LONGEST_COMMENT: usize = 1024;

/// The kind of TEXT or BLOB that holds the length in its parentheses.
///
/// # Errors
/// 1235 where the kind depends on the character set of the table, which is not known here.
fn sized(declared: DeclaredType, charset: Option<TextCharset>) -> Result<DeclaredType, SqlError> {
    let widest = TextCharset::Utf8mb4.bytes_of_a_character();
    let bytes = charset.map(TextCharset::bytes_of_a_character);
    let (one, other) = (declared.sized(bytes.unwrap_or(widest)), declared.sized(bytes.unwrap_or(1)));
    if one == other {
        return Ok(one);
    }
    Err(unsupported("TEXT with a length and without a character set; write TINYTEXT, TEXT or MEDIUMTEXT"))
}

/// The annotations of a column, which hold the facts that SHOW CREATE TABLE prints and SQLite does not know.
fn annotations_of(
    column: &ColumnDef,
    (declared, charset, set): (&DeclaredType, Option<TextCharset>, TextCharset),
    is_auto_increment: bool,
    origin: &Origin<'_>,
) -> Result<Annotations, SqlError> {
    let mut annotations = Annotations::default();
    let list = |members: Vec<&String>| members.into_iter().map(|member| text_literal(member)).collect::<Vec<_>>();
    match &column.data_type {
        DataType::Enum(members, _) => {
            let names = members.iter().map(|(EnumMember::Name(name) | EnumMember::NamedValue(name, _))| name);
            annotations.add(Annotation::Type, format!("enum({})", list(names.collect()).join(",")));
        }
        DataType::Set(members) => {
            annotations.add(Annotation::Type, format!("set({})", list(members.iter().collect()).join(",")));
        }
        _ if is_auto_increment => annotations.add(Annotation::Type, declared.to_mysql()),
        _ => {}
    }
    if let Some(charset) = charset.filter(|_| declared.is_text()) {
        annotations.add(Annotation::Charset, charset.name());
    }
    let mut checks = origin.range.clone();
    for option in &column.options {
        match &option.option {
            ColumnOption::Default(value) => {
                let text = match text_of_time(column, value) {
                    Some(text) => text_literal(&text),
                    None => origin.source.expression(origin.behind("DEFAULT"), value)?,
                };
                annotations.add(Annotation::Default, text);
            }
            ColumnOption::OnUpdate(value) => {
                let behind = origin.behind("ON").and_then(|range| origin.source.behind(&range, "UPDATE"));
                annotations.add(Annotation::OnUpdate, origin.source.expression(behind, value)?);
            }
            ColumnOption::Generated { generation_expr: Some(value), .. } => {
                annotations.add(Annotation::Generated, origin.source.expression(origin.group_behind("AS"), value)?);
            }
            ColumnOption::Collation(collation) => {
                annotations.add(Annotation::Collation, collations::whole_name(last_part(collation), set));
            }
            ColumnOption::Comment(text) => annotations.add(Annotation::Comment, text),
            ColumnOption::Check(constraint) => {
                let name = constraint.name.as_ref().or(option.name.as_ref());
                let one = Origin { source: origin.source, range: checks };
                annotations.add(Annotation::Check, one.check(constraint, name)?);
                checks = one.behind("CHECK");
            }
            _ => {}
        }
    }
    Ok(annotations)
}

/// The character set that a column names, itself or by its collation or its type.
///
/// # Errors
/// 1115 and 1273 for unknown names, 1253 for a collation of another set.
fn charset_of(column: &ColumnDef, of_table: OfTable, writer: &Writer<'_>) -> Result<Option<TextCharset>, SqlError> {
    let (mut named, mut collated) = (None, None);
    for option in &column.options {
        match &option.option {
            ColumnOption::CharacterSet(charset) => {
                default_collation(last_part(charset))?;
                named = TextCharset::named(last_part(charset));
            }
            ColumnOption::Collation(collation) => {
                writer.check_collation(last_part(collation))?;
                collated = Some(last_part(collation));
            }
            _ => {}
        }
    }
    let named = named.or_else(|| is_national(&column.data_type).then_some(TextCharset::Utf8mb3));
    let of_collation = collated.and_then(TextCharset::of_collation);
    let set = named.or(of_collation).unwrap_or(of_table.set);
    match collated.filter(|collation| !set.has_collation(collation)) {
        Some(collation) => Err(collation_of_another(collation, set.name())),
        None => Ok(named.or(of_collation)),
    }
}

/// The text of a whole number that is the default of a TIME: its digits are hours, minutes and seconds.
fn text_of_time(column: &ColumnDef, value: &Expr) -> Option<String> {
    let (sign, value) = match value {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => ("-", &**expr),
        value => ("", value),
    };
    let (DataType::Time(..), Expr::Value(value)) = (&column.data_type, value) else { return None };
    let Value::Number(digits, _) = &value.value else { return None };
    let number: u32 = digits.parse().ok()?;
    Some(format!("{sign}{:02}:{:02}:{:02}", number / 10_000, number / 100 % 100, number % 100))
}

fn default_value(value: &Expr, writer: &mut Writer<'_>) -> WriteResult {
    if matches!(value, Expr::Value(value) if matches!(value.value, Value::Number(..) | Value::Null)) {
        return writer.expression(value);
    }
    writer.push("(");
    writer.expression(value)?;
    writer.push(")");
    Ok(())
}

/// Whether a column has AUTO_INCREMENT. Such a column is SQLite's row number.
pub(super) fn is_auto_increment(column: &ColumnDef) -> bool {
    column.options.iter().any(|option| {
        matches!(&option.option, ColumnOption::DialectSpecific(tokens)
            if tokens.iter().any(|token| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case("AUTO_INCREMENT"))))
    })
}

/// Writes a CHECK constraint.
pub(super) fn check(check: &CheckConstraint, name: Option<&Ident>, writer: &mut Writer<'_>) -> WriteResult {
    if check.enforced == Some(false) {
        return Err(unsupported("CHECK … NOT ENFORCED"));
    }
    if let Some(name) = name {
        check_new_name(&name.value, 1059, "constraint")?;
        writer.push(" CONSTRAINT ");
        writer.name(&name.value)?;
    }
    writer.push(" CHECK (");
    writer.expression(&check.expr)?;
    writer.push(")");
    Ok(())
}
