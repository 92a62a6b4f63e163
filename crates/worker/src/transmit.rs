//! Sending answers: in pieces that fit into the ring, no faster than the server wants them.
//!
//! What cannot be sent at once is sent without the GIL: when the ring is full, or when the server
//! holds as much of this answer as it wants to (a slow client), the thread sleeps.

use std::os::fd::{AsFd, BorrowedFd};

use link::{FrameHead, Kind, NoRoom, SlotId};
use os::clock::monotonic_micros;
use pyo3::prelude::*;

use crate::errors::{ClientDisconnected, foreign_process};
use crate::inlet::Inlet;
use crate::pool::Purpose;
use crate::shared::{Shared, Waited};

/// The largest piece of a body that goes into one frame.
pub(crate) const PIECE: usize = 512 * 1024;
/// The longest text of an error; of a longer one, the middle is left out.
const ERROR_TEXT: usize = 60 * 1024;

/// What is to be sent of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) slot: SlotId,
    /// The answer's head (layout: `wire::answer`), if it was not sent yet.
    pub(crate) head: Option<[&'a [u8]; 2]>,
    /// Bytes of the body.
    pub(crate) body: &'a [u8],
    /// Whether the answer ends with them.
    pub(crate) end: bool,
}

/// Why a part is not (all) sent yet.
#[derive(Clone, Copy, Debug)]
enum Stuck {
    /// The server has enough for now.
    Window,
    /// The ring is full.
    Room,
    /// Nobody wants the answer any more.
    Unwanted,
}

impl From<NoRoom> for Stuck {
    fn from(_: NoRoom) -> Self {
        Self::Room
    }
}

impl Part<'_> {
    /// Sends as much as goes; what is left is still to be sent when it fails.
    fn push(&mut self, inlet: &mut Inlet) -> Result<(), Stuck> {
        let whole = self.head.is_some() && self.end && self.body.len() <= PIECE;
        if !whole {
            inlet.pump();
        }
        let largest = PIECE.min(inlet.outbox.largest_payload() / 4);
        loop {
            let slot = inlet.slots.find(self.slot).ok_or(Stuck::Unwanted)?;
            if slot.cancelled && !whole {
                return Err(Stuck::Unwanted);
            }
            let length = self
                .body
                .len()
                .min(largest)
                .min(usize::try_from(slot.window).unwrap_or(usize::MAX));
            if length == 0 && !self.body.is_empty() {
                return Err(Stuck::Window);
            }
            let (now, later) = self.body.split_at(length);
            let last = self.end && later.is_empty();
            let kind = if self.head.is_some() {
                Kind::Start
            } else {
                Kind::Data
            };
            let mut frame = FrameHead::new(kind, self.slot);
            if last {
                frame = frame
                    .end()
                    .value(monotonic_micros().saturating_sub(slot.began));
            }
            let [first, second] = self.head.unwrap_or_default();
            inlet.outbox.push(frame, &[first, second, now])?;
            slot.window -= length as u64;
            self.head = None;
            self.body = later;
            if last {
                inlet.ended(self.slot);
                return Ok(());
            }
            if later.is_empty() {
                // A piece of a stream must not wait for what the app does next. A long piece is
                // announced once, at its end or when the ring is full: each call would wake the
                // server, and each of its writes the client.
                inlet.outbox.announce(true);
                return Ok(());
            }
        }
    }
}

impl Shared {
    /// Sends a part of an answer; fails with `ClientDisconnected` when nobody wants it any more.
    pub(crate) fn transmit(&self, py: Python<'_>, mut part: Part<'_>) -> PyResult<()> {
        self.check_own()?;
        let mut stuck = match part.push(&mut self.lock()) {
            Ok(()) => return Ok(()),
            Err(stuck) => stuck,
        };
        loop {
            let purpose = match stuck {
                Stuck::Unwanted => return Err(ClientDisconnected::new_err("the client is gone")),
                Stuck::Window => Purpose::News(part.slot),
                Stuck::Room => Purpose::Room,
            };
            let waited =
                self.wait_attached(py, purpose, |inlet| match (part.push(inlet), purpose) {
                    (Err(Stuck::Window), Purpose::News(_)) | (Err(Stuck::Room), Purpose::Room) => {
                        None
                    }
                    (other, _) => Some(other),
                });
            stuck = match waited? {
                Waited::Done(Ok(())) => return Ok(()),
                Waited::Done(Err(stuck)) => stuck,
                Waited::ServerGone => Stuck::Unwanted,
                Waited::Interrupted | Waited::TimedOut => {
                    py.check_signals()?;
                    stuck
                }
            };
        }
    }

