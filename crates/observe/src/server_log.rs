//! The server's own words: one sentence per thing that happened, with its facts behind it.
//!
//! ```text
//! ready: 4 workers
//! warning: a worker died, another one is started worker=2 pid=311 signal=9
//! ```
//!
//! Events go the same way as the access log. A text of several lines, such as a traceback with the
//! request that caused it, is handed over in one piece and stays together.

use std::fmt::{self, Display, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::calendar::LocalTime;
use crate::escape::{Place, push_escaped};
use crate::log_writer::LogHandle;
use crate::strftime::{CTIME, push_time};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Things go their way.
    Info,
    /// Something wants attention, and goes on.
    Warning,
    /// Something failed.
    Error,
}

/// Facts beside a sentence: names and values.
pub type Fields<'a> = [(&'a str, &'a dyn Display)];

/// The server's log; clones write to the same place.
#[derive(Clone, Debug)]
pub struct ServerLog {
    handle: LogHandle,
    date_format: Option<String>,
    local_time: LocalTime,
}

/// A block longer than this is cut: an app that prints without end must not fill the log.
const LONGEST_BLOCK: usize = 64 << 10;

impl ServerLog {
    /// A log without dates.
    pub fn new(handle: LogHandle) -> ServerLog {
        ServerLog {
            handle,
            date_format: None,
            local_time: crate::utc,
        }
    }

    /// `log-date`: puts the date and ` - ` before every event; without a format, uWSGI's.
    #[must_use]
    pub fn with_date(mut self, format: Option<&str>, local_time: LocalTime) -> ServerLog {
        self.date_format = Some(format.unwrap_or(CTIME).to_owned());
        self.local_time = local_time;
        self
    }

    /// The way into the log behind it.
    pub fn handle(&self) -> &LogHandle {
        &self.handle
    }

    /// Something happened.
    pub fn info(&self, sentence: &str, fields: &Fields<'_>) {
        self.event(Level::Info, sentence, fields);
    }

    /// Something happened that wants attention.
    pub fn warning(&self, sentence: &str, fields: &Fields<'_>) {
        self.event(Level::Warning, sentence, fields);
    }

    /// Something failed.
    pub fn error(&self, sentence: &str, fields: &Fields<'_>) {
        self.event(Level::Error, sentence, fields);
    }

    /// One line. Its text may come from anywhere; it stays one line.
    pub fn event(&self, level: Level, sentence: &str, fields: &Fields<'_>) {
        let mut line = Vec::with_capacity(128);
        self.push_event(&mut line, level, sentence, fields);
        self.handle.hand_over_block(&line);
    }

    /// A line as above and a text of several lines below it, kept together.
    pub fn block(&self, level: Level, sentence: &str, fields: &Fields<'_>, text: &[u8]) {
        let shown = &text[..text.len().min(LONGEST_BLOCK)];
        let mut block = Vec::with_capacity(shown.len() + 128);
        self.push_event(&mut block, level, sentence, fields);
        for line in shown.split_inclusive(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            push_escaped(&mut block, line, Place::Block);
            block.push(b'\n');
        }
        if shown.len() < text.len() {
            block.extend_from_slice(
                format!("… ({} more bytes)\n", text.len() - shown.len()).as_bytes(),
            );
        }
        self.handle.hand_over_block(&block);
    }

    fn push_event(&self, out: &mut Vec<u8>, level: Level, sentence: &str, fields: &Fields<'_>) {
        if let Some(format) = &self.date_format {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            let seconds = now.as_secs() as i64;
            push_time(out, format, &(self.local_time)(seconds), seconds);
            out.extend_from_slice(b" - ");
        }
        out.extend_from_slice(match level {
            Level::Info => b"".as_slice(),
            Level::Warning => b"warning: ",
            Level::Error => b"error: ",
        });
        push_escaped(out, sentence.as_bytes(), Place::Line);
        for (name, value) in fields {
            out.push(b' ');
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
            push_value(out, &value);
        }
        out.push(b'\n');
    }
}

/// Appends a value, between quotes if it would otherwise not be seen as one.
fn push_value(out: &mut Vec<u8>, value: &dyn Display) {
    let mut text = String::new();
    // A value that refuses to be shown is shown as far as it goes.
    let _: fmt::Result = write!(text, "{value}");
    if text.is_empty() || text.contains([' ', '"', '=']) {
        out.push(b'"');
        push_escaped(out, text.as_bytes(), Place::Quotes);
        out.push(b'"');
    } else {
        push_escaped(out, text.as_bytes(), Place::Line);
    }
}
