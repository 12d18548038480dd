//! The form in which normalised SQL is stored and shown.

use std::borrow::Cow;

use sealwire_core::sql::text_literal;

use super::lex::{Lexer, Piece, unquote};

/// Rewrites SQL that [`super::lex::normalise`] made: strings as [`text_literal`] writes them, names in backticks unchanged, and each run of
/// white space as one space.
pub(crate) fn canonical_text(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    for (piece, text) in Lexer::new(sql.as_bytes()) {
        match piece {
            Piece::Space if out.is_empty() || out.ends_with(' ') => {}
            Piece::Space | Piece::Comment | Piece::Hint | Piece::ExecutableComment | Piece::ExecutableCommentEnd => {
                out.push(' ')
            }
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
    fn texts_are_written_in_one_way_and_names_as_they_are() {
        assert_eq!(canonical_text("a  = \"x'\\\\\" OR `b``\\` = X'41'"), "a = 'x''\\\\' OR `b``\\` = X'41'");
    }
}
