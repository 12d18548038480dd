//! The options of the terminal client, by mysql's names, and the settings that follow from them.

use std::path::PathBuf;
use std::time::Duration;

use sealwire_core::DEFAULT_PORT;
use sealwire_core::auth::Plugin;
use sealwire_core::secret::Secret;
use sealwire_core::wire::compressed::ZSTD_LEVEL;

use super::behavior::Behavior;
use super::format::Style;
use super::markup::Markup;
use sealwire::Address;
use sealwire_options::compression::Algorithms;
use sealwire_options::tls;
use sealwire_options::{Program, Spec, Values};

/// Where servers create their Unix socket, the likeliest path first. Without `--socket` the first existing one is used.
pub(crate) const SOCKETS: [&str; 4] =
    ["/var/run/mysqld/mysqld.sock", "/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock"];

/// The option that lists the allowed compression algorithms.
const COMPRESSION: &str = "compression-algorithms";

/// The options of every program that connects to a server.
pub(crate) const CONNECTION: &[Spec] = &[
    Spec::flag("compress", "Use compression in server/client protocol: --compression-algorithms=zlib,uncompressed.")
        .short('C'),
    Spec::text(
        COMPRESSION,
        "Compression algorithms to allow: zlib, zstd and uncompressed, separated by commas. Compression helps an \
         eavesdropper, because lengths then depend on contents.",
    ),
    Spec::number("connect-timeout", "Number of seconds before connection timeout.")
        .between(1, 31_536_000)
        .default("30"),
    Spec::text("default-auth", "Default authentication client-side plugin to use."),
    Spec::flag(
        "enable-cleartext-plugin",
        "Enable the plugin mysql_clear_password. The password is sent only inside verified TLS.",
    ),
    Spec::flag(
        "get-server-public-key",
        "Get the server's RSA public key if TLS is off. An attacker in the middle can send another key.",
    ),
    Spec::text("host", "Connect to host.").short('h'),
    Spec::number("max-allowed-packet", "The maximum packet length to receive from the server.")
        .between(4096, 1 << 30)
        .default("1G"),
    Spec::optional_text(
        "password",
        "Password to use when connecting to the server. If the value is left out, it is asked for at the terminal.",
    )
    .short('p')
    .secret(),
    Spec::number("port", "Port number to use for connection.").short('P').between(0, 65535),
    Spec::choice("protocol", &["TCP", "SOCKET"], "The protocol to use for connection: tcp or socket."),
    Spec::path("server-public-key-path", "File with the server's RSA key in PEM format."),
    Spec::path(
        "socket",
        "The socket file to use for connection. (Default: the first that is there of /var/run/mysqld/mysqld.sock, \
         /run/mysqld/mysqld.sock, /var/lib/mysql/mysql.sock and /tmp/mysql.sock.)",
    )
    .short('S'),
    Spec::flag("trace", "Print the handshake to standard error, packet by packet."),
    Spec::text("user", "User for login if not current user.").short('u'),
    Spec::number(
        "zstd-compression-level",
        "The level at which zstd compresses, on both sides: 1 is fast, 22 is small.",
    )
    .between(1, 22)
    .default("3"),
];

