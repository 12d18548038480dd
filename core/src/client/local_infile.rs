//! Finds the file that a LOAD DATA LOCAL INFILE statement names.
//!
//! The server sends the name of the file that it requests. Only the statement just sent may permit it, because only the statement comes
//! from the user.

use alloc::vec::Vec;

/// The file that `sql` names if its first statement is `LOAD DATA [LOW_PRIORITY | CONCURRENT] LOCAL INFILE 'file'` or LOAD XML.
///
/// Later statements in `sql` do not count, because the server, which may be malicious, decides where the first one ends.
pub(super) fn named_by(sql: &[u8], no_backslash_escapes: bool) -> Option<Vec<u8>> {
    let mut words = Words(sql);
    words.expect("LOAD")?;
    words.expect("DATA").or_else(|| words.expect("XML"))?;
    words.expect("LOW_PRIORITY").or_else(|| words.expect("CONCURRENT"));
    words.expect("LOCAL")?;
    words.expect("INFILE")?;
    words.string(no_backslash_escapes)
}

/// The part of the statement that has not been read.
#[derive(Clone, Copy)]
struct Words<'a>(&'a [u8]);

impl Words<'_> {
    /// Reads this word, in any case. If another word follows, returns `None` and reads no word.
    fn expect(&mut self, word: &str) -> Option<()> {
        self.skip()?;
        let end = self.0.iter().position(|byte| !is_word(*byte)).unwrap_or(self.0.len());
        let (found, rest) = self.0.split_at(end);
        found.eq_ignore_ascii_case(word.as_bytes()).then(|| self.0 = rest)
    }

    /// Reads a quoted string by the server's rules.
    fn string(&mut self, no_backslash_escapes: bool) -> Option<Vec<u8>> {
        self.skip()?;
        let (&quote, mut rest) = self.0.split_first()?;
        if !matches!(quote, b'\'' | b'"') {
            return None;
        }
        let mut text = Vec::new();
        loop {
            let (&byte, after) = rest.split_first()?;
            rest = after;
            match (byte, rest.split_first()) {
                (b'\\', Some((&escaped, after))) if !no_backslash_escapes => {
                    rest = after;
                    // As in LIKE patterns, the server keeps the backslash before these characters, in every string.
                    if matches!(escaped, b'%' | b'_') {
                        text.push(b'\\');
                    }
                    text.push(match escaped {
                        b'0' => 0,
                        b'b' => 8,
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'Z' => 26,
                        other => other,
                    });
                }
                (_, Some((&next, after))) if byte == quote && next == quote => {
                    rest = after;
                    text.push(quote);
                }
                _ if byte == quote => {
                    self.0 = rest;
                    return Some(text);
                }
                _ => text.push(byte),
            }
        }
    }

    /// Skips white space and comments; `None` if a comment has no end. The contents of `/*! … */` and `/*M! … */` are SQL, not comments.
    fn skip(&mut self) -> Option<()> {
        loop {
            self.0 = self.0.trim_ascii_start();
            self.0 = match self.0 {
                [b'#', rest @ ..] => after(rest, b"\n")?,
                [b'-', b'-', rest @ ..] if rest.first().is_none_or(|byte| *byte <= b' ') => after(rest, b"\n")?,
                [b'/', b'*', b'!', rest @ ..] | [b'/', b'*', b'M', b'!', rest @ ..] => {
                    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    rest.get(digits..)?
                }
                [b'/', b'*', rest @ ..] => after(rest, b"*/")?,
                // The end of a comment whose contents are SQL.
                [b'*', b'/', rest @ ..] => rest,
                _ => return Some(()),
            };
        }
    }
}

fn after<'a>(text: &'a [u8], end: &[u8]) -> Option<&'a [u8]> {
    let at = text.windows(end.len()).position(|window| window == end)?;
    text.get(at + end.len()..)
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::named_by;

    fn named(sql: &str) -> Option<&'static str> {
        let name = named_by(sql.as_bytes(), false)?;
        Some(std::string::String::from_utf8(name).unwrap().leak())
    }

    #[test]
    fn the_file_of_a_load_is_found_behind_comments() {
        for sql in [
            "LOAD DATA LOCAL INFILE 'a' INTO TABLE t",
            "load data low_priority local infile \"a\" into table t",
            "LOAD DATA CONCURRENT LOCAL INFILE'a'",
            "LOAD XML LOCAL INFILE 'a' INTO TABLE t",
            " -- x\n # y\n/* SELECT 1; */ LOAD/**/DATA\tLOCAL--\nINFILE 'a'; SELECT 1",
            "/*!50000 LOAD DATA */ /*!LOCAL*/ INFILE /*M!100100 'a' */",
        ] {
            assert_eq!(named(sql), Some("a"), "{sql}");
        }
        assert_eq!(named(r"LOAD DATA LOCAL INFILE 'C:\\it''s \'\n\_'"), Some("C:\\it's '\n\\_"));
        assert_eq!(named_by(br"LOAD DATA LOCAL INFILE '\'", true), Some(b"\\".to_vec()));
    }

    #[test]
    fn nothing_else_names_a_file() {
        for sql in [
            "",
            "SELECT 1",
            "SELECT 1; LOAD DATA LOCAL INFILE 'a' INTO TABLE t",
            "LOAD DATA INFILE 'a' INTO TABLE t",
            "LOAD DATA LOCAL INFILE",
            "LOAD DATA LOCAL INFILE 'a",
            "LOAD DATA LOCAL INFILE a",
            "LOADDATA LOCAL INFILE 'a'",
            "-- LOAD DATA LOCAL INFILE 'a'",
            "# LOAD DATA LOCAL INFILE 'a'",
            "/* LOAD DATA LOCAL INFILE 'a' */",
            "/* LOAD DATA LOCAL INFILE 'a'",
            "SELECT 'LOAD DATA LOCAL INFILE ''a'''",
            "HELP 'LOAD DATA LOCAL INFILE ''a'''",
        ] {
            assert_eq!(named(sql), None, "{sql}");
        }
    }
}
