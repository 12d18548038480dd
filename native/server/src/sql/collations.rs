//! The collations of the implemented character sets, which differ between MySQL and MariaDB.

use sealwire_binlog::Flavour;
use sealwire_core::error::SqlError;

use super::TextCharset;
use super::charset::{collation_of_another, default_collation};
use super::lex::{Lexer, Piece};

/// The collation of a database that names none.
pub(crate) const DEFAULT: &str = "utf8mb4_general_ci";

/// Checks the name of a collation.
///
/// # Errors
/// 1273 where the servers for which the binary log is do not have it; without a log, where neither MySQL nor MariaDB has it.
pub(crate) fn check(name: &str, log: Option<Flavour>) -> Result<(), SqlError> {
    let is_known = match log {
        Some(Flavour::MariaDb) => is_mariadbs(name),
        Some(Flavour::MySql) => is_mysqls(name),
        None => is_mariadbs(name) || is_mysqls(name),
    };
    if is_known { Ok(()) } else { Err(SqlError::new(1273, b"HY000", format!("Unknown collation: '{name}'"))) }
}

/// Whether texts of a collation are compared by their bytes here, because it tells upper from lower case.
pub(crate) fn compares_bytes(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "binary" || ["_bin", "_cs", "_cs_ks"].iter().any(|end| name.ends_with(end))
}

/// The collation of a table or a database for which a character set, a collation or both are named; `None` where neither is.
///
/// # Errors
/// 1115 for an unknown set, 1253 for a collation of another set.
pub(crate) fn chosen(charset: Option<&str>, collation: Option<&str>) -> Result<Option<String>, SqlError> {
    let by_default = charset.map(default_collation).transpose()?;
    let Some(collation) = collation.map(str::to_ascii_lowercase) else { return Ok(by_default.map(str::to_owned)) };
    let charset = charset.and_then(TextCharset::named);
    match charset.filter(|charset| !charset.has_collation(&collation)) {
        Some(charset) => Err(collation_of_another(&collation, charset.name())),
        None => Ok(Some(whole_name(&collation, charset.unwrap_or_default()))),
    }
}

/// The name of a collation as all servers read it: with its character set, which is the given one where MariaDB's newer names leave it out, and with
/// utf8mb3 for utf8, which is another set at some servers.
pub(crate) fn whole_name(collation: &str, charset: TextCharset) -> String {
    let name = collation.to_ascii_lowercase();
    match (TextCharset::of_collation(&name), name.strip_prefix("utf8_")) {
        (_, Some(rest)) => format!("utf8mb3_{rest}"),
        (None, None) => format!("{}_{name}", charset.name()),
        (Some(_), None) => name,
    }
}

/// A definition as replicas read it: character sets and collations have the name utf8mb3, where it says utf8, and no key has the words USING HASH,
/// because MariaDB finds no row by a unique key of hashes.
pub(crate) fn for_replicas(definition: &str) -> String {
    let (mut out, mut before) = (String::with_capacity(definition.len()), Vec::new());
    for (piece, bytes) in Lexer::new(definition.as_bytes()) {
        let text = String::from_utf8_lossy(bytes);
        if matches!(piece, Piece::Space | Piece::Symbol(b'=')) {
            out.push_str(&text);
            continue;
        }
        let is_behind = |words: &[&str]| before.ends_with(words);
        let names_set = is_behind(&["CHARSET"])
            || is_behind(&["CHARACTER", "SET"])
            || is_behind(&["CHAR", "SET"])
            || is_behind(&["USING"]);
        let name = text.trim_matches(['`', '\'', '"']);
        let has_utf8 = name.get(..5).is_some_and(|front| front.eq_ignore_ascii_case("utf8_"));
        let at = if names_set && name.eq_ignore_ascii_case("utf8") || is_behind(&["COLLATE"]) && has_utf8 {
            text.find(name).map(|at| at + 4)
        } else if piece == Piece::Word && text.eq_ignore_ascii_case("_utf8") {
            Some(5)
        } else {
            None
        };
        let (front, rest) = text.split_at_checked(at.unwrap_or(0)).unwrap_or(("", &text));
        if is_behind(&["USING"]) && text.eq_ignore_ascii_case("HASH") {
            out.truncate(out.trim_end().len() - "USING".len());
        } else {
            out.push_str(front);
            out.push_str(if at.is_some() { "mb3" } else { "" });
            out.push_str(rest);
        }
        before.push(if piece == Piece::Word { known(&text) } else { "" });
    }
    out
}

