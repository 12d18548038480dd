//! The rows of SHOW SLAVE STATUS, SHOW REPLICA STATUS, and of the tables of `performance_schema` about channels.
//!
//! Source: MariaDB 10.11, SHOW SLAVE STATUS; MySQL Reference Manual, "SHOW REPLICA STATUS Statement" and "Performance Schema Replication
//! Tables". Behind their columns come those that tell how the channel is secured at this moment.

use std::time::{SystemTime, UNIX_EPOCH};

use sealwire::StartPosition;
use sealwire_binlog::GtidSet;
use sealwire_core::facts::{TlsFacts, Verification};
use sealwire_core::tls::CertificateInfo;

use super::channel::{Channel, Phase, SourceFacts, Thread};
use super::filters::FilterLists;
use super::relay_log::RelayPlace;
use super::settings::{Settings, Using};
use super::statement::Until;
use crate::engine::{SystemTable, date_time};
use crate::sql::{Datum, text};

/// A value with the name and the type of its column.
pub(crate) type Cell = (&'static str, &'static str, Datum);

const NAME: &str = "VARCHAR(255)";
const LONG: &str = "VARCHAR(1024)";
const NUMBER: &str = "BIGINT UNSIGNED";
const YES_OR_NO: &str = "VARCHAR(10)";

/// A channel's state at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    name: String,
    settings: Settings,
    filters: FilterLists,
    receiver: Thread,
    applier: Thread,
    tls: Option<TlsFacts>,
    source: SourceFacts,
    read: (Vec<u8>, u64),
    io_gtids: Option<StartPosition>,
    relay: RelayPlace,
    applied: (Vec<u8>, u64),
    applied_gtids: String,
    until: Until,
    seconds_behind: Option<u64>,
    remaining_delay: Option<u64>,
    groups: [u64; 3],
    retries: u64,
    heartbeats: u64,
    last_heartbeat: Option<SystemTime>,
    skip: u64,
    space: u64,
    user: String,
}

impl Snapshot {
    /// The state of a channel now.
    pub(crate) fn of(channel: &Channel) -> Self {
        let space = channel.relay().space();
        let state = channel.state();
        let now = SystemTime::now();
        let both = state.receiver.phase == Phase::Running && state.applier.is_running();
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().cast_signed();
        let behind = (seconds + state.source.clock_ahead - i64::from(state.applied_time)).max(0).unsigned_abs();
        let behind = if state.has_caught_up || state.applied_time == 0 { 0 } else { behind };
        Self {
            name: channel.name.clone(),
            settings: state.settings.clone(),
            filters: state.filters.clone(),
            receiver: state.receiver.clone(),
            applier: state.applier.clone(),
            tls: state.tls.clone(),
            source: state.source.clone(),
            read: state.read.clone(),
            io_gtids: state.resume.as_ref().map(|resume| resume.start.clone()),
            relay: state.apply_from.clone(),
            applied: state.applied.clone(),
            applied_gtids: state.applied_gtids.clone(),
            until: state.until.clone(),
            seconds_behind: both.then_some(behind),
            remaining_delay: state.delayed_until.map(|due| due.duration_since(now).unwrap_or_default().as_secs()),
            groups: state.groups,
            retries: state.retries,
            heartbeats: state.heartbeats,
            last_heartbeat: state.last_heartbeat,
            skip: state.skip,
            space,
            user: state.login.0.clone().unwrap_or_else(|| state.settings.user.clone()),
        }
    }

    /// The state of a channel that does not exist, for the names of columns.
    pub(crate) fn none() -> Self {
        let stopped = Thread { phase: Phase::Stopped, doing: "", error: None };
        Self {
            name: String::new(),
            settings: Settings::default(),
            filters: FilterLists::default(),
            receiver: stopped.clone(),
            applier: stopped,
            tls: None,
            source: SourceFacts::default(),
            read: (Vec::new(), 0),
            io_gtids: None,
            relay: RelayPlace::default(),
            applied: (Vec::new(), 0),
            applied_gtids: String::new(),
            until: Until::None,
            seconds_behind: None,
            remaining_delay: None,
            groups: [0; 3],
            retries: 0,
            heartbeats: 0,
            last_heartbeat: None,
            skip: 0,
            space: 0,
            user: String::new(),
        }
    }

