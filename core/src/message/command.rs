//! Commands: the requests of a client after authentication.
//!
//! Source: "Command Phase" and the pages of each COM_ packet.

use alloc::vec::Vec;
use core::fmt;

use super::handshake::{nul_or_rest, put_short_bytes};
use super::parameters::{Parameter, Parameters, put_parameters};
use super::{Attributes, BinlogDump, BinlogDumpGtid, Capabilities, RegisterReplica, Value};
use crate::wire::{Put, Reader, Result};

/// The numbers of the commands on the wire.
mod number {
    pub(super) const QUIT: u8 = 0x01;
    pub(super) const INIT_DB: u8 = 0x02;
    pub(super) const QUERY: u8 = 0x03;
    pub(super) const FIELD_LIST: u8 = 0x04;
    pub(super) const REFRESH: u8 = 0x07;
    pub(super) const SHUTDOWN: u8 = 0x08;
    pub(super) const STATISTICS: u8 = 0x09;
    pub(super) const PROCESS_INFO: u8 = 0x0a;
    pub(super) const PROCESS_KILL: u8 = 0x0c;
    pub(super) const DEBUG: u8 = 0x0d;
    pub(super) const PING: u8 = 0x0e;
    pub(super) const CHANGE_USER: u8 = 0x11;
    pub(super) const BINLOG_DUMP: u8 = 0x12;
    pub(super) const REGISTER_REPLICA: u8 = 0x15;
    pub(super) const STMT_PREPARE: u8 = 0x16;
    pub(super) const STMT_EXECUTE: u8 = 0x17;
    pub(super) const STMT_SEND_LONG_DATA: u8 = 0x18;
    pub(super) const STMT_CLOSE: u8 = 0x19;
    pub(super) const STMT_RESET: u8 = 0x1a;
    pub(super) const SET_OPTION: u8 = 0x1b;
    pub(super) const STMT_FETCH: u8 = 0x1c;
    pub(super) const BINLOG_DUMP_GTID: u8 = 0x1e;
    pub(super) const RESET_CONNECTION: u8 = 0x1f;
    pub(super) const STMT_BULK_EXECUTE: u8 = 0xfa;
}

