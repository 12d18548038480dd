//! Says in plain words what is wrong with certificates, keys and revocation lists.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sealwire_core::printable;
use sealwire_core::secret::Secret;
use sealwire_core::tls::{
    CertificateProblem, ClientContext, ClientOptions, NamedPem, ServerContext, ServerOptions, Trust, date_text,
    verify_issued_by,
};

use super::CertsError;
use super::list::List;
use super::parts::{CertificatePart, KeyPart, ListPart, Parts, Role};
use super::random::hex;
use sealwire_net::clock::since_epoch;
use sealwire_net::provider::provider;
use sealwire_net::regular_file::{self, LARGE};

/// A certificate that expires within this time, in seconds, is reported.
const SOON: u64 = 30 * 24 * 60 * 60;

/// A remark about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// The remark, a sentence without its end.
    pub text: String,
    /// Whether the remark is a problem, or only information.
    pub is_problem: bool,
}

/// The remarks of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The remarks in the order of the files; the first one for each file says what the file contains.
    pub findings: Vec<Finding>,
    /// How many certificates are revoked without being a problem, because no server uses them.
    pub revoked: usize,
}

impl Report {
    /// The problems; empty where all is fine.
    pub fn problems(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_problem)
    }

    fn add(&mut self, path: &Path, text: impl Into<String>) {
        self.findings.push(Finding { path: path.to_owned(), text: text.into(), is_problem: false });
    }

    fn problem(&mut self, path: &Path, text: impl Into<String>) {
        self.findings.push(Finding { path: path.to_owned(), text: text.into(), is_problem: true });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { path, text, is_problem } in &self.findings {
            let wrong = if *is_problem { "WRONG: " } else { "" };
            // The issuer of a certificate chooses the names in it, so control characters are escaped.
            writeln!(f, "{}: {wrong}{}", printable::line(&path.display().to_string()), printable::line(text))?;
        }
        match self.problems().count() {
            0 if self.revoked > 0 => writeln!(f, "no problems, except for revoked certificates: {}", self.revoked),
            0 => writeln!(f, "no problems"),
            1 => writeln!(f, "1 problem"),
            count => writeln!(f, "{count} problems"),
        }
    }
}

/// The files of a directory that may hold certificates, keys or revocation lists, in the order of their names: `.pem`, `.crt`, `.cer`,
/// `.key` and `.crl` files with such a PEM block.
pub fn files_of(directory: &Path) -> Result<Vec<PathBuf>, CertsError> {
    let entries = fs::read_dir(directory).map_err(|error| CertsError::io("read", directory, error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| CertsError::io("read", directory, error))?.path();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !["pem", "crt", "cer", "key", "crl"].contains(&extension) || !path.is_file() {
            continue;
        }
        let text = regular_file::read(&path, LARGE).map_err(|error| CertsError::io("read", &path, error))?;
        if Parts::are_in(&text) {
            files.push(path);
        }
    }
    if files.is_empty() {
        let text =
            format!("there are no certificates, keys or revocation lists in PEM format in '{}'", directory.display());
        return Err(CertsError::Impossible(text));
    }
    files.sort();
    Ok(files)
}

/// Reads the files, and checks each certificate, key and revocation list by itself and all of them as a set, as of `now`.
pub fn check(files: &[PathBuf], passphrase: Option<&Secret>, now: SystemTime) -> Result<Report, CertsError> {
    let mut report = Report::default();
    let mut parts = Parts::default();
    let mut contents: Vec<(&Path, NamedPem)> = Vec::new();
    for path in files {
        let content = regular_file::read(path, LARGE).map_err(|error| CertsError::io("read", path, error))?;
        let file = NamedPem::new(path.display().to_string(), content);
        for problem in parts.add(path, &file, passphrase) {
            report.problem(path, problem);
        }
        contents.push((path, file));
    }
    let set = Set { parts: &parts, now: since_epoch(now).as_secs() };
    for path in files {
        for certificate in parts.certificates.iter().filter(|certificate| certificate.path == *path) {
            set.certificate(certificate, &mut report);
        }
        for key in parts.keys.iter().filter(|key| key.path == *path) {
            set.key(key, &mut report);
        }
        for list in parts.lists.iter().filter(|list| list.path == *path) {
            set.list(list, &mut report);
        }
    }
    set.use_them(&contents, passphrase, &mut report);
    Ok(report)
}