const OPTIONS: &[Spec] = &[
    Spec::flag("auto-rehash", "Complete the names of tables and columns.")
        .default("on")
        .off_short('A', "Don't ask the server for names to complete."),
    Spec::flag("auto-vertical-output", "Switch to vertical output if the result is wider than the terminal."),
    Spec::flag("batch", "Print results with a tab as separator, each row on a new line. Ask no questions.").short('B'),
    Spec::flag("binary-as-hex", "Print binary data as hex. Enabled by default at a terminal."),
    Spec::flag("column-names", "Write column names in results.")
        .default("on")
        .off_short('N', "Don't write column names in results."),
    Spec::text("database", "Database to use.").short('D'),
    Spec::text("default-character-set", "Set the default character set: utf8mb4, latin1, …").default("utf8mb4"),
    Spec::text("delimiter", "Delimiter to be used.").default(";"),
    Spec::text("execute", "Execute command and quit.").short('e').repeatable(),
    Spec::flag("force", "Continue even if an SQL error occurs.").short('f'),
    Spec::flag("html", "Produce HTML output.").short('H'),
    Spec::flag("i-am-a-dummy", "Synonym for --safe-updates."),
    Spec::text("init-command", "SQL statement to execute when connecting, and again when reconnecting."),
    Spec::flag("line-numbers", "Write line numbers for errors.")
        .default("on")
        .off_short('L', "Don't write line numbers for errors."),
    Spec::flag(
        "local-infile",
        "Enable LOAD DATA LOCAL INFILE. Only a verified server gets the file that the statement names.",
    ),
    Spec::number("max-join-size", "Automatic limit for rows in a join when using --safe-updates.").default("1000000"),
    Spec::optional_text("pager", "Pager to use to display results. Works at a terminal only."),
    Spec::text(
        "prompt",
        "Set the prompt to this value, with mysql's placeholders: \\u user, \\U user@host, \\h host, \\p port, \\d database, \\v version, \\c \
         counter, \\C connection id, \\l delimiter, \\T * in a transaction, \\D date, \\Y \\o \\O \\w its parts, \\R \\r \\m \\s \\P those of the time.",
    ),
    Spec::flag("no-auto-rehash", "Synonym for --skip-auto-rehash."),
    Spec::flag("quick", "Don't cache the result, print it row by row.").short('q'),
    Spec::flag("raw", "Write fields without conversion. Used with --batch.").short('r'),
    Spec::flag("reconnect", "Reconnect if the connection is lost. Works at a terminal only.").default("on"),
    Spec::flag("safe-updates", "Only allow UPDATE and DELETE that use keys or LIMIT.").short('U'),
    Spec::number("select-limit", "Automatic limit for SELECT when using --safe-updates.").default("1000"),
    Spec::flag("show-warnings", "Show warnings after every statement."),
    Spec::flag("sigint-ignore", "Ignore Ctrl-C."),
    Spec::flag("silent", "Be more silent. Print results with a tab as separator, each row on a new line.")
        .short('s')
        .repeatable(),
    Spec::flag("table", "Output in table format.").short('t'),
    Spec::path("tee", "Append everything into outfile. Works at a terminal only."),
    Spec::flag("unbuffered", "Flush the output after each query.").short('n'),
    Spec::flag("verbose", "Write more. (-v -v -v gives the table output format).").short('v').repeatable(),
    Spec::flag("vertical", "Print the output of a query (rows) vertically.").short('E'),
    Spec::flag("xml", "Produce XML output.").short('X'),
];

/// Options of mysql and mariadb that users have in their option files and that have no effect here.
pub(crate) const WITHOUT_EFFECT: &[Spec] = &[
    Spec::flag("abort-source-on-error", "Without effect."),
    Spec::flag("binary-mode", "Without effect."),
    Spec::text("character-sets-dir", "Without effect."),
    Spec::flag("column-type-info", "Without effect."),
    Spec::flag("comments", "Without effect.").short('c'),
    Spec::flag("connect-expired-password", "Without effect."),
    Spec::flag("debug-check", "Without effect."),
    Spec::flag("debug-info", "Without effect.").short('T'),
    Spec::text("histignore", "Without effect."),
    Spec::flag("ignore-spaces", "Without effect.").short('i'),
    Spec::flag("named-commands", "Without effect.").short('G'),
    Spec::number("net-buffer-length", "Without effect."),
    Spec::flag("no-beep", "Without effect.").short('b'),
    Spec::text("plugin-dir", "Without effect."),
    Spec::flag("progress-reports", "Without effect."),
    Spec::flag("syslog", "Without effect.").short('j'),
    Spec::flag("wait", "Without effect.").short('w'),
];

/// The program for [`Program::parse`].
pub(crate) const PROGRAM: Program = Program {
    name: "sealwire",
    version: env!("CARGO_PKG_VERSION"),
    usage: "[OPTIONS] [database]",
    groups: &["mysql", "client", "sealwire"],
    other_groups: &[],
    tables: &[OPTIONS, CONNECTION, WITHOUT_EFFECT, tls::CLIENT],
    arguments: 1,
};

