//! A client on tokio: `cargo run -p sealwire-core --features std --example tokio HOST:PORT USER PASSWORD CA.pem`.
//!
//! The driver is [`drive`]; everything else is settings.
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use sealwire_core::client::{Config, Connection, Event, TlsPolicy};
use sealwire_core::secret::Secret;
use sealwire_core::tls::ClientContext;
use sealwire_core::{Input, Now, Output};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Polls, sends and reads until `on_event` returns `true`.
async fn drive(
    connection: &mut Connection,
    socket: &mut TcpStream,
    started: Instant,
    mut on_event: impl FnMut(Event, &Connection) -> bool,
) -> Result<(), Box<dyn Error>> {
    let (mut out, mut input) = (Vec::new(), Vec::new());
    loop {
        match connection.poll_output(&mut out)? {
            Output::Transmit => {
                socket.write_all(&out).await?;
                out.clear();
            }
            Output::Event(event) => {
                if on_event(event, connection) {
                    return Ok(());
                }
            }
            Output::Wait(deadline) => {
                let read = socket.read_buf(&mut input);
                let outcome = match deadline {
                    Some(at) => tokio::time::timeout(at.saturating_sub(started.elapsed()), read).await.ok(),
                    None => Some(read.await),
                };
                let fed = match outcome.transpose()? {
                    None => Input::Timeout,
                    Some(0) => Input::Eof,
                    Some(_) => Input::Bytes(&mut input),
                };
                // Ignore the error here, because the poll returns it, after the alert for the server.
                let _ = connection.handle_input(fed, Now::since(started));
            }
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, user, password, ca] = arguments.as_slice() else {
        return Err("usage: tokio HOST:PORT USER PASSWORD CA.pem".into());
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientContext::from_pem(Arc::clone(&provider), std::fs::read(ca)?)?;
    let mut config = Config::new(user.as_str(), Secret::from(password.as_str()), provider);
    config.server_name = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host).to_owned();
    config.tls = TlsPolicy::Required(tls);

    let started = Instant::now();
    let mut socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let mut connection = Connection::new(Arc::new(config), Now::since(started));
    drive(&mut connection, &mut socket, started, |event, _| matches!(event, Event::Connected(_))).await?;
    println!("cipher in use: {}", connection.facts().ssl_cipher().unwrap_or("none"));
    connection.query(b"SHOW STATUS LIKE 'Ssl_cipher'")?;
    drive(&mut connection, &mut socket, started, |event, connection| {
        if let Event::Row(_) = event {
            let values: Vec<_> =
                connection.text_row().iter().flatten().flatten().map(String::from_utf8_lossy).collect();
            println!("{}", values.join("\t"));
        }
        matches!(event, Event::ResultEnd { .. } | Event::Failed(_))
    })
    .await?;
    connection.quit()?;
    drive(&mut connection, &mut socket, started, |event, _| matches!(event, Event::Closed)).await
}
