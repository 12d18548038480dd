//! Column definitions. Source: "Column Definition Packet"; MariaDB's extended metadata is skipped.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::Capabilities;
use super::flags::flags;
use crate::wire::{Error, Put, Reader, Result};

/// `utf8mb4_general_ci`, the default charset of text.
pub(super) const CHARSET_UTF8MB4: u16 = 45;
/// `binary`, the charset of numbers, dates and bytes.
pub const CHARSET_BINARY: u16 = 63;
/// The number of decimals depends on the value, for FLOAT, DOUBLE and text.
pub(crate) const DECIMALS_NOT_FIXED: u8 = 31;

/// The length of the fixed part of a column definition.
const FIXED_LENGTH: u64 = 12;

/// The type of a column or parameter, as its number on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ColumnType(pub u8);

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $value:expr;)*) => {
        impl ColumnType {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The name in the protocol's documentation without `MYSQL_TYPE_`; `UNKNOWN` for a number without name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                    _ => "UNKNOWN",
                }
            }
        }
    };
}

types! {
    /// DECIMAL before MySQL 5.0.
    DECIMAL = 0;
    /// TINYINT.
    TINY = 1;
    /// SMALLINT.
    SHORT = 2;
    /// INT.
    LONG = 3;
    /// FLOAT.
    FLOAT = 4;
    /// DOUBLE.
    DOUBLE = 5;
    /// NULL, which has no type.
    NULL = 6;
    /// TIMESTAMP.
    TIMESTAMP = 7;
    /// BIGINT.
    LONGLONG = 8;
    /// MEDIUMINT.
    INT24 = 9;
    /// DATE.
    DATE = 10;
    /// TIME.
    TIME = 11;
    /// DATETIME.
    DATETIME = 12;
    /// YEAR.
    YEAR = 13;
    /// VARCHAR in binary logs and parameters.
    VARCHAR = 15;
    /// BIT.
    BIT = 16;
    /// JSON.
    JSON = 245;
    /// DECIMAL.
    NEWDECIMAL = 246;
    /// ENUM.
    ENUM = 247;
    /// SET.
    SET = 248;
    /// TINYBLOB, TINYTEXT.
    TINY_BLOB = 249;
    /// MEDIUMBLOB, MEDIUMTEXT.
    MEDIUM_BLOB = 250;
    /// LONGBLOB, LONGTEXT.
    LONG_BLOB = 251;
    /// BLOB and TEXT of any length.
    BLOB = 252;
    /// VARCHAR and VARBINARY.
    VAR_STRING = 253;
    /// CHAR and BINARY.
    STRING = 254;
    /// GEOMETRY.
    GEOMETRY = 255;
}

impl ColumnType {
    /// Whether values are integers in a binary row.
    pub const fn is_integer(self) -> bool {
        matches!(self, Self::TINY | Self::SHORT | Self::LONG | Self::LONGLONG | Self::INT24 | Self::YEAR)
    }

    /// Whether a client shows values as numbers, which are aligned to the right.
    pub const fn is_numeric(self) -> bool {
        self.is_integer() || matches!(self, Self::DECIMAL | Self::NEWDECIMAL | Self::FLOAT | Self::DOUBLE)
    }

    /// Whether values are a date, a time or both.
    pub const fn is_temporal(self) -> bool {
        matches!(self, Self::DATE | Self::TIME | Self::DATETIME | Self::TIMESTAMP)
    }

