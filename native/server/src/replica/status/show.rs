//! The rows of SHOW SLAVE STATUS, SHOW ALL SLAVES STATUS and SHOW REPLICA STATUS.
//!
//! Source: MariaDB 10.11, SHOW SLAVE STATUS; MySQL Reference Manual, "SHOW REPLICA STATUS Statement".

use super::super::settings::Using;
use super::snapshot::Snapshot;
use super::values::{
    Cell, LONG, NAME, NUMBER, YES_OR_NO, error, error_time, filter, name, numbers, optional, rewrites, security,
    tls_version, yes,
};
use crate::sql::{Datum, text};

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
        ("Source_Bind", NAME, text(settings.bind.as_str())),
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
}
