//! Statements that ran in another time zone than UTC, in which this server's clock and its TIMESTAMP columns are.
//!
//! The clock of a statement stands still, so NOW() in the source's zone is a text, which takes its place. Values of TIMESTAMP columns
//! stay in UTC. A statement that mixes both, or that converts times otherwise, is refused.

use sealwire_core::error::SqlError;

use super::Applier;
use super::errors::unsupported;
use crate::engine::{date_time, time_zone, zone_offset};
use crate::sql::lex::{Lexer, Piece, unquote};

/// Functions that give the time in the session's zone, and the part of it: from the first to the last character of `YYYY-MM-DD HH:MM:SS`.
const CLOCKS: [(&str, std::ops::Range<usize>); 8] = [
    ("NOW", 0..19),
    ("CURRENT_TIMESTAMP", 0..19),
    ("LOCALTIME", 0..19),
    ("LOCALTIMESTAMP", 0..19),
    ("CURDATE", 0..10),
    ("CURRENT_DATE", 0..10),
    ("CURTIME", 11..19),
    ("CURRENT_TIME", 11..19),
];
/// Those whose value as a moment is the same in every zone.
const MOMENTS: &[&str] = &["NOW", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP"];
/// Functions that convert between the session's zone and UTC.
const CONVERSIONS: &[&str] = &["FROM_UNIXTIME", "UNIX_TIMESTAMP", "SYSDATE", "CONVERT_TZ"];
/// Words before a parenthesis that are no functions.
const NO_FUNCTIONS: &[&str] =
    &["VALUES", "VALUE", "IN", "AND", "OR", "NOT", "WHERE", "BETWEEN", "ON", "SET", "WHEN", "THEN", "ELSE"];

/// A column with a date or a time.
#[derive(Debug, PartialEq, Eq)]
struct TimeColumn {
    name: String,
    is_timestamp: bool,
    /// Whether it takes the clock's time by itself.
    is_automatic: bool,
}

/// The columns with dates and times of a table, from its definition as SHOW CREATE TABLE has it.
fn time_columns(definition: &str) -> Vec<TimeColumn> {
    let column = |line: &str| {
        let mut pieces = Lexer::new(line.as_bytes()).filter(|(piece, _)| *piece != Piece::Space);
        let (_, name) = pieces.next().filter(|(piece, _)| *piece == Piece::QuotedName)?;
        let (_, kind) = pieces.next()?;
        let is = |word: &str| kind.eq_ignore_ascii_case(word.as_bytes());
        let is_automatic =
            pieces.any(|(piece, word)| piece == Piece::Word && is_one_of(word, &["current_timestamp", "now"]));
        let name = String::from_utf8_lossy(&unquote(name)).into_owned();
        let is_time = ["timestamp", "datetime", "date", "time", "year"].into_iter().any(is);
        is_time.then(|| TimeColumn { name, is_timestamp: is("timestamp"), is_automatic })
    };
    definition.lines().filter_map(column).collect()
}

/// The columns with ON UPDATE CURRENT_TIMESTAMP of a table, from its definition as SHOW CREATE TABLE has it.
pub(super) fn updated_columns(definition: &str) -> Vec<String> {
    let column = |line: &str| {
        let mut pieces = Lexer::new(line.as_bytes()).filter(|(piece, _)| *piece != Piece::Space);
        let (_, name) = pieces.next().filter(|(piece, _)| *piece == Piece::QuotedName)?;
        let words: Vec<&[u8]> = pieces.filter(|(piece, _)| *piece == Piece::Word).map(|(_, word)| word).collect();
        let is_updated = words.windows(2).any(|pair| match pair {
            [on, update] => is_one_of(on, &["on"]) && is_one_of(update, &["update"]),
            _ => false,
        });
        is_updated.then(|| String::from_utf8_lossy(&unquote(name)).into_owned())
    };
    definition.lines().filter_map(column).collect()
}

fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words.iter().any(|own| word.eq_ignore_ascii_case(own.as_bytes()))
}

/// A table of a statement, with its columns.
struct TimeTable {
    is_changed: bool,
    columns: Vec<TimeColumn>,
}

/// The words of a statement that matter.
pub(super) struct Words<'s> {
    pieces: Vec<(Piece, &'s [u8])>,
}

impl<'s> Words<'s> {
    pub(super) fn of(sql: &'s str) -> Self {
        Self { pieces: Lexer::new(sql.as_bytes()).collect() }
    }

    pub(super) fn is_word(&self, words: &[&str]) -> bool {
        self.pieces.iter().any(|(piece, text)| *piece == Piece::Word && is_one_of(text, words))
    }

