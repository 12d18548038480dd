//! An event of the binary log as C programs see it.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::Arc;

use sealwire_binlog::{
    Body, Checksum, Event, EventFlags, EventType, Flavour, FormatDescription, Problem, Query, Rows, RowsKind, Table,
    TableMap, UserValue,
};
use sealwire_core::SqlError;
use sealwire_core::wire::Reader as WireReader;

use super::abi::replication::{
    Bytes, EVENT_TYPES, RplBeginLoad, RplBody, RplEncryption, RplEvent, RplExecuteLoad, RplFormat, RplGtid,
    RplGtidEvent, RplGtidList, RplGtidLog, RplIntVar, RplQuery, RplRand, RplRotate, RplRows, RplTableMap, RplUserVar,
    RplXaPrepare,
};
use super::arena::Arena;
use super::failure;
use super::log::{Log, log_error};

unsafe extern "C" {
    fn snprintf(to: *mut c_char, size: usize, format: *const c_char, ...) -> c_int;
}

/// All that the pointers of an event lead to.
#[derive(Debug)]
pub(crate) struct Storage {
    /// The event as it came.
    pub(crate) raw: Vec<u8>,
    /// The part of it that was compressed.
    inflated: Vec<u8>,
    pub(crate) arena: Arena,
    /// The table that a TABLE_MAP event describes.
    pub(crate) table: Option<Arc<Table>>,
}

impl Storage {
    const fn new() -> Self {
        Self { raw: Vec::new(), inflated: Vec::new(), arena: Arena::new(), table: None }
    }
}

/// Makes an event for a new one: from the program's earlier one, or from nothing.
///
/// # Safety
/// `event` is NULL, or an event of this function that was not freed.
pub(crate) unsafe fn renewed(event: *mut RplEvent) -> *mut RplEvent {
    // SAFETY: the caller promises it, so that the storage is that of an event, or NULL.
    unsafe {
        if event.is_null() {
            let mut fresh = Box::new(RplEvent::zeroed());
            fresh.storage = Box::into_raw(Box::new(Storage::new())).cast();
            return Box::into_raw(fresh);
        }
        let mut storage = (*event).storage.cast::<Storage>();
        if storage.is_null() {
            storage = Box::into_raw(Box::new(Storage::new()));
        }
        (*storage).arena = Arena::new();
        (*storage).inflated = Vec::new();
        (*storage).table = None;
        event.write(RplEvent::zeroed());
        (*event).storage = storage.cast();
        event
    }
}

/// Frees an event.
///
/// # Safety
/// As [`renewed`]; the pointer is not used afterwards.
pub(crate) unsafe fn free(event: *mut RplEvent) {
    // SAFETY: the caller promises it.
    unsafe {
        if event.is_null() {
            return;
        }
        if !(*event).storage.is_null() {
            drop(Box::from_raw((*event).storage.cast::<Storage>()));
        }
        drop(Box::from_raw(event));
    }
}

/// Fills in the event whose bytes are in `storage` from `offset` on.
pub(crate) fn fill(event: &mut RplEvent, storage: &mut Storage, offset: usize, log: &mut Log) -> Result<(), SqlError> {
    let Storage { raw, inflated, arena, table } = storage;
    event.rpl = &raw mut log.abi;
    event.raw_data = raw.as_mut_ptr();
    event.raw_data_size = raw.len();
    event.raw_data_offset = offset;
    let bytes: &[u8] = raw.get(offset..).unwrap_or_default();
    let found = if log.abi.mysql.is_null() {
        log.reader.next(&mut &*bytes).transpose().unwrap_or_else(|| Err(log_cut(log)))
    } else {
        log.reader.event(bytes)
    }
    .map_err(log_error)?;
    let header = found.header;
    event.kind = header.event_type.0.into();
    event.timestamp = header.timestamp;
    event.server_id = header.server_id;
    event.length = header.size;
    event.next_position = header.end_log_pos;
    event.flags = header.flags.0;
    event.checksum = found.checksum.unwrap_or(0);
    let body = found.decode().map_err(log_error)?;
    match &body {
        Body::Rotate(rotate) => log.set_filename(rotate.file),
        Body::FormatDescription(format) => take_format(format, log),
        Body::StartEncryption(start) => {
            log.abi.nonce = start.nonce;
            log.abi.encrypted = 1;
        }
        Body::TableMap(_) => table.clone_from(&found.table),
        _ => {}
    }
    let mut place = Room { arena, inflated, uncompress: log.abi.uncompress != 0 };
    event.body = body_of(body, &found, &mut place)?;
    Ok(())
}

