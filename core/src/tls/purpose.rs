//! What a certificate may be used for: RFC 5280, section 4.2.1.12.

use der::asn1::ObjectIdentifier;
use webpki::KeyUsage as WebpkiUsage;

use super::certificate::{Certificate, KeyUsage};

/// What a certificate is shown for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Server,
    Client,
}

impl Purpose {
    const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Server => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1"),
            Self::Client => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"),
        }
    }

    /// The same in webpki's words.
    pub(super) const fn usage(self) -> WebpkiUsage {
        match self {
            Self::Server => WebpkiUsage::server_auth(),
            Self::Client => WebpkiUsage::client_auth(),
        }
    }

    /// What the key of an end certificate must be allowed, one of them.
    pub(super) const fn key_usage(self) -> u8 {
        match self {
            Self::Server => KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT | KeyUsage::KEY_AGREEMENT,
            Self::Client => KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_AGREEMENT,
        }
    }

    /// Whether the extended key usage of a certificate, a CA's too, allows the purpose: it says nothing of it, or says this.
    pub(super) fn is_allowed_by(self, certificate: &Certificate<'_>) -> bool {
        certificate.purposes.as_ref().is_none_or(|purposes| purposes.contains(&self.oid()))
    }
}