/// The word in capitals, where a name of a character set or of a collation may follow.
fn known(word: &str) -> &'static str {
    const WORDS: [&str; 6] = ["CHAR", "CHARACTER", "CHARSET", "COLLATE", "SET", "USING"];
    WORDS.into_iter().find(|own| own.eq_ignore_ascii_case(word)).unwrap_or_default()
}

/// Endings of collations of utf8mb3 and utf8mb4 that both have.
const SHARED: &[&str] = &[
    "bin",
    "croatian_ci",
    "czech_ci",
    "danish_ci",
    "esperanto_ci",
    "estonian_ci",
    "general_ci",
    "german2_ci",
    "hungarian_ci",
    "icelandic_ci",
    "latvian_ci",
    "lithuanian_ci",
    "persian_ci",
    "polish_ci",
    "roman_ci",
    "romanian_ci",
    "sinhala_ci",
    "slovak_ci",
    "slovenian_ci",
    "spanish2_ci",
    "spanish_ci",
    "swedish_ci",
    "turkish_ci",
    "unicode_520_ci",
    "unicode_ci",
    "vietnamese_ci",
];
/// Those that MariaDB 10.11 has besides. Source: its `SHOW COLLATION`.
const OF_MARIADB: &[&str] = &[
    "croatian_mysql561_ci",
    "general_nopad_ci",
    "myanmar_ci",
    "nopad_bin",
    "thai_520_w2",
    "unicode_520_nopad_ci",
    "unicode_nopad_ci",
];
/// Languages of MariaDB's `uca1400`.
const OF_UCA1400: &[&str] = &[
    "croatian",
    "czech",
    "danish",
    "esperanto",
    "estonian",
    "german2",
    "hungarian",
    "icelandic",
    "latvian",
    "lithuanian",
    "persian",
    "polish",
    "roman",
    "romanian",
    "sinhala",
    "slovak",
    "slovenian",
    "spanish",
    "spanish2",
    "swedish",
    "turkish",
    "vietnamese",
];
/// Languages of MySQL's `0900`. Source: MySQL Reference Manual, "Unicode Character Sets".
const OF_0900: &[&str] = &[
    "bg", "bs", "cs", "da", "de_pb", "eo", "es", "es_trad", "et", "gl", "hr", "hu", "is", "la", "lt", "lv", "mn_cyrl",
    "nb", "nn", "pl", "ro", "ru", "sk", "sl", "sr_latn", "sv", "tr", "vi",
];
const OF_LATIN1: &[&str] =
    &["bin", "danish_ci", "general_ci", "general_cs", "german1_ci", "german2_ci", "spanish_ci", "swedish_ci"];

/// Whether MariaDB has a collation of this name.
pub(crate) fn is_mariadbs(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let (set, rest) = lower.split_once('_').unwrap_or((&lower, ""));
    match set {
        "binary" => rest.is_empty(),
        "uca1400" => is_uca1400(rest),
        "latin1" => OF_LATIN1.contains(&rest) || matches!(rest, "nopad_bin" | "swedish_nopad_ci"),
        "ascii" => matches!(rest, "bin" | "general_ci" | "general_nopad_ci" | "nopad_bin"),
        "utf8" | "utf8mb3" | "utf8mb4" => {
            let is_old = rest == "general_mysql500_ci" && set != "utf8mb4";
            let is_uca1400 = rest.strip_prefix("uca1400_").is_some_and(is_uca1400);
            SHARED.contains(&rest) || OF_MARIADB.contains(&rest) || is_old || is_uca1400
        }
        _ => false,
    }
}

/// Whether MySQL has a collation of this name.
pub(crate) fn is_mysqls(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let (set, rest) = lower.split_once('_').unwrap_or((&lower, ""));
    match set {
        "binary" => rest.is_empty(),
        "latin1" => OF_LATIN1.contains(&rest),
        "ascii" => matches!(rest, "bin" | "general_ci"),
        "utf8" | "utf8mb3" => SHARED.contains(&rest) || rest == "general_mysql500_ci",
        "utf8mb4" => SHARED.contains(&rest) || is_0900(rest),
        _ => false,
    }
}

/// The part behind `uca1400_`: a language, NO PAD, accents and case.
fn is_uca1400(rest: &str) -> bool {
    let Some(rest) = ["ai_ci", "ai_cs", "as_ci", "as_cs"].iter().find_map(|end| rest.strip_suffix(end)) else {
        return false;
    };
    let rest = rest.strip_suffix("nopad_").unwrap_or(rest);
    rest.is_empty() || rest.strip_suffix('_').is_some_and(|language| OF_UCA1400.contains(&language))
}

