//! The protocol's messages, one file per family.

mod capability;

pub use capability::Capabilities;
