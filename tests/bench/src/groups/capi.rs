//! The C API: one compiled program, with our `libmariadb.so.3` and with MariaDB's.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::cell;
use crate::Outcome;
use crate::job::Security;
use crate::measure::Figure;
use crate::report::{Table, ratio};
use crate::world::{Key, ROWS, World};

/// One work of capi.c.
struct Work {
    name: &'static str,
    about: &'static str,
    securities: &'static [Security],
    is_per_row: bool,
}

const BOTH: &[Security] = &[Security::Plain, Security::Tls13];

const WORKS: [Work; 5] = [
    Work { name: "connect", about: "a connection", securities: BOTH, is_per_row: false },
    Work { name: "store", about: "mysql_store_result, a row", securities: BOTH, is_per_row: true },
    Work { name: "use", about: "mysql_use_result, a row", securities: BOTH, is_per_row: true },
    Work { name: "fetch", about: "mysql_stmt_fetch, a row", securities: BOTH, is_per_row: true },
    Work { name: "fetch-stored", about: "mysql_stmt_store_result, a row", securities: BOTH, is_per_row: true },
];

/// Processor time and memory of the program with each library.
pub(super) fn libraries(world: &World) -> Outcome<Table> {
    let mut table = Table::new(
        "capi: a C program with our libmariadb.so.3 and with MariaDB's",
        "The program of `src/peers/capi.c`, compiled once, which loads our library or MariaDB's, in turns. Processor time is that of the \
         work alone, user's and kernel's, by getrusage: ns for each of 1,000,000 rows (INT, VARCHAR of 24, DOUBLE), whose first bytes and \
         lengths are read, or which are bound to a BIGINT, a text and a DOUBLE. They come from a server that has them ready, because waiting \
         for each packet of a slow one costs a client more than its rows. µs for a connection to MariaDB 10.11 that logs in and is closed. A connection over TLS verifies the certificate and the name; ours resumes the session of the connection before where the \
         server gave it a ticket. *Memory* is the process's largest. Over TLS both decrypt the same bytes.",
        &["work", "connection", "sealwire", "libmariadb", "libmariadb / sealwire", "sealwire MB", "libmariadb MB"],
    );
    let program = world.compiled("capi")?;
    let (mariadb, stream) = (world.server("mariadbd", Key::P256, false)?, world.server("stream", Key::P256, false)?);
    let libraries = [Library { folder: Some(ours()?) }, Library { folder: None }];
    for Work { name, about, securities, is_per_row } in WORKS {
        let count = match (is_per_row, world.quick) {
            (true, _) => ROWS,
            (false, true) => 300,
            (false, false) => 1000,
        };
        for &security in securities {
            let server = if is_per_row { &stream } else { &mariadb };
            let folder = world.certificates(Key::P256).display().to_string();
            let words = [name, security.name(), &server.port().to_string(), &count.to_string(), &folder];
            let mut runs = [const { Vec::new() }; 2];
            for _ in 0..world.repeats() {
                for (library, runs) in libraries.iter().zip(&mut runs) {
                    runs.push(library.run(&program, &words)?);
                }
            }
            let scale = count as f64 * if is_per_row { 1.0 } else { 1e3 };
            let times =
                runs.each_ref().map(|runs| Figure::of(runs.iter().map(|run| run.nanoseconds / scale).collect()));
            let memory =
                runs.each_ref().map(|runs| Figure::of(runs.iter().map(|run| run.kilobytes / 1024.0).collect()));
            let place = format!("capi {name} {}", security.name());
            for (who, (time, memory)) in ["ours", "theirs"].iter().zip(times.iter().zip(&memory)) {
                world.record(format!("{place} {who}"), time.median);
                world.record(format!("{place} MB {who}"), memory.median);
            }
            let ([ours, theirs], [our_memory, their_memory]) = (times, memory);
            table.rows.push(vec![
                format!("{about}{}", if is_per_row { ", ns" } else { ", µs" }),
                security.name().to_owned(),
                cell(&ours, 0),
                cell(&theirs, 0),
                ratio(theirs.median / ours.median),
                format!("{:.1}", our_memory.median),
                format!("{:.1}", their_memory.median),
            ]);
        }
    }
    let sizes = libraries.iter().map(|library| library.size(&program)).collect::<Outcome<Vec<_>>>()?;
    let [ours, theirs] = sizes.as_slice() else { return Err("two libraries".into()) };
    table.about += &format!(
        " Our library has {ours:.1} MB, TLS included; MariaDB's, with the libssl and libcrypto that it loads, {theirs:.1} MB."
    );
    Ok(table)
}

struct Run {
    nanoseconds: f64,
    kilobytes: f64,
}

/// A libmariadb.so.3: in a folder of its own, or the system's.
struct Library {
    folder: Option<PathBuf>,
}

impl Library {
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_remove("LD_LIBRARY_PATH");
        if let Some(folder) = &self.folder {
            command.env("LD_LIBRARY_PATH", folder);
        }
        command
    }

    fn run(&self, program: &Path, words: &[&str]) -> Outcome<Run> {
        let output = self.command(program).args(words).output()?;
        let text = String::from_utf8(output.stdout)?;
        let numbers = text.trim().split_once(' ').filter(|_| output.status.success());
        let Some((nanoseconds, kilobytes)) = numbers else {
            return Err(format!("{words:?}: {text}{}", String::from_utf8_lossy(&output.stderr)).into());
        };
        Ok(Run { nanoseconds: nanoseconds.parse()?, kilobytes: kilobytes.parse()? })
    }

    /// MB of the library, with the libraries for TLS that the program loads because of it.
    fn size(&self, program: &Path) -> Outcome<f64> {
        let listed = self.command(program).env("LD_TRACE_LOADED_OBJECTS", "1").output()?;
        let mut bytes = 0;
        for line in String::from_utf8(listed.stdout)?.lines() {
            let Some((name, path)) = line.trim().split_once(" => ") else { continue };
            if ["libmariadb", "libssl", "libcrypto"].iter().any(|wanted| name.starts_with(wanted)) {
                let path = path.split(" (").next().unwrap_or(path);
                bytes += std::fs::metadata(path).map_err(|error| format!("{path}: {error}"))?.len();
            }
        }
        Ok(bytes as f64 / 1e6)
    }
}

/// The folder of our library, which `cargo xtask bench` builds.
fn ours() -> Outcome<PathBuf> {
    let folder = std::env::var_os("SEALWIRE_CAPI").map(PathBuf::from);
    folder
        .filter(|folder| folder.join("libmariadb.so.3").exists())
        .ok_or_else(|| "SEALWIRE_CAPI names no folder with libmariadb.so.3; `cargo xtask bench` builds it".into())
}
