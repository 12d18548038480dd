//! The client's state machine for JavaScript: takes bytes and time, returns steps and bytes. On wasm only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use js_sys::{BigInt, Uint8Array};
use sealwire_core::client::{Config, Connection, Event, Prepared, RowFormat, Summary};
use sealwire_core::error::Error;
use sealwire_core::message::{ColumnType, ParamType, StatusFlags, Value};
use sealwire_core::{Input, Now, Output};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::batch::Batch;
use crate::capture::pcap;
use crate::js::{failure, misuse, to_js};
use crate::options::Options;
use crate::recorder::Recorder;
use crate::report::{Column, FactsView, Failure, ssl_line};
use crate::request::{Granted, Request, RequestOptions};

/// The most bytes to pass to the WebSocket at once.
const FRAME: usize = 256 * 1024;

/// The next thing for the driver to do.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Step {
    /// Send the bytes of `takeOutput`, then poll again.
    Transmit,
    /// Send the bytes of `takeOutput`, then wait for input, at most until `deadline` (milliseconds on the driver's clock).
    Wait { deadline: Option<f64> },
    /// Authentication has succeeded.
    Connected,
    /// A statement without rows has finished. Its numbers are passed as text, because they may be too large for JavaScript's numbers.
    Ok { affected_rows: String, last_insert_id: String, warnings: u16, info: String, more: bool },
    /// A result set begins.
    Columns { columns: Vec<Column> },
    /// Rows have arrived. Take them with `takeRowEnds` and `takeRowData`.
    Rows { count: u32 },
    /// The result set ends.
    End { warnings: u16, more: bool },
    /// The server refused the command. The connection stays usable.
    Failed { error: Failure },
    /// A statement is prepared.
    Prepared { id: u32, parameters: usize, columns: Vec<Column> },
    /// The answer to COM_STATISTICS.
    Text { text: String },
    /// The server has granted its binary log. Each event comes as a row of one cell.
    LogGranted { granted: Granted },
    /// The connection has ended in an orderly way.
    Closed,
}

/// One connection.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Machine {
    config: Arc<Config>,
    connection: Connection,
    outgoing: Vec<u8>,
    batch: Batch,
    /// An event that follows the rows which the page has to take first.
    pending: Option<Event>,
    statements: BTreeMap<u32, Prepared>,
    /// The request of the binary log.
    request: Option<Request>,
    /// The time of the last input.
    now: Now,
    recorder: Option<Arc<Recorder>>,
    began: f64,
    began_wall: u64,
}

#[wasm_bindgen]
impl Machine {
    /// Creates a connection that waits for the server's greeting. `mono` and `wall` are times in milliseconds: `mono` of a clock that never
    /// goes back, `wall` since 1970.
    ///
    /// # Errors
    /// If the options are invalid.
    #[wasm_bindgen(constructor)]
    pub fn new(options: JsValue, trace: bool, mono: f64, wall: f64) -> Result<Self, JsValue> {
        let options: Options = serde_wasm_bindgen::from_value(options).map_err(|error| misuse(&error.to_string()))?;
        let recorder = trace.then(Arc::<Recorder>::default);
        let config = options.into_config(recorder.clone()).map_err(|error| failure(&Error::Tls(error)))?;
        Ok(Self::start(Arc::new(config), recorder, mono, wall))
    }

    /// Creates another connection with the same settings, for KILL QUERY.
    pub fn sibling(&self, mono: f64, wall: f64) -> Self {
        let mut config = Config::clone(&self.config);
        config.observer = None;
        Self::start(Arc::new(config), None, mono, wall)
    }

    /// Processes bytes from the transport.
    pub fn receive(&mut self, mut bytes: Vec<u8>, mono: f64, wall: f64) {
        self.set_time(mono);
        self.now = now(mono, wall);
        if let Some(recorder) = &self.recorder {
            recorder.keep(false, &bytes);
        }
        // Ignore the error here, because the next poll returns it, after the alert for the peer has been taken.
        let _ = self.connection.handle_input(Input::Bytes(&mut bytes), self.now);
    }