    /// Sends one frame that is no body, whatever has become of the client.
    fn transmit_frame(
        &self,
        py: Python<'_>,
        mut push: impl FnMut(&mut Inlet) -> Option<PyResult<()>> + Send,
    ) -> PyResult<()> {
        self.check_own()?;
        if let Some(done) = push(&mut self.lock()) {
            return done;
        }
        loop {
            match self.wait_attached(py, Purpose::Room, &mut push)? {
                Waited::Done(done) => return done,
                Waited::ServerGone => return Ok(()),
                Waited::Interrupted | Waited::TimedOut => py.check_signals()?,
            }
        }
    }

    /// Tells the server that the app failed; with `end`, the answer is over.
    pub(crate) fn report(
        &self,
        py: Python<'_>,
        slot: SlotId,
        text: &str,
        end: bool,
    ) -> PyResult<()> {
        let most = ERROR_TEXT.min(self.lock().outbox.largest_payload() / 2);
        let (start, dots, rest) = shorten(text, most);
        self.transmit_frame(py, |inlet| {
            inlet.pump();
            let frame = FrameHead::new(Kind::Error, slot);
            if inlet.slots.find(slot).is_none() {
                return Some(Ok(()));
            }
            let frame = if end { frame.end() } else { frame };
            let parts = [start.as_bytes(), dots.as_bytes(), rest.as_bytes()];
            inlet.outbox.push(frame, &parts).ok()?;
            if end {
                inlet.ended(slot);
            } else {
                inlet.outbox.announce(true);
            }
            Some(Ok(()))
        })
    }

    /// Has the server send a part of a file as the next piece of the answer.
    pub(crate) fn transmit_file(
        &self,
        py: Python<'_>,
        slot: SlotId,
        file: BorrowedFd<'_>,
        offset: u64,
        length: u64,
    ) -> PyResult<()> {
        let mut name = [0; 8];
        name[..4].copy_from_slice(&slot.index.to_le_bytes());
        name[4..].copy_from_slice(&slot.generation.to_le_bytes());
        let control = self.control.as_fd();
        self.transmit_frame(py, move |inlet| {
            inlet.pump();
            if inlet.slots.find(slot).is_none_or(|slot| slot.cancelled) {
                return Some(Err(ClientDisconnected::new_err("the client is gone")));
            }
            // Descriptors and frames must come in the same order, so one file goes at a time.
            match inlet.file_turn {
                None => {
                    if let Err(error) = os::pass::send_with_fds(control, &name, &[file], true) {
                        return Some(Err(error.into()));
                    }
                    inlet.file_turn = Some(slot);
                }
                Some(turn) if turn == slot => {}
                Some(_) => return None,
            }
            let frame = FrameHead::new(Kind::File, slot).value(offset);
            inlet.outbox.push(frame, &[&length.to_le_bytes()]).ok()?;
            inlet.file_turn = None;
            inlet.outbox.announce(true);
            if inlet.pool.busy_ones_wait() {
                inlet.pool.news_of_room();
                self.ring();
            }
            Some(Ok(()))
        })
    }

    /// The link is of use only in the process that it was made for.
    pub(crate) fn check_own(&self) -> PyResult<()> {
        if self.is_disowned() {
            Err(foreign_process())
        } else {
            Ok(())
        }
    }
}

/// The beginning and the end of a text that is too long.
fn shorten(text: &str, most: usize) -> (&str, &str, &str) {
    if text.len() <= most {
        return (text, "", "");
    }
    let boundary = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    (
        &text[..boundary(most / 4)],
        "\n  [… the middle is left out …]\n",
        &text[boundary(text.len() - most / 2)..],
    )
}
