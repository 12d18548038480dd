//! The initial inputs of the two targets for a proxy.

use std::path::Path;

use sealwire_core::error::Side;
use sealwire_core::proxy_protocol::{ClientTls, Endpoints, Header};
use sealwire_core::tls::NamedPem;
use sealwire_simnet::{Host, Pair};

use super::script::{ACT, BYTES, PACKET, TIME, WIRE, step};
use super::seeds::{talk, under};
use super::{client as client_target, proxy, server as server_target};

/// Headers of both versions, and descriptions of some.
pub(super) fn headers(root: &Path) -> Vec<Vec<u8>> {
    let end = |text: &str| text.parse().expect("an address");
    let pem = std::fs::read(root.join("core/simnet/data/client.pem")).expect("a file of the repository");
    let certificate = NamedPem::new("seed", pem).certificates().expect("a certificate").remove(0);
    let tls = ClientTls {
        is_encrypted: true,
        version: Some("TLSv1.3".to_owned()),
        cipher: Some("TLS_AES_256_GCM_SHA384".to_owned()),
        common_name: Some("client".to_owned()),
        certificate: Some(certificate.to_vec()),
        is_verified: true,
    };
    let mut all = Vec::new();
    for (source, destination) in [("192.0.2.1:40000", "198.51.100.7:3306"), ("[2001:db8::1]:1", "[::1]:2")] {
        let endpoints = Some(Endpoints { source: end(source), destination: end(destination) });
        for tls in [None, Some(ClientTls::default()), Some(tls.clone())] {
            let (mut binary, mut line) = (Vec::new(), Vec::new());
            let header = Header { endpoints, authority: Some("db.example.com".to_owned()), tls };
            header.write(&mut binary);
            header.write_line(&mut line);
            all.extend([under(0, &binary), under(0, &line)]);
        }
    }
    all.push(under(0, b"PROXY UNKNOWN any words\r\n"));
    let mut local = Vec::new();
    Header::default().write(&mut local);
    all.push(under(0, &local));
    let description =
        b"\x0c\xea\xc0\0\x02\x01\x0c\xea\xc0\0\x02\x02\x02\0db\x07\0TLSv1.3\x03\0AES\x03\0ada\xff\x17\x30\x82";
    all.extend([0x39, 0x3f, 0x00, 0x01, 0x25].map(|flags| [&[1, flags][..], description].concat()));
    all
}

