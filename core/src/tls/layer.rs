//! One connection's TLS: ciphertext in, plaintext out, and the other way round.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::Ordering;
use core::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConnection, HandshakeKind, ProtocolVersion, ServerConnection};

use super::clock::Clock;
use super::names::{cipher_of, group_name};
use super::server_verifier::verify_client;
use super::std::io::{Read, Write};
use super::{ClientContext, ServerContext, TlsError};
use crate::facts::{TlsFacts, TlsVersion, Verification};

/// One connection's TLS session.
///
/// Give it what the transport received with [`feed`](Self::feed), and send what [`take_output`](Self::take_output) and
/// [`seal`](Self::seal) append. Bytes leave in the order in which these two appended them. An error of `feed` is final: it is
/// returned by every later call, and `take_output` gives the alert that tells the peer.
pub struct TlsLayer {
    connection: rustls::Connection,
    role: Role,
    clock: Arc<Clock>,
    facts: Option<TlsFacts>,
    failure: Option<TlsError>,
    peer_has_closed: bool,
    has_closed: bool,
}

/// Handshake messages beyond what a side takes, 64 KiB.
const TOO_LONG: rustls::Error = rustls::Error::InvalidMessage(rustls::InvalidMessage::HandshakePayloadTooLarge);

enum Role {
    Client { context: ClientContext, host: String, sni: Option<String> },
    Server(ServerContext),
}

impl TlsLayer {
    /// A client's session with the host `server_name`, which is what the certificate must carry where names are checked.
    /// `sni` is sent as server name indication; it may be another name. The ClientHello is ready at once.
    pub fn client(
        context: &ClientContext,
        server_name: &str,
        sni: Option<&str>,
        now_unix: Duration,
    ) -> Result<Self, TlsError> {
        context.clock().set(now_unix);
        let (config, name) = context.config_for(server_name, sni)?;
        let connection = ClientConnection::new(config, name).map_err(|error| TlsError::from(&error))?;
        let role =
            Role::Client { context: context.clone(), host: server_name.to_owned(), sni: sni.map(ToOwned::to_owned) };
        Ok(Self::new(connection.into(), role, Arc::clone(context.clock())))
    }

    /// A server's session; it waits for a ClientHello.
    pub fn server(context: &ServerContext) -> Result<Self, TlsError> {
        let connection = ServerConnection::new(Arc::clone(context.config())).map_err(|error| TlsError::from(&error))?;
        context.counters().accepts.fetch_add(1, Ordering::Relaxed);
        Ok(Self::new(connection.into(), Role::Server(context.clone()), Arc::clone(context.clock())))
    }

    fn new(mut connection: rustls::Connection, role: Role, clock: Arc<Clock>) -> Self {
        // The caller bounds what it seals; a second bound here could only lose data.
        connection.set_buffer_limit(None);
        Self { connection, role, clock, facts: None, failure: None, peer_has_closed: false, has_closed: false }
    }

