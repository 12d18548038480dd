//! Which logins succeed, by plugin and by REQUIRE clause.

use sealwire_core::auth::Plugin;
use sealwire_core::error::Side;
use sealwire_core::facts::{Transport, Verification};
use sealwire_core::tls::Trust;
use sealwire_core::{Error, SqlError};
use sealwire_simnet::{OwnedEvent, Pair};
use serde_json::json;

use crate::world::{PASSWORD, World, pair, plain_client, plain_server};

/// Runs a login; `Ok` where the client is connected.
fn log_in(mut pair: Pair) -> (Pair, Result<(), Error>) {
    let outcome = match pair.run().pop() {
        Some(OwnedEvent::Connected) => Ok(()),
        Some(OwnedEvent::Broken(error)) => Err(error),
        other => panic!("neither connected nor refused: {other:?}"),
    };
    (pair, outcome)
}

fn denied(user: &str, password: &str) -> Error {
    let message = format!("Access denied for user '{user}'@'127.0.0.1' (using password: {password})");
    Error::Refused { by: Side::Server, error: SqlError::new(1045, b"28000", message) }
}

#[test]
fn tls_is_what_both_sides_say_it_is() {
    let world = World::new();
    let (pair, outcome) = log_in(pair(world.client_with_certificate("x509"), world.server()));
    assert_eq!(outcome, Ok(()));
    let (client, server) = (pair.client.facts().tls.clone().unwrap(), pair.server.facts().tls.clone().unwrap());
    assert_eq!((client.version, client.cipher, client.group), (server.version, server.cipher, server.group));
    assert_eq!(client.verification, Verification::CaAndIdentity);
    assert_eq!((server.verification, server.peer_chain.len()), (Verification::Ca, 1));
    assert_eq!(pair.client.facts().capabilities, pair.server.facts().capabilities);
    assert_eq!(pair.client.facts().bytes_out, pair.server.facts().bytes_in);
}

#[test]
fn facts_are_serialised_on_both_sides() {
    let world = World::new();
    let mut client = world.client_with_certificate("x509");
    client.sni = Some("db1".to_owned());
    let (secured, _) = log_in(pair(client, world.server()));
    for (facts, verification) in [(secured.client.facts(), "ca_and_identity"), (secured.server.facts(), "ca")] {
        let tls = facts.tls.as_ref().unwrap();
        let expected = json!({
            "server_version": "8.4.0-sealwire",
            "connection_id": facts.connection_id,
            "capabilities": facts.capabilities.names().collect::<Vec<_>>(),
            "auth_plugin": "caching_sha2_password",
            "transport": "tcp",
            "tls": {
                "version": "TLSv1.3",
                "suite": tls.suite,
                "cipher": "TLS_AES_256_GCM_SHA384",
                "group": tls.group.unwrap(),
                "sni": "db1",
                "alpn": null,
                "resumed": false,
                "peer_chain": tls.peer_chain,
                "verification": verification,
            },
            "bytes_in": facts.bytes_in,
            "bytes_out": facts.bytes_out,
        });
        assert_eq!(serde_json::to_value(facts).unwrap(), expected);
        assert!(expected["capabilities"].as_array().unwrap().contains(&json!("PLUGIN_AUTH")), "{expected}");
        assert!(!tls.peer_chain.is_empty());
    }
    let (plain, _) = log_in(pair(plain_client("native"), plain_server()));
    let mut facts = plain.server.facts().clone();
    facts.transport = Transport::UnixSocket;
    let seen = serde_json::to_value(&facts).unwrap();
    assert_eq!((&seen["tls"], &seen["transport"]), (&json!(null), &json!("unix_socket")));
}

#[test]
fn every_plugin_lets_the_right_password_in_and_no_other_over_tls() {
    let world = World::new();
    for user in ["any", "native", "sha256", "ed25519"] {
        let (pair, outcome) = log_in(pair(world.client(user), world.server()));
        assert_eq!(outcome, Ok(()), "{user}");
        assert_eq!(pair.host.user.as_deref(), Some(user));
        let mut client = world.client(user);
        client.password = "wrong".into();
        let (pair, outcome) = log_in(crate::world::pair(client, world.server()));
        assert_eq!(outcome, Err(denied(user, "YES")), "{user}");
        assert!(pair.host.user.is_none() && pair.host.refusal.is_some(), "{user}");
    }
}

#[test]
fn a_plugin_named_by_the_client_works_where_it_is_not_the_servers_default() {
    let world = World::new();
    for (user, plugin) in [
        ("native", Plugin::MysqlNativePassword),
        ("any", Plugin::CachingSha2Password),
        ("ed25519", Plugin::ClientEd25519),
        ("any", Plugin::MysqlNativePassword),
    ] {
        let mut client = world.client(user);
        client.default_auth = Some(plugin);
        assert_eq!(log_in(pair(client, world.server())).1, Ok(()), "{user} with {plugin}");
    }
}

