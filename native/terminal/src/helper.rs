//! SQL in the line editor: words to complete, and syntax colours.

use std::borrow::Cow;

use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};
use sealwire_core::sql::backquoted;

use super::words::Names;

/// The keywords for completion.
const KEYWORDS: &[&str] = &[
    "ADD",
    "ALL",
    "ALTER",
    "ANALYZE",
    "AND",
    "AS",
    "ASC",
    "BEGIN",
    "BETWEEN",
    "BY",
    "CASE",
    "CHANGE",
    "CHARACTER",
    "COLLATE",
    "COLUMN",
    "COLUMNS",
    "COMMIT",
    "CREATE",
    "CROSS",
    "DATABASE",
    "DATABASES",
    "DEFAULT",
    "DELETE",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "EXISTS",
    "EXPLAIN",
    "FALSE",
    "FLUSH",
    "FOREIGN",
    "FROM",
    "FULL",
    "GLOBAL",
    "GRANT",
    "GRANTS",
    "GROUP",
    "HAVING",
    "IDENTIFIED",
    "IF",
    "IGNORE",
    "IN",
    "INDEX",
    "INNER",
    "INSERT",
    "INTERVAL",
    "INTO",
    "IS",
    "JOIN",
    "KEY",
    "KILL",
    "LEFT",
    "LIKE",
    "LIMIT",
    "LOAD",
    "LOCAL",
    "MODIFY",
    "NOT",
    "NULL",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "PRIMARY",
    "PRIVILEGES",
    "PROCESSLIST",
    "REFERENCES",
    "REGEXP",
    "RENAME",
    "REPLACE",
    "REQUIRE",
    "REVOKE",
    "RIGHT",
    "ROLLBACK",
    "SELECT",
    "SESSION",
    "SET",
    "SHOW",
    "STATUS",
    "TABLE",
    "TABLES",
    "TEMPORARY",
    "THEN",
    "TO",
    "TRANSACTION",
    "TRUE",
    "TRUNCATE",
    "UNION",
    "UNIQUE",
    "UPDATE",
    "USE",
    "USER",
    "USING",
    "VALUES",
    "VARIABLES",
    "VIEW",
    "WARNINGS",
    "WHEN",
    "WHERE",
    "WITH",
];

const KEYWORD: &str = "\x1b[1;34m";
const TEXT: &str = "\x1b[32m";
const NUMBER: &str = "\x1b[36m";
const COMMENT: &str = "\x1b[2m";
const END: &str = "\x1b[0m";

/// The completer and highlighter of the line editor.
#[derive(Debug, Default)]
pub(crate) struct Sql {
    pub(crate) names: Names,
    /// Whether lines are shown in colours.
    pub(crate) colours: bool,
}

impl Sql {
    /// The words that complete the one before the cursor, and where that one begins.
    fn candidates(&self, line: &str, position: usize) -> (usize, Vec<String>) {
        let before = line.get(..position).unwrap_or_default();
        let start = before
            .rfind(|character| !is_word(character))
            .map_or(0, |at| at + before.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8));
        let word = before.get(start..).unwrap_or_default();
        // The letter after a backslash is a command, not a word.
        if word.is_empty() || before.get(..start).is_some_and(|rest| rest.ends_with('\\')) {
            return (position, Vec::new());
        }
        let kinds = Kinds::at(before.get(..start).unwrap_or_default());
        let found = self.of_kinds(word, kinds);
        // Where no name of that kind begins so, the word before has another meaning.
        (start, if found.is_empty() { self.of_kinds(word, Kinds::ALL) } else { found })
    }

    /// The words of some kinds that begin with `word`.
    fn of_kinds(&self, word: &str, kinds: Kinds) -> Vec<String> {
        let small = word.chars().all(|character| !character.is_uppercase());
        let begins =
            |candidate: &str| candidate.get(..word.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(word));
        let keywords = KEYWORDS.iter().filter(|keyword| kinds.keywords && begins(keyword));
        let mut found: Vec<String> =
            keywords.map(|keyword| if small { keyword.to_ascii_lowercase() } else { (*keyword).to_owned() }).collect();
        let Names { databases, tables, columns } = &self.names;
        for (names, wanted) in [(tables, kinds.tables), (columns, kinds.columns), (databases, kinds.databases)] {
            for name in names.iter().filter(|name| wanted && begins(name)).map(|name| quoted(name)) {
                // A column may have its table's name.
                if !found.contains(&name) {
                    found.push(name);
                }
            }
        }
        found
    }
}

/// The kinds of words that may stand at a place.
#[derive(Clone, Copy)]
struct Kinds {
    keywords: bool,
    databases: bool,
    tables: bool,
    columns: bool,
}

impl Kinds {
    const ALL: Self = Self { keywords: true, databases: true, tables: true, columns: true };

    /// The kinds behind a text, by its last word.
    fn at(before: &str) -> Self {
        if before.ends_with('.') {
            return Self { keywords: false, databases: false, ..Self::ALL };
        }
        let last = before.trim_end().rsplit(|character| !is_word(character)).next().unwrap_or_default();
        let is_one = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(last));
        if is_one(&["USE", "DATABASE", "SCHEMA"]) {
            Self { databases: true, keywords: false, tables: false, columns: false }
        } else if is_one(&["TABLE", "FROM", "JOIN", "INTO", "UPDATE", "DESC", "DESCRIBE", "TRUNCATE"]) {
            Self { keywords: false, columns: false, ..Self::ALL }
        } else {
            Self::ALL
        }
    }
}

