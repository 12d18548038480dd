//! Reads the definitions that SQLite keeps as text, and prints them in MySQL's notation.
//!
//! Most were written by [`super::super::translate`], with annotations for what SQLite does not know ([`crate::engine::annotations`]).
//! Definitions of other programs are printed token by token, so that each name and each text stays one token.

use sealwire_core::error::SqlError;

use crate::engine::annotations::{Annotation, Annotations, NUMBERED};
use crate::sql::charset::default_collation;
use crate::sql::lex::{Lexer, Piece, unquote};
use crate::sql::{TextCharset, backquoted, text_literal};

/// A token of SQLite's text.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    /// The digits of `X'…'`.
    Bytes(String),
    Word(String),
    Symbol(char),
    Annotations(Annotations),
}

impl Token {
    fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own.eq_ignore_ascii_case(word))
    }
}

/// A token, and whether white space stood before it.
#[derive(Debug, Clone, PartialEq)]
struct SpacedToken(bool, Token);

/// Splits SQLite's text into tokens; comments that are no annotations count as white space.
fn tokens(sql: &str) -> Vec<SpacedToken> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    let mut space = false;
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '\'' => token(Token::Text, quoted(rest, '\'')),
            '`' | '"' => token(Token::Name, quoted(rest, first)),
            '[' => token(|name: &str| Token::Name(name.to_owned()), until(rest, 1, "]")),
            'x' | 'X' if rest.get(1..2) == Some("'") => {
                token(|digits: &str| Token::Bytes(digits.to_owned()), until(rest, 2, "'"))
            }
            '/' if rest.starts_with("/*") => {
                let (inner, after) = until(rest, 2, "*/");
                (Annotations::from_comment(inner).map(Token::Annotations), after)
            }
            '-' if rest.starts_with("--") => (None, until(rest, 2, "\n").1),
            c if c.is_ascii_whitespace() => (None, rest.get(1..).unwrap_or_default()),
            c if is_word(c) => {
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                (Some(Token::Word(word.to_owned())), after)
            }
            c => (Some(Token::Symbol(c)), rest.get(c.len_utf8()..).unwrap_or_default()),
        };
        rest = after;
        match token {
            Some(token) => tokens.push(SpacedToken(std::mem::take(&mut space), token)),
            None => space = true,
        }
    }
    tokens
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '@' | '.') || !c.is_ascii()
}

/// The contents of a quoted text or name, and the rest behind it.
fn quoted(text: &str, quote: char) -> (String, &str) {
    let mut contents = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c != quote {
            contents.push(c);
        } else if characters.next_if(|(_, next)| *next == quote).is_some() {
            contents.push(quote);
        } else {
            return (contents, text.get(at + 1..).unwrap_or_default());
        }
    }
    (contents, "")
}

/// The text from `start` to `end`, and the rest behind it.
fn until<'t>(text: &'t str, start: usize, end: &str) -> (&'t str, &'t str) {
    let rest = text.get(start..).unwrap_or_default();
    rest.split_once(end).unwrap_or((rest, ""))
}

/// Makes a token from a value, and passes the rest on.
fn token<T>(make: impl FnOnce(T) -> Token, (value, rest): (T, &str)) -> (Option<Token>, &str) {
    (Some(make(value)), rest)
}

/// Prints tokens with MySQL's quotes.
fn render(tokens: &[SpacedToken]) -> String {
    let mut out = String::new();
    let mut rest = tokens;
    while let Some((SpacedToken(space, token), mut after)) = rest.split_first() {
        if *space && !out.is_empty() {
            out.push(' ');
        }
        match (cast_text(rest), token) {
            (Some(text), _) => {
                out.push_str(&text_literal(&text));
                after = rest.get(6..).unwrap_or_default();
            }
            (None, Token::Name(name)) => out.push_str(&backquoted(name)),
            (None, Token::Text(text)) => out.push_str(&text_literal(text)),
            (None, Token::Bytes(digits)) => {
                out.push_str("X'");
                out.extend(digits.chars().filter(char::is_ascii_hexdigit));
                out.push('\'');
            }
            (None, Token::Word(word)) => out.push_str(word),
            (None, Token::Symbol(symbol)) => out.push(*symbol),
            (None, Token::Annotations(_)) => {}
        }
        rest = after;
    }
    out
}

