//! Room on the stack: programs call from threads with little of it (sysbench's have 64 KiB), and a TLS handshake takes more.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::panic::resume_unwind;
use std::thread;

use sealwire_core::SqlError;

use super::failure;

/// The least room with which a handshake runs on the caller's own stack.
const LEAST: usize = 512 * 1024;
/// The room that it has on a stack of its own.
const AMPLE: usize = 2 * 1024 * 1024;

/// `pthread_attr_t`, which is smaller than this on every 64-bit Linux.
#[repr(C, align(16))]
struct Attributes([u64; 16]);

unsafe extern "C" {
    fn pthread_self() -> usize;
    fn pthread_getattr_np(thread: usize, attributes: *mut Attributes) -> c_int;
    fn pthread_attr_getstack(attributes: *const Attributes, lowest: *mut *mut c_void, size: *mut usize) -> c_int;
    fn pthread_attr_destroy(attributes: *mut Attributes) -> c_int;
}

thread_local! {
    /// The lowest address of this thread's stack; 0 where it is not known.
    static LOWEST: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Runs `body` where it has room, if need be on a thread of its own, for whose end this one waits.
///
/// # Errors
/// Those of `body`, and that the system gives no thread (2008).
pub(crate) fn with_room<T: Send>(body: impl FnOnce() -> Result<T, SqlError> + Send) -> Result<T, SqlError> {
    if left() >= LEAST {
        return body();
    }
    thread::scope(|scope| {
        let spawned = thread::Builder::new().stack_size(AMPLE).spawn_scoped(scope, body);
        let running = spawned.map_err(|error| failure::hy000(2008, format!("The system gives no thread: {error}")))?;
        running.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// The room that is left on this thread's stack; much, where the system does not say.
fn left() -> usize {
    let lowest = LOWEST.get().unwrap_or_else(|| {
        let found = lowest().unwrap_or(0);
        LOWEST.set(Some(found));
        found
    });
    let here = 0_u8;
    (&raw const here).addr().saturating_sub(lowest)
}

fn lowest() -> Option<usize> {
    let mut attributes = Attributes([0; 16]);
    let (mut lowest, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the attributes have room for the system's, are filled by the first call, read by the second, and freed by the third.
    unsafe {
        if pthread_getattr_np(pthread_self(), &raw mut attributes) != 0 {
            return None;
        }
        let found = pthread_attr_getstack(&raw const attributes, &raw mut lowest, &raw mut size) == 0;
        pthread_attr_destroy(&raw mut attributes);
        found.then(|| lowest.addr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_with_little_room_gets_more() {
        let needed = || {
            // A debug build does not remove this array.
            let room = std::hint::black_box([1_u8; 600 * 1024]);
            Ok(room.iter().map(|byte| usize::from(*byte)).sum::<usize>())
        };
        let small = thread::Builder::new().stack_size(64 * 1024).spawn(move || (left(), with_room(needed).unwrap()));
        let (left_there, sum) = small.unwrap().join().unwrap();
        assert!(left_there < 128 * 1024, "{left_there}");
        assert_eq!(sum, 600 * 1024);
        let ample = thread::Builder::new().stack_size(AMPLE).spawn(|| {
            let own = thread::current().id();
            with_room(|| Ok(thread::current().id() == own)).unwrap()
        });
        assert!(ample.unwrap().join().unwrap(), "with room, no thread is made");
    }
}
