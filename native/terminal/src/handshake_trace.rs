//! `--trace`: prints the handshake as a sequence diagram.

use std::sync::{Mutex, PoisonError};

use sealwire_core::error::Side;
use sealwire_core::ladder::Ladder;
use sealwire_core::trace::{Event, Observer};

use super::output;

/// Prints each packet and TLS message of the handshake to standard error.
#[derive(Debug, Default)]
pub(crate) struct HandshakeTrace {
    ladder: Mutex<Ladder>,
}

impl Observer for HandshakeTrace {
    fn observe(&self, _: Side, _: u32, event: Event) {
        // A poisoned lock means that printing panicked; the ladder's flags are valid all the same.
        let mut ladder = self.ladder.lock().unwrap_or_else(PoisonError::into_inner);
        let text = ladder.render(&event);
        if let Some(text) = text.strip_suffix('\n') {
            output::report(text);
        }
    }
}
