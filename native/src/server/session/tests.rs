use sealwire_core::account::AccountName;
use sealwire_core::auth::Plugin;

use super::*;
use crate::random::OsRandom;
use crate::server::accounts::AccountStore;
use crate::server::engine::{SqliteEngine, Task};
use crate::server::initialize;
use crate::server::options::Initialize;
use crate::server::reload::Tls;
use crate::server::variables::Globals;
use crate::tls_options::ServerTlsOptions;

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
        let server = Arc::new(Server::new(path, Globals::default(), tls, accounts, engine, plugin));
        let mut session = Self::session(&server);
        session.view.account = Some(AccountName::new("root", "localhost"));
        Self { session, server, _directory: directory }
    }

    fn session(server: &Arc<Server>) -> Session {
        let id = server.registry.next_id();
        let presence = server.registry.enter(id, "localhost".into(), Box::new(|| {}));
        presence.update(|state| state.user = Some("root".into()));
        Session::of_server(Arc::clone(server), presence, Arc::new(|| {}))
    }

    /// The session of a user made for this.
    fn as_user(&mut self, sql: &str, user: &str) {
        self.ok(sql);
        self.session.view.account = Some(AccountName::new(user, "%"));
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
    assert!(bench.rows("SELECT @@sql_mode")[0][0].ends_with(",PIPES_AS_CONCAT"));
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
    let id = other.presence.id;
    assert_eq!(bench.error(&format!("KILL {id}")), 1095);
    assert_eq!(bench.rows("SHOW PROCESSLIST").len(), 0);
}

#[test]
fn kill_finds_its_connection() {
    let mut bench = Bench::new();
    let other = Bench::session(&bench.server);
    bench.ok(&format!("KILL CONNECTION {}", other.presence.id));
    assert!(other.presence.is_killed());
    assert_eq!(bench.error("KILL 4000000000"), 1094);
    assert_eq!(bench.rows("SHOW PROCESSLIST").len(), 2);
}

#[test]
fn variables_that_can_not_be_set_say_why() {
    let mut bench = Bench::new();
    assert_eq!(bench.error("SET GLOBAL version = 'x'"), 1238);
    assert_eq!(bench.error("SET max_connections = 5"), 1229);
    assert_eq!(bench.error("SET GLOBAL last_insert_id = 5"), 1228);
    assert_eq!(bench.error("SET nothing = 5"), 1193);
    assert_eq!(bench.error("SET GLOBAL require_secure_transport = ON"), 3160);
    assert_eq!(bench.error("SET NAMES ebcdic"), 1115);
    assert_eq!(bench.error("SET NAMES utf8mb4 COLLATE latin1_bin"), 1253);
    bench.ok("SET GLOBAL wait_timeout = 77");
    assert_eq!(bench.rows("SELECT @@global.wait_timeout, @@wait_timeout"), [["77", "28800"]]);
}

#[test]
fn a_failed_reload_leaves_tls_as_it_is() {
    let mut bench = Bench::new();
    bench.ok("FLUSH SSL");
    // TLS is off here, so nothing is read and nothing can fail; the programs' tests break real certificates.
    assert_eq!(bench.error("ALTER INSTANCE RELOAD TLS FOR CHANNEL nothing"), 3958);
    bench.ok("ALTER INSTANCE RELOAD TLS NO ROLLBACK ON ERROR");
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
        // The review's 5,379 terms ended the process.
        let deep = part.repeat(60_000);
        assert_eq!(bench.error(&format!("SET @a=1{deep}")), 1436, "{part}");
        assert_eq!(bench.error(&format!("SHOW VARIABLES WHERE 1{deep}")), 1436, "{part}");
        bench.engine_sql(&format!("SELECT 1{}", part.repeat(600)));
    }
}
