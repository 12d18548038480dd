//! Takes parts of a definition from the statement's text, because SQLite keeps them in its own notation and SHOW CREATE prints MySQL's.
//!
//! A part is taken only where the parser reads it as the same expression as in the whole statement.

use std::ops::Range;

use sealwire_core::error::SqlError;
use sqlparser::ast::{ColumnDef, Expr, Query};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::errors::unsupported;
use crate::sql::canonical_text;
use crate::sql::lex::{Lexer, Piece, unquote};

/// Words that begin a table's constraint unless they are quoted.
const CONSTRAINTS: [&str; 9] =
    ["CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "INDEX", "KEY", "FULLTEXT", "SPATIAL"];

/// The most pieces of a literal or a call, without those in its parentheses.
const MOST_PIECES: usize = 8;

/// A statement's text, split into pieces.
pub(super) struct Source<'a> {
    sql: &'a str,
    pieces: Vec<LocatedPiece>,
}

/// A piece of the text, and where it stands.
struct LocatedPiece {
    piece: Piece,
    start: usize,
    end: usize,
    /// How many parentheses enclose it. A parenthesis does not enclose itself.
    depth: usize,
}

/// A range of pieces, by their indexes.
pub(super) type PieceRange = Range<usize>;

impl<'a> Source<'a> {
    pub(super) fn of(sql: &'a str) -> Self {
        let mut pieces = Vec::new();
        let (mut at, mut depth) = (0usize, 0usize);
        for (piece, text) in Lexer::new(sql.as_bytes()) {
            let start = at;
            at += text.len();
            if piece == Piece::Symbol(b')') {
                depth = depth.saturating_sub(1);
            }
            if piece != Piece::Space {
                pieces.push(LocatedPiece { piece, start, end: at, depth });
            }
            if piece == Piece::Symbol(b'(') {
                depth += 1;
            }
        }
        Self { sql, pieces }
    }

    /// Whether a parenthesis stands directly behind this word somewhere.
    pub(super) fn has_parenthesis_behind(&self, word: &str) -> bool {
        self.pieces.iter().zip(self.pieces.iter().skip(1)).any(|(piece, next)| {
            piece.piece == Piece::Word
                && next.piece == Piece::Symbol(b'(')
                && piece.end == next.start
                && self.sql.get(piece.start..piece.end).is_some_and(|text| text.eq_ignore_ascii_case(word))
        })
    }

