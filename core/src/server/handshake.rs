//! The connection phase: response, TLS, authentication. Each state is a type with the data that it needs, and a step consumes it.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write;

use super::admit::admit;
use super::config::{Config, Peer};
use super::event::{Candidate, Login};
use crate::auth::{Credential, Plugin, ServerAuth, ServerContext, ServerStep};
use crate::channel::Channel;
use crate::error::{Error, PeerMisbehaved, Side};
use crate::facts::{Facts, Transport};
use crate::link::Link;
use crate::message::SqlError;
use crate::message::{
    AuthMoreData, AuthSwitchRequest, Capabilities, ChangeUser, ErrPacket, HandshakeResponse41, HandshakeV10, OkPacket,
    StatusFlags,
};
use crate::proxy_protocol::{self, Endpoints, Header, Malformed, Start};
use crate::received::Received;
use crate::tls::TlsLayer;
use crate::trace::Direction;
use crate::wire::compressed::{Algorithm, ZSTD_LEVEL, ZSTD_LEVELS};

/// The length of an SSLRequest, and of the fields with which HandshakeResponse41 starts.
const SSL_REQUEST: usize = 32;

/// The highest zstd level at which a server compresses, even if the client requests a higher one. Level 9 costs about as much time as zlib;
/// level 22 costs seven times more, for which other clients would have to wait.
const MOST_EFFORT: u8 = 9;

/// The parts of the connection that a step of the handshake may use.
pub(super) struct Context<'a> {
    pub(super) config: &'a Arc<Config>,
    pub(super) link: &'a mut Link,
    pub(super) received: &'a mut Received,
    pub(super) peer: &'a mut Peer,
    /// Whether a PROXY header is accepted.
    pub(super) trusts_proxy: bool,
}

/// The states of the connection phase.
#[derive(Debug)]
pub(super) enum Handshake {
    /// The connection begins with TLS, and nothing has been sent.
    Opening(Opening),
    /// The server has sent the greeting.
    AwaitResponse(AwaitResponse),
    /// The server has received the SSLRequest. The TLS handshake is in progress, and the response follows inside TLS.
    Securing(Securing),
    /// The application has been asked for the account.
    AwaitAccount(AwaitAccount),
    /// The authentication exchange is in progress. It is boxed, because every step moves the state, and this one is by far the largest.
    Authenticating(Box<Authenticating>),
    /// The result of the application's answer, which the next poll returns.
    Decided(Box<Next>),
    /// The application has been told that the user is authenticated and has to accept or refuse him.
    AwaitVerdict,
}

/// The result of a step.
#[derive(Debug)]
pub(super) enum Next {
    /// The step needs more bytes, or the application's answer.
    Wait(Handshake),
    /// The next step can be made at once.
    Again(Handshake),
    /// A proxy has named its client.
    Proxied(Handshake, Endpoints),
    /// The client has sent a user name.
    Login(AwaitAccount, Login),
    /// The user is authenticated.
    Authenticated { using_password: bool, learned: Option<[u8; 32]> },
    /// The user is not authenticated, or the connection does not meet the account's requirement.
    Denied(Denial),
}

/// A refusal with error 1045, and the reason for the log, which the client does not get.
#[derive(Debug)]
pub(super) struct Denial {
    pub(super) error: SqlError,
    pub(super) reason: String,
}

/// The names of the states with which connections begin.
pub(super) const OPENING: &str = "Opening";
pub(super) const GREETED: &str = "AwaitResponse";

impl Handshake {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Opening(_) => OPENING,
            Self::AwaitResponse(_) => GREETED,
            Self::Securing(_) => "Securing",
            Self::AwaitAccount(_) => "AwaitAccount",
            Self::Authenticating(_) => "Authenticating",
            Self::Decided(_) => "Decided",
            Self::AwaitVerdict => "AwaitVerdict",
        }
    }

    pub(super) fn step(self, with: &mut Context<'_>) -> Result<Next, Error> {
        match self {
            Self::Opening(state) => state.step(with),
            Self::AwaitResponse(state) => state.step(with),
            Self::Securing(state) => state.step(with),
            Self::Authenticating(state) => state.step(with),
            Self::Decided(next) => Ok(*next),
            waiting @ (Self::AwaitAccount(_) | Self::AwaitVerdict) => Ok(Next::Wait(waiting)),
        }
    }
}

