//! The TLS settings of both sides and the REQUIRE rules: options, files, and reading the files again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sealwire_core::client::TlsPolicy;
use sealwire_core::facts::Transport;
use sealwire_core::tls::{ClientContext, ClientOptions, ServerContext, SslMode};
use sealwire_net::clock;
use sealwire_options::tls::watch::{Cause, FileContents};
use sealwire_options::tls::{CLIENT, ClientTlsOptions, ServerTlsOptions};
use sealwire_options::{Environment, Outcome, Program, Spec, Values};

use super::certificates::Certificates;
use super::rules::Rules;
use super::settings::PoolTls;

/// The options for TLS towards the servers.
pub(super) const TOWARDS_SERVERS: &[Spec] = &[
    Spec::choice(
        "server-ssl-mode",
        &["DISABLED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"],
        "How the servers behind the gateway are verified. REQUIRED and DISABLED verify nothing, so that plugins that send the \
         password itself are refused.",
    )
    .default("VERIFY_IDENTITY"),
    Spec::path("server-ssl-ca", "CA file in PEM format for the servers' certificates. Without it, the system's roots are used."),
    Spec::path("server-ssl-capath", "Directory of CA files in PEM format for the servers' certificates."),
    Spec::path("server-ssl-cert", "The gateway's certificate in PEM format that the servers may ask for."),
    Spec::path("server-ssl-key", "The key of that certificate in PEM format."),
    Spec::path("server-ssl-crl", "Certificate revocation list for the servers' certificates."),
    Spec::path("server-ssl-crlpath", "Directory of certificate revocation lists for the servers' certificates."),
    Spec::text("server-ssl-cipher", "Ciphers for TLS 1.2 towards the servers, separated by colons."),
    Spec::text("server-tls-version", "TLS versions towards the servers: TLSv1.2, TLSv1.3 or both, separated by a comma."),
    Spec::text("server-tls-ciphersuites", "Ciphers for TLS 1.3 towards the servers, separated by colons."),
];

/// The same options by the names that every client has.
const AS_CLIENT: Program = Program {
    name: "sealwire-gateway",
    version: "",
    usage: "",
    groups: &[],
    other_groups: &[],
    tables: &[CLIENT],
    arguments: 0,
};

/// The TLS settings of both sides, and the rules for the clients' connections.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    /// Towards the clients; `None` if TLS is off.
    pub(super) clients: Option<ServerContext>,
    /// Towards the servers of each pool.
    servers: Vec<TlsPolicy>,
    /// The names of the pools, and their own settings.
    pools: Arc<[(String, PoolTls)]>,
    /// The rules for the clients' connections.
    pub(super) rules: Option<Rules>,
    /// Sentences for the log.
    pub(super) warnings: Vec<String>,
    pub(super) certificates: Arc<Certificates>,
    /// The TLS files as they were just before they were read.
    files: FileContents,
}

impl Tls {
    /// Reads the files that the options name.
    ///
    /// # Errors
    /// A sentence that names option and file.
    pub(super) fn load(values: &Values, pools: Arc<[(String, PoolTls)]>) -> Result<Self, String> {
        let rules = values.path("rules-file").map(Rules::read).transpose()?;
        Self::with_rules(values, pools, rules)
    }

