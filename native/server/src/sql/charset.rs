//! The character sets of clients' statements.
//!
//! A statement means the same to client and server only if both split it at the same bytes. In gbk, sjis, big5 and similar sets a backslash
//! or a quote may be the second byte of a character, so text that a client escapes in such a set could inject SQL. These sets are therefore
//! refused.

use std::borrow::Cow;

use sealwire_core::error::SqlError;

/// How the bytes of a text are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Charset {
    /// UTF-8. `ascii` is a subset of it, and in `binary` bytes that are not UTF-8 stay bytes.
    #[default]
    Utf8,
    /// MySQL's `latin1`, which is Windows-1252. Many drivers name it because it was MySQL's default, and then send UTF-8, or bytes for
    /// BLOBs. A client's text is therefore decoded as [`Charset::Utf8`]; only a name that is not UTF-8, or `_latin1'…'`, is decoded as
    /// Windows-1252.
    Latin1,
}

/// The characters of the bytes 0x80 to 0x9f. The undefined bytes of Windows-1252 stand for the code points of the same number, as in MySQL.
const FROM_0X80: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2c6}', '\u{2030}',
    '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}',
    '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}',
    '\u{17e}', '\u{178}',
];

impl Charset {
    /// The decoding for an implemented set, by its name.
    pub(crate) fn of(name: &str) -> Self {
        if name == "latin1" { Self::Latin1 } else { Self::Utf8 }
    }

    /// A text in UTF-8; `None` where the bytes are invalid in this set.
    pub(crate) fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Latin1 if bytes.is_ascii() => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Latin1 => Some(Cow::Owned(bytes.iter().map(|&byte| from_latin1(byte)).collect())),
        }
    }

    /// A name, which must be valid text.
    ///
    /// # Errors
    /// 1300 where the bytes are invalid in this set.
    pub(crate) fn decode_name(self, bytes: &[u8]) -> Result<Cow<'_, str>, SqlError> {
        Self::Utf8.decode(bytes).or_else(|| self.decode(bytes)).ok_or_else(|| {
            let wrong = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
            invalid(bytes.get(wrong..).unwrap_or_default())
        })
    }
}

fn invalid(bytes: &[u8]) -> SqlError {
    let shown: String = bytes
        .iter()
        .take(MOST_SHOWN)
        .map(|byte| if byte.is_ascii_graphic() { char::from(*byte).to_string() } else { format!("\\x{byte:02X}") })
        .collect();
    SqlError::new(1300, b"HY000", format!("Invalid utf8mb4 character string: '{shown}'"))
}

/// How many invalid bytes MySQL shows.
const MOST_SHOWN: usize = 6;

fn from_latin1(byte: u8) -> char {
    FROM_0X80.get(usize::from(byte).wrapping_sub(0x80)).copied().unwrap_or_else(|| char::from(byte))
}

/// The byte of a character in latin1; `None` where latin1 lacks it.
pub(super) fn latin1_byte(character: char) -> Option<u8> {
    match u8::try_from(character) {
        Ok(byte @ (..0x80 | 0xa0..)) => Some(byte),
        _ => FROM_0X80.iter().position(|own| *own == character).map(|at| 0x80 + at as u8),
    }
}

/// The default collation of a character set.
///
/// # Errors
/// 1115 where the set is not implemented.
pub(crate) fn default_collation(charset: &str) -> Result<&'static str, SqlError> {
    Ok(match charset.to_ascii_lowercase().as_str() {
        "utf8mb4" => "utf8mb4_general_ci",
        "utf8" | "utf8mb3" => "utf8mb3_general_ci",
        "latin1" => "latin1_swedish_ci",
        "ascii" => "ascii_general_ci",
        "binary" | "null" => "binary",
        _ => return Err(unknown(charset)),
    })
}

