//! The servers of these tests, each started once.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::programs::needs;
use sealwire_tests::server::{Kind, Server, Settings};
use tempfile::TempDir;

/// A server with TLS, and what a client needs to know of it.
pub(crate) struct Served {
    pub(crate) server: Server,
    pub(crate) set: CertificateSet,
    _place: TempDir,
    _end: Child,
}

pub(crate) const USER: &str = "u";
pub(crate) const PASSWORD: &str = "pw";
/// An account whose clients must show a certificate.
pub(crate) const CERTIFIED: &str = "certified";
/// An account whose clients must use TLS.
pub(crate) const ENCRYPTED: &str = "encrypted";

impl Served {
    /// A server of this kind; `None` where it is missing here.
    pub(crate) fn start(kind: Kind, versions: Option<&str>) -> Option<Self> {
        if kind == Kind::MariaDb && !needs(&["mariadbd", "mariadb-install-db"]) {
            return None;
        }
        let place = tempfile::tempdir().unwrap();
        let set = CertificateSet::by_openssl_rsa(place.path());
        let settings = Settings {
            certificates: Some(set.clone()),
            versions: versions.map(str::to_owned),
            // The suites make thousands of tables, and nobody needs them after a crash.
            options: match kind {
                Kind::MariaDb => vec!["--debug-no-sync".to_owned(), "--innodb-flush-method=nosync".to_owned()],
                Kind::Sealwired => Vec::new(),
            },
            statements: vec![
                kind.create_user(USER, "mysql_native_password", PASSWORD, "NONE"),
                kind.create_user(CERTIFIED, "mysql_native_password", PASSWORD, "X509"),
                kind.create_user(ENCRYPTED, "mysql_native_password", PASSWORD, "SSL"),
                "CREATE DATABASE test;".to_owned(),
                "CREATE TABLE test.users (name VARCHAR(64) PRIMARY KEY, password VARCHAR(64), uid INT, gid INT, home VARCHAR(255), shell VARCHAR(64));".to_owned(),
                "INSERT INTO test.users VALUES ('ada', 'sesame', 65534, 65534, '/usr/share', '/bin/sh');".to_owned(),
                format!("GRANT ALL ON *.* TO '{USER}'@'%';"),
                format!("GRANT ALL ON *.* TO '{ENCRYPTED}'@'%';"),
                format!("GRANT ALL ON test.* TO '{CERTIFIED}'@'%';"),
            ],
            ..Settings::default()
        };
        let server = Server::start(kind, &settings).unwrap_or_else(|error| panic!("{error}"));
        let _end = stop_at_the_end(server.id());
        Some(Self { server, set, _place: place, _end })
    }

    pub(crate) fn port(&self) -> String {
        self.server.port.to_string()
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.set.ca.clone()
    }
}

/// Stops the server when this process has ended, because what is static is never dropped.
fn stop_at_the_end(server: u32) -> Child {
    let mut command = Command::new("sh");
    // The pipe is closed when this process ends.
    command.args(["-c", "cat; kill \"$0\"", &server.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// MariaDB with TLS 1.2 and 1.3, for the tests that need no server of their own.
pub(crate) fn mariadb() -> Option<&'static Served> {
    static SERVED: OnceLock<Option<Served>> = OnceLock::new();
    SERVED.get_or_init(|| Served::start(Kind::MariaDb, None)).as_ref()
}

/// Our own server with TLS 1.2 and 1.3.
pub(crate) fn sealwired() -> &'static Served {
    static SERVED: OnceLock<Served> = OnceLock::new();
    SERVED.get_or_init(|| Served::start(Kind::Sealwired, None).unwrap())
}
