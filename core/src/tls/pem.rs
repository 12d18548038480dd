//! Certificates, keys and CRLs from PEM.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The bytes of a PEM file and the name to call it by in messages. The core opens no file: the driver reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct NamedPem {
    /// What messages call it, usually the path.
    pub name: String,
    /// The content.
    pub pem: Vec<u8>,
}

impl NamedPem {
    /// A PEM text with a name.
    pub fn new(name: impl Into<String>, pem: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), pem: pem.into() }
    }
}

impl fmt::Debug for NamedPem {
    /// Names the file; the content may be a key and stays hidden.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamedPem({})", self.name)
    }
}
