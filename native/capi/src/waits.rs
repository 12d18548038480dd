//! The events for which a call waits, and the call meanwhile.

use std::any::Any;
use std::ffi::{c_int, c_void};
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use sealwire_net::clock;

const WAIT_READ: c_int = 1;
const WAIT_WRITE: c_int = 2;
pub(crate) const WAIT_TIMEOUT: c_int = 8;

/// Whether a call waits itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The call returns when it is over.
    Blocking,
    /// The call returns before it would wait. The program may have waited for as long as it was asked to.
    NonBlocking { timed_out: bool },
}

/// The events for which a suspended call waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) read: bool,
    pub(crate) write: bool,
    /// The time on the monotonic clock at which the wait is over.
    pub(crate) until: Option<Duration>,
}

impl Wanted {
    /// The events as `_start` and `_cont` return them.
    pub(crate) fn mask(self) -> c_int {
        let bit = |is_wanted, bit| if is_wanted { bit } else { 0 };
        bit(self.read, WAIT_READ) | bit(self.write, WAIT_WRITE) | bit(self.until.is_some(), WAIT_TIMEOUT)
    }

    /// The time that is left, rounded up to milliseconds; 0 where there is no limit.
    pub(crate) fn milliseconds(self) -> u32 {
        let Some(until) = self.until else { return 0 };
        let left = until.saturating_sub(clock::monotonic());
        u32::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX).max(1)
    }
}

/// A call that waits for events.
pub(crate) struct Suspended {
    /// The name of the function that began it, because the `_cont` function of another one must not end it.
    pub(crate) name: &'static str,
    /// The statement or result to which it belongs; NULL where it belongs to the handle.
    pub(crate) owner: *const c_void,
    pub(crate) future: Pin<Box<dyn Future<Output = Box<dyn Any>>>>,
}

impl fmt::Debug for Suspended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suspended").field("name", &self.name).finish_non_exhaustive()
    }
}
