//! The replies that every command may get: OK, ERR, EOF, and the first packet of a result.
//!
//! Source: "Generic Response Packets" and "COM_QUERY Response". The documentation defines OK's `info` as a `string<EOF>` if session
//! tracking is off, but every server and client puts a length before it.

use alloc::string::String;
use alloc::vec::Vec;

use super::Capabilities;
use super::SqlError;
use super::flags::flags;
use crate::wire::{Error, Put, Reader, Result};

/// The first byte of OK.
const OK: u8 = 0x00;
/// The first byte of EOF, and of an OK that replaces EOF.
const EOF: u8 = 0xfe;
/// The first byte of ERR.
const ERR: u8 = 0xff;
/// The first byte of a request for a local file.
const LOCAL_INFILE: u8 = 0xfb;
/// EOF is shorter than this, because a row that begins with FE has a length of eight bytes after it.
const EOF_BOUND: usize = 9;
/// An OK that replaces EOF is shorter than this, while a row that begins with FE is not.
const OK_AS_EOF_BOUND: usize = 0xff_ffff;
/// The client's unknown error: CR_UNKNOWN_ERROR.
const UNKNOWN_ERROR: u16 = 2000;
/// The largest number of columns in a table or result of MySQL.
const MAX_COLUMNS: u64 = 4096;

flags! {
    /// The server's status flags.
    StatusFlags: u16 {
        /// A transaction is open.
        IN_TRANS = 0x0001;
        /// Each statement is its own transaction.
        AUTOCOMMIT = 0x0002;
        /// Another result follows.
        MORE_RESULTS = 0x0008;
        /// The query used no good index.
        NO_GOOD_INDEX_USED = 0x0010;
        /// The query used no index.
        NO_INDEX_USED = 0x0020;
        /// The statement has an open cursor, from which rows are fetched.
        CURSOR_EXISTS = 0x0040;
        /// The cursor has no more rows.
        LAST_ROW_SENT = 0x0080;
        /// A database was dropped.
        DB_DROPPED = 0x0100;
        /// A backslash within a string is an ordinary character.
        NO_BACKSLASH_ESCAPES = 0x0200;
        /// The prepared statement's columns have changed.
        METADATA_CHANGED = 0x0400;
        /// The query was slow.
        QUERY_WAS_SLOW = 0x0800;
        /// The result holds OUT parameters.
        PS_OUT_PARAMS = 0x1000;
        /// The open transaction is read only.
        IN_TRANS_READONLY = 0x2000;
        /// The OK packet reports changes of the session's state.
        SESSION_STATE_CHANGED = 0x4000;
    }
}

/// OK: the command has succeeded. It also ends a result if `DEPRECATE_EOF` is agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OkPacket<'a> {
    /// The number of rows changed, or found with `FOUND_ROWS`.
    pub affected_rows: u64,
    /// The last AUTO_INCREMENT value that the statement generated.
    pub last_insert_id: u64,
    /// The session's status.
    pub status: StatusFlags,
    /// The number of warnings.
    pub warnings: u16,
    /// Text for the user, for example `Rows matched: 1  Changed: 1  Warnings: 0`.
    pub info: &'a [u8],
    /// Changes of the session's state, encoded as on the wire; [`OkPacket::session_changes`] decodes them.
    pub session_state: &'a [u8],
}

