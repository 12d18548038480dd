//! CREATE TABLE: columns, constraints and options.

use std::collections::BTreeSet;

use sealwire_accounts::Privilege;
use sealwire_binlog::Flavour;
use sealwire_core::error::SqlError;
use sqlparser::ast::{
    ColumnDef, ColumnOption, CommentDef, CreateTable, CreateTableLikeKind, CreateTableOptions, Expr, Ident,
    IndexColumn, SqlOption, TableConstraint, Value,
};

use super::super::errors::{MOST_KEYS, too_many_keys, unsupported};
use super::super::source::Source;
use super::super::translated::Collated;
use super::super::weight;
use super::super::writer::{READ, WriteResult, Writer, check_new_table};
use super::column::{self, OfTable, check, is_auto_increment};
use super::index::{IndexKind, IndexParts, column_name, index, key_part, key_parts};
use super::keys::{self, Place};
use super::origin::Origin;
use super::stored_expression::check_order;
use super::target::Target;
use super::{foreign_key, grammar};
use crate::engine::annotations::{Annotation, Annotations};
use crate::engine::types::DeclaredType;
use crate::sql::charset::default_collation;
use crate::sql::{TextCharset, backquoted, collations, text_literal};

/// The most foreign keys of a table. Each is looked up for each row that is changed, and compared with the others when the table is made.
const MOST_FOREIGN_KEYS: usize = 256;

