//! Connects according to the settings: gets the password, decides the TLS policy, and asks the user about certificates without a trusted
//! issuer.

use std::borrow::Cow;
use std::fs;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use sealwire_core::DEFAULT_PORT;
use sealwire_core::client::GREETING;
use sealwire_core::error::{Error, Side, SqlError};
use sealwire_core::facts::Transport;
use sealwire_core::secret::Secret;
use sealwire_core::tls::{CertificateProblem, ClientContext, Fingerprint, SslMode, TlsError};

use super::handshake_trace::HandshakeTrace;
use super::known_servers::KnownServers;
use super::output;
use super::settings::{self, ConnectionSettings, Password};
use sealwire::{Address, Client, ClientError, Config, Socket, TlsPolicy};
use sealwire_net::random::OsRandom;
use sealwire_net::regular_file::{self, SMALL};
use sealwire_options::Values;
use sealwire_options::tls::{ClientTlsChoice, ClientTlsOptions, authority_advice, certificate_advice};

/// MySQL's error number of a failed login.
const ACCESS_DENIED: u16 = 1045;
/// The error number of a system variable that the server does not have.
const UNKNOWN_VARIABLE: u16 = 1193;
/// The error numbers of a database that the user may not use, and of one that does not exist.
const NO_DATABASE: [u16; 2] = [1044, 1049];
/// The error number of a server that requires TLS (`require_secure_transport`).
const INSECURE_TRANSPORT: u16 = 3159;
/// A longer first line of standard input is no password.
const MOST_PASSWORD_BYTES: u64 = 1 << 16;

/// Makes connections: the first, and those after a lost connection.
pub(crate) struct Connector {
    settings: ConnectionSettings,
    values: Values,
    password: Option<Secret>,
    known: Option<KnownServers>,
    last: Option<Config>,
    /// The TLS policy of the last attempt.
    tried: Option<TlsPolicy>,
    /// Whether the last attempt came as far as a login.
    is_logged_in: bool,
    /// Whether the notes of the TLS policy were shown.
    noted: bool,
    /// Whether the user was warned that joins have no limit.
    warned_of_joins: bool,
}

impl Connector {
    pub(crate) fn new(settings: ConnectionSettings, values: Values) -> Self {
        let known = KnownServers::of_user(|name| std::env::var(name).ok());
        Self {
            settings,
            values,
            password: None,
            known,
            last: None,
            tried: None,
            is_logged_in: false,
            noted: false,
            warned_of_joins: false,
        }
    }

    pub(crate) const fn address(&self) -> &Address {
        &self.settings.address
    }

    pub(crate) fn user(&self) -> &str {
        &self.settings.user
    }

    pub(crate) fn database(&self) -> Option<&str> {
        self.settings.database.as_deref()
    }

    /// The settings of the last connection, for a second connection (to kill a statement).
    pub(crate) fn last_config(&self) -> Option<Config> {
        self.last.clone()
    }

    /// Sets the character set of the next connection; the error is a sentence.
    pub(crate) fn set_charset(&mut self, name: &str) -> Result<(), String> {
        self.settings.charset = settings::charset(name).ok_or_else(|| format!("Charset '{name}' is not found"))?;
        Ok(())
    }

    /// Sets the database of the next connection.
    pub(crate) fn set_database(&mut self, database: &str) {
        self.settings.database = Some(database.to_owned());
    }

    /// Sets the host of the next connection.
    pub(crate) fn set_host(&mut self, host: &str) {
        let port = match self.settings.address {
            Address::Tcp { port, .. } => port,
            Address::Unix(_) => DEFAULT_PORT,
        };
        host.clone_into(&mut self.settings.host);
        self.settings.address = Address::Tcp { host: host.to_owned(), port };
    }

