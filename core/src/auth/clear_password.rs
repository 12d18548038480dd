//! `mysql_clear_password`: the password and one NUL; and what the plugins share that send it so.
//!
//! Source: MySQL's protocol documentation, "Clear text client plugin".

use alloc::vec::Vec;

use subtle::ConstantTimeEq;

use super::credential::{LONGEST_PASSWORD, verify_sha2};
use super::{Credential, ServerContext, ServerStep, native_password};

/// The password as it is sent.
pub(super) fn reply(password: &[u8]) -> Vec<u8> {
    let mut reply = Vec::with_capacity(password.len() + 1);
    reply.extend_from_slice(password);
    reply.push(0);
    reply
}

/// Whether a reply stands for the empty password.
pub(super) const fn is_empty(reply: &[u8]) -> bool {
    matches!(reply, [] | [0])
}

/// The password in a reply; the verdict where it can't be one, or others could read it.
pub(super) const fn password<'a>(reply: &'a [u8], context: &ServerContext<'_>) -> Result<&'a [u8], ServerStep> {
    match reply {
        _ if !context.secure => Err(ServerStep::NotSecure),
        [password @ .., 0] if password.len() <= LONGEST_PASSWORD => Ok(password),
        _ => Err(ServerStep::Denied { using_password: true }),
    }
}

/// The server's verdict, against whatever the account keeps of its password.
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
