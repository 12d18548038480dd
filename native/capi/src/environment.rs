//! Environment variables, which the library ignores in set-uid programs: their caller is not the user for whom they act.

use std::ffi::{OsString, c_ulong};
use std::sync::Once;

/// `AT_SECURE`: whether the kernel gave the program more rights than its caller has.
const SECURE: c_ulong = 23;

unsafe extern "C" {
    safe fn getauxval(kind: c_ulong) -> c_ulong;
}

/// Has the option files and the key log ignore the environment, too, where this library does.
pub(crate) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if getauxval(SECURE) != 0 {
            sealwire_options::distrust_environment();
        }
    });
}

/// The value of a variable; none in a set-uid program.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    prepare();
    sealwire_options::variable(name)
}

/// As [`variable`], where the value is UTF-8 text.
pub(crate) fn text(name: &str) -> Option<String> {
    variable(name).and_then(|value| value.into_string().ok())
}
