//! LOAD DATA as a source logs it.

use sealwire_core::error::SqlError;

use super::file::Format;
use crate::sql::lex::{Lexer, Piece, unquote};
use crate::sql::{Cursor, backquoted};

/// A target of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Column(String),
    /// A user variable, whose name is in lower case.
    Variable(String),
}

/// The statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoadData {
    /// The words before the table of an INSERT that does the same.
    pub(super) insert: &'static str,
    pub(super) database: Option<String>,
    pub(super) table: String,
    /// `CHARACTER SET`.
    pub(super) charset: Option<String>,
    pub(super) format: Format,
    /// `IGNORE … LINES`.
    pub(super) ignored_lines: u64,
    /// Empty where the fields are those of the table's columns.
    pub(super) targets: Vec<Target>,
    /// `SET`: columns and expressions.
    pub(super) set: Vec<(String, String)>,
}

impl LoadData {
    /// Reads the canonical text.
    ///
    /// # Errors
    /// 1064, and 1235 for fields of fixed lengths.
    pub(super) fn read(sql: &str) -> Result<Self, SqlError> {
        let mut words = Cursor::new(sql);
        words.expect("LOAD")?;
        words.expect("DATA")?;
        words.accept_one(&["LOW_PRIORITY", "CONCURRENT"]);
        words.accept("LOCAL");
        words.expect("INFILE")?;
        words.text().ok_or_else(|| words.syntax_error())?;
        let insert = match words.accept_one(&["REPLACE", "IGNORE"]) {
            Some("REPLACE") => "REPLACE INTO",
            Some(_) => "INSERT IGNORE INTO",
            None => "INSERT INTO",
        };
        words.expect("INTO")?;
        words.expect("TABLE")?;
        let mut table = words.name()?;
        let mut database = None;
        if words.accept(".") {
            database = Some(std::mem::replace(&mut table, words.name()?));
        }
        let charset = if words.accept_all(&["CHARACTER", "SET"]) { Some(words.name_or_text()?) } else { None };
        let mut format = Format::default();
        let bytes = |words: &mut Cursor<'_>| words.text().map(String::into_bytes).ok_or_else(|| words.syntax_error());
        if words.accept_one(&["FIELDS", "COLUMNS"]).is_some() {
            loop {
                if words.accept_all(&["TERMINATED", "BY"]) {
                    format.field_end = bytes(&mut words)?;
                } else if words.accept_all(&["OPTIONALLY", "ENCLOSED", "BY"]) || words.accept_all(&["ENCLOSED", "BY"]) {
                    format.enclosure = bytes(&mut words)?.first().copied();
                } else if words.accept_all(&["ESCAPED", "BY"]) {
                    format.escape = bytes(&mut words)?.first().copied();
                } else {
                    break;
                }
            }
        }
        if words.accept("LINES") {
            loop {
                if words.accept_all(&["TERMINATED", "BY"]) {
                    format.line_end = bytes(&mut words)?;
                } else if words.accept_all(&["STARTING", "BY"]) {
                    format.line_start = bytes(&mut words)?;
                } else {
                    break;
                }
            }
        }
        if format.field_end.is_empty() {
            let message = "This version of Sealwire doesn't yet support 'LOAD DATA with fields of fixed lengths' in a source's log: \
                           set binlog_format=ROW at the source";
            return Err(SqlError::new(1235, b"42000", message));
        }
        let mut ignored_lines = 0;
        if words.accept("IGNORE") {
            ignored_lines = words.number().ok_or_else(|| words.syntax_error())?;
            words.accept_one(&["LINES", "ROWS"]).ok_or_else(|| words.syntax_error())?;
        }
        let mut targets = Vec::new();
        if words.accept("(") && !words.accept(")") {
            loop {
                let name = words.name()?;
                targets.push(match name.strip_prefix('@') {
                    // MariaDB's log has the name in quotes.
                    Some("") => Target::Variable(words.name()?.to_lowercase()),
                    Some(variable) => Target::Variable(variable.to_lowercase()),
                    None => Target::Column(name),
                });
                if !words.accept(",") {
                    break;
                }
            }
            words.expect(")")?;
        }
        let mut set = Vec::new();
        if words.accept("SET") {
            loop {
                let column = words.name()?;
                words.expect("=")?;
                set.push((column, words.expression().to_owned()));
                if !words.accept(",") {
                    break;
                }
            }
        }
        words.expect_end()?;
        Ok(Self { insert, database, table, charset, format, ignored_lines, targets, set })
    }