/// The words in the names of MySQL's and MariaDB's collations, after the set's name.
const WORDS: &[&str] = &[
    "0900",
    "520",
    "ai",
    "as",
    "bg",
    "bin",
    "bs",
    "ci",
    "croatian",
    "cs",
    "cyrl",
    "czech",
    "da",
    "danish",
    "de",
    "eo",
    "es",
    "esperanto",
    "estonian",
    "et",
    "general",
    "german1",
    "german2",
    "gl",
    "hr",
    "hu",
    "hungarian",
    "icelandic",
    "is",
    "ja",
    "ks",
    "la",
    "latn",
    "latvian",
    "lithuanian",
    "lt",
    "lv",
    "mn",
    "myanmar",
    "mysql500",
    "mysql561",
    "nb",
    "nn",
    "nopad",
    "pb",
    "persian",
    "pl",
    "polish",
    "ro",
    "roman",
    "romanian",
    "ru",
    "sinhala",
    "sk",
    "sl",
    "slovak",
    "slovenian",
    "spanish",
    "spanish2",
    "sr",
    "sv",
    "swedish",
    "thai",
    "tr",
    "trad",
    "turkish",
    "uca1400",
    "unicode",
    "vi",
    "vietnamese",
    "w2",
    "zh",
];

/// Checks the name of a collation.
///
/// # Errors
/// 1273 where it is not a collation of an implemented set.
pub(crate) fn check_collation(name: &str) -> Result<(), SqlError> {
    let lower = name.to_ascii_lowercase();
    let mut words = lower.split('_');
    let first = words.next().unwrap_or_default();
    let is_set = matches!(first, "utf8mb4" | "utf8mb3" | "utf8" | "latin1" | "ascii");
    let rest: Vec<&str> = words.collect();
    // MariaDB's newer collation names apply to every set.
    let is_known = (is_set || first == "uca1400") && !rest.is_empty() && rest.iter().all(|word| WORDS.contains(word));
    if is_known || lower == "binary" {
        return Ok(());
    }
    Err(SqlError::new(1273, b"HY000", format!("Unknown collation: '{name}'")))
}

/// The error of a collation beside another character set.
pub(crate) fn collation_of_another(collation: &str, charset: &str) -> SqlError {
    let message = format!("COLLATION '{collation}' is not valid for CHARACTER SET '{charset}'");
    SqlError::new(1253, b"42000", message)
}

fn unknown(charset: &str) -> SqlError {
    let message = format!("Unknown character set: '{charset}'; use utf8mb4, utf8mb3, latin1, ascii or binary");
    SqlError::new(1115, b"42000", message)
}

/// The character set and collation of the collation's number that a client sends at login. For an unknown number MySQL uses its own
/// default, and so does this function.
///
/// # Errors
/// 1115 where the set is not implemented.
pub(crate) fn of_collation(id: u16) -> Result<(&'static str, &'static str), SqlError> {
    Ok(match id {
        8 => ("latin1", "latin1_swedish_ci"),
        5 => ("latin1", "latin1_german1_ci"),
        15 => ("latin1", "latin1_danish_ci"),
        31 => ("latin1", "latin1_german2_ci"),
        47 => ("latin1", "latin1_bin"),
        48 => ("latin1", "latin1_general_ci"),
        49 => ("latin1", "latin1_general_cs"),
        94 => ("latin1", "latin1_spanish_ci"),
        11 => ("ascii", "ascii_general_ci"),
        65 => ("ascii", "ascii_bin"),
        83 => ("utf8mb3", "utf8mb3_bin"),
        192 => ("utf8mb3", "utf8mb3_unicode_ci"),
        33 | 76 | 193..=215 | 223 => ("utf8mb3", "utf8mb3_general_ci"),
        46 => ("utf8mb4", "utf8mb4_bin"),
        224 => ("utf8mb4", "utf8mb4_unicode_ci"),
        255 => ("utf8mb4", "utf8mb4_0900_ai_ci"),
        63 => ("binary", "binary"),
        // MariaDB numbers its NO PAD collations with MySQL's number plus 1024.
        1025..=1274 => return of_collation(id - 1024),
        2048..=2303 => ("utf8mb3", "utf8mb3_general_ci"),
        _ => match others(id) {
            Some(charset) => return Err(unknown(charset)),
            None => ("utf8mb4", "utf8mb4_general_ci"),
        },
    })
}

