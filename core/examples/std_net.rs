//! A client on a blocking socket: `cargo run -p sealwire-core --features std --example std_net HOST:PORT USER PASSWORD CA.pem`.
//!
//! [`Io`] sends, waits and reads the clock for core's [`drive`]; everything else is settings.
use std::error::Error;
use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sealwire_core::client::{Buffers, Config, Connection, Event, Io, TlsPolicy, drive};
use sealwire_core::secret::Secret;
use sealwire_core::tls::ClientContext;
use sealwire_core::{Input, Now};

/// A blocking socket and the clocks.
struct Tcp {
    socket: TcpStream,
    started: Instant,
}

impl Io for Tcp {
    type Error = Box<dyn Error>;

    fn now(&self) -> Now {
        Now::since(self.started)
    }

    fn send(&mut self, bytes: &mut Vec<u8>) -> Result<(), Self::Error> {
        self.socket.write_all(bytes)?;
        bytes.clear();
        Ok(())
    }

    fn receive<'a>(
        &mut self,
        bytes: &'a mut Vec<u8>,
        deadline: Option<Duration>,
    ) -> Result<Option<Input<'a>>, Self::Error> {
        let left = deadline.map(|at| at.saturating_sub(self.started.elapsed()).max(Duration::from_millis(1)));
        self.socket.set_read_timeout(left)?;
        let before = bytes.len();
        bytes.resize(before + 16 * 1024, 0);
        let read = self.socket.read(bytes.get_mut(before..).unwrap_or_default());
        bytes.truncate(before + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Ok(Some(Input::Eof)),
            Ok(_) => Ok(Some(Input::Bytes(bytes))),
            Err(error) if matches!(error.kind(), WouldBlock | TimedOut) => Ok(Some(Input::Timeout)),
            Err(error) => Err(error.into()),
        }
    }
}

/// A connection over a blocking socket.
struct Client {
    connection: Connection,
    io: Tcp,
    buffers: Buffers,
}

impl Client {
    /// Runs the connection until there is an event.
    fn next_event(&mut self) -> Result<Event, Box<dyn Error>> {
        let event = drive(&mut self.connection, &mut self.io, &mut self.buffers)?;
        event.ok_or_else(|| "a socket that blocks has an answer".into())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, user, password, ca] = arguments.as_slice() else {
        return Err("usage: std_net HOST:PORT USER PASSWORD CA.pem".into());
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientContext::from_pem(Arc::clone(&provider), std::fs::read(ca)?)?;
    let mut config = Config::new(user.as_str(), Secret::from(password.as_str()), provider);
    config.server_name = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host).to_owned();
    config.tls = TlsPolicy::Required(tls);

    let io = Tcp { socket: TcpStream::connect(address)?, started: Instant::now() };
    io.socket.set_nodelay(true)?;
    let connection = Connection::new(Arc::new(config), io.now());
    let mut client = Client { connection, io, buffers: Buffers::default() };
    while !matches!(client.next_event()?, Event::Connected(_)) {}
    println!("cipher in use: {}", client.connection.facts().ssl_cipher().unwrap_or("none"));
    client.connection.query(b"SHOW STATUS LIKE 'Ssl_cipher'")?;
    loop {
        match client.next_event()? {
            Event::Row(_) => {
                let row = client.connection.text_row();
                let values: Vec<_> = row.iter().flatten().flatten().map(String::from_utf8_lossy).collect();
                println!("{}", values.join("\t"));
            }
            Event::ResultEnd { .. } | Event::Failed(_) => break,
            _ => {}
        }
    }
    client.connection.quit()?;
    while !matches!(client.next_event()?, Event::Closed) {}
    Ok(())
}
