//! The files of the binary log: numbered ones, and the index that lists them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::file_system::Space;

/// The part of its file system that the log leaves free, and the most bytes of it.
const RESERVED_PART: u64 = 20;
const MOST_RESERVED: u64 = 64 << 20;
/// The part of its file system that a relay log leaves free, and the most bytes of it: more than tables leave, because a source decides how
/// much it sends.
const LEFT_BY_RELAY_LOG: u64 = 10;
const MOST_LEFT_BY_RELAY_LOG: u64 = 1 << 30;
/// The name where `--log-bin` gives none, as MySQL 8 has it.
const DEFAULT_NAME: &str = "binlog";
/// Stands between the base and the number in the name of a large group's file that is not in the log.
const PREPARED: &str = "-large-";
/// The extension of such a file while it is written anew.
const UNFINISHED: &str = "unfinished";
/// Readable and writable by its owner alone, because the log holds all data.
const OWNER_ONLY: u32 = 0o600;

/// The place and the names of the log's files.
#[derive(Debug, Clone)]
pub(crate) struct LogFiles {
    directory: PathBuf,
    base: String,
    /// The text before each name in the index.
    prefix: String,
}

impl LogFiles {
    /// Refuses a group of this length for which the file system has no room beside the reserve. Of that, statements may use a half, because
    /// they are short and may be those with which an administrator makes room.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn refuse_if_short(&self, length: u64, is_statement: bool) -> Result<(), String> {
        if self.has_room(length, is_statement) {
            return Ok(());
        }
        Err(format!(
            "less than a twentieth of the file system of '{}' would be free, which is kept to make room with: PURGE BINARY LOGS",
            self.directory.display()
        ))
    }

    /// Whether the file system has room for so many bytes beside the reserve, of which statements may use a half.
    fn has_room(&self, length: u64, is_statement: bool) -> bool {
        let Some(space) = Space::of(&self.directory) else { return true };
        let reserved = space.part(RESERVED_PART, MOST_RESERVED);
        let kept = if is_statement { reserved / 2 } else { reserved };
        space.free >= kept.saturating_add(length)
    }

    /// Whether the file system has room for so many bytes of a relay log beside what tables need.
    pub(crate) fn has_relay_room(&self, length: u64) -> bool {
        let Some(space) = Space::of(&self.directory) else { return true };
        space.free >= space.part(LEFT_BY_RELAY_LOG, MOST_LEFT_BY_RELAY_LOG).saturating_add(length)
    }

    /// Refuses bytes of a relay log for which [`Self::has_relay_room`] has none.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn refuse_relay_if_short(&self, length: u64) -> io::Result<()> {
        if self.has_relay_room(length) {
            return Ok(());
        }
        let message = format!(
            "less than a tenth of the file system of '{}' would be free, which is kept for tables; make room, or set relay_log_space_limit",
            self.directory.display()
        );
        Err(io::Error::new(io::ErrorKind::StorageFull, message))
    }

    /// The files that `--log-bin=NAME` names; a relative name is in the data directory. As in mysqld, an extension is dropped.
    ///
    /// # Errors
    /// A sentence that names the option.
    pub(crate) fn new(data_directory: &Path, name: &str) -> Result<Self, String> {
        let name = if name.is_empty() { DEFAULT_NAME } else { name };
        let whole = data_directory.join(name);
        let base =
            whole.file_stem().and_then(|base| base.to_str()).filter(|base| !base.is_empty() && !name.ends_with('/'));
        let base = base.ok_or_else(|| format!("--log-bin={name}: it must end with the name of a file"))?.to_owned();
        let directory = whole.parent().unwrap_or(data_directory).to_owned();
        let prefix = if directory == data_directory { "./".to_owned() } else { format!("{}/", directory.display()) };
        Ok(Self { directory, base, prefix })
    }

    /// The path without number, as `@@log_bin_basename` shows it.
    pub(crate) fn basename(&self) -> PathBuf {
        self.directory.join(&self.base)
    }

    /// The path of the index.
    pub(crate) fn index(&self) -> PathBuf {
        self.directory.join(format!("{}.index", self.base))
    }

    /// The path of a file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The name of the file with this number.
    pub(crate) fn name(&self, number: u64) -> String {
        format!("{}.{number:06}", self.base)
    }

    /// The name that follows the last of `names`.
    pub(crate) fn next_name(&self, names: &[String]) -> String {
        let last =
            names.last().and_then(|name| name.rsplit_once('.')).and_then(|(_, number)| number.parse::<u64>().ok());
        self.name(last.unwrap_or(0).saturating_add(1))
    }

    /// The names in the index, the oldest first; none where there is no index yet.
    ///
    /// # Errors
    /// Where the index can't be read.
    pub(crate) fn list(&self) -> io::Result<Vec<String>> {
        let text = match fs::read_to_string(self.index()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            text => text?,
        };
        let name = |line: &str| line.rsplit('/').next().unwrap_or(line).to_owned();
        Ok(text.lines().filter(|line| !line.is_empty()).map(name).collect())
    }

    /// Writes the index so that at each moment either the old or the new one exists, complete.
    ///
    /// # Errors
    /// Where it can't be written.
    pub(crate) fn write_list(&self, names: &[String]) -> io::Result<()> {
        let text: String = names.iter().map(|name| format!("{}{name}\n", self.prefix)).collect();
        let temporary = self.directory.join(format!("{}.index_new", self.base));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(OWNER_ONLY).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, self.index())?;
        self.sync_directory()
    }

    /// Creates a file, which must not exist.
    ///
    /// # Errors
    /// Where it exists, or can't be made.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        self.create_at(&self.path(name))
    }

    /// Creates a file at a path.
    ///
    /// # Errors
    /// Where it exists, or can't be made.
    pub(super) fn create_at(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).mode(OWNER_ONLY).open(path)
    }

    /// The path of the file of a large group that is not in the log yet.
    pub(super) fn prepared(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{}{PREPARED}{number:016x}", self.base))
    }

    /// The path of such a file while it is written anew.
    pub(super) fn unfinished(&self, prepared: &Path) -> PathBuf {
        prepared.with_extension(UNFINISHED)
    }

    /// The files of large groups that are not in the log. Those that were not written whole are removed.
    ///
    /// # Errors
    /// Where the directory can't be read.
    pub(super) fn all_prepared(&self) -> io::Result<Vec<PathBuf>> {
        let front = format!("{}{PREPARED}", self.base);
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if !entry.file_name().to_string_lossy().starts_with(&front) {
                continue;
            }
            if entry.path().extension().is_some_and(|extension| extension == UNFINISHED) {
                fs::remove_file(entry.path())?;
            } else {
                found.push(entry.path());
            }
        }
        Ok(found)
    }

    /// Gives a prepared file its name in the log.
    ///
    /// # Errors
    /// Where it can't be renamed.
    pub(super) fn take_in(&self, prepared: &Path, name: &str) -> io::Result<()> {
        fs::rename(prepared, self.path(name))?;
        self.sync_directory()
    }

    /// Opens a file to change it.
    ///
    /// # Errors
    /// Where it can't be opened.
    pub(crate) fn open_to_change(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(self.path(name))
    }

    /// Removes a file. One that is gone already counts as removed.
    ///
    /// # Errors
    /// Where it can't be removed.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes the names of new files to disk.
    ///
    /// # Errors
    /// Where the directory can't be written.
    pub(crate) fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_and_listed() {
        let place = tempfile::tempdir().unwrap();
        let files = LogFiles::new(place.path(), "").unwrap();
        assert_eq!(files.list().unwrap(), Vec::<String>::new());
        assert_eq!(files.next_name(&[]), "binlog.000001");
        assert_eq!(files.next_name(&["binlog.999999".to_owned()]), "binlog.1000000");
        let names = ["binlog.000001", "binlog.000002"].map(str::to_owned);
        files.write_list(&names).unwrap();
        assert_eq!(
            fs::read_to_string(place.path().join("binlog.index")).unwrap(),
            "./binlog.000001\n./binlog.000002\n"
        );
        assert_eq!(files.list().unwrap(), names);
    }

    #[test]
    fn the_option_names_a_file_anywhere() {
        let place = tempfile::tempdir().unwrap();
        let elsewhere = place.path().join("logs");
        fs::create_dir(&elsewhere).unwrap();
        let files = LogFiles::new(Path::new("/data"), &elsewhere.join("main.log").display().to_string()).unwrap();
        assert_eq!(files.basename(), elsewhere.join("main"));
        files.write_list(&["main.000001".to_owned()]).unwrap();
        let line = fs::read_to_string(files.index()).unwrap();
        assert_eq!(line, format!("{}/main.000001\n", elsewhere.display()));
        assert!(LogFiles::new(Path::new("/data"), "logs/").unwrap_err().contains("--log-bin=logs/"));
    }
}
