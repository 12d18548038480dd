//! Events as `mariadb-binlog` prints them: statements that can be run again, and comments for people.

use std::fmt::Display;

use sealwire_binlog::{
    Body, Event, EventFlags, EventType, ExtraFlags, FormatDescription, GtidEvent, GtidSet, IntVar, MariaDbGtidEvent,
    Problem, Rows, RowsFlags, TransactionPayload, UserVar, Xid,
};

use super::clock::LocalTime;
use super::digits::{hex, number};
use super::hexdump;
use super::load::LoadFiles;
use super::rows_text;
use super::session_text::SessionText;
use super::user_variable;
use super::writing::{END, encode, identifier, keep_in_comment, put};

/// When `BINLOG` statements are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base64Output {
    /// For the format and for rows.
    Auto,
    /// Never, and rows are an error.
    Never,
    /// Never; rows are comments only.
    DecodeRows,
}

/// How events are printed.
#[derive(Debug, Clone)]
pub(super) struct TextOptions {
    /// How often `--verbose` was given.
    pub(super) verbose: usize,
    pub(super) base64: Base64Output,
    /// `--short-form`.
    pub(super) short: bool,
    /// `--hexdump`.
    pub(super) hexdump: bool,
    /// Whether the statements behind rows are printed.
    pub(super) annotations: bool,
    /// Whether the number of rows is printed behind each statement's rows.
    pub(super) row_count: bool,
    /// `--disable-log-bin`.
    pub(super) disable_log_bin: bool,
    /// `--set-charset`.
    pub(super) set_charset: Option<String>,
}

/// Prints events.
pub(super) struct TextPrinter {
    options: TextOptions,
    clock: LocalTime,
    session: SessionText,
    load: LoadFiles,
    /// The headers of a statement's row events, its BINLOG statement, and its rows as comments: printed at the statement's end.
    head: Vec<u8>,
    encoded: Vec<u8>,
    comments: Vec<u8>,
    /// The statement behind the rows, kept until the first table that is printed.
    annotation: Vec<u8>,
    rows: u64,
    /// Whether the format was printed, without which no BINLOG statement can be run.
    has_format: bool,
    skip_replication: bool,
    gtid: GtidState,
}

/// The variables that the last GTID events of MariaDB set.
#[derive(Debug, Default)]
struct GtidState {
    allow_parallel: Option<bool>,
    domain: Option<u32>,
    server: Option<u32>,
}

/// An error, or a sentence about something that can't be printed.
#[derive(Debug)]
pub(super) enum TextError {
    Problem(Problem),
    Sentence(String),
}

impl From<String> for TextError {
    fn from(sentence: String) -> Self {
        Self::Sentence(sentence)
    }
}

impl From<Problem> for TextError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl TextPrinter {
    pub(super) fn new(options: TextOptions, load: LoadFiles) -> Self {
        Self {
            options,
            clock: LocalTime::default(),
            session: SessionText::default(),
            load,
            head: Vec::new(),
            encoded: Vec::new(),
            comments: Vec::new(),
            annotation: Vec::new(),
            rows: 0,
            has_format: false,
            skip_replication: false,
            gtid: GtidState::default(),
        }
    }

    /// Begins the output.
    pub(super) fn begin(&self, out: &mut Vec<u8>) {
        put("/*!50530 SET @@SESSION.PSEUDO_SLAVE_MODE=1*/;\n/*!40019 SET @@session.max_delayed_threads=0*/;\n", out);
        if self.options.disable_log_bin {
            put("/*!32316 SET @OLD_SQL_LOG_BIN=@@SQL_LOG_BIN, SQL_LOG_BIN=0*/;\n", out);
        }
        put("/*!50003 SET @OLD_COMPLETION_TYPE=@@COMPLETION_TYPE,COMPLETION_TYPE=0*/;\n", out);
        if let Some(charset) = &self.options.set_charset {
            put("\n", out);
            for name in ["CHARACTER_SET_CLIENT", "CHARACTER_SET_RESULTS", "COLLATION_CONNECTION"] {
                put(format_args!("/*!40101 SET @OLD_{name}=@@{name} */;\n"), out);
            }
            put(format_args!("/*!40101 SET NAMES {charset} */;\n"), out);
        }
    }

