//! Option files and command lines. Any value that a person can write comes out as it was meant; a secret one is never shown.

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

/// The first byte says what the others are: a file, a command line, or a value that is to be written and read.
pub(super) fn run(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    match mode % 3 {
        0 => file(data),
        1 => command_line(data),
        _ => value(data),
    }
}

fn file(text: &[u8]) {
    // A file may name others; those of this machine are none of ours.
    if text.contains(&b'!') && (text.contains(&b'/') || text.contains(&b'.')) {
        return;
    }
    look_at(parse(text, &[]));
    look_at(parse(text, &["--print-defaults".to_owned()]));
    look_at(parse(text, &["--help".to_owned()]));
}

/// Arguments are separated by line ends.
fn command_line(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    // The files that are named are read.
    if text.contains("def") {
        return;
    }
    look_at(PROGRAM.parse(text.split('\n'), &Environment::default()));
}

/// A value in quotes, with what has a meaning there escaped.
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

/// What was read can be asked for.
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

/// With this option file.
fn parse(text: &[u8], arguments: &[String]) -> Result<Outcome, OptionError> {
    static PLACE: OnceLock<TempDir> = OnceLock::new();
    let place = PLACE.get_or_init(|| tempfile::tempdir().expect("a directory"));
    let path = place.path().join(format!("{:?}.cnf", std::thread::current().id()));
    fs::write(&path, text).expect("an option file");
    let environment = Environment { system_files: vec![path], ..Environment::default() };
    PROGRAM.parse(arguments, &environment)
}
