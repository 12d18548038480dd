//! The names of tables and columns, for completion.

use sealwire_core::printable;

use sealwire::{Client, ClientError, Socket};

/// The most names for completion; nobody looks through more.
const MOST: usize = 10_000;

/// Queries the names of the database's tables and columns.
pub(crate) fn ask(client: &mut Client<Socket>) -> Result<Vec<String>, ClientError> {
    let sql = format!(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE() LIMIT {MOST}"
    );
    let mut names = Vec::new();
    let mut result = client.query(sql)?;
    while let Some(row) = result.next()? {
        names.extend(row.iter().filter_map(|value| name(value.ok()??)));
    }
    names.sort_unstable();
    names.dedup();
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
