//! TLS. Only this module uses rustls.
//!
//! A program builds a [`ClientContext`] or a [`ServerContext`] once, from options and a crypto provider, and creates one [`TlsLayer`] per
//! connection from it. The layer converts ciphertext to plaintext and back; it owns no socket and no clock.
//! [`TlsFacts`](crate::facts::TlsFacts) holds the negotiated parameters.
//!
//! Our own verifiers (`client_verifier`, `server_verifier`) check certificates: webpki finds chains of X.509 v3 certificates, `chain` finds
//! those that webpki refuses although MySQL's manual makes them (X.509 v1, self-signed), and `path_validation` judges both.

extern crate std;

mod asn1;
mod attribute_names;
mod certificate;
mod certificates;
mod chain;
pub mod ciphers;
mod client_context;
mod client_verifier;
mod clock;
mod counters;
mod date;
mod error;
mod fingerprint;
mod hostname;
pub mod identity;
mod layer;
mod mode;
mod name_constraints;
mod own_identity;
mod path_validation;
mod pem;
mod private_key;
mod purpose;
mod randomness;
mod rejection;
mod resolver;
mod resumption;
mod revocation;
mod server_context;
mod server_verifier;
mod session;
mod session_cache;
mod signature;
mod signature_cache;
mod status_variables;
mod tickets;
mod versions;

pub use certificates::NamedCertificate;
pub use client_context::{ClientContext, ClientOptions, Trust};
pub use counters::Counters;
pub use date::date_text;
pub use error::{CertificateProblem, ConstraintViolation, ListPeriod, TlsError};
pub use fingerprint::Fingerprint;
pub use identity::{CertificateInfo, Name};
pub use layer::TlsLayer;
pub use mode::SslMode;
pub use pem::NamedPem;
pub use private_key::unusable_key;
pub use server_context::{ListInfo, OwnCertificate, ServerContext, ServerOptions};
pub use signature::verify_issued_by;
pub use status_variables::{STATUS_VARIABLES, StatusVariable};
pub use tickets::TicketKeys;
