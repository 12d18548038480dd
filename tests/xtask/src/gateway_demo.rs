//! `cargo xtask demo --gateway`: the gateway before two servers, or three nodes of a Galera cluster, and verified connections through it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cluster::Cluster;
use crate::demo::{PASSWORD, Running, USER, built, certificates, client, free_port, sealwired};
use crate::run::{Context, output, spelled};

/// The account of the gateway's checks.
const CHECK: &str = "check";

/// The servers behind the gateway, which end with this.
enum Servers {
    Own(Vec<Running>),
    Galera(Cluster),
}

impl Servers {
    fn ports(&self) -> Vec<u16> {
        match self {
            Self::Own(servers) => servers.iter().map(|server| server.port).collect(),
            Self::Galera(cluster) => cluster.ports(),
        }
    }
}

pub(crate) fn demo(context: &Context, words: &[&str]) -> Result<(), String> {
    if let Some(word) = words.iter().find(|word| !["--gateway", "--galera", "--once"].contains(word)) {
        return Err(format!("`cargo xtask demo --gateway` takes --galera and --once, and not '{word}'"));
    }
    let is_galera = words.contains(&"--galera");
    let place = built(context)?;
    // The clients know the gateway's CA alone, and the gateway knows the servers'.
    let (front, behind) = (place.join("front"), place.join("behind"));
    certificates(context, &front)?;
    certificates(context, &behind)?;
    let accounts = accounts(is_galera);
    let servers = if is_galera {
        Servers::Galera(Cluster::start(&place, &behind, &accounts)?)
    } else {
        Servers::Own(own(context, &place, &behind, &accounts)?)
    };
    let ports = servers.ports();
    let (mut gateway, log, admin) = gateway(context, &place, (&front, &behind), &ports, is_galera)?;
    for port in &ports {
        let up = format!("server 127.0.0.1:{port} is up");
        gateway.until("sealwire-gateway", &log, |said| said.contains(&up).then_some(()))?;
    }

    // The program's own report is of the connection to the gateway, and Ssl_cipher of the one from there to the server.
    let mut show = client(context, gateway.port, &front, "SELECT @@port; SHOW STATUS LIKE 'Ssl_cipher'; \\s");
    for _ in &ports {
        println!("\n$ {}", spelled(&show));
        print!("{}", output(&mut show)?);
    }
    println!("\nIn the gateway's log, with both connections:");
    let said = fs::read_to_string(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    let both: Vec<&str> =
        said.lines().filter(|line| line.contains("client TLS_") && line.contains("; server ")).collect();
    if both.len() < ports.len() {
        return Err(format!("the gateway's log lacks the ciphers of both connections:\n{said}"));
    }
    for line in both {
        println!("  {line}");
    }
    if words.contains(&"--once") {
        return Ok(());
    }
    let sealwire = context.programs().join("sealwire");
    let account =
        format!("-h 127.0.0.1 -P {} -u {USER} -p{PASSWORD} --ssl-ca={}", gateway.port, front.join("ca.pem").display());
    let socket = socket(&place);
    let curl = format!("curl --unix-socket {} http://localhost", socket.display());
    println!("\nThe gateway stays up until Ctrl-C. To try, from another terminal:\n");
    println!("  verified:           {} {account}", sealwire.display());
    println!(
        "  drain a server:     {curl}/drain?server=127.0.0.1:{} -X POST",
        ports.first().copied().unwrap_or_default()
    );
    println!(
        "  use it again:       {curl}/undrain?server=127.0.0.1:{} -X POST",
        ports.first().copied().unwrap_or_default()
    );
    println!(
        "  new certificates:   {} --ca-dir={} --renew-server",
        context.programs().join("sealwire-certs").display(),
        front.display()
    );
    println!("  in a browser:       http://127.0.0.1:{admin}/\n");
    gateway.wait("sealwire-gateway")
}

/// The accounts of the demo: for clients, and for the checks.
fn accounts(is_galera: bool) -> Vec<String> {
    let checks = if is_galera { "SUPER" } else { "USAGE" };
    vec![
        "CREATE DATABASE demo".to_owned(),
        format!("CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL"),
        format!("GRANT ALL ON demo.* TO '{USER}'@'%'"),
        format!("CREATE USER '{CHECK}'@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL"),
        format!("GRANT {checks} ON *.* TO '{CHECK}'@'%'"),
    ]
}

/// Two servers of this project.
fn own(context: &Context, place: &Path, certs: &Path, accounts: &[String]) -> Result<Vec<Running>, String> {
    let init = place.join("init.sql");
    let text: String = accounts.iter().map(|statement| format!("{statement};\n")).collect();
    fs::write(&init, text).map_err(|error| format!("{}: {error}", init.display()))?;
    let server = |name| {
        let folder = place.join(name);
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        sealwired(context, &folder, certs, &init)
    };
    ["node1", "node2"].into_iter().map(server).collect()
}

fn socket(place: &Path) -> PathBuf {
    place.join("admin.sock")
}

/// Starts the gateway; returns its log too, and the port of its administration.
fn gateway(
    context: &Context,
    place: &Path,
    (front, behind): (&Path, &Path),
    ports: &[u16],
    is_galera: bool,
) -> Result<(Running, PathBuf, u16), String> {
    let password = place.join("check-password");
    let told = |error: std::io::Error| format!("{}: {error}", place.display());
    fs::write(&password, PASSWORD).map_err(told)?;
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).map_err(told)?;
    let admin = free_port()?;
    let mut command = Command::new(context.programs().join("sealwire-gateway"));
    command.args(["--no-defaults", "--bind-address=127.0.0.1", "--port=0", "--log-error-verbosity=3"]);
    command.args(ports.iter().map(|port| format!("--server=127.0.0.1:{port}")));
    command.arg(format!("--server-ssl-ca={}", behind.join("ca.pem").display()));
    command.arg(format!("--ssl-cert={}", front.join("server-cert.pem").display()));
    command.arg(format!("--ssl-key={}", front.join("server-key.pem").display()));
    command.args([format!("--check-user={CHECK}"), format!("--check-password-file={}", password.display())]);
    command.args([format!("--admin-socket={}", socket(place).display()), format!("--admin-port={admin}")]);
    if is_galera {
        command.arg("--pool=main,kind=galera");
    }
    let log = place.join("sealwire-gateway.log");
    Ok((Running::start("sealwire-gateway", command, &log)?, log, admin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_the_accounts() {
        let of = |is_galera| accounts(is_galera).join(";");
        assert!(
            of(false).contains("CREATE USER 'demo'@'%'") && of(false).contains("GRANT USAGE ON *.* TO 'check'@'%'")
        );
        assert!(of(true).contains("GRANT SUPER ON *.* TO 'check'@'%'"));
    }
}
