//! CREATE, ALTER and DROP of tables, indexes and views.

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;
use sqlparser::ast::{
    AlterTable, AlterTableOperation, CheckConstraint, ColumnDef, ColumnOption, CommentDef, CreateTable,
    CreateTableLikeKind, CreateTableOptions, CreateView, DataType, EnumMember, Expr, ForeignKeyConstraint,
    GeneratedExpressionMode, Ident, IndexColumn, ObjectName, ObjectType, ReferentialAction, RenameTableNameKind,
    SqlOption, Statement, TableConstraint, Value,
};
use sqlparser::tokenizer::Token;

use super::errors::{MOST_KEYS, too_many_keys, unsupported};
use super::names::{last_part, schema_of, temporary_name};
use super::source::{Run, Source};
use super::weight;
use super::writer::{READ, Writer, check_new_name};
use crate::engine::kept::{Kept, Thing};
use crate::engine::types::DeclaredType;
use crate::sql::charset::{check_collation, default_collation};
use crate::sql::{backquoted, text_literal};

type Written = Result<(), SqlError>;

/// What CREATE TABLE needs with a SELECT, as mysqld asks it.
const CREATE_AND_FILL: &[Privilege] = &[Privilege::CREATE, Privilege::INSERT];
/// Source: MySQL Reference Manual, "ALTER TABLE Statement".
const ALTER: &[Privilege] = &[Privilege::ALTER, Privilege::CREATE, Privilege::INSERT];

/// As [`ALTER`], for the old name of a table that gets another.
const RENAME: &[Privilege] = &[Privilege::ALTER, Privilege::DROP];

/// Writes a definition as SQLite's statements. Gives a query to compile first where there is one.
pub(super) fn translate(
    statement: Statement,
    source: &Source<'_>,
    writer: &mut Writer<'_>,
    statements: &mut Vec<String>,
) -> Result<Option<String>, SqlError> {
    match statement {
        Statement::CreateTable(create) => create_table(&create, source, writer, statements)?,
        Statement::CreateIndex(create) => {
            let name = create.name.as_ref().map(last_part);
            let name = name.ok_or_else(|| unsupported("CREATE INDEX without a name"))?;
            let table = Named::existing(&create.table_name, &[Privilege::INDEX], writer)?;
            let parts = Parts { columns: &create.columns, source, run: source.group(&source.all()) };
            statements.push(index(&table, name, &parts, create.unique, writer)?);
        }
        Statement::CreateView(create) => return create_view(&create, source, writer, statements).map(Some),
        Statement::AlterTable(alter) => alter_table(&alter, source, writer, statements)?,
        Statement::Drop { object_type: ObjectType::Index, names, table: Some(table), .. } => {
            let table = Named::existing(&table, &[Privilege::INDEX], writer)?;
            for name in &names {
                statements.push(drop_index(&table, last_part(name), writer)?);
            }
        }
        Statement::Drop { object_type, if_exists, names, temporary, .. } => {
            let (kind, is_table) = match object_type {
                ObjectType::Table => ("DROP TABLE ", true),
                ObjectType::View => ("DROP VIEW ", false),
                other => return Err(unsupported(&format!("DROP {other}"))),
            };
            writer.forgives = if_exists;
            for name in &names {
                drop_object(name, kind, temporary, is_table, writer, statements)?;
            }
        }
        other => {
            let text = other.to_string();
            return Err(unsupported(text.split_whitespace().take(2).collect::<Vec<_>>().join(" ").as_str()));
        }
    }
    Ok(None)
}

fn drop_object(
    name: &ObjectName,
    kind: &'static str,
    temporary: bool,
    is_table: bool,
    writer: &mut Writer<'_>,
    statements: &mut Vec<String>,
) -> Written {
    let (database, table) = writer.resolve(name)?;
    let is_known = is_table && writer.is_temporary(&database, &table);
    if temporary && !is_known {
        let unknown = SqlError::new(1051, b"42S02", format!("Unknown table '{database}.{table}'"));
        if !writer.forgives {
            return Err(unknown);
        }
        writer.notes.push(unknown);
        return Ok(());
    }
    writer.push(kind);
    if is_known {
        writer.temporary(&database, &table)?;
        writer.drops.push((database, table));
    } else {
        // DROP VIEW passes over a temporary table of that name.
        writer.needs(&database, &table, &[Privilege::DROP])?;
        Named { database, table, is_temporary: false, is_there: true }.write(writer)?;
    }
    statements.push(writer.take());
    Ok(())
}

