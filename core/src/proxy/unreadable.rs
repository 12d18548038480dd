//! Logins that a server gives up before it asks for a password, because it can't read them. A server counts each as an error of the proxy's
//! host, and refuses the host after `max_connect_errors` of them. So the proxy refuses such a login itself.
//!
//! Source: `parse_client_handshake_packet` in the servers of MariaDB and MySQL.

use alloc::format;

use crate::message::SqlError;

/// MariaDB's collations that do not pad have the number of the one that pads and this.
const NO_PAD: u16 = 1024;

/// Returns the error with which a server refuses a login, if it can't read it: the server's own, or one that says how to log in.
pub(super) fn refusal(collation: u16, database: Option<&[u8]>) -> Option<SqlError> {
    let padded = if (NO_PAD..2 * NO_PAD).contains(&collation) { collation - NO_PAD } else { collation };
    if let Some(set) = unfit(padded) {
        let text = format!("Variable 'character_set_client' can't be set to the value of '{set}'");
        return Some(SqlError::new(1231, b"42000", text));
    }
    let database = database.filter(|name| !is_text(name, padded))?;
    let text = format!(
        "Invalid character string: '{}', the name of the database; log in without it or with utf8mb4",
        database.escape_ascii()
    );
    Some(SqlError::new(1300, b"HY000", text))
}

/// The number in a login, which has one byte for it, of a collation of the same character set.
///
/// # Errors
/// 1115 where there is none.
pub(super) fn of_login(collation: u16) -> Result<u8, SqlError> {
    let number = match collation {
        // Further collations of utf8mb4 and utf8mb3 in MySQL and MariaDB.
        256..=323 | 2304..=2559 => 45,
        2048..=2303 => 33,
        NO_PAD..=1279 => collation - NO_PAD,
        other => other,
    };
    let unknown = |_| SqlError::new(1115, b"42000", format!("Unknown character set: '{collation}'"));
    u8::try_from(number).map_err(unknown)
}

/// The name of the collation's character set, if it is one that clients can't have, because it does not contain ASCII.
const fn unfit(collation: u16) -> Option<&'static str> {
    Some(match collation {
        17 => "filename",
        35 | 90 | 128..=151 | 159 | 2560..=2815 => "ucs2",
        54 | 55 | 101..=124 | 2816..=3071 => "utf16",
        56 | 62 => "utf16le",
        60 | 61 | 160..=183 | 3072..=3327 => "utf32",
        _ => return None,
    })
}

/// Whether all servers can convert the name to utf8mb3. It may be of any bytes in latin1, and of ASCII in the sets that have gaps.
fn is_text(name: &[u8], collation: u16) -> bool {
    let is_utf8mb3 = || core::str::from_utf8(name).is_ok_and(|name| name.chars().all(|letter| letter < '\u{10000}'));
    match collation {
        5 | 8 | 15 | 31 | 47..=49 | 94 => true,
        // utf8mb3, utf8mb4, and numbers that only some servers know; others take their default set for them.
        0 | 33 | 45 | 46 | 76 | 83 | 192..=247 | 251.. => is_utf8mb3(),
        _ => name.is_ascii(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collation_beyond_a_byte_has_one_of_its_set_in_a_login() {
        for (collation, number) in [(8, 8), (255, 255), (305, 45), (2304, 45), (2048, 33), (1069, 45), (1032, 8)] {
            assert_eq!(of_login(collation), Ok(number), "{collation}");
        }
        for collation in [324, 1023, 1280, 4000, 65535] {
            assert_eq!(of_login(collation).unwrap_err().code, 1115, "{collation}");
        }
    }

    #[test]
    fn sets_that_do_not_contain_ascii_are_refused() {
        for collation in [17, 35, 54, 56, 60, 61, 62, 90, 101, 124, 128, 151, 159, 183, 1059, 1114, 2560, 3327] {
            assert_eq!(refusal(collation, None).unwrap().code, 1231, "{collation}");
        }
        for collation in [0, 1, 8, 10, 11, 33, 45, 63, 83, 95, 125, 192, 224, 247, 248, 255, 1032, 2304, 3328, 65535] {
            assert_eq!(refusal(collation, Some(b"d")), None, "{collation}");
        }
    }

    #[test]
    fn a_database_that_is_no_text_is_refused() {
        for (collation, name) in [
            (45, &b"\xff\xfe"[..]),
            (255, b"\xff"),
            (45, "😀".as_bytes()),
            (11, b"\xc3\xbc"),
            (28, "ü".as_bytes()),
            (51, b"\x98"),
            (63, b"\xff"),
        ] {
            let error = refusal(collation, Some(name)).unwrap();
            assert_eq!(error.code, 1300, "{collation} {name:?}");
            assert!(error.message.is_ascii(), "{error}");
        }
        for (collation, name) in
            [(45, "müller".as_bytes()), (255, "日本".as_bytes()), (8, b"m\xfcller"), (8, b"\x81"), (28, b"d")]
        {
            assert_eq!(refusal(collation, Some(name)), None, "{collation} {name:?}");
        }
    }
}
