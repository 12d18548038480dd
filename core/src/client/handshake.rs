//! The connection phase: greeting, TLS, authentication. Each state is a type with the data that it needs, and a step consumes it.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::authentication::{self, Exchange, Login, NextStep, ours};
use super::config::flag_of;
use super::reply_trace::trace_reply;
use super::results::err_packet;
use super::{Config, Summary, TlsPolicy};
use crate::auth::{Plugin, Security};
use crate::error::{Error, PeerMisbehaved, Side};
use crate::facts::{Facts, Transport};
use crate::link::Link;
use crate::message::SqlError;
use crate::message::{
    Attributes, Capabilities, Greeting, HandshakeResponse41, RelayedLogin, SslRequest, encode_attributes,
};
use crate::printable;
use crate::received::Received;
use crate::tls::{ClientContext, TlsLayer};
use crate::trace::Direction;
use crate::wire::Put;
use crate::wire::compressed::Algorithm;

/// The stage before the server's greeting, in the errors that name a stage.
pub const GREETING: &str = "at 'reading initial communication packet'";

/// The parts of the connection that a step of the handshake may use.
pub(super) struct Context<'a> {
    pub(super) config: &'a Arc<Config>,
    pub(super) link: &'a mut Link,
    pub(super) received: &'a mut Received,
}

/// The states of the connection phase.
#[derive(Debug)]
pub(super) enum Handshake {
    Opening(Opening),
    AwaitGreeting(AwaitGreeting),
    Requested(Requested),
    Securing(Securing),
    Authenticating(Authenticating),
    /// The login of a proxy's client has been sent, and the proxy takes the connection over.
    Relayed,
}

/// The result of a step.
pub(super) enum Next {
    /// The step needs more bytes.
    Wait(Handshake),
    /// The next step can be made at once.
    Again(Handshake),
    /// Authentication has succeeded, with this summary of the server's OK packet.
    Connected(Summary, Login),
}

impl Handshake {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Opening(_) => "Opening",
            Self::AwaitGreeting(_) => "AwaitGreeting",
            Self::Requested(_) => "Requested",
            Self::Securing(_) => "Securing",
            Self::Authenticating(_) => "Authenticating",
            Self::Relayed => "Relayed",
        }
    }

    /// The current stage, in the words of MySQL's error 2013.
    pub(super) const fn stage(&self) -> &'static str {
        match self {
            Self::AwaitGreeting(_) => GREETING,
            Self::Opening(_) | Self::Requested(_) | Self::Securing(_) => "at 'SSL connection handshake'",
            Self::Authenticating(_) | Self::Relayed => "at 'reading authorization packet'",
        }
    }

    pub(super) fn step(self, with: &mut Context<'_>) -> Result<Next, Error> {
        match self {
            Self::Opening(state) => state.step(with),
            Self::AwaitGreeting(state) => state.step(with),
            Self::Requested(state) => state.step(with),
            Self::Securing(state) => state.step(with),
            Self::Authenticating(state) => state.step(with),
            Self::Relayed => Ok(Next::Wait(Self::Relayed)),
        }
    }
}

/// The connection begins with TLS, before the greeting.
#[derive(Debug)]
pub(super) struct Opening(pub(super) AwaitGreeting);

impl Opening {
    fn step(self, with: &mut Context<'_>) -> Result<Next, Error> {
        if !with.link.channel.has_tls() {
            let (TlsPolicy::Required(context) | TlsPolicy::Preferred(context)) = &with.config.tls else {
                return Err(Error::Misuse("a connection that begins with TLS has no TLS settings"));
            };
            let (name, sni, wall) = (&with.config.server_name, with.config.sni.as_deref(), with.link.now.wall);
            let layer = TlsLayer::direct_client(context, name, sni, wall)?;
            with.link.channel.start_tls(layer, wall, with.received)?;
        }
        if with.link.channel.is_securing() {
            return Ok(Next::Wait(Handshake::Opening(self)));
        }
        with.link.facts.tls = with.link.channel.tls_facts();
        Ok(Next::Again(Handshake::AwaitGreeting(self.0)))
    }
}

