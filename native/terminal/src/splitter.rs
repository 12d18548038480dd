//! Splits the user's input into statements and client commands, as mysql does.
//!
//! [`Splitter::line`] takes a line; [`Splitter::next`] then returns the complete items one at a time, because a command may change how the
//! rest of the line is read (`delimiter`). Comments are removed, except `/*! … */`, `/*M! … */` and `/*+ … */`, which have a meaning for
//! the server.

use sealwire_core::sql::{Inside, Lexer, LexerState, Mode, Piece};

use super::command::Command;

/// A complete piece of input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// A statement for the server, without its delimiter; empty where the user typed only a delimiter.
    Statement {
        /// Its text.
        sql: Vec<u8>,
        /// Whether it ended with `\G`.
        vertical: bool,
    },
    /// A command for the client, with its argument.
    Command(Command, String),
    /// A backslash and a letter that names no command.
    Unknown(char),
}

/// The construct that the next line continues, which decides the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Continuation {
    /// Nothing: a new statement.
    Nothing,
    /// A statement.
    Statement,
    /// A string or name in quotes, with this quote.
    Quote(u8),
    /// A comment.
    Comment,
}

/// The state between lines.
#[derive(Debug)]
pub(crate) struct Splitter {
    delimiter: Vec<u8>,
    /// The text of the current statement so far.
    statement: Vec<u8>,
    /// The quotes and comments that are still open at this point.
    open: LexerState,
    line: Vec<u8>,
    at: usize,
    /// Whether the start of the line has been checked for a command.
    line_begun: bool,
    /// Whether a comment was removed here that may have separated two words.
    gap: bool,
    /// Whether the server takes a backslash in a string literally (`NO_BACKSLASH_ESCAPES`).
    pub(crate) no_backslash_escapes: bool,
}

impl Default for Splitter {
    fn default() -> Self {
        Self {
            delimiter: b";".to_vec(),
            statement: Vec::new(),
            open: LexerState::default(),
            line: Vec::new(),
            at: 0,
            line_begun: true,
            gap: false,
            no_backslash_escapes: false,
        }
    }
}

impl Splitter {
    /// The text that ends a statement.
    pub(crate) fn delimiter(&self) -> &[u8] {
        &self.delimiter
    }

    /// Sets the text that ends a statement.
    pub(crate) fn set_delimiter(&mut self, delimiter: &[u8]) {
        self.delimiter = delimiter.to_vec();
    }

    /// The incomplete statement.
    pub(crate) fn statement(&self) -> &[u8] {
        &self.statement
    }

    /// Replaces the incomplete statement; its delimiter is still to come.
    pub(crate) fn replace(&mut self, statement: &[u8]) {
        self.clear();
        self.statement = statement.to_vec();
    }

    /// The construct that the next line continues.
    pub(crate) const fn continues(&self) -> Continuation {
        match self.open.inside {
            Inside::Comment => Continuation::Comment,
            _ if self.statement.is_empty() => Continuation::Nothing,
            Inside::Quote(quote) => Continuation::Quote(quote),
            Inside::Nothing | Inside::Hint => Continuation::Statement,
        }
    }

    /// Discards the incomplete statement and the rest of the line.
    pub(crate) fn clear(&mut self) {
        self.statement.clear();
        self.open = LexerState::default();
        self.gap = false;
        self.at = self.line.len();
    }

    /// Takes a line, without its line feed. [`Splitter::next`] must have returned `None` for the line before.
    pub(crate) fn line(&mut self, line: &[u8]) {
        self.line.clear();
        self.line.extend_from_slice(line);
        self.at = 0;
        self.line_begun = false;
    }

    /// The next complete item; `None` when the line is used up.
    pub(crate) fn next(&mut self) -> Option<Item> {
        if !self.line_begun {
            self.line_begun = true;
            if let Some(item) = self.command_line() {
                return Some(item);
            }
        }
        while let Some(byte) = self.peek(0) {
            if let Some(item) = self.piece(byte) {
                return Some(item);
            }
        }
        if self.at != usize::MAX {
            self.end_of_line();
        }
        None
    }

    /// The rest at the end of the input: a statement without delimiter, as a script's last statement may be.
    pub(crate) fn finish(&mut self) -> Option<Vec<u8>> {
        let sql = self.take_statement();
        self.clear();
        (!sql.is_empty()).then_some(sql)
    }