    /// Ends the output. `by_ids` says that events were chosen by their servers or domains.
    pub(super) fn end(&self, by_ids: bool, out: &mut Vec<u8>) {
        put("# End of log file\nROLLBACK /* added by mysqlbinlog */;\n", out);
        put("/*!50003 SET COMPLETION_TYPE=@OLD_COMPLETION_TYPE*/;\n", out);
        if self.options.disable_log_bin {
            put("/*!32316 SET SQL_LOG_BIN=@OLD_SQL_LOG_BIN*/;\n", out);
        }
        if self.options.set_charset.is_some() {
            for name in ["CHARACTER_SET_CLIENT", "CHARACTER_SET_RESULTS", "COLLATION_CONNECTION"] {
                put(format_args!("/*!40101 SET {name}=@OLD_{name} */;\n"), out);
            }
        }
        put("/*!50530 SET @@SESSION.PSEUDO_SLAVE_MODE=0*/;\n", out);
        if by_ids {
            for name in ["SERVER_ID", "GTID_DOMAIN_ID"] {
                put(format_args!("/*!100001 SET @@SESSION.{name}=@@GLOBAL.{name} */;\n"), out);
            }
        }
    }

    /// Begins a log, in which nothing of an earlier log is known.
    pub(super) fn begin_log(&mut self, out: &mut Vec<u8>) {
        self.session = SessionText::default();
        self.gtid = GtidState::default();
        (self.rows, self.has_format, self.skip_replication) = (0, false, false);
        put("DELIMITER /*!*/;\n", out);
    }

    /// Ends a log.
    pub(super) fn end_log(&mut self, out: &mut Vec<u8>) {
        self.flush(out);
        put("DELIMITER ;\n", out);
    }

    /// Prints the rows of a statement whose last event is left out.
    pub(super) fn end_statement(&mut self, out: &mut Vec<u8>) {
        self.annotation.clear();
        out.append(&mut self.head);
        if !self.encoded.is_empty() {
            put("\nBINLOG '\n", out);
            out.append(&mut self.encoded);
            put(format_args!("'{END}\n"), out);
        }
        out.append(&mut self.comments);
        self.row_count(out);
    }

    /// Takes over the format of the log.
    pub(super) fn learn(&mut self, format: &FormatDescription<'_>) {
        self.session.format(format);
    }

