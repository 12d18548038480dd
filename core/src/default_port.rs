//! MySQL's default port.

/// The TCP port on which a MySQL server listens, and to which a client connects, if no other is given.
pub const DEFAULT_PORT: u16 = 3306;