    /// Connects. If the server's certificate has no trusted issuer, an interactive user is asked once; in a script the connection fails.
    pub(crate) fn connect(&mut self) -> Result<Client<Socket>, ClientError> {
        let (mut choice, known) = self.tls_choice()?;
        choice.add_known(known.clone());
        let config = self.config(&choice)?;
        let error = match self.dial(config) {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        let Some(untrusted) = self.untrusted(&choice, &error) else { return Err(error) };
        let Some(old) = known.first() else {
            let Some(accepted) = self.ask(&untrusted)? else { return Err(error) };
            // The second connection accepts only the certificate that was shown to the user.
            choice.add_known([accepted]);
            let config = self.config(&choice)?;
            return self.dial(config);
        };
        self.warn_of_change(&untrusted, old);
        Err(error)
    }

    /// One line of advice for an error of this connector's connections.
    pub(crate) fn hint(&self, error: &ClientError) -> Option<Cow<'static, str>> {
        let own =
            self.authority_hint(error).or_else(|| self.database_hint(error)).or_else(|| self.greeting_hint(error));
        own.map(Cow::Owned).or_else(|| error.hint()).or_else(|| self.login_hint(error).map(Cow::Borrowed))
    }

    /// The advice where the database's name looks like a user and a host.
    fn database_hint(&self, error: &ClientError) -> Option<String> {
        let (user, host) = self.settings.database.as_deref()?.split_once('@')?;
        let concerns = match error {
            ClientError::Connect { .. } => true,
            ClientError::Connection(Error::Refused { error, .. }) => {
                error.code == ACCESS_DENIED || NO_DATABASE.contains(&error.code)
            }
            _ => false,
        };
        concerns.then(|| {
            format!(
                "'{user}@{host}' was taken for the name of a database; if you mean a user and a host, give them with -u {user} -h {host}."
            )
        })
    }

    /// The advice where the peer does not begin as a MySQL server does.
    fn greeting_hint(&self, error: &ClientError) -> Option<String> {
        let (ClientError::Connection(error), false) = (error, self.is_logged_in) else { return None };
        match error {
            Error::ConnectionLost(GREETING) | Error::TimedOut(GREETING) | Error::PeerMisbehaved(_) => {}
            _ => return None,
        }
        Some(match &self.settings.address {
            Address::Tcp { host, port } => format!(
                "Is there a MySQL server at {host}:{port}? Give its host with -h and its port with -P; a proxy in between closes the \
                 connection where it can't reach its server."
            ),
            Address::Unix(path) => {
                format!("Is '{}' the socket of a MySQL server? Give another with -S.", path.display())
            }
        })
    }

    /// The advice where the server's certificate comes from another CA than the named one.
    fn authority_hint(&self, error: &ClientError) -> Option<String> {
        let ClientError::Connection(error) = error else { return None };
        authority_advice(error, self.values.text("ssl-ca"))
    }

