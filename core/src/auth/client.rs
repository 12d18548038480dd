//! The client's side: computes replies, and refuses to send a password that others could read.

use alloc::vec::Vec;

use super::{
    AuthError, Dialog, Plugin, Security, caching_sha2_password, clear_password, dialog, ed25519, native_password,
    parsec, sha256_password,
};
use crate::random::Random;
use crate::secret::Secret;

/// The client's password, and the conditions under which it may be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientPolicy<'a> {
    /// The user's password.
    pub password: &'a Secret,
    /// How well the connection protects the password.
    pub security: Security,
    /// Whether `mysql_clear_password` is enabled.
    pub cleartext_enabled: bool,
    /// Whether to request the server's RSA key over plaintext, where an attacker in between can substitute his own key.
    pub fetch_server_public_key: bool,
    /// The server's RSA key in PEM, obtained by other means.
    pub server_public_key: Option<&'a str>,
    /// Answers the questions of `dialog`.
    pub dialog: Option<&'a dyn Dialog>,
    /// Random bytes for RSA's padding and for the client's part of a challenge.
    pub random: &'a dyn Random,
}

/// The client's side of one plugin's exchange. A switch to another plugin starts a new exchange.
#[derive(Debug, Clone)]
pub(crate) struct ClientAuth {
    plugin: Plugin,
    state: State,
}

/// The data that the client expects from the server before OK or ERR.
#[derive(Debug, Clone)]
enum State {
    /// `caching_sha2_password`: the result of the fast exchange.
    FastResult {
        challenge: Vec<u8>,
    },
    /// The server's RSA key.
    PublicKey {
        challenge: Vec<u8>,
    },
    /// `parsec`: the salt of the password's key.
    Salt {
        challenge: Vec<u8>,
    },
    /// `dialog`: another question, or the end of the exchange.
    Question,
    Nothing,
}

impl ClientAuth {
    /// Processes the server's challenge (without its trailing NUL) and returns the first reply.
    ///
    /// Fails if the reply would be the password itself and others could read it.
    pub(crate) fn start(
        plugin: Plugin,
        challenge: &[u8],
        policy: &ClientPolicy<'_>,
    ) -> Result<(Self, Vec<u8>), AuthError> {
        let password = policy.password.expose();
        let (state, reply) = match plugin {
            Plugin::MysqlNativePassword => {
                (State::Nothing, native_password::reply(password, &exact(plugin, challenge)?))
            }
            Plugin::CachingSha2Password => {
                let challenge = exact(plugin, challenge)?;
                let reply = caching_sha2_password::reply(password, &challenge);
                (if password.is_empty() { State::Nothing } else { State::FastResult { challenge } }, reply)
            }
            Plugin::Sha256Password if password.is_empty() => (State::Nothing, clear_password::reply(password)),
            Plugin::Sha256Password => {
                disclose(plugin, exact(plugin, challenge)?, sha256_password::REQUEST_PUBLIC_KEY, policy)?
            }
            Plugin::MysqlClearPassword if !policy.cleartext_enabled => return Err(AuthError::ClearPasswordNotEnabled),
            Plugin::MysqlClearPassword if !policy.security.allows_clear_password() => {
                return Err(AuthError::NotSecure { plugin, security: policy.security });
            }
            Plugin::MysqlClearPassword => (State::Nothing, clear_password::reply(password)),
            Plugin::ClientEd25519 => (State::Nothing, ed25519::reply(password, &exact(plugin, challenge)?)),
            // An empty packet requests the salt.
            Plugin::Parsec => (State::Salt { challenge: exact(plugin, challenge)? }, Vec::new()),
            Plugin::Dialog => (State::Question, answer(challenge, true, policy)?),
            Plugin::AuthSocket => (State::Nothing, Vec::new()),
        };
        Ok((Self { plugin, state }, reply))
    }

    /// Processes the data of an AuthMoreData packet (without its leading 01) and returns the next reply, or `None` if there is none,
    /// because the server's OK or ERR follows.
    pub(crate) fn more(&mut self, data: &[u8], policy: &ClientPolicy<'_>) -> Result<Option<Vec<u8>>, AuthError> {
        match (core::mem::replace(&mut self.state, State::Nothing), data) {
            (State::FastResult { .. }, [caching_sha2_password::FAST_AUTH_SUCCESS]) => Ok(None),
            (State::FastResult { challenge }, [caching_sha2_password::PERFORM_FULL_AUTHENTICATION]) => {
                let request = caching_sha2_password::REQUEST_PUBLIC_KEY;
                let (state, reply) = disclose(self.plugin, challenge, request, policy)?;
                self.state = state;
                Ok(Some(reply))
            }
            (State::PublicKey { challenge }, pem) => {
                let pem = core::str::from_utf8(pem).map_err(|_| AuthError::BadPublicKey(self.plugin))?;
                encrypt(self.plugin, pem, &challenge, policy).map(Some)
            }
            (State::Salt { challenge }, salt) => {
                let mut own = [0; parsec::NONCE];
                policy.random.fill(&mut own);
                parsec::reply(policy.password.expose(), salt, &challenge, own).map(Some)
            }
            (State::Question, question) => {
                self.state = State::Question;
                answer(question, false, policy).map(Some)
            }
            _ => Err(AuthError::Unexpected(self.plugin)),
        }
    }

    /// The plugin of this exchange.
    pub(crate) const fn plugin(&self) -> Plugin {
        self.plugin
    }
}

