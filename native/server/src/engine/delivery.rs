//! How far a statement may be ahead of its client: it makes rows only as the client takes them, as mysqld waits in its writes.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

use sealwire_core::error::SqlError;
use sealwire_core::message::ColumnDefinition;
use sealwire_core::server::RowBatch;

use super::interruption::WaitEnd;
use super::{Description, Done, EngineSession, Interruption, stopped};
use crate::memory::Held;
use crate::sql::Datum;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// What comes back, in this order: perhaps columns, rows, and then one of the others.
pub(crate) enum Delivery {
    /// The result begins.
    Columns(Vec<ColumnDefinition>),
    /// Rows, encoded, and how they count for their account.
    Rows(RowBatch, Held),
    /// The task is done, well or not.
    Finished(Box<dyn EngineSession>, Result<Outcome, SqlError>),
}

/// What a task that went well gives.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A statement ran.
    Executed(Done),
    /// An expression has this value.
    Value(Datum),
    /// A statement was described.
    Described(Description),
    /// The transaction's step is done.
    Stepped,
}

/// A statement waits while so many bytes of its rows have not been taken by its client.
const MOST_UNREAD: usize = 512 * 1024;

/// How often a statement that waits looks whether it may go on waiting.
const CHECK_EACH: Duration = Duration::from_secs(1);

/// The two ends of the way from a statement to its connection.
pub(super) fn delivery_channel(interruption: Arc<Interruption>) -> (DeliverySender, Deliveries) {
    let (sender, receiver) = channel();
    let unread = Arc::new(AtomicUsize::new(0));
    let sender = DeliverySender { sender, unread: Arc::clone(&unread), interruption: Arc::clone(&interruption) };
    (sender, Deliveries { receiver, unread, interruption, taken: 0, held: Held::default() })
}

/// The statement's end.
pub(super) struct DeliverySender {
    sender: Sender<Delivery>,
    /// Bytes of rows that the client has not taken yet.
    unread: Arc<AtomicUsize>,
    interruption: Arc<Interruption>,
}

impl DeliverySender {
    /// Gives something to the connection; false where it is gone.
    pub(super) fn send(&self, delivery: Delivery) -> bool {
        if let Delivery::Rows(batch, _) = &delivery {
            self.unread.fetch_add(batch.len(), Ordering::AcqRel);
        }
        self.sender.send(delivery).is_ok()
    }

    /// Waits until the client has taken most of what it was given; `check` is asked again and again meanwhile.
    ///
    /// # Errors
    /// Where the statement is stopped meanwhile, and those of `check`.
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

/// The connection's end.
pub(crate) struct Deliveries {
    receiver: Receiver<Delivery>,
    unread: Arc<AtomicUsize>,
    interruption: Arc<Interruption>,
    /// Bytes that the connection was given, and whose way to the client is not known yet.
    taken: usize,
    /// Those of them that are large, as they count for the account.
    held: Held,
}

impl Deliveries {
    /// The next delivery, if there is one. Who asks has sent what it was given before.
    ///
    /// # Errors
    /// Where there is none.
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
