//! Why a statement came to nothing.

use std::io;

use sealwire::ClientError;

/// Why a statement came to nothing.
pub(crate) enum Failure {
    Server(ClientError),
    /// The output is closed: there is nobody to tell.
    Output,
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Server(error)
    }
}

impl From<io::Error> for Failure {
    fn from(_: io::Error) -> Self {
        Self::Output
    }
}
