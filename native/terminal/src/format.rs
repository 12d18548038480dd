//! Formats results as mysql does: as tables, vertically, and separated by tabs.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

use unicode_width::UnicodeWidthChar as _;

use super::rows::{Column, Rows};

/// The greatest width of a table's column, however long its header or values are.
const MAX_COLUMN_WIDTH: usize = 1024;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether the column names are printed; `--skip-column-names` switches them off.
    pub(crate) column_names: bool,
    /// `--raw`: do not escape values in tab-separated output.
    pub(crate) raw: bool,
    /// `--binary-as-hex`.
    pub(crate) binary_as_hex: bool,
}

/// A table with lines of `+`, `-` and `|`.
///
/// The width of a column is the longest value's length in *bytes*, as in mysql, because scripts read its tables by position.
#[derive(Debug)]
pub(crate) struct Table {
    widths: Vec<usize>,
    line: Vec<u8>,
}

impl Table {
    /// A table whose columns are as wide as these rows need.
    pub(crate) fn measured(columns: &[Column], rows: &Rows, style: Style) -> Self {
        let mut longest = vec![0; columns.len()];
        for row in rows.iter() {
            for (width, value) in longest.iter_mut().zip(row) {
                *width = (*width).max(value.map_or(0, <[u8]>::len));
            }
        }
        Self::new(columns, longest, style)
    }

    /// A table whose columns are as wide as they were declared, for use before any row is known.
    pub(crate) fn declared(columns: &[Column], style: Style) -> Self {
        Self::new(columns, columns.iter().map(|column| column.length.min(MAX_COLUMN_WIDTH)).collect(), style)
    }

    fn new(columns: &[Column], mut widths: Vec<usize>, style: Style) -> Self {
        let mut line = vec![b'+'];
        for (width, column) in widths.iter_mut().zip(columns) {
            if style.column_names {
                *width = (*width).max(column.name.len());
            }
            if column.is_nullable {
                *width = (*width).max("NULL".len());
            }
            if style.binary_as_hex && column.is_binary {
                *width = 2 + *width * 2;
            }
            line.resize(line.len() + *width + 2, b'-');
            line.push(b'+');
        }
        line.push(b'\n');
        Self { widths, line }
    }

    /// The width of the table in terminal columns.
    pub(crate) fn width(&self) -> usize {
        self.line.len() - 1
    }

