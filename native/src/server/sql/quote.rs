//! Names and texts as MySQL's SQL writes them, for users to read and for the statements that the server makes itself.

/// A name in backticks.
pub(crate) fn backquoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text in quotes, where a backslash escapes.
pub(crate) fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