/// A name in the quotes that it needs.
fn quoted(name: &str) -> String {
    let is_plain = name.chars().all(is_word) && !name.starts_with(|first: char| first.is_ascii_digit());
    if is_plain { name.to_owned() } else { backquoted(name) }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$')
}

/// The length of the next piece of a line, and its colour if it has one.
fn next_piece(rest: &str) -> (usize, Option<&'static str>) {
    let first = rest.chars().next().unwrap_or(' ');
    let until =
        |end: &str, from: usize| rest.get(from..).and_then(|text| text.find(end)).map(|at| from + at + end.len());
    let dashes = rest.strip_prefix("--").is_some_and(|text| text.chars().next().is_none_or(char::is_whitespace));
    match first {
        '#' => (rest.len(), Some(COMMENT)),
        '-' if dashes => (rest.len(), Some(COMMENT)),
        '/' if rest.starts_with("/*") => (until("*/", 2).unwrap_or(rest.len()), Some(COMMENT)),
        '`' => (until("`", 1).unwrap_or(rest.len()), None),
        '\'' | '"' => (end_of_text(rest, first), Some(TEXT)),
        _ if is_word(first) => {
            let end = rest.find(|character| !is_word(character)).unwrap_or(rest.len());
            let word = rest.get(..end).unwrap_or_default();
            let colour = match first {
                '0'..='9' => Some(NUMBER),
                _ if KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word)) => Some(KEYWORD),
                _ => None,
            };
            (end, colour)
        }
        _ => (first.len_utf8(), None),
    }
}

fn end_of_text(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

impl Completer for Sql {
    type Candidate = String;

    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.candidates(line, position))
    }
}

impl Highlighter for Sql {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if !self.colours {
            return Cow::Borrowed(line);
        }
        let mut out = String::new();
        let mut rest = line;
        while !rest.is_empty() {
            let (length, colour) = next_piece(rest);
            let (piece, after) = rest.split_at(length);
            match colour {
                Some(colour) => out.extend([colour, piece, END]),
                None => out.push_str(piece),
            }
            rest = after;
        }
        Cow::Owned(out)
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        self.colours && kind != CmdKind::MoveCursor
    }
}

impl Hinter for Sql {
    type Hint = String;
}

impl Validator for Sql {}

impl Helper for Sql {}

#[cfg(test)]
mod tests {
    use super::*;

    fn helper() -> Sql {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let names = Names {
            databases: names(&["privacy", "app", "app2"]),
            tables: names(&["price", "users"]),
            columns: names(&["price", "Primer", "my `t`", "use_count"]),
        };
        Sql { names, colours: true }
    }

    #[test]
    fn keywords_and_names_are_completed_where_they_begin() {
        let complete = |line: &str| helper().candidates(line, line.len());
        assert_eq!(complete("SEL"), (0, vec!["SELECT".to_owned()]));
        assert_eq!(
            complete("select pri"),
            (7, ["primary", "privileges", "price", "Primer", "privacy"].map(str::to_owned).to_vec())
        );
        assert_eq!(complete("use ap"), (4, vec!["app".to_owned(), "app2".to_owned()]));
        assert_eq!(complete("drop database pri").1, ["privacy"]);
        assert_eq!(complete("drop table us").1, ["users"]);
        assert_eq!(complete("SELECT * FROM `app`.us").1, ["users", "use_count"]);
        assert_eq!(complete("DROP TABLE if").1, ["if"]);
        assert_eq!(complete("select t.pric"), (9, vec!["price".to_owned()]));
        assert_eq!(complete("select MY"), (7, vec!["`my ``t```".to_owned()]));
        assert_eq!(complete("ü sel"), (3, vec!["select".to_owned()]));
        for nothing in ["", "select ", "\\s", "select 'é"] {
            assert_eq!(complete(nothing).1, [""; 0], "{nothing}");
        }
        // A position within a character has no word.
        assert_eq!(helper().candidates("é", 1).1, [""; 0]);
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let line = "SELECT 'it\\'s', `from`, 1.5 # x";
        let shown = helper().highlight(line, 0).into_owned();
        assert!(
            shown.starts_with("\x1b[1;34mSELECT\x1b[0m \x1b[32m'it\\'s'\x1b[0m, `from`, \x1b[36m1\x1b[0m."),
            "{shown:?}"
        );
        assert!(shown.ends_with("\x1b[2m# x\x1b[0m"), "{shown:?}");
        let plain = [KEYWORD, TEXT, NUMBER, COMMENT, END].iter().fold(shown, |text, colour| text.replace(colour, ""));
        assert_eq!(plain, line);
        for open in ["'", "\"a", "/* x", "`a", "--", "-", "é'ü"] {
            assert!(!helper().highlight(open, 0).is_empty());
        }
        assert_eq!(Sql::default().highlight(line, 0), line);
    }
}
