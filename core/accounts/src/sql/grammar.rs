//! Parses account statements: one function for each clause, in the order of the manual's pages.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::cursor::{Cursor, Parsed, unsupported};
use super::statement::{AccountStatement, GrantLevel, Identified, Target, UserOptions, UserSpec};
use super::token::Kind;
use crate::{Level, Privilege, Privileges, Requirement};
use sealwire_core::SqlError;
use sealwire_core::facts::TlsVersion;
use sealwire_core::secret::Secret;

/// Parses the statement that starts here. `None` if it is not about accounts; no token is consumed then.
pub(super) fn statement(p: &mut Cursor<'_>) -> Option<Parsed<AccountStatement>> {
    Some(if p.eat_words(&["CREATE", "USER"]) {
        create_user(p, false)
    } else if p.eat_words(&["CREATE", "OR", "REPLACE", "USER"]) {
        create_user(p, true)
    } else if p.eat_words(&["ALTER", "USER"]) {
        alter_user(p)
    } else if p.eat_words(&["DROP", "USER"]) {
        drop_user(p)
    } else if p.eat_words(&["RENAME", "USER"]) {
        rename_user(p)
    } else if p.eat_words(&["GRANT"]) {
        grant(p)
    } else if p.eat_words(&["REVOKE"]) {
        revoke(p)
    } else if p.eat_words(&["SET", "PASSWORD"]) {
        set_password(p)
    } else if p.eat_words(&["SHOW", "GRANTS"]) {
        shown_user(p, true).map(AccountStatement::ShowGrants)
    } else if p.eat_words(&["SHOW", "CREATE", "USER"]) {
        shown_user(p, false).map(AccountStatement::ShowCreateUser)
    } else if p.eat_words(&["FLUSH", "PRIVILEGES"])
        || p.eat_words(&["FLUSH", "LOCAL", "PRIVILEGES"])
        || p.eat_words(&["FLUSH", "NO_WRITE_TO_BINLOG", "PRIVILEGES"])
    {
        Ok(AccountStatement::FlushPrivileges)
    } else {
        return None;
    })
}

fn create_user(p: &mut Cursor<'_>, or_replace: bool) -> Parsed<AccountStatement> {
    let if_not_exists = p.at_word("IF");
    if if_not_exists {
        p.expect_words(&["IF", "NOT", "EXISTS"])?;
    }
    let users = p.list(user_spec)?;
    let options = user_options(p)?;
    Ok(AccountStatement::CreateUser { users, if_not_exists, or_replace, options })
}

fn alter_user(p: &mut Cursor<'_>) -> Parsed<AccountStatement> {
    let if_exists = if_exists(p)?;
    let users = p.list(user_spec)?;
    let options = user_options(p)?;
    Ok(AccountStatement::AlterUser { users, if_exists, options })
}

fn drop_user(p: &mut Cursor<'_>) -> Parsed<AccountStatement> {
    let if_exists = if_exists(p)?;
    Ok(AccountStatement::DropUser { users: p.list(Cursor::target)?, if_exists })
}

fn rename_user(p: &mut Cursor<'_>) -> Parsed<AccountStatement> {
    let pair = |p: &mut Cursor<'_>| {
        let old = p.target()?;
        p.expect_words(&["TO"])?;
        Ok((old, p.account_name()?))
    };
    p.list(pair).map(AccountStatement::RenameUser)
}

fn grant(p: &mut Cursor<'_>) -> Parsed<AccountStatement> {
    let privileges = privilege_list(p)?;
    let on = level(p)?;
    p.expect_words(&["TO"])?;
    let users = p.list(user_spec)?;
    let mut options = UserOptions { requirement: requirement(p)?, ..UserOptions::default() };
    let mut grant_option = false;
    if p.eat_words(&["WITH"]) {
        let mut any = false;
        loop {
            if p.eat_words(&["GRANT", "OPTION"]) {
                grant_option = true;
            } else if !limit(p, &mut options)? {
                break;
            }
            any = true;
        }
        if !any {
            return Err(p.syntax_error());
        }
    }
    if p.at_word("AS") {
        return Err(unsupported("GRANT … AS user"));
    }
    Ok(AccountStatement::Grant { privileges, grant_option, on, users, options })
}

