//! A place in the binary log.

use std::sync::Arc;

/// A place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The name of the file.
    pub(crate) file: Arc<str>,
    /// The position in it.
    pub(crate) position: u64,
}
