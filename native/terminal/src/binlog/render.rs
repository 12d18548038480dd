//! From events to output: filters, the form of the output, and the events within payloads.

use sealwire_binlog::{Body, Event, Reader};

use super::filter::{Filter, Verdict};
use super::json::JsonPrinter;
use super::load::LoadFiles;
use super::options::{Format, Settings};
use super::sql::SqlPrinter;
use super::text::{TextError, TextPrinter};

/// The printer of one form.
pub(super) enum Form {
    Text(Box<TextPrinter>),
    Json(JsonPrinter),
    Sql(SqlPrinter),
}

/// Whether more events are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Continue,
    Stop,
}

/// Prints the events that the filter lets through.
pub(super) struct Renderer {
    pub(super) filter: Filter,
    pub(super) form: Form,
    /// The name of the current file.
    pub(super) file: String,
}

impl Renderer {
    /// A renderer for these settings.
    pub(super) fn new(settings: &Settings) -> Self {
        let form = match settings.format {
            Format::Text => {
                let load = LoadFiles::new(settings.local_load.clone());
                Form::Text(Box::new(TextPrinter::new(settings.text.clone(), load)))
            }
            Format::Json => Form::Json(JsonPrinter::default()),
            Format::Sql => Form::Sql(SqlPrinter::default()),
        };
        Self { filter: Filter::new(settings.conditions.clone()), form, file: String::new() }
    }

    /// Begins the output.
    pub(super) fn begin(&self, out: &mut Vec<u8>) {
        if let Form::Text(text) = &self.form {
            text.begin(out);
        }
    }

    /// Ends the output.
    pub(super) fn end(&self, out: &mut Vec<u8>) {
        if let Form::Text(text) = &self.form {
            text.end(self.filter.has_ids(), out);
        }
    }

    /// Begins a log.
    pub(super) fn begin_log(&mut self, out: &mut Vec<u8>) {
        match &mut self.form {
            Form::Text(text) => text.begin_log(out),
            Form::Sql(_) => SqlPrinter::begin_log(out),
            Form::Json(_) => {}
        }
    }

    /// Ends a log.
    pub(super) fn end_log(&mut self, out: &mut Vec<u8>) {
        match &mut self.form {
            Form::Text(text) => text.end_log(out),
            Form::Sql(sql) => sql.end_log(out),
            Form::Json(_) => {}
        }
    }

    /// Prints an event, and those in it; the error is a sentence.
    pub(super) fn event(
        &mut self,
        event: &Event<'_>,
        body: &Body<'_>,
        reader: &mut Reader,
        out: &mut Vec<u8>,
    ) -> Result<Flow, String> {
        if let Body::Rotate(rotate) = body {
            self.file = String::from_utf8_lossy(rotate.file).into_owned();
        }
        // The format counts for the events behind it, also where it is not printed.
        if let (Body::FormatDescription(format), Form::Text(text)) = (body, &mut self.form) {
            text.learn(format);
        }
        match self.filter.check(event, body) {
            Verdict::Print => {}
            Verdict::Skip => return Ok(Flow::Continue),
            verdict @ (Verdict::Position | Verdict::PositionEnd) => {
                if let Form::Text(text) = &mut self.form {
                    text.position(event, out);
                    if verdict == Verdict::PositionEnd {
                        text.end_statement(out);
                    }
                }
                return Ok(Flow::Continue);
            }
            Verdict::Stop => return Ok(Flow::Stop),
        }
        let printed = match &mut self.form {
            Form::Text(text) => text.event(event, body, out),
            Form::Json(json) => json.event(event, body, &self.file, out),
            Form::Sql(sql) => sql.event(event, body, out),
        };
        printed.map_err(|error| match error {
            TextError::Problem(problem) => event.error(problem).to_string(),
            TextError::Sentence(sentence) => sentence,
        })?;
        let Body::TransactionPayload(payload) = body else { return Ok(Flow::Continue) };
        let inflate = reader.limits().inflate;
        let plain = payload.inflate(&inflate).map_err(|problem| event.error(problem).to_string())?;
        let mut rest = &*plain;
        while let Some(inner) = reader.next_inside(&mut rest).map_err(|error| error.to_string())? {
            let body = inner.decode().map_err(|error| error.to_string())?;
            if self.event(&inner, &body, reader, out)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        if let Form::Text(text) = &mut self.form {
            text.end_payload(out);
        }
        Ok(Flow::Continue)
    }
}
