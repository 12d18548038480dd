//! Statements of logs that this server runs in other words.

use crate::sql::{Cursor, backquoted, text_literal};

/// The statements that stand for one of a log. A single one stays as it is where nothing is said of it here.
pub(super) fn rewritten(sql: String) -> Vec<String> {
    let one = || password_hash(&sql).or_else(|| filled_table(&sql)).map(|one| vec![one]);
    let all = renamed_tables(&sql).or_else(|| replaced_table(&sql)).or_else(one);
    all.unwrap_or_else(|| vec![sql])
}

/// Whether a statement changes nothing that a replica has: the upkeep of tables, and FLUSH of all but the accounts. A source has no say in this
/// server's logs, counters and certificates.
pub(super) fn is_upkeep(sql: &str) -> bool {
    let mut words = Cursor::new(sql);
    if words.accept("FLUSH") {
        words.accept_one(&["NO_WRITE_TO_BINLOG", "LOCAL"]);
        return !words.accept("PRIVILEGES");
    }
    words.accept_one(&["ANALYZE", "OPTIMIZE", "REPAIR"]).is_some()
}

/// Whether servers log such a statement: it changes data, definitions or accounts, and neither settings nor connections nor replication. A
/// source that sends another one wants something else than to be copied.
pub(super) fn is_ever_logged(sql: &str) -> bool {
    const CHANGES: &[&str] = &[
        "INSERT",
        "REPLACE",
        "UPDATE",
        "DELETE",
        "WITH",
        "SELECT",
        "TRUNCATE",
        "CREATE",
        "ALTER",
        "DROP",
        "RENAME",
        "GRANT",
        "REVOKE",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT",
        "RELEASE",
        "XA",
        "ANALYZE",
        "OPTIMIZE",
        "REPAIR",
        "FLUSH",
    ];
    let mut words = Cursor::new(sql);
    if words.accept("SET") {
        return words.accept_one(&["PASSWORD", "DEFAULT", "STATEMENT"]).is_some();
    }
    if words.accept_all(&["ALTER", "INSTANCE"]) {
        return false;
    }
    words.accept_one(CHANGES).is_some() || words.accept_all(&["START", "TRANSACTION"])
}

/// `RENAME TABLE a TO b, c TO d`.
fn renamed_tables(sql: &str) -> Option<Vec<String>> {
    let mut words = Cursor::new(sql);
    (words.accept("RENAME") && (words.accept("TABLE") || words.accept("TABLES"))).then_some(())?;
    let mut all = Vec::new();
    loop {
        let from = qualified(&mut words)?;
        words.accept("TO").then_some(())?;
        all.push(format!("ALTER TABLE {from} RENAME TO {}", qualified(&mut words)?));
        if !words.accept(",") {
            return words.is_at_end().then_some(all);
        }
    }
}

/// `CREATE OR REPLACE TABLE`.
fn replaced_table(sql: &str) -> Option<Vec<String>> {
    let mut words = Cursor::new(sql);
    words.accept_all(&["CREATE", "OR", "REPLACE", "TABLE"]).then_some(())?;
    let definition = format!("CREATE TABLE {}", words.rest());
    Some(vec![format!("DROP TABLE IF EXISTS {}", qualified(&mut words)?), definition])
}

/// `CREATE TABLE ... START TRANSACTION`, as MySQL logs CREATE TABLE ... SELECT before the rows.
fn filled_table(sql: &str) -> Option<String> {
    const END: &str = "START TRANSACTION";
    let sql = sql.trim_end();
    let (definition, end) = sql.split_at_checked(sql.len().checked_sub(END.len())?)?;
    let is_creation = Cursor::new(sql).accept_all(&["CREATE", "TABLE"]);
    (is_creation && end.eq_ignore_ascii_case(END)).then(|| definition.trim_end().to_owned())
}

