//! `cargo xtask fuzz`: libFuzzer on the targets of tests/fuzz, built by the nightly compiler with AddressSanitizer.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Context, Tally, on_path, output, run, spelled};

/// A target, and the sources that it is there for, as beginnings of paths: its coverage is that of their edges.
struct Target {
    name: &'static str,
    covers: &'static [&'static str],
}

const TARGETS: [Target; 8] = [
    Target { name: "messages", covers: &["core/src/message/"] },
    Target { name: "frames", covers: &["core/src/wire/"] },
    Target { name: "accounts", covers: &["core/src/account/"] },
    Target { name: "options", covers: &["native/src/options/"] },
    Target { name: "pem", covers: &["core/src/tls/"] },
    Target { name: "client", covers: &["core/src/client/", "core/src/channel.rs", "core/src/auth/client.rs"] },
    Target { name: "server", covers: &["core/src/server/", "core/src/channel.rs", "core/src/auth/server.rs"] },
    Target { name: "bridge", covers: &["native/src/bridge/"] },
];

/// Seconds for each target in CI.
const CI_SECONDS: u64 = 10;
/// What cargo-fuzz sets, too: libFuzzer's counters, AddressSanitizer, and no panic that goes unheard.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Zsanitizer=address --cfg fuzzing -Ccodegen-units=4";

/// Each target for so long, or what else was asked for.
pub(crate) fn fuzz(context: &Context, words: &[&str]) -> Result<(), String> {
    let asked = read(words)?;
    if !has_nightly() {
        return Err("libFuzzer needs the nightly compiler: rustup toolchain install nightly; `cargo test --workspace \
                    --test corpus` runs the targets over their corpus on any"
            .to_owned());
    }
    let fuzzer = Fuzzer::build(context, &asked.targets)?;
    let mut failed = Vec::new();
    for target in &asked.targets {
        let ran = match asked.work {
            Work::Run(seconds) => fuzzer.run(target, seconds),
            Work::Minimise => fuzzer.minimise(target),
            Work::Coverage => fuzzer.coverage(target),
        };
        failed.extend(ran.err());
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// The part of the group `fuzz` that only nightly can do.
pub(crate) fn briefly(context: &Context) -> Tally {
    if !has_nightly() {
        let mut tally = Tally::default();
        tally.note("no nightly compiler: the corpus was run, libFuzzer was not");
        return tally;
    }
    let fuzzer = match Fuzzer::build(context, &TARGETS.iter().collect::<Vec<_>>()) {
        Ok(fuzzer) => fuzzer,
        Err(error) => return Err(error).into(),
    };
    let mut tally = Tally::default();
    for target in &TARGETS {
        tally.add(fuzzer.run(target, CI_SECONDS).into());
    }
    tally
}

/// What the command line asks for.
struct Asked {
    targets: Vec<&'static Target>,
    work: Work,
}

#[derive(Debug, PartialEq, Eq)]
enum Work {
    /// So many seconds for each target.
    Run(u64),
    /// Takes over into the corpus what earlier runs have found, where it reaches more.
    Minimise,
    /// Which share of its sources the corpus reaches.
    Coverage,
}

fn read(words: &[&str]) -> Result<Asked, String> {
    let (mut targets, mut work, mut rest) = (Vec::new(), Work::Run(60), words.iter());
    while let Some(word) = rest.next() {
        match *word {
            "--seconds" => {
                let number = rest.next().and_then(|number| number.parse().ok());
                work = Work::Run(number.ok_or("--seconds wants a number")?);
            }
            "--minimise" => work = Work::Minimise,
            "--coverage" => work = Work::Coverage,
            name => {
                let known = TARGETS.iter().find(|target| target.name == name).ok_or_else(|| {
                    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
                    format!("no fuzz target '{name}'; the targets are {}", names.join(", "))
                })?;
                targets.push(known);
            }
        }
    }
    if targets.is_empty() {
        targets = TARGETS.iter().collect();
    }
    Ok(Asked { targets, work })
}

fn has_nightly() -> bool {
    output(nightly().arg("--version")).is_ok()
}

/// The nightly cargo, whichever one runs this program.
fn nightly() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]);
    for variable in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC", "RUSTDOC", "CARGO_ENCODED_RUSTFLAGS"] {
        command.env_remove(variable);
    }
    command
}

/// The built programs and their folders.
struct Fuzzer {
    programs: PathBuf,
    /// What runs find, and what breaks a target.
    work: PathBuf,
    corpus: PathBuf,
    root: PathBuf,
}

impl Fuzzer {
    fn build(context: &Context, targets: &[&Target]) -> Result<Self, String> {
        let version = output(Command::new("rustup").args(["run", "nightly", "rustc", "-vV"]))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
        let place = context.target.join("fuzz");
        let mut cargo = nightly();
        cargo.current_dir(context.root.join("tests/fuzz")).env("CARGO_TARGET_DIR", &place).env("RUSTFLAGS", FLAGS);
        // With a target named, build scripts and macros are built without the flags.
        cargo.args(["build", "--release", "--locked", "--target", host]);
        cargo.args(targets.iter().flat_map(|target| ["--bin", target.name]));
        run(&mut cargo)?;
        Ok(Self {
            programs: place.join(host).join("release"),
            work: place.join("work"),
            corpus: context.root.join("tests/fuzz/corpus"),
            root: context.root.clone(),
        })
    }

