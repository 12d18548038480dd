//! The contents of the gateway's greeting: what all servers have.

use sealwire_core::auth::Plugin;
use sealwire_core::message::Capabilities;

use super::probe::Greeting;

/// The capabilities that the gateway never offers: TLS has its own setting, and compression would hide the packets.
const WITHHELD: Capabilities = Capabilities::SSL
    .union(Capabilities::COMPRESS)
    .union(Capabilities::ZSTD_COMPRESSION)
    .union(Capabilities::SSL_VERIFY_SERVER_CERT)
    .union(COM_MULTI);

/// MariaDB's flag for commands within a command, until 10.5.
const COM_MULTI: Capabilities = Capabilities::from_bits(1 << 33);

/// The highest capability that is known here: one of a later version could change what the proxy follows.
const LAST_KNOWN: Capabilities = Capabilities::MARIADB_BULK_UNIT_RESULTS;

/// The contents of the gateway's greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) version: String,
    pub(super) capabilities: Capabilities,
    pub(super) charset: u8,
    pub(super) plugin: Plugin,
}

impl Offer {
    /// Takes the servers' greetings; `None` if there are none. LOAD DATA LOCAL is offered only if it is allowed, because the file is for the
    /// server that the client asked, which the gateway can't prove.
    pub(super) fn of(greetings: &[Greeting], local_infile: bool) -> Option<Self> {
        // The proxy can't follow answers without definitions, and passes a file on only in a session that it follows.
        let withheld = WITHHELD.union(if local_infile {
            Capabilities::OPTIONAL_RESULTSET_METADATA
        } else {
            Capabilities::LOCAL_FILES
        });
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
            capabilities: known(common.unwrap_or(first.capabilities)).without(withheld),
            charset: first.charset,
            plugin: match Plugin::from_name(&first.plugin) {
                Some(Plugin::CachingSha2Password) => Plugin::CachingSha2Password,
                // Other plugins are asked for in the login, and some send the password itself.
                _ => Plugin::MysqlNativePassword,
            },
        })
    }
}

/// The flags that are known here.
const fn known(capabilities: Capabilities) -> Capabilities {
    Capabilities::from_bits(capabilities.bits() & (LAST_KNOWN.bits() * 2 - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offer_is_what_all_have() {
        assert_eq!(Offer::of(&[], false), None);
        let greeting = |capabilities, plugin: &str| Greeting {
            version: "8.4.0".to_owned(),
            capabilities,
            charset: 255,
            plugin: plugin.into(),
        };
        let common = Capabilities::PROTOCOL_41 | Capabilities::PLUGIN_AUTH;
        let files = common | Capabilities::SSL | Capabilities::LOCAL_FILES;
        let greetings = [
            greeting(files | Capabilities::COMPRESS, "caching_sha2_password"),
            greeting(files | Capabilities::DEPRECATE_EOF, "unheard_of"),
        ];
        let offer = Offer::of(&greetings, false).unwrap();
        assert_eq!((offer.capabilities, offer.plugin), (common, Plugin::CachingSha2Password));
        assert_eq!(Offer::of(&greetings, true).unwrap().capabilities, common | Capabilities::LOCAL_FILES);
        assert_eq!((offer.version.as_str(), offer.charset), ("8.4.0", 255));
        let of_next_year = Capabilities::from_bits(common.bits() | 1 << 33 | 1 << 38);
        let offer = Offer::of(&[greeting(of_next_year, "caching_sha2_password")], false).unwrap();
        assert_eq!(offer.capabilities, common, "what is not known is not offered");
    }
}
