//! CREATE, ALTER and DROP of tables, indexes and views.

use sealwire_core::error::SqlError;
use sqlparser::ast::{
    AlterTable, AlterTableOperation, ColumnDef, ColumnOption, CreateIndex, CreateTable, CreateTableLikeKind,
    CreateView, Expr, IndexColumn, ObjectName, ObjectType, RenameTableNameKind, Statement, TableConstraint, Value,
};
use sqlparser::tokenizer::Token;

use super::manipulation::split;
use super::rewrite::Rewriter;
use super::{last_part, quote, quote_text, unsupported};
use crate::server::engine::types::DeclaredType;

pub(super) fn translate(statement: Statement, rewriter: &mut Rewriter<'_>) -> Result<Vec<String>, SqlError> {
    match statement {
        Statement::CreateTable(create) => create_table(create),
        Statement::CreateIndex(create) => create_index(&create),
        Statement::CreateView(create) => Ok(create_view(&create)),
        Statement::AlterTable(alter) => alter_table(alter),
        Statement::Drop { object_type: ObjectType::Index, names, table: Some(mut table), .. } => {
            rewriter.qualify(&mut table)?;
            Ok(names.iter().map(|name| drop_index(&table, last_part(name))).collect())
        }
        Statement::Drop { object_type, if_exists, mut names, temporary, .. } => {
            let kind = match object_type {
                ObjectType::Table => "TABLE",
                ObjectType::View => "VIEW",
                other => return Err(unsupported(&format!("DROP {other}"))),
            };
            for name in &mut names {
                if !temporary {
                    rewriter.qualify(name)?;
                }
            }
            let exists = if if_exists { "IF EXISTS " } else { "" };
            Ok(names.iter().map(|name| format!("DROP {kind} {exists}{name}")).collect())
        }
        other => {
            let text = other.to_string();
            Err(unsupported(text.split_whitespace().take(2).collect::<Vec<_>>().join(" ").as_str()))
        }
    }
}

/// An index's name in SQLite, where it must be the only one of its database and not only of its table.
fn index_name(table: &str, index: &str) -> String {
    format!("{table}.{index}")
}

fn drop_index(table: &ObjectName, index: &str) -> String {
    let (prefix, table) = split(table);
    format!("DROP INDEX {prefix}{}", quote(&index_name(&table, index)))
}

fn create_index(create: &CreateIndex) -> Result<Vec<String>, SqlError> {
    let name = create.name.as_ref().map(last_part).ok_or_else(|| unsupported("CREATE INDEX without a name"))?;
    Ok(vec![index(&create.table_name, name, &create.columns, create.unique)])
}

fn index(table: &ObjectName, name: &str, columns: &[IndexColumn], unique: bool) -> String {
    let (prefix, table) = split(table);
    let unique = if unique { "UNIQUE " } else { "" };
    format!(
        "CREATE {unique}INDEX {prefix}{} ON {} ({})",
        quote(&index_name(&table, name)),
        quote(&table),
        column_list(columns)
    )
}

fn create_view(create: &CreateView) -> Vec<String> {
    let columns: Vec<String> = create.columns.iter().map(|column| quote(&column.name.value)).collect();
    let columns = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
    let text = format!("CREATE VIEW {}{columns} AS {}", create.name, create.query);
    if create.or_replace { vec![format!("DROP VIEW IF EXISTS {}", create.name), text] } else { vec![text] }
}

/// Columns of an index; a prefix length (`name(10)`) is left out, so the whole column is indexed.
fn column_list(columns: &[IndexColumn]) -> String {
    let names = columns.iter().map(|column| match &column.column.expr {
        Expr::Function(prefix) => quote(last_part(&prefix.name)),
        Expr::Identifier(name) => quote(&name.value),
        other => other.to_string(),
    });
    names.collect::<Vec<_>>().join(", ")
}