    /// A folder of the target's own, made where it is not there.
    fn folder(&self, name: &str, target: &Target) -> Result<PathBuf, String> {
        let folder = self.work.join(target.name).join(name);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(folder)
    }

    fn command(&self, target: &Target) -> Command {
        let mut command = Command::new(self.programs.join(target.name));
        command.args(["-timeout=20", "-rss_limit_mb=2048", "-malloc_limit_mb=256", "-max_len=4096"]);
        command
    }

    fn run(&self, target: &Target, seconds: u64) -> Result<(), String> {
        let (found, broken) = (self.folder("found", target)?, self.folder("broken", target)?);
        let mut command = self.command(target);
        command.arg(format!("-max_total_time={seconds}")).arg(format!("-artifact_prefix={}/", broken.display()));
        command.args(["-print_final_stats=1", "-verbosity=0"]).arg(&found).arg(self.corpus.join(target.name));
        run(&mut command).map_err(|error| {
            format!(
                "{error}\n  the input is in {}; copied to {} it is run by `cargo test --workspace --test corpus`",
                broken.display(),
                self.corpus.join(target.name).display()
            )
        })
    }

    fn minimise(&self, target: &Target) -> Result<(), String> {
        let (found, corpus) = (self.folder("found", target)?, self.corpus.join(target.name));
        run(self
            .command(target)
            .args(["-set_cover_merge=1", "-use_counters=0", "-verbosity=0"])
            .arg(&corpus)
            .arg(&found))
    }

    fn coverage(&self, target: &Target) -> Result<(), String> {
        let mut command = self.command(target);
        command.args(["-runs=0", "-print_coverage=1"]).arg(self.corpus.join(target.name));
        if let Some(symbolizer) = ["llvm-symbolizer", "llvm-symbolizer-19"].iter().find(|name| on_path(name)) {
            command.env("ASAN_SYMBOLIZER_PATH", which(symbolizer));
        }
        let shown = spelled(&command);
        let told = command.output().map_err(|error| format!("`{shown}` did not start: {error}"))?;
        let edges = covered(&String::from_utf8_lossy(&told.stderr), target.covers, &self.root);
        let (reached, all) = edges.values().fold((0, 0), |(reached, all), (some, of)| (reached + some, all + of));
        if !told.status.success() || all == 0 {
            return Err(format!("`{shown}` tells no coverage: is there an llvm-symbolizer?"));
        }
        let share = |reached: usize, all: usize| 100.0 * reached as f64 / all as f64;
        println!("{:<10} {reached:>6} of {all:>6} edges  {:>5.1} %", target.name, share(reached, all));
        for (file, (reached, all)) in edges {
            println!("    {file:<44} {reached:>6} of {all:>6}  {:>5.1} %", share(reached, all));
        }
        Ok(())
    }
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file()).unwrap_or_default()
}

/// Edges reached and edges there are, for each source file that a path of `covers` begins.
fn covered(told: &str, covers: &[&str], root: &Path) -> BTreeMap<String, (usize, usize)> {
    let mut files: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for line in told.lines().filter(|line| line.contains("COVERED_FUNC: ")) {
        // COVERED_FUNC: hits: 1 edges: 3/4 name of the function /path/of/file.rs:12
        let Some((_, after)) = line.split_once(" edges: ") else { continue };
        let mut words = after.split(' ');
        let counts = words.next().and_then(|counts| counts.split_once('/'));
        let Some((Ok(reached), Ok(all))) =
            counts.map(|(reached, all)| (reached.parse::<usize>(), all.parse::<usize>()))
        else {
            continue;
        };
        let Some(file) = words.next_back().and_then(|place| place.split(':').next()) else { continue };
        let file = Path::new(file);
        let file = file.strip_prefix(root).unwrap_or(file).to_string_lossy().into_owned();
        if covers.iter().any(|start| file.starts_with(start)) {
            let entry = files.entry(file).or_default();
            *entry = (entry.0 + reached, entry.1 + all);
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_are_those_of_the_manifest() {
        let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/Cargo.toml")).unwrap();
        let names: Vec<&str> = manifest
            .split("[[bin]]")
            .skip(1)
            .filter_map(|section| section.split_once("name = \"")?.1.split('"').next())
            .collect();
        assert_eq!(names, TARGETS.map(|target| target.name));
    }

    #[test]
    fn targets_and_work_are_read_in_any_order() {
        let names = |words: &[&str]| -> (Vec<&str>, Work) {
            let asked = read(words).unwrap();
            (asked.targets.iter().map(|target| target.name).collect(), asked.work)
        };
        assert_eq!(names(&["--seconds", "5", "pem"]), (vec!["pem"], Work::Run(5)));
        assert_eq!(names(&["--coverage"]).0.len(), TARGETS.len());
        for wrong in [&["--seconds"][..], &["--seconds", "x"], &["nothing"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn coverage_is_added_up_by_file() {
        let told = "COVERED_FUNC: hits: 1 edges: 3/4 core::f /w/core/src/wire/frame.rs:12\n\
                    UNCOVERED_FUNC: hits: 0 edges: 0/6 <a as b>::g /w/core/src/wire/frame.rs:40\n\
                    COVERED_FUNC: hits: 1 edges: 9/9 h /w/core/src/tls/mod.rs:1\n";
        let files = covered(told, &["core/src/wire/"], Path::new("/w"));
        assert_eq!(files, BTreeMap::from([("core/src/wire/frame.rs".to_owned(), (3, 10))]));
    }
}
