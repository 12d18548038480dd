//! Tables, for the terminal and for RESULTS.md.

use std::fmt::Write as _;
use std::process::Command;

use crate::Outcome;

/// One group's figures.
pub(crate) struct Table {
    pub(crate) title: String,
    /// How it was measured, and what the figures mean.
    pub(crate) about: String,
    pub(crate) headers: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(title: &str, about: &str, headers: &[&str]) -> Self {
        let headers = headers.iter().map(|&header| header.to_owned()).collect();
        Self { title: title.to_owned(), about: about.to_owned(), headers, rows: Vec::new() }
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n{}\n\n", self.title, self.about);
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        text += &line(&self.headers);
        text += &line(&self.headers.iter().map(|_| "---".to_owned()).collect::<Vec<_>>());
        for row in &self.rows {
            text += &line(row);
        }
        text + "\n"
    }
}

/// A ratio as people read it.
pub(crate) fn ratio(value: f64) -> String {
    if value >= 10.0 { format!("{value:.0} ×") } else { format!("{value:.2} ×") }
}

/// The introduction: the measurements, and how to read the figures.
const INTRODUCTION: &str = "\
This file compares Sealwire with other programs that do the same work: what a connection, a query, a row, a large value, an idle
connection and a WebSocket cost in processor time, memory and time. The others are MariaDB 10.11 as server, libmariadb and the Rust crates
`mysql`, `mysql_async` and `sqlx` as clients, the crate `opensrv-mysql` as server, and `rustls` alone, without MySQL's protocol, as the
least that TLS itself costs.

The command below runs every program on one machine, server and clients over loopback, and writes this file. Each table says what its
figures are. The programs take turns in one run on the same cores; therefore compare figures within one table, and take none of them for
another machine's. Each figure is the median of its runs; ± is half the distance between the least and the greatest.";

/// The whole file.
pub(crate) fn results(tables: &[Table], quick: bool) -> Outcome<String> {
    let mut text = String::from("# Results\n\n");
    writeln!(text, "{INTRODUCTION}\n")?;
    let options = if quick { " --quick" } else { "" };
    writeln!(text, "Command: `cargo xtask bench{options}`, on {}.", today()?)?;
    writeln!(text, "Machine: {}.\n", machine()?)?;
    for table in tables {
        text += &table.markdown();
    }
    text += include_str!("obstacles.md");
    Ok(text)
}

fn today() -> Outcome<String> {
    Ok(String::from_utf8(Command::new("date").args(["-u", "+%Y-%m-%d"]).output()?.stdout)?.trim().to_owned())
}

fn machine() -> Outcome<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let cores = std::thread::available_parallelism()?;
    Ok(format!("{cores} cores, {}", model.trim_start_matches([' ', '\t', ':'])))
}
