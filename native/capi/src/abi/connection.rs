//! `MYSQL` and what it contains.

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};

use super::{CharsetInfo, List, MemRoot, Methods, MyBool, MysqlField, layout};

/// `NET`: the transport's state, with the last error.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) pvio: *mut Pvio,
    buff: *mut u8,
    buff_end: *mut u8,
    write_pos: *mut u8,
    read_pos: *mut u8,
    pub(crate) fd: c_int,
    remain_in_buf: c_ulong,
    length: c_ulong,
    buf_length: c_ulong,
    where_b: c_ulong,
    max_packet: c_ulong,
    max_packet_size: c_ulong,
    pkt_nr: c_uint,
    compress_pkt_nr: c_uint,
    write_timeout: c_uint,
    read_timeout: c_uint,
    retry_count: c_uint,
    fcntl: c_int,
    return_status: *mut c_uint,
    reading_or_writing: u8,
    save_char: c_char,
    unused_1: c_char,
    pub(crate) tls_verify_status: c_char,
    pub(crate) compress: MyBool,
    unused_2: c_char,
    unused_3: *mut c_void,
    pub(crate) last_errno: c_uint,
    error: u8,
    unused_4: [MyBool; 2],
    pub(crate) last_error: [c_char; 512],
    pub(crate) sqlstate: [c_char; 6],
    extension: *mut c_void,
}

layout!(Net, 680; pvio 0, buff 8, fd 40, remain_in_buf 48, max_packet_size 88, pkt_nr 96, write_timeout 104, read_timeout 108,
    retry_count 112, fcntl 116, return_status 120, reading_or_writing 128, tls_verify_status 131, compress 132, last_errno 144, error 148,
    last_error 151, sqlstate 663, extension 672);

/// `MARIADB_PVIO`, the private struct behind `NET::pvio`, of which plugins read the type.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Pvio {
    data: *mut c_void,
    cache: *mut u8,
    cache_pos: *mut u8,
    cache_size: usize,
    pub(crate) kind: c_int,
    timeout: [c_int; 3],
    ssl_type: c_int,
    ctls: *mut c_void,
    pub(crate) mysql: *mut Mysql,
    methods: *mut c_void,
    set_error: *mut c_void,
    callback: *mut c_void,
    bytes_read: usize,
    bytes_sent: usize,
}

layout!(Pvio, 112; data 0, cache 8, cache_pos 16, cache_size 24, kind 32, timeout 36, ssl_type 48, ctls 56, mysql 64, methods 72,
    set_error 80, callback 88, bytes_read 96, bytes_sent 104);

/// `struct st_mysql_options`: the options that programs may look at. The library itself uses its own copies.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) connect_timeout: c_uint,
    pub(crate) read_timeout: c_uint,
    pub(crate) write_timeout: c_uint,
    pub(crate) port: c_uint,
    pub(crate) protocol: c_uint,
    pub(crate) client_flag: c_ulong,
    pub(crate) host: *mut c_char,
    pub(crate) user: *mut c_char,
    pub(crate) password: *mut c_char,
    pub(crate) unix_socket: *mut c_char,
    pub(crate) db: *mut c_char,
    init_command: *mut c_void,
    my_cnf_file: *mut c_char,
    my_cnf_group: *mut c_char,
    charset_dir: *mut c_char,
    pub(crate) charset_name: *mut c_char,
    pub(crate) ssl_key: *mut c_char,
    pub(crate) ssl_cert: *mut c_char,
    pub(crate) ssl_ca: *mut c_char,
    pub(crate) ssl_capath: *mut c_char,
    pub(crate) ssl_cipher: *mut c_char,
    shared_memory_base_name: *mut c_char,
    pub(crate) max_allowed_packet: c_ulong,
    pub(crate) use_ssl: MyBool,
    pub(crate) compress: MyBool,
    named_pipe: MyBool,
    pub(crate) reconnect: MyBool,
    unused_1: [MyBool; 3],
    methods_to_use: c_int,
    bind_address: *mut c_char,
    secure_auth: MyBool,
    pub(crate) report_data_truncation: MyBool,
    local_infile_init: *mut c_void,
    local_infile_read: *mut c_void,
    local_infile_end: *mut c_void,
    local_infile_error: *mut c_void,
    local_infile_userdata: *mut c_void,
    extension: *mut c_void,
}

