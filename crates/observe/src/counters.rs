//! The totals of a server's life: what the stop report and the statistics are made of.
//!
//! The network thread adds, anybody reads. Each number is exact by itself; a reader may see one
//! request counted in one of them and not yet in the next.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::record::RequestRecord;

/// The running totals; shared by reference or in an `Arc`.
#[derive(Debug)]
pub struct Counters {
    finished: AtomicU64,
    dropped: AtomicU64,
    killed: AtomicU64,
    by_class: [AtomicU64; 6],
    request_bytes: AtomicU64,
    response_bytes: AtomicU64,
    connections: AtomicU64,
    active: AtomicU64,
    workers: Box<[AtomicU64]>,
}

/// All totals at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests answered to the end, whoever answered.
    pub finished: u64,
    /// Requests that got no full answer from the app: turned away, or left without a worker.
    pub dropped: u64,
    /// Requests ended by the server: deadline passed, worker dead.
    pub killed: u64,
    /// Answers by the first digit of their status, 1 to 5; at 0 those that had none.
    pub by_class: [u64; 6],
    /// Bytes of request bodies.
    pub request_bytes: u64,
    /// Bytes of responses, heads included.
    pub response_bytes: u64,
    /// Connections ever accepted.
    pub connections: u64,
    /// Connections open now.
    pub active_connections: u64,
    /// Requests per worker slot; slot 1 comes first.
    pub worker_requests: Vec<u64>,
}

impl Counters {
    /// Totals for so many worker slots, all at zero.
    pub fn new(workers: usize) -> Counters {
        let zero = || AtomicU64::new(0);
        Counters {
            finished: zero(),
            dropped: zero(),
            killed: zero(),
            by_class: std::array::from_fn(|_| zero()),
            request_bytes: zero(),
            response_bytes: zero(),
            connections: zero(),
            active: zero(),
            workers: (0..workers).map(|_| zero()).collect(),
        }
    }

    /// A request was answered; returns the how-manieth of the server it was.
    pub fn request_finished(&self, record: &RequestRecord<'_>) -> u64 {
        let class = match record.status {
            status @ 100..600 => status / 100,
            _ => 0,
        };
        self.by_class[usize::from(class)].fetch_add(1, Relaxed);
        if record.request_body_bytes > 0 {
            self.request_bytes
                .fetch_add(record.request_body_bytes, Relaxed);
        }
        let sent = record.body_bytes + u64::from(record.header_bytes);
        self.response_bytes.fetch_add(sent, Relaxed);
        let slot = (record.worker as usize)
            .checked_sub(1)
            .and_then(|slot| self.workers.get(slot));
        if let Some(slot) = slot {
            slot.fetch_add(1, Relaxed);
        }
        self.finished.fetch_add(1, Relaxed) + 1
    }

    /// A request was turned away, or lost before a worker had begun with it.
    pub fn request_dropped(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    /// A running request was ended by the server, or with its worker.
    pub fn request_killed(&self) {
        self.killed.fetch_add(1, Relaxed);
    }

    /// A connection was accepted.
    pub fn connection_opened(&self) {
        self.connections.fetch_add(1, Relaxed);
        self.active.fetch_add(1, Relaxed);
    }

    /// An accepted connection is gone.
    pub fn connection_closed(&self) {
        self.active.fetch_sub(1, Relaxed);
    }

    /// Requests answered so far.
    pub fn finished(&self) -> u64 {
        self.finished.load(Relaxed)
    }

    /// All totals now.
    pub fn totals(&self) -> Totals {
        Totals {
            finished: self.finished.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            killed: self.killed.load(Relaxed),
            by_class: std::array::from_fn(|class| self.by_class[class].load(Relaxed)),
            request_bytes: self.request_bytes.load(Relaxed),
            response_bytes: self.response_bytes.load(Relaxed),
            connections: self.connections.load(Relaxed),
            active_connections: self.active.load(Relaxed),
            worker_requests: self.workers.iter().map(|slot| slot.load(Relaxed)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_class_worker_and_size() {
        let counters = Counters::new(2);
        for (status, worker) in [(200, 1), (204, 2), (404, 2), (502, 0), (0, 1), (999, 7)] {
            counters.request_finished(&RequestRecord {
                status,
                worker,
                body_bytes: 100,
                header_bytes: 11,
                request_body_bytes: 7,
                ..RequestRecord::default()
            });
        }
        let totals = counters.totals();
        assert_eq!(totals.finished, 6);
        assert_eq!(totals.by_class, [2, 0, 2, 0, 1, 1]);
        assert_eq!(totals.worker_requests, [2, 2]);
        assert_eq!(totals.response_bytes, 666);
        assert_eq!(totals.request_bytes, 42);
    }

    #[test]
    fn the_count_returned_is_the_requests_own() {
        let counters = Counters::new(0);
        assert_eq!(counters.request_finished(&RequestRecord::default()), 1);
        assert_eq!(counters.request_finished(&RequestRecord::default()), 2);
        assert_eq!(counters.finished(), 2);
    }

    #[test]
    fn connections_come_and_go() {
        let counters = Counters::new(1);
        counters.connection_opened();
        counters.connection_opened();
        counters.connection_closed();
        counters.request_dropped();
        counters.request_killed();
        counters.request_killed();
        let totals = counters.totals();
        assert_eq!((totals.connections, totals.active_connections), (2, 1));
        assert_eq!((totals.dropped, totals.killed), (1, 2));
    }
}
