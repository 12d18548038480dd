//! Log warnings for connections and logins that the server refused. Any client that reaches the port can cause them, so their rate is limited, and
//! the number of suppressed lines is logged.

use sealwire_core::error::Error;

use super::sync::{Mutex, PoisonError};
use sealwire_net::bounded_lines::BoundedLines;
use sealwire_net::clock;

/// How many lines about refused connections are logged in each period.
const MOST_REFUSALS: u32 = 20;
/// How many lines about denied logins are logged in each period; more, because an operator may want to count them by user.
const MOST_DENIALS: u32 = 200;
/// MySQL's error numbers for a client without TLS where TLS is required, and for a PROXY header of a peer that is no trusted proxy.
const LOGGED: [u16; 2] = [3159, 1130];

/// The rate limits of a server's warnings.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    refusals: Mutex<BoundedLines>,
    denials: Mutex<BoundedLines>,
}

impl Refusals {
    /// Logs why a connection ended before its login; returns `false` where the server did not refuse it, or [`denied`](Self::denied) has
    /// said why.
    pub(crate) fn log(&self, id: u32, host: &str, error: &Error) -> bool {
        let is_refusal = match error {
            Error::Refused { error, .. } => LOGGED.contains(&error.code),
            Error::Misuse(_) | Error::ConnectionLost(_) => false,
            // TLS that failed, and what breaks the protocol, comes too late or fits no memory: the client gets an error for it.
            _ => true,
        };
        if is_refusal && let Some(left_out) = admit(&self.refusals, MOST_REFUSALS) {
            if left_out > 0 {
                tracing::warn!(
                    "{left_out} more connections were refused before they logged in; their lines were left out"
                );
            }
            tracing::warn!("Refused connection {id} from {host} before it logged in: {error}");
        }
        is_refusal
    }

    /// Logs that a login was denied, and why.
    pub(crate) fn denied(&self, id: u32, reason: &str) {
        if let Some(left_out) = admit(&self.denials, MOST_DENIALS) {
            if left_out > 0 {
                tracing::warn!("{left_out} more logins were denied; their lines were left out");
            }
            tracing::warn!("Access denied for user {reason} (connection {id})");
        }
    }
}

fn admit(said: &Mutex<BoundedLines>, most: u32) -> Option<u64> {
    said.lock().unwrap_or_else(PoisonError::into_inner).admit(clock::now().monotonic, most)
}
