//! LIKE, in place of SQLite's own, which takes as long as text times pattern and hears of no KILL meanwhile.

/// Steps after which the matching asks whether it is to stop.
const STEPS: usize = 1 << 16;

/// Whether a text matches a pattern, letters in either case: `%` is any run, `_` any one character, and `escape` takes the next
/// character of the pattern as it is. `None` where it was stopped.
pub(super) fn like(text: &str, pattern: &str, escape: Option<char>, is_stopped: impl Fn() -> bool) -> Option<bool> {
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    // Behind the last `%`: the pattern from there on, and the text at which it is tried next.
    let mut retry = None;
    let mut steps = 0usize;
    loop {
        steps += 1;
        if steps.is_multiple_of(STEPS) && is_stopped() {
            return None;
        }
        let mut ahead = pattern.clone();
        let wanted = ahead.next();
        if wanted == Some('%') && escape != Some('%') {
            pattern = ahead;
            if pattern.as_str().is_empty() {
                return Some(true);
            }
            retry = Some((text.clone(), pattern.clone()));
            continue;
        }
        let mut rest = text.clone();
        let found = rest.next();
        let is_match = match (wanted, found) {
            (None, None) => return Some(true),
            (Some(wanted), Some(found)) if Some(wanted) == escape => {
                ahead.next().is_some_and(|literal| is_same(literal, found))
            }
            (Some('_'), Some(_)) => true,
            (Some(wanted), Some(found)) => is_same(wanted, found),
            _ => false,
        };
        if is_match {
            (text, pattern) = (rest, ahead);
            continue;
        }
        let Some((start, after)) = &mut retry else { return Some(false) };
        if start.next().is_none() {
            return Some(false);
        }
        (text, pattern) = (start.clone(), after.clone());
    }
}

/// Whether two characters are one letter in either case.
fn is_same(one: char, other: char) -> bool {
    one == other || (one.is_ascii() && one.eq_ignore_ascii_case(&other)) || {
        !one.is_ascii() && !other.is_ascii() && one.to_lowercase().eq(other.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(text: &str, pattern: &str) -> bool {
        like(text, pattern, Some('\\'), || false).unwrap()
    }

    #[test]
    fn patterns_match_as_in_mysql() {
        for (text, pattern, expected) in [
            ("abc", "abc", true),
            ("ABC", "abc", true),
            ("ÄÖ", "äö", true),
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "%b%", true),
            ("abc", "a_c", true),
            ("abc", "a_", false),
            ("", "", true),
            ("", "%", true),
            ("", "_", false),
            ("a%c", "a\\%c", true),
            ("abc", "a\\%c", false),
            ("a_c", "a\\_c", true),
            ("a\\c", "a\\\\c", true),
            ("abab", "%ab", true),
            ("aab", "%ab", true),
            ("mississippi", "m%iss%ppi", true),
            ("mississippi", "m%iss%ppx", false),
            ("😀x", "_x", true),
        ] {
            assert_eq!(matches(text, pattern), expected, "{text} LIKE {pattern}");
        }
        assert_eq!(like("a%", "a|%", Some('|'), || false), Some(true));
        assert_eq!(like("a\\b", "a\\b", None, || false), Some(true));
    }

    #[test]
    fn a_long_match_stops_when_it_is_told_to() {
        let text = "a".repeat(1 << 20);
        let pattern = format!("%{}b", "a".repeat(1 << 19));
        assert_eq!(like(&text, &pattern, None, || true), None);
    }
}
