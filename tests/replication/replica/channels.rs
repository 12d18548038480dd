//! Channels: their settings, their threads, and their state.

use std::fs;

use sealwire_tests::programs::needs;

use super::world::{PEERS, World, sql, status, vertical};

#[test]
fn a_channel_receives_the_log_over_verified_tls() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[]);
    assert!(status(world.ours()).is_empty());
    sql(
        world.primary(),
        "CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY, b VARCHAR(9)); INSERT INTO d.t VALUES (1, 'x')",
    );
    sql(world.ours(), &format!("{}; START SLAVE", world.change("repl", "")));
    world.wait();
    let status = status(world.ours());
    for (column, expected) in [
        ("Slave_IO_State", "Waiting for master to send event"),
        ("Slave_IO_Running", "Yes"),
        ("Slave_SQL_Running", "Yes"),
        ("Master_Host", "127.0.0.1"),
        ("Master_User", "repl"),
        ("Master_SSL_Allowed", "Yes"),
        ("Master_SSL_Verify_Server_Cert", "Yes"),
        ("Master_Server_Id", "11"),
        ("Last_IO_Errno", "0"),
        ("Last_SQL_Errno", "0"),
        ("Seconds_Behind_Master", "0"),
        ("Using_Gtid", "No"),
        ("Source_TLS_Version", "TLSv1.3"),
        ("Source_TLS_Cipher", "TLS_AES_256_GCM_SHA384"),
        ("Source_TLS_Verification", "CA and identity"),
    ] {
        assert_eq!(status[column], expected, "{column}: {status:#?}");
    }
    assert!(!status["Source_TLS_Group"].is_empty() && status["Source_TLS_Peer_Subject"].contains("CN=server"));
    assert!(status["Source_TLS_Days_Left"].parse::<i64>().unwrap() > 0);
    let relay = world.ours().folder().join("data").join(&status["Relay_Log_File"]);
    assert!(
        fs::read(&relay)
            .unwrap()
            .windows(9)
            .any(|bytes| bytes == b"d\0\x01t\0\x02\x03\x0f\x02" || bytes.starts_with(b"CREATE TA"))
    );
    let connected = sql(world.primary(), "SHOW PROCESSLIST");
    assert!(connected.contains("Binlog Dump"), "{connected}");
    let mysql = vertical(&sql(world.ours(), "SHOW REPLICA STATUS\\G"));
    assert_eq!((mysql["Replica_IO_Running"].as_str(), mysql["Source_TLS_Version"].as_str()), ("Yes", "TLSv1.3"));
    let row = vertical(&sql(world.ours(), "SELECT * FROM performance_schema.replication_connection_status\\G"));
    assert_eq!((row["SERVICE_STATE"].as_str(), row["Source_TLS_Cipher"].as_str()), ("ON", "TLS_AES_256_GCM_SHA384"));
}