impl<'a> OkPacket<'a> {
    /// Decodes an OK packet with either of its headers.
    ///
    /// # Errors
    /// If the bytes are not an OK packet.
    pub fn decode(payload: &'a [u8], capabilities: Capabilities) -> Result<Self> {
        let mut reader = Reader::new(payload);
        if !matches!(reader.u8("OK header")?, OK | EOF) {
            return Err(Error::Malformed("OK header"));
        }
        let mut ok = Self {
            affected_rows: reader.lenenc_int("OK affected rows")?,
            last_insert_id: reader.lenenc_int("OK last insert id")?,
            status: StatusFlags(reader.u16("OK status")?),
            warnings: reader.u16("OK warnings")?,
            ..Self::default()
        };
        if capabilities.contains(Capabilities::SESSION_TRACK) {
            if !reader.is_empty() {
                ok.info = reader.lenenc_bytes("OK info")?;
            }
            if ok.status.contains(StatusFlags::SESSION_STATE_CHANGED) && !reader.is_empty() {
                ok.session_state = reader.lenenc_bytes("OK session state")?;
            }
            return Ok(ok);
        }
        let plain = reader;
        ok.info = match reader.lenenc_bytes("OK info") {
            Ok(info) if reader.is_empty() => info,
            // Handle a server that follows the documentation to the letter.
            _ => { plain }.rest(),
        };
        Ok(ok)
    }

    /// Encodes the packet.
    pub fn encode(&self, capabilities: Capabilities, out: &mut Vec<u8>) {
        self.encode_with(OK, capabilities, out);
    }

    /// Encodes the packet with EOF's header, as the end of a result if `DEPRECATE_EOF` is agreed.
    pub fn encode_as_eof(&self, capabilities: Capabilities, out: &mut Vec<u8>) {
        self.encode_with(EOF, capabilities, out);
    }

    /// The changes of the session's state in this packet, up to the first one that can't be decoded.
    pub fn session_changes(&self) -> impl Iterator<Item = SessionChange<'a>> + use<'a> {
        let mut reader = Reader::new(self.session_state);
        core::iter::from_fn(move || if reader.is_empty() { None } else { SessionChange::read(&mut reader).ok() })
    }

    /// Checks that each change of the session's state can be decoded.
    ///
    /// # Errors
    /// If one can't.
    #[cfg(feature = "client")]
    pub(crate) fn check_session_changes(&self) -> Result<()> {
        let mut reader = Reader::new(self.session_state);
        while !reader.is_empty() {
            SessionChange::read(&mut reader)?;
        }
        Ok(())
    }

    fn encode_with(&self, header: u8, capabilities: Capabilities, out: &mut Vec<u8>) {
        let track = capabilities.contains(Capabilities::SESSION_TRACK);
        let mut status = self.status;
        if !track {
            status = status.without(StatusFlags::SESSION_STATE_CHANGED);
        } else if !self.session_state.is_empty() {
            status.insert(StatusFlags::SESSION_STATE_CHANGED);
        }
        let state_changed = status.contains(StatusFlags::SESSION_STATE_CHANGED);
        out.put_u8(header);
        out.put_lenenc_int(self.affected_rows);
        out.put_lenenc_int(self.last_insert_id);
        out.put_u16(status.bits());
        out.put_u16(self.warnings);
        if state_changed || !self.info.is_empty() {
            out.put_lenenc_bytes(self.info);
        }
        if state_changed {
            out.put_lenenc_bytes(self.session_state);
        }
    }
}

