//! The TLS session of one connection: decrypts received bytes and encrypts bytes to send.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::Ordering;
use core::time::Duration;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::CertificateDer;
use rustls::server::UnbufferedServerConnection;
use rustls::{HandshakeKind, ProtocolVersion};

use super::ciphers::{cipher_of, group_name};
use super::clock::Clock;
use super::resolver::Resolver;
use super::server_verifier::verify_client;
use super::session::{Outcome, Processed, Session, Traffic};
use super::{ClientContext, ServerContext, TlsError};
use crate::facts::{TlsFacts, TlsVersion, Verification};

/// The TLS session of one connection.
///
/// Pass received bytes to [`feed`](Self::feed), and send the bytes that [`take_output`](Self::take_output) and [`seal`](Self::seal) append,
/// in the order in which they were appended. An error of `feed` is final: every later call returns it, and `take_output` yields the alert
/// that tells the peer.
pub struct TlsLayer {
    session: Session,
    /// The beginning of a record that has not arrived completely.
    partial: Vec<u8>,
    /// Handshake messages, alerts and tickets to send.
    output: Vec<u8>,
    /// Whether all records of this side so far were unencrypted, so that the next alert has to be unencrypted, too.
    alerts_unencrypted: bool,
    role: Role,
    clock: Arc<Clock>,
    facts: Option<TlsFacts>,
    failure: Option<TlsError>,
    /// Whether application data could be sent before the end of the handshake.
    sends_early: bool,
    peer_has_closed: bool,
    has_closed: bool,
}

enum Role {
    Client { context: ClientContext, host: String, sni: Option<String> },
    Server { context: ServerContext, resolver: Arc<Resolver> },
}

/// The name of MySQL's protocol in ALPN, where TLS begins at once. IANA has registered none.
const MYSQL: &[u8] = b"mysql";

/// The length of a record's header, and the content type of application data (RFC 8446, section 5.1).
const RECORD_HEADER: usize = 5;
const APPLICATION_DATA: u8 = 23;
/// The content type of change_cipher_spec. The sender encrypts every record after it (RFC 5246, section 7.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
/// Unencrypted alert records, for use before encryption starts (RFC 8446, section 6).
const PLAIN_CLOSE_NOTIFY: [u8; 7] = [21, 3, 3, 0, 2, 1, 0];
const PLAIN_DECODE_ERROR: [u8; 7] = [21, 3, 3, 0, 2, 2, 50];

impl TlsLayer {
    /// Creates a client's session with the host `server_name`, whose name the certificate must carry if names are checked. `sni` is sent as
    /// server name indication and may be another name. The ClientHello is in the output at once.
    pub fn client(
        context: &ClientContext,
        server_name: &str,
        sni: Option<&str>,
        now_unix: Duration,
    ) -> Result<Self, TlsError> {
        Self::open(context, server_name, sni, now_unix, false)
    }

    /// The same for a connection that begins with TLS: the client offers the application protocol `mysql`.
    pub fn direct_client(
        context: &ClientContext,
        server_name: &str,
        sni: Option<&str>,
        now_unix: Duration,
    ) -> Result<Self, TlsError> {
        Self::open(context, server_name, sni, now_unix, true)
    }

    fn open(
        context: &ClientContext,
        server_name: &str,
        sni: Option<&str>,
        now_unix: Duration,
        is_direct: bool,
    ) -> Result<Self, TlsError> {
        context.clock().set(now_unix);
        let (mut config, name) = context.config_for(server_name, sni)?;
        if is_direct {
            Arc::make_mut(&mut config).alpn_protocols = vec![MYSQL.to_vec()];
        }
        let session = UnbufferedClientConnection::new(config, name).map_err(|error| TlsError::from(&error))?;
        let (host, sni) = (server_name.to_owned(), sni.map(ToOwned::to_owned));
        let role = Role::Client { context: context.clone(), host, sni };
        let mut layer = Self::new(Session::Client(session), role, Arc::clone(context.clock()));
        layer.process(&mut [], &mut Vec::new())?;
        Ok(layer)
    }

    /// Creates a server's session, which waits for a ClientHello.
    pub fn server(context: &ServerContext) -> Result<Self, TlsError> {
        Self::accept(context, false)
    }

    /// The same for a connection that begins with TLS: a client that offers application protocols must offer `mysql`. In TLS 1.3 the server
    /// may send data with its Finished, before the client's (RFC 8446, section 4.4.4), unless it asks for the client's certificate.
    pub fn direct_server(context: &ServerContext) -> Result<Self, TlsError> {
        Self::accept(context, true)
    }

    fn accept(context: &ServerContext, is_direct: bool) -> Result<Self, TlsError> {
        let (mut config, resolver) = context.connection_config();
        if is_direct {
            config.alpn_protocols = vec![MYSQL.to_vec()];
            config.send_half_rtt_data = true;
        }
        let session = UnbufferedServerConnection::new(Arc::new(config)).map_err(|error| TlsError::from(&error))?;
        context.counters().accepts.fetch_add(1, Ordering::Relaxed);
        let role = Role::Server { context: context.clone(), resolver };
        Ok(Self::new(Session::Server(session), role, Arc::clone(context.clock())))
    }