/// A table that a definition is about, as SQLite names it: the schema, and the table in it.
struct Named {
    database: String,
    table: String,
    is_temporary: bool,
    /// Whether it was there before the statement.
    is_there: bool,
}

impl Named {
    /// A table that is there.
    fn existing(
        name: &ObjectName,
        privileges: &'static [Privilege],
        writer: &mut Writer<'_>,
    ) -> Result<Self, SqlError> {
        let (database, table) = writer.resolve(name)?;
        let is_temporary = writer.is_temporary(&database, &table);
        if !is_temporary {
            writer.needs(&database, &table, privileges)?;
        }
        Ok(Self { database, table, is_temporary, is_there: true })
    }

    /// Expressions are computed from the rows that are there, and their errors tell of them: this needs the right to read. A table that the statement
    /// makes has none.
    fn is_computed_from(&self, writer: &mut Writer<'_>) -> Written {
        if self.is_temporary || !self.is_there {
            return Ok(());
        }
        writer.needs(&self.database, &self.table, READ)
    }

    /// The table's name within its schema.
    fn inner(&self) -> String {
        if self.is_temporary { temporary_name(&self.database, &self.table) } else { self.table.clone() }
    }

    fn schema(&self, writer: &mut Writer<'_>) -> Written {
        if self.is_temporary {
            writer.push("temp.");
            return Ok(());
        }
        writer.schema(&self.database)
    }

    fn write(&self, writer: &mut Writer<'_>) -> Written {
        self.schema(writer)?;
        writer.name(&self.inner())
    }

    /// An index's name in SQLite, where it must be the only one of its database and not only of its table.
    fn index(&self, index: &str, writer: &mut Writer<'_>) -> Written {
        self.schema(writer)?;
        writer.name(&format!("{}.{index}", self.inner()))
    }
}

fn drop_index(table: &Named, index: &str, writer: &mut Writer<'_>) -> Result<String, SqlError> {
    writer.push("DROP INDEX ");
    table.index(index, writer)?;
    Ok(writer.take())
}

/// The parts of an index, and where they stand in the statement.
struct Parts<'p> {
    columns: &'p [IndexColumn],
    source: &'p Source<'p>,
    run: Option<Run>,
}

fn index(
    table: &Named,
    name: &str,
    parts: &Parts<'_>,
    is_unique: bool,
    writer: &mut Writer<'_>,
) -> Result<String, SqlError> {
    check_new_name(name, 1280, "index")?;
    weight::check_parts(&[], &parts.columns.iter().map(|part| &part.column.expr).collect::<Vec<_>>())?;
    writer.push(if is_unique { "CREATE UNIQUE INDEX " } else { "CREATE INDEX " });
    table.index(name, writer)?;
    if parts.columns.iter().any(|column| column_name(column).is_none()) {
        table.is_computed_from(writer)?;
    }
    writer.push(" ON ");
    writer.name(&table.inner())?;
    writer.push(" (");
    key_parts(parts, writer)?;
    writer.push(")");
    Ok(writer.take())
}

/// Writes the parts of an index, and keeps those that are more or less than a column.
fn key_parts(parts: &Parts<'_>, writer: &mut Writer<'_>) -> Written {
    let runs = parts.run.as_ref().map(|run| parts.source.items(run)).unwrap_or_default();
    let mut runs = runs.into_iter();
    writer.list(parts.columns, |writer, column| {
        let run = runs.next();
        let value = &column.column.expr;
        if matches!(value, Expr::Identifier(_)) {
            return column_list(std::slice::from_ref(column), writer);
        }
        let mut kept = Kept::default();
        match value {
            Expr::Function(_) => {
                let length = run.and_then(|run| parts.source.group(&run));
                kept.add(Thing::Prefix, parts.source.number(length)?);
            }
            _ => kept.add(Thing::KeyPart, parts.source.expression(run, value)?),
        }
        writer.kept(&kept);
        column_list(std::slice::from_ref(column), writer)
    })
}

/// Writes the columns of an index; a prefix length (`name(10)`) is left out, so the whole column is indexed.
fn column_list(columns: &[IndexColumn], writer: &mut Writer<'_>) -> Written {
    writer.list(columns, |writer, column| match column_name(column) {
        Some(name) => writer.name(name),
        None => writer.operand(&column.column.expr),
    })
}

