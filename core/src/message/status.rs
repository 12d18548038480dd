//! The server's status flags, part of OK and EOF. Source: "SERVER_STATUS_flags_enum".

use core::fmt;
use core::ops::BitOr;

/// The server's status flags.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct StatusFlags(u16);

macro_rules! status {
    ($($(#[$doc:meta])* $name:ident = $value:expr;)*) => {
        impl StatusFlags {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            const NAMES: &'static [(&'static str, u16)] = &[$((stringify!($name), $value)),*];
        }
    };
}

status! {
    /// A transaction is open.
    IN_TRANS = 0x0001;
    /// Every statement is its own transaction.
    AUTOCOMMIT = 0x0002;
    /// Another result follows.
    MORE_RESULTS = 0x0008;
    /// The query used no good index.
    NO_GOOD_INDEX_USED = 0x0010;
    /// The query used no index.
    NO_INDEX_USED = 0x0020;
    /// A cursor is open for the statement; rows are fetched.
    CURSOR_EXISTS = 0x0040;
    /// The cursor has no further row.
    LAST_ROW_SENT = 0x0080;
    /// A database was dropped.
    DB_DROPPED = 0x0100;
    /// A backslash in a string is an ordinary character.
    NO_BACKSLASH_ESCAPES = 0x0200;
    /// The prepared statement's columns have changed.
    METADATA_CHANGED = 0x0400;
    /// The query was slow.
    QUERY_WAS_SLOW = 0x0800;
    /// The result holds OUT parameters.
    PS_OUT_PARAMS = 0x1000;
    /// The open transaction is read only.
    IN_TRANS_READONLY = 0x2000;
    /// The OK packet tells of changed session state.
    SESSION_STATE_CHANGED = 0x4000;
}

impl StatusFlags {
    /// No flag.
    pub const NONE: Self = Self(0);

    /// From the number on the wire.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The number on the wire.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether every flag of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Sets the flags of `other`.
    pub const fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// The flags that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for StatusFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for StatusFlags {
    /// The names, joined by `|`, so that a trace can be read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (name, bit) in Self::NAMES {
            if self.0 & bit != 0 {
                write!(f, "{}{name}", if first { "" } else { "|" })?;
                first = false;
            }
        }
        if first { f.write_str("(none)") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_flags_are_named() {
        assert_eq!(alloc::format!("{:?}", StatusFlags::AUTOCOMMIT | StatusFlags::IN_TRANS), "IN_TRANS|AUTOCOMMIT");
    }
}
