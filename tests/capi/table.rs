//! The programs of Debian that are tried, and their table in native/capi/README.md.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use sealwire_tests::programs::package_folder;

/// How a program learns which CA it has to trust.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// By an option of its own.
    Itself,
    /// By the group `[sealwire-capi]` of /etc/my.cnf, because it has no option for it.
    File,
}

/// A program that is tried by a script of the folder `debian`.
pub(crate) struct Script {
    /// The script's name, and that of its test.
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
    pub(crate) tried: &'static str,
    pub(crate) told: Told,
    /// The text that the script prints where the program has got its answer.
    pub(crate) answer: &'static str,
    /// Whether sealwired is asked too; else it lacks what the program or the script asks for.
    pub(crate) sealwired: Result<(), &'static str>,
}

/// A program that is tried by a test in Rust.
pub(crate) struct Other {
    pub(crate) package: &'static str,
    pub(crate) tried: &'static str,
    pub(crate) told: Told,
    pub(crate) outcome: &'static str,
    pub(crate) sealwired: &'static str,
}

const fn script(name: &'static str, package: &'static str, tried: &'static str, told: Told) -> Script {
    Script { name, package, tried, told, answer: "/usr/share", sealwired: Ok(()) }
}

impl Script {
    const fn answering(mut self, answer: &'static str) -> Self {
        self.answer = answer;
        self
    }

    const fn not_with_ours(mut self, because: &'static str) -> Self {
        self.sealwired = Err(because);
        self
    }
}

use Told::{File, Itself};

