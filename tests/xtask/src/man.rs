//! `cargo xtask man`: a manual page of each program, made of what its `--help` prints, so that no option is forgotten.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::run::{Context, PROGRAMS, on_path, output, run};

/// The programs, with the section of their pages and what they are.
const PAGES: [(&str, u8, &str); 6] = [
    ("sealwire", 1, "MySQL client over verified TLS"),
    ("sealwire-binlog", 1, "reader of MySQL's binary logs, from files or from a server"),
    ("sealwire-certs", 1, "makes, renews, revokes and checks the certificates of MySQL servers and clients"),
    ("sealwired", 8, "MySQL server with TLS"),
    ("sealwire-bridge", 8, "carries MySQL connections of browsers over WebSockets"),
    ("sealwire-gateway", 8, "verified TLS in front of MySQL servers"),
];

/// The columns where explanations begin, for options of all programs and for those that come first.
const TEXT_COLUMN: usize = 22;
const FIRST_TEXT_COLUMN: usize = 26;

/// Builds the programs, and writes their pages into `man` of the target folder.
pub(crate) fn man(context: &Context) -> Result<(), String> {
    run(&mut context.cargo(["build"].into_iter().chain(PROGRAMS)))?;
    for (name, section, about) in PAGES {
        // The user's option files would be named by the home of whoever makes the page.
        let mut program = Command::new(context.programs().join(name));
        program.arg("--help").env("HOME", "~").env_remove("MYSQL_HOME");
        let help = Help::parse(&output(&mut program)?);
        let folder = context.target.join(format!("man/man{section}"));
        let path = folder.join(format!("{name}.{section}"));
        let told = |error: std::io::Error| format!("{}: {error}", path.display());
        fs::create_dir_all(&folder).map_err(told)?;
        fs::write(&path, help.page(name, section, about)).map_err(told)?;
        check(&path, &help)?;
        println!("{}: {} options", path.display(), help.options.len());
    }
    Ok(())
}

/// Checks that the page as `man` shows it has each option, where `man` is installed.
fn check(path: &PathBuf, help: &Help) -> Result<(), String> {
    if !on_path("man") {
        println!("man is not there: the page is not shown");
        return Ok(());
    }
    let shown = output(Command::new("man").env("MANWIDTH", "200").env("LC_ALL", "C.UTF-8").arg("-l").arg(path))?;
    match help.options.iter().find(|(names, _)| !shown.contains(names)) {
        Some((names, _)) => Err(format!("{}: '{names}' is not in the page:\n{shown}", path.display())),
        None if help.options.is_empty() => Err(format!("{}: it has no options", path.display())),
        None => Ok(()),
    }
}

/// The text of `--help`, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
struct Help {
    usage: String,
    /// The paragraphs before the options.
    description: Vec<String>,
    /// The names of each option, and its explanation.
    options: Vec<(String, String)>,
}

impl Help {
    /// Takes both layouts: mysql's, with names and explanations in two columns, and that of sealwire-certs, with names on lines of their own.
    fn parse(text: &str) -> Self {
        let is_mysql = text.contains("\nThe following groups are read: ");
        let mut help = Self::default();
        for line in text.lines() {
            let (indent, bare) = (line.len() - line.trim_start().len(), line.trim());
            if let Some(usage) = bare.strip_prefix("Usage: ") {
                usage.clone_into(&mut help.usage);
            } else if bare.starts_with('-') && indent <= 6 {
                let column = if indent == 0 { FIRST_TEXT_COLUMN } else { TEXT_COLUMN };
                let parts = if is_mysql { columns(line, column) } else { (bare, "") };
                help.options.push((parts.0.to_owned(), parts.1.to_owned()));
            } else if let Some((_, explanation)) = help.options.last_mut().filter(|_| indent > 6) {
                let gap = if explanation.is_empty() || bare.is_empty() { "" } else { " " };
                *explanation += &format!("{gap}{bare}");
            } else if !bare.is_empty() && !bare.contains("  Ver ") {
                match help.description.last_mut().filter(|last| last.ends_with(':')) {
                    Some(heading) => *heading += &format!(" {bare}"),
                    None => help.description.push(bare.to_owned()),
                }
            }
        }
        // The heading of the options.
        help.description.retain(|paragraph| !paragraph.ends_with(':'));
        help
    }