    /// The advice for a failed login, because the server's error does not tell a wrong password from an unmet requirement of the account.
    fn login_hint(&self, error: &ClientError) -> Option<&'static str> {
        let ClientError::Connection(Error::Refused { by: Side::Server, error }) = error else { return None };
        match error.code {
            ACCESS_DENIED => {}
            INSECURE_TRANSPORT => {
                return Some(match self.tried.as_ref()? {
                    TlsPolicy::Disabled => {
                        "Connect with TLS: leave out --skip-ssl, --ssl=0 and --ssl-mode=DISABLED, also in the option files."
                    }
                    _ => "The server requires TLS and offers none: its log says why it has no certificate.",
                });
            }
            _ => return None,
        }
        match (self.tried.as_ref()?, &self.settings.address) {
            (TlsPolicy::Disabled, Address::Unix(_)) => Some(
                "If user and password are right, the account may require TLS; a Unix socket uses it only with --ssl or \
                 --ssl-ca.",
            ),
            (TlsPolicy::Disabled, Address::Tcp { .. }) => {
                Some("If user and password are right, the account may require TLS, which is switched off here.")
            }
            (TlsPolicy::Preferred(context) | TlsPolicy::Required(context), _) => certificate_advice(context),
        }
    }

    /// The TLS policy for this address, and the fingerprints remembered for the address.
    fn tls_choice(&mut self) -> Result<(ClientTlsChoice, Vec<Fingerprint>), ClientError> {
        let transport = match self.settings.address {
            Address::Tcp { .. } => Transport::Tcp,
            Address::Unix(_) => Transport::UnixSocket,
        };
        let choice = ClientTlsOptions::resolve(&self.values, transport).map_err(ssl_error)?;
        if !std::mem::replace(&mut self.noted, true) {
            for note in &choice.notes {
                output::report(&format!("WARNING: {note}"));
            }
        }
        let Address::Tcp { host, port } = &self.settings.address else { return Ok((choice, Vec::new())) };
        let Some(known) = self.known.as_ref().filter(|_| choice.may_remember) else { return Ok((choice, Vec::new())) };
        let unreadable = |problem: &str| ssl_error(format!("'{}': {problem}", known.path().display()));
        let remembered = match known.fingerprint(host, *port) {
            Ok(Some(text)) => vec![text.parse::<Fingerprint>().map_err(|error| unreadable(&error.to_string()))?],
            Ok(None) => Vec::new(),
            Err(error) => return Err(unreadable(&error.to_string())),
        };
        Ok((choice, remembered))
    }

    fn config(&mut self, choice: &ClientTlsChoice) -> Result<Config, ClientError> {
        let password = self.password()?;
        let settings = &self.settings;
        let mut config = Config::new(settings.user.clone(), password, Arc::new(OsRandom::new()));
        config.tls = match &choice.options {
            None => TlsPolicy::Disabled,
            Some(options) => {
                let context = ClientContext::build(options.clone()).map_err(Error::Tls)?;
                for note in context.notes() {
                    output::report(&format!("WARNING: {note}"));
                }
                match choice.mode {
                    SslMode::Preferred => TlsPolicy::Preferred(context),
                    _ => TlsPolicy::Required(context),
                }
            }
        };
        config.database.clone_from(&settings.database);
        config.server_name.clone_from(&settings.host);
        config.sni.clone_from(&choice.sni);
        config.direct = choice.direct;
        config.charset = settings.charset;
        config.attributes = attributes(settings.program);
        config.connect_timeout = settings.connect_timeout;
        config.default_auth = settings.default_auth;
        config.enable_cleartext_plugin = settings.enable_cleartext_plugin;
        config.fetch_server_public_key = settings.get_server_public_key;
        config.local_infile = settings.local_infile;
        config.max_packet = settings.max_packet;
        config.compression = settings.compression.wanted(settings.zstd_level);
        config.compression_required = !settings.compression.uncompressed;
        if let Some(path) = &settings.server_public_key {
            let pem = regular_file::read_text(path, SMALL).map_err(|error| {
                own_error(format!("option '--server-public-key-path': can't read '{}': {error}", path.display()))
            })?;
            config.server_public_key = Some(pem);
        }
        if settings.trace {
            config.observer = Some(Arc::new(HandshakeTrace::default()));
        }
        Ok(config)
    }

    fn dial(&mut self, config: Config) -> Result<Client<Socket>, ClientError> {
        self.tried = Some(config.tls.clone());
        self.is_logged_in = false;
        let beside = Config { local_infile: false, observer: None, database: None, ..config.clone() };
        let mut client = Client::connect(&self.settings.address, config)?;
        self.last = Some(beside);
        self.is_logged_in = true;
        if self.settings.local_infile {
            client.set_local_infile(Box::new(|name| {
                let path = std::str::from_utf8(name).map_err(io::Error::other)?;
                Ok(Box::new(Upload { file: fs::File::open(path)?, path: path.to_owned(), bytes: 0 }))
            }));
        }
        self.be_safe(&mut client)?;
        if let Some(statement) = &self.settings.init {
            run(&mut client, statement)?;
        }
        Ok(client)
    }

    /// Sets the variables of `--safe-updates`. A server without `max_join_size` can't limit joins, and the user is warned; a server without the
    /// others is refused, because the user relies on them.
    fn be_safe(&mut self, client: &mut Client<Socket>) -> Result<(), ClientError> {
        let Some(safe) = &self.settings.safe_updates else { return Ok(()) };
        match run(client, &safe.statement()) {
            Err(ClientError::Sql(error)) if error.code == UNKNOWN_VARIABLE => run(client, &safe.without_joins())?,
            other => return other,
        }
        if !std::mem::replace(&mut self.warned_of_joins, true) {
            output::report("WARNING: the server has no variable max_join_size, so --safe-updates does not limit joins");
        }
        Ok(())
    }

    /// The password, asked for once.
    fn password(&mut self) -> Result<Secret, ClientError> {
        if let Some(password) = &self.password {
            return Ok(password.clone());
        }
        let password = match &self.settings.password {
            Password::Given(password) => password.clone(),
            Password::Ask => asked_for().map_err(|error| own_error(format!("Can't ask for the password: {error}")))?,
        };
        self.password = Some(password.clone());
        Ok(password)
    }

    /// The rejected certificate, if a missing trusted issuer is the only reason and the user may decide.
    fn untrusted(&self, choice: &ClientTlsChoice, error: &ClientError) -> Option<UntrustedServer> {
        let ClientError::Connection(Error::Tls(TlsError::CertificateRejected { problem, fingerprint_sha256, subject })) =
            error
        else {
            return None;
        };
        let unknown = matches!(
            problem,
            CertificateProblem::UnknownIssuer { .. }
                | CertificateProblem::SelfSigned
                | CertificateProblem::NotPinned
                | CertificateProblem::CaUsedAsEndEntity
                | CertificateProblem::FingerprintMismatch
        );
        let Address::Tcp { host, port } = &self.settings.address else { return None };
        (choice.may_remember && unknown).then(|| UntrustedServer {
            host: host.clone(),
            port: *port,
            subject: subject.clone(),
            fingerprint: fingerprint_sha256.clone(),
        })
    }

    /// Asks the user about a certificate; returns the fingerprint to trust, or `None` where the answer is no or no user can be asked.
    fn ask(&self, untrusted: &UntrustedServer) -> Result<Option<Fingerprint>, ClientError> {
        if self.settings.is_script {
            return Ok(None);
        }
        output::print(&format!(
            "The authenticity of server '{}:{}' can't be established: no trusted CA has issued its certificate.\n\
             The certificate is for {}, with SHA-256 fingerprint\n  {}\n\
             Is this the server's fingerprint, and shall it be trusted from now on (yes/no)? ",
            untrusted.host, untrusted.port, untrusted.subject, untrusted.fingerprint
        ));
        // Without a terminal to answer at, the answer is no.
        let mut answer = String::new();
        if io::stdin().lock().read_line(&mut answer).is_err() || !answer.trim().eq_ignore_ascii_case("yes") {
            return Ok(None);
        }
        let fingerprint: Fingerprint = untrusted.fingerprint.parse().map_err(Error::Tls)?;
        match &self.known {
            Some(known) => match known.remember(&untrusted.host, untrusted.port, &untrusted.fingerprint) {
                Ok(()) => {
                    output::print(&format!("Remembered in {}.\n", known.path().display()));
                }
                Err(error) => output::report(&format!(
                    "WARNING: the fingerprint can't be stored in {}: {error}",
                    known.path().display()
                )),
            },
            None => output::report("WARNING: the fingerprint can't be stored: HOME is not set"),
        }
        Ok(Some(fingerprint))
    }

    /// Warns of a changed certificate as conspicuously as ssh does, because it may mean an attack.
    fn warn_of_change(&self, untrusted: &UntrustedServer, old: &Fingerprint) {
        let bar = "@".repeat(66);
        let path = self.known.as_ref().map(|known| known.path().display().to_string()).unwrap_or_default();
        output::report(&format!(
            "{bar}\n@{:^64}@\n{bar}\n\
             An attacker may be reading and changing your data (a man in the middle),\n\
             or the server has a new certificate.\n\
             Server:      {}:{}\n\
             Remembered:  {old}\n\
             Now:         {}\n\
             If you know that the certificate was changed, delete the server's line in {path}.",
            "WARNING: THE SERVER'S CERTIFICATE HAS CHANGED!", untrusted.host, untrusted.port, untrusted.fingerprint
        ));
    }
}

