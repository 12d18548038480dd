//! The authentication exchange between a client and a server, as a proxy relays it: the server asks, the client answers, and the proxy
//! looks only at whose turn it is and at whether the answer may be the password itself.

use alloc::format;
use alloc::string::String;

use super::legs::{Answer, Legs, proof_length};
use crate::auth::Plugin;
use crate::error::{Error, PeerMisbehaved, Side};
use crate::message::{Capabilities, HandshakeReply, SqlError};

/// The most packets of the server in one exchange. No plugin needs as many.
const MOST_ROUNDS: u8 = 16;

/// An answer that no client of the plugin sends.
const NO_PROOF: &str = "an answer that can't be the plugin's proof of a password";

/// The plugin of accounts from before MySQL 4.1, by its full name.
const OLD_PASSWORD: &[u8] = b"mysql_old_password";

/// AuthMoreData of `caching_sha2_password`: the proof was right, and the client does not answer.
const FAST_AUTH_SUCCESS: &[u8] = &[3];
/// AuthMoreData of `caching_sha2_password`: the server asks for the password itself.
const PERFORM_FULL_AUTHENTICATION: &[u8] = &[4];

/// The state of an exchange.
#[derive(Debug)]
pub(super) struct Exchange {
    legs: Legs,
    rounds: u8,
    /// The name of the plugin that the server asked for last.
    pub(super) name: String,
    /// The plugin of that name, if it is known here.
    plugin: Option<Plugin>,
    /// Whether the client's answer is due.
    pub(super) awaits_client: bool,
    /// Whether that is the first one to the plugin.
    is_first: bool,
}

/// The effect of a packet of the server, which always passes to the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Relayed {
    /// The exchange goes on. The name of the packet.
    More(&'static str),
    /// The login has succeeded.
    Granted,
    /// The server has refused the login.
    Denied(SqlError),
}

impl Exchange {
    pub(super) const fn new(legs: Legs) -> Self {
        Self { legs, rounds: 0, name: String::new(), plugin: None, awaits_client: false, is_first: false }
    }

    /// Takes a packet of the server.
    ///
    /// # Errors
    /// The server breaks the protocol, or asks for an answer that may not pass.
    pub(super) fn server_says(&mut self, payload: &[u8], capabilities: Capabilities) -> Result<Relayed, Error> {
        self.rounds += 1;
        if self.rounds > MOST_ROUNDS {
            return Err(Error::PeerMisbehaved(PeerMisbehaved::Unexpected("too many authentication packets")));
        }
        match HandshakeReply::decode(payload, capabilities)? {
            HandshakeReply::Ok(_) => Ok(Relayed::Granted),
            HandshakeReply::Err(error) => Ok(Relayed::Denied(error.to_sql_error())),
            HandshakeReply::AuthSwitch(switch) => {
                self.ask(switch.plugin)?;
                Ok(Relayed::More("AuthSwitchRequest"))
            }
            HandshakeReply::NextFactor(factor) => {
                self.ask(factor.plugin)?;
                Ok(Relayed::More("AuthNextFactor"))
            }
            HandshakeReply::AuthMoreData(more) => {
                let is_sha2 = self.plugin == Some(Plugin::CachingSha2Password);
                self.awaits_client = !(is_sha2 && more.data == FAST_AUTH_SUCCESS);
                if is_sha2 && more.data == PERFORM_FULL_AUTHENTICATION {
                    self.demand_alike()?;
                }
                Ok(Relayed::More("AuthMoreData"))
            }
            HandshakeReply::OldAuthSwitch => {
                self.awaits_client = true;
                Err(old_authentication())
            }
        }
    }

