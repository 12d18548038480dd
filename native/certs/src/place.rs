//! Writes certificates, keys and lists, each completely or not at all.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::CertsError;
use super::random::{hex, random_bytes};
use sealwire_net::regular_file::{self, LARGE};

/// The mode of a key's file.
pub(super) const KEY_MODE: u32 = 0o600;
/// The mode of public files: certificates and revocation lists.
pub(super) const PUBLIC_MODE: u32 = 0o644;

/// Writes a file that is not there yet.
pub(super) fn create(path: &Path, text: &str, mode: u32) -> Result<(), CertsError> {
    create_open(path, text, mode).map(drop)
}

/// As [`create`]; the file stays open, because its path may be another's by the next call.
fn create_open(path: &Path, text: &str, mode: u32) -> Result<File, CertsError> {
    let mut open = OpenOptions::new();
    // `create_new` fails if the file exists by now.
    open.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = open.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => CertsError::Exists(path.to_owned()),
        _ => CertsError::io("write", path, error),
    })?;
    match file.write_all(text.as_bytes()).and_then(|()| file.sync_all()) {
        Ok(()) => Ok(file),
        Err(error) => {
            let _ = fs::remove_file(path);
            Err(CertsError::io("write", path, error))
        }
    }
}

/// Writes files that are not there yet, all or none.
pub(super) fn create_all(contents: &[(&Path, &str, u32)]) -> Result<(), CertsError> {
    if let Some((path, ..)) = contents.iter().find(|(path, ..)| path.symlink_metadata().is_ok()) {
        return Err(CertsError::Exists((*path).to_owned()));
    }
    for (index, (path, text, mode)) in contents.iter().enumerate() {
        if let Err(error) = create(path, text, *mode) {
            // An incomplete set would prevent the server's next start.
            for (path, ..) in contents.iter().take(index) {
                let _ = fs::remove_file(path);
            }
            return Err(error);
        }
    }
    Ok(())
}

/// Writes a file and replaces an existing one.
pub(super) fn replace(path: &Path, text: &str, mode: u32) -> Result<(), CertsError> {
    StagedFile::write(path, text, mode)?.put()
}

/// Writes a key and its certificate and replaces existing ones. If one of the two fails, neither is replaced.
pub(super) fn replace_pair(key: (&Path, &str), certificate: (&Path, &str)) -> Result<(), CertsError> {
    let new_key = StagedFile::write(key.0, key.1, KEY_MODE)?;
    let new_certificate = StagedFile::write(certificate.0, certificate.1, PUBLIC_MODE)?;
    demand_key(&new_key.target)?;
    let old_key = Backup::of(&new_key.target)?;
    new_key.put()?;
    if let Err(error) = new_certificate.put() {
        old_key.put_back()?;
        return Err(error);
    }
    Ok(())
}

/// Refuses a link of another user (except root), because its owner would decide which file is written.
#[cfg(unix)]
fn demand_own_links(path: &Path) -> Result<(), CertsError> {
    use std::os::unix::fs::MetadataExt as _;
    let own = rustix::process::geteuid().as_raw();
    let mut path = path.to_owned();
    // The system follows as many links.
    for _ in 0..40 {
        let Some(link) = path.symlink_metadata().ok().filter(Metadata::is_symlink) else { return Ok(()) };
        if link.uid() != own && link.uid() != 0 {
            return Err(CertsError::Impossible(format!(
                "'{}' is a link that another user has made, and is not followed: remove it, or name with --dir the directory to which it leads",
                path.display()
            )));
        }
        let target = fs::read_link(&path).map_err(|error| CertsError::io("read", &path, error))?;
        path = path.parent().map_or_else(|| target.clone(), |parent| parent.join(&target));
    }
    Ok(())
}

#[cfg(not(unix))]
fn demand_own_links(_: &Path) -> Result<(), CertsError> {
    Ok(())
}

/// Creates a directory, unless it exists, with mode 755 whatever the umask is. Refuses a path through a link that another user could have
/// put there.
pub(super) fn make_directory(directory: &Path) -> Result<(), CertsError> {
    demand_own_way(directory)?;
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o755);
    builder.create(directory).map_err(|error| CertsError::io("create", directory, error))
}

