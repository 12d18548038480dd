//! Statements through a whole connection: variables that limit them, and text in the client's character set and SQL mode.

use super::*;

fn code(client: &mut Client, sql: &str) -> u16 {
    client.query(sql).map(|_| ()).unwrap_err().code
}

#[test]
fn a_select_ends_when_its_time_is_over_and_gives_no_more_rows_than_are_wanted() {
    let running = Running::start(&[]);
    let mut client = running.root();
    client.query("SET max_execution_time = 100").unwrap();
    let begin = Instant::now();
    assert_eq!(code(&mut client, "SELECT SLEEP(60)"), 3024);
    assert!(begin.elapsed() < Duration::from_secs(30));
    client.query("SET max_execution_time = 0").unwrap();
    client.query("CREATE DATABASE d").unwrap();
    client.query("CREATE TABLE d.t (a INT)").unwrap();
    client.query("INSERT INTO d.t VALUES (1), (2), (3)").unwrap();
    for (limit, all, limited) in [("0", 0, 2), ("1", 1, 2), ("3", 3, 2), ("DEFAULT", 3, 2)] {
        client.query(&format!("SET sql_select_limit = {limit}")).unwrap();
        assert_eq!(client.query("SELECT a FROM d.t").unwrap().rows.len(), all, "{limit}");
        // A LIMIT in the statement takes precedence.
        assert_eq!(client.query("SELECT a FROM d.t LIMIT 2").unwrap().rows.len(), limited, "{limit}");
    }
}

#[test]
fn a_change_without_a_key_is_refused_where_the_session_is_safe() {
    let running = Running::start(&[]);
    let mut client = running.root();
    for sql in [
        "CREATE DATABASE d",
        "USE d",
        "CREATE TABLE p (id INT PRIMARY KEY, a INT, b INT, c INT, KEY (b), UNIQUE KEY (c))",
        "CREATE TABLE k (p INT, FOREIGN KEY (p) REFERENCES p (id))",
        "INSERT INTO p VALUES (1, 1, 1, 1), (2, 2, 2, 2), (3, 3, 3, 3), (4, 4, 4, 4)",
        "SET sql_safe_updates = 1",
    ] {
        client.query(sql).unwrap();
    }
    for refused in [
        "UPDATE p SET a = 9",
        "UPDATE p SET a = 9 WHERE TRUE",
        "UPDATE p SET a = 9 WHERE a = 1",
        "UPDATE p SET b = 9 WHERE a = 1 OR b = 1",
        "UPDATE p AS x SET a = 9 WHERE a IN (SELECT p FROM k WHERE p = 1 LIMIT 1)",
        "DELETE FROM p",
        "DELETE FROM p WHERE a = 1",
        "DELETE FROM p WHERE a = (SELECT a FROM p WHERE id = 1)",
        "WITH x AS (SELECT 1 AS one) DELETE FROM p WHERE a IN (SELECT one FROM x)",
    ] {
        let error = client.query(refused).unwrap_err();
        assert_eq!((error.code, error.sqlstate_str()), (1175, "HY000"), "{refused}: {error}");
        assert!(error.message.contains("without a WHERE that uses a KEY column"), "{error}");
    }
    assert_eq!(client.execute("DELETE FROM p WHERE a = ?", &[Value::Int(1)]).unwrap_err().code, 1175);
    assert_eq!(client.rows("SELECT SUM(a), COUNT(*) FROM p"), [["10", "4"]]);
    for (taken, changed) in [
        ("UPDATE p SET a = 9 WHERE id = 1", 1),
        ("UPDATE p AS x SET a = 9 WHERE x.b = 2 OR x.c = 3", 2),
        ("UPDATE p SET a = 8 WHERE id IN (SELECT p + 1 FROM k UNION SELECT 1)", 1),
        ("UPDATE p SET a = 7 LIMIT 2", 2),
        ("DELETE FROM p WHERE b > 3", 1),
        ("DELETE FROM p WHERE a = 7 LIMIT 1", 1),
        ("INSERT INTO k SELECT id FROM p", 2),
        ("TRUNCATE k", 0),
    ] {
        let changes = client.query(taken).unwrap_or_else(|error| panic!("{taken}: {error}")).affected;
        assert!(changes == changed || taken.starts_with("TRUNCATE"), "{taken}: {changes}");
    }
    client.query("SET sql_safe_updates = 0").unwrap();
    assert_eq!(client.query("DELETE FROM p").unwrap().affected, 2);
}

