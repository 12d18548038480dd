//! A client's TLS options.

use rustls::pki_types::CertificateDer;
use sealwire_core::facts::Transport;
use sealwire_core::tls::{ClientOptions, Fingerprint, SslMode, Trust};

use super::{files, key_log};
use crate::{OptionValue, Spec, Values};
use sealwire_net::provider::provider;

/// The client's table, in MySQL's order.
pub const CLIENT: &[Spec] = &[
    Spec::flag(
        "ssl",
        "Use TLS and verify the server. This is the default. --ssl=0, --skip-ssl or --disable-ssl switches TLS off and \
         overrides all other SSL options.",
    ),
    Spec::choice(
        "ssl-mode",
        MODES,
        "SSL connection mode. The default is VERIFY_CA if a CA is given, otherwise VERIFY_IDENTITY.",
    ),
    Spec::choice(
        "ssl-negotiation",
        &["starttls", "direct"],
        "When TLS begins: after the server's greeting, as MySQL has it, or at once, at a server's port for that (--direct-tls-port of \
         sealwired), which takes one round trip less.",
    ),
    Spec::path("ssl-ca", "CA file in PEM format."),
    Spec::path("ssl-capath", "Directory of CA files in PEM format."),
    Spec::path("ssl-cert", "Client certificate in PEM format."),
    Spec::text("ssl-cipher", "Ciphers for TLS 1.2, separated by colons."),
    Spec::path("ssl-key", "Client key in PEM format."),
    Spec::path("ssl-crl", "Certificate revocation list."),
    Spec::path("ssl-crlpath", "Directory of certificate revocation lists."),
    Spec::text("tls-version", "TLS versions to use: TLSv1.2, TLSv1.3 or both, separated by a comma."),
    Spec::text("tls-ciphersuites", "Ciphers for TLS 1.3, separated by colons."),
    Spec::text("tls-sni-servername", "Server name to send in the TLS handshake."),
    Spec::flag(
        "ssl-verify-server-cert",
        "Verify the server's certificate and that it names the host, as with --ssl-mode=VERIFY_IDENTITY.",
    ),
    Spec::text(
        "ssl-fp",
        "SHA-256 fingerprint of the server's certificate in hex. A certificate with this fingerprint needs neither a trusted \
         CA nor the host's name.",
    ),
    Spec::path("ssl-fplist", "File with fingerprints, one per line."),
    Spec::text(
        "ssl-passphrase",
        "The passphrase of an encrypted --ssl-key: text, pass:text, env:VARIABLE or file:path.",
    )
    .secret(),
];

/// For programs with the interface of Connector/C 3.3, whose fingerprints are of SHA-1 and do not stand for the CA.
pub const CONNECTOR_C: &[Spec] = &[
    Spec::flag("ssl-fp-sha1", "Accept SHA-1 fingerprints, too."),
    Spec::flag("ssl-fp-and-ca", "With a fingerprint and a CA, demand both."),
];

const MODES: &[&str] = &["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"];

/// The outcome of a client's TLS options, from which its connections are made.
#[derive(Clone)]
pub struct ClientTlsChoice {
    /// How strictly TLS is required.
    pub mode: SslMode,
    /// The options of the TLS context; `None` exactly where the mode is [`SslMode::Disabled`].
    pub options: Option<ClientOptions>,
    /// Whether TLS begins at once, before the server's greeting.
    pub direct: bool,
    /// The server name to send (SNI); `None` where no option asks for one.
    pub sni: Option<String>,
    /// Whether a certificate that fails verification may be accepted by asking the user and remembering its fingerprint.
    pub may_remember: bool,
    /// Notes for the user, a sentence each.
    pub notes: Vec<String>,
}

