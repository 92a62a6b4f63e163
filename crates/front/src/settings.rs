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
    /// The totals.
    pub counters: Arc<Counters>,
}
