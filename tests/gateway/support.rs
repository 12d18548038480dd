//! A running gateway, the servers behind it, and their accounts.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::crypto::ring;
use sealwire::{Client, ClientError, Config};
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, Trust};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::clients::{ask, connect, context, secure};
use sealwire_tests::daemon::Daemon;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::program;
use sealwire_tests::server::{Kind, Server, Settings};

/// The database of the drivers' connections.
pub(crate) const DATABASE: &str = "matrix";

/// Starts a gateway with the certificate of `set`, before the servers on these ports. It verifies them by the CA `ca`.
pub(crate) fn gateway(set: &CertificateSet, ports: &[u16], ca: &CertificateSet, more: &[&str]) -> Daemon {
    let mut command = Command::new(program("sealwire-gateway"));
    command.args(["--no-defaults", "--bind-address=127.0.0.1", "--port=0", "--log-error-verbosity=3"]);
    command.arg(format!("--ssl-cert={}", set.server_cert.display()));
    command.arg(format!("--ssl-key={}", set.server_key.display()));
    command.arg(format!("--server-ssl-ca={}", ca.ca.display()));
    // A driver may be slow where many tests run.
    command.args(["--connect-timeout=100", "--server-connect-timeout=50"]);
    command.args(ports.iter().map(|port| format!("--server=127.0.0.1:{port}")));
    Daemon::start(command.args(more)).unwrap()
}

/// The options by which a gateway checks its servers each second, as the user `native`. The password's file is in this folder.
pub(crate) fn checks(place: &Path) -> Vec<String> {
    let file = place.join("password");
    fs::write(&file, PASSWORD).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    vec!["--check-user=native".to_owned(), format!("--check-password-file={}", file.display())]
}

/// The port of the server that a client has behind the gateway.
pub(crate) fn server_of(client: &mut Client<TcpStream>) -> u16 {
    ask(client, "SELECT @@port").unwrap().parse().unwrap()
}

/// A port of loopback that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a server with an account for each plugin that it has, named by the plugin's short name, and a second one, `other_…`.
pub(crate) fn server(kind: Kind, certificates: Option<&CertificateSet>) -> Server {
    let mut plugins = vec![("native", "mysql_native_password"), ("ed25519", "ed25519")];
    let mut statements = vec![format!("CREATE DATABASE {DATABASE};")];
    match kind {
        Kind::MariaDb => statements.push("INSTALL SONAME 'auth_ed25519';".to_owned()),
        Kind::Sealwired => plugins.extend([("sha2", "caching_sha2_password"), ("sha256", "sha256_password")]),
    }
    for (user, plugin) in plugins {
        let require = if certificates.is_some() { "SSL" } else { "NONE" };
        for user in [user.to_owned(), format!("other_{user}")] {
            statements.push(kind.create_user(&user, plugin, PASSWORD, require));
            statements.push(format!("GRANT ALL ON {DATABASE}.* TO '{user}'@'%';"));
        }
    }
    Server::start(kind, &Settings { certificates: certificates.cloned(), statements, ..Settings::default() }).unwrap()
}

/// Logs in through the gateway with our own client, which verifies it by the CA of `set`.
pub(crate) fn log_in(port: u16, user: &str, set: &CertificateSet) -> Result<Client<TcpStream>, ClientError> {
    connect(port, with(user, set))
}

/// The settings of that client.
pub(crate) fn with(user: &str, set: &CertificateSet) -> Config {
    secure(user, &context(set))
}

/// The same with the client's certificate of the set.
pub(crate) fn showing(user: &str, set: &CertificateSet) -> Config {
    let mut options = ClientOptions::new(Arc::new(ring::default_provider()), Trust::Ca);
    let pem = |path: &Path| NamedPem::new("certificate", fs::read(path).unwrap());
    options.ca = vec![pem(&set.ca)];
    (options.cert, options.key) = (Some(pem(&set.client_cert)), Some(pem(&set.client_key)));
    secure(user, &ClientContext::build(options).unwrap())
}
