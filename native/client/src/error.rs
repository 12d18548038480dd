//! Errors of client calls, with MySQL's numbers and texts.

use std::borrow::Cow;
use std::fmt;
use std::io;

use sealwire_core::error::{Error, Side, SqlError};

use super::address::Address;

/// Why a call of [`Client`](super::Client) failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// The server refused a command. The connection remains usable.
    Sql(SqlError),
    /// The connection is over, because of the peer, TLS or a wrong use of the client.
    Connection(Error),
    /// No connection to the server's address could be made.
    Connect {
        /// The server's address.
        address: Address,
        /// The system's error.
        error: io::Error,
    },
    /// The server's host name has no address.
    UnknownHost {
        /// The name.
        host: String,
    },
    /// The transport under the connection failed.
    Io(io::Error),
    /// An event of the binary log can't be read.
    Binlog(sealwire_binlog::Error),
    /// A GTID can't be read.
    Gtid(sealwire_binlog::GtidError),
}

impl ClientError {
    /// The error with its number and SQLSTATE, as mysql prints it.
    pub fn to_sql_error(&self) -> SqlError {
        match self {
            Self::Sql(error) => error.clone(),
            Self::Connection(error) => error.as_client_error(),
            Self::Connect { address: Address::Unix(path), error } => SqlError::new(
                2002,
                b"HY000",
                format!(
                    "Can't connect to local MySQL server through socket '{}' ({})",
                    path.display(),
                    error.raw_os_error().unwrap_or_default()
                ),
            ),
            Self::Connect { address: Address::Tcp { host, port }, error } => {
                let reason = error.raw_os_error().map_or_else(|| error.to_string(), |number| number.to_string());
                SqlError::new(2003, b"HY000", format!("Can't connect to MySQL server on '{host}:{port}' ({reason})"))
            }
            Self::UnknownHost { host } => SqlError::new(2005, b"HY000", format!("Unknown MySQL server host '{host}'")),
            Self::Binlog(error) => {
                SqlError::new(MALFORMED_LOG, b"HY000", format!("The binary log can't be read: {error}"))
            }
            Self::Gtid(error) => SqlError::new(MALFORMED_GTID, b"HY000", format!("Malformed GTID: {error}")),
            Self::Io(error) => {
                SqlError::new(2013, b"HY000", format!("Lost connection to MySQL server during query ({error})"))
            }
        }
    }

    /// One line of advice, where the user can do something.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Connection(Error::Tls(error)) => error.hint().map(Cow::Owned),
            // The server's own errors have no advice of the client's.
            Self::Connection(Error::Refused { by: Side::Client, error }) if error.code == TLS_FAILED => Some(
                "Its TLS is switched off, or somebody in between hides it: switch TLS on in the server. --skip-ssl connects without, and \
                 everyone in between can read and change all that is sent."
                    .into(),
            ),
            Self::Connect { address, error } => connect_hint(address, error.kind()).map(Cow::Borrowed),
            Self::UnknownHost { host } => Some(host_hint(host)),
            _ => None,
        }
    }

    /// Whether the connection remains usable.
    pub const fn is_recoverable(&self) -> bool {
        matches!(self, Self::Sql(_))
    }
}

/// MySQL's error number of an event that a replica can't read (ER_REPLICA_RELAY_LOG_READ_FAILURE).
const MALFORMED_LOG: u16 = 1594;
/// MySQL's error number of a malformed GTID set (ER_MALFORMED_GTID_SET_SPECIFICATION).
const MALFORMED_GTID: u16 = 1772;
/// MySQL's error number of a failed TLS connection.
const TLS_FAILED: u16 = 2026;

fn connect_hint(address: &Address, error: io::ErrorKind) -> Option<&'static str> {
    match (address, error) {
        (Address::Unix(_), io::ErrorKind::NotFound) => {
            Some("Is the server running? Give its socket with -S, or connect over TCP with -h 127.0.0.1.")
        }
        (Address::Unix(_), io::ErrorKind::ConnectionRefused) => Some(
            "No server listens on this socket; one that was killed leaves it behind. Start the server, or give another socket with -S.",
        ),
        (Address::Unix(_), io::ErrorKind::PermissionDenied) => Some(
            "You may not open this socket: it needs the right to write, and its folders the right to enter. Connect over TCP with \
             -h 127.0.0.1, or have the rights changed.",
        ),
        (Address::Tcp { .. }, io::ErrorKind::ConnectionRefused) => {
            Some("Is the server running, and is this its port? Give another with -P.")
        }
        _ => None,
    }
}

