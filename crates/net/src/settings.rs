//! What the connections need to know of the configuration.

use std::path::PathBuf;

use wire::http1::Limits;

/// Limits and timeouts. Times are microseconds.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Bounds for HTTP heads.
    pub limits: Limits,
    /// Largest packet of uwsgi variables (`buffer-size`).
    pub packet_bytes: usize,
    /// Bodies up to this size are collected before a worker is asked.
    pub body_in_memory: usize,
    /// Larger bodies are refused with 413 (`limit-post`).
    pub body_limit: Option<u64>,
    /// Bodies from this size on are collected in a temporary file before a worker is asked
    /// (`post-buffering`); None: they stream to the app.
    pub spool_from: Option<u64>,
    /// Where those files are.
    pub spool_directory: PathBuf,
    /// For the whole head, from its first byte.
    pub head_timeout: u64,
    /// Without any progress of a body in either direction.
    pub body_timeout: u64,
    /// Between two requests of a connection.
    pub idle_timeout: u64,
    /// Whether connections are kept at all.
    pub keep_alive: bool,
    /// Connections beyond this number wait in the backlog.
    pub most_connections: usize,
    /// The machine's name, for `SERVER_NAME`.
    pub server_name: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            packet_bytes: 64 * 1024,
            body_in_memory: 64 * 1024,
            body_limit: None,
            spool_from: None,
            spool_directory: std::env::temp_dir(),
            head_timeout: 30_000_000,
            body_timeout: 60_000_000,
            idle_timeout: 75_000_000,
            keep_alive: true,
            most_connections: 65_536,
            server_name: "localhost".to_owned(),
        }
    }
}
