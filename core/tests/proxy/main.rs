//! A client, a proxy and a server in memory: every plugin over both kinds of legs, with bytes delivered in pieces of every size.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

// For wasm32, `#[test]` is wasm-bindgen's.
#[cfg(target_arch = "wasm32")]
#[macro_use]
extern crate sealwire_wasm_tests;

mod legs;
mod world;

use std::sync::Arc;
use std::time::Duration;

use sealwire_core::auth::Plugin;
use sealwire_core::client::{self, TlsPolicy};
use sealwire_core::error::{Error, Side};
use sealwire_core::message::StatusFlags;
use sealwire_core::proxy::{Activity, End, Event};
use sealwire_core::server;
use sealwire_core::tls::Trust;
use sealwire_core::{Input, Output, SqlError};

use world::{Identity, Legs, OURS, PASSWORD, PLAIN, PLUGINS, Protection, SECURE, Seeded, World, is_connected, now};

#[test]
fn every_plugin_logs_in_however_the_bytes_arrive() {
    // Seven sizes of pieces and four plugins.
    for (seed, plugin) in (0..28).zip(PLUGINS.into_iter().cycle()) {
        let mut world = World::new(plugin, PASSWORD, SECURE, seed);
        let events = world.settle().unwrap_or_else(|error| panic!("{plugin}, seed {seed}: {error}: {:?}", world.log));
        assert!(is_connected(&events), "{plugin}, seed {seed}: {events:?}, {:?}", world.log);
        assert!(world.has_logged("dial for 'learner', Some(\"d\")"));
        assert!(
            world.has_logged(
                "login of 'learner', Some(\"d\"), [(\"_client_ip\", \"10.1.2.3\"), (\"program\", \"test\")]"
            )
        );
        assert_eq!(world.client.facts().connection_id, OURS);
        assert_eq!(world.proxy.server_facts().unwrap().connection_id, 5);
        assert_eq!(world.proxy.client_facts().unwrap().auth_plugin.as_deref(), Some(plugin.name()));
        world.rows = (20, 300);
        let length = if world.largest_piece < 1000 { 300 } else { 70_000 };
        world.client.query(&vec![b'q'; length]).unwrap();
        world.settle().unwrap();
        assert!(world.has_logged(&format!("query of {length}")));
        assert_eq!(world.log.iter().filter(|line| *line == "row of 303").count(), 20, "seed {seed}");
        assert!(
            world.has_logged("row of 23"),
            "the cipher of the server's side, TLS_AES_256_GCM_SHA384: {:?}",
            world.log
        );
        // The second login finds the cache of caching_sha2_password warm.
        world.client.change_user("learner", PASSWORD.into(), None).unwrap();
        let events = world.settle().unwrap();
        assert!(matches!(&*events, [client::Event::Ok(_)]), "{plugin}, seed {seed}: {events:?}");
        assert!(world.has_logged("change to 'learner'"));
        world.client.quit().unwrap();
        world.settle().unwrap();
        assert!(world.has_logged("the server saw the end"));
        assert!(matches!(world.end, Some(End::By(_))), "{:?}", world.end);
    }
}

#[test]
fn a_login_that_no_server_can_read_reaches_none() {
    for (charset, database, code) in [(35, "d", 1231), (17, "d", 1231), (28, "ü", 1300), (45, "😀", 1300)] {
        let mut world = World::with(Plugin::MysqlNativePassword, PASSWORD, SECURE, 5, |client| {
            client.charset = charset;
            client.database = Some(database.into());
        });
        let error = world.settle().unwrap_err();
        assert!(matches!(&error, Error::Refused { by: Side::Server, error } if error.code == code), "{error}");
        assert!(!world.has_logged("dial for 'learner'"), "{charset} {database}");
        assert!(matches!(&world.end, Some(End::Refused(error)) if error.code == code), "{:?}", world.end);
    }
    let mut world = World::with(Plugin::MysqlNativePassword, PASSWORD, SECURE, 5, |client| client.charset = 28);
    assert!(is_connected(&world.settle().unwrap()));
    world.client.change_user("learner", PASSWORD.into(), Some("ü")).unwrap();
    let events = world.settle().unwrap();
    let [client::Event::Failed(error), client::Event::Closed] = &*events else { panic!("{events:?}") };
    assert_eq!(error.code, 1300);
    assert!(world.log.iter().any(|line| line.starts_with("no move: ERROR 1300")), "{:?}", world.log);
}