fn revoke(p: &mut Cursor<'_>) -> Parsed<AccountStatement> {
    if p.at_word("IF") {
        return Err(unsupported("REVOKE IF EXISTS"));
    }
    let mut ahead = p.clone();
    if ahead.eat_words(&["ALL"]) {
        ahead.eat_words(&["PRIVILEGES"]);
        if ahead.eat_symbol(',') {
            *p = ahead;
            p.expect_words(&["GRANT", "OPTION", "FROM"])?;
            return p.list(Cursor::target).map(AccountStatement::RevokeEverything);
        }
    }
    let privileges = privilege_list(p)?;
    let on = level(p)?;
    p.expect_words(&["FROM"])?;
    Ok(AccountStatement::Revoke { privileges, on, users: p.list(Cursor::target)? })
}

fn set_password(p: &mut Cursor<'_>) -> Parsed<AccountStatement> {
    let user = if p.eat_words(&["FOR"]) { p.target()? } else { Target::Current };
    if p.at_word("TO") {
        return Err(unsupported("SET PASSWORD TO RANDOM"));
    }
    if !p.eat_symbol('=') {
        p.expect_symbol(':')?;
        p.expect_symbol('=')?;
    }
    let password = if p.at_word("PASSWORD") || p.at_word("OLD_PASSWORD") {
        password_call(p)?
    } else {
        let password = p.text()?;
        if is_native_hash(&password) {
            // MySQL 5.6 and MariaDB expect a hash here, MySQL 5.7 and later a password. A wrong guess would lock the user out.
            return Err(SqlError::wrong_arguments(
                "Incorrect arguments to SET PASSWORD: this is a password hash; use ALTER USER … IDENTIFIED WITH \
                 mysql_native_password AS '…'",
            ));
        }
        Secret::new(password)
    };
    Ok(AccountStatement::SetPassword { user, password })
}

fn shown_user(p: &mut Cursor<'_>, needs_for: bool) -> Parsed<Target> {
    if needs_for && !p.eat_words(&["FOR"]) {
        return Ok(Target::Current);
    }
    if p.at_end() || p.at_symbol(';') {
        return if needs_for { Err(p.syntax_error()) } else { Ok(Target::Current) };
    }
    let user = p.target()?;
    if p.at_word("USING") { Err(unsupported("roles")) } else { Ok(user) }
}

fn if_exists(p: &mut Cursor<'_>) -> Parsed<bool> {
    let here = p.at_word("IF");
    if here {
        p.expect_words(&["IF", "EXISTS"])?;
    }
    Ok(here)
}

/// Parses a user with or without an IDENTIFIED clause.
fn user_spec(p: &mut Cursor<'_>) -> Parsed<UserSpec> {
    let user = p.target()?;
    let identified = if p.eat_words(&["IDENTIFIED"]) { Some(identified(p)?) } else { None };
    Ok(UserSpec { user, identified })
}

fn identified(p: &mut Cursor<'_>) -> Parsed<Identified> {
    if p.eat_words(&["BY"]) {
        return by(p, None);
    }
    if !p.eat_words(&["WITH"]) && !p.eat_words(&["VIA"]) {
        return Err(p.syntax_error());
    }
    let plugin = p.name_or_text()?;
    let clause = if p.eat_words(&["BY"]) {
        by(p, Some(plugin))
    } else if p.eat_words(&["AS"]) || p.eat_words(&["USING"]) {
        if p.at_word("PASSWORD") {
            Ok(Identified::Password { plugin: Some(plugin), password: password_call(p)? })
        } else {
            Ok(Identified::Stored { plugin, text: Secret::new(p.text_or_hex()?) })
        }
    } else {
        Ok(Identified::Plugin(plugin))
    }?;
    if p.at_word("OR") || p.at_word("AND") {
        return Err(unsupported("several authentication plugins for one account"));
    }
    Ok(clause)
}