    /// Parses a line that is a command as a whole: `use test`, `delimiter //`.
    fn command_line(&mut self) -> Option<Item> {
        if !self.statement.is_empty() || self.open.inside != Inside::Nothing {
            return None;
        }
        let rest = self.line.get(self.at..).unwrap_or_default();
        let (command, argument) = Command::parse_words(rest)?;
        let has_end = contains(rest, &self.delimiter) || contains(rest, b"\\g") || contains(rest, b"\\G");
        if has_end && command != Command::Delimiter {
            return None;
        }
        self.at = usize::MAX;
        Some(Item::Command(command, argument))
    }

    /// Parses the next piece of the line, which begins with `byte`.
    fn piece(&mut self, byte: u8) -> Option<Item> {
        let inside = self.open.inside;
        if byte == b'\\' && matches!(inside, Inside::Nothing | Inside::Hint) {
            return self.backslash();
        }
        if inside == Inside::Nothing {
            if self.statement.is_empty() && byte.is_ascii_whitespace() {
                self.at += 1;
                return None;
            }
            if self.has_delimiter_at(self.at) {
                self.at += self.delimiter.len();
                return Some(self.complete(false));
            }
        }
        let mode = Mode { no_backslash_escapes: self.no_backslash_escapes, ..Mode::default() };
        let mut lexer = Lexer::new(&self.line).in_mode(mode).for_client().resume(self.at, self.open);
        let (piece, text) = lexer.next()?;
        let (length, mut open) = (text.len(), lexer.open());
        match piece {
            Piece::Comment => {
                let is_of_lines = inside == Inside::Comment || text.starts_with(b"/*");
                self.gap |= is_of_lines && open.inside == Inside::Nothing;
                self.at += length;
            }
            Piece::Space | Piece::Word => {
                // A delimiter may begin within a word.
                let delimiter = (1..length).find(|&ahead| self.has_delimiter_at(self.at + ahead));
                self.keep(delimiter.unwrap_or(length));
            }
            Piece::Hint if let Some(at) = text.iter().position(|&byte| byte == b'\\') => {
                self.keep(at);
                open.inside = Inside::Hint;
            }
            Piece::Text if open.inside != Inside::Nothing && !self.no_backslash_escapes && ends_in_escape(text) => {
                // A final backslash would escape the line feed, so it stands for itself.
                self.keep(length - 1);
                self.at += 1;
            }
            _ => self.keep(length),
        }
        self.open = open;
        None
    }

    /// Parses a backslash outside of quotes and comments, or in a hint: a command of one letter.
    fn backslash(&mut self) -> Option<Item> {
        let Some(letter) = self.peek(1) else {
            self.at += 1;
            return None;
        };
        if letter == b'N' {
            self.keep(2);
            return None;
        }
        self.at += 2;
        let Some(command) = Command::by_letter(letter) else {
            // A letter of several bytes is reported whole.
            let rest = self.line.get(self.at - 1..).unwrap_or_default();
            let letter = String::from_utf8_lossy(rest).chars().next().unwrap_or('?');
            self.at += letter.len_utf8() - 1;
            return Some(Item::Unknown(letter));
        };
        match command {
            Command::Go => Some(self.complete(false)),
            Command::Ego => Some(self.complete(true)),
            Command::Clear => {
                let at = self.at;
                self.clear();
                self.at = at;
                None
            }
            _ => {
                let argument = self.argument(command);
                Some(Item::Command(command, argument))
            }
        }
    }

    /// The argument of a one-letter command: up to the delimiter, except for commands that take the whole line or one word. In a hint or an
    /// executable comment it ends with that: `/*!\C utf8mb4 */` stands in front of statements in the output of mysqlbinlog.
    fn argument(&mut self, command: Command) -> String {
        if !command.takes_argument() {
            return String::new();
        }
        let rest = self.line.get(self.at..).unwrap_or_default();
        let is_in_hint = self.open.inside == Inside::Hint || self.open.executable_comment;
        let end_of_hint = find(rest, b"*/").filter(|_| is_in_hint);
        let length = match command {
            _ if let Some(end) = end_of_hint => end,
            Command::System => rest.len(),
            Command::Delimiter => {
                let start = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                let word = rest.iter().skip(start).take_while(|byte| !byte.is_ascii_whitespace()).count();
                start + word
            }
            _ => find(rest, &self.delimiter).unwrap_or(rest.len()),
        };
        let argument = String::from_utf8_lossy(rest.get(..length).unwrap_or_default()).trim().to_owned();
        self.at += length;
        if command != Command::Delimiter && end_of_hint.is_none() && self.has_delimiter_at(self.at) {
            self.at += self.delimiter.len();
        }
        argument
    }

