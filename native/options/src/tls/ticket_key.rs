//! `--ssl-session-ticket-key`: the file with the secrets of session tickets.

use std::path::Path;

use base64ct::{Base64, Encoding as _};
use sealwire_core::secret::Secret;
use zeroize::Zeroizing;

use sealwire_net::regular_file::{self, SMALL};

use super::tickets::{SECRET, Secrets};
use sealwire_net::files::unreadable;

/// The command that makes a secret, for error texts.
const MAKE: &str = "'openssl rand -hex 32' makes one";

/// Reads the file: each line is a secret of 32 bytes, in hex or base64; the first one encrypts, and `#` begins a comment. The error names
/// the line's number and never its text.
pub(super) fn read(path: &str) -> Result<Secrets, String> {
    let option = "option '--ssl-session-ticket-key'";
    let path = Path::new(path);
    let content = regular_file::read(path, SMALL)
        .map_err(|error| format!("{option}: can't read '{}': {}", path.display(), unreadable(path, &error)))?;
    let (content, path) = (Secret::new(content), path.display());
    let mut secrets = Vec::new();
    for (line, number) in content.expose().split(|byte| *byte == b'\n').zip(1..) {
        let word = line.split(|byte| *byte == b'#').next().unwrap_or_default().trim_ascii();
        if word.is_empty() {
            continue;
        }
        secrets.push(secret(word).ok_or_else(|| {
            format!(
                "{option}: line {number} of '{path}' is no secret: it has {} characters, and is to be 64 hex digits or {SECRET} bytes \
                 in base64; {MAKE}",
                word.len()
            )
        })?);
    }
    if secrets.is_empty() {
        return Err(format!("{option}: '{path}' holds no secret; {MAKE}"));
    }
    Ok(Secrets::new(secrets))
}

fn secret(word: &[u8]) -> Option<Zeroizing<[u8; SECRET]>> {
    let mut secret = Zeroizing::new([0; SECRET]);
    if word.len() != 2 * SECRET {
        let decoded = Base64::decode(word, &mut *secret).ok()?.len();
        return (decoded == SECRET).then_some(secret);
    }
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    for (byte, pair) in secret.iter_mut().zip(word.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(secret)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use sealwire_core::tls::TicketKeys as _;

    use super::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
    const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn read_text(directory: &Path, text: &str) -> Result<Secrets, String> {
        let path = directory.join("keys");
        fs::write(&path, text).unwrap();
        read(path.to_str().unwrap())
    }

    #[test]
    fn hex_and_base64_are_the_same_secret_among_comments() {
        let directory = tempfile::tempdir().unwrap();
        let read = |text: &str| read_text(directory.path(), text).unwrap();
        let ticket = read(HEX).ticketer(&[0; 32]).unwrap().encrypt(b"session").unwrap();
        for text in [
            format!("{BASE64}\n"),
            format!("# made in May\r\n\r\n  {HEX}\t# the first\r\n"),
            format!("{}\n{HEX}", HEX.replace('0', "f")),
        ] {
            let opened = read(&text).ticketer(&[0; 32]).unwrap().decrypt(&ticket);
            assert_eq!(opened.as_deref(), Some(b"session".as_slice()), "{text}");
        }
    }

    #[test]
    fn a_bad_line_is_named_by_its_number_alone() {
        let directory = tempfile::tempdir().unwrap();
        let long = "00".repeat(40_000);
        for (text, said) in [
            (format!("{HEX}\n\n{}", &HEX[2..]), "line 3 of '"),
            (HEX.replace('a', "g"), "line 1 of '"),
            (HEX.replace('A', "é").replace('B', ""), "line 1 of '"),
            (BASE64.replace('=', ""), "it has 43 characters"),
            (format!("AAAA{BASE64}"), "line 1 of '"),
            (format!("{HEX}{HEX}"), "it has 128 characters"),
            ("# none\n\n".to_owned(), "holds no secret; 'openssl rand -hex 32' makes one"),
            (String::new(), "holds no secret"),
            (long, "larger than 65536 bytes"),
        ] {
            let error = read_text(directory.path(), &text).unwrap_err();
            assert!(error.starts_with("option '--ssl-session-ticket-key': ") && error.contains(said), "{error}");
            assert!(error.contains("keys'") && !error.contains("0405"), "{error}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let error = read("/nonexistent/keys").unwrap_err();
        assert!(
            error.starts_with("option '--ssl-session-ticket-key': can't read '/nonexistent/keys': No such"),
            "{error}"
        );
        let error = read(directory.path().join(".").to_str().unwrap()).unwrap_err();
        assert!(error.contains("directory"), "{error}");
    }
}
