//! Reads lines at a terminal: history, prompts, statements over several lines.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustyline::error::ReadlineError;
use rustyline::history::{DefaultHistory, History as _};
use rustyline::{CompletionType, Config, Editor};
use sealwire_core::printable;

use super::helper::Sql;
use super::prompt::Clock;
use super::session::{Flow, Session};
use super::splitter::Continuation;
use super::{output, prompt, status};

/// Runs the interactive client until the user leaves; returns the exit code.
pub(crate) fn run(session: &mut Session, clock: Clock) -> u8 {
    greet(session);
    let history = std::env::var_os("SEALWIRE_HISTFILE")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".sealwire_history")));
    let config = Config::builder()
        .auto_add_history(false)
        // Completes as a shell does: up to the candidates' common prefix, then it lists them.
        .completion_type(CompletionType::List)
        .max_history_size(10_000)
        .map(|it| it.build());
    let editor = config.and_then(Editor::<Sql, DefaultHistory>::with_config);
    let mut editor = match editor {
        Ok(editor) => editor,
        Err(error) => {
            output::report(&format!("ERROR: the terminal can't be used: {error}"));
            return 1;
        }
    };
    if let Some(path) = &history {
        // The file does not exist the first time.
        let _ = editor.load_history(path);
    }
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let colours = !is_set("NO_COLOR") && std::env::var_os("TERM").is_some_and(|term| term != "dumb");
    editor.set_helper(Some(Sql { colours, ..Sql::default() }));
    session.rehash();
    let mut counter = 0;
    // The lines since the end of the last statement.
    let mut entry = String::new();
    let code = loop {
        let prompt = match session.splitter().continues() {
            Continuation::Nothing => {
                counter += 1;
                session.prepare_prompt();
                prompt::render(session.prompt(), session, counter, clock)
            }
            Continuation::Statement => "    -> ".to_owned(),
            Continuation::Comment => "   /*> ".to_owned(),
            Continuation::Quote(quote) => format!("    {}> ", char::from(quote)),
        };
        let _ = session.output().flush();
        if let Some(helper) = editor.helper_mut() {
            session.names().clone_into(&mut helper.names);
        }
        match editor.readline(&prompt) {
            Ok(line) => {
                if !entry.is_empty() {
                    entry.push('\n');
                }
                entry.push_str(&line);
                let flow = session.line(line.as_bytes());
                if session.splitter().continues() == Continuation::Nothing {
                    let whole = std::mem::take(&mut entry);
                    if is_worth_keeping(&whole) {
                        // If the history can't be extended, the program goes on.
                        let _ = editor.add_history_entry(whole);
                    }
                }
                if let Flow::Leave(code) = flow {
                    break code;
                }
            }
            Err(ReadlineError::Interrupted) => {
                output::print("^C\n");
                session.splitter_mut().clear();
                entry.clear();
            }
            Err(ReadlineError::Eof) => break 0,
            Err(error) => {
                output::report(&format!("ERROR: the terminal can't be read: {error}"));
                break 1;
            }
        }
    };
    if let Some(path) = &history
        && !editor.history().is_empty()
        && let Err(error) = save(&mut editor, path)
    {
        output::report(&format!("WARNING: the history can't be written to {}: {error}", path.display()));
    }
    code
}

fn greet(session: &mut Session) {
    if session.behavior().silent > 0 {
        return;
    }
    let Some(client) = session.client() else { return };
    let facts = client.facts();
    let text = format!(
        "Welcome to {}.  Commands end with {} or \\g.\n\
         Your connection id is {}\n\
         Server version: {}\n\
         {}\n\n\
         Type 'help;' or '\\h' for help. Type '\\c' to clear the current input statement.\n\n",
        status::program(),
        String::from_utf8_lossy(session.splitter().delimiter()),
        facts.connection_id,
        printable::line(facts.server_version.strip_prefix("5.5.5-").unwrap_or(&facts.server_version)),
        match &facts.tls {
            Some(tls) => format!("SSL: {} with {}", tls.version.name(), tls.cipher),
            None => "SSL: not in use".to_owned(),
        },
    );
    let _ = session.output().write_all(text.as_bytes());
}

/// Whether an entry goes into the history. Statements with passwords do not: mysql omits the same ones, and omits them whole, because the
/// password may be on any of their lines.
fn is_worth_keeping(entry: &str) -> bool {
    let upper = entry.to_ascii_uppercase();
    !entry.trim().is_empty() && !upper.contains("IDENTIFIED") && !upper.contains("PASSWORD")
}

/// Writes the history to a file that only its owner can read.
fn save(editor: &mut Editor<Sql, DefaultHistory>, path: &Path) -> rustyline::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        // Users link the file to /dev/null to have no history.
        return Ok(());
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    editor.save_history(path)
}

#[cfg(test)]
mod tests {
    use super::is_worth_keeping;

    #[test]
    fn passwords_stay_out_of_the_history() {
        assert!(is_worth_keeping("select 1;"));
        for line in ["create user u identified by 'x';", "SET PASSWORD = 'x'", "alter user u Identified with y", "  "] {
            assert!(!is_worth_keeping(line), "{line}");
        }
    }
}
