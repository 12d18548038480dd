//! The effect of each event.

use std::collections::BTreeSet;

use sealwire_binlog::{
    Body, Checksum, Event, EventFlags, ExtraFlags, FormatDescription, Inflate, IntVar, Limits, MariaDbGtid,
    MariaDbGtidEvent, Query, Reader, Rows, Tag, TransactionPayload,
};
use sealwire_core::error::SqlError;

use super::errors::{is_refusal, of_rows, of_statement, otherwise, unreadable, unsupported};
use super::positions::Gtid;
use super::rewrites::{is_ever_logged, is_upkeep, rewritten};
use super::statement::{Given, Needs, fraction_needed, has_precision};
use super::xa::{self, Second};
use super::zones::{Words, updated_columns};
use super::{Applier, Boundary, Form, Group, GroupKind, LEFT_OUT_KEPT_EACH, SourcePlace};
use crate::engine::TransactionStep;
use crate::engine::replicated::RowChange;
use crate::replication::{Origin, OriginGtid};
use crate::session::Session;
use crate::sql::{Cursor, optional};

/// The numbers of errors by which a statement says that it was carried out before: a database, or an account, is there or is gone.
const CARRIED_OUT: &[u16] = &[1007, 1008, 1141, 1147, 1269, 1396];

/// The numbers of errors of GRANT and REVOKE on a table or view that is not here.
const LACKED: &[u16] = &[1146, 1147];

/// The statement before the events of MySQL's XA transactions. The identifier follows.
const XA_START: &[u8] = b"XA START ";

impl Applier {
    pub(super) fn apply_event(&mut self, event: &Event<'_>, place: SourcePlace<'_>) -> Result<Boundary, SqlError> {
        let body = event.decode().map_err(|error| unreadable(&error))?;
        match &body {
            Body::FormatDescription(format) => return self.begin_file(event, format),
            Body::Rotate(_)
            | Body::Stop
            | Body::PreviousGtids(_)
            | Body::GtidList(_)
            | Body::BinlogCheckpoint(_)
            | Body::StartEncryption(_)
            | Body::Heartbeat(_)
            | Body::HeartbeatV2(_)
            | Body::Other(_) => return Ok(Boundary::None),
            _ => {}
        }
        let has_gtid = matches!(body, Body::MariaDbGtid(_) | Body::Gtid(_) | Body::GtidTagged(_));
        if self.group.is_none() && !has_gtid && self.was_applied(place) {
            return Ok(Boundary::None);
        }
        if self.holding.is_some() && !has_gtid {
            return match &body {
                Body::XaPrepare(prepare) => self.prepared(prepare, place),
                Body::TransactionPayload(payload) => self.payload(event, payload, place),
                _ => self.hold_event(event),
            };
        }
        match body {
            Body::MariaDbGtid(gtid) => self.begin_mariadb(event, &gtid),
            Body::Gtid(gtid) | Body::GtidTagged(gtid) => {
                let tag = Tag::new(gtid.tag).unwrap_or_default();
                if self.is_logged && !gtid.tag.is_empty() {
                    let way_out = "start this server without --log-bin, or set gtid_next without a tag at the source";
                    return Err(unsupported("a GTID with a tag, for a replica with a binary log,", way_out));
                }
                self.begin_announced(event, Some(Gtid::MySql(gtid.uuid, tag, gtid.number)))
            }
            Body::AnonymousGtid(_) => self.begin_announced(event, None),
            Body::Query(query) => self.query(event, &query, place),
            Body::Xid(_) => self.end_transaction(place),
            Body::TableMap(_) => Ok(Boundary::None),
            Body::Rows(rows) => self.rows(event, &rows, place),
            Body::AnnotateRows(text) | Body::RowsQuery(text) => {
                self.rows_statement = Some(String::from_utf8_lossy(text).into_owned());
                Ok(Boundary::None)
            }
            Body::IntVar(number) => {
                match number.kind {
                    IntVar::LAST_INSERT_ID => self.given.last_insert_id = Some(number.value),
                    IntVar::INSERT_ID => self.given.insert_id = Some(number.value),
                    _ => {}
                }
                Ok(Boundary::None)
            }
            Body::Rand(seeds) => {
                self.given.random_seeds = Some((seeds.seed1, seeds.seed2));
                Ok(Boundary::None)
            }
            Body::UserVar(variable) => {
                // MariaDB puts such a variable in the place of an event that the replica would not understand.
                if variable.name.first() != Some(&b'!') {
                    self.given.add_variable(&variable)?;
                }
                Ok(Boundary::None)
            }
            Body::TransactionPayload(payload) => self.payload(event, &payload, place),
            Body::Incident(incident) => {
                let message = format!(
                    "The incident LOST_EVENTS occured on the master. Message: {}",
                    String::from_utf8_lossy(incident.message)
                );
                Err(SqlError::new(1590, b"HY000", message))
            }
            Body::LoadQuery(load) => self.load(event, &load, place),
            Body::BeginLoadQuery(_) | Body::AppendBlock(_) | Body::DeleteFile(_) if self.is_left_out() => {
                Ok(Boundary::None)
            }
            Body::BeginLoadQuery(block) => self.load_block(&block, true),
            Body::AppendBlock(block) => self.load_block(&block, false),
            Body::DeleteFile(block) => self.forget_file(block.file_id),
            Body::XaPrepare(_) if self.group.is_none() || self.is_left_out() => self.leave_out(place),
            Body::XaPrepare(_) => Err(xa::unnamed()),
            _ => Err(unsupported("events that servers no longer write", "upgrade the source")),
        }
    }