/// Queues the greeting.
pub(super) fn greet(config: &Config, scramble: [u8; 20], link: &mut Link) -> AwaitResponse {
    let offered = config.offered();
    let greeting = HandshakeV10 {
        server_version: config.server_version.as_bytes(),
        connection_id: link.facts.connection_id,
        scramble,
        capabilities: if link.channel.has_tls() { offered.without(Capabilities::SSL) } else { offered },
        charset: config.charset,
        status: StatusFlags::AUTOCOMMIT,
        auth_plugin: Some(config.default_plugin.name().as_bytes()),
    };
    let summary = || format!("version {}, capabilities {:?}", config.server_version, greeting.capabilities);
    link.channel.send_traced("HandshakeV10", |out| greeting.encode(out), summary);
    AwaitResponse { scramble, has_begun: link.channel.has_tls() }
}

/// Queues an error in the place of the greeting, and ends the connection.
pub(super) fn turn_away(error: SqlError, link: &mut Link) -> Error {
    // Without agreed capabilities, the packet has no SQLSTATE.
    let packet = ErrPacket { code: error.code, sqlstate: None, message: error.message.as_bytes() };
    link.channel.send_traced("ERR_Packet", |out| packet.encode(out), || format!("{error}"));
    link.channel.close();
    link.fail(refuse(error))
}

/// 20 random bytes from `!` to `~` except `$`, because NUL and separators confuse some clients.
pub(super) fn scramble(config: &Config) -> [u8; 20] {
    let mut bytes = [0; 20];
    config.random.fill(&mut bytes);
    bytes.map(|byte| match b'!' + byte % 93 {
        b'$' => b'~',
        printable => printable,
    })
}

/// The server has sent the greeting and waits for the response.
#[derive(Debug)]
pub(super) struct AwaitResponse {
    scramble: [u8; 20],
    /// Whether the first bytes have been looked at, which may be a PROXY header.
    has_begun: bool,
}

impl AwaitResponse {
    fn step(mut self, with: &mut Context<'_>) -> Result<Next, Error> {
        if !self.has_begun {
            let Some(begun) = begin(with)? else { return Ok(Next::Wait(Handshake::AwaitResponse(self))) };
            self.has_begun = true;
            if let Begun::Proxied(endpoints) = begun {
                return Ok(Next::Proxied(Handshake::AwaitResponse(self), endpoints));
            }
        }
        let Some(packet) = with.link.channel.next_packet(with.received)? else {
            return Ok(Next::Wait(Handshake::AwaitResponse(self)));
        };
        let payload = with.received.payload(&packet);
        let capabilities = match payload.first_chunk::<4>() {
            Some(bytes) => Capabilities::from_bits(u64::from(u32::from_le_bytes(*bytes))),
            None => return Err(bad("the response is shorter than its capability flags")),
        };
        if with.link.channel.has_tls() {
            if payload.len() <= SSL_REQUEST {
                return Err(bad("an SSLRequest inside TLS"));
            }
            return respond(payload.to_vec(), packet.sequence, self.scramble, None, with);
        }
        // Read only this flag of an SSLRequest, because the response repeats the others inside TLS, where nobody can alter them.
        if !capabilities.contains(Capabilities::SSL) {
            if !capabilities.contains(Capabilities::PROTOCOL_41) {
                return Err(bad("the client speaks the protocol from before MySQL 4.1"));
            }
            if payload.len() <= SSL_REQUEST {
                return Err(bad("the response is cut short"));
            }
            return respond(payload.to_vec(), packet.sequence, self.scramble, None, with);
        }
        // A longer SSLRequest has credentials after it, which must not travel in plaintext ahead of TLS.
        let Some(request) = payload.first_chunk::<SSL_REQUEST>().filter(|_| payload.len() == SSL_REQUEST) else {
            return Err(bad("a SSLRequest has exactly 32 bytes"));
        };
        let (request, length) = (*request, payload.len());
        with.link.channel.trace_packet(Direction::Received, packet.sequence, length, "SSLRequest", || {
            format!("capabilities {capabilities:?}")
        });
        let Some(context) = &with.config.tls else {
            return Err(bad("the client asks for TLS, which this server did not offer"));
        };
        let layer = TlsLayer::server(context)?;
        // All bytes after the SSLRequest belong to TLS: a ClientHello may come in the same segment, commands may not.
        with.link.channel.start_tls(layer, with.link.now.wall, with.received)?;
        Ok(Next::Again(Handshake::Securing(Securing { scramble: self.scramble, request })))
    }
}

