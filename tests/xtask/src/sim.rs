//! `cargo xtask sim`: simulates connections of the user's choice.

use crate::run::{Context, run};

/// Runs the scenarios of the given numbers, as `tests/simulation/campaign.rs` does with its own, or sessions through the gateway, as
/// `tests/simulation/gateway.rs` does.
pub(crate) fn sim(context: &Context, words: &[&str]) -> Result<(), String> {
    let Arguments { from, seeds, real, gateway } = read(words)?;
    if gateway {
        let mut command =
            context.cargo(["test", "--workspace", "--test", "simulation", "--", "--nocapture", "gateway::"]);
        command.env("SEALWIRE_SIM_GATEWAY_FROM", from.to_string());
        return run(command.env("SEALWIRE_SIM_GATEWAY_SEEDS", seeds.to_string()));
    }
    let mut command = context.cargo(["test", "--workspace", "--test", "campaign"]);
    command.env("SEALWIRE_SIM_FROM", from.to_string()).env("SEALWIRE_SIM_SEEDS", seeds.to_string());
    if real {
        command.env("SEALWIRE_SIM_REAL", "1");
    }
    run(&mut command)
}

/// The parsed command line.
#[derive(Debug, PartialEq, Eq)]
struct Arguments {
    from: u64,
    seeds: u64,
    real: bool,
    /// Whether the sessions go through the gateway.
    gateway: bool,
}

fn read(words: &[&str]) -> Result<Arguments, String> {
    let mut arguments = Arguments { from: 0, seeds: 10_000, real: false, gateway: false };
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let mut number = || {
            let text = rest.next().ok_or_else(|| format!("{word} wants a number"))?;
            text.parse().map_err(|_| format!("{word} wants a number, not '{text}'"))
        };
        match *word {
            "--seeds" => arguments.seeds = number()?,
            "--from" => arguments.from = number()?,
            "--real" => arguments.real = true,
            "--gateway" => arguments.gateway = true,
            other => {
                return Err(format!("cargo xtask sim knows --seeds N, --from S, --real and --gateway, not '{other}'"));
            }
        }
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_in_any_order() {
        let one = Arguments { from: 7, seeds: 1, real: true, gateway: false };
        assert_eq!(read(&["--real", "--from", "7", "--seeds", "1"]), Ok(one));
        let of_gateway = Arguments { from: 0, seeds: 10_000, real: false, gateway: true };
        assert_eq!(read(&["--gateway"]), Ok(of_gateway));
        for wrong in [&["--seeds"][..], &["--from", "x"], &["--fast"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