#[test]
fn no_variable_keeps_a_long_text() {
    let running = Running::start(&[]);
    let mut client = running.root();
    for row in client.rows("SHOW VARIABLES") {
        let sql = format!("SET SESSION {} = REPEAT('x', 1000000)", row[0]);
        let error = client.query(&sql).map(drop).unwrap_err();
        assert!(matches!(error.code, 1115 | 1193 | 1229 | 1231 | 1232 | 1235 | 1238 | 1273 | 1286), "{sql}: {error}");
        assert!(error.message.len() < 1000, "{}", row[0]);
    }
    client.query("SET optimizer_switch = 'index_merge=on'").unwrap();
}

#[test]
fn long_expressions_are_stopped_by_kill_and_hold_nobody_up() {
    let running = Running::start(&[]);
    let mut slow = running.root();
    let id = slow.rows("SELECT CONNECTION_ID()")[0][0].clone();
    slow.query(&format!("SET @a = '{}'", "a".repeat(1 << 20))).unwrap();
    slow.query(&format!("SET @b = '%{}b'", "a".repeat(1 << 19))).unwrap();
    // SET waits in a thread of its own, so others are served, and KILL reaches it.
    slow.send("SET @c = SLEEP(60), @d = 2");
    let mut other = running.root();
    while other.rows(&format!("SELECT info FROM information_schema.processlist WHERE id = {id}"))[0][0] == "NULL" {}
    other.query(&format!("KILL QUERY {id}")).unwrap();
    assert_eq!(slow.answer().unwrap().unwrap_err().code, 1317);
    // A statement of the security review: in the event loop, it blocked all clients for minutes.
    slow.send("SELECT @a LIKE @b");
    assert_eq!(other.rows("SELECT 1"), [["1"]]);
    assert_eq!(running.root().rows("SELECT 1"), [["1"]]);
    let _ = slow.answer().unwrap();
}

#[test]
fn a_client_whose_character_set_is_not_implemented_is_refused() {
    let running = Running::start(&[]);
    for (id, name) in
        [(28u8, "gbk"), (13, "sjis"), (1, "big5"), (95, "cp932"), (248, "gb18030"), (54, "utf16"), (51, "cp1251")]
    {
        let mut config = running.config("root", "");
        config.charset = id;
        let Err(Error::Refused { error, .. }) = running.connect(config) else { panic!("{name} was let in") };
        assert_eq!(error.code, 1115, "{error}");
        assert!(error.message.contains(name), "{error}");
    }
    // The collations that drivers send by default are accepted.
    for id in [8, 33, 45, 46, 63, 192, 224, 255, 0] {
        let mut config = running.config("root", "");
        config.charset = id;
        assert_eq!(running.connect(config).unwrap().rows("SELECT 'a'"), [["a"]], "{id}");
    }
    let mut client = running.root();
    for set in [
        "NAMES gbk",
        "CHARACTER SET sjis",
        "character_set_client = big5",
        "character_set_connection = 'gb18030'",
        "character_set_results = ucs2",
    ] {
        assert_eq!(code(&mut client, &format!("SET {set}")), 1115, "{set}");
    }
}

