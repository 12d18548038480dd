//! LIKE, for the engine and for SHOW. SQLite's own LIKE may take as long as text times pattern, and can't be interrupted by KILL meanwhile.

/// The number of steps after which matching checks whether it must stop.
const STEPS: usize = 1 << 16;

/// The part of a pattern between two `%`.
enum Part {
    /// Characters only, so it is searched in linear time.
    Literal(String),
    /// Characters, and `None` for any one.
    Mixed(Vec<Option<char>>),
}

/// A pattern of LIKE: `%` stands for any run of characters, `_` for any one character. Letter case does not count.
pub(crate) struct Pattern(Vec<Part>);

/// Matches as [`like`] does, with a backslash as the escape, and without being stopped.
pub(crate) fn is_like(text: &str, pattern: &str) -> bool {
    Pattern::new(pattern, Some('\\')).matches(text)
}

/// Whether a text matches a [`Pattern`]. `None` where the matching was stopped.
pub(crate) fn like(text: &str, pattern: &str, escape: Option<char>, is_stopped: impl Fn() -> bool) -> Option<bool> {
    Pattern::new(pattern, escape).find(text, is_stopped)
}

impl Pattern {
    /// `escape` takes the next character of the pattern literally.
    pub(crate) fn new(pattern: &str, escape: Option<char>) -> Self {
        Self(parts(pattern, escape))
    }

    /// Whether a text matches, without being stopped.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.find(text, || false).unwrap_or(false)
    }

    fn find(&self, text: &str, is_stopped: impl Fn() -> bool) -> Option<bool> {
        let text: String = text.chars().map(fold).collect();
        let (Some((first, rest)), mut left) = (self.0.split_first(), text.as_str()) else {
            return Some(text.is_empty());
        };
        match first.at_front(left) {
            // Without a `%` the pattern has a single part, which must match the whole text.
            Some(length) if rest.is_empty() => return Some(length == left.len()),
            Some(length) => left = left.get(length..).unwrap_or_default(),
            None => return Some(false),
        }
        let Some((last, middle)) = rest.split_last() else { return Some(false) };
        // Matching each part as far left as possible leaves the most text for the parts after it.
        for part in middle {
            match part.find(left, &is_stopped)? {
                Some(end) => left = left.get(end..).unwrap_or_default(),
                None => return Some(false),
            }
        }
        Some(last.at_back(left))
    }
}

/// The parts of a pattern, separated by one or several `%`.
fn parts(pattern: &str, escape: Option<char>) -> Vec<Part> {
    let mut parts: Vec<Vec<Option<char>>> = vec![Vec::new()];
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let piece = match character {
            _ if Some(character) == escape => Some(fold(characters.next().unwrap_or(character))),
            '%' => {
                // Of several `%` one is enough.
                if parts.len() == 1 || parts.last().is_some_and(|last| !last.is_empty()) {
                    parts.push(Vec::new());
                }
                continue;
            }
            '_' => None,
            _ => Some(fold(character)),
        };
        if let Some(part) = parts.last_mut() {
            part.push(piece);
        }
    }
    let part = |pieces: Vec<Option<char>>| match pieces.iter().copied().collect::<Option<String>>() {
        Some(literal) => Part::Literal(literal),
        None => Part::Mixed(pieces),
    };
    parts.into_iter().map(part).collect()
}

impl Part {
    /// The length of the text's prefix that the part matches.
    fn at_front(&self, text: &str) -> Option<usize> {
        match self {
            Self::Literal(literal) => text.starts_with(literal.as_str()).then_some(literal.len()),
            Self::Mixed(pieces) => {
                let mut rest = text.chars();
                let fits =
                    |piece: &Option<char>| rest.next().is_some_and(|found| piece.is_none_or(|wanted| wanted == found));
                pieces.iter().all(fits).then(|| text.len() - rest.as_str().len())
            }
        }
    }

    /// Whether the part matches a suffix of the text.
    fn at_back(&self, text: &str) -> bool {
        match self {
            Self::Literal(literal) => text.ends_with(literal.as_str()),
            Self::Mixed(pieces) => {
                let mut rest = text.chars().rev();
                pieces
                    .iter()
                    .rev()
                    .all(|piece| rest.next().is_some_and(|found| piece.is_none_or(|wanted| wanted == found)))
            }
        }
    }

