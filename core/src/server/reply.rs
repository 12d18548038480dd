//! The replies of a server connection to its client's commands.

use alloc::string::String;

use super::reply_stage::{Reply, Stage, send_error};
use super::{Connection, RowBatch, State};
use crate::error::Error;
use crate::message::SqlError;
use crate::message::{
    Capabilities, ColumnDefinition, EofPacket, OkPacket, StatusFlags, StmtPrepareOk, Value, encode_binary_row,
    encode_text_row,
};
use crate::wire::Put;

impl Connection {
    /// OK. Ends the reply unless its status has `MORE_RESULTS`.
    ///
    /// # Errors
    /// `Misuse` if no command waits for this reply, or the sticky error. The same holds for every reply.
    pub fn ok(&mut self, ok: &OkPacket<'_>) -> Result<(), Error> {
        self.at(Stage::Start)?;
        let capabilities = self.link.facts.capabilities;
        self.link.channel.send_traced("OK_Packet", |out| ok.encode(capabilities, out), String::new);
        self.finish(ok.status);
        Ok(())
    }

    /// ERR. Ends the reply, also in the middle of rows.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn err(&mut self, error: &SqlError) -> Result<(), Error> {
        self.reply()?;
        send_error(&mut self.link.channel, error);
        self.finish(StatusFlags::NONE);
        Ok(())
    }

    /// One packet of text: the answer to COM_STATISTICS.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn text(&mut self, text: &[u8]) -> Result<(), Error> {
        self.at(Stage::Start)?;
        self.link.channel.send(|out| out.put(text));
        self.finish(StatusFlags::NONE);
        Ok(())
    }

    /// EOF, or OK if the client has deprecated EOF packets: the answer to COM_SET_OPTION.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn eof(&mut self, status: StatusFlags) -> Result<(), Error> {
        self.at(Stage::Start)?;
        self.send_eof(status, 0);
        self.finish(StatusFlags::NONE);
        Ok(())
    }

    /// Begins a result with its columns. Rows follow, then [`end_rows`](Self::end_rows).
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn begin_rows(&mut self, columns: &[ColumnDefinition]) -> Result<(), Error> {
        self.at(Stage::Start)?;
        self.link.channel.send(|out| out.put_lenenc_int(columns.len() as u64));
        self.define(columns);
        if self.has_eof() {
            self.send_eof(StatusFlags::AUTOCOMMIT, 0);
        }
        self.reply()?.stage = Stage::Rows;
        Ok(())
    }

    /// Begins the binary log's stream, the reply to COM_BINLOG_DUMP: packets follow by [`rows`](Self::rows), then
    /// [`end_rows`](Self::end_rows), or [`kill`](Self::kill) with an error. `acknowledges` says that the replica has asked for
    /// semi-synchronous replication, so that [`Acknowledged`](super::Event::Acknowledged) events may come meanwhile.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn begin_stream(&mut self, acknowledges: bool) -> Result<(), Error> {
        self.at(Stage::Start)?;
        let reply = self.reply()?;
        (reply.stage, reply.acknowledges) = (Stage::Rows, acknowledges);
        Ok(())
    }

    /// A row of a result to COM_QUERY.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn text_row<'v>(&mut self, values: impl IntoIterator<Item = Option<&'v [u8]>>) -> Result<(), Error> {
        self.at(Stage::Rows)?;
        self.link.channel.send(|out| encode_text_row(values, out));
        Ok(())
    }

    /// A row of a result to COM_STMT_EXECUTE.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn binary_row(&mut self, columns: &[ColumnDefinition], values: &[Value<'_>]) -> Result<(), Error> {
        self.at(Stage::Rows)?;
        self.link.channel.send(|out| encode_binary_row(columns, values, out));
        Ok(())
    }

    /// Sends rows that were encoded elsewhere, perhaps on another thread. They are not copied if nothing else waits to be sent.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn rows(&mut self, batch: RowBatch) -> Result<(), Error> {
        self.at(Stage::Rows)?;
        self.link.channel.send_packets(batch.into_packets());
        Ok(())
    }

    /// Ends the rows of a result. Another result follows if the status has `MORE_RESULTS`.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn end_rows(&mut self, status: StatusFlags, warnings: u16) -> Result<(), Error> {
        self.at(Stage::Rows)?;
        self.send_eof(status, warnings);
        self.finish(status);
        Ok(())
    }

    /// A complete result to COM_QUERY, for when all its rows are at hand.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn reply_rows(
        &mut self,
        columns: &[ColumnDefinition],
        rows: &[&[Option<&[u8]>]],
        status: StatusFlags,
    ) -> Result<(), Error> {
        self.begin_rows(columns)?;
        for row in rows {
            self.text_row(row.iter().copied())?;
        }
        self.end_rows(status, 0)
    }

    /// The answer to COM_STMT_PREPARE.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn prepared(
        &mut self,
        statement: u32,
        parameters: &[ColumnDefinition],
        columns: &[ColumnDefinition],
        warnings: u16,
    ) -> Result<(), Error> {
        self.at(Stage::Start)?;
        let count = |definitions: &[ColumnDefinition]| u16::try_from(definitions.len());
        let (Ok(parameter_count), Ok(column_count)) = (count(parameters), count(columns)) else {
            return Err(Error::Misuse("a statement of more than 65535 parameters or columns"));
        };
        let ok = StmtPrepareOk { statement, columns: column_count, parameters: parameter_count, warnings };
        self.link.channel.send(|out| ok.encode(out));
        for definitions in [parameters, columns] {
            self.define(definitions);
            if self.has_eof() && !definitions.is_empty() {
                self.send_eof(StatusFlags::AUTOCOMMIT, 0);
            }
        }
        self.finish(StatusFlags::NONE);
        Ok(())
    }

    /// The answer to COM_FIELD_LIST.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn field_list(&mut self, columns: &[ColumnDefinition], status: StatusFlags) -> Result<(), Error> {
        self.at(Stage::Start)?;
        let capabilities = self.link.facts.capabilities;
        for column in columns {
            self.link.channel.send(|out| {
                column.encode(capabilities, out);
                // The column's default value, which only this command shows: NULL.
                out.put_u8(0xfb);
            });
        }
        self.send_eof(status, 0);
        self.finish(StatusFlags::NONE);
        Ok(())
    }

    /// Requests a file of the client: LOAD DATA LOCAL INFILE. `LocalData` events follow, then `LocalDataEnd`, after which the reply is due.
    ///
    /// # Errors
    /// As [`ok`](Self::ok), and `Misuse` if the client does not permit it.
    pub fn local_infile(&mut self, filename: &[u8]) -> Result<(), Error> {
        self.at(Stage::Start)?;
        if !self.link.facts.capabilities.contains(Capabilities::LOCAL_FILES) {
            return Err(Error::Misuse("the client allows no LOAD DATA LOCAL"));
        }
        self.link.channel.send(|out| {
            out.put_u8(0xfb);
            out.put(filename);
        });
        self.reply()?.stage = Stage::File;
        Ok(())
    }

    fn define(&mut self, columns: &[ColumnDefinition]) {
        let capabilities = self.link.facts.capabilities;
        for column in columns {
            self.link.channel.send(|out| column.encode(capabilities, out));
        }
    }

    /// Sends the end of rows or definitions: EOF, or OK in its place.
    fn send_eof(&mut self, status: StatusFlags, warnings: u16) {
        let capabilities = self.link.facts.capabilities;
        if self.has_eof() {
            self.link.channel.send(|out| EofPacket { warnings, status }.encode(out));
        } else {
            let ok = OkPacket { status, warnings, ..OkPacket::default() };
            self.link.channel.send(|out| ok.encode_as_eof(capabilities, out));
        }
    }

    const fn has_eof(&self) -> bool {
        !self.link.facts.capabilities.contains(Capabilities::DEPRECATE_EOF)
    }

    fn reply(&mut self) -> Result<&mut Reply, Error> {
        self.link.check()?;
        match &mut self.state {
            State::Commands(Some(reply)) if !self.link.is_over() => Ok(reply),
            _ => Err(Error::Misuse("no command waits for a reply")),
        }
    }

    fn at(&mut self, stage: Stage) -> Result<(), Error> {
        if self.reply()?.stage == stage { Ok(()) } else { Err(Error::Misuse("a reply out of its order")) }
    }

    /// Ends the reply unless more results follow.
    fn finish(&mut self, status: StatusFlags) {
        if let State::Commands(reply) = &mut self.state {
            if status.contains(StatusFlags::MORE_RESULTS) {
                *reply = Some(Reply::default());
            } else {
                *reply = None;
                self.link.channel.end_exchange();
            }
        }
    }
}