/// All parts that were read, so that one part can be checked against the others.
struct Set<'a> {
    parts: &'a Parts,
    now: u64,
}

impl Set<'_> {
    fn certificate(&self, certificate: &CertificatePart, report: &mut Report) {
        let CertificatePart { path, info, .. } = certificate;
        let role = self.role(certificate);
        report.add(path, describe(certificate, role));
        let mut wrong = |text: String| report.problem(path, text);
        if self.now > info.not_after {
            wrong(format!("it expired at {}", date_text(info.not_after)));
        }
        if self.now < info.not_before {
            wrong(format!("it is not valid before {}", date_text(info.not_before)));
        }
        if info.version == 1 {
            wrong("it is X.509 version 1, which many programs refuse; issue a version 3 certificate".to_owned());
        }
        if let Some(bits) =
            info.key.strip_prefix("RSA ").and_then(|bits| bits.parse::<u32>().ok()).filter(|bits| *bits < 2048)
        {
            wrong(format!("its RSA key has {bits} bits, and fewer than 2048 are too weak"));
        }
        if let Some(hash) = certificate.weak_hash {
            wrong(format!("it is signed with {hash}, which can be forged"));
        }
        match role {
            Role::Ca if info.version > 1 && certificate.ca != Some(true) => {
                wrong("it is used as a CA but lacks the CA flag (basicConstraints CA:TRUE)".to_owned());
            }
            Role::Ca => {}
            Role::Server | Role::Client => self.leaf(certificate, role, &mut wrong),
        }
        self.issuer(certificate, report);
        self.revocation(certificate, role, report);
        if (info.not_after.saturating_sub(SOON)..=info.not_after).contains(&self.now) {
            report.add(path, format!("it expires soon, at {}", date_text(info.not_after)));
        }
    }

    fn leaf(&self, certificate: &CertificatePart, role: Role, wrong: &mut impl FnMut(String)) {
        if certificate.ca == Some(true) {
            wrong("it has the CA flag, so that others refuse it as a server's or client's own certificate".to_owned());
        }
        if role == Role::Server && certificate.info.san.is_empty() {
            wrong(
                "it names no host (no subjectAltName); many clients that check the host's name refuse it, --ssl-mode=VERIFY_CA accepts it"
                    .to_owned(),
            );
        }
        let (may, other) = match role {
            Role::Client => (certificate.for_client, "servers"),
            Role::Server | Role::Ca => (certificate.for_server, "clients"),
        };
        if !may {
            wrong(format!("its extended key usage allows it for {other} or other purposes only"));
        }
        if self.parts.certificates.iter().any(|other| {
            other.der != certificate.der
                && other.info.subject == certificate.info.subject
                && self.role(other) == Role::Ca
        }) {
            wrong(
                "it has the same name as the CA, so that no chain can be built; give each another common name"
                    .to_owned(),
            );
        }
    }

    /// Checks whether the CA that the certificate names is among the files and has signed it.
    fn issuer(&self, certificate: &CertificatePart, report: &mut Report) {
        let CertificatePart { path, info, .. } = certificate;
        let named = || self.parts.certificates.iter().filter(|other| other.info.subject == info.issuer);
        let algorithms = provider().signature_verification_algorithms;
        let verdicts: Vec<_> = named().map(|ca| verify_issued_by(&certificate.der, &ca.der, &algorithms)).collect();
        // A weak key or hash is not repeated here, because it is reported as a problem of its own.
        let is_open = |verdict: &Result<(), CertificateProblem>| {
            matches!(verdict, Ok(()) | Err(CertificateProblem::UnsupportedAlgorithm { .. }))
        };
        if verdicts.iter().any(is_open) {
            return;
        }
        if !verdicts.is_empty() {
            report.problem(
                path,
                format!("it is not signed by the CA given, although that has its issuer's name {}: a wrong CA, or one with a new key", info.issuer),
            );
        } else if self.parts.certificates.iter().any(|other| self.role(other) == Role::Ca) {
            report.problem(
                path,
                format!("the wrong CA: it was issued by {}, and that is none of the CAs given", info.issuer),
            );
        } else {
            report.add(
                path,
                format!("its issuer {} is not among the files, so that its signature was not checked", info.issuer),
            );
        }
    }

    /// Checks whether a revocation list of the certificate's issuer has it.
    fn revocation(&self, certificate: &CertificatePart, role: Role, report: &mut Report) {
        let CertificatePart { path, info, serial, .. } = certificate;
        let Some(serial) = serial else { return };
        for ListPart { path: list_path, list } in self.parts.lists.iter().filter(|part| part.list.issuer == info.issuer)
        {
            let Some(entry) = list.entry(serial) else { continue };
            let text = format!("it is revoked since {}, as '{}' says", date_text(entry.since), list_path.display());
            // A revoked client certificate is often kept with the others; a revoked server certificate is in use.
            if role == Role::Client {
                report.add(path, text);
                report.revoked += 1;
            } else {
                report.problem(path, text);
            }
        }
    }

    fn list(&self, ListPart { path, list }: &ListPart, report: &mut Report) {
        let number = list.number.as_deref().map_or_else(String::new, |number| format!(", number {}", decimal(number)));
        let next = match list.next_update {
            Some(next) => format!("next update {}", date_text(next)),
            None => "without a next update".to_owned(),
        };
        report.add(
            path,
            format!("revocation list of {}{number}, revoked certificates: {}, {next}", list.issuer, list.entries.len()),
        );
        if let Some(next) = list.next_update.filter(|next| *next < self.now) {
            report.problem(
                path,
                format!(
                    "it is out of date since {}, so that a server with it refuses every client certificate of that CA: make the next one \
                     with 'sealwire-certs --ca-dir=DIRECTORY --renew-crl', or get it from that CA",
                    date_text(next)
                ),
            );
        }
        if list.is_partial {
            report.problem(path, "it has a critical extension (a delta or partial list), and no server here takes it");
        }
        if list.this_update > self.now {
            report.problem(path, format!("it is not valid before {}", date_text(list.this_update)));
        }
        self.list_issuer(path, list, report);
    }

    /// Checks whether the CA that the list names is among the files and has signed it.
    fn list_issuer(&self, path: &Path, list: &List, report: &mut Report) {
        let is_ca = |one: &&CertificatePart| self.role(one) == Role::Ca;
        let mut named = self.parts.certificates.iter().filter(|one| one.info.subject == list.issuer).peekable();
        if named.peek().is_some() {
            let algorithms = provider().signature_verification_algorithms;
            let signed = named.filter(|ca| verify_issued_by(&list.der, &ca.der, &algorithms).is_ok());
            // A renewed CA may be among the files with both certificates, of which the new one has the right.
            match signed.map(|ca| ca.info.may_sign_lists).reduce(|any, may| any || may) {
                None => report.problem(path, "it is not signed by the CA given, although that has its issuer's name"),
                Some(false) => report.problem(
                    path,
                    format!(
                        "the key usage of its CA {} does not allow the CA to sign it (cRLSign), so that a server with it refuses every client \
                         certificate of that CA: --renew-ca renews the CA with that usage",
                        list.issuer
                    ),
                ),
                Some(true) => {}
            }
        } else if self.parts.certificates.iter().any(|one| is_ca(&one)) {
            report.problem(path, format!("it is of {}, and that is none of the CAs given", list.issuer));
        }
    }

    /// Loads the parts as the programs do, because an error there would stop the programs.
    fn use_them(&self, contents: &[(&Path, NamedPem)], passphrase: Option<&Secret>, report: &mut Report) {
        let content = |path: &Path| contents.iter().find(|(other, _)| *other == path).map(|(_, file)| file.clone());
        for ca in self.parts.certificates.iter().filter(|one| one.position == 0 && self.role(one) == Role::Ca) {
            let options = ClientOptions {
                ca: content(&ca.path).into_iter().collect(),
                ..ClientOptions::new(provider(), Trust::Ca)
            };
            if let Err(error) = ClientContext::build(options) {
                report.problem(&ca.path, format!("it can't be used as --ssl-ca: {error}"));
            }
        }
        for key in self.parts.keys.iter().filter(|key| key.public.is_some()) {
            let is_its_own = |one: &&CertificatePart| {
                one.position == 0 && key.is_paired_with(one) && key.public.as_ref() == Some(&one.public)
            };
            let Some(certificate) = self.parts.certificates.iter().find(is_its_own) else { continue };
            let options = ServerOptions {
                cert: content(&certificate.path),
                key: content(&key.path),
                passphrase: passphrase.cloned(),
                ..ServerOptions::new(provider())
            };
            if let Err(error) = ServerContext::build(options) {
                report.problem(&certificate.path, format!("no server would start with it: {error}"));
            }
        }
    }

    fn key(&self, key: &KeyPart, report: &mut Report) {
        let KeyPart { path, .. } = key;
        if let Some(mode) = key.open_mode {
            report.problem(
                path,
                format!("the private key is open to others (mode {mode:04o}): chmod 600 '{}'", path.display()),
            );
        }
        let Some(public) = &key.public else {
            report.add(
                path,
                "a private key that is encrypted; give its passphrase with --ssl-passphrase or --passphrase-file to have it checked",
            );
            return;
        };
        let fitting = self.parts.certificates.iter().find(|certificate| certificate.public == *public);
        let paired = self
            .parts
            .certificates
            .iter()
            .find(|certificate| certificate.position == 0 && key.is_paired_with(certificate));
        match (fitting, paired) {
            (_, Some(paired)) if paired.public != *public => {
                let instead = fitting.map_or_else(String::new, |other| format!(", but of '{}'", other.path.display()));
                report.problem(path, format!("the private key is not that of '{}'{instead}", paired.path.display()));
            }
            (Some(certificate), _) => report.add(path, format!("the private key of '{}'", certificate.path.display())),
            // This key is of MySQL's RSA pair for sha256_password, which has no certificate.
            (None, _) if path.file_name().is_some_and(|name| name == "private_key.pem") => {
                report.add(path, "a private key without certificate");
            }
            (None, _) if self.parts.certificates.is_empty() => report.add(path, "a private key"),
            (None, _) => report.problem(path, "the private key belongs to none of the certificates given"),
        }
    }

    /// The use of a certificate: by its file's name, then by its contents, then by whether others name it as issuer.
    fn role(&self, certificate: &CertificatePart) -> Role {
        let name = certificate.path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase();
        if certificate.position == 0 && name.contains("server") {
            return Role::Server;
        }
        if certificate.position == 0 && name.contains("client") {
            return Role::Client;
        }
        let issued_others = self
            .parts
            .certificates
            .iter()
            .any(|other| other.der != certificate.der && other.info.issuer == certificate.info.subject);
        let is_bare_root = certificate.info.subject == certificate.info.issuer && certificate.info.san.is_empty();
        if certificate.ca == Some(true) || issued_others || is_bare_root {
            Role::Ca
        } else if certificate.for_client && !certificate.for_server {
            Role::Client
        } else {
            Role::Server
        }
    }
}

