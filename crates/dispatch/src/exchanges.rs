//! What dispatch asks of the owner of the exchanges.

use std::os::fd::OwnedFd;

use link::Violation;
use os::SharedBytes;

use crate::worker::WorkerKey;

/// Names one exchange (a request and its answer). `index` is small and dense: the owner uses it again
/// after the exchange, with another `generation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExchangeId {
    /// The owner's place for it.
    pub index: u32,
    /// Which use of the place.
    pub generation: u32,
}

/// One piece of an answer.
#[derive(Debug)]
pub enum Part<'a> {
    /// The head and the first bytes of the body (layout: `wire::answer`).
    Start {
        /// The untrusted payload.
        payload: SharedBytes<'a>,
        /// Whether this is the whole answer.
        end: bool,
        /// Microseconds that the app took, if `end`.
        micros: u64,
    },
    /// More of the body.
    Data {
        /// The untrusted bytes.
        payload: SharedBytes<'a>,
        /// Whether the answer ends with them.
        end: bool,
        /// Microseconds that the app took, if `end`.
        micros: u64,
    },
    /// More of the body, from a file.
    File {
        /// The file.
        file: OwnedFd,
        /// Where to begin.
        offset: u64,
        /// How many bytes.
        length: u64,
        /// Whether the answer ends with them.
        end: bool,
    },
    /// The app failed; a traceback for the log.
    Error {
        /// The untrusted text.
        text: SharedBytes<'a>,
        /// Whether the answer is over (as it stands, or with a 500 if nothing was sent).
        end: bool,
    },
    /// The worker died with the request.
    WorkerGone {
        /// In words, for the log.
        how: &'a str,
    },
}

/// The owner of the exchanges: the connections.
pub trait Exchanges {
    /// Appends the request's payload (layout: `wire::payload`) to `out`; whether a body follows in
    /// pieces. None: the exchange is no more.
    fn payload(&mut self, exchange: ExchangeId, out: &mut Vec<u8>) -> Option<bool>;

    /// The worker has begun to be responsible for the exchange (for logs).
    fn assigned(&mut self, exchange: ExchangeId, worker: WorkerKey);

    /// Method and target of the request, for the log. Asked only when it is late.
    fn request_line(&mut self, exchange: ExchangeId) -> String;

    /// Takes a piece of the answer. An error means that the worker broke the protocol.
    fn answer(&mut self, exchange: ExchangeId, part: Part<'_>) -> Result<(), Violation>;

    /// The app wants (more of) the request's body.
    fn body_wanted(&mut self, exchange: ExchangeId);
}
