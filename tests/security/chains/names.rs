//! REQUIRE SUBJECT as MySQL's users write it: OpenSSL's text of a name, for names with every attribute and odd values.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use sealwire_accounts::{Requirement, admit};
use sealwire_core::facts::{Facts, TlsFacts, TlsVersion, Verification};
use sealwire_tests::programs::needs;

use crate::forge::{Wanted, der, self_signed};
use crate::pem;

/// The prefixes of object identifiers that name attributes.
const ARCS: [&str; 6] = [
    "2.5.4",
    "1.2.840.113549.1.9",
    "0.9.2342.19200300.100.1",
    "1.3.6.1.4.1.311.60.2.1",
    "1.2.643.100",
    "1.2.643.3.131.1",
];

/// Pieces of values. Some look like the separator of attributes, or like an escape.
const PIECES: &[&str] = &[
    "a", "Z", " ", "é", "\"", ",", "=", "/", "+", "\\", "\\x41", "/CN=", "+UID=", "/mail=", "\\/", "\u{1}", "~", "db",
];

/// One attribute: its name, its identifier in DER, the tag and the bytes of its value, and whether it is in the same set as the previous
/// one.
struct Attribute {
    kind: String,
    oid: Vec<u8>,
    tag: u8,
    value: Vec<u8>,
    joined: bool,
}

/// OpenSSL's short names of attributes with their identifiers.
fn attributes_of_openssl() -> BTreeMap<String, String> {
    let output = Command::new("openssl").args(["list", "-objects"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let of_line = |line: &str| {
        let (names, oid) = line.rsplit_once([' ', ',']).filter(|(_, oid)| oid.contains('.'))?;
        let (arc, _) = oid.rsplit_once('.')?;
        let short = names.split(" = ").next()?.trim_end_matches(" =").to_owned();
        ARCS.contains(&arc).then(|| (short, oid.to_owned()))
    };
    text.lines().filter_map(of_line).collect()
}

fn oid_of(dotted: &str) -> Vec<u8> {
    let numbers: Vec<u32> = dotted.split('.').map(|number| number.parse().unwrap()).collect();
    let mut bytes = vec![u8::try_from(numbers[0] * 40 + numbers[1]).unwrap()];
    for number in &numbers[2..] {
        let digits: Vec<u32> = (0..5).rev().map(|place| number >> (7 * place) & 127).collect();
        let first = digits.iter().position(|digit| *digit != 0).unwrap_or(4);
        for (place, digit) in digits.iter().enumerate().skip(first) {
            bytes.push(u8::try_from(*digit).unwrap() | if place < 4 { 0x80 } else { 0 });
        }
    }
    bytes
}

/// The name in DER.
fn encode(attributes: &[Attribute]) -> Vec<u8> {
    let mut sets: Vec<Vec<u8>> = Vec::new();
    for Attribute { oid, tag, value, joined, .. } in attributes {
        let attribute = der(0x30, [der(6, oid), der(*tag, value)].concat());
        match sets.last_mut() {
            Some(set) if *joined => set.extend(attribute),
            _ => sets.push(attribute),
        }
    }
    der(0x30, sets.iter().flat_map(|set| der(0x31, set)).collect::<Vec<u8>>())
}

/// The text of OpenSSL 1.1, according to its source: a slash before each attribute, and only bytes outside printable ASCII escaped.
fn printed_by_openssl_1(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for Attribute { kind, value, .. } in attributes {
        text += &format!("/{kind}=");
        for byte in value {
            text +=
                &if (b' '..=b'~').contains(byte) { char::from(*byte).to_string() } else { format!("\\x{byte:02X}") };
        }
    }
    text
}

/// Pseudo-random numbers, the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn value(&mut self) -> (u8, Vec<u8>) {
        let length = self.below(6);
        let text: String = (0..length).map(|_| PIECES[self.below(PIECES.len())]).collect();
        match self.below(8) {
            0 => (0x13, text.into_bytes()),
            1 => (0x16, text.into_bytes()),
            2 => (0x14, text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect()),
            3 => (0x1e, text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            4 => (0x1c, text.chars().flat_map(|letter| u32::from(letter).to_be_bytes()).collect()),
            _ => (0x0c, text.into_bytes()),
        }
    }
}

/// Whether a backslash in a value could begin an escape: OpenSSL's text does not tell.
fn has_doubtful_backslash(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let mut bytes = attribute.value.iter().peekable();
        while let Some(byte) = bytes.next() {
            if *byte == b'\\' && matches!(bytes.peek(), None | Some(b'/' | b'+' | b'x')) {
                return true;
            }
        }
        false
    })
}