/// The connection begins with TLS, before the greeting.
#[derive(Debug)]
pub(super) struct Opening {
    scramble: [u8; 20],
    /// Whether the first bytes have been looked at, which may be a PROXY header.
    has_begun: bool,
    /// The error for the client in the place of the greeting.
    refusal: Option<SqlError>,
    /// The state that follows, once the greeting is queued.
    greeted: Option<AwaitResponse>,
}

impl Opening {
    pub(super) const fn new(scramble: [u8; 20], refusal: Option<SqlError>) -> Self {
        Self { scramble, has_begun: false, refusal, greeted: None }
    }

    fn step(mut self, with: &mut Context<'_>) -> Result<Next, Error> {
        if !self.has_begun {
            let Some(begun) = begin(with)? else { return Ok(Next::Wait(Handshake::Opening(self))) };
            self.has_begun = true;
            if let Begun::Proxied(endpoints) = begun {
                return Ok(Next::Proxied(Handshake::Opening(self), endpoints));
            }
        }
        if !with.link.channel.has_tls() {
            let Some(context) = &with.config.tls else { return Err(bad("this server has no TLS")) };
            match with.received.rest().first() {
                None => return Ok(Next::Wait(Handshake::Opening(self))),
                Some(&HANDSHAKE_RECORD) => {}
                Some(_) => return Err(bad("connections to this port begin with TLS, and this one does not")),
            }
            let layer = TlsLayer::direct_server(context)?;
            with.link.channel.start_tls(layer, with.link.now.wall, with.received)?;
        }
        if with.link.channel.can_speak() && self.greeted.is_none() {
            if let Some(error) = self.refusal.take() {
                return Err(turn_away(error, with.link));
            }
            self.greeted = Some(greet(with.config, self.scramble, with.link));
        }
        match self.greeted {
            Some(greeted) if !with.link.channel.is_securing() => {
                with.link.facts.tls = with.link.channel.tls_facts();
                Ok(Next::Again(Handshake::AwaitResponse(greeted)))
            }
            _ => Ok(Next::Wait(Handshake::Opening(self))),
        }
    }
}

/// The content type of a ClientHello's record (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// The beginning of a connection.
enum Begun {
    /// The peer is the client, or a proxy that speaks for itself.
    Direct,
    Proxied(Endpoints),
}

/// Takes a PROXY header, if there is one; `None` if more bytes are needed.
fn begin(with: &mut Context<'_>) -> Result<Option<Begun>, Error> {
    let (header, length) = match proxy_header(with)? {
        Start::Incomplete => return Ok(None),
        Start::NoHeader => return Ok(Some(Begun::Direct)),
        Start::Header { header, length } => (header, length),
    };
    with.received.taken += length;
    Ok(Some(take_over(header, with).map_or(Begun::Direct, Begun::Proxied)))
}

/// The sequence number of the answer to the client's first packet.
const AFTER_RESPONSE: u8 = 2;

