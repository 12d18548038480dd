//! Privileges, with MySQL's and MariaDB's names, and the levels at which an account holds them.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::Dialect;
use super::name::{first_wildcard, like};

/// One privilege, static or dynamic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Privilege(u8);

/// The most specific level at which a privilege can be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Global,
    Database,
    Table,
}

macro_rules! privileges {
    ($($constant:ident $name:literal $scope:ident,)*) => {
        #[allow(clippy::upper_case_acronyms, non_camel_case_types)]
        enum Index { $($constant),* }

        const TABLE: &[(&str, Scope)] = &[$(($name, Scope::$scope)),*];

        impl Privilege {
            $(#[doc = concat!("The privilege `", $name, "`.")] pub const $constant: Self = Self(Index::$constant as u8);)*
        }
    };
}

// The order is the one of SHOW GRANTS: MySQL's static privileges, MariaDB's, MySQL's dynamic ones.
privileges! {
    SELECT "SELECT" Table,
    INSERT "INSERT" Table,
    UPDATE "UPDATE" Table,
    DELETE "DELETE" Table,
    CREATE "CREATE" Table,
    DROP "DROP" Table,
    RELOAD "RELOAD" Global,
    SHUTDOWN "SHUTDOWN" Global,
    PROCESS "PROCESS" Global,
    FILE "FILE" Global,
    REFERENCES "REFERENCES" Table,
    INDEX "INDEX" Table,
    ALTER "ALTER" Table,
    SHOW_DATABASES "SHOW DATABASES" Global,
    SUPER "SUPER" Global,
    CREATE_TEMPORARY_TABLES "CREATE TEMPORARY TABLES" Database,
    LOCK_TABLES "LOCK TABLES" Database,
    EXECUTE "EXECUTE" Database,
    REPLICATION_SLAVE "REPLICATION SLAVE" Global,
    REPLICATION_CLIENT "REPLICATION CLIENT" Global,
    CREATE_VIEW "CREATE VIEW" Table,
    SHOW_VIEW "SHOW VIEW" Table,
    CREATE_ROUTINE "CREATE ROUTINE" Database,
    ALTER_ROUTINE "ALTER ROUTINE" Database,
    CREATE_USER "CREATE USER" Global,
    EVENT "EVENT" Database,
    TRIGGER "TRIGGER" Table,
    CREATE_TABLESPACE "CREATE TABLESPACE" Global,
    CREATE_ROLE "CREATE ROLE" Global,
    DROP_ROLE "DROP ROLE" Global,
    GRANT_OPTION "GRANT OPTION" Table,
    DELETE_HISTORY "DELETE HISTORY" Table,
    SET_USER "SET USER" Global,
    FEDERATED_ADMIN "FEDERATED ADMIN" Global,
    MARIADB_CONNECTION_ADMIN "CONNECTION ADMIN" Global,
    READ_ONLY_ADMIN "READ_ONLY ADMIN" Global,
    MARIADB_REPLICATION_SLAVE_ADMIN "REPLICATION SLAVE ADMIN" Global,
    REPLICATION_MASTER_ADMIN "REPLICATION MASTER ADMIN" Global,
    MARIADB_BINLOG_ADMIN "BINLOG ADMIN" Global,
    BINLOG_REPLAY "BINLOG REPLAY" Global,
    SLAVE_MONITOR "SLAVE MONITOR" Global,
    SHOW_CREATE_ROUTINE "SHOW CREATE ROUTINE" Database,
    ALLOW_NONEXISTENT_DEFINER "ALLOW_NONEXISTENT_DEFINER" Global,
    APPLICATION_PASSWORD_ADMIN "APPLICATION_PASSWORD_ADMIN" Global,
    AUDIT_ABORT_EXEMPT "AUDIT_ABORT_EXEMPT" Global,
    AUDIT_ADMIN "AUDIT_ADMIN" Global,
    AUTHENTICATION_POLICY_ADMIN "AUTHENTICATION_POLICY_ADMIN" Global,
    BACKUP_ADMIN "BACKUP_ADMIN" Global,
    BINLOG_ADMIN "BINLOG_ADMIN" Global,
    BINLOG_ENCRYPTION_ADMIN "BINLOG_ENCRYPTION_ADMIN" Global,
    CLONE_ADMIN "CLONE_ADMIN" Global,
    CONNECTION_ADMIN "CONNECTION_ADMIN" Global,
    ENCRYPTION_KEY_ADMIN "ENCRYPTION_KEY_ADMIN" Global,
    FIREWALL_ADMIN "FIREWALL_ADMIN" Global,
    FIREWALL_EXEMPT "FIREWALL_EXEMPT" Global,
    FIREWALL_USER "FIREWALL_USER" Global,
    FLUSH_OPTIMIZER_COSTS "FLUSH_OPTIMIZER_COSTS" Global,
    FLUSH_PRIVILEGES "FLUSH_PRIVILEGES" Global,
    FLUSH_STATUS "FLUSH_STATUS" Global,
    FLUSH_TABLES "FLUSH_TABLES" Global,
    FLUSH_USER_RESOURCES "FLUSH_USER_RESOURCES" Global,
    GROUP_REPLICATION_ADMIN "GROUP_REPLICATION_ADMIN" Global,
    GROUP_REPLICATION_STREAM "GROUP_REPLICATION_STREAM" Global,
    INNODB_REDO_LOG_ARCHIVE "INNODB_REDO_LOG_ARCHIVE" Global,
    INNODB_REDO_LOG_ENABLE "INNODB_REDO_LOG_ENABLE" Global,
    MASKING_DICTIONARIES_ADMIN "MASKING_DICTIONARIES_ADMIN" Global,
    NDB_STORED_USER "NDB_STORED_USER" Global,
    OPTIMIZE_LOCAL_TABLE "OPTIMIZE_LOCAL_TABLE" Global,
    PASSWORDLESS_USER_ADMIN "PASSWORDLESS_USER_ADMIN" Global,
    PERSIST_RO_VARIABLES_ADMIN "PERSIST_RO_VARIABLES_ADMIN" Global,
    REPLICATION_APPLIER "REPLICATION_APPLIER" Global,
    REPLICATION_SLAVE_ADMIN "REPLICATION_SLAVE_ADMIN" Global,
    RESOURCE_GROUP_ADMIN "RESOURCE_GROUP_ADMIN" Global,
    RESOURCE_GROUP_USER "RESOURCE_GROUP_USER" Global,
    ROLE_ADMIN "ROLE_ADMIN" Global,
    SENSITIVE_VARIABLES_OBSERVER "SENSITIVE_VARIABLES_OBSERVER" Global,
    SERVICE_CONNECTION_ADMIN "SERVICE_CONNECTION_ADMIN" Global,
    SESSION_VARIABLES_ADMIN "SESSION_VARIABLES_ADMIN" Global,
    SET_ANY_DEFINER "SET_ANY_DEFINER" Global,
    SET_USER_ID "SET_USER_ID" Global,
    SHOW_ROUTINE "SHOW_ROUTINE" Global,
    SKIP_QUERY_REWRITE "SKIP_QUERY_REWRITE" Global,
    SYSTEM_USER "SYSTEM_USER" Global,
    SYSTEM_VARIABLES_ADMIN "SYSTEM_VARIABLES_ADMIN" Global,
    TABLE_ENCRYPTION_ADMIN "TABLE_ENCRYPTION_ADMIN" Global,
    TELEMETRY_LOG_ADMIN "TELEMETRY_LOG_ADMIN" Global,
    TP_CONNECTION_ADMIN "TP_CONNECTION_ADMIN" Global,
    TRANSACTION_GTID_TAG "TRANSACTION_GTID_TAG" Global,
    VERSION_TOKEN_ADMIN "VERSION_TOKEN_ADMIN" Global,
    XA_RECOVER_ADMIN "XA_RECOVER_ADMIN" Global,
}

// A set of privileges is one u128.
const _: () = assert!(TABLE.len() <= 128);

/// Alternative names of privileges.
const ALIASES: &[(&str, &str)] = &[
    ("BINLOG MONITOR", "REPLICATION CLIENT"),
    ("REPLICATION REPLICA", "REPLICATION SLAVE"),
    ("REPLICA MONITOR", "SLAVE MONITOR"),
    ("REPLICATION REPLICA ADMIN", "REPLICATION SLAVE ADMIN"),
    ("DELETE VERSIONING ROWS", "DELETE HISTORY"),
];

impl Privilege {
    /// Whether servers of this kind have the privilege under this name.
    pub(crate) const fn is_of(self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::MySql => {
                self.0 < Self::DELETE_HISTORY.0
                    || self.0 >= Self::APPLICATION_PASSWORD_ADMIN.0
                    || self.0 == Self::GRANT_OPTION.0
            }
            Dialect::MariaDb => {
                self.0 < Self::APPLICATION_PASSWORD_ADMIN.0
                    && self.0 != Self::CREATE_ROLE.0
                    && self.0 != Self::DROP_ROLE.0
            }
        }
    }

    /// Whether all servers of this kind have the privilege: MariaDB since 10.5.8, MySQL since 8.0.30 without components and later versions'.
    pub(crate) fn is_of_all(self, dialect: Dialect) -> bool {
        const NOT_OF_ALL: [Privilege; 18] = [
            Privilege::SHOW_CREATE_ROUTINE,
            Privilege::ALLOW_NONEXISTENT_DEFINER,
            Privilege::FIREWALL_ADMIN,
            Privilege::FIREWALL_EXEMPT,
            Privilege::FIREWALL_USER,
            Privilege::FLUSH_PRIVILEGES,
            Privilege::MASKING_DICTIONARIES_ADMIN,
            Privilege::NDB_STORED_USER,
            Privilege::OPTIMIZE_LOCAL_TABLE,
            Privilege::SENSITIVE_VARIABLES_OBSERVER,
            Privilege::SET_ANY_DEFINER,
            Privilege::SET_USER_ID,
            Privilege::SKIP_QUERY_REWRITE,
            Privilege::TELEMETRY_LOG_ADMIN,
            Privilege::TP_CONNECTION_ADMIN,
            Privilege::TRANSACTION_GTID_TAG,
            Privilege::VERSION_TOKEN_ADMIN,
            Privilege::AUDIT_ABORT_EXEMPT,
        ];
        self.is_of(dialect) && !NOT_OF_ALL.contains(&self)
    }

    /// The privilege with this name, in any case and with single spaces.
    pub fn from_name(name: &str) -> Option<Self> {
        let canonical =
            ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name)).map_or(name, |(_, real)| real);
        Self::all().find(|privilege| privilege.name().eq_ignore_ascii_case(canonical))
    }

    /// The privilege's name in SHOW GRANTS.
    pub fn name(self) -> &'static str {
        TABLE.get(usize::from(self.0)).map_or("", |(name, _)| name)
    }

    fn all() -> impl Iterator<Item = Self> {
        (0u8..).take(TABLE.len()).map(Self)
    }

    fn scope(self) -> Scope {
        TABLE.get(usize::from(self.0)).map_or(Scope::Global, |(_, scope)| *scope)
    }
}