/// The settings of a connection, except those of TLS.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionSettings {
    /// The program's name, which the server shows.
    pub(crate) program: &'static str,
    pub(crate) address: Address,
    /// The host as the user named it; the certificate must match it.
    pub(crate) host: String,
    pub(crate) user: String,
    pub(crate) password: Password,
    pub(crate) database: Option<String>,
    pub(crate) connect_timeout: Duration,
    pub(crate) default_auth: Option<Plugin>,
    pub(crate) charset: u8,
    pub(crate) server_public_key: Option<PathBuf>,
    pub(crate) get_server_public_key: bool,
    pub(crate) enable_cleartext_plugin: bool,
    pub(crate) local_infile: bool,
    pub(crate) max_packet: u32,
    pub(crate) compression: Algorithms,
    pub(crate) zstd_level: u8,
    pub(crate) trace: bool,
    /// Whether nobody can be asked about a certificate.
    pub(crate) is_script: bool,
    /// `--safe-updates`.
    pub(crate) safe_updates: Option<SafeUpdates>,
    /// `--init-command`: SQL that runs after each connect.
    pub(crate) init: Option<String>,
}

/// The settings from the options, except those of TLS.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) connection: ConnectionSettings,
    pub(crate) prompt: String,
    pub(crate) delimiter: String,
    /// The texts of `--execute`; each holds one statement or more.
    pub(crate) execute: Vec<String>,
    /// `--tee`.
    pub(crate) tee: Option<String>,
    /// `--pager`; empty for $PAGER.
    pub(crate) pager: Option<String>,
    /// `--sigint-ignore`.
    pub(crate) ignores_interrupts: bool,
    pub(crate) behavior: Behavior,
}

/// The source of the password.
#[derive(Debug, Clone)]
pub(crate) enum Password {
    /// An option, an option file or the environment; empty for no password.
    Given(Secret),
    /// The user is asked.
    Ask,
}

/// The properties of the process that affect the settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings {
    /// Whether both standard input and output are terminals.
    pub(crate) terminal: bool,
}

impl ConnectionSettings {
    /// Resolves the options of [`CONNECTION`]; the error is a sentence.
    pub(crate) fn from_values(
        program: &'static str,
        values: &Values,
        variable: impl Fn(&str) -> Option<String>,
        exists: impl Fn(&str) -> bool,
    ) -> Result<Self, String> {
        let host = values.text("host").map(str::to_owned).or_else(|| variable("MYSQL_HOST")).unwrap_or_default();
        let host = if host.is_empty() { "localhost".to_owned() } else { host };
        let environment_user = || variable("USER").or_else(|| variable("LOGNAME"));
        let password = match (values.bytes("password"), variable("MYSQL_PWD")) {
            _ if values.is_bare("password") => Password::Ask,
            (Some(password), _) => Password::Given(Secret::new(password)),
            (None, inherited) => Password::Given(inherited.unwrap_or_default().as_str().into()),
        };
        let plugin = |name: &str| {
            // The server alone can begin with its questions.
            Plugin::from_name(name.as_bytes()).filter(|plugin| *plugin != Plugin::Dialog).ok_or_else(|| {
                format!("option '--default-auth': '{name}' is no plugin of this client (mysql_native_password, caching_sha2_password, \
                    sha256_password, mysql_clear_password, client_ed25519, parsec)")
            })
        };
        Ok(Self {
            program,
            address: address(values, &host, &variable, exists)?,
            host,
            user: values.text("user").map(str::to_owned).or_else(environment_user).unwrap_or_default(),
            password,
            database: None,
            connect_timeout: Duration::from_secs(values.number("connect-timeout").unwrap_or(30)),
            default_auth: values.text("default-auth").filter(|name| !name.is_empty()).map(plugin).transpose()?,
            charset: UTF8MB4,
            server_public_key: values.path("server-public-key-path").map(PathBuf::from),
            get_server_public_key: values.flag("get-server-public-key"),
            enable_cleartext_plugin: values.flag("enable-cleartext-plugin"),
            local_infile: false,
            max_packet: values.number("max-allowed-packet").and_then(|size| size.try_into().ok()).unwrap_or(1 << 30),
            compression: match values.text(COMPRESSION) {
                Some(algorithms) => Algorithms::parse(COMPRESSION, algorithms)?,
                None if values.flag("compress") => Algorithms::COMPRESS,
                None => Algorithms::NONE,
            },
            zstd_level: values
                .number("zstd-compression-level")
                .and_then(|level| level.try_into().ok())
                .unwrap_or(ZSTD_LEVEL),
            trace: values.flag("trace"),
            is_script: true,
            safe_updates: None,
            init: None,
        })
    }
}

