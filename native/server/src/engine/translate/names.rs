//! Names: those of the parser's tree, and those that databases and temporary tables have in SQLite.

use std::borrow::Cow;
use std::collections::BTreeSet;

use sqlparser::ast::{ObjectName, ObjectNamePart};

/// A session's temporary tables: databases and names.
pub(in crate::engine) type Temporaries = BTreeSet<(String, String)>;

/// The name of a temporary table in SQLite's one schema for them. A database's name holds no control character.
pub(in crate::engine) fn temporary_name(database: &str, table: &str) -> String {
    format!("{database}\u{1}{table}")
}

/// A database's name as SQLite's name of the schema to which its file is attached: its own, unless SQLite uses that one itself.
pub(in crate::engine) fn schema_of(database: &str) -> Cow<'_, str> {
    if ["main", "temp"].iter().any(|own| own.eq_ignore_ascii_case(database)) {
        return Cow::Owned(format!("{database}{RESERVED_NAME_SUFFIX}"));
    }
    Cow::Borrowed(database)
}

/// The reverse of [`schema_of`].
pub(in crate::engine) fn database_of(schema: &str) -> &str {
    schema.trim_end_matches(RESERVED_NAME_SUFFIX)
}

/// Marks a schema that could not have its database's name: no such name holds a control character.
const RESERVED_NAME_SUFFIX: char = '\u{1}';

/// The plain texts of a name's parts.
pub(super) fn parts(name: &ObjectName) -> Vec<&str> {
    name.0.iter().filter_map(ObjectNamePart::as_ident).map(|part| part.value.as_str()).collect()
}

/// The last part of a name: the table without its database.
pub(super) fn last_part(name: &ObjectName) -> &str {
    parts(name).last().copied().unwrap_or_default()
}