/// Parses the text after IDENTIFIED [WITH plugin] BY.
fn by(p: &mut Cursor<'_>, plugin: Option<String>) -> Parsed<Identified> {
    if p.at_word("RANDOM") {
        return Err(unsupported("RANDOM PASSWORD"));
    }
    let clause = if plugin.is_none() && p.eat_words(&["PASSWORD"]) {
        Identified::Stored { plugin: "mysql_native_password".to_string(), text: Secret::new(p.text()?) }
    } else {
        Identified::Password { plugin, password: Secret::new(p.text()?) }
    };
    if p.at_word("REPLACE") || p.at_word("RETAIN") {
        return Err(unsupported("REPLACE and RETAIN CURRENT PASSWORD"));
    }
    Ok(clause)
}

/// Parses `PASSWORD('clear')`.
fn password_call(p: &mut Cursor<'_>) -> Parsed<Secret> {
    if p.at_word("OLD_PASSWORD") {
        return Err(unsupported("OLD_PASSWORD()"));
    }
    p.expect_words(&["PASSWORD"])?;
    p.expect_symbol('(')?;
    let password = Secret::new(p.text()?);
    p.expect_symbol(')')?;
    Ok(password)
}

fn is_native_hash(text: &str) -> bool {
    text.strip_prefix('*').is_some_and(|hex| hex.len() == 40 && hex.chars().all(|c| c.is_ascii_hexdigit()))
}

/// Parses all clauses that may follow the users of CREATE USER and ALTER USER.
fn user_options(p: &mut Cursor<'_>) -> Parsed<UserOptions> {
    if p.at_word("DEFAULT") {
        return Err(unsupported("roles"));
    }
    let mut options = UserOptions { requirement: requirement(p)?, ..UserOptions::default() };
    if p.eat_words(&["WITH"]) {
        if !limit(p, &mut options)? {
            return Err(p.syntax_error());
        }
        while limit(p, &mut options)? {}
    }
    loop {
        if p.eat_words(&["ACCOUNT"]) {
            options.locked = Some(p.eat_words(&["LOCK"]));
            if options.locked == Some(false) {
                p.expect_words(&["UNLOCK"])?;
            }
        } else if p.eat_words(&["PASSWORD"]) {
            password_policy(p)?;
            options.says_defaults = true;
        } else if p.eat_words(&["FAILED_LOGIN_ATTEMPTS"]) || p.eat_words(&["PASSWORD_LOCK_TIME"]) {
            if p.number()? != 0 {
                return Err(unsupported("FAILED_LOGIN_ATTEMPTS"));
            }
            options.says_defaults = true;
        } else if p.at_word("COMMENT") || p.at_word("ATTRIBUTE") {
            return Err(unsupported("user comments and attributes"));
        } else {
            return Ok(options);
        }
    }
}

/// Parses the password options of MySQL 8. Only those that change nothing are accepted.
fn password_policy(p: &mut Cursor<'_>) -> Parsed<()> {
    const DEFAULTS: &[&[&str]] = &[
        &["EXPIRE", "DEFAULT"],
        &["EXPIRE", "NEVER"],
        &["HISTORY", "DEFAULT"],
        &["REUSE", "INTERVAL", "DEFAULT"],
        &["REQUIRE", "CURRENT", "DEFAULT"],
        &["REQUIRE", "CURRENT", "OPTIONAL"],
    ];
    if DEFAULTS.iter().any(|words| p.eat_words(words)) {
        return Ok(());
    }
    match p.word() {
        Some(word)
            if ["EXPIRE", "HISTORY", "REUSE", "REQUIRE"].iter().any(|known| known.eq_ignore_ascii_case(word)) =>
        {
            Err(unsupported("password expiry, history and reuse rules"))
        }
        _ => Err(p.syntax_error()),
    }
}

