//! A login on its way through a proxy: a client's HandshakeResponse41 and COM_CHANGE_USER without the authentication data.
//!
//! The proxy's own greeting had its own nonce, so the client's answer to it is worthless to the server. The proxy names a plugin that no
//! server has, and the server asks again with an AuthSwitchRequest, which has its own nonce.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{Attributes, Capabilities, ChangeUser, HandshakeResponse41};
use crate::wire::Put;

/// The plugin that no account has.
const ASK_AGAIN: &[u8] = b"sealwire_ask_again";

/// Stands for the client's authentication data, so that error 1045 of the server says `using password: YES` where it would without a
/// proxy. Of 20 bytes, as the answer of most plugins.
const FILLER: &[u8] = &[b'*'; 20];

/// The login of a client, as a proxy sends it to a server.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RelayedLogin {
    /// The capabilities that were agreed with the client.
    pub(crate) capabilities: Capabilities,
    pub(crate) max_packet: u32,
    pub(crate) charset: u8,
    user: Vec<u8>,
    database: Option<Vec<u8>>,
    attributes: Vec<u8>,
    /// Whether the client sent authentication data.
    has_answer: bool,
}

impl RelayedLogin {
    /// Takes the login out of a client's response, with the capabilities that were agreed with it.
    pub(crate) fn new(response: &HandshakeResponse41<'_>, capabilities: Capabilities) -> Self {
        Self {
            capabilities,
            max_packet: response.max_packet,
            charset: response.charset,
            user: response.user.to_vec(),
            database: response.database.map(<[u8]>::to_vec),
            attributes: response.attributes.encoded().to_vec(),
            has_answer: has_password(response.auth_response),
        }
    }

    /// Takes a change of user as a new login, with this character set. The capabilities and the size of packets are those of the login before
    /// it.
    pub(crate) fn of_change(change: &ChangeUser<'_>, capabilities: Capabilities, max_packet: u32, charset: u8) -> Self {
        let database = change.database.filter(|name| !name.is_empty());
        let with_database = if database.is_some() { Capabilities::CONNECT_WITH_DB } else { Capabilities::NONE };
        Self {
            capabilities: capabilities.without(Capabilities::CONNECT_WITH_DB) | with_database,
            max_packet,
            charset,
            user: change.user.to_vec(),
            database: database.map(<[u8]>::to_vec),
            attributes: change.attributes.encoded().to_vec(),
            has_answer: has_password(change.auth_response),
        }
    }

    /// The name of the database, in the character set of the login.
    pub(crate) fn database(&self) -> Option<&[u8]> {
        self.database.as_deref()
    }

    /// Adds connection attributes, and drops those of the client with the same names, because they would lie about the proxy.
    pub(crate) fn add_attributes(&mut self, added: &[(&str, &str)]) {
        let own = core::mem::take(&mut self.attributes);
        super::encode_attributes(added.iter().copied(), &mut self.attributes);
        for (name, value) in Attributes::new(&own).iter() {
            if added.iter().all(|(other, _)| other.as_bytes() != name) {
                let before = self.attributes.len();
                self.attributes.put_lenenc_bytes(name);
                self.attributes.put_lenenc_bytes(value);
                if self.attributes.len() > usize::from(u16::MAX) {
                    self.attributes.truncate(before);
                }
            }
        }
    }

    /// The capabilities to ask the server for, of those that it offers; `None` if it lacks one that was agreed with the client.
    pub(crate) fn capabilities_of(&self, offered: Capabilities) -> Option<Capabilities> {
        let mut agreed = self.capabilities.without(Capabilities::SSL);
        if !offered.contains(Capabilities::LONG_PASSWORD) {
            // MariaDB clears this bit to announce flags of its own, of which none was agreed with a client that has the bit.
            agreed = agreed.without(Capabilities::LONG_PASSWORD);
        }
        // A client without PLUGIN_AUTH may follow an AuthSwitchRequest all the same, as npm's `mysql` does.
        let needed = agreed | Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION | Capabilities::PLUGIN_AUTH;
        let attributes = if self.attributes.is_empty() { Capabilities::NONE } else { Capabilities::CONNECT_ATTRS };
        offered.contains(needed).then(|| needed | (attributes & offered))
    }

    /// Encodes HandshakeResponse41 with these capabilities.
    pub(crate) fn encode(&self, capabilities: Capabilities, out: &mut Vec<u8>) {
        let response = HandshakeResponse41 {
            capabilities,
            max_packet: self.max_packet,
            charset: self.charset,
            user: &self.user,
            auth_response: if self.has_answer { FILLER } else { &[] },
            database: self.database.as_deref(),
            auth_plugin: Some(ASK_AGAIN),
            attributes: Attributes::new(&self.attributes),
            zstd_level: None,
        };
        response.encode(out);
    }
}

impl fmt::Debug for RelayedLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayedLogin")
            .field("user", &String::from_utf8_lossy(&self.user))
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}

