//! Request bodies: collected when they are small, in a file when asked for, else piece by piece as the
//! app reads them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use os::socket::receive;
use wire::http1;

use crate::connection::Phase;
use crate::connections::{Connections, Id};
use crate::exchange::{Decoder, Incoming};
use crate::reading::Step;
use crate::spool::Spool;

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
    /// The head is whole: what about the body?
    pub(crate) fn begin_body(&mut self, place: u32) {
        let (in_memory, limit) = (
            self.settings.body_in_memory as u64,
            self.settings.body_limit,
        );
        let Some(connection) = self.table.get(place) else {
            return;
        };
        let Some(exchange) = connection.exchange.as_mut() else {
            return;
        };
        if let (Some(length), Some(limit)) = (exchange.length, limit)
            && length > limit
        {
            let why = format!("the body has {length} bytes, limit-post allows {limit}");
            self.refuse(place, 413, &why);
            return;
        }
        let decoder = match (exchange.chunked_request, exchange.length) {
            (true, _) => Decoder::Chunked(http1::ChunkedDecoder::new()),
            (false, None | Some(0)) => {
                exchange.incoming = Incoming::Whole;
                self.submit(place);
                return;
            }
            (false, Some(length)) => Decoder::Length(length),
        };
        let large = exchange.length.is_some_and(|length| length > in_memory);
        let spooled = large
            && self
                .settings
                .spool_from
                .is_some_and(|from| exchange.length.is_some_and(|length| length >= from));
        if large && !spooled {
            exchange.incoming = Incoming::Streaming(decoder);
            self.submit(place);
            return;
        }
        exchange.incoming = Incoming::Collecting(decoder);
        connection.phase = Phase::Body;
        if spooled && !self.begin_spool(place) {
            return;
        }
        let Some(exchange) = self
            .table
            .get(place)
            .and_then(|connection| connection.exchange.as_mut())
        else {
            return;
        };
        if std::mem::take(&mut exchange.continue_wanted) {
            self.say_continue(place);
        }
        self.be_patient(place, |patience| patience.body);
    }

    /// From here on the body is collected in a file; false: that cannot be done, and was answered.
    fn begin_spool(&mut self, place: u32) -> bool {
        let directory = self.settings.spool_directory.clone();
        let Some(exchange) = self
            .table
            .get(place)
            .and_then(|connection| connection.exchange.as_mut())
        else {
            return false;
        };
        let spool = Spool::new(&directory)
            .and_then(|mut spool| spool.write(&exchange.body).map(|()| spool));
        match (
            spool,
            std::mem::replace(&mut exchange.incoming, Incoming::Whole),
        ) {
            (Ok(spool), Incoming::Collecting(decoder)) => {
                exchange.body = Vec::new();
                exchange.incoming = Incoming::Spooling(decoder, spool);
                true
            }
            (Err(error), incoming) => {
                exchange.incoming = incoming;
                self.cannot_spool(place, &error);
                false
            }
            (Ok(_), incoming) => {
                exchange.incoming = incoming;
                false
            }
        }
    }

    /// The disk is full, or the directory is not there.
    fn cannot_spool(&mut self, place: u32, error: &io::Error) {
        let directory = self.settings.spool_directory.display().to_string();
        let Some(connection) = self.table.get(place) else {
            return;
        };
        let id = Id {
            index: place,
            generation: connection.generation,
        };
        self.fail_unread(id, 507, "the body cannot be stored");
        self.note_last(&format!(
            "post-buffering: cannot write to {directory}: {error}"
        ));
    }

    pub(crate) fn digest_body(&mut self, place: u32, bytes: &[u8]) -> (usize, Step) {
        let (in_memory, limit) = (self.settings.body_in_memory, self.settings.body_limit);
        let spools = self.settings.spool_from.is_some();
        let Some(exchange) = self
            .table
            .get(place)
            .and_then(|connection| connection.exchange.as_mut())
        else {
            return (0, Step::Done);
        };
        let decoded = match &mut exchange.incoming {
            Incoming::Collecting(decoder) => {
                let decoded = decoder.decode(bytes, in_memory + 1, &mut exchange.body);
                exchange.request_bytes = exchange.body.len() as u64;
                decoded
            }
            Incoming::Spooling(decoder, spool) => {
                let mut piece = Vec::new();
                let decoded = decoder.decode(bytes, bytes.len().max(1), &mut piece);
                exchange.request_bytes = spool.length() + piece.len() as u64;
                if let Err(error) = spool.write(&piece) {
                    self.cannot_spool(place, &error);
                    return (0, Step::Done);
                }
                decoded
            }
            _ => return (0, Step::Done),
        };
        let (count, done) = match decoded {
            Ok(decoded) => decoded,
            Err(refusal) => {
                self.refuse(place, refusal.status, refusal.why);
                return (0, Step::Done);
            }
        };
        if limit.is_some_and(|limit| exchange.request_bytes > limit) {
            self.refuse(place, 413, "the body is longer than limit-post allows");
            return (count, Step::Done);
        }
        if done {
            exchange.incoming = match std::mem::replace(&mut exchange.incoming, Incoming::Whole) {
                Incoming::Spooling(_, spool) => Incoming::Spooled(spool),
                _ => Incoming::Whole,
            };
            self.submit(place);
            return (count, Step::Enough);
        }
        if exchange.body.len() > in_memory {
            // A chunked body that turns out to be long: into a file, or the rest streams after what is
            // here.
            if spools {
                let step = if self.begin_spool(place) {
                    Step::Enough
                } else {
                    Step::Done
                };
                return (count, step);
            }
            if let Incoming::Collecting(decoder) =
                std::mem::replace(&mut exchange.incoming, Incoming::Whole)
            {
                exchange.incoming = Incoming::Streaming(decoder);
            }
            self.submit(place);
            return (count, Step::Enough);
        }
        self.be_patient(place, |patience| patience.body);
        (
            count,
            if count == bytes.len() {
                Step::Hungry
            } else {
                Step::Enough
            },
        )
    }

    /// The request goes to dispatch.
    fn submit(&mut self, place: u32) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        connection.phase = Phase::Busy;
        connection.deadline = None;
        if let Some(exchange) = connection.exchange.as_mut() {
            exchange.submitted = true;
        }
        self.news.arrived.push(Id {
            index: place,
            generation: connection.generation,
        });
    }

    /// `100 Continue`, so that the client sends its body.
    fn say_continue(&mut self, place: u32) {
        let Some(connection) = self.table.get(place) else {
            return;
        };
        if connection
            .output
            .send_behind(connection.fd.as_fd(), &[http1::CONTINUE.into()])
            .is_err()
        {
            self.close(place);
        }
    }

    /// The app wants (more of) the body.
    pub fn body_wanted(&mut self, id: Id) {
        let Some(exchange) = self.exchange(id) else {
            return;
        };
        exchange.body_wanted = true;
        let interim = std::mem::take(&mut exchange.continue_wanted)
            && exchange.answer == crate::exchange::Answer::Waiting;
        if interim {
            self.say_continue(id.index);
        }
        self.news.bodies.push(id);
    }

    /// Reads at most `room` bytes of a streaming body. None: nothing is there now, or the body is over.
    pub fn pull_body<'a>(
        &mut self,
        id: Id,
        room: usize,
        piece: &'a mut Vec<u8>,
    ) -> Option<BodyPiece<'a>> {
        piece.clear();
        let limit = self.settings.body_limit;
        let connection = self
            .table
            .get(id.index)
            .filter(|connection| connection.generation == id.generation)?;
        let exchange = connection.exchange.as_mut()?;
        // What was collected before the body turned out to be long goes first.
        if !exchange.body.is_empty() {
            let count = exchange.body.len().min(room);
            piece.extend(exchange.body.drain(..count));
            return Some(BodyPiece {
                data: piece,
                end: false,
                cut_short: false,
            });
        }
        if let Incoming::Spooled(spool) = &mut exchange.incoming {
            let (end, cut_short) = match spool.read(room, piece) {
                Ok(end) => (end, false),
                Err(_) => (true, true),
            };
            if end {
                exchange.incoming = Incoming::Over;
            }
            return Some(BodyPiece {
                data: piece,
                end,
                cut_short,
            });
        }
        let Incoming::Streaming(decoder) = &mut exchange.incoming else {
            return None;
        };
        let outcome = if connection.input.is_empty() {
            if !connection.readable {
                self.wait_for_body(id.index);
                return None;
            }
            match decoder.receive(connection.fd.as_fd(), room, &mut self.scratch, piece) {
                Ok(Received::Bytes { used, count, done }) => {
                    connection
                        .input
                        .extend_from_slice(&self.scratch[used..count]);
                    Ok(done)
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) =>
                {
                    connection.readable = error.kind() == io::ErrorKind::Interrupted;
                    self.wait_for_body(id.index);
                    return None;
                }
                Ok(Received::Nothing | Received::Nonsense) | Err(_) => Err(()),
            }
        } else {
            let used = decoder.decode(&connection.input, room, piece);
            used.map_err(|_| ()).map(|(used, done)| {
                connection.input.drain(..used);
                done
            })
        };
        exchange.request_bytes += piece.len() as u64;
        let outcome = if limit.is_some_and(|limit| exchange.request_bytes > limit) {
            Err(())
        } else {
            outcome
        };
        connection.deadline = None;
        match outcome {
            Ok(false) => {}
            Ok(true) => exchange.incoming = Incoming::Over,
            Err(()) => {
                exchange.incoming = Incoming::Over;
                exchange.keep_alive = false;
                return Some(BodyPiece {
                    data: piece,
                    end: true,
                    cut_short: true,
                });
            }
        }
        Some(BodyPiece {
            data: piece,
            end: outcome == Ok(true),
            cut_short: false,
        })
    }

    /// The worker waits for bytes of the body that are not there: for how long?
    fn wait_for_body(&mut self, place: u32) {
        self.register(place);
        self.be_patient(place, |patience| patience.body);
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
}

