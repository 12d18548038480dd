//! A server that follows the protocol, but puts control characters into every text that it may choose.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use sealwire::clock;
use sealwire::random::OsRandom;
use sealwire_core::auth::{Credential, Plugin};
use sealwire_core::facts::Transport;
use sealwire_core::message::{ColumnDefinition, ColumnType, Command, OkPacket, StatusFlags};
use sealwire_core::server::{Candidate, Config, Connection, Event, Peer};
use sealwire_core::tls::ServerContext;
use sealwire_core::{Error, Input, Output, SqlError};

/// The password of every user.
pub const PASSWORD: &str = "opens everything";

/// The file that the server requests at the statement `file`; at LOAD it requests the file that the statement names.
pub const WANTED_FILE: &str = "/etc/passwd";

/// A text that names its place, followed by every control character that a terminal would execute.
pub fn control_text(field: &str) -> String {
    format!("{field}-{CONTROLS}")
}

/// C0 characters (a window title, colours, a carriage return), DEL, C1 characters, and marks that change the writing direction.
pub const CONTROLS: &str =
    "\x1b]0;owned\x07\x1b[31m\r\x08\x7f\u{9b}31m\u{9d}0;owned\u{9c}\u{202e}\u{2066}\u{200f}\u{61c}";

/// The server; it stops when dropped.
#[derive(Debug)]
pub struct Rogue {
    /// Its port on 127.0.0.1.
    pub port: u16,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Rogue {
    /// Starts the server, with TLS if it has a certificate.
    ///
    /// # Panics
    /// No port is free.
    pub fn start(tls: Option<ServerContext>) -> Self {
        Self::serving(control_text("version"), tls, |stream, config| {
            drive(stream, config, Reply::to, |reply, connection, _| reply.say(connection))
        })
    }

    /// Starts a server of that version, which serves each connection in a thread of its own.
    pub(crate) fn serving(
        version: String,
        tls: Option<ServerContext>,
        serve: impl Fn(TcpStream, Arc<Config>) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let mut config = Config::new(version, Arc::new(OsRandom::new()));
        config.default_plugin = Plugin::MysqlNativePassword;
        config.tls = tls;
        let (config, serve, over) = (Arc::new(config), Arc::new(serve), Arc::<AtomicBool>::default());
        let ends = Arc::clone(&over);
        let thread = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                let (config, serve) = (Arc::clone(&config), Arc::clone(&serve));
                // The thread ends when its client is gone.
                thread::spawn(move || serve(stream, config));
            }
        });
        Self { port, over, thread: Some(thread) }
    }
}

impl Drop for Rogue {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Serves a connection until its client is gone: `to` makes the reply to an event, and `say` sends the reply.
pub(crate) fn drive<R>(
    mut stream: TcpStream,
    config: Arc<Config>,
    to: impl Fn(&Event<'_>) -> R,
    mut say: impl FnMut(R, &mut Connection, &mut TcpStream) -> Result<(), Error>,
) -> Result<(), Error> {
    let peer = Peer { transport: Transport::Tcp, host: "127.0.0.1".into(), user: None };
    let mut connection = Connection::new(config, 7, peer, clock::now());
    let (mut out, mut input) = (Vec::new(), Vec::new());
    loop {
        let reply = match connection.poll_output(&mut out)? {
            Output::Transmit => {
                let _ = stream.write_all(&out);
                out.clear();
                continue;
            }
            Output::Wait(_) => {
                let mut chunk = [0; 16 * 1024];
                let length = stream.read(&mut chunk).unwrap_or(0);
                input.extend(chunk.iter().take(length));
                if length == 0 {
                    return connection.handle_input(Input::Eof, clock::now());
                }
                connection.handle_input(Input::Bytes(&mut input), clock::now())?;
                continue;
            }
            Output::Event(Event::Closed) => return Ok(()),
            Output::Event(event) => to(&event),
        };
        say(reply, &mut connection, &mut stream)?;
    }
}

/// Takes this password of any user.
pub(crate) fn authenticate(connection: &mut Connection, password: &str) -> Result<(), Error> {
    let plugin = Plugin::MysqlNativePassword;
    let credential = Credential::from_password(plugin, password.as_bytes(), &OsRandom::new())
        .map_err(|_| Error::Misuse("no credential"))?;
    connection.authenticate(Candidate { credential, ..Candidate::decoy(plugin) })
}

/// The answer, kept apart from the event because that borrows the connection.
enum Reply {
    Nothing,
    Authenticate,
    Accept,
    Ok,
    Fail,
    Statistics,
    Rows(usize),
    File(Vec<u8>),
}

impl Reply {
    fn to(event: &Event<'_>) -> Self {
        match event {
            Event::Login(_) => Self::Authenticate,
            Event::Authenticated { .. } => Self::Accept,
            Event::LocalDataEnd => Self::Ok,
            Event::Command(Command::Statistics) => Self::Statistics,
            Event::Command(Command::Query(query)) => {
                let sql = query.sql.to_ascii_lowercase();
                match sql.split(|byte| *byte == b' ').next().unwrap_or_default() {
                    b"info" => Self::Ok,
                    b"file" => Self::File(WANTED_FILE.into()),
                    b"load" => Self::File(query.sql.split(|byte| *byte == b'\'').nth(1).unwrap_or_default().to_vec()),
                    // Name, description and examples of a help page; level, code and message of a warning.
                    b"help" | b"show" => Self::Rows(3),
                    b"select" => Self::Rows(1 + sql.iter().filter(|byte| **byte == b',').count()),
                    _ => Self::Fail,
                }
            }
            Event::Command(_) => Self::Fail,
            _ => Self::Nothing,
        }
    }

    fn say(self, connection: &mut Connection) -> Result<(), Error> {
        let status = StatusFlags::AUTOCOMMIT;
        match self {
            Self::Nothing => Ok(()),
            Self::Authenticate => authenticate(connection, PASSWORD),
            Self::Accept => connection.accept(status),
            Self::Ok => connection.ok(&OkPacket {
                info: control_text("info").as_bytes(),
                warnings: 1,
                status,
                ..OkPacket::default()
            }),
            Self::Fail => connection.err(&SqlError::new(1064, b"\x1b[31m", control_text("error"))),
            Self::Statistics => connection.text(control_text("Uptime: 5 statistics").as_bytes()),
            Self::Rows(count) => {
                let mut column = ColumnDefinition::new(control_text("column"), ColumnType::VAR_STRING);
                for name in [&mut column.schema, &mut column.table, &mut column.org_table, &mut column.org_name] {
                    *name = control_text("name").into_bytes();
                }
                let value = control_text("value");
                connection.begin_rows(&vec![column; count])?;
                connection.text_row(vec![Some(value.as_bytes()); count])?;
                connection.end_rows(status, 1)
            }
            Self::File(name) => connection.local_infile(&name),
        }
    }
}
