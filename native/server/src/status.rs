//! What the server has counted and negotiated, as SHOW STATUS shows it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use sealwire_core::facts::Facts;
use sealwire_core::tls::{ServerContext, ssl_status};
use sealwire_core::wire::compressed::Algorithm;

use super::state::Server;

/// Every status variable, sorted by name. Without facts of a session those of sessions alone have their values for "off".
pub(crate) fn rows(server: &Server, facts: Option<&Facts>) -> Vec<(&'static str, String)> {
    let counters = &server.counters;
    let of = |counter: &AtomicU64| counter.load(Relaxed).to_string();
    let active = server.tls.active();
    let context: Option<&ServerContext> = active.context.as_ref();
    let mut rows = ssl_status(facts.and_then(|facts| facts.tls.as_ref()), context);
    let settings = &active.options;
    let compression = facts.and_then(|facts| facts.compression);
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let connected = server.registry.len().to_string();
    rows.extend([
        ("Aborted_clients", of(&counters.aborted_clients)),
        ("Aborted_connects", of(&counters.aborted_connects)),
        ("Access_denied_errors", of(&counters.access_denied)),
        ("Bytes_received", of(&counters.bytes_received)),
        ("Bytes_sent", of(&counters.bytes_sent)),
        ("Com_select", of(&counters.com_select)),
        ("Com_show_status", of(&counters.com_show_status)),
        ("Com_stmt_execute", of(&counters.com_stmt_execute)),
        ("Com_stmt_prepare", of(&counters.com_stmt_prepare)),
        ("Compression", if compression.is_some() { "ON" } else { "OFF" }.to_owned()),
        ("Compression_algorithm", compression.map_or("", Algorithm::name).to_owned()),
        ("Compression_level", compression.map_or(0, Algorithm::level).to_string()),
        ("Connection_errors_max_connections", of(&counters.refused_connections)),
        ("Connections", of(&counters.connections)),
        ("Current_tls_ca", text(&settings.ssl_ca)),
        ("Current_tls_capath", text(&settings.ssl_capath)),
        ("Current_tls_cert", text(&settings.ssl_cert)),
        ("Current_tls_cipher", text(&settings.ssl_cipher)),
        ("Current_tls_ciphersuites", text(&settings.tls_ciphersuites)),
        ("Current_tls_crl", text(&settings.ssl_crl)),
        ("Current_tls_crlpath", text(&settings.ssl_crlpath)),
        ("Current_tls_key", text(&settings.ssl_key)),
        ("Current_tls_session_ticket_key", text(&settings.ssl_session_ticket_key)),
        ("Current_tls_version", text(&settings.tls_version)),
        ("Max_used_connections", of(&counters.max_used_connections)),
        ("Open_tables", "0".to_owned()),
        ("Opened_tables", "0".to_owned()),
        ("Prepared_stmt_count", of(&counters.prepared_statements)),
        ("Queries", of(&counters.questions)),
        ("Questions", of(&counters.questions)),
        ("Slow_queries", "0".to_owned()),
        ("Threads_cached", "0".to_owned()),
        ("Threads_connected", connected),
        ("Threads_running", (counters.threads_running.load(Relaxed) + 1).to_string()),
        ("Tls_library_version", LIBRARY.to_owned()),
        ("Uptime", server.uptime.total().as_secs().to_string()),
        ("Uptime_since_flush_status", server.uptime.since_flush().as_secs().to_string()),
    ]);
    rows.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    rows
}

/// Whether a variable says something else of each session.
pub(crate) fn is_of_session(name: &str) -> bool {
    matches!(
        name,
        "Compression"
            | "Compression_algorithm"
            | "Compression_level"
            | "Ssl_cipher"
            | "Ssl_cipher_list"
            | "Ssl_default_timeout"
            | "Ssl_sessions_reused"
            | "Ssl_verify_depth"
            | "Ssl_verify_mode"
            | "Ssl_version"
    )
}

/// What does the cryptography.
pub(crate) const LIBRARY: &str = "rustls 0.23 with AWS-LC";

/// The answer to COM_STATISTICS; the mysql client prints it under `\s`.
pub(crate) fn statistics(server: &Server) -> String {
    let uptime = server.uptime.total().as_secs();
    let questions = server.counters.questions.load(Relaxed);
    let average = questions as f64 / uptime.max(1) as f64;
    format!(
        "Uptime: {uptime}  Threads: {}  Questions: {questions}  Slow queries: 0  Opens: 0  Open tables: 0  Queries per second avg: {average:.3}",
        server.registry.len()
    )
}