/// A big-endian number: in decimal where it is short, else in hexadecimal.
fn decimal(number: &[u8]) -> String {
    if number.len() > 8 {
        return format!("0x{}", hex(number));
    }
    number.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)).to_string()
}

fn describe(certificate: &CertificatePart, role: Role) -> String {
    let info = &certificate.info;
    let hosts = if info.san.is_empty() { String::new() } else { format!(" for {}", info.san.join(", ")) };
    format!("{role} {}{hosts}, {}, valid until {}", info.subject, info.key, date_text(info.not_after))
}

#[cfg(test)]
mod tests {
    use super::super::{KeyKind, Options, generate};
    use super::*;
    use std::time::Duration;

    const DAY: Duration = Duration::from_secs(86_400);

    fn texts(files: &[&PathBuf], now: SystemTime) -> Vec<String> {
        let files: Vec<PathBuf> = files.iter().map(|path| (*path).clone()).collect();
        check(&files, None, now).unwrap().problems().map(|problem| problem.text.clone()).collect()
    }

    #[test]
    fn what_we_make_is_fine_until_it_expires() {
        for key in [KeyKind::EcdsaP256, KeyKind::Rsa(2048)] {
            let directory = tempfile::tempdir().unwrap();
            let options = Options { key, days: 10, ..Options::default() };
            generate(directory.path(), &options).unwrap();
            let files = files_of(directory.path()).unwrap();
            assert_eq!(files.len(), 6);
            let report = check(&files, None, SystemTime::now()).unwrap();
            assert_eq!(report.problems().next(), None, "{report}");
            let text = report.to_string();
            assert!(text.contains("server /CN=localhost for localhost, 127.0.0.1, ::1, "), "{text}");
            assert!(text.contains("it expires soon"), "{text}");
            assert!(text.ends_with("no problems\n"), "{text}");
            let late = check(&files, None, SystemTime::now() + 11 * DAY).unwrap();
            assert_eq!(
                late.problems().filter(|problem| problem.text.starts_with("it expired at ")).count(),
                3,
                "{late}"
            );
            let early = check(&files, None, SystemTime::now() - DAY).unwrap();
            assert_eq!(
                early.problems().filter(|problem| problem.text.starts_with("it is not valid before ")).count(),
                3,
                "{early}"
            );
        }
    }

