//! The types of columns as TABLE_MAP gives them: a number, and bytes of metadata.
//!
//! Source: MySQL's libs/mysql/binlog/event/binary_log_funcs.cpp; MariaDB's sql/rpl_utility.cc.

use alloc::vec::Vec;

use sealwire_core::message::ColumnType;
use sealwire_core::wire::{Put as _, Reader};

use crate::error::{Problem, Result};
use crate::format::Flavour;

// The types that only logs have.
const NEWDATE: ColumnType = ColumnType(14);
const TIMESTAMP2: ColumnType = ColumnType(17);
const DATETIME2: ColumnType = ColumnType(18);
const TIME2: ColumnType = ColumnType(19);
const TYPED_ARRAY: ColumnType = ColumnType(20);
const BLOB_COMPRESSED: ColumnType = ColumnType(140);
const VARCHAR_COMPRESSED: ColumnType = ColumnType(141);
const VECTOR: ColumnType = ColumnType(242);

/// The most decimals of a DECIMAL.
const MOST_DECIMALS: u8 = 38;
/// The most digits of a DECIMAL.
const MOST_DIGITS: u8 = 65;

/// The type of a column, with all that is needed to read its values from a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// TINYINT.
    TinyInt,
    /// SMALLINT.
    SmallInt,
    /// MEDIUMINT.
    MediumInt,
    /// INT.
    Int,
    /// BIGINT.
    BigInt,
    /// YEAR.
    Year,
    /// FLOAT.
    Float,
    /// DOUBLE.
    Double,
    /// DECIMAL.
    Decimal {
        /// All digits.
        precision: u8,
        /// The digits behind the point.
        scale: u8,
    },
    /// BIT.
    Bit {
        /// 1 to 64.
        bits: u8,
    },
    /// DATE.
    Date,
    /// TIME.
    Time {
        /// The digits behind the second, 0 to 6.
        digits: u8,
    },
    /// DATETIME.
    DateTime {
        /// The digits behind the second, 0 to 6.
        digits: u8,
    },
    /// TIMESTAMP.
    Timestamp {
        /// The digits behind the second, 0 to 6.
        digits: u8,
    },
    /// TIME as written before MySQL 5.6, and by MariaDB with `mysql56_temporal_format=OFF`.
    OldTime,
    /// DATETIME as written before MySQL 5.6.
    OldDateTime,
    /// TIMESTAMP as written before MySQL 5.6.
    OldTimestamp,
    /// CHAR and BINARY; in MariaDB also INET4, INET6 and UUID, whose trailing zero bytes are cut off.
    Char {
        /// The most bytes.
        bytes: u16,
    },
    /// VARCHAR and VARBINARY.
    VarChar {
        /// The most bytes.
        bytes: u16,
    },
    /// VARCHAR COMPRESSED (MariaDB).
    CompressedVarChar {
        /// The most bytes.
        bytes: u16,
    },
    /// TEXT and BLOB of all sizes, and MariaDB's JSON.
    Blob {
        /// The bytes of a value's length, 1 to 4.
        length_bytes: u8,
    },
    /// TEXT COMPRESSED and BLOB COMPRESSED (MariaDB).
    CompressedBlob {
        /// The bytes of a value's length, 1 to 4.
        length_bytes: u8,
    },
    /// JSON (MySQL).
    Json {
        /// The bytes of a value's length, 1 to 4.
        length_bytes: u8,
    },
    /// GEOMETRY and its kinds.
    Geometry {
        /// The bytes of a value's length, 1 to 4.
        length_bytes: u8,
    },
    /// VECTOR (MySQL 9).
    Vector {
        /// The bytes of a value's length, 1 to 4.
        length_bytes: u8,
    },
    /// ENUM.
    Enum {
        /// The bytes of a value, 1 or 2.
        bytes: u8,
    },
    /// SET.
    Set {
        /// The bytes of a value, 1 to 8.
        bytes: u8,
    },
    /// The hidden column of an index on several values of a JSON array (MySQL); its values are JSON.
    TypedArray,
    /// A column that is always NULL.
    Null,
    /// A type whose values have no known length.
    Unknown(u8),
}