#[test]
fn a_user_who_does_not_exist_is_refused_like_one_with_a_wrong_password() {
    let world = World::new();
    let (_, outcome) = log_in(pair(world.client("nobody"), world.server()));
    assert_eq!(outcome, Err(denied("nobody", "YES")));
}

#[test]
fn over_a_network_an_account_of_auth_socket_looks_like_one_that_is_not_there() {
    let world = World::new();
    let accounts = "CREATE USER 'word'@'%' IDENTIFIED WITH caching_sha2_password BY 'correct horse battery staple';
                    CREATE USER 'sock'@'%' IDENTIFIED WITH auth_socket;";
    let host = || sealwire_simnet::Host::new(accounts).unwrap();
    let exchange = |client, server| {
        let (pair, outcome) = log_in(Pair::new(client, server, host()));
        // The server's TLS messages contain a signature, whose length varies.
        let signed = if pair.wire.len() > 4 { 3 } else { usize::MAX };
        let lengths = pair.wire.iter().enumerate().filter(|(index, _)| *index != signed);
        (lengths.map(|(_, (toward, bytes))| (*toward, bytes.len())).collect::<Vec<_>>(), outcome)
    };
    for password in [PASSWORD, ""] {
        let client = |user: &str, tls: bool| {
            let mut client = if tls { world.client(user) } else { plain_client(user) };
            client.password = sealwire_core::secret::Secret::from(password);
            client
        };
        for tls in [false, true] {
            let server = || if tls { world.server() } else { plain_server() };
            let (socket, refused) = exchange(client("sock", tls), server());
            let (nobody, _) = exchange(client("none", tls), server());
            assert_eq!(socket, nobody);
            let Err(Error::Refused { error, .. }) = refused else { panic!("{refused:?}") };
            assert!(error.code == 1045 || error.code == 2061, "{error}");
        }
    }
}

#[test]
fn require_clauses_admit_exactly_what_they_name() {
    let world = World::new();
    let plain = |user: &str| pair(plain_client(user), world.server());
    let tls = |user: &str| pair(world.client(user), world.server());
    let with_certificate = |user: &str| pair(world.client_with_certificate(user), world.server());
    for (name, pair, expected) in [
        ("plain native", plain("native"), Ok(())),
        ("plain ssl", plain("ssl"), Err(denied("ssl", "YES"))),
        ("plain x509", plain("x509"), Err(denied("x509", "YES"))),
        ("tls ssl", tls("ssl"), Ok(())),
        ("tls x509 without certificate", tls("x509"), Err(denied("x509", "YES"))),
        ("tls x509", with_certificate("x509"), Ok(())),
        ("subject", with_certificate("subject"), Ok(())),
        ("subject without certificate", tls("subject"), Err(denied("subject", "YES"))),
        ("another subject", with_certificate("other"), Err(denied("other", "YES"))),
    ] {
        assert_eq!(log_in(pair).1, expected, "{name}");
    }
}

#[test]
fn the_log_names_the_clause_and_the_client_is_not_told() {
    let world = World::new();
    let (pair, outcome) = log_in(pair(world.client_with_certificate("other"), world.server()));
    assert_eq!(
        pair.host.refusal.as_deref(),
        Some("'other'@'127.0.0.1': X509 subject mismatch: should be '/CN=somebody else' but is '/CN=client'")
    );
    assert!(!outcome.unwrap_err().to_string().contains("CN="));
}

#[test]
fn require_cipher_holds_the_negotiated_cipher_against_the_clause() {
    let world = World::new();
    for (suite, expected) in
        [("TLS_AES_128_GCM_SHA256", Ok(())), ("TLS_AES_256_GCM_SHA384", Err(denied("cipher", "YES")))]
    {
        let client = world.client_with("cipher", Trust::CaAndIdentity, |options| {
            options.ciphersuites = Some(suite.into());
            options.versions = Some("TLSv1.3".into());
            options.cert = Some(sealwire_core::tls::NamedPem::new("c", world.client_cert.clone()));
            options.key = Some(sealwire_core::tls::NamedPem::new("k", world.client_key.clone()));
        });
        assert_eq!(log_in(pair(client, world.server())).1, expected, "{suite}");
    }
}

#[test]
fn an_account_that_demands_tls_is_refused_on_plaintext_before_any_exchange() {
    let world = World::new();
    let mut client = plain_client("ssl");
    // A plugin that differs from the account's would need an AuthSwitchRequest, if there were an exchange at all.
    client.default_auth = Some(Plugin::MysqlNativePassword);
    let (pair, outcome) = log_in(pair(client, world.server()));
    assert_eq!(outcome, Err(denied("ssl", "YES")));
    let packets_to_client = pair.wire.iter().filter(|(to, _)| *to == sealwire_simnet::Toward::Client).count();
    assert_eq!(packets_to_client, 2, "the greeting and the refusal, nothing between");
}

