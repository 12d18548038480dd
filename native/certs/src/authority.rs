//! An existing CA: issues further certificates, renews the server's, and revokes certificates.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use der::Decode as _;
use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use sealwire_core::secret::Secret;
use sealwire_core::tls::{CertificateInfo, NamedPem, date_text, verify_issued_by};
use time::OffsetDateTime;
use x509_cert::Certificate;
use x509_cert::ext::pkix::{BasicConstraints, SubjectKeyIdentifier};

use super::host::check_host;
use super::list::{Entry, List, serial, significant};
use super::make::{self, Leaf, Pair, client_params, impossible, server_params};
use super::place::{KEY_MODE, PUBLIC_MODE, create_all, make_directory, replace, replace_pair};
use super::{CertsError, Files, KeyKind, Options};
use sealwire_net::clock::since_epoch;
use sealwire_net::provider::provider;
use sealwire_net::regular_file::{self, LARGE};

/// A CA's certificate and key: `ca.pem` and `ca-key.pem` of a directory.
#[derive(Debug)]
pub struct Authority {
    path: PathBuf,
    der: Vec<u8>,
    certificates: usize,
    info: CertificateInfo,
    issuer: Issuer<'static, KeyPair>,
    key_identifier: KeyIdMethod,
    /// The lock on the CA, held as long as this value lives, so that of two concurrent revocations neither overwrites the other's entries.
    _lock: File,
}

/// The parameters of a certificate to issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuance {
    /// The kind of the key; `None` for the kind of the CA's key.
    pub key: Option<KeyKind>,
    /// How long the certificate is valid, in days; it never outlives the CA.
    pub days: u32,
}

impl Default for Issuance {
    fn default() -> Self {
        Self { key: None, days: Options::default().days }
    }
}

/// An issued certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The file of the certificate.
    pub certificate: PathBuf,
    /// The file of its key.
    pub key: PathBuf,
    /// The contents of the certificate.
    pub info: CertificateInfo,
    /// Whether the certificate expires together with the CA, and so perhaps earlier than requested.
    pub ends_with_ca: bool,
}

/// A new revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocations {
    /// The list's file.
    pub list: PathBuf,
    /// The requested certificates, and for each the time of its revocation, in seconds since the Unix epoch.
    pub certificates: Vec<(PathBuf, u64)>,
    /// How many certificates the list revokes in all.
    pub revoked: usize,
    /// When the next list is due, in seconds since the Unix epoch.
    pub next_update: u64,
    /// Whether the file held no list before.
    pub is_first: bool,
}

/// How many days a revocation list is valid by default.
pub const LIST_DAYS: u32 = 30;

impl Authority {
    /// Reads the CA in `directory`, and waits until no other process has it open. The passphrase is that of the CA's key, where the key is
    /// encrypted.
    pub fn open(directory: &Path, passphrase: Option<&Secret>) -> Result<Self, CertsError> {
        let authority = Self::open_at_any_time(directory, passphrase)?;
        let now = since_epoch(SystemTime::now()).as_secs();
        if now > authority.info.not_after {
            return Err(CertsError::Impossible(format!(
                "'{}' expired at {}, so that nobody accepts what it issues: renew it with --renew-ca",
                authority.path.display(),
                date_text(authority.info.not_after)
            )));
        }
        Ok(authority)
    }

    /// Does the same as [`open`](Self::open), and accepts an expired CA.
    pub(super) fn open_at_any_time(directory: &Path, passphrase: Option<&Secret>) -> Result<Self, CertsError> {
        let files = Files::in_directory(directory);
        let [certificate, key] = [&files.ca, &files.ca_key].map(|path| read(path));
        let (certificate, key) = (certificate?, key?);
        let lock = File::open(&files.ca_key).map_err(|error| CertsError::io("read", &files.ca_key, error))?;
        lock.lock().map_err(|error| CertsError::io("lock", &files.ca_key, error))?;
        let wrong = |why: String| CertsError::Impossible(format!("'{}' {why}", files.ca.display()));
        let certificates = certificate.certificates().map_err(|error| CertsError::Impossible(error.to_string()))?.len();
        let der = first_certificate(&certificate)?;
        let unreadable = || wrong("holds a certificate that can't be read".to_owned());
        let info = CertificateInfo::from_der(&der).map_err(|_| unreadable())?;
        let parsed = Certificate::from_der(&der).map_err(|_| unreadable())?;
        let content = parsed.tbs_certificate();
        let constraints = content.get_extension::<BasicConstraints>().map_err(|_| unreadable())?;
        if info.version > 1 && !constraints.is_some_and(|(_, constraints)| constraints.ca) {
            return Err(wrong(format!("is the certificate of {}, which is no CA", info.subject)));
        }
        let key = key_pair(&key, passphrase)?;
        let public = content.subject_public_key_info().subject_public_key.raw_bytes();
        if key.public_key_raw() != public {
            return Err(wrong(format!("does not belong to the key in '{}'", files.ca_key.display())));
        }
        let identifier = content.get_extension::<SubjectKeyIdentifier>().map_err(|_| unreadable())?;
        let key_identifier = identifier
            .map_or(KeyIdMethod::Sha256, |(_, identifier)| KeyIdMethod::PreSpecified(identifier.0.into_bytes().into()));
        let issuer = Issuer::from_ca_cert_der(&der.as_slice().into(), key).map_err(impossible)?;
        Ok(Self { path: files.ca, der, certificates, info, issuer, key_identifier, _lock: lock })
    }

