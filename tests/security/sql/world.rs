//! The server under attack, its administrator, and a client that runs statements.

use std::net::TcpStream;
use std::path::PathBuf;

use sealwire::{Client, ClientError};
use sealwire_tests::clients;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::server::{Kind, Server, Settings};

/// The value that only root may read.
pub(crate) const SECRET: &str = "top secret";

/// A server with the databases `d`, for the tests, and `hidden`, on which no account has a privilege.
pub(crate) struct World {
    pub(crate) server: Server,
}

/// Statements that create `d` again.
const FRESH: &[&str] = &[
    "DROP DATABASE IF EXISTS d",
    "DROP DATABASE IF EXISTS e",
    "CREATE DATABASE d",
    "CREATE TABLE d.t (a INT PRIMARY KEY, b VARCHAR(20), KEY k (b))",
    "INSERT INTO d.t VALUES (1, 'one'), (2, 'two')",
    "CREATE TABLE d.u (a INT PRIMARY KEY, b VARCHAR(20))",
    "INSERT INTO d.u VALUES (1, 'other')",
    "CREATE TABLE d.parent (a INT PRIMARY KEY)",
    "CREATE TABLE d.child (a INT, FOREIGN KEY (a) REFERENCES parent (a) ON DELETE CASCADE)",
    "INSERT INTO d.parent VALUES (1), (2)",
    "INSERT INTO d.child VALUES (1), (2)",
    "CREATE VIEW d.v AS SELECT a, b FROM d.t",
];

impl World {
    pub(crate) fn new(options: &[&str]) -> Self {
        let settings = Settings {
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            statements: vec![
                Kind::Sealwired.create_user("worker", "mysql_native_password", PASSWORD, "NONE"),
                "CREATE DATABASE hidden;".to_owned(),
                "CREATE TABLE hidden.secret (s VARCHAR(50));".to_owned(),
                format!("INSERT INTO hidden.secret VALUES ('{SECRET}');"),
            ],
            ..Settings::default()
        };
        Self { server: Server::start(Kind::Sealwired, &settings).unwrap() }
    }

    pub(crate) fn root(&self) -> Client<TcpStream> {
        let mut config = clients::plain("root");
        config.password = "".into();
        clients::connect(self.server.port, config).unwrap()
    }

    /// A client whose account has USAGE only, until root grants it more.
    pub(crate) fn worker(&self) -> Client<TcpStream> {
        clients::connect(self.server.port, clients::plain("worker")).unwrap()
    }

    /// Creates the database `d` again.
    pub(crate) fn refresh(&self, root: &mut Client<TcpStream>) {
        for sql in FRESH {
            run(root, sql).unwrap();
        }
    }

    /// All files below the server's folder, except those that SQLite makes beside a database while it is open.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.server.folder().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap().flatten() {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else if !entry
                    .file_name()
                    .to_str()
                    .is_some_and(|name| name.ends_with("-wal") || name.ends_with("-shm"))
                {
                    found.push(entry.path());
                }
            }
        }
        found.sort();
        found
    }
}

/// Runs a statement; returns its rows as texts, or the error's code and text.
pub(crate) fn run(client: &mut Client<TcpStream>, sql: &str) -> Result<Vec<Vec<String>>, (u16, String)> {
    let mut read = || -> Result<Vec<Vec<String>>, ClientError> {
        let mut result = client.query(sql)?;
        let mut rows = Vec::new();
        while let Some(row) = result.next()? {
            let texts = row.iter().map(|value| {
                value
                    .ok()
                    .flatten()
                    .map_or_else(|| "NULL".to_owned(), |value| String::from_utf8_lossy(value).into_owned())
            });
            rows.push(texts.collect());
        }
        Ok(rows)
    };
    read().map_err(|error| match error {
        ClientError::Sql(error) => (error.code, error.message),
        other => (0, other.to_string()),
    })
}
