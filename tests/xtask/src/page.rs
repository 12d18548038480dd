//! The page: its npm packages, its build, its size, its tests in a browser.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::run::{Context, Tally, run, spelled};
use crate::{node, setup, wasm};

/// Installs the npm packages of web/package-lock.json into web/node_modules.
pub(crate) fn modules(context: &Context) -> Result<(), String> {
    let web = context.root.join("web");
    let (manifest, lock) = (web.join("package.json"), web.join("package-lock.json"));
    let stamp = node::stamp(context)?;
    setup::up_to_date(&web.join("node_modules"), &[&manifest, &lock, &stamp], || {
        run(node::command(context, "npm")?.current_dir(&web).args([
            "ci",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
        ]))
    })
}

/// Builds the page into web/dist with its client, and prints the sizes of the files that a browser loads.
pub(crate) fn build(context: &Context) -> Result<PathBuf, String> {
    wasm::package(context)?;
    let web = context.root.join("web");
    run(node::command(context, "npm")?.current_dir(&web).args(["run", "--silent", "build"]))?;
    let last = context.target.join("page-size.json");
    run(node::command(context, "node")?.current_dir(&web).arg("compress.mjs").arg(last))?;
    Ok(web.join("dist"))
}

/// Runs the group of checks.
pub(crate) fn browser(context: &Context) -> Tally {
    let built = build(context).and_then(|_| run(&mut context.cargo(["build", "--workspace", "--bins"])));
    if built.is_err() {
        return built.into();
    }
    let mut command = match node::command(context, "node") {
        Ok(command) => command,
        Err(note) => return Err(note).into(),
    };
    command.current_dir(context.root.join("web")).args(["--test", "--test-reporter=tap", "--test-concurrency=1"]);
    run_node_tests(command.env("SEALWIRE_PROGRAMS", context.programs()))
}

/// Runs tests with node's own runner, and parses their output.
fn run_node_tests(command: &mut Command) -> Tally {
    println!("$ {}", spelled(command));
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => return Err(format!("node did not start: {error}")).into(),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    let mut tally = count(&said);
    if !output.status.success() && tally.failed == 0 {
        tally.failed += 1;
        tally.note(format!("node's tests ended with {}", output.status));
    }
    tally
}

/// Parses the closing lines of node's TAP output, and the names of tests that did not pass.
fn count(said: &str) -> Tally {
    let mut tally = Tally::default();
    for line in said.lines() {
        let number = |name: &str| line.strip_prefix(name).and_then(|rest| rest.trim().parse::<usize>().ok());
        tally.passed += number("# pass ").unwrap_or_default();
        tally.failed += number("# fail ").unwrap_or_default() + number("# cancelled ").unwrap_or_default();
        tally.skipped += number("# skipped ").unwrap_or_default();
        if let Some(name) = line.strip_prefix("not ok ") {
            tally.note(format!("failed: {name}"));
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tap_is_counted_by_its_closing_lines() {
        let said = "ok 1 - a\nnot ok 2 - b\n  # pass 9\n# tests 3\n# pass 1\n# fail 1\n# cancelled 0\n# skipped 1\n";
        let tally = count(said);
        assert_eq!((tally.passed, tally.failed, tally.skipped), (1, 1, 1));
        assert_eq!(tally.notes, ["failed: 2 - b"]);
    }
}