    /// Whether a group was applied that ends at, or behind, this place. Groups with GTIDs count by those, because another source may have
    /// the same file names.
    fn was_applied(&self, place: SourcePlace<'_>) -> bool {
        place.end_position > 0 && place.file == self.applied.file && place.end_position <= self.applied.position
    }

    pub(super) fn is_left_out(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.is_left_out)
    }

    /// Reads how the next events are written. A source that was started again has not ended its last transaction.
    fn begin_file(&mut self, event: &Event<'_>, format: &FormatDescription<'_>) -> Result<Boundary, SqlError> {
        self.reader = Reader::stream(Checksum::None, Limits::default());
        self.reader.event(event.bytes).map_err(|error| unreadable(&error))?;
        if format.created != 0 && !event.header.flags.contains(EventFlags::ARTIFICIAL) && self.group.is_some() {
            self.abandon();
        }
        Ok(Boundary::None)
    }

    /// Opens a group.
    pub(super) fn begin(&mut self, event: &Event<'_>, form: Form, gtid: Option<Gtid>) -> Result<(), SqlError> {
        if self.group.is_some() {
            // Another GTID before the end: the source was killed, or an event is missing.
            self.abandon();
        }
        let own_id = self.server.globals.server_id.get();
        let server_id = event.header.server_id;
        let is_own = u64::from(server_id) == own_id && !self.filters.same_server_id;
        let is_applied = gtid.is_some_and(|gtid| self.gtids.contains(gtid));
        if is_own && !is_applied && !self.has_told_own_id {
            self.tell_own_id(server_id, gtid);
        }
        let mut group = Group {
            form,
            gtid,
            is_left_out: is_own || is_applied,
            is_repeated: false,
            done: BTreeSet::new(),
            origin: Some(Origin {
                server_id,
                gtid: match gtid {
                    Some(Gtid::MariaDb(gtid)) => Some(OriginGtid::MariaDb(gtid.domain, gtid.sequence)),
                    Some(Gtid::MySql(uuid, _, number)) => Some(OriginGtid::MySql(uuid.0, number)),
                    None => None,
                },
            }),
        };
        if let Some(partial) = &self.partial {
            let mut gtids = self.gtids.clone();
            if let Some(gtid) = gtid {
                gtids.add(gtid)?;
            }
            if gtids.kept_text() == partial.place.gtids {
                group.is_repeated = partial.done.is_empty();
                group.done.clone_from(&partial.done);
            }
        }
        let is_left_out = group.is_left_out;
        self.group = Some(group);
        if form == Form::Transaction && !is_left_out {
            self.open_transaction()?;
        }
        Ok(())
    }

    /// Warns of a group that has this server's number, and is not in its log: it is left out, and would be missed.
    fn tell_own_id(&mut self, server_id: u32, gtid: Option<Gtid>) {
        let Some(gtid) = gtid else { return };
        let is_logged = self.server.log.as_ref().is_some_and(|log| {
            log.has(|gtids| match gtid {
                Gtid::MariaDb(gtid) => {
                    gtids.last_of_server(gtid.domain, gtid.server).is_some_and(|last| last >= gtid.sequence)
                }
                Gtid::MySql(uuid, tag, number) => gtids.transactions.contains(uuid, tag, number),
            })
        });
        if is_logged {
            return;
        }
        self.has_told_own_id = true;
        let (channel, gtid) = (&self.channel, gtid.text());
        tracing::warn!(
            "replication channel '{channel}' leaves out the group {gtid}, because it comes from a server with the id {server_id}, and it is not in \
             this server's binary log: another server may have this server's id {server_id}; SET GLOBAL server_id"
        );
    }

    pub(super) fn open_transaction(&mut self) -> Result<(), SqlError> {
        self.announce(None)?;
        self.session.take_step(TransactionStep::Begin)
    }

    fn begin_mariadb(&mut self, event: &Event<'_>, gtid: &MariaDbGtidEvent<'_>) -> Result<Boundary, SqlError> {
        let own = gtid.gtid(event.header.server_id);
        // The transaction of a first phase is not opened, because its events wait.
        let prepares = gtid.flags & MariaDbGtidEvent::PREPARED_XA != 0;
        let form = match gtid.is_standalone() {
            true => Form::Statement,
            false if prepares => Form::Announced,
            false => Form::Transaction,
        };
        let flags = gtid.extra.map_or(0, |extra| extra.flags);
        let MariaDbGtid { domain, server, sequence } = own;
        self.begin(event, form, Some(Gtid::MariaDb(MariaDbGtid { domain, server, sequence })))?;
        if let Some(xid) = gtid.xid.filter(|_| prepares) {
            self.begin_holding(xa::name_of(&xid));
        }
        // The second half of a two-phase ALTER has the statement again, and says whether it succeeded.
        if flags & (ExtraFlags::START_ALTER | ExtraFlags::ROLLBACK_ALTER) != 0
            && let Some(group) = &mut self.group
        {
            group.is_left_out = true;
        }
        Ok(Boundary::None)
    }

    fn begin_announced(&mut self, event: &Event<'_>, gtid: Option<Gtid>) -> Result<Boundary, SqlError> {
        self.begin(event, Form::Announced, gtid)?;
        Ok(Boundary::None)
    }

    fn query(&mut self, event: &Event<'_>, query: &Query<'_>, place: SourcePlace<'_>) -> Result<Boundary, SqlError> {
        let text = query.sql.trim_ascii();
        let is = |word: &str| text.eq_ignore_ascii_case(word.as_bytes());
        let form = self.group.as_ref().map_or(Form::Announced, |group| group.form);
        let begins = |words: &[u8]| text.get(..words.len()).is_some_and(|start| start.eq_ignore_ascii_case(words));
        if begins(XA_START) && form == Form::Announced {
            if self.group.is_none() {
                self.begin(event, Form::Announced, None)?;
            }
            self.begin_holding(xa::name(text.get(XA_START.len()..).unwrap_or_default()));
            return Ok(Boundary::None);
        }
        if let Some(second) = Second::of(text) {
            if self.group.is_none() {
                self.begin(event, Form::Statement, None)?;
            }
            return self.end_prepared(&second, place);
        }
        if is("BEGIN") {
            if form == Form::Announced {
                self.begin_transaction(event)?;
            }
            return Ok(Boundary::None);
        }
        if form == Form::Transaction || self.group.is_some() {
            if is("COMMIT") {
                return self.end_transaction(place);
            }
            if is("ROLLBACK") {
                return self.roll_back(place);
            }
        }
        if form == Form::Transaction {
            if !self.is_left_out() && !begins(b"XA END ") {
                self.run_statement(event, query)?;
            }
            self.given = Given::default();
            return Ok(Boundary::None);
        }
        if self.group.is_none() {
            self.begin(event, Form::Statement, None)?;
        }
        self.run_group(event, query, place)
    }

    /// Opens the transaction of a BEGIN, whose GTID may have come before.
    fn begin_transaction(&mut self, event: &Event<'_>) -> Result<(), SqlError> {
        let Some(group) = &mut self.group else { return self.begin(event, Form::Transaction, None) };
        group.form = Form::Transaction;
        if group.is_left_out { Ok(()) } else { self.open_transaction() }
    }

    /// Commits the open transaction.
    pub(super) fn end_transaction(&mut self, place: SourcePlace<'_>) -> Result<Boundary, SqlError> {
        let Some(group) = &self.group else { return Ok(Boundary::None) };
        let (gtids, end) = self.end_of(group.gtid, place)?;
        if group.is_left_out {
            return self.leave_out(place);
        }
        self.announce(Some(end.clone()))?;
        self.session.take_step(TransactionStep::Commit)?;
        self.settle()?;
        self.move_behind(gtids, end.place);
        self.keep_if_needed()?;
        Ok(Boundary::Applied(GroupKind::Transactional))
    }

    /// Ends a transaction that the source rolled back, and logged because it could not undo all of it.
    fn roll_back(&mut self, place: SourcePlace<'_>) -> Result<Boundary, SqlError> {
        if self.session.has_transaction() {
            self.session.take_step(TransactionStep::Rollback)?;
        }
        self.leave_out(place)
    }

    /// Moves behind a group of which nothing is applied.
    pub(super) fn leave_out(&mut self, place: SourcePlace<'_>) -> Result<Boundary, SqlError> {
        let is_applied = |gtid: &Gtid| self.gtids.contains(*gtid);
        let gtid = self.group.as_ref().and_then(|group| group.gtid).filter(|gtid| !is_applied(gtid));
        let (gtids, end) = self.end_of(gtid, place)?;
        self.session.own_engine()?.end_group();
        self.move_behind(gtids, end.place);
        self.left_out += 1;
        if self.left_out >= LEFT_OUT_KEPT_EACH {
            self.keep_place()?;
        }
        Ok(Boundary::Skipped)
    }

    /// Notes whether the commit kept the place in a database.
    pub(super) fn settle(&mut self) -> Result<(), SqlError> {
        let is_kept = self.session.own_engine()?.end_group();
        self.left_out = if is_kept { 0 } else { self.left_out + 1 };
        Ok(())
    }

    /// Keeps the place where groups that changed no database are many.
    pub(super) fn keep_if_needed(&mut self) -> Result<(), SqlError> {
        if self.left_out >= LEFT_OUT_KEPT_EACH { self.keep_place() } else { Ok(()) }
    }

    /// Runs the statement that is the whole group.
    fn run_group(
        &mut self,
        event: &Event<'_>,
        query: &Query<'_>,
        place: SourcePlace<'_>,
    ) -> Result<Boundary, SqlError> {
        let Some(group) = &self.group else { return Ok(Boundary::None) };
        let (gtid, is_repeated) = (group.gtid, group.is_repeated);
        if group.is_left_out {
            return self.leave_out(place);
        }
        let Some((all, needs)) = self.prepare(event, query)? else { return self.leave_out(place) };
        let (gtids, end) = self.end_of(gtid, place)?;
        let Some((sql, earlier)) = all.split_last() else { return self.leave_out(place) };
        let is_outside = Session::is_outside(sql);
        if is_outside {
            self.session.own_engine()?.begin_outside(&self.channel, &end)?;
        } else if !earlier.is_empty() {
            // Several statements stand for one, so they are one transaction.
            self.open_transaction()?;
            for sql in &all {
                self.run_prepared(query, sql, &needs)?;
            }
        }
        self.announce(Some(end.clone()))?;
        if earlier.is_empty() {
            if !is_outside {
                self.session.take_step(TransactionStep::Begin)?;
            }
            match self.run_prepared(query, sql, &needs) {
                Err(error) if is_outside && is_repeated && CARRIED_OUT.contains(&error.code) => {}
                Err(error) if LACKED.contains(&error.code) && optional::read(&query.sql).is_some() => {
                    self.tell_left_out(&error);
                }
                ran => ran?,
            }
        }
        if self.session.has_transaction() {
            self.session.take_step(TransactionStep::Commit)?;
        }
        self.settle()?;
        self.move_behind(gtids, end.place);
        if is_outside {
            self.keep_place()?;
        }
        self.keep_if_needed()?;
        Ok(Boundary::Applied(kind_of(sql)))
    }

    /// Runs a statement within a transaction. An optional one that this server refuses is left out.
    fn run_statement(&mut self, event: &Event<'_>, query: &Query<'_>) -> Result<(), SqlError> {
        let error = match self.run_within(event, query) {
            Err(error) if is_refusal(&error) => error,
            ran => return ran,
        };
        let Some(optional) = optional::read(&query.sql) else { return Err(error) };
        self.tell_left_out(&error);
        // The statement is alone in its group.
        if self.session.has_transaction() {
            self.session.take_step(TransactionStep::Rollback)?;
        }
        self.open_transaction()?;
        let Some(otherwise) = optional.otherwise else { return Ok(()) };
        // It may be refused, too.
        let otherwise = optional::write(&otherwise, None).into_bytes();
        self.run_statement(event, &Query { sql: otherwise.into(), ..query.clone() })
    }

    fn tell_left_out(&self, error: &SqlError) {
        tracing::warn!(
            "the channel '{}' goes on without a statement of the source's that replicas may refuse: {}",
            self.channel,
            error.message
        );
    }

    fn run_within(&mut self, event: &Event<'_>, query: &Query<'_>) -> Result<(), SqlError> {
        match self.prepare(event, query)? {
            Some((all, needs)) => all.iter().try_for_each(|sql| self.run_prepared(query, sql, &needs)),
            None => Ok(()),
        }
    }

    /// The canonical texts that stand for a statement, and what they need; `None` where it is left out, or is a comment alone.
    fn prepare(&mut self, event: &Event<'_>, query: &Query<'_>) -> Result<Option<(Vec<String>, Needs)>, SqlError> {
        let source = String::from_utf8_lossy(query.database).into_owned();
        let source = Some(source).filter(|database| !database.is_empty());
        let database = source.as_deref().map(|database| self.filters.rewritten(database).to_owned());
        let needs = std::mem::take(&mut self.given).needs(query, &event.header, database.as_deref());
        let failed = |error| of_statement(error, database.as_deref(), &query.sql);
        let most = self.server.globals.inherited().max_allowed_packet;
        if query.sql.len() as u64 > most {
            let message = format!(
                "Got a packet bigger than 'max_allowed_packet' bytes: the statement has {}; SET GLOBAL max_allowed_packet to more than {most}",
                query.sql.len()
            );
            return Err(failed(SqlError::new(1153, b"08S01", message)));
        }
        self.session.surround(&needs.surroundings).map_err(failed)?;
        let sql = self.session.canonical_text(&query.sql).map_err(failed)?;
        if sql.trim().is_empty() || !self.is_allowed(&sql, database.as_deref()).map_err(failed)? {
            return Ok(None);
        }
        if !is_ever_logged(&sql) {
            let way_out = "no server logs such a statement; find out what the source is";
            return Err(failed(unsupported(sql.get(..40).unwrap_or(&sql), way_out)));
        }
        if is_upkeep(&sql) {
            tracing::info!(
                "the channel '{}' leaves out the source's statement '{sql}', which changes no data",
                self.channel
            );
            return Ok(None);
        }
        if !changes_rows(&sql) {
            return Ok(Some((rewritten(sql), needs)));
        }
        if needs.has_fraction && self.needs_fraction(&sql) {
            return Err(failed(fraction_needed()));
        }
        if self.updates_by_itself(&sql).map_err(failed)? {
            let what = "an UPDATE of a table with ON UPDATE CURRENT_TIMESTAMP that does not set that column";
            return Err(failed(unsupported(what, "set binlog_format=ROW at the source")));
        }
        let moment = needs.surroundings.moment;
        let sql = match &needs.time_zone {
            Some(zone) => self.moved_to_utc(&sql, zone, moment).map_err(failed)?,
            None => sql,
        };
        Ok(Some((rewritten(sql), needs)))
    }

    /// Whether a statement changes rows of a table with a column that the source sets by itself, because the engine does not.
    fn updates_by_itself(&mut self, sql: &str) -> Result<bool, SqlError> {
        let words = Words::of(sql);
        if !words.is_word(&["UPDATE"]) {
            return Ok(false);
        }
        for (database, table) in self.session.tables_changed(sql)? {
            let Ok(definition) = self.server.engine.table_definition(&database, &table) else { continue };
            if updated_columns(&definition.statement).iter().any(|column| !words.names(column)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a statement, or a column that it changes, has a time with a fraction of a second.
    fn needs_fraction(&mut self, sql: &str) -> bool {
        let tables = self.session.tables_changed(sql).unwrap_or_default();
        let engine = &self.server.engine;
        let is_precise = |(database, table): &(String, String)| {
            engine.table_definition(database, table).is_ok_and(|definition| has_precision(&definition.statement))
        };
        has_precision(sql) || tables.iter().any(is_precise)
    }

    /// Whether the filters let a statement through.
    fn is_allowed(&mut self, sql: &str, database: Option<&str>) -> Result<bool, SqlError> {
        // Savepoints belong to the transaction, whatever its tables are.
        if Cursor::new(sql).accept_one(&["SAVEPOINT", "ROLLBACK", "RELEASE"]).is_some() {
            return Ok(true);
        }
        if !self.filters.allow_database(database) {
            return Ok(false);
        }
        if !self.filters.has_tables() {
            return Ok(true);
        }
        let tables = self.session.tables_changed(sql)?;
        Ok(self.filters.allow_tables(tables.iter().map(|(database, table)| (database.as_str(), table.as_str()))))
    }

    pub(super) fn run_prepared(&mut self, query: &Query<'_>, sql: &str, needs: &Needs) -> Result<(), SqlError> {
        let database = needs.surroundings.database.as_deref();
        match (self.session.replicate(sql), query.error_code) {
            (Ok(done), 0) => {
                let generates = needs.surroundings.insert_id.is_some() && done.last_insert_id > 0;
                if generates && needs.increment > 1 && done.affected_rows > 1 {
                    let what =
                        format!("several AUTO_INCREMENT values with auto_increment_increment={}", needs.increment);
                    let error = unsupported(&what, "set binlog_format=ROW at the source");
                    return Err(of_statement(error, database, &query.sql));
                }
                Ok(())
            }
            (Ok(_), expected) => Err(otherwise(expected, database, &query.sql)),
            (Err(error), expected) if expected != 0 && error.code == expected => Ok(()),
            (Err(error), _) => Err(of_statement(error, database, &query.sql)),
        }
    }

    fn rows(&mut self, event: &Event<'_>, rows: &Rows<'_>, place: SourcePlace<'_>) -> Result<Boundary, SqlError> {
        if self.group.is_none() {
            let problem = sealwire_binlog::Problem::Malformed("the order of events: rows outside of a transaction");
            return Err(unreadable(&event.error(problem)));
        }
        // An event without rows ends a statement whose rows were left out.
        if self.is_left_out() || (rows.table.is_none() && rows.data.is_empty()) {
            return Ok(Boundary::None);
        }
        if self.group.as_ref().is_some_and(|group| group.form == Form::Announced) {
            self.begin_transaction(event)?;
        }
        let Some(table) = &rows.table else {
            let problem = sealwire_binlog::Problem::NoTable(rows.table_id);
            return Err(unreadable(&event.error(problem)));
        };
        let database = String::from_utf8_lossy(table.database());
        let name = String::from_utf8_lossy(table.name());
        let database = self.filters.rewritten(&database).to_owned();
        if !self.filters.allow_database(Some(&database)) || !self.filters.allow_tables([(&*database, &*name)]) {
            return Ok(Boundary::None);
        }
        let mut limits = self.session.row_limits();
        limits.is_logged = self.is_logged;
        let change = RowChange { database: &database, table: &name, rows, statement: self.rows_statement.as_deref() };
        let applied = self.session.own_engine()?.apply_rows(&change, &limits);
        applied.map_err(|error| of_rows(error, event, (&database, &name), place))?;
        Ok(Boundary::None)
    }

    /// Applies the events of a compressed transaction.
    fn payload(
        &mut self,
        event: &Event<'_>,
        payload: &TransactionPayload<'_>,
        place: SourcePlace<'_>,
    ) -> Result<Boundary, SqlError> {
        let inflate = Inflate::default();
        let plain = payload.inflate(&inflate).map_err(|problem| unreadable(&event.error(problem)))?;
        let mut rest: &[u8] = &plain;
        let mut boundary = Boundary::None;
        loop {
            let inner = self.reader.next_inside(&mut rest).map_err(|error| unreadable(&error))?;
            let Some(inner) = inner else { return Ok(boundary) };
            match self.apply_event(&inner, place)? {
                Boundary::None => {}
                ended => boundary = ended,
            }
        }
    }
}

/// Whether a statement changes rows.
fn changes_rows(sql: &str) -> bool {
    Cursor::new(sql).accept_one(&["INSERT", "REPLACE", "UPDATE", "DELETE", "WITH"]).is_some()
}

fn kind_of(sql: &str) -> GroupKind {
    if Cursor::new(sql).accept_one(&["CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE"]).is_some() {
        GroupKind::Definition
    } else {
        GroupKind::NonTransactional
    }
}