/// Reads a PROXY header, which comes before all packets.
fn proxy_header(with: &mut Context<'_>) -> Result<Start, Error> {
    let bytes = with.received.rest();
    let read = if !with.trusts_proxy && proxy_protocol::begins(bytes) {
        let message = format!("Proxy header is not accepted from {}", with.peer.host);
        Err(refuse(SqlError::host_not_privileged(message)))
    } else {
        proxy_protocol::read(bytes).map_err(|Malformed(what)| bad(what))
    };
    // An error answers the client's first packet, which follows the header.
    read.inspect_err(|_| with.link.channel.sequence = AFTER_RESPONSE)
}

/// Takes the client that a header names for the peer. A header that names none leaves all as it is.
fn take_over(header: Header, with: &mut Context<'_>) -> Option<Endpoints> {
    with.link.facts.client_tls = header.tls.map(Box::new);
    let endpoints = header.endpoints?;
    with.peer.host = endpoints.source.ip().to_canonical().to_string();
    // The operating system's user is the proxy.
    with.peer.user = None;
    Some(endpoints)
}

/// The TLS handshake is in progress.
#[derive(Debug)]
pub(super) struct Securing {
    scramble: [u8; 20],
    request: [u8; SSL_REQUEST],
}

impl Securing {
    fn step(self, with: &mut Context<'_>) -> Result<Next, Error> {
        if with.link.channel.is_securing() {
            return Ok(Next::Wait(Handshake::Securing(self)));
        }
        if with.link.facts.tls.is_none() {
            with.link.facts.tls = with.link.channel.tls_facts();
        }
        let Some(packet) = with.link.channel.next_packet(with.received)? else {
            return Ok(Next::Wait(Handshake::Securing(self)));
        };
        let payload = with.received.payload(&packet);
        if payload.len() == SSL_REQUEST {
            return Err(bad("a second SSLRequest, inside TLS"));
        }
        respond(payload.to_vec(), packet.sequence, self.scramble, Some(&self.request), with)
    }
}

/// Processes HandshakeResponse41. `request` is the SSLRequest if the response came inside TLS.
fn respond(
    payload: Vec<u8>,
    sequence: u8,
    scramble: [u8; 20],
    request: Option<&[u8; SSL_REQUEST]>,
    with: &mut Context<'_>,
) -> Result<Next, Error> {
    let response = HandshakeResponse41::decode(&payload).map_err(|_| bad("the response can't be read"))?;
    let capabilities = response.capabilities & with.config.offered();
    with.link.facts.capabilities = capabilities;
    with.link.facts.compression = compression(&response, capabilities)?;
    let user = String::from_utf8_lossy(response.user).into_owned();
    with.link.channel.trace_packet(Direction::Received, sequence, payload.len(), "HandshakeResponse41", || {
        let unlike = request.map(|request| difference(request, &payload)).unwrap_or_default();
        format!("user '{}', capabilities {:?}{unlike}", user.escape_debug(), response.capabilities)
    });
    if with.config.require_secure_transport && !is_secure(&with.link.facts) {
        return Err(refuse(SqlError::secure_transport_required(
            "Connections using insecure transport are prohibited while --require_secure_transport=ON.",
        )));
    }
    let login = Login {
        user: user.clone(),
        database: named(response.database),
        charset: Some(u16::from(response.charset)),
        attributes: texts(response.attributes.iter()),
        change_user: false,
    };
    let plugin = response.auth_plugin.map_or(Some(Plugin::MysqlNativePassword), Plugin::from_name);
    // A client without the greeting's plugin, such as a replica of MariaDB, names its own and waits for that plugin's challenge.
    let may_wait = response.auth_response.is_empty()
        && response.auth_plugin.is_some()
        && plugin != Some(with.config.default_plugin);
    let data = response.auth_response.to_vec();
    let reply = Reply { plugin, data, may_wait, response: payload };
    Ok(Next::Login(AwaitAccount { user, scramble, reply }, login))
}

