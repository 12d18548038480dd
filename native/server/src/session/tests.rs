use std::time::{Duration, Instant};

use sealwire_accounts::AccountName;
use sealwire_core::auth::Plugin;

use super::*;
use crate::accounts::AccountStore;
use crate::counters::Uptime;
use crate::engine::{SqliteEngine, Task};
use crate::initialize;
use crate::options::Initialize;
use crate::reload::Tls;
use crate::settings::Globals;
use sealwire_net::random::OsRandom;
use sealwire_options::tls::ServerTlsOptions;

/// The uptime of a test's server.
const AGE: Duration = Duration::from_secs(1000);

struct Bench {
    session: Session,
    server: Arc<Server>,
    _directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        let plugin = Plugin::CachingSha2Password;
        initialize::make(&path, Initialize::NoPassword, plugin, &OsRandom::new()).unwrap();
        let accounts = AccountStore::open(&path, &OsRandom::new()).unwrap();
        let tls = Tls::load(ServerTlsOptions::default()).unwrap();
        let engine = Box::new(SqliteEngine::new(&path));
        let mut server = Server::new(path, Globals::default(), tls, accounts, engine, plugin, None).unwrap();
        server.uptime = Uptime::since(Instant::now().checked_sub(AGE).unwrap());
        let server = Arc::new(server);
        let mut session = Self::session(&server);
        let root = AccountName::new("root", "localhost");
        session.view.account = server.accounts.current().identity(&root);
        Self { session, server, _directory: directory }
    }

    fn session(server: &Arc<Server>) -> Session {
        let id = server.registry.next_id();
        let process = server.registry.enter(id, "localhost".into(), Box::new(|| {}));
        process.update(|state| state.user = Some("root".into()));
        Session::of_server(Arc::clone(server), process, Arc::new(|| {}))
    }

    /// The account of that name.
    fn identity(&self, user: &str, host: &str) -> Option<Identity> {
        Some(self.server.accounts.current().identity(&AccountName::new(user, host)).unwrap())
    }

    /// Creates a user with this statement, and makes the session that user's.
    fn as_user(&mut self, sql: &str, user: &str) {
        self.ok(sql);
        self.session.view.account = self.identity(user, "%");
        self.session.view.user = format!("{user}@localhost");
    }

    fn rows(&mut self, sql: &str) -> Vec<Vec<String>> {
        match self.session.statement(sql) {
            Ok(Answer::Rows(table)) => table
                .rows
                .iter()
                .map(|row| {
                    row.iter()
                        .map(|value| if *value == Datum::Null { "NULL".into() } else { value.to_text() })
                        .collect()
                })
                .collect(),
            Ok(_) => panic!("{sql} gave no rows"),
            Err(error) => panic!("{sql}: {error}"),
        }
    }

    fn titles(&mut self, sql: &str) -> Vec<String> {
        match self.session.statement(sql) {
            Ok(Answer::Rows(table)) => table.columns.iter().map(|column| column.name_text().into_owned()).collect(),
            _ => panic!("{sql} gave no rows"),
        }
    }

    fn ok(&mut self, sql: &str) {
        if let Err(error) = self.session.statement(sql) {
            panic!("{sql}: {error}");
        }
    }

    fn error(&mut self, sql: &str) -> u16 {
        match self.session.statement(sql) {
            Err(error) => error.code,
            Ok(_) => panic!("{sql} went well"),
        }
    }

    /// Runs statements, in the engine too; returns the code of the first error.
    fn run(&mut self, script: &str) -> Option<u16> {
        self.session.run_script(script.as_bytes()).err().map(|error| error.code)
    }

    fn engine_sql(&mut self, sql: &str) -> String {
        match self.session.statement(sql) {
            Ok(Answer::Engine(Task::Execute { sql, .. })) => sql,
            _ => panic!("{sql} is not the engine's"),
        }
    }
}

