//! The names of character sets and collations by number, as `mariadb-binlog` prints them.

/// Each line is a number and a collation's name, which begins with its character set's.
const COLLATIONS: &str = include_str!("collations.txt");

/// The name of a collation; `None` for a number of no server.
pub(super) fn collation(number: u32) -> Option<&'static str> {
    COLLATIONS.lines().find_map(|line| {
        let (known, name) = line.split_once(' ')?;
        (known.parse() == Ok(number)).then_some(name)
    })
}

/// The name of a collation's character set.
pub(super) fn charset(number: u32) -> Option<&'static str> {
    collation(number)?.split('_').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collations_are_found_by_number() {
        assert_eq!((collation(33), charset(33)), (Some("utf8mb3_general_ci"), Some("utf8mb3")));
        assert_eq!((collation(63), charset(63)), (Some("binary"), Some("binary")));
        assert_eq!((collation(0), charset(1)), (None, Some("big5")));
        assert!(
            COLLATIONS
                .lines()
                .all(|line| line.split_once(' ').is_some_and(|(number, _)| number.parse::<u32>().is_ok()))
        );
    }
}