/// Processes COM_CHANGE_USER. As in MySQL's server, the scramble of the connection stays, because libmariadb uses it whatever an
/// AuthSwitchRequest contains. An empty answer with a plugin name counts as no answer, because some clients request a challenge in this
/// way.
pub(super) fn change_user(change: &ChangeUser<'_>, scramble: [u8; 20]) -> (AwaitAccount, Login) {
    let user = String::from_utf8_lossy(change.user).into_owned();
    let login = Login {
        user: user.clone(),
        database: named(change.database),
        charset: change.charset,
        attributes: texts(change.attributes.iter()),
        change_user: true,
    };
    let plugin = change.auth_plugin.map_or(Some(Plugin::MysqlNativePassword), Plugin::from_name);
    let answered = !change.auth_response.is_empty() || change.auth_plugin.is_none();
    let reply = Reply {
        plugin: plugin.filter(|_| answered),
        data: change.auth_response.to_vec(),
        may_wait: false,
        response: Vec::new(),
    };
    (AwaitAccount { user, scramble, reply }, login)
}

/// Describes the difference between the plaintext SSLRequest and the start of the response inside TLS, for the trace. A difference is no
/// error, because several drivers omit CLIENT_SSL in the response or fill the reserved bytes arbitrarily.
fn difference(request: &[u8; SSL_REQUEST], inside: &[u8]) -> String {
    let flags = |head: &[u8]| {
        let low = head.first_chunk::<4>().map_or(0, |low| u32::from_le_bytes(*low));
        Capabilities::from_bits(u64::from(low))
    };
    let (outside, within) = (flags(request), flags(inside));
    let mut unlike = String::new();
    for (what, only) in [("with", outside.without(within)), ("without", within.without(outside))] {
        if only != Capabilities::NONE {
            let _ = write!(unlike, ", {what} {only:?}");
        }
    }
    for (what, at) in
        [("another packet size", 4..8), ("another character set", 8..9), ("other reserved bytes", 9..SSL_REQUEST)]
    {
        if request.get(at.clone()) != inside.get(at) {
            let _ = write!(unlike, ", {what}");
        }
    }
    if unlike.is_empty() { unlike } else { format!("; the SSLRequest came{unlike}") }
}

/// The compression that both sides have. A client that compresses without an offer gets an error, because it would wait for ever otherwise.
fn compression(response: &HandshakeResponse41<'_>, agreed: Capabilities) -> Result<Option<Algorithm>, Error> {
    let level = response.zstd_level.unwrap_or(ZSTD_LEVEL).clamp(*ZSTD_LEVELS.start(), MOST_EFFORT);
    let wants = |flag| response.capabilities.contains(flag);
    // If both algorithms are agreed, MySQL's clients use zlib.
    match (wants(Capabilities::COMPRESS), wants(Capabilities::ZSTD_COMPRESSION)) {
        (true, _) if agreed.contains(Capabilities::COMPRESS) => Ok(Some(Algorithm::Zlib)),
        (false, true) if agreed.contains(Capabilities::ZSTD_COMPRESSION) => Ok(Some(Algorithm::Zstd { level })),
        (false, false) => Ok(None),
        (true, _) => {
            Err(bad("the client compresses by zlib, which this server did not offer; turn compression off there"))
        }
        (false, true) => {
            Err(bad("the client compresses by zstd, which this server did not offer; turn compression off there"))
        }
    }
}

/// The name of the database; `None` if it is empty, because some clients send an empty name for no database.
fn named(database: Option<&[u8]>) -> Option<String> {
    database.filter(|name| !name.is_empty()).map(|name| String::from_utf8_lossy(name).into_owned())
}

fn texts<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Vec<(String, String)> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    pairs.map(|(name, value)| (text(name), text(value))).collect()
}

/// The plugin and authentication data in the client's response.
struct Reply {
    plugin: Option<Plugin>,
    data: Vec<u8>,
    /// Whether an empty answer may ask for the plugin's challenge, where it is not that of an empty password.
    may_wait: bool,
    /// HandshakeResponse41, which a proxy sends on; empty for COM_CHANGE_USER.
    response: Vec<u8>,
}

impl core::fmt::Debug for Reply {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Reply {{ plugin: {:?}, data: … }}", self.plugin)
    }
}