#[test]
fn connectors_first_questions_are_answered() {
    let mut bench = Bench::new();
    bench.ok("USE information_schema");
    assert_eq!(bench.rows("select DATABASE(), USER() limit 1"), [["information_schema", "root@localhost"]]);
    assert_eq!(bench.titles("select @@version_comment limit 1"), ["@@version_comment"]);
    assert_eq!(bench.rows("SELECT @@session.autocommit, @@max_allowed_packet AS m"), [["1", "67108864"]]);
    assert_eq!(
        bench.titles("SELECT @@session.autocommit, @@max_allowed_packet AS m, 'x'"),
        ["@@session.autocommit", "m", "x"]
    );
    assert_eq!(
        bench.rows("SELECT CURRENT_USER(), CONNECTION_ID() > 0, VERSION() LIKE '8.%'"),
        [["root@localhost", "1", "1"]]
    );
    assert_eq!(bench.rows("SELECT @@lower_case_table_names LIMIT 0"), Vec::<Vec<String>>::new());
    assert_eq!(bench.error("SELECT @@nothing"), 1193);
    bench.ok("SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci");
    bench.ok("SET sql_mode=(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')), time_zone='+00:00', NAMES utf8mb4");
    assert!(bench.rows("SELECT @@sql_mode")[0][0].starts_with("PIPES_AS_CONCAT,ONLY_FULL_GROUP_BY,"));
    assert_eq!(bench.error("SET sql_mode = 'NO_SUCH_MODE'"), 1231);
    bench.ok("SET @@session.autocommit = OFF, @x := 5, @`Y` = @x + 1");
    assert_eq!(bench.rows("SELECT @@autocommit, @X, @y, @z"), [["0", "5", "6", "NULL"]]);
    bench.ok("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE");
    assert_eq!(bench.rows("SELECT @@transaction_isolation"), [["READ-COMMITTED"]]);
}

#[test]
fn status_and_variables_are_filtered() {
    let mut bench = Bench::new();
    assert_eq!(bench.rows("SHOW STATUS LIKE 'Ssl_cipher'"), [["Ssl_cipher", ""]]);
    assert_eq!(
        bench.rows("SHOW SESSION STATUS WHERE Variable_name = 'Ssl_version' OR Variable_name = 'ssl_cipher'").len(),
        2
    );
    assert_eq!(bench.rows("SHOW GLOBAL VARIABLES LIKE 'have_ssl'"), [["have_ssl", "DISABLED"]]);
    assert_eq!(bench.titles("SHOW VARIABLES LIKE 'x'"), ["Variable_name", "Value"]);
    let all: Vec<String> = bench.rows("SHOW STATUS").into_iter().map(|row| row[0].to_lowercase()).collect();
    assert!(all.is_sorted());
    assert_eq!(bench.error("SHOW STATUS WHERE nothing = 1"), 1054);
    assert_eq!(bench.error("SHOW STATUS LIKE"), 1064);
}

#[test]
fn flush_status_begins_its_uptime_anew() {
    let mut bench = Bench::new();
    let seconds = |bench: &mut Bench, name: &str| -> u64 {
        bench.rows(&format!("SHOW STATUS WHERE Variable_name = '{name}'"))[0][1].parse().unwrap()
    };
    assert!(seconds(&mut bench, "Uptime_since_flush_status") >= AGE.as_secs());
    bench.ok("FLUSH STATUS");
    assert!(seconds(&mut bench, "Uptime_since_flush_status") < AGE.as_secs());
    assert!(seconds(&mut bench, "Uptime") >= AGE.as_secs());
}

#[test]
fn accounts_are_made_and_shown() {
    let mut bench = Bench::new();
    bench.ok("CREATE USER 'a'@'%' IDENTIFIED BY 'x' REQUIRE X509");
    assert!(bench.rows("SHOW CREATE USER 'a'@'%'")[0][0].contains("REQUIRE X509"));
    assert_eq!(bench.error("CREATE USER 'a'@'%'"), 1396);
    assert_eq!(bench.rows("SHOW WARNINGS").len(), 0, "the error was the client's, not a note of the session");
}

#[test]
fn rights_are_asked_for() {
    let mut bench = Bench::new();
    bench.as_user("CREATE USER 'u'@'%'", "u");
    assert_eq!(bench.error("SET GLOBAL wait_timeout = 5"), 1227);
    assert_eq!(bench.error("FLUSH SSL"), 1227);
    assert_eq!(bench.error("ALTER INSTANCE RELOAD TLS"), 1227);
    assert_eq!(bench.error("CREATE DATABASE d"), 1044);
    assert_eq!(bench.error("USE mysql"), 1044);
    assert_eq!(bench.error("SHUTDOWN"), 1227);
    let other = Bench::session(&bench.server);
    let id = other.process.id;
    assert_eq!(bench.error(&format!("KILL {id}")), 1095);
    assert_eq!(bench.rows("SHOW PROCESSLIST").len(), 0);
}

