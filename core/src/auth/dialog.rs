//! `dialog`: MariaDB's PAM plugin asks the user for a password, a one-time code, and whatever else its modules want to know.
//!
//! The first byte of a question says whether the answer is secret (4) or not (2); its lowest bit marks the last question.

use alloc::vec::Vec;
use core::fmt;

use super::{AuthError, clear_password};
use crate::secret::Secret;

/// Answers the server's questions.
pub trait Dialog: fmt::Debug + Send + Sync {
    /// The answer to a question, whose bytes the server chose. `hidden` says that the answer must not be seen while it is typed. `None`
    /// ends the login.
    fn ask(&self, question: &[u8], hidden: bool) -> Option<Secret>;
}

/// The reply to a question. The first secret one is answered with the password, if there is one. Without a question the password is
/// requested, too.
pub(super) fn reply(
    question: &[u8],
    is_first: bool,
    password: &[u8],
    dialog: Option<&dyn Dialog>,
) -> Result<Vec<u8>, AuthError> {
    const HIDDEN: u8 = 2;
    let (kind, text) = match question {
        [] => return Ok(clear_password::reply(password)),
        [kind, text @ ..] => (kind >> 1, text),
    };
    if is_first && kind == HIDDEN && !password.is_empty() {
        return Ok(clear_password::reply(password));
    }
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    let answer = dialog.and_then(|dialog| dialog.ask(text, kind == HIDDEN)).ok_or(AuthError::NoAnswer)?;
    Ok(clear_password::reply(answer.expose()))
}
