//! The replication filters of a channel, as CHANGE REPLICATION FILTER gives them.

/// The databases and tables that are applied, or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FilterLists([Vec<String>; 7]);

/// The names of the filters. The last one has entries of `from->to`.
pub(crate) const FILTERS: [&str; 7] = [
    "REPLICATE_DO_DB",
    "REPLICATE_IGNORE_DB",
    "REPLICATE_DO_TABLE",
    "REPLICATE_IGNORE_TABLE",
    "REPLICATE_WILD_DO_TABLE",
    "REPLICATE_WILD_IGNORE_TABLE",
    "REPLICATE_REWRITE_DB",
];

impl FilterLists {
    /// The filters in variables, in the order of [`FILTERS`]: entries separated by commas.
    pub(crate) fn of(variables: [&str; 7]) -> Self {
        let entries =
            |list: &str| list.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect();
        Self(variables.map(entries))
    }

    /// These filters and others together.
    pub(crate) fn with(&self, others: &Self) -> Self {
        let mut all = self.clone();
        for (list, more) in all.0.iter_mut().zip(&others.0) {
            list.extend_from_slice(more);
        }
        all
    }

    /// The filters with their names.
    pub(crate) fn lists(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        FILTERS.into_iter().zip(self.0.iter().map(Vec::as_slice))
    }

    /// A filter by its name.
    pub(crate) fn list(&self, name: &str) -> &[String] {
        self.lists().find(|(known, _)| *known == name).map(|(_, list)| list).unwrap_or_default()
    }

    /// A filter to change.
    pub(crate) fn list_mut(&mut self, name: &str) -> Option<&mut Vec<String>> {
        FILTERS.into_iter().zip(&mut self.0).find(|(known, _)| *known == name).map(|(_, list)| list)
    }
}
