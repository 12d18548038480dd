//! One side of a proxied connection: a machine until its login has been received or sent, then a leg.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::client;
use crate::error::Error;
use crate::facts::Facts;
use crate::leg::Leg;
use crate::machine::{Input, Now};
use crate::server;

/// One side of a proxied connection.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// Bytes of the machine that the driver has not taken.
    pub(super) pending: Vec<u8>,
    pub(super) end: End,
}

/// The connection's end on this side.
#[derive(Default)]
pub(super) enum End {
    /// There is no connection.
    #[default]
    None,
    /// Towards the client, until its login is there.
    Server(Box<server::Connection>),
    /// Towards the server, until the login has been sent.
    Client(Box<client::Connection>),
    Leg(Box<Leg>),
}

impl core::fmt::Debug for End {
    /// Names the kind alone, because a machine's buffers may hold a password.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Server(_) => "Server",
            Self::Client(_) => "Client",
            Self::Leg(_) => "Leg",
        })
    }
}

/// The stage of a leg, for the error if its time runs out.
const STAGE: &str = "at 'reading authorization packet'";

impl Half {
    pub(super) fn of(end: End) -> Self {
        Self { pending: Vec::new(), end }
    }

    pub(super) fn handle_input(&mut self, input: Input<'_>, now: Now) -> Result<(), Error> {
        match &mut self.end {
            End::None => Ok(()),
            // The machine's next poll returns the error, after the last bytes for its peer.
            End::Server(server) => {
                let _ = server.handle_input(input, now);
                Ok(())
            }
            End::Client(client) => {
                let _ = client.handle_input(input, now);
                Ok(())
            }
            End::Leg(leg) => leg.handle_input(input, now, STAGE),
        }
    }

    /// Appends bytes to send to `out`. Returns `false` if there are none.
    pub(super) fn transmit(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        if !self.pending.is_empty() {
            if out.is_empty() {
                core::mem::swap(&mut self.pending, out);
                self.pending = Vec::new();
            } else {
                out.append(&mut self.pending);
            }
            return Ok(true);
        }
        match &mut self.end {
            End::Leg(leg) => leg.transmit(out),
            _ => Ok(false),
        }
    }

    pub(super) fn facts(&self) -> Option<&Facts> {
        match &self.end {
            End::None => None,
            End::Server(server) => Some(server.facts()),
            End::Client(client) => Some(client.facts()),
            End::Leg(leg) => Some(leg.facts()),
        }
    }

    pub(super) fn leg(&mut self) -> Option<&mut Leg> {
        match &mut self.end {
            End::Leg(leg) => Some(leg),
            _ => None,
        }
    }

    /// The time by which the connection phase of a leg must have ended.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match &self.end {
            End::Leg(leg) => leg.deadline(),
            _ => None,
        }
    }

    /// The bytes that wait for the driver.
    pub(super) fn unsent(&self) -> usize {
        let of_leg = match &self.end {
            End::Leg(leg) => leg.unsent(),
            _ => 0,
        };
        self.pending.len() + of_leg
    }

    /// The received bytes that wait for the other side.
    pub(super) fn waiting(&self) -> usize {
        match &self.end {
            End::Leg(leg) => leg.waiting().len(),
            _ => 0,
        }
    }

    /// Closes this side. Queued bytes are sent first, then TLS's close_notify.
    pub(super) fn close(&mut self) {
        match &mut self.end {
            End::None => {}
            End::Server(server) => {
                server.close();
                while let Ok(crate::machine::Output::Transmit) = server.poll_output(&mut self.pending) {}
            }
            // The server has been told nothing yet, so nothing has to be ended.
            End::Client(_) => self.end = End::None,
            End::Leg(leg) => leg.close(),
        }
    }
}