/// One change of the session's state in an OK packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionChange<'a> {
    /// A system variable has a new value.
    SystemVariable {
        /// Its name.
        name: &'a [u8],
        /// Its value.
        value: &'a [u8],
    },
    /// The default database changed to this one.
    Schema(&'a [u8]),
    /// Whether the session's state has changed.
    State(bool),
    /// GTIDs of the transaction.
    Gtids(&'a [u8]),
    /// The statements that would start the same transaction again.
    TransactionCharacteristics(&'a [u8]),
    /// Eight letters that describe the transaction's progress.
    TransactionState(&'a [u8]),
    /// A change of unknown kind.
    Unknown {
        /// Its number.
        kind: u8,
        /// Its bytes.
        data: &'a [u8],
    },
}

impl<'a> SessionChange<'a> {
    /// Encodes the change, as a part of [`OkPacket::session_state`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut data = Vec::new();
        let kind = match self {
            Self::SystemVariable { name, value } => {
                data.put_lenenc_bytes(name);
                data.put_lenenc_bytes(value);
                0
            }
            Self::Schema(name) => {
                data.put_lenenc_bytes(name);
                1
            }
            Self::State(changed) => {
                data.put_lenenc_bytes(if *changed { b"1" } else { b"0" });
                2
            }
            Self::Gtids(gtids) => {
                // The encoding specification, which is always 0.
                data.put_u8(0);
                data.put_lenenc_bytes(gtids);
                3
            }
            Self::TransactionCharacteristics(statements) => {
                data.put_lenenc_bytes(statements);
                4
            }
            Self::TransactionState(letters) => {
                data.put_lenenc_bytes(letters);
                5
            }
            Self::Unknown { kind, data: bytes } => {
                data.put(bytes);
                *kind
            }
        };
        out.put_u8(kind);
        out.put_lenenc_bytes(&data);
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let kind = reader.u8("session change")?;
        let data = reader.lenenc_bytes("session change")?;
        let mut inner = Reader::new(data);
        let what = "session change";
        Ok(match kind {
            0 => Self::SystemVariable { name: inner.lenenc_bytes(what)?, value: inner.lenenc_bytes(what)? },
            1 => Self::Schema(inner.lenenc_bytes(what)?),
            2 => Self::State(match data {
                // MariaDB sends the digit without a length of its own.
                [digit] => *digit == b'1',
                _ => inner.lenenc_bytes(what)? == b"1",
            }),
            3 => {
                inner.u8(what)?;
                Self::Gtids(inner.lenenc_bytes(what)?)
            }
            4 => Self::TransactionCharacteristics(inner.lenenc_bytes(what)?),
            5 => Self::TransactionState(inner.lenenc_bytes(what)?),
            kind => Self::Unknown { kind, data },
        })
    }
}

/// ERR: the command or the connection has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ErrPacket<'a> {
    /// MySQL's error number.
    pub code: u16,
    /// The SQLSTATE; absent if the capabilities are not known yet.
    pub sqlstate: Option<[u8; 5]>,
    /// The text.
    pub message: &'a [u8],
}

impl<'a> ErrPacket<'a> {
    /// Whether the first byte of the payload is ERR's.
    #[cfg(feature = "client")]
    pub(crate) fn matches(payload: &[u8]) -> bool {
        payload.first() == Some(&ERR)
    }

    /// Decodes an ERR packet, with or without SQLSTATE.
    ///
    /// # Errors
    /// If the bytes are not an ERR packet.
    pub(crate) fn decode(payload: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(payload);
        if reader.u8("ERR header")? != ERR {
            return Err(Error::Malformed("ERR header"));
        }
        let code = reader.u16("ERR code")?;
        let mut sqlstate = None;
        if reader.peek() == Some(b'#') && reader.remaining() >= 6 {
            reader.u8("ERR SQLSTATE")?;
            sqlstate = Some(reader.array("ERR SQLSTATE")?);
        }
        Ok(Self { code, sqlstate, message: reader.rest() })
    }

    /// Encodes the packet.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(ERR);
        out.put_u16(self.code);
        if let Some(sqlstate) = &self.sqlstate {
            out.put_u8(b'#');
            out.put(sqlstate);
        }
        out.put(self.message);
    }

    /// The error as an owned value. A missing SQLSTATE becomes `HY000`, the general error, and the number 0 becomes 2000, the unknown error,
    /// because programs take 0 for success.
    pub(crate) fn to_sql_error(self) -> SqlError {
        SqlError {
            code: if self.code == 0 { UNKNOWN_ERROR } else { self.code },
            sqlstate: self.sqlstate.unwrap_or(*b"HY000"),
            message: String::from_utf8_lossy(self.message).into_owned(),
        }
    }
}

impl<'a> From<&'a SqlError> for ErrPacket<'a> {
    fn from(error: &'a SqlError) -> Self {
        Self { code: error.code, sqlstate: Some(error.sqlstate), message: error.message.as_bytes() }
    }
}

/// EOF: ends columns, parameters or rows if `DEPRECATE_EOF` is not agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct EofPacket {
    /// The number of warnings.
    pub warnings: u16,
    /// The session's status.
    pub status: StatusFlags,
}

