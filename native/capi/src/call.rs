//! Calls that may have to wait for the server: one code path for the blocking form and for the non-blocking one.
//!
//! A call is an async function over a [`Handle`]. In the blocking form its waits block, so it is over after one poll. In the non-blocking
//! form it is pending where it has to wait: the future is kept in the handle's state, and polled again by the `_cont` function.

use std::any::Any;
use std::ffi::c_int;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::abi::Mysql;
use super::failure;
use super::handle::{Handle, with};
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
                    unsafe { (*state).suspended = Some(Suspended { name: "", future }) };
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
    let polled = catch_unwind(AssertUnwindSafe(|| future.poll(&mut Context::from_waker(Waker::noop()))));
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
pub(crate) unsafe fn start<T>(pointer: *mut Mysql, name: &'static str, body: impl FnOnce() -> T) -> Result<T, c_int> {
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
                wanted.mask()
            })
        })
    };
    waits.map_or(Ok(answer), Err)
}

/// Goes on with a suspended call after events.
///
/// # Safety
/// As [`with`]; what the call borrowed from the program is as it was.
pub(crate) unsafe fn resume(pointer: *mut Mysql, name: &'static str, events: c_int) -> Resumed {
    // SAFETY: the caller promises it.
    let resumed = unsafe {
        with(pointer, None, |handle| {
            let Some(suspended) = handle.state.suspended.take_if(|suspended| suspended.name == name) else {
                handle.set_error(&failure::out_of_sync());
                return None;
            };
            if handle.state.link.as_ref().is_some_and(|link| !link.is_ours()) {
                handle.set_error(&failure::gone());
                return None;
            }
            // An error that is there now is that of a call at the wrong time.
            handle.clear_error();
            handle.state.mode = Mode::NonBlocking { timed_out: events & WAIT_TIMEOUT != 0 };
            Some((handle.state.pointer(), suspended))
        })
    };
    let Some((state, mut suspended)) = resumed else { return Resumed::Refused };
    // SAFETY: the handle was valid above; no reference into its state is held, neither here nor by the future.
    unsafe {
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

/// Drops a suspended call, with all that it owns.
///
/// # Safety
/// As [`with`].
pub(crate) unsafe fn abandon(pointer: *mut Mysql) {
    // The call is dropped behind `with`, because the values that it owns may use the handle.
    // SAFETY: the caller promises it.
    drop(unsafe { with(pointer, None, |handle| handle.state.suspended.take()) });
}

/// Whether a call of this handle is suspended.
///
/// # Safety
/// As [`with`].
pub(crate) unsafe fn is_suspended(pointer: *mut Mysql) -> bool {
    // SAFETY: the caller promises it.
    unsafe { with(pointer, false, |handle| handle.state.suspended.is_some()) }
}
