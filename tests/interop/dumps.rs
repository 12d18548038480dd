//! Dumps of our server and of MariaDB by Debian's tool, and reading them back. A failed dump must not look like a successful one.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::process::{Command, Output};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child;
use sealwire_tests::clients;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::{needs, program};
use sealwire_tests::server::{Kind, Server, Settings};
use tempfile::TempDir;

/// The data to dump, with every character that a text may hold.
const FILLED: &[&str] = &[
    "CREATE DATABASE shop;",
    "CREATE TABLE shop.item (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50) NOT NULL DEFAULT 'x', note TEXT, \
     price DECIMAL(10,2), made DATETIME, kept VARBINARY(9), big BIGINT UNSIGNED, KEY k (name));",
    r#"INSERT INTO shop.item (name, note, price, made, kept, big) VALUES ('one', 'it''s \"q\" \\ `b` -- /* ; */', 1.50, '2024-02-29 23:59:58', x'00ff1a0d0a', 9223372036854775807), ('süß', NULL, NULL, NULL, NULL, NULL), ('a\nb\t', '', -3.25, '1999-12-31 00:00:00', '', 0);"#,
    "CREATE TABLE shop.`an odd``name` (k VARCHAR(10) NOT NULL PRIMARY KEY, at TIME, r DOUBLE);",
    "INSERT INTO shop.`an odd``name` VALUES ('a', '-10:11:12', 0.1), ('ß', NULL, -1e100);",
    "CREATE TABLE shop.nothing (a INT);",
    "CREATE VIEW shop.seen AS SELECT id, name FROM shop.item WHERE id > 1;",
];

/// Queries that show all of the data, in order.
const QUESTIONS: &[&str] = &[
    "SELECT id, HEX(name), HEX(note), price, made, HEX(kept), big FROM item ORDER BY id",
    "SELECT HEX(k), at, r FROM `an odd``name` ORDER BY k",
    "SELECT COUNT(*) FROM nothing",
    "SELECT id, HEX(name) FROM seen ORDER BY id",
    "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME",
];

struct World {
    place: TempDir,
    ours: Server,
    mariadb: Server,
}

impl World {
    fn new() -> Self {
        Self::with(&[])
    }

