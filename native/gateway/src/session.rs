//! A client's session: its socket, the machine, and the socket of the server that takes the login.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mio::event::Event as Readiness;
use sealwire_core::error::{Error, Side};
use sealwire_core::facts::Facts;
use sealwire_core::proxy::{Activity, Connection, End, Event, Kill};
use sealwire_core::proxy_protocol::Endpoints;
use sealwire_core::{Input, Now, Output, SqlError};
use sealwire_net::clock;
use sealwire_net::connections::Progress;
use sealwire_net::dial::{Dial, DialError};
use sealwire_net::reactor;
use sealwire_net::socket::Socket;

use super::announce::{Announce, NO_HEADER};
use super::attributes;
use super::certificates::shown;
use super::limits::Standing;
use super::place::{Place, Role};
use super::pool::{Choice, PAUSE};
use super::settings::Drain;
use super::shared::Shared;
use super::wire::{Read, Wire};

/// How often a session reads and writes before the others have their turn.
const MOST_ROUNDS: usize = 16;

/// Why a session ends with the gateway.
pub(super) const STOPS: &str = "the gateway is shutting down";

/// How long a session waits for the ends of both peers.
const LINGER: Duration = Duration::from_secs(5);

/// A client's session.
#[derive(Debug)]
pub(super) struct Session {
    id: usize,
    /// The client's address, and the address that the client connected to.
    ends: Endpoints,
    connection_id: u32,
    proxy: Connection,
    client: Wire,
    server: Option<Wire>,
    dial: Option<Dial>,
    /// The servers that the sessions of its listener may have, and those that it may have itself.
    listener: Place,
    place: Place,
    /// The server that it has or connects to, where it is counted.
    node: Option<usize>,
    /// The servers that were tried for this login.
    tried: Vec<usize>,
    /// Whether it waits for a server, and when those that failed may be tried again.
    is_queued: bool,
    tries_again: Option<Duration>,
    /// Until when the login may wait, once it has waited.
    waits_until: Option<Duration>,
    /// Whether the log says that it waits.
    is_waiting: bool,
    /// The user of the login, escaped for the log.
    user: Option<String>,
    /// Whether the log says that its packets can't be followed.
    is_opaque: bool,
    /// A KILL that waits for its answer.
    kill: Option<Kill>,
    is_relaying: bool,
    standing: Standing,
    /// The error with which the login of a proxy's client is answered, because its greeting is sent before the client is known.
    refusal: Option<SqlError>,
    /// Whether the connection to the server is counted as one that is being set up.
    is_handshaking: bool,
    /// The machine's deadline.
    deadline: Option<Duration>,
    /// Until when the peers' ends are awaited, once the machine has ended.
    ending: Option<Duration>,
}

impl Session {
    pub(super) const fn new(
        id: usize,
        ends: Endpoints,
        connection_id: u32,
        place: Place,
        proxy: Connection,
        client: Socket,
        standing: Standing,
    ) -> Self {
        Self {
            id,
            ends,
            connection_id,
            proxy,
            client: Wire::new(client),
            server: None,
            dial: None,
            listener: place,
            place,
            node: None,
            tried: Vec::new(),
            is_queued: false,
            tries_again: None,
            waits_until: None,
            is_waiting: false,
            user: None,
            is_opaque: false,
            kill: None,
            is_relaying: false,
            standing,
            refusal: None,
            is_handshaking: false,
            deadline: None,
            ending: None,
        }
    }

    /// The client's address.
    pub(super) const fn peer(&self) -> SocketAddr {
        self.ends.source
    }

    /// Whether the client has logged in.
    pub(super) const fn is_relaying(&self) -> bool {
        self.is_relaying
    }

    /// How the client is counted.
    pub(super) const fn standing(&self) -> Standing {
        self.standing
    }

    /// The server that it has or connects to.
    pub(super) const fn node(&self) -> Option<usize> {
        self.node
    }

    pub(super) const fn place(&self) -> Place {
        self.place
    }

    pub(super) const fn connection_id(&self) -> u32 {
        self.connection_id
    }

    pub(super) const fn proxy(&self) -> &Connection {
        &self.proxy
    }

