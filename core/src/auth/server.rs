//! The server's side: computes verdicts on the client's replies.

use alloc::vec::Vec;

use super::{
    Credential, Plugin, ServerContext, ServerStep, auth_socket, caching_sha2_password, clear_password, ed25519,
    native_password, sha256_password,
};

/// The server's side of one plugin's exchange.
#[derive(Debug, Clone)]
pub(crate) struct ServerAuth {
    plugin: Plugin,
    challenge: Vec<u8>,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    FirstReply,
    /// `caching_sha2_password` has requested the password itself.
    FullAuthentication,
    Decided,
}

impl ServerAuth {
    /// Starts an exchange with the challenge that was sent (without its trailing NUL).
    pub(crate) fn start(plugin: Plugin, challenge: Vec<u8>) -> Self {
        Self { plugin, challenge, state: State::FirstReply }
    }

    /// The plugin of the exchange.
    pub(crate) const fn plugin(&self) -> Plugin {
        self.plugin
    }

    /// Checks a reply. Unknown users are checked with [`Credential::Impossible`], so that they take as many rounds and as much work. After
    /// a verdict every further reply is denied.
    pub(crate) fn step(&mut self, credential: &Credential, reply: &[u8], context: &ServerContext<'_>) -> ServerStep {
        let is_empty = matches!(credential, Credential::Empty);
        let step = match (self.state, self.plugin) {
            (State::Decided, _) => ServerStep::Denied { using_password: true },
            (State::FullAuthentication, _) => caching_sha2_password::judge_password(credential, reply, context),
            (State::FirstReply, Plugin::MysqlNativePassword) => {
                let kept = match credential {
                    Credential::Native(kept) => Some(kept),
                    _ => None,
                };
                native_password::judge(is_empty, kept, &self.challenge, reply)
            }
            (State::FirstReply, Plugin::CachingSha2Password) => {
                caching_sha2_password::judge_scramble(credential, &self.challenge, reply, context)
            }
            (State::FirstReply, Plugin::Sha256Password) => sha256_password::judge(credential, reply, context),
            (State::FirstReply, Plugin::MysqlClearPassword) => clear_password::judge(credential, reply, context),
            (State::FirstReply, Plugin::ClientEd25519) => {
                let key = match credential {
                    Credential::Ed25519(key) => Some(key),
                    _ => None,
                };
                ed25519::judge(is_empty, key, &self.challenge, reply)
            }
            // No account has these plugins.
            (State::FirstReply, Plugin::Parsec | Plugin::Dialog) => ServerStep::Denied { using_password: true },
            (State::FirstReply, Plugin::AuthSocket) => auth_socket::judge(credential, context),
        };
        self.state = match step {
            ServerStep::MoreData(_) => State::FullAuthentication,
            ServerStep::Granted { .. } | ServerStep::NotSecure | ServerStep::Denied { .. } => State::Decided,
        };
        step
    }
}