/// The server waits for the application to look up the account.
#[derive(Debug)]
pub(super) struct AwaitAccount {
    user: String,
    /// The scramble that the greeting sent.
    scramble: [u8; 20],
    reply: Reply,
}

impl AwaitAccount {
    /// HandshakeResponse41; empty for COM_CHANGE_USER.
    pub(super) fn response(&self) -> &[u8] {
        &self.reply.response
    }

    /// Starts the authentication exchange with the account's plugin.
    pub(super) fn authenticate(self, mut candidate: Candidate, with: &mut Context<'_>) -> Next {
        if candidate.plugin == Plugin::AuthSocket && with.peer.user.is_none() {
            // auth_socket can't authenticate a user over a network. Run the decoy exchange, so that the client does not learn that the
            // account exists.
            candidate = Candidate {
                impossible_because: "auth_socket identifies a user of this machine, over the Unix socket alone".into(),
                ..Candidate::unknown(candidate.decoy)
            };
        }
        if let Credential::Socket(name @ None) = &mut candidate.credential {
            // Without a name, the account is for the operating system's user of the account's own name.
            *name = Some(self.user.clone());
        }
        with.link.facts.auth_plugin = Some(candidate.plugin.name().to_string());
        let mut state =
            Authenticating { auth: ServerAuth::start(candidate.plugin, Vec::new()), user: self.user, candidate };
        if state.candidate.requirement.needs_tls() && with.link.facts.tls.is_none() {
            // Refuse before the password is checked. MySQL requests it first and refuses afterwards. The SHA-2 plugins send an empty
            // password as a single NUL.
            let using_password = !matches!(self.reply.data.as_slice(), [] | [0]);
            let reason = state.impossible().unwrap_or("the account demands TLS");
            return Next::Denied(state.deny(using_password, reason, with));
        }
        let plugin = state.candidate.plugin;
        // A client with an empty password waits for nothing.
        let waits = self.reply.may_wait && state.candidate.credential != Credential::Empty;
        let answers = match plugin.client_plugin() {
            None => true,
            Some(plugin) => self.reply.plugin == Some(plugin) && plugin.challenge_length() == 20 && !waits,
        };
        if answers {
            state.auth = ServerAuth::start(plugin, self.scramble.to_vec());
            return state.judge(&self.reply.data, with);
        }
        let challenge = match plugin.challenge_length() {
            20 => self.scramble.to_vec(),
            length => {
                let mut nonce = alloc::vec![0; length];
                with.config.random.fill(&mut nonce);
                nonce
            }
        };
        let name = plugin.client_plugin().unwrap_or(with.config.default_plugin).name();
        let switch = AuthSwitchRequest { plugin: name.as_bytes(), data: &challenge };
        with.link.channel.send_traced("AuthSwitchRequest", |out| switch.encode(out), || name.to_string());
        state.auth = ServerAuth::start(plugin, challenge);
        Next::Again(Handshake::Authenticating(Box::new(state)))
    }
}

/// The state of the authentication exchange.
#[derive(Debug)]
pub(super) struct Authenticating {
    auth: ServerAuth,
    user: String,
    candidate: Candidate,
}

impl Authenticating {
    fn step(self: Box<Self>, with: &mut Context<'_>) -> Result<Next, Error> {
        let Some(packet) = with.link.channel.next_packet(with.received)? else {
            return Ok(Next::Wait(Handshake::Authenticating(self)));
        };
        let reply = with.received.payload(&packet).to_vec();
        with.link.channel.trace_packet(
            Direction::Received,
            packet.sequence,
            reply.len(),
            "AuthSwitchResponse",
            String::new,
        );
        Ok(self.judge(&reply, with))
    }