impl Settings {
    /// Resolves the options; the error is a sentence.
    pub(crate) fn from_values(
        values: &Values,
        surroundings: Surroundings,
        variable: impl Fn(&str) -> Option<String>,
        exists: impl Fn(&str) -> bool,
    ) -> Result<Self, String> {
        let behavior = behavior(values, surroundings);
        let database = values.arguments().first().map(String::as_str).or_else(|| values.text("database"));
        if database.is_some_and(|database| database.contains("://")) {
            // A URL may hold a password, so it is not repeated.
            return Err("a URL stands where the database's name is expected; give its parts with -u, -p, -h and -P, and the database's \
                name alone"
                .to_owned());
        }
        Ok(Self {
            connection: ConnectionSettings {
                database: database.map(str::to_owned),
                charset: default_charset(values.text("default-character-set").unwrap_or("utf8mb4"))?,
                local_infile: values.flag("local-infile"),
                is_script: behavior.batch,
                safe_updates: SafeUpdates::of(values),
                init: values.text("init-command").map(str::to_owned),
                ..ConnectionSettings::from_values(PROGRAM.name, values, variable, exists)?
            },
            prompt: values.text("prompt").unwrap_or("sealwire> ").to_owned(),
            delimiter: delimiter(values.text("delimiter").unwrap_or(";"))?,
            execute: values.texts("execute").map(str::to_owned).collect(),
            // `--tee` has no effect in a script, as in mysql.
            tee: values.text("tee").filter(|_| !behavior.batch).map(str::to_owned),
            pager: values.is_given("pager").then(|| values.text("pager").unwrap_or_default().to_owned()),
            ignores_interrupts: values.flag("sigint-ignore"),
            behavior,
        })
    }
}

fn delimiter(text: &str) -> Result<String, String> {
    match text {
        "" => Err("option '--delimiter': it must be followed by a 'delimiter' character or string".to_owned()),
        text if text.contains('\\') => Err("option '--delimiter': it cannot contain a backslash character".to_owned()),
        text => Ok(text.to_owned()),
    }
}

/// The limits of `--safe-updates`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SafeUpdates {
    rows: u64,
    joined: u64,
}

impl SafeUpdates {
    fn of(values: &Values) -> Option<Self> {
        let number = |name| values.number(name).unwrap_or_default();
        let is_on = values.flag("safe-updates") || values.flag("i-am-a-dummy");
        is_on.then(|| Self { rows: number("select-limit"), joined: number("max-join-size") })
    }

    /// The statement for servers that have no `max_join_size`.
    pub(crate) fn without_joins(&self) -> String {
        format!("SET sql_safe_updates=1,sql_select_limit={}", self.rows)
    }

    /// The statement that mysql sends.
    pub(crate) fn statement(&self) -> String {
        format!("{},max_join_size={}", self.without_joins(), self.joined)
    }
}

fn behavior(values: &Values, Surroundings { terminal }: Surroundings) -> Behavior {
    let batch = values.flag("batch");
    // Without a terminal at both ends, mysql counts one `--silent` more.
    let silent = values.count("silent") + usize::from(!terminal);
    let interactive = terminal && !batch && !values.is_given("execute");
    Behavior {
        batch: !interactive,
        force: values.flag("force"),
        silent: if batch { silent.max(1) } else { silent },
        verbose: values.count("verbose"),
        table: values.flag("table"),
        vertical: values.flag("vertical"),
        style: Style {
            column_names: values.flag("column-names"),
            raw: values.flag("raw"),
            binary_as_hex: values.given_flag("binary-as-hex").unwrap_or(terminal),
        },
        show_warnings: values.flag("show-warnings"),
        line_numbers: values.flag("line-numbers"),
        unbuffered: values.flag("unbuffered"),
        // A script must not continue in a new session, because that has lost the old one's state.
        reconnect: interactive && values.flag("reconnect"),
        markup: match (values.flag("html"), values.flag("xml")) {
            (_, true) => Some(Markup::Xml),
            (true, false) => Some(Markup::Html),
            (false, false) => None,
        },
        quick: values.flag("quick"),
        auto_vertical: values.flag("auto-vertical-output"),
        rehash: interactive && values.flag("auto-rehash") && !values.flag("no-auto-rehash"),
    }
}

