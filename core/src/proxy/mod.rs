//! A proxy's connection: a client on one side, and on the other a server that it logs in to.
//!
//! ```text
//! client                     proxy                                     server
//!   <── greeting, own nonce ──
//!   ── TLS, login ──────────>  Event::Dial
//!                              dialled  ── TLS, login without password ──>
//!   <──────────────── AuthSwitchRequest with the server's nonce ──────────
//!   ───────────────────────────── answer ────────────────────────────────>
//!   <─────────────────────── OK or ERR ───────────────────────────────────
//!   <════════════════════════ all packets ═══════════════════════════════>
//! ```
//!
//! The proxy holds no password. Nonce, answer and verdict pass between the two ends, so every plugin works that is not bound to the TLS
//! connection. A password itself passes only where both sides protect it alike.

mod commands;
mod event;
mod exchange;
mod half;
mod kill;
mod legs;
mod relaying;
mod tracker;
mod unreadable;

pub use event::{End, Event};
pub use kill::Kill;
pub use tracker::Activity;

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::client;
use crate::error::{Error, Side};
use crate::facts::Facts;
use crate::machine::{Input, Now, Output};
use crate::message::{Capabilities, Command, OkPacket, RelayedLogin, SqlError};
use crate::server::{self, Peer};
use exchange::{Exchange, Relayed};
use half::Half;
use legs::Legs;
use relaying::{Asked, Login, Relaying, lost_error};
use tracker::Place;

/// The unsent bytes above which the other side is not read.
const HIGH_WATER: usize = 256 * 1024;

/// The received bytes above which a side is not read. The largest COM_CHANGE_USER has fewer.
const MOST_WAITING: usize = 128 * 1024;

/// How long a server may take to end the login of a client that has gone.
const FAREWELL: Duration = Duration::from_secs(5);

/// A client's connection through a proxy, without the sockets.
///
/// Its methods are of four kinds:
/// - input: [`handle_input`](Self::handle_input) for either side, and [`handle_timeout`](Self::handle_timeout).
/// - output: call [`poll_output`](Self::poll_output) after each input and answer until it returns [`Output::Wait`]. At
///   [`Output::Transmit`], `Wait` and the last event, send for both sides what [`transmit`](Self::transmit) appends.
/// - answers: [`dialled`](Self::dialled) or [`refuse`](Self::refuse) to [`Event::Dial`] and [`Event::ServerFailed`];
///   [`redial`](Self::redial) or [`refuse_change_user`](Self::refuse_change_user) to [`Event::ChangeUser`];
///   [`allow_kill`](Self::allow_kill) or [`answer_kill`](Self::answer_kill) to [`Event::Kill`]; [`drain`](Self::drain),
///   [`lose_server`](Self::lose_server) and [`close`](Self::close) at any time.
/// - getters: [`may_read`](Self::may_read), [`client_facts`](Self::client_facts), [`server_facts`](Self::server_facts),
///   [`activity`](Self::activity), [`peer`](Self::peer).
#[derive(Debug)]
pub struct Connection {
    peer: Peer,
    client: Half,
    server: Half,
    stage: Stage,
    /// The end that the client has come to while the server waits for its login. The login is brought to an end there with answers that are
    /// no proof, because a server counts those that end in the middle against the proxy's address, and refuses it after some (max_connect_errors).
    leaving: Option<End>,
    /// Whether a connection to a server is under way.
    has_dial: bool,
    /// How long the server may take for an answer in the authentication exchange.
    server_limit: Duration,
    /// The time of the last input of either side.
    now: Now,
}

/// The progress of the connection.
#[derive(Debug)]
enum Stage {
    /// The client connects.
    Greeting,
    /// The driver connects to a server for this login.
    Dialling(Box<RelayedLogin>),
    /// The server is greeted and TLS is set up.
    Connecting(Box<RelayedLogin>),
    /// The two ends authenticate.
    Authenticating(Box<Exchange>, Login),
    /// All packets are relayed.
    Relaying(Box<Relaying>),
    /// The end, until the driver has been told.
    Over(Option<End>),
}

