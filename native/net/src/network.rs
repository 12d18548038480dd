//! Networks: that to which a client's address is counted, and those whose proxies are trusted.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The network of one client: the whole address for IPv4, its /64 for IPv6.
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address => address,
    }
}

/// Networks as MariaDB's `proxy_protocol_networks` lists them: `10.0.0.0/8, 2001:db8::/32, 192.0.2.1, localhost`, or `*`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Networks {
    /// Each network's address, and the number of bits that an address must share with it.
    all: Vec<(IpAddr, u32)>,
    /// Whether the list has `localhost`, which stands for connections over Unix sockets, or `*`.
    pub has_unix_sockets: bool,
}

/// A part of the list that is no network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotANetwork(String);

impl fmt::Display for NotANetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' is no network: write an IP address, a network such as 10.0.0.0/8 or 2001:db8::/32, or localhost for Unix sockets, \
             separated by commas; or * alone for all",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for NotANetwork {}

impl Networks {
    /// Whether an address is in one of the networks.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.all.iter().any(|(network, bits)| shared_bits(*network, address.to_canonical()) >= Some(*bits))
    }
}

impl FromStr for Networks {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        if text.trim() == "*" {
            let every = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
            return Ok(Self { all: every.map(|address| (address, 0)).to_vec(), has_unix_sockets: true });
        }
        let mut networks = Self::default();
        for part in text.split([',', ' ', '\t']).filter(|part| !part.is_empty()) {
            if part.eq_ignore_ascii_case("localhost") {
                networks.has_unix_sockets = true;
                continue;
            }
            networks.all.push(network(part).ok_or_else(|| NotANetwork(part.to_owned()))?);
        }
        Ok(networks)
    }
}

fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    let length = if address.is_ipv4() { 32 } else { 128 };
    let bits: u32 = bits.map_or(Some(length), |bits| bits.parse().ok().filter(|bits| *bits <= length))?;
    // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
    match (address, address.to_canonical()) {
        (IpAddr::V6(_), mapped @ IpAddr::V4(_)) => Some((mapped, bits.checked_sub(96)?)),
        (address, _) => Some((address, bits)),
    }
}

/// How many bits at their front two addresses share; `None` for addresses of different kinds.
fn shared_bits(one: IpAddr, other: IpAddr) -> Option<u32> {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => Some((u32::from(one) ^ u32::from(other)).leading_zeros()),
        (IpAddr::V6(one), IpAddr::V6(other)) => Some((u128::from(one) ^ u128::from(other)).leading_zeros()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_an_address_or_a_network() {
        let of = |text: &str| client_network(text.parse().unwrap());
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.2"), of("192.0.2.1"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    }

    #[test]
    fn an_address_is_in_a_network_that_shares_its_first_bits() {
        let listed = |list: &str, address: &str| {
            let networks: Networks = list.parse().unwrap();
            (networks.contains(address.parse().unwrap()), networks.has_unix_sockets)
        };
        let list = "10.1.2.0/23, 192.0.2.1,2001:db8::/33";
        for inside in ["10.1.2.0", "10.1.3.255", "::ffff:10.1.3.1", "192.0.2.1", "2001:db8:7fff::1"] {
            assert_eq!(listed(list, inside), (true, false), "{inside}");
        }
        for outside in ["10.1.4.0", "10.1.1.255", "192.0.2.2", "2001:db8:8000::", "::1", "::a01:200"] {
            assert_eq!(listed(list, outside), (false, false), "{outside}");
        }
        assert_eq!(listed("::ffff:10.0.0.0/104", "10.9.9.9"), (true, false));
        assert_eq!((listed("*", "10.9.9.9"), listed(" * ", "::1")), ((true, true), (true, true)));
        assert_eq!((listed("localhost", "127.0.0.1"), listed("", "127.0.0.1")), ((false, true), (false, false)));
    }

    #[test]
    fn what_is_no_network_is_named() {
        for wrong in ["10.0.0.0/33", "::/129", "10.0.0/8", "x", "10.0.0.0/", "10.0.0.0/-1", "*", "::ffff:1.2.3.4/95"] {
            let error = format!("127.0.0.1,{wrong}").parse::<Networks>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("'{wrong}' is no network")), "{error}");
        }
    }
}
