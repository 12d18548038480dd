//! Writes accounts as statements, for SHOW GRANTS, SHOW CREATE USER and the file on disk.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{Account, AccountName, Level, Privilege, Privileges, Requirement};
use sealwire_core::auth::Credential;
use sealwire_core::sql::{backquoted, text_literal};

/// The form of the statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// For people: names in backticks, and REQUIRE with the global privileges, as MySQL 5.6 and MariaDB print them.
    Shown,
    /// For Sealwire's file: one line whatever characters a name contains, and nothing repeated.
    OneLine,
}

/// The statement that creates the account, without its privileges.
pub(crate) fn create_user(account: &Account, style: Style) -> String {
    let mut text =
        format!("CREATE USER {} IDENTIFIED WITH {}", name(&account.name, style), text_literal(account.plugin.name()));
    if account.credential != Credential::Empty {
        text.push_str(" AS ");
        text.push_str(&text_literal(&account.credential.to_stored()));
    }
    text.push_str(&format!(" {}", account.requirement));
    text.push_str(&limits(account));
    text.push_str(" PASSWORD EXPIRE DEFAULT ACCOUNT ");
    text.push_str(if account.locked { "LOCK" } else { "UNLOCK" });
    if style == Style::Shown {
        text.push_str(" PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT DEFAULT");
    }
    text
}

/// The statements that grant the account its privileges. The first is for the global ones, even if there are none.
pub(crate) fn grants(account: &Account, style: Style) -> Vec<String> {
    let privileges = |held: Privileges, level: &Level| privileges(held, level, &|_| true);
    let user = name(&account.name, style);
    let global = account.grants.at(&Level::Global);
    let mut first = format!("GRANT {} ON *.* TO {user}", privileges(global, &Level::Global));
    if style == Style::Shown && account.requirement != Requirement::None {
        first.push_str(&format!(" {}", account.requirement));
    }
    first.push_str(grant_option(global));
    if style == Style::Shown {
        // One WITH is enough for both the option and the limit.
        let limits = limits(account);
        first.push_str(if grant_option(global).is_empty() { &limits } else { limits.trim_start_matches(" WITH") });
    }
    let mut statements = Vec::from([first]);
    for (level, held) in account.grants.local() {
        if *level == Level::Global {
            continue;
        }
        statements.push(format!("GRANT {} ON {} TO {user}{}", privileges(held, level), on(level), grant_option(held)));
    }
    statements
}

/// A level as the statements name it.
pub(super) fn on(level: &Level) -> String {
    match level {
        Level::Global => "*.*".to_owned(),
        Level::Database(database) => format!("{}.*", backquoted(database)),
        Level::Table(database, table) => format!("{}.{}", backquoted(database), backquoted(table)),
    }
}

fn limits(account: &Account) -> String {
    match account.max_user_connections {
        0 => String::new(),
        limit => format!(" WITH MAX_USER_CONNECTIONS {limit}"),
    }
}

fn name(name: &AccountName, style: Style) -> String {
    match style {
        Style::Shown => name.backquoted(),
        Style::OneLine => format!("{name}"),
    }
}

/// The word for no privilege.
pub(super) const NONE: &str = "USAGE";

/// The names of privileges for which `is_wanted` holds, without the grant option.
pub(super) fn privileges(held: Privileges, level: &Level, is_wanted: &impl Fn(Privilege) -> bool) -> String {
    let held = held.without(Privilege::GRANT_OPTION.into());
    if !held.iter().any(is_wanted) {
        return NONE.to_owned();
    }
    if held.contains_all(Privileges::all_at(level)) {
        return "ALL PRIVILEGES".to_owned();
    }
    held.iter().filter(|privilege| is_wanted(*privilege)).map(Privilege::name).collect::<Vec<_>>().join(", ")
}

pub(super) const fn grant_option(held: Privileges) -> &'static str {
    if held.contains(Privilege::GRANT_OPTION) { " WITH GRANT OPTION" } else { "" }
}