impl ClientTlsChoice {
    /// Adds the fingerprints remembered for the host. Without effect unless [`ClientTlsChoice::may_remember`].
    pub fn add_known(&mut self, fingerprints: impl IntoIterator<Item = Fingerprint>) {
        if let (true, Some(ClientOptions { trust: Trust::SystemRoots { known, .. }, .. })) =
            (self.may_remember, self.options.as_mut())
        {
            known.extend(fingerprints);
        }
    }
}

/// The decision, made before any file is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTlsOptions {
    /// How strictly TLS is required.
    pub mode: SslMode,
    /// How the server's certificate is verified.
    pub verify: Verify,
    /// See [`ClientTlsChoice::may_remember`].
    pub may_remember: bool,
    /// See [`ClientTlsChoice::notes`].
    pub notes: Vec<String>,
}

/// How the server's certificate is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// Not at all.
    Nothing,
    /// Against the CA given.
    Ca,
    /// Against the CA given and the host's name.
    CaAndIdentity,
    /// Against the system's roots and the host's name.
    SystemRoots,
    /// By the CA given, and the fingerprints given.
    CaAndFingerprint { identity: bool },
    /// Against the fingerprints given.
    Fingerprint,
}

impl ClientTlsOptions {
    /// Decides, then reads the files. The error is a sentence that names option and file.
    pub fn resolve(values: &Values, transport: Transport) -> Result<ClientTlsChoice, String> {
        let decided = Self::decide(values, transport)?;
        let options = if decided.mode == SslMode::Disabled { None } else { Some(decided.load(values)?) };
        let direct = text(values, "ssl-negotiation") == Some("direct");
        if direct && transport == Transport::UnixSocket {
            return Err(
                "option '--ssl-negotiation=direct' is for TCP: give --host and --port, or leave it out".to_owned()
            );
        }
        if direct && matches!(decided.mode, SslMode::Disabled | SslMode::Preferred) {
            return Err(format!(
                "option '--ssl-negotiation=direct' begins with TLS, and the mode is {}: leave one of them out, or give --ssl-mode=REQUIRED \
                 or a stricter one",
                decided.mode
            ));
        }
        Ok(ClientTlsChoice {
            mode: decided.mode,
            options,
            direct,
            sni: text(values, "tls-sni-servername").map(str::to_owned),
            may_remember: decided.may_remember,
            notes: decided.notes,
        })
    }

    /// Decides, without reading any file. The table at the head of [the module](super) says how.
    pub fn decide(values: &Values, transport: Transport) -> Result<Self, String> {
        let has_ca = given(values, &["ssl-ca", "ssl-capath"]);
        let has_fingerprint = given(values, &["ssl-fp", "ssl-fplist"]);
        let verify_flag = values.given_flag("ssl-verify-server-cert");
        let explicit =
            values.text("ssl-mode").map(str::parse::<SslMode>).transpose().map_err(|error| error.to_string())?;
        let local = transport == Transport::UnixSocket;

        if let Some(off) =
            values.occurrences("ssl").find(|occurrence| matches!(occurrence.given, OptionValue::Flag(false)))
        {
            // The note shows the option as written: `--ssl` needs the value 0 to switch TLS off, `--skip-ssl` and `--disable-ssl` need
            // none.
            let value = if off.written.ends_with("-ssl") && off.written != "--ssl" { "" } else { "=0" };
            return Ok(Self::disabled(overridden(values, &format!("'{}{value}' {}", off.written, off.origin), "ssl")));
        }
        let mode = match (explicit, verify_flag) {
            (Some(SslMode::Disabled), _) => {
                return Ok(Self::disabled(overridden(values, "--ssl-mode=DISABLED", "ssl-mode")));
            }
            (Some(SslMode::VerifyIdentity), Some(false)) => SslMode::VerifyCa,
            (Some(_) | None, Some(true)) => SslMode::VerifyIdentity,
            (Some(SslMode::Preferred), _) if local => return Ok(Self::disabled(Vec::new())),
            (Some(mode), _) => mode,
            (None, _) if local && !is_asked_for(values) => return Ok(Self::disabled(Vec::new())),
            (None, _) if has_fingerprint => SslMode::Required,
            (None, _) if has_ca => SslMode::VerifyCa,
            (None, Some(false)) => SslMode::Required,
            (None, None) => SslMode::VerifyIdentity,
        };
        let mut notes = Vec::new();
        let demands_both =
            has_fingerprint && has_ca && values.has_option("ssl-fp-and-ca") && values.flag("ssl-fp-and-ca");
        let verify = match mode {
            _ if demands_both => Verify::CaAndFingerprint { identity: mode == SslMode::VerifyIdentity },
            _ if has_fingerprint => Verify::Fingerprint,
            SslMode::VerifyCa if has_ca => Verify::Ca,
            SslMode::VerifyIdentity if has_ca => Verify::CaAndIdentity,
            SslMode::VerifyIdentity => Verify::SystemRoots,
            SslMode::VerifyCa => {
                return Err("CA certificate is required if ssl-mode is VERIFY_CA: give --ssl-ca or --ssl-capath, \
                    or use --ssl-mode=VERIFY_IDENTITY to verify by the system's roots"
                    .to_owned());
            }
            SslMode::Disabled | SslMode::Preferred | SslMode::Required => Verify::Nothing,
        };
        if verify == Verify::Nothing && (has_ca || explicit.is_none()) {
            notes.push(
                "no verification of server certificate will be done. Use --ssl-mode=VERIFY_CA or VERIFY_IDENTITY."
                    .to_owned(),
            );
        }
        let may_remember = verify == Verify::SystemRoots && explicit.is_none() && verify_flag.is_none();
        Ok(Self { mode, verify, may_remember, notes })
    }

