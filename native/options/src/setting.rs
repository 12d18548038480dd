//! The settings of option files.

use super::values::Origin;

/// One setting of an option file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub name: String,
    pub value: Option<Vec<u8>>,
    pub origin: Origin,
}