#[test]
fn plaintext_on_both_sides_is_as_safe_as_plaintext_without_a_proxy() {
    for (seed, plugin) in (0..14).zip([Plugin::MysqlNativePassword, Plugin::ClientEd25519].into_iter().cycle()) {
        let mut world = World::new(plugin, PASSWORD, PLAIN, seed);
        assert!(is_connected(&world.settle().unwrap()), "{plugin}, seed {seed}");
    }
    let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, PLAIN, 6);
    world.settle().unwrap();
    (world.largest_piece, world.rows) = (usize::MAX, (2, 17 << 20));
    world.client.query(&vec![b'q'; 17 << 20]).unwrap();
    world.settle().unwrap();
    assert!(world.has_logged(&format!("query of {}", 17 << 20)), "packets of two frames");
    assert!(world.has_logged(&format!("row of {}", (17 << 20) + 9)), "{:?}", world.log);
    let mut world = World::new(Plugin::Sha256Password, PASSWORD, PLAIN, 6);
    let error = world.settle().unwrap_err();
    assert!(matches!(error, Error::Refused { by: Side::Client, .. }), "the client refuses by itself: {error}");
}

#[test]
fn a_password_does_not_leave_a_secure_leg_for_another() {
    let password = |wire: &[u8]| wire.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes());
    for (client, server) in [(Protection::Tls, Protection::Plain), (Protection::Plain, Protection::Tls)] {
        for (seed, plugin) in (0..8).zip(PLUGINS.into_iter().cycle()) {
            let mut world = World::new(plugin, PASSWORD, Legs { client, server }, seed);
            let outcome = world.settle();
            assert!(!password(&world.wire), "{plugin}: the server's side has the password");
            let is_proof = matches!(plugin, Plugin::MysqlNativePassword | Plugin::ClientEd25519);
            match outcome {
                Ok(events) => assert!(is_proof && is_connected(&events), "{plugin}"),
                Err(Error::Refused { by: Side::Server, error }) => {
                    assert!(!is_proof, "{plugin}: {error}");
                    assert!(error.code == 1105 && error.message.contains(plugin.name()), "{error}");
                    assert!(matches!(world.end, Some(End::Refused(_))), "{:?}", world.end);
                }
                Err(error) => panic!("{plugin}: {error}"),
            }
        }
    }
    // The fast path of caching_sha2_password is a proof.
    let mut world = World::new(Plugin::CachingSha2Password, PASSWORD, SECURE, 6);
    world.settle().unwrap();
    let digest = world.candidate.fast_digest;
    assert!(digest.is_some());
    let mut world = World::new(
        Plugin::CachingSha2Password,
        PASSWORD,
        Legs { client: Protection::Tls, server: Protection::Plain },
        6,
    );
    world.candidate.fast_digest = digest;
    assert!(is_connected(&world.settle().unwrap()));
    world.client.change_user("learner", PASSWORD.into(), None).unwrap();
    let events = world.settle().unwrap();
    assert!(matches!(&*events, [client::Event::Ok(_)]), "{events:?}");
    assert!(!password(&world.wire));
}

#[test]
fn the_driver_can_refuse_a_change_of_user() {
    for seed in 0..7 {
        let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, seed);
        world.settle().unwrap();
        world.refuse_change = Some(SqlError::access_denied("Access denied by a rule"));
        world.client.change_user("other", PASSWORD.into(), None).unwrap();
        let events = world.settle();
        let shown = format!("{events:?}");
        assert!(shown.contains("Access denied by a rule"), "{shown}");
        assert!(world.has_logged("change to 'other'") && !world.has_logged("login of 'other'"), "{:?}", world.log);
        assert!(matches!(world.end, Some(End::Refused(_))), "{:?}", world.end);
    }
}

#[test]
fn the_verdict_is_the_servers() {
    for plugin in PLUGINS {
        let mut world = World::new(plugin, "another password", SECURE, 5);
        let error = world.settle().unwrap_err();
        assert_eq!(
            error.to_string(),
            "ERROR 1045 (28000): Access denied for user 'learner'@'10.1.2.3' (using password: YES)",
            "{plugin}"
        );
        assert!(matches!(&world.end, Some(End::Denied(error)) if error.code == 1045), "{:?}", world.end);
    }
    let mut world = World::new(Plugin::MysqlNativePassword, "", SECURE, 5);
    assert!(is_connected(&world.settle().unwrap()), "no password");
}