    /// The end of the leftmost match; the outer `None` where the search was stopped.
    #[expect(clippy::option_option, reason = "stopped and not found are two answers")]
    fn find(&self, text: &str, is_stopped: &impl Fn() -> bool) -> Option<Option<usize>> {
        if let Self::Literal(literal) = self {
            let found = find(text.as_bytes(), literal.as_bytes(), is_stopped)?;
            return Some(found.map(|at| at + literal.len()));
        }
        let Self::Mixed(pieces) = self else { return Some(None) };
        let mut steps = 0usize;
        for (at, _) in text.char_indices() {
            steps += pieces.len();
            if steps >= STEPS {
                steps = 0;
                if is_stopped() {
                    return None;
                }
            }
            if let Some(length) = self.at_front(text.get(at..).unwrap_or_default()) {
                return Some(Some(at + length));
            }
        }
        Some(None)
    }
}

/// The offset of the first `part` in some bytes, found in linear time; the outer `None` where the search was stopped.
#[expect(clippy::option_option, reason = "stopped and not found are two answers")]
pub(crate) fn find(bytes: &[u8], part: &[u8], is_stopped: impl Fn() -> bool) -> Option<Option<usize>> {
    let finder = memchr::memmem::Finder::new(part);
    // A window contains every occurrence of `part` that begins in its step.
    let step = part.len().max(STEPS);
    let mut at = 0usize;
    loop {
        let end = at.saturating_add(step).saturating_add(part.len()).min(bytes.len());
        if let Some(found) = finder.find(bytes.get(at..end).unwrap_or_default()) {
            return Some(Some(at + found));
        }
        if end >= bytes.len() {
            return Some(None);
        }
        if is_stopped() {
            return None;
        }
        at += step;
    }
}

/// The lower case of a letter, if that is one character.
fn fold(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    let mut lower = character.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => character,
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
            ("mississippi", "m%i_s%p_i", true),
            ("aXbXc", "%_b_%", true),
            ("ab", "%b_%", false),
            ("ab", "a%%b", true),
            ("ab", "ab%b", false),
            ("😀x", "_x", true),
            ("Ssl_cipher", "ssl%", true),
            ("SslXcipher", "Ssl\\_cipher", false),
            ("abc", "", false),
            ("aaaaaaaaaaaaaaaaaaaaaaaa", "%a%a%a%a%a%a%b", false),
        ] {
            assert_eq!(matches(text, pattern), expected, "{text} LIKE {pattern}");
        }
        assert_eq!(like("a%", "a|%", Some('|'), || false), Some(true));
        assert_eq!(like("a\\b", "a\\b", None, || false), Some(true));
    }

    #[test]
    fn a_long_match_stops_when_it_is_told_to() {
        let text = "a".repeat(1 << 20);
        let mixed = format!("%{}_b%", "a".repeat(1 << 19));
        assert_eq!(like(&text, &mixed, None, || true), None);
        let literal = format!("%{}b%", "a".repeat(1 << 18));
        assert_eq!(like(&text, &literal, None, || true), None);
        // Such a match is quick, too.
        assert_eq!(like(&text, &literal, None, || false), Some(false));
    }

    #[test]
    fn a_part_is_found_wherever_it_is() {
        let mut bytes = vec![b'a'; 5 * STEPS / 2];
        for part in [&b"b"[..], b"ab", b"bb"] {
            assert_eq!(find(&bytes, part, || false), Some(None));
            for at in [0, STEPS - 2, STEPS - 1, STEPS, STEPS + 1, 2 * STEPS - 1, 5 * STEPS / 2 - part.len()] {
                bytes[at..at + part.len()].copy_from_slice(part);
                assert_eq!(find(&bytes, part, || false), Some(memchr::memmem::find(&bytes, part)), "{at}");
                bytes[at..at + part.len()].fill(b'a');
            }
        }
        assert_eq!(find(b"", b"", || false), Some(Some(0)));
        assert_eq!(find(b"a", b"ab", || false), Some(None));
        assert_eq!(find(&bytes, b"b", || true), None);
    }
}
