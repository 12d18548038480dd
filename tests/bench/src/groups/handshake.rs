//! rustls alone: the least that a handshake and records can cost.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection};

use super::cell;
use crate::Outcome;
use crate::job::{BULK_VALUE, Security};
use crate::measure::Figure;
use crate::report::Table;
use crate::world::{Key, World};

/// Processor time of this thread so far.
fn now() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Settings of both sides for the state of TLS.
fn settings(folder: &Path, security: Security) -> Outcome<(Arc<ClientConfig>, Arc<ServerConfig>)> {
    let mut provider = aws_lc_rs::default_provider();
    let hybrid = security == Security::Hybrid;
    provider.kx_groups = vec![if hybrid { aws_lc_rs::kx_group::X25519MLKEM768 } else { aws_lc_rs::kx_group::X25519 }];
    let provider = Arc::new(provider);
    let versions = [if security == Security::Tls12 { &rustls::version::TLS12 } else { &rustls::version::TLS13 }];
    let chain = |name: &str| -> Outcome<Vec<CertificateDer<'static>>> {
        Ok(CertificateDer::pem_file_iter(folder.join(name))?.collect::<Result<_, _>>()?)
    };
    let mut roots = RootCertStore::empty();
    for root in chain("ca.pem")? {
        roots.add(root)?;
    }
    let roots = Arc::new(roots);
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)?
        .with_root_certificates(Arc::clone(&roots));
    let mut client = if security == Security::Mutual {
        client.with_client_auth_cert(
            chain("client-cert.pem")?,
            PrivateKeyDer::from_pem_file(folder.join("client-key.pem"))?,
        )?
    } else {
        client.with_no_client_auth()
    };
    if security != Security::Resumed {
        client.resumption = Resumption::disabled();
    }
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&versions)?;
    let server = if security == Security::Mutual {
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots, provider).build()?;
        server.with_client_cert_verifier(verifier)
    } else {
        server.with_no_client_auth()
    };
    let server = server
        .with_single_cert(chain("server-cert.pem")?, PrivateKeyDer::from_pem_file(folder.join("server-key.pem"))?)?;
    Ok((Arc::new(client), Arc::new(server)))
}

/// Hands over what one side has to say; the receiver's own processor time.
fn pass(from: &mut Connection, to: &mut Connection, wire: &mut Vec<u8>) -> Outcome<Duration> {
    wire.clear();
    while from.wants_write() {
        from.write_tls(wire)?;
    }
    let (mut rest, since) = (wire.as_slice(), now());
    while !rest.is_empty() {
        to.read_tls(&mut rest)?;
        to.process_new_packets()?;
    }
    Ok(now() - since)
}

/// The server's processor time of one handshake in memory, in µs: the mean of `count`, after as many to warm up.
pub(super) fn raw(folder: &Path, security: Security, count: usize) -> Outcome<f64> {
    let (client_settings, server_settings) = settings(folder, security)?;
    let mut wire = Vec::new();
    let mut total = Duration::ZERO;
    for round in 0..2 * count {
        let name = ServerName::try_from("127.0.0.1")?;
        let mut client = Connection::from(ClientConnection::new(Arc::clone(&client_settings), name)?);
        let since = now();
        let mut server = Connection::from(ServerConnection::new(Arc::clone(&server_settings))?);
        let mut used = now() - since;
        while client.is_handshaking() || server.is_handshaking() || client.wants_write() || server.wants_write() {
            used += pass(&mut client, &mut server, &mut wire)?;
            let since = now();
            wire.clear();
            while server.wants_write() {
                server.write_tls(&mut wire)?;
            }
            used += now() - since;
            let mut rest = wire.as_slice();
            while !rest.is_empty() {
                client.read_tls(&mut rest)?;
                client.process_new_packets()?;
            }
        }
        if round >= count {
            total += used;
        }
    }
    Ok(total.as_secs_f64() * 1e6 / count as f64)
}

/// Throughput of records in memory through rustls alone and through our channel.
pub(super) fn records(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "records: rustls alone, buffer to buffer",
        "MB of plaintext per second of processor time, sealed and opened on one thread, TLS 1.3, 16 MB values: the most that *bulk* can reach \
         per second of client and server together.",
        &["what", "MB per processor second"],
    );
    let (client_settings, server_settings) = settings(&world.certificates(Key::P256), Security::Tls13)?;
    let value = vec![b'x'; BULK_VALUE];
    let mut figures = Vec::new();
    for _ in 0..world.repeats() {
        let mut client =
            Connection::from(ClientConnection::new(Arc::clone(&client_settings), ServerName::try_from("127.0.0.1")?)?);
        let mut server = Connection::from(ServerConnection::new(Arc::clone(&server_settings))?);
        let (mut wire, mut plain) = (Vec::new(), vec![0; 64 * 1024]);
        while client.is_handshaking() || server.is_handshaking() {
            pass(&mut client, &mut server, &mut wire)?;
            pass(&mut server, &mut client, &mut wire)?;
        }
        let since = now();
        let mut opened = 0;
        for part in value.chunks(64 * 1024) {
            std::io::Write::write_all(&mut server.writer(), part)?;
            wire.clear();
            while server.wants_write() {
                server.write_tls(&mut wire)?;
            }
            let mut rest = wire.as_slice();
            while !rest.is_empty() {
                client.read_tls(&mut rest)?;
                let waiting = client.process_new_packets()?.plaintext_bytes_to_read();
                let mut left = waiting;
                while left > 0 {
                    let read = std::io::Read::read(&mut client.reader(), &mut plain)?;
                    left -= read;
                    opened += read;
                }
            }
        }
        if opened != BULK_VALUE {
            return Err("the value is not whole".into());
        }
        figures.push(BULK_VALUE as f64 / 1e6 / (now() - since).as_secs_f64());
    }
    let figure = Figure::of(figures);
    world.record("records raw", figure.median);
    table.rows.push(vec!["rustls, AWS-LC, AES-256-GCM".to_owned(), cell(&figure, 0)]);
    Ok(table)
}