/// Parses one resource limit if there is one. A limit that Sealwire does not enforce is an error, because it must not be ignored silently.
fn limit(p: &mut Cursor<'_>, options: &mut UserOptions) -> Parsed<bool> {
    const NOT_ENFORCED: &[&str] =
        &["MAX_QUERIES_PER_HOUR", "MAX_UPDATES_PER_HOUR", "MAX_CONNECTIONS_PER_HOUR", "MAX_STATEMENT_TIME"];
    if p.eat_words(&["MAX_USER_CONNECTIONS"]) {
        options.max_user_connections = Some(p.number()?);
        return Ok(true);
    }
    let Some(name) = NOT_ENFORCED.iter().find(|name| p.eat_words(&[name])) else { return Ok(false) };
    options.says_defaults = true;
    if p.number()? == 0 { Ok(true) } else { Err(unsupported(name)) }
}

/// Parses a REQUIRE clause if there is one.
pub(super) fn requirement(p: &mut Cursor<'_>) -> Parsed<Option<Requirement>> {
    if !p.eat_words(&["REQUIRE"]) {
        return Ok(None);
    }
    for (word, requirement) in [("NONE", Requirement::None), ("SSL", Requirement::Ssl), ("X509", Requirement::X509)] {
        if p.eat_words(&[word]) {
            return Ok(Some(requirement));
        }
    }
    let (mut cipher, mut issuer, mut subject, mut san, mut least) = (None, None, None, None, None);
    loop {
        if p.eat_words(&["CIPHER"]) {
            required_text(p, &mut cipher, "CIPHER")?;
        } else if p.eat_words(&["ISSUER"]) {
            required_text(p, &mut issuer, "ISSUER")?;
        } else if p.eat_words(&["SUBJECT"]) {
            required_text(p, &mut subject, "SUBJECT")?;
        } else if p.eat_words(&["SAN"]) {
            let start = p.clone();
            required_text(p, &mut san, "SAN")?;
            if san.as_deref().and_then(uri).is_none_or(str::is_empty) {
                return Err(start.syntax_error());
            }
        } else if p.eat_words(&["VERSION"]) {
            let start = p.clone();
            required_text(p, &mut least, "VERSION")?;
            if least.as_deref().and_then(TlsVersion::from_name).is_none() {
                return Err(start.syntax_error());
            }
        } else {
            return Err(p.syntax_error());
        }
        let and = p.eat_words(&["AND"]);
        let more = ["CIPHER", "ISSUER", "SUBJECT", "SAN", "VERSION"].iter().any(|word| p.at_word(word));
        if !and && !more {
            let uri = san.as_deref().and_then(uri).map(ToString::to_string);
            let version = least.as_deref().and_then(TlsVersion::from_name);
            return Ok(Some(Requirement::Specified { cipher, issuer, subject, uri, version }));
        }
    }
}

/// The URI in an alternative name as TiDB writes it.
fn uri(name: &str) -> Option<&str> {
    name.strip_prefix("URI:")
}

fn required_text(p: &mut Cursor<'_>, field: &mut Option<String>, word: &str) -> Parsed<()> {
    let start = p.clone();
    let text = p.text()?;
    if field.is_some() {
        return Err(SqlError::duplicate_argument(format!("Option '{word}' used twice in statement")));
    }
    if text.is_empty() {
        // No certificate or cipher can match an empty value, and MariaDB would then print a clause that it can't parse.
        return Err(start.syntax_error());
    }
    *field = Some(text);
    Ok(())
}

