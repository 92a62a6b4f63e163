//! Slots: where a request stands between the server and the worker.
//!
//! ```text
//!            server                 worker                server
//!   Free ──── queue ────▶ Queued ──── take ────▶ Taken ──── (End frame) ──▶ Free
//!                            │
//!                            └─ revoke (server) ─▶ Revoked: the worker skips the frame
//! ```
//!
//! The word in shared memory is `generation << 8 | state`. The generation grows each time a slot is
//! used, so a frame of an earlier use can neither be taken nor answered. Both moves out of `Queued`
//! are compare-and-swap: exactly one side wins, and so the server may safely take back what the
//! worker has not begun, for an idle worker or after a death.

use std::sync::atomic::{AtomicU64, Ordering};

/// Names one use of one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlotId {
    /// The place in the table.
    pub index: u32,
    /// Which use of the place.
    pub generation: u32,
}

const QUEUED: u64 = 1;
const TAKEN: u64 = 2;
const REVOKED: u64 = 3;

fn word(id: SlotId, state: u64) -> u64 {
    u64::from(id.generation) << 8 | state
}

/// Server: announces a request before its frame is published.
pub(crate) fn queue(cell: &AtomicU64, id: SlotId) {
    cell.store(word(id, QUEUED), Ordering::Release);
}

/// Server: takes a request back if the worker has not begun it.
pub(crate) fn revoke(cell: &AtomicU64, id: SlotId) -> bool {
    cell.compare_exchange(
        word(id, QUEUED),
        word(id, REVOKED),
        Ordering::AcqRel,
        Ordering::Acquire,
    )
    .is_ok()
}

/// Server: whether the worker has not begun the request yet. What a worker wrote is only a hint.
pub(crate) fn is_queued(cell: &AtomicU64, id: SlotId) -> bool {
    cell.load(Ordering::Acquire) == word(id, QUEUED)
}

/// Worker: begins a request; false when the server has taken it back.
pub(crate) fn take(cell: &AtomicU64, id: SlotId) -> bool {
    cell.compare_exchange(
        word(id, QUEUED),
        word(id, TAKEN),
        Ordering::AcqRel,
        Ordering::Acquire,
    )
    .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_side_wins() {
        let cell = AtomicU64::new(0);
        let id = SlotId {
            index: 0,
            generation: 7,
        };
        queue(&cell, id);
        assert!(is_queued(&cell, id));
        assert!(take(&cell, id));
        assert!(!revoke(&cell, id));
        queue(
            &cell,
            SlotId {
                generation: 8,
                ..id
            },
        );
        assert!(!take(&cell, id), "a frame of an earlier use is dead");
        assert!(revoke(
            &cell,
            SlotId {
                generation: 8,
                ..id
            }
        ));
        assert!(!take(
            &cell,
            SlotId {
                generation: 8,
                ..id
            }
        ));
    }
}
