//! What the connections need to know of the configuration.

use std::path::PathBuf;

use wire::http1::Limits;
use wire::payload::Door;

/// How long the peers of one kind of door may take, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the whole head, from its first byte (or from the connection's begin).
    pub head: u64,
    /// Without any progress of a request's body.
    pub body: u64,
    /// Without any progress in reading an answer.
    pub send: u64,
    /// Between two requests of a connection.
    pub idle: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: 30_000_000,
            body: 60_000_000,
            send: 60_000_000,
            idle: 75_000_000,
        }
    }
}

/// Limits and timeouts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Bounds for HTTP heads.
    pub limits: Limits,
    /// Largest packet of uwsgi variables (`buffer-size`).
    pub packet_bytes: usize,
    /// Bodies up to this size are collected before a worker is asked.
    pub body_in_memory: usize,
    /// A body of unknown length is collected for about so long (microseconds) from its first byte on: most
    /// are complete by then, and a client that waits for the answer to its first piece must get one.
    pub collected_for: u64,
    /// Larger bodies are refused with 413 (`limit-post`).
    pub body_limit: Option<u64>,
    /// Bodies from this size on are collected in a temporary file before a worker is asked
    /// (`post-buffering`); None: they stream to the app.
    pub spool_from: Option<u64>,
    /// Where those files are.
    pub spool_directory: PathBuf,
    /// Bytes of an answer that a worker may send before it is told that some have left; nothing is
    /// said of answers that are no longer.
    pub answer_window: u64,
    /// How long clients of `http-socket` may take.
    pub http_socket: Patience,
    /// How long clients of `http` may take.
    pub http: Patience,
    /// How long web servers may take that speak uwsgi.
    pub uwsgi: Patience,
    /// Whether connections are kept at all.
    pub keep_alive: bool,
    /// Connections beyond this number wait in the backlog.
    pub most_connections: usize,
    /// The machine's name, for `SERVER_NAME`.
    pub server_name: String,
}

impl Settings {
    /// How long the peers of a door may take.
    pub(crate) fn patience(&self, door: Door) -> Patience {
        match door {
            Door::HttpSocket => self.http_socket,
            Door::Http => self.http,
            Door::Uwsgi => self.uwsgi,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            packet_bytes: 64 * 1024,
            body_in_memory: 64 * 1024,
            collected_for: 100_000,
            body_limit: None,
            spool_from: None,
            spool_directory: std::env::temp_dir(),
            answer_window: 0,
            http_socket: Patience::default(),
            http: Patience::default(),
            uwsgi: Patience::default(),
            keep_alive: true,
            most_connections: 65_536,
            server_name: "localhost".to_owned(),
        }
    }
}