/// Privileges of CREATE TABLE … SELECT, as mysqld demands them.
const CREATE_AND_FILL: &[Privilege] = &[Privilege::CREATE, Privilege::INSERT];
pub(super) fn create_table(
    create: &CreateTable,
    source: &Source<'_>,
    writer: &mut Writer<'_>,
    statements: &mut Vec<String>,
) -> WriteResult {
    if create.or_replace {
        return Err(unsupported("CREATE OR REPLACE TABLE"));
    }
    let (database, table) = writer.resolve(&create.name)?;
    check_new_table(&table)?;
    let table = Target { database, table, is_temporary: create.temporary, exists: false };
    if create.temporary {
        writer.require_on_database(&table.database, &[Privilege::CREATE_TEMPORARY_TABLES]);
        writer.creates.push((table.database.clone(), table.table.clone()));
    } else {
        let is_filled = create.query.is_some();
        writer.require(
            &table.database,
            &table.table,
            if is_filled { CREATE_AND_FILL } else { &[Privilege::CREATE] },
        )?;
    }
    table.note(writer);
    writer.is_conditional = create.if_not_exists;
    if let Some(CreateTableLikeKind::Plain(like) | CreateTableLikeKind::Parenthesized(like)) = &create.like {
        let (database, like) = writer.resolve(&like.name)?;
        if (&database, &like) == (&table.database, &table.table) && !create.if_not_exists {
            return Err(SqlError::new(1066, b"42000", format!("Not unique table/alias: '{like}'")));
        }
        if !writer.is_temporary(&database, &like) {
            writer.require(&database, &like, READ)?;
        }
        writer.like = Some((database, like));
        return Ok(());
    }
    writer.push("CREATE TABLE ");
    table.write(writer)?;
    if let Some(query) = &create.query {
        if !create.columns.is_empty() {
            return Err(unsupported("CREATE TABLE with columns and SELECT"));
        }
        writer.push(" AS ");
        writer.query(query)?;
        statements.push(writer.take());
        return Ok(());
    }
    let is_key = |constraint: &&TableConstraint| {
        matches!(constraint, TableConstraint::Unique(_) | TableConstraint::Index(_) | TableConstraint::PrimaryKey(_))
    };
    if create.constraints.iter().filter(is_key).count() > MOST_KEYS {
        return Err(too_many_keys());
    }
    let is_foreign_key = |constraint: &&TableConstraint| matches!(constraint, TableConstraint::ForeignKey(_));
    if create.constraints.iter().filter(is_foreign_key).count() > MOST_FOREIGN_KEYS {
        return Err(unsupported(&format!("a table with more than {MOST_FOREIGN_KEYS} foreign keys")));
    }
    weight::check_table(&create.columns, &create.constraints)?;
    let auto_increment =
        create.columns.iter().find(|column| is_auto_increment(column)).map(|column| column.name.value.as_str());
    check_keys(create, auto_increment, writer)?;
    check_order(&create.columns)?;
    let options = table_options(create, &table, writer)?;
    let charset = options.get(Annotation::Charset).and_then(TextCharset::named).unwrap_or_default();
    let of_table = OfTable::new(charset, options.get(Annotation::Collation), true, writer);
    let body = source.group(&source.all()).unwrap_or_default();
    let (columns, constraints) = source.columns_and_constraints(&body, &create.columns);
    let keys = keys::of_table(create, (&columns, &constraints), writer)?;
    let with_options = format!("{}{}", source.up_to_end(&body), logged_options(&options, writer)?);
    if create.table_options != CreateTableOptions::None || options != Annotations::default() {
        writer.logged_text = Some(with_options);
    } else {
        let text = collations::for_replicas(&with_options);
        writer.collated = Some(Collated { database: table.database.clone(), text });
    }
    writer.push(" (");
    writer.annotations(&options);
    let mut ranges = columns.into_iter();
    let primary: Vec<&str> = match create.constraints.iter().find_map(|constraint| match constraint {
        TableConstraint::PrimaryKey(key) => Some(&key.columns),
        _ => None,
    }) {
        Some(columns) => columns.iter().filter_map(column_name).collect(),
        None => Vec::new(),
    };
    writer.list(&create.columns, |writer, column| {
        let origin = Origin { source, range: ranges.next() };
        let name = column.name.value.as_str();
        let is_auto_increment = auto_increment == Some(name);
        column::column(column, is_auto_increment, of_table, &origin, writer)?;
        // SQLite takes NULL for a part of a primary key, unless it is the row's number.
        if !is_auto_increment && primary.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            writer.push(" NOT NULL");
        }
        Ok(())
    })?;
    let is_primary = |column: &&ColumnDef| {
        let is_key = |option: &ColumnOption| matches!(option, ColumnOption::PrimaryKey(_));
        column.options.iter().any(|option| is_key(&option.option))
    };
    if let Some(column) = create.columns.iter().find(is_primary)
        && writer.keyed_by_bytes.contains(&column.name.value)
    {
        writer.push(", PRIMARY KEY (");
        key_part(&IndexColumn::from(column.name.clone()), true, writer)?;
        writer.push(")");
    }
    for (number, constraint) in create.constraints.iter().enumerate() {
        let is_index = matches!(constraint, TableConstraint::Unique(_) | TableConstraint::Index(_));
        if !is_index {
            let origin = Origin { source, range: constraints.get(number).cloned() };
            table_constraint(constraint, auto_increment, &table, &origin, writer)?;
        }
    }
    writer.push(")");
    statements.push(writer.take());
    for key in keys.iter().filter(|key| !key.is_primary()) {
        // A key of a column, or one for a foreign key, has whole columns as its parts.
        let mut whole: Vec<IndexColumn> = Vec::new();
        let mut range = None;
        let (columns, kind) = match key.place {
            Place::Column(number) => {
                let column = create.columns.get(number).filter(|column| !is_auto_increment(column));
                whole.extend(column.map(|column| IndexColumn::from(column.name.clone())));
                (&whole, IndexKind::Unique)
            }
            Place::Constraint(number) => {
                let origin = Origin { source, range: constraints.get(number).cloned() };
                match create.constraints.get(number) {
                    Some(TableConstraint::Unique(unique)) => {
                        range = origin.parts(&unique.columns).range;
                        (&unique.columns, IndexKind::Unique)
                    }
                    Some(TableConstraint::Index(key)) => {
                        range = origin.parts(&key.columns).range;
                        (&key.columns, IndexKind::Plain)
                    }
                    Some(TableConstraint::ForeignKey(key)) => {
                        whole.extend(key.columns.iter().cloned().map(IndexColumn::from));
                        (&whole, IndexKind::ForForeignKey)
                    }
                    _ => continue,
                }
            }
        };
        if !columns.is_empty() {
            statements.push(index(&table, &key.name, &IndexParts { columns, source, range }, kind, writer)?);
        }
    }
    Ok(())
}