#[test]
fn kill_finds_its_connection() {
    let mut bench = Bench::new();
    let other = Bench::session(&bench.server);
    bench.ok(&format!("KILL CONNECTION {}", other.process.id));
    assert!(other.process.is_killed());
    assert_eq!(bench.error("KILL 4000000000"), 1094);
    assert_eq!(bench.rows("SHOW PROCESSLIST").len(), 2);
}

#[test]
fn variables_that_can_not_be_set_say_why() {
    let mut bench = Bench::new();
    assert_eq!(bench.error("SET GLOBAL version = 'x'"), 1238);
    assert_eq!(bench.error("SET GLOBAL port = 'x'"), 1238, "before the value is looked at");
    assert_eq!(bench.error("SET SESSION max_allowed_packet = 1024"), 1621);
    assert_eq!(bench.error("SET ssl_ca = 'x'"), 1229);
    assert_eq!(bench.error("SET threads = 1"), 1193, "an option that is no variable");
    assert_eq!(bench.error("SET max_connections = 5"), 1229);
    assert_eq!(bench.error("SET GLOBAL last_insert_id = 5"), 1228);
    assert_eq!(bench.error("SET nothing = 5"), 1193);
    assert_eq!(bench.error("SET GLOBAL require_secure_transport = ON"), 3160);
    assert_eq!(bench.error("SET NAMES ebcdic"), 1115);
    assert_eq!(bench.error("SET NAMES utf8mb4 COLLATE latin1_bin"), 1253);
    for lost_at_restart in [
        "SET PERSIST wait_timeout = 78",
        "SET PERSIST_ONLY wait_timeout = 78",
        "SET @@persist.wait_timeout = 78",
        "SET @a = 1, @@PERSIST_ONLY.wait_timeout = 78",
    ] {
        assert_eq!(bench.error(lost_at_restart), 1235, "{lost_at_restart}");
    }
    bench.ok("SET GLOBAL wait_timeout = 77");
    assert_eq!(bench.rows("SELECT @@global.wait_timeout, @@wait_timeout"), [["77", "28800"]]);
}

#[test]
fn a_tls_variable_has_the_value_that_is_set_and_its_status_the_one_in_use() {
    let mut bench = Bench::new();
    assert_eq!(bench.rows("SELECT @@ssl_ca, @@ssl_session_cache_timeout"), [["NULL", "300"]]);
    bench
        .ok("SET GLOBAL ssl_ca = '/x', GLOBAL ssl_session_cache_timeout = 100000, GLOBAL ssl_session_cache_mode = OFF");
    let set = bench.rows("SELECT @@ssl_ca, @@global.ssl_session_cache_timeout, @@ssl_session_cache_mode");
    assert_eq!(set, [["/x", "84600", "0"]]);
    assert_eq!(bench.rows("SHOW VARIABLES LIKE 'ssl_session_cache_mode'"), [["ssl_session_cache_mode", "OFF"]]);
    assert_eq!(bench.rows("SHOW STATUS LIKE 'Current_tls_ca'"), [["Current_tls_ca", ""]]);
    bench.ok("ALTER INSTANCE RELOAD TLS");
    assert_eq!(bench.rows("SHOW STATUS LIKE 'Current_tls_ca'"), [["Current_tls_ca", "/x"]]);
    bench.ok("SET GLOBAL ssl_ca = DEFAULT");
    assert_eq!(bench.rows("SELECT @@ssl_ca"), [["NULL"]]);
}

#[test]
fn a_thread_has_the_status_variables_that_each_session_has() {
    let bench = Bench::new();
    let made = system_tables::make(&bench.session.view, "performance_schema", "status_by_thread").unwrap();
    let names: Vec<String> = made.rows.iter().map(|row| row[1].to_text()).collect();
    assert!(names.is_sorted() && names.len() == 12, "{names:?}");
    assert!(names.iter().any(|name| name == "Tls_sni_server_name") && !names.iter().any(|name| name == "Uptime"));
    let made = system_tables::make(&bench.session.view, "performance_schema", "tls_channel_status").unwrap();
    let names: Vec<String> = made.rows.iter().map(|row| row[1].to_text()).collect();
    assert!(names.iter().any(|name| name == "Ssl_accepts") && !names.iter().any(|name| name == "Ssl_cipher"));
}

#[test]
fn a_failed_reload_leaves_tls_as_it_is() {
    let mut bench = Bench::new();
    bench.ok("FLUSH SSL");
    // TLS is off here, so no file is read and nothing can fail; the programs' tests use damaged certificates.
    assert_eq!(bench.error("ALTER INSTANCE RELOAD TLS FOR CHANNEL nothing"), 3958);
    bench.ok("ALTER INSTANCE RELOAD TLS NO ROLLBACK ON ERROR");
}

