//! XA transactions: the events of the first phase wait in the engine's file, and XA COMMIT has them applied.

use sealwire_binlog::{Event, XaPrepare};
use sealwire_core::error::SqlError;

use super::errors::unreadable;
use super::xa::{Holding, Second, name_of, unnamed};
use super::{Applier, Boundary, Form, SourcePlace};

/// The bytes at which a part of the events is written, because they wait in memory until then.
const PART: usize = 1 << 20;
/// The bytes of an event's header.
const HEADER_SIZE: usize = 19;
/// The place of the size in the header.
const SIZE: std::ops::Range<usize> = 9..13;

impl Applier {
    /// Has the events that follow wait for the second phase, unless they are left out.
    pub(super) fn begin_holding(&mut self, xid: String) {
        match &mut self.group {
            Some(group) if group.is_left_out => group.form = Form::Transaction,
            _ => self.holding = Some(Holding { xid, part: Vec::new(), parts: 0 }),
        }
    }

    /// Keeps an event for the second phase.
    pub(super) fn hold_event(&mut self, event: &Event<'_>) -> Result<Boundary, SqlError> {
        let Some(holding) = &mut self.holding else { return Ok(Boundary::None) };
        let (Some(header), Ok(size)) = (event.bytes.get(..HEADER_SIZE), u32::try_from(HEADER_SIZE + event.body.len()))
        else {
            return Ok(Boundary::None);
        };
        let begin = holding.part.len();
        holding.part.extend_from_slice(header);
        // Without its checksum the event is shorter.
        if let Some(place) = holding.part.get_mut(begin + SIZE.start..begin + SIZE.end) {
            place.copy_from_slice(&size.to_le_bytes());
        }
        holding.part.extend_from_slice(event.body);
        if holding.part.len() >= PART { self.write_part() } else { Ok(()) }?;
        Ok(Boundary::None)
    }

    fn write_part(&mut self) -> Result<(), SqlError> {
        let Some(holding) = &mut self.holding else { return Ok(()) };
        self.server.engine.hold_events(&self.channel, &holding.xid, holding.parts, &holding.part)?;
        holding.part.clear();
        holding.parts += 1;
        Ok(())
    }

    /// The end of the first phase.
    pub(super) fn prepared(&mut self, prepare: &XaPrepare<'_>, place: SourcePlace<'_>) -> Result<Boundary, SqlError> {
        let xid = name_of(&prepare.xid);
        if self.holding.as_ref().is_none_or(|holding| holding.xid != xid) {
            return Err(unnamed());
        }
        self.write_part()?;
        self.holding = None;
        self.server.engine.prepare_events(&self.channel, &xid)?;
        if prepare.one_phase {
            return self.commit_prepared(&xid, place);
        }
        let Some(group) = &self.group else { return Ok(Boundary::None) };
        let (gtids, end) = self.end_of(group.gtid, place)?;
        self.session.own_engine()?.end_group();
        self.move_behind(gtids, end.place);
        // The events are on the disk, so the place may be, too.
        self.keep_place()?;
        Ok(Boundary::Skipped)
    }

    /// The second phase.
    pub(super) fn end_prepared(&mut self, second: &Second, place: SourcePlace<'_>) -> Result<Boundary, SqlError> {
        if self.is_left_out() {
            return self.leave_out(place);
        }
        match second {
            Second::Commit(xid) => self.commit_prepared(xid, place),
            Second::Rollback(xid) => {
                self.server.engine.release_events(&self.channel, xid)?;
                self.leave_out(place)
            }
        }
    }

    /// Applies the events of a prepared transaction, and commits them.
    fn commit_prepared(&mut self, xid: &str, place: SourcePlace<'_>) -> Result<Boundary, SqlError> {
        if !self.server.engine.begin_prepared(&self.channel, xid, self.number + 1)? {
            let message = format!(
                "XAER_NOTA: Unknown XID: XA COMMIT {xid} has no XA PREPARE behind the place at which this channel began; \
                 SET GLOBAL sql_slave_skip_counter = 1 leaves it out, and the rows must then be copied"
            );
            return Err(SqlError::new(1397, b"XAE04", message));
        }
        if let Some(group) = &mut self.group {
            group.form = Form::Transaction;
        }
        self.open_transaction()?;
        let mut number = 0;
        while let Some(part) = self.server.engine.held_events(&self.channel, xid, number)? {
            let mut rest: &[u8] = &part;
            loop {
                let inner = self.reader.next_inside(&mut rest).map_err(|error| unreadable(&error))?;
                let Some(inner) = inner else { break };
                self.apply_event(&inner, place)?;
            }
            number += 1;
        }
        let boundary = self.end_transaction(place)?;
        // The commit is on the disk before the events are gone, and so is the place of a transaction that changed nothing.
        self.keep_place()?;
        self.server.engine.release_events(&self.channel, xid)?;
        Ok(boundary)
    }
}
