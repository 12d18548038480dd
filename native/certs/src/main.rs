//! Makes certificates for TLS connections to MySQL, renews and revokes them, and checks any.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser;
use sealwire_certs::{Authority, CertsError, Issuance, KeyKind, LIST_DAYS, Options};
use sealwire_core::printable;
use sealwire_core::secret::Secret;
use sealwire_options::tls;

/// Create a CA, a server certificate and a client certificate under MySQL's file names; issue, renew and revoke certificates with an
/// existing CA; or check certificates, keys and revocation lists.
///
/// Creates ca.pem, ca-key.pem, server-cert.pem, server-key.pem, client-cert.pem and client-key.pem. Existing files are overwritten only by
/// --renew-server, --renew-ca, --revoke and --renew-crl.
#[derive(Debug, Parser)]
#[command(name = "sealwire-certs", version, arg_required_else_help = true)]
struct Arguments {
    /// The directory of the files to create or to check [default: --ca-dir, otherwise the current directory; without any option, this help is shown].
    #[arg(long, value_name = "DIRECTORY")]
    dir: Option<PathBuf>,

    /// A host name or IP address of the server; may be given several times [default: localhost, 127.0.0.1, ::1; with --renew-server: those of the old
    /// certificate].
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,

    /// Create RSA keys of 2048, 3072 or 4096 bits. Without it, keys are ECDSA P-256, or with --ca-dir of the same kind as the CA's key.
    #[arg(long, value_name = "BITS", num_args = 0..=1, default_missing_value = "3072")]
    rsa: Option<u16>,

    /// The number of days for which the certificates are valid [default: 3650].
    #[arg(long)]
    days: Option<u32>,

    /// The common name of the client certificate [default: client]. With --ca-dir, create another client certificate, NAME-cert.pem and
    /// NAME-key.pem.
    #[arg(long, value_name = "NAME")]
    client_name: Option<String>,

    /// Use the CA in this directory, ca.pem and ca-key.pem, for --renew-server, --client-name, --revoke, --renew-crl,
    /// --new-crl or --renew-ca.
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "check")]
    ca_dir: Option<PathBuf>,

    /// Replace server-cert.pem and server-key.pem by a new certificate with a new key. If one of the two fails, neither is replaced.
    #[arg(long, requires = "ca_dir", conflicts_with_all = ["revoke", "renew_crl", "new_crl", "client_name"])]
    renew_server: bool,

    /// Replace ca.pem by a certificate with the same name and key that is valid from now on. Certificates that the CA has issued stay valid.
    #[arg(
        long,
        requires = "ca_dir",
        conflicts_with_all = ["renew_server", "revoke", "renew_crl", "new_crl", "client_name", "hosts", "rsa", "dir"]
    )]
    renew_ca: bool,

    /// Add the certificate in this file to the CA's revocation list; may be given several times.
    #[arg(long, value_name = "FILE", requires = "ca_dir", conflicts_with_all = ["hosts", "rsa", "days", "client_name"])]
    revoke: Vec<PathBuf>,

    /// Create the CA's next revocation list, before the one in use is out of date.
    #[arg(long, requires = "ca_dir", conflicts_with_all = ["hosts", "rsa", "days", "client_name"])]
    renew_crl: bool,

    /// Create the CA's first revocation list, which revokes no certificate. --revoke creates the first list too.
    #[arg(long, requires = "ca_dir", conflicts_with_all = ["revoke", "renew_crl", "hosts", "rsa", "days", "client_name"])]
    new_crl: bool,

    /// The file of the revocation list [default: crl.pem in --dir].
    #[arg(long, value_name = "FILE", requires = "ca_dir")]
    crl: Option<PathBuf>,

    /// The number of days for which the revocation list is valid.
    #[arg(long, value_name = "DAYS", requires = "ca_dir", default_value_t = LIST_DAYS)]
    crl_days: u32,

    /// Check these files, or the files of --dir, and report their problems. The exit code is 1 if there is a problem.
    #[arg(long, value_name = "FILE", num_args = 0.., conflicts_with_all = ["hosts", "rsa", "days", "client_name"])]
    check: Option<Vec<PathBuf>>,

    /// A file whose first line is the passphrase of encrypted keys, for --check and --ca-dir.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,

    /// The passphrase of encrypted keys, in the form that sealwired takes: env:VARIABLE, file:path, pass:text, or the text itself, which
    /// other users of this machine can see.
    #[arg(long, value_name = "PASSPHRASE", conflicts_with = "passphrase_file")]
    ssl_passphrase: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match (&arguments.check, &arguments.ca_dir) {
        (Some(files), _) => check(&arguments, files),
        (None, Some(ca)) => issue(&arguments, ca),
        (None, None) => make(arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("sealwire-certs: {}", printable::text(&error.to_string()));
        ExitCode::FAILURE
    })
}

impl Arguments {
    fn directory(&self) -> &Path {
        self.dir.as_deref().or(self.ca_dir.as_deref()).unwrap_or_else(|| Path::new("."))
    }