    /// The whole text.
    pub(super) const fn text(&self) -> &'a str {
        self.sql
    }

    pub(super) fn all(&self) -> PieceRange {
        0..self.pieces.len()
    }

    fn depth(&self, range: &PieceRange) -> usize {
        self.pieces.get(range.start).map_or(0, |found| found.depth)
    }

    /// The text of a range, as the user wrote it.
    fn raw(&self, range: &PieceRange) -> &'a str {
        let (Some(first), Some(last)) = (self.pieces.get(range.start), self.pieces.get(range.end.wrapping_sub(1)))
        else {
            return "";
        };
        self.sql.get(first.start..last.end).unwrap_or_default()
    }

    fn is_word(&self, at: usize, word: &str) -> bool {
        self.pieces.get(at).is_some_and(|found| found.piece == Piece::Word)
            && self.raw(&(at..at + 1)).eq_ignore_ascii_case(word)
    }

    /// The indexes of a range's pieces that are outside of its parentheses.
    fn outer(&self, range: &PieceRange) -> impl Iterator<Item = usize> + '_ {
        let depth = self.depth(range);
        range.clone().filter(move |&at| self.pieces.get(at).is_some_and(|found| found.depth == depth))
    }

    /// The pieces of a range behind a word that is outside of parentheses.
    pub(super) fn behind(&self, range: &PieceRange, word: &str) -> Option<PieceRange> {
        self.outer(range).find(|&at| self.is_word(at, word)).map(|at| at + 1..range.end)
    }

    /// The pieces in the range's first parentheses.
    pub(super) fn group(&self, range: &PieceRange) -> Option<PieceRange> {
        let is = |at: usize, symbol| self.pieces.get(at).is_some_and(|found| found.piece == Piece::Symbol(symbol));
        let open = self.outer(range).find(|&at| is(at, b'('))?;
        let close = self.outer(&(open..range.end)).find(|&at| is(at, b')'))?;
        Some(open + 1..close)
    }

    /// The parts of a range between commas.
    pub(super) fn items(&self, range: &PieceRange) -> Vec<PieceRange> {
        let mut items = Vec::new();
        let mut start = range.start;
        for at in self.outer(range) {
            if self.pieces.get(at).is_some_and(|found| found.piece == Piece::Symbol(b',')) {
                items.push(start..at);
                start = at + 1;
            }
        }
        items.push(start..range.end);
        items
    }

    /// The text up to the parenthesis that closes a group.
    pub(super) fn up_to_end(&self, group: &PieceRange) -> &'a str {
        self.pieces.get(group.end).and_then(|close| self.sql.get(..close.end)).unwrap_or_default()
    }

    /// The columns and the constraints of a table, each in their order.
    pub(super) fn columns_and_constraints(
        &self,
        body: &PieceRange,
        columns: &[ColumnDef],
    ) -> (Vec<PieceRange>, Vec<PieceRange>) {
        let mut names = columns.iter().map(|column| column.name.value.as_str()).peekable();
        let (mut found, mut constraints) = (Vec::new(), Vec::new());
        for item in self.items(body) {
            let first = item.start..item.start + 1;
            let begins = CONSTRAINTS.iter().any(|word| self.is_word(item.start, word));
            let raw = self.raw(&first).as_bytes();
            let name = if raw.starts_with(b"`") { unquote(raw) } else { raw.into() };
            if !begins && names.peek().is_some_and(|next| next.as_bytes() == name.as_ref()) {
                names.next();
                found.push(item);
            } else {
                constraints.push(item);
            }
        }
        (found, constraints)
    }

    /// The text of an expression that is at the start of a range.
    ///
    /// # Errors
    /// 1235 where it is not found.
    pub(super) fn expression(&self, range: Option<PieceRange>, expression: &Expr) -> Result<String, SqlError> {
        let range = range.unwrap_or(0..0);
        let mut ends = std::iter::once(range.end).chain(self.outer(&range).map(|at| at + 1).take(MOST_PIECES));
        let end = ends.find(|&end| reads(self.raw(&(range.start..end)), expression));
        let found = end.ok_or_else(|| unsupported(&expression.to_string()))?;
        shown(self.raw(&(range.start..found)))
    }

    /// The text of a range that is a whole number.
    ///
    /// # Errors
    /// 1235 where it is no number.
    pub(super) fn number(&self, range: Option<PieceRange>) -> Result<String, SqlError> {
        let text = self.raw(&range.unwrap_or(0..0));
        text.parse::<u32>().map(|number| number.to_string()).map_err(|_| unsupported("this part of an index"))
    }

    /// The query of CREATE VIEW without the name of the view's own database, so that a dump can be restored into another database.
    ///
    /// # Errors
    /// 1235 where it is not found.
    pub(super) fn view_query(&self, query: &Query, database: &str) -> Result<String, SqlError> {
        let range = self.behind(&self.all(), "VIEW").and_then(|range| self.behind(&range, "AS")).unwrap_or(0..0);
        let text = self.raw(&range);
        let read = Parser::new(&MySqlDialect {}).try_with_sql(text).and_then(|mut parser| {
            let read = parser.parse_query()?;
            parser.expect_token(&Token::EOF)?;
            Ok(read)
        });
        if range.clone().any(|at| self.raw(&(at..at + 1)).starts_with('@')) {
            return Err(SqlError::new(1351, b"HY000", "View's SELECT contains a variable or parameter"));
        }
        if read.is_ok_and(|read| *read == *query) {
            return shown(&self.without_qualifier(&range, database));
        }
        Err(unsupported("this form of CREATE VIEW"))
    }

    /// A range's text without a database's name before tables. Where the name also stands alone it may be a table, so nothing is removed.
    fn without_qualifier(&self, range: &PieceRange, database: &str) -> String {
        let is_name = |at: usize| match self.pieces.get(at).map(|found| found.piece) {
            Some(Piece::Word) => self.raw(&(at..at + 1)) == database,
            Some(Piece::QuotedName) => unquote(self.raw(&(at..at + 1)).as_bytes()).as_ref() == database.as_bytes(),
            _ => false,
        };
        let is_qualifier =
            |at: usize| is_name(at) && self.pieces.get(at + 1).is_some_and(|found| found.piece == Piece::Symbol(b'.'));
        if range.clone().any(|at| is_name(at) && !is_qualifier(at)) {
            return self.raw(range).to_owned();
        }
        let mut text = String::new();
        let mut start = range.start;
        for at in range.clone().filter(|&at| is_qualifier(at)) {
            // White space between pieces stays with the piece before it.
            text.push_str(self.up_to(start, at));
            start = at + 2;
        }
        text.push_str(self.raw(&(start..range.end)));
        text
    }

    /// The text from one piece to another.
    fn up_to(&self, start: usize, end: usize) -> &'a str {
        let (Some(first), Some(last)) = (self.pieces.get(start), self.pieces.get(end)) else { return "" };
        self.sql.get(first.start..last.start).unwrap_or_default()
    }
}

