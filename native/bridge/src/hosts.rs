//! The host names by which a client may request pages and `/metrics`.
//!
//! The owner of another site can make that site's name resolve to this machine (DNS rebinding). The browser then takes our answers for that
//! site's own, and lets its pages read them. The `Host` header shows the name used, so unknown names are refused. Addresses are allowed,
//! because nobody can make them resolve to another machine.

use std::net::IpAddr;

use super::settings::{Origins, Settings};

/// The host names by which a client may request pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hosts {
    /// Any name. With TLS the browser compares the name with the certificate before it sends a request, and a proxy in front that speaks
    /// TLS to the bridge may pass any name on. Where all origins are allowed the check would protect nothing.
    Any,
    /// These names, in lower case, and localhost and all addresses.
    Listed(Vec<String>),
}

impl Hosts {
    /// The allowed names: those given as options, those listened on, those of the allowed origins, and this machine's.
    pub(super) fn of(settings: &Settings) -> Self {
        let origins = match &settings.origins {
            _ if settings.tls.is_some() => return Self::Any,
            Some(Origins::Any) => return Self::Any,
            Some(Origins::Listed(listed)) => listed.as_slice(),
            None => &[],
        };
        let machine = rustix::system::uname();
        let machine = machine.nodename().to_string_lossy();
        let of_origins = origins.iter().filter_map(|origin| origin.split_once("://")).map(|(_, host)| host);
        let names = settings.hosts.iter().map(String::as_str).chain(settings.addresses.split(',').map(str::trim));
        let names = names.chain(of_origins).chain([machine.as_ref()]);
        Self::Listed(names.filter_map(name_of).filter(|name| !name.is_empty()).collect())
    }

    /// Whether a request with this `Host` header is answered. A client without the header is no browser.
    pub(super) fn allow(&self, host: Option<&str>) -> bool {
        let (Self::Listed(listed), Some(host)) = (self, host) else { return true };
        let Some(name) = name_of(host) else { return false };
        name.parse::<IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost") || listed.contains(&name)
    }
}

/// The name of `host[:port]` in lower case, without brackets and the trailing dot; `None` where the text has another form.
fn name_of(host: &str) -> Option<String> {
    let (name, port) = match host.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(bracketed) => bracketed?,
        None if host.parse::<IpAddr>().is_ok() => (host, ""),
        None => host.rfind(':').map_or((host, ""), |colon| host.split_at(colon)),
    };
    let is_port =
        port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    is_port.then(|| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_refused() {
        let hosts = Hosts::Listed(["db.example", "bridge"].map(str::to_owned).to_vec());
        for host in [
            "localhost",
            "localhost:8080",
            "LOCALHOST.:8080",
            "demo.localhost:8080",
            "127.0.0.1",
            "127.0.0.1:8080",
            "192.0.2.7:8080",
            "[::1]:8080",
            "[::1]",
            "Db.Example:8080",
            "db.example.",
            "bridge",
        ] {
            assert!(hosts.allow(Some(host)), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evillocalhost",
            "db.example.evil.example:8080",
            "127.0.0.1@evil.example",
            "[::1]evil",
            "[::1].evil.example:8080",
            "[::1]:80:evil",
            "[::1",
            "localhost:evil",
            "127.0.0.1:80.evil.example",
            "",
            ":8080",
        ] {
            assert!(!hosts.allow(Some(host)), "{host}");
            assert!(Hosts::Any.allow(Some(host)));
        }
        assert!(hosts.allow(None));
    }
}
