//! Making a CA, a server certificate and a client certificate.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize, SerialNumber,
};
use time::OffsetDateTime;

use super::CertsError;
use super::host::{check_common_name, check_host, is_common_name};
use super::place::{KEY_MODE, PUBLIC_MODE, create_all, make_directory};
use super::random::{hex, random_bytes};
use sealwire_options::tls::Files;

/// Clocks differ: a certificate made now is valid at once on a machine whose clock is this much behind.
const BACKDATED: Duration = Duration::from_secs(5 * 60);

/// The settings of a new set of certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The kind of all three keys.
    pub key: KeyKind,
    /// The names and addresses of the server, for its certificate.
    pub hosts: Vec<String>,
    /// How long the certificates are valid.
    pub days: u32,
    /// The common name of the client certificate.
    pub client_name: String,
}

impl Default for Options {
    /// ECDSA P-256, for this machine only, valid for ten years as MySQL's certificates.
    fn default() -> Self {
        Self {
            key: KeyKind::EcdsaP256,
            hosts: ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec(),
            days: 3650,
            client_name: "client".to_owned(),
        }
    }
}

/// Kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on P-256: small and quick.
    EcdsaP256,
    /// RSA with 2048, 3072 or 4096 bits, for peers that know nothing else.
    Rsa(u16),
}

/// Makes the six files in `directory`, which is created if need be. Keys are readable by their owner alone. Nothing is overwritten:
/// where one of the six exists, none is written.
pub fn generate(directory: &Path, options: &Options) -> Result<Files, CertsError> {
    let files = Files::in_directory(directory);
    if let Some(path) = files.all().into_iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(CertsError::Exists(path.clone()));
    }
    let set = Set::make(options)?;
    make_directory(directory)?;
    create_all(&[
        (&files.ca_key, &set.ca.key, KEY_MODE),
        (&files.ca, &set.ca.certificate, PUBLIC_MODE),
        (&files.server_key, &set.server.key, KEY_MODE),
        (&files.server_cert, &set.server.certificate, PUBLIC_MODE),
        (&files.client_key, &set.client.key, KEY_MODE),
        (&files.client_cert, &set.client.certificate, PUBLIC_MODE),
    ])?;
    Ok(files)
}

/// A certificate and its key in PEM.
pub(super) struct Pair {
    pub certificate: String,
    pub der: Vec<u8>,
    pub key: String,
}

struct Set {
    ca: Pair,
    server: Pair,
    client: Pair,
}

impl Set {
    fn make(options: &Options) -> Result<Self, CertsError> {
        check(options)?;
        let ca_key = key_pair(options.key)?;
        // Each CA gets a random name, so that the certificates of two sets are never confused.
        let ca_name = format!("Sealwire CA {}", hex(&random_bytes::<4>()));
        let mut ca_params = params(&ca_name, options)?;
        ca_params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca_params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = ca_params.self_signed(&ca_key).map_err(impossible)?;
        let (pem, der) = (certificate.pem(), certificate.der().to_vec());
        let ca = Pair { certificate: pem, der, key: ca_key.serialize_pem() };
        let issuer = Issuer::new(ca_params, ca_key);

        let server = server_params(options)?.issue(options.key, &issuer)?;
        let client = client_params(options)?.issue(options.key, &issuer)?;
        Ok(Self { ca, server, client })
    }
}

/// Refuses options that no certificate can express.
pub(super) fn check(options: &Options) -> Result<(), CertsError> {
    if options.days == 0 {
        return Err(CertsError::Impossible("certificates must be valid for one day at least".to_owned()));
    }
    for host in &options.hosts {
        check_host(host).map_err(CertsError::Impossible)?;
    }
    check_common_name(&options.client_name).map_err(CertsError::Impossible)
}

/// A certificate of a server or client, before it is issued.
pub(super) struct Leaf {
    pub params: CertificateParams,
    purpose: ExtendedKeyUsagePurpose,
}

pub(super) fn server_params(options: &Options) -> Result<Leaf, CertsError> {
    // As in mysqld, a name that is too long for a common name is an alternative name only.
    let name = options.hosts.first().map(String::as_str).filter(|host| is_common_name(host)).unwrap_or("server");
    let mut params = params(name, options)?;
    params.subject_alt_names = CertificateParams::new(options.hosts.clone())
        .map_err(|error| {
            CertsError::Impossible(format!(
                "one of the hosts {} can't stand in a certificate: {error}",
                options.hosts.join(", ")
            ))
        })?
        .subject_alt_names;
    Ok(Leaf { params, purpose: ExtendedKeyUsagePurpose::ServerAuth })
}

pub(super) fn client_params(options: &Options) -> Result<Leaf, CertsError> {
    Ok(Leaf { params: params(&options.client_name, options)?, purpose: ExtendedKeyUsagePurpose::ClientAuth })
}

impl Leaf {
    /// Generates the key and has the CA sign the certificate.
    pub(super) fn issue(self, kind: KeyKind, issuer: &Issuer<'_, KeyPair>) -> Result<Pair, CertsError> {
        let mut params = self.params;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = match kind {
            KeyKind::EcdsaP256 => vec![KeyUsagePurpose::DigitalSignature],
            // Peers with TLS 1.2 and RSA key exchange look for the second.
            KeyKind::Rsa(_) => vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment],
        };
        params.extended_key_usages = vec![self.purpose];
        params.use_authority_key_identifier_extension = true;
        let key = key_pair(kind)?;
        let certificate = params.signed_by(&key, issuer).map_err(impossible)?;
        Ok(Pair { certificate: certificate.pem(), der: certificate.der().to_vec(), key: key.serialize_pem() })
    }
}

/// The parameters that all certificates have in common.
pub(super) fn params(common_name: &str, options: &Options) -> Result<CertificateParams, CertsError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let from = OffsetDateTime::from(SystemTime::now() - BACKDATED);
    params.not_before = from;
    params.not_after = from
        .checked_add(time::Duration::days(i64::from(options.days)))
        .filter(|until| until.year() < 10_000)
        .ok_or_else(|| CertsError::Impossible(format!("{} days reach beyond the year 9999", options.days)))?;
    let mut serial = random_bytes::<16>();
    // Positive and never zero, as RFC 5280 demands.
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn key_pair(kind: KeyKind) -> Result<KeyPair, CertsError> {
    let size = match kind {
        KeyKind::EcdsaP256 => return KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(impossible),
        KeyKind::Rsa(2048) => RsaKeySize::_2048,
        KeyKind::Rsa(3072) => RsaKeySize::_3072,
        KeyKind::Rsa(4096) => RsaKeySize::_4096,
        KeyKind::Rsa(bits) => {
            return Err(CertsError::Impossible(format!("RSA keys have 2048, 3072 or 4096 bits, not {bits}")));
        }
    };
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size).map_err(impossible)
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
pub(super) fn impossible(error: rcgen::Error) -> CertsError {
    CertsError::Impossible(format!("the certificate can't be made: {error}"))
}