    /// The piece behind or before one, without spaces.
    fn behind(&self, at: usize) -> Option<(usize, Piece, &'s [u8])> {
        let rest = self.pieces.iter().enumerate().skip(at + 1);
        rest.map(|(at, (piece, text))| (at, *piece, *text)).find(|(_, piece, _)| *piece != Piece::Space)
    }

    fn before(&self, at: usize) -> Option<(Piece, &'s [u8])> {
        self.pieces.get(..at)?.iter().rev().find(|(piece, _)| *piece != Piece::Space).copied()
    }

    /// Whether an INSERT has no list of columns, so that all columns get values.
    fn gives_all_columns(&self) -> bool {
        let mut words = self.pieces.iter().filter(|(piece, _)| *piece != Piece::Space);
        if !words.next().is_some_and(|(_, first)| is_one_of(first, &["INSERT", "REPLACE"])) {
            return false;
        }
        let behind = words.find(|(piece, text)| {
            *piece == Piece::Symbol(b'(')
                || *piece == Piece::Word && is_one_of(text, &["VALUES", "VALUE", "SELECT", "SET", "WITH"])
        });
        behind.is_none_or(|(piece, text)| *piece == Piece::Word && !is_one_of(text, &["SET"]))
    }

    /// Whether the statement names a column, or all columns.
    pub(super) fn names(&self, column: &str) -> bool {
        self.pieces.iter().any(|(piece, text)| match piece {
            Piece::Word => text.eq_ignore_ascii_case(column.as_bytes()),
            Piece::QuotedName => String::from_utf8_lossy(&unquote(text)).eq_ignore_ascii_case(column),
            _ => false,
        })
    }

    /// Whether the clocks' parts give a time of UTC's at all places where they stand, because all that is compared with them, or gets them, is
    /// TIMESTAMP.
    fn is_of_moments(&self, is_named_zone: bool) -> bool {
        self.pieces.iter().enumerate().all(|(at, (piece, text))| match piece {
            Piece::Text => !is_like_time(text),
            Piece::Symbol(b'*' | b'@') => false,
            Piece::Word if text.starts_with(b"@") => false,
            Piece::Word if is_one_of(text, &["SELECT", "CASE"]) => false,
            // A day is not always 24 hours.
            Piece::Word if is_one_of(text, &["INTERVAL"]) => !is_named_zone,
            Piece::Word => {
                let is_call = self.behind(at).is_some_and(|(_, piece, _)| piece == Piece::Symbol(b'('));
                let is_table = self.before(at).is_some_and(|(_, text)| is_one_of(text, &["INTO", "."]));
                let is_clock = CLOCKS.iter().any(|(name, _)| text.eq_ignore_ascii_case(name.as_bytes()));
                let is_moment = is_one_of(text, MOMENTS) || is_one_of(text, &["UTC_TIMESTAMP"]);
                is_moment
                    || (!is_clock && (!is_call || is_table || is_one_of(text, NO_FUNCTIONS)))
                        && !is_number_of_time(text)
            }
            _ => true,
        })
    }