/// The text in `CAST(X'…' AS TEXT)`, which the writer emits for a text with zero bytes.
fn cast_text(tokens: &[SpacedToken]) -> Option<String> {
    let [
        SpacedToken(_, cast),
        SpacedToken(_, open),
        SpacedToken(_, Token::Bytes(digits)),
        SpacedToken(_, r#as),
        SpacedToken(_, text),
        SpacedToken(_, close),
        ..,
    ] = tokens
    else {
        return None;
    };
    let fits = cast.is_word("CAST")
        && *open == Token::Symbol('(')
        && r#as.is_word("AS")
        && text.is_word("TEXT")
        && *close == Token::Symbol(')');
    let bytes: Option<Vec<u8>> = (0..digits.len() / 2)
        .map(|at| digits.get(at * 2..at * 2 + 2).and_then(|byte| u8::from_str_radix(byte, 16).ok()))
        .collect();
    String::from_utf8(bytes.filter(|_| fits)?).ok()
}

/// Prints an expression of SQLite's with MySQL's quotes.
pub(super) fn in_mysql(sql: &str) -> String {
    render(&tokens(sql))
}

/// The tokens in the first parentheses.
fn group(tokens: &[SpacedToken]) -> &[SpacedToken] {
    let open = tokens.iter().position(|SpacedToken(_, token)| *token == Token::Symbol('('));
    let rest = open.and_then(|open| tokens.get(open + 1..)).unwrap_or_default();
    let mut depth = 0usize;
    for (at, SpacedToken(_, token)) in rest.iter().enumerate() {
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') if depth == 0 => return rest.get(..at).unwrap_or_default(),
            Token::Symbol(')') => depth -= 1,
            _ => {}
        }
    }
    rest
}

/// The parts between commas.
fn items(tokens: &[SpacedToken]) -> Vec<&[SpacedToken]> {
    let mut depth = 0usize;
    tokens
        .split(|SpacedToken(_, token)| {
            match token {
                Token::Symbol('(') => depth += 1,
                Token::Symbol(')') => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && *token == Token::Symbol(',')
        })
        .collect()
}

fn annotations(tokens: &[SpacedToken]) -> Annotations {
    let mut all = Annotations::default();
    for SpacedToken(_, token) in tokens {
        if let Token::Annotations(annotations) = token {
            all.append(annotations.clone());
        }
    }
    all
}

/// The character set that annotations name.
fn charset(annotations: &Annotations) -> Option<TextCharset> {
    annotations.get(Annotation::Charset).and_then(TextCharset::named)
}

/// The name in CREATE TABLE, which is the last one before the parentheses.
fn table_name(tokens: &[SpacedToken]) -> String {
    let front = tokens.iter().take_while(|SpacedToken(_, token)| *token != Token::Symbol('('));
    let last = front.last().map(|SpacedToken(_, token)| token);
    match last {
        Some(Token::Name(name) | Token::Text(name) | Token::Word(name)) => name.clone(),
        _ => String::new(),
    }
}

/// The tokens behind a word that is outside of parentheses.
fn after_word<'t>(tokens: &'t [SpacedToken], word: &str) -> Option<&'t [SpacedToken]> {
    let mut depth = 0usize;
    let at = tokens.iter().position(|SpacedToken(_, token)| {
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && token.is_word(word)
    })?;
    tokens.get(at + 1..)
}

/// The text of a table's definition, cut at the commas between its columns and constraints.
pub(super) struct TableText {
    /// The table's annotations.
    front: String,
    items: Vec<String>,
}

