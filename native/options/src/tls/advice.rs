//! Advice for connections that fail, in one place for the programs and the replication channels.

use sealwire_core::error::Error;
use sealwire_core::tls::{CertificateProblem, ClientContext, TlsError};

/// The advice where the server's certificate comes from another CA than the one in the file of `--ssl-ca`; `None` for other failures, and
/// where no file was given.
pub fn authority_advice(error: &Error, ssl_ca: Option<&str>) -> Option<String> {
    let Error::Tls(TlsError::CertificateRejected {
        problem: CertificateProblem::UnknownIssuer { .. },
        fingerprint_sha256,
        ..
    }) = error
    else {
        return None;
    };
    let file = ssl_ca.filter(|file| !file.is_empty())?;
    Some(format!(
        "'{file}' (--ssl-ca) does not hold the CA that issued this certificate: name that CA's file, or, if you know this certificate, trust \
         it with --ssl-fp={fingerprint_sha256}"
    ))
}

/// The advice for a login that was refused where the client has no certificate and the server asked for one, because the server's error does
/// not tell a wrong password from an unmet requirement of the account. Most servers with TLS ask, so the password comes first.
pub fn certificate_advice(context: &ClientContext) -> Option<&'static str> {
    context.server_asked_for_certificate().then_some(
        "Check user and password first. If they are right, the account may require a client certificate: give --ssl-cert and --ssl-key. The \
         server asked for one, and none was sent.",
    )
}