/// The text for SHOW CREATE, which must mean the same in every `sql_mode` except those that change quotes.
///
/// # Errors
/// 1235 where the meaning depends on `sql_mode`.
fn shown(text: &str) -> Result<String, SqlError> {
    let mut before = Piece::Space;
    for (piece, _) in Lexer::new(text.as_bytes()) {
        if piece == Piece::Symbol(b'|') && before == piece {
            return Err(unsupported("|| in a definition; write CONCAT(), which means the same in each sql_mode"));
        }
        before = piece;
    }
    Ok(canonical_text(text))
}

fn reads(text: &str, expression: &Expr) -> bool {
    let read = Parser::new(&MySqlDialect {}).try_with_sql(text).and_then(|mut parser| {
        let read = parser.parse_expr()?;
        parser.expect_token(&Token::EOF)?;
        Ok(read)
    });
    read.is_ok_and(|read| read == *expression)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_groups_are_cut_at_their_own_level() {
        let source = Source::of("CREATE TABLE t (`a,(` INT DEFAULT (f(1, ')')), CHECK (a IN (1, 2)), b INT)");
        let body = source.group(&source.all()).unwrap();
        let items: Vec<&str> = source.items(&body).iter().map(|item| source.raw(item)).collect();
        assert_eq!(items, ["`a,(` INT DEFAULT (f(1, ')'))", "CHECK (a IN (1, 2))", "b INT"]);
    }

    #[test]
    fn a_view_does_not_name_its_own_database() {
        let without = |sql: &str| {
            let source = Source::of(sql);
            source.without_qualifier(&source.all(), "shop")
        };
        assert_eq!(without("SELECT shop.t.a, `shop`.u.b FROM shop.t, shop . `u`"), "SELECT t.a, u.b FROM t, `u`");
        assert_eq!(without("SELECT 'shop.t' FROM other.t"), "SELECT 'shop.t' FROM other.t");
        assert_eq!(without("SELECT shop.a FROM t AS shop"), "SELECT shop.a FROM t AS shop");
        assert_eq!(without("SELECT shop.a FROM shop.shop"), "SELECT shop.a FROM shop.shop");
    }

    #[test]
    fn a_text_is_taken_only_where_it_reads_the_same() {
        let source = Source::of("DEFAULT 'a\\\\' COMMENT 'b'");
        let behind = source.behind(&source.all(), "default");
        let text = |text: &str| Expr::value(sqlparser::ast::Value::SingleQuotedString(text.into()));
        assert_eq!(source.expression(behind.clone(), &text("a\\")).unwrap(), "'a\\\\'");
        assert_eq!(source.expression(behind, &text("other")).unwrap_err().code, 1235);
        assert_eq!(source.expression(None, &text("other")).unwrap_err().code, 1235);
    }
}