impl TableText {
    /// Cuts SQLite's text; `None` where it has no columns in parentheses.
    pub(super) fn read(sql: &str) -> Option<Self> {
        let (mut depth, mut items, mut item) = (0usize, Vec::new(), String::new());
        let mut rest = sql;
        while let Some(first) = rest.chars().next() {
            let after = match first {
                '\'' | '`' | '"' => quoted(rest, first).1,
                '[' => until(rest, 1, "]").1,
                '/' if rest.starts_with("/*") => until(rest, 2, "*/").1,
                '-' if rest.starts_with("--") => until(rest, 2, "\n").1,
                c => rest.get(c.len_utf8()..).unwrap_or_default(),
            };
            let piece = rest.get(..rest.len() - after.len()).unwrap_or_default();
            rest = after;
            match first {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            match (first, depth) {
                ('(', 1) | (_, 0) if items.is_empty() && item.is_empty() && first != ')' => {}
                (')', 0) => {
                    items.push(std::mem::take(&mut item).trim().to_owned());
                    break;
                }
                (',', 1) => items.push(std::mem::take(&mut item).trim().to_owned()),
                _ => item.push_str(piece),
            }
        }
        let mut front = String::new();
        if let Some(first) = items.first_mut()
            && let Some(comment) = first.strip_prefix("/*").map(|rest| until(rest, 0, "*/"))
        {
            let (inner, after) = (comment.0.to_owned(), comment.1.trim_start().to_owned());
            front = format!("/*{inner}*/");
            *first = after;
        }
        Some(Self { front, items }).filter(|text| !text.items.is_empty())
    }

    /// Moves a column behind another one, or to the first place. Tells whether it is there already; the error is the name of a column that does
    /// not exist.
    pub(super) fn move_item(&mut self, column: &str, after: Option<&str>) -> Result<bool, String> {
        let find = |items: &[String], name: &str| {
            items.iter().position(|item| match tokens(item).first() {
                Some(SpacedToken(_, Token::Name(own))) => own.eq_ignore_ascii_case(name),
                _ => false,
            })
        };
        let from = find(&self.items, column).ok_or_else(|| column.to_owned())?;
        let item = self.items.remove(from);
        let to = match after {
            None => 0,
            Some(name) => find(&self.items, name).ok_or_else(|| name.to_owned())? + 1,
        };
        self.items.insert(to.min(self.items.len()), item);
        Ok(from == to)
    }

    /// Takes these characters off the end of a column's text.
    pub(super) fn cut_end(&mut self, column: &str, end: &str) {
        let is_it = |item: &&mut String| matches!(tokens(item).first(), Some(SpacedToken(_, Token::Name(own))) if own.eq_ignore_ascii_case(column));
        if let Some(item) = self.items.iter_mut().find(is_it)
            && let Some(rest) = item.strip_suffix(end)
        {
            *item = rest.to_owned();
        }
    }

    /// Lets the names of foreign keys that begin with the name of this table follow it. Tells whether there are any.
    pub(super) fn follow_name(&mut self, table: &str) -> bool {
        let mut follows = false;
        for item in &mut self.items {
            let Some(rest) = item.strip_prefix("CONSTRAINT ") else { continue };
            let (name, key) = quoted(rest, rest.chars().next().unwrap_or('`'));
            let end = name.strip_prefix(table).and_then(|rest| rest.strip_prefix(NUMBERED));
            let Some(end) = end.filter(|_| key.starts_with(" FOREIGN KEY")) else { continue };
            let mut name = Annotations::default();
            name.add(Annotation::NameEnd, end);
            *item = format!("{}{key}", name.to_comment());
            follows = true;
        }
        follows
    }

    /// Whether the table has AUTO_INCREMENT.
    pub(super) fn has_counter(&self) -> bool {
        let is_counter =
            |item: &String| tokens(item).iter().any(|SpacedToken(_, token)| token.is_word("AUTOINCREMENT"));
        self.items.iter().any(is_counter)
    }

    /// The columns and constraints in parentheses.
    pub(super) fn body(&self) -> String {
        format!("({}{})", self.front, self.items.join(", "))
    }
}

/// A column's facts that SQLite's PRAGMAs do not report.
#[derive(Debug, Default)]
pub(super) struct StoredColumn {
    name: String,
    pub(super) annotations: Annotations,
    /// The character set of a text.
    pub(super) charset: TextCharset,
    /// The collation of the table, which columns have that name neither a character set nor a collation.
    pub(super) of_table: String,
    /// Whether its collation ignores case.
    pub(super) ignores_case: bool,
    /// The expression of a generated column.
    pub(super) generated: Option<String>,
}

/// A table's facts that SQLite's PRAGMAs do not report.
#[derive(Debug, Default)]
pub(super) struct StoredTable {
    name: String,
    pub(super) comment: Option<String>,
    /// The character set of columns that name none.
    pub(super) charset: TextCharset,
    /// The collation that the definition names for them.
    pub(super) collation: Option<String>,
    columns: Vec<StoredColumn>,
    /// The parts of a PRIMARY KEY that stands behind the columns, and their lengths.
    pub(super) primary_parts: Vec<String>,
    pub(super) primary_prefixes: Vec<Option<u32>>,
    /// Foreign keys and CHECK constraints, as lines of CREATE TABLE.
    pub(super) foreign_keys: Vec<String>,
    pub(super) checks: Vec<String>,
}

impl StoredTable {
    pub(super) fn read(sql: &str) -> Self {
        let tokens = tokens(sql);
        let mut table = Self { name: table_name(&tokens), ..Self::default() };
        for (at, item) in items(group(&tokens)).into_iter().enumerate() {
            let item = match item.split_first() {
                Some((SpacedToken(_, Token::Annotations(annotations)), rest)) if at == 0 => {
                    table.comment = annotations.get(Annotation::Comment).map(str::to_owned);
                    table.charset = charset(annotations).unwrap_or_default();
                    table.collation = annotations.get(Annotation::Collation).map(str::to_owned);
                    rest
                }
                _ => item,
            };
            let mut words =
                item.iter().map(|SpacedToken(_, token)| token).filter(|token| !matches!(token, Token::Annotations(_)));
            match words.next() {
                Some(word @ Token::Word(_)) if is_constraint(word) => table.constraint(item),
                Some(Token::Name(name) | Token::Word(name) | Token::Text(name)) => table.column(name, item),
                _ => {}
            }
        }
        table
    }