#[test]
fn a_client_may_answer_later_than_the_server_may() {
    let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, PLAIN, 6);
    // The server has 5 s for each of its answers, and the client 10 s in all.
    Arc::make_mut(&mut world.back_config).connect_timeout = Duration::from_secs(5);
    world.thinks = Duration::from_secs(8);
    let events = world.settle().unwrap_or_else(|error| panic!("{error}: {:?}", world.log));
    assert!(is_connected(&events), "{:?}", world.log);
}

#[test]
fn the_login_of_a_client_that_goes_ends_at_the_server() {
    for (plugin, legs) in PLUGINS.into_iter().flat_map(|plugin| [(plugin, SECURE), (plugin, PLAIN)]) {
        let (mut began, mut ended) = (0, 0);
        for lifetime in (0..4000).step_by(if legs == SECURE { 11 } else { 3 }) {
            let mut world = World::new(plugin, PASSWORD, legs, 5);
            world.lifetime = Some(lifetime);
            // The client's machine is not told, because it is gone.
            let events = world.settle();
            if events.is_ok_and(|events| is_connected(&events)) {
                break;
            }
            assert!(world.end.is_some(), "{plugin}, {lifetime} bytes: {:?}", world.log);
            if world.is_dialled {
                began += 1;
                ended += usize::from(world.has_logged("password"));
            }
        }
        assert!(began > 3 && ended == began, "{plugin}, {legs:?}: {ended} of {began} logins have ended");
        let mut world = World::new(plugin, PASSWORD, legs, 5);
        world.goes_while_dialled = true;
        let _ = world.settle();
        assert!(world.has_logged("password") && world.end == Some(End::By(Side::Client)), "{plugin}: {:?}", world.log);
    }
}

#[test]
fn a_server_that_fails_before_the_login_learns_nothing() {
    let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, 6);
    let other = Identity::new("db1");
    let mut back = world.back_config.as_ref().clone();
    back.tls = TlsPolicy::Required(other.trusting(Trust::CaAndIdentity));
    world.back_config = Arc::new(back);
    let error = world.settle().unwrap_err();
    assert!(error.to_string().contains("no server is left"), "{error}");
    assert!(world.has_logged("failed: ") && world.has_logged("certificate"), "{:?}", world.log);
    assert!(!world.has_logged("login of"), "{:?}", world.log);

    let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, 6);
    let peer = world.server.peer().clone();
    let full = SqlError::too_many_connections("Too many connections");
    let config = Arc::new(server::Config::new("8.4.0-node", Arc::new(Seeded::new(1))));
    world.server = server::Connection::refused(config, 6, peer, full, now());
    let error = world.settle().unwrap_err();
    assert!(error.to_string().contains("no server is left"), "{error}");
    assert!(world.has_logged("failed: ERROR 1040"), "{:?}", world.log);
}

#[test]
fn another_server_can_take_the_login() {
    let mut world = World::new(Plugin::CachingSha2Password, PASSWORD, SECURE, 6);
    let good = Arc::clone(&world.back_config);
    let mut dialled = 0;
    let mut first = server::Connection::refused(
        Arc::new(server::Config::new("8.4.0-node", Arc::new(Seeded::new(1)))),
        6,
        world.server.peer().clone(),
        SqlError::too_many_connections("Too many connections"),
        now(),
    );
    loop {
        match world.client.poll_output(&mut world.front[0]).unwrap() {
            Output::Wait(_) | Output::Transmit => {}
            Output::Event(event) => panic!("{event:?}"),
        }
        let mut bytes = std::mem::take(&mut world.front[0]);
        world.proxy.handle_input(Side::Client, Input::Bytes(&mut bytes), now());
        let output = world.proxy.poll_output();
        let mut bytes = Vec::new();
        while world.proxy.transmit(Side::Client, &mut bytes) {}
        world.client.handle_input(Input::Bytes(&mut bytes), now()).unwrap();
        match output {
            Output::Event(Event::Dial(_)) => {
                world.proxy.dialled(Arc::clone(&good), &[], now()).unwrap();
                dialled += 1;
                let mut bytes = Vec::new();
                let _ = first.poll_output(&mut bytes);
                world.proxy.handle_input(Side::Server, Input::Bytes(&mut bytes), now());
            }
            Output::Event(Event::ServerFailed(_)) => {
                world.dial();
                dialled += 1;
                break;
            }
            Output::Event(event) => panic!("{event:?}"),
            Output::Transmit | Output::Wait(_) => {}
        }
    }
    assert_eq!(dialled, 2);
    assert!(is_connected(&world.settle().unwrap()));
}

