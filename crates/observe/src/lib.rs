//! What the server says: the access log, the server's own log lines, and the totals behind both.
//!
//! Producers (the network and the control thread) put whole lines into a bounded queue and never
//! wait; one thread, the [`LogWriter`]'s, writes them out. This room knows what a request looked
//! like ([`RequestRecord`]) and how people and uWSGI's users want to read about it. It decides
//! nothing, owns no connection and no child.
//!
//! ```
//! use std::time::Duration;
//! use observe::{AccessLog, AccessSettings, Counters, Level, RequestRecord, ServerLog};
//! use observe::{LogSettings, LogWriter, Target, drained};
//!
//! # fn main() -> Result<(), observe::LogError> {
//! // At the start: one writer, a handle for every thread that talks.
//! let writer = LogWriter::start(LogSettings::new(Target::Stderr))?;
//! let events = ServerLog::new(writer.handle());
//! let (mut access, unknown_names) = AccessLog::new(&AccessSettings::default());
//! for name in unknown_names {
//!     let hint = name.hint().unwrap_or_default();
//!     events.block(Level::Warning, &name.to_string(), &[], hint.as_bytes());
//! }
//! events.info("ready: 4 workers", &[]);
//!
//! // In the network thread: collect the lines of a turn, hand them over once.
//! let (counters, lines, mut turn) = (Counters::new(4), writer.handle(), Vec::new());
//! let record = RequestRecord { status: 200, worker: 1, ..RequestRecord::default() };
//! let total_requests = counters.request_finished(&record);
//! access.log(&mut turn, &RequestRecord { total_requests, ..record });
//! lines.hand_over(&mut turn);
//!
//! // At the end.
//! let totals = counters.totals();
//! events.info(&drained(totals.finished, totals.dropped, totals.killed), &[]);
//! writer.finish(Duration::from_secs(2));
//! # Ok(())
//! # }
//! ```

mod access;
mod calendar;
mod counters;
mod escape;
mod log_queue;
mod log_target;
mod log_thread;
mod log_writer;
mod record;
mod report;
mod server_log;
mod strftime;
mod text;
mod variables;

pub use access::{AccessLog, AccessSettings, Selection, Style, UnknownName};
pub use calendar::{BrokenDown, LocalTime, utc};
pub use counters::{Counters, Totals};
pub use log_target::Target;
pub use log_writer::{LogError, LogHandle, LogSettings, LogTotals, LogWriter};
pub use record::{RequestRecord, Via};
pub use report::{drained, human_bytes, human_duration};
pub use server_log::{Fields, Level, ServerLog};
