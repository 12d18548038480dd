//! Faults on real sockets and files. After each one the server still answers, or it has ended with one clear error line. No acknowledged
//! write is lost, no half-written file remains, and no password is in a log.
//!
//! A panic in a worker is tested with the driver (`native/server/src/driver/tests.rs`, "bug containment"): it ends one connection.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod binary_log;
mod descriptors;
mod disk;
mod killed;
mod relay_log;
mod reload;
mod replica_disk;
mod resets;

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use sealwire::provider::provider;
use sealwire::random::OsRandom;
use sealwire::{Address, Client, ClientError, Config, Socket, TlsPolicy};
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, Trust};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::server::Server;

/// The password of the accounts here, which must not be in any log.
const SECRET: &str = "a-marked-s3cret";

/// A session of root over the Unix socket.
fn root(server: &Server) -> Result<Client<Socket>, ClientError> {
    let config = Config::new("root", "".into(), Arc::new(OsRandom::new()));
    Client::connect(&Address::Unix(server.socket.clone()), config)
}

/// The settings of a client that verifies the server.
fn verified(set: &CertificateSet, user: &str, password: &str) -> Config {
    let mut options = ClientOptions::new(provider(), Trust::CaAndIdentity);
    options.ca = vec![NamedPem::new("ca.pem", std::fs::read(&set.ca).unwrap())];
    let mut config = Config::new(user, password.into(), Arc::new(OsRandom::new()));
    config.server_name = "localhost".to_owned();
    config.tls = TlsPolicy::Required(ClientContext::build(options).unwrap());
    config
}

fn tcp(port: u16) -> Address {
    Address::Tcp { host: "127.0.0.1".into(), port }
}

/// Runs a statement; returns the rows, with their values joined by tabs.
fn rows<S: Read + Write>(client: &mut Client<S>, sql: &str) -> Result<Vec<String>, ClientError> {
    let mut result = client.query(sql)?;
    let mut rows = Vec::new();
    while let Some(row) = result.next()? {
        let values = row.iter().map(|value| String::from_utf8_lossy(value.unwrap().unwrap_or(b"NULL")).into_owned());
        rows.push(values.collect::<Vec<_>>().join("\t"));
    }
    Ok(rows)
}

#[track_caller]
fn assert_answers(server: &Server) {
    let answer = root(server).and_then(|mut client| rows(&mut client, "SELECT 'well'"));
    assert_eq!(answer.unwrap(), ["well"], "{}", server.log());
    assert!(!server.log().contains(SECRET), "a password is in the log");
}

/// The files in a data directory that don't belong there.
fn strangers(data: &Path) -> Vec<String> {
    let known = ["accounts.sql", "accounts.secret", "accounts.spare", "auto.cnf", "sealwired.lock"];
    let names = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names
        .filter(|name| !known.contains(&name.as_str()) && !name.contains(".sqlite") && !name.ends_with(".pem"))
        .collect()
}
