//! A network in memory for the core, in virtual time.
//!
//! [`Pair`] joins a client and a server machine by a pair of pipes: it delivers bytes whole, one by one or in any chunks, lets
//! a filter alter them on the way, and keeps what each side said. [`Host`] is the application on the server's side: accounts,
//! and an engine of a few words.
//!
//! [`Stage`] puts the machines on a real TCP/IP stack (smoltcp) with a [`Network`] between them that delays, loses, doubles,
//! reorders and damages packets, and, if wanted, an [`Attacker`] in the middle. A [`Scenario`] says all of it, a [`Run`] says
//! what came of it: what each side negotiated or why it failed, every message with its time, the packets as a pcap file, and
//! a hash of them. A run is a function of its scenario, natively and in the browser, to the byte.
#![forbid(unsafe_code)]

// There `#[test]` is wasm-bindgen's.
#[cfg(all(test, target_arch = "wasm32"))]
#[macro_use]
extern crate sealwire_wasm_tests;

mod attacker;
mod certificates;
mod ends;
mod host;
mod impostor;
mod middle;
pub mod net;
mod pair;
mod provider;
mod run;
mod scenario;
mod seeded;
mod stage;

pub use attacker::Attacker;
pub use host::{Host, Step};
pub use middle::{Middle, Relay};
pub use net::Network;
pub use pair::{Delivery, Filter, Pair, Seen, Toward};
pub use provider::{SEEDED_RANDOM, SeededRandom, reseed, seeded};
pub use run::{Ending, FactsReport, Failure, Outcome, PeerReport, Run, Rung, RungEvent, TlsReport};
pub use scenario::{
    AccountSide, ClientCertificate, ClientSide, ClockJump, START, Scenario, ServerCertificate, ServerSide,
};
pub use seeded::Seeded;
pub use stage::{Machines, Stage};
