//! Frames: what travels in the rings.
//!
//! A frame is a 24-byte head, then the payload, then padding to a multiple of 8. All numbers are in
//! the machine's own byte order (both ends run on one machine).
//!
//! ```text
//! 0  u32 length of the payload      8  u32 slot index       16 u64 value (its meaning is the kind's)
//! 4  u8 kind   5 u8 flags   6 u16 0 12 u32 slot generation
//! ```

use crate::slot::SlotId;
use os::SharedBytes;

/// Length of a frame's head in bytes.
pub(crate) const HEAD: usize = 24;
/// Flag: nothing more follows for this slot in this direction.
pub const END: u8 = 1;
/// The value of a [`Kind::Drain`] that only tells that the server is about to stop.
pub const LAST_CALL: u64 = 1;

/// What a frame says. The first group goes to the worker, the second to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A request: head, and body if it is small. Layout: `wire::payload`.
    Request = 1,
    /// A piece of a request body; with [`END`] the last one. `value` 1 with END: the body was cut
    /// short (the client went away or broke the protocol).
    Body = 2,
    /// The server can take `value` more bytes of this answer.
    Room = 3,
    /// The client is gone (`value` 0) or the deadline has passed (`value` 1): give up.
    Cancel = 4,
    /// Please answer with [`Kind::Pong`]: does your loop still turn?
    Ping = 5,
    /// Finish what you have, take nothing more, leave. `value` [`LAST_CALL`]: not yet, but your
    /// requests have no more time than that.
    Drain = 6,
    /// A message for the worker as a whole (timer, signal, …).
    Notice = 7,
    /// Nothing, in either direction: the rest of the ring is left out (readers never hand it on).
    Skip = 8,

    /// The head of an answer, with the first bytes of its body. Layout: `wire::answer`. With [`END`]
    /// it is the whole answer. `value`: microseconds the app took.
    Start = 32,
    /// A piece of an answer's body; with [`END`] the last one, and `value` as in `Start`.
    Data = 33,
    /// The next piece of the answer is a file whose descriptor waits in the control socket: `value`
    /// is the offset, the payload is the length (u64).
    File = 34,
    /// The app wants `value` more bytes of the request body.
    Want = 35,
    /// The app failed: the payload is the traceback. With [`END`] the answer is over (500 if no
    /// head was sent, else cut off); without, only for the log.
    Error = 36,
    /// The worker serves from now on.
    Ready = 37,
    /// The answer to a ping; `value` as in the ping.
    Pong = 38,
}

impl Kind {
    /// The kind with this number.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Request,
            2 => Self::Body,
            3 => Self::Room,
            4 => Self::Cancel,
            5 => Self::Ping,
            6 => Self::Drain,
            7 => Self::Notice,
            8 => Self::Skip,
            32 => Self::Start,
            33 => Self::Data,
            34 => Self::File,
            35 => Self::Want,
            36 => Self::Error,
            37 => Self::Ready,
            38 => Self::Pong,
            _ => return None,
        })
    }
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// What it says.
    pub kind: Kind,
    /// [`END`] or 0.
    pub flags: u8,
    /// Whom it concerns; slot 0 of generation 0 for the worker as a whole.
    pub slot: SlotId,
    /// A number whose meaning the kind gives.
    pub value: u64,
}

impl FrameHead {
    /// A frame without flags or value.
    pub fn new(kind: Kind, slot: SlotId) -> Self {
        Self {
            kind,
            flags: 0,
            slot,
            value: 0,
        }
    }

    /// The same as the last one of its direction.
    #[must_use]
    pub fn end(self) -> Self {
        Self {
            flags: self.flags | END,
            ..self
        }
    }

    /// The same with a number.
    #[must_use]
    pub fn value(self, value: u64) -> Self {
        Self { value, ..self }
    }

    /// Whether nothing more follows.
    pub fn is_end(&self) -> bool {
        self.flags & END != 0
    }

    pub(crate) fn to_bytes(self, length: u32) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[0..4].copy_from_slice(&length.to_ne_bytes());
        bytes[4] = self.kind as u8;
        bytes[5] = self.flags;
        bytes[8..12].copy_from_slice(&self.slot.index.to_ne_bytes());
        bytes[12..16].copy_from_slice(&self.slot.generation.to_ne_bytes());
        bytes[16..24].copy_from_slice(&self.value.to_ne_bytes());
        bytes
    }

    /// The head and the payload's length; None if the kind is unknown.
    pub(crate) fn from_bytes(bytes: [u8; HEAD]) -> Option<(Self, u32)> {
        let u32_at = |at: usize| {
            u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let mut value = [0; 8];
        value.copy_from_slice(&bytes[16..24]);
        let head = Self {
            kind: Kind::from_number(bytes[4])?,
            flags: bytes[5],
            slot: SlotId {
                index: u32_at(8),
                generation: u32_at(12),
            },
            value: u64::from_ne_bytes(value),
        };
        Some((head, u32_at(0)))
    }
}

/// The bytes a frame with this payload takes in a ring.
pub(crate) fn span(payload: usize) -> usize {
    (HEAD + payload).next_multiple_of(8)
}

/// A received frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// What it says and of whom.
    pub head: FrameHead,
    /// What it carries.
    pub payload: SharedBytes<'a>,
}