    fn constraint(&mut self, item: &[SpacedToken]) {
        let annotations = annotations(item);
        if let Some(check) = annotations.get(Annotation::Check) {
            self.checks.push(check.to_owned());
        } else if after_word(item, "CHECK").is_some() {
            self.checks.push(render(item));
        } else if after_word(item, "PRIMARY").is_some() {
            (self.primary_parts, self.primary_prefixes) = (parts(item), prefixes(item));
        } else if after_word(item, "FOREIGN").is_some() {
            let line = render(item);
            // The action that InnoDB shows and does not do.
            let shown = annotations.get(Annotation::OnUpdate).zip(line.strip_suffix("RESTRICT"));
            let shown = shown.map(|(action, begin)| format!("{begin}{action}"));
            let line = shown.unwrap_or(line);
            let name = annotations.get(Annotation::NameEnd).map(|end| format!("{}{NUMBERED}{end}", self.name));
            let named = name.map(|name| format!("CONSTRAINT {} {}", backquoted(&name), line.trim_start()));
            self.foreign_keys.push(named.unwrap_or(line));
        }
    }

    fn column(&mut self, name: &str, item: &[SpacedToken]) {
        let annotations = annotations(item);
        let checks: Vec<String> = annotations.all(Annotation::Check).map(str::to_owned).collect();
        // The CHECK of an ENUM column is the writer's, for the members.
        let is_ours = annotations.get(Annotation::Type).is_some_and(|kind| kind.starts_with("enum"));
        if let (true, false, Some(check)) = (checks.is_empty(), is_ours, after_word(item, "CHECK")) {
            self.checks.push(format!("CHECK ({})", render(group(check))));
        }
        self.checks.extend(checks);
        let generated = annotations.get(Annotation::Generated).map(str::to_owned);
        let collation = after_word(item, "COLLATE").and_then(<[_]>::first);
        self.columns.push(StoredColumn {
            name: name.to_owned(),
            ignores_case: collation.is_some_and(|SpacedToken(_, name)| name.is_word("NOCASE")),
            generated: generated.or_else(|| after_word(item, "AS").map(|rest| render(group(rest)))),
            charset: TextCharset::default(),
            of_table: String::new(),
            annotations,
        });
    }

