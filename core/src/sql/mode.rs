//! `sql_mode`, as far as it changes how SQL is read.

/// What a session's modes change in the reading of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mode {
    /// `NO_BACKSLASH_ESCAPES`: in a text a backslash is a character like any other.
    pub no_backslash_escapes: bool,
    /// `ANSI_QUOTES`: `"…"` is a name.
    pub ansi_quotes: bool,
    /// `PIPES_AS_CONCAT`: `||` joins texts.
    pub pipes_as_concat: bool,
}

impl Mode {
    /// From the names of modes, in capitals and with commas between them. The names of other modes change nothing.
    pub fn of(modes: &str) -> Self {
        let mut mode = Self::default();
        for name in modes.split(',') {
            match name {
                "NO_BACKSLASH_ESCAPES" => mode.no_backslash_escapes = true,
                "ANSI_QUOTES" => mode.ansi_quotes = true,
                "PIPES_AS_CONCAT" => mode.pipes_as_concat = true,
                _ => {}
            }
        }
        mode
    }

    /// Whether a name stands in these quotes, and no text.
    #[inline]
    pub(super) const fn quotes_name(self, quote: u8) -> bool {
        quote == b'`' || (quote == b'"' && self.ansi_quotes)
    }
}