impl Connection {
    /// Creates a connection that greets a client. The id of the connection should be one that no server gives, because some clients send
    /// it in a KILL statement.
    pub fn new(config: Arc<server::Config>, connection_id: u32, peer: Peer, now: Now) -> Self {
        let server = server::Connection::new(config, connection_id, peer.clone(), now);
        Self::of(server, peer, now)
    }

    /// Creates a connection to a client that begins with TLS: see [`server::Connection::direct`].
    pub fn direct(
        config: Arc<server::Config>,
        connection_id: u32,
        peer: Peer,
        refusal: Option<SqlError>,
        now: Now,
    ) -> Self {
        let server = server::Connection::direct(config, connection_id, peer.clone(), refusal, now);
        Self::of(server, peer, now)
    }

    /// Creates a connection that sends the client this error instead of a greeting.
    pub fn refused(config: Arc<server::Config>, connection_id: u32, peer: Peer, error: SqlError, now: Now) -> Self {
        let server = server::Connection::refused(config, connection_id, peer.clone(), error, now);
        Self::of(server, peer, now)
    }

    fn of(server: server::Connection, peer: Peer, now: Now) -> Self {
        let client = Half::of(half::End::Server(Box::new(server)));
        Self {
            peer,
            client,
            server: Half::default(),
            stage: Stage::Greeting,
            leaving: None,
            has_dial: false,
            server_limit: FAREWELL,
            now,
        }
    }

    /// Accepts a PROXY header from the client's side, whose peer is a trusted proxy: see
    /// [`server::Connection::trust_proxy_header`]. Call this before the first input.
    pub fn trust_proxy_header(&mut self) {
        if let half::End::Server(server) = &mut self.client.end {
            server.trust_proxy_header();
        }
    }

    /// Processes input of one side. The next [`poll_output`](Self::poll_output) says what follows from it, errors too.
    pub fn handle_input(&mut self, side: Side, input: Input<'_>, now: Now) {
        self.now = now;
        let half = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        if let Err(error) = half.handle_input(input, now) {
            self.fail(side, error);
        }
    }

    /// Says that the deadline of the last [`Output::Wait`] may have passed. An early call does no harm.
    pub fn handle_timeout(&mut self, now: Now) {
        self.handle_input(Side::Client, Input::Timeout, now);
        // A server that waits for the client is not late.
        if !matches!(&self.stage, Stage::Authenticating(exchange, _) if exchange.awaits_client) {
            self.handle_input(Side::Server, Input::Timeout, now);
        }
    }

    /// Whether more bytes of this side may be read. While this is `false`, the other side has too many bytes to send.
    pub fn may_read(&self, side: Side) -> bool {
        let (from, to) = match side {
            Side::Client => (&self.client, &self.server),
            Side::Server => (&self.server, &self.client),
        };
        if side == Side::Client && self.leaving.is_some() {
            return false;
        }
        from.waiting() < MOST_WAITING && to.unsent() < HIGH_WATER
    }

    /// Appends bytes for one side to `out`; if there are many, only a part of them. Returns `false` if there are none.
    pub fn transmit(&mut self, side: Side, out: &mut Vec<u8>) -> bool {
        let half = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        match half.transmit(out) {
            Ok(has_more) => has_more,
            Err(error) => {
                self.fail(side, error);
                false
            }
        }
    }

    /// Says that the driver has connected to a server: `config` has the TLS settings, the name that its certificate must have, and the
    /// time limit. The attributes are added to those of the client.
    ///
    /// # Errors
    /// `Misuse` if no login waits for a server.
    pub fn dialled(&mut self, config: Arc<client::Config>, attributes: &[(&str, &str)], now: Now) -> Result<(), Error> {
        let Stage::Dialling(login) = &self.stage else {
            return Err(Error::Misuse("no login waits for a server"));
        };
        let login = login.clone();
        let mut sent = login.as_ref().clone();
        sent.add_attributes(attributes);
        self.server_limit = config.connect_timeout;
        let client = client::Connection::relaying(config, sent, now);
        self.server = Half::of(half::End::Client(Box::new(client)));
        self.has_dial = false;
        self.stage = Stage::Connecting(login);
        Ok(())
    }

    /// Says that the driver connects to a server for the login that waits. From now on a client that goes is given up only when the server
    /// has ended its login, or with [`dial_failed`](Self::dial_failed).
    pub fn dial_begins(&mut self) {
        self.has_dial = true;
    }

