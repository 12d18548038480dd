//! A server that answers every SELECT with the same rows, encoded before, so that a client never waits for a row.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sealwire_core::auth::Plugin;
use sealwire_core::facts::Transport;
use sealwire_core::message::{
    ColumnDefinition, ColumnType, Command, OkPacket, StatusFlags, Value, encode_binary_row, encode_text_row,
};
use sealwire_core::server::{Candidate, Config, Connection, Event, Peer, RowBatch};
use sealwire_core::tls::ServerContext;
use sealwire_core::{Input, Now, Output};

use crate::Outcome;
use crate::world::ROWS;

const STATUS: StatusFlags = StatusFlags::AUTOCOMMIT;

/// The rows in both formats.
struct Rows {
    columns: Vec<ColumnDefinition>,
    text: RowBatch,
    binary: RowBatch,
}

/// Serves until it is ended; the first line it prints is its port.
pub(crate) fn serve(certificate: &str, key: &str) -> Outcome {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let account = Candidate::with_password(Plugin::MysqlNativePassword, b"bench", &*provider)?;
    let tls = ServerContext::from_pem(Arc::clone(&provider), std::fs::read(certificate)?, std::fs::read(key)?)?;
    let config = Config { tls: Some(tls), ..Config::new("8.4.0-bench", provider) };
    let (config, rows) = (Arc::new(config), Arc::new(rows()));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    for id in 1.. {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        let peer = Peer { transport: Transport::Tcp, host: "127.0.0.1".to_owned(), user: None };
        let connection = Connection::new(Arc::clone(&config), id, peer, now(Instant::now()));
        let (account, rows) = (account.clone(), Arc::clone(&rows));
        std::thread::spawn(move || {
            if let Err(error) = converse(connection, socket, &account, &rows) {
                eprintln!("stream: {error}");
            }
        });
    }
    Ok(())
}

/// The rows of `bench.r`: see world.rs.
fn rows() -> Rows {
    let columns = [("id", ColumnType::LONG), ("name", ColumnType::VAR_STRING), ("price", ColumnType::DOUBLE)];
    let columns = columns.map(|(name, kind)| ColumnDefinition::new(name, kind)).to_vec();
    let (mut text, mut binary) = (RowBatch::default(), RowBatch::default());
    for id in 1..=ROWS {
        let (name, price) = (format!("{id:x>24}"), id as f64 * 0.25);
        let (number, shown) = (id.to_string(), price.to_string());
        encode_text_row([&number, &name, &shown].map(|value| Some(value.as_bytes())), text.row());
        text.end_row();
        encode_binary_row(&columns, &[Value::Int(id as i64), name.as_str().into(), Value::Double(price)], binary.row());
        binary.end_row();
    }
    Rows { columns, text, binary }
}

fn now(since: Instant) -> Now {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Now { monotonic: since.elapsed(), wall }
}

/// Answers a client until it is gone.
fn converse(mut connection: Connection, mut socket: TcpStream, account: &Candidate, rows: &Rows) -> Outcome {
    let since = Instant::now();
    let (mut out, mut input) = (Vec::new(), Vec::new());
    let mut chunk = vec![0; 16 * 1024];
    let ok = OkPacket { status: STATUS, ..OkPacket::default() };
    loop {
        match connection.poll_output(&mut out)? {
            Output::Transmit => {
                socket.write_all(&out)?;
                out = Vec::new();
            }
            Output::Wait(_) => {
                let length = socket.read(&mut chunk)?;
                input.extend_from_slice(chunk.get(..length).unwrap_or_default());
                let fed = if length == 0 { Input::Eof } else { Input::Bytes(&mut input) };
                connection.handle_input(fed, now(since))?;
            }
            Output::Event(Event::Login(_)) => connection.authenticate(account.clone())?,
            Output::Event(Event::Authenticated { .. }) => connection.accept(STATUS)?,
            Output::Event(Event::Command(Command::StmtPrepare(_))) => connection.prepared(1, &[], &rows.columns, 0)?,
            Output::Event(Event::Command(Command::Query(_))) => answer(&mut connection, rows, &rows.text)?,
            Output::Event(Event::Command(Command::StmtExecute(_))) => answer(&mut connection, rows, &rows.binary)?,
            Output::Event(Event::Command(Command::StmtClose(_))) => {}
            Output::Event(Event::Command(_)) => connection.ok(&ok)?,
            Output::Event(Event::Closed) => return Ok(()),
            Output::Event(_) => {}
        }
    }
}

fn answer(connection: &mut Connection, rows: &Rows, batch: &RowBatch) -> Outcome {
    connection.begin_rows(&rows.columns)?;
    connection.rows(batch.clone())?;
    connection.end_rows(STATUS, 0)?;
    Ok(())
}
