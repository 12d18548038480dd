//! The attacks of the registry, run against MariaDB's programs and ours, and their table. `cargo xtask attacks` writes the table in
//! SECURITY.md from the same rows.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod clients;
mod registry;
mod replication;
mod servers;
mod stage;
mod table;
mod versions;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use registry::{Reaction, rows};
use sealwire_tests::programs::missing;
use sealwire_tests::server::Kind;
use stage::{Maker, Stage};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let stage = Arc::new(Stage::new());
    let mut trials = vec![
        Trial::test("table::every_row_has_a_test", || table::every_row_has_a_test().map_err(Failed::from)),
        Trial::test("table::security_md_has_the_table", || table::is_written().map_err(Failed::from)),
        Trial::test("table::five_rows_are_measured_to_differ", || five_differ().map_err(Failed::from)),
    ];
    trials.extend(attacks(&stage));
    trials.extend(versions::trials(&stage));
    let conclusion = libtest_mimic::run(&arguments, trials);
    // The servers stop when their last owner drops them; exiting here would leave them running.
    drop(stage);
    if !arguments.list && conclusion.num_failed == 0 {
        match arguments.filter.as_deref() {
            None => println!("{}", table::text("in this very run")),
            Some("table::") => println!("{}", table::text("by `cargo xtask test security`")),
            Some(_) => {}
        }
    }
    conclusion.exit_code()
}

/// A trial for each attack that can be run on a program, for both MariaDB and Sealwire.
fn attacks(stage: &Arc<Stage>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for row in rows() {
        let Some(attack) = row.live else { continue };
        for (maker, name, expected) in
            [(Maker::MariaDb, "mariadb", row.theirs), (Maker::Sealwire, "sealwire", row.ours)]
        {
            let absent = match maker {
                Maker::MariaDb => Kind::MariaDb.missing().or_else(|| missing("mariadb")),
                Maker::Sealwire => missing("openssl"),
            };
            let title = format!("{name}::{}", row.id);
            if let Some(reason) = &absent {
                println!("{title} is skipped: {reason}");
            }
            let stage = Arc::clone(stage);
            let test = move || {
                let did = attack(&stage, maker);
                let expected = expected.text();
                if did == expected { Ok(()) } else { Err(Failed::from(format!("it {did}; expected: it {expected}"))) }
            };
            trials.push(Trial::test(title, test).with_ignored_flag(absent.is_some()));
        }
    }
    trials
}

/// The purpose of Sealwire: attacks to which MariaDB yields and which Sealwire repels, both measured.
fn five_differ() -> Result<(), String> {
    let differ = rows().filter(|row| {
        row.live.is_some() && matches!(row.theirs, Reaction::Yields(_)) && matches!(row.ours, Reaction::Holds(_))
    });
    let count = differ.count();
    if count >= 5 { Ok(()) } else { Err(format!("{count} rows")) }
}
