//! The log of the server programs: lines in MySQL's format on standard error.

use std::fmt;

use sealwire_core::printable;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Lines of this target are logged at every verbosity.
const SYSTEM: &str = "sealwire::system";

/// Starts the log. Verbosity 1 shows errors, 2 warnings too, 3 notes too. Each line names the subsystem: `Server`, `Bridge`.
pub fn start(subsystem: &'static str, verbosity: u64) {
    let most = match verbosity {
        0 | 1 => Level::ERROR,
        2 => Level::WARN,
        _ => Level::INFO,
    };
    let shown = filter_fn(move |metadata| {
        metadata.target() == SYSTEM || (metadata.target().starts_with("sealwire") && *metadata.level() <= most)
    });
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Line { subsystem })
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .with_filter(shown);
    // A second start in the same process, as in tests, keeps the first log.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// Logs a line that an administrator must see at every verbosity.
pub fn system(text: &str) {
    tracing::info!(target: SYSTEM, "{text}");
}

/// `2026-11-22T19:05:33.123456Z 0 [Warning] [Server] text`
struct Line {
    subsystem: &'static str,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        SystemTime.format_time(&mut writer)?;
        let metadata = event.metadata();
        let label = match *metadata.level() {
            _ if metadata.target() == SYSTEM => "System",
            Level::ERROR => "ERROR",
            Level::WARN => "Warning",
            _ => "Note",
        };
        write!(writer, " 0 [{label}] [{}] ", self.subsystem)?;
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        // The text may contain names chosen by peers: a line feed in one must not begin a new line.
        writeln!(writer, "{}", printable::line(&text))
    }
}
