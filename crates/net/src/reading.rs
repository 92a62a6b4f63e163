//! From bytes on a socket to requests.

use std::io;

use os::socket::receive;
use wire::http1::{self, BodyLength};
use wire::payload::Door;
use wire::uwsgi;

use crate::connection::{Connection, Phase};
use crate::connections::{Connections, Id, SCRATCH};
use crate::exchange::{Exchange, Incoming};

/// Bytes thrown away of a client that goes on sending after its answer.
const DISCARD: u64 = 1 << 20;
/// How long such a client is listened to (microseconds).
pub(crate) const LINGER: u64 = 3_000_000;
/// Received bytes that wait while a request is being answered (pipelining); beyond it the socket waits.
const AHEAD: usize = 64 * 1024;

/// What a look at the input found.
pub(crate) enum Step {
    /// More bytes are needed.
    Hungry,
    /// A request is complete enough to be dispatched, or the connection is busy.
    Enough,
    /// The connection was answered or closed.
    Done,
}

impl Connections {
    /// Reads as long as the connection wants bytes and the socket has some.
    pub(crate) fn read(&mut self, place: u32) {
        let mut scratch = std::mem::take(&mut self.scratch);
        while let Some(connection) = self.table.get(place) {
            match connection.phase {
                Phase::Head | Phase::Body if connection.output.waiting() < AHEAD => {}
                Phase::Lingering | Phase::Closing { linger: true } => {}
                Phase::Busy => {
                    let generation = connection.generation;
                    self.scratch = scratch;
                    self.read_ahead(Id {
                        index: place,
                        generation,
                    });
                    self.note_body(place);
                    return;
                }
                _ => break,
            }
            if !connection.readable {
                break;
            }
            match receive(connection.socket(), &mut scratch) {
                Ok(0) => {
                    self.client_ended(place);
                    break;
                }
                Ok(count) => {
                    if count < scratch.len() {
                        connection.readable = connection.half_closed;
                    }
                    self.take_bytes(place, &scratch[..count]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    connection.readable = false;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.close(place);
                    break;
                }
            }
        }
        self.scratch = scratch;
    }

    /// The exchange's body may have become readable.
    fn note_body(&mut self, place: u32) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        let id = Id {
            index: place,
            generation: connection.generation,
        };
        let wanted = connection
            .exchange
            .as_ref()
            .is_some_and(|exchange| exchange.body_wanted);
        if wanted {
            self.news.bodies.push(id);
        }
    }

