//! A store of memory for greenlets.
//!
//! Since CPython 3.11 every greenlet has a stack of its own for Python frames, whose first 16 KiB come
//! from the interpreter's arena allocator: a system call and page faults at the beginning of each
//! request, and another system call at its end. That costs more than all else about a greenlet. So the
//! blocks of this size are kept here and used again.
//!
//! After a spike the store gives back what is not needed: of the blocks that were never taken since the
//! last look, half.

use std::sync::{Mutex, MutexGuard, TryLockError};

/// The size of CPython's blocks for frames (`DATA_STACK_CHUNK_SIZE`).
pub(crate) const CHUNK: usize = 16 * 1024;

/// Kept blocks, by address.
#[derive(Debug)]
pub(crate) struct Chunks(Mutex<Store>);

#[derive(Debug)]
struct Store {
    free: Vec<usize>,
    limit: usize,
    /// The fewest that there were since the last look.
    fewest: usize,
}

impl Chunks {
    /// A store that keeps nothing.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Store {
            free: Vec::new(),
            limit: 0,
            fewest: 0,
        }))
    }

    /// From now on up to so many are kept. Memory for the list is taken here, not when blocks come.
    pub(crate) fn set_limit(&self, limit: usize) {
        if let Some(mut store) = self.store() {
            let more = limit.saturating_sub(store.free.len());
            store.free.reserve_exact(more);
            store.limit = limit;
        }
    }

    /// A kept block.
    pub(crate) fn take(&self) -> Option<usize> {
        let mut store = self.store()?;
        let block = store.free.pop();
        store.fewest = store.fewest.min(store.free.len());
        block
    }

    /// Keeps a block; false: it is to be freed.
    pub(crate) fn keep(&self, block: usize) -> bool {
        let Some(mut store) = self.store() else {
            return false;
        };
        let kept = store.free.len() < store.limit;
        if kept {
            store.free.push(block);
        }
        kept
    }

    /// The blocks that are not needed any more.
    pub(crate) fn surplus(&self) -> Vec<usize> {
        let Some(mut store) = self.store() else {
            return Vec::new();
        };
        let surplus = store.fewest.div_ceil(2);
        store.fewest = store.free.len() - surplus;
        // The oldest: those at the end are the warmest.
        store.free.drain(..surplus).collect()
    }

    /// Whether none is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.store().is_none_or(|store| store.free.is_empty())
    }

    /// Never waits: blocks come and go under the GIL, and in a process that was forked while somebody
    /// held the lock the store is simply of no use.
    fn store(&self) -> Option<MutexGuard<'_, Store>> {
        match self.0.try_lock() {
            Ok(store) => Some(store),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_kept_up_to_the_limit_and_used_again() {
        let chunks = Chunks::new();
        assert!(!chunks.keep(1), "no limit was set");
        chunks.set_limit(2);
        assert!(chunks.keep(1) && chunks.keep(2));
        assert!(!chunks.keep(3));
        assert_eq!(chunks.take(), Some(2), "the warmest first");
        assert_eq!((chunks.take(), chunks.take()), (Some(1), None));
    }

    #[test]
    fn what_was_not_needed_for_a_while_is_given_back() {
        let chunks = Chunks::new();
        chunks.set_limit(100);
        for block in 0..8 {
            chunks.keep(block);
        }
        assert!(chunks.surplus().is_empty(), "they have only just come");
        let block = chunks.take().unwrap();
        chunks.keep(block);
        assert_eq!(
            chunks.surplus(),
            [0, 1, 2, 3],
            "half of the seven that lay there"
        );
        assert_eq!(chunks.surplus(), [4, 5]);
        assert_eq!(chunks.surplus(), [6]);
        assert_eq!(chunks.surplus(), [7]);
        assert!(chunks.surplus().is_empty() && chunks.is_empty());
    }
}
