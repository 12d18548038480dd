//! Connection strings: as with MariaDB's library.

use sealwire_tests::programs::needs;
use tempfile::tempdir;

use crate::functions::ORIGINAL;
use crate::servers::mariadb;
use crate::statements::played;

#[test]
fn connection_strings_are_those_of_the_original_and_no_error_tells_a_password() {
    let (true, Some(served)) = (needs(&["cc", ORIGINAL]), mariadb()) else { return };
    let place = tempdir().unwrap();
    let [theirs, ours, _] = played("connections", served, place.path());
    assert_eq!(theirs.matches(", TLS\n").count(), 3, "{theirs}");
    assert!(theirs.contains(": 1045 ") && theirs.contains(": 2026 ") && theirs.contains(": 5011 "), "{theirs}");
    assert_eq!(ours, theirs);
    assert!(!ours.contains("tells the password"), "{ours}");
}