    /// Some of the table's rows; the header is printed above the first one.
    pub(crate) fn rows(
        &self,
        out: &mut impl Write,
        columns: &[Column],
        rows: &Rows,
        style: Style,
        is_first: bool,
    ) -> io::Result<()> {
        if is_first {
            self.head(out, columns, style)?;
        }
        for row in rows.iter() {
            out.write_all(b"|")?;
            for ((column, width), value) in columns.iter().zip(&self.widths).zip(row) {
                out.write_all(b" ")?;
                match value {
                    Some(value) if style.binary_as_hex && column.is_binary => {
                        hex(out, value)?;
                        pad(out, *width, 2 + 2 * value.len())?;
                    }
                    _ => cell(out, value.unwrap_or(b"NULL"), *width, column.is_number)?,
                }
                out.write_all(b" |")?;
            }
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn head(&self, out: &mut impl Write, columns: &[Column], style: Style) -> io::Result<()> {
        out.write_all(&self.line)?;
        if !style.column_names {
            return Ok(());
        }
        out.write_all(b"|")?;
        for (column, width) in columns.iter().zip(&self.widths) {
            out.write_all(b" ")?;
            out.write_all(&column.name)?;
            pad(out, (*width).min(MAX_COLUMN_WIDTH), cells(&column.name))?;
            out.write_all(b" |")?;
        }
        out.write_all(b"\n")?;
        out.write_all(&self.line)
    }

    /// Prints the line below the last row.
    pub(crate) fn end(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.line)
    }
}

/// Prints one value in a table.
fn cell(out: &mut impl Write, value: &[u8], width: usize, right: bool) -> io::Result<()> {
    let used = cells(value);
    let room = width.min(MAX_COLUMN_WIDTH);
    if right && width <= MAX_COLUMN_WIDTH {
        pad(out, room, used)?;
        return visible(out, value);
    }
    visible(out, value)?;
    pad(out, room, used)
}

/// Prints rows for `\G`: one line for each column. The rows are numbered from `first` on.
pub(crate) fn vertical(
    out: &mut impl Write,
    columns: &[Column],
    rows: &Rows,
    style: Style,
    first: u64,
) -> io::Result<()> {
    let longest = columns.iter().map(|column| column.name.len()).max().unwrap_or(0);
    for (number, row) in (first..).zip(rows.iter()) {
        writeln!(out, "*************************** {number}. row ***************************")?;
        for (column, value) in columns.iter().zip(row) {
            if style.column_names {
                pad(out, longest, column.name.len())?;
                out.write_all(&column.name)?;
                out.write_all(b": ")?;
            }
            match value {
                Some(value) if style.binary_as_hex && column.is_binary => hex(out, value)?,
                _ => visible(out, value.unwrap_or(b"NULL"))?,
            }
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}

/// Prints the header line of tab-separated output.
pub(crate) fn tabbed_header(out: &mut impl Write, columns: &[Column]) -> io::Result<()> {
    for (number, column) in columns.iter().enumerate() {
        if number > 0 {
            out.write_all(b"\t")?;
        }
        out.write_all(&column.name)?;
    }
    out.write_all(b"\n")
}

/// Prints one row of tab-separated output.
pub(crate) fn tabbed_row<'a>(
    out: &mut impl Write,
    columns: &[Column],
    values: impl Iterator<Item = Option<&'a [u8]>>,
    style: Style,
) -> io::Result<()> {
    for (number, (column, value)) in columns.iter().zip(values).enumerate() {
        if number > 0 {
            out.write_all(b"\t")?;
        }
        match value {
            None => out.write_all(b"NULL")?,
            Some(value) if style.binary_as_hex && column.is_binary => hex(out, value)?,
            Some(value) if style.raw => out.write_all(value)?,
            Some(value) => escaped(out, value)?,
        }
    }
    out.write_all(b"\n")
}

/// The status line below a result: `2 rows in set, 1 warning (0.001 sec)`.
pub(crate) fn summary(what: &str, warnings: u16, took: Option<Duration>) -> String {
    let mut text = what.to_owned();
    match warnings {
        0 => {}
        1 => text.push_str(", 1 warning"),
        more => text.push_str(&format!(", {more} warnings")),
    }
    if let Some(took) = took {
        text.push_str(&format!(" ({})", duration(took.as_secs_f64(), true)));
    }
    text
}

/// A duration in mysql's words: `1 hour 2 min 3.000 sec`.
pub(crate) fn duration(seconds: f64, parts: bool) -> String {
    let mut text = String::new();
    let mut rest = seconds;
    for (size, one, many) in [(86400.0, "day", "days"), (3600.0, "hour", "hours"), (60.0, "min", "min")] {
        if rest >= size {
            let count = (rest / size).floor();
            rest -= count * size;
            text.push_str(&format!("{count} {} ", if count > 1.0 { many } else { one }));
        }
    }
    text.push_str(&if parts { format!("{rest:.3} sec") } else { format!("{rest:.0} sec") });
    text
}

/// `n row` or `n rows`.
pub(crate) fn row_count(count: u64) -> String {
    format!("{count} {}", if count == 1 { "row" } else { "rows" })
}

/// The width of a text in terminal columns. A control character counts as one, as in mysql.
fn cells(text: &[u8]) -> usize {
    text.utf8_chunks()
        .map(|chunk| {
            let valid: usize = chunk.valid().chars().map(|character| character.width().unwrap_or(1).max(1)).sum();
            valid + chunk.invalid().len()
        })
        .sum()
}

/// Prints spaces up to `width`.
fn pad(out: &mut impl Write, width: usize, used: usize) -> io::Result<()> {
    write!(out, "{:1$}", "", width.saturating_sub(used))
}

/// Prints a value with spaces in place of NUL bytes, because terminals ignore NUL and the columns would shift.
fn visible(out: &mut impl Write, value: &[u8]) -> io::Result<()> {
    for (number, part) in value.split(|byte| *byte == 0).enumerate() {
        if number > 0 {
            out.write_all(b" ")?;
        }
        out.write_all(part)?;
    }
    Ok(())
}

/// A value for markup: binary values in hex where `--binary-as-hex` asks for it.
pub(crate) fn shown<'a>(value: &'a [u8], column: &Column, style: Style) -> Cow<'a, [u8]> {
    if !(style.binary_as_hex && column.is_binary) {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::new();
    // Writing to a Vec can't fail.
    let _ = hex(&mut out, value);
    Cow::Owned(out)
}

/// Prints a value with NUL bytes, tabs, line feeds and backslashes escaped, so that it stays in its line and column.
fn escaped(out: &mut impl Write, mut value: &[u8]) -> io::Result<()> {
    while let Some(at) = value.iter().position(|byte| matches!(byte, 0 | b'\t' | b'\n' | b'\\')) {
        let (plain, rest) = value.split_at(at);
        out.write_all(plain)?;
        out.write_all(match rest.first() {
            Some(b'\t') => b"\\t",
            Some(b'\n') => b"\\n",
            Some(b'\\') => b"\\\\",
            _ => b"\\0",
        })?;
        value = rest.get(1..).unwrap_or_default();
    }
    out.write_all(value)
}

fn hex(out: &mut impl Write, value: &[u8]) -> io::Result<()> {
    out.write_all(b"0x")?;
    value.iter().try_for_each(|byte| write!(out, "{byte:02X}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style { column_names: true, raw: false, binary_as_hex: false };

    fn column(name: &str, is_number: bool, is_nullable: bool) -> Column {
        Column { name: name.as_bytes().to_vec(), is_number, is_nullable, is_binary: false, length: 5 }
    }

    fn rows(width: usize, values: &[Option<&str>]) -> Rows {
        let mut rows = Rows::new(width);
        values.iter().for_each(|value| rows.push(value.map(str::as_bytes)));
        rows
    }

    fn table(out: &mut Vec<u8>, columns: &[Column], rows: &Rows, style: Style) -> io::Result<()> {
        let table = Table::measured(columns, rows, style);
        table.rows(out, columns, rows, style, true)?;
        table.end(out)
    }

    fn printed(print: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        print(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The columns and rows from which MariaDB's client 10.11.19 printed the expected texts below.
    fn sample() -> (Vec<Column>, Rows) {
        let columns = vec![
            column("i", true, true),
            column("d", true, true),
            column("s", false, true),
            column("dt", false, true),
            column("n", true, false),
        ];
        let rows = rows(
            5,
            &[
                Some("1"),
                Some("1.50"),
                Some("a"),
                Some("2020-01-01 00:00:00"),
                Some("1"),
                None,
                None,
                None,
                None,
                Some("2"),
                Some("-20"),
                Some("100.25"),
                Some("ünï\tc\n日本"),
                Some("2021-02-03 04:05:06"),
                Some("3"),
            ],
        );
        (columns, rows)
    }

    #[test]
    fn tables_are_as_mysql_prints_them() {
        let (columns, rows) = sample();
        assert_eq!(
            printed(|out| table(out, &columns, &rows, STYLE)),
            "\
+------+--------+----------------+---------------------+---+
| i    | d      | s              | dt                  | n |
+------+--------+----------------+---------------------+---+
|    1 |   1.50 | a              | 2020-01-01 00:00:00 | 1 |
| NULL |   NULL | NULL           | NULL                | 2 |
|  -20 | 100.25 | ünï\tc\n日本     | 2021-02-03 04:05:06 | 3 |
+------+--------+----------------+---------------------+---+
"
        );
        let without_names = printed(|out| table(out, &columns, &rows, Style { column_names: false, ..STYLE }));
        assert!(without_names.starts_with("+------+--------+----------------+---------------------+---+\n|    1 |"));
    }

    #[test]
    fn wide_names_are_padded_by_what_they_take_on_the_screen() {
        let columns = [column("日本", true, false), column("üü", false, false), column("ü", false, false)];
        let rows = rows(3, &[Some("1"), Some("ab"), Some("aaaaa")]);
        assert_eq!(
            printed(|out| table(out, &columns, &rows, STYLE)),
            "\
+--------+------+-------+
| 日本   | üü   | ü     |
+--------+------+-------+
|      1 | ab   | aaaaa |
+--------+------+-------+
"
        );
    }

    #[test]
    fn very_wide_values_end_the_padding_but_not_the_value() {
        let long = "x".repeat(1030);
        let rows = rows(1, &[Some(&long), Some("y")]);
        let text = printed(|out| table(out, &[column("w", false, true)], &rows, STYLE));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].len(), 1030 + 4);
        assert_eq!(lines[1].len(), 1024 + 4);
        assert_eq!(lines[3].len(), 1030 + 4);
        assert_eq!(lines[4].len(), 1024 + 4);
    }

    #[test]
    fn vertical_results_are_as_mysql_prints_them() {
        let columns = [column("i", true, true), column("dt", false, true), column("", false, false)];
        let rows = rows(3, &[Some("1"), Some("a\0b"), Some("x"), None, None, Some("")]);
        assert_eq!(
            printed(|out| vertical(out, &columns, &rows, STYLE, 1)),
            "\
*************************** 1. row ***************************
 i: 1
dt: a b
  : x
*************************** 2. row ***************************
 i: NULL
dt: NULL
  : \n"
        );
        assert_eq!(
            printed(|out| vertical(out, &columns, &rows, Style { column_names: false, ..STYLE }, 1)),
            "\
*************************** 1. row ***************************
1
a b
x
*************************** 2. row ***************************
NULL
NULL

"
        );
    }

    #[test]
    fn tabbed_values_keep_to_their_place_unless_raw() {
        let columns = [column("a", false, true), column("b", false, true)];
        let row = |style| {
            printed(|out| tabbed_row(out, &columns, [Some(b"x\ty\nz\\\0".as_slice()), None].into_iter(), style))
        };
        assert_eq!(row(STYLE), "x\\ty\\nz\\\\\\0\tNULL\n");
        assert_eq!(row(Style { raw: true, ..STYLE }), "x\ty\nz\\\0\tNULL\n");
        assert_eq!(printed(|out| tabbed_header(out, &columns)), "a\tb\n");
    }

    #[test]
    fn binary_values_can_be_shown_as_hex() {
        let column =
            Column { name: b"xxxxx".to_vec(), is_number: false, is_nullable: true, is_binary: true, length: 5 };
        let rows = rows(1, &[Some("\0\u{1}"), None, Some("")]);
        let style = Style { binary_as_hex: true, ..STYLE };
        assert_eq!(
            printed(|out| table(out, std::slice::from_ref(&column), &rows, style)),
            "\
+--------------+
| xxxxx        |
+--------------+
| 0x0001       |
| NULL         |
| 0x           |
+--------------+
"
        );
    }

    #[test]
    fn the_line_below_counts_and_times() {
        let took = Some(Duration::from_millis(1));
        assert_eq!(summary("1 row in set", 1, took), "1 row in set, 1 warning (0.001 sec)");
        assert_eq!(
            summary(&format!("Query OK, {} affected", row_count(2)), 0, took),
            "Query OK, 2 rows affected (0.001 sec)"
        );
        assert_eq!(summary("Empty set", 3, None), "Empty set, 3 warnings");
        assert_eq!(duration(93_784.5, true), "1 day 2 hours 3 min 4.500 sec");
        assert_eq!(duration(32.0, false), "32 sec");
    }
}
