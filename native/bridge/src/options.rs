//! The bridge's options.

use std::path::Path;
use std::time::Duration;

use sealwire_core::DEFAULT_PORT;
use sealwire_core::tls::ServerContext;

use super::pages::Pages;
use super::reload::{ReloadableTls, Tls};
use super::settings::{Destination, Limits, Origins, Settings, Target, TlsSource, is_loopback};
use super::token::TokenFile;
use sealwire_options::tls::health::Health;
use sealwire_options::tls::watch::FileContents;
use sealwire_options::tls::{SERVER, ServerTlsOptions};
use sealwire_options::{Program, Spec, Values};

/// The program as its users see it.
pub(super) const PROGRAM: Program = Program {
    name: "sealwire-bridge",
    version: env!("CARGO_PKG_VERSION"),
    usage: "[OPTIONS] --target=NAME=HOST[:PORT] …",
    groups: &["sealwire-bridge"],
    other_groups: &[],
    tables: &[OWN, SERVER],
    arguments: 0,
};

const SECONDS_OF_YEAR: u64 = 31_536_000;

const OWN: &[Spec] = &[
    Spec::text("target", "A server that pages reach at the path /tcp/NAME: NAME=HOST[:PORT]. May be given several times.")
        .repeatable(),
    Spec::text("bind-address", "IP addresses to listen on, separated by commas; * stands for all addresses.").default("127.0.0.1"),
    Spec::number("port", "The port to listen on; 0 lets the system choose one.")
        .short('P')
        .between(0, 65535)
        .default("8080"),
    Spec::text(
        "allow-origin",
        "Origin of pages that may use the bridge, besides the pages that it serves itself on localhost: \
         scheme://host[:port], null, or * for all. May be given several times.",
    )
    .repeatable(),
    Spec::text(
        "allow-host",
        "Host name under which pages and /metrics may be requested, besides localhost, IP addresses, this machine's name and \
         the names in --bind-address and --allow-origin. May be given several times.",
    )
    .repeatable(),
    Spec::flag(
        "allow-no-token",
        "Accept clients of other machines without a token. To the servers behind the bridge, all clients come from this \
         machine.",
    ),
    Spec::path(
        "token-file",
        "File whose first line is the bearer token that every client must send. It is read again on SIGHUP.",
    ),
    Spec::path(
        "page-dir",
        "Directory of files to serve, with their compressed copies (.br and .gz) where those exist. The \
         Content-Security-Policy forbids inline scripts: a page names a script's file, as in <script type=\"module\" src=\"main.js\">.",
    ),
    Spec::number("max-message-size", "The largest message in bytes.").between(1024, 67_108_864).default("1M"),
    Spec::number("max-connections", "Maximum number of simultaneous WebSockets.").between(1, 100_000).default("256"),
    Spec::number("max-connections-per-address", "Maximum number of simultaneous WebSockets per address. An IPv6 /64 network \
     counts as one address.")
        .between(1, 100_000)
        .default("32"),
    Spec::number("dial-timeout", "Number of seconds in which a target must accept a connection.").between(1, SECONDS_OF_YEAR).default("10"),
    Spec::number("idle-timeout", "Number of seconds after which a WebSocket without traffic is closed.")
        .between(1, SECONDS_OF_YEAR)
        .default("3600"),
    Spec::number("ping-interval", "Number of seconds after which a silent client is pinged, at most four times; 0 means \
     never.")
        .between(0, SECONDS_OF_YEAR)
        .default("30"),
    Spec::number("log-error-verbosity", "What to log: 1 errors, 2 errors and warnings, 3 errors, warnings and notes.")
        .between(1, 3)
        .default("2"),
];

