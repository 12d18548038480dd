//! A full disk and a read-only disk: the server has a file system of its own, in a mount namespace.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sealwire::random::OsRandom;
use sealwire::{Address, Client, Config, Socket};
use sealwire_tests::server::{Kind, Server, Settings};

use crate::{SECRET, assert_answers, root, rows, strangers};

/// A command that mounts an empty file system over the data directory, copies the data there, and runs the server.
fn mounting(size: &str) -> String {
    format!("cp -a \"$0\" \"$0.first\" && mount -t tmpfs -o size={size} none \"$0\" && cp -a \"$0.first/.\" \"$0\"")
}

/// Settings of a server whose data directory is a file system of its own; the command `then` runs before the server.
fn on_its_own(then: &str) -> Settings {
    on_its_own_of("1m", then)
}

pub(crate) fn on_its_own_of(size: &str, then: &str) -> Settings {
    let script = format!("{} && {then} && exec \"$@\"", mounting(size));
    let within = ["unshare", "--mount", "sh", "-c", &script, "{data}"].map(str::to_owned);
    Settings { within: within.to_vec(), ..Settings::default() }
}

/// Whether a file system can be mounted here. If not, prints why; in CI that is a failure.
pub(crate) fn can_mount() -> bool {
    let output = Command::new("unshare").args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    let reason = match output {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => format!("unshare: {error}"),
    };
    assert!(std::env::var_os("CI").is_none(), "in CI nothing may be skipped: {reason}");
    println!("skipped: no file system can be mounted: {reason}");
    false
}

/// The path of the data directory in the server's mount namespace.
pub(crate) fn data_of(server: &Server) -> PathBuf {
    PathBuf::from(format!("/proc/{}/root{}", server.id(), server.folder().join("data").display()))
}

#[test]
fn a_full_disk_refuses_changes_and_loses_none() {
    if !can_mount() {
        return;
    }
    let server = Server::start(Kind::Sealwired, &on_its_own("true")).unwrap();
    let mut client = root(&server).unwrap();
    for sql in [
        "CREATE DATABASE d",
        "CREATE TABLE d.t (n INT PRIMARY KEY, v TEXT)",
        "CREATE USER 'before'@'%'",
        "CREATE USER 'enemy'@'%'",
    ] {
        rows(&mut client, sql).unwrap();
    }
    let data = data_of(&server);
    let (room, rest) = (data.join("room.sqlite-none"), data.join("rest.sqlite-none"));
    fs::write(&room, vec![0; 300_000]).unwrap();
    let mut written = 0;
    let value = "x".repeat(20_000);
    let refused = loop {
        match rows(&mut client, &format!("INSERT INTO d.t VALUES ({written}, '{value}')")) {
            Ok(_) => written += 1,
            Err(error) => break error.to_string(),
        }
        assert!(written < 1000, "the disk is never full");
    };
    assert!(refused.contains("1114") && refused.contains("'t' is full"), "{refused}");
    // The rest of the space is used up, too.
    fs::write(&rest, vec![0; 1 << 20]).unwrap_err();

    // Space is reserved for the accounts.
    rows(&mut client, "DROP USER 'enemy'@'%'").unwrap();
    let create = format!("CREATE USER 'after'@'%' IDENTIFIED BY '{SECRET}'");
    let refused = rows(&mut client, "CREATE DATABASE e").unwrap_err().to_string();
    assert!(refused.contains("Can't create database 'e'"), "{refused}");

    // Tables in memory need no space on the disk.
    for sql in ["SELECT COUNT(*) FROM information_schema.COLUMNS", "CREATE TEMPORARY TABLE d.mine AS SELECT n FROM d.t"]
    {
        rows(&mut client, sql).unwrap();
    }

    let users = |client: &mut _| rows(client, "SELECT User FROM mysql.user ORDER BY User").unwrap();
    assert_eq!(users(&mut client), ["before", "root"]);
    let databases = rows(&mut client, "SHOW DATABASES LIKE 'e'").unwrap();
    assert_eq!(databases, [""; 0], "what was refused is there nevertheless");
    assert_eq!(rows(&mut client, "SELECT COUNT(*) FROM d.t").unwrap(), [written.to_string()]);
    assert_answers(&server);
    assert_eq!(strangers(&data), [""; 0]);

    // With free space again, the server works as before.
    fs::remove_file(&room).unwrap();
    fs::remove_file(&rest).unwrap();
    rows(&mut client, "DELETE FROM d.t WHERE n > 0").unwrap();
    rows(&mut client, &create).unwrap();
    assert_eq!(users(&mut client), ["after", "before", "root"]);
}