/// The server's address. `localhost` means the Unix socket unless TCP or a port is requested, as in mysql.
fn address(
    values: &Values,
    host: &str,
    variable: &impl Fn(&str) -> Option<String>,
    exists: impl Fn(&str) -> bool,
) -> Result<Address, String> {
    let port = values.number("port").filter(|port| *port != 0);
    let is_local = host.eq_ignore_ascii_case("localhost");
    let socket = values.text("socket").map(str::to_owned).or_else(|| variable("MYSQL_UNIX_PORT"));
    let use_socket = match values.text("protocol") {
        Some("TCP") => false,
        Some("SOCKET") if !is_local => {
            return Err(format!("option '--protocol': a Unix socket is on this machine, not on '{host}'"));
        }
        Some(_) => true,
        None => is_local && (port.is_none() || values.is_given("socket")),
    };
    if use_socket {
        let found = || SOCKETS.into_iter().find(|path| exists(path)).unwrap_or(SOCKETS[0]).to_owned();
        return Ok(Address::Unix(socket.unwrap_or_else(found).into()));
    }
    let inherited = || variable("MYSQL_TCP_PORT").and_then(|port| port.parse().ok());
    let port = port.and_then(|port| u16::try_from(port).ok()).or_else(inherited).unwrap_or(DEFAULT_PORT);
    Ok(Address::Tcp { host: host.to_owned(), port })
}

/// The character sets with the ids of their default collations, as the handshake carries them.
const CHARSETS: [(&str, u8); 7] =
    [("utf8mb4", 45), ("utf8", 33), ("utf8mb3", 33), ("latin1", 8), ("latin2", 9), ("ascii", 11), ("binary", 63)];

/// The id of utf8mb4's default collation.
const UTF8MB4: u8 = 45;

/// The id of a character set's default collation.
pub(crate) fn charset(name: &str) -> Option<u8> {
    CHARSETS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, id)| *id)
}

