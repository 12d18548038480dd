//! The system variables of the server, one row each. SET, SHOW VARIABLES, the tables of `performance_schema`, the option of the same name
//! and `--help` follow from the row; the TLS variables have their own table in `native/options/src/tls/server_variables.rs`.
//!
//! ```text
//! name: scope Kind = default;
//! name: scope Kind = default, column();
//! name: scope Kind = default => "Help of the option --name.", shared();
//! ```
//!
//! The scope is one of these words:
//!
//! | scope | values | read as |
//! |---|---|---|
//! | `both` | one for each session; a session begins with the server's value | `view.variables.name` |
//! | `session` | one for each session | `view.variables.name` |
//! | `global` | one for the server | `server.globals.name.get()` |
//! | `fixed` | one for the server; SET does not change it | `server.globals.name.get()` |
//! | `option` | one for the server; it is given at start and not shown, because the option is no variable | `server.globals.name.get()` |
//! | `same_as(other)` | those of the other variable | as the other variable |
//! | `global_as(other)` | that of the other variable, which the server has alone | as the other variable |
//! | `session_fact(Fact)`, `server_fact(Fact)` | none, because `View` computes the value when it is read | |
//! | `given_fact(Fact)` | as before; SET gives it to whom it belongs | |
//!
//! The field of a `Switch` of the server is read with `is_on()` instead of `get()`.
//!
//! The kinds are the variants of [`Kind`]. The columns are methods of [`Definition`], as `read_only_in_session()`. The words behind the
//! help are methods of [`Spec`]: `shared()` lets the option count in the groups of other servers, too.

use std::env::consts::ARCH;
use std::sync::{Arc, Mutex};

use sealwire_core::DEFAULT_PORT;
use sealwire_options::{Preset, Spec, option_name};

use super::definition::{Definition, Fact, Kind, Scope, ValueLocation};
use super::rows::{of_row, system_variables};
use super::value::{SharedNumber, SharedSwitch, SharedText};
use crate::version::{VERSION, VERSION_COMMENT};

/// A system variable of this server.
pub(crate) type SystemVariable = Definition<Globals, SessionVariables>;

/// The greatest number.
const MOST: u64 = u64::MAX;
/// Bytes of a mebibyte.
const MIB: u64 = 1 << 20;
/// Seconds of a year.
const YEAR: u64 = 31_536_000;

const LEVELS: &[&str] = &["READ-UNCOMMITTED", "READ-COMMITTED", "REPEATABLE-READ", "SERIALIZABLE"];
const CHECKSUMS: &[&str] = &["NONE", "CRC32"];
const METADATA: &[&str] = &["NO_LOG", "MINIMAL", "FULL"];
const FORMATS: &[&str] = &["ROW", "STATEMENT", "MIXED"];
const IMAGES: &[&str] = &["FULL", "MINIMAL", "NOBLOB"];
/// A replica gets a group after its commit, so a commit can't wait before.
const WAIT_POINTS: &[&str] = &["AFTER_COMMIT"];
const PLUGINS: &[&str] = &["caching_sha2_password", "mysql_native_password", "sha256_password", "client_ed25519"];