/// The client waits for the greeting and has sent nothing, or nothing but its part of TLS.
#[derive(Debug, Default)]
pub(super) struct AwaitGreeting {
    /// The login of a proxy's client, instead of that of the settings.
    pub(super) login: Option<Box<RelayedLogin>>,
}

/// The parts of the greeting that later states need.
#[derive(Debug)]
struct GreetingData {
    capabilities: Capabilities,
    scramble: Vec<u8>,
    plugin: Option<Plugin>,
    login: Option<Box<RelayedLogin>>,
}

impl AwaitGreeting {
    fn step(self, with: &mut Context<'_>) -> Result<Next, Error> {
        let Some(packet) = with.link.channel.next_packet(with.received)? else {
            return Ok(Next::Wait(Handshake::AwaitGreeting(self)));
        };
        let payload = with.received.payload(&packet);
        let greeting = match Greeting::decode(payload)? {
            Greeting::Handshake(greeting) => greeting,
            Greeting::Err(error) => {
                let mut error = error.to_sql_error();
                with.link.channel.trace_packet(
                    Direction::Received,
                    packet.sequence,
                    payload.len(),
                    "ERR_Packet",
                    || format!("{}", error.code),
                );
                if !with.link.channel.has_tls() && matches!(with.config.tls, TlsPolicy::Required(_)) {
                    mark_unprotected(&mut error);
                }
                return Err(Error::Refused { by: Side::Server, error });
            }
        };
        let server_version = String::from_utf8_lossy(greeting.server_version).into_owned();
        let (connection, length) = (greeting.connection_id, payload.len());
        let offered = greeting.capabilities;
        let greeting_data = GreetingData {
            capabilities: offered,
            scramble: greeting.scramble.to_vec(),
            plugin: greeting.auth_plugin.map_or(Some(Plugin::MysqlNativePassword), Plugin::from_name),
            login: self.login,
        };
        with.link.channel.tracer.connection = connection;
        with.link.channel.trace_packet(Direction::Received, packet.sequence, length, "HandshakeV10", || {
            format!("version {server_version}, connection {connection}, capabilities {offered:?}")
        });
        with.link.facts.server_version = server_version;
        with.link.facts.connection_id = connection;
        if with.link.channel.has_more(with.received) {
            return Err(Error::PeerMisbehaved(PeerMisbehaved::Unexpected(
                "bytes after the greeting, before the client has sent anything",
            )));
        }
        if !offered.contains(Capabilities::PROTOCOL_41.union(Capabilities::SECURE_CONNECTION)) {
            return Err(Error::PeerIncompatible(Cow::Borrowed(
                "the server's protocol is older than MySQL 4.1: upgrade the server",
            )));
        }
        with.link.facts.compression = with.config.algorithm(offered);
        if with.config.compression_required && with.link.facts.compression.is_none() {
            return Err(ours(SqlError::compression_misconfigured(
                "Connection failed due to wrongly configured compression algorithm: the server offers none of those that were \
                 named in --compression-algorithms; 'uncompressed' may be one of them",
            )));
        }
        match &with.config.tls {
            _ if with.link.channel.has_tls() => {
                let capabilities = negotiate(with.config, &greeting_data)?;
                send_response(greeting_data, capabilities, with)
            }
            TlsPolicy::Required(_) if !offered.contains(Capabilities::SSL) => Err(ours(SqlError::ssl_connection(
                "SSL connection error: SSL is required but the server doesn't support it",
            ))),
            TlsPolicy::Required(context) | TlsPolicy::Preferred(context) if offered.contains(Capabilities::SSL) => {
                let context = context.clone();
                request_tls(greeting_data, context, with)
            }
            _ => {
                let capabilities = negotiate(with.config, &greeting_data)?;
                send_response(greeting_data, capabilities, with)
            }
        }
    }
}

