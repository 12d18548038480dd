//! Name constraints of a CA (RFC 5280, section 4.2.1.10): checks that the certificates below the CA have permitted names.
//!
//! Host names and IP addresses are compared. If the CA constrains another kind of name and a certificate has a name of that kind, it is
//! refused, as webpki does.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::asn1::{Field, Malformed, tag};
use super::certificate::{Certificate, general_name};
use super::identity::Name;

/// The parsed extension.
struct Constraints<'a> {
    permitted: Vec<Field<'a>>,
    excluded: Vec<Field<'a>>,
}

impl<'a> Constraints<'a> {
    fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Field::only(value, tag::SEQUENCE)?.fields();
        let permitted = subtrees(fields.optional(tag::context(0))?)?;
        let excluded = subtrees(fields.optional(tag::context(1))?)?;
        fields.end()?;
        Ok(Self { permitted, excluded })
    }

    /// Whether a name is permitted: it matches no excluded base, and it matches a permitted base if there are any of its kind.
    fn allow(&self, kind: u8, fits: impl Fn(&[u8], Rule) -> bool) -> bool {
        let of_kind = |list: &[Field<'a>]| -> Vec<&'a [u8]> {
            list.iter().filter(|base| base.tag == kind).map(|base| base.value).collect()
        };
        let permitted = of_kind(&self.permitted);
        !of_kind(&self.excluded).into_iter().any(|base| fits(base, Rule::Excluded))
            && (permitted.is_empty() || permitted.into_iter().any(|base| fits(base, Rule::Permitted)))
    }

    fn have(&self, kind: u8) -> bool {
        self.permitted.iter().chain(&self.excluded).any(|base| base.tag == kind)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Permitted,
    Excluded,
}

/// Parses the bases of GeneralSubtrees. RFC 5280 allows no minimum and maximum.
fn subtrees(list: Option<Field<'_>>) -> Result<Vec<Field<'_>>, Malformed> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let mut bases = Vec::new();
    let mut list = list.fields();
    while !list.is_finished() {
        let mut subtree = list.next(tag::SEQUENCE)?.fields();
        bases.push(subtree.any()?);
        subtree.end()?;
    }
    Ok(bases)
}

/// Whether the CA's constraints (DER) permit the names of a certificate below the CA. `hosts` are the common names to be treated as host
/// names.
pub(super) fn allow(constraints: &[u8], certificate: &Certificate<'_>, hosts: &[String]) -> Result<bool, Malformed> {
    let constraints = Constraints::parse(constraints)?;
    let names = &certificate.names;
    let subject = Name::from_der(certificate.subject).ok_or(Malformed)?;
    let dns = names.dns.iter().copied().chain(hosts.iter().map(String::as_bytes));
    let ip = names.ip.iter().copied().chain(hosts.iter().filter_map(|host| host.parse().ok()));
    // The subject is a directory name and may hold a mail address.
    let has_mail = subject.attributes().iter().any(|attribute| attribute.kind == "emailAddress");
    let in_subject = [
        (!subject.attributes().is_empty()).then_some(general_name::DIRECTORY),
        has_mail.then_some(general_name::EMAIL),
    ];
    let mut others = names.other_kinds.iter().copied().chain(in_subject.into_iter().flatten());
    Ok(dns.into_iter().all(|name| constraints.allow(general_name::DNS, |base, rule| dns_fits(name, base, rule)))
        && ip.into_iter().all(|address| constraints.allow(general_name::IP_ADDRESS, |base, _| ip_fits(address, base)))
        && !others.any(|kind| constraints.have(kind)))
}

/// Whether a host's name equals the base or is below it. If the base begins with a dot, the name must be below it.
fn dns_fits(name: &[u8], base: &[u8], rule: Rule) -> bool {
    let name = name.strip_suffix(b".").unwrap_or(name);
    // A wildcard stands for every name with one more label, so it is refused if one of those is excluded.
    let wildcard = name.strip_prefix(b"*.").filter(|_| rule == Rule::Excluded);
    is_below(name, base) || wildcard.is_some_and(|domain| is_below(base.strip_prefix(b".").unwrap_or(base), domain))
}

fn is_below(name: &[u8], base: &[u8]) -> bool {
    let Some(start) = name.len().checked_sub(base.len()) else { return false };
    let (before, end) = name.split_at(start);
    let at_label = match (before, base) {
        (_, [] | [b'.', ..]) => !name.is_empty() && (base.is_empty() || !before.is_empty()),
        ([], _) => true,
        (before, _) => before.ends_with(b"."),
    };
    at_label && end.eq_ignore_ascii_case(base)
}

/// Whether an address is in the network, which is given as an address followed by its mask.
fn ip_fits(address: IpAddr, network: &[u8]) -> bool {
    let octets = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let Some((base, mask)) = network.split_at_checked(octets.len()).filter(|(_, mask)| mask.len() == octets.len())
    else {
        return false;
    };
    octets.iter().zip(base).zip(mask).all(|((octet, base), mask)| octet & mask == base & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_below_whole_labels_only() {
        for (name, base, expected) in [
            ("db.example.com", "example.com", true),
            ("EXAMPLE.com", "example.COM", true),
            ("db.example.com.", "example.com", true),
            ("badexample.com", "example.com", false),
            ("com", "example.com", false),
            ("db.example.com", ".example.com", true),
            ("example.com", ".example.com", false),
            ("localhost", "", true),
            ("", "", false),
            ("*.example.com", "example.com", true),
            ("*.example.com", "db.example.com", false),
        ] {
            assert_eq!(dns_fits(name.as_bytes(), base.as_bytes(), Rule::Permitted), expected, "{name} {base}");
        }
        assert!(dns_fits(b"*.example.com", b"db.example.com", Rule::Excluded), "the wildcard covers it");
        assert!(!dns_fits(b"*.example.com", b"example.net", Rule::Excluded));
    }

    #[test]
    fn an_address_is_in_the_network_of_its_own_family() {
        let v4 = IpAddr::from([10, 1, 2, 3]);
        assert!(ip_fits(v4, &[10, 0, 0, 0, 255, 0, 0, 0]));
        assert!(!ip_fits(v4, &[11, 0, 0, 0, 255, 0, 0, 0]));
        assert!(!ip_fits(v4, &[0; 32]) && !ip_fits(v4, &[0; 7]) && !ip_fits(v4, &[]));
        assert!(ip_fits(IpAddr::from([0u8; 16]), &[0; 32]));
    }
}