#[test]
fn a_statement_that_the_server_lacks_is_named() {
    let mut bench = Bench::new();
    for (sql, name) in [
        ("LOAD DATA LOCAL INFILE 'x' INTO TABLE t", "LOAD DATA"),
        ("load xml infile 'x' into table t", "LOAD XML"),
        ("EXPLAIN SELECT 1", "EXPLAIN"),
        ("DESC FORMAT=JSON SELECT 1", "EXPLAIN"),
        ("DESCRIBE (SELECT 1)", "EXPLAIN"),
        ("EXPLAIN ANALYZE SELECT 1", "EXPLAIN"),
        ("EXPLAIN FOR CONNECTION 1", "EXPLAIN"),
        ("ANALYZE TABLE t", "ANALYZE TABLE"),
        ("CHECK TABLE t FAST", "CHECK TABLE"),
        ("CHECKSUM TABLE t", "CHECKSUM TABLE"),
        ("OPTIMIZE LOCAL TABLE t", "OPTIMIZE TABLE"),
        ("REPAIR TABLE t", "REPAIR TABLE"),
    ] {
        let error = bench.session.statement(sql).err().unwrap();
        let message = format!("This version of Sealwire doesn't yet support '{name}'");
        assert_eq!((error.code, error.message), (1235, message), "{sql}");
    }
    assert_eq!(bench.error("LOAD INDEX INTO CACHE t"), 1064);
    assert_eq!(bench.error("EXPLAIN format"), 1046, "a table of that name");
}

#[test]
fn show_of_tables_becomes_a_select() {
    let mut bench = Bench::new();
    assert_eq!(bench.error("SHOW TABLES"), 1046);
    assert_eq!(bench.error("SHOW TABLES FROM nothing"), 1049);
    bench.ok("CREATE DATABASE d");
    assert_eq!(bench.error("CREATE DATABASE d"), 1007);
    bench.ok("CREATE DATABASE IF NOT EXISTS d");
    assert_eq!(bench.rows("SHOW WARNINGS")[0][..2], ["Note", "1007"]);
    let sql = bench.engine_sql("SHOW TABLES FROM d LIKE 'a%'");
    assert!(sql.contains("TABLE_SCHEMA = 'd' AND TABLE_NAME LIKE 'a%'"), "{sql}");
    assert_eq!(bench.error("SHOW COLUMNS FROM d.t"), 1146);
    bench.ok("DROP DATABASE d");
    assert_eq!(bench.error("USE d"), 1049);
}

#[test]
fn a_script_stops_at_its_first_error_and_names_the_line() {
    let mut bench = Bench::new();
    let script = b"CREATE DATABASE s;\n\n-- words;\nCREATE TABLE s.t (a INT);\nINSERT INTO s.t VALUES (1), (2);\nSELECT * FROM s.missing;\nCREATE DATABASE z";
    let error = bench.session.run_script(script).unwrap_err();
    assert_eq!(error.code, 1146);
    assert!(error.message.starts_with("line 6: "), "{}", error.message);
    assert!(bench.server.engine.has_database("s") && !bench.server.engine.has_database("z"));
}

#[test]
fn a_deep_expression_is_refused_before_its_tree_is_made() {
    let mut bench = Bench::new();
    for part in ["+1", " AND 1", "||1", " IS NULL", " IN (1)", " COLLATE utf8mb4_bin"] {
        // In the security review, 5,379 terms crashed the process.
        let deep = part.repeat(60_000);
        assert_eq!(bench.run(&format!("SET @a=1{deep}")), Some(1436), "{part}");
        assert_eq!(bench.error(&format!("SHOW VARIABLES WHERE 1{deep}")), 1235, "{part}");
        let deep = part.repeat(300);
        let refused = bench.error(&format!("SHOW VARIABLES WHERE 1{deep}"));
        assert!([1235, 1436].contains(&refused), "{part}: {refused}");
        bench.engine_sql(&format!("SELECT 1{}", part.repeat(600)));
    }
}