    const fn disabled(notes: Vec<String>) -> Self {
        Self { mode: SslMode::Disabled, verify: Verify::Nothing, may_remember: false, notes }
    }

    fn load(&self, values: &Values) -> Result<ClientOptions, String> {
        let trust = match self.verify {
            Verify::Nothing => Trust::NoVerification,
            Verify::Ca => Trust::Ca,
            Verify::CaAndIdentity => Trust::CaAndIdentity,
            Verify::SystemRoots => Trust::SystemRoots { roots: system_roots(), known: Vec::new() },
            Verify::Fingerprint => Trust::Fingerprint(fingerprints(values)?),
            Verify::CaAndFingerprint { identity } => {
                Trust::CaAndFingerprint { identity, accepted: fingerprints(values)? }
            }
        };
        let read = |option: &'static str| text(values, option).map(|path| files::read(option, path)).transpose();
        let both = |file: &'static str, directory: &'static str, marker| {
            files::read_both((file, text(values, file)), (directory, text(values, directory)), marker)
        };
        // The CA's file is read only if the mode uses it, as in MySQL.
        let ca = match self.verify {
            Verify::Ca | Verify::CaAndIdentity | Verify::CaAndFingerprint { .. } => {
                both("ssl-ca", "ssl-capath", files::CERTIFICATE)?
            }
            _ => Vec::new(),
        };
        let own = |option: &str| text(values, option).map(str::to_owned);
        Ok(ClientOptions {
            ca,
            crls: both("ssl-crl", "ssl-crlpath", files::CRL)?,
            cert: read("ssl-cert")?,
            key: read("ssl-key")?,
            passphrase: values
                .bytes("ssl-passphrase")
                .filter(|text| !text.is_empty())
                .map(files::passphrase)
                .transpose()?,
            ciphers: own("ssl-cipher"),
            ciphersuites: own("tls-ciphersuites"),
            versions: own("tls-version"),
            key_log: key_log::key_log()?,
            ..ClientOptions::new(provider(), trust)
        })
    }
}

/// The text of an option; an empty text counts as not given, as in MySQL.
fn text<'a>(values: &'a Values, option: &str) -> Option<&'a str> {
    values.text(option).filter(|text| !text.is_empty())
}

