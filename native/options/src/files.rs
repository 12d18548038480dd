//! Option files: which of them are read, in which order, and their syntax.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::defaults::Defaults;
use super::error::OptionError;
use super::program::Program;
use super::setting::Setting;
use super::values::Origin;
use super::variables::variable;
use sealwire_net::files::unreadable;
use sealwire_net::regular_file::{self, LARGE};

/// How deep `!include` may be nested; a file that includes itself stops here.
const INCLUDE_DEPTH: usize = 10;

/// The places where option files are looked for. The default has none, for tests.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Files for the whole system, first to last.
    pub system_files: Vec<PathBuf>,
    /// The user's own file, read last.
    pub user_file: Option<PathBuf>,
    /// The group suffix from the environment; `--defaults-group-suffix` wins over it.
    pub group_suffix: Option<String>,
    /// The home directory, which replaces `~` at the beginning of a path.
    pub home: Option<PathBuf>,
}

impl Environment {
    /// The places where mysql looks: `/etc/my.cnf`, `/etc/mysql/my.cnf`, `$MYSQL_HOME/my.cnf`, `~/.my.cnf`, and `MYSQL_GROUP_SUFFIX`.
    pub fn of_process() -> Self {
        let mut system_files = vec![PathBuf::from("/etc/my.cnf"), PathBuf::from("/etc/mysql/my.cnf")];
        system_files.extend(variable("MYSQL_HOME").map(|home| Path::new(&home).join("my.cnf")));
        let home = variable("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        Self {
            system_files,
            user_file: home.as_ref().map(|home| home.join(".my.cnf")),
            group_suffix: variable("MYSQL_GROUP_SUFFIX").and_then(|suffix| suffix.into_string().ok()),
            home,
        }
    }
}

/// The contents of the option files that apply.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The settings of the program's own groups.
    pub settings: Vec<Setting>,
    /// The settings of other programs' groups.
    pub others: Vec<Setting>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// The files that are there and were not read.
    pub ignored: Vec<PathBuf>,
}

/// `~` and `~/…` with the home directory in place of `~`.
pub(super) fn expand(path: &str, home: Option<&Path>) -> Option<PathBuf> {
    let rest = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    home.map(|home| home.join(rest.trim_start_matches('/')))
}

/// Reads the files that apply, and keeps the settings of the groups that apply.
pub(super) fn read(program: &Program, defaults: &Defaults, environment: &Environment) -> Result<Read, OptionError> {
    let suffix = defaults.group_suffix.as_ref().or(environment.group_suffix.as_ref());
    let wanted = |groups: &[&str]| -> Vec<String> {
        let plain = groups.iter().map(|group| (*group).to_owned());
        let suffixed = suffix.into_iter().flat_map(|suffix| groups.iter().map(move |group| format!("{group}{suffix}")));
        plain.chain(suffixed).collect()
    };
    let mut files = Files {
        groups: wanted(program.groups),
        other_groups: wanted(program.other_groups),
        home: environment.home.as_deref(),
        read: Read::default(),
    };
    if let Some(file) = &defaults.file {
        files.required(file)?;
    } else if !defaults.none {
        for path in &environment.system_files {
            files.optional(path, 0)?;
        }
        if let Some(file) = &defaults.extra {
            files.required(file)?;
        }
        if let Some(path) = &environment.user_file {
            files.optional(path, 0)?;
        }
    } else if let Some(file) = &defaults.extra {
        files.required(file)?;
    }
    Ok(files.read)
}

/// The name of a setting as it stands in its file, and its value if it has one.
pub type GroupSetting = (String, Option<Vec<u8>>);

/// The settings of these groups, each with its value if it has one, in the order of the files: of `file` alone, or of the usual ones. A
/// file that is not there has none. For the C API, which by its documentation ignores options that it does not know.
///
/// # Errors
/// A file's syntax is wrong.
pub fn settings_of(
    file: Option<&Path>,
    groups: &[&str],
    environment: &Environment,
) -> Result<Vec<GroupSetting>, OptionError> {
    let mut files = Files {
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        other_groups: Vec::new(),
        home: environment.home.as_deref(),
        read: Read::default(),
    };
    match file {
        Some(file) => files.optional(file, 0)?,
        None => {
            for path in environment.system_files.iter().chain(&environment.user_file) {
                files.optional(path, 0)?;
            }
        }
    }
    Ok(files.read.settings.into_iter().map(|setting| (setting.name, setting.value)).collect())
}

struct Files<'a> {
    groups: Vec<String>,
    other_groups: Vec<String>,
    home: Option<&'a Path>,
    read: Read,
}