fn create_table(create: CreateTable) -> Result<Vec<String>, SqlError> {
    let temporary = if create.temporary { "TEMPORARY " } else { "" };
    let exists = if create.if_not_exists { "IF NOT EXISTS " } else { "" };
    // A temporary table lies in a database of its own.
    let (prefix, table) = split(&create.name);
    let prefix = if create.temporary { String::new() } else { prefix };
    let head = format!("CREATE {temporary}TABLE {exists}{prefix}{}", quote(&table));
    if let Some(CreateTableLikeKind::Plain(like) | CreateTableLikeKind::Parenthesized(like)) = &create.like {
        return Ok(vec![format!("{head} AS SELECT * FROM {} WHERE 0", like.name)]);
    }
    if let Some(query) = &create.query {
        if !create.columns.is_empty() {
            return Err(unsupported("CREATE TABLE with columns and SELECT"));
        }
        return Ok(vec![format!("{head} AS {query}")]);
    }
    let counted = counted_column(&create);
    let mut lines = Vec::new();
    let mut indexes = Vec::new();
    for column in &create.columns {
        lines.push(column_line(column, counted.as_deref() == Some(column.name.value.as_str()))?);
    }
    for constraint in &create.constraints {
        match constraint {
            TableConstraint::PrimaryKey(key) => {
                let columns = column_list(&key.columns);
                if counted.as_deref().is_none_or(|counted| columns != quote(counted)) {
                    lines.push(format!("{} ({columns})", if counted.is_some() { "UNIQUE" } else { "PRIMARY KEY" }));
                }
            }
            TableConstraint::Unique(unique) => {
                let name = unique.index_name.as_ref().or(unique.name.as_ref());
                let first =
                    unique.columns.first().map(|column| column_list(std::slice::from_ref(column)).replace('`', ""));
                let name = name.map_or_else(|| first.unwrap_or_default(), |name| name.value.clone());
                indexes.push(index(&create.name, &name, &unique.columns, true));
            }
            TableConstraint::Index(key) => {
                let first =
                    key.columns.first().map(|column| column_list(std::slice::from_ref(column)).replace('`', ""));
                let name = key.name.as_ref().map_or_else(|| first.unwrap_or_default(), |name| name.value.clone());
                indexes.push(index(&create.name, &name, &key.columns, false));
            }
            TableConstraint::ForeignKey(key) => {
                let list = |names: &[sqlparser::ast::Ident]| {
                    names.iter().map(|name| quote(&name.value)).collect::<Vec<_>>().join(", ")
                };
                let action = |when: &str, action: Option<sqlparser::ast::ReferentialAction>| {
                    action.map_or_else(String::new, |action| format!(" ON {when} {action}"))
                };
                lines.push(format!(
                    "FOREIGN KEY ({}) REFERENCES {} ({}){}{}",
                    list(&key.columns),
                    quote(last_part(&key.foreign_table)),
                    list(&key.referred_columns),
                    action("DELETE", key.on_delete),
                    action("UPDATE", key.on_update)
                ));
            }
            TableConstraint::Check(check) => lines.push(format!("CHECK ({})", check.expr)),
            // A search for words has no equal here; the table works without it.
            TableConstraint::FulltextOrSpatial(_) => {}
            other => return Err(unsupported(&other.to_string())),
        }
    }
    if create.if_not_exists {
        indexes = indexes.iter().map(|index| index.replacen("INDEX ", "INDEX IF NOT EXISTS ", 1)).collect();
    }
    let mut statements = vec![format!("{head} ({})", lines.join(", "))];
    statements.append(&mut indexes);
    Ok(statements)
}

/// The column with AUTO_INCREMENT: in SQLite it is the row's own number.
fn counted_column(create: &CreateTable) -> Option<String> {
    let counted = |column: &&ColumnDef| column.options.iter().any(|option| is_auto_increment(&option.option));
    create.columns.iter().find(counted).map(|column| column.name.value.clone())
}

fn is_auto_increment(option: &ColumnOption) -> bool {
    matches!(option, ColumnOption::DialectSpecific(tokens)
        if tokens.iter().any(|token| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case("AUTO_INCREMENT"))))
}

