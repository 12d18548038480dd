//! Turns `--ssl…` and `--tls…` options into a TLS policy, in one place for client and server.
//!
//! A client puts [`CLIENT`] into its [`Program::tables`](crate::Program::tables), a server [`SERVER`]; then:
//!
//! ```no_run
//! # fn client(values: &sealwire_options::Values) -> Result<(), String> {
//! use sealwire_options::tls::{ClientTlsOptions, ServerTlsOptions};
//! use sealwire_core::facts::Transport;
//! use sealwire_core::tls::ClientContext;
//!
//! let choice = ClientTlsOptions::resolve(values, Transport::Tcp)?;
//! for note in &choice.notes {
//!     eprintln!("sealwire: [Note] {note}");
//! }
//! match choice.options {
//!     Some(options) => drop(ClientContext::build(options).map_err(|error| error.to_string())?),
//!     None => println!("plaintext, mode {}", choice.mode),
//! }
//! # Ok(())
//! # }
//! # fn server(values: &sealwire_options::Values) -> Result<(), String> {
//! # use sealwire_options::tls::ServerTlsOptions;
//! let settings = ServerTlsOptions::resolve(values, std::path::Path::new("/var/lib/sealwire"))?;
//! if let Some(_directory) = settings.generate_in() {
//!     // The program makes a certificate there first.
//! }
//! let options = settings.load()?; // again after ALTER INSTANCE RELOAD TLS; None: TLS is off
//! # Ok(())
//! # }
//! ```
//!
//! The client's policy, by the options given (`off` is `--ssl=0`, `--skip-ssl` or `--disable-ssl`, in any place):
//!
//! | given | mode | the server's certificate must |
//! | --- | --- | --- |
//! | `off`, whatever else is given | DISABLED | – |
//! | `--ssl-mode` | that one | as MySQL has it; VERIFY_IDENTITY without a CA: chain to the system's roots |
//! | `--ssl-fp`, `--ssl-fplist` | REQUIRED | have that fingerprint |
//! | `--ssl-verify-server-cert` | VERIFY_IDENTITY | chain to the CA given, else to the system's roots, and carry the host's name |
//! | `--ssl-ca`, `--ssl-capath` | VERIFY_CA | chain to the CA given |
//! | `--skip-ssl-verify-server-cert` alone | REQUIRED | – (with a note that says so) |
//! | any other, or nothing over TCP | VERIFY_IDENTITY | chain to the system's roots and carry the name, or be remembered |
//! | nothing, over a Unix socket | DISABLED | – |
//!
//! With the environment variable `SSLKEYLOGFILE` both write their session keys to the file it names, for Wireshark.

mod advice;
mod client;
mod files;
pub mod health;
mod key_log;
mod server;
mod server_variables;
mod set;
mod ticket_key;
mod tickets;
pub mod watch;

pub use advice::{authority_advice, certificate_advice};
pub use client::{CLIENT, CONNECTOR_C, ClientTlsChoice, ClientTlsOptions};
pub use files::open_to_others;
pub use files::{passphrase, passphrase_file};
pub use key_log::key_log_file;
pub use server::SERVER_GENERATE;
pub use server_variables::{SERVER, SERVER_VARIABLES, ServerTlsOptions, TlsVariable};
pub use set::Files;
