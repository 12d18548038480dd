//! The port of MySQL.

/// The TCP port that a MySQL server listens on, and a client connects to, where no other is given.
pub const DEFAULT_PORT: u16 = 3306;
