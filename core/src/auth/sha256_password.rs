//! `sha256_password`: always sends the password itself, protected by TLS or RSA.
//!
//! Source: MySQL's protocol documentation, "SHA256", and `sql/auth/sha2_password.cc`.

use super::credential::verify_sha2;
use super::{Credential, ServerContext, ServerStep, clear_password};

/// The byte by which the client requests the server's RSA key.
pub(super) const REQUEST_PUBLIC_KEY: u8 = 1;

/// The server's verdict. An insecure connection is denied, because the server has no RSA key.
pub(super) fn judge(credential: &Credential, reply: &[u8], context: &ServerContext<'_>) -> ServerStep {
    if clear_password::is_empty(reply) {
        return ServerStep::verdict(matches!(credential, Credential::Empty), false);
    }
    let verifier = match credential {
        Credential::Sha256(verifier) => Some(verifier),
        _ => None,
    };
    match clear_password::password(reply, context) {
        Ok(password) => ServerStep::verdict(verify_sha2(verifier, password, context.decoy_rounds), true),
        Err(verdict) => verdict,
    }
}
