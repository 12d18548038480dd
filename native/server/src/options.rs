//! The server's options, by MySQL's names.

use std::path::PathBuf;

use sealwire_core::auth::Plugin;

use super::state::VERSION;
use super::websocket;
use sealwire_options::compression::Algorithms;
use sealwire_options::tls::{SERVER, SERVER_GENERATE};
use sealwire_options::{Program, Spec, Values};

/// The program as its users see it.
pub(super) const PROGRAM: Program = Program {
    name: "sealwired",
    version: VERSION,
    usage: "[OPTIONS]",
    groups: &["sealwired"],
    // Beside an installed MySQL or MariaDB these hold another server's data directory, socket and port.
    other_groups: &["mysqld", "server", "mariadb", "mariadbd"],
    tables: &[OWN, websocket::OPTIONS, SERVER, SERVER_GENERATE],
    arguments: 0,
};

const PLUGINS: &[&str] = &["caching_sha2_password", "mysql_native_password", "sha256_password", "client_ed25519"];

const OWN: &[Spec] = &[
    Spec::text("bind-address", "Addresses to listen on, separated by commas; * is all of them.").default("*"),
    Spec::number("connect-timeout", "Seconds that a client has to log in.")
        .between(1, 31_536_000)
        .default("10")
        .shared(),
    Spec::number(
        "connection-memory-limit",
        "Bytes of prepared statements and user variables that a connection may have; one with more is closed.",
    )
    .between(2_097_152, u64::MAX)
    .default("256M")
    .shared(),
    Spec::path("datadir", "The data directory.").short('h'),
    Spec::choice("default-authentication-plugin", PLUGINS, "The plugin of accounts that name none.")
        .default("caching_sha2_password"),
    Spec::number(
        "global-connection-memory-limit",
        "Bytes that the server may have in use before it refuses large values; never more than half of the machine's memory.",
    )
    .between(16_777_216, u64::MAX)
    .default("18446744073709551615")
    .shared(),
    Spec::path("init-file", "SQL statements to run at each start, as root."),
    Spec::flag(
        "initialize",
        "Make the data directory and leave; root gets a random password, which the log shows once.",
    ),
    Spec::flag("initialize-insecure", "Make the data directory and leave; root has no password."),
    Spec::number("interactive-timeout", "Seconds after which an idle interactive client is disconnected.")
        .between(1, 31_536_000)
        .default("28800")
        .shared(),
    Spec::number("log-error-verbosity", "How much is logged: 1 errors, 2 warnings too, 3 notes too.")
        .between(1, 3)
        .default("2"),
    Spec::number("max-allowed-packet", "The largest packet in bytes.")
        .between(1024, 1_073_741_824)
        .default("64M")
        .shared(),
    Spec::number("max-connections", "How many clients may be logged in at a time, one administrator more.")
        .between(1, 100_000)
        .default("151")
        .shared(),
    Spec::number("max-prepared-stmt-count", "How many prepared statements all connections together may have.")
        .between(0, 4_194_304)
        .default("16382")
        .shared(),
    Spec::number(
        "max-unauthenticated-connections",
        "How many connections there may be on which nobody is logged in; beyond, the oldest of them is closed.",
    )
    .between(1, 100_000)
    .default("10000")
    .shared(),
    Spec::number(
        "max-unauthenticated-connections-per-address",
        "How many of them from one address; a /64 of IPv6 is one, and so is a user of the Unix socket.",
    )
    .between(1, 100_000)
    .default("5000")
    .shared(),
    Spec::path("pid-file", "Where to write the process's number."),
    Spec::number("port", "The port to listen on; 0 lets the system choose one.")
        .short('P')
        .between(0, 65535)
        .default("3306"),
    Spec::text(
        "protocol-compression-algorithms",
        "How clients may compress: zlib, zstd, uncompressed, separated by commas; the last must be among them.",
    )
    .default("zlib,zstd,uncompressed"),
    Spec::flag("require-secure-transport", "Refuse clients that use neither TLS nor the Unix socket.").shared(),
    Spec::number("server-id", "The server's number.").between(0, 4_294_967_295).default("1"),
    Spec::flag("skip-networking", "Listen on the Unix socket alone."),
    Spec::path("socket", "The Unix socket; empty for none. (Default: mysql.sock in the data directory.)"),
    Spec::number("threads", "Threads that serve connections; 0 is one for each processor.")
        .between(0, 1024)
        .default("0"),
    Spec::number("wait-timeout", "Seconds after which an idle client is disconnected.")
        .between(1, 31_536_000)
        .default("28800")
        .shared(),
];

/// What the options come to, TLS aside.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) directory: PathBuf,
    pub(super) addresses: String,
    pub(super) port: u16,
    pub(super) socket: Option<PathBuf>,
    pub(super) pid_file: Option<PathBuf>,
    pub(super) init_file: Option<PathBuf>,
    pub(super) initialize: Option<Initialize>,
    pub(super) default_plugin: Plugin,
    pub(super) threads: usize,
    pub(super) verbosity: u64,
    /// Values of variables by the same name.
    pub(super) variables: Vec<(&'static str, String)>,
}

