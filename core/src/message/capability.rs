//! Capability flags. Source: "Capabilities Flags"; MariaDB's extended flags are the upper 32 bits.

use super::flags::flags;

flags! {
    /// A set of capability flags.
    Capabilities: u64 {
        /// `CLIENT_LONG_PASSWORD`, which MariaDB calls `CLIENT_MYSQL`. If it is clear, the peer is MariaDB and has extended flags.
        LONG_PASSWORD = 1 << 0;
        /// The number of affected rows counts the rows found, not the rows changed.
        FOUND_ROWS = 1 << 1;
        /// Column definitions have 16 bits of flags.
        LONG_FLAG = 1 << 2;
        /// The handshake response names a database.
        CONNECT_WITH_DB = 1 << 3;
        /// The syntax `database.table.column` is refused.
        NO_SCHEMA = 1 << 4;
        /// zlib compression after authentication.
        COMPRESS = 1 << 5;
        /// No effect.
        ODBC = 1 << 6;
        /// The server may request a local file of the client (LOAD DATA LOCAL).
        LOCAL_FILES = 1 << 7;
        /// Spaces before `(` are ignored.
        IGNORE_SPACE = 1 << 8;
        /// The 4.1 protocol.
        PROTOCOL_41 = 1 << 9;
        /// `interactive_timeout` applies instead of `wait_timeout`.
        INTERACTIVE = 1 << 10;
        /// The client starts TLS after an SSLRequest.
        SSL = 1 << 11;
        /// No effect on the wire.
        IGNORE_SIGPIPE = 1 << 12;
        /// Status flags in EOF and OK.
        TRANSACTIONS = 1 << 13;
        /// Formerly `PROTOCOL_41`.
        RESERVED = 1 << 14;
        /// Authentication of 4.1 with 20-byte scrambles.
        SECURE_CONNECTION = 1 << 15;
        /// Several statements in one COM_QUERY.
        MULTI_STATEMENTS = 1 << 16;
        /// Several results to one COM_QUERY.
        MULTI_RESULTS = 1 << 17;
        /// Several results to one COM_STMT_EXECUTE.
        PS_MULTI_RESULTS = 1 << 18;
        /// Authentication plugins by name.
        PLUGIN_AUTH = 1 << 19;
        /// Connection attributes in the handshake response.
        CONNECT_ATTRS = 1 << 20;
        /// The authentication data has a length-encoded length.
        PLUGIN_AUTH_LENENC_DATA = 1 << 21;
        /// The client can handle an expired password.
        CAN_HANDLE_EXPIRED_PASSWORDS = 1 << 22;
        /// Session state changes in OK.
        SESSION_TRACK = 1 << 23;
        /// A result ends with OK instead of EOF.
        DEPRECATE_EOF = 1 << 24;
        /// The server may omit column definitions.
        OPTIONAL_RESULTSET_METADATA = 1 << 25;
        /// zstd compression after authentication.
        ZSTD_COMPRESSION = 1 << 26;
        /// Attributes in COM_QUERY and COM_STMT_EXECUTE.
        QUERY_ATTRIBUTES = 1 << 27;
        /// More than one authentication factor.
        MULTI_FACTOR_AUTHENTICATION = 1 << 28;
        /// Reserved for more flags.
        CAPABILITY_EXTENSION = 1 << 29;
        /// The client verifies the server's certificate. The flag is for the client itself and has no effect on the wire.
        SSL_VERIFY_SERVER_CERT = 1 << 30;
        /// The client keeps options after a failed connect.
        REMEMBER_OPTIONS = 1 << 31;
        /// MariaDB: progress reports.
        MARIADB_PROGRESS = 1 << 32;
        /// MariaDB: COM_STMT_BULK_EXECUTE.
        MARIADB_STMT_BULK_OPERATIONS = 1 << 34;
        /// MariaDB: extended type information in column definitions.
        MARIADB_EXTENDED_METADATA = 1 << 35;
        /// MariaDB: column definitions may be left out when they are known.
        MARIADB_CACHE_METADATA = 1 << 36;
        /// MariaDB: a result per bulk unit.
        MARIADB_BULK_UNIT_RESULTS = 1 << 37;
    }
}

impl Capabilities {
    /// The lower 32 bits, which are MySQL's flags.
    pub const fn low(self) -> u32 {
        // The truncation is intended.
        self.0 as u32
    }

    /// The upper 32 bits, which are MariaDB's extended flags.
    pub const fn extended(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Capabilities {
    /// Serialises the names as a list, because JavaScript can't represent every 64-bit number.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}