    /// The usual charset, length in bytes, flags and decimals of a column of this type.
    const fn defaults(self) -> (u16, u32, ColumnFlags, u8) {
        let number = ColumnFlags::NUM.union(ColumnFlags::BINARY);
        match self {
            Self::TINY => (CHARSET_BINARY, 4, number, 0),
            Self::SHORT => (CHARSET_BINARY, 6, number, 0),
            Self::INT24 => (CHARSET_BINARY, 9, number, 0),
            Self::LONG => (CHARSET_BINARY, 11, number, 0),
            Self::LONGLONG => (CHARSET_BINARY, 20, number, 0),
            Self::YEAR => (CHARSET_BINARY, 4, number.union(ColumnFlags::UNSIGNED), 0),
            Self::FLOAT => (CHARSET_BINARY, 12, number, DECIMALS_NOT_FIXED),
            Self::DOUBLE => (CHARSET_BINARY, 22, number, DECIMALS_NOT_FIXED),
            Self::DECIMAL | Self::NEWDECIMAL => (CHARSET_BINARY, 67, number, 0),
            Self::NULL => (CHARSET_BINARY, 0, number, 0),
            Self::DATE => (CHARSET_BINARY, 10, ColumnFlags::BINARY, 0),
            Self::TIME => (CHARSET_BINARY, 10, ColumnFlags::BINARY, 0),
            Self::DATETIME | Self::TIMESTAMP => (CHARSET_BINARY, 19, ColumnFlags::BINARY, 0),
            Self::BIT => (CHARSET_BINARY, 1, ColumnFlags::UNSIGNED, 0),
            Self::JSON => (CHARSET_BINARY, u32::MAX, ColumnFlags::BLOB.union(ColumnFlags::BINARY), 0),
            Self::GEOMETRY => (CHARSET_BINARY, u32::MAX, ColumnFlags::BLOB.union(ColumnFlags::BINARY), 0),
            Self::TINY_BLOB => (CHARSET_UTF8MB4, 255, ColumnFlags::BLOB, 0),
            Self::BLOB => (CHARSET_UTF8MB4, 65_535, ColumnFlags::BLOB, 0),
            Self::MEDIUM_BLOB => (CHARSET_UTF8MB4, 16_777_215, ColumnFlags::BLOB, 0),
            Self::LONG_BLOB => (CHARSET_UTF8MB4, u32::MAX, ColumnFlags::BLOB, 0),
            // 255 characters of up to four bytes.
            _ => (CHARSET_UTF8MB4, 1020, ColumnFlags::NONE, DECIMALS_NOT_FIXED),
        }
    }
}

impl fmt::Debug for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            "UNKNOWN" => write!(f, "ColumnType({})", self.0),
            name => f.write_str(name),
        }
    }
}

flags! {
    /// A column's flags.
    ColumnFlags: u16 {
        /// NULL is not allowed.
        NOT_NULL = 0x0001;
        /// Part of the primary key.
        PRI_KEY = 0x0002;
        /// Part of a unique key.
        UNIQUE_KEY = 0x0004;
        /// Part of another key.
        MULTIPLE_KEY = 0x0008;
        /// A BLOB or TEXT.
        BLOB = 0x0010;
        /// Not negative.
        UNSIGNED = 0x0020;
        /// Padded with zeros to its width.
        ZEROFILL = 0x0040;
        /// Compared byte by byte.
        BINARY = 0x0080;
        /// An ENUM.
        ENUM = 0x0100;
        /// The server generates the values.
        AUTO_INCREMENT = 0x0200;
        /// A TIMESTAMP.
        TIMESTAMP = 0x0400;
        /// A SET.
        SET = 0x0800;
        /// Has no default value.
        NO_DEFAULT_VALUE = 0x1000;
        /// Set to the current time on each update.
        ON_UPDATE_NOW = 0x2000;
        /// A number.
        NUM = 0x8000;
    }
}

/// A column of a result or a parameter of a statement. It owns its data, because it outlives its packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDefinition {
    /// The database.
    pub schema: Vec<u8>,
    /// The table's name in the statement, which may be an alias.
    pub table: Vec<u8>,
    /// The table's real name.
    pub org_table: Vec<u8>,
    /// The column's name in the statement, which may be an alias.
    pub name: Vec<u8>,
    /// The column's real name.
    pub org_name: Vec<u8>,
    /// The number of the collation.
    pub charset: u16,
    /// The largest length of a value, in bytes.
    pub length: u32,
    /// The type.
    pub column_type: ColumnType,
    /// The flags.
    pub flags: ColumnFlags,
    /// Digits after the point; 31 if the number depends on the value.
    pub decimals: u8,
}

impl ColumnDefinition {
    /// A column without a table, with the usual charset, length, flags and decimals of its type.
    pub fn new(name: impl Into<Vec<u8>>, column_type: ColumnType) -> Self {
        let (charset, length, flags, decimals) = column_type.defaults();
        Self {
            schema: Vec::new(),
            table: Vec::new(),
            org_table: Vec::new(),
            name: name.into(),
            org_name: Vec::new(),
            charset,
            length,
            column_type,
            flags,
            decimals,
        }
    }