#[test]
fn an_escaped_text_comes_back_in_every_mode() {
    let running = Running::start(&[]);
    let mut client = running.root();
    // A Lehmer generator, so that a failure can be reproduced.
    let mut state = 20_261_128u64;
    let mut random = move |below: u64| {
        state = state * 48_271 % 0x7fff_ffff;
        usize::try_from(state % below).unwrap()
    };
    let letters = [
        '\'',
        '"',
        '\\',
        '`',
        '-',
        '#',
        '/',
        '*',
        '%',
        '_',
        ';',
        '\n',
        '\0',
        '\u{1a}',
        'a',
        'n',
        'Z',
        '?',
        '|',
        '\u{bf}',
        '\u{5c27}',
        '\u{a0}',
        '\u{1f600}',
    ];
    for modes in ["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "ANSI,NO_BACKSLASH_ESCAPES"] {
        client.query(&format!("SET sql_mode = '{modes}'")).unwrap();
        let plain = modes.contains("NO_BACKSLASH_ESCAPES");
        for _ in 0..150 {
            let value: String = (0..random(12)).map(|_| letters[random(letters.len() as u64)]).collect();
            // Escapes as mysql_real_escape_string_quote does, according to the status flag.
            let escaped: String = value
                .chars()
                .map(|c| match c {
                    '\'' if plain => "''".to_owned(),
                    c if plain => c.to_string(),
                    '\0' => "\\0".to_owned(),
                    '\n' => "\\n".to_owned(),
                    '\u{1a}' => "\\Z".to_owned(),
                    '\'' | '"' | '\\' => format!("\\{c}"),
                    c => c.to_string(),
                })
                .collect();
            for sql in [
                format!("SELECT '{escaped}', 2"),
                // Executed by the engine, through sqlparser and SQLite.
                format!("SELECT '{escaped}', 1 + 1 FROM (SELECT 1) AS t"),
            ] {
                assert_eq!(client.rows(&sql), [[value.as_str(), "2"]], "{modes}: {sql}");
            }
            // Read by the lexer of account statements: the text is a comment for no account, or a name that does not exist.
            let sql = format!("DROP USER IF EXISTS '{escaped}'@'h'");
            match client.query(&sql) {
                Ok(_) => {}
                Err(error) => assert!([1470, 3162, 1396].contains(&error.code), "{modes}: {sql}: {error}"),
            }
        }
        if modes.contains("ANSI") {
            assert_eq!(client.rows("SELECT \"t\".\"a\"\"b\" FROM (SELECT 1 AS \"a\"\"b\") AS \"t\""), [["1"]]);
        }
    }
    assert_eq!(client.rows("SELECT 'a' || 'b', 'a' || 'b' FROM (SELECT 1) AS t"), [["ab", "ab"]]);
    // The case of SUITES: MariaDB gives no row.
    assert_eq!(client.rows(r"SELECT 'row' FROM (SELECT 1) AS t WHERE 'q\' = ' or 1=1 -- '"), Vec::<Vec<String>>::new());
}

#[test]
fn init_connect_runs_for_users_and_a_failure_ends_their_sessions() {
    let running = Running::start(&[]);
    let mut root = running.root();
    for sql in [
        "CREATE DATABASE d",
        "CREATE TABLE d.log (a VARCHAR(80))",
        "CREATE USER u IDENTIFIED BY ''",
        "GRANT INSERT, SELECT ON d.* TO u",
        "SET GLOBAL init_connect = 'SET @a = 1; INSERT INTO d.log VALUES (CURRENT_USER()); SELECT * FROM d.log; SET @b = (SELECT count(*) FROM d.log)'",
    ] {
        root.query(sql).unwrap();
    }
    let mut user = running.connect(running.config("u", "")).unwrap();
    assert_eq!(user.rows("SELECT @a, @b"), [["1", "1"]]);
    // The statements do not run for an administrator, so that he can correct them.
    assert_eq!(running.root().rows("SELECT @a"), [["NULL"]]);
    assert_eq!(root.rows("SELECT a FROM d.log"), [["u@%"]]);
    for broken in ["SET @a = 1; INSERT INTO d.nothing VALUES (1)", "nonsense", "SET @a = (SELECT a FROM d.nothing)"] {
        root.query(&format!("SET GLOBAL init_connect = '{broken}'")).unwrap();
        let mut user = running.connect(running.config("u", "")).unwrap();
        user.connection.query(b"SELECT 1").unwrap();
        match user.answer() {
            Err(Error::Refused { error, .. }) => assert_eq!(error.code, 1184, "{error}"),
            Ok(Err(error)) => assert_eq!(error.code, 1184, "{error}"),
            other => panic!("{broken}: {other:?}"),
        }
    }
    running.root();
}

#[test]
fn a_comment_alone_is_answered_and_nothing_is_an_error() {
    let running = Running::start(&[]);
    let mut client = running.root();
    for sql in ["/* hi */", "-- hi", "# hi", "/*M!100122 SET x */"] {
        assert_eq!(client.query(sql).unwrap(), Answer::default(), "{sql}");
    }
    for sql in ["", " ", ";"] {
        assert_eq!(code(&mut client, sql), 1065, "{sql:?}");
    }
}