    /// The file of the CA's certificate.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    pub(super) const fn info(&self) -> &CertificateInfo {
        &self.info
    }

    pub(super) fn key(&self) -> &KeyPair {
        self.issuer.key()
    }

    /// How many certificates the CA's file holds.
    pub(super) const fn certificates(&self) -> usize {
        self.certificates
    }

    /// Replaces `server-cert.pem` and `server-key.pem` in `directory` by a new certificate with a new key: both, or neither. The
    /// certificate is for `hosts`; if there are none, for the hosts of the replaced certificate.
    pub fn renew_server(&self, directory: &Path, hosts: &[String], issuance: &Issuance) -> Result<Issued, CertsError> {
        let Files { server_cert, server_key, .. } = Files::in_directory(directory);
        let hosts = if server_cert.exists() {
            let old = self.hosts_of(&server_cert)?;
            if hosts.is_empty() { old } else { hosts.to_vec() }
        } else if hosts.is_empty() {
            return Err(CertsError::Impossible(format!(
                "there is no '{}' to renew: give the server's names and addresses with --host, or where it is with --dir",
                server_cert.display()
            )));
        } else {
            hosts.to_vec()
        };
        let options = Options { hosts, days: issuance.days, ..Options::default() };
        make::check(&options)?;
        let pair = self.issue(server_params(&options)?, issuance)?;
        make_directory(directory)?;
        demand_pair(&server_cert, &server_key)?;
        replace_pair((&server_key, &pair.key), (&server_cert, &pair.certificate))?;
        self.issued(pair, server_cert, server_key)
    }

    /// Makes `NAME-cert.pem` and `NAME-key.pem` in `directory`, for a client of that name. Nothing is overwritten.
    pub fn issue_client(&self, directory: &Path, name: &str, issuance: &Issuance) -> Result<Issued, CertsError> {
        let options = Options { client_name: name.to_owned(), days: issuance.days, ..Options::default() };
        make::check(&options)?;
        let stem = file_stem(name);
        let [certificate, key] = ["cert", "key"].map(|kind| directory.join(format!("{stem}-{kind}.pem")));
        if let Some(path) = [&certificate, &key].into_iter().find(|path| path.symlink_metadata().is_ok()) {
            return Err(CertsError::Exists(path.clone()));
        }
        let pair = self.issue(client_params(&options)?, issuance)?;
        make_directory(directory)?;
        create_all(&[(&key, &pair.key, KEY_MODE), (&certificate, &pair.certificate, PUBLIC_MODE)])?;
        self.issued(pair, certificate, key)
    }

    /// Writes the CA's next revocation list, valid for `days`. It has the entries of the list in the file, and the certificates in the
    /// files given. Without certificates the file must hold a list, because an empty list would make revoked certificates count again.
    pub fn revoke(&self, list: &Path, certificates: &[PathBuf], days: u32) -> Result<Revocations, CertsError> {
        let old = self.old_list(list)?;
        if old.is_none() && certificates.is_empty() {
            return Err(CertsError::Impossible(format!(
                "there is no revocation list '{}' to renew, and certificates that it revoked would count again with an empty one: restore \
                 the file, for example from a server that has it as --ssl-crl, or name it with --crl; if the CA never made a list, make an \
                 empty one with --new-crl",
                list.display()
            )));
        }
        self.write_list(list, old.as_ref(), certificates, days)
    }

    /// Writes the CA's first revocation list, valid for `days`, which revokes no certificate. The file must not exist.
    pub fn make_list(&self, list: &Path, days: u32) -> Result<Revocations, CertsError> {
        if self.old_list(list)?.is_some() {
            return Err(CertsError::Impossible(format!(
                "there is a revocation list '{}' already, and certificates that it revokes would count again with an empty one: make the next \
                 list with --renew-crl, or name another file with --crl",
                list.display()
            )));
        }
        self.write_list(list, None, &[], days)
    }

    /// The list in the file, if the file exists.
    fn old_list(&self, list: &Path) -> Result<Option<List>, CertsError> {
        let exists = list.try_exists().map_err(|error| CertsError::io("read", list, error))?;
        exists.then(|| self.read_list(list)).transpose()
    }

    fn write_list(
        &self,
        list: &Path,
        old: Option<&List>,
        certificates: &[PathBuf],
        days: u32,
    ) -> Result<Revocations, CertsError> {
        if days == 0 {
            return Err(CertsError::Impossible(
                "a revocation list must count for one day at least (--crl-days)".to_owned(),
            ));
        }
        if !self.issuer.key_usages().is_empty() && !self.issuer.key_usages().contains(&KeyUsagePurpose::CrlSign) {
            return Err(CertsError::Impossible(format!(
                "the key usage of the CA in '{}' does not allow it to sign revocation lists (cRLSign): --renew-ca allows it",
                self.path.display()
            )));
        }
        let now = since_epoch(SystemTime::now()).as_secs();
        let mut entries = old.map(|old| old.entries.clone()).unwrap_or_default();
        let mut asked = Vec::new();
        for path in certificates {
            let serial = self.serial_to_revoke(path)?;
            let since = match entries.iter().find(|entry| entry.serial == serial) {
                Some(entry) => entry.since,
                None => {
                    entries.push(Entry { serial, since: now, reason: None, invalid_since: None });
                    now
                }
            };
            asked.push((path.clone(), since));
        }
        // A list must not be older than the one before, even if the clock was set back.
        let this_update = old.map_or(now, |old| now.max(old.this_update));
        let next_update = this_update.saturating_add(u64::from(days) * 86_400);
        let number = old.and_then(|old| old.number.as_deref());
        let text = self.sign_list(number, &entries, this_update, next_update)?;
        replace(list, &text, PUBLIC_MODE)?;
        let (list, revoked, is_first) = (list.to_owned(), entries.len(), old.is_none());
        Ok(Revocations { list, certificates: asked, revoked, next_update, is_first })
    }

    fn sign_list(
        &self,
        old_number: Option<&[u8]>,
        entries: &[Entry],
        this_update: u64,
        next_update: u64,
    ) -> Result<String, CertsError> {
        let revoked = entries.iter().map(|entry| {
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&entry.serial),
                revocation_time: date(entry.since)?,
                reason_code: entry.reason,
                invalidity_date: entry.invalid_since.map(date).transpose()?,
            })
        });
        let list = CertificateRevocationListParams {
            this_update: date(this_update)?,
            next_update: date(next_update)?,
            crl_number: SerialNumber::from_slice(&next_number(old_number)),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect::<Result<_, CertsError>>()?,
            key_identifier_method: self.key_identifier.clone(),
        };
        let list = list.signed_by(&self.issuer).map_err(impossible)?;
        let made = List::from_der(list.der());
        if made.is_none_or(|made| made.issuer != self.info.subject) {
            return Err(self.unwritable_name());
        }
        list.pem().map_err(impossible)
    }

    /// Reads a revocation list, which this CA alone must have issued.
    fn read_list(&self, path: &Path) -> Result<List, CertsError> {
        let wrong = |why: String| {
            CertsError::Impossible(format!("'{}' {why}: name another file with --crl, or move it away", path.display()))
        };
        let lists = read(path)?.revocation_lists().map_err(|error| CertsError::Impossible(error.to_string()))?;
        let [der] = lists.as_slice() else {
            return Err(wrong(format!("holds {} revocation lists, and one is continued", lists.len())));
        };
        let Some(list) = List::from_der(der) else {
            return Err(wrong("holds a revocation list that can't be read".to_owned()));
        };
        if list.is_partial {
            return Err(wrong(
                "has a critical extension (a delta or partial list), which is not continued here".to_owned(),
            ));
        }
        if list.issuer != self.info.subject || self.verify(&list.der).is_err() {
            return Err(wrong(format!(
                "is a revocation list of another CA, {}, and not of the one in '{}'",
                list.issuer,
                self.path.display()
            )));
        }
        Ok(list)
    }

    fn serial_to_revoke(&self, path: &Path) -> Result<Vec<u8>, CertsError> {
        let der = first_certificate(&read(path)?)?;
        let wrong = |why: String| CertsError::Impossible(format!("'{}' {why}", path.display()));
        if der == self.der {
            return Err(wrong(
                "is the certificate of the CA itself, which its list can't revoke: take it out of every --ssl-ca instead"
                    .to_owned(),
            ));
        }
        let certificate = Certificate::from_der(&der);
        let info = CertificateInfo::from_der(&der);
        let (Ok(certificate), Ok(info)) = (certificate, info) else {
            return Err(wrong("holds a certificate that can't be read".to_owned()));
        };
        if info.issuer != self.info.subject || self.verify(&der).is_err() {
            return Err(wrong(format!(
                "was issued by {}, and not by the CA in '{}': only the CA that issued a certificate can revoke it",
                info.issuer,
                self.path.display()
            )));
        }
        serial(certificate.tbs_certificate().serial_number().as_bytes())
            .ok_or_else(|| wrong("has a negative serial number, which no list can name".to_owned()))
    }

    fn verify(&self, signed: &[u8]) -> Result<(), sealwire_core::tls::CertificateProblem> {
        verify_issued_by(signed, &self.der, &provider().signature_verification_algorithms)
    }

    /// The hosts of a server certificate, which this CA must have issued.
    fn hosts_of(&self, path: &Path) -> Result<Vec<String>, CertsError> {
        let der = first_certificate(&read(path)?)?;
        let wrong = |why: String| CertsError::Impossible(format!("'{}' {why}", path.display()));
        let info = CertificateInfo::from_der(&der)
            .map_err(|_| wrong("holds a certificate that can't be read: move it away".to_owned()))?;
        if info.issuer != self.info.subject || self.verify(&der).is_err() {
            return Err(wrong(format!(
                "was issued by {}, and not by the CA in '{}': clients that trust that CA would refuse a certificate of this one, so it is \
                 not replaced; name another --ca-dir or --dir, or move it away",
                info.issuer,
                self.path.display()
            )));
        }
        let hosts: Vec<String> = info.san.iter().filter(|host| check_host(host).is_ok()).cloned().collect();
        if hosts.is_empty() {
            return Err(wrong("names no host (no subjectAltName): give the server's names with --host".to_owned()));
        }
        Ok(hosts)
    }

    fn issue(&self, mut leaf: Leaf, issuance: &Issuance) -> Result<Pair, CertsError> {
        let end = date(self.info.not_after)?;
        if leaf.params.not_after > end {
            leaf.params.not_after = end;
        }
        let pair = leaf.issue(issuance.key.unwrap_or_else(|| self.kind()), &self.issuer)?;
        let info = CertificateInfo::from_der(&pair.der);
        if info.is_ok_and(|info| info.issuer == self.info.subject) { Ok(pair) } else { Err(self.unwritable_name()) }
    }

    fn issued(&self, pair: Pair, certificate: PathBuf, key: PathBuf) -> Result<Issued, CertsError> {
        let info =
            CertificateInfo::from_der(&pair.der).map_err(|problem| CertsError::Impossible(problem.to_string()))?;
        let ends_with_ca = info.not_after == self.info.not_after;
        Ok(Issued { certificate, key, info, ends_with_ca })
    }

    /// The kind of key for a new certificate: the CA's kind, because an operator with an RSA CA has peers that support nothing else.
    fn kind(&self) -> KeyKind {
        match self.info.key.as_str() {
            "RSA 2048" => KeyKind::Rsa(2048),
            "RSA 4096" => KeyKind::Rsa(4096),
            rsa if rsa.starts_with("RSA ") => KeyKind::Rsa(3072),
            _ => KeyKind::EcdsaP256,
        }
    }

    fn unwritable_name(&self) -> CertsError {
        CertsError::Impossible(format!(
            "the name of the CA in '{}', {}, has an attribute twice or in a set, and can't be written here: issue with the program \
             that made the CA",
            self.path.display(),
            self.info.subject
        ))
    }
}

