//! The way from a C program's pointers to safe code, and back.

use std::ffi::{CStr, CString, c_char, c_int};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::Ordering;

use sealwire_core::SqlError;

use super::abi::{Mysql, STATUS_READY};
use super::charset;
use super::failure;
use super::lengths;
use super::result::result;
use super::state::State;
use super::waits::Suspended;

/// A value behind a pointer, borrowed anew at each use. So a suspended call holds no reference to what the program may use meanwhile.
pub(crate) struct Place<T>(*mut T);

impl<T> Place<T> {
    /// # Safety
    /// While the place is used, the value lives, and while a reference of the place is used, nothing else uses the value.
    pub(crate) const unsafe fn new(pointer: *mut T) -> Self {
        Self(pointer)
    }

    pub(crate) const fn pointer(&self) -> *mut T {
        self.0
    }
}

impl<T> Deref for Place<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `new` was promised it.
        unsafe { &*self.0 }
    }
}

impl<T> DerefMut for Place<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: `new` was promised it.
        unsafe { &mut *self.0 }
    }
}

/// The struct that the program owns, wherever it is now: the program may move it while a call is suspended.
pub(crate) struct Home(*mut State);

impl Deref for Home {
    type Target = Mysql;

    fn deref(&self) -> &Mysql {
        // SAFETY: `Handle::of` was promised that the state lives; its home is the struct by which the program made the current call.
        unsafe { &*(*self.0).home }
    }
}

impl DerefMut for Home {
    fn deref_mut(&mut self) -> &mut Mysql {
        // SAFETY: as above.
        unsafe { &mut *(*self.0).home }
    }
}

/// A handle during a call: the struct that the program owns, and the state behind it.
pub(crate) struct Handle<'a> {
    pub(crate) mysql: Home,
    pub(crate) state: Place<State>,
    call: PhantomData<&'a mut Mysql>,
}

/// Runs a function of the API, whose body may panic: a panic becomes `failed`, because unwinding into C aborts the program.
pub(crate) fn guarded<T>(failed: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(failed)
}

/// Gives `mysql_init` its handle: a new struct, or the program's own.
///
/// # Safety
/// `pointer` is NULL or points to room for a `MYSQL`.
pub(crate) unsafe fn create(pointer: *mut Mysql) -> *mut Mysql {
    let charset = charset::usual();
    let mut fresh = Mysql::zeroed();
    fresh.charset = charset;
    fresh.options.report_data_truncation = 1;
    fresh.options.client_flag = 128;
    fresh.net.fd = -1;
    set_text(&mut fresh.net.sqlstate, b"00000");
    fresh.extension = Box::into_raw(Box::new(State::new(charset))).cast();
    if pointer.is_null() {
        fresh.free_me = 1;
        return Box::into_raw(Box::new(fresh));
    }
    // SAFETY: the caller says that there is room. The memory is not read, because it need not be initialised.
    unsafe { pointer.write(fresh) };
    pointer
}

