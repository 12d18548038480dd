//! The two directions of a connection.

/// The side to which bytes are on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Toward {
    /// From client to server.
    Server,
    /// From server to client.
    Client,
}
