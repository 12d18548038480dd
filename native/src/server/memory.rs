//! How much memory the process holds, so that large values are refused before the system refuses them: a failed allocation ends the process.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// A value of so many bytes is large: it is made only where memory is left.
pub(crate) const LARGE: usize = 1 << 20;
/// How long a measurement is good for, in milliseconds.
const FRESH: u64 = 5;

/// Whether the process holds more than half of the memory that it may have: of the machine's, or of its own limit (`ulimit -v`).
pub(crate) fn is_short() -> bool {
    static START: OnceLock<Instant> = OnceLock::new();
    static MEASURED: AtomicU64 = AtomicU64::new(u64::MAX);
    static SHORT: AtomicBool = AtomicBool::new(false);
    let elapsed = START.get_or_init(Instant::now).elapsed().as_millis();
    let now = u64::try_from(elapsed).unwrap_or(u64::MAX);
    if now.wrapping_sub(MEASURED.load(Ordering::Relaxed)) > FRESH {
        // Where the system does not tell, nothing is refused.
        SHORT.store(resident().is_some_and(|bytes| bytes > limit()), Ordering::Relaxed);
        MEASURED.store(now, Ordering::Relaxed);
    }
    SHORT.load(Ordering::Relaxed)
}

fn limit() -> u64 {
    static LIMIT: OnceLock<u64> = OnceLock::new();
    *LIMIT.get_or_init(|| {
        let own = rustix::process::getrlimit(rustix::process::Resource::As).current;
        machine().min(own.unwrap_or(u64::MAX)) / 2
    })
}

/// The machine's memory in bytes.
pub(crate) fn machine() -> u64 {
    let system = rustix::system::sysinfo();
    system.totalram.saturating_mul(u64::from(system.mem_unit))
}

/// The memory that the process has in use, in bytes.
fn resident() -> Option<u64> {
    let sizes = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = sizes.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages.saturating_mul(rustix::param::page_size() as u64))
}