    /// Prints an event.
    pub(super) fn event(&mut self, event: &Event<'_>, body: &Body<'_>, out: &mut Vec<u8>) -> Result<(), TextError> {
        if matches!(body, Body::Heartbeat(_) | Body::HeartbeatV2(_)) {
            return Ok(());
        }
        self.position(event, out);
        if !matches!(body, Body::TableMap(_) | Body::Rows(_) | Body::AnnotateRows(_) | Body::FormatDescription(_)) {
            self.skip_replication(event, out);
        }
        match body {
            Body::FormatDescription(format) => self.format(event, format),
            Body::Rotate(rotate) => {
                self.line(event, |out| {
                    put("Rotate to ", out);
                    out.extend_from_slice(rotate.file);
                    put(format_args!("  pos: {}", rotate.position), out);
                });
            }
            Body::Stop => self.line(event, |out| put("Stop", out)),
            Body::Query(query) => self.query(event, query),
            Body::LoadQuery(load) => {
                let Some(path) = self.load.finish(load.file_id)? else {
                    let why = "the beginning of its file is missing";
                    put(format_args!("# LOAD DATA left out: {why} (file_id {})\n", load.file_id), out);
                    return Ok(());
                };
                self.query_header(event, &load.query, "Execute_load_query");
                let sql = &load.query.sql;
                let (before, behind) = (sql.get(..load.name_start as usize), sql.get(load.name_end as usize..));
                self.head.extend_from_slice(before.unwrap_or(sql));
                put(" LOCAL INFILE ", &mut self.head);
                pretty(path.as_bytes(), b'\'', &mut self.head);
                if load.duplicates == 2 {
                    put(" REPLACE", &mut self.head);
                }
                put(" INTO", &mut self.head);
                self.head.extend_from_slice(behind.unwrap_or_default());
                put(format_args!("\n{END}\n"), &mut self.head);
                if !self.options.short {
                    put(format_args!("# file_id: {} \n", load.file_id), &mut self.head);
                }
            }
            Body::BeginLoadQuery(block) | Body::AppendBlock(block) => {
                let is_first = matches!(body, Body::BeginLoadQuery(_));
                let name = if is_first { "Begin_load_query" } else { "Append_block" };
                let (id, length) = (block.file_id, block.data.len());
                self.note(event, format_args!("#{name}: file_id: {id}  block_len: {length}"));
                self.load.append(id, block.data, is_first)?;
            }
            Body::DeleteFile(block) => self.note(event, format_args!("#Delete_file: file_id={}", block.file_id)),
            Body::IntVar(variable) => {
                self.line(event, |out| put("Intvar", out));
                let name = if variable.kind == IntVar::LAST_INSERT_ID { "LAST_INSERT_ID" } else { "INSERT_ID" };
                self.statement(format_args!("SET {name}={}", variable.value.cast_signed()));
            }
            Body::Rand(seeds) => {
                self.line(event, |out| put("Rand", out));
                self.statement(format_args!("SET @@RAND_SEED1={}, @@RAND_SEED2={}", seeds.seed1, seeds.seed2));
            }
            Body::UserVar(variable) => self.user_variable(event, variable),
            Body::Xid(number) => {
                self.line(event, |out| put(format_args!("Xid = {number}"), out));
                self.statement("COMMIT");
            }
            Body::XaPrepare(prepare) => {
                let xid = xid_text(&prepare.xid);
                self.line(event, |out| put(format_args!("XID = {xid}"), out));
                put(format_args!("XA PREPARE {xid}\n{END}\n"), &mut self.head);
            }
            Body::AnnotateRows(sql) => {
                self.annotate(event, sql, "Annotate_rows:", "#Q> ");
                return Ok(());
            }
            Body::RowsQuery(sql) => {
                self.annotate(event, sql, "Rows_query", "# ");
                return Ok(());
            }
            Body::TableMap(_) => {
                self.table(event, body)?;
                self.flush(out);
                return Ok(());
            }
            Body::Rows(rows) => return self.row_event(event, body, rows, out),
            Body::Gtid(gtid) | Body::AnonymousGtid(gtid) | Body::GtidTagged(gtid) => self.mysql_gtid(event, gtid),
            Body::MariaDbGtid(gtid) => self.mariadb_gtid(event, gtid),
            Body::PreviousGtids(set) => {
                self.line(event, |out| put("Previous-GTIDs", out));
                let set = GtidSet::decode(set)?;
                let text = if set.is_empty() { "[empty]".to_owned() } else { set.to_string().replace(',', ",\n# ") };
                self.comment(format_args!("# {text}"));
            }
            Body::GtidList(list) => {
                let mut all: Vec<_> = list.iter().collect();
                all.sort_by_key(|gtid| (gtid.domain, gtid.server));
                let all: Vec<String> = all.iter().map(ToString::to_string).collect();
                self.line(event, |out| put(format_args!("Gtid list [{}]", all.join(",\n# ")), out));
            }
            Body::BinlogCheckpoint(file) => self.line(event, |out| {
                put("Binlog checkpoint ", out);
                out.extend_from_slice(file);
            }),
            Body::StartEncryption(encryption) => {
                let nonce: String = encryption.nonce.iter().map(|byte| format!("{byte:02x}")).collect();
                let (scheme, version) = (encryption.scheme, encryption.key_version);
                put(format_args!("# Encryption scheme: {scheme}, key_version: {version}, nonce: {nonce}\n"), out);
                put("# The binlog is encrypted in its file; a server sends it decrypted.\n", out);
            }
            Body::Incident(incident) => {
                let name = if incident.number == 1 { "LOST_EVENTS" } else { "UNKNOWN" };
                self.note(event, format_args!("# Incident: {name}\nRELOAD DATABASE; # Shall generate syntax error"));
            }
            Body::TransactionPayload(payload) => self.payload(event, payload),
            Body::Heartbeat(_) | Body::HeartbeatV2(_) => {}
            Body::Obsolete(_) => {
                return Err(TextError::Sentence(format!(
                    "the log has a {} event, which no server writes since MySQL 5.1.18: use the mariadb-binlog of that time",
                    event.header.event_type.log_name()
                )));
            }
            Body::Other(_) => {
                let (number, name) = (event.header.event_type.0, event.header.event_type.log_name());
                self.line(event, |out| put("Ignorable", out));
                self.comment(format_args!("# Ignorable event type {number} ({name})"));
            }
        }
        self.flush(out);
        Ok(())
    }

