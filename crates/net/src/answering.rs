//! Answers of the app: the head is checked and encoded, and says how the body will be framed.
//!
//! What a worker sends is not trusted: the head's lengths are checked on a private copy, its block line
//! by line; the body never exceeds the length that the head announced. How the body is sent is in
//! `sending.rs`, how an answer ends in `ending.rs`.

use std::os::fd::OwnedFd;

use os::SharedBytes;
use wire::answer::{FIXED, Fixed};
use wire::http1::{
    self, BlockFacts, ResponseFraming, ResponseHead, body_allowed, check_block, check_status,
    strip_content_length, strip_hop_by_hop,
};
use wire::payload::Door;

use crate::connections::{Connections, Id};
use crate::exchange::{Answer, Exchange, Incoming};

/// A piece of an answer.
#[derive(Debug)]
pub enum Piece<'a> {
    /// The head (layout: `wire::answer`) and the first bytes of the body.
    Start {
        /// The untrusted payload.
        payload: SharedBytes<'a>,
        /// Whether this is all.
        end: bool,
    },
    /// More of the body.
    Data {
        /// The untrusted bytes.
        payload: SharedBytes<'a>,
        /// Whether the answer ends here.
        end: bool,
    },
    /// More of the body, from a file.
    File {
        /// The file.
        file: OwnedFd,
        /// Where to begin.
        offset: u64,
        /// How many bytes.
        length: u64,
        /// Whether the answer ends here.
        end: bool,
    },
    /// The app failed.
    Error {
        /// The untrusted traceback.
        text: SharedBytes<'a>,
        /// Whether the answer ends here: with a 500 if nothing was sent, else cut off.
        end: bool,
    },
}

/// The worker broke the protocol between it and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadAnswer(pub &'static str);

/// The longest traceback that is kept.
const TROUBLE: usize = 64 * 1024;

/// Where an answer's body ends, and what is said about it.
struct Plan {
    answer: Answer,
    framing: ResponseFraming,
}

impl Connections {
    /// Takes a piece of an answer. An exchange that is no more swallows it.
    pub fn answer(&mut self, id: Id, piece: Piece<'_>) -> Result<(), BadAnswer> {
        let Some(exchange) = self.exchange(id) else {
            return Ok(());
        };
        match piece {
            Piece::Start { payload, end } => self.start(id, payload, end),
            Piece::Data { .. } | Piece::File { .. } if exchange.answer == Answer::Waiting => {
                Err(BadAnswer("a body before its head"))
            }
            Piece::Data { payload, end } => {
                self.body_part(id, None, payload, end);
                Ok(())
            }
            Piece::File {
                file,
                offset,
                length,
                end,
            } => {
                self.file(id, file, offset, length, end);
                Ok(())
            }
            Piece::Error { text, end } => {
                text.take(TROUBLE.saturating_sub(exchange.trouble.len()))
                    .copy_into(&mut exchange.trouble);
                exchange.from_app = true;
                if end {
                    self.fail(id, 500, "");
                }
                Ok(())
            }
        }
    }

