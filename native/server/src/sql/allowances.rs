//! The limits that system variables set for a statement.

/// The limits that system variables set for a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowances {
    /// The bytes of memory in use above which the server refuses large values: `global_connection_memory_limit`.
    pub(crate) memory: u64,
    /// The most bytes of temporary files for the statement, 0 for no limit: `tmp_disk_limit`.
    pub(crate) temporary_files: u64,
    /// The most bytes of a text: the session's `max_allowed_packet`.
    pub(crate) text: u64,
    /// The most steps of a recursion: `cte_max_recursion_depth`.
    pub(crate) recursion: u64,
}

impl Default for Allowances {
    /// The limits of a statement outside of a session, as in tests.
    fn default() -> Self {
        Self { memory: u64::MAX, temporary_files: 0, text: 64 << 20, recursion: 1000 }
    }
}
