//! JSON documents in MySQL's binary form, as rows of MySQL hold them.
//!
//! [`parse`] gives the tree, borrowed from the row; [`to_text`] its text as MySQL prints it; [`from_text`] the binary form of a text;
//! [`diffs`] the changes of PARTIAL_UPDATE_ROWS; [`patched`] a text with such changes.
//!
//! Source: MySQL's sql-common/json_binary.h.

mod binary;
mod diff;
mod encode;
mod patch;
mod text;

pub use binary::{Container, Node, parse};
pub use diff::{Diff, Operation, diffs};
pub use encode::{JsonError, from_text};
pub use patch::{PatchError, patched};
pub use text::to_text;

/// The deepest nesting, as in MySQL.
pub const MOST_DEPTH: usize = 100;
