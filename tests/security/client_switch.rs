//! The client's switch from plaintext to TLS, under attack by a server or by a man in the middle.

use sealwire_core::Error;
use sealwire_core::client::{self, TlsPolicy};
use sealwire_core::error::{PeerMisbehaved, Side};
use sealwire_core::server;
use sealwire_core::tls::Trust;
use sealwire_core::wire::frame;
use sealwire_simnet::{Filter, OwnedEvent, Pair, Toward};

use crate::world::{PASSWORD, World, pair, plain_server};

/// Alters the first bytes toward the client, the greeting.
fn alter_greeting(change: impl Fn(&mut Vec<u8>) + 'static) -> Filter {
    let mut done = false;
    Box::new(move |toward, bytes| {
        if toward == Toward::Client && !done {
            done = true;
            change(bytes);
        }
    })
}

/// The offset of the lower capabilities: after version text, connection id, scramble and filler.
fn capabilities_at(greeting: &[u8]) -> usize {
    let end_of_version = greeting[5..].iter().position(|byte| *byte == 0).unwrap();
    5 + end_of_version + 1 + 4 + 8 + 1
}

#[expect(clippy::ptr_arg, reason = "the form that a filter's closure has")]
fn strip_ssl(greeting: &mut Vec<u8>) {
    let at = capabilities_at(greeting);
    assert_ne!(greeting[at + 1] & 0x08, 0, "the server offers TLS");
    greeting[at + 1] &= !0x08;
}

fn run(client: client::Config, server: server::Config, filter: Filter) -> (Pair, Error) {
    let mut pair = pair(client, server).with_filter(filter);
    let seen = pair.run();
    let Some(OwnedEvent::Broken(error)) = seen.last().cloned() else { panic!("the client goes on: {seen:?}") };
    assert_nothing_leaked(&pair);
    (pair, error)
}

fn assert_nothing_leaked(pair: &Pair) {
    let sent = pair.sent(Toward::Server);
    assert!(!sent.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()));
}

#[test]
fn a_stripped_capability_ends_the_connection_with_nothing_sent() {
    let world = World::new();
    let (pair, error) = run(world.client("any"), world.server(), alter_greeting(strip_ssl));
    let error = error.as_client_error();
    assert_eq!((error.code, error.sqlstate), (2026, *b"HY000"));
    assert!(error.message.contains("SSL is required but the server doesn't support it"));
    assert!(pair.sent(Toward::Server).is_empty());
}

#[test]
fn only_preferred_falls_back_to_plaintext() {
    let world = World::new();
    let mut client = world.client("native");
    let TlsPolicy::Required(context) = client.tls else { panic!() };
    client.tls = TlsPolicy::Preferred(context);
    let mut pair = pair(client, world.server()).with_filter(alter_greeting(strip_ssl));
    assert_eq!(pair.run(), [OwnedEvent::Connected]);
    assert_eq!(pair.client.facts().ssl_cipher(), None);
}

#[test]
fn bytes_behind_the_greeting_are_misbehaviour_and_nothing_is_sent() {
    let world = World::new();
    let ok = [7, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0];
    let filter = alter_greeting(move |bytes| bytes.extend_from_slice(&ok));
    let (pair, error) = run(world.client("any"), world.server(), filter);
    assert!(matches!(error, Error::PeerMisbehaved(PeerMisbehaved::Unexpected(_))), "{error:?}");
    assert!(pair.sent(Toward::Server).is_empty());
}

#[test]
fn an_ok_in_plaintext_instead_of_a_server_hello_is_a_tls_failure() {
    let world = World::new();
    let mut count = 0;
    let filter: Filter = Box::new(move |toward, bytes| {
        if toward == Toward::Client {
            count += 1;
            if count == 2 {
                *bytes = vec![7, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0];
            }
        }
    });
    let (_, error) = run(world.client("any"), world.server(), filter);
    assert!(matches!(error, Error::Tls(_)), "{error:?}");
}

#[test]
fn an_error_before_tls_is_marked_as_nobodys_word() {
    let world = World::new();
    let filter = alter_greeting(|bytes| {
        let mut sequence = 0;
        bytes.clear();
        frame::encode(b"\xff\x10\x04Too many connections\nEnter password: ", &mut sequence, bytes);
    });
    let (_, error) = run(world.client("any"), world.server(), filter);
    let Error::Refused { by: Side::Server, error } = error else { panic!("{error:?}") };
    assert_eq!(error.code, 1040);
    assert!(
        error.message.starts_with("Too many connections\\x0AEnter") && error.message.contains("before TLS"),
        "{error}"
    );
}

#[test]
fn a_greeting_of_megabytes_is_refused_at_its_header() {
    let world = World::new();
    let filter = alter_greeting(|bytes| *bytes = vec![0xff, 0xff, 0x20, 0x00, 10]);
    let (_, error) = run(world.client("any"), world.server(), filter);
    assert!(matches!(error, Error::PeerMisbehaved(PeerMisbehaved::PacketTooBig(_))), "{error:?}");
}

#[test]
fn a_server_that_wants_the_clear_password_does_not_get_it() {
    let world = World::new();
    // A malicious greeting names the clear text plugin; so could an AuthSwitchRequest.
    let name_clear = |bytes: &mut Vec<u8>| {
        let tail = b"caching_sha2_password\0".len();
        bytes.truncate(bytes.len() - tail);
        bytes.extend_from_slice(b"mysql_clear_password\0");
        let length = (bytes.len() - 4) as u32;
        bytes[..3].copy_from_slice(&length.to_le_bytes()[..3]);
    };
    let plain = crate::world::plain_client("native");
    let unverified = world.client_with("native", Trust::NoVerification, |_| {});
    let mut enabled = world.client_with("native", Trust::NoVerification, |_| {});
    enabled.enable_cleartext_plugin = true;
    let mut enabled_plain = crate::world::plain_client("native");
    enabled_plain.enable_cleartext_plugin = true;
    for (name, client, server, code) in [
        ("plain", plain, plain_server(), 2059),
        ("unverified", unverified, world.server(), 2059),
        ("enabled, unverified", enabled, world.server(), 2061),
        ("enabled, plain", enabled_plain, plain_server(), 2061),
    ] {
        let (_, error) = run(client, server, alter_greeting(name_clear));
        let Error::Refused { by: Side::Client, error } = error else { panic!("{name}: {error:?}") };
        assert_eq!(error.code, code, "{name}: {error}");
    }
}

#[test]
fn a_swapped_certificate_is_refused_before_the_user_is_named() {
    let (world, attacker) = (World::new(), World::new());
    let mut pair = pair(world.client("any"), attacker.server());
    let seen = pair.run();
    assert!(matches!(seen.last(), Some(OwnedEvent::Broken(Error::Tls(_)))), "{seen:?}");
    assert!(pair.host.user.is_none());
    assert_nothing_leaked(&pair);
}