    /// The page in the language of `man`.
    fn page(&self, name: &str, section: u8, about: &str) -> String {
        let mut page = format!(
            ".TH {} {section} \"\" \"Sealwire {}\" \"Sealwire\"\n.SH NAME\n{} \\- {about}\n.SH SYNOPSIS\n{}\n",
            escaped(&name.to_uppercase()),
            env!("CARGO_PKG_VERSION"),
            escaped(name),
            escaped(&self.usage)
        );
        // Writing to a String can't fail.
        if !self.description.is_empty() {
            let _ = writeln!(page, ".SH DESCRIPTION\n{}", paragraphs(&self.description));
        }
        let _ = writeln!(page, ".SH OPTIONS");
        for (names, explanation) in &self.options {
            let _ = writeln!(page, ".TP\n\\fB{}\\fR\n{}", escaped(names), escaped(explanation));
        }
        let others = PAGES.iter().filter(|(other, ..)| *other != name);
        let others: Vec<String> =
            others.map(|(other, section, _)| format!("\\fB{}\\fR({section})", escaped(other))).collect();
        let _ = writeln!(page, ".SH SEE ALSO\n{}", others.join(", "));
        page
    }
}

/// The two parts of a line: up to this column, and behind it. A longer name has the line for itself.
fn columns(line: &str, column: usize) -> (&str, &str) {
    match line.char_indices().nth(column) {
        Some((at, _)) if line.get(..at).is_some_and(|names| names.ends_with(' ')) => {
            let (names, explanation) = line.split_at(at);
            (names.trim(), explanation.trim())
        }
        _ => (line.trim(), ""),
    }
}

fn paragraphs(texts: &[String]) -> String {
    texts.iter().map(|text| escaped(text)).collect::<Vec<_>>().join("\n.PP\n")
}

/// A text in which no character is a command of roff.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MYSQLS: &str = "sealwired  Ver 8\nUsage: sealwired [OPTIONS]\n\n\
        Default options are read from the following files in the given order:\n/etc/my.cnf ~/.my.cnf\n\
        The following groups are read: sealwired\nThe following options may be given as the first argument:\n\
        --print-defaults          Print the program argument list and exit.\n\
        --defaults-group-suffix=# Additionally read default groups with # appended as\n                          a suffix.\n\n  \
        -?, --help          Display this help and exit.\n  \
        --binlog-annotate-row-events \n                      Write the statement\n                      before.\n  \
        -P, --port=#        The port. \\p\n";

    #[test]
    fn both_layouts_of_help_are_taken_apart() {
        let help = Help::parse(MYSQLS);
        let option = |names: &str, text: &str| (names.to_owned(), text.to_owned());
        assert_eq!(help.usage, "sealwired [OPTIONS]");
        let files = "Default options are read from the following files in the given order: /etc/my.cnf ~/.my.cnf";
        assert_eq!(help.description, [files, "The following groups are read: sealwired"]);
        assert_eq!(
            help.options,
            [
                option("--print-defaults", "Print the program argument list and exit."),
                option("--defaults-group-suffix=#", "Additionally read default groups with # appended as a suffix."),
                option("-?, --help", "Display this help and exit."),
                option("--binlog-annotate-row-events", "Write the statement before."),
                option("-P, --port=#", "The port. \\p"),
            ]
        );
        let other = Help::parse(
            "Create a CA.\n\nUsage: c [OPTIONS]\n\nOptions:\n      --dir <DIRECTORY>\n          The directory\n          \n          [default: 30]\n\n  -h, --help\n          Print help\n",
        );
        assert_eq!(other.description, ["Create a CA."]);
        assert_eq!(
            other.options,
            [option("--dir <DIRECTORY>", "The directory [default: 30]"), option("-h, --help", "Print help")]
        );
    }

    #[test]
    fn a_page_has_each_option_and_no_command_of_its_text() {
        let page = Help::parse(MYSQLS).page("sealwired", 8, "MySQL server");
        assert!(page.starts_with(".TH SEALWIRED 8 "), "{page}");
        for line in [
            "sealwired \\- MySQL server",
            ".TP\n\\fB\\-?, \\-\\-help\\fR\nDisplay this help",
            "\\fB\\-P, \\-\\-port=#\\fR\nThe port. \\ep",
            "\\fBsealwire\\-gateway\\fR(8)",
        ] {
            assert!(page.contains(line), "{line} is not in {page}");
        }
        assert_eq!(escaped(".SH x"), "\\&.SH x");
    }
}
