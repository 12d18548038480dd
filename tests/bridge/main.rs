//! `sealwire-bridge` as a page uses it: our client's sessions through it, every refusal, its limits, its pages, its end.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod flood;
mod hostile;
mod limits;
mod pages;
mod peers;
mod refusals;
mod sessions;
mod within;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use sessions::World;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let world = Arc::new(World::new(arguments.list));
    let mut trials = sessions::trials(&world);
    for (group, tests) in [
        ("refusals", refusals::TESTS),
        ("limits", limits::TESTS),
        ("pages", pages::TESTS),
        ("hostile", hostile::TESTS),
        ("flood", flood::TESTS),
        ("within", within::TESTS),
    ] {
        trials.extend(tests.iter().map(|(name, test)| {
            Trial::test(format!("{group}::{name}"), move || {
                test();
                Ok(())
            })
        }));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // The servers stop when their last owner drops them; exiting here would leave them running.
    drop(world);
    conclusion.exit_code()
}

/// Tests by their names.
type Tests = &'static [(&'static str, fn())];

/// A list of functions as [`Tests`].
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: crate::Tests = &[$((stringify!($name), $name)),*];
    };
}
use tests;