impl ColumnKind {
    /// Reads the metadata of a column of this type.
    pub(crate) fn decode(column_type: u8, metadata: &mut Reader<'_>) -> Result<Self> {
        let what = "a column's metadata";
        Ok(match ColumnType(column_type) {
            ColumnType::TINY => Self::TinyInt,
            ColumnType::SHORT => Self::SmallInt,
            ColumnType::INT24 => Self::MediumInt,
            ColumnType::LONG => Self::Int,
            ColumnType::LONGLONG => Self::BigInt,
            ColumnType::YEAR => Self::Year,
            ColumnType::NULL => Self::Null,
            ColumnType::DATE | NEWDATE => Self::Date,
            ColumnType::TIME => Self::OldTime,
            ColumnType::DATETIME => Self::OldDateTime,
            ColumnType::TIMESTAMP => Self::OldTimestamp,
            ColumnType::FLOAT => {
                metadata.u8(what)?;
                Self::Float
            }
            ColumnType::DOUBLE => {
                metadata.u8(what)?;
                Self::Double
            }
            TIME2 => Self::Time { digits: digits(metadata)? },
            DATETIME2 => Self::DateTime { digits: digits(metadata)? },
            TIMESTAMP2 => Self::Timestamp { digits: digits(metadata)? },
            ColumnType::NEWDECIMAL => {
                let (precision, scale) = (metadata.u8(what)?, metadata.u8(what)?);
                if !(1..=MOST_DIGITS).contains(&precision) || scale > precision || scale > MOST_DECIMALS {
                    return Err(Problem::Malformed("a DECIMAL's precision"));
                }
                Self::Decimal { precision, scale }
            }
            ColumnType::BIT => {
                let (rest, bytes) = (metadata.u8(what)?, metadata.u8(what)?);
                let bits = u16::from(bytes) * 8 + u16::from(rest);
                match u8::try_from(bits) {
                    Ok(bits @ 1..=64) if rest < 8 => Self::Bit { bits },
                    _ => return Err(Problem::Malformed("a BIT's length")),
                }
            }
            ColumnType::VARCHAR | ColumnType::VAR_STRING => Self::VarChar { bytes: metadata.u16(what)? },
            VARCHAR_COMPRESSED => Self::CompressedVarChar { bytes: metadata.u16(what)? },
            ColumnType::BLOB | ColumnType::TINY_BLOB | ColumnType::MEDIUM_BLOB | ColumnType::LONG_BLOB => {
                Self::Blob { length_bytes: length_bytes(metadata)? }
            }
            BLOB_COMPRESSED => Self::CompressedBlob { length_bytes: length_bytes(metadata)? },
            ColumnType::JSON => Self::Json { length_bytes: length_bytes(metadata)? },
            ColumnType::GEOMETRY => Self::Geometry { length_bytes: length_bytes(metadata)? },
            VECTOR => Self::Vector { length_bytes: length_bytes(metadata)? },
            ColumnType::STRING | ColumnType::ENUM | ColumnType::SET => string(metadata.u8(what)?, metadata.u8(what)?)?,
            TYPED_ARRAY => typed_array(metadata)?,
            other => Self::Unknown(other.0),
        })
    }

    /// Appends the metadata, and returns the number of the type.
    pub(crate) fn encode(self, metadata: &mut Vec<u8>) -> Result<u8> {
        let column_type = match self {
            Self::TinyInt => ColumnType::TINY,
            Self::SmallInt => ColumnType::SHORT,
            Self::MediumInt => ColumnType::INT24,
            Self::Int => ColumnType::LONG,
            Self::BigInt => ColumnType::LONGLONG,
            Self::Year => ColumnType::YEAR,
            Self::Null => ColumnType::NULL,
            Self::Date => ColumnType::DATE,
            Self::OldTime => ColumnType::TIME,
            Self::OldDateTime => ColumnType::DATETIME,
            Self::OldTimestamp => ColumnType::TIMESTAMP,
            Self::Float => with(ColumnType::FLOAT, &[4], metadata),
            Self::Double => with(ColumnType::DOUBLE, &[8], metadata),
            Self::Time { digits } => with(TIME2, &[digits], metadata),
            Self::DateTime { digits } => with(DATETIME2, &[digits], metadata),
            Self::Timestamp { digits } => with(TIMESTAMP2, &[digits], metadata),
            Self::Decimal { precision, scale } => with(ColumnType::NEWDECIMAL, &[precision, scale], metadata),
            Self::Bit { bits } => with(ColumnType::BIT, &[bits % 8, bits / 8], metadata),
            Self::VarChar { bytes } => with(ColumnType::VARCHAR, &bytes.to_le_bytes(), metadata),
            Self::CompressedVarChar { bytes } => with(VARCHAR_COMPRESSED, &bytes.to_le_bytes(), metadata),
            Self::Blob { length_bytes } => with(ColumnType::BLOB, &[length_bytes], metadata),
            Self::CompressedBlob { length_bytes } => with(BLOB_COMPRESSED, &[length_bytes], metadata),
            Self::Json { length_bytes } => with(ColumnType::JSON, &[length_bytes], metadata),
            Self::Geometry { length_bytes } => with(ColumnType::GEOMETRY, &[length_bytes], metadata),
            Self::Vector { length_bytes } => with(VECTOR, &[length_bytes], metadata),
            Self::Enum { bytes } => with(ColumnType::STRING, &[ColumnType::ENUM.0, bytes], metadata),
            Self::Set { bytes } => with(ColumnType::STRING, &[ColumnType::SET.0, bytes], metadata),
            Self::Char { bytes } => {
                let [low, high] = bytes.to_le_bytes();
                // The two highest bits of ten are in the type, inverted.
                with(ColumnType::STRING, &[ColumnType::STRING.0 ^ ((high & 3) << 4), low], metadata)
            }
            // The types of the elements are not kept.
            Self::TypedArray | Self::Unknown(_) => return Err(Problem::Malformed("a column's type")),
        };
        Ok(column_type.0)
    }

