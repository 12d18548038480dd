//! Counts the round trips up to the first row, TCP's own included. The line has unlimited bandwidth and loses nothing, so the time consists
//! of round trips alone.
//!
//! | | until connected | why |
//! | --- | --- | --- |
//! | TCP and the greeting | 2 | TCP's handshake; the server speaks first |
//! | TLS 1.3 | 1 | SSLRequest goes with the ClientHello, the login with Finished |
//! | TLS 1.2 | 2 | its own handshake has one trip more |
//! | login | 1 | `caching_sha2_password` whose digest the server remembers, or the plugin that the greeting names |
//! | another plugin | 1 | the server asks to switch |
//! | the whole password | 1 | `caching_sha2_password` whose digest the server does not remember |
//!
//! Direct TLS (`--ssl-negotiation=direct`) takes one trip less, because the greeting comes with the server's Finished; in TLS 1.3 not where
//! the server asks for a client certificate, as with `--ssl-ca`, because the greeting then waits for it.
//!
//! The first row comes one trip later. So does the first row of a prepared statement where the server is MariaDB or Sealwire, because it is
//! prepared and executed at once (`Client::prepare_and_execute`); with other servers it comes two trips later.
//!
//! Compared with libmariadb 10.11, which behaves like libmysqlclient (Debian packages no other C library). tshark captured both on
//! loopback, from the greeting to the row of SELECT 1, with `mysql_native_password` named by the greeting. The table shows how often the
//! sending side changed.
//!
//! | | plain | TLS 1.2 | TLS 1.3 |
//! | --- | --- | --- | --- |
//! | sealwire | 5 | 9 | 7 |
//! | libmariadb | 5 | 9 | 9: SSLRequest and ClientHello are two segments, Finished and the login two flights |

use sealwire_simnet::{AccountSide, ClientSide, Network, Run, RungEvent, Scenario, ServerSide, Stage, seeded};

/// The latency in one direction, in microseconds.
const LATENCY: u32 = 50_000;
const TRIP: u64 = 2 * LATENCY as u64;

fn run(scenario: Scenario) -> Run {
    let network = Network { latency_us: LATENCY, ..Network::default() };
    let mut stage = Stage::new(seeded(rustls::crypto::ring::default_provider()));
    stage.run(&Scenario { network, ..scenario }).unwrap()
}

#[test]
fn connecting_takes_as_few_as_the_protocols_allow() {
    const TLS_1_3: (&str, Option<&str>) = ("VERIFY_IDENTITY", Some("TLSv1.3"));
    const TLS_1_2: (&str, Option<&str>) = ("VERIFY_IDENTITY", Some("TLSv1.2"));
    const PLAIN: (&str, Option<&str>) = ("DISABLED", None);
    const SHA2: &str = "caching_sha2_password";
    const NATIVE: &str = "mysql_native_password";
    for ((mode, version), plugin, greeted, cached, expected) in [
        (PLAIN, SHA2, SHA2, true, 3),
        (PLAIN, NATIVE, NATIVE, false, 3),
        (PLAIN, NATIVE, SHA2, false, 4),
        (TLS_1_3, SHA2, SHA2, true, 4),
        (TLS_1_3, NATIVE, NATIVE, false, 4),
        (TLS_1_3, SHA2, SHA2, false, 5),
        (TLS_1_3, NATIVE, SHA2, false, 5),
        (TLS_1_2, SHA2, SHA2, true, 5),
        (TLS_1_2, SHA2, SHA2, false, 6),
    ] {
        let case = format!("{mode} {version:?} {plugin}, greeted with {greeted}, remembered: {cached}");
        let tls_version = version.map(str::to_owned);
        let run = run(Scenario {
            client: ClientSide { ssl_mode: mode.into(), tls_version, ..ClientSide::default() },
            server: ServerSide { default_plugin: greeted.into(), ..ServerSide::default() },
            account: AccountSide { plugin: plugin.into(), cached, ..AccountSide::default() },
            ..Scenario::default()
        });
        let client = &run.connections[0].client;
        assert_eq!(client.failure, None, "{case}");
        assert_eq!(client.connected_us, Some(expected * TRIP), "{case}");
        // With the first row the client has finished, and it disconnects.
        assert_eq!(client.ended_us, (expected + 1) * TRIP, "{case}");
    }
}

#[test]
fn direct_tls_takes_one_less() {
    for (version, asks_for_certificate, starttls, direct) in [
        ("TLSv1.3", false, 4, 3),
        // The greeting waits for the client's certificate and Finished.
        ("TLSv1.3", true, 4, 4),
        ("TLSv1.2", false, 5, 4),
        ("TLSv1.2", true, 5, 4),
    ] {
        for (direct, expected) in [(false, starttls), (true, direct)] {
            let case = format!("{version}, asked for a certificate: {asks_for_certificate}, direct: {direct}");
            let run = run(Scenario {
                client: ClientSide { direct, tls_version: Some(version.to_owned()), ..ClientSide::default() },
                server: ServerSide { asks_for_certificate, ..ServerSide::default() },
                account: AccountSide { cached: true, ..AccountSide::default() },
                ..Scenario::default()
            });
            let client = &run.connections[0].client;
            assert_eq!(client.failure, None, "{case}");
            assert_eq!(client.connected_us, Some(expected * TRIP), "{case}");
        }
    }
}

#[test]
fn what_can_go_together_does() {
    let run = run(Scenario::default());
    let sent_at = |wanted: &str| {
        let sent = run.ladder.iter().find(|rung| {
            rung.side == "client"
                && match &rung.event {
                    RungEvent::Packet { name, sent, .. } | RungEvent::Record { name, sent, .. } => {
                        *sent && name == wanted
                    }
                    _ => false,
                }
        });
        sent.unwrap_or_else(|| panic!("no {wanted}")).at_us
    };
    assert_eq!(sent_at("SSLRequest"), sent_at("ClientHello"));
    // Finished is the first encrypted message.
    assert_eq!(sent_at("ApplicationData"), sent_at("HandshakeResponse41"));
}