    fn passphrase(&self) -> Result<Option<Secret>, CertsError> {
        if let Some(text) = &self.ssl_passphrase {
            return tls::passphrase(text.as_bytes()).map(Some).map_err(CertsError::Impossible);
        }
        let Some(path) = &self.passphrase_file else { return Ok(None) };
        tls::passphrase_file(path).map(Some).map_err(|error| CertsError::Io {
            doing: "read",
            path: path.clone(),
            error,
        })
    }
}

fn make(arguments: Arguments) -> Result<ExitCode, CertsError> {
    let directory = arguments.directory().to_owned();
    if arguments.ssl_passphrase.is_some() || arguments.passphrase_file.is_some() {
        return Err(CertsError::Impossible(
            "a passphrase applies to existing keys only, with --check or --ca-dir: new keys are not encrypted"
                .to_owned(),
        ));
    }
    if Path::new(&directory).join("ca-key.pem").exists() {
        return Err(CertsError::Impossible(format!(
            "there is a CA in '{0}' already, and nothing is overwritten: give --ca-dir='{0}' with --renew-server, --client-name=NAME or \
             --revoke=FILE to use it, or another --dir to make a new one",
            directory.display()
        )));
    }
    let mut options = Options::default();
    options.days = arguments.days.unwrap_or(options.days);
    options.client_name = arguments.client_name.unwrap_or(options.client_name);
    if !arguments.hosts.is_empty() {
        options.hosts = arguments.hosts;
    }
    if let Some(bits) = arguments.rsa {
        options.key = KeyKind::Rsa(bits);
    }
    let made = sealwire_certs::generate(&directory, &options)?;
    warn_of(&directory);
    println!("made in {}, for {}:", directory.display(), options.hosts.join(", "));
    println!(
        "  sealwired --ssl-ca={} --ssl-cert={} --ssl-key={}",
        made.ca.display(),
        made.server_cert.display(),
        made.server_key.display()
    );
    println!(
        "  sealwire  --ssl-ca={} --ssl-cert={} --ssl-key={}",
        made.ca.display(),
        made.client_cert.display(),
        made.client_key.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// Says who else can replace the files in a directory.
fn warn_of(directory: &Path) {
    if let Some(warning) = sealwire_certs::directory_warning(directory) {
        eprintln!("sealwire-certs: warning: {}", printable::text(&warning));
    }
}

fn issue(arguments: &Arguments, ca: &Path) -> Result<ExitCode, CertsError> {
    let directory = arguments.directory();
    let is_list = arguments.renew_crl || arguments.new_crl || !arguments.revoke.is_empty();
    if arguments.renew_ca {
        let days = arguments.days.unwrap_or_else(|| Issuance::default().days);
        println!("{}", sealwire_certs::renew_ca(ca, arguments.passphrase()?.as_ref(), days)?);
        println!(
            "copy it to every client and server that trusts this CA, as --ssl-ca, before the old one ends; servers take it at their next \
             reload: ALTER INSTANCE RELOAD TLS, or kill -HUP"
        );
        return Ok(ExitCode::SUCCESS);
    }
    if !arguments.renew_server && !is_list && arguments.client_name.is_none() {
        return Err(CertsError::Impossible(
            "--ca-dir selects the CA, and an action is missing: add --renew-server, --client-name=NAME, --revoke=FILE, --renew-crl, --new-crl \
             or --renew-ca"
                .to_owned(),
        ));
    }
    let authority = Authority::open(ca, arguments.passphrase()?.as_ref())?;
    let issuance = Issuance {
        key: arguments.rsa.map(KeyKind::Rsa),
        days: arguments.days.unwrap_or_else(|| Issuance::default().days),
    };
    if is_list {
        let list = arguments.crl.clone().unwrap_or_else(|| directory.join("crl.pem"));
        let revocations = if arguments.new_crl {
            authority.make_list(&list, arguments.crl_days)?
        } else {
            authority.revoke(&list, &arguments.revoke, arguments.crl_days)?
        };
        println!("{revocations}");
        println!(
            "servers refuse what it lists from their next reload on: ALTER INSTANCE RELOAD TLS, with --ssl-crl={}",
            list.display()
        );
    } else if arguments.renew_server {
        println!("{}", authority.renew_server(directory, &arguments.hosts, &issuance)?);
        warn_of(directory);
        println!("the server uses it from its next reload on: ALTER INSTANCE RELOAD TLS, or kill -HUP");
    } else if let Some(name) = &arguments.client_name {
        println!("{}", authority.issue_client(directory, name, &issuance)?);
        warn_of(directory);
    }
    Ok(ExitCode::SUCCESS)
}

fn check(arguments: &Arguments, files: &[PathBuf]) -> Result<ExitCode, CertsError> {
    let files = if files.is_empty() { sealwire_certs::files_of(arguments.directory())? } else { files.to_vec() };
    let report = sealwire_certs::check(&files, arguments.passphrase()?.as_ref(), SystemTime::now())?;
    print!("{report}");
    let is_fine = report.problems().next().is_none();
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
