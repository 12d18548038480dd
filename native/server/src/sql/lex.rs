//! MySQL's lexical rules for bytes: splits statements, removes comments, and converts text for a parser of UTF-8.
//!
//! [`normalise`] writes a statement in one canonical form: UTF-8, without comments, independent of the SQL mode. Every reader of that form
//! (this lexer, the one of account statements, sqlparser) finds the same strings and names in it, whatever the session's `sql_mode` and
//! character set are.
//!
//! Source: MySQL Reference Manual, "Language Structure" (string literals, comments, character set introducers).

use std::borrow::Cow;

use sealwire_core::error::SqlError;
use sealwire_core::sql::{self, Inside};
pub(crate) use sealwire_core::sql::{Lexer, Piece};

use super::charset::Charset;
use super::error::{MOST_TOKENS, too_many_tokens};
use super::mode::Mode;
use super::optional::{self, Optional};

/// The syntax of a client's statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Syntax {
    /// The effects of `sql_mode`.
    pub(crate) mode: Mode,
    /// `character_set_client`.
    pub(crate) charset: Charset,
}

/// Splits off the first statement; returns it and the text after its semicolon.
///
/// # Errors
/// 3170 where it has more tokens than allowed; the rest is then not read.
pub(crate) fn first_statement(sql: &[u8], mode: Mode) -> Result<(&[u8], &[u8]), SqlError> {
    let mut end = 0;
    let (mut tokens, mut pieces) = (0usize, 0usize);
    for (piece, text) in Lexer::new(sql).in_mode(mode) {
        if piece == Piece::Symbol(b';') {
            return Ok((sql.get(..end).unwrap_or_default(), sql.get(end + 1..).unwrap_or_default()));
        }
        end += text.len();
        pieces += 1;
        tokens += usize::from(!piece.is_blank());
        // Blanks between tokens are counted too, because reading many of them takes as long as reading tokens.
        if tokens > MOST_TOKENS || pieces > 4 * MOST_TOKENS {
            return Err(too_many_tokens());
        }
    }
    Ok((sql, &[]))
}

/// The text without leading spaces, comments and semicolons.
pub(crate) fn without_leading_blank(sql: &[u8]) -> &[u8] {
    let blank = Lexer::new(sql).take_while(is_nothing).map(|(_, text)| text.len()).sum();
    sql.get(blank..).unwrap_or_default()
}

/// Whether the text consists of spaces, comments and semicolons only.
pub(crate) fn is_blank(sql: &[u8]) -> bool {
    Lexer::new(sql).all(|piece| is_nothing(&piece))
}

/// Whether a piece is part of no statement. An optional statement looks like a comment.
fn is_nothing((piece, text): &(Piece, &[u8])) -> bool {
    (piece.is_blank() && optional::read(text).is_none()) || *piece == Piece::Symbol(b';')
}

/// Whether the text has a comment. A query of comments alone is answered with OK, on which dumps and drivers rely.
pub(crate) fn has_comment(sql: &[u8]) -> bool {
    Lexer::new(sql).any(|(piece, text)| piece == Piece::Comment && text.len() > 1)
}

/// The statement in its canonical form: UTF-8 without comments, strings and names in their default quotes. Strings that are not UTF-8, or
/// marked `_binary`, become `X'…'`. Of an optional statement, it is the statement itself.
///
/// # Errors
/// 1064 where a quote or a comment is not closed, or an optional statement is several, 1300 where a name is invalid in the client's character
/// set, 3170 where an optional statement has more tokens than allowed.
pub(crate) fn normalise(statement: &[u8], syntax: Syntax) -> Result<String, SqlError> {
    let optional = optional::read(without_leading_blank(statement).trim_ascii_end());
    let Some(Optional { statement: inner, .. }) = optional else { return canonical(statement, syntax) };
    // The form has the statement as the default mode reads it.
    let syntax = Syntax { mode: Mode::default(), ..syntax };
    let (first, rest) = first_statement(inner.as_bytes(), syntax.mode)?;
    if !is_blank(rest) {
        return Err(super::error::syntax_error_near(&inner, &String::from_utf8_lossy(rest)));
    }
    canonical(first, syntax)
}

