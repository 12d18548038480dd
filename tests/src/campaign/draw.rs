//! Derives a scenario from a number.

use sealwire_simnet::{
    AccountSide, Attacker, ClientCertificate, ClientSide, ClockJump, Network, Scenario, Seeded, ServerCertificate,
    ServerSide, Toward,
};

pub(super) const MODES: [&str; 5] = ["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"];
pub(super) const CLAUSES: [&str; 9] = [
    "",
    "REQUIRE SSL",
    "REQUIRE X509",
    "REQUIRE CIPHER 'TLS_AES_256_GCM_SHA384'",
    "REQUIRE CIPHER 'ECDHE-ECDSA-AES256-GCM-SHA384'",
    "REQUIRE SUBJECT '/O=Sealwire/CN=learner'",
    "REQUIRE SUBJECT '/O=Sealwire/CN=somebody else'",
    "REQUIRE ISSUER '/O=Sealwire/CN=Simulated CA'",
    "REQUIRE ISSUER '/O=Sealwire/CN=Simulated CA' AND SUBJECT '/O=Sealwire/CN=learner'",
];
const PLUGINS: [&str; 4] = ["mysql_native_password", "caching_sha2_password", "sha256_password", "ed25519"];
const VERSIONS: [Option<&str>; 3] = [None, Some("TLSv1.2"), Some("TLSv1.3")];
const CHUNKS: [Option<u32>; 4] = [None, Some(1), Some(7), Some(100)];
/// The right password; the judge searches the wire for it and for the wrong one.
pub(super) const RIGHT: &str = "Correct-Horse-Battery";
pub(super) const WRONG: &str = "Wrong-Horse-Battery";
/// The query; where TLS is required, the judge searches the wire for it as well.
pub(super) const QUERY: &str = "SELECT 'a row that nobody else may read'";

/// The scenario of a number. Each 77,760 consecutive numbers cover every combination of SSL mode, REQUIRE clause, plugin, pair of TLS
/// versions, server certificate and way of delivery. The other properties are random: half of the lines lose nothing, the others have every
/// fault, and every fourth connection has an attacker.
pub fn scenario(number: u64) -> Scenario {
    let random = Seeded::new(number);
    // Consecutive numbers differ in every property, because the factor and the number of combinations have no common divisor.
    let mut rest = (number.wrapping_mul(24_683) % 77_760) as usize;
    let mut next = |count: usize| {
        let index = rest % count;
        rest /= count;
        index
    };
    let mode = MODES[next(MODES.len())];
    let clause = CLAUSES[next(CLAUSES.len())];
    let plugin = PLUGINS[next(PLUGINS.len())];
    let (client_version, server_version) = (VERSIONS[next(3)], VERSIONS[next(3)]);
    let chunk = CHUNKS[next(CHUNKS.len())];
    // Most certificates are good, because otherwise hardly any connection would be made.
    let certificate = match next(12) {
        0 => None,
        1 => Some(ServerCertificate::Expired),
        2 => Some(ServerCertificate::WrongName),
        3 => Some(ServerCertificate::WrongCa),
        4 => Some(ServerCertificate::V1),
        _ => Some(ServerCertificate::Good),
    };
    let one_in = |count: usize| random.below(count) == 0;
    let own_certificate = match random.below(16) {
        0..3 => ClientCertificate::None,
        3 => ClientCertificate::Expired,
        4 => ClientCertificate::WrongCa,
        5..8 => ClientCertificate::V1,
        _ => ClientCertificate::Good,
    };
    let default_auth = match random.below(8) {
        0 => Some("mysql_native_password"),
        1 => Some("caching_sha2_password"),
        2 => Some("client_ed25519"),
        _ => None,
    };
    let timeout = [5, 30, 600][random.below(3)];
    let client = ClientSide {
        ssl_mode: mode.to_owned(),
        password: if one_in(16) { WRONG } else { RIGHT }.to_owned(),
        certificate: own_certificate,
        tls_version: client_version.map(str::to_owned),
        default_auth: default_auth.map(str::to_owned),
        enable_cleartext_plugin: one_in(4),
        connect_timeout: timeout,
        queries: vec![QUERY.to_owned()],
        ..ClientSide::default()
    };
    let server = ServerSide {
        certificate,
        tls_version: server_version.map(str::to_owned),
        require_secure_transport: one_in(8),
        default_plugin: if one_in(2) { "mysql_native_password" } else { "caching_sha2_password" }.to_owned(),
        connect_timeout: timeout,
        ..ServerSide::default()
    };
    let account = AccountSide {
        password: RIGHT.to_owned(),
        plugin: plugin.to_owned(),
        require: clause.to_owned(),
        // The full exchange is rare, because it computes thousands of hashes.
        cached: !one_in(8),
        ..AccountSide::default()
    };
    let attacker = one_in(4).then(|| attacker(&random));
    let network = if one_in(2) { Network { window: 4096, ..Network::default() } } else { network(&random) };
    let clock_jumps = if one_in(8) { jumps(&random) } else { Vec::new() };
    let connections = if one_in(16) { 3 } else { 1 };
    let begins_with_tls = certificate.is_some() && !matches!(mode, "DISABLED" | "PREFERRED") && one_in(4);
    let client = ClientSide { direct: begins_with_tls, ..client };
    Scenario {
        seed: number,
        client,
        server,
        account,
        network,
        attacker,
        connections,
        clock_jumps,
        chunk,
        ladder: false,
        ..Scenario::default()
    }
}