/// Says in the text of an error that no TLS has protected it.
fn mark_unprotected(error: &mut SqlError) {
    error.message = printable::line(&error.message).into_owned();
    error.message.push_str(" (received before TLS; it may not come from the server)");
}

/// The error in plaintext that is in the place of TLS, if there is one: a server that gives a handshake up, as after its `connect_timeout`,
/// sends one.
pub(super) fn error_before_tls(bytes: &[u8]) -> Option<Error> {
    let mut error = err_packet(bytes)?;
    mark_unprotected(&mut error);
    Some(Error::Refused { by: Side::Server, error })
}

/// The capabilities of the connection: those that both sides have.
fn negotiate(config: &Config, greeting_data: &GreetingData) -> Result<Capabilities, Error> {
    let offered = greeting_data.capabilities;
    if let Some(login) = &greeting_data.login {
        return login.capabilities_of(offered).ok_or_else(|| {
            let lacking = login.capabilities.without(offered.union(Capabilities::SSL));
            Error::PeerIncompatible(Cow::Owned(format!(
                "the server lacks capabilities that were agreed with the client: {lacking:?}"
            )))
        });
    }
    let mut ours = config.wanted().without(Capabilities::COMPRESS.union(Capabilities::ZSTD_COMPRESSION));
    if let Some(algorithm) = config.algorithm(offered) {
        // Request one algorithm only, so that both sides use the same one.
        ours |= flag_of(algorithm);
    }
    if !offered.contains(Capabilities::LONG_PASSWORD) {
        // A MariaDB server clears this bit to announce extended capabilities, and the client must clear it, too.
        ours = ours.without(Capabilities::LONG_PASSWORD);
    }
    Ok(ours & offered)
}

/// Sends an SSLRequest. The driver transmits it before the ClientHello is made, as other client libraries do, because Wireshark decrypts no
/// session whose SSLRequest and ClientHello share a segment.
fn request_tls(greeting_data: GreetingData, context: ClientContext, with: &mut Context<'_>) -> Result<Next, Error> {
    let capabilities = negotiate(with.config, &greeting_data)? | Capabilities::SSL;
    let (max_packet, charset) = match &greeting_data.login {
        Some(login) => (login.max_packet, login.charset),
        None => (with.config.max_packet, with.config.charset),
    };
    let request = SslRequest { capabilities, max_packet, charset };
    let summary = || format!("capabilities {capabilities:?}");
    with.link.channel.send_traced("SSLRequest", |out| request.encode(out), summary);
    Ok(Next::Wait(Handshake::Requested(Requested { greeting_data, capabilities, context })))
}

/// TLS is requested. The server answers nothing, so the ClientHello follows at once.
#[derive(Debug)]
pub(super) struct Requested {
    greeting_data: GreetingData,
    capabilities: Capabilities,
    context: ClientContext,
}

impl Requested {
    fn step(self, with: &mut Context<'_>) -> Result<Next, Error> {
        let Self { greeting_data, capabilities, context } = self;
        let (name, sni, wall) = (&with.config.server_name, with.config.sni.as_deref(), with.link.now.wall);
        let layer = TlsLayer::client(&context, name, sni, wall)?;
        with.link.channel.start_tls(layer, wall, with.received)?;
        Ok(Next::Again(Handshake::Securing(Securing { greeting_data, capabilities })))
    }
}

/// The TLS handshake is in progress. Neither user name nor password has been sent.
#[derive(Debug)]
pub(super) struct Securing {
    greeting_data: GreetingData,
    capabilities: Capabilities,
}

impl Securing {
    fn step(self, with: &mut Context<'_>) -> Result<Next, Error> {
        if with.link.channel.is_securing() {
            return Ok(Next::Wait(Handshake::Securing(self)));
        }
        with.link.facts.tls = with.link.channel.tls_facts();
        send_response(self.greeting_data, self.capabilities, with)
    }
}