#[test]
fn require_secure_transport_refuses_plaintext_and_lets_sockets_and_tls_in() {
    let world = World::new();
    let server = || {
        let mut server = world.server();
        server.require_secure_transport = true;
        server
    };
    let (_, outcome) = log_in(pair(plain_client("native"), server()));
    let Err(Error::Refused { error, .. }) = outcome else { panic!("{outcome:?}") };
    assert_eq!((error.code, error.sqlstate), (3159, *b"HY000"));
    assert_eq!(log_in(pair(world.client("native"), server())).1, Ok(()));
    let mut client = plain_client("tester");
    client.transport = Transport::UnixSocket;
    assert_eq!(log_in(pair(client, server())).1, Ok(()));
}

#[test]
fn a_unix_socket_carries_sha2_passwords_and_names_its_user() {
    for user in ["any", "sha256", "tester"] {
        let mut client = plain_client(user);
        client.transport = Transport::UnixSocket;
        assert_eq!(log_in(pair(client, plain_server())).1, Ok(()), "{user}");
    }
    let mut client = plain_client("ssl");
    client.transport = Transport::UnixSocket;
    let (_, outcome) = log_in(pair(client, plain_server()));
    assert!(outcome.is_err(), "a socket is no TLS, REQUIRE SSL wants TLS");
}

#[test]
fn the_password_is_never_on_the_wire_in_any_login() {
    let world = World::new();
    for user in ["any", "ssl", "native", "sha256", "ed25519", "nobody"] {
        for client in [plain_client(user), world.client(user), world.client_with(user, Trust::NoVerification, |_| {})] {
            let mut pair = pair(client, world.server());
            pair.run();
            for (toward, bytes) in &pair.wire {
                let leaked = bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes());
                assert!(!leaked, "{user}: the password went toward {toward:?}");
            }
        }
    }
}

#[test]
fn a_sha2_password_is_not_given_to_a_server_that_nobody_vouches_for() {
    let world = World::new();
    for client in [plain_client("any"), world.client_with("any", Trust::NoVerification, |_| {})] {
        let (_, outcome) = log_in(pair(client, world.server()));
        let Err(Error::Refused { by: Side::Client, error }) = outcome else { panic!("{outcome:?}") };
        assert_eq!((error.code, error.sqlstate), (2061, *b"HY000"), "{error}");
    }
}

/// A server without an RSA key refuses a request for the key over plaintext, with the same advice for existing and missing users.
#[test]
fn a_request_for_the_rsa_key_is_told_to_use_tls() {
    let mut texts = Vec::new();
    for user in ["any", "sha256", "nobody"] {
        let mut client = plain_client(user);
        client.fetch_server_public_key = true;
        let (_, outcome) = log_in(pair(client, plain_server()));
        let Err(Error::Refused { by: Side::Server, error }) = outcome else { panic!("{user}: {outcome:?}") };
        assert_eq!((error.code, error.sqlstate), (1045, *b"28000"), "{error}");
        assert!(error.message.contains("Authentication requires secure connection"), "{error}");
        assert!(error.message.contains("--ssl-mode=REQUIRED"), "{error}");
        texts.push(error.message.replacen(user, "?", 1));
    }
    let nobody = texts.pop().unwrap();
    assert!(texts.contains(&nobody), "it tells who has an account: {texts:?} {nobody}");
}

#[test]
fn tls_that_is_demanded_and_not_offered_sends_nothing() {
    let world = World::new();
    let (pair, outcome) = log_in(pair(world.client("any"), plain_server()));
    let error = outcome.unwrap_err().as_client_error();
    assert_eq!(
        error.to_string(),
        "ERROR 2026 (HY000): SSL connection error: SSL is required but the server doesn't support it"
    );
    assert!(pair.sent(sealwire_simnet::Toward::Server).is_empty());
}

#[test]
fn the_wrong_ca_and_the_wrong_name_each_say_so() {
    let world = World::new();
    let stranger = World::new();
    let (_, outcome) = log_in(pair(stranger.client("any"), world.server()));
    assert!(matches!(outcome, Err(Error::Tls(_))), "{outcome:?}");
    let mut client = world.client("any");
    client.server_name = String::from("db2");
    let (pair, outcome) = log_in(pair(client, world.server()));
    let text = outcome.unwrap_err().to_string();
    assert!(text.contains("db1"), "names whom the certificate is for: {text}");
    assert!(matches!(pair.server_error, Some(Error::Tls(_))), "{:?}", pair.server_error);
    assert!(pair.host.user.is_none());
}

#[test]
fn connecting_takes_no_longer_than_its_timeout() {
    let world = World::new();
    let mut pair = pair(world.client("any"), world.server());
    pair.pass(std::time::Duration::from_secs(31));
    let seen = pair.run();
    assert!(matches!(seen.last(), Some(OwnedEvent::Broken(Error::TimedOut(_)))), "{seen:?}");
    assert!(matches!(pair.server_error, Some(Error::TimedOut(_))), "{:?}", pair.server_error);
}
