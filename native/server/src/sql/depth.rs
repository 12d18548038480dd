//! Bounds the depth of a statement's tree by counting its tokens, before the tree is made.
//!
//! Parsing, visiting and dropping a tree are recursive, and a stack overflow would end the whole process. The count is never less than the
//! depth of the tree, and may be more. The same pass estimates how much memory the tree may take: see [`super::size`].

use sealwire_core::error::SqlError;

use super::error::{MOST_TOKENS, too_many_tokens};
use super::lex::{Lexer, Piece};
use super::size::Size;

/// The most operators, set operations and open parentheses or CASEs on one path of the tree. SQLite accepts expressions of depth 1000; each
/// part of a condition such as `a = 1 OR …` counts two.
pub(crate) const MOST_DEPTH: u32 = 4_000;
/// Parentheses, brackets and CASEs inside of each other.
pub(crate) const MOST_NESTING: usize = 100;

/// Binary operators, prefixes and postfix predicates that are words.
const OPERATORS: &[&[u8]] = &[
    b"AND",
    b"AT",
    b"BETWEEN",
    b"BINARY",
    b"COLLATE",
    b"CONNECT_BY_ROOT",
    b"DIV",
    b"EXPLAIN",
    b"GLOB",
    b"ILIKE",
    b"IN",
    b"INTERVAL",
    b"IS",
    b"ISNULL",
    b"LIKE",
    b"MATCH",
    b"MEMBER",
    b"MOD",
    b"NOT",
    b"NOTNULL",
    b"OPERATOR",
    b"OR",
    b"OVERLAPS",
    b"PRIOR",
    b"REGEXP",
    b"RLIKE",
    b"SIMILAR",
    b"SOUNDS",
    b"XOR",
];

/// Words that join a table to those before it. The parser reads them recursively, with large stack frames.
const JOINS: &[&[u8]] = &[b"JOIN", b"STRAIGHT_JOIN"];
/// A join counts as this many operators: about 80 tables can be joined; MySQL's limit is 61.
const DEPTH_OF_JOIN: u32 = 48;

/// Words that combine two queries. A comma does not end such a combination.
const SET_OPERATIONS: &[&[u8]] = &[b"EXCEPT", b"INTERSECT", b"MINUS", b"UNION"];

/// The most dots in a name: `database.table.column`.
const MOST_DOTS: u32 = 3;

/// Refuses a statement whose tree would be too deep or too large; otherwise returns the most bytes of memory that reading it takes. The
/// statement is the output of [`super::lex::normalise`].
///
/// # Errors
/// 1436 where it is too deep or has too many SELECTs, 3170 where it has too many tokens.
pub(crate) fn check(sql: &str) -> Result<usize, SqlError> {
    check_to(sql, MOST_DEPTH)
}

/// As [`check`], where a tree may be no deeper than `most`.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_to(sql: &str, most: u32) -> Result<usize, SqlError> {
    // A short text has at most as many tokens as bytes, and takes little memory.
    if u32::try_from(sql.len()).is_ok_and(|bytes| bytes <= most) && sql.len() <= MOST_NESTING {
        return Ok(0);
    }
    let (depth, size) = measure(sql)?;
    if depth > most {
        return Err(too_deep(&format!("{depth} operators on one path, and {most} are allowed")));
    }
    size.check()?;
    Ok(size.bytes(sql))
}

fn too_deep(what: &str) -> SqlError {
    let message = format!(
        "Thread stack overrun: the statement has {what}. Split it, or write long chains of OR as IN (…) and of UNION as VALUES"
    );
    SqlError::new(1436, b"HY000", message)
}

/// The statement itself, a pair of parentheses or brackets, or a CASE.
#[derive(Debug, Default)]
struct Level {
    is_case: bool,
    /// Operators since the last comma.
    operators: u32,
    /// The deepest of the levels that were closed since the last comma.
    inner: u32,
    set_operations: u32,
    /// The deepest part that a comma ended.
    deepest: u32,
}

impl Level {
    fn end_part(&mut self) {
        self.deepest = self.deepest.max(self.operators.saturating_add(self.inner));
        (self.operators, self.inner) = (0, 0);
    }

    fn depth(mut self) -> u32 {
        self.end_part();
        self.deepest.saturating_add(self.set_operations).saturating_add(1)
    }
}

/// The levels that are open; the statement itself is at the bottom.
#[derive(Debug, Default)]
struct Levels {
    bottom: Level,
    open: Vec<Level>,
}

