//! The options of `sealwire-binlog`, by mysqlbinlog's names, and the settings that follow from them.

use std::path::PathBuf;

use sealwire::StartPosition;
use sealwire_binlog::{GtidSet, MariaDbGtidSet};
use sealwire_options::{Program, Spec, Values, tls};

use super::super::settings::CONNECTION;
use super::clock;
use super::filter::Conditions;
use super::text::{Base64Output, TextOptions};

const OPTIONS: &[Spec] = &[
    Spec::choice(
        "base64-output",
        &["auto", "never", "decode-rows"],
        "When to print BINLOG statements, which run row events again: auto, \
        never (rows are an error then), or decode-rows (rows are comments only, with -v).",
    )
    .default("auto"),
    Spec::text(
        "connection-server-id",
        "The server ID of this reader for --read-from-remote-server. The default is a random one of at \
        least 2147483648, because a server ends the connection of a replica with the same ID.",
    ),
    Spec::text("database", "List entries for just this database.").short('d'),
    Spec::flag(
        "disable-log-bin",
        "Have the output switch the binary log off, so that what is run again is not logged again.",
    )
    .short('D'),
    Spec::text("do-domain-ids", "List transactions of these GTID domains only, separated by commas."),
    Spec::text("do-server-ids", "List events of these servers only, separated by commas."),
    Spec::flag(
        "follow",
        "Wait for more at the end of the log, and connect again when the connection is lost. The log goes on behind the \
        last whole transaction.",
    ),
    Spec::flag("force-if-open", "Read files that were not closed properly.").short('F').default("on"),
    Spec::choice(
        "format",
        &["text", "json", "sql", "hex"],
        "The output: text as of mysqlbinlog; json, one object per line; sql, the rows \
        as statements; hex, text with each event's bytes.",
    )
    .default("text"),
    Spec::text(
        "from",
        "Read from a server, beginning at FILE:POSITION, at a GTID list or set (whose transactions are left out), at a local \
        time (YYYY-MM-DD HH:MM:SS), at 'start' or at 'end'.",
    ),
    Spec::flag("hexdump", "Print each event's bytes too.").short('H'),
    Spec::text("ignore-domain-ids", "Leave out transactions of these GTID domains, separated by commas."),
    Spec::text("ignore-server-ids", "Leave out events of these servers, separated by commas."),
    Spec::path(
        "local-load",
        "Directory for the files of LOAD DATA statements. The default is the system's for temporary files.",
    )
    .short('l'),
    Spec::number("offset", "Skip the first N entries.").short('o').default("0"),
    Spec::flag("print-row-count", "Print the number of rows behind each statement's rows.").default("on"),
    Spec::flag("raw", "Write the log's files as they are, named as on the server. With --read-from-remote-server."),
    Spec::flag(
        "read-from-remote-server",
        "Read binary logs from a server. --from, --follow and --stop-never do so too.",
    )
    .short('R'),
    Spec::flag("register", "Appear in the server's list of replicas."),
    Spec::path("result-file", "Direct output to a file. With --raw this is put before the files' names.").short('r'),
    Spec::text("server-id", "Synonym for --do-server-ids."),
    Spec::text("set-charset", "Add 'SET NAMES character_set' to the output."),
    Spec::flag("short-form", "Print statements without comments and without rows.").short('s'),
    Spec::flag("skip-annotate-row-events", "Leave out the statements behind row events."),
    Spec::text("start-datetime", "Start at the first event of this local time or later: YYYY-MM-DD HH:MM:SS."),
    Spec::text(
        "start-position",
        "Start at this position of the first file, or behind these GTIDs with --read-from-remote-server.",
    )
    .short('j'),
    Spec::text("stop-datetime", "Stop at the first event of this local time or later."),
    Spec::flag("stop-never", "Synonym for --follow."),
    Spec::text("stop-never-slave-server-id", "Synonym for --connection-server-id."),
    Spec::number("stop-position", "Stop at the first event at this position of the last file or behind it."),
    Spec::text("table", "List rows of just this table.").short('T'),
    Spec::flag("to-last-log", "Go on to the end of the server's last file. With --read-from-remote-server.").short('t'),
    Spec::flag("verbose", "Print rows as statements in comments; twice: with the columns' types.")
        .short('v')
        .repeatable(),
];

