//! The reader of a binary log, its events, and the rows of row events.

use std::ffi::{c_char, c_uint, c_ulong, c_void};

use super::{Mysql, MysqlTime, layout};

/// The number behind that of the last type of event that the header knows.
pub(crate) const EVENT_TYPES: usize = 172;

/// `MARIADB_STRING` and `MARIADB_CONST_DATA`: bytes without an end of their own.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes {
    pub(crate) start: *mut c_char,
    pub(crate) length: usize,
}

layout!(Bytes, 16; start 0, length 8);

impl Bytes {
    pub(crate) const NONE: Self = Self { start: std::ptr::null_mut(), length: 0 };

    /// The place of these bytes; NULL where there are none, as in the original.
    pub(crate) const fn of(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            Self::NONE
        } else {
            Self { start: bytes.as_ptr().cast_mut().cast(), length: bytes.len() }
        }
    }
}

/// `MARIADB_RPL`: the reader of a log.
#[repr(C)]
pub(crate) struct Rpl {
    pub(crate) version: c_uint,
    pub(crate) mysql: *mut Mysql,
    pub(crate) filename: *mut c_char,
    pub(crate) filename_length: u32,
    pub(crate) server_id: u32,
    pub(crate) start_position: c_ulong,
    pub(crate) flags: u16,
    pub(crate) header_length: u8,
    pub(crate) use_checksum: u8,
    pub(crate) artificial_checksum: u8,
    pub(crate) verify_checksum: u8,
    pub(crate) post_header_lengths: [u8; EVENT_TYPES],
    fp: *mut c_void,
    pub(crate) error_no: u32,
    pub(crate) error_msg: [c_char; 512],
    pub(crate) uncompress: u8,
    pub(crate) host: *mut c_char,
    pub(crate) port: u32,
    pub(crate) extract_values: u8,
    pub(crate) nonce: [u8; 12],
    pub(crate) encrypted: u8,
    pub(crate) is_semi_sync: u8,
    pub(crate) server_type: c_uint,
    pub(crate) count_of_post_headers: u16,
}

layout!(Rpl, 792; version 0, mysql 8, filename 16, filename_length 24, server_id 28, start_position 32, flags 40, header_length 42,
    use_checksum 43, artificial_checksum 44, verify_checksum 45, post_header_lengths 46, fp 224, error_no 232, error_msg 236,
    uncompress 748, host 752, port 760, extract_values 764, nonce 765, encrypted 777, is_semi_sync 778, server_type 780,
    count_of_post_headers 784);

impl Rpl {
    /// A reader without a log.
    pub(crate) const fn zeroed() -> Self {
        // SAFETY: every field is a number or a raw pointer, of which all-zero bytes are a value.
        unsafe { core::mem::zeroed() }
    }
}

/// The time of a TIMESTAMP, in UTC.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RplTimestamp {
    pub(crate) second: u32,
    pub(crate) second_part: u32,
}

/// A value, whose member depends on the type beside it.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) union RplAny {
    pub(crate) signed: i64,
    pub(crate) unsigned: u64,
    pub(crate) float: f32,
    pub(crate) double: f64,
    pub(crate) time: MysqlTime,
    pub(crate) timestamp: RplTimestamp,
    pub(crate) bytes: Bytes,
}

/// `MARIADB_RPL_VALUE`: a value of a row.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RplValue {
    pub(crate) kind: c_uint,
    pub(crate) is_null: u8,
    pub(crate) is_signed: u8,
    pub(crate) any: RplAny,
}

layout!(RplValue, 48; kind 0, is_null 4, is_signed 5, any 8);

impl RplValue {
    /// The number 0.
    pub(crate) const fn zeroed() -> Self {
        // SAFETY: every field is a number or a raw pointer, of which all-zero bytes are a value.
        unsafe { core::mem::zeroed() }
    }
}

/// `MARIADB_RPL_ROW`: an image of a row.
#[repr(C)]
pub(crate) struct RplRow {
    pub(crate) column_count: u32,
    pub(crate) columns: *mut RplValue,
    pub(crate) next: *mut Self,
}

layout!(RplRow, 24; column_count 0, columns 8, next 16);

/// `MARIADB_GTID`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RplGtid {
    pub(crate) domain_id: c_uint,
    pub(crate) server_id: c_uint,
    pub(crate) sequence_nr: u64,
}

layout!(RplGtid, 16; domain_id 0, server_id 4, sequence_nr 8);

