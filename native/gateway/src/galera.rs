//! Whether a node of a Galera cluster can serve, by its status. A node without the cluster's majority still answers logins and `SELECT 1`.
//!
//! Source: Galera's "Status Variables" (`wsrep_local_state`: 1 joining, 2 donor or desynced, 3 joined, 4 synced).

use std::collections::HashMap;
use std::time::Duration;

use super::health::Verdict;

/// Asks for the status that [`judge`] reads. The account needs no privilege.
pub(super) const STATUS: &str = "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_connected', 'wsrep_cluster_status', \
                                 'wsrep_local_state', 'wsrep_local_state_comment')";

/// Asks for the variables that [`judge`] reads.
pub(super) const VARIABLES: &str =
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('wsrep_reject_queries', 'wsrep_on', 'read_only', 'pxc_maint_mode')";

/// The state of a node that applies the cluster's transactions and keeps up.
const SYNCED: &str = "4";

/// A node that has hung says that it is synced in the primary component until it has not heard of the others for `evs.suspect_timeout`, 5
/// seconds, and found no majority. Seen with Galera 26.4: 6 seconds.
const SETTLES: Duration = Duration::from_secs(8);

/// Judges a node by its status and variables, with names in lower case.
pub(super) fn judge(all: &HashMap<String, String>) -> Verdict {
    let value = |name: &str| all.get(name).map(String::as_str).unwrap_or_default();
    let is_on = |name: &str| value(name) == "1" || value(name).eq_ignore_ascii_case("on");
    let unfit = |drains: bool, reason: String| Verdict::Unfit { reason, drains };
    let is_primary = value("wsrep_cluster_status").eq_ignore_ascii_case("primary");
    if all.contains_key("wsrep_on") && !is_on("wsrep_on") {
        return unfit(false, "it is no node of a Galera cluster: wsrep_on is OFF".to_owned());
    }
    if !is_primary {
        return unfit(
            true,
            format!("it is not in the primary component: wsrep_cluster_status is '{}'", value("wsrep_cluster_status")),
        );
    }
    for name in ["wsrep_connected", "wsrep_ready"] {
        if !is_on(name) {
            return unfit(true, format!("{name} is '{}'", value(name)));
        }
    }
    let reject = value("wsrep_reject_queries");
    if !matches!(reject, "" | "NONE") {
        return unfit(true, format!("wsrep_reject_queries is '{reject}'"));
    }
    let maintenance = value("pxc_maint_mode");
    if !matches!(maintenance, "" | "DISABLED") {
        return unfit(true, format!("pxc_maint_mode is '{maintenance}'"));
    }
    let state = value("wsrep_local_state");
    if state != SYNCED {
        // A donor serves the sessions that it has, after a pause.
        return unfit(false, format!("wsrep_local_state is {state} ({})", value("wsrep_local_state_comment")));
    }
    Verdict::Good { can_write: !is_on("read_only"), settles: SETTLES }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: [(&str, &str); 8] = [
        ("wsrep_ready", "ON"),
        ("wsrep_connected", "ON"),
        ("wsrep_cluster_status", "Primary"),
        ("wsrep_local_state", "4"),
        ("wsrep_local_state_comment", "Synced"),
        ("wsrep_reject_queries", "NONE"),
        ("wsrep_on", "ON"),
        ("read_only", "OFF"),
    ];

    fn with(name: &str, value: &str) -> Verdict {
        let mut all: HashMap<String, String> =
            SOUND.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        all.insert(name.to_owned(), value.to_owned());
        judge(&all)
    }

    #[test]
    fn a_node_serves_in_the_primary_component_once_it_is_synced() {
        assert_eq!(with("wsrep_ready", "ON"), Verdict::Good { can_write: true, settles: SETTLES });
        assert_eq!(with("read_only", "ON"), Verdict::Good { can_write: false, settles: SETTLES });
        for (name, value, leave) in [
            ("wsrep_cluster_status", "non-Primary", true),
            ("wsrep_ready", "OFF", true),
            ("wsrep_connected", "OFF", true),
            ("wsrep_reject_queries", "ALL", true),
            ("pxc_maint_mode", "MAINTENANCE", true),
            ("wsrep_local_state", "2", false),
            ("wsrep_local_state", "1", false),
            ("wsrep_on", "OFF", false),
        ] {
            let Verdict::Unfit { reason, drains } = with(name, value) else { panic!("{name}={value} serves") };
            assert!(reason.contains(name) && reason.contains(value), "{reason}");
            assert_eq!(drains, leave, "{name}={value}");
        }
        assert!(matches!(judge(&HashMap::new()), Verdict::Unfit { .. }), "a server without Galera");
    }
}
