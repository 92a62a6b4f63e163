//! What the network thread needs to know of the configuration.

use std::sync::Arc;

use observe::{AccessSettings, Counters, ServerLog};

/// Settings of the network thread.
#[derive(Debug)]
pub struct Settings {
    /// Limits and timeouts of connections.
    pub net: net::Settings,
    /// How many bytes of an answer a worker may be ahead of its client (`response-buffer`).
    pub response_buffer: u64,
    /// How long the app may take.
    pub limits: dispatch::Limits,
    /// Which requests are logged, and how.
    pub access: AccessSettings,
    /// Where events and tracebacks go; its handle also takes the access lines.
    pub log: ServerLog,
    /// Most requests that wait for a worker.
    pub most_waiting: usize,
    /// Longest wait for a worker, in microseconds; None is any.
    pub longest_wait: Option<u64>,
    /// After how many requests a worker is to be replaced.
    pub wear: Option<Wear>,
    /// The totals.
    pub counters: Arc<Counters>,
}

/// After how many requests a worker is to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wear {
    /// The first worker.
    pub requests: u64,
    /// So many more for each further one, so that they do not go all at once.
    pub delta: u64,
}

impl Wear {
    /// The number for this worker.
    pub(crate) fn requests_of(self, worker: u32) -> u64 {
        let further = u64::from(worker.saturating_sub(1));
        self.requests
            .saturating_add(self.delta.saturating_mul(further))
    }
}