    fn start(&mut self, id: Id, payload: SharedBytes<'_>, end: bool) -> Result<(), BadAnswer> {
        let Some(exchange) = self
            .exchange(id)
            .filter(|exchange| exchange.answer == Answer::Waiting)
        else {
            return Err(BadAnswer("a second head"));
        };
        exchange.ended = 0;
        let mut private = std::mem::take(&mut self.private);
        private.clear();
        payload.take(FIXED).copy_into(&mut private);
        let fixed = <[u8; FIXED]>::try_from(&private[..])
            .ok()
            .and_then(|bytes| Fixed::read(bytes, payload.len()));
        let Some(fixed) = fixed else {
            self.private = private;
            return Err(BadAnswer("a head whose lengths do not fit"));
        };
        if let Some(exchange) = self.exchange(id) {
            exchange.app = fixed.app;
        }
        payload
            .skip(FIXED)
            .take(fixed.reason_len + fixed.block_len)
            .copy_into(&mut private);
        let body = payload.skip(fixed.body_at());
        let (reason, block) = private[FIXED..].split_at(fixed.reason_len);
        match check_status(fixed.status, reason).and_then(|()| check_block(block)) {
            Ok(facts) => self.begin_answer(id, fixed.status, reason, block, facts, body, end),
            Err(bad) => {
                if let Some(exchange) = self.exchange(id) {
                    exchange.trouble =
                        format!("the app's answer cannot be sent: {bad}").into_bytes();
                }
                self.fail(id, 502, "");
            }
        }
        self.private = private;
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one answer, named")]
    fn begin_answer(
        &mut self,
        id: Id,
        status: u16,
        reason: &[u8],
        block: &[u8],
        facts: BlockFacts,
        body: SharedBytes<'_>,
        end: bool,
    ) {
        let mut encoded = std::mem::take(&mut self.encoded);
        encoded.clear();
        let (date, draining) = (self.date, self.draining);
        let window = self.settings.answer_window;
        let Some(exchange) = self.exchange(id) else {
            return;
        };
        let plan = exchange.plan(status, facts, body.len(), end);
        // A body that the app did not read is not read by anybody: the connection cannot go on.
        let body_incoming = matches!(exchange.incoming, Incoming::Streaming(_));
        exchange.keep_alive &= !facts.connection_close && !draining && !body_incoming;
        if plan.answer == Answer::UntilClose {
            exchange.keep_alive = false;
        }
        let (mut cleaned, mut without_length) = (Vec::new(), Vec::new());
        let mut block = block;
        if facts.hop_by_hop || facts.has_transfer_encoding {
            strip_hop_by_hop(block, &mut cleaned);
            block = &cleaned;
        }
        if status == 204 && facts.content_length.is_some() {
            strip_content_length(block, &mut without_length);
            block = &without_length;
        }
        if exchange.door == Door::Uwsgi {
            wire::uwsgi::encode_head(&mut encoded, exchange.head.version(), status, reason, block);
        } else {
            let connection = match (exchange.keep_alive, exchange.keep_alive_asked) {
                (false, _) => http1::Connection::Close,
                (true, true) => http1::Connection::KeepAliveExplicit,
                (true, false) => http1::Connection::KeepAlive,
            };
            let date = if facts.has_date {
                None
            } else {
                Some(&date[..])
            };
            let version_of_request = exchange.head.version();
            let head = ResponseHead {
                version_of_request,
                status,
                reason,
                block,
                framing: plan.framing,
                connection,
                date,
            };
            http1::encode_head(&mut encoded, &head);
        }
        exchange.status = status;
        exchange.fits_window = matches!(plan.answer, Answer::Length(length) if length <= window);
        exchange.answer = plan.answer;
        exchange.head_bytes = encoded.len() as u64;
        exchange.head_fields = memchr::memchr_iter(b'\n', block).count() as u32;
        self.body_part(id, Some(&encoded), body, end);
        self.encoded = encoded;
    }
}

impl Exchange {
    /// How the body of this answer is framed.
    fn plan(&self, status: u16, facts: BlockFacts, first: usize, end: bool) -> Plan {
        let length_framing = |answer| Plan {
            answer,
            framing: ResponseFraming::Length,
        };
        if !body_allowed(self.head.method(), status) {
            return length_framing(Answer::Swallow);
        }
        if let Some(length) = facts.content_length {
            return length_framing(Answer::Length(length));
        }
        if self.door == Door::Uwsgi {
            return Plan {
                answer: Answer::UntilClose,
                framing: ResponseFraming::UntilClose,
            };
        }
        if end {
            return Plan {
                answer: Answer::Length(first as u64),
                framing: ResponseFraming::AddLength(first as u64),
            };
        }
        match self.head.version() {
            wire::Version::Http11 => Plan {
                answer: Answer::Chunked,
                framing: ResponseFraming::Chunked,
            },
            wire::Version::Http10 => Plan {
                answer: Answer::UntilClose,
                framing: ResponseFraming::UntilClose,
            },
        }
    }
}
