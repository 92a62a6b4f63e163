//! Dispatch: one app's queue, its workers, and who gets which request.
//!
//! There is one queue in front of all workers. A request goes to a worker with a free thread; when none
//! is free, a worker that answers fast may get a few requests ahead of time (look-ahead), which can be
//! taken back for a worker that has become idle. A dead worker's requests that it had not begun go to
//! another. This room knows links and payloads, but neither sockets nor processes: whoever owns the
//! exchanges gives it their payloads and takes their answers through [`Exchanges`].

mod dispatcher;
mod drain;
mod exchanges;
mod lateness;
mod leaving;
mod naps;
mod pace;
mod streams;
mod worker;

pub use dispatcher::{Dispatcher, Heard};
pub use exchanges::{ExchangeId, Exchanges, Part};
pub use lateness::{Delay, Late, Limits};
pub use naps::Sleep;
pub use worker::{Capacity, WorkerKey};
