//! The status variables.

use sealwire_core::facts::TlsFacts;
use sealwire_core::tls::{STATUS_VARIABLES, ServerContext, Trust};

use crate::support::*;

fn ssl_status(session: Option<&TlsFacts>, server: Option<&ServerContext>) -> Vec<(&'static str, String)> {
    STATUS_VARIABLES.iter().map(|variable| (variable.name, variable.value(session, server))).collect()
}

fn value(status: &[(&'static str, String)], name: &str) -> String {
    status.iter().find(|(key, _)| *key == name).unwrap_or_else(|| panic!("{name}")).1.clone()
}

#[test]
fn without_tls_everything_is_empty_or_zero() {
    let status = ssl_status(None, None);
    for (name, value) in &status {
        let expected = match *name {
            "Ssl_cipher" | "Ssl_cipher_list" | "Ssl_server_not_after" | "Ssl_server_not_before" | "Ssl_version" => "",
            "Tls_key_exchange_algorithm" | "Tls_sni_server_name" => "",
            "Ssl_session_cache_mode" => "NONE",
            _ => "0",
        };
        assert_eq!(value, expected, "{name}");
    }
    let mut sorted = status.clone();
    sorted.sort_by_key(|(name, _)| *name);
    assert_eq!(status, sorted);
}

#[test]
fn a_connection_shows_what_it_negotiated() {
    let mut options = server_options(&Identity { cert: data!("server-cert.pem"), key: data!("server-key.pem") });
    options.ca = vec![data!("ca.pem")];
    options.versions = Some("TLSv1.2".into());
    let server = ServerContext::build(options).unwrap();
    let (_, facts) = Pair::new(&client(Trust::Ca, data!("ca.pem")), &server).connect();
    let status = ssl_status(Some(&facts), Some(&server));
    assert_eq!(value(&status, "Ssl_version"), "TLSv1.2");
    assert_eq!(value(&status, "Ssl_cipher"), "ECDHE-RSA-AES256-GCM-SHA384");
    assert!(value(&status, "Ssl_cipher_list").starts_with("ECDHE-"));
    assert_eq!(value(&status, "Ssl_accepts"), "1");
    assert_eq!(value(&status, "Ssl_finished_accepts"), "1");
    assert_eq!(value(&status, "Ssl_verify_mode"), "5");
    assert_eq!(value(&status, "Ssl_ctx_verify_depth"), "18446744073709551615");
    assert_eq!(value(&status, "Ssl_session_cache_mode"), "SERVER");
    assert_eq!(value(&status, "Ssl_session_cache_size"), "128");
    assert_eq!(value(&status, "Ssl_sessions_reused"), "0");
    assert!(value(&status, "Ssl_server_not_after").ends_with(" GMT"));
    assert_eq!(value(&status, "Tls_sni_server_name"), HOST);
    // Another connection, in plaintext, has the server's counters and no values of this one.
    let other = ssl_status(None, Some(&server));
    assert_eq!(value(&other, "Ssl_finished_accepts"), "1");
    assert_eq!(value(&other, "Ssl_cipher"), "");
    // The certificate is the server's, so that a monitor in plaintext, as over the Unix socket, learns when it ends.
    for date in ["Ssl_server_not_after", "Ssl_server_not_before"] {
        assert_eq!(value(&other, date), value(&status, date));
    }
}
