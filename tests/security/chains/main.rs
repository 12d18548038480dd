//! The rules for certificate chains: proper and forged chains, ending in certificates of version 1 and 3, for servers and clients, are
//! verified in handshakes of our own and by OpenSSL. Where the two differ, the table says why.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod forge;
mod names;
mod table;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use sealwire_core::tls::{
    ClientContext, ClientOptions, NamedPem, ServerContext, ServerOptions, TlsError, TlsLayer, Trust,
};
use sealwire_tests::programs::needs;
use tempfile::TempDir;

use forge::{Made, Wanted, issue, self_signed};
use table::{Chain, End, HOST, TABLE};

/// 15 January 2027.
const NOW: Duration = Duration::from_secs(1_800_000_000);

/// The four end certificates of a row, in the order of its verdicts.
const ENDS: [End; 4] = [
    End { version: 1, server: true },
    End { version: 1, server: false },
    End { version: 3, server: true },
    End { version: 3, server: false },
];

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn pem(label: &str, der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in der.chunks(48) {
        for group in line.chunks(3) {
            let bits = (0..3).fold(0usize, |bits, index| bits << 8 | usize::from(*group.get(index).unwrap_or(&0)));
            for index in 0..4 {
                let digit = if index <= group.len() { DIGITS[bits >> (18 - 6 * index) & 63] } else { b'=' };
                text.push(char::from(digit));
            }
        }
        text.push('\n');
    }
    _ = writeln!(text, "-----END {label}-----");
    text
}

fn certificates(list: &[Made]) -> NamedPem {
    NamedPem::new("a file", list.iter().map(|made| pem("CERTIFICATE", &made.der)).collect::<String>())
}

fn lists(chain: &Chain) -> Vec<NamedPem> {
    chain.lists.iter().map(|list| NamedPem::new("a list", pem("X509 CRL", list))).collect()
}

fn key(made: &Made) -> Option<NamedPem> {
    Some(NamedPem::new("a key", made.key.serialize_pem()))
}

/// Makes a handshake in memory, in which one side sends the chain; returns the other side's verdict.
fn judge(chain: &Chain, server_shows_it: bool) -> Result<(), TlsError> {
    if server_shows_it {
        let (trust, ca) = if chain.are_system_roots {
            let roots = chain.named.iter().map(|made| CertificateDer::from(made.der.clone())).collect();
            (Trust::SystemRoots { roots, known: Vec::new() }, Vec::new())
        } else {
            (Trust::CaAndIdentity, vec![certificates(&chain.named)])
        };
        let client = ClientOptions { ca, crls: lists(chain), ..ClientOptions::new(provider(), trust) };
        let server = ServerOptions {
            cert: Some(certificates(&chain.sent)),
            key: key(&chain.sent[0]),
            ..ServerOptions::new(provider())
        };
        handshake(client, server, chain.host).0
    } else {
        let own_ca = self_signed(&Wanted::ca("The server's CA", &[]));
        let own = issue(&own_ca, &Wanted::bare(HOST, &[]));
        let client = ClientOptions {
            ca: vec![certificates(&[own_ca])],
            cert: Some(certificates(&chain.sent)),
            key: key(&chain.sent[0]),
            ..ClientOptions::new(provider(), Trust::CaAndIdentity)
        };
        let server = ServerOptions {
            ca: vec![certificates(&chain.named)],
            crls: lists(chain),
            key: key(&own),
            cert: Some(certificates(&[own])),
            ..ServerOptions::new(provider())
        };
        handshake(client, server, HOST).1
    }
}

/// The results of a handshake for the client and for the server.
fn handshake(client: ClientOptions, server: ServerOptions, host: &str) -> (Result<(), TlsError>, Result<(), TlsError>) {
    // A CA that can't be used is refused before any connection.
    let (client, server) = match (ClientContext::build(client), ServerContext::build(server)) {
        (Ok(client), Ok(server)) => (client, server),
        (client, server) => return (client.map(drop), server.map(drop)),
    };
    let mut client = TlsLayer::client(&client, host, None, NOW).unwrap();
    let mut server = TlsLayer::server(&server).unwrap();
    let (mut at_client, mut at_server) = (Ok(()), Ok(()));
    while client.has_output() || server.has_output() {
        let mut bytes = Vec::new();
        client.take_output(&mut bytes);
        at_server = at_server.and_then(|()| server.feed(&mut bytes, &mut Vec::new(), NOW));
        bytes.clear();
        server.take_output(&mut bytes);
        at_client = at_client.and_then(|()| client.feed(&mut bytes, &mut Vec::new(), NOW));
    }
    (at_client, at_server)
}

/// The verdict of `openssl verify`, with the checks that MySQL asks its library to make.
fn judge_by_openssl(chain: &Chain, server_shows_it: bool, folder: &Path) -> Result<(), String> {
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    let all = |list: &[Made]| list.iter().map(|made| pem("CERTIFICATE", &made.der)).collect::<String>();
    write("ca.pem", &all(&chain.named));
    write("sent.pem", &all(&chain.sent));
    write("leaf.pem", &all(&chain.sent[..1]));
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(["verify", "-no-CApath", "-no-CAstore", "-auth_level", "2", "-CAfile", "ca.pem"]);
    command.args(["-untrusted", "sent.pem", "-attime", &NOW.as_secs().to_string()]);
    if !chain.lists.is_empty() {
        write("lists.pem", &chain.lists.iter().map(|list| pem("X509 CRL", list)).collect::<String>());
        command.args(["-crl_check", "-crl_check_all", "-CRLfile", "lists.pem"]);
    }
    if server_shows_it {
        let kind = if chain.host.parse::<std::net::IpAddr>().is_ok() { "-verify_ip" } else { "-verify_hostname" };
        command.args(["-purpose", "sslserver", kind, chain.host]);
    } else {
        command.args(["-purpose", "sslclient"]);
    }
    let output = command.arg("leaf.pem").output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Runs every row through a judge, and collects the verdicts that differ from the expected ones.
fn differences(
    expected: impl Fn(&table::Row) -> &'static str,
    judge: impl Fn(&Chain, bool) -> Result<(), String>,
) -> String {
    let mut wrong = String::new();
    for row in TABLE {
        let (mut found, mut reasons) = (String::new(), String::new());
        for (end, known) in ENDS.into_iter().zip(row.ours.chars()) {
            if known == '-' {
                found.push('-');
                continue;
            }
            let verdict = judge(&(row.chain)(end), end.server);
            found.push(if verdict.is_ok() { 'y' } else { 'n' });
            if let Err(reason) = verdict {
                _ = writeln!(reasons, "      {}", reason.trim().replace('\n', "\n      "));
            }
        }
        if found != expected(row) {
            _ = writeln!(wrong, "{}: {found} instead of {}\n{reasons}", row.name, expected(row));
        }
    }
    wrong
}

#[test]
fn every_chain_is_judged_as_the_table_says() {
    let wrong = differences(|row| row.ours, |chain, server| judge(chain, server).map_err(|error| error.to_string()));
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn openssl_judges_the_same_but_for_what_is_listed() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = TempDir::new().unwrap();
    let expected = |row: &table::Row| row.openssl.map_or(row.ours, |(verdicts, _)| verdicts);
    let wrong = differences(expected, |chain, server| judge_by_openssl(chain, server, place.path()));
    assert!(wrong.is_empty(), "\n{wrong}");
    for row in TABLE {
        assert!(row.openssl.is_none_or(|(verdicts, why)| verdicts != row.ours && !why.is_empty()), "{}", row.name);
    }
}
