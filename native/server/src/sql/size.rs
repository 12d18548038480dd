//! How much memory it takes to read a statement, estimated from its tokens before a tree is made of them.
//!
//! A node of the parser's tree takes some hundreds of bytes, and a SELECT takes thousands, so that a megabyte of text can take more than a
//! gigabyte. The costs were measured, one kind of token after the other, as what the process grew by; they include the tokens, lists
//! that are copied while they grow, the weighing, and the statement that is written for the engine.

use sealwire_core::error::SqlError;

use super::lex::Piece;

/// The most SELECTs in one statement. SQLite compiles 500 in a set operation; subqueries may add others.
const MOST_SELECTS: usize = 25_000;

/// Any token.
const TOKEN: usize = 350;
/// A name, a literal or another word.
const OPERAND: usize = 900;
/// A sign other than parentheses, commas and dots.
const OPERATOR: usize = 500;
/// Another item of a list that is not a row of VALUES.
const ITEM: usize = 1_700;
/// A parenthesis or bracket.
const PARENTHESIS: usize = 350;
/// The parenthesis of a call.
const CALL: usize = 2_500;
const CASE: usize = 2_000;
const SELECT: usize = 10_500;
/// FROM, JOIN and OVER.
const SOURCE: usize = 4_000;
/// Copies of the text: in the tokens, in the tree, in the engine's statement and in its values.
const COPIES: usize = 5;

/// The memory that a statement's tokens take.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Size {
    bytes: usize,
    selects: usize,
    /// Whether the statement begins with INSERT or REPLACE.
    inserts: bool,
    /// Whether the current tokens belong to rows of VALUES.
    are_rows: bool,
}

impl Size {
    /// Counts a token: one behind an operand, or behind the dot of a name.
    pub(super) fn count(&mut self, piece: Piece, text: &[u8], is_behind_operand: bool, is_behind_dot: bool) {
        let cost = match piece {
            Piece::Word if is_behind_dot => 0,
            Piece::Word => self.word(text),
            Piece::Symbol(b',') if self.are_rows => 0,
            Piece::Symbol(b',') => ITEM,
            Piece::Symbol(b'(') if is_behind_operand => CALL,
            Piece::Symbol(b'(' | b'[' | b'{') => PARENTHESIS,
            Piece::Symbol(b')' | b']' | b'}' | b'.') => 0,
            Piece::Symbol(_) => OPERATOR,
            _ => OPERAND,
        };
        self.bytes += TOKEN + cost;
    }

    fn word(&mut self, word: &[u8]) -> usize {
        let is = |other: &[u8]| word.eq_ignore_ascii_case(other);
        match word.len() {
            4 if is(b"FROM") || is(b"JOIN") || is(b"OVER") => SOURCE,
            4 if is(b"CASE") => CASE,
            // VALUES begins rows if the statement begins with INSERT or REPLACE.
            5 | 6 if is(b"VALUE") || is(b"VALUES") => {
                self.are_rows = self.inserts;
                OPERAND
            }
            6 if is(b"SELECT") => {
                self.selects += 1;
                self.are_rows = false;
                SELECT
            }
            6 | 7 if self.bytes == 0 => {
                self.inserts = is(b"INSERT") || is(b"REPLACE");
                OPERAND
            }
            _ => OPERAND,
        }
    }

    /// Refuses a statement with too many SELECTs.
    ///
    /// # Errors
    /// 1436.
    pub(super) fn check(self) -> Result<(), SqlError> {
        if self.selects <= MOST_SELECTS {
            return Ok(());
        }
        let message = format!(
            "Thread stack overrun: the statement has {} SELECTs, and {MOST_SELECTS} are allowed. Send it in parts, or read a table instead",
            self.selects
        );
        Err(SqlError::new(1436, b"HY000", message))
    }

    /// The bytes of memory for the statement whose tokens were counted.
    pub(super) const fn bytes(self, sql: &str) -> usize {
        self.bytes.saturating_add(sql.len().saturating_mul(COPIES))
    }
}

#[cfg(test)]
mod tests {
    use super::super::depth;
    use super::MOST_SELECTS;

    /// The memory for each of many repetitions.
    fn each(front: &str, unit: &str, back: &str) -> usize {
        let size = |times| depth::check(&format!("{front}{}{back}", unit.repeat(times))).unwrap();
        (size(2_000) - size(1_000)) / 1_000
    }

    #[test]
    fn what_was_measured_is_reserved_and_not_four_times_as_much() {
        // Bytes that the process grew by, for each repetition.
        for (front, unit, back, measured) in [
            ("SELECT ", "(select 1),", "1", 14_033),
            ("SELECT ", "(select a from t where b),", "1", 21_356),
            ("SELECT ", "exists(select 1),", "1", 15_509),
            ("SELECT 1 FROM t WHERE a IN (1", ",(select 1)", ")", 13_172),
            ("WITH a AS (SELECT 1)", ",b as (select 1)", " SELECT 1", 14_206),
            ("SELECT CONCAT(", "hex(a),", "1)", 5_676),
            ("INSERT INTO t VALUES ", "(1),", "(1)", 2_642),
            ("INSERT INTO t VALUES ", "(1,'abc'),", "(1,'a')", 3_250),
            ("VALUES ", "row(1),", "row(1)", 2_764),
            ("SELECT ", "(1),", "1", 3_285),
            ("SELECT 1 IN (", "(1,2),", "1)", 3_355),
            ("SELECT ", "case when a then a end,", "1", 6_351),
            ("SELECT 1 IN (", "1,", "1)", 1_572),
            ("SELECT ", "a,", "a", 2_754),
            ("SELECT ", "a.b.c,", "a", 2_705),
            ("SELECT ", "a in (1),", "1", 4_561),
            ("SELECT ", "1+1,", "1", 3_677),
            ("SELECT ", "-1,", "1", 2_694),
            ("SELECT ", "*,", "*", 2_467),
            ("SELECT ", "1 a,", "1", 2_698),
            ("SELECT ", "sum(a) over (order by a),", "1", 10_049),
            ("SELECT 1 FROM t GROUP BY a", ",a", "", 1_761),
            ("UPDATE t SET a=1", ",a=1", "", 1_803),
            ("CREATE INDEX a ON t (a", ",a", ")", 3_041),
            ("CREATE TABLE t (a INT", ",a int", ")", 1_593),
        ] {
            let estimated = each(front, unit, back);
            assert!(estimated * 10 >= measured * 9, "{unit}: {estimated} bytes, {measured} measured");
            assert!(estimated <= measured * 4, "{unit}: {estimated} bytes, {measured} measured");
        }
    }

    #[test]
    fn so_many_selects_are_written_by_nobody() {
        let of = |times: usize| depth::check(&format!("SELECT {}1", "(SELECT 1),".repeat(times)));
        of(MOST_SELECTS - 1).unwrap();
        let error = of(MOST_SELECTS).unwrap_err();
        assert_eq!(error.code, 1436, "{}", error.message);
    }
}
