//! Small events: about the log itself, and about the statement that follows.
//!
//! Source: MySQL Internals, "Binlog Event"; MariaDB, "Replication Protocol".

use alloc::vec::Vec;

use sealwire_core::wire::{Put as _, Reader};

use crate::decimal::Decimal;
use crate::error::{Problem, Result};

/// ROTATE: the log continues in another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotate<'a> {
    /// The position in that file.
    pub position: u64,
    /// The name of the file.
    pub file: &'a [u8],
}

impl<'a> Rotate<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        Ok(Self { position: reader.u64("the position")?, file: reader.rest() })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u64(self.position);
        out.put(self.file);
    }
}

/// INTVAR: a number for the next statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntVar {
    /// 1 is LAST_INSERT_ID, the value of that function; 2 is INSERT_ID, the first AUTO_INCREMENT value.
    pub kind: u8,
    /// The number.
    pub value: u64,
}

impl IntVar {
    /// The kind LAST_INSERT_ID.
    pub const LAST_INSERT_ID: u8 = 1;
    /// The kind INSERT_ID.
    pub const INSERT_ID: u8 = 2;

    pub(crate) fn decode(body: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let all = Self { kind: reader.u8("the kind")?, value: reader.u64("the value")? };
        reader.finish("the end")?;
        Ok(all)
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(self.kind);
        out.put_u64(self.value);
    }
}

/// RAND: the seeds of RAND() for the next statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rand {
    /// `@@rand_seed1`.
    pub seed1: u64,
    /// `@@rand_seed2`.
    pub seed2: u64,
}

impl Rand {
    pub(crate) fn decode(body: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let all = Self { seed1: reader.u64("the first seed")?, seed2: reader.u64("the second seed")? };
        reader.finish("the end")?;
        Ok(all)
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u64(self.seed1);
        out.put_u64(self.seed2);
    }
}

/// USER_VAR: a user variable for the next statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserVar<'a> {
    /// The name, without `@`.
    pub name: &'a [u8],
    /// The value; `None` is NULL.
    pub value: Option<UserValue<'a>>,
}

/// The value of a user variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserValue<'a> {
    /// The type of `data`: see the constants.
    pub kind: u8,
    /// The number of the collation.
    pub charset: u32,
    /// The value: a text; a DOUBLE or a BIGINT of 8 bytes, little-endian; or precision, scale and a DECIMAL as in rows.
    pub data: &'a [u8],
    /// The flags, which old servers do not write; 1 means an unsigned integer.
    pub flags: Option<u8>,
}

impl<'a> UserValue<'a> {
    /// A text.
    pub const STRING: u8 = 0;
    /// A DOUBLE.
    pub const REAL: u8 = 1;
    /// A BIGINT.
    pub const INT: u8 = 2;
    /// A DECIMAL.
    pub const DECIMAL: u8 = 4;

    /// The number of a [`UserValue::DECIMAL`].
    pub fn decimal(&self) -> Result<Decimal<'a>> {
        let mut reader = Reader::new(self.data);
        let (precision, scale) = (reader.u8("a DECIMAL's precision")?, reader.u8("a DECIMAL's precision")?);
        if self.kind != Self::DECIMAL || !(1..=65).contains(&precision) || scale > precision {
            return Err(Problem::Malformed("a DECIMAL's precision"));
        }
        Decimal::read(&mut reader, precision, scale)
    }

    /// Whether an integer is unsigned.
    pub fn is_unsigned(&self) -> bool {
        self.flags.is_some_and(|flags| flags & 1 != 0)
    }
}

impl<'a> UserVar<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let name = counted(&mut reader, "the name")?;
        let value = match reader.u8("whether it is NULL")? {
            0 => {
                let (kind, charset) = (reader.u8("the type")?, reader.u32("the charset")?);
                let data = counted(&mut reader, "the value")?;
                let flags = if reader.is_empty() { None } else { Some(reader.u8("the flags")?) };
                Some(UserValue { kind, charset, data, flags })
            }
            _ => None,
        };
        reader.finish("the end")?;
        Ok(Self { name, value })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_counted(self.name, out);
        out.put_u8(u8::from(self.value.is_none()));
        if let Some(value) = &self.value {
            out.put_u8(value.kind);
            out.put_u32(value.charset);
            put_counted(value.data, out);
            if let Some(flags) = value.flags {
                out.put_u8(flags);
            }
        }
    }
}

/// INCIDENT: changes may be missing in the log, so that a replica must stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incident<'a> {
    /// 1 is LOST_EVENTS.
    pub number: u16,
    /// The server's explanation.
    pub message: &'a [u8],
}

impl<'a> Incident<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let number = reader.u16("the incident")?;
        let length = usize::from(reader.u8("the message")?);
        let message = reader.bytes(length, "the message")?;
        reader.finish("the end")?;
        Ok(Self { number, message })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u16(self.number);
        put_short(self.message, out);
    }
}

/// HEARTBEAT of the second version: the primary's position in 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeartbeatV2<'a> {
    /// The name of the file.
    pub file: &'a [u8],
    /// The position in it.
    pub position: u64,
}

