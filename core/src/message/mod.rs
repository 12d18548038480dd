//! The protocol's messages, one file per family.

mod capability;
mod column;
mod command;
mod flags;
mod from_row;
#[cfg(test)]
mod generator;
mod generic;
mod handshake;
mod parameters;
mod row;
mod sql_error;
mod statement;
mod value;
#[cfg(any(test, feature = "vectors"))]
pub mod vectors;

pub use capability::Capabilities;
pub use column::{CHARSET_BINARY, CHARSET_UTF8MB4, ColumnDefinition, ColumnFlags, ColumnType, DECIMALS_NOT_FIXED};
pub use command::{ChangeUser, Command, Query};
pub use from_row::{Fields, FromField, FromRow, ReadError, ReadProblem};
pub use generic::{EofPacket, ErrPacket, OkPacket, QueryReply, RowReply, SessionChange, StatusFlags};
pub use handshake::{
    Attributes, AuthMoreData, AuthNextFactor, AuthSwitchRequest, Greeting, HandshakeReply, HandshakeResponse41,
    HandshakeV10, SslRequest, encode_attributes,
};
pub use row::{BinaryRow, BinaryValues, TextRow, TextValues, encode_binary_row, encode_text_row};
pub use sql_error::SqlError;
pub use statement::{StmtExecute, StmtPrepareOk};
pub use value::{ParamType, Value, ValueText};
