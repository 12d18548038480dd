//! `SEALWIRE_TRACE`: the handshake of each connection, appended to a file.

use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::fs::{File, Metadata, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustix::fs::OFlags;
use sealwire_core::SqlError;
use sealwire_core::client::TlsPolicy;
use sealwire_core::error::Side;
use sealwire_core::facts::{Facts, Transport, Verification};
use sealwire_core::ladder::Ladder;
use sealwire_core::printable;
use sealwire_core::tls::date_text;
use sealwire_core::trace::{Event, Observer};
use sealwire_net::clock;

use super::environment;
use super::failure;
use super::socket::Address;

/// The variable that names the file.
const VARIABLE: &str = "SEALWIRE_TRACE";

/// The trace of one connection. It is written at once at its end, so that connections of several threads and processes do not mix.
#[derive(Debug)]
pub(crate) struct Trace {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Closed once the trace is written, because the observer lives as long as the connection.
    file: Option<File>,
    text: String,
    ladder: Ladder,
    /// Whether the program, the option files or the operator asked for TLS.
    asked: bool,
}

impl Trace {
    /// Begins the trace of a connection, where the variable is set.
    ///
    /// # Errors
    /// The file can't be opened.
    pub(crate) fn begin(address: &Address) -> Result<Option<Arc<Self>>, SqlError> {
        let Some(path) = environment::variable(VARIABLE).filter(|path| !path.is_empty()) else { return Ok(None) };
        Self::into(&path, address).map(|trace| Some(Arc::new(trace)))
    }

    fn into(path: &OsString, address: &Address) -> Result<Self, SqlError> {
        let path = Path::new(path);
        // A named pipe without a reader must not stop the program, and a link may lead to a file that is not the operator's.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600).custom_flags(flags.bits().cast_signed());
        let wrong = |what: &dyn fmt::Display| {
            let shown = path.display();
            let text = format!(
                "environment variable '{VARIABLE}': can't write '{shown}': {what}; name another file, or unset it"
            );
            failure::hy000(2000, text)
        };
        let file = options.open(path).map_err(|error| wrong(&error))?;
        let metadata = file.metadata().map_err(|error| wrong(&error))?;
        if let Some(what) = is_not_ours(&metadata, rustix::process::geteuid().as_raw()) {
            return Err(wrong(&what));
        }
        let place = match address {
            Address::Tcp(host, port) => format!("{host}:{port}"),
            Address::Unix(path) => path.display().to_string(),
        };
        let program = std::env::current_exe().ok();
        let program = program.as_deref().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        let now = date_text(clock::since_epoch(SystemTime::now()).as_secs());
        let text = format!(
            "{now}: {}[{}] connects to {}\n",
            printable::line(&program),
            std::process::id(),
            printable::line(&place)
        );
        Ok(Self { state: Mutex::new(State { file: Some(file), text, ladder: Ladder::default(), asked: false }) })
    }

    fn change(&self, body: impl FnOnce(&mut State)) {
        body(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Adds a line.
    pub(crate) fn note(&self, line: &str) {
        self.change(|state| {
            let _ = writeln!(state.text, "{}", printable::line(line));
        });
    }

    /// Notes whether TLS was asked for.
    pub(crate) fn demand(&self, policy: &TlsPolicy) {
        self.change(|state| state.asked = matches!(policy, TlsPolicy::Required(_)));
    }

    /// Ends the trace of a login that succeeded.
    pub(crate) fn succeed(&self, facts: &Facts) {
        self.change(|state| {
            let text = state.outcome(facts);
            state.write(&text);
        });
    }

    /// Ends the trace of a login that failed.
    pub(crate) fn fail(&self, error: &SqlError) {
        self.change(|state| state.write(&format!("failed: {error}")));
    }
}

/// Why the trace must not be appended to a file: another user may have put it where the operator wants a new one.
fn is_not_ours(metadata: &Metadata, user: u32) -> Option<String> {
    if !metadata.is_file() {
        return Some("it is not a regular file".to_owned());
    }
    if metadata.uid() != user {
        return Some(format!(
            "it belongs to another user (number {}), and the program runs as number {user}",
            metadata.uid()
        ));
    }
    (metadata.nlink() != 1)
        .then(|| "it has a second name, by a hard link, which may be that of another file".to_owned())
}

impl Drop for Trace {
    fn drop(&mut self) {
        self.change(|state| state.write("ended before the login was over"));
    }
}

impl Observer for Trace {
    fn observe(&self, _: Side, _: u32, event: Event) {
        self.change(|state| {
            if state.file.is_some() {
                let lines = state.ladder.render(&event);
                state.text.push_str(&lines);
            }
        });
    }
}

impl State {
    fn write(&mut self, last: &str) {
        let Some(mut file) = self.file.take() else { return };
        let mut text = std::mem::take(&mut self.text);
        // A peer chose a part of the text.
        let _ = write!(text, "{}\n\n", printable::line(last));
        // A full disk loses the trace, and the connection goes on.
        let _ = file.write_all(text.as_bytes());
    }

    /// The protection that the connection has, and the reason for it.
    fn outcome(&self, facts: &Facts) -> String {
        let Some(tls) = &facts.tls else {
            return match facts.transport {
                Transport::UnixSocket => "no TLS: a Unix socket stays on this machine".to_owned(),
                Transport::Tcp => {
                    "no TLS: neither the program nor SEALWIRE_SSL_MODE asked for it, or the program turned it off"
                        .to_owned()
                }
            };
        };
        let reason =
            if self.asked { "TLS as asked for" } else { "TLS because the server offers it; the program did not ask" };
        let resumed = if tls.resumed { ", resumed" } else { "" };
        let group = tls.group.map(|group| format!(", {group}")).unwrap_or_default();
        let verified = match tls.verification {
            Verification::None => {
                "the server was not verified: name its CA, or set SEALWIRE_SSL_MODE to VERIFY_CA or VERIFY_IDENTITY"
            }
            Verification::Ca => "the server was verified by its CA, without its name",
            Verification::CaAndIdentity => "the server was verified by its CA and its name",
            Verification::SystemRootsAndIdentity => "the server was verified by the system's CAs and its name",
            Verification::Fingerprint => "the server was verified by its fingerprint",
        };
        format!("{reason}: {}, {}{group}{resumed}; {verified}", tls.version.name(), tls.cipher)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn address() -> Address {
        Address::Tcp("db\n.example".to_owned(), 3306)
    }

    #[test]
    fn connections_are_appended_whole_to_a_file_of_ones_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trace");
        let first = Trace::into(&path.clone().into(), &address()).unwrap();
        let second = Trace::into(&path.clone().into(), &address()).unwrap();
        second.fail(&failure::lost("x\ny"));
        first.observe(Side::Client, 0, Event::State { from: "a", to: "Session" });
        drop(first);
        drop(second);
        let text = fs::read_to_string(&path).unwrap();
        let blocks: Vec<&str> = text.trim_end().split("\n\n").collect();
        assert_eq!(blocks.len(), 2, "{text}");
        assert!(
            blocks[0].contains("connects to db\\x0A.example:3306\nfailed: ") && blocks[0].ends_with("x\\x0Ay)"),
            "{text}"
        );
        assert!(blocks[1].ends_with("|\nended before the login was over"), "{text}");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_link_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("file"), directory.path().join("link"));
        symlink(&path, &link).unwrap();
        let error = Trace::into(&link.into(), &address()).unwrap_err();
        assert!(error.code == 2000 && error.message.contains("SEALWIRE_TRACE") && !path.exists(), "{error}");
    }

    #[test]
    fn a_file_that_another_put_there_is_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let refused = |path: std::path::PathBuf| {
            let error = Trace::into(&path.into(), &address()).unwrap_err();
            assert!(error.code == 2000 && error.message.contains("name another file"), "{error}");
            error.message
        };
        fs::write(path("file"), "kept").unwrap();
        fs::hard_link(path("file"), path("name")).unwrap();
        assert!(refused(path("name")).contains("it has a second name"));
        assert_eq!(fs::read_to_string(path("file")).unwrap(), "kept");
        assert!(std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
        let _reader =
            OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path("pipe"));
        assert!(refused(path("pipe")).contains("it is not a regular file"));
        assert!(refused("/dev/null".into()).contains("it is not a regular file"));
        let metadata = fs::metadata(path("file")).unwrap();
        assert!(is_not_ours(&metadata, metadata.uid() + 1).unwrap().contains("it belongs to another user"));
    }

    #[test]
    fn it_says_who_asked_for_tls_and_who_was_verified() {
        let tls = |verification| sealwire_core::facts::TlsFacts {
            version: sealwire_core::facts::TlsVersion::V1_3,
            suite: "TLS_AES_256_GCM_SHA384",
            cipher: "TLS_AES_256_GCM_SHA384",
            group: Some("X25519"),
            sni: None,
            alpn: None,
            resumed: false,
            peer_chain: Vec::new(),
            verification,
        };
        let directory = tempfile::tempdir().unwrap();
        let trace = Trace::into(&directory.path().join("trace").into(), &address()).unwrap();
        let outcome = |asked: bool, tls| {
            let mut text = String::new();
            trace.change(|state| {
                state.asked = asked;
                text = state.outcome(&Facts { tls, ..Facts::default() });
            });
            text
        };
        let text = outcome(false, Some(tls(Verification::None)));
        assert!(
            text.contains("did not ask: TLSv1.3, TLS_AES_256_GCM_SHA384, X25519; the server was not verified"),
            "{text}"
        );
        let text = outcome(true, Some(tls(Verification::CaAndIdentity)));
        assert!(text.starts_with("TLS as asked for: ") && text.ends_with("by its CA and its name"), "{text}");
        assert!(outcome(false, None).starts_with("no TLS"));
    }
}