/// A user who may insert into one table, and never commits, must not stop others. His changes are gone when he disconnects.
#[test]
fn an_open_transaction_leaves_room_for_others() {
    if !can_mount() {
        return;
    }
    let server = Server::start(Kind::Sealwired, &on_its_own_of("60m", "true")).unwrap();
    let mut client = root(&server).unwrap();
    for sql in [
        "CREATE DATABASE own",
        "CREATE TABLE own.t (v LONGTEXT)",
        "CREATE DATABASE good",
        "CREATE TABLE good.t (n INT)",
        "CREATE USER 'enemy'@'%'",
    ] {
        rows(&mut client, sql).unwrap();
    }
    let log = data_of(&server).join("own.sqlite-wal");
    let length = || fs::metadata(&log).map_or(0, |file| file.len());
    let fill = "INSERT INTO own.t VALUES (REPEAT('x', 1000000))";
    let leave = |ends: fn(&mut Client<Socket>)| {
        let mut enemy = root(&server).unwrap();
        rows(&mut enemy, "BEGIN").unwrap();
        let full = (0..60).find_map(|_| rows(&mut enemy, fill).err()).expect("60 MB went into 60").to_string();
        assert!(full.contains("1114") && full.contains("'t' is full"), "{full}");
        // Other sessions work while the transaction is open, and its rows are gone when it ends.
        let mut other = root(&server).unwrap();
        for sql in ["INSERT INTO good.t VALUES (1)", "CREATE USER 'a'@'%'", "DROP USER 'a'@'%'", "CREATE DATABASE e"] {
            rows(&mut other, sql).unwrap();
        }
        rows(&mut other, "DROP DATABASE e").unwrap();
        ends(&mut enemy);
        drop(enemy);
        let since = Instant::now();
        while length() > 8 << 20 {
            assert!(since.elapsed().as_secs() < 30, "{} bytes are left", length());
        }
    };
    leave(|_| {});
    leave(|enemy| _ = rows(enemy, "ROLLBACK").unwrap());
    // Rows that are changed again and again are bounded, too, and so is what is committed.
    let full = (0..60).find_map(|_| rows(&mut client, fill).err()).expect("60 MB went into 60").to_string();
    assert!(full.contains("1114"), "{full}");
    for sql in
        ["INSERT INTO good.t VALUES (1)", "DELETE FROM own.t", fill, "DROP USER 'enemy'@'%'", "DROP DATABASE own"]
    {
        rows(&mut client, sql).unwrap();
    }
}

