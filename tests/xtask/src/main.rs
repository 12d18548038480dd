//! The task runner: `cargo xtask` with `demo`, `man`, `wasm`, `capi`, `size`, `test`, `sim`, `soak`, `attacks`, `faults`, `fuzz`, `galera`,
//! `memory`, `misuse`, `instructions` or `bench`; `USAGE` explains them.

mod attacks;
mod bench;
mod capi;
mod cluster;
mod debian;
mod demo;
mod faults;
mod fuzz;
mod galera;
mod gateway_demo;
mod groups;
mod instructions;
mod man;
mod memory;
mod misuse;
mod nightly;
mod node;
mod numbers;
mod page;
mod run;
mod setup;
mod sim;
mod soak;
mod wasm;

use std::process::ExitCode;

use run::Context;

const USAGE: &str = "\
usage: cargo xtask demo [--once] [--gateway [--galera]]
                                      a server with fresh certificates and one verified connection to it;
                                      without --once the server stays up until Ctrl-C, with the page behind a bridge;
                                      --gateway: the gateway before two such servers, or with --galera before three nodes of
                                      a Galera cluster, verified connections through it, and its status page
       cargo xtask man                the programs' manual pages, in target/man
       cargo xtask wasm               the npm package of the page's client, in wasm/pkg
       cargo xtask capi [--debug]     libmariadb.so.3 with its headers and with-sealwire, in target/capi
       cargo xtask size               what a page has to load, compressed
       cargo xtask test [group...]    everything that CI checks, or the groups named; the group full takes half an hour
       cargo xtask sim [--seeds N] [--from S] [--real | --gateway]
                                      N simulated connections from number S on; --real with real cryptography; --gateway:
                                      sessions through the gateway instead
       cargo xtask faults [--rounds N] [--seed S]
                                      the server killed N times while it writes: nothing acknowledged is lost
       cargo xtask galera             three nodes of a Galera cluster before the gateway: killed, hanging, without the majority,
                                      restarted in turn; needs root and Debian's galera-4 and rsync
       cargo xtask fuzz [--seconds N | --minimise | --coverage] [target...]
                                      libFuzzer on the targets of tests/fuzz, 60 seconds each; see its README
       cargo xtask memory             valgrind over core's tests; our programs with AddressSanitizer and LeakSanitizer under
                                      every test of their peers
       cargo xtask instructions --accept
                                      counts core's instructions and takes them down, for `cargo xtask test instructions`
       cargo xtask soak [--gateway] [--connections N] [--minutes M]
                                      4,000 clients over TLS for 10 minutes, one in a hundred of them bad, certificates
                                      loaded again each second: none fails, and the server's memory stays as it is;
                                      --gateway: through the gateway to two servers, of which every 30 s one is lost
       cargo xtask misuse [--seed S] [--minutes M]
                                      the C API's calls in random order for 10 minutes, also suspended and at the wrong
                                      time, against a server that answers at random: no crash, leak or hang
       cargo xtask attacks            tries the attacks of tests/security/attacks and writes their table into SECURITY.md
       cargo xtask bench [--quick] [group...]
                                      every figure beside its peers'; all groups write tests/bench/RESULTS.md";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = Context::find().and_then(|context| match words.as_slice() {
        ["demo"] => demo::demo(&context, demo::Stay::UntilStopped),
        ["demo", "--once"] => demo::demo(&context, demo::Stay::Once),
        ["demo", words @ ..] if words.contains(&"--gateway") => gateway_demo::demo(&context, words),
        ["man"] => man::man(&context),
        ["wasm"] => wasm::package(&context).map(drop),
        ["capi"] => capi::capi(&context, capi::Profile::Release),
        ["capi", "--debug"] => capi::capi(&context, capi::Profile::Debug),
        ["size"] => page::build(&context).map(drop),
        ["test", groups @ ..] => groups::test(&context, groups),
        ["sim", words @ ..] => sim::sim(&context, words),
        ["faults", words @ ..] => faults::faults(&context, words),
        ["galera"] => galera::galera(&context),
        ["fuzz", words @ ..] => fuzz::fuzz(&context, words),
        ["soak", words @ ..] => soak::soak(&context, words),
        ["misuse", words @ ..] => misuse::misuse(&context, words),
        ["memory"] => memory::memory(&context),
        ["instructions", "--accept"] => instructions::accept(&context),
        ["attacks"] => attacks::write(&context),
        ["bench", words @ ..] => bench::bench(&context, words),
        words => Err(misused(words)),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The error for words that are no task: all tasks, or the usage of the one that was named.
fn misused(words: &[&str]) -> String {
    let shown = |line: &'static str| line.trim_start_matches("usage:").trim_start();
    let task_of = |line| shown(line).strip_prefix("cargo xtask ").and_then(|rest| rest.split(' ').next());
    let Some((task, rest)) = words.split_first() else { return USAGE.to_owned() };
    let tasks: Vec<&str> = USAGE.lines().filter_map(task_of).collect();
    if !tasks.contains(task) {
        return format!("no task '{task}'; the tasks are {}. `cargo xtask` explains them.", tasks.join(", "));
    }
    let from_task = USAGE.lines().skip_while(|line| task_of(line) != Some(*task));
    let own = from_task.take_while(|line| task_of(line).is_none_or(|of| of == *task));
    let own: Vec<&str> = own.map(shown).collect();
    format!("`cargo xtask {task}` does not take '{}':\n  {}", rest.join(" "), own.join("\n    "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_task_is_named() {
        let unknown = misused(&["dem"]);
        assert!(unknown.starts_with("no task 'dem'; the tasks are demo, man, wasm, capi, size, test"), "{unknown}");
        let option = misused(&["demo", "--onc"]);
        assert!(
            option.starts_with("`cargo xtask demo` does not take '--onc':\n  cargo xtask demo [--once]"),
            "{option}"
        );
        assert!(option.contains("until Ctrl-C") && !option.contains("wasm"), "{option}");
        assert_eq!(misused(&[]), USAGE);
    }
}
