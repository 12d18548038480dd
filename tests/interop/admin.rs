//! The commands of `mariadb-admin` and `mysqladmin`, the last of which stops the server.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::process::{Command, Output};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::needs;
use sealwire_tests::server::{Kind, Server, Settings};
use tempfile::TempDir;

struct World {
    place: TempDir,
    server: Server,
}

impl World {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let certificates = CertificateSet::by_openssl(place.path());
        let mut statements = Vec::new();
        for user in ["admin", "limited"] {
            statements.push(Kind::Sealwired.create_user(user, "mysql_native_password", PASSWORD, "SSL"));
        }
        statements.push("GRANT SHUTDOWN, PROCESS ON *.* TO 'admin'@'%';".to_owned());
        let settings = Settings { certificates: Some(certificates), statements, ..Settings::default() };
        Self { server: Server::start(Kind::Sealwired, &settings).unwrap(), place }
    }

    fn run(&self, program: &str, user: &str, command: &str) -> Output {
        let mut admin = Command::new(program);
        admin.args(["--no-defaults", "--host=127.0.0.1"]).arg(format!("--port={}", self.server.port));
        admin.arg(format!("--user={user}")).env("MYSQL_PWD", PASSWORD);
        admin.arg(format!("--ssl-ca={}", CertificateSet::in_folder(self.place.path()).ca.display()));
        child::output(admin.arg("--ssl-verify-server-cert").arg(command), &[]).unwrap()
    }
}

#[test]
fn shutdown_needs_its_privilege_and_ends_the_server_in_order() {
    if !needs(&["openssl", "mariadb-admin", "mysqladmin"]) {
        return;
    }
    for program in ["mariadb-admin", "mysqladmin"] {
        let world = World::new();
        for command in ["ping", "status", "processlist", "version"] {
            let output = world.run(program, "admin", command);
            assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        }
        let output = world.run(program, "limited", "shutdown");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("SHUTDOWN privilege"), "{said}");
        assert!(world.run(program, "limited", "ping").status.success(), "it goes on");

        let output = world.run(program, "admin", "shutdown");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let ended = world.server.wait().expect("it ends");
        assert!(ended.success(), "{}", world.server.log());
        assert!(world.server.log().contains("sealwired: Shutdown complete."), "{}", world.server.log());
    }
}