/// Runs `body` on a handle; NULL, a zeroed struct, a poisoned handle, and one whose call runs now give `failed`.
///
/// # Safety
/// `pointer` is NULL, or points to a `MYSQL` that is zeroed or was made by `mysql_init` and not closed, and that no other thread uses during
/// the call.
pub(crate) unsafe fn with<T>(pointer: *mut Mysql, failed: T, body: impl FnOnce(&mut Handle<'_>) -> T) -> T {
    // SAFETY: the caller promises it.
    let Some(state) = (unsafe { state_of(pointer) }) else { return failed };
    // SAFETY: as above.
    if unsafe { is_busy(pointer, state) } {
        return failed;
    }
    // SAFETY: the state is a valid one, see above, and its home is the caller's pointer.
    let mut handle = unsafe { Handle::of(state) };
    if handle.state.poisoned {
        handle.poison();
        return failed;
    }
    catch_unwind(AssertUnwindSafe(|| body(&mut handle))).unwrap_or_else(|_| {
        handle.poison();
        failed
    })
}

/// The state behind a handle, which is told where the handle is now; `None` for NULL and a zeroed struct.
///
/// # Safety
/// As [`with`].
pub(crate) unsafe fn state_of(pointer: *mut Mysql) -> Option<*mut State> {
    // SAFETY: the caller promises it. The extension is NULL in a zeroed struct; else `create` put a boxed state there, which `destroy` has not
    // freed.
    unsafe {
        let state = pointer.as_ref()?.extension.cast::<State>();
        if state.is_null() {
            return None;
        }
        if (*state).home != pointer {
            move_home(pointer, state);
        }
        Some(state)
    }
}

/// Whether one of the program's own functions makes this call, which the handle's running call has called. Then the error is 2014, because
/// the running call uses the handle.
///
/// # Safety
/// As [`with`]; the state is the handle's.
pub(crate) unsafe fn is_busy(pointer: *mut Mysql, state: *const State) -> bool {
    // SAFETY: the caller promises it. No reference to the state is made, because the running call may hold one.
    unsafe {
        if (*state).busy {
            (*pointer).set_error(&failure::out_of_sync());
        }
        (*state).busy
    }
}

/// Why no call can run on a handle now.
///
/// # Safety
/// As [`with`].
pub(crate) unsafe fn hindrance(pointer: *mut Mysql) -> Option<SqlError> {
    // SAFETY: the caller promises it. A call that runs may hold a reference to the state, so each field is read alone.
    unsafe {
        let state = state_of(pointer)?;
        if (*state).poisoned {
            Some(internal_error())
        } else {
            ((*state).busy || (*state).suspended.is_some()).then(failure::out_of_sync)
        }
    }
}

/// Drops a call, with all that it owns. The program's functions that end it can't use the handle meanwhile.
///
/// # Safety
/// The state is valid, and no reference into it is held.
pub(crate) unsafe fn discard(state: *mut State, suspended: Option<Suspended>) {
    // SAFETY: the caller promises it.
    unsafe {
        (*state).busy = true;
        // A panic is a bug of the value that is dropped, and ends nothing else.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(suspended)));
        (*state).busy = false;
    }
}

/// Takes everything that outlives a handle from it, as the handle is about to be closed: also where a panic has ended the handle.
///
/// # Safety
/// The state is valid, and no reference into it is held.
pub(crate) unsafe fn detach(state: *mut State) {
    // SAFETY: the caller promises it; a statement leaves the list when it is freed, and a result the field.
    unsafe {
        let suspended = (*state).suspended.take();
        discard(state, suspended);
        if let Some(result) = result(std::mem::replace(&mut (*state).open_result, ptr::null_mut())) {
            result.end();
        }
        end_statements(state, c"mysql_close");
    }
}

/// Takes the connection away from all statements, because of this function.
///
/// # Safety
/// As [`detach`].
pub(crate) unsafe fn end_statements(state: *mut State, because: &CStr) {
    let closed = failure::hy000(2056, format!("Statement closed by {}", because.to_string_lossy()));
    // SAFETY: the caller promises it; a statement leaves the list when it is freed.
    unsafe {
        (*state).open_statement = ptr::null_mut();
        for statement in std::mem::take(&mut (*state).statements) {
            let statement = &mut *statement;
            statement.mysql = ptr::null_mut();
            statement.extension = ptr::null_mut();
            statement.last_errno = closed.code.into();
            set_text(&mut statement.last_error, closed.message.as_bytes());
            set_text(&mut statement.sqlstate, b"HY000");
        }
    }
}

/// The error of a handle that a panic has ended.
pub(crate) fn internal_error() -> SqlError {
    failure::hy000(2000, "An internal error of the client library ended this handle")
}

/// Tells everything that points to the handle where it is now.
///
/// # Safety
/// The state is valid. A call that runs may hold a reference to its connection.
unsafe fn move_home(pointer: *mut Mysql, state: *mut State) {
    // SAFETY: the caller promises it; only fields are referred to. A statement leaves the list when it is freed, and a result the field.
    unsafe {
        (*state).home = pointer;
        (*state).pvio.mysql = pointer;
        (*state).told_home.store(pointer, Ordering::Relaxed);
        let statements = &(*state).statements;
        for statement in statements {
            // The program may have taken the handle away from the statement.
            if let Some(statement) = statement.as_mut()
                && !statement.mysql.is_null()
            {
                statement.mysql = pointer;
            }
        }
        if let Some(result) = (*state).open_result.as_mut() {
            result.handle = pointer;
        }
    }
}

/// Frees the state of a handle, and the handle where `mysql_init` made it.
///
/// # Safety
/// As [`with`]; the handle is not used afterwards.
pub(crate) unsafe fn destroy(pointer: *mut Mysql) {
    // SAFETY: the caller says that the pointer is NULL or valid.
    let Some(mysql) = (unsafe { pointer.as_mut() }) else { return };
    let state = mysql.extension.cast::<State>();
    if !state.is_null() {
        // SAFETY: `create` made the state, and the caller holds no reference into it.
        unsafe { detach(state) };
    }
    let free_me = mysql.free_me == 1;
    let (code, message, sqlstate) = (mysql.net.last_errno, mysql.net.last_error, mysql.net.sqlstate);
    // The program may close a struct of its own again, so it must look as one that was never used. Its error stays, because OpenDBX closes
    // a struct whose connect has failed, and then asks why it failed.
    *mysql = Mysql::zeroed();
    mysql.net.fd = -1;
    (mysql.net.last_errno, mysql.net.last_error, mysql.net.sqlstate) = (code, message, sqlstate);
    if !state.is_null() {
        // SAFETY: `create` made the box, and the struct no longer points to it.
        drop(unsafe { Box::from_raw(state) });
    }
    if free_me {
        // SAFETY: `create` made this box, too, because it alone sets `free_me`.
        drop(unsafe { Box::from_raw(pointer) });
    }
}

/// The bytes of a C string; `None` for NULL.
///
/// # Safety
/// `pointer` is NULL or a text that ends with a NUL and stays as it is while the answer is used.
pub(crate) unsafe fn text<'a>(pointer: *const c_char) -> Option<&'a CStr> {
    // SAFETY: the caller promises it.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) })
}

/// The bytes at a pointer; none for NULL.
///
/// # Safety
/// `pointer` is NULL or points to `length` bytes that stay as they are while the answer is used, unless that length can't be.
///
/// # Errors
/// As [`lengths::check`].
pub(crate) unsafe fn bytes<'a>(pointer: *const c_char, length: usize) -> Result<&'a [u8], SqlError> {
    if !pointer.is_null() {
        lengths::check(length)?;
    }
    // SAFETY: the caller promises it, and the length was checked.
    Ok(unsafe { slice(pointer, length) })
}

/// As [`bytes`], of a length for which there is memory.
///
/// # Safety
/// `pointer` is NULL or points to `length` bytes that stay as they are while the answer is used.
pub(crate) unsafe fn slice<'a>(pointer: *const c_char, length: usize) -> &'a [u8] {
    if pointer.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: the caller promises it.
    unsafe { std::slice::from_raw_parts(pointer.cast(), length) }
}

/// Writes a value where the program wants it, if it does.
///
/// # Safety
/// `to` is NULL or points to room for the value.
pub(crate) unsafe fn give<T>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: the caller promises it.
        unsafe { to.write(value) };
    }
}

