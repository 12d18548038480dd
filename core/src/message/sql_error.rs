//! MySQL's errors, and a constructor for each error number in use. Each number is defined here only.

use alloc::string::String;
use core::fmt;

/// An error as MySQL reports it, in an ERR packet: number, SQLSTATE and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    /// MySQL's error number, for example 1045.
    pub code: u16,
    /// The five SQLSTATE characters, for example `28000`.
    pub sqlstate: [u8; 5],
    /// The text, without number and SQLSTATE.
    pub message: String,
}

impl SqlError {
    /// An error with this number, SQLSTATE and text.
    pub fn new(code: u16, sqlstate: &[u8; 5], message: impl Into<String>) -> Self {
        Self { code, sqlstate: *sqlstate, message: message.into() }
    }

    /// The SQLSTATE as text; `HY000` if it is not ASCII.
    pub fn sqlstate_str(&self) -> &str {
        core::str::from_utf8(&self.sqlstate).unwrap_or("HY000")
    }
}

impl core::error::Error for SqlError {}

impl fmt::Display for SqlError {
    /// Formats the error as the mysql client prints it: `ERROR 1045 (28000): Access denied …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ERROR {} ({}): {}", self.code, self.sqlstate_str(), self.message)
    }
}

/// Defines a constructor for each number, with its SQLSTATE, documented by MySQL's own name.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident = $number:literal $sqlstate:literal;)*) => {
        impl SqlError {
            $($(#[$doc])* pub fn $name(message: impl Into<String>) -> Self {
                Self::new($number, $sqlstate, message)
            })*
        }
    };
}

numbers! {
    /// ER_CON_COUNT_ERROR.
    too_many_connections = 1040 b"HY000";
    /// ER_OUT_OF_RESOURCES.
    out_of_memory = 1041 b"HY000";
    /// ER_HANDSHAKE_ERROR.
    bad_handshake = 1043 b"08S01";
    /// ER_DBACCESS_DENIED_ERROR.
    database_access_denied = 1044 b"42000";
    /// ER_ACCESS_DENIED_ERROR.
    access_denied = 1045 b"28000";
    /// ER_NO_DB_ERROR.
    no_database = 1046 b"3D000";
    /// ER_UNKNOWN_COM_ERROR.
    unknown_command = 1047 b"08S01";
    /// ER_SERVER_SHUTDOWN.
    server_shutdown = 1053 b"08S01";
    /// ER_PARSE_ERROR.
    syntax = 1064 b"42000";
    /// ER_NO_SUCH_THREAD.
    no_such_thread = 1094 b"HY000";
    /// ER_KILL_DENIED_ERROR.
    kill_denied = 1095 b"HY000";
    /// ER_UNKNOWN_ERROR.
    unknown_error = 1105 b"HY000";
    /// ER_HOST_NOT_PRIVILEGED.
    host_not_privileged = 1130 b"HY000";
    /// ER_PASSWORD_ANONYMOUS_USER.
    anonymous_user = 1131 b"42000";
    /// ER_PASSWORD_NO_MATCH.
    no_such_user = 1133 b"42000";
    /// ER_NONEXISTING_GRANT.
    no_such_grant = 1141 b"42000";
    /// ER_TABLEACCESS_DENIED_ERROR.
    table_access_denied = 1142 b"42000";
    /// ER_ILLEGAL_GRANT_FOR_TABLE.
    illegal_grant = 1144 b"42000";
    /// ER_NONEXISTING_TABLE_GRANT.
    no_such_table_grant = 1147 b"42000";
    /// ER_NET_PACKET_TOO_LARGE.
    packet_too_large = 1153 b"08S01";
    /// ER_NET_PACKETS_OUT_OF_ORDER.
    packets_out_of_order = 1156 b"08S01";
    /// ER_NET_READ_INTERRUPTED.
    read_timeout = 1159 b"08S01";
    /// ER_WRONG_ARGUMENTS.
    wrong_arguments = 1210 b"HY000";
    /// ER_WRONG_USAGE.
    wrong_usage = 1221 b"HY000";
    /// ER_DUP_ARGUMENT.
    duplicate_argument = 1225 b"HY000";
    /// ER_SPECIFIC_ACCESS_DENIED_ERROR.
    specific_access_denied = 1227 b"42000";
    /// ER_NOT_SUPPORTED_YET.
    not_supported_yet = 1235 b"42000";
    /// ER_REVOKE_GRANTS.
    revoke_failed = 1269 b"HY000";
    /// ER_CANNOT_USER.
    cannot_user = 1396 b"HY000";
    /// ER_WRONG_STRING_LENGTH.
    wrong_string_length = 1470 b"HY000";
    /// ER_PLUGIN_IS_NOT_LOADED.
    plugin_not_loaded = 1524 b"HY000";
    /// ER_SET_PASSWORD_AUTH_PLUGIN.
    set_password_of_plugin = 1699 b"HY000";
    /// ER_NOT_VALID_PASSWORD.
    password_not_valid = 1819 b"HY000";
    /// ER_PASSWORD_FORMAT.
    password_format = 1827 b"HY000";
    /// ER_MALFORMED_PACKET.
    malformed_packet = 1835 b"HY000";
    /// CR_VERSION_ERROR.
    protocol_mismatch = 2007 b"HY000";
    /// CR_OUT_OF_MEMORY.
    client_out_of_memory = 2008 b"HY000";
    /// CR_SERVER_LOST.
    server_lost = 2013 b"HY000";
    /// CR_COMMANDS_OUT_OF_SYNC.
    commands_out_of_sync = 2014 b"HY000";
    /// CR_NET_PACKET_TOO_LARGE.
    reply_too_large = 2020 b"HY000";
    /// CR_SSL_CONNECTION_ERROR.
    ssl_connection = 2026 b"HY000";
    /// CR_MALFORMED_PACKET.
    malformed_reply = 2027 b"HY000";
    /// CR_SECURE_AUTH.
    old_authentication = 2049 b"HY000";
    /// CR_AUTH_PLUGIN_CANNOT_LOAD.
    auth_plugin_cannot_load = 2059 b"HY000";
    /// CR_AUTH_PLUGIN_ERR.
    auth_plugin_failed = 2061 b"HY000";
    /// CR_COMPRESSION_WRONGLY_CONFIGURED.
    compression_misconfigured = 2066 b"HY000";
    /// CR_LOAD_DATA_LOCAL_INFILE_REJECTED.
    local_infile_rejected = 2068 b"HY000";
    /// CR_ERR_RESTRICTED_AUTH_PLUGIN of MariaDB.
    auth_plugin_not_permitted = 5010 b"HY000";
    /// ER_SECURE_TRANSPORT_REQUIRED.
    secure_transport_required = 3159 b"HY000";
}
