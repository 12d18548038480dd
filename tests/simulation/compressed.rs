//! The compressed protocol between the two machines: with each algorithm, over plaintext and inside TLS, with any cutting of the bytes.

use sealwire_core::client;
use sealwire_core::error::Side;
use sealwire_core::message::{Capabilities, Value};
use sealwire_core::server;
use sealwire_core::wire::compressed::{self, Algorithm, Decoded};
use sealwire_core::{Error, SqlError};
use sealwire_simnet::{Delivery, OwnedEvent, Pair, Toward};

use crate::world::{PASSWORD, World, pair, plain_client, plain_server};

const ALGORITHMS: [Algorithm; 2] = [Algorithm::Zlib, Algorithm::Zstd { level: 7 }];

fn offering(mut server: server::Config) -> server::Config {
    server.capabilities |= Capabilities::COMPRESS | Capabilities::ZSTD_COMPRESSION;
    server
}

fn asking(client: client::Config, algorithm: Algorithm) -> client::Config {
    client::Config { compression: vec![algorithm], ..client }
}

fn compressed(algorithm: Algorithm) -> Pair {
    let mut pair = pair(asking(plain_client("native"), algorithm), offering(plain_server()));
    assert_eq!(pair.run(), [OwnedEvent::Connected]);
    assert_eq!(pair.client.facts().compression, Some(algorithm));
    assert_eq!(pair.server.facts().compression, Some(algorithm));
    pair
}

/// The decompressed frames, from the `from`th transmission on, with their sequence numbers.
fn frames(pair: &Pair, from: usize, toward: Toward, algorithm: Algorithm) -> Vec<(u8, Vec<u8>)> {
    let sent = pair.wire[from..].iter().filter(|(to, _)| *to == toward);
    let wire: Vec<u8> = sent.flat_map(|(_, bytes)| bytes.iter().copied()).collect();
    let (mut rest, mut found) = (wire.as_slice(), Vec::new());
    while !rest.is_empty() {
        let mut plain = Vec::new();
        let decoded = compressed::decode(algorithm, rest, 0xff_ffff, &mut plain).unwrap();
        let Decoded::Frame { sequence, wire_length } = decoded else { panic!("{decoded:?}") };
        found.push((sequence, plain));
        rest = &rest[wire_length..];
    }
    found
}

/// A function that damages a frame in transit.
type Damage = fn(&mut [u8]);

fn text(value: &[u8]) -> OwnedEvent {
    OwnedEvent::Row(vec![Some(value.to_vec())])
}

/// Commands of every kind, one after the other and together; returns all events of the client.
fn session(mut pair: Pair) -> Vec<OwnedEvent> {
    pair.run();
    for sql in [&b"SHOW STATUS LIKE 'Ssl_cipher'"[..], b"BLOB 200000", b"TWICE", b"FAIL"] {
        pair.client.query(sql).unwrap();
    }
    pair.client.prepare(b"SELECT ?, ?").unwrap();
    pair.client.statistics().unwrap();
    let seen = pair.run();
    let Some(OwnedEvent::Prepared(statement)) = seen.iter().find(|seen| matches!(seen, OwnedEvent::Prepared(_))) else {
        panic!("{seen:?}")
    };
    let long = [b'q'; 100_000];
    pair.client.send_long_data(statement, 0, &long).unwrap();
    pair.client.execute(statement, &[Value::Int(5), Value::Bytes(&long)]).unwrap();
    pair.client.close_statement(statement).unwrap();
    pair.run();
    pair.client.change_user("native", PASSWORD.into(), None).unwrap();
    pair.run();
    pair.client.reset_connection().unwrap();
    pair.client.ping().unwrap();
    pair.run();
    pair.client.quit().unwrap();
    pair.run();
    assert_eq!(pair.server_error, None);
    pair.seen
}

#[test]
fn compression_changes_nothing_of_what_is_told() {
    let world = World::new();
    let reference = session(pair(world.client("native"), world.server()));
    let plain = session(pair(plain_client("native"), plain_server()));
    for algorithm in ALGORITHMS {
        for delivery in [Delivery::Whole, Delivery::Chunks(1), Delivery::Chunks(1000), Delivery::Coalesced] {
            let tls = pair(asking(world.client("native"), algorithm), offering(world.server())).delivered(delivery);
            assert!(session(tls) == reference, "{algorithm:?} {delivery:?} inside TLS");
            let bare = pair(asking(plain_client("native"), algorithm), offering(plain_server())).delivered(delivery);
            assert!(session(bare) == plain, "{algorithm:?} {delivery:?}");
        }
    }
}