    fn io_gtids(&self) -> String {
        match &self.io_gtids {
            Some(StartPosition::MariaDbGtid(list)) => list.clone(),
            Some(StartPosition::MySqlGtid(set)) => GtidSet::decode(set).map(|set| set.to_string()).unwrap_or_default(),
            _ => String::new(),
        }
    }

    fn until(&self) -> (&'static str, String, u64) {
        match &self.until {
            Until::None => ("None", String::new(), 0),
            Until::Source(file, position) => ("Master", file.clone(), *position),
            Until::Relay(file, position) => ("Relay", file.clone(), *position),
            Until::AfterGtids(set) if set.contains(':') => ("SQL_AFTER_GTIDS", String::new(), 0),
            Until::AfterGtids(_) => ("Gtid", String::new(), 0),
            Until::BeforeGtids(_) => ("SQL_BEFORE_GTIDS", String::new(), 0),
        }
    }

    /// The state of the applier as one text.
    fn applier_doing(&self) -> Datum {
        text(self.applier.doing)
    }
}

fn yes(is_so: bool) -> Datum {
    text(if is_so { "Yes" } else { "No" })
}

fn name(bytes: &[u8]) -> Datum {
    text(String::from_utf8_lossy(bytes))
}

fn numbers(all: &[u32]) -> Datum {
    text(all.iter().map(u32::to_string).collect::<Vec<_>>().join(","))
}

fn optional(number: Option<u64>) -> Datum {
    number.map_or(Datum::Null, Datum::UInt)
}

fn error(thread: &Thread) -> (Datum, Datum) {
    match &thread.error {
        Some((error, _)) => (Datum::UInt(error.code.into()), text(error.message.as_str())),
        None => (Datum::UInt(0), text("")),
    }
}

/// The time of an error as `YYMMDD hh:mm:ss`, as MySQL has it in this statement.
fn error_time(thread: &Thread) -> Datum {
    let Some((_, at)) = &thread.error else { return text("") };
    let full = moment(Some(*at)).to_text();
    let short = full.get(2..19).unwrap_or_default().replacen('-', "", 2);
    text(short)
}

/// A time with microseconds in UTC; the zero date for none.
fn moment(at: Option<SystemTime>) -> Datum {
    let Some(at) = at else { return text("0000-00-00 00:00:00.000000") };
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    text(format!("{}.{:06}", date_time(since.as_secs().cast_signed()), since.subsec_micros()))
}

fn filter(lists: &FilterLists, name: &'static str) -> Datum {
    text(lists.list(name).join(","))
}

fn rewrites(lists: &FilterLists) -> Datum {
    let pairs = lists.list("REPLICATE_REWRITE_DB").iter().filter_map(|pair| pair.split_once("->"));
    text(pairs.map(|(from, to)| format!("({from},{to})")).collect::<Vec<_>>().join(","))
}

