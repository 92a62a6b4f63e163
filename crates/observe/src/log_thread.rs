//! The log thread: takes the waiting lines, writes them, and tells of those that are missing.

use std::io;

use crate::log_queue::{Shared, count_lines};
use crate::log_target::{Output, Written};
use crate::log_writer::LogTotals;

/// Works until the log is closed.
pub(crate) fn run(shared: &Shared, output: Output) {
    let mut pen = Pen {
        output,
        mid_line: false,
        unsaid: Unsaid::default(),
    };
    let mut lines = Vec::new();
    loop {
        let turn = shared.next_turn(&mut lines);
        let totals = pen.write_lines(&lines);
        if turn.reopen {
            pen.reopen();
        }
        pen.unsaid.dropped += turn.dropped;
        pen.tell_of_missing_lines();
        shared.turn_over(&turn, &totals);
        if turn.last {
            return;
        }
        lines.clear();
        // A burst must not keep its memory for ever.
        if lines.capacity() > KEPT_BYTES {
            lines.shrink_to(KEPT_BYTES);
        }
    }
}

/// What the log thread's buffer may keep between two turns.
const KEPT_BYTES: usize = 256 << 10;

/// The output, with what remains to be said about lines that are missing in it.
#[derive(Debug)]
struct Pen {
    output: Output,
    /// Whether the last thing written was the front of a line whose end failed.
    mid_line: bool,
    unsaid: Unsaid,
}

/// Missing lines that no line has told of yet.
#[derive(Debug, Default)]
struct Unsaid {
    dropped: u64,
    failed: u64,
    error: Option<io::Error>,
}

impl Pen {
    /// Writes the lines; counts those that could not be written.
    fn write_lines(&mut self, lines: &[u8]) -> LogTotals {
        let Written { bytes, error } = self.write(lines);
        let mut totals = LogTotals {
            bytes: bytes as u64,
            ..LogTotals::default()
        };
        if error.is_some() {
            totals.failed = count_lines(&lines[bytes..]);
            self.unsaid.failed += totals.failed;
            self.unsaid.error = error;
        }
        totals
    }

    /// Says what is unsaid. If that fails, it stays unsaid until the next turn.
    fn tell_of_missing_lines(&mut self) {
        let notice = self.unsaid.notice();
        if !notice.is_empty() && self.write(notice.as_bytes()).error.is_none() {
            self.unsaid = Unsaid::default();
        }
    }

    fn reopen(&mut self) {
        match self.output.reopen() {
            Ok(()) => self.mid_line = false,
            Err(error) => {
                let line =
                    format!("log: the file cannot be opened again, its old one stays: {error}\n");
                self.write_lines(line.as_bytes());
            }
        }
    }

    /// Writes text, on a line of its own even if the line before it was cut.
    fn write(&mut self, text: &[u8]) -> Written {
        if self.mid_line && !text.is_empty() {
            self.mid_line = self.output.write(b"\n").error.is_some();
        }
        let written = self.output.write(text);
        if written.error.is_some() && written.bytes > 0 {
            self.mid_line = text[written.bytes - 1] != b'\n';
        }
        written
    }
}

impl Unsaid {
    /// The lines that tell of it; nothing if there is nothing to tell.
    fn notice(&self) -> String {
        let mut notice = String::new();
        if self.dropped > 0 {
            let missing = lines(self.dropped);
            notice =
                format!("log: {missing} dropped, they came faster than they could be written\n");
        }
        if let Some(error) = self.error.as_ref().filter(|_| self.failed > 0) {
            let missing = lines(self.failed);
            notice = format!("{notice}log: {missing} lost, writing failed: {error}\n");
        }
        notice
    }
}

fn lines(count: u64) -> String {
    if count == 1 {
        "1 line".to_owned()
    } else {
        format!("{count} lines")
    }
}
