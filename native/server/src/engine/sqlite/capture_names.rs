//! The names by which the authorizer knows the triggers that tell the binary log of changed rows.

/// The function that the triggers call with the values of a row.
pub(super) const FUNCTION: &str = "sealwire_changed_row";
/// The number with which the triggers ask whether a row has the form of its columns now, in the place of a change's.
pub(super) const SETTLED: i64 = 3;
/// The function that gives the triggers a value in the form of its column.
pub(super) const FORM: &str = "sealwire_form_of_value";
/// The names of the triggers begin with this, which no name of a user's does.
const TRIGGER: &str = "\u{1}changed ";

/// The name of the trigger for an event.
pub(super) fn trigger(event: &str, database: &str, table: &str) -> String {
    format!("{TRIGGER}{event} {database}.{table}")
}

/// Whether one of the triggers does what SQLite asks about.
pub(super) fn is_trigger(accessor: Option<&str>) -> bool {
    accessor.is_some_and(|accessor| accessor.starts_with(TRIGGER))
}