    /// Says that the connection to a server failed. Returns whether the login still waits for one, because its client is there.
    pub fn dial_failed(&mut self) -> bool {
        self.has_dial = false;
        if let Some(end) = self.leaving.take() {
            self.end(end);
        }
        matches!(self.stage, Stage::Dialling(_))
    }

    /// Refuses the login that waits for a server.
    ///
    /// # Errors
    /// `Misuse` if no login waits for a server.
    pub fn refuse(&mut self, error: SqlError) -> Result<(), Error> {
        if !matches!(self.stage, Stage::Dialling(_)) {
            return Err(Error::Misuse("no login waits for a server"));
        }
        self.tell_client(&error);
        self.end(End::Refused(error));
        Ok(())
    }

    /// Answers the client's COM_CHANGE_USER with this error and ends the connection, as a server does. Without effect if none waits.
    pub fn refuse_change_user(&mut self, error: SqlError) {
        if let Stage::Relaying(relaying) = &self.stage
            && let Asked::ForChange(_) = relaying.asked
        {
            self.tell_client(&error);
            self.end(End::Refused(error));
        }
    }

    /// Leaves the server, and makes the client's COM_CHANGE_USER a login that waits for another connection, to any server: as after
    /// [`Event::Dial`], call [`dialled`](Self::dialled) or [`refuse`](Self::refuse). A session has no state beyond a change of user, so nothing
    /// is lost. The login must end within `limit`. Send the last bytes for the server first.
    ///
    /// No COM_CHANGE_USER passes to a server, because servers read its exchange within a session that lives on where it fails: what the
    /// client sends then could be other commands for the server than for the proxy.
    ///
    /// # Errors
    /// `Misuse` if no COM_CHANGE_USER waits; `Refused` if no server can read it as a login, and the connection ends.
    pub fn redial(&mut self, limit: Duration) -> Result<(), Error> {
        let misuse = Error::Misuse("no COM_CHANGE_USER waits");
        let (Stage::Relaying(relaying), Some(client)) = (&mut self.stage, self.client.leg()) else {
            return Err(misuse);
        };
        let Asked::ForChange(length) = relaying.asked else { return Err(misuse) };
        let login = match relaying.take_change(length, client) {
            Ok(login) => login,
            Err(error) => {
                if let Error::Refused { error, .. } = &error {
                    self.tell_client(error);
                    self.end(End::Refused(error.clone()));
                }
                return Err(error);
            }
        };
        client.begin_authentication(limit);
        if let Some(server) = self.server.leg() {
            server.send_command(Command::Quit.name(), |out| Command::Quit.encode(Capabilities::NONE, out));
        }
        self.server.close();
        self.stage = Stage::Dialling(Box::new(login));
        Ok(())
    }

    /// Lets the client's KILL pass with this id, which the server knows. Without effect if none waits.
    pub fn allow_kill(&mut self, connection_id: u32) {
        if let Stage::Relaying(relaying) = &mut self.stage
            && let Asked::ForKill(_) = relaying.asked
        {
            relaying.asked = Asked::AllowedWith(connection_id);
        }
    }

    /// Answers the client's KILL in the place of the server, with OK or this error. Without effect if none waits.
    pub fn answer_kill(&mut self, result: Result<(), SqlError>) {
        if let (Stage::Relaying(relaying), Some(client)) = (&mut self.stage, self.client.leg())
            && let Asked::ForKill(length) = relaying.asked
        {
            relaying.answer_kill(length, client, result);
        }
    }

    /// Ends the connection with this error as soon as no statement runs and no transaction or cursor is open, also if that is now. Where the
    /// packets can't be followed, the connection goes on. Without effect before the login's end.
    pub fn drain(&mut self, error: SqlError) {
        if let Stage::Relaying(relaying) = &mut self.stage {
            relaying.drain = Some(error);
        }
    }

