//! Sealwire's client for web pages.
//!
//! The package that a page imports has two layers. This crate is the lower one: the protocol core with its TLS, as a state machine that
//! JavaScript supplies with bytes and time (`machine`, on wasm only). The upper one, `wasm/js`, is the driver: it owns the WebSocket, the
//! promises and the typed API.
//!
//! With the feature `log` the module reads binary logs; the package has a module of its own for it, because most pages read none.
//!
//! With the feature `lab` the module also has the page's laboratory: a server and a client over a network in memory.
//!
//! On wasm all freed memory is overwritten with zeros, so that no password or key outlives its connection.

pub mod batch;
pub mod capture;
#[cfg(feature = "log")]
pub mod changes;
#[cfg(target_arch = "wasm32")]
pub mod js;
#[cfg(all(target_arch = "wasm32", feature = "lab"))]
pub mod lab;
#[cfg(feature = "log")]
pub mod log;
#[cfg(all(target_arch = "wasm32", feature = "log"))]
pub mod log_reader;
#[cfg(all(target_arch = "wasm32", feature = "client"))]
pub mod machine;
pub mod meaning;
pub mod options;
pub mod post_quantum;
pub mod provider;
pub mod recorder;
pub mod report;
pub mod request;

/// Overwrites freed memory, because other code in the page can read the page's memory.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static WIPING: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);
