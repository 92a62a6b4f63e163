//! The end of an answer, whole or not, and what becomes of its connection: the next request, or a close
//! that lets the client read what was sent.

use os::SharedBytes;
use wire::http1;

use crate::connection::Phase;
use crate::connections::{Connections, Id};
use crate::exchange::{Answer, Incoming};
use crate::reading::LINGER;

impl Connections {
    /// The answer is over: the exchange goes to the log, the connection to its next request or its end.
    /// An incomplete answer ends the connection so that the client notices.
    pub(crate) fn finish(&mut self, id: Id, complete: bool) {
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
    pub(crate) fn next_request(&mut self, place: u32) {
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
    pub(crate) fn part(&mut self, place: u32) {
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