/// The level at which privileges are granted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `*.*`
    Global,
    /// `db.*`; the name is a pattern with `%`, `_` and backslash.
    Database(String),
    /// `db.tbl`
    Table(String, String),
}

impl Level {
    const fn scope(&self) -> Scope {
        match self {
            Self::Global => Scope::Global,
            Self::Database(_) => Scope::Database,
            Self::Table(..) => Scope::Table,
        }
    }
}

/// A set of privileges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Privileges(u128);

impl Privileges {
    /// The empty set: USAGE.
    pub const NONE: Self = Self(0);

    /// All privileges that can be granted at `level` except GRANT OPTION: the meaning of ALL PRIVILEGES.
    pub fn all_at(level: &Level) -> Self {
        Privilege::all()
            .filter(|privilege| privilege.scope() >= level.scope() && *privilege != Privilege::GRANT_OPTION)
            .collect()
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the set contains all of `other`.
    pub const fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the set contains `privilege`.
    pub const fn contains(self, privilege: Privilege) -> bool {
        self.0 & (1 << privilege.0) != 0
    }

    /// The union of both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The privileges of this set that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The privileges in the order of SHOW GRANTS.
    pub fn iter(self) -> impl Iterator<Item = Privilege> {
        Privilege::all().filter(move |privilege| self.contains(*privilege))
    }

    /// Whether every privilege of the set can be granted at `level`.
    pub fn fits(self, level: &Level) -> bool {
        self.iter().all(|privilege| privilege.scope() >= level.scope())
    }
}

impl FromIterator<Privilege> for Privileges {
    fn from_iter<I: IntoIterator<Item = Privilege>>(privileges: I) -> Self {
        Self(privileges.into_iter().fold(0, |set, privilege| set | 1 << privilege.0))
    }
}

impl From<Privilege> for Privileges {
    fn from(privilege: Privilege) -> Self {
        Self(1 << privilege.0)
    }
}

/// The privileges of an account at each level.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    global: Privileges,
    // The levels other than global, each with at least one privilege.
    local: BTreeMap<Level, Privileges>,
}

