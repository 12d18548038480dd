//! The stored credentials of accounts, and the texts in which `mysql.user` stores them.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use base64ct::{Base64Unpadded, Encoding};
use subtle::ConstantTimeEq;

use super::sha_crypt::{self, sha256_crypt};
use super::{AuthError, Plugin, ed25519, native_password};
use crate::random::Random;

/// The longest password that a server accepts, MySQL's `MAX_PLAINTEXT_LENGTH`. It is limited because the cost of the slow hash is 5000
/// times the length, and an unauthenticated client chooses the length.
pub(super) const LONGEST_PASSWORD: usize = 256;

/// The stored credential of an account. `Debug` shows its kind only.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// No password: only an empty one is accepted.
    Empty,
    /// SHA1(SHA1(password)), for `mysql_native_password`.
    Native([u8; 20]),
    /// A salted hash for `caching_sha2_password`.
    CachingSha2(Sha2Verifier),
    /// A salted hash for `sha256_password`.
    Sha256(Sha2Verifier),
    /// The public key for `client_ed25519`.
    Ed25519([u8; 32]),
    /// The operating system's user for `auth_socket`; `None` means the user with the account's own name.
    Socket(Option<String>),
    /// No password matches. Used as a decoy for users that don't exist.
    Impossible,
}

/// The result of SHA-crypt: rounds, salt and hash. `Debug` shows none of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Sha2Verifier {
    rounds: u32,
    /// ASCII without NUL and `$`, as MySQL generates it.
    salt: [u8; 20],
    hash: [u8; 43],
}

/// MySQL's default for `caching_sha2_password_digest_rounds`.
const ROUNDS: u32 = 5000;

/// The text that users store to make login by password impossible, as MySQL's manual and its system accounts do.
const IMPOSSIBLE: &str = "*THISISNOTAVALIDPASSWORDTHATCANBEUSEDHERE";

impl Credential {
    /// The credential to store for a new password of an account with this plugin. An empty password gives [`Credential::Empty`].
    ///
    /// `mysql_clear_password` stores the same as `caching_sha2_password`; `auth_socket` accepts the empty password only.
    pub fn from_password(plugin: Plugin, password: &[u8], random: &dyn Random) -> Result<Self, AuthError> {
        match plugin {
            Plugin::AuthSocket if password.is_empty() => Ok(Self::Socket(None)),
            Plugin::AuthSocket | Plugin::Parsec | Plugin::Dialog => Err(AuthError::KeepsNoPassword(plugin)),
            _ if password.is_empty() => Ok(Self::Empty),
            Plugin::MysqlNativePassword => Ok(Self::Native(native_password::stage2(password))),
            Plugin::CachingSha2Password | Plugin::MysqlClearPassword => {
                Sha2Verifier::new(plugin, password, random).map(Self::CachingSha2)
            }
            Plugin::Sha256Password => Sha2Verifier::new(plugin, password, random).map(Self::Sha256),
            Plugin::ClientEd25519 => Ok(Self::Ed25519(ed25519::public_key(password))),
        }
    }

    /// Parses the text in `mysql.user`, as in `IDENTIFIED WITH plugin AS 'text'`.
    pub fn from_stored(plugin: Plugin, text: &str) -> Result<Self, AuthError> {
        let credential = match plugin {
            Plugin::AuthSocket if text.is_empty() => Some(Self::Socket(None)),
            Plugin::AuthSocket => Some(Self::Socket(Some(text.to_string()))),
            _ if text.is_empty() => Some(Self::Empty),
            _ if text == IMPOSSIBLE => Some(Self::Impossible),
            Plugin::MysqlNativePassword => native_from_stored(text),
            Plugin::CachingSha2Password => caching_sha2_from_stored(text),
            Plugin::Sha256Password => sha256_from_stored(text),
            Plugin::MysqlClearPassword => {
                native_from_stored(text).or_else(|| caching_sha2_from_stored(text)).or_else(|| sha256_from_stored(text))
            }
            Plugin::ClientEd25519 => ed25519_from_stored(text),
            Plugin::Parsec | Plugin::Dialog => None,
        };
        credential.ok_or(AuthError::BadStoredCredential(plugin))
    }

