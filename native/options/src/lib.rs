#![doc = include_str!("../README.md")]

mod command_line;
pub mod compression;
mod conceal;
mod defaults;
mod error;
mod files;
mod help;
mod program;
mod setting;
mod spec;
pub mod tls;
mod values;
mod variables;

pub use conceal::arguments;
pub use error::{OptionError, nearest_word};
pub use files::{Environment, GroupSetting, settings_of};
pub use program::Program;
pub use spec::{Kind, Preset, Spec, dashed};
pub use values::{Occurrence, OptionValue, Origin, Values};
pub use variables::{distrust_environment, variable};

use std::ffi::OsString;

use command_line::Reader;
use defaults::Defaults;

/// The next step after the options are read.
#[derive(Debug)]
pub enum Outcome {
    /// Run with these values.
    Run(Values),
    /// Print this text to standard output, and leave with exit code 0.
    Print(String),
}

impl Program {
    /// Reads option files and the command line; `arguments` lacks the program's own name.
    pub fn parse<A>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        environment: &Environment,
    ) -> Result<Outcome, OptionError>
    where
        A: Into<OsString>,
    {
        let (defaults, arguments) = Defaults::take(arguments)?;
        let mut command_line = Reader::new(self);
        command_line.arguments(&arguments)?;
        if command_line.is_given("help") {
            return Ok(Outcome::Print(help::text(self, environment)));
        }
        if command_line.asks_for_version() {
            return Ok(Outcome::Print(format!("{}  Ver {}\n", self.name, self.version)));
        }

        let mut reader = Reader::new(self);
        let files::Read { mut settings, others, warnings, ignored } = files::read(self, &defaults, environment)?;
        (reader.warnings, reader.ignored) = (warnings, ignored);
        // Other programs' settings are read first, so that the program's own groups win wherever they stand.
        let taken = reader.settings_of_others(others)?;
        for setting in &settings {
            reader.file_setting(setting)?;
        }
        settings.splice(0..0, taken);
        if defaults.print {
            return Ok(Outcome::Print(help::defaults(self, &settings, &arguments)));
        }
        reader.append(command_line);
        Ok(Outcome::Run(reader.finish(environment.home.as_deref())))
    }

    /// The places of secrets on a command line: each argument's index, and how many bytes at its end are the secret.
    fn secrets(&self, arguments: &[OsString]) -> Vec<(usize, usize)> {
        let Ok((_, rest)) = Defaults::take(arguments.iter().cloned()) else { return Vec::new() };
        let before = arguments.len() - rest.len();
        let mut reader = Reader::new(self);
        // A mistake is ignored here, because it ends the program when the arguments are parsed.
        let _ = reader.arguments(&rest);
        reader.secrets.into_iter().map(|(index, length)| (before + index, length)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Environment, OptionError, Outcome, Program, Spec, Values};

    const PROGRAM: Program = Program {
        name: "sealwire",
        version: "1.0",
        usage: "[OPTIONS]",
        groups: &["mysql", "client"],
        other_groups: &[],
        tables: &[&[
            Spec::text("host", "Host.").short('h'),
            Spec::text("user", "User.").short('u'),
            Spec::number("port", "Port.").short('P'),
            Spec::flag("ssl", "Use TLS."),
            Spec::path("ssl-ca", "CA."),
            Spec::optional_text("password", "Password.").short('p').secret(),
        ]],
        arguments: 0,
    };

    struct Home {
        directory: tempfile::TempDir,
        environment: Environment,
    }

    impl Home {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let at = |name: &str| directory.path().join(name);
            let environment = Environment {
                system_files: vec![at("etc.cnf"), at("etc2.cnf")],
                user_file: Some(at("home.cnf")),
                group_suffix: None,
                home: Some(at("home")),
            };
            Self { directory, environment }
        }

        fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
            let path = self.directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        }

        fn parse(&self, line: &[&str]) -> Result<Outcome, OptionError> {
            PROGRAM.parse(line.iter().copied(), &self.environment)
        }

        fn values(&self, line: &[&str]) -> Values {
            match self.parse(line) {
                Ok(Outcome::Run(values)) => values,
                other => panic!("{line:?} gave {other:?}"),
            }
        }
    }

    #[test]
    fn later_files_win_and_the_command_line_wins_over_all() {
        let home = Home::new();
        home.write("etc.cnf", "[client]\nhost=a\nuser=a\nport=1\nssl\n[mysqld]\nwhatever=1\n");
        home.write("etc2.cnf", "# comment\n; comment\n[mysql]\nhost=b\nuser=b\nskip-ssl\n");
        home.write("home.cnf", "[ client ]\r\nhost = 'c d'\r\n");
        let read = home.values(&["-u", "z"]);
        assert_eq!((read.text("host"), read.text("user"), read.number("port")), (Some("c d"), Some("z"), Some(1)));
        assert_eq!(read.given_flag("ssl"), Some(false));
        let extra = home.write("extra.cnf", "[client]\nhost=e\nport=2\n");
        let read = home.values(&[&format!("--defaults-extra-file={extra}")]);
        assert_eq!(
            (read.text("host"), read.number("port")),
            (Some("c d"), Some(2)),
            "extra comes before the user's own"
        );
    }

    #[test]
    fn one_file_or_none() {
        let home = Home::new();
        home.write("etc.cnf", "[client]\nhost=a\n");
        let only = home.write("only.cnf", "[client]\nuser=o\n");
        let read = home.values(&[&format!("--defaults-file={only}")]);
        assert_eq!((read.text("host"), read.text("user")), (None, Some("o")));
        assert_eq!(home.values(&["--no-defaults"]).text("host"), None);
        let error = home.parse(&["--defaults-file=/nonexistent/x.cnf"]).unwrap_err();
        assert_eq!(error.exit_code(), 1);
        assert!(error.to_string().starts_with("Could not open required defaults file: /nonexistent/x.cnf"), "{error}");
        for option in ["defaults-file", "defaults-extra-file"] {
            let error = home.parse(&[&format!("--{option}=nowhere/x.cnf")]).unwrap_err().to_string();
            let here = std::env::current_dir().unwrap();
            let said =
                format!("it is looked for in '{}', where the program was started: give the whole path", here.display());
            assert!(error.ends_with(&said), "{error}");
        }
        assert_eq!(home.parse(&["--defaults-file="]).unwrap_err().exit_code(), 5);
    }

    #[test]
    fn group_suffix_adds_groups() {
        let mut home = Home::new();
        home.write("etc.cnf", "[client]\nhost=a\nuser=a\n[client_two]\nhost=b\n[client_three]\nhost=c\n");
        assert_eq!(home.values(&["--defaults-group-suffix=_two"]).text("host"), Some("b"));
        home.environment.group_suffix = Some("_three".to_owned());
        assert_eq!(home.values(&[]).text("host"), Some("c"));
        assert_eq!(home.values(&["--defaults_group_suffix=_two"]).text("host"), Some("b"));
        assert_eq!(home.values(&["--defaults-group-suffix=_two"]).text("user"), Some("a"));
    }

    #[test]
    fn files_are_included() {
        let home = Home::new();
        home.write("etc.cnf", "!include one/inner.cnf\n!includedir two\n[client]\nuser=outer\n");
        home.write("one/inner.cnf", "[client]\nuser=inner\nport=7\n");
        home.write("two/b.cnf", "[client]\nhost=b\n");
        home.write("two/a.cnf", "[client]\nhost=a\n");
        home.write("two/c.txt", "[client]\nhost=c\n");
        let read = home.values(&[]);
        assert_eq!((read.text("host"), read.text("user"), read.number("port")), (Some("b"), Some("outer"), Some(7)));
        home.write("home.cnf", "!include home.cnf\n");
        assert!(home.parse(&[]).unwrap_err().to_string().contains("Wrong '!include' directive"));
    }

    #[test]
    fn errors_name_file_and_line() {
        let home = Home::new();
        for (text, expected, exit_code) in [
            ("[client]\n\nhots=a\n", "unknown variable 'hots=a' in FILE, line 3; did you mean '--host'?", 7),
            ("[client]\nfooz\n", "unknown option '--fooz' in FILE, line 2 (write loose-…", 2),
            ("[client]\nssl=yes please\n", "option '--ssl': 'yes please' is not a boolean", 13),
            ("[client]\nport\n", "option '--port' requires an argument in FILE, line 2", 5),
            ("host=a\n", "Found option without preceding group in FILE, line 1", 1),
            ("[client\nhost=a\n", "Wrong group definition in FILE, line 1: ']' is missing", 1),
            ("!inclode x\n", "Wrong '!inclode' directive in FILE, line 1", 1),
        ] {
            let path = home.write("etc.cnf", text);
            let error = home.parse(&[]).unwrap_err();
            assert!(error.to_string().starts_with(&expected.replace("FILE", &path)), "{error}");
            assert_eq!(error.exit_code(), exit_code, "{error}");
        }
        home.write("etc.cnf", "[client]\nloose-fooz=1\nhost=a\n");
        let read = home.values(&[]);
        assert!(read.warnings()[0].starts_with("unknown option '--loose-fooz' in "), "{:?}", read.warnings());
    }

    #[test]
    fn option_files_are_bytes() {
        let home = Home::new();
        home.write(
            "etc.cnf",
            b"# Z\xfcrich\n[mysqld]\nx=\xfc\n[Z\xfcrich]\n[client]\nuser=a # \xfc\npassword=\"\xfc\\\"#\"\n",
        );
        let read = home.values(&[]);
        assert_eq!((read.text("user"), read.bytes("password")), (Some("a"), Some(&b"\xfc\"#"[..])));
        assert!(!read.is_bare("password") && !format!("{read:?}").contains("fc"), "{read:?}");
        assert_eq!(home.values(&["-pz"]).bytes("password"), Some(&b"z"[..]));
        home.write("etc.cnf", b"[client]\nhost=Z\xfcrich\n");
        let error = home.parse(&[]).unwrap_err();
        assert_eq!(error.exit_code(), 13);
        assert!(error.to_string().starts_with("option '--host': its value is not UTF-8 text in "), "{error}");
        assert!(error.to_string().ends_with("etc.cnf, line 2"), "{error}");
    }

    #[test]
    fn a_tilde_is_the_home_directory() {
        let mut home = Home::new();
        let at = |rest: &str| Some(home.directory.path().join("home").join(rest).to_str().unwrap().to_owned());
        home.write("etc.cnf", "[client]\nssl-ca=~/certs/ca.pem\nhost=~/x\n");
        let read = home.values(&[]);
        assert_eq!(read.text("ssl-ca").map(str::to_owned), at("certs/ca.pem"));
        assert_eq!(read.text("host"), Some("~/x"), "no path");
        assert_eq!(home.values(&["--ssl-ca", "~/a"]).text("ssl-ca").map(str::to_owned), at("a"));
        for as_it_is in ["~joe/ca.pem", "a/~/b", "", "/~"] {
            assert_eq!(home.values(&[&format!("--ssl-ca={as_it_is}")]).text("ssl-ca"), Some(as_it_is));
        }
        home.write("home/mine.cnf", "[client]\nuser=mine\n");
        assert_eq!(home.values(&["--defaults-file=~/mine.cnf"]).text("user"), Some("mine"));
        assert_eq!(home.values(&["--defaults-extra-file=~/mine.cnf"]).text("user"), Some("mine"));
        home.environment.home = None;
        assert_eq!(home.values(&[]).text("ssl-ca"), Some("~/certs/ca.pem"));
    }

    #[test]
    fn a_maximum_bounds_a_number() {
        let home = Home::new();
        home.write("etc.cnf", "[client]\nmaximum-port=1K\nport=2000\n");
        let read = home.values(&[]);
        assert_eq!(read.number("port"), Some(1024));
        assert_eq!(read.warnings(), ["option '--port': 2000 is lowered to 1024, its --maximum-port"]);
        assert_eq!(home.values(&["--port=7"]).number("port"), Some(7));
        assert_eq!(home.parse(&["--maximum-host=7"]).unwrap_err().exit_code(), 7);
        assert_eq!(home.parse(&["--maximum-port=x"]).unwrap_err().exit_code(), 13);
    }

    #[cfg(unix)]
    #[test]
    fn world_writable_files_are_ignored_with_a_warning() {
        use std::os::unix::fs::PermissionsExt;
        let home = Home::new();
        let path = home.write("etc.cnf", "[client]\nhost=a\n");
        fs::set_permissions(Path::new(&path), fs::Permissions::from_mode(0o666)).unwrap();
        let read = home.values(&[]);
        assert_eq!(read.text("host"), None);
        assert_eq!(read.warnings(), [format!("World-writable config file '{path}' is ignored")]);
        assert_eq!(read.ignored_files(), [Path::new(&path)]);
    }

    #[test]
    fn print_defaults_shows_all_but_passwords() {
        let home = Home::new();
        home.write("etc.cnf", "[client]\nhost=a\npassword=hunter2\nssl\n");
        let Ok(Outcome::Print(text)) = home.parse(&["--print-defaults", "-u", "z"]) else { panic!() };
        let expected =
            "sealwire would have been started with the following arguments:\n--host=a --password=***** --ssl -u z \n";
        assert_eq!(text, expected);
    }
}