    /// Prints an event's position.
    pub(super) fn position(&self, event: &Event<'_>, out: &mut Vec<u8>) {
        if !self.options.short {
            out.extend_from_slice(b"# at ");
            number(event.position, out);
            out.push(b'\n');
        }
    }

    /// Prints the flag of a change that replicas leave out, where it changes.
    fn skip_replication(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        let skip = event.header.flags.contains(EventFlags::SKIP_REPLICATION);
        if std::mem::replace(&mut self.skip_replication, skip) != skip {
            put(format_args!("/*!50521 SET skip_replication={}*/{END}\n", u8::from(skip)), out);
        }
    }

    /// The beginning of an event's first line, up to the tab.
    fn header(&mut self, event: &Event<'_>) {
        let time = self.clock.text(event.header.timestamp);
        let (server, end) = (event.header.server_id, self.session.end_position(&event.header));
        let out = &mut self.head;
        out.push(b'#');
        out.extend_from_slice(&time);
        out.extend_from_slice(b" server id ");
        number(server.into(), out);
        out.extend_from_slice(b"  end_log_pos ");
        number(end.into(), out);
        out.push(b' ');
        if let Some(checksum) = event.checksum.filter(|_| self.session.has_checksums) {
            out.extend_from_slice(b"CRC32 0x");
            out.extend_from_slice(&hex(checksum));
            out.push(b' ');
        }
        if self.options.hexdump {
            hexdump::print(event.position, event.bytes, &mut self.head);
        }
    }

    /// Prints an event's first line, whose rest `rest` appends.
    fn line(&mut self, event: &Event<'_>, rest: impl FnOnce(&mut Vec<u8>)) {
        if self.options.short {
            return;
        }
        self.header(event);
        self.head.push(b'\t');
        let start = self.head.len();
        rest(&mut self.head);
        keep_in_comment(&mut self.head, start);
        self.head.push(b'\n');
    }

    /// Prints an event whose first line has nothing but the header, and a comment below it.
    fn note(&mut self, event: &Event<'_>, text: impl Display) {
        if self.options.short {
            return;
        }
        self.header(event);
        put(format_args!("\n{text}\n"), &mut self.head);
    }

    fn comment(&mut self, text: impl Display) {
        if !self.options.short {
            put(format_args!("{text}\n"), &mut self.head);
        }
    }

    fn statement(&mut self, text: impl Display) {
        put(format_args!("{text}{END}\n"), &mut self.head);
    }

    fn prints_base64(&self) -> bool {
        self.options.base64 == Base64Output::Auto && !self.options.short
    }

    fn format(&mut self, event: &Event<'_>, format: &FormatDescription<'_>) {
        if !self.options.short {
            let created = self.clock.text(event.header.timestamp);
            self.line(event, |out| {
                put(format_args!("Start: binlog v {}, server v ", format.binlog_version), out);
                out.extend_from_slice(format.server_version);
                put(" created ", out);
                out.extend_from_slice(&created);
                if format.created != 0 {
                    put(" at startup", out);
                }
            });
            if event.header.flags.contains(EventFlags::IN_USE) {
                self.comment("# Warning: this binlog is either in use or was not closed properly.");
            }
        }
        if format.created != 0 && !event.header.flags.contains(EventFlags::ARTIFICIAL) {
            self.statement("ROLLBACK");
        }
        if self.options.base64 != Base64Output::Never && !self.options.short {
            if self.prints_base64() {
                put("BINLOG '\n", &mut self.head);
                encode(event.bytes, &mut self.head);
                put(format_args!("'{END}\n"), &mut self.head);
            }
            self.has_format = true;
        }
    }

    fn query_header(&mut self, event: &Event<'_>, query: &sealwire_binlog::Query<'_>, name: &str) {
        let xid = SessionText::xid(query);
        self.line(event, |out| {
            let (thread, seconds, error) = (query.thread_id, query.seconds, query.error_code);
            put(format_args!("{name}\tthread_id={thread}\texec_time={seconds}\terror_code={error}\txid={xid}"), out);
        });
        self.session.statement(&event.header, query, self.options.short, &mut self.head);
    }