    fn judge(mut self, reply: &[u8], with: &mut Context<'_>) -> Next {
        let context = ServerContext {
            secure: is_secure(&with.link.facts),
            fast_digest: self.candidate.fast_digest.as_ref(),
            peer_user: with.peer.user.as_deref(),
            decoy_rounds: self.candidate.decoy.rounds,
        };
        match self.auth.step(&self.candidate.credential, reply, &context) {
            ServerStep::MoreData(data) => {
                more_data(&data, with);
                Next::Again(Handshake::Authenticating(Box::new(self)))
            }
            ServerStep::Granted { using_password, learned, more_data: last } => {
                if let Err(refusal) = admit(&self.candidate.requirement, &with.link.facts) {
                    return Next::Denied(self.deny(using_password, &refusal.to_string(), with));
                }
                if let Some(data) = last {
                    more_data(data, with);
                }
                Next::Authenticated { using_password, learned }
            }
            ServerStep::NotSecure => {
                let plugin = self.auth.plugin().name();
                let needs_tls = format!(
                    "{plugin} asks for the password itself, which needs TLS: this server has no RSA key for plaintext"
                );
                let mut denial = self.deny(true, self.impossible().unwrap_or(&needs_tls), with);
                denial.error.message.push_str(&format!(
                    ". Authentication requires secure connection: {plugin} sends the password itself, and this server has no RSA \
                     key for plaintext; connect with TLS (--ssl-mode=REQUIRED)"
                ));
                Next::Denied(denial)
            }
            ServerStep::Denied { using_password } => {
                let reason = self.mismatch(using_password, with);
                Next::Denied(self.deny(using_password, &reason, with))
            }
        }
    }

    /// Why no password is right, if that is so: a decoy's requirement is not the reason of its refusal.
    fn impossible(&self) -> Option<&str> {
        matches!(self.candidate.credential, Credential::Impossible).then_some(&*self.candidate.impossible_because)
    }

    /// Why the credential does not fit, for the log.
    fn mismatch(&self, using_password: bool, with: &Context<'_>) -> String {
        if let Some(reason) = self.impossible() {
            return reason.to_string();
        }
        match (&self.candidate.credential, &with.peer.user) {
            (Credential::Socket(Some(wanted)), Some(user)) => format!(
                "the account is for the operating system's user '{}', and the client runs as '{}'",
                wanted.escape_debug(),
                user.escape_debug()
            ),
            (Credential::Empty, _) => "a password was sent, and the account has none".to_string(),
            _ if !using_password => "no password was sent, and the account has one".to_string(),
            _ => "the password or proof is wrong".to_string(),
        }
    }

    fn deny(&self, using_password: bool, reason: &str, with: &Context<'_>) -> Denial {
        Denial {
            error: access_denied(&self.user, &with.peer.host, using_password),
            reason: format!("'{}'@'{}': {reason}", self.user.escape_debug(), with.peer.host),
        }
    }
}

fn more_data(data: &[u8], with: &mut Context<'_>) {
    with.link.channel.send_traced("AuthMoreData", |out| AuthMoreData { data }.encode(out), String::new);
}

/// Whether nobody on a network can read the traffic.
fn is_secure(facts: &Facts) -> bool {
    let is_encrypted_before = facts.client_tls.as_ref().is_none_or(|client| client.is_encrypted);
    is_encrypted_before && (facts.tls.is_some() || facts.transport == Transport::UnixSocket)
}

/// Error 1045. The text is the same for every cause.
pub(super) fn access_denied(user: &str, host: &str, using_password: bool) -> SqlError {
    let used = if using_password { "YES" } else { "NO" };
    SqlError::access_denied(format!("Access denied for user '{user}'@'{host}' (using password: {used})"))
}

const fn bad(what: &'static str) -> Error {
    Error::PeerMisbehaved(PeerMisbehaved::BadHandshake(what))
}

const fn refuse(error: SqlError) -> Error {
    Error::Refused { by: Side::Server, error }
}

/// Sends the OK packet that ends the authentication exchange.
pub(super) fn send_ok(status: StatusFlags, channel: &mut Channel, capabilities: Capabilities) {
    let ok = OkPacket { status, ..OkPacket::default() };
    channel.send_traced("OK_Packet", |out| ok.encode(capabilities, out), String::new);
}