    /// The name for display.
    pub fn name_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.name)
    }

    /// Whether values are not negative.
    #[inline]
    pub const fn is_unsigned(&self) -> bool {
        self.flags.contains(ColumnFlags::UNSIGNED)
    }

    /// Decodes the packet. A default value, which only COM_FIELD_LIST adds, is skipped.
    ///
    /// # Errors
    /// If a field is truncated.
    pub fn decode(payload: &[u8], capabilities: Capabilities) -> Result<Self> {
        let what = "column definition";
        let mut reader = Reader::new(payload);
        reader.lenenc_bytes(what)?;
        let schema = reader.lenenc_bytes(what)?.to_vec();
        let table = reader.lenenc_bytes(what)?.to_vec();
        let org_table = reader.lenenc_bytes(what)?.to_vec();
        let name = reader.lenenc_bytes(what)?.to_vec();
        let org_name = reader.lenenc_bytes(what)?.to_vec();
        if capabilities.contains(Capabilities::MARIADB_EXTENDED_METADATA) {
            reader.lenenc_bytes(what)?;
        }
        if reader.lenenc_int(what)? < FIXED_LENGTH {
            return Err(Error::Malformed(what));
        }
        let charset = reader.u16(what)?;
        let length = reader.u32(what)?;
        let column_type = ColumnType(reader.u8(what)?);
        let flags = ColumnFlags(reader.u16(what)?);
        let decimals = reader.u8(what)?;
        reader.bytes(2, what)?;
        Ok(Self { schema, table, org_table, name, org_name, charset, length, column_type, flags, decimals })
    }

    /// Encodes the packet.
    pub fn encode(&self, capabilities: Capabilities, out: &mut Vec<u8>) {
        // The catalog, which is always "def".
        out.put_lenenc_bytes(b"def");
        for text in [&self.schema, &self.table, &self.org_table, &self.name, &self.org_name] {
            out.put_lenenc_bytes(text);
        }
        if capabilities.contains(Capabilities::MARIADB_EXTENDED_METADATA) {
            out.put_lenenc_bytes(b"");
        }
        out.put_lenenc_int(FIXED_LENGTH);
        out.put_u16(self.charset);
        out.put_u32(self.length);
        out.put_u8(self.column_type.0);
        out.put_u16(self.flags.bits());
        out.put_u8(self.decimals);
        out.put_u16(0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::generator::for_many_seeds;
    use super::*;

    #[test]
    fn definition_round_trips() {
        for_many_seeds(|random, seed| {
            let column = ColumnDefinition {
                schema: random.bytes(),
                table: random.bytes(),
                org_table: random.bytes(),
                name: random.bytes(),
                org_name: random.bytes(),
                charset: random.u64() as u16,
                length: random.u64() as u32,
                column_type: ColumnType(random.u64() as u8),
                flags: ColumnFlags(random.u64() as u16),
                decimals: random.u64() as u8,
            };
            for capabilities in [Capabilities::NONE, Capabilities::MARIADB_EXTENDED_METADATA] {
                let mut payload = Vec::new();
                column.encode(capabilities, &mut payload);
                assert_eq!(ColumnDefinition::decode(&payload, capabilities).as_ref(), Ok(&column), "seed {seed}");
            }
        });
    }

    #[test]
    fn the_manuals_column_is_understood() {
        let payload = b"\x03def\0\0\0\x11@@version_comment\0\x0c\x08\0\x1c\0\0\0\xfd\0\0\x1f\0\0";
        let column = ColumnDefinition::decode(payload, Capabilities::NONE).unwrap();
        assert_eq!(column.name_text(), "@@version_comment");
        assert_eq!((column.charset, column.length, column.decimals), (8, 28, DECIMALS_NOT_FIXED));
        assert_eq!(column.column_type, ColumnType::VAR_STRING);
    }

    #[test]
    fn extended_metadata_and_a_default_value_are_passed_over() {
        // A JSON column of MariaDB: format "json", then the default value of COM_FIELD_LIST.
        let payload = b"\x03def\0\0\0\x01j\0\x06\x01\x04json\x0c\x2d\0\xff\xff\xff\xff\xfc\x10\0\0\0\0\x02{}";
        let column = ColumnDefinition::decode(payload, Capabilities::MARIADB_EXTENDED_METADATA).unwrap();
        assert_eq!((&column.name[..], column.column_type), (&b"j"[..], ColumnType::BLOB));
    }

    #[test]
    fn new_columns_are_as_a_server_would_describe_them() {
        let number = ColumnDefinition::new("n", ColumnType::LONGLONG);
        assert_eq!((number.charset, number.length), (CHARSET_BINARY, 20));
        assert!(number.flags.contains(ColumnFlags::NUM) && !number.is_unsigned());
        assert_eq!(ColumnDefinition::new("t", ColumnType::VAR_STRING).charset, CHARSET_UTF8MB4);
    }

    #[test]
    fn types_are_named() {
        assert_eq!(alloc::format!("{:?} {:?}", ColumnType::VAR_STRING, ColumnType(99)), "VAR_STRING ColumnType(99)");
    }
}
