//! Reads the greetings of the servers, so that the gateway's own greeting offers what they have.

use std::io::{self, ErrorKind, Read, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use sealwire_core::client::{self, TlsPolicy};
use sealwire_core::error::Error;
use sealwire_core::message::{Capabilities, HandshakeV10};
use sealwire_core::{Input, Output};
use sealwire_net::clock;
use sealwire_net::mailbox::Mailbox;
use sealwire_net::random::OsRandom;

use super::announce::{Announce, NO_HEADER};
use super::bounded_stream::BoundedStream;
use super::settings::Node;
use super::tls::ReloadableTls;

/// The length of a packet's header.
const HEADER: usize = 4;

/// The parts of a server's greeting that the gateway's own greeting repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Greeting {
    pub(super) version: String,
    pub(super) capabilities: Capabilities,
    pub(super) charset: u8,
    pub(super) plugin: Vec<u8>,
}

/// The capabilities that every client of today needs. A server without them is none for the gateway, whose greeting must have them.
const NEEDED: Capabilities = Capabilities::PROTOCOL_41
    .union(Capabilities::SECURE_CONNECTION)
    .union(Capabilities::PLUGIN_AUTH)
    .union(Capabilities::CONNECT_WITH_DB)
    .union(Capabilities::TRANSACTIONS)
    .union(Capabilities::MULTI_STATEMENTS)
    .union(Capabilities::MULTI_RESULTS)
    .union(Capabilities::CONNECT_ATTRS);

/// How long to wait until all servers are tried again, if none has answered.
const AGAIN: Duration = Duration::from_secs(1);

/// The largest greeting to read.
const MOST: usize = 4096;

/// How long to wait until those that have not answered are tried again, once one has: a server counts each attempt that ends before a login.
const LATER: Duration = Duration::from_secs(60);

/// The servers and how they are verified.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    pub(super) nodes: Vec<Node>,
    pub(super) tls: ReloadableTls,
    /// The most time for a server to accept, to greet and to set up TLS.
    pub(super) within: Duration,
}

