//! The authentication exchange, for the connection phase and for COM_CHANGE_USER.

use alloc::string::String;
use alloc::vec::Vec;

use super::Config;
use crate::auth::{AuthError, ClientAuth, ClientPolicy, Plugin, Security};
use crate::error::{Error, PeerMisbehaved, Side};
use crate::message::SqlError;
use crate::message::{Capabilities, HandshakeReply, OkPacket};
use crate::secret::Secret;

/// More packets than any plugin needs; a server that goes on is playing with us.
const MOST_ROUNDS: u8 = 16;

/// What the command phase takes over, for COM_CHANGE_USER.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) plugin: Plugin,
    /// The greeting's, or that of the last switch to `mysql_native_password`: over it MySQL's server judges the answer in
    /// COM_CHANGE_USER.
    pub(super) scramble: Vec<u8>,
    pub(super) security: Security,
}

impl Login {
    /// Keeps what the exchange has changed.
    pub(super) fn learn(&mut self, exchange: &mut Exchange) {
        self.plugin = exchange.plugin().unwrap_or(self.plugin);
        self.scramble = exchange.native_scramble.take().unwrap_or_else(|| core::mem::take(&mut self.scramble));
    }
}

/// What the server's packet asks of the connection.
#[derive(Debug)]
pub(super) enum Progress<'p> {
    /// Send this.
    Send(Vec<u8>),
    /// Nothing to send; the server speaks next.
    Wait,
    /// The server said OK, and this in it.
    Granted(OkPacket<'p>),
    /// The server said no.
    Denied(SqlError),
}

/// One exchange with its plugin.
#[derive(Debug)]
pub(super) struct Exchange {
    auth: Option<ClientAuth>,
    rounds: u8,
    /// The challenge of a switch to `mysql_native_password`.
    native_scramble: Option<Vec<u8>>,
}

/// What an exchange works with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) config: &'a Config,
    pub(super) password: &'a Secret,
    pub(super) security: Security,
    pub(super) capabilities: Capabilities,
}

impl Context<'_> {
    fn policy(&self) -> ClientPolicy<'_> {
        ClientPolicy {
            password: self.password,
            security: self.security,
            cleartext_enabled: self.config.enable_cleartext_plugin,
            fetch_server_public_key: self.config.fetch_server_public_key,
            server_public_key: self.config.server_public_key.as_deref(),
            random: &*self.config.random,
        }
    }
}

impl Exchange {
    /// Starts with `plugin` where the challenge at hand is one for it, else waits for the server to switch.
    /// Returns the first answer, empty where there is none yet.
    pub(super) fn start(plugin: Plugin, challenge: &[u8], context: Context<'_>) -> Result<(Self, Vec<u8>), Error> {
        if challenge.len() != plugin.challenge_length() {
            return Ok((Self { auth: None, rounds: 0, native_scramble: None }, Vec::new()));
        }
        let (auth, answer) = ClientAuth::start(plugin, challenge, &context.policy()).map_err(refuse)?;
        Ok((Self { auth: Some(auth), rounds: 0, native_scramble: None }, answer))
    }

    /// The plugin in use.
    pub(super) fn plugin(&self) -> Option<Plugin> {
        self.auth.as_ref().map(ClientAuth::plugin)
    }

    /// Answers one packet of the server.
    pub(super) fn step<'p>(&mut self, payload: &'p [u8], context: Context<'_>) -> Result<Progress<'p>, Error> {
        self.rounds += 1;
        if self.rounds > MOST_ROUNDS {
            return Err(Error::PeerMisbehaved(PeerMisbehaved::Unexpected("authentication goes on without end")));
        }
        match HandshakeReply::decode(payload, context.capabilities)? {
            HandshakeReply::Ok(ok) => Ok(Progress::Granted(ok)),
            HandshakeReply::Err(error) => Ok(Progress::Denied(error.to_sql_error())),
            HandshakeReply::AuthSwitch(switch) => {
                let Some(plugin) = Plugin::from_name(switch.plugin) else {
                    return Err(unknown_plugin(switch.plugin));
                };
                let (auth, answer) = ClientAuth::start(plugin, switch.data, &context.policy()).map_err(refuse)?;
                self.auth = Some(auth);
                if plugin == Plugin::MysqlNativePassword {
                    self.native_scramble = Some(switch.data.to_vec());
                }
                Ok(Progress::Send(answer))
            }
            HandshakeReply::AuthMoreData(more) => {
                let Some(auth) = &mut self.auth else {
                    return Err(Error::PeerMisbehaved(PeerMisbehaved::Unexpected(
                        "authentication data before a plugin was agreed",
                    )));
                };
                match auth.more(more.data, &context.policy()).map_err(refuse)? {
                    Some(answer) => Ok(Progress::Send(answer)),
                    None => Ok(Progress::Wait),
                }
            }
            HandshakeReply::OldAuthSwitch => Err(ours(SqlError::old_authentication(
                "Connection using old (pre-4.1.1) authentication protocol refused; \
                 give the account a password with a current plugin",
            ))),
            HandshakeReply::NextFactor(_) => Err(ours(SqlError::auth_plugin_cannot_load(
                "The account demands a second authentication factor, which Sealwire does not have",
            ))),
        }
    }
}

fn refuse(error: AuthError) -> Error {
    ours(error.sql_error())
}

/// A refusal of our own side.
pub(super) const fn ours(error: SqlError) -> Error {
    Error::Refused { by: Side::Client, error }
}

fn unknown_plugin(name: &[u8]) -> Error {
    let name = String::from_utf8_lossy(name);
    ours(SqlError::auth_plugin_cannot_load(alloc::format!(
        "Authentication plugin '{}' cannot be loaded: Sealwire does not have it",
        name.escape_debug()
    )))
}
