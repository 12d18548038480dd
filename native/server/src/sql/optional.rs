//! The form in which a log for MariaDB's replicas has a statement that they may refuse, as the query of a view: a replica that refuses it goes on
//! without it, where it would stop at the plain statement.
//!
//! The form is two statements of one group. The first one prepares, and a handler passes over what MariaDB can't parse or resolve; the second one
//! executes. EXECUTE can't stand under a handler, because a replica's thread takes no result sets. All other programs find comments, because they
//! know no `BEGIN NOT ATOMIC`. This server runs the statement of the first, so that a log that is replayed here loses none.
//!
//! Source: MariaDB's documentation, "Comment Syntax", "BEGIN END", "DECLARE HANDLER" and "PREPARE Statement"; compound statements are prepared since
//! 10.2.3. Tried with MariaDB 10.11.

/// Errors that say that a replica is short of something have a handler of their own, because it is to try again, or to stop.
macro_rules! stops {
    () => {
        "DECLARE EXIT HANDLER FOR 1021, 1030, 1037, 1041, 1114, 1205, 1213, 1290, 1969 RESIGNAL; "
    };
}

const FRONT: &str = concat!(
    "/*!100203 BEGIN NOT ATOMIC DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN END; ",
    stops!(),
    "PREPARE sealwire_new FROM 'DO 0'; PREPARE sealwire_new FROM '"
);
/// A single statement alone can be prepared so, which keeps a text that MariaDB reads as several out of the next one.
const CHECK: &str = "'; PREPARE sealwire_check FROM '";
const NEW: &str = "'; PREPARE sealwire_new FROM '";
const END: &str = "'; END */";
/// The second statement of the form.
pub(crate) const EXECUTE: &str = "/*!100203 EXECUTE sealwire_new */";
/// Replicas prepare this in the place of a refused statement that has no other.
const NOTHING: &str = "DO 0";
const HANDLED: &str = concat!("BEGIN NOT ATOMIC DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; ", stops!());
const HANDLED_END: &str = "; END";

/// The front of GRANT and REVOKE on a table or view. A replica that lacks it goes on: 1146, and 1147 where it gave nothing on it.
const GRANT_FRONT: &str = "/*!100203 BEGIN NOT ATOMIC DECLARE CONTINUE HANDLER FOR 1146, 1147 BEGIN END; ";
const GRANT_END: &str = "; END */";

/// An optional statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Optional {
    /// The statement.
    pub(crate) statement: String,
    /// The statement that a replica runs before the other, or where it refuses that, so that it has nothing old in the place of it.
    pub(crate) otherwise: Option<String>,
    /// Whether [`EXECUTE`] follows.
    pub(crate) has_second: bool,
}

/// Writes a GRANT or REVOKE on a table or view as a statement that replicas without it pass over. Where a name has the end of a comment, the
/// statement stays as it is, because no literal can hide the name: a replica's thread refuses EXECUTE in a compound statement.
pub(crate) fn write_grant(sql: String) -> String {
    if sql.contains("*/") { sql } else { format!("{GRANT_FRONT}{sql}{GRANT_END}") }
}

/// Reads exactly what [`write_grant`] has written.
fn read_grant(text: &[u8]) -> Option<Optional> {
    let inner = text.strip_prefix(GRANT_FRONT.as_bytes())?.strip_suffix(GRANT_END.as_bytes())?;
    let statement = String::from_utf8(inner.to_vec()).ok().filter(|inner| !inner.contains("*/"))?;
    let is_grant = statement.starts_with("GRANT ") || statement.starts_with("REVOKE ");
    is_grant.then_some(Optional { statement, otherwise: None, has_second: false })
}

/// Writes a statement in its canonical form as the first statement of an optional one.
pub(crate) fn write(sql: &str, otherwise: Option<&str>) -> String {
    let mut out = String::with_capacity(FRONT.len() + sql.len() * 3 + 300);
    out.push_str(FRONT);
    push_literal(&otherwise.map_or_else(|| NOTHING.to_owned(), handled), &mut out);
    out.push_str(CHECK);
    push_literal(sql, &mut out);
    out.push_str(NEW);
    // Some errors are found when the statement is executed, and then the old must be gone already.
    push_literal(
        &handled(&otherwise.map_or_else(|| sql.to_owned(), |otherwise| format!("{otherwise}; {sql}"))),
        &mut out,
    );
    out.push_str(END);
    out
}