/// The id as in [`charset`]; also for mysql's `auto`, which means the character set that can represent every text.
fn default_charset(name: &str) -> Result<u8, String> {
    let name = if name.eq_ignore_ascii_case("auto") { "utf8mb4" } else { name };
    charset(name).ok_or_else(|| {
        let names: Vec<&str> = CHARSETS.iter().map(|(name, _)| *name).collect();
        format!("option '--default-character-set': '{name}' is none of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_options::{Environment, Outcome};

    fn settings_at(line: &str, terminal: bool, set: &[(&str, &str)], present: &str) -> Result<Settings, String> {
        let Ok(Outcome::Run(values)) = PROGRAM.parse(line.split_whitespace(), &Environment::default()) else {
            panic!("{line} is no command line");
        };
        let variable = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Settings::from_values(&values, Surroundings { terminal }, variable, |path| path == present)
    }

    fn settings(line: &str) -> Settings {
        settings_at(line, true, &[], "").unwrap()
    }

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.to_owned(), port }
    }

    #[test]
    fn localhost_is_the_socket_unless_tcp_is_asked_for() {
        assert_eq!(settings("").connection.address, Address::Unix(SOCKETS[0].into()));
        assert_eq!(
            settings_at("", true, &[], "/tmp/mysql.sock").unwrap().connection.address,
            Address::Unix("/tmp/mysql.sock".into())
        );
        assert_eq!(settings("-S /s").connection.address, Address::Unix("/s".into()));
        assert_eq!(settings("-S /s -P 3307").connection.address, Address::Unix("/s".into()));
        assert_eq!(settings("-P 3307").connection.address, tcp("localhost", 3307));
        assert_eq!(settings("-h localhost -P 3307").connection.address, tcp("localhost", 3307));
        assert_eq!(settings("--protocol=tcp").connection.address, tcp("localhost", 3306));
        assert_eq!(settings("-h 127.0.0.1 -S /s").connection.address, tcp("127.0.0.1", 3306));
        assert!(settings_at("-h db1 --protocol=socket", true, &[], "").is_err());
        assert_eq!(
            settings_at("-h db1", true, &[("MYSQL_TCP_PORT", "3310")], "").unwrap().connection.address,
            tcp("db1", 3310)
        );
        assert_eq!(settings_at("", true, &[("MYSQL_HOST", "db2")], "").unwrap().connection.address, tcp("db2", 3306));
    }

    #[test]
    fn the_password_is_given_inherited_or_asked_for() {
        let password = |line, set: &[(&str, &str)]| match settings_at(line, true, set, "").unwrap().connection.password
        {
            Password::Given(secret) => Some(String::from_utf8(secret.expose().to_vec()).unwrap()),
            Password::Ask => None,
        };
        let inherited = [("MYSQL_PWD", "from environment")];
        assert_eq!(password("-psecret", &inherited).as_deref(), Some("secret"));
        assert_eq!(password("", &inherited).as_deref(), Some("from environment"));
        assert_eq!(password("", &[]).as_deref(), Some(""));
        assert_eq!(password("-p", &inherited), None);
    }

    #[test]
    fn output_depends_on_who_reads_it() {
        let silent = |line: &str, terminal| settings_at(line, terminal, &[], "").unwrap().behavior.silent;
        assert_eq!((silent("", true), silent("", false), silent("-B", true), silent("-B", false)), (0, 1, 1, 1));
        assert_eq!((silent("-s", true), silent("-s", false), silent("-ss", true)), (1, 2, 2));
        let batch = |line: &str, terminal| settings_at(line, terminal, &[], "").unwrap().behavior.batch;
        assert!(!batch("", true) && batch("", false) && batch("-B", true) && batch("-eSTATUS", true));
        assert!(settings("").behavior.style.column_names && !settings("-N").behavior.style.column_names);
        assert_eq!(settings("-vvv").behavior.verbose, 3);
        let read = |line: &str, terminal| settings_at(line, terminal, &[], "").unwrap();
        assert_eq!(read("--tee=f", true).tee.as_deref(), Some("f"));
        assert_eq!(read("--tee=f", false).tee, None);
        assert!(read("", true).behavior.reconnect && !read("--skip-reconnect", true).behavior.reconnect);
        assert!(!read("", false).behavior.reconnect && !read("-eSTATUS", true).behavior.reconnect);
    }

    #[test]
    fn what_is_run_at_each_connect_is_what_mysql_sends() {
        let plain = settings("");
        assert_eq!((plain.connection.safe_updates, plain.connection.init), (None, None));
        let safe = |line| settings(line).connection.safe_updates.unwrap();
        let statement = "SET sql_safe_updates=1,sql_select_limit=1000,max_join_size=1000000";
        assert_eq!(safe("-U").statement(), statement);
        assert_eq!(safe("--i-am-a-dummy --select-limit=5").statement(), statement.replace("1000,", "5,"));
        assert_eq!(safe("-U").without_joins(), "SET sql_safe_updates=1,sql_select_limit=1000");
        assert_eq!(settings("-U --init-command=x").connection.init.as_deref(), Some("x"));
    }

    #[test]
    fn a_url_is_no_database_and_is_not_repeated() {
        let error = settings_at("mysql://root:hush@127.0.0.1:3306/app", true, &[], "").unwrap_err();
        assert!(error.contains("-u, -p, -h and -P") && !error.contains("hush"), "{error}");
    }

    #[test]
    fn options_of_mysql_without_effect_are_known() {
        for line in ["-A", "--no-auto-rehash", "--skip-auto-rehash", "-C", "-c", "-b", "-w", "-G", "--histignore=x"] {
            assert!(settings_at(line, true, &[], "").is_ok(), "{line}");
        }
    }

    #[test]
    fn statements_and_the_database_are_taken_from_the_line() {
        let read = settings("-e one -Dother -e two test");
        assert_eq!(read.execute, ["one", "two"]);
        assert_eq!(read.connection.database.as_deref(), Some("test"));
        assert_eq!(settings("-Dother").connection.database.as_deref(), Some("other"));
    }

    #[test]
    fn what_cannot_work_is_said_at_once() {
        for line in ["--default-auth=dialog", "--delimiter=\\", "--default-character-set=klingon"] {
            assert!(settings_at(line, true, &[], "").is_err(), "{line}");
        }
    }
}