/// How the channel is secured at this moment. Without a connection, and over plaintext, the values are empty.
fn security(of: &Snapshot) -> Vec<Cell> {
    let tls = of.tls.as_ref();
    let peer = tls.and_then(|tls| tls.peer_chain.first()).and_then(|der| CertificateInfo::from_der(der).ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let days = peer.as_ref().map(|peer| (peer.not_after.cast_signed() - now.cast_signed()).div_euclid(86_400));
    let verification = tls.map_or("", |tls| match tls.verification {
        Verification::None => "none",
        Verification::Ca => "CA",
        Verification::CaAndIdentity => "CA and identity",
        Verification::SystemRootsAndIdentity => "system roots and identity",
        Verification::Fingerprint => "fingerprint",
    });
    vec![
        ("Source_TLS_Cipher", NAME, text(tls.map_or("", |tls| tls.cipher))),
        ("Source_TLS_Group", NAME, text(tls.and_then(|tls| tls.group).unwrap_or_default())),
        ("Source_TLS_Verification", NAME, text(verification)),
        ("Source_TLS_Peer_Subject", LONG, text(peer.map(|peer| peer.subject.to_string()).unwrap_or_default())),
        ("Source_TLS_Days_Left", "BIGINT", days.map_or(Datum::Null, Datum::Int)),
    ]
}

fn tls_version(of: &Snapshot) -> Cell {
    ("Source_TLS_Version", NAME, text(of.tls.as_ref().map_or("", |tls| tls.version.name())))
}

/// The row of MariaDB's SHOW SLAVE STATUS.
pub(crate) fn slave_status(of: &Snapshot) -> Vec<Cell> {
    let Snapshot { settings, .. } = of;
    let lists = &of.filters;
    let (io_errno, io_error) = error(&of.receiver);
    let (sql_errno, sql_error) = error(&of.applier);
    let (condition, until_file, until_position) = of.until();
    let [definitions, others, transactions] = of.groups;
    let of_text = |value: &String| text(value.as_str());
    let mut row = vec![
        ("Slave_IO_State", NAME, text(of.receiver.doing)),
        ("Master_Host", NAME, of_text(&settings.host)),
        ("Master_User", NAME, of_text(&of.user)),
        ("Master_Port", NUMBER, Datum::UInt(settings.port)),
        ("Connect_Retry", NUMBER, Datum::UInt(settings.connect_retry)),
        ("Master_Log_File", NAME, name(&of.read.0)),
        ("Read_Master_Log_Pos", NUMBER, Datum::UInt(of.read.1)),
        ("Relay_Log_File", NAME, of_text(&of.relay.file)),
        ("Relay_Log_Pos", NUMBER, Datum::UInt(of.relay.position)),
        ("Relay_Master_Log_File", NAME, name(&of.applied.0)),
        ("Slave_IO_Running", YES_OR_NO, text(of.receiver.phase.name())),
        ("Slave_SQL_Running", YES_OR_NO, yes(of.applier.is_running())),
        ("Replicate_Do_DB", LONG, filter(lists, "REPLICATE_DO_DB")),
        ("Replicate_Ignore_DB", LONG, filter(lists, "REPLICATE_IGNORE_DB")),
        ("Replicate_Do_Table", LONG, filter(lists, "REPLICATE_DO_TABLE")),
        ("Replicate_Ignore_Table", LONG, filter(lists, "REPLICATE_IGNORE_TABLE")),
        ("Replicate_Wild_Do_Table", LONG, filter(lists, "REPLICATE_WILD_DO_TABLE")),
        ("Replicate_Wild_Ignore_Table", LONG, filter(lists, "REPLICATE_WILD_IGNORE_TABLE")),
        ("Last_Errno", NUMBER, sql_errno.clone()),
        ("Last_Error", LONG, sql_error.clone()),
        ("Skip_Counter", NUMBER, Datum::UInt(of.skip)),
        ("Exec_Master_Log_Pos", NUMBER, Datum::UInt(of.applied.1)),
        ("Relay_Log_Space", NUMBER, Datum::UInt(of.space)),
        ("Until_Condition", NAME, text(condition)),
        ("Until_Log_File", NAME, text(until_file)),
        ("Until_Log_Pos", NUMBER, Datum::UInt(until_position)),
        ("Master_SSL_Allowed", YES_OR_NO, yes(settings.ssl)),
        ("Master_SSL_CA_File", LONG, of_text(&settings.ssl_ca)),
        ("Master_SSL_CA_Path", LONG, of_text(&settings.ssl_capath)),
        ("Master_SSL_Cert", LONG, of_text(&settings.ssl_cert)),
        ("Master_SSL_Cipher", LONG, of_text(&settings.ssl_cipher)),
        ("Master_SSL_Key", LONG, of_text(&settings.ssl_key)),
        ("Seconds_Behind_Master", NUMBER, optional(of.seconds_behind)),
        ("Master_SSL_Verify_Server_Cert", YES_OR_NO, yes(settings.ssl_verify)),
        ("Last_IO_Errno", NUMBER, io_errno),
        ("Last_IO_Error", LONG, io_error),
        ("Last_SQL_Errno", NUMBER, sql_errno),
        ("Last_SQL_Error", LONG, sql_error),
        ("Replicate_Ignore_Server_Ids", LONG, numbers(&settings.ignore_server_ids)),
        ("Master_Server_Id", NUMBER, Datum::UInt(of.source.server_id.into())),
        ("Master_SSL_Crl", LONG, of_text(&settings.ssl_crl)),
        ("Master_SSL_Crlpath", LONG, of_text(&settings.ssl_crlpath)),
        ("Using_Gtid", NAME, text(settings.using.name())),
        ("Gtid_IO_Pos", LONG, text(of.io_gtids())),
        ("Replicate_Do_Domain_Ids", LONG, numbers(&settings.do_domain_ids)),
        ("Replicate_Ignore_Domain_Ids", LONG, numbers(&settings.ignore_domain_ids)),
        // One thread applies the groups in their order.
        ("Parallel_Mode", NAME, text("none")),
        ("SQL_Delay", NUMBER, Datum::UInt(settings.delay)),
        ("SQL_Remaining_Delay", NUMBER, optional(of.remaining_delay)),
        ("Slave_SQL_Running_State", NAME, of.applier_doing()),
        ("Slave_DDL_Groups", NUMBER, Datum::UInt(definitions)),
        ("Slave_Non_Transactional_Groups", NUMBER, Datum::UInt(others)),
        ("Slave_Transactional_Groups", NUMBER, Datum::UInt(transactions)),
        ("Replicate_Rewrite_DB", LONG, rewrites(lists)),
        tls_version(of),
    ];
    row.extend(security(of));
    row
}

/// The row of MariaDB's SHOW ALL SLAVES STATUS.
pub(crate) fn all_columns(of: &Snapshot) -> Vec<Cell> {
    let mut row =
        vec![("Connection_name", NAME, text(of.name.as_str())), ("Slave_SQL_State", NAME, of.applier_doing())];
    row.extend(slave_status(of));
    row.extend([
        ("Retried_transactions", NUMBER, Datum::UInt(of.retries)),
        ("Executed_log_entries", NUMBER, Datum::UInt(of.groups.iter().sum())),
        ("Slave_received_heartbeats", NUMBER, Datum::UInt(of.heartbeats)),
        ("Slave_heartbeat_period", "DOUBLE", Datum::Real(of.settings.heartbeat.as_secs_f64())),
        ("Gtid_Slave_Pos", LONG, text(of.applied_gtids.as_str())),
    ]);
    row
}

/// The row of MySQL's SHOW REPLICA STATUS.
pub(crate) fn replica_status(of: &Snapshot) -> Vec<Cell> {
    let Snapshot { settings, .. } = of;
    let mut row: Vec<Cell> = Vec::new();
    for (title, kind, value) in slave_status(of) {
        // MariaDB's own columns, which MySQL has not, and those that have another place here.
        const ABSENT: [&str; 12] = [
            "Using_Gtid",
            "Gtid_IO_Pos",
            "Replicate_Do_Domain_Ids",
            "Replicate_Ignore_Domain_Ids",
            "Parallel_Mode",
            "SQL_Delay",
            "SQL_Remaining_Delay",
            "Slave_SQL_Running_State",
            "Slave_DDL_Groups",
            "Slave_Non_Transactional_Groups",
            "Slave_Transactional_Groups",
            "Replicate_Rewrite_DB",
        ];
        let is_elsewhere = ["Master_SSL_Crl", "Master_SSL_Crlpath"].contains(&title) || title.starts_with("Source_TLS");
        if !ABSENT.contains(&title) && !is_elsewhere {
            row.push((renamed(title), kind, value));
        }
    }
    let is_automatic = settings.using == Using::AutoPosition;
    row.extend([
        ("Source_UUID", NAME, text(of.source.uuid.as_str())),
        ("Source_Info_File", LONG, text("replica-channels")),
        ("SQL_Delay", NUMBER, Datum::UInt(settings.delay)),
        ("SQL_Remaining_Delay", NUMBER, optional(of.remaining_delay)),
        ("Replica_SQL_Running_State", NAME, of.applier_doing()),
        ("Source_Retry_Count", NUMBER, Datum::UInt(settings.retry_count)),
        ("Source_Bind", NAME, text("")),
        ("Last_IO_Error_Timestamp", NAME, error_time(&of.receiver)),
        ("Last_SQL_Error_Timestamp", NAME, error_time(&of.applier)),
        ("Source_SSL_Crl", LONG, text(settings.ssl_crl.as_str())),
        ("Source_SSL_Crlpath", LONG, text(settings.ssl_crlpath.as_str())),
        ("Retrieved_Gtid_Set", LONG, text(if is_automatic { of.io_gtids() } else { String::new() })),
        ("Executed_Gtid_Set", LONG, text(of.applied_gtids.as_str())),
        ("Auto_Position", NUMBER, Datum::UInt(is_automatic.into())),
        ("Replicate_Rewrite_DB", LONG, rewrites(&of.filters)),
        ("Channel_Name", NAME, text(of.name.as_str())),
        tls_version(of),
        ("Source_public_key_path", LONG, text(settings.public_key_path.as_str())),
        ("Get_Source_public_key", NUMBER, Datum::UInt(settings.get_public_key.into())),
        ("Network_Namespace", NAME, text("")),
    ]);
    row.extend(security(of));
    row
}

/// MySQL's name of a column of MariaDB's.
fn renamed(title: &'static str) -> &'static str {
    const NAMES: [(&str, &str); 21] = [
        ("Slave_IO_State", "Replica_IO_State"),
        ("Master_Host", "Source_Host"),
        ("Master_User", "Source_User"),
        ("Master_Port", "Source_Port"),
        ("Master_Log_File", "Source_Log_File"),
        ("Read_Master_Log_Pos", "Read_Source_Log_Pos"),
        ("Relay_Master_Log_File", "Relay_Source_Log_File"),
        ("Slave_IO_Running", "Replica_IO_Running"),
        ("Slave_SQL_Running", "Replica_SQL_Running"),
        ("Exec_Master_Log_Pos", "Exec_Source_Log_Pos"),
        ("Master_SSL_Allowed", "Source_SSL_Allowed"),
        ("Master_SSL_CA_File", "Source_SSL_CA_File"),
        ("Master_SSL_CA_Path", "Source_SSL_CA_Path"),
        ("Master_SSL_Cert", "Source_SSL_Cert"),
        ("Master_SSL_Cipher", "Source_SSL_Cipher"),
        ("Master_SSL_Key", "Source_SSL_Key"),
        ("Seconds_Behind_Master", "Seconds_Behind_Source"),
        ("Master_SSL_Verify_Server_Cert", "Source_SSL_Verify_Server_Cert"),
        ("Master_Server_Id", "Source_Server_Id"),
        ("Master_SSL_Crl", "Source_SSL_Crl"),
        ("Master_SSL_Crlpath", "Source_SSL_Crlpath"),
    ];
    NAMES.iter().find(|(old, _)| *old == title).map_or(title, |(_, new)| new)
}

/// The row of `performance_schema.replication_connection_configuration`.
fn configuration(of: &Snapshot) -> Vec<Cell> {
    let Snapshot { settings, .. } = of;
    let yes = |is_so| text(if is_so { "YES" } else { "NO" });
    let of_text = |value: &String| text(value.as_str());
    vec![
        ("CHANNEL_NAME", NAME, text(of.name.as_str())),
        ("HOST", NAME, of_text(&settings.host)),
        ("PORT", NUMBER, Datum::UInt(settings.port)),
        ("USER", NAME, of_text(&settings.user)),
        ("NETWORK_INTERFACE", NAME, text("")),
        ("AUTO_POSITION", NUMBER, Datum::UInt((settings.using == Using::AutoPosition).into())),
        ("SSL_ALLOWED", YES_OR_NO, yes(settings.ssl)),
        ("SSL_CA_FILE", LONG, of_text(&settings.ssl_ca)),
        ("SSL_CA_PATH", LONG, of_text(&settings.ssl_capath)),
        ("SSL_CERTIFICATE", LONG, of_text(&settings.ssl_cert)),
        ("SSL_CIPHER", LONG, of_text(&settings.ssl_cipher)),
        ("SSL_KEY", LONG, of_text(&settings.ssl_key)),
        ("SSL_VERIFY_SERVER_CERTIFICATE", YES_OR_NO, yes(settings.ssl_verify)),
        ("SSL_CRL_FILE", LONG, of_text(&settings.ssl_crl)),
        ("SSL_CRL_PATH", LONG, of_text(&settings.ssl_crlpath)),
        ("SSL_FINGERPRINT", LONG, of_text(&settings.ssl_fp)),
        ("CONNECTION_RETRY_INTERVAL", NUMBER, Datum::UInt(settings.connect_retry)),
        ("CONNECTION_RETRY_COUNT", NUMBER, Datum::UInt(settings.retry_count)),
        ("HEARTBEAT_INTERVAL", "DOUBLE", Datum::Real(settings.heartbeat.as_secs_f64())),
        ("TLS_VERSION", NAME, of_text(&settings.tls_version)),
        ("PUBLIC_KEY", LONG, of_text(&settings.public_key_path)),
        ("GET_PUBLIC_KEY", YES_OR_NO, yes(settings.get_public_key)),
        ("NETWORK_NAMESPACE", NAME, text("")),
        ("COMPRESSION_ALGORITHM", NAME, of_text(&settings.compression)),
        ("ZSTD_COMPRESSION_LEVEL", NUMBER, Datum::UInt(settings.zstd_level)),
        ("TLS_CIPHERSUITES", LONG, of_text(&settings.tls_ciphersuites)),
        ("SOURCE_CONNECTION_AUTO_FAILOVER", YES_OR_NO, yes(false)),
        ("GTID_ONLY", YES_OR_NO, yes(false)),
    ]
}

/// The state of a thread, as the tables have it.
fn service(thread: &Thread) -> Datum {
    text(match thread.phase {
        Phase::Stopped => "OFF",
        Phase::Running => "ON",
        Phase::Preparing | Phase::Connecting => "CONNECTING",
    })
}

/// The row of `performance_schema.replication_connection_status`.
fn connection_status(of: &Snapshot) -> Vec<Cell> {
    let (number, message) = error(&of.receiver);
    let mut row = vec![
        ("CHANNEL_NAME", NAME, text(of.name.as_str())),
        ("GROUP_NAME", NAME, text("")),
        ("SOURCE_UUID", NAME, text(of.source.uuid.as_str())),
        ("THREAD_ID", NUMBER, Datum::Null),
        ("SERVICE_STATE", YES_OR_NO, service(&of.receiver)),
        ("COUNT_RECEIVED_HEARTBEATS", NUMBER, Datum::UInt(of.heartbeats)),
        ("LAST_HEARTBEAT_TIMESTAMP", NAME, moment(of.last_heartbeat)),
        ("RECEIVED_TRANSACTION_SET", LONG, text(of.io_gtids())),
        ("LAST_ERROR_NUMBER", NUMBER, number),
        ("LAST_ERROR_MESSAGE", LONG, message),
        ("LAST_ERROR_TIMESTAMP", NAME, moment(of.receiver.error.as_ref().map(|(_, at)| *at))),
        tls_version(of),
    ];
    row.extend(security(of));
    row
}

/// The row of `performance_schema.replication_applier_configuration`.
fn applier_configuration(of: &Snapshot) -> Vec<Cell> {
    vec![
        ("CHANNEL_NAME", NAME, text(of.name.as_str())),
        ("DESIRED_DELAY", NUMBER, Datum::UInt(of.settings.delay)),
        ("PRIVILEGE_CHECKS_USER", NAME, Datum::Null),
        ("REQUIRE_ROW_FORMAT", YES_OR_NO, text("NO")),
        ("REQUIRE_TABLE_PRIMARY_KEY_CHECK", NAME, text("STREAM")),
        ("ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS_TYPE", NAME, text("OFF")),
        ("ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS_VALUE", NAME, Datum::Null),
    ]
}

/// The row of `performance_schema.replication_applier_status`.
fn applier_status(of: &Snapshot) -> Vec<Cell> {
    vec![
        ("CHANNEL_NAME", NAME, text(of.name.as_str())),
        ("SERVICE_STATE", YES_OR_NO, text(if of.applier.is_running() { "ON" } else { "OFF" })),
        ("REMAINING_DELAY", NUMBER, optional(of.remaining_delay)),
        ("COUNT_TRANSACTIONS_RETRIES", NUMBER, Datum::UInt(of.retries)),
    ]
}

/// The row of `performance_schema.replication_applier_status_by_worker`.
fn applier_worker(of: &Snapshot) -> Vec<Cell> {
    let (number, message) = error(&of.applier);
    vec![
        ("CHANNEL_NAME", NAME, text(of.name.as_str())),
        ("WORKER_ID", NUMBER, Datum::UInt(0)),
        ("THREAD_ID", NUMBER, Datum::Null),
        ("SERVICE_STATE", YES_OR_NO, text(if of.applier.is_running() { "ON" } else { "OFF" })),
        ("LAST_ERROR_NUMBER", NUMBER, number),
        ("LAST_ERROR_MESSAGE", LONG, message),
        ("LAST_ERROR_TIMESTAMP", NAME, moment(of.applier.error.as_ref().map(|(_, at)| *at))),
    ]
}

/// The columns and rows that a function makes of channels.
pub(crate) fn table(channels: &[Snapshot], row: fn(&Snapshot) -> Vec<Cell>) -> SystemTable {
    let columns = row(&Snapshot::none()).into_iter().map(|(title, kind, _)| (title, kind)).collect();
    let values = |of: &Snapshot| row(of).into_iter().map(|(.., value)| value).collect();
    SystemTable { columns, rows: channels.iter().map(values).collect() }
}

/// A table of `performance_schema` about channels; `None` for another one.
pub(crate) fn system_table(name: &str, channels: impl FnOnce() -> Vec<Snapshot>) -> Option<SystemTable> {
    let row = match name {
        "replication_connection_configuration" => configuration,
        "replication_connection_status" => connection_status,
        "replication_applier_configuration" => applier_configuration,
        "replication_applier_status" => applier_status,
        "replication_applier_status_by_worker" => applier_worker,
        _ => return None,
    };
    Some(table(&channels(), row))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns of MariaDB 10.11 in their order.
    const MARIADB: &str = "Slave_IO_State Master_Host Master_User Master_Port Connect_Retry Master_Log_File Read_Master_Log_Pos Relay_Log_File \
        Relay_Log_Pos Relay_Master_Log_File Slave_IO_Running Slave_SQL_Running Replicate_Do_DB Replicate_Ignore_DB Replicate_Do_Table \
        Replicate_Ignore_Table Replicate_Wild_Do_Table Replicate_Wild_Ignore_Table Last_Errno Last_Error Skip_Counter Exec_Master_Log_Pos \
        Relay_Log_Space Until_Condition Until_Log_File Until_Log_Pos Master_SSL_Allowed Master_SSL_CA_File Master_SSL_CA_Path Master_SSL_Cert \
        Master_SSL_Cipher Master_SSL_Key Seconds_Behind_Master Master_SSL_Verify_Server_Cert Last_IO_Errno Last_IO_Error Last_SQL_Errno \
        Last_SQL_Error Replicate_Ignore_Server_Ids Master_Server_Id Master_SSL_Crl Master_SSL_Crlpath Using_Gtid Gtid_IO_Pos \
        Replicate_Do_Domain_Ids Replicate_Ignore_Domain_Ids Parallel_Mode SQL_Delay SQL_Remaining_Delay Slave_SQL_Running_State \
        Slave_DDL_Groups Slave_Non_Transactional_Groups Slave_Transactional_Groups Replicate_Rewrite_DB";
    /// The columns of MySQL 8.4 in their order.
    const MYSQL: &str = "Replica_IO_State Source_Host Source_User Source_Port Connect_Retry Source_Log_File Read_Source_Log_Pos Relay_Log_File \
        Relay_Log_Pos Relay_Source_Log_File Replica_IO_Running Replica_SQL_Running Replicate_Do_DB Replicate_Ignore_DB Replicate_Do_Table \
        Replicate_Ignore_Table Replicate_Wild_Do_Table Replicate_Wild_Ignore_Table Last_Errno Last_Error Skip_Counter Exec_Source_Log_Pos \
        Relay_Log_Space Until_Condition Until_Log_File Until_Log_Pos Source_SSL_Allowed Source_SSL_CA_File Source_SSL_CA_Path Source_SSL_Cert \
        Source_SSL_Cipher Source_SSL_Key Seconds_Behind_Source Source_SSL_Verify_Server_Cert Last_IO_Errno Last_IO_Error Last_SQL_Errno \
        Last_SQL_Error Replicate_Ignore_Server_Ids Source_Server_Id Source_UUID Source_Info_File SQL_Delay SQL_Remaining_Delay \
        Replica_SQL_Running_State Source_Retry_Count Source_Bind Last_IO_Error_Timestamp Last_SQL_Error_Timestamp Source_SSL_Crl \
        Source_SSL_Crlpath Retrieved_Gtid_Set Executed_Gtid_Set Auto_Position Replicate_Rewrite_DB Channel_Name Source_TLS_Version \
        Source_public_key_path Get_Source_public_key Network_Namespace";
    const OURS: &str =
        "Source_TLS_Cipher Source_TLS_Group Source_TLS_Verification Source_TLS_Peer_Subject Source_TLS_Days_Left";

    fn titles(row: fn(&Snapshot) -> Vec<Cell>) -> Vec<&'static str> {
        row(&Snapshot::none()).into_iter().map(|(title, ..)| title).collect()
    }

    #[test]
    fn the_columns_are_those_of_the_products_and_then_ours() {
        let mariadb = format!("{MARIADB} Source_TLS_Version {OURS}");
        assert_eq!(titles(slave_status), mariadb.split_whitespace().collect::<Vec<_>>());
        let mysql = format!("{MYSQL} {OURS}");
        assert_eq!(titles(replica_status), mysql.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn no_row_has_the_password() {
        let mut of = Snapshot::none();
        of.settings.password = sealwire_core::secret::Secret::from("hush");
        let rows = [slave_status, replica_status, all_columns, configuration, connection_status, applier_worker];
        for row in rows {
            assert!(!format!("{:?}", row(&of)).contains("hush"));
        }
    }

    #[test]
    fn an_error_has_its_time() {
        let at = UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        let thread = Thread {
            phase: Phase::Stopped,
            doing: "",
            error: Some((sealwire_core::error::SqlError::new(1236, b"HY000", "gone"), at)),
        };
        assert_eq!(error_time(&thread), text("010909 01:46:40"));
        assert_eq!(moment(Some(at)), text("2001-09-09 01:46:40.000000"));
    }
}