fn canonical(statement: &[u8], syntax: Syntax) -> Result<String, SqlError> {
    let mut out = Canonical { out: String::with_capacity(statement.len()), syntax };
    let mut introducer: Option<&[u8]> = None;
    let mut lexer = Lexer::new(statement).in_mode(syntax.mode);
    let mut start = 0;
    let mut before: (Piece, &[u8]) = (Piece::Space, b"");
    while let Some((piece, text)) = lexer.next() {
        if lexer.open().inside != Inside::Nothing {
            let rest = String::from_utf8_lossy(statement.get(start..).unwrap_or_default()).into_owned();
            return Err(super::error::syntax_error_near(&String::from_utf8_lossy(statement), &rest));
        }
        start += text.len();
        // _latin1 x'e9' and _latin1 0xe9.
        if let Some(charset) = introducer.filter(|_| piece == Piece::Word).and_then(charset_of)
            && let Some(bytes) = hex_value(text, &mut lexer)
        {
            start = lexer.position();
            introducer = None;
            out.space();
            out.value(&bytes, Some(charset));
            before = (Piece::Text, b"");
            continue;
        }
        if !piece.is_blank()
            && piece != Piece::Text
            && let Some(word) = introducer.take()
        {
            out.word(word)?;
            out.space();
        }
        match piece {
            Piece::Space | Piece::Comment => {
                if introducer.is_none() && !out.out.is_empty() {
                    out.out.push(' ');
                }
            }
            Piece::ExecutableComment | Piece::ExecutableCommentEnd | Piece::Hint => out.out.push(' '),
            Piece::Word if is_introducer(text) => introducer = Some(text),
            Piece::Word => out.word(text)?,
            Piece::QuotedName => out.name(text)?,
            Piece::Text => out.text(text, introducer.take(), before),
            Piece::Symbol(byte) => out.symbol(byte, before, statement.get(start)),
        }
        before = (piece, text);
    }
    if let Some(word) = introducer {
        out.word(word)?;
    }
    let mut out = out.out;
    out.truncate(out.trim_end().len());
    // The space that comments took is not kept with a prepared statement.
    out.shrink_to_fit();
    Ok(out)
}

/// Writes a statement in its canonical form.
struct Canonical {
    out: String,
    syntax: Syntax,
}