    /// The user, escaped for the log; `None` before the login.
    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// A KILL of the client that has not been looked at.
    pub(super) const fn take_kill(&mut self) -> Option<Kill> {
        self.kill.take()
    }

    /// Lets the client's KILL pass with this id.
    pub(super) fn allow_kill(&mut self, connection_id: u32) {
        self.proxy.allow_kill(connection_id);
    }

    /// Answers the client's KILL.
    pub(super) fn answer_kill(&mut self, result: Result<(), SqlError>) {
        self.proxy.answer_kill(result);
    }

    /// Ends the session between two statements, outside a transaction.
    pub(super) fn drain(&mut self, why: &str) {
        self.proxy.drain(SqlError::server_shutdown(format!(
            "sealwire-gateway: the connection ends, because {why}; connect again"
        )));
    }

    /// Ends the session, because its server does not answer.
    pub(super) fn lose_server(&mut self) {
        self.proxy.lose_server();
    }

    /// Ends the session, because the gateway stops.
    pub(super) fn close(&mut self) {
        self.proxy.close();
    }

    /// Takes an event that the poll reported for one of the sockets.
    pub(super) fn ready(&mut self, side: reactor::Side, event: &Readiness) {
        match (side, &mut self.dial, &mut self.server) {
            (reactor::Side::Client, _, _) => self.client.ready(event),
            (reactor::Side::Target, Some(dial), _) => dial.ready(),
            (reactor::Side::Target, None, Some(server)) => server.ready(event),
            (reactor::Side::Target, None, None) => {}
        }
    }

    /// Takes the addresses of a server's host, or the look-up's error.
    pub(super) fn resolved(&mut self, found: io::Result<Vec<SocketAddr>>, shared: &mut Shared, now: Now) {
        if let Some(dial) = &mut self.dial
            && let Err(error) = dial.resolved(found, &shared.registry, now.monotonic)
        {
            self.dial_failed(&error, shared, now);
        }
    }