/// `SET PASSWORD FOR account = 'hash'`, as MariaDB logs it.
fn password_hash(sql: &str) -> Option<String> {
    let mut words = Cursor::new(sql);
    words.accept_all(&["SET", "PASSWORD", "FOR"]).then_some(())?;
    let user = words.name_or_text().ok()?;
    let host = if words.accept("@") { words.name_or_text().ok()? } else { "%".to_owned() };
    words.accept("=").then_some(())?;
    let hash = words.text().filter(|hash| hash.len() == 41 && hash.starts_with('*'))?;
    words.is_at_end().then(|| {
        let account = format!("{}@{}", text_literal(&user), text_literal(&host));
        format!("ALTER USER {account} IDENTIFIED WITH mysql_native_password AS {}", text_literal(&hash))
    })
}

/// A name that may have a database before it.
fn qualified(words: &mut Cursor<'_>) -> Option<String> {
    let first = words.name().ok()?;
    if !words.accept(".") {
        return Some(backquoted(&first));
    }
    Some(format!("{}.{}", backquoted(&first), backquoted(&words.name().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::lex;

    fn all(sql: &str) -> Vec<String> {
        rewritten(lex::normalise(sql.as_bytes(), lex::Syntax::default()).unwrap())
    }

    #[test]
    fn statements_of_logs_get_words_that_the_engine_has() {
        assert_eq!(all("rename table ty.z to ty.`z z`"), ["ALTER TABLE `ty`.`z` RENAME TO `ty`.`z z`"]);
        assert_eq!(
            all("RENAME TABLE a TO b, b.c TO a"),
            ["ALTER TABLE `a` RENAME TO `b`", "ALTER TABLE `b`.`c` RENAME TO `a`"]
        );
        assert_eq!(
            all("create or replace table ty.gc(a int)"),
            ["DROP TABLE IF EXISTS `ty`.`gc`", "CREATE TABLE ty.gc(a int)"]
        );
        let hash = "*F33AE6DD04EF4C7C1D3105568E7FB7C1EE16C937";
        assert_eq!(
            all(&format!("SET PASSWORD FOR 'zz'@'%'='{hash}'")),
            [format!("ALTER USER 'zz'@'%' IDENTIFIED WITH mysql_native_password AS '{hash}'")]
        );
        assert_eq!(all("CREATE TABLE `c` ( `x` int) START TRANSACTION"), ["CREATE TABLE `c` ( `x` int)"]);
        for same in
            ["SET PASSWORD FOR 'zz'@'%' = 'abc'", "RENAME USER a TO b", "CREATE TABLE t (a INT)", "RENAME TABLE a"]
        {
            assert_eq!(all(same).len(), 1);
            assert!(!all(same)[0].starts_with("ALTER"), "{same}");
        }
        for sql in [
            "SET GLOBAL read_only = 1",
            "set @@global.max_connections=1",
            "SET PERSIST x = 1",
            "SET @a = 1",
            "KILL 1",
            "LOCK TABLES t WRITE",
            "DO SLEEP(1000)",
            "SHOW SLAVE STATUS",
            "SET ROLE ALL",
            "ALTER INSTANCE RELOAD TLS",
            "SHUTDOWN",
            "START SLAVE",
            "STOP REPLICA",
            "CHANGE MASTER TO MASTER_HOST='x'",
            "RESET MASTER",
            "PURGE BINARY LOGS BEFORE NOW()",
        ] {
            assert!(!is_ever_logged(sql), "{sql}");
        }
        for sql in
            ["SET PASSWORD FOR a = 'x'", "SET DEFAULT ROLE r FOR a", "START TRANSACTION", "INSERT INTO t VALUES (1)"]
        {
            assert!(is_ever_logged(sql), "{sql}");
        }
        for sql in ["analyze table t", "FLUSH LOGS", "FLUSH LOCAL SSL", "FLUSH TABLES WITH READ LOCK"] {
            assert!(is_upkeep(sql), "{sql}");
        }
        for sql in ["ALTER TABLE t", "FLUSH PRIVILEGES", "FLUSH NO_WRITE_TO_BINLOG PRIVILEGES"] {
            assert!(!is_upkeep(sql), "{sql}");
        }
    }
}
