//! The names of XA transactions, and the statements of their second phase.

use std::fmt::Write as _;

use sealwire_binlog::Xid;
use sealwire_core::error::SqlError;

/// The XA transaction whose events arrive.
pub(super) struct Holding {
    pub(super) xid: String,
    /// The events that are not written yet.
    pub(super) part: Vec<u8>,
    /// The number of the part.
    pub(super) parts: u64,
}

/// The second phase of an XA transaction.
pub(super) enum Second {
    Commit(String),
    Rollback(String),
}

impl Second {
    /// Reads a statement; `None` where it is another one.
    pub(super) fn of(sql: &[u8]) -> Option<Self> {
        let behind = |words: &str| {
            let (front, xid) = sql.split_at_checked(words.len())?;
            front.eq_ignore_ascii_case(words.as_bytes()).then(|| name(xid))
        };
        behind("XA COMMIT ").map(Self::Commit).or_else(|| behind("XA ROLLBACK ").map(Self::Rollback))
    }
}

/// The name of a transaction from a statement's text, as both servers log it: `x'78',x'',1`.
pub(super) fn name(text: &[u8]) -> String {
    String::from_utf8_lossy(text).to_ascii_lowercase().split_whitespace().collect()
}

/// The name of a transaction from an event.
pub(super) fn name_of(xid: &Xid<'_>) -> String {
    let mut name = String::new();
    for part in [xid.global, xid.branch] {
        name.push_str("x'");
        for byte in part {
            let _ = write!(name, "{byte:02x}");
        }
        name.push_str("',");
    }
    let _ = write!(name, "{}", xid.format);
    name
}

/// The error of an XA PREPARE that ends no XA transaction.
pub(super) fn unnamed() -> SqlError {
    SqlError::new(
        1594,
        b"HY000",
        "Relay log read failure: XA PREPARE does not have the name of the XA transaction before it",
    )
}