// Sorted by name. Some rows have no effect; they exist because connectors read or set them when they connect.
system_variables! {
    auto_increment_increment: both Number(1, 1) = 1;
    auto_increment_offset: both Number(1, 1) = 1;
    autocommit: both Switch = true;
    back_log: fixed Number(0, MOST) = 151;
    basedir: fixed Text = "/usr/";
    bind_address: fixed Text = "*" => "IP addresses to listen on, separated by commas; * stands for all addresses.";
    binlog_annotate_row_events: both Switch = true => "Write the statement before its rows into a MariaDB-flavoured binary log.";
    binlog_checksum: fixed Choice(CHECKSUMS) = "CRC32" => "What ends the events of the binary log: CRC32 or NONE.";
    binlog_expire_logs_seconds: global Number(0, 4_294_967_295) = 2_592_000 =>
        "Seconds after which a binary log file is removed; 0 keeps all.";
    binlog_format: both Choice(FORMATS) = "ROW" =>
        "The form of changes in the binary log: ROW, or STATEMENT or MIXED (the statement where replicas repeat it exactly, else the rows).";
    binlog_row_image: both Choice(IMAGES) = "FULL" =>
        "The columns of a changed row in the binary log: FULL (all), MINIMAL (the key before, the changed columns after), or NOBLOB (all but \
         large values that are neither of the key nor changed).";
    binlog_row_metadata: global Choice(METADATA) = "FULL" =>
        "What the binary log tells of a table: NO_LOG the types, MINIMAL also signs and character sets, FULL also names, members and \
         keys.";
    binlog_rows_query_log_events: both Switch = false =>
        "Write the statement before its rows into a MySQL-flavoured binary log.";
    character_set_client: both Charset = "utf8mb4";
    character_set_connection: both Charset = "utf8mb4";
    character_set_database: both Charset = "utf8mb4";
    character_set_filesystem: both Charset = "binary";
    character_set_results: both Charset = "utf8mb4";
    character_set_server: both Charset = "utf8mb4";
    character_set_system: fixed Charset = "utf8mb3";
    collation_connection: both Collation = "utf8mb4_general_ci";
    collation_database: both Collation = "utf8mb4_general_ci";
    collation_server: both Collation = "utf8mb4_general_ci";
    connect_timeout: global Number(1, YEAR) = 10 => "The number of seconds in which a client must log in.", shared();
    connection_memory_limit: global Number(2 * MIB, MOST) = 256 * MIB =>
        "Maximum number of bytes of one connection's prepared statements and user variables. A connection that exceeds it is \
         closed.", shared();
    cte_max_recursion_depth: both Number(0, 4_294_967_295) = 1000;
    datadir: fixed Path = "" => "The data directory.", short('h');
    default_authentication_plugin: fixed Choice(PLUGINS) = "caching_sha2_password" => "The authentication plugin of accounts \
     that are created without one.";
    default_storage_engine: both Text = "SQLite";
    direct_tls_port: fixed Number(0, 65535) = 0 =>
        "A second port, on which connections begin with TLS, before the greeting, as clients do with --ssl-negotiation=direct. 0 means none.";
    div_precision_increment: both Number(0, MOST) = 4;
    enforce_gtid_consistency: fixed Switch = true;
    error_count: session_fact(ErrorCount) Number(0, MOST) = 0;
    explicit_defaults_for_timestamp: both Switch = true;
    foreign_key_checks: both Switch = true;
    global_connection_memory_limit: global Number(16 * MIB, MOST) = MOST =>
        "Number of bytes in use from which the server refuses large values; never more than half of the machine's memory.", shared();
    group_concat_max_len: both Number(0, MOST) = MIB;
    gtid_binlog_pos: server_fact(GtidBinlogPos) Text = "";
    gtid_binlog_state: server_fact(GtidBinlogState) Text = "";
    gtid_current_pos: server_fact(GtidCurrentPos) Text = "";
    gtid_domain_id: fixed Number(0, 4_294_967_295) = 0 => "The domain of this server's GTIDs in a MariaDB-flavoured binary log.";
    gtid_executed: server_fact(GtidExecuted) Text = "";
    gtid_mode: fixed Choice(&["OFF", "ON"]) = "OFF" => "Whether transactions have GTIDs in a MySQL-flavoured binary log: ON or OFF.";
    gtid_purged: given_fact(GtidPurged) Text = "";
    gtid_slave_pos: given_fact(GtidSlavePos) Text = "";
    gtid_strict_mode: fixed Switch = false;
    have_compress: fixed Text = "YES";
    have_openssl: server_fact(HaveTls) Text = "DISABLED";
    have_ssl: server_fact(HaveTls) Text = "DISABLED";
    hostname: fixed Text = "";
    identity: session_fact(LastInsertId) Number(0, MOST) = 0;
    init_connect: global Text = "";
    init_file: option Path = "" => "SQL statements to run at each start, as root.";
    initialize: option Switch = false =>
        "Create the data directory and exit. root gets a random password, which is written to the log once.";
    initialize_insecure: option Switch = false => "Create the data directory and exit. root has no password.";
    innodb_lock_wait_timeout: both Number(1, YEAR) = 10;
    interactive_timeout: both Number(1, YEAR) = 28_800 =>
        "Seconds after which an idle interactive client is disconnected.", shared();
    last_insert_id: session_fact(LastInsertId) Number(0, MOST) = 0;
    lc_messages: both Text = "en_US";
    lc_time_names: both Text = "en_US";
    license: fixed Text = "MIT OR Apache-2.0";
    local_infile: global Switch = false, refuses_on();
    lock_wait_timeout: both Number(1, YEAR) = YEAR;
    log_bin: fixed Switch = false;
    log_bin_basename: fixed Text = "";
    log_bin_index: fixed Text = "";
    log_error_verbosity: global Number(1, 3) = 2 => "What to log: 1 errors, 2 errors and warnings, 3 errors, warnings and \
     notes.";
    log_replica_updates: fixed Switch = true;
    log_slave_updates: fixed Switch = true;
    lower_case_file_system: fixed Switch = false;
    lower_case_table_names: fixed Number(0, MOST) = 2;
    max_allowed_packet: both Number(1024, 1024 * MIB) = 64 * MIB, read_only_in_session() =>
        "The largest packet in bytes.", shared();
    max_binlog_cache_size: global Number(4096, MOST) = 16 * 1024 * MIB =>
        "Maximum number of bytes of a transaction in the binary log.";
    max_binlog_size: global Number(4096, 1024 * MIB) = 1024 * MIB =>
        "Number of bytes from which the binary log goes on in a new file.";
    max_connections: global Number(1, 100_000) = 151 =>
        "Maximum number of simultaneous sessions; one more is reserved for an administrator.", shared();
    max_execution_time: both Number(0, MOST) = 0;
    max_prepared_stmt_count: global Number(0, 4_194_304) = 16_382 =>
        "Maximum number of prepared statements in the server.", shared();
    max_relay_log_size: global Number(0, 1024 * MIB) = 0 =>
        "Number of bytes from which a replica's relay log goes on in a new file; 0 stands for max_binlog_size.";
    max_unauthenticated_connections: global Number(1, 100_000) = 10_000 =>
        "Maximum number of connections that have not logged in. If there are more, the oldest of them is closed.", shared();
    max_unauthenticated_connections_per_address: global Number(1, 100_000) = 5000 =>
        "Maximum number of such connections per address. An IPv6 /64 network counts as one address, and so does a user of \
         the Unix socket.", shared();
    max_user_connections: global Number(0, MOST) = 0;
    net_buffer_length: both Number(0, MOST) = 16_384;
    net_read_timeout: both Number(1, YEAR) = 30;
    net_write_timeout: both Number(1, YEAR) = 60;
    old_passwords: both Number(0, MOST) = 0;
    optimizer_switch: both Text = "";
    performance_schema: fixed Switch = true;
    pid_file: fixed Path = "" => "File to which the process ID is written.";
    port: fixed Number(0, 65535) = DEFAULT_PORT as u64 => "The port to listen on; 0 lets the system choose one.", short('P');
    protocol_compression_algorithms: global Compression = "zlib,zstd,uncompressed" =>
        "Compression algorithms that clients may use: zlib, zstd and uncompressed, separated by commas. uncompressed must be \
         one of them.";
    protocol_version: fixed Number(0, MOST) = 10;
    proxy_protocol_networks: global Networks = "" =>
        "Networks of proxies whose word on their clients is taken, by a header of the PROXY protocol: IP addresses and networks such as \
         10.0.0.0/8, and localhost for Unix sockets, separated by commas; or * for all. Such a proxy can claim any address and any \
         verified client certificate.";
    pseudo_thread_id: session_fact(ConnectionId) Number(0, MOST) = 0;
    query_cache_size: both Number(0, MOST) = 0;
    query_cache_type: both Text = "OFF";
    read_only: global Switch = false, then(not_super_read_only) => "Let only administrators and the appliers of sources' logs change data.";
    relay_log_space_limit: global Number(0, MOST) = 0 =>
        "Number of bytes of a relay log from which the receiver waits for the applier; 0 stands for no limit.";
    replica_net_timeout: global_as(slave_net_timeout) Number(1, YEAR) = 60;
    replica_transaction_retries: global_as(slave_transaction_retries) Number(0, MOST) = 10;
    replicate_do_db: global Text = "" => "Databases whose changes a replica applies, separated by commas; none stands for all.";
    replicate_do_table: global Text = "" => "Tables whose changes a replica applies, as database.table, separated by commas.";
    replicate_ignore_db: global Text = "" => "Databases whose changes a replica leaves out, separated by commas.";
    replicate_ignore_table: global Text = "" => "Tables whose changes a replica leaves out, separated by commas.";
    replicate_rewrite_db: global Text = "" => "Databases that have another name here, as source->replica, separated by commas.";
    replicate_same_server_id: fixed Switch = false =>
        "Apply groups that were made at a server of this server's number, which are its own where servers replicate in a circle.";
    replicate_wild_do_table: global Text = "" => "As --replicate-do-table, with the wildcards % and _.";
    replicate_wild_ignore_table: global Text = "" => "As --replicate-ignore-table, with the wildcards % and _.";
    report_host: fixed Text = "" => "The host that a source's SHOW REPLICAS shows for this replica.";
    report_port: fixed Number(0, 65535) = 0 => "The port that it shows; 0 stands for this server's own.";
    require_secure_transport: global Switch = false => "Refuse clients that use neither TLS nor the Unix socket.", shared();
    rpl_semi_sync_master_enabled: global Switch = false =>
        "Answer a commit when a replica that acknowledges has stored it, or after --rpl-semi-sync-master-timeout.";
    rpl_semi_sync_master_timeout: global Number(0, MOST) = 10_000 =>
        "Milliseconds that a commit waits for a replica; then commits don't wait until a replica has caught up.";
    rpl_semi_sync_master_wait_no_slave: global Switch = true =>
        "Let a commit wait even where no replica that acknowledges is connected.";
    rpl_semi_sync_master_wait_point: global Choice(WAIT_POINTS) = "AFTER_COMMIT";
    rpl_semi_sync_replica_enabled: global_as(rpl_semi_sync_slave_enabled) Switch = false;
    rpl_semi_sync_slave_enabled: global Switch = false =>
        "Tell a source that waits for it when its transactions are in the relay log.";
    rpl_semi_sync_source_enabled: global_as(rpl_semi_sync_master_enabled) Switch = false;
    rpl_semi_sync_source_timeout: global_as(rpl_semi_sync_master_timeout) Number(0, MOST) = 10_000;
    rpl_semi_sync_source_wait_for_replica_count: fixed Number(1, 1) = 1;
    rpl_semi_sync_source_wait_no_replica: global_as(rpl_semi_sync_master_wait_no_slave) Switch = true;
    rpl_semi_sync_source_wait_point: global_as(rpl_semi_sync_master_wait_point) Choice(WAIT_POINTS) = "AFTER_COMMIT";
    server_id: global Number(0, 4_294_967_295) = 1 => "The server's number.";
    server_uuid: fixed Text = "" => "The server's UUID. (Default: the one in auto.cnf in the data directory.)";
    session_track_schema: both Switch = true;
    session_track_state_change: both Switch = false;
    session_track_system_variables: both Text = "time_zone,autocommit,character_set_client,character_set_results,character_set_connection";
    session_track_transaction_info: both Text = "OFF";
    skip_name_resolve: fixed Switch = true;
    skip_networking: fixed Switch = false => "Listen on the Unix socket only, and not on TCP.";
    skip_replica_start: option Switch = false => "Don't start the replication channels with the server.";
    skip_slave_start: option Switch = false => "As --skip-replica-start.";
    slave_net_timeout: global Number(1, YEAR) = 60 =>
        "Seconds without a byte from the source, where the channel has no heartbeat, after which a replica connects again.";
    slave_transaction_retries: global Number(0, MOST) = 10 =>
        "How often a replica applies a transaction again that was stopped by another's lock.";
    socket: fixed Path = "" => "The Unix socket file; an empty value means none. (Default: mysql.sock in the data directory.)";
    sql_auto_is_null: both Switch = false, refuses_on();
    sql_big_selects: both Switch = true;
    sql_log_bin: session Switch = true;
    sql_mode: both SqlMode =
        "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";
    sql_notes: both Switch = true;
    sql_quote_show_create: both Switch = true;
    sql_replica_skip_counter: global_as(sql_slave_skip_counter) Number(0, 4_294_967_295) = 0;
    sql_safe_updates: both Switch = false;
    sql_select_limit: both Number(0, MOST) = MOST;
    sql_slave_skip_counter: global Number(0, 4_294_967_295) = 0;
    sql_warnings: both Switch = false;
    ssl_fips_mode: fixed Text = "OFF";
    storage_engine: both Text = "SQLite";
    super_read_only: global Switch = false, then(read_only_too);
    sync_binlog: global Number(0, 4_294_967_295) = 1 =>
        "The binary log is written to disk at each so-many-th commit; 0 leaves that to the system.";
    system_time_zone: fixed Text = "UTC";
    threads: option Number(0, 1024) = 0 => "Number of threads that serve connections; 0 means one per processor.";
    time_zone: both TimeZone = "SYSTEM";
    timestamp: session_fact(Timestamp) Number(0, MOST) = 0;
    tmp_disk_limit: global Number(0, MOST) = 1024 * MIB;
    transaction_isolation: both Choice(LEVELS) = "SERIALIZABLE";
    transaction_read_only: both Switch = false;
    tx_isolation: same_as(transaction_isolation) Choice(LEVELS) = "SERIALIZABLE";
    tx_read_only: same_as(transaction_read_only) Switch = false;
    unique_checks: both Switch = true;
    version: fixed Text = VERSION => "The version that clients and the binary log are told; MariaDB in it makes the binary log MariaDB's. Without \
     a value: output version information and exit.", short('V'), optional();
    version_comment: fixed Text = VERSION_COMMENT;
    version_compile_machine: fixed Text = ARCH;
    version_compile_os: fixed Text = "Linux";
    wait_timeout: both Number(1, YEAR) = 28_800 => "Seconds after which an idle client is disconnected.", shared();
    warning_count: session_fact(WarningCount) Number(0, MOST) = 0;
    websocket_port: fixed Number(0, MOST) = 0;
}

/// ON of `super_read_only` switches `read_only` on, because a server that is read-only for administrators is so for all users.
fn read_only_too(globals: &Globals) {
    if globals.super_read_only.is_on() {
        globals.read_only.set(true);
    }
}

/// OFF of `read_only` switches `super_read_only` off, because a server that is read-only for nobody is not so for administrators.
fn not_super_read_only(globals: &Globals) {
    if !globals.read_only.is_on() {
        globals.super_read_only.set(false);
    }
}