impl Levels {
    fn top(&mut self) -> &mut Level {
        self.open.last_mut().unwrap_or(&mut self.bottom)
    }

    fn open(&mut self, is_case: bool) -> Result<(), SqlError> {
        if self.open.len() >= MOST_NESTING {
            return Err(too_deep(&format!("more than {MOST_NESTING} parentheses and CASEs inside of each other")));
        }
        self.open.push(Level { is_case, ..Level::default() });
        Ok(())
    }

    fn close(&mut self) {
        if let Some(level) = self.open.pop() {
            let depth = level.depth();
            let top = self.top();
            top.inner = top.inner.max(depth);
        }
    }

    /// A closing parenthesis also ends the CASEs that have no END.
    fn close_parenthesis(&mut self) {
        while self.open.last().is_some_and(|level| level.is_case) {
            self.close();
        }
        self.close();
    }

    fn depth(mut self) -> u32 {
        while !self.open.is_empty() {
            self.close();
        }
        self.bottom.depth()
    }
}

/// The token before the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Previous {
    /// An operand has ended: a name, a literal, a closing parenthesis.
    Operand,
    /// A dot: the next word is part of a name.
    Dot,
    /// The byte of an operator, directly before.
    Operator(u8),
    /// Anything else.
    Other,
}

fn is_one_of(word: &[u8], words: &[&[u8]]) -> bool {
    words.iter().any(|known| word.eq_ignore_ascii_case(known))
}

fn measure(sql: &str) -> Result<(u32, Size), SqlError> {
    let mut levels = Levels::default();
    let mut size = Size::default();
    let mut previous = Previous::Other;
    let mut dots = 0u32;
    let mut tokens = 0usize;
    for (piece, text) in Lexer::new(sql.as_bytes()) {
        if piece == Piece::Space {
            if let Previous::Operator(_) = previous {
                previous = Previous::Other;
            }
            continue;
        }
        tokens += 1;
        if tokens > MOST_TOKENS {
            return Err(too_many_tokens());
        }
        if previous != Previous::Dot && piece != Piece::Symbol(b'.') {
            dots = 0;
        }
        size.count(piece, text, previous == Previous::Operand, previous == Previous::Dot);
        previous = match piece {
            Piece::Word if previous != Previous::Dot => word(text, previous, &mut levels)?,
            Piece::Symbol(byte) => symbol(byte, previous, &mut dots, &mut levels)?,
            _ => Previous::Operand,
        };
    }
    Ok((levels.depth(), size))
}

fn word(word: &[u8], previous: Previous, levels: &mut Levels) -> Result<Previous, SqlError> {
    if is_one_of(word, OPERATORS) {
        levels.top().operators += 1;
        return Ok(Previous::Other);
    }
    if is_one_of(word, JOINS) {
        levels.top().operators += DEPTH_OF_JOIN;
        return Ok(Previous::Other);
    }
    if is_one_of(word, SET_OPERATIONS) {
        levels.top().set_operations += 1;
        return Ok(Previous::Other);
    }
    if word.eq_ignore_ascii_case(b"CASE") {
        levels.open(true)?;
        return Ok(Previous::Other);
    }
    // After an operator, each of these words is a name.
    if levels.top().is_case && previous == Previous::Operand {
        if is_one_of(word, &[b"WHEN", b"THEN", b"ELSE"]) {
            levels.top().end_part();
            return Ok(Previous::Other);
        }
        if word.eq_ignore_ascii_case(b"END") {
            levels.close();
        }
    }
    Ok(Previous::Operand)
}

