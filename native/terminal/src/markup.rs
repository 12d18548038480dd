//! `--html` and `--xml`: formats results as markup, as mysql does.

use std::io::{self, Write};

use super::rows::Column;

/// The markup language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Markup {
    /// An HTML table.
    Html,
    /// An XML `resultset`.
    Xml,
}

impl Markup {
    /// Prints the markup before the rows.
    pub(crate) fn begin(self, out: &mut impl Write, columns: &[Column], names: bool, sql: &[u8]) -> io::Result<()> {
        match self {
            Self::Html => {
                out.write_all(b"<TABLE BORDER=1>")?;
                if !names {
                    return Ok(());
                }
                out.write_all(b"<TR>")?;
                for column in columns {
                    out.write_all(b"<TH>")?;
                    match column.name.as_slice() {
                        b"" => out.write_all(b" &nbsp; ")?,
                        name => escaped(out, name)?,
                    }
                    out.write_all(b"</TH>")?;
                }
                out.write_all(b"</TR>")
            }
            Self::Xml => {
                out.write_all(b"<?xml version=\"1.0\"?>\n\n<resultset statement=\"")?;
                escaped(out, sql)?;
                out.write_all(b"\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">")
            }
        }
    }

    /// Prints one row; the values are already formatted.
    pub(crate) fn row<'a>(
        self,
        out: &mut impl Write,
        columns: &[Column],
        values: impl Iterator<Item = Option<&'a [u8]>>,
    ) -> io::Result<()> {
        match self {
            Self::Html => {
                out.write_all(b"<TR>")?;
                for value in values {
                    out.write_all(b"<TD>")?;
                    match value {
                        None => out.write_all(b"NULL")?,
                        Some(value) => escaped(out, value)?,
                    }
                    out.write_all(b"</TD>")?;
                }
                out.write_all(b"</TR>")
            }
            Self::Xml => {
                out.write_all(b"\n  <row>\n")?;
                for (column, value) in columns.iter().zip(values) {
                    out.write_all(b"\t<field name=\"")?;
                    escaped(out, &column.name)?;
                    match value {
                        None => out.write_all(b"\" xsi:nil=\"true\" />\n")?,
                        Some(value) => {
                            out.write_all(b"\">")?;
                            escaped(out, value)?;
                            out.write_all(b"</field>\n")?;
                        }
                    }
                }
                out.write_all(b"  </row>\n")
            }
        }
    }

    /// Prints the markup after the rows.
    pub(crate) fn end(self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(match self {
            Self::Html => b"</TABLE>",
            Self::Xml => b"</resultset>\n",
        })
    }
}

/// Prints a text with the special characters of markup escaped.
fn escaped(out: &mut impl Write, text: &[u8]) -> io::Result<()> {
    for part in text.split_inclusive(|byte| matches!(byte, b'&' | b'<' | b'>' | b'"')) {
        let Some((last, before)) = part.split_last() else { continue };
        let entity: &[u8] = match last {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            b'"' => b"&quot;",
            _ => {
                out.write_all(part)?;
                continue;
            }
        };
        out.write_all(before)?;
        out.write_all(entity)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(markup: Markup, names: bool) -> String {
        let column = |name: &str| Column {
            name: name.as_bytes().to_vec(),
            is_number: false,
            is_nullable: true,
            is_binary: false,
            length: 10,
        };
        let columns = [column("a<b"), column("")];
        let mut out = Vec::new();
        markup.begin(&mut out, &columns, names, b"select \"1\" <2").unwrap();
        markup.row(&mut out, &columns, [Some(&b"x & \"y\""[..]), None].into_iter()).unwrap();
        markup.end(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn markup_is_as_mysql_writes_it() {
        assert_eq!(
            printed(Markup::Html, true),
            "<TABLE BORDER=1><TR><TH>a&lt;b</TH><TH> &nbsp; </TH></TR>\
             <TR><TD>x &amp; &quot;y&quot;</TD><TD>NULL</TD></TR></TABLE>"
        );
        assert!(printed(Markup::Html, false).starts_with("<TABLE BORDER=1><TR><TD>"));
        assert_eq!(
            printed(Markup::Xml, true),
            "<?xml version=\"1.0\"?>\n\n<resultset statement=\"select &quot;1&quot; &lt;2\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n  <row>\n\
             \t<field name=\"a&lt;b\">x &amp; &quot;y&quot;</field>\n\
             \t<field name=\"\" xsi:nil=\"true\" />\n  </row>\n</resultset>\n"
        );
    }
}
