//! Sealwire's client for web pages.
//!
//! The package that a page imports is made of two layers. This crate is the lower one: the protocol core with its TLS, as a machine
//! that JavaScript feeds with bytes and time (`machine`, on wasm only). The upper one, `wasm/js`, is the driver: it owns the
//! WebSocket, the promises and the typed API.
//!
//! With the feature `lab` the module has the page's laboratory, too: a server and a client over a network in memory.
//!
//! Everything freed is overwritten with zeros on wasm, so that passwords and keys are gone when their connection is.

pub mod batch;
pub mod capture;
#[cfg(all(target_arch = "wasm32", feature = "lab"))]
pub mod lab;
#[cfg(all(target_arch = "wasm32", feature = "client"))]
pub mod machine;
pub mod meaning;
pub mod options;
pub mod post_quantum;
pub mod provider;
pub mod recorder;
pub mod report;

/// Overwrites what is freed: a page's memory can be read by whatever else runs in it.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static WIPING: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);
