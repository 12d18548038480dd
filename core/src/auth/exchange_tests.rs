//! Tests of client against server, for every plugin.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use std::sync::LazyLock;

use rsa::pkcs8::{EncodePublicKey, LineEnding};
use rsa::{Oaep, PrivateKey};
use sha1::Sha1;

use super::testing::Sequence;
use super::*;
use crate::secret::Secret;

const PASSWORD_PLUGINS: [Plugin; 5] = [
    Plugin::MysqlNativePassword,
    Plugin::CachingSha2Password,
    Plugin::Sha256Password,
    Plugin::MysqlClearPassword,
    Plugin::ClientEd25519,
];
const SECURITIES: [Security; 4] =
    [Security::VerifiedTls, Security::UnverifiedTls, Security::LocalSocket, Security::Plain];
const SECURE: ServerContext<'static> =
    ServerContext { secure: true, fast_digest: None, peer_user: None, decoy_rounds: None };

/// A server's key pair, with the public key in PEM.
static KEY: LazyLock<(PrivateKey, String)> = LazyLock::new(|| {
    struct Fixed(Sequence);
    impl rsa::rand_core::TryRng for Fixed {
        type Error = core::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            let mut bytes = [0; 4];
            self.0.fill(&mut bytes);
            Ok(u32::from_le_bytes(bytes))
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            let mut bytes = [0; 8];
            self.0.fill(&mut bytes);
            Ok(u64::from_le_bytes(bytes))
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
            self.0.fill(out);
            Ok(())
        }
    }
    impl rsa::rand_core::TryCryptoRng for Fixed {}
    let key = PrivateKey::new(&mut Fixed(Sequence::default()), 1024).unwrap();
    let pem = key.to_public_key().to_public_key_pem(LineEnding::LF).unwrap();
    (key, pem)
});

/// The result of an exchange.
#[derive(Debug, PartialEq)]
struct Outcome {
    granted: bool,
    using_password: bool,
    replies: Vec<Vec<u8>>,
    learned: Option<[u8; 32]>,
}

fn policy<'a>(password: &'a Secret, security: Security, random: &'a Sequence) -> ClientPolicy<'a> {
    ClientPolicy {
        password,
        security,
        cleartext_enabled: true,
        fetch_server_public_key: false,
        server_public_key: None,
        dialog: None,
        random,
    }
}

/// Runs client and server until the verdict.
fn exchange(plugin: Plugin, credential: &Credential, password: &str, context: &ServerContext<'_>) -> Outcome {
    let random = Sequence::default();
    let secret = Secret::from(password);
    let policy = policy(&secret, Security::VerifiedTls, &random);
    let challenge = plugin.new_challenge(&random);
    let (mut client, mut reply) = ClientAuth::start(plugin, &challenge, &policy).unwrap();
    let mut server = ServerAuth::start(plugin, challenge);
    let mut replies = vec![];
    loop {
        replies.push(reply.clone());
        match server.step(credential, &reply, context) {
            ServerStep::MoreData(data) => reply = client.more(&data, &policy).unwrap().expect("a reply is waited for"),
            ServerStep::Granted { using_password, learned, more_data } => {
                if let Some(data) = more_data {
                    assert_eq!(client.more(data, &policy), Ok(None));
                }
                return Outcome { granted: true, using_password, replies, learned };
            }
            ServerStep::NotSecure => return Outcome { granted: false, using_password: true, replies, learned: None },
            ServerStep::Denied { using_password } => {
                return Outcome { granted: false, using_password, replies, learned: None };
            }
        }
    }
}