    fn query(&mut self, event: &Event<'_>, query: &sealwire_binlog::Query<'_>) {
        let name = if query.packed.is_some() { "Query_compressed" } else { "Query" };
        self.query_header(event, query, name);
        let alter = SessionText::two_phase_alter(query);
        if alter == 0 {
            self.head.extend_from_slice(&query.sql);
            put(format_args!("\n{END}\n"), &mut self.head);
            return;
        }
        // The two halves of ALTER TABLE make sense to a replica only, so they are printed as it reads them.
        let is_comment = alter & (ExtraFlags::START_ALTER | ExtraFlags::ROLLBACK_ALTER) != 0;
        if self.prints_base64() {
            put(if is_comment { "/*!100600 BINLOG '\n" } else { "BINLOG '\n" }, &mut self.head);
            encode(event.bytes, &mut self.head);
            put(format_args!("{}{END}\n", if is_comment { "' */" } else { "'" }), &mut self.head);
        }
        if self.options.verbose > 0 {
            let start = self.head.len();
            put("### ", &mut self.head);
            self.head.extend_from_slice(&query.sql);
            keep_in_comment(&mut self.head, start);
            self.head.push(b'\n');
        }
    }

    fn user_variable(&mut self, event: &Event<'_>, variable: &UserVar<'_>) {
        self.line(event, |out| put("User_var", out));
        user_variable::assignment(variable, &mut self.head);
        put(format_args!("{END}\n"), &mut self.head);
    }

    /// Keeps the statement behind rows until a table is printed, because all of its tables may be left out.
    fn annotate(&mut self, event: &Event<'_>, sql: &[u8], title: &str, prefix: &str) {
        if !self.options.annotations {
            return;
        }
        let head = std::mem::take(&mut self.head);
        if self.options.short {
            put(format_args!("# {title}\n"), &mut self.head);
        } else {
            self.line(event, |out| put(title, out));
        }
        // The processor compares many bytes at a time, and most statements are one line.
        let has_lines = sql.iter().fold(false, |is_found, byte| is_found | (*byte == b'\r') | (*byte == b'\n'));
        let lines = if has_lines { sql.split(|byte| matches!(byte, b'\r' | b'\n')).collect() } else { vec![sql] };
        for line in lines.into_iter().filter(|line| !line.is_empty()) {
            put(prefix, &mut self.head);
            self.head.extend_from_slice(line);
            self.head.push(b'\n');
        }
        self.annotation = std::mem::replace(&mut self.head, head);
    }

    fn table(&mut self, event: &Event<'_>, body: &Body<'_>) -> Result<(), TextError> {
        self.check_format(event)?;
        self.head.append(&mut self.annotation);
        let Some(table) = &event.table else { return Ok(()) };
        let (id, triggers) = (table.table_id(), table.flags() & rows_text::HAS_TRIGGERS != 0);
        self.line(event, |out| {
            put("Table_map: ", out);
            identifier(table.database(), out);
            out.push(b'.');
            identifier(table.name(), out);
            put(format_args!(" mapped to number {id}{}", if triggers { " (has triggers)" } else { "" }), out);
        });
        if self.prints_base64() {
            self.session.encode(event, body, &mut self.encoded)?;
        }
        Ok(())
    }

    /// Refuses rows where no BINLOG statement may be printed.
    fn check_format(&self, event: &Event<'_>) -> Result<(), TextError> {
        if self.has_format || self.options.short || self.options.base64 == Base64Output::DecodeRows {
            return Ok(());
        }
        let name = event.header.event_type.log_name();
        Err(TextError::Sentence(if self.options.base64 == Base64Output::Never {
            format!(
                "--base64-output=never specified, but the log contains a {name} event which must be printed in base64: use \
                 --base64-output=decode-rows -v to print rows as comments"
            )
        } else {
            format!("a {name} event comes before the log's Format_desc event, without which no server could run it")
        }))
    }