/// A statement whose errors are passed over.
fn handled(sql: &str) -> String {
    format!("{HANDLED}{sql}{HANDLED_END}")
}

fn push_literal(sql: &str, out: &mut String) {
    let mut before = '\0';
    for character in sql.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("''"),
            // The end of a comment for those who do not run it.
            '/' if before == '*' => out.push_str("\\/"),
            other => out.push(other),
        }
        before = character;
    }
}

/// Reads exactly what [`write`] or [`write_grant`] has written; `None` for all other texts.
pub(crate) fn read(text: &[u8]) -> Option<Optional> {
    read_grant(text).or_else(|| read_prepared(text))
}

fn read_prepared(text: &[u8]) -> Option<Optional> {
    let (otherwise, rest) = literal(text.strip_prefix(FRONT.as_bytes())?)?;
    let (statement, _) = literal(rest.strip_prefix(CHECK.as_bytes())?)?;
    let (otherwise, statement) = (String::from_utf8(otherwise).ok()?, String::from_utf8(statement).ok()?);
    let otherwise = match otherwise.strip_prefix(HANDLED) {
        Some(handled) => Some(handled.strip_suffix(HANDLED_END)?.to_owned()),
        None => None,
    };
    (write(&statement, otherwise.as_deref()).as_bytes() == text).then_some(Optional {
        statement,
        otherwise,
        has_second: true,
    })
}

/// Reads a literal behind its first quote; returns its value and the text from its last quote on.
fn literal(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut rest = text;
    loop {
        let (&byte, behind) = rest.split_first()?;
        let next = behind.first();
        let is_pair = match byte {
            b'\\' if matches!(next, Some(b'\\' | b'/')) => true,
            b'\\' => return None,
            b'\'' if next == Some(&b'\'') => true,
            b'\'' => return Some((value, rest)),
            _ => false,
        };
        rest = if is_pair { behind } else { rest };
        let (&byte, behind) = rest.split_first()?;
        value.push(byte);
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_comes_back_as_it_was() {
        for sql in
            ["", "SELECT 1", r"SELECT 'it''s', 'a\\', '*/', '\\/*/'", "日😀`ä'`;\n-- x\n#", CHECK, NEW, END, FRONT]
        {
            for otherwise in [None, Some("DROP VIEW IF EXISTS `d`.`it's`"), Some(sql)] {
                let text = write(sql, otherwise);
                let read = read(text.as_bytes()).unwrap();
                assert_eq!(read.statement, sql, "{text}");
                assert_eq!(read.otherwise.as_deref(), otherwise, "{text}");
                assert_eq!(text.find("*/"), Some(text.len() - 2), "{text}");
            }
        }
    }

    #[test]
    fn a_grant_comes_back_as_it_was() {
        let sql = "GRANT SELECT ON `d`.`it's /* a` TO 'u'@'h'";
        let read_back = read(write_grant(sql.to_owned()).as_bytes()).unwrap();
        assert!(read_back.statement == sql && !read_back.has_second);
        let sql = "GRANT SELECT ON `d`.`*/` TO 'u'@'h'";
        assert_eq!(write_grant(sql.to_owned()), sql);
        for other in ["DROP TABLE t", "GRANT SELECT ON d.t TO u; */ DROP TABLE t /*!"] {
            assert_eq!(read(format!("{GRANT_FRONT}{other}{GRANT_END}").as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn other_texts_are_none() {
        let text = write("SELECT 1", None);
        for (old, new) in [
            ("CONTINUE", "EXIT"),
            ("100203", "100204"),
            ("DO 0", "DO 1"),
            ("check FROM 'SELECT 1'", "check FROM 'SELECT 2'"),
            ("END */", "END */;"),
            ("/*!", " /*!"),
            ("SELECT 1", r"SELECT '\n'"),
        ] {
            assert_eq!(read(text.replace(old, new).as_bytes()), None, "{old}");
        }
    }
}
