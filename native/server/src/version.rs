//! What the server says of itself.

/// The version that the greeting shows: connectors read what a server can do from its number.
pub(crate) const VERSION: &str = concat!("8.0.99-Sealwire-", env!("CARGO_PKG_VERSION"));
/// What `@@version_comment` says.
pub(crate) const VERSION_COMMENT: &str = "Sealwire server (MIT OR Apache-2.0)";
