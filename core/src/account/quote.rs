//! Text as SQL writes it.

use alloc::string::String;

/// A string literal that MySQL reads back as `text`, on one line. Under `NO_BACKSLASH_ESCAPES` it ends at the same quote.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\'' => out.push_str("''"),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{1a}' => out.push_str("\\Z"),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// An identifier that MySQL reads back as `text`.
pub(crate) fn backquoted(text: &str) -> String {
    alloc::format!("`{}`", text.replace('`', "``"))
}