/// A file's event that is shorter than its header says. The reader was given all of it, so this can't be.
fn log_cut(log: &Log) -> sealwire_binlog::Error {
    sealwire_binlog::Error { position: log.reader.position(), event: None, problem: Problem::Truncated("the event") }
}

/// Publishes what a FORMAT_DESCRIPTION event says about those to come.
fn take_format(format: &FormatDescription<'_>, log: &mut Log) {
    log.abi.header_length = format.header_length;
    log.abi.use_checksum = u8::from(log.reader.checksum() == Checksum::Crc32);
    log.abi.server_type = u32::from(format.flavour() == Flavour::MariaDb);
    log.abi.post_header_lengths = [0; EVENT_TYPES];
    let known = format.post_header_lengths.iter().zip(&mut log.abi.post_header_lengths);
    let mut count = 0;
    for (length, place) in known {
        *place = *length;
        count += 1;
    }
    log.abi.count_of_post_headers = count;
}

/// Where the parts of an event are kept that are not in its bytes as they shall be.
struct Room<'s> {
    arena: &'s mut Arena,
    inflated: &'s mut Vec<u8>,
    uncompress: bool,
}

impl Room<'_> {
    /// A copy with a NUL behind it.
    fn text(&mut self, bytes: &[u8]) -> Result<*mut c_char, SqlError> {
        self.arena.text(bytes).ok_or_else(failure::no_memory)
    }

    fn copy(&mut self, bytes: &[u8]) -> Result<Bytes, SqlError> {
        Ok(Bytes { start: self.text(bytes)?, length: bytes.len() })
    }

    /// The place of a part that may have been compressed.
    fn inflated(&mut self, bytes: std::borrow::Cow<'_, [u8]>) -> Bytes {
        match bytes {
            std::borrow::Cow::Borrowed(bytes) => Bytes::of(bytes),
            std::borrow::Cow::Owned(bytes) => {
                *self.inflated = bytes;
                Bytes::of(self.inflated)
            }
        }
    }
}

