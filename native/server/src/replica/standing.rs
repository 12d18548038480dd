//! Verifies the source of a channel again and again, because its certificate may expire or be revoked while the channel runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sealwire_core::error::SqlError;
use sealwire_core::facts::TlsFacts;
use sealwire_core::tls::CertificateInfo;
use sealwire_net::clock;

use super::connect::check_source;
use super::settings::Settings;
use crate::reload::Active;
use crate::state::Server;

/// How often the source is verified where nothing changes, because revocation lists and the certificates of issuers end, too.
const CHECK_EACH: Duration = Duration::from_secs(60);

/// The certificates of a connected source, and when they are verified next.
pub(super) struct Standing {
    /// The source's own first; none over plaintext.
    chain: Vec<Vec<u8>>,
    check_at: Instant,
    /// This server's TLS settings at the last check. ALTER INSTANCE RELOAD TLS replaces them, and is the way to say that files have changed.
    checked_with: Arc<Active>,
}

impl Standing {
    /// The source was verified when the connection was made.
    pub(super) fn new(server: &Server, tls: Option<&TlsFacts>) -> Self {
        let chain = tls.map(|tls| tls.peer_chain.clone()).unwrap_or_default();
        let check_at = next_check(&chain);
        Self { chain, check_at, checked_with: server.tls.active() }
    }

    /// Verifies the source, where that is due.
    ///
    /// # Errors
    /// 2026 where its certificate is no longer good.
    pub(super) fn check(&mut self, server: &Server, settings: &Settings) -> Result<(), SqlError> {
        let active = server.tls.active();
        if self.chain.is_empty() || (Instant::now() < self.check_at && Arc::ptr_eq(&active, &self.checked_with)) {
            return Ok(());
        }
        check_source(settings, &self.chain)?;
        (self.check_at, self.checked_with) = (next_check(&self.chain), active);
        Ok(())
    }
}

/// The time of the next check, which is at the latest behind the last second of the source's certificate.
fn next_check(chain: &[Vec<u8>]) -> Instant {
    let own = chain.first().and_then(|der| CertificateInfo::from_der(der).ok());
    let valid_for = own.map_or(Duration::MAX, |own| {
        Duration::from_secs(own.not_after.saturating_add(1)).saturating_sub(clock::now().wall)
    });
    Instant::now() + CHECK_EACH.min(valid_for)
}
