//! Plain values for JavaScript: negotiated parameters, columns and errors.

use std::borrow::Cow;

use sealwire_core::error::{Error, Side, SqlError};
use sealwire_core::facts::{Facts, TlsFacts, Verification};
use sealwire_core::message::{CHARSET_BINARY, ColumnDefinition, ColumnType};
use sealwire_core::tls::{CertificateInfo, date_text};
use serde::Serialize;

/// An error with the fields of JavaScript's `SealwireError`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// MySQL's error number.
    pub code: u16,
    /// The five characters of the SQLSTATE.
    pub sql_state: String,
    /// MySQL's error message.
    pub message: String,
    /// The class of the error, which tells the side at fault.
    pub blame: &'static str,
    /// The remedy, if there is one.
    pub hint: Option<String>,
}

impl Failure {
    /// The server refused a command. The connection stays usable.
    pub fn of_command(error: &SqlError) -> Self {
        Self::new(error, "RefusedByServer", None)
    }

    fn new(error: &SqlError, blame: &'static str, hint: Option<String>) -> Self {
        let sql_state = error.sqlstate_str().to_owned();
        Self { code: error.code, sql_state, message: error.message.clone(), blame, hint }
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let blame = match error {
            Error::PeerMisbehaved(_) => "PeerMisbehaved",
            Error::PeerIncompatible(_) => "PeerIncompatible",
            Error::Refused { by: Side::Server, .. } => "RefusedByServer",
            Error::Refused { by: Side::Client, .. } => "RefusedByClient",
            Error::Tls(_) => "Tls",
            Error::TimedOut(_) => "TimedOut",
            Error::ConnectionLost(_) => "ConnectionLost",
            _ => "Misuse",
        };
        let hint = match error {
            Error::Tls(error) => error.hint().map(in_page_words),
            _ => None,
        };
        Self::new(&error.as_client_error(), blame, hint)
    }
}

/// Translates a hint, because the core's hints name command-line options and a page has other options.
fn in_page_words(hint: String) -> String {
    const WORDS: [(&str, &str); 5] = [
        ("--ssl-fp=", "tls.fingerprint = "),
        ("--ssl-ca", "tls.ca"),
        ("--ssl-mode=", "tls.mode = "),
        ("ssl-ca file", "tls.ca"),
        ("Connect by one of these names", "Give one of these names as tls.serverName"),
    ];
    WORDS.iter().fold(hint, |hint, (option, word)| hint.replace(option, word))
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// The column's name in the statement.
    pub name: String,
    /// MySQL's name of the type, with UNSIGNED.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The JavaScript type of the values: `number`, `bigint`, `string` or `bytes`.
    pub kind: &'static str,
    /// The table; empty for an expression.
    pub table: String,
    /// The database; empty for an expression.
    pub schema: String,
}

impl From<&ColumnDefinition> for Column {
    fn from(column: &ColumnDefinition) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            name: text(&column.name),
            type_name: type_name(column),
            kind: kind(column),
            table: text(&column.table),
            schema: text(&column.schema),
        }
    }
}

fn kind(column: &ColumnDefinition) -> &'static str {
    match column.column_type {
        ColumnType::LONGLONG => "bigint",
        ColumnType::FLOAT | ColumnType::DOUBLE => "number",
        integer if integer.is_integer() => "number",
        ColumnType::BIT | ColumnType::GEOMETRY => "bytes",
        ColumnType::TINY_BLOB
        | ColumnType::MEDIUM_BLOB
        | ColumnType::LONG_BLOB
        | ColumnType::BLOB
        | ColumnType::VAR_STRING
        | ColumnType::VARCHAR
        | ColumnType::STRING
            if column.charset == CHARSET_BINARY =>
        {
            "bytes"
        }
        _ => "string",
    }
}

fn type_name(column: &ColumnDefinition) -> String {
    let binary = column.charset == CHARSET_BINARY;
    let name = match column.column_type {
        ColumnType::TINY => "TINYINT",
        ColumnType::SHORT => "SMALLINT",
        ColumnType::INT24 => "MEDIUMINT",
        ColumnType::LONG => "INT",
        ColumnType::LONGLONG => "BIGINT",
        ColumnType::NEWDECIMAL => "DECIMAL",
        ColumnType::VAR_STRING | ColumnType::VARCHAR if binary => "VARBINARY",
        ColumnType::VAR_STRING => "VARCHAR",
        ColumnType::STRING if binary => "BINARY",
        ColumnType::STRING => "CHAR",
        ColumnType::BLOB if !binary => "TEXT",
        other => other.name(),
    };
    let unsigned = column.is_unsigned() && column.column_type.is_numeric() && column.column_type != ColumnType::YEAR;
    if unsigned { format!("{name} UNSIGNED") } else { name.to_owned() }
}

