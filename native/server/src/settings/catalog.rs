//! All system variables by name: those of the server's table and those of TLS.

use std::sync::LazyLock;

use sealwire_core::error::SqlError;
use sealwire_options::tls::SERVER_VARIABLES;

use super::definition::Scope;
use super::system_variables::{ROWS, SystemVariable};

static ALL: LazyLock<Vec<SystemVariable>> = LazyLock::new(|| {
    let rows = ROWS.iter().copied().filter(|row| row.scope != Scope::Start);
    let mut all: Vec<SystemVariable> = rows.chain(SERVER_VARIABLES.iter().map(SystemVariable::of_tls)).collect();
    all.sort_by_key(|variable| variable.name);
    all
});

/// Every system variable, in the order of SHOW VARIABLES.
pub(crate) fn all() -> &'static [SystemVariable] {
    &ALL
}

/// The variable of that name, in any case.
///
/// # Errors
/// 1193 where there is no such variable.
pub(crate) fn find(name: &str) -> Result<&'static SystemVariable, SqlError> {
    let lower = || name.bytes().map(|byte| byte.to_ascii_lowercase());
    let found = all().binary_search_by(|variable| variable.name.bytes().cmp(lower()));
    let found = found.ok().and_then(|at| all().get(at));
    found.ok_or_else(|| SqlError::new(1193, b"HY000", format!("Unknown system variable '{name}'")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Datum;

    #[test]
    fn names_are_sorted_and_every_default_is_a_value() {
        assert!(ROWS.is_sorted_by(|a, b| a.name < b.name), "the table is sorted for its readers");
        assert!(all().is_sorted_by(|a, b| a.name < b.name), "a name is there once");
        for variable in all() {
            let default = variable.default();
            assert_eq!(variable.accept(&variable.datum(&default)).unwrap(), default, "{}", variable.name);
        }
    }

    #[test]
    fn values_are_checked_by_kind() {
        let accept = |name: &str, value: Datum| find(name).unwrap().accept(&value).map(|value| value.to_string());
        assert_eq!(accept("autocommit", Datum::Int(0)).unwrap(), "OFF");
        assert_eq!(accept("autocommit", Datum::Int(2)).unwrap_err().code, 1231);
        assert_eq!(accept("max_allowed_packet", Datum::Int(1)).unwrap(), "1024");
        assert_eq!(accept("wait_timeout", Datum::Text("x".into())).unwrap_err().code, 1232);
        assert_eq!(accept("character_set_client", Datum::Text("ebcdic".into())).unwrap_err().code, 1115);
        assert_eq!(accept("character_set_results", Datum::Null).unwrap(), "null");
        assert_eq!(accept("time_zone", Datum::Text("Mars/Base".into())).unwrap_err().code, 1298);
        assert_eq!(accept("collation_connection", Datum::Text("utf8mb4_x_ci".into())).unwrap_err().code, 1273);
        for wrong in ["lz4", "zlib", ""] {
            let text = Datum::Text(wrong.into());
            assert_eq!(accept("protocol_compression_algorithms", text).unwrap_err().code, 1231, "{wrong}");
        }
        assert_eq!(find("nothing").map(drop).unwrap_err().code, 1193);
        assert_eq!(find("threads").map(drop).unwrap_err().code, 1193, "an option that is no variable");
        assert_eq!(find("SSL_ca").unwrap().name, "ssl_ca");
    }
}
