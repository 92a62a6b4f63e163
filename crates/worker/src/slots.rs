//! What the worker knows of each request that it has begun: is it still wanted, how much of the answer
//! may be sent, which pieces of the body have come.

use std::collections::VecDeque;

use link::SlotId;

/// How much of a streaming body may be asked for and buffered at a time.
const BODY_WINDOW: u64 = 256 * 1024;
/// More is asked for when this much of the window is free.
const BODY_STEP: u64 = BODY_WINDOW / 4;

/// One begun request.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Which use of the slot; None when the slot is free.
    pub(crate) generation: Option<u32>,
    /// The client is gone or the deadline has passed.
    pub(crate) cancelled: bool,
    /// How many more bytes of the body may be sent now.
    pub(crate) window: u64,
    /// When the app began, in microseconds.
    pub(crate) began: u64,
    /// The request's body, if it streams.
    pub(crate) body: BodyPieces,
}

impl Slot {
    fn free() -> Self {
        Self {
            generation: None,
            cancelled: false,
            window: 0,
            began: 0,
            body: BodyPieces::default(),
        }
    }
}

/// All slots of the link.
#[derive(Debug)]
pub(crate) struct Slots(Vec<Slot>);

impl Slots {
    pub(crate) fn new(count: u32) -> Self {
        Self((0..count).map(|_| Slot::free()).collect())
    }

    /// The begun request of this name, if it is not over.
    pub(crate) fn find(&mut self, id: SlotId) -> Option<&mut Slot> {
        self.0
            .get_mut(id.index as usize)
            .filter(|slot| slot.generation == Some(id.generation))
    }

    /// Begins a request.
    pub(crate) fn open(&mut self, id: SlotId, window: u64, began: u64) {
        if let Some(slot) = self.0.get_mut(id.index as usize) {
            slot.generation = Some(id.generation);
            slot.cancelled = false;
            slot.window = window;
            slot.began = began;
        }
    }

    /// Ends a request; whether it was not over already.
    pub(crate) fn close(&mut self, id: SlotId) -> bool {
        let Some(slot) = self.find(id) else {
            return false;
        };
        slot.generation = None;
        slot.body.clear();
        true
    }

    /// Gives up every request: the server is gone.
    pub(crate) fn cancel_all(&mut self) {
        for slot in &mut self.0 {
            slot.cancelled = true;
        }
    }
}

/// The pieces of a streaming body that have come and that the app has not read.
#[derive(Debug, Default)]
pub(crate) struct BodyPieces {
    pieces: VecDeque<Vec<u8>>,
    /// How much of the first piece has been read.
    read: usize,
    buffered: u64,
    /// Asked for and not come yet.
    outstanding: u64,
    /// The last piece has come.
    ended: bool,
    /// …and it was not the real end.
    cut: bool,
}

impl BodyPieces {
    fn clear(&mut self) {
        if self.outstanding > 0 || self.ended || !self.pieces.is_empty() {
            *self = Self::default();
        }
    }

    /// A piece has come. It goes straight to the waiting reader, as far as that one wants it and
    /// nothing comes before it; the rest is kept.
    pub(crate) fn arrived(&mut self, mut bytes: &[u8], reader: Option<&mut Reader<'_>>) {
        self.outstanding = self.outstanding.saturating_sub(bytes.len() as u64);
        if let Some(reader) = reader.filter(|_| self.buffered == 0) {
            let (now, later) = bytes.split_at(bytes.len().min(reader.wanted()));
            reader.out.extend_from_slice(now);
            bytes = later;
        }
        if !bytes.is_empty() {
            self.buffered += bytes.len() as u64;
            self.pieces.push_back(bytes.to_vec());
        }
    }

    /// The body is complete, or (`cut`) will never be.
    pub(crate) fn finished(&mut self, cut: bool) {
        self.ended = true;
        self.cut = cut;
    }

    /// Gives the reader what is buffered, as far as it wants it.
    pub(crate) fn read_into(&mut self, reader: &mut Reader<'_>) {
        while let Some(first) = self.pieces.front() {
            let rest = &first[self.read..];
            let now = rest.len().min(reader.wanted());
            reader.out.extend_from_slice(&rest[..now]);
            self.buffered -= now as u64;
            if now < rest.len() {
                self.read += now;
                return;
            }
            self.pieces.pop_front();
            self.read = 0;
        }
    }

    /// Where the body stands for a reader that has taken all it could.
    pub(crate) fn state(&self) -> BodyState {
        match (self.ended && self.buffered == 0, self.cut) {
            (false, _) => BodyState::More,
            (true, false) => BodyState::End,
            (true, true) => BodyState::Cut,
        }
    }

    /// How many more bytes to ask the server for now, if any; they count as asked for.
    pub(crate) fn ask(&mut self) -> Option<u64> {
        let free = BODY_WINDOW.saturating_sub(self.outstanding + self.buffered);
        (!self.ended && free >= BODY_STEP).then(|| {
            self.outstanding += free;
            free
        })
    }

    /// The server could not be asked after all.
    pub(crate) fn unask(&mut self, bytes: u64) {
        self.outstanding -= bytes;
    }
}

/// Where a body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyState {
    /// More may come.
    More,
    /// It is complete and read.
    End,
    /// It broke off.
    Cut,
}

/// Somebody who waits for a body: where the bytes go, and how long it may get.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    /// Whose body.
    pub(crate) slot: SlotId,
    /// Where the bytes go.
    pub(crate) out: &'a mut Vec<u8>,
    /// `out` may grow to this length.
    pub(crate) limit: usize,
}

impl Reader<'_> {
    fn wanted(&self) -> usize {
        self.limit.saturating_sub(self.out.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SlotId = SlotId {
        index: 0,
        generation: 1,
    };

    #[test]
    fn pieces_come_out_in_order_in_any_size() {
        let mut body = BodyPieces::default();
        assert_eq!(body.ask(), Some(BODY_WINDOW));
        assert_eq!(
            body.ask(),
            None,
            "nothing is free before something has come"
        );
        body.arrived(b"abc", None);
        body.arrived(b"defg", None);
        let mut out = Vec::new();
        body.read_into(&mut Reader {
            slot: ID,
            out: &mut out,
            limit: 5,
        });
        assert_eq!(out, b"abcde");
        let mut reader = Reader {
            slot: ID,
            out: &mut out,
            limit: 100,
        };
        body.arrived(b"hi", Some(&mut reader));
        body.read_into(&mut reader);
        body.arrived(b"jk", Some(&mut reader));
        assert_eq!(out, b"abcdefghijk");
        assert_eq!(body.state(), BodyState::More);
        body.finished(false);
        assert_eq!(body.state(), BodyState::End);
        assert_eq!(body.ask(), None);
    }

    #[test]
    fn no_more_is_asked_for_than_the_window() {
        let mut body = BodyPieces::default();
        let mut asked = body.ask().unwrap();
        let mut out = Vec::new();
        for _ in 0..100 {
            body.arrived(&[0; 16 * 1024], None);
            out.clear();
            body.read_into(&mut Reader {
                slot: ID,
                out: &mut out,
                limit: 16 * 1024,
            });
            asked += body.ask().unwrap_or(0);
        }
        assert!(asked <= 100 * 16 * 1024 + BODY_WINDOW);
        assert!(asked >= 100 * 16 * 1024);
    }
}
