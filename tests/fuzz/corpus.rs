//! The bodies of the fuzz targets over their corpus, on any compiler: a test for each target.
//!
//! `SEALWIRE_FUZZ_SEEDS=folder` also writes what fuzzing begins with there, a folder for each target.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use sealwire_tests::fuzz::{TARGETS, Target, seeds};

fn main() {
    let mut arguments = Arguments::from_args();
    // The targets share a processor with nobody: one bridge, one connection at a time.
    arguments.test_threads.get_or_insert(2);
    let trials = TARGETS.iter().map(|target| Trial::test(target.name, || replay(target)));
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

fn replay(target: &Target) -> Result<(), Failed> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.parent().expect("the repository");
    let seeds = seeds(target.name, root);
    if let Some(folder) = std::env::var_os("SEALWIRE_FUZZ_SEEDS") {
        let folder = PathBuf::from(folder).join(target.name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), seed)?;
        }
    }
    let seeds = seeds.into_iter().enumerate().map(|(number, seed)| (format!("seed {number}"), seed));
    let mut inputs: Vec<(String, Vec<u8>)> = seeds.collect();
    let archive = here.join(format!("fuzz/corpus/{}.tar", target.name));
    for entry in tar::Archive::new(fs::File::open(&archive)?).entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            let mut input = Vec::new();
            entry.read_to_end(&mut input)?;
            inputs.push((entry.path()?.display().to_string(), input));
        }
    }
    for (name, input) in &inputs {
        if catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err() {
            return Err(format!("{name} of {}: see above", target.name).into());
        }
    }
    println!("{}: {} inputs", target.name, inputs.len());
    Ok(())
}
