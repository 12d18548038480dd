//! Our own client as tests use it, and the values that they read from the server and the system.

use std::fs;
use std::net::TcpStream;
use std::sync::Arc;

use rustls::crypto::ring;
use sealwire::random::OsRandom;
use sealwire::{Client, ClientError, Config, TlsPolicy};
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, Trust};

use crate::certificates::CertificateSet;
use crate::drivers::PASSWORD;

/// A configuration for that user with the tests' common password, in plaintext.
pub fn plain(user: &str) -> Config {
    Config::new(user, PASSWORD.into(), Arc::new(OsRandom::new()))
}

/// A TLS context that verifies the server by this set's CA, for all connections of a client. It resumes no session, so each connection
/// makes a full handshake.
pub fn context(set: &CertificateSet) -> ClientContext {
    let mut options = ClientOptions::new(Arc::new(ring::default_provider()), Trust::Ca);
    options.ca = vec![NamedPem::new("ca", fs::read(&set.ca).expect("the CA's certificate"))];
    options.resumption = false;
    ClientContext::build(options).expect("a context")
}

/// A configuration like [`plain`], over verified TLS.
pub fn secure(user: &str, context: &ClientContext) -> Config {
    let mut config = plain(user);
    config.tls = TlsPolicy::Required(context.clone());
    config.server_name = "127.0.0.1".to_owned();
    config
}

/// Connects to a port of loopback.
///
/// # Errors
/// The client's error.
pub fn connect(port: u16, config: Config) -> Result<Client<TcpStream>, ClientError> {
    Client::over(crate::middle::connect(port), config)
}

/// The last column of the first row of an answer.
///
/// # Errors
/// The client's error.
pub fn ask(client: &mut Client<TcpStream>, sql: &str) -> Result<String, ClientError> {
    let mut rows = client.query(sql)?;
    let mut last = String::new();
    if let Some(row) = rows.next()? {
        for value in row.iter() {
            last = String::from_utf8_lossy(value.ok().flatten().unwrap_or_default()).into_owned();
        }
    }
    Ok(last)
}

/// How many files a process may open: this process, and those that it starts.
pub fn most_files() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("the limit of files");
    line.split_whitespace().nth(3).and_then(|number| number.parse().ok()).unwrap_or(usize::MAX)
}

/// A process's resident memory in KiB.
pub fn resident(process: u32) -> u64 {
    memory(process, "VmRSS:")
}

/// The most memory that a process has had in use, in KiB.
pub fn most_resident(process: u32) -> u64 {
    memory(process, "VmHWM:")
}

fn memory(process: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a process that runs");
    let line = status.lines().find(|line| line.starts_with(name)).expect("its memory");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

/// The processor time of a process's threads, in nanoseconds.
pub fn processor_time(process: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("a process that runs");
    let files = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok());
    files.filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok()).sum()
}
