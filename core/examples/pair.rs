//! A client and a server in one process, without a socket: two state machines and two vectors of bytes.
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use sealwire_core::auth::{Credential, Plugin};
use sealwire_core::client::{self, TlsPolicy};
use sealwire_core::facts::Transport;
use sealwire_core::message::{ColumnDefinition, ColumnType, Command, StatusFlags};
use sealwire_core::random::Random;
use sealwire_core::server::{self, Candidate, Peer};
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, ServerContext, ServerOptions, Trust};
use sealwire_core::{Input, Now, Output};

/// Moves bytes between the two until the client has received all its events.
fn drive(client: &mut client::Connection, server: &mut server::Connection, now: Now) -> Result<(), Box<dyn Error>> {
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    loop {
        match client.poll_output(&mut to_server)? {
            Output::Event(client::Event::Connected(_)) => return Ok(()),
            Output::Event(client::Event::Row(_)) => {
                let values: Vec<_> =
                    client.text_row().iter().flatten().flatten().map(String::from_utf8_lossy).collect();
                println!("a row: {}", values.join(", "));
            }
            Output::Event(client::Event::ResultEnd { .. }) => return Ok(()),
            Output::Event(_) | Output::Transmit | Output::Wait(_) => {}
        }
        server.handle_input(Input::Bytes(&mut to_server), now)?;
        let cipher = server.facts().ssl_cipher().unwrap_or("none");
        match server.poll_output(&mut to_client)? {
            Output::Event(server::Event::Login(login)) => {
                println!("the server is asked for '{}'", login.user);
                let credential = Credential::from_password(Plugin::MysqlNativePassword, b"secret", &Counter)?;
                server.authenticate(Candidate { credential, ..Candidate::decoy(Plugin::MysqlNativePassword) })?;
            }
            Output::Event(server::Event::Authenticated { .. }) => server.accept(StatusFlags::AUTOCOMMIT)?,
            Output::Event(server::Event::Command(Command::Query(_))) => {
                server.begin_rows(&[ColumnDefinition::new("cipher", ColumnType::VAR_STRING)])?;
                server.text_row([Some(cipher.as_bytes())])?;
                server.end_rows(StatusFlags::AUTOCOMMIT, 0)?;
            }
            Output::Event(_) | Output::Transmit | Output::Wait(_) => {}
        }
        client.handle_input(Input::Bytes(&mut to_client), now)?;
    }
}

/// A counter in place of random bytes, for examples only.
#[derive(Debug)]
struct Counter;

impl Random for Counter {
    fn fill(&self, out: &mut [u8]) {
        (1..).zip(out).for_each(|(number, byte)| *byte = number);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certified = rcgen::generate_simple_self_signed(vec!["db1".to_owned()])?;
    let mut options = ServerOptions::new(Arc::clone(&provider));
    options.cert = Some(NamedPem::new("certificate", certified.cert.pem()));
    options.key = Some(NamedPem::new("key", certified.signing_key.serialize_pem()));
    let mut server_config = server::Config::new("8.4.0-example", Arc::new(Counter));
    server_config.tls = Some(ServerContext::build(options)?);

    let mut options = ClientOptions::new(provider, Trust::CaAndIdentity);
    options.ca = vec![NamedPem::new("certificate", certified.cert.pem())];
    let mut client_config = client::Config::new("learner", "secret".into(), Arc::new(Counter));
    client_config.server_name = "db1".into();
    client_config.tls = TlsPolicy::Required(ClientContext::build(options)?);

    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let now = Now { monotonic: Duration::ZERO, wall };
    let peer = Peer { transport: Transport::Tcp, host: "memory".into(), user: None };
    let mut client = client::Connection::new(Arc::new(client_config), now);
    let mut server = server::Connection::new(Arc::new(server_config), 1, peer, now);
    drive(&mut client, &mut server, now)?;
    println!("connected with {}", client.facts().ssl_cipher().unwrap_or("none"));
    client.query(b"SELECT the cipher")?;
    drive(&mut client, &mut server, now)
}