/// Whether a value contains text that begins an attribute in the form of OpenSSL 1.1.
fn has_doubtful_slash(attributes: &[Attribute], kinds: &BTreeMap<String, String>) -> bool {
    attributes.iter().any(|attribute| {
        let text = String::from_utf8_lossy(&attribute.value);
        kinds.keys().any(|kind| text.contains(&format!("/{kind}=")) || text.contains(&format!("+{kind}=")))
    })
}

fn verdict(certificate: &[u8], subject: &str) -> Result<(), String> {
    let tls = TlsFacts {
        version: TlsVersion::V1_3,
        suite: "TLS_AES_128_GCM_SHA256",
        cipher: "TLS_AES_128_GCM_SHA256",
        group: None,
        sni: None,
        alpn: None,
        resumed: false,
        peer_chain: vec![certificate.to_vec()],
        verification: Verification::Ca,
    };
    let facts = Facts { tls: Some(tls), ..Facts::default() };
    let subject = Some(subject.to_owned());
    let requirement = Requirement::Specified { cipher: None, issuer: None, subject, uri: None, version: None };
    admit(&requirement, &facts).map_err(|refusal| refusal.actual)
}

/// Names with every attribute that OpenSSL knows, several in each, and many with odd values.
fn names(kinds: &BTreeMap<String, String>) -> Vec<Vec<Attribute>> {
    let mut dice = Dice(1);
    let all: Vec<(&String, &String)> = kinds.iter().collect();
    let attribute = |(kind, oid): (&String, &String), (tag, value), joined| Attribute {
        kind: kind.clone(),
        oid: oid_of(oid),
        tag,
        value,
        joined,
    };
    let mut names: Vec<Vec<Attribute>> = all
        .chunks(10)
        .map(|some| some.iter().map(|kind| attribute(*kind, (0x0c, b"x".to_vec()), false)).collect())
        .collect();
    names.extend((0..150).map(|_| {
        let count = 1 + dice.below(4);
        (0..count)
            .map(|place| {
                let value = dice.value();
                attribute(all[dice.below(all.len())], value, place > 0 && dice.below(3) == 0)
            })
            .collect()
    }));
    // Values that occur in practice.
    let (organisation, common_name) = ((0x0c, b"AC/DC".to_vec()), (0x0c, b"client".to_vec()));
    let of = |kind: &str| all.iter().find(|(known, _)| *known == kind).copied().unwrap();
    names.push(vec![attribute(of("O"), organisation, false), attribute(of("CN"), common_name, false)]);
    names.push(vec![attribute(of("CN"), (0x0c, b"https://svc.example/x".to_vec()), false)]);
    names
}

#[test]
fn what_openssl_prints_of_a_name_is_the_name_that_is_required() {
    if !needs(&["openssl"]) {
        return;
    }
    let kinds = attributes_of_openssl();
    assert!(kinds.len() > 90 && kinds["telephoneNumber"] == "2.5.4.20" && kinds["CN"] == "2.5.4.3", "{kinds:?}");
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("cert.pem");
    let (mut clear, mut doubtful) = (0, 0);
    for attributes in names(&kinds) {
        let made = self_signed(&Wanted { subject: encode(&attributes), ..Wanted::bare("", &[]) });
        fs::write(&path, pem("CERTIFICATE", &made.der)).unwrap();
        let command = ["x509", "-noout", "-subject", "-nameopt", "compat", "-in", path.to_str().unwrap()];
        let output = Command::new("openssl").args(command).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let printed = said.trim_end_matches('\n').strip_prefix("subject=").unwrap_or_else(|| panic!("{said}"));
        if has_doubtful_backslash(&attributes) {
            doubtful += 1;
        } else {
            clear += 1;
            assert_eq!(verdict(&made.der, printed), Ok(()), "{printed}");
            let old = printed_by_openssl_1(&attributes);
            if !has_doubtful_slash(&attributes, &kinds) {
                assert_eq!(verdict(&made.der, &old), Ok(()), "{old}");
            }
        }
        // Where OpenSSL's text fits several names, the text in our log fits one.
        let Err(exact) = verdict(&made.der, "/CN=nobody of this name") else { panic!("{printed}") };
        assert_eq!(verdict(&made.der, &exact), Ok(()), "{exact}");
        for other in [format!("{printed}x"), format!("{printed}/CN=x"), printed.replacen('/', "", 1)] {
            assert!(verdict(&made.der, &other).is_err(), "{other}");
        }
    }
    assert!(clear > 80 && doubtful > 20, "{clear} and {doubtful}");
}