    /// Says that the server will not answer any more. A client that waits for an answer is told that the outcome of its statement is
    /// unknown. Without effect before the login's end.
    pub fn lose_server(&mut self) {
        let Stage::Relaying(relaying) = &self.stage else { return };
        let (place, activity) = (relaying.tracker.place(), relaying.tracker.activity());
        let error = lost_error(activity);
        let end = match place {
            Place::Nowhere if relaying.tracker.has_quit() => End::By(Side::Client),
            Place::Nowhere => End::By(Side::Server),
            Place::Between | Place::Answer(_) => {
                if let Some(client) = self.client.leg() {
                    // A command that waits has this error as its answer; otherwise a server's word in between has the number 0.
                    let between = u8::from(!client.waiting().is_empty());
                    let sequence = if let Place::Answer(sequence) = place { sequence } else { between };
                    client.send_error_as(sequence, &error);
                }
                End::ServerLost(error)
            }
        };
        self.end(end);
    }

    /// The state of the session, as far as its packets show it.
    pub fn activity(&self) -> Activity {
        match &self.stage {
            Stage::Relaying(relaying) => relaying.tracker.activity(),
            Stage::Over(_) => Activity::Opaque,
            _ => Activity::Login,
        }
    }

    /// Ends the connection. Queued bytes are still sent, then TLS's close_notify.
    pub fn close(&mut self) {
        if !matches!(self.stage, Stage::Over(_)) {
            self.end(End::ByUs);
        }
    }

    /// The parameters that were negotiated with the client.
    pub fn client_facts(&self) -> Option<&Facts> {
        self.client.facts()
    }

    /// The parameters that were negotiated with the server.
    pub fn server_facts(&self) -> Option<&Facts> {
        self.server.facts()
    }

    /// The client, as the driver described it.
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Returns the next thing for the driver to do; see the type's documentation.
    pub fn poll_output(&mut self) -> Output<Event> {
        match &mut self.stage {
            Stage::Greeting => self.poll_greeting(),
            Stage::Dialling(_) => {
                if self.leaving.is_none() && self.client.leg().is_some_and(|leg| leg.peer_has_closed()) {
                    self.leave(End::By(Side::Client));
                    return self.poll_output();
                }
                Output::Wait(self.client_deadline())
            }
            Stage::Connecting(_) => self.poll_connecting(),
            Stage::Authenticating(..) => match self.authenticate() {
                Ok(output) => output,
                Err((side, error)) => {
                    self.fail(side, error);
                    self.poll_output()
                }
            },
            Stage::Relaying(_) => match self.relay() {
                Ok(output) => output,
                Err(error) => {
                    self.fail(Side::Client, error);
                    self.poll_output()
                }
            },
            Stage::Over(end) => end.take().map_or(Output::Wait(None), |end| Output::Event(Event::Closed(end))),
        }
    }

    fn poll_greeting(&mut self) -> Output<Event> {
        let half::End::Server(server) = &mut self.client.end else { return Output::Wait(None) };
        let polled = server.poll_output(&mut self.client.pending);
        let login = match polled {
            Ok(Output::Transmit) => return Output::Transmit,
            Ok(Output::Wait(deadline)) => return Output::Wait(deadline),
            Ok(Output::Event(server::Event::Login(login))) => login,
            Ok(Output::Event(server::Event::Proxied(endpoints))) => {
                self.peer.clone_from(server.peer());
                return Output::Event(Event::Proxied(endpoints));
            }
            // The machine has no other events before the login but its end.
            Ok(Output::Event(_)) => return self.closed_by(Side::Client),
            Err(error) => {
                self.fail(Side::Client, error);
                return self.poll_output();
            }
        };
        match server.relayed_login() {
            Ok(relayed) => {
                if let half::End::Server(server) = core::mem::take(&mut self.client.end) {
                    self.client.end = half::End::Leg(Box::new(server.into_leg()));
                }
                if let Some(error) = unreadable::refusal(u16::from(relayed.charset), relayed.database()) {
                    self.tell_client(&error);
                    self.end(End::Refused(error));
                    return self.poll_output();
                }
                self.stage = Stage::Dialling(Box::new(relayed));
                Output::Event(Event::Dial(login))
            }
            Err(error) => {
                self.fail(Side::Client, error);
                self.poll_output()
            }
        }
    }