impl Grants {
    /// The privileges granted at exactly this level.
    pub fn at(&self, level: &Level) -> Privileges {
        match level {
            Level::Global => self.global,
            level => self.local.get(level).copied().unwrap_or_default(),
        }
    }

    /// The levels other than global with their privileges, databases before tables.
    pub fn local(&self) -> impl Iterator<Item = (&Level, Privileges)> {
        self.local.iter().map(|(level, privileges)| (level, *privileges))
    }

    /// Sets the privileges at a level.
    pub fn set(&mut self, level: Level, privileges: Privileges) {
        match level {
            Level::Global => self.global = privileges,
            level if privileges.is_empty() => {
                self.local.remove(&level);
            }
            level => {
                self.local.insert(level, privileges);
            }
        }
    }

    /// The privileges that apply to a thing: the global ones, those on its database (by the most specific matching pattern, as in MySQL),
    /// and those on the table itself.
    pub fn effective(&self, level: &Level) -> Privileges {
        match level {
            Level::Global => self.global,
            Level::Database(database) => self.global.with(self.on_database(database)),
            Level::Table(database, _) => self.global.with(self.on_database(database)).with(self.at(level)),
        }
    }

    /// The privileges held on everything that a level can match, which the account may therefore grant to others. For a pattern these are
    /// the global privileges and those on exactly the same pattern, because comparing patterns as names is wrong: the text `a%` matches the
    /// pattern `a_`, but as a pattern it stands for many more databases.
    pub fn over(&self, level: &Level) -> Privileges {
        match level {
            Level::Database(pattern) if first_wildcard(pattern).is_some() => self.global.with(self.at(level)),
            Level::Database(name) => self.effective(&Level::Database(name.replace("\\_", "_").replace("\\%", "%"))),
            level => self.effective(level),
        }
    }

