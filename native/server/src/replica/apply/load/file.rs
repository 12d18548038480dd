//! The rows of LOAD DATA's file.
//!
//! Source: MySQL Reference Manual, "LOAD DATA Statement" (field and line handling).

use sealwire_core::error::SqlError;

/// The most bytes of one row, because it waits in memory.
const MOST_OF_ROW: usize = 64 << 20;

/// How fields and lines end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Format {
    /// `FIELDS TERMINATED BY`.
    pub(super) field_end: Vec<u8>,
    /// `ENCLOSED BY`.
    pub(super) enclosure: Option<u8>,
    /// `ESCAPED BY`.
    pub(super) escape: Option<u8>,
    /// `LINES STARTING BY`.
    pub(super) line_start: Vec<u8>,
    /// `LINES TERMINATED BY`.
    pub(super) line_end: Vec<u8>,
}

impl Default for Format {
    fn default() -> Self {
        Self {
            field_end: b"\t".to_vec(),
            enclosure: None,
            escape: Some(b'\\'),
            line_start: Vec::new(),
            line_end: b"\n".to_vec(),
        }
    }
}

/// A value; `None` is NULL.
pub(super) type Field = Option<Vec<u8>>;

/// The end of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Field,
    Line,
    File,
}

/// Reads the rows of a file that arrives in parts.
pub(super) struct Rows<'f, N> {
    format: &'f Format,
    /// Gives the next part.
    next: N,
    part: Vec<u8>,
    at: usize,
    is_ended: bool,
}

impl<'f, N: FnMut() -> Result<Option<Vec<u8>>, SqlError>> Rows<'f, N> {
    /// Reads a file whose parts `next` gives, `None` behind the last one.
    pub(super) const fn new(format: &'f Format, next: N) -> Self {
        Self { format, next, part: Vec::new(), at: 0, is_ended: false }
    }

    /// Has at least so many bytes ready, unless the file ends before.
    fn fill(&mut self, length: usize) -> Result<(), SqlError> {
        while self.part.len() - self.at.min(self.part.len()) < length && !self.is_ended {
            match (self.next)()? {
                Some(more) => {
                    self.part.drain(..self.at.min(self.part.len()));
                    self.at = 0;
                    self.part.extend_from_slice(&more);
                }
                None => self.is_ended = true,
            }
        }
        Ok(())
    }

    fn peek(&mut self) -> Result<Option<u8>, SqlError> {
        self.fill(1)?;
        Ok(self.part.get(self.at).copied())
    }

    fn begins(&mut self, text: &[u8]) -> Result<bool, SqlError> {
        self.fill(text.len())?;
        Ok(!text.is_empty() && self.part.get(self.at..).is_some_and(|rest| rest.starts_with(text)))
    }

    fn accept(&mut self, text: &[u8]) -> Result<bool, SqlError> {
        let begins = self.begins(text)?;
        if begins {
            self.at += text.len();
        }
        Ok(begins)
    }

    /// Skips so many lines, or all that the file has, as `IGNORE 1 LINES` does: without regard to fields.
    pub(super) fn skip_lines(&mut self, count: u64) -> Result<(), SqlError> {
        let format = self.format;
        let mut left = count;
        while left > 0 && self.peek()?.is_some() {
            if self.accept(&format.line_end)? {
                left -= 1;
            } else {
                self.at += 1;
            }
        }
        Ok(())
    }

    /// The next row; `None` behind the last one.
    ///
    /// # Errors
    /// 1153 for a row that is too long, and those of the parts.
    pub(super) fn row(&mut self) -> Result<Option<Vec<Field>>, SqlError> {
        let format = self.format;
        while !format.line_start.is_empty() && !self.accept(&format.line_start)? {
            if self.peek()?.is_none() {
                return Ok(None);
            }
            self.at += 1;
        }
        if self.peek()?.is_none() {
            return Ok(None);
        }
        let (mut fields, mut length) = (Vec::new(), 0);
        loop {
            let (field, end) = self.field(MOST_OF_ROW.saturating_sub(length))?;
            length += field.as_ref().map_or(0, Vec::len) + size_of::<Field>();
            fields.push(field);
            if end != End::Field {
                return Ok(Some(fields));
            }
        }
    }

