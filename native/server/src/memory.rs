//! The memory that the process uses. Large values are refused before the system refuses them, because a failed allocation ends the process.
//! When memory is short, accounts that hold more than a fair share are refused first, and others go on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The size in bytes from which a value is large: it is made only if memory is left, and counts towards its account's share.
pub(crate) const LARGE: usize = 1 << 20;
/// How long a measurement is reused, in milliseconds.
const FRESH: u64 = 5;
/// How long a long text waits for others to free memory before it is refused.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// The same for an incoming packet and for a statement that makes a large value. It is shorter, because they hold memory that others wait
/// for.
pub(crate) const PATIENCE_OF_HOLDERS: Duration = Duration::from_secs(1);
/// How often waiting work checks again, because nothing notifies it when the system has memory again.
pub(crate) const LOOKS_EACH: Duration = Duration::from_millis(10);

/// The bytes that accounts hold, by account name.
type Shares = BTreeMap<String, usize>;

/// The bytes of large values that each account holds.
static SHARES: Mutex<Shares> = Mutex::new(BTreeMap::new());
/// The bytes that each account's statements have produced and may still hold, in addition to `SHARES`.
static POSSIBLE: Mutex<Shares> = Mutex::new(BTreeMap::new());
/// The bytes that statements may allocate, and have perhaps not allocated yet.
static GRANTED: AtomicUsize = AtomicUsize::new(0);
/// The bytes that the process uses without any client.
static OWN: AtomicU64 = AtomicU64::new(0);
/// Notified when a number in `SHARES` or `POSSIBLE` has become smaller.
static FREED: Condvar = Condvar::new();

fn shares() -> MutexGuard<'static, Shares> {
    SHARES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn possible() -> MutexGuard<'static, Shares> {
    POSSIBLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Large values that a session holds, counted for its account until this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Held {
    account: String,
    bytes: usize,
}

impl Held {
    /// Counts `bytes` for an account, or 0 if they are fewer than a large value has.
    pub(crate) fn set(&mut self, account: &str, bytes: usize) {
        self.count(account, if bytes < LARGE { 0 } else { bytes });
    }

    /// How many bytes are counted.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts `bytes` for an account, also small numbers.
    pub(crate) fn count(&mut self, account: &str, bytes: usize) {
        if bytes == self.bytes && (bytes == 0 || self.account == account) {
            return;
        }
        let mut shares = shares();
        take_away(&mut shares, &self.account, self.bytes);
        add(&mut shares, account, bytes);
        account.clone_into(&mut self.account);
        self.bytes = bytes;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.bytes > 0 {
            take_away(&mut shares(), &self.account, self.bytes);
        }
    }
}

/// The bytes that a statement has produced and may still hold, counted for its account until this is dropped. They matter only when memory
/// is short, because most statements hold few of them.
#[derive(Debug, Default)]
pub(crate) struct Made {
    account: String,
    bytes: usize,
}

impl Made {
    /// Counts `bytes` for an account.
    pub(crate) fn count(&mut self, account: &str, bytes: usize) {
        if bytes == self.bytes {
            return;
        }
        let mut possible = possible();
        take_away(&mut possible, &self.account, self.bytes);
        add(&mut possible, account, bytes);
        account.clone_into(&mut self.account);
        self.bytes = bytes;
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        self.count("", 0);
    }
}

/// Bytes that a statement is about to allocate: until this is dropped they count as used, because several statements may measure the
/// memory before any of them has allocated.
#[derive(Debug, Default)]
pub(crate) struct Granted(usize);

impl Granted {
    pub(crate) fn new(bytes: usize) -> Self {
        GRANTED.fetch_add(bytes, Ordering::AcqRel);
        Self(bytes)
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        GRANTED.fetch_sub(self.0, Ordering::AcqRel);
    }
}

fn add(shares: &mut Shares, account: &str, bytes: usize) {
    if bytes > 0 {
        let share = shares.entry(account.to_owned()).or_default();
        *share = share.saturating_add(bytes);
    }
}