    /// Whether the account has any privilege in `database`, as USE requires.
    pub fn reaches(&self, database: &str) -> bool {
        let global = self.global.iter().any(|privilege| privilege.scope() >= Scope::Database);
        let on_table = |level: &Level| matches!(level, Level::Table(name, _) if name == database);
        global || !self.on_database(database).is_empty() || self.local.keys().any(on_table)
    }

    /// Whether the account has any privilege on a table.
    pub fn sees(&self, database: &str, table: &str) -> bool {
        let level = Level::Table(database.into(), table.into());
        self.effective(&level).iter().any(|privilege| privilege.scope() == Scope::Table)
    }

    fn on_database(&self, database: &str) -> Privileges {
        let mut matching: Vec<(usize, Privileges)> = self
            .local
            .iter()
            .filter_map(|(level, privileges)| match level {
                Level::Database(pattern) if pattern == database => Some((usize::MAX, *privileges)),
                Level::Database(pattern) if like(pattern, database, |a, b| a == b) => {
                    Some((first_wildcard(pattern).unwrap_or(usize::MAX), *privileges))
                }
                _ => None,
            })
            .collect();
        matching.sort_by_key(|(literal, _)| core::cmp::Reverse(*literal));
        matching.first().map_or(Privileges::NONE, |(_, privileges)| *privileges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(name: &str) -> Level {
        Level::Database(name.into())
    }

    #[test]
    fn names_read_back_and_aliases_are_known() {
        for privilege in Privilege::all() {
            assert_eq!(Privilege::from_name(&privilege.name().to_lowercase()), Some(privilege));
        }
        assert_eq!(Privilege::from_name("binlog monitor"), Some(Privilege::REPLICATION_CLIENT));
        assert_eq!(Privilege::from_name("CONNECTION_ADMIN"), Some(Privilege::CONNECTION_ADMIN));
        assert_eq!(Privilege::from_name("FLY"), None);
        for (alias, name) in ALIASES {
            assert_eq!(Privilege::from_name(alias).map(Privilege::name), Some(*name));
        }
    }

    #[test]
    fn all_means_what_fits_the_level() {
        assert!(Privileges::all_at(&Level::Global).contains(Privilege::SUPER));
        assert!(!Privileges::all_at(&database("d")).contains(Privilege::SUPER));
        assert!(Privileges::all_at(&database("d")).contains(Privilege::EXECUTE));
        let table = Level::Table("d".into(), "t".into());
        assert!(!Privileges::all_at(&table).contains(Privilege::EXECUTE));
        for level in [Level::Global, database("d"), table] {
            assert!(Privileges::all_at(&level).fits(&level));
            assert!(!Privileges::all_at(&level).contains(Privilege::GRANT_OPTION));
        }
    }

    #[test]
    fn the_most_specific_database_pattern_counts_alone() {
        let mut grants = Grants::default();
        grants.set(database("app%"), Privilege::SELECT.into());
        grants.set(database("app\\_one"), Privilege::INSERT.into());
        grants.set(database("%"), Privilege::DELETE.into());
        assert_eq!(grants.effective(&database("app_one")), Privilege::INSERT.into());
        assert_eq!(grants.effective(&database("appXone")), Privilege::SELECT.into());
        assert_eq!(grants.effective(&database("APPXone")), Privilege::DELETE.into());
        assert_eq!(grants.effective(&Level::Global), Privileges::NONE);
    }

    #[test]
    fn a_pattern_is_handed_on_only_by_who_holds_all_of_it() {
        let mut grants = Grants::default();
        grants.set(database("a_"), Privilege::SELECT.into());
        grants.set(database("app\\_%"), Privilege::INSERT.into());
        for (level, held) in [
            ("a_", Privilege::SELECT.into()),
            ("ab", Privilege::SELECT.into()),
            ("a\\_", Privilege::SELECT.into()),
            ("a%", Privileges::NONE),
            ("%", Privileges::NONE),
            ("app\\_%", Privilege::INSERT.into()),
            ("app\\_x", Privilege::INSERT.into()),
            ("app_x", Privileges::NONE),
            ("app\\_x%", Privileges::NONE),
        ] {
            assert_eq!(grants.over(&database(level)), held, "{level}");
        }
    }

    #[test]
    fn levels_add_up() {
        let mut grants = Grants::default();
        let table = Level::Table("d".into(), "t".into());
        grants.set(Level::Global, Privilege::RELOAD.into());
        grants.set(table.clone(), Privilege::SELECT.into());
        assert_eq!(grants.effective(&table), [Privilege::RELOAD, Privilege::SELECT].into_iter().collect());
        assert!(grants.reaches("d"));
        assert!(!grants.reaches("e"), "RELOAD is nothing that one does in a database");
        grants.set(table.clone(), Privileges::NONE);
        assert_eq!(grants.local().count(), 0);
        assert!(!grants.reaches("d"));
    }
}