/// Parses the privileges before ON; `None` stands for ALL.
fn privilege_list(p: &mut Cursor<'_>) -> Parsed<Option<Privileges>> {
    if p.at_word("PROXY") {
        return Err(unsupported("PROXY"));
    }
    if p.eat_words(&["ALL"]) {
        p.eat_words(&["PRIVILEGES"]);
        return Ok(None);
    }
    if !matches!(p.kind(), Kind::Word(_)) {
        return Err(if matches!(p.kind(), Kind::Text(_) | Kind::Name(_)) {
            unsupported("roles")
        } else {
            p.syntax_error()
        });
    }
    let listed = p.list(privilege)?;
    if p.at_word("TO") || p.at_word("FROM") {
        return Err(unsupported("roles"));
    }
    let mut privileges = Privileges::NONE;
    for (place, name, privilege) in listed {
        match privilege {
            Some(privilege) => privileges = privileges.with(privilege.into()),
            None if name.eq_ignore_ascii_case("USAGE") => {}
            None => return Err(place.syntax_error()),
        }
    }
    Ok(Some(privileges))
}

/// Parses the words up to the next comma or ON, and finds the privilege with this name.
fn privilege<'a>(p: &mut Cursor<'a>) -> Parsed<(Cursor<'a>, String, Option<Privilege>)> {
    let place = p.clone();
    let mut words: Vec<&str> = Vec::new();
    while let Some(word) = p.word() {
        if ["ON", "TO", "FROM"].iter().any(|end| p.at_word(end)) {
            break;
        }
        words.push(word);
        p.advance();
    }
    if words.is_empty() {
        return Err(p.syntax_error());
    }
    if p.at_symbol('(') {
        return Err(unsupported("column privileges"));
    }
    let name = words.join(" ");
    let privilege = Privilege::from_name(&name);
    Ok((place, name, privilege))
}

