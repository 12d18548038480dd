//! The parts of `sql_mode` that affect the reading of SQL.

/// The modes of a session that affect the reading of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mode {
    /// `NO_BACKSLASH_ESCAPES`: within a string a backslash is an ordinary character.
    pub no_backslash_escapes: bool,
    /// `ANSI_QUOTES`: `"…"` is a name.
    pub ansi_quotes: bool,
    /// `PIPES_AS_CONCAT`: `||` concatenates strings.
    pub pipes_as_concat: bool,
}

impl Mode {
    /// Parses the names of modes, in capitals and separated by commas. Other names are ignored.
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

    /// Whether this quote delimits names instead of strings.
    #[inline]
    pub(super) const fn quotes_name(self, quote: u8) -> bool {
        quote == b'`' || (quote == b'"' && self.ansi_quotes)
    }
}
