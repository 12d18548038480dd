//! Reads the log's files of this machine.

use std::fs::File;
use std::io::{self, Read};

use sealwire_binlog::{Body, EventFlags, Limits, Reader};

use super::render::{Flow, Renderer};
use super::sink::Sink;

/// The bytes of one read.
const CHUNK: usize = 256 * 1024;

/// How a file is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileOptions {
    /// `--start-position`.
    pub(super) start: Option<u64>,
    /// Whether a file that was not closed is read too.
    pub(super) force_if_open: bool,
}

/// Prints a file; `-` is standard input. The error is a sentence.
pub(super) fn print(
    name: &str,
    options: FileOptions,
    renderer: &mut Renderer,
    sink: &mut Sink,
) -> Result<Flow, String> {
    let unreadable = |error: io::Error| format!("File '{name}' can't be read: {error}");
    let input: Box<dyn Read> =
        if name == "-" { Box::new(io::stdin().lock()) } else { Box::new(File::open(name).map_err(unreadable)?) };
    renderer.file = name.rsplit('/').next().unwrap_or(name).to_owned();
    renderer.begin_log(sink.buffer());
    let mut log = Log { input, bytes: Vec::new(), start: 0, is_whole: false };
    let outcome = events(name, options, &mut log, renderer, sink);
    renderer.end_log(sink.buffer());
    sink.flush_some()?;
    outcome
}

fn events(
    name: &str,
    options: FileOptions,
    log: &mut Log,
    renderer: &mut Renderer,
    sink: &mut Sink,
) -> Result<Flow, String> {
    let mut reader = Reader::file(Limits::default());
    let told = |error: sealwire_binlog::Error| format!("File '{name}': {error}");
    let mut skips_to = options.start.filter(|start| *start > 4);
    loop {
        let mut rest = log.rest();
        let before = rest.len();
        match reader.next(&mut rest).map_err(told)? {
            Some(event) => {
                let body = event.decode().map_err(told)?;
                if matches!(body, Body::FormatDescription(_))
                    && !options.force_if_open
                    && event.header.flags.contains(EventFlags::IN_USE)
                {
                    return Err(format!(
                        "File '{name}' was not closed properly: the server still writes it, or it crashed; --force-if-open reads it all the same"
                    ));
                }
                if renderer.event(&event, &body, &mut reader, sink.buffer())? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
                let used = before - rest.len();
                log.start += used;
                sink.flush_some()?;
                if let Some(start) = skips_to.take() {
                    log.skip(start.saturating_sub(reader.position()))
                        .map_err(|error| format!("File '{name}' can't be read: {error}"))?;
                    reader.seek(start);
                }
            }
            None => {
                if log.is_whole {
                    reader.finish(rest).map_err(told)?;
                    return Ok(Flow::Continue);
                }
                // The magic number is taken even if no event follows.
                log.start += before - rest.len();
                let needed = reader.needed(log.rest()).map_err(told)?;
                log.read(needed).map_err(|error| format!("File '{name}' can't be read: {error}"))?;
            }
        }
    }
}

/// A file's bytes, as far as they are read and not used.
struct Log {
    input: Box<dyn Read>,
    bytes: Vec<u8>,
    /// The first byte that is not used.
    start: usize,
    /// Whether the file has ended.
    is_whole: bool,
}

impl Log {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Reads until there are so many bytes, or the file ends. Memory is taken as bytes come, because a file may claim any size.
    fn read(&mut self, needed: usize) -> io::Result<()> {
        self.bytes.drain(..self.start.min(self.bytes.len()));
        self.start = 0;
        while self.bytes.len() < needed.max(1) && !self.is_whole {
            let wanted = CHUNK.max((needed - self.bytes.len()).min(16 * CHUNK)) as u64;
            let length = self.input.by_ref().take(wanted).read_to_end(&mut self.bytes)?;
            self.is_whole = length == 0;
        }
        Ok(())
    }

    /// Skips bytes.
    fn skip(&mut self, count: u64) -> io::Result<()> {
        let held = (self.rest().len() as u64).min(count);
        self.start += held as usize;
        let left = count - held;
        let skipped = io::copy(&mut self.input.by_ref().take(left), &mut io::sink())?;
        self.is_whole = skipped < left;
        Ok(())
    }
}
