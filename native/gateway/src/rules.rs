//! The gateway's own REQUIRE rules, in MySQL's words: a file of `ALTER USER 'u'@'h' REQUIRE …;`.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use sealwire_accounts::{Account, AccountStatement, Accounts, ClientHost, Target, UserOptions, parse_script};
use sealwire_core::SqlError;
use sealwire_core::auth::Plugin;
use sealwire_core::facts::Facts;
use sealwire_core::server::admit;
use sealwire_net::files::unreadable;

use super::user_name::readings;

/// The rules, sorted as MySQL sorts accounts: the first that matches decides.
#[derive(Debug, Clone)]
pub(super) struct Rules(Accounts);

impl Rules {
    /// Reads the file of the option `rules-file`.
    ///
    /// # Errors
    /// A sentence that names option, file and line.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = fs::read_to_string(path)
            .map_err(|error| format!("option '--rules-file': can't read '{shown}': {}", unreadable(path, &error)))?;
        Self::parse(&text).map_err(|(line, why)| format!("option '--rules-file': '{shown}', line {line}: {why}"))
    }

    /// Parses the text of the file. The error has the line's number.
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        // No login is imitated, so the secret of imitated ones has no use.
        let mut rules = Accounts::new([0; 32]);
        for (line, statement) in parse_script(text).map_err(|(line, error)| (line, unlike_a_rule(&error)))? {
            let foreign = || (line, "this is no rule: write ALTER USER 'user'@'host' REQUIRE …;".to_owned());
            let AccountStatement::AlterUser { users, options, .. } = statement else { return Err(foreign()) };
            let Some(requirement) = options.requirement.clone() else { return Err(foreign()) };
            if options != (UserOptions { requirement: options.requirement.clone(), ..UserOptions::default() }) {
                return Err(foreign());
            }
            for user in users {
                let (Target::Named(name), None) = (user.user, user.identified) else { return Err(foreign()) };
                let requirement = requirement.clone();
                rules.insert(Account { requirement, ..Account::new(name, Plugin::MysqlNativePassword) });
            }
        }
        Ok(Self(rules))
    }

    /// How many rules there are.
    pub(super) fn count(&self) -> usize {
        self.0.iter().count()
    }

    /// Sentences about rules that hold for nobody, or that nobody can meet. `asks` says whether clients are asked for certificates.
    pub(super) fn warnings(&self, asks: bool) -> Vec<String> {
        let of_percent = self.0.iter().filter(|rule| rule.name.user == "%").map(|rule| {
            format!(
                "the rule of {} is for a user who is named '%': write ''@'%' for all who have no rule of their own",
                rule.name
            )
        });
        let unmet = self.0.iter().find(|rule| !asks && rule.requirement.needs_certificate()).map(|rule| {
            format!(
                "the rule of {} demands a client certificate, and clients are not asked for one: give --ssl-ca, or nobody can meet it",
                rule.name
            )
        });
        let none = (self.count() == 0).then(|| "the file of --rules-file has no rule".to_owned());
        of_percent.chain(unmet).chain(none).collect()
    }

    /// Checks a client's connection against the rule for its user, whose name is in the character set of a collation. A user without a rule
    /// has none to meet. The error is for the client, the text says why, for the log.
    pub(super) fn check(
        &self,
        user: &str,
        charset: Option<u16>,
        peer: SocketAddr,
        facts: Option<&Facts>,
    ) -> Result<(), (SqlError, String)> {
        let denied = |more: &str| {
            let host = peer.ip().to_canonical();
            SqlError::access_denied(format!("Access denied for user '{user}'@'{host}' (using password: YES){more}"))
        };
        let names = readings(user, charset).map_err(|why| {
            (denied(&format!(": the gateway has rules for users, and {why}")), format!("there are rules, and {why}"))
        })?;
        let from = ClientHost::Ip(peer.ip());
        for rule in names.into_iter().filter_map(|name| self.0.find(name, from)) {
            let why = match facts.map(|facts| admit(&rule.requirement, facts)) {
                Some(Ok(())) => continue,
                Some(Err(refusal)) => refusal.to_string(),
                None => "the client has no connection".to_owned(),
            };
            // As a server says it: the client must not learn the rule.
            return Err((denied(""), why));
        }
        Ok(())
    }
}

