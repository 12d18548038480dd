//! Reads the files that options name; errors name option and file.

use std::fs;
use std::io;
use std::path::Path;

use sealwire_core::secret::Secret;
use sealwire_core::tls::NamedPem;

use sealwire_net::files::{open_mode, unreadable};
use sealwire_net::regular_file::{self, LARGE, SMALL};

/// The common end of the PEM labels of certificates, `TRUSTED CERTIFICATE` and `X509 CERTIFICATE` included.
pub(super) const CERTIFICATE: &str = "CERTIFICATE-----";
/// The common end of the PEM labels of revocation lists.
pub(super) const CRL: &str = "X509 CRL-----";

/// Reads the file that `--option` names.
pub(super) fn read(option: &'static str, path: &str) -> Result<NamedPem, String> {
    let pem = regular_file::read(Path::new(path), LARGE).map_err(|error| {
        format!("option '--{option}': can't read '{path}': {}", unreadable(Path::new(path), &error))
    })?;
    Ok(NamedPem::new(path, pem).of_option(option))
}

/// A warning where a secret's file can be read by others than owner and group, or written by others than the owner. The file is used
/// nevertheless, as mysqld does, because many installations have such files, and a server that does not start protects nobody.
pub fn open_to_others(what: &str, path: &str, consequence: &str) -> Option<String> {
    let mode = open_mode(Path::new(path))?;
    Some(format!(
        "the {what} '{path}' has mode {mode:04o}, so that others on this machine can read or change it, and anybody who has \
         it can {consequence}: \
         run 'chmod 600 {path}', or 640 for a group that needs it"
    ))
}

/// Reads every PEM file with `marker` in the directory that `--option` names, by name. OpenSSL's hashed links are skipped, because they
/// lead to the same files.
pub(super) fn read_directory(option: &'static str, directory: &str, marker: &str) -> Result<Vec<NamedPem>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("option '--{option}': can't read '{directory}': {error}");
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(|error| wrong(&unreadable(Path::new(directory), &error)))? {
        paths.push(entry.map_err(|error| wrong(&error))?.path());
    }
    paths.sort();
    let mut found: Vec<NamedPem> = Vec::new();
    for path in paths.iter().filter(|path| path.is_file()) {
        let name = path.display().to_string();
        // The file may be another user's key, at which OpenSSL never looks. If it is a revocation list, its CA's certificates are rejected.
        let Some(content) = unless_denied(regular_file::read(path, LARGE)).map_err(|error| wrong(&error))? else {
            continue;
        };
        let file = NamedPem::new(name, content).of_option(option);
        let has_marker = file.pem.windows(marker.len()).any(|window| window == marker.as_bytes());
        if has_marker && !found.iter().any(|other| other.pem == file.pem) {
            found.push(file);
        }
    }
    if found.is_empty() {
        return Err(wrong(&format_args!("no file in it has a PEM block '{}'", marker.trim_end_matches('-'))));
    }
    Ok(found)
}

/// The content of a file; `None` where this user may not read it.
fn unless_denied(read: io::Result<Vec<u8>>) -> io::Result<Option<Vec<u8>>> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        read => read.map(Some),
    }
}