#[test]
fn a_read_only_transaction_changes_nothing() {
    let mut bench = Bench::new();
    assert_eq!(bench.run("CREATE DATABASE d; USE d; CREATE TABLE t (a INT)"), None);
    for begin in [
        "START TRANSACTION READ ONLY",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        "SET TRANSACTION READ ONLY; BEGIN",
        "SET TRANSACTION READ ONLY",
        "SET SESSION TRANSACTION READ ONLY",
        "SET tx_read_only = 1; START TRANSACTION",
        "SET SESSION transaction_read_only = ON",
        "SET autocommit = 0; SET TRANSACTION READ ONLY; SELECT * FROM t",
    ] {
        for change in [
            "INSERT INTO t VALUES (1)",
            "WITH x AS (SELECT 1) DELETE FROM t",
            "CREATE TABLE u (a INT)",
            "DROP DATABASE d",
            "GRANT SELECT ON d.* TO root@localhost",
            "SET PASSWORD = 'x'",
        ] {
            assert_eq!(bench.run(&format!("{begin}; {change}")), Some(1792), "{begin}; {change}");
            assert_eq!(bench.run("SELECT * FROM t"), None, "{begin}");
            bench.session.reset();
        }
    }
    // READ WRITE allows changes, and so does a transaction that has ended.
    assert_eq!(
        bench.run("SET SESSION TRANSACTION READ ONLY; START TRANSACTION READ WRITE; INSERT INTO t VALUES (1); COMMIT"),
        None
    );
    assert_eq!(bench.run("INSERT INTO t VALUES (1)"), Some(1792));
    assert_eq!(
        bench.run("SET SESSION TRANSACTION READ WRITE; START TRANSACTION READ ONLY; COMMIT; INSERT INTO t VALUES (1)"),
        None
    );
    assert_eq!(bench.run("SET TRANSACTION READ ONLY; SELECT * FROM t; INSERT INTO t VALUES (1)"), None);
    assert_eq!(bench.run("START TRANSACTION READ ONLY, READ WRITE"), Some(1064));
    assert_eq!(bench.run("BEGIN; SET TRANSACTION READ ONLY"), Some(1568));
}

#[test]
fn a_read_only_server_is_changed_by_administrators_alone() {
    let mut bench = Bench::new();
    assert_eq!(
        bench.run("CREATE DATABASE d; USE d; CREATE TABLE t (a INT); CREATE USER u; GRANT ALL ON d.* TO u"),
        None
    );
    let root = bench.session.view.account.clone();
    for (switch, for_user, for_root) in [
        ("SET GLOBAL read_only = ON", Some(1290), None),
        ("SET GLOBAL super_read_only = ON", Some(1290), Some(1290)),
        ("SET GLOBAL super_read_only = OFF", Some(1290), None),
        ("SET GLOBAL read_only = OFF", None, None),
        ("SET GLOBAL super_read_only = 1", Some(1290), Some(1290)),
        ("SET GLOBAL read_only = 0", None, None),
    ] {
        assert_eq!(bench.run(switch), None);
        assert_eq!(bench.run("INSERT INTO d.t VALUES (1)"), for_root, "{switch}");
        bench.session.view.account = bench.identity("u", "%");
        assert_eq!(bench.run("INSERT INTO d.t VALUES (1)"), for_user, "{switch}");
        assert_eq!(bench.run("START TRANSACTION READ WRITE; COMMIT"), for_user, "{switch}");
        assert_eq!(bench.run("SELECT * FROM d.t"), None, "{switch}");
        bench.session.view.account.clone_from(&root);
    }
}

#[test]
fn variables_do_what_they_promise_or_are_refused() {
    let mut bench = Bench::new();
    for refused in ["GLOBAL local_infile = ON", "sql_auto_is_null = 1"] {
        assert_eq!(bench.error(&format!("SET {refused}")), 1235, "{refused}");
    }
    for taken in [
        "sql_safe_updates = 1",
        "GLOBAL local_infile = OFF",
        "foreign_key_checks = 0",
        "unique_checks = 0",
        "sql_log_bin = 0",
    ] {
        bench.ok(&format!("SET {taken}"));
    }
    assert_eq!(bench.error("SET transaction_isolation = 'NEARLY'"), 1231);
    bench.ok("SET tx_isolation = 'read-committed'");
    assert_eq!(bench.rows("SELECT @@transaction_isolation, @@tx_isolation"), [["READ-COMMITTED", "READ-COMMITTED"]]);
}

#[test]
fn there_is_help_about_nothing() {
    let mut bench = Bench::new();
    assert_eq!(bench.rows("HELP 'contents'"), [[""; 0]; 0]);
    assert_eq!(bench.titles("help `select`"), ["name", "is_it_category"]);
    assert_eq!(bench.error("HELP"), 1064);
    assert_eq!(bench.error("HELP 'a' 'b'"), 1064);
}

