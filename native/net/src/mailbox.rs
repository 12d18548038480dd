//! Messages to a thread that waits in a reactor.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use mio::Waker;

/// Sends messages of one kind to a reactor's thread; see [`Reactor::mailbox`](super::reactor::Reactor::mailbox).
pub struct Mailbox<M> {
    sender: Sender<M>,
    waker: Arc<Waker>,
}

impl<M> Mailbox<M> {
    pub(super) const fn new(sender: Sender<M>, waker: Arc<Waker>) -> Self {
        Self { sender, waker }
    }

    /// Sends a message, and wakes the thread.
    ///
    /// # Errors
    /// The receiving thread has ended.
    pub fn send(&self, message: M) -> io::Result<()> {
        self.sender.send(message).map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        self.waker.wake()
    }
}

impl<M> Clone for Mailbox<M> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), waker: Arc::clone(&self.waker) }
    }
}

impl<M> fmt::Debug for Mailbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}