    fn poll_connecting(&mut self) -> Output<Event> {
        if self.leaving.is_none() && self.client.leg().is_some_and(|leg| leg.peer_has_closed()) {
            self.leave(End::By(Side::Client));
        }
        let half::End::Client(client) = &mut self.server.end else { return Output::Wait(None) };
        let polled = client.poll_output(&mut self.server.pending);
        let Stage::Connecting(login) = &mut self.stage else { return Output::Wait(None) };
        match polled {
            Ok(Output::Wait(deadline)) if !client.has_relayed() => {
                Output::Wait(deadline.into_iter().chain(self.client_deadline()).min())
            }
            Ok(Output::Wait(_)) => {
                let legs = self.client.facts().map_or(Legs::Unlike, |facts| Legs::of(facts, client.security()));
                self.stage = Stage::Authenticating(Box::new(Exchange::new(legs)), Login::of(login));
                if let half::End::Client(client) = core::mem::take(&mut self.server.end) {
                    let mut leg = client.into_leg();
                    leg.restart_deadline(if self.leaving.is_some() { FAREWELL } else { self.server_limit }, self.now);
                    self.server.end = half::End::Leg(Box::new(leg));
                }
                self.poll_output()
            }
            // The machine has no events before the login is answered.
            Ok(Output::Transmit | Output::Event(_)) => Output::Transmit,
            Err(error) => match self.leaving.take() {
                Some(end) => {
                    self.end(end);
                    self.poll_output()
                }
                None => {
                    self.stage = Stage::Dialling(login.clone());
                    Output::Event(Event::ServerFailed(error))
                }
            },
        }
    }

    /// Relays the packets of the authentication exchange. An error comes with the side that caused it.
    fn authenticate(&mut self) -> Result<Output<Event>, (Side, Error)> {
        let (Stage::Authenticating(exchange, login), Some(client), Some(server)) =
            (&mut self.stage, self.client.leg(), self.server.leg())
        else {
            return Ok(Output::Wait(None));
        };
        let is_leaving = self.leaving.is_some();
        loop {
            if exchange.awaits_client && is_leaving {
                server.send("AuthSwitchResponse", exchange.farewell());
                continue;
            }
            if exchange.awaits_client {
                let by_client = |error| (Side::Client, error);
                let Some(packet) = client.next_packet().map_err(by_client)? else { break };
                client.trace(&packet, "AuthSwitchResponse");
                let answer = exchange.client_says(client.payload(&packet)).map_err(by_client)?;
                server.send("AuthSwitchResponse", answer.payload());
                // The client's time is not the server's.
                server.restart_deadline(self.server_limit, self.now);
                continue;
            }
            let by_server = |error| (Side::Server, error);
            let Some(packet) = server.next_packet().map_err(by_server)? else { break };
            let payload = server.payload(&packet);
            let relayed = match exchange.server_says(payload, server.facts().capabilities) {
                // The farewell is no password, so it may answer to whatever the server asks for.
                Err(Error::Refused { .. }) if is_leaving && exchange.awaits_client => continue,
                said => said.map_err(by_server)?,
            };
            let name = match &relayed {
                Relayed::More(name) => name,
                Relayed::Granted => "OK_Packet",
                Relayed::Denied(_) => "ERR_Packet",
            };
            server.trace(&packet, name);
            if !is_leaving {
                client.send(name, payload);
            }
            match relayed {
                Relayed::More(_) => {}
                Relayed::Granted | Relayed::Denied(_) if is_leaving => {
                    let end = self.leaving.take().unwrap_or(End::By(Side::Client));
                    self.end(end);
                    return Ok(self.poll_output());
                }
                Relayed::Granted => {
                    let ok = OkPacket::decode(payload, server.facts().capabilities);
                    let status = ok.map(|ok| ok.status).unwrap_or_default();
                    for leg in [&mut *client, &mut *server] {
                        leg.set_auth_plugin(exchange.name.clone());
                        leg.begin_relay();
                    }
                    let relaying = Relaying::new(*login, status);
                    self.stage = Stage::Relaying(Box::new(relaying));
                    return Ok(Output::Event(Event::Connected));
                }
                Relayed::Denied(error) => {
                    self.end(End::Denied(error));
                    return Ok(self.poll_output());
                }
            }
        }
        if server.peer_has_closed() {
            return Err((Side::Server, Error::ConnectionLost("at 'reading authorization packet'")));
        }
        let awaits_client = exchange.awaits_client;
        if client.peer_has_closed() && !is_leaving {
            self.leave(End::By(Side::Client));
            return self.authenticate();
        }
        let of_server = server.deadline().filter(|_| !awaits_client);
        Ok(Output::Wait(of_server.into_iter().chain(self.client_deadline()).min()))
    }