/// Refuses a directory whose path goes through another user's link in a directory that everybody may write.
#[cfg(unix)]
fn demand_own_way(directory: &Path) -> Result<(), CertsError> {
    use std::os::unix::fs::MetadataExt as _;
    let own = rustix::process::geteuid().as_raw();
    let mut way = std::path::absolute(directory).map_err(|error| CertsError::io("find", directory, error))?;
    for _ in 0..40 {
        let found = way.ancestors().find_map(|part| {
            let link = part.symlink_metadata().ok().filter(Metadata::is_symlink)?;
            Some((part.to_owned(), link))
        });
        let Some((part, link)) = found else { return Ok(()) };
        let parent = part.parent().unwrap_or(&part);
        let is_open = fs::metadata(parent).is_ok_and(|parent| parent.mode() & 0o002 != 0);
        if is_open && link.uid() != own && link.uid() != 0 {
            return Err(CertsError::Impossible(format!(
                "'{}' is a link that another user has made where everybody may make one, and is not followed: name the directory to which it leads",
                part.display()
            )));
        }
        let target = fs::read_link(&part).map_err(|error| CertsError::io("read", &part, error))?;
        let rest = way.strip_prefix(&part).map(Path::to_owned).unwrap_or_default();
        way = parent.join(target).join(rest);
    }
    Ok(())
}

#[cfg(not(unix))]
fn demand_own_way(_: &Path) -> Result<(), CertsError> {
    Ok(())
}

/// A warning if another user can replace the files of a directory with keys.
#[cfg(unix)]
pub fn directory_warning(directory: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let found = fs::metadata(directory).ok()?;
    let (shown, own) = (directory.display(), rustix::process::geteuid().as_raw());
    if found.mode() & 0o1002 == 0o002 {
        return Some(format!("every user of this machine can replace the files in '{shown}': make it chmod o-w"));
    }
    let is_theirs = found.uid() != own && found.uid() != 0;
    is_theirs.then(|| format!("'{shown}' belongs to user {}, who can replace the files in it", found.uid()))
}

/// On other systems, owners and modes are not checked.
#[cfg(not(unix))]
pub fn directory_warning(_: &Path) -> Option<String> {
    None
}

