//! How a connection must end, derived from the rules in MySQL's manual and not from the code.

use sealwire_simnet::{ClientCertificate, Scenario, ServerCertificate};

use super::draw::RIGHT;

/// How an undisturbed connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The client is connected: over TLS of this version, or in plaintext.
    Connected(Option<&'static str>),
    /// The client is refused with one of these errors.
    Refused(&'static [u16]),
}

/// The verdict on a scenario whose line loses nothing and has no attacker.
pub fn expected(scenario: &Scenario) -> Verdict {
    match transport(scenario) {
        Err(codes) => Verdict::Refused(codes),
        Ok(tls) => log_in(scenario, tls),
    }
}

const TLS_FAILS: &[u16] = &[2026];
/// The errors of a client whose certificate the server rejects. The server sends an alert, which in TLS 1.3 arrives after the client has
/// finished its handshake.
const CERTIFICATE_REFUSED: &[u16] = &[2026, 2013];

/// The outcome of TLS, before the login.
fn transport(scenario: &Scenario) -> Result<Option<&'static str>, &'static [u16]> {
    let (client, server) = (&scenario.client, &scenario.server);
    let mode = client.ssl_mode.as_str();
    let Some(certificate) = server.certificate else {
        return if matches!(mode, "DISABLED" | "PREFERRED") { Ok(None) } else { Err(TLS_FAILS) };
    };
    if mode == "DISABLED" {
        return Ok(None);
    }
    let version = match (client.tls_version.as_deref(), server.tls_version.as_deref()) {
        (Some("TLSv1.2"), None | Some("TLSv1.2")) | (None, Some("TLSv1.2")) => "TLSv1.2",
        (Some("TLSv1.3"), None | Some("TLSv1.3")) | (None, None | Some("TLSv1.3")) => "TLSv1.3",
        _ => return Err(TLS_FAILS),
    };
    let server_is_trusted = match mode {
        "VERIFY_CA" => !matches!(certificate, ServerCertificate::Expired | ServerCertificate::WrongCa),
        "VERIFY_IDENTITY" => matches!(certificate, ServerCertificate::Good | ServerCertificate::V1),
        _ => true,
    };
    if !server_is_trusted {
        return Err(TLS_FAILS);
    }
    if matches!(client.certificate, ClientCertificate::Expired | ClientCertificate::WrongCa) {
        return Err(CERTIFICATE_REFUSED);
    }
    Ok(Some(version))
}

fn log_in(scenario: &Scenario, tls: Option<&'static str>) -> Verdict {
    let (client, account) = (&scenario.client, &scenario.account);
    if scenario.server.require_secure_transport && tls.is_none() {
        return Verdict::Refused(&[3159]);
    }
    if tls.is_none() && !account.require.is_empty() {
        return Verdict::Refused(&[1045]);
    }
    let right = client.password == RIGHT;
    let verified = tls.is_some() && client.ssl_mode.starts_with("VERIFY");
    // The SHA-2 plugins send the password itself where the server does not know its digest, and only to a verified server.
    let gives_password_away = match account.plugin.as_str() {
        "caching_sha2_password" => !(account.cached && right),
        "sha256_password" => true,
        _ => false,
    };
    if gives_password_away && !verified {
        return Verdict::Refused(&[2061]);
    }
    if !right || !admits(scenario, tls) {
        return Verdict::Refused(&[1045]);
    }
    Verdict::Connected(tls)
}

/// Whether the account's REQUIRE clause accepts the connection.
fn admits(scenario: &Scenario, tls: Option<&str>) -> bool {
    let has_certificate = tls.is_some() && scenario.client.certificate != ClientCertificate::None;
    match scenario.account.require.as_str() {
        "" => true,
        "REQUIRE SSL" => tls.is_some(),
        // mysqld compares the cipher only if it could verify the client's certificate.
        "REQUIRE CIPHER 'TLS_AES_256_GCM_SHA384'" => has_certificate && tls == Some("TLSv1.3"),
        "REQUIRE CIPHER 'ECDHE-ECDSA-AES256-GCM-SHA384'" => has_certificate && tls == Some("TLSv1.2"),
        "REQUIRE X509"
        | "REQUIRE SUBJECT '/O=Sealwire/CN=learner'"
        | "REQUIRE ISSUER '/O=Sealwire/CN=Simulated CA'"
        | "REQUIRE ISSUER '/O=Sealwire/CN=Simulated CA' AND SUBJECT '/O=Sealwire/CN=learner'" => has_certificate,
        _ => false,
    }
}
