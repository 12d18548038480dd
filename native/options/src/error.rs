//! Errors in options, in mysql's words, each with mysql's exit code.

use std::fmt;

use super::program::Program;
use super::spec::{Kind, Spec, split_prefix};
use super::values::Origin;

/// The advice for an unknown option that resembles no known one.
const HELP: &str = "; --help lists the options";

/// An option, a value or an option file that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionError {
    message: String,
    exit_code: u8,
}

impl OptionError {
    /// The exit code mysql has for this: see the module's table.
    pub const fn exit_code(&self) -> u8 {
        self.exit_code
    }

    pub(crate) fn general(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: 1 }
    }

    pub(crate) fn misplaced(option: &str) -> Self {
        let message = format!("option '{option}' must come before all other options");
        Self { message, exit_code: 2 }
    }

    pub(crate) fn unknown(program: &Program, name: &str, value: Option<&str>, origin: &Origin) -> Self {
        let nearest = nearest(program, name);
        let hint = match (nearest, origin) {
            (Some(spec), _) => format!("; did you mean '--{}'?", spec.name),
            (None, Origin::File { .. }) => String::new(),
            (None, _) => HELP.to_owned(),
        };
        let (what, exit_code) = match value {
            // The value may be a password whose option is misspelled.
            Some(_) if nearest.is_some_and(|spec| spec.secret) => (format!("variable '{name}=…'"), 7),
            Some(value) => (format!("variable '{name}={value}'"), 7),
            None => (format!("option '--{name}'"), 2),
        };
        let way_out = match origin {
            Origin::File { .. } => " (write loose-… to let a program ignore what it does not know)",
            _ => "",
        };
        Self { message: format!("unknown {what}{}{hint}{way_out}", origin.suffix()), exit_code }
    }

    /// An option of MySQL's program that this program lacks, with its value if one was given.
    pub(crate) fn absent(program: &Program, spec: &Spec, value: Option<&str>, origin: &Origin) -> Self {
        let (what, exit_code) = match value {
            Some(value) => (format!("variable '{}={value}'", spec.name), 7),
            None => (format!("option '--{}'", spec.name), 2),
        };
        Self { message: format!("unknown {what}{}; {} {}", origin.suffix(), program.name, spec.help), exit_code }
    }

    pub(crate) fn unknown_letter(letter: char) -> Self {
        Self { message: format!("unknown option '-{letter}'{HELP}"), exit_code: 2 }
    }

    pub(crate) fn ambiguous(written: &str, first: &str, last: &str, origin: &Origin) -> Self {
        let message = format!("ambiguous option '--{written}' ({first}, {last}){}", origin.suffix());
        Self { message, exit_code: 3 }
    }

    pub(crate) fn takes_no_value(name: &str, origin: &Origin) -> Self {
        Self { message: format!("option '--{name}' cannot take an argument{}", origin.suffix()), exit_code: 4 }
    }

    pub(crate) fn needs_value(name: &str, origin: &Origin) -> Self {
        Self { message: format!("option '--{name}' requires an argument{}", origin.suffix()), exit_code: 5 }
    }

    pub(crate) fn bad_value(name: &str, problem: &str, origin: &Origin) -> Self {
        Self { message: format!("option '--{name}': {problem}{}", origin.suffix()), exit_code: 13 }
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for OptionError {}

/// The option whose name is the fewest letters away, if it is near enough to be meant.
fn nearest(program: &Program, name: &str) -> Option<&'static Spec> {
    let (prefix, name) = split_prefix(name).unwrap_or(("", name));
    let fitting = program.specs().filter(|spec| match prefix {
        _ if spec.kind == Kind::Absent => false,
        "" => true,
        "maximum" => matches!(spec.kind, Kind::Number { .. }),
        _ => spec.kind == Kind::Flag,
    });
    nearest_of(name, fitting.map(|spec| (spec.name, spec)))
}

/// The word that was probably meant by one that does not exist: the one that is the fewest letters away, if it is near enough. Both are
/// compared as they are.
pub fn nearest_word<'w>(given: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    nearest_of(given, words.map(|word| (word, word)))
}

fn nearest_of<'w, T>(given: &str, words: impl Iterator<Item = (&'w str, T)>) -> Option<T> {
    let enough = 2.max(given.len() / 4);
    words
        .map(|(word, of)| (distance(word, given), of))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= enough && *distance < given.chars().count())
        .map(|(_, of)| of)
}

/// Levenshtein's distance: how many letters to insert, remove or replace.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in b.chars().zip(row.iter().skip(1)) {
            left = (left + 1).min(above + 1).min(diagonal + usize::from(x != y));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest_word};

    #[test]
    fn a_word_is_meant_that_is_near() {
        let words = || ["SOURCE_PORT", "SOURCE_SSL", "SOURCE_SSL_CA"].into_iter();
        assert_eq!(nearest_word("SOURCE_PRT", words()), Some("SOURCE_PORT"));
        assert_eq!(nearest_word("SOURCE_SSL_AC", words()), Some("SOURCE_SSL_CA"));
        assert_eq!((nearest_word("HOSTNAME", words()), nearest_word("", words())), (None, None));
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("", ""), 0);
        assert_eq!(distance("ssl-ca", "ssl-ca"), 0);
        assert_eq!(distance("ssl-ca", "ssl-caa"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
