//! `cargo xtask faults`: kills the server while it writes, as often as wanted.

use crate::run::{Context, run};

/// Runs the tests of `tests/faults/killed.rs` and `tests/replication/chain/killed.rs` with the given number of rounds and seed.
pub(crate) fn faults(context: &Context, words: &[&str]) -> Result<(), String> {
    let (rounds, seed) = read(words)?;
    run(&mut context.cargo(["build", "--workspace", "--bins", "--examples"]))?;
    let test = ["test", "--workspace", "--test", "faults", "--test", "chain", "--", "--nocapture", "killed::"];
    let mut command = context.cargo(test);
    command.env("SEALWIRE_PROGRAMS", context.programs());
    command.env("SEALWIRE_FAULTS_ROUNDS", rounds.to_string()).env("SEALWIRE_FAULTS_SEED", seed.to_string());
    // A failure after many rounds is rare, so its servers' files are kept.
    command.env("SEALWIRE_SEED", seed.to_string()).env("SEALWIRE_KEEP", "1");
    run(&mut command)
}

fn read(words: &[&str]) -> Result<(u64, u64), String> {
    let (mut rounds, mut seed, mut rest) = (1000, 1, words.iter());
    while let Some(word) = rest.next() {
        let mut number = || {
            let number = rest.next().and_then(|number| number.parse().ok());
            number.ok_or_else(|| format!("{word} wants a number"))
        };
        match *word {
            "--rounds" => rounds = number()?,
            "--seed" => seed = number()?,
            other => return Err(format!("cargo xtask faults knows --rounds N and --seed S, not '{other}'")),
        }
    }
    Ok((rounds, seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_and_seed_are_read() {
        assert_eq!(read(&["--seed", "7", "--rounds", "3"]), Ok((3, 7)));
        assert_eq!(read(&[]), Ok((1000, 1)));
        for wrong in [&["--rounds"][..], &["--seed", "x"], &["--fast"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