fn given(values: &Values, options: &[&str]) -> bool {
    options.iter().any(|option| text(values, option).is_some())
}

/// Whether any option requests TLS where it would not be used otherwise.
fn is_asked_for(values: &Values) -> bool {
    CLIENT.iter().any(|spec| match spec.name() {
        "ssl-verify-server-cert" => values.given_flag(spec.name()) == Some(true),
        "ssl" => values.is_given(spec.name()),
        // When TLS begins is no wish for it.
        "ssl-negotiation" => false,
        name => text(values, name).is_some(),
    })
}

/// The note that other SSL options have no effect; empty where none is given.
fn overridden(values: &Values, by: &str, but: &str) -> Vec<String> {
    let others = CLIENT.iter().filter(|spec| spec.name() != but && values.is_given(spec.name()));
    let others: Vec<String> = others.map(|spec| format!("--{}", spec.name())).collect();
    if others.is_empty() {
        return Vec::new();
    }
    vec![format!("TLS is off: {by} overrides {}", others.join(", "))]
}

fn fingerprints(values: &Values) -> Result<Vec<Fingerprint>, String> {
    let sha1 = values.has_option("ssl-fp-sha1") && values.flag("ssl-fp-sha1");
    let parse = |option: &str, text: &str| {
        let parsed = if sha1 { Fingerprint::parse_also_sha1(text) } else { text.parse() };
        parsed.map_err(|error| format!("option '--{option}': {error}"))
    };
    let mut all = Vec::new();
    if let Some(fingerprint) = text(values, "ssl-fp") {
        all.push(parse("ssl-fp", fingerprint)?);
    }
    if let Some(path) = text(values, "ssl-fplist") {
        let file = files::read("ssl-fplist", path)?;
        let list = String::from_utf8_lossy(&file.pem);
        for line in list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            all.push(parse("ssl-fplist", line)?);
        }
    }
    Ok(all)
}

/// The operating system's roots; unreadable ones count as absent.
fn system_roots() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

#[cfg(test)]
mod tests {
    use super::Verify::{Ca, CaAndIdentity, Nothing, SystemRoots};
    use super::*;
    use crate::{Environment, Outcome, Program};
    use SslMode::{Disabled, Preferred, Required, VerifyCa, VerifyIdentity};
    use sealwire_core::tls::NamedPem;

    const PROGRAM: Program = Program {
        name: "sealwire",
        version: "1.0",
        usage: "",
        groups: &["client"],
        other_groups: &[],
        tables: &[CLIENT],
        arguments: 0,
    };

    fn values(line: &str) -> Values {
        match PROGRAM.parse(line.split_whitespace(), &Environment::default()) {
            Ok(Outcome::Run(values)) => values,
            other => panic!("{line} gave {other:?}"),
        }
    }

    fn decide(line: &str, transport: Transport) -> (SslMode, Verify, bool, usize) {
        let decided = ClientTlsOptions::decide(&values(line), transport).unwrap();
        (decided.mode, decided.verify, decided.may_remember, decided.notes.len())
    }

    const FP: &str = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";

    #[test]
    fn tls_that_begins_at_once_needs_tcp_and_a_mode_with_tls() {
        let resolve = |line: &str, transport| {
            let line = format!("--ssl-negotiation=direct {line}");
            ClientTlsOptions::resolve(&values(&line), transport).map(|choice| choice.direct)
        };
        assert_eq!(resolve("", Transport::Tcp), Ok(true));
        assert_eq!(resolve("--ssl-mode=REQUIRED", Transport::Tcp), Ok(true));
        for line in ["--skip-ssl", "--ssl-mode=DISABLED", "--ssl-mode=PREFERRED"] {
            let error = resolve(line, Transport::Tcp).unwrap_err();
            assert!(error.starts_with("option '--ssl-negotiation=direct'") && error.contains("--ssl-mode"), "{error}");
        }
        let error = resolve("", Transport::UnixSocket).unwrap_err();
        assert!(error.contains("is for TCP"), "{error}");
        let starttls = ClientTlsOptions::resolve(&values("--ssl-negotiation=starttls"), Transport::UnixSocket).unwrap();
        assert!(!starttls.direct && starttls.mode == Disabled);
    }