#[test]
fn the_exchange_that_logs_in_is_not_compressed() {
    for algorithm in ALGORITHMS {
        let pair = compressed(algorithm);
        // The OK that ends the login is an uncompressed packet, and nothing follows it.
        let (_, last) = pair.wire.last().unwrap();
        assert_eq!(usize::from(last[0]) + 4, last.len());
        assert_eq!(last[4], 0);
    }
}

#[test]
fn a_client_does_not_say_how_hard_the_server_works() {
    for (asked, done) in [(1, 1), (9, 9), (22, 9)] {
        let algorithm = Algorithm::Zstd { level: asked };
        let mut pair = pair(asking(plain_client("native"), algorithm), offering(plain_server()));
        pair.run();
        assert_eq!(pair.server.facts().compression, Some(Algorithm::Zstd { level: done }));
    }
}

#[test]
fn nobody_compresses_unasked() {
    let mut pair = pair(plain_client("native"), offering(plain_server()));
    pair.run();
    assert_eq!((pair.client.facts().compression, pair.server.facts().compression), (None, None));
    let flags = Capabilities::COMPRESS | Capabilities::ZSTD_COMPRESSION;
    assert_eq!(pair.client.facts().capabilities & flags, Capabilities::NONE);
    pair.client.query(&[b'x'; 300]).unwrap();
    assert_eq!(pair.run()[1], text(&[b'x'; 300]));
}

#[test]
fn a_server_without_compression_is_refused_only_on_demand() {
    for algorithm in ALGORITHMS {
        let mut pair = pair(asking(plain_client("native"), algorithm), plain_server());
        assert_eq!(pair.run(), [OwnedEvent::Connected]);
        assert_eq!(pair.client.facts().compression, None);
        let demanding = client::Config { compression_required: true, ..asking(plain_client("native"), algorithm) };
        let mut pair = crate::world::pair(demanding, plain_server());
        let seen = pair.run();
        let [OwnedEvent::Broken(Error::Refused { by: Side::Client, error })] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!(error.code, 2066);
        assert!(error.message.contains("--compression-algorithms"), "{error}");
    }
}

#[test]
fn packets_over_16_mib_span_frames_both_ways() {
    for algorithm in ALGORITHMS {
        let mut pair = compressed(algorithm);
        for length in [0xff_fffe, 0xff_ffff, 20 << 20] {
            let query = [b"LENGTH ".as_slice(), &vec![b'a'; length - 8]].concat();
            pair.client.query(&query).unwrap();
            assert_eq!(pair.run()[1], text((length - 1).to_string().as_bytes()));
            pair.client.query(format!("BLOB {length}").as_bytes()).unwrap();
            assert!(pair.run()[1] == text(&vec![b'x'; length]), "{length}");
        }
    }
}

#[test]
fn numbers_of_packets_within_frames_mean_nothing() {
    for algorithm in ALGORITHMS {
        let mut pair = compressed(algorithm);
        // A command of two frames, both with the number 0, as MariaDB's C library sends it.
        let command = [&b"\x03"[..], &vec![b'x'; 17 << 20]].concat();
        let (first, second) = command.split_at(0xff_ffff);
        let length = u32::try_from(second.len()).unwrap().to_le_bytes();
        let packets = [&[0xff, 0xff, 0xff, 0], first, &[length[0], length[1], length[2], 0], second].concat();
        let mut bytes = Vec::new();
        for (number, piece) in packets.chunks(0xff_ffff).enumerate() {
            compressed::encode(algorithm, piece, u8::try_from(number).unwrap(), &mut bytes);
        }
        pair.inject(Toward::Server, &bytes);
        pair.run();
        assert_eq!(pair.server_error, None);
        assert!(pair.host.queries == [&command[1..]]);
    }
}

#[test]
fn numbers_of_frames_are_those_of_the_exchange() {
    for algorithm in ALGORITHMS {
        let mut pair = compressed(algorithm);
        let from = pair.wire.len();
        for length in [70_000, 70_000, 17 << 20] {
            pair.client.query(&vec![b'x'; length]).unwrap();
        }
        pair.run();
        let asked: Vec<u8> = frames(&pair, from, Toward::Server, algorithm).iter().map(|(number, _)| *number).collect();
        assert_eq!(asked, [0, 0, 0, 1, 2]);
        let told = frames(&pair, from, Toward::Client, algorithm);
        let numbers: Vec<u8> = told.iter().map(|(number, _)| *number).collect();
        // The columns, the row, and its end; the last row is a packet of two frames, which take three compressed frames.
        assert_eq!(numbers, [1, 2, 3, 1, 2, 3, 3, 4, 5, 6, 7]);
        // The first compressed frame of an answer holds several packets.
        assert_eq!(told[0].1[..5], [1, 0, 0, 1, 1]);
    }
}

