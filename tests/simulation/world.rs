//! Certificates, accounts and settings that the tests of machines in memory share.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use sealwire_core::client::{self, TlsPolicy};
use sealwire_core::secret::Secret;
use sealwire_core::server;
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, ServerContext, ServerOptions, Trust};
use sealwire_simnet::{Host, Pair, Seeded};

/// The password of every account here, which must never be on the wire.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Accounts named by their requirement and their plugin; all have [`PASSWORD`].
pub(crate) const ACCOUNTS: &str = "
    CREATE USER 'any'@'%' IDENTIFIED WITH caching_sha2_password BY 'correct horse battery staple';
    CREATE USER 'ssl'@'%' IDENTIFIED WITH caching_sha2_password BY 'correct horse battery staple' REQUIRE SSL;
    CREATE USER 'x509'@'%' IDENTIFIED WITH caching_sha2_password BY 'correct horse battery staple' REQUIRE X509;
    CREATE USER 'subject'@'%' IDENTIFIED WITH mysql_native_password BY 'correct horse battery staple'
        REQUIRE SUBJECT '/CN=client' AND ISSUER '/CN=Test CA';
    CREATE USER 'other'@'%' IDENTIFIED WITH mysql_native_password BY 'correct horse battery staple'
        REQUIRE SUBJECT '/CN=somebody else';
    CREATE USER 'cipher'@'%' IDENTIFIED WITH mysql_native_password BY 'correct horse battery staple'
        REQUIRE CIPHER 'TLS_AES_128_GCM_SHA256';
    CREATE USER 'native'@'%' IDENTIFIED WITH mysql_native_password BY 'correct horse battery staple';
    CREATE USER 'sha256'@'%' IDENTIFIED WITH sha256_password BY 'correct horse battery staple';
    CREATE USER 'ed25519'@'%' IDENTIFIED WITH ed25519 BY 'correct horse battery staple';
    CREATE USER 'empty'@'%' IDENTIFIED WITH mysql_native_password BY '';
    CREATE USER 'tester'@'localhost' IDENTIFIED WITH auth_socket;
";

/// A CA with the certificates that it has signed.
pub(crate) struct World {
    pub(crate) ca: String,
    pub(crate) server_cert: String,
    pub(crate) server_key: String,
    pub(crate) client_cert: String,
    pub(crate) client_key: String,
}

impl World {
    pub(crate) fn new() -> Self {
        let (ca, issuer) = authority("Test CA");
        let (server_cert, server_key) = leaf("db1", &issuer, ExtendedKeyUsagePurpose::ServerAuth);
        let (client_cert, client_key) = leaf("client", &issuer, ExtendedKeyUsagePurpose::ClientAuth);
        Self { ca, server_cert, server_key, client_cert, client_key }
    }

    /// A server with TLS that asks for client certificates.
    pub(crate) fn server(&self) -> server::Config {
        self.server_with(|_| {})
    }

    pub(crate) fn server_with(&self, change: impl FnOnce(&mut ServerOptions)) -> server::Config {
        let mut options = ServerOptions::new(provider());
        options.cert = Some(NamedPem::new("server-cert.pem", self.server_cert.clone()));
        options.key = Some(NamedPem::new("server-key.pem", self.server_key.clone()));
        options.ca = vec![NamedPem::new("ca.pem", self.ca.clone())];
        change(&mut options);
        let mut config = plain_server();
        config.tls = Some(ServerContext::build(options).unwrap());
        config
    }

    /// A client that requires TLS and a certificate of the CA for `db1`.
    pub(crate) fn client(&self, user: &str) -> client::Config {
        self.client_with(user, Trust::CaAndIdentity, |_| {})
    }

    /// The same client with its own certificate.
    pub(crate) fn client_with_certificate(&self, user: &str) -> client::Config {
        self.client_with(user, Trust::CaAndIdentity, |options| {
            options.cert = Some(NamedPem::new("client-cert.pem", self.client_cert.clone()));
            options.key = Some(NamedPem::new("client-key.pem", self.client_key.clone()));
        })
    }

    pub(crate) fn client_with(
        &self,
        user: &str,
        trust: Trust,
        change: impl FnOnce(&mut ClientOptions),
    ) -> client::Config {
        let mut options = ClientOptions::new(provider(), trust);
        options.ca = vec![NamedPem::new("ca.pem", self.ca.clone())];
        change(&mut options);
        let mut config = plain_client(user);
        config.tls = TlsPolicy::Required(ClientContext::build(options).unwrap());
        config
    }
}

/// A client on plaintext.
pub(crate) fn plain_client(user: &str) -> client::Config {
    let mut config = client::Config::new(user, Secret::from(PASSWORD), Arc::new(Seeded::new(2)));
    config.server_name = String::from("db1");
    config
}

/// A server without TLS.
pub(crate) fn plain_server() -> server::Config {
    server::Config::new("8.4.0-sealwire", Arc::new(Seeded::new(3)))
}

/// A pair over the accounts above.
pub(crate) fn pair(client: client::Config, server: server::Config) -> Pair {
    Pair::new(client, server, Host::new(ACCOUNTS).unwrap())
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let pem = params.self_signed(&key).unwrap().pem();
    (pem, Issuer::new(params, key))
}

fn leaf(name: &str, issuer: &Issuer<'static, KeyPair>, usage: ExtendedKeyUsagePurpose) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![usage];
    (params.signed_by(&key, issuer).unwrap().pem(), key.serialize_pem())
}
