//! `cargo xtask fuzz`: runs libFuzzer on the targets of tests/fuzz, with AddressSanitizer.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::nightly;
use crate::run::{Context, Tally, run, spelled};

/// The programs of tests/fuzz.
const TARGETS: [&str; 14] = [
    "messages",
    "frames",
    "accounts",
    "options",
    "pem",
    "client",
    "server",
    "bridge",
    "sql",
    "lexer",
    "events",
    "rows",
    "proxy_header",
    "proxy",
];

/// Seconds for each target in the group `full`, behind its corpus. New inputs are for longer runs to find.
const BRIEF_SECONDS: u64 = 3;

/// Runs each target for the given time, or does the other work asked for.
pub(crate) fn fuzz(context: &Context, words: &[&str]) -> Result<(), String> {
    let arguments = read(words)?;
    if !nightly::is_here() {
        return Err("libFuzzer needs the nightly compiler: rustup toolchain install nightly; `cargo test --workspace \
                    --test corpus` runs the targets over their corpus on any"
            .to_owned());
    }
    let fuzzer = Fuzzer::build(context, &arguments.targets)?;
    let mut failed = Vec::new();
    for target in &arguments.targets {
        let ran = match arguments.work {
            Work::Run(seconds) => fuzzer.run(target, seconds),
            Work::Minimise => fuzzer.minimise(target),
            Work::Coverage => fuzzer.coverage(target),
        };
        failed.extend(ran.err());
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// The part of the group `full` that needs the nightly compiler. As many targets run at once as there are processors.
pub(crate) fn briefly(context: &Context) -> Tally {
    if !nightly::is_here() {
        let mut tally = Tally::default();
        tally.note("no nightly compiler: the corpus was run, libFuzzer was not");
        return tally;
    }
    let begin = Instant::now();
    let fuzzer = match Fuzzer::build(context, &TARGETS) {
        Ok(fuzzer) => fuzzer,
        Err(error) => return Err(error).into(),
    };
    println!("the targets are built in {:.0} s", begin.elapsed().as_secs_f64());
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let work = || {
        while let Some(target) = TARGETS.get(next.fetch_add(1, Ordering::Relaxed)) {
            let begin = Instant::now();
            let ran = fuzzer.run(target, BRIEF_SECONDS);
            println!("{target}: {:.0} s", begin.elapsed().as_secs_f64());
            tally.lock().unwrap_or_else(PoisonError::into_inner).add(ran.into());
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    tally.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The parsed command line.
struct Arguments {
    targets: Vec<&'static str>,
    work: Work,
}

#[derive(Debug, PartialEq, Eq)]
enum Work {
    /// Fuzz each target for this many seconds.
    Run(u64),
    /// Copy the inputs of earlier runs that reach more code into the corpus.
    Minimise,
    /// Report how much code the corpus reaches.
    Coverage,
}

fn read(words: &[&str]) -> Result<Arguments, String> {
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
                let known = TARGETS.into_iter().find(|target| *target == name);
                targets.push(
                    known.ok_or_else(|| format!("no fuzz target '{name}'; the targets are {}", TARGETS.join(", ")))?,
                );
            }
        }
    }
    if targets.is_empty() {
        targets = TARGETS.to_vec();
    }
    Ok(Arguments { targets, work })
}

/// The built programs and their folders.
struct Fuzzer {
    programs: PathBuf,
    /// The folder of inputs that runs find, and of those that make a target fail.
    work: PathBuf,
    /// The folder of the packed inputs in the repository, an archive for each target.
    corpus: PathBuf,
}

impl Fuzzer {
    fn build(context: &Context, targets: &[&str]) -> Result<Self, String> {
        let programs = nightly::build(context, targets.iter().flat_map(|target| ["--bin", *target]))?;
        Ok(Self { programs, work: context.target.join("fuzz/work"), corpus: context.root.join("tests/fuzz/corpus") })
    }

    /// The target's own folder, created where it does not exist.
    fn folder(&self, name: &str, target: &str) -> Result<PathBuf, String> {
        let folder = self.work.join(target).join(name);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(folder)
    }

    fn command(&self, target: &str) -> Command {
        let mut command = Command::new(self.programs.join(target));
        command.args(["-timeout=20", "-rss_limit_mb=2048", "-malloc_limit_mb=256", "-max_len=4096"]);
        command
    }

    fn run(&self, target: &str, seconds: u64) -> Result<(), String> {
        let (found, broken) = (self.folder("found", target)?, self.folder("broken", target)?);
        let mut command = self.command(target);
        command.arg(format!("-max_total_time={seconds}")).arg(format!("-artifact_prefix={}/", broken.display()));
        command.args(["-print_final_stats=1", "-verbosity=0"]).arg(&found).arg(self.unpack(target)?);
        run(&mut command).map_err(|error| {
            format!(
                "{error}\n  the input is in {0}; `tar -rf {1} -C {0} FILE` adds it to those that `cargo test --workspace --test corpus` runs",
                broken.display(),
                self.archive(target).display()
            )
        })
    }

    fn minimise(&self, target: &str) -> Result<(), String> {
        let (found, corpus) = (self.folder("found", target)?, self.unpack(target)?);
        run(self
            .command(target)
            .args(["-set_cover_merge=1", "-use_counters=0", "-verbosity=0"])
            .arg(&corpus)
            .arg(&found))?;
        let mut names: Vec<_> = fs::read_dir(&corpus)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.file_name())).collect())
            .map_err(|error| format!("{}: {error}", corpus.display()))?;
        names.sort();
        let mut tar = Command::new("tar");
        run(tar.args(["--format=ustar", "-cf"]).arg(self.archive(target)).arg("-C").arg(corpus).args(names))
    }

    fn archive(&self, target: &str) -> PathBuf {
        self.corpus.join(format!("{target}.tar"))
    }

    /// The folder with the target's corpus, unpacked anew.
    fn unpack(&self, target: &str) -> Result<PathBuf, String> {
        let folder = self.folder("corpus", target)?;
        fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let folder = self.folder("corpus", target)?;
        run(Command::new("tar").arg("-xf").arg(self.archive(target)).arg("-C").arg(&folder))?;
        Ok(folder)
    }

    /// Prints how many edges and features (edges by how often each is taken) the corpus reaches, of all edges in the program.
    fn coverage(&self, target: &str) -> Result<(), String> {
        let mut command = self.command(target);
        command.arg("-runs=0").arg(self.unpack(target)?);
        let shown = spelled(&command);
        let told = command.output().map_err(|error| format!("`{shown}` did not start: {error}"))?;
        let said = String::from_utf8_lossy(&told.stderr).into_owned();
        let after = |word: &str| said.split_once(word)?.1.split_whitespace().next().map(str::to_owned);
        let reached = said.rsplit_once(" cov: ").map(|(_, rest)| rest.split(" corp:").next().unwrap_or_default());
        let (Some(all), Some(reached), true) = (after("Loaded 1 PC tables ("), reached, told.status.success()) else {
            return Err(format!("`{shown}` ended with {}:\n{said}", told.status));
        };
        println!("{target:<10} cov: {reached} of {all} edges");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_targets_are_those_of_the_manifest() {
        let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/Cargo.toml")).unwrap();
        let names: Vec<&str> = manifest
            .split("[[bin]]")
            .skip(1)
            .filter_map(|section| section.split_once("name = \"")?.1.split('"').next())
            .collect();
        assert_eq!(names, TARGETS);
    }

    #[test]
    fn targets_and_work_are_read_in_any_order() {
        let names = |words: &[&str]| -> (Vec<&str>, Work) {
            let asked = read(words).unwrap();
            (asked.targets, asked.work)
        };
        assert_eq!(names(&["--seconds", "5", "pem"]), (vec!["pem"], Work::Run(5)));
        assert_eq!(names(&["--coverage"]).0.len(), TARGETS.len());
        for wrong in [&["--seconds"][..], &["--seconds", "x"], &["nothing"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
