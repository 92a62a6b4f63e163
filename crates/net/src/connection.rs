//! One client connection.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::exchange::Exchange;
use crate::output::Output;
use crate::settings::Patience;

/// What the connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Between requests, or in a request's head.
    Head,
    /// A small body is being collected.
    Body,
    /// The request is dispatch's; the answer is awaited or on its way.
    Busy,
    /// The last answer is complete; it is being flushed, then the connection closes.
    Closing {
        /// Whether the client may still be sending: then its bytes are read and thrown away for a
        /// while, since closing at once would reset the connection and could destroy the answer.
        linger: bool,
    },
    /// Everything is sent and our side is shut; waiting for the client's end.
    Lingering,
}

/// A connection. It has at most one exchange at a time; later requests wait in `input`.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) fd: OwnedFd,
    pub(crate) listener: usize,
    pub(crate) peer_address: String,
    pub(crate) peer_port: u16,
    pub(crate) phase: Phase,
    /// How long the client may take.
    pub(crate) patience: Patience,
    /// The same number as in the slab: tells this connection from others of the same place.
    pub(crate) serial: u32,
    pub(crate) exchange: Option<Box<Exchange>>,
    /// Counts the exchanges of this place, so that answers cannot reach a later one.
    pub(crate) generation: u32,
    /// Bytes received and not used yet.
    pub(crate) input: Vec<u8>,
    pub(crate) output: Output,
    /// Whether epoll knows the connection. Short ones live and die without it.
    pub(crate) registered: bool,
    /// Whether bytes may wait in the socket (an edge came and was not followed to its end).
    pub(crate) readable: bool,
    /// The client has closed its writing side.
    pub(crate) half_closed: bool,
    /// When patience ends (monotonic microseconds).
    pub(crate) deadline: Option<u64>,
    /// The tick of its valid entry in the wheel.
    pub(crate) wheel_tick: Option<u64>,
    /// Whether output waits for the end of the turn.
    pub(crate) dirty: bool,
    /// Bytes thrown away while lingering.
    pub(crate) discarded: u64,
}

impl Connection {
    pub(crate) fn new(
        fd: OwnedFd,
        listener: usize,
        peer: (String, u16),
        patience: Patience,
    ) -> Self {
        let (peer_address, peer_port) = peer;
        Self {
            fd,
            listener,
            peer_address,
            peer_port,
            phase: Phase::Head,
            patience,
            serial: 0,
            exchange: None,
            generation: 0,
            input: Vec::new(),
            output: Output::default(),
            registered: false,
            readable: true,
            half_closed: false,
            deadline: None,
            wheel_tick: None,
            dirty: false,
            discarded: 0,
        }
    }

    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
