//! Runs programs for the groups: their results become counts, and their output is passed on while it arrives.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The packages of the programs, for cargo to build.
pub(crate) const PROGRAMS: [&str; 11] = [
    "--package",
    "sealwire-bridge",
    "--package",
    "sealwire-certs",
    "--package",
    "sealwire-gateway",
    "--package",
    "sealwire-server",
    "--package",
    "sealwire-terminal",
    "--bins",
];

/// The folders of the workspace, and how strict to be.
pub(crate) struct Context {
    /// The workspace's folder.
    pub(crate) root: PathBuf,
    /// Cargo's target folder; the groups install and keep their files below it.
    pub(crate) target: PathBuf,
    /// In CI a skipped test is a failed one.
    pub(crate) ci: bool,
}

impl Context {
    /// Finds the folders by the variables that cargo sets for this program.
    pub(crate) fn find() -> Result<Self, String> {
        let manifest = std::env::var("CARGO_MANIFEST_DIR").map_err(|_| "run it as `cargo xtask`".to_owned())?;
        let root = Path::new(&manifest).ancestors().nth(2).ok_or("the workspace's folder is not where it was")?;
        let program = std::env::current_exe().map_err(|error| format!("this program's own path: {error}"))?;
        let target = program.ancestors().nth(2).ok_or("the target folder is not where cargo puts it")?;
        let ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
        Ok(Self { root: root.to_owned(), target: target.to_owned(), ci })
    }

    /// `cargo` in the workspace's folder, the same one that runs this program.
    pub(crate) fn cargo<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target).args(arguments);
        forget_own_package(&mut command);
        command
    }

    /// The folder of the built programs.
    pub(crate) fn programs(&self) -> PathBuf {
        self.target.join("debug")
    }
}

/// Removes the variables that cargo sets for this program's own package. ring's build script depends on them, so it, and all packages built
/// upon it, would be rebuilt whenever cargo is called by hand in between.
pub(crate) fn forget_own_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name.to_string_lossy().starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
}

/// The result of a group's checks.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
    /// The failures and omissions, for the table at the end.
    pub(crate) notes: Vec<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.notes.extend(other.notes);
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

impl From<Result<(), String>> for Tally {
    /// The result of one check.
    fn from(outcome: Result<(), String>) -> Self {
        match outcome {
            Ok(()) => Self { passed: 1, ..Self::default() },
            Err(note) => Self { failed: 1, notes: vec![note], ..Self::default() },
        }
    }
}

/// A command as a user would type it in a shell.
pub(crate) fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

/// A word in quotes where the shell would read it as something else.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "-_=+:,./@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Runs a command to its end with its output shown.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let shown = spelled(command);
    println!("$ {shown}");
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shown}` ended with {status}")),
        Err(error) => Err(format!("`{shown}` did not start: {error}")),
    }
}

/// Runs a command and returns its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let shown = spelled(command);
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("`{shown}` did not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{shown}` ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program of this name is on the path.
pub(crate) fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Runs test programs, and adds up the closing lines that they print.
pub(crate) fn run_tests(command: &mut Command) -> Tally {
    let shown = spelled(command);
    println!("$ {shown}");
    let mut child = match command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => return Err(format!("`{shown}` did not start: {error}")).into(),
    };
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            println!("{line}");
            count(&line, &mut tally);
        }
    }
    match child.wait() {
        Ok(status) if !status.success() && tally.failed == 0 => {
            tally.failed += 1;
            tally.note(format!("`{shown}` ended with {status}"));
        }
        Ok(_) => {}
        Err(error) => tally.add(Err(format!("`{shown}`: {error}")).into()),
    }
    tally
}

/// Parses one line of a test program's output: its closing line, or the name of a test that did not pass.
fn count(line: &str, tally: &mut Tally) {
    if let Some(summary) = line.strip_prefix("test result: ") {
        for part in summary.split(['.', ';']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (words.next().and_then(|word| word.parse::<usize>().ok()), words.next())
            else {
                continue;
            };
            match what {
                "passed" => tally.passed += number,
                "failed" => tally.failed += number,
                "ignored" => tally.skipped += number,
                _ => {}
            }
        }
    } else if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
        tally.note(format!("failed: {name}"));
    } else if let Some((name, _)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ignored")) {
        tally.note(format!("skipped: {name}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_closing_lines_of_several_programs() {
        let mut tally = Tally::default();
        for line in [
            "test frame::tests::splits ... ok",
            "test frame::tests::joins ... FAILED",
            "test result: FAILED. 12 passed; 1 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.01s",
            "test peers::mysql2 ... ignored",
            "test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 2.50s",
        ] {
            count(line, &mut tally);
        }
        assert_eq!((tally.passed, tally.failed, tally.skipped), (16, 1, 1));
        assert_eq!(tally.notes, ["failed: frame::tests::joins", "skipped: peers::mysql2"]);
    }

    #[test]
    fn a_command_is_shown_as_the_shell_takes_it() {
        let mut command = Command::new("printf");
        let words = ["%s\n", "SHOW STATUS LIKE 'Ssl_cipher'; \\s", "", "--ssl-ca=/a/ca.pem", "$HOME", "*"];
        command.args(words);
        let shown = spelled(&command);
        assert!(shown.ends_with(" '' --ssl-ca=/a/ca.pem '$HOME' '*'"), "{shown}");
        let said = Command::new("sh").args(["-c", &shown]).output().unwrap();
        assert_eq!(String::from_utf8(said.stdout).unwrap(), words[1..].join("\n") + "\n");
    }

    #[test]
    fn a_command_that_fails_is_named() {
        let error = run(Command::new("false").arg("--now")).unwrap_err();
        assert!(error.starts_with("`false --now` ended with"), "{error}");
    }

    #[test]
    fn a_test_program_that_dies_unheard_is_a_failure() {
        let tally = run_tests(Command::new("sh").args(["-c", "echo 'test result: ok. 2 passed; 0 failed'; exit 3"]));
        assert_eq!((tally.passed, tally.failed), (2, 1));
    }
}