    fn row_event(
        &mut self,
        event: &Event<'_>,
        body: &Body<'_>,
        rows: &Rows<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), TextError> {
        self.check_format(event)?;
        let ends = rows.flags.contains(RowsFlags::STMT_END);
        let name = rows_text::name(rows);
        self.line(event, |out| {
            let end = if ends { " flags: STMT_END_F" } else { "" };
            put(format_args!("{name}: table id {}{end}", rows.table_id), out);
        });
        if ends {
            self.annotation.clear();
            out.append(&mut self.head);
            let start = out.len();
            let printed = self.last_rows(event, body, rows, out);
            if printed.is_err() {
                out.truncate(start);
            }
            return printed;
        }
        if self.prints_base64() {
            self.session.encode(event, body, &mut self.encoded)?;
        }
        let mut comments = std::mem::take(&mut self.comments);
        let printed = self.rows_as_comments(rows, &mut comments);
        self.comments = comments;
        printed
    }

    /// Prints the rows of a statement whose last event this is. Its rows are not collected, because it is the only one as a rule, and large.
    fn last_rows(
        &mut self,
        event: &Event<'_>,
        body: &Body<'_>,
        rows: &Rows<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), TextError> {
        if self.prints_base64() {
            put("\nBINLOG '\n", out);
            out.append(&mut self.encoded);
            self.session.encode(event, body, out)?;
            put(format_args!("'{END}\n"), out);
        }
        out.append(&mut self.comments);
        self.rows_as_comments(rows, out)?;
        self.row_count(out);
        Ok(())
    }

    /// Appends the rows of an event as comments, and counts them.
    fn rows_as_comments(&mut self, rows: &Rows<'_>, out: &mut Vec<u8>) -> Result<(), TextError> {
        if !self.options.short || self.options.row_count {
            self.rows += if self.options.verbose > 0 && !self.options.short {
                rows_text::print(rows, self.options.verbose > 1, out)?
            } else {
                rows_text::count(rows)?
            };
        }
        Ok(())
    }

    /// Prints the number of a statement's rows.
    fn row_count(&mut self, out: &mut Vec<u8>) {
        if self.options.row_count && self.rows > 0 && !self.options.short {
            put(format_args!("# Number of rows: {}\n", self.rows), out);
        }
        self.rows = 0;
    }

    fn mariadb_gtid(&mut self, event: &Event<'_>, gtid: &MariaDbGtidEvent<'_>) {
        let has = |flag: u8| gtid.flags & flag != 0;
        let (domain, server, sequence) = (gtid.domain, event.header.server_id, gtid.sequence);
        if !self.options.short {
            self.line(event, |out| {
                out.extend_from_slice(b"GTID ");
                number(domain.into(), out);
                out.push(b'-');
                number(server.into(), out);
                out.push(b'-');
                number(sequence, out);
                if let Some(commit) = gtid.commit_id {
                    put(format_args!(" cid={commit}"), out);
                }
                let named = [
                    (MariaDbGtidEvent::DDL, " ddl"),
                    (MariaDbGtidEvent::TRANSACTIONAL, " trans"),
                    (MariaDbGtidEvent::WAITED, " waited"),
                ];
                named.iter().filter(|(flag, _)| has(*flag)).for_each(|(_, name)| put(name, out));
                if let Some(extra) = &gtid.extra {
                    let start = extra.start_alter.unwrap_or(0);
                    match extra.flags {
                        flags if flags & ExtraFlags::START_ALTER != 0 => put(" START ALTER", out),
                        flags if flags & ExtraFlags::COMMIT_ALTER != 0 => {
                            put(format_args!(" COMMIT ALTER id= {start}"), out)
                        }
                        flags if flags & ExtraFlags::ROLLBACK_ALTER != 0 => {
                            put(format_args!(" ROLLBACK ALTER id= {start}"), out);
                        }
                        _ => {}
                    }
                }
            });
            let parallel = has(MariaDbGtidEvent::ALLOW_PARALLEL);
            if self.gtid.allow_parallel.replace(parallel) != Some(parallel) {
                let skip = u8::from(!parallel);
                self.statement(format_args!("/*M!100101 SET @@session.skip_parallel_replication={skip}*/"));
            }
            if self.gtid.domain.replace(domain) != Some(domain) {
                self.statement(format_args!("/*M!100001 SET @@session.gtid_domain_id={domain}*/"));
            }
            if self.gtid.server.replace(server) != Some(server) {
                self.statement(format_args!("/*M!100001 SET @@session.server_id={server}*/"));
            }
            self.statement(format_args!("/*M!100001 SET @@session.gtid_seq_no={sequence}*/"));
        }
        match &gtid.xid {
            Some(xid) if has(MariaDbGtidEvent::PREPARED_XA) => {
                self.statement(format_args!("XA START {}", xid_text(xid)))
            }
            _ if has(MariaDbGtidEvent::STANDALONE) => {}
            _ => put(format_args!("START TRANSACTION\n{END}\n"), &mut self.head),
        }
        self.session.is_xa = has(MariaDbGtidEvent::PREPARED_XA | MariaDbGtidEvent::COMPLETED_XA);
    }

