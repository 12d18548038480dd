//! `sealwire-binlog`: prints binary logs, of files and of servers over a verified connection, with mysqlbinlog's options and output.

mod clock;
mod collations;
mod digits;
mod filter;
mod float;
mod hexdump;
mod json;
mod json_diff;
mod load;
mod local;
mod options;
mod raw;
mod remote;
mod render;
mod rows_text;
mod session_text;
mod sink;
mod sql;
mod text;
mod user_variable;
mod value_text;
mod writing;

use std::ffi::OsString;
use std::process::ExitCode;

use sealwire_options::{Environment, Outcome, Values};

use super::output;
use local::FileOptions;
use options::{PROGRAM, Settings, WITHOUT_EFFECT};
use render::{Flow, Renderer};
use sink::{Sink, report};

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
            report(&error.to_string());
            return ExitCode::from(error.exit_code());
        }
    };
    for warning in values.warnings() {
        report(&format!("[Warning] {warning}"));
    }
    for spec in WITHOUT_EFFECT.iter().filter(|spec| values.is_given(spec.name())) {
        report(&format!("[Note] option '--{}' has no effect", spec.name()));
    }
    match Settings::from_values(&values).and_then(|settings| print(settings, values)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            if !problem.is_empty() {
                report(&problem);
            }
            ExitCode::FAILURE
        }
    }
}

/// Prints what the settings ask for; the error is a sentence, or empty where nobody is to be told.
fn print(settings: Settings, values: Values) -> Result<(), String> {
    if settings.is_remote {
        return remote::run(settings, values);
    }
    let mut sink = Sink::new(settings.result_file.as_deref())?;
    let mut renderer = Renderer::new(&settings);
    renderer.begin(sink.buffer());
    let last = settings.files.len().saturating_sub(1);
    for (index, name) in settings.files.iter().enumerate() {
        renderer.filter.is_last_file = index == last;
        let start = settings.start_position.filter(|_| index == 0);
        let options = FileOptions { start, force_if_open: settings.force_if_open };
        match local::print(name, options, &mut renderer, &mut sink) {
            Ok(Flow::Continue) => {}
            Ok(Flow::Stop) => break,
            Err(problem) => {
                sink.flush()?;
                return Err(problem);
            }
        }
    }
    renderer.end(sink.buffer());
    sink.flush()
}
