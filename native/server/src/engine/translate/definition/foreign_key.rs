//! Foreign keys of CREATE TABLE, and the keys that they need.

use std::collections::BTreeSet;

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;
use sqlparser::ast::{
    ColumnOption, CreateTable, Expr, ForeignKeyConstraint, Ident, IndexColumn, ReferentialAction, TableConstraint,
};

use super::super::errors::unsupported;
use super::super::names::last_part;
use super::super::writer::{WriteResult, Writer, check_new_name};
use super::target::Target;
use crate::engine::annotations::{Annotation, Annotations};

/// The keys that a table's foreign keys need beside its own, each with its name, because a parent's row is else compared with every row of
/// the table. `names` are those of its own keys, in lower case. As in InnoDB a key has the name of the constraint, else of its first column.
pub(super) fn own_keys(create: &CreateTable, mut names: BTreeSet<String>) -> Vec<(String, Vec<IndexColumn>)> {
    let mut known: Vec<Vec<&Ident>> = Vec::new();
    for column in &create.columns {
        let is_key = |option: &ColumnOption| matches!(option, ColumnOption::PrimaryKey(_) | ColumnOption::Unique(_));
        if column.options.iter().any(|option| is_key(&option.option)) {
            names.insert(column.name.value.to_lowercase());
            known.push(vec![&column.name]);
        }
    }
    for constraint in &create.constraints {
        match constraint {
            TableConstraint::PrimaryKey(key) => known.push(whole_columns(&key.columns)),
            TableConstraint::Unique(key) => known.push(whole_columns(&key.columns)),
            TableConstraint::Index(key) => known.push(whole_columns(&key.columns)),
            _ => {}
        }
    }
    let mut made = Vec::new();
    for constraint in &create.constraints {
        let TableConstraint::ForeignKey(key) = constraint else { continue };
        let is_same = |(own, wanted): (&&Ident, &Ident)| own.value.eq_ignore_ascii_case(&wanted.value);
        let begins = |own: &Vec<&Ident>| own.len() >= key.columns.len() && own.iter().zip(&key.columns).all(is_same);
        let Some(first) = key.columns.first().filter(|_| !known.iter().any(begins)) else { continue };
        let name = key.name.as_ref().or(key.index_name.as_ref()).unwrap_or(first);
        let mut unique = name.value.clone();
        let mut number = 1;
        while !names.insert(unique.to_lowercase()) {
            number += 1;
            unique = format!("{}_{number}", name.value);
        }
        known.push(key.columns.iter().collect());
        made.push((unique, key.columns.iter().cloned().map(IndexColumn::from).collect()));
    }
    made
}

/// The first parts of a key that are whole columns.
fn whole_columns(parts: &[IndexColumn]) -> Vec<&Ident> {
    let named = parts.iter().map_while(|part| match &part.column.expr {
        Expr::Identifier(name) => Some(name),
        _ => None,
    });
    named.collect()
}

/// Writes a foreign key within CREATE TABLE, with a comma in front.
pub(super) fn write(key: &ForeignKeyConstraint, table: &Target, writer: &mut Writer<'_>) -> WriteResult {
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
    if key.columns.len() != key.referred_columns.len() {
        let name = key.name.as_ref().map_or("foreign key without name", |name| name.value.as_str());
        let message =
            format!("Incorrect foreign key definition for '{name}': Key reference and table reference don't match");
        return Err(SqlError::new(1239, b"42000", message));
    }
    writer.push("FOREIGN KEY (");
    writer.names(&key.columns)?;
    writer.push(") REFERENCES ");
    writer.name(&parent)?;
    writer.push(" (");
    writer.names(&key.referred_columns)?;
    writer.push(")");
    let is_own = parent == table.table;
    for (when, action) in [(" ON DELETE ", key.on_delete), (" ON UPDATE ", key.on_update)] {
        let Some(action) = action else { continue };
        let word = action_word(action)?;
        writer.push(when);
        // Changing rows of the table that is being changed is what InnoDB refuses, whatever the key says.
        if is_own && when == " ON UPDATE " && matches!(action, ReferentialAction::Cascade | ReferentialAction::SetNull)
        {
            writer.push("RESTRICT");
            let mut annotations = Annotations::default();
            annotations.add(Annotation::OnUpdate, word);
            writer.annotations(&annotations);
            continue;
        }
        writer.push(word);
    }
    Ok(())
}

/// The words of a foreign key's action.
fn action_word(action: ReferentialAction) -> Result<&'static str, SqlError> {
    Ok(match action {
        ReferentialAction::Restrict => "RESTRICT",
        ReferentialAction::Cascade => "CASCADE",
        ReferentialAction::SetNull => "SET NULL",
        ReferentialAction::NoAction => "NO ACTION",
        ReferentialAction::SetDefault => {
            return Err(SqlError::new(1215, b"HY000", "Cannot add foreign key constraint: InnoDB has no SET DEFAULT"));
        }
    })
}
