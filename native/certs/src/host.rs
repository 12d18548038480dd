//! Host names that a certificate can carry in a form that clients match.

use std::net::IpAddr;

/// The longest common name that RFC 5280 allows.
const COMMON_NAME_MAX: usize = 64;

/// The longest DNS name, and the longest label.
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// Checks a host for a certificate. The error says why no client could match it, and gives the form to use instead.
pub(super) fn check_host(host: &str) -> Result<(), String> {
    if host.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let wrong = |why: String| Err(format!("'{}' is no host name and no address: {why}", host.escape_debug()));
    if host.is_empty() {
        return wrong("it is empty".to_owned());
    }
    if let Some((_, rest)) = host.split_once("://") {
        let name = rest.split(['/', ':']).next().unwrap_or_default();
        return wrong(format!("it is a URL; give '{name}' alone"));
    }
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(inner, _)| inner) {
        return wrong(format!("give '{inner}' without brackets and port"));
    }
    if host.contains([',', ';', ' ']) {
        return wrong("give each host with a --host of its own".to_owned());
    }
    if let Some((address, _)) = host.split_once('/') {
        let what = if address.parse::<IpAddr>().is_ok() { "a network has no certificate" } else { "it has a slash" };
        return wrong(format!("{what}; give names and single addresses"));
    }
    if let Some((_, name)) = host.split_once('@') {
        return wrong(format!("it is a mail address; give '{name}' alone"));
    }
    if let Some((name, _)) = host.split_once(':') {
        return wrong(format!("a certificate names no port; give '{name}' alone"));
    }
    if let Some(name) = host.strip_suffix('.') {
        return wrong(format!("give '{name}' without the dot at its end"));
    }
    if !host.is_ascii() {
        let labels: Vec<String> = host.to_lowercase().split('.').map(ascii_label).collect();
        return wrong(format!("names have ASCII letters in certificates; give '{}'", labels.join(".")));
    }
    if host.len() > NAME_MAX {
        return wrong(format!("it has {} characters, and names have at most {NAME_MAX}", host.len()));
    }
    let name = match host.strip_prefix("*.") {
        Some(domain) if domain.contains('.') => domain,
        Some(_) => return wrong("clients accept '*' below a domain of two labels or more only".to_owned()),
        None => host,
    };
    for label in name.split('.') {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if label.is_empty() {
            return wrong("it has an empty label".to_owned());
        }
        if label.len() > LABEL_MAX {
            return wrong(format!("a label of it has {} characters, and labels have at most {LABEL_MAX}", label.len()));
        }
        if let Some(other) = label.chars().find(|letter| !letter.is_ascii() || !fits(*letter as u8)) {
            return wrong(format!("'{}' can't stand in it", other.escape_debug()));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return wrong("a label begins and ends with a letter or digit".to_owned());
        }
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return wrong("it ends in a number, as addresses do".to_owned());
    }
    Ok(())
}

/// Checks a client's common name; the error says why a certificate can't carry it.
pub(super) fn check_common_name(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    if length == 0 {
        return Err("the client's name is empty".to_owned());
    }
    if length > COMMON_NAME_MAX {
        return Err(format!(
            "the client's name has {length} characters, and a common name has at most {COMMON_NAME_MAX}"
        ));
    }
    if name.chars().any(char::is_control) {
        return Err(format!("the client's name '{}' has a control character", name.escape_debug()));
    }
    Ok(())
}

/// Whether a host can also be the server certificate's common name.
pub(super) fn is_common_name(host: &str) -> bool {
    host.chars().count() <= COMMON_NAME_MAX
}