/// The program to whose group a line belongs.
#[derive(Clone, Copy)]
enum Group {
    Own,
    Other,
    Unread,
}

impl Files<'_> {
    fn required(&mut self, path: &str) -> Result<(), OptionError> {
        let path = &expand(path, self.home).unwrap_or_else(|| PathBuf::from(path));
        let bytes = regular_file::read(path, LARGE).map_err(|error| {
            let why = unreadable(path, &error);
            OptionError::general(format!("Could not open required defaults file: {}: {why}", path.display()))
        })?;
        if self.is_open_to_all(path) { Ok(()) } else { self.text(path, &bytes, 0) }
    }

    /// Whether everybody may write the file; such a file is ignored, with a warning.
    fn is_open_to_all(&mut self, path: &Path) -> bool {
        let is_open = fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && is_world_writable(&metadata));
        if is_open {
            self.read.warnings.push(format!("World-writable config file '{}' is ignored", path.display()));
            self.read.ignored.push(path.to_owned());
        }
        is_open
    }

    fn optional(&mut self, path: &Path, depth: usize) -> Result<(), OptionError> {
        if self.is_open_to_all(path) {
            return Ok(());
        }
        match regular_file::read(path, LARGE) {
            Ok(bytes) => self.text(path, &bytes, depth),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(()),
            Err(error) => {
                self.read.warnings.push(format!("option file {} is ignored: {error}", path.display()));
                self.read.ignored.push(path.to_owned());
                Ok(())
            }
        }
    }

    fn text(&mut self, path: &Path, text: &[u8], depth: usize) -> Result<(), OptionError> {
        let mut group: Option<Group> = None;
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let origin = Origin::File { path: path.to_owned(), line: index + 1 };
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") || line.starts_with(b";") {
                continue;
            }
            if let Some(directive) = line.strip_prefix(b"!") {
                self.directive(path, directive, depth, &origin)?;
            } else if let Some(name) = line.strip_prefix(b"[") {
                let Some((name, _)) = split_at_byte(name, b']') else {
                    let message = format!("Wrong group definition{}: ']' is missing", origin.suffix());
                    return Err(OptionError::general(message));
                };
                group = Some(self.group(name.trim_ascii()));
            } else {
                match group {
                    Some(Group::Own) => self.read.settings.push(setting(line, origin)),
                    Some(Group::Other) => self.read.others.push(setting(line, origin)),
                    Some(Group::Unread) => {}
                    None => {
                        let message = format!("Found option without preceding group{}", origin.suffix());
                        return Err(OptionError::general(message));
                    }
                }
            }
        }
        Ok(())
    }

    fn group(&self, name: &[u8]) -> Group {
        let is_among = |groups: &[String]| groups.iter().any(|wanted| wanted.as_bytes() == name);
        match (is_among(&self.groups), is_among(&self.other_groups)) {
            (true, _) => Group::Own,
            (_, true) => Group::Other,
            _ => Group::Unread,
        }
    }

    /// `!include file` and `!includedir directory`, whose files that end in `.cnf` are read in the order of their names.
    fn directive(&mut self, path: &Path, directive: &[u8], depth: usize, origin: &Origin) -> Result<(), OptionError> {
        let end = directive.iter().position(u8::is_ascii_whitespace).unwrap_or(directive.len());
        let (word, target) = directive.split_at(end);
        let target = target.trim_ascii();
        if depth >= INCLUDE_DEPTH || target.is_empty() || !matches!(word, b"include" | b"includedir") {
            let message = format!("Wrong '!{}' directive{}", String::from_utf8_lossy(word), origin.suffix());
            return Err(OptionError::general(message));
        }
        // A relative path starts at the including file, so that the working directory does not matter.
        let home = std::str::from_utf8(target).ok().and_then(|target| expand(target, self.home));
        let target =
            home.unwrap_or_else(|| path.parent().unwrap_or_else(|| Path::new("")).join(OsStr::from_bytes(target)));
        if word == b"include" {
            return self.optional(&target, depth + 1);
        }
        let entries = fs::read_dir(&target).map_err(|error| {
            OptionError::general(format!("Can't read directory {}{}: {error}", target.display(), origin.suffix()))
        })?;
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "cnf"));
        files.sort();
        files.iter().try_for_each(|file| self.optional(file, depth + 1))
    }
}

