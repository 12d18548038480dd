//! The bodies of the fuzz targets. `tests/fuzz` runs them under libFuzzer; the ordinary tests run them over the corpus.
//!
//! A body takes any bytes. It panics where an invariant is broken, and for no other reason.

mod accounts;
mod bridge;
mod client;
mod events;
mod frames;
mod lexer;
mod messages;
mod options;
mod pem;
mod proxy;
mod proxy_header;
mod proxy_seeds;
mod rows;
mod script;
mod seeds;
mod server;
mod sql;

pub use seeds::seeds;

/// A fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is also that of the libFuzzer program and of its corpus.
    pub name: &'static str,
    /// Runs the body once.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: [Target; 14] = [
    Target { name: "messages", run: messages::run },
    Target { name: "frames", run: frames::run },
    Target { name: "accounts", run: accounts::run },
    Target { name: "options", run: options::run },
    Target { name: "pem", run: pem::run },
    Target { name: "client", run: client::run },
    Target { name: "server", run: server::run },
    Target { name: "bridge", run: bridge::run },
    Target { name: "sql", run: sql::run },
    Target { name: "lexer", run: lexer::run },
    Target { name: "events", run: events::run },
    Target { name: "rows", run: rows::run },
    Target { name: "proxy_header", run: proxy_header::run },
    Target { name: "proxy", run: proxy::run },
];

/// The target of that name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