/// A plugin, the client's answer to the request for it, and the packets behind that.
type Exchange = (&'static str, Vec<u8>, Vec<(Side, Vec<u8>)>);

/// The exchanges with which a proxied login is made.
fn exchanges() -> [Exchange; 5] {
    let password = || [proxy::PASSWORD.as_bytes(), b"\0"].concat();
    [
        ("mysql_native_password", vec![7; 20], Vec::new()),
        ("caching_sha2_password", vec![7; 32], vec![(Side::Server, vec![1, 3])]),
        ("caching_sha2_password", vec![7; 32], vec![(Side::Server, vec![1, 4]), (Side::Client, password())]),
        ("sha256_password", password(), Vec::new()),
        ("client_ed25519", vec![7; 64], Vec::new()),
    ]
}

/// A conversation as the client and the server on the two sides of a proxy have it.
pub(super) fn conversations() -> Vec<Vec<u8>> {
    let (client, server) = (Side::Client, Side::Server);
    let packet = |side, payload: &[u8]| step(proxy::code(side, PACKET), payload);
    let mut seeds = Vec::new();
    let config = client_target::Settings { flags: 0, plugin: 1 }.config();
    let host = Host::new(&format!("CREATE USER 'fuzzer'@'%' IDENTIFIED BY '{}';", client_target::PASSWORD));
    let talk = talk(Pair::new(config, server_target::config(server_target::NATIVE), host.expect("an account")), false);
    let Some((login, parts)) = talk.split_first() else { return seeds };
    let (Some(greeting), Some(ok)) = (login.to_client.first(), login.to_client.last()) else { return seeds };
    // A greeting of a server with TLS has the flag in the lower half of the capabilities, behind the version, the id and the nonce.
    let offers_tls = |greeting: &[u8]| {
        let mut greeting = greeting.to_vec();
        let flags = 1 + greeting.iter().skip(1).position(|byte| *byte == 0).unwrap_or_default() + 1 + 4 + 9;
        greeting[flags + 1] |= 0x08;
        greeting
    };
    for ((plugin, answer, rest), tls) in
        exchanges().into_iter().flat_map(|plugin| [0, 1, 2, 3].map(|tls| (plugin.clone(), tls)))
    {
        let mut script = Vec::new();
        let (front, back) = (tls & 1 != 0, tls & 2 != 0);
        if front {
            script.extend(step(proxy::code(client, ACT), &[1]));
        }
        script.extend(login.to_server.iter().take(1).flat_map(|response| packet(client, response)));
        script.extend(packet(server, &if back { offers_tls(greeting) } else { greeting.clone() }));
        script.extend(packet(server, &[&[0xfe][..], plugin.as_bytes(), b"\0abcdefghijklmnopqrst\0"].concat()));
        script.extend(packet(client, &answer));
        script.extend(rest.iter().flat_map(|(side, payload)| packet(*side, payload)));
        script.extend(packet(server, ok));
        for part in parts {
            script.extend(step(proxy::code(client, ACT), &[0]));
            script.extend(part.to_server.iter().flat_map(|payload| packet(client, payload)));
            script.extend(part.to_client.iter().flat_map(|payload| packet(server, payload)));
        }
        let settings =
            [if front { proxy::FRONT_TLS } else { 0 }, if back { proxy::BACK_TLS | proxy::VERIFIES } else { 0 }];
        seeds.push([&settings[..], &script].concat());
    }
    // Further events behind a login.
    let first = |seeds: &[Vec<u8>]| seeds.first().map(|seed| seed[2..].to_vec()).unwrap_or_default();
    let behind = |seed: Vec<u8>, steps: &[(u8, &[u8])]| {
        steps.iter().fold(seed, |seed, (code, bytes)| [seed, step(*code, bytes)].concat())
    };
    let (plain, new) = (first(&seeds), (proxy::code(client, ACT), &[0][..]));
    let change = b"\x11other\0\x14aaaaaaaaaaaaaaaaaaaadb\0\x2d\0mysql_native_password\0\0";
    let kill = b"\x03KILL QUERY 3221225473";
    for (front, steps) in [
        (0, vec![new, (proxy::code(client, PACKET), change), (proxy::code(server, PACKET), &greeting[..])]),
        (0, vec![new, (proxy::code(client, PACKET), kill), (proxy::code(server, PACKET), &ok[..])]),
        (proxy::ANSWERS_KILL, vec![new, (proxy::code(client, PACKET), kill)]),
        (0, vec![new, (proxy::code(client, PACKET), b"\x03BEGIN"), (proxy::code(server, ACT), &[0])]),
        (0, vec![new, (proxy::code(client, PACKET), b"\x03SELECT"), (proxy::code(server, ACT), &[1])]),
        (0, vec![(proxy::code(server, proxy::FLOOD), b"rows"), (proxy::code(server, ACT), &[2])]),
        (0, vec![(proxy::code(client, proxy::FLOOD), b"\x03SELECT 1")]),
        (0, vec![(proxy::code(server, BYTES), b"\x05"), (proxy::code(client, TIME), &[200])]),
    ] {
        seeds.push([&[front, 0][..], &behind(plain.clone(), &steps)].concat());
    }
    let mut header = Vec::new();
    let end = |text: &str| text.parse().expect("an address");
    let endpoints = Some(Endpoints { source: end("192.0.2.1:1"), destination: end("192.0.2.2:2") });
    Header { endpoints, ..Header::default() }.write(&mut header);
    seeds.push([&[proxy::TRUSTS_HEADER, 0][..], &step(proxy::code(client, WIRE), &header), &plain].concat());
    seeds
}
