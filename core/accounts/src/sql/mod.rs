//! Account statements: a tokenizer with MySQL's quoting, a parser, and the execution.

mod authority;
mod cursor;
mod execute;
mod grammar;
mod replay;
mod session;
mod show;
mod statement;
mod token;

pub(super) use execute::apply;
pub use execute::execute;
pub use replay::{Replayed, replay};
pub use session::{Outcome, Session, Stop};
pub(super) use show::{Style, create_user, grants};
pub use statement::{AccountStatement, GrantLevel, Identified, Target, UserOptions, UserSpec};

use alloc::vec::Vec;

use crate::Requirement;
use cursor::Cursor;
use sealwire_core::SqlError;

/// Parses one statement, with or without a `;` at its end. `None` if it is not about accounts.
pub fn parse_statement(sql: &str) -> Option<Result<AccountStatement, SqlError>> {
    let mut cursor = Cursor::new(sql);
    let statement = grammar::statement(&mut cursor)?;
    Some(statement.and_then(|statement| {
        while cursor.eat_symbol(';') {}
        cursor.expect_end().map(|()| statement)
    }))
}

/// Parses account statements that end with `;`, each with the number of the line on which it starts.
///
/// # Errors
/// The error of the first statement that can't be parsed, with the number of its line.
pub fn parse_script(sql: &str) -> Result<Vec<(usize, AccountStatement)>, (usize, SqlError)> {
    let mut cursor = Cursor::new(sql);
    let mut statements = Vec::new();
    loop {
        while cursor.eat_symbol(';') {}
        if cursor.at_end() {
            return Ok(statements);
        }
        let line = cursor.line();
        let statement = grammar::statement(&mut cursor).unwrap_or_else(|| Err(cursor.syntax_error()));
        let ended = statement.and_then(|statement| cursor.expect_symbol(';').map(|()| statement));
        match ended {
            Ok(statement) => statements.push((line, statement)),
            Err(error) => return Err((cursor.line(), error)),
        }
    }
}

/// Parses a REQUIRE clause by itself, with MySQL's errors 1064 and 1225.
pub fn parse_requirement(clause: &str) -> Result<Requirement, SqlError> {
    let mut cursor = Cursor::new(clause);
    let requirement = grammar::requirement(&mut cursor)?.ok_or_else(|| cursor.syntax_error())?;
    cursor.expect_end().map(|()| requirement)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::{Requirement, parse_requirement};
    use alloc::string::String;
    use sealwire_core::facts::TlsVersion;

    #[test]
    fn only_none_lives_without_tls() {
        assert!(!Requirement::None.needs_tls());
        for clause in ["REQUIRE SSL", "REQUIRE X509", "REQUIRE CIPHER 'x'"] {
            assert!(parse_requirement(clause).unwrap().needs_tls(), "{clause}");
        }
    }

    #[test]
    fn what_display_writes_reads_back_the_same() {
        let texts =
            [None, Some("/C=FI/CN=a"), Some("it's \\ \"q\" `b`\n\t\r\0\u{1a} é"), Some("-- /* # */"), Some("%_\\%")];
        for plain in [Requirement::None, Requirement::Ssl, Requirement::X509] {
            assert_eq!(parse_requirement(&plain.to_string()), Ok(plain));
        }
        for cipher in texts {
            for issuer in texts {
                for subject in texts {
                    let [cipher, issuer, subject] = [cipher, issuer, subject].map(|text| text.map(String::from));
                    if cipher.is_none() && issuer.is_none() && subject.is_none() {
                        continue;
                    }
                    for (uri, version) in [(None, None), (subject.clone(), Some(TlsVersion::V1_2))] {
                        let (cipher, issuer, subject) = (cipher.clone(), issuer.clone(), subject.clone());
                        let requirement = Requirement::Specified { cipher, issuer, subject, uri, version };
                        assert_eq!(parse_requirement(&requirement.to_string()), Ok(requirement));
                    }
                }
            }
        }
    }

    #[test]
    fn display_orders_issuer_subject_cipher_without_and() {
        let requirement = parse_requirement("REQUIRE CIPHER 'c' AND SUBJECT 's' ISSUER 'i'").unwrap();
        assert_eq!(requirement.to_string(), "REQUIRE ISSUER 'i' SUBJECT 's' CIPHER 'c'");
        let requirement = parse_requirement("REQUIRE VERSION 'TLSv1.3' AND SAN 'URI:spiffe://a/b'").unwrap();
        assert_eq!(requirement.to_string(), "REQUIRE SAN 'URI:spiffe://a/b' VERSION 'TLSv1.3'");
        for wrong in
            ["SAN 'spiffe://a/b'", "SAN 'URI:'", "VERSION 'TLSv1.1'", "VERSION '1.3'", "SAN 'URI:a' SAN 'URI:b'"]
        {
            parse_requirement(&alloc::format!("REQUIRE {wrong}")).unwrap_err();
        }
    }
}
