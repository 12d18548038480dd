//! The values of options: those given, each with its place, and the table's defaults for the others.

use std::fmt;
use std::path::{Path, PathBuf};

use super::program::Program;
use super::spec::{Kind, Preset, Spec};

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The table's default.
    Default,
    /// An option file.
    File {
        /// Its path.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// The command line.
    CommandLine,
}

impl Origin {
    /// The end of an error text: ` in /etc/my.cnf, line 3`, or nothing.
    pub(crate) fn suffix(&self) -> String {
        match self {
            Self::File { path, line } => format!(" in {}, line {line}", path.display()),
            Self::Default | Self::CommandLine => String::new(),
        }
    }
}

impl fmt::Display for Origin {
    /// The place in words for a message: `on the command line`, `in /etc/my.cnf, line 3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("by default"),
            Self::File { path, line } => write!(f, "in {}, line {line}", path.display()),
            Self::CommandLine => f.write_str("on the command line"),
        }
    }
}

/// A value after parsing.
#[derive(Clone, PartialEq, Eq)]
pub enum OptionValue {
    /// The option without a value: an action, or `-p` alone.
    Bare,
    /// On or off.
    Flag(bool),
    /// Text, or the word of a choice as it stands in the table.
    Text(String),
    /// A secret that is not UTF-8 text.
    Bytes(Vec<u8>),
    /// A number within the table's bounds.
    Number(u64),
}

/// One occurrence of an option.
#[derive(Clone, PartialEq, Eq)]
pub struct Occurrence {
    pub(crate) spec: &'static Spec,
    /// The value.
    pub given: OptionValue,
    /// The place where it was given.
    pub origin: Origin,
    /// The option as the user wrote it, without the value: `--skip-ssl`, `-h`.
    pub written: String,
}

impl fmt::Debug for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--{}", self.spec.name)?;
        match &self.given {
            OptionValue::Bare => Ok(()),
            _ if self.spec.secret => f.write_str("=…"),
            OptionValue::Flag(on) => write!(f, "={on}"),
            OptionValue::Text(text) => write!(f, "={text:?}"),
            OptionValue::Bytes(_) => f.write_str("=…"),
            OptionValue::Number(number) => write!(f, "={number}"),
        }?;
        write!(f, " {}", self.origin)
    }
}

/// The option values of one run. Options are asked for by their long names; the method called must fit the kind in the option's row.
#[derive(Debug, Clone)]
pub struct Values {
    specs: Vec<&'static Spec>,
    occurrences: Vec<Occurrence>,
    arguments: Vec<String>,
    warnings: Vec<String>,
    ignored: Vec<PathBuf>,
}

impl Values {
    pub(crate) fn new(
        program: &Program,
        occurrences: Vec<Occurrence>,
        arguments: Vec<String>,
        warnings: Vec<String>,
        ignored: Vec<PathBuf>,
    ) -> Self {
        Self { specs: program.specs().collect(), occurrences, arguments, warnings, ignored }
    }

    /// Whether a flag is on.
    pub fn flag(&self, name: &str) -> bool {
        match self.last(name) {
            Some(OptionValue::Flag(on)) => *on,
            _ => match self.preset(name) {
                Some(Preset::Flag(on)) => on,
                Some(Preset::Text(text)) => parse_flag(text).unwrap_or(false),
                Some(Preset::Number(_)) | None => false,
            },
        }
    }

    /// Whether a flag is on; `None` where nobody gave it.
    pub fn given_flag(&self, name: &str) -> Option<bool> {
        match self.last(name) {
            Some(OptionValue::Flag(on)) => Some(*on),
            _ => None,
        }
    }

