//! Recorded packets, and a function that decodes and encodes any of them, for tests and fuzzing only.
//!
//! The bytes are payloads without frame headers. Vectors marked "manual" are the examples of MySQL's protocol documentation, those marked
//! "capture" come from MariaDB 10.11, and the others were written by hand from the documentation.

use alloc::vec::Vec;

use super::{
    BinaryRow, Capabilities, ColumnDefinition, ColumnType, Command, Greeting, HandshakeReply, HandshakeResponse41,
    QueryReply, RowReply, SslRequest, StmtExecute, StmtPrepareOk, TextRow, encode_binary_row, encode_text_row,
};
use crate::wire::Result;

/// The kind of message in a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The first packet of a server.
    Greeting,
    /// SSLRequest.
    SslRequest,
    /// HandshakeResponse41.
    HandshakeResponse,
    /// A packet of the server during authentication.
    HandshakeReply,
    /// A command.
    Command,
    /// The first packet of the reply to a query.
    QueryReply,
    /// A column definition.
    ColumnDefinition,
    /// A row in text format, or the end of the rows.
    TextRow,
    /// A row in binary format with columns of these types, or the end of the rows.
    BinaryRow(&'static [ColumnType]),
    /// The reply to COM_STMT_PREPARE.
    PrepareReply,
    /// COM_STMT_EXECUTE with its command byte, of a statement with this many parameters.
    StmtExecute(u16),
}

/// A recorded packet.
#[derive(Debug, Clone, Copy)]
pub struct Vector {
    /// The packet's origin and the case that it shows.
    pub name: &'static str,
    /// The kind of message.
    pub kind: Kind,
    /// The capabilities that both sides have at this point.
    pub capabilities: Capabilities,
    /// The bytes of the payload.
    pub payload: &'static [u8],
}

/// Decodes a complete payload, down to each value of a row, and encodes it again. Never panics, whatever the bytes are.
///
/// # Errors
/// If the bytes are not a message of this kind.
pub fn read_and_write(kind: Kind, capabilities: Capabilities, payload: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    match kind {
        Kind::Greeting => match Greeting::decode(payload)? {
            Greeting::Handshake(handshake) => handshake.encode(&mut out),
            Greeting::Err(err) => err.encode(&mut out),
        },
        Kind::SslRequest => SslRequest::decode(payload)?.encode(&mut out),
        Kind::HandshakeResponse => HandshakeResponse41::decode(payload)?.encode(&mut out),
        Kind::HandshakeReply => HandshakeReply::decode(payload, capabilities)?.encode(capabilities, &mut out),
        Kind::Command => Command::decode(payload, capabilities)?.encode(capabilities, &mut out),
        Kind::QueryReply => {
            let reply = QueryReply::decode(payload, capabilities)?;
            if let QueryReply::Ok(ok) = reply {
                ok.session_changes().for_each(drop);
            }
            reply.encode(capabilities, &mut out);
        }
        Kind::ColumnDefinition => {
            ColumnDefinition::decode(payload, capabilities)?.encode(capabilities, &mut out);
        }
        Kind::TextRow => {
            if let Some(row) = row_of(payload, capabilities, &mut out)? {
                let values: Vec<_> = TextRow::new(row).iter().collect::<Result<_>>()?;
                encode_text_row(values, &mut out);
            }
        }
        Kind::BinaryRow(types) => {
            if let Some(row) = row_of(payload, capabilities, &mut out)? {
                let columns: Vec<_> = types.iter().map(|column_type| ColumnDefinition::new("", *column_type)).collect();
                let values: Vec<_> = BinaryRow::new(row, &columns)?.iter().collect::<Result<_>>()?;
                encode_binary_row(&columns, &values, &mut out);
            }
        }
        Kind::PrepareReply => StmtPrepareOk::decode(payload)?.encode(&mut out),
        Kind::StmtExecute(parameters) => match Command::decode(payload, capabilities)? {
            Command::StmtExecute(rest) => {
                StmtExecute::peek_statement_id(rest)?;
                let execute = StmtExecute::decode(rest, parameters, None, &|_| false, capabilities)?;
                let mut body = Vec::new();
                execute.encode(capabilities, &mut body);
                Command::StmtExecute(&body).encode(capabilities, &mut out);
            }
            other => other.encode(capabilities, &mut out),
        },
    }
    Ok(out)
}