/// Defines the structs of the union's members, with their layouts.
macro_rules! bodies {
    ($($(#[$about:meta])* $name:ident $size:literal { $($field:ident: $type:ty = $offset:literal),* $(,)? })*) => {
        $(
            $(#[$about])*
            #[repr(C)]
            #[derive(Clone, Copy)]
            pub(crate) struct $name {
                $(pub(crate) $field: $type),*
            }

            layout!($name, $size; $($field $offset),*);
        )*
    };
}

bodies! {
    /// ROTATE.
    RplRotate 24 { position: u64 = 0, filename: Bytes = 8 }
    /// QUERY and QUERY_COMPRESSED.
    RplQuery 64 {
        thread_id: u32 = 0, seconds: u32 = 4, database: Bytes = 8, errornr: u32 = 24, status: Bytes = 32, statement: Bytes = 48,
    }
    /// FORMAT_DESCRIPTION.
    RplFormat 40 {
        format: u16 = 0, server_version: *mut c_char = 8, timestamp: u32 = 16, header_length: u8 = 20, post_header_lengths: Bytes = 24,
    }
    /// GTID_LIST.
    RplGtidList 16 { count: u32 = 0, gtids: *mut RplGtid = 8 }
    /// GTID of MariaDB.
    RplGtidEvent 48 {
        sequence_nr: u64 = 0, domain_id: u32 = 8, flags: u8 = 12, commit_id: u64 = 16, format_id: u32 = 24, gtrid_length: u8 = 28,
        bqual_length: u8 = 29, xid: Bytes = 32,
    }
    /// TABLE_MAP.
    RplTableMap 240 {
        table_id: u64 = 0, database: Bytes = 8, table: Bytes = 24, column_count: u32 = 40, column_types: Bytes = 48,
        metadata: Bytes = 64, null_indicator: *mut u8 = 80, signed_indicator: *mut u8 = 88, column_names: Bytes = 96,
        geometry_types: Bytes = 112, default_charset: u32 = 128, column_charsets: Bytes = 136, simple_primary_keys: Bytes = 152,
        prefixed_primary_keys: Bytes = 168, set_values: Bytes = 184, enum_values: Bytes = 200, enum_set_default_charset: u8 = 216,
        enum_set_column_charsets: Bytes = 224,
    }
    /// RAND.
    RplRand 16 { first_seed: u64 = 0, second_seed: u64 = 8 }
    /// INTVAR.
    RplIntVar 16 { value: u64 = 0, kind: u8 = 8 }
    /// USER_VAR.
    RplUserVar 48 { name: Bytes = 0, is_null: u8 = 16, kind: u8 = 17, charset: u32 = 20, value: Bytes = 24, flags: u8 = 40 }
    /// The row events.
    RplRows 88 {
        kind: c_uint = 0, table_id: u64 = 8, flags: u16 = 16, column_count: u32 = 20, column_bitmap: *mut u8 = 24,
        column_update_bitmap: *mut u8 = 32, null_bitmap: *mut u8 = 40, row_data_size: usize = 48, row_data: *mut c_void = 56,
        extra_data_size: usize = 64, extra_data: *mut c_void = 72, compressed: u8 = 80, row_count: u32 = 84,
    }
    /// XA_PREPARE.
    RplXaPrepare 32 { one_phase: u8 = 0, format_id: u32 = 4, gtrid_length: u32 = 8, bqual_length: u32 = 12, xid: Bytes = 16 }
    /// BEGIN_LOAD_QUERY.
    RplBeginLoad 16 { file_id: u32 = 0, data: *mut c_char = 8 }
    /// EXECUTE_LOAD_QUERY.
    RplExecuteLoad 80 {
        thread_id: u32 = 0, execution_time: u32 = 4, schema: Bytes = 8, error_code: u16 = 24, file_id: u32 = 28, name_start: u32 = 32,
        name_end: u32 = 36, duplicates: u8 = 40, status: Bytes = 48, statement: Bytes = 64,
    }
    /// GTID of MySQL.
    RplGtidLog 32 { commit_flag: u8 = 0, source_id: [u8; 16] = 1, sequence_nr: u64 = 24 }
    /// START_ENCRYPTION.
    RplEncryption 20 { scheme: u8 = 0, key_version: u32 = 4, nonce: [u8; 12] = 8 }
}

/// The body of an event. Its member depends on the event's type.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) union RplBody {
    pub(crate) rotate: RplRotate,
    pub(crate) query: RplQuery,
    pub(crate) format: RplFormat,
    pub(crate) gtid_list: RplGtidList,
    pub(crate) xid: u64,
    pub(crate) gtid: RplGtidEvent,
    pub(crate) table_map: RplTableMap,
    pub(crate) rand: RplRand,
    pub(crate) int_var: RplIntVar,
    pub(crate) user_var: RplUserVar,
    pub(crate) rows: RplRows,
    pub(crate) xa_prepare: RplXaPrepare,
    pub(crate) begin_load: RplBeginLoad,
    pub(crate) execute_load: RplExecuteLoad,
    pub(crate) gtid_log: RplGtidLog,
    pub(crate) encryption: RplEncryption,
    /// ANNOTATE_ROWS, BINLOG_CHECKPOINT, HEARTBEAT and PREVIOUS_GTIDS.
    pub(crate) bytes: Bytes,
}

/// `MARIADB_RPL_EVENT`: an event.
#[repr(C)]
pub(crate) struct RplEvent {
    /// In place of the original's `MA_MEM_ROOT`: what the event's pointers lead to.
    pub(crate) storage: *mut c_void,
    room: [usize; 6],
    pub(crate) raw_data: *mut u8,
    pub(crate) raw_data_size: usize,
    pub(crate) raw_data_offset: usize,
    pub(crate) checksum: c_uint,
    pub(crate) ok: c_char,
    pub(crate) kind: c_uint,
    pub(crate) timestamp: c_uint,
    pub(crate) server_id: c_uint,
    pub(crate) length: c_uint,
    pub(crate) next_position: c_uint,
    pub(crate) flags: u16,
    pub(crate) body: RplBody,
    pub(crate) is_semi_sync: u8,
    pub(crate) semi_sync_flags: u8,
    pub(crate) rpl: *mut Rpl,
}

layout!(RplEvent, 368; storage 0, room 8, raw_data 56, raw_data_size 64, raw_data_offset 72, checksum 80, ok 84, kind 88, timestamp 92,
    server_id 96, length 100, next_position 104, flags 108, body 112, is_semi_sync 352, semi_sync_flags 353, rpl 360);

impl RplEvent {
    /// An event of type 0 without bytes.
    pub(crate) const fn zeroed() -> Self {
        // SAFETY: every field is a number or a raw pointer, of which all-zero bytes are a value; so is every member of the union.
        unsafe { core::mem::zeroed() }
    }
}