    /// Processes the end of the transport.
    pub fn eof(&mut self, mono: f64, wall: f64) {
        self.set_time(mono);
        self.now = now(mono, wall);
        let _ = self.connection.handle_input(Input::Eof, self.now);
    }

    /// Processes a timeout: the deadline of the last wait may have passed.
    pub fn timeout(&mut self, mono: f64, wall: f64) {
        self.set_time(mono);
        self.now = now(mono, wall);
        let _ = self.connection.handle_input(Input::Timeout, self.now);
    }

    /// The next step, as a plain object with the property `kind`.
    ///
    /// # Errors
    /// The error with which the connection failed.
    pub fn poll(&mut self, mono: f64) -> Result<JsValue, JsValue> {
        self.set_time(mono);
        let step = self.step().map_err(|error| failure(&error))?;
        to_js(&step)
    }

    /// Sets the time of later events in the trace.
    fn set_time(&self, mono: f64) {
        if let Some(recorder) = &self.recorder {
            recorder.set_time(mono - self.began);
        }
    }

    fn step(&mut self) -> Result<Step, Error> {
        loop {
            let event = if let Some(event) = self.pending.take() {
                event
            } else if let Some(format) = self.connection.advance_row() {
                Event::Row(format)
            } else {
                match self.connection.poll_output(&mut self.outgoing)? {
                    Output::Event(event) => event,
                    Output::Transmit if self.outgoing.len() >= FRAME => return Ok(Step::Transmit),
                    Output::Transmit => continue,
                    Output::Wait(_) if self.batch.rows > 0 => return Ok(Step::Rows { count: self.batch.rows }),
                    Output::Wait(deadline) => {
                        return Ok(Step::Wait { deadline: deadline.map(|at| at.as_secs_f64() * 1000.0) });
                    }
                }
            };
            if let Some(request) = self.request.as_mut().filter(|request| !request.is_set_up()) {
                match request.event(&event, &mut self.connection, self.now)? {
                    Some(granted) => return Ok(Step::LogGranted { granted }),
                    None => continue,
                }
            }
            if let Event::BinlogEvent { .. } = event {
                self.batch.push_row_of(self.connection.row_payload())?;
                if self.batch.is_full() {
                    return Ok(Step::Rows { count: self.batch.rows });
                }
                continue;
            }
            if let Event::Row(format) = event {
                if self.push_row(format)? {
                    return Ok(Step::Rows { count: self.batch.rows });
                }
                continue;
            }
            if self.batch.rows > 0 {
                self.pending = Some(event);
                return Ok(Step::Rows { count: self.batch.rows });
            }
            let step = match event {
                Event::Connected(_) => Step::Connected,
                Event::Ok(summary) => done(summary),
                Event::ResultSet => {
                    Step::Columns { columns: self.connection.columns().iter().map(Column::from).collect() }
                }
                Event::ResultEnd { status, warnings } => {
                    Step::End { warnings, more: status.contains(StatusFlags::MORE_RESULTS) }
                }
                Event::Failed(error) => Step::Failed { error: Failure::of_command(&error) },
                Event::Prepared(prepared) => {
                    let (id, parameters) = (prepared.statement, prepared.parameters.len());
                    let columns = prepared.columns.iter().map(Column::from).collect();
                    self.statements.insert(id, prepared);
                    Step::Prepared { id, parameters, columns }
                }
                Event::Text(text) => Step::Text { text: String::from_utf8_lossy(&text).into_owned() },
                Event::Closed => Step::Closed,
                // Rows and the binary log are handled above, and files are never offered.
                Event::Row(_) | Event::LocalInfile { .. } | Event::BinlogEvent { .. } => continue,
            };
            return Ok(step);
        }
    }

    /// Adds the current row to the batch. Returns whether the batch is full.
    fn push_row(&mut self, format: RowFormat) -> Result<bool, Error> {
        match format {
            RowFormat::Text => self.batch.push_text(self.connection.text_row())?,
            RowFormat::Binary => self.batch.push_binary(self.connection.binary_row()?)?,
        }
        Ok(self.batch.is_full())
    }