fn network(random: &Seeded) -> Network {
    let chance = |most: usize| random.below(most) as u16;
    Network {
        latency_us: random.below(100_000) as u32,
        jitter_us: random.below(20_000) as u32,
        bandwidth: (random.below(4) == 0).then(|| 5_000 + random.below(1_000_000) as u32),
        loss: chance(1_000),
        duplication: chance(1_000),
        reordering: chance(1_000),
        corruption: chance(500),
        mtu: [128, 296, 576, 1500, 9000][random.below(5)],
        cut_at_us: (random.below(8) == 0).then(|| random.below(2_000_000) as u64),
        window: [2048, 4096, 16_384][random.below(3)],
    }
}

fn attacker(random: &Seeded) -> Attacker {
    let toward = if random.below(2) == 0 { Toward::Server } else { Toward::Client };
    // Half of the offsets lie in the plaintext part.
    let at = random.below(if random.below(2) == 0 { 150 } else { 2_500 }) as u64;
    match random.below(14) {
        0 => Attacker::Idle,
        1 => Attacker::StripSsl,
        2 => Attacker::InjectAfterSslRequest { query: "DROP TABLE t".to_owned() },
        3 => Attacker::InjectAfterGreeting,
        4 => Attacker::SwapCertificate,
        5 => Attacker::DowngradeVersion,
        6 => Attacker::AskClearPassword,
        7 => Attacker::Cut { toward, at },
        8 => Attacker::Stall { toward, at },
        9 => Attacker::HalfClose { toward, at },
        10 => Attacker::Flip { toward, at, mask: 1 << random.below(8) },
        11 => Attacker::Remove { toward, at, count: 1 + random.below(20) as u32 },
        12 => Attacker::Insert { toward, at, bytes: (0..=random.below(20)).map(|_| random.below(256) as u8).collect() },
        _ => Attacker::Replay { toward, at, count: 1 + random.below(100) as u32 },
    }
}

/// Jumps of the clock that cross no limit of the certificates' validity.
fn jumps(random: &Seeded) -> Vec<ClockJump> {
    let count = 1 + random.below(3);
    let jump = |_| ClockJump { at_us: random.below(200_000) as u64, seconds: random.below(2_000_000) as i64 };
    let mut jumps: Vec<ClockJump> = (0..count).map(jump).collect();
    // The last jump is forward or back, but never to before 2026, when the expired certificate was valid.
    let last = random.below(2) as i64;
    if let Some(first) = jumps.first().copied() {
        jumps.push(ClockJump { at_us: first.at_us + 10_000, seconds: -first.seconds * last });
    }
    jumps
}
