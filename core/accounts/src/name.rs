//! Account names: a user and a host.

use alloc::string::{String, ToString};
use core::cmp::{Ordering, Reverse};
use core::fmt;
use core::net::IpAddr;

use sealwire_core::sql::{backquoted, text_literal};

/// The two parts of an account's name. The host part is a pattern, see [`HostPattern`].
///
/// The order of names is the order in which MySQL tries its accounts: the most specific host first, then the most specific user, then by
/// text, so that the order does not depend on when the accounts were created.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccountName {
    /// The user name; case matters. An empty name stands for any user.
    pub user: String,
    /// The host pattern in lower case, because case does not matter for hosts.
    pub host: String,
}

impl AccountName {
    /// A name with these two parts.
    pub fn new(user: impl Into<String>, host: &str) -> Self {
        Self { user: user.into(), host: host.to_lowercase() }
    }

    /// Whether this is an account for `user` from `from`.
    pub fn matches(&self, user: &str, from: ClientHost) -> bool {
        (self.user.is_empty() || self.user == user) && HostPattern::new(&self.host).matches(from)
    }

    /// The name as MySQL 8 and MariaDB write it in statements: `` `u`@`h` ``.
    pub fn backquoted(&self) -> String {
        alloc::format!("{}@{}", backquoted(&self.user), backquoted(&self.host))
    }

    fn sort_key(&self) -> (HostRank, bool, &str, &str) {
        (HostPattern::new(&self.host).rank(), self.user.is_empty(), &self.host, &self.user)
    }
}

impl Ord for AccountName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sort_key().cmp(&other.sort_key())
    }
}

impl PartialOrd for AccountName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for AccountName {
    /// Formats the name as MySQL does in messages: `'u'@'h'`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", text_literal(&self.user), text_literal(&self.host))
    }
}

/// The host of a client. Host names are not looked up in DNS, as with MySQL's `skip_name_resolve`. The only exception: a loopback address
/// also counts as `localhost`, because every resolver maps it to that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientHost {
    /// A Unix socket, which always counts as `localhost`.
    Socket,
    /// A network address.
    Ip(IpAddr),
}

impl ClientHost {
    fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Socket => None,
            Self::Ip(ip) => Some(ip.to_canonical()),
        }
    }

    fn is_localhost(self) -> bool {
        self.ip().is_none_or(|ip| ip.is_loopback())
    }
}

impl fmt::Display for ClientHost {
    /// Formats the client's host as in `USER()` and in error 1045.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip() {
            Some(ip) if !ip.is_loopback() => ip.fmt(f),
            _ => f.write_str("localhost"),
        }
    }
}

/// The host part of an account: a name or address, an address with a netmask (`10.0.0.0/8`, `10.0.0.0/255.0.0.0`), a pattern with `%` and
/// `_`, or empty for any host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostPattern<'a>(&'a str);

/// The rank of a host pattern. A more specific pattern has a lower rank and is tried earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum HostRank {
    Literal,
    Cidr(Reverse<u32>),
    Netmask(Reverse<u32>),
    /// A pattern, with the number of characters before its first wildcard.
    Pattern(Reverse<usize>),
    Anything,
}

impl<'a> HostPattern<'a> {
    /// Parses a host part. Every text is valid: one that is not an address, a network or a pattern is a name.
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Whether the pattern matches a client from `from`.
    pub fn matches(self, from: ClientHost) -> bool {
        if self.0.is_empty() {
            return true;
        }
        if let Some(network) = Network::parse(self.0) {
            return from.ip().is_some_and(|ip| network.contains(ip));
        }
        let as_name = from.is_localhost() && like(self.0, "localhost", same_letter);
        as_name || from.ip().is_some_and(|ip| self.matches_ip(ip))
    }

    fn matches_ip(self, ip: IpAddr) -> bool {
        match self.0.parse::<IpAddr>() {
            Ok(literal) => literal.to_canonical() == ip,
            Err(_) => like(self.0, &ip.to_string(), same_letter),
        }
    }

    fn rank(self) -> HostRank {
        if self.0.is_empty() {
            return HostRank::Anything;
        }
        if let Some(network) = Network::parse(self.0) {
            let bits = Reverse(network.mask.leading_ones());
            return if network.cidr { HostRank::Cidr(bits) } else { HostRank::Netmask(bits) };
        }
        match first_wildcard(self.0) {
            None => HostRank::Literal,
            Some(at) => HostRank::Pattern(Reverse(at)),
        }
    }
}