#[test]
fn foreign_keys_are_passed_over_where_the_session_says_so() {
    let mut bench = Bench::new();
    let tables = "CREATE DATABASE d; USE d; CREATE TABLE p (id INT PRIMARY KEY); CREATE TABLE c (p INT, FOREIGN KEY (p) REFERENCES p (id))";
    assert_eq!(bench.run(tables), None);
    assert_eq!(bench.run("INSERT INTO c VALUES (5)"), Some(1452));
    assert_eq!(bench.run("SET foreign_key_checks = 0; INSERT INTO c VALUES (5)"), None);
    assert_eq!(bench.run("SET foreign_key_checks = 1; INSERT INTO c VALUES (6)"), Some(1452));
}

#[test]
fn set_takes_what_the_engine_finds() {
    let mut bench = Bench::new();
    let long = "x".repeat(1 << 20);
    assert_eq!(bench.run(&format!("SET @a = '{long}', @b = LENGTH(@a), @c := (SELECT 1 + 1), @d = @b + 1")), None);
    assert_eq!(bench.rows("SELECT @b, @c, @d"), [["1048576", "2", "1048577"]]);
    // A statement of the security review. Each operand is short enough, but their concatenation needs the engine.
    assert_eq!(bench.run("SET @p = CONCAT('%', @a, 'b')"), None);
    bench.engine_sql("SELECT @a LIKE @p");
    assert_eq!(bench.run("SET @e = 1, sql_mode = CONCAT(REPEAT('A', 0), 'ANSI_QUOTES')"), None);
    assert_eq!(bench.rows("SELECT @@sql_mode"), [["ANSI_QUOTES"]]);
    for wrong in ["SET @a = 1) FROM (SELECT 1", "SET @a = 1 FROM t", "SET @a = (SELECT 1"] {
        assert_eq!(bench.run(wrong), Some(1064), "{wrong}");
    }
}

#[test]
fn the_users_variables_have_a_bound_within_a_script_too() {
    let mut bench = Bench::new();
    bench.server.globals.connection_memory_limit.set(4_000_000);
    let script: String = (0..9).map(|n| format!("SET @v{n} = REPEAT('x', 1000000);")).collect();
    assert_eq!(bench.run(&script), Some(4082));
    assert!(bench.session.user_variable_bytes < 4_000_000);
    assert_eq!(bench.run("SET @v0 = 1, @v1 = 1; SET @v9 = REPEAT('x', 1000000)"), None);
}

#[test]
fn no_listing_of_statements_shows_a_password() {
    let mut bench = Bench::new();
    let other = bench.server.registry.enter(7, "10.0.0.9:4711".into(), Box::new(|| {}));
    other.update(|state| state.user = Some("eve".into()));
    let shown = |bench: &mut Bench| {
        let view = &bench.session.view;
        let tables = [
            ("information_schema", "processlist"),
            ("performance_schema", "processlist"),
            ("performance_schema", "threads"),
        ];
        let made = tables.map(|(schema, table)| system_tables::make(view, schema, table).unwrap().rows);
        let texts: Vec<String> = made.iter().flatten().flatten().map(Datum::to_text).collect();
        let listed = ["SHOW PROCESSLIST", "SHOW FULL PROCESSLIST"].map(|sql| bench.rows(sql));
        [texts, listed.into_iter().flatten().flatten().collect()].concat().join("\n")
    };
    for sql in [
        "CREATE USER a IDENTIFIED BY 'SECRET'",
        "ALTER USER a IDENTIFIED WITH caching_sha2_password AS 'SECRET'",
        "ALTER /**/ USER a iDeNtIfIeD /**/ BY /**/ 0x534543524554",
        "/*!50000 ALTER USER a IDENTIFIED BY 'SECRET' */",
        "ALTER USER a IDENTIFIED BY 'SECRET",
        "SELECT 'é', 1; GRANT USAGE ON *.* TO a IDENTIFIED BY 'SECRET'",
        "SET PASSWORD = 'SECRET'",
        "SET @x = 1, PASSWORD = PASSWORD('SECRET')",
        "PREPARE s FROM 'ALTER USER a IDENTIFIED BY ''SECRET'''",
        "CHANGE MASTER TO MASTER_USER = 'u', MASTER_PASSWORD = 'SECRET'",
    ] {
        other.begin("Query", Some(sql.as_bytes()));
        let shown = shown(&mut bench);
        assert!(!shown.contains("SECRET") && !shown.contains("534543524554"), "{sql}:\n{shown}");
        assert!(shown.contains(" ***"), "{sql} is not shown at all:\n{shown}");
    }
    other.begin("Query", Some(b"SELECT 1 FROM t"));
    assert_eq!(shown(&mut bench).matches("SELECT 1 FROM t").count(), 5);
}