/// Options of mysqlbinlog and mariadb-binlog that users have in scripts and that have no effect here.
pub(super) const WITHOUT_EFFECT: &[Spec] = &[
    Spec::number("binlog-row-event-max-size", "Without effect."),
    Spec::text("character-sets-dir", "Without effect."),
    Spec::flag("debug-check", "Without effect."),
    Spec::flag("debug-info", "Without effect."),
    Spec::flag("force-read", "Without effect.").short('f'),
    Spec::flag("gtid-strict-mode", "Without effect."),
    Spec::number("open-files-limit", "Without effect."),
    Spec::text("plugin-dir", "Without effect."),
    Spec::flag("verify-binlog-checksum", "Without effect, because checksums are always compared.").short('c'),
];

const ABSENT: &[Spec] = &[
    Spec::absent(
        "flashback",
        "sealwire-binlog does not reverse changes: use mariadb-binlog on the copied files (--raw)",
    ),
    Spec::absent(
        "rewrite-db",
        "sealwire-binlog does not rename databases: use mariadb-binlog on the copied files (--raw)",
    ),
];

/// The program for [`Program::parse`].
pub(super) const PROGRAM: Program = Program {
    name: "sealwire-binlog",
    version: env!("CARGO_PKG_VERSION"),
    usage: "[OPTIONS] log-files",
    groups: &["mysqlbinlog", "client", "sealwire-binlog"],
    other_groups: &[],
    tables: &[OPTIONS, CONNECTION, WITHOUT_EFFECT, ABSENT, tls::CLIENT],
    arguments: 10_000,
};

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Json,
    Sql,
}

/// The place in a server's log at which to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum From {
    /// A position, or GTIDs.
    Position(StartPosition),
    /// The first file that the server has.
    Start,
    /// The end of the log.
    End,
    /// The first event of this time or later.
    Time(u32),
}

/// The settings from the options, except those of the connection.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The files, by the names of this machine or of the server.
    pub(super) files: Vec<String>,
    pub(super) is_remote: bool,
    pub(super) from: Option<From>,
    /// Whether to wait at the end of the log.
    pub(super) follow: bool,
    /// Whether to go on behind the named file.
    pub(super) to_last_log: bool,
    pub(super) raw: bool,
    pub(super) register: bool,
    /// This reader's server id; `None` for a random one.
    pub(super) server_id: Option<u32>,
    pub(super) result_file: Option<PathBuf>,
    pub(super) format: Format,
    pub(super) text: TextOptions,
    pub(super) conditions: Conditions,
    pub(super) start_position: Option<u64>,
    pub(super) force_if_open: bool,
    pub(super) local_load: PathBuf,
}

impl Settings {
    /// Resolves the options; the error is a sentence.
    pub(super) fn from_values(values: &Values) -> Result<Self, String> {
        let files = values.arguments().to_vec();
        let given = |name: &str| values.text(name).filter(|text| !text.is_empty());
        let follow = values.flag("follow") || values.flag("stop-never");
        let is_remote = values.flag("read-from-remote-server") || values.is_given("from") || follow;
        let (start_position, start_gtids) = match given("start-position") {
            None => (None, None),
            Some(text) => match text.parse() {
                Ok(position) => (Some(position), None),
                Err(_) if is_remote => (None, Some(gtid_start("start-position", text)?)),
                Err(_) => {
                    return Err(format!(
                        "option '--start-position': '{text}' is not a position in a file; GTIDs need --read-from-remote-server"
                    ));
                }
            },
        };
        let from = match given("from") {
            Some(text) => Some(from(text)?),
            None => start_gtids.map(From::Position),
        };
        let raw = values.flag("raw");
        if raw && !is_remote {
            return Err("option '--raw' copies a server's files: add --read-from-remote-server (-R), and name the server with -h".to_owned());
        }
        if files.is_empty() && from.is_none() && !follow {
            return Err(if is_remote {
                "name the file at which to begin, or where with --from=start, --from=end, --from=GTIDS or --from=TIME"
                    .to_owned()
            } else {
                "name a log file; to read from a server, give --read-from-remote-server (-R) and one of its files, or --from".to_owned()
            });
        }
        if !files.is_empty() && values.is_given("from") {
            return Err("a file's name and --from both say where to begin: give one of them".to_owned());
        }
        let mut conditions = conditions(values)?;
        if let Some(From::Time(time)) = &from {
            conditions.start_time = conditions.start_time.max(Some(*time));
        }
        let format = given("format").unwrap_or("text");
        let server_id = given("connection-server-id").or_else(|| given("stop-never-slave-server-id"));
        Ok(Self {
            is_remote,
            from,
            follow,
            to_last_log: values.flag("to-last-log") || follow || files.is_empty(),
            files,
            raw,
            register: values.flag("register"),
            server_id: server_id.map(|text| number("connection-server-id", text)).transpose()?,
            result_file: values.path("result-file").map(PathBuf::from),
            format: match format {
                "json" => Format::Json,
                "sql" => Format::Sql,
                _ => Format::Text,
            },
            text: TextOptions {
                verbose: values.count("verbose"),
                base64: match values.text("base64-output") {
                    Some("never") => Base64Output::Never,
                    Some("decode-rows") => Base64Output::DecodeRows,
                    _ => Base64Output::Auto,
                },
                short: values.flag("short-form"),
                hexdump: values.flag("hexdump") || format == "hex",
                annotations: !values.flag("skip-annotate-row-events"),
                row_count: values.flag("print-row-count"),
                disable_log_bin: values.flag("disable-log-bin"),
                set_charset: given("set-charset").map(charset_name).transpose()?,
            },
            conditions,
            start_position,
            force_if_open: values.flag("force-if-open"),
            local_load: values.path("local-load").map_or_else(std::env::temp_dir, PathBuf::from),
        })
    }
}

