//! Fuzzes SQL's lexer: its tokens cover the whole text, it resumes at any token as if it had not stopped, and the text gives the same
//! tokens line by line.

use sealwire_core::sql::{Inside, Lexer, LexerState, Mode, Piece, text_literal, unquote};

/// The initial inputs.
pub(super) const SEEDS: &[&str] = &[
    "SELECT 'it''s', \"a\\\"b\", `c``d`, @@session.x, x'0f' -- to the end\n, 1 # too\n;",
    "/*!50000 SELECT 1 */ /*!99999 2 */ /*M!100100 3 */ /*+ 'hint */ /* ; */",
    "/*M!999999\\- enable the sandbox mode */",
    "SELECT 'two\nlines', `two\nlines`, /* two\nlines */ /*+ two\nlines */ 5--1",
];

/// The first byte decides the SQL mode and the dialect.
pub(super) fn run(data: &[u8]) {
    let Some((how, text)) = data.split_first() else { return };
    let mode = Mode { no_backslash_escapes: how & 1 > 0, ansi_quotes: how & 2 > 0, pipes_as_concat: false };
    let lexer = |text| {
        let lexer = Lexer::new(text).in_mode(mode);
        if how & 4 > 0 { lexer.for_client() } else { lexer }
    };
    let mut whole = lexer(text);
    let (mut at, mut kinds) = (0, Vec::new());
    while let Some((piece, bytes)) = whole.next() {
        assert!(!bytes.is_empty(), "an empty piece at {at}");
        assert_eq!(text.get(at..at + bytes.len()), Some(bytes), "a piece from elsewhere at {at}");
        at += bytes.len();
        assert_eq!(whole.position(), at);
        assert!(at == text.len() || whole.open().inside == Inside::Nothing, "open at {at}, and more follows");
        if at < text.len() {
            let again = lexer(text).resume(at, whole.open()).next();
            assert_eq!(again, whole.clone().next(), "another piece at {at}");
        }
        if matches!(piece, Piece::Text | Piece::QuotedName) {
            assert!(unquote(bytes, mode).len() <= bytes.len());
        }
        kinds.extend(bytes.iter().map(|_| piece));
    }
    assert_eq!(at, text.len());
    // A backslash escapes a line end, so the text can't be cut there.
    if mode.no_backslash_escapes || !text.windows(2).any(|two| two == b"\\\n") {
        let (mut open, mut by_lines) = (LexerState::default(), Vec::new());
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let mut lexer = lexer(line).resume(0, open);
            for (piece, bytes) in lexer.by_ref() {
                by_lines.extend(bytes.iter().map(|_| piece));
            }
            open = lexer.open();
        }
        assert_eq!(by_lines, kinds);
    }
    if let Ok(text) = std::str::from_utf8(text) {
        let literal = text_literal(text);
        let pieces: Vec<(Piece, &[u8])> = Lexer::new(literal.as_bytes()).collect();
        assert_eq!(pieces, [(Piece::Text, literal.as_bytes())], "a text is one literal");
        assert_eq!(unquote(literal.as_bytes(), Mode::default()), text.as_bytes());
    }
}
