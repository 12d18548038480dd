//! Finds KILL with a connection id in a client's command: the id is that of the proxy's greeting, which no server knows.

use core::ops::Range;

use crate::message::{Capabilities, Command};
use crate::sql::{Lexer, Piece};

/// A client's request to end another connection or its statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// The id that the client gives.
    pub connection_id: u32,
    /// Whether only the statement is to end (KILL QUERY).
    pub is_query: bool,
}

/// The largest COM_QUERY that is looked at.
const MOST: usize = 1024;

const QUERY: u8 = 0x03;
const PROCESS_KILL: u8 = 0x0c;

/// Whether a command of this length, which begins with these bytes, may be a KILL; `None` if more bytes must come to tell.
pub(super) fn may_be(head: &[u8], length: usize, capabilities: Capabilities) -> Option<bool> {
    let (first, rest) = head.split_first()?;
    match *first {
        PROCESS_KILL => Some(true),
        QUERY if length > MOST => Some(false),
        // Attributes come before the text.
        QUERY if capabilities.contains(Capabilities::QUERY_ATTRIBUTES) => Some(true),
        QUERY => match rest.iter().find(|byte| !byte.is_ascii_whitespace()) {
            // A comment may come before the word.
            Some(byte) => Some(matches!(byte, b'k' | b'K' | b'/' | b'-' | b'#')),
            None if head.len() < length => None,
            None => Some(false),
        },
        _ => Some(false),
    }
}

/// The KILL in a complete command, and the place of its id's digits, which is empty in COM_PROCESS_KILL.
pub(super) fn find(payload: &[u8], capabilities: Capabilities) -> Option<(Kill, Range<usize>)> {
    let query = match Command::decode(payload, capabilities).ok()? {
        Command::ProcessKill(connection_id) => return Some((Kill { connection_id, is_query: false }, 0..0)),
        Command::Query(query) => query,
        _ => return None,
    };
    let (mut lexer, mut at) = (Lexer::new(query.sql), 0);
    let mut words = core::iter::from_fn(|| {
        loop {
            let (piece, text) = lexer.next()?;
            let place = at..at + text.len();
            at = place.end;
            if !piece.is_blank() {
                return Some((piece, text, place));
            }
        }
    });
    let is = |text: &[u8], word: &str| text.eq_ignore_ascii_case(word.as_bytes());
    let (_, kill, _) = words.next()?;
    if !is(kill, "KILL") {
        return None;
    }
    let (mut piece, mut text, mut place) = words.next()?;
    let mut is_query = false;
    // MariaDB's HARD and SOFT come before the kind.
    for kinds in [&["HARD", "SOFT"][..], &["CONNECTION", "QUERY"]] {
        if kinds.iter().any(|kind| is(text, kind)) {
            is_query |= is(text, "QUERY");
            (piece, text, place) = words.next()?;
        }
    }
    let rest_is_empty = words.all(|(piece, ..)| piece == Piece::Symbol(b';'));
    if piece != Piece::Word || !rest_is_empty || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let connection_id = core::str::from_utf8(text).ok()?.parse().ok()?;
    let before = payload.len() - query.sql.len();
    Some((Kill { connection_id, is_query }, before + place.start..before + place.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str) -> Option<(u32, bool, &str)> {
        let payload = [b"\x03", sql.as_bytes()].concat();
        assert_ne!(may_be(&payload, payload.len(), Capabilities::NONE), None);
        let (kill, digits) = find(&payload, Capabilities::NONE)?;
        assert_eq!(may_be(&payload, payload.len(), Capabilities::NONE), Some(true), "{sql}");
        Some((kill.connection_id, kill.is_query, sql.get(digits.start - 1..digits.end - 1).unwrap()))
    }

    #[test]
    fn a_kill_is_found_with_its_id() {
        for (sql, found) in [
            ("KILL 3221225473", Some((3_221_225_473, false))),
            ("kill query 7", Some((7, true))),
            (" /* Ctrl-C */ Kill Connection 7 ;", Some((7, false))),
            ("-- cancel\nKILL SOFT QUERY 7", Some((7, true))),
            ("KILL HARD 7", Some((7, false))),
            ("KILL QUERY ID 7", None),
            ("KILL CONNECTION_ID()", None),
            ("KILL 7 + 1", None),
            ("KILL USER app", None),
            ("KILL 99999999999", None),
            ("KILL", None),
            ("SELECT 'KILL 7'", None),
            ("", None),
        ] {
            assert_eq!(of(sql).map(|(id, is_query, _)| (id, is_query)), found, "{sql}");
            if let Some((id, _, digits)) = of(sql) {
                assert_eq!(digits.parse(), Ok(id), "{sql}");
            }
        }
        let found = find(&[PROCESS_KILL, 7, 0, 0, 0xc0], Capabilities::NONE).unwrap();
        assert_eq!(found, (Kill { connection_id: 0xc000_0007, is_query: false }, 0..0));
        let payload = b"\x03\0\x01KILL QUERY 7";
        let (kill, digits) = find(payload, Capabilities::QUERY_ATTRIBUTES).unwrap();
        assert_eq!((kill.is_query, payload.get(digits)), (true, Some(&b"7"[..])));
    }

    #[test]
    fn a_command_is_held_only_while_it_may_be_one() {
        let may_be = |head: &[u8], length| may_be(head, length, Capabilities::NONE);
        assert_eq!(may_be(b"\x03", 10), None);
        assert_eq!(may_be(b"\x03  ", 10), None);
        assert_eq!(may_be(b"\x03  S", 10), Some(false));
        assert_eq!(may_be(b"\x03K", 10), Some(true));
        assert_eq!(may_be(b"\x03K", 5000), Some(false));
        assert_eq!(may_be(b"\x0e", 1), Some(false));
        assert_eq!(may_be(b"\x03", 1), Some(false));
    }
}