layout!(Options, 248; connect_timeout 0, read_timeout 4, write_timeout 8, port 12, protocol 16, client_flag 24, host 32, user 40,
    password 48, unix_socket 56, db 64, init_command 72, my_cnf_file 80, my_cnf_group 88, charset_dir 96, charset_name 104, ssl_key 112,
    ssl_cert 120, ssl_ca 128, ssl_capath 136, ssl_cipher 144, shared_memory_base_name 152, max_allowed_packet 160, use_ssl 168,
    compress 169, named_pipe 170, reconnect 171, unused_1 172, methods_to_use 176, bind_address 184, secure_auth 192, report_data_truncation 193,
    local_infile_init 200, local_infile_read 208, local_infile_end 216, local_infile_error 224, local_infile_userdata 232, extension 240);

/// `MYSQL`: a connection's handle. Programs hold it by value and move it.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Mysql {
    pub(crate) net: Net,
    unused_0: *mut c_void,
    pub(crate) host: *mut c_char,
    pub(crate) user: *mut c_char,
    pub(crate) passwd: *mut c_char,
    pub(crate) unix_socket: *mut c_char,
    pub(crate) server_version: *mut c_char,
    pub(crate) host_info: *mut c_char,
    pub(crate) info: *mut c_char,
    pub(crate) db: *mut c_char,
    pub(crate) charset: *const CharsetInfo,
    pub(crate) fields: *mut MysqlField,
    field_alloc: MemRoot,
    pub(crate) affected_rows: u64,
    pub(crate) insert_id: u64,
    extra_info: u64,
    pub(crate) thread_id: c_ulong,
    packet_length: c_ulong,
    pub(crate) port: c_uint,
    pub(crate) client_flag: c_ulong,
    pub(crate) server_capabilities: c_ulong,
    pub(crate) protocol_version: c_uint,
    pub(crate) field_count: c_uint,
    pub(crate) server_status: c_uint,
    pub(crate) server_language: c_uint,
    pub(crate) warning_count: c_uint,
    pub(crate) options: Options,
    pub(crate) status: c_uint,
    pub(crate) free_me: MyBool,
    unused_1: MyBool,
    scramble_buff: [c_char; 21],
    unused_2: MyBool,
    unused_3: [*mut c_void; 4],
    stmts: *mut List,
    pub(crate) methods: *const Methods,
    thd: *mut c_void,
    unbuffered_fetch_owner: *mut MyBool,
    info_buffer: *mut c_char,
    /// Ours: the boxed state.
    pub(crate) extension: *mut c_void,
}

layout!(Mysql, 1272; net 0, host 688, user 696, passwd 704, unix_socket 712, server_version 720, host_info 728, info 736, db 744,
    charset 752, fields 760, field_alloc 768, affected_rows 824, insert_id 832, extra_info 840, thread_id 848, packet_length 856, port 864,
    client_flag 872, server_capabilities 880, protocol_version 888, field_count 892, server_status 896, server_language 900,
    warning_count 904, options 912, status 1160, free_me 1164, scramble_buff 1166, unused_2 1187, unused_3 1192, stmts 1224, methods 1232,
    thd 1240, unbuffered_fetch_owner 1248, info_buffer 1256, extension 1264);

/// `MYSQL_PARAMETERS`: pointers to the process-wide limits.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct MysqlParameters {
    pub(crate) max_allowed_packet: *mut c_ulong,
    pub(crate) net_buffer_length: *mut c_ulong,
    pub(crate) extension: *mut c_void,
}

layout!(MysqlParameters, 24; max_allowed_packet 0, net_buffer_length 8, extension 16);

impl Mysql {
    /// A handle as `mysql_init` fills it, without its state.
    pub(crate) const fn zeroed() -> Self {
        // SAFETY: every field is a number or a raw pointer, of which all-zero bytes are a value.
        unsafe { core::mem::zeroed() }
    }
}

impl Pvio {
    /// The shell that programs see while connected.
    pub(crate) const fn zeroed() -> Self {
        // SAFETY: every field is a number or a raw pointer, of which all-zero bytes are a value.
        unsafe { core::mem::zeroed() }
    }
}
