//! The servers that a session may have: a pool, and a role in it.

/// The servers that a session may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of the pool.
    pub(super) pool: usize,
    pub(super) role: Role,
}

/// The servers of a pool that a session may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// All in turn.
    Any,
    /// The one that takes the writes.
    Writer,
    /// The others; the writer where there are none.
    Reader,
}

impl Role {
    pub(super) const NAMES: [(&'static str, Self); 3] =
        [("any", Self::Any), ("writer", Self::Writer), ("reader", Self::Reader)];

    /// The name in the options and in the administration's answers.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Writer => "writer",
            Self::Reader => "reader",
        }
    }
}
