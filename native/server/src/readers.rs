//! The readers of long texts: only few work at a time, and the accounts take turns, so that other work gets processors.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

use sealwire_core::error::SqlError;

use super::engine::Pool;
use super::round_robin::RoundRobin;

/// Reads one text.
pub(crate) type Call = Box<dyn FnOnce() + Send>;

/// The number of readers at work, and the texts that wait for a reader.
#[derive(Clone, Default)]
pub(crate) struct Readers(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    /// The number of texts that are being read.
    reading: usize,
    texts: RoundRobin<Call>,
}

impl Readers {
    /// Reads a text in another thread, at once or when it is the account's turn.
    ///
    /// # Errors
    /// 1135 where the system gives no more threads.
    pub(crate) fn read(&self, pool: &Pool, account: &str, call: Call) -> Result<(), SqlError> {
        {
            let mut waiting = self.locked();
            if waiting.reading >= most() {
                waiting.texts.push(account, call);
                return Ok(());
            }
            waiting.reading += 1;
        }
        let readers = self.clone();
        pool.call(Box::new(move || readers.serve(call))).inspect_err(|_| self.locked().reading -= 1)
    }

    fn serve(&self, first: Call) {
        let mut next = Some(first);
        while let Some(call) = next {
            // A panic ends the session whose text is read; its connection notices that. The waiting texts are still read.
            let _ = catch_unwind(AssertUnwindSafe(call));
            let mut waiting = self.locked();
            next = waiting.texts.pop();
            if next.is_none() {
                waiting.reading -= 1;
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The most readers: half of the processors.
fn most() -> usize {
    available_parallelism().map_or(1, |processors| (processors.get() / 2).max(1))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn few_read_at_a_time_and_all_in_the_end() {
        let (readers, pool) = (Readers::default(), Pool::default());
        let (send, done) = channel();
        let at_once = Arc::new(Mutex::new((0usize, 0usize)));
        for number in 0..20 {
            let (send, at_once) = (send.clone(), Arc::clone(&at_once));
            let call = move || {
                {
                    let mut at_once = at_once.lock().unwrap();
                    at_once.0 += 1;
                    at_once.1 = at_once.1.max(at_once.0);
                }
                std::thread::yield_now();
                at_once.lock().unwrap().0 -= 1;
                send.send(number).unwrap();
                assert!(number != 7, "a bug that a test puts here");
            };
            readers.read(&pool, "u@%", Box::new(call)).unwrap();
        }
        drop(send);
        assert_eq!(done.iter().count(), 20);
        assert!(at_once.lock().unwrap().1 <= most());
    }
}