#[test]
fn each_sees_the_ciphers_of_the_sessions_that_he_may_see() {
    use sealwire_core::facts::{Facts, TlsFacts, TlsVersion, Verification};
    let mut bench = Bench::new();
    let tls = TlsFacts {
        version: TlsVersion::V1_2,
        suite: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        cipher: "ECDHE-RSA-AES256-GCM-SHA384",
        group: Some("X25519"),
        sni: None,
        alpn: None,
        resumed: true,
        peer_chain: Vec::new(),
        verification: Verification::None,
    };
    let other = bench.server.registry.enter(7, "10.0.0.9:4711".into(), Box::new(|| {}));
    let waiting = bench.server.registry.enter(8, "10.0.0.8:1".into(), Box::new(|| {}));
    other.update(|state| {
        state.user = Some("eve".into());
        state.facts = Arc::new(Facts { tls: Some(tls), ..Facts::default() });
    });
    let own = bench.session.view.id.to_string();
    let rows = |bench: &Bench, schema: &str, table: &str| -> Vec<Vec<String>> {
        let made = system_tables::make(&bench.session.view, schema, table).unwrap();
        made.rows.iter().map(|row| row.iter().map(Datum::to_text).collect()).collect()
    };
    let ciphers = |bench: &Bench| rows(bench, "sys", "session_ssl_status");
    let by_thread = |bench: &Bench| {
        let mut all = rows(bench, "performance_schema", "status_by_thread");
        all.retain(|row| row[1] == "Ssl_cipher");
        all
    };
    let eve = ["7", "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", "1"];
    assert_eq!(ciphers(&bench), [[own.as_str(), "", "", "0"], eve]);
    assert_eq!(by_thread(&bench), [[own.as_str(), "Ssl_cipher", ""], ["7", "Ssl_cipher", eve[2]]]);
    let threads = rows(&bench, "Performance_Schema", "THREADS");
    assert_eq!((threads.len(), &threads[1][3..6]), (2, &["7", "eve", "10.0.0.9"].map(str::to_owned)[..]));
    assert_eq!((threads[0].last().unwrap().as_str(), threads[1].last().unwrap().as_str()), ("TCP/IP", "SSL/TLS"));

    for user in ["eve", "bob", "process", "granted"] {
        bench.ok(&format!("CREATE USER {user}@'%'"));
    }
    bench.ok("CREATE USER eve@'192.168.%'");
    let account = bench.identity("eve", "%");
    other.update(|state| state.account = account);
    bench.ok("GRANT PROCESS ON *.* TO process@'%'");
    bench.ok("GRANT SELECT ON performance_schema.* TO granted@'%'");
    for (user, seen) in [("eve", 1), ("bob", 0), ("process", 2), ("granted", 2)] {
        bench.session.view.account = bench.identity(user, "%");
        let threads = rows(&bench, "performance_schema", "threads");
        assert_eq!([ciphers(&bench).len(), by_thread(&bench).len(), threads.len()], [seen; 3], "{user}");
    }
    // An account of the same name for other hosts is another account.
    bench.session.view.account = bench.identity("eve", "192.168.%");
    assert_eq!((ciphers(&bench).len(), bench.rows("SHOW PROCESSLIST").len(), bench.error("KILL 7")), (0, 0, 1095));
    bench.session.view.account = bench.identity("eve", "%");
    assert_eq!(bench.rows("SHOW PROCESSLIST").len(), 1);
    bench.ok("KILL 7");
    bench.server.registry.leave(waiting.id);
}

#[test]
fn options_of_commit_are_carried_out_or_refused() {
    let mut bench = Bench::new();
    for sql in
        ["COMMIT", "COMMIT WORK", "COMMIT AND NO CHAIN", "ROLLBACK WORK AND NO CHAIN NO RELEASE", "COMMIT NO RELEASE"]
    {
        bench.ok(sql);
    }
    for sql in ["COMMIT AND CHAIN", "ROLLBACK WORK AND CHAIN", "COMMIT RELEASE", "ROLLBACK AND NO CHAIN RELEASE"] {
        assert_eq!(bench.error(sql), 1235, "{sql}");
    }
    for sql in ["COMMIT AND", "COMMIT CHAIN", "ROLLBACK NO", "COMMIT WORK WORK"] {
        assert_eq!(bench.error(sql), 1064, "{sql}");
    }
}