#[test]
fn the_end_of_one_side_is_the_end_of_the_other() {
    let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, 6);
    world.settle().unwrap();
    world.server.close();
    let events = world.settle().unwrap();
    assert!(matches!(&*events, [client::Event::Closed]), "{events:?}");
    assert_eq!(world.end, Some(End::By(Side::Server)));

    let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, 6);
    world.settle().unwrap();
    world.proxy.handle_input(Side::Client, Input::Eof, now());
    world.poll_proxy();
    assert_eq!(world.end, Some(End::By(Side::Client)));
    world.settle().unwrap();
    assert!(world.has_logged("the server saw the end"), "{:?}", world.log);

    let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, 6);
    world.settle().unwrap();
    world.proxy.handle_input(Side::Server, Input::Bytes(&mut vec![0x17, 3, 3, 0, 3, 1, 2, 3]), now());
    world.settle().unwrap();
    assert!(matches!(world.end, Some(End::Failed(Side::Server, Error::Tls(_)))), "{:?}", world.end);
}

#[test]
fn a_side_that_does_not_read_holds_the_other() {
    let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, PLAIN, 6);
    assert!(is_connected(&world.settle().unwrap()));
    let mut held = 0;
    while world.proxy.may_read(Side::Server) {
        world.proxy.handle_input(Side::Server, Input::Bytes(&mut vec![0; 64 * 1024]), now());
        let _ = world.proxy.poll_output();
        held += 1;
    }
    assert_eq!(held, 4, "256 KiB wait for the client");
    assert!(world.proxy.may_read(Side::Client));
    let mut out = Vec::new();
    while world.proxy.transmit(Side::Client, &mut out) {}
    assert_eq!(out.len(), 4 * 64 * 1024);
    assert!(world.proxy.may_read(Side::Server));
}

#[test]
fn nothing_secret_is_shown() {
    let mut world = World::new(Plugin::Sha256Password, PASSWORD, PLAIN, 6);
    let mut shown = format!("{:?}", world.proxy);
    let _ = world.settle();
    shown += &format!("{:?}", world.proxy);
    let mut world = World::new(Plugin::CachingSha2Password, PASSWORD, SECURE, 6);
    world.settle().unwrap();
    let mut query = b"\x1f\0\0\0\x03SELECT 'correct horse battery staple'"[..20].to_vec();
    world.proxy.handle_input(Side::Client, Input::Bytes(&mut query), now());
    shown += &format!("{:?}", world.proxy);
    assert!(!shown.contains("correct horse") && !shown.contains("99, 111, 114, 114"), "{shown}");
}

#[test]
fn a_statement_whose_server_is_lost_has_an_unknown_outcome() {
    for seed in 0..7 {
        let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, seed);
        world.settle().unwrap();
        world.is_mute = true;
        world.client.query(b"UPDATE t SET a = 1").unwrap();
        world.settle().unwrap();
        assert_eq!(world.proxy.activity(), Activity::Running);
        if seed % 2 == 0 {
            world.proxy.lose_server();
        } else {
            world.proxy.handle_input(Side::Server, Input::Eof, now());
        }
        let shown = format!("{:?}", world.settle());
        assert!(shown.contains("1053") && shown.contains("outcome of the statement is unknown"), "{seed}: {shown}");
        assert!(matches!(&world.end, Some(End::ServerLost(error)) if error.code == 1053), "{:?}", world.end);
        assert_eq!(world.log.iter().filter(|line| line.starts_with("UPDATE")).count(), 1, "it is not sent again");
    }
}

#[test]
fn a_client_that_quits_ends_the_connection_whichever_side_closes_first() {
    for loses in [false, true] {
        let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, PLAIN, 6);
        world.settle().unwrap();
        world.proxy.handle_input(Side::Client, Input::Bytes(&mut b"\x01\0\0\0\x01".to_vec()), now());
        assert!(matches!(world.proxy.poll_output(), Output::Wait(_)));
        if loses {
            world.proxy.lose_server();
        } else {
            world.proxy.handle_input(Side::Server, Input::Eof, now());
        }
        let output = world.proxy.poll_output();
        assert!(matches!(output, Output::Event(Event::Closed(End::By(Side::Client)))), "{output:?}");
    }
}