/// Refuses to put a key in the place of a file that holds none: the path may be a link to something else.
fn demand_key(target: &Path) -> Result<(), CertsError> {
    match regular_file::read(target, LARGE) {
        Ok(old) if old.is_empty() || memchr::memmem::find(&old, b"PRIVATE KEY-----").is_some() => Ok(()),
        Ok(_) => Err(CertsError::Impossible(format!(
            "'{}' holds no private key and is not replaced by one: move it away, or name another --dir",
            target.display()
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(CertsError::io("read", target, error)),
    }
}

/// A new file beside the one that it is to replace. It is removed if it is not renamed to its target.
struct StagedFile {
    path: PathBuf,
    /// The file to replace; if the given path is a link, the link's target.
    target: PathBuf,
}

impl StagedFile {
    fn write(path: &Path, text: &str, mode: u32) -> Result<Self, CertsError> {
        demand_own_links(path)?;
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let old = fs::metadata(&target).ok();
        let staged = Self { path: beside(&target, "new"), target };
        let file = create_open(&staged.path, text, mode)?;
        if let Some(old) = old {
            take_owner(&file, &old, mode).map_err(|error| CertsError::io("keep owner and mode of", path, error))?;
        }
        Ok(staged)
    }

    fn put(self) -> Result<(), CertsError> {
        fs::rename(&self.path, &self.target).map_err(|error| CertsError::io("write", &self.target, error))?;
        // Sync the directory, so that the new file survives a power failure. Some systems can't sync directories and write them soon
        // anyway.
        if let Some(directory) = self.target.parent() {
            let _ = File::open(directory).and_then(|directory| directory.sync_all());
        }
        Ok(())
    }
}

/// Gives a file the owner and mode of the old one: the server may run as another user than the one who makes certificates. The permissions
/// that the old mode of a key gives to others are dropped. The change is made to the open file and not by its path, because the directory's
/// owner could put another file there.
#[cfg(unix)]
fn take_owner(file: &File, old: &Metadata, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (old.uid(), old.gid()) {
        fchown(file, Some(old.uid()), Some(old.gid()))?;
    }
    let group = if mode == KEY_MODE { 0o740 } else { 0o777 };
    file.set_permissions(fs::Permissions::from_mode(old.permissions().mode() & group))
}

#[cfg(not(unix))]
fn take_owner(_: &File, _: &Metadata, _: u32) -> io::Result<()> {
    Ok(())
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        // The path no longer exists if the file has been renamed to its target.
        let _ = fs::remove_file(&self.path);
    }
}

/// A second name (hard link) of a file, which keeps the old contents until this is dropped.
struct Backup {
    path: PathBuf,
    target: PathBuf,
    is_there: bool,
}

impl Backup {
    fn of(target: &Path) -> Result<Self, CertsError> {
        let path = beside(target, "old");
        let is_there = target.exists();
        if is_there {
            fs::hard_link(target, &path).map_err(|error| CertsError::io("keep", target, error))?;
        }
        Ok(Self { path, target: target.to_owned(), is_there })
    }

    fn put_back(&self) -> Result<(), CertsError> {
        let restored = if self.is_there { fs::rename(&self.path, &self.target) } else { fs::remove_file(&self.target) };
        restored.map_err(|error| CertsError::io("put back", &self.target, error))
    }
}

impl Drop for Backup {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// A new name in the same directory, hidden and without the ending of a certificate.
fn beside(path: &Path, kind: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.{kind}", hex(&random_bytes::<8>())));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_pair_is_replaced_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let (key, certificate) = (directory.path().join("key.pem"), directory.path().join("cert.pem"));
        replace_pair((&key, "1 PRIVATE KEY-----"), (&certificate, "certificate 1")).unwrap();
        replace_pair((&key, "2 PRIVATE KEY-----"), (&certificate, "certificate 2")).unwrap();
        assert_eq!(fs::read_to_string(&key).unwrap(), "2 PRIVATE KEY-----");
        assert_eq!(fs::read_to_string(&certificate).unwrap(), "certificate 2");

        // A directory can't be replaced by a file.
        fs::remove_file(&certificate).unwrap();
        fs::create_dir_all(certificate.join("full")).unwrap();
        let error = replace_pair((&key, "3 PRIVATE KEY-----"), (&certificate, "certificate 3")).unwrap_err();
        assert!(error.to_string().contains("cert.pem"), "{error}");
        assert_eq!(fs::read_to_string(&key).unwrap(), "2 PRIVATE KEY-----");
        fs::remove_file(&key).unwrap();
        assert!(replace_pair((&key, "3 PRIVATE KEY-----"), (&certificate, "certificate 3")).is_err());
        assert_eq!(names(directory.path()), ["cert.pem"], "nothing else is left behind");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_modes_stay() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let mode = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
        fs::create_dir(at("inner")).unwrap();
        for (name, mode) in [("inner/key.pem", 0o644), ("cert.pem", 0o640)] {
            fs::write(at(name), "old PRIVATE KEY-----").unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        symlink("inner/key.pem", at("key.pem")).unwrap();
        replace_pair((&at("key.pem"), "new"), (&at("cert.pem"), "new")).unwrap();
        // A link does not make the program overwrite a file that holds no key.
        fs::write(at("precious"), "a letter").unwrap();
        symlink("precious", at("other.pem")).unwrap();
        let error = replace_pair((&at("other.pem"), "new"), (&at("cert.pem"), "new")).unwrap_err();
        assert!(error.to_string().contains("precious' holds no private key"), "{error}");
        assert_eq!(fs::read_to_string(at("precious")).unwrap(), "a letter");
        // The test makes a link of another user, which only root can do.
        if rustix::process::geteuid().is_root() {
            symlink("inner/key.pem", at("theirs.pem")).unwrap();
            symlink("theirs.pem", at("root's.pem")).unwrap();
            std::os::unix::fs::lchown(at("theirs.pem"), Some(65_534), None).unwrap();
            for name in ["theirs.pem", "root's.pem"] {
                let error = replace_pair((&at(name), "stolen"), (&at("cert.pem"), "new")).unwrap_err();
                assert!(error.to_string().contains("theirs.pem' is a link that another user has made"), "{error}");
            }
        }
        assert!(fs::symlink_metadata(at("key.pem")).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(at("inner/key.pem")).unwrap(), "new");
        assert_eq!((mode("inner/key.pem"), mode("cert.pem")), (0o640 & 0o600 | 0o040, 0o640));
    }
}
