//! Pieces of an answer on their way to the socket: framed, collected or sent, and what could not be sent
//! yet. The body goes from the shared memory to the kernel without a copy in between, as far as the
//! socket takes it.

use std::os::fd::{AsFd, OwnedFd};

use os::SharedBytes;
use wire::http1::{LAST_CHUNK, PREFIX_ROOM, chunk_prefix};

use crate::connection::Phase;
use crate::connections::{Connections, Id};
use crate::exchange::{Answer, Exchange};

/// Smaller pieces of a running answer are collected until the end of the turn.
const COLLECT: usize = 16 * 1024;

impl Connections {
    /// Sends (the head and) a piece of the body, framed as was announced.
    pub(crate) fn body_part(
        &mut self,
        id: Id,
        head: Option<&[u8]>,
        body: SharedBytes<'_>,
        end: bool,
    ) {
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
    pub(crate) fn collect(&mut self, place: u32, parts: &[SharedBytes<'_>]) {
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
    pub(crate) fn transmit(&mut self, place: u32, parts: &[SharedBytes<'_>]) {
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

    pub(crate) fn file(&mut self, id: Id, file: OwnedFd, offset: u64, length: u64, end: bool) {
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
    pub(crate) fn credit(&mut self, place: u32) {
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
}

impl Exchange {
    /// What of a body piece may be sent, and whether the answer is complete if it ends with it.
    pub(crate) fn fit<'a>(&mut self, body: SharedBytes<'a>, end: bool) -> (SharedBytes<'a>, bool) {
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
