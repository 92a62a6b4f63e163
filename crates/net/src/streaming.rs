//! Request bodies while the app reads them: piece by piece, read a little ahead.
//!
//! A socket whose bytes are not read makes the kernel work hard on both sides (full windows, small
//! segments), so up to a bounded amount is read before the app wants it. With many connections each gets
//! less, so that the sum stays bounded.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use os::socket::{receive, receive_more};

use crate::connections::{Connections, Id};
use crate::exchange::{Answer, Decoder, Exchange, Incoming};

/// Bytes read ahead for one connection.
const AHEAD: usize = 1 << 20;
/// Bytes read ahead for all of them.
const AHEAD_OF_ALL: usize = 128 << 20;

/// A piece of a request body.
#[derive(Debug)]
pub struct BodyPiece<'a> {
    /// Its bytes.
    pub data: &'a [u8],
    /// Whether the body ends with it.
    pub end: bool,
    /// Whether it ends because the client broke off or broke the protocol.
    pub cut_short: bool,
}

impl Connections {
    /// The app wants (more of) the body.
    pub fn body_wanted(&mut self, id: Id) {
        let Some(exchange) = self.exchange(id) else {
            return;
        };
        exchange.body_wanted = true;
        let asked = std::mem::take(&mut exchange.continue_wanted);
        if asked && exchange.answer == Answer::Waiting {
            self.say_continue(id.index);
        }
        self.news.bodies.push(id);
    }

    /// No more of the body can be handed over now: the worker wants nothing (`wanted` false), or its
    /// ring is full (then it is offered again in the next turn).
    pub fn body_stalled(&mut self, id: Id, wanted: bool) {
        let Some(exchange) = self.exchange(id) else {
            return;
        };
        exchange.body_wanted = wanted;
        if wanted {
            self.news.stalled.push(id);
        }
    }

    /// At most `room` bytes of the body, which count as handed over. None: nothing is there now, or the
    /// body is over.
    pub fn pull_body(&mut self, id: Id, room: usize) -> Option<BodyPiece<'_>> {
        if self.exchange(id)?.waiting_body() == 0 {
            self.fill_body(id, room);
        }
        let exchange = self.exchange(id)?;
        let (from, waiting) = (exchange.body_at, exchange.waiting_body());
        let last = waiting <= room;
        let cut_short = match exchange.incoming {
            Incoming::Ended { cut_short } if last => {
                exchange.incoming = Incoming::Over;
                Some(cut_short)
            }
            _ if waiting == 0 => return None,
            _ => None,
        };
        exchange.body_at += waiting.min(room);
        Some(BodyPiece {
            data: &exchange.body[from..exchange.body_at],
            end: cut_short.is_some(),
            cut_short: cut_short == Some(true),
        })
    }

    /// Reads what the socket has of a streaming body, as far as the bounds allow.
    pub(crate) fn read_ahead(&mut self, id: Id) {
        let ahead = AHEAD.min(AHEAD_OF_ALL / self.table.len().max(1));
        loop {
            let Some(connection) = self.table.get(id.index) else {
                return;
            };
            let there = connection.readable || !connection.input.is_empty();
            let Some(exchange) = connection.exchange.as_ref() else {
                return;
            };
            let waiting = exchange.waiting_body();
            // An answer has begun: who knows whether anybody will read the rest.
            let pointless = exchange.answer != Answer::Waiting || exchange.continue_wanted;
            if !there || waiting >= ahead || pointless || !self.fill_body(id, ahead - waiting) {
                return;
            }
        }
    }

    /// Adds at most `room` bytes to what waits of a body; whether anything came.
    fn fill_body(&mut self, id: Id, room: usize) -> bool {
        let limit = self.settings.body_limit;
        let connections = self.table.get(id.index);
        let Some(connection) = connections.filter(|same| same.generation == id.generation) else {
            return false;
        };
        let Some(exchange) = connection.exchange.as_mut() else {
            return false;
        };
        exchange.forget_handed_body();
        let before = exchange.body.len();
        let outcome = match &mut exchange.incoming {
            Incoming::Spooled(spool) => Some(spool.read(room, &mut exchange.body).map_err(|_| ())),
            Incoming::Streaming(decoder) if connection.input.is_empty() => {
                let socket = connection.fd.as_fd();
                let body = &mut exchange.body;
                let rest = &mut connection.input;
                let received = if connection.readable {
                    decoder.receive(socket, room, &mut self.scratch, body, rest)
                } else {
                    Err(io::ErrorKind::WouldBlock.into())
                };
                match received {
                    Ok(done) => Some(done),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        connection.readable = false;
                        None
                    }
                    Err(_) => Some(Err(())),
                }
            }
            Incoming::Streaming(decoder) => {
                let used = decoder.decode(&connection.input, room, &mut exchange.body);
                Some(used.map_err(|_| ()).map(|(used, done)| {
                    connection.input.drain(..used);
                    done
                }))
            }
            _ => return false,
        };
        let Some(outcome) = outcome else {
            let wanted = exchange.body_wanted;
            self.register(id.index);
            if wanted {
                self.be_patient(id.index, |patience| patience.body);
            }
            return false;
        };
        if !matches!(exchange.incoming, Incoming::Spooled(_)) {
            exchange.request_bytes += (exchange.body.len() - before) as u64;
        }
        let too_long = limit.is_some_and(|limit| exchange.request_bytes > limit);
        connection.deadline = None;
        match outcome {
            Ok(false) if !too_long => {}
            Ok(true) if !too_long => exchange.incoming = Incoming::Ended { cut_short: false },
            _ => {
                exchange.incoming = Incoming::Ended { cut_short: true };
                exchange.keep_alive = false;
            }
        }
        true
    }
}

impl Exchange {
    /// Bytes of the body that are here and not handed over.
    pub(crate) fn waiting_body(&self) -> usize {
        self.body.len() - self.body_at
    }

    /// Makes room: what was handed over is not needed any more.
    fn forget_handed_body(&mut self) {
        if self.body_at == self.body.len() {
            self.body.clear();
            self.body_at = 0;
        } else if self.body_at > AHEAD / 2 {
            self.body.drain(..self.body_at);
            self.body_at = 0;
        }
    }
}

impl Decoder {
    /// Receives at most `room` bytes of the body behind what `body` has: of known length directly,
    /// chunks by way of the scratch buffer, from which `rest` gets what is not of the body. Whether the
    /// body has ended; `Err(())` inside if it cannot.
    fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        room: usize,
        scratch: &mut [u8],
        body: &mut Vec<u8>,
        rest: &mut Vec<u8>,
    ) -> io::Result<Result<bool, ()>> {
        if let Self::Length(left) = self {
            let most = room.min(usize::try_from(*left).unwrap_or(usize::MAX));
            let count = receive_more(socket, body, most)?;
            *left -= count as u64;
            return Ok(if count == 0 { Err(()) } else { Ok(*left == 0) });
        }
        let most = room.min(scratch.len());
        let count = receive(socket, &mut scratch[..most])?;
        if count == 0 {
            return Ok(Err(()));
        }
        let decoded = self.decode(&scratch[..count], room, body);
        Ok(decoded.map_err(|_| ()).map(|(used, done)| {
            rest.extend_from_slice(&scratch[used..count]);
            done
        }))
    }
}