/// Copies a text with its NUL into a field of a struct, cut to the field's size.
pub(crate) fn set_text(field: &mut [c_char], text: &[u8]) {
    let room = field.len().saturating_sub(1);
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len()).min(room);
    for (to, byte) in field.iter_mut().zip(text.iter().take(end).copied().chain(std::iter::once(0))) {
        *to = byte.cast_signed();
    }
}

/// A pointer for C to a text of ours.
pub(crate) fn pointer(text: &CString) -> *mut c_char {
    text.as_ptr().cast_mut()
}

impl Mysql {
    /// Publishes an error.
    pub(crate) fn set_error(&mut self, error: &SqlError) {
        self.net.last_errno = error.code.into();
        set_text(&mut self.net.last_error, error.message.as_bytes());
        set_text(&mut self.net.sqlstate, error.sqlstate_str().as_bytes());
    }

    /// Removes the last command's error.
    pub(crate) fn clear_error(&mut self) {
        self.net.last_errno = 0;
        set_text(&mut self.net.last_error, b"");
        set_text(&mut self.net.sqlstate, b"00000");
    }
}

impl Handle<'_> {
    /// # Safety
    /// While the handle is used, the state lives, its home is valid, and nothing else uses either while a reference of the handle is used.
    pub(crate) const unsafe fn of(state: *mut State) -> Self {
        // SAFETY: the caller promises it.
        Self { mysql: Home(state), state: unsafe { Place::new(state) }, call: PhantomData }
    }

    /// Ends the handle's use after a panic.
    pub(crate) fn poison(&mut self) {
        self.state.poisoned = true;
        self.set_error(&internal_error());
    }

    /// Publishes an error.
    pub(crate) fn set_error(&mut self, error: &SqlError) {
        self.mysql.set_error(error);
    }

    /// Removes the last command's error.
    pub(crate) fn clear_error(&mut self) {
        self.mysql.clear_error();
    }

    /// Publishes the outcome of a call: its value, or `failed` and the error.
    pub(crate) fn answer<T>(&mut self, outcome: Result<T, SqlError>, failed: T) -> T {
        match outcome {
            Ok(value) => value,
            Err(error) => {
                self.set_error(&error);
                failed
            }
        }
    }

    /// As [`Self::answer`], for the functions that give 0 or a number for failure.
    pub(crate) fn status(&mut self, outcome: Result<(), SqlError>, failed: c_int) -> c_int {
        self.answer(outcome.map(|()| 0), failed)
    }

    /// Drops the connection, and publishes that there is none any more.
    pub(crate) fn drop_link(&mut self) {
        self.state.link = None;
        self.mysql.net.pvio = ptr::null_mut();
        self.mysql.net.fd = -1;
        self.mysql.status = STATUS_READY;
        self.mysql.server_status &= !8;
    }
}