impl Canonical {
    /// Separates the next token from the previous one.
    fn space(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with([' ', '(', ',']) {
            self.out.push(' ');
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), SqlError> {
        self.out.push_str(&self.syntax.charset.decode_name(word)?);
        Ok(())
    }

    fn name(&mut self, quoted: &[u8]) -> Result<(), SqlError> {
        if quoted.first() == Some(&b'`') {
            return self.word(quoted);
        }
        let name = sql::unquote(quoted, self.syntax.mode);
        self.out.push('`');
        self.out.push_str(&self.syntax.charset.decode_name(&name)?.replace('`', "``"));
        self.out.push('`');
        Ok(())
    }

    /// Writes a string, with the word before it that gives its character set.
    fn text(&mut self, quoted: &[u8], introducer: Option<&[u8]>, before: (Piece, &[u8])) {
        let mode = self.syntax.mode;
        let charset = introducer.map_or(Some(Charset::Utf8), charset_of);
        // Two adjacent strings would be read as one with a quote in it. b'…', n'…' and x'…' are literals only where they are so in MySQL.
        let (piece, word) = before;
        let touches = piece == Piece::Text || (piece == Piece::Word && !is_prefix(word, quoted));
        if introducer.is_some() || touches {
            self.space();
        }
        let is_plain = !mode.no_backslash_escapes && !quoted.contains(&b'\\');
        if let (true, Some(text)) = (is_plain, charset.and_then(|charset| charset.decode(quoted))) {
            self.out.push_str(&text);
            return;
        }
        self.value(&sql::unquote(quoted, mode), charset);
    }

    /// Writes the value of a string.
    fn value(&mut self, value: &[u8], charset: Option<Charset>) {
        match charset.and_then(|charset| charset.decode(value)) {
            Some(text) => push_text(&text, &mut self.out),
            None => {
                self.space();
                push_hex(value, &mut self.out);
            }
        }
    }

    fn symbol(&mut self, byte: u8, before: (Piece, &[u8]), after: Option<&u8>) {
        match byte {
            // sqlparser takes `--` before a Unicode space for a comment.
            b'-' if before.0 == Piece::Symbol(b'-') && after.is_some_and(|byte| !byte.is_ascii()) => {
                self.out.push_str(" -")
            }
            // Without PIPES_AS_CONCAT `||` becomes the word OR, so a `||` in the canonical form concatenates strings.
            b'|' if !self.syntax.mode.pipes_as_concat && before.0 == Piece::Symbol(b'|') && self.out.ends_with('|') => {
                self.out.pop();
                self.out.push_str(" OR ");
            }
            _ => self.out.push(char::from(byte)),
        }
    }
}

/// Whether a word and the string directly after it are one literal: `b'01'`, `x'0f'`, `n'text'`.
fn is_prefix(word: &[u8], quoted: &[u8]) -> bool {
    let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    quoted.first() == Some(&b'\'')
        && match word {
            [b'n' | b'N'] => true,
            [b'b' | b'B'] => inner.iter().all(|byte| matches!(byte, b'0' | b'1')),
            [b'x' | b'X'] => inner.iter().all(u8::is_ascii_hexdigit),
            _ => false,
        }
}

/// Writes a string in quotes that every reader understands alike: quotes and backslashes are doubled.
fn push_text(text: &str, out: &mut String) {
    out.push('\'');
    for part in text.split_inclusive(['\'', '\\']) {
        out.push_str(part);
        if let Some(last @ ('\'' | '\\')) = part.chars().next_back() {
            out.push(last);
        }
    }
    out.push('\'');
}

fn is_introducer(word: &[u8]) -> bool {
    const NAMES: [&[u8]; 6] = [b"_binary", b"_utf8mb4", b"_utf8mb3", b"_utf8", b"_latin1", b"_ascii"];
    NAMES.iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// The character set that an introducer gives; `None` for bytes.
fn charset_of(introducer: &[u8]) -> Option<Charset> {
    match introducer {
        word if word.eq_ignore_ascii_case(b"_binary") => None,
        word if word.eq_ignore_ascii_case(b"_latin1") => Some(Charset::Latin1),
        _ => Some(Charset::Utf8),
    }
}

/// The bytes of `x'…'` or `0x…`, of which the lexer has returned the word; it goes on behind the literal. `None` for another word.
fn hex_value(word: &[u8], lexer: &mut Lexer<'_>) -> Option<Vec<u8>> {
    if let Some(digits) = word.strip_prefix(b"0x").filter(|digits| !digits.is_empty()) {
        return hex(digits);
    }
    let mut behind = lexer.clone();
    let (Piece::Text, quoted) = behind.next().filter(|_| word.eq_ignore_ascii_case(b"x"))? else { return None };
    let digits = quoted.strip_prefix(b"'")?.strip_suffix(b"'")?;
    let bytes = hex(digits).filter(|_| digits.len().is_multiple_of(2))?;
    *lexer = behind;
    Some(bytes)
}

/// The bytes of hexadecimal digits, of which an odd number begins with half a byte.
fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pair = |pair: &[u8]| pair.iter().try_fold(0, |all: u8, digit| Some(all << 4 | value(digit)?));
    let (first, rest) = digits.split_at(digits.len() % 2);
    let first = if first.is_empty() { Some(None) } else { pair(first).map(Some) };
    let mut bytes: Vec<u8> = first?.into_iter().collect();
    for two in rest.chunks(2) {
        bytes.push(pair(two)?);
    }
    Some(bytes)
}

fn push_hex(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    out.reserve(bytes.len() * 2 + 3);
    out.push_str("X'");
    for byte in bytes {
        out.push(digit(byte >> 4));
        out.push(digit(byte & 15));
    }
    out.push('\'');
}

/// The offsets of the parameters in a statement that [`normalise`] wrote.
pub(crate) fn parameters(sql: &str) -> impl Iterator<Item = usize> {
    let mut at = 0;
    Lexer::new(sql.as_bytes()).filter_map(move |(piece, text)| {
        let start = at;
        at += text.len();
        (piece == Piece::Symbol(b'?')).then_some(start)
    })
}

/// The contents of a quoted text or name that [`normalise`] wrote.
pub(crate) fn unquote(quoted: &[u8]) -> Cow<'_, [u8]> {
    sql::unquote(quoted, Mode::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(sql: &[u8]) -> String {
        normalise(sql, Syntax::default()).unwrap()
    }

    fn code(sql: &[u8]) -> u16 {
        normalise(sql, Syntax::default()).unwrap_err().code
    }

    fn all(mut sql: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        while !is_blank(sql) {
            let (first, rest) = first_statement(sql, Mode::default()).unwrap();
            found.push(normal(first));
            sql = rest;
        }
        found
    }

    #[test]
    fn semicolons_in_quotes_and_comments_do_not_split() {
        let sql = b"SELECT ';', \"a;b\", `c;d` /* ; */ -- ;\n, 1; # ;\n SELECT 'it''s; \\';' ;;";
        assert_eq!(all(sql), ["SELECT ';', \"a;b\", `c;d`    , 1", "SELECT 'it''s; '';'"]);
    }

    #[test]
    fn executable_comments_are_executed_and_newer_ones_are_not() {
        assert_eq!(normal(b"/*!40101 SET NAMES utf8 */"), "  SET NAMES utf8");
        assert_eq!(normal(b"SELECT 1 /*!99999 ,2 */"), "SELECT 1");
        assert_eq!(normal(b"SELECT 1 /*M! ,2 */"), "SELECT 1");
    }

    #[test]
    fn comments_are_told_from_nothing() {
        for sql in [&b"/* hi */"[..], b" -- hi", b"# hi\n;", b"/*M!100122 x */"] {
            assert!(is_blank(sql) && has_comment(sql));
        }
        for sql in [&b""[..], b" ;; ", b"\n"] {
            assert!(is_blank(sql) && !has_comment(sql));
        }
    }

    #[test]
    fn an_optional_statement_is_no_comment() {
        let sql = r"CREATE VIEW v AS SELECT '*/', ';\\', a FROM t";
        let text = optional::write(sql, None);
        let lines = format!("# a line\n\n{text}\n; /* x */ SELECT 1; ");
        assert_eq!(all(lines.as_bytes()), [sql, "SELECT 1"]);
        assert_eq!(without_leading_blank(lines.as_bytes()).len(), lines.len() - "# a line\n\n".len());
        assert_eq!(code(optional::write("SELECT 1; SELECT 2", None).as_bytes()), 1064);
        assert_eq!(code(optional::write(&"a ".repeat(MOST_TOKENS + 1), None).as_bytes()), 3170);
        assert_eq!(normal(optional::write(&text, None).as_bytes()), "", "one within another is a comment");
    }

    #[test]
    fn two_minus_signs_are_a_comment_only_before_a_space() {
        assert_eq!(normal(b"SELECT 5--1"), "SELECT 5--1");
        assert_eq!(normal(b"SELECT 5 -- 1"), "SELECT 5");
    }

    #[test]
    fn binary_texts_become_hexadecimal() {
        assert_eq!(normal(b"SELECT _binary'a\\0\xff', _utf8mb4 'x', _binary"), "SELECT X'6100FF', 'x', _binary");
        assert_eq!(normal(b"SELECT '\xff'"), "SELECT X'FF'");
    }

    #[test]
    fn unterminated_quotes_end_with_the_text() {
        let open = first_statement(b"SELECT 'a; b\\", Mode::default()).unwrap();
        assert_eq!(open, (&b"SELECT 'a; b\\"[..], &b""[..]));
        for open in [&b"SELECT 1 /* never closed"[..], b"SELECT 'a", b"SELECT 'a\\'", b"SELECT \"a''", b"SELECT `a"] {
            assert_eq!(code(open), 1064, "{}", String::from_utf8_lossy(open));
        }
        assert_eq!(normal(b"SELECT 1 -- to the end"), "SELECT 1");
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(unquote(b"'a\\n\\%''\\\\'").as_ref(), b"a\n\\%'\\");
        assert_eq!(unquote(b"`a``b\\n`").as_ref(), b"a`b\\n");
    }

    #[test]
    fn a_mode_changes_what_a_quote_and_a_backslash_are() {
        let mode = |modes: &str| Syntax { mode: Mode::of(modes), charset: Charset::Utf8 };
        let backslash = mode("NO_BACKSLASH_ESCAPES");
        // MariaDB returns no row for this statement; this server once returned one.
        assert_eq!(normalise(br"SELECT 'q\' = ' or 1=1 -- '", backslash).unwrap(), r"SELECT 'q\\' = ' or 1=1 -- '");
        assert_eq!(normal(br"SELECT 'q\' = ' or 1=1 -- '"), "SELECT 'q'' = ' or 1=1");
        assert_eq!(first_statement(br"SELECT '\'; SELECT 2", backslash.mode).unwrap().0, br"SELECT '\'");
        assert_eq!(
            normalise(br#"SELECT "a""b`c\" FROM "t""#, mode("ANSI_QUOTES")).unwrap(),
            r#"SELECT `a"b``c\` FROM `t`"#
        );
        assert_eq!(normal(b"SELECT a||b|c"), "SELECT a OR b|c");
        assert_eq!(normalise(b"SELECT a||b", mode("PIPES_AS_CONCAT")).unwrap(), "SELECT a||b");
    }

    #[test]
    fn what_others_would_read_in_another_way_is_written_so_that_they_do_not() {
        // sqlparser knows more escapes, comments and literals than MySQL.
        assert_eq!(normal(br"SELECT '\a\f\n'"), "SELECT 'af\n'");
        assert_eq!(normal("SELECT 1--\u{a0}1".as_bytes()), "SELECT 1- -\u{a0}1");
        assert_eq!(normal(br"SELECT b'\' OR 1'"), "SELECT b ''' OR 1'");
        assert_eq!(normal(b"SELECT b'01', X'0f', n'a'"), "SELECT b'01', X'0f', n'a'");
        assert_eq!(normal(b"SELECT 'a'_utf8mb4'b'"), "SELECT 'a' 'b'");
        assert_eq!(normal(b"SELECT 1/*!1 +1*/"), "SELECT 1 1 +1");
        assert_eq!(code(b"SELECT `a\xff`"), 1300);
    }

    #[test]
    fn texts_of_latin1_say_what_they_are_or_are_taken_as_they_come() {
        let latin1 = Syntax { mode: Mode::default(), charset: Charset::Latin1 };
        assert_eq!(
            normalise(
                b"SELECT 'e', `\xe9`, \xe9, `\xc3\xa9`, _binary'\xe9', _utf8mb4'\xc3\xa9', _latin1'\xe9'",
                latin1
            )
            .unwrap(),
            "SELECT 'e', `\u{e9}`, \u{e9}, `\u{e9}`, X'E9', '\u{e9}', '\u{e9}'"
        );
        assert_eq!(normalise(b"SELECT '\xc3\xa9', '\xe9'", latin1).unwrap(), "SELECT '\u{e9}', X'E9'");
        assert_eq!(normal(b"SELECT _latin1'\xe9'"), "SELECT '\u{e9}'");
        // The bytes may be written in hexadecimal.
        for (written, canonical) in [
            (
                &b"SELECT _latin1 x'E927', _latin1 X'' , _utf8mb4 0xc3A9,_latin1 0xE"[..],
                "SELECT '\u{e9}''', '' , '\u{e9}','\u{e}'",
            ),
            (b"SELECT _utf8mb4 x'E9'", "SELECT X'E9'"),
            (
                b"SELECT _latin1 x 'E9', _latin1 0x, _latin1 x'E', x'E9'",
                "SELECT _latin1 x 'E9', _latin1 0x, _latin1 x'E', x'E9'",
            ),
        ] {
            assert_eq!(normal(written), canonical);
        }
    }
}