/// A label in the form of DNS and certificates: `xn--` and RFC 3492's Punycode where the label is not ASCII.
fn ascii_label(label: &str) -> String {
    if label.is_ascii() {
        return label.to_owned();
    }
    let plain: String = label.chars().filter(char::is_ascii).collect();
    let mut output = format!("xn--{plain}{}", if plain.is_empty() { "" } else { "-" });
    let (mut next, mut delta, mut bias) = (128u32, 0u32, 72u32);
    let mut handled = u32::try_from(plain.len()).unwrap_or(u32::MAX);
    let basic = handled;
    let total = u32::try_from(label.chars().count()).unwrap_or(u32::MAX);
    while handled < total {
        let Some(least) = label.chars().map(u32::from).filter(|letter| *letter >= next).min() else { break };
        delta = delta.saturating_add((least - next).saturating_mul(handled + 1));
        next = least;
        for letter in label.chars().map(u32::from) {
            if letter < next {
                delta = delta.saturating_add(1);
            }
            if letter == next {
                push_delta(&mut output, delta, bias);
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta = delta.saturating_add(1);
        next += 1;
    }
    output
}

/// Appends a number in Punycode's digits, whose weights vary.
fn push_delta(output: &mut String, delta: u32, bias: u32) {
    let letter =
        |value: u32| char::from(u8::try_from(if value < 26 { 97 + value } else { 22 + value }).unwrap_or(b'?'));
    let mut rest = delta;
    for step in 1.. {
        let threshold = (step * 36u32).saturating_sub(bias).clamp(1, 26);
        if rest < threshold {
            break;
        }
        output.push(letter(threshold + (rest - threshold) % (36 - threshold)));
        rest = (rest - threshold) / (36 - threshold);
    }
    output.push(letter(rest));
}

fn adapt(delta: u32, count: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / 700 } else { delta / 2 };
    delta += delta / count;
    let mut steps = 0;
    while delta > 455 {
        delta /= 35;
        steps += 36;
    }
    steps + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_clients_match() {
        for host in [
            "localhost",
            "db.example.com",
            "DB-1.example.com",
            "_mysql._tcp.x",
            "*.example.com",
            "10.0.0.1",
            "::1",
            "xn--mnchen-3ya.de",
        ] {
            assert_eq!(check_host(host), Ok(()), "{host}");
        }
        let long = format!("{}.example.com", ["a"; 60].join("."));
        assert_eq!(check_host(&long), Ok(()), "a name of 130 characters");
    }

    #[test]
    fn hosts_that_no_client_matches_are_refused_with_the_way_out() {
        for (host, text) in [
            ("localhost:3306", "give 'localhost' alone"),
            ("https://db.example.com/x", "give 'db.example.com' alone"),
            ("", "it is empty"),
            ("a,b", "a --host of its own"),
            ("[::1]", "give '::1' without brackets"),
            ("[::1]:3306", "give '::1' without brackets"),
            ("10.0.0.0/8", "a network has no certificate"),
            ("me@x.y", "give 'x.y' alone"),
            ("a..b", "an empty label"),
            (".b", "an empty label"),
            ("a\nb", "'\\n' can't stand in it"),
            ("a!", "'!' can't stand in it"),
            ("db.example.com.", "without the dot"),
            ("-a.b", "begins and ends with"),
            ("256.1.1.1", "it ends in a number"),
            ("*", "'*' can't stand in it"),
            ("*.com", "two labels"),
            ("a.*.example.com", "'*' can't stand in it"),
            ("münchen.de", "give 'xn--mnchen-3ya.de'"),
            ("Bücher.example", "give 'xn--bcher-kva.example'"),
            ("日本語.jp", "give 'xn--wgv71a119e.jp'"),
            (&"a".repeat(64), "a label of it has 64 characters"),
            (&["abc"; 64].join("."), "at most 253"),
        ] {
            let error = check_host(host).unwrap_err();
            assert!(error.contains(text) && error.contains("is no host name and no address"), "{host}: {error}");
        }
    }

    #[test]
    fn a_common_name_is_neither_empty_nor_long() {
        assert_eq!(check_common_name(&"ü".repeat(64)), Ok(()));
        assert!(check_common_name(&"x".repeat(65)).unwrap_err().contains("has 65 characters"));
        assert!(check_common_name("").is_err() && check_common_name("a\0").is_err());
    }
}