#[test]
fn do_evaluates_and_gives_nothing() {
    let running = Running::start(&[]);
    let mut client = running.root();
    client.query("CREATE DATABASE d").unwrap();
    client.query("CREATE TABLE d.t (a INT)").unwrap();
    client.query("INSERT INTO d.t VALUES (1), (2)").unwrap();
    for sql in ["DO 1", "DO 1, ABS(-2)", "DO (SELECT MAX(a) FROM d.t)", "DO SLEEP(0)"] {
        assert_eq!(client.query(sql).unwrap(), Answer::default(), "{sql}");
    }
    assert_eq!(code(&mut client, "DO nothing_like_it(1)"), 1305);
    assert_eq!(code(&mut client, "DO (SELECT a FROM d.missing)"), 1146);
    assert_eq!(code(&mut client, "DO"), 1064);
    client.query("SET max_execution_time = 0").unwrap();
    client.send("DO SLEEP(60)");
    let id = client.connection.facts().connection_id;
    let mut other = running.root();
    while other.rows(&format!("SELECT info FROM information_schema.processlist WHERE id = {id}"))[0][0] == "NULL" {}
    other.query(&format!("KILL QUERY {id}")).unwrap();
    // As with mysqld, a stopped SLEEP() returns 1, which DO discards; or the statement itself is stopped.
    assert!(client.answer().unwrap().map_or_else(|error| error.code == 1317, |answer| answer == Answer::default()));
}

#[test]
fn what_a_transaction_has_written_outlives_a_drop_of_its_database() {
    let running = Running::start(&[]);
    let (mut writer, mut root) = (running.root(), running.root());
    root.query("CREATE DATABASE d").unwrap();
    root.query("CREATE DATABASE e").unwrap();
    root.query("CREATE TABLE d.t (a INT)").unwrap();
    root.query("CREATE TABLE e.t (a INT)").unwrap();
    writer.query("BEGIN").unwrap();
    writer.query("INSERT INTO d.t VALUES (1)").unwrap();
    root.query("SET innodb_lock_wait_timeout = 1").unwrap();
    assert_eq!(code(&mut root, "DROP DATABASE d"), 1205);
    writer.query("COMMIT").unwrap();
    assert_eq!(root.rows("SELECT a FROM d.t"), [["1"]]);
    // DROP DATABASE commits, as every statement that defines objects does.
    root.query("CREATE TEMPORARY TABLE e.mine (a INT)").unwrap();
    root.query("BEGIN").unwrap();
    root.query("INSERT INTO e.t VALUES (2)").unwrap();
    root.query("DROP DATABASE d").unwrap();
    assert_eq!(writer.rows("SELECT a FROM e.t"), [["2"]]);
    assert_eq!(code(&mut writer, "INSERT INTO d.t VALUES (1)"), 1049);
    assert!(root.rows("SELECT a FROM e.mine").is_empty(), "temporary tables stay");
}

#[test]
fn a_wait_for_another_change_of_accounts_ends_by_kill_with_its_time_and_with_its_client() {
    let running = Running::start(&[]);
    let (mut root, mut waiting) = (running.root(), running.root());
    let id = waiting.connection.facts().connection_id;
    root.query("CREATE USER u").unwrap();
    let turn = running.server.accounts.hold();
    let changes = [
        "CREATE USER a",
        "ALTER USER u ACCOUNT LOCK",
        "SET PASSWORD FOR u = 'x'",
        "GRANT SELECT ON *.* TO u",
        "REVOKE SELECT ON *.* FROM u",
        "RENAME USER u TO v",
        "DROP USER u",
    ];
    let shown = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id} AND info IS NOT NULL");
    waiting.query("SET innodb_lock_wait_timeout = 3600").unwrap();
    for sql in changes {
        waiting.send(sql);
        while root.rows(&shown) != [["1"]] {}
        root.query(&format!("KILL QUERY {id}")).unwrap();
        assert_eq!(waiting.answer().unwrap().map(drop).unwrap_err().code, 1317, "{sql}");
    }
    waiting.query("SET lock_wait_timeout = 1").unwrap();
    assert_eq!(code(&mut waiting, "DROP USER u"), 1205);
    waiting.query("SET lock_wait_timeout = 3600").unwrap();
    waiting.send("DROP USER u");
    while root.rows(&shown) != [["1"]] {}
    drop(waiting);
    while root.rows(&shown) != [["0"]] {}
    drop(turn);
    root.query("DROP USER u").unwrap();
}