/// Runs statements and discards their results.
fn run(client: &mut Client<Socket>, sql: &str) -> Result<(), ClientError> {
    let mut results = client.query(sql)?;
    while results.next_result()? {}
    Ok(())
}

/// A file that is being sent to the server. The user is told when it has been sent, whatever the server answers.
struct Upload {
    file: fs::File,
    path: String,
    bytes: u64,
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.bytes += length as u64;
        Ok(length)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        output::report(&format!("sealwire: [Note] sent '{}' ({} bytes) to the server", self.path, self.bytes));
    }
}

/// Asks the user for the password. Without a terminal, the password is the first line of standard input, as for mysql.
fn asked_for() -> io::Result<Secret> {
    if fs::File::open("/dev/tty").is_ok() {
        return rpassword::prompt_password("Enter password: ").map(Secret::new);
    }
    first_line(&mut io::stdin().lock())
}

/// Reads the first line; the rest is left for the statements.
fn first_line(input: &mut impl BufRead) -> io::Result<Secret> {
    let mut line = Vec::new();
    if input.take(MOST_PASSWORD_BYTES).read_until(b'\n', &mut line)? == 0 {
        return Err(io::Error::other(
            "there is no terminal, and standard input is empty: write it as standard input's first line, or as password=… in an option file",
        ));
    }
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    Ok(Secret::new(line.strip_suffix(b"\r").unwrap_or(line)))
}