    /// Ends the statement. It may be a command with a delimiter: `use test;`.
    fn complete(&mut self, vertical: bool) -> Item {
        let sql = self.take_statement();
        self.open = LexerState::default();
        // The rest of the line is parsed like a line of its own, so that `…; delimiter //` works.
        let rest = self.line.get(self.at..).unwrap_or_default();
        self.line_begun = !matches!(Command::parse_words(rest), Some((Command::Delimiter, _)));
        match Command::parse_words(&sql) {
            Some((command, argument)) => Item::Command(command, argument),
            None => Item::Statement { sql, vertical },
        }
    }

    /// Takes the statement, without trailing white space.
    fn take_statement(&mut self) -> Vec<u8> {
        let mut sql = std::mem::take(&mut self.statement);
        let seen = sql.iter().rposition(|byte| byte.is_ascii_graphic() || !byte.is_ascii()).map_or(0, |last| last + 1);
        sql.truncate(seen);
        self.gap = false;
        sql
    }

    fn end_of_line(&mut self) {
        if !self.statement.is_empty() && self.open.inside != Inside::Comment {
            self.statement.push(b'\n');
            self.gap = false;
        }
        self.at = usize::MAX;
    }

    /// Moves `length` bytes of the line into the statement.
    fn keep(&mut self, length: usize) {
        let kept = self.line.get(self.at..self.at + length).unwrap_or_default();
        let begins_blank = kept.first().is_none_or(u8::is_ascii_whitespace);
        if std::mem::take(&mut self.gap) && !self.statement.is_empty() && !begins_blank {
            self.statement.push(b' ');
        }
        self.statement.extend_from_slice(kept);
        self.at += length;
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.line.get(self.at.checked_add(ahead)?).copied()
    }

    fn has_delimiter_at(&self, at: usize) -> bool {
        self.line.get(at..).is_some_and(|rest| rest.starts_with(&self.delimiter))
    }
}