/// The files of a pair of options, one that names a file and one that names a directory.
pub(super) fn read_both(
    (file_option, file): (&'static str, Option<&str>),
    (directory_option, directory): (&'static str, Option<&str>),
    marker: &str,
) -> Result<Vec<NamedPem>, String> {
    let mut all = Vec::new();
    if let Some(path) = file {
        all.push(read(file_option, path)?);
    }
    if let Some(path) = directory {
        all.extend(read_directory(directory_option, path, marker)?);
    }
    Ok(all)
}

/// The passphrase that `--ssl-passphrase` names: `pass:text`, `env:VARIABLE`, `file:path` (its first line), or the text itself.
pub fn passphrase(text: &[u8]) -> Result<Secret, String> {
    let Ok(text) = std::str::from_utf8(text) else { return Ok(Secret::new(text)) };
    if let Some(text) = text.strip_prefix("pass:") {
        return Ok(Secret::from(text));
    }
    if let Some(variable) = text.strip_prefix("env:") {
        let value = crate::variable(variable)
            .and_then(|value| value.into_string().ok())
            .ok_or_else(|| format!("option '--ssl-passphrase': there is no environment variable '{variable}'"))?;
        return Ok(Secret::new(value));
    }
    if let Some(path) = text.strip_prefix("file:") {
        return passphrase_file(Path::new(path)).map_err(|error| {
            format!("option '--ssl-passphrase': can't read '{path}': {}", unreadable(Path::new(path), &error))
        });
    }
    Ok(Secret::from(text))
}

/// The passphrase in a file: its first line.
///
/// # Errors
/// The system's error, or that the path is no regular file or its first line no passphrase.
pub fn passphrase_file(path: &Path) -> io::Result<Secret> {
    let text = regular_file::read_text(path, SMALL)?;
    Ok(Secret::from(text.lines().next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::{CERTIFICATE, fs, io, passphrase, read, read_directory, unless_denied};

    #[test]
    fn a_directory_gives_its_pem_files_once_each() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        write("README", "not PEM");
        assert!(read_directory("ssl-capath", path, CERTIFICATE).unwrap_err().contains("'--ssl-capath'"));
        write("b.pem", "-----BEGIN CERTIFICATE-----\nb");
        write("a.pem", "-----BEGIN TRUSTED CERTIFICATE-----\na");
        write("0123abcd.0", "-----BEGIN CERTIFICATE-----\nb");
        fs::create_dir(directory.path().join("inner")).unwrap();
        let names: Vec<String> =
            read_directory("ssl-capath", path, CERTIFICATE).unwrap().into_iter().map(|pem| pem.name.clone()).collect();
        assert_eq!(names, [format!("{path}/0123abcd.0"), format!("{path}/a.pem")]);
    }

    #[test]
    fn a_file_in_a_directory_that_is_another_users_is_passed_over() {
        let failed = |kind: io::ErrorKind| unless_denied(Err(kind.into())).map_err(|error| error.kind());
        assert_eq!(failed(io::ErrorKind::PermissionDenied), Ok(None));
        assert_eq!(failed(io::ErrorKind::Interrupted), Err(io::ErrorKind::Interrupted));
        assert_eq!(unless_denied(Ok(vec![1])).unwrap(), Some(vec![1]));
    }

    #[test]
    fn errors_name_option_and_file() {
        let error = read("ssl-ca", "/nonexistent/ca.pem").unwrap_err();
        assert!(error.starts_with("option '--ssl-ca': can't read '/nonexistent/ca.pem': "), "{error}");
        assert!(read_directory("ssl-capath", "/nonexistent", CERTIFICATE).unwrap_err().contains("'/nonexistent'"));
    }

    #[test]
    fn a_passphrase_has_four_spellings() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pass");
        fs::write(&file, "from file\nmore").unwrap();
        assert_eq!(passphrase(b"plain").unwrap().expose(), b"plain");
        assert_eq!(passphrase(b"pass:pass:x").unwrap().expose(), b"pass:x");
        assert_eq!(passphrase(format!("file:{}", file.display()).as_bytes()).unwrap().expose(), b"from file");
        // Cargo sets this variable for every test.
        assert_eq!(passphrase(b"env:CARGO_PKG_NAME").unwrap().expose(), env!("CARGO_PKG_NAME").as_bytes());
        assert!(passphrase(b"env:SEALWIRE_NO_SUCH_VARIABLE").unwrap_err().contains("SEALWIRE_NO_SUCH_VARIABLE"));
        assert!(passphrase(b"file:/nonexistent").unwrap_err().contains("/nonexistent"));
    }
}