    /// Reads the TLS files, and takes these rules.
    fn with_rules(values: &Values, pools: Arc<[(String, PoolTls)]>, rules: Option<Rules>) -> Result<Self, String> {
        let options = options_towards_clients(values)?;
        let paths = TOWARDS_SERVERS.iter().filter(|spec| spec.is_path()).filter_map(|spec| values.path(spec.name()));
        let paths = paths.filter(|path| !path.as_os_str().is_empty()).map(Path::to_owned);
        let paths = paths.chain(pools.iter().flat_map(|(_, own)| own.files()));
        let files = FileContents::of(options.files().into_iter().chain(paths).collect());
        let (clients, mut warnings) = towards_clients(values, &options)?;
        if let Some(rules) = &rules {
            let asks = clients.as_ref().is_some_and(ServerContext::asks_for_client_certificate);
            warnings.extend(rules.warnings(asks));
        }
        let mut certificates = Certificates::of(clients.as_ref(), clock::now().wall.as_secs());
        let mut of_all = None;
        let mut servers = Vec::new();
        for (name, own) in &*pools {
            let policy = match &of_all {
                Some(policy) if own.0.is_empty() => TlsPolicy::clone(policy),
                _ => {
                    let pool = Some(name.as_str()).filter(|_| !own.0.is_empty());
                    let (policy, options) = towards_servers(values, own, pool, &mut warnings)?;
                    certificates.add(pool, options.as_ref());
                    policy
                }
            };
            if own.0.is_empty() {
                of_all = Some(policy.clone());
            }
            servers.push(policy);
        }
        Ok(Self { clients, servers, pools, rules, warnings, certificates: Arc::new(certificates), files })
    }

    /// The settings towards the servers of a pool.
    pub(super) fn towards_servers(&self, pool: usize) -> Option<TlsPolicy> {
        self.servers.get(pool).cloned()
    }
}

fn options_towards_clients(values: &Values) -> Result<ServerTlsOptions, String> {
    let is_given = |name: &str| values.text(name).is_some_and(|text| !text.is_empty());
    let is_off = values.given_flag("ssl") == Some(false);
    if !is_off && !["ssl-cert", "ssl-key"].into_iter().any(is_given) {
        return Err("TLS towards the clients needs a certificate: give --ssl-cert and --ssl-key, or --skip-ssl and \
                    --skip-require-secure-transport where plaintext is meant"
            .to_owned());
    }
    // A certificate is given, so no directory is searched.
    ServerTlsOptions::resolve(values, Path::new(""))
}

fn towards_clients(
    values: &Values,
    options: &ServerTlsOptions,
) -> Result<(Option<ServerContext>, Vec<String>), String> {
    let Some(loaded) = options.load()? else {
        if values.flag("require-secure-transport") {
            return Err("TLS towards the clients is off, and require-secure-transport refuses all others: leave one of them out".to_owned());
        }
        return Ok((None, options.warnings()));
    };
    let context = ServerContext::build(loaded).map_err(|error| error.to_string())?;
    let warnings = [options.warnings(), context.notes().to_vec()].concat();
    Ok((Some(context), warnings))
}

impl PoolTls {
    /// The files and folders that the settings name.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let is_path = |name: &str| CLIENT.iter().any(|spec| spec.name() == name && spec.is_path());
        self.0.iter().filter(move |(name, value)| is_path(name) && !value.is_empty()).map(|(_, value)| value.into())
    }

    /// Whether these settings take the place of one for all pools: they have it, or another one that it goes with.
    fn replaces(&self, option: &str) -> bool {
        let group = TOGETHER.iter().find(|group| group.contains(&option));
        self.0.iter().any(|(name, _)| *name == option || group.is_some_and(|group| group.contains(name)))
    }
}

/// Settings that go together, so that a pool has all of them from one place.
const TOGETHER: [[&str; 2]; 3] = [["ssl-ca", "ssl-capath"], ["ssl-cert", "ssl-key"], ["ssl-crl", "ssl-crlpath"]];

