//! Refuses what the parser reads of other databases' definitions, because a replica would refuse it.

use sealwire_core::error::SqlError;
use sqlparser::ast::helpers::stmt_create_table::CreateTableBuilder;
use sqlparser::ast::{
    AlterTable, AlterTableOperation, CheckConstraint, CreateIndex, CreateTable, CreateTableOptions, Expr,
    ForeignKeyConstraint, IndexColumn, IndexOption, IndexType, NullsDistinctOption, OrderBySort, TableConstraint,
};

use super::super::writer::{WriteResult, Writer};
use super::{replicable, stored_expression};

/// The error for a clause that is not MySQL's.
fn foreign(clause: &str) -> SqlError {
    SqlError::syntax(format!("You have an error in your SQL syntax: {clause} is not MySQL's; leave it out"))
}

fn refuse(is_foreign: bool, clause: &str) -> WriteResult {
    if is_foreign { Err(foreign(clause)) } else { Ok(()) }
}

/// Checks all of CREATE TABLE but its columns, constraints and options, which are checked where they are written.
///
/// # Errors
/// 1064 for a clause of another database.
pub(super) fn create_table(mut create: CreateTable) -> Result<CreateTable, SqlError> {
    let (columns, constraints) = (std::mem::take(&mut create.columns), std::mem::take(&mut create.constraints));
    let (query, like, options) = (
        create.query.take(),
        create.like.take(),
        std::mem::replace(&mut create.table_options, CreateTableOptions::None),
    );
    let plain = CreateTableBuilder::new(create.name.clone())
        .temporary(create.temporary)
        .or_replace(create.or_replace)
        .if_not_exists(create.if_not_exists)
        .build();
    let is_plain = matches!(options, CreateTableOptions::None | CreateTableOptions::Plain(_));
    refuse(plain != create || !is_plain, "a clause of this CREATE TABLE")?;
    Ok(CreateTable { columns, constraints, query, like, table_options: options, ..create })
}

/// # Errors
/// As [`create_table`].
pub(super) fn alter_table(alter: &AlterTable) -> WriteResult {
    let AlterTable { if_exists, only, location, on_cluster, table_type, .. } = alter;
    let is_foreign = *if_exists || *only || location.is_some() || on_cluster.is_some() || table_type.is_some();
    refuse(is_foreign, "a clause of this ALTER TABLE")?;
    for operation in &alter.operations {
        match operation {
            AlterTableOperation::AddConstraint { not_valid: true, .. } => return Err(foreign("NOT VALID")),
            AlterTableOperation::AddColumn { if_not_exists: true, .. } => {
                return Err(foreign("ADD COLUMN IF NOT EXISTS"));
            }
            AlterTableOperation::DropColumn { drop_behavior, column_names, .. } => {
                refuse(drop_behavior.is_some() || column_names.len() != 1, "this form of DROP COLUMN")?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// # Errors
/// As [`create_table`].
pub(super) fn create_index(create: &CreateIndex, writer: &Writer<'_>) -> WriteResult {
    let CreateIndex { concurrently, r#async, include, nulls_distinct, with, predicate, .. } = create;
    let is_foreign = *concurrently
        || *r#async
        || !include.is_empty()
        || nulls_distinct.is_some()
        || !with.is_empty()
        || predicate.is_some();
    refuse(is_foreign, "a clause of this CREATE INDEX")?;
    index_type(create.using.as_ref())?;
    index_options(&create.index_options)?;
    index_parts(&create.columns, writer)
}

/// # Errors
/// As [`create_table`].
pub(super) fn constraint(constraint: &TableConstraint, writer: &Writer<'_>) -> WriteResult {
    match constraint {
        TableConstraint::Unique(key) => {
            let is_plain = key.include.is_empty()
                && key.characteristics.is_none()
                && key.nulls_distinct == NullsDistinctOption::None;
            refuse(!is_plain, "a clause of this UNIQUE key")?;
            index_type(key.index_type.as_ref())?;
            index_options(&key.index_options)?;
            index_parts(&key.columns, writer)
        }
        TableConstraint::PrimaryKey(key) => {
            refuse(!key.include.is_empty() || key.characteristics.is_some(), "a clause of this PRIMARY KEY")?;
            index_type(key.index_type.as_ref())?;
            index_options(&key.index_options)?;
            index_parts(&key.columns, writer)
        }
        TableConstraint::Index(key) => {
            index_type(key.index_type.as_ref())?;
            index_options(&key.index_options)?;
            index_parts(&key.columns, writer)
        }
        TableConstraint::FulltextOrSpatial(key) => index_parts(&key.columns, writer),
        TableConstraint::ForeignKey(ForeignKeyConstraint { match_kind, characteristics, .. }) => {
            refuse(match_kind.is_some() || characteristics.is_some(), "a clause of this FOREIGN KEY")
        }
        TableConstraint::Check(check) => check_constraint(check, writer),
        _ => Ok(()),
    }
}

/// # Errors
/// 1064 for a clause of another database, 1235 for one that MariaDB lacks, where the log is for MariaDB.
pub(super) fn check_constraint(check: &CheckConstraint, writer: &Writer<'_>) -> WriteResult {
    refuse(check.no_inherit, "NO INHERIT")?;
    let name = check.name.as_ref().map_or("", |name| name.value.as_str());
    stored_expression::check(&check.expr, stored_expression::Use::Check, name, writer)?;
    replicable::check(&check.expr, replicable::Place::Computed, writer)?;
    if check.enforced.is_some() { writer.refuse_for_mariadb("CHECK … ENFORCED") } else { Ok(()) }
}

fn index_type(kind: Option<&IndexType>) -> WriteResult {
    refuse(!matches!(kind, None | Some(IndexType::BTree | IndexType::Hash)), "this index type")
}

fn index_options(options: &[IndexOption]) -> WriteResult {
    for option in options {
        match option {
            IndexOption::Using(kind) => index_type(Some(kind))?,
            IndexOption::Comment(text) if text.chars().count() > 1024 => {
                return Err(SqlError::new(1688, b"HY000", "Comment for index is too long (max = 1024)"));
            }
            IndexOption::Comment(_) => {}
        }
    }
    Ok(())
}

fn index_parts(parts: &[IndexColumn], writer: &Writer<'_>) -> WriteResult {
    for part in parts {
        let options = &part.column.options;
        let is_plain = part.operator_class.is_none()
            && part.column.with_fill.is_none()
            && options.nulls_first.is_none()
            && !matches!(options.sort, Some(OrderBySort::Using(_)));
        refuse(!is_plain, "a clause of this key part")?;
        match &part.column.expr {
            Expr::Identifier(_) | Expr::Function(_) => {}
            Expr::Nested(value) => {
                writer.refuse_for_mariadb("a key part that is an expression")?;
                stored_expression::check(value, stored_expression::Use::Key, "", writer)?;
            }
            _ => return Err(foreign("an expression without parentheses as key part")),
        }
    }
    Ok(())
}
