//! Names that try to leave the comments of `sealwire-binlog`'s text: what it prints is run where a backup is restored.

use std::process::Command;

use sealwire_tests::child;
use sealwire_tests::programs::{needs, program};
use sealwire_tests::server::{Kind, Server, Settings};

use super::tool::{ours, path, printed};

/// A name that would be a statement of its own, and a command of the client's, behind its line breaks.
const NAME: &str = "`t\nGRANT ALL ON *.* TO a/*!*/;\n\\! touch ran-by-a-name\n#`";

#[test]
fn a_name_with_line_breaks_runs_nothing_in_a_restore() {
    if !needs(&["mariadbd", "mariadb-install-db", "mariadb"]) {
        return;
    }
    let options = ["--log-bin=bin", "--server-id=11", "--binlog-format=ROW", "--binlog-row-metadata=FULL"];
    let settings = Settings { options: options.map(str::to_owned).to_vec(), ..Settings::default() };
    let server = Server::start(Kind::MariaDb, &settings).unwrap();
    let place = tempfile::tempdir().unwrap();
    let run = |client: &str, options: &[&str], sql: &[u8]| {
        let mut command = if client == "sealwire" { Command::new(program(client)) } else { Command::new(client) };
        command.args(["--no-defaults", "--user=root"]).args(options).current_dir(place.path());
        child::output(command.arg(format!("--socket={}", server.socket.display())), sql).unwrap()
    };
    let changes = format!(
        "CREATE USER a@'%'; CREATE DATABASE d; USE d;
         CREATE TABLE {NAME} (a INT PRIMARY KEY, {NAME} VARCHAR(20)); INSERT INTO {NAME} VALUES (1, 'x\\ny'); UPDATE {NAME} SET a = 2;
         DELETE FROM {NAME}; FLUSH BINARY LOGS;"
    );
    printed(run("mariadb", &[], changes.as_bytes()));
    let file = server.folder().join("data/bin.000001");
    for verbose in [&[][..], &["--verbose"], &["--verbose", "--verbose"], &["--hexdump"]] {
        let text = printed(ours(&[verbose, &[path(&file)]].concat()));
        for client in ["mariadb", "sealwire"] {
            // Most statements fail, because their tables exist.
            run(client, &["--force"], &text);
            let grants = printed(run("mariadb", &[], b"SHOW GRANTS FOR a@'%'"));
            assert!(!String::from_utf8_lossy(&grants).contains("ALL PRIVILEGES"), "{client} {verbose:?}");
            assert!(!place.path().join("ran-by-a-name").exists(), "{client} {verbose:?}");
        }
    }
}