/// The row, if the payload is one; otherwise encodes the end of the rows to `out`.
fn row_of<'a>(payload: &'a [u8], capabilities: Capabilities, out: &mut Vec<u8>) -> Result<Option<&'a [u8]>> {
    match RowReply::decode(payload, capabilities)? {
        RowReply::Row(row) => return Ok(Some(row)),
        RowReply::Err(err) => err.encode(out),
        RowReply::End(end) if capabilities.contains(Capabilities::DEPRECATE_EOF) => {
            end.encode_as_eof(capabilities, out);
        }
        RowReply::End(end) => super::EofPacket { warnings: end.warnings, status: end.status }.encode(out),
    }
    Ok(None)
}

const BASE: Capabilities = Capabilities::PROTOCOL_41.union(Capabilities::SECURE_CONNECTION);
const PLUGIN: Capabilities = BASE.union(Capabilities::PLUGIN_AUTH);
const TRACK: Capabilities = PLUGIN.union(Capabilities::SESSION_TRACK);
const NO_EOF: Capabilities = TRACK.union(Capabilities::DEPRECATE_EOF);
const QUERY_ATTRIBUTES: Capabilities = NO_EOF.union(Capabilities::QUERY_ATTRIBUTES);
const CONNECT_ATTRS: Capabilities = PLUGIN.union(Capabilities::CONNECT_ATTRS);
const EXTENDED_METADATA: Capabilities = BASE.union(Capabilities::MARIADB_EXTENDED_METADATA);
const MULTI_FACTOR: Capabilities = PLUGIN.union(Capabilities::MULTI_FACTOR_AUTHENTICATION);

/// One column of each type that has its own encoding in a binary row.
const EVERY_TYPE: &[ColumnType] = &[
    ColumnType::TINY,
    ColumnType::SHORT,
    ColumnType::LONG,
    ColumnType::LONGLONG,
    ColumnType::FLOAT,
    ColumnType::DOUBLE,
    ColumnType::DATE,
    ColumnType::DATETIME,
    ColumnType::TIME,
    ColumnType::VAR_STRING,
    ColumnType::NEWDECIMAL,
];

macro_rules! vectors {
    ($($name:literal, $kind:expr, $capabilities:expr, $payload:expr;)*) => {
        /// All recorded packets. Decoding and encoding a packet gives the same bytes.
        pub const ALL: &[Vector] =
            &[$(Vector { name: $name, kind: $kind, capabilities: $capabilities, payload: $payload }),*];
    };
}

