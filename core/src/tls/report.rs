//! The status variables that speak of TLS.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use super::{ServerContext, date_text};
use crate::facts::TlsFacts;

/// OpenSSL's "no limit", -1, as MySQL prints it.
const NO_LIMIT: &str = "18446744073709551615";
/// `SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE`: clients are asked for a certificate.
const ASKS_FOR_CERTIFICATE: &str = "5";

/// Every `Ssl_%` and `Tls_%` variable with its value, in the order of `SHOW STATUS`. `session` is what the asking connection
/// negotiated, `server` the context of the server; without them the variables have the values that MySQL shows for "off".
pub fn ssl_status(session: Option<&TlsFacts>, server: Option<&ServerContext>) -> Vec<(&'static str, String)> {
    let of_session = |value: &str, off: &str| if session.is_some() { value.to_owned() } else { off.to_owned() };
    let of_server = |value: &str, off: &str| if server.is_some() { value.to_owned() } else { off.to_owned() };
    let count = |counter: fn(&super::Counters) -> &AtomicU64| {
        server.map_or(0, |server| counter(server.counters()).load(Ordering::Relaxed)).to_string()
    };
    let date = |date: fn(&ServerContext) -> u64| match (session, server) {
        (Some(_), Some(server)) => date_text(date(server)),
        _ => String::new(),
    };
    let asks = server.is_some_and(ServerContext::asks_for_client_certificate);
    let verify_mode = if asks { ASKS_FOR_CERTIFICATE } else { "0" };
    let ciphers = server.map_or_else(String::new, |server| server.ciphers().collect::<Vec<&str>>().join(":"));
    let (used, size, timeout) = server.map_or((0, 0, 0), ServerContext::sessions);
    let cache_mode = match server {
        None => "NONE",
        Some(_) if size == 0 => "OFF",
        Some(_) => "SERVER",
    };
    let zero = || "0".to_owned();
    Vec::from([
        ("Ssl_accept_renegotiates", zero()),
        ("Ssl_accepts", count(|counters| &counters.accepts)),
        ("Ssl_callback_cache_hits", zero()),
        ("Ssl_cipher", session.map_or("", |session| session.cipher).to_owned()),
        ("Ssl_cipher_list", of_session(&ciphers, "")),
        ("Ssl_client_connects", zero()),
        ("Ssl_connect_renegotiates", zero()),
        ("Ssl_ctx_verify_depth", of_server(NO_LIMIT, "0")),
        ("Ssl_ctx_verify_mode", verify_mode.to_owned()),
        ("Ssl_default_timeout", of_session(&timeout.to_string(), "0")),
        ("Ssl_finished_accepts", count(|counters| &counters.finished_accepts)),
        ("Ssl_finished_connects", zero()),
        ("Ssl_server_not_after", date(|server| server.certificate().not_after)),
        ("Ssl_server_not_before", date(|server| server.certificate().not_before)),
        ("Ssl_session_cache_hits", count(|counters| &counters.cache_hits)),
        ("Ssl_session_cache_misses", count(|counters| &counters.cache_misses)),
        ("Ssl_session_cache_mode", cache_mode.to_owned()),
        ("Ssl_session_cache_overflows", count(|counters| &counters.cache_overflows)),
        ("Ssl_session_cache_size", size.to_string()),
        ("Ssl_session_cache_timeout", timeout.to_string()),
        ("Ssl_session_cache_timeouts", count(|counters| &counters.cache_timeouts)),
        ("Ssl_sessions_reused", u8::from(session.is_some_and(|session| session.resumed)).to_string()),
        ("Ssl_used_session_cache_entries", used.to_string()),
        ("Ssl_verify_depth", of_session(NO_LIMIT, "0")),
        ("Ssl_verify_mode", of_session(verify_mode, "0")),
        ("Ssl_version", session.map_or("", |session| session.version.name()).to_owned()),
        ("Tls_key_exchange_algorithm", session.and_then(|session| session.group).unwrap_or_default().to_owned()),
        ("Tls_sni_server_name", session.and_then(|session| session.sni.clone()).unwrap_or_default()),
    ])
}
