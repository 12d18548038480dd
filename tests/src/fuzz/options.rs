//! Fuzzes option files and command lines: every value that a user can write is read as it was meant, and a secret value is never shown.

use std::fs;
use std::sync::OnceLock;

use sealwire_options::{Environment, OptionError, Outcome, Program, Spec};
use tempfile::TempDir;

const PROGRAM: Program = Program {
    name: "fuzzed",
    version: "1.0",
    usage: "[OPTIONS] [database]",
    groups: &["mysql", "client"],
    other_groups: &[],
    tables: &[&[
        Spec::text("host", "Host.").short('h').default("localhost"),
        Spec::text("user", "User.").short('u'),
        Spec::number("port", "Port.").short('P').between(0, 65535).default("3306"),
        Spec::flag("ssl", "Use TLS."),
        Spec::flag("batch", "Batch.").short('B'),
        Spec::optional_text("password", "Password.").short('p').secret(),
        Spec::text("execute", "Statement.").short('e').repeatable(),
    ]],
    arguments: 1,
};

/// The first byte decides what the others are: an option file, a command line, or a value to write and read back.
pub(super) fn run(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    match mode % 3 {
        0 => file(data),
        1 => command_line(data),
        _ => value(data),
    }
}

fn file(text: &[u8]) {
    // An option file may include others; the files of this machine must not be read.
    if text.contains(&b'!') && (text.contains(&b'/') || text.contains(&b'.')) {
        return;
    }
    look_at(parse(text, &[]));
    look_at(parse(text, &["--print-defaults".to_owned()]));
    look_at(parse(text, &["--help".to_owned()]));
}

/// The arguments are separated by line ends.
fn command_line(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    // Options that name option files are skipped, because those files would be read.
    if text.contains("def") {
        return;
    }
    look_at(PROGRAM.parse(text.split('\n'), &Environment::default()));
}

/// A value in quotes, with special characters escaped.
fn value(data: &[u8]) {
    let value = String::from_utf8_lossy(data).into_owned();
    let mut quoted = String::new();
    for letter in value.chars() {
        match letter {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\\' | '"' | '\'' => quoted.extend(['\\', letter]),
            other => quoted.push(other),
        }
    }
    for quote in ['"', '\''] {
        let text = format!("[client]\npassword = {quote}{quoted}{quote}  # a comment\n");
        let Ok(Outcome::Run(values)) = parse(text.as_bytes(), &[]) else { panic!("{text:?} is not read") };
        assert_eq!(values.text("password"), Some(value.as_str()), "{text:?}");
        if value.len() > 8 {
            let Ok(Outcome::Print(shown)) = parse(text.as_bytes(), &["--print-defaults".to_owned()]) else {
                panic!("{text:?} is not shown");
            };
            assert!(!shown.contains(&value), "{shown}");
            assert!(!format!("{values:?}").contains(&value), "{values:?}");
        }
    }
}

/// Reads every value that was parsed.
fn look_at(outcome: Result<Outcome, OptionError>) {
    match outcome {
        Ok(Outcome::Run(values)) => {
            let _ = (values.text("host"), values.flag("ssl"), values.given_flag("batch"), values.arguments().len());
            let port = values.number("port").unwrap_or_default();
            assert!((0..=65535).contains(&port), "port {port}");
            let _ = (values.is_bare("password"), format!("{values:?}"));
        }
        Ok(Outcome::Print(text)) => assert!(text.ends_with('\n'), "{text:?}"),
        Err(error) => assert!((1..=13).contains(&error.exit_code()) && !error.to_string().is_empty(), "{error:?}"),
    }
}

/// Parses with this option file.
fn parse(text: &[u8], arguments: &[String]) -> Result<Outcome, OptionError> {
    static PLACE: OnceLock<TempDir> = OnceLock::new();
    let place = PLACE.get_or_init(|| tempfile::tempdir().expect("a directory"));
    let path = place.path().join(format!("{:?}.cnf", std::thread::current().id()));
    fs::write(&path, text).expect("an option file");
    let environment = Environment { system_files: vec![path], ..Environment::default() };
    PROGRAM.parse(arguments, &environment)
}
