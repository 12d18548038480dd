#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// For wasm32, `#[test]` is wasm-bindgen's.
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
mod toward;

pub use attacker::Attacker;
pub use host::{Host, Step};
pub use middle::{Middle, Relay};
pub use net::Network;
pub use pair::{Delivery, Filter, OwnedEvent, Pair};
pub use provider::{SEEDED_RANDOM, SeededRandom, reseed, seeded};
pub use run::{FactsReport, Failure, Outcome, PeerReport, Run, Rung, RungEvent, SideResult, TlsReport};
pub use scenario::{
    AccountSide, ClientCertificate, ClientSide, ClockJump, START, Scenario, ServerCertificate, ServerSide,
};
pub use seeded::Seeded;
pub use stage::{Machines, Stage};
pub use toward::Toward;
