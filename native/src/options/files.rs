//! Option files: which are read, in which order, and their syntax.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::command_line::Defaults;
use super::{OptionError, Origin};

/// How deep `!include` may go; a file that includes itself ends here.
const INCLUDE_DEPTH: usize = 10;

/// Where option files are looked for. The default is nowhere, for tests.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Files for the whole system, first to last.
    pub system_files: Vec<PathBuf>,
    /// The user's own file, read last.
    pub user_file: Option<PathBuf>,
    /// As `--defaults-group-suffix`, which wins over this.
    pub group_suffix: Option<String>,
}

impl Environment {
    /// As mysql does it: `/etc/my.cnf`, `/etc/mysql/my.cnf`, `$MYSQL_HOME/my.cnf`, `~/.my.cnf`, and `MYSQL_GROUP_SUFFIX`.
    pub fn of_process() -> Self {
        let mut system_files = vec![PathBuf::from("/etc/my.cnf"), PathBuf::from("/etc/mysql/my.cnf")];
        system_files.extend(env::var_os("MYSQL_HOME").map(|home| Path::new(&home).join("my.cnf")));
        Self {
            system_files,
            user_file: env::var_os("HOME").map(|home| Path::new(&home).join(".my.cnf")),
            group_suffix: env::var("MYSQL_GROUP_SUFFIX").ok(),
        }
    }
}

/// One setting of an option file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub name: String,
    pub value: Option<String>,
    pub origin: Origin,
}

/// Reads the files that count, and keeps the settings of the groups that count; also the warnings for the user.
pub(super) fn read(
    groups: &[&str],
    defaults: &Defaults,
    environment: &Environment,
) -> Result<(Vec<Setting>, Vec<String>), OptionError> {
    let mut wanted: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
    if let Some(suffix) = defaults.group_suffix.as_ref().or(environment.group_suffix.as_ref()) {
        wanted.extend(groups.iter().map(|group| format!("{group}{suffix}")));
    }
    let mut files = Files { groups: wanted, settings: Vec::new(), warnings: Vec::new() };
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
    Ok((files.settings, files.warnings))
}

struct Files {
    groups: Vec<String>,
    settings: Vec<Setting>,
    warnings: Vec<String>,
}

impl Files {
    fn required(&mut self, path: &str) -> Result<(), OptionError> {
        let path = Path::new(path);
        fs::File::open(path).map_err(|error| {
            OptionError::general(format!("Could not open required defaults file: {}: {error}", path.display()))
        })?;
        self.optional(path, 0)
    }

    fn optional(&mut self, path: &Path, depth: usize) -> Result<(), OptionError> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(()),
            Err(error) => {
                self.warnings.push(format!("option file {} is ignored: {error}", path.display()));
                return Ok(());
            }
        };
        if metadata.is_file() && is_world_writable(&metadata) {
            self.warnings.push(format!("World-writable config file '{}' is ignored", path.display()));
            return Ok(());
        }
        match fs::read(path) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => self.text(path, &text, depth),
                Err(_) => Err(OptionError::general(format!("option file {} is not UTF-8 text", path.display()))),
            },
            Err(error) => {
                self.warnings.push(format!("option file {} is ignored: {error}", path.display()));
                Ok(())
            }
        }
    }

    fn text(&mut self, path: &Path, text: &str, depth: usize) -> Result<(), OptionError> {
        let mut group: Option<bool> = None;
        for (index, line) in text.lines().enumerate() {
            let origin = Origin::File { path: path.to_owned(), line: index + 1 };
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(directive) = line.strip_prefix('!') {
                self.directive(path, directive, depth, &origin)?;
            } else if let Some(name) = line.strip_prefix('[') {
                let Some((name, _)) = name.split_once(']') else {
                    let message = format!("Wrong group definition{}: ']' is missing", origin.suffix());
                    return Err(OptionError::general(message));
                };
                group = Some(self.groups.iter().any(|wanted| wanted == name.trim()));
            } else {
                match group {
                    Some(true) => self.settings.push(setting(line, origin)),
                    Some(false) => {}
                    None => {
                        let message = format!("Found option without preceding group{}", origin.suffix());
                        return Err(OptionError::general(message));
                    }
                }
            }
        }
        Ok(())
    }

    /// `!include file` and `!includedir directory`, whose files that end in `.cnf` are read in the order of their names.
    fn directive(&mut self, path: &Path, directive: &str, depth: usize, origin: &Origin) -> Result<(), OptionError> {
        let (word, target) = directive.split_once(char::is_whitespace).unwrap_or((directive, ""));
        let target = target.trim();
        if depth >= INCLUDE_DEPTH || target.is_empty() || !matches!(word, "include" | "includedir") {
            let message = format!("Wrong '!{word}' directive{}", origin.suffix());
            return Err(OptionError::general(message));
        }
        // Relative to the file that includes: the same wherever the program is started.
        let target = path.parent().unwrap_or_else(|| Path::new("")).join(target);
        if word == "include" {
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

/// `name`, `name = value`, `name = "quoted" # comment`.
fn setting(line: &str, origin: Origin) -> Setting {
    let line = without_comment(line);
    let (name, value) = line.split_once('=').map_or((line, None), |(name, value)| (name, Some(value)));
    let value = value.map(|value| {
        let value = value.trim();
        let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        unescape(quoted.unwrap_or(value))
    });
    Setting { name: name.trim().to_owned(), value, origin }
}

/// Cuts at the first `#` that is not within quotes.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut escaped = false;
    for (index, letter) in line.char_indices() {
        match letter {
            '"' | '\'' if !escaped => match quote {
                None => quote = Some(letter),
                Some(open) if open == letter => quote = None,
                Some(_) => {}
            },
            '#' if quote.is_none() => return line.get(..index).unwrap_or(line),
            _ => {}
        }
        escaped = quote.is_some() && letter == '\\' && !escaped;
    }
    line
}

/// The escapes \b \t \n \r \\ \s \" \'; any other backslash stands for itself.
fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('b') => out.push('\u{8}'),
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('s') => out.push(' '),
            Some(escaped @ ('\\' | '"' | '\'')) => out.push(escaped),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
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
    use super::{Origin, setting, unescape, without_comment};

    fn value(line: &str) -> Option<String> {
        setting(line, Origin::Default).value
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
            let read = setting(line, Origin::Default);
            assert_eq!((read.name.as_str(), read.value.as_deref()), (name, expected), "{line}");
        }
    }

    #[test]
    fn escapes_are_read_once() {
        assert_eq!(unescape("\\b\\t\\n\\r\\\\\\s\\\"\\'"), "\u{8}\t\n\r\\ \"'");
        assert_eq!(unescape("\\\\n"), "\\n");
        assert_eq!(unescape("end\\"), "end\\");
    }

    #[test]
    fn comments_end_a_line_only_outside_quotes() {
        assert_eq!(without_comment("a 'b#c' # d"), "a 'b#c' ");
        assert_eq!(without_comment("a \"it's # in\" # out"), "a \"it's # in\" ");
        assert_eq!(value("x = 'a\\'#b'"), Some("a'#b".to_owned()));
    }
}
