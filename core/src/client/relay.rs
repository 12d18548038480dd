//! The client's side as a leg of a proxy: the login is that of the proxy's client, and the proxy relays all that follows.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::handshake::{AwaitGreeting, Handshake, security};
use super::{Config, Connection, State};
use crate::auth::Security;
use crate::leg::Leg;
use crate::machine::Now;
use crate::message::RelayedLogin;

impl Connection {
    /// Creates a connection that sends the login of a proxy's client. Of the settings, user, password, database and attributes are not used.
    pub(crate) fn relaying(config: Arc<Config>, login: RelayedLogin, now: Now) -> Self {
        Self::with_login(config, AwaitGreeting { login: Some(Box::new(login)) }, now)
    }

    /// Whether the login has been sent, so that [`into_leg`](Self::into_leg) is due.
    pub(crate) const fn has_relayed(&self) -> bool {
        !self.link.is_over() && matches!(&self.state, State::Handshake(Some(Handshake::Relayed)))
    }

    /// How well the connection protects a password.
    pub(crate) fn security(&self) -> Security {
        security(&self.link.facts)
    }

    /// The connection as a leg, which knows packets and no more.
    pub(crate) fn into_leg(self) -> Leg {
        Leg::new(self.link, self.received)
    }
}
