//! The server's one certificate, and the ear for the name that the client calls the server by.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use core::cell::RefCell;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::std::thread_local;

thread_local! {
    /// rustls tells the name nowhere else to a session without buffers; it asks for the certificate on the thread that feeds it.
    static HEARD: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The name in the ClientHello that this thread fed to a session since it last asked.
pub(super) fn heard() -> Option<String> {
    HEARD.take()
}

/// Answers every ClientHello with the same certificate.
#[derive(Debug)]
pub(super) struct Resolver(pub(super) Arc<CertifiedKey>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        HEARD.set(hello.server_name().map(ToOwned::to_owned));
        Some(Arc::clone(&self.0))
    }
}
