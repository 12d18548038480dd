//! The laboratory: scenarios of the simulated network, run in the page. On wasm only.

use rustls::crypto::ring;
use sealwire_simnet::{Run, RungEvent, Scenario, Stage, seeded};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::meaning;

/// A run, and what each rung of its ladder means.
#[derive(Serialize)]
struct View<'a> {
    run: &'a Run,
    meanings: Vec<&'static str>,
}

/// Where scenarios are run. What it read of certificates it keeps for the next run.
#[wasm_bindgen]
pub struct Lab {
    stage: Stage,
    pcap: Vec<u8>,
}

#[wasm_bindgen]
impl Lab {
    /// A laboratory with ring's cryptography, its randomness from the scenario's seed: the same as natively, so that a run is too.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "JavaScript knows constructors only")]
    pub fn new() -> Self {
        Self { stage: Stage::new(seeded(ring::default_provider())), pcap: Vec::new() }
    }

    /// The scenario that all others are changes of, as a plain object.
    ///
    /// # Errors
    /// None that a caller could cause.
    pub fn scenario() -> Result<JsValue, JsValue> {
        Ok(serde_wasm_bindgen::to_value(&Scenario::default())?)
    }

    /// Runs a scenario: `{run, meanings}`.
    ///
    /// # Errors
    /// A sentence: which of the scenario's fields can't be used.
    pub fn run(&mut self, scenario: JsValue) -> Result<JsValue, JsValue> {
        let scenario: Scenario = serde_wasm_bindgen::from_value(scenario)?;
        let mut run = self.stage.run(&scenario).map_err(|error| JsValue::from_str(&error))?;
        // As a list of numbers it would be slow to hand over.
        self.pcap = std::mem::take(&mut run.pcap);
        let meanings = run.ladder.iter().map(|rung| meaning_of(&rung.event)).collect();
        Ok(serde_wasm_bindgen::to_value(&View { run: &run, meanings })?)
    }

    /// The packets of the last run as a capture file; empty unless the scenario asked for it.
    #[wasm_bindgen(js_name = takePcap)]
    pub fn take_pcap(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pcap)
    }
}

fn meaning_of(event: &RungEvent) -> &'static str {
    match event {
        RungEvent::Packet { name, .. } => meaning::packet(name),
        RungEvent::Record { name, sent, encrypted, .. } => meaning::record(name, *sent, *encrypted),
        RungEvent::State { to, .. } => meaning::state(to),
        RungEvent::Note { .. } => "",
    }
}