    /// Takes received bytes, all of them, and appends the application data in them to `plain`. Bytes after the peer's
    /// close_notify are dropped, and those after our own: rustls has no alert left to answer them with. `now_unix` is the time since the Unix epoch, for the validity of certificates.
    pub fn feed(&mut self, mut input: &[u8], plain: &mut Vec<u8>, now_unix: Duration) -> Result<(), TlsError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.has_closed {
            return Ok(());
        }
        self.clock.set(now_unix);
        let result = self.take_in(&mut input, plain);
        if let Err(failure) = &result {
            self.failure = Some(failure.clone());
        }
        result
    }

    fn take_in(&mut self, input: &mut &[u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
        while !input.is_empty() && !self.peer_has_closed {
            // The one error of reading from a slice is that rustls has no room left.
            let read = self.connection.read_tls(input).map_err(|_| TOO_LONG);
            let processed = read.and_then(|_| self.connection.process_new_packets());
            let state = processed.map_err(|error| {
                // Some errors have no alert in rustls, but the peer shall know that it is over.
                if !self.connection.wants_write() && !matches!(error, rustls::Error::AlertReceived(_)) {
                    self.connection.send_close_notify();
                }
                TlsError::from(&error)
            })?;
            self.peer_has_closed = state.peer_has_closed();
            let start = plain.len();
            plain.resize(start.saturating_add(state.plaintext_bytes_to_read()), 0);
            let fresh = plain.get_mut(start..).unwrap_or_default();
            self.connection.reader().read_exact(fresh).map_err(|error| TlsError::Protocol(error.to_string()))?;
            if self.facts.is_none() && !self.connection.is_handshaking() {
                self.complete()?;
            }
        }
        Ok(())
    }

    /// Takes down what was negotiated, and verifies the peer of a resumed session again: time has passed since.
    fn complete(&mut self) -> Result<(), TlsError> {
        let facts = self.negotiated()?;
        if facts.resumed {
            self.verify_again()?;
        }
        if let Role::Server(context) = &self.role {
            let counters = context.counters();
            counters.finished_accepts.fetch_add(1, Ordering::Relaxed);
            counters.cache_hits.fetch_add(u64::from(facts.resumed), Ordering::Relaxed);
        }
        self.facts = Some(facts);
        Ok(())
    }

    fn verify_again(&self) -> Result<(), TlsError> {
        let Some((leaf, intermediates)) = self.connection.peer_certificates().and_then(<[_]>::split_first) else {
            return Ok(());
        };
        let now = self.clock.now();
        let verified = match &self.role {
            Role::Client { context, host, .. } => context.demand().verify(leaf, intermediates, host, now),
            Role::Server(context) => match context.authority() {
                Some(authority) => verify_client(authority, leaf, intermediates, now),
                None => Ok(()),
            },
        };
        verified.map_err(|rejection| TlsError::from(&rejection))
    }

    fn negotiated(&self) -> Result<TlsFacts, TlsError> {
        let connection = &self.connection;
        let suite = connection.negotiated_cipher_suite().map(|suite| suite.suite());
        let Some(cipher) = suite.and_then(cipher_of) else {
            return Err(TlsError::Protocol("the cipher suite in use has no name".to_owned()));
        };
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => TlsVersion::V1_2,
            _ => TlsVersion::V1_3,
        };
        let sni = match (&self.role, connection) {
            (Role::Client { sni, .. }, _) => sni.clone(),
            (Role::Server(_), rustls::Connection::Server(server)) => server.server_name().map(ToOwned::to_owned),
            (Role::Server(_), rustls::Connection::Client(_)) => None,
        };
        let chain = connection.peer_certificates().unwrap_or_default();
        Ok(TlsFacts {
            version,
            suite: cipher.iana,
            cipher: cipher.openssl,
            group: connection.negotiated_key_exchange_group().map(|group| group_name(group.name())),
            sni,
            alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            peer_chain: chain.iter().map(|certificate| certificate.to_vec()).collect(),
            verification: self.verification(chain),
        })
    }

    /// How the peer was verified: rustls completes no handshake in which our verifiers did not agree.
    fn verification(&self, chain: &[CertificateDer<'_>]) -> Verification {
        match (&self.role, chain.first()) {
            (_, None) => Verification::None,
            (Role::Client { context, .. }, Some(leaf)) => context.demand().verification(leaf),
            (Role::Server(_), Some(_)) => Verification::Ca,
        }
    }

    /// Encrypts application data and appends the records to `out`, after any handshake bytes that still wait.
    pub fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), TlsError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.has_closed {
            return Err(TlsError::Closed);
        }
        if self.connection.is_handshaking() {
            return Err(TlsError::HandshakeNotComplete);
        }
        self.connection.writer().write_all(plain).map_err(|_| TlsError::Closed)?;
        self.take_output(out);
        Ok(())
    }

    /// Appends what is to be sent: handshake messages, alerts, tickets.
    pub fn take_output(&mut self, out: &mut Vec<u8>) {
        while self.connection.wants_write() {
            if self.connection.write_tls(out).is_err() {
                return;
            }
        }
    }

    /// Whether [`take_output`](Self::take_output) has something to give.
    pub fn has_output(&self) -> bool {
        self.connection.wants_write()
    }

    /// Whether the handshake is still under way.
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether the peer sent close_notify: no more data will come.
    pub fn peer_has_closed(&self) -> bool {
        self.peer_has_closed
    }

    /// Queues close_notify. Nothing can be sealed after it.
    pub fn close(&mut self) {
        self.has_closed = true;
        self.connection.send_close_notify();
    }

    /// What was negotiated, once the handshake is complete.
    pub fn facts(&self) -> Option<TlsFacts> {
        self.facts.clone()
    }
}

impl fmt::Debug for TlsLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsLayer").field("facts", &self.facts).field("failure", &self.failure).finish_non_exhaustive()
    }
}
