//! The events of a proxied connection.

use alloc::string::String;

use super::kill::Kill;
use crate::error::{Error, Side};
use crate::message::SqlError;
use crate::proxy_protocol::Endpoints;
use crate::server::Login;

/// An event for the driver.
#[derive(Debug)]
pub enum Event {
    /// A trusted proxy before this one names the client for which it opened the connection: see
    /// [`trust_proxy_header`](super::Connection::trust_proxy_header). There is no answer.
    Proxied(Endpoints),
    /// A client has sent its login. Connect to a server, then call [`dialled`](super::Connection::dialled), or call
    /// [`refuse`](super::Connection::refuse). The client's TLS, its certificate and the name that it asked for by SNI are in
    /// [`client_facts`](super::Connection::client_facts).
    Dial(Login),
    /// The server can't take the login: it refuses to greet, lacks TLS, has the wrong certificate, or is gone. The client has been told
    /// nothing. Send the last bytes for the server, then connect to another one and call [`dialled`](super::Connection::dialled), or call
    /// [`refuse`](super::Connection::refuse).
    ServerFailed(Error),
    /// The server has accepted the login. From here on all packets are relayed.
    Connected,
    /// A client that has logged in sends COM_CHANGE_USER. Call [`redial`](super::Connection::redial) for a login of the new user, or
    /// [`refuse_change_user`](super::Connection::refuse_change_user). The server decides about the login itself.
    ChangeUser {
        /// The name of the new user, with U+FFFD for bytes that are no UTF-8.
        user: String,
        /// The id of the character set in which the server reads the name.
        charset: u16,
    },
    /// A client that has logged in asks to end another connection or its statement, by the id of a greeting. Call
    /// [`allow_kill`](super::Connection::allow_kill) or [`answer_kill`](super::Connection::answer_kill).
    Kill(Kill),
    /// The connection has ended. Send the last bytes for both sides, then close both transports.
    Closed(End),
}

/// The reason why a proxied connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// This side closed: the client also where the server closes first at its COM_QUIT.
    By(Side),
    /// The server refused the login, and the client has its error.
    Denied(SqlError),
    /// The driver refused the login with this error.
    Refused(SqlError),
    /// This side broke the protocol or TLS, or its time ran out. A client has been told, where it could be.
    Failed(Side, Error),
    /// The driver closed the connection.
    ByUs,
    /// The driver drained the connection, and the client has this error.
    Drained(SqlError),
    /// The server was lost in the middle of a statement or a transaction, and the client has this error.
    ServerLost(SqlError),
}
