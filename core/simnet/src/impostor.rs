//! An attacker who terminates the client's TLS.

use sealwire_core::Now;
use sealwire_core::tls::{ClientContext, ServerContext, TlsLayer};

use crate::middle::{Middle, Packets, Relay};
use crate::toward::Toward;

/// Presents the attacker's own certificate to the client and connects to the server as a client. The attacker can read the data of a client
/// that does not verify certificates.
pub(crate) struct Impostor {
    own: ServerContext,
    toward_server: ClientContext,
    packets: Packets,
    tls: Option<(TlsLayer, TlsLayer)>,
    /// The client has not asked for TLS, so there is no certificate to replace.
    plain: bool,
    /// Plaintext to forward to the server once the TLS handshake with it is complete. `for_client` is the same for the client.
    for_server: Vec<u8>,
    for_client: Vec<u8>,
}

const SSL_REQUEST_PACKET: usize = 36;

impl Impostor {
    pub(crate) fn new(own: ServerContext, toward_server: ClientContext) -> Self {
        Self {
            own,
            toward_server,
            packets: Packets::default(),
            tls: None,
            plain: false,
            for_server: Vec::new(),
            for_client: Vec::new(),
        }
    }

    /// Waits for the client's first packet.
    fn open(&mut self, bytes: &[u8], now: Now, relay: &mut Relay) {
        self.packets.take_in(bytes);
        let Some(packet) = self.packets.next() else { return };
        relay.to_server.extend_from_slice(&packet);
        let rest = self.packets.rest();
        let layers = (packet.len() == SSL_REQUEST_PACKET).then(|| {
            let client = TlsLayer::server(&self.own);
            let server = TlsLayer::client(&self.toward_server, "db.example.com", None, now.wall);
            client.ok().zip(server.ok())
        });
        match layers.flatten() {
            Some(layers) => {
                self.tls = Some(layers);
                relay.note("answers the client's TLS with a certificate of his own");
                self.relay(Toward::Server, &rest, now, relay);
            }
            None => {
                self.plain = true;
                relay.to_server.extend_from_slice(&rest);
            }
        }
    }

    fn relay(&mut self, toward: Toward, bytes: &[u8], now: Now, relay: &mut Relay) {
        let Some((client, server)) = &mut self.tls else { return };
        let mut plain = Vec::new();
        let (from, to) = match toward {
            Toward::Server => (&mut *client, &mut *server),
            Toward::Client => (&mut *server, &mut *client),
        };
        // If a side rejects the attacker, its alert is forwarded below, and the error itself needs no handling.
        let fed = from.feed(&mut bytes.to_vec(), &mut plain, now.wall);
        // Do not count the server's data before the client has accepted the attacker's certificate, because this data is meant for the
        // attacker.
        if toward == Toward::Server || !to.is_handshaking() {
            relay.intercepted.extend_from_slice(&plain);
        }
        let waiting = match toward {
            Toward::Server => &mut self.for_server,
            Toward::Client => &mut self.for_client,
        };
        waiting.append(&mut plain);
        // The handshake with the client may be complete before the one with the server.
        let passed = waiting.is_empty() || to.is_handshaking() || {
            to.seal(&std::mem::take(waiting), relay.toward(toward)).is_ok()
        };
        if toward == Toward::Client && !server.is_handshaking() && !self.for_server.is_empty() {
            // Ignore errors here, because the next bytes will fail.
            let _ = server.seal(&std::mem::take(&mut self.for_server), &mut relay.to_server);
        }
        client.take_output(&mut relay.to_client);
        server.take_output(&mut relay.to_server);
        if fed.is_err() || !passed {
            relay.finish_client = true;
            relay.finish_server = true;
        }
    }
}

impl Middle for Impostor {
    fn pass(&mut self, toward: Toward, bytes: &[u8], now: Now, relay: &mut Relay) {
        match (&self.tls, toward) {
            (Some(_), _) => self.relay(toward, bytes, now, relay),
            (None, Toward::Server) if !self.plain => self.open(bytes, now, relay),
            (None, _) => relay.toward(toward).extend_from_slice(bytes),
        }
    }

    fn end(&mut self, toward: Toward, relay: &mut Relay) {
        if let Some((client, server)) = &mut self.tls {
            match toward {
                Toward::Server => server.close(),
                Toward::Client => client.close(),
            }
            client.take_output(&mut relay.to_client);
            server.take_output(&mut relay.to_server);
        }
        relay.finish(toward);
    }
}
