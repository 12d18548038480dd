//! Parses the command line, and the settings of option files by the same rules.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use super::defaults::{Defaults, split_value};
use super::error::OptionError;
use super::files;
use super::program::Program;
use super::setting::Setting;
use super::spec::{Kind, Spec, split_prefix};
use super::values::{Occurrence, OptionValue, Origin, Values, parse};

/// Collects the given options, according to one program's tables.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    program: &'a Program,
    occurrences: Vec<Occurrence>,
    arguments: Vec<String>,
    pub warnings: Vec<String>,
    /// The option files that are there and were not read.
    pub ignored: Vec<PathBuf>,
    /// The arguments of the command line that end with a secret: each one's index and the secret's length.
    pub secrets: Vec<(usize, usize)>,
    /// The limits set by `--maximum-…`.
    maxima: Vec<(&'static Spec, u64)>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(program: &'a Program) -> Self {
        Self {
            program,
            occurrences: Vec::new(),
            arguments: Vec::new(),
            warnings: Vec::new(),
            ignored: Vec::new(),
            secrets: Vec::new(),
            maxima: Vec::new(),
        }
    }

    /// Parses a command line; stops at `--help` and `--version`, so that they work beside mistakes.
    pub(super) fn arguments(&mut self, arguments: &[String]) -> Result<(), OptionError> {
        let taken = Cell::new(0);
        let mut rest = arguments.iter().map(String::as_str).inspect(|_| taken.set(taken.get() + 1));
        while let Some(argument) = rest.next() {
            let known = self.occurrences.len();
            if argument == "--" {
                self.arguments.extend(rest.by_ref().map(str::to_owned));
            } else if Defaults::recognise(argument).is_some() {
                return Err(OptionError::misplaced(argument));
            } else if let Some(long) = argument.strip_prefix("--") {
                let (name, value) = split_value(long);
                self.long(long, name, value, &mut rest, &Origin::CommandLine)?;
            } else if let Some(letters) = argument.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                self.letters(letters, &mut rest)?;
            } else {
                self.arguments.push(argument.to_owned());
            }
            // The value of an option is the end of the last argument consumed for it.
            for occurrence in self.occurrences.get(known..).unwrap_or_default() {
                if let (true, OptionValue::Text(value)) = (occurrence.spec.secret, &occurrence.given)
                    && !value.is_empty()
                {
                    self.secrets.push((taken.get() - 1, value.len()));
                }
            }
            if self.is_given("help") || self.asks_for_version() {
                return Ok(());
            }
        }
        match self.arguments.get(self.program.arguments) {
            Some(extra) => Err(OptionError::general(format!("Too many arguments (first extra is '{extra}')."))),
            None => Ok(()),
        }
    }

    /// Parses one setting of an option file.
    pub(super) fn file_setting(&mut self, setting: &Setting) -> Result<(), OptionError> {
        let Ok(value) = setting.value.as_deref().map(std::str::from_utf8).transpose() else {
            return self.bytes(setting);
        };
        let written = value.map_or_else(|| setting.name.clone(), |value| format!("{}={value}", setting.name));
        self.long(&written, &setting.name, value, &mut std::iter::empty(), &setting.origin)
    }

    /// Takes a value that is not UTF-8, which only a secret may have.
    fn bytes(&mut self, setting: &Setting) -> Result<(), OptionError> {
        let name = setting.name.replace('_', "-");
        let spec = self.find(&name, &setting.name, &setting.origin)?;
        let Some(spec) = spec.filter(|spec| spec.kind != Kind::Absent) else {
            return Err(OptionError::unknown(self.program, &setting.name, None, &setting.origin));
        };
        if !spec.secret {
            return Err(OptionError::bad_value(spec.name, "its value is not UTF-8 text", &setting.origin));
        }
        let given = OptionValue::Bytes(setting.value.clone().unwrap_or_default());
        self.push(spec, given, &setting.origin, format!("--{}", setting.name));
        Ok(())
    }

    /// Parses the settings of other programs' groups, and returns those that apply here. One warning lists the others.
    pub(super) fn settings_of_others(&mut self, settings: Vec<Setting>) -> Result<Vec<Setting>, OptionError> {
        let mut taken = Vec::new();
        let mut passed_over: Vec<String> = Vec::new();
        for setting in settings {
            let shared = self.shared(&setting.name);
            match shared.map(|_| self.file_setting(&setting)) {
                Some(Ok(())) => taken.push(setting),
                // mysqld adjusts a number out of bounds and starts.
                Some(Err(_)) if shared.is_some_and(|spec| matches!(spec.kind, Kind::Number { .. })) => {
                    let value = String::from_utf8_lossy(setting.value.as_deref().unwrap_or_default());
                    passed_over.push(format!("{}={value}{}", setting.name, setting.origin.suffix()));
                }
                Some(Err(error)) => return Err(error),
                None if passed_over.contains(&setting.name) => {}
                None => passed_over.push(setting.name),
            }
        }
        if !passed_over.is_empty() {
            let bracketed =
                |groups: &[&str]| groups.iter().map(|group| format!("[{group}]")).collect::<Vec<_>>().join(", ");
            self.warnings.push(format!(
                "only TLS options and limits are used from {} in the option files; ignored: {}. Write this server's options \
                 into {}",
                bracketed(self.program.other_groups),
                passed_over.join(", "),
                bracketed(self.program.groups),
            ));
        }
        Ok(taken)
    }

    /// The shared option that another program's setting means. Only the whole name counts, because that program's other options, and so its
    /// abbreviations, are unknown here.
    fn shared(&self, name: &str) -> Option<&'static Spec> {
        let plain = name.replace('_', "-");
        let mut bare = plain.as_str();
        loop {
            if let Some(spec) = self.program.specs().find(|spec| spec.name == bare) {
                return Some(spec).filter(|spec| spec.shared);
            }
            (_, bare) = split_prefix(bare)?;
        }
    }

    /// Whether an option was given.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.occurrences.iter().any(|occurrence| occurrence.spec.name == name)
    }

    /// Whether `--version` was given without a text of the program's own option.
    pub(super) fn asks_for_version(&self) -> bool {
        let is_bare = |occurrence: &Occurrence| occurrence.given == OptionValue::Bare;
        self.occurrences.iter().any(|occurrence| occurrence.spec.name == "version" && is_bare(occurrence))
    }

    /// Appends the occurrences that another reader collected, as given later.
    pub(super) fn append(&mut self, later: Self) {
        self.occurrences.extend(later.occurrences);
        self.arguments.extend(later.arguments);
        self.warnings.extend(later.warnings);
        self.maxima.extend(later.maxima);
    }

    /// The values, with `~` expanded in paths and numbers limited by `--maximum-…`.
    pub(super) fn finish(mut self, home: Option<&Path>) -> Values {
        for occurrence in &mut self.occurrences {
            let spec = occurrence.spec;
            match &mut occurrence.given {
                OptionValue::Text(text) if spec.path => {
                    let whole = files::expand(text, home);
                    if let Some(whole) = whole.as_deref().and_then(Path::to_str) {
                        whole.clone_into(text);
                    }
                }
                OptionValue::Number(number) => {
                    let maxima = self.maxima.iter().filter(|(of, _)| of.name == spec.name);
                    if let Some(most) = maxima.map(|(_, most)| *most).min().filter(|most| *number > *most) {
                        let name = spec.name;
                        self.warnings
                            .push(format!("option '--{name}': {number} is lowered to {most}, its --maximum-{name}"));
                        *number = most;
                    }
                }
                _ => {}
            }
        }
        Values::new(self.program, self.occurrences, self.arguments, self.warnings, self.ignored)
    }

    /// Parses one option by its long name. `whole` is name and value as written, for messages.
    fn long<'b>(
        &mut self,
        whole: &str,
        name: &str,
        value: Option<&'b str>,
        rest: &mut impl Iterator<Item = &'b str>,
        origin: &Origin,
    ) -> Result<(), OptionError> {
        let plain = name.replace('_', "-");
        let mut wanted = plain.as_str();
        let mut switch = None;
        let mut loose = false;
        let mut maximum = false;
        let spec = loop {
            match self.find(wanted, whole, origin) {
                Ok(Some(spec)) if !maximum || matches!(spec.kind, Kind::Number { .. }) => break spec,
                Ok(Some(_)) => return Err(OptionError::unknown(self.program, name, value, origin)),
                Err(error) if !loose => return Err(error),
                Ok(None) | Err(_) => {}
            }
            match split_prefix(wanted) {
                Some(("loose", bare)) => (loose, wanted) = (true, bare),
                Some(("maximum", bare)) if switch.is_none() => (maximum, wanted) = (true, bare),
                Some((prefix, bare)) if switch.is_none() => (switch, wanted) = (Some(prefix == "enable"), bare),
                _ if loose => {
                    self.warnings.push(format!("unknown option '--{name}'{}", origin.suffix()));
                    return Ok(());
                }
                _ => return Err(OptionError::unknown(self.program, name, value, origin)),
            }
        };
        if spec.kind == Kind::Absent {
            if loose {
                self.warnings.push(format!("unknown option '--{name}'{}", origin.suffix()));
                return Ok(());
            }
            return Err(OptionError::absent(self.program, spec, value, origin));
        }
        if maximum {
            let value = value.or_else(|| rest.next()).ok_or_else(|| OptionError::needs_value(name, origin))?;
            if let OptionValue::Number(most) = Self::parse(spec, value, origin)? {
                self.maxima.push((spec, most));
            }
            return Ok(());
        }
        let given = match (switch, spec.kind, value) {
            (None, Kind::Flag, None) => OptionValue::Flag(true),
            (None, Kind::Action | Kind::OptionalText, None) => OptionValue::Bare,
            (None, Kind::Action, Some(_)) => return Err(OptionError::takes_no_value(spec.name, origin)),
            (None, _, Some(value)) => Self::parse(spec, value, origin)?,
            (None, _, None) => {
                let value = rest.next().ok_or_else(|| OptionError::needs_value(spec.name, origin))?;
                Self::parse(spec, value, origin)?
            }
            (Some(on), Kind::Flag, None) => OptionValue::Flag(on),
            // As in mysql, --skip-x=0 is a double negation.
            (Some(on), Kind::Flag, Some(value)) => match Self::parse(spec, value, origin)? {
                OptionValue::Flag(said) => OptionValue::Flag(said == on),
                other => other,
            },
            (Some(false), Kind::OptionalText, None) => OptionValue::Text(String::new()),
            (Some(_), ..) => {
                let problem = format!("'--{name}' is invalid, because this option can't be switched on or off");
                return Err(OptionError::bad_value(spec.name, &problem, origin));
            }
        };
        self.push(spec, given, origin, format!("--{name}"));
        Ok(())
    }

    /// Parses letters such as `-BNe 'select 1'`: flags, until a letter with a value takes the rest.
    fn letters<'b>(&mut self, letters: &'b str, rest: &mut impl Iterator<Item = &'b str>) -> Result<(), OptionError> {
        let origin = Origin::CommandLine;
        let mut left = letters.chars();
        while let Some(letter) = left.next() {
            let (spec, on) = self.find_letter(letter)?;
            if spec.kind == Kind::Absent {
                return Err(OptionError::absent(self.program, spec, None, &origin));
            }
            let attached = left.as_str();
            let given = match spec.kind {
                Kind::Flag => OptionValue::Flag(on),
                Kind::Action => OptionValue::Bare,
                Kind::OptionalText if attached.is_empty() => OptionValue::Bare,
                _ => {
                    left = "".chars();
                    let value = Some(attached).filter(|attached| !attached.is_empty()).or_else(|| rest.next());
                    let value = value.ok_or_else(|| OptionError::needs_value(spec.name, &origin))?;
                    Self::parse(spec, value, &origin)?
                }
            };
            self.push(spec, given, &origin, format!("-{letter}"));
        }
        Ok(())
    }

    fn parse(spec: &Spec, value: &str, origin: &Origin) -> Result<OptionValue, OptionError> {
        parse(spec, value).map_err(|problem| OptionError::bad_value(spec.name, &problem, origin))
    }

    fn push(&mut self, spec: &'static Spec, given: OptionValue, origin: &Origin, written: String) {
        self.occurrences.push(Occurrence { spec, given, origin: origin.clone(), written });
    }

    /// The option of this name, or the only one whose name begins with it.
    fn find(&self, name: &str, whole: &str, origin: &Origin) -> Result<Option<&'static Spec>, OptionError> {
        if let Some(spec) = self.program.specs().find(|spec| spec.name == name) {
            return Ok(Some(spec));
        }
        let mut candidates = self.program.specs().filter(|spec| spec.name.starts_with(name));
        let Some(first) = candidates.next() else { return Ok(None) };
        match candidates.last() {
            None => Ok(Some(first)),
            Some(last) => {
                // A value attached to an abbreviated name may be a password.
                let secret = first.secret || last.secret;
                let shown = if secret { split_value(whole).0 } else { whole };
                Err(OptionError::ambiguous(shown, first.name, last.name, origin))
            }
        }
    }

    fn find_letter(&self, letter: char) -> Result<(&'static Spec, bool), OptionError> {
        self.program
            .specs()
            .find_map(|spec| {
                let on = spec.short == Some(letter);
                (on || spec.off_short.is_some_and(|(off, _)| off == letter)).then_some((spec, on))
            })
            // mysql has two letters for help.
            .or_else(|| (letter == 'I').then(|| self.find_letter('?').ok()).flatten())
            .ok_or_else(|| OptionError::unknown_letter(letter))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Environment, OptionError, OptionValue, Outcome, Program, Spec, Values};

    const TABLE: &[Spec] = &[
        Spec::text("host", "Connect to host.").short('h').default("localhost"),
        Spec::optional_text("password", "Password to use.").short('p').secret(),
        Spec::number("port", "Port number.").short('P').between(0, 65535).default("3306"),
        Spec::number("max-allowed-packet", "Greatest packet.").default("16M"),
        Spec::flag("batch", "No interaction.").short('B'),
        Spec::flag("silent", "Be more silent.").short('s').repeatable(),
        Spec::flag("column-names", "Write column names.").off_short('N', "Don't write them.").default("on"),
        Spec::text("execute", "Execute and quit.").short('e').repeatable(),
        Spec::choice("ssl-mode", &["DISABLED", "VERIFY_CA"], "Security."),
        Spec::flag("ssl", "Use TLS.").default("on"),
        Spec::text("ssl-ca", "CA file."),
        Spec::text("ssl-capath", "CA directory."),
        Spec::text("ssl-key", "Key file."),
        Spec::text("ssl-crlpath", "CRL directory."),
        Spec::flag("skip-networking", "No TCP."),
        Spec::number("log-level", "How much."),
        Spec::absent("log", "has no log: redirect standard error"),
        Spec::absent("user", "keeps its user: start it as that user").short('u'),
    ];
    const PROGRAM: Program = Program {
        name: "sealwire",
        version: "1.0",
        usage: "[OPTIONS] [database]",
        groups: &["client"],
        other_groups: &[],
        tables: &[TABLE],
        arguments: 1,
    };

    fn parse(line: &[&str]) -> Result<Outcome, OptionError> {
        PROGRAM.parse(line.iter().copied(), &Environment::default())
    }

    fn values(line: &[&str]) -> Values {
        match parse(line) {
            Ok(Outcome::Run(values)) => values,
            other => panic!("{line:?} gave {other:?}"),
        }
    }

    fn printed(line: &[&str]) -> String {
        match parse(line) {
            Ok(Outcome::Print(text)) => text,
            other => panic!("{line:?} gave {other:?}"),
        }
    }

    #[test]
    fn a_value_is_attached_or_follows() {
        for line in
            [&["--host=db1"][..], &["--host", "db1"], &["-hdb1"], &["-h", "db1"], &["--ho=db1"], &["--ho", "db1"]]
        {
            assert_eq!(values(line).text("host"), Some("db1"), "{line:?}");
        }
        assert_eq!(values(&["-h=db1"]).text("host"), Some("=db1"), "as mysql: what is attached is the value");
        assert_eq!(values(&["--host="]).text("host"), Some(""));
        assert_eq!(values(&["--ssl_ca=x"]).text("ssl-ca"), Some("x"));
        assert_eq!(values(&["--host", "--batch"]).text("host"), Some("--batch"), "as mysql: whatever follows");
    }

    #[test]
    fn a_password_is_never_the_next_argument() {
        assert!(values(&["-p", "test"]).is_bare("password"));
        assert_eq!(values(&["-p", "test"]).arguments(), ["test"]);
        assert!(values(&["--password", "test"]).is_bare("password"));
        assert_eq!(values(&["-psecret"]).text("password"), Some("secret"));
        assert_eq!(values(&["--password=secret"]).text("password"), Some("secret"));
        assert_eq!(values(&["--skip-password"]).text("password"), Some(""));
        assert_eq!(values(&["-psecret", "-p"]).text("password"), None, "the last one wins");
        assert!(!values(&[]).is_given("password"));
    }

    #[test]
    fn flags_are_bundled_until_a_letter_takes_the_rest() {
        let read = values(&["-BNsse", "select 1", "-eselect 2", "test"]);
        assert!(read.flag("batch"));
        assert!(!read.flag("column-names"));
        assert_eq!(read.count("silent"), 2);
        assert_eq!(read.texts("execute").collect::<Vec<_>>(), ["select 1", "select 2"]);
        assert_eq!(read.arguments(), ["test"]);
        assert_eq!(values(&["-s", "--skip-silent", "-s"]).count("silent"), 1);
    }

    #[test]
    fn booleans_are_strict() {
        for on in
            ["--ssl", "--ssl=1", "--ssl=on", "--ssl=TRUE", "--ssl=yes", "--enable-ssl", "--skip-ssl=0", "--loose-ssl"]
        {
            assert_eq!(values(&["--ssl=0", on]).given_flag("ssl"), Some(true), "{on}");
        }
        for off in [
            "--ssl=0",
            "--ssl=off",
            "--ssl=False",
            "--ssl=no",
            "--skip-ssl",
            "--disable-ssl",
            "--loose-ssl=0",
            "--loose-skip-ssl",
            "--enable-ssl=0",
            "--skip-ssl=1",
        ] {
            assert_eq!(values(&[off]).given_flag("ssl"), Some(false), "{off}");
        }
        assert_eq!(values(&[]).given_flag("ssl"), None);
        assert!(values(&[]).flag("ssl"), "the default");
        for wrong in ["--ssl=yes please", "--ssl=", "--ssl=2", "--ssl=DISABLED", "--skip-ssl=maybe"] {
            let error = parse(&[wrong]).unwrap_err();
            assert_eq!(error.exit_code(), 13);
            assert!(error.to_string().starts_with("option '--ssl': '"), "{error}");
            assert!(error.to_string().ends_with("use 1, on, true, yes or 0, off, false, no"), "{error}");
        }
    }

    #[test]
    fn errors_are_mysqls() {
        for (line, exit_code, text) in [
            (&["--ssl-c=/x"][..], 3, "ambiguous option '--ssl-c=/x' (ssl-ca, ssl-crlpath)"),
            (&["--ssl-caa=/x"], 7, "unknown variable 'ssl-caa=/x'; did you mean '--ssl-ca'?"),
            (&["--pasword=hunter2"], 7, "unknown variable 'pasword=…'; did you mean '--password'?"),
            (&["--fooz"], 2, "unknown option '--fooz'; --help lists the options"),
            (&["--skip-sssl"], 2, "unknown option '--skip-sssl'; did you mean '--ssl'?"),
            (&["-Q"], 2, "unknown option '-Q'; --help lists the options"),
            (&["-BQ"], 2, "unknown option '-Q'; --help lists the options"),
            (&["--ssl-ca"], 5, "option '--ssl-ca' requires an argument"),
            (&["-h"], 5, "option '--host' requires an argument"),
            (&["--help=3"], 4, "option '--help' cannot take an argument"),
            (&["--port=abc"], 13, "option '--port': 'abc' is not a whole number (with K, M, G or T at most)"),
            (&["--port=70000"], 13, "option '--port': 70000 is out of range, 0 to 65535"),
            (&["--port=-1"], 13, "option '--port': '-1' is not a whole number (with K, M, G or T at most)"),
            (&["--ssl-mode=VERIFY"], 13, "option '--ssl-mode': 'VERIFY' is none of DISABLED, VERIFY_CA"),
            (
                &["--skip-port"],
                13,
                "option '--port': '--skip-port' is invalid, because this option can't be switched on or off",
            ),
            (&["--log=/x"], 7, "unknown variable 'log=/x'; sealwire has no log: redirect standard error"),
            (&["--skip-log"], 2, "unknown option '--log'; sealwire has no log: redirect standard error"),
            (&["-Bu", "x"], 2, "unknown option '--user'; sealwire keeps its user: start it as that user"),
            (&["--userr=x"], 7, "unknown variable 'userr=x'; --help lists the options"),
            (&["--batch", "--no-defaults"], 2, "option '--no-defaults' must come before all other options"),
            (&["a", "b"], 1, "Too many arguments (first extra is 'b')."),
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!((error.exit_code(), error.to_string().as_str()), (exit_code, text), "{line:?}");
        }
    }

    #[test]
    fn numbers_and_words() {
        assert_eq!(values(&[]).number("port"), Some(3306));
        assert_eq!(values(&["-P0"]).number("port"), Some(0));
        assert_eq!(values(&[]).number("max-allowed-packet"), Some(16 << 20));
        assert_eq!(values(&["--max-allowed-packet=1g"]).number("max-allowed-packet"), Some(1 << 30));
        assert!(parse(&["--max-allowed-packet=99999999999T"]).is_err());
        assert_eq!(values(&["--ssl-mode=verify_ca"]).text("ssl-mode"), Some("VERIFY_CA"));
        assert_eq!(values(&[]).text("ssl-mode"), None);
    }

    #[test]
    fn a_name_that_begins_like_a_prefix_is_itself() {
        assert!(values(&["--skip-networking"]).flag("skip-networking"));
        assert!(values(&["--skip-net"]).flag("skip-networking"));
    }

    #[test]
    fn loose_turns_the_unknown_into_a_warning() {
        let read = values(&["--loose-fooz=1", "--loose-skip-barz", "--batch"]);
        assert_eq!(read.warnings(), ["unknown option '--loose-fooz'", "unknown option '--loose-skip-barz'"]);
        assert!(read.flag("batch"));
        assert_eq!(values(&["--loose-log=x"]).warnings(), ["unknown option '--loose-log'"]);
        assert!(parse(&["--loose-port=x"]).is_err(), "a known option's value still counts");
    }

    #[test]
    fn two_dashes_end_the_options() {
        assert_eq!(values(&["-B", "--", "--batch"]).arguments(), ["--batch"]);
        assert_eq!(values(&["-"]).arguments(), ["-"]);
    }

    #[test]
    fn help_and_version_are_printed_beside_mistakes() {
        for line in [&["--help", "--fooz"][..], &["-?"], &["-I"], &["-B?"]] {
            let text = printed(line);
            assert!(text.contains("\n  -h, --host=name     Connect to host. (Default: localhost.)\n"), "{text}");
            assert!(!text.contains("--user"), "{text}");
            // The text beside each of the two names is of that name.
            assert!(text.contains("\n  --column-names      Write column names. (Defaults to on; use\n"), "{text}");
            assert!(text.contains("\n  -N, --skip-column-names \n                      Don't write them.\n"), "{text}");
        }
        assert_eq!(printed(&["-V"]), "sealwire  Ver 1.0\n");
    }

    #[test]
    fn secrets_are_not_shown() {
        assert!(!format!("{:?}", values(&["-phunter2"])).contains("hunter2"));
        for line in [&["--print-defaults", "--password=hunter2"][..], &["--print-defaults", "-phunter2"]] {
            let text = printed(line);
            assert!(text.contains("*****") && !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn every_occurrence_is_kept_with_its_origin() {
        let read = values(&["--ssl-ca=a", "--skip-ssl"]);
        let all: Vec<_> = read.occurrences("ssl").collect();
        assert_eq!(all.len(), 1);
        assert!(matches!(all[0].given, OptionValue::Flag(false)));
        assert_eq!(all[0].written, "--skip-ssl");
        assert_eq!(all[0].origin.to_string(), "on the command line");
    }
}