/// The column that a part of an index names; `None` for an expression.
fn column_name(column: &IndexColumn) -> Option<&str> {
    match &column.column.expr {
        Expr::Function(prefix) => Some(last_part(&prefix.name)),
        Expr::Identifier(name) => Some(&name.value),
        _ => None,
    }
}

/// Writes CREATE VIEW, and gives its query as it is compiled for the user who creates it.
fn create_view(
    create: &CreateView,
    source: &Source<'_>,
    writer: &mut Writer<'_>,
    statements: &mut Vec<String>,
) -> Result<String, SqlError> {
    if create.materialized || create.temporary || create.if_not_exists {
        return Err(unsupported("this kind of view"));
    }
    let check = writer.aside(|writer| writer.query(&create.query))?;
    let privileges: &'static [Privilege] =
        if create.or_replace { &[Privilege::CREATE_VIEW, Privilege::DROP] } else { &[Privilege::CREATE_VIEW] };
    let (database, table) = writer.resolve(&create.name)?;
    check_new_name(&table, 1103, "table")?;
    writer.needs(&database, &table, privileges)?;
    let view = Named { database: database.clone(), table, is_temporary: false, is_there: false };
    if create.or_replace {
        writer.push("DROP VIEW IF EXISTS ");
        view.write(writer)?;
        statements.push(writer.take());
    }
    writer.push("CREATE VIEW ");
    view.write(writer)?;
    if !create.columns.is_empty() {
        writer.push(" (");
        writer.names(create.columns.iter().map(|column| &column.name))?;
        writer.push(")");
    }
    writer.push(" AS ");
    let mut kept = Kept::default();
    kept.add(Thing::Query, source.view_query(&create.query, &database)?);
    writer.kept(&kept);
    writer.view = Some(database);
    writer.query(&create.query)?;
    writer.view = None;
    statements.push(writer.take());
    Ok(check)
}