    fn field(&mut self, most: usize) -> Result<(Field, End), SqlError> {
        let format = self.format;
        let enclosure = match format.enclosure {
            Some(byte) if self.accept(&[byte])? => Some(byte),
            _ => None,
        };
        let (mut text, mut is_null) = (Vec::new(), false);
        let end = loop {
            if text.len() >= most {
                let message =
                    "Got a packet bigger than 'max_allowed_packet' bytes: a row of LOAD DATA's file is too long";
                return Err(SqlError::new(1153, b"08S01", message));
            }
            if enclosure.is_none() {
                if self.accept(&format.line_end)? {
                    break End::Line;
                }
                if self.accept(&format.field_end)? {
                    break End::Field;
                }
            }
            let Some(byte) = self.peek()? else { break End::File };
            self.at += 1;
            if Some(byte) == format.escape {
                match self.peek()? {
                    Some(escaped) => {
                        self.at += 1;
                        is_null = escaped == b'N' && text.is_empty() && enclosure.is_none();
                        text.push(unescaped(escaped));
                    }
                    None => text.push(byte),
                }
                continue;
            }
            if Some(byte) == enclosure {
                if self.accept(&[byte])? {
                    text.push(byte);
                } else if self.peek()?.is_none() {
                    break End::File;
                } else if self.accept(&format.line_end)? {
                    break End::Line;
                } else if self.accept(&format.field_end)? {
                    break End::Field;
                } else {
                    text.push(byte);
                }
                continue;
            }
            text.push(byte);
        };
        let is_word = enclosure.is_none() && format.enclosure.is_some() && text == b"NULL";
        let is_null = is_word || (is_null && text.len() == 1);
        Ok(((!is_null).then_some(text), end))
    }
}

const fn unescaped(byte: u8) -> u8 {
    match byte {
        b'0' => 0,
        b'b' => 8,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'Z' => 26,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of a file that comes in parts of so many bytes.
    fn rows(format: &Format, file: &str, part: usize) -> Vec<String> {
        let mut parts = file.as_bytes().chunks(part).map(<[u8]>::to_vec);
        let mut rows = Rows::new(format, || Ok(parts.next()));
        let mut all = Vec::new();
        while let Some(row) = rows.row().unwrap() {
            let shown = |field: &Field| {
                let text = field.as_deref().unwrap_or(b"NULL");
                String::from_utf8_lossy(text).into_owned()
            };
            all.push(row.iter().map(shown).collect::<Vec<String>>().join("|"));
        }
        all
    }

    #[test]
    fn rows_are_read_as_mysql_reads_them() {
        let plain = Format::default();
        let quoted =
            Format { field_end: b",".to_vec(), enclosure: Some(b'"'), line_end: b"\r\n".to_vec(), ..Format::default() };
        let marked =
            Format { line_start: b"->".to_vec(), field_end: b"||".to_vec(), escape: None, ..Format::default() };
        for (format, file, expected) in [
            (&plain, "1\tone\n2\t\\N\n", &["1|one", "2|NULL"][..]),
            (&plain, "a\\tb\\\\\tNULL\\n\n\nlast", &["a\tb\\|NULL\n", "", "last"]),
            (&plain, "\\Nx\tx\\N\t\\\n\n", &["Nx|xN|\n"]),
            (&quoted, "\"a,\"\"b\",c\"d,\"e\r\n\"\r\n", &["a,\"b|c\"d|e\r\n"]),
            (&quoted, "NULL,\"NULL\",\\N,\"\\N\"\r\n1,\"x\"y\",2\r\n", &["NULL|NULL|NULL|N", "1|x\"y|2"]),
            (&quoted, "\"open\r\n", &["open\r\n"]),
            (&marked, "junk->1||\\N\nmore\n->2||x|y\nend", &["1|\\N", "2|x|y"]),
            (&plain, "", &[]),
        ] {
            for part in [1, 2, 3, 1000] {
                assert_eq!(rows(format, file, part), expected, "{file:?} in parts of {part}");
            }
        }
        let mut parts = [b"head\nline".to_vec(), b"\n1\t2\n".to_vec()].into_iter();
        let mut skipping = Rows::new(&plain, || Ok(parts.next()));
        skipping.skip_lines(2).unwrap();
        assert_eq!(skipping.row().unwrap(), Some(vec![Some(b"1".to_vec()), Some(b"2".to_vec())]));
        assert_eq!(skipping.row().unwrap(), None);
    }

    #[test]
    fn a_number_of_lines_to_ignore_takes_no_more_time_than_the_file() {
        let plain = Format::default();
        for file in ["", "abcd", "a\nb\n", "a\nb"] {
            let mut parts = [file.as_bytes().to_vec()].into_iter();
            let mut rows = Rows::new(&plain, || Ok(parts.next()));
            rows.skip_lines(u64::MAX).unwrap();
            assert_eq!(rows.row().unwrap(), None, "{file:?}");
        }
    }
}