    #[test]
    fn the_policy_over_tcp() {
        for (line, mode, verify, may_remember, notes) in [
            ("", VerifyIdentity, SystemRoots, true, 0),
            ("--ssl", VerifyIdentity, SystemRoots, true, 0),
            ("--tls-version=TLSv1.3", VerifyIdentity, SystemRoots, true, 0),
            ("--ssl-cert=c --ssl-key=k", VerifyIdentity, SystemRoots, true, 0),
            ("--ssl-ca=x", VerifyCa, Ca, false, 0),
            ("--ssl-capath=x", VerifyCa, Ca, false, 0),
            ("--ssl-ca=", VerifyIdentity, SystemRoots, true, 0),
            ("--ssl-ca=x --ssl-verify-server-cert", VerifyIdentity, CaAndIdentity, false, 0),
            ("--ssl-verify-server-cert", VerifyIdentity, SystemRoots, false, 0),
            ("--skip-ssl-verify-server-cert", Required, Nothing, false, 1),
            ("--skip-ssl-verify-server-cert --ssl-ca=x", VerifyCa, Ca, false, 0),
            ("--ssl-mode=PREFERRED", Preferred, Nothing, false, 0),
            ("--ssl-mode=REQUIRED", Required, Nothing, false, 0),
            ("--ssl-mode=REQUIRED --ssl-ca=x", Required, Nothing, false, 1),
            ("--ssl-mode=REQUIRED --ssl-verify-server-cert", VerifyIdentity, SystemRoots, false, 0),
            ("--ssl-mode=verify_ca --ssl-ca=x", VerifyCa, Ca, false, 0),
            ("--ssl-mode=VERIFY_IDENTITY", VerifyIdentity, SystemRoots, false, 0),
            ("--ssl-mode=VERIFY_IDENTITY --ssl-ca=x", VerifyIdentity, CaAndIdentity, false, 0),
            ("--ssl-mode=VERIFY_IDENTITY --ssl-ca=x --ssl-verify-server-cert=0", VerifyCa, Ca, false, 0),
            ("--ssl-mode=DISABLED", Disabled, Nothing, false, 0),
            ("--ssl-mode=DISABLED --ssl-mode=REQUIRED", Required, Nothing, false, 0),
        ] {
            assert_eq!(decide(line, Transport::Tcp), (mode, verify, may_remember, notes), "{line}");
        }
    }

    #[test]
    fn a_fingerprint_stands_for_ca_and_name() {
        for (line, mode) in [("", Required), ("--ssl-ca=x", Required), ("--ssl-mode=VERIFY_CA", VerifyCa)] {
            let decided = decide(&format!("--ssl-fp={FP} {line}"), Transport::Tcp);
            assert_eq!(decided, (mode, Verify::Fingerprint, false, 0), "{line}");
        }
    }

    #[test]
    fn off_wins_wherever_it_stands() {
        let others = "--ssl --ssl-ca=x --ssl-mode=VERIFY_IDENTITY --ssl-verify-server-cert --ssl-cipher=y";
        for off in ["--ssl=0", "--skip-ssl", "--disable-ssl", "--ssl=off", "--loose-skip-ssl"] {
            for line in [format!("{off} {others}"), format!("{others} {off}")] {
                let decided = ClientTlsOptions::decide(&values(&line), Transport::Tcp).unwrap();
                assert_eq!(decided.mode, Disabled, "{line}");
                let note = &decided.notes[0];
                let shown = off.replace("=off", "=0");
                assert!(
                    note.starts_with(&format!(
                        "TLS is off: '{shown}' on the command line overrides --ssl-mode, --ssl-ca, --ssl-cipher"
                    )),
                    "{note}"
                );
            }
            assert_eq!(
                decide(off, Transport::Tcp),
                (Disabled, Nothing, false, 0),
                "nothing overridden, nothing to say"
            );
        }
    }

