//! The file of `--pid-file`, by which an administrator's scripts find and stop the server.

use std::fs::{self, File, Permissions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use sealwire_net::files::unwritable;

/// Everybody may read the number, and nobody else may change which process a script stops.
const MODE: u32 = 0o644;
/// A longer file holds something else.
const LONGEST: u64 = 32;

/// The file with the process id. It is removed when this is dropped, unless another process has written it since.
pub(super) struct PidFile<'a>(&'a Path);

impl<'a> PidFile<'a> {
    /// Writes the file. A file that is no server's stays as it is, and a link is not followed, because the directory may be another user's.
    ///
    /// # Errors
    /// Why it can't be written.
    pub(super) fn write(path: &'a Path) -> Result<Self, String> {
        let shown = path.display();
        let failed =
            |error: std::io::Error| format!("option '--pid-file': can't write {shown}: {}", unwritable(path, &error));
        let refused = |what: &str| {
            format!(
                "option '--pid-file': {shown} {what}, and is not overwritten: name another path, or remove it yourself"
            )
        };
        if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(refused("is a link or no regular file"));
        }
        let mut file = open(path, true).map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        if !found.is_file() {
            return Err(refused("is no regular file"));
        }
        if found.nlink() != 1 {
            return Err(refused("has another name"));
        }
        if found.uid() != rustix::process::geteuid().as_raw() {
            return Err(refused(&format!("belongs to another user (number {})", found.uid())));
        }
        if !read(&mut file).is_some_and(|text| text.trim().bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(refused("holds something else than a process's number"));
        }
        let write = |mut file: File| {
            file.set_permissions(Permissions::from_mode(MODE))?;
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(own_text().as_bytes())
        };
        write(file).map_err(failed)?;
        Ok(Self(path))
    }
}

impl Drop for PidFile<'_> {
    fn drop(&mut self) {
        if open(self.0, false).ok().and_then(|mut file| read(&mut file)).is_some_and(|text| text == own_text()) {
            // The file may have been removed meanwhile.
            let _ = fs::remove_file(self.0);
        }
    }
}

fn own_text() -> String {
    format!("{}\n", std::process::id())
}

/// Opens the file; a named pipe without a reader does not stop the server.
fn open(path: &Path, writes: bool) -> std::io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = File::options();
    options.read(true).write(writes).create(writes).mode(MODE).custom_flags(flags.bits().cast_signed()).open(path)
}

/// The text of the file; `None` for one that no server wrote.
fn read(file: &mut File) -> Option<String> {
    let found = file.metadata().ok()?;
    let mut text = String::new();
    let is_one = found.is_file() && found.len() <= LONGEST && file.take(LONGEST).read_to_string(&mut text).is_ok();
    is_one.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn it_is_written_with_its_mode_and_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pid");
        // A killed server's, which others may write.
        fs::write(&path, "4711471147114711\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        let file = PidFile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), own_text());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, MODE);
        drop(file);
        assert!(!path.exists());
        let file = PidFile::write(&path).unwrap();
        fs::write(&path, "12\n").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "12\n", "another server's stays");
    }

    #[test]
    fn a_link_is_not_followed_and_nothing_else_is_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("other"), "4711\n").unwrap();
        symlink(at("other"), at("link")).unwrap();
        symlink(at("nowhere"), at("dangling")).unwrap();
        fs::create_dir(at("directory")).unwrap();
        fs::write(at("empty"), "").unwrap();
        fs::hard_link(at("empty"), at("name")).unwrap();
        fs::write(at("letter"), "Dear").unwrap();
        for name in ["link", "dangling", "directory", "letter", "name"] {
            let error = PidFile::write(&at(name)).map(drop).unwrap_err();
            assert!(error.starts_with("option '--pid-file': ") && error.ends_with("remove it yourself"), "{error}");
        }
        assert_eq!(fs::read_to_string(at("other")).unwrap(), "4711\n");
        assert!(!at("nowhere").exists());
    }
}