#[test]
fn a_file_goes_in_frames() {
    for algorithm in ALGORITHMS {
        let world = World::new();
        let client = client::Config { local_infile: true, ..asking(world.client("native"), algorithm) };
        let mut pair = pair(client, offering(world.server()));
        pair.run();
        for again in ["", "AGAIN"] {
            pair.client.query(format!("LOAD DATA LOCAL INFILE 'a.csv' {again}").as_bytes()).unwrap();
            assert_eq!(pair.run(), [OwnedEvent::File(b"a.csv".to_vec())]);
            for _ in 0..20 {
                pair.client.local_infile_data(&vec![b'z'; 1 << 20]).unwrap();
                pair.run();
            }
            pair.client.local_infile_end().unwrap();
            assert_eq!(pair.run()[0], OwnedEvent::Ok(20 << 20));
            pair.client.ping().unwrap();
            assert_eq!(pair.run(), [OwnedEvent::Ok(0)], "the connection is in step");
        }
    }
}

#[test]
fn a_frame_larger_than_any_packet_is_refused_at_its_header() {
    for algorithm in ALGORITHMS {
        let mut server = offering(plain_server());
        server.max_packet = 1 << 20;
        let mut pair = pair(asking(plain_client("native"), algorithm), server);
        pair.run();
        let from = pair.wire.len();
        // A frame of 16 MiB of zeros in few bytes; then its header alone.
        let mut bomb = Vec::new();
        compressed::encode(algorithm, &vec![0; 0xff_ffff], 0, &mut bomb);
        assert!(bomb.len() < 100_000, "{} bytes of {algorithm:?}", bomb.len());
        pair.inject(Toward::Server, &bomb[..compressed::HEADER]);
        pair.run();
        let Some(Error::PeerMisbehaved(_)) = &pair.server_error else { panic!("{:?}", pair.server_error) };
        let told = frames(&pair, from, Toward::Client, algorithm);
        let [(1, packet)] = &told[..] else { panic!("{told:?}") };
        assert_eq!(packet[4..7], [0xff, 0x81, 0x04], "error 1153");
    }
}

#[test]
fn a_bomb_below_the_limit_is_only_as_large_as_a_packet() {
    for algorithm in ALGORITHMS {
        let mut pair = compressed(algorithm);
        let mut bomb = Vec::new();
        // Empty packets, each of which is answered in turn.
        compressed::encode(algorithm, &[0; 4000], 0, &mut bomb);
        pair.inject(Toward::Server, &bomb);
        pair.run();
        assert!(matches!(pair.seen.last(), Some(OwnedEvent::Broken(_))), "{:?}", pair.seen.last());
        assert!(pair.host.queries.is_empty());
    }
}

#[test]
fn damaged_frames_end_the_connection_with_a_sentence() {
    for algorithm in ALGORITHMS {
        let mut command = Vec::new();
        let packet = [&[100, 0, 0, 0, 3][..], &[b'x'; 99]].concat();
        compressed::encode(algorithm, &packet, 0, &mut command);
        let damages: [(Damage, u16); 4] = [
            (|bytes| bytes[3] = 1, 1156),
            (|bytes| bytes[4] += 1, 1835),
            (|bytes| bytes[12] ^= 0x55, 1835),
            (|bytes| bytes[..7].copy_from_slice(&[0, 0, 0, 0, 9, 0, 0]), 1835),
        ];
        for (number, (damage, code)) in damages.into_iter().enumerate() {
            let mut pair = compressed(algorithm);
            let mut bytes = command.clone();
            damage(&mut bytes);
            pair.inject(Toward::Server, &bytes);
            pair.run();
            let error = pair.server_error.clone().unwrap();
            assert_eq!(error.as_server_error().unwrap().code, code, "damage {number}");
            assert!(pair.host.queries.is_empty());
        }
    }
}

#[test]
fn a_server_that_ends_the_connection_unasked_is_heard() {
    for algorithm in ALGORITHMS {
        let mut pair = compressed(algorithm);
        pair.client.query(b"SELECT 1").unwrap();
        pair.run();
        pair.server.kill(SqlError::new(4031, b"HY000", "idle"));
        pair.client.query(b"SELECT 2").unwrap();
        let seen = pair.run();
        assert!(
            matches!(&seen[..], [OwnedEvent::Broken(Error::Refused { error, .. })] if error.code == 4031),
            "{seen:?}"
        );
    }
}