/// The name of an unimplemented character set. Source: MySQL's `SHOW COLLATION`.
const fn others(id: u16) -> Option<&'static str> {
    Some(match id {
        1 | 84 => "big5",
        2 | 9 | 21 | 27 | 77 => "latin2",
        3 | 69 => "dec8",
        4 | 80 => "cp850",
        6 | 72 => "hp8",
        7 | 74 => "koi8r",
        10 | 82 => "swe7",
        12 | 91 => "ujis",
        13 | 88 => "sjis",
        14 | 23 | 50..=52 => "cp1251",
        16 | 71 => "hebrew",
        18 | 89 => "tis620",
        19 | 85 => "euckr",
        20 | 41 | 42 | 79 => "latin7",
        22 | 75 => "koi8u",
        24 | 86 => "gb2312",
        25 | 70 => "greek",
        26 | 34 | 44 | 66 | 99 => "cp1250",
        28 | 87 => "gbk",
        29 | 58 | 59 => "cp1257",
        30 | 78 => "latin5",
        32 | 64 => "armscii8",
        35 | 90 | 128..=151 | 159 | 2560..=2815 => "ucs2",
        36 | 68 => "cp866",
        37 | 73 => "keybcs2",
        38 | 43 => "macce",
        39 | 53 => "macroman",
        40 | 81 => "cp852",
        54 | 55 | 101..=124 | 2816..=3071 => "utf16",
        56 | 62 => "utf16le",
        57 | 67 => "cp1256",
        60 | 61 | 160..=183 | 3072..=3327 => "utf32",
        92 | 93 => "geostd8",
        95 | 96 => "cp932",
        97 | 98 => "eucjpms",
        248..=250 => "gb18030",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_latin1_is_a_character() {
        let all: Vec<u8> = (0..=255).collect();
        let text = Charset::Latin1.decode(&all).unwrap();
        assert_eq!(text.chars().count(), 256);
        assert_eq!(Charset::Latin1.decode(b"\xe9\x80\x81").unwrap(), "\u{e9}\u{20ac}\u{81}");
    }

    #[test]
    fn sets_that_are_not_implemented_are_refused_by_name_and_number() {
        for (id, name) in [
            (28, "gbk"),
            (87, "gbk"),
            (13, "sjis"),
            (1, "big5"),
            (250, "gb18030"),
            (95, "cp932"),
            (54, "utf16"),
            (35, "ucs2"),
            (1052, "gbk"),
            (51, "cp1251"),
            (7, "koi8r"),
        ] {
            assert_eq!(of_collation(id).unwrap_err().code, 1115, "{id}");
            assert!(of_collation(id).unwrap_err().message.starts_with(&format!("Unknown character set: '{name}'")));
            assert_eq!(default_collation(name).unwrap_err().code, 1115);
        }
        for (id, charset) in [
            (0, "utf8mb4"),
            (8, "latin1"),
            (33, "utf8mb3"),
            (45, "utf8mb4"),
            (63, "binary"),
            (255, "utf8mb4"),
            (309, "utf8mb4"),
            (2304, "utf8mb4"),
            (1069, "utf8mb4"),
            (11, "ascii"),
        ] {
            let (found, collation) = of_collation(id).unwrap();
            assert_eq!(found, charset, "{id}");
            assert!(collation.starts_with(charset), "{id}");
        }
    }

    #[test]
    fn collations_of_mysql_and_mariadb_are_known() {
        for name in [
            "binary",
            "utf8mb4_bin",
            "UTF8MB4_0900_AI_CI",
            "utf8mb4_de_pb_0900_as_cs",
            "utf8_general_ci",
            "utf8mb3_unicode_520_nopad_ci",
            "latin1_swedish_ci",
            "latin1_german2_ci",
            "ascii_bin",
            "uca1400_ai_ci",
            "utf8mb4_uca1400_swedish_ai_ci",
            "utf8mb4_thai_520_w2",
            "utf8mb4_ja_0900_as_cs_ks",
            "utf8mb4_sr_latn_0900_ai_ci",
        ] {
            assert_eq!(check_collation(name), Ok(()), "{name}");
        }
        for name in [
            "",
            "utf8mb4",
            "utf8mb4_",
            "nonsense",
            "utf8mb4_nonsense_ci",
            "gbk_chinese_ci",
            "../utf8mb4_bin",
            "utf8mb4_bin;",
        ] {
            assert_eq!(check_collation(name).unwrap_err().code, 1273, "{name}");
        }
    }

    #[test]
    fn a_name_that_is_no_utf8_is_shown() {
        let error = Charset::Utf8.decode_name(b"ab\xff\xfec").unwrap_err();
        assert_eq!((error.code, error.message.as_str()), (1300, "Invalid utf8mb4 character string: '\\xFF\\xFEc'"));
    }
}