    /// The time by which the client's login must have ended.
    fn client_deadline(&self) -> Option<Duration> {
        if self.leaving.is_some() { None } else { self.client.deadline() }
    }

    /// Relays all received bytes. An error is the client's.
    fn relay(&mut self) -> Result<Output<Event>, Error> {
        let (Stage::Relaying(relaying), Some(client), Some(server)) =
            (&mut self.stage, self.client.leg(), self.server.leg())
        else {
            return Ok(Output::Wait(None));
        };
        relaying.relay_answers(server, client);
        if let Some(error) = relaying.drained(client) {
            self.end(End::Drained(error));
            return Ok(self.poll_output());
        }
        if let Some(event) = relaying.relay_commands(client, server)? {
            return Ok(Output::Event(event));
        }
        if client.peer_has_closed() {
            return Ok(self.closed_by(Side::Client));
        }
        if server.peer_has_closed() {
            if let Place::Answer(_) = relaying.tracker.place() {
                // The error stands in the place of a packet that has only begun.
                self.lose_server();
                return Ok(self.poll_output());
            }
            server.relay(server.waiting().len(), client);
            let side = if relaying.tracker.has_quit() { Side::Client } else { Side::Server };
            return Ok(self.closed_by(side));
        }
        for leg in [client, server] {
            leg.release();
        }
        Ok(Output::Wait(None))
    }

    fn closed_by(&mut self, side: Side) -> Output<Event> {
        self.end(End::By(side));
        self.poll_output()
    }

    fn end(&mut self, end: End) {
        self.leaving = None;
        self.client.close();
        self.server.close();
        self.stage = Stage::Over(Some(end));
    }

    /// Ends the connection, once the server has answered the login that it waits for.
    fn leave(&mut self, end: End) {
        let has_server = match self.stage {
            Stage::Dialling(_) => self.has_dial,
            Stage::Connecting(_) | Stage::Authenticating(..) => true,
            _ => false,
        };
        if has_server {
            self.client.close();
            if let Some(server) = self.server.leg() {
                server.restart_deadline(FAREWELL, self.now);
            }
            self.leaving = Some(end);
        } else {
            self.end(end);
        }
    }

    /// Ends the connection because of one side.
    fn fail(&mut self, side: Side, error: Error) {
        if self.leaving.is_some() {
            // The client has ended already. Without the server the login can't be ended there.
            if side == Side::Server
                && let Some(end) = self.leaving.take()
            {
                self.end(end);
            }
            return;
        }
        match (&self.stage, side) {
            (Stage::Over(_), _) => return,
            (Stage::Authenticating(..), Side::Server) => self.tell_client(&server_failed(&error)),
            (Stage::Relaying(relaying), Side::Server) if matches!(relaying.tracker.place(), Place::Answer(_)) => {
                if let Some(leg) = self.server.leg() {
                    leg.abandon(error);
                }
                return self.lose_server();
            }
            (_, Side::Client) => {
                if let Some(leg) = self.client.leg() {
                    leg.fail(error.clone());
                }
            }
            _ => {}
        }
        match error {
            Error::Refused { by: Side::Server, error } => self.leave(End::Refused(error)),
            error if side == Side::Client => self.leave(End::Failed(side, error)),
            error => {
                if let Some(leg) = self.server.leg() {
                    leg.abandon(error.clone());
                }
                self.end(End::Failed(side, error));
            }
        }
    }

    fn tell_client(&mut self, error: &SqlError) {
        if let Some(leg) = self.client.leg() {
            leg.refuse(error);
        }
    }
}

/// The error for a client whose server failed in the middle of the login.
fn server_failed(error: &Error) -> SqlError {
    match error {
        Error::Refused { error, .. } => error.clone(),
        error => SqlError::unknown_error(alloc::format!("The proxy lost the server during the login: {error}")),
    }
}
