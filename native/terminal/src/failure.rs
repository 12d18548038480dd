//! Why a statement failed.

use std::io;

use sealwire::ClientError;

/// Why a statement failed.
pub(crate) enum Failure {
    Server(ClientError),
    /// The output is closed, so the user can't be told.
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