/// What to make of a fresh data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Initialize {
    /// root with a random password.
    RandomPassword,
    /// root without one.
    NoPassword,
}

/// The option that says how clients may compress.
const COMPRESSION: &str = "protocol-compression-algorithms";

/// Where MySQL's socket is where none is named.
const SOCKET_NAME: &str = "mysql.sock";

impl Settings {
    /// Reads the values.
    ///
    /// # Errors
    /// A sentence that names the option.
    pub(super) fn resolve(values: &Values) -> Result<Self, String> {
        let Some(directory) = values.path("datadir").filter(|path| !path.as_os_str().is_empty()) else {
            return Err(
                "no data directory: give --datadir, after making it once with --initialize or --initialize-insecure"
                    .to_owned(),
            );
        };
        // Everything that is named in the directory must still be found when someone changes the working directory.
        let directory =
            std::path::absolute(directory).map_err(|error| format!("--datadir={}: {error}", directory.display()))?;
        let within = |path: &std::path::Path| directory.join(path);
        let socket = match values.path("socket") {
            Some(path) if path.as_os_str().is_empty() => None,
            Some(path) => Some(within(path)),
            None => Some(within(std::path::Path::new(SOCKET_NAME))),
        };
        let initialize = match (values.flag("initialize"), values.flag("initialize-insecure")) {
            (_, true) => Some(Initialize::NoPassword),
            (true, _) => Some(Initialize::RandomPassword),
            _ => None,
        };
        let compression = values.text(COMPRESSION).unwrap_or("uncompressed");
        if !Algorithms::parse(COMPRESSION, compression)?.uncompressed {
            return Err(format!(
                "option '--{COMPRESSION}': uncompressed must be among '{compression}', because no client is made to compress"
            ));
        }
        let plugin = values.text("default-authentication-plugin").unwrap_or_default();
        let number = |name: &str| values.number(name).unwrap_or(0);
        let networking = !values.flag("skip-networking");
        let addresses = if networking { values.text("bind-address").unwrap_or("*").to_owned() } else { String::new() };
        let on = |flag: bool| if flag { "ON" } else { "OFF" }.to_owned();
        let mut variables = vec![
            ("bind_address", addresses.clone()),
            ("connect_timeout", number("connect-timeout").to_string()),
            ("connection_memory_limit", number("connection-memory-limit").to_string()),
            ("datadir", format!("{}/", directory.display())),
            ("default_authentication_plugin", plugin.to_owned()),
            ("global_connection_memory_limit", number("global-connection-memory-limit").to_string()),
            ("interactive_timeout", number("interactive-timeout").to_string()),
            ("log_error_verbosity", number("log-error-verbosity").to_string()),
            ("max_allowed_packet", number("max-allowed-packet").to_string()),
            ("max_connections", number("max-connections").to_string()),
            ("max_prepared_stmt_count", number("max-prepared-stmt-count").to_string()),
            ("max_unauthenticated_connections", number("max-unauthenticated-connections").to_string()),
            (
                "max_unauthenticated_connections_per_address",
                number("max-unauthenticated-connections-per-address").to_string(),
            ),
            ("protocol_compression_algorithms", compression.to_owned()),
            ("require_secure_transport", on(values.flag("require-secure-transport"))),
            ("server_id", number("server-id").to_string()),
            ("skip_networking", on(!networking)),
            ("wait_timeout", number("wait-timeout").to_string()),
        ];
        if let Some(socket) = &socket {
            variables.push(("socket", socket.display().to_string()));
        }
        let pid_file = values.path("pid-file").map(within);
        if let Some(pid_file) = &pid_file {
            variables.push(("pid_file", pid_file.display().to_string()));
        }
        let threads = usize::try_from(number("threads")).unwrap_or(0);
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            addresses,
            port: u16::try_from(number("port")).unwrap_or(0),
            socket,
            pid_file,
            init_file: values.path("init-file").map(std::path::Path::to_owned),
            initialize,
            default_plugin: Plugin::from_name(plugin.as_bytes()).unwrap_or(Plugin::CachingSha2Password),
            threads: if threads == 0 { processors } else { threads },
            verbosity: number("log-error-verbosity"),
            variables,
            directory,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_options::{Environment, Outcome};

    fn resolve(arguments: &[&str]) -> Result<Settings, String> {
        let environment = Environment::default();
        match PROGRAM.parse(arguments.iter().copied(), &environment) {
            Ok(Outcome::Run(values)) => Settings::resolve(&values),
            Ok(Outcome::Print(text)) => Err(text),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn paths_are_in_the_data_directory_unless_they_are_whole() {
        let settings = resolve(&["--datadir=/d", "--pid-file=x.pid", "--socket=/run/s.sock", "--port=0"]).unwrap();
        assert_eq!(settings.pid_file, Some(PathBuf::from("/d/x.pid")));
        assert_eq!(settings.socket, Some(PathBuf::from("/run/s.sock")));
        assert_eq!(resolve(&["--datadir=/d"]).unwrap().socket, Some(PathBuf::from("/d/mysql.sock")));
        assert_eq!(resolve(&["--datadir=/d", "--socket="]).unwrap().socket, None);
    }

    fn read(files: &[(&str, &str)], arguments: &[&str]) -> Result<Values, String> {
        let place = tempfile::tempdir().unwrap();
        let mut environment = Environment::default();
        for (name, text) in files {
            let path = place.path().join(name);
            std::fs::write(&path, text).unwrap();
            environment.system_files.push(path);
        }
        match PROGRAM.parse(arguments.iter().copied(), &environment) {
            Ok(Outcome::Run(values)) => Ok(values),
            Ok(Outcome::Print(text)) => Err(text),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Debian's 50-server.cnf, with lines that administrators of MySQL and MariaDB add.
    const OF_ANOTHER_SERVER: &str = "[server]\n[mysqld]\nuser = mysql\npid-file = /run/mysqld/mysqld.pid\nbasedir = /usr\n\
        datadir = /var/lib/mysql\nsocket = /run/mysqld/mysqld.sock\nport = 3307\nbind-address = 127.0.0.1\n\
        log_error = /var/log/mysql/error.log\nexpire_logs_days = 10\ninit_file = /x.sql\nskip-networking\n\
        max_connections = 100\nmax_connections = 200000\nloose-ssl_cert = /etc/mysql/cert.pem\n[mariadb]\nrequire-secure-transport = on\n\
        [mariadbd]\nssl-key = /etc/mysql/key.pem\n[mariadb-10.11]\nx = 1\n";

    #[test]
    fn files_of_another_server_give_tls_and_limits_and_one_warning() {
        let own = "[sealwired]\nwait_timeout = 7\n";
        let values = read(
            &[("own.cnf", own), ("50-server.cnf", &format!("{OF_ANOTHER_SERVER}[mysqld]\nwait_timeout = 9\n"))],
            &["--initialize-insecure", "--datadir=/d"],
        )
        .unwrap();
        assert_eq!(values.number("max-connections"), Some(100));
        assert_eq!(
            (values.text("ssl-cert"), values.text("ssl-key")),
            (Some("/etc/mysql/cert.pem"), Some("/etc/mysql/key.pem"))
        );
        assert!(values.flag("require-secure-transport"));
        assert_eq!(values.number("wait-timeout"), Some(7), "its own group wins, wherever it stands");
        for name in
            ["pid-file", "socket", "init-file", "skip-networking", "log-error-verbosity", "bind-address", "port"]
        {
            assert!(!values.is_given(name), "{name} belongs to the other server");
        }
        assert_eq!(Settings::resolve(&values).unwrap().directory, PathBuf::from("/d"));
        let [warning] = values.warnings() else { panic!("{:?}", values.warnings()) };
        for name in [
            "user",
            "pid-file",
            "basedir",
            "datadir",
            "socket",
            "port",
            "bind-address",
            "log_error",
            "expire_logs_days",
            "init_file",
            "skip-networking",
            "max_connections=200000",
            "[sealwired]",
            "50-server.cnf",
        ] {
            assert!(warning.contains(name), "{name}: {warning}");
        }
    }

    #[test]
    fn its_own_group_is_read_strictly() {
        let error = read(&[("a.cnf", "[sealwired]\nbasedir=/usr\n")], &[]).unwrap_err();
        assert!(error.starts_with("unknown variable 'basedir=/usr' in "), "{error}");
        let error = read(&[("a.cnf", "[mysqld]\nrequire_secure_transport=maybe\n")], &[]).unwrap_err();
        assert!(error.contains("'maybe' is not a boolean"), "a protection is not dropped in silence: {error}");
    }

    #[test]
    fn mistakes_name_the_way_out() {
        assert!(resolve(&[]).unwrap_err().contains("--datadir"));
        let unknown = resolve(&["--datadir=/d", "--requre-secure-transport"]).unwrap_err();
        assert!(unknown.contains("require-secure-transport"), "{unknown}");
        assert!(resolve(&["--datadir=/d", "--port=70000"]).unwrap_err().contains("port"));
        for wrong in ["--protocol-compression-algorithms=gzip", "--protocol-compression-algorithms=zstd"] {
            let told = resolve(&["--datadir=/d", wrong]).unwrap_err();
            assert!(told.contains("--protocol-compression-algorithms") && told.contains("uncompressed"), "{told}");
        }
    }

    #[test]
    fn every_option_that_is_a_variable_is_one() {
        for (name, _) in resolve(&["--datadir=/d", "--pid-file=x"]).unwrap().variables {
            assert!(crate::variables::find(name).is_ok(), "{name}");
        }
    }
}
