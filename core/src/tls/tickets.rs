//! Session tickets: the client keeps its encrypted session, so that the server needs no memory for it.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::server::ProducesTickets;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::TlsError;
use super::chain::Authority;
use super::ciphers::cipher_of;
use super::session_cache::Kept;
use crate::facts::TlsVersion;

/// The source of keys for session tickets.
pub trait TicketKeys: Send + Sync {
    /// An encrypter and decrypter for the tickets of one context. Its keys must depend on `context`, the digest of all settings by which
    /// sessions are verified, so that a context with another digest can't use the ticket. The caller checks issue times and expiry.
    ///
    /// # Errors
    /// [`TlsError::Config`] if no keys are available.
    fn ticketer(&self, context: &[u8; 32]) -> Result<Arc<dyn ProducesTickets>, TlsError>;

    /// The number of secrets from which tickets can be opened, for the log.
    fn count(&self) -> usize;
}

/// The tickets of a context. The encrypted part of each ticket includes the time of the session's last full handshake.
pub(super) struct Tickets(pub(super) Arc<dyn ProducesTickets>);

/// The length of that time, in seconds since the Unix epoch, which follows the session.
const TIME: usize = 8;
/// The largest session, in bytes, that gets a ticket. A session includes the client's certificates, a TLS message may have at most 64 KiB,
/// and the client sends the ticket in its first message.
const LARGEST: usize = 16 * 1024;

impl Tickets {
    pub(super) fn are_enabled(&self) -> bool {
        self.0.enabled()
    }

    /// A ticket for a session.
    pub(super) fn encrypt(&self, session: &[u8], since: u64) -> Option<Vec<u8>> {
        if session.len() > LARGEST {
            return None;
        }
        let mut plain = Zeroizing::new(Vec::with_capacity(session.len() + TIME));
        plain.extend_from_slice(session);
        plain.extend_from_slice(&since.to_be_bytes());
        self.0.encrypt(&plain)
    }

    /// The session of a ticket.
    pub(super) fn decrypt(&self, ticket: &[u8]) -> Option<Kept> {
        let mut session = self.0.decrypt(ticket)?;
        let since = u64::from_be_bytes(*session.last_chunk::<TIME>()?);
        session.truncate(session.len() - TIME);
        Some(Kept { session, since })
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