/// How well the connection protects a password.
pub(super) fn security(facts: &Facts) -> Security {
    match (&facts.tls, facts.transport) {
        (Some(tls), _) if tls.verification.is_verified() => Security::VerifiedTls,
        (Some(_), Transport::UnixSocket) | (None, Transport::UnixSocket) => Security::LocalSocket,
        (Some(_), Transport::Tcp) => Security::UnverifiedTls,
        (None, Transport::Tcp) => Security::Plain,
    }
}

fn send_response(
    greeting_data: GreetingData,
    capabilities: Capabilities,
    with: &mut Context<'_>,
) -> Result<Next, Error> {
    with.link.facts.capabilities = capabilities;
    if let Some(login) = greeting_data.login {
        with.link.channel.send_traced(
            "HandshakeResponse41",
            |out| login.encode(capabilities, out),
            || format!("{login:?}"),
        );
        return Ok(Next::Again(Handshake::Relayed));
    }
    let config = Arc::clone(with.config);
    let security = security(&with.link.facts);
    let plugin = config.first_plugin(greeting_data.plugin);
    let context = authentication::Context { config: &config, password: &config.password, security, capabilities };
    let (exchange, answer) = Exchange::start(plugin, &greeting_data.scramble, context)?;
    let mut attributes = Vec::new();
    encode_attributes(config.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())), &mut attributes);
    let response = HandshakeResponse41 {
        capabilities,
        max_packet: config.max_packet,
        charset: config.charset,
        user: config.user.as_bytes(),
        auth_response: &answer,
        database: config.database.as_deref().map(str::as_bytes),
        auth_plugin: Some(plugin.name().as_bytes()),
        attributes: Attributes::new(&attributes),
        zstd_level: with.link.facts.compression.map(Algorithm::level),
    };
    let summary =
        || format!("user '{}', plugin {}, capabilities {capabilities:?}", config.user.escape_debug(), plugin.name());
    with.link.channel.send_traced("HandshakeResponse41", |out| response.encode(out), summary);
    with.link.facts.auth_plugin = Some(String::from(plugin.name()));
    let login = Login { plugin, scramble: greeting_data.scramble, security };
    Ok(Next::Again(Handshake::Authenticating(Authenticating { exchange, login, capabilities })))
}

/// The login has been sent, and the authentication exchange is in progress.
#[derive(Debug)]
pub(super) struct Authenticating {
    exchange: Exchange,
    login: Login,
    capabilities: Capabilities,
}

impl Authenticating {
    fn step(mut self, with: &mut Context<'_>) -> Result<Next, Error> {
        let Some(packet) = with.link.channel.next_packet(with.received)? else {
            return Ok(Next::Wait(Handshake::Authenticating(self)));
        };
        let config = Arc::clone(with.config);
        let context = authentication::Context {
            config: &config,
            password: &config.password,
            security: self.login.security,
            capabilities: self.capabilities,
        };
        let payload = with.received.payload(&packet);
        trace_reply(&with.link.channel, &packet, payload, true);
        let next = self.exchange.step(payload, context)?;
        self.login.keep_plugin_and_scramble(&mut self.exchange);
        if let Some(plugin) = self.exchange.plugin() {
            with.link.facts.auth_plugin = Some(String::from(plugin.name()));
        }
        match next {
            NextStep::Send(answer) => {
                with.link.channel.send_traced("AuthSwitchResponse", |out| out.put(&answer), String::new);
                Ok(Next::Again(Handshake::Authenticating(self)))
            }
            NextStep::Wait => Ok(Next::Again(Handshake::Authenticating(self))),
            NextStep::Granted(ok) => Ok(Next::Connected(ok.into(), self.login)),
            NextStep::Denied(error) => Err(Error::Refused { by: Side::Server, error }),
        }
    }
}