fn credential(plugin: Plugin, password: &str) -> Credential {
    Credential::from_password(plugin, password.as_bytes(), &Sequence::default()).unwrap()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn the_right_password_and_no_other() {
    for plugin in PASSWORD_PLUGINS {
        let kept = credential(plugin, "correct horse");
        let right = exchange(plugin, &kept, "correct horse", &SECURE);
        assert!(right.granted && right.using_password, "{plugin}");
        assert_eq!(right.learned.is_some(), plugin == Plugin::CachingSha2Password);
        for wrong in ["correct hors", "correct horse ", "Correct horse", "x", ""] {
            let outcome = exchange(plugin, &kept, wrong, &SECURE);
            assert!(!outcome.granted, "{plugin} let {wrong:?} in");
            // client_ed25519 signs with an empty password as with any other one.
            let said_password = !wrong.is_empty() || plugin == Plugin::ClientEd25519;
            assert_eq!(outcome.using_password, said_password, "{plugin} {wrong:?}");
        }
    }
}

#[test]
fn accounts_without_a_password_take_the_empty_one_only() {
    for plugin in PASSWORD_PLUGINS {
        assert!(exchange(plugin, &Credential::Empty, "", &SECURE).granted, "{plugin}");
        assert!(!exchange(plugin, &Credential::Empty, "x", &SECURE).granted, "{plugin}");
        for (kept, granted) in [(Credential::Empty, true), (credential(plugin, "x"), false)] {
            let step = ServerAuth::start(plugin, vec![7; plugin.challenge_length()]).step(&kept, b"", &SECURE);
            assert_eq!(step, ServerStep::verdict(granted, false), "{plugin}");
        }
    }
}

#[test]
fn long_passwords() {
    let long = "p".repeat(300);
    for plugin in [Plugin::MysqlNativePassword, Plugin::ClientEd25519] {
        assert!(exchange(plugin, &credential(plugin, &long), &long, &SECURE).granted);
        assert!(!exchange(plugin, &credential(plugin, &long), &long[1..], &SECURE).granted);
    }
    // The other plugins deny a password of more than MySQL's 256 bytes without hashing it.
    for plugin in [Plugin::CachingSha2Password, Plugin::Sha256Password, Plugin::MysqlClearPassword] {
        let kept = credential(plugin, &long[..256]);
        assert!(exchange(plugin, &kept, &long[..256], &SECURE).granted);
        assert!(!exchange(plugin, &kept, &long, &SECURE).granted);
    }
}

#[test]
fn a_remembered_digest_spares_the_password() {
    let plugin = Plugin::CachingSha2Password;
    let kept = credential(plugin, "secret");
    let full = exchange(plugin, &kept, "secret", &SECURE);
    assert_eq!(full.replies.len(), 2);
    let digest = full.learned.expect("full authentication teaches the digest");
    // The fast exchange works on an insecure connection, too.
    let context = ServerContext { secure: false, fast_digest: Some(&digest), peer_user: None, decoy_rounds: None };
    let fast = exchange(plugin, &kept, "secret", &context);
    assert!(fast.granted);
    assert_eq!((fast.replies.len(), fast.learned), (1, None));
    // If the digest does not match, for example because it is stale, the password decides.
    let context = ServerContext { secure: true, fast_digest: Some(&[7; 32]), peer_user: None, decoy_rounds: None };
    assert!(exchange(plugin, &kept, "secret", &context).granted);
    // A digest from before the account's password was removed, or from a dropped account, permits no login.
    let context = ServerContext { secure: true, fast_digest: Some(&digest), peer_user: None, decoy_rounds: None };
    assert!(!exchange(plugin, &Credential::Impossible, "secret", &context).granted);
    assert!(!exchange(plugin, &Credential::Empty, "secret", &context).granted);
}

#[test]
fn the_server_takes_no_clear_password_from_an_insecure_connection() {
    let insecure = ServerContext::default();
    for plugin in [Plugin::CachingSha2Password, Plugin::Sha256Password, Plugin::MysqlClearPassword] {
        let outcome = exchange(plugin, &credential(plugin, "secret"), "secret", &insecure);
        assert!(!outcome.granted && outcome.using_password, "{plugin}");
    }
}

#[test]
fn the_clear_password_fits_whatever_is_kept() {
    for kept_as in [Plugin::MysqlNativePassword, Plugin::CachingSha2Password, Plugin::Sha256Password] {
        let kept = credential(kept_as, "secret");
        assert!(exchange(Plugin::MysqlClearPassword, &kept, "secret", &SECURE).granted, "{kept_as}");
        assert!(!exchange(Plugin::MysqlClearPassword, &kept, "secreT", &SECURE).granted, "{kept_as}");
    }
}

#[test]
fn a_credential_of_another_plugin_opens_nothing() {
    for plugin in [
        Plugin::MysqlNativePassword,
        Plugin::CachingSha2Password,
        Plugin::Sha256Password,
        Plugin::ClientEd25519,
        Plugin::AuthSocket,
    ] {
        for kept_as in PASSWORD_PLUGINS {
            let kept = credential(kept_as, "secret");
            if kept.plugin() != Some(plugin) {
                assert!(!exchange(plugin, &kept, "secret", &SECURE).granted, "{plugin} with {kept_as}");
            }
        }
    }
}

#[test]
fn unknown_users_look_like_known_ones() {
    for plugin in PASSWORD_PLUGINS {
        let kept = credential(plugin, "secret");
        for context in [SECURE, ServerContext::default()] {
            for password in ["wrong", ""] {
                let real = exchange(plugin, &kept, password, &context);
                let decoy = exchange(plugin, &Credential::Impossible, password, &context);
                assert_eq!(real, decoy, "{plugin}");
                assert!(!decoy.granted);
            }
        }
        assert!(!exchange(plugin, &Credential::Impossible, "secret", &SECURE).granted);
    }
}

/// The rounds of hashing in an exchange with a wrong password, which determine the time that it takes.
fn rounds(kept: &Credential, context: &ServerContext<'_>) -> u64 {
    let before = sha_crypt::ROUNDS.get();
    assert!(!exchange(Plugin::CachingSha2Password, kept, "wrong", context).granted);
    sha_crypt::ROUNDS.get() - before
}

#[test]
fn unknown_users_take_as_long_as_known_ones_whatever_the_rounds() {
    let kept = credential(Plugin::CachingSha2Password, "secret").to_stored().replace("$A$005$", "$A$0FF$");
    let kept = Credential::from_stored(Plugin::CachingSha2Password, &kept).unwrap();
    assert_eq!(kept.unusual_rounds(), Some(255_000));
    let context = ServerContext { decoy_rounds: kept.unusual_rounds(), ..SECURE };
    assert_eq!(rounds(&kept, &context), 255_000);
    for credential in [Credential::Impossible, Credential::Empty] {
        assert_eq!(rounds(&credential, &context), 255_000, "as the accounts of this server");
        assert_eq!(rounds(&credential, &SECURE), 5_000, "as those of a server with usual ones");
    }
}

#[test]
fn garbage_is_denied_at_every_length() {
    for plugin in PASSWORD_PLUGINS {
        for kept in [credential(plugin, "secret"), Credential::Empty, Credential::Impossible] {
            for length in 0..=70 {
                for fill in [0x00, 0x01, 0x5a, 0xff] {
                    // These replies mean the empty password.
                    if length == 0 || (length == 1 && fill == 0) {
                        continue;
                    }
                    let mut server = ServerAuth::start(plugin, vec![7; plugin.challenge_length()]);
                    let garbage = vec![fill; length];
                    let mut step = server.step(&kept, &garbage, &SECURE);
                    if matches!(step, ServerStep::MoreData(_)) {
                        assert_eq!((plugin, length), (Plugin::CachingSha2Password, 32));
                        step = server.step(&kept, &garbage, &SECURE);
                    }
                    assert_eq!(step, ServerStep::Denied { using_password: true }, "{plugin} {length} × {fill}");
                }
            }
        }
    }
}

/// The answer is the same for every account, so that it reveals nothing about the account.
#[test]
fn what_wants_the_password_itself_is_told_to_need_a_secure_connection() {
    for plugin in [Plugin::CachingSha2Password, Plugin::Sha256Password, Plugin::MysqlClearPassword] {
        for kept in [credential(plugin, "secret"), Credential::Empty, Credential::Impossible] {
            // The request for the RSA key, a password in plaintext, and a password that was encrypted for another key.
            for reply in [&[1][..], &[2], b"secret\0", &[7; 256]] {
                let mut server = ServerAuth::start(plugin, vec![7; 20]);
                if plugin == Plugin::CachingSha2Password {
                    assert!(matches!(server.step(&kept, &[7; 32], &ServerContext::default()), ServerStep::MoreData(_)));
                }
                assert_eq!(server.step(&kept, reply, &ServerContext::default()), ServerStep::NotSecure, "{plugin}");
                assert_eq!(server.step(&kept, reply, &SECURE), ServerStep::Denied { using_password: true }, "{plugin}");
            }
        }
    }
}

#[test]
fn a_verdict_is_final() {
    let kept = credential(Plugin::MysqlNativePassword, "secret");
    let challenge = vec![7; 20];
    let mut server = ServerAuth::start(Plugin::MysqlNativePassword, challenge.clone());
    assert_eq!(server.step(&kept, b"garbage", &SECURE), ServerStep::Denied { using_password: true });
    let right = native_password::reply(b"secret", &challenge);
    assert_eq!(server.step(&kept, &right, &SECURE), ServerStep::Denied { using_password: true });
    let granted = ServerAuth::start(Plugin::MysqlNativePassword, challenge).step(&kept, &right, &SECURE);
    assert_eq!(granted, ServerStep::verdict(true, true));
}

#[test]
fn the_socket_tells_the_user() {
    let judge = |kept: Credential, peer_user| {
        let context = ServerContext { secure: true, fast_digest: None, peer_user, decoy_rounds: None };
        ServerAuth::start(Plugin::AuthSocket, vec![7; 20]).step(&kept, b"whatever", &context)
    };
    let root = || Credential::Socket(Some("root".into()));
    assert_eq!(judge(root(), Some("root")), ServerStep::verdict(true, false));
    assert_eq!(judge(root(), Some("roo")), ServerStep::verdict(false, false));
    assert_eq!(judge(root(), None), ServerStep::verdict(false, false));
    assert_eq!(judge(Credential::Empty, Some("root")), ServerStep::verdict(false, false));
    assert_eq!(judge(Credential::Impossible, Some("root")), ServerStep::verdict(false, false));
    assert_eq!(Plugin::AuthSocket.client_plugin(), None);
}

/// Acts as a hostile server that sends each possible request, and collects everything that the client sends.
fn everything_the_client_says(plugin: Plugin, policy: &ClientPolicy<'_>) -> (Vec<Vec<u8>>, Vec<AuthError>) {
    let pem = KEY.1.as_bytes();
    let scripts: [&[&[u8]]; 6] = [&[], &[&[3]], &[&[4]], &[pem], &[&[4], pem], &[&[4], &[4]]];
    let (mut said, mut errors) = (vec![], vec![]);
    for script in scripts {
        match ClientAuth::start(plugin, &vec![7; plugin.challenge_length()], policy) {
            Ok((mut client, reply)) => {
                said.push(reply);
                for data in script {
                    match client.more(data, policy) {
                        Ok(reply) => said.extend(reply),
                        Err(error) => errors.push(error),
                    }
                }
            }
            Err(error) => errors.push(error),
        }
    }
    (said, errors)
}

#[test]
fn the_password_leaves_the_client_only_where_it_may() {
    let password = Secret::from("correct horse");
    let random = Sequence::default();
    for plugin in PASSWORD_PLUGINS.into_iter().chain([Plugin::AuthSocket, Plugin::Parsec, Plugin::Dialog]) {
        for security in SECURITIES {
            for options in 0..8 {
                let policy = ClientPolicy {
                    cleartext_enabled: options & 1 != 0,
                    fetch_server_public_key: options & 2 != 0,
                    server_public_key: (options & 4 != 0).then_some(KEY.1.as_str()),
                    ..policy(&password, security, &random)
                };
                let (said, _) = everything_the_client_says(plugin, &policy);
                let leaked = said.iter().any(|reply| contains(reply, b"correct horse"));
                let secure = matches!(security, Security::VerifiedTls | Security::LocalSocket);
                let expected = match plugin {
                    Plugin::MysqlNativePassword | Plugin::ClientEd25519 | Plugin::Parsec | Plugin::AuthSocket => false,
                    Plugin::CachingSha2Password | Plugin::Dialog => secure,
                    // On a Unix socket this plugin uses RSA if the key is known, because MySQL's server requires it.
                    Plugin::Sha256Password => {
                        security == Security::VerifiedTls || (security == Security::LocalSocket && options & 6 == 0)
                    }
                    Plugin::MysqlClearPassword => secure && policy.cleartext_enabled,
                };
                assert_eq!(leaked, expected, "{plugin} over {security:?} with options {options:03b}");
                let asked = said.iter().any(|reply| matches!(reply[..], [1 | 2]));
                assert!(!asked || (policy.fetch_server_public_key && options & 4 == 0), "the key was fetched unasked");
            }
        }
    }
}

#[test]
fn refusals_name_the_way_out() {
    let password = Secret::from("secret");
    let random = Sequence::default();
    let refusal = |plugin, security, cleartext_enabled| {
        let policy = ClientPolicy { cleartext_enabled, ..policy(&password, security, &random) };
        everything_the_client_says(plugin, &policy)
            .1
            .into_iter()
            .find(|error| !matches!(error, AuthError::Unexpected(_)))
    };
    for plugin in [Plugin::CachingSha2Password, Plugin::Sha256Password, Plugin::MysqlClearPassword] {
        for security in [Security::UnverifiedTls, Security::Plain] {
            let error = refusal(plugin, security, true).expect("refused");
            assert_eq!(error, AuthError::NotSecure { plugin, security });
            let sql = error.sql_error();
            assert_eq!(sql.code, 2061);
            let beginning = alloc::format!(
                "Authentication plugin '{plugin}' reported error: Authentication requires secure connection."
            );
            assert!(sql.message.starts_with(&beginning), "{sql}");
            let way_out = if security == Security::UnverifiedTls { "--ssl-ca" } else { "--ssl-mode" };
            assert!(sql.message.contains(way_out), "{sql}");
        }
        for security in [Security::VerifiedTls, Security::LocalSocket] {
            assert_eq!(refusal(plugin, security, true), None);
        }
    }
    for security in SECURITIES {
        let sql = refusal(Plugin::MysqlClearPassword, security, false).expect("refused").sql_error();
        assert_eq!(sql.code, 2059);
        let beginning = "Authentication plugin 'mysql_clear_password' cannot be loaded: plugin not enabled";
        assert!(sql.message.starts_with(beginning), "{sql}");
    }
}

/// Decrypts the password as the server does with its private key.
fn decrypt(reply: &[u8], challenge: &[u8]) -> Vec<u8> {
    let mut message = KEY.0.decrypt(Oaep::<Sha1>::new(), reply).unwrap();
    for (byte, mask) in message.iter_mut().zip(challenge.iter().cycle()) {
        *byte ^= mask;
    }
    message
}

#[test]
fn rsa_when_the_key_is_given_or_its_fetching_asked_for() {
    let password = Secret::from("a password longer than the challenge");
    let random = Sequence::default();
    let challenge: Vec<u8> = (100..120).collect();
    let fetching = ClientPolicy { fetch_server_public_key: true, ..policy(&password, Security::Plain, &random) };
    let given = ClientPolicy { server_public_key: Some(&KEY.1), ..policy(&password, Security::Plain, &random) };
    let sent = b"a password longer than the challenge\0";

    let (mut client, _) = ClientAuth::start(Plugin::CachingSha2Password, &challenge, &fetching).unwrap();
    assert_eq!(client.more(&[4], &fetching), Ok(Some(vec![2])));
    let reply = client.more(KEY.1.as_bytes(), &fetching).unwrap().unwrap();
    assert_eq!(decrypt(&reply, &challenge), sent);
    assert_eq!(client.more(KEY.1.as_bytes(), &fetching), Err(AuthError::Unexpected(Plugin::CachingSha2Password)));

    let (mut client, request) = ClientAuth::start(Plugin::Sha256Password, &challenge, &fetching).unwrap();
    assert_eq!(request, [1]);
    let reply = client.more(KEY.1.as_bytes(), &fetching).unwrap().unwrap();
    assert_eq!(decrypt(&reply, &challenge), sent);

    let (mut client, _) = ClientAuth::start(Plugin::CachingSha2Password, &challenge, &given).unwrap();
    let reply = client.more(&[4], &given).unwrap().unwrap();
    assert_eq!(decrypt(&reply, &challenge), sent);

    let (_, reply) = ClientAuth::start(Plugin::Sha256Password, &challenge, &given).unwrap();
    assert_eq!(decrypt(&reply, &challenge), sent);
    // The padding is random, so no two replies are equal.
    assert_ne!(ClientAuth::start(Plugin::Sha256Password, &challenge, &given).unwrap().1, reply);
}

#[test]
fn rsa_keys_that_do_not_do() {
    let random = Sequence::default();
    let plugin = Plugin::Sha256Password;
    let start = |password: &Secret, pem: &str| {
        let policy = ClientPolicy { server_public_key: Some(pem), ..policy(password, Security::Plain, &random) };
        ClientAuth::start(plugin, &[7; 20], &policy).map(|(_, reply)| reply)
    };
    for pem in ["", "nonsense", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        assert_eq!(start(&Secret::from("secret"), pem), Err(AuthError::BadPublicKey(plugin)));
    }
    // A key of 1024 bits can encrypt 86 bytes, one of which is the NUL.
    assert!(start(&Secret::new([b'x'; 85]), &KEY.1).is_ok());
    let error = start(&Secret::new([b'x'; 86]), &KEY.1).unwrap_err();
    assert_eq!(error, AuthError::PasswordTooLongForKey { plugin, limit: 85 });
    let secret = Secret::from("secret");
    let policy = ClientPolicy { fetch_server_public_key: true, ..policy(&secret, Security::Plain, &random) };
    let (mut client, _) = ClientAuth::start(plugin, &[7; 20], &policy).unwrap();
    assert_eq!(client.more(b"\xff\xfe", &policy), Err(AuthError::BadPublicKey(plugin)));
}

#[test]
fn challenges_of_a_wrong_length_are_refused() {
    let password = Secret::from("secret");
    let random = Sequence::default();
    let policy = policy(&password, Security::VerifiedTls, &random);
    for plugin in
        [Plugin::MysqlNativePassword, Plugin::CachingSha2Password, Plugin::Sha256Password, Plugin::ClientEd25519]
    {
        let length = plugin.challenge_length();
        for wrong in (0..length - 1).chain(length + 1..length + 4) {
            let outcome = ClientAuth::start(plugin, &vec![7; wrong], &policy).map(|(_, reply)| reply);
            assert_eq!(outcome, Err(AuthError::BadChallenge { plugin, length: wrong }));
        }
        // A NUL at the end may belong to the packet or to the challenge.
        let reply = |challenge: &[u8]| ClientAuth::start(plugin, challenge, &policy).unwrap().1;
        let mut terminated = vec![7; length];
        let whole = reply(&terminated);
        terminated.push(0);
        assert_eq!(reply(&terminated), whole);
        let mut ends_in_zero = vec![7; length - 1];
        let cut = reply(&ends_in_zero);
        ends_in_zero.push(0);
        assert_eq!(reply(&ends_in_zero), cut);
    }
}

#[test]
fn data_out_of_place_is_refused() {
    let password = Secret::from("secret");
    let random = Sequence::default();
    let policy = policy(&password, Security::VerifiedTls, &random);
    for plugin in PASSWORD_PLUGINS {
        for data in [b"".as_slice(), &[0], &[5], &[3, 0], b"\x04\x04"] {
            let (mut client, _) = ClientAuth::start(plugin, &vec![7; plugin.challenge_length()], &policy).unwrap();
            assert_eq!(client.more(data, &policy), Err(AuthError::Unexpected(plugin)), "{plugin} {data:?}");
            // After one unexpected packet every packet is unexpected.
            assert_eq!(client.more(&[4], &policy), Err(AuthError::Unexpected(plugin)));
        }
    }
    // If the password is empty, the client sends nothing to a server that requests more.
    let empty = Secret::default();
    let policy = self::policy(&empty, Security::VerifiedTls, &random);
    let (mut client, reply) = ClientAuth::start(Plugin::CachingSha2Password, &[7; 20], &policy).unwrap();
    assert_eq!(reply, [0]);
    assert_eq!(client.more(&[4], &policy), Err(AuthError::Unexpected(Plugin::CachingSha2Password)));
}

#[test]
fn challenges_suit_clients_that_copy_text() {
    let random = Sequence::default();
    for plugin in PASSWORD_PLUGINS {
        for _ in 0..200 {
            let challenge = plugin.new_challenge(&random);
            assert_eq!(challenge.len(), plugin.challenge_length());
            assert!(challenge.iter().all(|byte| byte.is_ascii() && !matches!(byte, 0 | b'$')));
        }
    }
    assert_ne!(Plugin::CachingSha2Password.new_challenge(&random), Plugin::CachingSha2Password.new_challenge(&random));
}

#[test]
fn names() {
    for plugin in PASSWORD_PLUGINS.into_iter().chain([Plugin::AuthSocket]) {
        assert_eq!(Plugin::from_name(plugin.name().as_bytes()), Some(plugin));
    }
    assert_eq!(Plugin::from_name(b"ed25519"), Some(Plugin::ClientEd25519));
    assert_eq!(Plugin::from_name(b"mysql_old_password"), None);
}

#[test]
fn debug_shows_no_secret() {
    let step = ServerStep::Granted { using_password: true, learned: Some([0x5a; 32]), more_data: None };
    assert!(!alloc::format!("{step:?}").contains("90"));
    let password = Secret::from("secret");
    let random = Sequence::default();
    let policy = policy(&password, Security::VerifiedTls, &random);
    let (client, _) = ClientAuth::start(Plugin::CachingSha2Password, &[7; 20], &policy).unwrap();
    assert!(!alloc::format!("{client:?} {policy:?}").contains("secret"));
}
