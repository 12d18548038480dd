//! Channels: their settings, their threads, and their state.

use std::fs;

use sealwire_tests::programs::needs;
use sealwire_tests::server::Server;

use super::world::{PEERS, World, error, sql, status, told, vertical};

#[test]
fn a_channel_receives_the_log_over_verified_tls() {
    let Some(world) = World::start(&[]) else { return };
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
    world.same("SELECT * FROM d.t");
    let connected = sql(world.primary(), "SHOW PROCESSLIST");
    assert!(connected.contains("Binlog Dump"), "{connected}");
    let mysql = vertical(&sql(world.ours(), "SHOW REPLICA STATUS\\G"));
    assert_eq!((mysql["Replica_IO_Running"].as_str(), mysql["Source_TLS_Version"].as_str()), ("Yes", "TLSv1.3"));
    let row = vertical(&sql(world.ours(), "SELECT * FROM performance_schema.replication_connection_status\\G"));
    assert_eq!((row["SERVICE_STATE"].as_str(), row["Source_TLS_Cipher"].as_str()), ("ON", "TLS_AES_256_GCM_SHA384"));
}

#[test]
fn a_channel_goes_on_after_a_stop_a_restart_and_a_kill() {
    if !needs(PEERS) {
        return;
    }
    for using in ["MASTER_USE_GTID=no", "MASTER_USE_GTID=slave_pos"] {
        let mut world = World::new(&[]);
        let insert = |world: &World, numbers: &str| {
            sql(world.primary(), &format!("INSERT INTO d.t VALUES {numbers}; FLUSH BINARY LOGS"));
        };
        sql(world.primary(), "CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY)");
        sql(world.ours(), &format!("{}; START SLAVE", world.change("repl", using)));
        insert(&world, "(1), (2)");
        world.wait();
        sql(world.ours(), "STOP SLAVE");
        let stopped = status(world.ours());
        assert_eq!([&stopped["Slave_IO_Running"], &stopped["Slave_SQL_Running"]], ["No", "No"]);
        assert_eq!(stopped["Source_TLS_Version"], "");
        insert(&world, "(3)");
        sql(world.ours(), "START SLAVE");
        world.wait();
        // The receiver alone: its groups are in the relay log when the server starts again.
        sql(world.ours(), "STOP SLAVE SQL_THREAD");
        insert(&world, "(4), (5)");
        let end = sql(world.primary(), "SHOW MASTER STATUS");
        let file = end.split_whitespace().next().unwrap();
        world.until("all is received", |status| status["Master_Log_File"] == file);
        assert_eq!(sql(world.ours(), "SELECT COUNT(*) FROM d.t"), "3\n");
        let received = status(world.ours());
        world.restart();
        world.wait();
        world.same("SELECT * FROM d.t");
        let after = status(world.ours());
        assert_eq!((&after["Using_Gtid"], &after["Slave_IO_Running"]), (&received["Using_Gtid"], &"Yes".to_owned()));
        insert(&world, "(6)");
        world.wait();
        world.kill_and_restart();
        insert(&world, "(7)");
        world.wait();
        world.same("SELECT * FROM d.t");
        world.settings.options.push("--skip-slave-start".to_owned());
        world.restart();
        assert_eq!(status(world.ours())["Slave_IO_Running"], "No", "--skip-slave-start");
    }
}

