//! Names: parts of the parser's names, and the names that databases and temporary tables have in SQLite.

use std::borrow::Cow;
use std::collections::BTreeSet;

use sqlparser::ast::{ObjectName, ObjectNamePart};

/// A session's temporary tables: databases and names.
pub(in crate::engine) type Temporaries = BTreeSet<(String, String)>;

/// A temporary table's name in SQLite, which has one schema for all. The separator is a control character, which no database's name holds.
pub(in crate::engine) fn temporary_name(database: &str, table: &str) -> String {
    format!("{database}\u{1}{table}")
}

/// The schema under which a database is attached: the database's name, with a suffix where SQLite reserves the name.
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

/// The suffix of a reserved name. It is a control character, which no database's name holds.
const RESERVED_NAME_SUFFIX: char = '\u{1}';

/// The parts of a name, without quotes.
pub(super) fn parts(name: &ObjectName) -> Vec<&str> {
    name.0.iter().filter_map(ObjectNamePart::as_ident).map(|part| part.value.as_str()).collect()
}

/// The last part of a name: the table without its database.
pub(super) fn last_part(name: &ObjectName) -> &str {
    parts(name).last().copied().unwrap_or_default()
}
