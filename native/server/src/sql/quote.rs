//! Names and texts as MySQL's SQL writes them, for users to read and for the statements that the server makes itself.

use std::borrow::Cow;

use super::lex::{Lexer, Piece, unquote};

/// A name in backticks.
pub(crate) fn backquoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text in quotes, on one line. With and without `NO_BACKSLASH_ESCAPES` it ends at the same quote: a quote is doubled, and a backslash never
/// stands alone before one.
pub(crate) fn text_literal(text: &str) -> String {
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

/// SQL that the lexer has normalised, with each text as [`text_literal`] writes it, each name in backticks as it is, and one space where there
/// are some.
pub(crate) fn canonical_text(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    for (piece, text) in Lexer::new(sql.as_bytes()) {
        match piece {
            Piece::Space if out.is_empty() || out.ends_with(' ') => {}
            Piece::Space | Piece::ExecutableComment | Piece::ExecutableCommentEnd => out.push(' '),
            Piece::Text => match unquote(text) {
                Cow::Borrowed(bytes) => out.push_str(&text_literal(&String::from_utf8_lossy(bytes))),
                Cow::Owned(bytes) => out.push_str(&text_literal(&String::from_utf8_lossy(&bytes))),
            },
            Piece::Word | Piece::QuotedName | Piece::Symbol(_) => out.push_str(&String::from_utf8_lossy(text)),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_literal_whatever_it_holds() {
        assert_eq!(text_literal("a'b\\c\n\0\r\u{1a}"), "'a''b\\\\c\\n\\0\\r\\Z'");
        assert_eq!(text_literal("\\'"), "'\\\\'''");
        assert_eq!(canonical_text("a  = \"x'\\\\\" OR `b``\\` = X'41'"), "a = 'x''\\\\' OR `b``\\` = X'41'");
    }
}
