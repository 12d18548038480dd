//! The collations of the implemented character sets, which differ between MySQL and MariaDB.

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
}