    /// Takes an answer of the client.
    ///
    /// # Errors
    /// The answer may be the password itself, and the legs are not alike. Or it can't be a proof, where the plugin asks for one: servers count
    /// such an answer against the proxy's address.
    pub(super) fn client_says<'a>(&mut self, payload: &'a [u8]) -> Result<Answer<'a>, Error> {
        let is_asked = self.is_first || self.plugin == Some(Plugin::Parsec);
        let must_prove = is_asked && self.plugin.and_then(proof_length).is_some();
        let proof = self.plugin.and_then(|plugin| Answer::proof(plugin, payload, self.is_first));
        if self.plugin == Some(Plugin::CachingSha2Password) && !self.is_first && payload.is_empty() {
            return Err(PeerMisbehaved::Unexpected(NO_PROOF).into());
        }
        let answer = match self.legs {
            Legs::Alike(_) if must_prove => proof.ok_or(PeerMisbehaved::Unexpected(NO_PROOF))?,
            Legs::Alike(alike) => Answer::of_any_kind(payload, alike),
            Legs::Unlike => proof.ok_or_else(|| self.unlike())?,
        };
        (self.awaits_client, self.is_first) = (false, false);
        Ok(answer)
    }

    /// The answer in the place of a client that has gone. The server refuses it, and does not count it as a login that broke off, but for
    /// parsec, which counts each wrong password so.
    pub(super) fn farewell(&mut self) -> &'static [u8] {
        const ZEROS: [u8; 96] = [0; 96];
        let length = match self.plugin {
            Some(Plugin::ClientEd25519) => 64,
            Some(Plugin::Parsec) if !self.is_first => ZEROS.len(),
            // An empty password, as this plugin sends it.
            Some(Plugin::CachingSha2Password) if !self.is_first => 1,
            _ => 0,
        };
        (self.awaits_client, self.is_first) = (false, false);
        ZEROS.get(..length).unwrap_or_default()
    }

    fn ask(&mut self, name: &[u8]) -> Result<(), Error> {
        self.name = String::from_utf8_lossy(name).into_owned();
        self.plugin = Plugin::from_name(name);
        (self.awaits_client, self.is_first) = (true, true);
        if name == OLD_PASSWORD {
            return Err(old_authentication());
        }
        // A plugin that is not known here may send the password itself.
        if self.plugin.and_then(proof_length).is_none() { self.demand_alike() } else { Ok(()) }
    }

    fn demand_alike(&self) -> Result<(), Error> {
        match self.legs {
            Legs::Alike(_) => Ok(()),
            Legs::Unlike => Err(self.unlike()),
        }
    }

    fn unlike(&self) -> Error {
        refusal(SqlError::unknown_error(format!(
            "The plugin '{}' sends the password itself, which the proxy does not pass on, because one of its two connections is protected \
             by verified TLS and the other is not: use TLS towards the proxy, and let the proxy verify the server",
            self.name.escape_debug()
        )))
    }
}

/// The error for an account with a password from before MySQL 4.1. MariaDB counts each answer that is not empty against the client's address.
fn old_authentication() -> Error {
    refusal(SqlError::old_authentication(
        "The server asks for the authentication from before MySQL 4.1, which the proxy does not relay; give the account a password with a \
         current plugin",
    ))
}

