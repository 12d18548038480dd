//! The server's side as a leg of a proxy, which answers a login with that of the server behind it.

use super::handshake::Handshake;
use super::{Connection, State};
use crate::error::Error;
use crate::leg::Leg;
use crate::message::{HandshakeResponse41, RelayedLogin};

impl Connection {
    /// The login that waits for an answer, to be relayed.
    ///
    /// # Errors
    /// `Misuse` if no login waits.
    pub(crate) fn relayed_login(&self) -> Result<RelayedLogin, Error> {
        match &self.state {
            State::Handshake(Some(Handshake::AwaitAccount(account))) => {
                let response = HandshakeResponse41::decode(account.response())?;
                Ok(RelayedLogin::new(&response, self.link.facts.capabilities))
            }
            _ => Err(Error::Misuse("no login waits to be relayed")),
        }
    }

    /// The connection as a leg, which knows packets and no more.
    pub(crate) fn into_leg(self) -> Leg {
        Leg::new(self.link, self.received)
    }
}
