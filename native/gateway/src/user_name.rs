//! The names that a server may take the user of a login for. A rule holds for a login if it holds for any of them, because otherwise another
//! spelling of a name would pass the rule of its account.

use std::ops::RangeInclusive;

/// The lengths, in characters, at which servers cut names: MySQL before 5.7.8, MySQL, MariaDB before 10.11, MariaDB.
const CUTS: [usize; 4] = [16, 32, 80, 128];

/// The bytes that the shortest buffer for a name takes, that of MySQL before 5.7.8: 16 characters of three.
const SHORTEST_BUFFER: usize = 47;

/// The collations of utf8 and utf8mb4 whose numbers are the same in MySQL and MariaDB. For others a server may take its default character set.
const UTF8: [RangeInclusive<u16>; 5] = [33..=33, 45..=46, 83..=83, 192..=215, 223..=247];

/// The collations of character sets in which letters, digits or signs of ASCII mean something else: swe7, with MariaDB's two that do not pad,
/// and filename.
const UNLIKE_ASCII: [u16; 5] = [10, 82, 1034, 1106, 17];

/// The names that a server may take this one for. `user` has U+FFFD for bytes that are no UTF-8; `charset` is a collation's number.
///
/// # Errors
/// A clause that says why nobody can tell.
pub(super) fn readings(user: &str, charset: Option<u16>) -> Result<Vec<&str>, &'static str> {
    if charset.is_some_and(|charset| UNLIKE_ASCII.contains(&charset)) {
        return Err("the user's name is in the character set swe7 or filename");
    }
    let is_utf8 = charset.is_some_and(|charset| UTF8.iter().any(|range| range.contains(&charset)));
    // A server whose names are utf8mb3 reads a longer character as a question mark.
    let is_certain =
        |letter: char| letter.is_ascii() || (is_utf8 && letter < '\u{10000}' && letter != char::REPLACEMENT_CHARACTER);
    if !user.chars().all(is_certain) {
        return Err(
            "the user's name is not ASCII, and its character set is none that all servers read alike, such as utf8mb4_general_ci",
        );
    }
    // They cut at a number of bytes before they take quotes off, so that the last byte of a long name may be no quote.
    if user.starts_with('\'') && user.len() > SHORTEST_BUFFER {
        return Err("the user's name begins with a quote and is too long");
    }
    let mut names: Vec<&str> = [user, bare(user)]
        .into_iter()
        .flat_map(|name| CUTS.map(|cut| cut_at(name, cut)).into_iter().chain([name]))
        .collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// A name without the quotes that servers take off it.
pub(super) fn bare(name: &str) -> &str {
    name.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(name)
}

/// The first characters of a name.
fn cut_at(name: &str, count: usize) -> &str {
    name.char_indices().nth(count).and_then(|(end, _)| name.get(..end)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_readings_of_all_servers() {
        for (user, charset, expected) in [
            ("adm", Some(8), vec!["adm"]),
            ("'adm'", Some(45), vec!["'adm'", "adm"]),
            ("''adm''", None, vec!["''adm''", "'adm'"]),
            ("'", Some(8), vec!["'"]),
            ("''", Some(8), vec!["", "''"]),
            ("müller", Some(45), vec!["müller"]),
            ("", Some(8), vec![""]),
            (
                "a23456789012345678901234567890123",
                Some(8),
                vec!["a234567890123456", "a2345678901234567890123456789012", "a23456789012345678901234567890123"],
            ),
        ] {
            assert_eq!(readings(user, charset), Ok(expected), "{user}");
        }
        let long = "ü".repeat(200);
        assert_eq!(readings(&long, Some(33)).unwrap().len(), 5);
    }

    #[test]
    fn names_that_servers_read_otherwise_have_none() {
        for (user, charset) in [
            ("müller", Some(8)),
            ("müller", Some(255)),
            ("müller", None),
            ("m\u{fffd}ller", Some(45)),
            ("m😀ller", Some(45)),
            ("m~ller", Some(10)),
            ("adm", Some(82)),
            ("adm", Some(17)),
            ("m~ller", Some(1034)),
            ("'a234567890123456789012345678901234567890123456789", Some(45)),
        ] {
            assert!(readings(user, charset).is_err(), "{user} {charset:?}");
        }
    }
}
