//! Whole runs over TCP in virtual time with real cryptography: certificates, REQUIRE clauses, attackers, bad lines.

use sealwire_simnet::{
    AccountSide, Attacker, ClientCertificate, ClientSide, Network, Outcome, Run, Rung, RungEvent, Scenario,
    ServerCertificate, ServerSide, Stage, Toward, seeded,
};

fn stage() -> Stage {
    Stage::new(seeded(rustls::crypto::ring::default_provider()))
}

fn run(scenario: &Scenario) -> Run {
    let run = stage().run(scenario).unwrap();
    assert!(!run.stuck, "{run:?}");
    run
}

fn only(run: &Run) -> &Outcome {
    assert_eq!(run.connections.len(), 1);
    &run.connections[0]
}

/// The client's error, and whether the server logged anybody in.
fn refusal(run: &Run) -> (u16, String, bool) {
    let outcome = only(run);
    assert_eq!(outcome.client.connected_us, None, "{outcome:?}");
    let failure = outcome.client.failure.clone().unwrap();
    (failure.code, failure.message, outcome.server.connected_us.is_some())
}

#[test]
fn a_good_line_connects_and_both_sides_have_the_same_facts() {
    let run = run(&Scenario::default());
    let Outcome { client, server, answers, without_deadline } = only(&run);
    assert_eq!(answers, &["Ssl_cipher\tTLS_AES_256_GCM_SHA384"]);
    assert_eq!((&client.failure, &server.failure, *without_deadline), (&None, &None, 0));
    let (seen, shown) = (client.facts.tls.clone().unwrap(), server.facts.tls.clone().unwrap());
    assert_eq!((&seen.version, &seen.cipher, &seen.group), (&shown.version, &shown.cipher, &shown.group));
    assert_eq!(
        (seen.verification.as_str(), seen.peer.unwrap().subject.as_str()),
        ("ca-and-identity", "/O=Sealwire/CN=db.example.com")
    );
    assert_eq!(client.facts.bytes_out, server.facts.bytes_in);
    // The client has quit, so nobody reads the server's last bytes.
    assert!(client.facts.bytes_in <= server.facts.bytes_out);
}

#[test]
fn a_run_is_a_function_of_its_seed() {
    let network = Network {
        loss: 500,
        duplication: 300,
        reordering: 500,
        corruption: 200,
        jitter_us: 4_000,
        ..Network::default()
    };
    let scenario = move |seed| Scenario { seed, network: network.clone(), connections: 3, ..Scenario::default() };
    let first = run(&scenario(7));
    // A run does not depend on the order of runs, nor on earlier runs in the thread.
    let mut stage = stage();
    let other = stage.run(&scenario(8)).unwrap();
    assert_ne!(other.hash, first.hash);
    assert!(stage.run(&scenario(7)).unwrap() == first);
    let elsewhere = std::thread::spawn(move || run(&scenario(7))).join().unwrap();
    assert!(elsewhere == first);
}

#[test]
fn certificates_are_judged_by_the_mode() {
    let with = |certificate, mode: &str| Scenario {
        client: ClientSide { ssl_mode: mode.into(), ..ClientSide::default() },
        server: ServerSide { certificate: Some(certificate), ..ServerSide::default() },
        // Without verification, only a scramble of the password is sent.
        account: AccountSide { cached: true, ..AccountSide::default() },
        ..Scenario::default()
    };
    use ServerCertificate::{Expired, Good, V1, WrongCa, WrongName};
    for (certificate, refused_by) in [
        (Good, &[][..]),
        (V1, &[]),
        (WrongName, &["VERIFY_IDENTITY"]),
        (Expired, &["VERIFY_CA", "VERIFY_IDENTITY"]),
        (WrongCa, &["VERIFY_CA", "VERIFY_IDENTITY"]),
    ] {
        for mode in ["PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] {
            let run = run(&with(certificate, mode));
            if refused_by.contains(&mode) {
                let (code, message, let_in) = refusal(&run);
                assert_eq!((code, let_in), (2026, false), "{certificate:?} {mode}: {message}");
                assert!(only(&run).client.failure.as_ref().unwrap().hint.is_some(), "{message}");
            } else {
                assert_eq!(only(&run).client.failure, None, "{certificate:?} {mode}");
            }
        }
    }
}

#[test]
fn client_certificates_are_judged_by_the_server() {
    let with = |certificate| Scenario {
        client: ClientSide { certificate, ..ClientSide::default() },
        account: AccountSide { require: "REQUIRE X509".into(), ..AccountSide::default() },
        ..Scenario::default()
    };
    use ClientCertificate::{Expired, Good, None, V1, WrongCa};
    for certificate in [Good, V1] {
        assert_eq!(only(&run(&with(certificate))).client.failure, Option::None, "{certificate:?}");
    }
    let none = run(&with(None));
    assert_eq!(refusal(&none).0, 1045);
    let log = only(&none).server.failure.clone().unwrap().log.unwrap();
    assert!(log.contains("X509"), "{log}");
    for certificate in [Expired, WrongCa] {
        let (code, message, let_in) = refusal(&run(&with(certificate)));
        assert!(matches!(code, 2026 | 2013) && !let_in, "{certificate:?}: {code} {message}");
    }
}

