//! Which changes of a source are applied: `replicate_do_db` and its kin.

/// The filters of a channel. Names compare as they are written. Each list is as the option gives it, split at its commas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filters {
    /// `replicate_do_db`: only changes in these databases are applied.
    pub(crate) do_db: Vec<String>,
    /// `replicate_ignore_db`: changes in these databases are not.
    pub(crate) ignore_db: Vec<String>,
    /// `replicate_do_table`: only changes of these tables are applied, `database.table`.
    pub(crate) do_table: Vec<String>,
    /// `replicate_ignore_table`: changes of these tables are not.
    pub(crate) ignore_table: Vec<String>,
    /// `replicate_wild_do_table`: as `do_table`, with the wildcards `%`, `_` and `\`.
    pub(crate) wild_do_table: Vec<String>,
    /// `replicate_wild_ignore_table`: as `ignore_table`, with wildcards.
    pub(crate) wild_ignore_table: Vec<String>,
    /// `replicate_rewrite_db`: the source's database, and this server's for it.
    pub(crate) rewrite_db: Vec<(String, String)>,
}
