//! The runs whose hashes the page's tests compare with; this is the native side.

use sealwire_simnet::{Scenario, Stage, seeded};
use serde_json::Value;

const RUNS: &str = include_str!("../../web/tests/runs.json");

#[test]
fn runs_have_the_hashes_that_the_page_is_held_to() {
    let runs: Vec<Value> = serde_json::from_str(RUNS).unwrap();
    assert!(!runs.is_empty());
    for run in runs {
        let scenario: Scenario = serde_json::from_value(run["scenario"].clone()).unwrap();
        let mut stage = Stage::new(seeded(rustls::crypto::ring::default_provider()));
        assert_eq!(stage.run(&scenario).unwrap().hash, run["hash"], "{}", run["scenario"]);
    }
}
