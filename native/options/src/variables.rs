//! Environment variables, which a set-uid program must not obey: the user who starts it is not the one whom it acts for.

use std::env;
use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering};

static DISTRUSTED: AtomicBool = AtomicBool::new(false);

/// From now on no variable is set for this package, because the system runs the program with more rights than its user has.
pub fn distrust_environment() {
    DISTRUSTED.store(true, Ordering::Relaxed);
}

/// The value of an environment variable, unless the environment is distrusted.
pub fn variable(name: &str) -> Option<OsString> {
    if DISTRUSTED.load(Ordering::Relaxed) { None } else { env::var_os(name) }
}