    /// Whether TABLE_MAP says for such a column whether it is unsigned.
    pub(crate) const fn is_numeric(self) -> bool {
        use ColumnKind::{BigInt, Decimal, Double, Float, Int, MediumInt, SmallInt, TinyInt, Year};
        matches!(self, TinyInt | SmallInt | MediumInt | Int | BigInt | Year | Float | Double | Decimal { .. })
    }

    /// Whether TABLE_MAP says for such a column which collation it has. MariaDB counts GEOMETRY among the texts, and MySQL does not.
    pub(crate) const fn has_collation(self, flavour: Flavour) -> bool {
        use ColumnKind::{Blob, Char, CompressedBlob, CompressedVarChar, Geometry, VarChar};
        match self {
            Char { .. } | VarChar { .. } | Blob { .. } | CompressedVarChar { .. } | CompressedBlob { .. } => true,
            Geometry { .. } => matches!(flavour, Flavour::MariaDb),
            _ => false,
        }
    }
}

fn with(column_type: ColumnType, bytes: &[u8], metadata: &mut Vec<u8>) -> ColumnType {
    metadata.put(bytes);
    column_type
}

fn digits(metadata: &mut Reader<'_>) -> Result<u8> {
    match metadata.u8("a column's metadata")? {
        digits @ 0..=6 => Ok(digits),
        _ => Err(Problem::Malformed("the digits behind the second")),
    }
}

fn length_bytes(metadata: &mut Reader<'_>) -> Result<u8> {
    match metadata.u8("a column's metadata")? {
        bytes @ 1..=4 => Ok(bytes),
        _ => Err(Problem::Malformed("the bytes of a value's length")),
    }
}

/// CHAR, ENUM and SET have one number; the first byte of their metadata tells them apart. A CHAR's length of ten bits is over both bytes.
fn string(first: u8, second: u8) -> Result<ColumnKind> {
    match ColumnType(first) {
        ColumnType::ENUM if matches!(second, 1 | 2) => Ok(ColumnKind::Enum { bytes: second }),
        ColumnType::SET if matches!(second, 1..=8) => Ok(ColumnKind::Set { bytes: second }),
        ColumnType::ENUM | ColumnType::SET => Err(Problem::Malformed("the bytes of an ENUM or SET")),
        _ if first | 0x30 == ColumnType::STRING.0 => {
            let high = (first & 0x30) ^ 0x30;
            Ok(ColumnKind::Char { bytes: u16::from(high) << 4 | u16::from(second) })
        }
        // Old servers left the first byte 0.
        _ if first == 0 => Ok(ColumnKind::Char { bytes: u16::from(second) }),
        _ => Err(Problem::Malformed("a string's type")),
    }
}

/// Reads the type of the elements, whose metadata is as that of columns, but for VARCHAR's three bytes.
fn typed_array(metadata: &mut Reader<'_>) -> Result<ColumnKind> {
    let what = "the type of an array's elements";
    match ColumnType(metadata.u8(what)?) {
        TYPED_ARRAY => return Err(Problem::Malformed(what)),
        ColumnType::VARCHAR => drop(metadata.u24(what)?),
        other => drop(ColumnKind::decode(other.0, metadata)?),
    }
    Ok(ColumnKind::TypedArray)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_char_of_any_length_comes_back() {
        for bytes in [0, 1, 5, 255, 256, 400, 512, 1020, 1023] {
            let mut metadata = Vec::new();
            let kind = ColumnKind::Char { bytes };
            assert_eq!(kind.encode(&mut metadata), Ok(ColumnType::STRING.0));
            assert_eq!(ColumnKind::decode(ColumnType::STRING.0, &mut Reader::new(&metadata)), Ok(kind));
        }
        assert_eq!(string(0xee, 0x90), Ok(ColumnKind::Char { bytes: 400 }));
        assert_eq!(string(0xce, 0xfc), Ok(ColumnKind::Char { bytes: 1020 }));
    }

    #[test]
    fn metadata_that_no_server_writes_is_refused() {
        let refused = |column_type: ColumnType, metadata: &[u8]| {
            assert!(ColumnKind::decode(column_type.0, &mut Reader::new(metadata)).is_err(), "{metadata:?}");
        };
        refused(ColumnType::NEWDECIMAL, &[66, 0]);
        refused(ColumnType::NEWDECIMAL, &[10, 11]);
        refused(ColumnType::NEWDECIMAL, &[10]);
        refused(ColumnType::BIT, &[0, 0]);
        refused(ColumnType::BIT, &[1, 8]);
        refused(ColumnType::BLOB, &[5]);
        refused(ColumnType::STRING, &[ColumnType::ENUM.0, 3]);
        refused(TIME2, &[7]);
        refused(TYPED_ARRAY, &[TYPED_ARRAY.0, TYPED_ARRAY.0, 1]);
    }
}