/// Defines functions of the C API. `= value` is the answer where the body panics.
///
/// A body stands within `unsafe`, for one reason: the caller keeps the manual's contract, by which a pointer is NULL, or valid for the type
/// that it has and not used by another thread during the call.
macro_rules! exports {
    ($($(#[$about:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $answer:ty)? = $failed:expr; $body:block)*) => {
        $(
            $(#[$about])*
            ///
            /// # Safety
            /// Every pointer is NULL, or valid for its type and not used by another thread during the call.
            #[unsafe(no_mangle)]
            pub(crate) unsafe extern "C" fn $name($($argument: $type),*) $(-> $answer)? {
                $crate::handle::guarded($failed, || {
                    // SAFETY: the caller keeps the contract of the C API, see above.
                    #[allow(unused_unsafe, reason = "some bodies touch no pointer")]
                    unsafe { $body }
                })
            }
        )*
    };
}
pub(crate) use exports;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::MyBool;

    exports! {
        /// A function that has a bug, which `mysql_ping` and the others must not have.
        fn sealwire_test_of_a_bug(mysql: *mut Mysql) -> c_int = -7; {
            with(mysql, 1, |_| panic!("a bug"))
        }

        /// One whose bug is outside of any handle.
        fn sealwire_test_of_a_bug_without_handle(_number: c_int) -> MyBool = 9; { panic!("a bug") }
    }

    /// Unwinding out of an `extern "C"` function would abort this test's process.
    #[test]
    fn a_panic_ends_the_handle_and_not_the_program() {
        let text = |pointer: *const c_char| {
            // SAFETY: the functions give texts that end with a NUL.
            unsafe { CStr::from_ptr(pointer) }.to_str().unwrap().to_owned()
        };
        // SAFETY: the handle is made here, and used by this thread alone.
        unsafe {
            let mysql = create(ptr::null_mut());
            assert_eq!(with(mysql, 1, |_| 0), 0);
            assert_eq!(sealwire_test_of_a_bug(mysql), 1);
            let error = |mysql: &Mysql| (mysql.net.last_errno, text(mysql.net.sqlstate.as_ptr()));
            assert_eq!(error(&*mysql), (2000, "HY000".to_owned()));
            (*mysql).net.last_errno = 0;
            assert_eq!(with(mysql, 1, |_| 0), 1, "nothing is done with the handle any more");
            assert_eq!(error(&*mysql), (2000, "HY000".to_owned()));
            assert!(text((*mysql).net.last_error.as_ptr()).contains("internal error"));
            destroy(mysql);
            assert_eq!(sealwire_test_of_a_bug_without_handle(1), 9);
        }
    }
}