    /// The beginning of an INSERT that does the same, up to VALUES. `columns` are those of the table.
    pub(super) fn front(&self, database: &str, columns: &[String]) -> String {
        let fields = columns.iter().chain(self.set.iter().map(|(column, _)| column));
        let names: Vec<String> = fields.map(|column| backquoted(column)).collect();
        let (insert, names) = (self.insert, names.join(", "));
        format!("{insert} {}.{} ({names}) VALUES ", backquoted(database), backquoted(&self.table))
    }
}

/// An expression of SET with the row's values in the place of columns and variables.
pub(super) fn with_values(expression: &str, values: &[(Target, String)]) -> String {
    let mut out = String::new();
    let pieces: Vec<(Piece, &[u8])> = Lexer::new(expression.as_bytes()).collect();
    for (at, (piece, text)) in pieces.iter().enumerate() {
        let name = match piece {
            Piece::Word => String::from_utf8_lossy(text).into_owned(),
            Piece::QuotedName => String::from_utf8_lossy(&unquote(text)).into_owned(),
            _ => String::new(),
        };
        let is_call = pieces.get(at + 1).is_some_and(|(piece, _)| *piece == Piece::Symbol(b'('));
        let is_named = |(target, _): &&(Target, String)| match target {
            Target::Column(column) => !is_call && column.eq_ignore_ascii_case(&name),
            Target::Variable(variable) => name.strip_prefix('@').is_some_and(|own| own.eq_ignore_ascii_case(variable)),
        };
        match values.iter().find(is_named).filter(|_| !name.is_empty()) {
            Some((_, value)) => out.push_str(value),
            None => out.push_str(&String::from_utf8_lossy(text)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_read() {
        let read = LoadData::read(
            "LOAD DATA LOCAL INFILE '/l2.csv' IGNORE INTO TABLE `ty`.`n` CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' \
             ESCAPED BY '' LINES STARTING BY '>' TERMINATED BY ';' IGNORE 2 LINES (`a`, @`B`, `c`) SET `d`=CONCAT(@b, `a`, ','), `e`= 1",
        )
        .unwrap();
        assert_eq!((read.insert, read.database.as_deref(), &*read.table), ("INSERT IGNORE INTO", Some("ty"), "n"));
        let format = Format {
            field_end: b",".to_vec(),
            enclosure: Some(b'"'),
            escape: None,
            line_start: b">".to_vec(),
            line_end: b";".to_vec(),
        };
        assert_eq!((read.format.clone(), read.ignored_lines, read.charset.as_deref()), (format, 2, Some("utf8mb4")));
        assert_eq!(read.targets[1], Target::Variable("b".into()));
        assert_eq!(
            read.front("ty", &["a".into(), "c".into()]),
            "INSERT IGNORE INTO `ty`.`n` (`a`, `c`, `d`, `e`) VALUES "
        );
        let values = [(Target::Column("a".into()), "1".into()), (Target::Variable("b".into()), "'x'".into())];
        assert_eq!(with_values(&read.set[0].1, &values), "CONCAT('x', 1, ',')");
        assert_eq!(with_values("a(1) + A + '@b'", &values), "a(1) + 1 + '@b'");
        let short = LoadData::read("LOAD DATA INFILE 'x' REPLACE INTO TABLE t").unwrap();
        assert_eq!((short.insert, short.format, short.targets.len()), ("REPLACE INTO", Format::default(), 0));
        assert_eq!(LoadData::read("LOAD DATA INFILE 'x' INTO TABLE t FIELDS TERMINATED BY ''").unwrap_err().code, 1235);
        assert_eq!(LoadData::read("LOAD DATA INFILE 'x' INTO TABLE t PARTITION (p)").unwrap_err().code, 1064);
    }
}