impl fmt::Display for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { certificate, key, info, ends_with_ca } = self;
        let end = if *ends_with_ca { ", when its CA ends, too" } else { "" };
        let hosts = if info.san.is_empty() { String::new() } else { format!(" for {}", info.san.join(", ")) };
        write!(
            f,
            "{}: {}{hosts}, valid until {}{end}; its key is {}",
            certificate.display(),
            info.subject,
            date_text(info.not_after),
            key.display()
        )
    }
}

impl fmt::Display for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, since) in &self.certificates {
            writeln!(f, "{}: revoked since {}", path.display(), date_text(*since))?;
        }
        write!(
            f,
            "{}: revoked certificates: {}, next update {}",
            self.list.display(),
            self.revoked,
            date_text(self.next_update)
        )?;
        if self.is_first && self.revoked > 0 {
            write!(f, "\nthis is a new list: if an earlier one was lost, revoke its certificates here too")?;
        }
        Ok(())
    }
}

/// A client's name as a file name's beginning: characters that could lead to another directory, or hide the file, become `_`.
fn file_stem(name: &str) -> String {
    let fits = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | '@');
    let stem: String = name.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect();
    if stem.starts_with(['.', '-']) { format!("_{stem}") } else { stem }
}

/// The next number after a big-endian one; 1 where there is none.
fn next_number(old: Option<&[u8]>) -> Vec<u8> {
    let mut number = vec![0];
    number.extend_from_slice(old.unwrap_or_default());
    for byte in number.iter_mut().rev() {
        let (next, is_over) = byte.overflowing_add(1);
        *byte = next;
        if !is_over {
            break;
        }
    }
    significant(&number).to_vec()
}

