//! The server's version and name.

/// The version in the greeting. Connectors derive the server's features from its number.
pub(crate) const VERSION: &str = concat!("8.0.99-Sealwire-", env!("CARGO_PKG_VERSION"));
/// The value of `@@version_comment`.
pub(crate) const VERSION_COMMENT: &str = "Sealwire server (MIT OR Apache-2.0)";
