//! The size of file systems, and the space that is left in them.

use std::path::Path;

/// The size of a file system, and its free space.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Space {
    /// All bytes.
    pub(crate) all: u64,
    /// The bytes that programs without privileges may still use.
    pub(crate) free: u64,
}

impl Space {
    /// `None` where the system does not say.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let system = rustix::fs::statvfs(folder).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(system.f_frsize);
        Some(Self { all: bytes(system.f_blocks), free: bytes(system.f_bavail) })
    }

    /// One of `parts` equal parts of the file system, at most `most` bytes.
    pub(crate) fn part(self, parts: u64, most: u64) -> u64 {
        (self.all / parts).min(most)
    }
}