/// Whether a text ends within an escape sequence.
fn ends_in_escape(text: &[u8]) -> bool {
    text.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    find(text, part).is_some()
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<Item> {
        let mut splitter = Splitter::default();
        let mut items = Vec::new();
        for line in text.lines() {
            splitter.line(line.as_bytes());
            while let Some(item) = splitter.next() {
                if let Item::Command(Command::Delimiter, argument) = &item {
                    splitter.set_delimiter(argument.as_bytes());
                }
                items.push(item);
            }
        }
        items.extend(splitter.finish().map(|sql| Item::Statement { sql, vertical: false }));
        items
    }

    fn sql(text: &str) -> Item {
        Item::Statement { sql: text.as_bytes().to_vec(), vertical: false }
    }

    fn vertical(text: &str) -> Item {
        Item::Statement { sql: text.as_bytes().to_vec(), vertical: true }
    }

    fn command(command: Command, argument: &str) -> Item {
        Item::Command(command, argument.to_owned())
    }

    #[test]
    fn statements_end_at_the_delimiter_or_at_a_go() {
        assert_eq!(
            split("select 1; select 2\\G select 3\\g\nselect\n 4 ;\nselect 5"),
            [sql("select 1"), vertical("select 2"), sql("select 3"), sql("select\n 4"), sql("select 5")]
        );
        assert_eq!(split(";;"), [sql(""), sql("")]);
    }

    #[test]
    fn quotes_hide_delimiters_comments_and_commands() {
        assert_eq!(
            split(r#"select ';', "a;\"b", `c;\`, '--', '\G', 'it''s';"#),
            [sql(r#"select ';', "a;\"b", `c;\`, '--', '\G', 'it''s'"#)]
        );
        assert_eq!(split("select 'two\nlines;';"), [sql("select 'two\nlines;'")]);
        assert_eq!(split("select 'two\\\n''lines\\\\\n;';"), [sql("select 'two\n''lines\\\\\n;'")]);
    }

    #[test]
    fn comments_are_taken_out_but_for_those_the_server_reads() {
        assert_eq!(split("select/* a; */1 -- b;\n# c;\n;"), [sql("select 1")]);
        assert_eq!(split("select 1--1;"), [sql("select 1--1")]);
        assert_eq!(split("select /*!50000 1 */ /*+ a;b 'c */ + 1;"), [sql("select /*!50000 1 */ /*+ a;b 'c */ + 1")]);
        assert_eq!(split("/* a\nb; */ select 1;"), [sql("select 1")]);
        assert_eq!(split("select 1 /*M! , 2 */;"), [sql("select 1 /*M! , 2 */")]);
        assert_eq!(split("select 1 /*M100616 , 2; */;"), [sql("select 1")]);
        assert_eq!(split("select 1 /*+ a\n-- b\n*/ 'c';"), [sql("select 1 /*+ a\n-- b\n*/ 'c'")]);
    }

    #[test]
    fn commands_stand_alone_on_a_line_or_end_like_statements() {
        assert_eq!(split("USE test\nselect 1;"), [command(Command::Use, "test"), sql("select 1")]);
        assert_eq!(split("use test; select 1;"), [command(Command::Use, "test"), sql("select 1")]);
        assert_eq!(split("help"), [command(Command::Help, "")]);
        assert_eq!(split("select 1\nhelp\n;"), [sql("select 1\nhelp")]);
        // `status` takes no argument, so this line is a statement.
        assert_eq!(split("status of things;"), [sql("status of things")]);
    }

    #[test]
    fn commands_of_one_letter_stand_anywhere() {
        assert_eq!(split(r"\u test"), [command(Command::Use, "test")]);
        assert_eq!(split(r"\u test; select 1;"), [command(Command::Use, "test"), sql("select 1")]);
        assert_eq!(split(r"select \s 1;"), [command(Command::Status, ""), sql("select  1")]);
        assert_eq!(split(r"select 1 \c select 2;"), [sql("select 2")]);
        assert_eq!(split(r"select \N;"), [sql(r"select \N")]);
        assert_eq!(split(r"\! echo a; echo b"), [command(Command::System, "echo a; echo b")]);
        assert_eq!(split(r"\x"), [Item::Unknown('x')]);
        assert_eq!(split(r"\é;"), [Item::Unknown('é'), sql("")]);
    }

    #[test]
    fn a_command_in_a_hint_ends_with_the_hint() {
        assert_eq!(
            split("/*!\\C utf8mb4 */;\nselect 1;"),
            [command(Command::Charset, "utf8mb4"), sql("/*!*/"), sql("select 1")]
        );
        // mysqlbinlog's delimiter.
        assert_eq!(
            split("delimiter /*!*/;\n/*!\\C utf8mb4 *//*!*/;\nselect 1/*!*/;"),
            [
                command(Command::Delimiter, "/*!*/;"),
                command(Command::Charset, "utf8mb4"),
                sql("/*!*/"),
                sql("select 1")
            ]
        );
    }

    #[test]
    fn the_first_line_of_mariadbs_dumps_enters_the_sandbox() {
        // mysqldump versions of 2024 write the first form, later ones the second.
        for line in [r"/*!999999\- enable the sandbox mode */ ", r"/*M!999999\- enable the sandbox mode */ "] {
            let items = split(&format!("{line}\nselect 1;"));
            assert_eq!(items.first(), Some(&command(Command::Sandbox, "")), "{line}");
            let Some(Item::Statement { sql, .. }) = items.get(1) else { panic!("{items:?}") };
            assert!(sql.ends_with(b" enable the sandbox mode */ \nselect 1"), "{items:?}");
        }
    }

    #[test]
    fn the_delimiter_can_be_changed() {
        assert_eq!(
            split("delimiter //\nselect 1; select 2//\ndelimiter ;\nselect 3;"),
            [
                command(Command::Delimiter, "//"),
                sql("select 1; select 2"),
                command(Command::Delimiter, ";"),
                sql("select 3")
            ]
        );
        assert_eq!(
            split("select 1; DELIMITER $$\nselect 2$$select '$$' $$"),
            [sql("select 1"), command(Command::Delimiter, "$$"), sql("select 2"), sql("select '$$'")]
        );
        assert_eq!(split("\\d // select 1//"), [command(Command::Delimiter, "//"), sql("select 1")]);
    }

    #[test]
    fn without_backslash_escapes_a_backslash_ends_nothing() {
        let mut splitter = Splitter { no_backslash_escapes: true, ..Splitter::default() };
        splitter.line(br"select '\'; select 2;");
        assert_eq!(splitter.next(), Some(sql(r"select '\'")));
        assert_eq!(splitter.next(), Some(sql("select 2")));
        assert_eq!(splitter.next(), None);
    }

    #[test]
    fn a_line_says_what_it_continues() {
        let after = |line: &str| {
            let mut splitter = Splitter::default();
            splitter.line(line.as_bytes());
            while splitter.next().is_some() {}
            splitter.continues()
        };
        assert_eq!(after("select 1;"), Continuation::Nothing);
        assert_eq!(after("select 1"), Continuation::Statement);
        assert_eq!(after("select '1"), Continuation::Quote(b'\''));
        assert_eq!(after("select /* 1"), Continuation::Comment);
    }
}
