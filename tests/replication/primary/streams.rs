//! Readers of the binary log in other languages: zongji on Node, and the crate mysql_async.

use std::process::Command;

use sealwire_tests::child;
use sealwire_tests::drivers::{PASSWORD, node_modules};
use sealwire_tests::programs::{can, needs, package_folder, program, set_up};
use serde_json::{Value, json};

use super::world::{MARIADB, World, sql};

const MYSQL: &str = "--version=8.0.99-Sealwire";

/// A primary with changes of a row with many types.
fn world(version: &str) -> World {
    let world = World::new(&[version, "--gtid-mode=ON"]);
    sql(
        world.ours(),
        "SET sql_log_bin = 0; GRANT REPLICATION CLIENT, SELECT ON *.* TO repl@'%'; SET sql_log_bin = 1;
         CREATE DATABASE d; CREATE TABLE d.t (id INT UNSIGNED PRIMARY KEY, name VARCHAR(20), kind ENUM('one','two'), flags SET('x','y'),
         at DATETIME(3), n DECIMAL(10,2), raw BLOB);
         INSERT INTO d.t VALUES (4294967295, 'ä', 'two', 'x,y', '2024-02-29 12:00:00.123', -12.34, x'00ff');
         UPDATE d.t SET name = NULL; DELETE FROM d.t",
    );
    world
}

fn job(world: &World) -> Value {
    let set = &world.certificates;
    let (ca, cert, key) = (set.ca.display(), set.client_cert.display(), set.client_key.display());
    let tls = json!({ "ca": ca.to_string(), "cert": cert.to_string(), "key": key.to_string() });
    let mut job = json!({
        "host": "127.0.0.1", "port": world.ours().port, "user": "repl", "password": PASSWORD, "database": "d", "tls": tls, "big": 0,
        "other_user": "", "other_password": "", "rows": 3,
    });
    if let (Some(job), Some(tls)) = (job.as_object_mut(), tls.as_object()) {
        job.extend(tls.clone());
    }
    job
}

fn output(command: &mut Command) -> Value {
    let output = child::output(command, &[]).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(said.trim()).unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn zongji_has_the_rows_with_their_names() {
    if !needs(&["mariadb", "openssl", "node"]) || !can(set_up(&node_modules().join("@vlasky/zongji"))) {
        return;
    }
    for version in [MARIADB, MYSQL] {
        let world = world(version);
        let mut command = Command::new("node");
        command.arg(package_folder().join("interop/scripts/zongji_stream.mjs")).env("NODE_PATH", node_modules());
        let rows = output(command.arg(job(&world).to_string()));
        let row = |name: Value| {
            json!({
                "id": 4_294_967_295_u32, "name": name, "kind": "two", "flags": "x,y", "at": "2024-02-29 12:00:00.123", "n": "-12.34",
                "raw": { "type": "Buffer", "data": [0, 255] },
            })
        };
        let without = || row(Value::Null);
        assert_eq!(
            rows,
            json!([["writerows", row("ä".into())], ["updaterows", without()], ["deleterows", without()]]),
            "{version}"
        );
    }
}

#[test]
fn mysql_async_has_the_rows_with_their_names() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    // It knows no events of MariaDB's.
    let world = world(MYSQL);
    let mut command = Command::new(program("sealwire-drivers"));
    let found = output(command.arg("mysql_async_binlog").arg(job(&world).to_string()));
    let rows = found["rows"].as_array().unwrap_or_else(|| panic!("{found}"));
    assert_eq!(rows.len(), 3, "{found}");
    let texts: Vec<String> = rows.iter().map(Value::to_string).collect();
    for expected in ["4294967295", "\"name\"", "ä", "-12.34", "2024"] {
        assert!(texts[0].contains(expected), "no {expected}: {}", texts[0]);
    }
    assert!(texts[1].contains("\"name\",\"Value(Null)\""), "{}", texts[1]);
}