/// MySQL's manual lists these under "Statements That Cause an Implicit Commit", and the session carries them out.
#[test]
fn statements_about_accounts_databases_and_the_server_commit() {
    const COMMITTING: &[&str] = &[
        "CREATE USER c",
        "CREATE USER IF NOT EXISTS c",
        "ALTER USER c ACCOUNT LOCK",
        "GRANT SELECT ON *.* TO c",
        "REVOKE SELECT ON *.* FROM c",
        "SET PASSWORD FOR c = 'x'",
        "RENAME USER c TO e",
        "DROP USER e",
        "DROP USER IF EXISTS e",
        // The commit comes before the statement fails.
        "DROP USER nobody",
        "SET DEFAULT ROLE ALL TO root",
        "CREATE DATABASE other",
        "CREATE DATABASE other",
        "ALTER DATABASE other CHARACTER SET utf8mb4",
        "ALTER SCHEMA nowhere CHARACTER SET utf8mb4",
        "DROP DATABASE other",
        "DROP SCHEMA IF EXISTS other",
        "FLUSH PRIVILEGES",
        "FLUSH STATUS",
        "FLUSH TABLES",
        "LOCK TABLES t READ",
        "UNLOCK TABLES",
        "ALTER TABLE t DISABLE KEYS",
        "CREATE TABLE IF NOT EXISTS mysql.general_log (a INT)",
        "SET autocommit = 1",
        "BEGIN",
    ];
    // A statement that cannot be read changes nothing, and these leave the transaction open.
    const KEEPING: &[&str] =
        &["CREATE USER", "FLUSH NOTHING", "LOCK t", "UNLOCK TABLES", "SHOW GRANTS", "SET @a = 1", "USE d", "KILL 0"];
    let mut bench = Bench::new();
    assert_eq!(bench.run("CREATE DATABASE d; USE d; CREATE TABLE t (a INT)"), None);
    let kept = |bench: &mut Bench, sql: &str| {
        assert_eq!(bench.run("SET autocommit = 0; DELETE FROM t; COMMIT; INSERT INTO t VALUES (1)"), None);
        bench.run(sql);
        assert_eq!(bench.run("ROLLBACK; SET @n = (SELECT COUNT(*) FROM t)"), None, "{sql}");
        bench.rows("SELECT @n")[0][0] == "1"
    };
    for sql in COMMITTING {
        assert!(kept(&mut bench, sql), "{sql} commits");
    }
    for sql in KEEPING {
        assert!(!kept(&mut bench, sql), "{sql} leaves the transaction open");
    }
}

#[test]
fn a_view_of_another_account_asks_for_a_privilege() {
    let mut bench = Bench::new();
    bench.as_user("CREATE USER 'u'@'%'", "u");
    for another in
        ["root@localhost", "'root'@'localhost'", "`root`@localhost", "root@'localhost'", "root", "u@localhost"]
    {
        for front in ["", "OR REPLACE ", "ALGORITHM=UNDEFINED ", "OR REPLACE ALGORITHM = MERGE "] {
            let sql = format!("CREATE {front}DEFINER={another} SQL SECURITY DEFINER VIEW d.v AS SELECT 1");
            assert_eq!(bench.error(&sql), 1227, "{sql}");
        }
    }
    for own in ["CURRENT_USER", "CURRENT_USER()", "u@'%'", "`u`@`%`", "u"] {
        let sql = format!("CREATE DEFINER = {own} VIEW d.v AS SELECT 1");
        assert_ne!(bench.run(&sql), Some(1227), "{sql}");
    }
}

/// START TRANSACTION gives the tables back, as UNLOCK TABLES does.
#[test]
fn only_locked_tables_are_unlocked_with_a_commit() {
    let mut bench = Bench::new();
    assert_eq!(bench.run("CREATE DATABASE d; USE d; CREATE TABLE t (a INT)"), None);
    assert_eq!(bench.run("LOCK TABLES t WRITE; BEGIN; INSERT INTO t VALUES (1); UNLOCK TABLES; ROLLBACK"), None);
    assert_eq!(bench.run("SET @n = (SELECT COUNT(*) FROM t)"), None);
    assert_eq!(bench.rows("SELECT @n"), [["0"]]);
}