impl EofPacket {
    /// Whether the payload is EOF, and not a row whose first value is long.
    pub(crate) fn matches(payload: &[u8]) -> bool {
        payload.first() == Some(&EOF) && payload.len() < EOF_BOUND
    }

    /// Decodes an EOF packet.
    ///
    /// # Errors
    /// If the bytes are not an EOF packet.
    pub(crate) fn decode(payload: &[u8]) -> Result<Self> {
        if !Self::matches(payload) {
            return Err(Error::Malformed("EOF header"));
        }
        let mut reader = Reader::new(payload);
        reader.u8("EOF header")?;
        Ok(Self { warnings: reader.u16("EOF warnings")?, status: StatusFlags(reader.u16("EOF status")?) })
    }

    /// Encodes the packet.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(EOF);
        out.put_u16(self.warnings);
        out.put_u16(self.status.bits());
    }
}

/// The first packet of the reply to COM_QUERY or COM_STMT_EXECUTE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueryReply<'a> {
    /// The statement has succeeded without rows.
    Ok(OkPacket<'a>),
    /// The statement has failed.
    Err(ErrPacket<'a>),
    /// The server requests this file of the client.
    LocalInfile(&'a [u8]),
    /// Column definitions and rows follow.
    Columns {
        /// The number of columns.
        count: u64,
        /// Whether the column definitions are sent. They may be missing only with MariaDB's `CACHE_METADATA`.
        definitions_follow: bool,
    },
}

impl<'a> QueryReply<'a> {
    /// Decodes the packet.
    ///
    /// # Errors
    /// If the bytes are not such a packet.
    pub(crate) fn decode(payload: &'a [u8], capabilities: Capabilities) -> Result<Self> {
        let mut reader = Reader::new(payload);
        match reader.peek() {
            Some(OK) => OkPacket::decode(payload, capabilities).map(Self::Ok),
            Some(ERR) => ErrPacket::decode(payload).map(Self::Err),
            Some(LOCAL_INFILE) => {
                reader.u8("LOCAL INFILE header")?;
                Ok(Self::LocalInfile(reader.rest()))
            }
            _ => {
                let count = reader.lenenc_int("column count")?;
                if !(1..=MAX_COLUMNS).contains(&count) {
                    return Err(Error::Malformed("column count"));
                }
                let mut definitions_follow = true;
                if capabilities.contains(Capabilities::MARIADB_CACHE_METADATA) {
                    definitions_follow = reader.u8("column count")? != 0;
                }
                reader.finish("column count")?;
                Ok(Self::Columns { count, definitions_follow })
            }
        }
    }

    /// Encodes the packet.
    #[cfg(any(test, feature = "vectors"))]
    pub(crate) fn encode(&self, capabilities: Capabilities, out: &mut Vec<u8>) {
        match self {
            Self::Ok(ok) => ok.encode(capabilities, out),
            Self::Err(err) => err.encode(out),
            Self::LocalInfile(name) => {
                out.put_u8(LOCAL_INFILE);
                out.put(name);
            }
            Self::Columns { count, definitions_follow } => {
                out.put_lenenc_int(*count);
                if capabilities.contains(Capabilities::MARIADB_CACHE_METADATA) {
                    out.put_u8(u8::from(*definitions_follow));
                }
            }
        }
    }
}

/// A packet that is a row or ends the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowReply<'a> {
    /// A row, not decoded.
    Row(&'a [u8]),
    /// The end of the rows. If it is EOF, only status and warnings are set.
    End(OkPacket<'a>),
    /// The query has failed in the middle of the rows.
    Err(ErrPacket<'a>),
}

impl<'a> RowReply<'a> {
    /// Determines which of the three the packet is.
    ///
    /// # Errors
    /// If the packet begins like an end of the rows but is malformed.
    #[inline]
    pub(crate) fn decode(payload: &'a [u8], capabilities: Capabilities) -> Result<Self> {
        match payload.first() {
            Some(&ERR) => ErrPacket::decode(payload).map(Self::Err),
            Some(&EOF) if capabilities.contains(Capabilities::DEPRECATE_EOF) => {
                if payload.len() >= OK_AS_EOF_BOUND {
                    return Ok(Self::Row(payload));
                }
                OkPacket::decode(payload, capabilities).map(Self::End)
            }
            Some(&EOF) if EofPacket::matches(payload) => {
                let EofPacket { warnings, status } = EofPacket::decode(payload)?;
                Ok(Self::End(OkPacket { status, warnings, ..OkPacket::default() }))
            }
            _ => Ok(Self::Row(payload)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::generator::for_many_seeds;
    use super::*;

    const TRACK: Capabilities = Capabilities::SESSION_TRACK;

    #[test]
    fn ok_round_trips() {
        for_many_seeds(|random, seed| {
            let capabilities = if random.flag() { TRACK } else { Capabilities::NONE };
            let (info, session_state) = (random.bytes(), if random.flag() { random.bytes() } else { Vec::new() });
            let mut ok = OkPacket {
                affected_rows: random.number(),
                last_insert_id: random.number(),
                status: StatusFlags(random.u64() as u16).without(StatusFlags::SESSION_STATE_CHANGED),
                warnings: random.u64() as u16,
                info: &info,
                session_state: &[],
            };
            if capabilities == TRACK && !session_state.is_empty() {
                ok.session_state = &session_state;
                ok.status.insert(StatusFlags::SESSION_STATE_CHANGED);
            }
            let (mut as_ok, mut as_eof) = (Vec::new(), Vec::new());
            ok.encode(capabilities, &mut as_ok);
            ok.encode_as_eof(capabilities, &mut as_eof);
            assert_eq!(OkPacket::decode(&as_ok, capabilities), Ok(ok), "seed {seed}");
            assert_eq!(OkPacket::decode(&as_eof, capabilities), Ok(ok), "seed {seed}");
            assert_eq!((as_ok[0], as_eof[0], &as_ok[1..]), (0, 0xfe, &as_eof[1..]), "seed {seed}");
        });
    }

    #[test]
    fn session_state_is_told_only_to_those_who_track_it() {
        let mut state = Vec::new();
        SessionChange::Schema(b"test").encode(&mut state);
        let ok = OkPacket { session_state: &state, ..OkPacket::default() };
        let (mut tracked, mut untracked) = (Vec::new(), Vec::new());
        ok.encode(TRACK, &mut tracked);
        ok.encode(Capabilities::NONE, &mut untracked);
        assert_eq!(tracked, b"\0\0\0\0\x40\0\0\0\x07\x01\x05\x04test");
        assert_eq!(untracked, b"\0\0\0\0\0\0\0");
    }

    #[test]
    fn info_is_read_with_and_without_a_length() {
        let with = OkPacket::decode(b"\0\0\0\x02\0\0\0\x04text", Capabilities::NONE).unwrap();
        assert_eq!(with.info, b"text");
        let without = OkPacket::decode(b"\0\0\0\x02\0\0\0text", Capabilities::NONE).unwrap();
        assert_eq!(without.info, b"text");
    }

    #[test]
    fn session_changes_round_trip() {
        let changes = [
            SessionChange::SystemVariable { name: b"autocommit", value: b"OFF" },
            SessionChange::Schema(b"test"),
            SessionChange::State(true),
            SessionChange::Gtids(b"3E11FA47-71CA-11E1-9E33-C80AA9429562:5"),
            SessionChange::TransactionCharacteristics(b"START TRANSACTION;"),
            SessionChange::TransactionState(b"T_______"),
            SessionChange::Unknown { kind: 77, data: b"?" },
        ];
        let mut state = Vec::new();
        changes.iter().for_each(|change| change.encode(&mut state));
        let ok = OkPacket { session_state: &state, ..OkPacket::default() };
        assert!(ok.session_changes().eq(changes));
        // Each five bytes are four empty zlib blocks with fixed codes; the last block is stored.
        state.extend([1, 200, 3]);
        let ok = OkPacket { session_state: &state, ..OkPacket::default() };
        assert!(ok.session_changes().eq(changes));
    }

    #[test]
    fn mariadbs_state_change_has_no_length_of_its_own() {
        let ok = OkPacket { session_state: b"\x02\x01\x31\x01\x05\x04test", ..OkPacket::default() };
        assert!(ok.session_changes().eq([SessionChange::State(true), SessionChange::Schema(b"test")]));
    }

    #[test]
    fn err_becomes_the_error_it_was() {
        let error = SqlError::access_denied("Access denied");
        let mut payload = Vec::new();
        ErrPacket::from(&error).encode(&mut payload);
        assert_eq!(payload, b"\xff\x15\x04#28000Access denied");
        assert_eq!(ErrPacket::decode(&payload).unwrap().to_sql_error(), error);
    }

    #[test]
    fn err_without_sqlstate_is_the_general_error() {
        let err = ErrPacket::decode(b"\xff\x10\x04Too many connections").unwrap();
        assert_eq!(err.sqlstate, None);
        assert_eq!(err.to_sql_error(), SqlError::too_many_connections("Too many connections"));
        // The packet is too short for a SQLSTATE, so all of it is the message.
        assert_eq!(ErrPacket::decode(b"\xff\x10\x04#0800").unwrap().message, b"#0800");
    }

    #[test]
    fn eof_and_ok_as_eof_are_not_taken_for_rows_nor_rows_for_them() {
        let eof = b"\xfe\x03\0\x02\0";
        let end = OkPacket { status: StatusFlags::AUTOCOMMIT, warnings: 3, ..OkPacket::default() };
        assert_eq!(RowReply::decode(eof, Capabilities::NONE), Ok(RowReply::End(end)));
        let ok = b"\xfe\0\0\x02\0\x03\0";
        assert_eq!(RowReply::decode(ok, Capabilities::DEPRECATE_EOF), Ok(RowReply::End(end)));
        // A value of 16 MiB or more has a length of eight bytes after FE.
        let row = b"\xfe\0\0\0\x01\0\0\0\0";
        assert_eq!(RowReply::decode(row, Capabilities::NONE), Ok(RowReply::Row(row)));
        let mut row = alloc::vec![0; OK_AS_EOF_BOUND];
        row[0] = EOF;
        assert!(matches!(RowReply::decode(&row, Capabilities::DEPRECATE_EOF), Ok(RowReply::Row(_))));
        assert!(matches!(RowReply::decode(b"\xff\x01\x02no", Capabilities::NONE), Ok(RowReply::Err(_))));
        assert_eq!(RowReply::decode(b"\xfbabc", Capabilities::NONE), Ok(RowReply::Row(b"\xfbabc")));
    }

    #[test]
    fn a_query_is_answered_in_one_of_four_ways() {
        let cached = Capabilities::MARIADB_CACHE_METADATA;
        let columns = |count, definitions_follow| Ok(QueryReply::Columns { count, definitions_follow });
        assert_eq!(QueryReply::decode(b"\x02", Capabilities::NONE), columns(2, true));
        assert_eq!(QueryReply::decode(b"\x02\0", cached), columns(2, false));
        assert_eq!(QueryReply::decode(b"\x02\x01", cached), columns(2, true));
        assert_eq!(QueryReply::decode(b"\xfbname", Capabilities::NONE), Ok(QueryReply::LocalInfile(b"name")));
        for malformed in [&b"\x02\0"[..], b"\xfc\0\0", b"\xfc\x01\x10", b"\xfd\0\0\x01", b""] {
            assert!(QueryReply::decode(malformed, Capabilities::NONE).is_err(), "{malformed:02x?}");
        }
    }

    #[test]
    fn status_flags_are_named() {
        assert_eq!(alloc::format!("{:?}", StatusFlags::AUTOCOMMIT | StatusFlags::IN_TRANS), "IN_TRANS|AUTOCOMMIT");
    }
}
