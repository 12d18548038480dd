//! Carries results from the thread of a statement to its connection, and makes the statement wait while its client does not read.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

use sealwire_core::error::SqlError;
use sealwire_core::message::ColumnDefinition;
use sealwire_core::server::RowBatch;

use super::WaitEnd;
use super::{Description, Done, EngineSession, Interruption, stopped};
use crate::memory::Held;
use crate::sql::Datum;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// A part of a result. Columns and rows come first, if the statement has any; `Finished` is the last.
pub(crate) enum Delivery {
    /// The columns of the result.
    Columns(Vec<ColumnDefinition>),
    /// Encoded rows, and the memory that counts for them.
    Rows(RowBatch, Held),
    /// The task has ended.
    Finished(Box<dyn EngineSession>, Result<Outcome, SqlError>),
}

/// The result of a task that succeeded.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A statement ran.
    Executed(Done),
    /// The value of an expression.
    Value(Datum),
    /// A statement was described.
    Described(Description),
    /// The transaction's step is done.
    Stepped,
}

/// A statement waits while its client has not taken this many bytes of rows.
const MOST_UNREAD: usize = 512 * 1024;

/// How often a waiting statement runs its check.
const CHECK_EACH: Duration = Duration::from_secs(1);

/// The sending and the receiving end.
pub(super) fn delivery_channel(interruption: Arc<Interruption>) -> (DeliverySender, Deliveries) {
    let (sender, receiver) = channel();
    let unread = Arc::new(AtomicUsize::new(0));
    let sender = DeliverySender { sender, unread: Arc::clone(&unread), interruption: Arc::clone(&interruption) };
    (sender, Deliveries { receiver, unread, interruption, taken: 0, held: Held::default() })
}

/// The sending end, which the statement has.
pub(super) struct DeliverySender {
    sender: Sender<Delivery>,
    /// Bytes of rows that the client has not taken yet.
    unread: Arc<AtomicUsize>,
    interruption: Arc<Interruption>,
}

impl DeliverySender {
    /// Sends a delivery; false where the connection is gone.
    pub(super) fn send(&self, delivery: Delivery) -> bool {
        if let Delivery::Rows(batch, _) = &delivery {
            self.unread.fetch_add(batch.len(), Ordering::AcqRel);
        }
        self.sender.send(delivery).is_ok()
    }

    /// Waits until the client has taken enough rows; runs `check` at intervals.
    ///
    /// # Errors
    /// 1317 or 3024 where the statement is stopped, and those of `check`.
    pub(super) fn wait(&self, check: &dyn Fn() -> Result<(), SqlError>) -> Result<(), SqlError> {
        let has_room = || self.unread.load(Ordering::Acquire) < MOST_UNREAD;
        if has_room() {
            return Ok(());
        }
        loop {
            match self.interruption.wait_until(has_room, CHECK_EACH) {
                WaitEnd::Ready => return Ok(()),
                WaitEnd::Stopped => return Err(stopped(&self.interruption)),
                WaitEnd::TimedOut => check()?,
            }
        }
    }
}

/// The receiving end, which the connection has.
pub(crate) struct Deliveries {
    receiver: Receiver<Delivery>,
    unread: Arc<AtomicUsize>,
    interruption: Arc<Interruption>,
    /// Bytes of the last rows received, until the next call of [`Deliveries::next`] shows that they were sent.
    taken: usize,
    /// The memory that counts for these rows.
    held: Held,
}

impl Deliveries {
    /// The next delivery. The caller must have sent the rows of the one before.
    ///
    /// # Errors
    /// Where there is none yet, or the statement's thread is gone.
    pub(crate) fn next(&mut self) -> Result<Delivery, TryRecvError> {
        if self.taken > 0 {
            self.held = Held::default();
            self.unread.fetch_sub(std::mem::take(&mut self.taken), Ordering::AcqRel);
            self.interruption.notify();
        }
        let mut delivery = self.receiver.try_recv()?;
        if let Delivery::Rows(batch, held) = &mut delivery {
            self.taken = batch.len();
            self.held = std::mem::take(held);
        }
        Ok(delivery)
    }
}
