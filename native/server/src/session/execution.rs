//! A statement that was read and is still to be carried out.

use sealwire_core::error::SqlError;

use super::Session;
use super::answer::Answer;

/// Carries the statement out.
pub(super) type Execution = Box<dyn FnOnce(&mut Session) -> Result<Answer, SqlError>>;
