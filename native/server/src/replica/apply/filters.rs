//! Which changes of a source are applied: `replicate_do_db` and its kin.

use crate::sql::like::like;

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
    /// `replicate_same_server_id`: events with this server's own `server_id` are applied, too.
    pub(crate) same_server_id: bool,
}

impl Filters {
    /// This server's name for a database of the source.
    pub(super) fn rewritten<'n>(&'n self, database: &'n str) -> &'n str {
        self.rewrite_db.iter().find(|(from, _)| from == database).map_or(database, |(_, to)| to)
    }

    /// Whether changes in a database are applied; of a statement it is the current one.
    pub(super) fn allow_database(&self, database: Option<&str>) -> bool {
        if self.do_db.is_empty() && self.ignore_db.is_empty() {
            return true;
        }
        let Some(database) = database else { return false };
        let has = |list: &[String]| list.iter().any(|name| name == database);
        if self.do_db.is_empty() { !has(&self.ignore_db) } else { has(&self.do_db) }
    }

    /// Whether there are filters of tables.
    pub(super) const fn has_tables(&self) -> bool {
        !(self.do_table.is_empty()
            && self.ignore_table.is_empty()
            && self.wild_do_table.is_empty()
            && self.wild_ignore_table.is_empty())
    }

    /// Whether changes of these tables are applied: the first table that a list names decides, and the lists count in this order.
    pub(super) fn allow_tables<'n>(&self, tables: impl IntoIterator<Item = (&'n str, &'n str)>) -> bool {
        let mut is_any = false;
        for (database, table) in tables {
            is_any = true;
            let name = format!("{database}.{table}");
            let is_in = |list: &[String]| list.contains(&name);
            let matches = |list: &[String]| {
                list.iter().any(|pattern| like(&name, pattern, Some('\\'), || false).unwrap_or(false))
            };
            if is_in(&self.do_table) {
                return true;
            }
            if is_in(&self.ignore_table) {
                return false;
            }
            if matches(&self.wild_do_table) {
                return true;
            }
            if matches(&self.wild_ignore_table) {
                return false;
            }
        }
        !is_any || (self.do_table.is_empty() && self.wild_do_table.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &[&str]) -> Vec<String> {
        all.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn databases_are_chosen_as_in_mysql() {
        let all = Filters::default();
        assert!(all.allow_database(Some("a")) && all.allow_database(None));
        let only = Filters { do_db: names(&["a"]), ignore_db: names(&["a"]), ..Filters::default() };
        assert!(only.allow_database(Some("a")), "do_db wins");
        assert!(!only.allow_database(Some("b")) && !only.allow_database(None));
        let but = Filters { ignore_db: names(&["a"]), ..Filters::default() };
        assert!(!but.allow_database(Some("a")) && but.allow_database(Some("b")) && !but.allow_database(None));
    }

    #[test]
    fn tables_are_chosen_as_in_mysql() {
        let filters = Filters {
            do_table: names(&["a.t"]),
            ignore_table: names(&["a.u", "a.t"]),
            wild_do_table: names(&["b_.%", "c\\_.x"]),
            wild_ignore_table: names(&["%.%"]),
            ..Filters::default()
        };
        for (database, table, expected) in [
            ("a", "t", true),
            ("a", "u", false),
            ("b1", "anything", true),
            ("b", "anything", false),
            ("c_", "x", true),
            ("cx", "x", false),
        ] {
            assert_eq!(filters.allow_tables([(database, table)]), expected, "{database}.{table}");
        }
        assert!(filters.allow_tables([]), "a statement without tables passes");
        let ignoring = Filters { ignore_table: names(&["a.u"]), ..Filters::default() };
        assert!(ignoring.allow_tables([("a", "t")]) && !ignoring.allow_tables([("a", "t"), ("a", "u")]));
        let only = Filters { wild_do_table: names(&["a.%"]), ..Filters::default() };
        assert!(only.allow_tables([("b", "t"), ("a", "t")]) && !only.allow_tables([("b", "t")]));
    }

    #[test]
    fn databases_get_other_names() {
        let filters = Filters { rewrite_db: vec![("a".into(), "b".into())], ..Filters::default() };
        assert_eq!((filters.rewritten("a"), filters.rewritten("c")), ("b", "c"));
    }
}
