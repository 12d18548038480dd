//! `sealwire`, the client for interactive use and scripts: mysql's options, commands and output over a verified connection.

mod behavior;
pub mod binlog;
mod command;
mod connect;
mod editor;
mod failure;
mod format;
mod handshake_trace;
mod helper;
mod interactive;
mod interrupt;
mod known_servers;
mod markup;
mod output;
mod prompt;
mod results;
mod rows;
mod server_help;
mod session;
mod settings;
mod splitter;
mod status;
mod words;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use connect::Connector;
use interrupt::Interrupt;
use output::Output;
use prompt::Clock;
use sealwire_options::{Environment, Occurrence, OptionValue, Origin, Outcome, Values};
use session::{Flow, Session};
use settings::{PROGRAM, Settings, Surroundings, WITHOUT_EFFECT};

/// Runs the program with the process's arguments. A password among them is first hidden from other users of the machine.
pub fn main() -> ExitCode {
    run(sealwire_options::arguments(&PROGRAM))
}

/// Runs the program with these arguments, which lack the program's own name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let values = match PROGRAM.parse(arguments, &Environment::of_process()) {
        Ok(Outcome::Run(values)) => values,
        Ok(Outcome::Print(text)) => {
            return if output::print(&text) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        Err(error) => {
            output::report(&format!("sealwire: {error}"));
            return ExitCode::from(error.exit_code());
        }
    };
    for warning in values.warnings() {
        output::report(&format!("sealwire: [Warning] {warning}"));
    }
    for spec in WITHOUT_EFFECT.iter().filter(|spec| values.is_given(spec.name())) {
        output::report(&format!("sealwire: [Note] option '--{}' has no effect", spec.name()));
    }
    if values.occurrences("password").any(is_on_command_line) {
        output::report("sealwire: [Warning] Using a password on the command line interface can be insecure.");
    }
    let surroundings = Surroundings { terminal: io::stdin().is_terminal() && io::stdout().is_terminal() };
    let exists = |path: &str| std::path::Path::new(path).exists();
    match Settings::from_values(&values, surroundings, |name| std::env::var(name).ok(), exists) {
        Ok(settings) => ExitCode::from(run_session(settings, values)),
        Err(problem) => {
            output::report(&format!("sealwire: {problem}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether an option's text came from the command line, where other users can see it.
fn is_on_command_line(occurrence: &Occurrence) -> bool {
    occurrence.origin == Origin::CommandLine && matches!(&occurrence.given, OptionValue::Text(text) if !text.is_empty())
}

/// Connects, and runs the statements; returns the exit code.
fn run_session(settings: Settings, values: Values) -> u8 {
    // The time zone is read before a second thread starts.
    let clock = Clock::of_system();
    let (behavior, delimiter, execute) =
        (settings.behavior.clone(), settings.delimiter.clone(), settings.execute.clone());
    let (batch, tee, pager) = (behavior.batch, settings.tee.clone(), settings.pager.clone());
    let (ignores_interrupts, prompt) = (settings.ignores_interrupts, settings.prompt.clone());
    let mut connector = Connector::new(settings.connection, values);
    let client = match connector.connect() {
        Ok(client) => client,
        Err(error) => {
            output::report(&error.to_string());
            if let Some(hint) = connector.hint(&error) {
                output::report(&hint);
            }
            return 1;
        }
    };
    let mut session = Session::new(behavior, connector, client, Output::of_process(), prompt);
    session.set_delimiter(&delimiter);
    if let Some(path) = tee {
        session.tee(&path);
    }
    if let Some(pager) = pager {
        session.pager(&pager);
    }
    match Interrupt::watch(ignores_interrupts) {
        Ok(interrupt) => session.set_interrupt(interrupt),
        Err(error) => output::report(&format!("WARNING: Ctrl-C ends the program: {error}")),
    }
    let flow = if !execute.is_empty() {
        session.script(execute.join("\n").as_bytes())
    } else if batch {
        session.script(io::stdin().lock())
    } else {
        Flow::Leave(interactive::run(&mut session, clock))
    };
    let code = match flow {
        Flow::Continue => 0,
        Flow::Leave(code) => code,
    };
    if session.finish() { code } else { code.max(1) }
}
