//! `cargo xtask misuse`: the C API in random order for some minutes.

use crate::capi::{Profile, capi};
use crate::run::{Context, run};

/// Runs the tests of `tests/capi/random.rs` with the given numbers, as they are, with AddressSanitizer and under valgrind at the same time,
/// and threads with 64,000 connections.
pub(crate) fn misuse(context: &Context, words: &[&str]) -> Result<(), String> {
    let Arguments { seed, minutes } = read(words)?;
    capi(context, Profile::Debug)?;
    let test = [
        "test",
        "--workspace",
        "--test",
        "capi",
        "--",
        "--nocapture",
        "--test-threads=4",
        "no_order_of_calls",
        "threads_connect",
    ];
    let mut command = context.cargo(test);
    command.env("SEALWIRE_CAPI", context.target.join("capi"));
    command.env("SEALWIRE_MISUSE_SEED", seed.to_string());
    run(command.env("SEALWIRE_MISUSE_SECONDS", (minutes * 60).to_string()))
}

/// The parsed command line.
#[derive(Debug, PartialEq, Eq)]
struct Arguments {
    /// The first seed.
    seed: u64,
    minutes: u64,
}

fn read(words: &[&str]) -> Result<Arguments, String> {
    let mut arguments = Arguments { seed: 1, minutes: 10 };
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let mut number = || {
            let text = rest.next().ok_or_else(|| format!("{word} wants a number"))?;
            text.parse().ok().filter(|number| *number > 0).ok_or_else(|| format!("{word} wants a number, not '{text}'"))
        };
        match *word {
            "--seed" => arguments.seed = number()?,
            "--minutes" => arguments.minutes = number()?,
            other => return Err(format!("cargo xtask misuse knows --seed S and --minutes M, not '{other}'")),
        }
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_refused() {
        assert_eq!(read(&[]), Ok(Arguments { seed: 1, minutes: 10 }));
        assert_eq!(read(&["--minutes", "1", "--seed", "9"]), Ok(Arguments { seed: 9, minutes: 1 }));
        for wrong in [&["--minutes"][..], &["--minutes", "0"], &["--fast"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