fn create_table(
    create: &CreateTable,
    source: &Source<'_>,
    writer: &mut Writer<'_>,
    statements: &mut Vec<String>,
) -> Written {
    if create.or_replace {
        return Err(unsupported("CREATE OR REPLACE TABLE"));
    }
    let (database, table) = writer.resolve(&create.name)?;
    check_new_name(&table, 1103, "table")?;
    let table = Named { database, table, is_temporary: create.temporary, is_there: false };
    if create.temporary {
        writer.needs_on_database(&table.database, &[Privilege::CREATE_TEMPORARY_TABLES]);
        writer.creates.push((table.database.clone(), table.table.clone()));
    } else {
        let is_filled = create.query.is_some();
        writer.needs(&table.database, &table.table, if is_filled { CREATE_AND_FILL } else { &[Privilege::CREATE] })?;
    }
    writer.forgives = create.if_not_exists;
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
    let counted = create.columns.iter().find(|column| is_counted(column)).map(|column| column.name.value.as_str());
    let body = source.group(&source.all()).unwrap_or_default();
    let (columns, constraints) = source.columns_and_constraints(&body, &create.columns);
    let mut indexes = Vec::new();
    writer.push(" (");
    writer.kept(&table_options(create)?);
    let mut runs = columns.into_iter();
    writer.list(&create.columns, |writer, column| {
        let origin = Origin { source, run: runs.next() };
        self::column(column, counted == Some(column.name.value.as_str()), &origin, writer)
    })?;
    let mut runs = constraints.into_iter();
    for constraint in &create.constraints {
        let origin = Origin { source, run: runs.next() };
        match constraint {
            TableConstraint::Unique(unique) => {
                let name = unique.index_name.as_ref().or(unique.name.as_ref());
                indexes.push((name, origin.parts(&unique.columns), true));
            }
            TableConstraint::Index(key) => indexes.push((key.name.as_ref(), origin.parts(&key.columns), false)),
            other => table_constraint(other, counted, &table, &origin, writer)?,
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

/// The engines that dumps and frameworks name; all of them are SQLite here.
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

/// What is kept of a table's options. The engine, the character set and the collation are always the server's, and yet have to be some.
fn table_options(create: &CreateTable) -> Result<Kept, SqlError> {
    let mut kept = Kept::default();
    let CreateTableOptions::Plain(options) = &create.table_options else { return Ok(kept) };
    for option in options {
        match option {
            SqlOption::Comment(CommentDef::WithEq(text) | CommentDef::WithoutEq(text)) => {
                kept.add(Thing::Comment, text);
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
                } else if key.value.ends_with("CHARSET") || key.value.ends_with("CHARACTER SET") {
                    default_collation(name)?;
                }
            }
            _ => {}
        }
    }
    Ok(kept)
}

/// Where a column or a constraint stands in the statement.
struct Origin<'s> {
    source: &'s Source<'s>,
    run: Option<Run>,
}

impl<'s> Origin<'s> {
    /// What is behind a word.
    fn behind(&self, word: &str) -> Option<Run> {
        self.source.behind(self.run.as_ref()?, word)
    }

    /// What is in the parentheses behind a word.
    fn group_behind(&self, word: &str) -> Option<Run> {
        self.source.group(&self.behind(word)?)
    }

    fn parts(&self, columns: &'s [IndexColumn]) -> Parts<'s> {
        Parts { columns, source: self.source, run: self.run.as_ref().and_then(|run| self.source.group(run)) }
    }

    /// A CHECK constraint in MySQL's words.
    fn check(&self, check: &CheckConstraint, name: Option<&Ident>) -> Result<String, SqlError> {
        let text = self.source.expression(self.group_behind("CHECK"), &check.expr)?;
        Ok(match name {
            Some(name) => format!("CONSTRAINT {} CHECK ({text})", backquoted(&name.value)),
            None => format!("CHECK ({text})"),
        })
    }
}

/// Writes a CHECK constraint.
fn check(check: &CheckConstraint, name: Option<&Ident>, writer: &mut Writer<'_>) -> Written {
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

/// Writes a constraint that stands within CREATE TABLE, with the comma before it.
fn table_constraint(
    constraint: &TableConstraint,
    counted: Option<&str>,
    table: &Named,
    origin: &Origin<'_>,
    writer: &mut Writer<'_>,
) -> Written {
    match constraint {
        TableConstraint::PrimaryKey(key) => {
            let only = match key.columns.as_slice() {
                [only] => column_name(only),
                _ => None,
            };
            if counted.is_some() && only == counted {
                return Ok(());
            }
            writer.push(if counted.is_some() { ", UNIQUE (" } else { ", PRIMARY KEY (" });
            column_list(&key.columns, writer)?;
            writer.push(")");
        }
        TableConstraint::ForeignKey(key) => foreign_key(key, table, writer)?,
        TableConstraint::Check(constraint) => {
            writer.push(",");
            let mut kept = Kept::default();
            kept.add(Thing::Check, origin.check(constraint, constraint.name.as_ref())?);
            writer.kept(&kept);
            check(constraint, constraint.name.as_ref(), writer)?;
        }
        // A search for words has no equal here; the table works without it.
        TableConstraint::FulltextOrSpatial(_) => {}
        other => return Err(unsupported(&other.to_string())),
    }
    Ok(())
}

fn foreign_key(key: &ForeignKeyConstraint, table: &Named, writer: &mut Writer<'_>) -> Written {
    if table.is_temporary {
        return Err(unsupported("a foreign key of a temporary table"));
    }
    // Without a database it is the table's own, whatever the current one is.
    let (database, parent) = match key.foreign_table.0.len() {
        1 => (table.database.clone(), last_part(&key.foreign_table).to_owned()),
        _ => writer.resolve(&key.foreign_table)?,
    };
    if database != table.database {
        return Err(unsupported("a foreign key to another database"));
    }
    // A table may refer to itself, and is not there yet when rights are asked for.
    if parent != table.table {
        writer.needs(&database, &parent, &[Privilege::REFERENCES])?;
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

/// Whether a column has AUTO_INCREMENT: in SQLite it is the row's own number.
fn is_counted(column: &ColumnDef) -> bool {
    column.options.iter().any(|option| {
        matches!(&option.option, ColumnOption::DialectSpecific(tokens)
            if tokens.iter().any(|token| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case("AUTO_INCREMENT"))))
    })
}

fn column(column: &ColumnDef, is_counted: bool, origin: &Origin<'_>, writer: &mut Writer<'_>) -> Written {
    let name = &column.name.value;
    check_new_name(name, 1166, "column")?;
    let declared = DeclaredType::from_mysql(&column.data_type);
    let declared = declared.ok_or_else(|| unsupported(&column.data_type.to_string()))?;
    let kept = kept_of(column, &declared, is_counted, origin)?;
    writer.name(name)?;
    if is_counted {
        if !declared.is_integer() {
            return Err(SqlError::new(1063, b"42000", format!("Incorrect column specifier for column '{name}'")));
        }
        writer.push(" INTEGER");
        writer.kept(&kept);
        writer.push(" PRIMARY KEY AUTOINCREMENT");
        return Ok(());
    }
    writer.push(" ");
    writer.put_back(&declared.to_sqlite());
    writer.kept(&kept);
    let mut is_collated = false;
    for option in &column.options {
        match &option.option {
            ColumnOption::NotNull => writer.push(" NOT NULL"),
            ColumnOption::Default(value) => {
                writer.push(" DEFAULT ");
                default_value(value, writer)?;
            }
            ColumnOption::PrimaryKey(_) => writer.push(" PRIMARY KEY NOT NULL"),
            ColumnOption::Unique(_) => writer.push(" UNIQUE"),
            ColumnOption::Check(constraint) => {
                check(constraint, constraint.name.as_ref().or(option.name.as_ref()), writer)?;
            }
            ColumnOption::Collation(collation) => is_collated = is_binary(collation),
            ColumnOption::Generated { generation_expr: Some(value), generation_expr_mode, .. } => {
                writer.push(" GENERATED ALWAYS AS (");
                writer.expression(value)?;
                writer.push(if *generation_expr_mode == Some(GeneratedExpressionMode::Stored) {
                    ") STORED"
                } else {
                    ")"
                });
            }
            // What a column is for, and how its bytes are read: nothing that SQLite asks.
            ColumnOption::DialectSpecific(_)
            | ColumnOption::Null
            | ColumnOption::Comment(_)
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
    if declared.is_text() && !is_collated {
        writer.push(" COLLATE NOCASE");
    }
    Ok(())
}

fn is_binary(collation: &ObjectName) -> bool {
    last_part(collation).ends_with("_bin") || last_part(collation).eq_ignore_ascii_case("binary")
}

/// What SHOW CREATE TABLE says of a column and SQLite does not know.
fn kept_of(
    column: &ColumnDef,
    declared: &DeclaredType,
    is_counted: bool,
    origin: &Origin<'_>,
) -> Result<Kept, SqlError> {
    let mut kept = Kept::default();
    let list = |members: Vec<&String>| members.into_iter().map(|member| text_literal(member)).collect::<Vec<_>>();
    match &column.data_type {
        DataType::Enum(members, _) => {
            let names = members.iter().map(|(EnumMember::Name(name) | EnumMember::NamedValue(name, _))| name);
            kept.add(Thing::Type, format!("enum({})", list(names.collect()).join(",")));
        }
        DataType::Set(members) => {
            kept.add(Thing::Type, format!("set({})", list(members.iter().collect()).join(",")));
        }
        _ if is_counted => kept.add(Thing::Type, declared.to_mysql()),
        _ => {}
    }
    let mut checks = origin.run.clone();
    for option in &column.options {
        match &option.option {
            ColumnOption::Default(value) => {
                kept.add(Thing::Default, origin.source.expression(origin.behind("DEFAULT"), value)?);
            }
            ColumnOption::OnUpdate(value) => {
                let behind = origin.behind("ON").and_then(|run| origin.source.behind(&run, "UPDATE"));
                kept.add(Thing::OnUpdate, origin.source.expression(behind, value)?);
            }
            ColumnOption::Generated { generation_expr: Some(value), .. } => {
                kept.add(Thing::Generated, origin.source.expression(origin.group_behind("AS"), value)?);
            }
            ColumnOption::CharacterSet(charset) => _ = default_collation(last_part(charset))?,
            ColumnOption::Collation(collation) if !is_binary(collation) => check_collation(last_part(collation))?,
            ColumnOption::Collation(collation) => {
                check_collation(last_part(collation))?;
                kept.add(Thing::Collation, last_part(collation).to_ascii_lowercase());
            }
            ColumnOption::Comment(text) => kept.add(Thing::Comment, text),
            ColumnOption::Check(constraint) => {
                let name = constraint.name.as_ref().or(option.name.as_ref());
                let one = Origin { source: origin.source, run: checks };
                kept.add(Thing::Check, one.check(constraint, name)?);
                checks = one.behind("CHECK");
            }
            _ => {}
        }
    }
    Ok(kept)
}

fn default_value(value: &Expr, writer: &mut Writer<'_>) -> Written {
    if matches!(value, Expr::Value(value) if matches!(value.value, Value::Number(..) | Value::Null)) {
        return writer.expression(value);
    }
    writer.push("(");
    writer.expression(value)?;
    writer.push(")");
    Ok(())
}

fn alter_table(
    alter: &AlterTable,
    source: &Source<'_>,
    writer: &mut Writer<'_>,
    statements: &mut Vec<String>,
) -> Written {
    let renames = |operation: &AlterTableOperation| matches!(operation, AlterTableOperation::RenameTable { .. });
    let privileges = if alter.operations.iter().all(renames) { RENAME } else { ALTER };
    let table = Named::existing(&alter.name, privileges, writer)?;
    let mut runs = source.items(&source.all()).into_iter();
    for operation in &alter.operations {
        let origin = Origin { source, run: runs.next() };
        match operation {
            AlterTableOperation::AddConstraint { constraint: TableConstraint::Unique(unique), .. } => {
                let name = unique.index_name.as_ref().or(unique.name.as_ref());
                let name = name.ok_or_else(|| unsupported("ADD UNIQUE without a name"))?;
                statements.push(index(&table, &name.value, &origin.parts(&unique.columns), true, writer)?);
                continue;
            }
            AlterTableOperation::AddConstraint { constraint: TableConstraint::Index(key), .. } => {
                let name = key.name.as_ref().ok_or_else(|| unsupported("ADD INDEX without a name"))?;
                statements.push(index(&table, &name.value, &origin.parts(&key.columns), false, writer)?);
                continue;
            }
            AlterTableOperation::DropIndex { name } => {
                statements.push(drop_index(&table, &name.value, writer)?);
                continue;
            }
            AlterTableOperation::DropColumn { column_names, .. } => {
                for name in column_names {
                    begin(&table, " DROP COLUMN ", writer)?;
                    writer.name(&name.value)?;
                    statements.push(writer.take());
                }
                continue;
            }
            AlterTableOperation::AddColumn { column_def, .. } => {
                let computes =
                    |option: &ColumnOption| matches!(option, ColumnOption::Check(_) | ColumnOption::Generated { .. });
                if column_def.options.iter().any(|option| computes(&option.option)) {
                    table.is_computed_from(writer)?;
                }
                // The column's own text; its table is looked at when it is there.
                weight::check_table(std::slice::from_ref(column_def), &[])?;
                begin(&table, " ADD COLUMN ", writer)?;
                column(column_def, false, &origin, writer)?;
            }
            AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
                check_new_name(&new_column_name.value, 1166, "column")?;
                let schema = if table.is_temporary { "temp".into() } else { schema_of(&table.database) };
                let old = old_column_name.value.clone();
                writer.renames.push((schema.into_owned(), table.inner(), old));
                begin(&table, " RENAME COLUMN ", writer)?;
                writer.name(&old_column_name.value)?;
                writer.push(" TO ");
                writer.name(&new_column_name.value)?;
            }
            AlterTableOperation::RenameTable {
                table_name: RenameTableNameKind::As(name) | RenameTableNameKind::To(name),
            } => rename(&table, name, writer)?,
            other => return Err(unsupported(&format!("ALTER TABLE … {other}"))),
        }
        statements.push(writer.take());
    }
    Ok(())
}

fn begin(table: &Named, operation: &'static str, writer: &mut Writer<'_>) -> Written {
    writer.push("ALTER TABLE ");
    table.write(writer)?;
    writer.push(operation);
    Ok(())
}

fn rename(table: &Named, name: &ObjectName, writer: &mut Writer<'_>) -> Written {
    let (database, new) = writer.resolve(name)?;
    check_new_name(&new, 1103, "table")?;
    if database != table.database {
        return Err(unsupported("RENAME of a table to another database"));
    }
    if table.is_temporary {
        return Err(unsupported("RENAME of a temporary table"));
    }
    writer.needs(&table.database, &table.table, RENAME)?;
    writer.needs(&database, &new, ALTER)?;
    begin(table, " RENAME TO ", writer)?;
    writer.name(&new)
}