#[test]
fn temporary_files_leave_room_for_tables() {
    if !can_mount() {
        return;
    }
    // Temporary files and tables share 40 MiB.
    let settings = on_its_own_of("40m", "export SQLITE_TMPDIR=\"$0\"");
    let server = Server::start(Kind::Sealwired, &settings).unwrap();
    let mut client = root(&server).unwrap();
    for sql in ["CREATE DATABASE d", "CREATE TABLE d.t (v TEXT)"] {
        rows(&mut client, sql).unwrap();
    }
    // Each query sorts 12 MB; a client that reads one row of it keeps the temporary files open.
    let sort = "WITH RECURSIVE n AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM n WHERE a < 1000) \
                SELECT CONCAT(a, REPEAT('x', 12000)) AS t FROM n ORDER BY t";
    let mut sorting: Vec<_> = (0..8).map(|_| root(&server).unwrap()).collect();
    let mut held = Vec::new();
    let mut refused = Vec::new();
    for one in &mut sorting {
        let mut result = one.query(sort);
        match result
            .as_mut()
            .map_err(|error| error.to_string())
            .and_then(|result| result.next().map(|row| row.is_some()).map_err(|error| error.to_string()))
        {
            Ok(_) => held.push(result),
            Err(error) => refused.push(error),
        }
    }
    assert!(!held.is_empty(), "a third of the room is there for the first: {refused:?}");
    assert!(!refused.is_empty(), "eight times 12 MB went into 40");
    assert!(refused.iter().all(|error| error.contains("1114") && error.contains("SQLITE_TMPDIR")), "{refused:?}");
    drop(held);
    drop(sorting);
    // Temporary tables have the same limit.
    let mut keeper = root(&server).unwrap();
    rows(&mut keeper, "CREATE TEMPORARY TABLE d.mine (v LONGTEXT)").unwrap();
    let fill = format!("INSERT INTO d.mine VALUES (REPEAT('x', {}))", 3_000_000);
    let full = (0..40).find_map(|_| rows(&mut keeper, &fill).err()).expect("120 MB went into 40").to_string();
    assert!(full.contains("1114") && full.contains("SQLITE_TMPDIR"), "{full}");
    for _ in 0..5 {
        rows(&mut client, &format!("INSERT INTO d.t VALUES ('{}')", "x".repeat(100_000))).unwrap();
    }
    rows(&mut client, &format!("CREATE USER 'after'@'%' IDENTIFIED BY '{SECRET}'")).unwrap();
}

#[test]
fn an_account_leaves_room_for_the_temporary_tables_of_others() {
    if !can_mount() {
        return;
    }
    let settings = on_its_own_of("200m", "export SQLITE_TMPDIR=\"$0\"");
    let server = Server::start(Kind::Sealwired, &settings).unwrap();
    let mut admin = root(&server).unwrap();
    for sql in ["CREATE DATABASE d", "CREATE USER 'u'@'%'", "GRANT ALL ON d.* TO 'u'@'%'"] {
        rows(&mut admin, sql).unwrap();
    }
    let user = || {
        let config = Config::new("u", "".into(), Arc::new(OsRandom::new()));
        Client::connect(&Address::Unix(server.socket.clone()), config).unwrap()
    };
    // Each session may have 1 GiB of temporary tables, but the account reaches its own limit earlier.
    let mut hoarding: Vec<_> = (0..12).map(|_| user()).collect();
    let fill = format!("INSERT INTO d.mine VALUES (REPEAT('x', {}))", 3_000_000);
    let mut refusal = None;
    for client in &mut hoarding {
        rows(client, "CREATE TEMPORARY TABLE d.mine (v LONGTEXT)").unwrap();
        refusal = refusal.or_else(|| (0..6).find_map(|_| rows(client, &fill).err()));
    }
    let refusal = refusal.expect("216 MB went into 200").to_string();
    assert!(refusal.contains("1114") && refusal.contains("share"), "{refusal}");
    rows(&mut admin, "CREATE TEMPORARY TABLE d.mine (v LONGTEXT)").unwrap();
    for _ in 0..6 {
        rows(&mut admin, &fill).expect("another account has room");
    }
    drop(hoarding);
    let mut again = user();
    rows(&mut again, "CREATE TEMPORARY TABLE d.mine (v LONGTEXT)").unwrap();
    // The server closes the sessions one after the other.
    let until = Instant::now() + Duration::from_secs(30);
    while let Err(error) = rows(&mut again, &fill) {
        assert!(Instant::now() < until, "its own tables are still there: {error}");
    }
}