/// An address with a netmask. IPv4 addresses are in the upper 32 bits, so that both versions use the same type of mask.
struct Network {
    address: u128,
    mask: u128,
    v4: bool,
    cidr: bool,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, mask) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let (bits, v4) = left_aligned(address);
        let width = if v4 { 32 } else { 128 };
        let (mask, cidr) = match mask.parse::<u32>() {
            Ok(prefix) if prefix <= width => (u128::MAX.checked_shl(128 - prefix).unwrap_or(0), true),
            Ok(_) => return None,
            Err(_) => {
                let (mask, mask_v4) = left_aligned(mask.parse().ok()?);
                // A mask with gaps is a typing error, not a network.
                if mask_v4 != v4 || mask.leading_ones() + mask.trailing_zeros() < 128 {
                    return None;
                }
                (mask, false)
            }
        };
        Some(Self { address: bits & mask, mask, v4, cidr })
    }

    fn contains(&self, ip: IpAddr) -> bool {
        let (bits, v4) = left_aligned(ip);
        v4 == self.v4 && bits & self.mask == self.address
    }
}

fn left_aligned(ip: IpAddr) -> (u128, bool) {
    match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()) << 96, true),
        IpAddr::V6(ip) => (ip.to_bits(), false),
    }
}

/// Whether `text` matches a pattern with `%` (any number of characters) and `_` (one character). A backslash makes the next character
/// literal. `same` compares two characters. Memory is linear, and time is never exponential.
pub(crate) fn like(pattern: &str, text: &str, same: fn(char, char) -> bool) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut retry: Option<(core::str::Chars<'_>, core::str::Chars<'_>)> = None;
    loop {
        let mut ahead = pattern.clone();
        let matched = match ahead.next() {
            Some('%') => {
                retry = Some((ahead.clone(), text.clone()));
                pattern = ahead;
                continue;
            }
            None if text.as_str().is_empty() => return true,
            None => false,
            Some('_') => text.next().is_some(),
            Some('\\') => {
                let literal = ahead.next().unwrap_or('\\');
                text.next().is_some_and(|c| same(c, literal))
            }
            Some(literal) => text.next().is_some_and(|c| same(c, literal)),
        };
        if matched {
            pattern = ahead;
            continue;
        }
        // Extend the match of the last `%` by one character and continue from there.
        let Some((after_percent, swallowed_to)) = retry.as_mut() else { return false };
        if swallowed_to.next().is_none() {
            return false;
        }
        (pattern, text) = (after_percent.clone(), swallowed_to.clone());
    }
}

/// The position of the first wildcard of a pattern; `None` if the pattern matches one text only.
pub(crate) fn first_wildcard(pattern: &str) -> Option<usize> {
    let mut escaped = false;
    pattern.find(|c| {
        let wildcard = matches!(c, '%' | '_') && !escaped;
        escaped = c == '\\' && !escaped;
        wildcard
    })
}