fn take_away(shares: &mut Shares, account: &str, bytes: usize) {
    if let Some(share) = shares.get_mut(account) {
        *share = share.saturating_sub(bytes);
        if *share == 0 {
            shares.remove(account);
        }
        if bytes > 0 {
            FREED.notify_all();
        }
    }
}

/// Waits until an account has freed memory, or until it is time to check again.
pub(crate) fn wait_for_some() {
    // A poisoned lock does not matter here, because nothing is read.
    drop(FREED.wait_timeout(shares(), LOOKS_EACH));
}

/// Whether `bytes` exceed the limit even if all others freed their memory. `most` is `global_connection_memory_limit`.
pub(crate) fn is_too_much(bytes: usize, most: u64) -> bool {
    bytes as u64 > allowed().min(most)
}

/// Whether there is memory for the bytes that are counted for an account; `more` of them are not allocated yet. `most` is
/// `global_connection_memory_limit`.
pub(crate) fn is_left_for(account: &str, more: usize, most: u64) -> bool {
    // A large value is worth a new measurement, because what was granted before may have been allocated since the last one.
    let resident = if more < LARGE { resident() } else { resident_for(0) };
    // If the system does not report the memory in use, nothing is refused.
    let Some(resident) = resident else { return true };
    let granted = GRANTED.load(Ordering::Acquire);
    let allowed = allowed().min(most);
    let shares = shares();
    if shares.is_empty() {
        // Starting up takes more for a moment.
        OWN.fetch_min(resident, Ordering::Relaxed);
    }
    // The counted bytes include those that simultaneous callers are about to allocate.
    let counted: usize = shares.values().fold(0, |sum, share| sum.saturating_add(*share));
    let counted = OWN.load(Ordering::Relaxed).saturating_add(counted as u64);
    let used = resident.saturating_add(granted.saturating_add(more) as u64).max(counted);
    if used <= allowed {
        return true;
    }
    let own = shares.get(account).copied().unwrap_or_default();
    is_fair(own, shares.len(), used, allowed)
}

/// Whether an account's statements must stop allocating, because memory is short and they may hold more than a fair share.
pub(crate) fn is_over_share(account: &str, most: u64) -> bool {
    // The memory is measured anew, because several statements may have allocated much since the last measurement.
    let Some(used) = resident_for(0) else { return false };
    let allowed = allowed().min(most);
    if used <= allowed {
        return false;
    }
    let (shares, possible) = (shares(), possible());
    let of = |shares: &Shares| shares.get(account).copied().unwrap_or_default();
    let accounts = shares.len() + possible.keys().filter(|other| !shares.contains_key(*other)).count();
    !is_fair(of(&shares).saturating_add(of(&possible)), accounts, used, allowed)
}

/// Whether even the reserve for accounts that hold little is used up. `most` is `global_connection_memory_limit`.
pub(crate) fn is_used_up(most: u64) -> bool {
    resident().is_some_and(|used| used > with_reserve(allowed().min(most)))
}

const fn with_reserve(allowed: u64) -> u64 {
    allowed.saturating_add(allowed / 2)
}

/// Whether an account may hold `own` bytes while the process uses more than `allowed` and `accounts` accounts hold large values. A fair
/// share leaves one share for another account; half of `allowed` is a reserve for accounts that hold less than a share.
const fn is_fair(own: usize, accounts: usize, used: u64, allowed: u64) -> bool {
    used - allowed <= allowed / 2 && own as u64 <= allowed / (accounts as u64 + 1)
}

/// Half of the memory that the process may have: of the machine's, or of its own limit (`ulimit -v`).
fn allowed() -> u64 {
    static LIMIT: OnceLock<u64> = OnceLock::new();
    *LIMIT.get_or_init(|| {
        let own = rustix::process::getrlimit(rustix::process::Resource::As).current;
        machine().min(own.unwrap_or(u64::MAX)) / 2
    })
}

/// The most memory that the process uses by its own rules: the allowed amount and the reserve for accounts that hold little. `most` is
/// `global_connection_memory_limit`.
pub(crate) fn most(most: u64) -> u64 {
    with_reserve(allowed().min(most))
}

