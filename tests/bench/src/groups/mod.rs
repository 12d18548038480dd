//! The groups of figures.

mod binlog;
pub(crate) mod bridge;
mod browser;
mod capi;
mod connect;
mod core;
mod curve;
mod decode;
mod gateway;
mod handshake;
mod idle;
mod primary;
mod queries;
mod replica;
mod results;
mod targets;

use std::path::Path;

use crate::Outcome;
use crate::job::{Job, Security, Work};
use crate::measure::{Figure, Run};
use crate::report::{self, Table};
use crate::world::{Key, Running, World};

type Group = fn(&World) -> Outcome<Table>;

const GROUPS: [(&str, Group); 18] = [
    ("handshake", connect::servers),
    ("connect", connect::clients),
    ("queries", queries::servers),
    ("rows", results::rows),
    ("bulk", results::bulk),
    ("idle", idle::memory),
    ("decode", decode::rows),
    ("core", core::works),
    ("records", handshake::records),
    ("bridge", bridge::relay),
    ("gateway", gateway::beside_others),
    ("browser", browser::client),
    ("curve", curve::curves),
    ("capi", capi::libraries),
    ("binlog", binlog::decode),
    ("dump", binlog::dump),
    ("apply", replica::applied),
    ("lag", replica::lag),
];

/// Runs the groups named, or all. Only a whole run replaces RESULTS.md.
pub(crate) fn run(words: &[&str]) -> Outcome {
    let (options, names): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| word.starts_with("--"));
    if let Some(unknown) = options.iter().find(|option| **option != "--quick") {
        return Err(format!("no option {unknown}; there is --quick").into());
    }
    if let Some(unknown) = names.iter().find(|name| GROUPS.iter().all(|(known, _)| known != *name)) {
        let known: Vec<&str> = GROUPS.iter().map(|(name, _)| *name).collect();
        return Err(format!("no group {unknown}; the groups are {}", known.join(", ")).into());
    }
    let world = World::new(!options.is_empty())?;
    let mut tables = Vec::new();
    for (name, group) in GROUPS.iter().filter(|(name, _)| names.is_empty() || names.contains(name)) {
        let table = group(&world).map_err(|error| format!("{name}: {error}"))?;
        println!("{}", table.markdown());
        tables.push(table);
    }
    if names.is_empty() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md");
        tables.insert(0, targets::table(&world));
        std::fs::write(file, report::results(&tables, world.quick)?)?;
    }
    Ok(())
}

/// One thing that is measured against others.
struct Case<'a> {
    driver: &'a str,
    server: &'a Running,
    key: Key,
    security: Security,
    work: Work,
    at_once: usize,
    count: usize,
}

/// Runs the cases in turn, all of them before any again, so that what disturbs one disturbs all. The runs of each case.
fn runs(world: &World, cases: &[Case<'_>]) -> Outcome<Vec<Vec<Run>>> {
    let mut all = vec![Vec::new(); cases.len()];
    for _ in 0..world.repeats() {
        for (case, runs) in cases.iter().zip(&mut all) {
            let job = Job {
                work: case.work,
                security: case.security,
                port: case.server.port(),
                at_once: case.at_once,
                count: case.count,
                certificates: world.certificates(case.key),
            };
            let told = |error| {
                let (to, work, security) = (case.server.name(), case.work.name(), case.security.name());
                format!("{} to {to}, {work} {security}: {error}", case.driver)
            };
            let run = match world.client(case.driver, case.server, &job) {
                // One connection in some ten thousand is lost in opensrv's handshake, whoever the client is.
                Err(error) if matches!(case.server, Running::Opensrv { .. }) => {
                    eprintln!("once more: {}", told(error));
                    world.client(case.driver, case.server, &job).map_err(told)?
                }
                run => run.map_err(told)?,
            };
            runs.push(run);
        }
    }
    Ok(all)
}

/// One figure of each case; `value` makes it of a run.
fn in_turn(world: &World, cases: &[Case<'_>], value: impl Fn(&Run, &Case<'_>) -> f64) -> Outcome<Vec<Figure>> {
    let all = runs(world, cases)?;
    Ok(cases
        .iter()
        .zip(all)
        .map(|(case, runs)| Figure::of(runs.iter().map(|run| value(run, case)).collect()))
        .collect())
}

/// A figure as a cell. A median of 0 has no relative spread: a dash stands for it.
fn cell(figure: &Figure, digits: usize) -> String {
    if figure.median == 0.0 {
        return format!("{:.digits$} –", figure.median);
    }
    format!("{:.digits$} ±{:.0} %", figure.median, figure.spread * 50.0)
}

fn micros(time: std::time::Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}
