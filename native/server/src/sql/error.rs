//! MySQL's syntax error.

use sealwire_core::error::SqlError;

/// MySQL quotes at most this many bytes of the statement.
const MOST_QUOTED: usize = 80;

/// MySQL's 1064, which quotes the statement from `rest` on.
pub(crate) fn syntax_error_near(sql: &str, rest: &str) -> SqlError {
    let before = sql.get(..sql.len().saturating_sub(rest.len())).unwrap_or_default();
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    let near: String = rest.chars().take(MOST_QUOTED).collect();
    SqlError::new(
        1064,
        b"42000",
        format!(
            "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right \
             syntax to use near '{near}' at line {line}"
        ),
    )
}