/// The machine's memory in bytes.
fn machine() -> u64 {
    let system = rustix::system::sysinfo();
    system.totalram.saturating_mul(u64::from(system.mem_unit))
}

/// The memory that the process has in use, in bytes, some milliseconds ago.
fn resident() -> Option<u64> {
    resident_for(FRESH)
}

/// The same, measured at most `age` milliseconds ago.
fn resident_for(age: u64) -> Option<u64> {
    static START: OnceLock<Instant> = OnceLock::new();
    static MEASURED: AtomicU64 = AtomicU64::new(u64::MAX);
    static RESIDENT: AtomicU64 = AtomicU64::new(u64::MAX);
    let elapsed = START.get_or_init(Instant::now).elapsed().as_millis();
    let now = u64::try_from(elapsed).unwrap_or(u64::MAX);
    if now.wrapping_sub(MEASURED.load(Ordering::Relaxed)) >= age {
        RESIDENT.store(measure().unwrap_or(u64::MAX), Ordering::Relaxed);
        MEASURED.store(now, Ordering::Relaxed);
    }
    let bytes = RESIDENT.load(Ordering::Relaxed);
    (bytes < u64::MAX).then_some(bytes)
}

/// Notes what the process uses before it has clients, which is part of what is allowed.
pub(crate) fn note_own() {
    OWN.store(measure().unwrap_or_default(), Ordering::Relaxed);
}

fn measure() -> Option<u64> {
    let sizes = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = sizes.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages.saturating_mul(rustix::param::page_size() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_more_than_a_share_is_refused_first() {
        // Two accounts hold large values, 900 and 50 of 1,000 bytes allowed: a share is a third.
        assert!(!is_fair(900, 2, 1_001, 1_000));
        assert!(is_fair(50, 2, 1_001, 1_000));
        assert!(is_fair(0, 2, 1_500, 1_000), "who holds nothing yet goes on");
        assert!(!is_fair(0, 2, 1_501, 1_000), "until the reserve is used up");
        assert!(!is_fair(501, 1, 1_001, 1_000), "one account alone leaves a share for the next");
    }

    #[test]
    fn what_is_held_counts_until_it_is_dropped() {
        let of = |account: &str| shares().get(account).copied().unwrap_or_default();
        let (mut one, mut other) = (Held::default(), Held::default());
        one.set("held@test", LARGE);
        other.set("held@test", 2 * LARGE);
        assert_eq!(of("held@test"), 3 * LARGE);
        one.set("held@test", LARGE - 1);
        assert_eq!(of("held@test"), 2 * LARGE, "what is small is not counted");
        other.set("changed@test", LARGE);
        assert_eq!((of("held@test"), of("changed@test")), (0, LARGE));
        drop(other);
        assert!(!shares().contains_key("changed@test"));
    }

    #[test]
    fn a_granted_value_counts_before_it_is_made() {
        const GIB: usize = 1 << 30;
        let most = resident_for(0).unwrap() + GIB as u64;
        let mut held = Held::default();
        held.set("granted@test", GIB / 4 * 3);
        assert!(is_left_for("granted@test", GIB / 4, most));
        // More than all that other tests may free meanwhile.
        let granted = Granted::new(2 * GIB);
        assert!(!is_left_for("granted@test", GIB / 4, most), "two statements may not take the same memory");
        drop(granted);
        assert!(is_left_for("granted@test", GIB / 4, most));
    }

    #[test]
    fn what_was_made_counts_apart_from_what_is_held() {
        let of = |account: &str| possible().get(account).copied().unwrap_or_default();
        let (mut one, mut other) = (Made::default(), Made::default());
        one.count("made@test", 3);
        other.count("made@test", 4);
        assert_eq!(of("made@test"), 7);
        one.count("made@test", 1);
        drop(other);
        assert_eq!((of("made@test"), shares().contains_key("made@test")), (1, false));
        drop(one);
        assert!(!possible().contains_key("made@test"));
        assert!(!is_over_share("made@test", u64::MAX), "who holds nothing is over no share");
    }
}
