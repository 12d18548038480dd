//! The relay of packets after the login: commands to the server, answers to the client, and the proxy's own part in both.

use alloc::string::String;

use super::commands::{Commands, Next};
use super::event::Event;
use super::tracker::{Activity, Tracker};
use super::unreadable;
use crate::error::{Error, PeerMisbehaved, Side};
use crate::leg::Leg;
use crate::message::{Capabilities, ChangeUser, Command, RelayedLogin, SqlError, StatusFlags};

/// The parts of a login that a change of user repeats.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login {
    capabilities: Capabilities,
    max_packet: u32,
    charset: u8,
}

impl Login {
    pub(super) const fn of(login: &RelayedLogin) -> Self {
        Self { capabilities: login.capabilities, max_packet: login.max_packet, charset: login.charset }
    }
}

/// The state of the relay of packets.
#[derive(Debug)]
pub(super) struct Relaying {
    commands: Commands,
    pub(super) tracker: Tracker,
    login: Login,
    pub(super) asked: Asked,
    /// The error with which the connection ends as soon as it is idle.
    pub(super) drain: Option<SqlError>,
}

/// A command that is in front of the client's bytes and is for the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// There is none, or the driver has not been told.
    Nothing,
    /// The driver has been told of a COM_CHANGE_USER of this length.
    ForChange(usize),
    /// The driver has been told of a KILL of this length.
    ForKill(usize),
    /// The driver allows the KILL with this id.
    AllowedWith(u32),
}

impl Relaying {
    pub(super) const fn new(login: Login, status: StatusFlags) -> Self {
        Self {
            commands: Commands::new(),
            tracker: Tracker::new(login.capabilities, status),
            login,
            asked: Asked::Nothing,
            drain: None,
        }
    }

    /// Relays the server's packets.
    pub(super) fn relay_answers(&mut self, server: &mut Leg, client: &mut Leg) {
        let passed = self.tracker.server_says(server.waiting());
        if passed > 0 {
            server.relay(passed, client);
        }
    }

    /// Tells the client the error that ends the connection, if it is to be drained and is idle.
    pub(super) fn drained(&mut self, client: &mut Leg) -> Option<SqlError> {
        if self.tracker.activity() != Activity::Idle || self.asked != Asked::Nothing {
            return None;
        }
        let error = self.drain.take()?;
        // A command that waits has this error as its answer; otherwise a server's word in between has the number 0.
        client.send_error_as(u8::from(!client.waiting().is_empty()), &error);
        Some(error)
    }

    /// Relays the client's commands. Returns an event if the driver has to be told of a command.
    pub(super) fn relay_commands(&mut self, client: &mut Leg, server: &mut Leg) -> Result<Option<Event>, Error> {
        loop {
            if matches!(self.asked, Asked::ForChange(_) | Asked::ForKill(_)) {
                return Ok(None);
            }
            let capabilities = client.facts().capabilities;
            match self.commands.next(client.waiting(), &mut self.tracker, capabilities) {
                Next::Pass(0) => return Ok(None),
                Next::Pass(count) => client.relay(count, server),
                Next::TooLarge => {
                    return Err(PeerMisbehaved::Unexpected("a COM_CHANGE_USER that is too large").into());
                }
                Next::OutOfOrder => {
                    return Err(PeerMisbehaved::Unexpected("a packet with a number that is out of order").into());
                }
                Next::Unknown => {
                    return Err(Error::Refused {
                        by: Side::Server,
                        error: SqlError::unknown_command(
                            "Unknown command: the proxy does not pass on what it does not know",
                        ),
                    });
                }
                Next::ChangeUser(_) | Next::Kill(..) if !self.may_ask() => return Ok(None),
                Next::ChangeUser(length) => {
                    if self.tracker.is_opaque() {
                        return Err(Error::Refused { by: Side::Server, error: opaque_change() });
                    }
                    let change = change_user(client.command(length), capabilities)?;
                    let charset = change.charset.unwrap_or_else(|| u16::from(self.login.charset));
                    self.asked = Asked::ForChange(length);
                    let user = String::from_utf8_lossy(change.user).into_owned();
                    return Ok(Some(Event::ChangeUser { user, charset }));
                }
                Next::Kill(length, kill, digits) => {
                    let Asked::AllowedWith(id) = self.asked else {
                        self.asked = Asked::ForKill(length);
                        return Ok(Some(Event::Kill(kill)));
                    };
                    self.asked = Asked::Nothing;
                    let command = client.command(length);
                    self.tracker.command(command, 0);
                    let (before, behind) = (command.get(..digits.start), command.get(digits.end..));
                    if digits.is_empty() {
                        let kill = Command::ProcessKill(id);
                        server.send_command(kill.name(), |out| kill.encode(capabilities, out));
                    } else {
                        server.send_command("COM_QUERY", |out| {
                            out.extend_from_slice(before.unwrap_or_default());
                            out.extend_from_slice(alloc::format!("{id}").as_bytes());
                            out.extend_from_slice(behind.unwrap_or_default());
                        });
                    }
                    client.take(length);
                }
            }
        }
    }

    /// Whether the command in front may be asked about: its answer may be the proxy's own, so those before it must have come.
    fn may_ask(&self) -> bool {
        self.tracker.is_quiet() || self.tracker.is_opaque()
    }

    /// Answers the client's KILL of this length in the place of the server.
    pub(super) fn answer_kill(&mut self, length: usize, client: &mut Leg, result: Result<(), SqlError>) {
        self.asked = Asked::Nothing;
        client.take(length);
        match result {
            Ok(()) => client.send_ok(self.tracker.status()),
            Err(error) => client.send_error_as(1, &error),
        }
    }

    /// Takes the client's COM_CHANGE_USER of this length as a new login.
    pub(super) fn take_change(&self, length: usize, client: &mut Leg) -> Result<RelayedLogin, Error> {
        let change = change_user(client.command(length), client.facts().capabilities)?;
        let Login { capabilities, max_packet, charset } = self.login;
        let collation = change.charset.unwrap_or_else(|| u16::from(charset));
        let refused = |error| Error::Refused { by: Side::Server, error };
        unreadable::refusal(collation, change.database).map_or(Ok(()), Err).map_err(refused)?;
        let charset = unreadable::of_login(collation).map_err(refused)?;
        let login = RelayedLogin::of_change(&change, capabilities, max_packet, charset);
        client.take(length);
        Ok(login)
    }
}

fn change_user(command: &[u8], capabilities: Capabilities) -> Result<ChangeUser<'_>, Error> {
    match Command::decode(command, capabilities)? {
        Command::ChangeUser(change) => Ok(change),
        _ => Err(PeerMisbehaved::Unexpected("a command that changed").into()),
    }
}

/// The error for a client whose server is lost.
pub(super) fn lost_error(activity: Activity) -> SqlError {
    SqlError::server_shutdown(match activity {
        Activity::Running => {
            "The proxy lost the server while it ran the statement: the outcome of the statement is unknown"
        }
        Activity::Open => {
            "The proxy lost the server with a transaction or cursor open: a transaction that was not committed is undone"
        }
        _ => "The proxy lost the server between statements",
    })
}

/// Whether answers are due is not known there.
fn opaque_change() -> SqlError {
    SqlError::unknown_error(
        "The proxy does not pass COM_CHANGE_USER on in a session whose packets it can't follow: open another connection instead",
    )
}