    /// The client has closed its side: nothing more will come.
    fn client_ended(&mut self, place: u32) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        connection.readable = false;
        match connection.phase {
            // In the middle of a request: it can never become whole. Between requests: the end.
            Phase::Head | Phase::Body | Phase::Lingering => self.close(place),
            Phase::Closing { .. } if connection.output.is_empty() => self.close(place),
            Phase::Closing { .. } => connection.phase = Phase::Closing { linger: false },
            Phase::Busy => {}
        }
    }

    /// Uses new bytes; what is not used yet stays in the connection's input.
    fn take_bytes(&mut self, place: u32, bytes: &[u8]) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        if matches!(connection.phase, Phase::Lingering | Phase::Closing { .. }) {
            connection.discarded += bytes.len() as u64;
            if connection.discarded > DISCARD {
                self.close(place);
            }
            return;
        }
        if connection.input.is_empty() {
            let used = self.digest(place, bytes);
            if let Some(connection) = self.table.get(place).filter(|_| used < bytes.len()) {
                connection.input.extend_from_slice(&bytes[used..]);
            }
        } else {
            connection.input.extend_from_slice(bytes);
            self.digest_input(place);
        }
    }

    /// Uses what waits in the input (after an answer, or after more bytes have come).
    pub(crate) fn digest_input(&mut self, place: u32) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        if connection.input.is_empty() {
            return;
        }
        let mut input = std::mem::take(&mut connection.input);
        let used = self.digest(place, &input);
        if let Some(connection) = self.table.get(place) {
            input.drain(..used);
            if input.is_empty() && input.capacity() > SCRATCH {
                input = Vec::new();
            }
            connection.input = input;
        }
    }

    /// Uses bytes as the connection's phase says; how many were used.
    fn digest(&mut self, place: u32, bytes: &[u8]) -> usize {
        let mut used = 0;
        loop {
            let Some(connection) = self.table.get(place) else {
                return bytes.len();
            };
            let rest = &bytes[used..];
            let (count, step) = match connection.phase {
                Phase::Head if rest.is_empty() => return used,
                Phase::Head => self.digest_head(place, rest),
                Phase::Body => self.digest_body(place, rest),
                Phase::Busy => return used,
                Phase::Closing { .. } | Phase::Lingering => return bytes.len(),
            };
            used += count;
            match step {
                Step::Hungry => return used,
                Step::Enough => {}
                Step::Done => return bytes.len(),
            }
        }
    }

    fn digest_head(&mut self, place: u32, bytes: &[u8]) -> (usize, Step) {
        let Some(connection) = self.table.get(place) else {
            return (0, Step::Done);
        };
        let listener = connection.listener;
        let first = connection.exchange.is_none();
        let mut exchange = if let Some(exchange) = connection.exchange.take() {
            exchange
        } else {
            connection.generation = self.generations[place as usize].wrapping_add(1);
            self.generations[place as usize] = connection.generation;
            let mut exchange = self.new_exchange();
            exchange.listener = listener;
            exchange.door = self.door(listener);
            exchange.started = self.now;
            if let Some(connection) = self.table.get(place) {
                exchange.remote_address.push_str(&connection.peer_address);
            }
            exchange
        };
        let parsed = match exchange.door {
            Door::Uwsgi => self.parse_packet(&mut exchange, bytes),
            Door::Http | Door::HttpSocket => self.parse_http(&mut exchange, bytes),
        };
        let Some(connection) = self.table.get(place) else {
            return (0, Step::Done);
        };
        connection.exchange = Some(exchange);
        match parsed {
            Ok(Some(consumed)) => {
                self.begin_body(place);
                (consumed, Step::Enough)
            }
            Ok(None) => {
                if first {
                    self.be_patient(place, |patience| patience.head);
                }
                (0, Step::Hungry)
            }
            Err((status, why)) => {
                self.refuse(place, status, &why);
                (0, Step::Done)
            }
        }
    }

    fn parse_http(
        &self,
        exchange: &mut Exchange,
        bytes: &[u8],
    ) -> Result<Option<usize>, (u16, String)> {
        let framing = match http1::parse_request(bytes, &self.settings.limits, &mut exchange.head) {
            Ok(http1::Progress::Incomplete) => return Ok(None),
            Ok(http1::Progress::Complete(framing)) => framing,
            Err(refusal) => return Err((refusal.status, refusal.why.to_owned())),
        };
        exchange.keep_alive = framing.keep_alive && self.settings.keep_alive && !self.draining;
        exchange.keep_alive_asked = framing.keep_alive_asked;
        exchange.continue_wanted = framing.expect_continue;
        exchange.length = match framing.body {
            BodyLength::Fixed(length) => Some(length),
            BodyLength::None | BodyLength::Chunked => None,
        };
        exchange.chunked_request = framing.body == BodyLength::Chunked;
        Ok(Some(framing.consumed))
    }

    fn parse_packet(
        &self,
        exchange: &mut Exchange,
        bytes: &[u8],
    ) -> Result<Option<usize>, (u16, String)> {
        match uwsgi::parse_packet(bytes, self.settings.packet_bytes, &mut exchange.head) {
            Ok(uwsgi::Progress::Incomplete) => Ok(None),
            Ok(uwsgi::Progress::Complete(packet)) => {
                exchange.keep_alive = false;
                exchange.length = packet.content_length;
                Ok(Some(packet.consumed))
            }
            Err(refusal) => Err((refusal.status(), refusal.to_string())),
        }
    }

    /// Patience with a client has ended.
    pub(crate) fn timed_out(&mut self, place: u32) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        match connection.phase {
            Phase::Head if connection.exchange.is_none() => self.close(place),
            Phase::Head => self.refuse(place, 408, "the head of the request did not come in time"),
            Phase::Body => self.body_timed_out(place),
            Phase::Busy => self.busy_timed_out(place),
            Phase::Closing { .. } | Phase::Lingering => self.close(place),
        }
    }

    fn busy_timed_out(&mut self, place: u32) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        if !connection.output.is_empty() {
            // The client does not read its answer.
            self.close(place);
            return;
        }
        let id = Id {
            index: place,
            generation: connection.generation,
        };
        let Some(exchange) = connection.exchange.as_mut() else {
            return;
        };
        if matches!(exchange.incoming, Incoming::Streaming(_)) {
            exchange.incoming = Incoming::Ended { cut_short: true };
            exchange.keep_alive = false;
            exchange.trouble = b"the body of the request did not come in time".to_vec();
            self.news.bodies.push(id);
        }
    }
}

impl Connection {
    /// Whether bytes of the client may be left unread when the connection is closed now.
    pub(crate) fn may_have_unread(&self) -> bool {
        !self.input.is_empty() || (self.readable && !self.half_closed)
    }
}
