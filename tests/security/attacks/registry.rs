//! The attacks: a description of each, how MariaDB 10.11 and Sealwire react, and the evidence. Rows with a live test are run, and the
//! result must be the recorded one.

use crate::stage::{Maker, Stage};
use crate::{clients, replication, servers};

/// One attack.
pub(crate) struct Row {
    /// The short name of the attack.
    pub(crate) id: &'static str,
    /// The attacker's action.
    pub(crate) attack: &'static str,
    /// MariaDB's reaction.
    pub(crate) theirs: Reaction,
    /// Sealwire's reaction.
    pub(crate) ours: Reaction,
    /// Runs the attack on one of them; returns the reaction.
    pub(crate) live: Option<fn(&Stage, Maker) -> String>,
    /// Tests that show more of the reaction, or all of it: file and function.
    pub(crate) tests: &'static [(&'static str, &'static str)],
}

/// The result of an attack.
#[derive(Clone, Copy)]
pub(crate) enum Reaction {
    /// The attacker gains something.
    Yields(&'static str),
    /// The attacker gains nothing.
    Holds(&'static str),
    /// The attack was not run here; the text is from the documentation or the source.
    NotRun(&'static str),
}

impl Reaction {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Yields(text) | Self::Holds(text) | Self::NotRun(text) => text,
        }
    }

    /// The result as a cell of a table.
    pub(crate) fn cell(self) -> String {
        match self {
            Self::Yields(text) => format!("**yields**: {text}"),
            Self::Holds(text) => format!("holds: {text}"),
            Self::NotRun(text) => format!("(not run) {text}"),
        }
    }
}

use Reaction::{Holds, NotRun, Yields};

const REFUSALS: &str = "tests/security/refusals.rs";
const CLIENT: &str = "tests/security/client_switch.rs";
const SERVER: &str = "tests/security/server_switch.rs";
const SWEEP: &str = "tests/security/sweep.rs";
const RESOURCES: &str = "tests/security/resources.rs";
const MODEL: &str = "tests/model/main.rs";
const DRIVER: &str = "native/server/src/driver/tests.rs";
const PREPARED: &str = "native/server/src/session/prepared.rs";
const EXCHANGE: &str = "core/src/auth/exchange_tests.rs";
const RESUMPTION: &str = "core/tests/tls/resumption.rs";
const TICKETS: &str = "tests/security/tickets.rs";
const REJECTIONS: &str = "core/tests/tls/rejections.rs";
const CLIENT_OPTIONS: &str = "native/options/src/tls/client.rs";

/// All attacks: those on connections, and those on replication.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> + Clone {
    ROWS.iter().chain(replication::ROWS)
}

