//! The binary log for JavaScript: takes events, returns transactions. On wasm only.
//!
//! It is in a module of its own, because most pages read no log.

use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::batch::{Batch, NULL};
use crate::changes::TransactionView;
use crate::js::{misuse, sql_failure, to_js};
use crate::log::{Log, LogOptions, Start, unreadable};

/// A transaction, and the place behind it.
#[derive(Serialize)]
struct Found {
    transaction: TransactionView,
    file: String,
    position: f64,
}

/// The events of one connection's log.
#[wasm_bindgen]
#[derive(Debug)]
pub struct LogReader {
    log: Log,
    /// Events that have come, as cells, and the index of the next one.
    events: Batch,
    next: usize,
    /// The cells of the last transaction's rows.
    cells: Batch,
}

#[wasm_bindgen]
impl LogReader {
    /// A log with these options.
    ///
    /// # Errors
    /// If the options are invalid.
    #[wasm_bindgen(constructor)]
    pub fn new(options: JsValue) -> Result<Self, JsValue> {
        let options: LogOptions =
            serde_wasm_bindgen::from_value(options).map_err(|error| misuse(&error.to_string()))?;
        let log = Log::new(&options).map_err(|error| sql_failure(&error))?;
        Ok(Self { log, events: Batch::default(), next: 0, cells: Batch::default() })
    }

    /// The place from which to request the log, for `Machine.binlog`.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn place(&self) -> Result<JsValue, JsValue> {
        to_js(&self.log.resume())
    }

    /// The place behind the last whole transaction, in the form of the options.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn resume(&self) -> Result<JsValue, JsValue> {
        to_js(&Start::from(self.log.resume()))
    }

    /// The server has granted the log. `checksums` says whether its first event has a checksum.
    pub fn begin(&mut self, checksums: bool) {
        self.log.begin(checksums);
    }

    /// Takes events: their bytes concatenated, and the end of each. Call it when `next` has returned all transactions of those before.
    pub fn push(&mut self, data: Vec<u8>, ends: Vec<u32>) {
        self.events = Batch { data, ends, rows: 0 };
        self.next = 0;
    }

    /// The next transaction; undefined where more events are needed. Take the cells of its rows with `takeEnds` and `takeData`.
    ///
    /// # Errors
    /// If an event can't be read, or its transaction is too large.
    pub fn next(&mut self) -> Result<JsValue, JsValue> {
        while let Some(end) = self.events.ends.get(self.next) {
            let start = self.next.checked_sub(1).and_then(|before| self.events.ends.get(before)).unwrap_or(&0);
            let event = self.events.data.get(*start as usize..(end & !NULL) as usize).unwrap_or_default();
            self.next += 1;
            let transaction = self.log.event(event).map_err(|error| sql_failure(&error))?;
            let Some(transaction) = transaction else { continue };
            self.cells = Batch::default();
            let transaction = TransactionView::new(&transaction, &mut self.cells)
                .map_err(|problem| sql_failure(&unreadable(problem)))?;
            let (file, position) = (self.log.file(), self.log.position() as f64);
            return to_js(&Found { transaction, file, position });
        }
        Ok(JsValue::UNDEFINED)
    }

    /// The cells of the last transaction's rows, concatenated. Call `takeEnds` first, because this call ends the batch.
    #[wasm_bindgen(js_name = takeData)]
    pub fn take_data(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.cells).data
    }

    /// The end of each cell; the top bit marks NULL.
    #[wasm_bindgen(js_name = takeEnds)]
    pub fn take_ends(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.cells.ends)
    }
}