#[test]
fn a_wait_for_a_lock_ends_by_kill_and_with_its_time() {
    let running = Running::start(&[]);
    let (mut writer, mut root, mut waiting) = (running.root(), running.root(), running.root());
    for sql in ["CREATE DATABASE d", "CREATE TABLE d.t (a INT)", "INSERT INTO d.t VALUES (1)"] {
        root.query(sql).unwrap();
    }
    writer.query("BEGIN").unwrap();
    writer.query("INSERT INTO d.t VALUES (2)").unwrap();
    let id = waiting.connection.facts().connection_id;
    let changes = [
        "INSERT INTO d.t VALUES (3)",
        "UPDATE d.t SET a = 4",
        "DELETE FROM d.t",
        "TRUNCATE TABLE d.t",
        "CREATE TABLE d.u (a INT)",
        "DROP TABLE d.t",
        "ALTER TABLE d.t ADD COLUMN b INT",
        "CREATE INDEX k ON d.t (a)",
        "DROP DATABASE d",
    ];
    waiting.query("SET innodb_lock_wait_timeout = 3600").unwrap();
    for sql in changes {
        waiting.send(sql);
        let shown = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {id} AND info IS NOT NULL");
        while root.rows(&shown) != [["1"]] {}
        root.query(&format!("KILL QUERY {id}")).unwrap();
        assert_eq!(waiting.answer().unwrap().map(drop).unwrap_err().code, 1317, "{sql}");
    }
    for timeout in ["innodb_lock_wait_timeout", "lock_wait_timeout"] {
        waiting
            .query(&format!("SET innodb_lock_wait_timeout = 3600, lock_wait_timeout = 3600, {timeout} = 1"))
            .unwrap();
        for sql in changes.iter().step_by(4) {
            assert_eq!(code(&mut waiting, sql), 1205, "{sql} with {timeout}");
        }
    }
    // These statements do not wait for the open transaction.
    waiting.query("SET max_execution_time = 1000").unwrap();
    for sql in ["LOCK TABLES d.t WRITE", "UNLOCK TABLES", "SELECT a FROM d.t FOR UPDATE", "SHOW COLUMNS FROM d.t"] {
        waiting.query(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    writer.query("COMMIT").unwrap();
    waiting.query("DROP DATABASE d").unwrap();
}

#[test]
fn how_clients_may_compress_can_be_set_while_the_server_runs() {
    use sealwire_core::wire::compressed::Algorithm;
    let running = Running::start(&[]);
    let mut root = running.root();
    let compressed = || {
        let mut config = running.config("root", "");
        config.compression = vec![Algorithm::Zlib];
        running.connect(config).unwrap().connection.facts().compression
    };
    assert_eq!(compressed(), Some(Algorithm::Zlib));
    root.query("SET GLOBAL protocol_compression_algorithms = 'uncompressed'").unwrap();
    assert_eq!(compressed(), None);
    assert_eq!(code(&mut root, "SET GLOBAL protocol_compression_algorithms = 'zlib'"), 1231);
    root.query("SET GLOBAL protocol_compression_algorithms = 'zlib,uncompressed'").unwrap();
    assert_eq!(compressed(), Some(Algorithm::Zlib));
}

#[test]
fn a_killed_connection_keeps_its_place_while_its_statement_runs() {
    let running = Running::start(&[("max_connections", "3")]);
    let mut root = running.root();
    root.query("CREATE USER 'u'@'%' IDENTIFIED BY 'p'").unwrap();
    let mut stuck = Vec::new();
    for _ in 0..2 {
        let mut client = running.connect(running.config("u", "p")).unwrap();
        let id = client.connection.facts().connection_id;
        client.send("SELECT deaf_in_the_engine()");
        let command = |root: &mut Client| {
            root.rows(&format!("SELECT command, info FROM information_schema.processlist WHERE id = {id}"))
        };
        while command(&mut root)[0][1] == "NULL" {}
        root.query(&format!("KILL {id}")).unwrap();
        assert!(!matches!(client.answer(), Ok(Ok(_))), "KILL ends the connection");
        assert_eq!(command(&mut root)[0][0], "Killed");
        stuck.push(client);
    }
    let refused = running.connect(running.config("u", "p")).map(|_| ());
    assert!(matches!(&refused, Err(Error::Refused { error, .. }) if error.code == 1040), "{refused:?}");
}

#[test]
fn who_compresses_and_who_logs_in_are_both_served() {
    let running = Running::start(&[]);
    let mut hogs: Vec<Client> = (0..6)
        .map(|_| {
            let mut config = running.config("root", "");
            config.compression = vec![sealwire_core::wire::compressed::Algorithm::Zlib];
            running.connect(config).unwrap()
        })
        .collect();
    for hog in &mut hogs {
        hog.connection.query(b"SELECT REPEAT(SHA2('x', 512), 60000)").unwrap();
        hog.flush();
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let begin = Instant::now();
        assert_eq!(running.root().rows("SELECT 1"), [["1"]]);
        slowest = slowest.max(begin.elapsed());
    }
    println!("the slowest login and SELECT 1 beside {} that compress: {slowest:?}", hogs.len());
    for hog in &mut hogs {
        assert_eq!(hog.answer().unwrap().unwrap().rows[0][0].len(), 60_000 * 128);
    }
}

#[test]
fn stored_programs_are_refused_by_their_kind() {
    let running = Running::start(&[]);
    let mut client = running.root();
    for (sql, kind) in [
        ("CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.b = 1", "CREATE TRIGGER"),
        ("CREATE DEFINER=`root`@`localhost` PROCEDURE p() BEGIN SELECT 1", "CREATE PROCEDURE"),
        ("CREATE OR REPLACE FUNCTION f() RETURNS INT RETURN 1", "CREATE FUNCTION"),
        ("CREATE EVENT IF NOT EXISTS e ON SCHEDULE EVERY 1 DAY DO SELECT 1", "CREATE EVENT"),
    ] {
        let error = client.query(sql).map(|_| ()).unwrap_err();
        assert!(error.code == 1235 && error.message.contains(kind), "{sql}: {error}");
    }
    client.query("CREATE DATABASE d").unwrap();
    client.query("CREATE TABLE d.event (trigger_ INT, `function` INT)").unwrap();
}

#[test]
fn databases_of_one_name_come_and_go_under_their_users() {
    let running = Running::start(&[]);
    // SQLite would map or remove the files of another database of that name, which leads to SIGBUS or to a "malformed" database image.
    let is_damage = |error: &SqlError| {
        ["malformed", "disk I/O", "File exists", "already in use"].iter().any(|text| error.message.contains(text))
    };
    let repeat = |statements: &'static [&'static str], rounds: u32| {
        let mut client = running.root();
        client.query("SET innodb_lock_wait_timeout = 1").unwrap();
        let mut damage = Vec::new();
        for _ in 0..rounds {
            for sql in statements {
                if let Err(error) = client.query(sql)
                    && is_damage(&error)
                {
                    damage.push(format!("{sql}: {error}"));
                }
            }
        }
        damage
    };
    const COME_AND_GO: &[&str] =
        &["CREATE DATABASE IF NOT EXISTS d", "CREATE TABLE IF NOT EXISTS d.t (a INT)", "DROP DATABASE IF EXISTS d"];
    const USE: &[&str] =
        &["BEGIN", "INSERT INTO d.t VALUES (1)", "SELECT COUNT(*) FROM d.t", "SHOW TABLES FROM d", "COMMIT"];
    let repeat = &repeat;
    let damage: Vec<String> = std::thread::scope(|scope| {
        let goers = (0..2).map(|_| scope.spawn(move || repeat(COME_AND_GO, 100)));
        let users = (0..3).map(|_| scope.spawn(move || repeat(USE, 200)));
        let threads: Vec<_> = goers.chain(users).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(damage.is_empty(), "{}", damage.join("\n"));
    // A session whose transaction was open while the database was dropped and created again goes on.
    let (mut one, mut other) = (running.root(), running.root());
    other.query("CREATE DATABASE e").unwrap();
    other.query("CREATE TABLE e.t (a INT)").unwrap();
    one.query("BEGIN").unwrap();
    assert!(one.rows("SELECT a FROM e.t").is_empty());
    for sql in ["DROP DATABASE e", "CREATE DATABASE e", "CREATE TABLE e.t (a INT)", "INSERT INTO e.t VALUES (7)"] {
        other.query(sql).unwrap();
    }
    assert_eq!(code(&mut one, "SELECT a FROM e.t"), 1412);
    one.query("ROLLBACK").unwrap();
    assert_eq!(one.rows("SELECT a FROM e.t"), [["7"]]);
}

/// A variable stands in SQLite's text as often as the statement names it.
#[test]
fn a_short_statement_can_not_name_a_long_variable_for_ever() {
    let running = Running::start(&[("max_allowed_packet", "4194304")]);
    let mut client = running.root();
    client.query("SET @a = REPEAT('a', 1000000), @b = UNHEX(REPEAT('00', 1000000))").unwrap();
    for name in ["@a", "@b"] {
        let named = |times: usize| vec![format!("LENGTH({name})"); times].join(" + ");
        assert_eq!(client.rows(&format!("SELECT {} FROM DUAL", named(4))), [["4000000"]]);
        for sql in [
            format!("SELECT {} FROM (SELECT 1 AS n) AS t", named(3000)),
            format!("SELECT 1 FROM (SELECT 1 AS n) AS t WHERE n = {}", named(3000)),
            format!("SET @c = (SELECT {} FROM (SELECT 1 AS n) AS t)", named(3000)),
            format!("DO (SELECT {} FROM (SELECT 1 AS n) AS t)", named(3000)),
        ] {
            let error = client.query(&sql).map(drop).unwrap_err();
            assert_eq!(error.code, 1153, "{error}");
        }
        let once = "SELECT SUM(LENGTH(v.a)) FROM (SELECT 1 UNION ALL SELECT 2) AS t, ";
        assert_eq!(client.rows(&format!("{once}(SELECT {name} AS a) AS v")), [["2000000"]]);
    }
}

#[test]
fn a_savepoint_begins_the_transaction_without_autocommit() {
    let running = Running::start(&[]);
    let mut client = running.root();
    for sql in ["CREATE DATABASE d", "CREATE TABLE d.t (a INT)", "SET autocommit = 0"] {
        client.query(sql).unwrap();
    }
    for sql in ["SAVEPOINT s", "INSERT INTO d.t VALUES (1)", "ROLLBACK TO s", "INSERT INTO d.t VALUES (2)", "COMMIT"] {
        client.query(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    assert_eq!(client.rows("SELECT a FROM d.t"), [["2"]]);
    client.query("COMMIT").unwrap();
    client.query("SET autocommit = 1").unwrap();
    client.query("SAVEPOINT s").unwrap();
    assert_eq!(code(&mut client, "ROLLBACK TO s"), 1305);
}

/// A session keeps the databases open that it has read once.
#[test]
fn a_definition_waits_for_changes_of_its_own_database_alone() {
    let running = Running::start(&[]);
    let (mut one, mut other) = (running.root(), running.root());
    for sql in ["CREATE DATABASE d", "CREATE TABLE d.t (a INT)", "CREATE DATABASE e", "CREATE TABLE e.t (a INT)"] {
        one.query(sql).unwrap();
    }
    other.query("SET lock_wait_timeout = 1, innodb_lock_wait_timeout = 1").unwrap();
    assert!(other.rows("SELECT a FROM d.t").is_empty());
    one.query("BEGIN").unwrap();
    one.query("INSERT INTO d.t VALUES (1)").unwrap();
    for sql in [
        "CREATE TABLE e.u (a INT)",
        "ALTER TABLE e.u ADD COLUMN b INT",
        "CREATE INDEX i ON e.u (b)",
        "CREATE VIEW e.v AS SELECT a FROM e.u",
        "UPDATE e.u SET b = 1 WHERE a IN (SELECT a FROM e.v) OR a IN (SELECT a FROM d.t)",
        "DROP VIEW e.v",
        "DROP INDEX i ON e.u",
        "TRUNCATE TABLE e.u",
        "CREATE TABLE e.w SELECT a FROM d.t",
        "DROP TABLE e.u",
    ] {
        other.query(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    for sql in ["CREATE TABLE d.u (a INT)", "DROP TABLE e.w, d.t"] {
        assert_eq!(code(&mut other, sql), 1205, "{sql}");
    }
    assert_eq!(other.rows("SELECT COUNT(*) FROM e.w"), [["0"]]);
    one.query("COMMIT").unwrap();
    assert_eq!(other.rows("SELECT a FROM d.t"), [["1"]]);
}