/// A command.
#[derive(Debug, Clone, PartialEq)]
pub enum Command<'a> {
    /// The client ends the connection.
    Quit,
    /// Changes the default database.
    InitDb(&'a [u8]),
    /// Executes SQL text.
    Query(Query<'a>),
    /// Requests the columns of a table.
    FieldList {
        /// The table.
        table: &'a [u8],
        /// A LIKE pattern for the columns' names; empty for all.
        wildcard: &'a [u8],
    },
    /// Flushes what the bits name: 1 privileges, 2 logs, 4 tables, 8 hosts, 16 status, 32 threads, 64 replica, 128 source.
    Refresh(u8),
    /// Requests the list of connections.
    ProcessInfo,
    /// Has the server write its state to its log.
    Debug,
    /// Stops the server. The packet may name a kind of shutdown, which has no meaning since MySQL 5.0.
    Shutdown,
    /// Requests a line of statistics.
    Statistics,
    /// Ends the connection with this id.
    ProcessKill(u32),
    /// Checks that the server is alive.
    Ping,
    /// Logs in as another user on this connection.
    ChangeUser(ChangeUser<'a>),
    /// Resets the session; the user stays.
    ResetConnection,
    /// 0 permits several statements in one query, 1 forbids them.
    SetOption(u16),
    /// Prepares a statement.
    StmtPrepare(&'a [u8]),
    /// Executes a prepared statement. [`super::StmtExecute`] decodes the bytes, which requires the statement.
    StmtExecute(&'a [u8]),
    /// MariaDB: executes a prepared statement once for each of several rows of parameters. [`super::BulkExecute`] makes the bytes.
    StmtBulkExecute(&'a [u8]),
    /// Appends a part to a parameter's value.
    StmtSendLongData {
        /// The id of the statement.
        statement: u32,
        /// The index of the parameter, from 0.
        parameter: u16,
        /// The bytes of the part.
        data: &'a [u8],
    },
    /// Releases a statement. There is no answer.
    StmtClose(u32),
    /// Discards a statement's long data and its cursor.
    StmtReset(u32),
    /// Requests rows of a statement's cursor.
    StmtFetch {
        /// The id of the statement.
        statement: u32,
        /// The maximum number of rows.
        rows: u32,
    },
    /// Registers a replica.
    RegisterReplica(RegisterReplica<'a>),
    /// Requests the binary log by position.
    BinlogDump(BinlogDump<'a>),
    /// Requests the binary log by GTID.
    BinlogDumpGtid(BinlogDumpGtid<'a>),
    /// A command with an unknown number.
    Unknown(u8),
}

impl<'a> Command<'a> {
    /// Decodes a command.
    ///
    /// # Errors
    /// If the packet is empty or a field is truncated.
    pub fn decode(payload: &'a [u8], capabilities: Capabilities) -> Result<Self> {
        let mut reader = Reader::new(payload);
        let command = reader.u8("command")?;
        Ok(match command {
            number::QUIT => Self::Quit,
            number::INIT_DB => Self::InitDb(reader.rest()),
            number::QUERY => Self::Query(Query::read(&mut reader, capabilities)?),
            number::FIELD_LIST => Self::FieldList { table: reader.nul_bytes("table name")?, wildcard: reader.rest() },
            number::REFRESH => Self::Refresh(reader.u8("what to refresh")?),
            number::PROCESS_INFO => Self::ProcessInfo,
            number::DEBUG => Self::Debug,
            number::SHUTDOWN => Self::Shutdown,
            number::STATISTICS => Self::Statistics,
            number::PROCESS_KILL => Self::ProcessKill(reader.u32("connection id")?),
            number::PING => Self::Ping,
            number::CHANGE_USER => Self::ChangeUser(ChangeUser::read(&mut reader, capabilities)?),
            number::RESET_CONNECTION => Self::ResetConnection,
            number::SET_OPTION => Self::SetOption(reader.u16("option")?),
            number::STMT_PREPARE => Self::StmtPrepare(reader.rest()),
            number::STMT_EXECUTE => Self::StmtExecute(reader.rest()),
            number::STMT_BULK_EXECUTE => Self::StmtBulkExecute(reader.rest()),
            number::STMT_SEND_LONG_DATA => Self::StmtSendLongData {
                statement: reader.u32("statement id")?,
                parameter: reader.u16("parameter number")?,
                data: reader.rest(),
            },
            number::STMT_CLOSE => Self::StmtClose(reader.u32("statement id")?),
            number::STMT_RESET => Self::StmtReset(reader.u32("statement id")?),
            number::STMT_FETCH => {
                Self::StmtFetch { statement: reader.u32("statement id")?, rows: reader.u32("number of rows")? }
            }
            number::REGISTER_REPLICA => Self::RegisterReplica(RegisterReplica::read(&mut reader)?),
            number::BINLOG_DUMP => Self::BinlogDump(BinlogDump::read(&mut reader)?),
            number::BINLOG_DUMP_GTID => Self::BinlogDumpGtid(BinlogDumpGtid::read(&mut reader)?),
            unknown => Self::Unknown(unknown),
        })
    }

    /// Encodes the command.
    pub fn encode(&self, capabilities: Capabilities, out: &mut Vec<u8>) {
        out.put_u8(self.number());
        match self {
            Self::Quit
            | Self::ProcessInfo
            | Self::Debug
            | Self::Statistics
            | Self::Ping
            | Self::ResetConnection
            | Self::Unknown(_) => {}
            Self::Refresh(bits) => out.put_u8(*bits),
            Self::InitDb(bytes)
            | Self::StmtPrepare(bytes)
            | Self::StmtExecute(bytes)
            | Self::StmtBulkExecute(bytes) => out.put(bytes),
            Self::RegisterReplica(replica) => replica.put(out),
            Self::BinlogDump(dump) => dump.put(out),
            Self::BinlogDumpGtid(dump) => dump.put(out),
            Self::Query(query) => query.put(capabilities, out),
            Self::FieldList { table, wildcard } => {
                out.put_nul_bytes(table);
                out.put(wildcard);
            }
            // The default kind of shutdown.
            Self::Shutdown => out.put_u8(0),
            Self::ProcessKill(id) | Self::StmtClose(id) | Self::StmtReset(id) => out.put_u32(*id),
            Self::ChangeUser(change) => change.put(capabilities, out),
            Self::SetOption(option) => out.put_u16(*option),
            Self::StmtSendLongData { statement, parameter, data } => {
                out.put_u32(*statement);
                out.put_u16(*parameter);
                out.put(data);
            }
            Self::StmtFetch { statement, rows } => {
                out.put_u32(*statement);
                out.put_u32(*rows);
            }
        }
    }

    /// The command's name in the protocol's documentation, for traces.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Quit => "COM_QUIT",
            Self::InitDb(_) => "COM_INIT_DB",
            Self::Query(_) => "COM_QUERY",
            Self::FieldList { .. } => "COM_FIELD_LIST",
            Self::Refresh(_) => "COM_REFRESH",
            Self::ProcessInfo => "COM_PROCESS_INFO",
            Self::Debug => "COM_DEBUG",
            Self::Shutdown => "COM_SHUTDOWN",
            Self::Statistics => "COM_STATISTICS",
            Self::ProcessKill(_) => "COM_PROCESS_KILL",
            Self::Ping => "COM_PING",
            Self::ChangeUser(_) => "COM_CHANGE_USER",
            Self::ResetConnection => "COM_RESET_CONNECTION",
            Self::SetOption(_) => "COM_SET_OPTION",
            Self::StmtPrepare(_) => "COM_STMT_PREPARE",
            Self::StmtExecute(_) => "COM_STMT_EXECUTE",
            Self::StmtBulkExecute(_) => "COM_STMT_BULK_EXECUTE",
            Self::StmtSendLongData { .. } => "COM_STMT_SEND_LONG_DATA",
            Self::StmtClose(_) => "COM_STMT_CLOSE",
            Self::StmtReset(_) => "COM_STMT_RESET",
            Self::StmtFetch { .. } => "COM_STMT_FETCH",
            Self::RegisterReplica(_) => "COM_REGISTER_REPLICA",
            Self::BinlogDump(_) => "COM_BINLOG_DUMP",
            Self::BinlogDumpGtid(_) => "COM_BINLOG_DUMP_GTID",
            Self::Unknown(_) => "unknown command",
        }
    }

    /// The command's number, the first byte of its packet.
    pub const fn number(&self) -> u8 {
        match self {
            Self::Quit => number::QUIT,
            Self::InitDb(_) => number::INIT_DB,
            Self::Query(_) => number::QUERY,
            Self::FieldList { .. } => number::FIELD_LIST,
            Self::Refresh(_) => number::REFRESH,
            Self::ProcessInfo => number::PROCESS_INFO,
            Self::Debug => number::DEBUG,
            Self::Shutdown => number::SHUTDOWN,
            Self::Statistics => number::STATISTICS,
            Self::ProcessKill(_) => number::PROCESS_KILL,
            Self::Ping => number::PING,
            Self::ChangeUser(_) => number::CHANGE_USER,
            Self::ResetConnection => number::RESET_CONNECTION,
            Self::SetOption(_) => number::SET_OPTION,
            Self::StmtPrepare(_) => number::STMT_PREPARE,
            Self::StmtExecute(_) => number::STMT_EXECUTE,
            Self::StmtBulkExecute(_) => number::STMT_BULK_EXECUTE,
            Self::StmtSendLongData { .. } => number::STMT_SEND_LONG_DATA,
            Self::StmtClose(_) => number::STMT_CLOSE,
            Self::StmtReset(_) => number::STMT_RESET,
            Self::StmtFetch { .. } => number::STMT_FETCH,
            Self::RegisterReplica(_) => number::REGISTER_REPLICA,
            Self::BinlogDump(_) => number::BINLOG_DUMP,
            Self::BinlogDumpGtid(_) => number::BINLOG_DUMP_GTID,
            Self::Unknown(number) => *number,
        }
    }
}

/// COM_QUERY: SQL text, with attributes if `QUERY_ATTRIBUTES` is agreed.
#[derive(Debug, Clone, PartialEq)]
pub struct Query<'a> {
    /// The SQL text.
    pub sql: &'a [u8],
    /// Names and values that the statement can query.
    pub attributes: Vec<(&'a [u8], Value<'a>)>,
}

impl<'a> Query<'a> {
    /// A query without attributes.
    pub const fn new(sql: &'a [u8]) -> Self {
        Self { sql, attributes: Vec::new() }
    }

    fn read(reader: &mut Reader<'a>, capabilities: Capabilities) -> Result<Self> {
        let mut attributes = Vec::new();
        if capabilities.contains(Capabilities::QUERY_ATTRIBUTES) {
            let count = reader.lenenc_int("number of query attributes")?;
            // The number of sets, which is always one.
            reader.lenenc_int("number of query attribute sets")?;
            if count > 0 {
                let parameters = Parameters::read(reader, count, true, None, &|_| false)?;
                attributes = parameters.names.into_iter().zip(parameters.values).collect();
            }
        }
        Ok(Self { sql: reader.rest(), attributes })
    }

    fn put(&self, capabilities: Capabilities, out: &mut Vec<u8>) {
        if capabilities.contains(Capabilities::QUERY_ATTRIBUTES) {
            out.put_lenenc_int(self.attributes.len() as u64);
            out.put_lenenc_int(1);
            if !self.attributes.is_empty() {
                put_parameters(self.attributes.iter().map(|(name, value)| Parameter::named(name, *value)), out);
            }
        }
        out.put(self.sql);
    }
}

/// COM_CHANGE_USER.
#[derive(Clone, PartialEq, Eq)]
pub struct ChangeUser<'a> {
    /// The user name.
    pub user: &'a [u8],
    /// The authentication data: a proof of the password, or with some plugins the password itself. At most 255 bytes.
    pub auth_response: &'a [u8],
    /// The default database; encoded as an empty name if there is none.
    pub database: Option<&'a [u8]>,
    /// The collation that the client requests.
    pub charset: Option<u16>,
    /// The plugin that made the authentication data.
    pub auth_plugin: Option<&'a [u8]>,
    /// The connection attributes.
    pub attributes: Attributes<'a>,
}

impl<'a> ChangeUser<'a> {
    fn read(reader: &mut Reader<'a>, capabilities: Capabilities) -> Result<Self> {
        let user = reader.nul_bytes("user name")?;
        let auth_response = if capabilities.contains(Capabilities::SECURE_CONNECTION) {
            let length = reader.u8("authentication response")?;
            reader.bytes(usize::from(length), "authentication response")?
        } else {
            reader.nul_bytes("authentication response")?
        };
        let database = Some(reader.nul_bytes("database name")?).filter(|name| !name.is_empty());
        // All fields from here on are optional.
        let charset = if reader.is_empty() { None } else { Some(reader.u16("client charset")?) };
        let mut auth_plugin = None;
        if capabilities.contains(Capabilities::PLUGIN_AUTH) && !reader.is_empty() {
            auth_plugin = Some(nul_or_rest(reader));
        }
        let attributes = Attributes::read(reader, capabilities)?;
        Ok(Self { user, auth_response, database, charset, auth_plugin, attributes })
    }

    fn put(&self, capabilities: Capabilities, out: &mut Vec<u8>) {
        out.put_nul_bytes(self.user);
        if capabilities.contains(Capabilities::SECURE_CONNECTION) {
            put_short_bytes(self.auth_response, out);
        } else {
            out.put_nul_bytes(self.auth_response);
        }
        out.put_nul_bytes(self.database.unwrap_or_default());
        let Some(charset) = self.charset else { return };
        out.put_u16(charset);
        if !capabilities.contains(Capabilities::PLUGIN_AUTH) {
            return;
        }
        let Some(plugin) = self.auth_plugin else { return };
        out.put_nul_bytes(plugin);
        if capabilities.contains(Capabilities::CONNECT_ATTRS) {
            self.attributes.put(out);
        }
    }
}

impl fmt::Debug for ChangeUser<'_> {
    /// Omits the authentication response, because it may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeUser")
            .field("user", &self.user)
            .field("auth_response_length", &self.auth_response.len())
            .field("database", &self.database)
            .field("charset", &self.charset)
            .field("auth_plugin", &self.auth_plugin)
            .field("attributes", &self.attributes)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::generator::for_many_seeds;
    use super::super::value::random_value;
    use super::*;

    #[test]
    fn commands_round_trip() {
        let capabilities = Capabilities::QUERY_ATTRIBUTES
            | Capabilities::SECURE_CONNECTION
            | Capabilities::PLUGIN_AUTH
            | Capabilities::CONNECT_ATTRS;
        for_many_seeds(|random, seed| {
            let (bytes, name, plugin) = (random.bytes(), random.name(), random.name());
            let number = random.u64() as u32;
            let attributes = (0..random.below(12)).map(|_| (&name[..], random_value(random, &bytes))).collect();
            let commands = [
                Command::Quit,
                Command::InitDb(&bytes),
                Command::Query(Query { sql: &bytes, attributes }),
                Command::FieldList { table: &name, wildcard: &bytes },
                Command::Statistics,
                Command::Refresh(number as u8),
                Command::ProcessInfo,
                Command::Debug,
                Command::ProcessKill(number),
                Command::Ping,
                Command::Shutdown,
                Command::ChangeUser(ChangeUser {
                    user: &name,
                    auth_response: &plugin,
                    database: Some(&name[..]).filter(|name| !name.is_empty()),
                    charset: Some(number as u16),
                    auth_plugin: Some(&plugin),
                    attributes: Attributes::default(),
                }),
                Command::ResetConnection,
                Command::SetOption(number as u16),
                Command::StmtPrepare(&bytes),
                Command::StmtExecute(&bytes),
                Command::StmtBulkExecute(&bytes),
                Command::StmtSendLongData { statement: number, parameter: 3, data: &bytes },
                Command::StmtClose(number),
                Command::StmtReset(number),
                Command::StmtFetch { statement: number, rows: number },
                Command::RegisterReplica(RegisterReplica {
                    server_id: number,
                    host: &name,
                    user: &plugin,
                    password: &name,
                    port: number as u16,
                }),
                Command::BinlogDump(BinlogDump { position: number, flags: 3, server_id: number, file: &name }),
                Command::BinlogDumpGtid(BinlogDumpGtid {
                    flags: number as u16,
                    server_id: number,
                    file: &name,
                    position: u64::from(number),
                    gtid_set: &bytes,
                }),
                Command::Unknown(0xaa),
            ];
            for command in commands {
                let mut payload = Vec::new();
                command.encode(capabilities, &mut payload);
                assert_eq!(payload[0], command.number());
                assert!(Command::decode(&payload, capabilities) == Ok(command), "seed {seed}, {:02x}", payload[0]);
            }
        });
    }

    #[test]
    fn query_attributes_are_understood() {
        let payload = b"\x03\x02\x01\x02\x01\xfe\0\x02n1\x06\0\x02n2\x02v1select 1";
        let Ok(Command::Query(query)) = Command::decode(payload, Capabilities::QUERY_ATTRIBUTES) else {
            panic!("no query")
        };
        assert_eq!(query.sql, b"select 1");
        assert_eq!(query.attributes, [(&b"n1"[..], Value::Bytes(b"v1")), (b"n2", Value::Null)]);
        let Ok(Command::Query(query)) = Command::decode(payload, Capabilities::NONE) else { panic!("no query") };
        assert_eq!(query.sql, &payload[1..]);
    }

    #[test]
    fn query_attributes_without_types_or_beyond_all_bounds_are_malformed() {
        let capabilities = Capabilities::QUERY_ATTRIBUTES;
        assert!(Command::decode(b"\x03\x01\x01\0\0select 1", capabilities).is_err());
        assert!(Command::decode(b"\x03\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\x01", capabilities).is_err());
        assert!(Command::decode(b"\x03\xfc\xff\xff\x01\0\x01", capabilities).is_err());
    }

    #[test]
    fn change_user_may_end_early() {
        let capabilities = Capabilities::SECURE_CONNECTION | Capabilities::PLUGIN_AUTH | Capabilities::CONNECT_ATTRS;
        let decode = |payload| match Command::decode(payload, capabilities) {
            Ok(Command::ChangeUser(change)) => change,
            other => panic!("{other:?}"),
        };
        let short = decode(b"\x11pam\0\x02ok\0");
        assert_eq!((short.auth_response, short.database, short.charset), (&b"ok"[..], None, None));
        let longer = decode(b"\x11pam\0\0test\0\x2d\0");
        assert_eq!((longer.database, longer.charset, longer.auth_plugin), (Some(&b"test"[..]), Some(45), None));
        let longest = decode(b"\x11pam\0\0\0\x2d\0caching_sha2_password\0\x07\x03_os\x02hp");
        assert_eq!(longest.auth_plugin, Some(&b"caching_sha2_password"[..]));
        assert!(longest.attributes.iter().eq([(&b"_os"[..], &b"hp"[..])]));
    }

    #[test]
    fn the_password_is_not_in_the_debug_text() {
        let Ok(command) = Command::decode(b"\x11pam\0\x02ss\0", Capabilities::SECURE_CONNECTION) else { panic!() };
        let text = alloc::format!("{command:?}");
        assert!(!text.contains("115") && text.contains("auth_response_length: 2"), "{text}");
    }

    #[test]
    fn an_empty_packet_is_no_command() {
        assert!(Command::decode(b"", Capabilities::NONE).is_err());
    }
}
