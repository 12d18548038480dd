//! Makes certificates for TLS connections to MySQL, and checks any.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser;
use sealwire::certs::{self, CertsError, KeyKind, Options};
use sealwire_core::printable;
use sealwire_core::secret::Secret;

/// Make a CA, a server certificate and a client certificate under MySQL's file names, or check certificates and keys.
///
/// Makes ca.pem, ca-key.pem, server-cert.pem, server-key.pem, client-cert.pem and client-key.pem. Nothing is overwritten.
#[derive(Debug, Parser)]
#[command(name = "sealwire-certs", version)]
struct Arguments {
    /// Where to make the files, or which ones to check.
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    dir: PathBuf,

    /// A name or address of the server; may be given several times [default: localhost, 127.0.0.1, ::1].
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,

    /// Make RSA keys of 2048, 3072 or 4096 bits, instead of ECDSA P-256.
    #[arg(long, value_name = "BITS", num_args = 0..=1, default_missing_value = "3072")]
    rsa: Option<u16>,

    /// How many days the certificates are valid.
    #[arg(long, default_value_t = Options::default().days)]
    days: u32,

    /// The common name of the client certificate.
    #[arg(long, value_name = "NAME", default_value = "client")]
    client_name: String,

    /// Check these files, or those of --dir, and say what is wrong with them. The exit code is 1 if anything is.
    #[arg(long, value_name = "FILE", num_args = 0.., conflicts_with_all = ["hosts", "rsa", "days", "client_name"])]
    check: Option<Vec<PathBuf>>,

    /// With --check: a file whose first line is the passphrase of encrypted keys.
    #[arg(long, value_name = "FILE", requires = "check")]
    passphrase_file: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.check {
        Some(files) => check(&arguments, files),
        None => make(arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("sealwire-certs: {}", printable::text(&error.to_string()));
        ExitCode::FAILURE
    })
}

fn make(arguments: Arguments) -> Result<ExitCode, CertsError> {
    let mut options = Options { days: arguments.days, client_name: arguments.client_name, ..Options::default() };
    if !arguments.hosts.is_empty() {
        options.hosts = arguments.hosts;
    }
    if let Some(bits) = arguments.rsa {
        options.key = KeyKind::Rsa(bits);
    }
    let made = certs::generate(&arguments.dir, &options)?;
    println!("made in {}, for {}:", arguments.dir.display(), options.hosts.join(", "));
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

fn check(arguments: &Arguments, files: &[PathBuf]) -> Result<ExitCode, CertsError> {
    let files = if files.is_empty() { certs::files_of(&arguments.dir)? } else { files.to_vec() };
    let passphrase = match &arguments.passphrase_file {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| CertsError::Io {
                doing: "read",
                path: path.clone(),
                error,
            })?;
            Some(Secret::from(text.lines().next().unwrap_or_default()))
        }
    };
    let report = certs::check(&files, passphrase.as_ref(), SystemTime::now())?;
    print!("{report}");
    let is_fine = report.problems().next().is_none();
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
