//! The text of `\s`.

use std::fmt::Write as _;

use sealwire_core::facts::{Facts, Verification};
use sealwire_core::printable;

use super::format::duration;
use sealwire::{Address, Client, ClientError, Socket};

/// The parts of the status that the connection does not know.
#[derive(Debug)]
pub(crate) struct StatusInput<'a> {
    /// The program that shows results.
    pub(crate) pager: &'a str,
    /// The file that `tee` copies to.
    pub(crate) tee_path: &'a str,
    /// The text that ends a statement.
    pub(crate) delimiter: &'a [u8],
    /// The server's address.
    pub(crate) address: &'a Address,
    /// The last AUTO_INCREMENT value.
    pub(crate) last_insert_id: u64,
    /// `--binary-as-hex`.
    pub(crate) binary_as_hex: bool,
}

/// The name and version of this program.
pub(crate) fn program() -> String {
    format!(
        "sealwire  Ver {}, for {} ({}) using rustls",
        env!("CARGO_PKG_VERSION"),
        if cfg!(target_os = "linux") { "Linux" } else { std::env::consts::OS },
        std::env::consts::ARCH,
    )
}

/// The whole text, in mysql's layout.
pub(crate) fn text(client: &mut Client<Socket>, about: &StatusInput<'_>) -> Result<String, ClientError> {
    let [database, user] = first_row(client, "select DATABASE(), USER() limit 1")?;
    // Another kind of server may lack these variables; the rest of the status is shown nevertheless.
    let [comment] = recoverable(first_row(client, "select @@version_comment limit 1"))?;
    let [character_client, connection, server, character_database] = recoverable(first_row(
        client,
        "select @@character_set_client, @@character_set_connection, @@character_set_server, @@character_set_database limit 1",
    ))?;
    let statistics = client.statistics()?;
    let facts = client.facts();

    let mut out = String::new();
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(out, "{label}{}", printable::line(value));
    };
    line("--------------\n", &program());
    line("\nConnection id:\t\t", &facts.connection_id.to_string());
    line("Current database:\t", &database.unwrap_or_default());
    line("Current user:\t\t", &user.unwrap_or_default());
    line("SSL:\t\t\t", &ssl(facts));
    line("Current pager:\t\t", about.pager);
    line("Using outfile:\t\t", &format!("'{}'", about.tee_path));
    line("Using delimiter:\t", &String::from_utf8_lossy(about.delimiter));
    let version = facts.server_version.strip_prefix("5.5.5-").unwrap_or(&facts.server_version);
    if version.contains("MariaDB") {
        line("Server:\t\t\t", "MariaDB");
    }
    line("Server version:\t\t", format!("{version} {}", comment.unwrap_or_default()).trim_end());
    line("Protocol version:\t", "10");
    line("Connection:\t\t", &host(about.address));
    if about.last_insert_id != 0 {
        line("Insert id:\t\t", &about.last_insert_id.to_string());
    }
    line("Server characterset:\t", &server.unwrap_or_default());
    line("Db     characterset:\t", &character_database.unwrap_or_default());
    line("Client characterset:\t", &character_client.unwrap_or_default());
    line("Conn.  characterset:\t", &connection.unwrap_or_default());
    match about.address {
        Address::Tcp { port, .. } => line("TCP port:\t\t", &port.to_string()),
        Address::Unix(path) => line("UNIX socket:\t\t", &path.display().to_string()),
    }
    if facts.compression.is_some() {
        line("Protocol:\t\t", "Compressed");
    }
    if about.binary_as_hex {
        line("Binary data as:\t\t", "Hexadecimal");
    }
    let _ = writeln!(out, "{}\n--------------\n", uptime(&printable::line(&statistics)));
    Ok(out)
}

/// Whether TLS is in use, and how the server's certificate was verified.
fn ssl(facts: &Facts) -> String {
    let Some(tls) = &facts.tls else { return "Not in use".to_owned() };
    let verified = match tls.verification {
        Verification::None => "cert is NOT verified",
        Verification::Ca => "cert is verified by CA",
        Verification::CaAndIdentity => "cert is verified by CA and host name",
        Verification::SystemRootsAndIdentity => "cert is verified by the system's CAs and host name",
        Verification::Fingerprint => "cert is verified by fingerprint",
    };
    format!("Cipher in use is {}, {verified}", tls.cipher)
}

/// The kind of connection, in the words of the C library.
pub(crate) fn host(address: &Address) -> String {
    match address {
        Address::Tcp { host, .. } => format!("{host} via TCP/IP"),
        Address::Unix(_) => "Localhost via UNIX socket".to_owned(),
    }
}

/// The server's line of statistics, with the uptime in words on a line of its own.
fn uptime(statistics: &str) -> String {
    let split = statistics.split_once(' ').and_then(|(label, rest)| {
        let rest = rest.trim_start();
        let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        let (seconds, rest) = rest.split_at(digits);
        Some((label, seconds.parse::<u32>().ok()?, rest.trim_start()))
    });
    match split {
        Some((label, seconds, rest)) => format!("{label}\t\t\t{}\n\n{rest}", duration(f64::from(seconds), false)),
        None => statistics.to_owned(),
    }
}

/// The first row of a query, NULL as `None`.
fn first_row<const N: usize>(client: &mut Client<Socket>, sql: &str) -> Result<[Option<String>; N], ClientError> {
    let mut values = [const { None }; N];
    let mut result = client.query(sql)?;
    if let Some(row) = result.next()? {
        for (slot, value) in values.iter_mut().zip(row.iter()) {
            *slot = value.ok().flatten().map(|text| String::from_utf8_lossy(text).into_owned());
        }
    }
    Ok(values)
}

/// Replaces an error of the server by empty values.
fn recoverable<const N: usize>(
    row: Result<[Option<String>; N], ClientError>,
) -> Result<[Option<String>; N], ClientError> {
    match row {
        Err(error) if error.is_recoverable() => Ok([const { None }; N]),
        row => row,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_core::facts::{TlsFacts, TlsVersion};

    #[test]
    fn the_ssl_line_says_how_the_certificate_was_verified() {
        let mut facts = Facts::default();
        assert_eq!(ssl(&facts), "Not in use");
        let tls = |verification| TlsFacts {
            version: TlsVersion::V1_3,
            suite: "TLS13_AES_256_GCM_SHA384",
            cipher: "TLS_AES_256_GCM_SHA384",
            group: None,
            sni: None,
            alpn: None,
            resumed: false,
            peer_chain: Vec::new(),
            verification,
        };
        facts.tls = Some(tls(Verification::CaAndIdentity));
        assert_eq!(ssl(&facts), "Cipher in use is TLS_AES_256_GCM_SHA384, cert is verified by CA and host name");
        facts.tls = Some(tls(Verification::None));
        assert_eq!(ssl(&facts), "Cipher in use is TLS_AES_256_GCM_SHA384, cert is NOT verified");
    }

    #[test]
    fn the_uptime_stands_on_its_own_line_in_words() {
        let statistics = "Uptime: 3725  Threads: 1  Questions: 4";
        assert_eq!(uptime(statistics), "Uptime:\t\t\t1 hour 2 min 5 sec\n\nThreads: 1  Questions: 4");
        assert_eq!(uptime("odd"), "odd");
    }
}
