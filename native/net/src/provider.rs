//! The cryptography provider of every program here.

use std::sync::{Arc, LazyLock};

use rustls::crypto::{CryptoProvider, aws_lc_rs};

pub(crate) static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));

/// AWS-LC through rustls, with X25519MLKEM768 offered first. The process has one provider.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}