fn date(unix: u64) -> Result<OffsetDateTime, CertsError> {
    let date = i64::try_from(unix).ok().and_then(|unix| OffsetDateTime::from_unix_timestamp(unix).ok());
    date.filter(|date| date.year() < 10_000)
        .ok_or_else(|| CertsError::Impossible("a date reaches beyond the year 9999".to_owned()))
}

fn read(path: &Path) -> Result<NamedPem, CertsError> {
    let content = regular_file::read(path, LARGE).map_err(|error| CertsError::io("read", path, error))?;
    Ok(NamedPem::new(path.display().to_string(), content))
}

fn first_certificate(file: &NamedPem) -> Result<Vec<u8>, CertsError> {
    let certificates = file.certificates().map_err(|error| CertsError::Impossible(error.to_string()))?;
    Ok(certificates.first().map(|der| der.to_vec()).unwrap_or_default())
}

fn key_pair(file: &NamedPem, passphrase: Option<&Secret>) -> Result<KeyPair, CertsError> {
    if passphrase.is_none() && file.pem.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED) {
        return Err(CertsError::Impossible(format!(
            "'{}' is encrypted: give its passphrase with --ssl-passphrase or --passphrase-file",
            file.name
        )));
    }
    let key = file.private_key(passphrase).map_err(|error| CertsError::Impossible(error.to_string()))?;
    KeyPair::try_from(&key)
        .map_err(|error| CertsError::Impossible(format!("'{}' holds a key that can't sign here: {error}", file.name)))
}

