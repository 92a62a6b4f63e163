//! What the worker knows of each request that it has begun: is it still wanted, how much of the answer
//! may be sent, which pieces of the body have come.

use std::collections::VecDeque;

use link::SlotId;

use crate::kernel::Filling;

/// How much of a streaming body is asked for and buffered at a time.
const BODY_WINDOW: u64 = 512 * 1024;
/// The same for an app that wants more at once: it pays for the memory, and is asked for less often.
const LARGEST_BODY_WINDOW: u64 = 4 * 1024 * 1024;

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

    /// When the youngest request was begun that is not over.
    pub(crate) fn last_begun(&self) -> u64 {
        let open = self.0.iter().filter(|slot| slot.generation.is_some());
        open.map(|slot| slot.began).max().unwrap_or(0)
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
    pub(crate) fn arrived(&mut self, mut bytes: &[u8], reader: Option<&mut Reader<'_, '_>>) {
        self.outstanding = self.outstanding.saturating_sub(bytes.len() as u64);
        if let Some(reader) = reader.filter(|_| self.buffered == 0) {
            let (now, later) = bytes.split_at(bytes.len().min(reader.wanted()));
            reader.push(now);
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
    pub(crate) fn read_into(&mut self, reader: &mut Reader<'_, '_>) {
        while let Some(first) = self.pieces.front() {
            let rest = &first[self.read..];
            let now = rest.len().min(reader.wanted());
            reader.push(&rest[..now]);
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

    /// How many more bytes to ask the server for now, if any, when the reader wants so many; they count
    /// as asked for. It is asked when half of the window is free.
    pub(crate) fn ask(&mut self, wanted: usize) -> Option<u64> {
        let window = (wanted as u64).clamp(BODY_WINDOW, LARGEST_BODY_WINDOW);
        let free = window.saturating_sub(self.outstanding + self.buffered);
        (!self.ended && free >= window / 2).then(|| {
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

/// Somebody who waits for a body: where the bytes go, and how many may.
#[derive(Debug)]
pub(crate) struct Reader<'a, 'memory> {
    /// Whose body.
    pub(crate) slot: SlotId,
    place: Place<'a, 'memory>,
    /// So many bytes have come.
    pub(crate) length: usize,
    limit: usize,
}

/// Where the bytes of a body go.
#[derive(Debug)]
enum Place<'a, 'memory> {
    /// Behind those that are there.
    Growing(&'a mut Vec<u8>),
    /// Into memory of the right size.
    Fixed(&'a mut Filling<'memory>),
}

impl<'a, 'memory> Reader<'a, 'memory> {
    /// Appends at most `limit` bytes to `out`.
    pub(crate) fn growing(slot: SlotId, out: &'a mut Vec<u8>, limit: usize) -> Self {
        Self {
            slot,
            place: Place::Growing(out),
            length: 0,
            limit,
        }
    }

    /// Fills `out`.
    pub(crate) fn filling(slot: SlotId, out: &'a mut Filling<'memory>) -> Self {
        Self {
            slot,
            limit: out.room(),
            place: Place::Fixed(out),
            length: 0,
        }
    }

    /// How many more bytes may come.
    pub(crate) fn wanted(&self) -> usize {
        self.limit - self.length
    }

    /// Takes bytes, at most as many as are wanted.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        match &mut self.place {
            Place::Growing(out) => out.extend_from_slice(bytes),
            Place::Fixed(out) => out.push(bytes),
        }
        self.length += bytes.len();
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
        assert_eq!(body.ask(1), Some(BODY_WINDOW));
        assert_eq!(
            body.ask(1),
            None,
            "nothing is free before something has come"
        );
        body.arrived(b"abc", None);
        body.arrived(b"defg", None);
        let mut memory = [std::mem::MaybeUninit::uninit(); 11];
        let (first, second) = memory.split_at_mut(5);
        let (mut first, mut second) = (Filling::new(first), Filling::new(second));
        let mut reader = Reader::filling(ID, &mut first);
        body.read_into(&mut reader);
        assert_eq!((reader.length, reader.wanted()), (5, 0));
        let mut reader = Reader::filling(ID, &mut second);
        body.arrived(b"hi", Some(&mut reader));
        body.read_into(&mut reader);
        body.arrived(b"jklm", Some(&mut reader));
        assert_eq!(
            (first.filled(), second.filled()),
            (&b"abcde"[..], &b"fghijk"[..])
        );
        assert_eq!(body.state(), BodyState::More);
        body.finished(false);
        assert_eq!(body.state(), BodyState::More, "two bytes are left");
        let mut rest = b">".to_vec();
        body.read_into(&mut Reader::growing(ID, &mut rest, 100));
        assert_eq!(
            (rest.as_slice(), body.state()),
            (&b">lm"[..], BodyState::End)
        );
        assert_eq!(body.ask(1), None);
    }

    #[test]
    fn no_more_is_asked_for_than_the_window() {
        let mut body = BodyPieces::default();
        let mut asked = body.ask(0).unwrap();
        let mut out = Vec::new();
        for _ in 0..100 {
            body.arrived(&[0; 16 * 1024], None);
            out.clear();
            body.read_into(&mut Reader::growing(ID, &mut out, 16 * 1024));
            asked += body.ask(16 * 1024).unwrap_or(0);
        }
        assert!(asked <= 100 * 16 * 1024 + BODY_WINDOW);
        assert!(asked >= 100 * 16 * 1024);
    }

    #[test]
    fn an_app_that_wants_much_is_asked_for_once() {
        let mut body = BodyPieces::default();
        assert_eq!(body.ask(1024 * 1024), Some(1024 * 1024));
        assert_eq!(body.ask(1024 * 1024 - 1), None);
        assert_eq!(
            BodyPieces::default().ask(usize::MAX),
            Some(LARGEST_BODY_WINDOW)
        );
    }
}
