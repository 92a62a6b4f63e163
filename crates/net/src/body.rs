//! Request bodies before the app is asked: collected when they are small, in a file when asked for.
//! What streams is in `streaming.rs`.

use std::io;
use std::os::fd::AsFd;

use wire::http1;

use crate::connection::Phase;
use crate::connections::{Connections, Id};
use crate::exchange::{Decoder, Incoming};
use crate::reading::Step;
use crate::spool::Spool;

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
        let Some(exchange) = self.exchange_at(place) else {
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
        let Some(exchange) = self.exchange_at(place) else {
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
        let Some(exchange) = self.exchange_at(place) else {
            return (0, Step::Done);
        };
        let had_nothing = exchange.body.is_empty();
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
            self.stream_from_here(place);
            return (count, Step::Enough);
        }
        if !exchange.chunked_request || spools || exchange.body.is_empty() {
            self.be_patient(place, |patience| patience.body);
        } else if had_nothing {
            self.set_deadline(place, Some(self.settings.collected_for));
        }
        (
            count,
            if count == bytes.len() {
                Step::Hungry
            } else {
                Step::Enough
            },
        )
    }

    /// The rest of a body that was being collected streams to the app, behind what is here.
    fn stream_from_here(&mut self, place: u32) {
        let exchange = self.exchange_at(place);
        if let Some(exchange) = exchange
            && let Incoming::Collecting(decoder) =
                std::mem::replace(&mut exchange.incoming, Incoming::Whole)
        {
            exchange.incoming = Incoming::Streaming(decoder);
        }
        self.submit(place);
    }

    /// The body that is being collected was waited for long enough.
    pub(crate) fn body_timed_out(&mut self, place: u32) {
        let exchange = self.exchange_at(place);
        let may_stream = exchange.is_some_and(|exchange| {
            matches!(exchange.incoming, Incoming::Collecting(Decoder::Chunked(_)))
                && !exchange.body.is_empty()
        });
        if may_stream && self.settings.spool_from.is_none() {
            self.stream_from_here(place);
        } else {
            self.refuse(place, 408, "the body of the request did not come in time");
        }
    }

    /// The request goes to dispatch.
    fn submit(&mut self, place: u32) {
        let now = self.now;
        let Some(connection) = self.table.get(place) else {
            return;
        };
        connection.phase = Phase::Busy;
        connection.deadline = None;
        if let Some(exchange) = connection.exchange.as_mut() {
            exchange.submitted = true;
            exchange.submitted_at = now;
        }
        self.news.arrived.push(Id {
            index: place,
            generation: connection.generation,
        });
    }

    /// `100 Continue`, so that the client sends its body.
    pub(crate) fn say_continue(&mut self, place: u32) {
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
}
