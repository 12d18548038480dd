//! The tables of `performance_schema` about channels.
//!
//! Source: MySQL Reference Manual, "Performance Schema Replication Tables".

use super::super::channel::{Phase, Thread};
use super::super::settings::Using;
use super::snapshot::Snapshot;
use super::values::{Cell, LONG, NAME, NUMBER, YES_OR_NO, error, moment, optional, security, table, tls_version};
use crate::engine::SystemTable;
use crate::sql::{Datum, text};

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
        ("NETWORK_INTERFACE", NAME, of_text(&settings.bind)),
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
    use super::super::{all_columns, replica_status, slave_status};
    use super::*;

    #[test]
    fn no_row_has_the_password() {
        let mut of = Snapshot::none();
        of.settings.password = sealwire_core::secret::Secret::from("hush");
        let rows = [slave_status, replica_status, all_columns, configuration, connection_status, applier_worker];
        for row in rows {
            assert!(!format!("{:?}", row(&of)).contains("hush"));
        }
    }
}
