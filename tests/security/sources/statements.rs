//! Statements in QUERY events that no server logs, and objects that are no source's.

use sealwire_binlog::{Body, ColumnKind, Flavour, NewColumn, NewTable, RowsBuilder, RowsFlags, RowsKind, Table, Value};

use super::world::{FLAVOURS, World, rows, run};

/// The statements, and the errors with which the applier stops; `~` is a file outside of the data directory.
const REFUSED: &[(&str, u16)] = &[
    ("SHUTDOWN", 1235),
    ("/*!50000 SHUTDOWN */", 1235),
    ("INSERT INTO d.t VALUES (2, 'x'); SHUTDOWN", 1064),
    ("STOP SLAVE", 1235),
    ("RESET REPLICA ALL", 1235),
    ("RESET MASTER", 1235),
    ("CHANGE MASTER TO MASTER_HOST='evil'", 1235),
    ("SET @@GLOBAL.max_connections = 1", 1235),
    ("SET STATEMENT max_statement_time = 1 FOR SET GLOBAL read_only = 1", 1193),
    ("ALTER INSTANCE RELOAD TLS", 1235),
    ("KILL 1", 1235),
    ("LOCK TABLES d.t WRITE", 1235),
    ("INSERT INTO d.t VALUES (2, LOAD_FILE('/etc/passwd'))", 1305),
    ("SELECT 1 INTO OUTFILE '~'", 1064),
    ("ATTACH DATABASE '~' AS x", 1235),
    ("CREATE TABLE mysql.x (a INT)", 1044),
    ("DELETE FROM d.`\u{1}replica places`", 1146),
    ("DROP TABLE d.`\u{1}replica places`", 1051),
    ("CREATE TABLE d.`\u{1}x` (a INT)", 1103),
];

#[test]
fn statements_that_no_server_logs_stop_the_applier() {
    let Some(world) = World::start(&[]) else { return };
    let out = world.place.path().join("out");
    for flavour in FLAVOURS {
        let file = out.display().to_string();
        let mut attack = world.attack("statements", flavour, move |stream| {
            stream.begin()?;
            // The channel's place is in the database by then.
            stream.statement("REPLACE INTO d.t VALUES (3, 'a group before')")?;
            for (statement, _) in REFUSED {
                stream.statement(&statement.replace('~', &file))?;
            }
            stream.statement("REPLACE INTO d.t VALUES (4, 'reached')")
        });
        let mut root = world.root();
        for (statement, code) in REFUSED {
            let (found, said) = attack.refused();
            let is_told = said.contains("on query. Default database: 'd'")
                && (*code != 1235 || said.contains("'s log: no server"));
            assert!(found == *code && is_told, "{statement}: {found} {said}");
            assert!(said.chars().all(|character| !character.is_control()), "{said:?}");
            // The administrator leaves the statement out.
            run(&mut root, "SET GLOBAL sql_slave_skip_counter = 1");
            run(&mut root, "START SLAVE SQL_THREAD");
        }
        attack.until(|_| world.has_reached());
        assert_eq!(rows(&mut root, "SHOW TABLES FROM d").len(), 1);
        let limits = rows(&mut root, "SELECT @@global.read_only AS o, @@global.max_connections AS m");
        assert_eq!((limits[0]["o"].as_str(), limits[0]["m"].as_str()), ("0", "151"));
        attack.end();
        run(&mut root, "DELETE FROM d.t WHERE a > 1");
    }
    assert!(!out.exists());
}

/// FLUSH of some kinds is in logs of real servers.
#[test]
fn flush_reaches_neither_logs_nor_certificates() {
    let Some(world) = World::start(&[]) else { return };
    for flavour in FLAVOURS {
        let mut attack = world.attack("FLUSH", flavour, |stream| {
            stream.begin()?;
            for what in ["LOGS", "BINARY LOGS", "TABLES WITH READ LOCK", "STATUS", "SSL", "LOCAL HOSTS", "PRIVILEGES"] {
                stream.statement(&format!("FLUSH {what}"))?;
            }
            stream.statement("REPLACE INTO d.t VALUES (4, 'reached')")
        });
        attack.until(|_| world.has_reached());
        assert_eq!(rows(&mut world.root(), "SHOW BINARY LOGS").len(), 1, "the log has one file still");
        run(&mut world.root(), "DELETE FROM d.t WHERE a > 1");
        attack.end();
    }
}

/// STOP ends the statement, whatever it waits for or computes.
#[test]
fn stop_ends_statements_that_wait_or_compute_without_an_end() {
    let Some(world) = World::start(&[]) else { return };
    for (number, statement) in [
        "SELECT SLEEP(100000)",
        "SELECT MASTER_POS_WAIT('bin.000099', 4)",
        "SELECT MASTER_GTID_WAIT('0-11-99999')",
        "INSERT INTO d.t WITH RECURSIVE r (a) AS (SELECT 2 UNION ALL SELECT a + 1 FROM r) SELECT MAX(a), 'x' FROM r",
        "DELETE FROM d.t WHERE a IN (SELECT BENCHMARK(1000000000000, SHA2('x', 512)))",
    ]
    .iter()
    .enumerate()
    {
        let mut attack = world.attack(statement, FLAVOURS[number % 2], move |stream| {
            stream.begin()?;
            stream.statement("REPLACE INTO d.t VALUES (4, 'reached')")?;
            stream.statement(statement)
        });
        attack.until(|_| world.has_reached());
        attack.end();
        run(&mut world.root(), "DELETE FROM d.t WHERE a > 1");
    }
}

/// Row events on tables that are the server's own: SQL can't name them, and they are no table for events.
#[test]
fn rows_of_the_servers_own_tables_are_refused() {
    let Some(world) = World::start(&[]) else { return };
    for (number, (database, name)) in [
        ("d", "\u{1}replica places"),
        ("d", "sqlite_master"),
        ("d", "../t"),
        ("d", "t\0"),
        ("../d", "t"),
        ("mysql", "user"),
        ("main", "t"),
        ("temp", "t"),
        ("performance_schema", "threads"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut attack = world.attack(name, FLAVOURS[number % 2], move |stream| {
            stream.begin()?;
            stream.statement("REPLACE INTO d.t VALUES (3, 'a group before')")?;
            stream.group(false)?;
            let column = |name: &'static [u8]| NewColumn {
                collation: 45,
                ..NewColumn::new(name, ColumnKind::VarChar { bytes: 40 })
            };
            let map = stream.table(&NewTable {
                table_id: 7,
                flags: 1,
                database: database.as_bytes(),
                name: name.as_bytes(),
                columns: vec![column(b"a"), column(b"b")],
                primary_key: Vec::new(),
            })?;
            let table = Table::decode(&map, 8).unwrap();
            let mut builder = RowsBuilder::new(table.into(), RowsKind::Write, if number % 2 == 0 { 1 } else { 2 });
            builder.push(&[], &[Some(Value::Bytes(b"")), Some(Value::Bytes(b"evil"))]).unwrap();
            stream.event(&Body::Rows(builder.rows(RowsFlags::STMT_END)))?;
            stream.event(&Body::Xid(1))
        });
        let (code, said) = attack.refused();
        assert!([1044, 1046, 1049, 1146, 1594, 1677].contains(&code), "{database}.{name:?}: {code} {said}");
        attack.end();
    }
    assert_eq!(rows(&mut world.root(), "SELECT COUNT(*) AS n FROM d.t")[0]["n"], "2", "{:?}", Flavour::MariaDb);
}