#[test]
fn a_reset_forgets_the_place_and_then_all_settings() {
    let Some(world) = World::start(&[]) else { return };
    let data = world.ours().folder().join("data");
    let relay_logs = || {
        let names = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("relay-bin")).collect::<Vec<String>>()
    };
    sql(world.primary(), "CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT INTO d.t VALUES (1)");
    sql(world.ours(), &format!("{}; START SLAVE", world.change("repl", "")));
    world.wait();
    assert!(error(world.ours(), "RESET SLAVE").contains("ERROR 1198"));
    assert!(error(world.ours(), "CHANGE MASTER TO MASTER_USER='x'").contains("ERROR 1198"));
    assert!(!relay_logs().is_empty());
    sql(world.ours(), "STOP SLAVE; RESET SLAVE");
    let reset = status(world.ours());
    let place = (reset["Master_Log_File"].as_str(), reset["Read_Master_Log_Pos"].as_str());
    assert_eq!((place, reset["Master_Host"].as_str()), (("", "4"), "127.0.0.1"));
    // The log comes from its beginning, where the database does not exist yet.
    sql(world.ours(), "DROP DATABASE d; START SLAVE");
    world.wait();
    world.same("SELECT * FROM d.t");
    sql(world.ours(), "STOP SLAVE; RESET SLAVE ALL");
    assert!(status(world.ours()).is_empty() && relay_logs().is_empty());
    // The rows stay applied, and with them their GTIDs; nothing else is kept.
    let kept = fs::read_to_string(data.join("replica-channels")).unwrap();
    assert!(kept.contains("0-11-") && !kept.contains("127.0.0.1") && !kept.contains("repl"), "{kept}");
    assert!(error(world.ours(), "START SLAVE").contains("ERROR 1200"));
    sql(world.ours(), "CHANGE MASTER TO MASTER_HOST='other'");
    let anew = status(world.ours());
    for (column, expected) in [
        ("Master_SSL_CA_File", ""),
        ("Master_User", ""),
        ("Master_SSL_Allowed", "Yes"),
        ("Master_SSL_Verify_Server_Cert", "Yes"),
    ] {
        assert_eq!(anew[column], expected, "{column}");
    }
}

#[test]
fn channels_have_names() {
    let Some(world) = World::start(&[]) else { return };
    let ours = world.ours();
    let warnings = |server: &Server, statement: &str| sql(server, &format!("{statement}; SHOW WARNINGS"));
    assert!(error(ours, "START SLAVE").contains("ERROR 1200"));
    assert!(error(ours, "START SLAVE 'west'").contains("ERROR 1617"));
    assert!(error(ours, "STOP REPLICA FOR CHANNEL 'west'").contains("ERROR 3074"));
    assert!(error(ours, "SHOW SLAVE 'west' STATUS").contains("ERROR 1617"));
    sql(ours, &world.change("repl", "").replace("CHANGE MASTER TO", "CHANGE MASTER 'West' TO"));
    assert!(warnings(ours, "STOP SLAVE 'west'").contains("1255"));
    sql(ours, "START REPLICA FOR CHANNEL 'west'");
    assert!(warnings(ours, "START SLAVE 'west'").contains("1254"));
    sql(world.primary(), "CREATE DATABASE d");
    let running = |row: &str| row.matches("Yes").count() >= 2;
    world.until("the channel runs", |_| running(&sql(ours, "SHOW SLAVE 'west' STATUS")));
    let all = vertical(&sql(ours, "SHOW ALL SLAVES STATUS\\G"));
    assert_eq!((all["Connection_name"].as_str(), all["Master_User"].as_str()), ("West", "repl"));
    let by_mysql = vertical(&sql(ours, "SHOW REPLICA STATUS FOR CHANNEL 'west'\\G"));
    assert_eq!(by_mysql["Channel_Name"], "West");
    let accounts: String = [("nobody", ""), ("watcher", "REPLICATION CLIENT"), ("keeper", "REPLICATION_SLAVE_ADMIN")]
        .map(|(user, privilege)| {
            let granted = if privilege.is_empty() {
                String::new()
            } else {
                format!("GRANT {privilege} ON *.* TO {user}@localhost;")
            };
            format!("CREATE USER {user}@localhost IDENTIFIED WITH mysql_native_password BY ''; {granted}")
        })
        .concat();
    sql(ours, &accounts);
    let shown = "SELECT HOST FROM performance_schema.replication_connection_configuration; SHOW ALL SLAVES STATUS";
    let refused = told(ours, "nobody", shown);
    assert!(refused.contains("ERROR 1227") && !refused.contains("127.0.0.1"), "{refused}");
    assert!(told(ours, "watcher", shown).starts_with("127.0.0.1\nWest\t"));
    for statement in
        ["STOP SLAVE 'west'", "START SLAVE 'west'", "RESET SLAVE 'west'", "CHANGE MASTER 'west' TO MASTER_SSL=0"]
    {
        assert!(told(ours, "watcher", statement).contains("ERROR 1227"), "{statement}");
    }
    assert_eq!(told(ours, "keeper", "STOP SLAVE 'west'; START SLAVE 'west'"), "");
    sql(ours, "STOP ALL SLAVES; RESET REPLICA ALL FOR CHANNEL 'west'");
    assert_eq!(sql(ours, "SHOW ALL SLAVES STATUS"), "");
}
