//! Runs the statements and commands of the terminal client.

use std::io::{self, BufRead, Write as _};
use std::process;
use std::time::Instant;

use sealwire_core::error::SqlError;
use sealwire_core::message::StatusFlags;
use sealwire_core::printable;

use super::behavior::Behavior;
use super::command::{Command, word};
use super::connect::Connector;
use super::failure::Failure;
use super::format;
use super::interrupt::Interrupt;
use super::output::{self, Output};
use super::splitter::{Item, Splitter};
use super::words::{self, Names};
use super::{editor, results, server_help, status};
use sealwire::{Client, ClientError, Socket};

/// The next step after a statement, a command or a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Go on.
    Continue,
    /// Exit with this code.
    Leave(u8),
}

/// The position in the input of the statement that is running.
#[derive(Debug, Clone, Default)]
struct InputPosition {
    line: usize,
    file: Option<String>,
}

/// A session of the terminal client.
pub(crate) struct Session {
    behavior: Behavior,
    connector: Connector,
    client: Option<Client<Socket>>,
    splitter: Splitter,
    output: Output,
    position: InputPosition,
    /// The current database, as far as the client knows.
    database: Option<String>,
    last_insert_id: u64,
    /// The last statement that was sent, for `edit`.
    last_statement: Vec<u8>,
    /// The server's name of the user, for the prompt; empty until it is needed.
    full_user: String,
    prompt: String,
    /// The prompt of the options.
    default_prompt: String,
    /// The nesting depth of `source`.
    depth: usize,
    interrupt: Interrupt,
    /// The names to complete.
    names: Names,
    /// Whether commands that access files or programs are refused.
    sandboxed: bool,
    /// Whether a statement has asked for `NO_BACKSLASH_ESCAPES` while texts were read with backslashes.
    has_asked_for_mode: bool,
}

/// The deepest nesting of `source`, because a file that includes itself would never end.
const MAX_DEPTH: usize = 32;

impl Session {
    pub(crate) fn new(
        behavior: Behavior,
        connector: Connector,
        client: Client<Socket>,
        output: Output,
        prompt: String,
    ) -> Self {
        let database = connector.database().map(str::to_owned);
        Self {
            behavior,
            connector,
            client: Some(client),
            splitter: Splitter::default(),
            output,
            position: InputPosition::default(),
            database,
            last_insert_id: 0,
            last_statement: Vec::new(),
            full_user: String::new(),
            prompt: prompt.clone(),
            default_prompt: prompt,
            depth: 0,
            interrupt: Interrupt::default(),
            names: Names::default(),
            sandboxed: false,
            has_asked_for_mode: false,
        }
    }

    /// Sets the handler by which Ctrl-C kills this session's statements.
    pub(crate) fn set_interrupt(&mut self, interrupt: Interrupt) {
        self.interrupt = interrupt;
    }

    /// Sets the text that ends a statement: `--delimiter`.
    pub(crate) fn set_delimiter(&mut self, delimiter: &str) {
        self.splitter.set_delimiter(delimiter.as_bytes());
    }

    pub(crate) const fn splitter(&self) -> &Splitter {
        &self.splitter
    }

    pub(crate) const fn splitter_mut(&mut self) -> &mut Splitter {
        &mut self.splitter
    }

    pub(crate) const fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    pub(crate) const fn behavior(&self) -> &Behavior {
        &self.behavior
    }

    pub(crate) const fn client(&self) -> Option<&Client<Socket>> {
        self.client.as_ref()
    }

    pub(crate) const fn connector(&self) -> &Connector {
        &self.connector
    }

    pub(crate) fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    pub(crate) fn prompt(&self) -> &str {
        &self.prompt
    }

