//! Options that administrators of mysqld give, and sealwired lacks: each is refused with the way out.

use sealwire_options::Spec;

const NO_OTHER_LOG: &str = "logs no statements: leave the option out; SHOW PROCESSLIST shows what runs, --log-error-verbosity=3 logs every connection";
const NO_PLUGINS: &str = "loads no plugins: leave the option out";
const NO_INNODB: &str =
    "stores its tables by SQLite: leave the option out; --global-connection-memory-limit bounds memory";
const BY_SET: &str =
    "takes it as a system variable alone: SET GLOBAL at run time, or in the file of --init-file for each start";

/// The options. The text goes on behind the program's name.
pub(crate) const OPTIONS: &[Spec] = &[
    Spec::absent("basedir", "needs no files beside its program: leave the option out").short('b'),
    Spec::absent("character-set-server", BY_SET).short('C'),
    Spec::absent("chroot", "does not change its root: use RootDirectory= of its systemd unit, or a container").short('r'),
    Spec::absent("collation-server", BY_SET),
    Spec::absent("console", "always logs to standard error: leave the option out"),
    Spec::absent(
        "daemonize",
        "stays in the foreground: let systemd or another supervisor run it, or a shell: 'nohup sealwired … 2>>sealwired.log &'",
    )
    .short('D'),
    Spec::absent("default-storage-engine", "has one engine, SQLite: leave the option out"),
    Spec::absent("default-time-zone", "takes it as SET GLOBAL time_zone, at run time or in the file of --init-file"),
    Spec::absent("event-scheduler", "has no events: leave the option out"),
    Spec::absent("general-log", NO_OTHER_LOG),
    Spec::absent("general-log-file", NO_OTHER_LOG),
    Spec::absent("init-connect", BY_SET),
    Spec::absent("innodb-buffer-pool-size", NO_INNODB),
    Spec::absent("innodb-file-per-table", NO_INNODB),
    Spec::absent("innodb-log-file-size", NO_INNODB),
    Spec::absent("lc-messages-dir", "has its messages built in: leave the option out"),
    Spec::absent(
        "local-infile",
        "has no LOAD DATA, neither of a client's file nor of its own: leave the option out, and send the rows by INSERT",
    ),
    Spec::absent(
        "log-error",
        "logs to standard error alone: leave the option out, and redirect it ('sealwired … 2>>FILE', or StandardError= of its systemd unit)",
    ),
    Spec::absent("log-output", NO_OTHER_LOG),
    Spec::absent("long-query-time", NO_OTHER_LOG),
    Spec::absent("lower-case-table-names", "has it fixed at 2: leave the option out"),
    Spec::absent("max-user-connections", BY_SET),
    Spec::absent("mysqlx", "has no X protocol: leave the option out"),
    Spec::absent("open-files-limit", "raises its own limit to the system's: set that one, by LimitNOFILE= or 'ulimit -n'"),
    Spec::absent("plugin-load", NO_PLUGINS),
    Spec::absent("plugin-load-add", NO_PLUGINS),
    Spec::absent("secure-file-priv", "reads and writes no files for statements: leave the option out"),
    Spec::absent(
        "skip-grant-tables",
        "always checks accounts: for a lost password of root, put ALTER USER root@localhost IDENTIFIED BY '…' into a file and give it once \
         with --init-file",
    ),
    Spec::absent("skip-name-resolve", "never looks up names of clients: leave the option out"),
    Spec::absent("slow-query-log", NO_OTHER_LOG),
    Spec::absent("slow-query-log-file", NO_OTHER_LOG),
    Spec::absent("sql-mode", BY_SET),
    Spec::absent("tmpdir", "takes the directory for temporary files from the environment: SQLITE_TMPDIR or TMPDIR").short('t'),
    Spec::absent(
        "user",
        "does not change its user: start it as that user (User= of its systemd unit, or 'setpriv --reuid=NAME --regid=NAME --init-groups \
         sealwired …'), who must own the data directory",
    )
    .short('u'),
];
