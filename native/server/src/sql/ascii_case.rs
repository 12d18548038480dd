//! The texts that a collation tells apart though they differ in the case of ASCII letters alone.
//!
//! SQLite's NOCASE takes all of them for the same. Most of MariaDB's `_ci` collations do so, too, but Turkish has i beside I, and a letter of two
//! characters, as the Czech ch, is one in the spellings ch, Ch and CH alone.

use super::collations::compares_bytes;

/// How a collation compares texts that differ in the case of ASCII letters alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AsciiCase {
    /// All are the same.
    Ignored,
    /// Those are the same that have these spellings at the same places.
    IgnoredBut(&'static [&'static str]),
    /// They are different, or the collation is not known.
    Told,
}

/// The languages of MariaDB's collations, and the spellings that are no other ones of the same letters. Source: each text of three letters, compared by
/// all collations of MariaDB 10.11.
const LANGUAGES: &[(&str, &[&str])] = &[
    ("croatian", &["lJ", "nJ"]),
    ("croatian_mysql561", &[]),
    ("czech", &["cH"]),
    ("danish", &["aA"]),
    ("esperanto", &[]),
    ("estonian", &[]),
    ("general", &[]),
    ("general_mysql500", &[]),
    ("german1", &[]),
    ("german2", &[]),
    ("hungarian", &[]),
    ("icelandic", &[]),
    ("latvian", &[]),
    ("lithuanian", &["cH"]),
    ("myanmar", &[]),
    ("persian", &[]),
    ("polish", &[]),
    ("roman", &[]),
    ("romanian", &[]),
    ("sinhala", &[]),
    ("slovak", &["cH"]),
    ("slovenian", &[]),
    ("spanish", &[]),
    ("spanish2", &["cH", "lL"]),
    ("swedish", &[]),
    ("turkish", &["i"]),
    ("unicode", &[]),
    ("unicode_520", &[]),
    ("vietnamese", &[]),
];

impl AsciiCase {
    /// The rule of the collation of this name.
    pub(crate) fn of(collation: &str) -> Self {
        let name = collation.to_ascii_lowercase();
        if compares_bytes(&name) {
            return Self::Told;
        }
        let rest = name.split_once('_').map_or("", |(_, rest)| rest);
        let rest = rest.strip_prefix("uca1400_").unwrap_or(rest).replacen("nopad_", "", 1);
        if matches!(&*rest, "ai_ci" | "as_ci" | "0900_ai_ci" | "0900_as_ci" | "thai_520_w2") {
            return Self::Ignored;
        }
        let language = ["_ai_ci", "_as_ci", "_ci"].iter().find_map(|end| rest.strip_suffix(end)).unwrap_or_default();
        match LANGUAGES.iter().find(|(own, _)| *own == language) {
            Some((_, [])) => Self::Ignored,
            Some((_, spellings)) => Self::IgnoredBut(spellings),
            None => Self::Told,
        }
    }
}

/// A text that is the same for texts that differ in the case of ASCII letters alone, and have these spellings at the same places.
pub(crate) fn without_case<'t>(text: &'t str, spellings: impl Iterator<Item = &'t str> + Clone) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let spelling = spellings.clone().find(|spelling| rest.starts_with(spelling));
        let length = spelling.map_or_else(|| first.len_utf8(), str::len);
        match spelling {
            Some(spelling) => folded.push_str(spelling),
            None => folded.push(first.to_ascii_uppercase()),
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collation_tells_by_its_language_which_texts_it_tells_apart() {
        for (collation, expected) in [
            ("utf8mb4_general_ci", AsciiCase::Ignored),
            ("latin1_swedish_nopad_ci", AsciiCase::Ignored),
            ("utf8mb4_UCA1400_ai_ci", AsciiCase::Ignored),
            ("utf8mb4_uca1400_nopad_as_ci", AsciiCase::Ignored),
            ("utf8mb3_croatian_mysql561_ci", AsciiCase::Ignored),
            ("utf8mb4_thai_520_w2", AsciiCase::Ignored),
            ("utf8mb4_0900_ai_ci", AsciiCase::Ignored),
            ("utf8mb4_turkish_ci", AsciiCase::IgnoredBut(&["i"])),
            ("utf8mb3_uca1400_turkish_nopad_as_ci", AsciiCase::IgnoredBut(&["i"])),
            ("utf8mb4_spanish2_ci", AsciiCase::IgnoredBut(&["cH", "lL"])),
            ("utf8mb4_bin", AsciiCase::Told),
            ("utf8mb4_uca1400_czech_as_cs", AsciiCase::Told),
            ("utf8mb4_hr_0900_ai_ci", AsciiCase::Told),
            ("binary", AsciiCase::Told),
            ("nonsense", AsciiCase::Told),
        ] {
            assert_eq!(AsciiCase::of(collation), expected, "{collation}");
        }
    }

    #[test]
    fn spellings_keep_their_case() {
        for (text, spellings, expected) in [
            ("Ilık şi", &["i"][..], "ILıK şi"),
            ("chcHCHCh", &["cH", "lL"], "CHcHCHCH"),
            ("lLl", &["cH", "lL"], "lLL"),
            ("aaA ä", &["aA"], "AaA ä"),
            ("ab", &[], "AB"),
        ] {
            assert_eq!(without_case(text, spellings.iter().copied()), expected, "{text}");
        }
    }
}