/// Parses `name`, `name = value` or `name = "quoted" # comment`.
fn setting(line: &[u8], origin: Origin) -> Setting {
    let line = without_comment(line);
    let (name, value) = split_at_byte(line, b'=').map_or((line, None), |(name, value)| (name, Some(value)));
    let value = value.map(|value| {
        let value = value.trim_ascii();
        let quoted = [b"\"", b"'"].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        unescape(quoted.unwrap_or(value))
    });
    Setting { name: String::from_utf8_lossy(name.trim_ascii()).into_owned(), value, origin }
}

/// The text before the first such byte, and the text after it.
fn split_at_byte(text: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (before, after) = text.split_at_checked(text.iter().position(|byte| *byte == wanted)?)?;
    Some((before, after.get(1..)?))
}

/// Cuts at the first `#` that is not within quotes.
fn without_comment(line: &[u8]) -> &[u8] {
    let mut quote = None;
    let mut escaped = false;
    for (index, &byte) in line.iter().enumerate() {
        match byte {
            b'"' | b'\'' if !escaped => match quote {
                None => quote = Some(byte),
                Some(open) if open == byte => quote = None,
                Some(_) => {}
            },
            b'#' if quote.is_none() => return line.get(..index).unwrap_or(line),
            _ => {}
        }
        escaped = quote.is_some() && byte == b'\\' && !escaped;
    }
    line
}

/// The escapes \b \t \n \r \\ \s \" \'; any other backslash stands for itself.
fn unescape(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'b') => out.push(8),
            Some(b't') => out.push(b'\t'),
            Some(b'n') => out.push(b'\n'),
            Some(b'r') => out.push(b'\r'),
            Some(b's') => out.push(b' '),
            Some(escaped @ (b'\\' | b'"' | b'\'')) => out.push(escaped),
            Some(other) => out.extend([b'\\', other]),
            None => out.push(b'\\'),
        }
    }
    out
}

#[cfg(unix)]
fn is_world_writable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o002 != 0
}

#[cfg(not(unix))]
const fn is_world_writable(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::{Environment, Origin, setting, settings_of, unescape, without_comment};

    fn value(line: &str) -> Option<String> {
        setting(line.as_bytes(), Origin::Default).value.map(|value| String::from_utf8(value).unwrap())
    }

    #[test]
    fn settings_as_mysql_reads_them() {
        for (line, name, expected) in [
            ("ssl-ca=/etc/ca.pem", "ssl-ca", Some("/etc/ca.pem")),
            ("ssl_ca = /etc/ca.pem   ", "ssl_ca", Some("/etc/ca.pem")),
            ("skip-ssl", "skip-ssl", None),
            ("skip-ssl  # off", "skip-ssl", None),
            ("user=", "user", Some("")),
            ("password=\"a # b\" # comment", "password", Some("a # b")),
            ("password='it\\'s'", "password", Some("it's")),
            ("password=a#b", "password", Some("a")),
            ("password='a=b'", "password", Some("a=b")),
            ("path=C:\\\\dir\\sname\\q", "path", Some("C:\\dir name\\q")),
            ("x=\"unclosed", "x", Some("\"unclosed")),
            ("x=\"", "x", Some("\"")),
        ] {
            assert_eq!(setting(line.as_bytes(), Origin::Default).name, name, "{line}");
            assert_eq!(value(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn settings_of_groups_are_taken_as_they_stand() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("my.cnf");
        std::fs::write(&path, "[client]\nuser=a\nwhatever\n[mysqld]\nport=1\n[perl]\nssl_ca = 'x y'\n").unwrap();
        let read = |file| settings_of(file, &["client", "perl"], &Environment::default()).unwrap();
        let expected = [("user", Some("a")), ("whatever", None), ("ssl_ca", Some("x y"))]
            .map(|(name, value)| (name.to_owned(), value.map(|value| value.as_bytes().to_vec())));
        assert_eq!(read(Some(path.as_path())), expected);
        assert!(read(None).is_empty() && read(Some(&directory.path().join("none"))).is_empty());
    }

    #[test]
    fn escapes_are_read_once() {
        assert_eq!(unescape(b"\\b\\t\\n\\r\\\\\\s\\\"\\'"), b"\x08\t\n\r\\ \"'");
        assert_eq!(unescape(b"\\\\n"), b"\\n");
        assert_eq!(unescape(b"end\\"), b"end\\");
    }

    #[test]
    fn comments_end_a_line_only_outside_quotes() {
        assert_eq!(without_comment(b"a 'b#c' # d"), b"a 'b#c' ");
        assert_eq!(without_comment(b"a \"it's # in\" # out"), b"a \"it's # in\" ");
        assert_eq!(value("x = 'a\\'#b'"), Some("a'#b".to_owned()));
    }
}