    /// The statement with the clocks' texts in the place of the clocks.
    fn with_clock(&self, local: &str) -> String {
        let (mut out, mut at) = (Vec::new(), 0);
        while let Some((piece, text)) = self.pieces.get(at) {
            let clock =
                CLOCKS.iter().find(|(name, _)| *piece == Piece::Word && text.eq_ignore_ascii_case(name.as_bytes()));
            let is_column = self.before(at).is_some_and(|(piece, _)| piece == Piece::Symbol(b'.'));
            let Some((name, part)) = clock.filter(|_| !is_column) else {
                out.extend_from_slice(text);
                at += 1;
                continue;
            };
            let open = self.behind(at).filter(|(_, piece, _)| *piece == Piece::Symbol(b'('));
            let close = open.and_then(|(open, ..)| {
                (open..self.pieces.len())
                    .find(|at| self.pieces.get(*at).is_some_and(|(piece, _)| *piece == Piece::Symbol(b')')))
            });
            // NOW and its like are functions only with parentheses.
            let needs_call = ["NOW", "CURDATE", "CURTIME"].contains(name);
            if needs_call && close.is_none() {
                out.extend_from_slice(text);
                at += 1;
                continue;
            }
            out.push(b'\'');
            out.extend_from_slice(local.get(part.clone()).unwrap_or_default().as_bytes());
            out.push(b'\'');
            at = close.unwrap_or(at) + 1;
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// Whether a text in quotes may be a date or a time.
fn is_like_time(quoted: &[u8]) -> bool {
    let text = unquote(quoted);
    let is_part = |byte: &u8| byte.is_ascii_digit() || b"-:. T/".contains(byte);
    text.first().is_some_and(u8::is_ascii_digit) && text.iter().all(is_part)
}

/// Whether a number may be a date, as 20240229.
fn is_number_of_time(word: &[u8]) -> bool {
    matches!(word.len(), 6 | 8 | 12 | 14) && word.iter().all(u8::is_ascii_digit)
}

/// Writes a statement that ran in another zone so that it does the same in UTC; `None` where that can't be.
fn in_utc(sql: &str, tables: &[TimeTable], local: &str, is_named_zone: bool) -> Option<String> {
    let words = Words::of(sql);
    let columns = |is_timestamp: bool| {
        tables.iter().flat_map(|table| &table.columns).filter(move |column| column.is_timestamp == is_timestamp)
    };
    let gives_all = words.gives_all_columns();
    let reads_all = words.is_word(&["SELECT"]) && words.pieces.iter().any(|(piece, _)| *piece == Piece::Symbol(b'*'));
    let is_concerned = |column: &TimeColumn| gives_all || reads_all || words.names(&column.name);
    let changed = tables.iter().filter(|table| table.is_changed).flat_map(|table| &table.columns);
    let takes_local_clock = changed.into_iter().any(|column| column.is_automatic && !column.is_timestamp);
    if takes_local_clock || words.is_word(CONVERSIONS) {
        return None;
    }
    if columns(true).any(is_concerned) {
        let is_pure = !columns(false).any(is_concerned) && words.is_of_moments(is_named_zone);
        return is_pure.then(|| sql.to_owned());
    }
    Some(words.with_clock(local))
}

impl Applier {
    /// Writes a statement that changes rows so that it has in UTC the effect that it had in its time zone.
    ///
    /// # Errors
    /// 1235 where that can't be.
    pub(super) fn moved_to_utc(&mut self, sql: &str, zone: &str, moment: Option<i64>) -> Result<String, SqlError> {
        let refused = |why: &str| {
            let way_out = "this server's times are UTC; set time_zone='+00:00' or binlog_format=ROW at the source";
            unsupported(&format!("a statement in the time zone '{zone}', {why},"), way_out)
        };
        let seconds = moment.unwrap_or(0).div_euclid(1_000_000);
        let fixed = time_zone(zone);
        let offset = fixed
            .or_else(|| zone_offset(zone, seconds))
            .ok_or_else(|| refused("which has no file in this system's /usr/share/zoneinfo"))?;
        let engine = &self.server.engine;
        let mut tables = Vec::new();
        for named in self.session.tables_named(sql)? {
            let definition = engine.table_definition(&named.database, &named.table)?;
            if definition.is_view {
                return Err(refused("on a view"));
            }
            let columns = time_columns(&definition.statement);
            tables.push(TimeTable { is_changed: named.is_changed, columns });
        }
        let local = date_time(seconds.saturating_add(offset));
        in_utc(sql, &tables, &local, fixed.is_none()).ok_or_else(|| refused("whose times need a conversion"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: &str = "2024-02-29 02:04:05";

    fn table(definition: &str, is_changed: bool) -> TimeTable {
        TimeTable { is_changed, columns: time_columns(definition) }
    }

    #[test]
    fn columns_with_times_are_found_in_a_definition() {
        let definition = "CREATE TABLE `t` (\n  `a` int(11) NOT NULL,\n  `b``c` timestamp NOT NULL DEFAULT current_timestamp(),\n  \
                          `d` datetime(3) DEFAULT NULL COMMENT 'current_timestamp',\n  `e` date DEFAULT NULL,\n  PRIMARY KEY (`a`),\n  KEY `date` (`e`)\n)";
        let column =
            |name: &str, is_timestamp, is_automatic| TimeColumn { name: name.into(), is_timestamp, is_automatic };
        let expected = [column("b`c", true, true), column("d", false, false), column("e", false, false)];
        assert_eq!(time_columns(definition), expected);
    }

    #[test]
    fn columns_that_a_source_sets_by_itself_are_found_in_a_definition() {
        let definition = "CREATE TABLE `t` (\n  `a` int COMMENT 'on update',\n  `b` timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),\n  \
                          CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `u` (`a`) ON UPDATE CASCADE\n)";
        assert_eq!(updated_columns(definition), ["b"]);
    }

    #[test]
    fn clocks_become_texts_where_no_timestamp_is_concerned() {
        let plain = "CREATE TABLE `t` (\n  `a` int,\n  `d` datetime,\n  `now` int)";
        let with_timestamp =
            "CREATE TABLE `t` (\n  `a` int,\n  `ts` timestamp DEFAULT current_timestamp(),\n  `d` datetime)";
        for (sql, expected) in [
            ("INSERT INTO t VALUES (1, NOW(), 2)", "INSERT INTO t VALUES (1, '2024-02-29 02:04:05', 2)"),
            ("UPDATE t SET d = current_timestamp, a = t.now", "UPDATE t SET d = '2024-02-29 02:04:05', a = t.now"),
            ("UPDATE t SET now = 1 WHERE d < CURDATE ( )", "UPDATE t SET now = 1 WHERE d < '2024-02-29'"),
            (
                "DELETE FROM t WHERE d < CURTIME(0) + INTERVAL 1 DAY",
                "DELETE FROM t WHERE d < '02:04:05' + INTERVAL 1 DAY",
            ),
            ("INSERT INTO t (a) VALUES ('NOW()')", "INSERT INTO t (a) VALUES ('NOW()')"),
            ("UPDATE t SET d = UTC_TIMESTAMP()", "UPDATE t SET d = UTC_TIMESTAMP()"),
        ] {
            assert_eq!(in_utc(sql, &[table(plain, true)], LOCAL, true).as_deref(), Some(expected));
        }
        for (sql, expected) in [
            ("INSERT INTO t (a, d) VALUES (1, NOW())", "INSERT INTO t (a, d) VALUES (1, '2024-02-29 02:04:05')"),
            ("UPDATE t SET d = '2024-01-01' WHERE a = 1", "UPDATE t SET d = '2024-01-01' WHERE a = 1"),
        ] {
            assert_eq!(in_utc(sql, &[table(with_timestamp, true)], LOCAL, true).as_deref(), Some(expected));
        }
    }

    #[test]
    fn moments_stay_in_utc_where_timestamps_alone_are_concerned() {
        let timestamps = "CREATE TABLE `t` (\n  `a` int,\n  `ts` timestamp,\n  `v` text,\n  `d` datetime)";
        let others = "CREATE TABLE `t` (\n  `a` int,\n  `ts` timestamp)";
        for (sql, definition, is_kept) in [
            ("INSERT INTO t (a, ts) VALUES (1, NOW()), (2, CURRENT_TIMESTAMP)", timestamps, true),
            ("INSERT INTO t VALUES (1, NOW())", others, true),
            ("INSERT INTO t SET a = 1, ts = NOW()", timestamps, true),
            ("REPLACE t VALUES (1, NULL)", others, true),
            ("UPDATE t SET a = 12, ts = NOW() WHERE a IN (1, 2) AND v = 'x'", timestamps, true),
            ("DELETE FROM t WHERE ts < NOW() - INTERVAL 1 HOUR", timestamps, true),
            // Each would need a conversion.
            ("INSERT INTO t (a, ts) VALUES (1, '2024-01-01')", timestamps, false),
            ("INSERT INTO t (a, ts) VALUES (1, 20240101)", timestamps, false),
            ("INSERT INTO t (a, ts) VALUES (1, @x)", timestamps, false),
            ("INSERT INTO t (a, ts, d) VALUES (1, NOW(), NOW())", timestamps, false),
            ("INSERT INTO t VALUES (1, NOW(), 'x', NOW())", timestamps, false),
            ("INSERT INTO t (a, d) SELECT a, ts FROM t", timestamps, false),
            ("INSERT INTO t SELECT * FROM t", others, false),
            ("UPDATE t SET v = CONCAT(ts, '')", timestamps, false),
            ("DELETE FROM t WHERE ts < CURDATE()", timestamps, false),
            ("UPDATE t SET a = HOUR(ts)", timestamps, false),
        ] {
            let kept = in_utc(sql, &[table(definition, true)], LOCAL, false);
            assert_eq!(kept.as_deref(), is_kept.then_some(sql), "{sql}");
        }
        let days = "DELETE FROM t WHERE ts < NOW() - INTERVAL 1 DAY";
        assert_eq!(in_utc(days, &[table(others, true)], LOCAL, true), None, "a day may have 23 hours");
    }

    #[test]
    fn what_converts_times_is_refused() {
        let plain = "CREATE TABLE `t` (\n  `a` int,\n  `d` datetime)";
        let automatic = "CREATE TABLE `t` (\n  `a` int,\n  `d` datetime DEFAULT current_timestamp())";
        for sql in
            ["UPDATE t SET d = FROM_UNIXTIME(a)", "UPDATE t SET a = UNIX_TIMESTAMP(d)", "UPDATE t SET d = SYSDATE()"]
        {
            assert_eq!(in_utc(sql, &[table(plain, true)], LOCAL, false), None, "{sql}");
        }
        assert_eq!(in_utc("INSERT INTO t (a) VALUES (1)", &[table(automatic, true)], LOCAL, false), None);
        let both = [table(plain, true), table(automatic, false)];
        assert!(in_utc("INSERT INTO t (a) SELECT a FROM u", &both, LOCAL, false).is_some());
    }
}
