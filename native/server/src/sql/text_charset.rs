//! The character sets of text columns.
//!
//! SQLite keeps every text in UTF-8. The set of a column decides which characters it can hold, and how the binary log has them.

use std::borrow::Cow;

use super::charset::latin1_byte;

/// The character set of a text column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TextCharset {
    /// All of Unicode.
    #[default]
    Utf8mb4,
    /// The characters up to U+FFFF.
    Utf8mb3,
    /// Windows-1252.
    Latin1,
    Ascii,
    /// Bytes.
    Binary,
}

impl TextCharset {
    const ALL: [Self; 5] = [Self::Utf8mb4, Self::Utf8mb3, Self::Latin1, Self::Ascii, Self::Binary];

    /// The set of this name; `None` for one that is not implemented.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = if name.eq_ignore_ascii_case("utf8") { "utf8mb3" } else { name };
        Self::ALL.into_iter().find(|charset| charset.name().eq_ignore_ascii_case(name))
    }

    /// The set of a collation, with whose name its own begins; `None` for MariaDB's collations of every set.
    pub(crate) fn of_collation(collation: &str) -> Option<Self> {
        Self::named(collation.split('_').next().unwrap_or_default())
    }

    /// MySQL's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Utf8mb4 => "utf8mb4",
            Self::Utf8mb3 => "utf8mb3",
            Self::Latin1 => "latin1",
            Self::Ascii => "ascii",
            Self::Binary => "binary",
        }
    }

    /// The most bytes of a character.
    pub(crate) const fn bytes_of_a_character(self) -> u32 {
        match self {
            Self::Utf8mb4 => 4,
            Self::Utf8mb3 => 3,
            Self::Latin1 | Self::Ascii | Self::Binary => 1,
        }
    }

    /// Whether the set has characters of all alphabets.
    pub(crate) const fn is_unicode(self) -> bool {
        matches!(self, Self::Utf8mb4 | Self::Utf8mb3)
    }

    /// Whether the set has a collation of this name. MariaDB's newer names are those of all Unicode sets.
    pub(crate) fn has_collation(self, collation: &str) -> bool {
        Self::of_collation(collation).map_or_else(|| self.is_unicode(), |own| own == self)
    }

    /// The number of the default collation.
    pub(crate) const fn collation(self) -> u16 {
        match self {
            Self::Utf8mb4 => 45,
            Self::Utf8mb3 => 33,
            Self::Latin1 => 8,
            Self::Ascii => 11,
            Self::Binary => 63,
        }
    }

    /// A text in this set; `None` where the set lacks a character.
    pub(crate) fn encode(self, text: &str) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Utf8mb3 if text.chars().any(|character| character > '\u{ffff}') => None,
            Self::Ascii if !text.is_ascii() => None,
            Self::Latin1 if !text.is_ascii() => text.chars().map(latin1_byte).collect::<Option<_>>().map(Cow::Owned),
            _ => Some(Cow::Borrowed(text.as_bytes())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_encoded_where_the_set_has_its_characters() {
        use TextCharset::{Ascii, Latin1, Utf8mb3, Utf8mb4};
        for (charset, text, expected) in [
            (Utf8mb4, "a😀", Some("a😀".as_bytes())),
            (Utf8mb3, "aж€", Some("aж€".as_bytes())),
            (Utf8mb3, "😀", None),
            (Latin1, "aé€Ÿ\u{81}", Some(b"a\xe9\x80\x9f\x81".as_slice())),
            (Latin1, "ж", None),
            (Latin1, "\u{80}", None),
            (Ascii, "a", Some(b"a".as_slice())),
            (Ascii, "é", None),
        ] {
            assert_eq!(charset.encode(text).as_deref(), expected, "{charset:?} {text}");
        }
    }

    #[test]
    fn a_collation_names_its_set() {
        let of = |name: &str| TextCharset::of_collation(name);
        assert_eq!(of("utf8_general_ci"), Some(TextCharset::Utf8mb3));
        assert_eq!(of("LATIN1_bin"), Some(TextCharset::Latin1));
        assert_eq!((of("binary"), of("uca1400_ai_ci")), (Some(TextCharset::Binary), None));
    }
}