/// Parses ON and the level after it.
fn level(p: &mut Cursor<'_>) -> Parsed<GrantLevel> {
    p.expect_words(&["ON"])?;
    for kind in ["FUNCTION", "PROCEDURE", "PACKAGE"] {
        if p.at_word(kind) {
            return Err(unsupported("routine privileges"));
        }
    }
    p.eat_words(&["TABLE"]);
    if p.eat_symbol('*') {
        if !p.eat_symbol('.') {
            return Ok(GrantLevel::CurrentDatabase);
        }
        p.expect_symbol('*')?;
        return Ok(GrantLevel::Level(Level::Global));
    }
    let first = p.name()?;
    if !p.eat_symbol('.') {
        return Ok(GrantLevel::TableInCurrentDatabase(first));
    }
    let level = if p.eat_symbol('*') { Level::Database(first) } else { Level::Table(first, p.name()?) };
    Ok(GrantLevel::Level(level))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AccountName;
    use crate::sql::{parse_script, parse_statement};

    const GOOD: &[&str] = &[
        "CREATE USER 'u'@'h'",
        "create user if not exists u@localhost identified by 'it''s', \"v\"@`%` identified with caching_sha2_password by 'b' require ssl",
        "CREATE USER /*!50706 IF NOT EXISTS */ u@192.168.1.1 -- comment\nIDENTIFIED BY PASSWORD '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19';",
        "CREATE USER u IDENTIFIED VIA ed25519 USING PASSWORD('x') REQUIRE X509 WITH MAX_USER_CONNECTIONS 5 MAX_QUERIES_PER_HOUR 0",
        "CREATE OR REPLACE USER u REQUIRE NONE",
        "CREATE USER u IDENTIFIED WITH 'caching_sha2_password' AS 'x' REQUIRE NONE PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK \
         PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT DEFAULT",
        "ALTER USER IF EXISTS u, CURRENT_USER IDENTIFIED BY 'x' ACCOUNT LOCK",
        "ALTER USER u REQUIRE SUBJECT '/CN=a' AND ISSUER '/CN=b' CIPHER 'c'",
        "DROP USER IF EXISTS u, 'v'@'10.0.0.0/8'",
        "RENAME USER u TO v, CURRENT_USER() TO 'x'@'y'",
        "GRANT SELECT, CREATE TEMPORARY TABLES, usage ON *.* TO u@h IDENTIFIED BY 'p' REQUIRE SSL WITH GRANT OPTION MAX_USER_CONNECTIONS 1",
        "GRANT ALL PRIVILEGES ON `my``db`.* TO u",
        "GRANT ALL ON TABLE db.tbl TO u",
        "GRANT SELECT ON * TO u",
        "GRANT SYSTEM_USER, CONNECTION_ADMIN ON *.* TO u",
        "REVOKE ALL PRIVILEGES, GRANT OPTION FROM u, v",
        "REVOKE INSERT, GRANT OPTION ON db.tbl FROM u",
        "SET PASSWORD = 'x'",
        "SET PASSWORD FOR 'u'@'h' = PASSWORD('x')",
        "SHOW GRANTS",
        "SHOW GRANTS FOR CURRENT_USER()",
        "SHOW CREATE USER",
        "SHOW CREATE USER u;",
        "FLUSH PRIVILEGES",
        "FLUSH LOCAL PRIVILEGES",
    ];

    fn error(sql: &str) -> String {
        parse_statement(sql).expect(sql).expect_err(sql).to_string()
    }

    #[test]
    fn good_statements_parse() {
        for sql in GOOD {
            assert!(matches!(parse_statement(sql), Some(Ok(_))), "{sql}: {:?}", parse_statement(sql));
        }
    }

    #[test]
    fn no_prefix_and_no_suffix_of_a_statement_makes_us_panic() {
        for sql in GOOD {
            for end in (0..=sql.len()).filter(|end| sql.is_char_boundary(*end)) {
                let _ = parse_statement(&sql[..end]);
                let _ = parse_statement(&sql[end..]);
                let _ = parse_script(&sql[..end]);
                for junk in ["'", "`", "\"", "/*", "@", ",", "\0", "é", "0x", "\\"] {
                    let _ = parse_statement(&format!("{}{junk}{}", &sql[..end], &sql[end..]));
                }
            }
        }
    }

    #[test]
    fn other_statements_are_not_ours() {
        for sql in [
            "",
            ";",
            "SELECT 1",
            "CREATE TABLE user (a int)",
            "SHOW CREATE TABLE t",
            "SET @password = 1",
            "FLUSH SSL",
            "DROP TABLE t",
            "'CREATE' USER u",
            "FLUSH PRIVILEGES_NOT",
        ] {
            assert_eq!(parse_statement(sql), None, "{sql}");
        }
    }

    #[test]
    fn syntax_errors_point_at_the_place() {
        for (sql, near, line) in [
            ("CREATE USER", "", 1),
            ("CREATE USER u REQUIRE SSL AND X509", "AND X509", 1),
            ("CREATE USER u REQUIRE X509 SUBJECT 'x'", "SUBJECT 'x'", 1),
            ("CREATE USER u REQUIRE SUBJECT 'x' AND SSL", "SSL", 1),
            ("CREATE USER u REQUIRE SUBJECT 'x' AND", "", 1),
            ("CREATE USER u REQUIRE NONE SSL", "SSL", 1),
            ("CREATE USER u REQUIRE", "", 1),
            ("CREATE USER u\nREQUIRE CIPHER ''", "''", 2),
            ("CREATE USER u REQUIRE SUBJECT x", "x", 1),
            ("CREATE USER u, REQUIRE SSL", "REQUIRE SSL", 1),
            ("CREATE USER u@ IDENTIFIED BY 'x'", "BY 'x'", 1),
            ("CREATE USER u IDENTIFIED BY 'never ends", "'never ends", 1),
            ("CREATE USER u; DROP USER v", "DROP USER v", 1),
            ("GRANT FLY ON *.* TO u", "FLY ON *.* TO u", 1),
            ("GRANT SELECT ON *.* TO u WITH", "", 1),
            ("GRANT SELECT ON db. TO u", "TO u", 1),
            ("SHOW GRANTS FOR", "", 1),
            ("SET PASSWORD 'x'", "'x'", 1),
            ("CREATE USER u WITH MAX_USER_CONNECTIONS -1", "-1", 1),
            ("CREATE USER u WITH MAX_USER_CONNECTIONS 99999999999", "99999999999", 1),
        ] {
            let expected = format!(
                "ERROR 1064 (42000): You have an error in your SQL syntax; check the manual that corresponds to your \
                 MySQL server version for the right syntax to use near '{near}' at line {line}"
            );
            assert_eq!(error(sql), expected, "{sql}");
        }
    }

    #[test]
    fn the_place_in_an_error_is_at_most_80_characters() {
        let sql = format!("CREATE USER {}", "é ".repeat(500));
        assert!(
            error(&sql).contains(&format!("near '{}'", "é ".repeat(500).chars().skip(2).take(80).collect::<String>()))
        );
    }

    #[test]
    fn clauses_used_twice_are_error_1225() {
        for word in ["CIPHER", "ISSUER", "SUBJECT"] {
            let sql = format!("GRANT USAGE ON *.* TO u REQUIRE {word} 'a' AND {word} 'b'");
            assert_eq!(error(&sql), format!("ERROR 1225 (HY000): Option '{word}' used twice in statement"));
        }
    }

    #[test]
    fn what_is_not_there_yet_is_refused_by_name() {
        for (sql, what) in [
            ("CREATE USER u WITH MAX_QUERIES_PER_HOUR 5", "MAX_QUERIES_PER_HOUR"),
            ("CREATE USER u DEFAULT ROLE r", "roles"),
            ("GRANT 'r' TO u", "roles"),
            ("GRANT r TO u", "roles"),
            ("GRANT SELECT (a) ON d.t TO u", "column privileges"),
            ("GRANT PROXY ON a TO b", "PROXY"),
            ("GRANT EXECUTE ON PROCEDURE d.p TO u", "routine privileges"),
            ("CREATE USER u PASSWORD EXPIRE", "password expiry, history and reuse rules"),
            ("CREATE USER u IDENTIFIED BY RANDOM PASSWORD", "RANDOM PASSWORD"),
            ("CREATE USER u IDENTIFIED VIA ed25519 OR unix_socket", "several authentication plugins for one account"),
            ("CREATE USER u COMMENT 'x'", "user comments and attributes"),
        ] {
            let expected = format!("ERROR 1235 (42000): This version of Sealwire doesn't yet support '{what}'");
            assert_eq!(error(sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_hash_where_a_password_belongs_is_refused() {
        assert!(error("SET PASSWORD = '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'").starts_with("ERROR 1210"));
    }

    #[test]
    fn overlong_names_are_refused() {
        assert!(error(&format!("CREATE USER {}", "u".repeat(81))).starts_with("ERROR 1470"));
        assert!(error(&format!("CREATE USER u@{}", "h".repeat(256))).starts_with("ERROR 1470"));
    }

    #[test]
    fn user_forms() {
        let named = |user: &str, host: &str| Target::Named(AccountName::new(user, host));
        for (text, expected) in [
            ("'u'@'h'", named("u", "h")),
            ("u@h", named("u", "h")),
            ("`u`@\"H\"", named("u", "h")),
            ("'u'", named("u", "%")),
            ("u@10.0.0.1", named("u", "10.0.0.1")),
            ("''@localhost", named("", "localhost")),
            ("'u' @ 'h'", named("u", "h")),
            ("'a@b'", named("a@b", "%")),
            ("user@h", named("user", "h")),
            ("CURRENT_USER", Target::Current),
            ("current_user()", Target::Current),
            ("USER()", Target::Current),
        ] {
            let parsed = parse_statement(&format!("SHOW GRANTS FOR {text}")).unwrap();
            assert_eq!(parsed, Ok(AccountStatement::ShowGrants(expected)), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_password() {
        for sql in [
            "CREATE USER u IDENTIFIED BY 'sesame'",
            "SET PASSWORD = 'sesame'",
            "CREATE USER u IDENTIFIED WITH x AS 'sesame'",
        ] {
            assert!(!format!("{:?}", parse_statement(sql)).contains("sesame"), "{sql}");
        }
    }
}
