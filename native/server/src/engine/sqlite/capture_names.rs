//! The names by which the authorizer knows the triggers that tell the binary log of changed rows.

/// The function that the triggers call.
pub(super) const FUNCTION: &str = "sealwire_changed_row";
/// The names of the triggers begin with this, which no name of a user's does.
pub(super) const TRIGGER: &str = "\u{1}changed ";
