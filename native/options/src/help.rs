//! The texts of `--help` and `--print-defaults`, laid out as mysql lays them out.

use std::fmt::Write as _;

use super::files::Environment;
use super::program::Program;
use super::setting::Setting;
use super::spec::{Kind, Preset, Spec};
use super::values::shortest;

/// The column where an option's explanation begins, and the explanation's width.
const NAME_WIDTH: usize = 22;
const TEXT_WIDTH: usize = 57;

/// The whole text of `--help`.
pub(super) fn text(program: &Program, environment: &Environment) -> String {
    let files: Vec<String> =
        environment.system_files.iter().chain(&environment.user_file).map(|path| path.display().to_string()).collect();
    let mut out = format!(
        "{name}  Ver {version}\n\
         Usage: {name} {usage}\n\n\
         Default options are read from the following files in the given order:\n{files}\n\
         The following groups are read: {groups}\n\
         The following options may be given as the first argument:\n\
         --print-defaults          Print the program argument list and exit.\n\
         --no-defaults             Don't read default options from any option file.\n\
         --defaults-file=#         Only read default options from the given file #.\n\
         --defaults-extra-file=#   Read this file after the global files are read.\n\
         --defaults-group-suffix=# Additionally read default groups with # appended as\n\
         \u{20}                         a suffix.\n\n",
        name = program.name,
        version = program.version,
        usage = program.usage,
        files = files.join(" "),
        groups = program.groups.iter().chain(program.other_groups).copied().collect::<Vec<_>>().join(" "),
    );
    for spec in program.specs().filter(|spec| spec.kind != Kind::Absent) {
        option(&mut out, spec);
    }
    out
}

/// The text of `--print-defaults`: the settings of the option files, then the command line, with passwords hidden.
pub(super) fn defaults(program: &Program, settings: &[Setting], arguments: &[String]) -> String {
    let mut out = format!("{} would have been started with the following arguments:\n", program.name);
    for setting in settings {
        let _ = match &setting.value {
            Some(value) => {
                write!(out, "--{}={} ", setting.name, shown(program, &setting.name, &String::from_utf8_lossy(value)))
            }
            None => write!(out, "--{} ", setting.name),
        };
    }
    for argument in arguments {
        let hidden = argument.strip_prefix("--").and_then(|long| long.split_once('='));
        let letter = argument.strip_prefix('-').and_then(|letters| letters.chars().next());
        let _ = match hidden {
            Some((name, value)) => write!(out, "--{name}={} ", shown(program, name, value)),
            None if letter
                .is_some_and(|letter| program.specs().any(|spec| spec.secret && spec.short == Some(letter))) =>
            {
                write!(out, "{}***** ", argument.get(..2).unwrap_or_default())
            }
            None => write!(out, "{argument} "),
        };
    }
    out.push('\n');
    out
}

/// The value, or stars where the option may hold a secret.
fn shown<'a>(program: &Program, name: &str, value: &'a str) -> &'a str {
    let name = name.replace('_', "-");
    if program.specs().any(|spec| spec.secret && spec.name.starts_with(&name)) { "*****" } else { value }
}

fn option(out: &mut String, spec: &Spec) {
    let value = match spec.kind {
        Kind::Action | Kind::Flag => "",
        Kind::OptionalText | Kind::Absent => "[=name]",
        Kind::Text | Kind::Choice(_) => "=name",
        Kind::Number { .. } => "=#",
    };
    let mut help = spec.help.to_owned();
    if let Kind::Choice(words) = spec.kind {
        let _ = write!(help, " One of {}.", words.join(", "));
    }
    let _ = match spec.preset {
        Some(Preset::Text("on") | Preset::Flag(true)) if spec.kind == Kind::Flag => {
            write!(help, " (Defaults to on; use --skip-{} to disable.)", spec.name)
        }
        Some(Preset::Text(text)) => write!(help, " (Default: {text}.)"),
        Some(Preset::Number(number)) => write!(help, " (Default: {}.)", shortest(number)),
        Some(Preset::Flag(_)) | None => Ok(()),
    };
    entry(out, spec.short, &format!("--{}{value} ", spec.name), &help);
    if let Some((letter, help)) = spec.off_short {
        entry(out, Some(letter), &format!("--skip-{} ", spec.name), help);
    }
}

/// Writes the names in the left column and the help in the right one.
fn entry(out: &mut String, letter: Option<char>, name: &str, help: &str) {
    let letter = letter.map_or_else(String::new, |letter| format!("-{letter}, "));
    let names = format!("  {letter}{name}");
    let mut column = names.chars().count();
    out.push_str(&names);
    if column > NAME_WIDTH {
        out.push('\n');
        column = 0;
    }
    let mut width = 0;
    let _ = write!(out, "{:1$}", "", NAME_WIDTH - column);
    for word in help.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > TEXT_WIDTH {
            let _ = write!(out, "\n{:1$}", "", NAME_WIDTH);
            width = 0;
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    out.push('\n');
}
