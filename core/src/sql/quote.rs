//! Writes names and strings as MySQL's SQL.

use alloc::format;
use alloc::string::String;

/// A string literal, on one line, that MySQL reads as `text`. It ends at the same quote with and without `NO_BACKSLASH_ESCAPES`, because
/// quotes are doubled and no single backslash stands before one.
pub fn text_literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for character in text.chars() {
        match character {
            '\'' => out.push_str("''"),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{1a}' => out.push_str("\\Z"),
            other => out.push(other),
        }
    }
    out.push('\'');
    out
}

/// A name in backticks, which MySQL reads as `name`.
pub fn backquoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_literal_whatever_it_holds() {
        assert_eq!(text_literal("a'b\\c\n\0\r\u{1a}"), "'a''b\\\\c\\n\\0\\r\\Z'");
        assert_eq!(text_literal("\\'"), "'\\\\'''");
        assert_eq!(backquoted("a`b\\"), "`a``b\\`");
    }
}