/// The policy towards the servers of the pools without settings of their own, or of this pool, and the options from which its context was
/// made.
fn towards_servers(
    values: &Values,
    own: &PoolTls,
    pool: Option<&str>,
    warnings: &mut Vec<String>,
) -> Result<(TlsPolicy, Option<ClientOptions>), String> {
    let given = TOWARDS_SERVERS.iter().filter_map(|spec| {
        let name = spec.name();
        let value = values.text(name).filter(|value| !value.is_empty())?;
        let option = name.strip_prefix("server-")?;
        (!own.replaces(option)).then(|| format!("--{option}={value}"))
    });
    let given = given.chain(own.0.iter().map(|(name, value)| format!("--{name}={value}")));
    let arguments: Vec<String> = std::iter::once("--no-defaults".to_owned()).chain(given).collect();
    // The errors name the client's options, which have no prefix.
    let of_gateway = |error: String| match pool {
        Some(pool) => format!("pool '{pool}': {}", error.replace("--ssl-", "ssl-").replace("--tls-", "tls-")),
        None => error.replace("--ssl-", "--server-ssl-").replace("--tls-", "--server-tls-"),
    };
    let choice = match AS_CLIENT.parse(arguments, &Environment::default()) {
        Ok(Outcome::Run(values)) => ClientTlsOptions::resolve(&values, Transport::Tcp).map_err(of_gateway)?,
        Ok(Outcome::Print(_)) => return Err("the options for TLS towards the servers are not options".to_owned()),
        Err(error) => return Err(of_gateway(error.to_string())),
    };
    if choice.mode == SslMode::Preferred {
        return Err(of_gateway(
            "option '--ssl-mode': PREFERRED verifies nobody: give VERIFY_IDENTITY, VERIFY_CA, or REQUIRED where that is meant"
                .to_owned(),
        ));
    }
    warnings.extend(choice.notes.into_iter().map(of_gateway));
    let Some(options) = choice.options else {
        warnings.push(of_gateway(
            "the connections to the servers are plaintext (--ssl-mode=DISABLED): everybody between can read and alter them".to_owned(),
        ));
        return Ok((TlsPolicy::Disabled, None));
    };
    if choice.mode == SslMode::Required {
        warnings.push(of_gateway(
            "the servers' certificates are not verified (--ssl-mode=REQUIRED): anybody between can pose as a server"
                .to_owned(),
        ));
    }
    let context = ClientContext::build(options.clone()).map_err(|error| of_gateway(error.to_string()))?;
    Ok((TlsPolicy::Required(context), Some(options)))
}

/// The TLS settings in use. New connections take the current ones; existing connections keep theirs.
#[derive(Debug, Clone)]
pub(super) struct ReloadableTls(Arc<Mutex<Current>>);

#[derive(Debug)]
struct Current {
    tls: Tls,
    /// How often they were replaced.
    generation: u64,
    /// How often files were refused.
    failures: u64,
}

impl ReloadableTls {
    pub(super) fn new(tls: Tls) -> Self {
        Self(Arc::new(Mutex::new(Current { tls, generation: 0, failures: 0 })))
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current settings, if their generation is not this one.
    pub(super) fn newer_than(&self, generation: Option<u64>) -> Option<(u64, Tls)> {
        let current = self.current();
        (Some(current.generation) != generation).then(|| (current.generation, current.tls.clone()))
    }

    /// The current settings towards the servers of a pool.
    pub(super) fn towards_servers(&self, pool: usize) -> Option<TlsPolicy> {
        self.current().tls.towards_servers(pool)
    }

    /// The TLS files of the current settings, as they were read.
    pub(super) fn files(&self) -> FileContents {
        self.current().tls.files.clone()
    }

    /// How often the files were read again, and how often they were refused.
    pub(super) fn reloads(&self) -> (u64, u64) {
        let current = self.current();
        (current.generation, current.failures)
    }

    /// Reads the files again, and returns the new settings.
    ///
    /// # Errors
    /// A sentence that names option and file; all stays as it was.
    pub(super) fn reload(&self, values: &Values, cause: Cause) -> Result<Tls, String> {
        let (pools, rules) = {
            let tls = &self.current().tls;
            (Arc::clone(&tls.pools), tls.rules.clone())
        };
        let loaded = match cause {
            Cause::Signal => Tls::load(values, pools),
            // The rules stay, because the half of a file that is being written could be taken for all rules.
            Cause::Change => Tls::with_rules(values, pools, rules),
        };
        let mut current = self.current();
        match loaded {
            Ok(tls) => {
                current.generation = current.generation.wrapping_add(1);
                current.tls = tls.clone();
                Ok(tls)
            }
            Err(error) => {
                current.failures = current.failures.wrapping_add(1);
                Err(error)
            }
        }
    }
}