/// Checks the keys of a new table, as far as the statement tells. Their lengths are checked once the table exists.
///
/// # Errors
/// 1068 for two primary keys, 1072 for a column that does not exist, 1075 for AUTO_INCREMENT without a key of its own, 1283 for FULLTEXT of other
/// values than texts, and those of [`grammar::constraint`].
fn check_keys(create: &CreateTable, auto_increment: Option<&str>, writer: &Writer<'_>) -> WriteResult {
    let mut primary_keys = 0;
    // The first columns of all keys.
    let mut first = Vec::new();
    let mut checks = BTreeSet::new();
    // MariaDB refuses a CHECK with the name of a foreign key.
    for constraint in create.constraints.iter().filter(|_| writer.scope.log == Some(Flavour::MariaDb)) {
        if let TableConstraint::ForeignKey(key) = constraint {
            checks.extend(foreign_key::name_of(key, writer).map(|name| name.value.to_lowercase()));
        }
    }
    let mut check = |name: Option<&Ident>| match name {
        Some(name) if !checks.insert(name.value.to_lowercase()) => {
            Err(SqlError::new(1826, b"HY000", format!("Duplicate CHECK constraint name '{}'", name.value)))
        }
        _ => Ok(()),
    };
    for column in &create.columns {
        for option in &column.options {
            if let ColumnOption::Check(constraint) = &option.option {
                check(constraint.name.as_ref().or(option.name.as_ref()))?;
            }
            let is_primary = matches!(option.option, ColumnOption::PrimaryKey(_));
            primary_keys += usize::from(is_primary);
            if is_primary || matches!(option.option, ColumnOption::Unique(_)) {
                first.push(column.name.value.as_str());
            }
        }
    }
    let find = |name: &str| create.columns.iter().find(|column| column.name.value.eq_ignore_ascii_case(name));
    let missing = |name: &str| SqlError::new(1072, b"42000", format!("Key column '{name}' doesn't exist in table"));
    for constraint in &create.constraints {
        grammar::constraint(constraint, writer)?;
        let columns = match constraint {
            TableConstraint::PrimaryKey(key) => {
                primary_keys += 1;
                &key.columns
            }
            TableConstraint::Unique(key) => &key.columns,
            TableConstraint::Index(key) => &key.columns,
            TableConstraint::FulltextOrSpatial(key) => {
                for name in key.columns.iter().filter_map(column_name) {
                    let column = find(name).ok_or_else(|| missing(name))?;
                    check_full_text(column, key.fulltext)?;
                    // It is not kept here, so that the checks of kept values do not see it.
                    if column.options.iter().any(|option| matches!(option.option, ColumnOption::Generated { .. })) {
                        writer.refuse_for_mariadb("FULLTEXT and SPATIAL keys of generated columns")?;
                    }
                }
                continue;
            }
            TableConstraint::ForeignKey(key) => {
                if let Some(name) = key.columns.iter().find(|name| find(&name.value).is_none()) {
                    return Err(missing(&name.value));
                }
                continue;
            }
            TableConstraint::Check(constraint) => {
                check(constraint.name.as_ref())?;
                continue;
            }
            _ => continue,
        };
        first.extend(columns.first().and_then(column_name));
        if let Some(name) = columns.iter().filter_map(column_name).find(|name| find(name).is_none()) {
            return Err(missing(name));
        }
    }
    if primary_keys > 1 {
        return Err(SqlError::new(1068, b"42000", "Multiple primary key defined"));
    }
    let counters = create.columns.iter().filter(|column| is_auto_increment(column)).count();
    let is_key = |name: &str| first.iter().any(|first| first.eq_ignore_ascii_case(name));
    if counters > 1 || auto_increment.is_some_and(|name| !is_key(name)) {
        let message = "Incorrect table definition; there can be only one auto column and it must be defined as a key";
        return Err(SqlError::new(1075, b"42000", message));
    }
    Ok(())
}

