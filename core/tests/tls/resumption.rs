//! Sessions that may be resumed, and sessions that must not be.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rcgen::{PKCS_ED25519, date_time_ymd};
use rustls::server::ProducesTickets;
use sealwire_core::facts::Verification;
use sealwire_core::tls::{
    CertificateProblem, ClientContext, NamedPem, ServerContext, ServerOptions, TicketKeys, TlsError, Trust,
};

use crate::handshake::pem_der;
use crate::rejections::{revocable_ca, revocations};
use crate::support::*;

fn context(versions: &str, trust: Trust, ca: &Ca) -> ClientContext {
    let mut options = client_options(trust, ca_pem(ca));
    options.versions = Some(versions.to_owned());
    ClientContext::build(options).unwrap()
}

/// Whether both sides report that the session was resumed; they must agree.
fn resumed(client: &ClientContext, server: &ServerContext, now: Duration) -> bool {
    let (at_client, at_server) = Pair::at(client, server, now, Some(HOST)).connect();
    assert_eq!(at_client.resumed, at_server.resumed);
    at_client.resumed
}

#[test]
fn the_second_connection_resumes_and_keeps_what_was_verified() {
    let ca = ca("Resumption CA");
    for versions in ["TLSv1.2", "TLSv1.3"] {
        let server = server(&good(&ca));
        let client = context(versions, Trust::CaAndIdentity, &ca);
        assert!(!resumed(&client, &server, NOW), "{versions}");
        let mut pair = Pair::new(&client, &server);
        let (at_client, _) = pair.connect();
        assert!(at_client.resumed, "{versions}");
        assert_eq!(at_client.verification, Verification::CaAndIdentity);
        assert_eq!(at_client.peer_chain.len(), 1);
        pair.talk();
        let counters = server.counters();
        assert_eq!(counters.accepts.load(Ordering::Relaxed), 2);
        assert_eq!(counters.finished_accepts.load(Ordering::Relaxed), 2);
        assert_eq!(counters.cache_hits.load(Ordering::Relaxed), 1);
        assert!(server.sessions().0 > 0);
    }
}

/// Unencrypted tickets, because the tests check only when tickets are accepted.
#[derive(Debug)]
struct Open([u8; 32]);

impl TicketKeys for Open {
    fn ticketer(&self, context: &[u8; 32]) -> Result<Arc<dyn ProducesTickets>, TlsError> {
        Ok(Arc::new(Self(*context)))
    }

    fn count(&self) -> usize {
        1
    }
}

impl ProducesTickets for Open {
    fn enabled(&self) -> bool {
        true
    }
    fn lifetime(&self) -> u32 {
        0
    }
    fn encrypt(&self, session: &[u8]) -> Option<Vec<u8>> {
        Some([&self.0, session].concat())
    }
    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        ticket.strip_prefix(&self.0).map(<[u8]>::to_vec)
    }
}

fn with_tickets(identity: &Identity, change: impl FnOnce(&mut ServerOptions)) -> ServerContext {
    let mut options = server_options(identity);
    options.session_cache_size = 0;
    options.ticket_keys = Some(Arc::new(Open([0; 32])));
    change(&mut options);
    ServerContext::build(options).unwrap()
}