const ROWS: &[Row] = &[
    Row {
        id: "downgrade with --ssl-ca (BACKRONYM, CVE-2015-3152)",
        attack: "takes CLIENT_SSL out of the greeting of a client that was given a CA",
        theirs: Yields("connects in plaintext"),
        ours: Holds("refuses with error 2026, nothing sent"),
        live: Some(clients::stripped_with_ca),
        tests: &[
            (REFUSALS, "a_stripped_capability_is_no_fallback"),
            (CLIENT, "a_stripped_capability_ends_the_connection_with_nothing_sent"),
            (CLIENT, "only_preferred_falls_back_to_plaintext"),
            (MODEL, "no_combination_of_deeds_breaks_a_rule"),
        ],
    },
    Row {
        id: "downgrade with --ssl",
        attack: "the same with a client that was told --ssl",
        theirs: Yields("connects in plaintext"),
        ours: Holds("refuses with error 2026, nothing sent"),
        live: Some(clients::stripped_with_ssl),
        tests: &[(REFUSALS, "a_server_without_tls_hears_nothing")],
    },
    Row {
        id: "downgrade with a client certificate",
        attack: "the same with a client that was given a certificate and a key",
        theirs: Yields("connects in plaintext"),
        ours: Holds("refuses with error 2026, nothing sent"),
        live: Some(clients::stripped_with_certificate),
        tests: &[],
    },
    Row {
        id: "downgrade of a client that was told nothing",
        attack: "the same with a client without any option of TLS",
        theirs: Yields("connects in plaintext"),
        ours: Holds("refuses with error 2026, nothing sent"),
        live: Some(clients::stripped_with_nothing_said),
        tests: &[(CLIENT, "only_preferred_falls_back_to_plaintext")],
    },
    Row {
        id: "--skip-ssl-verify-server-cert",
        attack: "the same with a client that is to encrypt, and not to verify",
        theirs: Yields("connects in plaintext"),
        ours: Holds("refuses with error 2026, nothing sent"),
        live: Some(clients::stripped_without_verification),
        tests: &[(CLIENT_OPTIONS, "the_policy_over_tcp")],
    },
    Row {
        id: "a chosen scramble",
        attack: "a server without TLS asks a client that was given a CA for the proof to a scramble of his choice",
        theirs: Yields("answers it"),
        ours: Holds("refuses with error 2026"),
        live: Some(clients::chosen_scramble),
        tests: &[],
    },
    Row {
        id: "check after login (Riddle, CVE-2017-3305)",
        attack: "a client that demands TLS notices only after it has proved the password",
        theirs: NotRun("10.11 sends all before it looks, as above"),
        ours: Holds("decides at the greeting; the password is never said"),
        live: None,
        tests: &[(CLIENT, "a_stripped_capability_ends_the_connection_with_nothing_sent")],
    },
    Row {
        id: "a stranger's certificate",
        attack: "shows the client a certificate that nobody vouches for; no CA was given",
        theirs: Yields("connects over TLS"),
        ours: Holds("refuses with error 2026"),
        live: Some(clients::stranger),
        tests: &[
            (REFUSALS, "a_stranger_is_refused_until_its_fingerprint_is_given"),
            (CLIENT, "a_swapped_certificate_is_refused_before_the_user_is_named"),
        ],
    },
    Row {
        id: "another host's certificate",
        attack: "shows a good certificate of the given CA that was issued for another name; --ssl-verify-server-cert",
        theirs: Holds("refuses with error 2026"),
        ours: Holds("refuses with error 2026"),
        live: Some(clients::another_name),
        tests: &[(REFUSALS, "a_certificate_for_another_name_is_refused")],
    },
    Row {
        id: "--ssl=yes",
        attack: "the user writes --ssl=yes, and --ssl-ca before it",
        theirs: Yields("connects in plaintext"),
        ours: Holds("connects over TLS"),
        live: Some(clients::yes_means_off),
        tests: &[(REFUSALS, "options_that_cannot_work_connect_nowhere")],
    },
    Row {
        id: "the last option wins",
        attack: "--skip-ssl and --ssl-ca in both orders: the manual says that off overrides all",
        theirs: Yields("connects in plaintext; in the other order connects over TLS"),
        ours: Holds("connects in plaintext, in either order"),
        live: Some(clients::last_wins),
        tests: &[
            (CLIENT_OPTIONS, "off_wins_wherever_it_stands"),
            (CLIENT_OPTIONS, "off_in_an_option_file_wins_over_the_command_line"),
        ],
    },
    Row {
        id: "a misspelt version",
        attack: "the user writes --tls-version=TLSv1.9",
        theirs: Yields("connects over TLS"),
        ours: Holds("refuses"),
        live: Some(clients::unknown_version),
        tests: &[],
    },
    Row {
        id: "cleartext plugin",
        attack: "a rogue server asks for mysql_clear_password over plaintext",
        theirs: Yields("sends the password"),
        ours: Holds("refuses with error 2059"),
        live: Some(clients::clear_password),
        tests: &[
            (CLIENT, "a_server_that_wants_the_clear_password_does_not_get_it"),
            (EXCHANGE, "the_password_leaves_the_client_only_where_it_may"),
        ],
    },
    Row {
        id: "cleartext plugin inside anybody's TLS",
        attack: "a rogue server with a certificate of its own asks for mysql_clear_password inside TLS; --ssl",
        theirs: Yields("sends the password"),
        ours: Holds("refuses with error 2026"),
        live: Some(clients::clear_password_for_a_stranger),
        tests: &[
            (CLIENT, "a_server_that_wants_the_clear_password_does_not_get_it"),
            (EXCHANGE, "the_password_leaves_the_client_only_where_it_may"),
        ],
    },
    Row {
        id: "the attacker's public key",
        attack: "answers caching_sha2_password in plaintext with a RSA key of his own",
        theirs: NotRun("Connector/C asks for the key of its own accord"),
        ours: Holds("takes the key that it was given, and asks for one only where it was told to"),
        live: None,
        tests: &[
            (EXCHANGE, "rsa_when_the_key_is_given_or_its_fetching_asked_for"),
            (EXCHANGE, "the_password_leaves_the_client_only_where_it_may"),
        ],
    },
    Row {
        id: "LOAD DATA LOCAL by the server",
        attack: "a rogue server answers a query with the wish for a file of the client's",
        theirs: Holds("sends nothing of it"),
        ours: Holds("sends nothing of it"),
        live: Some(clients::wanted_file),
        tests: &[("native/client/src/tests.rs", "the_server_gets_a_file_only_from_a_program_that_gives_it")],
    },
    Row {
        id: "an error before TLS",
        attack: "somebody says an ERR packet instead of the greeting",
        theirs: Holds("marks it as nobody's word"),
        ours: Holds("marks it as nobody's word"),
        live: Some(clients::error_before_tls),
        tests: &[(CLIENT, "an_error_before_tls_is_marked_as_nobodys_word")],
    },
    Row {
        id: "truncation",
        attack: "ends the line in the middle of a result, without TLS's close_notify",
        theirs: Holds("refuses with error 2026"),
        ours: Holds("refuses with error 2013"),
        live: Some(clients::truncated),
        tests: &[(SWEEP, "a_damaged_session_never_lets_a_wrong_user_in")],
    },
    Row {
        id: "an alert that comes late (bug 79862)",
        attack: "refuses the client's certificate when the client, in TLS 1.3, has said all of the handshake",
        theirs: Holds("refuses with error 2026"),
        ours: Holds("refuses with error 2026"),
        live: Some(clients::late_alert),
        tests: &[(REJECTIONS, "a_server_refuses_clients_that_do_not_verify_in_the_handshake")],
    },
    Row {
        id: "answers injected at the switch (STARTTLS)",
        attack: "adds plaintext behind the greeting, or says it instead of a ServerHello",
        theirs: NotRun("Connector/C throws its buffer away at the switch"),
        ours: Holds("ends the connection with nothing sent"),
        live: None,
        tests: &[
            (CLIENT, "bytes_behind_the_greeting_are_misbehaviour_and_nothing_is_sent"),
            (CLIENT, "an_ok_in_plaintext_instead_of_a_server_hello_is_a_tls_failure"),
            (REFUSALS, "plaintext_injected_at_the_switch_is_not_carried_into_tls"),
        ],
    },
    Row {
        id: "commands injected at the switch (STARTTLS)",
        attack: "adds a command in plaintext behind the client's SSLRequest",
        theirs: Holds("refuses before TLS is there"),
        ours: Holds("refuses before TLS is there"),
        live: Some(servers::injected_command),
        tests: &[(SERVER, "commands_injected_behind_the_ssl_request_reach_tls_and_never_the_engine")],
    },
    Row {
        id: "credentials before TLS",
        attack: "the whole login with CLIENT_SSL set, in plaintext, then a ClientHello",
        theirs: Yields("takes them and begins TLS"),
        ours: Holds("refuses with error 1043"),
        live: Some(servers::credentials_before_tls),
        tests: &[
            (SERVER, "credentials_in_plaintext_ahead_of_tls_are_refused"),
            (SERVER, "a_ssl_request_has_32_bytes_no_more_and_no_less"),
            (REFUSALS, "a_ssl_request_of_another_length_is_a_bad_handshake"),
        ],
    },
    Row {
        id: "capabilities altered",
        attack: "takes CLIENT_CONNECT_WITH_DB out of the plaintext SSLRequest of a client that names a database inside TLS",
        theirs: Yields("connects to no database"),
        ours: Holds("connects to the database that was named"),
        live: Some(servers::altered_capabilities),
        tests: &[
            (SERVER, "a_ssl_request_that_was_altered_changes_nothing_inside_tls"),
            (REFUSALS, "a_ssl_request_altered_on_the_way_changes_nothing_inside"),
        ],
    },
    Row {
        id: "a short SSLRequest",
        attack: "31 bytes with the SSL flag",
        theirs: Holds("refuses with error 1043"),
        ours: Holds("refuses with error 1043"),
        live: Some(servers::short_ssl_request),
        tests: &[
            (SERVER, "thirty_two_bytes_without_the_ssl_flag_are_a_bad_handshake"),
            (SERVER, "tls_asked_of_a_server_that_did_not_offer_it_is_a_bad_handshake"),
            (SWEEP, "a_server_alone_takes_damaged_ssl_requests"),
        ],
    },
    Row {
        id: "half a packet",
        attack: "20 bytes of a SSLRequest, then the end of the stream",
        theirs: Holds("hangs up without a word"),
        ours: Holds("hangs up without a word"),
        live: Some(servers::half_a_packet),
        tests: &[(SWEEP, "a_damaged_session_never_lets_a_wrong_user_in")],
    },
    Row {
        id: "a wrong sequence number",
        attack: "a SSLRequest with the number 7",
        theirs: Holds("refuses with error 1156"),
        ours: Holds("refuses with error 1156"),
        live: Some(servers::wrong_number),
        tests: &[(SERVER, "a_response_with_the_wrong_number_is_out_of_order")],
    },
    Row {
        id: "a second SSLRequest",
        attack: "asks for TLS again inside of TLS",
        theirs: NotRun("not known"),
        ours: Holds("refuses with error 1043, inside TLS"),
        live: None,
        tests: &[(SERVER, "a_second_ssl_request_inside_tls_is_refused_inside_tls")],
    },
    Row {
        id: "a query before the login",
        attack: "a COM_QUERY in place of the login",
        theirs: Holds("refuses with error 1043"),
        ours: Holds("refuses with error 1043"),
        live: Some(servers::query_before_login),
        tests: &[(SERVER, "a_query_before_authentication_never_reaches_the_engine")],
    },
    Row {
        id: "a proof recorded elsewhere",
        attack: "replays a recorded proof of the password on another connection",
        theirs: NotRun("fresh scrambles, as all servers have"),
        ours: Holds("refuses with error 1045"),
        live: None,
        tests: &[(SERVER, "a_stolen_answer_is_of_no_use_on_another_connection")],
    },
    Row {
        id: "REQUIRE SSL asked after the password",
        attack: "an account that requires TLS logs in over plaintext",
        theirs: Yields("asks for a proof of the password"),
        ours: Holds("refuses with error 1045"),
        live: Some(servers::required_tls_in_plaintext),
        tests: &[
            ("core/accounts/tests/admit.rs", "plaintext_satisfies_none_only_and_a_socket_is_plaintext"),
            (EXCHANGE, "the_server_takes_no_clear_password_from_an_insecure_connection"),
        ],
    },
    Row {
        id: "REQUIRE SSL by way of another account",
        attack: "logs in over plaintext where he may, then COM_CHANGE_USER to an account that requires TLS",
        theirs: Holds("refuses with error 1045"),
        ours: Holds("refuses with error 1045"),
        live: Some(servers::change_user_to_required_tls),
        tests: &[("tests/simulation/commands.rs", "change_user_checks_password_and_require_again")],
    },
    Row {
        id: "silence after the SSLRequest",
        attack: "asks for TLS and says no more, until the server's time is over",
        theirs: Yields("says error 1043 in plaintext"),
        ours: Holds("says goodbye in TLS"),
        live: Some(servers::silence_after_ssl_request),
        tests: &[
            (SERVER, "after_tls_began_the_server_says_nothing_in_plaintext"),
            (DRIVER, "idle_and_silent_clients_are_disconnected"),
        ],
    },
    Row {
        id: "12 MB before the login",
        attack: "announces a packet of 16 MB before authentication and sends 12 MB of it",
        theirs: Yields("takes 12 MB and waits for more"),
        ours: Holds("refuses with error 1153"),
        live: Some(servers::megabytes_before_login),
        tests: &[
            (SERVER, "a_packet_that_announces_megabytes_is_refused_at_its_header"),
            (CLIENT, "a_greeting_of_megabytes_is_refused_at_its_header"),
            (REFUSALS, "a_packet_of_16_mib_before_authentication_is_not_waited_for"),
        ],
    },
    Row {
        id: "attributes that lie",
        attack: "a login whose connection attributes say to be 16 MB",
        theirs: Holds("refuses with error 1043"),
        ours: Holds("refuses with error 1043"),
        live: Some(servers::lying_attributes),
        tests: &[],
    },
    Row {
        id: "packets of length zero",
        attack: "an empty packet in place of the login; floods of them later",
        theirs: Holds("refuses with error 1043"),
        ours: Holds("refuses with error 1043"),
        live: Some(servers::empty_packets),
        tests: &[(RESOURCES, "empty_packets_are_refused_and_held_nowhere")],
    },
    Row {
        id: "compression bombs",
        attack: "asks for compression, then sends frames that grow by a thousand",
        theirs: NotRun("offers zlib; its frames are bounded by their 24-bit lengths"),
        ours: Holds(
            "compresses nothing before authentication; refuses a frame that is larger than a packet at its header",
        ),
        live: None,
        tests: &[
            (RESOURCES, "nothing_is_compressed_before_authentication"),
            (RESOURCES, "compression_bombs_do_not_go_off"),
            (RESOURCES, "compression_that_was_not_offered_is_refused_with_a_sentence"),
            ("tests/simulation/compressed.rs", "a_frame_larger_than_any_packet_is_refused_at_its_header"),
            ("core/src/wire/compressed.rs", "a_bomb_is_refused_before_it_goes_off"),
        ],
    },
    Row {
        id: "a byte a second",
        attack: "says its SSLRequest and its ClientHello so slowly that they never end",
        theirs: Yields("is still there after 5 times its connect_timeout"),
        ours: Holds("hangs up"),
        live: Some(servers::a_byte_at_a_time),
        tests: &[(RESOURCES, "a_byte_at_a_time_does_not_outlive_the_deadline")],
    },
    Row {
        id: "10,000 half-open handshakes",
        attack: "asks for TLS on as many connections as the descriptors allow, and waits",
        theirs: NotRun("one thread for each of them"),
        ours: Holds("serves a good client meanwhile, and closes them after connect_timeout"),
        live: None,
        tests: &[(RESOURCES, "half_open_handshakes_leave_room_for_a_good_client")],
    },
    Row {
        id: "endless certificate chains",
        attack: "shows a chain of hundreds of certificates, from either side",
        theirs: NotRun("OpenSSL takes up to 100 KiB"),
        ours: Holds("ends the handshake at 64 KiB; looks at 32 signatures at most"),
        live: None,
        tests: &[
            (RESOURCES, "an_endless_chain_of_a_client_is_refused"),
            (RESOURCES, "an_endless_chain_of_a_server_is_refused"),
        ],
    },
    Row {
        id: "renegotiation",
        attack: "asks for another TLS 1.2 handshake inside of the first",
        theirs: NotRun("OpenSSL 3 refuses it too"),
        ours: Holds("refuses with the alert no_renegotiation"),
        live: None,
        tests: &[("tests/security/hostile_tls.rs", "sealwired_and_a_hostile_client")],
    },
    Row {
        id: "bent TLS handshakes",
        attack: "each message of the handshake truncated, oversized, doubled, out of order, false",
        theirs: NotRun("OpenSSL has its own tests"),
        ours: Holds("ends with an alert and a clean close; nothing of a login is said"),
        live: None,
        tests: &[
            ("tests/security/hostile_tls.rs", "sealwired_and_a_hostile_client"),
            ("tests/security/hostile_tls.rs", "sealwire_and_a_hostile_server"),
            (SWEEP, "a_damaged_tls_handshake_never_connects_and_never_panics"),
        ],
    },
    Row {
        id: "ticket floods",
        attack: "a server sends thousands of session tickets; clients fill the server's cache",
        theirs: NotRun("a cache of 128 sessions"),
        ours: Holds("a client ends it at 64 KiB; the server's cache is bounded"),
        live: None,
        tests: &[(RESOURCES, "a_flood_of_tickets_is_forgotten"), (RESUMPTION, "the_cache_is_bounded")],
    },
    Row {
        id: "prepared-statement floods",
        attack: "prepares statements without end, and fills them with long data",
        theirs: NotRun("max_prepared_stmt_count, error 1461"),
        ours: Holds("max_prepared_stmt_count, error 1461; max_allowed_packet, error 1105"),
        live: None,
        tests: &[
            (RESOURCES, "prepared_statements_of_all_sessions_are_counted"),
            (PREPARED, "what_is_held_is_counted_and_bounded"),
        ],
    },
    Row {
        id: "session-memory floods",
        attack: "fills user variables and statements' texts without end",
        theirs: NotRun("no bound for user variables"),
        ours: Holds("connection_memory_limit, error 4082"),
        live: None,
        tests: &[(RESOURCES, "a_session_holds_so_much_and_no_more")],
    },
    Row {
        id: "max_connections exhausted",
        attack: "takes all connections there are",
        theirs: NotRun("one more for an administrator"),
        ours: Holds("one more for an administrator"),
        live: None,
        tests: &[(DRIVER, "there_are_max_connections_and_one_for_an_administrator")],
    },
    Row {
        id: "guesses by COM_CHANGE_USER (CVE-2012-5627)",
        attack: "guesses passwords on one connection",
        theirs: Yields("takes 10 of 10 guesses"),
        ours: Holds("takes 1 of 10 guesses"),
        live: Some(servers::guesses_by_change_user),
        tests: &[],
    },
    Row {
        id: "user enumeration by text (CVE-2012-5615)",
        attack: "compares what is said of a user that there is and of one that there isn't",
        theirs: Holds("tells the same"),
        ours: Holds("tells the same"),
        live: Some(servers::unknown_user),
        tests: &[(EXCHANGE, "unknown_users_look_like_known_ones")],
    },
    Row {
        id: "user enumeration by plugin",
        attack: "compares which plugin is asked for",
        theirs: NotRun("the plugin of another account, by a hash of the name"),
        ours: Holds("the plugins in use, by a keyed hash of the name"),
        live: None,
        tests: &[("core/accounts/src/accounts.rs", "decoys_are_steady_and_of_all_kinds_in_use")],
    },
    Row {
        id: "user enumeration by time",
        attack: "measures how long the refusal takes",
        theirs: NotRun("not known"),
        ours: Holds("the same work for both"),
        live: None,
        tests: &[(RESOURCES, "an_unknown_user_takes_as_long_as_a_known_one")],
    },
    Row {
        id: "a login by chance (CVE-2012-2122)",
        attack: "tries a wrong proof until a comparison errs",
        theirs: NotRun("mended in 5.5.24"),
        ours: Holds("compares in constant time, all bytes"),
        live: None,
        tests: &[(EXCHANGE, "the_right_password_and_no_other"), (EXCHANGE, "garbage_is_denied_at_every_length")],
    },
    Row {
        id: "client certificates of the system's CAs",
        attack: "a certificate of any public CA for an account with REQUIRE X509",
        theirs: NotRun("OpenSSL's default store counts where no CA is named"),
        ours: Holds("only the CA that is named counts"),
        live: None,
        tests: &[
            ("core/accounts/tests/admit.rs", "a_certificate_counts_only_if_it_is_there_and_verified"),
            (REJECTIONS, "a_server_refuses_clients_that_do_not_verify_in_the_handshake"),
        ],
    },
    Row {
        id: "a subject that reads in two ways",
        attack: "a certificate whose name holds '/CN=' inside of a value",
        theirs: NotRun("X509_NAME_oneline does not escape it (MDEV-40398)"),
        ours: Holds("never matches"),
        live: None,
        tests: &[("core/accounts/tests/admit.rs", "a_name_that_reads_in_two_ways_never_matches")],
    },
    Row {
        id: "revoked certificates",
        attack: "shows a certificate that its issuer has revoked, or a stale list",
        theirs: NotRun("OpenSSL fails closed; WolfSSL did not look (MDEV-40382)"),
        ours: Holds("refuses, also where the list is too old"),
        live: None,
        tests: &[
            (REFUSALS, "a_revoked_certificate_is_refused"),
            (REJECTIONS, "revocation_is_enforced_and_fails_closed"),
        ],
    },
    Row {
        id: "a start without TLS (MDEV-28233)",
        attack: "certificates that are broken or missing when the server starts or loads them again",
        theirs: NotRun("aborts; 5.6 went on in plaintext"),
        ours: Holds("does not start; a failed reload leaves all as it was"),
        live: None,
        tests: &[
            (REFUSALS, "a_server_with_wrong_files_or_options_does_not_start"),
            ("native/server/src/session/tests.rs", "a_failed_reload_leaves_tls_as_it_is"),
        ],
    },
    Row {
        id: "a session resumed with another identity",
        attack: "resumes a session of a certificate that no longer counts",
        theirs: NotRun("not known"),
        ours: Holds(
            "certificate and REQUIRE are checked again; a changed certificate, CA or revocation list ends all sessions",
        ),
        live: None,
        tests: &[
            (RESUMPTION, "a_resumed_session_carries_the_clients_certificate_and_checks_it_again"),
            (RESUMPTION, "sessions_end_with_their_context_and_where_they_are_switched_off"),
            (RESUMPTION, "sessions_are_not_shared_between_contexts"),
            (TICKETS, "a_resumed_session_has_the_rights_of_its_certificate"),
        ],
    },
    Row {
        id: "a ticket that is not worth a session",
        attack: "shows a ticket that was changed, is too old, or was given before certificates, CAs, ciphers or secrets changed",
        theirs: NotRun("its keys end with the process"),
        ours: Holds("a full handshake"),
        live: None,
        tests: &[
            (TICKETS, "a_session_ends_where_certificates_or_secrets_change"),
            (TICKETS, "openssl_resumes_after_a_restart_and_shakes_hands_anew_with_a_ticket_that_was_changed"),
            (RESUMPTION, "a_ticket_of_other_settings_is_worth_nothing"),
            (RESUMPTION, "tickets_end_after_the_timeout_wherever_they_are_shown"),
            (RESUMPTION, "a_session_that_is_resumed_again_and_again_ends_after_the_timeout_too"),
        ],
    },
];