/// Checks a column of a FULLTEXT or SPATIAL key. SQLite has neither, but a replica has.
fn check_full_text(column: &ColumnDef, is_full_text: bool) -> WriteResult {
    let name = &column.name.value;
    let kind = DeclaredType::from_mysql(&column.data_type);
    if is_full_text {
        let is_text = kind.is_some_and(|kind| kind.is_text() && !matches!(kind.name(), "ENUM" | "SET"));
        let message = format!("Column '{name}' cannot be part of FULLTEXT index");
        return if is_text { Ok(()) } else { Err(SqlError::new(1283, b"HY000", message)) };
    }
    let is_set = column.options.iter().any(|option| matches!(option.option, ColumnOption::NotNull));
    match kind {
        Some(kind) if !kind.is_geometry() => {
            let message = "A SPATIAL index may only contain a geometrical type column";
            Err(SqlError::new(1687, b"42000", message))
        }
        _ if !is_set => Err(SqlError::new(1252, b"42000", "All parts of a SPATIAL index must be NOT NULL")),
        _ => Ok(()),
    }
}

/// The engines that dumps and frameworks name. All of them are SQLite here.
const ENGINES: [&str; 17] = [
    "SQLite",
    "InnoDB",
    "MyISAM",
    "MEMORY",
    "HEAP",
    "CSV",
    "ARCHIVE",
    "BLACKHOLE",
    "MERGE",
    "MRG_MYISAM",
    "NDB",
    "NDBCLUSTER",
    "Aria",
    "Maria",
    "RocksDB",
    "TokuDB",
    "ColumnStore",
];

/// Annotations of a table's options. The engine must exist, and has no effect.
fn table_options(create: &CreateTable, table: &Target, writer: &mut Writer<'_>) -> Result<Annotations, SqlError> {
    let mut annotations = Annotations::default();
    let (mut charset, mut collation) = (None, None);
    let options = match &create.table_options {
        CreateTableOptions::Plain(options) => options.as_slice(),
        _ => &[],
    };
    for option in options {
        match option {
            SqlOption::Comment(CommentDef::WithEq(text) | CommentDef::WithoutEq(text)) => {
                if text.chars().count() > LONGEST_COMMENT {
                    let message = format!("Comment for table '{}' is too long (max = {LONGEST_COMMENT})", table.table);
                    return Err(SqlError::new(1628, b"HY000", message));
                }
                annotations.add(Annotation::Comment, text);
            }
            SqlOption::NamedParenthesizedList(list) if list.key.value == "ENGINE" => {
                let name = list.name.as_ref().map_or("", |name| name.value.as_str());
                if !ENGINES.iter().any(|engine| engine.eq_ignore_ascii_case(name)) {
                    return Err(SqlError::new(1286, b"42000", format!("Unknown storage engine '{name}'")));
                }
            }
            SqlOption::KeyValue { key, value } => {
                check_option(&key.value, value)?;
                if matches!(key.value.as_str(), "DATA DIRECTORY" | "INDEX DIRECTORY") {
                    writer.require_on_database(&table.database, &[Privilege::FILE]);
                    let message = format!("<{}> option ignored", key.value);
                    writer.notes.push(SqlError::new(1618, b"HY000", message));
                }
                let Some(name) = word(value) else { continue };
                if key.value.ends_with("COLLATE") {
                    writer.check_collation(name)?;
                    collation = Some(name);
                } else if key.value.ends_with("CHARSET") || key.value.ends_with("CHARACTER SET") {
                    default_collation(name)?;
                    charset = Some(name);
                }
            }
            _ => {}
        }
    }
    let chosen = match collations::chosen(charset, collation)? {
        Some(chosen) => Some(chosen),
        None => writer.scope.collations.of_database(&table.database)?,
    };
    if let Some(chosen) = chosen {
        let charset = TextCharset::of_collation(&chosen).unwrap_or_default();
        if charset != TextCharset::Utf8mb4 {
            annotations.add(Annotation::Charset, charset.name());
        }
        if collation.is_some() || Ok(&*chosen) != default_collation(charset.name()) {
            annotations.add(Annotation::Collation, chosen);
        }
    }
    Ok(annotations)
}