impl Settings {
    /// Resolves the options, and reads the files that they name.
    ///
    /// # Errors
    /// A sentence that names the option.
    pub(super) fn resolve(values: &Values) -> Result<Self, String> {
        let mut targets: Vec<Target> = Vec::new();
        for text in values.texts("target") {
            let target = target(text).map_err(|why| format!("option '--target': '{text}' {why}"))?;
            if targets.iter().any(|other| other.name == target.name) {
                return Err(format!("option '--target': '{}' is given twice", target.name));
            }
            targets.push(target);
        }
        if targets.is_empty() {
            return Err(
                "there is no target: give --target=NAME=HOST[:PORT], as --target=local=127.0.0.1:3306".to_owned()
            );
        }
        let addresses = values.text("bind-address").unwrap_or_default();
        if !is_loopback(addresses) && values.path("token-file").is_none() && !values.flag("allow-no-token") {
            return Err(format!(
                "option '--bind-address': '{addresses}' lets other machines in, and for the servers behind the bridge they come from this \
                 machine: whoever reaches the bridge can try accounts such as root@localhost. Give --token-file=FILE, whose token every \
                 client must show, or --allow-no-token where that is meant"
            ));
        }
        let number = |name: &str| values.number(name).unwrap_or_default();
        let count = |name: &str| usize::try_from(number(name)).unwrap_or(usize::MAX);
        let seconds = |name: &str| Duration::from_secs(number(name));
        let (loaded, mut open_files) = tls(values)?;
        let token = values.path("token-file").map(|path| TokenFile::open("token-file", path)).transpose()?;
        open_files.extend(token.as_ref().and_then(TokenFile::warning));
        let reloadable = loaded.map(ReloadableTls::new);
        let source = |tls: &ReloadableTls| {
            let tls = tls.clone();
            TlsSource::new(move || Some(tls.context()))
        };
        Ok(Self {
            addresses: addresses.to_owned(),
            port: u16::try_from(number("port")).unwrap_or_default(),
            prefix: "",
            targets,
            hosts: hosts("allow-host", values.texts("allow-host"))?,
            origins: origins("allow-origin", values.texts("allow-origin"))?,
            token,
            tls: reloadable.as_ref().map(source),
            certificate: reloadable.as_ref().map(source),
            reloadable,
            health: Some(Health::new("let sealwire-bridge read it: kill -HUP")),
            open_files,
            pages: values.path("page-dir").map(|path| pages("page-dir", path)).transpose()?,
            limits: Limits {
                message: count("max-message-size"),
                connections: count("max-connections"),
                per_address: count("max-connections-per-address"),
                dial: seconds("dial-timeout"),
                idle: seconds("idle-timeout"),
                ping: seconds("ping-interval"),
            },
        })
    }

    /// Warnings for the administrator before the bridge runs, a sentence each.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.open_files.clone();
        if !is_loopback(&self.addresses) && self.tls.is_none() {
            warnings.push(
                "other machines get the page and send the token unencrypted, so that an attacker can alter the page and read \
                 the token: give --ssl-cert \
                 and --ssl-key, or --bind-address=127.0.0.1 behind a proxy that has TLS"
                    .to_owned(),
            );
        }
        if self.origins == Some(Origins::Any) && self.token.is_none() {
            warnings.push(
                "any page may use this bridge: list origins with --allow-origin, or give --token-file".to_owned(),
            );
        }
        warnings
    }
}

/// Parses `NAME=HOST[:PORT]`, with an IPv6 address in brackets; the error says what is wrong with the text.
fn target(text: &str) -> Result<Target, String> {
    let (name, place) = text.split_once('=').ok_or("is not NAME=HOST[:PORT]")?;
    let may = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if name.is_empty() || name.len() > 32 || !name.chars().all(may) {
        return Err("has no name of 1 to 32 letters, digits, '-', '.' and '_' before the '='".to_owned());
    }
    let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => {
            (host, Some(rest.strip_prefix(':').ok_or("has something else than a port after the ']'")?))
        }
        None => match place.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err("has an IPv6 address without [ and ]".to_owned()),
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    if host.is_empty() {
        return Err("has no host".to_owned());
    }
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => {
            port.parse().ok().filter(|port| *port != 0).ok_or("has no port from 1 to 65535 after the host")?
        }
    };
    Ok(Target { name: name.to_owned(), destination: Destination::Tcp { host: host.to_owned(), port } })
}

/// The origins given by `--option`; `None` where none is given.
///
/// # Errors
/// A sentence that names the option.
pub fn origins<'a>(option: &str, given: impl Iterator<Item = &'a str>) -> Result<Option<Origins>, String> {
    let mut listed = Vec::new();
    for text in given {
        let is_origin = || {
            let (scheme, host) = text.split_once("://")?;
            let is_host = !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']);
            (scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) && is_host).then_some(())
        };
        match text {
            "*" => return Ok(Some(Origins::Any)),
            "null" => {}
            _ if is_origin().is_some() => {}
            _ => {
                return Err(format!(
                    "option '--{option}': '{text}' is not an origin: write scheme://host[:port], without a path"
                ));
            }
        }
        listed.push(text.to_owned());
    }
    Ok((!listed.is_empty()).then_some(Origins::Listed(listed)))
}

