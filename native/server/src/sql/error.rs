//! Errors of SQL text: a wrong syntax, or too many tokens.

use sealwire_core::error::SqlError;

/// The most bytes of the statement that MySQL quotes.
const MOST_QUOTED: usize = 80;

/// The most tokens of a statement, because each takes some 400 bytes while the statement is parsed. This also limits the length of rows and
/// lists.
pub(crate) const MOST_TOKENS: usize = 1_000_000;

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

/// The error for a statement with more than [`MOST_TOKENS`] tokens.
pub(crate) fn too_many_tokens() -> SqlError {
    let message = format!(
        "Memory capacity of {MOST_TOKENS} tokens for one statement exceeded. Parser bailed out for this query; send it in parts"
    );
    SqlError::new(3170, b"HY000", message)
}
