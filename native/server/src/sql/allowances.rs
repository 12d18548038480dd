//! What the system variables allow a statement to take.

/// What the system variables allow a statement to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowances {
    /// Bytes that the server may have in use before large values are refused: `global_connection_memory_limit`.
    pub(crate) memory: u64,
    /// Bytes of temporary files that the statement may write, 0 for any number: `tmp_disk_limit`.
    pub(crate) temporary_files: u64,
    /// Bytes that a text may have: the session's `max_allowed_packet`.
    pub(crate) text: u64,
    /// Steps of a recursion: `cte_max_recursion_depth`.
    pub(crate) recursion: u64,
}

impl Default for Allowances {
    /// Those of a statement that belongs to no session of a server, as in tests.
    fn default() -> Self {
        Self { memory: u64::MAX, temporary_files: 0, text: 64 << 20, recursion: 1000 }
    }
}