    /// As [`Self::new`], with options of our server.
    fn with(options: &[&str]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let certificates = CertificateSet::by_openssl(place.path());
        let start = |kind: Kind| {
            let mut statements = Vec::new();
            for user in ["keeper", "limited"] {
                statements.push(kind.create_user(user, "mysql_native_password", PASSWORD, "SSL"));
            }
            statements.push("GRANT ALL ON *.* TO 'keeper'@'%';".to_owned());
            statements.push("GRANT SELECT, LOCK TABLES ON shop.* TO 'limited'@'%';".to_owned());
            let mut settings = Settings { certificates: Some(certificates.clone()), statements, ..Settings::default() };
            match kind {
                Kind::MariaDb => settings.options.push("--character-set-server=utf8mb4".to_owned()),
                Kind::Sealwired => settings.options.extend(options.iter().map(|option| (*option).to_owned())),
            }
            Server::start(kind, &settings).unwrap()
        };
        let world = Self { ours: start(Kind::Sealwired), mariadb: start(Kind::MariaDb), place };
        for server in [&world.ours, &world.mariadb] {
            let made = world.run("mariadb", server, "keeper", &[], FILLED.join("\n").as_bytes());
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        world
    }

    /// Runs a program of mysql's family, over verified TLS.
    fn run(&self, name: &str, server: &Server, user: &str, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = if name == "sealwire" { Command::new(program(name)) } else { Command::new(name) };
        command.args(["--no-defaults", "--host=127.0.0.1", "--default-character-set=utf8mb4"]);
        command.arg(format!("--port={}", server.port)).arg(format!("--user={user}")).env("MYSQL_PWD", PASSWORD);
        command.arg(format!("--ssl-ca={}", CertificateSet::in_folder(self.place.path()).ca.display()));
        if name != "sealwire" {
            command.arg("--ssl-verify-server-cert");
        }
        child::output(command.args(arguments), input).unwrap()
    }

    #[track_caller]
    fn dump(&self, tool: &str, server: &Server, arguments: &[&str]) -> Vec<u8> {
        let output = self.run(tool, server, "keeper", arguments, &[]);
        assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        // A dump that was cut off lacks this line.
        assert!(
            text.contains("-- Dump completed on") && text.contains("9223372036854775807"),
            "{tool} {arguments:?}: {text}"
        );
        output.stdout
    }

    /// Reads a dump into a new database.
    #[track_caller]
    fn read(&self, client: &str, server: &Server, database: &str, dump: &[u8]) {
        let made = self.run("mariadb", server, "keeper", &["-e", &format!("CREATE DATABASE {database}")], &[]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let output = self.run(client, server, "keeper", &[database], dump);
        assert!(output.status.success(), "{client}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The results of the queries on a database.
    #[track_caller]
    fn shows(&self, server: &Server, database: &str) -> String {
        let mut arguments = vec!["--batch", "--skip-column-names", database];
        let questions = QUESTIONS.join(";\n");
        arguments.extend(["-e", &questions]);
        let output = self.run("mariadb", server, "keeper", &arguments, &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn what_is_dumped_and_read_again_is_the_same() {
    if !needs(&["mariadbd", "mariadb-install-db", "mariadb", "mariadb-dump", "mysqldump", "openssl"]) {
        return;
    }
    let world = World::new();
    let (ours, mariadb) = (&world.ours, &world.mariadb);
    let expected = world.shows(mariadb, "shop");
    assert_eq!(world.shows(ours, "shop"), expected);
    // Another session's temporary table is in no dump, even where it hides a table from its own session.
    let context = clients::context(&CertificateSet::in_folder(world.place.path()));
    let mut other = clients::connect(ours.port, clients::secure("keeper", &context)).unwrap();
    for sql in [
        "CREATE TEMPORARY TABLE shop.item (other INT)",
        "INSERT INTO shop.item VALUES (7)",
        "CREATE TEMPORARY TABLE shop.only_here (a INT)",
    ] {
        let mut result = other.query(sql).unwrap();
        while result.next().unwrap().is_some() {}
    }
    let mut number = 0;
    for (tool, from, arguments) in [
        ("mariadb-dump", ours, &["shop"][..]),
        ("mysqldump", ours, &["--routines", "--events", "--triggers", "--single-transaction", "--hex-blob", "shop"]),
        ("mariadb-dump", ours, &["--skip-extended-insert", "--complete-insert", "--no-tablespaces", "shop"]),
        ("mariadb-dump", mariadb, &["shop"]),
        (
            "mysqldump",
            mariadb,
            &["--routines", "--events", "--compatible=ansi", "--skip-quote-names", "--quote-names", "shop"],
        ),
    ] {
        let dump = world.dump(tool, from, arguments);
        for (client, to) in [("mariadb", mariadb), ("mariadb", ours), ("sealwire", ours), ("sealwire", mariadb)] {
            number += 1;
            let database = format!("again_{number}");
            world.read(client, to, &database, &dump);
            assert_eq!(
                world.shows(to, &database),
                expected,
                "{tool} {arguments:?} read by {client}, into {:?}",
                to.kind
            );
        }
        // The dump is also read over the existing data.
        world.read("mariadb", ours, &format!("over_{number}"), &[dump.clone(), dump].concat());
        assert_eq!(world.shows(ours, &format!("over_{number}")), expected, "{tool} {arguments:?}");
    }
    other.quit().unwrap();
}

/// The tool asks a server of MariaDB's version for packages.
#[test]
fn a_server_of_mariadbs_version_is_dumped_with_its_place() {
    if !needs(&["mariadbd", "mariadb-install-db", "mariadb", "mariadb-dump", "openssl"]) {
        return;
    }
    let world = World::with(&["--version=10.11.99-MariaDB-Sealwire", "--log-bin", "--server-id=1"]);
    let expected = world.shows(&world.ours, "shop");
    let programs = ["--routines", "--events", "--triggers"];
    for (number, arguments) in [
        &["--single-transaction", "--master-data", "shop"][..],
        &["--lock-all-tables", "--master-data", "--gtid", "shop"],
    ]
    .into_iter()
    .enumerate()
    {
        let dump = world.dump("mariadb-dump", &world.ours, &[&programs, arguments].concat());
        let starts = |line: &&[u8], text: &str| line.starts_with(text.as_bytes());
        let lines: Vec<&[u8]> = dump.split(|byte| *byte == b'\n').collect();
        assert!(lines.iter().any(|line| starts(line, "CHANGE MASTER TO ")), "{arguments:?}");
        // The place is for a replica; another server has no use for it.
        let is_place = |line: &&&[u8]| starts(line, "CHANGE MASTER") || starts(line, "SET GLOBAL gtid_slave_pos");
        let rows = lines.iter().filter(|line| !is_place(line)).copied().collect::<Vec<_>>().join(&b'\n');
        for (server, name) in [(&world.ours, "ours"), (&world.mariadb, "theirs")] {
            let database = format!("{name}_{number}");
            world.read("mariadb", server, &database, &rows);
            assert_eq!(world.shows(server, &database), expected, "{arguments:?}");
        }
    }
}

#[test]
fn all_databases_are_dumped_and_read_again() {
    if !needs(&["mariadbd", "mariadb-install-db", "mariadb", "mariadb-dump", "mysqldump", "openssl"]) {
        return;
    }
    let world = World::new();
    let more =
        "CREATE DATABASE second; CREATE TABLE second.t (a INT PRIMARY KEY); INSERT INTO second.t VALUES (1), (2);";
    assert!(world.run("mariadb", &world.ours, "keeper", &[], more.as_bytes()).status.success());
    let expected = world.shows(&world.ours, "shop");
    for (tool, arguments) in [
        ("mariadb-dump", &["--all-databases"][..]),
        ("mysqldump", &["--all-databases", "--single-transaction", "--routines", "--events", "--triggers"]),
        ("mariadb-dump", &["--all-databases", "--add-drop-database"]),
    ] {
        let output = world.run(tool, &world.ours, "keeper", arguments, &[]);
        assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{tool} {arguments:?}");
        if arguments.contains(&"--add-drop-database") {
            continue;
        }
        // The dump is read over existing data, into a missing database, and into the other server.
        for (gone, server) in
            [("", &world.ours), ("DROP DATABASE shop; DROP DATABASE second;", &world.ours), ("", &world.mariadb)]
        {
            assert!(world.run("mariadb", server, "keeper", &["-e", gone], &[]).status.success());
            let read = world.run("mariadb", server, "keeper", &[], &output.stdout);
            assert!(read.status.success(), "{tool}: {}", String::from_utf8_lossy(&read.stderr));
            assert_eq!(world.shows(server, "shop"), expected, "{tool} {arguments:?}");
            let second = world.run("mariadb", server, "keeper", &["-Ne", "SELECT SUM(a) FROM second.t"], &[]);
            assert_eq!(String::from_utf8_lossy(&second.stdout), "3\n");
        }
    }
}

#[test]
fn a_failure_is_told_by_the_exit_code() {
    if !needs(&["mariadbd", "mariadb-install-db", "mariadb", "mariadb-dump", "mysqldump", "openssl"]) {
        return;
    }
    let world = World::new();
    // Statements of the tool that the server refuses: a view without SHOW VIEW, FLUSH without RELOAD, a missing table or database, and the
    // position in a binary log that does not exist.
    for (user, arguments) in [
        ("limited", &["shop"][..]),
        ("limited", &["--lock-all-tables", "shop", "item"]),
        ("limited", &["--events", "shop", "item"]),
        ("keeper", &["none"]),
        ("keeper", &["shop", "none"]),
        ("keeper", &["--master-data", "shop"]),
        ("nobody", &["shop"]),
    ] {
        for (tool, server) in
            [("mariadb-dump", &world.mariadb), ("mariadb-dump", &world.ours), ("mysqldump", &world.ours)]
        {
            let output = world.run(tool, server, user, arguments, &[]);
            let text = String::from_utf8_lossy(&output.stdout);
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success(), "{tool} {arguments:?} as {user} of {:?}: {text}", server.kind);
            assert!(
                !text.contains("Dump completed") && !complaint.is_empty(),
                "{tool} {arguments:?}: {text}{complaint}"
            );
        }
    }
    // A script stops at its first failed statement, and the exit code is 1.
    for (client, server) in [("mariadb", &world.ours), ("sealwire", &world.ours), ("sealwire", &world.mariadb)] {
        for script in [
            "CREATE TABLE made_before (a INT);\nINSERT INTO made_before VALUES (1, 2);\nDROP TABLE item;\n",
            "CREATE TABLE made_before (a INT);\nCREATE TABLE nonsense (a NOTYPE);\nDROP TABLE item;\n",
            "CREATE TABLE made_before (a INT);\nSELECT * FROM none;\nDROP TABLE item;\n",
            "CREATE TABLE made_before (a INT);\nnonsense;\nDROP TABLE item",
        ] {
            let output = world.run(client, server, "keeper", &["shop"], script.as_bytes());
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{client}: {script}{complaint}");
            assert!(complaint.contains("at line 2"), "{client}: {script}{complaint}");
            let left = world.run(
                "mariadb",
                server,
                "keeper",
                &["shop", "-e", "DROP TABLE made_before; SELECT 1 FROM item"],
                &[],
            );
            assert!(left.status.success(), "{}", String::from_utf8_lossy(&left.stderr));
        }
    }
}
