//! The client in a page, through the bridge, beside the native one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sealwire_tests::bridge::Bridge;
use tempfile::TempDir;

use super::cell;
use crate::Outcome;
use crate::job::{BULK_VALUE, Job, Security, Work};
use crate::measure::Figure;
use crate::report::{Table, ratio};
use crate::world::{Key, Running, World, checksum};

/// Connecting, rows and large values.
pub(super) fn client(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "browser: the client in Chromium, through the bridge",
        "MariaDB 10.11, TLS 1.3 with X25519, its certificate and name verified; wall time, one connection at a time. In the page \
         the npm package runs in a worker, rows come as plain objects; the native client connects to the server itself.",
        &["", "Chromium and bridge", "native", "ratio"],
    );
    let server = world.server("mariadbd", Key::P256, true)?;
    let page = Page::new(&server)?;
    let (connects, rows, values) = if world.quick { (50, 200_000, 2) } else { (200, 1_000_000, 8) };
    for (work, count, unit, digits) in [
        (Work::Connect, connects, "ms per connect", 2),
        (Work::Rows, rows, "rows/s", 0),
        (Work::Bulk, values, "MB/s", 0),
    ] {
        let figure = |seconds: f64| match work {
            Work::Connect => seconds * 1000.0 / count as f64,
            Work::Bulk => (count * BULK_VALUE) as f64 / 1e6 / seconds,
            _ => count as f64 / seconds,
        };
        let job = Job {
            work,
            security: Security::Tls13,
            port: server.port(),
            at_once: 1,
            count,
            certificates: world.certificates(Key::P256),
        };
        let (mut there, mut here) = (Vec::new(), Vec::new());
        for _ in 0..world.repeats() {
            there.push(figure(page.run(&job)?));
            here.push(figure(world.client("sealwire", &server, &job)?.wall.as_secs_f64()));
        }
        let (there, here) = (Figure::of(there), Figure::of(here));
        let quotient = if work == Work::Connect { there.median / here.median } else { here.median / there.median };
        table.rows.push(vec![
            format!("{}, {unit}", work.name()),
            cell(&there, digits),
            cell(&here, digits),
            ratio(quotient),
        ]);
    }
    Ok(table)
}

/// A page with the npm package, served by the bridge that it connects by.
struct Page {
    bridge: Bridge,
    /// The page's files, for as long as it is served.
    _place: TempDir,
}

impl Page {
    fn new(server: &Running) -> Outcome<Self> {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let package = own.join("../../wasm/pkg");
        if !package.join("index.js").exists() {
            return Err("wasm/pkg is missing: cargo xtask wasm".into());
        }
        let place = TempDir::new()?;
        let copied = place.path().join("sealwire-wasm");
        fs::create_dir(&copied)?;
        for entry in fs::read_dir(&package)? {
            let path = entry?.path();
            if path.is_file() {
                fs::copy(&path, copied.join(path.file_name().unwrap_or_default()))?;
            }
        }
        fs::copy(own.join("worker.js"), place.path().join("worker.js"))?;
        fs::write(place.path().join("index.html"), "<link rel=\"icon\" href=\"data:,\">\n")?;
        let bridge = Bridge::to(server.port(), &[&format!("--page-dir={}", place.path().display())]);
        Ok(Self { bridge, _place: place })
    }

    /// Seconds that a job took.
    fn run(&self, job: &Job) -> Outcome<f64> {
        let ca = fs::read_to_string(job.file("ca.pem"))?.replace('\n', "\\n");
        let address = format!("127.0.0.1:{}", self.bridge.port);
        // A column's name is a property of the row.
        let sql = if job.work == Work::Bulk { format!("{} AS value", job.sql()) } else { job.sql() };
        let options = format!(
            r#"{{"bridge": "ws://{address}/tcp/db", "user": "bench", "password": "bench", "tls": {{"ca": "{ca}", "serverName": "localhost"}}}}"#
        );
        let text = format!(
            r#"{{"kind": "{}", "count": {}, "sql": "{sql}", "options": {options}}}"#,
            job.work.name(),
            job.count
        );
        let script: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser.mjs");
        let mut node = Command::new("node");
        node.arg(script).arg(format!("http://{address}/")).arg(text);
        let output = node.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        let said = String::from_utf8(output.stdout)?;
        let (milliseconds, read) = said.trim().split_once(' ').ok_or("the browser said nothing")?;
        let expected = match job.work {
            Work::Rows => checksum(job.count),
            Work::Bulk => (job.count * BULK_VALUE) as i64,
            _ => job.count as i64,
        };
        if read.parse::<i64>()? != expected {
            return Err(format!("the browser read {read}, not {expected}").into());
        }
        Ok(milliseconds.parse::<f64>()? / 1000.0)
    }
}