impl<'a> HeartbeatV2<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let (mut file, mut position) = (None, None);
        loop {
            match reader.lenenc_int("a field's number")? {
                0 => break,
                1 => file = Some(reader.lenenc_bytes("the file's name")?),
                2 => {
                    let mut value = Reader::new(reader.lenenc_bytes("the position")?);
                    position = Some(value.lenenc_int("the position")?);
                }
                // Fields of later versions.
                _ => drop(reader.lenenc_bytes("a field")?),
            }
        }
        reader.finish("the end")?;
        let (Some(file), Some(position)) = (file, position) else {
            return Err(Problem::Truncated("the file's name or the position"));
        };
        Ok(Self { file, position })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(1);
        out.put_lenenc_bytes(self.file);
        let mut position = Vec::new();
        position.put_lenenc_int(self.position);
        out.put_u8(2);
        out.put_lenenc_bytes(&position);
        out.put_u8(0);
    }
}

/// START_ENCRYPTION: the rest of the file is encrypted. In a stream the server sends it, and all events decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartEncryption {
    /// The scheme: 1.
    pub scheme: u8,
    /// The version of the key.
    pub key_version: u32,
    /// The nonce.
    pub nonce: [u8; 12],
}

impl StartEncryption {
    pub(crate) fn decode(body: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let (scheme, key_version) = (reader.u8("the scheme")?, reader.u32("the key's version")?);
        let nonce = reader.array("the nonce")?;
        reader.finish("the end")?;
        Ok(Self { scheme, key_version, nonce })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(self.scheme);
        out.put_u32(self.key_version);
        out.put(&self.nonce);
    }
}

/// XA_PREPARE: the end of the first phase of an XA transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XaPrepare<'a> {
    /// Whether it is committed at once, without a second phase.
    pub one_phase: bool,
    /// The transaction's identifier.
    pub xid: Xid<'a>,
}

/// The identifier of an XA transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Xid<'a> {
    /// The number of the format.
    pub format: u32,
    /// The global part.
    pub global: &'a [u8],
    /// The branch.
    pub branch: &'a [u8],
}

impl<'a> XaPrepare<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let one_phase = reader.u8("whether it has one phase")? != 0;
        let format = reader.u32("the format of the identifier")?;
        let (global, branch) = (reader.u32("the length of the global part")?, reader.u32("the length of the branch")?);
        let xid = Xid {
            format,
            global: reader.bytes(global as usize, "the global part")?,
            branch: reader.bytes(branch as usize, "the branch")?,
        };
        reader.finish("the end")?;
        Ok(Self { one_phase, xid })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(u8::from(self.one_phase));
        out.put_u32(self.xid.format);
        out.put_u32(self.xid.global.len() as u32);
        out.put_u32(self.xid.branch.len() as u32);
        out.put(self.xid.global);
        out.put(self.xid.branch);
    }
}

/// BEGIN_LOAD_QUERY, APPEND_BLOCK and DELETE_FILE: LOAD DATA's file, in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileBlock<'a> {
    /// The number by which EXECUTE_LOAD_QUERY refers to the file.
    pub file_id: u32,
    /// The piece; empty in DELETE_FILE.
    pub data: &'a [u8],
}

impl<'a> FileBlock<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        Ok(Self { file_id: reader.u32("the file's number")?, data: reader.rest() })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u32(self.file_id);
        out.put(self.data);
    }
}

/// The text of ROWS_QUERY, whose length byte has only the lowest 8 bits of the length.
pub(crate) fn rows_query(body: &[u8]) -> Result<&[u8]> {
    let mut reader = Reader::new(body);
    reader.u8("the statement's length")?;
    Ok(reader.rest())
}

pub(crate) fn put_rows_query(sql: &[u8], out: &mut Vec<u8>) {
    let [low, ..] = sql.len().to_le_bytes();
    out.put_u8(low);
    out.put(sql);
}

/// The name of BINLOG_CHECKPOINT.
pub(crate) fn checkpoint(body: &[u8]) -> Result<&[u8]> {
    let mut reader = Reader::new(body);
    let name = counted(&mut reader, "the file's name")?;
    reader.finish("the end")?;
    Ok(name)
}

/// The number of XID.
pub(crate) fn xid(body: &[u8]) -> Result<u64> {
    let mut reader = Reader::new(body);
    let xid = reader.u64("the transaction's number")?;
    reader.finish("the end")?;
    Ok(xid)
}

/// Bytes behind a length of 32 bits.
fn counted<'a>(reader: &mut Reader<'a>, what: &'static str) -> Result<&'a [u8]> {
    let length = reader.u32(what)?;
    Ok(reader.bytes(length as usize, what)?)
}

pub(crate) fn put_counted(bytes: &[u8], out: &mut Vec<u8>) {
    out.put_u32(bytes.len() as u32);
    out.put(bytes);
}

/// Appends bytes behind a length of 8 bits; from 256 bytes on they are cut.
pub(crate) fn put_short(bytes: &[u8], out: &mut Vec<u8>) {
    let bytes = bytes.get(..255).unwrap_or(bytes);
    out.put_u8(bytes.len() as u8);
    out.put(bytes);
}