    /// The bytes to send; empty if there are none.
    #[wasm_bindgen(js_name = takeOutput)]
    pub fn take_output(&mut self) -> Vec<u8> {
        if let Some(recorder) = &self.recorder {
            recorder.keep(true, &self.outgoing);
        }
        std::mem::take(&mut self.outgoing)
    }

    /// The cells of the current batch, concatenated. Call `takeRowEnds` first, because this call ends the batch.
    #[wasm_bindgen(js_name = takeRowData)]
    pub fn take_row_data(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.batch).data
    }

    /// The end of each cell; the top bit marks NULL.
    #[wasm_bindgen(js_name = takeRowEnds)]
    pub fn take_row_ends(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.batch.ends)
    }

    /// Sends SQL as text. `mono` is the time as in [`new`](Self::new); the same holds for every command.
    ///
    /// # Errors
    /// If the connection is not established or has ended. The same holds for every command.
    pub fn query(&mut self, sql: &str, mono: f64) -> Result<(), JsValue> {
        self.set_time(mono);
        self.connection.query(sql.as_bytes()).map_err(|error| failure(&error))
    }

    /// Requests the server's binary log; the connection takes no other command from then on.
    ///
    /// # Errors
    /// As [`query`](Self::query); and if the options are invalid.
    pub fn binlog(&mut self, options: JsValue, mono: f64, wall: f64) -> Result<(), JsValue> {
        self.set_time(mono);
        self.now = now(mono, wall);
        let options: RequestOptions =
            serde_wasm_bindgen::from_value(options).map_err(|error| misuse(&error.to_string()))?;
        let request = Request::start(options, &mut self.connection, self.now).map_err(|error| failure(&error))?;
        self.request = Some(request);
        Ok(())
    }

    /// Prepares a statement.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn prepare(&mut self, sql: &str, mono: f64) -> Result<(), JsValue> {
        self.set_time(mono);
        self.connection.prepare(sql.as_bytes()).map_err(|error| failure(&error))
    }

    /// Executes a prepared statement with values: null, boolean, number, bigint, string or Uint8Array.
    ///
    /// # Errors
    /// As [`query`](Self::query), and if a value has another type.
    pub fn execute(&mut self, id: u32, values: Vec<JsValue>, mono: f64) -> Result<(), JsValue> {
        self.set_time(mono);
        let statement = self.statements.get(&id).ok_or_else(|| misuse("the statement was closed"))?;
        let owned = values.iter().map(Parameter::from_js).collect::<Result<Vec<_>, _>>()?;
        let values: Vec<Value<'_>> = owned.iter().map(Parameter::value).collect();
        let types = owned.iter().map(Parameter::sent_as).collect();
        self.connection.execute_as(statement, &values, types).map_err(|error| failure(&error))
    }

    /// Releases a prepared statement on the server.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    #[wasm_bindgen(js_name = closeStatement)]
    pub fn close_statement(&mut self, id: u32, mono: f64) -> Result<(), JsValue> {
        self.set_time(mono);
        match self.statements.remove(&id) {
            Some(statement) => self.connection.close_statement(&statement).map_err(|error| failure(&error)),
            None => Ok(()),
        }
    }

    /// Checks that the server is alive.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn ping(&mut self, mono: f64) -> Result<(), JsValue> {
        self.set_time(mono);
        self.connection.ping().map_err(|error| failure(&error))
    }

    /// Requests the server's line of statistics.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn statistics(&mut self, mono: f64) -> Result<(), JsValue> {
        self.set_time(mono);
        self.connection.statistics().map_err(|error| failure(&error))
    }

    /// Sends COM_QUIT, which ends the connection.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn quit(&mut self, mono: f64) -> Result<(), JsValue> {
        self.set_time(mono);
        self.connection.quit().map_err(|error| failure(&error))
    }

    /// The negotiated parameters of the connection.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn facts(&self) -> Result<JsValue, JsValue> {
        to_js(&FactsView::from(self.connection.facts()))
    }

    /// The `SSL:` line of `\s`.
    #[wasm_bindgen(js_name = sslLine)]
    pub fn ssl_line(&self) -> String {
        ssl_line(self.connection.facts()).into_owned()
    }

    /// The events of the trace from index `from` on; empty without a trace.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn rungs(&self, from: usize) -> Result<JsValue, JsValue> {
        to_js(&self.recorder.as_ref().map(|recorder| recorder.rungs(from)).unwrap_or_default())
    }

    /// The beginning of the connection as a capture file.
    pub fn pcap(&self) -> Vec<u8> {
        self.recorder.as_ref().map(|recorder| pcap(self.began_wall, &recorder.chunks())).unwrap_or_default()
    }

    /// The session keys in SSLKEYLOGFILE's format; empty without a trace.
    #[wasm_bindgen(js_name = keyLog)]
    pub fn key_log(&self) -> String {
        self.recorder.as_ref().map(|recorder| recorder.key_log()).unwrap_or_default()
    }

    /// The bytes that one side sent, from the beginning, as far as they were kept.
    pub fn wire(&self, sent: bool) -> Vec<u8> {
        self.recorder.as_ref().map(|recorder| recorder.wire(sent)).unwrap_or_default()
    }
}

