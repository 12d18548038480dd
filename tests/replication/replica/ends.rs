//! The ends of a channel's connection, and the stops of a channel.

use super::world::{World, sql, status};

#[test]
fn a_lost_connection_is_made_again_and_an_impossible_one_stops_the_receiver() {
    let Some(world) = World::start(&[]) else { return };
    let ours = world.ours();
    sql(world.primary(), "CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY, b LONGTEXT)");
    sql(ours, &format!("{}; START SLAVE", world.change("repl", "")));
    world.wait();
    // The dump is killed, also in the middle of a transaction.
    for number in 0..3 {
        let dump = "SELECT id FROM information_schema.processlist WHERE command = 'Binlog Dump'";
        let id = sql(world.primary(), dump);
        sql(world.primary(), &format!("INSERT INTO d.t VALUES ({number}, REPEAT('x', 3000000)); KILL {id}"));
        world.wait();
    }
    world.same("SELECT a, LENGTH(b) FROM d.t");
    // An account that is locked is tried again, and goes on when it is unlocked.
    sql(world.primary(), "SET sql_log_bin = 0; ALTER USER repl ACCOUNT LOCK");
    sql(ours, "STOP SLAVE; START SLAVE");
    let locked = world.until("locked", |status| status["Last_IO_Errno"] != "0");
    assert!(["1045", "4151"].contains(&locked["Last_IO_Errno"].as_str()), "{locked:?}");
    assert!(locked["Last_IO_Error"].contains("This was attempt"), "{locked:?}");
    sql(
        world.primary(),
        "SET sql_log_bin = 0; ALTER USER repl ACCOUNT UNLOCK; SET sql_log_bin = 1; INSERT INTO d.t VALUES (10, '')",
    );
    world.wait();
    assert_eq!(status(ours)["Last_IO_Errno"], "0");

    // The same server id.
    sql(ours, "STOP SLAVE; SET GLOBAL server_id = 11; START SLAVE");
    let same = world.until("1593", |status| status["Slave_IO_Running"] == "No");
    assert_eq!(same["Last_IO_Errno"], "1593", "{same:?}");
    assert!(same["Last_IO_Error"].contains("server id 11"), "{same:?}");
    sql(ours, "STOP SLAVE; SET GLOBAL server_id = 7");

    // A log that is gone.
    sql(world.primary(), "FLUSH BINARY LOGS; INSERT INTO d.t VALUES (11, ''); FLUSH BINARY LOGS");
    sql(ours, "CHANGE MASTER TO MASTER_LOG_FILE='bin.000099'; START SLAVE");
    let gone = world.until("1236", |status| status["Slave_IO_Running"] == "No");
    assert_eq!(gone["Last_IO_Errno"], "1236", "{gone:?}");
    assert!(gone["Last_IO_Error"].contains("Could not find first log file name"), "{gone:?}");
    assert_eq!(gone["Slave_SQL_Running"], "Yes", "the applier goes on with what there is");
    // No privilege.
    sql(world.primary(), "SET sql_log_bin = 0; REVOKE REPLICATION SLAVE ON *.* FROM repl");
    sql(ours, "STOP SLAVE; CHANGE MASTER TO MASTER_LOG_FILE='bin.000001'; START SLAVE");
    let denied = world.until("denied", |status| status["Last_IO_Errno"] != "0");
    assert!(["1045", "1227"].contains(&denied["Last_IO_Errno"].as_str()), "{denied:?}");
    sql(ours, "STOP SLAVE");
    // Nobody listens, and STOP does not wait for an answer.
    sql(ours, "CHANGE MASTER TO MASTER_PORT=1; START SLAVE");
    let nobody = world.until("2003", |status| status["Last_IO_Errno"] != "0");
    assert_eq!(nobody["Last_IO_Errno"], "2003");
    sql(ours, "STOP SLAVE");
}