/// The options for the binary log: those that have an effect here. A replica may lack the engine, or its engine may lack keys, and a directory
/// would be made with the rights of its server. A collation whose weights are not known has none here, so replicas get the default.
fn logged_options(options: &Annotations, writer: &Writer<'_>) -> Result<String, SqlError> {
    let charset = options.get(Annotation::Charset).unwrap_or(TextCharset::Utf8mb4.name());
    let kept = options.get(Annotation::Collation).filter(|collation| writer.keeps_collation(collation));
    let collation = kept.map_or_else(|| default_collation(charset), Ok)?;
    let mut text = format!(" DEFAULT CHARSET={charset} COLLATE={}", backquoted(collation));
    if let Some(comment) = options.get(Annotation::Comment) {
        text.push_str(&format!(" COMMENT={}", text_literal(comment)));
    }
    Ok(text)
}

/// The name or the text that is an option's value.
fn word(value: &Expr) -> Option<&str> {
    match value {
        Expr::Identifier(name) => Some(&name.value),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(name) | Value::DoubleQuotedString(name) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// The most characters of a table's comment.
const LONGEST_COMMENT: usize = 2048;

/// Checks the value of an option that has no effect here, but has one on a replica.
fn check_option(key: &str, value: &Expr) -> WriteResult {
    let word = match value {
        Expr::Identifier(name) => name.value.to_ascii_uppercase(),
        _ => String::new(),
    };
    let is_number = matches!(value, Expr::Value(value) if matches!(value.value, Value::Number(..)));
    let is_text = matches!(value, Expr::Value(value)
        if matches!(value.value, Value::SingleQuotedString(_) | Value::DoubleQuotedString(_)));
    let fits = match key {
        "ROW_FORMAT" => ["DEFAULT", "DYNAMIC", "FIXED", "COMPRESSED", "REDUNDANT", "COMPACT"].contains(&word.as_str()),
        "PACK_KEYS" | "STATS_AUTO_RECALC" | "STATS_PERSISTENT" | "STATS_SAMPLE_PAGES" => is_number || word == "DEFAULT",
        "INSERT_METHOD" => ["NO", "FIRST", "LAST"].contains(&word.as_str()),
        "AUTO_INCREMENT" | "AVG_ROW_LENGTH" | "CHECKSUM" | "DELAY_KEY_WRITE" | "KEY_BLOCK_SIZE" | "MAX_ROWS"
        | "MIN_ROWS" => is_number,
        "CONNECTION" | "DATA DIRECTORY" | "INDEX DIRECTORY" | "PASSWORD" | "COMPRESSION" | "ENCRYPTION" => is_text,
        _ => true,
    };
    if fits { Ok(()) } else { Err(SqlError::syntax(format!("The table option {key} has no such value"))) }
}

/// Writes a constraint within CREATE TABLE, with a comma in front.
fn table_constraint(
    constraint: &TableConstraint,
    auto_increment: Option<&str>,
    table: &Target,
    origin: &Origin<'_>,
    writer: &mut Writer<'_>,
) -> WriteResult {
    match constraint {
        TableConstraint::PrimaryKey(key) => {
            let only = match key.columns.as_slice() {
                [only] => column_name(only),
                _ => None,
            };
            if auto_increment.is_some() && only == auto_increment {
                return Ok(());
            }
            writer.push(if auto_increment.is_some() { ", UNIQUE (" } else { ", PRIMARY KEY (" });
            key_parts(&origin.parts(&key.columns), true, writer)?;
            writer.push(")");
        }
        TableConstraint::ForeignKey(key) => foreign_key::write(key, table, writer)?,
        TableConstraint::Check(constraint) => {
            writer.push(",");
            let mut annotations = Annotations::default();
            annotations.add(Annotation::Check, origin.check(constraint, constraint.name.as_ref())?);
            writer.annotations(&annotations);
            check(constraint, constraint.name.as_ref(), writer)?;
        }
        // SQLite has no such index, and the table works without it.
        TableConstraint::FulltextOrSpatial(_) => {}
        other => return Err(unsupported(&other.to_string())),
    }
    Ok(())
}
