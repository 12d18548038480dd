//! The laboratory: runs scenarios of the simulated network in the page. On wasm only.

use rustls::crypto::ring;
use sealwire_simnet::{Run, RungEvent, Scenario, Stage, seeded};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::meaning;

/// A run, and the meaning of each of its events.
#[derive(Serialize)]
struct View<'a> {
    run: &'a Run,
    meanings: Vec<&'static str>,
}

/// Runs scenarios, and keeps parsed certificates for the next run.
#[wasm_bindgen]
pub struct Lab {
    stage: Stage,
    pcap: Vec<u8>,
}

#[wasm_bindgen]
impl Lab {
    /// A laboratory with ring's cryptography, seeded by the scenario. A run gives the same result natively, because the cryptography is the
    /// same.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "JavaScript knows constructors only")]
    pub fn new() -> Self {
        Self { stage: Stage::new(seeded(ring::default_provider())), pcap: Vec::new() }
    }

    /// The default scenario as a plain object, from which callers make their own.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn scenario() -> Result<JsValue, JsValue> {
        Ok(serde_wasm_bindgen::to_value(&Scenario::default())?)
    }

    /// Runs a scenario: `{run, meanings}`.
    ///
    /// # Errors
    /// A sentence that names the invalid field of the scenario.
    pub fn run(&mut self, scenario: JsValue) -> Result<JsValue, JsValue> {
        let scenario: Scenario = serde_wasm_bindgen::from_value(scenario)?;
        let mut run = self.stage.run(&scenario).map_err(|error| JsValue::from_str(&error))?;
        // Passing the capture as a list of numbers would be slow.
        self.pcap = std::mem::take(&mut run.pcap);
        let meanings = run.ladder.iter().map(|rung| meaning_of(&rung.event)).collect();
        Ok(serde_wasm_bindgen::to_value(&View { run: &run, meanings })?)
    }

    /// The packets of the last run as a capture file; empty unless the scenario requested it.
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
