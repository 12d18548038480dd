//! Calls that may have to wait for the server: one code path for the blocking form and for the non-blocking one.
//!
//! A call is an async function over a [`Handle`]. In the blocking form its waits block, so it is over after one poll. In the non-blocking
//! form it is pending where it has to wait: the future is kept in the handle's state, and polled again by the `_cont` function.

use std::any::Any;
use std::borrow::Cow;
use std::ffi::{c_int, c_void};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::ptr;
use std::task::{Context, Poll, Waker};

use super::abi::Mysql;
use super::failure;
use super::handle::{Handle, discard, state_of, with};
use super::link::Link;
use super::state::State;
use super::waits::{Mode, Suspended, WAIT_TIMEOUT, Wanted};

/// The outcome of a `_cont` function.
pub(crate) enum Resumed {
    /// The call waits for these events.
    Waits(c_int),
    /// The call is over, with this answer.
    Done(Box<dyn Any>),
    /// There was no such call, or the handle can't go on with it.
    Refused,
    /// The call panicked, and is over.
    Panicked,
    /// Another process began the call, which this one has dropped.
    Gone,
}

impl Handle<'_> {
    /// The mode of the current call. Whether the program's wait timed out is told once.
    pub(crate) fn mode(&mut self) -> Mode {
        let mode = self.state.mode;
        if mode != Mode::Blocking {
            self.state.mode = Mode::NonBlocking { timed_out: false };
        }
        mode
    }

    /// Suspends a non-blocking call. No other function of this library makes a future pending.
    pub(crate) async fn wait(&mut self, wanted: Wanted) {
        self.state.wanted = wanted;
        let mut was_polled = false;
        poll_fn(|_| if std::mem::replace(&mut was_polled, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

/// Runs a call in the mode of its handle. A non-blocking one that has to wait is kept in the handle's state, and the answer is `failed`, which
/// [`start`] does not hand out.
///
/// # Safety
/// As [`with`]; what `body` borrows from the program stays as it is until the call is over.
pub(crate) unsafe fn run<T: Copy + 'static>(
    pointer: *mut Mysql,
    failed: T,
    body: impl AsyncFnOnce(&mut Handle<'static>) -> T + 'static,
) -> T {
    // SAFETY: the caller promises it.
    let begun = unsafe {
        with(pointer, None, |handle| {
            if handle.state.suspended.is_some() {
                handle.set_error(&failure::out_of_sync());
                return None;
            }
            Some((handle.state.pointer(), handle.state.mode))
        })
    };
    let Some((state, mode)) = begun else { return failed };
    let future = async move {
        // SAFETY: the state is freed by `destroy` alone, before which a suspended call is dropped.
        let mut handle = unsafe { Handle::of(state) };
        body(&mut handle).await
    };
    match mode {
        // SAFETY: the handle was valid above, and no reference into its state is held.
        Mode::Blocking => match unsafe { poll(state, pin!(future)) } {
            Some(Poll::Ready(answer)) => answer,
            Some(Poll::Pending) | None => failed,
        },
        Mode::NonBlocking { .. } => {
            let mut future: Pin<Box<dyn Future<Output = Box<dyn Any>>>> =
                Box::pin(async move { Box::new(future.await) as Box<dyn Any> });
            // SAFETY: as above.
            match unsafe { poll(state, future.as_mut()) } {
                Some(Poll::Ready(answer)) => answer.downcast_ref().copied().unwrap_or(failed),
                Some(Poll::Pending) => {
                    // SAFETY: as above; the future is not polled now.
                    unsafe { (*state).suspended = Some(Suspended { name: "", owner: ptr::null(), future }) };
                    failed
                }
                None => failed,
            }
        }
    }
}

/// Polls a call; `None` where it panicked.
///
/// # Safety
/// The state is valid, and no reference into it is held.
unsafe fn poll<F: Future + ?Sized>(state: *mut State, future: Pin<&mut F>) -> Option<Poll<F::Output>> {
    // SAFETY: the caller promises it, here and below.
    unsafe { (*state).busy = true };
    let polled = catch_unwind(AssertUnwindSafe(|| future.poll(&mut Context::from_waker(Waker::noop()))));
    // SAFETY: as above.
    unsafe { (*state).busy = false };
    if polled.is_err() {
        // SAFETY: the caller promises it; the future's references ended with the panic.
        unsafe { Handle::of(state) }.poison();
    }
    polled.ok()
}

/// Runs the blocking function of a call in the non-blocking mode: its answer, or the events for which it waits.
///
/// # Safety
/// As [`with`]; `body` does not free the handle.
pub(crate) unsafe fn start<T>(
    pointer: *mut Mysql,
    name: &'static str,
    owner: *const c_void,
    body: impl FnOnce() -> T,
) -> Result<T, c_int> {
    // SAFETY: the caller promises it.
    let is_new = unsafe {
        with(pointer, false, |handle| {
            let is_new = handle.state.suspended.is_none();
            if is_new {
                handle.state.mode = Mode::NonBlocking { timed_out: false };
            }
            is_new
        })
    };
    let answer = body();
    if !is_new {
        return Ok(answer);
    }
    // SAFETY: as above.
    let waits = unsafe {
        with(pointer, None, |handle| {
            handle.state.mode = Mode::Blocking;
            let wanted = handle.state.wanted;
            handle.state.suspended.as_mut().map(|suspended| {
                suspended.name = name;
                suspended.owner = owner;
                wanted.mask()
            })
        })
    };
    waits.map_or(Ok(answer), Err)
}

/// Goes on with a suspended call after events. `begin` is called first, where the call goes on.
///
/// # Safety
/// As [`with`]; what the call borrowed from the program is as it was.
pub(crate) unsafe fn resume(
    pointer: *mut Mysql,
    name: &'static str,
    owner: *const c_void,
    events: c_int,
    begin: impl FnOnce(),
) -> Resumed {
    // SAFETY: the caller promises it.
    let resumed = unsafe {
        with(pointer, None, |handle| {
            let is_it = |suspended: &mut Suspended| suspended.name == name && suspended.owner == owner;
            let Some(suspended) = handle.state.suspended.take_if(is_it) else {
                handle.set_error(&failure::out_of_sync());
                return None;
            };
            let is_ours = handle.state.link.as_ref().is_none_or(Link::is_ours);
            if is_ours {
                // An error that is there now is that of a call at the wrong time.
                handle.clear_error();
                handle.state.mode = Mode::NonBlocking { timed_out: events & WAIT_TIMEOUT != 0 };
            } else {
                handle.set_error(&failure::gone());
            }
            Some((handle.state.pointer(), suspended, is_ours))
        })
    };
    let Some((state, mut suspended, is_ours)) = resumed else { return Resumed::Refused };
    // SAFETY: the handle was valid above; no reference into its state is held, neither here nor by the future.
    unsafe {
        if !is_ours {
            discard(state, Some(suspended));
            return Resumed::Gone;
        }
        begin();
        let polled = poll(state, suspended.future.as_mut());
        (*state).mode = Mode::Blocking;
        match polled {
            Some(Poll::Ready(answer)) => Resumed::Done(answer),
            Some(Poll::Pending) => {
                (*state).suspended = Some(suspended);
                Resumed::Waits((*state).wanted.mask())
            }
            None => Resumed::Panicked,
        }
    }
}

/// A copy of a program's argument for a call that may be suspended, because the program may free the argument then. A blocking call borrows it.
///
/// # Safety
/// As [`with`]; the argument stays as it is until a blocking call is over.
pub(crate) unsafe fn kept(pointer: *mut Mysql, argument: &'static [u8]) -> Cow<'static, [u8]> {
    // SAFETY: the caller promises it. A call that runs may hold a reference to the state, so the field is read alone.
    match unsafe { state_of(pointer).map(|state| (*state).mode) } {
        None | Some(Mode::Blocking) => Cow::Borrowed(argument),
        Some(Mode::NonBlocking { .. }) => Cow::Owned(argument.to_vec()),
    }
}
