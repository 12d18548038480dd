//! A script of what happens to a machine, step by step. Each step is a code, a length of two bytes and that many bytes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use sealwire_core::Now;
use sealwire_core::message::{Capabilities, SslRequest};
use sealwire_core::server::Config;
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, ServerContext, ServerOptions, TlsLayer, Trust};
use sealwire_core::wire::frame::{self, HEADER, Scan, scan};

use crate::no_security;

/// The server's name, which its certificate carries.
pub(super) const HOST: &str = "db.example.com";
/// How many bytes a machine may hold or send beyond those it was given: greetings, certificates, TLS records.
pub(super) const ALLOWANCE: usize = 256 * 1024;

/// The codes of steps; all other codes mean [`PACKET`]. This one: bytes, inside TLS where TLS has begun.
pub(super) const BYTES: u8 = 1;
/// Raw bytes on the wire, even where TLS has begun.
pub(super) const WIRE: u8 = 2;
/// The end of the peer's bytes.
pub(super) const EOF: u8 = 3;
/// The clock advances by the first byte in seconds.
pub(super) const TIME: u8 = 4;
/// The machine's own application acts.
pub(super) const ACT: u8 = 5;
/// A packet with the right sequence number.
pub(super) const PACKET: u8 = 0;
/// How many codes there are.
pub(super) const CODES: u8 = 6;

/// The size of an SSLRequest with its header; a client that demands TLS sends nothing else before it.
pub(super) const SSL_REQUEST: usize = 36;

/// The most steps that are made, because longer conversations show nothing new.
const MOST: usize = 96;

/// The steps of a script, with codes below `codes`.
pub(super) fn steps(script: &[u8], codes: u8) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = script;
    let next = move || {
        let (&[code, low, high], after) = rest.split_first_chunk::<3>()?;
        let length = usize::from(u16::from_le_bytes([low, high])).min(after.len());
        let (bytes, after) = after.split_at(length);
        rest = after;
        Some((code % codes, bytes))
    };
    std::iter::from_fn(next).take(MOST)
}

/// Encodes a step.
pub(super) fn step(code: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a short step");
    [&[code][..], &length.to_le_bytes(), bytes].concat()
}

/// The peer that the script plays: it numbers packets, and uses TLS once that has begun.
#[derive(Default)]
pub(super) struct Peer {
    /// The sequence number of the next packet.
    sequence: u8,
    /// The bytes from the machine, decrypted.
    pub(super) received: Vec<u8>,
    scanned: usize,
    tls: Option<TlsLayer>,
}

impl Peer {
    /// A client's SSLRequest.
    pub(super) fn ssl_request(&mut self) -> Vec<u8> {
        let mut request = Vec::new();
        let capabilities = Config::CAPABILITIES | Capabilities::SSL;
        SslRequest { capabilities, max_packet: 1 << 24, charset: 45 }.encode(&mut request);
        self.framed(&request)
    }

    /// Uses TLS from now on, as a client; returns the ClientHello.
    pub(super) fn begin_tls(&mut self, now: Now) -> Vec<u8> {
        self.tls = Some(TlsLayer::client(&client_tls(true), HOST, None, now.wall).expect("our own settings"));
        self.receive(&[], now)
    }

    /// Takes bytes of a client's machine, and uses TLS once that requests it; returns the TLS layer's answer.
    pub(super) fn receive_from_client(&mut self, bytes: &[u8], now: Now) -> Vec<u8> {
        let mut rest = bytes;
        if let Some((request, hello)) = bytes.split_at_checked(SSL_REQUEST)
            && self.received.is_empty()
            && SslRequest::decode(&request[HEADER..])
                .is_ok_and(|request| request.capabilities.contains(Capabilities::SSL))
            && request[..HEADER] == [32, 0, 0, 1]
        {
            self.receive(request, now);
            self.tls = Some(TlsLayer::server(&server_tls()).expect("our own certificate"));
            rest = hello;
        }
        self.receive(rest, now)
    }

    /// Whether TLS has begun.
    pub(super) const fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether the peer's TLS handshake is complete.
    pub(super) fn tls_is_ready(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.facts().is_some())
    }

    /// A payload as the frames of one packet.
    pub(super) fn framed(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        frame::encode(payload, &mut self.sequence, &mut bytes);
        bytes
    }

    /// The bytes as they are sent, encrypted where TLS has begun.
    pub(super) fn sealed(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let Some(tls) = &mut self.tls else { return bytes };
        let mut sealed = Vec::new();
        // If TLS has failed, only its alert is sent.
        if tls.seal(&bytes, &mut sealed).is_err() {
            tls.take_output(&mut sealed);
        }
        sealed
    }

    /// Takes bytes from the machine; returns the TLS layer's answer.
    pub(super) fn receive(&mut self, bytes: &[u8], now: Now) -> Vec<u8> {
        let mut answer = Vec::new();
        match &mut self.tls {
            Some(tls) => {
                // After the machine has failed, it sends nothing that can be decrypted.
                let _ = tls.feed(&mut bytes.to_vec(), &mut self.received, now.wall);
                tls.take_output(&mut answer);
            }
            None => self.received.extend_from_slice(bytes),
        }
        while let Scan::Complete(found) = scan(&self.received[self.scanned..]) {
            self.sequence = found.first_sequence.wrapping_add(found.frames as u8);
            self.scanned += found.wire_length;
        }
        answer
    }

    /// Begins a new exchange, whose first packet has the number 0.
    pub(super) const fn restart(&mut self) {
        self.sequence = 0;
    }
}

const CA: &str = include_str!("../../../core/simnet/data/ca.pem");
const SERVER: &str = include_str!("../../../core/simnet/data/server.pem");
const SERVER_KEY: &str = include_str!("../../../core/simnet/data/server-key.pem");

thread_local! {
    static SERVER_CONTEXT: ServerContext = {
        let mut options = ServerOptions::new(provider());
        options.cert = Some(NamedPem::new("server-cert.pem", SERVER));
        options.key = Some(NamedPem::new("server-key.pem", SERVER_KEY));
        options.ca = vec![NamedPem::new("ca.pem", CA)];
        options.session_cache_size = 0;
        options.ticket_keys = None;
        ServerContext::build(options).expect("our own certificate")
    };
    static CLIENT_CONTEXTS: RefCell<BTreeMap<bool, ClientContext>> = const { RefCell::new(BTreeMap::new()) };
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(no_security::provider())
}

/// The TLS context of a server.
pub(super) fn server_tls() -> ServerContext {
    SERVER_CONTEXT.with(Clone::clone)
}

/// The TLS context of a client that verifies the server or accepts any certificate.
pub(super) fn client_tls(verifies: bool) -> ClientContext {
    CLIENT_CONTEXTS.with_borrow_mut(|known| {
        let build = || {
            let trust = if verifies { Trust::CaAndIdentity } else { Trust::NoVerification };
            let mut options = ClientOptions::new(provider(), trust);
            options.ca = vec![NamedPem::new("ca.pem", CA)];
            options.resumption = false;
            ClientContext::build(options).expect("our own CA")
        };
        known.entry(verifies).or_insert_with(build).clone()
    })
}

/// The time at which every script begins.
pub(super) const fn start() -> Now {
    Now { monotonic: Duration::ZERO, wall: Duration::from_secs(sealwire_simnet::START) }
}

/// Whether `hay` contains `needle`.
pub(super) fn holds(hay: &[u8], needle: &str) -> bool {
    memchr::memmem::find(hay, needle.as_bytes()).is_some()
}
