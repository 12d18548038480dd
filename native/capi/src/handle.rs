//! The way from a C program's pointers to safe code, and back.

use std::ffi::{CStr, CString, c_char, c_int};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::Ordering;

use sealwire_core::SqlError;

use super::abi::{Mysql, MysqlStmt, STATUS_READY};
use super::charset;
use super::failure;
use super::state::State;

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

/// Runs `body` on a handle; NULL, a zeroed struct and a poisoned handle give `failed`.
///
/// # Safety
/// `pointer` is NULL, or points to a `MYSQL` that is zeroed or was made by `mysql_init` and not closed, and that no other thread uses during
/// the call.
pub(crate) unsafe fn with<T>(pointer: *mut Mysql, failed: T, body: impl FnOnce(&mut Handle<'_>) -> T) -> T {
    // SAFETY: the caller says that the pointer is NULL or valid, and that the struct is not used elsewhere during the call.
    let Some(mysql) = (unsafe { pointer.as_mut() }) else { return failed };
    // SAFETY: the extension is NULL in a zeroed struct; else `create` put a boxed state there, which `destroy` has not freed.
    let Some(state) = (unsafe { mysql.extension.cast::<State>().as_mut() }) else { return failed };
    if state.home != pointer {
        move_home(pointer, state);
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

/// Whether a panic has ended the handle.
///
/// # Safety
/// As [`with`].
pub(crate) unsafe fn is_poisoned(pointer: *mut Mysql) -> bool {
    // SAFETY: the caller promises it; the extension is NULL or a boxed state, see above.
    unsafe {
        pointer.as_ref().and_then(|mysql| mysql.extension.cast::<State>().as_ref()).is_some_and(|state| state.poisoned)
    }
}

/// Forgets a statement that is freed, also where a panic has ended the handle.
///
/// # Safety
/// As [`with`].
pub(crate) unsafe fn forget_statement(pointer: *mut Mysql, statement: *mut MysqlStmt) {
    // SAFETY: the caller promises it; the extension is NULL or a boxed state, see above.
    unsafe {
        if let Some(state) = pointer.as_ref().and_then(|mysql| mysql.extension.cast::<State>().as_mut()) {
            state.statements.retain(|known| *known != statement);
        }
    }
}

/// The error of a handle that a panic has ended.
pub(crate) fn internal_error() -> SqlError {
    failure::hy000(2000, "An internal error of the client library ended this handle")
}

/// Tells everything that points to the handle where it is now.
fn move_home(pointer: *mut Mysql, state: &mut State) {
    state.home = pointer;
    state.pvio.mysql = pointer;
    state.told_home.store(pointer, Ordering::Relaxed);
    for statement in &state.statements {
        // SAFETY: a statement leaves the list when it is freed.
        if let Some(statement) = unsafe { statement.as_mut() }
            && !statement.mysql.is_null()
        {
            statement.mysql = pointer;
        }
    }
    // SAFETY: the field is NULL, or a result that has not been freed, because freeing clears the field.
    if let Some(result) = unsafe { state.open_result.as_mut() } {
        result.handle = pointer;
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
/// `pointer` is NULL or points to `length` bytes that stay as they are while the answer is used.
pub(crate) unsafe fn bytes<'a>(pointer: *const c_char, length: usize) -> &'a [u8] {
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
        self.mysql.net.last_errno = error.code.into();
        set_text(&mut self.mysql.net.last_error, error.message.as_bytes());
        set_text(&mut self.mysql.net.sqlstate, error.sqlstate_str().as_bytes());
    }

    /// Removes the last command's error.
    pub(crate) fn clear_error(&mut self) {
        self.mysql.net.last_errno = 0;
        set_text(&mut self.mysql.net.last_error, b"");
        set_text(&mut self.mysql.net.sqlstate, b"00000");
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
