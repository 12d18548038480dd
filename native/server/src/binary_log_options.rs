//! The options of the binary log, and the log that they open.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sealwire_binlog::{Checksum, Flavour};
use sealwire_core::random::Random;
use sealwire_options::{Spec, Values};

use super::replication::{BinaryLog, Databases, Format, LogFiles, LogSettings, Place, SemiSyncSettings};
use super::settings::Globals;

/// The options beside those of the system variables.
pub(super) const OPTIONS: &[Spec] = &[Spec::optional_text(
    "log-bin",
    "Write changes into a binary log, for replicas and point-in-time recovery: files of this name with a number. (Default name: binlog in the \
     data directory.)",
)];

/// The file with the server's UUID, as in mysqld.
const UUID_FILE: &str = "auto.cnf";

/// Opens the binary log that the options ask for; `None` where they ask for none. The last group of a killed server's log is then in the
/// databases, or in neither. `accounts` is the place up to which the changes of accounts in the log were made.
///
/// # Errors
/// A sentence that names the option or the file.
pub(super) fn open(
    values: &Values,
    globals: &Globals,
    (directory, random): (&Path, &dyn Random),
    databases: &dyn Databases,
    accounts: Option<&Place>,
) -> Result<Option<BinaryLog>, String> {
    let uuid = server_uuid(globals, directory, random, values.is_given("log-bin"))?;
    let name = match values.text("log-bin") {
        // --skip-log-bin
        Some("") => return Ok(None),
        Some(name) => name,
        None if values.is_given("log-bin") => "",
        None => return Ok(None),
    };
    let version = globals.version.get();
    let format = Format {
        flavour: if version.contains("MariaDB") { Flavour::MariaDb } else { Flavour::MySql },
        checksum: if *globals.binlog_checksum.get() == *"CRC32" { Checksum::Crc32 } else { Checksum::None },
        version,
        domain: u32::try_from(globals.gtid_domain_id.get()).unwrap_or(0),
        has_gtids: *globals.gtid_mode.get() == *"ON",
        uuid,
    };
    let settings = LogSettings::default();
    apply_settings(globals, &settings);
    let log = BinaryLog::open(LogFiles::new(directory, name)?, format, settings, databases, accounts)?;
    apply(globals, &log);
    let (basename, index) = log.paths();
    globals.log_bin.set(true);
    globals.log_bin_basename.set(basename);
    globals.log_bin_index.set(index);
    Ok(Some(log))
}

/// Applies the variables that SET GLOBAL changes.
pub(super) fn apply(globals: &Globals, log: &BinaryLog) {
    apply_settings(globals, &log.settings);
    log.semi_sync.configure(SemiSyncSettings {
        is_enabled: globals.rpl_semi_sync_master_enabled.is_on(),
        timeout: Duration::from_millis(globals.rpl_semi_sync_master_timeout.get()),
        waits_for_nobody: globals.rpl_semi_sync_master_wait_no_slave.is_on(),
    });
}

fn apply_settings(globals: &Globals, settings: &LogSettings) {
    settings.server_id.store(u32::try_from(globals.server_id.get()).unwrap_or(u32::MAX), Ordering::Relaxed);
    settings.max_size.store(globals.max_binlog_size.get(), Ordering::Relaxed);
    settings.max_cache.store(globals.max_binlog_cache_size.get(), Ordering::Relaxed);
    settings.max_disk.store(globals.tmp_disk_limit.get(), Ordering::Relaxed);
    settings.sync_each.store(globals.sync_binlog.get(), Ordering::Relaxed);
    settings.expire_seconds.store(globals.binlog_expire_logs_seconds.get(), Ordering::Relaxed);
}

/// The server's UUID: the option's, or the data directory's, which is made at the first start. `must_last` says that the server does not start
/// where it can't be kept, because replicas know a primary by it.
fn server_uuid(globals: &Globals, directory: &Path, random: &dyn Random, must_last: bool) -> Result<[u8; 16], String> {
    let given = globals.server_uuid.get();
    if !given.is_empty() {
        return parse(&given).ok_or_else(|| {
            format!("--server-uuid={given}: it is no UUID such as 3e11fa47-71ca-11e1-9e33-c80aa9429562")
        });
    }
    let path = directory.join(UUID_FILE);
    let failed = |what: &str| format!("the file of the server's UUID '{}': {what}", path.display());
    let text = match fs::read_to_string(&path) {
        Ok(text) => {
            let line = text.lines().find_map(|line| line.trim().strip_prefix("server-uuid="));
            line.map(str::to_owned)
                .ok_or_else(|| failed("it has no line server-uuid=; remove the file to have another one made"))?
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut bytes = [0; 16];
            random.fill(&mut bytes);
            // Version 4, of random bytes.
            let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
            *version = *version & 0x0f | 0x40;
            *variant = *variant & 0x3f | 0x80;
            let text = written(&bytes);
            let mut options = OpenOptions::new();
            let file = options.write(true).create_new(true).mode(0o600).open(&path);
            let made = file.and_then(|mut file| file.write_all(format!("[auto]\nserver-uuid={text}\n").as_bytes()));
            if let Err(error) = made {
                // An incomplete file would keep the next start from making it.
                let _ = fs::remove_file(&path);
                let why = failed(&error.to_string());
                if must_last {
                    return Err(why);
                }
                tracing::warn!("{why}; the server has another UUID after its next start");
            }
            text
        }
        Err(error) => return Err(failed(&error.to_string())),
    };
    globals.server_uuid.set(text.as_str());
    parse(&text).ok_or_else(|| failed("its UUID can't be read; remove the file to have another one made"))
}

fn parse(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
    let number =
        Some(digits).filter(|digits| digits.len() == 32).and_then(|digits| u128::from_str_radix(&digits, 16).ok());
    number.map(u128::to_be_bytes)
}

fn written(bytes: &[u8; 16]) -> String {
    let digits = format!("{:032x}", u128::from_be_bytes(*bytes));
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0..8), part(8..12), part(12..16), part(16..20), part(20..32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_read_as_it_is_written() {
        let bytes = *b"0123456789abcdef";
        assert_eq!(written(&bytes), "30313233-3435-3637-3839-616263646566");
        assert_eq!(parse(&written(&bytes)), Some(bytes));
        assert_eq!(parse("30313233"), None);
    }
    #[test]
    fn a_server_without_a_log_starts_where_its_uuid_can_not_be_kept() {
        let random = sealwire_net::random::OsRandom::new();
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        assert!(server_uuid(&Globals::default(), &gone, &random, true).unwrap_err().contains("auto.cnf"));
        server_uuid(&Globals::default(), &gone, &random, false).unwrap();
        let kept = server_uuid(&Globals::default(), folder.path(), &random, true).unwrap();
        assert_eq!(server_uuid(&Globals::default(), folder.path(), &random, true).unwrap(), kept);
    }
}