const ENCRYPTED: &[u8] = b"BEGIN ENCRYPTED PRIVATE KEY-----";

/// Refuses to replace a key behind a link unless the key belongs to the certificate that is replaced with it, because the link may lead to
/// the key of another program. A file in the directory itself is replaced even if it does not fit, because renewing is how an operator
/// repairs that.
fn demand_pair(certificate: &Path, key: &Path) -> Result<(), CertsError> {
    if !certificate.exists() || !key.exists() || !key.is_symlink() {
        return Ok(());
    }
    let file = read(key)?;
    // A file without a private key is refused by the function that replaces it.
    if memchr::memmem::find(&file.pem, b"PRIVATE KEY-----").is_none() {
        return Ok(());
    }
    let der = first_certificate(&read(certificate)?)?;
    let public = Certificate::from_der(&der)
        .map(|parsed| parsed.tbs_certificate().subject_public_key_info().subject_public_key.raw_bytes().to_vec());
    let is_pair = key_pair(&file, None).is_ok_and(|key| public.is_ok_and(|public| key.public_key_raw() == public));
    if is_pair {
        return Ok(());
    }
    Err(CertsError::Impossible(format!(
        "'{}' is a link, and is not known to lead to the key of the certificate in '{}': it is not replaced; remove the link, or name another \
         --dir",
        key.display(),
        certificate.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_lead_nowhere_else() {
        assert_eq!(file_stem("bob"), "bob");
        assert_eq!(file_stem("Zoë Müller"), "Zoë_Müller");
        assert_eq!(file_stem("../etc/x"), "_.._etc_x");
        assert_eq!(file_stem("-rf"), "_-rf");
        assert_eq!(file_stem("app@db1.example"), "app@db1.example");
    }

    #[test]
    fn numbers_rise_beyond_their_bytes() {
        assert_eq!(next_number(None), [1]);
        assert_eq!(next_number(Some(&[1])), [2]);
        assert_eq!(next_number(Some(&[255])), [1, 0]);
        assert_eq!(next_number(Some(&[255; 20])).len(), 21);
    }
}