#[test]
fn every_attacker_is_refused() {
    let with = |attacker| Scenario { attacker: Some(attacker), ..Scenario::default() };
    for (attacker, code) in [
        (Attacker::StripSsl, 2026),
        (Attacker::InjectAfterSslRequest { query: "DROP TABLE t".into() }, 2026),
        (Attacker::InjectAfterGreeting, 2027),
        (Attacker::SwapCertificate, 2026),
        (Attacker::DowngradeVersion, 2026),
        (Attacker::Cut { toward: Toward::Client, at: 400 }, 2013),
        (Attacker::Stall { toward: Toward::Server, at: 40 }, 2013),
        (Attacker::HalfClose { toward: Toward::Client, at: 300 }, 2013),
        (Attacker::Flip { toward: Toward::Client, at: 500, mask: 1 }, 2026),
        (Attacker::Remove { toward: Toward::Server, at: 100, count: 3 }, 2013),
        (Attacker::Insert { toward: Toward::Server, at: 36, bytes: vec![1, 2, 3, 4, 5, 6] }, 2026),
        (Attacker::Replay { toward: Toward::Client, at: 90, count: 10 }, 2026),
    ] {
        let run = run(&with(attacker.clone()));
        let (found, message, let_in) = refusal(&run);
        assert!(!let_in, "{attacker:?}");
        assert_eq!(found, code, "{attacker:?}: {message}");
        assert_eq!(run.intercepted, b"", "{attacker:?}");
        let noted = |rung: &Rung| rung.side == "attacker" && matches!(rung.event, RungEvent::Note { .. });
        assert!(run.ladder.iter().any(noted), "{attacker:?}");
    }
}

#[test]
fn an_attacker_who_only_passes_on_changes_nothing_but_the_time() {
    let run = run(&Scenario { attacker: Some(Attacker::Idle), ..Scenario::default() });
    assert_eq!(only(&run).client.failure, None);
    assert_eq!(only(&run).answers.len(), 1);
}

#[test]
fn a_client_that_does_not_verify_is_read_but_gives_no_password_away() {
    let mut scenario = Scenario { attacker: Some(Attacker::SwapCertificate), ..Scenario::default() };
    scenario.client.ssl_mode = "REQUIRED".into();
    let full = run(&scenario);
    assert_eq!(refusal(&full).0, 2061, "the full exchange wants the password");
    scenario.account.cached = true;
    scenario.client.queries = vec!["SELECT 'the marked row'".into()];
    let fast = run(&scenario);
    assert_eq!(only(&fast).client.failure, None);
    let read = |text: &str| fast.intercepted.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(read("the marked row") && !read(&scenario.client.password));
}

#[test]
fn a_bad_line_connects_in_the_end() {
    let network = Network {
        latency_us: 40_000,
        jitter_us: 30_000,
        bandwidth: Some(20_000),
        loss: 300,
        duplication: 300,
        reordering: 500,
        corruption: 100,
        mtu: 576,
        ..Network::default()
    };
    for seed in 0..20 {
        let mut scenario = Scenario { seed, network: network.clone(), ..Scenario::default() };
        scenario.client.connect_timeout = 600;
        scenario.server.connect_timeout = 600;
        scenario.chunk = Some(3);
        let run = run(&scenario);
        assert_eq!(only(&run).client.failure, None, "seed {seed}");
    }
}

#[test]
fn texts_that_make_no_scenario_are_refused_with_a_reason() {
    let mut scenario = Scenario::default();
    scenario.account.require = "REQUIRE BOGUS".into();
    assert!(stage().run(&scenario).unwrap_err().contains("BOGUS"));
    scenario = Scenario::default();
    scenario.client.ssl_mode = "SOMETIMES".into();
    assert!(stage().run(&scenario).unwrap_err().contains("SOMETIMES"));
    scenario = Scenario::default();
    scenario.account.plugin = "'; DROP USER".into();
    assert!(stage().run(&scenario).is_err());
}

#[test]
fn a_scenario_is_json_and_its_gaps_have_defaults() {
    let scenario: Scenario = serde_json::from_str(
        r#"{"seed": 3, "attacker": {"kind": "cut", "toward": "server", "at": 7}, "account": {"require": "REQUIRE SSL"}}"#,
    )
    .unwrap();
    assert_eq!(scenario.attacker, Some(Attacker::Cut { toward: Toward::Server, at: 7 }));
    assert_eq!(scenario.account.user, "learner");
    let run = run(&scenario);
    let back: Run = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
    assert!(back == run);
}
