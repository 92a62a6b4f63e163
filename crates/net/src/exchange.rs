//! One exchange: a request, its answer, and what the log wants to know of both.

use wire::Head;
use wire::http1::{ChunkedDecoder, Refusal};
use wire::payload::Door;

use crate::spool::Spool;

/// The request's body, as far as it is the server's affair.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// All of it is in `body` (or there is none).
    Whole,
    /// It is being collected before anybody is asked to answer.
    Collecting(Decoder),
    /// It is being collected in a file.
    Spooling(Decoder, Spool),
    /// All of it is in a file, from where it goes to the worker piece by piece.
    Spooled(Spool),
    /// It goes to the worker piece by piece.
    Streaming(Decoder),
    /// All that will come is in `body`, or handed over.
    Ended {
        /// The client broke off, or broke the protocol.
        cut_short: bool,
    },
    /// The last piece has been handed over.
    Over,
}

/// Finds the body's bytes in what the socket gives.
#[derive(Debug)]
pub(crate) enum Decoder {
    /// So many bytes are still to come.
    Length(u64),
    /// It says itself where it ends.
    Chunked(ChunkedDecoder),
}

impl Decoder {
    /// Appends the body bytes in `input` (at most `most`) to `out`: how much of the input is used up,
    /// and whether the body has ended.
    pub(crate) fn decode(
        &mut self,
        input: &[u8],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<(usize, bool), Refusal> {
        match self {
            Self::Length(left) => {
                let count = input
                    .len()
                    .min(most)
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                out.extend_from_slice(&input[..count]);
                *left -= count as u64;
                Ok((count, *left == 0))
            }
            Self::Chunked(decoder) => {
                let (mut used, begun) = (0, out.len());
                loop {
                    let budget = most - (out.len() - begun);
                    let chunk =
                        decoder.decode(&input[used..input.len().min(used + budget.max(1))])?;
                    out.extend_from_slice(chunk.data);
                    used += chunk.consumed;
                    if chunk.done || chunk.consumed == 0 || out.len() - begun >= most {
                        return Ok((used, chunk.done));
                    }
                }
            }
        }
    }
}

/// How the rest of the answer's body goes to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing has come from the app.
    Waiting,
    /// So many bytes are still to come.
    Length(u64),
    /// In chunks.
    Chunked,
    /// Until the connection closes.
    UntilClose,
    /// The body is not for the client (HEAD, 204, 304, or given up): it is swallowed.
    Swallow,
}

/// A request and its answer. After the answer it is handed out for the log.
#[derive(Debug)]
pub struct Exchange {
    /// The request's head.
    pub head: Head,
    /// Which listener it came by (index).
    pub listener: usize,
    /// Which kind of door.
    pub door: Door,
    /// The client's address; empty for unix sockets.
    pub remote_address: String,
    /// When its first byte was seen (monotonic microseconds).
    pub started: u64,
    /// When it began to wait for a worker (monotonic microseconds).
    pub submitted_at: u64,
    /// When the answer was complete (monotonic microseconds).
    pub ended: u64,
    /// The status sent; 0 if none was.
    pub status: u16,
    /// Bytes of the answer's body.
    pub body_bytes: u64,
    /// Bytes of the answer's head.
    pub head_bytes: u64,
    /// Header fields of the answer.
    pub head_fields: u32,
    /// The request's body in bytes, as far as it came.
    pub request_bytes: u64,
    /// The worker it was given to; 0 if none.
    pub worker: u32,
    /// Which process of that worker.
    pub incarnation: u64,
    /// Which of the worker's apps has answered; `wire::answer::NO_APP` for none.
    pub app: u16,
    /// Whether (a part of) the body was sent from a file.
    pub by_sendfile: bool,
    /// What went wrong, for the log: a reason, or a traceback of the app.
    pub trouble: Vec<u8>,
    /// Whether `trouble` came from the app (a traceback).
    pub from_app: bool,
    /// Whether the answer was cut off.
    pub cut_off: bool,
    pub(crate) body: Vec<u8>,
    /// How much of `body` has been handed over.
    pub(crate) body_at: usize,
    pub(crate) incoming: Incoming,
    pub(crate) chunked_request: bool,
    pub(crate) length: Option<u64>,
    pub(crate) answer: Answer,
    pub(crate) keep_alive: bool,
    pub(crate) keep_alive_asked: bool,
    pub(crate) continue_wanted: bool,
    pub(crate) body_wanted: bool,
    /// Whether the request was handed on (it is dispatch's now).
    pub(crate) submitted: bool,
    /// Answer bytes taken from the worker that it has not been told of as gone.
    pub(crate) unfreed: u64,
    /// The answer is no longer than what the worker may send ahead: nobody waits for room.
    pub(crate) fits_window: bool,
}

impl Exchange {
    pub(crate) fn new() -> Self {
        Self {
            head: Head::new(),
            listener: 0,
            door: Door::HttpSocket,
            remote_address: String::new(),
            started: 0,
            submitted_at: 0,
            ended: 0,
            status: 0,
            body_bytes: 0,
            head_bytes: 0,
            head_fields: 0,
            request_bytes: 0,
            worker: 0,
            incarnation: 0,
            app: 0,
            by_sendfile: false,
            trouble: Vec::new(),
            from_app: false,
            cut_off: false,
            body: Vec::new(),
            body_at: 0,
            incoming: Incoming::Whole,
            chunked_request: false,
            length: None,
            answer: Answer::Waiting,
            keep_alive: false,
            keep_alive_asked: false,
            continue_wanted: false,
            body_wanted: false,
            submitted: false,
            unfreed: 0,
            fits_window: false,
        }
    }

    /// The body as it goes with the payload; whether more of it follows in pieces.
    pub(crate) fn body_for_payload(&self) -> (wire::payload::Body<'_>, bool) {
        match self.incoming {
            Incoming::Streaming(_)
            | Incoming::Over
            | Incoming::Ended { .. }
            | Incoming::Collecting(_)
            | Incoming::Spooling(..)
            | Incoming::Spooled(_) => (
                wire::payload::Body::Streams {
                    length: self.length,
                },
                true,
            ),
            Incoming::Whole
                if self.body.is_empty()
                    && !self.chunked_request
                    && self.length.is_none_or(|length| length == 0) =>
            {
                (wire::payload::Body::None, false)
            }
            Incoming::Whole => (wire::payload::Body::Here(&self.body), false),
        }
    }

    /// Empties it for the next request and keeps its memory, unless that has become large.
    pub(crate) fn recycle(&mut self) {
        let mut head = std::mem::take(&mut self.head);
        let mut body = std::mem::take(&mut self.body);
        let mut remote_address = std::mem::take(&mut self.remote_address);
        if head.block().len() > 16 * 1024 {
            head = Head::new();
        }
        if body.capacity() > 16 * 1024 {
            body = Vec::new();
        }
        head.clear();
        body.clear();
        remote_address.clear();
        *self = Self {
            head,
            remote_address,
            body,
            ..Self::new()
        };
    }
}