fn symbol(byte: u8, previous: Previous, dots: &mut u32, levels: &mut Levels) -> Result<Previous, SqlError> {
    Ok(match byte {
        b'(' | b'[' | b'{' => {
            levels.open(false)?;
            if byte == b'[' {
                // `a[1][2]` is a chain.
                if let Some(outer) = levels.open.len().checked_sub(2).and_then(|at| levels.open.get_mut(at)) {
                    outer.operators += 1;
                } else {
                    levels.bottom.operators += 1;
                }
            }
            Previous::Other
        }
        b')' | b']' | b'}' => {
            levels.close_parenthesis();
            Previous::Operand
        }
        b',' => {
            // A comma inside of a CASE belongs to no list, so it ends nothing.
            if !levels.top().is_case {
                levels.top().end_part();
            }
            Previous::Other
        }
        b'.' => {
            *dots += 1;
            if *dots > MOST_DOTS {
                levels.top().operators += 1;
            }
            Previous::Dot
        }
        // The second byte of an operator such as `<=`, `||` or `->`, which begins no operand.
        b'=' | b'>' | b'|' | b'&' if matches!(previous, Previous::Operator(_)) => Previous::Operator(byte),
        b';' | b'?' => Previous::Operand,
        _ => {
            levels.top().operators += 1;
            Previous::Operator(byte)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(sql: &str) -> u32 {
        measure(sql).unwrap().0
    }

    fn code(sql: &str) -> Option<u16> {
        check(sql).err().map(|error| error.code)
    }

    #[test]
    fn a_path_is_counted_and_its_neighbours_are_not() {
        for (sql, expected) in [
            ("SELECT 1", 1),
            ("SELECT 1+1, 1+1, 1+1", 2),
            ("SELECT 1+1+(2*3)", 5),
            ("SELECT (1+1)*(1+1+1), 1", 5),
            ("a <=> b || c", 3),
            ("'1+1+1' + `a+b`", 2),
            ("SELECT 1 UNION SELECT 2, 3 UNION SELECT 4", 3),
            ("a.b.c = 1", 2),
            ("a.and.or", 1),
            ("CASE WHEN a=1 THEN 2 WHEN a=2 THEN 3 ELSE 4 END", 3),
            ("x IN (1,2) IN (3,4)", 4),
        ] {
            assert_eq!(depth(sql), expected, "{sql}");
        }
    }

    #[test]
    fn rows_and_lists_may_be_long() {
        let rows = vec!["(-1, 'a', 2+2)"; 50_000].join(", ");
        assert_eq!(code(&format!("INSERT INTO t VALUES {rows}")), None);
        assert_eq!(code(&format!("SELECT 1 IN ({})", vec!["-1"; 100_000].join(","))), None);
        let whens = "WHEN id = 1 AND x = 2 THEN -3 ".repeat(20_000);
        assert_eq!(code(&format!("UPDATE t SET a = CASE {whens} ELSE 4 END")), None);
    }

    #[test]
    fn every_shape_that_makes_a_deep_tree_is_refused() {
        let most = MOST_DEPTH as usize;
        for part in [
            "+1",
            " + 1",
            " AND 1",
            "||1",
            " IS NULL",
            " IN (1)",
            " IN (1, 2)",
            " NOT LIKE 1",
            " COLLATE a",
            " BETWEEN 1 AND 2",
            " UNION SELECT 1",
            " UNION ALL SELECT 1, 2",
            " EXCEPT SELECT 1",
            ".a",
            "[1]",
            "->1",
            "::int",
            " - - 1",
            "!",
            " ISNULL",
            " DIV 1",
            "<=1",
            ":=1",
            " XOR 1",
            " MEMBER OF (1)",
            " AT TIME ZONE a",
        ] {
            let sql = format!("SELECT 1{}", part.repeat(most * 2));
            assert_eq!(code(&sql), Some(1436), "{part}");
        }
        for (open, close) in
            [("(", ")"), ("CASE WHEN ", " THEN 1 END"), ("f(", ")"), ("[", "]"), ("(SELECT ", ")"), ("NOT ", "")]
        {
            let sql = format!("SELECT {}1{}", open.repeat(most * 2), close.repeat(most * 2));
            assert_eq!(code(&sql), Some(1436), "{open}");
        }
    }

    #[test]
    fn words_that_are_names_hide_nothing() {
        // WHEN after an operator is a name, and so is what stands behind a dot: none of them ends a part.
        let names = "+when".repeat(MOST_DEPTH as usize * 2);
        assert_eq!(code(&format!("SELECT CASE WHEN 1{names} THEN 1 END")), Some(1436));
        let dotted = "+a.when".repeat(MOST_DEPTH as usize * 2);
        assert_eq!(code(&format!("SELECT CASE WHEN 1{dotted} THEN 1 END")), Some(1436));
        let ends = "+1 END".repeat(MOST_DEPTH as usize * 2);
        assert_eq!(code(&format!("SELECT CASE WHEN 1{ends}")), Some(1436));
        let commas = "+1, 1".repeat(MOST_DEPTH as usize * 2);
        assert_eq!(code(&format!("SELECT CASE WHEN 1{commas} THEN 1 END")), Some(1436));
    }

    #[test]
    fn a_statement_of_too_many_tokens_is_refused() {
        let sql = format!("SELECT 1 IN ({})", vec!["1"; MOST_TOKENS].join(","));
        assert_eq!(code(&sql), Some(3170));
    }
}
