//! The authentication exchange, for the connection phase and for COM_CHANGE_USER.

use alloc::string::String;
use alloc::vec::Vec;

use super::Config;
use crate::auth::{AuthError, ClientAuth, ClientPolicy, Plugin, Security};
use crate::error::{Error, PeerMisbehaved, Side};
use crate::message::SqlError;
use crate::message::{Capabilities, HandshakeReply, OkPacket};
use crate::secret::Secret;

/// The largest number of packets in one authentication exchange. No plugin needs as many, so a server that sends more is misbehaving.
const MOST_ROUNDS: u8 = 16;

/// The result of the login, which COM_CHANGE_USER needs in the command phase.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) plugin: Plugin,
    /// The scramble of the greeting, or of the last switch to `mysql_native_password`. MySQL's server checks the answer in COM_CHANGE_USER
    /// against it.
    pub(super) scramble: Vec<u8>,
    pub(super) security: Security,
}

impl Login {
    /// Keeps the plugin and scramble that the exchange ended with.
    pub(super) fn keep_plugin_and_scramble(&mut self, exchange: &mut Exchange) {
        self.plugin = exchange.plugin().unwrap_or(self.plugin);
        self.scramble = exchange.native_scramble.take().unwrap_or_else(|| core::mem::take(&mut self.scramble));
    }
}

/// The next step after a packet of the server.
#[derive(Debug)]
pub(super) enum NextStep<'p> {
    /// Send this answer.
    Send(Vec<u8>),
    /// Send nothing, because the server sends the next packet.
    Wait,
    /// The server accepted the login with this OK packet.
    Granted(OkPacket<'p>),
    /// The server refused the login with this error.
    Denied(SqlError),
}

/// One authentication exchange and its plugin.
#[derive(Debug)]
pub(super) struct Exchange {
    auth: Option<ClientAuth>,
    rounds: u8,
    /// The challenge of a switch to `mysql_native_password`.
    native_scramble: Option<Vec<u8>>,
}

/// The settings and connection parameters that an exchange uses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) config: &'a Config,
    pub(super) password: &'a Secret,
    pub(super) security: Security,
    pub(super) capabilities: Capabilities,
}

impl Context<'_> {
    fn permits(&self, plugin: Plugin) -> bool {
        self.config.restricted_auth.as_ref().is_none_or(|permitted| permitted.contains(&plugin))
    }

    fn policy(&self) -> ClientPolicy<'_> {
        ClientPolicy {
            password: self.password,
            security: self.security,
            cleartext_enabled: self.config.enable_cleartext_plugin,
            fetch_server_public_key: self.config.fetch_server_public_key,
            server_public_key: self.config.server_public_key.as_deref(),
            dialog: self.config.dialog.as_deref(),
            random: &*self.config.random,
        }
    }
}

impl Exchange {
    /// Starts the exchange with `plugin` if the challenge has the length that the plugin needs; otherwise waits for the server to switch
    /// plugins. Returns the first answer, which is empty if there is none yet.
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

    /// Processes one packet of the server.
    pub(super) fn step<'p>(&mut self, payload: &'p [u8], context: Context<'_>) -> Result<NextStep<'p>, Error> {
        self.rounds += 1;
        if self.rounds > MOST_ROUNDS {
            return Err(Error::PeerMisbehaved(PeerMisbehaved::Unexpected("too many authentication packets")));
        }
        match HandshakeReply::decode(payload, context.capabilities)? {
            HandshakeReply::Ok(ok) => Ok(NextStep::Granted(ok)),
            HandshakeReply::Err(error) => Ok(NextStep::Denied(error.to_sql_error())),
            HandshakeReply::AuthSwitch(switch) => {
                let Some(plugin) = Plugin::from_name(switch.plugin) else {
                    return Err(unknown_plugin(switch.plugin));
                };
                if !context.permits(plugin) {
                    return Err(ours(SqlError::auth_plugin_not_permitted(alloc::format!(
                        "Authentication plugin '{plugin}' is not among those to which the option restricted-auth limits this client"
                    ))));
                }
                let (auth, answer) = ClientAuth::start(plugin, switch.data, &context.policy()).map_err(refuse)?;
                self.auth = Some(auth);
                if plugin == Plugin::MysqlNativePassword {
                    self.native_scramble = Some(switch.data.to_vec());
                }
                Ok(NextStep::Send(answer))
            }
            HandshakeReply::AuthMoreData(more) => {
                let Some(auth) = &mut self.auth else {
                    return Err(Error::PeerMisbehaved(PeerMisbehaved::Unexpected(
                        "authentication data before a plugin was agreed",
                    )));
                };
                match auth.more(more.data, &context.policy()).map_err(refuse)? {
                    Some(answer) => Ok(NextStep::Send(answer)),
                    None => Ok(NextStep::Wait),
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

/// An error with which this side, not the server, refuses.
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