fn conditions(values: &Values) -> Result<Conditions, String> {
    let given = |name: &str| values.text(name).filter(|text| !text.is_empty());
    let time = |name: &str| {
        given(name)
            .map(|text| {
                clock::parse(text).ok_or_else(|| {
                    format!("option '--{name}': '{text}' is not a local time; write it as YYYY-MM-DD HH:MM:SS")
                })
            })
            .transpose()
    };
    let list = |name: &str| {
        given(name).map(|text| text.split(',').map(|part| number(name, part.trim())).collect()).transpose()
    };
    let servers = match list("do-server-ids")? {
        None => list("server-id")?,
        servers => servers,
    };
    // As mysqlbinlog takes it, 0 means every server.
    let servers = servers.filter(|servers: &Vec<u32>| *servers != [0]);
    Ok(Conditions {
        database: given("database").map(|name| name.as_bytes().to_vec()),
        table: given("table").map(|name| name.as_bytes().to_vec()),
        servers,
        no_servers: list("ignore-server-ids")?.unwrap_or_default(),
        domains: list("do-domain-ids")?,
        no_domains: list("ignore-domain-ids")?.unwrap_or_default(),
        start_time: time("start-datetime")?,
        stop_time: time("stop-datetime")?,
        stop_position: values.number("stop-position"),
        offset: values.number("offset").unwrap_or(0),
    })
}

fn number(name: &str, text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("option '--{name}': '{text}' is not a number from 0 to {}", u32::MAX))
}

/// The name is printed into statements.
fn charset_name(text: &str) -> Result<String, String> {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(text.to_owned())
    } else {
        Err(format!("option '--set-charset': '{text}' is no character set's name"))
    }
}

/// GTIDs of either dialect.
fn gtid_start(option: &str, text: &str) -> Result<StartPosition, String> {
    if let Ok(set) = text.parse::<MariaDbGtidSet>()
        && !set.is_empty()
    {
        return Ok(StartPosition::MariaDbGtid(set.to_string()));
    }
    let set: GtidSet = text.parse().map_err(|error| format!("option '--{option}': '{text}': {error}"))?;
    let mut encoded = Vec::new();
    set.encode(&mut encoded);
    Ok(StartPosition::MySqlGtid(encoded))
}

fn from(text: &str) -> Result<From, String> {
    match text {
        "start" => return Ok(From::Start),
        "end" => return Ok(From::End),
        _ => {}
    }
    // A date alone would look like a GTID of MariaDB.
    if text.contains([' ', 'T'])
        && let Some(time) = clock::parse(text)
    {
        return Ok(From::Time(time));
    }
    if let Some((file, position)) = text.rsplit_once(':')
        && file.rsplit_once('.').is_some_and(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()))
    {
        let position = number("from", position)?;
        return Ok(From::Position(StartPosition::File { name: file.as_bytes().to_vec(), position }));
    }
    gtid_start("from", text).map(From::Position).map_err(|_| {
        format!(
            "option '--from': '{text}' is none of FILE:POSITION (bin.000001:4), MariaDB's GTIDs (0-1-100), MySQL's \
             (3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5), a time (YYYY-MM-DD HH:MM:SS), start and end"
        )
    })
}
