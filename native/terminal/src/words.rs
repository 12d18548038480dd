//! The names of databases, tables and columns, for completion.

use sealwire_core::printable;

use sealwire::{Client, ClientError, Socket};

/// The most names for completion; nobody looks through more.
const MOST: usize = 10_000;

/// Names that can be completed, each kind sorted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) databases: Vec<String>,
    /// Those of the current database, and so are the columns.
    pub(crate) tables: Vec<String>,
    pub(crate) columns: Vec<String>,
}

impl Names {
    /// Queries the names. If the server refuses a query, there are none of that kind.
    pub(crate) fn ask(client: &mut Client<Socket>) -> Self {
        let columns = format!(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE() LIMIT {MOST}"
        );
        let [databases] = ask(client, "SHOW DATABASES").unwrap_or_default();
        let [tables, columns] = ask(client, &columns).unwrap_or_default();
        Self { databases, tables, columns }
    }
}

/// The server's name of the user.
pub(crate) fn user(client: &mut Client<Socket>) -> Result<String, ClientError> {
    let [mut users] = ask(client, "SELECT USER()")?;
    Ok(users.pop().unwrap_or_default())
}

/// The names in the columns of a result.
fn ask<const N: usize>(client: &mut Client<Socket>, sql: &str) -> Result<[Vec<String>; N], ClientError> {
    let mut names = [const { Vec::new() }; N];
    let mut result = client.query(sql)?;
    while let Some(row) = result.next()? {
        for (names, value) in names.iter_mut().zip(row.iter()) {
            if names.len() < MOST {
                names.extend(value.ok().flatten().and_then(name));
            }
        }
    }
    for names in &mut names {
        names.sort_unstable();
        names.dedup();
    }
    Ok(names)
}

/// A name that may be inserted into the user's line: valid UTF-8, without control characters, which a terminal would execute or which would
/// begin a new line.
fn name(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.is_empty() && !text.chars().any(printable::is_control)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_name_with_controls_is_not_offered() {
        assert_eq!(name(b"price").as_deref(), Some("price"));
        for bad in [&b""[..], b"a\nDROP TABLE t;", b"\x1b[31m", b"\xff", "\u{202e}".as_bytes()] {
            assert_eq!(name(bad), None);
        }
    }
}
