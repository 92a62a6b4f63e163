//! From answers to bytes on a socket.
//!
//! What a worker sends is not trusted: the head's lengths are checked on a private copy, its block line
//! by line; the body never exceeds the length that the head announced. The body itself goes from the
//! shared memory to the kernel without a copy in between, as far as the socket takes it.

use std::os::fd::{AsFd, OwnedFd};

use os::SharedBytes;
use wire::answer::{FIXED, Fixed};
use wire::http1::{
    self, BlockFacts, LAST_CHUNK, PREFIX_ROOM, ResponseFraming, ResponseHead, body_allowed,
    check_block, check_status, chunk_prefix, strip_content_length, strip_hop_by_hop,
};
use wire::payload::Door;

use crate::connection::Phase;
use crate::connections::{Connections, Id};
use crate::exchange::{Answer, Exchange, Incoming};
use crate::reading::LINGER;

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

/// Smaller pieces of a running answer are collected until the end of the turn.
const COLLECT: usize = 16 * 1024;
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

    /// Sends (the head and) a piece of the body, framed as was announced.
    fn body_part(&mut self, id: Id, head: Option<&[u8]>, body: SharedBytes<'_>, end: bool) {
        let Some(exchange) = self.exchange(id) else {
            return;
        };
        let came = body.len();
        let (body, mut complete) = exchange.fit(body, end);
        let chunked = exchange.answer == Answer::Chunked;
        let mut prefix_room = [0u8; PREFIX_ROOM];
        let nothing = SharedBytes::from(&b""[..]);
        let mut parts = [
            SharedBytes::from(head.unwrap_or_default()),
            nothing,
            body,
            nothing,
            nothing,
        ];
        if chunked && !body.is_empty() {
            parts[1] = SharedBytes::from(chunk_prefix(body.len(), &mut prefix_room));
            parts[3] = SharedBytes::from(&b"\r\n"[..]);
        }
        if chunked && end {
            parts[4] = SharedBytes::from(LAST_CHUNK);
        }
        exchange.body_bytes += body.len() as u64;
        if !exchange.fits_window {
            exchange.unfreed += came as u64;
        }
        complete |= !end;
        if !end && body.len() < COLLECT {
            self.collect(id.index, &parts);
            return;
        }
        let parts = if chunked {
            &parts[..]
        } else {
            &[parts[0], parts[2]][..]
        };
        self.transmit(id.index, parts);
        if end {
            self.finish(id, complete);
        } else {
            self.credit(id.index);
        }
    }

    /// Puts bytes aside until the end of the turn.
    fn collect(&mut self, place: u32, parts: &[SharedBytes<'_>]) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        connection.output.append(parts);
        if !connection.dirty {
            connection.dirty = true;
            self.dirty.push(place);
        }
    }

    /// Sends what was put aside in this turn.
    pub fn flush_collected(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for place in dirty.drain(..) {
            if let Some(connection) = self.table.get(place).filter(|connection| connection.dirty) {
                connection.dirty = false;
                self.flush(place);
            }
        }
        self.dirty = dirty;
    }

    /// Sends parts behind whatever waits.
    fn transmit(&mut self, place: u32, parts: &[SharedBytes<'_>]) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        if connection
            .output
            .send_behind(connection.fd.as_fd(), parts)
            .is_err()
        {
            self.close(place);
            return;
        }
        if !connection.output.is_empty() {
            self.register(place);
            self.be_patient(place, |patience| patience.send);
        }
    }

    fn file(&mut self, id: Id, file: OwnedFd, offset: u64, length: u64, end: bool) {
        let Some(exchange) = self.exchange(id) else {
            return;
        };
        exchange.by_sendfile = true;
        let (length, complete) = match &mut exchange.answer {
            Answer::Swallow => (0, true),
            Answer::Length(left) => {
                let fits = length.min(*left);
                *left -= fits;
                (fits, *left == 0 || !end)
            }
            _ => (length, true),
        };
        exchange.body_bytes += length;
        let chunked = exchange.answer == Answer::Chunked;
        let Some(connection) = self.table.get(id.index) else {
            return;
        };
        if chunked && length > 0 {
            let mut room = [0u8; PREFIX_ROOM];
            connection
                .output
                .append(&[SharedBytes::from(chunk_prefix(length as usize, &mut room))]);
        }
        connection.output.append_file(file, offset, length);
        if chunked && length > 0 {
            connection.output.append(&[SharedBytes::from(&b"\r\n"[..])]);
        }
        if chunked && end {
            connection.output.append(&[SharedBytes::from(LAST_CHUNK)]);
        }
        self.flush(id.index);
        if end {
            self.finish(id, complete);
        }
    }

    /// Sends as much of the output as the socket takes, and does what had to wait for that.
    pub(crate) fn flush(&mut self, place: u32) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        let before = connection.output.waiting();
        if connection.output.flush(connection.fd.as_fd()).is_err() {
            self.close(place);
            return;
        }
        let empty = connection.output.is_empty();
        let progress = connection.output.waiting() < before;
        self.credit(place);
        if !empty {
            self.register(place);
            let Some(connection) = self.table.get(place) else {
                return;
            };
            if progress || connection.deadline.is_none() {
                self.be_patient(place, |patience| patience.send);
            }
            return;
        }
        self.set_deadline(place, None);
        let Some(connection) = self.table.get(place) else {
            return;
        };
        match connection.phase {
            Phase::Closing { .. } => self.part(place),
            Phase::Head => self.next_request(place),
            _ => {}
        }
    }

    /// Tells the owner how many bytes of the answer have left since the last time.
    fn credit(&mut self, place: u32) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        let waiting = connection.output.waiting() as u64;
        let id = Id {
            index: place,
            generation: connection.generation,
        };
        let Some(exchange) = connection.exchange.as_mut() else {
            return;
        };
        let freed = exchange.unfreed.saturating_sub(waiting);
        if freed > 0 {
            exchange.unfreed -= freed;
            self.news.freed.push((id, freed));
        }
    }

    /// The answer is over: the exchange goes to the log, the connection to its next request or its end.
    /// An incomplete answer ends the connection so that the client notices.
    fn finish(&mut self, id: Id, complete: bool) {
        let now = self.now;
        let Some(connection) = self
            .table
            .get(id.index)
            .filter(|connection| connection.generation == id.generation)
        else {
            return;
        };
        let Some(mut exchange) = connection.exchange.take() else {
            return;
        };
        exchange.ended = now;
        exchange.cut_off |= !complete;
        let unread_body = !matches!(
            exchange.incoming,
            Incoming::Whole | Incoming::Over | Incoming::Ended { .. } | Incoming::Spooled(_)
        );
        let keep = complete && exchange.keep_alive && !unread_body;
        self.news.finished.push(exchange);
        if !complete {
            // What was sent stays sent; a reset would be more honest but could destroy it.
            connection.phase = Phase::Closing { linger: false };
        } else if keep {
            connection.phase = Phase::Head;
        } else {
            let linger = unread_body || connection.may_have_unread();
            connection.phase = Phase::Closing { linger };
        }
        if connection.output.is_empty() {
            if keep {
                self.next_request(id.index);
            } else {
                self.part(id.index);
            }
        } else {
            self.register(id.index);
        }
    }

    /// The connection waits for its next request; it may be here already.
    fn next_request(&mut self, place: u32) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        if !connection.registered {
            self.register(place);
        }
        self.be_patient(place, |patience| patience.idle);
        self.digest_input(place);
        self.read(place);
        self.close_if_idle(place);
    }

    /// The end of a connection whose answers are all sent.
    fn part(&mut self, place: u32) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        if connection.phase != (Phase::Closing { linger: true })
            || os::socket::shutdown_write(connection.socket()).is_err()
        {
            self.close(place);
            return;
        }
        connection.phase = Phase::Lingering;
        connection.readable = true;
        connection.input = Vec::new();
        self.register(place);
        self.set_deadline(place, Some(LINGER));
        self.read(place);
    }

    /// Refuses a request that is no request; the connection ends.
    pub(crate) fn refuse(&mut self, place: u32, status: u16, why: &str) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        let id = Id {
            index: place,
            generation: connection.generation,
        };
        let Some(exchange) = connection.exchange.as_mut() else {
            self.close(place);
            return;
        };
        exchange.trouble = why.as_bytes().to_vec();
        connection.input = Vec::new();
        self.fail_unread(id, status, why);
    }

    /// The same as [`Connections::fail`], for a request that was not read to its end: the connection
    /// lingers, so that the client gets to read the answer.
    pub(crate) fn fail_unread(&mut self, id: Id, status: u16, why: &str) {
        if let Some(exchange) = self.exchange(id) {
            exchange.incoming = Incoming::Collecting(crate::exchange::Decoder::Length(u64::MAX));
        }
        self.fail(id, status, why);
    }

    /// Adds to what the log will say of the exchange that has just ended.
    pub(crate) fn note_last(&mut self, trouble: &str) {
        if let Some(exchange) = self.news.finished.last_mut() {
            exchange.trouble = trouble.as_bytes().to_vec();
        }
    }

    /// Ends an exchange that cannot have its answer: with an error page if nothing was sent, else by
    /// cutting the connection. `why` is shown to the client (empty: nothing is).
    pub fn fail(&mut self, id: Id, status: u16, why: &str) {
        let (date, draining) = (self.date, self.draining);
        let Some(exchange) = self.exchange(id) else {
            return;
        };
        if exchange.answer != Answer::Waiting {
            self.finish(id, false);
            return;
        }
        exchange.status = status;
        exchange.keep_alive &= !draining;
        let head_only = exchange.head.method() == b"HEAD";
        let mut page = std::mem::take(&mut self.encoded);
        page.clear();
        http1::simple_answer(&mut page, status, why, Some(&date), head_only);
        if let Some(exchange) = self.exchange(id) {
            // The page says `Connection: close`.
            exchange.keep_alive = false;
            exchange.answer = Answer::Swallow;
            exchange.head_bytes = page.len() as u64;
        }
        self.transmit(id.index, &[SharedBytes::from(&page[..])]);
        self.encoded = page;
        self.finish(id, true);
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

    /// What of a body piece may be sent, and whether the answer is complete if it ends with it.
    fn fit<'a>(&mut self, body: SharedBytes<'a>, end: bool) -> (SharedBytes<'a>, bool) {
        match &mut self.answer {
            Answer::Swallow | Answer::Waiting => (body.take(0), true),
            Answer::Length(left) => {
                let body = body.take(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= body.len() as u64;
                (body, *left == 0 || !end)
            }
            Answer::Chunked | Answer::UntilClose => (body, true),
        }
    }
}
