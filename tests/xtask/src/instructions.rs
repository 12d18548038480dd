//! `cargo xtask instructions`: counts how many instructions core takes for each work of core/tests/instructions.rs, and compares them with
//! the recorded counts, as a ratchet. valgrind counts, so the result does not depend on how busy the machine is.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::memory::built_tests;
use crate::run::{Context, Tally, on_path, output, run};

/// The greatest allowed ratio of a count to the recorded one, and the least: a lower count must be recorded.
const MAY_GROW: f64 = 1.03;
const MAY_FALL: f64 = 0.90;

/// The name of a work, and its instructions.
type Count = (String, u64);

fn file(context: &Context) -> PathBuf {
    context.root.join("core/tests/instructions.txt")
}

/// Counts, and records the counts.
pub(crate) fn accept(context: &Context) -> Result<(), String> {
    let mut text = format!(
        "# Instructions of each work in core/tests/instructions.rs, as `cargo xtask instructions --accept` counted them.\n# {}\n",
        compiler(context)?
    );
    for (name, count) in count(context)? {
        writeln!(text, "{count:>9} {name}").map_err(|error| error.to_string())?;
    }
    print!("{text}");
    let path = file(context);
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Counts, and compares with the recorded counts.
pub(crate) fn check(context: &Context) -> Tally {
    match compared(context) {
        Ok(tally) => tally,
        Err(error) => Err(error).into(),
    }
}

fn compared(context: &Context) -> Result<Tally, String> {
    let path = file(context);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (taken_with, known) = parse(&text)?;
    let compiler = compiler(context)?;
    if compiler != taken_with {
        // Without counting, check at least that each work succeeds.
        let program = built_tests(context, &["--test", "instructions"], "instructions")?;
        let mut tally = Tally::from(run(&mut Command::new(program)));
        tally.note(format!(
            "instructions are not compared: they were counted with {taken_with}, and this is {compiler}"
        ));
        return Ok(tally);
    }
    let mut tally = Tally::default();
    let counted = count(context)?;
    println!("{:>9} {:>9}", "was", "is");
    for (name, count) in &counted {
        let was = known.iter().find(|(known, _)| known == name).map(|(_, count)| *count);
        println!("{:>9} {count:>9}  {name}", was.map_or_else(|| "-".to_owned(), |was| was.to_string()));
        match judge(was, *count) {
            Ok(()) => tally.passed += 1,
            Err(why) => tally.add(
                Err(format!("{name}: {why}. Find out why, or take it down by `cargo xtask instructions --accept`"))
                    .into(),
            ),
        }
    }
    for (name, _) in known.iter().filter(|(name, _)| counted.iter().all(|(counted, _)| counted != name)) {
        tally.add(
            Err(format!("{name}: is counted no more. Take that down by `cargo xtask instructions --accept`")).into(),
        );
    }
    Ok(tally)
}

fn judge(was: Option<u64>, is: u64) -> Result<(), String> {
    let Some(was) = was else { return Err("was never taken down".to_owned()) };
    match is as f64 / was as f64 {
        ratio if ratio > MAY_GROW => Err(format!("grew from {was} to {is} instructions")),
        ratio if ratio < MAY_FALL => Err(format!("fell from {was} to {is} instructions")),
        _ => Ok(()),
    }
}

/// Parses the record: the compiler of the counts, and the counts.
fn parse(text: &str) -> Result<(String, Vec<Count>), String> {
    let mut lines = text.lines();
    let compiler = lines.nth(1).and_then(|line| line.strip_prefix("# ")).ok_or("instructions.txt names no compiler")?;
    let counts = lines.map(|line| {
        let (count, name) =
            line.trim().split_once(' ').ok_or_else(|| format!("instructions.txt: no count in '{line}'"))?;
        Ok((name.to_owned(), count.parse().map_err(|_| format!("instructions.txt: no count in '{line}'"))?))
    });
    Ok((compiler.to_owned(), counts.collect::<Result<_, String>>()?))
}

/// The version of the compiler that cargo uses. `cargo rustc` is not used, because it would build all dependencies again with other
/// features.
fn compiler(context: &Context) -> Result<String, String> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    Ok(output(Command::new(program).arg("--version").current_dir(&context.root))?.trim().to_owned())
}

/// The instructions of each work: those of a number of runs less those of half as many, so that the program's own start-up cancels out.
fn count(context: &Context) -> Result<Vec<Count>, String> {
    const FEW: u64 = 50;
    if !on_path("valgrind") {
        return Err("valgrind is missing: `cargo xtask test setup`".to_owned());
    }
    let program = built_tests(context, &["--test", "instructions"], "instructions")?;
    let names = output(Command::new(&program).arg("list"))?;
    let mut counts = Vec::new();
    for name in names.lines() {
        let (twice, once) = (collected(&program, name, 2 * FEW)?, collected(&program, name, FEW)?);
        counts.push((name.to_owned(), (twice - once) / FEW));
    }
    Ok(counts)
}

fn collected(program: &Path, name: &str, times: u64) -> Result<u64, String> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program).args([name, &times.to_string()]);
    let told = command.output().map_err(|error| format!("valgrind: {error}"))?;
    let text = String::from_utf8_lossy(&told.stderr);
    let number = text.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, number)| number.trim());
    match number.map(str::parse) {
        Some(Ok(number)) if told.status.success() => Ok(number),
        _ => Err(format!("valgrind counted nothing of '{name}':\n{text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_may_neither_grow_nor_fall_unseen() {
        assert_eq!(judge(Some(1000), 1029), Ok(()));
        assert!(judge(Some(1000), 1031).is_err_and(|why| why.contains("grew")));
        assert_eq!(judge(Some(1000), 901), Ok(()));
        assert!(judge(Some(1000), 899).is_err_and(|why| why.contains("fell")));
        assert!(judge(None, 5).is_err());
    }

    #[test]
    fn counts_are_read_as_they_are_written() {
        let counts = vec![("a row".to_owned(), 12), ("b".to_owned(), 3)];
        assert_eq!(parse("# About.\n# rustc 1\n       12 a row\n        3 b\n"), Ok(("rustc 1".to_owned(), counts)));
        assert!(parse("# About.\n").is_err());
        assert!(parse("# About.\n# rustc 1\nmany a row\n").is_err());
    }
}
