//! Session tickets: the client keeps its encrypted session, so that the server needs no memory for it.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::Ordering;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::server::ProducesTickets;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::TlsError;
use super::chain::Authority;
use super::ciphers::cipher_of;
use super::clock::Clock;
use super::counters::Counters;
use crate::facts::TlsVersion;

/// The source of keys for session tickets.
pub trait TicketKeys: Send + Sync {
    /// An encrypter and decrypter for the tickets of one context. Its keys must depend on `context`, the digest of all settings by which
    /// sessions are verified, so that a context with another digest can't use the ticket. The caller checks issue times and expiry.
    ///
    /// # Errors
    /// [`TlsError::Config`] if no keys are available.
    fn ticketer(&self, context: &[u8; 32]) -> Result<Arc<dyn ProducesTickets>, TlsError>;
}

/// The tickets of a context. The encrypted part of each ticket includes its time of issue.
pub(super) struct Tickets {
    pub(super) ticketer: Arc<dyn ProducesTickets>,
    /// The lifetime of a ticket in seconds.
    pub(super) timeout: u64,
    pub(super) clock: Arc<Clock>,
    pub(super) counters: Arc<Counters>,
}

/// The length of the issue time, in seconds since the Unix epoch, which follows the session.
const TIME: usize = 8;
/// The largest session, in bytes, that gets a ticket. A session includes the client's certificates, a TLS message may have at most 64 KiB,
/// and the client sends the ticket in its first message.
const LARGEST: usize = 16 * 1024;

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        self.ticketer.enabled()
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(self.timeout).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, session: &[u8]) -> Option<Vec<u8>> {
        if session.len() > LARGEST {
            return None;
        }
        let mut plain = Zeroizing::new(Vec::with_capacity(session.len() + TIME));
        plain.extend_from_slice(session);
        plain.extend_from_slice(&self.clock.now().as_secs().to_be_bytes());
        self.ticketer.encrypt(&plain)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let opened = self.ticketer.decrypt(ticket).and_then(|mut session| {
            let issued = *session.last_chunk::<TIME>()?;
            session.truncate(session.len() - TIME);
            Some((session, u64::from_be_bytes(issued)))
        });
        let Some((session, issued)) = opened else {
            self.counters.cache_misses.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        // A server whose clock was ahead issued tickets with a future time; refuse them, because they would live too long.
        if self.clock.now().as_secs().abs_diff(issued) > self.timeout {
            self.counters.cache_timeouts.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(session)
    }
}

impl fmt::Debug for Tickets {
    /// Hides the ticketer, because it holds keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// A digest of all settings by which the sessions of a context are verified: the server's certificates, the CAs and revocation lists for
/// clients, the TLS versions and the ciphers. Order and repetition of CAs and lists do not matter.
pub(super) fn digest(
    chain: &[CertificateDer<'_>],
    authority: Option<&Authority>,
    versions: &[TlsVersion],
    provider: &CryptoProvider,
) -> [u8; 32] {
    let ciphers = provider.cipher_suites.iter().filter_map(|suite| cipher_of(suite.suite()));
    let ciphers: String = ciphers.flat_map(|cipher| [cipher.iana, ":"]).collect();
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    };
    add(b"sealwire session tickets, 1");
    let mut add_all = |parts: &[&[u8]]| {
        add(&u64::try_from(parts.len()).unwrap_or(u64::MAX).to_be_bytes());
        parts.iter().for_each(|part| add(part));
    };
    add_all(&chain.iter().map(|certificate| certificate.as_ref()).collect::<Vec<_>>());
    let (cas, lists) = authority.map(Authority::contents).unwrap_or_default();
    add_all(&sorted(cas));
    add_all(&sorted(lists));
    add_all(&versions.iter().map(|version| version.name().as_bytes()).collect::<Vec<_>>());
    add_all(&[ciphers.as_bytes()]);
    hash.finalize().into()
}

fn sorted(mut parts: Vec<&[u8]>) -> Vec<&[u8]> {
    parts.sort_unstable();
    parts.dedup();
    parts
}