vectors! {
    "manual: greeting of MySQL 5.5.2, without plugins", Kind::Greeting, Capabilities::NONE,
    b"\x0a5.5.2-m2\0\x0b\0\0\0dvH@I-CJ\0\xff\xf7\x08\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0*4d|cZwk4^]:\0";

    "manual: greeting of MySQL 5.6.4", Kind::Greeting, Capabilities::NONE,
    b"\x0a5.6.4-m7-log\0\x56\x0a\0\0RB3vz&Gr\0\xff\xff\x08\x02\0\x0f\xc0\x15\0\0\0\0\0\0\0\0\0\0+yD&/ZZ305ZG\0\
      mysql_native_password\0";

    "capture: greeting of MariaDB with TLS and extended capabilities", Kind::Greeting, Capabilities::NONE,
    b"\x0a5.5.5-10.11.19-MariaDB-0+deb12u1-log\0\x1f\0\0\0abcdefgh\0\xfe\xff\x08\x02\0\xff\x81\x15\0\0\0\0\0\0\x1d\0\0\0\
      ijklmnopqrst\0mysql_native_password\0";

    "greeting of MySQL 8.4", Kind::Greeting, Capabilities::NONE,
    b"\x0a8.4.3\0\x09\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0\
      \x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\0caching_sha2_password\0";

    "refusal instead of a greeting, without SQLSTATE", Kind::Greeting, Capabilities::NONE,
    b"\xff\x10\x04Too many connections";

    "capture: SSLRequest of a MariaDB client", Kind::SslRequest, Capabilities::NONE,
    b"\x84\xae\xbf\x81\0\0\0\x40\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x1d\0\0\0";

    "SSLRequest of a MySQL client", Kind::SslRequest, Capabilities::NONE,
    b"\x85\xae\xff\x19\0\0\0\x01\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

    "manual: HandshakeResponse41 of MySQL 5.5.8, with a database", Kind::HandshakeResponse, Capabilities::NONE,
    b"\x8d\xa6\x0f\0\0\0\0\x01\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0pam\0\
      \x14\xab\x09\xee\xf6\xbc\xb1\x32\x3e\x61\x14\x38\x65\xc0\x99\x1d\x95\x7d\x75\xd4\x47test\0mysql_native_password\0";

    "manual: HandshakeResponse41 of MySQL 5.6.6, with attributes", Kind::HandshakeResponse, Capabilities::NONE,
    b"\x85\xa2\x1e\0\0\0\0\x40\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0root\0\
      \x14\x22\x50\x79\xa2\x12\xd4\xe8\x82\xe5\xb3\xf4\x1a\x97\x75\x6b\xc8\xbe\xdb\x9f\x80mysql_native_password\0\
      a\x03_os\x09debian6.0\x0c_client_name\x08libmysql\x04_pid\x0522344\x0f_client_version\x085.6.6-m9\
      \x09_platform\x06x86_64\x03foo\x03bar";

    "HandshakeResponse41 with a long response, zstd and MariaDB's flags", Kind::HandshakeResponse, Capabilities::NONE,
    b"\x84\xae\x3f\x05\0\0\0\x40\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x1d\0\0\0root\0\x06secret\
      caching_sha2_password\0\x07\x03_os\x02hp\x07";

    "capture: OK after login", Kind::HandshakeReply, PLUGIN, b"\0\0\0\x02\0\0\0";

    "ERR 1045", Kind::HandshakeReply, PLUGIN,
    b"\xff\x15\x04#28000Access denied for user 'pam'@'localhost' (using password: YES)";

    "manual: AuthSwitchRequest", Kind::HandshakeReply, PLUGIN,
    b"\xfemysql_native_password\0zQg4ioNy=rHN/>-b)A\0";

    "AuthSwitchRequest of a nonce without a NUL, which ends in zero", Kind::HandshakeReply, PLUGIN,
    b"\xfeclient_ed25519\0k123456789abcdef0123456789abcde\0";

    "old AuthSwitchRequest", Kind::HandshakeReply, BASE, b"\xfe";

    "AuthMoreData: the full exchange of caching_sha2_password", Kind::HandshakeReply, PLUGIN, b"\x01\x04";

    "AuthNextFactor", Kind::HandshakeReply, MULTI_FACTOR, b"\x02authentication_webauthn_client\0challenge\0";

    "COM_QUIT", Kind::Command, PLUGIN, b"\x01";
    "manual: COM_INIT_DB", Kind::Command, PLUGIN, b"\x02test";
    "manual: COM_QUERY", Kind::Command, PLUGIN, b"\x03select @@version_comment limit 1";
    "COM_QUERY without attributes where they are agreed", Kind::Command, QUERY_ATTRIBUTES, b"\x03\0\x01select 1";
    "COM_QUERY with attributes", Kind::Command, QUERY_ATTRIBUTES,
    b"\x03\x03\x01\x02\x01\xfd\0\x02n1\x06\0\x02n2\x08\x80\x02n3\x02v1\x07\0\0\0\0\0\0\0select 1";
    "COM_FIELD_LIST", Kind::Command, PLUGIN, b"\x04t1\0a%";
    "COM_STATISTICS", Kind::Command, PLUGIN, b"\x09";
    "COM_PROCESS_KILL", Kind::Command, PLUGIN, b"\x0c\x2a\0\0\0";
    "COM_SHUTDOWN", Kind::Command, PLUGIN, b"\x08\x00";
    "COM_PING", Kind::Command, PLUGIN, b"\x0e";
    "COM_CHANGE_USER", Kind::Command, CONNECT_ATTRS,
    b"\x11pam\0\x14\xab\x09\xee\xf6\xbc\xb1\x32\x3e\x61\x14\x38\x65\xc0\x99\x1d\x95\x7d\x75\xd4\x47test\0\x2d\0\
      mysql_native_password\0\x07\x03_os\x02hp";
    "COM_CHANGE_USER without what may be left out", Kind::Command, CONNECT_ATTRS, b"\x11pam\0\0\0";
    "COM_BINLOG_DUMP", Kind::Command, PLUGIN, b"\x12\x04\0\0\0\0\0\x01\0\0\0binlog.000001";
    "manual: COM_STMT_PREPARE", Kind::Command, PLUGIN, b"\x16SELECT CONCAT(?, ?) AS col1";
    "COM_STMT_SEND_LONG_DATA", Kind::Command, PLUGIN, b"\x18\x01\0\0\0\x02\0part";
    "COM_STMT_CLOSE", Kind::Command, PLUGIN, b"\x19\x01\0\0\0";
    "COM_STMT_RESET", Kind::Command, PLUGIN, b"\x1a\x01\0\0\0";
    "COM_SET_OPTION", Kind::Command, PLUGIN, b"\x1b\x01\0";
    "COM_STMT_FETCH", Kind::Command, PLUGIN, b"\x1c\x01\0\0\0\x0a\0\0\0";
    "COM_RESET_CONNECTION", Kind::Command, PLUGIN, b"\x1f";
    "a command of no known number", Kind::Command, PLUGIN, b"\x42";

    "OK to an UPDATE, with a length before its text", Kind::QueryReply, PLUGIN,
    b"\0\x01\0\x02\0\0\0\x28Rows matched: 1  Changed: 1  Warnings: 0";
    "capture: OK to USE, with session tracking", Kind::QueryReply, TRACK, b"\0\0\0\x02\x40\0\0\0\x07\x01\x05\x04test";
    "manual: OK to SET autocommit, with session tracking", Kind::QueryReply, TRACK,
    b"\0\0\0\0\x40\0\0\0\x11\0\x0f\x0aautocommit\x03OFF";
    "manual: ERR", Kind::QueryReply, PLUGIN, b"\xff\x48\x04#HY000No tables used";
    "LOCAL INFILE request", Kind::QueryReply, PLUGIN, b"\xfb/etc/passwd";
    "number of columns", Kind::QueryReply, PLUGIN, b"\xfc\0\x10";

    "manual: column of @@version_comment", Kind::ColumnDefinition, PLUGIN,
    b"\x03def\0\0\0\x11@@version_comment\0\x0c\x08\0\x1c\0\0\0\xfd\0\0\x1f\0\0";
    "capture: first column of SHOW STATUS", Kind::ColumnDefinition, PLUGIN,
    b"\x03def\x12information_schema\x0eSESSION_STATUS\x0eSESSION_STATUS\x0dVariable_name\x0dVARIABLE_NAME\
      \x0c\x08\0\x40\0\0\0\xfd\x01\0\0\0\0";
    "column of MariaDB with extended metadata, empty", Kind::ColumnDefinition, EXTENDED_METADATA,
    b"\x03def\0\0\0\x011\0\0\x0c\x3f\0\x01\0\0\0\x03\x81\x80\0\0\0";

    "manual: text row", Kind::TextRow, PLUGIN, b"\x1cMySQL Community Server (GPL)";
    "text row with NULL, empty and long values", Kind::TextRow, PLUGIN,
    b"\xfb\0\xfc\xfb\0........................................................................................\
      .......................................................................................................\
      ............................................................\x01x";
    "manual: EOF", Kind::TextRow, PLUGIN, b"\xfe\0\0\x02\0";
    "OK that stands for EOF", Kind::TextRow, NO_EOF, b"\xfe\0\0\x22\0\x01\0";
    "ERR after some rows", Kind::TextRow, NO_EOF, b"\xff\x25\x05#70100Query execution was interrupted";

    "manual: binary row", Kind::BinaryRow(&[ColumnType::VAR_STRING]), PLUGIN, b"\0\0\x06foobar";
    "binary row of every type", Kind::BinaryRow(EVERY_TYPE), PLUGIN,
    b"\0\0\0\xff\x01\x80\x01\0\0\x80\x01\0\0\0\0\0\0\x80\x33\x33\x23\x41\x66\x66\x66\x66\x66\x66\x24\x40\x04\xda\x07\x0a\x11\
      \x0b\xda\x07\x0a\x11\x13\x1b\x1e\x01\0\0\0\x0c\x01\x78\0\0\0\x13\x1b\x1e\x01\0\0\0\x06foobar\x051.500";
    "binary row of short dates and times, and NULL", Kind::BinaryRow(EVERY_TYPE), PLUGIN,
    b"\0\xfc\x10\0\x07\xda\x07\x0a\x11\x13\x1b\x1e\x08\0\x78\0\0\0\x13\x1b\x1e\x041.50";

    "manual: COM_STMT_PREPARE response", Kind::PrepareReply, PLUGIN, b"\0\x01\0\0\0\x01\0\x02\0\0\0\0";

    "manual: COM_STMT_EXECUTE", Kind::StmtExecute(1), PLUGIN, b"\x17\x01\0\0\0\0\x01\0\0\0\0\x01\x0f\0\x03foo";
    "COM_STMT_EXECUTE with a cursor and NULL", Kind::StmtExecute(2), PLUGIN,
    b"\x17\x02\0\0\0\x01\x01\0\0\0\x01\x01\x06\0\x03\x80\xff\xff\xff\xff";
    "COM_STMT_EXECUTE without parameters", Kind::StmtExecute(0), QUERY_ATTRIBUTES, b"\x17\x02\0\0\0\0\x01\0\0\0";
    "COM_STMT_EXECUTE with a parameter and an attribute", Kind::StmtExecute(1), QUERY_ATTRIBUTES,
    b"\x17\x02\0\0\0\x08\x01\0\0\0\x02\0\x01\x01\x80\0\xfd\0\x05trace\xff\x03abc";
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn every_vector_is_read_and_written_again_to_the_byte() {
        for Vector { name, kind, capabilities, payload } in ALL {
            let written = read_and_write(*kind, *capabilities, payload);
            assert_eq!(written.as_deref(), Ok(*payload), "{name}");
        }
    }

    /// Asserts that a message decoded from `bytes`, if any, stays the same after encoding and decoding.
    fn assert_stable(vector: &Vector, bytes: &[u8], how: &str) {
        let Ok(once) = read_and_write(vector.kind, vector.capabilities, bytes) else { return };
        let twice = read_and_write(vector.kind, vector.capabilities, &once);
        assert_eq!(twice.as_deref(), Ok(&once[..]), "{}, {how}, from {bytes:02x?}", vector.name);
    }

    #[test]
    fn every_prefix_is_read_without_a_panic() {
        for vector in ALL {
            for cut in 0..vector.payload.len() {
                assert_stable(vector, &vector.payload[..cut], &std::format!("cut at {cut}"));
            }
        }
    }

    #[test]
    fn every_bit_flip_is_read_without_a_panic() {
        for vector in ALL {
            for bit in 0..vector.payload.len() * 8 {
                let mut bytes: Vec<u8> = vector.payload.to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert_stable(vector, &bytes, &std::format!("bit {bit} flipped"));
            }
        }
    }

    #[test]
    fn no_vector_is_any_other_kind_with_a_panic() {
        for vector in ALL {
            for other in ALL {
                let _ = read_and_write(other.kind, other.capabilities, vector.payload);
            }
        }
    }
}
