//! `sql_mode`: the names and numbers of the modes. [`Mode`] has their effects on reading SQL.
//!
//! Source: MySQL Reference Manual, "Server SQL Modes"; the numbers are those of `sql/system_variables.h`.

use sealwire_core::error::SqlError;
pub(crate) use sealwire_core::sql::Mode;

use super::Datum;

/// The modes of MySQL 8.0 by their bits. `NO_AUTO_CREATE_USER` is a mode of MySQL 5.7 that dumps still name; it has no effect, because
/// GRANT creates no user here.
const MODES: &[(&str, u32)] = &[
    ("REAL_AS_FLOAT", 0),
    ("PIPES_AS_CONCAT", 1),
    ("ANSI_QUOTES", 2),
    ("IGNORE_SPACE", 3),
    ("ONLY_FULL_GROUP_BY", 5),
    ("NO_UNSIGNED_SUBTRACTION", 6),
    ("NO_DIR_IN_CREATE", 7),
    ("ANSI", 18),
    ("NO_AUTO_VALUE_ON_ZERO", 19),
    ("NO_BACKSLASH_ESCAPES", 20),
    ("STRICT_TRANS_TABLES", 21),
    ("STRICT_ALL_TABLES", 22),
    ("NO_ZERO_IN_DATE", 23),
    ("NO_ZERO_DATE", 24),
    ("ALLOW_INVALID_DATES", 25),
    ("ERROR_FOR_DIVISION_BY_ZERO", 26),
    ("TRADITIONAL", 27),
    ("NO_AUTO_CREATE_USER", 28),
    ("HIGH_NOT_PRECEDENCE", 29),
    ("NO_ENGINE_SUBSTITUTION", 30),
    ("PAD_CHAR_TO_FULL_LENGTH", 31),
    ("TIME_TRUNCATE_FRACTIONAL", 32),
];

/// The modes that two combined modes stand for, besides themselves.
const COMBINATIONS: &[(&str, &[&str])] = &[
    ("ANSI", &["REAL_AS_FLOAT", "PIPES_AS_CONCAT", "ANSI_QUOTES", "IGNORE_SPACE", "ONLY_FULL_GROUP_BY"]),
    (
        "TRADITIONAL",
        &[
            "STRICT_TRANS_TABLES",
            "STRICT_ALL_TABLES",
            "NO_ZERO_IN_DATE",
            "NO_ZERO_DATE",
            "ERROR_FOR_DIVISION_BY_ZERO",
            "NO_ENGINE_SUBSTITUTION",
        ],
    ),
];

/// This mode gives the same text another meaning, which the parser does not support.
const REFUSED: &str = "HIGH_NOT_PRECEDENCE";

/// The modes of a value, in the form that SHOW VARIABLES prints.
///
/// # Errors
/// 1231 where a name or a bit is no mode, 1235 where the mode would change the meaning of SQL and is not supported.
pub(crate) fn canonical(value: &Datum) -> Result<String, SqlError> {
    let wrong = |what: &str| {
        SqlError::new(1231, b"42000", format!("Variable 'sql_mode' can't be set to the value of '{what}'"))
    };
    let mut bits = match value {
        Datum::Null => return Err(wrong("NULL")),
        Datum::Int(number) => u64::try_from(*number).map_err(|_| wrong(&number.to_string()))?,
        Datum::UInt(number) => *number,
        other => {
            let mut bits = 0;
            for name in other.to_text().split(',').map(str::trim).filter(|name| !name.is_empty()) {
                bits |= bit(name).ok_or_else(|| wrong(name))?;
            }
            bits
        }
    };
    let known = MODES.iter().fold(0, |known, (_, bit)| known | 1 << bit);
    if bits & !known != 0 {
        return Err(wrong(&value.to_text()));
    }
    for (name, parts) in COMBINATIONS {
        if bit(name).is_some_and(|combination| bits & combination != 0) {
            bits |= parts.iter().filter_map(|part| bit(part)).fold(0, |all, part| all | part);
        }
    }
    if bit(REFUSED).is_some_and(|refused| bits & refused != 0) {
        let message = format!("This version of Sealwire doesn't yet support 'SET sql_mode = {REFUSED}'");
        return Err(SqlError::new(1235, b"42000", message));
    }
    let names: Vec<&str> = MODES.iter().filter(|(_, bit)| bits & 1 << bit != 0).map(|(name, _)| *name).collect();
    Ok(names.join(","))
}

fn bit(name: &str) -> Option<u64> {
    MODES.iter().find(|(mode, _)| mode.eq_ignore_ascii_case(name)).map(|(_, bit)| 1 << bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<String, u16> {
        canonical(&Datum::Text(text.into())).map_err(|error| error.code)
    }

    #[test]
    fn modes_are_put_in_order_and_unknown_ones_are_refused() {
        assert_eq!(of(""), Ok(String::new()));
        assert_eq!(
            of("no_zero_date, STRICT_TRANS_TABLES,,NO_ZERO_DATE"),
            Ok("STRICT_TRANS_TABLES,NO_ZERO_DATE".into())
        );
        assert_eq!(
            of("ansi").unwrap(),
            "REAL_AS_FLOAT,PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ONLY_FULL_GROUP_BY,ANSI"
        );
        assert!(of("TRADITIONAL").unwrap().starts_with("STRICT_TRANS_TABLES,STRICT_ALL_TABLES,"));
        for wrong in ["NO_SUCH_MODE", "ANSI QUOTES", "MYSQL40", "ANSI_QUOTES,x"] {
            assert_eq!(of(wrong), Err(1231), "{wrong}");
        }
        assert_eq!(of("HIGH_NOT_PRECEDENCE"), Err(1235));
    }

    #[test]
    fn numbers_are_sets_of_bits() {
        let number = |number| canonical(&Datum::Int(number)).map_err(|error| error.code);
        assert_eq!(number(0), Ok(String::new()));
        assert_eq!(number(4 + (1 << 20)), Ok("ANSI_QUOTES,NO_BACKSLASH_ESCAPES".into()));
        assert_eq!(number(-1), Err(1231));
        assert_eq!(number(16), Err(1231));
        assert_eq!(canonical(&Datum::Null).unwrap_err().code, 1231);
    }

    #[test]
    fn the_modes_that_change_how_sql_is_read_are_found() {
        assert_eq!(Mode::of(""), Mode::default());
        let all = Mode { no_backslash_escapes: true, ansi_quotes: true, pipes_as_concat: true };
        assert_eq!(Mode::of(&of("ANSI,NO_BACKSLASH_ESCAPES").unwrap()), all);
    }
}
