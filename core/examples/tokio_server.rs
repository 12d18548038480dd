//! A server on tokio:
//! `cargo run -p sealwire-core --features std --example tokio_server HOST:PORT USER PASSWORD CERTIFICATE.pem KEY.pem`.
//!
//! [`drive`] moves bytes and is the same for every server. [`Application::advance`] answers events: this server has one account and answers
//! every query with the cipher in use.
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sealwire_core::auth::Plugin;
use sealwire_core::facts::Transport;
use sealwire_core::message::{ColumnDefinition, ColumnType, Command, OkPacket, StatusFlags};
use sealwire_core::server::{Candidate, Config, Connection, Event, Peer};
use sealwire_core::tls::ServerContext;
use sealwire_core::{Input, Now, Output, SqlError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const STATUS: StatusFlags = StatusFlags::AUTOCOMMIT;

struct Application {
    user: String,
    account: Candidate,
}

/// The next thing for the driver to do.
enum Step {
    Poll,
    Read(Option<Duration>),
    Close,
}

impl Application {
    /// Polls the connection once and answers the event.
    fn advance(&self, connection: &mut Connection, out: &mut Vec<u8>) -> Result<Step, sealwire_core::Error> {
        let cipher = connection.facts().ssl_cipher().unwrap_or("none");
        match connection.poll_output(out)? {
            Output::Transmit => {}
            Output::Wait(deadline) => return Ok(Step::Read(deadline)),
            Output::Event(Event::Login(login)) if login.user == self.user => {
                connection.authenticate(self.account.clone())?;
            }
            Output::Event(Event::Login(_)) => connection.authenticate(Candidate::decoy(self.account.plugin))?,
            Output::Event(Event::Authenticated { .. }) => connection.accept(STATUS)?,
            Output::Event(Event::AuthenticationFailed { reason }) => eprintln!("refused: {reason}"),
            Output::Event(Event::Command(Command::Query(_))) => {
                let columns = [ColumnDefinition::new("cipher", ColumnType::VAR_STRING)];
                connection.reply_rows(&columns, &[&[Some(cipher.as_bytes())]], STATUS)?;
            }
            Output::Event(Event::Command(Command::Ping)) => {
                connection.ok(&OkPacket { status: STATUS, ..OkPacket::default() })?;
            }
            // These commands have no reply.
            Output::Event(Event::Command(Command::StmtClose(_) | Command::StmtSendLongData { .. })) => {}
            Output::Event(Event::Command(command)) => {
                let error = SqlError::unknown_command(format!("{} is not known here", command.name()));
                connection.err(&error)?;
            }
            // These events come only after a request for a file, to a replica, and behind a trusted proxy.
            Output::Event(Event::LocalData(_) | Event::LocalDataEnd | Event::Acknowledged(_) | Event::Proxied(_)) => {}
            Output::Event(Event::Closed) => return Ok(Step::Close),
        }
        Ok(Step::Poll)
    }
}

/// Polls, sends and reads until the connection is over.
async fn drive(
    mut connection: Connection,
    mut socket: TcpStream,
    start: Instant,
    application: &Application,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (mut out, mut input) = (Vec::new(), Vec::new());
    loop {
        let step = application.advance(&mut connection, &mut out);
        socket.write_all(&out).await?;
        out.clear();
        match step? {
            Step::Poll => {}
            Step::Close => return Ok(()),
            Step::Read(deadline) => {
                let read = socket.read_buf(&mut input);
                let read = match deadline {
                    Some(at) => tokio::time::timeout(at.saturating_sub(start.elapsed()), read).await.ok(),
                    None => Some(read.await),
                };
                let fed = match read.transpose()? {
                    None => Input::Timeout,
                    Some(0) => Input::Eof,
                    Some(_) => Input::Bytes(&mut input),
                };
                // Ignore the error here, because the poll returns it, after the ERR packet or alert for the client.
                let _ = connection.handle_input(fed, Now::since(start));
            }
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, user, password, certificate, key] = arguments.as_slice() else {
        return Err("usage: tokio_server HOST:PORT USER PASSWORD CERTIFICATE.pem KEY.pem".into());
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let account = Candidate::with_password(Plugin::CachingSha2Password, password.as_bytes(), &*provider)?;
    let application = Arc::new(Application { user: user.clone(), account });
    let tls = ServerContext::from_pem(Arc::clone(&provider), std::fs::read(certificate)?, std::fs::read(key)?)?;
    let config =
        Arc::new(Config { tls: Some(tls), require_secure_transport: true, ..Config::new("8.4.0-example", provider) });

    let start = Instant::now();
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    for id in 1.. {
        let (socket, client) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let peer = Peer { transport: Transport::Tcp, host: client.ip().to_string(), user: None };
        let connection = Connection::new(Arc::clone(&config), id, peer, Now::since(start));
        let application = Arc::clone(&application);
        tokio::spawn(async move {
            if let Err(error) = drive(connection, socket, start, &application).await {
                eprintln!("{client}: {error}");
            }
        });
    }
    Ok(())
}