    /// The columns, with the expressions of the generated ones.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.columns.iter().map(|column| (column.name.as_str(), column.generated.as_deref()))
    }

    /// The names of the foreign keys that have one.
    pub(super) fn foreign_key_names(&self) -> Vec<String> {
        let name = |line: &String| match tokens(line).as_slice() {
            [SpacedToken(_, first), SpacedToken(_, Token::Name(name)), ..] if first.is_word("CONSTRAINT") => {
                Some(name.clone())
            }
            _ => None,
        };
        self.foreign_keys.iter().filter_map(name).collect()
    }

    pub(super) fn take(&mut self, column: &str) -> StoredColumn {
        let table = self.charset;
        let by_default = || default_collation(table.name()).unwrap_or_default().to_owned();
        let at = self.columns.iter().position(|stored| stored.name.eq_ignore_ascii_case(column));
        // Columns of a view are in no such text.
        at.map_or_else(
            || StoredColumn { ignores_case: true, of_table: by_default(), ..StoredColumn::default() },
            |at| {
                let stored = self.columns.swap_remove(at);
                let of_table = self.collation.clone().unwrap_or_else(by_default);
                StoredColumn { charset: charset(&stored.annotations).unwrap_or(table), of_table, ..stored }
            },
        )
    }
}

/// Whether an expression in MySQL's notation names a column.
pub(super) fn names_column(text: &str, column: &str) -> bool {
    Lexer::new(text.as_bytes()).any(|(piece, word)| match piece {
        Piece::Word => word.eq_ignore_ascii_case(column.as_bytes()),
        Piece::QuotedName => unquote(word).eq_ignore_ascii_case(column.as_bytes()),
        _ => false,
    })
}

/// Refuses to rename a column that an annotation names, as MySQL does, because SQLite would rename it in its own text alone.
pub(super) fn refuse_rename(sql: &str, column: &str) -> Result<(), SqlError> {
    let annotations = annotations(&tokens(sql));
    let uses = |kind| annotations.all(kind).any(|text| names_column(text, column));
    let (code, message) = if uses(Annotation::Generated) {
        (3108, format!("Column '{column}' has a generated column dependency."))
    } else if uses(Annotation::KeyPart) {
        (3837, format!("Column '{column}' has a functional index dependency and cannot be dropped or renamed."))
    } else if uses(Annotation::Check) {
        (3959, format!("A check constraint uses column '{column}', hence column cannot be dropped or renamed."))
    } else {
        return Ok(());
    };
    Err(SqlError::new(code, b"HY000", message))
}

fn is_constraint(word: &Token) -> bool {
    ["CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK"].iter().any(|begin| word.is_word(begin))
}

/// The lengths of the parts of CREATE INDEX or of a key.
pub(super) fn key_prefixes(sql: &str) -> Vec<Option<u32>> {
    prefixes(&tokens(sql))
}

/// Whether CREATE INDEX has this annotation.
pub(super) fn has_annotation(sql: &str, kind: Annotation) -> bool {
    annotations(&tokens(sql)).get(kind).is_some()
}

fn prefixes(tokens: &[SpacedToken]) -> Vec<Option<u32>> {
    let prefix =
        |item: &[SpacedToken]| annotations(item).get(Annotation::Prefix).and_then(|length| length.parse().ok());
    items(group(tokens)).into_iter().map(prefix).collect()
}

