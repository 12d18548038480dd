//! `cargo xtask soak`: thousands of clients for some minutes.

use crate::run::{Context, run};

/// Runs `tests/security/soak` with the given numbers.
pub(crate) fn soak(context: &Context, words: &[&str]) -> Result<(), String> {
    let Arguments { connections, minutes } = read(words)?;
    run(&mut context.cargo(["build", "--workspace", "--bins", "--examples"]))?;
    let mut command = context.cargo(["test", "--workspace", "--test", "soak"]);
    command.env("SEALWIRE_PROGRAMS", context.programs());
    command.env("SEALWIRE_SOAK_CONNECTIONS", connections.to_string());
    run(command.env("SEALWIRE_SOAK_SECONDS", (minutes * 60).to_string()))
}

/// The parsed command line.
#[derive(Debug, PartialEq, Eq)]
struct Arguments {
    connections: u64,
    minutes: u64,
}

fn read(words: &[&str]) -> Result<Arguments, String> {
    let mut arguments = Arguments { connections: 4_000, minutes: 10 };
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let mut number = || {
            let text = rest.next().ok_or_else(|| format!("{word} wants a number"))?;
            text.parse().ok().filter(|number| *number > 0).ok_or_else(|| format!("{word} wants a number, not '{text}'"))
        };
        match *word {
            "--connections" => arguments.connections = number()?,
            "--minutes" => arguments.minutes = number()?,
            other => return Err(format!("cargo xtask soak knows --connections N and --minutes M, not '{other}'")),
        }
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_refused() {
        assert_eq!(read(&[]), Ok(Arguments { connections: 4_000, minutes: 10 }));
        assert_eq!(read(&["--minutes", "1", "--connections", "9"]), Ok(Arguments { connections: 9, minutes: 1 }));
        for wrong in [&["--minutes"][..], &["--minutes", "0"], &["--fast"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
