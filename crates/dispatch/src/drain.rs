//! Reading one worker's frames: checked against what it was given, then handed to the exchanges.

use std::os::fd::OwnedFd;

use link::{Frame, Kind, SlotId, Violation};

use crate::dispatcher::Dispatcher;
use crate::exchanges::{Exchanges, Part};
use crate::lateness::{Late, Stage};
use crate::worker::{Life, Worker};

/// Frames read of one worker before the others have their turn.
const BATCH: usize = 512;

impl Dispatcher {
    /// Reads what the worker at `index` has written; whether it became ready.
    pub(crate) fn drain_one(
        &mut self,
        index: usize,
        exchanges: &mut impl Exchanges,
    ) -> Result<bool, Violation> {
        let Some(Some(worker)) = self.workers.get_mut(index) else {
            return Ok(false);
        };
        // Taken out for the time of reading, so that frames can be looked at while the table changes.
        let Some(mut incoming) = worker.incoming.take() else {
            return Ok(false);
        };
        let mut ready = false;
        let mut any = false;
        let mut outcome = Ok(());
        for _ in 0..BATCH {
            let received = match incoming.peek() {
                Ok(Some(received)) => received,
                Ok(None) => break,
                Err(violation) => {
                    outcome = Err(violation);
                    break;
                }
            };
            any = true;
            let mark = received.mark();
            match self.take_frame(index, &received.frame, exchanges) {
                Ok(now_ready) => ready |= now_ready,
                Err(violation) => {
                    outcome = Err(violation);
                    break;
                }
            }
            incoming.consume(mark);
        }
        if any {
            incoming.give_room();
        }
        if let Some(Some(worker)) = self.workers.get_mut(index) {
            worker.overslept &= !any;
            worker.incoming = Some(incoming);
        }
        if any {
            self.heard(index);
        }
        outcome.map(|()| ready)
    }

    /// One frame; whether it says that the worker is ready.
    fn take_frame(
        &mut self,
        index: usize,
        frame: &Frame<'_>,
        exchanges: &mut impl Exchanges,
    ) -> Result<bool, Violation> {
        let Some(Some(worker)) = self.workers.get_mut(index) else {
            return Ok(false);
        };
        let (head, payload) = (frame.head, frame.payload);
        match head.kind {
            Kind::Ready => {
                let first = worker.life == Life::Booting;
                if first {
                    worker.life = Life::Ready;
                }
                return Ok(first);
            }
            Kind::Pong => return Ok(false),
            Kind::Want => {
                let held = worker.held(head.slot).ok_or(Violation::Slot)?;
                held.wanted = held.wanted.saturating_add(head.value);
                if let Some(exchange) = held.exchange {
                    exchanges.body_wanted(exchange);
                }
                return Ok(false);
            }
            Kind::Start | Kind::Data | Kind::File | Kind::Error => {}
            _ => return Err(Violation::Frame),
        }
        let end = head.is_end();
        let held = worker.held(head.slot).ok_or(Violation::Slot)?;
        held.begun = true;
        let exchange = held.exchange;
        if head.kind == Kind::Error
            && let Stage::Overdue { request, .. } = &held.stage
        {
            let mut text = Vec::new();
            payload.copy_into(&mut text);
            let late = Late::GivenUp {
                request: request.clone(),
                text: String::from_utf8_lossy(&text).into_owned(),
            };
            self.watch.noticed.push((worker.key, late));
        }
        if end {
            if matches!(head.kind, Kind::Start | Kind::Data) {
                worker.pace.took(head.value);
            }
            worker.release(head.slot);
        }
        let part = match head.kind {
            Kind::Start => Part::Start {
                payload,
                end,
                micros: head.value,
            },
            Kind::Data => Part::Data {
                payload,
                end,
                micros: head.value,
            },
            Kind::Error => Part::Error { text: payload, end },
            _ => {
                let (file, length) = self.file_of(index, head.slot, frame)?;
                Part::File {
                    file,
                    offset: head.value,
                    length,
                    end,
                }
            }
        };
        let Some(exchange) = exchange else {
            return Ok(false);
        };
        if end {
            self.clear_place(exchange);
        }
        exchanges.answer(exchange, part).map(|()| false)
    }

    /// The descriptor that belongs to a File frame: it was sent before the frame was published.
    fn file_of(
        &self,
        index: usize,
        slot: SlotId,
        frame: &Frame<'_>,
    ) -> Result<(OwnedFd, u64), Violation> {
        let mut length = Vec::with_capacity(8);
        frame.payload.take(8).copy_into(&mut length);
        let length = u64::from_le_bytes(
            length
                .try_into()
                .map_err(|_| Violation::Answer("a file without a length"))?,
        );
        let control = self.control(index).ok_or(Violation::Slot)?;
        let mut message = [0u8; 64];
        let received = os::pass::receive_with_fds(control, &mut message, false);
        let (read, mut fds) =
            received.map_err(|_| Violation::Answer("a file that was not sent"))?;
        let mut expected = slot.index.to_le_bytes().to_vec();
        expected.extend_from_slice(&slot.generation.to_le_bytes());
        if message[..read] != expected[..] || fds.len() != 1 {
            return Err(Violation::Answer("a file that belongs to another answer"));
        }
        let file = fds.pop().ok_or(Violation::Slot)?;
        let facts = os::file::metadata(std::os::fd::AsFd::as_fd(&file))
            .map_err(|_| Violation::Answer("a file that cannot be looked at"))?;
        if !facts.is_file {
            return Err(Violation::Answer("a file that is no ordinary file"));
        }
        Ok((file, length))
    }
}

impl Worker {
    /// Whether a request waits in its ring that no thread has begun.
    pub(crate) fn has_untaken(&mut self) -> bool {
        while let Some(&slot) = self.order.back() {
            match self.held(slot) {
                None => {
                    self.order.pop_back();
                }
                Some(held) if held.begun => return false,
                Some(_) => return self.outgoing.is_queued(slot),
            }
        }
        false
    }
}