/// A server whose certificate has no trusted issuer.
#[derive(Debug)]
struct UntrustedServer {
    host: String,
    port: u16,
    subject: String,
    fingerprint: String,
}

/// The connection attributes, which a server shows in `performance_schema.session_connect_attrs`.
fn attributes(program: &str) -> Vec<(String, String)> {
    [
        ("_client_name", "sealwire".to_owned()),
        ("_client_version", env!("CARGO_PKG_VERSION").to_owned()),
        ("_os", std::env::consts::OS.to_owned()),
        ("_pid", std::process::id().to_string()),
        ("_platform", std::env::consts::ARCH.to_owned()),
        ("program_name", program.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// An error for TLS settings that can't work.
fn ssl_error(message: String) -> ClientError {
    ClientError::Connection(Error::Tls(TlsError::Config(message)))
}

/// An error of the client itself, not of the connection.
fn own_error(message: String) -> ClientError {
    ClientError::Sql(SqlError::new(2000, b"HY000", message))
}

#[cfg(test)]
mod tests {
    use super::first_line;

    #[test]
    fn without_a_terminal_the_password_is_the_first_line() {
        for (input, password, rest) in [
            (&b"s\xfc cret\nSELECT 1;\n"[..], &b"s\xfc cret"[..], &b"SELECT 1;\n"[..]),
            (b"secret\r\n", b"secret", b""),
            (b"secret", b"secret", b""),
            (b"\n", b"", b""),
        ] {
            let mut left = input;
            assert_eq!(first_line(&mut left).unwrap().expose(), password);
            assert_eq!(left, rest);
        }
        let error = first_line(&mut &b""[..]).unwrap_err();
        assert!(error.to_string().contains("no terminal"), "{error}");
    }
}