    const fn new(session: Session, role: Role, clock: Arc<Clock>) -> Self {
        Self {
            session,
            partial: Vec::new(),
            output: Vec::new(),
            alerts_unencrypted: true,
            role,
            clock,
            facts: None,
            failure: None,
            sends_early: false,
            peer_has_closed: false,
            has_closed: false,
        }
    }

    /// Processes all received bytes and appends the application data in them to `plain`. The decryption is done in place, so `input` holds
    /// no useful bytes afterwards. Bytes after either side's close_notify are dropped, because rustls has no alert left to answer them.
    /// `now_unix` is the time since the Unix epoch; it decides whether certificates are within their validity period.
    pub fn feed(&mut self, input: &mut [u8], plain: &mut Vec<u8>, now_unix: Duration) -> Result<(), TlsError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.has_closed {
            return Ok(());
        }
        self.clock.set(now_unix);
        let result = self.take_in(input, plain);
        if let Err(failure) = &result {
            self.failure = Some(failure.clone());
            self.partial = Vec::new();
        }
        result
    }

    fn take_in(&mut self, mut input: &mut [u8], plain: &mut Vec<u8>) -> Result<(), TlsError> {
        while !self.partial.is_empty() && !input.is_empty() && !self.peer_has_closed {
            let (head, rest) = input.split_at_mut(self.missing().min(input.len()));
            let mut partial = core::mem::take(&mut self.partial);
            partial.extend_from_slice(head);
            input = rest;
            let taken = self.process(&mut partial, plain)?;
            if taken < partial.len() {
                partial.drain(..taken);
                self.partial = partial;
            }
        }
        if !input.is_empty() && !self.peer_has_closed {
            let taken = self.process(input, plain)?;
            self.partial.extend_from_slice(input.get(taken..).unwrap_or_default());
        }
        Ok(())
    }

    /// How many bytes the current record lacks. `usize::MAX` stands for "as many as there are", because the length is not known or rustls
    /// may wait for several records with parts of one handshake message.
    fn missing(&self) -> usize {
        match self.partial.first_chunk::<RECORD_HEADER>() {
            Some([APPLICATION_DATA, _, _, high, low]) => {
                let whole = RECORD_HEADER + usize::from(u16::from_be_bytes([*high, *low]));
                if whole > self.partial.len() { whole - self.partial.len() } else { usize::MAX }
            }
            _ => usize::MAX,
        }
    }

    /// Decrypts records in place. Returns how many bytes at their front have been processed.
    fn process(&mut self, records: &mut [u8], plain: &mut Vec<u8>) -> Result<usize, TlsError> {
        let queued_before = self.output.len();
        let Processed { taken, outcome } = self.session.process(records, plain, &mut self.output);
        let fresh = self.output.get(queued_before..).unwrap_or_default();
        self.alerts_unencrypted &= !changes_cipher(fresh);
        match outcome {
            Ok(Outcome::Handshaking) => {}
            Ok(Outcome::Sending) => self.sends_early = true,
            Ok(Outcome::PeerClosed) => self.peer_has_closed = true,
            Err(error) => {
                // rustls sends no alert for some errors, but the peer should learn that the connection has failed.
                if fresh.is_empty() && !matches!(error, rustls::Error::AlertReceived(_)) && self.alerts_are_plain() {
                    self.output.extend_from_slice(&PLAIN_DECODE_ERROR);
                }
                return Err(self.explained(TlsError::from(&error)));
            }
        }
        if self.facts.is_none() && !self.session.state().is_handshaking() {
            self.complete().inspect_err(|_| self.queue_close_notify())?;
        }
        Ok(taken)
    }

    /// The error with what only the ClientHello tells: whether the client's ciphers are enabled and do not fit the certificate's key.
    fn explained(&self, error: TlsError) -> TlsError {
        let is_older = self.session.state().protocol_version() == Some(ProtocolVersion::TLSv1_2);
        match (&self.role, error) {
            (Role::Server { resolver, .. }, TlsError::NoCommonCipher) if is_older => {
                resolver.unfit().map_or(TlsError::NoCommonCipher, |cipher| TlsError::NoCipherForKey {
                    cipher: cipher.openssl,
                    needed: if cipher.needs_rsa() { "RSA" } else { "ECDSA" },
                })
            }
            (_, error) => error,
        }
    }

    /// Whether this side may send an unencrypted alert of its own making. TLS 1.3 encrypts alerts from the ServerHello on.
    fn alerts_are_plain(&self) -> bool {
        self.alerts_unencrypted && self.session.state().protocol_version() != Some(ProtocolVersion::TLSv1_3)
    }

    /// Queues close_notify if the handshake has come far enough to send an alert.
    fn queue_close_notify(&mut self) {
        let sealed = self.session.seal(Traffic::CloseNotify, &mut self.partial, &mut self.output);
        if sealed.is_err() && self.alerts_are_plain() {
            self.output.extend_from_slice(&PLAIN_CLOSE_NOTIFY);
        }
    }

    /// Records the negotiated parameters. The peer of a resumed session is verified again, because its certificate may have expired since.
    fn complete(&mut self) -> Result<(), TlsError> {
        let facts = self.negotiated()?;
        if facts.resumed {
            self.verify_again()?;
        }
        if let Role::Server { context, .. } = &self.role {
            let counters = context.counters();
            counters.finished_accepts.fetch_add(1, Ordering::Relaxed);
            counters.cache_hits.fetch_add(u64::from(facts.resumed), Ordering::Relaxed);
        }
        self.facts = Some(facts);
        Ok(())
    }

    fn verify_again(&self) -> Result<(), TlsError> {
        let Some((leaf, intermediates)) = self.session.state().peer_certificates().and_then(<[_]>::split_first) else {
            return Ok(());
        };
        let now = self.clock.now();
        let verified = match &self.role {
            Role::Client { context, host, .. } => context.verify_policy().verify(leaf, intermediates, host, now),
            Role::Server { context, .. } => match context.authority() {
                Some(authority) => verify_client(authority, leaf, intermediates, now),
                None => Ok(()),
            },
        };
        verified.map_err(|rejection| TlsError::from(&rejection))
    }

    fn negotiated(&self) -> Result<TlsFacts, TlsError> {
        let connection = self.session.state();
        let suite = connection.negotiated_cipher_suite().map(|suite| suite.suite());
        let Some(cipher) = suite.and_then(cipher_of) else {
            return Err(TlsError::Protocol("the cipher suite in use has no name".to_owned()));
        };
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => TlsVersion::V1_2,
            _ => TlsVersion::V1_3,
        };
        let chain = connection.peer_certificates().unwrap_or_default();
        Ok(TlsFacts {
            version,
            suite: cipher.iana,
            cipher: cipher.openssl,
            group: connection.negotiated_key_exchange_group().map(|group| group_name(group.name())),
            sni: match &self.role {
                Role::Client { sni, .. } => sni.clone(),
                Role::Server { resolver, .. } => resolver.server_name().map(ToOwned::to_owned),
            },
            alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            peer_chain: chain.iter().map(|certificate| certificate.to_vec()).collect(),
            verification: self.verification(chain),
        })
    }

    /// How the peer was verified. Our verifiers have accepted it, because rustls completes no handshake without them.
    fn verification(&self, chain: &[CertificateDer<'_>]) -> Verification {
        match (&self.role, chain.first()) {
            (_, None) => Verification::None,
            (Role::Client { context, .. }, Some(leaf)) => context.verify_policy().verification(leaf),
            (Role::Server { .. }, Some(_)) => Verification::Ca,
        }
    }

    /// Encrypts application data and appends the records to `out`, after handshake bytes that still wait.
    pub fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), TlsError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.has_closed {
            return Err(TlsError::Closed);
        }
        if !self.can_send() {
            return Err(TlsError::HandshakeNotComplete);
        }
        self.take_output(out);
        self.session.seal(Traffic::Data(plain), &mut self.partial, out)
    }

    /// Appends the queued handshake messages, alerts and tickets to `out`.
    pub fn take_output(&mut self, out: &mut Vec<u8>) {
        out.append(&mut core::mem::take(&mut self.output));
    }

    /// Whether [`take_output`](Self::take_output) has bytes to append.
    pub const fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Whether the handshake is not yet complete.
    pub fn is_handshaking(&self) -> bool {
        self.session.state().is_handshaking()
    }

    /// Whether application data can be sent: the handshake is complete, or nothing but the client's Finished is missing and the server of a
    /// direct connection may speak.
    pub fn can_send(&self) -> bool {
        self.sends_early || !self.is_handshaking()
    }

    /// Whether the peer sent close_notify, after which it sends no more data.
    pub const fn peer_has_closed(&self) -> bool {
        self.peer_has_closed
    }

    /// Queues close_notify. No data can be sealed afterwards.
    pub fn close(&mut self) {
        self.has_closed = true;
        if self.failure.is_none() {
            self.queue_close_notify();
        }
    }

    /// The negotiated parameters, once the handshake is complete.
    pub fn facts(&self) -> Option<TlsFacts> {
        self.facts.clone()
    }
}

/// Whether one of the records is a change_cipher_spec.
fn changes_cipher(mut records: &[u8]) -> bool {
    while let Some(([kind, _, _, high, low], rest)) = records.split_first_chunk::<RECORD_HEADER>() {
        if *kind == CHANGE_CIPHER_SPEC {
            return true;
        }
        records = rest.get(usize::from(u16::from_be_bytes([*high, *low]))..).unwrap_or_default();
    }
    false
}

impl fmt::Debug for TlsLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsLayer").field("facts", &self.facts).field("failure", &self.failure).finish_non_exhaustive()
    }
}