/// Why a text is no rule. MySQL's own sentence names a manual that says nothing of rules.
fn unlike_a_rule(error: &SqlError) -> String {
    let near = error
        .message
        .split_once(" near ")
        .map(|(_, near)| near.rsplit_once(" at line ").map_or(near, |(near, _)| near));
    match near {
        Some("''") => "the file ends within a rule: a rule ends with ';'".to_owned(),
        Some(near) => format!(
            "no rule has {}: write ALTER USER 'user'@'host' REQUIRE NONE, SSL, X509, or SUBJECT, ISSUER, CIPHER, SAN 'URI:…', VERSION 'TLSv1.2' or 'TLSv1.3' with AND between",
            near.escape_debug().to_string().replace("\\'", "'")
        ),
        None => error.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use sealwire_core::facts::{TlsFacts, TlsVersion, Verification};

    use super::*;

    fn facts(has_tls: bool) -> Facts {
        let tls = has_tls.then(|| TlsFacts {
            version: TlsVersion::V1_3,
            suite: "TLS13_AES_256_GCM_SHA384",
            cipher: "TLS_AES_256_GCM_SHA384",
            group: None,
            sni: None,
            alpn: None,
            resumed: false,
            peer_chain: Vec::new(),
            verification: Verification::None,
        });
        Facts { tls, ..Facts::default() }
    }

    #[test]
    fn the_most_specific_rule_decides() {
        let rules = Rules::parse(
            "-- a comment\nALTER USER 'a'@'%' REQUIRE X509;\nALTER USER 'a'@'10.0.0.1', 'b' REQUIRE SSL;\n\
             ALTER USER 'a'@'10.0.0.2' REQUIRE NONE;",
        )
        .unwrap();
        let check = |user: &str, host: &str, has_tls| {
            rules.check(user, Some(45), format!("{host}:1").parse().unwrap(), Some(&facts(has_tls)))
        };
        assert!(check("a", "10.0.0.1", true).is_ok() && check("a", "10.0.0.2", false).is_ok());
        assert!(check("c", "10.0.0.1", false).is_ok(), "there is no rule for c");
        let (error, why) = check("a", "10.0.0.3", true).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ERROR 1045 (28000): Access denied for user 'a'@'10.0.0.3' (using password: YES)"
        );
        assert!(why.contains("none was sent"), "{why}");
        assert!(check("b", "10.0.0.3", false).unwrap_err().1.contains("plaintext"));
        assert!(check("'b'", "10.0.0.3", false).unwrap_err().1.contains("plaintext"), "a server takes the quotes off");
        assert!(check("m\u{fffd}", "10.0.0.1", true).unwrap_err().0.message.contains("the user's name is not ASCII"));
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for (text, line) in [
            ("CREATE USER 'a'@'%' REQUIRE SSL;", 1),
            ("ALTER USER 'a'@'%' REQUIRE SSL;\nALTER USER 'b'@'%' ACCOUNT LOCK;", 2),
            ("ALTER USER 'a'@'%' REQUIRE SSL ACCOUNT LOCK;", 1),
            ("ALTER USER 'a'@'%' IDENTIFIED BY 'x' REQUIRE SSL;", 1),
            ("ALTER USER 'a'@'%' REQUIRE TLS;", 1),
            ("hello", 1),
        ] {
            assert_eq!(Rules::parse(text).unwrap_err().0, line, "{text}");
        }
        assert_eq!(
            Rules::parse("ALTER USER 'a' REQUIRE SSL").unwrap_err().1,
            "the file ends within a rule: a rule ends with ';'"
        );
        let (line, why) = Rules::parse("ALTER USER 'a' REQUIRE SSL;\nALTER USER 'b' REQUIRE SAN 'DNS:b';").unwrap_err();
        assert!(line == 2 && why.contains("'DNS:b'") && why.contains("URI:…"), "{line}: {why}");
    }

    #[test]
    fn rules_that_hold_for_nobody_are_told() {
        let warnings = |text: &str, asks| Rules::parse(text).unwrap().warnings(asks).join("\n");
        assert_eq!(warnings("ALTER USER ''@'%' REQUIRE X509;", true), "");
        assert!(warnings("ALTER USER ''@'%' REQUIRE X509;", false).contains("give --ssl-ca"));
        assert_eq!(warnings("ALTER USER ''@'%' REQUIRE VERSION 'TLSv1.3'; ALTER USER 'a' REQUIRE SSL;", false), "");
        assert!(warnings("ALTER USER '%'@'%' REQUIRE SSL;", true).contains("write ''@'%'"));
        assert!(warnings("-- none", true).contains("has no rule"));
    }
}