#[test]
fn tickets_resume_without_a_cache_and_in_another_context_of_the_same_settings() {
    let ca = ca("Ticket CA");
    let identity = good(&ca);
    for versions in ["TLSv1.2", "TLSv1.3"] {
        let server = with_tickets(&identity, |_| {});
        let client = context(versions, Trust::Ca, &ca);
        assert!(!resumed(&client, &server, NOW), "{versions}");
        assert!(resumed(&client, &server, NOW), "{versions}");
        assert_eq!(server.counters().cache_hits.load(Ordering::Relaxed), 1);
        assert_eq!(server.sessions().0, 0);
        let other = with_tickets(&identity, |_| {});
        assert!(resumed(&client, &other, NOW), "{versions}");
        assert_eq!(other.counters().cache_misses.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn a_ticket_of_other_settings_is_worth_nothing() {
    let (ca, other_ca) = (revocable_ca("Settings CA"), ca("Other CA"));
    let identity = good(&ca);
    // The signature of the list differs each time.
    let list = revocations(&ca, &[1]);
    let asks = |options: &mut ServerOptions| {
        options.ca = vec![ca_pem(&ca), ca_pem(&other_ca)];
        options.crls = vec![list.clone()];
    };
    type Change<'a> = (&'static str, bool, Box<dyn Fn(&mut ServerOptions) + 'a>);
    let changes: [Change<'_>; 10] = [
        ("nothing", true, Box::new(|_| {})),
        ("the CAs' order", true, Box::new(|options| options.ca.reverse())),
        ("a CA said twice", true, Box::new(|options| options.ca.push(ca_pem(&ca)))),
        ("one CA less", false, Box::new(|options| options.ca.truncate(1))),
        ("no CA", false, Box::new(|options| options.ca.clear())),
        ("no revocation list", false, Box::new(|options| options.crls.clear())),
        ("a newer revocation list", false, Box::new(|options| options.crls = vec![revocations(&ca, &[1, 2])])),
        (
            "another certificate",
            false,
            Box::new(|options| {
                let Identity { cert, key } = good(&ca);
                (options.cert, options.key) = (Some(cert), Some(key));
            }),
        ),
        ("one version less", false, Box::new(|options| options.versions = Some("TLSv1.3".into()))),
        ("fewer ciphers", false, Box::new(|options| options.ciphersuites = Some("TLS_AES_256_GCM_SHA384".into()))),
    ];
    for (what, resumes, change) in changes {
        let before = with_tickets(&identity, asks);
        let after = with_tickets(&identity, |options| {
            asks(options);
            change(options);
        });
        let client = context("TLSv1.3", Trust::Ca, &ca);
        assert!(!resumed(&client, &before, NOW), "{what}");
        assert_eq!(resumed(&client, &after, NOW), resumes, "{what}");
        assert_eq!(after.counters().cache_misses.load(Ordering::Relaxed) == 0, resumes, "{what}");
    }
}

#[test]
fn tickets_end_after_the_timeout_wherever_they_are_shown() {
    let ca = ca("Ageing CA");
    let identity = good(&ca);
    for versions in ["TLSv1.2", "TLSv1.3"] {
        for (later, resumes) in [(0, true), (300, true), (301, false), (-300, true), (-301, false)] {
            let client = context(versions, Trust::Ca, &ca);
            assert!(!resumed(&client, &with_tickets(&identity, |_| {}), NOW));
            let (server, seconds) = (with_tickets(&identity, |_| {}), Duration::from_secs(i64::unsigned_abs(later)));
            let mut pair = Pair::at(&client, &server, NOW, Some(HOST));
            // The client has its own clock and offers a session that the server may refuse.
            pair.now = if later < 0 { NOW - seconds } else { NOW + seconds };
            let (at_client, _) = pair.connect();
            assert_eq!(at_client.resumed, resumes, "{versions} {later}");
            assert_eq!(server.counters().cache_timeouts.load(Ordering::Relaxed), u64::from(!resumes));
        }
    }
}

/// Each resumption gives a new ticket, which is worth no more than the full handshake from which it stems.
#[test]
fn a_session_that_is_resumed_again_and_again_ends_after_the_timeout_too() {
    let ca = ca("Renewing CA");
    let identity = good(&ca);
    for versions in ["TLSv1.2", "TLSv1.3"] {
        for server in [with_tickets(&identity, |_| {}), server(&identity)] {
            let client = context(versions, Trust::Ca, &ca);
            let at = |seconds| resumed(&client, &server, NOW + Duration::from_secs(seconds));
            assert_eq!([0, 100, 200, 300].map(at), [false, true, true, true], "{versions}");
            assert_eq!([301, 401, 601].map(at), [false, true, true], "{versions}");
            assert!(!at(602), "{versions}");
        }
    }
}

/// A ticket's length has 16 bits, and the client's certificates in the ticket may be nearly as long.
#[test]
fn a_session_that_is_too_large_for_a_ticket_gets_none() {
    let ca = ca("Long CA");
    let server = with_tickets(&good(&ca), |options| options.ca = vec![ca_pem(&ca)]);
    let identity = issue(&ca, &params("client", &[]), &PKCS_ED25519);
    // Extra certificates with a name of this many bytes.
    let filler = |bytes: usize| issue(&ca, &params(&"x".repeat(bytes), &[]), &PKCS_ED25519);
    let own = pem_der(&identity).len();
    let excess = pem_der(&filler(6_000)).len() - 6_000;
    // Leave some of a handshake message's 65,535 bytes free, because the length of ten signatures varies.
    let most = (65_490 - 5 - own) / 10 - 5 - excess;
    for (bytes, resumes) in [(1_000, true), (2_000, false), (most, false)] {
        let filler = filler(bytes).cert;
        for versions in ["TLSv1.2", "TLSv1.3"] {
            let mut options = client_options(Trust::Ca, ca_pem(&ca));
            options.cert =
                Some(NamedPem::new("chain.pem", [identity.cert.pem.clone(), filler.pem.repeat(10)].concat()));
            options.key = Some(identity.key.clone());
            options.versions = Some(versions.to_owned());
            let client = ClientContext::build(options).unwrap();
            assert!(!resumed(&client, &server, NOW), "{versions} {bytes}");
            assert_eq!(resumed(&client, &server, NOW), resumes, "{versions} {bytes}");
        }
    }
}

#[test]
fn sessions_end_with_their_context_and_where_they_are_switched_off() {
    let ca = ca("Ending CA");
    let identity = good(&ca);
    let client = context("TLSv1.2", Trust::Ca, &ca);
    let server_before = server(&identity);
    assert!(!resumed(&client, &server_before, NOW));
    assert!(!resumed(&client, &server(&identity), NOW), "a reloaded server knows no old session");
    let mut options = client_options(Trust::Ca, ca_pem(&ca));
    options.resumption = false;
    let forgetful = ClientContext::build(options).unwrap();
    for _ in 0..2 {
        assert!(!resumed(&forgetful, &server_before, NOW));
    }
    let mut options = server_options(&identity);
    options.session_cache_size = 0;
    let forgetful = ServerContext::build(options).unwrap();
    for versions in ["TLSv1.2", "TLSv1.3"] {
        let client = context(versions, Trust::Ca, &ca);
        for _ in 0..2 {
            assert!(!resumed(&client, &forgetful, NOW));
        }
    }
}

#[test]
fn old_sessions_are_counted_as_timeouts() {
    let ca = ca("Timeout CA");
    let server = server(&good(&ca));
    let client = context("TLSv1.2", Trust::Ca, &ca);
    assert!(!resumed(&client, &server, NOW));
    assert!(!resumed(&client, &server, NOW + Duration::from_secs(301)));
    assert_eq!(server.counters().cache_timeouts.load(Ordering::Relaxed), 1);
}

#[test]
fn the_cache_is_bounded() {
    let ca = ca("Small CA");
    let mut options = server_options(&good(&ca));
    options.session_cache_size = 2;
    let server = ServerContext::build(options).unwrap();
    let clients: Vec<ClientContext> = (0..3).map(|_| context("TLSv1.2", Trust::Ca, &ca)).collect();
    for client in &clients {
        assert!(!resumed(client, &server, NOW));
    }
    assert_eq!(server.sessions().0, 2);
    assert_eq!(server.counters().cache_overflows.load(Ordering::Relaxed), 1);
    assert!(resumed(&clients[2], &server, NOW));
    assert!(!resumed(&clients[0], &server, NOW), "the oldest is forgotten");
    assert_eq!(server.counters().cache_misses.load(Ordering::Relaxed), 1);
}

#[test]
fn a_resumed_session_carries_the_clients_certificate_and_checks_it_again() {
    let ca = ca("Client CA");
    let mut short = params("client", &[]);
    short.not_before = date_time_ymd(2027, 1, 1);
    short.not_after = date_time_ymd(2027, 1, 15);
    let identity = issue(&ca, &short, &PKCS_ED25519);
    // NOW is 15 January 2027, 08:00. The certificate ended at midnight, so start the day before.
    let before = NOW - Duration::from_secs(86_400);
    let mut options = server_options(&good(&ca));
    options.ca = vec![ca_pem(&ca)];
    options.session_timeout = 1_000_000;
    let by_cache = ServerContext::build(options.clone()).unwrap();
    options.ticket_keys = Some(Arc::new(Open([0; 32])));
    let by_ticket = ServerContext::build(options).unwrap();
    for (server, versions) in
        [(&by_cache, "TLSv1.2"), (&by_cache, "TLSv1.3"), (&by_ticket, "TLSv1.2"), (&by_ticket, "TLSv1.3")]
    {
        let mut options = client_options(Trust::Ca, ca_pem(&ca));
        options.cert = Some(identity.cert.clone());
        options.key = Some(identity.key.clone());
        options.versions = Some(versions.to_owned());
        let client = ClientContext::build(options).unwrap();
        assert!(!resumed(&client, server, before));
        let (_, at_server) = Pair::at(&client, server, before, Some(HOST)).connect();
        assert!(at_server.resumed);
        assert_eq!(at_server.verification, Verification::Ca);
        assert_eq!(at_server.peer_chain, [pem_der(&identity)]);
        let (_, at_server) = Pair::at(&client, server, NOW, Some(HOST)).run();
        let expired = |result: &Result<(), TlsError>| {
            matches!(result, Err(TlsError::CertificateRejected { problem: CertificateProblem::Expired { .. }, .. }))
        };
        assert!(expired(&at_server), "{versions}: {at_server:?}");
    }
}

#[test]
fn sessions_are_not_shared_between_contexts() {
    let ca = ca("Sharing CA");
    let server = Arc::new(server(&good(&ca)));
    assert!(!resumed(&context("TLSv1.3", Trust::Ca, &ca), &server, NOW));
    assert!(!resumed(&context("TLSv1.3", Trust::CaAndIdentity, &ca), &server, NOW));
}
