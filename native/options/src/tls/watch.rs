//! Watches the files of TLS options by their contents, because programs that renew certificates replace links and whole folders, whose times
//! tell nothing. The contents of files that were refused are tried again only when they change.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use sealwire_net::log;
use sealwire_net::regular_file::{self, LARGE};
use zeroize::Zeroizing;

use crate::Values;

/// How often the contents are compared.
const PERIOD: Duration = Duration::from_secs(10);

/// Files and directories, and the SHA-256 of their contents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileContents {
    paths: Vec<PathBuf>,
    digest: Vec<u8>,
}

impl FileContents {
    /// The contents as they are now. A file that can't be read counts with the kind of its error.
    pub fn of(paths: Vec<PathBuf>) -> Self {
        let mut context = Context::new(&SHA256);
        for path in &paths {
            add(&mut context, path);
        }
        Self { paths, digest: context.finish().as_ref().to_vec() }
    }

    /// The contents of the same files now.
    fn again(&self) -> Self {
        Self::of(self.paths.clone())
    }
}

fn add(context: &mut Context, path: &Path) {
    // A pipe of a shell can be read once, by the program itself.
    if regular_file::is_given(path) {
        return;
    }
    let Ok(entries) = fs::read_dir(path) else { return add_file(context, path) };
    let mut inner: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    inner.sort();
    for path in &inner {
        add_file(context, path);
    }
}

fn add_file(context: &mut Context, path: &Path) {
    add_part(context, path.as_os_str().as_bytes());
    // The buffer is wiped, because the file may be a key.
    match regular_file::read(path, LARGE).map(Zeroizing::new) {
        Ok(content) => add_part(context, &content),
        Err(error) => add_part(context, format!("{:?}", error.kind()).as_bytes()),
    }
}

/// Adds the length too, so that no two lists of parts have the same digest.
fn add_part(context: &mut Context, part: &[u8]) {
    context.update(&part.len().to_le_bytes());
    context.update(part);
}

/// Why the files are read again. Its text begins a line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The operator sent SIGHUP.
    Signal,
    /// The contents have changed.
    Change,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signal => "Received SIGHUP",
            Self::Change => "A TLS file has changed",
        })
    }
}

/// The thread that has the TLS files read again. It ends when this handle is dropped.
#[derive(Debug)]
pub struct Watcher {
    orders: Sender<()>,
}

impl Watcher {
    /// Starts the thread. With `--ssl-reload=auto` it compares the files every 10 seconds. `in_use` returns the contents from which the
    /// settings in use were made, taken before the files were read. `reload` reads the files, checks them whole and puts them into use; its
    /// error is a sentence, and leaves all as it was. The thread logs either result.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn start(
        values: &Values,
        in_use: impl Fn() -> FileContents + Send + 'static,
        reload: impl FnMut(Cause) -> Result<(), String> + Send + 'static,
    ) -> io::Result<Self> {
        let period = (values.text("ssl-reload") != Some("manual")).then_some(PERIOD);
        Self::every(period, in_use, reload)
    }

    fn every(
        period: Option<Duration>,
        in_use: impl Fn() -> FileContents + Send + 'static,
        mut reload: impl FnMut(Cause) -> Result<(), String> + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, orders) = channel();
        let watch = move || {
            let mut refused = None;
            loop {
                let cause = match wait(&orders, period) {
                    Ok(()) => Cause::Signal,
                    Err(RecvTimeoutError::Timeout) => Cause::Change,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                // One reading answers all orders before it.
                while orders.try_recv().is_ok() {}
                let before = in_use();
                let now = before.again();
                let change = Some((before, now));
                let is_new = change.as_ref().is_some_and(|(before, now)| before != now) && change != refused;
                if cause == Cause::Change && !is_new {
                    continue;
                }
                refused = match reload(cause) {
                    Ok(()) => {
                        log::system(&format!("{cause}: the TLS files were read again; new connections use them"));
                        None
                    }
                    Err(error) => {
                        tracing::error!("{cause}: TLS stays unchanged: {error}");
                        change
                    }
                };
            }
        };
        std::thread::Builder::new().name("tls-watch".to_owned()).spawn(watch)?;
        Ok(Self { orders: sender })
    }

    /// Has the files read again, changed or not.
    pub fn reload(&self) {
        // An error means that the program ends.
        let _ = self.orders.send(());
    }
}

fn wait(orders: &Receiver<()>, period: Option<Duration>) -> Result<(), RecvTimeoutError> {
    match period {
        Some(period) => orders.recv_timeout(period),
        None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn contents_count_and_not_times_or_links() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        for (folder, text) in [("old", "a"), ("same", "a"), ("new", "b")] {
            fs::create_dir(path(folder)).unwrap();
            fs::write(path(folder).join("cert.pem"), text).unwrap();
        }
        let link = |folder: &str| {
            let _ = fs::remove_file(path("live"));
            symlink(path(folder), path("live")).unwrap();
        };
        link("old");
        let first = FileContents::of(vec![path("live").join("cert.pem"), path("live")]);
        assert_eq!(first.again(), first);
        link("same");
        assert_eq!(first.again(), first);
        link("new");
        let second = first.again();
        assert_ne!(second, first);
        fs::remove_file(path("new").join("cert.pem")).unwrap();
        let gone = first.again();
        assert!(gone != first && gone != second);
        link("old");
        assert_eq!(first.again(), first);
        assert_eq!(FileContents::of(vec!["/dev/stdin".into()]).digest, FileContents::of(Vec::new()).digest);
    }

    #[test]
    fn a_change_is_loaded_and_a_refused_one_is_tried_once() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("cert.pem");
        fs::write(&file, "1").unwrap();
        let in_use = Arc::new(Mutex::new(FileContents::of(vec![file.clone()])));
        let (tell, told) = channel();
        let (of_watcher, to_load, read) = (Arc::clone(&in_use), Arc::clone(&in_use), file.clone());
        let reload = move |cause: Cause| {
            let contents = FileContents::of(vec![read.clone()]);
            let text = fs::read_to_string(&read).unwrap();
            tell.send((cause, text.clone())).unwrap();
            text.parse::<u8>().map_err(|error| error.to_string())?;
            *to_load.lock().unwrap() = contents;
            Ok(())
        };
        let in_use_now = move || of_watcher.lock().unwrap().clone();
        let watcher = Watcher::every(Some(Duration::from_millis(1)), in_use_now, reload).unwrap();
        // A file is written beside and renamed, so that no half of it is seen.
        let write = |text: &str| {
            fs::write(place.path().join("next"), text).unwrap();
            fs::rename(place.path().join("next"), &file).unwrap();
        };
        for text in ["2", "bad", "3", "bad", "2"] {
            write(text);
            assert_eq!(told.recv().unwrap(), (Cause::Change, text.to_owned()));
        }
        // The settings in use are changed elsewhere, so that the contents that were refused before are new.
        watcher.reload();
        assert_eq!(told.recv().unwrap(), (Cause::Signal, "2".to_owned()));
        drop(watcher);
        assert!(told.recv().is_err(), "the thread ends with its handle");
    }

    #[test]
    fn a_manual_reload_alone_looks_at_no_file() {
        let (tell, told) = channel();
        let reload = move |cause| tell.send(cause).map_err(|error| error.to_string());
        let watcher = Watcher::every(None, FileContents::default, reload).unwrap();
        for _ in 0..2 {
            watcher.reload();
            assert_eq!(told.recv(), Ok(Cause::Signal));
        }
    }
}
