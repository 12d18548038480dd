//! The TLS settings of both sides and the REQUIRE rules: options, files, and reading the files again.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use sealwire_core::client::TlsPolicy;
use sealwire_core::facts::Transport;
use sealwire_core::tls::{ClientContext, ServerContext, SslMode};
use sealwire_options::tls::{CLIENT, ClientTlsOptions, ServerTlsOptions};
use sealwire_options::{Environment, Outcome, Program, Spec, Values};

use super::rules::Rules;

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
    /// Towards the servers.
    pub(super) servers: TlsPolicy,
    /// The rules for the clients' connections.
    pub(super) rules: Option<Rules>,
    /// Sentences for the log.
    pub(super) warnings: Vec<String>,
}

impl Tls {
    /// Reads the files that the options name.
    ///
    /// # Errors
    /// A sentence that names option and file.
    pub(super) fn load(values: &Values) -> Result<Self, String> {
        let (clients, mut warnings) = towards_clients(values)?;
        let servers = towards_servers(values, &mut warnings)?;
        let rules = values.path("rules-file").map(Rules::read).transpose()?;
        Ok(Self { clients, servers, rules, warnings })
    }
}

fn towards_clients(values: &Values) -> Result<(Option<ServerContext>, Vec<String>), String> {
    let is_given = |name: &str| values.text(name).is_some_and(|text| !text.is_empty());
    let is_off = values.given_flag("ssl") == Some(false);
    if !is_off && !["ssl-cert", "ssl-key"].into_iter().any(is_given) {
        return Err("TLS towards the clients needs a certificate: give --ssl-cert and --ssl-key, or --skip-ssl and \
                    --skip-require-secure-transport where plaintext is meant"
            .to_owned());
    }
    // A certificate is given, so no directory is searched.
    let options = ServerTlsOptions::resolve(values, Path::new(""))?;
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

fn towards_servers(values: &Values, warnings: &mut Vec<String>) -> Result<TlsPolicy, String> {
    let given = TOWARDS_SERVERS.iter().filter_map(|spec| {
        let name = spec.name();
        let value = values.text(name).filter(|value| !value.is_empty())?;
        Some(format!("--{}={value}", name.strip_prefix("server-")?))
    });
    let arguments: Vec<String> = std::iter::once("--no-defaults".to_owned()).chain(given).collect();
    // The errors name the client's options, which have no prefix.
    let of_gateway = |error: String| error.replace("--ssl-", "--server-ssl-").replace("--tls-", "--server-tls-");
    let choice = match AS_CLIENT.parse(arguments, &Environment::default()) {
        Ok(Outcome::Run(values)) => ClientTlsOptions::resolve(&values, Transport::Tcp).map_err(of_gateway)?,
        Ok(Outcome::Print(_)) => return Err("the options for TLS towards the servers are not options".to_owned()),
        Err(error) => return Err(of_gateway(error.to_string())),
    };
    warnings.extend(choice.notes.into_iter().map(of_gateway));
    let Some(options) = choice.options else {
        warnings.push(
            "the connections to the servers are plaintext (--server-ssl-mode=DISABLED): everybody between can read and alter them"
                .to_owned(),
        );
        return Ok(TlsPolicy::Disabled);
    };
    if choice.mode == SslMode::Required {
        warnings.push(
            "the servers' certificates are not verified (--server-ssl-mode=REQUIRED): anybody between can pose as a server".to_owned(),
        );
    }
    let context = ClientContext::build(options).map_err(|error| of_gateway(error.to_string()))?;
    Ok(TlsPolicy::Required(context))
}

/// The TLS settings in use. New connections take the current ones; existing connections keep theirs.
#[derive(Debug, Clone)]
pub(super) struct ReloadableTls(Arc<Mutex<(u64, Tls)>>);

impl ReloadableTls {
    pub(super) fn new(tls: Tls) -> Self {
        Self(Arc::new(Mutex::new((0, tls))))
    }

    /// The current settings, if their generation is not this one.
    pub(super) fn newer_than(&self, generation: Option<u64>) -> Option<(u64, Tls)> {
        let current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (Some(current.0) != generation).then(|| current.clone())
    }

    /// The current settings towards the servers.
    pub(super) fn towards_servers(&self) -> TlsPolicy {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.servers.clone()
    }

    pub(super) fn replace(&self, tls: Tls) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *current = (current.0.wrapping_add(1), tls);
    }
}
