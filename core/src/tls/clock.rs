//! The wall clock that rustls reads. It shows the time of the driver's last call, because the core reads no clock itself.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// Seconds since the Unix epoch, set at each input.
#[derive(Debug, Default)]
pub(super) struct Clock(AtomicU64);

impl Clock {
    /// Sets the clock to the driver's time.
    pub(super) fn set(&self, since_epoch: Duration) {
        self.0.store(since_epoch.as_secs(), Ordering::Relaxed);
    }

    /// The time that was set last.
    pub(super) fn now(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(self.0.load(Ordering::Relaxed)))
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.now())
    }
}
