//! The results of commands, read row by row.

use std::io::{Read, Write};

use sealwire_core::client::{Event, Summary};
use sealwire_core::message::{BinaryRow, ColumnDefinition, StatusFlags, TextRow};

use super::error::ClientError;
use super::link::{Link, unexpected};

/// The results of a text query. Rows that are not read are skipped when it is dropped.
#[derive(Debug)]
pub struct QueryResult<'c, S: Read + Write>(Answer<'c, S>);

/// The results of a prepared statement. Rows that are not read are skipped when it is dropped.
#[derive(Debug)]
pub struct StatementResult<'c, S: Read + Write>(Answer<'c, S>);

/// The position in reading an answer.
#[derive(Debug)]
enum Stage {
    /// Rows follow.
    Rows,
    /// This result has ended.
    Done(Summary),
}

#[derive(Debug)]
pub(super) struct Answer<'c, S: Read + Write> {
    link: &'c mut Link<S>,
    stage: Stage,
    /// Whether this result has columns, even if it has no row.
    has_rows: bool,
}

/// The beginning of a result, up to where it is known whether rows follow.
pub(super) struct Opening {
    stage: Stage,
    has_rows: bool,
}

impl Opening {
    /// Reads the beginning of a result.
    ///
    /// # Errors
    /// The statement failed, or the connection did.
    pub(super) fn read<S: Read + Write>(link: &mut Link<S>) -> Result<Self, ClientError> {
        loop {
            let filename = match link.next_event()? {
                Event::Ok(summary) => return Ok(Self { stage: Stage::Done(summary), has_rows: false }),
                Event::ResultSet => return Ok(Self { stage: Stage::Rows, has_rows: true }),
                Event::Failed(error) => return Err(ClientError::Sql(error)),
                Event::LocalInfile { filename } => filename,
                _ => return Err(unexpected()),
            };
            link.send_file(&filename)?;
        }
    }
}

macro_rules! result_methods {
    ($type:ident, $row:ident, |$connection:ident| $taken:expr) => {
        impl<'c, S: Read + Write> $type<'c, S> {
            pub(super) const fn new(answer: Answer<'c, S>) -> Self {
                Self(answer)
            }

            /// The columns of the current result; empty for a statement without rows.
            pub fn columns(&self) -> &[ColumnDefinition] {
                self.0.columns()
            }

            /// The next row of the current result, which borrows the connection's buffer; `None` after the last.
            ///
            /// # Errors
            /// The server ends the result with an error, or the connection fails.
            #[expect(clippy::should_implement_trait, reason = "the row is lent, which `Iterator` can't say")]
            #[inline]
            pub fn next(&mut self) -> Result<Option<$row<'_>>, ClientError> {
                if !self.0.advance()? {
                    return Ok(None);
                }
                let $connection = &self.0.link.connection;
                $taken.map(Some)
            }

            /// Goes to the next statement's result, skipping the unread rows of this one; false where there is no further result.
            ///
            /// # Errors
            /// Those of `next`; also the error of that statement.
            pub fn next_result(&mut self) -> Result<bool, ClientError> {
                self.0.next_result()
            }

            /// The server's summary of the current statement; `None` while rows follow.
            pub const fn summary(&self) -> Option<&Summary> {
                match &self.0.stage {
                    Stage::Done(summary) => Some(summary),
                    Stage::Rows => None,
                }
            }
        }
    };
}

result_methods!(QueryResult, TextRow, |connection| Ok(connection.text_row()));
result_methods!(StatementResult, BinaryRow, |connection| connection.binary_row().map_err(ClientError::from));

impl<'c, S: Read + Write> Answer<'c, S> {
    /// Reads up to the beginning of the first result.
    pub(super) fn start(link: &'c mut Link<S>) -> Result<Self, ClientError> {
        let opening = Opening::read(link)?;
        Ok(Self::after(opening, link))
    }

    /// The rest of an answer whose beginning was read.
    pub(super) fn after(opening: Opening, link: &'c mut Link<S>) -> Self {
        let Opening { stage, has_rows } = opening;
        Self { link, stage, has_rows }
    }

    fn begin(&mut self) -> Result<(), ClientError> {
        // Until the next result has begun, there is nothing to skip.
        (self.stage, self.has_rows) = (Stage::Done(Summary::default()), false);
        let opening = Opening::read(self.link)?;
        (self.stage, self.has_rows) = (opening.stage, opening.has_rows);
        Ok(())
    }

    fn columns(&self) -> &[ColumnDefinition] {
        if self.has_rows { self.link.connection.columns() } else { &[] }
    }

    /// Goes to the next row; false where this result has no further row.
    #[inline]
    fn advance(&mut self) -> Result<bool, ClientError> {
        Ok(self.link.connection.advance_row().is_some() || self.read_on()?)
    }

    /// Reads up to the next row, or to the end of this result.
    fn read_on(&mut self) -> Result<bool, ClientError> {
        if let Stage::Done(_) = self.stage {
            return Ok(false);
        }
        let event = self.link.next_event()?;
        if let Event::Row(_) = event {
            return Ok(true);
        }
        // No row of this result follows the event, whatever the event is.
        self.stage = Stage::Done(Summary::default());
        match event {
            Event::ResultEnd { status, warnings } => {
                self.stage = Stage::Done(Summary { status, warnings, ..Summary::default() });
                Ok(false)
            }
            Event::Failed(error) => Err(ClientError::Sql(error)),
            _ => Err(unexpected()),
        }
    }

    fn next_result(&mut self) -> Result<bool, ClientError> {
        while self.advance()? {}
        let more = matches!(&self.stage, Stage::Done(summary) if summary.status.contains(StatusFlags::MORE_RESULTS));
        if more {
            self.begin()?;
        }
        Ok(more)
    }
}

impl<S: Read + Write> Drop for Answer<'_, S> {
    fn drop(&mut self) {
        // An error of the connection is returned by the next call too, and the error of a skipped statement is of no interest, so none is
        // lost.
        while let Ok(true) | Err(ClientError::Sql(_)) = self.next_result() {}
    }
}

/// The answers to [`Client::query_many`](super::Client::query_many), in the order of its statements. Answers that are not taken are skipped
/// when the pipeline is dropped.
#[derive(Debug)]
pub struct Pipeline<'c, S: Read + Write> {
    link: &'c mut Link<S>,
    waiting: usize,
}

impl<'c, S: Read + Write> Pipeline<'c, S> {
    pub(super) const fn new(link: &'c mut Link<S>, waiting: usize) -> Self {
        Self { link, waiting }
    }

    /// The answer to the next statement; `None` after the last.
    ///
    /// # Errors
    /// [`ClientError::Sql`] where the server refused the statement; the answers to the later statements still follow. After any other error
    /// the connection is over.
    #[expect(clippy::should_implement_trait, reason = "the result is lent, which `Iterator` can't say")]
    pub fn next(&mut self) -> Result<Option<QueryResult<'_, S>>, ClientError> {
        let Some(rest) = self.waiting.checked_sub(1) else { return Ok(None) };
        self.waiting = rest;
        Answer::start(self.link).map(|answer| Some(QueryResult::new(answer)))
    }
}

impl<S: Read + Write> Drop for Pipeline<'_, S> {
    fn drop(&mut self) {
        // Skips the answers that were not taken, and ignores errors for the same reasons as in the `drop` of `Answer`.
        while let Ok(Some(_)) | Err(ClientError::Sql(_)) = self.next() {}
    }
}