fn column_line(column: &ColumnDef, counted: bool) -> Result<String, SqlError> {
    let declared = DeclaredType::from_mysql(&column.data_type.to_string());
    let name = quote(&column.name.value);
    if counted {
        if !declared.is_integer() {
            return Err(SqlError::new(
                1063,
                b"42000",
                format!("Incorrect column specifier for column '{}'", column.name.value),
            ));
        }
        return Ok(format!("{name} INTEGER PRIMARY KEY AUTOINCREMENT"));
    }
    let mut line = format!("{name} {}", declared.to_sqlite());
    let mut collated = false;
    for option in &column.options {
        match &option.option {
            ColumnOption::NotNull => line.push_str(" NOT NULL"),
            ColumnOption::Default(value) => {
                line.push_str(&format!(" DEFAULT {}", default_value(value)));
            }
            ColumnOption::PrimaryKey(_) => line.push_str(" PRIMARY KEY NOT NULL"),
            ColumnOption::Unique(_) => line.push_str(" UNIQUE"),
            ColumnOption::Check(check) => line.push_str(&format!(" CHECK ({})", check.expr)),
            ColumnOption::Collation(collation) => {
                collated =
                    last_part(collation).ends_with("_bin") || last_part(collation).eq_ignore_ascii_case("binary");
            }
            ColumnOption::Generated { generation_expr: Some(expr), .. } => {
                line.push_str(&format!(" GENERATED ALWAYS AS ({expr})"))
            }
            ColumnOption::DialectSpecific(_) => {}
            // What a column is for, and how its bytes are read: nothing that SQLite asks.
            ColumnOption::Null
            | ColumnOption::Comment(_)
            | ColumnOption::CharacterSet(_)
            | ColumnOption::OnUpdate(_) => {}
            other => return Err(unsupported(&other.to_string())),
        }
    }
    if let sqlparser::ast::DataType::Enum(members, _) = &column.data_type {
        let members: Vec<String> = members
            .iter()
            .map(|member| match member {
                sqlparser::ast::EnumMember::Name(name) | sqlparser::ast::EnumMember::NamedValue(name, _) => {
                    quote_text(name)
                }
            })
            .collect();
        line.push_str(&format!(" CHECK ({name} IN ({}))", members.join(", ")));
    }
    if declared.is_text() && !collated {
        line.push_str(" COLLATE NOCASE");
    }
    Ok(line)
}

fn default_value(value: &Expr) -> String {
    match value {
        Expr::Value(value) => match &value.value {
            Value::Number(..) | Value::Null => value.to_string(),
            Value::Boolean(value) => i32::from(*value).to_string(),
            _ => format!("({value})"),
        },
        other => format!("({other})"),
    }
}

fn alter_table(alter: AlterTable) -> Result<Vec<String>, SqlError> {
    let (prefix, table) = split(&alter.name);
    let full = format!("{prefix}{}", quote(&table));
    let mut statements = Vec::new();
    for operation in &alter.operations {
        match operation {
            AlterTableOperation::AddColumn { column_def, .. } => {
                statements.push(format!("ALTER TABLE {full} ADD COLUMN {}", column_line(column_def, false)?));
            }
            AlterTableOperation::DropColumn { column_names, .. } => {
                for name in column_names {
                    statements.push(format!("ALTER TABLE {full} DROP COLUMN {}", quote(&name.value)));
                }
            }
            AlterTableOperation::RenameColumn { old_column_name, new_column_name } => statements.push(format!(
                "ALTER TABLE {full} RENAME COLUMN {} TO {}",
                quote(&old_column_name.value),
                quote(&new_column_name.value)
            )),
            AlterTableOperation::RenameTable {
                table_name: RenameTableNameKind::As(name) | RenameTableNameKind::To(name),
            } => {
                statements.push(format!("ALTER TABLE {full} RENAME TO {}", quote(last_part(name))));
            }
            AlterTableOperation::AddConstraint { constraint: TableConstraint::Unique(unique), .. } => {
                let name = unique
                    .index_name
                    .as_ref()
                    .or(unique.name.as_ref())
                    .ok_or_else(|| unsupported("ADD UNIQUE without a name"))?;
                statements.push(index(&alter.name, &name.value, &unique.columns, true));
            }
            AlterTableOperation::AddConstraint { constraint: TableConstraint::Index(key), .. } => {
                let name = key.name.as_ref().ok_or_else(|| unsupported("ADD INDEX without a name"))?;
                statements.push(index(&alter.name, &name.value, &key.columns, false));
            }
            AlterTableOperation::DropIndex { name } => statements.push(drop_index(&alter.name, &name.value)),
            other => return Err(unsupported(&format!("ALTER TABLE … {other}"))),
        }
    }
    Ok(statements)
}
