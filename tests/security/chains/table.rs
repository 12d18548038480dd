//! The table: proper and forged chains, the verdict on each, and OpenSSL's where it differs.

use crate::forge::{Extension, Made, Wanted, issue, name, oid, renew, revocations, self_signed};

/// The host that the client connects to.
pub(crate) const HOST: &str = "db.example.com";

const DNS: u8 = 0x82;
const IP: u8 = 0x87;
const MAIL: u8 = 0x81;
const DIRECTORY: u8 = 0xa4;

/// One chain with its verdicts.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Whether the chain is accepted (`y`, `n`) when it ends in a server's certificate of version 1, a client's of version 1, a server's of
    /// version 3, a client's of version 3. `-` means that there is no such chain.
    pub(crate) ours: &'static str,
    pub(crate) chain: fn(End) -> Chain,
    /// OpenSSL's verdicts where they differ, and why they may.
    pub(crate) openssl: Option<(&'static str, &'static str)>,
}

/// The kind of end certificate.
#[derive(Clone, Copy)]
pub(crate) struct End {
    pub(crate) version: u8,
    pub(crate) server: bool,
}

impl End {
    /// A proper end certificate.
    fn leaf(self) -> Wanted {
        self.leaf_with(&[])
    }

    /// A proper end certificate with further extensions; version 1 has none.
    fn leaf_with(self, extensions: &[Extension]) -> Wanted {
        let common_name = if self.server { HOST } else { "client" };
        let mut all = Vec::new();
        if self.version == 3 && self.server {
            all.push(Extension::names(&[(DNS, HOST.as_bytes())]));
        }
        if self.version == 3 {
            all.extend_from_slice(extensions);
        }
        Wanted { version: self.version, serial: 77, ..Wanted::bare(common_name, &all) }
    }

    /// An end certificate with the name in its subject alone, whatever the version.
    fn leaf_of_subject(self, attributes: &[(&[u8], &str)]) -> Wanted {
        Wanted { subject: name(attributes), extensions: Vec::new(), ..self.leaf() }
    }
}

/// The trusted certificates of one side, and the chain that the other sends.
pub(crate) struct Chain {
    /// The certificates of `--ssl-ca`, or the system's roots.
    pub(crate) named: Vec<Made>,
    pub(crate) are_system_roots: bool,
    /// The end certificate first.
    pub(crate) sent: Vec<Made>,
    pub(crate) lists: Vec<Vec<u8>>,
    pub(crate) host: &'static str,
}

impl Chain {
    fn new(named: &[&Made], sent: &[&Made]) -> Self {
        let all = |list: &[&Made]| list.iter().map(|made| (*made).clone()).collect();
        Self { named: all(named), are_system_roots: false, sent: all(sent), lists: Vec::new(), host: HOST }
    }

    fn lists(self, lists: &[Vec<u8>]) -> Self {
        Self { lists: lists.to_vec(), ..self }
    }
}

fn root() -> Made {
    self_signed(&Wanted::ca("Root", &[]))
}

/// A root, an intermediate CA with these further extensions, and the end certificate.
fn below(end: End, extensions: &[Extension]) -> Chain {
    let root = root();
    let sub = issue(&root, &Wanted::ca("Sub", extensions));
    Chain::new(&[&root], &[&issue(&sub, &end.leaf()), &sub])
}

/// A trusted CA and the end certificate.
fn under(end: End, ca: &Wanted) -> Chain {
    let ca = self_signed(ca);
    Chain::new(&[&ca], &[&issue(&ca, &end.leaf())])
}

/// A root, an intermediate CA with exactly this content, and the end certificate.
fn below_bare(end: End, sub: Wanted) -> Chain {
    let root = root();
    let sub = issue(&root, &sub);
    Chain::new(&[&root], &[&issue(&sub, &end.leaf()), &sub])
}

/// A CA with name constraints, and the end certificate below it.
fn constrained(leaf: &Wanted, permitted: &[(u8, &[u8])], excluded: &[(u8, &[u8])]) -> Chain {
    let root = root();
    let sub = issue(&root, &Wanted::ca("Sub", &[Extension::name_constraints(permitted, excluded)]));
    Chain::new(&[&root], &[&issue(&sub, leaf), &sub])
}

