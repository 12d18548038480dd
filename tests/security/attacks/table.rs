//! The registry as a table: for a terminal, and in SECURITY.md.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use sealwire_tests::programs::package_folder;

use crate::registry::{Reaction, Row, rows};

const BEGIN: &str = "<!-- the table of attacks: `cargo xtask attacks` writes it -->\n";
const END: &str = "<!-- the end of the table -->\n";

/// The table for a terminal; `tried` says when the attacks with a star were run.
pub(crate) fn text(tried: &str) -> String {
    let mut text = format!("attack, then what MariaDB 10.11 and Sealwire do; * tried on both {tried}\n");
    for row in rows() {
        let live = if row.live.is_some() { '*' } else { ' ' };
        let _ = writeln!(text, "\n{live} {}: {}", row.id, row.attack);
        let _ = writeln!(text, "      MariaDB   {}", row.theirs.cell().replace("**", ""));
        let _ = writeln!(text, "      Sealwire  {}", row.ours.cell());
    }
    let live = rows().filter(|row| row.live.is_some());
    let yields = live.clone().filter(|row| matches!(row.theirs, Reaction::Yields(_))).count();
    let _ = write!(
        text,
        "\n{} attacks, {} of them tried on both: MariaDB yields to {yields}, Sealwire to none",
        rows().count(),
        live.count()
    );
    text
}

/// The table for SECURITY.md.
fn markdown() -> String {
    let mut table = String::from("| attack | MariaDB 10.11 | Sealwire | shown by |\n| --- | --- | --- | --- |\n");
    for row in rows() {
        let _ = writeln!(
            table,
            "| {}: {} | {} | {} | {} |",
            row.id,
            row.attack,
            row.theirs.cell(),
            row.ours.cell(),
            shown_by(row)
        );
    }
    table
}

fn shown_by(row: &Row) -> String {
    let live = row.live.is_some().then(|| "run on both".to_owned());
    let of = |file: &str| {
        let parts: Vec<&str> = file.trim_end_matches(".rs").rsplit('/').take(2).collect();
        let own = parts.first().copied().unwrap_or_default();
        // `tests.rs` and `main.rs` mean nothing without the name of their folder.
        if matches!(own, "tests" | "main") { parts.get(1).copied().unwrap_or(own).to_owned() } else { own.to_owned() }
    };
    let tests = row.tests.iter().map(|(file, name)| format!("`{}::{name}`", of(file)));
    live.into_iter().chain(tests).collect::<Vec<_>>().join(", ")
}

fn root() -> PathBuf {
    package_folder().parent().expect("the workspace's folder").to_owned()
}

/// Checks that the named tests exist, and that each row has evidence.
pub(crate) fn every_row_has_a_test() -> Result<(), String> {
    let mut wrong = Vec::new();
    for row in rows() {
        if row.live.is_none() && row.tests.is_empty() {
            wrong.push(format!("nothing shows '{}'", row.id));
        }
        if matches!(row.ours, Reaction::NotRun(_)) {
            wrong.push(format!("'{}' was not tried on Sealwire", row.id));
        }
        for (file, name) in row.tests {
            let source = fs::read_to_string(root().join(file)).map_err(|error| format!("{file}: {error}"))?;
            if !has_test(&source, name) {
                wrong.push(format!("{file} has no test {name}, which '{}' names", row.id));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Whether the source has a test of that name: a function with `#[test]` among its attributes, or a trial.
fn has_test(source: &str, name: &str) -> bool {
    let head = format!("fn {name}(");
    if source.contains("Trial::test(") && source.contains(&format!("trial(\"{name}\", {name})")) {
        return true;
    }
    let Some(at) = source.lines().position(|line| line.trim_start().starts_with(&head)) else { return false };
    let before: Vec<&str> = source.lines().take(at).collect();
    before.iter().rev().take_while(|line| line.trim_start().starts_with("#[")).any(|line| line.trim() == "#[test]")
}

/// Checks that SECURITY.md has the current table; with `SEALWIRE_WRITE_ATTACKS` it is first written there.
pub(crate) fn is_written() -> Result<(), String> {
    let path = root().join("SECURITY.md");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (before, rest) = text.split_once(BEGIN).ok_or("SECURITY.md has no place for the table")?;
    let (table, after) = rest.split_once(END).ok_or("the table in SECURITY.md has no end")?;
    let wanted = format!("\n{}\n", markdown());
    if std::env::var_os("SEALWIRE_WRITE_ATTACKS").is_some() {
        return fs::write(&path, format!("{before}{BEGIN}{wanted}{END}{after}")).map_err(|error| error.to_string());
    }
    if table == wanted { Ok(()) } else { Err("the table in SECURITY.md is old: `cargo xtask attacks`".to_owned()) }
}
