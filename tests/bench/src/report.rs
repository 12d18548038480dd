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

/// The whole file.
pub(crate) fn results(tables: &[Table], quick: bool) -> Outcome<String> {
    let mut text = String::from("# Results\n\n");
    writeln!(text, "Made by `cargo xtask bench{}` on {}.", if quick { " --quick" } else { "" }, today()?)?;
    writeln!(
        text,
        "Machine: {}. Only ratios within one table compare: both sides ran in turn, on the same cores.",
        machine()?
    )?;
    writeln!(text, "Each figure is the median of its runs; ± is half the distance from the least to the most.\n")?;
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