/// The names given by `--option`.
///
/// # Errors
/// A sentence that names the option.
pub fn hosts<'a>(option: &str, given: impl Iterator<Item = &'a str>) -> Result<Vec<String>, String> {
    let checked = given.map(|text| {
        let may = |c: char| c.is_alphanumeric() || "-._".contains(c);
        if text.is_empty() || !text.chars().all(may) {
            return Err(format!(
                "option '--{option}': '{text}' is not a host name: write it without scheme, port and path"
            ));
        }
        Ok(text.to_owned())
    });
    checked.collect()
}

/// Opens the directory of pages that `--option` names.
///
/// # Errors
/// A sentence that names option and directory.
pub fn pages(option: &str, path: &Path) -> Result<Pages, String> {
    Pages::open(path).map_err(|why| {
        format!("option '--{option}': can't use '{}': {why}; name the directory of the page's files", path.display())
    })
}

/// The TLS context, if a certificate is given, and warnings about its files. The bridge makes no certificate, because no browser would
/// trust it.
pub(super) fn tls(values: &Values) -> Result<(Option<Tls>, Vec<String>), String> {
    let is_given = |name: &str| values.text(name).is_some_and(|text| !text.is_empty());
    if !["ssl-cert", "ssl-key", "ssl-ca", "ssl-capath"].into_iter().any(is_given) {
        return match values.given_flag("ssl") {
            Some(true) => Err("option '--ssl': TLS needs a certificate: give --ssl-cert and --ssl-key too".to_owned()),
            _ => Ok((None, Vec::new())),
        };
    }
    if !["ssl-cert", "ssl-key"].into_iter().any(is_given) && values.given_flag("ssl") != Some(false) {
        return Err("the options '--ssl-ca' and '--ssl-capath' are for the certificates of clients, which the bridge asks for only with TLS: give \
                    --ssl-cert and --ssl-key too, or leave them out"
            .to_owned());
    }
    if values.text("tls-version") == Some("") && values.given_flag("ssl") != Some(false) {
        return Err("option '--tls-version': the list is empty, which would switch TLS off: leave the option out, or give --skip-ssl too \
                    where plain ws is meant"
            .to_owned());
    }
    // A certificate is given, so no directory is searched.
    let options = ServerTlsOptions::resolve(values, Path::new(""))?;
    let files = FileContents::of(options.files());
    let Some(mut loaded) = options.load()? else { return Ok((None, Vec::new())) };
    loaded.alpn = vec![b"http/1.1".to_vec()];
    // The bridge has no accounts that could demand certificates.
    loaded.demands_client_certificate = true;
    let context = ServerContext::build(loaded).map_err(|error| error.to_string())?;
    let warnings = [options.warnings(), context.notes().to_vec()].concat();
    Ok((Some(Tls { context, files }), warnings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_options::{Environment, Outcome};

    fn resolve(arguments: &[&str]) -> Result<Settings, String> {
        match PROGRAM.parse(arguments.iter().copied(), &Environment::default()) {
            Ok(Outcome::Run(values)) => Settings::resolve(&values),
            Ok(Outcome::Print(text)) => Err(text),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn targets_are_named_hosts() {
        let settings =
            resolve(&["--target=a=db1", "--target", "b-2=[::1]:3307", "--target=c=127.0.0.1:33060"]).unwrap();
        let shown: Vec<String> =
            settings.targets.iter().map(|target| format!("{}={:?}", target.name, target.destination)).collect();
        assert_eq!(shown, ["a=db1:3306", "b-2=::1:3307", "c=127.0.0.1:33060"]);
        for (wrong, why) in [
            ("db1:3306", "NAME=HOST"),
            ("=db1", "name"),
            ("a/b=db1", "name"),
            ("a=", "host"),
            ("a=db1:0", "port"),
            ("a=db1:x", "port"),
            ("a=::1", "IPv6"),
            ("a=[::1]3306", "']'"),
        ] {
            let error = resolve(&["--target", wrong]).unwrap_err();
            assert!(error.starts_with(&format!("option '--target': '{wrong}' ")) && error.contains(why), "{error}");
        }
        assert!(resolve(&[]).unwrap_err().contains("--target="));
        assert!(resolve(&["--target=a=x", "--target=a=y"]).unwrap_err().contains("twice"));
    }

    #[test]
    fn origins_are_whole() {
        let with = |origin: &str| resolve(&["--target=a=b", "--allow-origin", origin]).map(|settings| settings.origins);
        assert_eq!(with("https://a.example").unwrap(), Some(Origins::Listed(vec!["https://a.example".to_owned()])));
        assert_eq!(with("*").unwrap(), Some(Origins::Any));
        assert_eq!(with("null").unwrap(), Some(Origins::Listed(vec!["null".to_owned()])));
        for wrong in ["a.example", "https://", "https://a.example/", "https://a.example/page", "https://u@a"] {
            assert!(with(wrong).unwrap_err().contains("--allow-origin"), "{wrong}");
        }
        assert_eq!(resolve(&["--target=a=b"]).unwrap().origins, None);
    }

    #[test]
    fn tls_is_on_with_a_certificate_alone() {
        assert!(resolve(&["--target=a=b"]).unwrap().tls.is_none());
        assert!(resolve(&["--target=a=b", "--skip-ssl", "--ssl-cert=/nonexistent"]).unwrap().tls.is_none());
        assert!(resolve(&["--target=a=b", "--ssl"]).unwrap_err().contains("--ssl-cert"));
        let empty = resolve(&["--target=a=b", "--ssl-cert=c", "--ssl-key=k", "--tls-version="]).unwrap_err();
        assert!(empty.starts_with("option '--tls-version': the list is empty"), "{empty}");
        let alone = resolve(&["--target=a=b", "--ssl-ca=/nonexistent"]).unwrap_err();
        assert!(alone.contains("give --ssl-cert and --ssl-key too, or leave them out"), "{alone}");
        assert!(resolve(&["--target=a=b", "--ssl-ca=/nonexistent", "--skip-ssl"]).unwrap().tls.is_none());
        assert!(resolve(&["--target=a=b", "--ssl-cert=/nonexistent"]).unwrap_err().contains("/nonexistent"));
    }

    #[test]
    fn other_machines_need_a_token() {
        for addresses in ["*", "0.0.0.0", "127.0.0.1,*", "192.0.2.7", "db.example", "::"] {
            let address = format!("--bind-address={addresses}");
            let said = resolve(&["--target=a=b", &address]).unwrap_err();
            let names = ["option '--bind-address'", addresses, "--token-file", "--allow-no-token", "root@localhost"];
            assert!(names.iter().all(|name| said.contains(name)), "{said}");
            assert!(resolve(&["--target=a=b", &address, "--allow-no-token"]).is_ok());
            // With a token given, the only further error is that its file can't be read.
            let token = "--token-file=/nonexistent";
            assert!(resolve(&["--target=a=b", &address, token]).unwrap_err().starts_with("option '--token-file'"));
        }
        for addresses in ["127.0.0.1", "localhost", "::1", "127.0.0.1,::1"] {
            assert!(resolve(&["--target=a=b", &format!("--bind-address={addresses}")]).is_ok(), "{addresses}");
        }
    }

    #[test]
    fn hosts_are_names() {
        let with = |host: &str| resolve(&["--target=a=b", "--allow-host", host]).map(|settings| settings.hosts);
        assert_eq!(with("db.example").unwrap(), ["db.example"]);
        for wrong in ["https://db.example", "db.example:8080", "db.example/", "", "*"] {
            assert!(with(wrong).unwrap_err().contains("--allow-host"), "{wrong}");
        }
    }

    #[test]
    fn what_is_open_to_all_is_told() {
        let warnings = |arguments: &[&str]| resolve(arguments).unwrap().warnings().len();
        assert_eq!(warnings(&["--target=a=b"]), 0);
        assert_eq!(warnings(&["--target=a=b", "--bind-address=*", "--allow-no-token", "--allow-origin=*"]), 2);
    }
}