/// The negotiated parameters of the connection.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FactsView {
    server_version: String,
    connection_id: u32,
    capabilities: Vec<String>,
    auth_plugin: Option<String>,
    tls: Option<TlsView>,
    // As floating point, because JavaScript's numbers are.
    bytes_in: f64,
    bytes_out: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct TlsView {
    version: &'static str,
    suite: &'static str,
    cipher: &'static str,
    group: Option<&'static str>,
    sni: Option<String>,
    alpn: Option<String>,
    resumed: bool,
    verification: &'static str,
    verified: &'static str,
    chain: Vec<CertificateView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificateView {
    subject: String,
    issuer: String,
    not_before: String,
    not_after: String,
    names: Vec<String>,
    serial: String,
    key: String,
    version: u32,
    fingerprint: String,
}

impl From<&Facts> for FactsView {
    fn from(facts: &Facts) -> Self {
        let capabilities = format!("{:?}", facts.capabilities);
        Self {
            server_version: facts.server_version.clone(),
            connection_id: facts.connection_id,
            capabilities: capabilities.split('|').map(str::to_owned).collect(),
            auth_plugin: facts.auth_plugin.clone(),
            tls: facts.tls.as_ref().map(TlsView::from),
            bytes_in: facts.bytes_in as f64,
            bytes_out: facts.bytes_out as f64,
        }
    }
}

impl From<&TlsFacts> for TlsView {
    fn from(tls: &TlsFacts) -> Self {
        let chain = tls.peer_chain.iter().filter_map(|der| CertificateInfo::from_der(der).ok());
        Self {
            version: tls.version.name(),
            suite: tls.suite,
            cipher: tls.cipher,
            group: tls.group,
            sni: tls.sni.clone(),
            alpn: tls.alpn.as_deref().map(|alpn| String::from_utf8_lossy(alpn).into_owned()),
            resumed: tls.resumed,
            verification: match tls.verification {
                Verification::None => "NONE",
                Verification::Ca => "CA",
                Verification::CaAndIdentity => "CA_AND_IDENTITY",
                Verification::SystemRootsAndIdentity => "SYSTEM_ROOTS_AND_IDENTITY",
                Verification::Fingerprint => "FINGERPRINT",
            },
            verified: verified(tls),
            chain: chain.map(CertificateView::from).collect(),
        }
    }
}

impl From<CertificateInfo> for CertificateView {
    fn from(info: CertificateInfo) -> Self {
        Self {
            subject: info.subject.to_slash(),
            issuer: info.issuer.to_slash(),
            not_before: date_text(info.not_before),
            not_after: date_text(info.not_after),
            names: info.san,
            serial: info.serial,
            key: info.key,
            version: info.version,
            fingerprint: info.fingerprint_sha256,
        }
    }
}

/// The `SSL:` line of `\s`, with the text of the native client.
pub fn ssl_line(facts: &Facts) -> Cow<'static, str> {
    match &facts.tls {
        None => "Not in use".into(),
        Some(tls) => format!("Cipher in use is {}, {}", tls.cipher, verified(tls)).into(),
    }
}

const fn verified(tls: &TlsFacts) -> &'static str {
    match tls.verification {
        Verification::None => "cert is NOT verified",
        Verification::Ca => "cert is verified by CA",
        Verification::CaAndIdentity => "cert is verified by CA and host name",
        Verification::SystemRootsAndIdentity => "cert is verified by the system's CAs and host name",
        Verification::Fingerprint => "cert is verified by fingerprint",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_core::message::ColumnFlags;
    use sealwire_core::tls::TlsError;

    #[test]
    fn columns_say_as_what_their_values_come() {
        let mut id = ColumnDefinition::new("id", ColumnType::LONGLONG);
        id.flags |= ColumnFlags::UNSIGNED;
        let mut blob = ColumnDefinition::new("b", ColumnType::BLOB);
        blob.charset = CHARSET_BINARY;
        let text = ColumnDefinition::new("t", ColumnType::BLOB);
        let price = ColumnDefinition::new("p", ColumnType::NEWDECIMAL);
        let views: Vec<Column> = [&id, &blob, &text, &price].map(Column::from).into();
        let shown: Vec<_> = views.iter().map(|view| (view.type_name.as_str(), view.kind)).collect();
        let expected = [("BIGINT UNSIGNED", "bigint"), ("BLOB", "bytes"), ("TEXT", "string"), ("DECIMAL", "string")];
        assert_eq!(shown, expected);
    }

    #[test]
    fn failures_carry_number_state_and_blame() {
        let failure = Failure::from(&Error::Tls(TlsError::NotTls));
        assert_eq!((failure.code, failure.sql_state.as_str(), failure.blame), (2026, "HY000", "Tls"));
        assert!(failure.hint.is_some());
        let refused = Error::Refused { by: Side::Server, error: SqlError::new(1045, b"28000", "Access denied") };
        assert_eq!(Failure::from(&refused).blame, "RefusedByServer");
    }

    #[test]
    fn hints_speak_of_the_pages_options() {
        let hint = in_page_words("Name the CA with --ssl-ca, or trust it with --ssl-fp=AA:BB".to_owned());
        assert_eq!(hint, "Name the CA with tls.ca, or trust it with tls.fingerprint = AA:BB");
    }

    #[test]
    fn plaintext_is_said_to_be_so() {
        assert_eq!(ssl_line(&Facts::default()), "Not in use");
    }
}