/// The union's member for this event.
///
/// # Errors
/// 5020 for an event that the C header has no type for, and that must not be skipped.
fn body_of(body: Body<'_>, found: &Event<'_>, place: &mut Room<'_>) -> Result<RplBody, SqlError> {
    let mut all = RplEvent::zeroed().body;
    match body {
        Body::Rotate(rotate) => {
            all.rotate = RplRotate { position: rotate.position, filename: Bytes::of(rotate.file) };
        }
        Body::FormatDescription(format) => {
            all.format = RplFormat {
                format: format.binlog_version,
                server_version: place.text(format.server_version)?,
                timestamp: format.created,
                header_length: format.header_length,
                post_header_lengths: Bytes::of(format.post_header_lengths),
            };
        }
        Body::Stop => {}
        Body::Query(query) => all.query = query_of(query, place),
        Body::LoadQuery(load) => {
            let query = load.query;
            all.execute_load = RplExecuteLoad {
                thread_id: query.thread_id,
                execution_time: query.seconds,
                schema: Bytes::of(query.database),
                error_code: query.error_code,
                file_id: load.file_id,
                name_start: load.name_start,
                name_end: load.name_end,
                duplicates: load.duplicates,
                status: Bytes::of(query.status.0),
                statement: place.inflated(query.sql),
            };
        }
        Body::BeginLoadQuery(block) => {
            all.begin_load = RplBeginLoad { file_id: block.file_id, data: place.text(block.data)? };
        }
        Body::IntVar(number) => all.int_var = RplIntVar { value: number.value, kind: number.kind },
        Body::Rand(rand) => all.rand = RplRand { first_seed: rand.seed1, second_seed: rand.seed2 },
        Body::UserVar(variable) => {
            let name = Bytes::of(variable.name);
            all.user_var = match variable.value {
                None => RplUserVar { name, is_null: 1, kind: 0, charset: 0, value: Bytes::NONE, flags: 0 },
                Some(value) => RplUserVar {
                    name,
                    is_null: 0,
                    kind: value.kind,
                    charset: value.charset,
                    value: user_value(&value, found, place)?,
                    flags: value.flags.unwrap_or(0),
                },
            };
        }
        Body::Xid(number) => all.xid = number,
        Body::XaPrepare(prepare) => {
            let xid = prepare.xid;
            all.xa_prepare = RplXaPrepare {
                one_phase: u8::from(prepare.one_phase),
                format_id: xid.format,
                gtrid_length: xid.global.len() as u32,
                bqual_length: xid.branch.len() as u32,
                xid: place.copy(&[xid.global, xid.branch].concat())?,
            };
        }
        Body::TableMap(map) => all.table_map = table_map(&map).map_err(|problem| log_error(found.error(problem)))?,
        Body::Rows(rows) if rows.kind != RowsKind::PartialUpdate => all.rows = rows_of(rows, place),
        Body::Gtid(gtid) | Body::AnonymousGtid(gtid) => {
            all.gtid_log = RplGtidLog {
                commit_flag: gtid.flags,
                source_id: gtid.uuid.0,
                sequence_nr: gtid.number.cast_unsigned(),
            };
        }
        Body::MariaDbGtid(gtid) => {
            let xid = gtid.xid;
            all.gtid = RplGtidEvent {
                sequence_nr: gtid.sequence,
                domain_id: gtid.domain,
                flags: gtid.flags,
                commit_id: gtid.commit_id.unwrap_or(0),
                format_id: xid.map_or(0, |xid| xid.format),
                gtrid_length: xid.map_or(0, |xid| xid.global.len() as u8),
                bqual_length: xid.map_or(0, |xid| xid.branch.len() as u8),
                xid: match xid {
                    Some(xid) => place.copy(&[xid.global, xid.branch].concat())?,
                    None => Bytes::NONE,
                },
            };
        }
        Body::GtidList(list) => {
            let count = list.iter().count();
            let gtids =
                place.arena.take(count * size_of::<RplGtid>()).ok_or_else(failure::no_memory)?.cast::<RplGtid>();
            for (at, gtid) in list.iter().enumerate() {
                let gtid = RplGtid { domain_id: gtid.domain, server_id: gtid.server, sequence_nr: gtid.sequence };
                // SAFETY: there is room for as many as the list has.
                unsafe { gtids.add(at).write(gtid) };
            }
            let gtids = if count == 0 { ptr::null_mut() } else { gtids };
            all.gtid_list = RplGtidList { count: count as u32, gtids };
        }
        Body::AnnotateRows(bytes)
        | Body::BinlogCheckpoint(bytes)
        | Body::Heartbeat(bytes)
        | Body::PreviousGtids(bytes) => all.bytes = Bytes::of(bytes),
        Body::StartEncryption(start) => {
            all.encryption = RplEncryption { scheme: start.scheme, key_version: start.key_version, nonce: start.nonce };
        }
        // The program gets the header and the bytes of what may be skipped.
        _ if found.header.flags.contains(EventFlags::IGNORABLE) => {}
        _ => return Err(log_error(found.error(Problem::UnknownEvent))),
    }
    Ok(all)
}

fn query_of(query: Query<'_>, place: &mut Room<'_>) -> RplQuery {
    RplQuery {
        thread_id: query.thread_id,
        seconds: query.seconds,
        database: Bytes::of(query.database),
        errornr: query.error_code.into(),
        status: Bytes::of(query.status.0),
        statement: match query.packed {
            // The program inflates it itself.
            Some(packed) if !place.uncompress => Bytes::of(packed),
            _ => place.inflated(query.sql),
        },
    }
}

/// A user variable's value in the form of the original: a DOUBLE and a DECIMAL as texts.
fn user_value(value: &UserValue<'_>, found: &Event<'_>, place: &mut Room<'_>) -> Result<Bytes, SqlError> {
    match value.kind {
        UserValue::DECIMAL => {
            let number = value.decimal().map_err(|problem| log_error(found.error(problem)))?;
            place.copy(number.to_string().as_bytes())
        }
        UserValue::REAL => {
            let bytes = value.data.first_chunk::<8>();
            let bytes = bytes.ok_or_else(|| log_error(found.error(Problem::Truncated("the value"))))?;
            let mut text = [0_u8; 32];
            // SAFETY: the format takes a double, and the text has the size that the function is told.
            let length = unsafe {
                snprintf(text.as_mut_ptr().cast(), text.len(), c"%.14g".as_ptr(), f64::from_le_bytes(*bytes))
            };
            place.copy(text.get(..usize::try_from(length).unwrap_or(0)).unwrap_or_default())
        }
        UserValue::INT if value.data.len() < 8 => Err(log_error(found.error(Problem::Truncated("the value")))),
        _ => Ok(Bytes::of(value.data)),
    }
}

