//! Foreign keys of CREATE TABLE.

use sealwire_accounts::Privilege;
use sealwire_binlog::Flavour;
use sealwire_core::error::SqlError;
use sqlparser::ast::{ForeignKeyConstraint, Ident, ReferentialAction};

use super::super::errors::unsupported;
use super::super::names::last_part;
use super::super::writer::{WriteResult, Writer, check_new_name};
use super::target::Target;
use crate::engine::annotations::{Annotation, Annotations, NUMBERED};

/// The name of a foreign key and of the index that is made for it. MariaDB takes the name of the index for both.
pub(super) fn name_of<'k>(key: &'k ForeignKeyConstraint, writer: &Writer<'_>) -> Option<&'k Ident> {
    let of_index = key.index_name.as_ref().filter(|_| writer.scope.log == Some(Flavour::MariaDb));
    key.name.as_ref().or(of_index)
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
    if let Some(name) = name_of(key, writer) {
        check_new_name(&name.value, 1059, "constraint")?;
        let end = name.value.strip_prefix(&table.table).and_then(|rest| rest.strip_prefix(NUMBERED));
        if let Some(end) = end {
            let mut annotations = Annotations::default();
            annotations.add(Annotation::NameEnd, end);
            writer.annotations(&annotations);
        } else {
            writer.push("CONSTRAINT ");
            writer.name(&name.value)?;
            writer.push(" ");
        }
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
