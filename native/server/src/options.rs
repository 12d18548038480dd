//! The server's options, by MySQL's names, and the settings that follow from them.

use std::path::{Path, PathBuf};

use sealwire_core::auth::Plugin;

use super::absent_options;
use super::binary_log_options;
use super::settings::{Globals, OPTIONS, variable};
use super::version::VERSION;
use super::websocket;
use sealwire_net::network::Networks;
use sealwire_options::compression::Algorithms;
use sealwire_options::tls::{SERVER, SERVER_GENERATE};
use sealwire_options::{Program, Values};

/// The program as its users see it.
pub(super) const PROGRAM: Program = Program {
    name: "sealwired",
    version: VERSION,
    usage: "[OPTIONS]",
    groups: &["sealwired"],
    // On a machine with MySQL or MariaDB these groups hold that server's data directory, socket and port.
    other_groups: &["mysqld", "server", "mariadb", "mariadbd"],
    tables: &[
        OPTIONS,
        binary_log_options::OPTIONS,
        websocket::OPTIONS,
        SERVER,
        SERVER_GENERATE,
        absent_options::OPTIONS,
    ],
    arguments: 0,
};

/// The settings from the options, except those of TLS.
#[derive(Debug)]
pub(super) struct Startup {
    pub(super) directory: PathBuf,
    pub(super) addresses: String,
    pub(super) port: u16,
    pub(super) direct_tls_port: u16,
    pub(super) socket: Option<PathBuf>,
    pub(super) pid_file: Option<PathBuf>,
    pub(super) init_file: Option<PathBuf>,
    pub(super) initialize: Option<Initialize>,
    pub(super) default_plugin: Plugin,
    pub(super) threads: usize,
    pub(super) verbosity: u64,
}

/// How to create the data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Initialize {
    /// With a random password for root.
    RandomPassword,
    /// Without a password for root.
    NoPassword,
}

/// The name of MySQL's socket, if no option names one.
const SOCKET_NAME: &str = "mysql.sock";

