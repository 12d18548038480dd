//! The status variables about TLS, `Ssl_…` and `Tls_…`, one row each. A server lists them with its own in SHOW STATUS.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use super::{Counters, ServerContext, date_text};
use crate::facts::TlsFacts;

/// A status variable about TLS.
#[derive(Debug)]
pub struct StatusVariable {
    /// Its name, as `Ssl_cipher`.
    pub name: &'static str,
    /// Whether each session has its own value, so that the server has no global one.
    pub is_of_session: bool,
    read: fn(&StatusContext<'_>) -> String,
}

impl StatusVariable {
    /// The value of the variable. `session` has the parameters of the asking connection, `server` the server's context. Without them the
    /// value is the one that MySQL shows without TLS.
    pub fn value(&self, session: Option<&TlsFacts>, server: Option<&ServerContext>) -> String {
        (self.read)(&StatusContext { session, server })
    }
}

/// Every status variable about TLS, in the order of SHOW STATUS.
pub const STATUS_VARIABLES: &[StatusVariable] = &[
    of_server("Ssl_accept_renegotiates", |_| zero()),
    of_server("Ssl_accepts", |context| context.count(|counters| &counters.accepts)),
    of_server("Ssl_callback_cache_hits", |_| zero()),
    of_session("Ssl_cipher", |context| context.session.map_or("", |session| session.cipher).to_owned()),
    of_session("Ssl_cipher_list", |context| context.while_secure(context.ciphers(), "")),
    of_server("Ssl_client_connects", |_| zero()),
    of_server("Ssl_connect_renegotiates", |_| zero()),
    of_server("Ssl_ctx_verify_depth", |context| if context.server.is_some() { NO_LIMIT } else { "0" }.to_owned()),
    of_server("Ssl_ctx_verify_mode", |context| context.verify_mode().to_owned()),
    of_session("Ssl_default_timeout", |context| context.while_secure(context.sessions().timeout.to_string(), "0")),
    of_server("Ssl_finished_accepts", |context| context.count(|counters| &counters.finished_accepts)),
    of_server("Ssl_finished_connects", |_| zero()),
    of_server("Ssl_server_not_after", |context| context.date(|server| server.certificate().not_after)),
    of_server("Ssl_server_not_before", |context| context.date(|server| server.certificate().not_before)),
    of_server("Ssl_session_cache_hits", |context| context.count(|counters| &counters.cache_hits)),
    of_server("Ssl_session_cache_misses", |context| context.count(|counters| &counters.cache_misses)),
    of_server("Ssl_session_cache_mode", |context| context.cache_mode().to_owned()),
    of_server("Ssl_session_cache_overflows", |context| context.count(|counters| &counters.cache_overflows)),
    of_server("Ssl_session_cache_size", |context| context.sessions().most.to_string()),
    of_server("Ssl_session_cache_timeout", |context| context.sessions().timeout.to_string()),
    of_server("Ssl_session_cache_timeouts", |context| context.count(|counters| &counters.cache_timeouts)),
    of_session("Ssl_sessions_reused", |context| {
        u8::from(context.session.is_some_and(|session| session.resumed)).to_string()
    }),
    of_server("Ssl_used_session_cache_entries", |context| context.sessions().used.to_string()),
    of_session("Ssl_verify_depth", |context| context.while_secure(NO_LIMIT.to_owned(), "0")),
    of_session("Ssl_verify_mode", |context| context.while_secure(context.verify_mode().to_owned(), "0")),
    of_session("Ssl_version", |context| context.session.map_or("", |session| session.version.name()).to_owned()),
    of_session("Tls_key_exchange_algorithm", |context| {
        context.session.and_then(|session| session.group).unwrap_or_default().to_owned()
    }),
    of_session("Tls_sni_server_name", |context| {
        context.session.and_then(|session| session.sni.clone()).unwrap_or_default()
    }),
];

const fn of_server(name: &'static str, read: fn(&StatusContext<'_>) -> String) -> StatusVariable {
    StatusVariable { name, is_of_session: false, read }
}

const fn of_session(name: &'static str, read: fn(&StatusContext<'_>) -> String) -> StatusVariable {
    StatusVariable { name, is_of_session: true, read }
}

/// OpenSSL's -1 for "no limit", as MySQL prints it.
const NO_LIMIT: &str = "18446744073709551615";
/// `SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE`: clients are asked for a certificate.
const ASKS_FOR_CERTIFICATE: &str = "5";

fn zero() -> String {
    "0".to_owned()
}

/// The session and server from which the variables are read.
struct StatusContext<'a> {
    session: Option<&'a TlsFacts>,
    server: Option<&'a ServerContext>,
}

/// A server's session cache: the number of sessions, their maximum, and their lifetime in seconds.
struct Sessions {
    used: usize,
    most: usize,
    timeout: u64,
}

impl StatusContext<'_> {
    /// `value` if the session is encrypted, otherwise `off`.
    fn while_secure(&self, value: String, off: &str) -> String {
        if self.session.is_some() { value } else { off.to_owned() }
    }

    fn count(&self, counter: fn(&Counters) -> &AtomicU64) -> String {
        self.server.map_or(0, |server| counter(server.counters()).load(Ordering::Relaxed)).to_string()
    }

    /// A date of the server's certificate, in every session, because a monitor may ask over the Unix socket.
    fn date(&self, date: fn(&ServerContext) -> u64) -> String {
        self.server.map_or_else(String::new, |server| date_text(date(server)))
    }

    fn ciphers(&self) -> String {
        self.server.map_or_else(String::new, |server| server.ciphers().collect::<Vec<&str>>().join(":"))
    }

    fn verify_mode(&self) -> &'static str {
        let asks = self.server.is_some_and(ServerContext::asks_for_client_certificate);
        if asks { ASKS_FOR_CERTIFICATE } else { "0" }
    }

    fn sessions(&self) -> Sessions {
        let (used, most, timeout) = self.server.map_or((0, 0, 0), ServerContext::sessions);
        Sessions { used, most, timeout }
    }

    fn cache_mode(&self) -> &'static str {
        match self.server {
            None => "NONE",
            Some(_) if self.sessions().most == 0 => "OFF",
            Some(_) => "SERVER",
        }
    }
}