    /// The text to store in `mysql.user`; [`Credential::from_stored`] parses it.
    pub fn to_stored(&self) -> String {
        match self {
            Self::Empty | Self::Socket(None) => String::new(),
            Self::Native(kept) => kept.iter().fold(String::from("*"), |text, byte| text + &format!("{byte:02X}")),
            Self::CachingSha2(verifier) => {
                format!("$A${:03X}${}{}", verifier.rounds / 1000, ascii(&verifier.salt), ascii(&verifier.hash))
            }
            Self::Sha256(verifier) => format!("$5${}${}", ascii(&verifier.salt), ascii(&verifier.hash)),
            Self::Ed25519(key) => Base64Unpadded::encode_string(key),
            Self::Socket(Some(user)) => user.clone(),
            Self::Impossible => IMPOSSIBLE.to_string(),
        }
    }

    /// The rounds of the slow hash; `None` if they are MySQL's default or there is no slow hash.
    pub fn unusual_rounds(&self) -> Option<u32> {
        match self {
            Self::CachingSha2(verifier) | Self::Sha256(verifier) => {
                Some(verifier.rounds).filter(|rounds| *rounds != ROUNDS)
            }
            _ => None,
        }
    }

    /// The plugin that can check the credential; `None` if every plugin can.
    pub const fn plugin(&self) -> Option<Plugin> {
        match self {
            Self::Empty | Self::Impossible => None,
            Self::Native(_) => Some(Plugin::MysqlNativePassword),
            Self::CachingSha2(_) => Some(Plugin::CachingSha2Password),
            Self::Sha256(_) => Some(Plugin::Sha256Password),
            Self::Ed25519(_) => Some(Plugin::ClientEd25519),
            Self::Socket(_) => Some(Plugin::AuthSocket),
        }
    }
}

/// Whether the password matches the verifier. Without a verifier the answer is no, but after the same amount of work: `decoy_rounds`, or
/// MySQL's default number of rounds.
pub(super) fn verify_sha2(verifier: Option<&Sha2Verifier>, password: &[u8], decoy_rounds: Option<u32>) -> bool {
    let decoy =
        Sha2Verifier { rounds: decoy_rounds.unwrap_or(ROUNDS), salt: *b"THISISACOMBINATIONOF", hash: [b'.'; 43] };
    let (real, verifier) = verifier.map_or((false, &decoy), |verifier| (true, verifier));
    let hash = sha256_crypt(password, &verifier.salt, verifier.rounds);
    bool::from(hash.ct_eq(&verifier.hash)) & real
}

impl Sha2Verifier {
    fn new(plugin: Plugin, password: &[u8], random: &dyn Random) -> Result<Self, AuthError> {
        if password.len() > LONGEST_PASSWORD {
            return Err(AuthError::PasswordTooLong { plugin, limit: LONGEST_PASSWORD });
        }
        let mut salt = [0; 20];
        random.fill(&mut salt);
        // The salt is printable, unlike MySQL's, so that a statement that contains it can be copied. 120 random bits are left.
        for byte in &mut salt {
            *byte = sha_crypt::character(*byte);
        }
        Ok(Self { rounds: ROUNDS, salt, hash: sha256_crypt(password, &salt, ROUNDS) })
    }

    fn from_parts(rounds: u32, salt: &[u8], hash: &[u8]) -> Option<Self> {
        let salt: [u8; 20] = salt.try_into().ok()?;
        let hash: [u8; 43] = hash.try_into().ok()?;
        let sound = salt.iter().all(|byte| byte.is_ascii() && !matches!(byte, 0 | b'$'))
            && hash.iter().all(|byte| sha_crypt::is_hash_character(*byte));
        sound.then_some(Self { rounds, salt, hash })
    }
}

/// Parses `*` and 40 hexadecimal digits.
fn native_from_stored(text: &str) -> Option<Credential> {
    let digits = text.strip_prefix('*').filter(|digits| digits.len() == 40)?;
    let mut kept = [0; 20];
    for (byte, pair) in kept.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let pair =
            core::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(Credential::Native(kept))
}

/// Parses `$A$`, three hexadecimal digits of thousands of rounds, `$`, 20 bytes of salt and 43 characters of hash.
fn caching_sha2_from_stored(text: &str) -> Option<Credential> {
    let (thousands, rest) = text.as_bytes().strip_prefix(b"$A$")?.split_at_checked(3)?;
    if !thousands.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let thousands = u32::from_str_radix(core::str::from_utf8(thousands).ok()?, 16).ok().filter(|number| *number > 0)?;
    let (salt, hash) = rest.strip_prefix(b"$")?.split_at_checked(20)?;
    Sha2Verifier::from_parts(thousands * 1000, salt, hash).map(Credential::CachingSha2)
}

