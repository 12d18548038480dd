//! CREATE TABLE: columns, constraints and options.

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;
use sqlparser::ast::{
    CommentDef, CreateTable, CreateTableLikeKind, CreateTableOptions, Expr, ForeignKeyConstraint, ReferentialAction,
    SqlOption, TableConstraint, Value,
};

use super::super::errors::{MOST_KEYS, too_many_keys, unsupported};
use super::super::names::last_part;
use super::super::source::Source;
use super::super::weight;
use super::super::writer::{READ, WriteResult, Writer, check_new_name};
use super::column::{self, check, is_auto_increment};
use super::index::{column_list, column_name, index};
use super::origin::Origin;
use super::target::Target;
use crate::engine::annotations::{Annotation, Annotations};
use crate::sql::TextCharset;
use crate::sql::charset::{check_collation, collation_of_another, default_collation};

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
    check_new_name(&table, 1103, "table")?;
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
    writer.is_conditional = create.if_not_exists;
    writer.push("CREATE TABLE ");
    table.write(writer)?;
    if let Some(CreateTableLikeKind::Plain(like) | CreateTableLikeKind::Parenthesized(like)) = &create.like {
        writer.push(" AS SELECT * FROM ");
        writer.table(&like.name, READ)?;
        writer.push(" WHERE FALSE");
        statements.push(writer.take());
        return Ok(());
    }
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
    weight::check_table(&create.columns, &create.constraints)?;
    let auto_increment =
        create.columns.iter().find(|column| is_auto_increment(column)).map(|column| column.name.value.as_str());
    let body = source.group(&source.all()).unwrap_or_default();
    let (columns, constraints) = source.columns_and_constraints(&body, &create.columns);
    let mut indexes = Vec::new();
    writer.push(" (");
    writer.annotations(&table_options(create)?);
    let mut ranges = columns.into_iter();
    writer.list(&create.columns, |writer, column| {
        let origin = Origin { source, range: ranges.next() };
        column::column(column, auto_increment == Some(column.name.value.as_str()), &origin, writer)
    })?;
    let mut ranges = constraints.into_iter();
    for constraint in &create.constraints {
        let origin = Origin { source, range: ranges.next() };
        match constraint {
            TableConstraint::Unique(unique) => {
                let name = unique.index_name.as_ref().or(unique.name.as_ref());
                indexes.push((name, origin.parts(&unique.columns), true));
            }
            TableConstraint::Index(key) => indexes.push((key.name.as_ref(), origin.parts(&key.columns), false)),
            other => table_constraint(other, auto_increment, &table, &origin, writer)?,
        }
    }
    writer.push(")");
    statements.push(writer.take());
    for (name, parts, is_unique) in indexes {
        let first = parts.columns.first().and_then(column_name);
        let name = name.map(|name| name.value.as_str()).or(first).unwrap_or("functional_index");
        statements.push(index(&table, name, &parts, is_unique, writer)?);
    }
    Ok(())
}

/// The engines that dumps and frameworks name. All of them are SQLite here.
const ENGINES: [&str; 19] = [
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
    "FEDERATED",
    "NDB",
    "NDBCLUSTER",
    "Aria",
    "Maria",
    "RocksDB",
    "TokuDB",
    "ColumnStore",
    "EXAMPLE",
];

/// Annotations of a table's options. The engine must exist, and has no effect.
fn table_options(create: &CreateTable) -> Result<Annotations, SqlError> {
    let mut annotations = Annotations::default();
    let (mut charset, mut collated) = (None, None);
    let CreateTableOptions::Plain(options) = &create.table_options else { return Ok(annotations) };
    for option in options {
        match option {
            SqlOption::Comment(CommentDef::WithEq(text) | CommentDef::WithoutEq(text)) => {
                annotations.add(Annotation::Comment, text);
            }
            SqlOption::NamedParenthesizedList(list) if list.key.value == "ENGINE" => {
                let name = list.name.as_ref().map_or("", |name| name.value.as_str());
                if !ENGINES.iter().any(|engine| engine.eq_ignore_ascii_case(name)) {
                    return Err(SqlError::new(1286, b"42000", format!("Unknown storage engine '{name}'")));
                }
            }
            SqlOption::KeyValue { key, value } => {
                let name = match value {
                    Expr::Identifier(name) => name.value.as_str(),
                    Expr::Value(value) => match &value.value {
                        Value::SingleQuotedString(name) | Value::DoubleQuotedString(name) => name,
                        _ => continue,
                    },
                    _ => continue,
                };
                if key.value.ends_with("COLLATE") {
                    check_collation(name)?;
                    collated = TextCharset::of_collation(name).map(|charset| (charset, name));
                } else if key.value.ends_with("CHARSET") || key.value.ends_with("CHARACTER SET") {
                    default_collation(name)?;
                    charset = TextCharset::named(name);
                }
            }
            _ => {}
        }
    }
    if let (Some(charset), Some((own, collation))) = (charset, collated)
        && charset != own
    {
        return Err(collation_of_another(collation, charset.name()));
    }
    let charset = charset.or(collated.map(|(charset, _)| charset)).filter(|charset| *charset != TextCharset::Utf8mb4);
    if let Some(charset) = charset {
        annotations.add(Annotation::Charset, charset.name());
    }
    Ok(annotations)
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
            column_list(&key.columns, writer)?;
            writer.push(")");
        }
        TableConstraint::ForeignKey(key) => foreign_key(key, table, writer)?,
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

fn foreign_key(key: &ForeignKeyConstraint, table: &Target, writer: &mut Writer<'_>) -> WriteResult {
    if table.is_temporary {
        return Err(unsupported("a foreign key of a temporary table"));
    }
    // A name without a database means the table's own database.
    let (database, parent) = match key.foreign_table.0.len() {
        1 => (table.database.clone(), last_part(&key.foreign_table).to_owned()),
        _ => writer.resolve(&key.foreign_table)?,
    };
    if database != table.database {
        return Err(unsupported("a foreign key to another database"));
    }
    // A table that refers to itself does not exist yet, so it needs no privilege.
    if parent != table.table {
        writer.require(&database, &parent, &[Privilege::REFERENCES])?;
    }
    writer.push(", ");
    if let Some(name) = &key.name {
        check_new_name(&name.value, 1059, "constraint")?;
        writer.push("CONSTRAINT ");
        writer.name(&name.value)?;
        writer.push(" ");
    }
    writer.push("FOREIGN KEY (");
    writer.names(&key.columns)?;
    writer.push(") REFERENCES ");
    writer.name(&parent)?;
    writer.push(" (");
    writer.names(&key.referred_columns)?;
    writer.push(")");
    for (when, action) in [(" ON DELETE ", key.on_delete), (" ON UPDATE ", key.on_update)] {
        let Some(action) = action else { continue };
        writer.push(when);
        writer.push(match action {
            ReferentialAction::Restrict => "RESTRICT",
            ReferentialAction::Cascade => "CASCADE",
            ReferentialAction::SetNull => "SET NULL",
            ReferentialAction::NoAction => "NO ACTION",
            ReferentialAction::SetDefault => "SET DEFAULT",
        });
    }
    Ok(())
}