/// Answers a question of the server where nobody else can read the answer, because it is a password as often as not.
fn answer(question: &[u8], is_first: bool, policy: &ClientPolicy<'_>) -> Result<Vec<u8>, AuthError> {
    if !policy.security.allows_clear_password() {
        return Err(AuthError::NotSecure { plugin: Plugin::Dialog, security: policy.security });
    }
    dialog::reply(question, is_first, policy.password.expose(), policy.dialog)
}

/// Sends the password in the only way that the connection and the policy permit, or requests the key for it.
fn disclose(
    plugin: Plugin,
    challenge: Vec<u8>,
    request_public_key: u8,
    policy: &ClientPolicy<'_>,
) -> Result<(State, Vec<u8>), AuthError> {
    let by_key = match policy.security {
        // Inside TLS a server takes the reply for the password itself, so RSA encryption can't replace the verification of the certificate.
        Security::VerifiedTls | Security::UnverifiedTls => false,
        // MySQL's sha256_password, unlike caching_sha2_password, does not treat a Unix socket as secure.
        Security::LocalSocket => plugin == Plugin::Sha256Password,
        Security::Plain => true,
    };
    let by_key = by_key && cfg!(feature = "rsa-password");
    match policy.server_public_key {
        Some(pem) if by_key => Ok((State::Nothing, encrypt(plugin, pem, &challenge, policy)?)),
        None if by_key && policy.fetch_server_public_key => {
            Ok((State::PublicKey { challenge }, alloc::vec![request_public_key]))
        }
        _ if policy.security.allows_clear_password() => {
            Ok((State::Nothing, clear_password::reply(policy.password.expose())))
        }
        _ => Err(AuthError::NotSecure { plugin, security: policy.security }),
    }
}

#[cfg(feature = "rsa-password")]
fn encrypt(plugin: Plugin, pem: &str, challenge: &[u8], policy: &ClientPolicy<'_>) -> Result<Vec<u8>, AuthError> {
    super::public_key::encrypt(plugin, pem, policy.password.expose(), challenge, policy.random)
}

#[cfg(not(feature = "rsa-password"))]
fn encrypt(plugin: Plugin, _: &str, _: &[u8], policy: &ClientPolicy<'_>) -> Result<Vec<u8>, AuthError> {
    Err(AuthError::NotSecure { plugin, security: policy.security })
}

/// The challenge at its exact length. The challenge in a packet may or may not be followed by a NUL, so an extra NUL is dropped, and a NUL
/// that the decoder removed is restored.
fn exact(plugin: Plugin, challenge: &[u8]) -> Result<Vec<u8>, AuthError> {
    let expected = plugin.challenge_length();
    let mut exact = challenge.to_vec();
    if exact.len() == expected + 1 && exact.last() == Some(&0) {
        exact.pop();
    } else if exact.len() + 1 == expected {
        exact.push(0);
    }
    if exact.len() == expected { Ok(exact) } else { Err(AuthError::BadChallenge { plugin, length: challenge.len() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::Sequence;

    /// Answers with the question itself, and says whether it was hidden.
    #[derive(Debug)]
    struct Echo;

    impl Dialog for Echo {
        fn ask(&self, question: &[u8], hidden: bool) -> Option<Secret> {
            (question != b"end").then(|| Secret::new([question, if hidden { b"!" } else { b"" }].concat()))
        }
    }

    #[test]
    fn questions_are_answered_until_the_verdict() {
        let (random, password, empty) = (Sequence::default(), Secret::from("pw"), Secret::default());
        let policy = |password, dialog| ClientPolicy {
            password,
            security: Security::VerifiedTls,
            cleartext_enabled: false,
            fetch_server_public_key: false,
            server_public_key: None,
            dialog,
            random: &random,
        };
        let with = policy(&password, Some(&Echo as &dyn Dialog));
        let (mut auth, first) = ClientAuth::start(Plugin::Dialog, b"\x04Password: ", &with).unwrap();
        assert_eq!(first, b"pw\0", "the password answers the first secret question");
        assert_eq!(auth.more(b"\x04Code: \0", &with), Ok(Some(b"Code: !\0".to_vec())));
        assert_eq!(auth.more(b"\x03Name: ", &with), Ok(Some(b"Name: \0".to_vec())));
        assert_eq!(auth.more(b"\x05end", &with), Err(AuthError::NoAnswer));
        let start = |question: &[u8], policy: &ClientPolicy<'_>| {
            ClientAuth::start(Plugin::Dialog, question, policy).map(|(_, reply)| reply)
        };
        assert_eq!(start(b"\x02Name: ", &with), Ok(b"Name: \0".to_vec()));
        assert_eq!(start(b"\x04Code: ", &policy(&empty, Some(&Echo))), Ok(b"Code: !\0".to_vec()));
        assert_eq!(start(b"\x04Code: ", &policy(&empty, None)), Err(AuthError::NoAnswer));
        assert_eq!(start(b"", &with), Ok(b"pw\0".to_vec()));
    }

    #[test]
    fn nothing_is_answered_where_others_can_listen() {
        let (random, password) = (Sequence::default(), Secret::from("pw"));
        for security in [Security::Plain, Security::UnverifiedTls] {
            let policy = ClientPolicy {
                password: &password,
                security,
                cleartext_enabled: true,
                fetch_server_public_key: true,
                server_public_key: None,
                dialog: Some(&Echo),
                random: &random,
            };
            for question in [&b""[..], b"\x02Name: ", b"\x04Password: "] {
                let refused = ClientAuth::start(Plugin::Dialog, question, &policy).map(|(_, reply)| reply);
                assert_eq!(refused, Err(AuthError::NotSecure { plugin: Plugin::Dialog, security }));
            }
        }
    }
}