impl Probe {
    /// Reads the greetings of all servers once, and verifies the servers, because the greeting to all clients is made of them. Servers count a
    /// hang-up before the login as an error of the gateway's host, which the next login sets back.
    pub(super) fn round(&self) -> Vec<(Node, io::Result<Greeting>)> {
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                self.nodes.iter().map(|node| (node, scope.spawn(move || self.greeting(node)))).collect();
            let result = |(node, thread): (&Node, std::thread::ScopedJoinHandle<'_, io::Result<Greeting>>)| {
                let panicked = || Err(io::Error::other("the thread that reads its greeting has ended"));
                (node.clone(), thread.join().unwrap_or_else(|_| panicked()))
            };
            threads.into_iter().map(result).collect()
        })
    }

    /// Starts a thread that asks these servers until all have answered, and sends the greetings, with those that were found before.
    ///
    /// # Errors
    /// The thread can't be started.
    pub(super) fn start(mut self, mut found: Vec<Greeting>, greetings: Mailbox<Vec<Greeting>>) -> io::Result<()> {
        std::thread::Builder::new().name("probe".to_owned()).spawn(move || {
            while !self.nodes.is_empty() {
                std::thread::sleep(if found.is_empty() { AGAIN } else { LATER });
                let before = found.len();
                for (node, greeting) in self.round() {
                    if let Ok(greeting) = greeting {
                        self.nodes.retain(|other| *other != node);
                        found.push(greeting);
                    }
                }
                // An error means that the gateway has ended.
                if found.len() > before && greetings.send(found.clone()).is_err() {
                    return;
                }
            }
        })?;
        Ok(())
    }

    fn greeting(&self, node: &Node) -> io::Result<Greeting> {
        let mut config = client::Config::new("", "".into(), Arc::new(OsRandom::new()));
        config.server_name.clone_from(&node.host);
        config.tls = self.tls.towards_servers(node.pool).ok_or(ErrorKind::NotFound)?;
        let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
        for address in (node.host.as_str(), node.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, self.within) {
                Ok(stream) => {
                    let read = greet(stream, node, self.within, config);
                    let may_refuse_header = node.announce != Announce::Nothing;
                    return read.map_err(|error| match error.kind() {
                        ErrorKind::ConnectionReset
                        | ErrorKind::BrokenPipe
                        | ErrorKind::UnexpectedEof
                        | ErrorKind::InvalidData
                            if may_refuse_header =>
                        {
                            io::Error::new(error.kind(), format!("{error}{NO_HEADER}"))
                        }
                        _ => error,
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// Sends the PROXY header, if the server gets one, and reads the server's greeting.
fn greet(mut stream: TcpStream, node: &Node, within: Duration, config: client::Config) -> io::Result<Greeting> {
    stream.write_all(&node.announce.of_gateway())?;
    read(&mut BoundedStream::new(stream, within, "server-connect-timeout"), config)
}

fn read(peer: &mut BoundedStream, config: client::Config) -> io::Result<Greeting> {
    let invalid = |text: String| io::Error::new(ErrorKind::InvalidData, text);
    let mut packet = vec![0; HEADER];
    peer.read_exact(&mut packet)?;
    let length = packet.first_chunk::<3>().map_or(0, |[a, b, c]| u32::from_le_bytes([*a, *b, *c, 0]) as usize);
    if length > MOST {
        return Err(invalid("this is no MySQL server: its first packet is too large".to_owned()));
    }
    packet.resize(HEADER.saturating_add(length), 0);
    let payload = packet.get_mut(HEADER..).unwrap_or_default();
    peer.read_exact(payload)?;
    if payload.first() == Some(&0xff) {
        let text = String::from_utf8_lossy(payload.get(3..).unwrap_or_default()).into_owned();
        return Err(io::Error::new(ErrorKind::ConnectionRefused, format!("the server refuses the connection: {text}")));
    }
    let decoded =
        HandshakeV10::decode(payload).map_err(|error| invalid(format!("this is no MySQL server: {error}")))?;
    if !decoded.capabilities.contains(NEEDED) {
        let lacks = NEEDED.without(decoded.capabilities);
        return Err(invalid(format!("its greeting lacks what clients need: {lacks:?}")));
    }
    let greeting = Greeting {
        version: String::from_utf8_lossy(decoded.server_version).into_owned(),
        capabilities: decoded.capabilities,
        charset: decoded.charset,
        plugin: decoded.auth_plugin.unwrap_or_default().to_vec(),
    };
    if !matches!(config.tls, TlsPolicy::Disabled) {
        secure(peer, packet, config)?;
    }
    Ok(greeting)
}

/// Sets up TLS with a server, whose greeting this packet is, as a login does, and sends no login.
fn secure(peer: &mut BoundedStream, mut input: Vec<u8>, config: client::Config) -> io::Result<()> {
    let failed = |error: Error| io::Error::new(ErrorKind::InvalidData, error.as_client_error().message);
    let mut connection = client::Connection::new(Arc::new(config), clock::now());
    let mut out = Vec::new();
    loop {
        // The next poll returns the error, after the alert for the server.
        let _ = connection.handle_input(Input::Bytes(&mut input), clock::now());
        let polled = loop {
            match connection.poll_output(&mut out) {
                Ok(Output::Wait(_)) => break Ok(()),
                Ok(Output::Transmit | Output::Event(_)) => {}
                Err(error) => break Err(error),
            }
        };
        if connection.facts().tls.is_some() {
            return polled.map_err(failed);
        }
        peer.write_all(&out)?;
        polled.map_err(failed)?;
        out.clear();
        input.resize(MOST, 0);
        let count = peer.read(&mut input)?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        input.truncate(count);
    }
}