#[test]
fn the_applier_waits_stops_and_leaves_out_as_it_is_told() {
    let Some(world) = World::start(&[]) else { return };
    let ours = world.ours();
    sql(
        world.primary(),
        "CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY); CREATE DATABASE e; CREATE TABLE e.t (a INT)",
    );
    sql(world.primary(), "FLUSH BINARY LOGS; INSERT INTO d.t VALUES (1)");
    let place = sql(world.primary(), "SHOW MASTER STATUS");
    let fields: Vec<&str> = place.split_whitespace().collect();
    sql(world.primary(), "INSERT INTO d.t VALUES (2); INSERT INTO e.t VALUES (1)");
    // UNTIL a place in the source's log.
    let until = format!("START SLAVE UNTIL MASTER_LOG_FILE='{}', MASTER_LOG_POS={}", fields[0], fields[1]);
    sql(ours, &format!("{}; {until}", world.change("repl", "")));
    let reached = world.until("UNTIL", |status| status["Slave_SQL_Running"] == "No");
    let waits = "SELECT MASTER_POS_WAIT('bin.000099', 4, 1), MASTER_GTID_WAIT('0-11-99', 0.1), WAIT_FOR_EXECUTED_GTID_SET('0-11-99', 0.1)";
    assert_eq!(sql(ours, waits), "NULL\t-1\t1\n", "no applier runs");
    assert_eq!((reached["Until_Condition"].as_str(), reached["Last_SQL_Errno"].as_str()), ("Master", "0"));
    assert_eq!(sql(ours, "SELECT a FROM d.t"), "1\n");
    // UNTIL a GTID; the receiver goes on by GTID.
    sql(ours, "STOP SLAVE; CHANGE MASTER TO MASTER_USE_GTID=slave_pos");
    let gtid = sql(world.primary(), "SELECT @@gtid_binlog_pos");
    sql(ours, &format!("START SLAVE UNTIL master_gtid_pos='{}'", gtid.trim()));
    world.until("UNTIL", |status| status["Slave_SQL_Running"] == "No");
    world.same("SELECT a FROM d.t UNION ALL SELECT a FROM e.t");
    // Filters.
    sql(ours, "CHANGE REPLICATION FILTER REPLICATE_DO_DB=(d)");
    sql(ours, "START SLAVE");
    sql(world.primary(), "INSERT INTO e.t VALUES (2); INSERT INTO d.t VALUES (3)");
    world.wait();
    assert_eq!((sql(ours, "SELECT a FROM e.t"), sql(ours, "SELECT MAX(a) FROM d.t")), ("1\n".into(), "3\n".into()));
    assert_eq!(status(ours)["Replicate_Do_DB"], "d");
    // An error stops the applier, and a skipped group does not.
    sql(ours, "INSERT INTO d.t VALUES (4)");
    sql(world.primary(), "INSERT INTO d.t VALUES (4); INSERT INTO d.t VALUES (5)");
    let failed = world.until("1062", |status| status["Slave_SQL_Running"] == "No");
    assert_eq!(failed["Last_SQL_Errno"], "1062", "{failed:?}");
    assert_eq!(failed["Slave_IO_Running"], "Yes");
    sql(ours, "SET GLOBAL sql_slave_skip_counter = 1; START SLAVE");
    world.wait();
    assert_eq!(sql(ours, "SELECT COUNT(*) FROM d.t"), "5\n");
    assert_eq!(status(ours)["Last_SQL_Errno"], "0");
    assert_eq!(sql(ours, "SELECT SOURCE_POS_WAIT('bin.000099', 4, 0.1)"), "-1\n");
    let gtid = sql(world.primary(), "SELECT @@gtid_binlog_pos");
    assert_eq!(sql(ours, &format!("SELECT MASTER_GTID_WAIT('{}', 9)", gtid.trim())), "0\n");
    // A delay.
    sql(ours, "STOP SLAVE; CHANGE MASTER TO MASTER_DELAY=3600; START SLAVE");
    sql(world.primary(), "INSERT INTO d.t VALUES (6)");
    let waiting = world.until("the delay", |status| status["SQL_Remaining_Delay"] != "NULL");
    assert!(waiting["Slave_SQL_Running_State"].starts_with("Waiting until MASTER_DELAY"), "{waiting:?}");
    sql(ours, "STOP SLAVE; CHANGE MASTER TO MASTER_DELAY=0, IGNORE_SERVER_IDS=(11); START SLAVE");
    world.wait();
    assert_eq!(sql(ours, "SELECT MAX(a) FROM d.t"), "5\n", "what server 11 made is ignored");
}

