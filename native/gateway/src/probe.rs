//! Reads the greetings of the servers, so that the gateway's own greeting offers what they have.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use sealwire_core::message::{Capabilities, HandshakeV10};
use sealwire_net::mailbox::Mailbox;

use super::settings::Node;

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
    .union(Capabilities::TRANSACTIONS);

/// How long to wait until all servers are tried again, if none has answered.
const AGAIN: Duration = Duration::from_secs(1);

/// The largest greeting to read.
const MOST: usize = 4096;

/// Reads the greetings of all servers once. Servers count a hang-up after the greeting as an error of the gateway's host, which the next
/// login sets back.
pub(super) fn round(nodes: &[Node], within: Duration) -> Vec<(Node, io::Result<Greeting>)> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = nodes.iter().map(|node| (node, scope.spawn(move || greeting(node, within)))).collect();
        let result = |(node, thread): (&Node, std::thread::ScopedJoinHandle<'_, io::Result<Greeting>>)| {
            let panicked = || Err(io::Error::other("the thread that reads its greeting has ended"));
            (node.clone(), thread.join().unwrap_or_else(|_| panicked()))
        };
        threads.into_iter().map(result).collect()
    })
}

/// Starts a thread that asks all servers until one has answered, and sends the greetings.
///
/// # Errors
/// The thread can't be started.
pub(super) fn start(nodes: Vec<Node>, within: Duration, greetings: Mailbox<Vec<Greeting>>) -> io::Result<()> {
    std::thread::Builder::new().name("probe".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(AGAIN);
            let found: Vec<Greeting> =
                round(&nodes, within).into_iter().filter_map(|(_, greeting)| greeting.ok()).collect();
            if !found.is_empty() {
                // An error means that the gateway has ended.
                let _ = greetings.send(found);
                return;
            }
        }
    })?;
    Ok(())
}

fn greeting(node: &Node, within: Duration) -> io::Result<Greeting> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in (node.host.as_str(), node.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, within) {
            Ok(mut stream) => {
                stream.write_all(&node.announce.of_gateway())?;
                return read(stream, within);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn read(mut stream: TcpStream, within: Duration) -> io::Result<Greeting> {
    stream.set_read_timeout(Some(within))?;
    let mut header = [0; 4];
    stream.read_exact(&mut header)?;
    let [a, b, c, _] = header;
    let length = usize::try_from(u32::from_le_bytes([a, b, c, 0])).unwrap_or(usize::MAX);
    if length > MOST {
        return Err(io::Error::new(ErrorKind::InvalidData, "this is no MySQL server: its first packet is too large"));
    }
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload)?;
    if payload.first() == Some(&0xff) {
        let text = String::from_utf8_lossy(payload.get(3..).unwrap_or_default()).into_owned();
        return Err(io::Error::new(ErrorKind::ConnectionRefused, format!("the server refuses the connection: {text}")));
    }
    let greeting = HandshakeV10::decode(&payload)
        .map_err(|error| io::Error::new(ErrorKind::InvalidData, format!("this is no MySQL server: {error}")))?;
    if !greeting.capabilities.contains(NEEDED) {
        let text = format!("its greeting lacks what clients need: {:?}", NEEDED.without(greeting.capabilities));
        return Err(io::Error::new(ErrorKind::InvalidData, text));
    }
    Ok(Greeting {
        version: String::from_utf8_lossy(greeting.server_version).into_owned(),
        capabilities: greeting.capabilities,
        charset: greeting.charset,
        plugin: greeting.auth_plugin.unwrap_or_default().to_vec(),
    })
}