#[test]
fn a_data_directory_that_can_not_be_written_is_named_and_the_end() {
    if !can_mount() {
        return;
    }
    let settings = on_its_own("mount -o remount,ro \"$0\"");
    let said = Server::start(Kind::Sealwired, &settings).err().expect("it can't start");
    let errors: Vec<&str> = said.lines().filter(|line| line.contains("[ERROR]")).collect();
    assert_eq!(errors.len(), 1, "{said}");
    assert!(errors[0].contains("sealwired.lock") && errors[0].contains("Read-only file system"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

/// Runs a command in the server's mount namespace; `$0` is the data directory.
fn where_it_is(server: &Server, script: &str) {
    let mut command = Command::new("nsenter");
    command.arg(format!("--target={}", server.id())).args(["--mount", "sh", "-c", script]);
    let output = command.arg(server.folder().join("data")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_data_directory_that_becomes_read_only_refuses_changes_and_loses_none() {
    if !can_mount() {
        return;
    }
    let server = Server::start(Kind::Sealwired, &on_its_own("true")).unwrap();
    let mut client = root(&server).unwrap();
    for sql in [
        "CREATE DATABASE d",
        "CREATE TABLE d.t (n INT PRIMARY KEY)",
        "INSERT INTO d.t VALUES (1), (2)",
        "CREATE USER 'before'@'%' REQUIRE SSL",
    ] {
        rows(&mut client, sql).unwrap();
    }
    where_it_is(&server, "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\"");

    let create = format!("CREATE USER 'after'@'%' IDENTIFIED BY '{SECRET}'");
    for sql in [&create, "ALTER USER 'before'@'%' REQUIRE NONE", "DROP USER 'before'@'%'"] {
        let refused = rows(&mut client, sql).unwrap_err().to_string();
        let named = ["1105", "accounts.sql", "Read-only file system"].iter().all(|part| refused.contains(part));
        assert!(named, "{sql}: {refused}");
        assert!(!refused.contains(SECRET), "{refused}");
    }
    let refused = rows(&mut client, "CREATE DATABASE e").unwrap_err().to_string();
    assert!(refused.contains("Can't create database 'e'"), "{refused}");
    // A new session opens the files again, and can't write them.
    let mut late = root(&server).unwrap();
    let refused = rows(&mut late, "INSERT INTO d.t VALUES (3)").unwrap_err().to_string();
    assert!(refused.contains("1290") && refused.contains("can only be read"), "{refused}");

    let accounts = |client: &mut _| rows(client, "SHOW CREATE USER 'before'@'%'").unwrap();
    assert!(accounts(&mut client)[0].contains("REQUIRE SSL"), "what was refused counts nevertheless");
    assert_eq!(rows(&mut late, "SELECT User FROM mysql.user ORDER BY User").unwrap(), ["before", "root"]);
    assert_eq!(rows(&mut late, "SELECT COUNT(*) FROM d.t").unwrap(), ["2"]);
    assert_answers(&server);

    where_it_is(&server, "mount -o remount,rw,bind \"$0\"");
    rows(&mut client, &create).unwrap();
    assert_eq!(rows(&mut client, "SELECT User FROM mysql.user ORDER BY User").unwrap(), ["after", "before", "root"]);
    assert_eq!(strangers(&data_of(&server)), [""; 0]);
}

#[test]
fn a_data_directory_that_is_not_ours_is_named_and_the_end() {
    let place = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    settings.options.push(format!("--datadir={}", place.path().display()));
    let said = Server::start(Kind::Sealwired, &settings).err().expect("it can't start");
    assert!(said.contains("is not a data directory of sealwired"), "{said}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "something was left behind");
}

/// Files that a crash in DROP DATABASE left behind are not part of a new database of that name.
#[test]
fn a_database_made_anew_has_nothing_of_one_that_was_dropped() {
    let server = Server::start(Kind::Sealwired, &Settings::default()).unwrap();
    let mut client = root(&server).unwrap();
    for sql in ["CREATE DATABASE d", "CREATE TABLE d.t (n INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)"] {
        rows(&mut client, sql).unwrap();
    }
    let log = server.folder().join("data/d.sqlite-wal");
    let left = fs::read(&log).expect("a database that is open has a log");
    assert!(!left.is_empty());
    rows(&mut client, "DROP DATABASE d").unwrap();
    drop(client);
    fs::write(&log, left).unwrap();
    let mut client = root(&server).unwrap();
    rows(&mut client, "CREATE DATABASE d").unwrap();
    assert_eq!(rows(&mut client, "SHOW TABLES FROM d").unwrap(), [""; 0]);
}