pub(crate) const SCRIPTS: &[Script] = &[
    script("apache", "libapache2-mod-log-sql-mysql", "a request into its table", File).answering("/of_ada"),
    script("aprutil", "libaprutil1-dbd-mysql", "a program: a prepared statement", File),
    script("check_mysql", "monitoring-plugins-standard", "`check_mysql`, `check_mysql_query`", Itself)
        .answering("returned 65534.000000"),
    script("collectd", "collectd-core", "one reading of its `mysql` plugin", Itself)
        .answering("PUTVAL sealwire/mysql-test/"),
    script("coturn", "coturn", "`turnadmin -l`", Itself).answering("ada[example.org]"),
    script("courier", "courier-authlib-mysql", "`authtest`: a login", Itself).answering("Home Directory: /usr/share"),
    script("cppconn", "libmysqlcppconn-dev", "a program: a prepared statement", Itself),
    script("cppdb", "libcppdb-mysql0", "a program: a prepared statement", File),
    script("dbcheck", "bacula-director-mysql", "`dbcheck` of the whole catalogue", File)
        .answering("Found 0 Restore Job records.")
        .not_with_ours("its tables need index names that are the same in two tables"),
    script("dovecot", "dovecot-mysql", "`doveadm auth test`", Itself).answering("passdb: ada auth succeeded"),
    script("exim", "exim4-daemon-heavy", "a lookup of `exim4 -be`; the program is set-user-ID", File),
    script("freeradius", "freeradius-mysql", "`radtest`", Itself).answering("Received Access-Accept"),
    script("gambas", "gambas3-gb-db-mysql", "a script: a query", File),
    script("gda", "libgda-5.0-mysql", "a query of `gda-sql-5.0`", File),
    script("gearman", "gearman-job-server", "a job into its queue", File).answering("a job of ada's"),
    script("hydra", "hydra", "a login", File).answering("1 valid password found"),
    script("icinga", "icinga2-ido-mysql", "the start of Icinga, which finds its tables", Itself)
        .answering("MySQL IDO instance id: 1"),
    script("inspircd", "inspircd", "a login of `sqlauth`", File).answering(" 001 ada "),
    script("kamailio", "kamailio-mysql-modules", "a SIP request, answered from the database", File)
        .answering("SIP/2.0 200 /usr/share"),
    script("kea", "kea-common", "the start of `kea-dhcp4`, whose leases are in the database", Itself)
        .answering("DHCP4_STARTED")
        .not_with_ours("its tables need triggers"),
    script("libdbi", "libdbd-mysql", "a program: a query", File),
    script("libzdb", "libzdb-dev", "a program: a prepared statement from a pool", File),
    script("lighttpd", "lighttpd-modules-mysql", "a page of a virtual host from the database", File).answering("200"),
    script("lua_dbi", "lua-dbi-mysql", "a prepared statement", File),
    script("lua_sql", "lua-sql-mysql", "a query", File),
    script("mysqlpp", "libmysql++-dev", "a program: a template query", Itself),
    script("opendbx", "libopendbx1-mysql", "a query of `odbx-sql`", File)
        .not_with_ours("its first statement is a literal without an end, which MariaDB lets pass"),
    script("opensmtpd", "opensmtpd-extras", "a lookup of `table-mysql`", File).answering("65534:65534:/usr/share"),
    script("pam", "libpam-mysql", "`pamtester`: a login", File).answering("successfully authenticated"),
    script("pdns", "pdns-backend-mysql", "`pdnsutil list-zone`", File)
        .answering("192.0.2.1")
        .not_with_ours("its tables need `VARCHAR … BINARY`"),
    script("pike", "pike8.0-mysql", "a query", File),
    script("poco", "libpoco-dev", "a program: a prepared statement", File),
    script("postfix", "postfix-mysql", "`postmap -q`", Itself),
    script("proftpd", "proftpd-mod-mysql", "an FTP login", Itself).answering("230 User ada logged in"),
    script("pure_ftpd", "pure-ftpd-mysql", "an FTP login", File).answering("230 OK. Current directory is /usr/share"),
    script("qt5", "libqt5sql5-mysql", "PyQt: a prepared statement", Itself),
    script("qt6", "libqt6sql6-mysql", "a program: a prepared statement", Itself),
    script("rmysql", "r-cran-rmysql", "a script: a query", File),
    script("rsyslog", "rsyslog-mysql", "a line into a table", Itself).answering("a line of ada's"),
    script("sasl", "libsasl2-modules-sql", "a program: a login", File).answering("the password is right"),
    script("slurm", "slurm-wlm-mysql-plugin", "the start of `slurmdbd`, which makes its tables", File)
        .answering("slurmdbd version")
        .not_with_ours("its first query assigns a variable in an expression"),
    script("soci", "libsoci-dev", "a program: a statement with a parameter", Itself),
    script("sphinx", "sphinxsearch", "`indexer` of a table", Itself).answering("collected 1 docs"),
    script("spine", "cacti-spine", "the reading of its settings", File).answering("ping_timeout variable is 4321"),
    script("tcl", "mysqltcl", "a query", Itself),
    script("ulogd", "ulogd2-mysql", "a packet into a table", File).answering("1234\t4321"),
    script("zabbix", "zabbix-proxy-mysql", "the start of the proxy", Itself)
        .answering("current database version")
        .not_with_ours("its tables need triggers"),
];

const fn other(package: &'static str, tried: &'static str, told: Told, outcome: &'static str) -> Other {
    Other { package, tried, told, outcome, sealwired: "not tried" }
}

impl Other {
    const fn with_ours(mut self, outcome: &'static str) -> Self {
        self.sealwired = outcome;
        self
    }
}

pub(crate) const OTHERS: &[Other] = &[
    other("libdbd-mariadb-perl", "its own `t/`", File, "all 3578 tests pass")
        .with_ours("4 of its files pass; the others demand a database of utf8mb4_unicode_ci"),
    other("libdbd-mysql-perl", "its own `t/`", File, "2303 tests; these fail: t/40server_prepare.t")
        .with_ours("49 of its files pass"),
    other("libdbd-mysql-perl", "queries and statements", Itself, VERIFIED).with_ours("verified"),
    other("mariadb 1.1.14 of PyPI", "statements, `executemany`, a prepared cursor", Itself, VERIFIED)
        .with_ours("verified"),
    other(
        "mydumper",
        "`mydumper`, `myloader`",
        Itself,
        "a dump of 20,000 rows equal to the original's to the byte, restored and dumped again",
    )
    .with_ours("the same"),
    other("odbc-mariadb", "`isql`: a query", Itself, VERIFIED).with_ours("verified"),
    other("python3-mysqldb", "its own tests", Itself, "1 failed, 88 passed: test_binary_prefix")
        .with_ours("80 of its tests pass"),
    other("python3-mysqldb", "queries and errors", Itself, VERIFIED).with_ours("verified"),
    other("ruby-mysql2", "queries, statements, an asynchronous query", Itself, VERIFIED).with_ours("verified"),
    other("sysbench", "`oltp_read_write`, 4 threads, mutual TLS", Itself, "40 of 40 transactions")
        .with_ours("the same"),
];