/// Whether the data is the answer of a client with a password. The SHA-2 plugins send an empty password as a single NUL.
fn has_password(auth_response: &[u8]) -> bool {
    !matches!(auth_response, [] | [0])
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGREED: Capabilities = Capabilities::PROTOCOL_41
        .union(Capabilities::SECURE_CONNECTION)
        .union(Capabilities::CONNECT_WITH_DB)
        .union(Capabilities::SSL);

    fn login(password: &'static [u8], attributes: &[(&str, &str)]) -> RelayedLogin {
        let mut encoded = Vec::new();
        super::super::encode_attributes(attributes.iter().copied(), &mut encoded);
        let response = HandshakeResponse41 {
            capabilities: AGREED,
            max_packet: 1 << 24,
            charset: 8,
            user: b"caf\xe9",
            auth_response: password,
            database: Some(b"d"),
            auth_plugin: Some(b"mysql_clear_password"),
            attributes: Attributes::new(&encoded),
            zstd_level: None,
        };
        RelayedLogin::new(&response, AGREED)
    }

    fn sent(login: &RelayedLogin, offered: Capabilities) -> Vec<u8> {
        let mut out = Vec::new();
        login.encode(login.capabilities_of(offered).unwrap(), &mut out);
        out
    }

    #[test]
    fn the_login_travels_without_its_password() {
        let offered = AGREED | Capabilities::PLUGIN_AUTH;
        let bytes = sent(&login(b"the password\0", &[]), offered);
        let response = HandshakeResponse41::decode(&bytes).unwrap();
        assert_eq!((response.user, response.database), (&b"caf\xe9"[..], Some(&b"d"[..])));
        assert_eq!((response.max_packet, response.charset), (1 << 24, 8));
        assert_eq!((response.auth_response, response.auth_plugin), (FILLER, Some(ASK_AGAIN)));
        assert!(!response.capabilities.contains(Capabilities::SSL), "each leg agrees on its own TLS");
        for none in [&b""[..], b"\0"] {
            let bytes = sent(&login(none, &[]), offered);
            assert_eq!(HandshakeResponse41::decode(&bytes).unwrap().auth_response, b"", "using password: NO");
        }
        let shown = alloc::format!("{:?}", login(b"the password\0", &[]));
        assert!(shown.contains("caf") && !shown.contains("the password"), "{shown}");
    }

    #[test]
    fn a_server_that_lacks_something_agreed_is_none() {
        let login = login(b"", &[]);
        assert_eq!(login.capabilities_of(AGREED), None, "without plugins the server could not ask again");
        let offered = AGREED | Capabilities::PLUGIN_AUTH | Capabilities::DEPRECATE_EOF;
        assert_eq!(
            login.capabilities_of(offered),
            Some(offered.without(Capabilities::DEPRECATE_EOF | Capabilities::SSL))
        );
        assert_eq!(login.capabilities_of(offered.without(Capabilities::CONNECT_WITH_DB)), None);
    }

    #[test]
    fn a_server_is_of_mariadb_and_the_client_was_told_of_mysql() {
        let mut login = login(b"", &[]);
        let offered = AGREED | Capabilities::PLUGIN_AUTH;
        login.capabilities |= Capabilities::LONG_PASSWORD;
        assert_eq!(login.capabilities_of(offered), Some(offered.without(Capabilities::SSL)));
        let of_mysql = offered | Capabilities::LONG_PASSWORD;
        assert_eq!(login.capabilities_of(of_mysql), Some(of_mysql.without(Capabilities::SSL)));
    }

    #[test]
    fn the_attributes_of_the_proxy_replace_those_of_the_client() {
        let mut login = login(b"", &[("_client_ip", "10.0.0.1"), ("program", "x")]);
        login.add_attributes(&[("_client_ip", "192.0.2.1")]);
        let bytes = sent(&login, AGREED | Capabilities::PLUGIN_AUTH | Capabilities::CONNECT_ATTRS);
        let response = HandshakeResponse41::decode(&bytes).unwrap();
        let pairs: Vec<_> = response.attributes.iter().collect();
        assert_eq!(pairs, [(&b"_client_ip"[..], &b"192.0.2.1"[..]), (b"program", b"x")]);
        let bytes = sent(&login, AGREED | Capabilities::PLUGIN_AUTH);
        assert!(HandshakeResponse41::decode(&bytes).unwrap().attributes.is_empty(), "the server takes none");
    }

    #[test]
    fn a_change_of_user_asks_again_too() {
        let change = ChangeUser {
            user: b"u",
            auth_response: b"secret\0",
            database: None,
            charset: None,
            auth_plugin: Some(b"mysql_clear_password"),
            attributes: Attributes::default(),
        };
        let login = RelayedLogin::of_change(&change, AGREED, 1 << 24, 45);
        let bytes = sent(&login, AGREED | Capabilities::PLUGIN_AUTH);
        let response = HandshakeResponse41::decode(&bytes).unwrap();
        assert_eq!((response.auth_response, response.auth_plugin), (FILLER, Some(ASK_AGAIN)));
        assert_eq!((response.user, response.charset), (&b"u"[..], 45));
    }
}