    /// When the session must advance even if no event occurs.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let dial = self.dial.as_ref().map(Dial::deadline);
        let queue = [self.waits_until, self.tries_again].into_iter().filter(|_| self.is_queued);
        [self.deadline, dial, self.ending].into_iter().chain(queue).flatten().min()
    }

    /// Advances as far as possible without waiting.
    pub(super) fn advance(&mut self, shared: &mut Shared, now: Now) -> Progress {
        if self.deadline.is_some_and(|deadline| deadline <= now.monotonic) {
            self.proxy.handle_timeout(now);
        }
        self.advance_dial(shared, now);
        if self.is_queued && self.waits_until.is_some_and(|until| until <= now.monotonic) {
            self.dial_next(shared, now);
        }
        if self.tries_again.take_if(|at| *at <= now.monotonic).is_some() {
            // The logins that wait take turns.
            shared.may_serve_waiting = true;
        }
        for _ in 0..MOST_ROUNDS {
            self.poll(shared, now);
            self.look_at_handshake(shared);
            let has_written = self.flush();
            if let Some(until) = self.ending {
                return self.finish(until, now);
            }
            if !self.read(shared, now) && !has_written {
                self.tell_opaque();
                return Progress::Wait;
            }
        }
        Progress::Again
    }

    /// Tells once that the session can't be drained, because nobody knows where its statements end.
    fn tell_opaque(&mut self) {
        let is_opaque = self.is_relaying && self.ending.is_none() && self.proxy.activity() == Activity::Opaque;
        if is_opaque && !std::mem::replace(&mut self.is_opaque, true) {
            tracing::info!("{} its packets can't be followed: it is not drained", self.name());
        }
    }

    /// Asks the machine what to do until it waits.
    fn poll(&mut self, shared: &mut Shared, now: Now) {
        loop {
            match self.proxy.poll_output() {
                Output::Transmit => {
                    self.flush();
                }
                Output::Wait(deadline) => {
                    self.deadline = deadline;
                    return;
                }
                Output::Event(event) => self.take(event, shared, now),
            }
        }
    }

    fn take(&mut self, event: Event, shared: &mut Shared, now: Now) {
        match event {
            Event::Proxied(ends) => {
                let (proxy, limits) = (self.ends.source, shared.settings.limits);
                let counted = match self.standing {
                    // The proxy itself is one too many.
                    Standing::Refused => Ok(()),
                    _ => shared.clients.replace(proxy.ip(), ends.source.ip(), &limits),
                };
                self.ends = ends;
                tracing::info!("{} comes by the proxy {proxy}", self.name());
                if let Err(error) = counted {
                    self.standing = Standing::Refused;
                    self.refusal = Some(error);
                    if shared.clients.is_overfull() {
                        shared.warn_of_refusal(&format!(
                            "{} was dropped: too many clients wait to be refused",
                            self.name()
                        ));
                        self.close();
                    }
                }
            }
            Event::Dial(login) => {
                self.user = Some(login.user.escape_debug().to_string());
                self.place = self.route(&login.user, shared);
                let admitted = self.refusal.take().map_or(Ok(()), Err);
                match admitted.and_then(|()| self.check(&login.user, login.charset, shared)) {
                    Ok(()) => self.dial_next(shared, now),
                    // The login waits, because the event said so.
                    Err(error) => drop(self.proxy.refuse(error)),
                }
            }
            Event::ChangeUser { user, charset } => self.change_user(&user, charset, shared, now),
            Event::Kill(kill) => self.kill = Some(kill),
            Event::ServerFailed(error) => {
                // The server gets the alert that says why.
                self.flush();
                self.server = None;
                let announces = self.node.is_some_and(|node| shared.pools.announce(node) != Announce::Nothing);
                let may_refuse_header = announces
                    && match &error {
                        Error::Tls(_) | Error::ConnectionLost(_) | Error::PeerMisbehaved(_) => true,
                        Error::Refused { error, .. } => error.message.contains("Proxy header"),
                        _ => false,
                    };
                let message = error.as_client_error().message;
                let hint = match &error {
                    _ if may_refuse_header => NO_HEADER,
                    Error::Tls(_) if message.contains("trusted") => TRUSTED,
                    _ => "",
                };
                self.warn_of_server(&format!("{message}{hint}"), shared);
                self.leave_failed(shared, now);
                self.dial_next(shared, now);
            }
            Event::Connected => {
                self.is_relaying = true;
                if std::mem::replace(&mut self.standing, Standing::LoggedIn) == Standing::LoggingIn {
                    shared.clients.logged_in();
                }
                self.tried = Vec::new();
                self.waits_until = None;
                shared.counters.logins = shared.counters.logins.saturating_add(1);
                if let Some(node) = self.node {
                    shared.pools.succeeded(node);
                    shared.pools.end_pause(node);
                    shared.may_serve_waiting = true;
                    if let Some(certificate) = self.proxy.server_facts().and_then(shown) {
                        shared.pools.saw_certificate(node, certificate, now.wall.as_secs());
                    }
                }
                tracing::info!("{} {}", self.name(), self.legs(shared));
                self.leave_again(shared);
            }
            Event::Closed(end) => {
                self.log_end(&end, shared);
                shared.counters.ended(&end, self.is_relaying);
                shared.counters.add_bytes(&self.proxy);
                self.dial = None;
                self.is_queued = false;
                self.leave(shared);
                self.ending = Some(now.monotonic.saturating_add(LINGER));
            }
        }
    }

    /// Drains the session if its server was drained, or another took the writes, while the client logged in; or if the gateway stops, where
    /// COM_CHANGE_USER has moved the session from the server with which it was to be drained.
    fn leave_again(&mut self, shared: &mut Shared) {
        if shared.is_stopping {
            self.drain(STOPS);
        } else if let Some(node) = self.node
            && shared.pools.is_misplaced(self.place, node)
            && (shared.settings.drain == Drain::Close || shared.pools.can_serve(node))
        {
            self.drain("its server was drained during the login");
        }
    }

    /// The servers for a user.
    fn route(&self, user: &str, shared: &Shared) -> Place {
        let tls = self.proxy.client_facts().and_then(|facts| facts.tls.as_ref());
        let found = shared.settings.routes.find(user, tls.and_then(|tls| tls.sni.as_deref()));
        found.unwrap_or(self.listener)
    }

    /// Answers COM_CHANGE_USER. It is a login of its own, to the servers of the new user.
    fn change_user(&mut self, user: &str, charset: u16, shared: &mut Shared, now: Now) {
        tracing::info!("{} changes to user '{}'", self.name(), user.escape_debug());
        if let Err(error) = self.check(user, Some(charset), shared) {
            return self.proxy.refuse_change_user(error);
        }
        // The COM_CHANGE_USER waits, because the event said so.
        if self.proxy.redial(shared.settings.limits.connect).is_ok() {
            self.flush();
            self.server = None;
            self.leave(shared);
            self.user = Some(user.escape_debug().to_string());
            self.place = self.route(user, shared);
            self.is_relaying = false;
            self.dial_next(shared, now);
        }
    }

    /// Checks the client's connection against the rules.
    fn check(&self, user: &str, charset: Option<u16>, shared: &mut Shared) -> Result<(), SqlError> {
        let Some(rules) = &shared.rules else { return Ok(()) };
        let checked = rules.check(user, charset, self.peer(), self.proxy.client_facts());
        checked.map_err(|(error, why)| {
            shared.warn_of_refusal(&format!("{} {why}", self.name()));
            error
        })
    }

    /// Connects to the next server, waits for one, or refuses the login.
    fn dial_next(&mut self, shared: &mut Shared, now: Now) {
        loop {
            (self.is_queued, self.tries_again) = (false, None);
            let waits = self.waits_until.is_some();
            let node = match shared.pools.choose(self.place, &self.tried, waits, now.monotonic) {
                Choice::Server(node) => node,
                none => return self.wait_for_server(none, shared, now),
            };
            self.tried.push(node);
            self.node = Some(node);
            shared.pools.enter(node);
            self.is_handshaking = true;
            let until = now.monotonic.saturating_add(shared.settings.limits.server_connect);
            let mut dial = Dial::new(self.id, until);
            self.proxy.dial_begins();
            let Some(addresses) = shared.resolver.ask(node, self.id) else {
                self.dial = Some(dial);
                return;
            };
            match dial.resolved(Ok(addresses), &shared.registry, now.monotonic) {
                Ok(()) => {
                    self.dial = Some(dial);
                    return;
                }
                Err(error) => {
                    self.warn_of_server(&sentence(&error), shared);
                    self.leave_failed(shared, now);
                    if !self.proxy.dial_failed() {
                        return;
                    }
                }
            }
        }
    }

    /// Waits until a server is free or comes up. Where servers are not checked and none is full, there is nothing to wait for.
    fn wait_for_server(&mut self, why: Choice, shared: &mut Shared, now: Now) {
        let until = *self.waits_until.get_or_insert_with(|| now.monotonic.saturating_add(shared.settings.limits.queue));
        let may_come = matches!(why, Choice::Full(_) | Choice::Paused) || shared.pools.is_checked();
        if may_come && now.monotonic < until {
            // The servers that failed are tried again, after a pause.
            self.tried.clear();
            self.is_queued = true;
            self.tries_again = Some(now.monotonic.saturating_add(PAUSE));
            if !std::mem::replace(&mut self.is_waiting, true) {
                tracing::info!("{} waits for a server", self.name());
            }
            shared.waiting.push(self.id);
            return;
        }
        let error = match why {
            Choice::Full(limit) => SqlError::too_many_connections(format!(
                "Too many connections: {}, and that did not change in time (queue-timeout)",
                limit.reason()
            )),
            _ if self.place.role == Role::Writer && shared.pools.writer(self.place.pool).is_none() => {
                SqlError::unknown_error(
                    "sealwire-gateway: no server of the pool takes writes; the gateway's log and /status tell the state of each",
                )
            }
            _ => SqlError::unknown_error(
                "sealwire-gateway: none of the servers behind the gateway took the connection; the gateway's log says why",
            ),
        };
        // The login waits, because a dial was due.
        let _ = self.proxy.refuse(error);
    }

    /// Tries again to get a server, if it waits for one.
    pub(super) fn retry(&mut self, shared: &mut Shared, now: Now) {
        if self.is_queued {
            self.dial_next(shared, now);
        }
    }

    fn advance_dial(&mut self, shared: &mut Shared, now: Now) {
        let Some(dial) = &mut self.dial else { return };
        match dial.advance(&shared.registry, now.monotonic) {
            Ok(None) => {}
            Ok(Some(socket)) => {
                self.dial = None;
                let (Endpoints { source, destination }, facts) = (self.ends, self.proxy.client_facts());
                let announce = self.node.map_or(Announce::Nothing, |node| shared.pools.announce(node));
                let header = announce.of_client(source, destination, facts);
                self.server = Some(Wire::beginning_with(header, socket));
                let attributes = attributes::of_client(source, self.connection_id, facts);
                let attributes: Vec<(&str, &str)> =
                    attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
                if let Some(config) = self.node.and_then(|node| shared.back(node)) {
                    // The login waits, because a dial was due.
                    let _ = self.proxy.dialled(config, &attributes, now);
                }
            }
            Err(error) => self.dial_failed(&error, shared, now),
        }
    }

    fn dial_failed(&mut self, error: &DialError, shared: &mut Shared, now: Now) {
        self.dial = None;
        self.warn_of_server(&sentence(error), shared);
        self.leave_failed(shared, now);
        if self.proxy.dial_failed() {
            self.dial_next(shared, now);
        }
    }

    /// Leaves a server that did not take the login.
    fn leave_failed(&mut self, shared: &mut Shared, now: Now) {
        if let Some(node) = self.node {
            shared.pools.failed(node, now.monotonic);
        }
        self.leave(shared);
    }

    fn leave(&mut self, shared: &mut Shared) {
        let had_place = !self.is_handshaking;
        self.end_handshake(shared);
        if let Some(node) = self.node.take() {
            shared.pools.leave(node);
            if had_place {
                shared.pools.end_pause(node);
            }
            shared.may_serve_waiting = true;
        }
    }

    /// Lets the next login begin, once TLS towards the server is set up, or its greeting has come where there is none. The rest of the login
    /// waits for the client, which must not keep others out.
    fn look_at_handshake(&mut self, shared: &mut Shared) {
        let is_plaintext = self.node.is_some_and(|node| shared.is_plaintext(node));
        let is_set_up = |facts: &Facts| facts.tls.is_some() || (is_plaintext && !facts.server_version.is_empty());
        let has_socket = self.dial.is_none() && self.server.is_some();
        if self.is_handshaking && has_socket && self.proxy.server_facts().is_some_and(is_set_up) {
            self.end_handshake(shared);
            // TLS is set up, so the server does not refuse connections.
            if let Some(node) = self.node {
                shared.pools.end_pause(node);
            }
        }
    }

    fn end_handshake(&mut self, shared: &mut Shared) {
        if let Some(node) = self.node
            && std::mem::take(&mut self.is_handshaking)
        {
            shared.pools.end_handshake(node);
            shared.may_serve_waiting = true;
        }
    }

    /// Writes what the machine has for both sides. Returns whether anything was written.
    fn flush(&mut self) -> bool {
        let proxy = &mut self.proxy;
        let mut has_written = self.client.flush(|out| proxy.transmit(Side::Client, out));
        match &mut self.server {
            Some(server) => has_written |= server.flush(|out| proxy.transmit(Side::Server, out)),
            // Bytes for a server that is gone.
            None => while proxy.transmit(Side::Server, &mut Vec::new()) {},
        }
        has_written
    }

    /// Reads once from each side that may be read. Returns whether anything was read.
    fn read(&mut self, shared: &mut Shared, now: Now) -> bool {
        let mut has_read = false;
        for side in [Side::Client, Side::Server] {
            if !self.proxy.may_read(side) {
                continue;
            }
            let wire = match side {
                Side::Client => &mut self.client,
                Side::Server => match &mut self.server {
                    Some(server) => server,
                    None => continue,
                },
            };
            match wire.read(&mut shared.scratch) {
                Read::Nothing => continue,
                Read::Eof => self.proxy.handle_input(side, Input::Eof, now),
                Read::Bytes(count) => {
                    let mut bytes = shared.scratch.get(..count).unwrap_or_default().to_vec();
                    self.proxy.handle_input(side, Input::Bytes(&mut bytes), now);
                }
            }
            has_read = true;
        }
        has_read
    }

    /// Waits for the ends of both peers.
    fn finish(&mut self, until: Duration, now: Now) -> Progress {
        let client = self.client.finish(until);
        let server = self.server.as_mut().is_none_or(|server| server.finish(until));
        if (client && server) || now.monotonic >= until { Progress::Over } else { Progress::Wait }
    }

    /// The connection's number and the account, for the log.
    fn name(&self) -> String {
        let (id, host) = (self.connection_id, self.peer().ip().to_canonical());
        match &self.user {
            Some(user) => format!("Connection {id} '{user}'@'{host}':"),
            None => format!("Connection {id} of {host}:"),
        }
    }

    fn node_name(&self, shared: &Shared) -> String {
        self.node.map(|node| shared.pools.name(node)).unwrap_or_default()
    }

    /// Both legs with their ciphers, for the log.
    fn legs(&self, shared: &Shared) -> String {
        let server = self.proxy.server_facts();
        format!(
            "client {}; server {} as {}, {}",
            protection(self.proxy.client_facts()),
            self.node_name(shared),
            server.map(|facts| facts.connection_id).unwrap_or_default(),
            protection(server)
        )
    }

    /// Logs a failure of the server: a few lines in each period, because each login tries servers.
    fn warn_of_server(&self, why: &str, shared: &mut Shared) {
        let Some(left_out) = self.node.and_then(|node| shared.pools.admit_line(node, clock::monotonic())) else {
            return;
        };
        let server = self.node_name(shared);
        if left_out > 0 {
            tracing::warn!("{left_out} more failures of server {server} were left out");
        }
        tracing::warn!("{} server {server}: {why}", self.name());
    }

    fn log_end(&self, end: &End, shared: &mut Shared) {
        let name = self.name();
        match end {
            End::By(Side::Client) => tracing::info!("{name} closed by the client"),
            End::By(Side::Server) => tracing::info!("{name} closed by the server"),
            End::ByUs => tracing::info!("{name} closed, because the gateway stops"),
            End::Drained(error) => tracing::info!("{name} drained: {error}"),
            End::ServerLost(error) => self.warn_of_server(&error.message, shared),
            End::Denied(error) => tracing::info!("{name} refused by server {}: {error}", self.node_name(shared)),
            End::Refused(error) => shared.warn_of_refusal(&format!("{name} refused: {error}")),
            End::Failed(Side::Server, error) => self.warn_of_server(&error.as_client_error().message, shared),
            // A scan of the port is not worth a line at the usual verbosity.
            End::Failed(Side::Client, Error::ConnectionLost(_)) => tracing::info!("{name} the client went away"),
            // The operator looks here for a certificate that the gateway, or the client, refuses.
            End::Failed(Side::Client, error @ Error::Tls(_)) => {
                shared.warn_of_refusal(&format!("{name} the client failed: {error}"));
            }
            End::Failed(Side::Client, error) => tracing::info!("{name} the client failed: {error}"),
        }
    }
}

/// Names the options for a server whose issuer is not trusted.
const TRUSTED: &str = "; the gateway trusts the CAs of --server-ssl-ca, or of the pool's ssl-ca";

fn sentence(error: &DialError) -> String {
    match error {
        DialError::HostUnknown(error) => format!("the host's name has no address: {error}"),
        DialError::TimedOut => "the connection was not accepted in time (server-connect-timeout)".to_owned(),
        DialError::Failed(error) => format!("can't connect: {error}"),
    }
}

/// `TLS_AES_256_GCM_SHA384 (TLSv1.3)`, or `plaintext`.
fn protection(facts: Option<&Facts>) -> String {
    match facts.and_then(|facts| facts.tls.as_ref()) {
        Some(tls) => format!("{} ({}{})", tls.cipher, tls.version.name(), if tls.resumed { ", resumed" } else { "" }),
        None => "plaintext".to_owned(),
    }
}