fn same_letter(a: char, b: char) -> bool {
    a == b || a.to_lowercase().eq(b.to_lowercase())
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn ip(text: &str) -> ClientHost {
        ClientHost::Ip(text.parse().unwrap())
    }

    fn sorted(names: &[(&str, &str)]) -> Vec<String> {
        let mut names: Vec<_> = names.iter().map(|(user, host)| AccountName::new(*user, host)).collect();
        names.sort();
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn manual_example_localhost_before_percent_and_anonymous_last() {
        assert_eq!(
            sorted(&[("root", "%"), ("jeffrey", "%"), ("root", "localhost"), ("", "localhost")]),
            ["'root'@'localhost'", "''@'localhost'", "'jeffrey'@'%'", "'root'@'%'"]
        );
    }

    #[test]
    fn manual_example_host_counts_before_user() {
        assert_eq!(sorted(&[("jeffrey", "%"), ("", "h1.example.net")]), ["''@'h1.example.net'", "'jeffrey'@'%'"]);
    }

    #[test]
    fn addresses_then_cidr_then_netmask_then_patterns_then_any_then_empty() {
        assert_eq!(
            sorted(&[
                ("u", ""),
                ("u", "%"),
                ("u", "198.51.%"),
                ("u", "198.51.100.%"),
                ("u", "198.51.100.0/255.255.255.0"),
                ("u", "192.0.0.0/8"),
                ("u", "192.0.2.0/24"),
                ("u", "198.51.100.13"),
            ]),
            [
                "'u'@'198.51.100.13'",
                "'u'@'192.0.2.0/24'",
                "'u'@'192.0.0.0/8'",
                "'u'@'198.51.100.0/255.255.255.0'",
                "'u'@'198.51.100.%'",
                "'u'@'198.51.%'",
                "'u'@'%'",
                "'u'@''",
            ]
        );
    }

    #[test]
    fn a_client_of_a_listener_for_both_families_has_its_ipv4_address() {
        for (from, shown) in [
            (ip("::ffff:198.51.100.7"), "198.51.100.7"),
            (ip("::ffff:127.0.0.1"), "localhost"),
            (ip("2001:db8::1"), "2001:db8::1"),
            (ClientHost::Socket, "localhost"),
        ] {
            assert_eq!(from.to_string(), shown);
        }
    }

    #[test]
    fn host_patterns_match_as_the_manual_says() {
        let cases = [
            ("localhost", ClientHost::Socket, true),
            ("LOCALHOST", ClientHost::Socket, true),
            ("local%", ClientHost::Socket, true),
            ("%", ClientHost::Socket, true),
            ("", ClientHost::Socket, true),
            ("127.0.0.1", ClientHost::Socket, false),
            ("127.0.0.0/8", ClientHost::Socket, false),
            ("localhost", ip("127.0.0.1"), true),
            ("localhost", ip("::1"), true),
            ("localhost", ip("::ffff:127.0.0.1"), true),
            ("localhost", ip("192.0.2.1"), false),
            ("127.0.0.1", ip("127.0.0.1"), true),
            ("127.0.0.1", ip("::ffff:127.0.0.1"), true),
            ("127.0.0.1", ip("127.0.0.11"), false),
            ("198.51.100.%", ip("198.51.100.7"), true),
            ("198.51.100.%", ip("198.51.101.7"), false),
            ("198.51.100._", ip("198.51.100.7"), true),
            ("198.51.100._", ip("198.51.100.77"), false),
            ("198.51.100.0/255.255.255.0", ip("198.51.100.255"), true),
            ("198.51.100.0/255.255.255.0", ip("198.51.101.0"), false),
            ("198.51.100.9/24", ip("198.51.100.1"), true),
            ("0.0.0.0/0", ip("203.0.113.1"), true),
            ("0.0.0.0/0", ip("2001:db8::1"), false),
            ("2001:db8::/32", ip("2001:db8:1::1"), true),
            ("2001:db8::/32", ip("2001:db9::1"), false),
            ("2001:DB8:0::1", ip("2001:db8::1"), true),
            ("10.0.0.0/255.0.255.0", ip("10.0.0.1"), false),
            ("10.0.0.0/33", ip("10.0.0.1"), false),
            ("db1.example.com", ip("192.0.2.1"), false),
        ];
        for (pattern, from, expected) in cases {
            assert_eq!(AccountName::new("u", pattern).matches("u", from), expected, "{pattern} {from:?}");
        }
    }

    #[test]
    fn users_are_compared_with_case_and_empty_is_anyone() {
        let name = AccountName::new("Ann", "%");
        assert!(name.matches("Ann", ClientHost::Socket));
        assert!(!name.matches("ann", ClientHost::Socket));
        assert!(!name.matches("", ClientHost::Socket));
        assert!(AccountName::new("", "%").matches("ann", ClientHost::Socket));
    }

    #[test]
    fn like_handles_wildcards_and_escapes() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("%", "", true),
            ("a%c%e", "abcde", true),
            ("a%c%e", "abcdef", false),
            ("%%%a", "bbba", true),
            ("\\_x", "_x", true),
            ("\\_x", "ax", false),
            ("a\\%", "a%", true),
            ("a\\%", "ab", false),
            ("_", "é", true),
            ("É", "é", true),
            ("a\\", "a\\", true),
        ] {
            assert_eq!(like(pattern, text, same_letter), expected, "{pattern} {text}");
        }
        let text = "a".repeat(3000);
        assert!(!like(&alloc::format!("{}b", "%a".repeat(1000)), &text, same_letter));
    }

    #[test]
    fn names_print_in_both_forms_with_quotes_escaped() {
        let name = AccountName::new("o'b`r", "Host");
        assert_eq!(name.to_string(), "'o''b`r'@'host'");
        assert_eq!(name.backquoted(), "`o'b``r`@`host`");
    }
}