fn host_hint(host: &str) -> Cow<'static, str> {
    let port_of = |text: &str| text.parse::<u16>().ok();
    if host.contains("://") || host.contains('@') {
        return "Give the host alone with -h, the port with -P and the user with -u.".into();
    }
    match host.rsplit_once(':').and_then(|(name, port)| Some((name, port_of(port)?))) {
        Some((name, port)) if !name.is_empty() => {
            let name = name.trim_start_matches('[').trim_end_matches(']');
            format!("The port is an option of its own: give -h {name} -P {port}.").into()
        }
        _ => "Is the name spelled right, and does this machine's DNS know it? Give another name or an address with -h."
            .into(),
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_sql_error().fmt(f)
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connection(error) => Some(error),
            Self::Connect { error, .. } | Self::Io(error) => Some(error),
            Self::Binlog(error) => Some(error),
            Self::Gtid(error) => Some(error),
            Self::Sql(_) | Self::UnknownHost { .. } => None,
        }
    }
}

impl From<Error> for ClientError {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

impl From<sealwire_binlog::Error> for ClientError {
    fn from(error: sealwire_binlog::Error) -> Self {
        Self::Binlog(error)
    }
}

impl From<sealwire_binlog::StartError> for ClientError {
    fn from(error: sealwire_binlog::StartError) -> Self {
        match error {
            sealwire_binlog::StartError::List(error) => Self::Gtid(error),
            sealwire_binlog::StartError::Set(problem) => {
                Self::Binlog(sealwire_binlog::Error { position: 0, event: None, problem })
            }
        }
    }
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_to_connect_name_the_way_out() {
        let hint = |address: &Address, number| {
            let error = ClientError::Connect { address: address.clone(), error: io::Error::from_raw_os_error(number) };
            error.hint().unwrap().into_owned()
        };
        let socket = Address::Unix("/s".into());
        for (number, way_out) in [(2, "with -S"), (13, "the right to enter"), (111, "leaves it behind")] {
            let hint = hint(&socket, number);
            assert!(hint.contains(way_out), "{number}: {hint}");
            assert!(!hint.contains("port"), "a socket has none: {hint}");
        }
        assert!(hint(&Address::Tcp { host: "db1".into(), port: 3306 }, 111).contains("-P"));
        let unknown = |host: &str| ClientError::UnknownHost { host: host.into() }.hint().unwrap().into_owned();
        assert!(unknown("127.0.0.1:3306").contains("-h 127.0.0.1 -P 3306"), "{}", unknown("127.0.0.1:3306"));
        assert!(unknown("[::1]:3306").contains("-h ::1 -P 3306"), "{}", unknown("[::1]:3306"));
        for wrong in ["mysql://root:hush@db1/app", "root@db1"] {
            assert!(unknown(wrong).contains("-u") && !unknown(wrong).contains("hush"), "{}", unknown(wrong));
        }
        assert!(unknown("db:x").contains("DNS") && unknown("nowhere").contains("DNS"));
        let plain = SqlError::ssl_connection("SSL connection error: SSL is required but the server doesn't support it");
        let plain = ClientError::Connection(Error::Refused { by: Side::Client, error: plain });
        assert!(plain.hint().unwrap().contains("--skip-ssl"));
    }

    #[test]
    fn failures_to_connect_have_mysqls_numbers() {
        let refused = |address| ClientError::Connect { address, error: io::Error::from_raw_os_error(111) };
        assert_eq!(
            refused(Address::Tcp { host: "db1".into(), port: 3306 }).to_string(),
            "ERROR 2003 (HY000): Can't connect to MySQL server on 'db1:3306' (111)"
        );
        assert_eq!(
            refused(Address::Unix("/s".into())).to_string(),
            "ERROR 2002 (HY000): Can't connect to local MySQL server through socket '/s' (111)"
        );
        assert_eq!(
            ClientError::UnknownHost { host: "nowhere".into() }.to_string(),
            "ERROR 2005 (HY000): Unknown MySQL server host 'nowhere'"
        );
    }
}