    /// Runs a script to its end.
    pub(crate) fn script(&mut self, mut input: impl BufRead) -> Flow {
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            match input.read_until(b'\n', &mut line) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    return self.report_error(&format!("Can't read the script: {error}"));
                }
            }
            if self.splitter.statement().is_empty() {
                self.position.line = number;
            }
            let flow = self.line(script_line(&line, number));
            if flow != Flow::Continue {
                return flow;
            }
        }
        // The last statement of a script needs no delimiter.
        match self.splitter.finish() {
            Some(sql) => self.statement(&sql, false),
            None => Flow::Continue,
        }
    }

    /// Takes one line, and runs the statements and commands that it completes.
    pub(crate) fn line(&mut self, line: &[u8]) -> Flow {
        self.splitter.line(line);
        while let Some(item) = self.splitter.next() {
            let flow = match item {
                Item::Statement { sql, vertical } => self.statement(&sql, vertical),
                Item::Command(command, argument) => self.command(command, &argument),
                Item::Unknown(letter) => self.report_error(&format!("Unknown command '\\{letter}'.")),
            };
            if flow != Flow::Continue {
                return flow;
            }
        }
        Flow::Continue
    }

    /// Ends the connection, and prints `Bye`. Returns whether all output was written.
    pub(crate) fn finish(mut self) -> bool {
        if let Some(client) = self.client.take() {
            // If COM_QUIT can't be sent, the server notices the closed connection.
            let _ = client.quit();
        }
        self.result_line("Bye");
        self.output.finish()
    }

    fn statement(&mut self, sql: &[u8], vertical: bool) -> Flow {
        if sql.is_empty() {
            return if self.behavior.batch { Flow::Continue } else { self.report_error("No query specified\n") };
        }
        // The statements of a script are not the user's to edit.
        if !self.behavior.batch && self.depth == 0 {
            sql.clone_into(&mut self.last_statement);
        }
        if self.client.is_none() && self.reconnect() != Flow::Continue {
            return Flow::Continue;
        }
        if self.behavior.verbose > 0 {
            self.show_statement(sql);
        }
        if let Some(client) = &self.client {
            self.interrupt.begin(self.connector.address(), self.connector.last_config(), client.facts().connection_id);
        }
        self.has_asked_for_mode |= !self.splitter.no_backslash_escapes && asks_for_mode(sql);
        self.output.begin_page();
        let outcome = self.run(sql, vertical || self.behavior.vertical);
        self.interrupt.wait_for_others();
        self.output.end_page();
        self.interrupt.end();
        if self.behavior.unbuffered {
            let _ = self.output.flush();
        }
        match outcome {
            Ok(warnings) => {
                self.after_success(warnings);
                Flow::Continue
            }
            Err(Failure::Server(error)) => self.failed(&error),
            Err(Failure::Output) => Flow::Leave(1),
        }
    }

    /// Runs a statement and prints its results; returns how many warnings the last result had.
    fn run(&mut self, sql: &[u8], vertical: bool) -> Result<u16, Failure> {
        let Self { behavior, client: Some(client), output, last_insert_id, .. } = self else { return Ok(0) };
        let started = Instant::now();
        let mut result = client.query(sql)?;
        loop {
            let what = results::print(&mut result, output, behavior, sql, vertical)?;
            let summary = result.summary().cloned().unwrap_or_default();
            let timed = (behavior.verbose >= 3 || behavior.silent == 0).then(|| started.elapsed());
            let info = if behavior.batch { behavior.verbose > 1 } else { behavior.silent == 0 };
            if info {
                let what =
                    what.unwrap_or_else(|| format!("Query OK, {} affected", format::row_count(summary.affected_rows)));
                writeln!(output, "{}", format::summary(&what, summary.warnings, timed))?;
                if !summary.info.is_empty() {
                    writeln!(output, "{}", printable::text(&summary.info))?;
                }
                writeln!(output)?;
            }
            if summary.last_insert_id != 0 {
                *last_insert_id = summary.last_insert_id;
            }
            if !result.next_result()? {
                return Ok(summary.warnings);
            }
        }
    }

    fn after_success(&mut self, warnings: u16) {
        let Some(client) = &mut self.client else { return };
        let status = client.status();
        self.splitter.no_backslash_escapes = status.contains(StatusFlags::NO_BACKSLASH_ESCAPES);
        if status.contains(StatusFlags::DB_DROPPED) && !self.behavior.batch {
            self.database = None;
        }
        if warnings > 0 && self.behavior.show_warnings {
            self.show_warnings();
        }
    }

    fn show_warnings(&mut self) {
        let Self { client: Some(client), output, .. } = self else { return };
        let Ok(mut result) = client.query("show warnings") else { return };
        while let Ok(Some(row)) = result.next() {
            let values: Vec<_> =
                row.iter().map(|value| String::from_utf8_lossy(value.ok().flatten().unwrap_or_default())).collect();
            if let [level, code, message, ..] = values.as_slice() {
                let warning = format!("{level} (Code {code}): {message}");
                let _ = writeln!(output, "{}", printable::text(&warning));
            }
        }
    }

    /// Prints an error of the server or the connection.
    fn failed(&mut self, error: &ClientError) -> Flow {
        if !error.is_recoverable() {
            self.client = None;
        }
        let hint = self.connector.hint(error);
        let flow = self.error(&error.to_sql_error(), hint.as_deref());
        // Without a connection, the rest of a script can't run.
        if self.client.is_none() && self.behavior.batch { Flow::Leave(1) } else { flow }
    }

    fn error(&mut self, error: &SqlError, hint: Option<&str>) -> Flow {
        let head = format!("ERROR {} ({})", error.code, error.sqlstate_str());
        self.error_text(&head, &error.message, hint)
    }

    /// Prints an error of the client itself, which has no number.
    fn report_error(&mut self, text: &str) -> Flow {
        self.error_text("ERROR", text, None)
    }

    fn error_text(&mut self, head: &str, text: &str, hint: Option<&str>) -> Flow {
        let position = match &self.position {
            position if position.line == 0 || !self.behavior.line_numbers => String::new(),
            InputPosition { line, file: None } => format!(" at line {line}"),
            InputPosition { line, file: Some(file) } => format!(" at line {line} in file: '{file}'"),
        };
        // At a terminal, mysql breaks the line after an ERROR without number.
        let colon = if head == "ERROR" && !self.behavior.batch { ":\n" } else { ": " };
        let _ = self.output.flush();
        let mut message = format!("{head}{position}{colon}{text}\n");
        if let Some(hint) = hint {
            message.push_str(hint);
            message.push('\n');
        }
        output::report(message.strip_suffix('\n').unwrap_or(&message));
        if self.behavior.batch && !self.behavior.force { Flow::Leave(1) } else { Flow::Continue }
    }

    /// Prints a line for interactive use: "Database changed".
    fn info(&mut self, text: &str) {
        if !self.behavior.batch && self.behavior.silent == 0 {
            let _ = writeln!(self.output, "{text}");
        }
    }

    /// Prints a line that a script shows only with `-vv`.
    fn result_line(&mut self, text: &str) {
        let shown = if self.behavior.batch { self.behavior.verbose > 1 } else { self.behavior.silent == 0 };
        if shown {
            let _ = writeln!(self.output, "{text}");
        }
    }

    fn show_statement(&mut self, sql: &[u8]) {
        let _ = self.output.write_all(b"--------------\n");
        let _ = self.output.write_all(sql);
        let end: &[u8] = if sql.ends_with(b"\n") { b"" } else { b"\n" };
        let _ = self.output.write_all(end);
        let _ = self.output.write_all(b"--------------\n\n");
    }

    fn command(&mut self, command: Command, argument: &str) -> Flow {
        if self.sandboxed && command.reaches_out(argument) {
            return self.report_error("Not allowed in the sandbox mode");
        }
        let is_script = self.behavior.batch || self.depth > 0;
        if is_script && command.reaches_out(argument) && self.splitter.no_backslash_escapes && !self.has_asked_for_mode
        {
            return self.report_error(
                "A command of the script was not run, because it may be part of a text: the server alone says NO_BACKSLASH_ESCAPES, by which \
                 a text ends at \\'. If the script means it, run the command yourself, or the script on a server without that mode",
            );
        }
        match command {
            // Sandbox mode can't be left, because otherwise a dump's statements could leave it.
            Command::Sandbox => self.sandboxed = true,
            Command::Quit => return Flow::Leave(0),
            // The splitter has carried out the command, or there was no statement to send.
            Command::Clear => self.splitter.clear(),
            Command::Go => return self.statement(&[], false),
            Command::Ego => return self.statement(&[], true),
            Command::Print => {
                let sql = self.splitter.statement().to_vec();
                self.show_statement(&sql);
            }
            Command::Help => return self.help(argument),
            Command::Delimiter => match word(argument) {
                None => return self.report_error("DELIMITER must be followed by a 'delimiter' character or string"),
                Some((delimiter, _)) if argument.contains('\\') || delimiter.contains('\\') => {
                    return self.report_error("DELIMITER cannot contain a backslash character");
                }
                Some((delimiter, _)) => self.splitter.set_delimiter(delimiter.as_bytes()),
            },
            Command::Use => return self.use_database(argument),
            Command::Connect => return self.connect(argument),
            Command::Source => return self.source(argument),
            Command::Status => return self.status(),
            Command::System => self.system(argument),
            Command::Prompt => {
                let (text, said) = match argument {
                    "" => (self.default_prompt.as_str(), "Returning to default PROMPT of"),
                    text => (text, "PROMPT set to"),
                };
                let line = format!("{said} '{text}'");
                self.prompt = text.to_owned();
                self.info(&line);
            }
            Command::Tee => self.tee(argument),
            Command::Pager => self.pager(argument),
            Command::NoPager => self.pager("stdout"),
            Command::Edit => return self.edit(),
            Command::Charset => return self.charset(argument),
            Command::Rehash => self.rehash(),
            Command::NoTee => {
                self.output.stop_tee();
                self.info("Outfile disabled.");
            }
            Command::Warnings => {
                self.behavior.show_warnings = true;
                self.info("Show warnings enabled.");
            }
            Command::NoWarning => {
                self.behavior.show_warnings = false;
                self.info("Show warnings disabled.");
            }
        }
        Flow::Continue
    }

    fn help(&mut self, topic: &str) -> Flow {
        if topic.is_empty() {
            let _ = self.output.write_all(Command::help().as_bytes());
            return Flow::Continue;
        }
        let Self { client: Some(client), output, .. } = self else { return self.reconnect() };
        match server_help::show(client, topic, output) {
            Ok(()) => Flow::Continue,
            Err(error) => self.failed(&error),
        }
    }

    fn use_database(&mut self, argument: &str) -> Flow {
        let Some((database, _)) = word(argument) else {
            return self.report_error("USE must be followed by a database name");
        };
        if self.client.is_none() {
            // The next connection begins in this one: that of the last attempt may be why it failed.
            self.connector.set_database(&database);
            self.database = Some(database.clone());
        }
        if self.client.is_none() && self.reconnect() != Flow::Continue {
            return Flow::Continue;
        }
        let Some(client) = &mut self.client else { return Flow::Continue };
        match client.select_database(&database) {
            Ok(summary) => {
                self.connector.set_database(&database);
                self.database = Some(database);
                self.rehash();
                self.info(&format::summary("Database changed", summary.warnings, None));
                if summary.warnings > 0 && self.behavior.show_warnings {
                    self.show_warnings();
                }
                Flow::Continue
            }
            Err(error) => self.failed(&error),
        }
    }

    fn connect(&mut self, argument: &str) -> Flow {
        if let Some((database, rest)) = word(argument) {
            self.connector.set_database(&database);
            self.database = Some(database);
            if let Some((host, _)) = word(rest) {
                self.connector.set_host(&host);
            }
        }
        self.splitter.clear();
        match self.dial() {
            // At a terminal, the user names another database or host, or tries again.
            Flow::Leave(_) if !self.behavior.batch => Flow::Continue,
            flow => flow,
        }
    }

    fn reconnect(&mut self) -> Flow {
        if !self.behavior.reconnect {
            let gone = SqlError::new(2006, b"HY000", "MySQL server has gone away");
            self.error(&gone, Some("Connect again with \\r, or leave out --skip-reconnect."));
            return Flow::Leave(1);
        }
        self.info("No connection. Trying to reconnect...");
        self.dial()
    }

    /// Reconnects; returns `Leave` where that failed, even in an interactive session.
    fn dial(&mut self) -> Flow {
        if let Some(old) = self.client.take() {
            let _ = old.quit();
        }
        match self.connector.connect() {
            Ok(client) => {
                self.full_user.clear();
                self.info(&format!("Connection id:    {}", client.facts().connection_id));
                let database = self.database.clone().unwrap_or_else(|| "*** NONE ***".to_owned());
                self.info(&format!("Current database: {database}\n"));
                self.client = Some(client);
                Flow::Continue
            }
            Err(error) => {
                self.failed(&error);
                Flow::Leave(1)
            }
        }
    }

    fn source(&mut self, path: &str) -> Flow {
        if path.is_empty() {
            return self.report_error("Usage: \\. <filename> | source <filename>");
        }
        if self.depth >= MAX_DEPTH {
            return self.report_error(&format!("source is nested more than {MAX_DEPTH} deep"));
        }
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) => {
                let number = error.raw_os_error().unwrap_or_default();
                return self.report_error(&format!("Failed to open file '{path}', error: {number}"));
            }
        };
        // The file's lines are numbered anew. The delimiter stays in force, and so does a delimiter that the file sets.
        let delimiter = self.splitter.delimiter().to_vec();
        let no_backslash_escapes = self.splitter.no_backslash_escapes;
        let outer = std::mem::take(&mut self.splitter);
        self.splitter.set_delimiter(&delimiter);
        self.splitter.no_backslash_escapes = no_backslash_escapes;
        let position = std::mem::replace(&mut self.position, InputPosition { line: 0, file: Some(path.to_owned()) });
        self.depth += 1;
        let flow = self.script(io::BufReader::new(file));
        self.depth -= 1;
        self.position = position;
        let inner = std::mem::replace(&mut self.splitter, outer);
        self.splitter.set_delimiter(inner.delimiter());
        self.splitter.no_backslash_escapes = inner.no_backslash_escapes;
        flow
    }

    fn status(&mut self) -> Flow {
        if self.client.is_none() && self.reconnect() != Flow::Continue {
            return Flow::Continue;
        }
        let Self { client: Some(client), output, connector, splitter, behavior, last_insert_id, .. } = self else {
            return Flow::Continue;
        };
        let about = status::StatusInput {
            pager: output.pager(),
            tee_path: output.tee_path(),
            delimiter: splitter.delimiter(),
            address: connector.address(),
            last_insert_id: *last_insert_id,
            binary_as_hex: behavior.style.binary_as_hex,
        };
        match status::text(client, &about) {
            Ok(text) => {
                let _ = output.write_all(text.as_bytes());
                Flow::Continue
            }
            Err(error) => self.failed(&error),
        }
    }

    fn system(&mut self, line: &str) {
        if line.is_empty() {
            self.report_error("Usage: \\! shell-command");
            return;
        }
        let _ = self.output.flush();
        self.interrupt.wait_for_others();
        if let Err(error) = process::Command::new("/bin/sh").arg("-c").arg(line).status() {
            self.report_error(&error.to_string());
        }
        self.interrupt.end();
    }

    /// `pager less`: shows results through a program; without a name through $PAGER, with `stdout` on the terminal.
    pub(crate) fn pager(&mut self, argument: &str) {
        let named = match argument {
            "" => std::env::var("PAGER").unwrap_or_default(),
            argument => argument.to_owned(),
        };
        // In a script, results go to standard output, as in mysql.
        if self.behavior.batch || matches!(named.as_str(), "" | "stdout") {
            self.output.set_pager(None);
            self.info("PAGER set to stdout");
        } else {
            self.info(&format!("PAGER set to '{named}'"));
            self.output.set_pager(Some(named));
        }
    }

    fn edit(&mut self) -> Flow {
        let _ = self.output.flush();
        self.interrupt.wait_for_others();
        let statement = match self.splitter.statement() {
            [] => self.last_statement.as_slice(),
            statement => statement,
        };
        let edited = editor::edit(statement);
        self.interrupt.end();
        match edited {
            Ok(statement) => {
                self.splitter.replace(&statement);
                Flow::Continue
            }
            Err(error) => self.report_error(&format!("The editor failed: {error}")),
        }
    }

    fn charset(&mut self, argument: &str) -> Flow {
        let Some((name, _)) = word(argument) else {
            return self.report_error("Usage: \\C charset_name | charset charset_name");
        };
        if let Err(error) = self.connector.set_charset(&name) {
            return self.report_error(&error);
        }
        if self.client.is_none() && self.reconnect() != Flow::Continue {
            return Flow::Continue;
        }
        let Some(client) = &mut self.client else { return Flow::Continue };
        // The name is one of a fixed list, so it needs no quotes.
        let answer = client.query(format!("SET NAMES {name}")).map(drop);
        match answer {
            Ok(()) => {
                self.info("Charset changed");
                Flow::Continue
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Queries what the prompt shows and the client does not know.
    pub(crate) fn prepare_prompt(&mut self) {
        if let (Some(client), true, true) = (&mut self.client, self.full_user.is_empty(), self.prompt.contains("\\U")) {
            self.full_user = words::user(client).unwrap_or_default();
        }
    }

    /// The user as the server names it, `user@host`; without the host where it has not been asked.
    pub(crate) fn full_user(&self) -> &str {
        if self.full_user.is_empty() { self.connector.user() } else { &self.full_user }
    }

    /// Queries the names for completion.
    pub(crate) fn rehash(&mut self) {
        if let (Some(client), true) = (&mut self.client, self.behavior.rehash) {
            self.names = Names::ask(client);
        }
    }

    /// The names that the server returned.
    pub(crate) const fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) fn tee(&mut self, path: &str) {
        if path.is_empty() {
            self.report_error("No outfile specified!");
            return;
        }
        match self.output.tee(path) {
            Ok(()) => self.info(&format!("Logging to file '{path}'")),
            Err(error) => {
                self.report_error(&format!("Error logging to file '{path}': {error}"));
            }
        }
    }
}

/// Whether a statement is a SET, also one in a comment of a dump, that names `NO_BACKSLASH_ESCAPES`.
fn asks_for_mode(sql: &[u8]) -> bool {
    let text = String::from_utf8_lossy(sql).to_ascii_lowercase();
    let begin = text.trim_start().strip_prefix("/*!").unwrap_or(&text);
    let begin = begin.trim_start_matches(|character: char| character.is_ascii_digit() || character.is_whitespace());
    begin.starts_with("set") && text.contains("sql_mode") && text.contains("no_backslash_escapes")
}

/// A line of a script without its line feed, and without the byte order mark that some editors put first.
fn script_line(line: &[u8], number: usize) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line }
}