impl Machine {
    fn start(config: Arc<Config>, recorder: Option<Arc<Recorder>>, mono: f64, wall: f64) -> Self {
        Self {
            connection: Connection::new(Arc::clone(&config), now(mono, wall)),
            config,
            outgoing: Vec::new(),
            batch: Batch::default(),
            pending: None,
            statements: BTreeMap::new(),
            request: None,
            now: now(mono, wall),
            recorder,
            began: mono,
            // Whole milliseconds, a number too small for the cast to change it.
            began_wall: wall.max(0.0) as u64,
        }
    }
}

fn done(summary: Summary) -> Step {
    Step::Ok {
        affected_rows: summary.affected_rows.to_string(),
        last_insert_id: summary.last_insert_id.to_string(),
        warnings: summary.warnings,
        info: summary.info,
        more: summary.status.contains(StatusFlags::MORE_RESULTS),
    }
}

/// The value of a parameter, converted from JavaScript.
enum Parameter {
    Null,
    Int(i64),
    UInt(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Parameter {
    fn from_js(value: &JsValue) -> Result<Self, JsValue> {
        if value.is_null() || value.is_undefined() {
            return Ok(Self::Null);
        }
        if let Some(flag) = value.as_bool() {
            return Ok(Self::Int(i64::from(flag)));
        }
        if let Some(number) = value.as_f64() {
            let whole = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_991.0;
            // The cast is exact within the range that has just been checked.
            return Ok(if whole { Self::Int(number as i64) } else { Self::Double(number) });
        }
        if let Some(text) = value.as_string() {
            return Ok(Self::Text(text));
        }
        if let Some(bytes) = value.dyn_ref::<Uint8Array>() {
            return Ok(Self::Bytes(bytes.to_vec()));
        }
        let Some(big) = value.dyn_ref::<BigInt>() else {
            return Err(misuse("a parameter is neither null, boolean, number, bigint, string nor Uint8Array"));
        };
        match i64::try_from(big.clone()) {
            Ok(number) => Ok(Self::Int(number)),
            Err(big) => u64::try_from(big).map(Self::UInt).map_err(|_| misuse("a bigint of more than 64 bits")),
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Int(number) => Value::Int(*number),
            Self::UInt(number) => Value::UInt(*number),
            Self::Double(number) => Value::Double(*number),
            Self::Text(text) => Value::Bytes(text.as_bytes()),
            Self::Bytes(bytes) => Value::Bytes(bytes),
        }
    }

    fn sent_as(&self) -> ParamType {
        match self {
            Self::Bytes(_) => ParamType { column_type: ColumnType::BLOB, unsigned: false },
            other => other.value().parameter_type(),
        }
    }
}

fn now(mono: f64, wall: f64) -> Now {
    let duration = |millis: f64| Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default();
    Now { monotonic: duration(mono), wall: duration(wall) }
}