impl Startup {
    /// Resolves the options; returns the settings of the program and the values of the system variables.
    ///
    /// # Errors
    /// A sentence that names the option.
    pub(super) fn resolve(values: &Values) -> Result<(Self, Globals), String> {
        let globals = Globals::of_options(values);
        let path = |text: &str| Some(PathBuf::from(text)).filter(|path| !path.as_os_str().is_empty());
        let Some(directory) = path(&globals.datadir.get()) else {
            return Err(
                "no data directory: give --datadir, after making it once with --initialize or --initialize-insecure"
                    .to_owned(),
            );
        };
        // The directory is made absolute, so that its files are found after the working directory has changed.
        let directory =
            std::path::absolute(&directory).map_err(|error| format!("--datadir={}: {error}", directory.display()))?;
        let within = |path: PathBuf| directory.join(path);
        let socket = match values.text(variable::socket.option_name()) {
            Some(named) => path(named),
            None => Some(PathBuf::from(SOCKET_NAME)),
        };
        let socket = socket.map(within);
        let pid_file = path(&globals.pid_file.get()).map(within);
        let option = variable::protocol_compression_algorithms.option_name();
        let compression = globals.protocol_compression_algorithms.get();
        if !Algorithms::parse(option, &compression)?.uncompressed {
            return Err(format!(
                "option '--{option}': '{compression}' must include uncompressed, because a client need not support \
                 compression"
            ));
        }
        let option = variable::proxy_protocol_networks.option_name();
        let networks = globals.proxy_protocol_networks.get();
        networks.parse::<Networks>().map_err(|error| format!("option '--{option}': {error}"))?;
        if globals.skip_networking.is_on() {
            globals.bind_address.set("");
        }
        let shown = |path: &Path| path.display().to_string();
        globals.datadir.set(format!("{}/", directory.display()));
        globals.socket.set(socket.as_deref().map(shown).unwrap_or_default());
        globals.pid_file.set(pid_file.as_deref().map(shown).unwrap_or_default());
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let plugin = globals.default_authentication_plugin.get();
        let startup = Self {
            addresses: globals.bind_address.get().to_string(),
            port: u16::try_from(globals.port.get()).unwrap_or(0),
            direct_tls_port: u16::try_from(globals.direct_tls_port.get()).unwrap_or(0),
            socket,
            pid_file,
            init_file: path(&globals.init_file.get()),
            initialize: match (globals.initialize.is_on(), globals.initialize_insecure.is_on()) {
                (_, true) => Some(Initialize::NoPassword),
                (true, _) => Some(Initialize::RandomPassword),
                _ => None,
            },
            default_plugin: Plugin::from_name(plugin.as_bytes()).unwrap_or(Plugin::CachingSha2Password),
            threads: Some(globals.threads.count()).filter(|threads| *threads > 0).unwrap_or(processors),
            verbosity: globals.log_error_verbosity.get(),
            directory,
        };
        Ok((startup, globals))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_options::{Environment, Outcome};

    fn resolve(arguments: &[&str]) -> Result<(Startup, Globals), String> {
        let environment = Environment::default();
        match PROGRAM.parse(arguments.iter().copied(), &environment) {
            Ok(Outcome::Run(values)) => Startup::resolve(&values),
            Ok(Outcome::Print(text)) => Err(text),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn paths_are_in_the_data_directory_unless_they_are_whole() {
        let (settings, _) = resolve(&["--datadir=/d", "--pid-file=x.pid", "--socket=/run/s.sock", "--port=0"]).unwrap();
        assert_eq!(settings.pid_file, Some(PathBuf::from("/d/x.pid")));
        assert_eq!(settings.socket, Some(PathBuf::from("/run/s.sock")));
        assert_eq!(resolve(&["--datadir=/d"]).unwrap().0.socket, Some(PathBuf::from("/d/mysql.sock")));
        assert_eq!(resolve(&["--datadir=/d", "--socket="]).unwrap().0.socket, None);
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
        assert_eq!(Startup::resolve(&values).unwrap().0.directory, PathBuf::from("/d"));
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
        for (given, way_out) in [
            (
                "--log-error=/tmp/x.log",
                "unknown variable 'log-error=/tmp/x.log'; sealwired logs to standard error alone",
            ),
            ("--log_error", "redirect it ('sealwired … 2>>FILE'"),
            ("--user=mysql", "User= of its systemd unit"),
            ("-u", "start it as that user"),
            ("--daemonize", "stays in the foreground"),
            ("--general-log=1", "logs no statements"),
            ("--basedir=/usr", "needs no files"),
            ("--local-infile=1", "has no LOAD DATA"),
            ("--skip-grant-tables", "--init-file"),
        ] {
            let told = resolve(&["--datadir=/d", given]).unwrap_err();
            assert!(told.starts_with("unknown ") && told.contains(way_out), "{told}");
        }
        for given in ["--skip-networking", "--skip-log-bin", "--log-bin", "--log-bin=name", "--version=5.6.51"] {
            assert!(resolve(&["--datadir=/d", given]).is_ok(), "{given}");
        }
        let unknown = resolve(&["--datadir=/d", "--requre-secure-transport"]).unwrap_err();
        assert!(unknown.contains("require-secure-transport"), "{unknown}");
        assert!(resolve(&["--datadir=/d", "--port=70000"]).unwrap_err().contains("port"));
        for wrong in ["--protocol-compression-algorithms=gzip", "--protocol-compression-algorithms=zstd"] {
            let told = resolve(&["--datadir=/d", wrong]).unwrap_err();
            assert!(told.contains("--protocol-compression-algorithms") && told.contains("uncompressed"), "{told}");
        }
    }

    #[test]
    fn options_give_the_variables_of_their_names_values() {
        let set = [
            "--datadir=/d",
            "--max-connections=7",
            "--skip-networking",
            "--connection-memory-limit=4M",
            "-P0",
            "--read-only",
        ];
        let (_, globals) = resolve(&set).unwrap();
        assert!(globals.read_only.is_on());
        assert_eq!((globals.max_connections.get(), globals.connection_memory_limit.get()), (7, 4 << 20));
        assert_eq!((globals.port.get(), &*globals.bind_address.get()), (0, ""));
        assert!(globals.skip_networking.is_on());
        assert_eq!((&*globals.datadir.get(), &*globals.socket.get()), ("/d/", "/d/mysql.sock"));
        assert_eq!((globals.inherited().wait_timeout, globals.max_prepared_stmt_count.get()), (28_800, 16_382));
        assert_eq!(resolve(&["--datadir=/d", "--wait-timeout=9"]).unwrap().1.inherited().wait_timeout, 9);
    }

    #[test]
    fn the_help_names_every_option_once_with_its_default() {
        let help = resolve(&["--help"]).map(drop).unwrap_err().split_whitespace().collect::<Vec<_>>().join(" ");
        for shown in ["(Default: 256M.)", "(Default: 64M.)", "(Default: 3306.)", "(Default: 18446744073709551615.)"] {
            assert_eq!(help.matches(shown).count(), 1, "{shown} in {help}");
        }
        let names: Vec<&str> = OPTIONS.iter().map(sealwire_options::Spec::name).collect();
        assert!(names.is_sorted(), "{names:?}");
        assert!(names.contains(&"initialize-insecure") && names.contains(&"threads"));
        let absent: Vec<&str> = absent_options::OPTIONS.iter().map(sealwire_options::Spec::name).collect();
        assert!(absent.is_sorted() && absent.iter().all(|name| !names.contains(name)), "{absent:?}");
    }
}
