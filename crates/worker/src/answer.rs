//! How far an answer is: the table of what the app may do when, without Python and without I/O.
//!
//! ```text
//!   Silent ── start_response ──▶ Headed ── first bytes, or the end ──▶ Sending ── the end ──▶ Over
//!      │                           │ ▲                                    │
//!      │                           └─┘ start_response with exc_info       │
//!      └────────────────────── failure (500 page, or cut off) ────────────┴──────────────────▶ Over
//! ```

use wire::answer;

/// Where an answer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// `start_response` was not called.
    Silent,
    /// The head is known and not sent: the app may still replace it.
    Headed,
    /// The head is sent.
    Sending,
    /// The last frame is sent.
    Over,
}

/// What an answer's head says, besides its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// The status code.
    pub(crate) status: u16,
    /// Length of the reason phrase at the beginning of the bytes.
    pub(crate) reason_len: u16,
    /// `Content-Length`, if the app gave one.
    pub(crate) length: Option<u64>,
}

/// An answer in the making.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) phase: Phase,
    pub(crate) head: Head,
    /// Reason and fields.
    pub(crate) block: Vec<u8>,
    /// Bytes of the body so far.
    pub(crate) sent: u64,
    /// The method was HEAD.
    pub(crate) is_head: bool,
    /// Bytes that the app gave when the answer was over.
    pub(crate) surplus: usize,
    /// Which of the worker's apps answers, for the log.
    pub(crate) app: u16,
    /// A thread is sending a part; another one must not send at the same time.
    pub(crate) busy: bool,
}

/// What to do with some bytes of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// So many of them are sent.
    pub(crate) count: usize,
    /// The head goes before them.
    pub(crate) with_head: bool,
    /// The answer is over after them.
    pub(crate) end: bool,
    /// So many more have no place in the answer.
    pub(crate) surplus: usize,
}

impl Answer {
    /// An answer that was not begun; `block` lends its memory.
    pub(crate) fn new(is_head: bool, block: Vec<u8>) -> Self {
        Self {
            phase: Phase::Silent,
            head: Head::default(),
            block,
            sent: 0,
            is_head,
            surplus: 0,
            app: 0,
            busy: false,
        }
    }

    /// Whether the answer has no body, whatever the app gives.
    pub(crate) fn is_bodiless(&self) -> bool {
        self.is_head || matches!(self.head.status, 204 | 304)
    }

    /// The app gives `length` bytes; `last` when it is known that there will be no more.
    pub(crate) fn step(&self, length: usize, last: bool) -> Step {
        let with_head = self.phase == Phase::Headed;
        if self.is_bodiless() {
            // Nothing of it is sent; the head goes when the first bytes would have gone.
            return Step {
                count: 0,
                with_head,
                end: true,
                surplus: 0,
            };
        }
        let room = self
            .head
            .length
            .map(|all| usize::try_from(all - self.sent).unwrap_or(usize::MAX));
        let count = room.map_or(length, |room| room.min(length));
        Step {
            count,
            with_head,
            end: last || room == Some(count),
            surplus: length - count,
        }
    }

    /// How many announced bytes are missing, when no more will come.
    pub(crate) fn missing(&self, to_come: usize) -> Option<u64> {
        let all = self.head.length.filter(|_| !self.is_bodiless())?;
        let given = self.sent + to_come as u64;
        (given < all).then(|| all - given)
    }

    /// A step was done.
    pub(crate) fn done(&mut self, step: Step) {
        self.sent += step.count as u64;
        self.phase = if step.end {
            Phase::Over
        } else {
            Phase::Sending
        };
    }

    /// The fixed part of the head.
    pub(crate) fn fixed(&self) -> [u8; answer::FIXED] {
        let fields = self.block.len() - self.head.reason_len as usize;
        answer::fixed(
            self.head.status,
            self.head.reason_len,
            fields as u32,
            self.app,
        )
    }

    /// Adds the length of the body to the head, if the app has not given it.
    pub(crate) fn announce_length(&mut self, length: u64) {
        if self.head.length.is_none() && !self.is_bodiless() {
            self.head.length = Some(length);
            self.block
                .extend_from_slice(format!("Content-Length: {length}\r\n").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headed(status: u16, length: Option<u64>, is_head: bool) -> Answer {
        let mut answer = Answer::new(is_head, Vec::new());
        answer.head = Head {
            status,
            reason_len: 0,
            length,
        };
        answer.phase = Phase::Headed;
        answer
    }

    #[test]
    fn the_announced_length_ends_the_answer() {
        let mut answer = headed(200, Some(5), false);
        let step = answer.step(3, false);
        assert_eq!(
            step,
            Step {
                count: 3,
                with_head: true,
                end: false,
                surplus: 0
            }
        );
        answer.done(step);
        assert_eq!(answer.missing(0), Some(2));
        let step = answer.step(3, false);
        assert_eq!(
            step,
            Step {
                count: 2,
                with_head: false,
                end: true,
                surplus: 1
            }
        );
        answer.done(step);
        assert_eq!((answer.phase, answer.missing(0)), (Phase::Over, None));
    }

    #[test]
    fn without_a_length_only_the_app_ends_it() {
        let mut answer = headed(200, None, false);
        let step = answer.step(3, false);
        assert!(!step.end);
        answer.done(step);
        assert!(answer.step(0, true).end);
    }

    #[test]
    fn bodies_that_may_not_be_are_not_sent() {
        for answer in [
            headed(204, None, false),
            headed(304, Some(9), false),
            headed(200, Some(9), true),
        ] {
            assert_eq!(
                answer.step(9, false),
                Step {
                    count: 0,
                    with_head: true,
                    end: true,
                    surplus: 0
                }
            );
            assert_eq!(answer.missing(0), None);
        }
    }

    #[test]
    fn an_added_length_is_announced_once() {
        let mut answer = headed(200, None, false);
        answer.announce_length(12);
        answer.announce_length(13);
        assert_eq!(answer.block, b"Content-Length: 12\r\n");
        assert_eq!(answer.fixed(), answer::fixed(200, 0, 20, 0));
    }
}
