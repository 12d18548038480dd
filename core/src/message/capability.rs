//! Capability flags. Source: "Capabilities Flags"; MariaDB's extended flags are the upper 32 bits.

use core::fmt;
use core::ops::{BitAnd, BitOr, BitOrAssign};

/// A set of capability flags.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Capabilities(u64);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bit:expr;)*) => {
        impl Capabilities {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*

            const NAMES: &'static [(&'static str, u64)] = &[$((stringify!($name), 1 << $bit)),*];
        }
    };
}

flags! {
    /// `CLIENT_LONG_PASSWORD`, called `CLIENT_MYSQL` by MariaDB: when clear, the peer is MariaDB and has extended flags.
    LONG_PASSWORD = 0;
    /// Affected rows are those found, not those changed.
    FOUND_ROWS = 1;
    /// Column definitions have 16 bits of flags.
    LONG_FLAG = 2;
    /// The handshake response names a database.
    CONNECT_WITH_DB = 3;
    /// `database.table.column` is refused.
    NO_SCHEMA = 4;
    /// zlib compression after authentication.
    COMPRESS = 5;
    /// No effect.
    ODBC = 6;
    /// LOAD DATA LOCAL may be asked of the client.
    LOCAL_FILES = 7;
    /// Spaces before `(` are ignored.
    IGNORE_SPACE = 8;
    /// The 4.1 protocol.
    PROTOCOL_41 = 9;
    /// `interactive_timeout` holds instead of `wait_timeout`.
    INTERACTIVE = 10;
    /// TLS after SSLRequest.
    SSL = 11;
    /// No effect on the wire.
    IGNORE_SIGPIPE = 12;
    /// Status flags in EOF and OK.
    TRANSACTIONS = 13;
    /// Formerly `PROTOCOL_41`.
    RESERVED = 14;
    /// Authentication of 4.1 with 20-byte scrambles.
    SECURE_CONNECTION = 15;
    /// Several statements in one COM_QUERY.
    MULTI_STATEMENTS = 16;
    /// Several results to one COM_QUERY.
    MULTI_RESULTS = 17;
    /// Several results to one COM_STMT_EXECUTE.
    PS_MULTI_RESULTS = 18;
    /// Authentication plugins by name.
    PLUGIN_AUTH = 19;
    /// Connection attributes in the handshake response.
    CONNECT_ATTRS = 20;
    /// The authentication data has a length-encoded length.
    PLUGIN_AUTH_LENENC_DATA = 21;
    /// The client can handle an expired password.
    CAN_HANDLE_EXPIRED_PASSWORDS = 22;
    /// Session state changes in OK.
    SESSION_TRACK = 23;
    /// OK instead of EOF ends a result.
    DEPRECATE_EOF = 24;
    /// The client may do without column definitions.
    OPTIONAL_RESULTSET_METADATA = 25;
    /// zstd compression after authentication.
    ZSTD_COMPRESSION = 26;
    /// Attributes in COM_QUERY and COM_STMT_EXECUTE.
    QUERY_ATTRIBUTES = 27;
    /// More than one authentication factor.
    MULTI_FACTOR_AUTHENTICATION = 28;
    /// Reserved for more flags.
    CAPABILITY_EXTENSION = 29;
    /// The client verifies the server's certificate; a memory of the client's, without effect on the wire.
    SSL_VERIFY_SERVER_CERT = 30;
    /// The client keeps options after a failed connect.
    REMEMBER_OPTIONS = 31;
    /// MariaDB: progress reports.
    MARIADB_PROGRESS = 32;
    /// MariaDB: COM_STMT_BULK_EXECUTE.
    MARIADB_STMT_BULK_OPERATIONS = 34;
    /// MariaDB: extended type information in column definitions.
    MARIADB_EXTENDED_METADATA = 35;
    /// MariaDB: column definitions may be left out when they are known.
    MARIADB_CACHE_METADATA = 36;
    /// MariaDB: a result per bulk unit.
    MARIADB_BULK_UNIT_RESULTS = 37;
}

impl Capabilities {
    /// No flag.
    pub const NONE: Self = Self(0);

    /// From the number on the wire, extended flags above bit 31.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The number on the wire.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The flags of MySQL's own 32 bits.
    pub const fn low(self) -> u32 {
        // Truncation is the meaning.
        self.0 as u32
    }

    /// MariaDB's extended flags.
    pub const fn extended(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Whether every flag of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags that are in one but not in `other`.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// All flags of both; for constants, where `|` can't be used.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The names of the flags, the lowest first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().filter(move |(_, bit)| self.0 & bit != 0).map(|(name, _)| *name)
    }
}

impl BitOr for Capabilities {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Capabilities {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl BitAnd for Capabilities {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl fmt::Debug for Capabilities {
    /// The names, joined by `|`, so that a trace can be read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for name in self.names() {
            write!(f, "{}{name}", if first { "" } else { "|" })?;
            first = false;
        }
        if first { f.write_str("(none)") } else { Ok(()) }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Capabilities {
    /// A list of the names: a page can't hold all numbers of 64 bits.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}