/// Parses `$5$`, 20 bytes of salt, `$` and 43 characters of hash.
fn sha256_from_stored(text: &str) -> Option<Credential> {
    let (salt, rest) = text.as_bytes().strip_prefix(b"$5$")?.split_at_checked(20)?;
    Sha2Verifier::from_parts(ROUNDS, salt, rest.strip_prefix(b"$")?).map(Credential::Sha256)
}

/// Parses 43 characters of base 64.
fn ed25519_from_stored(text: &str) -> Option<Credential> {
    let mut key = [0; 32];
    let decoded = Base64Unpadded::decode(text, &mut key).ok()?;
    (decoded.len() == 32 && ed25519::is_public_key(&key)).then_some(Credential::Ed25519(key))
}

/// The bytes as text; salt and hash are always ASCII.
fn ascii(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Native(_) => "Native(…)",
            Self::CachingSha2(_) => "CachingSha2(…)",
            Self::Sha256(_) => "Sha256(…)",
            Self::Ed25519(_) => "Ed25519(…)",
            Self::Socket(_) => "Socket(…)",
            Self::Impossible => "Impossible",
        })
    }
}

impl fmt::Debug for Sha2Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha2Verifier(…)")
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::auth::testing::{Sequence, unhex};

    fn stored(hex: &str) -> String {
        String::from_utf8(unhex(hex)).unwrap()
    }

    fn verifier(credential: &Credential) -> &Sha2Verifier {
        match credential {
            Credential::CachingSha2(verifier) | Credential::Sha256(verifier) => verifier,
            other => panic!("{other:?} has no verifier"),
        }
    }

    /// The texts come from MySQL servers: `HEX(authentication_string)` in TiDB's tests (password `foobar`), and SHOW CREATE USER in MySQL's
    /// manual (password `secret`).
    #[test]
    fn caching_sha2_of_real_servers() {
        let cases = [
            (
                "foobar",
                "24412430303524031A69251C34295C4B35167C7F1E5A7B63091349503974624D34504B5A42467935485633\
                 6868686F52485A736E4A733368786E427575516C73446469496537",
            ),
            (
                "secret",
                "2441243030352446254A552E230B250D6B01753C76155E37591F46666D54754D314B79705147733938684C\
                 55434A4151765057796D544A314665462E66423561337A6B433043",
            ),
        ];
        for (password, hex) in cases {
            let text = stored(&hex.replace(' ', ""));
            let credential = Credential::from_stored(Plugin::CachingSha2Password, &text).unwrap();
            assert_eq!(credential.plugin(), Some(Plugin::CachingSha2Password));
            assert_eq!(credential.to_stored(), text);
            assert!(verify_sha2(Some(verifier(&credential)), password.as_bytes(), None), "{password}");
            assert!(!verify_sha2(Some(verifier(&credential)), b"Secret", None));
        }
    }

    /// MySQL 9 stores a number of rounds other than 5000 as three hexadecimal digits of thousands: 00A is ten thousand.
    #[test]
    fn rounds() {
        let text = "$A$00A$saltsaltsaltsaltsaltSPMN/L8.noKqe8IXVZ2DpCE6w29b106vCQecap9JKpA";
        let credential = Credential::from_stored(Plugin::CachingSha2Password, text).unwrap();
        assert_eq!(verifier(&credential).rounds, 10_000);
        assert_eq!(credential.to_stored(), text);
    }

    #[test]
    fn native_and_ed25519_of_real_servers() {
        let random = Sequence::default();
        let native = Credential::from_password(Plugin::MysqlNativePassword, b"secret", &random).unwrap();
        assert_eq!(native.to_stored(), "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7");
        // MariaDB: SELECT ed25519_password('secret').
        let ed25519 = Credential::from_password(Plugin::ClientEd25519, b"secret", &random).unwrap();
        assert_eq!(ed25519.to_stored(), "ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY");
    }

    #[test]
    fn stored_forms_read_back() {
        let random = Sequence::default();
        for plugin in [
            Plugin::MysqlNativePassword,
            Plugin::CachingSha2Password,
            Plugin::Sha256Password,
            Plugin::MysqlClearPassword,
            Plugin::ClientEd25519,
        ] {
            for password in [b"secret".as_slice(), b"\xff\0binary", b""] {
                let credential = Credential::from_password(plugin, password, &random).unwrap();
                assert_eq!(Credential::from_stored(plugin, &credential.to_stored()).unwrap(), credential);
                assert_eq!(credential == Credential::Empty, password.is_empty());
            }
            assert_eq!(Credential::from_stored(plugin, IMPOSSIBLE).unwrap(), Credential::Impossible);
        }
        for user in [None, Some("www-data".to_string())] {
            let credential = Credential::Socket(user);
            assert_eq!(Credential::from_stored(Plugin::AuthSocket, &credential.to_stored()).unwrap(), credential);
        }
    }

    #[test]
    fn salts_are_fresh_and_printable() {
        let random = Sequence::default();
        let make = || Credential::from_password(Plugin::CachingSha2Password, b"secret", &random).unwrap();
        let (first, second) = (make(), make());
        assert_ne!(verifier(&first).salt, verifier(&second).salt);
        assert!(first.to_stored().starts_with("$A$005$"));
        assert_eq!(first.to_stored().len(), 70);
        assert!(verifier(&first).salt.iter().all(|byte| sha_crypt::is_hash_character(*byte)));
        let sha256 = Credential::from_password(Plugin::Sha256Password, b"secret", &random).unwrap();
        assert_eq!(sha256.to_stored().len(), 67);
    }

    #[test]
    fn malformed_stored_forms_are_refused() {
        let caching = "$A$005$saltsaltsaltsaltsaltSPMN/L8.noKqe8IXVZ2DpCE6w29b106vCQecap9JKpA";
        let mut cases: Vec<(Plugin, String)> = Vec::new();
        for end in 1..caching.len() {
            cases.push((Plugin::CachingSha2Password, caching[..end].to_string()));
        }
        for text in [
            caching.replace("$A$", "$B$"),
            caching.replace("005", "000"),
            caching.replace("005", "+05"),
            caching.replace("saltsaltsaltsaltsalt", "saltsaltsaltsaltsal$"),
            caching.replace("saltsaltsaltsaltsalt", "saltsaltsaltsaltsal\0"),
            caching.replace("saltsaltsaltsaltsalt", "saltsaltsaltsaltsaé"),
            caching.replace("SPMN", "SP*N"),
            caching.to_string() + "A",
        ] {
            cases.push((Plugin::CachingSha2Password, text));
        }
        cases.push((Plugin::Sha256Password, caching.to_string()));
        cases.push((Plugin::Sha256Password, "$5$saltsaltsaltsaltsaltSPMN".to_string()));
        cases.push((Plugin::MysqlNativePassword, "14E65567ABDB5135D0CFD9A70B3032C179A49EE7".to_string()));
        cases.push((Plugin::MysqlNativePassword, "*14E65567ABDB5135D0CFD9A70B3032C179A49EE".to_string()));
        cases.push((Plugin::MysqlNativePassword, "*+4E65567ABDB5135D0CFD9A70B3032C179A49EE7".to_string()));
        cases.push((Plugin::MysqlNativePassword, "*é4E65567ABDB5135D0CFD9A70B3032C179A49EE".to_string()));
        cases.push((Plugin::ClientEd25519, "ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJ".to_string()));
        cases.push((Plugin::ClientEd25519, "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7AB".to_string()));
        // 32 bytes that are not a point of the curve.
        cases.push((Plugin::ClientEd25519, Base64Unpadded::encode_string(&[2; 32])));
        for (plugin, text) in cases {
            let outcome = Credential::from_stored(plugin, &text);
            assert_eq!(outcome, Err(AuthError::BadStoredCredential(plugin)), "{plugin} {text:?}");
        }
    }

    #[test]
    fn no_slow_hash_of_endless_passwords() {
        let random = Sequence::default();
        for plugin in [Plugin::CachingSha2Password, Plugin::Sha256Password, Plugin::MysqlClearPassword] {
            assert!(Credential::from_password(plugin, &[b'x'; 256], &random).is_ok());
            let error = Credential::from_password(plugin, &[b'x'; 257], &random).unwrap_err();
            assert_eq!(error, AuthError::PasswordTooLong { plugin, limit: 256 });
            assert_eq!(error.sql_error().code, 1819);
        }
        let socket = Credential::from_password(Plugin::AuthSocket, b"secret", &random);
        assert_eq!(socket, Err(AuthError::KeepsNoPassword(Plugin::AuthSocket)));
    }

    #[test]
    fn debug_shows_no_secret() {
        let random = Sequence::default();
        let native = Credential::from_password(Plugin::MysqlNativePassword, b"secret", &random).unwrap();
        let caching = Credential::from_password(Plugin::CachingSha2Password, b"secret", &random).unwrap();
        assert_eq!(format!("{native:?} {caching:?}"), "Native(…) CachingSha2(…)");
        assert_eq!(format!("{:?}", verifier(&caching)), "Sha2Verifier(…)");
    }
}