fn rows_of(rows: Rows<'_>, place: &mut Room<'_>) -> RplRows {
    let bits = |bits: &[u8]| bits.as_ptr().cast_mut();
    let compressed = u8::from(rows.packed.is_some());
    let (column_bitmap, column_update_bitmap) = match rows.kind {
        RowsKind::Write => (bits(rows.after), ptr::null_mut()),
        RowsKind::Delete => (bits(rows.before), ptr::null_mut()),
        RowsKind::Update | RowsKind::PartialUpdate => (bits(rows.before), bits(rows.after)),
    };
    let extra = Bytes::of(rows.extra);
    let data = place.inflated(rows.data);
    RplRows {
        kind: match rows.kind {
            RowsKind::Write => 0,
            RowsKind::Update | RowsKind::PartialUpdate => 1,
            RowsKind::Delete => 2,
        },
        table_id: rows.table_id,
        flags: rows.flags.0,
        column_count: rows.columns as u32,
        column_bitmap,
        column_update_bitmap,
        null_bitmap: ptr::null_mut(),
        row_data_size: data.length,
        row_data: data.start.cast::<c_void>(),
        extra_data_size: extra.length,
        extra_data: extra.start.cast::<c_void>(),
        compressed,
        row_count: 0,
    }
}

fn table_map(map: &TableMap<'_>) -> Result<RplTableMap, Problem> {
    let pointer = |bytes: &[u8]| Bytes::of(bytes).start.cast::<u8>();
    let mut all = RplTableMap {
        table_id: map.table_id,
        database: Bytes::of(map.database),
        table: Bytes::of(map.table),
        column_count: map.types.len() as u32,
        column_types: Bytes::of(map.types),
        metadata: Bytes::of(map.metadata),
        null_indicator: pointer(map.nullable),
        signed_indicator: ptr::null_mut(),
        column_names: Bytes::NONE,
        geometry_types: Bytes::NONE,
        default_charset: 0,
        column_charsets: Bytes::NONE,
        simple_primary_keys: Bytes::NONE,
        prefixed_primary_keys: Bytes::NONE,
        set_values: Bytes::NONE,
        enum_values: Bytes::NONE,
        enum_set_default_charset: 0,
        enum_set_column_charsets: Bytes::NONE,
    };
    let what = "optional metadata";
    let mut optional = WireReader::new(map.optional);
    while !optional.is_empty() {
        let (kind, value) = (optional.u8(what)?, optional.lenenc_bytes(what)?);
        let number = || WireReader::new(value).lenenc_int(what);
        match kind {
            1 => all.signed_indicator = pointer(value),
            2 => all.default_charset = u32::try_from(number()?).unwrap_or(0),
            3 => all.column_charsets = Bytes::of(value),
            4 => all.column_names = Bytes::of(value),
            5 => all.set_values = Bytes::of(value),
            6 => all.enum_values = Bytes::of(value),
            7 => all.geometry_types = Bytes::of(value),
            8 => all.simple_primary_keys = Bytes::of(value),
            9 => all.prefixed_primary_keys = Bytes::of(value),
            // The header has a byte for this number; 0 says that the number is larger.
            10 => all.enum_set_default_charset = u8::try_from(number()?).unwrap_or(0),
            11 => all.enum_set_column_charsets = Bytes::of(value),
            _ => {}
        }
    }
    Ok(all)
}

/// Whether the C header has rows for events of this type.
pub(crate) const fn has_rows(kind: u32) -> bool {
    const FIRST: u32 = EventType::WRITE_ROWS_V1.0 as u32;
    const LAST: u32 = EventType::DELETE_ROWS_V1.0 as u32;
    matches!(kind, FIRST..=LAST | 30..=32 | 166..=171)
}
