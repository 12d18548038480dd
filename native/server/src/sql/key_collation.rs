//! The collations by which texts of unique keys are compared as MariaDB compares them.

use super::general_ci::{swedish_weight, weight};

/// A collation whose weights are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyCollation {
    weights: Weights,
    /// Whether spaces at the end count: NO PAD.
    counts_spaces: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weights {
    /// Each character has its own.
    Own,
    /// Those of ASCII, without case.
    Ascii,
    Swedish,
    General,
}

impl KeyCollation {
    /// The collation of this name; `None` where its weights are not known.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let (charset, rest) = name.split_once('_')?;
        let counts_spaces = rest.contains("nopad_") || rest.starts_with("0900_");
        let weights = match (charset, rest.replacen("nopad_", "", 1).as_str()) {
            ("utf8" | "utf8mb3" | "utf8mb4" | "latin1" | "ascii", "bin") | ("utf8mb4", "0900_bin") => Weights::Own,
            ("utf8" | "utf8mb3" | "utf8mb4", "general_ci") => Weights::General,
            ("latin1", "swedish_ci") => Weights::Swedish,
            ("ascii", "general_ci") => Weights::Ascii,
            _ => return None,
        };
        Some(Self { weights, counts_spaces })
    }

    /// A text in which characters of the same weight are the same, of its first `longest` characters.
    pub(crate) fn folded(self, text: &str, longest: Option<usize>) -> String {
        let end = longest.and_then(|longest| text.char_indices().nth(longest)).map_or(text.len(), |(end, _)| end);
        let text = text.get(..end).unwrap_or_default();
        let text = if self.counts_spaces { text } else { text.trim_end_matches(' ') };
        match self.weights {
            Weights::Own => text.to_owned(),
            Weights::Ascii => text.to_ascii_uppercase(),
            Weights::Swedish => text.chars().map(swedish_weight).collect(),
            Weights::General if text.is_ascii() => text.to_ascii_uppercase(),
            Weights::General => text.chars().map(weight).collect(),
        }
    }

    /// The same without regard to spaces at the end, which a CHAR does not keep.
    pub(crate) const fn of_char(self) -> Self {
        Self { counts_spaces: false, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_folded_by_their_collation() {
        for (collation, text, longest, expected) in [
            ("utf8mb4_general_ci", "äßж😀  ", None, Some("ASЖ\u{fffd}")),
            ("utf8mb4_general_ci", "ab cd", Some(3), Some("AB")),
            ("utf8mb4_general_nopad_ci", "a ", None, Some("A ")),
            ("utf8mb4_bin", "aä ", None, Some("aä")),
            ("utf8mb4_bin", "äöü", Some(2), Some("äö")),
            ("utf8mb4_nopad_bin", "a ", None, Some("a ")),
            ("latin1_swedish_ci", "äÆüßa", None, Some("\\\\YßA")),
            ("ascii_general_ci", "a", None, Some("A")),
            ("utf8mb4_unicode_ci", "a", None, None),
            ("utf8mb4_general_cs", "a", None, None),
        ] {
            let folded = KeyCollation::named(collation).map(|collation| collation.folded(text, longest));
            assert_eq!(folded.as_deref(), expected, "{collation} {text}");
        }
    }
}