/// What a socket gave of a body.
enum Received {
    /// The client has closed its side.
    Nothing,
    /// Bytes `used..count` of the scratch buffer are not of the body.
    Bytes {
        used: usize,
        count: usize,
        done: bool,
    },
    /// The chunks are malformed.
    Nonsense,
}

impl Decoder {
    /// Receives at most `room` bytes of the body into `piece`: a body of known length goes there
    /// directly, chunks by way of the scratch buffer.
    fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        room: usize,
        scratch: &mut [u8],
        piece: &mut Vec<u8>,
    ) -> io::Result<Received> {
        if let Self::Length(left) = self {
            let most = room.min(usize::try_from(*left).unwrap_or(usize::MAX));
            piece.resize(most, 0);
            let received = receive(socket, piece);
            piece.truncate(received.as_ref().map_or(0, |count| *count));
            let count = received?;
            *left -= count as u64;
            let done = *left == 0;
            return Ok(if count == 0 {
                Received::Nothing
            } else {
                Received::Bytes {
                    used: 0,
                    count: 0,
                    done,
                }
            });
        }
        let most = room.min(scratch.len());
        let count = receive(socket, &mut scratch[..most])?;
        if count == 0 {
            return Ok(Received::Nothing);
        }
        Ok(match self.decode(&scratch[..count], room, piece) {
            Ok((used, done)) => Received::Bytes { used, count, done },
            Err(_) => Received::Nonsense,
        })
    }
}
