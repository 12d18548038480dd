//! Hides passwords in the process's command line, because every user of the machine can read it.
//!
//! A process can't change its own arguments, so it executes its program again, under the same process id, with `xxxxx` in place of each
//! password. The passwords go through a pipe, which the new program reads to its end: no file and no environment variable holds them.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::io::FdFlags;

use super::program::Program;

/// The first argument of the re-executed program; the pipe's descriptor follows.
const PIPE: &str = "--passwords-from-pipe=";

/// The text that other users see in place of a password, whatever the password's length.
const MASK: &[u8] = b"xxxxx";

/// The most bytes written to the pipe, because every system's pipe takes this many at once.
const PIPE_SIZE: usize = 4096;

/// A value within the arguments: the argument's index, and how many bytes before the argument's end the value begins.
pub(super) type ValueRange = (usize, usize);

/// The process's arguments without its own name, as the user gave them. A password among them is hidden first; where hiding fails, the
/// program runs all the same.
pub fn arguments(program: &Program) -> Vec<OsString> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let pipe = arguments.first().and_then(|first| first.to_str()?.strip_prefix(PIPE)).map(str::to_owned);
    if let Some(pipe) = pipe {
        // If this fails, a user wrote that argument, and the parser reports it as an unknown option.
        if let Ok(Some(whole)) = read(&pipe).map(|passwords| restored(program, arguments.get(1..)?, &passwords)) {
            return whole;
        }
        return arguments;
    }
    let ranges = program.secrets(&arguments);
    if !ranges.is_empty() {
        let (masked, passwords) = masked(&arguments, &ranges);
        // `start_anew` returns only if the program could not be executed again.
        let _ = start_anew(&masked, &passwords);
    }
    arguments
}

/// The arguments with masks, and the values that the masks replace.
fn masked(arguments: &[OsString], ranges: &[ValueRange]) -> (Vec<OsString>, Vec<u8>) {
    let mut masked = arguments.to_vec();
    let mut passwords = Vec::new();
    for &(index, length) in ranges {
        let Some(argument) = masked.get_mut(index) else { continue };
        let bytes = argument.as_bytes();
        let (name, value) = bytes.split_at(bytes.len().saturating_sub(length));
        passwords.extend_from_slice(value);
        // No argument holds a NUL byte.
        passwords.push(0);
        *argument = OsString::from_vec([name, MASK].concat());
    }
    (masked, passwords)
}

/// The arguments with the values in place of their masks; `None` where masks and values don't fit together.
fn restored(program: &Program, masked: &[OsString], passwords: &[u8]) -> Option<Vec<OsString>> {
    let mut arguments = masked.to_vec();
    let ranges = program.secrets(masked);
    let mut passwords = passwords.strip_suffix(&[0])?.split(|byte| *byte == 0);
    for (index, length) in ranges {
        let argument = arguments.get_mut(index)?;
        let name = argument.as_bytes().get(..argument.len().checked_sub(length)?)?;
        *argument = OsString::from_vec([name, passwords.next()?].concat());
    }
    passwords.next().is_none().then_some(arguments)
}

fn start_anew(masked: &[OsString], passwords: &[u8]) -> io::Result<()> {
    let program = std::env::current_exe()?;
    let is_loader = program.file_name().is_some_and(|name| name.as_bytes().starts_with(b"ld"));
    // If a dynamic loader was started with this program as its argument, it would take our options for its own.
    if is_loader || passwords.len() > PIPE_SIZE {
        return Ok(());
    }
    let (from, mut to) = io::pipe()?;
    to.write_all(passwords)?;
    drop(to);
    let number = from.as_raw_fd().to_string();
    File::open(path_of(&number))?;
    rustix::io::fcntl_setfd(&from, FdFlags::empty())?;
    let name = std::env::args_os().next().unwrap_or_else(|| program.clone().into_os_string());
    Err(Command::new(&program).arg0(name).arg(OsStr::new(&format!("{PIPE}{number}"))).args(masked).exec())
}

/// Reads the pipe to its end, so that nothing stays in it.
fn read(number: &str) -> io::Result<Vec<u8>> {
    let number: u32 = number.parse().map_err(io::Error::other)?;
    let mut passwords = Vec::new();
    File::open(path_of(&number.to_string()))?.take(PIPE_SIZE as u64 + 1).read_to_end(&mut passwords)?;
    Ok(passwords)
}

fn path_of(number: &str) -> String {
    format!("/dev/fd/{number}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Spec;

    const PROGRAM: Program = Program {
        name: "sealwire",
        version: "1.0",
        usage: "",
        groups: &[],
        other_groups: &[],
        tables: &[&[
            Spec::text("host", "Host.").short('h'),
            Spec::flag("batch", "Batch.").short('B'),
            Spec::text("execute", "Execute.").short('e').repeatable(),
            Spec::optional_text("password", "Password.").short('p').secret(),
            Spec::text("ssl-passphrase", "Passphrase.").secret(),
        ]],
        arguments: 1,
    };

    fn words(line: &[&str]) -> Vec<OsString> {
        line.iter().map(OsString::from).collect()
    }

    #[test]
    fn every_way_to_write_a_password_is_masked_and_comes_back() {
        for (given, seen) in [
            (&["-psecret"][..], &["-pxxxxx"][..]),
            (&["-Bpsecret", "-h", "db"], &["-Bpxxxxx", "-h", "db"]),
            (&["--no-defaults", "--password=secret", "db"], &["--no-defaults", "--password=xxxxx", "db"]),
            (&["--passw=s=t", "-p"], &["--passw=xxxxx", "-p"]),
            (&["--loose-password=ü", "-pb"], &["--loose-password=xxxxx", "-pxxxxx"]),
            (&["--ssl_passphrase", "--secret", "-pa"], &["--ssl_passphrase", "xxxxx", "-pxxxxx"]),
        ] {
            let (masked, passwords) = masked(&words(given), &PROGRAM.secrets(&words(given)));
            assert_eq!(masked, words(seen));
            assert_eq!(restored(&PROGRAM, &masked, &passwords), Some(words(given)));
        }
    }

    #[test]
    fn what_is_no_password_stays() {
        for line in [&["-p", "db"][..], &["--password"], &["--password="], &["-e", "-psecret"], &["--", "-psecret"]] {
            assert_eq!(PROGRAM.secrets(&words(line)), [], "{line:?}");
        }
    }

    #[test]
    fn passwords_that_do_not_fit_are_refused() {
        for passwords in [&b""[..], b"a", b"a\0b\0"] {
            assert_eq!(restored(&PROGRAM, &words(&["-pxxxxx"]), passwords), None);
        }
        assert!(read("0x").is_err());
    }
}