#[test]
fn the_error_of_a_lost_server_is_in_the_place_of_a_packet_that_has_begun() {
    for cut in 0..9 {
        let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, PLAIN, 6);
        world.settle().unwrap();
        world.is_mute = true;
        world.client.query(b"UPDATE t SET a = 1").unwrap();
        world.settle().unwrap();
        let mut began = b"\x40\0\0\x01\0\x01\0\x02\0"[..cut].to_vec();
        world.proxy.handle_input(Side::Server, Input::Bytes(&mut began), now());
        world.proxy.handle_input(Side::Server, Input::Eof, now());
        let shown = format!("{:?}", world.settle());
        assert!(shown.contains("1053") && shown.contains("outcome of the statement is unknown"), "{cut}: {shown}");
    }
}

#[test]
fn a_drained_connection_ends_between_statements_and_outside_a_transaction() {
    let moving = || SqlError::new(1053, b"08S01", "the server is drained");
    for seed in 0..7 {
        let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, seed);
        world.settle().unwrap();
        world.status = StatusFlags::AUTOCOMMIT | StatusFlags::IN_TRANS;
        world.client.query(b"BEGIN").unwrap();
        world.settle().unwrap();
        assert_eq!(world.proxy.activity(), Activity::Open);
        world.proxy.drain(moving());
        world.client.query(b"UPDATE t SET a = 1").unwrap();
        world.settle().unwrap();
        assert_eq!(world.end, None, "seed {seed}: the transaction is open");
        world.status = StatusFlags::AUTOCOMMIT;
        world.client.query(b"COMMIT").unwrap();
        let events = world.settle();
        assert!(world.has_logged("COMMIT"), "{:?}", world.log);
        assert_eq!(world.end, Some(End::Drained(moving())), "seed {seed}: {events:?}");
        assert!(world.has_logged("row of 23"), "the answer to COMMIT came whole");

        let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, seed);
        world.settle().unwrap();
        world.proxy.drain(moving());
        world.client.query(b"SELECT 1").unwrap();
        let shown = format!("{:?}", world.settle());
        assert!(shown.contains("the server is drained"), "seed {seed}: {shown}");
        assert!(!world.has_logged("SELECT 1"), "the statement was not sent");
    }
}

#[test]
fn a_kill_has_the_id_of_the_server_or_the_answer_of_the_driver() {
    for seed in 0..7 {
        let mut world = World::new(Plugin::MysqlNativePassword, PASSWORD, SECURE, seed);
        world.settle().unwrap();
        world.client.query(b"KILL QUERY 3221225473 ;").unwrap();
        world.settle().unwrap();
        assert!(world.has_logged("kill of 3221225473, true") && world.has_logged("KILL QUERY 7 ;"), "{:?}", world.log);
        for (answer, expected) in [(Ok(()), "Ok("), (Err(SqlError::no_such_thread("Unknown thread id: 8")), "1094")] {
            world.kill = Err(answer);
            world.client.query(b"KILL 8").unwrap();
            world.client.query(b"SELECT 2").unwrap();
            let shown = format!("{:?}", world.settle().unwrap());
            assert!(shown.contains(expected) && shown.contains("ResultEnd"), "seed {seed}: {shown}");
        }
        assert!(!world.has_logged("KILL 8"), "{:?}", world.log);
        assert_eq!(world.proxy.activity(), Activity::Idle);
    }
}

#[test]
fn a_change_of_user_is_a_login_of_its_own() {
    for (seed, plugin) in (0..28).zip(PLUGINS.into_iter().cycle()) {
        let mut world = World::new(plugin, PASSWORD, SECURE, seed);
        world.settle().unwrap();
        for _ in 0..2 {
            world.client.change_user("learner", PASSWORD.into(), Some("e")).unwrap();
            let events =
                world.settle().unwrap_or_else(|error| panic!("{plugin}, seed {seed}: {error}: {:?}", world.log));
            assert!(matches!(&*events, [client::Event::Ok(_)]), "{plugin}, seed {seed}: {events:?}, {:?}", world.log);
            assert!(world.has_logged("login of 'learner', Some(\"e\"), [(\"_client_ip\""), "{:?}", world.log);
            assert!(!world.has_logged("change of user"), "the server before hears nothing of it: {:?}", world.log);
            assert_eq!(world.proxy.server_facts().unwrap().connection_id, 6);
            world.client.query(b"SELECT 3").unwrap();
            world.settle().unwrap();
            assert!(world.has_logged("SELECT 3") && world.proxy.activity() == Activity::Idle);
        }
    }
}