/// The parts of CREATE INDEX in MySQL's notation.
pub(super) fn key_parts(sql: &str) -> Vec<String> {
    parts(&tokens(sql))
}

fn parts(tokens: &[SpacedToken]) -> Vec<String> {
    let part = |item: &[SpacedToken]| {
        let annotations = annotations(item);
        let prefix = annotations.get(Annotation::Prefix).map(|length| format!("({length})")).unwrap_or_default();
        let mut words: Vec<SpacedToken> =
            item.iter().filter(|SpacedToken(_, token)| !matches!(token, Token::Annotations(_))).cloned().collect();
        // The collation of a key's part is no part of MySQL's notation.
        if let [SpacedToken(_, Token::Name(_)), SpacedToken(_, collate), _] = words.as_slice()
            && collate.is_word("COLLATE")
        {
            words.truncate(1);
        }
        match (annotations.get(Annotation::KeyPart), words.as_slice()) {
            (Some(part), _) => part.to_owned(),
            (None, [SpacedToken(_, Token::Name(_))]) => format!("{}{prefix}", render(&words)),
            (None, _) => format!("({})", render(item)),
        }
    };
    items(group(tokens)).into_iter().map(part).collect()
}

/// CREATE VIEW in MySQL's notation.
pub(super) fn view(name: &str, sql: &str) -> String {
    let tokens = tokens(sql);
    let head = tokens.iter().position(|SpacedToken(_, token)| token.is_word("AS")).unwrap_or(tokens.len());
    let (head, body) = tokens.split_at(head);
    let columns = group(head);
    let columns = if columns.is_empty() { String::new() } else { format!(" ({})", render(columns)) };
    let annotations = annotations(body);
    let query =
        annotations.get(Annotation::Query).map_or_else(|| render(body.get(1..).unwrap_or_default()), str::to_owned);
    format!("CREATE VIEW {}{columns} AS {query}", backquoted(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_moves_to_its_place() {
        let sql = "CREATE TABLE \"t,(\" (/*mysql\ncomment=a,b\n*/`a` INT DEFAULT (f(1, ',')), `b,` TEXT, CHECK (`a` IN (1, 2)))";
        let moved = |column: &str, after: Option<&str>| {
            let mut text = TableText::read(sql).unwrap();
            text.move_item(column, after).map(|_| text.body())
        };
        let front = "(/*mysql\ncomment=a,b\n*/";
        let (a, b, check) = ("`a` INT DEFAULT (f(1, ','))", "`b,` TEXT", "CHECK (`a` IN (1, 2))");
        assert_eq!(moved("b,", None), Ok(format!("{front}{b}, {a}, {check})")));
        assert_eq!(moved("A", Some("B,")), Ok(format!("{front}{b}, {a}, {check})")));
        assert_eq!(moved("b,", Some("a")), Ok(format!("{front}{a}, {b}, {check})")));
        assert_eq!(moved("b,", Some("c")), Err("c".to_owned()));
        assert_eq!(TableText::read(sql).unwrap().move_item("b,", Some("a")), Ok(true));
    }

    #[test]
    fn texts_and_names_are_quoted_as_mysql_reads_them() {
        for (sqlite, mysql) in [
            ("'\\'", "'\\\\'"),
            ("'it''s \\'", "'it''s \\\\'"),
            ("(`a``\\b` + \"c\"\"d\")", "(`a``\\b` + `c\"d`)"),
            ("CAST(X'0A00' AS TEXT)", "'\\n\\0'"),
            ("CAST(X'FF' AS TEXT)", "CAST(X'FF' AS TEXT)"),
            ("[a] /* x */ -- ; y\n 1.5", "`a` 1.5"),
            ("'open", "'open'"),
            ("X'0F' ';DROP'", "X'0F' ';DROP'"),
        ] {
            assert_eq!(in_mysql(sqlite), mysql, "{sqlite}");
        }
    }
}
