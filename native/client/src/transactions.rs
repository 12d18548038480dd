//! Whole transactions of a log that is followed.

use sealwire_binlog::{Transaction, TransactionBuilder};

use super::Client;
use super::binlog::{BinlogFollower, Followed};
use super::error::ClientError;
use super::socket::Socket;

/// The transactions of a [`BinlogFollower`], which connects again as often as it has to.
#[derive(Debug)]
pub struct Transactions<C> {
    follower: BinlogFollower<C>,
    builder: TransactionBuilder,
    /// Whether an error ended it.
    is_over: bool,
}

impl<C: FnMut() -> Result<Client<Socket>, ClientError>> BinlogFollower<C> {
    /// The log as whole transactions.
    pub fn transactions(self) -> Transactions<C> {
        Transactions { follower: self, builder: TransactionBuilder::default(), is_over: false }
    }
}

impl<C> Transactions<C> {
    /// Sets the most bytes that a transaction's events may have. A larger transaction is an error: take the events one by one then.
    #[must_use]
    pub const fn most_bytes(mut self, most: u64) -> Self {
        self.builder.most_bytes = most;
        self
    }
}

impl<C: FnMut() -> Result<Client<Socket>, ClientError>> Iterator for Transactions<C> {
    type Item = Result<Transaction, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.read().transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

impl<C: FnMut() -> Result<Client<Socket>, ClientError>> Transactions<C> {
    /// Reads up to the end of a transaction.
    fn read(&mut self) -> Result<Option<Transaction>, ClientError> {
        loop {
            let next = match self.follower.next()? {
                Followed::Event(next) => next,
                Followed::Connected | Followed::Lost(..) => continue,
                Followed::End => return Ok(None),
            };
            if let Some(transaction) = self.builder.event(&next.event, next.boundary, next.reader)? {
                return Ok(Some(transaction));
            }
        }
    }
}
