//! `mysql_clear_password`: sends the password and one NUL. Other plugins that send the password itself share this code.
//!
//! Source: MySQL's protocol documentation, "Clear text client plugin".

use alloc::vec::Vec;

use subtle::ConstantTimeEq;

use super::credential::{LONGEST_PASSWORD, verify_sha2};
use super::{Credential, ServerContext, ServerStep, native_password};

/// The password as the client sends it.
pub(super) fn reply(password: &[u8]) -> Vec<u8> {
    let mut reply = Vec::with_capacity(password.len() + 1);
    reply.extend_from_slice(password);
    reply.push(0);
    reply
}

/// Whether a reply means the empty password.
pub(super) const fn is_empty(reply: &[u8]) -> bool {
    matches!(reply, [] | [0])
}

/// The password in a reply. The error is the verdict if the connection is insecure or the reply is not a valid password.
pub(super) const fn password<'a>(reply: &'a [u8], context: &ServerContext<'_>) -> Result<&'a [u8], ServerStep> {
    match reply {
        _ if !context.secure => Err(ServerStep::NotSecure),
        [password @ .., 0] if password.len() <= LONGEST_PASSWORD => Ok(password),
        _ => Err(ServerStep::Denied { using_password: true }),
    }
}

/// The server's verdict, for every kind of stored credential.
pub(super) fn judge(credential: &Credential, reply: &[u8], context: &ServerContext<'_>) -> ServerStep {
    if is_empty(reply) {
        return ServerStep::verdict(matches!(credential, Credential::Empty), false);
    }
    let password = match password(reply, context) {
        Ok(password) => password,
        Err(verdict) => return verdict,
    };
    let matches = match credential {
        Credential::Native(kept) => native_password::stage2(password).ct_eq(kept).into(),
        Credential::CachingSha2(verifier) | Credential::Sha256(verifier) => verify_sha2(Some(verifier), password, None),
        _ => verify_sha2(None, password, context.decoy_rounds),
    };
    ServerStep::verdict(matches, true)
}