    #[test]
    fn off_in_an_option_file_wins_over_the_command_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("my.cnf");
        std::fs::write(&path, "[client]\nskip-ssl\n").unwrap();
        let read = values(&format!("--defaults-file={} --ssl-ca=x", path.display()));
        let decided = ClientTlsOptions::decide(&read, Transport::Tcp).unwrap();
        let note = format!("TLS is off: '--skip-ssl' in {}, line 2 overrides --ssl-ca", path.display());
        assert_eq!((decided.mode, decided.notes), (Disabled, vec![note]));
    }

    #[test]
    fn a_unix_socket_is_plain_unless_asked() {
        for line in ["", "--ssl-mode=PREFERRED", "--skip-ssl-verify-server-cert", "--ssl-ca="] {
            assert_eq!(decide(line, Transport::UnixSocket).0, Disabled, "{line}");
        }
        for line in ["--ssl", "--ssl-ca=x", "--ssl-mode=REQUIRED", "--ssl-cert=c", "--ssl-verify-server-cert"] {
            assert_ne!(decide(line, Transport::UnixSocket).0, Disabled, "{line}");
        }
    }

    #[test]
    fn verify_ca_needs_a_ca() {
        for line in ["--ssl-mode=VERIFY_CA", "--ssl-mode=VERIFY_IDENTITY --skip-ssl-verify-server-cert"] {
            let error = ClientTlsOptions::decide(&values(line), Transport::Tcp).unwrap_err();
            assert!(error.starts_with("CA certificate is required if ssl-mode is VERIFY_CA"), "{error}");
        }
    }

    #[test]
    fn files_are_read_and_named() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        std::fs::write(at("ca.pem"), "-----BEGIN CERTIFICATE-----").unwrap();
        std::fs::write(at("list"), format!("# known\n{FP}\n\n{FP}\n")).unwrap();

        let choice = ClientTlsOptions::resolve(&values(&format!("--ssl-ca={}", at("ca.pem"))), Transport::Tcp).unwrap();
        let ca = NamedPem::new(at("ca.pem"), "-----BEGIN CERTIFICATE-----").of_option("ssl-ca");
        assert_eq!(choice.options.unwrap().ca, [ca]);

        let resolve = |line: String| ClientTlsOptions::resolve(&values(&line), Transport::Tcp);
        let options = resolve(format!("--ssl-fplist={} --ssl-fp={FP}", at("list"))).unwrap().options.unwrap();
        assert!(matches!(options.trust, Trust::Fingerprint(all) if all.len() == 3));

        for (line, expected) in [
            (format!("--ssl-ca={}", at("none.pem")), "option '--ssl-ca': can't read '"),
            (format!("--ssl-cert={}", at("none.pem")), "option '--ssl-cert': can't read '"),
            ("--ssl-fp=abc".to_owned(), "option '--ssl-fp': the fingerprint 'abc' "),
            (format!("--ssl-crlpath={}", directory.path().display()), "option '--ssl-crlpath': can't read '"),
        ] {
            let error = resolve(line).err().unwrap();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_remembered_fingerprint_counts_only_where_one_may_be() {
        let known = |line: &str| {
            let mut choice = ClientTlsOptions::resolve(&values(line), Transport::Tcp).unwrap();
            choice.add_known([FP.parse().unwrap()]);
            matches!(choice.options.unwrap().trust, Trust::SystemRoots { known, .. } if known.len() == 1)
        };
        assert!(known("--ssl"));
        assert!(!known("--ssl-mode=VERIFY_IDENTITY"));
    }
}