    fn mysql_gtid(&mut self, event: &Event<'_>, gtid: &GtidEvent<'_>) {
        let is_anonymous = event.header.event_type == EventType::ANONYMOUS_GTID;
        let commit = gtid.commit.map(|commit| (commit.original.unwrap_or(commit.immediate), commit.immediate));
        if !self.options.short {
            self.line(event, |out| {
                put(if is_anonymous { "Anonymous_GTID" } else { "GTID" }, out);
                if let Some(clock) = gtid.clock {
                    let (last, number) = (clock.last_committed, clock.sequence_number);
                    put(format_args!("\tlast_committed={last}\tsequence_number={number}"), out);
                }
                put(format_args!("\trbr_only={}", if gtid.flags & 1 == 0 { "yes" } else { "no" }), out);
                if let Some((original, immediate)) = commit {
                    put(
                        format_args!(
                            "\toriginal_committed_timestamp={original}\timmediate_commit_timestamp={immediate}"
                        ),
                        out,
                    );
                }
                if let Some(length) = gtid.transaction_length {
                    put(format_args!("\ttransaction_length={length}"), out);
                }
            });
            if gtid.flags & 1 == 0 {
                self.statement("/*!50718 SET TRANSACTION ISOLATION LEVEL READ COMMITTED*/");
            }
            if let Some((original, immediate)) = commit {
                self.comment(format_args!("# original_commit_timestamp={original}"));
                self.comment(format_args!("# immediate_commit_timestamp={immediate}"));
                self.statement(format_args!("/*!80001 SET @@session.original_commit_timestamp={original}*/"));
            }
            if let Some(version) = gtid.version {
                let (original, immediate) = (version.original.unwrap_or(version.immediate), version.immediate);
                self.statement(format_args!("/*!80014 SET @@session.original_server_version={original}*/"));
                self.statement(format_args!("/*!80014 SET @@session.immediate_server_version={immediate}*/"));
            }
        }
        if is_anonymous {
            self.statement("SET @@SESSION.GTID_NEXT= 'ANONYMOUS'");
            return;
        }
        let tag = String::from_utf8_lossy(gtid.tag);
        let tag = if tag.is_empty() { String::new() } else { format!(":{tag}") };
        self.statement(format_args!("SET @@SESSION.GTID_NEXT= '{}{tag}:{}'", gtid.uuid, gtid.number));
    }

    fn payload(&mut self, event: &Event<'_>, payload: &TransactionPayload<'_>) {
        self.line(event, |out| {
            let kind = if payload.compression == 0 { "ZSTD" } else { "NONE" };
            let (size, plain) = (payload.payload.len(), payload.plain_size.unwrap_or(payload.payload.len() as u64));
            put(
                format_args!(
                    "Transaction_Payload\t\tpayload_size={size}\tcompression_type={kind}\tuncompressed_size={plain}"
                ),
                out,
            );
        });
        self.comment("# Start of compressed events!");
    }

    /// Ends the events of a TRANSACTION_PAYLOAD.
    pub(super) fn end_payload(&mut self, out: &mut Vec<u8>) {
        self.comment("# End of compressed events!");
        self.flush(out);
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.head);
    }
}

/// Appends a text in quotes, with backslashes before the characters that need them.
fn pretty(text: &[u8], quote: u8, out: &mut Vec<u8>) {
    out.push(quote);
    for byte in text {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            0 => out.extend_from_slice(b"\\0"),
            b'\\' | b'\'' => out.extend_from_slice(&[b'\\', *byte]),
            _ => out.push(*byte),
        }
    }
    out.push(quote);
}

/// An XA transaction's identifier as in statements.
fn xid_text(xid: &Xid<'_>) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("X'{}',X'{}',{}", hex(xid.global), hex(xid.branch), xid.format)
}