#[test]
fn the_threads_are_in_the_process_list_and_a_kill_ends_them() {
    let Some(world) = World::start(&[]) else { return };
    let ours = world.ours();
    sql(world.primary(), "CREATE DATABASE d; CREATE TABLE d.t (a INT)");
    sql(ours, &format!("{}; START SLAVE", world.change("repl", "")));
    world.wait();
    let listed = "SELECT command, state, info IS NULL FROM information_schema.processlist WHERE user = 'system user' ORDER BY command";
    let expected = "Slave_IO\tWaiting for master to send event\t1\nSlave_SQL\tSlave has read all relay log; waiting for more updates\t1\n";
    world.until("both wait", |_| sql(ours, listed) == expected);
    for (command, running) in [("Slave_IO", "Slave_IO_Running"), ("Slave_SQL", "Slave_SQL_Running")] {
        let id = sql(ours, &format!("SELECT id FROM information_schema.processlist WHERE command = '{command}'"));
        sql(ours, &format!("KILL {id}"));
        world.until(command, |status| status[running] == "No");
        assert!(!sql(ours, listed).contains(command));
    }
    assert_eq!(sql(ours, listed), "");
    sql(ours, "START SLAVE");
    sql(world.primary(), "INSERT INTO d.t VALUES (1)");
    world.wait();
    sql(ours, "STOP SLAVE");
    assert_eq!(sql(ours, listed), "", "a stopped thread is gone");
}

#[test]
fn a_source_that_waits_is_told_what_is_stored() {
    let Some(world) = World::start(&["--rpl-semi-sync-slave-enabled"]) else { return };
    let ours = world.ours();
    sql(world.primary(), "SET GLOBAL rpl_semi_sync_master_enabled = 1, GLOBAL rpl_semi_sync_master_timeout = 60000");
    sql(ours, &format!("{}; START SLAVE", world.change("repl", "MASTER_USE_GTID=slave_pos")));
    world.until("the receiver runs", |status| status["Slave_IO_Running"] == "Yes");
    let told = |server, name: &str| sql(server, &format!("SHOW GLOBAL STATUS LIKE '{name}'"));
    assert_eq!(told(ours, "Rpl_semi_sync_slave_status"), "Rpl_semi_sync_slave_status\tON\n");
    // Each statement waits for the acknowledgement, so none passes the time-out.
    sql(
        world.primary(),
        "CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT INTO d.t VALUES (1), (2); INSERT INTO d.t VALUES (3)",
    );
    assert_eq!(told(world.primary(), "Rpl_semi_sync_master_yes_tx"), "Rpl_semi_sync_master_yes_tx\t4\n");
    assert_eq!(told(world.primary(), "Rpl_semi_sync_master_no_tx"), "Rpl_semi_sync_master_no_tx\t0\n");
    world.wait();
    world.same("SELECT * FROM d.t");
    sql(ours, "STOP SLAVE");
    assert_eq!(told(ours, "Rpl_semi_sync_slave_status"), "Rpl_semi_sync_slave_status\tOFF\n");
    // A source that begins to wait while the channel is connected.
    sql(world.primary(), "SET GLOBAL rpl_semi_sync_master_enabled = 0");
    sql(ours, "START SLAVE");
    world.until("the receiver runs again", |status| status["Slave_IO_Running"] == "Yes");
    sql(world.primary(), "SET GLOBAL rpl_semi_sync_master_enabled = 1; INSERT INTO d.t VALUES (4)");
    assert_eq!(told(world.primary(), "Rpl_semi_sync_master_yes_tx"), "Rpl_semi_sync_master_yes_tx\t5\n");
}

#[test]
fn a_copy_goes_on_behind_the_gtid_that_it_was_made_at() {
    let Some(mut world) = World::start(&[]) else { return };
    sql(world.primary(), "CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT INTO d.t VALUES (1)");
    let gtid = sql(world.primary(), "SELECT @@gtid_binlog_pos").trim().to_owned();
    sql(world.primary(), "INSERT INTO d.t VALUES (2)");
    sql(world.ours(), "CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT INTO d.t VALUES (1)");
    sql(world.ours(), &format!("SET GLOBAL gtid_slave_pos = '{gtid}'"));
    world.restart();
    assert!(status(world.ours()).is_empty(), "there is no channel yet");
    sql(world.ours(), &format!("{}; START SLAVE", world.change("repl", "MASTER_USE_GTID=slave_pos")));
    world.wait();
    world.same("SELECT a FROM d.t ORDER BY a");
    let end = sql(world.primary(), "SELECT @@gtid_binlog_pos");
    assert_eq!(sql(world.ours(), "SELECT @@gtid_slave_pos; SELECT @@gtid_current_pos"), format!("{end}{end}"));
    let running = super::world::error(world.ours(), "SET GLOBAL gtid_slave_pos = ''");
    assert!(running.contains("ERROR 1198"), "{running}");
}