    #[test]
    fn parts_of_two_sets_do_not_go_together() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let a = generate(one.path(), &Options::default()).unwrap();
        let b = generate(two.path(), &Options::default()).unwrap();
        let now = SystemTime::now();
        let found = texts(&[&b.ca, &a.server_cert, &a.server_key], now);
        assert!(
            found.len() == 1 && found[0].starts_with("the wrong CA: it was issued by /CN=Sealwire CA "),
            "{found:?}"
        );
        let found = texts(&[&a.ca, &a.server_cert, &b.client_key], now);
        assert_eq!(found, ["the private key belongs to none of the certificates given"]);
        fs::copy(&a.client_key, &a.server_key).unwrap();
        let found = texts(&[&a.ca, &a.server_cert, &a.server_key, &a.client_cert], now);
        let expected = format!(
            "the private key is not that of '{}', but of '{}'",
            a.server_cert.display(),
            a.client_cert.display()
        );
        assert_eq!(found, [expected]);
    }

    #[test]
    fn what_would_stop_a_server_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let files = generate(directory.path(), &Options::default()).unwrap();
        let now = SystemTime::now();
        let all = [&files.ca, &files.server_cert, &files.server_key];
        assert_eq!(texts(&all, now), Vec::<String>::new());
        let whole = fs::read_to_string(&files.server_cert).unwrap();
        let half = &fs::read_to_string(&files.ca).unwrap()[..200];
        fs::write(&files.server_cert, format!("{whole}{half}")).unwrap();
        let found = texts(&all, now);
        assert!(found.iter().any(|text| text.contains("is cut short or damaged: 2 blocks begin in it")), "{found:?}");
    }

    #[test]
    fn a_file_without_pem_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.pem");
        fs::write(&path, "nothing").unwrap();
        assert_eq!(
            texts(&[&path], SystemTime::now()),
            ["it holds neither a certificate nor a private key nor a revocation list in PEM format"]
        );
        assert!(files_of(directory.path()).unwrap_err().to_string().contains("there are no certificates"));
        assert!(
            check(&[directory.path().join("none")], None, SystemTime::now())
                .unwrap_err()
                .to_string()
                .contains("can't read")
        );
    }

    #[cfg(unix)]
    #[test]
    fn an_open_key_is_a_problem() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let files = generate(directory.path(), &Options::default()).unwrap();
        for (mode, is_problem) in [(0o600, false), (0o640, false), (0o644, true), (0o660, true), (0o400, false)] {
            fs::set_permissions(&files.server_key, fs::Permissions::from_mode(mode)).unwrap();
            let found = texts(&[&files.server_cert, &files.server_key], SystemTime::now());
            assert_eq!(!found.is_empty(), is_problem, "{mode:o} {found:?}");
        }
    }
}
