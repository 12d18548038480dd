//! The contents of the gateway's greeting: what all servers have.

use sealwire_core::auth::Plugin;
use sealwire_core::message::Capabilities;

use super::probe::Greeting;

/// The capabilities that the gateway never offers: TLS has its own setting, compression would hide the packets, and a file of the client is
/// for the server that it asked, which the gateway can't prove.
const WITHHELD: Capabilities = Capabilities::SSL
    .union(Capabilities::COMPRESS)
    .union(Capabilities::ZSTD_COMPRESSION)
    .union(Capabilities::LOCAL_FILES)
    .union(Capabilities::SSL_VERIFY_SERVER_CERT);

/// The contents of the gateway's greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) version: String,
    pub(super) capabilities: Capabilities,
    pub(super) charset: u8,
    pub(super) plugin: Plugin,
}

impl Offer {
    /// Takes the servers' greetings; `None` if there are none.
    pub(super) fn of(greetings: &[Greeting]) -> Option<Self> {
        let first = greetings.first()?;
        let is_mariadb = |greeting: &Greeting| greeting.version.contains("MariaDB");
        if greetings.iter().any(|greeting| is_mariadb(greeting) != is_mariadb(first)) {
            tracing::warn!(
                "some servers are MariaDB and some are not: clients that use what one of them has will fail at the other"
            );
        }
        let common = greetings.iter().map(|greeting| greeting.capabilities).reduce(|all, one| all & one);
        Some(Self {
            version: first.version.clone(),
            capabilities: common.unwrap_or(first.capabilities).without(WITHHELD),
            charset: first.charset,
            plugin: match Plugin::from_name(&first.plugin) {
                Some(Plugin::CachingSha2Password) => Plugin::CachingSha2Password,
                // Other plugins are asked for in the login, and some send the password itself.
                _ => Plugin::MysqlNativePassword,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offer_is_what_all_have() {
        assert_eq!(Offer::of(&[]), None);
        let greeting = |capabilities, plugin: &str| Greeting {
            version: "8.4.0".to_owned(),
            capabilities,
            charset: 255,
            plugin: plugin.into(),
        };
        let common = Capabilities::PROTOCOL_41 | Capabilities::PLUGIN_AUTH;
        let offer = Offer::of(&[
            greeting(
                common | Capabilities::SSL | Capabilities::LOCAL_FILES | Capabilities::COMPRESS,
                "caching_sha2_password",
            ),
            greeting(common | Capabilities::SSL | Capabilities::DEPRECATE_EOF, "unheard_of"),
        ])
        .unwrap();
        assert_eq!((offer.capabilities, offer.plugin), (common, Plugin::CachingSha2Password));
        assert_eq!((offer.version.as_str(), offer.charset), ("8.4.0", 255));
    }
}