/// The other packages of Debian 12 that load the library, and why they are not tried.
const UNTRIED: &[(&str, &str)] = &[
    ("libmysql-ocaml", "OCaml's compiler, without which no program loads it, has 285 MB"),
    ("libreoffice-sdbc-mysql", "it needs LibreOffice, of which the core alone has 117 MB"),
    ("motion", "it needs a camera, and packages of 50 MB"),
];

pub(crate) const VERIFIED: &str = "verified; another CA is refused";

const BEGIN: &str = "<!-- the programs tried: tests/capi writes this table with SEALWIRE_WRITE_PROGRAMS=1 -->\n";
const END: &str = "<!-- the end of the table -->\n";

fn markdown() -> String {
    let mut rows: Vec<String> = Vec::new();
    for script in SCRIPTS {
        let sealwired = script.sealwired.map_or_else(str::to_owned, |()| "verified".to_owned());
        rows.push(row(script.package, script.tried, script.told, VERIFIED, &sealwired));
    }
    for other in OTHERS {
        rows.push(row(other.package, other.tried, other.told, other.outcome, other.sealwired));
    }
    for (package, because) in UNTRIED {
        rows.push(format!("| `{package}` | not tried: {because} | | | |\n"));
    }
    rows.sort();
    let mut table =
        "\n| Package | Tried | The CA comes from | MariaDB 10.11 | `sealwired` |\n| --- | --- | --- | --- | --- |\n"
            .to_owned();
    table += &rows.concat();
    table += "\n";
    table
}

fn row(package: &str, tried: &str, told: Told, outcome: &str, sealwired: &str) -> String {
    let told = match told {
        Itself => "its own option",
        File => "`[sealwire-capi]`",
    };
    let mut line = String::new();
    let _ = writeln!(line, "| `{package}` | {tried} | {told} | {outcome} | {sealwired} |");
    line
}

/// Compares what a test in Rust saw with the table.
pub(crate) fn is_as_told(package: &str, tried: &str, seen: &str, all: &str) {
    let row = OTHERS.iter().find(|row| row.package == package && row.tried == tried).unwrap();
    assert_eq!(row.outcome, seen, "{package}, {tried}: {all}");
}

/// Compares how many parts of a suite passed against sealwired with the number at the beginning of the table's words: fewer are a regression.
pub(crate) fn passes_as_told(package: &str, tried: &str, passed: usize, all: &str) {
    let row = OTHERS.iter().find(|row| row.package == package && row.tried == tried).unwrap();
    let least: usize = row.sealwired.split(' ').next().and_then(|word| word.parse().ok()).unwrap();
    println!("{package}, {tried}: {passed} pass with sealwired, {least} are told");
    assert!(passed >= least, "{package}, {tried}: {passed} pass with sealwired: {all}");
}

#[test]
fn the_readme_has_the_table() {
    let path: PathBuf = package_folder().parent().unwrap().join("native/capi/README.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the README has a place for the table");
    let (table, after) = rest.split_once(END).expect("the table has an end");
    let wanted = markdown();
    if std::env::var_os("SEALWIRE_WRITE_PROGRAMS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{wanted}{END}{after}")).unwrap();
    } else {
        assert_eq!(table, wanted, "SEALWIRE_WRITE_PROGRAMS=1 cargo test --workspace --test capi -- table:: writes it");
    }
}
