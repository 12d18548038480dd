//! Connection strings: `host=127.0.0.1;user=ada;password={a;b}` in the place of the host's name, as `mariadb_connect` passes it.
//!
//! The names are those of option files. A value in braces may have every character; `}}` stands for a brace. As in the original, unknown
//! names are ignored, unless they are TLS options. No error repeats a value, because a password may be among them.

use sealwire_core::SqlError;

use super::failure;
use super::option_files;
use super::options::Settings;

/// Whether a host's name is a connection string.
pub(crate) fn is_one(host: &[u8]) -> bool {
    host.iter().any(|byte| matches!(byte, b';' | b'='))
}

/// Sets the options that a connection string names.
///
/// # Errors
/// 5011 where the text is no connection string, and the number of the option where a value is wrong.
pub(crate) fn apply(settings: &mut Settings, text: &[u8]) -> Result<(), SqlError> {
    for (name, value) in pairs(text)? {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase().replace('_', "-");
        let known = match name.as_str() {
            "db" => "database",
            "servername" => "host",
            "passwd" => "password",
            "unix-socket" => "socket",
            name => name,
        };
        let set = option_files::set(settings, known, value.as_deref());
        let is_set = set.map_err(|error| {
            failure::hy000(
                error.code,
                format!("The option '{known}' of the connection string has a value that is none"),
            )
        })?;
        if !is_set && (known.starts_with("ssl") || known.starts_with("tls")) {
            let told = format!("The TLS option '{known}' of the connection string is unknown");
            return Err(failure::hy000(2026, told));
        }
    }
    Ok(())
}

type Pair<'t> = (&'t [u8], Option<Vec<u8>>);

/// The names with their values; a name may have none.
fn pairs(text: &[u8]) -> Result<Vec<Pair<'_>>, SqlError> {
    let mut all = Vec::new();
    let mut rest = text.trim_ascii();
    while !rest.is_empty() {
        let wrong = || {
            let at = text.len() - rest.len();
            failure::hy000(5011, format!("Error parsing the connection string, behind its first {at} bytes"))
        };
        let end = rest.iter().position(|byte| matches!(byte, b'=' | b';' | b'{' | b'}')).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let name = name.trim_ascii();
        if name.is_empty() {
            return Err(wrong());
        }
        let (value, behind) = match behind.split_first() {
            Some((b'=', behind)) => match behind.trim_ascii_start().split_first() {
                Some((b'{', inside)) => {
                    let (value, behind) = braced(inside).ok_or_else(wrong)?;
                    (Some(value), behind.trim_ascii_start())
                }
                _ => {
                    let end = behind.iter().position(|byte| *byte == b';').unwrap_or(behind.len());
                    let (value, behind) = behind.split_at(end);
                    (Some(value.trim_ascii().to_vec()), behind)
                }
            },
            _ => (None, behind),
        };
        all.push((name, value));
        rest = match behind.split_first() {
            None => behind,
            Some((b';', behind)) => behind.trim_ascii_start(),
            Some(_) => return Err(wrong()),
        };
    }
    Ok(all)
}

/// The text up to the closing brace, and what follows it.
fn braced(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.iter().position(|byte| *byte == b'}')?;
        let (part, behind) = rest.split_at(end);
        value.extend_from_slice(part);
        rest = behind.get(1..)?;
        match rest.split_first() {
            Some((b'}', behind)) => {
                value.push(b'}');
                rest = behind;
            }
            _ => return Some((value, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options;

    fn shown(text: &str) -> Result<String, u16> {
        let pairs = pairs(text.as_bytes()).map_err(|error| error.code)?;
        let shown = pairs.iter().map(|(name, value)| {
            let value =
                value.as_ref().map_or_else(|| "none".to_owned(), |value| String::from_utf8_lossy(value).into_owned());
            format!("{}:{value}|", String::from_utf8_lossy(name))
        });
        Ok(shown.collect())
    }

    #[test]
    fn names_and_values_are_found() {
        assert_eq!(shown("host=a;user=b").unwrap(), "host:a|user:b|");
        assert_eq!(shown(" host = a b ; compress ; ").unwrap(), "host:a b|compress:none|");
        assert_eq!(shown("password={a;b=}}c};db=").unwrap(), "password:a;b=}c|db:|");
        assert_eq!(shown("password=a=b{c").unwrap(), "password:a=b{c|");
        for wrong in ["=", ";", "host=a;;user=b", "=;;={}", "password={a", "password={a}b;c=d", "a}b=c"] {
            assert_eq!(shown(wrong), Err(5011), "{wrong}");
        }
    }

    #[test]
    fn options_are_set_and_no_error_has_a_value() {
        let mut settings = Settings::new();
        apply(&mut settings, b"Host=a;passwd=secret;port=3307;ssl_enforce=1;unknown=x").unwrap();
        assert_eq!(settings.text(options::HOST), Some(c"a"));
        assert_eq!(settings.text(options::PASSWORD), Some(c"secret"));
        assert_eq!((settings.number(options::PORT), settings.number(options::SSL_ENFORCE)), (3307, 1));
        for wrong in ["port=secret", "ssl_enforce=secret", "ssl_nothing=secret", "password={secret", "compress=secret"]
        {
            let error = apply(&mut Settings::new(), wrong.as_bytes()).unwrap_err();
            assert!(!error.message.contains("secret"), "{}", error.message);
        }
    }
}
