//! The protocol's messages, one file per family.

mod bulk;
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
mod relayed_login;
mod replication;
mod row;
pub(crate) mod sql_error;
mod statement;
mod value;
#[cfg(any(test, feature = "vectors"))]
pub mod vectors;

pub use bulk::{BulkExecute, BulkParameter};
pub use capability::Capabilities;
pub(crate) use column::DECIMALS_NOT_FIXED;
pub use column::{CHARSET_BINARY, ColumnDefinition, ColumnFlags, ColumnType};
pub use command::{ChangeUser, Command, Query};
pub use from_row::{Fields, FromField, FromRow, ReadError, ReadProblem};
pub(crate) use generic::{EofPacket, ErrPacket, QueryReply, RowReply};
pub use generic::{OkPacket, SessionChange, StatusFlags};
pub use handshake::{Attributes, HandshakeResponse41, HandshakeV10, SslRequest};
pub(crate) use handshake::{AuthMoreData, AuthSwitchRequest, Greeting, HandshakeReply, encode_attributes};
pub(crate) use relayed_login::RelayedLogin;
pub(crate) use replication::StreamPacket;
pub use replication::{BinlogDump, BinlogDumpGtid, RegisterReplica, SemiSyncAck};
pub use row::{BinaryRow, BinaryValues, TextRow, TextValues, encode_binary_row, encode_text_row};
pub(crate) use sql_error::SqlError;
pub use statement::StmtExecute;
pub(crate) use statement::StmtPrepareOk;
pub use value::{ParamType, Value, ValueText};