    /// The text or the chosen word, or the default. `None` also for an option without a value: see [`Values::is_bare`].
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.last(name) {
            Some(OptionValue::Text(text)) => Some(text),
            Some(_) => None,
            None => match self.preset(name) {
                Some(Preset::Text(text)) => Some(text),
                Some(Preset::Number(_) | Preset::Flag(_)) | None => None,
            },
        }
    }

    /// The value of a secret, which need not be UTF-8.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        match self.last(name) {
            Some(OptionValue::Bytes(bytes)) => Some(bytes),
            _ => self.text(name).map(str::as_bytes),
        }
    }

    /// The option's text as a path.
    pub fn path(&self, name: &str) -> Option<&Path> {
        self.text(name).map(Path::new)
    }

    /// Every text of a repeatable option, in the order given.
    pub fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.occurrences(name).filter_map(|occurrence| match &occurrence.given {
            OptionValue::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The number, or the default.
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.last(name) {
            Some(OptionValue::Number(number)) => Some(*number),
            _ => match self.preset(name) {
                Some(Preset::Number(number)) => Some(number),
                Some(Preset::Text(text)) => parse_number(text).ok(),
                Some(Preset::Flag(_)) | None => None,
            },
        }
    }

    /// The value of an option, or its default, in the type of the option's kind.
    pub fn value(&self, spec: &Spec) -> Option<OptionValue> {
        match spec.kind {
            Kind::Action | Kind::Absent => self.is_given(spec.name).then_some(OptionValue::Bare),
            Kind::Flag => Some(OptionValue::Flag(self.flag(spec.name))),
            Kind::Number { .. } => self.number(spec.name).map(OptionValue::Number),
            Kind::Text | Kind::OptionalText | Kind::Choice(_) => {
                self.text(spec.name).map(|text| OptionValue::Text(text.to_owned()))
            }
        }
    }

    /// Whether the last occurrence of the option has no value, as `-p` alone.
    pub fn is_bare(&self, name: &str) -> bool {
        matches!(self.last(name), Some(OptionValue::Bare))
    }

    /// How often a repeatable flag was given since it was last switched off: 3 for `-sss`.
    pub fn count(&self, name: &str) -> usize {
        self.occurrences(name).fold(0, |count, occurrence| match occurrence.given {
            OptionValue::Flag(false) => 0,
            _ => count + 1,
        })
    }

    /// Whether the program's table has the option.
    pub(crate) fn has_option(&self, name: &str) -> bool {
        self.specs.iter().any(|spec| spec.name == name)
    }

    /// Whether an option file or the command line gives the option.
    pub fn is_given(&self, name: &str) -> bool {
        self.occurrences(name).next().is_some()
    }

    /// Every occurrence of the option: option files first, then the command line.
    pub fn occurrences<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = &'a Occurrence> {
        debug_assert!(self.specs.iter().any(|spec| spec.name == name), "no option '{name}' in the table");
        self.occurrences.iter().filter(move |occurrence| occurrence.spec.name == name)
    }

    /// The arguments that are not options.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Warnings for standard error before the program runs; each is printed after `name: [Warning] `.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The option files that are there and were not read, because this user may not read them or everybody may write them. There is a warning
    /// for each.
    pub fn ignored_files(&self) -> &[PathBuf] {
        &self.ignored
    }

    fn last(&self, name: &str) -> Option<&OptionValue> {
        debug_assert!(self.specs.iter().any(|spec| spec.name == name), "no option '{name}' in the table");
        self.occurrences
            .iter()
            .rev()
            .find(|occurrence| occurrence.spec.name == name)
            .map(|occurrence| &occurrence.given)
    }

    fn preset(&self, name: &str) -> Option<Preset> {
        self.specs.iter().find(|spec| spec.name == name).and_then(|spec| spec.preset)
    }
}

/// The letters that may end a number, and the power of two that each stands for.
const SUFFIXES: [(char, u32); 4] = [('K', 10), ('M', 20), ('G', 30), ('T', 40)];

/// A number as a user would write it: 268435456 is `256M`.
pub(crate) fn shortest(number: u64) -> String {
    let whole = |(_, shift): &&(char, u32)| number > 0 && number.trailing_zeros() >= *shift;
    match SUFFIXES.iter().rev().find(whole) {
        Some((letter, shift)) => format!("{}{letter}", number >> shift),
        None => number.to_string(),
    }
}

/// Parses the text of an option's value. The error says why the value is wrong, for [`super::OptionError::bad_value`].
pub(crate) fn parse(spec: &Spec, text: &str) -> Result<OptionValue, String> {
    match spec.kind {
        Kind::Action | Kind::Absent => Ok(OptionValue::Bare),
        Kind::Text | Kind::OptionalText => Ok(OptionValue::Text(text.to_owned())),
        Kind::Flag => parse_flag(text)
            .map(OptionValue::Flag)
            .ok_or_else(|| format!("'{text}' is not a boolean; use 1, on, true, yes or 0, off, false, no")),
        Kind::Number { least, most } => match parse_number(text)? {
            number if (least..=most).contains(&number) => Ok(OptionValue::Number(number)),
            number => Err(format!("{number} is out of range, {least} to {most}")),
        },
        Kind::Choice(words) => words
            .iter()
            .find(|word| word.eq_ignore_ascii_case(text))
            .map(|word| OptionValue::Text((*word).to_owned()))
            .ok_or_else(|| format!("'{text}' is none of {}", words.join(", "))),
    }
}

fn parse_flag(text: &str) -> Option<bool> {
    let is = |word: &&str| text.eq_ignore_ascii_case(word);
    if ["1", "on", "true", "yes"].iter().any(is) {
        Some(true)
    } else if ["0", "off", "false", "no"].iter().any(is) {
        Some(false)
    } else {
        None
    }
}

fn parse_number(text: &str) -> Result<u64, String> {
    let suffix = SUFFIXES.iter().find(|(letter, _)| text.ends_with([*letter, letter.to_ascii_lowercase()]));
    let (digits, shift) = suffix.map_or((text, 0), |(_, shift)| (text.get(..text.len() - 1).unwrap_or(""), *shift));
    let number: u64 =
        digits.parse().map_err(|_| format!("'{text}' is not a whole number (with K, M, G or T at most)"))?;
    number.checked_mul(1 << shift).ok_or_else(|| format!("'{text}' is too big"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are_read() {
        for (number, text) in [
            (0, "0"),
            (1, "1"),
            (1024, "1K"),
            (28_800, "28800"),
            (256 << 20, "256M"),
            (3 << 40, "3T"),
            (u64::MAX, "18446744073709551615"),
        ] {
            assert_eq!(shortest(number), text);
            assert_eq!(parse_number(text), Ok(number));
        }
    }
}
