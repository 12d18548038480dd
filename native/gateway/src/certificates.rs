//! The certificates and revocation lists that the gateway has loaded, for the administration and for warnings.

use sealwire_core::facts::Facts;
use sealwire_core::tls::{CertificateInfo, ClientOptions, ListInfo, NamedPem, OwnCertificate, ServerContext};
use sealwire_options::tls::health::period;

use super::settings::Node;

/// How often the warnings about certificates towards the servers are repeated, in seconds.
const DAY: u64 = 86_400;

/// The use of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The gateway shows it to clients.
    Own,
    /// A CA of client certificates.
    ClientCa,
    /// The gateway shows it to servers.
    TowardsServers,
    /// A CA of servers' certificates.
    ServerCa,
}

impl Part {
    /// The name in the administration's answers.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::ClientCa => "client-ca",
            Self::TowardsServers => "towards-servers",
            Self::ServerCa => "server-ca",
        }
    }
}

/// A certificate of the TLS files.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) part: Part,
    /// The host name for which clients get it; `None` for all others.
    pub(super) host: Option<String>,
    /// The pool that has it for its servers; `None` for all pools that have none of their own.
    pub(super) pool: Option<String>,
    pub(super) info: CertificateInfo,
}

impl Loaded {
    const fn of(part: Part, info: CertificateInfo) -> Self {
        Self { part, host: None, pool: None, info }
    }
}

/// The certificates and lists of the TLS files.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    /// When the files were read, in seconds since the Unix epoch.
    pub(super) loaded_at: u64,
    pub(super) all: Vec<Loaded>,
    /// The revocation lists of client certificates.
    pub(super) lists: Vec<ListInfo>,
}

impl Certificates {
    /// The certificates of the settings towards the clients.
    pub(super) fn of(clients: Option<&ServerContext>, loaded_at: u64) -> Self {
        let mut found = Self { loaded_at, ..Self::default() };
        if let Some(context) = clients {
            let loaded = |own: OwnCertificate<'_>| Loaded {
                host: own.host.map(str::to_owned),
                ..Loaded::of(Part::Own, own.info.clone())
            };
            found.all.extend(context.own_certificates().map(loaded));
            found.all.extend(context.authorities().map(|ca| Loaded::of(Part::ClientCa, ca)));
            found.lists.extend(context.revocation_lists());
        }
        found
    }

    /// Adds those of the options towards the servers of a pool, or of all pools.
    pub(super) fn add(&mut self, pool: Option<&str>, options: Option<&ClientOptions>) {
        let Some(options) = options else { return };
        let loaded = |part, info| Loaded { pool: pool.map(str::to_owned), ..Loaded::of(part, info) };
        let own = options.cert.iter().flat_map(infos).take(1).map(|own| loaded(Part::TowardsServers, own));
        self.all.extend(own.chain(options.ca.iter().flat_map(infos).map(|ca| loaded(Part::ServerCa, ca))));
    }

    /// Warnings about the certificates towards the servers. Those towards the clients have theirs from `Health`.
    pub(super) fn warnings(&self, now: u64) -> impl Iterator<Item = String> {
        self.all.iter().filter_map(move |Loaded { part, pool, info, .. }| {
            let (what, consequence) = match part {
                Part::TowardsServers => {
                    ("the gateway's certificate for servers", "servers that ask for it refuse the gateway")
                }
                Part::ServerCa => ("the servers' CA", "the gateway refuses servers whose certificates it issued"),
                Part::Own | Part::ClientCa => return None,
            };
            let of_pool = pool.as_ref().map(|pool| format!("{what} of pool '{pool}'"));
            period(of_pool.as_deref().unwrap_or(what), consequence, info, now, HOW)
        })
    }
}

/// How a new file comes into use.
pub(super) const HOW: &str = "let sealwire-gateway read it: kill -HUP, unless --ssl-reload=auto does";

/// The certificates in a file that the context has parsed already.
fn infos(pem: &NamedPem) -> Vec<CertificateInfo> {
    let certificates = pem.certificates().unwrap_or_default();
    certificates.iter().filter_map(|der| CertificateInfo::from_der(der).ok()).collect()
}

/// The certificate that a server showed last.
#[derive(Debug)]
pub(super) struct Leaf {
    der: Vec<u8>,
    pub(super) info: CertificateInfo,
    /// When it was seen first, in seconds since the Unix epoch.
    pub(super) seen_at: u64,
}

/// The certificate in DER that the server of a connection has shown.
pub(super) fn shown(facts: &Facts) -> Option<&[u8]> {
    facts.tls.as_ref()?.peer_chain.first().map(Vec::as_slice)
}

impl Leaf {
    /// Takes the certificate of a connection to a server. Returns whether it is a new one.
    pub(super) fn take(seen: &mut Option<Self>, der: &[u8], now: u64) -> bool {
        if seen.as_ref().is_some_and(|leaf| leaf.der == der) {
            return false;
        }
        // The connection's verification has parsed it; where nothing is verified it may be none.
        let Ok(info) = CertificateInfo::from_der(der) else { return false };
        *seen = Some(Self { der: der.to_vec(), info, seen_at: now });
        true
    }

    /// A warning where it expires soon.
    pub(super) fn warning(&self, server: &Node, now: u64) -> Option<String> {
        let what = format!("the certificate of server {server}");
        period(&what, "the gateway refuses this server", &self.info, now, "let the server load it")
    }
}

/// The time of warnings that are repeated daily.
#[derive(Debug, Default)]
pub(super) struct Daily {
    logged_at: Option<u64>,
}

impl Daily {
    /// Whether the warnings are due: at first, a day later, and after the clock was set back.
    pub(super) fn is_due(&mut self, now: u64) -> bool {
        let is_due = self.logged_at.is_none_or(|at| now < at || now - at >= DAY);
        if is_due {
            self.logged_at = Some(now);
        }
        is_due
    }

    /// Makes the warnings due, because the certificates are new.
    pub(super) fn reset(&mut self) {
        self.logged_at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_due_daily_and_after_a_reset() {
        let mut daily = Daily::default();
        let due =
            |daily: &mut Daily, times: &[u64]| -> Vec<bool> { times.iter().map(|at| daily.is_due(*at)).collect() };
        assert_eq!(due(&mut daily, &[100, 101, DAY + 99, DAY + 100, DAY + 101]), [true, false, false, true, false]);
        assert_eq!(due(&mut daily, &[50, 51]), [true, false]);
        daily.reset();
        assert_eq!(due(&mut daily, &[52, 53]), [true, false]);
    }
}
