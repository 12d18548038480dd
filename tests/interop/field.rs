//! Cases that users of MySQL over TLS reported elsewhere and that failed here once, each with the tests that now check it. This test checks
//! that those tests still exist.
#![allow(clippy::panic, reason = "these are tests")]

use sealwire_tests::programs::package_folder;

/// A case: its number in the list of 89 tried cases, a description, and its tests: the file, and the test's name or row.
type Case = (u32, &'static str, &'static [(&'static str, &'static str)]);

/// 81 to 83 are cases of the engine, and are tested with it. 37 and two parts of 42 (unique identifiers of issuers, superfluous parameters)
/// are limits of webpki, which reads no such certificate. 64 and others passed from the start.
const CASES: &[Case] = &[
    (
        1,
        "CLIENT_SSL is in the SSLRequest alone: Connector/J 2.x",
        &[
            ("tests/src/drivers.rs", "mariadb_connector_j"),
            ("tests/security/server_switch.rs", "a_ssl_request_that_was_altered_changes_nothing_inside_tls"),
        ],
    ),
    (
        2,
        "the same: mysql-otp, MySqlConnector",
        &[
            ("tests/interop/recorded.rs", "mysql_otp_logs_in_over_tls_1_2_and_1_3"),
            ("tests/interop/recorded.rs", "mysql_connector_for_net_logs_in_over_tls_1_2_and_1_3"),
        ],
    ),
    (
        3,
        "rubbish in the reserved bytes of the SSLRequest: go-sql-driver 1.5",
        &[
            ("tests/src/drivers.rs", "go_sql_driver"),
            ("tests/security/refusals.rs", "a_ssl_request_altered_on_the_way_changes_nothing_inside"),
        ],
    ),
    (
        4,
        "an empty name of a database is none",
        &[
            ("tests/simulation/commands.rs", "no_database_is_named_by_an_empty_name"),
            ("tests/interop/drivers.rs", "tls13_no_database"),
        ],
    ),
    (
        5,
        "compression that was not offered",
        &[
            ("tests/interop/drivers.rs", "tls13_zlib"),
            ("tests/security/resources.rs", "compression_that_was_not_offered_is_refused_with_a_sentence"),
        ],
    ),
    (
        6,
        "the number of ERR 1153",
        &[(
            "tests/simulation/commands.rs",
            "a_command_over_the_largest_packet_is_refused_under_the_number_that_is_due",
        )],
    ),
    (
        7,
        "an unsolicited ERR, as 4031",
        &[
            ("tests/simulation/commands.rs", "a_server_that_ends_the_connection_unasked_is_heard"),
            ("native/server/src/driver/tests.rs", "idle_and_silent_clients_are_disconnected"),
        ],
    ),
    (
        13,
        "character sets that are not implemented",
        &[(
            "native/server/src/driver/tests/statements.rs",
            "a_client_whose_character_set_is_not_implemented_is_refused",
        )],
    ),
    (
        27,
        "a leaf that says CA:TRUE",
        &[("core/tests/tls/rejections.rs", "a_ca_as_server_is_accepted_below_a_ca_that_was_named_alone")],
    ),
    (
        28,
        "an issuer that says CA:FALSE",
        &[
            ("core/tests/tls/rejections.rs", "what_is_no_ca_vouches_for_nobody"),
            ("tests/security/chains/table.rs", "basic constraints: the one that was named says CA:FALSE"),
        ],
    ),
    (
        30,
        "a renewed root behind the expired one",
        &[
            ("tests/security/chains/table.rs", "period: a renewed root, the expired one first"),
            ("tests/security/chains/table.rs", "period: a root that is not valid yet before the one that is"),
        ],
    ),
    (
        38,
        "an address among the DNS names",
        &[("core/tests/tls/rejections.rs", "an_address_among_the_dns_names_is_said_to_be_one")],
    ),
    (
        40,
        "a common name beside an address alone: stricter than OpenSSL on purpose",
        &[("tests/security/chains/table.rs", "names: an address of a permitted network")],
    ),
    (
        41,
        "dates before 1970",
        &[
            ("tests/security/chains/table.rs", "period: an end that is valid since 1960"),
            ("core/src/tls/asn1.rs", "dates_of_both_kinds_are_read"),
        ],
    ),
    (
        46,
        "a file that was cut",
        &[("core/tests/tls/options.rs", "a_file_that_was_cut_is_refused_and_not_used_in_part")],
    ),
    (48, "a key encrypted with HMAC-SHA1", &[("core/tests/tls/options.rs", "client-key-hmac-sha1.pem")]),
    (
        50,
        "the kind of a key that can't be used",
        &[
            ("core/tests/tls/options.rs", "a_key_that_cannot_be_used_is_told_by_kind_and_size"),
            ("core/tests/tls/options.rs", "files_that_do_not_fit_are_named"),
        ],
    ),
    (
        53,
        "a file in --ssl-capath that is another user's",
        &[("native/options/src/tls/files.rs", "a_file_in_a_directory_that_is_another_users_is_passed_over")],
    ),
    (54, "escapes in REQUIRE SUBJECT", NAMES),
    (55, "several attributes in one part of a name", NAMES),
    (56, "attributes by their short names", NAMES),
    (
        59,
        "option files of another server",
        &[("native/server/src/options.rs", "files_of_another_server_give_tls_and_limits_and_one_warning")],
    ),
    (
        60,
        "options of mysql in a user's file",
        &[("native/terminal/src/settings.rs", "options_of_mysql_without_effect_are_known")],
    ),
    (61, "a tilde in a path", &[("native/options/src/lib.rs", "a_tilde_is_the_home_directory")]),
    (62, "option files that are not UTF-8", &[("native/options/src/lib.rs", "option_files_are_bytes")]),
    (
        65,
        "ciphers of OpenSSL's that can't be done",
        &[("core/tests/tls/options.rs", "ciphers_that_cannot_be_done_are_named_with_what_to_use")],
    ),
    (
        66,
        "a password by standard input",
        &[("native/terminal/src/connect.rs", "without_a_terminal_the_password_is_the_first_line")],
    ),
    (67, "maximum-", &[("native/options/src/lib.rs", "a_maximum_bounds_a_number")]),
    (
        70,
        "the sandbox line of MariaDB's dumps",
        &[
            ("native/terminal/src/splitter.rs", "the_first_line_of_mariadbs_dumps_enters_the_sandbox"),
            ("tests/interop/dumps.rs", "what_is_dumped_and_read_again_is_the_same"),
        ],
    ),
    (
        71,
        "MariaDB's executable comments",
        &[("native/terminal/src/splitter.rs", "comments_are_taken_out_but_for_those_the_server_reads")],
    ),
    (75, "commands of mysql", &[("tests/interop/terminal.rs", "names_and_words_are_completed_and_results_paged")]),
    (
        79,
        "Django's first query",
        &[
            ("native/server/src/driver/tests/listings.rs", "moments_are_converted_between_time_zones"),
            ("tests/interop/tools.rs", "\"django\""),
        ],
    ),
    (85, "the subprotocol binary", &[("native/bridge/src/http.rs", "the_token_comes_by_header_or_subprotocol")]),
    (
        87,
        "hosts that no client could match",
        &[("native/certs/src/host.rs", "hosts_that_no_client_matches_are_refused_with_the_way_out")],
    ),
    (88, "a common name of 65 characters", &[("native/certs/src/host.rs", "a_common_name_is_neither_empty_nor_long")]),
];

const NAMES: &[(&str, &str)] =
    &[("tests/security/chains/names.rs", "what_openssl_prints_of_a_name_is_the_name_that_is_required")];

#[test]
fn every_case_that_failed_has_a_test() {
    let root = package_folder().join("..");
    let mut missing = Vec::new();
    for (number, what, places) in CASES {
        assert!(!places.is_empty(), "{number}: {what}");
        for (file, name) in *places {
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            let is_test = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
            // A row or mode occurs in the file as a string, a test as a function.
            let is_there = text.contains(&format!("fn {name}(")) || text.contains(&format!("\"{name}\""));
            if !(is_there || (!is_test && text.contains(name))) {
                missing.push(format!("{number}, {what}: {name} in {file}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(CASES.is_sorted_by_key(|(number, _, _)| *number));
}
