//! The purposes of certificates: RFC 5280, section 4.2.1.12.

use der::asn1::ObjectIdentifier;
use webpki::KeyUsage as WebpkiUsage;

use super::certificate::{Certificate, KeyUsage};

/// The purpose for which the peer presents a certificate.
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

    /// The purpose in webpki's type.
    pub(super) const fn usage(self) -> WebpkiUsage {
        match self {
            Self::Server => WebpkiUsage::server_auth(),
            Self::Client => WebpkiUsage::client_auth(),
        }
    }

    /// The key usages of which an end certificate must have at least one.
    pub(super) const fn key_usage(self) -> u8 {
        match self {
            Self::Server => KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT | KeyUsage::KEY_AGREEMENT,
            Self::Client => KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_AGREEMENT,
        }
    }

    /// Whether the extended key usage of a certificate, also of a CA's, allows this purpose: the extension is absent or names it.
    pub(super) fn is_allowed_by(self, certificate: &Certificate<'_>) -> bool {
        certificate.purposes.as_ref().is_none_or(|purposes| purposes.contains(&self.oid()))
    }
}