/// An error with which the proxy refuses the login.
const fn refusal(error: SqlError) -> Error {
    Error::Refused { by: Side::Server, error }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::auth::Security;
    use crate::facts::{Facts, Transport};
    use crate::wire::Put;

    const PLUGINS: [&str; 10] = [
        "mysql_native_password",
        "caching_sha2_password",
        "sha256_password",
        "mysql_clear_password",
        "client_ed25519",
        "parsec",
        "dialog",
        "auth_socket",
        "auth_gssapi_client",
        "a plugin of next year",
    ];

    const PASSWORD: &[u8] = b"correct horse\0";

    fn ask(plugin: &str) -> Vec<u8> {
        let mut packet = Vec::from([0xfe]);
        packet.put_nul_bytes(plugin.as_bytes());
        packet.put(b"abcdefghijklmnopqrst\0");
        packet
    }

    /// Whether a client that sends its password to everything that the server says gets it past the proxy.
    fn passes(plugin: &str, legs: Legs, says: &[&[u8]]) -> bool {
        let mut exchange = Exchange::new(legs);
        let ask = ask(plugin);
        core::iter::once(&*ask).chain(says.iter().copied()).any(|packet| {
            exchange.server_says(packet, Capabilities::NONE).is_ok()
                && exchange.awaits_client
                && exchange.client_says(PASSWORD).is_ok_and(|answer| answer.payload() == PASSWORD)
        })
    }

    #[test]
    fn a_password_passes_only_between_legs_that_protect_it_alike() {
        let scripts: [&[&[u8]]; 4] =
            [&[], &[b"\x01\x04"], &[b"\x01\x03", b"\x01\x04"], &[b"\x04Password: ", b"\x01\x04"]];
        let secure = Facts { transport: Transport::UnixSocket, ..Facts::default() };
        let servers =
            [Security::Plain, Security::UnverifiedTls, Security::VerifiedTls, Security::LocalSocket].into_iter();
        for (client, server) in servers.flat_map(|server| [(Facts::default(), server), (secure.clone(), server)]) {
            let client_is_secure = client.transport == Transport::UnixSocket;
            let legs = Legs::of(&client, server);
            let is_alike = match server {
                Security::Plain => !client_is_secure,
                Security::UnverifiedTls => false,
                Security::VerifiedTls | Security::LocalSocket => client_is_secure,
            };
            for (plugin, says) in PLUGINS.into_iter().flat_map(|plugin| scripts.map(|says| (plugin, says))) {
                // The first answer to a plugin with proofs must be one.
                let proves = Plugin::from_name(plugin.as_bytes()).and_then(proof_length).is_some();
                assert_eq!(passes(plugin, legs, says), is_alike && !proves, "{plugin}: {client_is_secure}, {server:?}");
            }
        }
    }

    #[test]
    fn proofs_pass_between_all_legs() {
        for (plugin, length) in
            [("mysql_native_password", 20), ("caching_sha2_password", 32), ("client_ed25519", 64), ("parsec", 96)]
        {
            let mut exchange = Exchange::new(Legs::Unlike);
            exchange.server_says(&ask(plugin), Capabilities::NONE).unwrap();
            if plugin == "parsec" {
                exchange.client_says(&[]).unwrap();
                exchange.server_says(b"\x01salt", Capabilities::NONE).unwrap();
            }
            assert!(exchange.awaits_client);
            let proof = alloc::vec![7; length];
            assert!(exchange.client_says(&proof).is_ok_and(|answer| answer.payload() == proof), "{plugin}");
        }
    }

    #[test]
    fn an_answer_that_is_no_proof_does_not_pass() {
        let both_plain = Legs::of(&Facts::default(), Security::Plain);
        for (plugin, passes, stays) in [
            ("mysql_native_password", &[0, 20][..], &[1, 7, 19, 21, 60_000][..]),
            ("caching_sha2_password", &[0, 1, 32], &[2, 20, 33]),
            ("client_ed25519", &[64], &[0, 1, 63, 65]),
            ("parsec", &[0], &[1, 96]),
        ] {
            for (length, expected) in
                passes.iter().map(|length| (length, true)).chain(stays.iter().map(|length| (length, false)))
            {
                let mut exchange = Exchange::new(both_plain);
                exchange.server_says(&ask(plugin), Capabilities::NONE).unwrap();
                assert_eq!(exchange.client_says(&alloc::vec![0; *length]).is_ok(), expected, "{plugin}: {length}");
                assert_eq!(exchange.awaits_client, !expected, "the server waits still");
            }
        }
        let mut exchange = Exchange::new(both_plain);
        exchange.server_says(&ask("parsec"), Capabilities::NONE).unwrap();
        exchange.client_says(&[]).unwrap();
        exchange.server_says(b"\x01salt", Capabilities::NONE).unwrap();
        assert!(exchange.client_says(&[7; 95]).is_err());
        assert_eq!(exchange.farewell().len(), 96);
    }

    #[test]
    fn an_empty_answer_to_the_full_exchange_does_not_reach_the_server() {
        for (legs, is_unlike) in [(Legs::of(&Facts::default(), Security::Plain), false), (Legs::Unlike, true)] {
            let mut exchange = Exchange::new(legs);
            exchange.server_says(&ask("caching_sha2_password"), Capabilities::NONE).unwrap();
            exchange.client_says(&[7; 32]).unwrap();
            assert_eq!(exchange.server_says(b"\x01\x04", Capabilities::NONE).is_err(), is_unlike);
            assert!(exchange.awaits_client && exchange.client_says(&[]).is_err());
            assert_eq!(exchange.farewell(), [0], "MySQL counts an empty packet");
        }
    }

    #[test]
    fn the_oldest_authentication_is_refused_by_its_name_too() {
        let mut exchange = Exchange::new(Legs::of(&Facts::default(), Security::Plain));
        let error = exchange.server_says(&ask("mysql_old_password"), Capabilities::NONE).unwrap_err();
        assert!(matches!(&error, Error::Refused { error, .. } if error.code == 2049), "{error}");
        assert_eq!(exchange.farewell(), b"");
    }

    #[test]
    fn the_turns_are_those_of_the_plugin() {
        let mut exchange = Exchange::new(Legs::Unlike);
        exchange.server_says(&ask("caching_sha2_password"), Capabilities::NONE).unwrap();
        exchange.client_says(&[7; 32]).unwrap();
        exchange.server_says(b"\x01\x03", Capabilities::NONE).unwrap();
        assert!(!exchange.awaits_client, "after the fast path the client says nothing");
        let granted = exchange.server_says(b"\0\0\0\x02\0\0\0", Capabilities::PROTOCOL_41).unwrap();
        assert_eq!(granted, Relayed::Granted);
        let mut exchange = Exchange::new(Legs::Unlike);
        for _ in 0..MOST_ROUNDS {
            exchange.server_says(b"\x01more", Capabilities::NONE).unwrap();
        }
        assert!(exchange.server_says(b"\x01more", Capabilities::NONE).is_err());
    }
}