fn is_0900(rest: &str) -> bool {
    if matches!(
        rest,
        "0900_ai_ci"
            | "0900_as_ci"
            | "0900_as_cs"
            | "0900_bin"
            | "ja_0900_as_cs"
            | "ja_0900_as_cs_ks"
            | "zh_0900_as_cs"
    ) {
        return true;
    }
    let language = rest.strip_suffix("_0900_ai_ci").or_else(|| rest.strip_suffix("_0900_as_cs"));
    language.is_some_and(|language| OF_0900.contains(&language))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mysql_and_mariadb_have_their_own() {
        for (name, of_mysql, of_mariadb) in [
            ("utf8mb4_general_ci", true, true),
            ("UTF8MB3_BIN", true, true),
            ("binary", true, true),
            ("utf8mb4_0900_ai_ci", true, false),
            ("utf8mb4_sr_latn_0900_as_cs", true, false),
            ("uca1400_ai_ci", false, true),
            ("utf8mb4_uca1400_swedish_nopad_as_cs", false, true),
            ("utf8mb4_thai_520_w2", false, true),
            ("latin1_swedish_nopad_ci", false, true),
            ("utf8mb4_general_bin", false, false),
            ("utf8mb4_uca1400__ai_ci", false, false),
            ("latin1_unicode_ci", false, false),
            ("binary_ci", false, false),
        ] {
            assert_eq!((is_mysqls(name), is_mariadbs(name)), (of_mysql, of_mariadb), "{name}");
        }
    }

    #[test]
    fn a_definition_names_utf8mb3_and_no_hashes() {
        for (definition, expected) in [
            (
                "CREATE TABLE utf8 (charset INT, v TEXT CHARACTER SET UTF8)",
                "CREATE TABLE utf8 (charset INT, v TEXT CHARACTER SET UTF8mb3)",
            ),
            ("x CHARSET=utf8, y CHAR SET = 'utf8'", "x CHARSET=utf8mb3, y CHAR SET = 'utf8mb3'"),
            ("COLLATE utf8_bin COLLATE=`utf8_czech_ci`", "COLLATE utf8mb3_bin COLLATE=`utf8mb3_czech_ci`"),
            ("UNIQUE k USING HASH (k), KEY (v) using hash;", "UNIQUE k  (k), KEY (v) ;"),
            ("CONVERT(v USING utf8) <> _utf8'utf8_bin'", "CONVERT(v USING utf8mb3) <> _utf8mb3'utf8_bin'"),
            (
                "CHARSET utf8mb4 COLLATE utf8mb4_bin COMMENT 'CHARSET utf8 ä'",
                "CHARSET utf8mb4 COLLATE utf8mb4_bin COMMENT 'CHARSET utf8 ä'",
            ),
        ] {
            assert_eq!(for_replicas(definition), expected);
        }
    }

    #[test]
    fn a_collation_is_chosen_by_itself_or_by_its_character_set() {
        for (charset, collation, expected) in [
            (None, None, None),
            (Some("utf8"), None, Some("utf8mb3_general_ci")),
            (Some("binary"), None, Some("binary")),
            (None, Some("LATIN1_bin"), Some("latin1_bin")),
            (Some("latin1"), Some("latin1_bin"), Some("latin1_bin")),
            (None, Some("uca1400_as_cs"), Some("utf8mb4_uca1400_as_cs")),
            (Some("utf8mb3"), Some("uca1400_as_cs"), Some("utf8mb3_uca1400_as_cs")),
            (None, Some("utf8_BIN"), Some("utf8mb3_bin")),
            (Some("utf8"), Some("utf8_general_ci"), Some("utf8mb3_general_ci")),
        ] {
            assert_eq!(chosen(charset, collation).unwrap().as_deref(), expected, "{charset:?} {collation:?}");
        }
        for (charset, collation) in
            [("latin1", "utf8mb4_bin"), ("latin1", "uca1400_ai_ci"), ("binary", "uca1400_as_cs")]
        {
            assert_eq!(chosen(Some(charset), Some(collation)).unwrap_err().code, 1253, "{charset} {collation}");
        }
        assert_eq!(chosen(Some("gbk"), None).unwrap_err().code, 1115);
    }
}
