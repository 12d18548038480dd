//! Threads that run one piece of work after another.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::sync::mpsc::{Receiver, Sender, channel};
use crate::sync::thread::{self, Builder, ThreadId};
use crate::sync::{Mutex, MutexGuard, PoisonError, wait};

/// A thread without work ends after this time.
const IDLE: Duration = Duration::from_secs(10);

/// The stack of each thread. The parser, the translation and SQLite recurse; `sql::depth` limits how deep. Unused stack takes no memory.
pub(crate) const STACK: usize = 16 << 20;

/// A set of threads. Each piece of work gets an idle thread or a new one.
pub(crate) struct Threads<W> {
    idle: Arc<Mutex<Vec<IdleThread<W>>>>,
    perform: fn(W),
}

/// A thread that waits for work.
struct IdleThread<W> {
    thread: ThreadId,
    sender: Sender<W>,
}

impl<W> Clone for Threads<W> {
    fn clone(&self) -> Self {
        Self { idle: Arc::clone(&self.idle), perform: self.perform }
    }
}

impl<W: Send + 'static> Threads<W> {
    /// Starts without threads; `perform` does a piece of work.
    pub(crate) fn new(perform: fn(W)) -> Self {
        Self { idle: Arc::new(Mutex::new(Vec::new())), perform }
    }

    /// Performs the work on another thread.
    ///
    /// # Errors
    /// Where the system can't start another thread.
    pub(crate) fn run(&self, mut work: W) -> io::Result<()> {
        let taken = self.idle().pop();
        if let Some(idle) = taken {
            match idle.sender.send(work) {
                Ok(()) => return Ok(()),
                // The thread has panicked, so the work is given to a new one.
                Err(unsent) => work = unsent.0,
            }
        }
        let threads = self.clone();
        let (sender, receiver) = channel();
        let thread = Builder::new().name("sealwired-sql".to_owned()).stack_size(STACK);
        thread.spawn(move || threads.serve(work, &sender, &receiver)).map(drop)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<IdleThread<W>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, first: W, sender: &Sender<W>, receiver: &Receiver<W>) {
        let thread = thread::current().id();
        let mut next = Some(first);
        while let Some(work) = next {
            (self.perform)(work);
            self.idle().push(IdleThread { thread, sender: sender.clone() });
            next = wait(receiver, IDLE).or_else(|| self.retire(thread, receiver));
        }
    }

    /// Removes a thread from the list of idle ones. If it is not listed, work for it is on its way, and is returned.
    fn retire(&self, thread: ThreadId, receiver: &Receiver<W>) -> Option<W> {
        let mut idle = self.idle();
        match idle.iter().position(|idle| idle.thread == thread) {
            Some(at) => {
                idle.swap_remove(at);
                None
            }
            None => {
                drop(idle);
                receiver.recv().ok()
            }
        }
    }
}