const CURRENT: (u32, u32) = (2026, 2028);

const fn row(name: &'static str, ours: &'static str, chain: fn(End) -> Chain) -> Row {
    Row { name, ours, chain, openssl: None }
}

impl Row {
    const fn but_openssl(mut self, verdicts: &'static str, why: &'static str) -> Self {
        self.openssl = Some((verdicts, why));
        self
    }
}

const PARTIAL: &str = "OpenSSL's programs go up to a root unless they are told otherwise; here the user named this one, and that is enough";

pub(crate) const TABLE: &[Row] = &[
    row("a root and the end", "yyyy", |end| under(end, &Wanted::ca("Root", &[]))),
    row("a CA in between", "yyyy", |end| below(end, &[])),
    row("a CA in between that was not sent", "nnnn", |end| {
        let mut chain = below(end, &[]);
        chain.sent.truncate(1);
        chain
    }),
    row("another CA of the same name", "nnnn", |end| {
        let mut chain = under(end, &Wanted::ca("Root", &[]));
        chain.named = vec![root()];
        chain
    }),
    row("two CAs of the same name, the wrong one first", "yyyy", |end| {
        let mut chain = under(end, &Wanted::ca("Root", &[]));
        chain.named.insert(0, root());
        chain
    })
    .but_openssl("nnnn", "OpenSSL takes the first of that name and looks no further"),
    row("signed by itself, and not named", "nnnn", |end| Chain::new(&[&root()], &[&self_signed(&end.leaf())])),
    // Extended key usages of CAs.
    row("extended key usage: a CA in between for servers", "ynyn", |end| {
        below(end, &[Extension::purposes(&[oid::SERVER_AUTH])])
    }),
    row("extended key usage: a CA in between for clients", "nyny", |end| {
        below(end, &[Extension::purposes(&[oid::CLIENT_AUTH])])
    }),
    row("extended key usage: a CA in between for mail", "nnnn", |end| {
        below(end, &[Extension::purposes(&[oid::EMAIL_PROTECTION])])
    }),
    row("extended key usage: a CA in between for anything", "nnnn", |end| {
        below(end, &[Extension::purposes(&[oid::ANY_PURPOSE])])
    }),
    row("extended key usage: a CA in between with an empty list", "nnnn", |end| {
        below(end, &[Extension::purposes(&[])])
    }),
    row("extended key usage: the upper of two CAs in between for mail", "nnnn", |end| {
        let root = root();
        let upper = issue(&root, &Wanted::ca("Upper", &[Extension::purposes(&[oid::EMAIL_PROTECTION])]));
        let lower = issue(&upper, &Wanted::ca("Lower", &[]));
        Chain::new(&[&root], &[&issue(&lower, &end.leaf()), &lower, &upper])
    }),
    row("extended key usage: a root for clients", "nyny", |end| {
        under(end, &Wanted::ca("Root", &[Extension::purposes(&[oid::CLIENT_AUTH])]))
    }),
    row("extended key usage: an end for servers", "--yn", |end| {
        let root = root();
        Chain::new(&[&root], &[&issue(&root, &end.leaf_with(&[Extension::purposes(&[oid::SERVER_AUTH])]))])
    }),
    row("extended key usage: an end for anything", "--nn", |end| {
        let root = root();
        Chain::new(&[&root], &[&issue(&root, &end.leaf_with(&[Extension::purposes(&[oid::ANY_PURPOSE])]))])
    }),
    // Key usages.
    row("key usage: a CA in between may sign certificates", "yyyy", |end| below(end, &[Extension::key_usage(0x06)])),
    row("key usage: a CA in between may sign lists only", "nnnn", |end| below(end, &[Extension::key_usage(0x02)])),
    row("key usage: a root may sign lists only", "nnnn", |end| {
        under(end, &Wanted::ca("Root", &[Extension::key_usage(0x02)]))
    }),
    row("key usage: an end may sign data", "--yy", |end| {
        let root = root();
        Chain::new(&[&root], &[&issue(&root, &end.leaf_with(&[Extension::key_usage(0x80)]))])
    }),
    row("key usage: an end may encipher keys only", "--yn", |end| {
        let root = root();
        Chain::new(&[&root], &[&issue(&root, &end.leaf_with(&[Extension::key_usage(0x20)]))])
    }),
    row("key usage: an end may sign certificates only", "--nn", |end| {
        let root = root();
        Chain::new(&[&root], &[&issue(&root, &end.leaf_with(&[Extension::key_usage(0x04)]))])
    }),
    row("Netscape's type: an end for clients only", "--yy", |end| {
        let root = root();
        Chain::new(&[&root], &[&issue(&root, &end.leaf_with(&[Extension::netscape_type(0x80)]))])
    })
    .but_openssl("--ny", "no CA has issued it for twenty years; extended key usage says the same"),
    // Basic constraints: which certificates are CAs.
    row("basic constraints: CA:FALSE in between", "nnnn", |end| {
        below_bare(end, Wanted::bare("Sub", &[Extension::basic_constraints(false, None)]))
    }),
    row("basic constraints: none in between", "nnnn", |end| below_bare(end, Wanted::bare("Sub", &[]))),
    row("basic constraints: none in between, but keyCertSign", "nnnn", |end| {
        below_bare(end, Wanted::bare("Sub", &[Extension::key_usage(0x04)]))
    }),
    row("basic constraints: version 1 in between", "nnnn", |end| {
        below_bare(end, Wanted { version: 1, ..Wanted::bare("Sub", &[]) })
    }),
    row("basic constraints: twice in between, CA:FALSE and CA:TRUE", "nnnn", |end| {
        let both = [Extension::basic_constraints(false, None), Extension::basic_constraints(true, None)];
        below_bare(end, Wanted::bare("Sub", &both))
    }),
    row("basic constraints: the one that was named says CA:FALSE", "nnnn", |end| {
        under(end, &Wanted::bare("alice", &[Extension::basic_constraints(false, None)]))
    }),
    row("basic constraints: the one that was named says nothing", "nnnn", |end| {
        under(end, &Wanted::bare("alice", &[]))
    }),
    row("basic constraints: the one that was named says keyCertSign only", "yyyy", |end| {
        under(end, &Wanted::bare("Root", &[Extension::key_usage(0x04)]))
    }),
    row("basic constraints: a root of version 1", "yyyy", |end| {
        under(end, &Wanted { version: 1, ..Wanted::bare("Root", &[]) })
    }),
    row("basic constraints: a server's certificate of version 1 was named, and issues", "nnnn", |end| {
        let root = root();
        let server = issue(&root, &Wanted { version: 1, ..Wanted::bare("server", &[]) });
        Chain::new(&[&root, &server], &[&issue(&server, &end.leaf())])
    }),
    row("basic constraints: an end that is a CA", "--yy", |end| {
        let root = root();
        Chain::new(&[&root], &[&issue(&root, &end.leaf_with(&[Extension::basic_constraints(true, None)]))])
    }),
    row("basic constraints: an end that is a CA, below one in between", "--yy", |end| {
        let root = root();
        let sub = issue(&root, &Wanted::bare("Sub", &[Extension::basic_constraints(true, Some(0))]));
        Chain::new(&[&root], &[&issue(&sub, &end.leaf_with(&[Extension::basic_constraints(true, None)])), &sub])
    }),
    // Path lengths.
    row("path length: one in between below a root of 0", "nnnn", |end| {
        let root = self_signed(&Wanted::bare("Root", &[Extension::basic_constraints(true, Some(0))]));
        let sub = issue(&root, &Wanted::ca("Sub", &[]));
        Chain::new(&[&root], &[&issue(&sub, &end.leaf()), &sub])
    }),
    row("path length: one in between below a root of 1", "yyyy", |end| {
        let root = self_signed(&Wanted::bare("Root", &[Extension::basic_constraints(true, Some(1))]));
        let sub = issue(&root, &Wanted::ca("Sub", &[]));
        Chain::new(&[&root], &[&issue(&sub, &end.leaf()), &sub])
    }),
    row("path length: one below one in between of 0", "nnnn", |end| {
        let root = root();
        let upper = issue(&root, &Wanted::bare("Upper", &[Extension::basic_constraints(true, Some(0))]));
        let lower = issue(&upper, &Wanted::ca("Lower", &[]));
        Chain::new(&[&root], &[&issue(&lower, &end.leaf()), &lower, &upper])
    }),
    row("path length: a CA below a root of 0, of the root's own name", "--nn", |end| {
        let (one, two) = (Extension::subject_key(1), Extension::subject_key(2));
        let root = self_signed(&Wanted::bare("Root", &[Extension::basic_constraints(true, Some(0)), one]));
        let successor = Wanted::ca("Root", &[two, Extension::authority_key(1)]);
        let successor = issue(&root, &Wanted { serial: 2, ..successor });
        Chain::new(&[&root], &[&issue(&successor, &end.leaf_with(&[Extension::authority_key(2)])), &successor])
    })
    .but_openssl("--yy", "RFC 5280 does not count it; webpki does, and who changes a CA's key names the new one"),
    row("path length: seven in between", "nnnn", |end| {
        let root = root();
        let mut sent = Vec::new();
        let mut last = root.clone();
        for number in 0..7 {
            last = issue(&last, &Wanted::ca(&format!("Sub {number}"), &[]));
            sent.insert(0, last.clone());
        }
        sent.insert(0, issue(&last, &end.leaf()));
        Chain::new(&[&root], &sent.iter().collect::<Vec<_>>())
    })
    .but_openssl("yyyy", "webpki's bound is six; nobody has so many, and a bound there must be"),
    // Name constraints.
    row("names: a permitted host", "y-y-", |end| constrained(&end.leaf(), &[(DNS, b"example.com")], &[])),
    row("names: a host that is not permitted", "n-n-", |end| constrained(&end.leaf(), &[(DNS, b"example.net")], &[])),
    row("names: an excluded host", "n-n-", |end| constrained(&end.leaf(), &[], &[(DNS, b"db.example.com")])),
    row("names: a host that is not permitted, in the common name alone", "n-n-", |end| {
        constrained(&end.leaf_of_subject(&[(oid::COMMON_NAME, HOST)]), &[(DNS, b"example.net")], &[])
    }),
    row("names: a client named like a host that is not permitted", "-n-n", |end| {
        constrained(&end.leaf_of_subject(&[(oid::COMMON_NAME, HOST)]), &[(DNS, b"example.net")], &[])
    }),
    row("names: localhost in the common name alone", "n-n-", |end| {
        let leaf = end.leaf_of_subject(&[(oid::COMMON_NAME, "localhost")]);
        Chain { host: "localhost", ..constrained(&leaf, &[(DNS, b"example.net")], &[]) }
    })
    .but_openssl("y-y-", "OpenSSL does not take a name without a dot for a host's, and then lets it be one"),
    row("names: an address of a permitted network", "--y-", |end| {
        let names = Extension::names(&[(IP, &[10, 0, 0, 1])]);
        let leaf = Wanted { extensions: vec![names], ..end.leaf() };
        Chain { host: "10.0.0.1", ..constrained(&leaf, &[(IP, &[10, 0, 0, 0, 255, 0, 0, 0])], &[]) }
    }),
    row("names: an address of another network", "--n-", |end| {
        let names = Extension::names(&[(IP, &[10, 0, 0, 1])]);
        let leaf = Wanted { extensions: vec![names], ..end.leaf() };
        Chain { host: "10.0.0.1", ..constrained(&leaf, &[(IP, &[11, 0, 0, 0, 255, 0, 0, 0])], &[]) }
    }),
    row("names: an end that is a CA, for a host that is not permitted", "--n-", |end| {
        constrained(&end.leaf_with(&[Extension::basic_constraints(true, None)]), &[(DNS, b"example.net")], &[])
    }),
    row("names: the root has the constraint", "n-n-", |end| {
        under(end, &Wanted::ca("Root", &[Extension::name_constraints(&[(DNS, b"example.net")], &[])]))
    }),
    row("names: a mail address that is not permitted, in the subject", "nnnn", |end| {
        let leaf = end.leaf_of_subject(&[(oid::COMMON_NAME, HOST), (oid::EMAIL, "root@example.com")]);
        constrained(&leaf, &[(MAIL, b"example.net")], &[])
    }),
    row("names: a permitted mail address in the subject", "nnnn", |end| {
        let leaf = end.leaf_of_subject(&[(oid::COMMON_NAME, HOST), (oid::EMAIL, "root@example.net")]);
        constrained(&leaf, &[(MAIL, b"example.net")], &[])
    })
    .but_openssl("yyyy", "constraints of mail addresses are not implemented, so they refuse"),
    row("names: a permitted directory name", "nnnn", |end| {
        let directory = name(&[(oid::COMMON_NAME, HOST)]);
        constrained(&end.leaf_of_subject(&[(oid::COMMON_NAME, HOST)]), &[(DIRECTORY, &directory)], &[])
    })
    .but_openssl("yyyy", "constraints of directory names are not implemented, in webpki neither, so they refuse"),
    // Unknown extensions.
    row("a critical extension that nobody knows, at the end", "--nn", |end| {
        let root = root();
        Chain::new(&[&root], &[&issue(&root, &end.leaf_with(&[Extension::unknown(true)]))])
    }),
    row("a critical extension that nobody knows, at an end of version 1", "nn--", |end| {
        let root = root();
        let leaf = Wanted { extensions: vec![Extension::unknown(true)], ..end.leaf() };
        Chain::new(&[&root], &[&issue(&root, &leaf)])
    }),
    row("a critical extension that nobody knows, in between", "nnnn", |end| below(end, &[Extension::unknown(true)])),
    row("a critical extension that nobody knows, at the root", "nnnn", |end| {
        under(end, &Wanted::ca("Root", &[Extension::unknown(true)]))
    }),
    row("an extension that nobody knows and nobody must, everywhere", "yyyy", |end| {
        let root = self_signed(&Wanted::ca("Root", &[Extension::unknown(false)]));
        let sub = issue(&root, &Wanted::ca("Sub", &[Extension::unknown(false)]));
        Chain::new(&[&root], &[&issue(&sub, &end.leaf_with(&[Extension::unknown(false)])), &sub])
    }),
    row("critical policy constraints in between", "nnnn", |end| below(end, &[Extension::policy_constraints()]))
        .but_openssl("yyyy", "policies are not implemented, in webpki neither, so what is critical refuses"),
    // Validity periods.
    row("period: an expired end", "nnnn", |end| {
        let root = root();
        Chain::new(&[&root], &[&issue(&root, &Wanted { years: (2020, 2021), ..end.leaf() })])
    }),
    row("period: an end that is not valid yet", "nnnn", |end| {
        let root = root();
        Chain::new(&[&root], &[&issue(&root, &Wanted { years: (2030, 2040), ..end.leaf() })])
    }),
    row("period: an end that is valid since 1960", "yyyy", |end| {
        let root = root();
        Chain::new(&[&root], &[&issue(&root, &Wanted { years: (1960, CURRENT.1), ..end.leaf() })])
    }),
    row("period: a CA in between that is valid since 1950", "yyyy", |end| {
        below_bare(end, Wanted { years: (1950, CURRENT.1), ..Wanted::ca("Sub", &[]) })
    }),
    row("period: a root that is valid since 1969", "yyyy", |end| {
        under(end, &Wanted { years: (1969, CURRENT.1), ..Wanted::ca("Root", &[]) })
    }),
    row("period: an end that was valid until 1968", "nnnn", |end| {
        let root = root();
        Chain::new(&[&root], &[&issue(&root, &Wanted { years: (1960, 1968), ..end.leaf() })])
    }),
    row("period: an expired CA in between", "nnnn", |end| {
        below_bare(end, Wanted { years: (2020, 2021), ..Wanted::ca("Sub", &[]) })
    }),
    row("period: an expired root", "nnnn", |end| {
        under(end, &Wanted { years: (2020, 2021), ..Wanted::ca("Root", &[]) })
    }),
    row("period: an expired root of the system", "n-n-", |end| {
        let chain = under(end, &Wanted { years: (2020, 2021), ..Wanted::ca("Root", &[]) });
        Chain { are_system_roots: true, ..chain }
    }),
    row("period: a renewed root, the expired one first", "yyyy", |end| {
        let old = self_signed(&Wanted { years: (2020, 2021), ..Wanted::ca("Root", &[]) });
        let new = renew(&old, &Wanted { serial: 2, ..Wanted::ca("Root", &[]) });
        Chain::new(&[&old, &new], &[&issue(&new, &end.leaf())])
    }),
    row("period: a renewed root, the expired one last", "yyyy", |end| {
        let old = self_signed(&Wanted { years: (2020, 2021), ..Wanted::ca("Root", &[]) });
        let new = renew(&old, &Wanted { serial: 2, ..Wanted::ca("Root", &[]) });
        Chain::new(&[&new, &old], &[&issue(&new, &end.leaf())])
    }),
    row("period: a root that is not valid yet before the one that is", "yyyy", |end| {
        let now = root();
        let later = renew(&now, &Wanted { serial: 2, years: (2030, 2045), ..Wanted::ca("Root", &[]) });
        Chain::new(&[&later, &now], &[&issue(&now, &end.leaf())])
    }),
    row("period: a root of CA:FALSE before the same of CA:TRUE", "yyyy", |end| {
        let wrong = self_signed(&Wanted::bare("Root", &[Extension::basic_constraints(false, None)]));
        let right = renew(&wrong, &Wanted { serial: 2, ..Wanted::ca("Root", &[]) });
        Chain::new(&[&wrong, &right], &[&issue(&right, &end.leaf())])
    })
    .but_openssl("nnnn", "OpenSSL takes the first of that name and key that is within its period"),
    // End certificates that are trusted themselves.
    row("named itself: an end signed by itself", "yyyy", |end| {
        let end = self_signed(&end.leaf());
        Chain::new(&[&end], &[&end])
    }),
    row("named itself: an end, and not its CA", "yyyy", |end| {
        let end = issue(&root(), &end.leaf());
        Chain::new(&[&end], &[&end])
    })
    .but_openssl("nnnn", PARTIAL),
    row("named itself: a CA in between, and not its root", "yyyy", |end| {
        let mut chain = below(end, &[]);
        chain.named = vec![chain.sent.remove(1)];
        chain
    })
    .but_openssl("nnnn", PARTIAL),
    row("named itself: an expired end", "nnnn", |end| {
        let end = self_signed(&Wanted { years: (2020, 2021), ..end.leaf() });
        Chain::new(&[&end], &[&end])
    }),
    row("named itself: an end for mail", "--nn", |end| {
        let end = self_signed(&end.leaf_with(&[Extension::purposes(&[oid::EMAIL_PROTECTION])]));
        Chain::new(&[&end], &[&end])
    }),
    // The system's roots.
    row("system's roots: the end below one", "n-y-", |end| Chain {
        are_system_roots: true,
        ..under(end, &Wanted::ca("Root", &[]))
    })
    .but_openssl("y-y-", "no public CA issues version 1, which cannot say what it is for; a CA of the user's own may"),
    row("system's roots: an end that is a CA", "--n-", |end| {
        let root = root();
        let leaf = end.leaf_with(&[Extension::basic_constraints(true, None)]);
        Chain { are_system_roots: true, ..Chain::new(&[&root], &[&issue(&root, &leaf)]) }
    })
    .but_openssl("--y-", "no public CA's certificate is a server's; a CA of the user's own may be as openssl makes it"),
    // Revocation.
    row("revocation: a list without the end", "yyyy", |end| {
        let chain = under(end, &Wanted::ca("Root", &[]));
        let list = revocations(&chain.named[0], &[5, 6], CURRENT);
        chain.lists(&[list])
    }),
    row("revocation: a list with the end", "nnnn", |end| {
        let chain = under(end, &Wanted::ca("Root", &[]));
        let list = revocations(&chain.named[0], &[5, 77], CURRENT);
        chain.lists(&[list])
    }),
    row("revocation: a list that is out of date", "nnnn", |end| {
        let chain = under(end, &Wanted::ca("Root", &[]));
        let list = revocations(&chain.named[0], &[5], (2025, 2026));
        chain.lists(&[list])
    }),
    row("revocation: a list of another CA of the same name", "nnnn", |end| {
        let list = revocations(&root(), &[5], CURRENT);
        under(end, &Wanted::ca("Root", &[])).lists(&[list])
    }),
    row("revocation: a CA in between, and no list of its issuer", "nnnn", |end| {
        let chain = below(end, &[]);
        let list = revocations(&chain.sent[1], &[5], CURRENT);
        chain.lists(&[list])
    }),
    row("revocation: a CA in between is listed", "nnnn", |end| {
        let chain = below(end, &[]);
        let lists = [revocations(&chain.sent[1], &[5], CURRENT), revocations(&chain.named[0], &[1], CURRENT)];
        chain.lists(&lists)
    }),
    row("revocation: a CA in between is listed, and named itself beside its root", "nnnn", |end| {
        let mut chain = below(end, &[]);
        let lists = [revocations(&chain.sent[1], &[5], CURRENT), revocations(&chain.named[0], &[1], CURRENT)];
        chain.named.insert(0, chain.sent[1].clone());
        chain.lists(&lists)
    }),
    row("revocation: a CA in between is named itself beside its root, of which there is no list", "nnnn", |end| {
        let mut chain = below(end, &[]);
        let list = revocations(&chain.sent[1], &[5], CURRENT);
        chain.named.insert(0, chain.sent[1].clone());
        chain.lists(&[list])
    }),
    row("revocation: the end is listed, and named itself beside its root", "nnnn", |end| {
        let mut chain = under(end, &Wanted::ca("Root", &[]));
        let list = revocations(&chain.named[0], &[77], CURRENT);
        chain.named.push(chain.sent[0].clone());
        chain.lists(&[list])
    }),
    row("revocation: the end is listed, and named itself without its root", "nnnn", |end| {
        let mut chain = under(end, &Wanted::ca("Root", &[]));
        let list = revocations(&chain.named[0], &[77], CURRENT);
        chain.named = vec![chain.sent[0].clone()];
        chain.lists(&[list])
    }),
    row("revocation: the end is not listed, and named itself beside its root", "yyyy", |end| {
        let mut chain = under(end, &Wanted::ca("Root", &[]));
        let list = revocations(&chain.named[0], &[5], CURRENT);
        chain.named.push(chain.sent[0].clone());
        chain.lists(&[list])
    }),
    row("revocation: the end is named itself beside its root, whose list is out of date", "nnnn", |end| {
        let mut chain = under(end, &Wanted::ca("Root", &[]));
        let list = revocations(&chain.named[0], &[5], (2025, 2026));
        chain.named.push(chain.sent[0].clone());
        chain.lists(&[list])
    }),
    row("revocation: an end signed by itself is named, and the list is another CA's", "yyyy", |end| {
        let end = self_signed(&end.leaf());
        Chain::new(&[&end], &[&end]).lists(&[revocations(&root(), &[5], CURRENT)])
    })
    .but_openssl("nnnn", "nobody but the user revokes it, by taking it out of the file"),
    row("revocation: a list of a CA that may not sign lists", "nnnn", |end| {
        let chain = under(end, &Wanted::ca("Root", &[Extension::key_usage(0x04)]));
        let list = revocations(&chain.named[0], &[5], CURRENT);
        chain.lists(&[list])
    }),
    row("revocation: a list of a CA in between that may not sign lists", "nnnn", |end| {
        let chain = below(end, &[Extension::key_usage(0x04)]);
        let lists = [revocations(&chain.sent[1], &[5], CURRENT), revocations(&chain.named[0], &[5], CURRENT)];
        chain.lists(&lists)
    }),
    row("revocation: a list of a CA that may sign lists", "yyyy", |end| {
        let chain = under(end, &Wanted::ca("Root", &[Extension::key_usage(0x06)]));
        let list = revocations(&chain.named[0], &[5], CURRENT);
        chain.lists(&[list])
    }),
    row("revocation: a list of a CA that may sign lists by its renewed certificate alone", "yyyy", |end| {
        let old = self_signed(&Wanted::ca("Root", &[Extension::key_usage(0x04)]));
        let new = renew(&old, &Wanted { serial: 2, ..Wanted::ca("Root", &[Extension::key_usage(0x06)]) });
        let list = revocations(&new, &[5], CURRENT);
        Chain::new(&[&old, &new], &[&issue(&old, &end.leaf())]).lists(&[list])
    })
    .but_openssl("nnnn", "OpenSSL takes the first of that name and key that is within its period"),
];
