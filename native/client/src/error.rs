//! Errors of client calls, with MySQL's numbers and texts.

use std::borrow::Cow;
use std::fmt;
use std::io;

use sealwire_core::error::{Error, SqlError};

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
            Self::Io(error) => {
                SqlError::new(2013, b"HY000", format!("Lost connection to MySQL server during query ({error})"))
            }
        }
    }

    /// One line of advice, where the user can do something.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Connection(Error::Tls(error)) => error.hint().map(Cow::Owned),
            Self::Connect { address: Address::Unix(_), error } if error.kind() == io::ErrorKind::NotFound => {
                Some("Is the server running? Give its socket with -S, or connect over TCP with -h 127.0.0.1.".into())
            }
            Self::Connect { error, .. } if error.kind() == io::ErrorKind::ConnectionRefused => {
                Some("Is the server running, and is this its port? Give another with -P.".into())
            }
            Self::UnknownHost { .. } => {
                Some("Is the name spelled right, and does this machine's DNS know it? Give another name or an address with -h.".into())
            }
            _ => None,
        }
    }

    /// Whether the connection remains usable.
    pub const fn is_recoverable(&self) -> bool {
        matches!(self, Self::Sql(_))
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
            Self::Sql(_) | Self::UnknownHost { .. } => None,
        }
    }
}

impl From<Error> for ClientError {
    fn from(error: Error) -> Self {
        Self::Connection(error)
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
