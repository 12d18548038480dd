//! The protocol's messages, one file per family.

mod attributes;
mod authentication;
mod binary_value;
mod capability;
mod column;
mod command;
#[cfg(test)]
mod generator;
mod generic;
mod handshake;
mod parameters;
mod reply;
mod row;
mod statement;
mod status;
mod value;
#[cfg(any(test, feature = "vectors"))]
pub mod vectors;

pub use attributes::{Attributes, encode_attributes};
pub use authentication::{AuthMoreData, AuthNextFactor, AuthSwitchRequest, HandshakeReply};
pub use capability::Capabilities;
pub use column::{CHARSET_BINARY, CHARSET_UTF8MB4, ColumnDefinition, ColumnFlags, ColumnType, DECIMALS_NOT_FIXED};
pub use command::{ChangeUser, Command, Query};
pub use generic::{EofPacket, ErrPacket, OkPacket, SessionChange};
pub use handshake::{Greeting, HandshakeResponse41, HandshakeV10, SslRequest};
pub use reply::{QueryReply, RowReply};
pub use row::{BinaryRow, BinaryValues, TextRow, TextValues, encode_binary_row, encode_text_row};
pub use statement::{StmtExecute, StmtPrepareOk};
pub use status::StatusFlags;
pub use value::{ParamType, Value, ValueText};
